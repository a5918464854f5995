//! `muster store du`: what each sweep takes, and which ones have had their time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use muster_core::{Millis, SweepId};
use prost::Message;

use crate::contract::Stream;
use crate::directory;
use crate::error::StoreError;
use crate::files::Files;
use crate::format::{FactKind, FactRow, MergedHead, TurnHead};
use crate::frame::Kind;
use crate::log::{Log, Tolerance};
use crate::manifest::Folder;
use crate::place::Place;
use crate::record;

/// What a sweep takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepUsage {
    /// Its number.
    pub sweep: SweepId,
    /// Its project.
    pub project: String,
    /// Its name.
    pub name: String,
    /// When it was submitted.
    pub submitted_at: Millis,
    /// When its last episode ended; when it was submitted if none has.
    pub last_at: Millis,
    /// Ended episodes.
    pub episodes: u64,
    /// Bytes of its facts.
    pub fact_bytes: u64,
    /// Bytes of its turns.
    pub turn_bytes: u64,
    /// Whether it was removed: what it takes comes back with `compact`.
    pub removed: bool,
}

/// What each sweep takes, by its number. Reads all of the journal.
///
/// # Errors
/// [`StoreError`] if it can't be read or is damaged.
pub fn usage(dir: &Path) -> Result<Vec<SweepUsage>, StoreError> {
    usage_on(&super::real(), dir)
}

/// As [`usage`], on a disk of one's own.
///
/// # Errors
/// As for [`usage`].
pub fn usage_on(files: &Arc<dyn Files>, dir: &Path) -> Result<Vec<SweepUsage>, StoreError> {
    let folder = directory::manifest_of(files, dir)?.folder(files, dir);
    let mut sweeps = BTreeMap::new();
    facts(&folder, &mut sweeps)?;
    turns(&folder, &mut sweeps)?;
    Ok(sweeps.into_values().collect())
}

/// The sweeps of which nothing has been heard since `before`, for a retention rule to remove. Whether one still runs, the
/// core knows: it refuses to remove it.
#[must_use]
pub fn removable(usage: &[SweepUsage], before: Millis) -> Vec<SweepId> {
    let old = usage.iter().filter(|sweep| !sweep.removed && sweep.last_at < before);
    old.map(|sweep| sweep.sweep).collect()
}

pub(crate) fn must_be_there(dir: &Path) -> Result<(), StoreError> {
    directory::manifest_of(&super::real(), dir).map(drop)
}

type Sweeps = BTreeMap<SweepId, SweepUsage>;

fn facts(folder: &Folder, sweeps: &mut Sweeps) -> Result<(), StoreError> {
    let mut log = Log::open(folder, Stream::Facts, Place::START, Tolerance::TornEnd)?;
    while let Some(item) = log.advance()? {
        let row =
            FactRow::decode(log.payload()).map_err(|error| log.damaged(item.place, error.to_string()))?;
        let Some(sweep) = row.sweep() else { continue };
        let usage = entry(sweeps, sweep);
        usage.fact_bytes += item.bytes;
        match row.kind {
            Some(FactKind::Submitted(row)) => {
                (usage.project, usage.name) = (row.spec.project, row.spec.name);
                usage.submitted_at = Millis(row.at_ms);
                usage.last_at = usage.last_at.max(usage.submitted_at);
            }
            Some(FactKind::Ended(row)) => {
                usage.episodes += 1;
                usage.last_at = usage.last_at.max(Millis(row.at_ms));
            }
            Some(FactKind::Removed(_)) => usage.removed = true,
            _ => {}
        }
    }
    Ok(())
}

fn turns(folder: &Folder, sweeps: &mut Sweeps) -> Result<(), StoreError> {
    let mut log = Log::open(folder, Stream::Turns, Place::START, Tolerance::TornEnd)?;
    while let Some(item) = log.advance()? {
        let lease = match item.kind {
            Kind::Turn => record::head::<TurnHead>(log.payload()).map(|(head, _)| head.lease),
            Kind::Merged => record::head::<MergedHead>(log.payload()).map(|(head, _)| head.lease),
            _ => continue,
        };
        let lease = lease.ok_or_else(|| log.damaged(item.place, "it is no turn"))?;
        entry(sweeps, SweepId(lease.sweep)).turn_bytes += item.bytes;
    }
    Ok(())
}

fn entry(sweeps: &mut Sweeps, sweep: SweepId) -> &mut SweepUsage {
    sweeps.entry(sweep).or_insert_with(|| SweepUsage { sweep, ..SweepUsage::default() })
}
