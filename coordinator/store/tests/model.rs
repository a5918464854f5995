//! Any sequence of records, in any batches, with crashes, snapshots and compactions in between: the embedded store says what the
//! memory store says.

#![allow(clippy::unwrap_used, reason = "to panic is how a test fails")]

mod history;

use std::path::Path;

use history::{jobs_of, same_answers};
use muster_core::{Attempt, Fact, LeaseKey, Outcome, Record, Snapshot, SweepId, TurnIndex, TurnRecord};
use muster_store::embedded::{self, IndexKind, Options};
use muster_store::testing::sample::{ended, granted, lease, scored, submitted, turn};
use muster_store::testing::{Crash, SimDisk};
use muster_store::{Memory, Store, StoreError, ops};
use proptest::prelude::*;

const DIR: &str = "/data";

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Piece>),
    Snapshot,
    Restart,
    Kill(u64),
    Compact,
    Rebuild,
}

/// A record to be, about one of a few jobs.
#[derive(Debug, Clone)]
enum Piece {
    Next(u64, u32),
    Back(u64, u32),
    Wild(u64, u32),
    Granted(u64),
    Restarted(u64),
    Ended(u64),
    Scored(u64, bool),
    Submitted(u64),
    Removed(u64),
}

fn piece() -> impl Strategy<Value = Piece> {
    let job = 0..6_u64;
    prop_oneof![
        8 => (job.clone(), 1..4_u32).prop_map(|(job, attempt)| Piece::Next(job, attempt)),
        1 => (job.clone(), 1..4_u32).prop_map(|(job, attempt)| Piece::Back(job, attempt)),
        1 => (job.clone(), 0..4_u32).prop_map(|(job, index)| Piece::Wild(job, index)),
        1 => job.clone().prop_map(Piece::Granted),
        1 => job.clone().prop_map(Piece::Restarted),
        3 => job.clone().prop_map(Piece::Ended),
        1 => (job.clone(), any::<bool>()).prop_map(|(job, newer)| Piece::Scored(job, newer)),
        1 => (1..4_u64).prop_map(Piece::Submitted),
        1 => (1..3_u64).prop_map(Piece::Removed),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => proptest::collection::vec(piece(), 0..6).prop_map(Step::Commit),
        2 => Just(Step::Snapshot),
        2 => Just(Step::Restart),
        2 => any::<u64>().prop_map(Step::Kill),
        1 => Just(Step::Compact),
        1 => Just(Step::Rebuild),
    ]
}

/// Six jobs of two sweeps.
fn of(job: u64, attempt: u32) -> LeaseKey {
    lease(1 + job % 2, job, attempt)
}

struct Pair {
    disk: SimDisk,
    store: Option<Store>,
    expected: Store,
    records: Vec<Record>,
}

impl Pair {
    fn new() -> Self {
        let disk = SimDisk::new();
        let expected = Memory::new().open(&mut |_| Ok(())).unwrap();
        let mut pair = Self { disk, store: None, expected, records: Vec::new() };
        pair.open();
        pair
    }

    fn open(&mut self) {
        let options = Options {
            segment_bytes: 400,
            dictionary_samples: 30,
            index: IndexKind::Memory,
            ..Options::default()
        };
        let store = embedded::open_on(&self.disk.files(), Path::new(DIR), &options, &mut |_| Ok(())).unwrap();
        assert!(store.report.lost.is_empty() && store.report.orphaned_turns == 0, "{:?}", store.report);
        self.store = Some(store);
    }

    fn commit(&mut self, pieces: &[Piece]) {
        let mut batch: Vec<Record> = Vec::new();
        for piece in pieces {
            let record = self.record(piece);
            if self.may_come(&record, &batch) {
                batch.push(record);
            }
        }
        let found = self.store.as_mut().unwrap().journal.commit(&batch);
        let expected = self.expected.journal.commit(&batch);
        match (found, expected) {
            (Ok(()), Ok(())) => self.records.extend(batch),
            (Err(StoreError::Invalid(found)), Err(StoreError::Invalid(expected))) => {
                assert_eq!(found, expected);
            }
            other => panic!("{other:?}"),
        }
    }

    /// The core sends nothing about a sweep that was removed, and no turn of a job that has ended.
    fn may_come(&self, record: &Record, batch: &[Record]) -> bool {
        let all = || self.records.iter().chain(batch);
        let removed = |sweep| {
            all()
                .any(|record| matches!(record, Record::Fact(Fact::Removed { sweep: gone }) if *gone == sweep))
        };
        let ended = |job| {
            all().any(|record| matches!(record, Record::Fact(Fact::Ended { lease, .. }) if lease.job == job))
        };
        match record {
            Record::Turn(turn) => !removed(turn.lease.job.sweep) && !ended(turn.lease.job),
            Record::Fact(
                Fact::Ended { lease, .. } | Fact::Restarted { lease } | Fact::Granted { lease, .. },
            ) => !removed(lease.job.sweep) && !ended(lease.job),
            Record::Fact(Fact::Scored(score)) => !removed(score.job.sweep),
            Record::Fact(Fact::Submitted { sweep, .. } | Fact::Removed { sweep }) => !removed(*sweep),
            Record::Fact(_) => true,
        }
    }

    fn record(&self, piece: &Piece) -> Record {
        let turns = |job: u64| {
            let of = of(job, 1);
            self.expected.archive.turns(of.job, of.generation).unwrap().len() as u32
        };
        match *piece {
            Piece::Next(job, attempt) => turn(of(job, attempt), turns(job)),
            Piece::Back(job, attempt) => turn(of(job, attempt), turns(job) / 2),
            Piece::Wild(job, index) => Record::Turn(TurnRecord {
                lease: LeaseKey { attempt: Attempt(9), ..of(job, 1) },
                index: TurnIndex(index),
                usage: Default::default(),
                body: vec![index as u8; 40 * index as usize].into(),
            }),
            Piece::Granted(job) => granted(of(job, 2)),
            Piece::Restarted(job) => Record::Fact(Fact::Restarted { lease: of(job, 1) }),
            Piece::Ended(job) => ended(of(job, 1), turns(job), Outcome::Completed),
            Piece::Scored(job, newer) => {
                scored(of(job, 1).job, "tampering", if newer { "2" } else { "1" }, "{}")
            }
            Piece::Submitted(sweep) => submitted(sweep),
            Piece::Removed(sweep) => Record::Fact(Fact::Removed { sweep: SweepId(sweep) }),
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Commit(pieces) => self.commit(pieces),
            Step::Snapshot => self.store.as_mut().unwrap().journal.snapshot(&Snapshot::default()).unwrap(),
            Step::Restart => {
                self.store = None;
                self.open();
            }
            Step::Kill(seed) => {
                self.disk = self.disk.after_power_loss(Crash::Some(*seed));
                self.open();
            }
            Step::Compact => {
                self.store = None;
                ops::compact_on(&self.disk.files(), Path::new(DIR), 400).unwrap();
                self.open();
            }
            Step::Rebuild => {
                self.store = None;
                let report = ops::rebuild_on(&self.disk.files(), Path::new(DIR)).unwrap();
                assert!(report.problems.is_empty(), "{report:?}");
                self.open();
            }
        }
    }

    fn check(&self) {
        let store = self.store.as_ref().unwrap();
        same_answers(&*store.archive, &*self.expected.archive, &jobs_of(&self.records)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_embedded_store_says_what_the_memory_store_says(steps in proptest::collection::vec(step(), 1..30)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
            pair.check();
        }
        pair.store = None;
        let report = ops::verify_on(&pair.disk.files(), Path::new(DIR)).unwrap();
        prop_assert!(report.is_whole(), "{:?}", report);
    }
}
