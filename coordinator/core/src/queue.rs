//! Calls that wait for a share of one scope: sweeps in turn, by weight; in a sweep the later calls of an episode before
//! the earlier ones, so that what is under way ends before more is begun, then first come, first served.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::fairness::Ring;
use crate::ids::{SweepId, TurnIndex, WorkerId};
use crate::quota::CallId;

/// A call's name: calls of a hostile worker can't be taken for another's.
pub(crate) type CallKey = (WorkerId, CallId);

/// A call's place among those of its sweep: its turn, and when it was asked for first.
pub(crate) type Place = (Reverse<TurnIndex>, u64);

/// Calls that wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    sweeps: Ring<SweepId, BTreeMap<Place, CallKey>>,
    count: usize,
}

// === impl Queue ===

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A call waits.
    pub(crate) fn push(&mut self, sweep: SweepId, weight: u32, place: Place, call: CallKey) {
        let added = match self.sweeps.get_mut(&sweep) {
            Some(calls) => calls.insert(place, call).is_none(),
            None => {
                self.sweeps.join(sweep, weight, BTreeMap::from([(place, call)]));
                true
            }
        };
        self.count += usize::from(added);
    }

    /// A call waits no more.
    pub(crate) fn remove(&mut self, sweep: SweepId, place: Place) {
        let Some(calls) = self.sweeps.get_mut(&sweep) else { return };
        self.count -= usize::from(calls.remove(&place).is_some());
        if calls.is_empty() {
            self.sweeps.leave(&sweep);
        }
    }

    /// The call whose turn it is.
    pub(crate) fn front(&self) -> Option<CallKey> {
        let (_, calls) = self.sweeps.front()?;
        calls.first_key_value().map(|(_, call)| *call)
    }

    /// The call whose turn it is gets its share: its sweep has had one.
    pub(crate) fn grant_front(&mut self) {
        let Some((sweep, place)) = self.front_place() else { return };
        self.sweeps.spend_front();
        self.remove(sweep, place);
    }

    /// The call whose turn it is gets none, and its sweep goes on with the next.
    pub(crate) fn drop_front(&mut self) {
        if let Some((sweep, place)) = self.front_place() {
            self.remove(sweep, place);
        }
    }

    /// The calls of one sweep.
    pub(crate) fn of_sweep(&mut self, sweep: SweepId) -> Vec<CallKey> {
        self.sweeps.get_mut(&sweep).map(|calls| calls.values().copied().collect()).unwrap_or_default()
    }

    fn front_place(&self) -> Option<(SweepId, Place)> {
        let (sweep, calls) = self.sweeps.front()?;
        calls.first_key_value().map(|(place, _)| (*sweep, *place))
    }
}
