//! The index's keys, as bytes that sort as what they stand for: each number is its length in bytes, then its bytes, highest first.

use muster_core::{Generation, JobKey, SweepId};

/// What an entry is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(Vec<u8>);

/// Names a scorer and its version within an episode's scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScoreTag([u8; 8]);

const EPISODE: u8 = b'e';
const SCORE: u8 = b's';

// === impl Key ===

impl Key {
    /// An ended episode.
    pub(crate) fn episode(job: JobKey, generation: Generation) -> Self {
        Self::new(EPISODE, &[job.sweep.0, job.lane.0.into(), job.ordinal.0, generation.0.into()])
    }

    /// The beginning of the keys of a sweep's episodes.
    pub(crate) fn episodes(sweep: SweepId) -> Self {
        Self::new(EPISODE, &[sweep.0])
    }

    /// A score of an episode.
    pub(crate) fn score(job: JobKey, generation: Generation, tag: ScoreTag) -> Self {
        let mut key = Self::scores(job, generation);
        key.0.extend_from_slice(&tag.0);
        key
    }

    /// The beginning of the keys of an episode's scores.
    pub(crate) fn scores(job: JobKey, generation: Generation) -> Self {
        Self::new(SCORE, &[job.sweep.0, job.lane.0.into(), job.ordinal.0, generation.0.into()])
    }

    /// The beginnings of all keys of a sweep.
    pub(crate) fn of_sweep(sweep: SweepId) -> [Self; 2] {
        [Self::episodes(sweep), Self::new(SCORE, &[sweep.0])]
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn new(what: u8, numbers: &[u64]) -> Self {
        let mut bytes = Vec::with_capacity(16);
        bytes.push(what);
        for number in numbers {
            let all = number.to_be_bytes();
            let skip = number.leading_zeros() as usize / 8;
            bytes.push((all.len() - skip) as u8);
            bytes.extend_from_slice(&all[skip..]);
        }
        Self(bytes)
    }
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
        fn no_sweeps_keys_begin_as_anothers(a: u64, b: u64, raw in any::<(u64, u32, u64, u32)>()) {
            prop_assume!(a != b);
            let (job, generation) = episode((b, raw.1, raw.2, raw.3));
            let key = Key::episode(job, generation);
            prop_assert!(!key.bytes().starts_with(Key::episodes(SweepId(a)).bytes()));
        }
    }
}
