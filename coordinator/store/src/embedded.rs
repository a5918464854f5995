//! The store on disk: a journal that carries the durability, and sled as an index over it.

use std::path::Path;

use crate::contract::{Store, Visit};
use crate::error::StoreError;

/// How an embedded store is opened. The default is right for production.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment is sealed when it has grown to this many bytes.
    pub segment_bytes: u64,
    /// Facts after which a snapshot is due.
    pub snapshot_facts: u64,
    /// The most memory that the index caches, in bytes.
    pub index_cache_bytes: u64,
}

/// Opens the data directory `dir`, making it if it is not there, and hands all that it remembers to `visit`.
///
/// # Errors
/// Any of [`StoreError`]; nothing is lost by it.
pub fn open(dir: &Path, options: &Options, visit: &mut Visit<'_>) -> Result<Store, StoreError> {
    let _ = (dir, options, visit);
    todo!()
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, snapshot_facts: 100_000, index_cache_bytes: 16 << 20 }
    }
}
