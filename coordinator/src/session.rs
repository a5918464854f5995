//! The connected workers, as the driver sees them: an outbox each, and which sweeps they were told of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_core::{
    Acked, CallId, LeaseKey, RevokeReason, Scope, SessionId, SweepId, SweepSpec, Term, TurnIndex,
};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Events that may wait for one worker. A worker has at most 4,096 credits; each of its leases can have a grant, a
/// revoke and a few acknowledgements under way, and 8 x 4,096 is room for all. One that lets more gather does not read
/// its stream, and is cut off: it connects again and loses nothing.
pub(crate) const OUTBOX_EVENTS: usize = 32_768;

/// Something to be told to a worker.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// First of all.
    Welcome(Term),
    /// Before a sweep's first grant.
    Brief(SweepId, Arc<SweepSpec>),
    /// A lease, whose first `turns` turns the writer fetches from the store.
    Grant(LeaseKey, TurnIndex),
    /// A lease taken back.
    Revoke(LeaseKey, RevokeReason),
    /// Something durable.
    Ack(LeaseKey, Acked),
    /// Requests that may be sent.
    Share { ask: u64, calls: Vec<CallId>, spread_ms: u32 },
    /// Requests that will not be granted.
    Deny(Vec<CallId>),
    /// How a scope stands.
    Govern { scope: Scope, governed: bool, pause_ms: u64 },
    /// The coordinator is about to end.
    Drain,
    /// Nothing more comes: the stream ends with this reason.
    Close(&'static str),
}

#[derive(Debug)]
struct Session {
    outbox: mpsc::Sender<Outgoing>,
    briefed: BTreeSet<SweepId>,
    /// Tells the stream's tasks when the session is no longer in the table.
    _cut: DropGuard,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: BTreeMap<SessionId, Session>,
    /// Cut off for not reading, and not yet taken note of.
    cut: Vec<SessionId>,
}

/// What a new session begins with.
pub(crate) struct Opened {
    /// Its number.
    pub(crate) session: SessionId,
    /// What the stream's writer sends.
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    /// Cancelled when the session is no longer wanted.
    pub(crate) cut: CancellationToken,
}

/// A hello as the stream's reader passes it on.
#[derive(Debug, Clone)]
pub(crate) struct HelloEvent {
    pub(crate) worker: muster_core::WorkerId,
    pub(crate) name: Arc<str>,
    pub(crate) accounts: Vec<Arc<str>>,
    pub(crate) held: Vec<LeaseKey>,
    pub(crate) suspects: Vec<muster_core::JobKey>,
}

// === impl Sessions ===

impl Sessions {
    /// Opens a session and welcomes its worker.
    pub(crate) fn open(&mut self, session: SessionId, term: Term) -> Opened {
        let (outbox, outgoing) = mpsc::channel(OUTBOX_EVENTS);
        let cut = CancellationToken::new();
        let guard = cut.clone().drop_guard();
        self.open.insert(session, Session { outbox, briefed: BTreeSet::new(), _cut: guard });
        self.send(session, Outgoing::Welcome(term));
        Opened { session, outgoing, cut }
    }

    /// Tells a worker of a sweep, unless this session was told.
    pub(crate) fn brief(
        &mut self,
        session: SessionId,
        sweep: SweepId,
        spec: impl FnOnce() -> Option<Arc<SweepSpec>>,
    ) {
        let Some(open) = self.open.get_mut(&session) else { return };
        if open.briefed.contains(&sweep) {
            return;
        }
        if let Some(spec) = spec() {
            open.briefed.insert(sweep);
            self.send(session, Outgoing::Brief(sweep, spec));
        }
    }

    /// Puts something in a worker's outbox; a worker that does not read it is cut off.
    pub(crate) fn send(&mut self, session: SessionId, outgoing: Outgoing) {
        let Some(open) = self.open.get(&session) else { return };
        if open.outbox.try_send(outgoing).is_err() {
            tracing::warn!(%session, "worker does not read its stream, or is gone: closing the session");
            self.open.remove(&session);
            self.cut.push(session);
        }
    }

    /// The sessions that were cut off since the last call.
    pub(crate) fn take_cut(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.cut)
    }

    /// Ends a session with a reason.
    pub(crate) fn close(&mut self, session: SessionId, reason: &'static str) {
        self.send(session, Outgoing::Close(reason));
        self.open.remove(&session);
    }

    /// Tells every worker.
    pub(crate) fn drain(&mut self) {
        let all: Vec<SessionId> = self.open.keys().copied().collect();
        for session in all {
            self.send(session, Outgoing::Drain);
        }
    }

    /// A stream has ended.
    pub(crate) fn forget(&mut self, session: SessionId) {
        self.open.remove(&session);
    }
}
