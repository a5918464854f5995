//! The closing message: what a model says last, in a few words, after it has filed. Where its only number is one that the
//! report has as well, it is the result, however little the report's own words say of it.

use super::SAME;
use super::languages::{DRAFT, EARLIER, FIGURE, IF, IMPRESSION, NOT, OTHERS, PART, RIGHT, TRUST, WRONG};
use super::numbers::{Number, Of, is_in_range, numbers};
use super::page::Line;

/// Words of a closing message; a longer text says more than one thing.
const WORDS_MAX: usize = 16;
// What a number may be besides a result: a distance, a share that is wrong, a time, a part, what is to come.
pattern!(
    ELSE,
    r"\b(?:gap|short|miss\w*|lack\w*|differ\w*|margin|points? (?:below|above|under|over|away)|drop\w*|ro?se|fell|wrong|incorrect|errors?|mistakes?|failed|false|steps?|minutes?|seconds?|hours?|pages?|words|lines|files?|tokens|tasks|version|draft|expected|maximum|out of reach|per item|each|ask\w*|would|could|was|had|were|until|before|from|up|down)\b"
);

/// The score that a closing message gives, if it is its only number besides the bar.
pub(super) fn closing(page: &[Line], threshold: Option<f64>, items: Option<u32>) -> Option<f64> {
    let text = page.iter().map(|line| line.low.trim()).collect::<Vec<_>>().join(" ");
    let others = [&EARLIER, &OTHERS, &TRUST, &IF, &FIGURE, &DRAFT, &IMPRESSION, &PART, &NOT];
    if text.split_whitespace().count() > WORDS_MAX
        || ELSE.is_match(&text)
        || text.contains('?')
        || others.iter().any(|words| words.are_in(&text))
    {
        return None;
    }
    let is_bar = |number: &Number| threshold.is_some_and(|bar| (bar - number.value).abs() < SAME);
    let is_count = |number: &Number| {
        number.of == Of::Unsaid && items.is_some_and(|items| f64::from(items) == number.value)
    };
    // `9 of 9 requests are marked` tells how many were read.
    let is_done = |number: &Number| {
        matches!(number.of, Of::Whole(of) if items.is_some_and(|items| f64::from(items) == of))
            && (!RIGHT.are_in(&text) || WRONG.are_in(&text))
    };
    if numbers(&text).iter().any(is_done) {
        return None;
    }
    let found: Vec<Number> =
        numbers(&text).into_iter().filter(|number| !is_bar(number) && !is_count(number)).collect();
    if found.iter().any(|number| is_in_range(&text, number)) {
        return None;
    }
    let mut scores = found.iter().map(|number| score(number, items));
    let first = scores.next()??;
    scores.all(|score| score.is_some_and(|score| (score - first).abs() < SAME)).then_some(first)
}

/// Whether lines have a number that is a given score.
pub(super) fn has(page: &[Line], items: Option<u32>, wanted: f64) -> bool {
    page.iter()
        .flat_map(|line| numbers(&line.low))
        .any(|number| score(&number, items).is_some_and(|score| (score - wanted).abs() < SAME))
}

fn score(number: &Number, items: Option<u32>) -> Option<f64> {
    let items = items.map(f64::from);
    let score = match number.of {
        Of::Percent => number.value,
        Of::Whole(of) if of == 100.0 || of == 10.0 || items == Some(of) => number.value * 100.0 / of,
        Of::Whole(_) => return None,
        Of::Points | Of::Unsaid if number.value > 10.0 => number.value,
        Of::Points | Of::Unsaid => return None,
    };
    (0.0..=100.0).contains(&score).then_some(score)
}
