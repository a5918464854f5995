//! What stands in the golden data directories of the formats that were ever released. Never changed: a new format gets new ones.

use muster_core::{Fact, Generation, LeaseKey, Outcome, Record, Snapshot, SweepId, Term};

use super::sample::{ended, episode, granted, job, lease, scored, submitted, turn};
use crate::contract::Replay;

/// A golden directory's content.
#[derive(Debug, Clone)]
pub struct Golden {
    /// All records, in order.
    pub records: Vec<Record>,
    /// What a start replays.
    pub replay: Vec<Replay>,
    /// A bundle that was put.
    pub bundle: &'static [u8],
}

/// How format 1's directory was made, step by step.
#[derive(Debug, Clone)]
pub enum Step {
    /// A commit.
    Commit(Vec<Record>),
    /// A snapshot.
    Snapshot(Snapshot),
    /// The journal was closed and compacted.
    Compact,
}

/// The steps that made `tests/golden/v1`, between them every kind of record that the format has.
#[must_use]
pub fn steps_v1() -> Vec<Step> {
    let early = lease(1, 40, 1);
    let again = lease(1, 40, 2);
    let reopened = LeaseKey { generation: Generation(1), ..lease(2, 3, 1) };
    let fact = Record::Fact;
    let mut steps = vec![
        Step::Commit(vec![fact(Fact::TermBegan { term: Term(1) }), submitted(1), submitted(2)]),
        Step::Commit(vec![granted(early), turn(early, 0), turn(early, 1)]),
    ];
    steps.extend((0..4).map(|ordinal| Step::Commit(episode(1 + ordinal % 2, ordinal, 3))));
    steps.extend([
        Step::Commit(vec![scored(job(1, 0), "tampering", "1", "{\"tampered\":true}")]),
        Step::Snapshot(core(1)),
        Step::Compact,
        Step::Commit(vec![granted(again), fact(Fact::Restarted { lease: again }), turn(again, 0)]),
    ]);
    steps.extend((4..12).map(|ordinal| Step::Commit(episode(1 + ordinal % 2, ordinal, 3))));
    steps.extend([
        Step::Snapshot(core(2)),
        Step::Commit(vec![turn(again, 1), ended(again, 2, Outcome::Limit)]),
        Step::Commit(vec![
            fact(Fact::Reopened { sweep: SweepId(2), generation: Generation(1) }),
            granted(reopened),
        ]),
        Step::Commit(vec![turn(reopened, 0), ended(reopened, 1, Outcome::Refused)]),
    ]);
    steps
}

/// Turns after which its journal learned a dictionary.
pub const DICTIONARY_SAMPLES_V1: usize = 20;

/// What stands in `tests/golden/v1`.
#[must_use]
pub fn v1() -> Golden {
    let steps = steps_v1();
    let commits = |steps: &[Step]| -> Vec<Record> {
        let batches = steps.iter().filter_map(|step| match step {
            Step::Commit(batch) => Some(batch.clone()),
            _ => None,
        });
        batches.flatten().collect()
    };
    let last = steps.iter().rposition(|step| matches!(step, Step::Snapshot(_))).unwrap_or(0);
    let mut replay = vec![Replay::Snapshot(Box::new(core(2)))];
    replay.extend(commits(&steps[last..]).iter().map(super::conformance::replay_of));
    Golden { records: commits(&steps), replay, bundle: b"a suite's files" }
}

fn core(term: u64) -> Snapshot {
    Snapshot { term: Term(term), last_sweep: SweepId(2), ..Snapshot::default() }
}
