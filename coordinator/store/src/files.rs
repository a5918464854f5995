//! The few things that the journal asks of a disk, behind a trait: so that its tests can run over a disk that loses, tears
//! and reorders whatever was not synced (`testing::SimDisk`). Every sync has a name, so that a test can leave one out and see
//! something break.

use std::fmt::Debug;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// A disk.
pub trait Files: Debug + Send + Sync {
    /// Makes a folder and those above it, where they are not there.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// The names in a folder, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Whether there is a file or folder of this name.
    fn exists(&self, path: &Path) -> bool;
    /// Opens a file to be read.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens a file to be written, making it if it is not there. What it holds stays.
    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Gives a file a new name, in place of any file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes a second name for a file's bytes, or a copy of them where that can't be.
    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder and all in it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, dir: &Path, sync: SyncPoint) -> io::Result<()>;
    /// Takes the lock file for as long as the guard lives. None: another process holds it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Guard>>>;
}

/// An open file.
pub trait File: Debug + Send + Sync {
    /// Reads at a place; fewer bytes than asked for only at the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at a place, perhaps only a first part.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize>;
    /// Makes the file's bytes and length durable.
    fn sync(&self, sync: SyncPoint) -> io::Result<()>;
    /// Cuts the file off.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether it holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// A lock held.
pub trait Guard: Debug + Send + Sync {}

/// The places in the code at which something is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SyncPoint {
    /// A commit's turns.
    Turns,
    /// A commit's facts, after its turns.
    Facts,
    /// A new segment's name, before the first commit into it is acknowledged.
    Segment,
    /// A stream's last segment as a start found it, after its torn end was cut off and before anything is built on it: it
    /// may still be only in memory, if just the process had died.
    Found,
    /// The names of the segments as a start found them, for the same reason.
    FoundNames,
    /// The name of a journal's folder, before a MANIFEST speaks of it.
    Folder,
    /// The new MANIFEST's bytes, before it gets its name.
    Manifest,
    /// The MANIFEST's new name.
    ManifestName,
    /// The data directory's own name.
    Root,
    /// A bundle's bytes, before it gets its name.
    Bundle,
    /// A bundle's name, and the name of the folder of bundles.
    BundleName,
    /// A base snapshot's bytes, before a MANIFEST speaks of it.
    Base,
    /// The names in a rewritten journal's folder, before a MANIFEST speaks of it.
    Rewritten,
    /// The names of what `rebuild` sets aside, before the damaged journal goes.
    Aside,
    /// A file of a backup. A backup is whole only when `backup` has returned.
    Backup,
    /// The names of a backup's files.
    BackupNames,
}

/// The disk of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealFiles;

#[derive(Debug)]
struct RealFile(fs::File);

#[derive(Debug)]
struct RealGuard {
    /// The lock goes with the handle.
    _file: fs::File,
}

// === impl SyncPoint ===

impl SyncPoint {
    /// All of them, for tests.
    pub const ALL: [Self; 16] = [
        Self::Turns,
        Self::Facts,
        Self::Segment,
        Self::Found,
        Self::FoundNames,
        Self::Folder,
        Self::Manifest,
        Self::ManifestName,
        Self::Root,
        Self::Bundle,
        Self::BundleName,
        Self::Base,
        Self::Rewritten,
        Self::Aside,
        Self::Backup,
        Self::BackupNames,
    ];
}

// === impl RealFiles ===

impl Files for RealFiles {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok()
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile(fs::File::open(path)?)))
    }

    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_dir(&self, dir: &Path, _: SyncPoint) -> io::Result<()> {
        match fs::File::open(dir)?.sync_all() {
            // Some network file systems make names durable at once and know no sync of them.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other,
        }
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Guard>>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(RealGuard { _file: file }))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

// === impl RealFile ===

impl File for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match self.0.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(buf, offset)
    }

    fn sync(&self, _: SyncPoint) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

// === impl RealGuard ===

impl Guard for RealGuard {}

/// Writes all of `buf`, however often the disk takes only a part.
pub(crate) fn write_all(file: &dyn File, mut buf: &[u8], mut offset: u64) -> io::Result<()> {
    while !buf.is_empty() {
        match file.write_at(buf, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => (buf, offset) = (&buf[n..], offset + n as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// All bytes of a file.
pub(crate) fn read_all(file: &dyn File) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.len()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; len];
    let n = file.read_at(&mut bytes, 0)?;
    bytes.truncate(n);
    Ok(bytes)
}
