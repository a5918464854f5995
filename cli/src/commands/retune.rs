//! `retune`: changes a limit or a budget while sweeps run. It holds from now on, and over restarts.

use clap::Args;
use muster_episode::{BudgetMode, ModelName};
use muster_proto::v1;
use muster_proto::v1::purse::Whose;

use crate::arguments::TargetArguments;
use crate::client::Client;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::note;
use crate::station::Station;
use crate::{limits, output, terminal, wire};

/// Dollars of a budget: beyond any.
const USD_MAX: f64 = 1_000_000_000.0;

/// Flags of `retune`.
#[derive(Debug, Args)]
pub(crate) struct RetuneArguments {
    /// The scope, as `muster status` names it: openai/gpt-5.2, moonshot.
    #[arg(value_name = "SCOPE", required_unless_present = "budget", conflicts_with = "budget")]
    scope: Option<String>,
    /// Its limits.
    #[command(flatten)]
    limits: LimitArguments,
    /// Leave the scope's limits to the sweeps again.
    #[arg(long, conflicts_with = "LimitArguments")]
    reset: bool,
    /// A budget instead: sweep:N, project:NAME, model:NAME or account:NAME.
    #[arg(long, value_name = "WHOSE", value_parser = whose)]
    budget: Option<Whose>,
    /// Of each day (UTC), not for good.
    #[arg(long, requires = "budget", conflicts_with = "scope")]
    daily: bool,
    /// Dollars.
    #[arg(long, value_name = "USD", requires = "budget", conflicts_with = "scope", value_parser = usd)]
    usd: Option<u64>,
    /// Tokens in and out.
    #[arg(long, value_name = "N", requires = "budget", conflicts_with = "scope", value_parser = clap::value_parser!(u64).range(1..))]
    tokens: Option<u64>,
    /// What happens at its end: stop, drain (from 90 % on no new episode begins) or warn.
    #[arg(long, value_name = "MODE", requires = "budget", conflicts_with = "scope", value_parser = mode)]
    mode: Option<BudgetMode>,
    /// Take the budget away.
    #[arg(long, requires = "budget", conflicts_with_all = ["scope", "usd", "tokens", "mode"])]
    remove: bool,
    /// Whose.
    #[command(flatten)]
    target: TargetArguments,
}

/// A scope's limits: what is not said stays as it is; 0 lifts a limit.
#[derive(Debug, Clone, Copy, Args)]
#[group(id = "LimitArguments", multiple = true, conflicts_with = "budget")]
struct LimitArguments {
    /// Requests a minute.
    #[arg(long, value_name = "N")]
    rpm: Option<u32>,
    /// Tokens a minute, in and out together.
    #[arg(long, value_name = "N")]
    tpm: Option<u64>,
    /// Tokens in a minute.
    #[arg(long, value_name = "N")]
    input_tpm: Option<u64>,
    /// Tokens out a minute.
    #[arg(long, value_name = "N")]
    output_tpm: Option<u64>,
    /// Requests a day.
    #[arg(long, value_name = "N")]
    rpd: Option<u64>,
    /// Calls at once.
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// Seconds until the full rate.
    #[arg(long, value_name = "S")]
    ramp_seconds: Option<u32>,
}

/// Changes it.
pub(crate) async fn perform(arguments: RetuneArguments) -> Result<Exit, Failure> {
    let mut station = Station::reach(&arguments.target).await?;
    let changed = match &arguments.budget {
        Some(whose) => cap(&mut station.client, &arguments, whose.clone()).await,
        None => retune(&mut station.client, &arguments).await,
    };
    station.leave().await?;
    output::print(&changed?);
    Ok(Exit::Complete)
}

async fn retune(client: &mut Client, arguments: &RetuneArguments) -> Result<String, Failure> {
    let wanted = arguments.scope.as_deref().unwrap_or_default();
    if !arguments.reset && arguments.limits.says_nothing() {
        let what = "say what to change, for example `--rpm 500`, or `--reset`";
        return Err(Failure::Usage(what.to_owned()));
    }
    let known = client.limits().await?.scopes;
    let (account, pool, now) = scope(&known, wanted)?;
    let is_known = known.iter().any(|scope| scope.account == account && scope.pool == pool);
    let quota = (!arguments.reset).then(|| arguments.limits.over(now));
    let name = limits::scope_name(&account, &pool);
    client.retune(v1::RetuneRequest { account, pool, quota }).await?;
    if !is_known {
        note(&unused(&name));
    }
    Ok(match quota {
        Some(quota) => format!("{name}: {} from now on", limits::quota(&quota)),
        None => format!("{name}: as its sweeps say again"),
    })
}

/// A scope by the name that `status` shows; one that nobody runs yet by its model's.
fn scope(known: &[v1::ScopeStatus], wanted: &str) -> Result<(String, String, v1::Quota), Failure> {
    let found = known.iter().find(|scope| limits::scope_name(&scope.account, &scope.pool) == wanted);
    if let Some(scope) = found {
        return Ok((scope.account.clone(), scope.pool.clone(), scope.quota.unwrap_or_default()));
    }
    if let Ok(name) = ModelName::parse(wanted) {
        return Ok((name.account().to_owned(), name.full().to_string(), v1::Quota::default()));
    }
    let names: Vec<String> =
        known.iter().map(|scope| limits::scope_name(&scope.account, &scope.pool)).collect();
    let wanted = terminal::one_line(wanted, 100);
    Err(Failure::Usage(if names.is_empty() {
        format!("there is no scope {wanted}: no sweep has one yet")
    } else {
        format!("there is no scope {wanted}; there are {}", terminal::one_line(&names.join(", "), 1_000))
    }))
}

/// It may be meant for a sweep to come, or written wrong.
fn unused(name: &str) -> String {
    format!(
        "note: no sweep uses {} yet; `muster status` shows the names that are in use",
        terminal::one_line(name, 100)
    )
}

/// Whether any sweep spends on a budget's account.
fn is_used(whose: &Whose, sweeps: &[v1::Sweep]) -> bool {
    let has_lane =
        |is_own: &dyn Fn(&v1::LaneStatus) -> bool| sweeps.iter().any(|it| it.lanes.iter().any(is_own));
    match whose {
        Whose::Project(name) => sweeps.iter().any(|sweep| sweep.project == *name),
        Whose::Model(name) => has_lane(&|lane| lane.model == *name),
        Whose::Account(name) => has_lane(&|lane| lane.account == *name),
        // The coordinator refuses one that is not there.
        Whose::Sweep(_) | Whose::Lane(_) => true,
    }
}

async fn cap(client: &mut Client, arguments: &RetuneArguments, whose: Whose) -> Result<String, Failure> {
    let purse = v1::Purse { whose: Some(whose.clone()), daily: arguments.daily };
    let name = limits::purse_name(&purse);
    if arguments.remove {
        let budget = Some(v1::Budget::default());
        let is_file = matches!(purse.whose, Some(Whose::Sweep(_))) && !purse.daily;
        client.cap(v1::CapRequest { purse: Some(purse), budget }).await?;
        let then = if is_file { "; its file's counts when it is run or submitted again" } else { "" };
        return Ok(format!("budget {name}: none any more{then}"));
    }
    let known = client.limits().await?.budgets;
    let now = known.into_iter().find(|status| status.purse.as_ref() == Some(&purse));
    let budget = arguments.budget_over(now.and_then(|status| status.budget).unwrap_or_default());
    if budget.micro_usd == 0 && budget.tokens == 0 {
        return Err(Failure::Usage("say how much: `--usd 10`, `--tokens 1000000`, or `--remove`".to_owned()));
    }
    client.cap(v1::CapRequest { purse: Some(purse), budget: Some(budget) }).await?;
    if !is_used(&whose, &client.sweeps().await?) {
        note(&unused(&name));
    }
    Ok(format!("budget {name}: {} from now on", limits::budget(&budget)))
}

// === impl RetuneArguments ===

impl RetuneArguments {
    fn budget_over(&self, now: v1::Budget) -> v1::Budget {
        v1::Budget {
            micro_usd: self.usd.unwrap_or(now.micro_usd),
            tokens: self.tokens.unwrap_or(now.tokens),
            mode: self.mode.map_or(now.mode, |mode| wire::mode(mode).into()),
        }
    }
}

// === impl LimitArguments ===

impl LimitArguments {
    fn says_nothing(&self) -> bool {
        self.rpm.is_none()
            && self.tpm.is_none()
            && self.input_tpm.is_none()
            && self.output_tpm.is_none()
            && self.rpd.is_none()
            && self.concurrency.is_none()
            && self.ramp_seconds.is_none()
    }

    fn over(&self, now: v1::Quota) -> v1::Quota {
        v1::Quota {
            requests_per_minute: self.rpm.unwrap_or(now.requests_per_minute),
            tokens_per_minute: self.tpm.unwrap_or(now.tokens_per_minute),
            input_tokens_per_minute: self.input_tpm.unwrap_or(now.input_tokens_per_minute),
            output_tokens_per_minute: self.output_tpm.unwrap_or(now.output_tokens_per_minute),
            requests_per_day: self.rpd.unwrap_or(now.requests_per_day),
            concurrency: self.concurrency.unwrap_or(now.concurrency),
            ramp_ms: self.ramp_seconds.map_or(now.ramp_ms, |seconds| u64::from(seconds) * 1_000),
            ..now
        }
    }
}

fn whose(text: &str) -> Result<Whose, String> {
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    let whose = match text.split_once(':') {
        Some(("sweep", number)) => number.parse().ok().filter(|number| *number > 0).map(Whose::Sweep),
        Some(("project", name)) => named(name).map(Whose::Project),
        Some(("model", name)) => named(name).map(Whose::Model),
        Some(("account", name)) => named(name).map(Whose::Account),
        _ => None,
    };
    whose.ok_or_else(|| "a budget is a `sweep:3`, a `project:x`, a `model:y/z` or an `account:y`".to_owned())
}

/// Dollars, in millionths.
pub(crate) fn usd(text: &str) -> Result<u64, String> {
    let dollars: f64 = text.parse().map_err(|_| "write dollars, such as 10 or 0.50".to_owned())?;
    if !(0.000_001..=USD_MAX).contains(&dollars) {
        return Err(format!("a budget has from 0.000001 to {USD_MAX} dollars; `--remove` takes it away"));
    }
    Ok((dollars * 1_000_000.0).round() as u64)
}

fn mode(text: &str) -> Result<BudgetMode, String> {
    BudgetMode::parse(text).ok_or_else(|| "the modes are stop, drain and warn".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_named_by_whose_it_is() {
        assert_eq!(whose("sweep:3"), Ok(Whose::Sweep(3)));
        assert_eq!(whose("model:openai/gpt-5.2"), Ok(Whose::Model("openai/gpt-5.2".into())));
        for text in ["sweep:0", "sweep:x", "sweep", "project:", "lane:1", ""] {
            assert!(whose(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dollars_are_read_to_the_millionth() {
        assert_eq!(usd("10"), Ok(10_000_000));
        assert_eq!(usd("0.50"), Ok(500_000));
        for text in ["0", "-1", "nan", "ten", "1e12"] {
            assert!(usd(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_said_of_a_limit_stays_as_it_is() {
        let said = LimitArguments {
            rpm: Some(60),
            tpm: Some(0),
            input_tpm: None,
            output_tpm: None,
            rpd: None,
            concurrency: None,
            ramp_seconds: None,
        };
        let now = v1::Quota { tokens_per_minute: 9, requests_per_day: 7, ..Default::default() };
        let quota = said.over(now);
        assert_eq!((quota.requests_per_minute, quota.tokens_per_minute, quota.requests_per_day), (60, 0, 7));
    }

    #[test]
    fn a_budget_that_nobody_spends_on_yet_is_told_from_one_in_use() {
        let lane =
            v1::LaneStatus { model: "openai/x".into(), account: "openai".into(), ..Default::default() };
        let sweeps = [v1::Sweep { project: "study".into(), lanes: vec![lane], ..Default::default() }];
        for (right, wrong) in [
            ("project:study", "project:studdy"),
            ("model:openai/x", "model:openai/z"),
            ("account:openai", "account:openay"),
        ] {
            let is_used = |text: &str| is_used(&whose(text).expect("whose"), &sweeps);
            assert!(is_used(right) && !is_used(wrong), "{right} {wrong}");
        }
    }

    #[test]
    fn a_scope_is_found_by_its_shown_name_and_a_new_one_by_its_models() {
        let known =
            [v1::ScopeStatus { account: "moonshot".into(), pool: "moonshot".into(), ..Default::default() }];
        let found = |name: &str| scope(&known, name).map(|(account, pool, _)| (account, pool));
        assert_eq!(found("moonshot").expect("a scope"), ("moonshot".into(), "moonshot".into()));
        assert_eq!(found("openai/x").expect("a scope"), ("openai".into(), "openai/x".into()));
        let failure = found("openai").expect_err("a failure").to_string();
        assert!(failure.contains("there are moonshot"), "{failure}");
    }
}
