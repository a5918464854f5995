//! Input and journals that no honest worker, user or disk would give: nothing panics, and sums still add up.

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Attempt, Budget, CallAsk, CallId, CallSettled, CapMode, Control, Core, CoreConfig, Cost, Effects, Fact,
    FailureClass, Fate, Generation, GenerationRun, Hold, Input, JobKey, Lane, LaneSnapshot, LeaseKey, Millis,
    OpenJob, Ordinal, Outcome, Place, Purse, Quota, Record, ReturnCause, SessionId, Snapshot, Span, Spend,
    SweepId, SweepSnapshot, Term, Ticket, TurnIndex, TurnRecord, Usage, WorkerId,
};
use proptest::prelude::*;

use crate::recovery::assert_counts_add_up;
use crate::rig::{Rig, account, replay, scope, spec};

/// Mostly small, sometimes at the edge.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0u64..4, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1), 1 => any::<u64>()]
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0u32..4, 1 => Just(u32::MAX), 1 => any::<u32>()]
}

fn usage() -> impl Strategy<Value = Usage> {
    (number(), number(), number()).prop_map(|(model_calls, paid_twice, input_tokens)| Usage {
        model_calls,
        paid_twice,
        input_tokens,
        ..Usage::default()
    })
}

fn job() -> impl Strategy<Value = JobKey> {
    (number(), small(), number()).prop_map(|(sweep, lane, ordinal)| JobKey {
        sweep: SweepId(sweep),
        lane: Lane(lane),
        ordinal: Ordinal(ordinal),
    })
}

fn lease() -> impl Strategy<Value = LeaseKey> {
    (job(), small(), small()).prop_map(|(job, generation, attempt)| LeaseKey {
        job,
        generation: Generation(generation),
        attempt: Attempt(attempt),
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let class = prop::sample::select(FailureClass::ALL.to_vec()).prop_map(Outcome::Failed);
    let others =
        [Outcome::Completed, Outcome::Limit, Outcome::Refused, Outcome::Quarantined, Outcome::Cancelled];
    prop_oneof![class, prop::sample::select(others.to_vec())]
}

fn cause() -> impl Strategy<Value = ReturnCause> {
    let class = prop::sample::select(FailureClass::ALL.to_vec()).prop_map(ReturnCause::Failed);
    prop_oneof![class, Just(ReturnCause::Expired), Just(ReturnCause::Disowned), Just(ReturnCause::Suspected)]
}

fn record() -> impl Strategy<Value = Record> {
    let sweep = || number().prop_map(SweepId);
    let specified = || {
        let sized = (small(), small(), 0usize..3, prop::option::of(number()));
        (sized, small()).prop_map(|((variants, seeds, lanes, limit), weight)| {
            Arc::new(muster_core::SweepSpec { weight, limit, ..spec(variants, seeds, lanes) })
        })
    };
    let submitted =
        (sweep(), specified()).prop_map(|(sweep, spec)| Fact::Submitted { sweep, spec, at: Millis(1) });
    let worker = || number().prop_map(WorkerId);
    let fact = prop_oneof![
        2 => submitted,
        1 => number().prop_map(|term| Fact::TermBegan { term: Term(term) }),
        1 => (sweep(), specified()).prop_map(|(sweep, spec)| Fact::Amended { sweep, spec }),
        1 => sweep().prop_map(|sweep| Fact::Paused { sweep }),
        1 => sweep().prop_map(|sweep| Fact::Resumed { sweep }),
        1 => sweep().prop_map(|sweep| Fact::Cancelled { sweep }),
        1 => (sweep(), small()).prop_map(|(sweep, generation)| Fact::Reopened { sweep, generation: Generation(generation) }),
        1 => (sweep(), small()).prop_map(|(sweep, lane)| Fact::LaneStopped { sweep, lane: Lane(lane), reason: "r".into() }),
        6 => (lease(), worker()).prop_map(|(lease, worker)| Fact::Granted { lease, worker }),
        3 => (lease(), worker()).prop_map(|(lease, worker)| Fact::Reinstated { lease, worker }),
        4 => (lease(), cause(), number(), usage()).prop_map(|(lease, cause, not_before, usage)| Fact::Returned {
            lease, cause, not_before: Millis(not_before), usage
        }),
        2 => lease().prop_map(|lease| Fact::Restarted { lease }),
        4 => (lease(), outcome(), small(), usage()).prop_map(|(lease, outcome, turns, usage)| Fact::Ended {
            lease, outcome, turns: TurnIndex(turns), usage, at: Millis(1), detail: Bytes::new()
        }),
        1 => (job(), usage()).prop_map(|(job, usage)| Fact::Wasted { job, usage }),
        1 => sweep().prop_map(|sweep| Fact::Removed { sweep }),
    ];
    let turn = (lease(), small(), usage()).prop_map(|(lease, index, usage)| TurnRecord {
        lease,
        index: TurnIndex(index),
        usage,
        body: Bytes::new(),
    });
    let limits = limit_fact().prop_map(Record::Fact).boxed();
    prop_oneof![6 => fact.prop_map(Record::Fact).boxed(), 2 => limits, 1 => turn.prop_map(Record::Turn)]
}

fn cost() -> impl Strategy<Value = Cost> {
    (number(), number(), number()).prop_map(|(tokens, input_tokens, output_tokens)| Cost {
        tokens,
        input_tokens,
        output_tokens,
    })
}

fn spend() -> impl Strategy<Value = Spend> {
    (prop::option::of(number()), number()).prop_map(|(micro_usd, tokens)| Spend { micro_usd, tokens })
}

fn quota() -> impl Strategy<Value = Quota> {
    let rates = (prop::option::of(small()), prop::option::of(number()), prop::option::of(number()));
    let others =
        (prop::option::of(number()), prop::option::of(small()), number(), any::<i32>(), any::<bool>());
    (rates, others).prop_map(
        |((rpm, tpm, input), (rpd, concurrency, ramp_ms, day_offset_minutes, discover))| Quota {
            requests_per_minute: rpm,
            tokens_per_minute: tpm,
            input_tokens_per_minute: input,
            output_tokens_per_minute: input,
            requests_per_day: rpd,
            concurrency,
            ramp_ms,
            day_offset_minutes,
            discover,
        },
    )
}

fn budget() -> impl Strategy<Value = Budget> {
    let modes = prop::sample::select(vec![CapMode::Stop, CapMode::Drain, CapMode::Warn]);
    (prop::option::of(number()), prop::option::of(number()), modes)
        .prop_map(|(micro_usd, tokens, mode)| Budget { micro_usd, tokens, mode })
}

fn purse() -> impl Strategy<Value = (Purse, Span)> {
    let purse = prop_oneof![
        Just(Purse::Project("p".into())),
        number().prop_map(|sweep| Purse::Sweep(SweepId(sweep))),
        (number(), small()).prop_map(|(sweep, lane)| Purse::Lane(SweepId(sweep), Lane(lane))),
        Just(Purse::Model("m0".into())),
        Just(Purse::Account("a0".into())),
    ];
    (purse, prop::sample::select(vec![Span::Ever, Span::Day]))
}

fn hold() -> impl Strategy<Value = Hold> {
    (number(), number(), 0usize..3, lease(), spend(), number()).prop_map(
        |(worker, call, index, lease, worst, until)| Hold {
            worker: WorkerId(worker),
            call: CallId(call),
            scope: scope(index),
            lease,
            worst,
            until: Millis(until),
        },
    )
}

/// Facts of quotas and budgets that no honest core records.
fn limit_fact() -> impl Strategy<Value = Fact> {
    let settled = prop::collection::vec((number().prop_map(CallId), spend()), 0..4);
    prop_oneof![
        (0usize..3, prop::option::of(quota()))
            .prop_map(|(index, quota)| Fact::Retuned { scope: scope(index), quota }),
        (purse(), budget(), spend()).prop_map(|((purse, span), budget, already)| Fact::Capped {
            purse,
            span,
            budget,
            already
        }),
        prop::collection::vec(hold(), 0..4).prop_map(|holds| Fact::Held { holds }),
        (number(), settled, number()).prop_map(|(worker, calls, at)| Fact::Settled {
            worker: WorkerId(worker),
            calls,
            at: Millis(at)
        }),
        (0usize..3, small(), number()).prop_map(|(index, day, requests)| Fact::DayTaken {
            scope: scope(index),
            day,
            requests
        }),
        (0usize..3, number(), number()).prop_map(|(index, until, at)| Fact::Silenced {
            scope: scope(index),
            until: Millis(until),
            at: Millis(at)
        }),
    ]
}

/// Words about calls, and users' words about limits.
fn limit_input() -> impl Strategy<Value = Input> {
    let session = || (0u64..3).prop_map(SessionId);
    let ask = (number(), lease(), small(), cost(), spend(), number()).prop_map(
        |(call, lease, turn, cost, worst, timeout_ms)| CallAsk {
            call: CallId(call),
            lease,
            turn: TurnIndex(turn),
            cost,
            worst,
            timeout_ms,
        },
    );
    let fates = vec![Fate::Unused, Fate::Answered, Fate::Limited, Fate::Failed, Fate::Lost];
    let settled = (number(), prop::sample::select(fates), cost(), spend())
        .prop_map(|(call, fate, cost, spent)| CallSettled { call: CallId(call), fate, cost, spent });
    prop_oneof![
        3 => (session(), number(), prop::collection::vec(ask, 0..6))
            .prop_map(|(session, number, calls)| Input::Ask { session, number, calls }),
        3 => (session(), prop::collection::vec(settled, 0..6))
            .prop_map(|(session, calls)| Input::Settle { session, calls }),
        1 => (session(), 0usize..3, quota())
            .prop_map(|(session, index, seen)| Input::Observe { session, scope: scope(index), seen }),
        1 => (0usize..3, prop::option::of(quota()))
            .prop_map(|(index, quota)| Input::Control(Ticket(1), Control::Retune { scope: scope(index), quota })),
        1 => (purse(), budget())
            .prop_map(|((purse, span), budget)| Input::Control(Ticket(1), Control::Cap { purse, span, budget })),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    // Boxed, for a strategy of so many parts is too large for a test's stack.
    prop_oneof![2 => plain_input().boxed(), 1 => limit_input().boxed()]
}

fn plain_input() -> impl Strategy<Value = Input> {
    let session = || (0u64..3).prop_map(SessionId);
    let sweep = || number().prop_map(SweepId);
    let held = || prop::collection::vec(lease(), 0..4);
    let control = prop_oneof![
        sweep().prop_map(Control::Pause),
        sweep().prop_map(Control::Resume),
        sweep().prop_map(Control::Cancel),
        sweep().prop_map(Control::Retry),
        sweep().prop_map(Control::Remove),
        Just(Control::Submit { spec: Arc::new(spec(2, 2, 2)), again: false }),
    ];
    prop_oneof![
        2 => (session(), 0u64..3, held(), prop::collection::vec(job(), 0..4)).prop_map(|(session, worker, held, suspects)| {
            let accounts = (0..4).map(account).collect();
            Input::Hello { session, worker: WorkerId(worker), accounts, held, suspects }
        }),
        2 => (session(), small()).prop_map(|(session, credits)| Input::Want { session, credits: credits.min(9) }),
        4 => (session(), lease(), small(), usage()).prop_map(|(session, lease, index, usage)| Input::Turn {
            session, lease, index: TurnIndex(index), usage, body: Bytes::new()
        }),
        1 => (session(), lease()).prop_map(|(session, lease)| Input::Restart { session, lease }),
        3 => (session(), lease(), outcome(), small()).prop_map(|(session, lease, outcome, turns)| Input::Outcome {
            session, lease, outcome, turns: TurnIndex(turns), detail: Bytes::new()
        }),
        3 => (session(), lease(), prop::sample::select(FailureClass::ALL.to_vec()), usage(), number()).prop_map(
            |(session, lease, class, usage, retry_after_ms)| Input::Failure {
                session, lease, class, usage, retry_after_ms, message: "m".into()
            }
        ),
        1 => (session(), number()).prop_map(|(session, pause_ms)| Input::Pause { session, scope: scope(0), pause_ms }),
        1 => session().prop_map(|session| Input::Gone { session }),
        2 => control.prop_map(|control| Input::Control(Ticket(1), control)),
        2 => Just(Input::Tick),
    ]
}

fn open_job() -> impl Strategy<Value = OpenJob> {
    let place = prop_oneof![
        Just(Place::Pending),
        number().prop_map(|worker| Place::Leased(WorkerId(worker))),
        number().prop_map(|until| Place::Backoff(Millis(until))),
    ];
    (number(), small(), small(), small(), small(), usage(), place).prop_map(
        |(ordinal, generation, attempt, turns, deaths, usage, place)| OpenJob {
            ordinal: Ordinal(ordinal),
            generation: Generation(generation),
            attempt: Attempt(attempt),
            turns: TurnIndex(turns),
            turns_at_grant: TurnIndex(turns),
            strikes: deaths,
            deaths,
            stalls: deaths,
            over: false,
            usage,
            place,
        },
    )
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let run = (number(), number(), small()).prop_map(|(first, last, generation)| GenerationRun {
        first,
        last,
        generation: Generation(generation),
    });
    let lane = (
        number(),
        prop::collection::vec(any::<u8>(), 0..4),
        prop::collection::vec(run, 0..3),
        prop::collection::vec(open_job(), 0..4),
        usage(),
    )
        .prop_map(|(next, ended, generations, open, usage)| LaneSnapshot {
            next,
            stopped: None,
            ended,
            generations,
            usage,
            open,
        });
    let lanes = prop::collection::vec(lane, 0..4);
    (number(), number(), small(), any::<(bool, bool)>(), small(), lanes).prop_map(
        |(term, id, generation, (paused, cancelled), seeds, lanes)| Snapshot {
            term: Term(term),
            last_sweep: SweepId(1),
            sweeps: vec![SweepSnapshot {
                id: SweepId(id),
                spec: Arc::new(spec(2, seeds, 2)),
                submitted_at: Millis(1),
                paused,
                cancelled,
                generation: Generation(generation),
                lanes,
            }],
            ..Snapshot::default()
        },
    )
}

fn survive(core: Core, inputs: Vec<(u64, Input)>) {
    let mut rig = Rig::of(core);
    for (later, input) in inputs {
        rig.now = rig.now.saturating_add(later);
        let is_tick = input == Input::Tick;
        rig.step(input);
        assert_counts_add_up(&rig);
        if is_tick {
            let next = rig.core.next_wakeup();
            assert!(next.is_none_or(|at| at.0 > rig.now), "a tick moves {next:?} on from {}", rig.now);
        }
        let views = rig.core.scopes(Millis(rig.now)).count() + rig.core.purses(Millis(rig.now)).count();
        assert!(views < 1_000);
    }
    drop(rig.core.snapshot());
}

fn inputs() -> impl Strategy<Value = Vec<(u64, Input)>> {
    prop::collection::vec((0u64..40_000, input()), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_journal_can_be_read_and_gone_on_from(records in prop::collection::vec(record(), 0..120), inputs in inputs()) {
        let mut core = Core::new(CoreConfig::default());
        replay(&mut core, &records);
        let rebuilt = Core::restore(CoreConfig::default(), &core.snapshot());
        prop_assert_eq!(rebuilt.snapshot(), core.snapshot());
        survive(core, inputs);
    }

    #[test]
    fn any_snapshot_can_be_read_and_gone_on_from(snapshot in snapshot(), records in prop::collection::vec(record(), 0..40), inputs in inputs()) {
        let mut core = Core::restore(CoreConfig::default(), &snapshot);
        replay(&mut core, &records);
        survive(core, inputs);
    }

    #[test]
    fn any_input_is_survived(inputs in inputs()) {
        survive(Core::new(CoreConfig::default()), inputs);
    }
}

#[test]
fn usage_at_the_edge_saturates() {
    let (mut rig, leases) = Rig::running(1, 1);
    let most =
        Usage { model_calls: u64::MAX, paid_twice: u64::MAX, input_tokens: u64::MAX, ..Usage::default() };
    for index in 0..3 {
        let (session, lease, index) = (SessionId(1), leases[0], TurnIndex(index));
        rig.step(Input::Turn { session, lease, index, usage: most, body: Bytes::new() });
    }
    rig.outcome(1, leases[0], 3);
    assert_eq!(rig.view(SweepId(1)).usage.input_tokens, u64::MAX);
}

#[test]
fn pauses_of_more_scopes_than_there_can_be_are_forgotten() {
    let config = CoreConfig { max_paused_scopes: 2, ..CoreConfig::default() };
    let mut core = Core::new(config);
    let mut effects = Effects::default();
    let (session, worker) = (SessionId(1), WorkerId(1));
    let accounts = (0..9).map(account).collect();
    core.step(
        Millis(1),
        Input::Hello { session, worker, accounts, held: vec![], suspects: vec![] },
        &mut effects,
    );
    for (index, pause_ms) in [(0, 10), (1, 20), (2, 1)] {
        core.step(Millis(1), Input::Pause { session, scope: scope(index), pause_ms }, &mut effects);
    }
    assert_eq!(core.next_wakeup(), Some(Millis(11)));
}

#[test]
fn a_settle_before_its_share_a_second_settle_and_an_unknown_call_change_nothing() {
    let (mut rig, leases) = Rig::running(1, 1);
    let budget = Budget { micro_usd: Some(100), tokens: None, mode: CapMode::Stop };
    rig.control(Control::Cap { purse: Purse::Sweep(SweepId(1)), span: Span::Ever, budget });
    let session = SessionId(1);
    let settled = |call, micro_usd| CallSettled {
        call: CallId(call),
        fate: Fate::Answered,
        cost: Cost::default(),
        spent: Spend { micro_usd: Some(micro_usd), tokens: 1 },
    };
    rig.step(Input::Settle { session, calls: vec![settled(7, 90)] });
    rig.pass(3_000);
    let ask = CallAsk {
        call: CallId(7),
        lease: leases[0],
        turn: TurnIndex(0),
        cost: Cost::default(),
        worst: Spend { micro_usd: Some(60), tokens: 9 },
        timeout_ms: 1_000,
    };
    for number in 1..4 {
        rig.step(Input::Ask { session, number, calls: vec![ask, ask] });
    }
    let held = |rig: &Rig| rig.core.purses(Millis(rig.now)).next().map(|purse| (purse.held, purse.spent));
    let usd = |micro_usd| Spend { micro_usd: Some(micro_usd), tokens: 0 };
    assert_eq!(held(&rig).map(|(held, spent)| (held.micro_usd, spent)), Some((Some(60), usd(0))));
    rig.step(Input::Settle { session, calls: vec![settled(7, 5), settled(7, 50), settled(8, 50)] });
    rig.step(Input::Settle { session, calls: vec![settled(7, 50)] });
    assert_eq!(held(&rig), Some((usd(0), Spend { micro_usd: Some(5), tokens: 1 })));
}
