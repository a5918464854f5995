//! Turning records into frames of the two streams.

use std::sync::Mutex;

use muster_core::{Fact, Record, TurnRecord};
use prost::Message;

use crate::chains::{self, Chains};
use crate::contract::Stream;
use crate::error::StoreError;
use crate::format::{EndedRow, FactKind, FactRow, LeaseRow, MergedHead, MergedTurnRow, TurnHead, UsageRow};
use crate::frame::Kind;
use crate::manifest::Folder;
use crate::packing::Packer;
use crate::place::{self, Place};
use crate::record;
use crate::segment::Appender;
use crate::sequence::{Episode, episode};
use crate::snapshots::Position;

/// The end of a journal.
#[derive(Debug)]
pub(crate) struct Writer {
    facts: Appender,
    turns: Appender,
    packer: Packer,
    /// Facts written, ever.
    fact_count: u64,
    segment_bytes: u64,
}

/// About what a turn takes beside its body.
const TURN_BYTES: usize = 40;

// === impl Writer ===

impl Writer {
    /// Goes on where a start found the ends of the facts and the turns.
    pub(crate) fn resume(
        folder: &Folder,
        ends: (Place, Place),
        fact_count: u64,
        segment_bytes: u64,
        packer: Packer,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            facts: Appender::resume(folder, Stream::Facts, ends.0)?,
            turns: Appender::resume(folder, Stream::Turns, ends.1)?,
            packer,
            fact_count,
            segment_bytes,
        })
    }

    pub(crate) fn fact_count(&self) -> u64 {
        self.fact_count
    }

    /// Where it stands, after a flush.
    pub(crate) fn position(&self) -> Position {
        Position {
            facts: self.fact_count,
            facts_at: self.facts.end(),
            turns_at: self.turns.end(),
            learned_at: self.packer.learned_offset(),
        }
    }

    /// Bytes not flushed yet.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.facts.pending_bytes() + self.turns.pending_bytes()
    }

    /// Adds a batch. Returns the episodes that it ends, whose chains may go once it is durable.
    pub(crate) fn encode(
        &mut self,
        records: &[Record],
        chains: &Mutex<Chains>,
    ) -> Result<Vec<Episode>, StoreError> {
        let mut ended = Vec::new();
        for record in records {
            match record {
                Record::Turn(turn) => {
                    let place = self.turn(turn)?;
                    chains::lock(chains).turn(&turn.lease, turn.index, place);
                }
                Record::Fact(fact) => ended.extend(self.encode_fact(fact, chains)?),
            }
        }
        Ok(ended)
    }

    /// Writes and syncs what was added: turns first, for a fact may speak of them.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        self.turns.flush()?;
        self.facts.flush()
    }

    /// Marks an orderly end.
    pub(crate) fn close(&mut self) {
        self.turns.close();
        self.facts.close();
    }

    /// Adds a turn.
    pub(crate) fn turn(&mut self, turn: &TurnRecord) -> Result<Place, StoreError> {
        self.make_room_for_turns()?;
        let (packing, body) = self.packer.pack(&turn.body);
        let head = TurnHead {
            lease: turn.lease.into(),
            index: turn.index.0,
            facts_before: self.fact_count,
            usage: (&turn.usage).into(),
            packing,
        };
        Ok(self.turns.push(Kind::Turn, |buf| record::append(buf, &head, body)))
    }

    /// Adds a fact.
    pub(crate) fn fact(&mut self, mut row: FactRow) -> Result<(), StoreError> {
        self.facts.make_room(self.segment_bytes)?;
        row.facts_before = self.fact_count;
        self.facts.push(Kind::Fact, |buf| row.encode_raw(buf));
        self.fact_count += 1;
        Ok(())
    }

    /// Adds the end of an episode with its turns, these as one record if that is smaller. Returns whether it was.
    pub(crate) fn episode(&mut self, mut row: EndedRow, turns: &[TurnRecord]) -> Result<bool, StoreError> {
        let merged = match turns {
            [] | [_] => None,
            _ => self.merged(row.lease, turns)?,
        };
        row.merged = merged.is_some();
        let places = match merged {
            Some(place) => vec![place],
            None => turns.iter().map(|turn| self.turn(turn)).collect::<Result<_, _>>()?,
        };
        row.places = place::pack(&places);
        let was_merged = row.merged;
        self.fact(FactRow::of(FactKind::Ended(row)))?;
        Ok(was_merged)
    }

    fn merged(&mut self, lease: LeaseRow, turns: &[TurnRecord]) -> Result<Option<Place>, StoreError> {
        self.make_room_for_turns()?;
        let apart: usize = turns.iter().map(|turn| self.packer.pack(&turn.body).1.len() + TURN_BYTES).sum();
        let bodies: Vec<u8> = turns.iter().flat_map(|turn| turn.body.iter().copied()).collect();
        let (packing, packed) = self.packer.pack_unsampled(&bodies);
        let row = |turn: &TurnRecord| MergedTurnRow {
            attempt: turn.lease.attempt.0,
            usage: UsageRow::from(&turn.usage),
            body_len: turn.body.len() as u64,
        };
        let head = MergedHead { lease, turns: turns.iter().map(row).collect(), packing };
        if head.encoded_len() + packed.len() >= apart {
            return Ok(None);
        }
        Ok(Some(self.turns.push(Kind::Merged, |buf| record::append(buf, &head, packed))))
    }

    fn make_room_for_turns(&mut self) -> Result<(), StoreError> {
        let new_segment = self.turns.make_room(self.segment_bytes)?;
        if new_segment {
            self.packer.learned_at(0);
        }
        // Twice, for without it a segment's turns can't be read.
        if let Some(dictionary) = self.packer.dictionary(new_segment) {
            let place = self.turns.push(Kind::Dictionary, |buf| buf.extend_from_slice(dictionary));
            self.turns.push(Kind::Dictionary, |buf| buf.extend_from_slice(dictionary));
            self.packer.learned_at(place.offset());
        }
        Ok(())
    }

    fn encode_fact(&mut self, fact: &Fact, chains: &Mutex<Chains>) -> Result<Option<Episode>, StoreError> {
        let mut row = FactRow::new(fact);
        let mut ended = None;
        let mut chains = chains::lock(chains);
        if let (Some(FactKind::Ended(row)), Fact::Ended { lease, turns, .. }) = (&mut row.kind, fact) {
            row.places = place::pack(chains.prefix(lease, *turns));
            ended = Some(episode(lease));
        }
        chains.fact(fact);
        drop(chains);
        self.fact(row)?;
        Ok(ended)
    }
}
