//! The names by which the core knows things. Each is its own type, so that an attempt can't be passed for a
//! generation or a lane for a sweep.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// A sweep's number, dense from 1 in order of submission. Never reused, also not after `rm`.
    SweepId(u64)
}
number! {
    /// The place of a model in its sweep's list, from 0. A lane is one (sweep, model): it has its own counter.
    Lane(u32)
}
number! {
    /// A job's place in its lane, from 0: `seed x variants + permuted variant`. What it stands for is known to
    /// `muster_episode::SweepPlan` alone.
    Ordinal(u64)
}
number! {
    /// How often `retry` has opened a job anew, from 0. One outcome is committed per job and generation.
    Generation(u32)
}
number! {
    /// The fence: the number of a job's lease within its generation, from 1. A higher one was granted later, and
    /// nothing from a lower one is ever mixed in.
    Attempt(u32)
}
number! {
    /// The place of a turn in its episode, from 0.
    TurnIndex(u32)
}
number! {
    /// A coordinator's term: one higher with every start. Workers refuse older ones.
    Term(u64)
}
number! {
    /// One connection of a worker, numbered by the driver. Not journaled.
    SessionId(u64)
}
number! {
    /// A worker across its connections and restarts: a random number kept in its spool folder.
    WorkerId(u64)
}
number! {
    /// A moment, in milliseconds since the Unix epoch, as the driver states it. It never runs backwards within
    /// a process; between processes it may, so nothing but delays is decided by it.
    Millis(u64)
}

impl Millis {
    /// The moment `ms` milliseconds later.
    #[must_use]
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// Which job: one (sweep, model, ordinal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    /// The sweep.
    pub sweep: SweepId,
    /// The model, by its place in the sweep.
    pub lane: Lane,
    /// The job, by its place in the lane.
    pub ordinal: Ordinal,
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.sweep, self.lane, self.ordinal)
    }
}

/// A lease's name: the job, its generation and the fencing number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseKey {
    /// The job.
    pub job: JobKey,
    /// The job's generation.
    pub generation: Generation,
    /// The lease's number in it.
    pub attempt: Attempt,
}

impl fmt::Display for LeaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}#{}", self.job, self.generation, self.attempt)
    }
}
