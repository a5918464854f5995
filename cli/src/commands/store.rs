//! `store`: looks after a data directory. Each of these holds the directory alone, but for `list` and `backup`, which may
//! run beside whoever has it open.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use muster_core::{Answer, Control, Effect, Effects, Input, Millis, SweepId, Ticket};
use muster_store::StoreError;
use muster_store::ops::{self, SweepUsage};
use serde_json::{Value, json};

use crate::arguments::DATA_DIR_DEFAULT;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::output;
use crate::progress::note;
use crate::station::{self, IfMissing};
use crate::tables::{counted, grouped, new_table};
use crate::terminal;

/// Problems told one by one.
const TOLD_MAX: usize = 20;

/// Flags of `store`.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    /// The data directory.
    #[arg(long, global = true, value_name = "DIR", default_value = DATA_DIR_DEFAULT)]
    data_dir: PathBuf,
    /// What to do.
    #[command(subcommand)]
    command: StoreCommand,
}

/// What can be done to a data directory.
#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Read everything and say what is not as it was written. Changes nothing.
    Verify {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Write the journal anew from what of it is whole, and set the damaged one aside.
    Rebuild,
    /// Write the journal anew, without what is no longer needed: removed sweeps, abandoned attempts.
    Compact,
    /// Copy it as it is now; also beside a running process.
    Backup {
        /// The new directory.
        #[arg(value_name = "DEST")]
        destination: PathBuf,
    },
    /// Remove a sweep with all its records. `compact` gives the space back.
    Rm {
        /// Its number.
        #[arg(value_name = "SWEEP", value_parser = clap::value_parser!(u64).range(1..))]
        sweep: u64,
    },
    /// Remove sweeps of which nothing has been heard for so long.
    Retention {
        /// Days without a word.
        #[arg(long, value_name = "DAYS")]
        older_than: u32,
        /// Only say which.
        #[arg(long)]
        dry_run: bool,
    },
    /// List sweeps and what they take.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub(crate) async fn perform(arguments: StoreArguments) -> Result<Exit, Failure> {
    let work = move || perform_blocking(&arguments.data_dir, &arguments.command);
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::Stopped(format!("the store's own code failed: {error}")))?
}

fn perform_blocking(dir: &Path, command: &StoreCommand) -> Result<Exit, Failure> {
    match command {
        StoreCommand::Verify { json } => verify(dir, Format::from_flag(*json)),
        StoreCommand::Rebuild => rebuild(dir),
        StoreCommand::Compact => compact(dir),
        StoreCommand::Backup { destination } => backup(dir, destination),
        StoreCommand::Rm { sweep } => rm(dir, SweepId(*sweep)),
        StoreCommand::Retention { older_than, dry_run } => retention(dir, *older_than, *dry_run),
        StoreCommand::List { json } => list(dir, Format::from_flag(*json)),
    }
}

fn verify(dir: &Path, format: Format) -> Result<Exit, Failure> {
    let report = ops::verify(dir)?;
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    for torn in &report.torn {
        note(&format!("note: {torn}; the next start does it, and nothing acknowledged is in it"));
    }
    for remark in &report.notes {
        note(&format!("note: {}", terminal::plain(remark)));
    }
    tell_problems(&problems);
    match format {
        Format::Json => output::print_json(&json!({
            "whole": report.is_whole(),
            "facts": report.facts,
            "turns": report.turns,
            "episodes": report.episodes,
            "scores": report.scores,
            "bytes": report.bytes,
            "problems": problems,
        })),
        Format::Text => output::print(&format!(
            "{}: {}, {}, {}, {}, {}; {}",
            dir.display(),
            counted(report.facts, "fact"),
            counted(report.turns, "turn"),
            counted(report.episodes, "episode"),
            counted(report.scores, "score"),
            bytes(report.bytes),
            if report.is_whole() {
                "all whole".to_owned()
            } else {
                counted(problems.len() as u64, "problem")
            },
        )),
    }
    Ok(Exit::of(report.is_whole()))
}

fn rebuild(dir: &Path) -> Result<Exit, Failure> {
    let report = ops::rebuild(dir)?;
    tell_problems(&report.problems.iter().map(ToString::to_string).collect::<Vec<_>>());
    output::print(&format!(
        "kept {}, {}, {}",
        counted(report.facts, "fact"),
        counted(report.turns, "turn"),
        counted(report.episodes, "ended episode"),
    ));
    if let Some(aside) = &report.set_aside {
        output::print(&format!("the damaged journal is at {}", aside.display()));
    }
    Ok(Exit::of(report.problems.is_empty()))
}

fn compact(dir: &Path) -> Result<Exit, Failure> {
    let report = ops::compact(dir)?;
    output::print(&format!(
        "{} of journal became {}; {} kept",
        bytes(report.bytes_before),
        bytes(report.bytes_after),
        counted(report.episodes, "ended episode"),
    ));
    Ok(Exit::Complete)
}

fn backup(dir: &Path, destination: &Path) -> Result<Exit, Failure> {
    let report = ops::backup(dir, destination)?;
    output::print(&format!("copied {} to {}; the copy opens", bytes(report.bytes), destination.display()));
    Ok(Exit::Complete)
}

fn rm(dir: &Path, sweep: SweepId) -> Result<Exit, Failure> {
    let refused = remove(dir, &[sweep])?;
    if let Some(reason) = refused.first() {
        return Err(Failure::Usage(reason.clone()));
    }
    output::print(&format!("sweep {sweep} is removed; `muster store compact` gives its space back"));
    Ok(Exit::Complete)
}

fn retention(dir: &Path, days: u32, dry_run: bool) -> Result<Exit, Failure> {
    const DAY_MS: u64 = 86_400_000;
    let before = Millis(now().0.saturating_sub(u64::from(days) * DAY_MS));
    let usage = ops::usage(dir)?;
    let old = ops::removable(&usage, before);
    for sweep in usage.iter().filter(|usage| old.contains(&usage.sweep)) {
        let (verb, name) =
            (if dry_run { "would remove" } else { "removing" }, terminal::one_line(&sweep.name, 60));
        output::print(&format!("{verb} sweep {} \"{name}\", {}", sweep.sweep, bytes(taken(sweep))));
    }
    if old.is_empty() {
        output::print(&format!("no sweep has been silent for {}", counted(u64::from(days), "day")));
    }
    if dry_run || old.is_empty() {
        return Ok(Exit::Complete);
    }
    let refused = remove(dir, &old)?;
    refused.iter().for_each(|reason| note(&format!("kept: {reason}")));
    Ok(Exit::Complete)
}

fn list(dir: &Path, format: Format) -> Result<Exit, Failure> {
    let usage = ops::usage(dir)?;
    if format == Format::Json {
        output::print_json(&usage.iter().map(as_json).collect::<Vec<_>>());
        return Ok(Exit::Complete);
    }
    let mut table = new_table(["sweep", "name", "episodes", "facts", "turns"], 2);
    for sweep in &usage {
        let removed = if sweep.removed { " (removed)" } else { "" };
        table.add_row([
            sweep.sweep.to_string(),
            format!("{}{removed}", terminal::one_line(&sweep.name, 48)),
            grouped(sweep.episodes),
            bytes(sweep.fact_bytes),
            bytes(sweep.turn_bytes),
        ]);
    }
    output::print(&table.trim_fmt());
    Ok(Exit::Complete)
}

/// Removes sweeps; says why for each that was refused. The core decides, as it does everywhere.
fn remove(dir: &Path, sweeps: &[SweepId]) -> Result<Vec<String>, StoreError> {
    let (mut core, mut store) = station::recover(dir, IfMissing::Fail)?;
    let mut effects = Effects::default();
    core.begin(now(), &mut effects);
    for sweep in sweeps {
        core.step(now(), Input::Control(Ticket(sweep.0), Control::Remove(*sweep)), &mut effects);
    }
    store.journal.commit(&effects.records)?;
    let refused = effects.after.iter().filter_map(|effect| match effect {
        Effect::Answer(_, Answer::Refused(refusal)) => Some(refusal.to_string()),
        _ => None,
    });
    Ok(refused.collect())
}

fn tell_problems(problems: &[String]) {
    problems
        .iter()
        .take(TOLD_MAX)
        .for_each(|problem| note(&format!("damaged: {}", terminal::plain(problem))));
    if problems.len() > TOLD_MAX {
        note(&format!("... and {} more", grouped((problems.len() - TOLD_MAX) as u64)));
    }
}

fn taken(sweep: &SweepUsage) -> u64 {
    sweep.fact_bytes + sweep.turn_bytes
}

fn as_json(sweep: &SweepUsage) -> Value {
    json!({
        "sweep": sweep.sweep.0,
        "project": sweep.project,
        "name": sweep.name,
        "submitted_at_ms": sweep.submitted_at.0,
        "last_at_ms": sweep.last_at.0,
        "episodes": sweep.episodes,
        "fact_bytes": sweep.fact_bytes,
        "turn_bytes": sweep.turn_bytes,
        "removed": sweep.removed,
    })
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A size for people.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1_000.0;
    let mut unit = 0;
    while size >= 1_000.0 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_at_a_glance() {
        assert_eq!(
            [0, 999, 1_000, 1_500_000, 2_000_000_000].map(bytes),
            ["0 B", "999 B", "1.0 KB", "1.5 MB", "2.0 GB"]
        );
        assert!(bytes(u64::MAX).ends_with(" TB"));
    }
}
