//! The index deleted, damaged, stale or ahead: rebuilt from the journal, same answers, never a panic that reaches the caller.

#![allow(clippy::unwrap_used, reason = "to panic is how a test fails")]

mod history;

use std::fs;
use std::path::{Path, PathBuf};

use history::{jobs_of, same_answers};
use muster_core::{Fact, Record, SweepId};
use muster_store::embedded::{self, Options};
use muster_store::testing::sample::{episode, job, scored, submitted};
use muster_store::{Memory, Store, ops};

fn open(dir: &Path) -> Store {
    embedded::open(dir, &Options::default(), &mut |_| Ok(())).unwrap()
}

fn fill(dir: &Path, from: u64, to: u64) -> Vec<Record> {
    let mut store = open(dir);
    let mut records = if from == 0 { vec![submitted(1), submitted(2), submitted(3)] } else { Vec::new() };
    for ordinal in from..to {
        records.extend(episode(1 + ordinal % 3, ordinal * 7 % 200, 1));
        records.push(scored(
            job(1 + ordinal % 3, ordinal * 7 % 200),
            "tampering",
            "1",
            &format!("{ordinal}"),
        ));
    }
    for batch in records.chunks(50) {
        store.journal.commit(batch).unwrap();
    }
    // Asked once, so that the index is there.
    store.archive.episodes(SweepId(1), None, 1).unwrap();
    records
}

fn check(dir: &Path, records: &[Record], what: &str) {
    let memory = Memory::new();
    let mut expected = memory.open(&mut |_| Ok(())).unwrap();
    expected.journal.commit(records).unwrap();
    let jobs = jobs_of(records);
    for nth in ["at once", "again"] {
        let store = open(dir);
        same_answers(&*store.archive, &*expected.archive, &jobs)
            .unwrap_or_else(|why| panic!("{what}, {nth}: {why}"));
    }
    let report = ops::verify(dir).unwrap();
    assert!(report.is_whole() && report.notes.is_empty(), "{what}: {report:?}");
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_in(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}

/// What is done to the bytes of a file.
type Damage = (&'static str, fn(&mut Vec<u8>));

#[test]
fn an_index_that_was_deleted_is_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let records = fill(dir.path(), 0, 150);
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    check(dir.path(), &records, "deleted");
}

#[test]
fn an_index_whose_files_were_damaged_is_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let records = fill(dir.path(), 0, 150);
    let kept = dir.path().join("kept");
    fs::rename(dir.path().join("index"), &kept).unwrap();
    let damages: [Damage; 6] = [
        ("emptied", Vec::clear),
        ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("cut by a byte", |bytes| bytes.truncate(bytes.len().saturating_sub(1))),
        ("overwritten", |bytes| bytes.fill(0xff)),
        ("overwritten in the middle", |bytes| {
            let (from, to) = (bytes.len() / 3, bytes.len() / 2);
            bytes[from..to].fill(0x5a);
        }),
        ("a byte changed here and there", |bytes| {
            for at in (13..bytes.len()).step_by(997) {
                bytes[at] ^= 0x41;
            }
        }),
    ];
    for file in files_in(&kept) {
        let name = file.strip_prefix(&kept).unwrap();
        for (what, damage) in damages {
            let _ = fs::remove_dir_all(dir.path().join("index"));
            copy_dir(&kept, &dir.path().join("index"));
            let mut bytes = fs::read(&file).unwrap();
            damage(&mut bytes);
            fs::write(dir.path().join("index").join(name), bytes).unwrap();
            check(dir.path(), &records, &format!("{} {what}", name.display()));
        }
    }
}

#[test]
fn an_index_that_is_a_file_or_noise_is_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let records = fill(dir.path(), 0, 20);
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    fs::write(dir.path().join("index"), "no folder").unwrap();
    check(dir.path(), &records, "a file");
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    fs::create_dir(dir.path().join("index")).unwrap();
    fs::write(dir.path().join("index/db"), vec![0x17; 300_000]).unwrap();
    fs::write(dir.path().join("index/conf"), "segment_size: -1").unwrap();
    check(dir.path(), &records, "noise");
}

#[test]
fn an_index_that_is_behind_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut records = fill(dir.path(), 0, 60);
    let kept = dir.path().join("kept");
    copy_dir(&dir.path().join("index"), &kept);
    records.extend(fill(dir.path(), 60, 150));
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    fs::rename(&kept, dir.path().join("index")).unwrap();
    check(dir.path(), &records, "behind");
}

#[test]
fn an_index_that_is_ahead_or_of_another_journal_is_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let (data, old) = (dir.path().join("data"), dir.path().join("old"));
    let records = fill(&data, 0, 60);
    copy_dir(&data, &old);
    fill(&data, 60, 100);
    fs::remove_dir_all(old.join("index")).unwrap();
    copy_dir(&data.join("index"), &old.join("index"));
    check(&old, &records, "ahead");

    let other = dir.path().join("other");
    let others = fill(&other, 100, 130);
    fs::remove_dir_all(other.join("index")).unwrap();
    copy_dir(&data.join("index"), &other.join("index"));
    check(&other, &others, "another's");
}

#[test]
fn an_index_follows_a_removed_sweep_and_a_compaction() {
    let dir = tempfile::tempdir().unwrap();
    let mut records = fill(dir.path(), 0, 90);
    let removed = Record::Fact(Fact::Removed { sweep: SweepId(2) });
    open(dir.path()).journal.commit(std::slice::from_ref(&removed)).unwrap();
    records.push(removed);
    check(dir.path(), &records, "removed");
    ops::compact(dir.path()).unwrap();
    check(dir.path(), &records, "compacted");
}
