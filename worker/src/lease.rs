//! A lease's name, as a key.

use muster_proto::v1;

/// The job, its generation and the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lease {
    pub(crate) sweep: u64,
    pub(crate) lane: u32,
    pub(crate) ordinal: u64,
    pub(crate) generation: u32,
    pub(crate) attempt: u32,
}

// === impl Lease ===

impl Lease {
    /// Reads a lease off the wire; none if it names no job.
    pub(crate) fn from_wire(lease: &v1::Lease) -> Option<Self> {
        let job = lease.job.as_ref()?;
        Some(Self {
            sweep: job.sweep,
            lane: job.lane,
            ordinal: job.ordinal,
            generation: lease.generation,
            attempt: lease.attempt,
        })
    }

    /// The job it is for.
    pub(crate) fn job(self) -> v1::Job {
        v1::Job { sweep: self.sweep, lane: self.lane, ordinal: self.ordinal }
    }

    /// As the wire has it.
    pub(crate) fn to_wire(self) -> v1::Lease {
        v1::Lease { job: Some(self.job()), generation: self.generation, attempt: self.attempt }
    }
}

impl std::fmt::Display for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sweep, lane, ordinal, generation, attempt } = self;
        write!(f, "{sweep}/{lane}/{ordinal}.{generation}#{attempt}")
    }
}
