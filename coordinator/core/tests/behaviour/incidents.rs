//! What goes wrong between workers and a coordinator, one incident a test.

use muster_core::{
    Acked, Attempt, Core, CoreConfig, Effect, Fact, FailureClass, Input, LeaseKey, Millis, Outcome, Record,
    ReturnCause, RevokeReason, SessionId, SweepId, SweepState, TurnIndex,
};

use crate::rig::{Rig, TTL_MS, acks, closed, grants, limited, revokes, scope, spec};

fn attempt(lease: LeaseKey, number: u32) -> LeaseKey {
    LeaseKey { attempt: Attempt(number), ..lease }
}

// --- leases and their time

#[test]
fn one_beat_keeps_all_leases_of_a_worker() {
    let (mut rig, leases) = Rig::running(5, 5);
    for _ in 0..4 {
        rig.now += TTL_MS - 1;
        rig.beat(1);
        rig.step(Input::Tick);
    }
    assert_eq!((leases.len(), rig.counts().leased), (5, 5));
}

#[test]
fn a_silent_worker_loses_its_leases_its_session_and_its_credits() {
    let (mut rig, _) = Rig::running(2, 5);
    let after = rig.pass(TTL_MS);
    assert_eq!(closed(&after), vec![1]);
    assert_eq!(rig.causes(), vec![ReturnCause::Expired; 2]);
    assert_eq!((rig.counts().pending, rig.counts().leased, rig.paid_twice()), (2, 0, 2));
    assert_eq!(grants(&after), vec![], "nothing is granted to a worker that is given up");
}

#[test]
fn a_lost_connection_keeps_its_leases_until_their_time_is_out() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.step(Input::Gone { session: SessionId(1) });
    rig.pass(TTL_MS - 1);
    assert_eq!(rig.counts().leased, 1);
    let after = rig.hello(2, 1, &leases);
    assert_eq!(after, vec![], "the worker came back in time, with its lease: nothing to say");
    assert_eq!(rig.last, vec![]);
}

#[test]
fn after_a_restart_every_lease_gets_a_full_new_time() {
    let (rig, leases) = Rig::running(1, 1);
    let mut rig = rig.restart();
    rig.pass(TTL_MS - 1);
    assert_eq!(rig.counts().leased, 1);
    assert_eq!(rig.hello(7, 1, &leases), vec![]);
    assert_eq!(acks(&rig.turn(7, leases[0], 0)), vec![Acked::Turns(TurnIndex(1))]);
}

#[test]
fn after_a_restart_a_worker_that_never_comes_back_loses_its_leases() {
    let (rig, _) = Rig::running(1, 1);
    let mut rig = rig.restart();
    rig.pass(TTL_MS);
    assert_eq!(rig.causes(), vec![ReturnCause::Expired]);
}

#[test]
fn a_tick_always_moves_the_next_wakeup_on() {
    let (mut rig, leases) = Rig::running(3, 3);
    rig.fail(1, leases[0], FailureClass::Transient);
    rig.step(Input::Pause { session: SessionId(1), scope: scope(0), pause_ms: 5_000 });
    let mut wakeups = 0;
    while let Some(at) = rig.core.next_wakeup() {
        assert!(at.0 > rig.now, "{at} at {}", rig.now);
        rig.now = at.0;
        rig.step(Input::Tick);
        wakeups += 1;
    }
    assert!((3..10).contains(&wakeups), "{wakeups}");
}

// --- hello

#[test]
fn a_second_session_of_a_worker_replaces_the_first() {
    let (mut rig, leases) = Rig::running(1, 4);
    let after = rig.hello(2, 1, &leases);
    assert_eq!(closed(&after), vec![1]);
    assert_eq!(closed(&rig.turn(1, leases[0], 0)), vec![1], "the old session is deaf");
    assert_eq!(acks(&rig.turn(2, leases[0], 0)).len(), 1);
}

#[test]
fn a_word_before_hello_closes_the_session() {
    let (mut rig, leases) = Rig::running(1, 1);
    assert_eq!(closed(&rig.turn(9, leases[0], 0)), vec![9]);
    assert_eq!(closed(&rig.beat(9)), vec![9]);
    assert_eq!(rig.want(9, 5), vec![]);
    assert_eq!(rig.last, vec![]);
}

#[test]
fn a_second_hello_in_one_session_closes_it() {
    let (mut rig, _) = Rig::running(1, 1);
    assert_eq!(closed(&rig.hello(1, 1, &[])), vec![1]);
    assert_eq!(closed(&rig.beat(1)), vec![1]);
    assert_eq!(rig.counts().leased, 1, "its leases run on until their time is out");
}

#[test]
fn a_lease_that_its_worker_came_back_without_is_granted_again_at_once() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.hello(2, 1, &[]);
    assert_eq!(rig.causes(), vec![ReturnCause::Disowned]);
    assert_eq!(rig.paid_twice(), 1);
    assert_eq!(rig.want(2, 1), vec![attempt(leases[0], 2)]);
}

#[test]
fn a_held_lease_that_expired_is_reinstated_if_no_newer_attempt_was_granted() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.pass(TTL_MS);
    assert_eq!(rig.hello(2, 1, &leases), vec![]);
    assert_eq!(rig.counts().leased, 1);
    assert_eq!(acks(&rig.turn(2, leases[0], 0)), vec![Acked::Turns(TurnIndex(1))]);
}

#[test]
fn a_held_lease_with_a_newer_attempt_is_fenced() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.pass(TTL_MS);
    rig.hello(2, 2, &[]);
    assert_eq!(rig.want(2, 1), vec![attempt(leases[0], 2)]);
    assert_eq!(revokes(&rig.hello(3, 1, &leases)), vec![RevokeReason::Fenced]);
}

#[test]
fn a_held_lease_of_another_worker_is_fenced() {
    let (mut rig, leases) = Rig::running(1, 1);
    assert_eq!(revokes(&rig.hello(2, 2, &leases)), vec![RevokeReason::Fenced]);
    assert_eq!(rig.counts().leased, 1);
}

#[test]
fn a_held_lease_that_was_never_granted_is_unknown() {
    let (mut rig, leases) = Rig::running(1, 0);
    assert_eq!(leases, vec![]);
    let made_up = attempt(rig_lease(), 1);
    assert_eq!(revokes(&rig.hello(2, 1, &[made_up])), vec![RevokeReason::Unknown]);
}

fn rig_lease() -> LeaseKey {
    Rig::running(1, 1).1[0]
}

#[test]
fn a_held_lease_of_a_job_that_has_ended_is_let_go() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.outcome(1, leases[0], 0);
    assert_eq!(revokes(&rig.hello(2, 1, &leases)), vec![RevokeReason::Fenced]);
}

#[test]
fn a_lease_whose_lane_was_stopped_while_its_worker_was_cut_off_runs_on_when_it_comes_back() {
    let (mut rig, leases) = Rig::running(2, 1);
    rig.step(Input::Gone { session: SessionId(1) });
    rig.hello(2, 2, &[]);
    let other = rig.want(2, 1);
    rig.fail(2, other[0], FailureClass::Config);
    assert_eq!(revokes(&rig.hello(3, 1, &leases)), vec![]);
    assert_eq!(acks(&rig.turn(3, leases[0], 0)), vec![Acked::Turns(TurnIndex(1))]);
}

#[test]
fn a_hello_that_names_too_much_is_closed_and_changes_nothing() {
    let (mut rig, leases) = Rig::running(1, 1);
    let held = vec![leases[0]; 65_537];
    assert_eq!(closed(&rig.hello(2, 1, &held)), vec![2]);
    assert_eq!(rig.counts().leased, 1);
}

// --- turns

#[test]
fn a_turn_sent_again_is_acknowledged_and_not_stored_again() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.turn(1, leases[0], 0);
    rig.turn(1, leases[0], 1);
    assert_eq!(acks(&rig.turn(1, leases[0], 0)), vec![Acked::Turns(TurnIndex(2))]);
    assert_eq!(rig.last, vec![]);
}

#[test]
fn a_gap_in_the_turns_ends_the_lease_and_uses_up_nothing() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.turn(1, leases[0], 0);
    assert_eq!(revokes(&rig.turn(1, leases[0], 2)), vec![RevokeReason::Protocol]);
    assert_eq!(rig.paid_twice(), 1, "the turn that has no place was paid in vain");
    let again = rig.want(1, 1);
    assert_eq!(again, vec![attempt(leases[0], 2)]);
    let open = &rig.core.snapshot().sweeps[0].lanes[0].open[0];
    assert_eq!((open.strikes, open.deaths, open.turns), (0, 0, TurnIndex(1)));
}

#[test]
fn a_late_turn_is_stored_and_the_next_attempt_goes_on_from_it() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.turn(1, leases[0], 0);
    rig.pass(TTL_MS);
    rig.hello(2, 1, &[]);
    assert_eq!(acks(&rig.turn(2, leases[0], 1)), vec![Acked::Turns(TurnIndex(2))]);
    let reinstated = rig.last.iter().any(|record| matches!(record, Record::Fact(Fact::Reinstated { .. })));
    assert!(reinstated && rig.last.iter().any(|record| matches!(record, Record::Turn(_))));
    let after = rig.step(Input::Want { session: SessionId(2), credits: 1 });
    let expected = Effect::Grant { session: SessionId(2), lease: attempt(leases[0], 2), turns: TurnIndex(2) };
    assert_eq!(after, vec![expected]);
}

#[test]
fn a_late_turn_does_not_leave_its_worker_with_a_lease_that_it_does_not_run() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.hello(2, 1, &[]);
    rig.turn(2, leases[0], 0);
    assert_eq!((rig.counts().leased, rig.counts().pending), (0, 1));
}

#[test]
fn a_turn_of_a_fenced_attempt_is_counted_and_never_mixed_in() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.pass(TTL_MS);
    rig.hello(2, 2, &[]);
    rig.want(2, 1);
    rig.hello(3, 1, &[]);
    assert_eq!(revokes(&rig.turn(3, leases[0], 0)), vec![RevokeReason::Fenced]);
    let usage = rig.view(SweepId(1)).usage;
    assert_eq!((usage.model_calls, usage.paid_twice, usage.input_tokens), (0, 2, 100));
    assert_eq!(rig.core.snapshot().sweeps[0].lanes[0].open[0].turns, TurnIndex(0));
}

#[test]
fn turns_and_outcome_sent_again_after_the_end_count_nothing_twice() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.turn(1, leases[0], 0);
    rig.outcome(1, leases[0], 1);
    let usage = rig.view(SweepId(1)).usage;
    rig.hello(2, 1, &leases);
    assert_eq!(acks(&rig.turn(2, leases[0], 0)), vec![Acked::Turns(TurnIndex(1))]);
    assert_eq!(acks(&rig.outcome(2, leases[0], 1)), vec![Acked::End]);
    assert_eq!(rig.view(SweepId(1)).usage, usage);
    assert_eq!(rig.last, vec![]);
}

#[test]
fn a_restart_drops_the_turns_and_counts_them_as_paid_twice() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.turn(1, leases[0], 0);
    rig.turn(1, leases[0], 1);
    rig.hello(2, 1, &[]);
    let second = rig.want(2, 1)[0];
    let restart = Input::Restart { session: SessionId(2), lease: second };
    assert_eq!(acks(&rig.step(restart.clone())), vec![Acked::Restart]);
    let usage = rig.view(SweepId(1)).usage;
    assert_eq!((usage.model_calls, usage.paid_twice, usage.input_tokens), (0, 3, 200));
    assert_eq!(acks(&rig.turn(2, second, 0)), vec![Acked::Turns(TurnIndex(1))]);
    assert_eq!(acks(&rig.step(restart)), vec![Acked::Restart], "sent again, it drops nothing");
    assert_eq!(acks(&rig.outcome(2, second, 1)), vec![Acked::End]);
    assert_eq!(rig.view(SweepId(1)).usage.model_calls, 1);
}

// --- outcomes

#[test]
fn late_outcome_from_an_expired_lease_is_committed_if_no_newer_attempt_was_granted() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.pass(TTL_MS);
    rig.hello(2, 1, &[]);
    assert_eq!(acks(&rig.outcome(2, leases[0], 0)), vec![Acked::End]);
    assert_eq!(rig.counts().completed, 1);
}

#[test]
fn late_outcome_from_a_fenced_attempt_is_rejected() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.pass(TTL_MS);
    rig.hello(2, 2, &[]);
    let newer = rig.want(2, 1);
    rig.hello(3, 1, &[]);
    assert_eq!(revokes(&rig.outcome(3, leases[0], 0)), vec![RevokeReason::Fenced]);
    assert_eq!(acks(&rig.outcome(2, newer[0], 0)), vec![Acked::End]);
    assert_eq!(
        revokes(&rig.outcome(3, leases[0], 0)),
        vec![RevokeReason::Fenced],
        "also once the job has ended"
    );
    assert_eq!(rig.counts().completed, 1);
}

/// A core as it starts from a snapshot alone, and a worker that left out of its hello what it has in its spool.
fn from_snapshot(rig: &Rig, worker: u64) -> Rig {
    let mut rig = Rig::of(Core::restore(CoreConfig::default(), &rig.core.snapshot()));
    rig.hello(50, worker, &[]);
    rig
}

#[test]
fn an_outcome_sent_again_is_told_from_a_stale_one_also_after_a_start_from_a_snapshot() {
    let (mut rig, leases) = Rig::running(2, 2);
    rig.outcome(1, leases[0], 0);
    rig.hello(2, 1, &[]);
    let second = rig.want(2, 1)[0];
    rig.outcome(2, second, 0);
    let mut rig = from_snapshot(&rig, 1);
    assert_eq!(acks(&rig.outcome(50, leases[0], 0)), vec![Acked::End]);
    assert_eq!(revokes(&rig.outcome(50, leases[1], 0)), vec![RevokeReason::Fenced]);
    assert_eq!(
        revokes(&rig.outcome(50, second, 0)),
        vec![RevokeReason::Fenced],
        "durable, but forgotten whose it was"
    );
}

#[test]
fn an_outcome_that_speaks_of_other_turns_is_not_committed() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.turn(1, leases[0], 0);
    assert_eq!(revokes(&rig.outcome(1, leases[0], 2)), vec![RevokeReason::Protocol]);
    assert_eq!((rig.counts().completed, rig.counts().pending, rig.paid_twice()), (0, 1, 1));
}

#[test]
fn an_outcome_that_no_worker_may_give_is_not_committed() {
    for outcome in [Outcome::Cancelled, Outcome::Quarantined, Outcome::Failed(FailureClass::Engine)] {
        let (mut rig, leases) = Rig::running(1, 1);
        assert_eq!(revokes(&rig.end(1, leases[0], outcome, 0)), vec![RevokeReason::Protocol]);
        assert_eq!(rig.counts().pending, 1);
    }
}

#[test]
fn limit_and_refusal_are_results() {
    let (mut rig, leases) = Rig::running(2, 2);
    rig.end(1, leases[0], Outcome::Limit, 0);
    rig.end(1, leases[1], Outcome::Refused, 0);
    let counts = rig.counts();
    assert_eq!((counts.completed, counts.limit, counts.refused), (0, 1, 1));
    assert_eq!(rig.view(SweepId(1)).state, SweepState::Finished);
}

// --- failures

#[test]
fn transient_failures_back_off_longer_each_time_and_then_end_the_job() {
    let (mut rig, mut leases) = Rig::running(1, 8);
    for wait_ms in [2_000, 4_000, 8_000] {
        assert_eq!(acks(&rig.fail(1, leases[0], FailureClass::Transient)), vec![Acked::End]);
        assert_eq!(rig.counts().backoff, 1);
        assert_eq!(grants(&rig.pass(wait_ms - 1)), vec![]);
        leases = grants(&rig.pass(1));
        assert_eq!(leases.len(), 1);
    }
    rig.fail(1, leases[0], FailureClass::Transient);
    assert_eq!(rig.ends(), vec![Outcome::Failed(FailureClass::Transient)]);
    assert_eq!((rig.counts().failed, rig.view(SweepId(1)).usage.retries), (1, 8));
}

#[test]
fn waiting_for_a_provider_uses_up_nothing() {
    let (mut rig, mut leases) = Rig::running(1, 50);
    for class in [FailureClass::RateLimited, FailureClass::Overloaded].repeat(10) {
        rig.fail(1, leases[0], class);
        assert_eq!(rig.counts().backoff, 1);
        leases = grants(&rig.pass(2_000));
    }
    assert_eq!(leases[0].attempt, Attempt(21));
}

#[test]
fn a_failure_sent_again_is_not_a_second_strike() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.fail(1, leases[0], FailureClass::Transient);
    rig.hello(2, 1, &leases);
    assert_eq!(acks(&rig.fail(2, leases[0], FailureClass::Transient)), vec![Acked::End]);
    assert_eq!(rig.last, vec![]);
    assert_eq!(rig.core.snapshot().sweeps[0].lanes[0].open[0].strikes, 1);
}

#[test]
fn a_job_given_back_is_not_granted_to_the_worker_that_leaves() {
    let (mut rig, leases) = Rig::running(1, 8);
    let after = rig.fail(1, leases[0], FailureClass::Preempted);
    assert_eq!((acks(&after), grants(&after)), (vec![Acked::End], vec![]));
    rig.hello(2, 2, &[]);
    assert_eq!(rig.want(2, 1), vec![attempt(leases[0], 2)]);
}

#[test]
fn a_request_that_will_never_be_accepted_ends_its_job() {
    for class in [FailureClass::BadRequest, FailureClass::Engine] {
        let (mut rig, leases) = Rig::running(1, 1);
        rig.fail(1, leases[0], class);
        assert_eq!(rig.ends(), vec![Outcome::Failed(class)]);
        let Record::Fact(Fact::Ended { detail, .. }) = &rig.last[0] else { panic!("{:?}", rig.last) };
        assert_eq!(&detail[..], b"it broke");
    }
}

#[test]
fn a_wrong_key_stops_its_lane_and_the_rest_of_the_sweep_goes_on() {
    let mut rig = Rig::new();
    rig.submit(spec(4, 1, 2));
    rig.hello(1, 1, &[]);
    rig.hello(2, 2, &[]);
    let mine = rig.want(1, 2);
    let other = rig.want(2, 2);
    let after = rig.fail(1, mine[0], FailureClass::Config);
    assert_eq!(mine[0].job.lane, other[0].job.lane);
    assert_eq!((acks(&after), revokes(&after)), (vec![Acked::End], vec![]));
    let view = rig.view(SweepId(1));
    assert_eq!(view.lanes[0].stopped.as_deref(), Some("it broke"));
    assert_eq!((view.lanes[0].counts.leased, view.lanes[0].usage.paid_twice), (1, 0));
    let rest = rig.want(1, 9);
    assert!(rest.iter().all(|lease| lease.job.lane.0 == 1), "{rest:?}");
    for lease in rest.into_iter().chain([mine[1]]) {
        rig.outcome(1, lease, 0);
    }
    rig.outcome(2, other[1], 0);
    assert_eq!(
        rig.view(SweepId(1)).state,
        SweepState::Running,
        "one of the stopped lane is still at its worker"
    );
    rig.fail(2, other[0], FailureClass::Config);
    assert_eq!(rig.view(SweepId(1)).state, SweepState::Stopped);
    assert_eq!(rig.view(SweepId(1)).usage.paid_twice, 0);
}

#[test]
fn a_turn_in_flight_when_its_lane_was_stopped_is_kept() {
    let (mut rig, leases) = Rig::running(2, 2);
    rig.fail(1, leases[0], FailureClass::Config);
    assert_eq!(acks(&rig.turn(1, leases[1], 0)), vec![Acked::Turns(TurnIndex(1))]);
    assert_eq!(acks(&rig.outcome(1, leases[1], 1)), vec![Acked::End]);
}

#[test]
fn a_held_lease_of_a_stopped_lane_is_not_taken_up_again() {
    let (mut rig, leases) = Rig::running(2, 2);
    rig.pass(TTL_MS);
    rig.hello(2, 2, &[]);
    let newer = rig.want(2, 1);
    rig.fail(2, newer[0], FailureClass::Config);
    assert_eq!(revokes(&rig.hello(3, 1, &leases[1..])), vec![RevokeReason::Stopped]);
}

#[test]
fn one_workers_retry_after_pauses_the_scope_for_all() {
    let mut rig = Rig::new();
    rig.submit(limited(spec(9, 1, 2), 6_000));
    rig.hello(1, 1, &[]);
    rig.hello(2, 2, &[]);
    rig.step(Input::Pause { session: SessionId(1), scope: scope(0), pause_ms: 5_000 });
    let during = rig.want(2, 4);
    assert!(during.len() == 4 && during.iter().all(|lease| lease.job.lane.0 == 1), "{during:?}");
    assert_eq!(rig.want(2, 9).len(), 5);
    assert_eq!(rig.core.next_wakeup().map(|at| at.0), Some(rig.now + 5_000));
    assert_eq!(grants(&rig.pass(5_000)).len(), 4, "the credits left over are served when the pause ends");
}

// --- deaths

/// Workers that die of a job: each takes it and is never heard of again.
fn die(rig: &mut Rig, worker: u64, turns: u32) {
    rig.hello(100 + worker, worker, &[]);
    let lease = rig.want(100 + worker, 1)[0];
    for index in 0..turns {
        rig.turn(100 + worker, lease, index);
    }
    rig.step(Input::Gone { session: SessionId(100 + worker) });
    rig.pass(TTL_MS);
}

#[test]
fn a_job_that_kills_three_workers_in_a_row_is_quarantined() {
    let (mut rig, _) = Rig::running(1, 0);
    for worker in 10..12 {
        die(&mut rig, worker, 0);
        assert_eq!(rig.causes(), vec![ReturnCause::Expired]);
    }
    die(&mut rig, 12, 0);
    assert_eq!(rig.ends(), vec![Outcome::Quarantined]);
    assert_eq!((rig.counts().quarantined, rig.paid_twice()), (1, 3));
}

#[test]
fn a_turn_gained_between_deaths_clears_the_job_of_suspicion() {
    let (mut rig, _) = Rig::running(1, 0);
    die(&mut rig, 10, 0);
    die(&mut rig, 11, 0);
    rig.hello(112, 12, &[]);
    let lease = rig.want(112, 1)[0];
    rig.turn(112, lease, 0);
    rig.pass(TTL_MS);
    assert_eq!((rig.counts().pending, rig.counts().quarantined), (1, 0));
    assert_eq!(rig.core.snapshot().sweeps[0].lanes[0].open[0].deaths, 0);
}

#[test]
fn a_worker_that_restarts_without_its_leases_never_quarantines_them() {
    let (mut rig, _) = Rig::running(1, 0);
    for session in 10..30 {
        rig.hello(session, 1, &[]);
        assert_eq!(rig.want(session, 1).len(), 1);
    }
    assert_eq!(rig.counts().quarantined, 0);
}

#[test]
fn a_job_whose_own_engine_kills_its_worker_again_and_again_is_quarantined() {
    let (mut rig, leases) = Rig::running(2, 2);
    let (poison, other) = (leases[0].job, leases[1].job);
    for session in 2..5 {
        rig.hello_with(session, 1, &[], &[poison]);
        rig.want(session, 2);
    }
    assert_eq!(rig.counts().quarantined, 1);
    let open = &rig.core.snapshot().sweeps[0].lanes[0].open;
    assert_eq!((open.len(), open[0].ordinal, open[0].deaths), (1, other.ordinal, 0));
}

// --- grants

#[test]
fn never_more_grants_than_credits() {
    let (mut rig, leases) = Rig::running(100, 7);
    assert_eq!(leases.len(), 7);
    let after = rig.outcome(1, leases[0], 0);
    assert_eq!(grants(&after), vec![], "a job that ended does not return its credit");
    assert_eq!(rig.want(1, 2).len(), 2);
}

#[test]
fn credits_left_over_are_served_when_work_comes_and_spread_over_workers() {
    let mut rig = Rig::new();
    for worker in 1..=4 {
        rig.hello(worker, worker, &[]);
        rig.want(worker, 64);
    }
    rig.submit(spec(8, 1, 1));
    let leases: Vec<usize> = rig.core.workers().map(|worker| worker.leases).collect();
    assert_eq!(leases, vec![2, 2, 2, 2]);
}

#[test]
fn jobs_go_only_to_workers_with_a_key_for_their_account() {
    let mut rig = Rig::new();
    rig.submit(spec(3, 1, 6));
    rig.hello(1, 1, &[]);
    let granted = rig.want(1, 100);
    assert_eq!(granted.len(), 12, "four of the six lanes");
    assert!(granted.iter().all(|lease| lease.job.lane.0 < 4));
}

#[test]
fn episodes_under_way_come_before_jobs_begun_before_jobs_never_begun() {
    let (mut rig, leases) = Rig::running(9, 3);
    rig.turn(1, leases[2], 0);
    rig.hello(2, 1, &[]);
    let order: Vec<u64> = rig.want(2, 4).iter().map(|lease| lease.job.ordinal.0).collect();
    assert_eq!(order, vec![2, 0, 1, 3]);
}

#[test]
fn a_drain_grants_nothing_more_and_is_quiet_when_all_came_back() {
    let (mut rig, leases) = Rig::running(9, 1);
    rig.step(Input::Drain);
    assert_eq!(rig.want(1, 5), vec![]);
    assert!(!rig.core.is_quiet());
    rig.outcome(1, leases[0], 0);
    assert!(rig.core.is_quiet());
}

#[test]
fn a_clock_set_back_between_processes_does_not_make_a_wait_endless() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.now = 10_000_000_000;
    rig.step(Input::Beat { session: SessionId(1) });
    rig.fail(1, leases[0], FailureClass::Transient);
    rig.now = 5_000;
    let mut rig = rig.restart();
    rig.hello(2, 2, &[]);
    rig.want(2, 1);
    while rig.counts().leased == 0 {
        let at = rig.core.next_wakeup().expect("something is due");
        rig.now = at.0;
        rig.step(Input::Beat { session: SessionId(2) });
        rig.step(Input::Tick);
    }
    assert!(rig.now <= 5_000 + 3_600_000, "{}", rig.now);
}

#[test]
fn a_coordinator_that_stood_still_takes_no_lease_for_it() {
    let (mut rig, leases) = Rig::running(1, 1);
    rig.now += 10 * TTL_MS;
    rig.core.extend_leases(Millis(rig.now));
    rig.step(Input::Tick);
    assert_eq!(rig.counts().leased, 1);
    assert_eq!(acks(&rig.turn(1, leases[0], 0)), vec![Acked::Turns(TurnIndex(1))]);
    rig.pass(TTL_MS);
    assert_eq!(rig.counts().leased, 0, "a worker that is silent after it is given up as ever");
}
