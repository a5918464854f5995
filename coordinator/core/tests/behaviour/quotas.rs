//! Quotas as a provider's own bucket judges them, by a fleet in virtual time.

use muster_core::{Budget, CapMode, Control, PurseView, Quota, SweepId, SweepSpec, SweepState};
use proptest::prelude::*;

use crate::fleet::{Fleet, Plan, Setup};
use crate::rig::spec;

fn sweep(quota: Quota) -> SweepSpec {
    let mut spec = spec(1_000, 1_000, 1);
    spec.lanes[0].quota = quota;
    spec
}

fn rpm(limit: u32) -> Quota {
    Quota { requests_per_minute: Some(limit), ..Quota::default() }
}

fn setup(workers: usize, quota: Quota, limits: (u64, u64)) -> Setup {
    Setup {
        seed: 1,
        workers,
        slots: 256,
        specs: vec![sweep(quota)],
        limits,
        tokens: (200, 20_000),
        latency_ms: (5, 200),
        price: (0, 0),
        retry_after_ms: 1_000,
        delay_us: (300, 3_000),
    }
}

#[test]
fn a_declared_limit_on_requests_is_used_and_hardly_ever_passed() {
    for limit in [6_000, 60_000] {
        for workers in [1, 4, 16] {
            let limits = (u64::from(limit), 0);
            let seconds = if limit == 6_000 { 60 } else { 15 };
            let mut fleet =
                Fleet::new(Setup { slots: 4_096 / workers as u32, ..setup(workers, rpm(limit), limits) });
            fleet.run(seconds);
            let (used, limited) = fleet.used(5..seconds as usize, limits);
            println!(
                "{limit} RPM, {workers:2} workers: {used:.1} permille used, {limited:.2} permille turned away"
            );
            assert!(
                used >= 980.0 && limited <= 1.0,
                "{limit} RPM from {workers}: {used} used, {limited} turned away"
            );
        }
    }
}

#[test]
fn a_declared_limit_on_tokens_is_used_and_hardly_ever_passed() {
    for limit in [60_000, 600_000, 6_000_000] {
        let limits = (0, limit);
        let quota = Quota { tokens_per_minute: Some(limit), ..Quota::default() };
        let mut fleet = Fleet::new(setup(16, quota, limits));
        fleet.run(600);
        let (used, limited) = fleet.used(5..600, limits);
        println!("{limit} TPM, 16 workers: {used:.1} permille used, {limited:.2} permille turned away");
        assert!(used >= 950.0 && limited <= 1.0, "{limit} TPM: {used} used, {limited} turned away");
    }
}

#[test]
fn a_limit_that_is_unknown_moves_or_was_stated_wrongly_is_found() {
    for truth in [600, 6_000] {
        let limits = (truth, 0);
        let twice = rpm(truth as u32 * 2);
        let unknown = Quota { discover: true, ..Quota::default() };
        let cases = [
            ("declared twice too high", twice, 0),
            ("halved in mid-run", twice, 60),
            ("unknown", unknown, 0),
        ];
        for (name, quota, change) in cases {
            for seed in 1..if truth == 600 { 4 } else { 2 } {
                let before = if change > 0 { (truth * 2, 0) } else { limits };
                let mut fleet = Fleet::new(Setup { seed, ..setup(16, quota, before) });
                if change > 0 {
                    fleet.at_second(change, Plan::Limits(truth, 0));
                }
                fleet.run(change + 330);
                let change = change as usize;
                let (used, _) = fleet.used(change + 30..change + 330, limits);
                let (_, limited) = fleet.used(change..change + 330, limits);
                println!(
                    "{truth} RPM {name}, seed {seed}: {used:.0} permille used, {limited:.1} permille turned away"
                );
                assert!(
                    used >= 900.0 && limited <= 20.0,
                    "{truth} RPM {name}: {used} used, {limited} turned away"
                );
            }
        }
    }
}

#[test]
fn workers_that_die_and_join_every_five_seconds_cost_little() {
    let limits = (6_000, 0);
    let mut fleet = Fleet::new(setup(16, rpm(6_000), limits));
    for second in (5..120).step_by(5) {
        fleet.at_second(second, Plan::Kill(second as usize / 5 % 16));
    }
    fleet.run(120);
    let (used, limited) = fleet.used(5..120, limits);
    println!("a death each 5 s: {used:.0} permille used, {limited:.2} turned away");
    assert!(used >= 950.0 && limited <= 5.0, "{used} used, {limited} turned away");
}

#[test]
fn sweeps_share_a_scope_by_weight_and_an_idle_ones_share_is_used_by_the_others() {
    let limits = (6_000, 0);
    let weights = [1, 1, 2];
    let sweeps = weights.map(|weight| SweepSpec { weight, ..sweep(rpm(6_000)) });
    let mut fleet = Fleet::new(Setup { specs: sweeps.to_vec(), ..setup(4, rpm(6_000), limits) });
    fleet.run(10);
    let before = fleet.by_sweep.clone();
    fleet.run(70);
    let shares: Vec<u64> = (1..4).map(|sweep| fleet.by_sweep[&sweep] - before[&sweep]).collect();
    let all: u64 = shares.iter().sum();
    for (share, weight) in shares.iter().zip(weights) {
        let due = all * u64::from(weight) / 4;
        assert!(share.abs_diff(due) * 20 <= due, "{shares:?}");
    }
    fleet.at_second(71, Plan::User(Control::Cancel(SweepId(3))));
    fleet.run(80);
    let before = fleet.by_sweep.clone();
    fleet.run(110);
    let (used, limited) = fleet.used(80..110, limits);
    assert!(used >= 980.0 && limited <= 1.0, "{used} used, {limited} turned away");
    let (first, second) = (fleet.by_sweep[&1] - before[&1], fleet.by_sweep[&2] - before[&2]);
    assert!(first.abs_diff(second) * 20 <= second, "{first} beside {second}");
}

#[test]
fn after_one_workers_retry_after_nothing_leaves_until_its_end_and_then_it_ramps() {
    let limits = (6_000, 0);
    let mut fleet = Fleet::new(Setup { retry_after_ms: 20_000, ..setup(16, rpm(6_000), limits) });
    // For a moment the provider admits next to nothing.
    fleet.at_second(10, Plan::Limits(60, 0));
    fleet.at_second(11, Plan::Limits(6_000, 0));
    fleet.run(60);
    let told = fleet.turned_away.first().copied().expect("a call was turned away") / 1_000;
    let from_ms = |at: &u64| (at / 1_000).saturating_sub(told);
    let silent = |at: &&u64| (250..20_000).contains(&from_ms(at)) && **at / 1_000 > told;
    assert_eq!(fleet.arrivals.iter().filter(silent).count(), 0);
    let after: Vec<u64> = fleet.arrivals.iter().map(from_ms).filter(|ms| *ms >= 20_000).collect();
    assert!(after[0] < 21_000, "{}", after[0]);
    let within = |from: u64, to: u64| after.iter().filter(|ms| (from..to).contains(*ms)).count();
    let (first, fourth) = (within(20_000, 21_000), within(23_000, 24_000));
    assert!(first < 45 && first < fourth, "{first} in the first second, {fourth} in the fourth");
}

#[test]
fn a_budget_is_never_passed_and_used_to_its_end_whoever_dies() {
    let cap = 10_000_000;
    let budget = Budget { micro_usd: Some(cap), tokens: None, mode: CapMode::Stop };
    for seed in 1..4 {
        let specs = vec![SweepSpec { budget, ..sweep(Quota::default()) }];
        let mut fleet = Fleet::new(Setup {
            seed,
            slots: 50,
            specs,
            latency_ms: (500, 2_000),
            price: (20_000, 2_000),
            ..setup(10, Quota::default(), (0, 0))
        });
        for second in 2..14 {
            fleet.at_second(
                second,
                if second % 4 == 0 { Plan::Restart } else { Plan::Kill(second as usize % 10) },
            );
        }
        for second in 1..150 {
            fleet.run(second);
            let purse = purse(&fleet);
            let sum = purse.spent.micro_usd.unwrap_or(0) + purse.held.micro_usd.unwrap_or(0);
            assert!(sum <= cap && fleet.charged <= cap, "{purse:?}, {} charged", fleet.charged);
        }
        let purse = purse(&fleet);
        println!("{:?} spent, {} charged by the provider", purse.spent, fleet.charged);
        assert!(purse.spent.micro_usd >= Some(9_900_000), "{purse:?}");
        let sweep = fleet.core.sweep(SweepId(1)).expect("it is there");
        let reason = sweep.lanes[0].stopped.clone().expect("its only lane stopped");
        assert!(reason.contains("sweep 1") && reason.contains("muster retune"), "{reason}");
    }
}

fn purse(fleet: &Fleet) -> PurseView {
    fleet.core.purses(fleet.now()).next().expect("the sweep has a budget")
}

#[test]
fn places_are_never_taken_twice_whoever_dies() {
    let quota = Quota { concurrency: Some(20), ..Quota::default() };
    let mut fleet = Fleet::new(Setup { slots: 10, latency_ms: (100, 900), ..setup(8, quota, (0, 0)) });
    for second in 2..60 {
        fleet.at_second(
            second * 2,
            if second % 5 == 0 { Plan::Restart } else { Plan::Kill(second as usize % 8) },
        );
    }
    fleet.run(200);
    assert!(fleet.most_at_once <= 20, "{} at once", fleet.most_at_once);
    let admitted: u64 = fleet.seconds.iter().map(|second| second.admitted).sum();
    assert!(admitted > 2_000, "{admitted}");
}

#[test]
fn a_model_throttled_to_a_standstill_costs_the_others_nothing() {
    let mut spec = spec(1_000, 1_000, 9);
    for (index, lane) in spec.lanes.iter_mut().enumerate() {
        lane.scope.account = "a0".into();
        lane.scope.pool = format!("pool-{index}").into();
    }
    spec.lanes[0].quota = rpm(1);
    let mut fleet = Fleet::new(Setup { slots: 9, specs: vec![spec], ..setup(10, rpm(1), (0, 0)) });
    fleet.run(30);
    let view = fleet.core.sweep(SweepId(1)).expect("it is there");
    assert!(view.lanes[0].counts.leased <= 2, "{:?}", view.lanes[0].counts);
    let others: u64 = view.lanes[1..].iter().map(|lane| lane.counts.leased).sum();
    assert!(others >= 88, "{others} of 90 slots");
    assert_eq!(view.state, SweepState::Running);
}

#[test]
fn a_days_requests_are_never_overspent_by_restarts() {
    let quota = Quota { requests_per_day: Some(1_000), ..Quota::default() };
    let mut fleet = Fleet::new(Setup { slots: 4, ..setup(4, quota, (0, 0)) });
    for second in [5, 10, 15, 20] {
        fleet.at_second(second, Plan::Restart);
    }
    fleet.run(60);
    let admitted: u64 = fleet.seconds.iter().map(|second| second.admitted).sum();
    assert!((900..=1_000).contains(&admitted), "{admitted}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A share is good for two seconds from its ask, so no window of arrivals holds more than the rate and these.
    #[test]
    fn whatever_dies_or_is_late_no_window_holds_more_than_the_quota(
        seed in 1u64..1_000_000,
        late_us in prop_oneof![Just(2_000u64), Just(300_000), Just(1_800_000)],
        deaths in prop::collection::vec((3u64..40, 0usize..5), 0..20),
    ) {
        let mut fleet = Fleet::new(Setup { seed, slots: 40, delay_us: (0, late_us), ..setup(4, rpm(1_200), (0, 0)) });
        for (second, who) in deaths {
            fleet.at_second(second, if who == 4 { Plan::Restart } else { Plan::Kill(who) });
        }
        fleet.run(45);
        let (rate, room) = (0.020, 0.020 * 2_200.0 + 2.0);
        let (mut level, mut last) = (room, 0u64);
        let mut arrivals = fleet.arrivals.clone();
        arrivals.sort_unstable();
        for at in arrivals {
            level = (level + (at - last) as f64 / 1_000.0 * rate).min(room) - 1.0;
            last = at;
            prop_assert!(level >= 0.0, "too many arrived before {at}");
        }
    }
}
