//! The sweep file, as a user writes it: read and checked as far as that can be done without the suite.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::DeValue;

use super::extra::extra_body;
use super::quota::BudgetPlan;
use super::secrets;
use super::words::{PriceWords, QuotaWords, RPM_MAX};
use crate::catalog;
use crate::fields::{Fields, Reader};
use crate::mistake::{Mistakes, Source};
use crate::suite::{MODEL_CALLS_MAX, OUTPUT_TOKENS_MAX, TOTAL_TOKENS_MAX};

/// Repeats of a variant.
const SEEDS_MAX: u32 = 1_000_000_000;
/// A sweep's share beside others.
const WEIGHT_MAX: u32 = 1_000;
/// Models of a sweep.
const MODELS_MAX: usize = 1_000;
/// Calls at once of one worker; its open files and memory end before.
const CONNECTIONS_MAX: u32 = 100_000;
/// Bytes of a sweep's or project's name.
const LABEL_BYTES_MAX: usize = 100;
/// Bytes of a display name.
const DISPLAY_NAME_BYTES_MAX: usize = 80;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;

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
    /// Without what looks like a key: mistakes found later show it.
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
    /// A file with models of the user's own, relative to this one: it is laid over the built-in catalog.
    pub catalog: Option<Placed<String>>,
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
    /// Requests a minute to each model, over all workers.
    pub rpm: Option<u32>,
    /// What the sweep may spend.
    pub budget: BudgetPlan,
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
    /// Which of the catalog's tiers of limits the user's account is on.
    pub tier: Option<Placed<String>>,
    /// What its provider allows, over all workers.
    pub quota: QuotaWords,
    /// What its tokens cost.
    pub price: PriceWords,
    /// What it may spend in this sweep.
    pub budget: BudgetPlan,
    /// The dialect of its route, in place of the catalog's.
    pub dialect: Option<String>,
    /// The quirks of its route, in place of the catalog's.
    pub quirks: Option<Vec<String>>,
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

// === impl Placed ===

impl<T> Placed<T> {
    /// A value that stands in no file.
    pub fn nowhere(value: T) -> Self {
        Self { value, at: 0..0 }
    }
}

// === impl RetryPlan ===

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

impl RetryPlan {
    fn read(fields: &Fields<'_>) -> Self {
        let default = Self::default();
        let plan = Self {
            max_strikes: fields.number("max_strikes", 0..=100).unwrap_or(default.max_strikes),
            max_deaths: fields.number("max_deaths", 0..=100).unwrap_or(default.max_deaths),
            backoff_ms: fields.number("backoff_ms", 1..=HOUR_MS).unwrap_or(default.backoff_ms),
            backoff_max_ms: fields.number("backoff_max_ms", 1..=DAY_MS).unwrap_or(default.backoff_max_ms),
            call_tries: fields.number("call_tries", 1..=100).unwrap_or(default.call_tries),
            call_seconds: fields.number("call_seconds", 1..=86_400).unwrap_or(default.call_seconds),
        };
        if plan.backoff_max_ms < plan.backoff_ms {
            fields.reader().note(fields.at(), "`backoff_max_ms` must not be below `backoff_ms`");
        }
        fields.close();
        plan
    }
}

// === impl LimitOverrides ===

impl LimitOverrides {
    fn read(fields: &Fields<'_>) -> Self {
        let limits = Self {
            model_calls: fields.number("model_calls", 1..=MODEL_CALLS_MAX),
            output_tokens: fields.number("output_tokens", 1..=OUTPUT_TOKENS_MAX),
            total_tokens: fields.number("total_tokens", 1..=TOTAL_TOKENS_MAX),
        };
        fields.close();
        limits
    }
}

// === impl ModelEntry ===

impl ModelEntry {
    /// A model with nothing said about it but its name (a `--model` flag).
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::placed(Placed::nowhere(name.to_owned()))
    }

    fn placed(name: Placed<String>) -> Self {
        Self {
            name,
            display_name: None,
            base_url: None,
            temperature: None,
            top_p: None,
            max_output_tokens: None,
            extra_body: String::new(),
            pool: None,
            max_connections: None,
            tier: None,
            quota: QuotaWords::default(),
            price: PriceWords::default(),
            budget: BudgetPlan::default(),
            dialect: None,
            quirks: None,
        }
    }

    fn read(fields: &Fields<'_>) -> Self {
        let entry = Self {
            name: fields.needed_text("name"),
            display_name: fields.text("display_name").and_then(|it| display_name(fields.reader(), it)),
            base_url: fields.text("base_url").and_then(|it| base_url(fields.reader(), it)),
            temperature: fields.float("temperature", 0.0..=2.0),
            top_p: fields.float("top_p", 0.0..=1.0),
            max_output_tokens: fields.number("max_output_tokens", 1..=OUTPUT_TOKENS_MAX),
            extra_body: fields.table("extra_body").map_or_else(String::new, |it| extra_body(&it)),
            pool: fields.text("pool").map(|it| it.value),
            max_connections: fields.number("max_connections", 1..=CONNECTIONS_MAX),
            tier: fields.text("tier"),
            quota: quota(fields),
            price: fields.table("price").map(|it| price(&it)).unwrap_or_default(),
            budget: budget(fields),
            dialect: catalog::dialect(fields),
            quirks: catalog::quirks(fields),
        };
        fields.refuse(&secrets::NAMES, secrets::HELP);
        fields.close();
        entry
    }
}

/// `quota = { rpm = 60, tpm = 100_000 }`, and `rpm = 60` for short.
fn quota(fields: &Fields<'_>) -> QuotaWords {
    let table = fields.table("quota");
    let words = table.as_ref().map(QuotaWords::read).unwrap_or_default();
    if let Some(table) = &table {
        table.close();
        if table.has("rpm") && fields.has("rpm") {
            fields.reader().note(table.at(), "`rpm` stands here twice: beside `quota` and in it");
        }
    }
    words.over(QuotaWords { rpm: fields.number("rpm", 1..=RPM_MAX), ..QuotaWords::default() })
}

fn price(fields: &Fields<'_>) -> PriceWords {
    let words = PriceWords::read(fields);
    fields.close();
    words
}

fn budget(fields: &Fields<'_>) -> BudgetPlan {
    fields.table("budget").map(|it| BudgetPlan::read(&it)).unwrap_or_default()
}

/// Prompts contain it: it must be a plain name.
pub(crate) fn display_name(reader: &Reader, name: Placed<String>) -> Option<String> {
    if name.value.trim().is_empty()
        || name.value.len() > DISPLAY_NAME_BYTES_MAX
        || name.value.contains(char::is_control)
    {
        let what =
            format!("`display_name` has 1 to {DISPLAY_NAME_BYTES_MAX} bytes and no control characters");
        reader.note(name.at, what);
        return None;
    }
    Some(name.value)
}

fn base_url(reader: &Reader, url: Placed<String>) -> Option<String> {
    let address = url.value.strip_prefix("https://").or_else(|| url.value.strip_prefix("http://"));
    let host = address.map(|address| address.split('/').next().unwrap_or_default());
    if host.is_none_or(str::is_empty) || url.value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        reader.note(url.at, "`base_url` must be an address that begins with `https://` or `http://`");
        return None;
    }
    if host.is_some_and(|host| host.contains('@')) {
        reader.refuse(
            url.at.clone(),
            url.at,
            "an address with a user's name or password is not taken",
            secrets::HELP,
        );
        return None;
    }
    if let Some(query) = url.value.find(['?', '#']) {
        let help = if secrets::has_random(&url.value[query..]) {
            secrets::HELP
        } else {
            "end it before the `?`; fields of the request's body go into `extra_body`"
        };
        reader.refuse(url.at.clone(), url.at, "`base_url` must be an address without a query", help);
        return None;
    }
    Some(url.value)
}

// === impl SweepFile ===

impl SweepFile {
    /// Reads a sweep file. `file_name` is what mistakes call it.
    ///
    /// # Errors
    /// All mistakes in it that can be seen without the suite.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Mistakes> {
        let source = Source::new(file_name, text);
        let reader = Reader::new(source);
        let shown = Source::new(file_name, secrets::without(text));
        let file = reader.read(|fields| Self::read(fields, shown));
        let mut mistakes = reader.into_mistakes();
        secrets::hide(&mut mistakes);
        match file {
            Some(file) if mistakes.is_empty() => Ok(file),
            _ => Err(mistakes),
        }
    }

    fn read(fields: &Fields<'_>, source: Source) -> Self {
        fields.format();
        secrets::refuse(fields);
        fields.refuse(&secrets::NAMES, secrets::HELP);
        Self {
            source,
            name: label(fields, "name").unwrap_or_else(|| fields.needed_text("name")),
            project: label(fields, "project").unwrap_or_else(|| Placed::nowhere("default".to_owned())),
            suite: fields.needed_text("suite"),
            scenarios: fields.texts("scenarios"),
            select: fields.table("select").map(|it| selects(&it)).unwrap_or_default(),
            catalog: fields.text("catalog"),
            models: models(fields),
            seeds: fields.number("seeds", 1..=SEEDS_MAX).unwrap_or(1),
            limit: fields.number("limit", 1..=u64::MAX),
            weight: fields.number("weight", 1..=WEIGHT_MAX).unwrap_or(1),
            limits: fields.table("limits").map(|it| LimitOverrides::read(&it)).unwrap_or_default(),
            retry: fields.table("retry").map(|it| RetryPlan::read(&it)).unwrap_or_default(),
            max_connections: fields.number("max_connections", 1..=CONNECTIONS_MAX),
            rpm: fields.number("rpm", 1..=RPM_MAX),
            budget: budget(fields),
        }
    }
}

/// A name that people and paths use.
fn label(fields: &Fields<'_>, key: &'static str) -> Option<Placed<String>> {
    let label = fields.text(key)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if label.value.is_empty() || label.value.len() > LABEL_BYTES_MAX || !label.value.chars().all(plain) {
        let what = format!("`{key}` has 1 to {LABEL_BYTES_MAX} letters, digits, `.`, `_` or `-`");
        fields.reader().note(label.at.clone(), what);
    }
    Some(label)
}

fn selects(fields: &Fields<'_>) -> Vec<Select> {
    let reader = fields.reader();
    fields
        .entries()
        .filter_map(|(scenario, value)| {
            let table = reader.as_table(&scenario.value, value)?;
            let axes = table.entries().map(|(axis, value)| {
                let values = reader.as_texts(&axis.value, value);
                (axis, values)
            });
            Some(Select { scenario, axes: axes.collect() })
        })
        .collect()
}

fn models(fields: &Fields<'_>) -> Vec<ModelEntry> {
    let Some(value) = fields.raw("models") else { return Vec::new() };
    let reader = fields.reader();
    let DeValue::Array(list) = value.get_ref() else {
        reader.note(value.span(), "`models` must be a list of names or tables");
        return Vec::new();
    };
    if list.len() > MODELS_MAX {
        reader
            .note(value.span(), format!("there are {} models; at most {MODELS_MAX} are allowed", list.len()));
    }
    let entry = |value| match Spanned::get_ref(value) {
        DeValue::Table(_) => reader.as_table("models", value).map(|table| ModelEntry::read(&table)),
        _ => reader.as_text("models", value).map(ModelEntry::placed),
    };
    list.iter().filter_map(entry).collect()
}
