//! A form's own line for the average: `Average score: 94/100`, `| **Overall average** | 94 |`. Where it stands plainly in the
//! final file it is what is reported, whatever the scores of items beside it come to.

use super::SAME;
use super::decide::is_of_item;
use super::findings::Findings;
use super::item_tables::is_quarter;
use super::languages::{
    AVERAGE, BAR, DRAFT, EARLIER, FIGURE, IF, IMPRESSION, NOT, OTHERS, PART, SCORE, TRUST, WHOLE,
};
use super::numbers::{Number, Of, numbers, value};
use super::page::{Line, lines};
use super::path::{Path, Reading};
use super::phrases::VARIANT;
use super::refusal::Refusal;
use super::statements::{Role, Statement};
use super::{Answer, Piece, Place};

pattern!(
    STRICT,
    r"^[^\p{L}\d]*(?:\d{1,2}[.)]\s*)?(?P<label>[\p{L}][\p{L}' ]{2,48}?)\s*(?:\((?P<note>[^()]{0,40})\))?\s*[:=|]+[\s|-]*(?P<score>\d{1,3}(?:[.,]\d{1,3})?)\s*(?P<of>/ ?100|/ ?10|%|out of 100|(?:of|von|sur|de|su|van|z|из|av|över) 100|points?|punkte|puntos|punti|pontos|punten|分|点|점)?(?: (?:points?|punkte|puntos|punti|pontos|punten|баллов|poäng))?(?P<rest>(?:\s*(?:\([^()]{0,80}\)|\|[^|]{0,80}))*)[\s|.!]*$"
);
pattern!(
    VARIED,
    r"\b(?:pass|reading|version|running|strict|lenient|agent [13-9]|self|own|first|second|third|initial|so far|needed|weighted|rounded|exact)\b"
);

/// The average that a line states, if it is a form's own line and no more.
fn strict(line: &Line, items: Option<u32>) -> Option<f64> {
    let found = STRICT.captures(&line.low)?;
    let label = &found["label"];
    let is_whole = AVERAGE.are_in(label) || WHOLE.are_in(label) && SCORE.are_in(label);
    let is_other = |text: &str| {
        [&EARLIER, &OTHERS, &PART, &IF, &DRAFT, &IMPRESSION, &FIGURE, &TRUST, &NOT]
            .iter()
            .any(|words| words.are_in(text))
            || VARIANT.is_match(text)
            || VARIED.is_match(text)
            || is_quarter(text)
    };
    let note = found.name("note").map_or("", |note| note.as_str());
    let rest = found.name("rest").map_or("", |rest| rest.as_str());
    let is_remark_open = [&EARLIER, &OTHERS, &IF, &DRAFT, &IMPRESSION].iter().any(|words| words.are_in(rest));
    if !is_whole || is_other(label) || is_other(note) || BAR.are_in(label) || is_remark_open {
        return None;
    }
    // A placeholder.
    if found["score"].starts_with("00") {
        return None;
    }
    let (score, _) = value(&found["score"])?;
    let of = found.name("of").map_or("", |of| of.as_str());
    // Without a scale only what can be on no other.
    let score = match of {
        "/10" | "/ 10" => score * 10.0,
        "" if score <= 10.0 || items.is_some_and(|items| f64::from(items) == score) => return None,
        _ => score,
    };
    (0.0..=100.0).contains(&score).then_some(score)
}

/// The average that the final file's form states, and nothing after it contests.
pub(super) fn by_form(found: &Findings, pieces: &[Piece], items: Option<u32>) -> Option<Reading> {
    let filed = pieces.iter().rposition(|piece| piece.place == Place::Created)?;
    let is_open =
        |(piece, refusal, _): &(usize, Refusal, String)| *piece >= filed && *refusal == Refusal::Open;
    if found.refusals.iter().any(is_open) {
        return None;
    }
    let mut stated: Option<(f64, String)> = None;
    for piece in &pieces[filed..] {
        for line in lines(&piece.text).iter().filter(|line| !line.low.trim_start().starts_with('>')) {
            let Some(score) = strict(line, items) else { continue };
            match &stated {
                Some((other, _)) if (other - score).abs() > SAME => return None,
                Some(_) => {}
                None if piece.place != Place::Created => return None,
                None => stated = Some((score, line.cased.trim().to_owned())),
            }
        }
    }
    let (score, text) = stated?;
    // An average that the scores of all items have is contested only by what comes behind it.
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let is_mean = found.complete.iter().any(|(_, scores)| (mean(scores) - score).abs() <= SAME);
    let is_its = |statement: &Statement| {
        statement.piece == filed && statement.score.is_some_and(|other| (other - score).abs() <= SAME)
    };
    let from = if is_mean { found.statements.iter().position(is_its).unwrap_or(0) } else { 0 };
    let contests =
        found.statements[from..].iter().filter(|statement| statement.piece >= filed).any(|statement| {
            let is_result = matches!(statement.role, Role::Result(3..) | Role::Recorded);
            let is_of_part =
                PART.are_in(&statement.text) || FIGURE.are_in(&statement.text) || is_of_item(&statement.text);
            let is_other = matches!(statement.role, Role::Result(..=4))
                && is_of_part
                && statement.piece == filed
                && !REVISES.is_match(&statement.text);
            is_result && !is_other && statement.score.is_none_or(|other| (other - score).abs() > SAME)
        });
    (!contests).then(|| Reading::sure(Path::FormLine, Answer::Stated(score), &text))
}

/// Whether a number behind the last mention of a score is not known to be something else.
pub(super) fn is_contested(
    extraction: &Reading,
    pieces: &[Piece],
    threshold: Option<f64>,
    items: Option<u32>,
) -> bool {
    let Answer::Stated(score) = extraction.answer else { return false };
    let is_same = |number: &Number| {
        let scale = match number.of {
            Of::Whole(of) if of > 0.0 => 100.0 / of,
            _ => 1.0,
        };
        (number.value - score).abs() <= SAME || (number.value * scale - score).abs() <= SAME
    };
    let page: Vec<Line> = pieces.iter().flat_map(|piece| lines(&piece.text)).collect();
    let Some(last) = page.iter().rposition(|line| numbers(&line.low).iter().any(is_same)) else {
        return false;
    };
    let same_line = numbers(&REPLACED.replace_all(&page[last].low, " "));
    let behind_it = same_line.iter().rposition(is_same).map_or(0, |place| place + 1);
    let is_unknown = |number: &Number| {
        let is_count = number.value.fract() == 0.0
            && items.is_some_and(|items| {
                number.value <= f64::from(items) || number.of == Of::Whole(f64::from(items))
            });
        let distances = threshold.map(|bar| [bar, (bar - score).abs()]);
        let known = [0.0, 50.0, 100.0, score, 100.0 - score];
        let is_known = known
            .into_iter()
            .chain(distances.into_iter().flatten())
            .any(|known| (known - number.value).abs() <= SAME);
        !is_count && !is_known && number.value <= 100.0
    };
    let is_aside = |low: &str| {
        low.contains('|')
            || is_of_item(low) && !(AVERAGE.are_in(low) && REVISES.is_match(low))
            || [&EARLIER, &OTHERS, &IF, &FIGURE, &TRUST].iter().any(|words| words.are_in(low))
            || PART.are_in(low) && !REVISES.is_match(low)
    };
    let rest = page[last + 1..].iter().filter(|line| !is_aside(&line.low));
    !is_aside(&page[last].low) && same_line[behind_it..].iter().any(is_unknown)
        || rest.flat_map(|line| numbers(&line.low)).any(|number| is_unknown(&number))
}

// The figure that another takes the place of.
pattern!(
    REPLACED,
    r"\b(?:not|no longer|instead of|rather than|in place of|replac\w+)(?: the)? \d[\d.]*(?: ?/ ?100)?\b"
);
pattern!(
    REVISES,
    r"\b(?:becomes?|drops?|rises?|falls?|changes?|new (?:average|mean|score)|updated?|erratum|correction|corrected|revised|revision|addendum|re-?assess\w*|final|instead|as stated above|typing error|typo|patch|second look|after all|recount\w*|now|korrektur|berichtigung|correzione|correction|corrección|rectific\w*)\b|訂正|更正"
);
pattern!(
    SAYS,
    r"\b(?:average|mean|score)(?: score)?(?: after this change)?(?: (?:at|is|becomes|to|now|therefore|of|was|isn't|not|so|\d{1,3}(?:\.\d+)? but))*\s*[:=]?\s*(\d{1,3}(?:\.\d+)?)(?: ?/ ?100)?"
);

/// The average that a later piece puts in the place of an earlier one, if it names one and only one.
pub(super) fn by_revision(found: &Findings, pieces: &[Piece]) -> Option<Reading> {
    let firm = |role: Role| matches!(role, Role::Result(3..));
    let last = found.statements.iter().filter(|statement| firm(statement.role)).map(|it| it.piece).max()?;
    if last == 0 || found.refusals.iter().any(|(_, refusal, _)| *refusal == Refusal::Open) {
        return None;
    }
    let page = lines(&pieces[last].text);
    if !page.iter().any(|line| REVISES.is_match(&line.low)) {
        return None;
    }
    let in_last: Vec<f64> = found
        .statements
        .iter()
        .filter(|statement| statement.piece == last && firm(statement.role))
        .filter_map(|statement| statement.score)
        .collect();
    let score = *in_last.last()?;
    let said: Vec<f64> = page
        .iter()
        .flat_map(|line| SAYS.captures_iter(&line.low).filter_map(|found| found[1].parse().ok()))
        .collect::<Vec<f64>>();
    let is_same = |other: &f64| (other - score).abs() <= SAME;
    let agrees = in_last.iter().all(is_same) && said.iter().all(is_same) && !said.is_empty();
    let is_open = found.statements.iter().any(|statement| {
        statement.piece > last && statement.is_scored && !statement.score.as_ref().is_some_and(is_same)
            || statement.piece == last
                && matches!(statement.role, Role::Doubtful | Role::Recorded)
                && !statement.score.as_ref().is_some_and(is_same)
    });
    (agrees && !is_open)
        .then(|| Reading::sure(Path::Revision, Answer::Stated(score), pieces[last].text.trim()))
}
