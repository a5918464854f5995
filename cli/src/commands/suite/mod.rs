//! `suite`: what authors of scenarios ask of a suite before anyone runs it. Nothing is opened, asked or paid.

mod check;
mod list;
mod show;

use std::path::Path;

use clap::{Args, Subcommand};
use muster_episode::Suite;

use crate::exit::Exit;
use crate::failure::Failure;

/// What to do with a suite.
#[derive(Debug, Args)]
pub(crate) struct SuiteArguments {
    /// Which.
    #[command(subcommand)]
    command: SuiteCommand,
}

#[derive(Debug, Subcommand)]
enum SuiteCommand {
    /// Review a suite: every variant rendered, every player played to its end, every scorer asked for a verdict.
    Check(check::CheckArguments),
    /// List a suite's scenarios with their variants, players, scorers, and estimated tokens.
    List(list::ListArguments),
    /// Show one variant: the exact prompts, tools and documents that a model meets.
    Show(show::ShowArguments),
}

/// Does it.
pub(crate) fn perform(arguments: SuiteArguments) -> Result<Exit, Failure> {
    let performed = match arguments.command {
        SuiteCommand::Check(arguments) => check::perform(&arguments),
        SuiteCommand::List(arguments) => list::perform(&arguments),
        SuiteCommand::Show(arguments) => show::perform(&arguments),
    };
    performed.map_err(Failure::of_review)
}

/// A suite's name, version and folder, in words.
fn heading(suite: &Suite, folder: &Path) -> String {
    let name = crate::terminal::one_line(suite.name(), 80);
    let version = crate::terminal::one_line(suite.version(), 40);
    format!("{name} {version} ({})", folder.display())
}
