//! How much of a sweep its scores are of. Short episodes end first: the rates of a sweep that is not at its end lean to
//! them, and say so.

use muster_proto::v1;
use muster_scoring::tables::Selection;

use crate::summary;
use crate::tables::grouped;

/// Jobs that ended without being cancelled, of those planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    ended: u64,
    planned: u64,
}

// === impl Extent ===

impl Extent {
    /// Of a sweep as its coordinator counts it.
    pub(super) fn of(sweep: &v1::Sweep) -> Self {
        let counts = || sweep.lanes.iter().filter_map(|lane| lane.counts.as_ref());
        let ended = |counts: &v1::Counts| summary::results(counts) + counts.failed + counts.quarantined;
        Self { ended: counts().map(ended).sum(), planned: counts().map(|counts| counts.jobs).sum() }
    }

    /// Whether it is only a part.
    pub(crate) fn is_partial(self) -> bool {
        self.ended < self.planned
    }

    /// What must stand beside the rates of a part: the words that a report has for it.
    pub(super) fn mark(self) -> Option<String> {
        let mark = Selection::Partial.mark(None).filter(|_| self.is_partial())?;
        let (ended, planned) = (grouped(self.ended), grouped(self.planned));
        Some(format!("{mark} ({ended} of {planned} planned episodes have ended)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(lanes: &[v1::Counts]) -> Extent {
        let lane = |counts: &v1::Counts| v1::LaneStatus { counts: Some(*counts), ..Default::default() };
        Extent::of(&v1::Sweep { lanes: lanes.iter().map(lane).collect(), ..Default::default() })
    }

    #[test]
    fn a_sweep_whose_second_model_ran_out_of_budget_is_marked_as_a_part() {
        let whole = v1::Counts {
            jobs: 100,
            completed: 97,
            limit: 1,
            refused: 1,
            quarantined: 1,
            ..Default::default()
        };
        let stopped = v1::Counts { jobs: 100, completed: 38, failed: 2, pending: 60, ..Default::default() };
        assert_eq!((extent(&[whole]).is_partial(), extent(&[whole]).mark()), (false, None));
        let part = extent(&[whole, stopped]);
        assert!(part.is_partial());
        assert_eq!(
            part.mark().as_deref(),
            Some("partial: short episodes over-represented (140 of 200 planned episodes have ended)")
        );
    }

    #[test]
    fn jobs_that_were_cancelled_have_not_ended() {
        let cancelled = v1::Counts { jobs: 10, completed: 4, cancelled: 6, ..Default::default() };
        assert!(extent(&[cancelled]).is_partial());
    }
}
