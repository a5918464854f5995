//! Tables: those that list items with their scores, and what all others say.

use super::cells::{CellScore, cell_score, scaled};
use super::items::{INDEX, Items};
use super::languages::{
    AVERAGE, BAR, DRAFT, EARLIER, FIGURE, IF, OTHERS, PART, REVISED, SCORE, TRUST, WHOLE,
};
use super::numbers::numbers;
use super::tables::Table;

/// Reads a table: the scores of items, or what else it says.
pub(super) fn read_table(table: &Table, count: Option<u32>, found: &mut Items) {
    let is_whole = |row: &(usize, Vec<String>)| is_whole_row(&row.1) || lone_cell(table, &row.1).is_some();
    for (line, row) in &table.rows {
        found.statements.extend(lone_cell(table, row).map(|statement| (*line, statement)));
    }
    let body: Vec<&(usize, Vec<String>)> = table.rows.iter().filter(|row| !is_whole(row)).collect();
    found.lines.extend(table.lines.clone());
    if is_item_table(table, &body, count) {
        let column = score_column(table, &body);
        let scores = column.and_then(|column| column_scores(table, &body, column));
        if column.is_some() || has_numbers(&body) {
            found.index(
                body.iter().map(|(_, row)| row.first().and_then(|cell| index(cell))),
                scores.as_deref(),
            );
            found.take(scores, body.len(), count);
        }
        for (line, row) in table.rows.iter().filter(|row| is_whole_row(&row.1)) {
            let cell = column.and_then(|column| row.get(column)).filter(|cell| !cell.is_empty());
            let only = only_number(row);
            let label = row.iter().find(|cell| !cell.trim_matches('-').is_empty()).map_or("", String::as_str);
            match cell.filter(|cell| !numbers(cell).is_empty()).cloned().or(only) {
                Some(cell) => found.statements.push((*line, format!("{label}: {cell}"))),
                None => found.is_partial |= row.iter().any(|cell| !numbers(cell).is_empty()),
            }
        }
        return;
    }
    other_table(table, found);
}

/// What a row says that has nothing but one number, under the header of an average.
fn lone_cell(table: &Table, row: &[String]) -> Option<String> {
    let mut cells = row.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
    let (column, cell) = cells.next().filter(|(column, _)| *column > 0)?;
    let header = table.header.get(column).filter(|header| AVERAGE.are_in(header))?;
    cells.next().is_none().then(|| format!("{header}: {cell}"))
}

fn has_numbers(body: &[&(usize, Vec<String>)]) -> bool {
    body.iter().any(|(_, row)| row.iter().skip(1).any(|cell| cell_score(cell).is_some()))
}

fn is_whole_row(row: &[String]) -> bool {
    let label = row.first().map_or("", String::as_str);
    let second = row.get(1).map_or("", String::as_str);
    let says_so =
        |label: &str| AVERAGE.are_in(label) || WHOLE.are_in(label) || label.contains("sum") || is_all(label);
    (says_so(label) && label.len() < 60)
        || (label.trim_matches('-').is_empty() && says_so(second) && second.len() < 60)
}

/// `all`, `all 10`, `all rows`: a row for the whole.
fn is_all(label: &str) -> bool {
    pattern!(ALL, r"^all(?: (?:of them|together|items|rows|answers|lists|outputs|requests|\d+))*$");
    ALL.is_match(label.trim())
}

fn is_item_table(table: &Table, body: &[&(usize, Vec<String>)], count: Option<u32>) -> bool {
    let indices: Vec<Option<u32>> =
        body.iter().map(|(_, row)| row.first().and_then(|cell| index(cell))).collect();
    let first = indices.first().copied().flatten().unwrap_or(1);
    let is_sequence = body.len() >= 2 && (first..).zip(&indices).all(|(place, index)| *index == Some(place));
    // A list that breaks off behind its first item.
    let is_begun = body.len() == 1
        && body[0].1.len() <= BEGUN_CELLS_MAX
        && count.is_none_or(|count| count > 1)
        && table
            .header
            .iter()
            .all(|label| numbers(label).is_empty() && !AVERAGE.are_in(label) && !BAR.are_in(label))
        && table.header.first().is_some_and(|label| NUMBERED.is_match(label));
    let is_all = count.is_some_and(|count| count as usize == body.len()) && body.len() >= 3;
    let labels = body.iter().filter_map(|(_, row)| row.first());
    let mut foreign = labels.filter(|label| {
        EARLIER.are_in(label) || OTHERS.are_in(label) || is_quarter(label) || BAR.are_in(label)
    });
    let is_foreign = |label: &String| {
        ["agent", "quarter", "categor", "product", "reviewer"].iter().any(|word| label.contains(word))
    };
    let header_is_foreign = table.header.iter().any(is_foreign);
    let has_scores = (1..width(body)).any(|column| column_of_scores(body, column));
    (is_sequence || is_begun || (is_all && has_scores)) && foreign.next().is_none() && !header_is_foreign
}

// What heads a column that names items.
pattern!(
    NUMBERED,
    r"^\W*(?:items?|rows?|outputs?|answers?|questions?|lists?|requests?|prompts?|numbers?|no|nr|num|n|id|idx|index|nummer|zeile|frage|fila|ligne|riga|linha|pregunta|domanda|keywords?|words?|keys?|terms?|mot(?:[- ]cl[ée])?|mots?|wort|stichwort|palabra|palavra|parola|woord|słowo|hasło)\W*(?:clave|chiave|chave)?\W*$|^#$|^(?:序号|番号|编号|项目?|词语?|単語|キーワード)$"
);

/// Cells of a row that may begin a list: a number, a name, sub-scores, a score and a remark.
const BEGUN_CELLS_MAX: usize = 6;

fn index(cell: &str) -> Option<u32> {
    let found = INDEX.captures(cell)?;
    found[1].parse().ok()
}

/// Whether a text names a quarter.
pub(super) fn is_quarter(text: &str) -> bool {
    pattern!(QUARTER, r"\bq[1-4]\b|\b[1-4]q\b|\bt[1-4]\b");
    QUARTER.is_match(text)
}

fn width(body: &[&(usize, Vec<String>)]) -> usize {
    body.iter().map(|(_, row)| row.len()).max().unwrap_or_default()
}

fn column_of_scores(body: &[&(usize, Vec<String>)], column: usize) -> bool {
    !body.is_empty()
        && body.iter().all(|(_, row)| row.get(column).is_some_and(|cell| cell_score(cell).is_some()))
}

fn score_column(table: &Table, body: &[&(usize, Vec<String>)]) -> Option<usize> {
    let columns: Vec<usize> = (1..width(body)).filter(|column| column_of_scores(body, *column)).collect();
    let header = |column: &usize| table.header.get(*column).map_or("", String::as_str);
    let is_excluded = |column: &usize| {
        let header = header(column);
        EARLIER.are_in(header)
            || OTHERS.are_in(header)
            || BAR.are_in(header)
            || TRUST.are_in(header)
            || FIGURE.are_in(header)
            || is_quarter(header)
            || IF.are_in(header)
            || ["max", "draft", "guess", "seconds", "count"].iter().any(|word| header.contains(word))
    };
    let columns: Vec<usize> = columns.into_iter().filter(|column| !is_excluded(column)).collect();
    if let [only] = columns[..] {
        return Some(only);
    }
    let named = |is_named: &dyn Fn(&str) -> bool| -> Option<usize> {
        let named: Vec<usize> = columns.iter().copied().filter(|column| is_named(header(column))).collect();
        <[usize; 1]>::try_from(named).ok().map(|[column]| column)
    };
    named(&|header| WHOLE.are_in(header))
        .or_else(|| named(&|header| AVERAGE.are_in(header)))
        .or_else(|| named(&|header| SCORE.are_in(header) && !PART.are_in(header)))
}

fn column_scores(table: &Table, body: &[&(usize, Vec<String>)], column: usize) -> Option<Vec<f64>> {
    let scores: Vec<CellScore> = body.iter().filter_map(|(_, row)| cell_score(row.get(column)?)).collect();
    scaled(&scores, table.header.get(column).map_or("", String::as_str))
}

// --- Tables of other things --------------------------------------------------------------------------------------------

/// What a table says that does not list items: each row of two cells says one thing; of a longer row, the one number that
/// stands for the whole.
fn other_table(table: &Table, found: &mut Items) {
    if let ([(line, row)], true) =
        (&table.rows[..], !table.header.is_empty() && width(&table.rows.iter().collect::<Vec<_>>()) > 2)
    {
        for (header, cell) in table.header.iter().zip(row) {
            found.statements.push((*line, format!("{header}: {cell}")));
        }
        return;
    }
    let width = width(&table.rows.iter().collect::<Vec<_>>());
    for (line, row) in &table.rows {
        let label = row.first().map_or("", String::as_str);
        if row.iter().filter(|cell| cell.contains(':')).count() >= 2 {
            found.statements.extend(row.iter().map(|cell| (*line, cell.clone())));
        } else if width == 1 {
            found.statements.push((*line, label.to_owned()));
        } else if width == 2 {
            let header = two_column_header(table, label);
            found.statements.push((*line, format!("{header}: {}", row.get(1).map_or("", String::as_str))));
        } else if let Some(cell) = whole_cell(table, row).filter(|_| is_whole_row(row)) {
            let label = if is_all(label) { "overall" } else { label };
            found.statements.push((*line, format!("{label}: {cell}")));
        } else if table.rows.len() == 1 && row.len() % 2 == 0 {
            found.statements.extend(row.chunks(2).map(|pair| (*line, format!("{}: {}", pair[0], pair[1]))));
        } else {
            found.is_unread |= row.iter().skip(1).any(|cell| !numbers(cell).is_empty());
        }
    }
}

/// A row's label with what its value's column adds: `overall` under `average` is the overall average. A row of a table of
/// averages that is not said to be the whole is a part.
fn two_column_header(table: &Table, label: &str) -> String {
    match table.header.get(1) {
        Some(header) if AVERAGE.are_in(header) || SCORE.are_in(header) || EARLIER.are_in(header) => {
            let is_named = is_all(label)
                || [&AVERAGE, &WHOLE, &BAR, &DRAFT, &REVISED].iter().any(|words| words.are_in(label));
            let label = if is_all(label) { "overall" } else { label };
            // A name of several words is one name.
            let name = label.replace(" and ", " ").replace([',', '('], " ");
            if is_named { format!("{label} {header}") } else { format!("category {name} {header}") }
        }
        _ => label.to_owned(),
    }
}

fn whole_cell(table: &Table, row: &[String]) -> Option<String> {
    let by_header = |is_named: &dyn Fn(&str) -> bool| -> Option<String> {
        let mut cells =
            table.header.iter().zip(row).skip(1).filter(|(header, _)| is_named(header)).map(|(_, cell)| cell);
        let cell = cells.next().cloned();
        cell.filter(|_| cells.next().is_none())
    };
    only_number(row)
        .or_else(|| only_share(table, row))
        .or_else(|| by_header(&|header| WHOLE.are_in(header)))
        .or_else(|| by_header(&|header| AVERAGE.are_in(header)))
        .or_else(|| {
            by_header(&|header| SCORE.are_in(header) && !PART.are_in(header) && !EARLIER.are_in(header))
        })
}

/// The cell that alone is written as a share: `12 | 20 | 60 %`.
fn only_share(table: &Table, row: &[String]) -> Option<String> {
    let is_share = |(header, cell): &(&String, &String)| {
        let is_named = AVERAGE.are_in(header) || SCORE.are_in(header) || header.contains("accura");
        is_named && ["%", "/100", "/ 100"].iter().any(|end| cell.ends_with(end))
    };
    let mut cells = table.header.iter().zip(row).skip(1).filter(is_share).map(|(_, cell)| cell);
    let cell = cells.next().cloned();
    cell.filter(|_| cells.next().is_none())
}

fn only_number(row: &[String]) -> Option<String> {
    let mut cells = row.iter().skip(1).filter(|cell| !numbers(cell).is_empty());
    let cell = cells.next().cloned();
    cell.filter(|_| cells.next().is_none())
}
