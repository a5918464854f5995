//! What is answered to one HTTP request.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use muster_episode::{Action, Conversation, PlayError};
use tokio::time::Instant;

use crate::answer::{self, Completion};
use crate::bucket::Quota;
use crate::config::ProviderConfig;
use crate::fault::{Fault, mix};
use crate::ledger::{Ledger, Served};
use crate::pools::{Admission, Pools, Refusal};
use crate::request::{ChatRequest, Rejection};

/// The largest request read: a conversation of two million tokens, which no model takes.
const MAX_REQUEST_BYTES: usize = 8 * 1024 * 1024;

/// What a huge answer comes to: more than anyone should be willing to read.
const HUGE_ANSWER_BYTES: usize = 50 * 1024 * 1024;

/// One piece of it.
const HUGE_PIECE: &[u8] = &[b'x'; 64 * 1024];

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Serves requests. Shared by all connections.
#[derive(Debug)]
pub(crate) struct Service {
    config: ProviderConfig,
    pools: Pools,
    ledger: Ledger,
    started: Instant,
}

/// A body, sound or not.
pub(crate) enum Body {
    /// All in one piece.
    Whole(Option<Bytes>),
    /// The first piece, then the connection breaks; the length promised is more.
    Broken { piece: Option<Bytes>, promised: u64, flushed: bool },
    /// Some pieces, of unannounced length.
    Pieces(std::collections::VecDeque<Bytes>),
    /// A JSON text that does not end for 50 MB.
    Huge { left: usize },
}

/// The connection is to break.
#[derive(Debug)]
pub(crate) struct Break;

// === impl Service ===

impl Service {
    pub(crate) fn new(config: ProviderConfig) -> Self {
        let pools = Pools::new(config.requests_per_minute, config.tokens_per_minute);
        Self { config, pools, ledger: Ledger::default(), started: Instant::now() }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Answer a request.
    pub(crate) async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path();
        let path = path.strip_prefix("/v1").unwrap_or(path);
        let response = match (path, request.method()) {
            ("/chat/completions", &Method::POST) => self.chat(request).await,
            ("/models", &Method::GET) => self.models(request.headers()),
            ("/stats", &Method::GET) => ok(answer::to_bytes(&self.ledger.stats())),
            ("/healthz", &Method::GET) => ok(Bytes::from_static(b"{\"status\":\"ok\"}\n")),
            ("/chat/completions", _) => not_allowed("POST"),
            ("/models" | "/stats" | "/healthz", _) => not_allowed("GET"),
            _ => {
                let message = format!("Invalid URL ({} {})", request.method(), request.uri().path());
                refuse(&Rejection::invalid(&message, None, None).with_status(404))
            }
        };
        Ok(response)
    }

    fn models(&self, headers: &HeaderMap) -> Response<Body> {
        match self.check_key(headers) {
            Ok(()) => ok(answer::models(&accepted(self.config.players.names()))),
            Err(rejection) => refuse(&rejection),
        }
    }

    async fn chat(&self, request: Request<Incoming>) -> Response<Body> {
        let arrived = Instant::now();
        let number = self.ledger.request();
        let (parts, body) = request.into_parts();
        let mut response = match self.answer(&parts.headers, body, number, arrived).await {
            Ok(response) => response,
            Err(rejection) => refuse(&rejection),
        };
        let status = response.status().as_u16();
        if status >= 400 {
            self.ledger.status(status);
        }
        sign(response.headers_mut(), number, arrived.elapsed());
        response
    }

    async fn answer(
        &self,
        headers: &HeaderMap,
        body: Incoming,
        number: u64,
        arrived: Instant,
    ) -> Result<Response<Body>, Rejection> {
        self.check_key(headers)?;
        let body = read(body).await?;
        let request = ChatRequest::read(&body)?;
        let fault = self.config.faults.draw(self.config.seed, number);
        if let Some(fault) = fault.filter(|fault| fault.comes_before_an_answer()) {
            self.ledger.fault(fault);
            self.wait(arrived).await;
            return instead(fault).await;
        }
        let admission = self.admit(&request);
        if let Some(refusal) = admission.and_then(|admission| admission.refused) {
            let mut response = too_many(&request, refusal);
            quotas(response.headers_mut(), admission);
            return Ok(response);
        }
        let action = self.play(&request, fault)?;
        let completion = answer::completion(&request, &action, number);
        // Counted before anyone waits for it: whoever leaves now has caused it all the same.
        self.count(&request, &completion, fault);
        self.wait(arrived).await;
        let mut response = Response::new(deliver(completion.body, fault));
        response.headers_mut().insert(CONTENT_TYPE, content_type(fault));
        quotas(response.headers_mut(), admission);
        Ok(response)
    }

    fn check_key(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        let Some(key) = &self.config.key else { return Ok(()) };
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        match given.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(given) if key.is(given) => Ok(()),
            Some(given) => {
                let message = format!("Incorrect API key provided: {}.", masked(given));
                Err(Rejection::invalid(&message, None, Some("invalid_api_key")).with_status(401))
            }
            None => {
                let message = "You didn't provide an API key. You need to provide your API key in an Authorization \
                               header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
                Err(Rejection::invalid(message, None, None).with_status(401))
            }
        }
    }

    fn admit(&self, request: &ChatRequest<'_>) -> Option<Admission> {
        self.pools
            .limit_anything()
            .then(|| self.pools.admit(&request.model, reserved(request), self.started.elapsed()))
    }

    fn play(&self, request: &ChatRequest<'_>, fault: Option<Fault>) -> Result<Action, Rejection> {
        let said = request.said();
        let tools: Vec<&str> = request.tools.iter().map(AsRef::as_ref).collect();
        let conversation = Conversation {
            model: &request.model,
            seed: request.seed,
            messages: &said,
            tools: &tools,
            words: self.config.words,
        };
        let action =
            self.config.players.play(&conversation).map_err(|error| self.unplayable(request, &error))?;
        Ok(spoilt(action, fault, &tools))
    }

    fn unplayable(&self, request: &ChatRequest<'_>, error: &PlayError) -> Rejection {
        match error {
            PlayError::BadName(_) | PlayError::UnknownPlayer { .. } => {
                let players = self.config.players.names().join(", ");
                let message = format!(
                    "The model `{}` does not exist or you do not have access to it. {error}. The players here: {players}.",
                    request.model
                );
                Rejection::invalid(&message, None, Some("model_not_found")).with_status(404)
            }
            PlayError::UnknownConversation => {
                Rejection::invalid(&error.to_string(), Some("messages"), Some("unknown_conversation"))
            }
            PlayError::Script { .. } => {
                Rejection::invalid(&error.to_string(), Some("messages"), Some("player_script"))
            }
        }
    }

    fn count(&self, request: &ChatRequest<'_>, completion: &Completion, fault: Option<Fault>) {
        let served = Served {
            model: &request.model,
            hash: request.hash,
            input_tokens: request.input_tokens(),
            output_tokens: completion.output_tokens,
        };
        self.ledger.served(&served, fault);
    }

    async fn wait(&self, arrived: Instant) {
        if !self.config.latency.is_zero() {
            tokio::time::sleep_until(arrived + self.config.latency).await;
        }
    }
}

/// The names that a request may use: in full, and as a service's prefix leaves them (`openai-api/fake/obedient`).
fn accepted(names: Vec<String>) -> Vec<String> {
    let short: Vec<String> =
        names.iter().filter_map(|name| name.strip_prefix("sim/")).map(str::to_owned).collect();
    names.into_iter().chain(short).collect()
}

async fn read(body: Incoming) -> Result<Bytes, Rejection> {
    match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("Request body larger than {} MiB.", MAX_REQUEST_BYTES / (1024 * 1024));
            Err(Rejection::invalid(&message, None, None).with_status(413))
        }
        Err(_) => Err(Rejection::invalid("The request body broke off.", None, None)),
    }
}

/// What OpenAI holds against the limit of tokens: the most that may be answered, or the input, whichever is more.
fn reserved(request: &ChatRequest<'_>) -> u64 {
    request.input_tokens().max(request.max_tokens.unwrap_or(0))
}

/// An action with a fault in it.
fn spoilt(mut action: Action, fault: Option<Fault>, tools: &[&str]) -> Action {
    match fault {
        Some(Fault::UnknownTool) => action.tool_calls = vec![("no_such_tool".into(), "{}".to_owned())],
        Some(Fault::BadArguments) => {
            let name = action.tool_calls.first().map(|(name, _)| name.clone());
            let name = name.unwrap_or_else(|| tools.first().copied().unwrap_or("no_such_tool").into());
            action.tool_calls = vec![(name, "{\"path\": ".to_owned())];
        }
        Some(Fault::Empty) => action = Action::default(),
        _ => {}
    }
    action
}

/// What comes in an answer's place.
async fn instead(fault: Fault) -> Result<Response<Body>, Rejection> {
    let server = |status, kind, code, message: &str| Rejection {
        status,
        kind,
        code,
        param: None,
        message: message.to_owned(),
    };
    match fault {
        Fault::Hang => std::future::pending().await,
        Fault::Http503 => Err(server(
            503,
            "service_unavailable_error",
            Some("server_is_overloaded"),
            "The server is currently overloaded with other requests. Sorry about that!",
        )),
        Fault::Http429 => Ok(with_retry_after(
            refuse(&server(429, "requests", Some("rate_limit_exceeded"), "Rate limit reached for requests.")),
            Duration::from_secs(1),
        )),
        Fault::ErrorIn200 => {
            let error = server(
                200,
                "server_error",
                Some("server_error"),
                "The server had an error while processing your request.",
            );
            Ok(ok(answer::error(&error)))
        }
        _ => Err(server(
            500,
            "server_error",
            None,
            "The server had an error while processing your request. Sorry about that!",
        )),
    }
}

fn deliver(body: Bytes, fault: Option<Fault>) -> Body {
    let half = body.slice(..body.len() / 2);
    match fault {
        Some(Fault::Cut) => Body::Broken { piece: Some(half), promised: body.len() as u64, flushed: false },
        Some(Fault::CutJson) => Body::whole(half),
        Some(Fault::NotJson) => Body::whole(Bytes::from_static(
            b"<!DOCTYPE html><html><head><title>One moment</title></head><body>Checking your browser</body></html>",
        )),
        Some(Fault::Huge) => Body::Huge { left: HUGE_ANSWER_BYTES },
        Some(Fault::BlankLines) => {
            let blank = Bytes::from_static(b"\n\n");
            Body::Pieces([blank.clone(), blank, body].into())
        }
        _ => Body::whole(body),
    }
}

fn content_type(fault: Option<Fault>) -> HeaderValue {
    if fault == Some(Fault::NotJson) { HeaderValue::from_static("text/html; charset=utf-8") } else { JSON }
}

fn ok(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::whole(body));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn refuse(rejection: &Rejection) -> Response<Body> {
    let mut response = ok(answer::error(rejection));
    *response.status_mut() =
        StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn not_allowed(allowed: &'static str) -> Response<Body> {
    let message = format!("Not allowed here: use {allowed}.");
    let mut response =
        refuse(&Rejection::invalid(&message, None, Some("method_not_supported")).with_status(405));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn too_many(request: &ChatRequest<'_>, refusal: Refusal) -> Response<Body> {
    let rejection = |kind, message| Rejection {
        status: 429,
        kind,
        code: Some("rate_limit_exceeded"),
        param: None,
        message,
    };
    let model = &request.model;
    match refusal {
        Refusal::Requests(wait) => {
            let message = format!(
                "Rate limit reached for {model} on requests per min (RPM). Please try again in {}.",
                go_duration(wait)
            );
            with_retry_after(refuse(&rejection("requests", message)), wait)
        }
        Refusal::Tokens(wait) => {
            let message = format!(
                "Rate limit reached for {model} on tokens per min (TPM): Requested {}. Please try again in {}.",
                reserved(request),
                go_duration(wait)
            );
            with_retry_after(refuse(&rejection("tokens", message)), wait)
        }
        Refusal::Wall(limit) => {
            let message = format!(
                "Request too large for {model} on tokens per min (TPM): Limit {limit}, Requested {}. The input or output \
                 tokens must be reduced in order to run successfully.",
                reserved(request)
            );
            refuse(&rejection("tokens", message))
        }
    }
}

fn with_retry_after(mut response: Response<Body>, wait: Duration) -> Response<Body> {
    let whole_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_s.max(1)));
    let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    response.headers_mut().insert("retry-after-ms", HeaderValue::from(ms));
    response
}

/// Headers of every answer to a call.
fn sign(headers: &mut HeaderMap, number: u64, took: Duration) {
    let id = format!("req_{:016x}{:016x}", mix(number), mix(mix(number)));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    headers.insert("openai-processing-ms", HeaderValue::from(took_ms));
    headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
}

fn quotas(headers: &mut HeaderMap, admission: Option<Admission>) {
    let Some(admission) = admission else { return };
    let names = |limit, remaining, reset| [limit, remaining, reset].map(HeaderName::from_static);
    if let Some(quota) = admission.requests {
        let names = names(
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        );
        quota_headers(headers, names, quota);
    }
    if let Some(quota) = admission.tokens {
        let names =
            names("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens");
        quota_headers(headers, names, quota);
    }
}

fn quota_headers(headers: &mut HeaderMap, [limit, remaining, reset]: [HeaderName; 3], quota: Quota) {
    headers.insert(limit, HeaderValue::from(quota.limit));
    headers.insert(remaining, HeaderValue::from(quota.remaining));
    if let Ok(value) = HeaderValue::from_str(&go_duration(quota.reset)) {
        headers.insert(reset, value);
    }
}

/// A duration as Go prints it: `20ms`, `1s`, `1m26.4s`.
fn go_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    let (minutes, ms) = (ms / 60_000, ms % 60_000);
    let seconds = ms as f64 / 1_000.0;
    match (minutes, ms) {
        (0, 1..1_000) => format!("{ms}ms"),
        (0, _) => format!("{seconds}s"),
        _ => format!("{minutes}m{seconds}s"),
    }
}

/// A key as OpenAI repeats it: its ends.
fn masked(key: &str) -> String {
    let shown = |range: &[char]| range.iter().collect::<String>();
    let chars: Vec<char> = key.chars().collect();
    match chars.len() {
        0..=11 => "*".repeat(chars.len()),
        long => {
            format!("{}{}{}", shown(&chars[..4]), "*".repeat(long.min(40) - 8), shown(&chars[long - 4..]))
        }
    }
}

impl Fault {
    /// Whether it comes in an answer's place.
    fn comes_before_an_answer(self) -> bool {
        matches!(self, Self::Http500 | Self::Http503 | Self::Http429 | Self::Hang | Self::ErrorIn200)
    }
}

// === impl Body ===

impl Body {
    fn whole(body: Bytes) -> Self {
        Self::Whole(Some(body))
    }

    fn huge_piece(left: &mut usize) -> Option<Bytes> {
        let piece = match *left {
            0 => return None,
            HUGE_ANSWER_BYTES => {
                Bytes::from_static(b"{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"")
            }
            _ => Bytes::from_static(HUGE_PIECE),
        };
        *left = left.saturating_sub(piece.len());
        Some(piece)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Break;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Break>>> {
        let piece = match &mut *self {
            Self::Whole(piece) => piece.take(),
            Self::Pieces(pieces) => pieces.pop_front(),
            Self::Huge { left } => Self::huge_piece(left),
            Self::Broken { piece, flushed, .. } => match piece.take() {
                Some(piece) => Some(piece),
                None if *flushed => return Poll::Ready(Some(Err(Break))),
                // What was written is sent when there is nothing to do; an error now would throw it away.
                None => {
                    *flushed = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            },
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(piece) => piece.is_none(),
            Self::Pieces(pieces) => pieces.is_empty(),
            Self::Huge { left } => *left == 0,
            Self::Broken { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(piece) => SizeHint::with_exact(piece.as_ref().map_or(0, |piece| piece.len() as u64)),
            Self::Broken { promised, .. } => SizeHint::with_exact(*promised),
            Self::Pieces(_) | Self::Huge { .. } => SizeHint::default(),
        }
    }
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken off on purpose")
    }
}

impl std::error::Error for Break {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (ms, text) in [(0, "0s"), (20, "20ms"), (1_000, "1s"), (360_000, "6m0s"), (86_400, "1m26.4s")] {
            assert_eq!(go_duration(Duration::from_millis(ms)), text);
        }
        assert_eq!(go_duration(Duration::from_nanos(1)), "1ms");
    }

    #[test]
    fn a_wrong_key_is_repeated_only_by_its_ends() {
        assert_eq!(masked("sk-0123456789abcdef"), "sk-0***********cdef");
        assert_eq!(masked("short"), "*****");
    }
}
