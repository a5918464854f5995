//! `provider`: the fake provider in the foreground, for demos, dry runs and tests.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use muster_episode::Suite;
use muster_provider::{
    Fault, FaultPlan, Key, Limits, Players, Price, Profile, Provider, ProviderConfig, ProviderError,
    Rehearsal, Span, TokenPlan,
};

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
    /// The player of every model that no player is named after: sim/obedient. Without it there are no other models.
    #[arg(long, value_name = "PLAYER")]
    stand_in: Option<String>,
    /// Whose headers, errors, quotas and reasoning: openai, anthropic, gemini, zai, moonshot, deepseek, together,
    /// openrouter, azure, vllm or compatible. The dialect is the path's in any case.
    #[arg(long, value_name = "NAME", default_value = "compatible")]
    profile: String,
    /// Requests a minute for each model.
    #[arg(long, value_name = "N")]
    rpm: Option<NonZeroU32>,
    /// Tokens a minute for each model.
    #[arg(long, value_name = "N")]
    tpm: Option<NonZeroU32>,
    /// Input tokens a minute for each model.
    #[arg(long, value_name = "N")]
    input_tpm: Option<NonZeroU32>,
    /// Output tokens a minute for each model.
    #[arg(long, value_name = "N")]
    output_tpm: Option<NonZeroU32>,
    /// Requests a day for each model.
    #[arg(long, value_name = "N")]
    rpd: Option<u32>,
    /// Calls at once for each model.
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// The limits are those of all models together.
    #[arg(long)]
    one_pool: bool,
    /// What may be spent on each model, in millionths of a dollar; needs a price.
    #[arg(long, value_name = "N", requires = "price")]
    spend_micro_dollars: Option<u64>,
    /// Dollars for a million tokens of input, cached input and output: 1.75,0.175,14.
    #[arg(long, value_name = "IN,CACHED,OUT")]
    price: Option<String>,
    /// Input tokens that calls are said to have: 500, or drawn from 200..20000.
    #[arg(long, value_name = "N|MIN..MAX")]
    input_tokens: Option<String>,
    /// Output tokens that answers are said to have.
    #[arg(long, value_name = "N|MIN..MAX")]
    output_tokens: Option<String>,
    /// Players think in every turn, and what they thought has to come back in every profile.
    #[arg(long)]
    always_think: bool,
    /// A model that is no more (repeatable).
    #[arg(long, value_name = "MODEL")]
    retired: Vec<String>,
    /// From a call's arrival to its answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
    /// Of all calls, those answered with status 500.
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    fail_rate: f64,
    /// Of all calls, those never answered.
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    hang_rate: f64,
    /// Further faults: by their rates, http503=0.01,cut=0.05, or at the Nth request, hang@3 (`--fault help` lists them).
    #[arg(long, value_name = "NAME=RATE|NAME@N,...", default_value = "")]
    fault: String,
    /// How long the fault keep-alive sends blank lines, in milliseconds.
    #[arg(long, value_name = "MS")]
    keep_alive_ms: Option<u64>,
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
        let names: Vec<&str> = Fault::ALL.into_iter().chain(Fault::told()).map(Fault::name).collect();
        output::print(&names.join("\n"));
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
    let usual = ProviderConfig::default();
    let (faults, tokens) = (usage(faults(&arguments))?, usage(tokens(&arguments))?);
    let profile: Profile = usage(arguments.profile.parse())?;
    let price: Option<Price> = usage(arguments.price.as_deref().map(str::parse).transpose())?;
    Ok(ProviderConfig {
        listen: arguments.listen,
        players: players(&arguments.suites)?,
        stand_in: arguments.stand_in,
        profile,
        limits: Limits {
            requests_per_minute: arguments.rpm,
            tokens_per_minute: arguments.tpm,
            input_tokens_per_minute: arguments.input_tpm,
            output_tokens_per_minute: arguments.output_tpm,
            requests_per_day: arguments.rpd,
            concurrency: arguments.concurrency,
            spend_micro_dollars: arguments.spend_micro_dollars,
        },
        one_pool: arguments.one_pool,
        price: price.unwrap_or_default(),
        tokens,
        always_think: arguments.always_think,
        retired: arguments.retired.into_iter().collect(),
        latency: Duration::from_millis(arguments.latency_ms),
        words: arguments.words,
        seed: arguments.seed,
        key: arguments.key.map(Key::new),
        faults,
        keep_alive: arguments.keep_alive_ms.map_or(usual.keep_alive, Duration::from_millis),
        max_connections: arguments.max_connections.unwrap_or(usual.max_connections),
        ..usual
    })
}

fn usage<T>(read: Result<T, ProviderError>) -> Result<T, Failure> {
    read.map_err(|error| Failure::Usage(error.to_string()))
}

fn faults(arguments: &ProviderArguments) -> Result<FaultPlan, ProviderError> {
    let plan: FaultPlan = arguments.fault.parse()?;
    plan.with(Fault::Http500, arguments.fail_rate)?.with(Fault::Hang, arguments.hang_rate)
}

fn tokens(arguments: &ProviderArguments) -> Result<TokenPlan, ProviderError> {
    let span = |text: &Option<String>| text.as_deref().map(str::parse::<Span>).transpose();
    Ok(TokenPlan { input: span(&arguments.input_tokens)?, output: span(&arguments.output_tokens)? })
}

fn players(folders: &[PathBuf]) -> Result<Arc<dyn Players>, Failure> {
    if folders.is_empty() {
        return Ok(Arc::new(Rehearsal::default()));
    }
    let suites = folders.iter().map(|folder| intake::suite(folder).map(Arc::new));
    Ok(simulator::players(suites.collect::<Result<Vec<Arc<Suite>>, Failure>>()?))
}
