//! What every store promises: the traits, and the plain data that passes through them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Fact, Generation, JobKey, Lane, LeaseKey, Millis, Ordinal, Outcome, Record, ScoreRecord, Snapshot,
    SweepId, TurnIndex, TurnRecord, Usage,
};

use crate::error::StoreError;

/// The one writer. What [`commit`](Journal::commit) has taken survives any crash.
pub trait Journal: Send {
    /// Makes `records` durable, in this order: it returns when they are.
    ///
    /// A turn appends to its job's transcript at its index: those before it stay, those from it on are dropped.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if a record can't follow those before it (a gap in a transcript, an empty outcome): nothing
    /// was written. After any other error the journal is poisoned: what is on disk is not known, every later
    /// commit fails, and the process must end. The next start finds out what is there.
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError>;

    /// Keeps `core`, so that the next start need not read what came before it.
    ///
    /// `core` must be the sum of exactly the records committed so far.
    ///
    /// # Errors
    /// As for [`commit`](Journal::commit).
    fn snapshot(&mut self, core: &Snapshot) -> Result<(), StoreError>;

    /// Whether so much was committed since the last snapshot that a new one is due.
    fn wants_snapshot(&self) -> bool;
}

/// The readers' side, shared by all threads. It knows all that was committed before the call.
///
/// A call may wait for the index to catch up with the journal; that of a live store is at most a moment behind,
/// but after the loss of its index a first question waits until it is rebuilt (about a second per million episodes).
pub trait Archive: Send + Sync {
    /// The transcript of a job, open or ended: its turns, by index from 0. Empty if nothing is known of it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a turn of it can't be read, [`StoreError::Io`] if the disk fails.
    fn turns(&self, job: JobKey, generation: Generation) -> Result<Vec<TurnRecord>, StoreError>;

    /// How a job ended, if it has.
    ///
    /// # Errors
    /// As for [`turns`](Archive::turns).
    fn episode(&self, job: JobKey, generation: Generation) -> Result<Option<EndedRecord>, StoreError>;

    /// The ended jobs of a sweep, at most `limit`, ordered by (lane, ordinal, generation), from the first after `after`.
    ///
    /// # Errors
    /// As for [`turns`](Archive::turns).
    fn episodes(
        &self,
        sweep: SweepId,
        after: Option<EpisodeKey>,
        limit: usize,
    ) -> Result<Vec<EndedRecord>, StoreError>;

    /// The verdicts on an episode, ordered by (scorer, version): of each version of a scorer the last one.
    ///
    /// # Errors
    /// As for [`turns`](Archive::turns).
    fn scores(&self, job: JobKey, generation: Generation) -> Result<Vec<ScoreRecord>, StoreError>;

    /// Keeps a suite's files, durable when it returns. The same bytes again change nothing.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the disk fails; the bundle may then be kept or not, and it can be put again.
    fn put_bundle(&self, bytes: &[u8]) -> Result<BundleHash, StoreError>;

    /// A bundle that was put, if there is one of that hash.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if its bytes are no longer those that were put.
    fn bundle(&self, hash: BundleHash) -> Result<Option<Bytes>, StoreError>;
}

/// An open store.
pub struct Store {
    /// The writer.
    pub journal: Box<dyn Journal>,
    /// The readers.
    pub archive: Arc<dyn Archive>,
    /// What the start found.
    pub report: RecoveryReport,
}

/// One piece of what a store remembers, in the order in which it is handed out when a store is opened.
#[derive(Debug, Clone, PartialEq)]
pub enum Replay {
    /// The sum of all before it. At most one, and the first.
    Snapshot(Box<Snapshot>),
    /// A fact, for `Core::apply`.
    Fact(Fact),
    /// A turn without its body, for `Core::apply_turn`.
    Turn {
        /// The lease under which the call was made.
        lease: LeaseKey,
        /// Its place in the episode.
        index: TurnIndex,
        /// What the call used.
        usage: Usage,
    },
}

/// Takes what a store remembers, piece by piece, so that it never stands in memory as a whole. An error ends the
/// opening as [`StoreError::Refused`].
pub type Visit<'a> = dyn FnMut(Replay) -> Result<(), String> + 'a;

/// An episode's place in its sweep; `episodes` is ordered by it.
pub type EpisodeKey = (Lane, Ordinal, Generation);

/// The BLAKE3 hash of a bundle's bytes.
pub type BundleHash = [u8; 32];

/// How a job ended: `Fact::Ended` as readers get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRecord {
    /// The lease under which it did.
    pub lease: LeaseKey,
    /// How.
    pub outcome: Outcome,
    /// Turns in its transcript.
    pub turns: TurnIndex,
    /// All that the job used in this generation.
    pub usage: Usage,
    /// When.
    pub at: Millis,
    /// The episode's own account of its end, encoded by `muster_episode`; or a failure's message (UTF-8).
    pub detail: Bytes,
}

/// What a start found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    /// Whether a snapshot was used.
    pub from_snapshot: bool,
    /// Facts replayed.
    pub facts: u64,
    /// Turns replayed (their bodies are not read).
    pub turns: u64,
    /// Ends of the journal that were not whole, as a crash leaves them, and were cut off.
    pub torn: Vec<TornTail>,
    /// Turns cut off because the facts that they came after never became durable. They were never acknowledged.
    pub orphaned_turns: u64,
    /// What was acknowledged and is missing all the same, one sentence each, for people. No crash does this: someone or
    /// something cut the files short. At most `embedded::MAX_LOST_SENTENCES`.
    pub lost: Vec<String>,
}

/// The end of a stream that was not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// Which stream.
    pub stream: Stream,
    /// The number of its segment.
    pub segment: u32,
    /// Where the last whole record ended.
    pub offset: u64,
    /// Bytes cut off.
    pub bytes: u64,
}

/// One of the journal's two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Changes of the core's state.
    Facts,
    /// Paid answers.
    Turns,
}

// === impl RecoveryReport ===

impl RecoveryReport {
    /// Whether something had been cut off or lost.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.torn.is_empty() && self.orphaned_turns == 0 && self.lost.is_empty()
    }
}

// === impl TornTail ===

impl fmt::Display for TornTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, segment, offset, bytes } = self;
        write!(f, "{bytes} bytes of an unfinished write cut off {stream} segment {segment} at {offset}")
    }
}

// === impl Stream ===

impl Stream {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Facts, Self::Turns];

    /// Its name in file names and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Turns => "turns",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
