//! The command line: flags shared by commands here, a command's own beside it in `commands/`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};
use muster_episode::Suite;

use crate::address::{CoordinatorUrl, SweepName};
use crate::failure::Failure;
use crate::{commands, intake};

/// Where results are kept, unless said otherwise: a folder in the current one.
pub(crate) const DATA_DIR_DEFAULT: &str = "muster-data";

/// Runs evaluations of AI agents: scenarios x models x seeds, with crash-proof results.
#[derive(Debug, Parser)]
#[command(name = "muster", version, max_term_width = 110, propagate_version = true)]
#[command(
    after_help = "Begin with `muster run suites/demo.toml`: it needs no key. Logs: MUSTER_LOG=info (or RUST_LOG)."
)]
pub(crate) struct Arguments {
    /// How log lines on stderr are written.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a sweep here: coordinator, worker and store in one process. The same command resumes it.
    Run(commands::run::RunArguments),
    /// Say what a sweep would run, and run nothing.
    Plan(commands::plan::PlanArguments),
    /// List sweeps, or show one with its models and workers.
    Status(commands::status::StatusArguments),
    /// Show one episode's transcript.
    Show(commands::show::ShowArguments),
    /// Score a sweep's episodes and print the table of rates.
    Score(commands::score::ScoreArguments),
    /// Report on stored scores: tables, intervals, tests, as a page or on the terminal.
    Report(commands::report::ReportArguments),
    /// Run stored transcripts again, without a model, and compare them byte for byte.
    Replay(commands::replay::ReplayArguments),
    /// Open failed, quarantined and cancelled jobs of a sweep again.
    Retry(commands::control::SweepCommand),
    /// Grant nothing more of a sweep; what runs goes on.
    Pause(commands::control::SweepCommand),
    /// Go on with a paused sweep, or with models that were stopped for a wrong configuration.
    Resume(commands::control::SweepCommand),
    /// Cancel all of a sweep that has not ended.
    Cancel(commands::control::SweepCommand),
    /// Change a scope's limits or a budget, now and for good.
    Retune(commands::retune::RetuneArguments),
    /// List what is known of models: routes, dialects, prices, limits, shutdowns.
    Models(commands::models::ModelsArguments),
    /// Check a suite of scenarios, list it, or show what a model meets.
    Suite(commands::suite::SuiteArguments),
    /// Serve a data directory to workers and users.
    Coordinator(commands::coordinator::CoordinatorArguments),
    /// Run episodes for a coordinator.
    Worker(commands::worker::WorkerArguments),
    /// Submit a sweep to a coordinator.
    Submit(commands::submit::SubmitArguments),
    /// Follow a sweep until it ends.
    Watch(commands::watch::WatchArguments),
    /// Look after a data directory.
    Store(commands::store::StoreArguments),
    /// Serve the built-in fake provider, in the foreground.
    Provider(commands::provider::ProviderArguments),
    /// Check that this machine is ready: data directory, accounts, clock, limits.
    Doctor(commands::doctor::DoctorArguments),
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whose sweeps are meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct TargetArguments {
    /// The data directory. If another process has it open, that process is asked.
    #[arg(long, value_name = "DIR", default_value = DATA_DIR_DEFAULT, conflicts_with = "coordinator")]
    pub(crate) data_dir: PathBuf,
    /// A running coordinator instead (http://127.0.0.1:PORT or unix:PATH).
    #[arg(long, value_name = "URL")]
    pub(crate) coordinator: Option<CoordinatorUrl>,
}

/// One sweep.
#[derive(Debug, Clone, Args)]
pub(crate) struct SweepArguments {
    /// The sweep's number, or `last`.
    #[arg(value_name = "SWEEP")]
    pub(crate) sweep: SweepName,
    /// Whose.
    #[command(flatten)]
    pub(crate) target: TargetArguments,
}

/// A sweep file, and what the command line changes about it.
#[derive(Debug, Clone, Args)]
pub(crate) struct SweepFileArguments {
    /// The sweep file.
    #[arg(value_name = "SWEEP.toml")]
    pub(crate) file: PathBuf,
    /// Run this model instead of the file's (repeatable): openai/NAME, openai-api/SERVICE/NAME, sim/PLAYER.
    #[arg(long = "model", value_name = "M")]
    pub(crate) models: Vec<String>,
    /// Repeats of each variant, instead of the file's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seeds: Option<u32>,
    /// Run at most so many jobs, over all models: a higher limit later goes on from there.
    #[arg(long, value_name = "JOBS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// What is known of models.
    #[command(flatten)]
    pub(crate) catalog: CatalogArguments,
    /// Run models though the catalog says that they were shut down.
    #[arg(long)]
    pub(crate) allow_retired: bool,
}

/// What is known of models, beyond what is built in.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CatalogArguments {
    /// A file with models of your own, over the built-in catalog and MUSTER_CATALOG's (see `muster models`).
    #[arg(long = "catalog", value_name = "FILE")]
    pub(crate) own_catalog: Option<PathBuf>,
}

/// Who judges.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ScorersArguments {
    /// Use the scorers that the suite in this folder asks for, not those of the suite as it was when the sweep was run.
    #[arg(long, value_name = "DIR")]
    pub(crate) scorers: Option<PathBuf>,
}

/// How this process calls providers.
#[derive(Debug, Clone, Args)]
pub(crate) struct CallArguments {
    /// Calls at once to each model [default: the sweep's, else 10].
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) max_connections: Option<u32>,
    /// Requests a minute to each model [default: the sweep's, else the catalog's, else no limit of our own].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rpm: Option<u32>,
    /// More certificate authorities to trust (PEM), on top of the system's or SSL_CERT_FILE's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

// === impl ScorersArguments ===

impl ScorersArguments {
    /// The suite named, read and checked.
    pub(crate) fn suite(&self) -> Result<Option<Arc<Suite>>, Failure> {
        self.scorers.as_deref().map(intake::suite_of_scorers).transpose().map(|suite| suite.map(Arc::new))
    }
}

// === impl SweepFileArguments ===

impl SweepFileArguments {
    /// A sweep as its file has it, retired models and all.
    pub(crate) fn of(file: &Path, catalog: &CatalogArguments) -> Self {
        Self {
            file: file.to_owned(),
            models: Vec::new(),
            seeds: None,
            limit: None,
            catalog: catalog.clone(),
            allow_retired: true,
        }
    }
}

// === impl Command ===

impl Command {
    /// What our own crates log under it, where no variable says otherwise.
    pub(crate) fn log_level(&self) -> &'static str {
        match self {
            Self::Coordinator(_) | Self::Worker(_) => "info",
            _ => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_flags_that_scripts_rely_on_are_taken() {
        for line in [
            "muster run s.toml",
            "muster run s.toml --model sim/a --model sim/b --seeds 3 --limit 10 --max-connections 4 --data-dir d --again --json",
            "muster coordinator --listen 127.0.0.1:0 --data-dir d",
            "muster worker --coordinator http://127.0.0.1:7654 --slots 8",
            "muster worker --coordinator http://127.0.0.1:7654 --slots 8 --spool d --max-connections 4 --rpm 60",
            "muster submit s.toml --coordinator http://127.0.0.1:7654 --wait --json",
            "muster status",
            "muster status 1 --coordinator http://127.0.0.1:7654",
            "muster show 1 1/0/17 --data-dir d --json",
            "muster replay 1",
            "muster replay last 1/0/17",
            "muster score 1 --cells --json",
            "muster score 1 --judge sim/judge --yes --usd 0.5 --tokens 9 --max-connections 4 --rpm 60",
            "muster score last --scorers suites/peer-preservation",
            "muster report 1 --scorers suites/peer-preservation --html r.html",
            "muster run s.toml --html study.html",
            "muster score 1 --no-judge --audit 10 --audit-seed 7 --labels labels.jsonl",
            "muster report 1 2 --html r.html --html-dir r --csv",
            "muster report last --episodes --where model=sim/mixed?p=0.3 --where verdict=tampered --json",
            "muster retry 1 --data-dir d",
            "muster run s.toml --catalog my-models.toml --allow-retired --rpm 60",
            "muster doctor --models sim/a,sim/b --sweep s.toml --catalog my-models.toml",
            "muster doctor --live",
            "muster doctor --live openai,zai/glm-4.7",
            "muster plan s.toml --pilot 2 --data-dir d --rpm 60 --json",
            "muster plan s.toml --power",
            "muster models",
            "muster models openai/gpt-5.2 --catalog my-models.toml --json",
            "muster retune openai/gpt-5.2 --rpm 500 --tpm 0 --data-dir d",
            "muster retune moonshot --reset",
            "muster retune --budget sweep:3 --usd 10 --tokens 5 --mode drain",
            "muster retune --budget model:openai/gpt-5.2 --daily --remove",
            "muster suite check d --window 8000 --json",
            "muster suite list d --scenario tampering --json",
            "muster suite show d tampering subject=peer --model openai/gpt-5.2 --seed 3 --json",
            "muster watch last",
            "muster store verify --data-dir d",
            "muster store rm 3",
            "muster store backup d2 --data-dir d",
            "muster store retention --older-than 30 --dry-run",
            "muster provider --listen 127.0.0.1:0 --rpm 60 --tpm 1000 --latency-ms 5 --fail-rate 0.1 --hang-rate 0.1 --seed 7",
            "muster --log-format json status",
            "muster status --log-format json",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).expect_err("an error"));
        }
    }

    #[test]
    fn bad_usage_exits_with_2() {
        for line in [
            "muster",
            "muster fly",
            "muster run",
            "muster run s.toml --seeds 0",
            "muster run s.toml --limit 0",
            "muster run s.toml --max-connections 0",
            "muster run s.toml --seeds -1",
            "muster worker --slots 8",
            "muster worker --coordinator http://10.0.0.1:7654 --slots 8",
            "muster submit s.toml",
            "muster status 0",
            "muster status --data-dir d --coordinator http://127.0.0.1:7654",
            "muster show 1",
            "muster score 1 --judge sim/judge --no-judge",
            "muster score 1 --yes",
            "muster score 1 --audit 0",
            "muster score 1 --labels labels.jsonl",
            "muster report",
            "muster report 1 --json --csv",
            "muster report 1 --where model=x",
            "muster suite",
            "muster suite check",
            "muster suite check d --window 0",
            "muster suite show d",
            "muster retune",
            "muster retune openai/x --budget sweep:1 --usd 1",
            "muster retune openai/x --usd 1",
            "muster retune openai/x --rpm 5 --reset",
            "muster retune --budget sweep:1 --remove --usd 5",
            "muster retune --budget sweep:1 --rpm 5",
            "muster retune --budget everyone --usd 5",
        ] {
            assert_eq!(parse(line).expect_err(line).exit_code(), 2, "{line}");
        }
    }
}
