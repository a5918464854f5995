//! The sweep file, as a user writes it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::mistake::{Mistakes, Source};

/// A value and where it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// The bytes of the file that it stands at; empty at 0 if it came from elsewhere (a flag, a default).
    pub at: Range<usize>,
}

/// A sweep as a user writes it. The command line may change it before it is resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepFile {
    pub(crate) source: Source,
    /// What people call it.
    pub name: Placed<String>,
    /// Who it belongs to.
    pub project: Placed<String>,
    /// The suite's folder, relative to the file's.
    pub suite: Placed<String>,
    /// The scenarios to run; empty: all of the suite.
    pub scenarios: Vec<Placed<String>>,
    /// Which values of which axes to run, by scenario; axes not named run their defaults.
    pub select: Vec<Select>,
    /// The models.
    pub models: Vec<ModelEntry>,
    /// Repeats of each variant.
    pub seeds: u32,
    /// The most jobs to run, over all models.
    pub limit: Option<u64>,
    /// Its share beside other sweeps of the project.
    pub weight: u32,
    /// Overrides of the scenarios' limits.
    pub limits: LimitOverrides,
    /// How failures are treated.
    pub retry: RetryPlan,
    /// The most calls at once, per worker.
    pub max_connections: Option<u32>,
    /// Requests a minute, per worker and model.
    pub rpm: Option<u32>,
}

/// The axes' values that a sweep runs of one scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// The scenario.
    pub scenario: Placed<String>,
    /// Axes and their values.
    pub axes: Vec<(Placed<String>, Vec<Placed<String>>)>,
}

/// A model of a sweep file.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEntry {
    /// `provider/name`.
    pub name: Placed<String>,
    /// What prompts and documents call it.
    pub display_name: Option<String>,
    /// The service's address.
    pub base_url: Option<String>,
    /// Overrides the scenario's.
    pub temperature: Option<f64>,
    /// Overrides the scenario's.
    pub top_p: Option<f64>,
    /// Overrides the scenario's bound on the output tokens of one call.
    pub max_output_tokens: Option<u32>,
    /// Further fields of the request body: a JSON object as text with sorted keys, or empty.
    pub extra_body: String,
    /// What shares a rate limit with it.
    pub pool: Option<String>,
    /// The most calls at once to this model, per worker.
    pub max_connections: Option<u32>,
    /// Requests a minute to this model, per worker.
    pub rpm: Option<u32>,
}

/// What a sweep changes about the scenarios' limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitOverrides {
    /// Model calls of an episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_calls: Option<u32>,
    /// Output tokens of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u32>,
    /// Tokens in and out of an episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
}

/// How failures are treated. Between attempts by the coordinator, within a call by the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryPlan {
    /// Transient failures of attempts a job survives.
    pub max_strikes: u32,
    /// Deaths of workers without a turn gained that a job survives.
    pub max_deaths: u32,
    /// First wait after a strike, in milliseconds; doubles with each.
    pub backoff_ms: u64,
    /// The longest such wait, in milliseconds.
    pub backoff_max_ms: u64,
    /// HTTP requests for one call, at most.
    pub call_tries: u32,
    /// Seconds for one call, waits between its tries included.
    pub call_seconds: u32,
}

impl<T> Placed<T> {
    /// A value that stands in no file.
    pub fn nowhere(value: T) -> Self {
        Self { value, at: 0..0 }
    }
}

impl Default for RetryPlan {
    fn default() -> Self {
        Self {
            max_strikes: 3,
            max_deaths: 2,
            backoff_ms: 2_000,
            backoff_max_ms: 60_000,
            // Full jitter from half a second, doubling: eight tries outlast a minute of trouble.
            call_tries: 8,
            // A reasoning model's longest single answer takes about ten minutes.
            call_seconds: 900,
        }
    }
}

impl ModelEntry {
    /// A model with nothing said about it but its name (a `--model` flag).
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: Placed::nowhere(name.to_owned()),
            display_name: None,
            base_url: None,
            temperature: None,
            top_p: None,
            max_output_tokens: None,
            extra_body: String::new(),
            pool: None,
            max_connections: None,
            rpm: None,
        }
    }
}

impl SweepFile {
    /// Reads a sweep file.
    ///
    /// # Errors
    /// All mistakes in it.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Mistakes> {
        unimplemented!()
    }
}
