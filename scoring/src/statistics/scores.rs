//! Scores: their mean and how far they spread. A pass rate alone hides whether a model moved every score a little or a few
//! of them across the bar.

use super::estimate::Estimate;
use super::proportion::{Confidence, Interval};

/// How many scores there were, their mean and their spread, gathered one by one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    n: u64,
    mean: f64,
    /// The squared distances from the mean, added up.
    squares: f64,
}

// === impl Scores ===

impl Scores {
    /// Those of a list.
    pub fn of(scores: impl IntoIterator<Item = f64>) -> Self {
        let mut gathered = Self::default();
        for score in scores {
            gathered.add(score);
        }
        gathered
    }

    /// Takes a score; what is no finite number is none, and false is returned.
    pub fn add(&mut self, score: f64) -> bool {
        if !score.is_finite() {
            return false;
        }
        self.n += 1;
        let before = score - self.mean;
        self.mean += before / self.n as f64;
        self.squares += before * (score - self.mean);
        true
    }

    /// These and others, as if they had been gathered together.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let n = self.n + other.n;
        if n == 0 {
            return self;
        }
        let apart = other.mean - self.mean;
        let share = other.n as f64 / n as f64;
        Self {
            n,
            mean: self.mean + apart * share,
            squares: self.squares + other.squares + apart * apart * self.n as f64 * share,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn n(self) -> u64 {
        self.n
    }

    /// Their mean; none of none.
    #[must_use]
    pub fn mean(self) -> Option<f64> {
        (self.n > 0).then_some(self.mean)
    }

    /// Their standard deviation, of a sample; none with fewer than two.
    #[must_use]
    pub fn deviation(self) -> Option<f64> {
        (self.n > 1).then(|| (self.squares / (self.n - 1) as f64).max(0.0).sqrt())
    }

    /// The mean with Student's interval; none with fewer than two scores.
    #[must_use]
    pub fn estimate(self, confidence: Confidence) -> Option<Estimate> {
        let error = self.deviation()? / (self.n as f64).sqrt();
        let half = confidence.student((self.n - 1) as f64) * error;
        let interval = Interval { low: self.mean - half, high: self.mean + half };
        Some(Estimate { value: self.mean, interval })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_score_has_a_mean_but_no_spread() {
        let one = Scores::of([71.0]);
        assert_eq!(
            (one.mean(), one.deviation(), one.estimate(Confidence::ninety_five())),
            (Some(71.0), None, None)
        );
        assert_eq!(Scores::default().mean(), None);
    }

    #[test]
    fn a_score_that_is_no_number_is_not_counted() {
        let mut scores = Scores::of([60.0, 80.0]);
        assert!(!scores.add(f64::NAN) && !scores.add(f64::INFINITY));
        assert_eq!((scores.n(), scores.mean()), (2, Some(70.0)));
    }

    #[test]
    fn scores_that_were_gathered_apart_are_as_if_gathered_together() {
        let (a, b) = (Scores::of([60.0, 80.0, 71.0]), Scores::of([10.0, 95.5]));
        let (apart, together) = (a.merged(b), Scores::of([60.0, 80.0, 71.0, 10.0, 95.5]));
        assert!(
            (apart.mean - together.mean).abs() < 1e-12 && (apart.squares - together.squares).abs() < 1e-9
        );
        assert_eq!((apart.n, Scores::default().merged(a), a.merged(Scores::default())), (5, a, a));
    }

    #[test]
    fn large_scores_that_differ_little_keep_their_spread() {
        let scores = Scores::of([1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]);
        assert!((scores.deviation().expect("a spread") - 1.0).abs() < 1e-9);
    }
}
