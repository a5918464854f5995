//! What a provider allows, what a call is about to cost of it, and what people allow: the plain types. Who keeps the
//! account is `scope.rs`.

use std::sync::Arc;

use crate::fact::Scope;
use crate::ids::{Lane, LeaseKey, Millis, SweepId, TurnIndex, WorkerId};

/// What a provider allows of one scope. A bound that is none is not known, or not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Requests a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute, in and out together as the provider counts them.
    pub tokens_per_minute: Option<u64>,
    /// Tokens in a minute.
    pub input_tokens_per_minute: Option<u64>,
    /// Tokens out a minute.
    pub output_tokens_per_minute: Option<u64>,
    /// Requests a day.
    pub requests_per_day: Option<u64>,
    /// Calls at once, over all workers.
    pub concurrency: Option<u32>,
    /// How long the rate takes to reach its limit after a start or a long silence, in milliseconds: some providers punish
    /// jumps.
    pub ramp_ms: u64,
    /// When the provider's day begins, in minutes east of UTC's midnight (Pacific standard time: -480).
    pub day_offset_minutes: i32,
    /// Whether limits that are not stated are to be searched for from the first call on (a slow start, then additive
    /// increase and multiplicative decrease). Otherwise a scope without limits is open until a provider says "too many".
    pub discover: bool,
}

/// What a call costs, by its provider's own rule. The worker knows the rule; here are only sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Of `tokens_per_minute`.
    pub tokens: u64,
    /// Of `input_tokens_per_minute`.
    pub input_tokens: u64,
    /// Of `output_tokens_per_minute`.
    pub output_tokens: u64,
}

/// What of a budget a call uses: at its worst before it is sent, in truth after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spend {
    /// In millionths of a dollar; none where the price is not known.
    pub micro_usd: Option<u64>,
    /// Tokens in and out.
    pub tokens: u64,
}

/// Names one try of a call. Drawn by its worker, unique over all its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One request that a worker would like to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallAsk {
    /// Which.
    pub call: CallId,
    /// For which job. Its sweep and lane say which scope it is of.
    pub lease: LeaseKey,
    /// Which of the episode's calls: later ones go first.
    pub turn: TurnIndex,
    /// What it reserves of the rates.
    pub cost: Cost,
    /// The most that it can come to.
    pub worst: Spend,
    /// After so long without a word it counts as lost, in milliseconds.
    pub timeout_ms: u64,
}

/// What became of a request that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was never sent: all of it is given back.
    Unused,
    /// It was answered.
    Answered,
    /// The provider said "too many".
    Limited,
    /// The provider refused it or failed, and charges nothing.
    Failed,
    /// Its answer, if there was one, is lost: it may have been charged in full.
    Lost,
}

/// A request's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallSettled {
    /// Which.
    pub call: CallId,
    /// What became of it.
    pub fate: Fate,
    /// What it cost of the rates in truth.
    pub cost: Cost,
    /// What it cost in truth. Of a lost one the worst that was asked for is charged, whatever stands here.
    pub spent: Spend,
}

/// Whose budget.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purse {
    /// All of a project's sweeps.
    Project(Arc<str>),
    /// One sweep.
    Sweep(SweepId),
    /// One model of one sweep, by its place in it.
    Lane(SweepId, Lane),
    /// One model, over all sweeps.
    Model(Arc<str>),
    /// One account, over all its models.
    Account(Arc<str>),
}

/// Over which time a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// From its setting on, for good. A sweep's counts from the sweep's beginning.
    Ever,
    /// A day in UTC. What does not fit in what is left of it waits for the next.
    Day,
}

/// What happens at a budget's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CapMode {
    /// No call is sent whose worst case does not fit. What has nothing left to wait for is stopped.
    #[default]
    Stop,
    /// As `Stop`, and from 90 % on no new episode is begun, so that those under way can end.
    Drain,
    /// It is only said.
    Warn,
}

/// A budget's amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// The most money, in millionths of a dollar.
    pub micro_usd: Option<u64>,
    /// The most tokens, in and out.
    pub tokens: Option<u64>,
    /// What happens at its end.
    pub mode: CapMode,
}

/// A call that holds a place or money until it is settled. Journaled before it is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Whose.
    pub worker: WorkerId,
    /// Which call.
    pub call: CallId,
    /// Of which scope.
    pub scope: Scope,
    /// For which job.
    pub lease: LeaseKey,
    /// The most that it can come to.
    pub worst: Spend,
    /// When it counts as lost.
    pub until: Millis,
}

// === impl Quota ===

impl Quota {
    /// Whether no limit is stated and none is searched for: calls need not be asked for until a provider complains.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.discover
            && self.requests_per_minute.is_none()
            && self.tokens_per_minute.is_none()
            && self.input_tokens_per_minute.is_none()
            && self.output_tokens_per_minute.is_none()
            && self.requests_per_day.is_none()
            && self.concurrency.is_none()
    }
}

// === impl Budget ===

impl Budget {
    /// Whether it bounds nothing.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        self.micro_usd.is_none() && self.tokens.is_none()
    }
}
