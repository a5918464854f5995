//! What stands in the golden data directories of the formats that were ever released. Never changed: a new format gets new ones.

use std::sync::Arc;

use muster_core::{
    Fact, FailureClass, Generation, LeaseKey, Millis, Outcome, Record, ReturnCause, Snapshot, SweepId, Term,
};

use super::sample::{
    ended, episode, granted, job, lease, limit_facts, limited_spec, limits, scored, silence, submitted, turn,
    usage,
};
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

/// How a golden directory was made, step by step.
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
    content(&steps_v1())
}

/// The steps that made `tests/golden/v2`: what format 1 has no words for, quotas, budgets and holds, before and after a
/// snapshot of them.
#[must_use]
pub fn steps_v2() -> Vec<Step> {
    let records = |facts: Vec<Fact>| facts.into_iter().map(Record::Fact).collect::<Vec<_>>();
    let limited = Fact::Submitted { sweep: SweepId(1), spec: Arc::new(limited_spec()), at: Millis(9) };
    let stalled = Fact::Returned {
        lease: lease(1, 3, 1),
        cause: ReturnCause::Stalled(FailureClass::Overloaded),
        not_before: Millis(4),
        usage: usage(1),
    };
    vec![
        Step::Commit(records(vec![Fact::TermBegan { term: Term(1) }, limited])),
        Step::Commit(records(limit_facts())),
        Step::Snapshot(Snapshot { term: Term(1), last_sweep: SweepId(1), ..limits() }),
        Step::Commit(vec![granted(lease(1, 3, 1)), turn(lease(1, 3, 1), 0), Record::Fact(stalled)]),
        Step::Commit(records(limit_facts())),
    ]
}

/// What stands in `tests/golden/v2`.
#[must_use]
pub fn v2() -> Golden {
    content(&steps_v2())
}

/// The steps that made `tests/golden/v3`: a long silence, before and after a snapshot of it.
#[must_use]
pub fn steps_v3() -> Vec<Step> {
    let (fact, silenced) = silence();
    let began = Record::Fact(Fact::TermBegan { term: Term(1) });
    let snapshot = Snapshot { silences: vec![silenced], last_sweep: SweepId(1), ..core(1) };
    vec![
        Step::Commit(vec![began, submitted(1), Record::Fact(fact.clone())]),
        Step::Snapshot(snapshot),
        Step::Commit(vec![granted(lease(1, 3, 1)), turn(lease(1, 3, 1), 0), Record::Fact(fact)]),
    ]
}

/// What stands in `tests/golden/v3`.
#[must_use]
pub fn v3() -> Golden {
    content(&steps_v3())
}

fn content(steps: &[Step]) -> Golden {
    let commits = |steps: &[Step]| -> Vec<Record> {
        let batches = steps.iter().filter_map(|step| match step {
            Step::Commit(batch) => Some(batch.clone()),
            _ => None,
        });
        batches.flatten().collect()
    };
    let last = steps.iter().rposition(|step| matches!(step, Step::Snapshot(_))).unwrap_or(0);
    let snapshot = steps.iter().rev().find_map(|step| match step {
        Step::Snapshot(core) => Some(Replay::Snapshot(Box::new(core.clone()))),
        _ => None,
    });
    let mut replay: Vec<Replay> = snapshot.into_iter().collect();
    replay.extend(commits(&steps[last..]).iter().map(super::conformance::replay_of));
    Golden { records: commits(steps), replay, bundle: b"a suite's files" }
}

fn core(term: u64) -> Snapshot {
    Snapshot { term: Term(term), last_sweep: SweepId(2), ..Snapshot::default() }
}
