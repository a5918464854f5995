//! What can go wrong with a store, and what can be done about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the directory open.
    #[error(
        "{} is in use by another process: stop it, or ask it (`--coordinator URL`), or take another `--data-dir`", dir.display()
    )]
    InUse {
        /// The data directory.
        dir: PathBuf,
    },
    /// The directory was written by a newer release.
    #[error(
        "{} is of format {found}, this release reads up to {newest}: use the newer release; nothing was touched", dir.display()
    )]
    NewerFormat {
        /// The data directory.
        dir: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that this release knows.
        newest: u32,
    },
    /// The directory holds something else.
    #[error("{} is not empty and not a data directory of Muster: name another one; nothing was touched", dir.display())]
    NotOurs {
        /// The directory.
        dir: PathBuf,
    },
    /// There is no data directory there.
    #[error("there is no data directory at {}", dir.display())]
    Missing {
        /// Where.
        dir: PathBuf,
    },
    /// Bytes on disk are not those that were written, and no crash does that.
    #[error(
        "{} is damaged at byte {offset}: {what}; `muster store verify` says how much, `muster store rebuild` keeps what \
         is whole and sets the rest aside", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// The disk refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried (`write`, `sync`, `open`).
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The disk is full.
    #[error("the disk is full: cannot {action} {}; make room and start again, nothing acknowledged is lost", path.display())]
    Full {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
    },
    /// An earlier commit failed, so what is on disk is not known.
    #[error("the journal failed before ({cause}) and takes nothing more: end the process and start again")]
    Poisoned {
        /// The first failure.
        cause: String,
    },
    /// A record can't follow those before it. Nothing was written.
    #[error("the record can't be stored: {0}")]
    Invalid(String),
    /// The one who replays the journal can't make sense of it.
    #[error("the journal can't be replayed: {0}")]
    Refused(String),
    /// The index over the journal failed. The journal is not touched by it.
    #[error("the index failed: {0}; it is rebuilt at the next start")]
    Index(String),
}

// === impl StoreError ===

impl StoreError {
    /// What became of `action` on `path`.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { action, path },
            _ => Self::Io { action, path, source },
        }
    }

    /// Damage found at `offset` of `path`.
    pub(crate) fn damaged(path: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), offset, what: what.into() }
    }
}
