//! `muster store backup`: a copy of a data directory, also while a coordinator runs.
//!
//! The order makes it consistent without a word to the writer: snapshots are copied first, then facts, then turns. A snapshot speaks of
//! facts written before it, and a fact of turns written before it; so whatever the copy holds, what it speaks of is copied later
//! and is there. Turns that came after the last fact copied are cut off when the copy is opened, which happens here already.

use std::path::Path;
use std::sync::Arc;

use crate::bundles;
use crate::contract::Stream;
use crate::directory;
use crate::embedded::{self, IndexKind, Options};
use crate::error::StoreError;
use crate::files::{Files, SyncPoint, read_all, write_all};
use crate::manifest::{self, Folder};
use crate::snapshots;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackupReport {
    /// Segments whose bytes the copy shares with the original, where both are on one file system.
    pub sealed_segments: u64,
    /// Facts that a start from the copy replays.
    pub facts: u64,
    /// Bytes copied or shared.
    pub bytes: u64,
}

/// Copies the data directory `dir` to `dest`, which must be new or empty. The copy is durable when this returns, and was
/// opened once to see that it is whole. Its index is rebuilt when it is first used.
///
/// # Errors
/// [`StoreError::NotOurs`] if `dest` holds something already; [`StoreError::Damaged`] if what was copied is damaged.
pub fn backup(dir: &Path, dest: &Path) -> Result<BackupReport, StoreError> {
    backup_on(&super::real(), dir, dest)
}

/// As [`backup`], on a disk of one's own.
///
/// # Errors
/// As for [`backup`].
pub fn backup_on(files: &Arc<dyn Files>, dir: &Path, dest: &Path) -> Result<BackupReport, StoreError> {
    let manifest = directory::manifest_of(files, dir)?;
    must_be_new(files, dest)?;
    let (from, to) = (manifest.folder(files, dir), manifest.folder(files, dest));
    let mut report = BackupReport::default();
    for dir in [&to.dir, &dest.join(bundles::FOLDER)] {
        files.create_dir_all(dir).map_err(|error| StoreError::io("make", dir, error))?;
    }
    copy_snapshots(&from, &to, &mut report)?;
    for stream in Stream::ALL {
        copy_stream(&from, &to, stream, &mut report)?;
    }
    copy_bundles(files, dir, dest, &mut report)?;
    for dir in [&to.dir, &dest.join(bundles::FOLDER), dest] {
        sync(files, dir)?;
    }
    manifest.write_copy(files, dest)?;
    manifest.write(&**files, dest)?;
    manifest::sync_names(&**files, dest)?;
    let options = Options { index: IndexKind::Memory, ..Options::default() };
    let store = embedded::open_on(files, dest, &options, &mut |_| Ok(()))?;
    report.facts = store.report.facts;
    Ok(report)
}

fn must_be_new(files: &Arc<dyn Files>, dest: &Path) -> Result<(), StoreError> {
    if !files.exists(dest) {
        return Ok(());
    }
    let names = files.list(dest).map_err(|error| StoreError::io("read", dest, error))?;
    if names.is_empty() { Ok(()) } else { Err(StoreError::NotOurs { dir: dest.to_owned() }) }
}

fn copy_snapshots(from: &Folder, to: &Folder, report: &mut BackupReport) -> Result<(), StoreError> {
    for number in snapshots::numbers(from)? {
        // A running coordinator may have removed it since: then there is a newer one, or the journal from its beginning.
        if from.files.exists(&snapshots::path(from, number)) || from.base == Some(number) {
            copy(&from.files, &snapshots::path(from, number), &snapshots::path(to, number), report)?;
        }
    }
    Ok(())
}

fn copy_stream(
    from: &Folder,
    to: &Folder,
    stream: Stream,
    report: &mut BackupReport,
) -> Result<(), StoreError> {
    let segments = from.segments(stream)?;
    let last = segments.last().copied();
    for segment in segments {
        let (path, copied) = (from.path(stream, segment), to.path(stream, segment));
        if Some(segment) == last {
            // It may be written to at this moment; sealed ones never are again.
            copy(&from.files, &path, &copied, report)?;
            continue;
        }
        let len = from.files.open(&path).and_then(|file| file.len());
        report.bytes += len.map_err(|error| StoreError::io("read", &path, error))?;
        report.sealed_segments += 1;
        from.files.link_or_copy(&path, &copied).map_err(|error| StoreError::io("copy", &path, error))?;
        let synced = from.files.open_write(&copied).and_then(|file| file.sync(SyncPoint::Backup));
        synced.map_err(|error| StoreError::io("sync", &copied, error))?;
    }
    Ok(())
}

fn copy_bundles(
    files: &Arc<dyn Files>,
    dir: &Path,
    dest: &Path,
    report: &mut BackupReport,
) -> Result<(), StoreError> {
    let (from, to) = (dir.join(bundles::FOLDER), dest.join(bundles::FOLDER));
    let names = files.list(&from).map_err(|error| StoreError::io("read", &from, error))?;
    for name in names.iter().filter(|name| bundles::hash_of(name).is_some()) {
        copy(files, &from.join(name), &to.join(name), report)?;
    }
    Ok(())
}

fn copy(files: &Arc<dyn Files>, from: &Path, to: &Path, report: &mut BackupReport) -> Result<(), StoreError> {
    let run = || {
        let bytes = read_all(&*files.open(from)?)?;
        let file = files.open_write(to)?;
        write_all(&*file, &bytes, 0)?;
        file.sync(SyncPoint::Backup)?;
        Ok(bytes.len() as u64)
    };
    report.bytes += run().map_err(|error| StoreError::io("copy", from, error))?;
    Ok(())
}

fn sync(files: &Arc<dyn Files>, dir: &Path) -> Result<(), StoreError> {
    files.sync_dir(dir, SyncPoint::BackupNames).map_err(|error| StoreError::io("sync", dir, error))
}
