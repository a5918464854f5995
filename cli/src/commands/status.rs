//! `status`: all sweeps, or one with its models and workers.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use muster_proto::v1;
use muster_proto::v1::purse::Whose;
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
use crate::{limits, tables, terminal};

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
        Format::Text => {
            output::print(&tables::sweeps(&sweeps, now_ms()));
            tell(&station.client.limits().await?);
        }
    }
    Ok(())
}

/// What is limited and allowed, and how it is used: nothing where nothing is.
fn tell(limits: &v1::LimitsResponse) {
    let tables = [limits::scopes(&limits.scopes), limits::budgets(&limits.budgets)];
    tables.iter().flatten().for_each(|table| output::print(table));
    limits::held_down(&limits.budgets).iter().for_each(|sentence| output::print(sentence));
}

async fn one(station: &mut Station, name: SweepName, format: Format) -> Result<(), Failure> {
    let number = station.client.number(name).await?;
    let sweep = station.client.sweep(number, Document::Unwanted).await?;
    let workers = station.client.workers().await?;
    let limits = of_sweep(station.client.limits().await?, &sweep);
    if format == Format::Json {
        output::print_json(&with_limits(with_lanes(&sweep), &limits));
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
    tell(&limits);
    if !workers.is_empty() {
        output::print(&tables::workers(&workers));
    }
    Ok(())
}

/// The scopes that a sweep's models are in, and the budgets that bound it.
fn of_sweep(limits: v1::LimitsResponse, sweep: &v1::Sweep) -> v1::LimitsResponse {
    let lanes = &sweep.lanes;
    let is_scope = |scope: &v1::ScopeStatus| {
        lanes.iter().any(|lane| lane.account == scope.account && lane.pool == scope.pool)
    };
    let is_budget = |status: &v1::PurseStatus| match status.purse.as_ref().and_then(|it| it.whose.as_ref()) {
        Some(Whose::Project(name)) => *name == sweep.project,
        Some(Whose::Sweep(id)) => *id == sweep.id,
        Some(Whose::Lane(of)) => of.sweep == sweep.id,
        Some(Whose::Model(name)) => lanes.iter().any(|lane| lane.model == *name),
        Some(Whose::Account(name)) => lanes.iter().any(|lane| lane.account == *name),
        None => false,
    };
    v1::LimitsResponse {
        scopes: limits.scopes.into_iter().filter(is_scope).collect(),
        budgets: limits.budgets.into_iter().filter(is_budget).collect(),
    }
}

fn with_limits(mut value: Value, limits: &v1::LimitsResponse) -> Value {
    value["limits"] = limits::scopes_json(&limits.scopes);
    value["budgets"] = limits::budgets_json(&limits.budgets);
    value
}

/// A sweep as the frozen object has it, with its name and state.
fn as_json(sweep: &v1::Sweep) -> Value {
    let mut value = serde_json::to_value(Summary::new(sweep, 0.0)).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        // A status is of no process's time.
        fields.remove("wall_s");
        fields.insert("name".to_owned(), sweep.name.as_str().into());
        fields.insert("state".to_owned(), tables::state(sweep.state()).into());
    }
    value
}

fn with_lanes(sweep: &v1::Sweep) -> Value {
    let lane = |(place, lane): (usize, &v1::LaneStatus)| {
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
