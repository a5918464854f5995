//! Files cut short and bits flipped, everywhere: a start keeps every whole record before the damage and says what it
//! dropped, or refuses where something acknowledged follows. It never makes anything up, and never panics.

#![allow(clippy::unwrap_used, reason = "to panic is how a test fails")]

mod history;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use history::{History, jobs_of, same_answers};
use muster_core::{Outcome, Record};
use muster_store::embedded::{self, IndexKind, Options};
use muster_store::files::Files;
use muster_store::testing::SimDisk;
use muster_store::testing::conformance::replay_of;
use muster_store::testing::sample::{ended, episode, granted, job, lease, scored, submitted, turn};
use muster_store::{Memory, Replay, Store, StoreError, ops};

const DIR: &str = "/data";

fn options() -> Options {
    Options { index: IndexKind::Memory, dictionary_samples: 7, ..Options::default() }
}

fn open(disk: &SimDisk) -> Result<(Store, Vec<Replay>), StoreError> {
    let mut replayed = Vec::new();
    let store = embedded::open_on(&disk.files(), Path::new(DIR), &options(), &mut |piece| {
        replayed.push(piece);
        Ok(())
    })?;
    Ok((store, replayed))
}

/// How the process of a store ended.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Orderly,
    Killed,
}

/// A small journal, one commit a batch, and what it holds.
fn journal(end: End) -> (SimDisk, Vec<Record>) {
    let disk = SimDisk::new();
    let mut batches = vec![vec![submitted(1)], episode(1, 0, 2)];
    let open_job = lease(1, 1, 1);
    batches.push(vec![granted(open_job)]);
    batches.push(vec![turn(open_job, 0), granted(lease(1, 2, 1))]);
    batches.extend((3..5).map(|ordinal| episode(1, ordinal, 3)));
    batches.push(vec![scored(job(1, 0), "tampering", "1", "{\"tampered\":false}")]);
    batches.push(vec![turn(open_job, 1), ended(open_job, 2, Outcome::Completed)]);
    let (mut store, _) = open(&disk).unwrap();
    for batch in &batches {
        store.journal.commit(batch).unwrap();
    }
    let killed = disk.after_kill();
    drop(store);
    (if end == End::Killed { killed } else { disk }, batches.concat())
}

fn file(name: &str) -> PathBuf {
    Path::new(DIR).join("journal-1").join(name)
}

fn len(files: &Arc<dyn Files>, path: &Path) -> usize {
    files.open(path).unwrap().len().unwrap() as usize
}

/// The records before a cut: so many facts, or so many turns.
fn facts_in(replayed: &[Replay]) -> usize {
    replayed.iter().filter(|piece| matches!(piece, Replay::Fact(_))).count()
}

/// Whether `part` is what remains of `whole` when some are left out.
fn is_subsequence(part: &[Replay], whole: &[Record]) -> bool {
    let mut whole = whole.iter().map(replay_of);
    part.iter().all(|piece| whole.any(|other| other == *piece))
}

#[test]
fn facts_cut_at_every_byte_leave_every_whole_record_before_the_cut() {
    let (disk, records) = journal(End::Killed);
    let path = file("facts-0001.log");
    let whole = len(&disk.files(), &path);
    let mut most = 0;
    for cut in 0..whole {
        let disk = disk.after_kill();
        disk.damage(&path, |bytes| bytes.truncate(cut));
        let (store, replayed) = open(&disk).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        // A prefix of the records, cut where a fact is missing; turns that belong to the next commit may have come before.
        let expected: Vec<_> = records.iter().map(replay_of).take(replayed.len()).collect();
        assert_eq!(replayed, expected, "cut at {cut}");
        let facts = facts_in(&replayed);
        assert!(facts >= most, "a longer journal holds more");
        most = facts;
        let dropped = store.report.torn.iter().map(|torn| torn.bytes).sum::<u64>();
        let whole_part = cut as u64 - dropped;
        assert!(dropped > 0 || whole_part == cut as u64);
        drop(store);
        let (store, again) = open(&disk).unwrap();
        assert_eq!(again, replayed, "the next start finds the same");
        assert!(store.report.is_clean(), "and has nothing to drop: {:?}", store.report);
    }
    assert_eq!(most, records.iter().filter(|record| matches!(record, Record::Fact(_))).count() - 1);
}

#[test]
fn turns_cut_at_every_byte_leave_all_facts_and_every_whole_turn_before_the_cut() {
    let (disk, records) = journal(End::Killed);
    let path = file("turns-0001.log");
    let whole = len(&disk.files(), &path);
    for cut in 0..whole {
        let disk = disk.after_kill();
        disk.damage(&path, |bytes| bytes.truncate(cut));
        let (mut store, replayed) = open(&disk).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        assert!(is_subsequence(&replayed, &records), "cut at {cut}");
        assert_eq!(facts_in(&replayed), facts_in(&records.iter().map(replay_of).collect::<Vec<_>>()));
        assert!(!store.report.lost.is_empty(), "ended episodes miss turns, and that is said");
        // New turns may come to stand where lost ones stood: they are never taken for them.
        store.journal.commit(&episode(1, 90, 9)).unwrap();
        let expected = Memory::new();
        let mut expected = expected.open(&mut |_| Ok(())).unwrap();
        expected.journal.commit(&records).unwrap();
        for job in jobs_of(&records) {
            let right = expected.archive.turns(job, muster_core::Generation(0)).unwrap();
            match store.archive.turns(job, muster_core::Generation(0)) {
                Ok(turns) => assert_eq!(turns[..], right[..turns.len()], "cut at {cut}"),
                Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "cut at {cut}: {error}"),
            }
        }
    }
}

#[test]
fn any_bit_flipped_in_a_journal_is_refused_or_dropped_with_a_word_but_never_believed() {
    for end in [End::Orderly, End::Killed] {
        let (disk, records) = journal(end);
        for name in ["facts-0001.log", "turns-0001.log"] {
            let path = file(name);
            for bit in 0..len(&disk.files(), &path) * 8 {
                let disk = disk.after_kill();
                disk.damage(&path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
                match open(&disk) {
                    Err(error) => {
                        let text = error.to_string();
                        assert!(matches!(error, StoreError::Damaged { .. }), "{name}, bit {bit}: {text}");
                        assert!(
                            text.contains("muster store verify") && text.contains("muster store rebuild")
                        );
                    }
                    Ok((store, replayed)) => {
                        assert!(is_subsequence(&replayed, &records), "{name}, bit {bit}");
                        let complete = replayed.len() == records.len();
                        assert!(complete || !store.report.is_clean(), "{name}, bit {bit}: silently dropped");
                        // Only the last commit can be taken for one that a crash tore, and none after an orderly end.
                        assert!(complete || end == End::Killed, "{name}, bit {bit}");
                        assert!(complete || replayed.len() + 2 >= records.len(), "{name}, bit {bit}");
                    }
                }
            }
        }
    }
}

#[test]
fn verify_sees_any_bit_flipped_and_rebuild_keeps_all_the_rest() {
    let (disk, records) = journal(End::Orderly);
    let expected = Memory::new();
    let mut expected = expected.open(&mut |_| Ok(())).unwrap();
    expected.journal.commit(&records).unwrap();
    for name in ["facts-0001.log", "turns-0001.log"] {
        let path = file(name);
        for bit in (0..len(&disk.files(), &path) * 8).step_by(11) {
            let disk = disk.after_kill();
            disk.damage(&path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            let report = ops::verify_on(&disk.files(), Path::new(DIR)).unwrap();
            assert!(!report.is_whole() || !report.torn.is_empty(), "{name}, bit {bit}");
            let rebuilt = ops::rebuild_on(&disk.files(), Path::new(DIR)).unwrap();
            let at = format!("{name}, bit {bit}: {rebuilt:?}");
            let (store, replayed) = open(&disk).unwrap_or_else(|error| panic!("{at}: {error}"));
            assert!(is_subsequence(&replayed, &records), "{at}");
            // One record is damaged. A turn takes those of its transcript with it that come after it.
            assert!(replayed.len() + 3 >= records.len(), "{at}");
            for job in jobs_of(&records) {
                let right = expected.archive.turns(job, muster_core::Generation(0)).unwrap();
                if let Ok(turns) = store.archive.turns(job, muster_core::Generation(0)) {
                    assert_eq!(turns[..], right[..turns.len()], "{at}");
                    let ended = store.archive.episode(job, muster_core::Generation(0)).unwrap();
                    assert!(ended.is_none_or(|ended| ended.turns.0 as usize == turns.len()), "{at}");
                }
            }
            drop(store);
            let after = ops::verify_on(&disk.files(), Path::new(DIR)).unwrap();
            let only_missing_turns = after.problems.iter().all(|problem| problem.what.contains("turns of"));
            assert!(only_missing_turns, "{at}: {:?}", after.problems);
        }
    }
}

#[test]
fn a_damaged_manifest_is_refused_and_rebuild_brings_it_back() {
    let (disk, records) = journal(End::Orderly);
    let path = Path::new(DIR).join("MANIFEST");
    for bit in 0..len(&disk.files(), &path) * 8 {
        let disk = disk.after_kill();
        disk.damage(&path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        match open(&disk).map(|_| ()) {
            Err(StoreError::Damaged { .. }) => {
                ops::rebuild_on(&disk.files(), Path::new(DIR)).unwrap();
                assert_eq!(open(&disk).unwrap().1.len(), records.len(), "bit {bit}");
            }
            Err(StoreError::NewerFormat { found, newest: 1, .. }) => assert!(found > 1),
            other => panic!("bit {bit}: {other:?}"),
        }
    }
    disk.files().remove_file(&path).unwrap();
    assert!(matches!(open(&disk).map(|_| ()), Err(StoreError::Damaged { .. })));
    ops::rebuild_on(&disk.files(), Path::new(DIR)).unwrap();
    assert_eq!(open(&disk).unwrap().1.len(), records.len());
}

#[test]
fn a_damaged_snapshot_is_passed_over_and_costs_nothing() {
    let disk = SimDisk::new();
    let mut history = History::default();
    let mut store = history.open(&disk, DIR, &options()).unwrap();
    history.commit(&mut store, vec![submitted(1)]).unwrap();
    history.snapshot(&mut store).unwrap();
    history.commit(&mut store, episode(1, 0, 2)).unwrap();
    history.snapshot(&mut store).unwrap();
    history.commit(&mut store, vec![granted(lease(1, 1, 1)), turn(lease(1, 1, 1), 0)]).unwrap();
    drop(store);
    let newest = file("snapshot-0002");
    for bit in 0..len(&disk.files(), &newest) * 8 {
        let disk = disk.after_kill();
        disk.damage(&newest, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        history.clone().check(&disk, DIR, &options()).unwrap_or_else(|why| panic!("bit {bit}: {why}"));
    }
    for name in ["snapshot-0001", "snapshot-0002"] {
        disk.damage(&file(name), Vec::clear);
    }
    history.check(&disk, DIR, &options()).unwrap();
}

#[test]
fn a_journal_cut_behind_its_snapshot_starts_from_what_is_there_and_says_so() {
    let disk = SimDisk::new();
    let mut history = History::default();
    let mut store = history.open(&disk, DIR, &options()).unwrap();
    history.commit(&mut store, vec![submitted(1)]).unwrap();
    history.commit(&mut store, episode(1, 0, 2)).unwrap();
    history.snapshot(&mut store).unwrap();
    drop(store);
    let records = history.records();
    disk.damage(&file("facts-0001.log"), |bytes| bytes.truncate(bytes.len() - 40));
    let (store, replayed) = open(&disk).unwrap();
    assert!(!store.report.from_snapshot);
    assert!(store.report.lost[0].contains("snapshot-0001"), "{:?}", store.report.lost);
    assert!(is_subsequence(&replayed, &records));
    assert_eq!(replayed.len(), records.len() - 1);
}

#[test]
fn a_sealed_segment_that_is_cut_or_missing_is_refused() {
    let options = Options { segment_bytes: 300, ..options() };
    let disk = SimDisk::new();
    let mut history = History::default();
    let mut store = history.open(&disk, DIR, &options).unwrap();
    history.commit(&mut store, vec![submitted(1)]).unwrap();
    for ordinal in 0..4 {
        history.commit(&mut store, episode(1, ordinal, 2)).unwrap();
    }
    drop(store);
    for name in ["facts-0001.log", "turns-0001.log"] {
        let cut = disk.after_kill();
        cut.damage(&file(name), |bytes| bytes.truncate(bytes.len() - 1));
        let missing = disk.after_kill();
        missing.files().remove_file(&file(name)).unwrap();
        for disk in [cut, missing] {
            let refused = embedded::open_on(&disk.files(), Path::new(DIR), &options, &mut |_| Ok(()));
            assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{name}");
            assert!(!ops::verify_on(&disk.files(), Path::new(DIR)).unwrap().is_whole(), "{name}");
            let rebuilt = ops::rebuild_on(&disk.files(), Path::new(DIR)).unwrap();
            assert!(rebuilt.set_aside.is_some());
            open(&disk).unwrap();
        }
    }
}

#[test]
fn a_damaged_dictionary_is_read_from_its_copy() {
    let disk = SimDisk::new();
    let mut history = History::default();
    let mut store = history.open(&disk, DIR, &options()).unwrap();
    history.commit(&mut store, vec![submitted(1)]).unwrap();
    for ordinal in 0..6 {
        history.commit(&mut store, episode(1, ordinal, 3)).unwrap();
    }
    let records = history.records();
    let expected = Memory::new();
    let mut expected = expected.open(&mut |_| Ok(())).unwrap();
    expected.journal.commit(&records).unwrap();
    let magic = [0x37, 0xa4, 0x30, 0xec];
    disk.damage(&file("turns-0001.log"), |bytes| {
        let at = bytes.windows(4).position(|window| window == magic).expect("a dictionary was learned");
        bytes[at + 50] ^= 1;
    });
    same_answers(&*store.archive, &*expected.archive, &jobs_of(&records)).unwrap();
}
