//! What is journaled. The state of the core is the sum of these: `Core::apply` is the only thing that changes it,
//! live and in recovery alike, so that what a restart rebuilds can't differ from what ran.

use std::sync::Arc;

use bytes::Bytes;

use crate::ids::{
    Attempt, Generation, JobKey, Lane, LeaseKey, Millis, Ordinal, SweepId, Term, TurnIndex, WorkerId,
};
use crate::outcome::{FailureClass, Outcome};
use crate::quota::{Budget, CallId, Hold, Purse, Quota, Span, Spend};
use crate::usage::Usage;

/// One record of the journal, in the order in which they happened. Turns and facts go to separate streams.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A change of the core's state.
    Fact(Fact),
    /// A paid answer.
    Turn(TurnRecord),
}

/// A turn as it is stored. The core reads all but the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnRecord {
    /// The lease under which the call was made.
    pub lease: LeaseKey,
    /// The turn's place in the episode. A store chains turns by it: those before it stay.
    pub index: TurnIndex,
    /// What this one call used.
    pub usage: Usage,
    /// The turn, encoded by `muster_episode`.
    pub body: Bytes,
}

/// A change of the core's state.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A coordinator began.
    TermBegan {
        /// Its number.
        term: Term,
    },
    /// A sweep was submitted.
    Submitted {
        /// Its number.
        sweep: SweepId,
        /// All of it.
        spec: Arc<SweepSpec>,
        /// When.
        at: Millis,
    },
    /// A sweep was submitted again with another size, weight, retry policy or document. Nothing is renumbered.
    Amended {
        /// Which.
        sweep: SweepId,
        /// All of it, as it is from now on: content, project, variants and lanes are what they were.
        spec: Arc<SweepSpec>,
    },
    /// A sweep was paused: nothing new is granted, what runs goes on.
    Paused {
        /// Which.
        sweep: SweepId,
    },
    /// A sweep goes on; lanes that had been stopped are open again.
    Resumed {
        /// Which.
        sweep: SweepId,
    },
    /// A sweep was cancelled: all that had not ended is cancelled now, also what was never begun.
    Cancelled {
        /// Which.
        sweep: SweepId,
    },
    /// Failed, quarantined and cancelled jobs of a sweep are open again, under a new generation.
    Reopened {
        /// Which.
        sweep: SweepId,
        /// The new generation's number: one more than the sweep's last.
        generation: Generation,
    },
    /// A lane was stopped because its configuration is wrong.
    LaneStopped {
        /// Which sweep.
        sweep: SweepId,
        /// Which model.
        lane: Lane,
        /// What is wrong, for people.
        reason: Arc<str>,
    },
    /// A job was leased.
    Granted {
        /// The lease.
        lease: LeaseKey,
        /// To whom.
        worker: WorkerId,
    },
    /// A late attempt got its lease back: no newer one had been granted.
    Reinstated {
        /// The lease.
        lease: LeaseKey,
        /// To whom.
        worker: WorkerId,
    },
    /// A lease ended without an outcome.
    Returned {
        /// The lease.
        lease: LeaseKey,
        /// Why.
        cause: ReturnCause,
        /// When the job may be granted again; zero: at once.
        not_before: Millis,
        /// What was used beyond the turns stored (retries, calls that may have been paid in vain).
        usage: Usage,
    },
    /// An attempt could not go on from the turns stored, and began anew: they are dropped from the transcript.
    Restarted {
        /// The lease.
        lease: LeaseKey,
    },
    /// A job ended.
    Ended {
        /// The lease under which it did.
        lease: LeaseKey,
        /// How.
        outcome: Outcome,
        /// Turns in its transcript.
        turns: TurnIndex,
        /// All that the job used in this generation, returned leases included.
        usage: Usage,
        /// When.
        at: Millis,
        /// The episode's own account of its end, encoded by `muster_episode`; or a failure's message (UTF-8).
        detail: Bytes,
    },
    /// Something was used that belongs to no transcript: turns or failures of a fenced attempt.
    Wasted {
        /// For which job.
        job: JobKey,
        /// What.
        usage: Usage,
    },
    /// A scorer's verdict. Kept for readers; the core takes no notice.
    Scored(Arc<ScoreRecord>),
    /// A sweep was removed by `store rm`. Its number is not used again.
    Removed {
        /// Which.
        sweep: SweepId,
    },
    /// A scope's quota was set by hand, or (none) left to the sweeps again.
    Retuned {
        /// Which.
        scope: Scope,
        /// What it is.
        quota: Option<Quota>,
    },
    /// A budget was set, changed or (unbounded) taken away.
    Capped {
        /// Whose.
        purse: Purse,
        /// Over which time.
        span: Span,
        /// How much.
        budget: Budget,
        /// What had been spent of it already by what is known at the time.
        already: Spend,
    },
    /// Calls hold places or money from now on. Durable before they are granted.
    Held {
        /// Which.
        holds: Vec<Hold>,
    },
    /// Calls that held something ended; what each is charged for good.
    Settled {
        /// Whose.
        worker: WorkerId,
        /// Which, and what is charged.
        calls: Vec<(CallId, Spend)>,
        /// When: says which day is charged.
        at: Millis,
    },
    /// So many requests of a scope's day are taken out in advance; what is not used of them by a crash counts as used.
    DayTaken {
        /// Which scope.
        scope: Scope,
        /// Which of the provider's days, counted from the epoch.
        day: u32,
        /// How many.
        requests: u64,
    },
    /// A provider asked for a long silence of a scope.
    Silenced {
        /// Which.
        scope: Scope,
        /// Until when.
        until: Millis,
        /// When: silences that were over by then are forgotten.
        at: Millis,
    },
}

/// Why a lease ended without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReturnCause {
    /// The attempt failed, with this class.
    Failed(FailureClass),
    /// The same, for want of the provider's capacity, while calls of other jobs of its scope were answered: counts towards
    /// the end of a request that fails again and again alone.
    Stalled(FailureClass),
    /// Its time ran out without a word from the worker. Counts towards quarantine if no turn was gained.
    Expired,
    /// The worker came back without it, or it was taken from the worker (its lane was stopped, or it broke the protocol).
    /// Its call in flight may have been paid in vain.
    Disowned,
    /// The worker came back without it and says that it died while its own engine was at work on this job.
    /// Counts towards quarantine if no turn was gained.
    Suspected,
}

/// A sweep as the core knows it: a formula, not rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepSpec {
    /// Hash of what is run (all but seeds, limit and weight): the same file submitted again finds its sweep by it.
    pub content: [u8; 32],
    /// Who it belongs to.
    pub project: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// Its share beside other sweeps of the project, at least 1.
    pub weight: u32,
    /// Variants, over all scenarios: the jobs of one seed of one model. At least 1.
    pub variants: u32,
    /// Repeats of each variant.
    pub seeds: u32,
    /// The most jobs to run, over all lanes: a prefix of (ordinal, lane) order, so that a higher limit contains a lower one.
    pub limit: Option<u64>,
    /// The models.
    pub lanes: Vec<LaneSpec>,
    /// How failures are treated.
    pub retry: RetryPolicy,
    /// What the sweep may spend.
    pub budget: Budget,
    /// What workers need to know of it (`muster_episode::SweepPlan` as JSON). The core never looks inside.
    pub document: Bytes,
}

/// One model of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneSpec {
    /// The model's name, for people.
    pub model: Arc<str>,
    /// What the provider limits: account and model pool. Jobs go only to workers whose hello names the account.
    pub scope: Scope,
    /// What the provider allows of the scope. Of several sweeps that have not ended the newest that states a limit is
    /// believed, unless a person has said.
    pub quota: Quota,
    /// What this model may spend in this sweep.
    pub budget: Budget,
}

/// A scope's name: the account a worker must hold a key for, and the pool of models that share a limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// For example `openai-api/fake`.
    pub account: Arc<str>,
    /// For example the model's name.
    pub pool: Arc<str>,
}

/// Bounds on trying again. The waits are the worker's (within a call) and these (between attempts).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Transient failures of attempts a job survives; one more ends it.
    pub max_strikes: u32,
    /// Deaths of workers without a turn gained that a job survives; one more quarantines it.
    pub max_deaths: u32,
    /// Leases given back for want of capacity, while others of the scope were served, that a job survives; one more ends it.
    pub max_stalls: u32,
    /// First wait after a strike; doubles with each, up to `backoff_max_ms`.
    pub backoff_ms: u64,
    /// The longest wait.
    pub backoff_max_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        // A call already tried for minutes inside the worker; three more attempts, seconds to a minute apart, outlast a
        // provider's short outage and end a hopeless job within a quarter of an hour.
        // A lease is given back so after ten minutes and twelve tries: eight more are at most 108 tries in two hours.
        Self { max_strikes: 3, max_deaths: 2, max_stalls: 8, backoff_ms: 2_000, backoff_max_ms: 60_000 }
    }
}

/// A scorer's verdict on one episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreRecord {
    /// Which job.
    pub job: JobKey,
    /// Which of its generations.
    pub generation: Generation,
    /// The scorer's name.
    pub scorer: Arc<str>,
    /// Its version: another version's scores stand beside these.
    pub version: Arc<str>,
    /// The verdict, as `muster_scoring` encodes it (JSON).
    pub verdict: Bytes,
}

/// How far a job's open state has come; part of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenJob {
    /// Which.
    pub ordinal: Ordinal,
    /// Its generation.
    pub generation: Generation,
    /// The last attempt granted; 0 if none yet.
    pub attempt: Attempt,
    /// Turns stored.
    pub turns: TurnIndex,
    /// Turns stored when the last lease began.
    pub turns_at_grant: TurnIndex,
    /// Transient failures so far.
    pub strikes: u32,
    /// Deaths of workers without a turn gained, since the last turn.
    pub deaths: u32,
    /// Leases given back for want of the provider's capacity since the last turn, while other calls of its scope were
    /// answered: a request that fails again and again alone ends.
    pub stalls: u32,
    /// Whether the last attempt is over by its worker's own word (a failure): a failure said again is a duplicate.
    pub over: bool,
    /// What it used so far.
    pub usage: Usage,
    /// Where it stands.
    pub place: Place,
}

/// Where an open job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Ready to be granted.
    Pending,
    /// Held by a worker.
    Leased(WorkerId),
    /// Waiting until a moment.
    Backoff(Millis),
}
