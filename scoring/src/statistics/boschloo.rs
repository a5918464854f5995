//! Boschloo's exact test: how often Fisher's one-sided p is as small as it is here, under the common rate for which that
//! happens most often. Reference: R. D. Boschloo, "Raised conditional level of significance for the 2x2-table when testing
//! the equality of two probabilities", Statistica Neerlandica 24 (1970).

use super::comparison::Comparison;
use super::discrete::{Binomial, Discrete as _, Hypergeometric};
use super::proportion::Proportion;
use super::refusal::Refusal;

/// All tables of the design are looked at: about two arms of 2,000.
const TABLES_MAX: u128 = 4_000_000;

/// Fisher's p of tables that mirror each other differ by rounding.
const TIE: f64 = 1e-12;

/// The probability wavers over the common rate with waves as wide as a rate's standard deviation, which is the same
/// everywhere on the scale of the arc sine: so many points for each, before the best are refined.
const POINTS_PER_WAVE: f64 = 5.0;

/// The tables in which the first arm has as few hits, by Fisher's p, as was observed: for each of its hits, the least number
/// of hits of the second arm that puts the table in.
struct Region {
    first: u64,
    second: u64,
    second_from: Vec<u64>,
}

/// Twice the smaller side, at most 1.
pub(super) fn two_sided(comparison: Comparison) -> Result<f64, Refusal> {
    let Comparison { first, second } = comparison;
    let size = (u128::from(first.of()) + 1) * (u128::from(second.of()) + 1);
    if size > TABLES_MAX {
        return Err(Refusal::TooLarge { what: "Boschloo's test", size, most: TABLES_MAX });
    }
    let mirrored = |arm: Proportion| Proportion::new(arm.misses(), arm.of());
    let less = Region::of(first, second).greatest_probability();
    let greater = Region::of(mirrored(first), mirrored(second)).greatest_probability();
    Ok((2.0 * less.min(greater)).min(1.0))
}

/// Fisher's p for the first arm having so few hits.
pub(super) fn fewer(hits: u64, first: u64, second: u64, drawn: u64) -> f64 {
    Hypergeometric { hits: first, misses: second, drawn }.at_most(hits)
}

// === impl Region ===

impl Region {
    fn of(first: Proportion, second: Proportion) -> Self {
        let most = fewer(first.hits(), first.of(), second.of(), first.hits() + second.hits()) * (1.0 + TIE);
        let inside = |hits: u64, others: u64| fewer(hits, first.of(), second.of(), hits + others) <= most;
        // More hits of the second arm always lower the p, and more of the first always raise it: a staircase.
        let mut from = 0;
        let second_from = (0..=first.of()).map(|hits| {
            while from <= second.of() && !inside(hits, from) {
                from += 1;
            }
            from
        });
        let second_from = second_from.collect();
        Self { first: first.of(), second: second.of(), second_from }
    }

    fn greatest_probability(&self) -> f64 {
        let waves = ((self.first + self.second) as f64).sqrt() * std::f64::consts::PI;
        // Counts are bounded, so that this fits.
        let points = (waves * POINTS_PER_WAVE).ceil() as usize + 10;
        let rate = |place: usize| (place as f64 / points as f64 * std::f64::consts::FRAC_PI_2).sin().powi(2);
        let values: Vec<f64> = (0..=points).map(|place| self.probability(rate(place))).collect();
        let highest = values.iter().copied().fold(0.0, f64::max);
        // Between two points it may rise a little higher; so may one of the lower peaks.
        let is_peak =
            |around: &[f64]| around.iter().all(|value| *value <= around[1]) && around[1] > highest * 0.9;
        let peaks = values.windows(3).enumerate().filter(|(_, around)| is_peak(around));
        let refined = peaks.map(|(place, _)| self.refined(rate(place), rate(place + 2)));
        refined.fold(highest, f64::max).min(1.0)
    }

    /// The highest point between two rates, by golden sections.
    fn refined(&self, mut low: f64, mut high: f64) -> f64 {
        let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
        let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
        let (mut at_left, mut at_right) = (self.probability(left), self.probability(right));
        for _ in 0..50 {
            if at_left > at_right {
                (high, right, at_right) = (right, left, at_left);
                left = high - ratio * (high - low);
                at_left = self.probability(left);
            } else {
                (low, left, at_left) = (left, right, at_right);
                right = low + ratio * (high - low);
                at_right = self.probability(right);
            }
        }
        at_left.max(at_right)
    }

    /// How likely the region is under a common rate.
    fn probability(&self, rate: f64) -> f64 {
        let tails = tails(self.second, rate);
        let first = Binomial { n: self.first, p: rate };
        let tail =
            |from: u64| usize::try_from(from).ok().and_then(|from| tails.get(from)).copied().unwrap_or(0.0);
        (0..).zip(&self.second_from).map(|(hits, from)| first.mass(hits) * tail(*from)).sum()
    }
}

/// For each number of hits, how likely so many or more are.
fn tails(n: u64, rate: f64) -> Vec<f64> {
    let binomial = Binomial { n, p: rate };
    let mut tails: Vec<f64> = (0..=n).map(|hits| binomial.mass(hits)).collect();
    let mut sum = 0.0;
    for tail in tails.iter_mut().rev() {
        sum += *tail;
        *tail = sum;
    }
    tails
}
