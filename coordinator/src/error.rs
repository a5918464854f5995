//! What can end a coordinator, or keep it from starting.

use std::io;
use std::net::SocketAddr;

use muster_store::StoreError;

/// Why a coordinator can't start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// A record could not be made durable. The process must end: what a failed write left behind is only known after
    /// a recovery. What was acknowledged is safe.
    #[error(
        "the store failed, and the coordinator stopped so that nothing is acknowledged that is not durable: {0}"
    )]
    Store(#[from] StoreError),
    /// An address that would put an open port on the network.
    #[error(
        "{0} is not a loopback address, and this coordinator has no TLS yet: listen on 127.0.0.1 or [::1], \
         and reach it from other machines through a tunnel (for example ssh -L)"
    )]
    NotLoopback(SocketAddr),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address, or the socket's path.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("can't start the committing thread: {0}")]
    Thread(io::Error),
    /// The serving task ended with an error.
    #[error("serving failed: {0}")]
    Serve(#[from] tonic::transport::Error),
    /// The driver has ended; the reason was given to whoever waits for it.
    #[error("the coordinator has ended")]
    Ended,
}
