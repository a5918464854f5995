//! What may follow what: a transcript has no gaps. Checked before a commit writes anything, for a gap on disk would
//! be a transcript that can't be replayed.

use std::collections::HashMap;

use muster_core::{Fact, Generation, JobKey, LeaseKey, Record, TurnIndex};

use crate::error::StoreError;

/// An episode: a job in one of its generations.
pub(crate) type Episode = (JobKey, Generation);

/// That no record of a batch leaves a gap in a transcript, given how long each one stored is.
pub(crate) fn check(records: &[Record], stored: impl Fn(&Episode) -> usize) -> Result<(), StoreError> {
    let mut lengths: HashMap<Episode, usize> = HashMap::new();
    let mut set = |lease: &LeaseKey, need: Option<(TurnIndex, &str)>, length: usize| {
        let episode = episode(lease);
        let now = lengths.entry(episode).or_insert_with(|| stored(&episode));
        if let Some((index, what)) = need {
            no_gap(index, *now, what, lease)?;
        }
        *now = length;
        Ok(())
    };
    for record in records {
        match record {
            Record::Turn(turn) => set(&turn.lease, Some((turn.index, "turn")), turn.index.0 as usize + 1)?,
            Record::Fact(Fact::Restarted { lease }) => set(lease, None, 0)?,
            Record::Fact(Fact::Ended { lease, turns, .. }) => {
                set(lease, Some((*turns, "an outcome after turn")), turns.0 as usize)?;
            }
            Record::Fact(_) => {}
        }
    }
    Ok(())
}

/// The episode of a lease.
pub(crate) fn episode(lease: &LeaseKey) -> Episode {
    (lease.job, lease.generation)
}

fn no_gap(index: TurnIndex, length: usize, what: &str, lease: &LeaseKey) -> Result<(), StoreError> {
    if index.0 as usize <= length {
        return Ok(());
    }
    Err(StoreError::Invalid(format!("{what} {index} of {lease}: only {length} turns are stored")))
}
