//! The provider: an independent witness of what was asked of it. Per scope it keeps two buckets of one second of its true
//! limits, as real ones do, and the calls that it is at work on.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::JobKey;

use crate::plan::{Bill, Plan};

/// Counts calls that it was asked to answer, and may have charged for.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    paid: BTreeMap<JobKey, u64>,
    last_call: u64,
    scopes: Vec<Counter>,
    /// Calls whose connection is gone.
    hung_up: BTreeSet<u64>,
    pub(crate) limited: u64,
}

/// One scope's own account.
#[derive(Debug)]
struct Counter {
    buckets: [Bucket; 2],
    /// Calls at work that had leave to be sent.
    at_work: BTreeSet<u64>,
}

/// One second of a limit by the minute; 0: none.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    per_minute: f64,
    level: f64,
    at: u64,
}

// === impl Bucket ===

impl Bucket {
    fn new(per_minute: u64) -> Self {
        Self { per_minute: per_minute as f64, level: per_minute as f64 / 60.0, at: 0 }
    }

    /// Whether a call passes: one larger than the bucket does when that is full.
    fn admits(&mut self, now: u64, cost: u64) -> bool {
        let capacity = (self.per_minute / 60.0).max(1.0);
        self.level =
            (self.level + now.saturating_sub(self.at) as f64 * self.per_minute / 60_000.0).min(capacity);
        self.at = now;
        self.per_minute == 0.0 || self.level >= (cost as f64).min(capacity)
    }
}

// === impl Provider ===

impl Provider {
    pub(crate) fn new(plans: &[Plan]) -> Self {
        let counter = |plan: &Plan| Counter {
            buckets: [Bucket::new(plan.admits.0), Bucket::new(plan.admits.1)],
            at_work: BTreeSet::new(),
        };
        Self { scopes: plans.iter().map(counter).collect(), ..Self::default() }
    }

    /// A call's number.
    pub(crate) fn number(&mut self) -> u64 {
        self.last_call += 1;
        self.last_call
    }

    /// A call arrives; whether it is taken. If so it is charged for, whether or not its answer is ever read.
    pub(crate) fn arrives(&mut self, now: u64, call: u64, asked: bool, job: JobKey, bill: &Bill) -> bool {
        let scope = &mut self.scopes[job.lane.0 as usize];
        let costs = [1, bill.used.tokens];
        let buckets = scope.buckets.iter_mut().zip(costs);
        // Each is brought up to now, also where another refuses.
        let refusing = buckets.filter_map(|(bucket, cost)| (!bucket.admits(now, cost)).then_some(())).count();
        if refusing > 0 {
            self.limited += 1;
            return false;
        }
        scope.buckets.iter_mut().zip(costs).for_each(|(bucket, cost)| bucket.level -= cost as f64);
        *self.paid.entry(job).or_default() += 1;
        if asked && !self.hung_up.contains(&call) {
            scope.at_work.insert(call);
        }
        true
    }

    /// Calls of a scope at work now that had leave to be sent.
    pub(crate) fn at_work(&self, scope: usize) -> usize {
        self.scopes[scope].at_work.len()
    }

    /// A call is done with.
    pub(crate) fn done(&mut self, scope: usize, call: u64) {
        self.scopes[scope].at_work.remove(&call);
    }

    /// Its caller closed the connection, or died: it is charged for, and no longer worked on.
    pub(crate) fn hangs_up(&mut self, scope: usize, call: u64) {
        self.hung_up.insert(call);
        self.done(scope, call);
    }

    /// A call was answered with an error, and is not charged for.
    pub(crate) fn refund(&mut self, job: JobKey) {
        *self.paid.entry(job).or_insert(1) -= 1;
    }

    pub(crate) fn paid(&self) -> u64 {
        self.paid.values().sum()
    }
}
