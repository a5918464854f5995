//! Two independent rates.
//!
//! The interval is Newcombe's hybrid of two Wilson intervals. There are three tests. The pooled z is the published study's,
//! and good at the counts of a cell where neither rate is near 0 or 1. Fisher's holds both margins fixed, which no sweep
//! does, and is too careful for it. Boschloo's takes Fisher's p as its statistic and asks how often it is as small under
//! any common rate: exact for a design whose arms alone are fixed, as ours are, and never less powerful than Fisher's. So
//! Boschloo's is the exact test of a report; Barnard's would do as well but has no such order to Fisher's.
//! Reference: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
//! Medicine 17 (1998), method 10.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::boschloo;
use super::estimate::{Estimate, TestResult};
use super::fisher::Table;
use super::proportion::{Confidence, Interval, Proportion};
use super::refusal::Refusal;

/// Two rates of which neither knows of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The rate of interest.
    pub first: Proportion,
    /// What it is held against.
    pub second: Proportion,
}

// === impl Comparison ===

impl Comparison {
    /// The first rate less the second, with Newcombe's interval; none where an arm is empty.
    #[must_use]
    pub fn difference(self, confidence: Confidence) -> Option<Estimate> {
        let (first, second) = (self.first.estimate(confidence)?, self.second.estimate(confidence)?);
        Some(first.minus(second).within(Interval { low: -1.0, high: 1.0 }))
    }

    /// The two-proportion z test with the variance of the pooled rate; none where an arm is empty. Where all trials of
    /// both arms went the same way there is no difference, and p is 1.
    #[must_use]
    pub fn z_test(self) -> Option<TestResult> {
        let statistic = self.z()?;
        Some(TestResult { statistic, p: two_sided(statistic) })
    }

    /// The statistic of the z test, without its p-value.
    pub(super) fn z(self) -> Option<f64> {
        let gap = self.first.rate()? - self.second.rate()?;
        let error = self.pooled_variance()?.sqrt();
        Some(if error > 0.0 { gap / error } else { 0.0 })
    }

    /// Fisher's exact test, two-sided: all tables of the same margins that are no likelier than this one.
    ///
    /// # Errors
    /// If an arm is empty, or the counts are too large.
    pub fn fisher(self) -> Result<f64, Refusal> {
        self.check()?;
        Table::of(self).two_sided()
    }

    /// Boschloo's exact test, two-sided: twice the smaller of both sides.
    ///
    /// # Errors
    /// If an arm is empty, or the counts are too large.
    pub fn boschloo(self) -> Result<f64, Refusal> {
        self.check()?;
        boschloo::two_sided(self)
    }

    /// What the difference's variance would be, were both rates one.
    pub(super) fn pooled_variance(self) -> Option<f64> {
        let (first, second) = (self.first.of() as f64, self.second.of() as f64);
        if self.first.of() == 0 || self.second.of() == 0 {
            return None;
        }
        let pooled = (self.first.hits() as f64 + self.second.hits() as f64) / (first + second);
        Some(pooled * (1.0 - pooled) * (1.0 / first + 1.0 / second))
    }

    fn check(self) -> Result<(), Refusal> {
        for (arm, name) in [(self.first, "the first arm"), (self.second, "the second arm")] {
            if arm.of() == 0 {
                return Err(Refusal::Nothing(name.to_owned()));
            }
        }
        Ok(())
    }
}

/// How likely a standard normal value is as far from 0 as this.
pub(super) fn two_sided(z: f64) -> f64 {
    2.0 * Normal::standard().sf(z.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(first: (u64, u64), second: (u64, u64)) -> Comparison {
        Comparison { first: Proportion::new(first.0, first.1), second: Proportion::new(second.0, second.1) }
    }

    #[test]
    fn the_interval_is_that_of_newcombes_example() {
        let difference =
            compare((56, 70), (48, 80)).difference(Confidence::ninety_five()).expect("a difference");
        assert_eq!(format!("{:.4}", difference.interval.low), "0.0524");
        assert_eq!(format!("{:.4}", difference.interval.high), "0.3339");
    }

    #[test]
    fn two_arms_without_a_hit_do_not_differ() {
        let none = compare((0, 100), (0, 80));
        assert_eq!(none.z_test(), Some(TestResult { statistic: 0.0, p: 1.0 }));
        assert_eq!(none.fisher(), Ok(1.0));
        assert_eq!(none.boschloo(), Ok(1.0));
    }

    #[test]
    fn an_empty_arm_is_refused_by_name() {
        let empty = compare((3, 9), (0, 0));
        assert_eq!(empty.z_test(), None);
        assert_eq!(empty.fisher(), Err(Refusal::Nothing("the second arm".to_owned())));
    }

    #[test]
    fn boschloo_is_never_less_powerful_than_fisher() {
        for first in 0..=8 {
            for second in 0..=11 {
                let table = compare((first, 8), (second, 11));
                let less = boschloo::fewer(first, 8, 11, first + second);
                let greater = boschloo::fewer(8 - first, 8, 11, 19 - first - second);
                let (fisher, boschloo) = (2.0 * less.min(greater), table.boschloo().expect("p"));
                assert!(boschloo <= fisher.min(1.0) + 1e-12, "{first} {second}: {boschloo} {fisher}");
            }
        }
    }

    #[test]
    fn counts_beyond_exactness_are_refused_not_waited_for() {
        let huge = compare((1 << 40, 1 << 41), (1 << 40, 1 << 42));
        assert!(matches!(huge.fisher(), Err(Refusal::TooLarge { .. })));
        assert!(matches!(huge.boschloo(), Err(Refusal::TooLarge { .. })));
        assert!(huge.z_test().is_some());
    }
}
