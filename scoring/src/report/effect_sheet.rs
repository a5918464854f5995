//! The effects of single axes as a table: in full, and in brief those that stand.

use crate::report::brief::number;
use crate::report::model::{Effect, Report};
use crate::report::sheets::{Entry, MARK, Sheet, estimate_text};
use crate::report::text::{counted, grouped, p_value};
use crate::tables::{Emphasis, Standing};

/// The sheet's word for links.
pub(super) const ID: &str = "effects";

/// Rows that a page has, where there is room; else fewer.
pub(super) const PAGE_ROWS: [usize; 3] = [500, 100, 20];

const TITLE: &str = "Effects of single axes";

/// All of them.
pub(super) fn sheet(report: &Report) -> Sheet {
    let columns = [
        "model",
        "scenario",
        "behaviour",
        "axis",
        "value",
        "less",
        "difference, pp",
        "p",
        "p, Holm",
        "pairs",
        "unpaired",
        "n",
        "n, base",
    ];
    let mut sheet = Sheet::new(ID, TITLE, 6, &columns)
        .note(format!(
            "One family of {}, apart from what is tested above; bold: p after Holm's adjustment in it is below 0.05, and every \
             cell is complete.",
            family(report)
        ))
        .note(
            "Each value against the axis' base, which is the study's value where that was run, else the first: the mean \
             difference over pairs of cells that are alike in all other axes, whatever these are. Pairs weigh the same. A cell \
             without its counterpart is in no pair. Rates, of misrepresentation too, are as they are: no control is taken off.",
        );
    sheet.rows.extend(report.effects.iter().map(row));
    sheet
}

/// So many rows of the sheet at most: those that stand come first.
pub(super) fn for_page(sheet: &Sheet, rows_max: usize) -> Sheet {
    let mut sheet = sheet.clone();
    let all = sheet.rows.len();
    if all > rows_max {
        sheet.rows.sort_by_key(|row| row.iter().all(|entry| entry.emphasis == Emphasis::Plain));
        sheet.rows.truncate(rows_max);
        let [shown, all] = [rows_max, all].map(|rows| grouped(rows as u64));
        return sheet
            .note(format!("{shown} of {all}, those that stand first. --markdown and --json have all."));
    }
    sheet
}

/// Those that stand, and where the others are.
pub(super) fn brief(report: &Report) -> Sheet {
    let columns = ["model", "scenario: behaviour", "axis: value less base", "pp", "p, Holm"];
    let mut sheet = Sheet::new(ID, "Effects of single axes that stand", 3, &columns);
    for effect in report.effects.iter().filter(|effect| effect.emphasis == Emphasis::Bold) {
        let difference =
            effect.difference.map_or_else(|| "-".to_owned(), |difference| number(difference, "pp"));
        sheet.row([
            effect.model.shown().to_owned(),
            format!("{}: {}", effect.scenario, effect.behaviour),
            format!("{}: {} less {}", effect.axis, effect.value, effect.base),
            difference,
            p_text(effect.p_holm),
        ]);
    }
    if report.effects.is_empty() {
        return sheet;
    }
    let stand = if sheet.rows.is_empty() { "None".to_owned() } else { grouped(sheet.rows.len() as u64) };
    sheet.note(format!(
        "{stand} of {}, one family of their own: p after Holm's adjustment below 0.05, every cell complete. All of them: \
         --html FILE, --markdown or --json.",
        family(report)
    ))
}

fn family(report: &Report) -> String {
    let tested = report.effects.iter().filter(|effect| effect.p.is_some()).count();
    counted(tested as u64, "main effect")
}

fn row(effect: &Effect) -> Vec<Entry> {
    let words =
        [&effect.scenario, &effect.behaviour, &effect.axis, &effect.value, &effect.base].map(String::clone);
    let mark = if effect.standing == Standing::Incomplete { format!(" {MARK}") } else { String::new() };
    let difference = effect
        .difference
        .map_or_else(|| "(no pair)".to_owned(), |difference| format!("{}{mark}", estimate_text(difference)));
    let [n, n_base] = effect.n.map(grouped);
    let numbers = [
        difference,
        p_text(effect.p),
        p_text(effect.p_holm),
        grouped(effect.pairs),
        grouped(effect.unpaired),
        n,
        n_base,
    ];
    let all = [effect.model.shown().to_owned()].into_iter().chain(words).chain(numbers);
    let mut row: Vec<Entry> = all.map(Entry::plain).collect();
    for place in [4, 6] {
        row[place].emphasis = effect.emphasis;
    }
    row
}

fn p_text(p: Option<f64>) -> String {
    p.map_or_else(|| "-".to_owned(), p_value)
}
