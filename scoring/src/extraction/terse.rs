//! Grades without a word for them: `2025 / Agent 2 / C / shut down`, `A. Continue.` Only where the whole report names one
//! letter and no other.

use super::grade::GradeWord;
use super::page::{Line, lines};
use super::{Grade, Piece};

// A letter between signs.
pattern!(ALONE, r"(?:^|[/|:;,.(>–-] ?)([ABC])(?: ?[/|;,.:)–-]|$| and | by )");
// Any letter that could be a grade: an article is followed by a word in small letters.
pattern!(ANY, r"(?:^|[^A-Za-z0-9'&])(?:([BC])(?:[^A-Za-z0-9'&]|$)|(A)(?:[^A-Za-z0-9' &]|$| [^a-z]))");
pattern!(
    OTHER,
    r"(?i:\b(?:product class|class|segment|plan|tier|series|section|annex|appendix|vitamin|type|part|option|step|question|if|would|could|might|policy|means|table of|to be|last|previous|prior|earlier|not|instead|but|draft|think\w*|maybe|perhaps)\b|[?])"
);

/// The only letter that a report names, if it stands by itself.
pub(super) fn letters(pieces: &[Piece]) -> Vec<GradeWord> {
    let pages: Vec<Vec<Line>> = pieces.iter().map(|piece| lines(&piece.text)).collect();
    let named = |line: &Line| -> Vec<String> {
        ANY.captures_iter(&line.cased)
            .filter_map(|found| {
                found.iter().skip(1).flatten().next().map(|letter| letter.as_str().to_owned())
            })
            .collect()
    };
    let all: Vec<String> = pages.iter().flatten().flat_map(named).collect();
    let is_one = all.windows(2).all(|pair| pair[0] == pair[1]);
    let mut found = Vec::new();
    for (piece, page) in pages.iter().enumerate() {
        for line in page.iter().filter(|line| is_one && !line.is_heading && !OTHER.is_match(&line.cased)) {
            let letter = ALONE.captures(&line.cased).and_then(|letter| Grade::of(&letter[1]));
            found.extend(letter.map(|grade| GradeWord {
                grade,
                firmness: 1,
                piece,
                text: line.cased.trim().to_owned(),
            }));
        }
    }
    found
}
