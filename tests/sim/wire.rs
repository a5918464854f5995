//! Streams between workers and the coordinator: in order, with delays, and gone with all that was under way when cut.

use bytes::Bytes;
use muster_core::{
    Acked, CallAsk, CallId, CallSettled, FailureClass, JobKey, LeaseKey, Outcome, Quota, RevokeReason,
    SessionId, TurnIndex, Usage,
};

/// A turn's body: which call it was, and which call the turn before it was (0: none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) call: u64,
    pub(crate) previous: u64,
}

/// What a worker keeps of a lease until it is acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item {
    Restart,
    /// `in_vain`: calls before it whose answers were lost.
    Turn {
        index: TurnIndex,
        body: Body,
        in_vain: u64,
    },
    Outcome {
        outcome: Outcome,
        turns: TurnIndex,
    },
    Failure {
        class: FailureClass,
        usage: Usage,
    },
}

/// Worker to coordinator.
#[derive(Debug, Clone)]
pub(crate) enum Up {
    Hello { held: Vec<LeaseKey>, suspects: Vec<JobKey> },
    Want(u32),
    Beat,
    Item(LeaseKey, Item),
    Ask { number: u64, calls: Vec<CallAsk> },
    Settle(Vec<CallSettled>),
    Pause { scope: usize, pause_ms: u64 },
    Observe { scope: usize, seen: Quota },
    Goodbye,
}

/// Coordinator to worker.
#[derive(Debug, Clone)]
pub(crate) enum Down {
    Grant { lease: LeaseKey, turns: Vec<Body> },
    Revoke(LeaseKey, RevokeReason),
    Ack(LeaseKey, Acked),
    Share { ask: u64, calls: Vec<CallId>, spread_ms: u32 },
    Deny(Vec<CallId>),
    Govern { scope: usize, governed: bool, pause_ms: u64 },
    Close,
}

/// One connection, by its place in the world's list.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) worker: usize,
    pub(crate) session: SessionId,
    /// The coordinator's process that it leads to.
    pub(crate) boot: u64,
    pub(crate) is_cut: bool,
    /// When the last message of each direction arrives: none overtakes it.
    pub(crate) up_at: u64,
    pub(crate) down_at: u64,
    /// When its hello was heard.
    pub(crate) heard_at: Option<u64>,
    /// When each ask was sent, in virtual time: what no worker can know.
    pub(crate) asks: Vec<u64>,
}

// === impl Body ===

impl Body {
    pub(crate) fn encode(self) -> Bytes {
        [self.call.to_le_bytes(), self.previous.to_le_bytes()].concat().into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        Self { call: number(0), previous: number(8) }
    }
}
