//! The provider: an independent witness of what was asked of it.

use std::collections::BTreeMap;

use muster_core::JobKey;

/// Counts calls that it was asked to answer, and may have charged for.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    paid: BTreeMap<JobKey, u64>,
    last_call: u64,
}

// === impl Provider ===

impl Provider {
    /// A call arrives; it is charged for, whether or not its answer is ever read. Its number.
    pub(crate) fn call(&mut self, job: JobKey) -> u64 {
        *self.paid.entry(job).or_default() += 1;
        self.last_call += 1;
        self.last_call
    }

    /// A call was answered with an error, and is not charged for.
    pub(crate) fn refund(&mut self, job: JobKey) {
        *self.paid.entry(job).or_insert(1) -= 1;
    }

    pub(crate) fn paid(&self) -> u64 {
        self.paid.values().sum()
    }
}
