//! Serving over TCP, a Unix socket, or memory. The same services and messages in all three.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use muster_proto::v1::control_server::ControlServer;
use muster_proto::v1::work_server::WorkServer;
use muster_proto::{MESSAGE_MAX_BYTES, v1};
use muster_store::Archive;
use tokio::io::DuplexStream;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::server::Router;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::driver::Inbox;
use crate::error::CoordinatorError;
use crate::grpc::control::ControlService;
use crate::grpc::work::{Pace, WorkService};

/// A worker whose machine has vanished is noticed within this time, twice.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A stream's flow-control window: one full message and what is acknowledged meanwhile.
const WINDOW_BYTES: u32 = 2 * (1 << 20) + 64 * 1024;

/// A connection's window: sixteen streams that nobody reads may fill theirs before one that is read has to wait.
const CONNECTION_WINDOW_BYTES: u32 = 16 * WINDOW_BYTES;

/// The buffer of an in-memory connection, each way.
const DUPLEX_BYTES: usize = 1 << 20;

/// In-memory connections that may wait to be accepted.
const DUPLEX_WAITING: usize = 16;

/// The services, and the tasks that serve them.
pub(crate) struct Server {
    inbox: Inbox,
    archive: Arc<dyn Archive>,
    pace: Pace,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Where to serve.
pub(crate) enum Transport {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

// === impl Server ===

impl Server {
    pub(crate) fn new(inbox: Inbox, archive: Arc<dyn Archive>, pace: Pace) -> Self {
        Self { inbox, archive, pace, tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// Serves until stopped.
    pub(crate) async fn serve(&self, transport: Transport) {
        let router = self.router().await;
        let stop = self.stop.clone().cancelled_owned();
        self.tasks.spawn(async move {
            let served = match transport {
                Transport::Tcp(listener) => {
                    let incoming =
                        tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
                    router.serve_with_incoming_shutdown(incoming, stop).await
                }
                Transport::Unix(listener) => {
                    router.serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop).await
                }
            };
            if let Err(error) = served {
                tracing::error!(%error, "serving failed");
            }
        });
    }

    /// A channel to these services that never leaves the process.
    pub(crate) async fn in_memory(&self) -> Result<Channel, CoordinatorError> {
        let (connections, incoming) = mpsc::channel::<io::Result<DuplexStream>>(DUPLEX_WAITING);
        let router = self.router().await;
        let stop = self.stop.clone().cancelled_owned();
        self.tasks.spawn(async move {
            let incoming = ReceiverStream::new(incoming);
            if let Err(error) = router.serve_with_incoming_shutdown(incoming, stop).await {
                tracing::error!(%error, "serving in memory failed");
            }
        });
        let connector = tower::service_fn(move |_: Uri| {
            let connections = connections.clone();
            async move {
                let (ours, theirs) = tokio::io::duplex(DUPLEX_BYTES);
                let gone = |_| io::Error::new(io::ErrorKind::ConnectionRefused, "the coordinator has ended");
                connections.send(Ok(theirs)).await.map_err(gone)?;
                Ok::<_, io::Error>(TokioIo::new(ours))
            }
        });
        Ok(endpoint("http://in-memory").connect_with_connector(connector).await?)
    }

    /// Stops serving: no new calls; open streams are cut.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn router(&self) -> Router {
        let work =
            WorkService { inbox: self.inbox.clone(), archive: Arc::clone(&self.archive), pace: self.pace };
        let control = ControlService { inbox: self.inbox.clone(), archive: Arc::clone(&self.archive) };
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<WorkServer<WorkService>>().await;
        reporter.set_serving::<ControlServer<ControlService>>().await;
        let mut server = tonic::transport::Server::builder()
            .tcp_nodelay(true)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE))
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        let mut router = server
            .add_service(health)
            .add_service(WorkServer::new(work).max_decoding_message_size(MESSAGE_MAX_BYTES))
            .add_service(ControlServer::new(control).max_decoding_message_size(MESSAGE_MAX_BYTES));
        // In both versions: gRPC's own Python package still asks in the older one only.
        match (reflection().build_v1(), reflection().build_v1alpha()) {
            (Ok(newer), Ok(older)) => router = router.add_service(newer).add_service(older),
            (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "no reflection service"),
        }
        router
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(v1::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// How a client reaches a coordinator at an address; the same settings as the server's.
fn endpoint(address: &'static str) -> Endpoint {
    tune(Endpoint::from_static(address))
}

/// A client's settings.
#[must_use]
pub fn tune(endpoint: Endpoint) -> Endpoint {
    endpoint
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
}

/// A channel to a coordinator's Unix socket.
///
/// # Errors
/// When nobody listens there.
pub async fn connect_unix(socket: &Path) -> Result<Channel, tonic::transport::Error> {
    let socket: PathBuf = socket.to_owned();
    let connector = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    endpoint("http://unix-socket").connect_with_connector(connector).await
}
