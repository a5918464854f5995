//! The on-disk form of quotas, budgets and holds; part of the format that `format.rs` describes.

use muster_core::{
    Budget, CallId, CapMode, DaySnapshot, Fact, Hold, Lane, Millis, Purse, PurseSnapshot, Quota, Scope, Span,
    Spend, SweepId, WorkerId,
};
use prost::{Message, Oneof};

use crate::format::{LeaseRow, Read, Unknown};

/// `Scope`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScopeRow {
    #[prost(string, tag = "1")]
    pub(crate) account: String,
    #[prost(string, tag = "2")]
    pub(crate) pool: String,
}

/// `Quota`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct QuotaRow {
    #[prost(uint32, optional, tag = "1")]
    pub(crate) requests_per_minute: Option<u32>,
    #[prost(uint64, optional, tag = "2")]
    pub(crate) tokens_per_minute: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    pub(crate) input_tokens_per_minute: Option<u64>,
    #[prost(uint64, optional, tag = "4")]
    pub(crate) output_tokens_per_minute: Option<u64>,
    #[prost(uint64, optional, tag = "5")]
    pub(crate) requests_per_day: Option<u64>,
    #[prost(uint32, optional, tag = "6")]
    pub(crate) concurrency: Option<u32>,
    #[prost(uint64, tag = "7")]
    pub(crate) ramp_ms: u64,
    #[prost(sint32, tag = "8")]
    pub(crate) day_offset_minutes: i32,
    #[prost(bool, tag = "9")]
    pub(crate) discover: bool,
}

/// `Budget`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct BudgetRow {
    #[prost(uint64, optional, tag = "1")]
    pub(crate) micro_usd: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    pub(crate) tokens: Option<u64>,
    /// See `mode_number`.
    #[prost(uint32, tag = "3")]
    pub(crate) mode: u32,
}

/// `Spend`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct SpendRow {
    #[prost(uint64, optional, tag = "1")]
    pub(crate) micro_usd: Option<u64>,
    #[prost(uint64, tag = "2")]
    pub(crate) tokens: u64,
}

/// `Purse` with its `Span`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct WhoseRow {
    #[prost(oneof = "WhoseKind", tags = "1, 2, 3, 4, 5")]
    pub(crate) kind: Option<WhoseKind>,
    /// `Span::Day`.
    #[prost(bool, tag = "6")]
    pub(crate) daily: bool,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum WhoseKind {
    #[prost(string, tag = "1")]
    Project(String),
    #[prost(uint64, tag = "2")]
    Sweep(u64),
    #[prost(string, tag = "3")]
    Model(String),
    #[prost(string, tag = "4")]
    Account(String),
    #[prost(message, tag = "5")]
    Lane(LaneOfRow),
}

/// A model of a sweep.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct LaneOfRow {
    #[prost(uint64, tag = "1")]
    pub(crate) sweep: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) lane: u32,
}

/// `Fact::Retuned`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RetunedRow {
    #[prost(message, required, tag = "1")]
    pub(crate) scope: ScopeRow,
    #[prost(message, optional, tag = "2")]
    pub(crate) quota: Option<QuotaRow>,
}

/// `Fact::Capped`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CappedRow {
    #[prost(message, required, tag = "1")]
    pub(crate) whose: WhoseRow,
    #[prost(message, required, tag = "2")]
    pub(crate) budget: BudgetRow,
    #[prost(message, required, tag = "3")]
    pub(crate) already: SpendRow,
}

/// `Fact::Held`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct HeldRow {
    #[prost(message, repeated, tag = "1")]
    pub(crate) holds: Vec<HoldRow>,
}

/// `Hold`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct HoldRow {
    #[prost(fixed64, tag = "1")]
    pub(crate) worker: u64,
    #[prost(fixed64, tag = "2")]
    pub(crate) call: u64,
    #[prost(message, required, tag = "3")]
    pub(crate) scope: ScopeRow,
    #[prost(message, required, tag = "4")]
    pub(crate) lease: LeaseRow,
    #[prost(message, required, tag = "5")]
    pub(crate) worst: SpendRow,
    #[prost(uint64, tag = "6")]
    pub(crate) until_ms: u64,
}

/// `Fact::Settled`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SettledRow {
    #[prost(fixed64, tag = "1")]
    pub(crate) worker: u64,
    #[prost(message, repeated, tag = "2")]
    pub(crate) calls: Vec<SettledCallRow>,
    #[prost(uint64, tag = "3")]
    pub(crate) at_ms: u64,
}

/// One call of it.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct SettledCallRow {
    #[prost(fixed64, tag = "1")]
    pub(crate) call: u64,
    #[prost(message, required, tag = "2")]
    pub(crate) charged: SpendRow,
}

/// `Fact::DayTaken`, `DaySnapshot`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DayRow {
    #[prost(message, required, tag = "1")]
    pub(crate) scope: ScopeRow,
    #[prost(uint32, tag = "2")]
    pub(crate) day: u32,
    #[prost(uint64, tag = "3")]
    pub(crate) requests: u64,
}

/// `Fact::Silenced`; in a snapshot the moment is 0.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SilencedRow {
    #[prost(message, required, tag = "1")]
    pub(crate) scope: ScopeRow,
    #[prost(uint64, tag = "2")]
    pub(crate) until_ms: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) at_ms: u64,
}

/// `PurseSnapshot`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PurseRow {
    #[prost(message, required, tag = "1")]
    pub(crate) whose: WhoseRow,
    #[prost(message, required, tag = "2")]
    pub(crate) budget: BudgetRow,
    #[prost(bool, tag = "3")]
    pub(crate) by_hand: bool,
    #[prost(uint32, tag = "4")]
    pub(crate) day: u32,
    #[prost(message, required, tag = "5")]
    pub(crate) spent: SpendRow,
}

// === impl ScopeRow ===

impl From<&Scope> for ScopeRow {
    fn from(scope: &Scope) -> Self {
        Self { account: scope.account.to_string(), pool: scope.pool.to_string() }
    }
}

impl ScopeRow {
    pub(crate) fn scope(self) -> Scope {
        Scope { account: self.account.into(), pool: self.pool.into() }
    }
}

// === impl QuotaRow ===

impl From<&Quota> for QuotaRow {
    fn from(quota: &Quota) -> Self {
        Self {
            requests_per_minute: quota.requests_per_minute,
            tokens_per_minute: quota.tokens_per_minute,
            input_tokens_per_minute: quota.input_tokens_per_minute,
            output_tokens_per_minute: quota.output_tokens_per_minute,
            requests_per_day: quota.requests_per_day,
            concurrency: quota.concurrency,
            ramp_ms: quota.ramp_ms,
            day_offset_minutes: quota.day_offset_minutes,
            discover: quota.discover,
        }
    }
}

impl QuotaRow {
    pub(crate) fn quota(self) -> Quota {
        Quota {
            requests_per_minute: self.requests_per_minute,
            tokens_per_minute: self.tokens_per_minute,
            input_tokens_per_minute: self.input_tokens_per_minute,
            output_tokens_per_minute: self.output_tokens_per_minute,
            requests_per_day: self.requests_per_day,
            concurrency: self.concurrency,
            ramp_ms: self.ramp_ms,
            day_offset_minutes: self.day_offset_minutes,
            discover: self.discover,
        }
    }
}

// === impl BudgetRow ===

impl From<&Budget> for BudgetRow {
    fn from(budget: &Budget) -> Self {
        Self { micro_usd: budget.micro_usd, tokens: budget.tokens, mode: mode_number(budget.mode) }
    }
}

impl BudgetRow {
    pub(crate) fn unless_unbounded(budget: &Budget) -> Option<Self> {
        (*budget != Budget::default()).then(|| Self::from(budget))
    }

    pub(crate) fn budget_or_none(row: Option<Self>) -> Read<Budget> {
        row.map_or_else(|| Ok(Budget::default()), Self::budget)
    }

    fn budget(self) -> Read<Budget> {
        Ok(Budget { micro_usd: self.micro_usd, tokens: self.tokens, mode: read_mode(self.mode)? })
    }
}

/// A budget's mode as a number, for ever.
fn mode_number(mode: CapMode) -> u32 {
    match mode {
        CapMode::Stop => 1,
        CapMode::Drain => 2,
        CapMode::Warn => 3,
    }
}

fn read_mode(number: u32) -> Read<CapMode> {
    let found = [CapMode::Stop, CapMode::Drain, CapMode::Warn].into_iter();
    let found = found.into_iter().find(|mode| mode_number(*mode) == number);
    found.ok_or(Unknown { what: "a budget's mode", number: number.into() })
}

// === impl SpendRow ===

impl From<&Spend> for SpendRow {
    fn from(spend: &Spend) -> Self {
        Self { micro_usd: spend.micro_usd, tokens: spend.tokens }
    }
}

impl SpendRow {
    fn spend(self) -> Spend {
        Spend { micro_usd: self.micro_usd, tokens: self.tokens }
    }
}

// === impl WhoseRow ===

impl WhoseRow {
    fn new(purse: &Purse, span: Span) -> Self {
        let kind = match purse {
            Purse::Project(name) => WhoseKind::Project(name.to_string()),
            Purse::Sweep(sweep) => WhoseKind::Sweep(sweep.0),
            Purse::Lane(sweep, lane) => WhoseKind::Lane(LaneOfRow { sweep: sweep.0, lane: lane.0 }),
            Purse::Model(name) => WhoseKind::Model(name.to_string()),
            Purse::Account(name) => WhoseKind::Account(name.to_string()),
        };
        Self { kind: Some(kind), daily: span == Span::Day }
    }

    fn purse(self) -> Read<(Purse, Span)> {
        let purse = match self.kind.ok_or(Unknown { what: "a purse of a kind that", number: 0 })? {
            WhoseKind::Project(name) => Purse::Project(name.into()),
            WhoseKind::Sweep(sweep) => Purse::Sweep(SweepId(sweep)),
            WhoseKind::Lane(row) => Purse::Lane(SweepId(row.sweep), Lane(row.lane)),
            WhoseKind::Model(name) => Purse::Model(name.into()),
            WhoseKind::Account(name) => Purse::Account(name.into()),
        };
        Ok((purse, if self.daily { Span::Day } else { Span::Ever }))
    }
}

// === impl RetunedRow ===

impl RetunedRow {
    pub(crate) fn new(scope: &Scope, quota: Option<&Quota>) -> Self {
        Self { scope: scope.into(), quota: quota.map(QuotaRow::from) }
    }

    /// As a snapshot has it: a quota is there.
    pub(crate) fn known(self) -> (Scope, Quota) {
        (self.scope.scope(), self.quota.map_or_else(Quota::default, QuotaRow::quota))
    }
}

// === impl CappedRow ===

impl CappedRow {
    pub(crate) fn new(purse: &Purse, span: Span, budget: &Budget, already: &Spend) -> Self {
        Self { whose: WhoseRow::new(purse, span), budget: budget.into(), already: already.into() }
    }

    pub(crate) fn fact(self) -> Read<Fact> {
        let (purse, span) = self.whose.purse()?;
        Ok(Fact::Capped { purse, span, budget: self.budget.budget()?, already: self.already.spend() })
    }
}

// === impl HoldRow ===

impl From<&Hold> for HoldRow {
    fn from(hold: &Hold) -> Self {
        Self {
            worker: hold.worker.0,
            call: hold.call.0,
            scope: (&hold.scope).into(),
            lease: hold.lease.into(),
            worst: (&hold.worst).into(),
            until_ms: hold.until.0,
        }
    }
}

impl HoldRow {
    pub(crate) fn hold(self) -> Hold {
        Hold {
            worker: WorkerId(self.worker),
            call: CallId(self.call),
            scope: self.scope.scope(),
            lease: self.lease.key(),
            worst: self.worst.spend(),
            until: Millis(self.until_ms),
        }
    }
}

// === impl SettledCallRow ===

impl SettledCallRow {
    pub(crate) fn new(call: CallId, charged: &Spend) -> Self {
        Self { call: call.0, charged: charged.into() }
    }

    pub(crate) fn call(&self) -> (CallId, Spend) {
        (CallId(self.call), self.charged.spend())
    }
}

// === impl DayRow ===

impl DayRow {
    pub(crate) fn new(scope: &Scope, day: u32, requests: u64) -> Self {
        Self { scope: scope.into(), day, requests }
    }

    pub(crate) fn day(self) -> DaySnapshot {
        DaySnapshot { scope: self.scope.scope(), day: self.day, requests: self.requests }
    }
}

// === impl SilencedRow ===

impl SilencedRow {
    pub(crate) fn new(scope: &Scope, until: Millis, at: Millis) -> Self {
        Self { scope: scope.into(), until_ms: until.0, at_ms: at.0 }
    }

    pub(crate) fn fact(self) -> Fact {
        Fact::Silenced { scope: self.scope.scope(), until: Millis(self.until_ms), at: Millis(self.at_ms) }
    }

    /// As a snapshot has it.
    pub(crate) fn known(self) -> (Scope, Millis) {
        (self.scope.scope(), Millis(self.until_ms))
    }
}

// === impl PurseRow ===

impl From<&PurseSnapshot> for PurseRow {
    fn from(purse: &PurseSnapshot) -> Self {
        Self {
            whose: WhoseRow::new(&purse.purse, purse.span),
            budget: (&purse.budget).into(),
            by_hand: purse.by_hand,
            day: purse.day,
            spent: (&purse.spent).into(),
        }
    }
}

impl PurseRow {
    pub(crate) fn purse(self) -> Read<PurseSnapshot> {
        let (purse, span) = self.whose.purse()?;
        Ok(PurseSnapshot {
            purse,
            span,
            budget: self.budget.budget()?,
            by_hand: self.by_hand,
            day: self.day,
            spent: self.spent.spend(),
        })
    }
}
