//! A worker's side of governed scopes, by its own clock: it asks, asks anew, uses a share in time, and settles.

use std::collections::{BTreeMap, VecDeque};

use muster_core::{CallAsk, CallId, CallSettled};

/// Calls that wait are asked for anew this often.
pub(crate) const ASK_AGAIN_MS: u64 = 500;

/// What was settled this long ago or less is settled again in a new session.
const SETTLE_AGAIN_MS: u64 = 30_000;

/// How a scope stands, as this worker was told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    pub(crate) is_governed: bool,
    pub(crate) silent_until: u64,
}

/// All times are the worker's own.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    pub(crate) scopes: BTreeMap<usize, Standing>,
    pub(crate) waiting: BTreeMap<CallId, CallAsk>,
    settled: VecDeque<(u64, CallSettled)>,
    /// The asks of this session, by number: when each was sent.
    asks: BTreeMap<u64, u64>,
    last_ask: u64,
    calls: u64,
}

// === impl Shares ===

impl Shares {
    /// Of a process: the numbers of its calls are no earlier one's.
    pub(crate) fn of_process(life: u64) -> Self {
        Self { calls: (life + 1) << 32, ..Self::default() }
    }

    pub(crate) fn next_call(&mut self) -> CallId {
        self.calls += 1;
        CallId(self.calls)
    }

    /// The number of an ask that is sent now.
    pub(crate) fn ask(&mut self, now: u64) -> u64 {
        self.last_ask += 1;
        self.asks.insert(self.last_ask, now);
        self.last_ask
    }

    /// When an ask was sent, if it is of this session.
    pub(crate) fn asked_at(&self, number: u64) -> Option<u64> {
        self.asks.get(&number).copied()
    }

    /// Remembers what is settled.
    pub(crate) fn settle(&mut self, now: u64, settled: CallSettled) {
        self.waiting.remove(&settled.call);
        self.settled.push_back((now, settled));
    }

    /// A new session begins: what is to be settled again, and what is asked for anew.
    pub(crate) fn connected(&mut self, now: u64) -> (Vec<CallSettled>, Vec<CallAsk>) {
        self.asks.clear();
        self.last_ask = 0;
        self.settled.retain(|(at, _)| now.saturating_sub(*at) < SETTLE_AGAIN_MS);
        let again = self.settled.iter().map(|(_, settled)| *settled).collect();
        (again, self.waiting.values().copied().collect())
    }

    /// The coordinator, or the provider, says how a scope stands.
    pub(crate) fn silence(&mut self, scope: usize, until: u64) {
        let standing = self.scopes.entry(scope).or_default();
        standing.silent_until = standing.silent_until.max(until);
    }
}
