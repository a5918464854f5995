//! Calls that were asked for: those that wait, and those that were granted and have not ended.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{Millis, SessionId, WorkerId};
use crate::purse::PurseAt;
use crate::queue::CallKey;
use crate::quota::{CallAsk, CallId};
use crate::scope::ScopeAt;

/// A share may be used for so long from the ask that it answers. After a start nothing is granted for as long.
pub(crate) const SHARE_MS: u64 = 2_000;

/// A session that has not asked for so long is granted nothing: its share would be too old when it comes.
pub(crate) const FRESH_MS: u64 = 1_500;

/// The longest that a call may take. A worker's own bound on one is below an hour.
pub(crate) const MAX_CALL_MS: u64 = 24 * 3_600_000;

/// Calls in flight that are remembered: about 300 bytes each, 300 MB. Above it nothing is granted until some have ended.
pub(crate) const MAX_IN_FLIGHT: usize = 1_000_000;

/// Calls of one session that may wait: as many as the leases it may hold, 20 MB.
pub(crate) const MAX_WAITING: usize = 65_536;

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) session: SessionId,
    pub(crate) scope: ScopeAt,
    pub(crate) ask: CallAsk,
    /// When it was asked for first, among all.
    pub(crate) sequence: u64,
    pub(crate) state: CallState,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallState {
    /// In its scope's queue.
    Queued,
    /// Its session has not asked for too long.
    Parked,
    /// What it may come to does not fit beside what is held.
    Blocked(PurseAt),
    /// Granted at this moment; it counts as lost at the second.
    Flying(Millis, Millis),
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    by_key: BTreeMap<CallKey, Call>,
    /// When calls that hold something, or are in flight, count as lost.
    timers: BTreeSet<(Millis, CallKey)>,
    flying: usize,
    next: u64,
    /// Calls that a budget has no room for now, in the order in which they were asked for.
    blocked: BTreeMap<PurseAt, BTreeMap<u64, CallKey>>,
}

// === impl CallState ===

impl CallState {
    /// Whether it was granted, and its time is out.
    pub(crate) fn is_over(self, now: Millis) -> bool {
        matches!(self, Self::Flying(_, until) if until <= now)
    }
}

// === impl Calls ===

impl Calls {
    pub(crate) fn get(&self, key: &CallKey) -> Option<&Call> {
        self.by_key.get(key)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&CallKey, &Call)> {
        self.by_key.iter()
    }

    /// A worker's calls that were granted and have not ended.
    pub(crate) fn flying_of(&self, worker: WorkerId) -> impl Iterator<Item = (&CallKey, &Call)> {
        let all = (worker, CallId(0))..=(worker, CallId(u64::MAX));
        self.by_key.range(all).filter(|(_, call)| matches!(call.state, CallState::Flying(..)))
    }

    /// A number for a call that is asked for.
    pub(crate) fn sequence(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn insert(&mut self, key: CallKey, call: Call) {
        self.by_key.insert(key, call);
    }

    /// Moves a call to another state.
    pub(crate) fn set(&mut self, key: CallKey, state: CallState) {
        let Some(call) = self.by_key.get_mut(&key) else { return };
        let before = std::mem::replace(&mut call.state, state);
        let sequence = call.sequence;
        self.leave(key, before, sequence);
        match state {
            CallState::Flying(_, until) => {
                self.flying += 1;
                self.timers.insert((until, key));
            }
            CallState::Blocked(purse) => {
                self.blocked.entry(purse).or_default().insert(sequence, key);
            }
            CallState::Queued | CallState::Parked => {}
        }
    }

    pub(crate) fn remove(&mut self, key: &CallKey) -> Option<Call> {
        let call = self.by_key.remove(key)?;
        self.leave(*key, call.state, call.sequence);
        Some(call)
    }

    fn leave(&mut self, key: CallKey, state: CallState, sequence: u64) {
        match state {
            CallState::Flying(_, until) => {
                self.flying -= 1;
                self.timers.remove(&(until, key));
            }
            CallState::Blocked(purse) => {
                if let Some(calls) = self.blocked.get_mut(&purse) {
                    calls.remove(&sequence);
                    if calls.is_empty() {
                        self.blocked.remove(&purse);
                    }
                }
            }
            CallState::Queued | CallState::Parked => {}
        }
    }

    pub(crate) fn flying(&self) -> usize {
        self.flying
    }

    /// A hold of an earlier process: its call counts as lost at a moment.
    pub(crate) fn set_timer(&mut self, key: CallKey, until: Millis) {
        self.timers.insert((until, key));
    }

    /// Calls whose time is out.
    pub(crate) fn ring(&mut self, now: Millis) -> Vec<CallKey> {
        let mut late = Vec::new();
        while let Some((at, key)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, key));
            late.push(key);
        }
        late
    }

    /// When the next one's is.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Budgets that calls wait for.
    pub(crate) fn blocking(&self) -> Vec<PurseAt> {
        self.blocked.keys().copied().collect()
    }

    /// The first calls that wait for a budget, up to `most`.
    pub(crate) fn blocked(&self, purse: PurseAt, most: usize) -> Vec<CallKey> {
        self.blocked.get(&purse).map(|calls| calls.values().take(most).copied().collect()).unwrap_or_default()
    }

    /// How many calls wait for a budget.
    pub(crate) fn blocked_count(&self, purse: PurseAt) -> usize {
        self.blocked.get(&purse).map_or(0, BTreeMap::len)
    }
}
