//! The gRPC services: thin shells that turn messages into requests to the driver and reads of the archive.

mod control;
mod convert;
mod limits;
mod server;
mod work;

use muster_store::StoreError;
use tonic::Status;

pub(crate) use server::{Server, Transport};
pub use server::{connect_unix, tune};
pub(crate) use work::Pace;

/// Runs a read of the store where it may block.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Status> {
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| Status::internal("a read of the store panicked: please report it"))?
        .map_err(|error| Status::internal(error.to_string()))
}
