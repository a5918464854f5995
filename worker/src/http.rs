//! The one HTTP client. Plain http that no proxy stands before goes straight over hyper's client; TLS and proxies go
//! through reqwest, which knows them. Measured against the fake provider in another process (`examples/calls.rs`, each on
//! a core of its own), the direct way costs 19 us of CPU a call instead of 26, and 41 instead of 62 with 1,000 calls of
//! 200 ms at once; and a gateway on plain http is common in clusters.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as DirectClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};

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

/// Idle connections kept per host: one for each of 1,000 episodes at once, and some.
const MAX_IDLE_CONNECTIONS: usize = 1_024;

/// Idle connections are closed before servers do it: most wait 60 s or more, and a request sent into a connection that
/// closes just then is lost, and may have been paid for.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// How the client behaves.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// To set up a connection. Default 10 s.
    pub connect_timeout: Duration,
    /// Between two pieces of an answer that has begun. Default 60 s.
    pub read_idle_timeout: Duration,
    /// From the request's first byte to the answer's last. An answer that is not streamed says nothing while the model
    /// thinks, so this is long. Default 600 s.
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

/// Where requests go, and what they all carry.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    way: Way,
    headers: HeaderMap,
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
            read_idle_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(600),
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
            direct: direct(&config),
            config: Arc::new(config),
            full: Arc::default(),
            proxies: Arc::new(proxies),
        }
    }

    /// Where a route's requests to `path` go. The client for TLS is built here, where one is needed.
    ///
    /// # Errors
    /// The file of certificate authorities can't be read, or the address can't be used.
    pub(crate) fn endpoint(&self, route: &Route, path: &str) -> Result<Endpoint, WorkerError> {
        let address = format!("{}{path}", route.base_url);
        let refuse = |problem: String| WorkerError::BadUrl { url: address.clone(), problem };
        let uri: Uri = address.parse().map_err(|error: http::uri::InvalidUri| refuse(error.to_string()))?;
        let way = if self.goes_direct(&uri) {
            Way::Direct(uri)
        } else {
            let url = reqwest::Url::parse(&address).map_err(|error| refuse(error.to_string()))?;
            Way::Full(self.full()?, url)
        };
        Ok(Endpoint { way, headers: headers(route)? })
    }

    /// Send a request and read its whole answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        endpoint: &Endpoint,
        body: Bytes,
    ) -> Result<Answer, HttpError> {
        let exchange = async {
            match &endpoint.way {
                Way::Direct(uri) => self.send_direct(method, uri, &endpoint.headers, body).await,
                Way::Full(client, url) => self.send_full(method, client, url, &endpoint.headers, body).await,
                #[cfg(test)]
                Way::Scripted(script) => script.next().await,
            }
        };
        let total = self.config.total_timeout;
        let late = || HttpError::lost(format!("no whole answer within {} s", total.as_secs_f64()));
        tokio::time::timeout(total, exchange).await.unwrap_or_else(|_| Err(late()))
    }

    async fn send_direct(
        &self,
        method: Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Answer, HttpError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        let response = self.direct.request(request).await.map_err(|error| {
            if error.is_connect() { HttpError::unreachable(&error) } else { HttpError::lost(chain(&error)) }
        })?;
        self.read(response).await
    }

    async fn send_full(
        &self,
        method: Method,
        client: &reqwest::Client,
        url: &reqwest::Url,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Answer, HttpError> {
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = headers.clone();
        *request.body_mut() = Some(body.into());
        let response = client.execute(request).await.map_err(|error| {
            let connect = error.is_connect();
            let error = error.without_url();
            if connect { HttpError::unreachable(&error) } else { HttpError::lost(chain(&error)) }
        })?;
        self.read(http::Response::from(response)).await
    }

    async fn read<B>(&self, response: http::Response<B>) -> Result<Answer, HttpError>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + 'static,
    {
        let (parts, mut body) = response.into_parts();
        let limit = if parts.status.is_success() { MAX_ANSWER_BYTES } else { MAX_ERROR_BYTES };
        let mut read = Pieces::default();
        while let Some(piece) = self.piece(&mut body).await? {
            if read.len() + piece.len() > limit {
                return over(parts.status, parts.headers);
            }
            read.push(piece);
        }
        Ok(Answer { status: parts.status, headers: parts.headers, body: read.join() })
    }

    /// The next piece of an answer; none at its end.
    async fn piece<B>(&self, body: &mut B) -> Result<Option<Bytes>, HttpError>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + 'static,
    {
        loop {
            let idle = self.config.read_idle_timeout;
            let frame = tokio::time::timeout(idle, body.frame()).await.map_err(|_| {
                HttpError::lost(format!("the answer stood still for {} s", idle.as_secs_f64()))
            })?;
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

    fn goes_direct(&self, uri: &Uri) -> bool {
        uri.scheme_str() == Some("http") && (is_loopback(uri) || self.proxies.intercept(uri).is_none())
    }

    fn full(&self) -> Result<reqwest::Client, WorkerError> {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        match full.as_ref() {
            Some(client) => Ok(client.clone()),
            None => Ok(full.insert(build_full(&self.config)?).clone()),
        }
    }
}

fn direct(config: &HttpConfig) -> DirectClient<HttpConnector, Full<Bytes>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(config.connect_timeout));
    DirectClient::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .build(connector)
}

fn build_full(config: &HttpConfig) -> Result<reqwest::Client, WorkerError> {
    // The process's default may have been set already, by the same program's gRPC side: that one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(config.connect_timeout)
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .http1_only()
        .referer(false)
        // A key must not follow a redirect to another host, and no provider sends one.
        .redirect(reqwest::redirect::Policy::none());
    if config.proxies == ProxyPolicy::None {
        builder = builder.no_proxy();
    }
    if let Some(path) = &config.ca_file {
        builder = builder.tls_certs_merge(authorities(path)?);
    }
    builder.build().map_err(|error| WorkerError::Client { problem: chain(&error) })
}

fn authorities(path: &PathBuf) -> Result<Vec<reqwest::Certificate>, WorkerError> {
    let refuse = |problem: String| WorkerError::CaFile { path: path.clone(), problem };
    let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| refuse(chain(&error)))?;
    if found.is_empty() {
        return Err(refuse("there is no certificate in it".to_owned()));
    }
    Ok(found)
}

fn headers(route: &Route) -> Result<HeaderMap, WorkerError> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("muster/", env!("CARGO_PKG_VERSION"))));
    if let Some(key) = &route.key {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| {
            let problem = "its key has characters that no header can carry".to_owned();
            WorkerError::BadVariable { variable: format!("of account {}", route.account.id), problem }
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
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

/// Answers without a socket, for tests in virtual time.
#[cfg(test)]
pub(crate) mod scripted {
    use std::collections::VecDeque;

    use super::*;

    /// What comes of each request in turn, and how long after it.
    pub(crate) struct Script(Mutex<VecDeque<(Duration, Result<Answer, HttpError>)>>);

    impl Script {
        pub(super) async fn next(&self) -> Result<Answer, HttpError> {
            let next = self.0.lock().expect("script").pop_front();
            let (after, what) = next.expect("a request that the script does not know");
            tokio::time::sleep(after).await;
            what
        }

        pub(crate) fn left(&self) -> usize {
            self.0.lock().expect("script").len()
        }
    }

    impl std::fmt::Debug for Script {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Script")
        }
    }

    pub(crate) fn endpoint(
        script: impl IntoIterator<Item = (Duration, Result<Answer, HttpError>)>,
    ) -> (Endpoint, Arc<Script>) {
        let script = Arc::new(Script(Mutex::new(script.into_iter().collect())));
        (Endpoint { way: Way::Scripted(Arc::clone(&script)), headers: HeaderMap::new() }, script)
    }

    pub(crate) fn answer(
        status: u16,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<Answer, HttpError> {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("a header")))
            .collect();
        let status = StatusCode::from_u16(status).expect("a status");
        Ok(Answer { status, headers, body: Bytes::copy_from_slice(body.as_bytes()) })
    }

    pub(crate) fn fault(fault: Fault) -> Result<Answer, HttpError> {
        Err(HttpError { fault, message: "as scripted".to_owned() })
    }
}
