//! `plan`: what a sweep would run, and what it would take. Nothing is opened, asked or paid; `--pilot` runs and pays its
//! beginning, to know rather than to assume.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::arguments::{CallArguments, DATA_DIR_DEFAULT, SweepFileArguments};
use crate::commands::run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::intake::Intake;
use crate::outlook::Outlook;
use crate::pilot::Piloted;
use crate::power::Power;
use crate::progress::note;
use crate::tables::counted;
use crate::{output, preflight, terminal};

/// Flags of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// The sweep.
    #[command(flatten)]
    sweep: SweepFileArguments,
    /// Run so many episodes of each cell, and project the rest from them. They cost money; `run` goes on from them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pilot: Option<u32>,
    /// Say what the sweep's report will be able to tell apart, and what not.
    #[arg(long)]
    power: bool,
    /// Where the pilot's results are kept.
    #[arg(long, value_name = "DIR", default_value = DATA_DIR_DEFAULT)]
    data_dir: PathBuf,
    /// How models are called.
    #[command(flatten)]
    calls: CallArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Says what would be run.
pub(crate) async fn perform(arguments: PlanArguments) -> Result<Exit, Failure> {
    let intake = arguments.intake()?;
    let mut outlook = Outlook::new(&intake);
    let mut exit = Exit::Complete;
    if let Some(seeds) = arguments.pilot {
        let Some(piloted) = pilot(&arguments, &intake, seeds).await? else { return Ok(Exit::Interrupted) };
        outlook.learn(&intake.plan, &piloted);
        exit = Exit::of(piloted.stopped.is_empty() && !piloted.episodes.is_empty());
        tell_stopped(&piloted);
    }
    let power = arguments.power.then(|| Power::new(&intake)).transpose()?;
    match Format::from_flag(arguments.json) {
        Format::Json => output::print_json(&as_json(&outlook, power.as_ref(), &intake)),
        Format::Text => {
            output::print(&outlook.as_text(&intake.plan));
            power.iter().for_each(|power| output::print(&format!("\n{}", power.as_text())));
        }
    }
    if let Err(failure) = preflight::routes(intake.plan.models(), &preflight::settings(&arguments.calls)) {
        note(&format!("note: {failure}"));
    }
    Ok(exit)
}

/// The outlook, and the power where it was asked for.
fn as_json(outlook: &Outlook, power: Option<&Power>, intake: &Intake) -> Value {
    let mut json = outlook.as_json(&intake.plan);
    if let (Some(object), Some(power)) = (json.as_object_mut(), power) {
        object.insert("power".to_owned(), power.as_json());
    }
    json
}

/// Why a pilot says less than it was to say; the outlook's notes say how much less.
fn tell_stopped(piloted: &Piloted) {
    for (model, reason) in &piloted.stopped {
        note(&format!("{} was stopped: {}", terminal::one_line(model, 100), terminal::one_line(reason, 400)));
    }
}

/// Runs the first seeds of the sweep, which are the first of the whole.
async fn pilot(arguments: &PlanArguments, intake: &Intake, seeds: u32) -> Result<Option<Piloted>, Failure> {
    let plan = &intake.plan;
    let seeds = seeds.min(plan.seeds());
    let jobs = u64::from(plan.variant_count()) * plan.models().len() as u64 * u64::from(seeds);
    let jobs = plan.limit().map_or(jobs, |limit| limit.min(jobs));
    note(&format!("pilot: {} for real, kept in {}", counted(jobs, "job"), arguments.data_dir.display()));
    let sweep = SweepFileArguments { seeds: Some(seeds), ..arguments.sweep.clone() };
    run::pilot(sweep, arguments.calls.clone(), arguments.data_dir.clone()).await
}

// === impl PlanArguments ===

impl PlanArguments {
    /// The sweep, read and checked.
    pub(crate) fn intake(&self) -> Result<Intake, Failure> {
        Intake::read(&self.sweep, Some(&self.calls))
    }
}
