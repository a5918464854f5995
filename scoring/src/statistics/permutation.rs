//! Scores over the same seeds: the paired permutation test.
//!
//! If the condition makes no difference, the two scores of a pair could have stood the other way round. The p-value is the
//! share of all such exchanges that leave a mean difference at least as far from 0.

use super::estimate::{Estimate, TestResult};
use super::proportion::Confidence;
use super::random::Random;
use super::refusal::Refusal;
use super::scores::Scores;
use super::tie::Tie;

/// With so many pairs that differ all exchanges are gone through, 65,536 of them; with more, some are drawn.
const EXACT_PAIRS_MAX: usize = 16;

/// Sums of the same numbers in another order differ by rounding.
const ROUNDING: f64 = 1e-12;

/// What the scores of pairs differ by: the first less the second.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedScores {
    tie: Tie,
    differences: Vec<f64>,
}

// === impl PairedScores ===

impl PairedScores {
    /// Pairs of scores; a pair of which a score is no finite number is left out.
    pub fn new(tie: Tie, pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let differences = pairs.into_iter().map(|(first, second)| first - second);
        Self { tie, differences: differences.filter(|difference| difference.is_finite()).collect() }
    }

    /// What ties the pairs together.
    #[must_use]
    pub fn tie(&self) -> Tie {
        self.tie
    }

    /// How many pairs there are.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.differences.len()
    }

    /// The mean difference with Student's interval; none with fewer than two pairs.
    #[must_use]
    pub fn difference(&self, confidence: Confidence) -> Option<Estimate> {
        Scores::of(self.differences.iter().copied()).estimate(confidence)
    }

    /// The permutation test: exact for few pairs; for more by `draws` exchanges drawn from the seed, with an error of at most
    /// `1 / (2 sqrt(draws))` to one standard deviation. A drawn p is never 0: the observed order is one of those counted.
    ///
    /// # Errors
    /// If there is no pair.
    pub fn permutation(&self, seed: u64, draws: u32) -> Result<TestResult, Refusal> {
        if self.differences.is_empty() {
            return Err(Refusal::Nothing("any pair".to_owned()));
        }
        let moving: Vec<f64> =
            self.differences.iter().copied().filter(|difference| *difference != 0.0).collect();
        let observed: f64 = moving.iter().sum();
        let size: f64 = moving.iter().map(|difference| difference.abs()).sum();
        let least = observed.abs() - size * ROUNDING;
        let statistic = observed / self.differences.len() as f64;
        let p = if moving.len() <= EXACT_PAIRS_MAX {
            exact(&moving, least)
        } else {
            drawn(&moving, least, seed, draws)
        };
        Ok(TestResult { statistic, p })
    }
}

fn exact(moving: &[f64], least: f64) -> f64 {
    let exchanges = 1_u64 << moving.len();
    let as_far = (0..exchanges).filter(|signs| signed_sum(moving, *signs).abs() >= least).count();
    as_far as f64 / exchanges as f64
}

fn drawn(moving: &[f64], least: f64, seed: u64, draws: u32) -> f64 {
    let mut random = Random::new(seed);
    let mut as_far = 0_u64;
    for _ in 0..draws {
        let sum: f64 = moving.chunks(64).map(|chunk| signed_sum(chunk, random.bits())).sum();
        as_far += u64::from(sum.abs() >= least);
    }
    (as_far + 1) as f64 / (f64::from(draws) + 1.0)
}

/// The sum in which the bits say what is turned round.
fn signed_sum(numbers: &[f64], signs: u64) -> f64 {
    numbers
        .iter()
        .enumerate()
        .map(|(place, number)| if signs >> place & 1 == 1 { -number } else { *number })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::SeedUse;

    fn pairs(differences: &[f64]) -> PairedScores {
        let tie = SeedUse::Provider.tie().expect("a tie");
        PairedScores::new(tie, differences.iter().map(|difference| (*difference, 0.0)))
    }

    #[test]
    fn all_pairs_leaning_one_way_are_as_rare_as_coins_all_falling_alike() {
        let p = pairs(&[1.0, 2.0, 3.0, 4.0, 5.0]).permutation(0, 0).expect("p").p;
        assert_eq!(p, 2.0 / 32.0);
    }

    #[test]
    fn drawn_exchanges_come_near_the_exact_share() {
        let differences: Vec<f64> = (0..24).map(|place| f64::from(place % 5) - 1.6).collect();
        let exact = exact(&differences, differences.iter().sum::<f64>().abs() - 1e-9);
        let drawn = pairs(&differences).permutation(11, 20_000).expect("p").p;
        // Four standard deviations at most.
        assert!((exact - drawn).abs() < 4.0 * 0.5 / 20_000_f64.sqrt(), "{exact} {drawn}");
    }

    #[test]
    fn equal_pairs_say_nothing_and_none_are_refused() {
        assert_eq!(pairs(&[0.0, 0.0]).permutation(0, 9).expect("p").p, 1.0);
        assert!(pairs(&[f64::NAN]).permutation(0, 9).is_err());
    }
}
