//! Reading both streams as the one sequence in which they were written. Each turn says how many facts came before it.

use muster_core::{LeaseKey, TurnIndex, Usage};
use prost::Message;

use crate::contract::Stream;
use crate::error::StoreError;
use crate::format::{FactRow, TurnHead};
use crate::frame::Kind;
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
    /// The next fact of its stream, and how many came before it.
    fact: Option<(Item, FactRow, u64)>,
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
            fact: None,
            primed: false,
        })
    }

    /// The next record. None when the facts are at their end and no turn follows them that has all of its facts.
    pub(crate) fn advance(&mut self) -> Result<Option<Piece>, StoreError> {
        if !self.primed {
            self.turn = self.next_turn()?;
            self.fact = self.read_fact()?;
            self.primed = true;
        }
        let before = self.fact.as_ref().map_or(self.facts, |(_, _, before)| *before);
        if let Some(turn) = self.turn.take_if(|turn| turn.after <= before) {
            self.turn = self.next_turn()?;
            return Ok(Some(Piece::Turn(turn)));
        }
        let Some((item, row, before)) = self.fact.take() else { return Ok(None) };
        self.facts = before.saturating_add(1);
        self.fact = self.read_fact()?;
        Ok(Some(Piece::Fact(item, Box::new(row))))
    }

    /// The next fact of its stream, whatever turns come before it. Not to be mixed with `advance`.
    pub(crate) fn next_fact(&mut self) -> Result<Option<(Item, FactRow)>, StoreError> {
        let found = self.read_fact()?;
        Ok(found.map(|(item, row, before)| {
            self.facts = before.saturating_add(1);
            (item, row)
        }))
    }

    /// The next turn of its stream, whatever came of its facts.
    pub(crate) fn next_turn(&mut self) -> Result<Option<Turn>, StoreError> {
        while let Some(item) = self.turns_log.advance()? {
            match item.kind {
                Kind::Turn => {
                    if let Some(turn) = self.decode_turn(item)? {
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
        Ok(Some(Turn {
            item,
            after: head.facts_before,
            lease: head.lease.key(),
            index: TurnIndex(head.index),
            usage: Usage::from(&head.usage),
        }))
    }

    fn read_fact(&mut self) -> Result<Option<(Item, FactRow, u64)>, StoreError> {
        while let Some(item) = self.facts_log.advance()? {
            if item.kind != Kind::Fact {
                self.facts_log.refuse(item, "a record of this kind does not belong here")?;
                continue;
            }
            match FactRow::decode(self.facts_log.payload()) {
                Ok(row) => {
                    let before = self.count_before(item, &row)?;
                    return Ok(Some((item, row, before)));
                }
                Err(error) => self.facts_log.refuse(item, &error.to_string())?,
            }
        }
        Ok(None)
    }

    /// A fact says how many came before it; where some were lost, the count goes on from there.
    fn count_before(&mut self, item: Item, row: &FactRow) -> Result<u64, StoreError> {
        let before = row.facts_before;
        if before != self.facts {
            let what = format!("{before} facts should come before it, {} do", self.facts);
            self.facts_log.refuse(item, &what)?;
        }
        Ok(before.max(self.facts))
    }
}
