//! What providers limit and people allow, as users read it: tables, one line of what waits, and JSON.

use muster_proto::v1;
use muster_proto::v1::purse::Whose;
use serde_json::{Value, json};

use crate::tables::{self, counted, grouped, new_table};
use crate::terminal;

/// A scope's or a purse's name is shown up to here.
const NAME_CHARS: usize = 48;

/// What waits is told of so many scopes; a line has an end.
const TOLD_MAX: usize = 3;

/// A quota in a few words: `500 rpm, 500,000 tpm`.
pub(crate) fn quota(quota: &v1::Quota) -> String {
    let bounds = [
        (u64::from(quota.requests_per_minute), "rpm"),
        (quota.tokens_per_minute, "tpm"),
        (quota.input_tokens_per_minute, "tpm in"),
        (quota.output_tokens_per_minute, "tpm out"),
        (quota.requests_per_day, "a day"),
        (u64::from(quota.concurrency), "at once"),
    ];
    let mut words: Vec<String> = bounds
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{} {unit}", grouped(number)))
        .collect();
    if quota.discover {
        words.push("searched for".to_owned());
    }
    if words.is_empty() { "none known".to_owned() } else { words.join(", ") }
}

/// A budget in a few words: `$10.00, 1,000,000 tokens (drain)`.
pub(crate) fn budget(budget: &v1::Budget) -> String {
    let money = (budget.micro_usd > 0).then(|| usd(budget.micro_usd));
    let tokens = (budget.tokens > 0).then(|| counted(budget.tokens, "token"));
    let bounds: Vec<String> = money.into_iter().chain(tokens).collect();
    format!("{} ({})", bounds.join(", "), mode(budget.mode()))
}

/// Dollars, as exactly as they matter.
pub(crate) fn usd(micro: u64) -> String {
    let dollars = micro as f64 / 1_000_000.0;
    if micro > 0 && micro < 10_000 { format!("${dollars:.6}") } else { format!("${dollars:.2}") }
}

/// A scope's name: the account and its pool, which mostly begins with it.
pub(crate) fn scope_name(account: &str, pool: &str) -> String {
    match pool.strip_prefix(account) {
        Some("") => account.to_owned(),
        Some(rest) if rest.starts_with('/') => pool.to_owned(),
        _ => format!("{account}/{pool}"),
    }
}

/// A purse's name, as `retune --budget` takes it.
pub(crate) fn purse_name(purse: &v1::Purse) -> String {
    let whose = match &purse.whose {
        Some(Whose::Project(name)) => format!("project:{name}"),
        Some(Whose::Sweep(id)) => format!("sweep:{id}"),
        Some(Whose::Model(name)) => format!("model:{name}"),
        Some(Whose::Account(name)) => format!("account:{name}"),
        Some(Whose::Lane(of)) => format!("lane:{}/{}", of.sweep, of.lane),
        None => "nobody's".to_owned(),
    };
    if purse.daily { format!("{whose} daily") } else { whose }
}

/// A table of scopes; nothing where there is none.
pub(crate) fn scopes(scopes: &[v1::ScopeStatus]) -> Option<String> {
    if scopes.is_empty() {
        return None;
    }
    let headings =
        ["scope", "limit", "given now", "used, last min", "waiting", "in flight", "429s", "pauses", "today"];
    let mut table = new_table(headings, 2);
    for scope in scopes {
        let total = scope.total.unwrap_or_default();
        table.add_row([
            terminal::one_line(&scope_name(&scope.account, &scope.pool), NAME_CHARS),
            limit(scope),
            given(scope),
            used(scope).map_or_else(|| "-".to_owned(), |share| format!("{share:.1} %")),
            grouped(scope.waiting),
            grouped(scope.in_flight),
            grouped(total.limited),
            grouped(scope.pauses),
            grouped(scope.day_requests),
        ]);
    }
    Some(table.trim_fmt())
}

/// A table of budgets; nothing where there is none.
pub(crate) fn budgets(budgets: &[v1::PurseStatus]) -> Option<String> {
    if budgets.is_empty() {
        return None;
    }
    let mut table = new_table(["budget", "cap", "spent", "held", "waiting"], 2);
    for status in budgets {
        let (purse, cap) = (status.purse.clone().unwrap_or_default(), status.budget.unwrap_or_default());
        table.add_row([
            terminal::one_line(&purse_name(&purse), NAME_CHARS),
            budget(&cap),
            amount(&cap, status.spent_micro_usd, status.spent_tokens),
            amount(&cap, status.held_micro_usd, status.held_tokens),
            grouped(status.waiting),
        ]);
    }
    Some(table.trim_fmt())
}

/// A sentence for each budget that holds calls down, though it is not spent: people would look for a fault otherwise.
pub(crate) fn held_down(budgets: &[v1::PurseStatus]) -> Vec<String> {
    let holds = |status: &&v1::PurseStatus| status.waiting > 0 || status.waits_ms > 0;
    budgets.iter().filter(holds).map(why_held).collect()
}

fn why_held(status: &v1::PurseStatus) -> String {
    let (purse, cap) = (status.purse.clone().unwrap_or_default(), status.budget.unwrap_or_default());
    let name = terminal::one_line(&purse_name(&purse), NAME_CHARS);
    let spent = amount(&cap, status.spent_micro_usd, status.spent_tokens);
    if status.waits_ms > 0 {
        let minutes = status.waits_ms.div_ceil(60_000);
        let wait = format!("{} h {} min", minutes / 60, minutes % 60);
        return format!(
            "budget {name}: today's is spent ({spent}); what is left goes on with the next day (UTC), in {wait}"
        );
    }
    let calls = match status.waiting {
        1 => "1 call waits".to_owned(),
        more => format!("{} calls wait", grouped(more)),
    };
    format!(
        "budget {name}: {calls} for others to end: their worst case does not fit beside what is spent ({spent}) and held for \
         calls in flight ({})",
        amount(&cap, status.held_micro_usd, status.held_tokens),
    )
}

/// What of a sweep waits for a limit or a budget, on one line; none where nothing does.
pub(crate) fn waiting(limits: &v1::LimitsResponse, sweep: &v1::Sweep) -> Option<String> {
    let is_own = |scope: &&v1::ScopeStatus| {
        sweep.lanes.iter().any(|lane| lane.account == scope.account && lane.pool == scope.pool)
    };
    let is_waiting = |scope: &&v1::ScopeStatus| scope.waiting > 0 || scope.pause_ms > 0;
    let scopes = limits.scopes.iter().filter(is_own).filter(is_waiting).map(scope_words);
    let is_holding = |status: &&v1::PurseStatus| status.waiting > 0 || status.waits_ms > 0;
    let budgets = limits.budgets.iter().filter(is_holding).map(|status| {
        let purse = status.purse.clone().unwrap_or_default();
        format!("budget {} ({} waiting)", purse_name(&purse), grouped(status.waiting))
    });
    let mut told: Vec<String> = scopes.chain(budgets).collect();
    let more = told.len().saturating_sub(TOLD_MAX);
    told.truncate(TOLD_MAX);
    if more > 0 {
        told.push(format!("{more} more"));
    }
    (!told.is_empty()).then(|| terminal::one_line(&told.join("; "), 300))
}

/// That a budget set by hand stands over the one that a sweep's file states; none where they are the same.
pub(crate) fn set_by_hand(
    limits: &v1::LimitsResponse,
    sweep: u64,
    stated: Option<&v1::Budget>,
) -> Option<String> {
    let purse = v1::Purse { whose: Some(Whose::Sweep(sweep)), daily: false };
    let stands = limits.budgets.iter().find(|it| it.purse.as_ref() == Some(&purse))?.budget?;
    let stated = stated.filter(|stated| **stated != stands)?;
    Some(format!(
        "note: the budget of sweep {sweep} was set by hand and stands: {}, not the file's {}; `muster retune --budget \
         sweep:{sweep} --remove`, then the same command, leaves it to the file",
        budget(&stands),
        budget(stated),
    ))
}

fn scope_words(scope: &v1::ScopeStatus) -> String {
    let name = scope_name(&scope.account, &scope.pool);
    if scope.pause_ms > 0 {
        return format!("{name} (paused for {} s)", scope.pause_ms.div_ceil(1_000));
    }
    let used = used(scope).map_or_else(String::new, |share| format!(", {share:.0} % used"));
    format!("{name} ({} waiting at {}{used})", grouped(scope.waiting), given(scope))
}

/// Scopes for scripts.
pub(crate) fn scopes_json(scopes: &[v1::ScopeStatus]) -> Value {
    let scope = |scope: &v1::ScopeStatus| {
        let (minute, total) = (scope.last_minute.unwrap_or_default(), scope.total.unwrap_or_default());
        json!({
            "account": scope.account,
            "pool": scope.pool,
            "limit": quota_json(&scope.quota.unwrap_or_default()),
            "by_hand": scope.by_hand,
            "governed": scope.governed,
            "rate_per_minute": scope.rate_per_minute,
            "used_last_minute": minute.used_permille.map(|share| f64::from(share) / 1_000.0),
            "last_minute": traffic_json(&minute),
            "total": traffic_json(&total),
            "waiting": scope.waiting,
            "in_flight": scope.in_flight,
            "day_requests": scope.day_requests,
            "pause_ms": scope.pause_ms,
            "pauses": scope.pauses,
        })
    };
    scopes.iter().map(scope).collect()
}

/// Budgets for scripts.
pub(crate) fn budgets_json(budgets: &[v1::PurseStatus]) -> Value {
    let dollars = |micro: u64| micro as f64 / 1_000_000.0;
    let status = |status: &v1::PurseStatus| {
        let (purse, cap) = (status.purse.clone().unwrap_or_default(), status.budget.unwrap_or_default());
        json!({
            "budget": purse_name(&v1::Purse { daily: false, ..purse.clone() }),
            "daily": purse.daily,
            "usd": (cap.micro_usd > 0).then(|| dollars(cap.micro_usd)),
            "tokens": (cap.tokens > 0).then_some(cap.tokens),
            "mode": mode(cap.mode()),
            "spent_usd": dollars(status.spent_micro_usd),
            "spent_tokens": status.spent_tokens,
            "held_usd": dollars(status.held_micro_usd),
            "held_tokens": status.held_tokens,
            "waiting": status.waiting,
            "waits_ms": status.waits_ms,
        })
    };
    budgets.iter().map(status).collect()
}

/// A quota for scripts: what is not bounded is null.
pub(crate) fn quota_json(quota: &v1::Quota) -> Value {
    let bound = |number: u64| (number > 0).then_some(number);
    json!({
        "rpm": bound(u64::from(quota.requests_per_minute)),
        "tpm": bound(quota.tokens_per_minute),
        "input_tpm": bound(quota.input_tokens_per_minute),
        "output_tpm": bound(quota.output_tokens_per_minute),
        "rpd": bound(quota.requests_per_day),
        "concurrency": bound(u64::from(quota.concurrency)),
        "ramp_seconds": quota.ramp_ms as f64 / 1_000.0,
        "discover": quota.discover,
    })
}

fn traffic_json(traffic: &v1::Traffic) -> Value {
    json!({
        "granted": traffic.granted,
        "answered": traffic.answered,
        "limited": traffic.limited,
        "tokens": traffic.tokens,
        "input_tokens": traffic.input_tokens,
        "output_tokens": traffic.output_tokens,
    })
}

fn limit(scope: &v1::ScopeStatus) -> String {
    let words = quota(&scope.quota.unwrap_or_default());
    if scope.by_hand { format!("{words} (retuned)") } else { words }
}

/// The rate that is given out now; a pause says how long.
fn given(scope: &v1::ScopeStatus) -> String {
    match scope.rate_per_minute {
        _ if scope.pause_ms > 0 => format!("paused {} s", scope.pause_ms.div_ceil(1_000)),
        Some(rate) if rate < 100.0 => format!("{rate:.1} rpm"),
        Some(rate) => format!("{rate:.0} rpm"),
        None => "no bound".to_owned(),
    }
}

/// The share of the limit that was used in the last minute, in percent.
fn used(scope: &v1::ScopeStatus) -> Option<f64> {
    scope.last_minute.and_then(|minute| minute.used_permille).map(|share| f64::from(share) / 10.0)
}

/// An amount in the units that a cap has.
fn amount(cap: &v1::Budget, micro_usd: u64, tokens: u64) -> String {
    let money = (cap.micro_usd > 0).then(|| usd(micro_usd));
    let tokens = (cap.tokens > 0).then(|| tables::counted(tokens, "token"));
    money.into_iter().chain(tokens).collect::<Vec<_>>().join(", ")
}

fn mode(mode: v1::budget::Mode) -> &'static str {
    match mode {
        v1::budget::Mode::Stop | v1::budget::Mode::Unspecified => "stop",
        v1::budget::Mode::Drain => "drain",
        v1::budget::Mode::Warn => "warn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(waiting: u64) -> v1::ScopeStatus {
        v1::ScopeStatus {
            account: "openai".into(),
            pool: "openai/x".into(),
            quota: Some(v1::Quota { requests_per_minute: 6_000, ..Default::default() }),
            rate_per_minute: Some(5_400.0),
            waiting,
            in_flight: 7,
            last_minute: Some(v1::Traffic { used_permille: Some(987), ..Default::default() }),
            total: Some(v1::Traffic { limited: 3, ..Default::default() }),
            ..Default::default()
        }
    }

    fn purse(waiting: u64) -> v1::PurseStatus {
        v1::PurseStatus {
            purse: Some(v1::Purse { whose: Some(Whose::Sweep(3)), daily: false }),
            budget: Some(v1::Budget { micro_usd: 10_000_000, tokens: 0, mode: 1 }),
            spent_micro_usd: 4_000_000,
            held_micro_usd: 6_000_000,
            waiting,
            ..Default::default()
        }
    }

    #[test]
    fn a_scope_shows_its_limit_what_is_given_and_what_is_used_of_it() {
        let shown = scopes(&[scope(12)]).expect("a table");
        for part in ["openai/x", "6,000 rpm", "5400 rpm", "98.7 %", "12", "7", "3"] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
        assert_eq!(scopes(&[]), None);
    }

    #[test]
    fn a_budget_that_holds_calls_down_says_so() {
        assert_eq!(held_down(&[purse(0)]), Vec::<String>::new());
        let sentences = held_down(&[purse(40)]);
        assert_eq!(
            sentences,
            [
                "budget sweep:3: 40 calls wait for others to end: their worst case does not fit beside what is spent ($4.00) \
              and held for calls in flight ($6.00)"
            ]
        );
    }

    #[test]
    fn a_spent_day_says_when_it_goes_on() {
        let mut spent = purse(0);
        spent.purse = Some(v1::Purse { whose: Some(Whose::Project("lab".into())), daily: true });
        spent.waits_ms = 2 * 3_600_000 + 1;
        let sentences = held_down(&[spent]);
        assert_eq!(
            sentences,
            [
                "budget project:lab daily: today's is spent ($4.00); what is left goes on with the next day (UTC), in 2 h 1 min"
            ]
        );
    }

    #[test]
    fn only_a_sweeps_own_scopes_are_told_while_it_waits() {
        let lane = v1::LaneStatus { account: "openai".into(), pool: "openai/x".into(), ..Default::default() };
        let sweep = v1::Sweep { lanes: vec![lane], ..Default::default() };
        let other = v1::ScopeStatus { pool: "openai/y".into(), ..scope(9) };
        let mut limits = v1::LimitsResponse { scopes: vec![scope(12), other], budgets: vec![] };
        let told = waiting(&limits, &sweep);
        assert_eq!(told.as_deref(), Some("openai/x (12 waiting at 5400 rpm, 99 % used)"));
        limits.scopes[0].pause_ms = 19_500;
        assert_eq!(waiting(&limits, &sweep).as_deref(), Some("openai/x (paused for 20 s)"));
        limits.scopes[0] = scope(0);
        assert_eq!(waiting(&limits, &sweep), None);
    }

    #[test]
    fn a_budget_set_by_hand_is_told_where_the_file_states_another() {
        let limits = v1::LimitsResponse { scopes: vec![], budgets: vec![purse(0)] };
        let stated = v1::Budget { micro_usd: 5_000_000, tokens: 0, mode: 1 };
        let told = set_by_hand(&limits, 3, Some(&stated)).expect("a note");
        assert!(told.contains("stands: $10.00 (stop), not the file's $5.00 (stop)"), "{told}");
        assert!(told.contains("--budget sweep:3 --remove"), "{told}");
        let same = v1::Budget { micro_usd: 10_000_000, ..stated };
        assert_eq!(set_by_hand(&limits, 3, Some(&same)), None);
        assert_eq!(set_by_hand(&limits, 4, Some(&stated)), None);
        assert_eq!(set_by_hand(&limits, 3, None), None);
    }

    #[test]
    fn a_scope_is_named_without_saying_its_account_twice() {
        assert_eq!(scope_name("openai", "openai/x"), "openai/x");
        assert_eq!(scope_name("openai", "family"), "openai/family");
        assert_eq!(scope_name("moonshot", "moonshot"), "moonshot");
        assert_eq!(scope_name("open", "openai/x"), "open/openai/x");
    }

    #[test]
    fn small_amounts_of_money_are_not_shown_as_nothing() {
        assert_eq!([0, 15, 10_000_000].map(usd), ["$0.00", "$0.000015", "$10.00"]);
    }
}
