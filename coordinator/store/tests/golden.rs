//! Data directories of every format ever released must open, and say what they said.

#![allow(clippy::unwrap_used, reason = "to panic is how a test fails")]

mod history;

use std::fs;
use std::path::Path;

use history::{jobs_of, same_answers};
use muster_store::embedded::{self, Options};
use muster_store::testing::golden;
use muster_store::testing::sample::episode;
use muster_store::{Memory, ops};

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

fn check(version: &str, golden: &golden::Golden) {
    let dir = tempfile::tempdir().unwrap();
    copy_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version), dir.path());
    let mut replayed = Vec::new();
    let mut store = embedded::open(dir.path(), &Options::default(), &mut |piece| {
        replayed.push(piece);
        Ok(())
    })
    .unwrap();
    assert!(store.report.is_clean(), "{:?}", store.report);
    assert_eq!(replayed, golden.replay);
    let memory = Memory::new();
    let mut expected = memory.open(&mut |_| Ok(())).unwrap();
    expected.journal.commit(&golden.records).unwrap();
    let jobs = jobs_of(&golden.records);
    same_answers(&*store.archive, &*expected.archive, &jobs).unwrap();
    let bundle = store.archive.bundle(*blake3::hash(golden.bundle).as_bytes()).unwrap();
    assert_eq!(bundle.unwrap(), golden.bundle);

    // It goes on from there, and the operations take it too.
    let more = episode(1, 150, 4);
    store.journal.commit(&more).unwrap();
    expected.journal.commit(&more).unwrap();
    drop(store);
    assert!(ops::verify(dir.path()).unwrap().is_whole());
    ops::compact(dir.path()).unwrap();
    let store = embedded::open(dir.path(), &Options::default(), &mut |_| Ok(())).unwrap();
    same_answers(&*store.archive, &*expected.archive, &jobs_of(&[golden.records.clone(), more].concat()))
        .unwrap();
}

#[test]
fn a_data_directory_of_format_1_opens() {
    check("v1", &golden::v1());
}

#[test]
fn a_data_directory_of_format_2_opens() {
    check("v2", &golden::v2());
}

#[test]
fn a_data_directory_of_format_3_opens() {
    check("v3", &golden::v3());
}
