//! `provider`: the fake provider in the foreground, for demos, dry runs and tests.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use muster_episode::Suite;
use muster_provider::{Fault, FaultPlan, Key, Players, Provider, ProviderConfig, Rehearsal};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::progress::note;
use crate::{intake, output, simulator};

/// Flags of `provider`.
#[derive(Debug, Args)]
pub(crate) struct ProviderArguments {
    /// Where to listen: an address of this machine. With port 0 a free one is taken, and printed.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8811")]
    listen: SocketAddr,
    /// A suite's folder: its scenarios' players play the models' parts (repeatable). Without one, only sim/rehearsal,
    /// which calls the first tool five times.
    #[arg(long = "suite", value_name = "DIR")]
    suites: Vec<PathBuf>,
    /// Requests a minute for each model.
    #[arg(long, value_name = "N")]
    rpm: Option<NonZeroU32>,
    /// Tokens a minute for each model.
    #[arg(long, value_name = "N")]
    tpm: Option<NonZeroU32>,
    /// From a call's arrival to its answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
    /// Of all calls, those answered with status 500.
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    fail_rate: f64,
    /// Of all calls, those never answered.
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    hang_rate: f64,
    /// Further faults and their rates: http503=0.01,cut=0.05,... (`--fault help` lists them).
    #[arg(long, value_name = "NAME=RATE,...", default_value = "")]
    fault: String,
    /// Draws the faults.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Seed-drawn words that players add over an episode.
    #[arg(long, value_name = "N", default_value_t = 0)]
    words: u32,
    /// A key that calls must carry.
    #[arg(long, value_name = "KEY", env = "MUSTER_PROVIDER_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Connections at once.
    #[arg(long, value_name = "N")]
    max_connections: Option<u32>,
}

/// Serves.
pub(crate) async fn perform(arguments: ProviderArguments) -> Result<Exit, Failure> {
    if arguments.fault == "help" {
        output::print(&Fault::ALL.map(Fault::name).join("\n"));
        return Ok(Exit::Complete);
    }
    let mut interrupts =
        Interrupts::listen().map_err(|source| Failure::System { action: "listen for signals", source })?;
    let config = config(arguments)?;
    let running = Provider::start(config).await.map_err(|error| Failure::Provider(error.to_string()))?;
    note(&format!("listening on {}", running.base_url()));
    interrupts.next().await;
    let stats = running.stop().await;
    note(&format!("served {} requests, {} answers", stats.requests, stats.calls));
    Ok(Exit::Complete)
}

fn config(arguments: ProviderArguments) -> Result<ProviderConfig, Failure> {
    if !arguments.listen.ip().is_loopback() {
        return Err(Failure::Usage(format!("{} is not an address of this machine alone", arguments.listen)));
    }
    let faults = faults(&arguments).map_err(|error| Failure::Usage(error.to_string()))?;
    let usual = ProviderConfig::default();
    Ok(ProviderConfig {
        listen: arguments.listen,
        players: players(&arguments.suites)?,
        requests_per_minute: arguments.rpm,
        tokens_per_minute: arguments.tpm,
        latency: Duration::from_millis(arguments.latency_ms),
        words: arguments.words,
        seed: arguments.seed,
        key: arguments.key.map(Key::new),
        faults,
        max_connections: arguments.max_connections.unwrap_or(usual.max_connections),
    })
}

fn faults(arguments: &ProviderArguments) -> Result<FaultPlan, muster_provider::ProviderError> {
    let plan: FaultPlan = arguments.fault.parse()?;
    plan.with(Fault::Http500, arguments.fail_rate)?.with(Fault::Hang, arguments.hang_rate)
}

fn players(folders: &[PathBuf]) -> Result<Arc<dyn Players>, Failure> {
    if folders.is_empty() {
        return Ok(Arc::new(Rehearsal::default()));
    }
    let suites = folders.iter().map(|folder| intake::suite(folder).map(Arc::new));
    Ok(simulator::players(suites.collect::<Result<Vec<Arc<Suite>>, Failure>>()?))
}
