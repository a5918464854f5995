//! `score`: judges episodes by rule, asks a judge where no rule is sure, stores the verdicts, and prints the rates.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use crate::arguments::{ScorersArguments, SweepArguments};
use crate::audit::AuditArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::judging::{Case, Judge, JudgeArguments, Judged};
use crate::output;
use crate::progress::note;
use crate::scores::{Grain, Problem, Scores, Which, score};
use crate::station::Station;
use crate::sweeps;
use crate::tables::{self, counted, grouped};
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
    /// Whose scorers judge.
    #[command(flatten)]
    scorers: ScorersArguments,
    /// Who is asked where the rules are unsure.
    #[command(flatten)]
    judge: JudgeArguments,
    /// Who is asked whether that is right.
    #[command(flatten)]
    audit: AuditArguments,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Scores.
pub(crate) async fn perform(arguments: ScoreArguments) -> Result<Exit, Failure> {
    let judge = arguments.judge.judge()?;
    let mut station = Station::reach(&arguments.sweep.target).await?;
    let scored = arguments.score(&mut station, judge.as_ref()).await;
    // What is open is closed, whatever came of it.
    let left = station.leave().await;
    let exit = scored?;
    left?;
    Ok(exit)
}

// === impl ScoreArguments ===

impl ScoreArguments {
    async fn score(&self, station: &mut Station, judge: Option<&Judge>) -> Result<Exit, Failure> {
        let judging = self.scorers.suite()?;
        let dossier = sweeps::of_episodes(&mut station.client, self.sweep.sweep).await?;
        let dossier = dossier.judged_by(judging.as_ref())?;
        let case = Case {
            dossier: &dossier,
            grain: Grain::from_flag(self.cells),
            which: if self.again { Which::All } else { Which::New },
            data_dir: &self.sweep.target.data_dir,
        };
        if self.audit.audit.is_some() {
            return self.audit(station, &case, judge).await;
        }
        let judged = match judge {
            Some(judge) => judge.score(station, &case).await?,
            None => Judged::by_rules(score(&station.client, &dossier, case.grain, case.which).await?),
        };
        self.tell(dossier.sweep.id, &judged, judge);
        if judged.interrupted {
            return Ok(Exit::Interrupted);
        }
        Ok(Exit::of(judged.is_whole()))
    }

    /// Brings the scores up to date and asks a person about some of them. It asks no judge: its readings count as they are.
    async fn audit(
        &self,
        station: &mut Station,
        case: &Case<'_>,
        judge: Option<&Judge>,
    ) -> Result<Exit, Failure> {
        match judge {
            Some(judge) => drop(judge.recall(station, case).await?),
            None => drop(score(&station.client, case.dossier, case.grain, case.which).await?),
        }
        let format = Format::from_flag(self.json);
        // A coordinator's data lie elsewhere.
        let target = &self.sweep.target;
        let home = if target.coordinator.is_some() { Path::new("") } else { &target.data_dir };
        self.audit.perform(&station.client, case.dossier, judge.map(Judge::name), home, format).await
    }

    fn tell(&self, sweep: u64, judged: &Judged, judge: Option<&Judge>) {
        let scores = &judged.scores;
        warn(scores);
        if judge.is_none() && !self.judge.no_judge {
            tell_unsure(scores);
        }
        match Format::from_flag(self.json) {
            Format::Json => output::print_json(&json!({
                "sweep": sweep,
                "judged": scores.judged,
                "unjudged": scores.unjudged,
                "unsure": scores.unsure,
                "partial": scores.extent.is_partial(),
                "judge": judge.map_or(Value::Null, |judge| json!({
                    "model": judge.name(),
                    "questions": judged.questions,
                    "known": judged.known,
                    "open": judged.open,
                    "unread": judged.unread,
                    "cut": judged.cut,
                })),
                "rows": tables::rate_rows(&scores.table),
            })),
            Format::Text if scores.table.is_empty() => output::print("no episode has ended yet"),
            Format::Text => output::print(&scores.as_text()),
        }
    }
}

/// Says that the rules left something open, and what to do.
fn tell_unsure(scores: &Scores) {
    if scores.unsure > 0 {
        note(&format!(
            "the rules are unsure of {}: `--judge MODEL` asks a model (and says first what that takes), `--no-judge` leaves \
             it at that",
            counted(scores.unsure, "verdict")
        ));
    }
}

/// Says which episodes could not be judged, and why: a line for each reason.
pub(crate) fn warn(scores: &Scores) {
    if scores.unjudged > 0 {
        note(&format!("warning: {} could not be judged", counted(scores.unjudged, "episode")));
    }
    for (problem, Problem { episodes, first }) in &scores.problems {
        let others = match episodes - 1 {
            0 => String::new(),
            others => format!(", and {} more", grouped(others)),
        };
        note(&format!("  job {first}{others}: {}", terminal::one_line(problem, 400)));
    }
}
