//! `suite check`: the whole review of a suite, scorers included.

use std::path::{Path, PathBuf};

use clap::Args;
use muster_episode::{Performance, Review, Reviewed, ScorerFault, Suite};
use muster_scoring::{Evidence, ScorerSet};
use serde_json::{Value, json};

use super::heading;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::scorers::{self, Scorers};
use crate::tables::{counted, grouped};
use crate::{intake, output};

/// Flags of `suite check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The suite's folder.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Find what is larger than a model's window of so many tokens.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..))]
    window: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What was checked.
struct Checked {
    reviewed: Reviewed,
    verdicts: u64,
}

/// Checks.
pub(super) fn perform(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let suite = intake::suite(&arguments.dir)?;
    let shown = |file: &str| arguments.dir.join(file).display().to_string();
    let scorers = scorers::all(&suite).map_err(|faults| {
        let mistakes = suite.placed(&faults).err().unwrap_or_default();
        Failure::mistakes(&mistakes, shown)
    })?;
    let checked =
        review(&suite, &scorers, arguments.window).map_err(|mistakes| Failure::mistakes(&mistakes, shown))?;
    match Format::from_flag(arguments.json) {
        Format::Json => output::print_json(&as_json(&suite, &checked, arguments.window)),
        Format::Text => output::print(&as_text(&suite, &checked, &arguments.dir, arguments.window)),
    }
    Ok(Exit::Complete)
}

/// Reviews, and asks all scorers about each performance.
fn review(
    suite: &Suite,
    scorers: &Scorers,
    window: Option<u64>,
) -> Result<Checked, muster_episode::Mistakes> {
    let mut verdicts = 0;
    let mut judge = |performance: &Performance<'_>| {
        let set = scorers.get(&performance.variant.scenario);
        let faults: Vec<ScorerFault> = set.map(|set| faults(set, performance)).unwrap_or_default();
        verdicts += set.map_or(0, |set| set.iter().count() - faults.len()) as u64;
        faults
    };
    let reviewed = suite.review_judged(&Review { window }, &mut judge)?;
    Ok(Checked { reviewed, verdicts })
}

/// What scorers can't decide about a performance.
fn faults(set: &ScorerSet, performance: &Performance<'_>) -> Vec<ScorerFault> {
    let Performance { player, variant, before, after, messages } = *performance;
    let evidence = Evidence::new(before, after, messages, variant);
    let seen = || format!("played by `{player}` in {variant}");
    let fault = |scorer: &dyn muster_scoring::Scorer| {
        // One that panics over it is named in the error, too.
        let error = scorer.score(&evidence).err()?;
        Some(scorers::unsuitable(&variant.scenario, &error, seen()))
    };
    set.iter().filter_map(fault).collect()
}

fn as_text(suite: &Suite, checked: &Checked, folder: &Path, window: Option<u64>) -> String {
    let Checked { reviewed, verdicts } = checked;
    let window = match window {
        Some(window) => format!("nothing is larger than a window of {} tokens", grouped(window)),
        None => "not held against a model's window (--window TOKENS)".to_owned(),
    };
    format!(
        "{}: no mistakes\n{}, {} rendered, {} by players, {}\n{window}",
        heading(suite, folder),
        counted(suite.scenarios().len() as u64, "scenario"),
        counted(reviewed.variants, "variant"),
        counted(reviewed.rehearsals, "rehearsal"),
        counted(*verdicts, "verdict"),
    )
}

fn as_json(suite: &Suite, checked: &Checked, window: Option<u64>) -> Value {
    json!({
        "suite": suite.name(),
        "version": suite.version(),
        "scenarios": suite.scenarios().len(),
        "variants": checked.reviewed.variants,
        "rehearsals": checked.reviewed.rehearsals,
        "verdicts": checked.verdicts,
        "window": window,
    })
}
