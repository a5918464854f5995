//! Which seeds of a sweep may be reported.
//!
//! Short episodes end first. A sweep that is stopped has more of them among its results than it would have in the end, and
//! what is long is often what matters. A round of seeds is one episode of every variant; jobs are dealt round by round, so
//! that the first rounds that are whole are a smaller sweep, not a selection from a larger one. Rounds after a gap are not
//! taken: that they ended sooner is a selection too.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counts the ended jobs of one lane by their seeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rounds {
    variants: u64,
    seeds: u64,
    ended: BTreeMap<u64, u64>,
}

/// The seeds to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "selection", content = "rounds")]
pub enum Selection {
    /// All: the sweep went to its end.
    All,
    /// The first so many, which are whole.
    WholeRounds(u64),
    /// All that ended, though no round is whole: only with the mark.
    Partial,
}

// === impl Rounds ===

impl Rounds {
    /// Of a lane with so many variants and seeds.
    #[must_use]
    pub fn new(variants: u64, seeds: u64) -> Self {
        Self { variants, seeds, ended: BTreeMap::new() }
    }

    /// A job of this seed has ended, in whatever way but by being cancelled. Each job is told once.
    pub fn end(&mut self, seed: u64) {
        *self.ended.entry(seed).or_default() += 1;
    }

    /// How many rounds from the first on are whole.
    #[must_use]
    pub fn whole(&self) -> u64 {
        // Seeds come in order, each once: a missing one leaves its place to another.
        let is_whole =
            |(place, (seed, ended)): &(u64, (&u64, &u64))| place == *seed && **ended >= self.variants;
        let whole = (0..self.seeds).zip(&self.ended).take_while(is_whole).count();
        whole as u64
    }

    /// What to report.
    #[must_use]
    pub fn selection(&self) -> Selection {
        match self.whole() {
            whole if whole == self.seeds => Selection::All,
            0 => Selection::Partial,
            whole => Selection::WholeRounds(whole),
        }
    }
}

// === impl Selection ===

impl Selection {
    /// Whether an episode of this seed is reported.
    #[must_use]
    pub fn includes(self, seed: u64) -> bool {
        match self {
            Self::All | Self::Partial => true,
            Self::WholeRounds(rounds) => seed < rounds,
        }
    }

    /// How many seeds of each variant the report plans for, of so many.
    #[must_use]
    pub fn seeds(self, planned: u64) -> u64 {
        match self {
            Self::All | Self::Partial => planned,
            Self::WholeRounds(rounds) => rounds.min(planned),
        }
    }

    /// What must stand beside the table; nothing if all is there. Of a sweep that is still being run, `under_way` says how
    /// many of how many jobs have ended.
    #[must_use]
    pub fn mark(self, under_way: Option<(u64, u64)>) -> Option<String> {
        let rounds = match self {
            Self::All => return None,
            Self::WholeRounds(1) => "the first whole round of seeds".to_owned(),
            Self::WholeRounds(rounds) => format!("the first {rounds} whole rounds of seeds"),
            Self::Partial => "partial: short episodes over-represented".to_owned(),
        };
        Some(match (under_way, self) {
            (Some((ended, of)), _) => format!("running: {ended} of {of} so far; {rounds}"),
            (None, Self::Partial) => rounds,
            (None, _) => format!("stopped early: {rounds}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(ended: &[u64]) -> Rounds {
        let mut rounds = Rounds::new(3, 4);
        for (seed, jobs) in (0..).zip(ended) {
            (0..*jobs).for_each(|_| rounds.end(seed));
        }
        rounds
    }

    #[test]
    fn a_sweep_at_its_end_reports_all() {
        assert_eq!(rounds(&[3, 3, 3, 3]).selection(), Selection::All);
        assert_eq!(Selection::All.mark(None), None);
    }

    #[test]
    fn a_stopped_sweep_reports_the_rounds_before_the_first_gap() {
        let selection = rounds(&[3, 3, 2, 3]).selection();
        assert_eq!(selection, Selection::WholeRounds(2));
        assert_eq!(
            (0..4).map(|seed| selection.includes(seed)).collect::<Vec<_>>(),
            [true, true, false, false]
        );
        assert_eq!(selection.seeds(4), 2);
    }

    #[test]
    fn a_round_of_which_nothing_ended_is_a_gap() {
        assert_eq!(rounds(&[3, 0, 3, 3]).selection(), Selection::WholeRounds(1));
        assert_eq!(rounds(&[0, 3, 3, 3]).selection(), Selection::Partial);
    }

    #[test]
    fn without_a_whole_round_the_table_says_what_is_wrong_with_it() {
        let selection = rounds(&[2, 1]).selection();
        assert_eq!(selection.mark(None).as_deref(), Some("partial: short episodes over-represented"));
        assert!(selection.includes(1));
    }

    #[test]
    fn a_sweep_that_is_being_run_has_not_stopped() {
        let mark = |selection: Selection| selection.mark(Some((8, 12))).expect("a mark");
        assert_eq!(
            mark(rounds(&[3, 3, 2]).selection()),
            "running: 8 of 12 so far; the first 2 whole rounds of seeds"
        );
        assert_eq!(
            mark(Selection::Partial),
            "running: 8 of 12 so far; partial: short episodes over-represented"
        );
        assert_eq!(Selection::All.mark(Some((12, 12))), None);
    }
}
