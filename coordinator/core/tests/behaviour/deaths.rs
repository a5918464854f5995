//! Incidents of calls whose process is dead.

use muster_core::{
    CallId, CallSettled, CapMode, Control, Cost, Fate, Input, Millis, PurseView, Quota, SessionId, Spend,
    SweepId,
};

use crate::limits::{ask, cap, settle, shared};
use crate::rig::{Rig, TTL_MS, scope, spec};

/// Two places and a budget, and both places taken by worker 1's first process.
fn busy() -> (Rig, Vec<muster_core::LeaseKey>) {
    let mut rig = Rig::new();
    rig.submit(spec(9, 1, 1));
    let quota = Quota { concurrency: Some(2), ..Quota::default() };
    rig.control(Control::Retune { scope: scope(0), quota: Some(quota) });
    cap(&mut rig, muster_core::Purse::Sweep(SweepId(1)), 1_000, CapMode::Stop);
    rig.hello(1, 1, &[]);
    rig.pass(2_000);
    let leases = rig.want(1, 2);
    assert_eq!(shared(&ask(&mut rig, 1, leases[0], 1, Some(60))), [1]);
    assert_eq!(shared(&ask(&mut rig, 2, leases[1], 2, Some(60))), [2]);
    (rig, leases)
}

fn purse(rig: &Rig) -> PurseView {
    rig.core.purses(Millis(rig.now)).next().expect("the budget is there")
}

fn money(rig: &Rig) -> (Option<u64>, Option<u64>) {
    (purse(rig).spent.micro_usd, purse(rig).held.micro_usd)
}

/// An ask in another session, of a process with other call numbers.
fn ask_of(rig: &mut Rig, session: u64, lease: muster_core::LeaseKey, call: u64) -> Vec<muster_core::Effect> {
    let ask = muster_core::CallAsk {
        call: CallId(call),
        lease,
        turn: muster_core::TurnIndex(0),
        cost: Cost::default(),
        worst: Spend { micro_usd: Some(60), tokens: 10 },
        timeout_ms: 3_600_000,
    };
    rig.step(Input::Ask { session: SessionId(session), number: 1, calls: vec![ask] })
}

#[test]
fn a_worker_that_was_killed_and_comes_back_finds_the_places_of_its_dead_process_free() {
    let (mut rig, _) = busy();
    rig.hello(2, 1, &[]);
    assert_eq!(money(&rig), (Some(120), Some(0)), "what the dead process sent is charged in full");
    let leases = rig.want(2, 2);
    assert_eq!(shared(&ask_of(&mut rig, 2, leases[0], 7 << 32)), [7 << 32]);
    assert_eq!(shared(&ask_of(&mut rig, 2, leases[1], (7 << 32) + 1)), [(7 << 32) + 1]);
    let scope = rig.core.scopes(Millis(rig.now)).next().expect("it is known");
    assert_eq!(scope.in_flight, 2);
}

#[test]
fn places_of_a_killed_worker_are_free_also_after_the_coordinator_died_with_it() {
    let (rig, _) = busy();
    let mut rig = rig.restart();
    assert_eq!(money(&rig), (Some(0), Some(120)));
    rig.hello(1, 1, &[]);
    rig.pass(2_000);
    let lease = rig.want(1, 1)[0];
    assert_eq!(shared(&ask_of(&mut rig, 1, lease, 7 << 32)), [7 << 32]);
    assert_eq!(money(&rig), (Some(120), Some(60)));
}

#[test]
fn a_worker_that_only_reconnects_keeps_its_places_and_is_charged_what_its_calls_cost() {
    let (mut rig, leases) = busy();
    rig.hello(2, 1, &leases);
    assert_eq!(money(&rig), (Some(0), Some(120)));
    let spent = Spend { micro_usd: Some(5), tokens: 1 };
    let call = CallSettled { call: CallId(1), fate: Fate::Answered, cost: Cost::default(), spent };
    rig.step(Input::Settle { session: SessionId(2), calls: vec![call] });
    assert_eq!(money(&rig), (Some(5), Some(60)));
}

#[test]
fn a_new_process_that_empties_the_dead_ones_spool_shows_by_its_first_ask_that_the_old_calls_are_lost() {
    let (mut rig, leases) = busy();
    rig.hello(2, 1, &leases);
    assert_eq!(money(&rig), (Some(0), Some(120)));
    assert_eq!(shared(&ask_of(&mut rig, 2, leases[0], 7 << 32)), [7 << 32]);
    assert_eq!(money(&rig), (Some(120), Some(60)));
}

#[test]
fn a_worker_that_never_comes_back_loses_its_places_with_its_leases() {
    let (mut rig, _) = busy();
    rig.hello(2, 2, &[]);
    rig.want(2, 1);
    rig.step(Input::Gone { session: SessionId(1) });
    for _ in 0..4 {
        rig.pass(TTL_MS / 4);
        rig.beat(2);
    }
    assert_eq!(money(&rig), (Some(120), Some(0)));
    rig.want(2, 2);
    assert!(rig.view(SweepId(1)).counts.leased >= 1);
    assert_eq!(settle(&mut rig, 1, Fate::Answered, 1).len(), 1, "its late word finds it gone");
    assert_eq!(money(&rig), (Some(120), Some(0)));
}

#[test]
fn a_worker_with_calls_and_no_leases_that_never_comes_back_after_a_restart_is_given_up_too() {
    let (mut rig, leases) = busy();
    for lease in &leases {
        rig.fail(1, *lease, muster_core::FailureClass::Preempted);
    }
    let mut rig = rig.restart();
    assert_eq!(money(&rig), (Some(0), Some(120)));
    rig.pass(TTL_MS);
    assert_eq!(money(&rig), (Some(120), Some(0)));
}

#[test]
fn a_place_held_by_an_earlier_process_that_is_settled_lets_the_next_call_go() {
    let (rig, leases) = busy();
    let mut rig = rig.restart();
    rig.hello(1, 1, &leases);
    rig.pass(2_000);
    assert_eq!(shared(&ask(&mut rig, 1, leases[0], 3, Some(60))), [0; 0], "both places are taken");
    assert_eq!(shared(&settle(&mut rig, 1, Fate::Answered, 5)), [3]);
}
