//! What can go wrong on the way to a provider: before any call (a worker that can't be set up so), and in one call.

use std::path::PathBuf;
use std::time::Duration;

use crate::classify::ErrorClass;

/// A worker can't be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// A model's name is not of the form `provider/name`.
    #[error(
        "{model:?} is no model name: write provider/name, for example openai/gpt-5.2, openrouter/z-ai/glm-4.7, sim/obedient or openai-api/SERVICE/NAME"
    )]
    ModelName {
        /// The name as given.
        model: String,
    },
    /// A model's provider is one that this build does not speak.
    #[error(
        "model {model}: provider {provider:?} is not known here; known are {known}. A server that speaks like OpenAI is openai-api/SERVICE/NAME, with its address in SERVICE_BASE_URL"
    )]
    UnknownProvider {
        /// The name as given.
        model: String,
        /// Its first part.
        provider: String,
        /// The providers that are.
        known: String,
    },
    /// What a plan or the catalog says of a model's route can't be.
    #[error("model {model} can't be called as its route says: {problem}")]
    BadRoute {
        /// The model.
        model: String,
        /// What is wrong.
        problem: String,
    },
    /// An environment variable that a model needs is missing or empty.
    #[error("model {model} needs the environment variable {variable}: {purpose}")]
    MissingVariable {
        /// The model.
        model: String,
        /// The variable's exact name.
        variable: String,
        /// What belongs into it.
        purpose: &'static str,
    },
    /// An environment variable holds something that can't be used. Its value is not repeated: it may be a key.
    #[error("the environment variable {variable} can't be used: {problem}")]
    BadVariable {
        /// The variable's exact name.
        variable: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An address is none.
    #[error("{url:?} can't be a provider's address: {problem}")]
    BadUrl {
        /// The address, without any password in it.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `sim/...` was asked for, but no built-in provider runs.
    #[error(
        "model {model}: the built-in provider is not running here; start one with `muster provider` and give its address"
    )]
    NoSimulator {
        /// The model.
        model: String,
    },
    /// A file of certificate authorities can't be read.
    #[error("the file of certificate authorities {path} can't be used: {problem}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The worker's own folder can't be used.
    #[error("the worker's folder {} can't be used: {source}", folder.display())]
    Spool {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The worker's folder is another's, which runs.
    #[error(
        "the worker's folder {} is in use by another worker: give this one a folder of its own (--spool DIR)", folder.display()
    )]
    SpoolInUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The coordinator will never take this worker.
    #[error("the coordinator refused this worker: {reason}")]
    Refused {
        /// Its words.
        reason: String,
    },
    /// The HTTP client can't be built.
    #[error("the HTTP client can't be built: {problem}")]
    Client {
        /// Why.
        problem: String,
    },
}

/// A model call failed for good: every try that its class allows was made, or none is worth making.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// What kind of failure the last try met.
    pub class: ErrorClass,
    /// How long the provider asked to wait.
    pub retry_after: Option<Duration>,
    /// HTTP requests made.
    pub tries: u32,
    /// Of these, answered "too many requests".
    pub rate_limited: u32,
    /// Of these, the ones whose answer may have been produced, and billed, but was lost: time-outs, cut or unusable
    /// answers, connections that broke after the request was sent. An upper bound.
    pub maybe_paid: u32,
    /// What those cost at the most, in millionths of a dollar, where the price is known.
    pub lost_micro_usd: u64,
    /// What happened, for people: redacted, bounded, without any of the answer's text.
    pub message: String,
}
