//! What a test has asked of a store and was told: to check what the store says after a crash.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs of it")]

use std::collections::BTreeSet;
use std::path::Path;

use muster_core::{Fact, Generation, JobKey, Outcome, Record, Snapshot, SweepId, Term};
use muster_store::embedded::{self, Options};
use muster_store::testing::SimDisk;
use muster_store::testing::conformance::replay_of;
use muster_store::testing::sample::{self, ended, granted, lease, turn};
use muster_store::{Archive, Memory, Replay, Store, StoreError};

/// Whether a store was right, and if not, what was wrong.
pub type Verdict = Result<(), String>;

/// What was asked and told.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Batches known to be in the journal: acknowledged, or found by a start.
    durable: Vec<Vec<Record>>,
    /// A batch whose commit failed: it may be there in part.
    doubtful: Vec<Record>,
    bundles: Vec<Vec<u8>>,
    /// Jobs made up by `go_on`, so that each is new.
    further: u64,
}

// === impl History ===

impl History {
    /// Opens the store; what it replays is known to be there from now on.
    pub fn open(&mut self, disk: &SimDisk, dir: &str, options: &Options) -> Result<Store, StoreError> {
        let mut replayed = Vec::new();
        let store = embedded::open_on(&disk.files(), Path::new(dir), options, &mut |piece| {
            replayed.push(piece);
            Ok(())
        })?;
        self.learn(&replayed).map_err(StoreError::Refused)?;
        Ok(store)
    }

    pub fn commit(&mut self, store: &mut Store, batch: Vec<Record>) -> Result<(), StoreError> {
        self.doubtful = batch;
        store.journal.commit(&self.doubtful)?;
        self.durable.push(std::mem::take(&mut self.doubtful));
        Ok(())
    }

    /// A snapshot says how many records it stands for.
    pub fn snapshot(&self, store: &mut Store) -> Result<(), StoreError> {
        store.journal.snapshot(&self.core())
    }

    pub fn bundle(&mut self, store: &Store, bytes: &[u8]) -> Result<(), StoreError> {
        store.archive.put_bundle(bytes)?;
        self.bundles.push(bytes.to_vec());
        Ok(())
    }

    /// The state that stands for all durable records: their count.
    pub fn core(&self) -> Snapshot {
        Snapshot { term: Term(self.records().len() as u64), ..Snapshot::default() }
    }

    /// All that is durable.
    pub fn records(&self) -> Vec<Record> {
        self.durable.concat()
    }

    /// Opens the store, and compares all that it says with what it must say.
    pub fn check(&mut self, disk: &SimDisk, dir: &str, options: &Options) -> Verdict {
        let store = self.open(disk, dir, options).map_err(|error| format!("it does not open: {error}"))?;
        self.compare(&*store.archive)
    }

    /// Goes on with some work, as a new coordinator would.
    pub fn go_on(&mut self, disk: &SimDisk, dir: &str, options: &Options) -> Verdict {
        let told = |error: StoreError| format!("it can't go on: {error}");
        let mut store = self.open(disk, dir, options).map_err(told)?;
        self.further += 1;
        // As long as the batches of the workload, so that it comes to stand exactly where a torn one stood.
        let new = lease(1, 50 + self.further, 1);
        self.commit(&mut store, vec![granted(new)]).map_err(told)?;
        self.commit(&mut store, vec![turn(new, 0), granted(lease(1, 70 + self.further, 1))]).map_err(told)?;
        self.commit(&mut store, vec![turn(new, 1), ended(new, 2, Outcome::Limit)]).map_err(told)?;
        self.compare(&*store.archive)
    }

    /// What was replayed must be all that is durable, and then perhaps some of the doubtful batch: a first part of its
    /// turns and a first part of its facts, each turn with the facts before it.
    fn learn(&mut self, replayed: &[Replay]) -> Verdict {
        let records = self.records();
        let (from, rest) = match replayed {
            [Replay::Snapshot(core), rest @ ..] => (core.term.0 as usize, rest),
            rest => (0, rest),
        };
        let must: Vec<Replay> = records.iter().skip(from).map(replay_of).collect();
        if rest.len() < must.len() || rest[..must.len()] != must {
            return Err(format!("acknowledged: {must:#?}\nreplayed after {from}: {rest:#?}"));
        }
        let more = &rest[must.len()..];
        let mut found = Vec::new();
        let mut missing_fact = false;
        let mut missing_turn = false;
        for record in std::mem::take(&mut self.doubtful) {
            if more.get(found.len()) == Some(&replay_of(&record)) {
                let is_turn = matches!(record, Record::Turn(_));
                if missing_fact || (is_turn && missing_turn) {
                    return Err(format!("out of order after a loss: {more:#?}"));
                }
                found.push(record);
            } else if matches!(record, Record::Turn(_)) {
                missing_turn = true;
            } else {
                missing_fact = true;
            }
        }
        if found.len() < more.len() {
            return Err(format!("made up: {:#?}", &more[found.len()..]));
        }
        if missing_turn && found.iter().any(|record| matches!(record, Record::Fact(Fact::Ended { .. }))) {
            return Err(format!("an end without its turn: {more:#?}"));
        }
        self.durable.push(found);
        Ok(())
    }

    /// An archive must say what a memory store says that has taken the same records.
    fn compare(&self, archive: &dyn Archive) -> Verdict {
        let memory = Memory::new();
        let mut expected = memory.open(&mut |_| Ok(())).map_err(|error| error.to_string())?;
        expected.journal.commit(&self.records()).map_err(|error| error.to_string())?;
        same_answers(archive, &*expected.archive, &jobs_of(&self.records()))?;
        let missing = |bytes: &&Vec<u8>| {
            let found = archive.bundle(*blake3::hash(bytes).as_bytes());
            found.ok().flatten().is_none_or(|found| found != **bytes)
        };
        self.bundles.iter().find(missing).map_or(Ok(()), |_| Err("a bundle is missing".to_owned()))
    }
}

/// Whether two archives say the same of the sweeps 1 to 3 and of `jobs`.
pub fn same_answers(found: &dyn Archive, expected: &dyn Archive, jobs: &BTreeSet<JobKey>) -> Verdict {
    let told = |error: StoreError| error.to_string();
    for sweep in 1..4 {
        let ends = |archive: &dyn Archive| archive.episodes(SweepId(sweep), None, 1_000).map_err(told);
        same("episodes", &ends(found)?, &ends(expected)?)?;
    }
    for job in jobs {
        let turns = |archive: &dyn Archive| archive.turns(*job, Generation(0)).map_err(told);
        same("turns", &turns(found)?, &turns(expected)?)?;
        let end = |archive: &dyn Archive| archive.episode(*job, Generation(0)).map_err(told);
        same("episode", &end(found)?, &end(expected)?)?;
        let scores = |archive: &dyn Archive| archive.scores(*job, Generation(0)).map_err(told);
        same("scores", &scores(found)?, &scores(expected)?)?;
    }
    Ok(())
}

/// The jobs that records speak of, and one that they do not.
pub fn jobs_of(records: &[Record]) -> BTreeSet<JobKey> {
    let job = |record: &Record| match record {
        Record::Turn(turn) => Some(turn.lease.job),
        Record::Fact(Fact::Granted { lease, .. } | Fact::Ended { lease, .. }) => Some(lease.job),
        Record::Fact(Fact::Scored(score)) => Some(score.job),
        Record::Fact(_) => None,
    };
    records.iter().filter_map(job).chain([sample::job(1, 9_999)]).collect()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Verdict {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: found {found:#?}, expected {expected:#?}"))
}
