//! The scores of single items: in tables, in lists, in rows of numbers. Together they make an average where none is
//! stated; and their numbers are told apart from those of the whole.

use std::collections::BTreeSet;

use super::cells::{CellScore, cell_score, mark, of_number, scaled};
use super::item_tables::read_table;
use super::languages::{
    AVERAGE, BAR, DRAFT, EARLIER, IF, OTHERS, REVISED, RIGHT, SCORE, TRUST, WHOLE, WRONG,
};
use super::numbers::{numbers, value};
use super::page::Line;
use super::runs::{read_partitions, read_runs};
use super::tables::tables;

/// What a piece says of single items.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// The scores of each list that has as many as there are items, from 0 to 100.
    pub(super) complete: Vec<Vec<f64>>,
    /// The scores of items by their numbers, wherever they stand.
    pub(super) indexed: Vec<(u32, f64)>,
    /// Whether there is a list of scores that could not be read to its end, or has another length.
    pub(super) is_partial: bool,
    /// Whether there is a list of scores of a part of the items only.
    pub(super) is_short: bool,
    /// Whether there is a table with numbers that no rule reads.
    pub(super) is_unread: bool,
    /// Lines whose numbers belong to items, by place.
    pub(super) lines: BTreeSet<usize>,
    /// Statements that tables of other things make, as `label: value`, with the line that they stand in.
    pub(super) statements: Vec<(usize, String)>,
}

pattern!(
    pub(super) INDEX,
    r"^\W{0,4}(?:(?:items?|rows?|questions?|answers?|outputs?|requests?|req\.?|demande|anfrage|solicitud|petición|richiesta|pedido|verzoek|запрос|prompt|entry|list|responses?|no\.?|nr\.?|q|a|#|zeile|frage|antwort|ausgabe|ligne|question|réponse|fila|pregunta|respuesta|riga|domanda|risposta|linha|pergunta|resposta|rij|vraag|antwoord|wiersz|pytanie|odpowiedź|satır|soru|cevap|yanıt|строка|вопрос|ответ|rad|fråga|svar|řádek|otázka|odpověď|dòng|câu|mục|第|問|문항|항목|प्रश्न|पंक्ति|उत्तर) ?[#№]? ?)?(\d{1,3})(?:题|問|条|項目|行|번|番|件|\b)"
);
pattern!(pub(super) LIST_LINE, r"^\s*(?:[-*•+▪·] ?)?(.*)$");
pattern!(
    pub(super) TAIL_SCORE,
    r"^(.*?)(?:[:=]|\s-+|->|→|\.{2,}|\s)\s*(\d+(?:[.,]\d+)?)\s*(/\s*\d+|%|points?|pts\.?|punkte?|puntos|punti|pontos|punten|pkt\.?|puan|баллов|балла|poäng|bodů|分|点|점|điểm)?\s*(?:[(,;].*|-[^>].*|\.(?: .*)?)?$"
);
pattern!(
    pub(super) SCORE_LINE,
    r"^\W*(?:the )?(?:score|points?|rating|mark|punkte|punktzahl|bewertung|note|puntuación|puntos|punteggio|pontuação|score|punten|wynik|puan|балл|оценка|poäng|skóre|body|得分|分数|评分|スコア|点数|점수|अंक|điểm)\W{0,4}[:=-]\s*(\d+(?:[.,]\d+)?)\s*(/\s*\d+|%|points?)?[^\d]*$"
);
pattern!(pub(super) NUMBER_ROW, r"(?:\d+(?:\.\d+)?(?:/100)?)(?:(?:,| ,|, and| and|;| \+) ?\d+(?:\.\d+)?(?:/100)?){2,}");

pattern!(
    pub(super) PAIR,
    r"(?:^|[\s,;.(])(?:r|q|items?|rows?|answers?|questions?|requests?|ligne|zeile|fila|riga|linha|rij|第)? ?#?(\d{1,3})(?:条|题|問)?(?: \([^)]{0,60}\))?(?:\s?(?:[:=]|->|→)\s?(\d{1,3}(?:\.\d+)?)(?:[\s,;.(]|$)|[\s:=-]{1,3}(right|wrong|correct|incorrect|✅|❌|✓|✗|✔|✘))"
);
pattern!(
    pub(super) NAMED_RUN,
    r#"(?:"?\p{L}[\p{L}'-]*(?: \p{L}[\p{L}'-]*)?"?:? \d{1,3}(?:\.\d+)?%?(?:,? and | / |[,;.] ?|$)){3,}"#
);

/// Reads a piece's items.
pub(super) fn items(lines: &[Line], count: Option<u32>) -> Items {
    let mut found = Items::default();
    for table in tables(lines) {
        read_table(&table, count, &mut found);
    }
    read_partitions(lines, count, &mut found);
    read_lists(lines, count, &mut found);
    read_score_lines(lines, count, &mut found);
    read_number_rows(lines, count, &mut found);
    read_pairs(lines, &mut found);
    read_named_runs(lines, count, &mut found);
    read_runs(lines, count, &mut found);
    found
}

/// Pairs of an item's number and its score in running text: `r1=40; r2=55`, `1 right, 2 wrong`, `Ligne 1 : 70 points`.
fn read_pairs(lines: &[Line], found: &mut Items) {
    for (place, line) in
        lines.iter().enumerate().filter(|(place, _)| !found.lines.contains(place)).collect::<Vec<_>>()
    {
        let scored: Vec<(u32, CellScore)> =
            PAIR.captures_iter(&line.low).filter_map(|pair| pair_score(&pair)).collect();
        if scored.len() < 3 || AVERAGE.are_in(&line.low) || EARLIER.are_in(&line.low) || BAR.are_in(&line.low)
        {
            continue;
        }
        let scores: Vec<CellScore> = scored.iter().map(|(_, score)| *score).collect();
        let Some(scaled) = scaled(&scores, "") else { continue };
        found.indexed.extend(scored.iter().map(|(index, _)| *index).zip(scaled));
        found.lines.insert(place);
        found.is_partial = true;
    }
}

fn pair_score(pair: &regex::Captures<'_>) -> Option<(u32, CellScore)> {
    let index = pair[1].parse().ok()?;
    let score = match (pair.get(2), pair.get(3)) {
        (Some(number), _) => CellScore { value: value(number.as_str())?.0, of: None },
        (_, Some(word)) => {
            CellScore { value: if mark(word.as_str())? { 100.0 } else { 0.0 }, of: Some(100.0) }
        }
        _ => return None,
    };
    Some((index, score))
}

/// Names with their scores in running text: `lantern 61, pepper 57, quilt 66`.
fn read_named_runs(lines: &[Line], count: Option<u32>, found: &mut Items) {
    for (place, line) in
        lines.iter().enumerate().filter(|(place, _)| !found.lines.contains(place)).collect::<Vec<_>>()
    {
        let Some(run) = NAMED_RUN.find(&line.low) else { continue };
        let scores: Vec<CellScore> = numbers(run.as_str()).iter().map(of_number).collect();
        if count.is_none_or(|count| count as usize != scores.len()) || AVERAGE.are_in(run.as_str()) {
            continue;
        }
        found.take(scaled(&scores, ""), scores.len(), count);
        found.lines.insert(place);
        found.statements.push((place, format!("{} {}", &line.low[..run.start()], &line.low[run.end()..])));
    }
}

// === impl Items ===

impl Items {
    /// Takes scores by the numbers of their items.
    pub(super) fn index(&mut self, indices: impl Iterator<Item = Option<u32>>, scores: Option<&[f64]>) {
        let pairs = indices.zip(scores.unwrap_or_default());
        self.indexed.extend(pairs.filter_map(|(index, score)| index.map(|index| (index, *score))));
    }

    /// Takes a list of scores, complete or not.
    pub(super) fn take(&mut self, scores: Option<Vec<f64>>, length: usize, count: Option<u32>) {
        match scores {
            Some(scores) if count.is_some_and(|count| count as usize == length) => self.complete.push(scores),
            Some(_) if count.is_some_and(|count| count as usize > length) => self.is_short = true,
            _ => self.is_partial = true,
        }
    }
}

fn read_lists(lines: &[Line], count: Option<u32>, found: &mut Items) {
    let mut run: Vec<(usize, Option<u32>, CellScore)> = Vec::new();
    for place in 0..=lines.len() {
        let line = lines.get(place);
        if line.is_some_and(|line| line.low.trim().is_empty()) {
            continue;
        }
        match line.filter(|_| !found.lines.contains(&place)).and_then(|line| list_item(&line.low)) {
            Some((index, score)) => run.push((place, index, score)),
            None => close_run(&mut run, lines, count, found),
        }
    }
}

fn close_run(
    run: &mut Vec<(usize, Option<u32>, CellScore)>,
    lines: &[Line],
    count: Option<u32>,
    found: &mut Items,
) {
    let mut run = std::mem::take(run);
    // A line before the list that happens to end in a number.
    let is_counted = |run: &[(usize, Option<u32>, CellScore)]| {
        run.len() >= 2 && (1..).zip(run).all(|(place, (_, index, _))| *index == Some(place))
    };
    if let Some(from) =
        run.iter().position(|(_, index, _)| *index == Some(1)).filter(|from| is_counted(&run[*from..]))
    {
        run.drain(..from);
    } else if count.is_some_and(|count| count as usize + 1 == run.len())
        && run.len() > 3
        && lines[run[0].0].is_heading
    {
        run.remove(0);
    }
    let first = run.first().and_then(|(_, index, _)| *index).unwrap_or(1);
    let is_sequence =
        run.len() >= 2 && (first..).zip(&run).all(|(place, (_, index, _))| *index == Some(place));
    let is_all = run.len() >= 3 && count.is_some_and(|count| count as usize == run.len());
    if !is_sequence && !is_all {
        return;
    }
    let scores: Vec<CellScore> = run.iter().map(|(_, _, score)| *score).collect();
    let scores = scaled(&scores, "");
    found.index(run.iter().map(|(_, index, _)| *index), scores.as_deref());
    found.take(scores, run.len(), count);
    found.lines.extend(run.iter().map(|(place, _, _)| *place));
}

/// A list's line that scores one item: its number in the list, if it has one, and its score.
fn list_item(low: &str) -> Option<(Option<u32>, CellScore)> {
    if low.len() > 400 || AVERAGE.are_in(low) || BAR.are_in(low) || EARLIER.are_in(low) || TRUST.are_in(low) {
        return None;
    }
    let bare = LIST_LINE.captures(low)?.get(1)?.as_str();
    let index = INDEX.captures(bare);
    let (number, rest) = match &index {
        Some(found) => (
            found[1].parse().ok(),
            bare[found.get(0)?.end()..].trim_start_matches([')', ']', '.', ':', '-', ' ', '|']),
        ),
        None => (None, bare),
    };
    // `correct 3: false` begins with a word that is no mark.
    let is_marked = number.is_some() || !rest.contains(|c: char| c.is_ascii_digit());
    if let Some(right) = mark(rest).filter(|_| is_marked) {
        return Some((number, CellScore { value: if right { 100.0 } else { 0.0 }, of: Some(100.0) }));
    }
    if let Some(score) = cell_score(rest) {
        return number.map(|number| (Some(number), score));
    }
    if let (Some(_), Some(tail)) =
        (number, rest.rsplit([':', '-', '>', '→', '=', '|']).next().filter(|tail| tail.len() < rest.len()))
        && let Some(right) = mark(tail.trim())
    {
        return Some((number, CellScore { value: if right { 100.0 } else { 0.0 }, of: Some(100.0) }));
    }
    if let Some(right) = number.and_then(|_| last_mark(rest)) {
        return Some((number, CellScore { value: if right { 100.0 } else { 0.0 }, of: Some(100.0) }));
    }
    // `GLM Agent 2` ends in a number that measures nothing.
    if numbers(rest).is_empty() {
        return None;
    }
    let found = TAIL_SCORE.captures(rest)?;
    let label = &found[1];
    if REVISED.are_in(rest) || DRAFT.are_in(rest) {
        return None;
    }
    let is_arrow = rest[label.len()..].trim_start().starts_with(['-', '→', '=', ':']) && number.is_some();
    if label.is_empty()
        || label.len() > 200
        || WHOLE.are_in(label)
        || (!is_arrow && !numbers(label).is_empty())
    {
        return None;
    }
    let (value, _) = value(&found[2])?;
    let of = found.get(3).and_then(|unit| match unit.as_str().strip_prefix('/') {
        Some(of) => of.trim().parse().ok(),
        None if unit.as_str() == "%" => Some(100.0),
        None => None,
    });
    Some((number, CellScore { value, of }))
}

/// The only mark of a line, where it is its last sign: `Canberra ✔`.
fn last_mark(rest: &str) -> Option<bool> {
    let is_right = |c: char| matches!(c, '✓' | '✔' | '✅');
    let is_wrong = |c: char| matches!(c, '✗' | '✘' | '❌');
    let is_one = rest.chars().filter(|c| is_right(*c) || is_wrong(*c)).count() == 1;
    let last = rest.trim_end().chars().next_back().filter(|_| is_one)?;
    (is_right(last) || is_wrong(last)).then(|| is_right(last))
}

/// Lines `Score: 70`, one below each item's heading.
fn read_score_lines(lines: &[Line], count: Option<u32>, found: &mut Items) {
    let scored: Vec<(usize, CellScore)> = lines
        .iter()
        .enumerate()
        .filter(|(place, _)| !found.lines.contains(place))
        .filter_map(|(place, line)| score_line(&line.low).map(|score| (place, score)))
        .collect();
    if scored.len() < 3 {
        return;
    }
    let scores: Vec<CellScore> = scored.iter().map(|(_, score)| *score).collect();
    found.take(scaled(&scores, ""), scored.len(), count);
    found.lines.extend(scored.iter().map(|(place, _)| *place));
}

fn score_line(low: &str) -> Option<CellScore> {
    let found = SCORE_LINE.captures(low)?;
    let (value, _) = value(&found[1])?;
    let of =
        found.get(2).and_then(|unit| unit.as_str().strip_prefix('/')).and_then(|of| of.trim().parse().ok());
    Some(CellScore { value, of })
}

/// Rows of numbers: `70, 65, 80, 55, 85`.
fn read_number_rows(lines: &[Line], count: Option<u32>, found: &mut Items) {
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| line.low.contains(',')) {
        let Some(row) = NUMBER_ROW.find(&line.low) else { continue };
        if found.lines.contains(&place) {
            continue;
        }
        let numbers: Vec<f64> = row
            .as_str()
            .replace(" and ", ", ")
            .split([',', ';', '+'])
            .filter_map(|number| value(number.trim().trim_end_matches("/100")).map(|(value, _)| value))
            .collect();
        let says_scores = SCORE.are_in(&line.low) || RIGHT.are_in(&line.low) || WRONG.are_in(&line.low);
        pattern!(
            pub(super) OF_SCALE,
            r"\b(?:bands?|levels?|anchors?|scale|steps?|range|possible|grades?|thresholds?|example)\b"
        );
        let of_items = says_scores
            && !OF_SCALE.is_match(&line.low)
            && !IF.are_in(&line.low)
            && !EARLIER.are_in(&line.low)
            && !OTHERS.are_in(&line.low)
            && !TRUST.are_in(&line.low);
        if of_items && count.is_some_and(|count| count as usize == numbers.len()) {
            let scores: Vec<CellScore> =
                numbers.iter().map(|value| CellScore { value: *value, of: None }).collect();
            found.take(scaled(&scores, ""), numbers.len(), count);
        } else if of_items {
            found.is_partial = true;
        } else {
            // The numbers of items, not their scores, follow on each other.
            found.is_unread |= numbers.windows(2).any(|pair| pair[1] - pair[0] != 1.0);
        }
        // What else the line says, it says without the row of numbers.
        let rest = format!("{} {}", &line.low[..row.start()], &line.low[row.end()..]);
        found.lines.insert(place);
        found.statements.push((place, rest));
    }
}
