//! A coordinator, workers and users as processes of their own: what is asked of it while it works, and how each of them
//! comes and goes.

use std::fs;
use std::path::Path;

use muster_tests::{Coordinator, Ended, Process, Provider, Summary, SweepFile, eventually, run};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::stage::{calm, ended_with, json, two_variants};

/// One for each variant.
const JOBS: u64 = 57;
const OBEDIENT: &str = "openai-api/fake/sim/obedient";

/// A provider, a coordinator and a sweep file.
struct Site {
    provider: Provider,
    coordinator: Coordinator,
    sweep: SweepFile,
    url: String,
}

// === impl Site ===

impl Site {
    fn new(provider: &[&str], sweep: SweepFile) -> Self {
        let coordinator = Coordinator::start(&sweep.folder("data"));
        let url = coordinator.url();
        Self { provider: Provider::start(provider), coordinator, sweep, url }
    }

    /// A worker with a spool of this name.
    fn worker(&self, spool: &str, slots: &str) -> Process {
        let spool = self.sweep.folder(spool);
        let spool = spool.to_str().expect("UTF-8");
        let arguments = ["worker", "--coordinator", &self.url, "--slots", slots, "--spool", spool];
        Process::start(&arguments, &self.provider.environment())
    }

    /// Starts `submit`: it needs no key.
    fn submit(&self, more: &[&str]) -> Process {
        let file = self.sweep.argument();
        let arguments = [&["submit", &file, "--coordinator", &self.url, "--json"], more].concat();
        Process::start(&arguments, &[])
    }

    /// A command to the coordinator at its address.
    fn ask(&self, command: &[&str]) -> Ended {
        run(&[command, &["--coordinator", &self.url]].concat(), &[])
    }

    /// A command to the coordinator by its data directory.
    fn ask_by_directory(&self, command: &[&str]) -> Ended {
        run(&[command, &["--data-dir", &self.sweep.data()]].concat(), &[])
    }

    fn status(&self) -> Value {
        json(&self.ask(&["status", "1", "--json"]))
    }

    /// The lane's number of this name in the status.
    fn lane(&self, name: &str) -> u64 {
        self.status()["lanes"][0][name].as_u64().expect("a number")
    }

    fn until_calls(&self, calls: u64) {
        eventually("calls", || (self.provider.stats().calls >= calls).then_some(()));
    }

    /// Waits for the sweep's good end, and that no call was lost or made twice on the way.
    fn ends_with_every_call_once(&self, jobs: u64, flags: &[&str]) -> Summary {
        let summary = ended_with(&self.submit(&[&["--wait"], flags].concat()).wait(), 0);
        assert_eq!((summary.sweep, summary.jobs, summary.completed), (1, jobs, jobs), "{summary:?}");
        assert_eq!(summary.paid_twice, 0, "{summary:?}");
        let stats = self.provider.stats();
        assert_eq!((stats.calls, stats.extra_calls), (summary.model_calls, 0), "{summary:?}");
        summary
    }
}

/// Events in a worker's spool: each is its length, its checksum and itself.
fn spooled(spool: &Path) -> usize {
    let bytes = fs::read(spool.join("unacknowledged")).unwrap_or_default();
    let (mut rest, mut count) = (bytes.as_slice(), 0);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some(next) = after.get(4 + length..) else { break };
        (rest, count) = (next, count + 1);
    }
    count
}

#[test]
fn a_coordinator_at_work_answers_every_command_at_its_address_and_by_its_data_directory() {
    let site = Site::new(&["--latency-ms", "40"], SweepFile::tampering(&[OBEDIENT], 1));
    assert_eq!(ended_with(&site.submit(&[]).wait(), 0).completed, 0);
    let waiting = site.submit(&["--wait"]);
    let watching = Process::start(&["watch", "last", "--coordinator", &site.url, "--json"], &[]);
    let _worker = site.worker("spool", "6");
    eventually("an episode's end", || (site.lane("completed") >= 3).then_some(()));

    assert_eq!(json(&site.ask(&["status", "--json"]))[0]["state"], "running");
    assert_eq!(json(&site.ask(&["show", "1", "0/0", "--json"]))["outcome"], "completed");
    assert_eq!(site.ask(&["pause", "1"]).code, Some(0));
    eventually("quiet", || (site.lane("running") == 0).then_some(()));
    let paused = site.status();
    assert_eq!(paused["state"], "paused", "{paused}");
    assert!(paused["completed"].as_u64() < Some(JOBS), "{paused}");
    assert_eq!(paused["model_calls"], site.provider.stats().calls, "{paused}");
    for ask in [Site::ask, Site::ask_by_directory] {
        let ask = |command: &[&str]| ask(&site, command);
        assert_eq!(json(&ask(&["status", "last", "--json"])), paused);
        let shown = json(&ask(&["show", "1", "0/0", "--json"]));
        assert_eq!((&shown["outcome"], &shown["same_bytes"]), (&"completed".into(), &true.into()));
        let scored = json(&ask(&["score", "last", "--json"]));
        assert_eq!(scored["unjudged"], 0, "{scored}");
        assert!(!scored["rows"].as_array().expect("rows").is_empty());
        let replayed = json(&ask(&["replay", "1", "--json"]));
        assert_eq!((&replayed["identical"], &replayed["different"]), (&paused["completed"], &0.into()));
        let told = ask(&["status", "1"]);
        assert!(told.stdout.contains(OBEDIENT) && told.stdout.contains("worker"), "{}", told.stdout);
        calm(&told);
    }
    let doctor = site.ask(&["doctor"]);
    assert!(doctor.stdout.contains("1 sweeps, 1 workers"), "{}", doctor.stdout);
    assert_eq!(site.ask_by_directory(&["resume", "last"]).code, Some(0));

    let waited = ended_with(&waiting.wait(), 0);
    let watched = ended_with(&watching.wait(), 0);
    assert_eq!(Summary { wall_s: 0.0, ..waited }, Summary { wall_s: 0.0, ..watched });
    site.ends_with_every_call_once(JOBS, &[]);
}

#[test]
fn a_cancelled_sweep_ends_at_once_and_retry_opens_what_was_cancelled() {
    let site = Site::new(&["--latency-ms", "60"], SweepFile::tampering(&[OBEDIENT], 1));
    let waiting = site.submit(&["--wait"]);
    let _worker = site.worker("spool", "6");
    eventually("an episode's end", || {
        let status = site.ask(&["status", "1", "--json"]);
        (status.code == Some(0) && json(&status)["completed"].as_u64() >= Some(2)).then_some(())
    });
    let cancel = site.ask(&["cancel", "1"]);
    assert!(cancel.code == Some(0) && cancel.stdout.contains("is cancelled"), "{}", cancel.stdout);
    let summary = ended_with(&waiting.wait(), 1);
    assert!(summary.completed >= 2 && summary.cancelled > 0, "{summary:?}");
    assert_eq!(summary.completed + summary.cancelled, JOBS, "{summary:?}");

    let retry = site.ask(&["retry", "1"]);
    assert!(retry.stdout.contains("jobs are open again"), "{}{}", retry.stdout, retry.stderr);
    let ended = site.submit(&["--wait"]).wait();
    let summary = ended_with(&ended, 0);
    assert_eq!((summary.completed, summary.cancelled), (JOBS, 0), "{summary:?}");
    // Calls in flight when it was cancelled were made in vain, and are counted; turns of the old generation are kept.
    let calls = site.provider.stats().calls;
    assert!(summary.model_calls <= calls, "{summary:?} of {calls}");
    assert!(calls <= summary.model_calls + summary.paid_twice, "{summary:?} of {calls}");
}

#[test]
fn a_terminated_worker_finishes_its_calls_and_gives_its_jobs_to_the_next() {
    let site = Site::new(&["--latency-ms", "40"], SweepFile::tampering(&[OBEDIENT], 1));
    let limit = ["--limit", "20"];
    assert_eq!(site.submit(&limit).wait().code, Some(0));
    for (spool, calls) in [("first", 15), ("second", 40)] {
        let worker = site.worker(spool, "6");
        site.until_calls(calls);
        worker.signal(Signal::SIGTERM);
        let ended = worker.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        calm(&ended);
        let status = site.status();
        assert_eq!(status["lanes"][0]["running"], 0, "leases are left to run out: {status}");
        assert_eq!(status["model_calls"], site.provider.stats().calls, "{status}");
        assert_eq!(status["state"], "running", "{status}");
    }
    let _worker = site.worker("third", "6");
    site.ends_with_every_call_once(20, &limit);
}

#[test]
fn a_second_signal_makes_a_worker_give_up_its_calls_and_count_them() {
    let site = Site::new(&["--latency-ms", "3600000"], two_variants(&[OBEDIENT], 3, ""));
    assert_eq!(site.submit(&[]).wait().code, Some(0));
    let mut worker = site.worker("spool", "4");
    eventually("calls", || (site.provider.stats().requests == 4).then_some(()));
    worker.signal(Signal::SIGTERM);
    worker.line("draining");
    worker.signal(Signal::SIGTERM);
    let ended = worker.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let status = site.status();
    assert_eq!((&status["paid_twice"], &status["model_calls"]), (&4.into(), &0.into()), "{status}");
    assert_eq!(status["lanes"][0]["running"], 0, "{status}");
}

#[test]
fn a_worker_makes_as_many_calls_at_once_and_tries_each_as_often_as_the_sweep_says() {
    let many = two_variants(&[OBEDIENT], 20, "max_connections = 24");
    let site = Site::new(&["--latency-ms", "3600000"], many);
    assert_eq!(site.submit(&[]).wait().code, Some(0));
    let worker = site.worker("spool", "40");
    eventually("24 calls at once", || (site.provider.stats().requests == 24).then_some(()));
    worker.kill_9();

    let stubborn = "[retry]\nmax_strikes = 0\ncall_tries = 3\ncall_seconds = 60\n";
    let site = Site::new(&["--fail-rate", "1"], two_variants(&[OBEDIENT], 1, stubborn));
    let _worker = site.worker("spool", "4");
    let summary = ended_with(&site.submit(&["--wait"]).wait(), 1);
    assert_eq!((summary.failed, summary.retries), (2, 4), "{summary:?}");
    assert_eq!(site.provider.stats().requests, 6);
}

#[test]
fn a_second_worker_in_the_same_folder_is_refused_before_it_takes_the_firsts_place() {
    let site = Site::new(&["--latency-ms", "40"], two_variants(&[OBEDIENT], 6, ""));
    assert_eq!(site.submit(&[]).wait().code, Some(0));
    let first = site.worker("spool", "4");
    site.until_calls(4);
    let second = site.worker("spool", "4").wait();
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    assert!(second.stderr.contains("in use by another worker"), "{}", second.stderr);
    site.ends_with_every_call_once(12, &[]);
    first.kill_9();
    // The folder of one that was killed is free at once.
    let mut third = site.worker("spool", "4");
    third.line("connected to the coordinator");
}

#[test]
fn a_coordinator_that_is_restarted_under_a_worker_loses_no_call() {
    let mut site = Site::new(&["--latency-ms", "40"], SweepFile::tampering(&[OBEDIENT], 1));
    let limit = ["--limit", "20"];
    let mut waiting = site.submit(&[&limit[..], &["--wait"]].concat());
    waiting.line("submitted");
    let mut worker = site.worker("spool", "4");
    site.until_calls(12);
    let ended = site.coordinator.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    calm(&ended);
    waiting.line("waiting for it to come back");
    assert!(!worker.has_ended(), "the worker left with its coordinator: {}", worker.stderr());
    site.coordinator.restart();

    let before = site.provider.stats().calls;
    site.until_calls(before + 8);
    // Twice: it waits for nothing.
    site.coordinator.process().signal(Signal::SIGTERM);
    assert_eq!(site.coordinator.terminate().code, Some(0));
    site.coordinator.restart();
    // Who waits for a sweep waits for its coordinator too.
    assert_eq!(ended_with(&waiting.wait(), 0).completed, 20);
    site.ends_with_every_call_once(20, &limit);
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.wait().code, Some(0));
}

#[test]
fn turns_spooled_while_the_coordinator_is_away_outlive_the_worker_too() {
    let mut site = Site::new(&["--latency-ms", "300"], two_variants(&[OBEDIENT], 2, ""));
    assert_eq!(site.submit(&[]).wait().code, Some(0));
    let worker = site.worker("spool", "4");
    // Each of the four is in its second call.
    eventually("the second calls", || (site.provider.stats().calls == 8).then_some(()));
    site.coordinator.kill_9();
    let spool = site.sweep.folder("spool");
    eventually("four spooled turns", || (spooled(&spool) == 4).then_some(()));
    worker.kill_9();

    let _worker = site.worker("spool", "4");
    site.coordinator.restart();
    site.ends_with_every_call_once(4, &[]);
    assert_eq!(spooled(&spool), 0, "what is acknowledged is still spooled");
}

#[test]
fn a_run_is_looked_at_and_told_what_to_do_by_its_data_directory_while_it_runs() {
    let provider = Provider::start(&["--latency-ms", "30"]);
    let sweep = SweepFile::tampering(&[OBEDIENT], 1);
    let (file, data) = (sweep.argument(), sweep.data());
    let command = ["run", &file, "--data-dir", &data, "--limit", "40", "--json"];
    let running = Process::start(&command, &provider.environment());
    let ask = |command: &[&str]| run(&[command, &["--data-dir", &data]].concat(), &[]);
    eventually("an episode's end", || {
        let status = ask(&["status", "last", "--json"]);
        (status.code == Some(0) && json(&status)["completed"].as_u64() >= Some(1)).then_some(())
    });
    assert_eq!(ask(&["pause", "last"]).code, Some(0));
    assert_eq!(json(&ask(&["show", "last", "0/0", "--json"]))["outcome"], "completed");
    assert!(json(&ask(&["score", "last", "--json"]))["unjudged"] == 0);
    // Another run can't have it, and says so.
    let second = run(&command, &provider.environment());
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    assert!(second.stderr.contains("in use by another process"), "{}", second.stderr);
    let watching = Process::start(&["watch", "last", "--data-dir", &data, "--json"], &[]);
    assert_eq!(ask(&["resume", "last"]).code, Some(0));
    let summary = ended_with(&running.wait(), 0);
    assert_eq!((summary.completed, summary.paid_twice), (40, 0));
    assert_eq!(provider.stats().calls, summary.model_calls);
    // Whether it saw the end or was cut off, it ended and said so.
    let watched = watching.wait();
    calm(&watched);
    assert!(matches!(watched.code, Some(0 | 1)), "{}", watched.stderr);
}

#[test]
fn a_worker_told_to_end_while_its_coordinator_is_away_ends_and_its_turns_are_handed_in_later() {
    let mut site = Site::new(&["--latency-ms", "200"], two_variants(&[OBEDIENT], 2, ""));
    assert_eq!(site.submit(&[]).wait().code, Some(0));
    let worker = site.worker("spool", "4");
    eventually("the second calls", || (site.provider.stats().calls == 8).then_some(()));
    site.coordinator.kill_9();
    worker.signal(Signal::SIGTERM);
    let ended = worker.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let spool = site.sweep.folder("spool");
    assert_eq!(spooled(&spool), 8, "four turns, and four leases given back");

    site.coordinator.restart();
    let _worker = site.worker("spool", "4");
    site.ends_with_every_call_once(4, &[]);
    assert_eq!(spooled(&spool), 0);
}

#[test]
fn a_worker_killed_after_an_outage_counts_the_calls_it_had_in_flight() {
    let mut site = Site::new(&["--latency-ms", "150"], SweepFile::tampering(&[OBEDIENT], 2));
    assert_eq!(site.submit(&[]).wait().code, Some(0));
    let worker = site.worker("spool", "16");
    site.until_calls(32);
    let spool = site.sweep.folder("spool");
    site.coordinator.kill_9();
    eventually("spooled turns", || (spooled(&spool) >= 16).then_some(()));
    site.coordinator.restart();
    // All of them are handed in, and the next calls are under way.
    let before = site.provider.stats().calls;
    site.until_calls(before + 8);
    worker.kill_9();

    let _worker = site.worker("spool", "16");
    let summary = ended_with(&site.submit(&["--wait"]).wait(), 0);
    let extra = site.provider.stats().calls - summary.model_calls;
    assert!(extra <= summary.paid_twice, "{extra} calls were paid in vain: {summary:?}");
    assert!(summary.paid_twice <= 16, "{summary:?}");
}

#[test]
fn a_worker_told_to_end_does_not_wait_for_calls_that_have_not_begun() {
    let site = Site::new(&["--latency-ms", "100"], two_variants(&[OBEDIENT], 4, ""));
    assert_eq!(site.submit(&[]).wait().code, Some(0));
    let spool = site.sweep.folder("spool");
    let spool = spool.to_str().expect("UTF-8");
    // One call a minute: all but the first wait for longer than a silent process is let live.
    let pace = ["--slots", "4", "--rpm", "1", "--spool", spool];
    let arguments = [&["worker", "--coordinator", &site.url], &pace[..]].concat();
    let worker = Process::start(&arguments, &site.provider.environment());
    site.until_calls(1);
    eventually("four leases", || (site.lane("running") == 4).then_some(()));
    worker.signal(Signal::SIGTERM);
    let ended = worker.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let _worker = site.worker("spool", "4");
    site.ends_with_every_call_once(8, &[]);
}
