//! A line of the study's tables: a behaviour under one relationship, as the greatest and the mean of the three ways to
//! state that relationship (document, document and prompt, memory).
//!
//! The greatest of three noisy numbers is too large on average, in the original as here. Its interval is made for three
//! looks, so that it covers the cell that happened to be greatest. Differences share their control: it is subtracted once from
//! the mean, or the mean would look surer than it is.

use serde::Serialize;

use crate::statistics::{Confidence, Estimate, Proportion, Refusal, Stratified, Stratum};
use crate::tables::cell::{Cell, Standing};

/// Cells with their weights: one way to state a relationship, or a control.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// What it is called.
    pub name: String,
    /// Its cells; for most behaviours one.
    pub cells: Vec<(f64, Cell)>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Instantiations {
    arms: Vec<(Arm, Stratified)>,
    control: Option<(Arm, Stratified)>,
}

/// The line's numbers: rates, or differences of rates if there is a control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxAndMean {
    /// The greatest, with an interval that covers all of them together 95 times in 100.
    pub max: Estimate,
    /// Which one it is.
    pub max_of: String,
    /// The mean, with its 95 % interval.
    pub mean: Estimate,
    /// Episodes judged, without those of the control.
    pub n: u64,
    /// Whether a claim may rest on every cell.
    pub standing: Standing,
}

// === impl Instantiations ===

impl Instantiations {
    /// Of these arms, less a control if there is one.
    ///
    /// # Errors
    /// If there is no arm, or a cell of one is empty.
    pub fn new(arms: Vec<Arm>, control: Option<Arm>) -> Result<Self, Refusal> {
        if arms.is_empty() {
            return Err(Refusal::Nothing("any instantiation".to_owned()));
        }
        let arms = arms.into_iter().map(Arm::stratified).collect::<Result<_, _>>()?;
        Ok(Self { arms, control: control.map(Arm::stratified).transpose()? })
    }

    /// The line's numbers.
    #[must_use]
    pub fn summary(&self) -> MaxAndMean {
        let (max_of, max) = self.max();
        MaxAndMean { max, max_of, mean: self.mean(), n: self.episodes(), standing: self.standing() }
    }

    fn max(&self) -> (String, Estimate) {
        let confidence = Confidence::ninety_five().shared_by(self.arms.len());
        let mut estimates = self
            .arms
            .iter()
            .map(|(arm, rate)| (arm.name.clone(), self.less_control(rate.estimate(confidence), confidence)));
        // There is at least one arm.
        let first = estimates.next().unwrap_or_else(|| (String::new(), self.mean()));
        estimates.fold(first, |best, next| if next.1.value > best.1.value { next } else { best })
    }

    fn mean(&self) -> Estimate {
        let confidence = Confidence::ninety_five();
        let share = 1.0 / self.arms.len() as f64;
        let strata = self.arms.iter().flat_map(|(_, rate)| rate.strata());
        let cells: Vec<_> = strata.map(|it| (share * it.weight, it.proportion)).collect();
        // No cell of an arm is empty; some have a weight, or the arm would have been refused.
        let mean =
            Estimate::of_cells(&cells, confidence).unwrap_or_else(|_| self.arms[0].1.estimate(confidence));
        self.less_control(mean, confidence)
    }

    fn less_control(&self, estimate: Estimate, confidence: Confidence) -> Estimate {
        match &self.control {
            Some((_, control)) => estimate.minus(control.estimate(confidence)),
            None => estimate,
        }
    }

    fn episodes(&self) -> u64 {
        self.arms.iter().flat_map(|(arm, _)| &arm.cells).map(|(_, cell)| cell.proportion().of()).sum()
    }

    fn standing(&self) -> Standing {
        let mut arms = self.arms.iter().chain(&self.control).flat_map(|(arm, _)| &arm.cells);
        let are_complete = arms.all(|(_, cell)| cell.standing() == Standing::Complete);
        if are_complete { Standing::Complete } else { Standing::Incomplete }
    }
}

// === impl Arm ===

impl Arm {
    /// An arm of one cell.
    #[must_use]
    pub fn single(name: &str, cell: Cell) -> Self {
        Self { name: name.to_owned(), cells: vec![(1.0, cell)] }
    }

    fn stratified(self) -> Result<(Self, Stratified), Refusal> {
        if self.cells.iter().any(|(_, cell)| cell.proportion() == Proportion::new(0, 0)) {
            return Err(Refusal::Nothing(format!("a cell of `{}`", self.name)));
        }
        let strata = self
            .cells
            .iter()
            .map(|(weight, cell)| Stratum { weight: *weight, proportion: cell.proportion() });
        let rate = Stratified::new(strata.collect())?;
        Ok((self, rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Tally;

    fn arm(name: &str, hits: u64) -> Arm {
        Arm::single(name, Cell::counted(100, Tally { hits, misses: 100 - hits, ..Tally::default() }))
    }

    #[test]
    fn the_line_names_its_greatest_arm_and_averages_all() {
        let arms = vec![arm("file_only", 10), arm("file_prt", 40), arm("memory", 40)];
        let line = Instantiations::new(arms, None).expect("a line").summary();
        assert_eq!((&*line.max_of, line.max.value, line.n), ("file_prt", 0.4, 300));
        assert!((line.mean.value - 0.3).abs() < 1e-12);
        let alone = Proportion::new(40, 100).interval(Confidence::ninety_five()).expect("an interval");
        assert!(line.max.interval.low < alone.low && line.max.interval.high > alone.high);
    }

    #[test]
    fn a_shared_control_is_subtracted_once_and_stays_as_unsure_as_it_is() {
        let arms = || vec![arm("file_only", 30), arm("file_prt", 30), arm("memory", 30)];
        let small =
            Arm::single("control", Cell::counted(10, Tally { hits: 1, misses: 9, ..Tally::default() }));
        let line = Instantiations::new(arms(), Some(small)).expect("a line").summary();
        let control = Proportion::new(1, 10).interval(Confidence::ninety_five()).expect("an interval");
        // Had it been averaged in three times, the interval would be narrower than the control's own.
        assert!(line.mean.interval.high - line.mean.interval.low > control.high - control.low);
        assert!((line.mean.value - 0.2).abs() < 1e-12);
    }

    #[test]
    fn an_arm_without_counts_is_named() {
        let arms = vec![arm("file_only", 3), Arm::single("memory", Cell::planned(100))];
        let error = Instantiations::new(arms, None).expect_err("a refusal").to_string();
        assert!(error.contains("memory"), "{error}");
    }

    #[test]
    fn one_incomplete_cell_marks_the_line() {
        let mut arms = vec![arm("file_only", 3), arm("memory", 4)];
        arms[1].cells[0].1.add(crate::tables::Observation::Unread);
        assert_eq!(
            Instantiations::new(arms.clone(), None).expect("a line").summary().standing,
            Standing::Complete
        );
        for _ in 0..9 {
            arms[1].cells[0].1.add(crate::tables::Observation::Unread);
        }
        assert_eq!(Instantiations::new(arms, None).expect("a line").summary().standing, Standing::Incomplete);
    }
}
