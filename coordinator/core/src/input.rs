//! What happens to the core.

use std::sync::Arc;

use bytes::Bytes;

use crate::fact::{Scope, ScoreRecord, SweepSpec};
use crate::ids::{JobKey, LeaseKey, SessionId, SweepId, TurnIndex, WorkerId};
use crate::outcome::{FailureClass, Outcome};
use crate::quota::{Budget, CallAsk, CallSettled, Purse, Quota, Span};
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
    /// A worker would like to send these requests, each of which waits until it is granted, denied or settled as
    /// unused. All that already wait in this session count as asked anew: a share is good for two seconds from the
    /// ask that it answers, as its worker counts them.
    Ask {
        /// Whose.
        session: SessionId,
        /// The ask's number, rising within the session.
        number: u64,
        /// The requests.
        calls: Vec<CallAsk>,
    },
    /// Requests ended, sent or not.
    Settle {
        /// Whose.
        session: SessionId,
        /// Which, and how.
        calls: Vec<CallSettled>,
    },
    /// A provider's headers state lower limits than are known. They are believed for some minutes.
    Observe {
        /// By whom.
        session: SessionId,
        /// Of which scope.
        scope: Scope,
        /// The limits seen; those that are none were not seen.
        seen: Quota,
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
    /// Set a scope's quota from now on, whatever sweeps say of it; none: what they say counts again.
    Retune {
        /// Which.
        scope: Scope,
        /// What it is.
        quota: Option<Quota>,
    },
    /// Set a budget from now on; an unbounded one takes it away.
    Cap {
        /// Whose.
        purse: Purse,
        /// Over which time.
        span: Span,
        /// How much.
        budget: Budget,
    },
}
