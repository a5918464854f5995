//! What Muster remembers. A [`Journal`] makes the core's records durable, an [`Archive`] answers questions about them.
//!
//! Two implementations, one conformance suite: [`Memory`] for simulations and tests, [`embedded`] (a journal on disk with
//! sled as its index) for everything else. A result costs real money, so the journal is the only truth: the index may
//! be deleted at any time and is rebuilt from it.

mod contract;
pub mod embedded;
mod error;
mod memory;

pub use contract::{
    Archive, BundleHash, EndedRecord, EpisodeKey, Journal, RecoveryReport, Replay, Store, Stream, TornTail, Visit,
};
pub use error::StoreError;
pub use memory::Memory;
