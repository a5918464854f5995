//! The 2x2 of threat and relationship. The study's control takes both away at once; crossed, each has its own effect, and
//! whether the one is larger under the other is a difference of differences. Every combination of the other axes weighs
//! the same, and is in it only with all four of its cells.

use std::collections::BTreeMap;

use crate::report::collector::{Collector, Spot};
use crate::report::combination::Combination;
use crate::report::lines::{Of, counted};
use crate::report::model::Crossing;
use crate::statistics::Confidence;
use crate::tables::ModelName;

/// The two values of each axis: the condition, and its absence.
const THREAT: [&str; 2] = ["stated", "none"];
const RELATIONSHIP: [&str; 2] = ["good", "unrelated"];

/// A 2x2 and the combination that its interaction is.
pub(super) struct Crossed {
    pub(super) crossing: Crossing,
    pub(super) interaction: Combination,
}

/// Four cells of one combination of the other axes, by [threat, relationship].
type Four = [[Option<(usize, usize)>; 2]; 2];

/// Column, scenario, scorer.
type Key = (usize, String, String);

/// All 2x2s of a report.
pub(super) fn all(collector: &Collector) -> Vec<Crossed> {
    let mut matched: BTreeMap<Key, BTreeMap<Vec<&str>, Four>> = BTreeMap::new();
    for (place, spot) in collector.spots.iter().enumerate() {
        let Some([threat, relationship]) = corner(spot) else { continue };
        let others: Vec<&str> = spot
            .variant
            .values
            .iter()
            .filter(|(axis, _)| !matches!(&**axis, "threat" | "relationship"))
            .map(|(_, value)| &**value)
            .collect();
        for (scorer, (its, _)) in spot.scorers.iter().enumerate().filter(|(_, (its, _))| its.is_headline()) {
            let key = (spot.column, spot.variant.scenario.to_string(), its.name().to_owned());
            let four = matched.entry(key).or_default().entry(others.clone()).or_default();
            four[threat][relationship] = Some((place, scorer));
        }
    }
    let cross = |((column, scenario, behaviour), fours): (Key, BTreeMap<Vec<&str>, Four>)| {
        crossed(collector, &collector.columns[column].label, scenario, behaviour, &fours)
    };
    matched.into_iter().filter_map(cross).collect()
}

/// Where a spot stands in its 2x2.
fn corner(spot: &Spot) -> Option<[usize; 2]> {
    let place = |axis: &str, values: [&str; 2]| {
        let value = spot.variant.value(axis)?;
        values.iter().position(|known| *known == value)
    };
    Some([place("threat", THREAT)?, place("relationship", RELATIONSHIP)?])
}

fn crossed(
    collector: &Collector,
    model: &ModelName,
    scenario: String,
    behaviour: String,
    fours: &BTreeMap<Vec<&str>, Four>,
) -> Option<Crossed> {
    let mut corners: [Combination; 4] = Default::default();
    let (mut matched, mut unmatched) = (0, 0);
    for four in fours.values() {
        let cell = |(place, scorer): (usize, usize)| {
            let cell = counted(&collector.spots[place], scorer, Of::Readers);
            (cell.proportion().of() > 0).then_some(((place, scorer, 0), cell))
        };
        // Both, the threat alone, the relationship alone, neither.
        let cells = [four[0][0], four[0][1], four[1][0], four[1][1]].map(|placed| placed.and_then(cell));
        if cells.iter().any(Option::is_none) {
            unmatched += 1;
            continue;
        }
        matched += 1;
        for (corner, (id, cell)) in corners.iter_mut().zip(cells.into_iter().flatten()) {
            corner.add(id, 1.0, cell);
        }
    }
    let corners = corners.map(|corner| corner.by_positive_weight());
    let [both, threat, relationship, neither] = &corners;
    let interaction = both.minus(threat).minus(&relationship.minus(neither));
    let estimate = |sum: &Combination| sum.estimate(Confidence::ninety_five());
    let crossing = Crossing {
        model: model.clone(),
        scenario,
        behaviour,
        rates: [estimate(both)?, estimate(threat)?, estimate(relationship)?, estimate(neither)?],
        n: [both, threat, relationship, neither].map(Combination::episodes_for),
        threat: [estimate(&both.minus(relationship))?, estimate(&threat.minus(neither))?],
        relationship: [estimate(&both.minus(threat))?, estimate(&relationship.minus(neither))?],
        interaction: estimate(&interaction)?,
        p_holm: None,
        matched,
        unmatched,
        standing: interaction.standing(),
    };
    Some(Crossed { crossing, interaction })
}
