//! Scores of items in running text and in other orders than one a line: `1✓ 2✗ 3✓`, `1) 100 2) 50`, `Wrong: 4, 7; all
//! others are right`.

use regex::Regex;

use super::cells::{CellScore, mark, scaled};
use super::items::Items;
use super::languages::{AVERAGE, BAR, EARLIER, IF, NOT, OTHERS, RIGHT, WRONG};
use super::numbers::value;
use super::page::Line;

const NAMES: &str = r"(?:items?|rows?|requests?|answers?|questions?|outputs?|lists?|scores?|no\.?|nr\.?|q|r|a|#|ligne|zeile|frage|antwort|anfrage|réponse|demande|fila|pregunta|respuesta|riga|domanda|risposta|linha|pergunta|resposta|rij|vraag|antwoord)";

// The number of an item, and its score right behind it.
pattern!(
    TOKEN,
    &format!(
        r"(?:^|[\s,;.(|/])(?:{NAMES} ?)?#?(\d{{1,3}})(?:\s?[\s.:)=]?\s?(✓|✔|✅|○|◯|✗|✘|❌|×|x\b)|(?:[.:)=]\s?|\s?(?:→|->|-)\s?|\s)(right|wrong|correct|incorrect|r|w|true|false)\b|\s?(?:[:=)]|→|->|:? score:?|, score|: score)\s?(\d{{1,3}}(?:\.\d+)?)(?: ?/ ?100| points?| pts\.?|%)?(?:[\s,;.(|/]|$))"
    )
);
// An item by name and number, some words about it, and its score.
pattern!(
    REMARKED,
    r"\b(?:items?|requests?|answers?|rows?|questions?) (\d{1,3})[:.,)]? [^\d\n]{0,90}?\b(100|50|0)(?: points?)?(?:[.;,]|$)"
);
pattern!(BARE_PAIR, r"(?:^|[,;] ?)(\d{1,3}) (100|50|0)\b");

/// An item's number and score, the line that they stand in and where in it.
type Found = (usize, std::ops::Range<usize>, u32, CellScore);

/// Scores behind the numbers of their items, anywhere in lines.
pub(super) fn read_runs(lines: &[Line], count: Option<u32>, found: &mut Items) {
    if !found.complete.is_empty() {
        return;
    }
    for pattern in [&*TOKEN, &*REMARKED, &*BARE_PAIR] {
        let run = run(lines, pattern, found);
        if take_run(&run, lines, count, found) {
            return;
        }
    }
}

fn run(lines: &[Line], pattern: &Regex, found: &Items) -> Vec<Found> {
    let mut run = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let low = &line.low;
        if found.lines.contains(&place) || low.len() > 4_096 || EARLIER.are_in(low) || OTHERS.are_in(low) {
            continue;
        }
        let mut from = 0;
        while let Some(token) = pattern.captures_at(low, from) {
            let whole = token.get(0).map_or(from..from, |whole| whole.range());
            // The sign behind a score may be the one before the next.
            let last = low[whole.clone()].chars().next_back();
            let is_sign = last.is_some_and(|c| !c.is_alphanumeric() && c.is_ascii());
            from = if is_sign { whole.end - 1 } else { whole.end };
            from = from.max(whole.start + 1);
            if let Some((index, score)) = token_score(&token) {
                run.push((place, whole, index, score));
            }
            if !low.is_char_boundary(from) {
                break;
            }
        }
    }
    run
}

fn token_score(token: &regex::Captures<'_>) -> Option<(u32, CellScore)> {
    let index = token[1].parse().ok()?;
    let written = token.iter().skip(2).flatten().next()?.as_str();
    let score = match mark(written) {
        Some(right) => CellScore { value: if right { 100.0 } else { 0.0 }, of: Some(100.0) },
        None => CellScore { value: value(written)?.0, of: None },
    };
    Some((index, score))
}

/// Takes a run if its items are all of them, or a part of them, in their order.
fn take_run(run: &[Found], lines: &[Line], count: Option<u32>, found: &mut Items) -> bool {
    let Some(first) = run.first().map(|(_, _, index, _)| *index) else { return false };
    let is_sequence = run.len() >= 3 && (first..).zip(run).all(|(place, (_, _, index, _))| *index == place);
    if !is_sequence {
        return false;
    }
    let scores: Vec<CellScore> = run.iter().map(|(_, _, _, score)| *score).collect();
    let Some(scores) = scaled(&scores, "") else { return false };
    found.indexed.extend(run.iter().map(|(_, _, index, _)| *index).zip(scores.iter().copied()));
    let is_all = first == 1 && count.is_some_and(|count| count as usize == run.len());
    if is_all {
        found.complete.push(scores);
        found.is_partial = false;
        found.is_short = false;
    } else {
        found.is_partial = true;
    }
    // What else the lines say, they say without the scores.
    let places: std::collections::BTreeSet<usize> = run.iter().map(|(place, _, _, _)| *place).collect();
    for place in places {
        let mut rest = lines[place].low.clone();
        for (_, range, _, _) in run.iter().rev().filter(|(other, _, _, _)| *other == place) {
            rest.replace_range(range.clone(), " ");
        }
        found.lines.insert(place);
        found.statements.push((place, rest));
    }
    true
}

pattern!(LIST, r"((?:\d{1,3})(?:(?:, ?| and |,? and | und | et | y | e | en | to |-)\d{1,3})*)");
pattern!(ANCHOR, r"^\W*(?:anchor |score |points? |mark )?(100|50|0)(?: points?)?(?: each)?\s*[:=-]");
pattern!(
    REST,
    r"\b(?:all (?:the )?(?:others?|remaining|rest)|the (?:others?|rest|remaining)|everything else|every other|the other \d+)\b"
);

/// Lists of the numbers of items by their score: `Right: 1, 2, 5. Wrong: 3, 4`, `Anchor 50: items 2, 3`.
pub(super) fn read_partitions(lines: &[Line], count: Option<u32>, found: &mut Items) {
    let Some(count) = count.filter(|count| (3..=200).contains(count)) else { return };
    let mut scores: Vec<Option<f64>> = vec![None; count as usize];
    let mut rest: Option<f64> = None;
    let mut places: Vec<(usize, String)> = Vec::new();
    for (place, line) in lines.iter().enumerate().filter(|(place, _)| !found.lines.contains(place)) {
        let mut is_taken = false;
        let mut said = String::new();
        for part in line.low.split_inclusive([';', '.']) {
            let Some(score) = part_score(part) else {
                said.push_str(part);
                continue;
            };
            if REST.is_match(part) {
                if rest.is_some() {
                    return;
                }
                rest = Some(score);
                is_taken = true;
            } else if let Some(indices) = indices(part) {
                for index in indices {
                    let Some(slot) = (index as usize).checked_sub(1).and_then(|at| scores.get_mut(at)) else {
                        return;
                    };
                    if slot.replace(score).is_some() {
                        return;
                    }
                }
                is_taken = true;
            } else {
                said.push_str(part);
            }
        }
        if is_taken {
            places.push((place, said));
        }
    }
    let named = scores.iter().flatten().count();
    let whole: Option<Vec<f64>> = scores.iter().map(|score| score.or(rest)).collect();
    if let Some(whole) = whole.filter(|_| named > 0) {
        found.complete.push(whole);
        found.lines.extend(places.iter().map(|(place, _)| *place));
        found.statements.extend(places);
    }
}

/// The score that a part of a line gives to all items that it lists.
fn part_score(part: &str) -> Option<f64> {
    let is_other = [&AVERAGE, &BAR, &EARLIER, &OTHERS, &IF, &NOT].iter().any(|words| words.are_in(part));
    if is_other || !(part.contains(':') || REST.is_match(part)) {
        return None;
    }
    if let Some(anchor) = ANCHOR.captures(part) {
        return anchor[1].parse().ok();
    }
    match (RIGHT.are_in(part) && !part.contains("incorrect"), WRONG.are_in(part)) {
        (true, false) => Some(100.0),
        (false, true) => Some(0.0),
        _ => None,
    }
}

/// The numbers of items that a part lists behind its colon.
fn indices(part: &str) -> Option<Vec<u32>> {
    let (_, list) = part.split_once(':')?;
    let list = list.trim().trim_end_matches(['.', ';']);
    let list = list.trim_start_matches(|c: char| c.is_alphabetic() || matches!(c, ' ' | '#' | '.'));
    let whole = LIST.find(list).filter(|found| found.start() == 0 && found.end() == list.trim_end().len())?;
    let numbers = whole.as_str().split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
    if whole.as_str().contains(['-']) || whole.as_str().contains("to") {
        return None;
    }
    numbers.map(|number| number.parse().ok()).collect()
}
