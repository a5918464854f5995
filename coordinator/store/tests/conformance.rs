//! The conformance suite, run on every store.

#![allow(clippy::unwrap_used, reason = "to panic is how a test fails")]

use std::path::Path;

use muster_store::embedded::{self, IndexKind, Options};
use muster_store::testing::SimDisk;
use muster_store::testing::conformance::{CASES, Closed};
use muster_store::{Memory, Store, StoreError, Visit};

struct Embedded(tempfile::TempDir, Options);

struct Simulated(SimDisk, Options);

struct InMemory(Memory);

impl Closed for Embedded {
    fn open(&self, visit: &mut Visit<'_>) -> Result<Store, StoreError> {
        embedded::open(&self.0.path().join("data"), &self.1, visit)
    }
}

impl Closed for Simulated {
    fn open(&self, visit: &mut Visit<'_>) -> Result<Store, StoreError> {
        embedded::open_on(&self.0.files(), Path::new("/data"), &self.1, visit)
    }
}

impl Closed for InMemory {
    fn open(&self, visit: &mut Visit<'_>) -> Result<Store, StoreError> {
        self.0.open(visit)
    }
}

fn run(make: impl Fn() -> Box<dyn Closed>) {
    for (name, case) in CASES {
        println!("{name}");
        case(&*make());
    }
}

#[test]
fn the_memory_store_conforms() {
    run(|| Box::new(InMemory(Memory::new())));
}

#[test]
fn the_embedded_store_conforms() {
    run(|| Box::new(Embedded(tempfile::tempdir().unwrap(), Options::default())));
}

#[test]
fn the_embedded_store_conforms_when_every_commit_begins_a_segment_and_a_dictionary() {
    let options = Options { segment_bytes: 1, dictionary_samples: 8, ..Options::default() };
    run(|| Box::new(Embedded(tempfile::tempdir().unwrap(), options.clone())));
}

#[test]
fn the_embedded_store_conforms_without_an_index_on_disk() {
    let options = Options { index: IndexKind::Memory, ..Options::default() };
    run(|| Box::new(Embedded(tempfile::tempdir().unwrap(), options.clone())));
}

#[test]
fn the_embedded_store_conforms_on_a_disk_of_short_writes() {
    let options = Options { segment_bytes: 700, index: IndexKind::Memory, ..Options::default() };
    run(|| Box::new(Simulated(SimDisk::new().with_short_writes(1_000), options.clone())));
}
