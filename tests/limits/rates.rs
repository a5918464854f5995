//! Declared limits on requests and on tokens, and how much of them a fleet uses.

use std::time::Duration;

use crate::stage::{Stage, wait};
use crate::verdict::{Seen, Window};
use muster_tests::{Row, grouped};

/// Calls that a run must have at the least.
const CALLS: f64 = 2_000.0;

/// What is let pass before it is measured.
const WARM_UP_MS: f64 = 5_000.0;

/// What of the fake's account is held against a limit.
#[derive(Clone, Copy)]
enum Dimension {
    Requests,
    Tokens,
    Input,
    Output,
}

/// What must come out.
#[derive(Clone, Copy)]
struct Reach {
    used_percent: f64,
    limited_percent: f64,
}

/// A limit, and what is to be made of it.
struct Trial {
    what: String,
    limits: Vec<(Dimension, f64)>,
    reach: Reach,
}

// === impl Trial ===

impl Trial {
    /// Runs until there were enough calls in the window, and judges them.
    fn judge(&self, stage: &Stage, started_ms: f64, mut meanwhile: impl FnMut()) -> Row {
        let from_ms = started_ms + WARM_UP_MS;
        loop {
            wait(Duration::from_secs(1));
            meanwhile();
            let to_ms = stage.provider.now_ms();
            if to_ms < from_ms + 10_000.0 {
                continue;
            }
            // The last second is not over, and its calls are counted when they end.
            let window = Window::between(from_ms, to_ms - 1_000.0);
            let seconds = stage.provider.seconds();
            let seen = Seen::within(&seconds, window);
            if seen.calls() >= CALLS {
                let whole = Window { from_s: 0, ..window };
                return self.row(seen, window, Seen::within(&seconds, whole));
            }
        }
    }

    /// The limit that was used most is the one that held the fleet back: that use counts.
    fn row(&self, seen: Seen, window: Window, whole: Seen) -> Row {
        let used = |(dimension, limit): &(Dimension, f64)| {
            let amount = match dimension {
                Dimension::Requests => seen.answered,
                Dimension::Tokens => seen.held_tokens,
                Dimension::Input => seen.input_tokens,
                Dimension::Output => seen.output_tokens,
            };
            100.0 * amount / (limit * window.minutes())
        };
        let used = self.limits.iter().map(used).fold(0.0, f64::max);
        let limited = whole.limited_percent();
        let Reach { used_percent, limited_percent } = self.reach;
        Row {
            what: self.what.clone(),
            reach: format!(">= {used_percent} % used; <= {limited_percent} % of calls 429"),
            measured: format!(
                "{used:.2} %; {limited:.3} % ({} of {} calls)",
                grouped(whole.limited),
                grouped(whole.calls())
            ),
            reached: used >= used_percent && limited <= limited_percent,
        }
    }
}

/// Slots of a worker, so that all workers together have enough for the limit at 20 ms a call.
fn slots(workers: u32, calls_a_second: f64) -> u32 {
    let wanted = (calls_a_second * 0.25).max(32.0) / f64::from(workers);
    (wanted.ceil() as u32).max(4)
}

/// A limit of so many requests a minute, by so many workers.
pub(crate) fn requests(rpm: u32, workers: u32) -> Row {
    let (limit, rate) = (rpm.to_string(), f64::from(rpm) / 60.0);
    let options = ["--latency-ms", "20", "--rpm", &limit];
    let stage = Stage::new(&options, workers, slots(workers, rate));
    let started_ms = stage.provider.now_ms();
    stage.submit("requests", &format!("models = [\"openai-api/fake/sim/steady\"]\nrpm = {rpm}"));
    let trial = Trial {
        what: format!("{} RPM declared, {workers} workers", grouped(f64::from(rpm))),
        limits: vec![(Dimension::Requests, f64::from(rpm))],
        reach: Reach { used_percent: 98.0, limited_percent: 0.1 },
    };
    trial.judge(&stage, started_ms, || {})
}

/// Sixteen workers, of which one is killed and one joins every five seconds.
pub(crate) fn churn(rpm: u32) -> Row {
    let (limit, rate) = (rpm.to_string(), f64::from(rpm) / 60.0);
    let options = ["--latency-ms", "20", "--rpm", &limit];
    let mut stage = Stage::new(&options, 16, 2 * slots(16, rate));
    let started_ms = stage.provider.now_ms();
    stage.submit("churn", &format!("models = [\"openai-api/fake/sim/steady\"]\nrpm = {rpm}"));
    let trial = Trial {
        what: format!("{} RPM, 16 workers, one killed and one joining every 5 s", grouped(f64::from(rpm))),
        limits: vec![(Dimension::Requests, f64::from(rpm))],
        reach: Reach { used_percent: 95.0, limited_percent: 0.5 },
    };
    for _ in 0..9 {
        wait(Duration::from_secs(5));
        stage.kill_oldest();
        stage.join();
    }
    trial.judge(&stage, started_ms, || {})
}

/// A limit on tokens in and out together, counted as OpenAI does: calls reserve from 200 to 20,000.
pub(crate) fn tokens(tpm: u64, workers: u32, bounds: &[u32]) -> Row {
    let limit = tpm.to_string();
    let options = ["--latency-ms", "20", "--one-pool", "--profile", "openai", "--tpm", &limit];
    let stage = Stage::new(&options, workers, slots(workers, 100.0));
    let started_ms = stage.provider.now_ms();
    let model = |(place, bound): (usize, &u32)| {
        format!(
            "    {{ name = \"openai/sim/steady?words={place}\", dialect = \"openai-chat\", pool = \"p\", max_output_tokens = {bound}, quota = {{ tpm = {tpm} }} }},\n"
        )
    };
    let models: String = bounds.iter().enumerate().map(model).collect();
    stage.submit("tokens", &format!("models = [\n{models}]"));
    let (least, most) = (bounds.iter().min().unwrap_or(&0), bounds.iter().max().unwrap_or(&0));
    let trial = Trial {
        what: format!(
            "{} TPM, {workers} workers, calls from {least} to {} tokens",
            grouped(tpm as f64),
            grouped(f64::from(*most))
        ),
        limits: vec![(Dimension::Tokens, tpm as f64)],
        reach: Reach { used_percent: 95.0, limited_percent: 0.1 },
    };
    trial.judge(&stage, started_ms, || {})
}

/// Limits on tokens in and out apart, counted as Anthropic does: what is sent grows with each of an episode's calls.
pub(crate) fn input_and_output(input_tpm: u64, output_tpm: u64, workers: u32, words: &[u32]) -> Row {
    let (input, output) = (input_tpm.to_string(), output_tpm.to_string());
    let options = [
        "--latency-ms",
        "20",
        "--one-pool",
        "--profile",
        "anthropic",
        "--input-tpm",
        &input,
        "--output-tpm",
        &output,
    ];
    let stage = Stage::new(&options, workers, slots(workers, 100.0));
    let started_ms = stage.provider.now_ms();
    let model = |words: &u32| {
        format!(
            "    {{ name = \"anthropic/sim/steady?words={words}\", pool = \"p\", max_output_tokens = 20000, quota = {{ input_tpm = {input_tpm}, output_tpm = {output_tpm} }} }},\n"
        )
    };
    let models: String = words.iter().map(model).collect();
    stage.submit("tokens", &format!("models = [\n{models}]"));
    let trial = Trial {
        what: format!(
            "{} input and {} output TPM, {workers} workers, calls of up to 20,000 tokens",
            grouped(input_tpm as f64),
            grouped(output_tpm as f64)
        ),
        limits: vec![(Dimension::Input, input_tpm as f64), (Dimension::Output, output_tpm as f64)],
        reach: Reach { used_percent: 95.0, limited_percent: 0.1 },
    };
    trial.judge(&stage, started_ms, || {})
}
