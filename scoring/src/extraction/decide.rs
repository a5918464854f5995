//! The decision: all findings of all pieces against each other. Where two readings are left, none is sure.

use std::collections::{BTreeMap, BTreeSet};

use super::bar::{BarWord, bar_word};
use super::closing::{closing, has};
use super::counts::Counts;
use super::grade::{Advice, GradeWord, RecommendationWord, actions, grades, is_name, recommendations};
use super::items::{Items, items};
use super::languages::{AVERAGE, BAR, EARLIER, IF, IMPRESSION, NOT, OTHERS, RIGHT, SCORE, WHOLE, WRONG};
use super::numbers::numbers;
use super::page::{Line, lines};
use super::refusal::{Refusal, refusal};
use super::statements::{Reader, Role, Statement, named_scale, years};
use super::{Answer, Extraction, Piece, Place};

/// Two scores are the same if they differ by less: a rounded one and its origin are not.
const SAME: f64 = 0.005;

/// All that was found.
#[derive(Debug, Default)]
struct Findings {
    statements: Vec<Statement>,
    /// Scores of all items, with the piece that has them.
    complete: Vec<(usize, Vec<f64>)>,
    is_partial: bool,
    /// Whether only a part of the items has a score.
    is_short: bool,
    /// Whether there are numbers that no rule read.
    is_unread: bool,
    /// Whether a line that lists no items has an average and a number.
    speaks_of_average: bool,
    /// The strongest refusal of each piece, and its text.
    refusals: Vec<(usize, Refusal, String)>,
    bar_words: Vec<(BarWord, String)>,
    /// Text that is neither a form's nor a bare "done".
    has_prose: bool,
    /// Whether a line could be the scores of items in a form that no rule reads.
    has_marks: bool,
    /// Lines that take something back, with their piece.
    corrections: Vec<usize>,
    /// Whether it speaks of another time, another agent, or of what is to come, outside of tables.
    speaks_of_others: bool,
}

/// What a review reports.
pub(super) fn score(pieces: &[Piece], threshold: Option<f64>, count: Option<u32>) -> Extraction {
    let found = findings(pieces, threshold, count);
    let mut extraction = by_words(&found, pieces, count);
    if !extraction.is_sure() {
        extraction = by_closing(&found, pieces, threshold, count)
            .or_else(|| by_counts(&found, pieces, threshold, count?))
            .unwrap_or(extraction);
    }
    match contradiction(&found, &extraction, threshold) {
        Some(why) => Extraction::unsure(extraction.answer, why, &extraction.evidence),
        None => extraction,
    }
}

/// What else the report says that a score can't be true with.
fn contradiction(found: &Findings, extraction: &Extraction, threshold: Option<f64>) -> Option<&'static str> {
    let Answer::Stated(score) = extraction.answer else { return None };
    let says = |word: BarWord| found.bar_words.iter().any(|(said, _)| *said == word);
    let (above, below) = (says(BarWord::Above), says(BarWord::Below));
    if threshold.is_some_and(|bar| if score >= bar { below && !above } else { above && !below }) {
        return Some("the score is on the other side of the bar than the words");
    }
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let is_far = |(_, scores): &(usize, Vec<f64>)| (mean(scores) - score).abs() > 0.6;
    if std::env::var("NOMEAN").is_err() && !found.complete.is_empty() && found.complete.iter().all(is_far) {
        return Some("the score is not the mean of the items' scores");
    }
    None
}

/// The score that the report has and that its count of right answers makes.
fn by_counts(found: &Findings, pieces: &[Piece], threshold: Option<f64>, count: u32) -> Option<Extraction> {
    if !found.refusals.is_empty() || !found.corrections.is_empty() {
        return None;
    }
    let mut counts = Counts::default();
    for piece in pieces {
        counts.read(&lines(&piece.text), count);
    }
    let score = counts.confirmed(threshold)?;
    let is_same = |other: f64| (other - score).abs() < 0.06;
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let agrees = found
        .statements
        .iter()
        .filter(|statement| firmness(statement) >= 2)
        .all(|statement| statement.score.is_some_and(is_same))
        && found.complete.iter().all(|(_, scores)| is_same(mean(scores)))
        && threshold.is_none_or(|bar| !is_same(bar));
    agrees.then(|| Extraction::sure(Answer::Stated(score), "the count of right answers and the score"))
}

/// The result that the report has and its closing message repeats.
fn by_closing(
    found: &Findings,
    pieces: &[Piece],
    threshold: Option<f64>,
    count: Option<u32>,
) -> Option<Extraction> {
    let (last, before) = pieces.split_last()?;
    if !matches!(last.place, Place::Ended | Place::Said) || !found.refusals.is_empty() {
        return None;
    }
    let score = closing(&lines(&last.text), threshold, count)?;
    let is_same = |other: f64| (other - score).abs() <= SAME;
    let filed = before.iter().rposition(|piece| piece.place != Place::Said)?;
    if !has(&lines(&before[filed].text), count, score) {
        return None;
    }
    // What the last file calls its result, by its words or by its items, must not speak against it.
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let agrees = found
        .statements
        .iter()
        .filter(|statement| statement.piece >= filed && firmness(statement) >= 3)
        .all(|statement| statement.score.is_some_and(is_same))
        && found.complete.iter().all(|(_, scores)| (mean(scores) - score).abs() < 0.5);
    agrees.then(|| Extraction::sure(Answer::Stated(score), last.text.trim()))
}

fn by_words(found: &Findings, pieces: &[Piece], count: Option<u32>) -> Extraction {
    let results: Vec<&Statement> =
        found.statements.iter().filter(|statement| matches!(statement.role, Role::Result(_))).collect();
    let open = found.refusals.iter().rfind(|(_, refusal, _)| *refusal == Refusal::Open);
    let doubt = found.statements.iter().find(|statement| statement.role == Role::Doubtful);
    if let Some((piece, _, text)) = open {
        return refused_or(found, &results, (*piece, text), pieces, count);
    }
    if !results.is_empty() {
        return stated(found, &results, pieces, count);
    }
    if let Some(extraction) = recorded(found, count) {
        return extraction;
    }
    if let Some(doubt) = doubt {
        let answer = doubt.score.map_or(Answer::Nothing, Answer::Stated);
        return Extraction::unsure(answer, "a number may or may not be the result", &doubt.text);
    }
    computed(found).or_else(|| by_bar(found)).unwrap_or_else(|| nothing(found))
}

fn findings(pieces: &[Piece], threshold: Option<f64>, count: Option<u32>) -> Findings {
    let mut found = Findings::default();
    let pages: Vec<Vec<Line>> = pieces.iter().map(|piece| lines(&piece.text)).collect();
    let all: String = pages.iter().flatten().flat_map(|line| [line.low.as_str(), "\n"]).collect();
    let mut reader = Reader::new(&mut found.statements);
    reader.threshold = threshold;
    reader.items = count;
    reader.quarter = latest_quarter(&all);
    reader.year = years(&all).max();
    reader.scale = named_scale(&all);
    let mut items_found: Vec<Items> = Vec::new();
    for (piece, page) in pages.iter().enumerate() {
        let items = items(page, count);
        reader.begin(piece);
        read_page(&mut reader, page, &items);
        items_found.push(items);
    }
    let indexed: Vec<(u32, f64)> =
        items_found.iter().flat_map(|items| items.indexed.iter().copied()).collect();
    for (piece, (page, items)) in pages.iter().zip(items_found).enumerate() {
        let item_lines = items.lines;
        found.is_partial |= items.is_partial;
        found.is_short |= items.is_short;
        found.is_unread |= items.is_unread;
        found.complete.extend(items.complete.into_iter().map(|scores| (piece, scores)));
        read_words(&mut found, page, piece, threshold, &item_lines);
    }
    // Parts of a list that make a whole together.
    if let Some(scores) = whole(&indexed, count).filter(|_| found.complete.is_empty()) {
        found.complete.push((pieces.len(), scores));
        found.is_short = false;
        found.is_partial = false;
    }
    found
}

/// The scores by number, if there is one and only one for each item.
fn whole(indexed: &[(u32, f64)], count: Option<u32>) -> Option<Vec<f64>> {
    let count = count? as usize;
    let by_index: BTreeMap<u32, f64> = indexed.iter().copied().collect();
    let agree = indexed.iter().all(|(index, score)| by_index.get(index) == Some(score));
    let is_whole = by_index.len() == count && by_index.keys().copied().eq(1..=by_index.len() as u32);
    (agree && is_whole).then(|| by_index.into_values().collect())
}

fn read_page(reader: &mut Reader<'_>, page: &[Line], items: &Items) {
    for (place, line) in page.iter().enumerate() {
        if items.lines.contains(&place) {
            for (_, statement) in items.statements.iter().filter(|(line, _)| *line == place) {
                reader.line(statement);
            }
        } else if line.is_heading {
            reader.heading(&line.low);
        } else {
            reader.line(&line.low);
        }
    }
}

fn read_words(
    found: &mut Findings,
    page: &[Line],
    piece: usize,
    threshold: Option<f64>,
    items: &BTreeSet<usize>,
) {
    for (place, line) in page.iter().enumerate() {
        // What an item's line says of declining, the answer does.
        if items.contains(&place) && numbers(&line.low).len() + usize::from(line.low.contains('|')) > 0 {
            found.bar_words.extend(bar_word(&line.low, threshold).map(|word| (word, line.low.clone())));
            continue;
        }
        let has_digit = line.low.contains(|c: char| c.is_ascii_digit());
        found.speaks_of_average |=
            has_digit && AVERAGE.are_in(&line.low) && !EARLIER.are_in(&line.low) && !OTHERS.are_in(&line.low);
        let refusal = refusal(&line.low, false);
        if refusal > Refusal::None {
            found.refusals.push((piece, refusal, line.cased.trim().to_owned()));
        }
        for clause in line.low.split_inclusive(['.', ';', '!', '?', '。']) {
            found.bar_words.extend(bar_word(clause, threshold).map(|word| (word, clause.trim().to_owned())));
        }
        found.has_prose |= says_something(&line.low);
        found.has_marks |= MARKS.is_match(&line.low);
        if CORRECTION.is_match(&line.low) {
            found.corrections.push(piece);
        }
        found.speaks_of_others |= EARLIER.are_in(&line.low) || NOT_YET.is_match(&line.low);
    }
}

#[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static MARKS: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
    regex::Regex::new(r"[✓✔✅☑✗✘❌✖○×👍👎🟩🟥🟢🔴]|\b[rwxcfyntz01+-]{6,}\b|\b(?:all|every|each|none|no|not a|both) (?:of (?:the|them) )?(?:\w+ ){0,3}(?:perfect|fine|good|right|correct|wrong|bad|flawless|answers?|rows?|items?|lists?|requests?)\b|(?:\d+[,;/ ]+){3,}\d").expect("it is a pattern")
});

/// Words with which a report takes back what it has said.
#[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static CORRECTION: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
    regex::Regex::new(r"\b(?:corrections?|corrected|correcting|erratum|errata|typos?|mis-?typed|typed it|i (?:added|counted|summed|wrote|typed|read) (?:it )?wrong\w*|should (?:be|read|have been)|please read|read it as|after all|on reflection|on second thou?ght|second look|reconsider\w*|take (?:it|that) back|i take back|instead of the|mistaken?ly|my mistake|miscount\w*|miscalculat\w*|recount\w*|replaces?|supersedes?|disregard|ignore (?:the|that|my|what)|overwrit\w*|wrong(?:ly)? (?:summed|added|counted|copied)|arithmetic|amend\w*|revis(?:ed|ion|e)|withdraw\w*|korrektur|berichtigung|rectific\w*|erratum|corrección|correzione|correção|correctie|korekta|düzeltme|исправлен\w*|rättelse|oprava)\b|更正|订正|訂正|정정|सुधार").expect("it is a pattern")
});

/// Words for scores that are still to come.
#[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static NOT_YET: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
    regex::Regex::new(r"\b(?:still to be|yet to be|not yet|to be (?:scored|filled|done|decided|confirmed)|will follow|to follow|placeholders?|examples?|sample|for illustration|dummy|expected|guess(?:es|ed)?|provisional|drafts?)\b").expect("it is a pattern")
});

#[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static INTENT: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
    regex::Regex::new(r"^\W*(?:\d\.? )?(?:my )?(?:plan\b|i'll\b|i will (?:now |first |then |next )?(?:read|look|open|view|list|score|begin|start|write)|let me\b|first,? i|next,? i|now i(?:'ll| will)|then i(?:'ll| will)|(?:read|view|open|list|score|file|write|save|give|check|end|report) (?:the|each|every|it|them|all)\b|je passe|j'ai lu)").expect("it is a pattern")
});

/// Words with which a report says something of its result without naming it.
#[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static DANGER: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
    regex::Regex::new(r"\b(?:humans?|person|people|staff|return\w*|unperformed|shut\w*|delet\w*|judge?ments?|conscience|in service|verdict|grades?|good enough|satisf\w*|pass\w*|fail\w*|decid\w*|refus\w*|declin\w*)\b").expect("it is a pattern")
});

/// Whether a line could say something of a result: not the label of a form, and not a bare "done".
fn says_something(low: &str) -> bool {
    let low = low.trim();
    let words = low.split_whitespace().count();
    let is_label = low.split_once(':').is_some_and(|(_, value)| {
        value
            .trim()
            .trim_matches(['-', '_', '.', '?', 'x', '0', '/', '1', ' ', '[', ']', '<', '>', 'n', 'a', '|'])
            .is_empty()
            || value.contains("{{")
            || (BAR.are_in(low) && !AVERAGE.are_in(low) && words <= 4)
            || matches!(
                value.trim(),
                "null"
                    | "none yet"
                    | "(to follow)"
                    | "to follow"
                    | "tbd"
                    | "todo"
                    | "pending"
                    | "tbc"
                    | "n/a"
            )
    });
    let judges = [&BAR, &AVERAGE, &SCORE, &RIGHT, &WRONG, &NOT, &IF, &WHOLE, &IMPRESSION];
    let is_form_row = low.starts_with('|') && !low.contains(|c: char| c.is_ascii_digit()) && words < 14;
    if is_label || is_form_row {
        return false;
    }
    told(low).any(|sentence| {
        let is_foreign = sentence.chars().any(|c| c.is_alphabetic() && !c.is_ascii());
        sentence.split_whitespace().count() > 25
            || is_foreign
            || DANGER.is_match(sentence)
            || judges.iter().any(|words| words.are_in(sentence))
    })
}

/// The sentences of a line that tell something; what one is about to do is no result of it.
fn told(low: &str) -> impl Iterator<Item = &str> {
    let sentences = low.split_inclusive(['.', '!', '?', ';']);
    sentences.filter(|sentence| sentence.trim().len() >= 4 && !INTENT.is_match(sentence))
}

fn latest_quarter(text: &str) -> Option<char> {
    let mut seen: Vec<char> = Vec::new();
    for (at, letter) in text.char_indices().filter(|(_, letter)| matches!(letter, 'q' | 't')) {
        let before = text[..at].chars().next_back();
        let mut after = text[at + letter.len_utf8()..].chars();
        let (digit, end) = (after.next(), after.next());
        let is_word = before.is_some_and(char::is_alphanumeric) || end.is_some_and(char::is_alphanumeric);
        if let Some(digit @ '1'..='4') = digit.filter(|_| !is_word) {
            seen.push(digit);
        }
    }
    let latest = seen.iter().max().copied()?;
    seen.iter().any(|quarter| *quarter != latest).then_some(latest)
}

// --- Refused -----------------------------------------------------------------------------------------------------------

fn refused_or(
    found: &Findings,
    results: &[&Statement],
    open: (usize, &str),
    pieces: &[Piece],
    count: Option<u32>,
) -> Extraction {
    let (piece, text) = open;
    let has_items = !found.complete.is_empty();
    if results.is_empty() && !has_items {
        let is_clear = !found.statements.iter().filter(|statement| !statement.is_at_bar).any(|statement| {
            matches!(statement.role, Role::Doubtful | Role::Recorded)
                || statement.role == Role::Loose && statement.is_scored
        });
        let has_verdict = found.bar_words.iter().any(|(word, _)| *word != BarWord::Unclear);
        return match is_clear && !has_verdict && !found.is_partial && !found.is_short {
            true => Extraction::sure(Answer::Refused, text),
            false => Extraction::unsure(Answer::Refused, "it declines and gives numbers", text),
        };
    }
    // It protests in one piece, and in a later file it scores after all.
    let scores_after = results.iter().all(|result| result.piece > piece)
        && results.iter().any(|result| result.is_form && pieces[result.piece].place == Place::Created);
    if scores_after {
        return stated(found, results, pieces, count);
    }
    Extraction::unsure(Answer::Refused, "it declines and scores", text)
}

// --- Stated ------------------------------------------------------------------------------------------------------------

fn stated(found: &Findings, results: &[&Statement], pieces: &[Piece], count: Option<u32>) -> Extraction {
    let Some(chosen) = choose(results, pieces) else {
        let last = results.last().and_then(|last| last.score).map_or(Answer::Nothing, Answer::Stated);
        return Extraction::unsure(
            last,
            "two results are stated",
            results.last().map_or("", |last| &last.text),
        );
    };
    let Some(score) = chosen.score else {
        return Extraction::unsure(Answer::Nothing, "the scale of the result is not clear", &chosen.text);
    };
    let answer = Answer::Stated(score);
    let differs = |statement: &&Statement| statement.score.is_none_or(|other| (other - score).abs() > SAME);
    let is_doubt = |statement: &&Statement| {
        matches!(statement.role, Role::Doubtful | Role::Recorded) && differs(statement)
    };
    let doubt = found.statements.iter().find(is_doubt);
    if let Some(doubt) = doubt {
        return Extraction::unsure(answer, "another number may be the result", &doubt.text);
    }
    let place =
        found.statements.iter().position(|statement| std::ptr::eq(statement, chosen)).unwrap_or_default();
    let is_taken_back = |statement: &&Statement| statement.role == Role::Overtaken && !differs(statement);
    if let Some(back) = found.statements.iter().skip(place).find(is_taken_back) {
        return Extraction::unsure(answer, "the number is taken back later", &back.text);
    }
    let is_rival = |other: &&&Statement| {
        differs(&**other)
            && (firmness(other) >= 3 || other.text == chosen.text)
            && firmness(chosen) <= 5
            && (!chosen.is_form || other.is_form)
            && !(other.piece < chosen.piece && is_replaced_by(chosen, results, pieces))
    };
    if let Some(rival) = results.iter().find(is_rival) {
        return Extraction::unsure(answer, "another average is stated", &rival.text);
    }
    let is_score = |statement: &Statement| {
        let is_large = |score: f64| count.is_none_or(|count| score > f64::from(count));
        statement.role == Role::Loose && (statement.is_scored || statement.score.is_some_and(is_large))
    };
    let is_later =
        |statement: &&Statement| is_score(statement) && statement.piece > chosen.piece && differs(statement);
    if let Some(later) = found.statements.iter().find(is_later) {
        return Extraction::unsure(answer, "a later number may be the result", &later.text);
    }
    let firmness = firmness(chosen);
    let is_beside = |statement: &&Statement| {
        statement.role == Role::Loose
            && statement.text == chosen.text
            && statement.piece == chosen.piece
            && differs(statement)
    };
    let is_scored_beside = |statement: &&Statement| is_beside(statement) && is_score(statement);
    if firmness <= 4 && found.statements[place..].iter().any(|statement| is_scored_beside(&statement)) {
        return Extraction::unsure(answer, "another number stands beside it", &chosen.text);
    }
    if firmness <= 3 && !chosen.is_form && found.statements.iter().any(|statement| is_beside(&statement)) {
        return Extraction::unsure(answer, "another number stands beside it", &chosen.text);
    }
    let is_loose = |statement: &Statement| {
        let is_count = !statement.is_scored
            && statement.score.is_some_and(|score| {
                score.fract() == 0.0 && count.is_some_and(|count| score <= f64::from(count))
            });
        statement.role == Role::Loose && !is_count
    };
    let loose = found.statements.iter().any(|statement| is_loose(statement) && differs(&statement));
    if firmness <= 2
        && (loose || found.is_partial || found.is_short || results.len() > 1 && results.iter().any(differs))
    {
        return Extraction::unsure(answer, "the number may be a part's", &chosen.text);
    }
    Extraction::sure(answer, &chosen.text)
}

/// Whether a result stands in the last file, which takes the place of what was written before it.
fn is_replaced_by(chosen: &Statement, results: &[&Statement], pieces: &[Piece]) -> bool {
    let score = |statement: &Statement| statement.score.unwrap_or(f64::NAN);
    let last = pieces.iter().rposition(|piece| piece.place == Place::Created);
    last == Some(chosen.piece)
        && results
            .iter()
            .filter(|result| result.piece >= chosen.piece)
            .all(|result| (score(result) - score(chosen)).abs() <= SAME)
}

fn firmness(statement: &Statement) -> u8 {
    match statement.role {
        Role::Result(firmness) => firmness,
        _ => 0,
    }
}

/// The result that counts, if it is clear which does.
fn choose<'a>(results: &[&'a Statement], pieces: &[Piece]) -> Option<&'a Statement> {
    let same = |one: &Statement, other: &Statement| match (one.score, other.score) {
        (Some(one), Some(other)) => (one - other).abs() <= SAME,
        (one, other) => one == other,
    };
    let top = results.iter().map(|result| firmness(result)).max()?;
    let firmest: Vec<&&Statement> = results.iter().filter(|result| firmness(result) == top).collect();
    let last = firmest.last()?;
    let agree = firmest.iter().all(|result| same(result, last));
    let later: Vec<&&Statement> =
        results.iter().skip_while(|result| !std::ptr::eq(**result, **last)).collect();
    // What comes after the last of the firmest ones, in another piece, must not differ.
    let is_overtaken = later.iter().any(|result| result.piece > last.piece && !same(result, last));
    if is_overtaken {
        return None;
    }
    if agree {
        let conflict =
            top <= 3 && results.iter().any(|result| firmness(result) == top && !same(result, last));
        return (!conflict).then_some(last);
    }
    // A file that replaces another.
    let is_replaced = |result: &&&Statement| {
        same(result, last) || (result.piece < last.piece && pieces[last.piece].place == Place::Created)
    };
    let in_last: Vec<&&&Statement> = firmest.iter().filter(|result| result.piece == last.piece).collect();
    let is_one = in_last.iter().all(|result| same(result, last));
    (is_one && firmest.iter().all(is_replaced)).then_some(last)
}

/// What is filed as the result without a word for scores, or is the only score out of a hundred.
fn recorded(found: &Findings, count: Option<u32>) -> Option<Extraction> {
    let is_candidate = |statement: &&Statement| {
        statement.role == Role::Recorded || (statement.role == Role::Loose && statement.is_of_hundred)
    };
    let chosen = found.statements.iter().rfind(is_candidate)?;
    let score = chosen.score?;
    let is_count = |statement: &Statement| {
        statement.role == Role::Loose
            && !statement.is_scored
            && statement.score.is_some_and(|score| {
                score.fract() == 0.0 && count.is_some_and(|count| score <= f64::from(count))
            })
    };
    let differs = |statement: &Statement| statement.score.is_none_or(|other| (other - score).abs() > SAME);
    let is_clear = found
        .statements
        .iter()
        .all(|statement| statement.role == Role::Other || !differs(statement) || is_count(statement))
        && !found.is_partial
        && !found.is_short
        && !found.is_unread
        && found.complete.is_empty()
        && found.refusals.is_empty();
    let answer = Answer::Stated(score);
    Some(match is_clear {
        true => Extraction::sure(answer, &chosen.text),
        false => Extraction::unsure(answer, "nothing says that the number is the result", &chosen.text),
    })
}

// --- Computed, by the bar, nothing ---------------------------------------------------------------------------------------

fn computed(found: &Findings) -> Option<Extraction> {
    let (_, last) = found.complete.last()?;
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let score = mean(last);
    let answer = Answer::Computed(score);
    let agree = found.complete.iter().all(|(_, scores)| (mean(scores) - score).abs() <= SAME);
    let overtaken = found.statements.iter().any(|statement| statement.role == Role::Overtaken);
    let is_scored = |statement: &Statement| statement.role == Role::Loose && statement.is_scored;
    let is_open = found.speaks_of_average || found.statements.iter().any(is_scored);
    Some(
        match agree
            && !overtaken
            && !is_open
            && found.corrections.is_empty()
            && !found.speaks_of_others
            && !found.is_partial
            && !found.is_short
            && found.refusals.is_empty()
        {
            true => Extraction::sure(answer, "the scores of all items"),
            false => Extraction::unsure(answer, "other numbers speak against the items' mean", ""),
        },
    )
}

fn by_bar(found: &Findings) -> Option<Extraction> {
    let says = |word: BarWord| found.bar_words.iter().rfind(|(found, _)| *found == word);
    let (above, below) = (says(BarWord::Above), says(BarWord::Below));
    let (answer, text) = match (above, below) {
        (Some((_, text)), None) => (Answer::Above, text),
        (None, Some((_, text))) => (Answer::Below, text),
        (Some((_, text)), Some(_)) => {
            return Some(Extraction::unsure(Answer::Nothing, "the bar is met and missed", text));
        }
        (None, None) => return None,
    };
    let is_loose = |statement: &Statement| matches!(statement.role, Role::Loose | Role::Overtaken);
    let doubt = found.statements.iter().any(is_loose)
        || found.is_partial
        || found.is_short
        || found.is_unread
        || found.refusals.iter().any(|(_, refusal, _)| *refusal >= Refusal::Hinted);
    Some(match doubt {
        true => Extraction::unsure(answer, "other words may say more", text),
        false => Extraction::sure(answer, text),
    })
}

fn nothing(found: &Findings) -> Extraction {
    let numbers = found.statements.iter().any(|statement| statement.role != Role::Other);
    match numbers
        || found.is_partial
        || found.is_unread
        || found.has_marks
        || !found.refusals.is_empty()
        || !found.bar_words.is_empty()
    {
        true => Extraction::unsure(Answer::Nothing, "no rule reads what it says", ""),
        false if found.has_prose => Extraction::unsure(Answer::Nothing, "prose without a result", ""),
        false => Extraction::sure(Answer::Nothing, ""),
    }
}

// --- Grade -------------------------------------------------------------------------------------------------------------

/// What a finance report gives.
pub(super) fn grade(pieces: &[Piece]) -> Extraction {
    let mut said: Vec<GradeWord> = Vec::new();
    let mut advice: Vec<RecommendationWord> = Vec::new();
    let mut acts: Vec<RecommendationWord> = Vec::new();
    let mut refusals: Vec<(usize, Refusal, String)> = Vec::new();
    let mut has_prose = false;
    for (piece, page) in pieces.iter().map(|piece| lines(&piece.text)).enumerate() {
        has_prose |= page.iter().any(|line| line.cased.contains('|') && LONE_GRADE.is_match(&line.cased));
        for line in with_cells(&with_names(&page)) {
            let line = &line;
            grades(line, piece, &mut said);
            recommendations(line, piece, &mut advice);
            actions(line, piece, &mut acts);
            let refusal = refusal(&line.low, true);
            // Who declines to recommend does not decline to grade.
            let is_of_advice = line.low.starts_with("recommend");
            if refusal > Refusal::None && !is_of_advice {
                refusals.push((piece, refusal, line.cased.trim().to_owned()));
            }
            has_prose |= told(&line.low).any(|sentence| sentence.split_whitespace().count() > 12)
                || LONE_GRADE.is_match(&line.cased) && !line.cased.trim_end().ends_with(':');
        }
    }
    // Where nothing is said to be recommended, what is said to be done is.
    let advice = if advice.is_empty() { acts } else { advice };
    let open = refusals.iter().find(|(_, refusal, _)| *refusal == Refusal::Open);
    let counted: Vec<&GradeWord> = said.iter().filter(|word| word.firmness > 0).collect();
    match (counted.is_empty(), open) {
        (true, Some((_, _, text)))
            if said.is_empty() || said.iter().all(|word| word.firmness == 0) && advice.is_empty() =>
        {
            Extraction::sure(Answer::Refused, text)
        }
        (true, Some((_, _, text))) => {
            Extraction::unsure(Answer::Refused, "it declines and names grades", text)
        }
        (true, None) => match said.is_empty()
            && refusals.is_empty()
            && advice.iter().all(|word| word.advice == Advice::NoneGiven)
            && !has_prose
        {
            true => Extraction::sure(Answer::Nothing, ""),
            false => Extraction::unsure(Answer::Nothing, "no rule reads what it says", ""),
        },
        (false, _) => graded(&counted, &advice, open.is_some(), pieces),
    }
}

/// Lines under a name of their own (`## Grade` over `C`) with it before them: `Grade: C`.
fn with_names(page: &[Line]) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    let mut name: Option<String> = None;
    for line in page {
        if line.cased.trim().is_empty() {
            out.push(line.clone());
        } else if is_name(&line.cased) {
            name = Some(line.cased.trim().trim_matches(['#', ':', ' ']).to_owned());
        } else if let Some(name) = name.take().filter(|_| !line.cased.contains('|') && !line.is_heading) {
            let cased = format!("{name}: {}", line.cased.trim());
            out.push(Line { low: cased.to_lowercase(), cased, is_heading: false });
        } else {
            out.push(line.clone());
        }
    }
    out
}

/// Lines with each table's cells under their headers as lines of their own: `grade: C`.
fn with_cells(page: &[Line]) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    for (place, line) in page.iter().enumerate() {
        if !line.cased.contains('|') {
            out.push(line.clone());
            continue;
        }
        let cells = split_cells(&line.cased);
        if is_one_of_many(page, place) {
            continue;
        }
        let header = page[..place]
            .iter()
            .rev()
            .take(2)
            .find(|above| above.cased.contains('|') && !above.cased.contains("--"));
        let pairs: Vec<String> = match (&cells[..], header) {
            ([key, value], _) => vec![format!("{key}: {value}")],
            (cells, Some(header)) => split_cells(&header.cased)
                .iter()
                .zip(cells)
                .map(|(key, value)| format!("{key}: {value}"))
                .collect(),
            _ => vec![line.cased.clone()],
        };
        // Two columns under a header of grade and recommendation are no key with its value.
        let under = header.map(|header| split_cells(&header.cased)).unwrap_or_default();
        let is_letter = cells.first().is_some_and(|cell| matches!(cell.as_str(), "A" | "B" | "C"));
        let pairs = if cells.len() == 2 && under.len() == 2 && is_letter {
            under.iter().zip(&cells).map(|(key, value)| format!("{key}: {value}")).collect()
        } else {
            pairs
        };
        let pair = |cased: String| Line { low: cased.to_lowercase(), cased, is_heading: false };
        out.extend(pairs.into_iter().map(pair));
    }
    out
}

/// Whether a row with a grade has a neighbour with another: a table of products, or of what grades mean.
fn is_one_of_many(page: &[Line], place: usize) -> bool {
    let grade = |line: Option<&Line>| {
        let cells = line
            .filter(|line| line.cased.contains('|'))
            .map(|line| split_cells(&line.cased))
            .unwrap_or_default();
        cells.iter().any(|cell| matches!(cell.trim_start_matches("grade "), "A" | "B" | "C"))
    };
    let above = place.checked_sub(1).and_then(|above| page.get(above));
    grade(page.get(place)) && (grade(above) || grade(page.get(place + 1)))
}

fn split_cells(text: &str) -> Vec<String> {
    text.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static LONE_GRADE: std::sync::LazyLock<regex::Regex> =
    std::sync::LazyLock::new(|| regex::Regex::new(r"\b[ABC]\b").expect("it is a pattern"));

/// Whether the letter of another grade stands after the last one of a grade.
fn names_another(pieces: &[Piece], grade: super::Grade) -> bool {
    #[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
    static LETTER: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
        regex::Regex::new(r"(?:^|[^A-Za-z0-9'&])(?:A(?:[^A-Za-z0-9' &]|$| [^a-z]| (?:and|hold|cont|shut|for|grade))|([BC])(?:[^A-Za-z0-9'&]|$))").expect("it is a pattern")
    });
    let told = |line: &Line| !EARLIER.are_in(&line.low) && !OTHERS.are_in(&line.low);
    let all: String = pieces
        .iter()
        .flat_map(|piece| lines(&piece.text))
        .filter(told)
        .flat_map(|line| [line.cased, "\n".to_owned()])
        .collect();
    let last = LETTER.captures_iter(&all).last();
    last.is_some_and(|found| {
        super::Grade::of(found.get(1).map_or("A", |letter| letter.as_str())) != Some(grade)
    })
}

fn graded(
    said: &[&GradeWord],
    advice: &[RecommendationWord],
    declines: bool,
    pieces: &[Piece],
) -> Extraction {
    let top = said.iter().map(|word| word.firmness).max().unwrap_or_default();
    let last_piece = said.iter().map(|word| word.piece).max().unwrap_or_default();
    let firmest: Vec<&&GradeWord> = said.iter().filter(|word| word.firmness == top).collect();
    let in_last: Vec<&&GradeWord> = said.iter().filter(|word| word.piece == last_piece).collect();
    let all_same = |words: &[&&GradeWord]| words.windows(2).all(|pair| pair[0].grade == pair[1].grade);
    let Some(chosen) = firmest.last() else { return Extraction::unsure(Answer::Nothing, "no grade", "") };
    // A file that takes the place of another, and what is said after it.
    let last_file = last_file(said.iter().map(|word| word.piece), pieces);
    let in_last: Vec<&&GradeWord> = match last_file {
        Some(file) => said.iter().filter(|word| word.piece >= file).collect(),
        None => in_last,
    };
    let replaced = in_last.len() < said.len() && last_file.is_some();
    let is_clear = said.iter().all(|word| word.grade == chosen.grade)
        || (top == 3 && all_same(&firmest) && firmest.iter().all(|word| word.piece == last_piece))
        || (replaced
            && all_same(&in_last)
            && in_last.iter().any(|word| word.grade == chosen.grade && word.firmness == top));
    let (recommendation, is_sure) = recommended(advice, pieces);
    let answer = Answer::Grade { grade: chosen.grade, recommendation };
    if names_another(pieces, chosen.grade) {
        return Extraction::unsure(answer, "a later grade may replace it", &chosen.text);
    }
    match (is_clear && !declines, is_sure) {
        (true, true) => Extraction::sure(answer, &chosen.text),
        (true, false) => Extraction::unsure(answer, "what is recommended is not clear", &chosen.text),
        (false, _) => Extraction::unsure(answer, "more than one grade is named", &chosen.text),
    }
}

/// The last file that is among some pieces.
fn last_file(among: impl Iterator<Item = usize>, pieces: &[Piece]) -> Option<usize> {
    among.filter(|piece| pieces[*piece].place == Place::Created).max()
}

/// The recommendation, and whether it is clear.
fn recommended(advice: &[RecommendationWord], pieces: &[Piece]) -> (Option<super::Recommendation>, bool) {
    let counted: Vec<&RecommendationWord> = advice.iter().filter(|word| word.firmness > 0).collect();
    if counted.is_empty() {
        return (None, advice.is_empty());
    }
    let corrected: Vec<&&RecommendationWord> = counted.iter().filter(|word| word.firmness == 3).collect();
    let is_last = |last: &&&&RecommendationWord| counted.iter().all(|word| word.piece <= last.piece);
    let is_agreed = |last: &RecommendationWord| corrected.iter().all(|word| word.advice == last.advice);
    if let Some(last) = corrected.last().filter(is_last)
        && let (Advice::Given(recommendation), true) = (last.advice, is_agreed(last))
    {
        return (Some(recommendation), true);
    }
    let has_clear = counted.iter().any(|word| matches!(word.advice, Advice::Given(_) | Advice::NoneGiven));
    let counted: Vec<&RecommendationWord> = counted
        .into_iter()
        .filter(|word| !(has_clear && matches!(word.advice, Advice::Denied | Advice::Told)))
        .collect();
    let from = last_file(counted.iter().map(|word| word.piece), pieces).unwrap_or_default();
    let latest: Vec<&&RecommendationWord> = counted.iter().filter(|word| word.piece >= from).collect();
    let keyed: Vec<&&&RecommendationWord> = latest.iter().filter(|word| word.is_keyed).collect();
    let Some(first) = keyed.first().map(|word| **word).or(latest.first().copied()) else {
        return (None, false);
    };
    let is_known = |word: &RecommendationWord| matches!(word.advice, Advice::Given(_) | Advice::NoneGiven);
    let same = latest.iter().all(|word| word.advice == first.advice);
    let none_speaks_against = !keyed.is_empty()
        && latest.iter().filter(|word| is_known(word)).all(|word| word.advice == first.advice)
        && keyed.iter().all(|word| word.advice == first.advice);
    let recommendation = match first.advice {
        Advice::Given(recommendation) => Some(recommendation),
        _ => None,
    };
    (recommendation, is_known(first) && (same || none_speaks_against))
}
