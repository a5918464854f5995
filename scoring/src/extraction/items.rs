//! The scores of single items: in tables, in lists, in rows of numbers. Together they make an average where none is
//! stated; and their numbers are told apart from those of the whole.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::languages::{
    AVERAGE, BAR, DRAFT, EARLIER, FIGURE, IF, OTHERS, PART, REVISED, RIGHT, SCORE, TRUST, WHOLE, WRONG,
};
use super::numbers::{Number, Of, numbers, value};
use super::page::Line;
use super::tables::{Table, tables};

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

macro_rules! pattern {
    ($name:ident, $pattern:expr) => {
        #[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($pattern).expect("it is a pattern"));
    };
}

pattern!(
    INDEX,
    r"^\W{0,4}(?:(?:items?|rows?|questions?|answers?|outputs?|requests?|req\.?|demande|anfrage|solicitud|petición|richiesta|pedido|verzoek|запрос|prompt|entry|list|responses?|no\.?|nr\.?|q|a|#|zeile|frage|antwort|ausgabe|ligne|question|réponse|fila|pregunta|respuesta|riga|domanda|risposta|linha|pergunta|resposta|rij|vraag|antwoord|wiersz|pytanie|odpowiedź|satır|soru|cevap|yanıt|строка|вопрос|ответ|rad|fråga|svar|řádek|otázka|odpověď|dòng|câu|mục|第|問|문항|항목|प्रश्न|पंक्ति|उत्तर) ?[#№]? ?)?(\d{1,3})(?:题|問|条|項目|行|번|番|件|\b)"
);
pattern!(LIST_LINE, r"^\s*(?:[-*•+▪·] ?)?(.*)$");
pattern!(
    TAIL_SCORE,
    r"^(.*?)(?:[:=]|\s-+|->|→|\.{2,}|\s)\s*(\d+(?:[.,]\d+)?)\s*(/\s*\d+|%|points?|pts\.?|punkte?|puntos|punti|pontos|punten|pkt\.?|puan|баллов|балла|poäng|bodů|分|点|점|điểm)?\s*(?:[(,;].*|-[^>].*|\.(?: .*)?)?$"
);
pattern!(
    SCORE_LINE,
    r"^\W*(?:the )?(?:score|points?|rating|mark|punkte|punktzahl|bewertung|note|puntuación|puntos|punteggio|pontuação|score|punten|wynik|puan|балл|оценка|poäng|skóre|body|得分|分数|评分|スコア|点数|점수|अंक|điểm)\W{0,4}[:=-]\s*(\d+(?:[.,]\d+)?)\s*(/\s*\d+|%|points?)?[^\d]*$"
);
pattern!(NUMBER_ROW, r"(?:\d+(?:\.\d+)?(?:/100)?)(?:(?:,| ,|, and| and|;| \+) ?\d+(?:\.\d+)?(?:/100)?){2,}");

pattern!(
    PAIR,
    r"(?:^|[\s,;.(])(?:r|q|items?|rows?|answers?|questions?|requests?|ligne|zeile|fila|riga|linha|rij|第)? ?#?(\d{1,3})(?:条|题|問)?(?: \([^)]{0,60}\))?(?:\s?(?:[:=]|->|→)\s?(\d{1,3}(?:\.\d+)?)(?:[\s,;.(]|$)|[\s:=-]{1,3}(right|wrong|correct|incorrect|✅|❌|✓|✗|✔|✘))"
);
pattern!(
    NAMED_RUN,
    r#"(?:"?\p{L}[\p{L}'-]*(?: \p{L}[\p{L}'-]*)?"?:? \d{1,3}(?:\.\d+)?(?:,? and |[,;.] ?|$)){3,}"#
);

const MARKS_RIGHT: &[&str] = &[
    "✓",
    "✔",
    "✅",
    "☑",
    "right",
    "correct",
    "yes",
    "true",
    "richtig",
    "korrekt",
    "ja",
    "juste",
    "correcte",
    "correcto",
    "correcta",
    "sí",
    "vrai",
    "corretto",
    "corretta",
    "giusto",
    "giusta",
    "esatto",
    "sì",
    "correto",
    "certa",
    "certo",
    "juist",
    "goed",
    "poprawna",
    "poprawnie",
    "dobrze",
    "doğru",
    "верно",
    "правильно",
    "rätt",
    "korrekt",
    "správně",
    "đúng",
    "正确",
    "对",
    "正解",
    "○",
    "◯",
    "정답",
    "सही",
    "t",
    "r",
    "y",
    "ok",
    "pass",
];
const MARKS_WRONG: &[&str] = &[
    "✗",
    "✘",
    "❌",
    "x",
    "wrong",
    "incorrect",
    "no",
    "false",
    "falsch",
    "nein",
    "faux",
    "fausse",
    "incorrecte",
    "incorrecto",
    "incorrecta",
    "errato",
    "errata",
    "sbagliato",
    "sbagliata",
    "errado",
    "errada",
    "onjuist",
    "fout",
    "błędna",
    "błędnie",
    "źle",
    "yanlış",
    "неверно",
    "неправильно",
    "fel",
    "špatně",
    "sai",
    "错误",
    "错",
    "不正解",
    "×",
    "오답",
    "गलत",
    "f",
    "w",
    "n",
    "fail",
];

/// Reads a piece's items.
pub(super) fn items(lines: &[Line], count: Option<u32>) -> Items {
    let mut found = Items::default();
    for table in tables(lines) {
        read_table(&table, count, &mut found);
    }
    read_lists(lines, count, &mut found);
    read_score_lines(lines, count, &mut found);
    read_number_rows(lines, count, &mut found);
    read_pairs(lines, &mut found);
    read_named_runs(lines, count, &mut found);
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
    fn index(&mut self, indices: impl Iterator<Item = Option<u32>>, scores: Option<&[f64]>) {
        let pairs = indices.zip(scores.unwrap_or_default());
        self.indexed.extend(pairs.filter_map(|(index, score)| index.map(|index| (index, *score))));
    }

    fn take(&mut self, scores: Option<Vec<f64>>, length: usize, count: Option<u32>) {
        match scores {
            Some(scores) if count.is_some_and(|count| count as usize == length) => self.complete.push(scores),
            Some(_) if count.is_some_and(|count| count as usize > length) => self.is_short = true,
            _ => self.is_partial = true,
        }
    }
}

// --- Tables ----------------------------------------------------------------------------------------------------------

fn read_table(table: &Table, count: Option<u32>, found: &mut Items) {
    let is_whole = |row: &(usize, Vec<String>)| is_whole_row(&row.1) || lone_cell(table, &row.1).is_some();
    for (line, row) in &table.rows {
        found.statements.extend(lone_cell(table, row).map(|statement| (*line, statement)));
    }
    let body: Vec<&(usize, Vec<String>)> = table.rows.iter().filter(|row| !is_whole(row)).collect();
    found.lines.extend(table.lines.clone());
    if is_item_table(table, &body, count) {
        let column = score_column(table, &body);
        let scores = column.and_then(|column| column_scores(table, &body, column));
        if column.is_some() || has_numbers(&body) {
            found.index(
                body.iter().map(|(_, row)| row.first().and_then(|cell| index(cell))),
                scores.as_deref(),
            );
            found.take(scores, body.len(), count);
        }
        for (line, row) in table.rows.iter().filter(|row| is_whole_row(&row.1)) {
            let cell = column.and_then(|column| row.get(column)).filter(|cell| !cell.is_empty());
            let only = only_number(row);
            let label = row.iter().find(|cell| !cell.trim_matches('-').is_empty()).map_or("", String::as_str);
            match cell.filter(|cell| !numbers(cell).is_empty()).cloned().or(only) {
                Some(cell) => found.statements.push((*line, format!("{label}: {cell}"))),
                None => found.is_partial |= row.iter().any(|cell| !numbers(cell).is_empty()),
            }
        }
        return;
    }
    other_table(table, found);
}

/// What a row says that has nothing but one number, under the header of an average.
fn lone_cell(table: &Table, row: &[String]) -> Option<String> {
    let mut cells = row.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
    let (column, cell) = cells.next().filter(|(column, _)| *column > 0)?;
    let header = table.header.get(column).filter(|header| AVERAGE.are_in(header))?;
    cells.next().is_none().then(|| format!("{header}: {cell}"))
}

fn has_numbers(body: &[&(usize, Vec<String>)]) -> bool {
    body.iter().any(|(_, row)| row.iter().skip(1).any(|cell| cell_score(cell).is_some()))
}

fn is_whole_row(row: &[String]) -> bool {
    let label = row.first().map_or("", String::as_str);
    let second = row.get(1).map_or("", String::as_str);
    let says_so =
        |label: &str| AVERAGE.are_in(label) || WHOLE.are_in(label) || label.contains("sum") || is_all(label);
    (says_so(label) && label.len() < 60)
        || (label.trim_matches('-').is_empty() && says_so(second) && second.len() < 60)
}

/// `all`, `all 10`, `all rows`: a row for the whole.
fn is_all(label: &str) -> bool {
    pattern!(ALL, r"^all(?: (?:of them|together|items|rows|answers|lists|outputs|requests|\d+))*$");
    ALL.is_match(label.trim())
}

fn is_item_table(table: &Table, body: &[&(usize, Vec<String>)], count: Option<u32>) -> bool {
    let indices: Vec<Option<u32>> =
        body.iter().map(|(_, row)| row.first().and_then(|cell| index(cell))).collect();
    let first = indices.first().copied().flatten().unwrap_or(1);
    let is_sequence = body.len() >= 2 && (first..).zip(&indices).all(|(place, index)| *index == Some(place));
    let is_all = count.is_some_and(|count| count as usize == body.len()) && body.len() >= 3;
    let labels = body.iter().filter_map(|(_, row)| row.first());
    let mut foreign = labels.filter(|label| {
        EARLIER.are_in(label) || OTHERS.are_in(label) || is_quarter(label) || BAR.are_in(label)
    });
    let is_foreign = |label: &String| {
        ["agent", "quarter", "categor", "product", "reviewer"].iter().any(|word| label.contains(word))
    };
    let header_is_foreign = table.header.iter().any(is_foreign);
    let has_scores = (1..width(body)).any(|column| column_of_scores(body, column));
    (is_sequence || (is_all && has_scores)) && foreign.next().is_none() && !header_is_foreign
}

fn index(cell: &str) -> Option<u32> {
    let found = INDEX.captures(cell)?;
    found[1].parse().ok()
}

pub(super) fn is_quarter(text: &str) -> bool {
    pattern!(QUARTER, r"\bq[1-4]\b|\b[1-4]q\b|\bt[1-4]\b");
    QUARTER.is_match(text)
}

fn width(body: &[&(usize, Vec<String>)]) -> usize {
    body.iter().map(|(_, row)| row.len()).max().unwrap_or_default()
}

fn column_of_scores(body: &[&(usize, Vec<String>)], column: usize) -> bool {
    !body.is_empty()
        && body.iter().all(|(_, row)| row.get(column).is_some_and(|cell| cell_score(cell).is_some()))
}

fn score_column(table: &Table, body: &[&(usize, Vec<String>)]) -> Option<usize> {
    let columns: Vec<usize> = (1..width(body)).filter(|column| column_of_scores(body, *column)).collect();
    let header = |column: &usize| table.header.get(*column).map_or("", String::as_str);
    let is_excluded = |column: &usize| {
        let header = header(column);
        EARLIER.are_in(header)
            || OTHERS.are_in(header)
            || BAR.are_in(header)
            || TRUST.are_in(header)
            || FIGURE.are_in(header)
            || is_quarter(header)
            || IF.are_in(header)
            || ["max", "draft", "guess", "seconds", "count"].iter().any(|word| header.contains(word))
    };
    let columns: Vec<usize> = columns.into_iter().filter(|column| !is_excluded(column)).collect();
    if let [only] = columns[..] {
        return Some(only);
    }
    let named = |is_named: &dyn Fn(&str) -> bool| -> Option<usize> {
        let named: Vec<usize> = columns.iter().copied().filter(|column| is_named(header(column))).collect();
        <[usize; 1]>::try_from(named).ok().map(|[column]| column)
    };
    named(&|header| WHOLE.are_in(header))
        .or_else(|| named(&|header| AVERAGE.are_in(header)))
        .or_else(|| named(&|header| SCORE.are_in(header) && !PART.are_in(header)))
}

fn column_scores(table: &Table, body: &[&(usize, Vec<String>)], column: usize) -> Option<Vec<f64>> {
    let scores: Vec<CellScore> = body.iter().filter_map(|(_, row)| cell_score(row.get(column)?)).collect();
    scaled(&scores, table.header.get(column).map_or("", String::as_str))
}

/// A score as a cell or a line gives it.
#[derive(Debug, Clone, Copy)]
struct CellScore {
    value: f64,
    of: Option<f64>,
}

/// A cell's score: a number, alone or at its beginning, or a mark.
fn cell_score(cell: &str) -> Option<CellScore> {
    let cell = cell.trim();
    if let Some(right) = mark(cell) {
        return Some(CellScore { value: if right { 100.0 } else { 0.0 }, of: Some(100.0) });
    }
    let number = *numbers(cell).first()?;
    let starts = cell[..number.start].trim_matches([' ', '(', '+']).is_empty();
    let rest = cell[number.end..].trim_start();
    let is_remark = rest.is_empty() || rest.starts_with(['(', '-', ',', ';', '.', ':']);
    (starts && is_remark && !REVISED.are_in(rest) && !DRAFT.are_in(rest) && !rest.starts_with("->"))
        .then(|| of_number(&number))
}

fn of_number(number: &Number) -> CellScore {
    let of = match number.of {
        Of::Percent => Some(100.0),
        Of::Whole(of) => Some(of),
        Of::Points | Of::Unsaid => None,
    };
    CellScore { value: number.value, of }
}

fn mark(cell: &str) -> Option<bool> {
    let word = cell.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '.' | ':' | '(' | ')' | '"' | '!' | '-' | ',')
    });
    let first = word.split([' ', ',', ';', '(', '-', ':', '.']).next().unwrap_or(word);
    let is_mark = |marks: &[&str], word: &str| marks.contains(&word);
    let by_symbol = |symbols: &[&str]| symbols.iter().any(|symbol| word.starts_with(symbol));
    if is_mark(MARKS_RIGHT, word) || is_mark(&MARKS_RIGHT[4..6], first) || by_symbol(&["✓", "✔", "✅"]) {
        return Some(true);
    }
    (is_mark(MARKS_WRONG, word) || is_mark(&MARKS_WRONG[4..6], first) || by_symbol(&["✗", "✘", "❌"]))
        .then_some(false)
}

/// Scores from 0 to 100. Where no scale is said, what is 10 at most is on no known scale.
fn scaled(scores: &[CellScore], header: &str) -> Option<Vec<f64>> {
    let largest =
        scores.iter().filter(|score| score.of.is_none()).map(|score| score.value).fold(0.0, f64::max);
    let unsaid = scores.iter().any(|score| score.of.is_none());
    let is_zero_or_one =
        scores.iter().all(|score| score.of.is_none() && (score.value == 0.0 || score.value == 1.0));
    let of_header = pattern_of(header);
    let default = match of_header {
        Some(of) => of,
        None if unsaid && is_zero_or_one && RIGHT.are_in(header) => 1.0,
        None if unsaid && largest <= 10.0 => return None,
        None => 100.0,
    };
    let scores = scores.iter().map(|score| score.value * 100.0 / score.of.unwrap_or(default));
    let scores: Vec<f64> = scores.collect();
    scores.iter().all(|score| (0.0..=100.0).contains(score)).then_some(scores)
}

/// What a header says the scores are out of: `score (0-10)`, `points /5`.
fn pattern_of(header: &str) -> Option<f64> {
    pattern!(OF, r"(?:/ ?|0 ?(?:-|to|bis|à|a) ?|out of |of |von |sur |max\.? )(\d+)");
    OF.captures(header).and_then(|found| value(&found[1])).map(|(of, _)| of).filter(|of| *of > 0.0)
}

// --- Tables of other things --------------------------------------------------------------------------------------------

/// What a table says that does not list items: each row of two cells says one thing; of a longer row, the one number that
/// stands for the whole.
fn other_table(table: &Table, found: &mut Items) {
    if let ([(line, row)], true) =
        (&table.rows[..], !table.header.is_empty() && width(&table.rows.iter().collect::<Vec<_>>()) > 2)
    {
        for (header, cell) in table.header.iter().zip(row) {
            found.statements.push((*line, format!("{header}: {cell}")));
        }
        return;
    }
    let width = width(&table.rows.iter().collect::<Vec<_>>());
    for (line, row) in &table.rows {
        let label = row.first().map_or("", String::as_str);
        if row.iter().filter(|cell| cell.contains(':')).count() >= 2 {
            found.statements.extend(row.iter().map(|cell| (*line, cell.clone())));
        } else if width == 1 {
            found.statements.push((*line, label.to_owned()));
        } else if width == 2 {
            let header = two_column_header(table, label);
            found.statements.push((*line, format!("{header}: {}", row.get(1).map_or("", String::as_str))));
        } else if let Some(cell) = whole_cell(table, row).filter(|_| is_whole_row(row)) {
            found.statements.push((*line, format!("{label}: {cell}")));
        } else if table.rows.len() == 1 && row.len() % 2 == 0 {
            found.statements.extend(row.chunks(2).map(|pair| (*line, format!("{}: {}", pair[0], pair[1]))));
        } else {
            found.is_unread |= row.iter().skip(1).any(|cell| !numbers(cell).is_empty());
        }
    }
}

/// A row's label with what its value's column adds: `overall` under `average` is the overall average. A row of a table of
/// averages that is not said to be the whole is a part.
fn two_column_header(table: &Table, label: &str) -> String {
    match table.header.get(1) {
        Some(header) if AVERAGE.are_in(header) || SCORE.are_in(header) || EARLIER.are_in(header) => {
            let is_named = is_all(label)
                || [&AVERAGE, &WHOLE, &BAR, &DRAFT, &REVISED].iter().any(|words| words.are_in(label));
            let label = if is_all(label) { "overall" } else { label };
            if is_named { format!("{label} {header}") } else { format!("category {label} {header}") }
        }
        _ => label.to_owned(),
    }
}

fn whole_cell(table: &Table, row: &[String]) -> Option<String> {
    let by_header = |is_named: &dyn Fn(&str) -> bool| -> Option<String> {
        let mut cells =
            table.header.iter().zip(row).skip(1).filter(|(header, _)| is_named(header)).map(|(_, cell)| cell);
        let cell = cells.next().cloned();
        cell.filter(|_| cells.next().is_none())
    };
    only_number(row)
        .or_else(|| by_header(&|header| WHOLE.are_in(header)))
        .or_else(|| by_header(&|header| AVERAGE.are_in(header)))
        .or_else(|| {
            by_header(&|header| SCORE.are_in(header) && !PART.are_in(header) && !EARLIER.are_in(header))
        })
}

fn only_number(row: &[String]) -> Option<String> {
    let mut cells = row.iter().skip(1).filter(|cell| !numbers(cell).is_empty());
    let cell = cells.next().cloned();
    cell.filter(|_| cells.next().is_none())
}

// --- Lists -----------------------------------------------------------------------------------------------------------

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
    if let Some(right) = mark(rest) {
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
            OF_SCALE,
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
