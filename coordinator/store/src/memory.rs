//! A store that forgets when the process ends: for simulations and tests. It keeps every record as it came, so it can
//! be opened again after the crash of whoever used it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use muster_core::{Fact, Generation, JobKey, Record, ScoreRecord, Snapshot, SweepId, TurnRecord};

use crate::contract::{
    Archive, BundleHash, EndedRecord, EpisodeKey, Journal, RecoveryReport, Replay, Store, Visit,
};
use crate::error::StoreError;
use crate::sequence::{self, episode};

/// A store in memory; clones share it. Whatever was committed is there when it is opened again.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    snapshot: Option<Snapshot>,
    /// Records since the snapshot, without the turns' bodies.
    tail: Vec<Replay>,
    transcripts: HashMap<(JobKey, Generation), Vec<TurnRecord>>,
    ended: BTreeMap<(SweepId, EpisodeKey), EndedRecord>,
    scores: BTreeMap<(JobKey, Generation, Arc<str>, Arc<str>), ScoreRecord>,
    bundles: HashMap<BundleHash, Bytes>,
}

// === impl Memory ===

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it, for the first time or again: hands all that is remembered to `visit`.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if `visit` refuses a piece.
    pub fn open(&self, visit: &mut Visit<'_>) -> Result<Store, StoreError> {
        let report = self.lock().replay(visit)?;
        Ok(Store { journal: Box::new(self.clone()), archive: Arc::new(self.clone()), report })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves whole records at worst some of a batch: what a crash would leave.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for Memory {
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let mut state = self.lock();
        sequence::check(records, |episode| state.transcripts.get(episode).map_or(0, Vec::len))?;
        records.iter().for_each(|record| state.take(record));
        Ok(())
    }

    fn snapshot(&mut self, core: &Snapshot) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.snapshot = Some(core.clone());
        state.tail.clear();
        Ok(())
    }

    fn wants_snapshot(&self) -> bool {
        self.lock().tail.len() >= SNAPSHOT_EVERY
    }
}

/// Records after which a snapshot is due: small, so that simulations go through many.
const SNAPSHOT_EVERY: usize = 1_000;

impl Archive for Memory {
    fn turns(&self, job: JobKey, generation: Generation) -> Result<Vec<TurnRecord>, StoreError> {
        Ok(self.lock().transcripts.get(&(job, generation)).cloned().unwrap_or_default())
    }

    fn episode(&self, job: JobKey, generation: Generation) -> Result<Option<EndedRecord>, StoreError> {
        Ok(self.lock().ended.get(&(job.sweep, (job.lane, job.ordinal, generation))).cloned())
    }

    fn episodes(
        &self,
        sweep: SweepId,
        after: Option<EpisodeKey>,
        limit: usize,
    ) -> Result<Vec<EndedRecord>, StoreError> {
        let state = self.lock();
        let from = (sweep, after.unwrap_or_default());
        let rows = state.ended.range(from..).take_while(|((of, _), _)| *of == sweep);
        let rows = rows.filter(|((_, key), _)| after.is_none_or(|after| *key > after));
        Ok(rows.take(limit).map(|(_, ended)| ended.clone()).collect())
    }

    fn scores(&self, job: JobKey, generation: Generation) -> Result<Vec<ScoreRecord>, StoreError> {
        let state = self.lock();
        let empty: Arc<str> = "".into();
        let rows = state.scores.range((job, generation, empty.clone(), empty)..);
        let rows = rows.take_while(|((of, at, _, _), _)| (*of, *at) == (job, generation));
        Ok(rows.map(|(_, score)| score.clone()).collect())
    }

    fn put_bundle(&self, bytes: &[u8]) -> Result<BundleHash, StoreError> {
        let hash = *blake3::hash(bytes).as_bytes();
        self.lock().bundles.entry(hash).or_insert_with(|| Bytes::copy_from_slice(bytes));
        Ok(hash)
    }

    fn bundle(&self, hash: BundleHash) -> Result<Option<Bytes>, StoreError> {
        Ok(self.lock().bundles.get(&hash).cloned())
    }
}

// === impl State ===

impl State {
    fn replay(&self, visit: &mut Visit<'_>) -> Result<RecoveryReport, StoreError> {
        let mut report = RecoveryReport { from_snapshot: self.snapshot.is_some(), ..Default::default() };
        if let Some(snapshot) = &self.snapshot {
            visit(Replay::Snapshot(Box::new(snapshot.clone()))).map_err(StoreError::Refused)?;
        }
        for piece in &self.tail {
            match piece {
                Replay::Turn { .. } => report.turns += 1,
                _ => report.facts += 1,
            }
            visit(piece.clone()).map_err(StoreError::Refused)?;
        }
        Ok(report)
    }

    fn take(&mut self, record: &Record) {
        match record {
            Record::Turn(turn) => self.take_turn(turn),
            Record::Fact(fact) => self.take_fact(fact),
        }
    }

    fn take_turn(&mut self, turn: &TurnRecord) {
        let transcript = self.transcripts.entry(episode(&turn.lease)).or_default();
        transcript.truncate(turn.index.0 as usize);
        transcript.push(turn.clone());
        self.tail.push(Replay::Turn { lease: turn.lease, index: turn.index, usage: turn.usage });
    }

    fn take_fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Restarted { lease } => {
                self.transcripts.remove(&episode(lease));
            }
            Fact::Ended { lease, outcome, turns, usage, at, detail } => {
                if let Some(transcript) = self.transcripts.get_mut(&episode(lease)) {
                    transcript.truncate(turns.0 as usize);
                }
                let key = (lease.job.lane, lease.job.ordinal, lease.generation);
                let ended = EndedRecord {
                    lease: *lease,
                    outcome: *outcome,
                    turns: *turns,
                    usage: *usage,
                    at: *at,
                    detail: detail.clone(),
                };
                self.ended.insert((lease.job.sweep, key), ended);
            }
            Fact::Scored(score) => {
                let key = (score.job, score.generation, score.scorer.clone(), score.version.clone());
                self.scores.insert(key, ScoreRecord::clone(score));
            }
            Fact::Removed { sweep } => self.remove(*sweep),
            _ => {}
        }
        self.tail.push(Replay::Fact(fact.clone()));
    }

    fn remove(&mut self, sweep: SweepId) {
        self.transcripts.retain(|(job, _), _| job.sweep != sweep);
        self.ended.retain(|(of, _), _| *of != sweep);
        self.scores.retain(|(job, _, _, _), _| job.sweep != sweep);
    }
}
