//! Cells by scenario, model and condition: what a reader opens behind a number, down to single episodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::report::collector::{Collector, GroupKey, Spot};
use crate::report::combination::Combination;
use crate::report::lines::{Of, counted};
use crate::report::model::{CellScorer, Group, GroupScorer, VariantCell};
use crate::report::text;
use crate::statistics::{Confidence, Scores};
use crate::tables::{Cell, ScoreSummary};

/// A group's spots, with their places among all.
type Members<'a> = Vec<(usize, &'a Spot)>;

/// Axes that a group is told apart by.
const GROUP_AXES: [&str; 2] = ["subject", "relationship"];

/// All groups, by their keys.
pub(super) fn all(collector: &Collector, options: &str) -> Vec<Group> {
    let mut members: BTreeMap<&GroupKey, Members<'_>> = BTreeMap::new();
    for (place, spot) in collector.spots.iter().enumerate() {
        members.entry(spot.group()).or_default().push((place, spot));
    }
    let varying = varying(collector);
    let group = |(id, (key, members)): (u64, (&GroupKey, Members<'_>))| {
        let axes = varying.get(&key.0).map_or(&[][..], Vec::as_slice);
        Group {
            id,
            model: collector.columns[key.1].label.clone(),
            scenario: key.0.to_string(),
            condition: key.2.clone(),
            scorers: scorers(collector, key, &members),
            command: command(collector, key, &members, options),
            cells: members.iter().map(|(_, spot)| cell(spot, axes)).collect(),
        }
    };
    (0..).zip(members).map(group).collect()
}

/// Of each scenario, the axes that have more than one value in the report, without those of the group.
fn varying(collector: &Collector) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
    let mut first: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<str>>> = BTreeMap::new();
    let mut varying: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
    for spot in &collector.spots {
        let known = first.entry(Arc::clone(&spot.variant.scenario)).or_default();
        let varies = varying.entry(Arc::clone(&spot.variant.scenario)).or_default();
        for (axis, value) in spot.variant.values.iter().filter(|(axis, _)| !GROUP_AXES.contains(&&**axis)) {
            let first = known.entry(Arc::clone(axis)).or_insert_with(|| Arc::clone(value));
            if first != value && !varies.contains(axis) {
                varies.push(Arc::clone(axis));
            }
        }
    }
    varying
}

fn scorers(collector: &Collector, key: &GroupKey, members: &[(usize, &Spot)]) -> Vec<GroupScorer> {
    let Some((_, first)) = members.first() else { return Vec::new() };
    let words = collector.groups.get(key).map_or(&[][..], |group| group.words.as_slice());
    let scorer = |(place, (scorer, kind)): (usize, (&dyn crate::Scorer, &Arc<str>))| {
        let cells = || members.iter().map(|(_, spot)| &spot.counted[place].cell);
        let mut sum = Combination::default();
        for (spot_place, spot) in members {
            sum.add((*spot_place, place, 0), 1.0, counted(spot, place, Of::Readers));
        }
        GroupScorer {
            scorer: scorer.name().to_owned(),
            kind: kind.to_string(),
            headline: scorer.is_headline(),
            rate: sum.of_filled().estimate(Confidence::ninety_five()),
            n: cells().map(|cell| cell.proportion().of()).sum(),
            k: cells().map(|cell| cell.proportion().hits()).sum(),
            planned: members.iter().map(|(_, spot)| spot.planned).sum(),
            completeness: sum.completeness().rate(),
            blanks: sum.blanks() as u64,
            standing: sum.standing(),
            left_out: cells().map(|cell| cell.tally().left_out()).sum(),
            score: scores_summary(cells().map(Cell::scores).fold(Scores::default(), Scores::merged)),
            verdicts: words.get(place).map(crate::report::sample::Words::verdicts).unwrap_or_default(),
        }
    };
    first.scorers.iter().enumerate().map(scorer).collect()
}

fn cell(spot: &Spot, axes: &[Arc<str>]) -> VariantCell {
    let value = |axis: &Arc<str>| Some((axis.to_string(), spot.variant.value(axis)?.to_owned()));
    let scored = spot.scorers.iter().zip(&spot.counted).filter(|((scorer, _), _)| scorer.is_headline());
    VariantCell {
        variant: axes.iter().filter_map(value).collect(),
        scorers: scored
            .map(|((scorer, _), counted)| CellScorer {
                scorer: scorer.name().to_owned(),
                summary: counted.cell.summary(),
                verdicts: counted.words.verdicts(),
            })
            .collect(),
        lost: spot.lost(),
    }
}

/// The command that lists a group's episodes.
fn command(collector: &Collector, key: &GroupKey, members: &[(usize, &Spot)], options: &str) -> String {
    let mut sweeps: Vec<u64> = members.iter().map(|(_, spot)| spot.sweep).collect();
    sweeps.sort_unstable();
    sweeps.dedup();
    let sweeps: Vec<String> = sweeps.iter().map(u64::to_string).collect();
    let mut wheres = vec![format!("model={}", collector.columns[key.1].name), format!("scenario={}", key.0)];
    if let Some((_, spot)) = members.first() {
        let value = |axis: &&str| Some(format!("{axis}={}", spot.variant.value(axis)?));
        wheres.extend(GROUP_AXES.iter().filter_map(value));
    }
    let wheres: Vec<String> = wheres.iter().map(|it| format!("--where {}", text::shell(it))).collect();
    format!("muster report {} --episodes {}{options}", sweeps.join(" "), wheres.join(" "))
}

/// Scores as they are published.
pub(super) fn scores_summary(scores: Scores) -> Option<ScoreSummary> {
    let estimate = scores.estimate(Confidence::ninety_five());
    Some(ScoreSummary {
        n: scores.n(),
        mean: scores.mean()?,
        deviation: scores.deviation(),
        interval_95: estimate.map(|estimate| estimate.interval),
    })
}
