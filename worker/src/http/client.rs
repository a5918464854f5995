//! The two clients under the one: hyper's own, and reqwest.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client as DirectClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{HttpConfig, ProxyPolicy, chain};
use crate::error::WorkerError;

/// Idle connections kept per host: one for each of 1,000 episodes at once, and some.
const MAX_IDLE_CONNECTIONS: usize = 1_024;

/// Idle connections are closed before servers do it: most wait 60 s or more, and a request sent into a connection that
/// closes just then is lost, and may have been paid for.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// A connection on which nothing comes is probed after so long: an answer may take an hour, and a peer that is gone must
/// not be waited for as long. It also keeps the routers on the way from forgetting it.
const ALIVE_AFTER: Duration = Duration::from_secs(30);

/// Between two probes that are not answered.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// After so many the peer is gone.
const ALIVE_PROBES: u32 = 4;

/// The client for plain http.
pub(super) fn direct(config: &HttpConfig) -> DirectClient<HttpConnector, Full<Bytes>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(config.connect_timeout));
    connector.set_keepalive(Some(ALIVE_AFTER));
    connector.set_keepalive_interval(Some(ALIVE_EVERY));
    connector.set_keepalive_retries(Some(ALIVE_PROBES));
    DirectClient::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .build(connector)
}

/// The client for TLS and proxies.
pub(super) fn full(config: &HttpConfig) -> Result<reqwest::Client, WorkerError> {
    // The process's default may have been set already, by the same program's gRPC side: that one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(config.connect_timeout)
        .tcp_keepalive(ALIVE_AFTER)
        .tcp_keepalive_interval(ALIVE_EVERY)
        .tcp_keepalive_retries(ALIVE_PROBES)
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
