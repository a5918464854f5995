//! What users ask for, and what is answered.

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Acked, Answer, Control, Fact, FailureClass, Generation, JobKey, Lane, LeaseKey, Ordinal, Outcome, Record,
    Refusal, RetryPolicy, RevokeReason, ScoreRecord, SweepId, SweepSpec, SweepState,
};

use crate::rig::{Rig, acks, grants, revokes, spec};

const SWEEP: SweepId = SweepId(1);

fn done(sweep: SweepId, created: bool, jobs: u64) -> Answer {
    Answer::Done { sweep, created, jobs }
}

fn submit(rig: &mut Rig, spec: SweepSpec, again: bool) -> Answer {
    rig.control(Control::Submit { spec: Arc::new(spec), again })
}

#[test]
fn the_same_content_submitted_again_finds_its_sweep_unless_a_new_one_is_wanted() {
    let mut rig = Rig::new();
    assert_eq!(submit(&mut rig, spec(3, 1, 1), false), done(SWEEP, true, 0));
    assert_eq!(submit(&mut rig, spec(3, 1, 1), false), done(SWEEP, false, 0));
    assert_eq!(rig.last, vec![]);
    assert_eq!(submit(&mut rig, spec(3, 1, 1), true), done(SweepId(2), true, 0));
    assert_eq!(submit(&mut rig, spec(3, 1, 1), false), done(SweepId(2), false, 0), "the newest is found");
    let other = SweepSpec { project: "other".into(), ..spec(3, 1, 1) };
    assert_eq!(submit(&mut rig, other, false), done(SweepId(3), true, 0));
}

#[test]
fn seeds_and_limit_follow_the_last_submission_and_nothing_is_renumbered() {
    let (mut rig, leases) = Rig::running(3, 3);
    submit(&mut rig, spec(3, 4, 1), false);
    assert_eq!(rig.counts().jobs, 12);
    let more = rig.want(1, 2);
    assert_eq!(more.iter().map(|lease| lease.job.ordinal.0).collect::<Vec<_>>(), vec![3, 4]);
    submit(&mut rig, SweepSpec { limit: Some(2), ..spec(3, 4, 1) }, false);
    assert_eq!(rig.counts().jobs, 5, "what was begun ends");
    assert_eq!(rig.want(1, 9), vec![]);
    for lease in leases.into_iter().chain(more) {
        rig.outcome(1, lease, 0);
    }
    assert_eq!(rig.view(SWEEP).state, SweepState::Finished);
}

#[test]
fn a_higher_limit_contains_a_lower_one() {
    let begun = |limit: u64| {
        let mut rig = Rig::new();
        rig.submit(SweepSpec { limit: Some(limit), ..spec(4, 5, 3) });
        rig.hello(1, 1, &[]);
        let mut jobs: Vec<JobKey> = rig.want(1, 1_000).iter().map(|lease| lease.job).collect();
        jobs.sort();
        jobs
    };
    for limit in 0..=61 {
        let (lower, higher) = (begun(limit), begun(limit + 1));
        assert_eq!(lower.len() as u64, limit.min(60));
        assert!(lower.iter().all(|job| higher.contains(job)), "limit {limit}");
    }
}

#[test]
fn a_sweep_that_can_not_be_is_refused_with_the_reason() {
    let mut rig = Rig::new();
    let wrong = [
        (spec(0, 1, 1), "variants"),
        (spec(1, 0, 1), "seeds"),
        (spec(1, 1, 0), "0 models"),
        (spec(1, 1, 257), "257 models"),
        (SweepSpec { weight: 0, ..spec(1, 1, 1) }, "weight is 0"),
        (SweepSpec { weight: 1_001, ..spec(1, 1, 1) }, "weight is 1001"),
        (spec(u32::MAX, u32::MAX, 2), "more jobs"),
    ];
    for (spec, reason) in wrong {
        let Answer::Refused(Refusal::BadSpec(found)) = submit(&mut rig, spec, false) else {
            panic!("{reason}")
        };
        assert!(found.contains(reason), "{found}");
        assert_eq!(rig.last, vec![]);
    }
}

#[test]
fn what_is_asked_of_a_sweep_that_is_not_there_is_refused() {
    let mut rig = Rig::new();
    let nowhere = SweepId(9);
    for control in [
        Control::Pause(nowhere),
        Control::Resume(nowhere),
        Control::Cancel(nowhere),
        Control::Retry(nowhere),
        Control::Remove(nowhere),
    ] {
        assert_eq!(rig.control(control), Answer::Refused(Refusal::NoSuchSweep(nowhere)));
    }
}

#[test]
fn a_pause_lets_what_runs_go_on() {
    let (mut rig, leases) = Rig::running(9, 2);
    assert_eq!(rig.control(Control::Pause(SWEEP)), done(SWEEP, false, 0));
    assert_eq!(rig.view(SWEEP).state, SweepState::Paused);
    assert_eq!(rig.want(1, 3), vec![]);
    assert_eq!(acks(&rig.turn(1, leases[0], 0)).len(), 1);
    assert_eq!(acks(&rig.outcome(1, leases[0], 1)), vec![Acked::End]);
    rig.control(Control::Resume(SWEEP));
    assert_eq!(rig.counts().leased, 4, "the credits that waited are served");
}

#[test]
fn resuming_opens_stopped_lanes_again() {
    let (mut rig, leases) = Rig::running(3, 2);
    for lease in leases {
        rig.fail(1, lease, FailureClass::Config);
    }
    assert_eq!(rig.view(SWEEP).state, SweepState::Stopped);
    rig.want(1, 9);
    rig.control(Control::Resume(SWEEP));
    assert_eq!((rig.view(SWEEP).state, rig.counts().leased), (SweepState::Running, 3));
}

#[test]
fn a_cancel_ends_what_runs_what_waits_and_what_was_never_begun() {
    let (mut rig, leases) = Rig::running(10, 3);
    rig.outcome(1, leases[0], 0);
    rig.fail(1, leases[1], FailureClass::Transient);
    let after = rig.step(muster_core::Input::Control(muster_core::Ticket(1), Control::Cancel(SWEEP)));
    assert_eq!(revokes(&after), vec![RevokeReason::Cancelled]);
    assert_eq!(rig.last, vec![Record::Fact(Fact::Cancelled { sweep: SWEEP })], "one fact, whatever the size");
    let counts = rig.counts();
    assert_eq!((counts.completed, counts.cancelled, counts.ended(), counts.jobs), (1, 9, 10, 10));
    assert_eq!((rig.view(SWEEP).state, rig.paid_twice()), (SweepState::Cancelled, 1));
    assert_eq!(revokes(&rig.turn(1, leases[2], 0)), vec![RevokeReason::Cancelled]);
    assert_eq!(rig.paid_twice(), 2);
    assert_eq!(revokes(&rig.outcome(1, leases[2], 1)), vec![RevokeReason::Cancelled]);
    assert_eq!(rig.control(Control::Cancel(SWEEP)), done(SWEEP, false, 0));
}

#[test]
fn a_cancelled_sweep_is_opened_by_retry_alone() {
    let (mut rig, _) = Rig::running(5, 2);
    rig.control(Control::Cancel(SWEEP));
    for control in [Control::Pause(SWEEP), Control::Resume(SWEEP)] {
        assert_eq!(rig.control(control), Answer::Refused(Refusal::Cancelled(SWEEP)));
    }
    assert_eq!(submit(&mut rig, spec(5, 1, 1), false), Answer::Refused(Refusal::Cancelled(SWEEP)));
    assert_eq!(rig.control(Control::Retry(SWEEP)), done(SWEEP, false, 5));
    let leases = rig.want(1, 9);
    assert!(leases.iter().all(|lease| lease.generation == Generation(1)), "{leases:?}");
    for lease in &leases {
        rig.outcome(1, *lease, 0);
    }
    assert_eq!((leases.len(), rig.view(SWEEP).state), (5, SweepState::Finished));
}

#[test]
fn a_retry_opens_what_has_no_result_in_a_new_generation_and_keeps_the_rest() {
    let (mut rig, leases) = Rig::running(4, 4);
    rig.outcome(1, leases[0], 0);
    rig.fail(1, leases[1], FailureClass::BadRequest);
    rig.fail(1, leases[2], FailureClass::Engine);
    assert_eq!(rig.control(Control::Retry(SWEEP)), done(SWEEP, false, 2));
    assert_eq!((rig.counts().pending, rig.counts().leased, rig.counts().failed), (2, 1, 0));
    let again = rig.want(1, 9);
    let generations: Vec<(u64, u32, u32)> =
        again.iter().map(|lease| (lease.job.ordinal.0, lease.generation.0, lease.attempt.0)).collect();
    assert_eq!(generations, vec![(1, 1, 1), (2, 1, 1)]);
    assert_eq!(
        revokes(&rig.outcome(1, leases[1], 0)),
        vec![RevokeReason::Fenced],
        "the old generation is over"
    );
    rig.outcome(1, again[0], 0);
    rig.outcome(1, leases[3], 0);
    assert_eq!(rig.counts().completed, 3);
    assert_eq!(rig.control(Control::Retry(SWEEP)), done(SWEEP, false, 0));
}

#[test]
fn a_retry_of_a_retry_goes_on_counting_generations() {
    let (mut rig, mut leases) = Rig::running(1, 1);
    for generation in 1..5 {
        rig.fail(1, leases[0], FailureClass::Engine);
        rig.control(Control::Retry(SWEEP));
        leases = rig.want(1, 1);
        assert_eq!(leases[0].generation, Generation(generation));
    }
}

fn verdict(lease: LeaseKey, generation: u32) -> Vec<Arc<ScoreRecord>> {
    vec![Arc::new(ScoreRecord {
        job: lease.job,
        generation: Generation(generation),
        scorer: "s".into(),
        version: "1".into(),
        verdict: Bytes::from_static(b"{}"),
    })]
}

#[test]
fn a_verdict_needs_a_result_of_its_generation() {
    let (mut rig, leases) = Rig::running(3, 2);
    let missing = |job| Answer::Refused(Refusal::NoSuchJob(job));
    rig.fail(1, leases[0], FailureClass::Engine);
    rig.outcome(1, leases[1], 0);
    assert_eq!(rig.control(Control::Score(verdict(leases[0], 0))), missing(leases[0].job), "it failed");
    rig.control(Control::Retry(SWEEP));
    let again = rig.want(1, 1);
    assert_eq!(rig.control(Control::Score(verdict(again[0], 1))), missing(again[0].job), "it runs");
    rig.outcome(1, again[0], 0);
    assert_eq!(rig.control(Control::Score(verdict(again[0], 0))), missing(again[0].job));
    let both: Vec<_> = [verdict(again[0], 1), verdict(leases[1], 0)].concat();
    assert_eq!(rig.control(Control::Score(both)), done(SWEEP, false, 2));
    assert_eq!(rig.last.len(), 2);
    let beyond = JobKey { lane: Lane(7), ordinal: Ordinal(u64::MAX), ..leases[0].job };
    let nowhere = verdict(LeaseKey { job: beyond, ..leases[0] }, 0);
    assert_eq!(rig.control(Control::Score(nowhere)), missing(beyond));
    let after_restart = rig.restart().control(Control::Score(verdict(again[0], 1)));
    assert_eq!(after_restart, done(SWEEP, false, 1));
}

#[test]
fn a_sweep_is_removed_only_once_nothing_of_it_runs() {
    let (mut rig, leases) = Rig::running(2, 2);
    let running = Answer::Refused(Refusal::Running(SWEEP));
    assert_eq!(rig.control(Control::Remove(SWEEP)), running);
    rig.end(1, leases[0], Outcome::Completed, 0);
    assert_eq!(rig.control(Control::Remove(SWEEP)), running);
    rig.end(1, leases[1], Outcome::Completed, 0);
    assert_eq!(rig.control(Control::Remove(SWEEP)), done(SWEEP, false, 0));
    assert_eq!(rig.core.sweep(SWEEP), None);
    assert_eq!(revokes(&rig.outcome(1, leases[1], 0)), vec![RevokeReason::Unknown]);
    assert_eq!(rig.submit(spec(1, 1, 1)), SweepId(2), "a number is not used again");
    assert_eq!(grants(&rig.hello(1, 1, &[])), vec![]);
}

#[test]
fn a_billion_jobs_are_submitted_and_cancelled_at_once() {
    let mut rig = Rig::new();
    rig.submit(spec(1_000, 1_000_000, 1));
    rig.hello(1, 1, &[]);
    assert_eq!(rig.want(1, 3).len(), 3);
    assert_eq!(rig.counts().pending, 999_999_997);
    assert_eq!(rig.control(Control::Cancel(SWEEP)), done(SWEEP, false, 1_000_000_000));
    assert_eq!(rig.control(Control::Retry(SWEEP)), done(SWEEP, false, 1_000_000_000));
    assert_eq!(rig.want(1, 3)[0].job.ordinal, Ordinal(0));
}

#[test]
fn a_sweep_submitted_again_with_other_retries_and_another_document_has_those_from_then_on() {
    let (mut rig, _) = Rig::running(3, 1);
    let old = rig.view(SWEEP).spec;
    let retry = RetryPolicy { max_strikes: 9, ..old.retry };
    let spec = Arc::new(SweepSpec { retry, weight: 7, document: "other".into(), ..(*old).clone() });
    let again = Control::Submit { spec: Arc::clone(&spec), again: false };
    assert_eq!(rig.control(again.clone()), done(SWEEP, false, 0));
    assert_eq!(rig.view(SWEEP).spec, spec);
    rig.control(again);
    assert_eq!(rig.last, vec![], "the same again writes nothing");
}

#[test]
fn a_sweep_of_the_same_content_and_another_form_is_refused_and_changes_nothing() {
    let (mut rig, _) = Rig::running(3, 1);
    let old = rig.view(SWEEP).spec;
    let spec = Arc::new(SweepSpec { variants: old.variants + 1, ..(*old).clone() });
    let answer = rig.control(Control::Submit { spec, again: false });
    assert!(matches!(answer, Answer::Refused(Refusal::BadSpec(_))), "{answer:?}");
    assert_eq!(rig.view(SWEEP).spec, old);
}
