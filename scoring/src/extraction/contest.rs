//! What speaks against a stated result: other numbers that could be it, and words that take it back.

use super::decide::{firmness, is_legend, is_of_item, is_replaced_by};
use super::findings::Findings;
use super::item_tables::is_quarter;
use super::statements::{Role, Statement};
use super::{Piece, SAME};

/// A result among all that was said.
pub(super) struct Contest<'a> {
    pub(super) found: &'a Findings,
    pub(super) results: &'a [&'a Statement],
    pub(super) pieces: &'a [Piece],
    pub(super) count: Option<u32>,
    pub(super) threshold: Option<f64>,
    /// The result.
    pub(super) chosen: &'a Statement,
    pub(super) score: f64,
}

/// Why it may not be the result, and the text that says so.
type Objection<'a> = (&'static str, &'a str);

// === impl Contest ===

impl<'a> Contest<'a> {
    /// The first objection.
    pub(super) fn objection(&self) -> Option<Objection<'a>> {
        self.doubt()
            .or_else(|| self.taken_back())
            .or_else(|| self.rival())
            .or_else(|| self.later())
            .or_else(|| self.behind())
            .or_else(|| self.beside())
            .or_else(|| self.a_parts())
    }

    fn doubt(&self) -> Option<Objection<'a>> {
        let is_doubt = |statement: &&Statement| {
            matches!(statement.role, Role::Doubtful | Role::Recorded) && self.differs(statement)
        };
        let doubt = self.found.statements.iter().find(is_doubt)?;
        Some(("another number may be the result", &doubt.text))
    }

    fn taken_back(&self) -> Option<Objection<'a>> {
        let is_taken_back =
            |statement: &&Statement| statement.role == Role::Overtaken && !self.differs(statement);
        let back = self.found.statements.iter().skip(self.place()).find(is_taken_back)?;
        Some(("the number is taken back later", &back.text))
    }

    fn rival(&self) -> Option<Objection<'a>> {
        let chosen = self.chosen;
        // An average of a quarter may be another one than the report's.
        let is_of_quarter = is_quarter(&chosen.text);
        let is_rival = |other: &&&Statement| {
            let is_firm = firmness(other) >= 3 || other.text == chosen.text;
            let is_plain = !chosen.is_form || other.is_form;
            self.differs(other)
                && (is_firm && is_plain && firmness(chosen) <= 5 || is_of_quarter && !is_quarter(&other.text))
                && !(other.piece < chosen.piece && is_replaced_by(chosen, self.results, self.pieces))
        };
        let rival = self.results.iter().find(is_rival)?;
        Some(("another average is stated", &rival.text))
    }

    fn later(&self) -> Option<Objection<'a>> {
        let is_later = |statement: &&Statement| {
            self.is_score(statement) && statement.piece > self.chosen.piece && self.differs(statement)
        };
        let later = self.found.statements.iter().find(is_later)?;
        Some(("a later number may be the result", &later.text))
    }

    /// Of the numbers behind the last mention of the result each must be known.
    fn behind(&self) -> Option<Objection<'a>> {
        let is_mention = |statement: &Statement| {
            !self.differs(statement)
                && matches!(statement.role, Role::Result(_) | Role::Loose | Role::Recorded)
        };
        let last = self.found.statements.iter().rposition(is_mention).unwrap_or_else(|| self.place());
        let is_behind = |statement: &&Statement| {
            statement.piece >= self.chosen.piece
                && self.is_score(statement)
                && self.differs(statement)
                && !statement.is_at_bar
                && !self.is_distance(statement)
                && !is_legend(statement)
                && !is_of_item(&statement.text)
        };
        let behind = self.found.statements.iter().skip(last + 1).find(is_behind)?;
        Some(("a number behind the result is not known", &behind.text))
    }

    fn beside(&self) -> Option<Objection<'a>> {
        let chosen = self.chosen;
        let is_beside = |statement: &Statement| {
            statement.role == Role::Loose
                && statement.text == chosen.text
                && statement.piece == chosen.piece
                && self.differs(statement)
                && !self.is_rest(statement)
        };
        let (firmness, all) = (firmness(chosen), &self.found.statements);
        let is_scored = |statement: &Statement| is_beside(statement) && self.is_score(statement);
        let stands = firmness <= 4 && all[self.place()..].iter().any(is_scored)
            || firmness <= 3 && !chosen.is_form && all.iter().any(is_beside);
        stands.then_some(("another number stands beside it", &chosen.text))
    }

    fn a_parts(&self) -> Option<Objection<'a>> {
        let is_loose = |statement: &Statement| {
            let is_count = !statement.is_scored
                && statement.score.is_some_and(|score| {
                    score.fract() == 0.0 && self.count.is_some_and(|count| score <= f64::from(count))
                });
            statement.role == Role::Loose && !is_count && self.differs(statement)
        };
        let (found, results) = (self.found, self.results);
        let is_a_parts = firmness(self.chosen) <= 2
            && (found.statements.iter().any(is_loose)
                || (found.is_partial || found.is_short) && !self.chosen.is_of_hundred
                || results.len() > 1 && results.iter().any(|result| self.differs(result)));
        is_a_parts.then_some(("the number may be a part's", &self.chosen.text))
    }

    /// The result's place among all statements.
    fn place(&self) -> usize {
        let is_chosen = |statement: &Statement| std::ptr::eq(statement, self.chosen);
        self.found.statements.iter().position(is_chosen).unwrap_or_default()
    }

    fn differs(&self, statement: &Statement) -> bool {
        statement.score.is_none_or(|other| (other - self.score).abs() > SAME)
    }

    /// Whether a number that is not said to be anything could be a score.
    fn is_score(&self, statement: &Statement) -> bool {
        let is_large = |score: f64| self.count.is_none_or(|count| score > f64::from(count));
        statement.role == Role::Loose && (statement.is_scored || statement.score.is_some_and(is_large))
    }

    /// Whether it counts the others: `12 of 20 are right, 8 are wrong`.
    fn is_rest(&self, statement: &Statement) -> bool {
        let rest = self
            .count
            .map(f64::from)
            .map(|count| count - count * self.score / 100.0)
            .filter(|rest| *rest >= 1.0);
        !statement.is_scored
            && statement.score.zip(rest).is_some_and(|(other, rest)| (other - rest).abs() <= SAME)
    }

    /// Whether it is how far the result is from the bar, or from a hundred.
    fn is_distance(&self, statement: &Statement) -> bool {
        statement.score.zip(self.threshold).is_some_and(|(other, bar)| {
            ((bar - self.score).abs() - other).abs() <= SAME || (100.0 - self.score - other).abs() <= SAME
        })
    }
}
