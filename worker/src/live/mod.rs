//! Checks that need a real key: each confirms or refutes one fact that nobody could verify without one. `docs/providers.md`
//! names, for each such fact, the check that settles it. All are small calls, bounded in number and in output.

mod asker;
mod reasoning;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use http::HeaderMap;
use muster_episode::{Message, Reply, StopReason, ToolResult};
use serde_json::Value;

use crate::account::Route;
use crate::caller::Probe;
use crate::classify::ErrorClass;
use crate::error::WorkerError;
use crate::headers::{Observed, RateHeaders, Window};
use crate::http::Http;
use crate::providers::DialectKind;
use crate::redact::Redactor;

use asker::{Asker, Heard, Question};

/// Calls that a provider's checks make at most.
pub const LIVE_CALLS_MAX: u32 = 20;

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The fact holds.
    Pass,
    /// It does not.
    Fail,
    /// It could not be told: the provider was busy, or it does not apply here.
    Unsure,
}

/// One fact, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name, as the documentation has it.
    pub name: &'static str,
    /// What came of it.
    pub found: Found,
    /// What was seen: redacted, one line.
    pub evidence: String,
}

/// Runs all checks of a route's provider, one after the other.
///
/// # Errors
/// The route's address or key can't be used.
pub async fn live(http: &Http, route: &Route, redactor: &Redactor) -> Result<Vec<Check>, WorkerError> {
    let mut live = Live { asker: Asker::new(http, route, redactor)?, checks: Vec::new() };
    live.model_listed().await;
    live.wrong_key().await?;
    live.unknown_model().await?;
    let Some(plain) = live.answers().await else { return Ok(live.checks) };
    live.rate_headers(&plain);
    live.usage(&plain);
    live.temperature().await;
    live.top_p().await;
    live.seed().await;
    live.output_limit().await;
    live.tool_choice().await;
    live.tools_and_reasoning().await;
    Ok(live.checks)
}

struct Live {
    asker: Asker,
    checks: Vec<Check>,
}

// === impl Live ===

impl Live {
    fn note(&mut self, name: &'static str, found: Found, evidence: impl AsRef<str>) {
        let evidence = self.asker.clean(evidence.as_ref());
        self.checks.push(Check { name, found, evidence });
    }

    async fn model_listed(&mut self) {
        let (found, evidence) = match self.asker.probe().await {
            Ok(Probe::Listed) => (Found::Pass, "it is in the provider's list".to_owned()),
            Ok(Probe::NoList) => (Found::Unsure, "the provider has no list".to_owned()),
            Ok(Probe::NotListed(names)) => (Found::Fail, format!("{} others are listed", names.len())),
            Err(error) => (Found::Fail, error.message),
        };
        self.note("model-listed", found, evidence);
    }

    /// A refused key must be known for one, or a sweep would try it again and again.
    async fn wrong_key(&mut self) -> Result<(), WorkerError> {
        if !self.asker.has_key() {
            self.note("wrong-key", Found::Unsure, "this route has no key");
            return Ok(());
        }
        let heard = self.asker.with_a_wrong_key()?.ask(&Question::plain()).await;
        self.stops("wrong-key", &heard);
        Ok(())
    }

    async fn unknown_model(&mut self) -> Result<(), WorkerError> {
        let heard = self.asker.with_an_unknown_model()?.ask(&Question::plain()).await;
        self.stops("unknown-model", &heard);
        Ok(())
    }

    fn stops(&mut self, name: &'static str, heard: &Heard) {
        let found = match heard.class() {
            Some(ErrorClass::Config) => Found::Pass,
            Some(class) if is_passing(class) => Found::Unsure,
            _ => Found::Fail,
        };
        self.note(name, found, heard.evidence());
    }

    async fn answers(&mut self) -> Option<Heard> {
        let heard = self.asker.ask(&Question::plain()).await;
        let found = if heard.reply().is_some() { Found::Pass } else { Found::Fail };
        self.note("answers", found, heard.evidence());
        heard.reply().is_some().then_some(heard)
    }

    fn rate_headers(&mut self, heard: &Heard) {
        let whose = self.asker.rate_headers();
        let observed = Observed::read(whose, &heard.headers, SystemTime::now());
        let sent = names_of_limits(&heard.headers);
        let (found, evidence) = match (whose, observed.is_empty()) {
            (_, false) => (Found::Pass, limits(&observed)),
            (RateHeaders::None, true) if sent.is_empty() => {
                (Found::Pass, "none are sent, and none are expected".to_owned())
            }
            (RateHeaders::None, true) => (Found::Fail, format!("sent, and not read: {sent}")),
            (_, true) => (Found::Fail, format!("expected, and not read; sent: {sent}")),
        };
        self.note("rate-headers", found, evidence);
    }

    /// What the provider says it used must add up as it is read here, or costs are wrong.
    fn usage(&mut self, heard: &Heard) {
        let Some(reply) = heard.reply() else { return };
        let tokens = reply.tokens;
        let total = total_of(&heard.body);
        let sum = tokens.input.saturating_add(tokens.output);
        let parts = tokens.cached_input.saturating_add(tokens.cache_write) <= tokens.input
            && tokens.reasoning <= tokens.output;
        let found = match total {
            _ if tokens.input == 0 || tokens.output == 0 || !parts => Found::Fail,
            Some(total) if total != sum => Found::Fail,
            Some(_) => Found::Pass,
            None if self.asker.kind() == DialectKind::AnthropicMessages => Found::Pass,
            None => Found::Unsure,
        };
        let total =
            total.map_or("no total is given".to_owned(), |total| format!("the given total is {total}"));
        self.note(
            "usage-adds-up",
            found,
            format!(
                "in {} (cached {}, written {}), out {} (reasoning {}), together {sum}; {total}",
                tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning
            ),
        );
    }

    async fn temperature(&mut self) {
        let extra = self.in_chat(r#"{"temperature":1.0}"#);
        let question = Question { temperature: Some(1.0), extra, ..Question::plain() };
        self.accepts("temperature-1", &question, "temperature").await;
    }

    async fn top_p(&mut self) {
        let extra = self.in_chat(r#"{"top_p":0.95}"#);
        let question = Question { top_p: Some(0.95), extra, ..Question::plain() };
        self.accepts(
            "top-p",
            &question,
            if self.asker.kind() == DialectKind::Gemini { "topP" } else { "top_p" },
        )
        .await;
    }

    async fn seed(&mut self) {
        let extra = self.in_chat(r#"{"seed":7}"#);
        self.accepts("seed", &Question { seed: true, extra, ..Question::plain() }, "seed").await;
    }

    /// Profiles of Chat leave out what is not known to be taken: here it is sent all the same.
    fn in_chat(&self, field: &'static str) -> &'static str {
        if self.asker.kind() == DialectKind::OpenAiChat { field } else { "" }
    }

    /// Whether a field is taken. Where the dialect or the route's quirks leave it out, there is nothing to check.
    async fn accepts(&mut self, name: &'static str, question: &Question, field: &str) {
        match self.asker.body(question) {
            Ok(body) if holds(&body, field) => {
                let heard = self.asker.ask(question).await;
                self.note(name, taken(&heard), heard.evidence());
            }
            Ok(_) => self.note(name, Found::Unsure, format!("{field} is not sent on this route")),
            Err(error) => self.note(name, Found::Unsure, error),
        }
    }

    /// That an answer which is cut off is known to be.
    async fn output_limit(&mut self) {
        let question =
            Question { text: "Count from 1 to 500, one number a line.", output: 16, ..Question::plain() };
        let heard = self.asker.ask(&question).await;
        let found = match heard.reply() {
            Some(reply) if reply.stop == StopReason::Length => Found::Pass,
            Some(reply) if reply.tokens.output >= u64::from(question.output) => Found::Fail,
            _ => Found::Unsure,
        };
        self.note("output-limit", found, heard.evidence());
    }

    async fn tool_choice(&mut self) {
        let choice = match self.asker.kind() {
            DialectKind::OpenAiChat | DialectKind::OpenAiResponses => r#"{"tool_choice":"required"}"#,
            DialectKind::AnthropicMessages => r#"{"tool_choice":{"type":"any"}}"#,
            DialectKind::Gemini => r#"{"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}"#,
        };
        let heard = self.asker.ask(&Question { extra: choice, ..Question::with_tools() }).await;
        self.note("tool-choice-required", taken(&heard), heard.evidence());
    }

    /// One turn with a tool, then its result: with the raw message sent back, and with the reasoning taken out of it.
    async fn tools_and_reasoning(&mut self) {
        let question = Question::with_tools();
        let heard = self.asker.ask(&question).await;
        let Some(reply) = heard.reply().filter(|reply| !reply.tool_calls.is_empty()) else {
            self.note("tools", taken_or_unsure(&heard), heard.evidence());
            return;
        };
        self.note("tools", Found::Pass, heard.evidence());
        let second = self.asker.say(&question, &answered(&question, reply.clone())).await;
        self.note("echo-verbatim", taken(&second), second.evidence());
        let Some(raw) = reasoning::removed(&reply.raw) else {
            self.note("echo-removed", Found::Unsure, "the answer held no reasoning that could be left out");
            return;
        };
        let bare = Reply { raw, ..reply.clone() };
        let third = self.asker.say(&question, &answered(&question, bare)).await;
        let found = match (third.reply(), third.class()) {
            (None, Some(ErrorClass::BadRequest)) => Found::Pass,
            (Some(_), _) => Found::Fail,
            _ => Found::Unsure,
        };
        self.note("echo-removed", found, third.evidence());
    }
}

/// The conversation after a turn whose tools were called.
fn answered(question: &Question, reply: Reply) -> Vec<Message> {
    let results: Vec<Message> = reply
        .tool_calls
        .iter()
        .map(|call| {
            let content = r#"{"files":["notes.txt"]}"#.to_owned();
            let (call_id, name) = (call.id.clone(), call.name.clone());
            Message::Tool(ToolResult { call_id, name, content, is_error: false })
        })
        .collect();
    [Message::User(question.text.into()), Message::Assistant(reply)].into_iter().chain(results).collect()
}

/// Whether a request was taken. A provider that was busy has not said.
fn taken(heard: &Heard) -> Found {
    match heard.class() {
        None => Found::Pass,
        Some(class) if is_passing(class) => Found::Unsure,
        Some(_) => Found::Fail,
    }
}

fn taken_or_unsure(heard: &Heard) -> Found {
    if heard.reply().is_some() { Found::Unsure } else { taken(heard) }
}

fn is_passing(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Transient | ErrorClass::RateLimited | ErrorClass::Overloaded | ErrorClass::Quota
    )
}

/// Whether a body has a field of this name, at its top or in an object there.
fn holds(body: &[u8], field: &str) -> bool {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return false };
    body.contains_key(field) || body.values().any(|inner| inner.get(field).is_some())
}

/// The provider's own sum of all tokens.
fn total_of(body: &[u8]) -> Option<u64> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let totals = ["/usage/total_tokens", "/usageMetadata/totalTokenCount"];
    totals.iter().find_map(|total| body.pointer(total)?.as_u64())
}

/// Names of headers that look like limits.
fn names_of_limits(headers: &HeaderMap) -> String {
    let names = headers.keys().map(http::HeaderName::as_str).filter(|name| name.contains("limit"));
    names.take(12).collect::<Vec<_>>().join(", ")
}

fn limits(observed: &Observed) -> String {
    let window = |what: &str, window: Window| Some(format!("{} {what}", window.per_minute?));
    let told = [
        window("requests", observed.requests),
        window("tokens", observed.tokens),
        window("tokens in", observed.input_tokens),
        window("tokens out", observed.output_tokens),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    if told.is_empty() {
        "read, without a limit".to_owned()
    } else {
        format!("a minute: {}", told.join(", "))
    }
}
