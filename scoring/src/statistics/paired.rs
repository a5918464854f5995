//! Two rates over the same seeds.
//!
//! References: R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired
//! data", Statistics in Medicine 17 (1998), method 10; M. W. Fagerland, S. Lydersen and P. Laake, "The McNemar test for binary
//! matched-pairs data", BMC Medical Research Methodology 13 (2013), which recommends the mid-p over the exact test.

use super::discrete::{Binomial, Discrete as _};
use super::estimate::Estimate;
use super::proportion::{Confidence, Proportion};
use super::refusal::Refusal;
use super::tie::Tie;

/// More pairs than this that disagree need no exact test.
const PAIRS_MAX: u64 = 10_000_000_000;

/// Pairs of episodes by which of the two did what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairedCounts {
    tie: Tie,
    both: u64,
    first_only: u64,
    second_only: u64,
    neither: u64,
}

// === impl PairedCounts ===

impl PairedCounts {
    /// No pair yet.
    #[must_use]
    pub fn new(tie: Tie) -> Self {
        Self { tie, both: 0, first_only: 0, second_only: 0, neither: 0 }
    }

    /// Pairs counted elsewhere, in the order both, first only, second only, neither.
    #[must_use]
    pub fn of(tie: Tie, [both, first_only, second_only, neither]: [u64; 4]) -> Self {
        Self { tie, both, first_only, second_only, neither }
    }

    /// Counts one pair.
    pub fn add(&mut self, first: bool, second: bool) {
        let count = match (first, second) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.first_only,
            (false, true) => &mut self.second_only,
            (false, false) => &mut self.neither,
        };
        *count += 1;
    }

    /// What ties the pairs together.
    #[must_use]
    pub fn tie(self) -> Tie {
        self.tie
    }

    /// How many pairs there are.
    #[must_use]
    pub fn pairs(self) -> u64 {
        self.both + self.first_only + self.second_only + self.neither
    }

    /// The first rate.
    #[must_use]
    pub fn first(self) -> Proportion {
        Proportion::new(self.both + self.first_only, self.pairs())
    }

    /// The second rate.
    #[must_use]
    pub fn second(self) -> Proportion {
        Proportion::new(self.both + self.second_only, self.pairs())
    }

    /// The correlation within pairs, as observed: phi, in -1..=1. None where a side always did the same: then nothing can be
    /// said of it. Near 0 pairing has bought nothing.
    #[must_use]
    pub fn correlation(self) -> Option<f64> {
        let margins = self.margins();
        (margins > 0.0).then(|| self.cross() / margins.sqrt())
    }

    /// The first rate less the second, with Newcombe's interval for pairs; none where there is no pair.
    #[must_use]
    pub fn difference(self, confidence: Confidence) -> Option<Estimate> {
        let (first, second) = (self.first().estimate(confidence)?, self.second().estimate(confidence)?);
        Some(first.minus_correlated(second, self.careful_correlation()))
    }

    /// McNemar's exact test, two-sided.
    ///
    /// # Errors
    /// If there is no pair, or more than can be added up.
    pub fn mcnemar_exact(self) -> Result<f64, Refusal> {
        let (fewer, coin) = self.disagreements()?;
        Ok((2.0 * coin.at_most(fewer)).min(1.0))
    }

    /// McNemar's mid-p test, two-sided: as the exact one, with half of the observed outcome's probability.
    ///
    /// # Errors
    /// As [`PairedCounts::mcnemar_exact`].
    pub fn mcnemar_mid_p(self) -> Result<f64, Refusal> {
        let (fewer, coin) = self.disagreements()?;
        Ok((2.0 * coin.at_most(fewer) - coin.mass(fewer)).min(1.0))
    }

    /// The rarer of the two ways to disagree, and the coin that decides between them if there is no difference.
    fn disagreements(self) -> Result<(u64, Binomial), Refusal> {
        let n = self.first_only + self.second_only;
        if self.pairs() == 0 {
            return Err(Refusal::Nothing("any pair".to_owned()));
        }
        if n > PAIRS_MAX {
            return Err(Refusal::TooLarge { what: "McNemar's test", size: n.into(), most: PAIRS_MAX.into() });
        }
        Ok((self.first_only.min(self.second_only), Binomial { n, p: 0.5 }))
    }

    /// Newcombe's correlation, corrected for continuity towards 0, so that the interval is rather too wide.
    fn careful_correlation(self) -> f64 {
        let (cross, half, margins) = (self.cross(), self.pairs() as f64 / 2.0, self.margins());
        let careful = if cross > 0.0 { (cross - half).max(0.0) } else { cross };
        if margins > 0.0 { careful / margins.sqrt() } else { 0.0 }
    }

    fn cross(self) -> f64 {
        self.both as f64 * self.neither as f64 - self.first_only as f64 * self.second_only as f64
    }

    fn margins(self) -> f64 {
        let (first, second) = (self.first(), self.second());
        first.hits() as f64 * first.misses() as f64 * second.hits() as f64 * second.misses() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::SeedUse;

    fn pairs(counts: [u64; 4]) -> PairedCounts {
        PairedCounts::of(SeedUse::Both.tie().expect("a tie"), counts)
    }

    #[test]
    fn pairs_that_never_disagree_show_no_difference() {
        let same = pairs([40, 0, 0, 60]);
        assert_eq!(same.mcnemar_exact(), Ok(1.0));
        assert_eq!(same.mcnemar_mid_p(), Ok(1.0));
        assert_eq!(same.correlation(), Some(1.0));
    }

    #[test]
    fn the_exact_p_is_that_of_a_fair_coin() {
        assert_eq!(pairs([0, 5, 0, 0]).mcnemar_exact(), Ok(0.0625));
        assert_eq!(pairs([0, 5, 0, 0]).mcnemar_mid_p(), Ok(0.03125));
    }

    #[test]
    fn a_side_that_always_did_the_same_has_no_correlation() {
        assert_eq!(pairs([10, 0, 5, 0]).correlation(), None);
        assert!(pairs([10, 0, 5, 0]).difference(Confidence::ninety_five()).is_some());
    }

    #[test]
    fn without_a_pair_there_is_nothing_to_say() {
        assert_eq!(pairs([0; 4]).difference(Confidence::ninety_five()), None);
        assert!(matches!(pairs([0; 4]).mcnemar_exact(), Err(Refusal::Nothing(_))));
    }
}
