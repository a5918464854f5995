//! Snapshots: the core's state in a file, so that a start need not read the whole journal.
//!
//! `snapshot-NNNN` = checksum u32, then zstd of a `SnapshotRow`. A snapshot is a shortcut and carries no promise: it is not synced,
//! and one that is torn or damaged is passed over for the one before it, or for the journal's beginning. The exception is the *base*
//! of a rewritten journal, whose earlier turns no longer stand one by one: it is synced before the journal takes effect.

use std::io;
use std::path::PathBuf;

use muster_core::Snapshot;
use prost::Message;

use crate::chains::Chains;
use crate::error::StoreError;
use crate::files::{SyncPoint, read_all, write_all};
use crate::format::{PlaceRow, SnapshotRow};
use crate::manifest::Folder;
use crate::place::Place;

/// Snapshots kept: the newest, and the one before it in case the newest is torn.
const KEPT: usize = 2;

/// zstd's level: states are runs of the same few bytes, which the fastest finds too.
const LEVEL: i32 = 1;

/// The largest state that is read back: some 2 G jobs at 4 bits.
const MAX_STATE_BYTES: usize = 1 << 30;

const PREFIX: &str = "snapshot-";

/// Where in the journal a snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    /// Facts before it.
    pub(crate) facts: u64,
    pub(crate) facts_at: Place,
    pub(crate) turns_at: Place,
    /// The offset of the learned dictionary in use in the segment of `turns_at`; 0 if none.
    pub(crate) learned_at: u64,
}

/// A snapshot read.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) core: Snapshot,
    pub(crate) position: Position,
    pub(crate) chains: Chains,
}

/// Whether a snapshot must survive a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It may be lost: the journal holds all of it.
    Shortcut,
    /// The journal can't be replayed without it.
    Base,
}

// === impl Position ===

impl Position {
    fn row(&self, core: &Snapshot, chains: &Chains) -> SnapshotRow {
        SnapshotRow {
            facts: self.facts,
            facts_at: PlaceRow::from(self.facts_at),
            turns_at: PlaceRow::from(self.turns_at),
            learned_at: self.learned_at,
            chains: chains.rows(),
            ..SnapshotRow::new(core)
        }
    }
}

impl From<Place> for PlaceRow {
    fn from(place: Place) -> Self {
        Self { segment: place.segment, offset: place.offset }
    }
}

impl PlaceRow {
    fn place(self) -> Place {
        Place { segment: self.segment, offset: self.offset }
    }
}

/// Writes the next snapshot and removes those no longer kept. Returns its number.
pub(crate) fn write(
    folder: &Folder,
    core: &Snapshot,
    position: &Position,
    chains: &Chains,
    role: Role,
) -> Result<u32, StoreError> {
    let numbers = numbers(folder)?;
    let number = numbers.last().map_or(1, |last| last + 1);
    let path = path(folder, number);
    let new = folder.dir.join("snapshot.new");
    let state = position.row(core, chains).encode_to_vec();
    let write = || {
        let packed = zstd::bulk::compress(&state, LEVEL)?;
        let mut bytes = crc32fast::hash(&packed).to_le_bytes().to_vec();
        bytes.extend_from_slice(&packed);
        let file = folder.files.open_write(&new)?;
        file.truncate(0)?;
        write_all(&*file, &bytes, 0)?;
        if role == Role::Base {
            file.sync(SyncPoint::Base)?;
        }
        folder.files.rename(&new, &path)
    };
    write().map_err(|error| StoreError::io("write", &path, error))?;
    prune(folder, &numbers);
    Ok(number)
}

/// Removes old ones. That one stays is no harm.
fn prune(folder: &Folder, older: &[u32]) {
    let superfluous = older.len().saturating_sub(KEPT - 1);
    for number in older[..superfluous].iter().filter(|number| folder.base != Some(**number)) {
        if let Err(error) = folder.files.remove_file(&path(folder, *number)) {
            tracing::warn!(%error, snapshot = number, "an old snapshot stays");
        }
    }
}

/// The numbers of the snapshots there are, ascending.
pub(crate) fn numbers(folder: &Folder) -> Result<Vec<u32>, StoreError> {
    folder.numbers(PREFIX, "")
}

pub(crate) fn path(folder: &Folder, number: u32) -> PathBuf {
    folder.dir.join(format!("{PREFIX}{number:04}"))
}

/// Reads a snapshot. None: it is torn or damaged.
pub(crate) fn read(folder: &Folder, number: u32) -> Result<Option<Restored>, StoreError> {
    let path = path(folder, number);
    let read = || -> io::Result<Vec<u8>> { read_all(&*folder.files.open(&path)?) };
    let bytes = read().map_err(|error| StoreError::io("read", &path, error))?;
    Ok(decode(&bytes))
}

fn decode(bytes: &[u8]) -> Option<Restored> {
    let (sum, packed) = bytes.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*sum) != crc32fast::hash(packed) {
        return None;
    }
    let size = zstd::bulk::Decompressor::upper_bound(packed)?.min(MAX_STATE_BYTES);
    let state = zstd::bulk::decompress(packed, size).ok()?;
    let row = SnapshotRow::decode(&state[..]).ok()?;
    let position = Position {
        facts: row.facts,
        facts_at: row.facts_at.place(),
        turns_at: row.turns_at.place(),
        learned_at: row.learned_at,
    };
    let chains = Chains::from_rows(&row.chains)?;
    Some(Restored { core: row.core().ok()?, position, chains })
}
