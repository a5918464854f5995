//! `muster store rm`: removes a sweep. The space comes back with `compact`.

use std::path::Path;

use muster_core::{Fact, Record, SweepId};

use crate::contract::Replay;
use crate::embedded::{self, IndexKind, Options};
use crate::error::StoreError;

/// Removes a sweep and all its records, where no coordinator runs; a running one does it by itself.
///
/// # Errors
/// [`StoreError::Invalid`] if there is no such sweep.
pub fn remove_sweep(dir: &Path, sweep: SweepId) -> Result<(), StoreError> {
    let options = Options { index: IndexKind::Memory, ..Options::default() };
    let mut there = false;
    super::usage::must_be_there(dir)?;
    let mut store = embedded::open(dir, &options, &mut |piece| {
        match piece {
            Replay::Snapshot(core) => there |= core.sweeps.iter().any(|found| found.id == sweep),
            Replay::Fact(Fact::Submitted { sweep: found, .. }) => there |= found == sweep,
            Replay::Fact(Fact::Removed { sweep: found }) => there &= found != sweep,
            _ => {}
        }
        Ok(())
    })?;
    if !there {
        return Err(StoreError::Invalid(format!("there is no sweep {sweep}")));
    }
    store.journal.commit(&[Record::Fact(Fact::Removed { sweep })])
}
