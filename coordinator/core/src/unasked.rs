//! Calls that were under way when their scope's first budget came: nobody had asked for them, so they hold nothing, and
//! what they can come to is not known. What they did come to is charged when their turns arrive.
//!
//! So a budget that is set in mid-run may be passed by what these calls cost: one for each lease under way at that moment
//! (two, if the worker had not heard of the budget when it began the next). If the coordinator dies before their turns
//! arrive, or a call fails after it was charged, that is not counted.

use std::collections::BTreeMap;

use crate::budget::spent_of;
use crate::core::Core;
use crate::effect::Effects;
use crate::fact::Fact;
use crate::ids::{Lane as LaneId, LeaseKey, Millis, TurnIndex, WorkerId};
use crate::quota::{CallAsk, CallId, Hold};
use crate::usage::Usage;

/// Names a call that nobody asked for, for the moment in which it is charged. No worker draws it: the numbers of a
/// process begin with 1.
const UNASKED: CallId = CallId(0);

/// The turns of leases that were, or may be, called for unasked: from the first, below the second.
#[derive(Debug, Default)]
pub(crate) struct Unasked {
    turns: BTreeMap<LeaseKey, (TurnIndex, TurnIndex)>,
}

// === impl Unasked ===

impl Unasked {
    /// From this turn on no call of a lease is known to have been asked for.
    fn begin(&mut self, lease: LeaseKey, from: TurnIndex) {
        self.turns.entry(lease).or_insert((from, TurnIndex(u32::MAX)));
    }

    /// The calls of a turn are asked for, and of those after it.
    fn asked(&mut self, ask: &CallAsk) {
        if let Some((from, below)) = self.turns.get_mut(&ask.lease) {
            *below = ask.turn.min(*below);
            if from >= below {
                self.turns.remove(&ask.lease);
            }
        }
    }

    /// Whether a turn that arrived was called for unasked. It is said once.
    fn take(&mut self, lease: &LeaseKey, index: TurnIndex) -> bool {
        let Some((from, below)) = self.turns.get_mut(lease) else { return false };
        let is_one = (*from..*below).contains(&index);
        if is_one {
            *from = TurnIndex(index.0.saturating_add(1));
        }
        if from >= below {
            self.turns.remove(lease);
        }
        is_one
    }
}

// === impl Core ===

impl Core {
    /// Budgets came: notes the leases whose scope's calls were not asked for until now.
    pub(crate) fn note_unasked(&mut self) {
        let Self { sweeps, scopes, unasked, .. } = self;
        unasked.turns.retain(|lease, _| {
            sweeps.get(&lease.job.sweep).is_some_and(|sweep| sweep.job_of(*lease).is_some())
        });
        for sweep in sweeps.values() {
            for (index, lane) in sweep.lanes.iter().enumerate() {
                let governed = scopes.get(lane.scope_at).is_none_or(|scope| scope.governed);
                if governed || lane.purses.is_empty() {
                    continue;
                }
                for lease in sweep.lane_leases(LaneId(index as u32)) {
                    let turns = sweep.job_of(lease).map_or(TurnIndex(0), |job| job.turns);
                    unasked.begin(lease, turns);
                }
            }
        }
    }

    /// Calls were asked for.
    pub(crate) fn note_asked(&mut self, asks: &[CallAsk]) {
        if !self.unasked.turns.is_empty() {
            asks.iter().for_each(|ask| self.unasked.asked(ask));
        }
    }

    /// A turn arrived: if nobody had asked for its call, the budgets are charged what it cost.
    pub(crate) fn charge_unasked(
        &mut self,
        now: Millis,
        worker: WorkerId,
        lease: LeaseKey,
        index: TurnIndex,
        usage: &Usage,
        effects: &mut Effects,
    ) {
        if self.unasked.turns.is_empty()
            || !self.unasked.take(&lease, index)
            || self.holds.contains_key(&(worker, UNASKED))
        {
            return;
        }
        let lane = self.sweeps.get(&lease.job.sweep).and_then(|sweep| sweep.lane(lease.job.lane));
        let Some(scope) = lane.filter(|lane| !lane.purses.is_empty()).map(|lane| lane.scope.clone()) else {
            return;
        };
        let cost = spent_of(usage);
        let hold = Hold { worker, call: UNASKED, scope, lease, worst: cost, until: now };
        self.record(Fact::Held { holds: vec![hold] }, effects);
        self.record(Fact::Settled { worker, calls: vec![(UNASKED, cost)], at: now }, effects);
    }
}
