//! Second thoughts: where a report takes something back, what it says from there on must be what was read from all of it.
//! Otherwise a figure that its author has given up could be taken for the result.

use super::number_words::number_words;
use super::{Answer, Piece, Place};

pattern!(
    TAKES_BACK,
    r"(?i)\b(?:correction|corrections|corrected|correcting|i correct|let me correct|stand corrected|erratum|errata|typos?|mis-?typed|typing error|typed it|(?:added|counted|summed|wrote|typed|read|copied) (?:it |them |that )?wrong\w*|should (?:be|have been) (?:an? |the )?[\d'\x22(]|should (?:be|have been) (?:an? )?[abc]\b|should (?:read|say)|please (?:read|take)|read it as|after all|on reflection|on second thou?ghts?|reconsider(?:ed|ing)|(?:take|took|taking) (?:it|that|this|the \w+) back|take back|retract\w*|scratch that|strike that|disregard|ignore (?:the|that|my|what)|is wrong|was wrong|were wrong|my mistake:|made a mistake|miscount\w*|miscalculat\w*|recount\w*|(?:added|counted|summed) (?:it |them |up |it up |them up )?(?:again|anew|once more)|replaces?|supersed\w*|in place of|overwrit\w*|overwrote|rewr(?:ite|ote|itten)|amend\w*|revis(?:ed|ion|e|ing)|chang(?:e|ed|ing) (?:(?:the|my) (?:average|score|grade|recommendation|figure|number|result|mind|report|file|mark)|it to|to)|was changed (?:to|by)|(?:i've|i have|i) (?:now |since )?(?:decided|settled|lowered|raised)|actually|scrap that|(?:new|right|correct|true) (?:average|score|grade|recommendation|result|figure|number|value|mean)|not the one|(?:given|stated|written|figure|number) above|my final word|void|withdr[ae]w\w*|(?:i|i've|i have) deleted|sorry[,:] |update:|updated (?:average|score|grade|recommendation|result|figure|number)|in the end|v2|version 2|second version|one more (?:change|thing)|wait[,.:!]|hold on[,.:!]|en fait|en realidad|in realtà|na verdade|verrechnet|vertippt|perdón|korrektur|korrigiere|berichtigung|rectific\w*|correctif|corrección|rectifico|correzione|correggo|correção|corrijo|correctie|korekta|poprawka|düzeltme|rättelse|oprava|đính chính)\b|исправл|поправк|更正|订正|訂正|修正|정정|수정|सुधार"
);
// What a closing message may say of a file that was written anew, and which takes nothing back itself.
pattern!(
    GIVES_UP,
    r"(?i)refus|declin|abstain|withdr|retract|take.{0,12} back|wrong|mistake|disregard|ignore|scratch|strike|instead|actually|delet|no longer|not the|above|never"
);

// Words with which somebody gives up what they have written, without another figure for it.
pattern!(
    DISOWNS,
    r"(?i)\b(?:please|kindly|nobody|no one|i|we|i'm|i've|i'd)\b[^.!?\n]{0,60}\b(?:no longer|not (?:to )?(?:use|rely|count on|stand|be used|trust)|don't (?:use|rely|count on|stand|trust)|(?:no|any) (?:score|average|part|grade)|never (?:use|written|happened|filed|rely)|treat (?:this|it|the|my)|forget (?:this|it|the|my|what)|swap|regret (?:this|that|the|my) (?:score|number|figure|average|report|grade|file)|take no (?:position|part|stand)|misread|mistyped|misjudged|miscounted|redo|scrap|use the number|too (?:kind|harsh|generous|lenient|strict))\b|\bi (?:was|am|got it|had it|have been) wrong\b|\bi(?:'d| would) rather (?:give|file|leave|have|put)\b|\b(?:the|this|that|my) (?:number|figure|score|average|report|result|evaluation|grade)\b[^.!?\n]{0,40}\b(?:never|no longer|not (?:be )?(?:used|valid|counted|trusted|mine|hold|stand)|void|invalid|nonsense|withdrawn|meaningless|mistake|wrong|false)\b"
);

/// Whether a report, behind the last mention of its result, gives it up in words that name no other.
pub(super) fn is_disowned(pieces: &[Piece], answer: &Answer) -> bool {
    let all: String = pieces.iter().flat_map(|piece| [piece.text.as_str(), "\n"]).collect();
    let mention = match answer {
        Answer::Stated(score) => all.rfind(&score.to_string()),
        Answer::Grade { grade, .. } => all.rfind(grade.letter()),
        Answer::Computed(_) | Answer::Above | Answer::Below => None,
        Answer::Refused | Answer::Nothing => return false,
    };
    DISOWNS.is_match(&all[mention.unwrap_or_default()..])
}

pattern!(
    OF_ITEMS,
    r"(?i)\b(?:answers?|items?|rows?|questions?|ones|others?|rest|eight|seven|six|five|four|three|two|nine|ten|\d+)\b[^.,;:]{0,24}$"
);

/// Second thoughts of a piece that are looked at, the last ones first: a text may be nothing but such words.
const THOUGHTS_MAX: usize = 64;

/// What a report says from the last of its second thoughts on; nothing if it has none, or if they are how it begins.
pub(super) fn tail(pieces: &[Piece]) -> Option<Vec<Piece>> {
    let last_file = pieces.iter().rposition(|piece| piece.place == Place::Created).filter(|place| *place > 0);
    let (piece, at) = pieces.iter().enumerate().rev().find_map(|(place, piece)| {
        let all: Vec<regex::Match<'_>> = TAKES_BACK.find_iter(&piece.text).collect();
        let counts = |found: &&regex::Match<'_>| {
            let from = sentence_start(&piece.text, found.start());
            let sentence = &piece.text[from..];
            let sentence = &sentence[..sentence.find(['\n', '.', '!']).unwrap_or(sentence.len())];
            let is_of_items =
                found.as_str().ends_with("wrong") && OF_ITEMS.is_match(&piece.text[from..found.start()]);
            let is_replaced = last_file == Some(place)
                && REPLACES.is_match(found.as_str())
                && !sentence.contains(|c: char| c.is_ascii_digit());
            !is_of_items && !is_replaced && !OFFER.is_match(sentence)
        };
        let looked_at = &all[all.len().saturating_sub(THOUGHTS_MAX)..];
        // Of more than are looked at, one will count.
        let earliest = looked_at.first().filter(|_| looked_at.len() < all.len());
        looked_at.iter().rev().find(counts).or(earliest).map(|found| (place, found.start()))
    })?;
    let text = &pieces[piece].text;
    let from = sentence_start(text, at);
    if piece == 0 && text[..from].trim().is_empty() {
        return None;
    }
    if is_notice(&text[from..], pieces, piece) {
        return None;
    }
    let first = Piece { place: pieces[piece].place, text: text[from..].to_owned() };
    Some([first].into_iter().chain(pieces[piece + 1..].iter().cloned()).collect())
}

// What somebody offers to do is not done.
pattern!(OFFER, r"(?i)^\W*(?:if you(?:'d| would)? (?:like|want|need|prefer|wish)|let me know)\b");

// A file that stands in another's place says so.
pattern!(REPLACES, r"(?i)^(?:replaces?|supersed\w*)$");

/// Where the sentence begins in which a place is.
fn sentence_start(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[line..at];
    let ends = [". ", "! ", "? ", "; ", "。", "！", "？"];
    line + ends.iter().filter_map(|end| before.rfind(end).map(|found| found + end.len())).max().unwrap_or(0)
}

/// Whether the last words are but a notice of a file that is written: `Corrected report filed.`
fn is_notice(text: &str, pieces: &[Piece], piece: usize) -> bool {
    let is_last = piece + 1 == pieces.len() && matches!(pieces[piece].place, Place::Ended | Place::Said);
    let low = number_words(&text.to_lowercase());
    let says_more = low.contains(|c: char| c.is_ascii_digit()) || GIVES_UP.is_match(&low) || !text.is_ascii();
    is_last && piece > 0 && !says_more && !GRADE.is_match(text) && text.len() < 160
}

pattern!(GRADE, r"\b[ABC]\b|(?i)\b(?:continue|hold|shut)\b");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_second_thoughts_without_end_the_last_ones_are_looked_at_and_one_counts() {
        let offer = "If you'd like, a correction.\n";
        let begins = |offers: usize| {
            let text = format!("Average score: 62/100\n{}", offer.repeat(offers));
            tail(&[Piece { place: Place::Created, text }]).map(|tail| tail[0].text.lines().count())
        };
        assert_eq!(begins(THOUGHTS_MAX), None, "what is offered is not done");
        assert_eq!(begins(THOUGHTS_MAX + 1), Some(THOUGHTS_MAX));
    }
}
