//! Writing a journal anew, in a folder of its own: what `compact` and `rebuild` have in common.
//!
//! What came before the last snapshot is history: its episodes are written whole, their turns as one record if that pays, and turns that
//! belong to no transcript are left out. What came after it is written as it came, for a start replays it. Nothing takes
//! effect until the MANIFEST names the new folder; until then a crash leaves the old one in force.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use muster_core::{Record, Snapshot, SweepId, TurnRecord};

use crate::chains::{self, Chains};
use crate::directory::{self, Held};
use crate::error::StoreError;
use crate::files::{Files, SyncPoint};
use crate::format::{EndedRow, FactKind, FactRow};
use crate::interleave::{Interleaved, Piece, Turn};
use crate::log::{Item, Problem, Tolerance};
use crate::lookup::Lookup;
use crate::manifest::{self, Folder, Manifest};
use crate::packing::{self, Packer};
use crate::place::Place;
use crate::sequence::{Episode, episode};
use crate::snapshots::{self, Position, Restored, Role};
use crate::writer::Writer;

/// Bytes gathered before they are written.
const FLUSH_BYTES: usize = 4 << 20;

/// What is to become of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Any damage ends it, and the old journal stays in force.
    Refuse,
    /// What is whole is kept, what is not is noted.
    Keep,
}

/// What was written.
#[derive(Debug, Clone)]
pub(crate) struct Rewritten {
    pub(crate) facts: u64,
    pub(crate) turns: u64,
    pub(crate) episodes: u64,
    pub(crate) merged: u64,
    pub(crate) problems: Vec<Problem>,
    manifest: Manifest,
}

struct Rewriter<'a> {
    from: &'a Folder,
    care: Care,
    lookup: Lookup,
    removed: HashSet<SweepId>,
    to: Folder,
    writer: Writer,
    chains: Mutex<Chains>,
    done: Rewritten,
}

/// Writes the journal of `held` anew. It counts once the caller [puts it in force](Rewritten::put_in_force).
pub(crate) fn rewrite(
    files: &Arc<dyn Files>,
    held: &Held,
    snapshot: Option<Restored>,
    care: Care,
    segment_bytes: u64,
) -> Result<Rewritten, StoreError> {
    let root = &held.root;
    let next = Manifest { journal: held.manifest.journal + 1, base: None, ..held.manifest.clone() };
    let to = next.folder(files, root);
    if files.exists(&to.dir) {
        files.remove_dir_all(&to.dir).map_err(|error| StoreError::io("remove", &to.dir, error))?;
    }
    files.create_dir_all(&to.dir).map_err(|error| StoreError::io("make", &to.dir, error))?;
    let packer = Packer::new(packing::SAMPLES, packing::SMALL);
    let rewriter = Rewriter {
        from: &held.folder,
        care,
        lookup: Lookup::new(held.folder.clone()),
        removed: removed_sweeps(&held.folder, care)?,
        writer: Writer::resume(&to, (Place::START, Place::START), 0, segment_bytes, packer)?,
        to,
        chains: Mutex::default(),
        done: Rewritten { facts: 0, turns: 0, episodes: 0, merged: 0, problems: Vec::new(), manifest: next },
    };
    rewriter.run(snapshot)
}

fn removed_sweeps(folder: &Folder, care: Care) -> Result<HashSet<SweepId>, StoreError> {
    let mut removed = HashSet::new();
    let mut journal = Interleaved::open(folder, &Position::default(), care.tolerance())?;
    while let Some(piece) = journal.advance()? {
        if let Piece::Fact(_, row) = piece
            && let Some(FactKind::Removed(sweep)) = row.kind
        {
            removed.insert(SweepId(sweep));
        }
    }
    Ok(removed)
}

// === impl Care ===

impl Care {
    fn tolerance(self) -> Tolerance {
        match self {
            Self::Refuse => Tolerance::TornEnd,
            Self::Keep => Tolerance::Salvage,
        }
    }
}

// === impl Rewriter ===

impl Rewriter<'_> {
    fn run(mut self, snapshot: Option<Restored>) -> Result<Rewritten, StoreError> {
        let mut position = Position::default();
        if let Some(found) = snapshot {
            position = found.position;
            self.history(&position)?;
            self.open_chains(&found.chains)?;
            self.writer.flush()?;
            self.done.manifest.base = Some(self.base(&found.core)?);
        }
        self.tail(&position)?;
        self.writer.flush()?;
        self.writer.close();
        Ok(self.done)
    }

    /// The facts before the snapshot, with their turns.
    fn history(&mut self, until: &Position) -> Result<(), StoreError> {
        let start = Position { turns_at: until.turns_at, ..Position::default() };
        let mut journal = Interleaved::open(self.from, &start, self.care.tolerance())?;
        while journal.facts_log.at() < until.facts_at {
            let Some((item, row)) = journal.next_fact()? else { break };
            if item.place >= until.facts_at {
                break;
            }
            self.old_fact(item, row)?;
            self.flush_if_full()?;
        }
        self.note(&mut journal);
        Ok(())
    }

    fn old_fact(&mut self, item: Item, row: FactRow) -> Result<(), StoreError> {
        let Some(row) = self.keep(row) else { return Ok(()) };
        self.done.facts += 1;
        let Some(FactKind::Ended(ended)) = row.kind else { return self.writer.fact(row) };
        let turns = self.saved_turns(item, &ended)?;
        self.done.episodes += 1;
        self.done.turns += turns.len() as u64;
        self.done.merged += u64::from(self.writer.episode(ended, &turns)?);
        Ok(())
    }

    /// The turns of an ended job; of a damaged one those before the damage.
    fn saved_turns(&mut self, item: Item, ended: &EndedRow) -> Result<Vec<TurnRecord>, StoreError> {
        let error = match self.lookup.transcript(ended) {
            Ok(turns) => return Ok(turns),
            Err(error) => error,
        };
        self.damage(item.place, error)?;
        Ok(self.lookup.readable_turns(ended))
    }

    /// The open jobs' turns of before the snapshot.
    fn open_chains(&mut self, open: &Chains) -> Result<(), StoreError> {
        for ((job, generation), places) in open.sorted() {
            if self.removed.contains(&job.sweep) {
                continue;
            }
            for (index, place) in places.iter().enumerate() {
                match self.lookup.turn(&(job, generation), index, *place) {
                    Ok(turn) => self.turn(&turn)?,
                    Err(error) => {
                        self.damage(*place, error)?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn base(&mut self, core: &Snapshot) -> Result<u32, StoreError> {
        let chains = chains::lock(&self.chains).clone();
        snapshots::write(&self.to, core, &self.writer.position(), &chains, Role::Base)
    }

    /// All that came after the snapshot, in its order.
    fn tail(&mut self, from: &Position) -> Result<(), StoreError> {
        let mut journal = Interleaved::open(self.from, from, self.care.tolerance())?;
        let mut ended = Vec::new();
        while let Some(piece) = journal.advance()? {
            match piece {
                Piece::Turn(turn) => self.new_turn(&turn)?,
                Piece::Fact(item, row) => ended.extend(self.new_fact(item, *row)?),
            }
            self.flush_if_full()?;
        }
        let mut chains = chains::lock(&self.chains);
        ended.iter().for_each(|episode| chains.remove(episode));
        drop(chains);
        self.note(&mut journal);
        Ok(())
    }

    fn new_turn(&mut self, turn: &Turn) -> Result<(), StoreError> {
        if self.removed.contains(&turn.lease.job.sweep) {
            return Ok(());
        }
        let of = episode(&turn.lease);
        let gap = turn.index.0 as usize > chains::lock(&self.chains).len_of(&of);
        let found = match gap {
            false => self.lookup.turn(&of, turn.index.0 as usize, turn.item.place),
            true => Err(StoreError::Invalid(format!(
                "turn {} of {} follows a turn that is lost",
                turn.index, turn.lease
            ))),
        };
        match found {
            Ok(found) => self.turn(&found),
            Err(error) => self.damage(turn.item.place, error),
        }
    }

    fn turn(&mut self, turn: &TurnRecord) -> Result<(), StoreError> {
        self.done.turns += 1;
        self.writer.encode(&[Record::Turn(turn.clone())], &self.chains).map(drop)
    }

    fn new_fact(&mut self, item: Item, row: FactRow) -> Result<Option<Episode>, StoreError> {
        // An episode that was merged before the snapshot it was read from was lost: it is whole already.
        let merged = matches!(&row.kind, Some(FactKind::Ended(ended)) if ended.merged);
        if merged {
            self.old_fact(item, row)?;
            return Ok(None);
        }
        let Some(row) = self.keep(row) else { return Ok(None) };
        let fact = match row.fact() {
            Ok(fact) => fact,
            Err(error) => {
                return self.damage(item.place, StoreError::Invalid(error.to_string())).map(|()| None);
            }
        };
        self.done.facts += 1;
        let ended = self.writer.encode(&[Record::Fact(fact)], &self.chains)?;
        self.done.episodes += ended.len() as u64;
        Ok(ended.into_iter().next())
    }

    /// What is kept of a fact: of a removed sweep only that it was, so that its number is not given again.
    fn keep(&self, mut row: FactRow) -> Option<FactRow> {
        if !row.sweep().is_some_and(|sweep| self.removed.contains(&sweep)) {
            return Some(row);
        }
        match &mut row.kind {
            Some(FactKind::Submitted(submitted)) => submitted.spec.document.clear(),
            Some(FactKind::Removed(_)) => {}
            _ => return None,
        }
        Some(row)
    }

    fn flush_if_full(&mut self) -> Result<(), StoreError> {
        if self.writer.pending_bytes() < FLUSH_BYTES {
            return Ok(());
        }
        self.writer.flush()
    }

    fn damage(&mut self, place: Place, error: StoreError) -> Result<(), StoreError> {
        if self.care == Care::Refuse {
            return Err(error);
        }
        let (path, offset, what) = match error {
            StoreError::Damaged { path, offset, what } => (path, offset, what),
            StoreError::Invalid(what) => (self.from.dir.clone(), place.offset(), what),
            other => (self.from.dir.clone(), place.offset(), other.to_string()),
        };
        self.done.problems.push(Problem { path, offset, what });
        Ok(())
    }

    fn note(&mut self, journal: &mut Interleaved) {
        for log in [&mut journal.facts_log, &mut journal.turns_log] {
            for problem in log.take_problems() {
                if !self.done.problems.contains(&problem) {
                    self.done.problems.push(problem);
                }
            }
        }
    }
}

// === impl Rewritten ===

impl Rewritten {
    /// The moment at which the new journal counts. The old one's folder stays, for the caller.
    pub(crate) fn put_in_force(&self, files: &Arc<dyn Files>, root: &Path) -> Result<(), StoreError> {
        let folder = self.manifest.folder(files, root).dir;
        self.manifest.write_copy(files, root)?;
        let synced = files.sync_dir(&folder, SyncPoint::Rewritten);
        synced.map_err(|error| StoreError::io("sync", &folder, error))?;
        directory::sync_folder(files, root)?;
        self.manifest.write(&**files, root)?;
        manifest::sync_names(&**files, root)
    }
}
