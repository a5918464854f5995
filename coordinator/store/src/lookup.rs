//! Reading single records by their places, from any thread.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use muster_core::{Attempt, LeaseKey, TurnIndex, TurnRecord, Usage};
use prost::Message;

use crate::contract::Stream;
use crate::error::StoreError;
use crate::files::File;
use crate::format::{EndedRow, FactRow, MergedHead, PackingRow, TurnHead};
use crate::frame::{Found, Frames, Kind, Salt};
use crate::manifest::Folder;
use crate::packing::{self, Decoder};
use crate::place::{self, Place};
use crate::record;
use crate::sequence::{Episode, episode};

/// Segments kept open: far below a process's usual 1,024 files, and 8 GB of journal.
const MAX_OPEN_SEGMENTS: usize = 128;

/// A dictionary's copy begins within so many bytes of it: they stand side by side.
const COPY_WITHIN_BYTES: u64 = 1 << 20;

/// Dictionaries kept ready, at some 40 KB each.
const MAX_DICTIONARIES: usize = 64;

/// Reads records of one journal.
#[derive(Debug)]
pub(crate) struct Lookup {
    folder: Folder,
    segments: Mutex<HashMap<(Stream, u32), Segment>>,
    dictionaries: Mutex<HashMap<Place, Arc<Dictionary>>>,
}

struct Dictionary(Decoder);

/// A segment kept open.
#[derive(Debug, Clone)]
struct Segment {
    file: Arc<dyn File>,
    salt: Salt,
}

// === impl Lookup ===

impl Lookup {
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder, segments: Mutex::default(), dictionaries: Mutex::default() }
    }

    /// The fact at a place.
    pub(crate) fn fact(&self, place: Place) -> Result<FactRow, StoreError> {
        let payload = self.payload(Stream::Facts, place, Kind::Fact)?;
        FactRow::decode(&payload[..]).map_err(|error| self.damaged(Stream::Facts, place, error.to_string()))
    }

    /// The transcript of an ended job.
    pub(crate) fn transcript(&self, row: &EndedRow) -> Result<Vec<TurnRecord>, StoreError> {
        let lease = row.lease.key();
        let wrong = |what: String| StoreError::damaged(&self.folder.dir, 0, what);
        let places =
            place::unpack(&row.places).ok_or_else(|| wrong(format!("the end of {lease} names no places")))?;
        let turns = match (row.merged, &places[..]) {
            (true, [place]) => self.merged(&episode(&lease), *place)?,
            _ => self.turns(&episode(&lease), &places)?,
        };
        match turns.len() == row.turns as usize {
            true => Ok(turns),
            false => {
                Err(wrong(format!("of the {} turns of {lease} only {} were saved", row.turns, turns.len())))
            }
        }
    }

    /// The turns of an ended job up to the first that can't be read.
    pub(crate) fn readable_turns(&self, row: &EndedRow) -> Vec<TurnRecord> {
        let of = episode(&row.lease.key());
        let places = place::unpack(&row.places).unwrap_or_default();
        if row.merged {
            return places.first().and_then(|place| self.merged(&of, *place).ok()).unwrap_or_default();
        }
        let turns = places.iter().enumerate().map(|(index, place)| self.turn(&of, index, *place));
        turns.map_while(Result::ok).collect()
    }

    /// The turns at `places`, which must be those of `of`, in order.
    pub(crate) fn turns(&self, of: &Episode, places: &[Place]) -> Result<Vec<TurnRecord>, StoreError> {
        let turn = |(index, place): (usize, &Place)| self.turn(of, index, *place);
        places.iter().enumerate().map(turn).collect()
    }

    /// One turn, which must be the one of this index.
    pub(crate) fn turn(&self, of: &Episode, index: usize, place: Place) -> Result<TurnRecord, StoreError> {
        let damaged = |what| self.damaged(Stream::Turns, place, what);
        let payload = self.payload(Stream::Turns, place, Kind::Turn)?;
        let (head, body) = record::head::<TurnHead>(&payload).ok_or_else(|| damaged("it is no turn"))?;
        let lease = head.lease.key();
        if episode(&lease) != *of || head.index as usize != index {
            return Err(damaged("another turn stands here than the one that belongs to the transcript"));
        }
        let body = self.unpack(&head.packing, body, place)?;
        Ok(TurnRecord { lease, index: TurnIndex(head.index), usage: Usage::from(&head.usage), body })
    }

    /// All turns of a finished episode that `compact` has merged into one record.
    pub(crate) fn merged(&self, of: &Episode, place: Place) -> Result<Vec<TurnRecord>, StoreError> {
        let damaged = |what| self.damaged(Stream::Turns, place, what);
        let payload = self.payload(Stream::Turns, place, Kind::Merged)?;
        let (head, packed) =
            record::head::<MergedHead>(&payload).ok_or_else(|| damaged("it is no merged record"))?;
        if episode(&head.lease.key()) != *of {
            return Err(damaged("another episode stands here"));
        }
        let mut bodies = self.unpack(&head.packing, packed, place)?;
        let split =
            split(&head, &mut bodies).ok_or_else(|| damaged("its bodies are not as long as it says"))?;
        Ok(split)
    }

    /// The body of a turn that was packed into the segment of `place`.
    pub(crate) fn unpack(
        &self,
        packing: &PackingRow,
        packed: &[u8],
        place: Place,
    ) -> Result<Bytes, StoreError> {
        let learned = match packing.learned_at {
            0 => None,
            at => Some(self.dictionary(Place::new(place.segment, at))?),
        };
        let decoder = learned.as_ref().map(|learned| &learned.0);
        packing::unpack(packing, packed, decoder).map_err(|what| self.damaged(Stream::Turns, place, what))
    }

    fn dictionary(&self, place: Place) -> Result<Arc<Dictionary>, StoreError> {
        let known = |lookup: &Self| lock(&lookup.dictionaries).get(&place).cloned();
        if let Some(found) = known(self) {
            return Ok(found);
        }
        let payload = self.dictionary_payload(place)?;
        let decoder = packing::decoder(&payload)
            .ok_or_else(|| self.damaged(Stream::Turns, place, "the dictionary can't be used"))?;
        let made = Arc::new(Dictionary(decoder));
        let mut dictionaries = lock(&self.dictionaries);
        if dictionaries.len() >= MAX_DICTIONARIES {
            dictionaries.clear();
        }
        dictionaries.insert(place, Arc::clone(&made));
        Ok(made)
    }

    /// The dictionary at a place; where it is damaged, its copy, which is the next whole record.
    fn dictionary_payload(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        match self.payload(Stream::Turns, place, Kind::Dictionary) {
            Err(StoreError::Damaged { .. }) => {}
            other => return other,
        }
        let mut frames = self.frames(Stream::Turns, place)?.no_further_than(COPY_WITHIN_BYTES);
        let io = |error| self.unreadable(Stream::Turns, place, error);
        if frames.skip_broken().map_err(io)?
            && let Found::Frame(frame) = frames.advance().map_err(io)?
            && frame.kind == Kind::Dictionary
        {
            return Ok(frames.payload().to_vec());
        }
        Err(self.damaged(Stream::Turns, place, "the dictionary and its copy are damaged"))
    }

    fn payload(&self, stream: Stream, place: Place, kind: Kind) -> Result<Vec<u8>, StoreError> {
        let mut frames = self.frames(stream, place)?;
        let found = frames.advance();
        let what = match found.map_err(|error| self.unreadable(stream, place, error))? {
            Found::Frame(frame) if frame.kind == kind => return Ok(frames.into_payload()),
            Found::Frame(_) => "a record of another kind stands here",
            Found::End => "the file ends before it",
            Found::Broken(what) => what,
        };
        Err(self.damaged(stream, place, what))
    }

    /// The frames from a place on. How long the file is shows when it is read.
    fn frames(&self, stream: Stream, place: Place) -> Result<Frames, StoreError> {
        let Segment { file, salt } = self.segment(stream, place.segment)?;
        Ok(Frames::new(file, salt, place.offset(), u64::from(u32::MAX)).read_little())
    }

    fn segment(&self, stream: Stream, segment: u32) -> Result<Segment, StoreError> {
        let mut segments = lock(&self.segments);
        if let Some(found) = segments.get(&(stream, segment)) {
            return Ok(found.clone());
        }
        let path = self.folder.path(stream, segment);
        let file = self.folder.files.open(&path).map_err(|error| StoreError::io("open", &path, error))?;
        if segments.len() >= MAX_OPEN_SEGMENTS {
            segments.clear();
        }
        let opened = Segment { file, salt: self.folder.salt(stream, segment) };
        segments.insert((stream, segment), opened.clone());
        Ok(opened)
    }

    fn unreadable(&self, stream: Stream, place: Place, error: io::Error) -> StoreError {
        StoreError::io("read", &self.folder.path(stream, place.segment), error)
    }

    fn damaged(&self, stream: Stream, place: Place, what: impl Into<String>) -> StoreError {
        StoreError::damaged(&self.folder.path(stream, place.segment), place.offset(), what)
    }
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dictionary")
    }
}

fn split(head: &MergedHead, bodies: &mut Bytes) -> Option<Vec<TurnRecord>> {
    let mut turns = Vec::with_capacity(head.turns.len());
    for (index, row) in head.turns.iter().enumerate() {
        let len = usize::try_from(row.body_len).ok().filter(|len| *len <= bodies.len())?;
        turns.push(TurnRecord {
            lease: LeaseKey { attempt: Attempt(row.attempt), ..head.lease.key() },
            index: TurnIndex(u32::try_from(index).ok()?),
            usage: Usage::from(&row.usage),
            body: bodies.split_to(len),
        });
    }
    bodies.is_empty().then_some(turns)
}

/// What these locks guard is a cache: whole at any moment, whoever panicked.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
