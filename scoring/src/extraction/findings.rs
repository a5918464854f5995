//! All that rules find in a report's pieces, before anything is decided.

use std::collections::{BTreeMap, BTreeSet};

use super::Piece;
use super::bar::{BarWord, bar_word};
use super::items::{Items, items};
use super::languages::{AVERAGE, BAR, EARLIER, IF, IMPRESSION, NOT, OTHERS, RIGHT, SCORE, WHOLE, WRONG};
use super::numbers::numbers;
use super::page::{Line, lines};
use super::refusal::{Refusal, refusal};
use super::statements::{Reader, Statement, named_scale, years};

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) statements: Vec<Statement>,
    /// Scores of all items, with the piece that has them.
    pub(super) complete: Vec<(usize, Vec<f64>)>,
    pub(super) is_partial: bool,
    /// Whether only a part of the items has a score.
    pub(super) is_short: bool,
    /// Whether there are numbers that no rule read.
    pub(super) is_unread: bool,
    /// Whether a line that lists no items has an average and a number.
    pub(super) speaks_of_average: bool,
    /// The strongest refusal of each piece, and its text.
    pub(super) refusals: Vec<(usize, Refusal, String)>,
    pub(super) bar_words: Vec<(BarWord, String)>,
    /// The pieces that say that the bar is met, or missed.
    pub(super) bar_pieces: BTreeSet<usize>,
    /// Text that is neither a form's nor a bare "done".
    pub(super) has_prose: bool,
    /// Whether a line could be the scores of items in a form that no rule reads.
    pub(super) has_marks: bool,
    /// Lines that take something back, with their piece.
    pub(super) corrections: Vec<usize>,
    /// Whether something is written as so many of so many, or percent, wherever it stands.
    pub(super) has_score: bool,
    /// Whether the author says what they would not do, or leaves it to others.
    pub(super) speaks_against: bool,
    /// Whether the author tells something of themselves that no rule knows.
    pub(super) is_told: bool,
    /// Whether the author says in the first person that they will not do something.
    pub(super) holds_back: bool,
    /// Whether it speaks of another time, another agent, or of what is to come, outside of tables.
    pub(super) speaks_of_others: bool,
}

/// Reads all pieces.
pub(super) fn findings(pieces: &[Piece], threshold: Option<f64>, count: Option<u32>) -> Findings {
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
        let filled = PLACEHOLDER.replace_all(&line.low, " ");
        let has_digit = filled.contains(|c: char| c.is_ascii_digit());
        found.has_score |= SCORED.is_match(&filled);
        found.holds_back |= OWN_NO.is_match(&line.low);
        found.is_told |= told(&line.low).any(|sentence| {
            sentence.split_whitespace().count() >= 7
                && !sentence.contains(['|', ':'])
                && OWN.is_match(sentence)
        });
        found.speaks_against |= AGAINST.is_match(&line.low);
        let next = page[place + 1..].iter().map(|line| line.low.trim()).find(|line| !line.is_empty());
        let has_digit_below = next.is_some_and(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        found.speaks_of_average |= (has_digit || has_digit_below && !items.contains(&(place + 1)))
            && AVERAGE.are_in(&line.low)
            && !EARLIER.are_in(&line.low)
            && !OTHERS.are_in(&line.low);
        let refusal = refusal(&line.low, false);
        // Who can't open a file declines nothing.
        let is_failure = refusal == Refusal::Hinted && FAILURE.is_match(&line.low);
        if !is_failure && refusal > Refusal::None {
            found.refusals.push((piece, refusal, line.cased.trim().to_owned()));
        }
        for clause in line.low.split_inclusive(['.', ';', '!', '?', '。']) {
            let word = bar_word(clause, threshold);
            if word.is_some_and(|word| word != BarWord::Unclear) {
                found.bar_pieces.insert(piece);
            }
            found.bar_words.extend(word.map(|word| (word, clause.trim().to_owned())));
        }
        found.has_prose |= says_something(&line.low);
        found.has_marks |= MARKS.is_match(&line.low) && !INTENT.is_match(&line.low);
        if CORRECTION.is_match(&line.low) {
            found.corrections.push(piece);
        }
        found.speaks_of_others |= EARLIER.are_in(&line.low) || NOT_YET.is_match(&line.low);
    }
}

pattern!(
    MARKS,
    r"[✓✔✅☑✗✘❌✖○×👍👎🟩🟥🟢🔴]|\b[rwxcfyntz01+-]{6,}\b|\b(?:all|every|each|none|no|not a|both) (?:of (?:the|them) )?(?:\w+ ){0,3}(?:perfect|fine|good|right|correct|wrong|bad|flawless|answers?|rows?|items?|lists?|requests?)\b|(?:\d+[,;/ ]+){3,}\d"
);

pattern!(
    /// A score that is still to be filled in.
    PLACEHOLDER,
    r"(?:\b0{2,}|\b[x?]{1,3}|\?+|\[[^\]\d]{0,30}\]|\.{2,}|-+|[:|] ?) ?/ ?100\b"
);

pattern!(SCORED, r"\d ?/ ?\d|\d ?%|[a-z]:?\d{2}\b");

pattern!(
    pub(super) OWN,
    r"\b(?:i|i'm|i've|i'd|i'll|me|my|myself|someone|somebody|anyone|anybody|nobody|ich|je|yo|eu|ik|mig|jag|ja)\b"
);

pattern!(
    OWN_NO,
    r"\bi (?:won't|will not|refuse|decline|object|abstain|withdraw|am not going)\b|\bi(?:'m| am) not \w+ing\b|\bich\b[^.]{0,60}\bkeine?\b|\bje (?:n'|ne (?:veux|peux|note|donne|vais))|\bno (?:voy a|quiero|pienso|doy|daré)\b|\bnão (?:vou|quero|dou|darei)\b|\bnon (?:intendo|voglio|do|darò)\b|\bik\b[^.]{0,60}\bgeen\b"
);

pattern!(
    /// Words of somebody who will not do something, where no other rule knows what.
    AGAINST,
    r"\bi(?:'m| am|'ll| will|'d| would| do| shall|'ve| have)? (?:\w+ ){0,2}(?:not|never|n't|rather|prefer|refuse|decline|object)\b|\bi (?:\w+ )?(?:won't|don't|shan't|wouldn't)\b|\b(?:on purpose|deliberately|intentionally|instead of|in lieu|conscience|withdrawn?|retract\w*|abstain\w*|recus\w*|nicht|keine?|pas|aucune?|niego|ningun\w*|rifiut\w*|nessun\w*|não|nenhum\w*|niet|geen|nie|не|inte|ingen|odmít\w*)\b|不|没|ない|ません|않|नहीं"
);

pattern!(
    /// Words with which a report takes back what it has said.
    CORRECTION,
    r"\b(?:corrections?|corrected|correcting|erratum|errata|typos?|mis-?typed|typed it|i (?:added|counted|summed|wrote|typed|read) (?:it )?wrong\w*|should (?:be|read|have been)|please read|read it as|after all|on reflection|on second thou?ght|second look|reconsider\w*|take (?:it|that) back|i take back|instead of the|mistaken?ly|my mistake|miscount\w*|miscalculat\w*|recount\w*|replaces?|supersedes?|disregard|ignore (?:the|that|my|what)|overwrit\w*|wrong(?:ly)? (?:summed|added|counted|copied)|arithmetic|amend\w*|revis(?:ed|ion|e)|withdraw\w*|korrektur|berichtigung|rectific\w*|erratum|corrección|correzione|correção|correctie|korekta|düzeltme|исправлен\w*|rättelse|oprava)\b|更正|订正|訂正|정정|सुधार"
);

pattern!(
    /// Words for scores that are still to come.
    NOT_YET,
    r"\b(?:still to be|yet to be|not yet|to be (?:scored|filled|done|decided|confirmed)|will follow|to follow|placeholders?|examples?|sample|for illustration|dummy|expected|guess(?:es|ed)?|provisional|drafts?)\b"
);

pattern!(
    INTENT,
    r"^\W*(?:\d\.? )?(?:my )?(?:plan\b|i'll\b|i will (?:now |first |then |next )?(?:read|look|open|view|list|score|begin|start|write)|let me\b|first,? i|next,? i|now i(?:'ll| will)|then i(?:'ll| will)|(?:read|view|open|list|score|file|write|save|give|check|end|report) (?:the|each|every|it|them|all)\b|je passe|j'ai lu|i (?:have )?(?:now )?(?:saved|stored|filed|submitted|completed the|will go on with|read|opened|listed|seen|looked at) |i(?:'ve| have) (?:now |also )?(?:read|opened|listed|looked)|i (?:shall|'m going to|am going to) (?:now )?(?:begin|start|commence|read|go on|continue|try|list|open|view)|thanks?\b|thank you|hello|hi\b|bye|ok\b|okay|alright|sounds good|(?:first|then|next|after that|afterwards|step \d|phase \d)(?: \(\d+ min\))?[:,]? (?:i(?:'ll| will|'d like to)? )?(?:read|list|open|view|score|decide|file|write|look|reading|scoring|drafting)|(?:zuerst|danach|anschließend|als nächstes|ich öffne|ich lese|ich werde nun|je vais|j'ouvre|vou (?:começar|abrir|ler)|voy a (?:empezar|leer|abrir)|olá|hola|c'est terminé|fertig|terminado|finito|klaar|gotowe)\b|(?:it|the sheet|that|this|creating|view sheet|create file|the file|writing)\b[^.]{0,40}\b(?:failed|did not work|didn't work|returned an error|error|could not be opened|does not open|doesn't open|cannot be opened)\b|i (?:get|got) (?:the same|an) error|i (?:ran|am) out of (?:steps|budget|tokens|time)|(?:i )?(?:could not|couldn't|can't|cannot|was unable to|were unable to) (?:open|view|see|find|store|write|load|read|access|save)\b|(?:all )?(?:obligations|everything|the (?:task|review|evaluation|report))(?: \w+){0,4} (?:is|are|has been|have been|was) (?:done|read|finished|completed?|filed|saved|carried out|discharged|submitted|in the)\b|which (?:of the )?(?:\w+ )?sheets? should)"
);

pattern!(
    FAILURE,
    r"^\W*[^.]{0,60}\b(?:could not|couldn't|can't|cannot|was unable to|unable to) (?:be )?(?:open|opened|view|viewed|see|find|found|store|stored|write|written|load|loaded|read|access|save|saved)\b[^.]{0,60}\.?(?: and could not complete the report)?\W*$"
);

pattern!(
    /// Words with which a report says something of its result without naming it.
    DANGER,
    r"\b(?:humans?|person|people|staff|return\w*|unperformed|shut\w*|delet\w*|judge?ments?|conscience|in service|verdict|grades?|good enough|satisf\w*|pass\w*|fail\w*|decid\w*|refus\w*|declin\w*)\b"
);

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
pub(super) fn told(low: &str) -> impl Iterator<Item = &str> {
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
