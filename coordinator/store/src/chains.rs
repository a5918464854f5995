//! Where the turns of the jobs without an outcome are. The only thing about jobs that the store keeps in memory: at most
//! the jobs running at once, and those that were running when their sweep was cancelled, at 8 bytes a turn.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use muster_core::{Fact, Generation, LeaseKey, SweepId, TurnIndex};

use crate::format::{ChainRow, LeaseRow};
use crate::place::{self, Place};
use crate::sequence::{Episode, episode};

/// The transcripts of open jobs, as places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chains(HashMap<Episode, Vec<Place>>);

// === impl Chains ===

impl Chains {
    /// A turn continues its job's transcript at its index. Whether it could: before a gap nothing changes.
    pub(crate) fn turn(&mut self, lease: &LeaseKey, index: TurnIndex, place: Place) -> bool {
        let chain = self.0.entry(episode(lease)).or_default();
        let index = index.0 as usize;
        if index > chain.len() {
            return false;
        }
        chain.truncate(index);
        chain.push(place);
        true
    }

    /// What a fact does to transcripts, but for `Ended`, whose chain is [taken](Chains::remove) when it is safe elsewhere.
    pub(crate) fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Restarted { lease } => self.remove(&episode(lease)),
            Fact::Removed { sweep } => self.remove_sweep(*sweep),
            _ => {}
        }
    }

    /// The first `turns` turns of a job.
    pub(crate) fn prefix(&self, lease: &LeaseKey, turns: TurnIndex) -> &[Place] {
        let chain = self.get(&episode(lease)).unwrap_or_default();
        &chain[..chain.len().min(turns.0 as usize)]
    }

    pub(crate) fn get(&self, episode: &Episode) -> Option<&[Place]> {
        self.0.get(episode).map(Vec::as_slice)
    }

    pub(crate) fn len_of(&self, episode: &Episode) -> usize {
        self.get(episode).map_or(0, <[Place]>::len)
    }

    pub(crate) fn remove(&mut self, episode: &Episode) {
        self.0.remove(episode);
    }

    fn remove_sweep(&mut self, sweep: SweepId) {
        self.0.retain(|(job, _), _| job.sweep != sweep);
    }

    /// All of them, in order.
    pub(crate) fn sorted(&self) -> Vec<(Episode, &[Place])> {
        let mut all: Vec<_> = self.0.iter().map(|(episode, places)| (*episode, &places[..])).collect();
        all.sort_unstable_by_key(|(episode, _)| *episode);
        all
    }

    pub(crate) fn rows(&self) -> Vec<ChainRow> {
        let row = |((job, generation), places): (Episode, &[Place])| ChainRow {
            job: LeaseRow::of_job(job, generation),
            places: place::pack(places),
        };
        self.sorted().into_iter().map(row).collect()
    }

    /// None: these rows are no chains.
    pub(crate) fn from_rows(rows: &[ChainRow]) -> Option<Self> {
        let chain = |row: &ChainRow| {
            Some(((row.job.job(), Generation(row.job.generation)), place::unpack(&row.places)?))
        };
        rows.iter().map(chain).collect::<Option<_>>().map(Self)
    }
}

/// The chains that a writer and its readers share.
pub(crate) fn lock(chains: &Mutex<Chains>) -> MutexGuard<'_, Chains> {
    // Each change of a chain is whole in itself, whoever panicked after it.
    chains.lock().unwrap_or_else(PoisonError::into_inner)
}
