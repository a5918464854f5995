//! The scheduler of Muster: a pure state machine. `step(now, input)` says what must be journaled and what is to be
//! done once it is; it does no IO, reads no clock and draws no entropy, so a million seeds of it can be simulated.
//!
//! How it is driven: [`Core::restore`] from the last snapshot (or [`Core::new`]), [`Core::apply`] and
//! [`Core::apply_turn`] with the records after it in their order, [`Core::begin`] once, then [`Core::step`] with every
//! event, and with [`Input::Tick`] whenever [`Core::next_wakeup`] has come. After each batch of steps: make
//! [`Effects::records`] durable, then carry out [`Effects::after`].

mod apply;
mod bucket;
mod budget;
mod calls;
mod config;
mod control;
mod core;
mod day;
mod dispatch;
mod effect;
mod ending;
mod fact;
mod failure;
mod fairness;
mod gauge;
mod generations;
mod govern;
mod ids;
mod index;
mod input;
mod lane;
mod lease;
mod ledger;
mod lifecycle;
mod limiter;
mod load;
mod lost;
mod meter;
mod outcome;
mod pauses;
mod purse;
mod queue;
mod quota;
mod recent;
mod scope;
mod session;
mod share;
mod snapshot;
mod sweep;
mod throttle;
mod turn;
mod unasked;
mod usage;
mod view;
mod worker;

pub use crate::core::Core;
pub use config::CoreConfig;
pub use effect::{Acked, Answer, Effect, Effects, Refusal, RevokeReason};
pub use fact::{
    Fact, LaneSpec, OpenJob, Place, Record, RetryPolicy, ReturnCause, Scope, ScoreRecord, SweepSpec,
    TurnRecord,
};
pub use ids::{
    Attempt, Generation, JobKey, Lane, LeaseKey, Millis, Ordinal, SessionId, SweepId, Term, TurnIndex,
    WorkerId,
};
pub use input::{Control, Input, Ticket};
pub use outcome::{FailureClass, Outcome};
pub use quota::{Budget, CallAsk, CallId, CallSettled, CapMode, Cost, Fate, Hold, Purse, Quota, Span, Spend};
pub use snapshot::{DaySnapshot, GenerationRun, LaneSnapshot, PurseSnapshot, Snapshot, SweepSnapshot};
pub use usage::Usage;
pub use view::{Counts, LaneView, PurseView, ScopeView, SweepState, SweepView, Traffic, WorkerView};
