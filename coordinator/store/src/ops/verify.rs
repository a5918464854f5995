//! `muster store verify`: reads everything and says what is not as it was written.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use muster_core::SweepId;
use prost::Message;

use crate::bundles::{self, Bundles};
use crate::contract::{Stream, TornTail};
use crate::directory::{self, Held};
use crate::error::StoreError;
use crate::files::Files;
use crate::follow;
use crate::format::{FactKind, FactRow, MergedHead, PackingRow, TurnHead};
use crate::frame::Kind;
use crate::index::{Index, SledIndex};
use crate::log::{Item, Log, Problem, Tolerance};
use crate::lookup::Lookup;
use crate::manifest::hex;
use crate::place::Place;
use crate::record;
use crate::snapshots;

/// What a data directory holds, and what of it is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Segments read.
    pub segments: u64,
    /// Facts read.
    pub facts: u64,
    /// Turns read and unpacked, merged ones included.
    pub turns: u64,
    /// Ended episodes, each with all of its turns.
    pub episodes: u64,
    /// Scores read.
    pub scores: u64,
    /// Snapshots read.
    pub snapshots: u64,
    /// Bundles read.
    pub bundles: u64,
    /// Bytes of the journal read.
    pub bytes: u64,
    /// What a crash left unfinished; the next start cuts it off.
    pub torn: Vec<TornTail>,
    /// What is damaged. `rebuild` sets it aside.
    pub problems: Vec<Problem>,
    /// What is wrong and costs nothing: an index to be rebuilt, a snapshot to be passed over.
    pub notes: Vec<String>,
}

struct Verifier {
    held: Held,
    lookup: Lookup,
    index: Option<SledIndex>,
    removed: HashSet<SweepId>,
    report: VerifyReport,
}

/// Reads all of the data directory `dir`.
///
/// # Errors
/// [`StoreError`] if it can't be read at all; damage is in the report.
pub fn verify(dir: &Path) -> Result<VerifyReport, StoreError> {
    verify_on(&super::real(), dir)
}

/// As [`verify`], on a disk of one's own.
///
/// # Errors
/// As for [`verify`].
pub fn verify_on(files: &Arc<dyn Files>, dir: &Path) -> Result<VerifyReport, StoreError> {
    let held = directory::hold_untouched(files, dir)?;
    let lookup = Lookup::new(held.folder.clone());
    let mut verifier =
        Verifier { held, lookup, index: None, removed: HashSet::new(), report: VerifyReport::default() };
    verifier.turns()?;
    verifier.removed()?;
    verifier.open_index(dir);
    verifier.facts()?;
    verifier.snapshots()?;
    verifier.bundles(files, dir)?;
    Ok(verifier.report)
}

// === impl VerifyReport ===

impl VerifyReport {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.path.display(), self.offset, self.what)
    }
}

// === impl Verifier ===

impl Verifier {
    fn turns(&mut self) -> Result<(), StoreError> {
        let mut log = self.log(Stream::Turns)?;
        while let Some(item) = log.advance()? {
            self.report.bytes += item.bytes;
            if let Err(error) = self.turn(item, log.payload()) {
                self.problem(Stream::Turns, item.place, &error);
            }
        }
        self.finish(log);
        Ok(())
    }

    fn turn(&mut self, item: Item, payload: &[u8]) -> Result<(), String> {
        let unpack = |packing: &PackingRow, body: &[u8]| {
            self.lookup.unpack(packing, body, item.place).map(drop).map_err(|error| what(&error))
        };
        match item.kind {
            Kind::Turn => {
                let (head, body) = record::head::<TurnHead>(payload).ok_or("it is no turn")?;
                unpack(&head.packing, body)?;
                self.report.turns += 1;
            }
            Kind::Merged => {
                let (head, body) = record::head::<MergedHead>(payload).ok_or("it is no merged record")?;
                unpack(&head.packing, body)?;
                self.report.turns += head.turns.len() as u64;
            }
            Kind::Dictionary => {}
            _ => return Err("a record of this kind does not belong here".to_owned()),
        }
        Ok(())
    }

    /// The sweeps that were removed: the index knows nothing of them.
    fn removed(&mut self) -> Result<(), StoreError> {
        let mut log = self.log(Stream::Facts)?;
        while log.advance()?.is_some() {
            if let Ok(FactRow { kind: Some(FactKind::Removed(sweep)), .. }) = FactRow::decode(log.payload()) {
                self.removed.insert(SweepId(sweep));
            }
        }
        Ok(())
    }

    fn open_index(&mut self, dir: &Path) {
        let place = dir.join(directory::INDEX);
        match SledIndex::inspect(&place, self.held.folder.identity()) {
            Ok(index) => self.index = index,
            Err(error) => self.report.notes.push(format!("{error} ({})", place.display())),
        }
    }

    fn facts(&mut self) -> Result<(), StoreError> {
        let mut log = self.log(Stream::Facts)?;
        let mut expected = 0;
        while let Some(item) = log.advance()? {
            self.report.bytes += item.bytes;
            self.report.facts += 1;
            match FactRow::decode(log.payload()) {
                Ok(row) => {
                    self.count(item, row.facts_before, expected);
                    expected = row.facts_before.saturating_add(1);
                    self.fact(item, row);
                }
                Err(error) => self.problem(Stream::Facts, item.place, &error.to_string()),
            }
        }
        self.finish(log);
        Ok(())
    }

    fn count(&mut self, item: Item, before: u64, expected: u64) {
        if before != expected {
            let what = format!("{before} facts should come before it, {expected} do");
            self.problem(Stream::Facts, item.place, &what);
        }
    }

    fn fact(&mut self, item: Item, row: FactRow) {
        self.compare_with_index(item.place, &row);
        let of_removed = row.sweep().is_some_and(|sweep| self.removed.contains(&sweep));
        match &row.kind {
            Some(FactKind::Ended(ended)) if !of_removed => match self.lookup.transcript(ended) {
                Ok(_) => self.report.episodes += 1,
                Err(error) => self.problem(Stream::Facts, item.place, &what(&error)),
            },
            Some(FactKind::Scored(_)) => self.report.scores += 1,
            _ => {}
        }
        if let Err(error) = row.fact() {
            self.problem(Stream::Facts, item.place, &error.to_string());
        }
    }

    /// What the index has taken in of the facts, it must say.
    fn compare_with_index(&mut self, place: Place, row: &FactRow) {
        let Some(index) = self.index.as_ref().filter(|index| place < index.reached()) else { return };
        let (Some(key), Some(sweep)) = (follow::key(row), row.sweep()) else { return };
        // Of several verdicts of the same scorer the last one counts.
        let right = match index.get(&key) {
            Ok(Some(found)) => found >= place,
            Ok(None) => self.removed.contains(&sweep),
            Err(_) => false,
        };
        if !right {
            self.index = None;
            self.report.notes.push("the index does not agree with the journal: delete its folder".to_owned());
        }
    }

    fn snapshots(&mut self) -> Result<(), StoreError> {
        let folder = self.held.folder.clone();
        for number in snapshots::numbers(&folder)? {
            self.report.snapshots += 1;
            let path = snapshots::path(&folder, number);
            let Some(found) = snapshots::read(&folder, number)? else {
                let what = "the snapshot is torn".to_owned();
                match folder.base == Some(number) {
                    true => self.report.problems.push(Problem { path, offset: 0, what }),
                    false => self.report.notes.push(format!("{what} ({})", path.display())),
                }
                continue;
            };
            for ((job, generation), places) in found.chains.sorted() {
                if let Err(error) = self.lookup.turns(&(job, generation), places) {
                    let what = format!("a turn of the open job {job} can't be read: {}", what(&error));
                    self.report.problems.push(Problem { path: path.clone(), offset: 0, what });
                }
            }
        }
        Ok(())
    }

    fn bundles(&mut self, files: &Arc<dyn Files>, dir: &Path) -> Result<(), StoreError> {
        let place = dir.join(bundles::FOLDER);
        if !files.exists(&place) {
            return Ok(());
        }
        let kept = Bundles::new(files, dir);
        for name in files.list(&place).map_err(|error| StoreError::io("read", &place, error))? {
            let Some(hash) = bundles::hash_of(&name) else { continue };
            self.report.bundles += 1;
            if let Err(error) = kept.get(hash) {
                let path = place.join(hex(&hash));
                self.report.problems.push(Problem { path, offset: 0, what: what(&error) });
            }
        }
        Ok(())
    }

    fn log(&self, stream: Stream) -> Result<Log, StoreError> {
        Log::open(&self.held.folder, stream, Place::START, Tolerance::Salvage)
    }

    fn finish(&mut self, log: Log) {
        self.report.torn.extend(log.torn().iter().filter(|torn| torn.bytes > 0).cloned());
        self.report.segments += u64::from(log.at().segment);
        self.report.problems.extend(log.problems());
    }

    fn problem(&mut self, stream: Stream, place: Place, what: &str) {
        let path = self.held.folder.path(stream, place.segment);
        self.report.problems.push(Problem { path, offset: place.offset(), what: what.to_owned() });
    }
}

/// What is wrong, without what is to be done about it.
fn what(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } => what.clone(),
        other => other.to_string(),
    }
}
