//! `coordinator`: serves a data directory to workers and users until it is told to end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use muster_coordinator::{Coordinator, CoordinatorError};

use crate::arguments::DATA_DIR_DEFAULT;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Interrupts, Urgency};
use crate::progress::note;
use crate::station;

/// Whether a draining coordinator still has leases out is asked this often.
const QUIET_EVERY: Duration = Duration::from_millis(100);

/// Leases that are still out after so long need not be waited for: their workers go on with the calls in flight, keep the
/// answers, and hand them in to the next process. Most calls end within it.
const QUIET_WITHIN: Duration = Duration::from_secs(10);

/// Flags of `coordinator`.
#[derive(Debug, Args)]
pub(crate) struct CoordinatorArguments {
    /// Where to listen: an address of this machine. With port 0 a free one is taken, and printed.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7654")]
    listen: SocketAddr,
    /// Where results are kept.
    #[arg(long, value_name = "DIR", default_value = DATA_DIR_DEFAULT)]
    data_dir: PathBuf,
}

/// Serves.
pub(crate) async fn perform(arguments: CoordinatorArguments) -> Result<Exit, Failure> {
    let mut interrupts =
        Interrupts::listen().map_err(|source| Failure::System { action: "listen for signals", source })?;
    if !arguments.listen.ip().is_loopback() {
        // Said before a data directory is made for it.
        return Err(CoordinatorError::NotLoopback(arguments.listen).into());
    }
    let coordinator = station::open_alone(&arguments.data_dir).await?;
    let address = coordinator.listen(arguments.listen).await?;
    note(&format!("listening on {address}"));
    station::serve_beside(&coordinator, &arguments.data_dir).await;
    tracing::info!(%address, data_dir = %arguments.data_dir.display(), "serving");
    serve(&coordinator, &mut interrupts).await?;
    coordinator.stop().await.map_err(|error| Failure::Stopped(error.to_string()))?;
    Ok(Exit::Complete)
}

/// Waits for a signal or a user's `Drain`, then a while for the leases that are out; a further signal waits no longer.
async fn serve(coordinator: &Coordinator, interrupts: &mut Interrupts) -> Result<(), Failure> {
    tokio::select! {
        ended = coordinator.ended() => return ended.map_err(|error| Failure::Stopped(error.to_string())),
        () = coordinator.draining() => {}
        _ = interrupts.next() => coordinator.drain().await?,
    }
    tracing::info!("draining, for at most 10 s: workers keep what comes later; a second signal ends at once");
    let deadline = Instant::now() + QUIET_WITHIN;
    while Instant::now() < deadline && !coordinator.is_quiet().await? {
        tokio::select! {
            ended = coordinator.ended() => return ended.map_err(|error| Failure::Stopped(error.to_string())),
            urgency = interrupts.next() => if urgency == Urgency::Hurry { return Ok(()) },
            () = tokio::time::sleep(QUIET_EVERY) => {}
        }
    }
    Ok(())
}
