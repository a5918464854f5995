//! Cells held against their controls, as one family: every comparison of a table is a chance to be fooled, so each p-value is
//! adjusted for all of them, and only a claim that survives that is in bold.

use serde::Serialize;

use crate::statistics::{Comparison, Confidence, Estimate, Interval, Robustness, benjamini_hochberg, holm};
use crate::tables::cell::{Cell, CellSummary, Standing};

/// How often a family may raise a false alarm.
pub const ALPHA: f64 = 0.05;

/// One cell against its control.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// What it is called, one label for each column.
    pub labels: Vec<String>,
    /// The condition.
    pub condition: Cell,
    /// What it is held against.
    pub control: Cell,
}

/// Whether a number is put in bold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Emphasis {
    /// It stands after adjustment, and rests on complete cells.
    Bold,
    /// It does not.
    Plain,
}

/// Contrasts that are tested together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContrastTable {
    contrasts: Vec<Contrast>,
}

/// A contrast's numbers as they are published.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContrastRow {
    /// What it is called.
    pub labels: Vec<String>,
    /// The condition.
    pub condition: CellSummary,
    /// The control.
    pub control: CellSummary,
    /// The condition's rate less the control's, with Newcombe's 95 % interval; none where a side is empty.
    pub difference: Option<Estimate>,
    /// The study's test: pooled z, two-sided.
    pub p_z: Option<f64>,
    /// Boschloo's exact test; none where the counts are too large for it, and the other is as good.
    pub p_exact: Option<f64>,
    /// Holm's adjustment over the table, of the exact p where there is one.
    pub p_holm: Option<f64>,
    /// Benjamini and Hochberg's.
    pub p_benjamini_hochberg: Option<f64>,
    /// The difference had all that was left out gone against it, and for it.
    pub worst_case: Option<Interval>,
    /// Whether its sign stands in the worst case.
    pub robustness: Option<Robustness>,
    /// Whether a claim may rest on both sides.
    pub standing: Standing,
    /// Whether it is in bold.
    pub emphasis: Emphasis,
}

// === impl Contrast ===

impl Contrast {
    fn comparison(&self) -> Comparison {
        Comparison { first: self.condition.proportion(), second: self.control.proportion() }
    }

    fn standing(&self) -> Standing {
        let are_complete =
            [&self.condition, &self.control].iter().all(|cell| cell.standing() == Standing::Complete);
        if are_complete { Standing::Complete } else { Standing::Incomplete }
    }

    fn row(&self, p_exact: Option<f64>) -> ContrastRow {
        let (mine, its) = (self.condition.drop_out(), self.control.drop_out());
        ContrastRow {
            labels: self.labels.clone(),
            condition: self.condition.summary(),
            control: self.control.summary(),
            difference: self.comparison().difference(Confidence::ninety_five()),
            p_z: self.comparison().z_test().map(|test| test.p),
            p_exact,
            p_holm: None,
            p_benjamini_hochberg: None,
            worst_case: mine.worst_case_against(its),
            robustness: mine.robustness_against(its),
            standing: self.standing(),
            emphasis: Emphasis::Plain,
        }
    }
}

// === impl Emphasis ===

impl Emphasis {
    /// Bold is for what stands after adjustment and rests on complete cells.
    #[must_use]
    pub fn of(adjusted_p: Option<f64>, standing: Standing) -> Self {
        let is_found = adjusted_p.is_some_and(|p| p < ALPHA);
        if is_found && standing == Standing::Complete { Self::Bold } else { Self::Plain }
    }
}

// === impl ContrastTable ===

impl ContrastTable {
    /// Of these contrasts; the family is all of them, also those that turn out to be empty of counts.
    #[must_use]
    pub fn new(contrasts: Vec<Contrast>) -> Self {
        Self { contrasts }
    }

    /// The rows, in the order of the contrasts.
    #[must_use]
    pub fn rows(&self) -> Vec<ContrastRow> {
        let row = |contrast: &Contrast| contrast.row(contrast.comparison().boschloo().ok());
        let mut rows: Vec<ContrastRow> = self.contrasts.iter().map(row).collect();
        let tested: Vec<Option<f64>> = rows.iter().map(|row| row.p_exact.or(row.p_z)).collect();
        let p_values: Vec<f64> = tested.iter().flatten().copied().collect();
        let mut adjusted = holm(&p_values).into_iter().zip(benjamini_hochberg(&p_values));
        for (row, _) in rows.iter_mut().zip(tested).filter(|(_, p)| p.is_some()) {
            let Some((p_holm, p_discovery)) = adjusted.next() else { break };
            row.p_holm = Some(p_holm);
            row.p_benjamini_hochberg = Some(p_discovery);
            row.emphasis = Emphasis::of(row.p_holm, row.standing);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Tally;

    fn cell(hits: u64, misses: u64, unread: u64) -> Cell {
        Cell::counted(100, Tally { hits, misses, unread, ..Tally::default() })
    }

    fn contrast(condition: Cell, control: Cell) -> Contrast {
        Contrast { labels: vec!["a".to_owned()], condition, control }
    }

    #[test]
    fn a_clear_difference_of_complete_cells_is_bold() {
        let rows = ContrastTable::new(vec![contrast(cell(40, 60, 0), cell(10, 90, 0))]).rows();
        assert_eq!(rows[0].emphasis, Emphasis::Bold);
        assert_eq!(rows[0].robustness, Some(Robustness::Holds));
    }

    #[test]
    fn a_clear_difference_of_an_incomplete_cell_is_never_bold() {
        let rows = ContrastTable::new(vec![contrast(cell(80, 10, 10), cell(10, 90, 0))]).rows();
        assert!(rows[0].p_holm.expect("p") < 1e-6);
        assert_eq!((rows[0].standing, rows[0].emphasis), (Standing::Incomplete, Emphasis::Plain));
    }

    #[test]
    fn what_one_test_would_find_drowns_in_a_family_of_twenty() {
        let doubtful = || contrast(cell(22, 78, 0), cell(10, 90, 0));
        let alone = ContrastTable::new(vec![doubtful()]).rows();
        assert_eq!(alone[0].emphasis, Emphasis::Bold);
        let nothing = || contrast(cell(10, 90, 0), cell(10, 90, 0));
        let mut family = vec![doubtful()];
        family.extend((0..19).map(|_| nothing()));
        assert_eq!(ContrastTable::new(family).rows()[0].emphasis, Emphasis::Plain);
    }

    #[test]
    fn a_contrast_without_counts_has_no_p_and_takes_none_from_the_others() {
        let rows = ContrastTable::new(vec![
            contrast(Cell::planned(100), cell(10, 90, 0)),
            contrast(cell(40, 60, 0), cell(10, 90, 0)),
        ])
        .rows();
        assert_eq!((rows[0].p_holm, rows[0].difference), (None, None));
        assert_eq!(rows[1].p_holm, rows[1].p_exact);
    }
}
