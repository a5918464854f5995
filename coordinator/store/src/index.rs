//! What an index over the journal is: places by key. It holds nothing that the journal does not.

mod block;
mod key;
mod memory;
mod sled;

pub(crate) use self::key::{Key, ScoreTag};
pub(crate) use self::memory::MemoryIndex;
pub(crate) use self::sled::SledIndex;

use muster_core::SweepId;

use crate::error::StoreError;
use crate::place::Place;

/// Keys to places, and how far in the facts the index has come.
pub(crate) trait Index: std::fmt::Debug + Send {
    /// Everything before this place of the facts is in the index.
    fn reached(&self) -> Place;

    /// Adds entries and moves on, all or nothing. A key that is there already gets the new place.
    fn add(&mut self, entries: Vec<(Key, Place)>, reached: Place) -> Result<(), StoreError>;

    /// Removes all entries of a sweep.
    fn remove(&mut self, sweep: SweepId) -> Result<(), StoreError>;

    /// The place of a key.
    fn get(&self, key: &Key) -> Result<Option<Place>, StoreError>;

    /// The places of the keys that share a key's beginning (see `Key`), in order, at most `limit`, from the first after `after`.
    fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Place>, StoreError>;

    /// Makes it durable, as far as that goes.
    fn flush(&mut self);
}
