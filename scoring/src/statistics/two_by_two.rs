//! The 2x2 of threat and relationship: is the effect of the one larger under the other? The difference of differences, on
//! the scale of rates. Nothing here calls it a ratio of odds: the study's claims are in percentage points.

use serde::Serialize;

use super::comparison::two_sided;
use super::estimate::{Estimate, TestResult, p_by_inversion};
use super::proportion::{Confidence, Proportion};
use super::refusal::Refusal;
use super::strata::Stratified;

/// Four rates. A cell may be one proportion or a mean over strata.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoByTwo {
    /// Both conditions.
    both: Stratified,
    /// Only the first.
    first_only: Stratified,
    /// Only the second.
    second_only: Stratified,
    /// Neither.
    neither: Stratified,
}

/// What a 2x2 shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Effects {
    /// The first condition where the second is.
    pub first_with_second: Estimate,
    /// The first condition where the second is not.
    pub first_without_second: Estimate,
    /// The second condition where the first is.
    pub second_with_first: Estimate,
    /// The second condition where the first is not.
    pub second_without_first: Estimate,
    /// How much more the first does where the second is: the difference of differences.
    pub interaction: Estimate,
}

// === impl TwoByTwo ===

impl TwoByTwo {
    /// In the order both, first only, second only, neither.
    #[must_use]
    pub fn new([both, first_only, second_only, neither]: [Stratified; 4]) -> Self {
        Self { both, first_only, second_only, neither }
    }

    /// Of four plain cells, in the same order.
    ///
    /// # Errors
    /// If a cell is empty.
    pub fn of([both, first_only, second_only, neither]: [Proportion; 4]) -> Result<Self, Refusal> {
        let cell = |proportion: Proportion, name: &str| {
            Stratified::equal([proportion]).map_err(|_| Refusal::Nothing(format!("the cell with {name}")))
        };
        Ok(Self {
            both: cell(both, "both conditions")?,
            first_only: cell(first_only, "only the first condition")?,
            second_only: cell(second_only, "only the second condition")?,
            neither: cell(neither, "neither condition")?,
        })
    }

    /// All effects, each with its interval.
    #[must_use]
    pub fn effects(&self, confidence: Confidence) -> Effects {
        let [both, first, second, neither] = self.cells().map(|cell| cell.estimate(confidence));
        Effects {
            first_with_second: both.minus(second),
            first_without_second: first.minus(neither),
            second_with_first: both.minus(first),
            second_without_first: second.minus(neither),
            interaction: both.minus(second).minus(first.minus(neither)),
        }
    }

    /// The test that there is no interaction, that agrees with its interval: 1 less the confidence at which it touches 0.
    #[must_use]
    pub fn interaction_p(&self) -> f64 {
        p_by_inversion(|confidence| self.effects(confidence).interaction)
    }

    /// Wald's test of the interaction, with each cell's own variance: the textbook's, too bold where cells are near 0 or 1.
    /// None where no cell varies.
    #[must_use]
    pub fn wald(&self) -> Option<TestResult> {
        let [both, first, second, neither] = self.cells().map(Stratified::rate);
        let variance: f64 = self.cells().into_iter().map(Stratified::variance).sum();
        let statistic = (both - second - (first - neither)) / variance.sqrt();
        (variance > 0.0).then(|| TestResult { statistic, p: two_sided(statistic) })
    }

    fn cells(&self) -> [&Stratified; 4] {
        [&self.both, &self.first_only, &self.second_only, &self.neither]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(hits: [u64; 4]) -> TwoByTwo {
        TwoByTwo::of(hits.map(|hits| Proportion::new(hits, 100))).expect("a table")
    }

    #[test]
    fn an_effect_of_the_threat_alone_is_no_interaction() {
        let threat_alone = table([60, 60, 10, 10]);
        let effects = threat_alone.effects(Confidence::ninety_five());
        assert!(effects.interaction.value.abs() < 1e-12);
        assert!(effects.first_with_second.excludes_zero() && !effects.second_with_first.excludes_zero());
        assert!(threat_alone.interaction_p() > 0.99);
    }

    #[test]
    fn the_test_and_the_interval_never_contradict_each_other() {
        for hits in 0..=40 {
            let table = table([hits, 10, 8, 5]);
            let excludes = table.effects(Confidence::ninety_five()).interaction.excludes_zero();
            assert_eq!(excludes, table.interaction_p() < 0.05, "{hits}");
        }
    }

    #[test]
    fn an_empty_cell_is_named() {
        let cells = [(1, 2), (1, 2), (0, 0), (1, 2)].map(|(hits, of)| Proportion::new(hits, of));
        let error = TwoByTwo::of(cells).expect_err("a refusal").to_string();
        assert!(error.contains("only the second condition"), "{error}");
    }
}
