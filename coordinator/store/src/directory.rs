//! A data directory as a whole: telling it from others, holding it against other processes, making it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bundles;
use crate::error::StoreError;
use crate::files::{Files, Guard, SyncPoint};
use crate::manifest::{self, Folder, Manifest};
use crate::recovery::QUARANTINE;

pub(crate) const LOCK: &str = "LOCK";
pub(crate) const INDEX: &str = "index";

/// A data directory that this process holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) root: PathBuf,
    pub(crate) folder: Folder,
    pub(crate) manifest: Manifest,
    /// Goes last.
    _guard: Box<dyn Guard>,
}

/// Holds the data directory `root`, making it if there is nothing there.
pub(crate) fn hold_or_make(files: &Arc<dyn Files>, root: &Path) -> Result<Held, StoreError> {
    if read(files, root)?.is_none() {
        make_dir(files, root)?;
    }
    let guard = lock(files, root)?;
    let manifest = match Manifest::read(&**files, root)? {
        Some(manifest) => manifest,
        None => make(files, root)?,
    };
    settle(files, root, manifest, guard)
}

/// Holds the data directory `root`, which must be there.
pub(crate) fn hold(files: &Arc<dyn Files>, root: &Path) -> Result<Held, StoreError> {
    let missing = || StoreError::Missing { dir: root.to_owned() };
    read(files, root)?.ok_or_else(missing)?;
    let guard = lock(files, root)?;
    let manifest = Manifest::read(&**files, root)?.ok_or_else(missing)?;
    settle(files, root, manifest, guard)
}

/// Holds the data directory `root` as it is, to look at it.
pub(crate) fn hold_untouched(files: &Arc<dyn Files>, root: &Path) -> Result<Held, StoreError> {
    let missing = || StoreError::Missing { dir: root.to_owned() };
    read(files, root)?.ok_or_else(missing)?;
    let guard = lock(files, root)?;
    let manifest = Manifest::read(&**files, root)?.ok_or_else(missing)?;
    let folder = manifest.folder(files, root);
    Ok(Held { root: root.to_owned(), folder, manifest, _guard: guard })
}

/// The MANIFEST of `root`, which must be there. Holds nothing.
pub(crate) fn manifest_of(files: &Arc<dyn Files>, root: &Path) -> Result<Manifest, StoreError> {
    read(files, root)?.ok_or_else(|| StoreError::Missing { dir: root.to_owned() })
}

/// Puts a MANIFEST that is damaged or missing back, from the copy in the journal's folder.
pub(crate) fn restore_manifest(files: &Arc<dyn Files>, root: &Path) -> Result<(), StoreError> {
    let error = match read(files, root) {
        Err(error @ StoreError::Damaged { .. }) => error,
        other => return other.map(drop),
    };
    let _guard = lock(files, root)?;
    let names = files.list(root).map_err(|error| StoreError::io("read", root, error))?;
    let folders = names.iter().filter(|name| name.starts_with("journal-"));
    let copies = folders.filter_map(|name| Manifest::read(&**files, &root.join(name)).ok().flatten());
    let newest = copies.max_by_key(|manifest| manifest.journal).ok_or(error)?;
    newest.write(&**files, root)?;
    manifest::sync_names(&**files, root)
}

/// The MANIFEST of `root`; none if there is nothing there, or what a crash left of making it.
pub(crate) fn read(files: &Arc<dyn Files>, root: &Path) -> Result<Option<Manifest>, StoreError> {
    if let Some(manifest) = Manifest::read(&**files, root)? {
        return Ok(Some(manifest));
    }
    if !files.exists(root) {
        return Ok(None);
    }
    let list = |dir: &Path| files.list(dir).map_err(|error| StoreError::io("read", dir, error));
    let first = root.join(manifest::folder_name(1));
    for name in list(root)? {
        match name.as_str() {
            LOCK | INDEX | manifest::NEW_FILE => {}
            bundles::FOLDER if list(&root.join(&name))?.is_empty() => {}
            _ if root.join(&name) == first => {
                if list(&first)?.iter().any(|name| name != manifest::FILE) {
                    return Err(StoreError::damaged(&root.join(manifest::FILE), 0, "it is missing"));
                }
            }
            _ if name.starts_with("journal-") => {
                return Err(StoreError::damaged(&root.join(manifest::FILE), 0, "it is missing"));
            }
            _ => return Err(StoreError::NotOurs { dir: root.to_owned() }),
        }
    }
    Ok(None)
}

fn make_dir(files: &Arc<dyn Files>, root: &Path) -> Result<(), StoreError> {
    files.create_dir_all(root).map_err(|error| StoreError::io("make", root, error))
}

fn lock(files: &Arc<dyn Files>, root: &Path) -> Result<Box<dyn Guard>, StoreError> {
    let path = root.join(LOCK);
    let guard = files.lock(&path).map_err(|error| StoreError::io("lock", &path, error))?;
    guard.ok_or_else(|| StoreError::InUse { dir: root.to_owned() })
}

fn make(files: &Arc<dyn Files>, root: &Path) -> Result<Manifest, StoreError> {
    let manifest = Manifest::new();
    make_dir(files, &root.join(manifest::folder_name(manifest.journal)))?;
    manifest.write_copy(files, root)?;
    sync_folder(files, root)?;
    manifest.write(&**files, root)?;
    Ok(manifest)
}

/// Makes the name of a new journal's folder durable.
pub(crate) fn sync_folder(files: &Arc<dyn Files>, root: &Path) -> Result<(), StoreError> {
    let synced = files.sync_dir(root, SyncPoint::Folder);
    synced.map_err(|error| StoreError::io("sync", root, error))
}

/// Makes sure of what an earlier process may have left half done.
fn settle(
    files: &Arc<dyn Files>,
    root: &Path,
    manifest: Manifest,
    guard: Box<dyn Guard>,
) -> Result<Held, StoreError> {
    make_dir(files, &root.join(bundles::FOLDER))?;
    manifest::sync_names(&**files, root)?;
    remove_leftovers(files, root, &manifest)?;
    let folder = manifest.folder(files, root);
    if !files.exists(&folder.dir) {
        return Err(StoreError::damaged(&folder.dir, 0, "the folder of the journal is missing"));
    }
    Ok(Held { root: root.to_owned(), folder, manifest, _guard: guard })
}

/// Journals that are not in force: rewritten ones that never came to be, and those that were rewritten.
fn remove_leftovers(files: &Arc<dyn Files>, root: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let names = files.list(root).map_err(|error| StoreError::io("read", root, error))?;
    let current = manifest::folder_name(manifest.journal);
    let number =
        |name: &str| name.strip_prefix("journal-").is_some_and(|number| number.parse::<u32>().is_ok());
    for name in names.iter().filter(|name| number(name) && **name != current) {
        let path = root.join(name);
        files.remove_dir_all(&path).map_err(|error| StoreError::io("remove", &path, error))?;
    }
    Ok(())
}

/// The folder for what is damaged and set aside.
pub(crate) fn quarantine(files: &Arc<dyn Files>, root: &Path) -> Result<PathBuf, StoreError> {
    let dir = root.join(QUARANTINE);
    make_dir(files, &dir)?;
    Ok(dir)
}
