//! Running, scoring and reporting: how long each takes, how much memory, how large what it writes is.

use std::time::{Duration, Instant};

use muster_tests::{Ended, Process, Row, Summary, SweepFile, Table, Used, grouped, suite, used};
use serde_json::Value;

use crate::planted;

/// How often a process's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

const RUN_S_MAX: f64 = 300.0;
const RUN_MB_MAX: f64 = 500.0;
const SCORE_S_MAX: f64 = 120.0;
const REPORT_S_MAX: f64 = 20.0;
const PAGE_MB_MAX: f64 = 10.0;

/// The study as it was run; its data directory goes with it.
pub(crate) struct Study {
    matrix: SweepFile,
}

/// A process that was watched to its end.
struct Watched {
    ended: Ended,
    wall_s: f64,
    used: Used,
}

// === impl Study ===

impl Study {
    /// Runs both sweeps, scores them, writes the page; a row for each.
    pub(crate) fn run(seeds: u32, table: &mut Table) -> Self {
        let study = Self { matrix: SweepFile::from_text(&planted::matrix(&suite(), seeds)) };
        let strangers = SweepFile::from_text(&planted::strangers(&suite(), seeds));
        let runs = [&study.matrix, &strangers].map(|file| study.watch(&["run", &file.argument(), "--json"]));
        let ran: Vec<Summary> = runs.iter().map(|run| Summary::of(&run.ended.stdout)).collect();
        let (jobs, completed) =
            (ran.iter().map(|it| it.jobs).sum::<u64>(), ran.iter().map(|it| it.completed).sum::<u64>());
        table.add(ran_row(&runs, jobs, completed));
        let scored =
            ["1", "2"].map(|sweep| study.watch(&["score", sweep, "--again", "--no-judge", "--json"]));
        table.add(scored_row(&scored, completed));
        table.add(study.page_row());
        study
    }

    /// One line for every cell, as `--csv` prints them.
    pub(crate) fn cells(&self) -> Vec<std::collections::BTreeMap<String, String>> {
        let told = self.watch(&["report", "1", "--csv"]).ended.stdout;
        let mut lines = told.lines();
        let names: Vec<&str> = lines.next().expect("a line of names").split(',').collect();
        let cell = |line: &str| {
            let values = line.split(',').map(str::to_owned);
            names.iter().map(|name| (*name).to_owned()).zip(values).collect()
        };
        lines.map(cell).collect()
    }

    /// The report, as `--json` prints it.
    pub(crate) fn report(&self) -> Value {
        let told = self.watch(&["report", "1", "--json"]).ended.stdout;
        serde_json::from_str(&told).expect("one JSON object")
    }

    fn page_row(&self) -> Row {
        let page = self.matrix.folder("report.html");
        let written = self.watch(&[
            "report",
            "1",
            "2",
            "--html",
            page.to_str().expect("a temporary folder's path is UTF-8"),
        ]);
        let page_mb = std::fs::metadata(&page).expect("the page is written").len() as f64 / 1e6;
        Row {
            what: "`report --html` over all of it".into(),
            reach: "< 20 s; the page < 10 MB".into(),
            measured: format!(
                "{:.1} s; {page_mb:.1} MB (memory {:.0} MB)",
                written.wall_s, written.used.peak_mb
            ),
            reached: written.wall_s < REPORT_S_MAX && page_mb < PAGE_MB_MAX,
        }
    }

    /// Runs `muster` on the study's data directory to its end.
    fn watch(&self, arguments: &[&str]) -> Watched {
        let data = self.matrix.data();
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--data-dir", &data]).collect();
        eprintln!("muster {} ...", arguments[..2].join(" "));
        let started = Instant::now();
        let mut process = Process::start(&arguments, &[]);
        let mut most = Used::default();
        while !process.has_ended() {
            let now = used(process.id());
            if now.peak_mb > 0.0 {
                most = now;
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
        let wall_s = started.elapsed().as_secs_f64();
        let ended = process.wait();
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        Watched { ended, wall_s, used: most }
    }
}

fn ran_row(runs: &[Watched], jobs: u64, completed: u64) -> Row {
    let wall_s: f64 = runs.iter().map(|run| run.wall_s).sum();
    let peak_mb = peak(runs);
    Row {
        what: format!(
            "the study: {} episodes, {} completed",
            grouped(jobs as f64),
            grouped(completed as f64)
        ),
        reach: "all completed; < 300 s; < 500 MB".into(),
        measured: format!(
            "{wall_s:.0} s ({} episodes/s); {peak_mb:.0} MB",
            grouped(completed as f64 / wall_s)
        ),
        reached: jobs == completed && wall_s < RUN_S_MAX && peak_mb < RUN_MB_MAX,
    }
}

fn scored_row(scored: &[Watched], episodes: u64) -> Row {
    let wall_s: f64 = scored.iter().map(|run| run.wall_s).sum();
    let said: Vec<Value> =
        scored.iter().map(|run| serde_json::from_str(&run.ended.stdout).expect("one JSON object")).collect();
    let sum = |key: &str| said.iter().map(|it| it[key].as_u64().expect("a number")).sum::<u64>();
    let (judged, unjudged) = (sum("judged"), sum("unjudged"));
    Row {
        what: "`score` over all of it".into(),
        reach: "< 120 s, nothing unjudged".into(),
        measured: format!(
            "{wall_s:.0} s, {} verdicts on {} episodes, {unjudged} unjudged; {:.0} MB",
            grouped(judged as f64),
            grouped(episodes as f64),
            peak(scored)
        ),
        reached: wall_s < SCORE_S_MAX && unjudged == 0,
    }
}

fn peak(watched: &[Watched]) -> f64 {
    watched.iter().map(|it| it.used.peak_mb).fold(0.0, f64::max)
}
