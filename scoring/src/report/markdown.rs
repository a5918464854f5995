//! A report as Markdown.

use std::fmt::Write as _;

use crate::report::model::Report;
use crate::report::sheets::{self, Entry, Sheet};
use crate::report::summary;
use crate::report::text;
use crate::tables::Emphasis;

/// The whole report.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut page = String::from("# Report\n\n");
    for sentence in summary::sentences(report) {
        // Writing to a string can't fail.
        let _ = writeln!(page, "- {}", text::markdown(&sentence));
    }
    for sheet in sheets::all(report) {
        section(&mut page, &sheet);
    }
    page
}

fn section(page: &mut String, sheet: &Sheet) {
    let _ = write!(page, "\n## {}\n\n", sheet.title);
    for note in &sheet.notes {
        let _ = write!(page, "{}\n\n", text::markdown(note));
    }
    let headings: Vec<String> = sheet.columns.iter().map(|column| text::markdown(column)).collect();
    let lines = (0..sheet.columns.len()).map(|column| if column < sheet.words { "---" } else { "---:" });
    let _ = writeln!(page, "| {} |", headings.join(" | "));
    let _ = writeln!(page, "| {} |", lines.collect::<Vec<_>>().join(" | "));
    for row in &sheet.rows {
        let _ = writeln!(page, "| {} |", row.iter().map(entry).collect::<Vec<_>>().join(" | "));
    }
}

fn entry(entry: &Entry) -> String {
    let text = text::markdown(&entry.text);
    match entry.emphasis {
        Emphasis::Bold => format!("**{text}**"),
        Emphasis::Plain => text,
    }
}
