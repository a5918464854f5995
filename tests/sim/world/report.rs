//! What became of a seed, in counts.

/// What became of a seed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Report {
    pub(crate) jobs: u64,
    pub(crate) calls: u64,
    pub(crate) extra_calls: u64,
    pub(crate) paid_twice: u64,
    pub(crate) lost_leases: u64,
    pub(crate) crashes: u64,
    pub(crate) deaths: u64,
    pub(crate) drains: u64,
    pub(crate) cuts: u64,
    pub(crate) fenced: u64,
    pub(crate) reinstated: u64,
    pub(crate) restarted: u64,
    pub(crate) quarantined: u64,
    pub(crate) cancelled: u64,
    pub(crate) failed: u64,
    pub(crate) events: u64,
    pub(crate) granted: u64,
    pub(crate) unused: u64,
    pub(crate) limited: u64,
    pub(crate) pauses: u64,
    pub(crate) denied: u64,
    pub(crate) lost_answers: u64,
    pub(crate) lost_holds: u64,
    pub(crate) stopped: u64,
}

// === impl Report ===

impl Report {
    pub(crate) fn add(&mut self, other: &Report) {
        let sums = [
            (&mut self.jobs, other.jobs),
            (&mut self.calls, other.calls),
            (&mut self.extra_calls, other.extra_calls),
            (&mut self.paid_twice, other.paid_twice),
            (&mut self.lost_leases, other.lost_leases),
            (&mut self.crashes, other.crashes),
            (&mut self.deaths, other.deaths),
            (&mut self.drains, other.drains),
            (&mut self.cuts, other.cuts),
            (&mut self.fenced, other.fenced),
            (&mut self.reinstated, other.reinstated),
            (&mut self.restarted, other.restarted),
            (&mut self.quarantined, other.quarantined),
            (&mut self.cancelled, other.cancelled),
            (&mut self.failed, other.failed),
            (&mut self.events, other.events),
            (&mut self.granted, other.granted),
            (&mut self.unused, other.unused),
            (&mut self.limited, other.limited),
            (&mut self.pauses, other.pauses),
            (&mut self.denied, other.denied),
            (&mut self.lost_answers, other.lost_answers),
            (&mut self.lost_holds, other.lost_holds),
            (&mut self.stopped, other.stopped),
        ];
        for (sum, more) in sums {
            *sum += more;
        }
    }
}
