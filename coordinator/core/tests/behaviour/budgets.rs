//! Incidents of budgets that come, change and begin anew in mid-run.

use std::sync::Arc;

use muster_core::{
    Answer, Budget, CapMode, Control, FailureClass, Fate, Input, LeaseKey, Millis, Purse, PurseView,
    SessionId, Span, SweepId, SweepSpec,
};

use crate::limits::{ask, cap, denied, settle, shared};
use crate::rig::{Rig, account, grants, limited, spec};

const DAY_MS: u64 = 86_400_000;

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

/// Nine jobs under a daily budget, twenty seconds before midnight, with two at a worker.
fn late_in_the_day(mode: CapMode) -> (Rig, Vec<LeaseKey>) {
    let mut rig = Rig::new();
    rig.now = 7 * DAY_MS - 20_000;
    rig.submit(spec(9, 1, 1));
    let budget = Budget { micro_usd: Some(100), tokens: None, mode };
    rig.control(Control::Cap { purse: Purse::Account(account(0)), span: Span::Day, budget });
    rig.hello(1, 1, &[]);
    rig.pass(2_000);
    let leases = rig.want(1, 2);
    (rig, leases)
}

#[test]
fn a_day_whose_budget_is_spent_lets_calls_and_jobs_wait_for_the_next_and_stops_nothing() {
    let (mut rig, leases) = late_in_the_day(CapMode::Stop);
    assert_eq!(shared(&ask(&mut rig, 1, leases[0], 1, Some(60))), [1]);
    settle(&mut rig, 1, Fate::Answered, 60);
    assert_eq!(ask(&mut rig, 2, leases[1], 2, Some(60)), [], "neither granted nor denied");
    assert_eq!(rig.want(1, 3), [], "what would only wait is not begun");
    assert_eq!((purse(&rig).waiting, purse(&rig).waits_until), (1, Some(Millis(7 * DAY_MS))));
    assert_eq!(rig.view(SweepId(1)).lanes[0].stopped, None);
    rig.pass(17_000);
    rig.step(Input::Ask { session: SessionId(1), number: 3, calls: vec![] });
    assert!(rig.core.next_wakeup() <= Some(Millis(7 * DAY_MS)));
    let after = rig.pass(7 * DAY_MS - rig.now);
    assert_eq!(shared(&after), [2]);
    assert_eq!(grants(&settle(&mut rig, 2, Fate::Answered, 1)).len(), 1, "as many as fit at 60 a call");
    assert_eq!(purse(&rig).waits_until, None);
}

#[test]
fn a_call_that_is_larger_than_a_whole_days_budget_stops_its_lane() {
    let (mut rig, leases) = late_in_the_day(CapMode::Stop);
    ask(&mut rig, 1, leases[0], 1, Some(101));
    let reason = rig.view(SweepId(1)).lanes[0].stopped.clone().expect("no day has room for it");
    assert!(reason.contains("for today (UTC)"), "{reason}");
}

#[test]
fn a_daily_budget_that_drains_begins_nothing_more_today_and_goes_on_tomorrow() {
    let (mut rig, leases) = late_in_the_day(CapMode::Drain);
    ask(&mut rig, 1, leases[0], 1, Some(95));
    settle(&mut rig, 1, Fate::Answered, 95);
    for lease in leases {
        rig.outcome(1, lease, 0);
    }
    assert_eq!(rig.want(1, 3), []);
    assert_eq!(rig.view(SweepId(1)).lanes[0].stopped, None);
    assert_eq!(grants(&rig.pass(7 * DAY_MS - rig.now)).len(), 1, "as many as fit at 95 a call");
}

#[test]
fn an_episode_that_began_before_the_price_was_stated_goes_back_alone() {
    let (mut rig, leases) = running(budgeted(spec(9, 1, 1), 1_000), 2);
    let priced = SweepSpec { document: b"{\"price\":1}"[..].into(), ..budgeted(spec(9, 1, 1), 1_000) };
    amend(&mut rig, priced);
    assert_eq!(denied(&ask(&mut rig, 1, leases[0], 1, None)), [1]);
    assert_eq!(rig.view(SweepId(1)).lanes[0].stopped, None, "the others have a price");
    rig.fail(1, leases[0], FailureClass::Preempted);
    let again = rig.want(1, 1)[0];
    assert_eq!(shared(&ask(&mut rig, 2, again, 2, Some(60))), [2]);
    assert_eq!(denied(&ask(&mut rig, 3, again, 3, None)), [3]);
    assert!(rig.view(SweepId(1)).lanes[0].stopped.is_some(), "this one has the new document, and no price");
}
