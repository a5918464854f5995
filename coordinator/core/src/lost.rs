//! Calls whose end nobody will tell: their time is out, or the process that sent them is dead. Their places are free at
//! once, and what they hold is charged in full, for the provider may charge it.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::Core;
use crate::effect::Effects;
use crate::fact::Fact;
use crate::ids::{LeaseKey, Millis, SessionId, WorkerId};
use crate::queue::CallKey;
use crate::quota::{CallAsk, CallId, Spend};

/// The bits of a call's number that all calls of one process have in common, and no other process's.
const PROCESS_BITS: u64 = 0xffff_ffff_0000_0000;

// === impl Core ===

impl Core {
    /// Calls whose time is out are lost.
    pub(crate) fn lose_calls(&mut self, now: Millis, effects: &mut Effects) {
        let mut late: BTreeSet<CallKey> = self.calls.ring(now).into_iter().collect();
        // A call that was asked for again since waits, or has another time.
        late.retain(|key| self.calls.get(key).is_none_or(|call| call.state.is_over(now)));
        self.lose_these(now, late, effects);
        self.try_blocked_again(now);
    }

    /// A worker came, and does not name these calls' leases: the process that sent them is dead.
    pub(crate) fn lose_disowned(
        &mut self,
        now: Millis,
        worker: WorkerId,
        held: &[LeaseKey],
        effects: &mut Effects,
    ) {
        let held: BTreeSet<&LeaseKey> = held.iter().collect();
        self.lose_of(now, worker, |_, lease| !held.contains(lease), effects);
    }

    /// A worker asked: which of its processes it is shows in the numbers of its calls, and an earlier one is dead, also if
    /// this one found that one's last words on disk and named the leases.
    pub(crate) fn lose_earlier(
        &mut self,
        now: Millis,
        (session, worker): (SessionId, WorkerId),
        asks: &[CallAsk],
        effects: &mut Effects,
    ) {
        let Some(process) = asks.first().map(|ask| ask.call.0 & PROCESS_BITS) else { return };
        let Some(found) = self.sessions.get_mut(&session) else { return };
        if found.process.replace(process).is_none() {
            self.lose_of(now, worker, |call, _| call.0 & PROCESS_BITS != process, effects);
        }
    }

    /// A worker gave no sign of life for the time of a lease.
    pub(crate) fn lose_all_of(&mut self, now: Millis, worker: WorkerId, effects: &mut Effects) {
        self.lose_of(now, worker, |_, _| true, effects);
    }

    fn lose_of(
        &mut self,
        now: Millis,
        worker: WorkerId,
        is_lost: impl Fn(CallId, &LeaseKey) -> bool,
        effects: &mut Effects,
    ) {
        let all = (worker, CallId(0))..=(worker, CallId(u64::MAX));
        let flying = self.calls.flying_of(worker).filter(|(key, call)| is_lost(key.1, &call.ask.lease));
        let holds = self.holds.range(all).filter(|(key, hold)| is_lost(key.1, &hold.lease));
        let lost: BTreeSet<CallKey> = flying.map(|(key, _)| *key).chain(holds.map(|(key, _)| *key)).collect();
        if !lost.is_empty() {
            self.lose_these(now, lost, effects);
            self.try_blocked_again(now);
        }
    }

    fn lose_these(&mut self, now: Millis, lost: BTreeSet<CallKey>, effects: &mut Effects) {
        let mut charged: BTreeMap<WorkerId, Vec<(CallId, Spend)>> = BTreeMap::new();
        for key in lost {
            if let Some(call) = self.calls.remove(&key) {
                if let Some(limiter) =
                    self.scopes.get_mut(call.scope).and_then(|scope| scope.known_limiter_mut())
                {
                    limiter.forget();
                }
                self.scopes.touch(call.scope, now);
            }
            if let Some(hold) = self.holds.get(&key) {
                charged.entry(key.0).or_default().push((key.1, hold.worst));
                self.touch_held(now, &key);
            }
        }
        for (worker, calls) in charged {
            self.record(Fact::Settled { worker, calls, at: now }, effects);
        }
    }

    /// The scope of a call that holds something is looked after: a place is free soon. Of a call of an earlier process
    /// only its hold is known.
    pub(crate) fn touch_held(&mut self, now: Millis, key: &CallKey) {
        if let Some(at) = self.holds.get(key).and_then(|hold| self.scopes.find(&hold.scope)) {
            self.scopes.touch(at, now);
        }
    }
}
