//! What a design can see: the power of a comparison of two rates, the least difference that it is likely to find, the
//! episodes that it takes. Nothing here takes pairs for granted: a correlation within them is only known afterwards.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::comparison::Comparison;
use super::density;
use super::proportion::{Confidence, Proportion};
use super::refusal::Refusal;

/// The exact power looks at every outcome: about two arms of 2,000.
const OUTCOMES_MAX: u128 = 4_000_000;

/// Outcomes that are less likely than this are not looked at.
const NEGLIGIBLE: f64 = 1e-14;

/// Two arms of so many episodes, and how often a false alarm may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// Episodes of the arm of interest.
    pub first: u64,
    /// Episodes of the one that it is held against.
    pub second: u64,
    /// 1 less how often a false alarm may be.
    pub confidence: Confidence,
}

/// The test that will decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedTest {
    /// The pooled z.
    PooledZ,
    /// Fisher's.
    Fisher,
}

// === impl Design ===

impl Design {
    /// How likely the pooled z test finds the difference between these two rates, by normal approximation.
    #[must_use]
    pub fn power(self, first: f64, second: f64) -> f64 {
        if self.first == 0 || self.second == 0 {
            return 0.0;
        }
        let (null, alternative) = deviations(first, second, self.ratio());
        let gap = (first - second) * (self.first as f64).sqrt();
        if alternative <= 0.0 {
            // Certain outcomes: found or not found.
            return f64::from(u8::from(gap.abs() > self.confidence.normal() * null));
        }
        let (bar, shift) = (self.confidence.normal() * null / alternative, gap / alternative);
        let normal = Normal::standard();
        normal.sf(bar - shift) + normal.cdf(-bar - shift)
    }

    /// How likely a test finds it, over every outcome that there can be.
    ///
    /// # Errors
    /// If an arm is empty, or there are too many outcomes.
    pub fn exact_power(self, first: f64, second: f64, test: PlannedTest) -> Result<f64, Refusal> {
        let size = (u128::from(self.first) + 1) * (u128::from(self.second) + 1);
        if size > OUTCOMES_MAX {
            return Err(Refusal::TooLarge { what: "the exact power", size, most: OUTCOMES_MAX });
        }
        if self.first == 0 || self.second == 0 {
            return Err(Refusal::Nothing("an arm of the design".to_owned()));
        }
        let (mine, its) = (outcomes(self.first, first), outcomes(self.second, second));
        let mut power = 0.0;
        for (hits, likely) in &mine {
            for (others, as_well) in &its {
                if self.finds(*hits, *others, test)? {
                    power += likely * as_well;
                }
            }
        }
        Ok(power)
    }

    /// The least rate above `base` in the first arm that is found with this power, as a difference to it; none where not
    /// even 1 is.
    #[must_use]
    pub fn detectable_rise(self, base: f64, power: f64) -> Option<f64> {
        least(1.0 - base, |gap| self.power(base + gap, base) >= power)
    }

    /// The least fall from `base` that is found; none where not even 0 is.
    #[must_use]
    pub fn detectable_fall(self, base: f64, power: f64) -> Option<f64> {
        least(base, |gap| self.power(base - gap, base) >= power)
    }

    /// The same as [`Design::detectable_rise`], by exact power.
    ///
    /// # Errors
    /// As [`Design::exact_power`].
    pub fn detectable_rise_exactly(
        self,
        base: f64,
        power: f64,
        test: PlannedTest,
    ) -> Result<Option<f64>, Refusal> {
        // What can be refused is refused for every pair of rates.
        self.exact_power(base, base, test)?;
        Ok(least(1.0 - base, |gap| {
            self.exact_power(base + gap, base, test).is_ok_and(|found| found >= power)
        }))
    }

    /// The episodes that each arm needs for this power, by normal approximation; none where the rates are the same, or no
    /// rates.
    #[must_use]
    pub fn episodes(first: f64, second: f64, power: f64, confidence: Confidence) -> Option<f64> {
        let gap = first - second;
        let (null, alternative) = deviations(first, second, 1.0);
        let wanted = Normal::standard().inverse_cdf(power.clamp(0.0, 1.0));
        let episodes = ((confidence.normal() * null + wanted * alternative) / gap).powi(2);
        (gap != 0.0 && episodes.is_finite()).then_some(episodes)
    }

    fn finds(self, hits: u64, others: u64, test: PlannedTest) -> Result<bool, Refusal> {
        let comparison = Comparison {
            first: Proportion::new(hits, self.first),
            second: Proportion::new(others, self.second),
        };
        let p = match test {
            PlannedTest::PooledZ => {
                // The quantile is known: no need of a p-value for each of thousands of outcomes.
                return Ok(comparison.z().is_some_and(|z| z.abs() >= self.confidence.normal()));
            }
            PlannedTest::Fisher => comparison.fisher()?,
        };
        Ok(p <= self.confidence.alpha())
    }

    fn ratio(self) -> f64 {
        self.second as f64 / self.first as f64
    }
}

/// The standard deviations of a difference, for one episode in the first arm and `ratio` in the second: if there is none,
/// and if it is this one.
fn deviations(first: f64, second: f64, ratio: f64) -> (f64, f64) {
    let pooled = (first + second * ratio) / (1.0 + ratio);
    let null = pooled * (1.0 - pooled) * (1.0 + 1.0 / ratio);
    let alternative = first * (1.0 - first) + second * (1.0 - second) / ratio;
    (null.max(0.0).sqrt(), alternative.max(0.0).sqrt())
}

/// The least gap up to `most` for which something holds; it holds for all above.
fn least(most: f64, holds: impl Fn(f64) -> bool) -> Option<f64> {
    if !(most > 0.0 && holds(most)) {
        return None;
    }
    let (mut low, mut high) = (0.0, most);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if holds(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The numbers of hits that are likely enough to matter.
fn outcomes(n: u64, rate: f64) -> Vec<(u64, f64)> {
    let mass = |hits: u64| (hits, density::binomial(hits as f64, n as f64, rate, 1.0 - rate));
    (0..=n).map(mass).filter(|(_, likely)| *likely > NEGLIGIBLE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell() -> Design {
        Design { first: 100, second: 100, confidence: Confidence::ninety_five() }
    }

    #[test]
    fn the_least_difference_found_has_just_the_power_asked_for() {
        let rise = cell().detectable_rise(0.1, 0.8).expect("a rise");
        assert!((cell().power(0.1 + rise, 0.1) - 0.8).abs() < 1e-9);
        let fall = cell().detectable_fall(0.9, 0.8).expect("a fall");
        assert!((rise - fall).abs() < 1e-9);
    }

    #[test]
    fn what_is_too_small_to_be_seen_is_not_promised() {
        let tiny = Design { first: 3, second: 3, ..cell() };
        assert_eq!(tiny.detectable_rise(0.9, 0.8), None);
        assert_eq!(Design { first: 0, ..cell() }.power(0.9, 0.1), 0.0);
        assert_eq!(Design::episodes(0.4, 0.4, 0.8, Confidence::ninety_five()), None);
    }

    #[test]
    fn the_exact_power_of_fishers_test_never_exceeds_its_level_without_a_difference() {
        let design = Design { first: 30, second: 30, ..cell() };
        for rate in [0.02, 0.1, 0.5] {
            let alarms = design.exact_power(rate, rate, PlannedTest::Fisher).expect("power");
            assert!(alarms <= 0.05, "{rate}: {alarms}");
        }
    }

    #[test]
    fn exact_power_of_a_whole_sweep_is_refused_not_waited_for() {
        let sweep = Design { first: 30_000, second: 30_000, ..cell() };
        assert!(matches!(sweep.exact_power(0.1, 0.2, PlannedTest::PooledZ), Err(Refusal::TooLarge { .. })));
    }
}
