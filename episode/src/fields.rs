//! Reading TOML that people write, table by table and field by field. Whatever is wrong is noted with its place and
//! reading goes on, so that one run shows all mistakes; a key that no one asked for is one of them.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::mistake::{Mistakes, Source, did_you_mean};
use crate::sweep::Placed;

/// A TOML file being read.
pub(crate) struct Reader {
    pub(crate) source: Source,
    mistakes: RefCell<Mistakes>,
}

/// A table being read. The keys asked for are remembered; [`Fields::close`] reports the others.
pub(crate) struct Fields<'a> {
    reader: &'a Reader,
    table: &'a DeTable<'a>,
    at: Range<usize>,
    known: RefCell<Vec<&'static str>>,
    /// Keys that must not be here, and are reported as such.
    refused: RefCell<Vec<&'static str>>,
}

// === impl Reader ===

impl Reader {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, mistakes: RefCell::default() }
    }

    /// Parses the file and hands its table to `read`. None, and a mistake noted, if it is not TOML.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Fields<'_>) -> T) -> Option<T> {
        match DeTable::parse(&self.source.text) {
            Ok(table) => {
                let fields = Fields::new(self, table.get_ref(), 0..0);
                let value = read(&fields);
                fields.close();
                Some(value)
            }
            Err(error) => {
                self.note(error.span().unwrap_or(0..0), error.message());
                None
            }
        }
    }

    pub(crate) fn note(&self, at: Range<usize>, what: impl Into<String>) {
        self.mistakes.borrow_mut().add(&self.source, at, what);
    }

    pub(crate) fn note_with_help(&self, at: Range<usize>, what: impl Into<String>, help: impl Into<String>) {
        self.mistakes.borrow_mut().add_with_help(&self.source, at, what, help);
    }

    /// Notes a mistake about a secret, and hides the secret from whoever shows it.
    pub(crate) fn refuse(&self, at: Range<usize>, secret: Range<usize>, what: impl Into<String>, help: &str) {
        self.note_with_help(at, what, help);
        self.mistakes.borrow_mut().hide(&self.source, secret);
    }

    pub(crate) fn into_mistakes(self) -> Mistakes {
        self.mistakes.into_inner()
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    fn new(reader: &'a Reader, table: &'a DeTable<'a>, at: Range<usize>) -> Self {
        Self { reader, table, at, known: RefCell::default(), refused: RefCell::default() }
    }

    /// Where the table stands.
    pub(crate) fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    pub(crate) fn reader(&self) -> &'a Reader {
        self.reader
    }

    /// Whether a key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A value as it stands, whatever it is.
    pub(crate) fn raw(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    /// All entries of a table whose keys are free.
    pub(crate) fn entries(
        &self,
    ) -> impl Iterator<Item = (Placed<String>, &'a Spanned<DeValue<'a>>)> + use<'a> {
        let table = self.table;
        table.iter().map(|(key, value)| (Placed { value: key.get_ref().to_string(), at: key.span() }, value))
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<Placed<String>> {
        self.raw(key).and_then(|value| self.reader.as_text(key, value))
    }

    /// A text that must be there; an empty one, and a mistake noted, if it is not.
    pub(crate) fn needed_text(&self, key: &'static str) -> Placed<String> {
        if !self.table.contains_key(key) {
            self.missing(key);
        }
        self.text(key).unwrap_or_else(|| Placed { value: String::new(), at: self.at() })
    }

    pub(crate) fn missing(&self, key: &str) {
        self.reader.note(self.at(), format!("`{key}` is missing"));
    }

    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.raw(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => self.reader.wrong_type(key, value.span(), "true or false", other),
        }
    }

    /// A whole number within bounds.
    pub(crate) fn number<N>(&self, key: &'static str, bounds: RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<i128> + PartialOrd + Display + Copy,
    {
        let value = self.raw(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(written) => integer(written).and_then(|number| N::try_from(number).ok()),
            other => return self.reader.wrong_type(key, value.span(), "a whole number", other),
        };
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let what = format!("`{key}` must be from {} to {}", bounds.start(), bounds.end());
            self.reader.note(value.span(), what);
        }
        number
    }

    /// A number within bounds, with or without a fraction.
    pub(crate) fn float(&self, key: &'static str, bounds: RangeInclusive<f64>) -> Option<f64> {
        let value = self.raw(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(written) => f64::from_str(written.as_str()).ok(),
            DeValue::Float(written) => f64::from_str(&written.as_str().replace('_', "")).ok(),
            other => return self.reader.wrong_type(key, value.span(), "a number", other),
        };
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let what = format!("`{key}` must be from {} to {}", bounds.start(), bounds.end());
            self.reader.note(value.span(), what);
        }
        number
    }

    /// A list of texts; empty if it is not there.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<Placed<String>> {
        self.raw(key).map_or_else(Vec::new, |value| self.reader.as_texts(key, value))
    }

    pub(crate) fn table(&self, key: &'static str) -> Option<Fields<'a>> {
        self.raw(key).and_then(|value| self.reader.as_table(key, value))
    }

    /// A list of tables; empty if it is not there.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Fields<'a>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(list) => list.iter().filter_map(|it| self.reader.as_table(key, it)).collect(),
            other => self.reader.wrong_type(key, value.span(), "a list of tables", other).unwrap_or_default(),
        }
    }

    /// Checks `format = 1`, the version that every file of Muster's begins with.
    pub(crate) fn format(&self) {
        const FORMAT: u32 = 1;
        if !self.table.contains_key("format") {
            self.reader.note_with_help(
                self.at(),
                "`format` is missing",
                format!("write `format = {FORMAT}`"),
            );
        }
        self.number("format", FORMAT..=FORMAT);
    }

    /// Notes each of `keys` that is here, and hides its value from whoever shows the mistake.
    pub(crate) fn refuse(&self, keys: &[&'static str], help: &str) {
        for (key, value) in self.entries().filter(|(key, _)| keys.contains(&key.value.as_str())) {
            let what = format!("`{}` is not taken here", key.value);
            self.reader.refuse(key.at, value.span(), what, help);
        }
        self.refused.borrow_mut().extend(keys);
    }

    /// Notes every key that was not asked for.
    pub(crate) fn close(&self) {
        let (known, refused) = (self.known.borrow(), self.refused.borrow());
        let is_known = |key: &str| known.iter().chain(refused.iter()).any(|known| *known == key);
        for (key, _) in self.entries().filter(|(key, _)| !is_known(&key.value)) {
            let what = format!("there is no key `{}` here", key.value);
            let help = did_you_mean(&key.value, known.iter().copied()).map_or_else(
                || format!("the keys are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.reader.note_with_help(key.at, what, help);
        }
    }
}

// === values ===

impl Reader {
    pub(crate) fn as_text(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Placed<String>> {
        match value.get_ref() {
            DeValue::String(text) => Some(Placed { value: text.to_string(), at: value.span() }),
            other => self.wrong_type(key, value.span(), "a text", other),
        }
    }

    pub(crate) fn as_texts(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Vec<Placed<String>> {
        match value.get_ref() {
            DeValue::Array(list) => list.iter().filter_map(|it| self.as_text(key, it)).collect(),
            other => self.wrong_type(key, value.span(), "a list of texts", other).unwrap_or_default(),
        }
    }

    pub(crate) fn as_table<'a>(&'a self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Fields<'a>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Fields::new(self, table, value.span())),
            other => self.wrong_type(key, value.span(), "a table", other),
        }
    }

    fn wrong_type<T>(&self, key: &str, at: Range<usize>, wanted: &str, found: &DeValue<'_>) -> Option<T> {
        let found = match found.type_str() {
            kind @ ("array" | "integer") => format!("an {kind}"),
            kind => format!("a {kind}"),
        };
        self.note(at, format!("`{key}` must be {wanted}, not {found}"));
        None
    }
}

/// A value as JSON. Dates, which JSON does not have, become texts.
pub(crate) fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Integer(written) => integer(written).and_then(|it| i64::try_from(it).ok()).into(),
        DeValue::Float(written) => f64::from_str(&written.as_str().replace('_', "")).ok().into(),
        DeValue::Datetime(moment) => moment.to_string().into(),
        DeValue::Array(list) => list.iter().map(|it| json(it.get_ref())).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(key, it)| (key.get_ref().to_string(), json(it.get_ref()))).collect()
        }
    }
}

fn integer(written: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(&written.as_str().replace('_', ""), written.radix()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str, read: impl FnOnce(&Fields<'_>)) -> Vec<String> {
        let reader = Reader::new(Source::new("x.toml", text));
        reader.read(read);
        reader.into_mistakes().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_key_written_wrong_is_pointed_at() {
        let found = mistakes("a = 1\nsedes = 3\n", |fields| {
            fields.number("a", 0..=9_u32);
            fields.number("seeds", 0..=9_u32);
        });
        assert_eq!(found, ["x.toml:2:1: there is no key `sedes` here (did you mean `seeds`?)"]);
    }

    #[test]
    fn a_number_out_of_bounds_is_pointed_at() {
        let found = mistakes("a = 1_0\nb = 'x'", |fields| {
            fields.number("a", 0..=9_u32);
            fields.number("b", 0..=9_u32);
        });
        assert_eq!(
            found,
            ["x.toml:1:5: `a` must be from 0 to 9", "x.toml:2:5: `b` must be a whole number, not a string"]
        );
    }

    #[test]
    fn a_file_that_is_not_toml_is_one_mistake() {
        let found = mistakes("a = 1\nb = = 2", |_| ());
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("x.toml:2:"), "{found:?}");
    }
}
