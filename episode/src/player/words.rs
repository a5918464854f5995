//! Words without meaning, drawn by seed: they make a player's answers as long, and as hard to compress, as a test or a
//! benchmark wants them.

use std::sync::LazyLock;

use crate::digest::Parts;

const VOCABULARY_WORDS: usize = 2_000;
const ONSETS: [&str; 20] = [
    "b", "br", "c", "d", "dr", "f", "g", "gr", "h", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v",
];
const RIMES: [&str; 15] =
    ["a", "an", "ar", "e", "el", "en", "er", "i", "in", "is", "o", "on", "or", "u", "un"];

static VOCABULARY: LazyLock<Vec<String>> = LazyLock::new(|| (0..VOCABULARY_WORDS).map(word).collect());

/// The words that an episode's step adds, of `total` spread evenly over `steps`.
pub(super) fn words(total: u32, step: usize, steps: usize, seed: u64) -> impl Iterator<Item = &'static str> {
    let up_to = |step: usize| u64::from(total) * step as u64 / (steps.max(1) as u64);
    let count = up_to((step + 1).min(steps)).saturating_sub(up_to(step.min(steps)));
    let mut state = Parts::new("muster words").number(seed).number(step as u64).draw();
    (0..count).map(move |_| {
        // The remainder is below the vocabulary's size.
        VOCABULARY[(next(&mut state) % VOCABULARY_WORDS as u64) as usize].as_str()
    })
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Word `index` of the vocabulary: two syllables, of 300, that no other index has.
fn word(index: usize) -> String {
    const SYLLABLES: usize = ONSETS.len() * RIMES.len();
    let syllable = |it: usize| [ONSETS[it % ONSETS.len()], RIMES[it / ONSETS.len() % RIMES.len()]].concat();
    // 7 and 300 have no factor in common, so that the first syllable runs through all of them before it repeats.
    syllable(index * 7 % SYLLABLES) + &syllable((index / SYLLABLES + index * 11) % SYLLABLES)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_words_of_an_episode_add_up() {
        for (total, steps) in [(150, 6), (7, 3), (1, 4), (0, 4), (2, 5)] {
            let sum: usize = (0..steps).map(|step| words(total, step, steps, 1).count()).sum();
            assert_eq!(sum, total as usize, "{total} over {steps}");
        }
    }

    #[test]
    fn the_same_seed_and_step_say_the_same() {
        let said = |step, seed| words(60, step, 6, seed).collect::<Vec<_>>();
        assert_eq!(said(2, 5), said(2, 5));
        assert_ne!(said(2, 5), said(3, 5));
        assert_ne!(said(2, 5), said(2, 6));
    }

    #[test]
    fn the_vocabulary_has_two_thousand_words() {
        assert!(VOCABULARY.iter().collect::<BTreeSet<_>>().len() > 1_900);
    }
}
