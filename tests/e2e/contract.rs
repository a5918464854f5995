//! What scripts rely on: flags, exit codes, and the one object of `--json`.

use std::net::TcpListener;

use muster_tests::{Process, Provider, Summary, SweepFile, eventually};
use nix::sys::signal::Signal;

use crate::hostile::{Hostile, Response};
use crate::stage::{Stage, calm, ended_with, two_variants};

const OBEDIENT: &str = "openai-api/fake/sim/obedient";

const KEYS: [&str; 17] = [
    "sweep",
    "jobs",
    "completed",
    "limit",
    "refused",
    "failed",
    "cancelled",
    "quarantined",
    "model_calls",
    "paid_twice",
    "retries",
    "rate_limited",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "wall_s",
    "lost_usd",
];

/// The counts of a summary, without the time.
fn counts(summary: &Summary) -> Summary {
    Summary { wall_s: 0.0, ..summary.clone() }
}

#[test]
fn json_is_one_object_with_the_frozen_keys_and_a_second_run_pays_nothing_while_again_begins_anew() {
    let stage = Stage::new(&[], SweepFile::tampering(&[OBEDIENT], 1));
    let first = stage.run(&["--limit", "6"]);
    let summary = ended_with(&first, 0);
    assert_eq!(first.stdout.lines().count(), 1, "{}", first.stdout);
    let mut rest = first.stdout.as_str();
    for key in KEYS {
        let place = rest.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} in {}", first.stdout));
        rest = &rest[place..];
    }
    for said in ["6 jobs", "6/6 completed", "tampering", "6 of 6 jobs completed", "muster show 1 1/0/0"] {
        assert!(first.stderr.contains(said), "{said:?} is missing in {}", first.stderr);
    }
    assert_eq!((summary.sweep, summary.jobs, summary.completed), (1, 6, 6));
    assert_eq!((summary.failed, summary.paid_twice, summary.retries, summary.rate_limited), (0, 0, 0, 0));
    assert!(summary.cost_usd.is_none() && summary.input_tokens > 0 && summary.output_tokens > 0);
    assert_eq!(stage.provider.stats().calls, summary.model_calls);

    let second = stage.run(&["--limit", "6"]);
    assert_eq!(counts(&ended_with(&second, 0)), counts(&summary));
    assert!(second.stderr.contains("has ended before"), "{}", second.stderr);
    assert_eq!(stage.provider.stats().requests, summary.model_calls, "a second run of an ended sweep called");

    let again = stage.completed(&["--limit", "6", "--again"]);
    assert_eq!(counts(&Summary { sweep: 1, ..again.clone() }), counts(&summary));
    assert_eq!(again.sweep, 2);
    assert_eq!(stage.provider.stats().calls, 2 * summary.model_calls, "results were shared between sweeps");
    let listed = stage.json(&["status"]);
    assert_eq!(listed[0]["sweep"], 2, "the newest comes first: {listed}");
    assert_eq!(listed[1]["completed"], 6);
}

#[test]
fn without_json_the_table_and_the_counts_are_on_stdout() {
    let stage = Stage::new(&[], two_variants(&[OBEDIENT], 1, ""));
    let (file, data) = (stage.sweep.argument(), stage.sweep.data());
    let ended = Process::start(&["run", &file, "--data-dir", &data], &stage.provider.environment()).wait();
    calm(&ended);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for said in ["relationship", "0.0 %", "2 of 2 jobs completed", "cost unknown"] {
        assert!(ended.stdout.contains(said), "{said:?} is missing in {}", ended.stdout);
    }
}

#[test]
fn an_interrupted_run_exits_with_130_and_the_same_command_ends_it_with_no_call_lost_or_repeated() {
    let stage = Stage::new(&["--latency-ms", "40"], SweepFile::tampering(&[OBEDIENT], 1));
    let flags = ["--limit", "36", "--max-connections", "8"];
    for (calls, signal) in [(20, Signal::SIGINT), (60, Signal::SIGTERM), (100, Signal::SIGINT)] {
        let process = stage.start(&flags);
        eventually("calls", || (stage.provider.stats().calls >= calls).then_some(()));
        process.signal(signal);
        let ended = process.wait();
        let summary = ended_with(&ended, 130);
        assert!(summary.completed < 36, "it was done before it was interrupted: {summary:?}");
        assert!(ended.stderr.contains("the same command goes on"), "{}", ended.stderr);
        assert_eq!(stage.provider.stats().calls, summary.model_calls, "a drain lost answers: {summary:?}");
    }
    // What has ended so far is counted, and told to be a part.
    assert_eq!(stage.json(&["score", "1"])["partial"], true);
    let data = stage.sweep.data();
    let part = muster_tests::run(&["score", "1", "--data-dir", &data], &[]).stdout;
    assert!(
        part.contains("partial: short episodes over-represented (") && part.contains(" of 36 "),
        "{part}"
    );
    assert!(part.contains("variants pooled"), "{part}");
    let summary = stage.completed(&flags);
    assert_eq!((summary.sweep, summary.jobs, summary.paid_twice), (1, 36, 0));
    assert_eq!(stage.json(&["score", "1"])["partial"], false);
    let stats = stage.provider.stats();
    assert_eq!((stats.calls, stats.extra_calls), (summary.model_calls, 0));
}

#[test]
fn a_second_interrupt_gives_up_the_calls_in_flight_and_counts_them() {
    // Answers that take an hour: only giving them up ends the process.
    let stage = Stage::new(&["--latency-ms", "3600000"], two_variants(&[OBEDIENT], 4, ""));
    let mut process = stage.start(&["--max-connections", "5"]);
    eventually("calls", || (stage.provider.stats().requests == 5).then_some(()));
    process.signal(Signal::SIGINT);
    process.line("finishing the calls in flight");
    process.signal(Signal::SIGINT);
    let summary = ended_with(&process.wait(), 130);
    assert_eq!((summary.completed, summary.model_calls, summary.paid_twice), (0, 0, 5), "{summary:?}");

    let quick = Provider::start(&[]);
    let (file, data) = (stage.sweep.argument(), stage.sweep.data());
    let ended = Process::start(&["run", &file, "--data-dir", &data, "--json"], &quick.environment()).wait();
    let summary = ended_with(&ended, 0);
    assert_eq!((summary.completed, summary.paid_twice), (8, 5), "{summary:?}");
    assert_eq!(quick.stats().calls, summary.model_calls);
}

#[test]
fn an_interrupt_is_obeyed_while_a_provider_is_still_asked_whether_it_is_there() {
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", silent.local_addr().expect("an address"));
    let sweep = two_variants(&[OBEDIENT], 1, "");
    let (file, data) = (sweep.argument(), sweep.data());
    let environment = [("FAKE_BASE_URL", url.as_str()), ("FAKE_API_KEY", "none")];
    let process = Process::start(&["run", &file, "--data-dir", &data, "--json"], &environment);
    let _asking = silent.accept().expect("it asks");
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(130), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("before anything was started"), "{}", ended.stderr);
    assert!(!sweep.folder("data").exists());
}

#[test]
fn a_higher_limit_and_more_seeds_extend_a_sweep_and_rerun_nothing() {
    let stage = Stage::new(&[], two_variants(&[OBEDIENT, "openai-api/fake/sim/protective"], 4, ""));
    for (flags, jobs) in [
        (["--limit", "5", "--seeds", "4"], 5),
        (["--limit", "10", "--seeds", "4"], 10),
        (["--limit", "16", "--seeds", "4"], 16),
        // Two variants, two models.
        (["--limit", "1000", "--seeds", "6"], 24),
    ] {
        let summary = stage.completed(&flags);
        assert_eq!((summary.sweep, summary.jobs), (1, jobs), "{flags:?}");
        let stats = stage.provider.stats();
        assert_eq!((stats.calls, stats.extra_calls), (summary.model_calls, 0), "{flags:?} ran a job again");
    }
    let lanes = stage.json(&["status", "last"]);
    assert_eq!(lanes["lanes"][0]["completed"], 12, "{lanes}");
    assert_eq!(lanes["lanes"][1]["completed"], 12, "{lanes}");
}

#[test]
fn jobs_at_a_limit_and_refused_ones_are_completed_and_counted_apart() {
    let hostile = Hostile::start(|_, request| match request["model"].as_str() {
        Some("shy") => {
            Response::message(&serde_json::json!({ "role": "assistant", "content": "" }), "content_filter")
        }
        _ => Response::calls([("list_files", "{}".to_owned())]),
    });
    let sweep = two_variants(&["openai-api/a/shy", "openai-api/a/endless"], 2, "[limits]\nmodel_calls = 3");
    let (file, data, url) = (sweep.argument(), sweep.data(), hostile.base_url());
    let environment = [("A_BASE_URL", url.as_str()), ("A_API_KEY", "none")];
    let ended = Process::start(&["run", &file, "--data-dir", &data, "--json"], &environment).wait();
    let summary = ended_with(&ended, 0);
    assert_eq!((summary.jobs, summary.completed, summary.limit, summary.refused), (8, 8, 4, 4));
    assert_eq!(summary.model_calls, 4 + 4 * 3);
    assert_eq!(hostile.calls(), summary.model_calls);
}

#[test]
fn lost_jobs_exit_with_1_and_retry_opens_them_again() {
    let hostile = Hostile::start(|_, _| Response::error(400, "context_length_exceeded", "That is too long."));
    let stage = Stage::new(&[], two_variants(&[OBEDIENT], 2, ""));
    let (file, data, url) = (stage.sweep.argument(), stage.sweep.data(), hostile.base_url());
    let command = ["run", &file, "--data-dir", &data, "--json"];
    let ended = Process::start(&command, &[("FAKE_BASE_URL", url.as_str()), ("FAKE_API_KEY", "none")]).wait();
    let summary = ended_with(&ended, 1);
    assert_eq!((summary.jobs, summary.completed, summary.failed), (4, 0, 4), "{summary:?}");
    assert!(ended.stderr.contains("That is too long"), "the reason is not told: {}", ended.stderr);
    assert!(ended.stderr.contains("muster retry 1"), "{}", ended.stderr);
    // The end is the end until someone says otherwise.
    assert_eq!(counts(&ended_with(&stage.run(&[]), 1)), counts(&summary));
    assert_eq!(stage.provider.stats().requests, 0);

    assert_eq!(stage.ask(&["retry", "1"]).code, Some(0));
    let retried = stage.completed(&[]);
    assert_eq!((retried.sweep, retried.completed, retried.failed), (1, 4, 0), "{retried:?}");
    let old = stage.json(&["show", "1", "1/0/0", "--generation", "0"]);
    assert_eq!(old["outcome"], "failed (bad request)", "{old}");
    let new = stage.json(&["show", "1", "1/0/0"]);
    assert_eq!((new["generation"].as_u64(), new["outcome"].as_str()), (Some(1), Some("completed")), "{new}");
}
