//! Data sets: tables in files of their own, so that several scenarios show the same recorded outputs.

use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;

use crate::fields::{Fields, Reader};
use crate::mistake::{Mistakes, Source};
use crate::world::Table;

/// Rows of a data set. A model is shown all of them at once.
const ROWS_MAX: usize = 2_000;

/// Reads a data set: `columns`, `rows`, and `hidden`, the columns that are for reviewers and tests and not shown.
pub(super) fn read_table(source: Source, mistakes: &mut Mistakes) -> Option<Arc<Table>> {
    let reader = Reader::new(source);
    let table = reader.read(table).flatten();
    mistakes.absorb(reader.into_mistakes());
    table.map(Arc::new)
}

fn table(fields: &Fields<'_>) -> Option<Table> {
    fields.format();
    fields.needed_text("about");
    let columns = fields.texts("columns");
    let hidden = fields.texts("hidden");
    for name in hidden.iter().filter(|name| !columns.iter().any(|column| column.value == name.value)) {
        fields.reader().note(name.at.clone(), format!("there is no column `{}` to hide", name.value));
    }
    let shown: Vec<bool> =
        columns.iter().map(|column| !hidden.iter().any(|name| name.value == column.value)).collect();
    let rows = rows(fields, &shown)?;
    let columns =
        columns.into_iter().zip(&shown).filter(|(_, shown)| **shown).map(|(column, _)| column.value);
    Some(Table::new(columns.collect(), rows))
}

fn rows(fields: &Fields<'_>, shown: &[bool]) -> Option<Vec<Vec<String>>> {
    let Some(value) = fields.raw("rows") else {
        fields.missing("rows");
        return None;
    };
    let DeValue::Array(list) = value.get_ref() else {
        fields.reader().note(value.span(), "`rows` must be a list of lists, one for each row");
        return None;
    };
    if list.len() > ROWS_MAX {
        fields
            .reader()
            .note(value.span(), format!("there are {} rows; at most {ROWS_MAX} are allowed", list.len()));
        return None;
    }
    list.iter().map(|row| cells(fields.reader(), row, shown)).collect()
}

fn cells(reader: &Reader, row: &Spanned<DeValue<'_>>, shown: &[bool]) -> Option<Vec<String>> {
    let cells = row.get_ref().as_array().filter(|cells| cells.len() == shown.len());
    let Some(cells) = cells else {
        reader
            .note(row.span(), format!("a row must be a list of {} cells, one for each column", shown.len()));
        return None;
    };
    cells.iter().zip(shown).filter(|(_, shown)| **shown).map(|(cell, _)| text(reader, cell)).collect()
}

fn text(reader: &Reader, cell: &Spanned<DeValue<'_>>) -> Option<String> {
    match cell.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => {
            reader.note(cell.span(), "a cell must be a text, a number, true or false");
            None
        }
    }
}
