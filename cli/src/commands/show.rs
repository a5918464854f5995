//! `show`: one episode, readable.

use clap::Args;
use muster_proto::v1;

use crate::address::{JobAddress, JobName, SweepName};
use crate::arguments::TargetArguments;
use crate::client::Client;
use crate::dossier::{Dossier, Ended};
use crate::episodes::{Episodes, Read};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::output;
use crate::station::Station;
use crate::transcript::{self, Length};

/// Flags of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The sweep's number, or `last`.
    #[arg(value_name = "SWEEP")]
    sweep: SweepName,
    /// The job: LANE/ORDINAL or SWEEP/LANE/ORDINAL.
    #[arg(value_name = "JOB")]
    job: JobName,
    /// Whose.
    #[command(flatten)]
    target: TargetArguments,
    /// An earlier generation, from 0 [default: the newest].
    #[arg(long, value_name = "N")]
    generation: Option<u32>,
    /// Show long tool answers as a whole.
    #[arg(long)]
    full: bool,
    /// Print it as JSON, exactly as it was: escape codes of the model's included.
    #[arg(long)]
    json: bool,
}

/// Shows.
pub(crate) async fn perform(arguments: ShowArguments) -> Result<Exit, Failure> {
    let mut station = Station::reach(&arguments.target).await?;
    let dossier = Dossier::fetch(&mut station.client, arguments.sweep).await?;
    let job = address(&dossier, arguments.job)?;
    let ended = episode(&station.client, job, arguments.generation).await?;
    let length = if arguments.full { Length::Full } else { Length::Short };
    show(&dossier, &ended, Format::from_flag(arguments.json), length)?;
    station.leave().await?;
    Ok(Exit::Complete)
}

/// A named job of a sweep.
pub(crate) fn address(dossier: &Dossier, name: JobName) -> Result<JobAddress, Failure> {
    let sweep = dossier.sweep.id;
    name.in_sweep(sweep).ok_or_else(|| Failure::Usage(format!("the job named is not one of sweep {sweep}")))
}

/// An ended job's episode with its turns and verdicts.
pub(crate) async fn episode(
    client: &Client,
    job: JobAddress,
    generation: Option<u32>,
) -> Result<Ended, Failure> {
    let request = v1::ExportRequest {
        sweep: job.sweep,
        lane: Some(job.lane),
        ordinal: Some(job.ordinal),
        turns: true,
        newest: generation.is_none(),
        scores: true,
        ..v1::ExportRequest::default()
    };
    let mut episodes = Episodes::begin(client, request).await?;
    while let Some(read) = episodes.next().await? {
        let ended = match read {
            Read::Whole(ended) => ended,
            Read::Damaged(ended, why) => return Err(Failure::Job(format!("job {}: {why}", ended.job))),
        };
        if ended.job == job && generation.is_none_or(|wanted| wanted == ended.generation) {
            return Ok(ended);
        }
    }
    Err(Failure::Job(format!(
        "job {job} has not ended, or there is none: `muster status {}` tells how many have",
        job.sweep
    )))
}

fn show(dossier: &Dossier, ended: &Ended, format: Format, length: Length) -> Result<(), Failure> {
    if !ended.is_result() {
        match format {
            Format::Json => output::print_json(&transcript::head(dossier, ended)?),
            Format::Text => output::print(&transcript::failure(dossier, ended)?),
        }
        return Ok(());
    }
    let replayed =
        dossier.replay(ended).map_err(|error| Failure::Job(format!("job {}: {error}", ended.job)))?;
    match format {
        Format::Json => output::print_json(&transcript::json(dossier, ended, &replayed)?),
        Format::Text => output::print(&transcript::text(dossier, ended, &replayed, length)?),
    }
    Ok(())
}
