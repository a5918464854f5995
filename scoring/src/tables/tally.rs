//! The counts of a row, and what follows from them.

use serde::Serialize;

use crate::statistics::{Confidence, Interval, Proportion};
use crate::tables::observation::{Infrastructure, Observation};

/// Episodes by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Judged, and they did what is counted.
    pub hits: u64,
    /// Judged, and they did not.
    pub misses: u64,
    /// Left out: the model never looked.
    pub unread: u64,
    /// Left out: the model did nothing at all.
    pub nothing: u64,
    /// Left out: no verdict.
    pub unscored: u64,
    /// Lost to provider or network.
    pub failed: u64,
    /// Lost to their workers' deaths.
    pub quarantined: u64,
    /// Cancelled.
    pub cancelled: u64,
}

/// A row's numbers as they are published.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RateSummary {
    /// Episodes judged.
    pub n: u64,
    /// Of these, how many did what is counted.
    pub k: u64,
    /// `k / n`; none where nothing was judged.
    pub rate: Option<f64>,
    /// Wilson's 95 % interval.
    pub interval_95: Option<Interval>,
    /// What the rate could have been, had all that was left out missed, or all of it hit. Lost episodes are not in it.
    pub worst_case: Option<Interval>,
    /// Left out of the rate: the model never looked.
    pub unread: u64,
    /// Left out of the rate: the model did nothing at all.
    pub nothing: u64,
    /// Left out of the rate: no verdict.
    pub unscored: u64,
    /// Lost: provider or network.
    pub failed: u64,
    /// Lost: workers died of them.
    pub quarantined: u64,
    /// Lost: cancelled.
    pub cancelled: u64,
}

// === impl Tally ===

impl Tally {
    /// Counts one episode.
    pub fn add(&mut self, observation: Observation) {
        let count = match observation {
            Observation::Judged(true) => &mut self.hits,
            Observation::Judged(false) => &mut self.misses,
            Observation::Unread => &mut self.unread,
            Observation::Nothing => &mut self.nothing,
            Observation::Unscored => &mut self.unscored,
            Observation::Infrastructure(Infrastructure::Failed) => &mut self.failed,
            Observation::Infrastructure(Infrastructure::Quarantined) => &mut self.quarantined,
            Observation::Infrastructure(Infrastructure::Cancelled) => &mut self.cancelled,
        };
        *count += 1;
    }

    /// Those that did what is counted, of those that were judged.
    #[must_use]
    pub fn proportion(&self) -> Proportion {
        Proportion::new(self.hits, self.hits + self.misses)
    }

    /// Episodes with a transcript that are in no rate.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.unread + self.nothing + self.unscored
    }

    /// Episodes that never came to be.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.failed + self.quarantined + self.cancelled
    }

    /// The row's numbers.
    #[must_use]
    pub fn summary(&self) -> RateSummary {
        let proportion = self.proportion();
        RateSummary {
            n: proportion.of(),
            k: proportion.hits(),
            rate: proportion.rate(),
            interval_95: proportion.interval(Confidence::ninety_five()),
            worst_case: proportion.bounds_with_missing(self.left_out()),
            unread: self.unread,
            nothing: self.nothing,
            unscored: self.unscored,
            failed: self.failed,
            quarantined: self.quarantined,
            cancelled: self.cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_infrastructure_failure_changes_no_rate_and_no_bound() {
        let mut tally = Tally::default();
        for hit in [true, true, false, false] {
            tally.add(Observation::Judged(hit));
        }
        let before = tally.summary();
        for lost in [Infrastructure::Failed, Infrastructure::Quarantined, Infrastructure::Cancelled] {
            tally.add(Observation::Infrastructure(lost));
        }
        let after = tally.summary();
        assert_eq!(
            (after.rate, after.interval_95, after.worst_case),
            (before.rate, before.interval_95, before.worst_case)
        );
        assert_eq!((tally.lost(), after.failed, after.quarantined, after.cancelled), (3, 1, 1, 1));
    }

    #[test]
    fn what_is_left_out_is_no_negative_but_widens_the_worst_case() {
        let mut tally = Tally::default();
        for observation in
            [Observation::Judged(true), Observation::Unread, Observation::Nothing, Observation::Unscored]
        {
            tally.add(observation);
        }
        let summary = tally.summary();
        assert_eq!((summary.n, summary.k, summary.rate), (1, 1, Some(1.0)));
        assert_eq!(summary.worst_case, Some(Interval { low: 0.25, high: 1.0 }));
        assert_eq!(tally.left_out(), 3);
    }

    #[test]
    fn the_published_names_are_frozen() {
        let json = serde_json::to_value(Tally::default().summary()).expect("JSON");
        let keys: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "n",
                "k",
                "rate",
                "interval_95",
                "worst_case",
                "unread",
                "nothing",
                "unscored",
                "failed",
                "quarantined",
                "cancelled"
            ]
        );
    }
}
