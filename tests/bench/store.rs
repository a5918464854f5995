//! The embedded store alone: durable commits, and how fast a million finished jobs are there again.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use muster_core::{
    Attempt, CoreConfig, Fact, Generation, JobKey, Lane, LeaseKey, Millis, Ordinal, Record, SweepId,
    TurnIndex, TurnRecord, Usage, WorkerId,
};
use muster_store::embedded::{self, Options};
use std::sync::Arc;

use crate::core::{job_facts, spec};
use crate::process::{own, part};
use muster_tests::{Row, grouped};

/// Writers whose records share a commit.
const WRITERS: u64 = 64;

/// Group commits measured.
const COMMITS: u64 = 5_000;

/// Bytes of a record's body.
const BODY_BYTES: usize = 300;

/// Finished jobs recovered.
const RECOVERED: u64 = 1_000_000;

fn open(folder: &Path) -> muster_store::Store {
    embedded::open(folder, &Options::default(), &mut |_| Ok(())).expect("a fresh folder opens")
}

fn submitted() -> Record {
    Record::Fact(Fact::Submitted { sweep: SweepId(1), spec: Arc::new(spec(1_000, 10_000)), at: Millis(0) })
}

/// Durable commits of 64 records of 300 bytes that do not compress.
pub(crate) fn commits() -> Row {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut store = open(folder.path());
    store.journal.commit(&[submitted()]).expect("a commit");
    let leases: Vec<LeaseKey> = (0..WRITERS).map(lease).collect();
    let grants =
        leases.iter().map(|lease| Record::Fact(Fact::Granted { lease: *lease, worker: WorkerId(1) }));
    store.journal.commit(&grants.collect::<Vec<_>>()).expect("a commit");
    let started = Instant::now();
    for commit in 0..COMMITS {
        let turn = |lease: &LeaseKey| {
            let index = TurnIndex(u32::try_from(commit).expect("few commits"));
            let body = noise(commit * WRITERS + lease.job.ordinal.0);
            Record::Turn(TurnRecord { lease: *lease, index, usage: Usage::default(), body })
        };
        let records: Vec<Record> = leases.iter().map(turn).collect();
        store.journal.commit(&records).expect("a commit");
    }
    let rate = (COMMITS * WRITERS) as f64 / started.elapsed().as_secs_f64();
    Row {
        what: "durable commits, fsync, group commit of 64 writers, 300-byte records".into(),
        reach: "50,000 records/s".into(),
        measured: format!("{} records/s", grouped(rate)),
        reached: rate >= 50_000.0,
    }
}

fn lease(ordinal: u64) -> LeaseKey {
    let job = JobKey { sweep: SweepId(1), lane: Lane(0), ordinal: Ordinal(ordinal) };
    LeaseKey { job, generation: Generation(0), attempt: Attempt(1) }
}

/// Bytes that a compressor can do nothing with, by a small generator (xorshift).
fn noise(seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(BODY_BYTES + 8);
    while bytes.len() < BODY_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(BODY_BYTES);
    bytes.into()
}

/// A million finished jobs, recovered with the index intact and deleted, without any snapshot to lean on.
pub(crate) fn recover() -> Row {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    fill(&data);
    let folder_variable = [("MUSTER_BENCH_FOLDER", data.to_str().expect("UTF-8").to_owned())];
    let intact = part("recover", &folder_variable);
    std::fs::remove_dir_all(data.join("index")).expect("the index is there");
    let deleted = part("recover", &folder_variable);
    Row {
        what: "1,000,000 finished jobs recovered, no snapshot".into(),
        reach: "< 2 s, sled intact or deleted".into(),
        measured: format!("{:.2} s intact, {:.2} s deleted; {:.0} MB", intact[0], deleted[0], deleted[1]),
        reached: intact[0] < 2.0 && deleted[0] < 2.0,
    }
}

fn fill(data: &Path) {
    let options = Options { snapshot_facts: u64::MAX, ..Options::default() };
    let mut store = embedded::open(data, &options, &mut |_| Ok(())).expect("a fresh folder opens");
    store.journal.commit(&[submitted()]).expect("a commit");
    let mut records = Vec::new();
    for ordinal in 0..RECOVERED {
        records.extend(job_facts(ordinal).map(Record::Fact));
        if records.len() >= 10_000 {
            store.journal.commit(&records).expect("a commit");
            records.clear();
        }
    }
    store.journal.commit(&records).expect("a commit");
}

/// In a process of its own: from opening the folder to a core that could go on.
pub(crate) fn recover_part() {
    let folder = std::env::var("MUSTER_BENCH_FOLDER").expect("the folder");
    let started = Instant::now();
    let opened = muster_coordinator::recover(CoreConfig::default(), |visit| {
        embedded::open(Path::new(&folder), &Options::default(), visit)
    });
    let (core, _store) = opened.expect("it opens");
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(core.sweep(SweepId(1)).expect("submitted").counts.ended(), RECOVERED);
    println!("{seconds} {}", own().peak_mb);
}
