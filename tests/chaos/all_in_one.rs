//! `muster run`, killed again and again.

use std::time::Duration;

use muster_tests::{Ended, Process, Provider, Summary, SweepFile, run};

use crate::kills::Moments;

const SLOTS: u32 = 16;
const KILLS: u32 = 80;

/// Longer than a start and some turns: kills hit the start, the recovery, and episodes in every state.
const LONGEST: Duration = Duration::from_millis(2_500);

#[test]
fn a_run_killed_at_random_moments_ends_with_one_outcome_per_job_and_pays_at_most_the_calls_in_flight_again() {
    let provider = Provider::start(&["--latency-ms", "30"]);
    let sweep = SweepFile::tampering(&["openai-api/fake/sim/mixed"], 1_000);
    let mut moments = Moments::new(KILLS);
    let mut kills = 0;
    // Enough work that it is not done before the last kill, and little enough that it is soon after.
    let limit = (moments.left() * 40).to_string();
    while moments.left() > 0 {
        let process = Process::start(&arguments(&sweep, &limit, &[]), &provider.environment());
        moments.wait(LONGEST);
        process.kill_9();
        kills += 1;
    }
    let ended = run(&arguments(&sweep, &limit, &[]), &provider.environment());
    let summary = finished(&ended);
    assert_eq!(summary.jobs.to_string(), limit);

    let extra = provider.stats().calls - summary.model_calls;
    assert!(extra <= summary.paid_twice, "{extra} calls were paid again, {} counted", summary.paid_twice);
    assert!(summary.paid_twice > 0, "none of {kills} kills hit a call in flight: they come too early");
    let bound = u64::from(kills * SLOTS);
    assert!(summary.paid_twice <= bound, "{} counted, at most {bound} were in flight", summary.paid_twice);
    eprintln!(
        "{kills} kills, {} calls, {extra} paid again, {} counted",
        summary.model_calls, summary.paid_twice
    );

    let replayed = run(&["replay", "1", "--data-dir", &sweep.data()], &[]);
    assert_eq!(replayed.code, Some(0), "{}{}", replayed.stdout, replayed.stderr);
    let verified = run(&["store", "verify", "--data-dir", &sweep.data()], &[]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}

fn finished(ended: &Ended) -> Summary {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let summary = Summary::of(&ended.stdout);
    assert_eq!(summary.completed, summary.jobs, "{summary:?}");
    assert_eq!((summary.failed, summary.quarantined, summary.cancelled), (0, 0, 0), "{summary:?}");
    summary
}

fn arguments<'a>(sweep: &SweepFile, limit: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let mut all =
        vec!["run", leak(sweep.argument()), "--data-dir", leak(sweep.data()), "--limit", limit, "--json"];
    all.extend_from_slice(&["--max-connections", leak(SLOTS.to_string())]);
    all.extend_from_slice(more);
    all
}
