//! A sweep's progress on stderr: bars on a terminal, a plain line now and then elsewhere.

use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use muster_proto::v1;

use crate::summary::{ended, results};
use crate::terminal;

/// More models than this share one bar: a screen has 24 lines.
const BARS_MAX: usize = 12;

/// Where nobody watches live, a line is printed at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// A model's name is shown up to here.
const NAME_CHARS: usize = 40;

/// All bars of this process.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Shows one sweep.
pub(crate) struct Progress {
    shown: Shown,
    /// What waits for a limit or a budget.
    waits: Option<String>,
}

enum Shown {
    /// One for each model, and one that says what waits.
    Bars(Vec<ProgressBar>, Option<ProgressBar>),
    Lines {
        next: Instant,
        last: String,
    },
}

/// Does something that writes to the terminal, with the bars out of its way.
pub(crate) fn aside(write: impl FnOnce()) {
    match BARS.get() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// A line for the user, on stderr.
pub(crate) fn note(line: &str) {
    aside(|| {
        use std::io::Write as _;
        // A closed stderr is no reason to stop working.
        drop(writeln!(std::io::stderr(), "{line}"));
    });
}

// === impl Progress ===

impl Progress {
    /// Of a sweep as it stands at the beginning.
    pub(crate) fn begin(sweep: &v1::Sweep) -> Self {
        let shown = if std::io::stderr().is_terminal() {
            Shown::Bars(bars(sweep), None)
        } else {
            Shown::Lines { next: Instant::now(), last: String::new() }
        };
        let mut progress = Self { shown, waits: None };
        progress.update(sweep);
        progress
    }

    /// It has changed.
    pub(crate) fn update(&mut self, sweep: &v1::Sweep) {
        match &mut self.shown {
            Shown::Bars(bars, _) => {
                for (bar, (_, counts, usage)) in bars.iter().zip(parts(sweep)) {
                    bar.set_length(counts.jobs);
                    bar.set_position(ended(&counts));
                    bar.set_message(message(&counts, &usage));
                }
            }
            Shown::Lines { next, last } => {
                let now = Instant::now();
                if now >= *next {
                    *next = now + LINE_EVERY;
                    say(line(sweep, self.waits.as_deref()), last);
                }
            }
        }
    }

    /// What waits for a limit or a budget has changed; none: nothing does any more.
    pub(crate) fn waits(&mut self, waits: Option<String>) {
        if let Shown::Bars(_, shown) = &mut self.shown {
            match &waits {
                Some(words) => shown.get_or_insert_with(line_bar).set_message(format!("waiting: {words}")),
                None => shown.take().iter().for_each(ProgressBar::finish_and_clear),
            }
        }
        self.waits = waits;
    }

    /// It is over, or no longer followed: leaves the last state behind.
    pub(crate) fn end(&mut self, sweep: &v1::Sweep) {
        self.update(sweep);
        match &mut self.shown {
            Shown::Bars(bars, waits) => {
                bars.iter().chain(waits.iter()).for_each(ProgressBar::finish_and_clear);
                note(&line(sweep, None));
            }
            Shown::Lines { last, .. } => say(line(sweep, None), last),
        }
    }
}

fn say(line: String, last: &mut String) {
    if line != *last {
        note(&line);
        *last = line;
    }
}

fn bars(sweep: &v1::Sweep) -> Vec<ProgressBar> {
    let all = BARS.get_or_init(MultiProgress::new);
    let template = "{prefix} {bar:24} {pos:>5}/{len:<5} {msg}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let parts = parts(sweep);
    let width = parts.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default();
    let bar = |(name, counts, _): &(String, v1::Counts, v1::Usage)| {
        let bar = all.add(ProgressBar::new(counts.jobs).with_style(style.clone()));
        bar.set_prefix(format!("{name:width$}"));
        // What an earlier run did says nothing of this one's speed.
        bar.set_position(ended(counts));
        bar.reset_eta();
        bar
    };
    parts.iter().map(bar).collect()
}

/// A line below the bars.
fn line_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    BARS.get_or_init(MultiProgress::new).add(ProgressBar::new(0).with_style(style))
}

/// What has a bar of its own: each model, or the sweep as a whole where there are too many.
fn parts(sweep: &v1::Sweep) -> Vec<(String, v1::Counts, v1::Usage)> {
    if sweep.lanes.len() > BARS_MAX {
        let name = format!("{} models", sweep.lanes.len());
        return vec![(name, sweep.counts.unwrap_or_default(), sweep.usage.unwrap_or_default())];
    }
    let part = |lane: &v1::LaneStatus| {
        let name = terminal::one_line(&lane.model, NAME_CHARS);
        (name, lane.counts.unwrap_or_default(), lane.usage.unwrap_or_default())
    };
    sweep.lanes.iter().map(part).collect()
}

/// What stands beside a bar.
fn message(counts: &v1::Counts, usage: &v1::Usage) -> String {
    let mut message = format!("{} running, {} calls", counts.leased, usage.model_calls);
    for (number, what) in [
        (counts.backoff, "waiting"),
        (usage.retries, "retries"),
        (usage.rate_limited, "rate-limited"),
        (counts.failed, "failed"),
        (counts.quarantined, "quarantined"),
        (counts.cancelled, "cancelled"),
    ] {
        if number > 0 {
            message.push_str(&format!(", {number} {what}"));
        }
    }
    message
}

/// A whole sweep on one line, and what it waits for.
fn line(sweep: &v1::Sweep, waits: Option<&str>) -> String {
    let counts = sweep.counts.unwrap_or_default();
    let usage = sweep.usage.unwrap_or_default();
    let waits = waits.map_or_else(String::new, |waits| format!("; waiting: {waits}"));
    format!(
        "sweep {}: {}/{} completed, {}{waits}",
        sweep.id,
        results(&counts),
        counts.jobs,
        message(&counts, &usage)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_done_and_names_trouble_only_where_there_is_some() {
        let counts = v1::Counts { jobs: 9, completed: 2, limit: 1, leased: 4, ..Default::default() };
        let usage = v1::Usage { model_calls: 20, ..Default::default() };
        let mut sweep = v1::Sweep { id: 1, counts: Some(counts), usage: Some(usage), ..Default::default() };
        assert_eq!(line(&sweep, None), "sweep 1: 3/9 completed, 4 running, 20 calls");
        sweep.usage.as_mut().expect("usage").rate_limited = 3;
        assert_eq!(line(&sweep, None), "sweep 1: 3/9 completed, 4 running, 20 calls, 3 rate-limited");
        let waits = line(&sweep, Some("openai/x (12 waiting)"));
        assert!(waits.ends_with("3 rate-limited; waiting: openai/x (12 waiting)"), "{waits}");
    }

    #[test]
    fn many_models_share_one_bar() {
        let lane = |number: usize| v1::LaneStatus { model: format!("sim/{number}"), ..Default::default() };
        let sweep = v1::Sweep { lanes: (0..BARS_MAX).map(lane).collect(), ..Default::default() };
        assert_eq!(parts(&sweep).len(), BARS_MAX);
        let sweep = v1::Sweep { lanes: (0..=BARS_MAX).map(lane).collect(), ..Default::default() };
        assert_eq!(parts(&sweep).len(), 1);
    }
}
