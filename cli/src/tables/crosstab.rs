//! Many rates on one page: a row for each behaviour and model, and the last label's values side by side. What a cell has
//! no room for (its counts) is in the long table, which has a row for each of its rates.

use muster_scoring::tables::{RateSummary, RateTable, Row};

use super::{Extra, NAME_CHARS, new_table};
use crate::terminal;

/// Rows that are read one by one; more are set side by side.
const ROWS_MAX: usize = 40;

/// What stands under the table.
const LEGEND: &str = "Rates in % (95 % interval); n is of the whole row. `muster score --cells` has the counts of every cell, --json every number.";

/// See the module.
struct Crosstab<'a> {
    /// The last label's values, in order of their first row.
    across: Vec<&'a str>,
    down: Vec<Line<'a>>,
}

/// One line: the labels but for the last, and a rate for each of that one's values.
struct Line<'a> {
    labels: &'a [String],
    rows: Vec<Row<'a>>,
}

/// The table side by side; none where the long one is short enough, or has nothing to set side by side.
pub(super) fn rates(table: &RateTable) -> Option<String> {
    let rows = table.rows();
    let columns = table.columns();
    let (last, _) = columns.split_last()?;
    let is_wanted = rows.len() > ROWS_MAX && last == crate::scores::RELATIONSHIP;
    is_wanted.then(|| Crosstab::of(&rows).text(columns))
}

// === impl Crosstab ===

impl<'a> Crosstab<'a> {
    /// Rows in order of their first labels, each where it stood first; so models stand under each other.
    fn of(rows: &[Row<'a>]) -> Self {
        let mut across: Vec<&str> = Vec::new();
        let mut down: Vec<Line<'_>> = Vec::new();
        for row in rows {
            let Some((last, labels)) = row.labels.split_last() else { continue };
            if !across.contains(&last.as_str()) {
                across.push(last);
            }
            match down.iter_mut().find(|line| line.labels == labels) {
                Some(line) => line.rows.push(*row),
                None => down.push(Line { labels, rows: vec![*row] }),
            }
        }
        Self { across, down: grouped(down) }
    }

    fn text(&self, columns: &[String]) -> String {
        let labels = columns.len() - 1;
        let has = |extra: &Extra| self.down.iter().any(|line| line.extra(*extra) > 0);
        let extras: Vec<Extra> = Extra::ALL.into_iter().filter(has).collect();
        let across: Vec<String> =
            self.across.iter().map(|value| terminal::one_line(value, NAME_CHARS)).collect();
        let headings = columns[..labels].iter().map(String::as_str).chain(["n"]);
        let headings = headings.chain(across.iter().map(String::as_str));
        let mut table = new_table(headings.chain(extras.iter().map(|extra| extra.heading())), labels);
        let mut before: &[String] = &[];
        for line in &self.down {
            let n: u64 = line.rows.iter().map(|row| row.tally.summary().n).sum();
            let cells = self.across.iter().map(|value| line.cell(value));
            let extras = extras.iter().map(|extra| line.extra(*extra).to_string());
            table.add_row(
                line.shown(before).into_iter().chain([super::grouped(n)]).chain(cells).chain(extras),
            );
            before = line.labels;
        }
        format!("{}\n{LEGEND}", table.trim_fmt())
    }
}

// === impl Line ===

impl Line<'_> {
    /// Its labels, without those that stand in the line before.
    fn shown(&self, before: &[String]) -> Vec<String> {
        let same = self.labels.iter().zip(before).take_while(|(own, before)| own == before).count();
        let label = |(place, label): (usize, &String)| {
            // The last tells the line from the one before, whatever it says.
            if place < same { String::new() } else { terminal::one_line(label, NAME_CHARS) }
        };
        self.labels.iter().enumerate().map(label).collect()
    }

    fn cell(&self, value: &str) -> String {
        let row = self.rows.iter().find(|row| row.labels.last().is_some_and(|last| last == value));
        row.map_or_else(String::new, |row| cell(&row.tally.summary()))
    }

    fn extra(&self, extra: Extra) -> u64 {
        self.rows.iter().map(|row| extra.of(row)).sum()
    }
}

/// Lines of the same labels, but for the last of them, together.
fn grouped(lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let group = |line: &Line<'_>| line.labels[..line.labels.len().saturating_sub(1)].to_vec();
    let mut groups: Vec<Vec<String>> = Vec::new();
    for line in &lines {
        let own = group(line);
        if !groups.contains(&own) {
            groups.push(own);
        }
    }
    let mut lines = lines;
    lines.sort_by_cached_key(|line| groups.iter().position(|known| *known == group(line)));
    lines
}

fn cell(summary: &RateSummary) -> String {
    match (summary.rate, summary.interval_95) {
        (Some(rate), Some(interval)) => {
            format!("{:.0} ({:.0}..{:.0})", rate * 100.0, interval.low * 100.0, interval.high * 100.0)
        }
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use muster_scoring::tables::Observation;

    use super::*;

    const RELATIONSHIPS: [&str; 3] = ["good", "neutral", "bad"];

    /// As many models, each with its scenario's two behaviours over three relationships.
    fn table(models: u64, last: &str) -> RateTable {
        let columns = ["scenario", "behaviour", "model", last].map(str::to_owned).to_vec();
        let mut table = RateTable::new(columns);
        for model in 0..models {
            for (place, relationship) in RELATIONSHIPS.into_iter().enumerate() {
                for behaviour in ["faked", "passed"] {
                    let labels = ["review", behaviour, &format!("m{model}"), relationship];
                    let labels = labels.map(str::to_owned).to_vec();
                    let hit = behaviour == "faked" && relationship == "good";
                    for _ in 0..10 {
                        table.add((model, place as u64), labels.clone(), Observation::Judged(hit));
                    }
                    table.add((model, place as u64), labels, Observation::Unread);
                }
            }
        }
        table
    }

    #[test]
    fn a_table_that_fills_no_screen_and_one_of_cells_stay_long() {
        assert!(rates(&table(6, "relationship")).is_none());
        assert!(rates(&table(99, "cell")).is_none() && rates(&table(99, "")).is_none());
    }

    #[test]
    fn models_stand_under_each_other_with_every_rate_and_interval_and_what_is_in_none() {
        let shown = rates(&table(7, "relationship")).expect("side by side");
        let lines: Vec<&str> = shown.lines().filter(|line| line.contains(" 30 ")).collect();
        assert_eq!(lines.len(), 2 * 7, "{shown}");
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            words(lines[0]),
            ["review", "faked", "m0", "30", "100", "(72..100)", "0", "(0..28)", "0", "(0..28)", "3"]
        );
        // What stands above is not said again.
        assert_eq!(words(lines[1])[..3], ["m1", "30", "100"]);
        assert_eq!(words(lines[7])[..3], ["passed", "m0", "30"]);
        assert!(shown.contains("unread") && shown.ends_with(LEGEND), "{shown}");
    }
}
