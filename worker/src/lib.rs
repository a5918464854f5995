//! A worker of Muster: it runs episodes, making their model calls under the providers' rules.
//!
//! This half is the way to a provider: accounts from the environment, dialects, one HTTP client, retries, pacing, the
//! table of errors and the redactor. Keys are known here and nowhere else.

mod account;
mod caller;
mod classify;
mod error;
mod http;
mod pace;
mod providers;
mod redact;
mod retry;

pub use account::{
    Account, BaseUrl, Environment, OutputLimitField, ProcessEnvironment, Route, accounts, redactor, route,
};
pub use caller::{Answered, Caller, CallerConfig, Probe, RateLimitHook};
pub use classify::{ErrorClass, Verdict, classify};
pub use error::{CallError, WorkerError};
pub use http::{Http, HttpConfig, MAX_ANSWER_BYTES, ProxyPolicy};
pub use pace::{Pace, PaceConfig};
pub use providers::{AnswerError, Conversation, Dialect, OPENAI_CHAT, OpenAiChat};
pub use redact::{Redactor, Secret};
pub use retry::{ClassLimits, RetryLimits};
