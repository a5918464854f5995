//! Tables for people: rates, sweeps, models, workers.

mod crosstab;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use muster_proto::v1;
pub(crate) use muster_scoring::report::text::grouped;
use muster_scoring::tables::{RateSummary, RateTable, Row};
use serde::Serialize;

use crate::summary::{Summary, cost_usd, results};
use crate::terminal;

/// A name in a table is shown up to here.
const NAME_CHARS: usize = 48;

/// A line above, below, and under the headings.
const LINES: TableStyle = comfy_table::presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none());

/// A row of rates as `--json` gives it.
#[derive(Debug, Serialize)]
pub(crate) struct RateRow {
    /// The labels, by the table's columns.
    #[serde(flatten)]
    labels: serde_json::Map<String, serde_json::Value>,
    /// The numbers.
    #[serde(flatten)]
    numbers: RateSummary,
}

/// A table of rates with 95 % intervals. What is in no rate is counted beside it. Many are set side by side.
pub(crate) fn rates(table: &RateTable) -> String {
    crosstab::rates(table).unwrap_or_else(|| long(table))
}

/// A row for each rate.
fn long(table: &RateTable) -> String {
    let rows = table.rows();
    let shown_labels: Vec<usize> =
        (0..table.columns().len()).filter(|column| says_something(&rows, *column)).collect();
    let extras =
        Extra::ALL.into_iter().filter(|extra| rows.iter().any(|row| extra.of(row) > 0)).collect::<Vec<_>>();
    let headings = shown_labels.iter().map(|column| table.columns()[*column].as_str());
    let headings =
        headings.chain(["n", "k", "rate", "95 % interval"]).chain(extras.iter().map(|extra| extra.heading()));
    let mut shown = new_table(headings, shown_labels.len());
    for row in &rows {
        let labels = shown_labels.iter().map(|column| terminal::one_line(&row.labels[*column], NAME_CHARS));
        let numbers = numbers(&row.tally.summary());
        let extras = extras.iter().map(|extra| extra.of(row).to_string());
        shown.add_row(labels.chain(numbers).chain(extras));
    }
    shown.trim_fmt()
}

/// The rows of a table of rates, for scripts.
pub(crate) fn rate_rows(table: &RateTable) -> Vec<RateRow> {
    let row = |row: &Row<'_>| RateRow {
        labels: table
            .columns()
            .iter()
            .zip(row.labels)
            .filter(|(column, _)| !column.is_empty())
            .map(|(column, label)| (column.clone(), label.as_str().into()))
            .collect(),
        numbers: row.tally.summary(),
    };
    table.rows().iter().map(row).collect()
}

/// What a sweep used, in one paragraph.
pub(crate) fn usage(summary: &Summary) -> String {
    let cost = match summary.cost_usd {
        Some(cost) => format!("${cost:.2}"),
        None => "cost unknown".to_owned(),
    };
    let lost = match summary.lost_usd {
        lost if lost > 0.0 => format!(" (for ${lost:.2} more at the most)"),
        _ => String::new(),
    };
    format!(
        "{} calls, {} tokens in, {} out, {cost}; {} retries, {} rate-limited, {} paid twice{lost}; {:.1} s",
        grouped(summary.model_calls),
        grouped(summary.input_tokens),
        grouped(summary.output_tokens),
        grouped(summary.retries),
        grouped(summary.rate_limited),
        grouped(summary.paid_twice),
        summary.wall_s,
    )
}

/// A sweep's jobs, in one line.
pub(crate) fn jobs(summary: &Summary) -> String {
    let mut text = format!("{} of {} jobs completed", grouped(summary.completed), grouped(summary.jobs));
    let inside: Vec<String> = [(summary.limit, "at a limit"), (summary.refused, "refused by the provider")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", grouped(number)))
        .collect();
    if !inside.is_empty() {
        text.push_str(&format!(" ({} of them)", inside.join(", ")));
    }
    for (number, what) in
        [(summary.failed, "failed"), (summary.quarantined, "quarantined"), (summary.cancelled, "cancelled")]
    {
        if number > 0 {
            text.push_str(&format!(", {} {what}", grouped(number)));
        }
    }
    text
}

/// All sweeps.
pub(crate) fn sweeps(sweeps: &[v1::Sweep], now_ms: u64) -> String {
    let row = |sweep: &v1::Sweep| {
        let counts = sweep.counts.unwrap_or_default();
        let usage = sweep.usage.unwrap_or_default();
        let mut row = Cells::new();
        row.word("sweep", sweep.id.to_string());
        row.word("name", terminal::one_line(&sweep.name, NAME_CHARS));
        row.word("state", state(sweep.state()).to_owned());
        row.counts(&counts);
        row.number("calls", usage.model_calls);
        row.word("cost", cost(&usage));
        row.word("submitted", ago(now_ms.saturating_sub(sweep.submitted_at_ms)));
        row
    };
    table_of(&sweeps.iter().map(row).collect::<Vec<_>>(), 3)
}

/// The models of a sweep.
pub(crate) fn lanes(sweep: &v1::Sweep) -> String {
    let row = |(place, lane): (usize, &v1::LaneStatus)| {
        let counts = lane.counts.unwrap_or_default();
        let usage = lane.usage.unwrap_or_default();
        let mut row = Cells::new();
        row.word("lane", format!("{}/{place}", sweep.id));
        row.word("model", terminal::one_line(&lane.model, NAME_CHARS));
        row.counts(&counts);
        row.number("calls", usage.model_calls);
        row.trouble("retries", usage.retries);
        row.trouble("rate-limited", usage.rate_limited);
        row.trouble("paid twice", usage.paid_twice);
        row.word("cost", cost(&usage));
        row
    };
    table_of(&sweep.lanes.iter().enumerate().map(row).collect::<Vec<_>>(), 2)
}

/// The workers.
pub(crate) fn workers(workers: &[v1::WorkerStatus]) -> String {
    let mut shown = new_table(["worker", "connected", "accounts", "leases"], 3);
    for worker in workers {
        shown.add_row([
            worker_name(worker),
            if worker.connected { "yes" } else { "no" }.to_owned(),
            terminal::one_line(&worker.accounts.join(", "), NAME_CHARS),
            worker.leases.to_string(),
        ]);
    }
    shown.trim_fmt()
}

/// A worker's name; one that has not come back since the coordinator's start has not said it yet.
fn worker_name(worker: &v1::WorkerStatus) -> String {
    match terminal::one_line(&worker.name, NAME_CHARS).as_str() {
        "" | "?" => "(not back yet)".to_owned(),
        name => name.to_owned(),
    }
}

/// A row that is being made: headings and cells. A column of trouble is shown only where some row has any.
struct Cells(Vec<(&'static str, String, Shown)>);

/// Whether a column is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Always,
    IfNotZero,
}

// === impl Cells ===

impl Cells {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn word(&mut self, heading: &'static str, word: String) {
        self.0.push((heading, word, Shown::Always));
    }

    fn number(&mut self, heading: &'static str, number: u64) {
        self.0.push((heading, grouped(number), Shown::Always));
    }

    fn trouble(&mut self, heading: &'static str, number: u64) {
        self.0.push((heading, grouped(number), Shown::IfNotZero));
    }

    fn counts(&mut self, counts: &v1::Counts) {
        self.number("jobs", counts.jobs);
        self.number("done", results(counts));
        self.trouble("running", counts.leased);
        self.trouble("pending", counts.pending);
        self.trouble("waiting", counts.backoff);
        self.trouble("failed", counts.failed);
        self.trouble("quarantined", counts.quarantined);
        self.trouble("cancelled", counts.cancelled);
    }
}

/// The rows as a table, without columns that say nothing.
fn table_of(rows: &[Cells], left: usize) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let is_shown =
        |column: &usize| rows.iter().any(|row| row.0[*column].2 == Shown::Always || row.0[*column].1 != "0");
    let columns: Vec<usize> = (0..first.0.len()).filter(is_shown).collect();
    let mut table = new_table(columns.iter().map(|column| first.0[*column].0), left);
    for row in rows {
        table.add_row(columns.iter().map(|column| row.0[*column].1.as_str()));
    }
    table.trim_fmt()
}

/// A plain table, its first `left` columns to the left, the others to the right.
pub(crate) fn new_table<'a>(headings: impl IntoIterator<Item = &'a str>, left: usize) -> Table {
    let mut table = Table::new();
    table.load_style(LINES);
    table.force_no_tty();
    // Where no terminal bounds it, a table is as wide as it is: scripts read lines.
    if let Some(columns) = terminal::columns() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(columns).unwrap_or(u16::MAX));
    }
    let headings: Vec<Cell> = headings.into_iter().map(Cell::new).collect();
    table.set_header(headings);
    for column in table.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A sweep's state in a word.
pub(crate) fn state(state: v1::SweepState) -> &'static str {
    match state {
        v1::SweepState::Running => "running",
        v1::SweepState::Paused => "paused",
        v1::SweepState::Cancelled => "cancelled",
        v1::SweepState::Finished => "finished",
        v1::SweepState::Stopped => "stopped",
        v1::SweepState::Unspecified => "unknown",
    }
}

/// A number of things: `1 model`, `2 models`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

fn cost(usage: &v1::Usage) -> String {
    if usage.model_calls == 0 && usage.paid_twice == 0 {
        return "-".to_owned();
    }
    cost_usd(usage).map_or_else(|| "unknown".to_owned(), |cost| format!("${cost:.2}"))
}

fn ago(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ ..120 => format!("{seconds} s ago"),
        seconds @ ..7_200 => format!("{} min ago", seconds / 60),
        seconds @ ..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

/// Counts beside a rate, shown only where there are any.
#[derive(Debug, Clone, Copy)]
enum Extra {
    Unread,
    Nothing,
    Unscored,
    Failed,
    Quarantined,
    Cancelled,
}

// === impl Extra ===

impl Extra {
    const ALL: [Self; 6] =
        [Self::Unread, Self::Nothing, Self::Unscored, Self::Failed, Self::Quarantined, Self::Cancelled];

    fn heading(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Nothing => "nothing",
            Self::Unscored => "unscored",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
            Self::Cancelled => "cancelled",
        }
    }

    fn of(self, row: &Row<'_>) -> u64 {
        match self {
            Self::Unread => row.tally.unread,
            Self::Nothing => row.tally.nothing,
            Self::Unscored => row.tally.unscored,
            Self::Failed => row.tally.failed,
            Self::Quarantined => row.tally.quarantined,
            Self::Cancelled => row.tally.cancelled,
        }
    }
}

/// A column of labels that says something: it is not "-" everywhere, nor everywhere what stands before it.
fn says_something(rows: &[Row<'_>], column: usize) -> bool {
    let before = |row: &Row<'_>| column.checked_sub(1).and_then(|before| row.labels.get(before).cloned());
    rows.iter().any(|row| {
        row.labels.get(column).is_some_and(|label| label != "-" && Some(label) != before(row).as_ref())
    })
}

fn numbers(summary: &RateSummary) -> [String; 4] {
    let percent = |rate: f64| format!("{:.1} %", rate * 100.0);
    let rate = summary.rate.map_or_else(|| "-".to_owned(), percent);
    let interval = summary.interval_95.map_or_else(
        || "-".to_owned(),
        |interval| format!("{:.1} .. {:.1} %", interval.low * 100.0, interval.high * 100.0),
    );
    [grouped(summary.n), grouped(summary.k), rate, interval]
}

#[cfg(test)]
mod tests {
    use muster_scoring::tables::{Infrastructure, Observation};

    use super::*;

    fn table() -> RateTable {
        let words = |words: [&str; 4]| words.map(str::to_owned).to_vec();
        let mut table = RateTable::new(words(["scenario", "behaviour", "model", "relationship"]));
        for hit in [true, true, true, false] {
            table.add((0, 0), words(["tampering", "tampering", "sim/a", "good"]), Observation::Judged(hit));
        }
        let lost = Observation::Infrastructure(Infrastructure::Failed);
        table.add((0, 1), words(["tampering", "tampering", "sim/a", "bad\u{1b}[2J"]), lost);
        table
    }

    #[test]
    fn a_rate_stands_with_its_interval_and_lost_episodes_beside_it() {
        let shown = rates(&table());
        let good = shown.lines().find(|line| line.contains("good")).expect("a row");
        for part in ["75.0 %", "30.1 .. 95.4 %", "4", "3"] {
            assert!(good.contains(part), "{part} is missing in {good}");
        }
        assert!(shown.contains("failed") && !shown.contains("quarantined"), "{shown}");
        let bad = shown.lines().find(|line| line.contains("bad")).expect("a row");
        assert!(bad.contains('-') && !bad.contains("0.0 %"), "a rate of nothing is no rate: {bad}");
    }

    #[test]
    fn a_label_with_escape_codes_is_harmless() {
        assert!(!rates(&table()).contains('\u{1b}'));
    }

    #[test]
    fn rows_for_scripts_carry_labels_and_numbers() {
        let rows = serde_json::to_value(rate_rows(&table())).expect("JSON");
        assert_eq!(
            (&rows[0]["relationship"], &rows[0]["k"], &rows[0]["rate"]),
            (&"good".into(), &3.into(), &0.75.into())
        );
        assert!(rows[1]["rate"].is_null());
        assert_eq!(rows[1]["failed"], 1);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn an_unknown_cost_is_never_shown_as_a_number() {
        let usage =
            v1::Usage { model_calls: 2, cost_micro_usd: 5_000_000, unpriced_calls: 1, ..Default::default() };
        assert_eq!(cost(&usage), "unknown");
    }
}
