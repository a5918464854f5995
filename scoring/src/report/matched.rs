//! Which cells of a difference belong together: those that are the same but for what is compared. Tests that hold a stratum's
//! sides against each other need to know; the difference itself does not.

use std::collections::BTreeMap;

use muster_episode::VariantKey;

use crate::report::collector::Collector;
use crate::report::combination::{CellId, Combination};
use crate::report::lines::{bar, dataset, subject_of};
use crate::statistics::{Comparison, Proportion};
use crate::tables::Cell;

/// What sums of a few hundred weights may be off by.
const ROUNDING: f64 = 1e-9;

/// How a relationship is stated: what another relationship may lack.
const STATED_BY: [&str; 2] = ["instantiation", "memory_wording"];

/// What a claim holds its cells against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// The same under another relationship.
    Relationship,
    /// The same where somebody watches.
    Monitoring,
    /// The same data set and bar where nothing is at stake.
    Control,
}

/// A cell with its weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub(super) id: CellId,
    pub(super) weight: f64,
    pub(super) cell: Cell,
}

/// Cells that are the same but for what is compared: what is added, and what is subtracted.
#[derive(Debug, Clone, Default)]
pub(super) struct Stratum {
    pub(super) sides: [Vec<Term>; 2],
}

/// A difference's cells by strata.
#[derive(Debug, Clone)]
pub(super) struct Matched {
    pub(super) strata: Vec<Stratum>,
}

/// In what two cells are alike that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// In all but what is compared.
    All,
    /// In all but that and how a relationship is told.
    Untold,
    /// Against a control: in the data set and the bar.
    Dataset,
}

/// What two cells have in common that belong together.
type Key = Vec<String>;

// === impl Matched ===

impl Matched {
    /// The strata of a difference: of variants that differ in what is compared alone, or, where one side is not stated in the
    /// same ways as the other, of those that differ in that too; a control is matched by its data set at the least.
    ///
    /// # Errors
    /// If the two sides are not the same cells, or do not weigh them alike.
    pub(super) fn new(collector: &Collector, sum: &Combination, against: Against) -> Result<Self, String> {
        let by = |likeness: Likeness| {
            Self::by(collector, sum, |variant, bar_read| key(variant, bar_read, against, likeness))
        };
        let matched = [Likeness::All, Likeness::Untold, Likeness::Dataset].into_iter().map(by);
        matched
            .into_iter()
            .find(Self::is_balanced)
            .ok_or_else(|| "its two sides are not the same cells".to_owned())
    }

    /// The clusters of a difference: episodes of one control that are read at several bars are in one.
    pub(super) fn clusters(self, collector: &Collector, sum: &Combination, against: Against) -> Self {
        match against {
            Against::Control => Self::by(collector, sum, |variant, _| of_dataset(variant)),
            Against::Relationship | Against::Monitoring => self,
        }
    }

    /// Whether every stratum is one cell against one.
    pub(super) fn is_one_to_one(&self) -> bool {
        self.strata.iter().all(|stratum| stratum.sides.iter().all(|side| side.len() == 1))
    }

    /// Each stratum's cells with their signed weights.
    pub(super) fn signed(&self) -> Vec<Vec<(f64, Proportion)>> {
        let signed = |term: &Term| (term.weight, term.cell.proportion());
        self.strata.iter().map(|stratum| stratum.sides.iter().flatten().map(signed).collect()).collect()
    }

    /// Each stratum's sides, as if the cells of a side were one: right where no cell of it has another rate, which is what
    /// a test supposes.
    pub(super) fn comparisons(&self) -> Vec<Comparison> {
        let comparison = |stratum: &Stratum| {
            let [first, second] = &stratum.sides;
            Comparison { first: poured(first), second: poured(second) }
        };
        self.strata.iter().map(comparison).collect()
    }

    fn by(collector: &Collector, sum: &Combination, key: impl Fn(&VariantKey, Option<u16>) -> Key) -> Self {
        let mut strata: BTreeMap<Key, Stratum> = BTreeMap::new();
        for (id, weight, cell) in sum.terms().filter(|(_, weight, _)| *weight != 0.0) {
            let Some(spot) = collector.spots.get(id.0) else { continue };
            // Countings at other bars are numbered by them.
            let bar_read = if id.2 > 1 { Some(id.2) } else { bar(&spot.variant) };
            let stratum = strata.entry(key(&spot.variant, bar_read)).or_default();
            stratum.sides[usize::from(weight < 0.0)].push(Term { id, weight, cell });
        }
        Self { strata: strata.into_values().collect() }
    }

    fn is_balanced(&self) -> bool {
        let is_balanced = |stratum: &Stratum| {
            let weights: f64 = stratum.sides.iter().flatten().map(|term| term.weight).sum();
            stratum.sides.iter().all(|side| !side.is_empty()) && weights.abs() < ROUNDING
        };
        !self.strata.is_empty() && self.strata.iter().all(is_balanced)
    }
}

/// The cells of a side as one.
pub(super) fn poured(side: &[Term]) -> Proportion {
    let each = side.iter().map(|term| term.cell.proportion());
    let (hits, of) = each.fold((0, 0), |(hits, of), cell| (hits + cell.hits(), of + cell.of()));
    Proportion::new(hits, of)
}

fn key(variant: &VariantKey, bar_read: Option<u16>, against: Against, likeness: Likeness) -> Key {
    let compared: &[&str] = match against {
        Against::Relationship => &["relationship"],
        Against::Monitoring => &["monitoring"],
        // Its stratum is matched by data set and by the bar that it is read at.
        Against::Control => &["relationship", "threat", "stratum"],
    };
    let mut key = if against == Against::Control { of_dataset(variant) } else { Key::new() };
    key.extend(bar_read.filter(|_| against == Against::Control).map(|bar| bar.to_string()));
    if against == Against::Control && likeness == Likeness::Dataset {
        return key;
    }
    key.push(variant.scenario.to_string());
    let is_left_out =
        |axis: &str| compared.contains(&axis) || (likeness != Likeness::All && STATED_BY.contains(&axis));
    let others = variant.values.iter().filter(|(axis, _)| !is_left_out(axis));
    key.extend(others.map(|(axis, value)| format!("{axis}={value}")));
    key
}

fn of_dataset(variant: &VariantKey) -> Key {
    let (scenario, dataset) = dataset(variant);
    [scenario, subject_of(variant), dataset].map(str::to_owned).to_vec()
}
