//! `score`: judges episodes by rule, stores the verdicts, and prints the rates.

use clap::Args;
use serde_json::json;

use crate::arguments::SweepArguments;
use crate::dossier::Dossier;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::output;
use crate::progress::note;
use crate::scores::{Grain, Scores, Which, score};
use crate::station::Station;
use crate::tables::{self, counted};
use crate::terminal;

/// Flags of `score`.
#[derive(Debug, Args)]
pub(crate) struct ScoreArguments {
    /// Which sweep, and whose.
    #[command(flatten)]
    sweep: SweepArguments,
    /// One row for every cell, not only for every relationship.
    #[arg(long)]
    cells: bool,
    /// Judge again what this version of a scorer has judged already.
    #[arg(long)]
    again: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Scores.
pub(crate) async fn perform(arguments: ScoreArguments) -> Result<Exit, Failure> {
    let mut station = Station::reach(&arguments.sweep.target).await?;
    let dossier = Dossier::fetch(&mut station.client, arguments.sweep.sweep).await?;
    let which = if arguments.again { Which::All } else { Which::New };
    let scores = score(&station.client, &dossier, Grain::from_flag(arguments.cells), which).await?;
    tell(dossier.sweep.id, &scores, Format::from_flag(arguments.json));
    station.leave().await?;
    Ok(Exit::of(scores.unjudged == 0))
}

fn tell(sweep: u64, scores: &Scores, format: Format) {
    warn(scores);
    match format {
        Format::Json => output::print_json(&json!({
            "sweep": sweep,
            "judged": scores.judged,
            "unjudged": scores.unjudged,
            "rows": tables::rate_rows(&scores.table),
        })),
        Format::Text if scores.table.is_empty() => output::print("no episode has ended yet"),
        Format::Text => output::print(&tables::rates(&scores.table)),
    }
}

/// Says which episodes could not be judged.
pub(crate) fn warn(scores: &Scores) {
    if let Some(problem) = &scores.first_problem {
        let problem = terminal::one_line(problem, 400);
        note(&format!(
            "warning: {} could not be judged; the first: {problem}",
            counted(scores.unjudged, "episode")
        ));
    }
}
