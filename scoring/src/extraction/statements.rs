//! Statements of a result in running text: each number that could be a score, what it is said to be, and how firmly.

use super::languages::{AVERAGE, BAR, EARLIER, FIGURE, IF, OTHERS, SCORE, TRUST};
use super::numbers::{Number, Of, numbers, without_sums};
use super::page::cut;
use super::phrases::{
    ALL_BEFORE, CLAUSE, COUNT_AFTER, COUNT_BEFORE, FORM, IF_AFTER, NOT_BEFORE, SCALE_RANGE, SCALE_TEN,
    SENTENCE,
};
use super::roles::{Near, firmness, is_overtaken};

/// What a number is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Something else for certain: a bar, another period, another agent, another figure, a count.
    Other,
    /// A result, but not the reported one: of a part, of a draft, a guess, an impression, a case that is not.
    Overtaken,
    /// Could be a score; nothing says of what.
    Loose,
    /// The result. More is firmer: 2 a score, 3 an average, 4 the overall average, 6 and more the corrected or recorded one.
    Result(u8),
    /// Filed, by its own words, and not said to be a score: `I report 60`.
    Recorded,
    /// A result and a reason against it.
    Doubtful,
}

/// A number that could be a score.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// From 0 to 100; none if its scale can't be told.
    pub(super) score: Option<f64>,
    /// What it is said to be.
    pub(super) role: Role,
    /// Which piece it is in.
    pub(super) piece: usize,
    /// Whether it was written on a line of the form `Average score: 60/100`.
    pub(super) is_form: bool,
    /// Whether it was written as so many of something, as percent or as points.
    pub(super) is_scored: bool,
    /// Whether it was written as one of a hundred.
    pub(super) is_of_hundred: bool,
    /// Whether it is the bar's number.
    pub(super) is_at_bar: bool,
    /// The text that says so.
    pub(super) text: String,
}

/// Reads lines in order; remembers headings and unfinished sentences.
pub(super) struct Reader<'a> {
    /// The job's bar.
    pub(super) threshold: Option<f64>,
    /// How many items there are.
    pub(super) items: Option<u32>,
    /// The latest quarter that is named anywhere, if several are.
    pub(super) quarter: Option<char>,
    /// The latest year that is named anywhere.
    pub(super) year: Option<u32>,
    /// Whether the text names a scale of 0 to 10, or 0 to 1.
    pub(super) scale: Option<f64>,
    /// What has been found.
    pub(super) found: &'a mut Vec<Statement>,
    piece: usize,
    pub(super) heading: Heading,
    pub(super) pending: Pending,
    /// Whether the line quotes.
    is_quoted: bool,
}

/// What a section is about, by its heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heading {
    Open,
    Aside,
}

/// What was begun and still lacks its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pending {
    pub(super) firmness: u8,
    pub(super) is_aside: bool,
    pub(super) is_overtaken: bool,
    /// Whether it is another time's or another agent's.
    pub(super) is_open: bool,
    /// Whether nothing stands between its words and its number: `the average (62)`.
    pub(super) is_direct: bool,
}

/// Bytes of a sentence that is read: words around a number are looked for in all of it.
const SENTENCE_BYTES_MAX: usize = 2_048;
/// Bytes of a statement's text that are kept.
const TEXT_BYTES_MAX: usize = 240;

/// The scale that a text names, if it names one and only one that is not 0 to 100.
pub(super) fn named_scale(text: &str) -> Option<f64> {
    if text.contains("trust") {
        return None;
    }
    let scales: Vec<f64> = SCALE_TEN
        .captures_iter(text)
        .filter_map(|found| found.iter().skip(1).flatten().next()?.as_str().parse().ok())
        .filter(|scale| *scale > 0.0)
        .collect();
    let first = scales.first().copied()?;
    (scales.iter().all(|scale| *scale == first) && [1.0, 5.0, 10.0, 100.0].contains(&first)).then_some(first)
}

/// Whether a line is but a division by the number of items, with its result: `550 / 10 = 55`.
fn is_mean_alone(low: &str, items: u32) -> bool {
    pattern!(MEAN, r"^[\d\s.,+x*()]+/ ?(\d+) ?= ?\d[\d.,]*\s*$");
    MEAN.captures(low).is_some_and(|found| found[1].parse() == Ok(items))
}

/// The years that a text names.
pub(super) fn years(text: &str) -> impl Iterator<Item = u32> {
    pattern!(YEAR, r"\b20\d\d\b");
    YEAR.find_iter(text).filter_map(|year| year.as_str().parse().ok())
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn new(found: &'a mut Vec<Statement>) -> Self {
        let open = Pending::default();
        Self {
            threshold: None,
            items: None,
            quarter: None,
            year: None,
            scale: None,
            found,
            piece: 0,
            heading: Heading::Open,
            pending: open,
            is_quoted: false,
        }
    }

    /// Begins a piece.
    pub(super) fn begin(&mut self, piece: usize) {
        self.piece = piece;
        self.heading = Heading::Open;
        self.pending = Pending::default();
    }

    /// Reads a heading.
    pub(super) fn heading(&mut self, low: &str) {
        let is_aside = EARLIER.are_in(low) || OTHERS.are_in(low) || TRUST.are_in(low) || BAR.are_in(low);
        self.heading = if is_aside { Heading::Aside } else { Heading::Open };
        self.pending = Pending::default();
        self.line(low);
        if numbers(low).is_empty() {
            self.pending = self.begun(low);
        }
    }

    /// Reads a line that is no heading.
    pub(super) fn line(&mut self, low: &str) {
        let is_mean = self.items.is_some_and(|items| is_mean_alone(low, items));
        let low = if is_mean { &format!("average: {low}") } else { low };
        self.is_quoted = low.trim_start().starts_with('>');
        let low = SCALE_RANGE.replace_all(&without_sums(low), " ").into_owned();
        if low.trim().is_empty() {
            return;
        }
        let mut start = 0;
        for end in SENTENCE.find_iter(&low).map(|end| end.end()).chain([low.len()]) {
            // A sentence's end inside of a character's bytes can't be: the pattern matches characters.
            if end > start {
                let sentence = &low[start..end];
                // The number of a list's line.
                let is_number = low[..start].trim().is_empty()
                    && end < low.len()
                    && sentence.trim().len() <= 3
                    && sentence.trim().ends_with('.');
                if !is_number {
                    self.sentence(sentence);
                }
                start = end;
            }
        }
    }

    fn sentence(&mut self, sentence: &str) {
        if sentence.len() > SENTENCE_BYTES_MAX {
            return self.give_up(sentence);
        }
        pattern!(
            STEP,
            r"^\W*(?:plan\b|i'll\b|i will (?:now|then|next)\b|let me\b|\d[.)] (?:read|open|give|average|compare|write|score|view|list|compute|calculate|file|save|check)\b|(?:average|compare|compute|calculate|add up) the\b)"
        );
        if STEP.is_match(sentence) {
            return;
        }
        self.clauses(sentence);
        let is_key = sentence.split_whitespace().count() <= 3
            && self.pending.firmness > 0
            && !sentence.contains(|c: char| c.is_ascii_digit())
            && !sentence.trim_end().ends_with('.');
        if !sentence.trim_end().ends_with([':', '=', '?']) && !is_key {
            self.pending = Pending::default();
        }
    }

    /// Whatever a sentence without an end says, it is left to a judge.
    fn give_up(&mut self, sentence: &str) {
        self.found.push(Statement {
            score: None,
            role: Role::Doubtful,
            piece: self.piece,
            is_form: false,
            is_scored: true,
            is_of_hundred: false,
            is_at_bar: false,
            text: cut(sentence, TEXT_BYTES_MAX).to_owned(),
        });
    }

    fn clauses(&mut self, sentence: &str) {
        let mut start = 0;
        let breaks: Vec<usize> = CLAUSE.find_iter(sentence).map(|found| found.start()).collect();
        for end in breaks.into_iter().chain([sentence.len()]) {
            if end > start {
                let is_if = IF.are_in(&sentence[..end]) || IF_AFTER.is_match(&sentence[end..]);
                self.clause(&sentence[start..end], sentence, is_if);
                start = end;
            }
        }
    }

    fn clause(&mut self, clause: &str, sentence: &str, is_if: bool) {
        let mut found = numbers(clause);
        let last = found.last().map_or(0, |last| last.start);
        found.retain(|number| !self.is_count(number, clause, last));
        for (place, number) in found.iter().enumerate() {
            let from = if place == 0 { 0 } else { found[place - 1].end };
            let until = found.get(place + 1).map_or(clause.len(), |next| next.start);
            let near = Near {
                before: &clause[from..number.start],
                after: &clause[number.end..until],
                clause,
                sentence,
                is_if,
                is_only: numbers(sentence).len() <= 1,
            };
            self.number(number, &near);
        }
        if found.is_empty() {
            let begun = self.begun(clause);
            if begun.firmness > 0 || begun.is_aside {
                let is_open = self.pending.is_open && self.pending.firmness == 0;
                self.pending = Pending {
                    is_open: begun.is_open || is_open,
                    is_aside: begun.is_aside || is_open,
                    ..begun
                };
            } else {
                self.pending.is_overtaken |= begun.is_overtaken;
            }
        } else if !self.pending.is_direct
            && clause.trim_start().starts_with('(')
            && clause.trim_start()[1..].trim() == clause[found[0].start..found[0].end].trim()
        {
            // A number in brackets is an aside: what was begun goes on behind it.
        } else if let Some(last) = found.last() {
            let denied = NOT_BEFORE.is_match(&clause[..found[0].start]) && found.len() == 1;
            if denied {
                self.pending.firmness = self.pending.firmness.max(firmness(&clause[..found[0].start]));
                return;
            }
            self.pending = self.begun(&clause[last.end..]);
            // `60 on average` has its number.
            self.pending.firmness = 0;
        }
    }

    /// Whether a number counts items: `all 20 items`, `over all ten: 55`.
    fn is_count(&self, number: &Number, clause: &str, last: usize) -> bool {
        let is_all = self.items.is_some_and(|items| f64::from(items) == number.value)
            && number.start < last
            && ALL_BEFORE.is_match(&clause[..number.start]);
        let is_labelled = self.items.is_some_and(|items| f64::from(items) == number.value)
            && COUNT_BEFORE.is_match(&clause[..number.start]);
        number.of == Of::Unsaid && (is_all || is_labelled || COUNT_AFTER.is_match(&clause[number.end..]))
    }

    /// What a text without a number begins.
    fn begun(&self, text: &str) -> Pending {
        Pending {
            firmness: firmness(text),
            is_aside: self.is_aside(text)
                || BAR.are_in(text)
                || FIGURE.are_in(text) && !text.trim_start().starts_with('('),
            is_overtaken: is_overtaken(text),
            is_open: self.is_aside(text),
            is_direct: [&AVERAGE, &SCORE]
                .iter()
                .any(|words| words.last_end(text) == Some(text.trim_end().len())),
        }
    }

    pub(super) fn is_aside(&self, text: &str) -> bool {
        EARLIER.are_in(text)
            || OTHERS.are_in(text)
            || TRUST.are_in(text)
            || self.is_other_quarter(text)
            || self.is_other_year(text)
    }

    fn is_other_year(&self, text: &str) -> bool {
        pattern!(IN_YEAR, r"\bin 20\d\d\b");
        self.year.is_some_and(|latest| years(text).any(|year| year < latest))
            || IN_YEAR.is_match(text) && AVERAGE.are_in(text)
    }

    fn is_other_quarter(&self, text: &str) -> bool {
        pattern!(QUARTER, r"\b(?:q|t)([1-4])\b|\b([1-4])q\b");
        let Some(latest) = self.quarter else { return false };
        QUARTER
            .captures_iter(text)
            .any(|found| found.iter().skip(1).flatten().any(|digit| !digit.as_str().starts_with(latest)))
    }

    fn number(&mut self, number: &Number, near: &Near<'_>) {
        let role = self.role(number, near);
        let score = self.score(number, role);
        let is_form =
            FORM.is_match(near.before) && near.clause.starts_with(near.before) && firmness(near.before) >= 3;
        let role = match (role, score) {
            // Sums and counts: 1200 points, 300 in total.
            (Role::Result(_) | Role::Loose, None) if number.value > 100.0 => Role::Other,
            (Role::Result(_), _) if self.is_quoted => Role::Overtaken,
            _ => role,
        };
        if matches!(role, Role::Result(_)) {
            self.pending = Pending::default();
        }
        let is_scored = !matches!(number.of, Of::Unsaid);
        let is_at_bar = self.threshold.is_some_and(|bar| (bar - number.value).abs() < 1e-9);
        let is_of_hundred = number.of == Of::Whole(100.0);
        let text = cut(near.sentence.trim(), TEXT_BYTES_MAX).to_owned();
        self.found.push(Statement {
            score,
            role,
            piece: self.piece,
            is_form,
            is_scored,
            is_of_hundred,
            is_at_bar,
            text,
        });
    }
}
