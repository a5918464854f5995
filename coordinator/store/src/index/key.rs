//! The index's keys, as bytes that sort as what they stand for: each number is its length in bytes, then its bytes, highest first.
//!
//! A key falls into two parts: its block's (the sweep, the lane and 64 neighbouring jobs) and its own. Blocks are what an
//! index on disk keeps, for jobs end in about the order of their numbers: a sixty-fourth of the entries.

use muster_core::{Generation, JobKey, SweepId};

/// What an entry is for, or the beginning that several have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    bytes: Vec<u8>,
    /// Length of the block's part; all of it for a beginning that reaches no further.
    block: usize,
}

/// Names a scorer and its version within an episode's scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScoreTag([u8; 8]);

const EPISODE: u8 = b'e';
const SCORE: u8 = b's';

/// A block holds 2^6 neighbouring jobs: some 400 bytes.
const BLOCK_BITS: u32 = 6;

// === impl Key ===

impl Key {
    /// An ended episode.
    pub(crate) fn episode(job: JobKey, generation: Generation) -> Self {
        Self::of(EPISODE, job, generation)
    }

    /// The beginning of the keys of a sweep's episodes.
    pub(crate) fn episodes(sweep: SweepId) -> Self {
        Self::beginning(EPISODE, sweep)
    }

    /// A score of an episode.
    pub(crate) fn score(job: JobKey, generation: Generation, tag: ScoreTag) -> Self {
        let mut key = Self::scores(job, generation);
        key.bytes.extend_from_slice(&tag.0);
        key
    }

    /// The beginning of the keys of an episode's scores.
    pub(crate) fn scores(job: JobKey, generation: Generation) -> Self {
        Self::of(SCORE, job, generation)
    }

    /// The beginnings of all keys of a sweep.
    pub(crate) fn of_sweep(sweep: SweepId) -> [Self; 2] {
        [Self::episodes(sweep), Self::beginning(SCORE, sweep)]
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its block's part.
    pub(crate) fn block(&self) -> &[u8] {
        &self.bytes[..self.block]
    }

    /// Its own part within the block.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.block..]
    }

    fn beginning(what: u8, sweep: SweepId) -> Self {
        let mut bytes = vec![what];
        push(&mut bytes, sweep.0);
        Self { block: bytes.len(), bytes }
    }

    fn of(what: u8, job: JobKey, generation: Generation) -> Self {
        let Self { mut bytes, .. } = Self::beginning(what, job.sweep);
        push(&mut bytes, job.lane.0.into());
        push(&mut bytes, job.ordinal.0 >> BLOCK_BITS);
        let block = bytes.len();
        bytes.push((job.ordinal.0 % (1 << BLOCK_BITS)) as u8);
        push(&mut bytes, generation.0.into());
        Self { bytes, block }
    }
}

fn push(bytes: &mut Vec<u8>, number: u64) {
    let all = number.to_be_bytes();
    let skip = number.leading_zeros() as usize / 8;
    bytes.push((all.len() - skip) as u8);
    bytes.extend_from_slice(&all[skip..]);
}

// === impl ScoreTag ===

impl ScoreTag {
    pub(crate) fn new(scorer: &str, version: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(scorer.len() as u64).to_le_bytes());
        hasher.update(scorer.as_bytes());
        hasher.update(version.as_bytes());
        let mut tag = [0; 8];
        hasher.finalize_xof().fill(&mut tag);
        Self(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_core::{Lane, Ordinal};
    use proptest::prelude::*;

    fn episode(raw: (u64, u32, u64, u32)) -> (JobKey, Generation) {
        (JobKey { sweep: SweepId(raw.0), lane: Lane(raw.1), ordinal: Ordinal(raw.2) }, Generation(raw.3))
    }

    proptest! {
        #[test]
        fn keys_sort_as_what_they_stand_for(a in any::<(u64, u32, u64, u32)>(), b in any::<(u64, u32, u64, u32)>()) {
            let (a, b) = (episode(a), episode(b));
            prop_assert_eq!(a.cmp(&b), Key::episode(a.0, a.1).cmp(&Key::episode(b.0, b.1)));
        }

        #[test]
        fn a_key_is_its_two_parts(raw in any::<(u64, u32, u64, u32)>()) {
            let (job, generation) = episode(raw);
            let key = Key::episode(job, generation);
            prop_assert_eq!([key.block(), key.rest()].concat(), key.bytes());
        }

        #[test]
        fn no_sweeps_keys_begin_as_anothers(a: u64, b: u64, raw in any::<(u64, u32, u64, u32)>()) {
            prop_assume!(a != b);
            let (job, generation) = episode((b, raw.1, raw.2, raw.3));
            let key = Key::episode(job, generation);
            prop_assert!(!key.bytes().starts_with(Key::episodes(SweepId(a)).bytes()));
        }
    }
}
