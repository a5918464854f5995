//! Tables drawn with bars, in Markdown or with boxes.

use std::ops::Range;

use super::page::Line;

/// A table, its cells in small letters.
#[derive(Debug)]
pub(super) struct Table {
    /// The header's cells; none if the table has no header.
    pub(super) header: Vec<String>,
    /// The line and the cells of each row.
    pub(super) rows: Vec<(usize, Vec<String>)>,
    /// The lines that it takes.
    pub(super) lines: Range<usize>,
}

/// The tables of a piece.
pub(super) fn tables(lines: &[Line]) -> Vec<Table> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let end =
            lines[at..].iter().position(|line| !is_row(&line.low)).map_or(lines.len(), |length| at + length);
        if end > at + 1 || (end == at + 1 && lines[at].low.matches('|').count() >= 2) {
            found.extend(table(lines, at..end));
        }
        at = end.max(at + 1);
    }
    found
}

fn is_row(low: &str) -> bool {
    low.contains('|') || is_rule(low)
}

/// A line between rows: `|---|---|`, `+----+`.
fn is_rule(low: &str) -> bool {
    let low = low.trim();
    low.len() >= 3
        && low.contains("--")
        && low.chars().all(|c| matches!(c, '-' | '|' | '+' | ':' | ' ' | '='))
}

fn table(lines: &[Line], range: Range<usize>) -> Option<Table> {
    let rule = range
        .clone()
        .filter(|place| is_rule(&lines[*place].low))
        .find(|place| range.clone().any(|row| row < *place && !is_rule(&lines[row].low)));
    let mut rows: Vec<(usize, Vec<String>)> = range
        .clone()
        .filter(|place| !is_rule(&lines[*place].low))
        .map(|place| (place, cells(&lines[place].low)))
        .filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let has_number = |cell: &String| cell.contains(|c: char| c.is_ascii_digit());
    let first_is_header = match rule {
        Some(rule) => rows[0].0 < rule,
        None => {
            rows.len() > 1
                && !rows[0].1.iter().any(has_number)
                && rows[1..].iter().any(|(_, row)| row.iter().any(has_number))
        }
    };
    // The only row is what the table says, whatever stands above its rule.
    let header = if first_is_header && rows.len() > 1 && !is_statement(&rows[0].1) {
        rows.remove(0).1
    } else {
        Vec::new()
    };
    Some(Table { header, rows, lines: range })
}

/// Whether a row says something by itself although it is the first: `average | 60`.
fn is_statement(row: &[String]) -> bool {
    row.len() == 2 && row[1].starts_with(|c: char| c.is_ascii_digit())
}

fn cells(low: &str) -> Vec<String> {
    let low = low.trim();
    let low = low.strip_prefix('|').unwrap_or(low);
    let low = low.strip_suffix('|').unwrap_or(low);
    low.split('|').map(|cell| cell.trim().to_owned()).collect()
}
