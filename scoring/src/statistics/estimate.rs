//! A number with its interval, and how such numbers are subtracted and averaged.
//!
//! The interval of a sum is made from those of its parts: each limit is as far from the sum as the root of the parts' squared
//! distances. Of two Wilson intervals that is Newcombe's method for a difference; it keeps what Wilson's has over the
//! textbook's at rates of 0 and 1. Reference: G. Y. Zou and A. Donner, "Construction of confidence limits about effect
//! measures: a general approach", Statistics in Medicine 27 (2008).

use serde::Serialize;

use super::proportion::{Confidence, Interval};

/// A number and how sure one may be of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Where the true one may be.
    pub interval: Interval,
}

/// What a test says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TestResult {
    /// The test's statistic.
    pub statistic: f64,
    /// How likely it is to be as far out as this if there is no difference; both sides count.
    pub p: f64,
}

// === impl Estimate ===

impl Estimate {
    /// This less another, of which it is independent.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.minus_correlated(other, 0.0)
    }

    /// This less another that moves with it; `correlation` is in -1..=1.
    #[must_use]
    pub fn minus_correlated(self, other: Self, correlation: f64) -> Self {
        let value = self.value - other.value;
        let apart =
            |mine: f64, its: f64| (mine * mine - 2.0 * correlation * mine * its + its * its).max(0.0).sqrt();
        let low = value - apart(self.below(), other.above());
        let high = value + apart(self.above(), other.below());
        Self { value, interval: Interval { low, high } }
    }

    /// The sum of independent parts, each by its weight; weights may be negative.
    #[must_use]
    pub fn weighted(parts: &[(f64, Self)]) -> Self {
        let (mut value, mut low, mut high) = (0.0, 0.0, 0.0);
        for (weight, part) in parts {
            value += weight * part.value;
            let (below, above) =
                if *weight < 0.0 { (part.above(), part.below()) } else { (part.below(), part.above()) };
            low += (weight * below).powi(2);
            high += (weight * above).powi(2);
        }
        Self { value, interval: Interval { low: value - low.sqrt(), high: value + high.sqrt() } }
    }

    /// The same, with nothing of it outside of a range.
    #[must_use]
    pub fn within(self, range: Interval) -> Self {
        let into = |number: f64| number.max(range.low).min(range.high);
        let interval = Interval { low: into(self.interval.low), high: into(self.interval.high) };
        Self { value: into(self.value), interval }
    }

    /// Whether 0 is outside.
    #[must_use]
    pub fn excludes_zero(self) -> bool {
        self.interval.low > 0.0 || self.interval.high < 0.0
    }

    fn below(self) -> f64 {
        self.value - self.interval.low
    }

    fn above(self) -> f64 {
        self.interval.high - self.value
    }
}

/// The p-value that belongs to a kind of interval: 1 less the confidence at which it just touches 0. So a table never says
/// that a difference is significant beside an interval that holds 0, or the other way round.
pub(crate) fn p_by_inversion(estimate: impl Fn(Confidence) -> Estimate) -> f64 {
    // In logarithms, so that small p-values have as many digits as large ones.
    let (mut low, mut high) = (-690.0_f64, 0.0_f64);
    if estimate(Confidence::missing(low.exp())).excludes_zero() {
        return low.exp();
    }
    if !estimate(Confidence::missing(1.0 - f64::EPSILON)).excludes_zero() {
        return 1.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if estimate(Confidence::missing(middle.exp())).excludes_zero() { high = middle } else { low = middle }
    }
    f64::midpoint(low, high).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Proportion;

    fn rate(hits: u64, of: u64) -> Estimate {
        Proportion::new(hits, of).estimate(Confidence::ninety_five()).expect("an estimate")
    }

    #[test]
    fn subtracting_is_a_weighted_sum_with_weights_of_one_and_minus_one() {
        let (a, b) = (rate(12, 40), rate(3, 50));
        let (minus, weighted) = (a.minus(b), Estimate::weighted(&[(1.0, a), (-1.0, b)]));
        assert!((minus.interval.low - weighted.interval.low).abs() < 1e-15);
        assert!((minus.interval.high - weighted.interval.high).abs() < 1e-15);
    }

    #[test]
    fn what_moves_together_differs_less_surely() {
        let (a, b) = (rate(12, 40), rate(14, 40));
        let together = a.minus_correlated(b, 0.8).interval;
        let apart = a.minus(b).interval;
        assert!(together.high - together.low < apart.high - apart.low);
    }
}
