//! Limits that are stated wrongly, change, or are not stated at all: how near the fleet comes to the true one.

use std::time::Duration;

use crate::stage::{Stage, wait};
use crate::verdict::{Seen, Window};
use muster_tests::{Row, grouped};

/// From so long after the change ...
const FROM_S: f64 = 30.0;

/// ... for so long it is measured.
const FOR_S: f64 = 300.0;

/// What is wrong with the limit.
#[derive(Clone, Copy)]
pub(crate) enum Wrong {
    /// It is stated twice too high.
    TwiceTooHigh,
    /// It is halved in mid-run.
    Halved,
    /// It is not stated.
    Unknown,
}

/// `true_rpm` is the limit that holds while it is measured.
pub(crate) fn search(true_rpm: u32, wrong: Wrong) -> Row {
    let at_first = if matches!(wrong, Wrong::Halved) { 2 * true_rpm } else { true_rpm };
    let stated = match wrong {
        Wrong::TwiceTooHigh | Wrong::Halved => format!("rpm = {}", 2 * true_rpm),
        Wrong::Unknown => "quota = { discover = true }".to_owned(),
    };
    let limit = at_first.to_string();
    // No profile whose headers would give the limit away.
    let options = ["--latency-ms", "20", "--rpm", &limit];
    let stage = Stage::new(&options, 16, 8);
    let mut changed_ms = stage.provider.now_ms();
    let model = format!("{{ name = \"openai-api/fake/sim/steady\", {stated} }}");
    stage.submit("search", &format!("models = [{model}]"));
    if matches!(wrong, Wrong::Halved) {
        wait(Duration::from_secs(20));
        stage.provider.set_limits(&format!("{{\"requests_per_minute\":{true_rpm}}}"));
        changed_ms = stage.provider.now_ms();
    }
    wait(Duration::from_secs_f64(FROM_S + FOR_S + 1.0));
    let seconds = stage.provider.seconds();
    let from_ms = changed_ms + FROM_S * 1_000.0;
    let window = Window::between(from_ms, from_ms + FOR_S * 1_000.0);
    let since = Window { from_s: (changed_ms / 1_000.0) as u64, ..window };
    let used = 100.0 * Seen::within(&seconds, window).answered / (f64::from(true_rpm) * window.minutes());
    let limited = Seen::within(&seconds, since);
    let how = match wrong {
        Wrong::TwiceTooHigh => "declared twice too high",
        Wrong::Halved => "halved in mid-run",
        Wrong::Unknown => "unknown",
    };
    Row {
        what: format!("true limit {} RPM, {how}, 16 workers", grouped(f64::from(true_rpm))),
        reach: ">= 90 % used from 30 s on, for 5 min; <= 2 % of calls since the change 429".into(),
        measured: format!(
            "{used:.1} %; {:.2} % ({} of {})",
            limited.limited_percent(),
            grouped(limited.limited),
            grouped(limited.calls())
        ),
        reached: used >= 90.0 && limited.limited_percent() <= 2.0,
    }
}
