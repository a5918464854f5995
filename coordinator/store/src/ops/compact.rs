//! `muster store compact`: gives back the space of removed sweeps and of turns that belong to no transcript, and packs finished
//! episodes closer.
//!
//! What came after the last snapshot is left as it is, so a coordinator that has taken one when it ended leaves the most to gain.

use std::path::Path;
use std::sync::Arc;

use super::rewrite::{self, Care};
use crate::directory;
use crate::embedded::SEGMENT_BYTES;
use crate::error::StoreError;
use crate::files::Files;
use crate::manifest::Folder;
use crate::recovery;

/// What was gained.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactReport {
    /// Bytes of the journal before.
    pub bytes_before: u64,
    /// Bytes of the journal now.
    pub bytes_after: u64,
    /// Ended episodes kept.
    pub episodes: u64,
    /// Of these, episodes whose turns became one record.
    pub merged: u64,
}

/// Writes the journal of `dir` anew. A crash at any moment leaves either the old one or the new one.
///
/// # Errors
/// [`StoreError::Damaged`] if any of it is damaged: then nothing changes. Others as the disk has them.
pub fn compact(dir: &Path) -> Result<CompactReport, StoreError> {
    compact_on(&super::real(), dir, SEGMENT_BYTES)
}

/// As [`compact`], on a disk of one's own, in segments of one's own size.
///
/// # Errors
/// As for [`compact`].
pub fn compact_on(
    files: &Arc<dyn Files>,
    dir: &Path,
    segment_bytes: u64,
) -> Result<CompactReport, StoreError> {
    let held = directory::hold(files, dir)?;
    // Cuts off what a crash left, and refuses what is damaged.
    let found = recovery::recover(&held.folder, &held.root, &mut |_| Ok(()))?;
    if let Some(lost) = found.report.lost.first() {
        return Err(StoreError::damaged(&held.folder.dir, 0, lost.clone()));
    }
    let bytes_before = bytes(&held.folder)?;
    let snapshot = recovery::usable_snapshot(&held.folder)?.0;
    let rewritten = rewrite::rewrite(files, &held, snapshot, Care::Refuse, segment_bytes)?;
    rewritten.put_in_force(files, dir)?;
    let old = held.folder.dir.clone();
    files.remove_dir_all(&old).map_err(|error| StoreError::io("remove", &old, error))?;
    let now = directory::manifest_of(files, dir)?.folder(files, dir);
    Ok(CompactReport {
        bytes_before,
        bytes_after: bytes(&now)?,
        episodes: rewritten.episodes,
        merged: rewritten.merged,
    })
}

/// Bytes of a journal's files.
fn bytes(folder: &Folder) -> Result<u64, StoreError> {
    let wrap = |error| StoreError::io("read", &folder.dir, error);
    let names = folder.files.list(&folder.dir).map_err(wrap)?;
    let lengths = names.iter().map(|name| folder.files.open(&folder.dir.join(name))?.len());
    lengths.sum::<std::io::Result<u64>>().map_err(wrap)
}
