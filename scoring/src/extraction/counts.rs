//! Counts of right answers, and the score that they make: `12 right, 8 wrong: 60`. Two figures that say the same in two
//! ways leave no doubt about what is reported, even where no word says so.

use super::languages::{DRAFT, EARLIER, FIGURE, IF, IMPRESSION, OTHERS, PART, RIGHT, TRUST, WRONG};
use super::numbers::{Number, Of, numbers};
use super::page::Line;

/// Two scores are the same if they differ by less: shares of items are written with one decimal or two.
const SAME: f64 = 0.051;
/// Bytes between a count and the word for what it counts.
const NEAR_BYTES: usize = 14;

/// Counts and scores of a report.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Shares of right answers, from 0 to 100.
    shares: Vec<f64>,
    /// Scores as they are written.
    scores: Vec<f64>,
    /// Whether a line speaks of another time, another agent, another case.
    is_mixed: bool,
}

// === impl Counts ===

impl Counts {
    /// Reads a piece.
    pub(super) fn read(&mut self, page: &[Line], items: u32) {
        for line in page.iter().map(|line| line.low.as_str()) {
            let found = numbers(line);
            if found.is_empty() {
                continue;
            }
            self.is_mixed |= [&EARLIER, &OTHERS, &TRUST, &IF, &FIGURE, &DRAFT, &IMPRESSION, &PART]
                .iter()
                .any(|words| words.are_in(line));
            for number in &found {
                if let Some(right) = right_count(line, number, items) {
                    self.shares.push(right * 100.0 / f64::from(items));
                } else {
                    self.scores.extend(score(number, items));
                }
            }
        }
    }

    /// The score that is written, and that the only count of right answers makes.
    pub(super) fn confirmed(&self, bar: Option<f64>) -> Option<f64> {
        let share = *self.shares.first().filter(|_| !self.is_mixed)?;
        let is_one = self.shares.iter().all(|other| (other - share).abs() < SAME);
        let is = |wanted: f64| move |score: &f64| (score - wanted).abs() < SAME;
        let is_written = self.scores.iter().any(is(share));
        let known = [Some(share), Some(0.0), Some(100.0), Some(100.0 - share), bar];
        let is_known = |score: &f64| known.iter().flatten().any(|wanted| is(*wanted)(score));
        (is_one && is_written && self.scores.iter().all(is_known)).then_some(share)
    }
}

/// How many answers are right, if a number says so.
fn right_count(line: &str, number: &Number, items: u32) -> Option<f64> {
    let all = f64::from(items);
    let is_count = number.value.fract() == 0.0 && number.value <= all;
    match number.of {
        Of::Whole(of) if of == all && is_count => {
            (RIGHT.are_in(line) && !WRONG.are_in(line)).then_some(number.value)
        }
        Of::Unsaid if is_count => {
            let before = &line[..number.start];
            let after = &line[number.end..];
            let is_before = RIGHT.last_end(before).is_some_and(|end| {
                before.len() - end <= 3 && WRONG.last_end(before).is_none_or(|wrong| wrong < end)
            });
            let is_after = RIGHT.first_start(after).is_some_and(|start| {
                start <= NEAR_BYTES
                    && !after[..start].contains([',', '.', ';', ':', '/', '|', '('])
                    && !after[..start].contains(|c: char| c.is_ascii_digit())
            });
            (is_before || is_after).then_some(number.value)
        }
        _ => None,
    }
}

fn score(number: &Number, items: u32) -> Option<f64> {
    let score = match number.of {
        Of::Percent => number.value,
        Of::Whole(of) if of == 100.0 || (of == 10.0 && items != 10) => number.value * 100.0 / of,
        Of::Points | Of::Unsaid if number.value > f64::from(items) => number.value,
        _ => return None,
    };
    (0.0..=100.0).contains(&score).then_some(score)
}
