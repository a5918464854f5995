//! What happens to the core.

use std::sync::Arc;

use bytes::Bytes;

use crate::fact::{Scope, ScoreRecord, SweepSpec};
use crate::ids::{JobKey, LeaseKey, SessionId, SweepId, TurnIndex, WorkerId};
use crate::outcome::{FailureClass, Outcome};
use crate::usage::Usage;

/// Names a request, so that its answer finds the one who asked. Drawn by the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// One event. The driver alone makes these.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A user asks for something.
    Control(Ticket, Control),
    /// A worker connected (again). Replaces an earlier session of the same worker.
    Hello {
        /// The new connection.
        session: SessionId,
        /// Whose it is.
        worker: WorkerId,
        /// The accounts it holds keys for.
        accounts: Vec<Arc<str>>,
        /// The leases it still runs.
        held: Vec<LeaseKey>,
        /// Jobs on which its own engine was at work when the last process of this worker died.
        suspects: Vec<JobKey>,
    },
    /// A worker can take so many more jobs.
    Want {
        /// Whose.
        session: SessionId,
        /// How many, on top of what it asked for before.
        credits: u32,
    },
    /// A worker is alive: all its leases are good for another `lease_ttl_ms`.
    Beat {
        /// Whose.
        session: SessionId,
    },
    /// A call was answered.
    Turn {
        /// By whom.
        session: SessionId,
        /// Under which lease.
        lease: LeaseKey,
        /// Its place in the episode.
        index: TurnIndex,
        /// What the call used.
        usage: Usage,
        /// The turn.
        body: Bytes,
    },
    /// The attempt can't go on from the turns stored and begins anew.
    Restart {
        /// By whom.
        session: SessionId,
        /// Under which lease.
        lease: LeaseKey,
    },
    /// An episode ended with a result.
    Outcome {
        /// By whom.
        session: SessionId,
        /// Under which lease.
        lease: LeaseKey,
        /// How: `Completed`, `Limit` or `Refused`; others are refused as a protocol error.
        outcome: Outcome,
        /// Turns in the transcript.
        turns: TurnIndex,
        /// The episode's account of its end.
        detail: Bytes,
    },
    /// An attempt failed. With `Preempted` the worker is on its way out: its credits lapse, or it would be granted
    /// what it has just given back.
    Failure {
        /// By whom.
        session: SessionId,
        /// Under which lease.
        lease: LeaseKey,
        /// What kind.
        class: FailureClass,
        /// What was used since the last turn.
        usage: Usage,
        /// How long the provider asked to wait.
        retry_after_ms: u64,
        /// What happened, for people.
        message: Arc<str>,
    },
    /// A provider asked for silence: nothing of this scope is granted for so long.
    Pause {
        /// By whom.
        session: SessionId,
        /// Which.
        scope: Scope,
        /// How long.
        pause_ms: u64,
    },
    /// A connection ended. Its worker's leases run on until their time is out.
    Gone {
        /// Whose.
        session: SessionId,
    },
    /// The coordinator is to end: nothing more is granted.
    Drain,
    /// Time has passed.
    Tick,
}

/// What a user can ask for. Every one is answered by `Effect::Answer`.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// Submit, find again, or resize a sweep. Without `again`, a sweep of the same content is found: same content
    /// and project, newest first; its seeds, limit, weight, retry policy and document are set to these.
    Submit {
        /// The sweep.
        spec: Arc<SweepSpec>,
        /// Whether a new one is wanted though there is one of the same content.
        again: bool,
    },
    /// Pause.
    Pause(SweepId),
    /// Go on.
    Resume(SweepId),
    /// Cancel.
    Cancel(SweepId),
    /// Open failed, quarantined and cancelled jobs again.
    Retry(SweepId),
    /// Store verdicts.
    Score(Vec<Arc<ScoreRecord>>),
    /// Remove a sweep that is not running, and all its records.
    Remove(SweepId),
}
