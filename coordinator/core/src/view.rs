//! What is shown of the core: counts and states, in time that does not grow with the number of jobs.

use std::iter::Sum;
use std::sync::Arc;

use crate::fact::{Scope, SweepSpec};
use crate::ids::{Generation, Millis, SessionId, SweepId, WorkerId};
use crate::quota::{Budget, Cost, Purse, Quota, Span, Spend};
use crate::usage::Usage;

/// A sweep as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepView {
    /// Its number.
    pub id: SweepId,
    /// As submitted, with seeds and limit as they are now.
    pub spec: Arc<SweepSpec>,
    /// When it was submitted.
    pub submitted_at: Millis,
    /// Where it stands.
    pub state: SweepState,
    /// Its jobs.
    pub counts: Counts,
    /// What it used so far, open jobs included.
    pub usage: Usage,
    /// The last generation opened.
    pub generation: Generation,
    /// Its lanes, in the spec's order.
    pub lanes: Vec<LaneView>,
}

/// One lane of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneView {
    /// Its jobs.
    pub counts: Counts,
    /// What it used so far, open jobs included.
    pub usage: Usage,
    /// Why it was stopped, if it was.
    pub stopped: Option<Arc<str>>,
}

/// Where a sweep stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepState {
    /// Jobs run or may be granted.
    Running,
    /// Nothing new is granted.
    Paused,
    /// A user cancelled it.
    Cancelled,
    /// Every job has ended.
    Finished,
    /// What is left belongs to lanes that were stopped, and none of it is at a worker.
    Stopped,
}

/// Jobs by where they stand. All fields but `jobs` add up to `jobs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them.
    pub jobs: u64,
    /// Never begun, given back, or opened again.
    pub pending: u64,
    /// At a worker.
    pub leased: u64,
    /// Given back, and waiting.
    pub backoff: u64,
    /// Ran to their own end; `limit` and `refused` are not in it.
    pub completed: u64,
    /// Reached a limit.
    pub limit: u64,
    /// The provider declined.
    pub refused: u64,
    /// Infrastructure failed them.
    pub failed: u64,
    /// Their workers died of them.
    pub quarantined: u64,
    /// A user cancelled them.
    pub cancelled: u64,
}

/// A worker as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerView {
    /// Its number.
    pub worker: WorkerId,
    /// Its connection, if it has one.
    pub session: Option<SessionId>,
    /// Jobs that it holds.
    pub leases: usize,
    /// Jobs that it asked for and has not got.
    pub credits: u32,
    /// Accounts that it holds keys for.
    pub accounts: Vec<Arc<str>>,
    /// When its leases end, unless it gives a sign of life.
    pub deadline: Millis,
}

/// A scope as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeView {
    /// Which.
    pub scope: Scope,
    /// Its quota: by hand, or the newest sweep's.
    pub quota: Quota,
    /// Whether a person set it.
    pub by_hand: bool,
    /// Whether calls must be asked for.
    pub governed: bool,
    /// Requests a minute that are given out now: the limit as AIMD, headers and the ramp leave it. None: no bound.
    pub rate_per_minute: Option<f64>,
    /// Calls that wait for a share.
    pub waiting: usize,
    /// Calls granted and not settled.
    pub in_flight: usize,
    /// Over the last minute (less, if it began since).
    pub last_minute: Traffic,
    /// Since the coordinator began.
    pub total: Traffic,
    /// Requests of the provider's day that are used or taken out, where the day is limited.
    pub day_requests: u64,
    /// Until when it is silent, if it is.
    pub paused_until: Option<Millis>,
    /// How often it was paused.
    pub pauses: u64,
    /// What its calls in flight hold at their worst.
    pub held: Spend,
}

/// What passed through a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Calls granted.
    pub granted: u64,
    /// Calls answered.
    pub answered: u64,
    /// Calls answered "too many".
    pub limited: u64,
    /// Tokens of answered calls, by the provider's own rule: in and out together, or what of them it counts.
    pub cost: Cost,
    /// Share of the minute's limit that was used, of the dimension that was used most, in thousandths; none without one.
    pub used_permille: Option<u32>,
}

/// A budget as people see it. One that is set in mid-run may be passed by the calls that were under way unasked at that
/// moment, one or two for each lease: they are charged when their turns arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurseView {
    /// Whose.
    pub purse: Purse,
    /// Over which time.
    pub span: Span,
    /// How much.
    pub budget: Budget,
    /// What is charged for good.
    pub spent: Spend,
    /// What calls in flight hold at their worst.
    pub held: Spend,
    /// Calls that wait because their worst case does not fit beside what is held, or not today.
    pub waiting: usize,
    /// When the next day of a daily budget begins, if calls or jobs wait for it because today's is spent.
    pub waits_until: Option<Millis>,
}

// === impl Counts ===

impl Counts {
    /// Jobs that have an outcome.
    #[must_use]
    pub fn ended(&self) -> u64 {
        let begun = self.completed + self.limit + self.refused + self.failed + self.quarantined;
        begun.saturating_add(self.cancelled)
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, one| Self {
            jobs: sum.jobs.saturating_add(one.jobs),
            pending: sum.pending.saturating_add(one.pending),
            leased: sum.leased + one.leased,
            backoff: sum.backoff + one.backoff,
            completed: sum.completed + one.completed,
            limit: sum.limit + one.limit,
            refused: sum.refused + one.refused,
            failed: sum.failed + one.failed,
            quarantined: sum.quarantined + one.quarantined,
            cancelled: sum.cancelled.saturating_add(one.cancelled),
        })
    }
}
