//! The socket: connections are accepted up to a bound, served, and let go of when the provider stops.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ProviderConfig;
use crate::error::ProviderError;
use crate::fault::FaultPlan;
use crate::ledger::Stats;
use crate::limits::Limits;
use crate::service::Service;

/// A connection may take so long over its next request's head before it is closed; idle ones wait longer in silence.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);

/// After an accept that failed (no file descriptor left) the next one waits, or it would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The fake provider.
#[derive(Debug)]
pub struct Provider;

/// A provider that serves. Dropped, it stops too, but no one waits for it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    service: Arc<Service>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

// === impl Provider ===

impl Provider {
    /// Listen and serve, on the current runtime, until stopped.
    ///
    /// # Errors
    /// The address can't be listened on.
    pub async fn start(config: ProviderConfig) -> Result<Running, ProviderError> {
        let address = config.listen;
        let refuse = |problem| ProviderError::Listen { address, problem };
        let listener = TcpListener::bind(address).await.map_err(refuse)?;
        let running = Running {
            address: listener.local_addr().map_err(refuse)?,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            service: Arc::new(Service::new(config.clone())),
        };
        let places = usize::try_from(config.max_connections.max(1)).unwrap_or(usize::MAX);
        let acceptor = Acceptor {
            listener,
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            service: Arc::clone(&running.service),
            stop: running.stop.clone(),
            tasks: running.tasks.clone(),
        };
        let stop = running.stop.clone();
        running.tasks.spawn(async move { stop.run_until_cancelled(acceptor.run()).await });
        Ok(running)
    }
}

// === impl Running ===

impl Running {
    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The base address of its API, as `<SERVICE>_BASE_URL` wants it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The base address of Gemini's API.
    #[must_use]
    pub fn gemini_url(&self) -> String {
        format!("http://{}/v1beta", self.address)
    }

    /// Other limits from now on: for one model, or for all that have none of their own. What was owed stays owed.
    pub fn set_limits(&self, model: Option<&str>, limits: Limits) {
        self.service.set_limits(model, limits);
    }

    /// Refuse the next request, of a model or of any, with a 429 that says to wait so long.
    pub fn refuse_next(&self, model: Option<&str>, wait: Duration) {
        self.service.refuse_next(model, wait);
    }

    /// Other faults from now on.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.service.set_faults(plan);
    }

    /// What it has served so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// Stop: connections are dropped as they are, and nothing of it is left when this returns.
    pub async fn stop(self) -> Stats {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.stats()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Accepts connections.
struct Acceptor {
    listener: TcpListener,
    places: Arc<Semaphore>,
    service: Arc<Service>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

// === impl Acceptor ===

impl Acceptor {
    async fn run(self) {
        // The semaphore is never closed.
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    self.failed(&error).await;
                    continue;
                }
            };
            let (service, stop) = (Arc::clone(&self.service), self.stop.clone());
            self.tasks.spawn(async move {
                stop.run_until_cancelled(connection(stream, service)).await;
                drop(place);
            });
        }
    }

    async fn failed(&self, error: &io::Error) {
        tracing::warn!(%error, "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

async fn connection(stream: TcpStream, service: Arc<Service>) {
    // Without it a small answer may wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let serve = service_fn(move |request| Arc::clone(&service).serve(request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), serve)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke");
    }
}
