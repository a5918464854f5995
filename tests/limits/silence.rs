//! One worker is told to wait: none of the others calls meanwhile, and they come back one after the other.

use std::time::Duration;

use crate::stage::{Stage, wait};
use muster_tests::Row;

/// How long the provider asks to wait.
const SILENCE_S: u32 = 20;

pub(crate) fn retry_after() -> Row {
    let options = ["--latency-ms", "20", "--profile", "openai", "--rpm", "6000"];
    let stage = Stage::new(&options, 16, 4);
    let model = "{ name = \"openai/sim/steady\", dialect = \"openai-chat\", rpm = 6000 }";
    stage.submit("silence", &format!("models = [{model}]"));
    wait(Duration::from_secs(12));
    let ordered_ms = stage.provider.now_ms() - 50.0;
    stage.provider.retry_after(SILENCE_S);
    wait(Duration::from_secs(u64::from(SILENCE_S) + 25));
    let calls = stage.provider.calls();
    let told_ms = calls
        .iter()
        .filter(|call| call.status == 429 && call.at_ms >= ordered_ms)
        .map(|call| call.at_ms)
        .fold(f64::MAX, f64::min);
    let (quiet_ms, end_ms) = (told_ms + 250.0, told_ms + f64::from(SILENCE_S) * 1_000.0);
    let started = |from: f64, to: f64| calls.iter().filter(|call| (from..to).contains(&call.at_ms)).count();
    let within = started(quiet_ms, end_ms);
    let first = calls.iter().map(|call| call.at_ms).filter(|at| *at >= end_ms).fold(f64::MAX, f64::min);
    let first_s = (first - end_ms) / 1_000.0;
    let seconds: Vec<usize> = (0..12)
        .map(|second| {
            let from = first + f64::from(second) * 1_000.0;
            started(from, from + 1_000.0)
        })
        .collect();
    let ramps = seconds[0] < seconds[5] && seconds[11] >= 90;
    Row {
        what: format!("a 429 with Retry-After {SILENCE_S} s seen by one of 16 workers, at 6,000 RPM"),
        reach: "from 250 ms after it to its end no call; the first within 1 s after; then it ramps".into(),
        measured: format!("{within} calls; first after {first_s:.2} s; then a second: {seconds:?}"),
        reached: within == 0 && first_s <= 1.0 && ramps,
    }
}
