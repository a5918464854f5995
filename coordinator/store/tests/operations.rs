//! The operations on a data directory, on a real disk: verify, compact, backup, remove, usage.

#![allow(clippy::unwrap_used, reason = "to panic is how a test fails")]

mod history;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use history::{jobs_of, same_answers};
use muster_core::{Generation, Millis, Record, Snapshot, SweepId, SweepSnapshot, Term};
use muster_store::embedded::{self, Options};
use muster_store::testing::conformance::replay_of;
use muster_store::testing::sample::{self, episode, granted, job, lease, scored, submitted, turn};
use muster_store::{Archive, Memory, Replay, Store, StoreError, ops};

fn options() -> Options {
    Options { segment_bytes: 16 << 10, dictionary_samples: 100, ..Options::default() }
}

fn open(dir: &Path) -> (Store, Vec<Replay>) {
    let mut replayed = Vec::new();
    let store = embedded::open(dir, &options(), &mut |piece| {
        replayed.push(piece);
        Ok(())
    });
    (store.unwrap(), replayed)
}

/// Two sweeps, a snapshot in the middle, a job begun before it and one after it.
fn fill(dir: &Path) -> Vec<Record> {
    let (mut store, _) = open(dir);
    let mut records = Vec::new();
    let commit = |store: &mut Store, batch: Vec<Record>, records: &mut Vec<Record>| {
        store.journal.commit(&batch).unwrap();
        records.extend(batch);
    };
    commit(&mut store, vec![submitted(1), submitted(2)], &mut records);
    let early = lease(2, 70, 1);
    commit(&mut store, vec![granted(early), turn(early, 0)], &mut records);
    for ordinal in 0..60 {
        commit(&mut store, episode(1 + ordinal % 2, ordinal, 4), &mut records);
    }
    commit(&mut store, vec![turn(early, 1), scored(job(2, 1), "tampering", "1", "{}")], &mut records);
    store.journal.snapshot(&core()).unwrap();
    let late = lease(2, 71, 1);
    commit(&mut store, vec![turn(early, 2), granted(late), turn(late, 0)], &mut records);
    for ordinal in 60..66 {
        commit(&mut store, episode(1 + ordinal % 2, ordinal, 4), &mut records);
    }
    store.archive.put_bundle(b"a suite").unwrap();
    records
}

/// A state that knows of both sweeps.
fn core() -> Snapshot {
    let sweep = |id| SweepSnapshot {
        id: SweepId(id),
        spec: Arc::new(sample::spec("known")),
        submitted_at: Millis(0),
        paused: false,
        cancelled: false,
        generation: Generation(0),
        lanes: Vec::new(),
    };
    Snapshot {
        term: Term(77),
        last_sweep: SweepId(2),
        sweeps: vec![sweep(1), sweep(2)],
        ..Snapshot::default()
    }
}

fn compare(archive: &dyn Archive, records: &[Record]) {
    let memory = Memory::new();
    let mut expected = memory.open(&mut |_| Ok(())).unwrap();
    expected.journal.commit(records).unwrap();
    same_answers(archive, &*expected.archive, &jobs_of(records)).unwrap();
}

fn tail(records: &[Record]) -> Vec<Replay> {
    let mut expected = vec![Replay::Snapshot(Box::new(core()))];
    let after =
        records.iter().rposition(|record| matches!(record, Record::Fact(muster_core::Fact::Scored(_))));
    expected.extend(records[after.unwrap() + 1..].iter().map(replay_of));
    expected
}

#[test]
fn verify_reads_everything_and_finds_nothing_wrong() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let report = ops::verify(dir.path()).unwrap();
    assert!(report.is_whole() && report.torn.is_empty() && report.notes.is_empty(), "{report:?}");
    assert_eq!((report.facts, report.turns, report.episodes), (2 + 2 + 66 * 2 + 1, 66 * 4 + 4, 66));
    assert_eq!((report.scores, report.snapshots, report.bundles), (1, 1, 1));
    assert!(report.segments > 2, "{report:?}");
}

#[test]
fn a_compacted_journal_says_the_same_and_is_smaller() {
    let dir = tempfile::tempdir().unwrap();
    let records = fill(dir.path());
    let report = ops::compact(dir.path()).unwrap();
    assert!(report.bytes_after < report.bytes_before, "{report:?}");
    assert_eq!((report.episodes, report.merged), (66, 60));
    let (mut store, replayed) = open(dir.path());
    assert_eq!(replayed, tail(&records));
    compare(&*store.archive, &records);
    assert_eq!(store.archive.bundle(*blake3::hash(b"a suite").as_bytes()).unwrap().unwrap(), &b"a suite"[..]);
    let more = episode(2, 90, 3);
    store.journal.commit(&more).unwrap();
    drop(store);
    assert!(ops::verify(dir.path()).unwrap().is_whole());
    // And again, on what is compacted already.
    ops::compact(dir.path()).unwrap();
    compare(&*open(dir.path()).0.archive, &[records, more].concat());
    assert!(ops::verify(dir.path()).unwrap().is_whole());
}

#[test]
fn the_base_of_a_compacted_journal_is_not_pruned_and_its_damage_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let records = fill(dir.path());
    ops::compact(dir.path()).unwrap();
    let (mut store, _) = open(dir.path());
    for term in 100..104 {
        store.journal.snapshot(&Snapshot { term: Term(term), ..Snapshot::default() }).unwrap();
    }
    drop(store);
    let folder = dir.path().join("journal-2");
    for number in 2..=5 {
        let _ = fs::remove_file(folder.join(format!("snapshot-{number:04}")));
    }
    let (store, replayed) = open(dir.path());
    assert_eq!(replayed, tail(&records));
    drop(store);
    fs::write(folder.join("snapshot-0001"), b"noise").unwrap();
    let refused = embedded::open(dir.path(), &options(), &mut |_| Ok(()));
    assert!(matches!(refused, Err(StoreError::Damaged { .. })));
    let rebuilt = ops::rebuild(dir.path()).unwrap();
    assert_eq!(rebuilt.episodes, 66);
    compare(
        &*open(dir.path()).0.archive,
        &records.into_iter().filter(is_kept_without_base).collect::<Vec<_>>(),
    );
}

/// Without its base a compacted journal no longer knows the turns that were open then; those that came after have a gap before them.
fn is_kept_without_base(record: &Record) -> bool {
    !matches!(record, Record::Turn(turn) if turn.lease.job == job(2, 70) && turn.index.0 > 5)
}

#[test]
fn a_removed_sweep_gives_its_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let records = fill(dir.path());
    let before = ops::usage(dir.path()).unwrap();
    assert_eq!(before.iter().map(|sweep| sweep.episodes).collect::<Vec<_>>(), [33, 33]);
    ops::remove_sweep(dir.path(), SweepId(1)).unwrap();
    let again = ops::remove_sweep(dir.path(), SweepId(1));
    assert!(matches!(again, Err(StoreError::Invalid(_))), "{again:?}");
    let report = ops::compact(dir.path()).unwrap();
    assert_eq!(report.episodes, 33);
    let after = ops::usage(dir.path()).unwrap();
    assert!(after[0].removed && after[0].turn_bytes == 0 && after[0].fact_bytes < 200, "{after:?}");
    assert!(after[1].turn_bytes > 0 && !after[1].removed);
    let kept: Vec<Record> = records.into_iter().filter(|record| sweep_of(record) == Some(2)).collect();
    compare(&*open(dir.path()).0.archive, &kept);
    assert!(ops::verify(dir.path()).unwrap().is_whole());
}

fn sweep_of(record: &Record) -> Option<u64> {
    use muster_core::Fact;
    Some(match record {
        Record::Turn(turn) => turn.lease.job.sweep.0,
        Record::Fact(Fact::Granted { lease, .. } | Fact::Ended { lease, .. }) => lease.job.sweep.0,
        Record::Fact(Fact::Submitted { sweep, .. }) => sweep.0,
        Record::Fact(Fact::Scored(score)) => score.job.sweep.0,
        Record::Fact(_) => return None,
    })
}

#[test]
fn old_sweeps_are_named_for_a_retention_rule() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let usage = ops::usage(dir.path()).unwrap();
    assert_eq!((usage[0].submitted_at, usage[0].last_at), (Millis(1_000), Millis(5_064)));
    assert_eq!(usage[0].name, "sweep-1");
    assert_eq!(ops::removable(&usage, Millis(5_065)), [SweepId(1)]);
    assert_eq!(ops::removable(&usage, Millis(9_000)), [SweepId(1), SweepId(2)]);
    assert!(ops::removable(&usage, Millis(5_000)).is_empty());
}

#[test]
fn a_backup_opens_and_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let records = fill(&dir.path().join("data"));
    let copy = dir.path().join("copy");
    let report = ops::backup(&dir.path().join("data"), &copy).unwrap();
    assert!(report.sealed_segments > 0);
    fs::remove_dir_all(dir.path().join("data")).unwrap();
    let (store, replayed) = open(&copy);
    assert!(store.report.is_clean());
    assert_eq!(replayed, tail(&records));
    compare(&*store.archive, &records);
    drop(store);
    assert!(ops::verify(&copy).unwrap().is_whole());
    let occupied = ops::backup(&copy, &copy);
    assert!(matches!(occupied, Err(StoreError::NotOurs { .. })));
}

#[test]
fn a_backup_taken_while_a_coordinator_writes_holds_all_that_was_acknowledged_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (mut store, _) = open(&data);
    store.journal.commit(&[submitted(1)]).unwrap();
    let (acknowledged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for ordinal in 0.. {
                store.journal.commit(&episode(1, ordinal, 3)).unwrap();
                acknowledged.store(ordinal + 1, Ordering::SeqCst);
                if ordinal % 50 == 49 {
                    store.journal.snapshot(&Snapshot { term: Term(ordinal), ..Snapshot::default() }).unwrap();
                }
                if stop.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        for nth in 0..5 {
            let before = acknowledged.load(Ordering::SeqCst);
            let copy = dir.path().join(format!("copy-{nth}"));
            ops::backup(&data, &copy).unwrap();
            let (copy, _) = open(&copy);
            assert!(copy.report.is_clean(), "{:?}", copy.report);
            let ended = copy.archive.episodes(SweepId(1), None, usize::MAX).unwrap();
            assert!(ended.len() as u64 >= before, "{} of {before}", ended.len());
            for end in &ended {
                assert_eq!(copy.archive.turns(end.lease.job, Generation(0)).unwrap().len(), 3);
            }
        }
        stop.store(true, Ordering::SeqCst);
        writer.join().unwrap();
    });
}

#[test]
fn operations_need_a_data_directory_and_hold_it() {
    let dir = tempfile::tempdir().unwrap();
    let nothing = dir.path().join("nothing");
    assert!(matches!(ops::verify(&nothing), Err(StoreError::Missing { .. })));
    assert!(matches!(ops::compact(&nothing), Err(StoreError::Missing { .. })));
    assert!(matches!(ops::rebuild(&nothing), Err(StoreError::Missing { .. })));
    assert!(matches!(ops::backup(&nothing, &dir.path().join("copy")), Err(StoreError::Missing { .. })));
    assert!(matches!(ops::usage(&nothing), Err(StoreError::Missing { .. })));
    assert!(matches!(ops::remove_sweep(&nothing, SweepId(1)), Err(StoreError::Missing { .. })));
    assert!(!nothing.exists());
    let data = dir.path().join("data");
    let (store, _) = open(&data);
    assert!(matches!(ops::verify(&data), Err(StoreError::InUse { .. })));
    assert!(matches!(ops::compact(&data), Err(StoreError::InUse { .. })));
    assert!(matches!(ops::rebuild(&data), Err(StoreError::InUse { .. })));
    assert!(ops::usage(&data).unwrap().is_empty());
    drop(store);
    assert!(ops::compact(&data).unwrap().episodes == 0);
}
