//! A suite's files, kept under the hash of their bytes: `bundles/HASH`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::contract::BundleHash;
use crate::error::StoreError;
use crate::files::{Files, SyncPoint, read_all, write_all};
use crate::manifest::hex;

/// The folder's name.
pub(crate) const FOLDER: &str = "bundles";

/// The bundles of a data directory.
#[derive(Debug)]
pub(crate) struct Bundles {
    files: Arc<dyn Files>,
    dir: PathBuf,
    /// Names files in the making.
    made: AtomicU64,
}

// === impl Bundles ===

impl Bundles {
    pub(crate) fn new(files: &Arc<dyn Files>, root: &Path) -> Self {
        Self { files: Arc::clone(files), dir: root.join(FOLDER), made: AtomicU64::new(0) }
    }

    pub(crate) fn put(&self, bytes: &[u8]) -> Result<BundleHash, StoreError> {
        let hash = *blake3::hash(bytes).as_bytes();
        let path = self.dir.join(hex(&hash));
        let wrap = |error| StoreError::io("write", &path, error);
        if !self.holds(&path, &hash) {
            self.write(&path, bytes).map_err(wrap)?;
        }
        // Also one that was there before: whoever put it may have died before its name was durable.
        self.files.sync_dir(&self.dir, SyncPoint::BundleName).map_err(wrap)?;
        Ok(hash)
    }

    pub(crate) fn get(&self, hash: BundleHash) -> Result<Option<Bytes>, StoreError> {
        let path = self.dir.join(hex(&hash));
        if !self.files.exists(&path) {
            return Ok(None);
        }
        let bytes = self.read(&path).map_err(|error| StoreError::io("read", &path, error))?;
        if *blake3::hash(&bytes).as_bytes() != hash {
            return Err(StoreError::damaged(
                &path,
                0,
                "its bytes are not those that its name is the hash of",
            ));
        }
        Ok(Some(bytes.into()))
    }

    fn holds(&self, path: &Path, hash: &BundleHash) -> bool {
        self.files.exists(path) && self.read(path).is_ok_and(|bytes| blake3::hash(&bytes).as_bytes() == hash)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        read_all(&*self.files.open(path)?)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let new = self.dir.join(format!("new-{}", self.made.fetch_add(1, Ordering::Relaxed)));
        let file = self.files.open_write(&new)?;
        file.truncate(0)?;
        write_all(&*file, bytes, 0)?;
        file.sync(SyncPoint::Bundle)?;
        self.files.rename(&new, path)
    }
}

/// The hash that a file's name stands for, if it is a bundle's.
pub(crate) fn hash_of(name: &str) -> Option<BundleHash> {
    let digits = name.as_bytes();
    let mut hash = [0; 32];
    if digits.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}
