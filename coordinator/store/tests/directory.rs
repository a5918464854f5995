//! A data directory that is not as it should be: in use, of a newer version, something else, not to be written.

#![allow(clippy::unwrap_used, reason = "to panic is how a test fails")]

use std::fs;
use std::path::Path;

use muster_core::{Record, TurnIndex, TurnRecord, Usage};
use muster_store::embedded::{self, Options};
use muster_store::testing::sample::{episode, lease, submitted};
use muster_store::{Store, StoreError};

fn open(dir: &Path) -> Result<Store, StoreError> {
    embedded::open(dir, &Options::default(), &mut |_| Ok(()))
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_directory_in_use_is_refused_until_its_journal_and_archive_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let refused = open(dir.path()).err().unwrap();
    assert!(matches!(refused, StoreError::InUse { .. }));
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    let Store { journal, archive, .. } = store;
    drop(journal);
    assert!(matches!(open(dir.path()), Err(StoreError::InUse { .. })));
    drop(archive);
    open(dir.path()).unwrap();
}

#[test]
fn a_directory_of_a_newer_version_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    fs::remove_file(dir.path().join("LOCK")).unwrap();
    let newer = "muster-store 2\nsomething this release knows nothing of\n";
    fs::write(dir.path().join("MANIFEST"), newer).unwrap();
    let before = names(dir.path());
    let refused = open(dir.path()).err().unwrap();
    assert!(matches!(refused, StoreError::NewerFormat { found: 2, newest: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("use the newer release"), "{refused}");
    assert_eq!(names(dir.path()), before);
    assert_eq!(fs::read_to_string(dir.path().join("MANIFEST")).unwrap(), newer);
}

#[test]
fn a_directory_with_something_else_in_it_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "\\documentclass{article}").unwrap();
    let refused = open(dir.path()).err().unwrap();
    assert!(matches!(refused, StoreError::NotOurs { .. }), "{refused}");
    assert_eq!(names(dir.path()), ["thesis.tex"]);
}

#[test]
fn a_file_where_the_directory_should_be_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    fs::write(&path, "a file").unwrap();
    let refused = open(&path).err().unwrap();
    assert!(matches!(refused, StoreError::Io { .. }), "{refused}");
    assert!(refused.to_string().contains("data"), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
}

/// Root may write anywhere, so what forbids the writing here is a folder where a file belongs.
#[test]
fn a_journal_that_cannot_be_written_says_so_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    store.journal.commit(&[submitted(1)]).unwrap();
    fs::create_dir(dir.path().join("journal-1/turns-0001.log")).unwrap();
    let refused = store.journal.commit(&episode(1, 0, 2)).err().unwrap();
    assert!(matches!(refused, StoreError::Io { action: "open", .. }), "{refused}");
    assert!(refused.to_string().contains("turns-0001.log"), "{refused}");
    let after = store.journal.commit(&[submitted(2)]).err().unwrap();
    assert!(after.to_string().contains("end the process and start again"), "{after}");
    drop(store);
    fs::remove_dir(dir.path().join("journal-1/turns-0001.log")).unwrap();
    let mut facts = 0;
    let mut store = embedded::open(dir.path(), &Options::default(), &mut |_| {
        facts += 1;
        Ok(())
    })
    .unwrap();
    store.journal.commit(&episode(1, 0, 2)).unwrap();
    assert_eq!(facts, 1);
}

#[test]
fn a_record_too_large_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let turn = TurnRecord {
        lease: lease(1, 0, 1),
        index: TurnIndex(0),
        usage: Usage::default(),
        body: vec![0; 128 << 20].into(),
    };
    let refused = store.journal.commit(&[submitted(1), Record::Turn(turn)]).err().unwrap();
    assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    store.journal.commit(&[submitted(1)]).unwrap();
}

#[test]
fn a_lock_file_that_cannot_be_made_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("LOCK")).unwrap();
    let refused = open(dir.path()).err().unwrap();
    assert!(matches!(refused, StoreError::Io { action: "lock", .. }), "{refused}");
}

#[test]
fn a_data_directory_is_made_with_those_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    open(&deep).unwrap().journal.commit(&[submitted(1)]).unwrap();
    // The index is made by a thread of its own, sooner or later.
    let made: Vec<String> = names(&deep).into_iter().filter(|name| name != "index").collect();
    assert_eq!(made, ["LOCK", "MANIFEST", "bundles", "journal-1"]);
}

#[test]
fn what_a_crash_left_of_making_a_directory_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("journal-1")).unwrap();
    fs::write(dir.path().join("MANIFEST.new"), "muster-sto").unwrap();
    fs::write(dir.path().join("LOCK"), "").unwrap();
    open(dir.path()).unwrap();
}
