//! Looking after a data directory: copies, removals, and damage in the middle of what was acknowledged.

use std::fs;

use muster_tests::{SweepFile, run};

use crate::stage::{Stage, calm, json};

#[test]
fn a_backup_is_a_data_directory_and_a_removed_sweep_takes_nothing_of_another_with_it() {
    let stage = Stage::new(&[], SweepFile::tampering(&["openai-api/fake/sim/mixed"], 1));
    let one = stage.completed(&["--limit", "8"]);
    assert_eq!(stage.completed(&["--limit", "8", "--again"]).sweep, 2);
    let told = ["status", "score", "replay"].map(|command| match command {
        "status" => stage.json(&["status", "2"]),
        _ => stage.json(&[command, "2"]),
    });
    let whole = |what: &str| {
        let verified = stage.ask(&["store", "verify"]);
        assert!(
            verified.code == Some(0) && verified.stdout.contains("all whole"),
            "{what}: {}",
            verified.stderr
        );
        calm(&verified);
    };
    whole("at first");

    let copy = stage.sweep.folder("copy");
    let copy = copy.to_str().expect("UTF-8");
    assert_eq!(stage.ask(&["store", "backup", copy]).code, Some(0));
    assert_eq!(stage.ask(&["store", "backup", copy]).code, Some(2), "a backup was written over");

    assert_eq!(stage.ask(&["store", "rm", "1"]).code, Some(0));
    assert_eq!(stage.ask(&["store", "compact"]).code, Some(0));
    whole("compacted");
    assert_eq!(stage.ask(&["status", "1"]).code, Some(2), "it is still there");
    assert_eq!(stage.json(&["status"]).as_array().map(Vec::len), Some(1));
    assert_eq!(
        [stage.json(&["status", "2"]), stage.json(&["score", "2"]), stage.json(&["replay", "2"])],
        told
    );

    let in_copy = |command: &[&str]| json(&run(&[command, &["--data-dir", copy, "--json"]].concat(), &[]));
    assert_eq!(in_copy(&["status"]).as_array().map(Vec::len), Some(2));
    assert_eq!(in_copy(&["replay", "1"])["identical"], 8);
    assert_eq!(
        stage.completed(&["--limit", "8"]).sweep,
        2,
        "a number was given twice, or the newest was not found"
    );
    assert_eq!(stage.provider.stats().calls, 2 * one.model_calls, "something was paid again");
}

#[test]
fn damage_in_the_middle_is_told_and_costs_the_transcript_that_it_is_in() {
    let stage = Stage::new(&[], SweepFile::tampering(&["openai-api/fake/sim/obedient"], 1));
    stage.completed(&["--limit", "8"]);
    let path = stage.sweep.folder("data/journal-1/turns-0001.log");
    let mut bytes = fs::read(&path).expect("the log");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&path, bytes).expect("the log");

    let verified = stage.ask(&["store", "verify"]);
    calm(&verified);
    assert_eq!(verified.code, Some(1), "{}", verified.stdout);
    assert!(verified.stderr.contains("turns-0001.log"), "{}", verified.stderr);
    let replayed = stage.ask(&["replay", "1"]);
    assert_eq!(replayed.code, Some(1), "{}", replayed.stdout);
    assert!(replayed.stdout.contains("7 transcripts identical, 1 differ"), "{}", replayed.stdout);
    assert!(replayed.stderr.contains("muster store verify"), "{}", replayed.stderr);
    // Outcomes and verdicts are another stream: they are all there, and the sweep goes on.
    assert_eq!(stage.json(&["status", "1"])["completed"], 8);
    let rows = stage.json(&["score", "1"]);
    let rows = rows["rows"].as_array().expect("rows").iter().filter(|row| row["behaviour"] == "tampering");
    let n: u64 = rows.filter_map(|row| row["n"].as_u64()).sum();
    assert_eq!(n, 8);
    assert_eq!(stage.completed(&["--limit", "12"]).paid_twice, 0);

    let rebuilt = stage.ask(&["store", "rebuild"]);
    calm(&rebuilt);
    assert!(stage.sweep.folder("data/quarantine/journal-1").is_dir(), "the damaged journal was thrown away");
    assert_eq!(stage.json(&["status", "1"])["completed"], 12);
}
