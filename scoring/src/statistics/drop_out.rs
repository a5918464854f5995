//! What was left out of a rate, and what it could have hidden. Bounds without assumptions: C. F. Manski, "Nonparametric
//! bounds on treatment effects" (1990).

use serde::Serialize;

use super::proportion::{Interval, Proportion};

/// A rate with the episodes that it says nothing of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropOut {
    /// What was judged.
    pub judged: Proportion,
    /// What was not.
    pub missing: u64,
}

/// Whether a difference stands whatever was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Robustness {
    /// Its sign holds even in the worst case.
    Holds,
    /// What was left out could have turned it round.
    CouldTurn,
}

// === impl DropOut ===

impl DropOut {
    /// How many dropped out, of all.
    #[must_use]
    pub fn share(self) -> Proportion {
        Proportion::new(self.missing, self.missing.saturating_add(self.judged.of()))
    }

    /// The rate if all that is missing missed, and if all of it hit; none where there is nothing at all.
    #[must_use]
    pub fn worst_case(self) -> Option<Interval> {
        self.judged.bounds_with_missing(self.missing)
    }

    /// This rate less another in the worst cases: what is missing here all missed and there all hit, and the other way round.
    #[must_use]
    pub fn worst_case_against(self, other: Self) -> Option<Interval> {
        let (mine, its) = (self.worst_case()?, other.worst_case()?);
        Some(Interval { low: mine.low - its.high, high: mine.high - its.low })
    }

    /// Whether the sign of the difference to another rate holds in the worst case.
    #[must_use]
    pub fn robustness_against(self, other: Self) -> Option<Robustness> {
        let bounds = self.worst_case_against(other)?;
        let holds = bounds.low > 0.0 || bounds.high < 0.0;
        Some(if holds { Robustness::Holds } else { Robustness::CouldTurn })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_that_drop_out_could_have_made_is_known_as_such() {
        let all_there = DropOut { judged: Proportion::new(10, 100), missing: 0 };
        let few_left = DropOut { judged: Proportion::new(20, 60), missing: 40 };
        let bounds = few_left.worst_case_against(all_there).expect("bounds");
        assert!((bounds.low - 0.1).abs() < 1e-12 && (bounds.high - 0.5).abs() < 1e-12);
        assert_eq!(few_left.robustness_against(all_there), Some(Robustness::Holds));
        assert_eq!(few_left.robustness_against(few_left), Some(Robustness::CouldTurn));
    }

    #[test]
    fn the_share_is_of_all_not_of_the_judged() {
        assert_eq!(DropOut { judged: Proportion::new(1, 60), missing: 40 }.share(), Proportion::new(40, 100));
    }
}
