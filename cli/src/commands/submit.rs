//! `submit`: hands a sweep to a coordinator. Keys are the workers': nothing of them is needed here.

use std::time::Instant;

use clap::Args;

use crate::address::CoordinatorUrl;
use crate::arguments::SweepFileArguments;
use crate::client::Document;
use crate::commands::run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{Followed, Format, IfAway, conclude, follow};
use crate::intake::{Again, Intake};
use crate::interrupt::Interrupts;
use crate::output;
use crate::progress::note;
use crate::station::Station;
use crate::summary::Summary;
use crate::tables::grouped;
use crate::terminal;

/// Flags of `submit`.
#[derive(Debug, Args)]
pub(crate) struct SubmitArguments {
    /// The sweep.
    #[command(flatten)]
    sweep: SweepFileArguments,
    /// To whom (http://127.0.0.1:PORT or unix:PATH).
    #[arg(long, value_name = "URL")]
    coordinator: CoordinatorUrl,
    /// Begin a new sweep, though there is one of the same content.
    #[arg(long)]
    again: bool,
    /// Follow it until it ends.
    #[arg(long)]
    wait: bool,
    /// Print one JSON object at the end.
    #[arg(long)]
    json: bool,
}

/// Submits.
pub(crate) async fn perform(arguments: SubmitArguments) -> Result<Exit, Failure> {
    let started = Instant::now();
    let format = Format::from_flag(arguments.json);
    let mut interrupts =
        Interrupts::listen().map_err(|source| Failure::System { action: "listen for signals", source })?;
    let intake = Intake::read(&arguments.sweep, None)?;
    let mut station = Station::connect(&arguments.coordinator).await?;
    station.client.upload(&intake.bundle).await?;
    let submitted = station.client.submit(intake.submission(Again::from_flag(arguments.again))).await?;
    let sweep = submitted.sweep;
    let name = terminal::one_line(intake.plan.name(), 60);
    let what = if submitted.created { "submitted" } else { "was there already, and goes on" };
    note(&format!("sweep {sweep} \"{name}\" {what}: {} jobs", grouped(intake.plan.job_count())));
    run::tell_budget(&mut station.client, sweep, &intake).await?;
    if !arguments.wait {
        let now = station.client.sweep(sweep, Document::Unwanted).await?;
        match format {
            Format::Json => output::print_json(&Summary::new(&now, started.elapsed().as_secs_f64())),
            Format::Text => {
                output::print(&format!("muster watch {sweep} --coordinator {}", arguments.coordinator));
            }
        }
        return Ok(Exit::Complete);
    }
    Ok(match follow(&mut station.client, sweep, &mut interrupts, IfAway::Wait).await? {
        Followed::Over(sweep) => conclude(&sweep, started.elapsed().as_secs_f64(), format),
        Followed::Left(sweep) => {
            note("no longer waiting; the sweep goes on");
            conclude(&sweep, started.elapsed().as_secs_f64(), format);
            Exit::Interrupted
        }
    })
}
