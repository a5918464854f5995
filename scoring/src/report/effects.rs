//! What single axes do. Where a sweep varies more than the study did, each value of each axis is held against the axis'
//! base value, over pairs of cells that are alike in all other axes. Every pair weighs the same, and a cell without its
//! counterpart is in none, so that nothing else can differ between the sides.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::collector::{Collector, Spot};
use crate::report::combination::Combination;
use crate::report::lines::{Of, counted};
use crate::report::model::Effect;
use crate::report::prospect::PlannedSide;
use crate::report::still::of_study;
use crate::statistics::{Confidence, holm};
use crate::tables::{Cell, Emphasis};

/// Column, scenario.
type Key<'a> = (usize, &'a str);

/// A place among all spots, with its spot.
type Placed<'a> = (usize, &'a Spot);

/// A place among all spots, a scorer's among its own, and what it counted.
type Counting = (usize, usize, Cell);

/// The values of an axis that were run, the base first.
struct Run<'a> {
    axis: &'a str,
    values: Vec<&'a str>,
}

/// A value held against its axis' base.
pub(super) struct Held<'a> {
    /// Whose.
    pub(super) column: usize,
    /// In which scenario.
    pub(super) scenario: &'a str,
    /// What is counted.
    pub(super) behaviour: &'a str,
    /// The axis.
    pub(super) axis: &'a str,
    /// The value.
    pub(super) value: &'a str,
    base: &'a str,
    pairs: Pairs,
}

/// All effects of a report, tested as one family.
pub(super) fn all(collector: &Collector) -> Vec<Effect> {
    let mut effects = held(collector).iter().map(|held| held.effect(collector)).collect::<Vec<_>>();
    test(&mut effects);
    effects
}

/// Every value against its base.
pub(super) fn held(collector: &Collector) -> Vec<Held<'_>> {
    let mut spots: BTreeMap<Key<'_>, Vec<Placed<'_>>> = BTreeMap::new();
    for (place, spot) in collector.spots.iter().enumerate() {
        spots.entry((spot.column, &spot.variant.scenario)).or_default().push((place, spot));
    }
    let mut all = Vec::new();
    for spots in spots.values() {
        let runs = runs(collector, spots);
        // What the study varies too is in its own tables, unless it stands in a wider design.
        if !runs.iter().any(|run| run.is_beyond_study(spots)) {
            continue;
        }
        for behaviour in behaviours(spots) {
            all.extend(runs.iter().flat_map(|run| run.held(spots, behaviour)));
        }
    }
    all
}

/// The axes of which more than one value was run.
fn runs<'a>(collector: &'a Collector, spots: &[Placed<'a>]) -> Vec<Run<'a>> {
    let Some((_, first)) = spots.first() else { return Vec::new() };
    let plans = collector.sources[first.source].plan.scenarios();
    let Some(plan) = plans.iter().find(|plan| plan.name == first.variant.scenario) else { return Vec::new() };
    let run = |axis: &'a muster_episode::AxisPlan| {
        let run: BTreeSet<&str> =
            spots.iter().filter_map(|(_, spot)| spot.variant.value(&axis.name)).collect();
        let mut values: Vec<&str> =
            axis.values.iter().map(|value| &**value).filter(|it| run.contains(it)).collect();
        // The first of the study's values is what the axis is at where nobody chooses.
        let its = of_study(&plan.name, &axis.name).unwrap_or_default();
        values.sort_by_key(|value| its.iter().position(|known| known == value).unwrap_or(its.len()));
        Run { axis: &axis.name, values }
    };
    plan.axes.iter().map(run).filter(|run| run.values.len() > 1).collect()
}

/// The scorers whose rates are results.
fn behaviours<'a>(spots: &[Placed<'a>]) -> Vec<&'a str> {
    let Some((_, first)) = spots.first() else { return Vec::new() };
    let headlines = first.scorers.iter().filter(|(scorer, _)| scorer.is_headline());
    headlines.map(|(scorer, _)| scorer.name()).collect()
}

// === impl Run ===

impl<'a> Run<'a> {
    fn is_beyond_study(&self, spots: &[Placed<'_>]) -> bool {
        let scenario = spots.first().map_or("", |(_, spot)| &*spot.variant.scenario);
        let its = of_study(scenario, self.axis).unwrap_or_default();
        self.values.iter().any(|value| !its.contains(value))
    }

    /// Each value against the base.
    fn held(&self, spots: &[Placed<'a>], behaviour: &'a str) -> Vec<Held<'a>> {
        // By all other axes: the cell of each value.
        let mut alike: BTreeMap<Vec<(&str, &str)>, BTreeMap<&str, Counting>> = BTreeMap::new();
        for (place, spot) in spots {
            let Some(value) = spot.variant.value(self.axis) else { continue };
            let Some(scorer) = spot.scorers.iter().position(|(it, _)| it.name() == behaviour) else {
                continue;
            };
            let cell = counted(spot, scorer, Of::Readers);
            let others = spot.variant.values.iter().filter(|(axis, _)| **axis != *self.axis);
            let others = others.map(|(axis, value)| (&**axis, &**value)).collect();
            alike.entry(others).or_default().insert(value, (*place, scorer, cell));
        }
        let Some((base, values)) = self.values.split_first() else { return Vec::new() };
        let Some((_, first)) = spots.first() else { return Vec::new() };
        let held = |value: &&'a str| Held {
            column: first.column,
            scenario: &first.variant.scenario,
            behaviour,
            axis: self.axis,
            value,
            base,
            pairs: Pairs::of(alike.values().map(|cells| [cells.get(value), cells.get(base)])),
        };
        values.iter().map(held).collect()
    }
}

// === impl Held ===

impl Held<'_> {
    /// The sides of what will be compared; none if no cell has its counterpart.
    pub(super) fn sides(&self) -> Option<[PlannedSide; 2]> {
        let sum = self.pairs.sum();
        (!sum.is_empty()).then(|| sum.sides())
    }

    fn effect(&self, collector: &Collector) -> Effect {
        let sum = self.pairs.sum();
        Effect {
            model: collector.columns[self.column].label.clone(),
            scenario: self.scenario.to_owned(),
            behaviour: self.behaviour.to_owned(),
            axis: self.axis.to_owned(),
            value: self.value.to_owned(),
            base: self.base.to_owned(),
            // An empty sum would be 0, which nobody has seen.
            difference: sum.estimate(Confidence::ninety_five()).filter(|_| !sum.is_empty()),
            n: self.pairs.sides.each_ref().map(Combination::episodes_for),
            pairs: self.pairs.matched,
            unpaired: self.pairs.unmatched,
            p: sum.p().filter(|_| !sum.is_empty()),
            p_holm: None,
            standing: sum.standing(),
            emphasis: Emphasis::Plain,
        }
    }
}

/// Matched cells, under a value and under its base.
#[derive(Default)]
struct Pairs {
    sides: [Combination; 2],
    matched: u64,
    unmatched: u64,
}

// === impl Pairs ===

impl Pairs {
    fn of<'c>(all: impl Iterator<Item = [Option<&'c Counting>; 2]>) -> Self {
        let mut pairs = Self::default();
        for pair in all {
            let filled = pair.map(|cell| cell.filter(|(.., cell)| cell.proportion().of() > 0));
            if let [Some(value), Some(base)] = filled {
                pairs.matched += 1;
                for (side, (place, scorer, cell)) in pairs.sides.iter_mut().zip([value, base]) {
                    side.add((*place, *scorer, 0), 1.0, *cell);
                }
            } else {
                pairs.unmatched += pair.iter().flatten().count() as u64;
            }
        }
        pairs
    }

    /// The mean difference of a pair.
    fn sum(&self) -> Combination {
        let [value, base] = self.sides.each_ref().map(Combination::by_positive_weight);
        value.minus(&base)
    }
}

/// A family of its own: these are many more than what the report is about.
fn test(effects: &mut [Effect]) {
    let p_values: Vec<f64> = effects.iter().filter_map(|effect| effect.p).collect();
    let tested = effects.iter_mut().filter(|effect| effect.p.is_some());
    for (effect, p_holm) in tested.zip(holm(&p_values)) {
        effect.p_holm = Some(p_holm);
        effect.emphasis = Emphasis::of(effect.p_holm, effect.standing);
    }
}
