//! What a number is said to be, by the words around it.

use super::languages::{
    AVERAGE, BAR, DRAFT, FIGURE, IMPRESSION, ON_RECORD, PART, REVISED, RIGHT, SCORE, TRUST, WHOLE, WRONG,
    Words,
};
use super::numbers::{Number, Of, is_in_range};
use super::page::cut;
use super::phrases::{
    ARROW_AFTER, ARROW_BEFORE, CHANGE, COMPARES, CORRECTS, DIFFERENCE_AFTER, DIFFERENCE_BEFORE, FORM, FROM,
    IS_DONE, NEEDED_AFTER, NEEDED_BEFORE, NOT_BEFORE, ROUNDED_FROM, TO_AFTER, VARIANT, WAS_WRONG,
};
use super::statements::{Heading, Reader, Role};

// === impl Reader ===

impl Reader<'_> {
    pub(super) fn role(&self, number: &Number, near: &Near<'_>) -> Role {
        let window = format!("{} {}", near.before, near.after);
        if let Some(role) = self.no_result(number, near, &window) {
            return role;
        }
        let firm = self.firm(near);
        if let Some(role) = self.in_an_aside(near, firm) {
            return role;
        }
        let role = self.weighed(firm, near, &window, !matches!(number.of, Of::Unsaid));
        self.beside_bar_and_count(role, number, near)
    }

    /// What a number is that plainly is no result: a difference, the bar, a count, what was before.
    fn no_result(&self, number: &Number, near: &Near<'_>, window: &str) -> Option<Role> {
        if DIFFERENCE_AFTER.is_match(near.after)
            && !(near.after.starts_with(' ') && firmness(near.before) >= 3 && number.of != Of::Points)
            || DIFFERENCE_BEFORE.is_match(near.before)
            || ROUNDED_FROM.is_match(near.before)
            || (self.heading == Heading::Aside && firmness(near.before) < 4)
        {
            return Some(Role::Other);
        }
        if ARROW_AFTER.is_match(near.after)
            || (FROM.is_match(near.before)
                && (CHANGE.is_match(near.sentence) || TO_AFTER.is_match(near.after)))
        {
            return Some(Role::Overtaken);
        }
        if self.is_aside(window) || NEEDED_AFTER.is_match(near.after) || is_bar(near) {
            return Some(Role::Other);
        }
        self.counted(number, near)
    }

    /// What a number is in an aside, or beside figures of another kind, if it is said less firmly than they.
    fn in_an_aside(&self, near: &Near<'_>, firm: u8) -> Option<Role> {
        if self.pending.is_aside && firmness(near.before) == 0 && firm == 0 {
            return Some(Role::Other);
        }
        if self.pending.is_aside && firmness(near.before) > 0 && self.pending.is_open {
            return Some(Role::Doubtful);
        }
        let is_figure = FIGURE.are_in(near.before) && firm < 4 || TRUST.are_in(near.sentence) && firm < 3;
        is_figure.then_some(Role::Other)
    }

    /// A role with what the number's value says: that of the bar, or of how many items there are.
    fn beside_bar_and_count(&self, role: Role, number: &Number, near: &Near<'_>) -> Role {
        let is_count =
            number.of == Of::Unsaid && self.items.is_some_and(|items| f64::from(items) == number.value);
        let at_bar = self.threshold.is_some_and(|bar| (bar - number.value).abs() < 1e-9);
        match role {
            Role::Loose | Role::Recorded if at_bar => Role::Other,
            Role::Loose | Role::Recorded if is_count => Role::Other,
            Role::Result(firm)
                if is_count
                    && (!FORM.is_match(near.before)
                        || !AVERAGE.are_in(near.before) && !SCORE.are_in(near.before)) =>
            {
                if firm <= 3 {
                    Role::Other
                } else {
                    Role::Doubtful
                }
            }
            Role::Result(_) | Role::Doubtful
                if at_bar && (NEEDED_BEFORE.is_match(near.before) || COMPARES.is_match(near.before)) =>
            {
                Role::Other
            }
            _ if is_range(near, number) && firmness(near.before) == 0 => Role::Other,
            Role::Result(_) if at_bar && !FORM.is_match(near.before) && BAR.are_in(near.sentence) => {
                Role::Other
            }
            Role::Result(_) if at_bar && !FORM.is_match(near.before) => Role::Doubtful,
            Role::Result(_) | Role::Loose if is_range(near, number) => Role::Doubtful,
            _ => role,
        }
    }

    /// How firmly a number is said to be the result, by the words before it, after it, or before its clause.
    fn firm(&self, near: &Near<'_>) -> u8 {
        let before = firmness(near.before);
        if before > 0 {
            return before;
        }
        let after = firmness_after(near.after);
        if after > 0 {
            return after;
        }
        let is_bracketed = near.before.trim() == "(" && near.after.trim().is_empty();
        let is_aside = is_bracketed && !self.pending.is_direct;
        if self.pending.is_aside || is_aside { 0 } else { self.pending.firmness }
    }

    fn weighed(&self, firm: u8, near: &Near<'_>, window: &str, is_scored: bool) -> Role {
        let on_record = ON_RECORD.are_in(near.clause);
        let revised = REVISED.are_in(window)
            || (REVISED.are_in(near.sentence) && !DRAFT.are_in(near.sentence) && near.is_only);
        let firm =
            firm + if on_record && firm >= 2 { 2 } else { 0 } + if revised && firm >= 3 { 3 } else { 0 };
        let overtaken = NOT_BEFORE.is_match(near.before)
            || near.is_if
            || DRAFT.are_in(window)
            || VARIANT.is_match(near.before)
            || WAS_WRONG.is_match(near.after)
            || (IMPRESSION.are_in(window) && !on_record);
        let inherited = self.pending.is_overtaken;
        let is_part = PART.are_in(window) && !WHOLE.are_in(near.before);
        match firm {
            0 if on_record && !overtaken && !inherited => Role::Recorded,
            0 if overtaken || inherited => Role::Overtaken,
            0 if revised && is_scored || CORRECTS.is_match(near.sentence) => Role::Doubtful,
            0 => Role::Loose,
            _ if overtaken && REVISED.are_in(window) && !NOT_BEFORE.is_match(near.before) => Role::Doubtful,
            _ if overtaken || is_part => Role::Overtaken,
            _ if inherited && !revised => Role::Doubtful,
            firm => Role::Result(firm),
        }
    }

    /// So many of the items right, or wrong.
    fn counted(&self, number: &Number, near: &Near<'_>) -> Option<Role> {
        let items = f64::from(self.items?);
        let text = near.clause;
        let (right, wrong) = (RIGHT.are_in(text), WRONG.are_in(text) && !pure_right(text));
        match number.of {
            Of::Whole(of)
                if of == items && ![1.0, 5.0, 10.0, 100.0].contains(&of)
                    || matches!(number.of, Of::Whole(of) if of == items && (right || wrong)) =>
            {
                if wrong && !right {
                    return Some(Role::Other);
                }
                if wrong && right {
                    return Some(Role::Doubtful);
                }
                let firm = firmness(text).max(if right { 3 } else { 2 });
                if !right && firmness(near.before) < 2 && IS_DONE.is_match(near.sentence) {
                    return Some(Role::Other);
                }
                Some(
                    if self.pending.is_overtaken
                        || near.is_if
                        || DRAFT.are_in(text)
                        || PART.are_in(text)
                        || IMPRESSION.are_in(text)
                    {
                        Role::Overtaken
                    } else {
                        Role::Result(firm)
                    },
                )
            }
            // Of a part of the items.
            Of::Whole(of) if of < items && of != 1.0 && of != 5.0 && of != 10.0 => Some(Role::Other),
            Of::Percent
                if firmness(near.before) == 0
                    && (right || RIGHT.are_in(near.sentence) && !WRONG.are_in(near.sentence)) =>
            {
                Some(
                    if wrong
                        || self.pending.is_aside
                        || self.is_aside(text)
                        || PART.are_in(text)
                        || near.is_if
                    {
                        Role::Doubtful
                    } else {
                        Role::Result(3)
                    },
                )
            }
            _ => None,
        }
    }

    pub(super) fn score(&self, number: &Number, role: Role) -> Option<f64> {
        let value = number.value;
        let items = self.items.map(f64::from);
        let score = match number.of {
            Of::Percent => value,
            Of::Whole(of) if [1.0, 5.0, 10.0, 20.0, 100.0, 1000.0].contains(&of) => value * 100.0 / of,
            Of::Whole(of)
                if items.is_some_and(|items| of == items || of == items * 100.0 || of == items * 10.0) =>
            {
                value * 100.0 / of
            }
            Of::Whole(_) => return None,
            Of::Points | Of::Unsaid => match (self.scale, role) {
                // A share, or next to nothing.
                (Some(100.0), _) if value > 0.0 && value < 1.0 => return None,
                (Some(scale), _) if value <= scale => value * 100.0 / scale,
                (Some(_), Role::Result(_)) if value <= 10.0 => return None,
                (None, Role::Result(_)) if value > 0.0 && value < 1.0 && number.is_decimal => value * 100.0,
                (None, Role::Result(_)) if value <= 10.0 && number.of == Of::Unsaid => return None,
                _ => value,
            },
        };
        (0.0..=100.0).contains(&score).then_some(score)
    }
}

/// The words around a number.
pub(super) struct Near<'a> {
    pub(super) before: &'a str,
    pub(super) after: &'a str,
    pub(super) clause: &'a str,
    pub(super) sentence: &'a str,
    pub(super) is_if: bool,
    /// Whether no other number is in the sentence.
    pub(super) is_only: bool,
}

/// How firmly a text speaks of the result: 2 of a score, 3 of an average or of the whole, 4 of both.
pub(super) fn firmness(text: &str) -> u8 {
    match (AVERAGE.are_in(text), WHOLE.are_in(text), SCORE.are_in(text)) {
        (true, true, _) | (_, true, true) => 4,
        (true, _, true) => 4,
        (true, false, false) | (false, true, false) => 3,
        (false, false, true) => 2,
        (false, false, false) => 0,
    }
}

/// The same for what follows after a number: only its next words speak of it.
fn firmness_after(after: &str) -> u8 {
    let near = cut(after, 40);
    if AVERAGE.are_in(near) || WHOLE.are_in(near) { 3 } else { 0 }
}

pub(super) fn is_overtaken(text: &str) -> bool {
    DRAFT.are_in(text) || IMPRESSION.are_in(text) && !ON_RECORD.are_in(text)
}

/// Whether the words before a number make it the bar.
fn is_bar(near: &Near<'_>) -> bool {
    let last = |words: &Words| words.last_end(near.before);
    let Some(bar) = last(&BAR) else {
        let after = cut(near.after, 24);
        return firmness(near.before) == 0 && BAR.first_start(after).is_some_and(|start| start <= 10);
    };
    let result = [&AVERAGE, &WHOLE, &SCORE].into_iter().filter_map(last).max();
    // `the required average` is a bar, and so is `average required`.
    result.is_none_or(|result| {
        bar >= result
            || near.before[bar..result].len() < 22 && !near.before[bar..result].contains([':', '|']) && {
                let between = &near.before[bar..result];
                !between.contains(" is ") && !between.contains(" with ") && !between.contains(" an ")
            }
    })
}

fn is_range(near: &Near<'_>, number: &Number) -> bool {
    is_in_range(near.clause, number) && !ARROW_BEFORE.is_match(near.before) && !CHANGE.is_match(near.sentence)
}

/// `incorrect` contains no right answer; but a list of words may call `correct` both.
fn pure_right(text: &str) -> bool {
    RIGHT.are_in(text)
        && !["wrong", "incorrect", "falsch", "fehler", "error", "mistake", "错", "誤", "틀", "ошиб", "неверн"]
            .iter()
            .any(|word| text.contains(word))
}
