//! Scores as a cell of a table or a line of a list gives them: a number, or a mark for right or wrong.

use super::languages::{DRAFT, REVISED, RIGHT};
use super::numbers::{Number, Of, numbers, value};

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

/// A score as a cell or a line gives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellScore {
    /// The number.
    pub(super) value: f64,
    /// What it is out of, if that is said.
    pub(super) of: Option<f64>,
}

/// A cell's score: a number, alone or at its beginning, or a mark.
pub(super) fn cell_score(cell: &str) -> Option<CellScore> {
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

pub(super) fn of_number(number: &Number) -> CellScore {
    let of = match number.of {
        Of::Percent => Some(100.0),
        Of::Whole(of) => Some(of),
        Of::Points | Of::Unsaid => None,
    };
    CellScore { value: number.value, of }
}

pub(super) fn mark(cell: &str) -> Option<bool> {
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
pub(super) fn scaled(scores: &[CellScore], header: &str) -> Option<Vec<f64>> {
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
