//! What the core wants done. Records first: no effect may be carried out before the records of its batch are durable.

use std::sync::Arc;

use crate::fact::{Record, Scope};
use crate::ids::{JobKey, LeaseKey, SessionId, SweepId, TurnIndex};
use crate::input::Ticket;
use crate::quota::CallId;

/// All that came of one or more steps.
#[derive(Debug, Default)]
pub struct Effects {
    /// To be made durable, in this order.
    pub records: Vec<Record>,
    /// To be done once `records` is durable, in this order.
    pub after: Vec<Effect>,
}

/// Something to be done after the batch is durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell a worker to run a job. Its first `turns` turns are in the store.
    Grant {
        /// Whom.
        session: SessionId,
        /// The lease.
        lease: LeaseKey,
        /// Turns stored.
        turns: TurnIndex,
    },
    /// Tell a worker to let go of a job.
    Revoke {
        /// Whom.
        session: SessionId,
        /// The lease.
        lease: LeaseKey,
        /// Why.
        reason: RevokeReason,
    },
    /// Tell a worker that something is durable.
    Ack {
        /// Whom.
        session: SessionId,
        /// The lease.
        lease: LeaseKey,
        /// What.
        what: Acked,
    },
    /// Tell a worker that it may send these requests, within two seconds of the ask that this answers.
    Share {
        /// Whom.
        session: SessionId,
        /// The newest ask of this session that was taken note of.
        ask: u64,
        /// Which requests.
        calls: Vec<CallId>,
        /// Over how long it is to spread them, in milliseconds: what this quantum of the quota covers.
        spread_ms: u32,
    },
    /// Tell a worker that these requests will never be granted: their jobs are to be given back.
    Deny {
        /// Whom.
        session: SessionId,
        /// Which requests.
        calls: Vec<CallId>,
    },
    /// Tell a worker how a scope stands: sent with the first grant of a scope in a session, and on every change.
    Govern {
        /// Whom.
        session: SessionId,
        /// Which scope.
        scope: Scope,
        /// Whether its calls must be asked for.
        governed: bool,
        /// Silence for so long from now, in milliseconds; 0: none.
        pause_ms: u64,
    },
    /// Close a connection: it was replaced by a newer one, or broke the protocol.
    Close {
        /// Whose.
        session: SessionId,
        /// Why, for people.
        reason: &'static str,
    },
    /// Answer a user.
    Answer(Ticket, Answer),
    /// A sweep's counts changed: tell those who watch.
    Changed(SweepId),
}

/// What of a lease is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acked {
    /// The turns before this index.
    Turns(TurnIndex),
    /// The outcome or failure: the lease is over.
    End,
    /// The restart: the transcript is empty.
    Restart,
}

/// Why a worker must let go of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeReason {
    /// A newer attempt was granted, or the job has ended.
    Fenced,
    /// A user cancelled the sweep.
    Cancelled,
    /// The model's lane was stopped.
    Stopped,
    /// The sweep or job is not known here.
    Unknown,
    /// What the worker said of it can't be (a gap in its turns): it must begin anew from a new lease.
    Protocol,
}

/// The answer to a `Control`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done; the sweep it was about.
    Done {
        /// Which.
        sweep: SweepId,
        /// Whether a new sweep was made by it.
        created: bool,
        /// Jobs that it touched (cancelled, opened anew), where that is the question.
        jobs: u64,
    },
    /// Not done, and nothing changed.
    Refused(Refusal),
}

/// Why a `Control` was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such sweep.
    #[error("there is no sweep {0}")]
    NoSuchSweep(SweepId),
    /// The spec can't be.
    #[error("the sweep can't be run: {0}")]
    BadSpec(Arc<str>),
    /// There is no such job.
    #[error("there is no job {0}")]
    NoSuchJob(JobKey),
    /// It must have ended, been paused or been cancelled first.
    #[error("sweep {0} is running: cancel it first")]
    Running(SweepId),
    /// A cancelled sweep can't be resumed; `retry` opens it again.
    #[error("sweep {0} was cancelled: `muster retry` opens it again")]
    Cancelled(SweepId),
    /// A bound of the coordinator's would be passed.
    #[error("{0}")]
    TooMany(&'static str),
}
