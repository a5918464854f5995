//! What Muster remembers. A [`Journal`] makes the core's records durable, an [`Archive`] answers questions about them.
//!
//! Two implementations, one conformance suite: [`Memory`] for simulations and tests, [`embedded`] (a journal on disk with
//! sled as its index) for everything else. A result costs real money, so the journal is the only truth: the index may
//! be deleted at any time and is rebuilt from it.

mod bundles;
mod chains;
mod contract;
mod dictionary;
mod directory;
pub mod embedded;
mod error;
pub mod files;
mod follow;
mod format;
mod frame;
mod index;
mod interleave;
mod limits;
mod log;
mod lookup;
mod manifest;
mod memory;
pub mod ops;
mod packing;
mod place;
mod record;
mod recovery;
mod segment;
mod sequence;
mod snapshots;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod writer;

pub use contract::{
    Archive, BundleHash, EndedRecord, EpisodeKey, Journal, RecoveryReport, Replay, Store, Stream, TornTail,
    Visit,
};
pub use error::StoreError;
pub use log::Problem;
pub use memory::Memory;
