//! The core's state as plain data, for a store to encode. `Core::snapshot` makes it, `Core::restore` takes it.

use std::sync::Arc;

use crate::fact::{OpenJob, Scope, SweepSpec};
use crate::ids::{Generation, Millis, SweepId, Term};
use crate::quota::{Budget, Hold, Purse, Quota, Span, Spend};
use crate::usage::Usage;

/// All that the facts so far add up to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// The last term begun.
    pub term: Term,
    /// The last sweep number given.
    pub last_sweep: SweepId,
    /// The sweeps, by number.
    pub sweeps: Vec<SweepSnapshot>,
    /// Quotas set by hand, by scope.
    pub quotas: Vec<(Scope, Quota)>,
    /// Budgets, and what is charged to them for good.
    pub purses: Vec<PurseSnapshot>,
    /// Calls that hold places or money.
    pub holds: Vec<Hold>,
    /// Requests taken out of providers' days.
    pub days: Vec<DaySnapshot>,
    /// Scopes that a provider wished to be silent, and until when.
    pub silences: Vec<(Scope, Millis)>,
}

/// One budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurseSnapshot {
    /// Whose.
    pub purse: Purse,
    /// Over which time.
    pub span: Span,
    /// How much.
    pub budget: Budget,
    /// Whether a person set it; if not, it is its sweep's own.
    pub by_hand: bool,
    /// Of which day `spent` is, in UTC days from the epoch; 0 of a budget without days.
    pub day: u32,
    /// What is charged for good.
    pub spent: Spend,
}

/// The last of a scope's days that requests were taken out of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySnapshot {
    /// Which scope.
    pub scope: Scope,
    /// Which of the provider's days, counted from the epoch.
    pub day: u32,
    /// How many requests were taken out.
    pub requests: u64,
}

/// One sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepSnapshot {
    /// Its number.
    pub id: SweepId,
    /// As submitted, with seeds and limit as they are now.
    pub spec: Arc<SweepSpec>,
    /// When it was submitted.
    pub submitted_at: Millis,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether it is cancelled.
    pub cancelled: bool,
    /// The last generation opened.
    pub generation: Generation,
    /// Its lanes, in the spec's order.
    pub lanes: Vec<LaneSnapshot>,
}

/// One lane.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneSnapshot {
    /// The first ordinal never granted.
    pub next: u64,
    /// Why it was stopped, if it was.
    pub stopped: Option<Arc<str>>,
    /// How the ordinals below `next` ended, two to a byte, low half first; 0 = not ended (the other codes
    /// are the core's own). Runs are the store's to compress.
    pub ended: Vec<u8>,
    /// The generations of ended jobs, as runs in order of ordinal; a job in no run ended in generation 0.
    pub generations: Vec<GenerationRun>,
    /// What ended jobs and fenced attempts used.
    pub usage: Usage,
    /// Jobs that were granted and have not ended.
    pub open: Vec<OpenJob>,
}

/// Neighbouring ordinals that ended in the same generation, above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerationRun {
    /// The first ordinal.
    pub first: u64,
    /// The last ordinal.
    pub last: u64,
    /// Their generation.
    pub generation: Generation,
}
