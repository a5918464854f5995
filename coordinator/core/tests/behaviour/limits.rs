//! Incidents of quotas, budgets and providers that say no.

use muster_core::{
    Budget, CallAsk, CallId, CallSettled, CapMode, Control, Cost, Effect, Fact, FailureClass, Fate, Input,
    LeaseKey, Outcome, Purse, Quota, Record, SessionId, Span, Spend, SweepId, SweepState, TurnIndex, Usage,
};

use crate::rig::{Rig, account, grants, limited, scope, spec};

pub(crate) fn ask(
    rig: &mut Rig,
    number: u64,
    lease: LeaseKey,
    call: u64,
    micro_usd: Option<u64>,
) -> Vec<Effect> {
    let ask = CallAsk {
        call: CallId(call),
        lease,
        turn: TurnIndex(0),
        cost: Cost::default(),
        worst: Spend { micro_usd, tokens: 10 },
        timeout_ms: 60_000,
    };
    rig.step(Input::Ask { session: SessionId(1), number, calls: vec![ask] })
}

pub(crate) fn settle(rig: &mut Rig, call: u64, fate: Fate, micro_usd: u64) -> Vec<Effect> {
    let spent = Spend { micro_usd: Some(micro_usd), tokens: 1 };
    let call = CallSettled { call: CallId(call), fate, cost: Cost::default(), spent };
    rig.step(Input::Settle { session: SessionId(1), calls: vec![call] })
}

pub(crate) fn shared(after: &[Effect]) -> Vec<u64> {
    let calls = |effect: &Effect| match effect {
        Effect::Share { calls, .. } => calls.iter().map(|call| call.0).collect(),
        _ => Vec::new(),
    };
    after.iter().flat_map(calls).collect()
}

pub(crate) fn denied(after: &[Effect]) -> Vec<u64> {
    let calls = |effect: &Effect| match effect {
        Effect::Deny { calls, .. } => calls.iter().map(|call| call.0).collect(),
        _ => Vec::new(),
    };
    after.iter().flat_map(calls).collect()
}

fn fail(rig: &mut Rig, lease: LeaseKey, class: FailureClass, retry_after_ms: u64) -> Vec<Effect> {
    rig.step(Input::Failure {
        session: SessionId(1),
        lease,
        class,
        usage: Usage::default(),
        retry_after_ms,
        message: "You exceeded your current quota".into(),
    })
}

pub(crate) fn cap(rig: &mut Rig, purse: Purse, micro_usd: u64, mode: CapMode) {
    let budget = Budget { micro_usd: Some(micro_usd), tokens: None, mode };
    rig.control(Control::Cap { purse, span: Span::Ever, budget });
}

#[test]
fn a_call_of_an_open_scope_is_shared_at_once_and_one_of_a_stranger_denied() {
    let (mut rig, leases) = Rig::running(2, 1);
    assert_eq!(shared(&ask(&mut rig, 1, leases[0], 1, None)), [1]);
    let stale = LeaseKey { attempt: muster_core::Attempt(9), ..leases[0] };
    assert_eq!(denied(&ask(&mut rig, 2, stale, 2, None)), [2]);
}

#[test]
fn an_open_scope_is_governed_from_the_first_complaint_on_and_every_key_holder_is_told() {
    let (mut rig, leases) = Rig::running(9, 2);
    rig.hello(2, 2, &[]);
    for index in 0..20 {
        rig.turn(1, leases[0], index);
        rig.now += 100;
    }
    let after = rig.step(Input::Pause { session: SessionId(1), scope: scope(0), pause_ms: 5_000 });
    let told = |session: u64, pause: u64| Effect::Govern {
        session: SessionId(session),
        scope: scope(0),
        governed: true,
        pause_ms: pause,
    };
    assert_eq!(after, [told(1, 0), told(2, 0), told(1, 5_000), told(2, 5_000)]);
    assert_eq!(shared(&ask(&mut rig, 1, leases[0], 1, None)), [0; 0]);
    rig.now += 4_000;
    rig.step(Input::Ask { session: SessionId(1), number: 2, calls: vec![] });
    assert_eq!(shared(&rig.pass(1_000)), [1]);
    let view = rig.core.scopes(muster_core::Millis(rig.now)).next().expect("the scope is known");
    let rate = view.rate_per_minute.expect("it is bounded");
    assert!(view.governed && rate < 700.0, "{rate}");
}

#[test]
fn a_session_that_no_longer_asks_is_granted_nothing() {
    let mut rig = Rig::new();
    rig.submit(limited(spec(9, 1, 1), 60));
    rig.hello(1, 1, &[]);
    let lease = rig.want(1, 1)[0];
    ask(&mut rig, 1, lease, 1, None);
    assert_eq!(shared(&rig.pass(5_000)), [0; 0], "its ask is too old by now");
    assert_eq!(shared(&rig.step(Input::Ask { session: SessionId(1), number: 2, calls: vec![] })), [1]);
}

#[test]
fn an_account_without_money_stops_all_its_lanes_and_keeps_their_jobs() {
    let (mut rig, leases) = Rig::running(3, 2);
    rig.submit(spec(3, 1, 2));
    fail(&mut rig, leases[0], FailureClass::Quota, 0);
    for (sweep, stopped) in [(1, vec![true]), (2, vec![true, false])] {
        let view = rig.view(SweepId(sweep));
        let found: Vec<bool> = view.lanes.iter().map(|lane| lane.stopped.is_some()).collect();
        assert_eq!(found, stopped, "sweep {sweep}");
    }
    assert_eq!(rig.counts().pending, 2);
}

#[test]
fn a_day_that_is_used_up_pauses_the_scope_and_uses_up_nothing() {
    let mut rig = Rig::new();
    rig.submit(limited(spec(3, 1, 1), 6_000));
    rig.hello(1, 1, &[]);
    let lease = rig.want(1, 1)[0];
    fail(&mut rig, lease, FailureClass::Quota, 60_000);
    assert_eq!(rig.want(1, 5), [], "nothing of the scope is granted");
    for _ in 0..2 {
        assert_eq!(grants(&rig.pass(20_000)), []);
        rig.beat(1);
    }
    assert_eq!(grants(&rig.pass(20_000)).len(), 3);
}

#[test]
fn a_budget_that_is_spent_stops_its_lane_says_why_and_denies_what_waits() {
    let mut rig = Rig::new();
    rig.submit(spec(9, 1, 1));
    cap(&mut rig, Purse::Project("p".into()), 100, CapMode::Stop);
    rig.hello(1, 1, &[]);
    rig.pass(2_000);
    let leases = rig.want(1, 4);
    assert_eq!(shared(&ask(&mut rig, 1, leases[0], 1, Some(60))), [1]);
    assert!(matches!(&rig.last[..], [Record::Fact(Fact::Held { holds })] if holds.len() == 1));
    assert_eq!(shared(&ask(&mut rig, 2, leases[1], 2, Some(60))), [0; 0], "the first holds too much");
    assert_eq!(shared(&settle(&mut rig, 1, Fate::Answered, 30)), [2], "what it did not spend is free");
    ask(&mut rig, 3, leases[2], 3, Some(60));
    let after = settle(&mut rig, 2, Fate::Answered, 30);
    assert_eq!(denied(&after), [3]);
    let reason = rig.view(SweepId(1)).lanes[0].stopped.clone().expect("it stopped");
    for words in ["project p", "$0.000060 of $0.000100", "muster retune", "muster resume 1"] {
        assert!(reason.contains(words), "{reason}");
    }
    cap(&mut rig, Purse::Project("p".into()), 1_000, CapMode::Stop);
    assert!(rig.view(SweepId(1)).lanes[0].stopped.is_some(), "raising it opens nothing by itself");
    rig.control(Control::Resume(SweepId(1)));
    assert_eq!(shared(&ask(&mut rig, 4, leases[2], 4, Some(60))), [4]);
}

#[test]
fn a_model_without_a_price_is_stopped_under_a_budget_in_money() {
    let mut rig = Rig::new();
    rig.submit(spec(9, 1, 1));
    cap(&mut rig, Purse::Account(account(0)), 100, CapMode::Stop);
    rig.hello(1, 1, &[]);
    rig.pass(2_000);
    let lease = rig.want(1, 1)[0];
    assert_eq!(denied(&ask(&mut rig, 1, lease, 1, None)), [1]);
    let reason = rig.view(SweepId(1)).lanes[0].stopped.clone().expect("it stopped");
    assert!(reason.contains("not known") && reason.contains("then `muster resume 1`"), "{reason}");
    assert!(!reason.contains("raise") && !reason.contains("; To"), "{reason}");
}

#[test]
fn a_budget_that_drains_begins_nothing_new_lets_the_rest_end_and_stops() {
    let mut rig = Rig::new();
    rig.submit(spec(9, 1, 1));
    cap(&mut rig, Purse::Sweep(SweepId(1)), 100, CapMode::Drain);
    rig.hello(1, 1, &[]);
    rig.pass(2_000);
    let leases = rig.want(1, 2);
    ask(&mut rig, 1, leases[0], 1, Some(95));
    settle(&mut rig, 1, Fate::Answered, 90);
    assert_eq!(rig.want(1, 3), [], "nothing new is begun");
    assert_eq!(rig.view(SweepId(1)).lanes[0].stopped, None, "two are under way");
    assert_eq!(shared(&ask(&mut rig, 2, leases[1], 2, Some(5))), [2]);
    settle(&mut rig, 2, Fate::Answered, 1);
    for lease in leases {
        rig.turn(1, lease, 0);
        rig.outcome(1, lease, 1);
    }
    rig.want(1, 1);
    assert_eq!(rig.view(SweepId(1)).state, SweepState::Stopped);
}

#[test]
fn a_call_whose_worker_never_came_back_is_charged_in_full_when_its_time_is_out_also_after_a_restart() {
    let mut rig = Rig::new();
    rig.submit(spec(9, 1, 1));
    cap(&mut rig, Purse::Sweep(SweepId(1)), 100, CapMode::Stop);
    rig.hello(1, 1, &[]);
    rig.pass(2_000);
    let lease = rig.want(1, 1)[0];
    ask(&mut rig, 1, lease, 1, Some(60));
    let mut rig = rig.restart();
    let purse = |rig: &Rig| rig.core.purses(muster_core::Millis(rig.now)).next().expect("it is there");
    assert_eq!(purse(&rig).held.micro_usd, Some(60));
    rig.pass(62_000);
    let after = purse(&rig);
    assert_eq!((after.held.micro_usd, after.spent.micro_usd), (Some(0), Some(60)));
}

#[test]
fn a_request_that_is_turned_away_for_ever_while_others_are_answered_ends() {
    let (mut rig, leases) = Rig::running(2, 2);
    let mut lease = leases[0];
    for round in 0..9 {
        rig.turn(1, leases[1], round);
        let ends = {
            fail(&mut rig, lease, FailureClass::RateLimited, 0);
            rig.ends()
        };
        if round == 8 {
            assert_eq!(ends, [Outcome::Failed(FailureClass::RateLimited)]);
            return;
        }
        assert_eq!(ends, []);
        rig.pass(2_000);
        rig.beat(1);
        lease = rig.want(1, 1)[0];
    }
}

#[test]
fn retuning_and_leaving_it_to_the_sweeps_again_take_effect_at_once() {
    let mut rig = Rig::new();
    rig.submit(limited(spec(9, 1, 1), 6_000));
    let quota = |rig: &Rig| {
        let view = rig.core.scopes(muster_core::Millis(rig.now)).next().expect("it is known");
        (view.quota.requests_per_minute, view.by_hand)
    };
    let by_hand = Quota { requests_per_minute: Some(60), ..Quota::default() };
    rig.control(Control::Retune { scope: scope(0), quota: Some(by_hand) });
    assert_eq!(quota(&rig), (Some(60), true));
    assert_eq!(quota(&rig.restart()), (Some(60), true));
    rig.control(Control::Retune { scope: scope(0), quota: None });
    assert_eq!(quota(&rig), (Some(6_000), false));
    rig.submit(limited(spec(9, 1, 1), 600));
    assert_eq!(quota(&rig), (Some(600), false), "the newest sweep is believed");
    rig.control(Control::Cancel(SweepId(2)));
    assert_eq!(quota(&rig), (Some(6_000), false));
}

#[test]
fn a_call_that_is_granted_anew_after_a_restart_is_not_lost_when_the_time_of_its_first_grant_is_out() {
    let mut rig = Rig::new();
    let mut spec = spec(3, 1, 1);
    spec.lanes[0].quota.concurrency = Some(1);
    rig.submit(spec);
    rig.hello(1, 1, &[]);
    let leases = rig.want(1, 2);
    assert_eq!(shared(&ask(&mut rig, 1, leases[0], 1, None)), [1]);
    let mut rig = rig.restart();
    rig.hello(1, 1, &leases);
    rig.now += 55_000;
    rig.beat(1);
    assert_eq!(
        shared(&ask(&mut rig, 1, leases[0], 1, None)),
        [1],
        "the worker never heard of the first grant"
    );
    assert_eq!(shared(&ask(&mut rig, 2, leases[1], 2, None)), [0; 0], "there is one place");
    for number in 3..12 {
        rig.now += 1_000;
        rig.step(Input::Ask { session: SessionId(1), number, calls: vec![] });
        assert_eq!(shared(&rig.pass(0)), [0; 0], "it is under way for {} s", number - 2);
    }
    assert_eq!(shared(&settle(&mut rig, 1, Fate::Answered, 0)), [2]);
}

#[test]
fn a_call_that_is_asked_for_again_after_a_restart_still_waits_when_the_time_of_its_first_grant_is_out() {
    let mut rig = Rig::new();
    let mut spec = spec(3, 1, 1);
    spec.lanes[0].quota.concurrency = Some(1);
    rig.submit(spec);
    rig.hello(1, 1, &[]);
    let leases = rig.want(1, 2);
    ask(&mut rig, 1, leases[0], 1, None);
    let mut rig = rig.restart();
    rig.hello(1, 1, &leases);
    rig.now += 10_000;
    assert_eq!(shared(&ask(&mut rig, 1, leases[1], 2, None)), [0; 0], "the place is held");
    rig.step(Input::Ask { session: SessionId(1), number: 2, calls: vec![] });
    let second = ask(&mut rig, 3, leases[0], 1, None);
    assert_eq!(shared(&second), [2], "the first was given back by being asked for again");
    for number in 4..120 {
        rig.now += 500;
        rig.step(Input::Ask { session: SessionId(1), number, calls: vec![] });
        rig.pass(0);
        if rig.now.is_multiple_of(10_000) {
            rig.beat(1);
        }
    }
    assert_eq!(
        shared(&settle(&mut rig, 2, Fate::Answered, 0)),
        [1],
        "it waited longer than it would have flown"
    );
}

#[test]
fn a_large_call_of_a_scope_that_was_slowed_down_does_not_wait_at_the_slowest_rate_for_ever() {
    let mut rig = Rig::new();
    let mut spec = spec(9, 1, 1);
    spec.lanes[0].quota.tokens_per_minute = Some(40_000);
    spec.lanes[0].quota.ramp_ms = 5_000;
    rig.submit(spec);
    rig.hello(1, 1, &[]);
    let leases = rig.want(1, 2);
    let large = |rig: &mut Rig, number: u64, lease: LeaseKey, call: u64| {
        let cost = Cost { tokens: 2_500, ..Cost::default() };
        let worst = Spend { micro_usd: None, tokens: 2_500 };
        let ask = CallAsk { call: CallId(call), lease, turn: TurnIndex(0), cost, worst, timeout_ms: 60_000 };
        rig.step(Input::Ask { session: SessionId(1), number, calls: vec![ask] })
    };
    let (mut number, mut granted) = (1, Vec::new());
    granted.extend(shared(&large(&mut rig, 1, leases[0], 1)));
    let mut asked = vec![1];
    for tenth in 1..4_500u64 {
        rig.now += 100;
        let mut after = rig.pass(0);
        if tenth % 5 == 0 {
            number += 1;
            after.extend(rig.step(Input::Ask { session: SessionId(1), number, calls: vec![] }));
        }
        for call in shared(&after) {
            granted.push(rig.now);
            // The first is turned away, alone.
            let fate = if call == 1 { Fate::Limited } else { Fate::Answered };
            let cost = Cost { tokens: 2_500, ..Cost::default() };
            let settled = CallSettled { call: CallId(call), fate, cost, spent: Spend::default() };
            rig.step(Input::Settle { session: SessionId(1), calls: vec![settled] });
            number += 1;
            asked.push(call + 1);
            large(&mut rig, number, leases[0], call + 1);
        }
    }
    let longest = granted.windows(2).skip(1).map(|pair| pair[1] - pair[0]).max().expect("some were granted");
    assert!(
        longest < 200_000 && granted.len() > 12,
        "{longest} ms at the longest, {} granted",
        granted.len()
    );
}

#[test]
fn a_newer_sweep_that_states_no_limit_does_not_take_away_the_one_that_a_running_sweep_relies_on() {
    let mut rig = Rig::new();
    let view = |rig: &Rig| rig.core.scopes(muster_core::Millis(rig.now)).next().expect("it is known");
    let limit = |rig: &Rig| view(rig).quota.requests_per_minute;
    rig.submit(limited(spec(1, 1, 1), 600));
    rig.submit(spec(9, 1, 1));
    assert_eq!((limit(&rig), view(&rig).governed), (Some(600), true));
    rig.hello(1, 1, &[]);
    let first = rig.want(1, 1)[0];
    assert_eq!(first.job.sweep, SweepId(1));
    rig.end(1, first, Outcome::Completed, 0);
    assert_eq!(limit(&rig), Some(600), "it ended, but nobody else states anything");
    rig.submit(limited(spec(9, 1, 1), 60));
    assert_eq!(limit(&rig), Some(60));
    assert_eq!(limit(&rig.restart()), Some(60));
}

#[test]
fn a_finished_sweeps_limit_gives_way_to_an_older_one_that_still_runs() {
    let mut rig = Rig::new();
    let limit = |rig: &Rig| {
        let view = rig.core.scopes(muster_core::Millis(rig.now)).next().expect("it is known");
        view.quota.requests_per_minute
    };
    rig.submit(limited(spec(9, 1, 1), 6_000));
    rig.submit(limited(spec(1, 1, 1), 600));
    rig.hello(1, 1, &[]);
    let leases = rig.want(1, 4);
    let newer = leases.iter().find(|lease| lease.job.sweep == SweepId(2)).expect("both have their turn");
    assert_eq!(limit(&rig), Some(600));
    rig.end(1, *newer, Outcome::Completed, 0);
    assert_eq!(limit(&rig), Some(6_000));
    assert_eq!(limit(&rig.restart()), Some(6_000));
}

#[test]
fn a_scope_that_is_open_again_shows_no_rate_of_before() {
    let mut rig = Rig::new();
    rig.submit(spec(9, 1, 1));
    let by_hand = Quota { requests_per_minute: Some(60), ..Quota::default() };
    let rate = |rig: &Rig| {
        let view = rig.core.scopes(muster_core::Millis(rig.now)).next().expect("it is known");
        (view.governed, view.rate_per_minute.is_some())
    };
    rig.control(Control::Retune { scope: scope(0), quota: Some(by_hand) });
    assert_eq!(rate(&rig), (true, true));
    rig.control(Control::Retune { scope: scope(0), quota: None });
    assert_eq!(rate(&rig), (false, false));
}
