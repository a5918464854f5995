//! One effect over cells, weighed by what each cell can say of it: apt where the effect may be taken as the same in all cells
//! and some are small. The headline does not use it, since its weights are the data's and not the study's.
//!
//! References: N. Mantel and W. Haenszel (1959) for the test and the odds ratio; J. Robins, N. Breslow and S. Greenland,
//! Biometrics 42 (1986), for the ratio's variance; S. Greenland and J. Robins, Biometrics 41 (1985), for the difference's.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::comparison::Comparison;
use super::discrete::{Discrete as _, Hypergeometric};
use super::estimate::{Estimate, TestResult};
use super::proportion::{Confidence, Interval};
use super::refusal::Refusal;

/// Products that the exact test may take: some hundred cells of some hundred episodes.
const STEPS_MAX: u128 = 20_000_000;

/// Outcomes of equal probability differ by rounding.
const TIE: f64 = 1e-10;

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

    /// The exact conditional test that no cell has an effect, two-sided: with every cell's margins fixed, how likely a sum of
    /// the first arms' hits is that is no likelier than the observed one. With one cell it is Fisher's.
    ///
    /// # Errors
    /// If there is no cell, or the counts are too large.
    pub fn exact(&self) -> Result<f64, Refusal> {
        if self.tables.is_empty() {
            return Err(Refusal::Nothing("any cell".to_owned()));
        }
        let (mut steps, mut sums, mut at) = (0_u128, vec![1.0], 0_u64);
        for table in &self.tables {
            let drawn = table.first.hits().saturating_add(table.second.hits());
            let own = Hypergeometric { hits: table.first.of(), misses: table.second.of(), drawn };
            let (least, greatest) = own.support();
            steps += u128::from(greatest - least + 1) * sums.len() as u128;
            if steps > STEPS_MAX {
                return Err(Refusal::TooLarge { what: "the exact test", size: steps, most: STEPS_MAX });
            }
            sums = convolved(&sums, &(least..=greatest).map(|hits| own.mass(hits)).collect::<Vec<_>>());
            at += table.first.hits() - least;
        }
        // The observed sum is one of those that can be, and there are fewer than the steps allow.
        let observed = sums.get(at as usize).copied().unwrap_or(0.0);
        Ok(sums.iter().filter(|mass| **mass <= observed * (1.0 + TIE)).sum::<f64>().min(1.0))
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

/// How two independent counts add up.
fn convolved(mine: &[f64], its: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; mine.len() + its.len() - 1];
    for (place, mass) in mine.iter().enumerate() {
        for (sum, other) in sums[place..].iter_mut().zip(its) {
            *sum += mass * other;
        }
    }
    sums
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

    fn table(first: (u64, u64), second: (u64, u64)) -> Comparison {
        Comparison { first: Proportion::new(first.0, first.1), second: Proportion::new(second.0, second.1) }
    }

    #[test]
    fn the_exact_test_of_one_cell_is_fishers() {
        for first in 0..=9 {
            let one = table((first, 9), (4, 12));
            let (exact, fisher) = (MantelHaenszel::new([one]).exact(), one.fisher());
            assert!((exact.expect("p") - fisher.expect("p")).abs() < 1e-12, "{first}");
        }
    }

    #[test]
    fn the_exact_test_of_two_cells_is_that_of_all_tables_with_their_margins() {
        // 2 of 3 against 0 of 3, twice: sums of two draws of 2 from 3 and 3: 1/5, 3/5, 1/5 each.
        let p = MantelHaenszel::new([table((2, 3), (0, 3)); 2]).exact().expect("p");
        assert!((p - 2.0 / 25.0).abs() < 1e-12, "{p}");
        assert!(MantelHaenszel::new([]).exact().is_err());
        let huge = MantelHaenszel::new([table((1 << 40, 1 << 41), (1 << 40, 1 << 41))]);
        assert!(matches!(huge.exact(), Err(Refusal::TooLarge { .. })));
    }
}
