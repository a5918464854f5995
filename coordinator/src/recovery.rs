//! From what a store remembers to a core that goes on where the last one stopped.

use muster_core::{Core, CoreConfig};
use muster_store::{Replay, Store, StoreError, Visit};

/// Opens a store with `open` and rebuilds the core from all that it remembers.
///
/// # Errors
/// Those of the store.
pub fn recover(
    config: CoreConfig,
    open: impl FnOnce(&mut Visit<'_>) -> Result<Store, StoreError>,
) -> Result<(Core, Store), StoreError> {
    let mut core = Core::new(config);
    let store = open(&mut |piece| {
        match piece {
            Replay::Snapshot(snapshot) => core = Core::restore(config, &snapshot),
            Replay::Fact(fact) => core.apply(&fact),
            Replay::Turn { lease, index, usage } => core.apply_turn(lease, index, &usage),
        }
        Ok(())
    })?;
    Ok((core, store))
}
