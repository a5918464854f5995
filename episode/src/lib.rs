//! Episodes of Muster: scenario files, worlds and their tools, the turn loop, transcripts, replay and the reference
//! players. Pure: no IO, no clock, no entropy; what a run needs comes in as arguments.
//!
//! The way through it: a [`Bundle`] holds a suite's files; [`Suite::load`] reads and checks them. A [`SweepFile`]
//! says what to run of it, and [`SweepPlan::resolve`] makes that definite. An [`Expander`] turns a job's place in the
//! plan into a [`JobPlan`], and an [`Episode`] plays it: it says which [`Call`] it wants made and is fed the
//! [`Reply`]. [`replay`] does it again from the stored turns. A [`Playbook`] plays the model's part without a model.

mod bundle;
mod call;
mod catalog;
mod digest;
mod episode;
mod fields;
mod job;
mod mistake;
mod player;
mod record;
mod replay;
mod suite;
mod sweep;
mod world;

pub use bundle::{Bundle, BundleError};
pub use call::{
    Call, Message, Meter, Reply, Sampling, StopReason, TokenUsage, ToolCall, ToolResult, ToolSpec,
};
pub use catalog::{
    Catalog, CatalogModel, DIALECTS, Known, LimitWords, QUIRKS, RouteWords, ShutdownWords, SizeWords, Sure,
};
pub use episode::{Episode, FeedError, Finish, FinishKind, LimitKind, ResumeError, Step, Turn};
pub use job::{ExpandError, Expander, JobPlan, LoadError};
pub use mistake::{Mistake, Mistakes};
pub use player::{Action, Conversation, PlayError, Playbook, PlayerName, Said, SaidCall};
pub use record::{
    EndRecord, MeterRecord, RecordError, TokensRecord, ToolCallRecord, TurnRecord, decode_end, decode_turn,
    encode_end, encode_turn,
};
pub use replay::{Replay, ReplayError, replay};
pub use suite::{
    Limits, ListedAxis, ListedTokens, Listing, Performance, Review, Reviewed, Scenario, ScorerFault,
    ScorerPart, ScorerSpec, ShowError, Shown, Suite,
};
pub use sweep::{
    AxisPlan, BudgetMode, BudgetPlan, LimitOverrides, List, ListError, ListPlan, ListSweep,
    MODEL_NAME_BYTES_MAX, ModelEntry, ModelName, ModelPlan, Placed, PlanError, Price, PriceWords, QuotaPlan,
    QuotaWords, RetryPlan, Row, ScenarioPlan, Seed, Select, SweepFile, SweepPlan, VariantIndex, VariantKey,
};
pub use world::{
    ConfigFile, ConfigValue, Date, Document, Drive, Host, ManagedAgent, Memory, Origin, Queued, Scratchpad,
    ServerFile, Servers, Sheet, Sheets, Shutdown, World,
};

/// The engine's semantics version: part of every job's identity. It is raised when, and only when, the frozen
/// transcripts under `tests/frozen/` no longer replay to the same bytes.
pub const SEMANTICS: u32 = 1;
