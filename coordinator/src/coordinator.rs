//! A coordinator in one handle: started from a recovered core and a store, served where asked, stopped in good order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use muster_core::{Core, CoreConfig};
use muster_store::{Archive, Journal};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tonic::transport::Channel;

use crate::driver::{Driver, Inbox, Query, Request};
use crate::error::CoordinatorError;
use crate::grpc::{Pace, Server, Transport};

/// What a coordinator is told at its start.
#[derive(Debug, Clone, Copy)]
pub struct CoordinatorConfig {
    /// A lease ends this long after its worker's last sign of life, in milliseconds.
    pub lease_ttl_ms: u32,
    /// Workers give a sign of life this often, in milliseconds. A sixth of the lease: five may be lost.
    pub beat_ms: u32,
    /// The semantics version of the episode engine that workers must have (`muster_episode::SEMANTICS`).
    pub semantics: u32,
}

/// A running coordinator.
pub struct Coordinator {
    inbox: Inbox,
    server: Server,
    ended: watch::Receiver<Option<Result<(), Arc<CoordinatorError>>>>,
}

// === impl CoordinatorConfig ===

impl CoordinatorConfig {
    /// The usual times: leases of 30 s, a beat every 5 s.
    #[must_use]
    pub fn new(semantics: u32) -> Self {
        Self { lease_ttl_ms: 30_000, beat_ms: 5_000, semantics }
    }

    /// What the core must be told, so that both keep the same times.
    #[must_use]
    pub fn core(&self) -> CoreConfig {
        CoreConfig { lease_ttl_ms: u64::from(self.lease_ttl_ms), ..CoreConfig::default() }
    }
}

// === impl Coordinator ===

impl Coordinator {
    /// Starts the driver. Serves nobody yet.
    ///
    /// # Errors
    /// When the committing thread can't be started.
    pub fn start(
        config: CoordinatorConfig,
        core: Core,
        journal: Box<dyn Journal>,
        archive: Arc<dyn Archive>,
    ) -> Result<Self, CoordinatorError> {
        let (driver, inbox) = Driver::new(core, journal)?;
        let (end, ended) = watch::channel(None);
        tokio::spawn(async move {
            let result = driver.run().await.map_err(Arc::new);
            if let Err(error) = &result {
                tracing::error!(%error, "coordinator failed");
            }
            end.send_replace(Some(result));
        });
        let pace =
            Pace { beat_ms: config.beat_ms, lease_ttl_ms: config.lease_ttl_ms, semantics: config.semantics };
        Ok(Self { server: Server::new(inbox.clone(), archive, pace), inbox, ended })
    }

    /// A channel to this coordinator inside the process.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn channel(&self) -> Result<Channel, CoordinatorError> {
        self.server.in_memory().await
    }

    /// Serves on a loopback TCP address; returns the address, with the port that was taken for port 0.
    ///
    /// # Errors
    /// When the address is not loopback, or can't be listened on.
    pub async fn listen(&self, address: SocketAddr) -> Result<SocketAddr, CoordinatorError> {
        if !address.ip().is_loopback() {
            return Err(CoordinatorError::NotLoopback(address));
        }
        let failed = |source| CoordinatorError::Listen { address: address.to_string(), source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        self.server.serve(Transport::Tcp(listener)).await;
        Ok(local)
    }

    /// Serves on a Unix socket, whose folder's permissions say who may connect. One left by a dead process is replaced;
    /// the caller holds the data directory's lock.
    ///
    /// # Errors
    /// When it can't be listened on.
    pub async fn listen_unix(&self, socket: &Path) -> Result<(), CoordinatorError> {
        let failed = |source| CoordinatorError::Listen { address: socket.display().to_string(), source };
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(socket).map_err(failed)?;
        self.server.serve(Transport::Unix(listener)).await;
        Ok(())
    }

    /// Grants nothing more and tells the workers so.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn drain(&self) -> Result<(), CoordinatorError> {
        self.inbox.send(Request::Drain).await
    }

    /// Waits until somebody has asked to drain, in this process or over the wire. Whoever owns the coordinator then stops
    /// it once it is quiet.
    pub async fn draining(&self) {
        self.inbox.draining().await;
    }

    /// Whether no lease is out and nothing is granted any more.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn is_quiet(&self) -> Result<bool, CoordinatorError> {
        self.inbox.ask(|to| Request::Query(Query::Quiet(to))).await
    }

    /// Waits for the driver's end. Only a failed store ends it by itself.
    ///
    /// # Errors
    /// What ended it.
    pub async fn ended(&self) -> Result<(), Arc<CoordinatorError>> {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or(Ok(())),
            Err(_) => Err(Arc::new(CoordinatorError::Ended)),
        }
    }

    /// Stops: makes durable what is known, then cuts the streams.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn stop(self) -> Result<(), Arc<CoordinatorError>> {
        drop(self.inbox.ask(|stopped| Request::Stop { stopped }).await);
        let result = self.ended().await;
        self.server.stop().await;
        result
    }
}
