//! `status`: all sweeps, or one with its models and workers.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::{Value, json};

use crate::address::SweepName;
use crate::arguments::TargetArguments;
use crate::client::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::output;
use crate::station::Station;
use crate::summary::Summary;
use crate::{tables, terminal};

/// Flags of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// One sweep, by its number or `last`; all if not given.
    #[arg(value_name = "SWEEP")]
    sweep: Option<SweepName>,
    /// Whose.
    #[command(flatten)]
    target: TargetArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Says how things stand.
pub(crate) async fn perform(arguments: StatusArguments) -> Result<Exit, Failure> {
    let mut station = Station::reach(&arguments.target).await?;
    let format = Format::from_flag(arguments.json);
    match arguments.sweep {
        Some(name) => one(&mut station, name, format).await?,
        None => all(&mut station, format).await?,
    }
    station.leave().await?;
    Ok(Exit::Complete)
}

async fn all(station: &mut Station, format: Format) -> Result<(), Failure> {
    let sweeps = station.client.sweeps().await?;
    match format {
        Format::Json => output::print_json(&sweeps.iter().map(as_json).collect::<Vec<_>>()),
        Format::Text if sweeps.is_empty() => {
            output::print("no sweep yet: `muster run SWEEP.toml` begins one");
        }
        Format::Text => output::print(&tables::sweeps(&sweeps, now_ms())),
    }
    Ok(())
}

async fn one(station: &mut Station, name: SweepName, format: Format) -> Result<(), Failure> {
    let number = station.client.number(name).await?;
    let sweep = station.client.sweep(number, Document::Unwanted).await?;
    let workers = station.client.workers().await?;
    if format == Format::Json {
        output::print_json(&with_lanes(&sweep));
        return Ok(());
    }
    let name = terminal::one_line(&sweep.name, 80);
    let summary = Summary::new(&sweep, 0.0);
    output::print(&format!(
        "sweep {number} \"{name}\" ({}): {}",
        tables::state(sweep.state()),
        tables::jobs(&summary)
    ));
    output::print(&tables::lanes(&sweep));
    for lane in sweep.lanes.iter().filter(|lane| !lane.stopped.is_empty()) {
        let (model, reason) = (terminal::one_line(&lane.model, 100), terminal::one_line(&lane.stopped, 400));
        output::print(&format!(
            "{model} was stopped: {reason}\n  when that is mended: muster resume {number}"
        ));
    }
    if !workers.is_empty() {
        output::print(&tables::workers(&workers));
    }
    Ok(())
}

/// A sweep as the frozen object has it, with its name and state.
fn as_json(sweep: &muster_proto::v1::Sweep) -> Value {
    let mut value = serde_json::to_value(Summary::new(sweep, 0.0)).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        // A status is of no process's time.
        fields.remove("wall_s");
        fields.insert("name".to_owned(), sweep.name.as_str().into());
        fields.insert("state".to_owned(), tables::state(sweep.state()).into());
    }
    value
}

fn with_lanes(sweep: &muster_proto::v1::Sweep) -> Value {
    let lane = |(place, lane): (usize, &muster_proto::v1::LaneStatus)| {
        let counts = lane.counts.unwrap_or_default();
        json!({
            "lane": place,
            "model": lane.model,
            "jobs": counts.jobs,
            "completed": crate::summary::results(&counts),
            "running": counts.leased,
            "pending": counts.pending,
            "waiting": counts.backoff,
            "failed": counts.failed,
            "quarantined": counts.quarantined,
            "cancelled": counts.cancelled,
            "stopped": if lane.stopped.is_empty() { Value::Null } else { lane.stopped.as_str().into() },
        })
    };
    let mut value = as_json(sweep);
    value["lanes"] = sweep.lanes.iter().enumerate().map(lane).collect();
    value
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
