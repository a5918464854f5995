//! `muster store rebuild`: for a data directory that is damaged. Keeps what is whole and sets the rest aside.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::rewrite::{self, Care};
use crate::directory::{self, Held};
use crate::embedded::SEGMENT_BYTES;
use crate::error::StoreError;
use crate::files::{Files, SyncPoint};
use crate::log::Problem;
use crate::manifest;
use crate::recovery::QUARANTINE;
use crate::snapshots::{self, Restored};

/// What was kept and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RebuildReport {
    /// Facts kept.
    pub facts: u64,
    /// Turns kept.
    pub turns: u64,
    /// Ended episodes kept.
    pub episodes: u64,
    /// What was damaged. Of an episode with a damaged turn the outcome is kept, and its turns before that one.
    pub problems: Vec<Problem>,
    /// Where the journal as it was has been put, if anything of it was damaged.
    pub set_aside: Option<PathBuf>,
}

/// Writes the journal of `dir` anew from what of it is whole. The index is rebuilt at the next start.
///
/// # Errors
/// As the disk has them. A crash at any moment leaves either the old journal or the new one.
pub fn rebuild(dir: &Path) -> Result<RebuildReport, StoreError> {
    rebuild_on(&super::real(), dir)
}

/// As [`rebuild`], on a disk of one's own.
///
/// # Errors
/// As for [`rebuild`].
pub fn rebuild_on(files: &Arc<dyn Files>, dir: &Path) -> Result<RebuildReport, StoreError> {
    directory::restore_manifest(files, dir)?;
    let held = directory::hold(files, dir)?;
    let snapshot = newest_snapshot(&held)?;
    let rewritten = rewrite::rewrite(files, &held, snapshot, Care::Keep, SEGMENT_BYTES)?;
    let set_aside = match rewritten.problems.is_empty() {
        true => None,
        false => Some(set_aside(files, &held)?),
    };
    rewritten.put_in_force(files, dir)?;
    let old = &held.folder.dir;
    files.remove_dir_all(old).map_err(|error| StoreError::io("remove", old, error))?;
    remove_index(dir)?;
    let rewrite::Rewritten { facts, turns, episodes, problems, .. } = rewritten;
    Ok(RebuildReport { facts, turns, episodes, problems, set_aside })
}

/// Also one that the journal no longer reaches up to: it knows what was acknowledged.
fn newest_snapshot(held: &Held) -> Result<Option<Restored>, StoreError> {
    for number in snapshots::numbers(&held.folder)?.into_iter().rev() {
        if let Some(found) = snapshots::read(&held.folder, number)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Gives the journal's files second names in the quarantine, before the first ones go.
fn set_aside(files: &Arc<dyn Files>, held: &Held) -> Result<PathBuf, StoreError> {
    let from = &held.folder.dir;
    let wrap = |error| StoreError::io("set aside", from, error);
    let place = free_place(files, held)?;
    files.create_dir_all(&place).map_err(wrap)?;
    for name in files.list(from).map_err(wrap)? {
        files.link_or_copy(&from.join(&name), &place.join(&name)).map_err(wrap)?;
    }
    for dir in [&place, &held.root.join(QUARANTINE)] {
        files.sync_dir(dir, SyncPoint::Aside).map_err(wrap)?;
    }
    Ok(place)
}

fn free_place(files: &Arc<dyn Files>, held: &Held) -> Result<PathBuf, StoreError> {
    let quarantine = directory::quarantine(files, &held.root)?;
    let name = manifest::folder_name(held.folder.journal);
    let names = std::iter::once(name.clone()).chain((2..).map(|nth| format!("{name}-{nth}")));
    let mut places = names.map(|name| quarantine.join(name));
    // There are more numbers than folders.
    Ok(places.find(|place| !files.exists(place)).unwrap_or(quarantine))
}

fn remove_index(dir: &Path) -> Result<(), StoreError> {
    let index = dir.join(directory::INDEX);
    match std::fs::remove_dir_all(&index) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", &index, error))
        }
        _ => Ok(()),
    }
}
