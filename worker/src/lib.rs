//! A worker of Muster: it runs episodes, making their model calls under the providers' rules.
//!
//! One half is the way to a provider: accounts from the environment, dialects, one HTTP client, retries, pacing, the
//! table of errors and the redactor. Keys are known here and nowhere else. The other half is the way to the coordinator:
//! the link and its outbox, the slots and their episodes, the spool that outlives the process.

mod account;
mod blackbox;
mod caller;
mod classify;
mod cost;
mod desk;
mod error;
mod gate;
mod headers;
mod http;
mod lease;
mod link;
mod live;
mod outbox;
mod pace;
mod poison;
mod providers;
mod redact;
mod retry;
mod shares;
mod slot;
mod spool;
mod sweeps;
mod worker;

pub use account::{
    Account, Auth, BaseUrl, Environment, ProcessEnvironment, Route, accounts, redactor, route, route_of,
};
pub use caller::{Answered, Caller, CallerConfig, Probe, RateLimitHook, Terms};
pub use classify::{Dimension, ErrorClass, Judgement, Paid, Retry, Verdict, classify};
pub use cost::{Cost, CostRule, Costs, Worst};
pub use error::{CallError, WorkerError};
pub use gate::{Errand, Gate};
pub use headers::{Observed, RateHeaders, Window};
pub use http::{Http, HttpConfig, MAX_ANSWER_BYTES, ProxyPolicy};
pub use live::{Check, Found, LIVE_CALLS_MAX, live};
pub use pace::{Pace, PaceConfig};
pub use providers::{
    ANTHROPIC_MESSAGES, AnswerError, ChatProfile, Conversation, Dialect, DialectConfig, DialectKind,
    EncodeError, GEMINI, LimitField, OPENAI_CHAT, OPENAI_RESPONSES, Quirks, Thinking, UnknownName, dialect,
};
pub use redact::{Redactor, Secret};
pub use retry::{ClassLimits, RetryLimits};
pub use sweeps::MAX_CONNECTIONS_DEFAULT;
pub use worker::{MAX_SLOTS, Settings, SharedEnvironment, Worker, WorkerConfig};
