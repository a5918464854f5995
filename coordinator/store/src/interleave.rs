//! Reading both streams as the one sequence in which they were written. Each turn says how many facts came before it.

use muster_core::{LeaseKey, TurnIndex, Usage};
use prost::Message;

use crate::contract::Stream;
use crate::error::StoreError;
use crate::format::{FactRow, TurnHead};
use crate::frame::{Kind, Rank};
use crate::log::{Item, Log, Tolerance};
use crate::manifest::Folder;
use crate::place::Place;
use crate::record;
use crate::snapshots::Position;

/// The two streams of a journal from a position on.
#[derive(Debug)]
pub(crate) struct Interleaved {
    pub(crate) facts_log: Log,
    pub(crate) turns_log: Log,
    /// Facts that came before.
    pub(crate) facts: u64,
    /// The next turn of its stream; at the end, the first of those whose facts never came.
    pub(crate) turn: Option<Turn>,
    /// The last dictionary that was passed.
    pub(crate) dictionary: Option<(Vec<u8>, Place)>,
    /// Facts that came before the last turn.
    after: u64,
    primed: bool,
}

/// A record of either stream.
#[derive(Debug)]
pub(crate) enum Piece {
    Fact(Item, Box<FactRow>),
    Turn(Turn),
}

/// A turn, without its body.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) item: Item,
    /// Facts that came before it.
    pub(crate) after: u64,
    pub(crate) lease: LeaseKey,
    pub(crate) index: TurnIndex,
    pub(crate) usage: Usage,
}

// === impl Interleaved ===

impl Interleaved {
    pub(crate) fn open(folder: &Folder, from: &Position, tolerance: Tolerance) -> Result<Self, StoreError> {
        Ok(Self {
            facts_log: Log::open(folder, Stream::Facts, from.facts_at, tolerance)?,
            turns_log: Log::open(folder, Stream::Turns, from.turns_at, tolerance)?,
            facts: from.facts,
            turn: None,
            dictionary: None,
            after: from.facts,
            primed: false,
        })
    }

    /// The next record. None when the facts are at their end and no turn follows them that has all of its facts.
    pub(crate) fn advance(&mut self) -> Result<Option<Piece>, StoreError> {
        if !self.primed {
            self.turn = self.next_turn()?;
            self.primed = true;
        }
        if let Some(turn) = self.turn.take_if(|turn| turn.after <= self.facts) {
            self.turn = self.next_turn()?;
            return Ok(Some(Piece::Turn(turn)));
        }
        while let Some(item) = self.facts_log.advance()? {
            if let Some(row) = self.fact(item)? {
                self.facts += 1;
                return Ok(Some(Piece::Fact(item, Box::new(row))));
            }
        }
        Ok(None)
    }

    /// The next turn of its stream, whatever came of its facts.
    pub(crate) fn next_turn(&mut self) -> Result<Option<Turn>, StoreError> {
        while let Some(item) = self.turns_log.advance()? {
            match item.kind {
                Kind::Turn => {
                    if let Some(turn) = self.decode_turn(item)? {
                        self.after = turn.after;
                        return Ok(Some(turn));
                    }
                }
                Kind::Dictionary => self.dictionary = Some((self.turns_log.payload().to_vec(), item.place)),
                // Merged turns belong to facts before any position that a journal is read from.
                Kind::Merged => {}
                _ => self.turns_log.refuse(item, "a record of this kind does not belong here")?,
            }
        }
        Ok(None)
    }

    fn decode_turn(&mut self, item: Item) -> Result<Option<Turn>, StoreError> {
        let Some((head, _)) = record::head::<TurnHead>(self.turns_log.payload()) else {
            self.turns_log.refuse(item, "it is no turn")?;
            return Ok(None);
        };
        // Where a header is lost, its turns came after those before them: that much is known.
        let before = self.turns_log.header().map_or(self.after, |header| header.facts_before);
        Ok(Some(Turn {
            item,
            after: before.saturating_add(head.facts_since),
            lease: head.lease.key(),
            index: TurnIndex(head.index),
            usage: Usage::from(&head.usage),
        }))
    }

    fn fact(&mut self, item: Item) -> Result<Option<FactRow>, StoreError> {
        if item.kind != Kind::Fact {
            self.facts_log.refuse(item, "a record of this kind does not belong here")?;
            return Ok(None);
        }
        self.check_count(item)?;
        match FactRow::decode(self.facts_log.payload()) {
            Ok(row) => Ok(Some(row)),
            Err(error) => self.facts_log.refuse(item, &error.to_string()).map(|()| None),
        }
    }

    /// A segment's first fact comes after as many as its header says; where some were lost, the count goes on from there.
    fn check_count(&mut self, item: Item) -> Result<(), StoreError> {
        let Some(header) = self.facts_log.header() else { return Ok(()) };
        let first = item.rank == Rank::Later && item.place.offset() == record::framed_bytes(header);
        let before = header.facts_before;
        if first && before != self.facts {
            let what = format!("{before} facts should come before this segment, {} do", self.facts);
            self.facts_log.refuse(item, &what)?;
            self.facts = self.facts.max(before);
        }
        Ok(())
    }
}
