//! The wire of Muster: generated from `muster/v1/*.proto`, whose comments are the protocol. Nothing else is here.

/// Version 1 of the protocol.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("muster.v1");

    /// The descriptors of all files, for the reflection service.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/muster.bin"));
}

/// A sender closes a message of many events at this size, in bytes.
pub const MESSAGE_TARGET_BYTES: usize = 1 << 20;

/// The largest message that either side accepts: one closed at 1 MiB whose last event was of the largest size, 6.5 MiB,
/// and room.
pub const MESSAGE_MAX_BYTES: usize = 8 << 20;

/// The largest packed bundle, in bytes.
pub const BUNDLE_MAX_BYTES: usize = 64 << 20;

/// The size of a bundle's chunks, in bytes.
pub const BUNDLE_CHUNK_BYTES: usize = 1 << 20;
