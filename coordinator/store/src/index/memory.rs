//! An index in memory: for tests, and for a process whose disk takes no index.

use std::collections::BTreeMap;

use muster_core::SweepId;

use super::{Index, Key};
use crate::error::StoreError;
use crate::place::Place;

/// The entries, sorted.
#[derive(Debug, Default)]
pub(crate) struct MemoryIndex {
    entries: BTreeMap<Key, Place>,
    reached: Place,
}

// === impl MemoryIndex ===

impl Index for MemoryIndex {
    fn reached(&self) -> Place {
        self.reached
    }

    fn add(&mut self, entries: Vec<(Key, Place)>, reached: Place) -> Result<(), StoreError> {
        self.entries.extend(entries);
        self.reached = reached;
        Ok(())
    }

    fn remove(&mut self, sweep: SweepId) -> Result<(), StoreError> {
        let beginnings = Key::of_sweep(sweep);
        self.entries
            .retain(|key, _| !beginnings.iter().any(|beginning| key.bytes().starts_with(beginning.bytes())));
        Ok(())
    }

    fn get(&self, key: &Key) -> Result<Option<Place>, StoreError> {
        Ok(self.entries.get(key).copied())
    }

    fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Place>, StoreError> {
        let from = self.entries.range(after.unwrap_or(prefix)..);
        let rows = from.filter(|(key, _)| Some(*key) != after);
        let rows = rows.take_while(|(key, _)| key.bytes().starts_with(prefix.bytes()));
        Ok(rows.take(limit).map(|(_, place)| *place).collect())
    }

    fn flush(&mut self) {}
}
