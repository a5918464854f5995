//! A proportion and how sure one may be of it.
//!
//! The interval is Wilson's score interval: unlike the textbook one it stays inside 0..1, does not collapse to a point
//! at 0 or all hits, and keeps close to its nominal level at the small counts of one cell. Of 100 episodes a 95 % interval
//! covers 95.1 % on average over the rates from 1 to 99 %, and 91.6 % at least (at 1.02 %). Below 1 % there is a gap that no
//! interval of this kind is free of: from 0.11 to 0.55 %, where half a hit or less is expected, it covers less than 90 %, and
//! 83.8 % at worst (at 0.18 %, just below the lower limit for a single hit); above 99 % likewise. Reference: R. G. Newcombe,
//! "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), method 3.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF as _, Normal};

use super::estimate::Estimate;
use super::student;

/// So many hits of so many. Never more hits than trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Proportion {
    hits: u64,
    of: u64,
}

/// A range of numbers. That of a rate is within 0..=1, that of a difference of rates within -1..=1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// How often an interval is to cover the true rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confidence {
    /// How often it may miss.
    alpha: f64,
    /// The two-sided quantile of the standard normal distribution.
    quantile: f64,
}

// === impl Proportion ===

impl Proportion {
    /// `hits` of `of`; hits beyond `of` can't be and count as all.
    #[must_use]
    pub fn new(hits: u64, of: u64) -> Self {
        Self { hits: hits.min(of), of }
    }

    /// How many hits.
    #[must_use]
    pub fn hits(self) -> u64 {
        self.hits
    }

    /// Of how many.
    #[must_use]
    pub fn of(self) -> u64 {
        self.of
    }

    /// The rate; none where nothing was counted: 0 of 0 is not 0.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }

    /// How many misses.
    #[must_use]
    pub fn misses(self) -> u64 {
        self.of - self.hits
    }

    /// Wilson's score interval; none where nothing was counted.
    #[must_use]
    pub fn interval(self, confidence: Confidence) -> Option<Interval> {
        Some(wilson(self.rate()?, self.of as f64, confidence))
    }

    /// The rate with its interval; none where nothing was counted.
    #[must_use]
    pub fn estimate(self, confidence: Confidence) -> Option<Estimate> {
        Some(Estimate { value: self.rate()?, interval: self.interval(confidence)? })
    }

    /// What the rate could have been, had the `missing` trials all missed, or all hit; none where there are none at all.
    #[must_use]
    pub fn bounds_with_missing(self, missing: u64) -> Option<Interval> {
        let of = self.of.saturating_add(missing);
        let low = Self::new(self.hits, of).rate()?;
        let high = Self::new(self.hits.saturating_add(missing), of).rate()?;
        Some(Interval { low, high })
    }
}

/// Wilson's interval of a rate among `n` trials, which need not be a whole number: what many cells say together can be as
/// much as so many trials of one would say.
pub(super) fn wilson(rate: f64, n: f64, confidence: Confidence) -> Interval {
    let z = confidence.quantile;
    let shrink = 1.0 + z * z / n;
    let centre = (rate + z * z / (2.0 * n)) / shrink;
    let half = z * (rate * (1.0 - rate) / n + z * z / (4.0 * n * n)).sqrt() / shrink;
    // At the ends the exact value is known, and rounding must not show as 0.0000000001.
    let low = if rate <= 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if rate >= 1.0 { 1.0 } else { (centre + half).min(1.0) };
    Interval { low, high }
}

// === impl Confidence ===

impl Confidence {
    /// 95 %.
    #[must_use]
    pub fn ninety_five() -> Self {
        Self::of(0.95)
    }

    /// A level strictly between 0 and 1; any other is taken as the nearest that can be.
    #[must_use]
    pub fn of(level: f64) -> Self {
        let level = if level.is_nan() { 0.95 } else { level.clamp(f64::EPSILON, 1.0 - f64::EPSILON) };
        Self::missing(1.0 - level)
    }

    /// That of one of `comparisons` intervals which are to cover all together: each misses less often.
    #[must_use]
    pub fn shared_by(self, comparisons: usize) -> Self {
        Self::missing(self.alpha / comparisons.max(1) as f64)
    }

    /// How often such an interval may miss.
    #[must_use]
    pub fn alpha(self) -> f64 {
        self.alpha
    }

    /// Misses with the probability `alpha`, which is above 0 and below 1.
    pub(super) fn missing(alpha: f64) -> Self {
        Self { alpha, quantile: -Normal::standard().inverse_cdf(alpha / 2.0) }
    }

    /// So many standard errors to either side.
    pub(super) fn normal(self) -> f64 {
        self.quantile
    }

    /// So many standard errors to either side, where these were estimated with so many degrees of freedom.
    pub(super) fn student(self, freedom: f64) -> f64 {
        student::quantile(self.alpha, freedom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_four_places(hits: u64, of: u64) -> (f64, f64) {
        let interval = Proportion::new(hits, of).interval(Confidence::ninety_five()).expect("an interval");
        let round = |x: f64| (x * 10_000.0).round() / 10_000.0;
        (round(interval.low), round(interval.high))
    }

    #[test]
    fn the_intervals_are_those_that_newcombe_published() {
        assert_eq!(to_four_places(81, 263), (0.2553, 0.3662));
        assert_eq!(to_four_places(15, 148), (0.0624, 0.1605));
        assert_eq!(to_four_places(0, 20), (0.0, 0.1611));
        assert_eq!(to_four_places(1, 29), (0.0061, 0.1718));
    }

    #[test]
    fn all_hits_mirror_no_hits() {
        assert_eq!(to_four_places(20, 20), (1.0 - 0.1611, 1.0));
    }

    #[test]
    fn nothing_counted_has_no_rate_and_no_interval() {
        let nothing = Proportion::new(0, 0);
        assert_eq!(nothing.rate(), None);
        assert_eq!(nothing.interval(Confidence::ninety_five()), None);
        assert_eq!(nothing.bounds_with_missing(0), None);
    }

    #[test]
    fn every_interval_holds_its_rate_and_stays_inside_0_to_1() {
        for of in 1..=60 {
            for hits in 0..=of {
                let proportion = Proportion::new(hits, of);
                let rate = proportion.rate().expect("a rate");
                let Interval { low, high } =
                    proportion.interval(Confidence::ninety_five()).expect("an interval");
                assert!(
                    0.0 <= low && low <= rate && rate <= high && high <= 1.0,
                    "{hits} of {of}: {low} {high}"
                );
            }
        }
    }

    #[test]
    fn missing_trials_widen_the_bounds_to_both_sides() {
        let bounds = Proportion::new(6, 8).bounds_with_missing(2).expect("bounds");
        assert_eq!((bounds.low, bounds.high), (0.6, 0.8));
        assert_eq!(Proportion::new(0, 0).bounds_with_missing(3), Some(Interval { low: 0.0, high: 1.0 }));
    }

    #[test]
    fn a_level_that_cannot_be_is_no_panic() {
        for level in [f64::NAN, -1.0, 0.0, 1.0, 7.0, f64::INFINITY] {
            let interval = Proportion::new(3, 9).interval(Confidence::of(level)).expect("an interval");
            assert!(interval.low <= interval.high, "{level}");
        }
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        let all = Proportion::new(u64::MAX, u64::MAX);
        assert_eq!(all.rate(), Some(1.0));
        assert!(all.bounds_with_missing(u64::MAX).is_some());
    }
}
