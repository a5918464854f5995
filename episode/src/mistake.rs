//! Mistakes in files that people write: what is wrong, where, and what would be right. They are gathered, not thrown
//! one by one, so that a scenario's author sees all of them at once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The most mistakes that are kept; a file with more has one cause.
const MISTAKES_MAX: usize = 50;

/// One mistake, at its place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, by its path in the suite, or the sweep file's name.
    pub file: Arc<str>,
    /// The bytes of the file that it is about; empty at the file's start where there is no better place.
    pub span: Range<usize>,
    /// The line of the span's start, from 1.
    pub line: usize,
    /// The column of the span's start in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What would be right, where that is known.
    pub help: Option<String>,
}

/// All mistakes found, in order of discovery, and the text of the files that they are in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mistakes {
    list: Vec<Mistake>,
    sources: BTreeMap<Arc<str>, Arc<str>>,
}

/// A text file of which mistakes may be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
}

// === impl Mistakes ===

impl Mistakes {
    /// The mistakes, in order of discovery.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.list.iter()
    }

    /// How many there are (at most 50 are kept).
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The text of a file that a mistake is in.
    #[must_use]
    pub fn source(&self, file: &str) -> Option<&str> {
        self.sources.get(file).map(AsRef::as_ref)
    }

    pub(crate) fn add(&mut self, source: &Source, span: Range<usize>, what: impl Into<String>) {
        self.push(source, span, what.into(), None);
    }

    pub(crate) fn add_with_help(
        &mut self,
        source: &Source,
        span: Range<usize>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(source, span, what.into(), Some(help.into()));
    }

    /// Blots out a part of a file's text that must not be shown; every byte of it but newlines becomes a `*`, so that
    /// places stay.
    /// It holds for mistakes noted later, too.
    pub(crate) fn hide(&mut self, source: &Source, secret: Range<usize>) {
        let text = self.sources.entry(source.name.clone()).or_insert_with(|| source.text.clone());
        *text = blotted(text, vec![secret]).into();
    }

    /// Blots out of all files' texts, and of what is said about them, what `find` finds in them.
    pub(crate) fn blot(&mut self, find: impl Fn(&str) -> Vec<Range<usize>>) {
        for text in self.sources.values_mut() {
            *text = blotted(text, find(text)).into();
        }
        for mistake in &mut self.list {
            mistake.what = blotted(&mistake.what, find(&mistake.what));
        }
    }

    /// Takes over those of another file.
    pub(crate) fn absorb(&mut self, others: Self) {
        let room = MISTAKES_MAX.saturating_sub(self.list.len());
        for mistake in others.list.into_iter().take(room) {
            if !self.list.contains(&mistake) {
                self.list.push(mistake);
            }
        }
        self.sources.extend(others.sources);
    }

    /// `Ok` if there is none.
    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    fn push(&mut self, source: &Source, span: Range<usize>, what: String, help: Option<String>) {
        let (line, column) = place(&source.text, span.start);
        let mistake = Mistake { file: source.name.clone(), span, line, column, what, help };
        if self.list.len() >= MISTAKES_MAX || self.list.contains(&mistake) {
            return;
        }
        self.sources.entry(source.name.clone()).or_insert_with(|| source.text.clone());
        self.list.push(mistake);
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

// === impl Mistake ===

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

// === impl Source ===

impl Source {
    pub(crate) fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// A text with a `*` for every byte of some parts of it, but for newlines.
pub(crate) fn blotted(text: &str, parts: Vec<Range<usize>>) -> String {
    let mut shown = text.to_owned();
    for part in parts {
        let blot = |byte: u8| if byte == b'\n' { '\n' } else { '*' };
        let blot: String = shown.as_bytes()[part.clone()].iter().map(|byte| blot(*byte)).collect();
        shown.replace_range(part, &blot);
    }
    shown
}

/// Line and column, both from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The candidate that `word` was probably meant to be.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &&str| edits(word, candidate) <= 1 + candidate.len() / 4;
    candidates.into_iter().filter(near).min_by_key(|candidate| edits(word, candidate))
}

/// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours.
fn edits(a: &str, b: &str) -> usize {
    // Names are short; whoever writes a longer key gets no suggestion.
    const NAME_MAX: usize = 64;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > NAME_MAX || b.len() > NAME_MAX {
        return usize::MAX / 2;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_after_umlauts_counts_characters_not_bytes() {
        let text = "a = 1\nü = \"ö\" x";
        assert_eq!(place(text, text.len() - 1), (2, 9));
    }

    #[test]
    fn a_transposed_key_is_recognised() {
        assert_eq!(did_you_mean("sedes", ["seeds", "models"]), Some("seeds"));
        assert_eq!(did_you_mean("mdoels", ["seeds", "models"]), Some("models"));
        assert_eq!(did_you_mean("frobnicate", ["seeds", "models"]), None);
    }
}
