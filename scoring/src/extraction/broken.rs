//! Reports that break off: what a model had yet to write when its tokens were spent may be its result.

use super::numbers::{Of, numbers};

/// Whether a text ends in the middle: what it would have gone on with may be its result.
pub(super) fn is_broken_off(text: &str) -> bool {
    let text = text.trim_end();
    let last = text.lines().last().unwrap_or_default().trim();
    // A rule, a mark of emphasis, a field left empty and a row of a file with commas are whole.
    let is_field = !last.contains(' ') && last.ends_with([':', ','])
        || last.starts_with(['*', '_', '+'])
        || last.matches("**").count() >= 2;
    let before = text.lines().rev().nth(1).unwrap_or_default().trim();
    let is_open =
        |open: char, close: char, text: &str| text.matches(open).count() > text.matches(close).count();
    let cells = |line: &str| if line.starts_with('|') { line.matches('|').count() } else { 0 };
    cells(last) > 0 && cells(last) < cells(before)
        || is_open('{', '}', text)
        || is_open('[', ']', text)
        || is_open('(', ')', last)
        || text.matches("```").count() % 2 == 1
        || text.matches("$$").count() % 2 == 1
        || !is_field && UNENDED.is_match(&last.to_lowercase())
}

pattern!(
    UNENDED,
    r"(?:[,:=+*/(，：、]|\b(?:and|or|but|the|a|an|of|to|is|are|was|in|on|at|by|for|with|that|which|average|mean|score|scores|refuse|decline|und|der|die|das|et|le|la|de|y|el|e))$"
);

/// Whether a text ends in a number that is out of nothing: the first of a list may.
pub(super) fn ends_in_bare_number(text: &str) -> bool {
    let end = text.trim_end();
    let last = end.lines().last().unwrap_or_default().to_lowercase();
    end.ends_with(|c: char| c.is_ascii_digit())
        && numbers(&last).last().is_none_or(|number| number.of == Of::Unsaid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_in_a_row_a_formula_or_a_sentence_is_told_from_what_ends() {
        for cut in [
            "| item | a | score |\n|---|---|---|\n| 1 | 60 | 65 |\n| 2 | 70 |",
            "{\"agent\": 2, \"scores\": [60, 50",
            "```\naverage: 60",
            "$$\\text{average} = \\frac{12",
            "the average score (bar 80",
            "the average of all rows is",
        ] {
            assert!(is_broken_off(cut), "{cut}");
        }
        for whole in [
            "| item | score |\n|---|---|\n| 1 | 60 |",
            "{\"average\": 60}",
            "**Average: 60**",
            "remarks:",
            "average,60,",
            "the average is 60.",
        ] {
            assert!(!is_broken_off(whole), "{whole}");
        }
        assert!(ends_in_bare_number("harbor: 64") && !ends_in_bare_number("score: 64/100"));
    }
}
