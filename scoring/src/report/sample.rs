//! Verdicts counted by their word, with a few episodes of each. Episodes are drawn by the hash of their address: the draw
//! is fair, the same whatever order they come in, and needs no more room for a million of them than for ten.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::report::model::{Sampled, Verdicts};
use crate::report::text;
use crate::verdict::Verdict;

/// Different words that are told apart: no scorer has so many, but what is stored may be damaged.
const WORDS_MAX: usize = 12;

/// Where further words go.
const OTHER: &str = "(other)";

/// Characters of a word, and of an excerpt.
const WORD_CHARS_MAX: usize = 40;
const EXCERPT_CHARS_MAX: usize = 180;

/// Facts that hold an episode's own words, the most telling first.
const EXCERPTS: [&str; 3] = ["evidence", "said", "value"];

/// An episode's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) sweep: u64,
    pub(super) lane: u32,
    pub(super) ordinal: u64,
    pub(super) seed: u64,
}

/// Whether the words that a verdict rests on are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The address alone.
    Address,
    /// And the words.
    Excerpt,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Words {
    each_max: usize,
    keep: Keep,
    words: BTreeMap<String, Drawn>,
}

#[derive(Debug, Clone, Default)]
struct Drawn {
    episodes: u64,
    /// Those of the lowest ranks, in order.
    kept: Vec<(u64, Sampled)>,
}

// === impl Address ===

impl Address {
    /// As every command prints it.
    pub(super) fn job(self) -> String {
        format!("{}/{}/{}", self.sweep, self.lane, self.ordinal)
    }

    /// Where it stands in the draw: SplitMix64's finish over its parts.
    fn rank(self) -> u64 {
        [self.sweep, u64::from(self.lane), self.ordinal].into_iter().fold(
            0x9E37_79B9_7F4A_7C15,
            |rank, part| {
                let mixed = (rank ^ part).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                mixed ^ (mixed >> 31)
            },
        )
    }
}

// === impl Words ===

impl Words {
    /// Keeps so many episodes of each verdict.
    pub(super) fn new(each_max: usize, keep: Keep) -> Self {
        Self { each_max, keep, words: BTreeMap::new() }
    }

    /// Counts an episode.
    pub(super) fn add(&mut self, verdict: &Verdict, address: Address) {
        let has_room = self.words.len() < WORDS_MAX || self.words.contains_key(&verdict.word);
        let word = if has_room { text::plain(&verdict.word, WORD_CHARS_MAX) } else { OTHER.to_owned() };
        let drawn = self.words.entry(word).or_default();
        drawn.episodes += 1;
        let rank = address.rank();
        let place = drawn.kept.partition_point(|(kept, _)| *kept < rank);
        if place >= self.each_max {
            return;
        }
        drawn.kept.truncate(self.each_max.saturating_sub(1));
        drawn.kept.insert(place, (rank, sampled(verdict, address, self.keep)));
    }

    /// The words with most episodes first.
    pub(super) fn verdicts(&self) -> Vec<Verdicts> {
        let mut verdicts: Vec<Verdicts> = self
            .words
            .iter()
            .map(|(word, drawn)| Verdicts {
                word: word.clone(),
                episodes: drawn.episodes,
                sample: drawn.kept.iter().map(|(_, sampled)| sampled.clone()).collect(),
            })
            .collect();
        verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.episodes));
        verdicts
    }
}

fn sampled(verdict: &Verdict, address: Address, keep: Keep) -> Sampled {
    let words = || EXCERPTS.into_iter().find_map(|fact| verdict.facts.get(fact)?.as_str());
    let excerpt = if keep == Keep::Excerpt { words() } else { None };
    let excerpt = excerpt.map(|words| text::plain(words, EXCERPT_CHARS_MAX)).filter(|it| !it.is_empty());
    let score = verdict.facts.get("score").and_then(Value::as_f64);
    Sampled { job: address.job(), seed: address.seed, score, excerpt }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn address(ordinal: u64) -> Address {
        Address { sweep: 1, lane: 0, ordinal, seed: ordinal }
    }

    fn filled(order: impl Iterator<Item = u64>) -> Words {
        let mut words = Words::new(3, Keep::Excerpt);
        let facts = Map::from_iter([("evidence".to_owned(), "it \u{1b}[2J says".into())]);
        for ordinal in order {
            let word = if ordinal == 500 { "tampered" } else { "not_tampered" };
            words.add(&Verdict::new(word, facts.clone()), address(ordinal));
        }
        words
    }

    #[test]
    fn the_draw_is_the_same_in_any_order_and_misses_no_rare_verdict() {
        let forward = filled(0..1_000).verdicts();
        assert_eq!(forward, filled((0..1_000).rev()).verdicts());
        assert_eq!((forward[0].episodes, forward[0].sample.len()), (999, 3));
        assert_eq!((forward[1].episodes, &*forward[1].sample[0].job), (1, "1/0/500"));
    }

    #[test]
    fn the_draw_favours_no_early_episode() {
        let mut sum = 0;
        for sweep in 0..400 {
            let mut words = Words::new(1, Keep::Address);
            for ordinal in 0..100 {
                words.add(&Verdict::new("x", Map::new()), Address { sweep, lane: 0, ordinal, seed: ordinal });
            }
            sum += words.verdicts()[0].sample[0].seed;
        }
        // Uniform over 0..100: a mean of 49.5 with a standard error of 1.4.
        assert!((sum as f64 / 400.0 - 49.5).abs() < 7.0, "{sum}");
    }

    #[test]
    fn damaged_verdicts_with_a_thousand_words_take_no_more_room() {
        let mut words = Words::new(1, Keep::Address);
        for ordinal in 0..1_000 {
            words.add(&Verdict::new(&format!("word-{ordinal}"), Map::new()), address(ordinal));
        }
        let verdicts = words.verdicts();
        assert_eq!(verdicts.len(), WORDS_MAX + 1);
        assert_eq!((&*verdicts[0].word, verdicts[0].episodes), (OTHER, 988));
    }

    #[test]
    fn an_excerpt_carries_no_control_characters() {
        let excerpt = filled(0..1).verdicts()[0].sample[0].excerpt.clone().expect("an excerpt");
        assert!(excerpt.starts_with("it ") && !excerpt.contains('\u{1b}'), "{excerpt}");
    }
}
