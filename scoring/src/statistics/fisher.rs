//! Fisher's exact test: with both margins fixed, the hits of the first arm are hypergeometric.

use super::comparison::Comparison;
use super::discrete::{Discrete as _, Hypergeometric};
use super::refusal::Refusal;

/// Tables of equal probability differ by rounding; two that are apart by less than this count as equal.
const TIE: f64 = 1e-10;

/// More episodes than this need no exact test, and sums would take long.
const COUNT_MAX: u64 = 10_000_000_000;

/// The hits of the first arm, and how they are distributed given the margins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    observed: u64,
    distribution: Hypergeometric,
}

// === impl Table ===

impl Table {
    pub(super) fn of(comparison: Comparison) -> Self {
        let Comparison { first, second } = comparison;
        let drawn = first.hits().saturating_add(second.hits());
        let distribution = Hypergeometric { hits: first.of(), misses: second.of(), drawn };
        Self { observed: first.hits(), distribution }
    }

    /// How likely a table is that is no likelier than this one.
    pub(super) fn two_sided(self) -> Result<f64, Refusal> {
        let Hypergeometric { hits, misses, .. } = self.distribution;
        if hits.max(misses) > COUNT_MAX {
            let size = u128::from(hits) + u128::from(misses);
            return Err(Refusal::TooLarge { what: "Fisher's test", size, most: COUNT_MAX.into() });
        }
        let most = self.distribution.mass(self.observed) * (1.0 + TIE);
        let mode = self.distribution.mode();
        let p = match self.observed.cmp(&mode) {
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Less => {
                self.distribution.sum_down(self.observed) + self.sum_above(mode, most)
            }
            std::cmp::Ordering::Greater => {
                self.distribution.sum_up(self.observed) + self.sum_below(mode, most)
            }
        };
        Ok(p.min(1.0))
    }

    /// The tail above the mode, from the first value that is likely `most` at most.
    fn sum_above(self, mode: u64, most: f64) -> f64 {
        let (_, greatest) = self.distribution.support();
        let (mut low, mut high) = (mode, greatest + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.distribution.mass(middle) <= most { high = middle } else { low = middle + 1 }
        }
        if low > greatest { 0.0 } else { self.distribution.sum_up(low) }
    }

    /// The tail below the mode, up to the last value that is likely `most` at most.
    fn sum_below(self, mode: u64, most: f64) -> f64 {
        let (least, _) = self.distribution.support();
        let (mut low, mut high) = (least, mode + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.distribution.mass(middle) > most { high = middle } else { low = middle + 1 }
        }
        if low == least { 0.0 } else { self.distribution.sum_down(low - 1) }
    }
}
