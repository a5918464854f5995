//! One cell of a report: what was planned, what came of it, and the scores behind its pass rate.
//!
//! A cell is complete if nearly all of its planned episodes are in its rate. What is not may be lost to infrastructure, unread,
//! idle, unscored or never run: each for its own reason, and each a way for the rate to be of a selection. So any of them
//! counts against completeness, and the counts beside it say which it was.

use serde::Serialize;

use crate::statistics::{Confidence, DropOut, Interval, Proportion, Scores};
use crate::tables::observation::Observation;
use crate::tables::tally::{RateSummary, Tally};

/// A cell with less of what was planned is marked, and no claim of it is in bold.
pub const COMPLETENESS_MIN: f64 = 0.95;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cell {
    planned: u64,
    tally: Tally,
    scores: Scores,
}

/// Whether a claim may rest on a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may.
    Complete,
    /// Too much is missing.
    Incomplete,
}

/// A cell's numbers as they are published.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CellSummary {
    /// Episodes planned.
    pub planned: u64,
    /// How many of them are in the rate; none where nothing was planned.
    pub completeness: Option<f64>,
    /// Whether that is enough.
    pub standing: Standing,
    /// The counts and the rate.
    #[serde(flatten)]
    pub rate: RateSummary,
    /// The scores behind the rate, where there are any.
    pub score: Option<ScoreSummary>,
}

/// Scores as they are published.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ScoreSummary {
    /// How many.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation; none with fewer than two.
    pub deviation: Option<f64>,
    /// Student's 95 % interval of the mean; none with fewer than two.
    pub interval_95: Option<Interval>,
}

// === impl Cell ===

impl Cell {
    /// A cell of which so many episodes are planned.
    #[must_use]
    pub fn planned(planned: u64) -> Self {
        Self { planned, ..Self::default() }
    }

    /// A cell that was counted elsewhere.
    #[must_use]
    pub fn counted(planned: u64, tally: Tally) -> Self {
        Self { planned, tally, scores: Scores::default() }
    }

    /// Counts one episode.
    pub fn add(&mut self, observation: Observation) {
        self.tally.add(observation);
    }

    /// Counts the score of an episode; what is no number is none.
    pub fn add_score(&mut self, score: f64) {
        self.scores.add(score);
    }

    /// Its counts.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Its scores.
    #[must_use]
    pub fn scores(&self) -> Scores {
        self.scores
    }

    /// Those that did what is counted, of those judged.
    #[must_use]
    pub fn proportion(&self) -> Proportion {
        self.tally.proportion()
    }

    /// The rate with the episodes that were left out of it, as far as there are transcripts of them.
    #[must_use]
    pub fn drop_out(&self) -> DropOut {
        DropOut { judged: self.proportion(), missing: self.tally.left_out() }
    }

    /// Episodes in the rate, of those planned. More episodes than were planned are a plan that was wrong: then they are
    /// the plan.
    #[must_use]
    pub fn completeness(&self) -> Proportion {
        let seen = self.proportion().of() + self.tally.left_out() + self.tally.lost();
        Proportion::new(self.proportion().of(), self.planned.max(seen))
    }

    /// Whether a claim may rest on it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let is_enough = self.completeness().rate().is_some_and(|rate| rate >= COMPLETENESS_MIN);
        if is_enough { Standing::Complete } else { Standing::Incomplete }
    }

    /// Its numbers.
    #[must_use]
    pub fn summary(&self) -> CellSummary {
        CellSummary {
            planned: self.planned,
            completeness: self.completeness().rate(),
            standing: self.standing(),
            rate: self.tally.summary(),
            score: ScoreSummary::of(self.scores),
        }
    }
}

// === impl ScoreSummary ===

impl ScoreSummary {
    fn of(scores: Scores) -> Option<Self> {
        let estimate = scores.estimate(Confidence::ninety_five());
        Some(Self {
            n: scores.n(),
            mean: scores.mean()?,
            deviation: scores.deviation(),
            interval_95: estimate.map(|estimate| estimate.interval),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Infrastructure;

    fn cell(judged: u64, observation: Observation, others: u64) -> Cell {
        let mut cell = Cell::planned(100);
        for place in 0..judged {
            cell.add(Observation::Judged(place % 2 == 0));
        }
        for _ in 0..others {
            cell.add(observation);
        }
        cell
    }

    #[test]
    fn a_cell_that_lost_one_episode_in_ten_is_marked_whatever_took_it() {
        let lost = [
            Observation::Unread,
            Observation::Nothing,
            Observation::Unscored,
            Observation::Infrastructure(Infrastructure::Failed),
        ];
        for observation in lost {
            assert_eq!(cell(90, observation, 10).standing(), Standing::Incomplete, "{observation:?}");
            assert_eq!(cell(95, observation, 5).standing(), Standing::Complete, "{observation:?}");
        }
    }

    #[test]
    fn episodes_that_were_never_run_count_against_completeness() {
        let stopped = cell(94, Observation::Unread, 0);
        assert_eq!(stopped.completeness(), Proportion::new(94, 100));
        assert_eq!(stopped.standing(), Standing::Incomplete);
    }

    #[test]
    fn a_cell_without_a_plan_or_an_episode_supports_nothing() {
        assert_eq!(Cell::default().standing(), Standing::Incomplete);
        assert_eq!(Cell::default().summary().completeness, None);
    }

    #[test]
    fn the_mean_score_stands_beside_the_pass_rate() {
        let mut cell = cell(2, Observation::Unread, 0);
        cell.add_score(60.0);
        cell.add_score(80.0);
        cell.add_score(f64::NAN);
        let score = cell.summary().score.expect("scores");
        assert_eq!((score.n, score.mean), (2, 70.0));
    }
}
