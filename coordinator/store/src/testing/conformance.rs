//! The suite that every store must pass.

#![allow(clippy::unwrap_used, reason = "these are tests: to panic is how they fail")]

use std::sync::Arc;

use muster_core::{
    Fact, FailureClass, Generation, JobKey, Lane, LaneSnapshot, LeaseKey, Millis, OpenJob, Ordinal, Outcome,
    Place, Record, ReturnCause, Snapshot, SweepId, SweepSnapshot, SweepSpec, Term, TurnIndex, TurnRecord,
    Usage, WorkerId,
};

use super::sample::{
    body, ended, episode, granted, job, lease, limit_facts, limited_spec, limits, scored, silence, spec,
    submitted, turn, usage,
};
use crate::contract::{Archive, Replay, Store, Visit};
use crate::error::StoreError;

/// A store that is closed and can be opened, again and again.
pub trait Closed {
    /// Opens it.
    ///
    /// # Errors
    /// Whatever the store says.
    fn open(&self, visit: &mut Visit<'_>) -> Result<Store, StoreError>;
}

/// A case of the suite: its name, and what it does with an empty store.
pub type Case = (&'static str, fn(&dyn Closed));

/// All cases.
pub const CASES: &[Case] = &[
    ("an_empty_store_knows_nothing", an_empty_store_knows_nothing),
    ("what_was_committed_is_replayed_in_order", what_was_committed_is_replayed_in_order),
    ("every_kind_of_fact_comes_back_as_it_was", every_kind_of_fact_comes_back_as_it_was),
    ("a_transcript_grows_turn_by_turn", a_transcript_grows_turn_by_turn),
    ("a_later_attempt_goes_on_from_the_turns_stored", a_later_attempt_goes_on_from_the_turns_stored),
    ("a_turn_at_an_earlier_index_drops_those_after_it", a_turn_at_an_earlier_index_drops_those_after_it),
    ("a_restart_empties_the_transcript", a_restart_empties_the_transcript),
    ("an_ended_job_keeps_its_transcript_and_outcome", an_ended_job_keeps_its_transcript_and_outcome),
    ("a_new_generation_begins_with_an_empty_transcript", a_new_generation_begins_with_an_empty_transcript),
    ("a_job_cut_off_by_a_cancel_keeps_its_turns", a_job_cut_off_by_a_cancel_keeps_its_turns),
    (
        "a_gap_in_a_transcript_is_refused_and_nothing_is_written",
        a_gap_in_a_transcript_is_refused_and_nothing_is_written,
    ),
    ("a_batch_may_begin_and_end_episodes", a_batch_may_begin_and_end_episodes),
    ("episodes_are_listed_in_order_page_by_page", episodes_are_listed_in_order_page_by_page),
    ("of_each_scorers_version_the_last_verdict_counts", of_each_scorers_version_the_last_verdict_counts),
    ("a_removed_sweep_is_gone_and_others_stay", a_removed_sweep_is_gone_and_others_stay),
    ("a_snapshot_stands_for_all_before_it", a_snapshot_stands_for_all_before_it),
    ("a_snapshot_comes_back_as_it_was", a_snapshot_comes_back_as_it_was),
    ("an_open_transcript_goes_on_across_a_snapshot", an_open_transcript_goes_on_across_a_snapshot),
    ("bundles_are_kept_by_their_hash", bundles_are_kept_by_their_hash),
    ("hostile_bodies_come_back_byte_for_byte", hostile_bodies_come_back_byte_for_byte),
    ("a_visitor_who_refuses_ends_the_opening", a_visitor_who_refuses_ends_the_opening),
    ("an_empty_commit_is_no_matter", an_empty_commit_is_no_matter),
];

/// Opens a store and gathers what it replays.
///
/// # Errors
/// Whatever the store says.
pub fn open(closed: &dyn Closed) -> Result<(Store, Vec<Replay>), StoreError> {
    let mut replayed = Vec::new();
    let store = closed.open(&mut |piece| {
        replayed.push(piece);
        Ok(())
    })?;
    Ok((store, replayed))
}

/// What a store replays of a record.
#[must_use]
pub fn replay_of(record: &Record) -> Replay {
    match record {
        Record::Fact(fact) => Replay::Fact(fact.clone()),
        Record::Turn(turn) => Replay::Turn { lease: turn.lease, index: turn.index, usage: turn.usage },
    }
}

fn must_open(closed: &dyn Closed) -> (Store, Vec<Replay>) {
    open(closed).expect("the store opens")
}

/// A store that has committed each of `batches`; then the same opened again, for what must not depend on that.
fn twice(closed: &dyn Closed, batches: &[Vec<Record>], check: impl Fn(&dyn Archive)) {
    let (mut store, _) = must_open(closed);
    for batch in batches {
        store.journal.commit(batch).expect("the batch is committed");
    }
    check(&*store.archive);
    drop(store);
    check(&*must_open(closed).0.archive);
}

fn transcript(archive: &dyn Archive, job: JobKey, generation: u32) -> Vec<(u32, u32)> {
    let turns = archive.turns(job, Generation(generation)).expect("the transcript is read");
    for (at, turn) in turns.iter().enumerate() {
        assert_eq!(turn.index.0 as usize, at, "turns stand in order");
        let text = body(&format!("turn {at} of {}", turn.lease));
        assert_eq!(turn.body, text.as_bytes(), "a body belongs to its turn");
        assert_eq!(turn.usage, usage(at as u64));
    }
    turns.iter().map(|turn| (turn.lease.attempt.0, turn.index.0)).collect()
}

fn an_empty_store_knows_nothing(closed: &dyn Closed) {
    let (store, replayed) = must_open(closed);
    assert!(replayed.is_empty());
    assert!(store.report.is_clean());
    assert!(!store.journal.wants_snapshot());
    let archive = store.archive;
    assert!(archive.turns(job(1, 1), Generation(0)).unwrap().is_empty());
    assert_eq!(archive.episode(job(1, 1), Generation(0)).unwrap(), None);
    assert!(archive.episodes(SweepId(1), None, 10).unwrap().is_empty());
    assert!(archive.scores(job(1, 1), Generation(0)).unwrap().is_empty());
    assert_eq!(archive.bundle([7; 32]).unwrap(), None);
}

fn what_was_committed_is_replayed_in_order(closed: &dyn Closed) {
    let mut batches = vec![vec![submitted(1)]];
    for ordinal in 0..5 {
        let records = episode(1, ordinal, 3);
        batches.extend(records.chunks(2).map(<[Record]>::to_vec));
    }
    let expected: Vec<Replay> = batches.iter().flatten().map(replay_of).collect();
    let (mut store, _) = must_open(closed);
    for (nth, batch) in batches.iter().enumerate() {
        if nth % 4 == 3 {
            drop(store);
            store = must_open(closed).0;
        }
        store.journal.commit(batch).unwrap();
    }
    drop(store);
    let (store, replayed) = must_open(closed);
    assert_eq!(replayed, expected);
    assert!(store.report.is_clean());
    assert_eq!((store.report.facts, store.report.turns), (11, 15));
}

fn every_kind_of_fact_comes_back_as_it_was(closed: &dyn Closed) {
    let sweep = SweepId(1);
    let lease = lease(1, 3, 1);
    let mut facts = vec![
        Fact::TermBegan { term: Term(7) },
        Fact::Submitted { sweep, spec: Arc::new(spec("all")), at: Millis(9) },
        Fact::Amended { sweep, spec: Arc::new(SweepSpec { seeds: 12, limit: None, ..spec("all") }) },
        Fact::Amended {
            sweep,
            spec: Arc::new(SweepSpec { seeds: 0, limit: Some(0), weight: 3, ..spec("all") }),
        },
        Fact::Amended { sweep, spec: Arc::new(limited_spec()) },
        Fact::Paused { sweep },
        Fact::Resumed { sweep },
        Fact::Granted { lease, worker: WorkerId(u64::MAX) },
        Fact::Reinstated { lease, worker: WorkerId(0) },
        Fact::LaneStopped { sweep, lane: Lane(2), reason: "no key for the account".into() },
        Fact::Restarted { lease },
        Fact::Wasted { job: lease.job, usage: full_usage() },
    ];
    let causes = [ReturnCause::Expired, ReturnCause::Disowned, ReturnCause::Suspected];
    let causes = causes.into_iter().chain(FailureClass::ALL.map(ReturnCause::Failed));
    let causes = causes.chain(FailureClass::ALL.map(ReturnCause::Stalled));
    facts.extend(causes.map(|cause| Fact::Returned {
        lease,
        cause,
        not_before: Millis(4),
        usage: full_usage(),
    }));
    let outcomes =
        [Outcome::Completed, Outcome::Limit, Outcome::Refused, Outcome::Quarantined, Outcome::Cancelled];
    let outcomes = outcomes.into_iter().chain(FailureClass::ALL.map(Outcome::Failed));
    for (ordinal, outcome) in outcomes.enumerate() {
        let job = JobKey { ordinal: Ordinal(ordinal as u64), ..lease.job };
        let lease = LeaseKey { job, ..lease };
        let detail = bytes::Bytes::from_static(b"\0\xff");
        facts.push(Fact::Ended {
            lease,
            outcome,
            turns: TurnIndex(0),
            usage: full_usage(),
            at: Millis(u64::MAX),
            detail,
        });
    }
    facts.extend(limit_facts());
    facts.push(silence().0);
    facts.extend([Fact::Cancelled { sweep }, Fact::Reopened { sweep, generation: Generation(1) }]);
    let mut records: Vec<Record> = facts.into_iter().map(Record::Fact).collect();
    records.push(scored(lease.job, "tampering", "1", "{}"));
    records.push(Record::Fact(Fact::Removed { sweep }));

    let (mut store, _) = must_open(closed);
    store.journal.commit(&records).unwrap();
    drop(store);
    let expected: Vec<Replay> = records.iter().map(replay_of).collect();
    assert_eq!(must_open(closed).1, expected);
}

fn full_usage() -> Usage {
    Usage {
        model_calls: 1,
        retries: 2,
        rate_limited: 3,
        paid_twice: 4,
        input_tokens: u64::MAX,
        output_tokens: 6,
        cost_micro_usd: 7,
        unpriced_calls: 8,
        lost_micro_usd: 9,
    }
}

fn a_transcript_grows_turn_by_turn(closed: &dyn Closed) {
    let lease = lease(1, 4, 1);
    let (mut store, _) = must_open(closed);
    store.journal.commit(&[submitted(1), granted(lease)]).unwrap();
    for index in 0..4 {
        store.journal.commit(&[turn(lease, index)]).unwrap();
        assert_eq!(transcript(&*store.archive, lease.job, 0).len(), index as usize + 1);
    }
    drop(store);
    let (store, _) = must_open(closed);
    assert_eq!(transcript(&*store.archive, lease.job, 0), [(1, 0), (1, 1), (1, 2), (1, 3)]);
}

fn a_later_attempt_goes_on_from_the_turns_stored(closed: &dyn Closed) {
    let (first, second) = (lease(1, 4, 1), lease(1, 4, 2));
    let batches = [
        vec![submitted(1), granted(first), turn(first, 0), turn(first, 1)],
        vec![granted(second)],
        vec![turn(second, 2)],
    ];
    twice(closed, &batches, |archive| {
        assert_eq!(transcript(archive, first.job, 0), [(1, 0), (1, 1), (2, 2)]);
    });
}

fn a_turn_at_an_earlier_index_drops_those_after_it(closed: &dyn Closed) {
    let (first, second) = (lease(1, 4, 1), lease(1, 4, 2));
    let batches = [vec![submitted(1), turn(first, 0), turn(first, 1), turn(first, 2)], vec![turn(second, 1)]];
    twice(closed, &batches, |archive| {
        assert_eq!(transcript(archive, first.job, 0), [(1, 0), (2, 1)]);
    });
}

fn a_restart_empties_the_transcript(closed: &dyn Closed) {
    let (first, second) = (lease(1, 4, 1), lease(1, 4, 2));
    let restarted = Record::Fact(Fact::Restarted { lease: second });
    let batches = [
        vec![submitted(1), turn(first, 0), turn(first, 1)],
        vec![granted(second), restarted, turn(second, 0)],
        vec![turn(second, 1), ended(second, 2, Outcome::Completed)],
    ];
    twice(closed, &batches, |archive| {
        assert_eq!(transcript(archive, first.job, 0), [(2, 0), (2, 1)]);
    });
}

fn an_ended_job_keeps_its_transcript_and_outcome(closed: &dyn Closed) {
    let failed = lease(1, 9, 3);
    let batches = [
        vec![submitted(1)],
        episode(1, 8, 3),
        vec![granted(failed), turn(failed, 0), ended(failed, 1, Outcome::Failed(FailureClass::Engine))],
    ];
    twice(closed, &batches, |archive| {
        assert_eq!(transcript(archive, job(1, 8), 0), [(1, 0), (1, 1), (1, 2)]);
        assert_eq!(transcript(archive, failed.job, 0), [(3, 0)]);
        let found = archive.episode(failed.job, Generation(0)).unwrap().unwrap();
        assert_eq!((found.lease, found.outcome), (failed, Outcome::Failed(FailureClass::Engine)));
        assert_eq!((found.turns, found.usage, found.at), (TurnIndex(1), usage(1), Millis(5_009)));
        assert_eq!(found.detail, format!("{{\"end\":\"of {failed}\"}}"));
        assert_eq!(archive.episode(job(1, 7), Generation(0)).unwrap(), None);
    });
}

fn a_new_generation_begins_with_an_empty_transcript(closed: &dyn Closed) {
    let old = lease(1, 4, 2);
    let new = LeaseKey { generation: Generation(1), ..lease(1, 4, 1) };
    let reopened = Record::Fact(Fact::Reopened { sweep: SweepId(1), generation: Generation(1) });
    let batches = [
        vec![submitted(1), turn(old, 0), turn(old, 1), ended(old, 2, Outcome::Quarantined)],
        vec![reopened, granted(new), turn(new, 0), ended(new, 1, Outcome::Completed)],
    ];
    twice(closed, &batches, |archive| {
        assert_eq!(transcript(archive, old.job, 0), [(2, 0), (2, 1)]);
        assert_eq!(transcript(archive, old.job, 1), [(1, 0)]);
        let outcomes = archive.episodes(SweepId(1), None, 10).unwrap();
        let outcomes: Vec<_> =
            outcomes.iter().map(|ended| (ended.lease.generation.0, ended.outcome)).collect();
        assert_eq!(outcomes, [(0, Outcome::Quarantined), (1, Outcome::Completed)]);
    });
}

fn a_job_cut_off_by_a_cancel_keeps_its_turns(closed: &dyn Closed) {
    let cut_off = lease(1, 4, 1);
    let cancelled = Record::Fact(Fact::Cancelled { sweep: SweepId(1) });
    let batches = [vec![submitted(1), granted(cut_off), turn(cut_off, 0)], vec![cancelled]];
    twice(closed, &batches, |archive| {
        assert_eq!(transcript(archive, cut_off.job, 0), [(1, 0)]);
        assert_eq!(archive.episode(cut_off.job, Generation(0)).unwrap(), None);
    });
}

fn a_gap_in_a_transcript_is_refused_and_nothing_is_written(closed: &dyn Closed) {
    let lease = lease(1, 4, 1);
    let (mut store, _) = must_open(closed);
    store.journal.commit(&[submitted(1), turn(lease, 0)]).unwrap();
    for bad in [turn(lease, 2), ended(lease, 2, Outcome::Completed)] {
        let refused = store.journal.commit(&[granted(lease), bad]);
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    store.journal.commit(&[turn(lease, 1)]).unwrap();
    drop(store);
    let (store, replayed) = must_open(closed);
    assert_eq!(replayed.len(), 3);
    assert_eq!(transcript(&*store.archive, lease.job, 0).len(), 2);
}

fn a_batch_may_begin_and_end_episodes(closed: &dyn Closed) {
    let mut batch = vec![submitted(1)];
    let lost = lease(1, 20, 1);
    let again = lease(1, 20, 2);
    batch.extend([
        granted(lost),
        turn(lost, 0),
        Record::Fact(Fact::Restarted { lease: lost }),
        turn(again, 0),
    ]);
    batch.extend((0..3).flat_map(|ordinal| episode(1, ordinal, 2)));
    batch.push(ended(again, 1, Outcome::Limit));
    twice(closed, &[batch], |archive| {
        assert_eq!(archive.episodes(SweepId(1), None, 10).unwrap().len(), 4);
        assert_eq!(transcript(archive, job(1, 2), 0), [(1, 0), (1, 1)]);
        assert_eq!(transcript(archive, lost.job, 0), [(2, 0)]);
    });
}

fn episodes_are_listed_in_order_page_by_page(closed: &dyn Closed) {
    let mut batches = vec![vec![submitted(1), submitted(2)]];
    // The order in which they end is not the order in which they are listed.
    let ordinals = [300, 2, 70_000, 256, 255, 1, 65_536, 0];
    for (lane, ordinal) in ordinals.iter().enumerate().map(|(nth, ordinal)| (nth as u32 % 2, *ordinal)) {
        let job = JobKey { lane: Lane(lane), ..job(1, ordinal) };
        let lease = LeaseKey { job, ..lease(1, ordinal, 1) };
        batches.push(vec![ended(lease, 0, Outcome::Completed)]);
    }
    batches.push(episode(2, 5, 1));
    twice(closed, &batches, |archive| {
        let all = archive.episodes(SweepId(1), None, 100).unwrap();
        let keys: Vec<_> =
            all.iter().map(|ended| (ended.lease.job.lane.0, ended.lease.job.ordinal.0)).collect();
        let sorted = [(0, 255), (0, 300), (0, 65_536), (0, 70_000), (1, 0), (1, 1), (1, 2), (1, 256)];
        assert_eq!(keys, sorted);
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = archive.episodes(SweepId(1), after, 3).unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.lease.job.lane, last.lease.job.ordinal, last.lease.generation));
            paged.extend(page);
        }
        assert_eq!(paged, all);
        assert!(archive.episodes(SweepId(3), None, 5).unwrap().is_empty());
    });
}

fn of_each_scorers_version_the_last_verdict_counts(closed: &dyn Closed) {
    let job = job(1, 3);
    let batches = [
        vec![submitted(1)],
        episode(1, 3, 1),
        vec![scored(job, "tampering", "1", "first"), scored(job, "shutdown", "1", "other")],
        vec![scored(job, "tampering", "2", "newer"), scored(job, "tampering", "1", "last")],
    ];
    twice(closed, &batches, |archive| {
        let scores = archive.scores(job, Generation(0)).unwrap();
        let scores: Vec<_> =
            scores.iter().map(|score| (&*score.scorer, &*score.version, &score.verdict[..])).collect();
        let expected: [(&str, &str, &[u8]); 3] =
            [("shutdown", "1", b"other"), ("tampering", "1", b"last"), ("tampering", "2", b"newer")];
        assert_eq!(scores, expected);
        assert!(archive.scores(job, Generation(1)).unwrap().is_empty());
    });
}

fn a_removed_sweep_is_gone_and_others_stay(closed: &dyn Closed) {
    let open = lease(1, 9, 1);
    let batches = [
        vec![submitted(1), submitted(2)],
        episode(1, 0, 2),
        episode(2, 0, 2),
        vec![granted(open), turn(open, 0), scored(job(1, 0), "tampering", "1", "x")],
        vec![Record::Fact(Fact::Removed { sweep: SweepId(1) })],
    ];
    twice(closed, &batches, |archive| {
        assert!(archive.episodes(SweepId(1), None, 10).unwrap().is_empty());
        assert_eq!(archive.episode(job(1, 0), Generation(0)).unwrap(), None);
        assert!(archive.turns(job(1, 0), Generation(0)).unwrap().is_empty());
        assert!(archive.turns(open.job, Generation(0)).unwrap().is_empty());
        assert!(archive.scores(job(1, 0), Generation(0)).unwrap().is_empty());
        assert_eq!(transcript(archive, job(2, 0), 0).len(), 2);
    });
}

fn a_snapshot_stands_for_all_before_it(closed: &dyn Closed) {
    let (mut store, _) = must_open(closed);
    store.journal.commit(&[submitted(1)]).unwrap();
    store.journal.commit(&episode(1, 0, 2)).unwrap();
    let core = Snapshot { term: Term(3), last_sweep: SweepId(1), ..Snapshot::default() };
    store.journal.snapshot(&core).unwrap();
    let after = episode(1, 1, 2);
    store.journal.commit(&after).unwrap();
    drop(store);
    let (store, replayed) = must_open(closed);
    let mut expected = vec![Replay::Snapshot(Box::new(core))];
    expected.extend(after.iter().map(replay_of));
    assert_eq!(replayed, expected);
    assert!(store.report.from_snapshot);
    for ordinal in 0..2 {
        assert_eq!(transcript(&*store.archive, job(1, ordinal), 0).len(), 2);
        assert!(store.archive.episode(job(1, ordinal), Generation(0)).unwrap().is_some());
    }
}

fn a_snapshot_comes_back_as_it_was(closed: &dyn Closed) {
    let open = |ordinal, place| OpenJob {
        ordinal: Ordinal(ordinal),
        generation: Generation(1),
        attempt: muster_core::Attempt(2),
        turns: TurnIndex(3),
        turns_at_grant: TurnIndex(1),
        strikes: 4,
        deaths: 5,
        stalls: 6,
        over: ordinal == 2,
        usage: full_usage(),
        place,
    };
    let lane = LaneSnapshot {
        next: 1_000,
        stopped: Some("no such model".into()),
        ended: (0..500).map(|n| (n % 7) as u8).collect(),
        generations: vec![muster_core::GenerationRun { first: 2, last: 9, generation: Generation(3) }],
        usage: full_usage(),
        open: vec![
            open(1, Place::Pending),
            open(2, Place::Leased(WorkerId(u64::MAX))),
            open(3, Place::Backoff(Millis(0))),
        ],
    };
    let empty = LaneSnapshot {
        next: 0,
        stopped: None,
        ended: Vec::new(),
        generations: Vec::new(),
        usage: Usage::default(),
        open: Vec::new(),
    };
    let sweep = SweepSnapshot {
        id: SweepId(4),
        spec: Arc::new(spec("kept")),
        submitted_at: Millis(11),
        paused: true,
        cancelled: false,
        generation: Generation(3),
        lanes: vec![lane, empty],
    };
    let silences = vec![silence().1];
    let core = Snapshot { term: Term(8), last_sweep: SweepId(5), sweeps: vec![sweep], silences, ..limits() };
    let (mut store, _) = must_open(closed);
    store.journal.snapshot(&Snapshot::default()).unwrap();
    store.journal.snapshot(&core).unwrap();
    drop(store);
    assert_eq!(must_open(closed).1, [Replay::Snapshot(Box::new(core))]);
}

fn an_open_transcript_goes_on_across_a_snapshot(closed: &dyn Closed) {
    let lease = lease(1, 4, 1);
    let (mut store, _) = must_open(closed);
    store.journal.commit(&[submitted(1), granted(lease), turn(lease, 0)]).unwrap();
    store.journal.snapshot(&Snapshot::default()).unwrap();
    drop(store);
    let (mut store, _) = must_open(closed);
    assert_eq!(transcript(&*store.archive, lease.job, 0).len(), 1);
    store.journal.commit(&[turn(lease, 1)]).unwrap();
    store.journal.snapshot(&Snapshot::default()).unwrap();
    store.journal.commit(&[turn(lease, 2), ended(lease, 3, Outcome::Completed)]).unwrap();
    drop(store);
    let (store, _) = must_open(closed);
    assert_eq!(transcript(&*store.archive, lease.job, 0).len(), 3);
}

fn bundles_are_kept_by_their_hash(closed: &dyn Closed) {
    let (store, _) = must_open(closed);
    let large: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let hash = store.archive.put_bundle(&large).unwrap();
    assert_eq!(hash, *blake3::hash(&large).as_bytes());
    assert_eq!(store.archive.put_bundle(&large).unwrap(), hash);
    let empty = store.archive.put_bundle(b"").unwrap();
    drop(store);
    let (store, _) = must_open(closed);
    assert_eq!(store.archive.bundle(hash).unwrap().unwrap(), large);
    assert_eq!(store.archive.bundle(empty).unwrap().unwrap().len(), 0);
}

fn hostile_bodies_come_back_byte_for_byte(closed: &dyn Closed) {
    let lease = lease(1, 0, 1);
    let mut frame_like = vec![0_u8; 64];
    frame_like[..9].copy_from_slice(&[4, 0, 0, 0, 1, 2, 3, 4, 0x82]);
    let bodies = [Vec::new(), vec![0; 70_000], b"\x1b[2J\0\xff{{{".to_vec(), frame_like, vec![b'{'; 3 << 20]];
    let turns = bodies.iter().enumerate().map(|(index, bytes)| {
        let body = bytes::Bytes::copy_from_slice(bytes);
        Record::Turn(TurnRecord { lease, index: TurnIndex(index as u32), usage: Usage::default(), body })
    });
    let batches = [vec![submitted(1)], turns.collect()];
    twice(closed, &batches, |archive| {
        let turns = archive.turns(lease.job, Generation(0)).unwrap();
        assert_eq!(turns.len(), bodies.len());
        assert!(turns.iter().zip(&bodies).all(|(turn, body)| turn.body == body));
    });
}

fn a_visitor_who_refuses_ends_the_opening(closed: &dyn Closed) {
    let (mut store, _) = must_open(closed);
    store.journal.commit(&[submitted(1)]).unwrap();
    drop(store);
    let refused = closed.open(&mut |_| Err("not this one".to_owned()));
    assert!(matches!(refused, Err(StoreError::Refused(why)) if why == "not this one"));
    assert_eq!(must_open(closed).1.len(), 1);
}

fn an_empty_commit_is_no_matter(closed: &dyn Closed) {
    let (mut store, _) = must_open(closed);
    store.journal.commit(&[]).unwrap();
    drop(store);
    assert!(must_open(closed).1.is_empty());
}
