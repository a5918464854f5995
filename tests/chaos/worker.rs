//! A worker, killed again and again, while its coordinator goes on.

use std::time::Duration;

use muster_tests::{Coordinator, Process, Provider, Summary, SweepFile, run};

use crate::kills::Moments;

const SLOTS: u32 = 16;
const KILLS: u32 = 60;
const LONGEST: Duration = Duration::from_millis(900);

#[test]
fn a_killed_worker_repeats_at_most_its_calls_in_flight_and_quarantines_nothing() {
    let provider = Provider::start(&["--latency-ms", "30"]);
    let sweep = SweepFile::tampering(&["openai-api/fake/sim/mixed"], 1_000);
    let mut moments = Moments::new(KILLS);
    let coordinator = Coordinator::start(&sweep.folder("data"));
    let url = coordinator.url();
    let file = sweep.argument();
    let limit = (moments.left() * 30).to_string();
    let submit = ["submit", &file, "--coordinator", &url, "--limit", &limit, "--json"];
    assert_eq!(run(&submit, &provider.environment()).code, Some(0));

    let spool = sweep.folder("spool");
    let slots = SLOTS.to_string();
    let worker =
        ["worker", "--coordinator", &url, "--slots", &slots, "--spool", spool.to_str().expect("UTF-8")];
    let mut kills = 0;
    while moments.left() > 0 {
        let process = Process::start(&worker, &provider.environment());
        moments.wait(LONGEST);
        process.kill_9();
        kills += 1;
    }
    let _last = Process::start(&worker, &provider.environment());
    let waiting = ["submit", &file, "--coordinator", &url, "--limit", &limit, "--wait", "--json"];
    let ended = run(&waiting, &provider.environment());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let summary = Summary::of(&ended.stdout);
    assert_eq!((summary.completed, summary.quarantined), (summary.jobs, 0), "{summary:?}");
    let extra = provider.stats().calls - summary.model_calls;
    let bound = u64::from(kills * SLOTS);
    assert!(
        extra <= summary.paid_twice && summary.paid_twice <= bound,
        "{extra} extra, bound {bound}: {summary:?}"
    );
    eprintln!(
        "{kills} kills, {} calls, {extra} paid again, {} counted",
        summary.model_calls, summary.paid_twice
    );
}
