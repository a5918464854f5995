//! The scheduler of Muster: a pure state machine. `step(now, input)` says what must be journaled and what is to be
//! done once it is; it does no IO, reads no clock and draws no entropy, so a million seeds of it can be simulated.

mod effect;
mod fact;
mod ids;
mod input;
mod outcome;
mod snapshot;
mod usage;

pub use effect::{Acked, Answer, Effect, Effects, Refusal, RevokeReason};
pub use fact::{
    Fact, LaneSpec, OpenJob, Place, Record, RetryPolicy, ReturnCause, Scope, ScoreRecord, SweepSpec, TurnRecord,
};
pub use ids::{
    Attempt, Generation, JobKey, Lane, LeaseKey, Millis, Ordinal, SessionId, SweepId, Term, TurnIndex, WorkerId,
};
pub use input::{Control, Input, Ticket};
pub use outcome::{FailureClass, Outcome};
pub use snapshot::{GenerationRun, LaneSnapshot, Snapshot, SweepSnapshot};
pub use usage::Usage;
