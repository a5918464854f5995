//! Between the wire's words for quotas, shares and budgets and the core's. On the wire 0 is "no such bound".

use muster_core::{
    Budget, CallAsk, CallId, CallSettled, CapMode, Cost, Fate, Lane, Millis, Purse, PurseView, Quota, Scope,
    ScopeView, Span, Spend, SweepId, Traffic, TurnIndex,
};
use muster_proto::v1;
use tonic::Status;

use super::convert::{lease_from, required};

/// Calls in one ask or settle; a worker closes its events earlier.
const MAX_CALLS_AN_EVENT: usize = 16_384;

fn bound<T: PartialEq + Default>(number: T) -> Option<T> {
    (number != T::default()).then_some(number)
}

pub(crate) fn quota_from(quota: Option<v1::Quota>) -> Quota {
    let quota = quota.unwrap_or_default();
    Quota {
        requests_per_minute: bound(quota.requests_per_minute),
        tokens_per_minute: bound(quota.tokens_per_minute),
        input_tokens_per_minute: bound(quota.input_tokens_per_minute),
        output_tokens_per_minute: bound(quota.output_tokens_per_minute),
        requests_per_day: bound(quota.requests_per_day),
        concurrency: bound(quota.concurrency),
        ramp_ms: quota.ramp_ms,
        day_offset_minutes: quota.day_offset_minutes,
        discover: quota.discover,
    }
}

fn quota_to(quota: Quota) -> v1::Quota {
    v1::Quota {
        requests_per_minute: quota.requests_per_minute.unwrap_or_default(),
        tokens_per_minute: quota.tokens_per_minute.unwrap_or_default(),
        input_tokens_per_minute: quota.input_tokens_per_minute.unwrap_or_default(),
        output_tokens_per_minute: quota.output_tokens_per_minute.unwrap_or_default(),
        requests_per_day: quota.requests_per_day.unwrap_or_default(),
        concurrency: quota.concurrency.unwrap_or_default(),
        ramp_ms: quota.ramp_ms,
        day_offset_minutes: quota.day_offset_minutes,
        discover: quota.discover,
    }
}

pub(crate) fn budget_from(budget: Option<v1::Budget>) -> Budget {
    let budget = budget.unwrap_or_default();
    let mode = match budget.mode() {
        v1::budget::Mode::Drain => CapMode::Drain,
        v1::budget::Mode::Warn => CapMode::Warn,
        v1::budget::Mode::Stop | v1::budget::Mode::Unspecified => CapMode::Stop,
    };
    Budget { micro_usd: bound(budget.micro_usd), tokens: bound(budget.tokens), mode }
}

fn budget_to(budget: Budget) -> v1::Budget {
    let mode = match budget.mode {
        CapMode::Stop => v1::budget::Mode::Stop,
        CapMode::Drain => v1::budget::Mode::Drain,
        CapMode::Warn => v1::budget::Mode::Warn,
    };
    v1::Budget {
        micro_usd: budget.micro_usd.unwrap_or_default(),
        tokens: budget.tokens.unwrap_or_default(),
        mode: mode.into(),
    }
}

pub(crate) fn asks_from(ask: v1::Ask) -> Result<(u64, Vec<CallAsk>), Status> {
    check_count(ask.calls.len())?;
    let calls: Result<Vec<CallAsk>, Status> = ask.calls.into_iter().map(ask_from).collect();
    Ok((ask.number, calls?))
}

fn ask_from(ask: v1::CallAsk) -> Result<CallAsk, Status> {
    Ok(CallAsk {
        call: CallId(ask.call),
        lease: lease_from(ask.lease)?,
        turn: TurnIndex(ask.turn),
        cost: Cost { tokens: ask.tokens, input_tokens: ask.input_tokens, output_tokens: ask.output_tokens },
        worst: Spend { micro_usd: ask.worst_micro_usd, tokens: ask.worst_tokens },
        timeout_ms: ask.timeout_ms,
    })
}

pub(crate) fn settled_from(settle: v1::Settle) -> Result<Vec<CallSettled>, Status> {
    check_count(settle.calls.len())?;
    settle.calls.into_iter().map(one_settled_from).collect()
}

fn one_settled_from(settled: v1::CallSettled) -> Result<CallSettled, Status> {
    let fate = match settled.fate() {
        v1::Fate::Unspecified => return Err(Status::invalid_argument("a request that ended in no way")),
        v1::Fate::Unused => Fate::Unused,
        v1::Fate::Answered => Fate::Answered,
        v1::Fate::Limited => Fate::Limited,
        v1::Fate::Failed => Fate::Failed,
        v1::Fate::Lost => Fate::Lost,
    };
    Ok(CallSettled {
        call: CallId(settled.call),
        fate,
        cost: Cost {
            tokens: settled.tokens,
            input_tokens: settled.input_tokens,
            output_tokens: settled.output_tokens,
        },
        spent: Spend { micro_usd: settled.micro_usd, tokens: settled.spent_tokens },
    })
}

fn check_count(calls: usize) -> Result<(), Status> {
    if calls > MAX_CALLS_AN_EVENT {
        return Err(Status::invalid_argument(format!(
            "{calls} calls in one event, of at most {MAX_CALLS_AN_EVENT}"
        )));
    }
    Ok(())
}

pub(crate) fn observed_from(seen: v1::Observe) -> (Scope, Quota) {
    let scope = Scope { account: seen.account.into(), pool: seen.pool.into() };
    let quota = Quota {
        requests_per_minute: bound(seen.requests_per_minute),
        tokens_per_minute: bound(seen.tokens_per_minute),
        input_tokens_per_minute: bound(seen.input_tokens_per_minute),
        output_tokens_per_minute: bound(seen.output_tokens_per_minute),
        ..Quota::default()
    };
    (scope, quota)
}

pub(crate) fn purse_from(purse: Option<v1::Purse>) -> Result<(Purse, Span), Status> {
    use v1::purse::Whose;
    let purse = required(purse, "purse")?;
    let span = if purse.daily { Span::Day } else { Span::Ever };
    let whose = match required(purse.whose, "purse.whose")? {
        Whose::Project(name) => Purse::Project(name.into()),
        Whose::Sweep(id) => Purse::Sweep(SweepId(id)),
        Whose::Model(name) => Purse::Model(name.into()),
        Whose::Account(name) => Purse::Account(name.into()),
        Whose::Lane(of) => Purse::Lane(SweepId(of.sweep), Lane(of.lane)),
    };
    Ok((whose, span))
}

fn purse_to(purse: &Purse, span: Span) -> v1::Purse {
    use v1::purse::Whose;
    let whose = match purse {
        Purse::Project(name) => Whose::Project(name.to_string()),
        Purse::Sweep(id) => Whose::Sweep(id.0),
        Purse::Model(name) => Whose::Model(name.to_string()),
        Purse::Account(name) => Whose::Account(name.to_string()),
        Purse::Lane(sweep, lane) => Whose::Lane(v1::LanePurse { sweep: sweep.0, lane: lane.0 }),
    };
    v1::Purse { whose: Some(whose), daily: span == Span::Day }
}

fn traffic_to(traffic: Traffic) -> v1::Traffic {
    v1::Traffic {
        granted: traffic.granted,
        answered: traffic.answered,
        limited: traffic.limited,
        tokens: traffic.cost.tokens,
        input_tokens: traffic.cost.input_tokens,
        output_tokens: traffic.cost.output_tokens,
        used_permille: traffic.used_permille,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

pub(crate) fn scope_to(view: &ScopeView, now: Millis) -> v1::ScopeStatus {
    v1::ScopeStatus {
        account: view.scope.account.to_string(),
        pool: view.scope.pool.to_string(),
        quota: Some(quota_to(view.quota)),
        by_hand: view.by_hand,
        governed: view.governed,
        rate_per_minute: view.rate_per_minute,
        waiting: count(view.waiting),
        in_flight: count(view.in_flight),
        last_minute: Some(traffic_to(view.last_minute)),
        total: Some(traffic_to(view.total)),
        day_requests: view.day_requests,
        pause_ms: view.paused_until.map_or(0, |until| until.0.saturating_sub(now.0)),
        pauses: view.pauses,
        held_micro_usd: view.held.micro_usd.unwrap_or_default(),
    }
}

pub(crate) fn purse_status_to(view: &PurseView, now: Millis) -> v1::PurseStatus {
    v1::PurseStatus {
        purse: Some(purse_to(&view.purse, view.span)),
        budget: Some(budget_to(view.budget)),
        spent_micro_usd: view.spent.micro_usd.unwrap_or_default(),
        spent_tokens: view.spent.tokens,
        held_micro_usd: view.held.micro_usd.unwrap_or_default(),
        held_tokens: view.held.tokens,
        waiting: count(view.waiting),
        waits_ms: view.waits_until.map_or(0, |until| until.0.saturating_sub(now.0)),
    }
}
