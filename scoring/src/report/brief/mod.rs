//! A report in brief, for a terminal: what it found, in as few lines and columns as that takes. Whole percents, means
//! without their maxima, and of tests those that stand. Everything else is in the other forms. A row of one entry is a
//! heading over those below it.

mod conditions;

use crate::report::effect_sheet;
use crate::report::model::{Crossing, DropOutRow, Report};
use crate::report::sheets::{Entry, MARK, Sheet, cost_texts};
use crate::report::text::{counted, grouped, p_value, percent, whole_percent};
use crate::statistics::{Estimate, Interval};
use crate::tables::{Emphasis, Standing};

/// Rows of one table. What has more is told by its number.
const ROWS_MAX: usize = 48;

/// Columns that a table's words leave for a model's name, at least.
const NAME_CHARS_MIN: usize = 10;

/// What a table's column has around its words: a blank on either side, and one between columns.
const PADDING: usize = 3;

/// The sheets, for lines of so many characters; none where nothing bounds them.
#[must_use]
pub fn sheets(report: &Report, width: Option<usize>) -> Vec<Sheet> {
    let mut sheets = vec![sweeps(report), models(report)];
    sheets.extend(conditions::tables(report, width));
    sheets.extend([
        crossings(report),
        effect_sheet::brief(report),
        faking(report),
        claims(report),
        drop_out(report),
        losses(report),
        super::sheets::reasons(report),
        costs(report),
    ]);
    let says_something = |sheet: &Sheet| !sheet.rows.is_empty() || !sheet.notes.is_empty();
    sheets.into_iter().map(bounded).filter(says_something).collect()
}

/// Where the rest is.
#[must_use]
pub fn more() -> &'static str {
    "All tables in full: --markdown. With charts, every cell and its episodes: --html FILE. A line for every cell: --csv."
}

fn bounded(mut sheet: Sheet) -> Sheet {
    if sheet.rows.len() > ROWS_MAX {
        let rows = counted(sheet.rows.len() as u64, "row");
        sheet.rows.clear();
        sheet.notes = vec![format!("{rows}: --html FILE or --markdown has them.")];
    }
    sheet
}

fn sweeps(report: &Report) -> Sheet {
    let columns = ["sweep", "name", "state", "models, variants, seeds", "with a transcript"];
    let mut sheet = Sheet::new("sweeps", "Sweeps", 3, &columns);
    for sweep in &report.overview.sweeps {
        let size = [sweep.models, sweep.variants, sweep.seeds].map(grouped).join(" x ");
        let done = format!("{} of {}", grouped(sweep.results), grouped(sweep.jobs));
        sheet.row([sweep.sweep.to_string(), sweep.name.clone(), sweep.state.clone(), size, done]);
    }
    sheet
}

/// The models whose names are shown in another form.
fn models(report: &Report) -> Sheet {
    let mut sheet = Sheet::new("models", "Models", 2, &["shown as", "model"]);
    for row in report.models.iter().filter(|row| row.model.shown() != row.model.whole()) {
        sheet.row([row.model.shown(), row.model.whole()].map(str::to_owned));
    }
    sheet
}

/// Alignment faking over all episodes, where that is another number than over those who read.
fn faking(report: &Report) -> Sheet {
    let columns = ["model", "relationship", "of those who read", "of all"];
    let mut sheet =
        Sheet::new("faking", "Alignment faking over all episodes, pp, where it differs", 2, &columns);
    for row in &report.faking {
        let [of_readers, of_all] = [&row.of_readers, &row.of_all]
            .map(|it| or_dash(it.as_ref().map(|it| marked(number(it.mean, "pp"), it.standing))));
        if of_readers != of_all {
            sheet.row([row.model.shown().to_owned(), row.relationship.clone(), of_readers, of_all]);
        }
    }
    sheet
}

/// The tests that stand; how many there were stands beside them.
fn claims(report: &Report) -> Sheet {
    let mut sheet =
        Sheet::new("claims", "What stands of what is tested", 2, &["model", "what", "pp", "p, Holm"]);
    for claim in report.claims.iter().filter(|claim| claim.emphasis == Emphasis::Bold) {
        let what = format!("{}, {}", claim.behaviour, claim.what);
        let difference = or_dash(claim.difference.map(|difference| number(difference, "pp")));
        let p = or_dash(claim.p_holm.map(p_value));
        sheet.row([claim.model.shown().to_owned(), what, difference, p]);
    }
    let tests = counted(report.overview.tests, "test");
    let sheet = match (report.overview.tests, sheet.rows.len()) {
        (0, _) => return sheet,
        (_, 0) => sheet.note(format!(
            "None of {tests}: p after Holm's adjustment is 0.05 or more, or a cell is not complete."
        )),
        (_, stand) => sheet.note(format!(
            "{stand} of {tests}: p after Holm's adjustment is below 0.05, and every cell is complete."
        )),
    };
    sheet.note("By z, exact, paired and clustered tests: --markdown, --html or --json.")
}

fn crossings(report: &Report) -> Sheet {
    let columns = ["model", "scenario: behaviour", "threat, if good", "if not", "interaction", "p, Holm"];
    let mut sheet = Sheet::new("crossings", "Threat by relationship, pp", 2, &columns);
    sheet.rows.extend(report.crossings.iter().map(crossing));
    sheet
}

fn crossing(crossing: &Crossing) -> Vec<Entry> {
    let words = [crossing.model.shown().to_owned(), format!("{}: {}", crossing.scenario, crossing.behaviour)];
    let effects = [crossing.threat[0], crossing.threat[1], crossing.interaction].map(|it| number(it, "pp"));
    let p = or_dash(crossing.p_holm.map(|p| marked(p_value(p), crossing.standing)));
    words.into_iter().chain(effects).chain([p]).map(Entry::plain).collect()
}

fn drop_out(report: &Report) -> Sheet {
    let columns = ["model", "scenario: behaviour", "rate, %", "worst case", "left out, %"];
    let mut sheet = Sheet::new("drop-out", "Drop-out: with a transcript, and in no rate", 2, &columns);
    for row in report.drop_out.iter().filter(|row| row.share.is_some_and(|share| share > 0.0)) {
        sheet.row(left_out(row));
    }
    sheet
}

fn left_out(row: &DropOutRow) -> [String; 5] {
    [
        row.model.shown().to_owned(),
        format!("{}: {}", row.scenario, row.behaviour),
        or_dash(row.rate.map(|rate| number(rate, "%"))),
        or_dash(row.worst_case.map(range)),
        or_dash(row.share.map(percent)),
    ]
}

/// The models that have lost jobs.
fn losses(report: &Report) -> Sheet {
    let columns = ["model", "planned", "failed", "quarantined", "cancelled", "not run"];
    let mut sheet = Sheet::new("losses", "Infrastructure failures: in no rate", 1, &columns);
    for row in &report.losses {
        let lost = [row.failed, row.quarantined, row.cancelled, row.not_run];
        if lost.iter().any(|jobs| *jobs > 0) {
            let numbers = [row.planned].into_iter().chain(lost).map(grouped);
            sheet.row([row.model.shown().to_owned()].into_iter().chain(numbers));
        }
    }
    sheet
}

fn costs(report: &Report) -> Sheet {
    let columns = ["model", "calls", "tokens in", "tokens out", "cost, $", "$ an episode"];
    let mut sheet = Sheet::new("costs", "Costs", 1, &columns);
    for row in &report.costs {
        sheet.row([row.model.shown().to_owned()].into_iter().chain(cost_texts(&row.used)));
    }
    sheet
}

/// A number with its interval, in whole percents.
pub(super) fn number(estimate: Estimate, unit: &str) -> String {
    let value = whole_percent(estimate.value);
    let sign = if unit == "pp" && !value.starts_with(['-', '0']) { "+" } else { "" };
    format!("{sign}{value} {}", range(estimate.interval))
}

fn range(interval: Interval) -> String {
    format!("[{}, {}]", whole_percent(interval.low), whole_percent(interval.high))
}

fn marked(text: String, standing: Standing) -> String {
    match standing {
        Standing::Complete => text,
        Standing::Incomplete => format!("{text}{MARK}"),
    }
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// A name in lines of so many characters, broken behind what joins its parts where that is possible.
fn folded(name: &str, width: usize) -> String {
    let width = width.max(1);
    let mut lines: Vec<String> = vec![String::new()];
    for part in name.split_inclusive([' ', '/', '?', '&']) {
        let mut rest: Vec<char> = part.chars().collect();
        let room = |line: &String| width.saturating_sub(line.chars().count());
        // A blank at a line's end takes no room.
        let length = part.trim_end().chars().count();
        if lines.last().is_some_and(|line| !line.is_empty() && room(line) < length) {
            lines.push(String::new());
        }
        while rest.len() > width {
            let tail = rest.split_off(width);
            let head: String = rest.into_iter().collect();
            if let Some(line) = lines.last_mut() {
                line.push_str(&head);
            }
            if !tail.iter().all(|c| *c == ' ') {
                lines.push(String::new());
            }
            rest = tail;
        }
        if let Some(line) = lines.last_mut() {
            line.extend(rest);
        }
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// The most characters that a line of some text has.
fn breadth(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_broken_where_its_parts_meet() {
        assert_eq!(folded("GPT 5.2", 14), "GPT 5.2");
        assert_eq!(folded("sim/graded?good=0.8&bad=0.1", 12), "sim/graded?\ngood=0.8&\nbad=0.1");
        assert_eq!(folded("Claude Opus 4.5", 11), "Claude Opus\n4.5");
        assert_eq!(folded("abcdefghij", 4), "abcd\nefgh\nij");
        assert!(
            folded("sim/graded?good=0.8 (suite abababab)", 10).lines().all(|line| line.chars().count() <= 10)
        );
    }

    #[test]
    fn a_difference_has_its_sign_and_nothing_has_none() {
        let estimate =
            |value: f64| Estimate { value, interval: Interval { low: value - 0.1, high: value + 0.1 } };
        assert_eq!(number(estimate(0.304), "pp"), "+30 [20, 40]");
        assert_eq!(number(estimate(-0.304), "pp"), "-30 [-40, -20]");
        assert_eq!(number(estimate(0.001), "pp"), "0 [-10, 10]");
        assert_eq!(number(estimate(0.5), "%"), "50 [40, 60]");
    }
}
