//! Keeps the index up with the journal, by reading the facts as they were written: live, after a start, and from the very
//! beginning if the index is new. One way for all three, so that none can go wrong alone, and no queue that could grow.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use prost::Message;

use crate::contract::Stream;
use crate::error::StoreError;
use crate::format::{FactKind, FactRow, LeaseRow};
use crate::frame::Kind;
use crate::index::{Index, Key, MemoryIndex, ScoreTag, SledIndex};
use crate::log::{Log, Tolerance};
use crate::manifest::Folder;
use crate::place::Place;

/// Facts taken into the index at once, and the longest that a reader may have to wait for another's turn: some 50 ms.
const FACTS_AT_ONCE: usize = 32_768;

/// How far the index may be behind a live journal, in milliseconds, if no reader asks for more.
const LAG_MS: u64 = 200;

/// Where an index is kept.
#[derive(Debug, Clone)]
pub(crate) enum Site {
    /// On disk.
    Sled {
        /// Its folder.
        dir: PathBuf,
        /// The most memory that it caches.
        cache_bytes: u64,
    },
    /// In memory.
    Memory,
}

/// An index and the journal that it follows.
#[derive(Debug)]
pub(crate) struct Follower {
    folder: Folder,
    site: Site,
    /// Where the facts ended when the journal was opened.
    start: Place,
    /// None until it is first needed: opening checks it, which takes a while.
    index: Mutex<Option<Box<dyn Index>>>,
}

/// The thread that follows a live journal.
#[derive(Debug)]
pub(crate) struct FollowerThread {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

// === impl Follower ===

impl Follower {
    pub(crate) fn new(folder: Folder, site: Site, start: Place) -> Self {
        Self { folder, site, start, index: Mutex::new(None) }
    }

    /// Asks the index, once it knows all facts before `durable`. An index that fails is made anew, and asked again.
    pub(crate) fn ask<T>(
        &self,
        durable: Place,
        question: impl Fn(&dyn Index) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut slot = self.lock();
        self.with_repair(&mut slot, |index| {
            while self.catch_up(index, durable)? {}
            question(index)
        })
    }

    /// Takes in some of the facts before `durable`. Returns whether there are more.
    pub(crate) fn follow(&self, durable: Place) -> Result<bool, StoreError> {
        let mut slot = self.lock();
        self.with_repair(&mut slot, |index| self.catch_up(index, durable))
    }

    /// Throws the index away: a place that it gave was wrong.
    pub(crate) fn discard(&self, why: &StoreError) {
        tracing::warn!(%why, "the index is wrong and is rebuilt");
        let mut slot = self.lock();
        if let Err(error) = self.renew(&mut slot) {
            tracing::warn!(%error, "no new index yet");
        }
    }

    /// Makes the index durable.
    pub(crate) fn flush(&self) {
        if let Some(index) = self.lock().as_mut() {
            index.flush();
        }
    }

    fn with_repair<T>(
        &self,
        slot: &mut Option<Box<dyn Index>>,
        run: impl Fn(&mut dyn Index) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if slot.is_none() {
            *slot = Some(self.open());
        }
        for _ in 0..2 {
            let Some(index) = slot.as_mut() else { break };
            match run(&mut **index) {
                Err(error @ StoreError::Index(_)) => {
                    tracing::warn!(%error, "the index failed and is rebuilt");
                    self.renew(slot)?;
                }
                other => return other,
            }
        }
        // Twice in a row: the disk is not fit for an index. Memory is.
        run(&mut **slot.insert(Box::new(MemoryIndex::default())))
    }

    fn open(&self) -> Box<dyn Index> {
        let Site::Sled { dir, cache_bytes } = &self.site else { return Box::new(MemoryIndex::default()) };
        match SledIndex::open(dir, self.folder.identity(), self.start, *cache_bytes) {
            Ok(index) => Box::new(index),
            Err(error) => {
                tracing::warn!(%error, "the index can't be kept on disk and is kept in memory");
                Box::new(MemoryIndex::default())
            }
        }
    }

    fn renew(&self, slot: &mut Option<Box<dyn Index>>) -> Result<(), StoreError> {
        // Closed before its folder goes.
        *slot = None;
        if let Site::Sled { dir, .. } = &self.site
            && dir.exists()
        {
            std::fs::remove_dir_all(dir).map_err(|error| StoreError::io("remove", dir, error))?;
        }
        *slot = Some(self.open());
        Ok(())
    }

    fn catch_up(&self, index: &mut dyn Index, durable: Place) -> Result<bool, StoreError> {
        let from = index.reached();
        if from >= durable {
            return Ok(false);
        }
        let mut log = Log::open(&self.folder, Stream::Facts, from, Tolerance::Until(durable))?;
        let mut entries = Vec::new();
        for _ in 0..FACTS_AT_ONCE {
            let Some(item) = log.advance()? else { break };
            if item.kind != Kind::Fact {
                return Err(log.damaged(item.place, "a record of this kind does not belong here"));
            }
            let row =
                FactRow::decode(log.payload()).map_err(|error| log.damaged(item.place, error.to_string()))?;
            if let Some(FactKind::Removed(sweep)) = row.kind {
                // Not past it before it is done, or a crash in between would leave half of it.
                index.add(std::mem::take(&mut entries), item.place)?;
                index.remove(muster_core::SweepId(sweep))?;
            }
            entries.extend(key(&row).map(|key| (key, item.place)));
        }
        let at = log.at();
        index.add(entries, at)?;
        Ok(at < durable)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Index>>> {
        // Whoever panicked with the index in hand left it as sled left it; its answers are checked.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key under which a fact is found, if it is one that is looked for.
pub(crate) fn key(row: &FactRow) -> Option<Key> {
    let of = |lease: &LeaseRow| (lease.job(), muster_core::Generation(lease.generation));
    match row.kind.as_ref()? {
        FactKind::Ended(ended) => {
            let (job, generation) = of(&ended.lease);
            Some(Key::episode(job, generation))
        }
        FactKind::Scored(score) => {
            let (job, generation) = of(&score.episode);
            Some(Key::score(job, generation, ScoreTag::new(&score.scorer, &score.version)))
        }
        _ => None,
    }
}

// === impl FollowerThread ===

impl FollowerThread {
    /// Follows until it is dropped. `durable` says how far the journal is.
    pub(crate) fn spawn(
        follower: Arc<Follower>,
        durable: impl Fn() -> Place + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let signal = Arc::clone(&stop);
        let run = move || {
            while !stopped(&signal) {
                match follower.follow(durable()) {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => {
                        // Readers come upon it too, and say so to those who asked.
                        tracing::error!(%error, "the index follows no longer");
                        break;
                    }
                }
                if wait(&signal) {
                    break;
                }
            }
            follower.flush();
        };
        let thread = std::thread::Builder::new().name("muster-index".to_owned()).spawn(run)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

fn stopped(signal: &(Mutex<bool>, Condvar)) -> bool {
    *signal.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the lag to pass or for the end. Returns whether it is the end.
fn wait(signal: &(Mutex<bool>, Condvar)) -> bool {
    let guard = signal.0.lock().unwrap_or_else(PoisonError::into_inner);
    let lag = Duration::from_millis(LAG_MS);
    let waited = signal.1.wait_timeout_while(guard, lag, |stop| !*stop);
    *waited.unwrap_or_else(PoisonError::into_inner).0
}

impl Drop for FollowerThread {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of it was reported by the panic hook, and the index is rebuilt at the next start if need be.
            let _ = thread.join();
        }
    }
}
