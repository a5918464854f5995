//! In which generation a lane's jobs ended, as runs: most sweeps are never retried and have none, and a sweep retried
//! as a whole has one.

use std::collections::BTreeMap;

use crate::ids::Generation;
use crate::snapshot::GenerationRun;

/// Generations above 0, by ordinal. True only of jobs that have ended; a job opened again leaves its old run behind.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    /// First ordinal of a run -> its last, and the generation. Runs don't overlap, and alike neighbours are one.
    runs: BTreeMap<u64, (u64, Generation)>,
}

impl Generations {
    /// A job's generation.
    pub(crate) fn get(&self, ordinal: u64) -> Generation {
        self.run_at(ordinal).map_or(Generation(0), |run| run.generation)
    }

    /// Sets a job's generation.
    pub(crate) fn set(&mut self, ordinal: u64, generation: Generation) {
        if self.get(ordinal) == generation {
            return;
        }
        self.carve(ordinal);
        if generation != Generation(0) {
            self.insert(ordinal, generation);
        }
    }

    /// All runs, in order.
    pub(crate) fn runs(&self) -> Vec<GenerationRun> {
        let run = |(first, (last, generation)): (&u64, &(u64, Generation))| GenerationRun {
            first: *first,
            last: *last,
            generation: *generation,
        };
        self.runs.iter().map(run).collect()
    }

    /// The inverse of `runs`; what overlaps or makes no sense is left out.
    pub(crate) fn from_runs(runs: &[GenerationRun]) -> Self {
        let mut found = Self::default();
        for run in runs {
            let free = found.runs.last_key_value().is_none_or(|(_, (last, _))| *last < run.first);
            if free && run.first <= run.last && run.generation != Generation(0) {
                found.runs.insert(run.first, (run.last, run.generation));
            }
        }
        found
    }

    fn run_at(&self, ordinal: u64) -> Option<GenerationRun> {
        let (first, (last, generation)) = self.runs.range(..=ordinal).next_back()?;
        (ordinal <= *last).then_some(GenerationRun { first: *first, last: *last, generation: *generation })
    }

    /// Takes one ordinal out of the run that it is in.
    fn carve(&mut self, ordinal: u64) {
        let Some(run) = self.run_at(ordinal) else { return };
        self.runs.remove(&run.first);
        if run.first < ordinal {
            self.runs.insert(run.first, (ordinal - 1, run.generation));
        }
        if ordinal < run.last {
            self.runs.insert(ordinal + 1, (run.last, run.generation));
        }
    }

    /// Puts one ordinal that is in no run into one, joined with its alike neighbours.
    fn insert(&mut self, ordinal: u64, generation: Generation) {
        let left = ordinal.checked_sub(1).and_then(|before| self.run_at(before));
        let right = ordinal.checked_add(1).and_then(|after| self.run_at(after));
        let (mut first, mut last) = (ordinal, ordinal);
        if let Some(run) = left.filter(|run| run.generation == generation) {
            first = run.first;
        }
        if let Some(run) = right.filter(|run| run.generation == generation) {
            self.runs.remove(&run.first);
            last = run.last;
        }
        self.runs.insert(first, (last, generation));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sweep_retried_as_a_whole_is_one_run_in_whatever_order_it_ends() {
        let mut generations = Generations::default();
        for ordinal in [3, 1, 0, 4, 2] {
            generations.set(ordinal, Generation(1));
        }
        let whole = GenerationRun { first: 0, last: 4, generation: Generation(1) };
        assert_eq!(generations.runs(), vec![whole]);
    }

    proptest! {
        #[test]
        fn runs_are_a_map(sets in prop::collection::vec((0u64..40, 0u32..3), 0..200)) {
            let mut generations = Generations::default();
            let mut plain = [0u32; 40];
            for (ordinal, generation) in sets {
                generations.set(ordinal, Generation(generation));
                plain[ordinal as usize] = generation;
            }
            for (ordinal, generation) in plain.iter().enumerate() {
                prop_assert_eq!(generations.get(ordinal as u64), Generation(*generation));
            }
            let again = Generations::from_runs(&generations.runs());
            prop_assert_eq!(again.runs(), generations.runs());
        }
    }
}
