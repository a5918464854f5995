//! A report on a terminal, in brief.

use std::fmt::Write as _;

use muster_scoring::report::sheets::{Entry, Sheet};
use muster_scoring::report::{Report, brief, summary};
use muster_scoring::tables::Emphasis;

use crate::tables::new_table;
use crate::terminal;

/// Characters of a sentence, and of an entry.
const SENTENCE_CHARS_MAX: usize = 600;
const ENTRY_CHARS_MAX: usize = 300;

/// Stands for a heading while a table is drawn.
const PLACE: &str = "§";

/// The report in brief, as wide as the terminal is.
pub(super) fn text(report: &Report) -> String {
    let mut page = String::new();
    for sentence in summary::sentences(report) {
        let sentence = terminal::one_line(&sentence, SENTENCE_CHARS_MAX);
        let _ = writeln!(page, "{}", terminal::wrapped(&sentence, terminal::width(), ""));
    }
    let mut title = "";
    for sheet in brief::sheets(report, terminal::columns()) {
        page.push('\n');
        if sheet.title != title {
            title = sheet.title;
            let _ = writeln!(page, "{title}");
        }
        for note in &sheet.notes {
            let _ = writeln!(page, "{}", terminal::wrapped(note, terminal::width(), "  "));
        }
        if !sheet.rows.is_empty() {
            let _ = writeln!(page, "{}", table(&sheet));
        }
    }
    let _ = writeln!(page, "\n{}", terminal::wrapped(brief::more(), terminal::width(), ""));
    page
}

fn table(sheet: &Sheet) -> String {
    let headings: Vec<String> = sheet.columns.iter().map(|heading| lines(heading)).collect();
    let mut table = new_table(headings.iter().map(String::as_str), sheet.words);
    let mut over_rows = Vec::new();
    for row in &sheet.rows {
        match row.as_slice() {
            [heading] if sheet.columns.len() > 1 => {
                over_rows.push(lines(&heading.text));
                table.add_row([PLACE]);
            }
            row => {
                table.add_row(row.iter().map(entry));
            }
        }
    }
    headed(&table.trim_fmt(), over_rows)
}

fn entry(entry: &Entry) -> String {
    let text = lines(&entry.text);
    // A terminal's bold is lost in a file.
    if entry.emphasis == Emphasis::Bold { format!("**{text}**") } else { text }
}

/// A drawn table with its headings at their places: they are wider than the columns that they begin in.
fn headed(drawn: &str, over_rows: Vec<String>) -> String {
    let mut over_rows = over_rows.into_iter();
    let line = |line: &str| match line.trim() {
        PLACE => over_rows.next().map_or_else(|| line.to_owned(), |heading| format!(" {heading}")),
        _ => line.to_owned(),
    };
    drawn.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Words with their line breaks and what they begin with, and nothing that a terminal would do something with.
fn lines(text: &str) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        format!("{}{}", " ".repeat(indent), terminal::one_line(line, ENTRY_CHARS_MAX))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
