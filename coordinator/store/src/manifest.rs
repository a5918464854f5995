//! The MANIFEST: a data directory's format version, its identity, and which folder holds its journal. A rewritten journal
//! takes effect by the renaming of this one file.

use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::contract::Stream;
use crate::error::StoreError;
use crate::files::{Files, SyncPoint, read_all, write_all};
use crate::frame::Salt;

/// The newest format that this release reads and the one that it writes.
pub(crate) const FORMAT: u32 = 1;

pub(crate) const FILE: &str = "MANIFEST";
pub(crate) const NEW_FILE: &str = "MANIFEST.new";

/// What stands in a MANIFEST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Drawn when the directory was made.
    pub(crate) id: [u8; 16],
    /// The number of the journal's folder, from 1; a rewritten journal gets the next.
    pub(crate) journal: u32,
    /// The number of the snapshot without which this journal can't be replayed, if it was rewritten from one.
    pub(crate) base: Option<u32>,
}

/// A journal's folder: where its segments are and what salts them.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) dir: PathBuf,
    id: [u8; 16],
    pub(crate) journal: u32,
    pub(crate) base: Option<u32>,
}

// === impl Manifest ===

impl Manifest {
    /// That of a new data directory.
    pub(crate) fn new() -> Self {
        let mut id = [0; 16];
        // The standard library seeds its hashers from the system's entropy: enough to tell directories apart and to
        // keep a model from guessing what a frame would look like.
        id.chunks_mut(8)
            .for_each(|half| half.copy_from_slice(&RandomState::new().build_hasher().finish().to_le_bytes()));
        Self { id, journal: 1, base: None }
    }

    /// Reads the MANIFEST of `dir`, if it has one.
    pub(crate) fn read(files: &dyn Files, dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join(FILE);
        if !files.exists(&path) {
            return Ok(None);
        }
        let file = files.open(&path).map_err(|error| StoreError::io("open", &path, error))?;
        let bytes = read_all(&*file).map_err(|error| StoreError::io("read", &path, error))?;
        let text = String::from_utf8_lossy(&bytes);
        if let Some(found) = version(&text).filter(|found| *found > FORMAT) {
            return Err(StoreError::NewerFormat { dir: dir.to_owned(), found, newest: FORMAT });
        }
        let damaged = || StoreError::damaged(&path, 0, "it is not what was written");
        Self::parse(&text).map(Some).ok_or_else(damaged)
    }

    /// Puts it in the place of any before it, atomically. Durable once [`sync_names`] has returned.
    pub(crate) fn write(&self, files: &dyn Files, dir: &Path) -> Result<(), StoreError> {
        let (new, path) = (dir.join(NEW_FILE), dir.join(FILE));
        let text = self.text();
        let write = || {
            let file = files.open_write(&new)?;
            file.truncate(0)?;
            write_all(&*file, text.as_bytes(), 0)?;
            file.sync(SyncPoint::Manifest)?;
            files.rename(&new, &path)
        };
        write().map_err(|error| StoreError::io("write", &path, error))
    }

    /// Leaves a copy in the journal's own folder, for `rebuild`: without the identity no record could be told from noise. It
    /// promises nothing, so it is not synced.
    pub(crate) fn write_copy(&self, files: &Arc<dyn Files>, dir: &Path) -> Result<(), StoreError> {
        let path = self.folder(files, dir).dir.join(FILE);
        let write = || write_all(&*files.open_write(&path)?, self.text().as_bytes(), 0);
        write().map_err(|error| StoreError::io("write", &path, error))
    }

    /// The folder that holds the journal.
    pub(crate) fn folder(&self, files: &Arc<dyn Files>, dir: &Path) -> Folder {
        Folder {
            files: Arc::clone(files),
            dir: dir.join(folder_name(self.journal)),
            id: self.id,
            journal: self.journal,
            base: self.base,
        }
    }

    fn text(&self) -> String {
        let mut text = format!("muster-store {FORMAT}\nid {}\njournal {}\n", hex(&self.id), self.journal);
        if let Some(base) = self.base {
            // Writing to a string can't fail.
            let _ = writeln!(text, "base {base}");
        }
        let sum = crc32fast::hash(text.as_bytes());
        let _ = writeln!(text, "crc {sum:08x}");
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        version(lines.next()?)?;
        let id = unhex(lines.next()?.strip_prefix("id ")?)?;
        let journal = lines.next()?.strip_prefix("journal ")?.parse().ok()?;
        let base = match lines.next()?.strip_prefix("base ") {
            Some(number) => Some(number.parse().ok()?),
            None => None,
        };
        let manifest = Self { id, journal, base };
        (manifest.text() == text).then_some(manifest)
    }
}

/// Makes the names of a data directory durable: the MANIFEST's, and the directory's own.
pub(crate) fn sync_names(files: &dyn Files, dir: &Path) -> Result<(), StoreError> {
    let synced = files.sync_dir(dir, SyncPoint::ManifestName);
    synced.map_err(|error| StoreError::io("sync", dir, error))?;
    let above = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match files.sync_dir(above, SyncPoint::Root) {
        // Whoever may not even read the folder above has not made a name in it: the directory was there before.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other.map_err(|error| StoreError::io("sync", above, error)),
    }
}

/// The name of a journal's folder.
pub(crate) fn folder_name(journal: u32) -> String {
    format!("journal-{journal}")
}

fn version(text: &str) -> Option<u32> {
    text.lines().next()?.strip_prefix("muster-store ")?.parse().ok()
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
    Some(number.to_be_bytes())
}

// === impl Folder ===

impl Folder {
    /// A segment's file.
    pub(crate) fn path(&self, stream: Stream, segment: u32) -> PathBuf {
        self.dir.join(format!("{stream}-{segment:04}.log"))
    }

    /// The numbers of a stream's segments, ascending.
    pub(crate) fn segments(&self, stream: Stream) -> Result<Vec<u32>, StoreError> {
        let prefix = format!("{stream}-");
        self.numbers(&prefix, ".log")
    }

    /// The numbers of the files named `prefix NUMBER suffix`, ascending.
    pub(crate) fn numbers(&self, prefix: &str, suffix: &str) -> Result<Vec<u32>, StoreError> {
        let names = self.files.list(&self.dir).map_err(|error| StoreError::io("read", &self.dir, error))?;
        let number = |name: &String| name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse::<u32>().ok();
        let mut numbers: Vec<u32> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// What a segment's checksums begin with: other for each segment of each journal of each data directory.
    pub(crate) fn salt(&self, stream: Stream, segment: u32) -> Salt {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.id);
        hasher.update(&self.journal.to_le_bytes());
        hasher.update(stream.name().as_bytes());
        hasher.update(&segment.to_le_bytes());
        let hash = hasher.finalize();
        let [a, b, c, d, ..] = *hash.as_bytes();
        Salt(u32::from_le_bytes([a, b, c, d]))
    }

    /// The identity of the data directory and its journal's number: what an index must have been built from.
    pub(crate) fn identity(&self) -> [u8; 20] {
        let mut identity = [0; 20];
        identity[..16].copy_from_slice(&self.id);
        identity[16..].copy_from_slice(&self.journal.to_le_bytes());
        identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_written_is_read_and_any_change_to_it_is_seen() {
        let manifest = Manifest { base: Some(3), ..Manifest::new() };
        let text = manifest.text();
        assert_eq!(Manifest::parse(&text), Some(manifest));
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(Manifest::parse(&changed), None, "bit {bit}: {changed}");
        }
    }
}
