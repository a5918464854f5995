//! The commands: one file each, with its own flags and what it does.

pub(crate) mod control;
pub(crate) mod coordinator;
pub(crate) mod doctor;
pub(crate) mod models;
pub(crate) mod plan;
pub(crate) mod provider;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod retune;
pub(crate) mod run;
pub(crate) mod score;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod submit;
pub(crate) mod suite;
pub(crate) mod watch;
pub(crate) mod worker;

use crate::arguments::Command;
use crate::exit::Exit;
use crate::failure::Failure;

/// Does what was asked.
pub(crate) async fn perform(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(arguments) => run::perform(arguments).await,
        Command::Plan(arguments) => plan::perform(arguments).await,
        Command::Status(arguments) => status::perform(arguments).await,
        Command::Show(arguments) => show::perform(arguments).await,
        Command::Score(arguments) => score::perform(arguments).await,
        Command::Report(arguments) => report::perform(arguments).await,
        Command::Replay(arguments) => replay::perform(arguments).await,
        Command::Retry(arguments) => control::retry(arguments).await,
        Command::Pause(arguments) => control::pause(arguments).await,
        Command::Resume(arguments) => control::resume(arguments).await,
        Command::Cancel(arguments) => control::cancel(arguments).await,
        Command::Retune(arguments) => retune::perform(arguments).await,
        Command::Models(arguments) => models::perform(&arguments),
        Command::Suite(arguments) => suite::perform(arguments),
        Command::Coordinator(arguments) => coordinator::perform(arguments).await,
        Command::Worker(arguments) => worker::perform(arguments).await,
        Command::Submit(arguments) => submit::perform(arguments).await,
        Command::Watch(arguments) => watch::perform(arguments).await,
        Command::Store(arguments) => store::perform(arguments).await,
        Command::Provider(arguments) => provider::perform(arguments).await,
        Command::Doctor(arguments) => doctor::perform(arguments).await,
    }
}
