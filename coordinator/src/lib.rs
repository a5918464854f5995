//! The coordinator of Muster: the driver loop around the pure core, the store behind it, and the gRPC services in
//! front of it.
//!
//! ```text
//! streams, users --Request--> driver --step--> core
//!                               |  \--Batch--> committing thread (journal, fsync)
//!                               |<--Durable---/
//!                               \--Outgoing--> streams
//! ```

mod commit;
mod coordinator;
mod driver;
mod error;
mod grpc;
mod recovery;
mod session;

pub use coordinator::{Coordinator, CoordinatorConfig};
pub use error::CoordinatorError;
pub use grpc::{connect_unix, tune};
pub use recovery::recover;
