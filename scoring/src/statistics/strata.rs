//! A rate over cells that were chosen, not drawn.
//!
//! A sweep's variants are fixed: each has its own rate, and the headline is their weighted mean. So its uncertainty is that
//! within the cells, added up; the differences between them are no noise. Cells are never poured together: where their
//! sizes differ, that invents an effect.

use super::comparison::{Comparison, two_sided};
use super::estimate::{Estimate, TestResult};
use super::proportion::{Confidence, Interval, Proportion};
use super::refusal::Refusal;

/// One cell and how much it weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratum {
    /// Its weight, against those of the others.
    pub weight: f64,
    /// What was counted in it.
    pub proportion: Proportion,
}

/// A weighted mean of rates.
#[derive(Debug, Clone, PartialEq)]
pub struct Stratified {
    /// Their weights add up to 1.
    strata: Vec<Stratum>,
}

/// The same cells under two conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct StratifiedComparison {
    first: Stratified,
    second: Stratified,
}

// === impl Stratified ===

impl Stratified {
    /// Cells with their weights. An empty cell is an error: leaving it out would change what the mean is of.
    ///
    /// # Errors
    /// If there is no cell, one is empty, or the weights are no weights.
    pub fn new(strata: Vec<Stratum>) -> Result<Self, Refusal> {
        if strata.is_empty() {
            return Err(Refusal::Nothing("any stratum".to_owned()));
        }
        let sum: f64 = strata.iter().map(|stratum| stratum.weight).sum();
        let are_weights = strata.iter().all(|stratum| stratum.weight >= 0.0);
        if !are_weights || !sum.is_finite() || sum <= 0.0 {
            return Err(Refusal::Weights);
        }
        if let Some(place) = strata.iter().position(|stratum| stratum.proportion.of() == 0) {
            return Err(Refusal::Nothing(format!("stratum {} of {}", place + 1, strata.len())));
        }
        let share = |stratum: Stratum| Stratum { weight: stratum.weight / sum, ..stratum };
        Ok(Self { strata: strata.into_iter().map(share).collect() })
    }

    /// Cells that all weigh the same.
    ///
    /// # Errors
    /// As [`Stratified::new`].
    pub fn equal(proportions: impl IntoIterator<Item = Proportion>) -> Result<Self, Refusal> {
        Self::new(proportions.into_iter().map(|proportion| Stratum { weight: 1.0, proportion }).collect())
    }

    /// The cells, with weights that add up to 1.
    #[must_use]
    pub fn strata(&self) -> &[Stratum] {
        &self.strata
    }

    /// The mean rate.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let sum: f64 = self.strata.iter().map(|stratum| stratum.weight * rate(stratum.proportion)).sum();
        // Weights add up to 1 but for rounding.
        sum.clamp(0.0, 1.0)
    }

    /// The variance of the mean rate: those of the cells, by their squared weights, added up.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let variance = |stratum: &Stratum| {
            let rate = rate(stratum.proportion);
            stratum.weight.powi(2) * rate * (1.0 - rate) / stratum.proportion.of() as f64
        };
        self.strata.iter().map(variance).sum()
    }

    /// The mean rate with an interval made of the cells' Wilson intervals: the plain sum of variances is 0 where each cell
    /// is at 0 or 1, which 100 episodes a cell can't show.
    #[must_use]
    pub fn estimate(&self, confidence: Confidence) -> Estimate {
        let part = |stratum: &Stratum| Some((stratum.weight, stratum.proportion.estimate(confidence)?));
        // No cell is empty, so that each has its estimate.
        Estimate::of_rates(&self.strata.iter().filter_map(part).collect::<Vec<_>>())
    }
}

// === impl StratifiedComparison ===

impl StratifiedComparison {
    /// Pairs the cells in their order; the weights are those of the first side.
    ///
    /// # Errors
    /// If the sides do not have as many cells, or a side is no [`Stratified`].
    pub fn new(first: Vec<Stratum>, second: Vec<Proportion>) -> Result<Self, Refusal> {
        if first.len() != second.len() {
            return Err(Refusal::DifferentStrata { first: first.len(), second: second.len() });
        }
        let weighed = first.iter().zip(second);
        let second =
            weighed.map(|(first, proportion)| Stratum { weight: first.weight, proportion }).collect();
        Ok(Self { first: Stratified::new(first)?, second: Stratified::new(second)? })
    }

    /// The first mean rate less the second.
    #[must_use]
    pub fn difference(&self, confidence: Confidence) -> Estimate {
        let difference = self.first.estimate(confidence).minus(self.second.estimate(confidence));
        difference.within(Interval { low: -1.0, high: 1.0 })
    }

    /// The two-proportion z test over cells: the mean difference against the variances that the cells would have if both
    /// conditions had one rate in each. With one cell it is the plain test.
    #[must_use]
    pub fn z_test(&self) -> TestResult {
        let pairs = self.first.strata.iter().zip(&self.second.strata);
        let variance = |(first, second): (&Stratum, &Stratum)| {
            let comparison = Comparison { first: first.proportion, second: second.proportion };
            // No cell is empty, so that each has its variance.
            first.weight.powi(2) * comparison.pooled_variance().unwrap_or(0.0)
        };
        let error = pairs.map(variance).sum::<f64>().sqrt();
        let gap = self.first.rate() - self.second.rate();
        let statistic = if error > 0.0 { gap / error } else { 0.0 };
        TestResult { statistic, p: two_sided(statistic) }
    }

    /// The two sides.
    #[must_use]
    pub fn sides(&self) -> (&Stratified, &Stratified) {
        (&self.first, &self.second)
    }
}

/// Of a cell that is not empty.
fn rate(proportion: Proportion) -> f64 {
    proportion.rate().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_between_cells_are_no_noise() {
        let apart = Stratified::equal([Proportion::new(2, 100), Proportion::new(98, 100)]).expect("strata");
        let interval = apart.estimate(Confidence::ninety_five()).interval;
        let poured = Proportion::new(100, 200).interval(Confidence::ninety_five()).expect("an interval");
        assert!(interval.high - interval.low < 0.5 * (poured.high - poured.low));
    }

    #[test]
    fn cells_of_different_sizes_do_not_invent_an_effect() {
        // In each cell the rates are the same under both conditions; only the sizes differ.
        let first = [Proportion::new(90, 100), Proportion::new(1, 10)];
        let second = [Proportion::new(9, 10), Proportion::new(10, 100)];
        let first = first.map(|proportion| Stratum { weight: 1.0, proportion }).to_vec();
        let comparison = StratifiedComparison::new(first, second.to_vec()).expect("a comparison");
        assert!(comparison.difference(Confidence::ninety_five()).value.abs() < 1e-12);
        assert!(comparison.z_test().p > 0.99);
    }

    #[test]
    fn an_empty_cell_is_refused_not_left_out() {
        let error = Stratified::equal([Proportion::new(3, 9), Proportion::new(0, 0)]).expect_err("a refusal");
        assert_eq!(error.to_string(), "nothing was counted in stratum 2 of 2");
    }

    #[test]
    fn weights_that_are_none_are_refused() {
        let proportion = Proportion::new(1, 2);
        for weight in [-1.0, f64::NAN, f64::INFINITY, 0.0] {
            assert_eq!(
                Stratified::new(vec![Stratum { weight, proportion }]),
                Err(Refusal::Weights),
                "{weight}"
            );
        }
    }

    #[test]
    fn sides_of_different_cells_are_refused() {
        let first = vec![Stratum { weight: 1.0, proportion: Proportion::new(1, 2) }];
        assert_eq!(
            StratifiedComparison::new(first, Vec::new()),
            Err(Refusal::DifferentStrata { first: 1, second: 0 })
        );
    }
}
