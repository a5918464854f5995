//! Quotas as a provider's own bucket judges them, by a fleet in virtual time.

use muster_core::{Quota, SweepSpec};

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
