//! A report's cells as CSV: one line for each variant, model and headline scorer.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::report::model::{CellScorer, Group, Report, VariantCell};
use crate::report::text;
use crate::tables::Standing;

/// Columns behind the axes.
const NUMBERS: [&str; 22] = [
    "planned",
    "n",
    "k",
    "rate",
    "low_95",
    "high_95",
    "worst_low",
    "worst_high",
    "unread",
    "nothing",
    "unscored",
    "failed",
    "quarantined",
    "cancelled",
    "completeness",
    "complete",
    "scores",
    "score_mean",
    "score_deviation",
    "score_low_95",
    "score_high_95",
    "example",
];

/// All cells. Rates are from 0 to 1; what is not known is empty.
#[must_use]
pub fn render(report: &Report) -> String {
    let cells = || report.groups.iter().flat_map(|group| &group.cells);
    let axes: BTreeSet<&str> = cells().flat_map(|cell| cell.variant.keys()).map(String::as_str).collect();
    let mut page = String::new();
    let heads = ["model", "scenario", "behaviour", "condition"]
        .into_iter()
        .chain(axes.iter().copied())
        .chain(NUMBERS);
    line(&mut page, heads.map(text::csv));
    for group in &report.groups {
        for cell in &group.cells {
            for scorer in &cell.scorers {
                line(&mut page, fields(group, cell, scorer, &axes));
            }
        }
    }
    page
}

fn fields(group: &Group, cell: &VariantCell, scorer: &CellScorer, axes: &BTreeSet<&str>) -> Vec<String> {
    let words = [group.model.whole(), &group.scenario, &scorer.scorer, &group.condition].map(text::csv);
    let words = words.into_iter();
    let values =
        axes.iter().map(|axis| cell.variant.get(*axis).map_or_else(String::new, |value| text::csv(value)));
    words.chain(values).chain(numbers(scorer)).collect()
}

fn numbers(scorer: &CellScorer) -> [String; 22] {
    let (cell, rate) = (&scorer.summary, &scorer.summary.rate);
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| format!("{number}"));
    let score = cell.score;
    let interval = score.and_then(|score| score.interval_95);
    let example = scorer.verdicts.first().and_then(|verdict| verdict.sample.first());
    [
        cell.planned.to_string(),
        rate.n.to_string(),
        rate.k.to_string(),
        number(rate.rate),
        number(rate.interval_95.map(|interval| interval.low)),
        number(rate.interval_95.map(|interval| interval.high)),
        number(rate.worst_case.map(|interval| interval.low)),
        number(rate.worst_case.map(|interval| interval.high)),
        rate.unread.to_string(),
        rate.nothing.to_string(),
        rate.unscored.to_string(),
        rate.failed.to_string(),
        rate.quarantined.to_string(),
        rate.cancelled.to_string(),
        number(cell.completeness),
        (cell.standing == Standing::Complete).to_string(),
        score.map_or_else(String::new, |score| score.n.to_string()),
        number(score.map(|score| score.mean)),
        number(score.and_then(|score| score.deviation)),
        number(interval.map(|interval| interval.low)),
        number(interval.map(|interval| interval.high)),
        example.map_or_else(String::new, |sampled| sampled.job.clone()),
    ]
}

fn line(page: &mut String, fields: impl IntoIterator<Item = String>) {
    let fields: Vec<String> = fields.into_iter().collect();
    // Writing to a string can't fail.
    let _ = writeln!(page, "{}", fields.join(","));
}
