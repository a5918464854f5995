//! Incidents of budgets that come, change and begin anew in mid-run.

use std::sync::Arc;

use muster_core::{Answer, Budget, CapMode, Control, LeaseKey, Millis, Purse, PurseView, SweepId, SweepSpec};

use crate::limits::{ask, cap, shared};
use crate::rig::{Rig, limited, spec};

fn purse(rig: &Rig) -> PurseView {
    rig.core.purses(Millis(rig.now)).next().expect("the budget is there")
}

fn money(rig: &Rig) -> (Option<u64>, Option<u64>) {
    (purse(rig).spent.micro_usd, purse(rig).held.micro_usd)
}

fn amend(rig: &mut Rig, spec: SweepSpec) {
    let answer = rig.control(Control::Submit { spec: Arc::new(spec), again: false });
    assert!(matches!(answer, Answer::Done { created: false, .. }), "{answer:?}");
}

fn budgeted(mut spec: SweepSpec, micro_usd: u64) -> SweepSpec {
    spec.budget = Budget { micro_usd: Some(micro_usd), tokens: None, mode: CapMode::Stop };
    spec
}

fn running(spec: SweepSpec, jobs: u32) -> (Rig, Vec<LeaseKey>) {
    let mut rig = Rig::new();
    rig.submit(spec);
    rig.hello(1, 1, &[]);
    rig.pass(2_000);
    let leases = rig.want(1, jobs);
    (rig, leases)
}

#[test]
fn a_budget_that_comes_by_submitting_again_counts_the_calls_in_flight() {
    let (mut rig, leases) = running(limited(spec(9, 1, 1), 60_000), 1);
    assert_eq!(shared(&ask(&mut rig, 1, leases[0], 1, Some(60))), [1]);
    amend(&mut rig, budgeted(limited(spec(9, 1, 1), 60_000), 100));
    assert_eq!(money(&rig), (Some(0), Some(60)));
    assert_eq!(money(&rig.restart()), (Some(0), Some(60)));
}

#[test]
fn calls_that_nobody_asked_for_before_the_budget_came_are_charged_when_they_are_answered() {
    for by_hand in [true, false] {
        let (mut rig, leases) = running(spec(9, 1, 1), 2);
        rig.turn(1, leases[0], 0);
        if by_hand {
            cap(&mut rig, Purse::Sweep(SweepId(1)), 100, CapMode::Stop);
        } else {
            amend(&mut rig, budgeted(spec(9, 1, 1), 100));
        }
        assert_eq!(money(&rig), (Some(5), Some(0)), "what the sweep spent before");
        rig.turn(1, leases[0], 1);
        rig.turn(1, leases[0], 1);
        assert_eq!(money(&rig), (Some(10), Some(0)), "once");
        rig.turn(1, leases[1], 0);
        assert_eq!((money(&rig), money(&rig.restart())), ((Some(15), Some(0)), (Some(15), Some(0))));
        ask_turn(&mut rig, leases[0], 2);
        rig.turn(1, leases[0], 2);
        assert_eq!(money(&rig).0, Some(15), "this one was asked for, and is settled");
    }
}

fn ask_turn(rig: &mut Rig, lease: LeaseKey, turn: u32) {
    let ask = muster_core::CallAsk {
        call: muster_core::CallId(77),
        lease,
        turn: muster_core::TurnIndex(turn),
        cost: muster_core::Cost::default(),
        worst: muster_core::Spend { micro_usd: Some(60), tokens: 10 },
        timeout_ms: 60_000,
    };
    rig.step(muster_core::Input::Ask { session: muster_core::SessionId(1), number: 9, calls: vec![ask] });
}
