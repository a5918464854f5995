//! `doctor`: whether this machine is ready, in words, before anything is run.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use muster_episode::{Catalog, CatalogModel, Date, ModelName, ModelPlan};
use muster_store::StoreError;
use muster_worker::{Check, Environment as _, Found, Http, ProcessEnvironment, Settings};

use crate::address::CoordinatorUrl;
use crate::arguments::{CallArguments, CatalogArguments, DATA_DIR_DEFAULT, SweepFileArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::preflight::{self, Called};
use crate::station::{self, IfMissing, Station};
use crate::{catalog, limits, output, terminal, wire};

/// Open files that a worker of 1,000 slots with its coordinator may need: one for each connection, and some.
const FILES_WANTED: u64 = 2_048;

/// 2025-01-01: a clock before it was never set.
const CLOCK_EARLIEST_S: u64 = 1_735_689_600;

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// The data directory to look at.
    #[arg(long, value_name = "DIR", default_value = DATA_DIR_DEFAULT)]
    data_dir: PathBuf,
    /// A coordinator to reach.
    #[arg(long, value_name = "URL")]
    coordinator: Option<CoordinatorUrl>,
    /// Ask each of these models one short question, once (a,b,c). It costs a few tokens.
    #[arg(long, value_name = "M", num_args = 1.., value_delimiter = ',')]
    models: Vec<String>,
    /// Ask each model of this sweep, as the sweep would call it.
    #[arg(long, value_name = "SWEEP.toml")]
    sweep: Option<PathBuf>,
    /// Check what only a live key can tell, of these accounts (openai) or models (openai/gpt-5.2); of every account
    /// that has a key here if none is named. At most 20 small calls each.
    #[arg(long, value_name = "NAME", num_args = 0.., value_delimiter = ',')]
    live: Option<Vec<String>>,
    /// What is known of models.
    #[command(flatten)]
    catalog: CatalogArguments,
    /// How models are called.
    #[command(flatten)]
    calls: CallArguments,
}

/// What was found.
enum Finding {
    Good(String),
    /// Worth knowing; nothing is wrong.
    Note(String),
    Bad(String),
}

/// Looks.
pub(crate) async fn perform(arguments: DoctorArguments) -> Result<Exit, Failure> {
    let mut findings = vec![clock(), files(), data_dir(&arguments.data_dir).await];
    findings.extend(accounts());
    if let Some(url) = &arguments.coordinator {
        findings.push(coordinator(url).await);
    }
    findings.extend(models(&arguments).await?);
    if let Some(wanted) = &arguments.live {
        findings.extend(live_checks(wanted, &arguments).await?);
    }
    findings.iter().for_each(|finding| output::print(&finding.line()));
    Ok(Exit::of(!findings.iter().any(|finding| matches!(finding, Finding::Bad(_)))))
}

// === impl Finding ===

impl Finding {
    fn line(&self) -> String {
        let (mark, text) = match self {
            Self::Good(text) => ("ok   ", text),
            Self::Note(text) => ("note ", text),
            Self::Bad(text) => ("BAD  ", text),
        };
        format!("{mark} {}", terminal::plain(text))
    }
}

fn clock() -> Finding {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if seconds < CLOCK_EARLIEST_S {
        return Finding::Bad("clock: it was never set; results would carry wrong dates".to_owned());
    }
    Finding::Good("clock: set".to_owned())
}

fn files() -> Finding {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some(limit) = open_files(&limits) else {
        return Finding::Note("open files: the limit can't be read here".to_owned());
    };
    if limit < FILES_WANTED {
        return Finding::Note(format!(
            "open files: at most {limit}; `ulimit -n {FILES_WANTED}` for many connections at once"
        ));
    }
    Finding::Good(format!("open files: up to {limit}"))
}

/// The soft limit in `/proc/self/limits`.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

async fn data_dir(dir: &Path) -> Finding {
    let shown = dir.display();
    if !dir.exists() {
        return Finding::Note(format!("data directory: {shown} is not there yet; `muster run` makes it"));
    }
    let opened = station::open(dir, IfMissing::Fail).await;
    match opened {
        Ok(coordinator) => match coordinator.stop().await {
            Ok(()) => Finding::Good(format!("data directory: {shown} opens, and can be written")),
            Err(error) => Finding::Bad(format!("data directory: {error}")),
        },
        Err(Failure::Store(StoreError::InUse { .. })) => {
            Finding::Good(format!("data directory: {shown} is in use by a running process"))
        }
        Err(failure) => Finding::Bad(format!("data directory: {failure}")),
    }
}

fn accounts() -> Vec<Finding> {
    let environment = ProcessEnvironment;
    let found = muster_worker::accounts(&environment, None);
    let mut findings = Vec::new();
    if found.is_empty() {
        findings.push(Finding::Note("accounts: none is set; sim/ models need none".to_owned()));
    } else {
        findings.push(Finding::Good(format!("accounts: {}", found.join(", "))));
    }
    let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.trim().is_empty());
    for name in environment.names() {
        if let Some(service) = name.strip_suffix("_BASE_URL")
            && service != "OPENAI"
            && !is_set(&format!("{service}_API_KEY"))
        {
            findings.push(Finding::Note(format!("accounts: {name} is set, but {service}_API_KEY is not")));
        }
    }
    findings
}

async fn coordinator(url: &CoordinatorUrl) -> Finding {
    let reached = async {
        let mut station = Station::connect(url).await?;
        Ok::<_, Failure>((station.client.sweeps().await?.len(), station.client.workers().await?.len()))
    };
    match reached.await {
        Ok((sweeps, workers)) => {
            Finding::Good(format!("coordinator: {url} answers; {sweeps} sweeps, {workers} workers"))
        }
        Err(failure) => Finding::Bad(format!("coordinator: {failure}")),
    }
}

/// Every model that is named, each asked once.
async fn models(arguments: &DoctorArguments) -> Result<Vec<Finding>, Failure> {
    let catalog = catalog::layered(arguments.catalog.own_catalog.as_slice())?;
    let (today, mut findings, mut plans) = (catalog::today(), Vec::new(), Vec::new());
    for name in &arguments.models {
        match ModelName::parse(name) {
            Ok(name) => plans.push((ModelPlan::known(&name, &catalog), retired(&catalog, &name, &today))),
            Err(problem) => findings.push(Finding::Bad(format!("model {}: {problem}", shown(name)))),
        }
    }
    if let Some(file) = &arguments.sweep {
        let intake = Intake::read(&SweepFileArguments::of(file, &arguments.catalog), Some(&arguments.calls))?;
        for plan in intake.plan.models() {
            let retired =
                ModelName::parse(&plan.name).ok().and_then(|name| retired(&intake.catalog, &name, &today));
            plans.push((plan.clone(), retired));
        }
    }
    let settings = preflight::settings(&arguments.calls);
    let http = Http::new(preflight::http(&arguments.calls));
    for (plan, retired) in plans {
        findings.push(match retired {
            Some(retired) => retired,
            None => model(&plan, &settings, &http).await,
        });
    }
    Ok(findings)
}

/// What only a live key can tell, of each account or model that is wanted.
async fn live_checks(wanted: &[String], arguments: &DoctorArguments) -> Result<Vec<Finding>, Failure> {
    let catalog = catalog::layered(arguments.catalog.own_catalog.as_slice())?;
    let settings = preflight::settings(&arguments.calls);
    let http = Http::new(preflight::http(&arguments.calls));
    let redactor = muster_worker::redactor(&ProcessEnvironment);
    let mut findings = Vec::new();
    for name in wanted_models(wanted, &catalog, &catalog::today(), &mut findings) {
        let route = match settings.route(&ModelPlan::known(&name, &catalog)) {
            Ok(route) => route,
            Err(error) => {
                findings.push(Finding::Bad(error.to_string()));
                continue;
            }
        };
        match muster_worker::live(&http, &route, &redactor).await {
            Ok(checks) => findings.extend(checks.iter().map(|check| checked(&name, check))),
            Err(error) => findings.push(Finding::Bad(error.to_string())),
        }
    }
    Ok(findings)
}

/// The models to check: an account stands for the cheapest of its models in the catalog that is still served.
fn wanted_models(
    wanted: &[String],
    catalog: &Catalog,
    today: &Date,
    findings: &mut Vec<Finding>,
) -> Vec<ModelName> {
    let all = muster_worker::accounts(&ProcessEnvironment, None);
    let wanted = if wanted.is_empty() { &all[..] } else { wanted };
    let mut names = Vec::new();
    for wanted in wanted {
        match stand_in(wanted, catalog, today).map_or_else(|| ModelName::parse(wanted), Ok) {
            Ok(name) => names.push(name),
            Err(_) => findings.push(Finding::Note(format!(
                "live {}: name one of its models, for the catalog has none",
                shown(wanted)
            ))),
        }
    }
    names
}

fn stand_in(account: &str, catalog: &Catalog, today: &Date) -> Option<ModelName> {
    let price = |model: &CatalogModel| model.price.as_ref().and_then(|it| it.value.input).unwrap_or(u64::MAX);
    let open = catalog.iter().filter(|model| model.retired_on(today).is_none());
    let own = open.filter_map(|model| Some((price(model), ModelName::parse(&model.name).ok()?)));
    own.filter(|(_, name)| name.account() == account).min_by_key(|(price, _)| *price).map(|(_, name)| name)
}

fn checked(name: &ModelName, check: &Check) -> Finding {
    let line =
        format!("live {}: {}: {}", shown(name.full()), check.name, terminal::one_line(&check.evidence, 300));
    match check.found {
        Found::Pass => Finding::Good(line),
        Found::Unsure => Finding::Note(line),
        Found::Fail => Finding::Bad(line),
    }
}

/// A model that is no more is not even asked.
fn retired(catalog: &Catalog, name: &ModelName, today: &Date) -> Option<Finding> {
    let known = catalog.get(name.full())?;
    let date = known.retired_on(today)?;
    let successor = known.successor().map_or_else(String::new, |it| format!("; its successor is {it}"));
    Some(Finding::Bad(format!(
        "model {}: it was shut down on {}{successor}",
        shown(name.full()),
        date.as_str()
    )))
}

fn shown(name: &str) -> String {
    terminal::one_line(name, 100)
}

async fn model(plan: &ModelPlan, settings: &Settings, http: &Http) -> Finding {
    let shown = shown(&plan.name);
    if plan.is_built_in() {
        return Finding::Good(format!("model {shown}: built in"));
    }
    let route = match settings.route(plan) {
        Ok(route) => route,
        Err(error) => return Finding::Bad(error.to_string()),
    };
    let address = &route.base_url;
    let told = |why: &str| preflight::reason(why, std::slice::from_ref(&route));
    match preflight::call_once(http, &route).await {
        Ok(Called::Answered(ms)) => {
            Finding::Good(format!("model {shown}: {address} answered in {ms} ms; {}", known(plan)))
        }
        Ok(Called::Refused(why)) => Finding::Note(format!(
            "model {shown}: {address} takes the key, but refused a test question: {}",
            told(&why)
        )),
        Err(why) => Finding::Bad(format!("model {shown}: {address}: {}", told(&why))),
    }
}

/// What a sweep would hold itself to.
fn known(plan: &ModelPlan) -> String {
    let limits = limits::quota(&wire::quota(&plan.quota).unwrap_or_default());
    let price = if plan.price.is_some() { "its price is known" } else { "its price is not known" };
    format!("limits: {limits}; {price}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_model_is_not_asked_but_its_successor_named() {
        let (catalog, today) = (Catalog::built_in(), Date::parse("2026-11-24").expect("a day"));
        let found = |name: &str| retired(&catalog, &ModelName::parse(name).expect("a name"), &today);
        let line = found("google/gemini-3-pro-preview").expect("a finding").line();
        assert!(
            line.starts_with("BAD ") && line.contains("successor is google/gemini-3.1-pro-preview"),
            "{line}"
        );
        assert!(found("openai/gpt-5.2").is_none() && found("nobody/knows").is_none());
    }

    #[test]
    fn an_account_is_checked_by_its_cheapest_model_that_is_still_served() {
        let (catalog, today) = (Catalog::built_in(), Date::parse("2026-11-24").expect("a day"));
        let model = |account: &str| stand_in(account, &catalog, &today).map(|name| name.full().to_string());
        assert_eq!(model("deepseek").as_deref(), Some("deepseek/deepseek-v4-flash"));
        assert_eq!(model("anthropic").as_deref(), Some("anthropic/claude-haiku-4-5"));
        assert_eq!((model("together"), model("openai-api/lab")), (None, None));
    }

    #[test]
    fn a_failed_check_is_bad_and_an_undecided_one_is_not() {
        let name = ModelName::parse("openai/x").expect("a name");
        let line =
            |found| checked(&name, &Check { name: "seed", found, evidence: "taken\u{1b}[2J".into() }).line();
        assert!(line(Found::Pass).starts_with("ok ") && line(Found::Unsure).starts_with("note "));
        assert!(line(Found::Fail).starts_with("BAD ") && !line(Found::Fail).contains('\u{1b}'));
    }

    #[test]
    fn the_limit_of_open_files_is_read_from_the_kernels_table() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(open_files(limits), Some(1_024));
        assert_eq!(
            open_files("Max open files            unlimited            unlimited            files"),
            Some(u64::MAX)
        );
        assert_eq!(open_files(""), None);
    }
}
