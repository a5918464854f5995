//! Behaviours under their conditions: a table for each subject, with a line for each model and a column for each
//! relationship, so that it is as wide as there are relationships, however many models there are. Beside what concerns
//! peers stand the published means, where there are any.

use std::collections::BTreeMap;

use crate::report::brief::{NAME_CHARS_MIN, PADDING};
use crate::report::brief::{breadth, folded, marked, number, or_dash};
use crate::report::lines::{NOT_RUN, ORDER};
use crate::report::model::{HeatCell, HeatRow, Report};
use crate::report::sheets::{Entry, MARK, Sheet, of_study, unit};
use crate::tables::published::{self, Relationship};
use crate::tables::{ModelName, Standing};

/// What is counted without a condition.
const UNCONDITIONED: &str = "all";

/// Before a model under a behaviour.
const INDENT: &str = "  ";

/// The tables.
pub(super) fn tables(report: &Report, width: Option<usize>) -> Vec<Sheet> {
    let mut tables = vec![
        Table::of(report, "peer", "Peers: behaviours by relationship"),
        Table::of(report, "self", "Themselves: behaviours by relationship"),
        Table::unconditioned(report),
    ];
    tables.retain(|table| !table.rows.is_empty());
    let mut sheets: Vec<Sheet> = tables.iter().map(|table| table.sheet(width)).collect();
    if let Some(first) = sheets.first_mut() {
        first.notes.splice(0..0, notes(report));
    }
    sheets
}

fn notes(report: &Report) -> Vec<String> {
    let all = || report.heat.iter().flat_map(|row| &row.cells);
    let marks = if all().any(|cell| cell.standing == Standing::Incomplete && cell.estimate.is_some()) {
        format!(" {MARK}: under 95 % of the planned episodes are in it.")
    } else {
        String::new()
    };
    let means = format!(
        "Means over variants that weigh the same, with 95 % intervals, in whole percents; pp: less the control.{marks}"
    );
    [means].into_iter().chain(of_study(report)).collect()
}

/// A table that is being made.
struct Table {
    title: &'static str,
    columns: Vec<String>,
    notes: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    heading: String,
    model: ModelName,
    numbers: Vec<String>,
}

// === impl Table ===

impl Table {
    fn of(report: &Report, subject: &str, title: &'static str) -> Self {
        let of_subject = || report.heat.iter().filter(|row| row.subject.as_deref() == Some(subject));
        let mut relationships: Vec<&str> = Vec::new();
        for relationship in of_subject().filter_map(|row| row.relationship.as_deref()) {
            if !relationships.contains(&relationship) {
                relationships.push(relationship);
            }
        }
        relationships.sort_by_key(|its| ORDER.iter().position(|known| known == its).unwrap_or(ORDER.len()));
        let published = Published::of(report, subject);
        let mut columns = Vec::new();
        for relationship in &relationships {
            columns.push((*relationship).to_owned());
            columns.extend(published.has(relationship).then(|| "publ".to_owned()));
        }
        let notes = published.note().into_iter().chain(missing(report, subject)).collect();
        let mut table = Self { title, columns, notes, rows: Vec::new() };
        let mut behaviours: Vec<&HeatRow> = Vec::new();
        for row in of_subject() {
            if behaviours.iter().all(|known| known.behaviour != row.behaviour) {
                behaviours.push(row);
            }
        }
        for first in behaviours {
            let own = |relationship: &str| {
                of_subject().find(|row| {
                    row.behaviour == first.behaviour && row.relationship.as_deref() == Some(relationship)
                })
            };
            for (place, model) in report.models.iter().enumerate() {
                let cell = |relationship: &str| own(relationship).and_then(|row| row.cells.get(place));
                if !relationships.iter().any(|it| cell(it).is_some_and(|cell| cell.estimate.is_some())) {
                    continue;
                }
                let mut numbers = Vec::new();
                for relationship in &relationships {
                    numbers.push(shown(cell(relationship), unit(first.measure)));
                    if published.has(relationship) {
                        numbers.push(published.mean(&first.behaviour, &model.model, relationship));
                    }
                }
                let heading = format!("{}, {}", first.behaviour, unit(first.measure));
                table.rows.push(Row { heading, model: model.model.clone(), numbers });
            }
        }
        table
    }

    /// What is counted whatever the condition: a column for each.
    fn unconditioned(report: &Report) -> Self {
        let rows: Vec<&HeatRow> = report.heat.iter().filter(|row| row.condition == UNCONDITIONED).collect();
        let columns = rows.iter().map(|row| format!("{}, {}", row.behaviour, unit(row.measure))).collect();
        let line = |(place, model): (usize, &crate::report::model::ModelRow)| Row {
            heading: String::new(),
            model: model.model.clone(),
            numbers: rows.iter().map(|row| shown(row.cells.get(place), unit(row.measure))).collect(),
        };
        let lines =
            if rows.is_empty() { Vec::new() } else { report.models.iter().enumerate().map(line).collect() };
        Self { title: "Under all conditions", columns, notes: Vec::new(), rows: lines }
    }

    fn sheet(&self, width: Option<usize>) -> Sheet {
        let columns: Vec<&str> =
            ["model"].into_iter().chain(self.columns.iter().map(String::as_str)).collect();
        let mut sheet = Sheet::new("heat", self.title, 1, &columns);
        sheet.notes.clone_from(&self.notes);
        let names = width.map(|width| width.saturating_sub(self.taken() + INDENT.len()).max(NAME_CHARS_MIN));
        let mut heading = "";
        for row in &self.rows {
            if row.heading != heading {
                heading = &row.heading;
                sheet.row([heading.to_owned()]);
            }
            let name = row.model.shown();
            let name = names.map_or_else(|| name.to_owned(), |width| folded(name, width));
            let indent = if heading.is_empty() { "" } else { INDENT };
            let name = format!("{indent}{}", name.replace('\n', &format!("\n{indent}")));
            sheet
                .rows
                .push([name].into_iter().chain(row.numbers.iter().cloned()).map(Entry::plain).collect());
        }
        sheet
    }

    /// How much of a line the numbers take.
    fn taken(&self) -> usize {
        let width = |(place, column): (usize, &String)| {
            let cells = self.rows.iter().map(|row| row.numbers.get(place).map_or(0, |text| breadth(text)));
            // A heading of several words can be broken.
            let word = column.split(' ').map(breadth).max().unwrap_or(0);
            cells.chain([word]).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(|column| width(column) + PADDING).sum::<usize>() + PADDING
    }
}

fn shown(cell: Option<&HeatCell>, unit: &str) -> String {
    or_dash(cell.and_then(|cell| Some(marked(number(cell.estimate?, unit), cell.standing))))
}

/// Why behaviours towards a subject have no number, and of how many models. Only of peers is the reason known.
fn missing(report: &Report, subject: &str) -> Vec<String> {
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let rows = report.study.rows.iter().filter(|_| subject == "peer");
    for row in rows.filter(|row| row.cells.iter().all(|cell| cell.ours.is_none())) {
        // That a relationship was not run says less than why there is no number of one that was.
        let all = || row.cells.iter().filter_map(|cell| cell.why_not.as_deref());
        let why = all().find(|why| *why != NOT_RUN).or(all().next()).unwrap_or("nothing was counted");
        *reasons.entry((row.behaviour.name(), why)).or_default() += 1;
    }
    let sentence = |((behaviour, why), models): ((&str, &str), usize)| match models {
        1 => format!("{behaviour}, 1 model: {why}."),
        models => format!("{behaviour}, {models} models: {why}."),
    };
    reasons.into_iter().map(sentence).collect()
}

/// The published means about peers, by behaviour, model and relationship.
struct Published<'a> {
    means: BTreeMap<(&'a str, &'a str, &'static str), f64>,
    label: &'static str,
}

// === impl Published ===

impl<'a> Published<'a> {
    fn of(report: &'a Report, subject: &str) -> Self {
        let mut means = BTreeMap::new();
        for row in report.study.rows.iter().filter(|_| subject == "peer") {
            for (relationship, cell) in Relationship::ALL.into_iter().zip(&row.cells) {
                if let Some(published) = cell.published {
                    let key = (row.behaviour.name(), row.model.whole(), relationship.name());
                    means.insert(key, published.mean);
                }
            }
        }
        Self { means, label: report.study.label }
    }

    fn has(&self, relationship: &str) -> bool {
        self.means.keys().any(|(.., its)| *its == relationship)
    }

    fn mean(&self, behaviour: &str, model: &ModelName, relationship: &str) -> String {
        let is_it = |key: &(&str, &str, &str)| *key == (behaviour, model.whole(), relationship);
        or_dash(self.means.iter().find(|(key, _)| is_it(key)).map(|(_, mean)| format!("{mean:.0}")))
    }

    fn note(&self) -> Option<String> {
        (!self.means.is_empty()).then(|| {
            format!(
                "publ: the study's mean, {}; {}: no test is made against it.",
                published::SOURCE,
                self.label
            )
        })
    }
}
