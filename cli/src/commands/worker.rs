//! `worker`: runs episodes for a coordinator until it is told to end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use muster_worker::{MAX_SLOTS, Worker, WorkerConfig};
use tonic::transport::Channel;

use crate::address::CoordinatorUrl;
use crate::arguments::CallArguments;
use crate::client;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Interrupts, Urgency};
use crate::preflight;
use crate::progress::note;

/// A coordinator that starts at the same moment is waited for so long.
const COORDINATOR_DEADLINE: Duration = Duration::from_secs(10);

/// Between two attempts to reach it.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// Flags of `worker`.
#[derive(Debug, Args)]
pub(crate) struct WorkerArguments {
    /// Whose jobs to run (http://127.0.0.1:PORT or unix:PATH).
    #[arg(long, value_name = "URL")]
    coordinator: CoordinatorUrl,
    /// Episodes at once.
    #[arg(long, value_name = "N", default_value = "10", value_parser = slots)]
    slots: usize,
    /// The folder for what is not acknowledged yet. One worker's own: it is kept across restarts.
    #[arg(long, value_name = "DIR", default_value = "muster-worker")]
    spool: PathBuf,
    /// How models are called.
    #[command(flatten)]
    calls: CallArguments,
    /// Take sim/ models too, played by a `muster provider` at this address.
    #[arg(long, value_name = "URL")]
    simulator: Option<String>,
}

/// Works.
pub(crate) async fn perform(arguments: WorkerArguments) -> Result<Exit, Failure> {
    let mut interrupts =
        Interrupts::listen().map_err(|source| Failure::System { action: "listen for signals", source })?;
    let channel = tokio::select! {
        channel = reach(&arguments.coordinator) => channel?,
        _ = interrupts.next() => return Ok(Exit::Complete),
    };
    let mut settings = preflight::settings(&arguments.calls);
    settings.simulator = arguments.simulator;
    let accounts = muster_worker::accounts(&*settings.environment.0, settings.simulator.as_deref());
    if accounts.is_empty() {
        note(
            "note: no account is set here (NAME_API_KEY and NAME_BASE_URL), so no job can be given to this worker",
        );
    }
    let config = WorkerConfig {
        slots: arguments.slots,
        spool: arguments.spool,
        name: name(),
        settings,
        http: preflight::http(&arguments.calls),
    };
    let worker = Worker::start(config, channel)?;
    tracing::info!(coordinator = %arguments.coordinator, slots = arguments.slots, ?accounts, "working");
    loop {
        tokio::select! {
            ended = worker.ended() => return ended.map(|()| Exit::Complete).map_err(Failure::Worker),
            urgency = interrupts.next() => match urgency {
                Urgency::Drain => {
                    tracing::info!("draining: finishing the calls in flight; a second signal gives them up");
                    worker.drain();
                }
                Urgency::Hurry => worker.hurry(),
            },
        }
    }
}

/// What people call this worker: its host and process.
pub(crate) fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost" } else { host.trim() };
    format!("{host}:{}", std::process::id())
}

async fn reach(url: &CoordinatorUrl) -> Result<Channel, Failure> {
    let deadline = Instant::now() + COORDINATOR_DEADLINE;
    let mut has_told = false;
    loop {
        match client::connect(url).await {
            Err(failure) if Instant::now() >= deadline => return Err(failure),
            Err(failure) if !has_told => {
                note(&format!("{failure}; waiting for it"));
                has_told = true;
            }
            Err(_) => {}
            connected => return connected,
        }
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

fn slots(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(slots) if (1..=MAX_SLOTS).contains(&slots) => Ok(slots),
        _ => Err(format!("a worker has 1 to {MAX_SLOTS} slots")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_has_at_least_one_slot_and_no_more_than_it_can_serve() {
        assert_eq!(slots("1"), Ok(1));
        assert_eq!(slots("4096"), Ok(4_096));
        for text in ["0", "4097", "-1", "many"] {
            assert!(slots(text).is_err(), "{text}");
        }
    }
}
