//! Which attempt ended a job, where it was not the first: an outcome sent again by that attempt is acknowledged
//! again, and one of an older attempt is fenced. The ledger has no room for more than "the first" or "a later one", and
//! it is asked for only within a reconnect of the end, so the last ones are kept.

use std::collections::{BTreeMap, VecDeque};

use crate::ids::{Attempt, Generation, JobKey, LeaseKey};

/// Ends kept: about 100 bytes each, 6 MiB. All slots of a thousand workers reconnecting at once are as many.
const MAX_ENDS: usize = 65_536;

/// The last jobs that were ended by an attempt after their first.
#[derive(Debug, Default)]
pub(crate) struct RecentEnds {
    by_job: BTreeMap<JobKey, (Generation, Attempt)>,
    order: VecDeque<JobKey>,
}

// === impl RecentEnds ===

impl RecentEnds {
    /// A job was ended under `lease`.
    pub(crate) fn ended(&mut self, lease: LeaseKey) {
        if lease.attempt <= Attempt(1) {
            return;
        }
        if self.by_job.insert(lease.job, (lease.generation, lease.attempt)).is_none() {
            self.order.push_back(lease.job);
        }
        if self.order.len() > MAX_ENDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_job.remove(&oldest);
        }
    }

    /// Whether it was `lease`'s attempt that ended its job in its generation; none if that is not remembered.
    pub(crate) fn ended_by(&self, lease: LeaseKey) -> Option<bool> {
        let (generation, attempt) = self.by_job.get(&lease.job)?;
        (*generation == lease.generation).then_some(*attempt == lease.attempt)
    }
}
