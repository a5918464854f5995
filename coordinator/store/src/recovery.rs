//! What a start does: it reads what came after the last snapshot, hands it on, and cuts off what a crash left unfinished.
//!
//! The two streams are written one after the other (turns first), so a crash can leave turns whose facts never came: each turn says
//! how many facts came before it, which interleaves the streams again and shows such orphans. They were never
//! acknowledged, and they must go, or the next facts would take the places of those that they came after.

use std::path::Path;

use muster_core::{Fact, LeaseKey};

use crate::chains::Chains;
use crate::contract::{RecoveryReport, Replay, Stream, TornTail, Visit};
use crate::error::StoreError;
use crate::files::{SyncPoint, read_all, write_all};
use crate::format::{FactKind, FactRow};
use crate::frame::{Kind, Rank};
use crate::interleave::{Interleaved, Piece, Turn};
use crate::log::{Item, Log, Tolerance};
use crate::manifest::Folder;
use crate::place::{self, Place};
use crate::sequence::episode;
use crate::snapshots::{self, Position, Restored};

/// Sentences of `RecoveryReport::lost`: enough to see what happened; `verify` lists all.
pub const MAX_LOST_SENTENCES: usize = 20;

/// Where what is cut off is kept if a crash can't have left it.
pub(crate) const QUARANTINE: &str = "quarantine";

/// What a start found.
pub(crate) struct Found {
    /// Facts in the journal.
    pub(crate) facts: u64,
    /// Of these, since the snapshot.
    pub(crate) facts_since: u64,
    pub(crate) turns_since: u64,
    pub(crate) facts_end: Place,
    pub(crate) turns_end: Place,
    pub(crate) chains: Chains,
    /// The learned dictionary that the last turn segment holds, and its offset.
    pub(crate) learned: Option<(Vec<u8>, u64)>,
    pub(crate) report: RecoveryReport,
}

struct Replayer<'a, 'v> {
    folder: &'a Folder,
    visit: &'a mut Visit<'v>,
    journal: Interleaved,
    chains: Chains,
    /// Ended jobs whose last turn is in the last turn segment.
    latest: Vec<(LeaseKey, Place)>,
    last_turn_segment: u32,
    report: RecoveryReport,
}

/// Replays the journal in `folder` into `visit` and leaves it ready to be written on.
pub(crate) fn recover(folder: &Folder, root: &Path, visit: &mut Visit<'_>) -> Result<Found, StoreError> {
    let mut report = RecoveryReport::default();
    let (restored, lost) = usable_snapshot(folder)?;
    lost.into_iter().for_each(|sentence| note(&mut report, sentence));
    let mut position = Position::default();
    let mut chains = Chains::default();
    if let Some(Restored { core, position: at, chains: open, .. }) = restored {
        report.from_snapshot = true;
        visit(Replay::Snapshot(Box::new(core))).map_err(StoreError::Refused)?;
        (position, chains) = (at, open);
    }
    let mut replayer = Replayer {
        folder,
        visit,
        journal: Interleaved::open(folder, &position, Tolerance::TornEnd)?,
        last_turn_segment: folder.segments(Stream::Turns)?.last().copied().unwrap_or(0),
        chains,
        latest: Vec::new(),
        report,
    };
    replayer.run()?;
    replayer.finish(root, &position)
}

/// The newest snapshot that the journal still reaches up to, and what is to be said of those that it does not.
pub(crate) fn usable_snapshot(folder: &Folder) -> Result<(Option<Restored>, Vec<String>), StoreError> {
    let ends = (length(folder, Stream::Facts)?, length(folder, Stream::Turns)?);
    let mut lost = Vec::new();
    for number in snapshots::numbers(folder)?.into_iter().rev() {
        let path = snapshots::path(folder, number);
        match snapshots::read(folder, number)? {
            Some(found) if found.position.facts_at <= ends.0 && found.position.turns_at <= ends.1 => {
                return Ok((Some(found), lost));
            }
            Some(found) => {
                let facts = found.position.facts;
                lost.push(format!(
                    "{} has seen {facts} facts: the journal was cut short since",
                    path.display()
                ));
            }
            None => tracing::warn!(path = %path.display(), "a snapshot is torn and passed over"),
        }
        if folder.base == Some(number) {
            break;
        }
    }
    match folder.base {
        None => Ok((None, lost)),
        Some(base) => {
            let what = "it is torn or newer than the journal, which can't be replayed without it";
            Err(StoreError::damaged(&snapshots::path(folder, base), 0, what))
        }
    }
}

/// The end of a stream's files, whole or not.
fn length(folder: &Folder, stream: Stream) -> Result<Place, StoreError> {
    let Some(segment) = folder.segments(stream)?.last().copied() else { return Ok(Place::START) };
    let path = folder.path(stream, segment);
    let len = folder.files.open(&path).and_then(|file| file.len());
    let len = len.map_err(|error| StoreError::io("read", &path, error))?;
    Ok(Place::new(segment, len))
}

fn note(report: &mut RecoveryReport, sentence: String) {
    tracing::error!(what = %sentence, "something acknowledged is missing");
    if report.lost.len() < MAX_LOST_SENTENCES {
        report.lost.push(sentence);
    }
}

// === impl Replayer ===

impl Replayer<'_, '_> {
    fn run(&mut self) -> Result<(), StoreError> {
        while let Some(piece) = self.journal.advance()? {
            match piece {
                Piece::Turn(turn) => self.take_turn(&turn)?,
                Piece::Fact(item, row) => self.take_fact(item, *row)?,
            }
        }
        Ok(())
    }

    fn take_turn(&mut self, turn: &Turn) -> Result<(), StoreError> {
        let Turn { item, lease, index, usage, .. } = turn;
        if !self.chains.turn(lease, *index, item.place) {
            note(&mut self.report, format!("turn {index} of {lease} follows a turn that is missing"));
            return Ok(());
        }
        self.report.turns += 1;
        let replay = Replay::Turn { lease: *lease, index: *index, usage: *usage };
        (self.visit)(replay).map_err(StoreError::Refused)
    }

    fn take_fact(&mut self, item: Item, row: FactRow) -> Result<(), StoreError> {
        let damaged = |what: String| self.journal.facts_log.damaged(item.place, what);
        if let Some(FactKind::Ended(ended)) = &row.kind {
            let places =
                place::unpack(&ended.places).ok_or_else(|| damaged("it names no places".to_owned()))?;
            let last = places.into_iter().max().filter(|place| place.segment >= self.last_turn_segment);
            self.latest.extend(last.map(|place| (ended.lease.key(), place)));
        }
        let fact = row.fact().map_err(|error| damaged(error.to_string()))?;
        self.chains.fact(&fact);
        if let Fact::Ended { lease, .. } = &fact {
            self.chains.remove(&episode(lease));
        }
        self.report.facts += 1;
        (self.visit)(Replay::Fact(fact)).map_err(StoreError::Refused)
    }

    fn finish(mut self, root: &Path, position: &Position) -> Result<Found, StoreError> {
        let facts_end = self.journal.facts_log.at();
        let turns_end = self.cut_orphans(root)?;
        self.report_unreachable(turns_end);
        for log in [&self.journal.facts_log, &self.journal.turns_log] {
            self.report.torn.extend(log.torn().iter().filter(|torn| torn.bytes > 0).cloned());
        }
        cut_torn(self.folder, self.journal.facts_log.torn(), facts_end)?;
        cut_torn(self.folder, self.journal.turns_log.torn(), turns_end)?;
        settle(self.folder, [(Stream::Facts, facts_end), (Stream::Turns, turns_end)])?;
        let learned = self.learned_in(turns_end, position)?;
        Ok(Found {
            facts: self.journal.facts,
            facts_since: self.report.facts,
            turns_since: self.report.turns,
            facts_end,
            turns_end,
            chains: self.chains,
            learned,
            report: self.report,
        })
    }

    /// Cuts off the turns whose facts never came. Returns where the stream ends then.
    fn cut_orphans(&mut self, root: &Path) -> Result<Place, StoreError> {
        let Some(first) = self.journal.turn.take() else { return Ok(self.journal.turns_log.at()) };
        let mut commits = 1;
        self.report.orphaned_turns = 1;
        while let Some(turn) = self.journal.next_turn()? {
            self.report.orphaned_turns += 1;
            commits += u32::from(turn.item.rank == Rank::First);
        }
        let end = first.item.place;
        let files_end = length(self.folder, Stream::Turns)?;
        if commits > 1 {
            let what = format!("{} turns follow facts that are missing", self.report.orphaned_turns);
            note(&mut self.report, format!("{what}; they are kept in {QUARANTINE}"));
            set_aside(self.folder, root, end, files_end.segment)?;
        }
        for segment in end.segment + 1..=files_end.segment {
            remove(self.folder, segment)?;
        }
        if end.segment > 0 {
            let bytes = files_end.offset().saturating_sub(end.offset());
            cut(
                self.folder,
                &TornTail { stream: Stream::Turns, segment: end.segment, offset: end.offset(), bytes },
            )?;
        }
        Ok(end)
    }

    /// Ended jobs whose turns are beyond the end of the stream.
    fn report_unreachable(&mut self, turns_end: Place) {
        let gone = std::mem::take(&mut self.latest);
        for (lease, _) in gone.iter().filter(|(_, place)| *place >= turns_end) {
            note(&mut self.report, format!("turns of the ended episode {lease} are missing"));
        }
    }

    fn learned_in(&self, end: Place, position: &Position) -> Result<Option<(Vec<u8>, u64)>, StoreError> {
        if let Some((dictionary, place)) = &self.journal.dictionary
            && place.segment == end.segment
            && *place < end
        {
            return Ok(Some((dictionary.clone(), place.offset())));
        }
        if position.learned_at == 0 || position.turns_at.segment != end.segment {
            return Ok(None);
        }
        let at = Place::new(end.segment, position.learned_at);
        let mut log = Log::open(self.folder, Stream::Turns, at, Tolerance::Until(end))?;
        let found = log.advance()?.filter(|item| item.kind == Kind::Dictionary && item.place == at);
        Ok(found.map(|_| (log.payload().to_vec(), position.learned_at)))
    }
}

/// Cuts off what was torn, where orphans before it have not been cut off with it already.
fn cut_torn(folder: &Folder, torn: &[TornTail], end: Place) -> Result<(), StoreError> {
    let left = torn.iter().filter(|torn| torn.offset == 0 || Place::new(torn.segment, torn.offset) <= end);
    left.into_iter().try_for_each(|torn| cut(folder, torn))
}

/// Cuts a stream off where its whole part ends; a segment without even a header goes.
fn cut(folder: &Folder, torn: &TornTail) -> Result<(), StoreError> {
    let path = folder.path(torn.stream, torn.segment);
    if torn.offset == 0 {
        return match folder.files.exists(&path) {
            true => folder.files.remove_file(&path).map_err(|error| StoreError::io("remove", &path, error)),
            false => Ok(()),
        };
    }
    let file = folder.files.open_write(&path).map_err(|error| StoreError::io("open", &path, error))?;
    file.truncate(torn.offset).map_err(|error| StoreError::io("truncate", &path, error))
}

fn remove(folder: &Folder, segment: u32) -> Result<(), StoreError> {
    let path = folder.path(Stream::Turns, segment);
    if !folder.files.exists(&path) {
        return Ok(());
    }
    folder.files.remove_file(&path).map_err(|error| StoreError::io("remove", &path, error))
}

/// Makes durable what was found: a process that died may have left it in the system's cache alone.
fn settle(folder: &Folder, ends: [(Stream, Place); 2]) -> Result<(), StoreError> {
    for (stream, end) in ends {
        if end.segment > 0 {
            let path = folder.path(stream, end.segment);
            let synced = folder.files.open_write(&path).and_then(|file| file.sync(SyncPoint::Found));
            synced.map_err(|error| StoreError::io("sync", &path, error))?;
        }
    }
    let synced = folder.files.sync_dir(&folder.dir, SyncPoint::FoundNames);
    synced.map_err(|error| StoreError::io("sync", &folder.dir, error))
}

/// Copies the turns from `from` on, before they are cut off.
fn set_aside(folder: &Folder, root: &Path, from: Place, last: u32) -> Result<(), StoreError> {
    let dir = root.join(QUARANTINE);
    folder.files.create_dir_all(&dir).map_err(|error| StoreError::io("make", &dir, error))?;
    for segment in from.segment.max(1)..=last {
        let path = folder.path(Stream::Turns, segment);
        let name = format!("journal-{}-turns-{segment:04}-from-{}.log", folder.journal, from.offset);
        let copy = || {
            let bytes = read_all(&*folder.files.open(&path)?)?;
            let file = folder.files.open_write(&dir.join(name))?;
            write_all(&*file, &bytes, 0)
        };
        copy().map_err(|error| StoreError::io("set aside", &path, error))?;
    }
    Ok(())
}
