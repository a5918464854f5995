//! The whole of core, journal, network, workers and provider in virtual time, with everything that can go wrong drawn
//! from a seed. `MUSTER_SIM_SEEDS=N` runs N seeds instead of a thousand; `MUSTER_SIM_SEED=S` runs one alone.
//!
//! What is real: the core. What is simulated: a journal that loses what was not yet durable, a coordinator that crashes
//! between "durable" and "said" and on whose heels another one takes over, streams that stall, break and lose what was
//! under way, workers that die, come back with their spool and drain, and ask for shares by clocks of their own, a provider
//! that counts what it was asked, turns away what is above its true limits, and bills. What is checked is in `auditor.rs`
//! (jobs, turns, calls) and `bookkeeper.rs` (quotas and budgets, with the bound and its arithmetic).
//!
//! The auditors can fail. Faults are built in and must be caught, each within the seeds that its test allows (200 to 1,000):
//! an acknowledgement before its record is durable, a turn or a hold missing from the journal, a coordinator that does not
//! wait for its predecessor's shares, a worker that takes a share to be good for four seconds.

mod auditor;
mod bookkeeper;
mod calls;
mod climate;
mod clock;
mod coordinator;
mod plan;
mod provider;
mod shares;
mod users;
mod wire;
mod worker;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use climate::Climate;
use world::{Report, World};

/// Seeds run where no number is asked for: about 20 s in a debug build on two free cores.
const SEEDS: u64 = 1_000;

/// Runs seeds on all cores; a seed that fails says how to run it alone.
fn run_all(test: &str, seeds: u64, run: impl Fn(u64) -> Report + Sync) -> Report {
    let alone: Option<u64> = std::env::var("MUSTER_SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    if let Some(seed) = alone {
        let report = run(seed);
        println!("seed {seed}: {report:?}");
        return report;
    }
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let work = || {
        let mut sum = Report::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return sum;
            }
            match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                Ok(report) => sum.add(&report),
                Err(panic) => {
                    eprintln!(
                        "seed {seed} fails; alone: MUSTER_SIM_SEED={seed} cargo test -p muster-tests --test sim {test}"
                    );
                    next.store(seeds, Ordering::Relaxed);
                    resume_unwind(panic);
                }
            }
        }
    };
    let sums: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut total = Report::default();
    for sum in sums {
        total.add(&sum.unwrap_or_else(|panic| resume_unwind(panic)));
    }
    println!("{test}: {seeds} seeds, {total:?}");
    total
}

fn seeds(default: u64) -> u64 {
    std::env::var("MUSTER_SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

fn alone() -> bool {
    std::env::var_os("MUSTER_SIM_SEED").is_some()
}

#[test]
fn whatever_breaks_no_result_is_lost_and_no_call_is_repeated_unseen() {
    let test = "whatever_breaks_no_result_is_lost_and_no_call_is_repeated_unseen";
    let total = run_all(test, seeds(SEEDS), |seed| World::new(seed, Climate::drawn(seed)).run());
    // The checks are worth nothing where nothing happens.
    let happened = [
        total.crashes,
        total.deaths,
        total.cuts,
        total.drains,
        total.reinstated,
        total.restarted,
        total.fenced,
        total.quarantined,
        total.cancelled,
        total.extra_calls,
        total.lost_leases,
        total.granted,
        total.unused,
        total.limited,
        total.pauses,
        total.denied,
        total.lost_answers,
        total.lost_holds,
        total.stopped,
    ];
    assert!(alone() || happened.iter().all(|count| *count > 0), "{total:?}");
}

#[test]
fn no_call_is_repeated_when_only_the_coordinator_dies() {
    let test = "no_call_is_repeated_when_only_the_coordinator_dies";
    let total = run_all(test, seeds(SEEDS / 5), |seed| {
        let report = World::new(seed, Climate::coordinator_dies(seed)).run();
        assert_eq!(report.extra_calls, 0, "{report:?}");
        report
    });
    assert!(alone() || total.crashes > 0);
}

#[test]
fn a_calm_sweep_costs_exactly_its_calls() {
    let test = "a_calm_sweep_costs_exactly_its_calls";
    run_all(test, seeds(SEEDS / 10), |seed| {
        let report = World::new(seed, Climate::calm(seed)).run();
        assert_eq!((report.extra_calls, report.paid_twice, report.lost_leases), (0, 0, 0), "{report:?}");
        report
    });
}

#[test]
fn the_same_seed_runs_the_same_way_twice() {
    for seed in 0..20 {
        let runs = [0, 1].map(|_| World::new(seed, Climate::drawn(seed)).run());
        assert_eq!(runs[0], runs[1], "seed {seed}");
    }
}

/// A fault that is built in must be caught, or the auditors are asleep. The seeds that it took are printed.
fn assert_caught(seeds: u64, fault: fn(&mut Climate)) {
    let caught = (0..seeds).find(|seed| {
        let mut climate = Climate::drawn(*seed);
        fault(&mut climate);
        catch_unwind(AssertUnwindSafe(|| World::new(*seed, climate).run())).is_err()
    });
    println!("caught by seed {caught:?} of {seeds}");
    assert!(caught.is_some());
}

#[test]
fn an_acknowledgement_before_its_record_is_durable_is_caught() {
    assert_caught(200, |climate| climate.says_before_durable = true);
}

#[test]
fn a_turn_missing_from_the_journal_is_caught() {
    assert_caught(200, |climate| climate.forgets_turns = true);
}

#[test]
fn a_hold_missing_from_the_journal_is_caught() {
    assert_caught(1_000, |climate| climate.forgets_holds = true);
}

#[test]
fn a_takeover_that_does_not_wait_for_the_last_terms_shares_is_caught() {
    assert_caught(1_000, |climate| climate.grants_at_once = true);
}

#[test]
fn a_worker_that_uses_a_share_after_its_time_is_caught() {
    assert_caught(1_000, |climate| climate.share_life_ms = 4_000);
}
