//! Each of the fake provider's faults, met by a whole sweep: it ends, every job is accounted for, what came of it is
//! never graded wrong, and the record replays.

use std::thread;

use muster_tests::{Summary, eventually};
use serde_json::Value;

use crate::stage::{Stage, calm, two_variants};

const OBEDIENT: &str = "openai-api/fake/sim/obedient";
const PROTECTIVE: &str = "openai-api/fake/sim/protective";

/// Two variants, two models, two seeds.
const JOBS: u64 = 8;

/// What a fault does to a sweep.
#[derive(Clone, Copy, PartialEq)]
enum Harm {
    /// Calls are tried again, and every episode is what it would have been.
    Retried,
    /// As `Retried`, by way of "too many requests".
    Limited,
    /// As `Retried`, and the lost answers may have been paid for.
    Paid,
    /// As `Paid`; a call answered so twice loses its job, for a third answer would be no shorter.
    TooLong,
    /// Nothing is noticed.
    None,
    /// The model itself does other than its script.
    Behaviour,
}

/// What became of it.
struct Met {
    name: &'static str,
    harm: Harm,
    summary: Summary,
    rows: Vec<Value>,
    calls: u64,
}

#[test]
fn under_every_fault_a_sweep_ends_with_each_job_accounted_for_and_none_graded_wrong() {
    let faults = [
        ("http500=0.15", Harm::Retried),
        ("http503=0.08", Harm::Retried),
        ("http429=0.06", Harm::Limited),
        ("cut=0.15", Harm::Paid),
        ("cut-json=0.15", Harm::Paid),
        ("not-json=0.15", Harm::Paid),
        ("huge=0.1", Harm::TooLong),
        ("error-in-200=0.15", Harm::Retried),
        ("blank-lines=0.5", Harm::None),
        ("unknown-tool=0.15", Harm::Behaviour),
        ("bad-arguments=0.15", Harm::Behaviour),
        ("empty=0.08", Harm::Behaviour),
    ];
    let meetings = faults.map(|(name, harm)| thread::spawn(move || meet(name, harm)));
    for meeting in meetings {
        let met = meeting.join().expect("a fault was not survived: see above");
        met.is_accounted_for();
        met.is_graded_right();
    }
}

fn meet(name: &'static str, harm: Harm) -> Met {
    // Different faults from the same seed are at the same calls: it is chosen so that each comes up a few times.
    let stage = Stage::new(&["--fault", name, "--seed", "5"], two_variants(&[OBEDIENT, PROTECTIVE], 2, ""));
    let ended = stage.run(&[]);
    calm(&ended);
    assert!(matches!(ended.code, Some(0 | 1)), "{name}: {:?} {}", ended.code, ended.stderr);
    let summary = Summary::of(&ended.stdout);
    assert_eq!(ended.code == Some(0), summary.completed == summary.jobs, "{name}: {summary:?}");
    let replayed = stage.json(&["replay", "1"]);
    assert_eq!(
        (&replayed["identical"], &replayed["different"]),
        (&summary.completed.into(), &0.into()),
        "{name}"
    );
    let scored = stage.json(&["score", "1"]);
    assert_eq!(scored["unjudged"], 0, "{name}: {scored}");
    let rows = scored["rows"].as_array().expect("rows").clone();
    Met { name, harm, summary, rows, calls: stage.provider.stats().calls }
}

// === impl Met ===

impl Met {
    fn is_accounted_for(&self) {
        let Self { name, harm, summary, calls, .. } = self;
        assert_eq!(summary.jobs, JOBS, "{name}");
        assert_eq!(summary.completed + summary.failed + summary.quarantined, JOBS, "{name}: {summary:?}");
        assert_eq!(summary.quarantined, 0, "{name}: {summary:?}");
        if !matches!(harm, Harm::Behaviour | Harm::TooLong) {
            assert_eq!(summary.completed, JOBS, "{name}: {summary:?}");
        }
        let paid = matches!(harm, Harm::Paid | Harm::TooLong);
        let retried = paid || matches!(harm, Harm::Retried | Harm::Limited);
        assert_eq!(summary.retries > 0, retried, "{name}: {summary:?}");
        assert_eq!(summary.rate_limited > 0, *harm == Harm::Limited, "{name}: {summary:?}");
        let extra = calls - summary.model_calls;
        assert_eq!(extra > 0, paid, "{name}: {calls} calls, {summary:?}");
        assert!(extra <= summary.paid_twice, "{name}: {calls} calls, {summary:?}");
        assert!(paid || summary.paid_twice == 0, "{name}: {summary:?}");
    }

    fn is_graded_right(&self) {
        // The other behaviour that the scenario is scored for, no player shows.
        for row in self.rows.iter().filter(|row| row["behaviour"] == "tampering") {
            let (n, k) = (row["n"].as_u64().expect("n"), row["k"].as_u64().expect("k"));
            let told = format!("{}: {row}", self.name);
            if row["model"] == OBEDIENT {
                assert_eq!(k, 0, "{told}");
            } else if self.harm != Harm::Behaviour {
                assert_eq!(k, n, "{told}");
            }
            let counted = ["unread", "nothing", "unscored", "failed", "quarantined", "cancelled"];
            let counted: u64 = counted.iter().map(|name| row[name].as_u64().expect("a count")).sum();
            assert_eq!(n + counted, JOBS / 2, "{told}");
            let failed = row["failed"].as_u64().expect("a count");
            assert!(self.harm == Harm::Behaviour || n + failed == JOBS / 2, "{told}");
            assert_eq!((&row["unscored"], &row["cancelled"]), (&0.into(), &0.into()), "{told}");
        }
    }
}

#[test]
fn a_provider_that_answers_nothing_but_errors_ends_a_sweep_with_its_reason() {
    let sweep = two_variants(
        &[OBEDIENT],
        1,
        "[retry]\nmax_strikes = 1\nbackoff_ms = 1\ncall_tries = 2\ncall_seconds = 30\n",
    );
    let stage = Stage::new(&["--fail-rate", "1"], sweep);
    let ended = stage.run(&[]);
    calm(&ended);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let summary = Summary::of(&ended.stdout);
    assert_eq!((summary.failed, summary.completed, summary.model_calls), (2, 0, 0), "{summary:?}");
    assert!(ended.stderr.contains("500") && ended.stderr.contains("failed (transient)"), "{}", ended.stderr);
    let scored = stage.json(&["score", "1"]);
    assert_eq!((&scored["rows"][0]["n"], &scored["rows"][0]["failed"]), (&0.into(), &2.into()), "{scored}");
}

#[test]
fn calls_that_are_never_answered_cost_the_time_that_the_sweep_gives_them_and_no_job() {
    let patience = "[retry]\nmax_strikes = 20\nbackoff_ms = 1\ncall_tries = 2\ncall_seconds = 1\n";
    let stage = Stage::new(&["--fault", "hang=0.1", "--seed", "5"], two_variants(&[OBEDIENT], 2, patience));
    let summary = stage.completed(&[]);
    let stats = stage.provider.stats();
    assert!(stats.hangs > 0);
    assert_eq!((stats.calls, stats.extra_calls), (summary.model_calls, 0), "{summary:?}");
    // A call without an answer may have been paid for, for all that can be known here.
    assert_eq!(summary.paid_twice, stats.hangs, "{summary:?}");
    assert_eq!(stage.json(&["replay", "1"])["identical"], summary.jobs);
}

#[test]
fn true_quotas_of_requests_and_tokens_are_lived_with() {
    let sweep = two_variants(&[OBEDIENT], 2, "");
    // A burst of five calls, then ten a second, whatever is tried: some are turned away, all are made in the end.
    let stage = Stage::new(&["--rpm", "600", "--tpm", "2000000"], sweep);
    let summary = stage.completed(&["--max-connections", "16"]);
    let stats = eventually("the account", || Some(stage.provider.stats()));
    assert_eq!((stats.calls, stats.extra_calls), (summary.model_calls, 0), "{summary:?}");
    assert_eq!(stats.rate_limited, summary.rate_limited, "{summary:?}");
    assert_eq!(summary.paid_twice, 0);
}
