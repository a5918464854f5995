//! The one HTTP client. Plain http that no proxy stands before goes straight over hyper's client; TLS and proxies go
//! through reqwest, which knows them. Measured against the fake provider in another process (`examples/calls.rs`, each on
//! a core of its own), the direct way costs 19 us of CPU a call instead of 26, and 41 instead of 62 with 1,000 calls of
//! 200 ms at once; and a gateway on plain http is common in clusters.

mod client;
mod headers;
#[cfg(test)]
pub(crate) mod scripted;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as DirectClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;

use crate::account::Route;
use crate::error::WorkerError;

/// An answer is read up to here and no further. The longest output sold is 128,000 tokens, about 0.5 MB of text;
/// escaped and with its reasoning that is below 2 MB, and half as much again is room. A turn holds it twice, as received
/// and as read, and 6 MiB and some must fit into one message to the coordinator.
pub const MAX_ANSWER_BYTES: usize = 3 * 1024 * 1024;

// With the message's other events, which end at 1 MiB, and 0.5 MiB for what surrounds the answer.
const _: () = assert!(
    muster_proto::MESSAGE_TARGET_BYTES + 2 * MAX_ANSWER_BYTES + 512 * 1024 <= muster_proto::MESSAGE_MAX_BYTES
);

/// An error's body is read up to here; what is longer is a web page, and says nothing.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// How the client behaves.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// To set up a connection. Default 10 s.
    pub connect_timeout: Duration,
    /// Until the first byte of an answer, for a call of no output; more for each token that it may have, see
    /// `Http::patience`. Blank lines are signs of life, and begin it anew. Default 600 s: as long as the providers' own
    /// SDKs wait, and as DeepSeek holds a request that it has not begun.
    pub silence_timeout: Duration,
    /// Between two pieces of an answer that has begun. Default 60 s.
    pub read_idle_timeout: Duration,
    /// From the request's first byte to the answer's last, where a sweep does not say how long a call may take. Default
    /// 1 hour: Anthropic's own measure for the longest answer of all, 128,000 tokens.
    pub total_timeout: Duration,
    /// More certificate authorities to trust, as PEM; on top of the system's, or of `SSL_CERT_FILE`'s.
    pub ca_file: Option<PathBuf>,
    /// Whether the system's proxies are used (`HTTPS_PROXY`, `NO_PROXY`, ...). Never for addresses of this machine.
    pub proxies: ProxyPolicy,
}

/// Whose proxies are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyPolicy {
    /// The system's.
    System,
    /// None.
    None,
}

/// The client. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Http {
    config: Arc<HttpConfig>,
    direct: DirectClient<HttpConnector, Full<Bytes>>,
    /// Built when first needed: reading the system's certificates takes a while, and a local run needs none.
    full: Arc<Mutex<Option<reqwest::Client>>>,
    proxies: Arc<Matcher>,
}

/// An answer's slowest pace: an hour for 128,000 tokens, as Anthropic's SDK reckons it.
const SLOWEST_TOKEN: Duration = Duration::from_micros(28_125);

/// How long one request's answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Without any sign of life.
    pub(crate) silence: Duration,
    /// In all.
    pub(crate) total: Duration,
}

/// Where requests go, and what they all carry.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    way: Way,
    headers: HeaderMap,
    /// The header that carries a number of each request's own, by which the provider's support finds it.
    request_id: Option<HeaderName>,
}

#[derive(Debug, Clone)]
enum Way {
    Direct(Uri),
    Full(reqwest::Client, reqwest::Url),
    /// What a test says, so that virtual time can run: it can't while a socket is waited for.
    #[cfg(test)]
    Scripted(Arc<scripted::Script>),
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// No whole answer came.
#[derive(Debug)]
pub(crate) struct HttpError {
    pub(crate) fault: Fault,
    /// What happened, for people. It may hold what a server or proxy said: not yet redacted.
    pub(crate) message: String,
}

/// Why no whole answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection: nothing was sent.
    Unreachable,
    /// The server's certificate is not trusted: nothing was sent, and trying again is no use.
    Untrusted,
    /// It was sent, and its answer was lost.
    Lost,
    /// The answer is longer than [`MAX_ANSWER_BYTES`].
    TooLarge,
}

// === impl HttpConfig ===

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            silence_timeout: Duration::from_secs(600),
            read_idle_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(3_600),
            ca_file: None,
            proxies: ProxyPolicy::System,
        }
    }
}

// === impl Http ===

impl Http {
    /// The longest that one request may take.
    pub(crate) fn total_timeout(&self) -> Duration {
        self.config.total_timeout
    }

    /// A client. Nothing is connected yet.
    #[must_use]
    pub fn new(config: HttpConfig) -> Self {
        let proxies = match config.proxies {
            ProxyPolicy::System => Matcher::from_system(),
            ProxyPolicy::None => Matcher::builder().build(),
        };
        Self {
            direct: client::direct(&config),
            config: Arc::new(config),
            full: Arc::default(),
            proxies: Arc::new(proxies),
        }
    }

    /// Where a route's requests to `path` go. The client for TLS is built here, where one is needed.
    ///
    /// # Errors
    /// The file of certificate authorities can't be read, or the address can't be used.
    pub(crate) fn endpoint(
        &self,
        route: &Route,
        path: &str,
        spoken: &[(HeaderName, HeaderValue)],
    ) -> Result<Endpoint, WorkerError> {
        let address = format!("{}{path}", route.base_url);
        let refuse = |problem: String| WorkerError::BadUrl { url: address.clone(), problem };
        let uri: Uri = address.parse().map_err(|error: http::uri::InvalidUri| refuse(error.to_string()))?;
        let way = if self.goes_direct(&uri) {
            Way::Direct(uri)
        } else {
            let url = reqwest::Url::parse(&address).map_err(|error| refuse(error.to_string()))?;
            Way::Full(self.full()?, url)
        };
        let request_id = headers::request_id(route);
        Ok(Endpoint { way, headers: headers::of(route, spoken)?, request_id })
    }

    /// How long to wait for an answer of so many tokens at most: one that is not streamed says nothing while the model
    /// thinks, and whoever gives up then pays for it all the same.
    pub(crate) fn patience(&self, max_output_tokens: u32, total: Option<Duration>) -> Patience {
        let total = total.unwrap_or(self.config.total_timeout);
        let silence = self.config.silence_timeout.saturating_add(SLOWEST_TOKEN * max_output_tokens);
        Patience { silence: silence.min(total), total }
    }

    /// Send a request and read its whole answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        endpoint: &Endpoint,
        body: Bytes,
        patience: Patience,
    ) -> Result<Answer, HttpError> {
        let headers = endpoint.headers();
        let exchange = async {
            match &endpoint.way {
                Way::Direct(uri) => self.send_direct(method, uri, headers, body, patience).await,
                Way::Full(client, url) => self.send_full(method, client, url, headers, body, patience).await,
                #[cfg(test)]
                Way::Scripted(script) => in_time(patience.silence, script.next()).await?,
            }
        };
        let total = patience.total;
        let late = || HttpError::lost(format!("no whole answer within {} s", seconds(total)));
        tokio::time::timeout(total, exchange).await.unwrap_or_else(|_| Err(late()))
    }

    async fn send_direct(
        &self,
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Bytes,
        patience: Patience,
    ) -> Result<Answer, HttpError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        let response = in_time(patience.silence, self.direct.request(request)).await?.map_err(|error| {
            if error.is_connect() { HttpError::unreachable(&error) } else { HttpError::lost(chain(&error)) }
        })?;
        self.read(response, patience).await
    }

    async fn send_full(
        &self,
        method: Method,
        client: &reqwest::Client,
        url: &reqwest::Url,
        headers: HeaderMap,
        body: Bytes,
        patience: Patience,
    ) -> Result<Answer, HttpError> {
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body.into());
        let response = in_time(patience.silence, client.execute(request)).await?.map_err(|error| {
            let connect = error.is_connect();
            let error = error.without_url();
            if connect { HttpError::unreachable(&error) } else { HttpError::lost(chain(&error)) }
        })?;
        self.read(http::Response::from(response), patience).await
    }

    async fn read<B>(&self, response: http::Response<B>, patience: Patience) -> Result<Answer, HttpError>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + 'static,
    {
        let (parts, mut body) = response.into_parts();
        let limit = if parts.status.is_success() { MAX_ANSWER_BYTES } else { MAX_ERROR_BYTES };
        let mut read = Pieces::default();
        let mut idle = patience.silence;
        while let Some(piece) = next_piece(&mut body, idle).await? {
            if !piece.iter().all(u8::is_ascii_whitespace) {
                idle = self.config.read_idle_timeout;
            }
            if read.len() + piece.len() > limit {
                return over(parts.status, parts.headers);
            }
            read.push(piece);
        }
        Ok(Answer { status: parts.status, headers: parts.headers, body: read.join() })
    }

    fn goes_direct(&self, uri: &Uri) -> bool {
        uri.scheme_str() == Some("http") && (is_loopback(uri) || self.proxies.intercept(uri).is_none())
    }

    fn full(&self) -> Result<reqwest::Client, WorkerError> {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        match full.as_ref() {
            Some(client) => Ok(client.clone()),
            None => Ok(full.insert(client::full(&self.config)?).clone()),
        }
    }
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// What comes of a request whose answer must begin in this time.
async fn in_time<T>(silence: Duration, answer: impl Future<Output = T>) -> Result<T, HttpError> {
    let late = |_| HttpError::lost(format!("no sign of an answer within {} s", seconds(silence)));
    tokio::time::timeout(silence, answer).await.map_err(late)
}

/// The next piece of an answer; none at its end.
async fn next_piece<B>(body: &mut B, idle: Duration) -> Result<Option<Bytes>, HttpError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    loop {
        let frame = tokio::time::timeout(idle, body.frame())
            .await
            .map_err(|_| HttpError::lost(format!("the answer stood still for {} s", seconds(idle))))?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => {
                return Err(HttpError::lost(format!("the answer broke off: {}", chain(&error))));
            }
            // Trailers are nothing to us.
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
        }
    }
}

/// A time-out for people: a tenth of a second more or less of a minute says nothing.
fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.1}") } else { format!("{seconds:.0}") }
}

/// An answer beyond its bound: of a success nothing can be used; of an error its status is enough.
fn over(status: StatusCode, headers: HeaderMap) -> Result<Answer, HttpError> {
    if !status.is_success() {
        return Ok(Answer { status, headers, body: Bytes::new() });
    }
    let message = format!("answer too large: more than {} MiB", MAX_ANSWER_BYTES / (1024 * 1024));
    Err(HttpError { fault: Fault::TooLarge, message })
}

/// An error with all its causes: the outermost alone rarely says what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = error.source();
    }
    text
}

// === impl Endpoint ===

impl Endpoint {
    fn headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        if let Some(name) = &self.request_id {
            headers.insert(name, headers::fresh_id());
        }
        headers
    }
}

// === impl HttpError ===

impl HttpError {
    fn lost(message: String) -> Self {
        Self { fault: Fault::Lost, message }
    }

    fn unreachable(error: &dyn std::error::Error) -> Self {
        let message = chain(error);
        let untrusted = message.contains("certificate");
        let fault = if untrusted { Fault::Untrusted } else { Fault::Unreachable };
        Self { fault, message }
    }
}

/// The pieces of an answer. Most come in one, which then needs no copy.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    rest: Vec<u8>,
}

// === impl Pieces ===

impl Pieces {
    fn len(&self) -> usize {
        self.first.len().max(self.rest.len())
    }

    fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
            return;
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&self.first);
        }
        self.rest.extend_from_slice(&piece);
    }

    fn join(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { Bytes::from(self.rest) }
    }
}
