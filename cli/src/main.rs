//! `muster`, the one binary: reads the command line, does what it says, and turns every failure into words and an exit
//! code. What it speaks to is always a coordinator over gRPC, in this process or another.

mod address;
mod arguments;
mod audit;
mod catalog;
mod client;
mod commands;
mod dossier;
mod episodes;
mod estimate;
mod exit;
mod failure;
mod follow;
mod headroom;
mod intake;
mod interrupt;
mod judging;
mod limits;
mod logging;
mod open_files;
mod outlook;
mod output;
mod pilot;
mod power;
mod preflight;
mod progress;
mod rehearsal;
mod scorers;
mod scores;
mod simulator;
mod station;
mod summary;
mod sweeps;
mod tables;
mod terminal;
mod throttle;
mod transcript;
mod wire;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::failure::Failure;

/// Episodes are many small, short-lived pieces that pass from thread to thread: a seventh of their processor time went to
/// the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::begin(arguments.log_format, arguments.command.log_level());
    report_in_words();
    open_files::raise_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => return fail(Failure::System { action: "start", source }),
    };
    let result = runtime.block_on(commands::perform(arguments.command));
    // Reads of a store that are still under way are of no interest to anyone any more.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => fail(failure),
    }
}

fn fail(failure: Failure) -> ExitCode {
    let exit = failure.exit();
    let told = failure.to_string();
    match failure {
        // Each at its own place; how many there are comes last, where it is read first.
        Failure::Mistakes(mistakes) | Failure::Flaws(mistakes) => {
            mistakes.into_iter().for_each(|mistake| tell(miette::Report::new(mistake)));
            progress::note(&format!("\n{told}"));
        }
        other => tell(miette::Report::new(other)),
    }
    exit.into()
}

#[expect(clippy::needless_pass_by_value, reason = "a report is made to be told once")]
fn tell(report: miette::Report) {
    progress::note(format!("{report:?}").trim_end());
}

/// Failures are drawn for people on a terminal, and kept plain and unwrapped elsewhere, where scripts read them.
fn report_in_words() {
    let is_terminal = std::io::stderr().is_terminal();
    let hook = miette::set_hook(Box::new(move |_| {
        let options =
            miette::MietteHandlerOpts::new().force_graphical(true).terminal_links(false).break_words(false);
        // Every message says its own cause.
        let options = options.without_cause_chain();
        let options = if is_terminal {
            options.width(terminal::width())
        } else {
            options.color(false).wrap_lines(false)
        };
        Box::new(options.build())
    }));
    // A hook that is there already is as good.
    drop(hook);
}
