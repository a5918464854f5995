//! Power loss, at every moment of a workload, on a disk that loses, tears and reorders whatever was not synced. What was
//! acknowledged must be there, nothing may be made up, and the next start must be right. And each sync is needed: with
//! any one of them left out, some loss of power breaks one of these.

#![allow(clippy::unwrap_used, reason = "to panic is how a test fails")]

mod history;

use std::path::Path;

use history::{History, Verdict};
use muster_core::Outcome;
use muster_store::embedded::{self, IndexKind, Options};
use muster_store::files::SyncPoint;
use muster_store::testing::sample::{ended, granted, lease, submitted, turn};
use muster_store::testing::{Crash, Fault, SimDisk};
use muster_store::{Store, StoreError};

const DIR: &str = "/disk/data";

/// Losses of power tried at each moment, beside those of nothing and of everything that was not synced.
const SEEDS: u64 = 6;

fn options() -> Options {
    Options { segment_bytes: 900, dictionary_samples: 9, index: IndexKind::Memory, ..Options::default() }
}

/// A disk on which the folder above the data directory is there and durable.
fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.files().create_dir_all(Path::new("/disk")).unwrap();
    disk.files().sync_dir(Path::new("/"), SyncPoint::Found).unwrap();
    disk
}

/// Opens, commits and closes, some times over, until the disk fails.
fn work(disk: &SimDisk, history: &mut History) -> Result<(), StoreError> {
    let mut store = history.open(disk, DIR, &options())?;
    history.commit(&mut store, vec![submitted(1)])?;
    for ordinal in 0..2 {
        play(&mut store, history, ordinal)?;
    }
    history.snapshot(&mut store)?;
    play(&mut store, history, 2)?;
    history.bundle(&store, b"a suite's files")?;
    drop(store);
    let mut store = history.open(disk, DIR, &options())?;
    play(&mut store, history, 3)?;
    history.snapshot(&mut store)?;
    history.bundle(&store, b"another suite's files")?;
    play(&mut store, history, 4)
}

fn play(store: &mut Store, history: &mut History, ordinal: u64) -> Result<(), StoreError> {
    let lease = lease(1, ordinal, 1);
    history.commit(store, vec![granted(lease)])?;
    history.commit(store, vec![turn(lease, 0), granted(self::lease(1, ordinal + 100, 1))])?;
    history.commit(store, vec![turn(lease, 1)])?;
    history.commit(store, vec![turn(lease, 2), ended(lease, 3, Outcome::Completed)])
}

/// Effects of the workload, undisturbed.
fn effects() -> u64 {
    let disk = disk();
    let mut history = History::default();
    work(&disk, &mut history).unwrap();
    disk.effects()
}

/// The power goes at one moment; then comes a start, some more work, and another look.
fn cut_at(at: u64, crash: Crash, ignored: Option<SyncPoint>) -> Verdict {
    let disk = disk().ignoring(ignored).with_fault(Fault::PowerOff(at));
    let mut history = History::default();
    let _ = work(&disk, &mut history);
    let disk = disk.after_power_loss(crash);
    history.check(&disk, DIR, &options())?;
    history.go_on(&disk, DIR, &options())?;
    history.check(&disk, DIR, &options())
}

/// Only the process dies at one moment; a start builds on what it finds; then the power goes.
fn kill_then_cut(at: u64, crash: Crash, ignored: Option<SyncPoint>) -> Verdict {
    let disk = disk().ignoring(ignored).with_fault(Fault::PowerOff(at));
    let mut history = History::default();
    let _ = work(&disk, &mut history);
    let disk = disk.after_kill();
    history.check(&disk, DIR, &options())?;
    history.check(&disk.after_power_loss(crash), DIR, &options())?;
    history.go_on(&disk, DIR, &options())?;
    history.check(&disk.after_power_loss(crash), DIR, &options())
}

/// The power goes at one moment, and again at any moment of the first commit after it.
fn cut_twice(at: u64, crash: Crash, ignored: Option<SyncPoint>) -> Verdict {
    let disk = disk().ignoring(ignored).with_fault(Fault::PowerOff(at));
    let mut history = History::default();
    let _ = work(&disk, &mut history);
    let torn = disk.after_power_loss(crash);
    for second in 0..40 {
        let disk = torn.after_kill().with_fault(Fault::PowerOff(second));
        let mut history = history.clone();
        let done =
            history.check(&disk, DIR, &options()).is_ok() && history.go_on(&disk, DIR, &options()).is_ok();
        if !done && second == 0 && disk.effects() == 0 {
            break;
        }
        for crash in [Crash::Everything, Crash::Some(second), Crash::Some(second + 100)] {
            history.clone().check(&disk.after_power_loss(crash), DIR, &options())?;
        }
        if done {
            break;
        }
    }
    Ok(())
}

type Scenario = (&'static str, fn(u64, Crash, Option<SyncPoint>) -> Verdict);

const SCENARIOS: [Scenario; 3] =
    [("power loss", cut_at), ("kill, then power loss", kill_then_cut), ("power loss twice", cut_twice)];

/// Runs a scenario at every moment with each of `crashes`; says what goes wrong first.
fn run((what, scenario): Scenario, crashes: &[Crash], ignored: Option<SyncPoint>) -> Verdict {
    for at in 0..effects() {
        for crash in crashes {
            let verdict = scenario(at, *crash, ignored);
            verdict.map_err(|why| format!("{what}, effect {at}, {crash:?}: {why}"))?;
        }
    }
    Ok(())
}

fn crashes(seeds: u64) -> Vec<Crash> {
    [Crash::Nothing, Crash::Everything].into_iter().chain((0..seeds).map(Crash::Some)).collect()
}

#[test]
fn a_loss_of_power_at_any_moment_loses_nothing_acknowledged() {
    run(SCENARIOS[0], &crashes(SEEDS), None).unwrap();
}

#[test]
fn what_a_start_found_after_a_kill_survives_a_loss_of_power() {
    run(SCENARIOS[1], &crashes(SEEDS), None).unwrap();
}

#[test]
fn a_second_loss_of_power_during_the_work_after_the_first_mixes_nothing_up() {
    run(SCENARIOS[2], &[Crash::Some(3)], None).unwrap();
}

#[test]
fn every_sync_is_needed() {
    // These are made by other operations; see `operations_power_loss`.
    let elsewhere =
        [SyncPoint::Base, SyncPoint::Rewritten, SyncPoint::Aside, SyncPoint::Backup, SyncPoint::BackupNames];
    for point in SyncPoint::ALL.into_iter().filter(|point| !elsewhere.contains(point)) {
        let broken =
            SCENARIOS.into_iter().find_map(|scenario| run(scenario, &crashes(SEEDS), Some(point)).err());
        let Some(broken) = broken else { panic!("nothing breaks without {point:?}") };
        println!("without {point:?}: {}", broken.lines().next().unwrap_or_default());
    }
}

#[test]
fn a_write_or_sync_that_fails_poisons_the_journal_and_the_next_start_is_right() {
    for kind in [std::io::ErrorKind::Other, std::io::ErrorKind::StorageFull] {
        for at in 0..effects() {
            let disk = disk().with_fault(Fault::Error(at, kind));
            let mut history = History::default();
            let failed = work(&disk, &mut history);
            if let Err(error) = &failed {
                let full = matches!(error, StoreError::Full { .. });
                assert_eq!(full, kind == std::io::ErrorKind::StorageFull, "effect {at}: {error}");
            }
            for crash in [Crash::Nothing, Crash::Everything, Crash::Some(at)] {
                let mut history = history.clone();
                let told =
                    |verdict: Verdict| verdict.unwrap_or_else(|why| panic!("effect {at}, {crash:?}: {why}"));
                told(history.check(&disk.after_power_loss(crash), DIR, &options()));
            }
        }
    }
}

#[test]
fn after_a_failure_every_commit_fails_and_says_why() {
    let good = disk();
    let mut store = embedded::open_on(&good.files(), Path::new(DIR), &options(), &mut |_| Ok(())).unwrap();
    store.journal.commit(&[submitted(1)]).unwrap();
    drop(store);
    let before = good.effects();
    let bad = good.after_kill().with_fault(Fault::Error(5, std::io::ErrorKind::Other));
    let mut store = embedded::open_on(&bad.files(), Path::new(DIR), &options(), &mut |_| Ok(())).unwrap();
    assert!(before > 5 && bad.effects() <= 5, "the fault comes after the start");
    let first = (0..9).find_map(|n| store.journal.commit(&[granted(lease(1, n, 1))]).err());
    assert!(matches!(first, Some(StoreError::Io { .. })), "{first:?}");
    for _ in 0..2 {
        let later = store.journal.commit(&[granted(lease(1, 50, 1))]);
        assert!(
            matches!(&later, Err(StoreError::Poisoned { cause }) if cause.contains("facts-0001.log")),
            "{later:?}"
        );
    }
    let snapshot = store.journal.snapshot(&muster_core::Snapshot::default());
    assert!(matches!(snapshot, Err(StoreError::Poisoned { .. })));
}
