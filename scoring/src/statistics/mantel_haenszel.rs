//! One effect over cells, weighed by what each cell can say of it: apt where the effect may be taken as the same in all cells
//! and some are small. The headline does not use it, since its weights are the data's and not the study's.
//!
//! References: N. Mantel and W. Haenszel (1959) for the test and the odds ratio; J. Robins, N. Breslow and S. Greenland,
//! Biometrics 42 (1986), for the ratio's variance; S. Greenland and J. Robins, Biometrics 41 (1985), for the difference's.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::comparison::Comparison;
use super::estimate::{Estimate, TestResult};
use super::proportion::{Confidence, Interval};

/// Two conditions in each of several cells. Cells in which an arm is empty say nothing and are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MantelHaenszel {
    tables: Vec<Comparison>,
}

/// A table's counts: hits and misses of the first arm, then of the second.
struct Counts {
    a: f64,
    b: f64,
    c: f64,
    d: f64,
}

// === impl MantelHaenszel ===

impl MantelHaenszel {
    /// Of these cells.
    pub fn new(tables: impl IntoIterator<Item = Comparison>) -> Self {
        let tables = tables.into_iter().filter(|table| table.first.of() > 0 && table.second.of() > 0);
        Self { tables: tables.collect() }
    }

    /// Cochran, Mantel and Haenszel's test that no cell has an effect, without correction; the statistic is chi-squared with
    /// one degree of freedom. None where no cell could show one.
    #[must_use]
    pub fn test(&self) -> Option<TestResult> {
        let (mut gap, mut variance) = (0.0, 0.0);
        for t in self.counts() {
            let n = t.all();
            gap += t.a - (t.a + t.b) * (t.a + t.c) / n;
            variance += (t.a + t.b) * (t.a + t.c) * (t.c + t.d) * (t.b + t.d) / (n * n * (n - 1.0));
        }
        let statistic = gap * gap / variance;
        // Chi-squared with one degree of freedom is a squared normal.
        (variance > 0.0).then(|| TestResult { statistic, p: 2.0 * Normal::standard().sf(statistic.sqrt()) })
    }

    /// The pooled odds ratio with its interval; none where either direction never occurs.
    #[must_use]
    pub fn odds_ratio(&self, confidence: Confidence) -> Option<Estimate> {
        let (mut r, mut s, mut pr, mut mixed, mut qs) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for t in self.counts() {
            let n = t.all();
            let (p, q) = ((t.a + t.d) / n, (t.b + t.c) / n);
            let (for_it, against) = (t.a * t.d / n, t.b * t.c / n);
            (r, s) = (r + for_it, s + against);
            pr += p * for_it;
            mixed += p * against + q * for_it;
            qs += q * against;
        }
        if r <= 0.0 || s <= 0.0 {
            return None;
        }
        let value: f64 = r / s;
        let variance = pr / (2.0 * r * r) + mixed / (2.0 * r * s) + qs / (2.0 * s * s);
        let half = confidence.normal() * variance.sqrt();
        let interval = Interval { low: (value.ln() - half).exp(), high: (value.ln() + half).exp() };
        Some(Estimate { value, interval })
    }

    /// The pooled difference of rates with its interval; none of no cells.
    #[must_use]
    pub fn difference(&self, confidence: Confidence) -> Option<Estimate> {
        let (mut gap, mut weight, mut spread) = (0.0, 0.0, 0.0);
        for t in self.counts() {
            let (n, first, second) = (t.all(), t.a + t.b, t.c + t.d);
            gap += (t.a * second - t.c * first) / n;
            weight += first * second / n;
            spread += (t.a * t.b * second.powi(3) + t.c * t.d * first.powi(3)) / (first * second * n * n);
        }
        let value = gap / weight;
        let half = confidence.normal() * spread.sqrt() / weight;
        (weight > 0.0)
            .then_some(Estimate { value, interval: Interval { low: value - half, high: value + half } })
    }

    fn counts(&self) -> impl Iterator<Item = Counts> {
        self.tables.iter().map(|table| Counts {
            a: table.first.hits() as f64,
            b: table.first.misses() as f64,
            c: table.second.hits() as f64,
            d: table.second.misses() as f64,
        })
    }
}

// === impl Counts ===

impl Counts {
    fn all(&self) -> f64 {
        self.a + self.b + self.c + self.d
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Proportion;

    #[test]
    fn cells_that_say_nothing_change_nothing() {
        let table = |hits, of, others, other_of| Comparison {
            first: Proportion::new(hits, of),
            second: Proportion::new(others, other_of),
        };
        let told = MantelHaenszel::new([table(9, 20, 3, 20)]);
        let with_empty = MantelHaenszel::new([table(9, 20, 3, 20), table(0, 0, 5, 5)]);
        assert_eq!(told.test(), with_empty.test());
        assert_eq!(MantelHaenszel::new([table(0, 9, 0, 9)]).test(), None);
        assert_eq!(MantelHaenszel::new([table(0, 9, 0, 9)]).odds_ratio(Confidence::ninety_five()), None);
    }
}
