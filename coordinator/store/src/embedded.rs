//! The store on disk: a journal that carries the durability, and sled as an index over it.
//!
//! ```text
//! DIR/MANIFEST              format version, identity, which journal is in force
//! DIR/LOCK                  held by the process that has it open
//! DIR/journal-N/            facts-0001.log ..., turns-0001.log ..., snapshot-0001 ...
//! DIR/bundles/HASH          suites' files
//! DIR/index/                sled; may be deleted at any time
//! DIR/quarantine/           what was damaged and set aside
//! ```
//!
//! The directory is held for as long as the journal or the archive of it lives.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use muster_core::{
    Fact, Generation, JobKey, Record, ScoreRecord, Snapshot, SweepId, TurnIndex, TurnRecord, Usage,
};

use crate::bundles::Bundles;
use crate::chains::{self, Chains};
use crate::contract::{Archive, BundleHash, EndedRecord, EpisodeKey, Journal, RecoveryReport, Store, Visit};
use crate::directory::{self, Held};
use crate::error::StoreError;
use crate::files::{Files, RealFiles};
use crate::follow::{Follower, FollowerThread, Site};
use crate::format::{EndedRow, FactKind, ScoredRow};
use crate::frame::MAX_PAYLOAD_BYTES;
use crate::index::{Index, Key};
use crate::lookup::Lookup;
use crate::packing::{self, Packer};
use crate::place::Place;
use crate::recovery::{self, Found};
use crate::segment::MAX_COMMIT_BYTES;
use crate::sequence::{self, Episode, episode};
use crate::snapshots::{self, Role};
use crate::writer::Writer;

pub use crate::recovery::MAX_LOST_SENTENCES;

/// A segment is sealed when it has grown to this: a verify or a copy works on one at a time.
pub(crate) const SEGMENT_BYTES: u64 = 64 << 20;

/// How an embedded store is opened. The default is right for production.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment is sealed when it has grown to this many bytes.
    pub segment_bytes: u64,
    /// Facts after which a snapshot is due.
    pub snapshot_facts: u64,
    /// Turns after which a snapshot is due.
    pub snapshot_turns: u64,
    /// Turns from which the first dictionary is learned.
    pub dictionary_samples: usize,
    /// Where the index is kept.
    pub index: IndexKind,
}

/// Where the index is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// On disk, followed by a thread of its own.
    Sled {
        /// The most memory that it caches, in bytes.
        cache_bytes: u64,
    },
    /// In memory, made anew at every start when first asked: for tools that look once, and for tests.
    Memory,
}

/// The writer of an embedded store.
#[derive(Debug)]
struct EmbeddedJournal {
    shared: Arc<Shared>,
    options: Options,
    writer: Writer,
    facts_since_snapshot: u64,
    turns_since_snapshot: u64,
    /// What the first failure was.
    poison: Option<String>,
    _follower: Option<FollowerThread>,
}

/// The readers of an embedded store.
#[derive(Debug)]
struct EmbeddedArchive(Arc<Shared>);

/// What the writer and the readers share.
#[derive(Debug)]
struct Shared {
    chains: Mutex<Chains>,
    durable: Mutex<Durable>,
    lookup: Lookup,
    follower: Arc<Follower>,
    bundles: Bundles,
    held: Held,
}

/// Where the durable part of each stream ends.
#[derive(Debug, Clone, Copy)]
struct Durable {
    facts: Place,
    turns: Place,
}

/// Opens the data directory `dir`, making it if it is not there, and hands all that it remembers to `visit`.
///
/// # Errors
/// Any of [`StoreError`]; nothing is lost by it.
pub fn open(dir: &Path, options: &Options, visit: &mut Visit<'_>) -> Result<Store, StoreError> {
    open_on(&(Arc::new(RealFiles) as Arc<dyn Files>), dir, options, visit)
}

/// As [`open`], on a disk of one's own. An index on disk is still kept by the operating system's.
///
/// # Errors
/// As for [`open`].
pub fn open_on(
    files: &Arc<dyn Files>,
    dir: &Path,
    options: &Options,
    visit: &mut Visit<'_>,
) -> Result<Store, StoreError> {
    let held = directory::hold_or_make(files, dir)?;
    let found = recovery::recover(&held.folder, &held.root, visit)?;
    let report = found.report.clone();
    log_report(&report);
    let (journal, archive) = EmbeddedJournal::start(held, options, found)?;
    Ok(Store { journal: Box::new(journal), archive: Arc::new(archive), report })
}

fn log_report(report: &RecoveryReport) {
    for torn in &report.torn {
        tracing::warn!(%torn, "an unfinished write was cut off");
    }
    if report.orphaned_turns > 0 {
        tracing::warn!(turns = report.orphaned_turns, "turns of an unfinished commit were cut off");
    }
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES,
            // A start replays at most this much: 0.1 s of facts, 0.3 s of turns.
            snapshot_facts: 100_000,
            snapshot_turns: 300_000,
            dictionary_samples: packing::SAMPLES,
            index: IndexKind::Sled { cache_bytes: 16 << 20 },
        }
    }
}

impl Options {
    fn site(&self, root: &Path) -> Site {
        match self.index {
            IndexKind::Sled { cache_bytes } => Site::Sled { dir: root.join(directory::INDEX), cache_bytes },
            IndexKind::Memory => Site::Memory,
        }
    }
}

// === impl EmbeddedJournal ===

impl EmbeddedJournal {
    fn start(held: Held, options: &Options, found: Found) -> Result<(Self, EmbeddedArchive), StoreError> {
        let folder = held.folder.clone();
        let root = held.root.clone();
        let follower = Arc::new(Follower::new(folder.clone(), options.site(&root), found.facts_end));
        let shared = Arc::new(Shared {
            chains: Mutex::new(found.chains),
            durable: Mutex::new(Durable { facts: found.facts_end, turns: found.turns_end }),
            lookup: Lookup::new(folder.clone()),
            follower,
            bundles: Bundles::new(&folder.files, &root),
            held,
        });
        let mut packer = Packer::new(options.dictionary_samples, packing::FAST);
        if let Some((dictionary, at)) = found.learned {
            packer.resume(dictionary, at);
        }
        let ends = (found.facts_end, found.turns_end);
        let journal = Self {
            options: options.clone(),
            writer: Writer::resume(&folder, ends, found.facts, options.segment_bytes, packer)?,
            facts_since_snapshot: found.facts_since,
            turns_since_snapshot: found.turns_since,
            poison: None,
            _follower: follow(&shared, options, &root)?,
            shared: Arc::clone(&shared),
        };
        Ok((journal, EmbeddedArchive(shared)))
    }

    fn write(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let facts_before = self.writer.fact_count();
        let ended = self.writer.encode(records, &self.shared.chains)?;
        self.writer.flush()?;
        let facts = self.writer.fact_count() - facts_before;
        self.facts_since_snapshot += facts;
        self.turns_since_snapshot += records.len() as u64 - facts;
        let position = self.writer.position();
        self.shared.set_durable(Durable { facts: position.facts_at, turns: position.turns_at });
        // After the end is durable, so that a reader finds a transcript in one of the two places at any moment.
        let mut chains = chains::lock(&self.shared.chains);
        ended.iter().for_each(|episode| chains.remove(episode));
        Ok(())
    }

    /// Runs `write` unless an earlier one failed; when it fails, it was the last.
    fn guarded(&mut self, write: impl FnOnce(&mut Self) -> Result<(), StoreError>) -> Result<(), StoreError> {
        if let Some(cause) = &self.poison {
            return Err(StoreError::Poisoned { cause: cause.clone() });
        }
        write(self).inspect_err(|error| {
            tracing::error!(%error, "the journal failed");
            self.poison = Some(error.to_string());
        })
    }
}

impl Journal for EmbeddedJournal {
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        if self.poison.is_none() {
            check_sizes(records)?;
            let chains = chains::lock(&self.shared.chains);
            sequence::check(records, |episode| chains.len_of(episode))?;
        }
        self.guarded(|journal| journal.write(records))
    }

    fn snapshot(&mut self, core: &Snapshot) -> Result<(), StoreError> {
        self.guarded(|journal| {
            let folder = &journal.shared.held.folder;
            let chains = chains::lock(&journal.shared.chains).clone();
            snapshots::write(folder, core, &journal.writer.position(), &chains, Role::Shortcut)?;
            (journal.facts_since_snapshot, journal.turns_since_snapshot) = (0, 0);
            Ok(())
        })
    }

    fn wants_snapshot(&self) -> bool {
        self.facts_since_snapshot >= self.options.snapshot_facts
            || self.turns_since_snapshot >= self.options.snapshot_turns
    }
}

impl Drop for EmbeddedJournal {
    fn drop(&mut self) {
        if self.poison.is_none() {
            self.writer.close();
        }
    }
}

fn follow(
    shared: &Arc<Shared>,
    options: &Options,
    root: &Path,
) -> Result<Option<FollowerThread>, StoreError> {
    if options.index == IndexKind::Memory {
        return Ok(None);
    }
    let of = Arc::clone(shared);
    let thread = FollowerThread::spawn(Arc::clone(&shared.follower), move || of.durable().facts);
    thread.map(Some).map_err(|error| StoreError::io("start a thread for the index of", root, error))
}

/// That a batch fits: nothing of it is written otherwise.
fn check_sizes(records: &[Record]) -> Result<(), StoreError> {
    let size = |record: &Record| match record {
        Record::Turn(turn) => turn.body.len(),
        Record::Fact(Fact::Ended { detail, turns, .. }) => detail.len() + turns.0 as usize * PLACE_BYTES,
        Record::Fact(Fact::Scored(score)) => score.verdict.len(),
        Record::Fact(Fact::Submitted { spec, .. }) => spec.document.len(),
        Record::Fact(_) => 0,
    };
    let sizes = records.iter().map(|record| size(record) + ROOM_BYTES);
    if let Some(size) = sizes.clone().find(|size| *size > MAX_PAYLOAD_BYTES) {
        return Err(StoreError::Invalid(format!("it has {size} bytes, the most are {MAX_PAYLOAD_BYTES}")));
    }
    if sizes.sum::<usize>() > MAX_COMMIT_BYTES {
        return Err(StoreError::Invalid(format!("a commit of more than {MAX_COMMIT_BYTES} bytes")));
    }
    Ok(())
}

/// What a record takes beside its large field: some 20 numbers of at most 10 bytes, and names.
const ROOM_BYTES: usize = 1 << 10;

/// What an outcome takes for the place of each of its turns, at most: two numbers.
const PLACE_BYTES: usize = 16;

// === impl Shared ===

impl Shared {
    fn durable(&self) -> Durable {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_durable(&self, durable: Durable) {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = durable;
    }

    /// The durable turns of an open job.
    fn open_chain(&self, of: &Episode) -> Option<Vec<Place>> {
        let end = self.durable().turns;
        let chains = chains::lock(&self.chains);
        let chain = chains.get(of)?;
        Some(chain.iter().copied().take_while(|place| *place < end).collect())
    }

    /// Asks the index; an answer that the journal does not bear out is asked for again, of a new index.
    fn ask<T>(
        &self,
        question: impl Fn(&dyn Index) -> Result<Vec<Place>, StoreError>,
        read: impl Fn(Vec<Place>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let durable = self.durable().facts;
        match self.follower.ask(durable, &question).and_then(&read) {
            Err(error @ (StoreError::Damaged { .. } | StoreError::Index(_))) => {
                self.follower.discard(&error);
                self.follower.ask(durable, &question).and_then(&read)
            }
            other => other,
        }
    }

    fn ended(&self, of: &Episode) -> Result<Option<EndedRow>, StoreError> {
        let key = Key::episode(of.0, of.1);
        let question = |index: &dyn Index| Ok(index.get(&key)?.into_iter().collect());
        self.ask(question, |places| {
            let ended = places.into_iter().next().map(|place| self.ended_at(place)).transpose()?;
            let right = ended.as_ref().is_none_or(|row| episode(&row.lease.key()) == *of);
            right.then_some(ended).ok_or_else(|| StoreError::Index("another episode stands there".to_owned()))
        })
    }

    fn ended_at(&self, place: Place) -> Result<EndedRow, StoreError> {
        match self.lookup.fact(place)?.kind {
            Some(FactKind::Ended(row)) => Ok(row),
            _ => Err(StoreError::Index("no outcome stands there".to_owned())),
        }
    }

    fn score_at(&self, place: Place) -> Result<ScoredRow, StoreError> {
        match self.lookup.fact(place)?.kind {
            Some(FactKind::Scored(row)) => Ok(row),
            _ => Err(StoreError::Index("no score stands there".to_owned())),
        }
    }
}

// === impl EmbeddedArchive ===

impl Archive for EmbeddedArchive {
    fn turns(&self, job: JobKey, generation: Generation) -> Result<Vec<TurnRecord>, StoreError> {
        let of = (job, generation);
        if let Some(places) = self.0.open_chain(&of) {
            return self.0.lookup.turns(&of, &places);
        }
        match self.0.ended(&of)? {
            Some(row) => self.0.lookup.transcript(&row),
            None => Ok(Vec::new()),
        }
    }

    fn episode(&self, job: JobKey, generation: Generation) -> Result<Option<EndedRecord>, StoreError> {
        self.0.ended(&(job, generation))?.map(ended_record).transpose()
    }

    fn episodes(
        &self,
        sweep: SweepId,
        after: Option<EpisodeKey>,
        limit: usize,
    ) -> Result<Vec<EndedRecord>, StoreError> {
        let prefix = Key::episodes(sweep);
        let after = after
            .map(|(lane, ordinal, generation)| Key::episode(JobKey { sweep, lane, ordinal }, generation));
        self.0.ask(
            |index| index.list(&prefix, after.as_ref(), limit),
            |places| places.into_iter().map(|place| ended_record(self.0.ended_at(place)?)).collect(),
        )
    }

    fn scores(&self, job: JobKey, generation: Generation) -> Result<Vec<ScoreRecord>, StoreError> {
        let prefix = Key::scores(job, generation);
        let mut scores: Vec<ScoreRecord> = self.0.ask(
            |index| index.list(&prefix, None, usize::MAX),
            |places| places.into_iter().map(|place| Ok(self.0.score_at(place)?.score())).collect(),
        )?;
        scores.sort_by(|a, b| (&a.scorer, &a.version).cmp(&(&b.scorer, &b.version)));
        Ok(scores)
    }

    fn put_bundle(&self, bytes: &[u8]) -> Result<BundleHash, StoreError> {
        self.0.bundles.put(bytes)
    }

    fn bundle(&self, hash: BundleHash) -> Result<Option<Bytes>, StoreError> {
        self.0.bundles.get(hash)
    }
}

fn ended_record(row: EndedRow) -> Result<EndedRecord, StoreError> {
    Ok(EndedRecord {
        lease: row.lease.key(),
        outcome: row.outcome().map_err(|error| StoreError::Invalid(error.to_string()))?,
        turns: TurnIndex(row.turns),
        usage: Usage::from(&row.usage),
        at: muster_core::Millis(row.at_ms),
        detail: row.detail,
    })
}
