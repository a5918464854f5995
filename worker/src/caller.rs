//! One model's calls: encoded, paced, sent, judged, tried again, and counted.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Method;
use muster_episode::{Call, Meter, Reply, StopReason, TokenUsage};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::account::Route;
use crate::classify::{ErrorClass, Judgement, Paid, Retry, Verdict, classify, classify_inside};
use crate::error::{CallError, WorkerError};
use crate::gate::{Bill, Errand, Gate, Pass, Size};
use crate::headers::{Observed, RateHeaders};
use crate::http::{Answer, Endpoint, Fault, Http, HttpError, Patience};
use crate::pace::{Pace, PaceConfig};
use crate::poison::Poison;
use crate::providers::{self, AnswerError, Conversation, Dialect, DialectKind, EncodeError};
use crate::redact::{Redactor, leave_no_core_dumps};
use crate::retry::{Retries, RetryLimits};
use crate::shares::Fate;

/// Answers beyond the bound on size are asked for so often: a server may have been caught in a loop once.
const MAX_TOO_LARGE_TRIES: u32 = 2;

/// The longest message of an error: it is stored with the job and shown in one line or two.
const MAX_MESSAGE_CHARS: usize = 500;

/// Models named in a probe's answer are kept up to here.
const MAX_LISTED_MODELS: usize = 10_000;

/// Told how long the provider wants silence, in milliseconds, whenever it does.
pub type RateLimitHook = Arc<dyn Fn(u64) + Send + Sync>;

/// How one model is called.
#[derive(Default)]
pub struct CallerConfig {
    /// How often and how long a call is tried again.
    pub limits: RetryLimits,
    /// How many calls at once, and a minute, from this worker.
    pub pace: PaceConfig,
    /// What the fleet may send, and what a call costs of it.
    pub gate: Gate,
    /// What is struck out of errors' messages.
    pub redactor: Redactor,
    /// Who is told of "too many requests".
    pub on_rate_limit: Option<RateLimitHook>,
}

/// Makes one model's calls. Shared by all episodes of that model in this worker.
pub struct Caller {
    http: Http,
    route: Route,
    endpoint: Endpoint,
    dialect: Arc<dyn Dialect>,
    pace: Pace,
    gate: Gate,
    poison: Poison,
    limits: RetryLimits,
    redactor: Redactor,
    on_rate_limit: Option<RateLimitHook>,
}

/// The terms of one call.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// How often and how long it is tried again.
    pub limits: &'a RetryLimits,
    /// Ends it at once, also a request that is under way.
    pub cancel: &'a CancellationToken,
    /// Ends it where no request is under way: while it waits for its turn, or for another try.
    pub give_up: &'a CancellationToken,
    /// For which of an episode's calls it is; none: it is nobody's, and no share is asked for.
    pub errand: Option<Errand>,
}

/// An answered call.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The answer. Not redacted yet: it goes back to the provider verbatim.
    pub reply: Reply,
    /// What was measured of it.
    pub meter: Meter,
    /// Earlier tries of this call whose answer may have been produced, and billed, but was lost. An upper bound.
    pub maybe_paid: u32,
    /// What they cost at the most, in millionths of a dollar, where the price is known.
    pub lost_micro_usd: u64,
}

/// What a provider said of a model without being asked for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It lists the model.
    Listed,
    /// It lists others, but not this one. Some providers serve more than they list.
    NotListed(Vec<String>),
    /// It answers, but has no list.
    NoList,
}

/// What has happened in a call so far.
#[derive(Debug, Default)]
struct Tally {
    tries: u32,
    rate_limited: u32,
    maybe_paid: u32,
    lost_micro_usd: u64,
    /// The most that the present try can cost; 0 where the price is not known.
    worst_micro_usd: u64,
    too_large: u32,
    /// Whether a request is on its way right now: if the call is dropped then, it may have been paid for.
    under_way: bool,
}

/// How one try failed.
struct Failure {
    verdict: Verdict,
    too_large: bool,
}

// === impl Terms ===

impl Terms<'_> {
    /// What a wait comes to, unless the call is given up first. What need not be waited for is not given up.
    async fn unless_given_up<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = wait => Some(done),
            () = self.give_up.cancelled() => None,
        }
    }
}

// === impl Caller ===

impl Caller {
    /// A caller for one model.
    ///
    /// # Errors
    /// The route's address or key, or the file of certificate authorities, can't be used.
    pub fn new(http: &Http, route: Route, config: CallerConfig) -> Result<Self, WorkerError> {
        if route.key.is_some() {
            leave_no_core_dumps();
        }
        let dialect = providers::dialect(route.dialect.clone());
        Ok(Self {
            endpoint: http.endpoint(&route, dialect.path(), dialect.headers())?,
            http: http.clone(),
            pace: Pace::new(&config.pace),
            gate: config.gate,
            poison: Poison::default(),
            route,
            dialect,
            limits: config.limits,
            redactor: config.redactor,
            on_rate_limit: config.on_rate_limit,
        })
    }

    /// The model's route.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Keep silent for so long, because another worker was told to.
    pub fn pause(&self, pause: Duration) {
        self.gate.pause(pause);
    }

    /// Make a call, and try again as often as its failures' classes allow. `conversation` is the episode's own: the same
    /// in each of its calls. Ends at once when `cancel` is, and says what may have been paid; a future that is dropped
    /// ends as fast, but can't.
    ///
    /// # Errors
    /// No answer was to be had; see [`CallError::class`].
    pub async fn call(
        &self,
        conversation: &mut Conversation,
        call: &Call<'_>,
        cancel: &CancellationToken,
    ) -> Result<Answered, CallError> {
        let terms = Terms { limits: &self.limits, cancel, give_up: &CancellationToken::new(), errand: None };
        self.call_within(&terms, conversation, call).await
    }

    /// As `call`, on these terms instead of the caller's own: a sweep may have its own limits.
    ///
    /// # Errors
    /// As `call`.
    pub async fn call_within(
        &self,
        terms: &Terms<'_>,
        conversation: &mut Conversation,
        call: &Call<'_>,
    ) -> Result<Answered, CallError> {
        let mut tally = Tally::default();
        let body = match self.dialect.encode(conversation, call) {
            Ok(body) => body,
            Err(error) => return Err(self.unsayable(&error)),
        };
        let answered = tokio::select! {
            biased;
            () = terms.cancel.cancelled() => None,
            answered = self.tries(terms, &body, call.sampling.max_output_tokens, &mut tally) => Some(answered),
        };
        answered.unwrap_or_else(|| Err(self.cancelled(&mut tally)))
    }

    /// Ask the provider which models it has: a connection, a key and a name are checked without an answer being paid for.
    ///
    /// # Errors
    /// It can't be reached, or refuses the key.
    pub async fn probe(&self) -> Result<Probe, CallError> {
        let headers = self.dialect.headers();
        let endpoint =
            self.http.endpoint(&self.route, self.list_path(), headers).map_err(|error| CallError {
                message: error.to_string(),
                ..self.error(ErrorClass::Config, None, &Tally::default(), "")
            })?;
        let tally = Tally { tries: 1, ..Tally::default() };
        let answer = self.http.send(Method::GET, &endpoint, Bytes::new(), self.http.patience(0, None)).await;
        let answer = answer.map_err(|error| self.fail(&failure_of_http(error).verdict, &tally))?;
        match answer.status.as_u16() {
            200..=299 => Ok(self.listed(&answer.body)),
            404 | 405 | 501 => Ok(Probe::NoList),
            status => match classify(status, &answer.headers, &answer.body, SystemTime::now()) {
                Judgement::Failed(verdict) => Err(self.fail(&verdict, &tally)),
                Judgement::Declined { .. } => Ok(Probe::NoList),
            },
        }
    }

    async fn tries(
        &self,
        terms: &Terms<'_>,
        body: &Bytes,
        max_output_tokens: u32,
        tally: &mut Tally,
    ) -> Result<Answered, CallError> {
        let size = Size { body_bytes: body.len(), max_output_tokens };
        let mut retries: Option<Retries<'_>> = None;
        loop {
            let Some(connection) = terms.unless_given_up(self.pace.ready()).await else {
                return Err(self.cancelled(tally));
            };
            let left = |retries: &Retries<'_>| retries.time_left(Instant::now());
            let time = retries.as_ref().map_or(terms.limits.deadline, left);
            let time = time.unwrap_or(self.http.total_timeout());
            let pass = match terms.unless_given_up(self.gate.ready(terms.errand, size, time)).await {
                None => return Err(self.cancelled(tally)),
                Some(Err(_)) => return Err(self.denied(tally)),
                Some(Ok(pass)) => pass,
            };
            let begin = Instant::now();
            let retries = retries.get_or_insert_with(|| Retries::begin(terms.limits, begin));
            let failure = match self
                .one_try(body, self.http.patience(max_output_tokens, retries.time_left(begin)), pass, tally)
                .await
            {
                Ok((reply, cost)) => return Ok(answered(reply, cost, tally, begin.elapsed())),
                Err(failure) => failure,
            };
            drop(connection);
            let now = Instant::now();
            let verdict = &failure.verdict;
            let delay = retries.after(verdict.class, verdict.hint, now, rand::random::<f64>);
            self.note_rate_limit(verdict);
            match delay {
                Some(delay) if self.may_retry(&failure, tally) => {
                    if terms.unless_given_up(tokio::time::sleep(delay)).await.is_none() {
                        return Err(self.cancelled(tally));
                    }
                }
                _ => return Err(self.give_up(failure, tally)),
            }
        }
    }

    /// One request. What it may have cost is in the tally whatever becomes of it.
    async fn one_try(
        &self,
        body: &Bytes,
        patience: Patience,
        mut pass: Pass,
        tally: &mut Tally,
    ) -> Result<(Reply, Option<u64>), Failure> {
        tally.tries += 1;
        (tally.under_way, tally.worst_micro_usd) = (true, pass.worst_micro_usd());
        pass.sent();
        let sent = self.http.send(Method::POST, &self.endpoint, body.clone(), patience).await;
        tally.under_way = false;
        let read = match sent {
            Ok(answer) => {
                self.look_at_headers(&answer);
                self.judge(&answer)
            }
            Err(error) => Err(failure_of_http(error)),
        };
        match read {
            Ok((reply, bill)) => {
                self.poison.answered(body);
                let cost = self.gate.answered(pass, &reply.tokens, bill);
                Ok((reply, cost))
            }
            Err(failure) => {
                tally.note(&failure);
                pass.failed(fate_of(&failure.verdict));
                Err(self.suspected(body, failure))
            }
        }
    }

    fn judge(&self, answer: &Answer) -> Result<(Reply, Bill), Failure> {
        let now = SystemTime::now();
        let judgement = if answer.status.is_success() {
            match self.dialect.decode(&answer.body) {
                Ok(reply) => return Ok((reply, Bill::Used(self.dialect.cost_micro_usd(&answer.body)))),
                Err(AnswerError::Error(inside)) => {
                    billed_if_used(classify_inside(&inside, &answer.headers, now), &answer.body)
                }
                Err(lost) => return Err(Failure::lost(lost.to_string())),
            }
        } else {
            classify(answer.status.as_u16(), &answer.headers, &answer.body, now)
        };
        match judgement {
            Judgement::Declined { message } => Ok((self.declined(&message), Bill::Nothing)),
            Judgement::Failed(verdict) => Err(verdict.into()),
        }
    }

    /// The reply of a provider that declined the content: nothing was said that could be sent back.
    fn declined(&self, message: &str) -> Reply {
        Reply {
            raw: Bytes::new(),
            dialect: self.dialect.name().into(),
            text: one_line(&self.redactor.text(message)),
            reasoning: String::new(),
            tool_calls: Vec::new(),
            stop: StopReason::Refusal,
            tokens: TokenUsage::default(),
            served_model: String::new(),
            fingerprint: String::new(),
        }
    }

    /// The failure, made final if this request was found to be one that will never be answered.
    fn suspected(&self, body: &[u8], failure: Failure) -> Failure {
        let Some(why) = self.poison.failed(body, failure.verdict.class, Instant::now()) else {
            return failure;
        };
        let message = format!("given up as poison: {why}; the last time: {}", failure.verdict.message);
        let (class, retry) = (ErrorClass::BadRequest, Retry::Never);
        Failure { verdict: Verdict { class, retry, message, ..failure.verdict }, ..failure }
    }

    fn look_at_headers(&self, answer: &Answer) {
        if self.route.rate_headers != RateHeaders::None {
            self.gate.observed(&Observed::read(self.route.rate_headers, &answer.headers, SystemTime::now()));
        }
    }

    fn note_rate_limit(&self, verdict: &Verdict) {
        if verdict.class != ErrorClass::RateLimited {
            return;
        }
        // Without a hint there is no silence to keep: the coordinator finds the rate, and this call waits by itself.
        let pause = verdict.hint.unwrap_or_default();
        self.gate.pause(pause);
        if let Some(hook) = &self.on_rate_limit {
            hook(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        }
    }

    fn may_retry(&self, failure: &Failure, tally: &Tally) -> bool {
        let enough = failure.too_large && tally.too_large >= MAX_TOO_LARGE_TRIES;
        failure.verdict.retry == Retry::Again && !enough
    }

    fn give_up(&self, failure: Failure, tally: &Tally) -> CallError {
        let mut verdict = failure.verdict;
        if failure.too_large {
            // The next answer would be no shorter.
            verdict.class = ErrorClass::BadRequest;
        }
        let error = self.fail(&verdict, tally);
        tracing::debug!(model = self.route.name, tries = error.tries, class = ?error.class, message = error.message, "call failed");
        error
    }

    fn fail(&self, verdict: &Verdict, tally: &Tally) -> CallError {
        self.error(verdict.class, verdict.hint, tally, &verdict.message)
    }

    fn cancelled(&self, tally: &mut Tally) -> CallError {
        if std::mem::take(&mut tally.under_way) {
            tally.note_lost();
        }
        self.error(ErrorClass::Cancelled, None, tally, "the call was cancelled")
    }

    /// The coordinator will not have it sent: the job goes back to it, and uses up nothing.
    fn denied(&self, tally: &Tally) -> CallError {
        let message =
            "the coordinator grants this call no share: its budget is spent, or its model was stopped";
        self.error(ErrorClass::RateLimited, None, tally, message)
    }

    fn unsayable(&self, error: &EncodeError) -> CallError {
        let class = match error {
            EncodeError::ExtraBody(_) | EncodeError::Quirk(_) | EncodeError::Tool { .. } => {
                ErrorClass::Config
            }
            EncodeError::Foreign { .. } => ErrorClass::BadRequest,
        };
        self.error(class, None, &Tally::default(), &error.to_string())
    }

    fn error(
        &self,
        class: ErrorClass,
        retry_after: Option<Duration>,
        tally: &Tally,
        message: &str,
    ) -> CallError {
        let clean = self.redactor.text(message);
        CallError {
            class,
            retry_after,
            tries: tally.tries,
            rate_limited: tally.rate_limited,
            maybe_paid: tally.maybe_paid,
            lost_micro_usd: tally.lost_micro_usd,
            message: format!("{}: {}", self.route.name, one_line(&clean)),
        }
    }

    /// Some lists come in pages: the largest one is asked for.
    fn list_path(&self) -> &'static str {
        match self.route.dialect.kind {
            DialectKind::AnthropicMessages => "/models?limit=1000",
            DialectKind::Gemini => "/models?pageSize=1000",
            DialectKind::OpenAiResponses | DialectKind::OpenAiChat => "/models",
        }
    }

    fn listed(&self, body: &[u8]) -> Probe {
        // A player's parameters are not part of its name.
        let wanted =
            self.route.account.model.split_once('?').map_or(&*self.route.account.model, |(name, _)| name);
        let listed = listed_models(body);
        if listed.iter().any(|name| name == wanted) {
            return Probe::Listed;
        }
        let clean = |name: String| one_line(&self.redactor.text(&name));
        let mut names: Vec<String> = listed.into_iter().take(MAX_LISTED_MODELS).map(clean).collect();
        names.sort();
        if names.is_empty() { Probe::NoList } else { Probe::NotListed(names) }
    }
}

/// The names in a list of models, in OpenAI's and Anthropic's shape or in Google's.
fn listed_models(body: &[u8]) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Model {
        #[serde(alias = "name")]
        id: String,
    }
    #[derive(serde::Deserialize)]
    struct List {
        #[serde(alias = "models")]
        data: Vec<Model>,
    }
    let models = serde_json::from_slice::<List>(body).map(|list| list.data).unwrap_or_default();
    models.into_iter().map(|model| model.id.trim_start_matches("models/").to_owned()).collect()
}

/// An error inside an answer that counts tokens all the same was paid for, or may have been.
fn billed_if_used(judgement: Judgement, answer: &[u8]) -> Judgement {
    match judgement {
        Judgement::Failed(verdict) if counts_tokens(answer) => {
            Judgement::Failed(Verdict { paid: Paid::Maybe, ..verdict })
        }
        other => other,
    }
}

fn counts_tokens(answer: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(answer) else { return false };
    let counts = ["/usage/output_tokens", "/usage/completion_tokens", "/usageMetadata/totalTokenCount"];
    counts
        .iter()
        .any(|count| answer.pointer(count).and_then(serde_json::Value::as_u64).is_some_and(|n| n > 0))
}

fn fate_of(verdict: &Verdict) -> Fate {
    match (verdict.class, verdict.paid) {
        (_, Paid::Maybe) => Fate::Lost,
        (ErrorClass::RateLimited, _) => Fate::Limited,
        _ => Fate::Failed,
    }
}

fn answered(reply: Reply, cost_micro_usd: Option<u64>, tally: &Tally, latency: Duration) -> Answered {
    let meter = Meter {
        latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
        tries: tally.tries,
        rate_limited: tally.rate_limited,
        cost_micro_usd,
    };
    Answered { reply, meter, maybe_paid: tally.maybe_paid, lost_micro_usd: tally.lost_micro_usd }
}

fn failure_of_http(error: HttpError) -> Failure {
    let HttpError { fault, message } = error;
    match fault {
        Fault::Lost => Failure::lost(message),
        Fault::TooLarge => Failure { too_large: true, ..Failure::lost(message) },
        Fault::Unreachable => Failure::unsent(ErrorClass::Transient, format!("can't connect: {message}")),
        Fault::Untrusted => {
            let advice = "name the authority's file with --ca-file or SSL_CERT_FILE";
            Failure::unsent(
                ErrorClass::Config,
                format!("its certificate is not trusted ({advice}): {message}"),
            )
        }
    }
}

/// A message fit for one line: bounded, and without anything that would move a terminal's cursor.
pub(crate) fn one_line(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = printable.take(MAX_MESSAGE_CHARS + 1).collect();
    if let Some((end, _)) = line.char_indices().nth(MAX_MESSAGE_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("route", &self.route).finish_non_exhaustive()
    }
}

// === impl Tally ===

impl Tally {
    fn note_lost(&mut self) {
        self.maybe_paid += 1;
        self.lost_micro_usd = self.lost_micro_usd.saturating_add(self.worst_micro_usd);
    }

    fn note(&mut self, failure: &Failure) {
        self.rate_limited += u32::from(failure.verdict.class == ErrorClass::RateLimited);
        if failure.verdict.paid == Paid::Maybe {
            self.note_lost();
        }
        self.too_large += u32::from(failure.too_large);
    }
}

// === impl Failure ===

impl Failure {
    /// It was sent, and whatever came back was of no use: it may have been paid for.
    fn lost(message: String) -> Self {
        let class = ErrorClass::Transient;
        Verdict { class, retry: Retry::Again, hint: None, dimension: None, paid: Paid::Maybe, message }.into()
    }

    fn unsent(class: ErrorClass, message: String) -> Self {
        Verdict { class, retry: Retry::Again, hint: None, dimension: None, paid: Paid::No, message }.into()
    }
}

impl From<Verdict> for Failure {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, too_large: false }
    }
}

#[cfg(test)]
mod tests;
