//! A signed, weighted sum of cells: a mean over strata, a difference to a control, the difference of differences of a
//! 2x2. Each cell is in it once, however many parts of the sum it has a share in, so that a control that stands against
//! three conditions is not taken for three controls.

use std::collections::BTreeMap;

use crate::report::prospect::PlannedSide;
use crate::statistics::{Confidence, Estimate, Interval, Proportion, p_by_inversion};
use crate::tables::{Cell, Standing};

/// Which cell: its place among all, and which of its countings.
pub(super) type CellId = (usize, usize, u16);

/// What sums of products of a few hundred numbers up to 1 may be off by.
const ROUNDING: f64 = 1e-12;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Combination {
    terms: BTreeMap<CellId, (f64, Cell)>,
}

// === impl Combination ===

impl Combination {
    /// Adds a cell's share.
    pub(super) fn add(&mut self, id: CellId, weight: f64, cell: Cell) {
        self.terms.entry(id).or_insert((0.0, cell)).0 += weight;
    }

    /// Adds another sum's share.
    pub(super) fn add_all(&mut self, weight: f64, other: &Self) {
        for (id, (share, cell)) in &other.terms {
            self.add(*id, weight * share, *cell);
        }
    }

    /// This less another.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut difference = self.clone();
        difference.add_all(-1.0, other);
        difference
    }

    /// The same with positive weights that add up to 1; what is subtracted is scaled with them.
    pub(super) fn by_positive_weight(&self) -> Self {
        let sum: f64 = self.terms.values().map(|(weight, _)| weight.max(0.0)).sum();
        let mut mean = Self::default();
        if sum > 0.0 {
            mean.add_all(1.0 / sum, self);
        }
        mean
    }

    /// The mean of the cells of which something was counted: what is shown, with a mark, where [`Combination::estimate`]
    /// can't be. Only for sums without subtraction.
    pub(super) fn of_filled(&self) -> Self {
        let filled = self.terms.iter().filter(|(_, (_, cell))| cell.proportion().of() > 0);
        Self { terms: filled.map(|(id, term)| (*id, *term)).collect() }.by_positive_weight()
    }

    /// Its cells with their weights.
    pub(super) fn terms(&self) -> impl Iterator<Item = (CellId, f64, Cell)> {
        self.terms.iter().map(|(id, (weight, cell))| (*id, *weight, *cell))
    }

    /// Whether there is no cell.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// How many of its cells hold nothing.
    pub(super) fn blanks(&self) -> usize {
        self.cells().filter(|cell| cell.proportion().of() == 0).count()
    }

    /// The sum with its interval; none if a cell is empty, for leaving it out would change what the sum is of.
    pub(super) fn estimate(&self, confidence: Confidence) -> Option<Estimate> {
        if self.blanks() > 0 {
            return None;
        }
        let cells: Vec<_> = self.terms.values().map(|(weight, cell)| (*weight, cell.proportion())).collect();
        Estimate::of_cells(&cells, confidence).ok()
    }

    /// The test that it is 0 which agrees with its interval; none where there is no estimate.
    pub(super) fn p(&self) -> Option<f64> {
        let zero = self.estimate(Confidence::ninety_five())?;
        // No cell is empty, or there would be no estimate.
        Some(p_by_inversion(|confidence| self.estimate(confidence).unwrap_or(zero)))
    }

    /// What it could have been, had all that was left out of its cells gone against it, and for it.
    pub(super) fn worst_case(&self) -> Option<Interval> {
        let mut bounds = Interval { low: 0.0, high: 0.0 };
        for (weight, cell) in self.terms.values() {
            let cell = cell.drop_out().worst_case()?;
            let (low, high) = if *weight < 0.0 { (cell.high, cell.low) } else { (cell.low, cell.high) };
            bounds.low += weight * low;
            bounds.high += weight * high;
        }
        // Weights like 1/3 do not add up exactly: what is nothing must not have a sign, and all is not more than all.
        let is_off = |bound: f64| (bound - bound.round()).abs() < ROUNDING;
        let clean = |bound: f64| if is_off(bound) { bound.round() + 0.0 } else { bound };
        let bounds = Interval { low: clean(bounds.low), high: clean(bounds.high) };
        (!self.is_empty()).then_some(bounds)
    }

    /// Whether a claim may rest on every cell.
    pub(super) fn standing(&self) -> Standing {
        let are_complete = self.cells().all(|cell| cell.standing() == Standing::Complete);
        if are_complete && !self.is_empty() { Standing::Complete } else { Standing::Incomplete }
    }

    /// What is added, and what is subtracted.
    pub(super) fn sides(&self) -> [PlannedSide; 2] {
        [1.0, -1.0].map(|sign| {
            let (mut side, mut spread) = (PlannedSide::default(), 0.0);
            for (weight, cell) in self.terms.values().filter(|(weight, _)| weight * sign > 0.0) {
                let episodes = cell.proportion().of();
                side.variants += 1;
                side.episodes += episodes;
                spread += weight * weight / episodes as f64;
            }
            // An empty cell makes the spread infinite, and no cell makes it 0: neither is sure of anything.
            side.effective = if spread > 0.0 { 1.0 / spread } else { 0.0 };
            side
        })
    }

    /// Episodes judged in cells that count for it.
    pub(super) fn episodes_for(&self) -> u64 {
        self.terms.values().filter(|(weight, _)| *weight > 0.0).map(|(_, cell)| cell.proportion().of()).sum()
    }

    /// Episodes in its cells, of those planned.
    pub(super) fn completeness(&self) -> Proportion {
        let each = self.cells().map(Cell::completeness);
        let (hits, of) = each.fold((0, 0), |(hits, of), cell| (hits + cell.hits(), of + cell.of()));
        Proportion::new(hits, of)
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.terms.values().map(|(_, cell)| cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Comparison;
    use crate::tables::Tally;

    fn cell(hits: u64, misses: u64, unread: u64) -> Cell {
        let tally = Tally { hits, misses, unread, ..Tally::default() };
        Cell::counted(hits + misses + unread, tally)
    }

    fn single(place: usize, cell: Cell) -> Combination {
        let mut single = Combination::default();
        single.add((place, 0, 0), 1.0, cell);
        single
    }

    #[test]
    fn a_difference_of_two_cells_is_newcombes() {
        let (a, b) = (cell(40, 60, 0), cell(10, 90, 0));
        let ours = single(0, a).minus(&single(1, b)).estimate(Confidence::ninety_five());
        let theirs = Comparison { first: a.proportion(), second: b.proportion() };
        let limits =
            |estimate: Option<Estimate>| estimate.map(|it| [it.value, it.interval.low, it.interval.high]);
        let (ours, theirs) = (limits(ours), limits(theirs.difference(Confidence::ninety_five())));
        let (ours, theirs) = (ours.expect("an estimate"), theirs.expect("an estimate"));
        assert!(
            ours.iter().zip(theirs).all(|(ours, theirs)| (ours - theirs).abs() < 1e-12),
            "{ours:?} {theirs:?}"
        );
    }

    #[test]
    fn a_control_that_stands_against_three_conditions_is_subtracted_once() {
        let control = single(9, cell(10, 90, 0));
        let mut mean = Combination::default();
        for place in 0..3 {
            mean.add_all(1.0 / 3.0, &single(place, cell(40, 60, 0)).minus(&control));
        }
        let (weight, _) = mean.terms[&(9, 0, 0)];
        assert!((weight + 1.0).abs() < 1e-12, "the whole control's variance is in it: {weight}");
        assert_eq!(mean.episodes_for(), 300);
    }

    #[test]
    fn an_empty_cell_makes_no_estimate_and_an_incomplete_one_no_claim() {
        let mut sum = single(0, cell(4, 6, 0));
        assert_eq!(sum.standing(), Standing::Complete);
        sum.add((1, 0, 0), 1.0, cell(5, 3, 2));
        assert_eq!(sum.standing(), Standing::Incomplete);
        sum.add((2, 0, 0), 1.0, Cell::planned(10));
        assert_eq!((sum.estimate(Confidence::ninety_five()), sum.p(), sum.blanks()), (None, None, 1));
    }

    #[test]
    fn what_was_left_out_goes_against_a_difference_on_both_sides() {
        let difference = single(0, cell(5, 0, 5)).minus(&single(1, cell(0, 5, 5)));
        let bounds = difference.worst_case().expect("bounds");
        assert!((bounds.low - 0.0).abs() < 1e-12 && (bounds.high - 1.0).abs() < 1e-12);
    }
}
