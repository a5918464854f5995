//! Power loss at every moment of a compaction, a rebuild and a backup.

#![allow(clippy::unwrap_used, reason = "to panic is how a test fails")]

mod history;

use std::path::Path;

use history::{History, Verdict};
use muster_store::embedded::{IndexKind, Options};
use muster_store::files::SyncPoint;
use muster_store::testing::sample::{episode, granted, lease, submitted, turn};
use muster_store::testing::{Crash, Fault, SimDisk};
use muster_store::{StoreError, ops};

const DIR: &str = "/disk/data";
const COPY: &str = "/disk/copy";
const SEEDS: u64 = 6;

fn options() -> Options {
    Options { segment_bytes: 600, dictionary_samples: 9, index: IndexKind::Memory, ..Options::default() }
}

fn crashes() -> impl Iterator<Item = Crash> {
    [Crash::Nothing, Crash::Everything].into_iter().chain((0..SEEDS).map(Crash::Some))
}

/// A data directory, all of it durable.
fn filled() -> (SimDisk, History) {
    let disk = SimDisk::new();
    let mut history = History::default();
    let mut store = history.open(&disk, DIR, &options()).unwrap();
    history.commit(&mut store, vec![submitted(1)]).unwrap();
    let open = lease(1, 50, 1);
    history.commit(&mut store, vec![granted(open), turn(open, 0)]).unwrap();
    for ordinal in 0..4 {
        history.commit(&mut store, episode(1, ordinal, 2)).unwrap();
    }
    history.snapshot(&mut store).unwrap();
    history.commit(&mut store, vec![turn(open, 1)]).unwrap();
    history.commit(&mut store, episode(1, 4, 2)).unwrap();
    history.bundle(&store, b"a suite's files").unwrap();
    drop(store);
    (disk.after_power_loss(Crash::Everything), history)
}

type Operation = fn(&SimDisk) -> Result<(), StoreError>;

fn compact(disk: &SimDisk) -> Result<(), StoreError> {
    ops::compact_on(&disk.files(), Path::new(DIR), 600).map(drop)
}

fn rebuild(disk: &SimDisk) -> Result<(), StoreError> {
    ops::rebuild_on(&disk.files(), Path::new(DIR)).map(drop)
}

fn backup(disk: &SimDisk) -> Result<(), StoreError> {
    ops::backup_on(&disk.files(), Path::new(DIR), Path::new(COPY)).map(drop)
}

/// Runs an operation with the power going at each of its moments, and after it; each time the store must say the same
/// afterwards.
fn run(operation: Operation, ignored: Option<SyncPoint>) -> Verdict {
    let (filled, history) = filled();
    for at in 0.. {
        let disk = filled.after_kill().ignoring(ignored).with_fault(Fault::PowerOff(at));
        let done = operation(&disk).is_ok();
        for crash in crashes() {
            let told = |why: String| format!("effect {at}, {crash:?}: {why}");
            let disk = disk.after_power_loss(crash);
            history.clone().check(&disk, DIR, &options()).map_err(told)?;
            history.clone().go_on(&disk, DIR, &options()).map_err(told)?;
        }
        if done {
            return Ok(());
        }
    }
    Ok(())
}

/// A copy that was told to be whole must be, whatever happens after.
fn run_backup(ignored: Option<SyncPoint>) -> Verdict {
    let (filled, history) = filled();
    let disk = filled.after_kill().ignoring(ignored);
    backup(&disk).map_err(|error| error.to_string())?;
    for crash in crashes() {
        let disk = disk.after_power_loss(crash);
        history.clone().check(&disk, COPY, &options()).map_err(|why| format!("{crash:?}: {why}"))?;
        history.clone().check(&disk, DIR, &options()).map_err(|why| format!("{crash:?}: {why}"))?;
    }
    Ok(())
}

/// What was damaged must be there to be looked at, in the journal's folder or in the quarantine, whatever happens.
fn run_damaged(ignored: Option<SyncPoint>) -> Verdict {
    let (filled, _) = filled();
    let name = "journal-1/turns-0001.log";
    let path = Path::new(DIR).join(name);
    filled.damage(&path, |bytes| bytes[60] ^= 1);
    for at in 0.. {
        let disk = filled.after_kill().ignoring(ignored).with_fault(Fault::PowerOff(at));
        let done = rebuild(&disk).is_ok();
        for crash in crashes() {
            let disk = disk.after_power_loss(crash);
            let _ = history::History::default().check(&disk, DIR, &options());
            let aside = Path::new(DIR).join("quarantine").join(name);
            if !disk.files().exists(&path) && !disk.files().exists(&aside) {
                return Err(format!("effect {at}, {crash:?}: what was damaged is gone"));
            }
        }
        if done {
            return Ok(());
        }
    }
    Ok(())
}

#[test]
fn a_loss_of_power_during_a_rebuild_leaves_what_is_damaged_to_be_looked_at() {
    run_damaged(None).unwrap();
}

#[test]
fn a_loss_of_power_during_a_compaction_leaves_the_old_journal_or_the_new_one() {
    run(compact, None).unwrap();
}

#[test]
fn a_loss_of_power_during_a_rebuild_leaves_the_old_journal_or_the_new_one() {
    run(rebuild, None).unwrap();
}

#[test]
fn a_loss_of_power_during_a_backup_leaves_the_original_and_after_it_the_copy_too() {
    run(backup, None).unwrap();
    run_backup(None).unwrap();
}

#[test]
fn every_sync_of_a_compaction_and_a_backup_is_needed() {
    for point in [
        SyncPoint::Base,
        SyncPoint::Rewritten,
        SyncPoint::Folder,
        SyncPoint::Manifest,
        SyncPoint::ManifestName,
    ] {
        let Err(broken) = run(compact, Some(point)) else { panic!("nothing breaks without {point:?}") };
        println!("compaction without {point:?}: {}", broken.lines().next().unwrap_or_default());
    }
    let Err(broken) = run_damaged(Some(SyncPoint::Aside)) else { panic!("nothing breaks without Aside") };
    println!("rebuild without Aside: {broken}");
    for point in [SyncPoint::Backup, SyncPoint::BackupNames, SyncPoint::Root] {
        let Err(broken) = run_backup(Some(point)) else { panic!("nothing breaks without {point:?}") };
        println!("backup without {point:?}: {}", broken.lines().next().unwrap_or_default());
    }
}

#[test]
fn a_full_disk_during_a_compaction_leaves_the_old_journal() {
    let (filled, history) = filled();
    for at in 0.. {
        let disk = filled.after_kill().with_fault(Fault::Error(at, std::io::ErrorKind::StorageFull));
        let done = compact(&disk);
        history
            .clone()
            .check(&disk.after_kill(), DIR, &options())
            .unwrap_or_else(|why| panic!("effect {at}: {why}"));
        match done {
            Ok(()) if disk.effects() <= at => return,
            Ok(()) => {}
            Err(error) => assert!(matches!(error, StoreError::Full { .. }), "{error}"),
        }
    }
}
