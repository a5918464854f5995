//! The index on disk: sled. Everything that names sled is in here.
//!
//! It is not trusted. sled recovers to some earlier moment after a crash, may lose pages of damaged files, and panics on some of
//! them. So: every call is fenced against panics; the index carries the count and a sum of its entries, which is checked
//! by reading it through once when it is opened; and each place that it gives is checked by the one who reads it. Whatever is
//! wrong, the folder is deleted and filled again from the journal.

use std::fmt::Display;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use muster_core::SweepId;

use super::block::Block;
use super::{Index, Key};
use crate::error::StoreError;
use crate::place::Place;

/// How often sled writes what it holds, in milliseconds: seldom, for what it loses is filled in again from the journal.
const FLUSH_EVERY_MS: u64 = 5_000;

/// sled's unit of writing and of space, in bytes. Smaller than its default: less of the file is slack.
const SEGMENT_BYTES: usize = 128 << 10;

/// Memory for one who only looks.
const INSPECT_CACHE_BYTES: u64 = 16 << 20;

/// Blocks removed at once.
const REMOVE_AT_ONCE: usize = 10_000;

/// Where the state stands, among keys that begin with a letter.
const STATE: &[u8] = b"!";

/// An index in a folder.
pub(crate) struct SledIndex {
    db: ::sled::Db,
    dir: PathBuf,
    state: State,
}

/// What the index knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// The journal that it was made from.
    identity: [u8; 20],
    reached: Place,
    count: u64,
    /// The sum of all entries' hashes, so that it can be kept up to date and checked without regard to order.
    sum: u64,
}

// === impl SledIndex ===

impl SledIndex {
    /// Opens the index in `dir`, made from the journal of this identity, whose facts end at `end`; an empty one in its place if it
    /// is not there, is from another journal, has seen more than there is, or is damaged.
    pub(crate) fn open(
        dir: &Path,
        identity: [u8; 20],
        end: Place,
        cache_bytes: u64,
    ) -> Result<Self, StoreError> {
        let found = Self::open_checked(dir, identity, cache_bytes);
        match found.and_then(|index| index.not_ahead_of(end)) {
            Ok(found) => return Ok(found),
            Err(error) if dir.exists() => tracing::warn!(%error, "the index is rebuilt"),
            Err(_) => {}
        }
        remove_dir(dir).map_err(|error| StoreError::io("remove", dir, error))?;
        Self::open_checked(dir, identity, cache_bytes)
    }

    /// One that is ahead has seen facts that someone took away, by putting an older journal in this one's place.
    fn not_ahead_of(self, end: Place) -> Result<Self, StoreError> {
        if self.state.reached > end { failed("it is ahead of the journal") } else { Ok(self) }
    }

    /// Opens the index in `dir` as it is, if there is one.
    pub(crate) fn inspect(dir: &Path, identity: [u8; 20]) -> Result<Option<Self>, StoreError> {
        if !dir.exists() {
            return Ok(None);
        }
        Self::open_checked(dir, identity, INSPECT_CACHE_BYTES).map(Some)
    }

    fn open_checked(dir: &Path, identity: [u8; 20], cache_bytes: u64) -> Result<Self, StoreError> {
        let config = ::sled::Config::default()
            .path(dir)
            .cache_capacity(cache_bytes)
            .segment_size(SEGMENT_BYTES)
            .mode(::sled::Mode::LowSpace)
            .flush_every_ms(Some(FLUSH_EVERY_MS));
        let db = fenced(|| config.open())?;
        let found = fenced(|| db.get(STATE))?;
        let Some(found) = found else {
            let empty = fenced(|| Ok::<_, ::sled::Error>(db.is_empty()))?;
            let state = State::empty(identity);
            return if empty {
                Ok(Self { db, dir: dir.to_owned(), state })
            } else {
                failed("it has no state")
            };
        };
        let Some(state) = State::read(&found).filter(|state| state.identity == identity) else {
            return failed("it belongs to another journal");
        };
        let index = Self { db, dir: dir.to_owned(), state };
        index.check()?;
        Ok(index)
    }

    /// Reads all of it through: that what it holds is what was put in.
    fn check(&self) -> Result<(), StoreError> {
        let (mut count, mut sum) = (0_u64, 0_u64);
        fenced(|| {
            for entry in self.db.iter() {
                let (key, value) = entry?;
                if &key[..] != STATE {
                    count += 1;
                    sum = sum.wrapping_add(hash(&key, &value));
                }
            }
            Ok::<_, ::sled::Error>(())
        })?;
        match (count, sum) == (self.state.count, self.state.sum) {
            true => Ok(()),
            false => failed("entries are missing"),
        }
    }

    fn apply(&mut self, mut batch: ::sled::Batch, state: State) -> Result<(), StoreError> {
        batch.insert(STATE, state.bytes());
        fenced(|| self.db.apply_batch(batch))?;
        self.state = state;
        Ok(())
    }
}

impl Index for SledIndex {
    fn reached(&self) -> Place {
        self.state.reached
    }

    fn add(&mut self, mut entries: Vec<(Key, Place)>, reached: Place) -> Result<(), StoreError> {
        // Entries for the same key keep their order, so that the last one counts.
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let mut batch = ::sled::Batch::default();
        let mut state = State { reached, ..self.state };
        for neighbours in entries.chunk_by(|a, b| a.0.block() == b.0.block()) {
            let block_key = neighbours[0].0.block();
            let before = fenced(|| self.db.get(block_key))?;
            let mut block = before.as_ref().map_or_else(|| Ok(Block::default()), |before| read(before))?;
            neighbours.iter().for_each(|(key, place)| block.insert(key.rest(), *place));
            let after = block.bytes();
            before.iter().for_each(|before| state.take(block_key, before));
            state.put(block_key, &after);
            batch.insert(block_key, after);
        }
        self.apply(batch, state)
    }

    fn remove(&mut self, sweep: SweepId) -> Result<(), StoreError> {
        for beginning in Key::of_sweep(sweep) {
            loop {
                let mut batch = ::sled::Batch::default();
                let mut state = self.state;
                let entries: Vec<_> = fenced(|| {
                    self.db.scan_prefix(beginning.bytes()).take(REMOVE_AT_ONCE).collect::<Result<_, _>>()
                })?;
                if entries.is_empty() {
                    break;
                }
                for (key, value) in entries {
                    state.take(&key, &value);
                    batch.remove(key);
                }
                self.apply(batch, state)?;
            }
        }
        Ok(())
    }

    fn get(&self, key: &Key) -> Result<Option<Place>, StoreError> {
        let Some(found) = fenced(|| self.db.get(key.block()))? else { return Ok(None) };
        Ok(read(&found)?.get(key.rest()))
    }

    fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Place>, StoreError> {
        let mut places = Vec::new();
        fenced(|| {
            for row in self.db.range(after.unwrap_or(prefix).block()..) {
                let (block_key, value) = row?;
                if !block_key.starts_with(prefix.block()) || places.len() >= limit {
                    break;
                }
                let Some(block) = Block::read(&value) else {
                    return Err(::sled::Error::Unsupported("a value is no block".to_owned()));
                };
                for (own, place) in block.entries() {
                    let key = [&block_key, &own[..]].concat();
                    if key.starts_with(prefix.bytes()) && after.is_none_or(|after| &key[..] > after.bytes()) {
                        places.push(*place);
                    }
                }
            }
            Ok(())
        })?;
        places.truncate(limit);
        Ok(places)
    }

    fn flush(&mut self) {
        if let Err(error) = fenced(|| self.db.flush()) {
            tracing::warn!(%error, dir = %self.dir.display(), "the index was not written");
        }
    }
}

impl std::fmt::Debug for SledIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledIndex")
            .field("dir", &self.dir)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

// === impl State ===

impl State {
    fn empty(identity: [u8; 20]) -> Self {
        Self { identity, reached: Place::START, count: 0, sum: 0 }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash(key, value));
    }

    fn take(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.saturating_sub(1);
        self.sum = self.sum.wrapping_sub(hash(key, value));
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.identity.to_vec();
        bytes.extend_from_slice(&self.reached.segment.to_le_bytes());
        bytes.extend_from_slice(&self.reached.offset.to_le_bytes());
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&self.sum.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (identity, rest) = bytes.split_first_chunk::<20>()?;
        let (segment, rest) = rest.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<4>()?;
        let (count, rest) = rest.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<8>()?;
        let reached = Place { segment: u32::from_le_bytes(*segment), offset: u32::from_le_bytes(*offset) };
        let (count, sum) = (u64::from_le_bytes(*count), u64::from_le_bytes(*sum));
        rest.is_empty().then_some(Self { identity: *identity, reached, count, sum })
    }
}

/// A hash of one entry, cheap: it guards against lost pages, not against malice.
fn hash(key: &[u8], value: &[u8]) -> u64 {
    let mut low = crc32fast::Hasher::new_with_initial(key.len() as u32);
    low.update(key);
    low.update(value);
    let mut high = crc32fast::Hasher::new_with_initial(!(value.len() as u32));
    high.update(value);
    high.update(key);
    u64::from(high.finalize()) << 32 | u64::from(low.finalize())
}

fn read(value: &[u8]) -> Result<Block, StoreError> {
    Block::read(value).ok_or_else(|| StoreError::Index("a value is no block".to_owned()))
}

/// Runs a call of sled's: an error or a panic of it is an error of the index.
fn fenced<T, E: Display>(call: impl FnOnce() -> Result<T, E>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StoreError::Index(error.to_string())),
        Err(_) => failed("sled panicked"),
    }
}

fn failed<T>(what: &str) -> Result<T, StoreError> {
    Err(StoreError::Index(what.to_owned()))
}

fn remove_dir(dir: &Path) -> io::Result<()> {
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(dir),
        Ok(_) => fs::remove_file(dir),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
