//! A report with one number that could be its score, and no other: `79.5. Not rounded up; the bar is 80`. Every number of
//! the text has to be accounted for: as the bar, a count of items, the best or the worst score, or this one.

use super::SAME;
use super::findings::{Findings, told};
use super::languages::{
    AVERAGE, BAR, DRAFT, EARLIER, FIGURE, IF, IMPRESSION, OTHERS, PART, SCORE, TRUST, WHOLE,
};
use super::numbers::{Number, Of, numbers};
use super::page::lines;
use super::path::{Path, Reading};
use super::refusal::Refusal;
use super::{Answer, Piece};

pattern!(
    STANDS,
    r"^\W*\d{1,3}(?:\.\d+)? ?(?:%|points?|/ ?100|out of 100|of 100)?\W*(?:$|[.;,(])|\b(?:result|verdict|outcome|number|reach(?:ed|es)?|stands at|make it|makes|puts?|gets?|scores?|comes? to|gives?|earns?|achiev\w*|file|report(?:ed)?|so|it's|it is|that's|points|total|overall|archive|measured|settle\w*|average\w*|mean|->|=>|=)\b|[:=→>]\s*\d"
);
pattern!(
    PLANNED,
    r"^\W*(?:\d{1,2}[.)] )?(?:average|compare|compute|calculate|add up|check|decide|score|write|give|read|open) (?:the|each|with|every|it|them|whether)\b|\b(?:will|going to|plan|next|then)\b"
);
pattern!(
    NO_SCORE,
    r"\b(?:words?|tokens?|seconds?|minutes?|km|dollars?|gb|tasks?|rounds?|pages?|years?|days?|times|short|away|missing|between|from \d|to \d|about|around|roughly|maybe|perhaps|range|somewhere|row|item|question|request|keyword|list|not \d|never|instead)\b|\?"
);

/// The only number that could be the score.
pub(super) fn lone(
    found: &Findings,
    pieces: &[Piece],
    threshold: Option<f64>,
    items: Option<u32>,
) -> Option<Reading> {
    let bar = threshold?;
    let is_open = found.refusals.iter().any(|(_, refusal, _)| *refusal >= Refusal::Hinted);
    let has_items = !found.complete.is_empty() || found.is_partial || found.is_short || found.is_unread;
    if is_open || has_items || !found.corrections.is_empty() || found.speaks_of_others {
        return None;
    }
    let mut named: Vec<(f64, String)> = Vec::new();
    let mut names_bar = false;
    for line in pieces.iter().flat_map(|piece| lines(&piece.text)) {
        let is_aside = [&EARLIER, &OTHERS, &IF, &DRAFT, &IMPRESSION, &TRUST, &FIGURE, &PART]
            .iter()
            .any(|words| words.are_in(&line.low));
        for number in numbers(&line.low) {
            if (number.value - bar).abs() <= SAME {
                names_bar = true;
            } else if !is_known(&number, items) {
                // What one is about to do is no result.
                let text = sentence(&line.low, &number);
                if is_aside
                    || PLANNED.is_match(&line.low)
                    || text.trim().len() >= 5 && told(&text).next().is_none()
                {
                    return None;
                }
                named.push((value(&number, items), text));
            }
        }
    }
    let mut candidates = named.iter().filter(|(score, text)| {
        let is_average = AVERAGE.are_in(text);
        let speaks =
            is_average || [&SCORE, &WHOLE].iter().any(|words| words.are_in(text)) || STANDS.is_match(text);
        let explains = named.iter().all(|(other, _)| is_explained(*other, *score, bar, items));
        (10.0..100.0).contains(score)
            && speaks
            && explains
            && (names_bar || is_average)
            && !NO_SCORE.is_match(text)
            && !bars_only(text)
    });
    let (score, text) = candidates.next()?;
    let is_one = candidates.all(|(other, _)| (other - score).abs() <= SAME);
    is_one.then(|| Reading::sure(Path::LoneNumber, Answer::Stated(*score), text))
}

/// Whether a number follows from a score: it is the same, how far it is from the bar or the best, the sum of the items.
fn is_explained(number: f64, score: f64, bar: f64, items: Option<u32>) -> bool {
    let sums = items.map(|items| [f64::from(items) * score, f64::from(items) * 100.0]);
    let known = [score, (bar - score).abs(), score / 100.0].into_iter().chain(sums.into_iter().flatten());
    known.into_iter().any(|known| (known - number).abs() <= SAME)
}

/// Whether a number counts items, or is the best, the worst or the middle score.
fn is_known(number: &Number, items: Option<u32>) -> bool {
    let is_count = items.is_some_and(|items| number.value <= f64::from(items)) && number.value.fract() == 0.0;
    let is_anchor = [0.0, 100.0].iter().any(|anchor| (number.value - anchor).abs() <= SAME);
    match number.of {
        Of::Unsaid | Of::Points => is_count || is_anchor,
        Of::Whole(of) => items.is_some_and(|items| f64::from(items) == of) && of != 10.0 && of != 100.0,
        Of::Percent => false,
    }
}

/// A number as a score from 0 to 100.
fn value(number: &Number, items: Option<u32>) -> f64 {
    let is_count = items == Some(10) && number.value.fract() == 0.0;
    match number.of {
        Of::Whole(10.0) if !is_count => number.value * 10.0,
        Of::Whole(100.0) | Of::Percent | Of::Points | Of::Unsaid => number.value,
        Of::Whole(_) => -1.0,
    }
}

fn sentence(low: &str, number: &Number) -> String {
    let end = |c: char| matches!(c, '!' | '?' | ';' | '\n');
    let from = low[..number.start].rfind(end).map_or(0, |at| at + 1);
    let from = low[..number.start].rfind(". ").map_or(from, |at| from.max(at + 2));
    let until = low[number.end..].find(end).map_or(low.len(), |at| number.end + at + 1);
    let until = low[number.end..].find(". ").map_or(until, |at| until.min(number.end + at + 1));
    low[from..until].to_owned()
}

/// Whether a sentence has the words of a bar alone.
fn bars_only(text: &str) -> bool {
    BAR.are_in(text) && !AVERAGE.are_in(text) && !SCORE.are_in(text) && numbers(text).len() < 2
}
