//! What the core can do with no store behind it: `cargo run --release -p muster-core --example cycles`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use muster_core::{
    Attempt, Budget, Control, Core, CoreConfig, Effect, Effects, Fact, Generation, Input, JobKey, Lane,
    LaneSpec, LeaseKey, Millis, Ordinal, Outcome, Quota, Record, RetryPolicy, Scope, SessionId, SweepId,
    SweepSpec, Ticket, TurnIndex, Usage, WorkerId,
};

const WORKERS: u64 = 8;
const SLOTS: u32 = 64;
const CYCLES: u64 = 4_000_000;

fn main() {
    submit_a_billion();
    for lanes in [1, 16] {
        cycle(lanes);
    }
    recover(1_000_000);
    for mixed in [false, true] {
        reside(10_000_000, mixed);
    }
}

fn spec(variants: u32, seeds: u32, lanes: u32) -> Arc<SweepSpec> {
    let lane = |index: u32| LaneSpec {
        model: format!("model-{index}").into(),
        scope: Scope { account: "account".into(), pool: format!("pool-{index}").into() },
        quota: Quota::default(),
        budget: Budget::default(),
    };
    Arc::new(SweepSpec {
        content: [7; 32],
        project: "project".into(),
        name: "cycles".into(),
        weight: 1,
        variants,
        seeds,
        limit: None,
        lanes: (0..lanes).map(lane).collect(),
        retry: RetryPolicy::default(),
        budget: Budget::default(),
        document: Bytes::new(),
    })
}

fn submit_a_billion() {
    let mut core = Core::new(CoreConfig::default());
    let begun = Instant::now();
    submit(&mut core, spec(1_000, 1_000_000, 1));
    let took = begun.elapsed();
    let jobs = core.sweep(SweepId(1)).map_or(0, |sweep| sweep.counts.jobs);
    println!("submit of {jobs} jobs: {took:?}, {} KiB resident", resident_kib());
}

fn submit(core: &mut Core, spec: Arc<SweepSpec>) {
    let control = Control::Submit { spec, again: true };
    core.step(Millis(1), Input::Control(Ticket(1), control), &mut Effects::default());
}

/// Every slot of every worker runs jobs that end at once: want, grant, outcome, acknowledgement.
fn cycle(lanes: u32) {
    let mut core = Core::new(CoreConfig::default());
    submit(&mut core, spec(1_000, 1_000_000, lanes));
    let mut effects = Effects::default();
    for number in 0..WORKERS {
        hello(&mut core, number, &mut effects);
        core.step(Millis(1), Input::Want { session: SessionId(number), credits: SLOTS }, &mut effects);
    }
    let begun = Instant::now();
    let mut done = 0;
    while done < CYCLES {
        let after = std::mem::take(&mut effects.after);
        black_box(&effects.records);
        effects.records.clear();
        for effect in after {
            if let Effect::Grant { session, lease, .. } = effect {
                complete(&mut core, session, lease, &mut effects);
                done += 1;
            }
        }
    }
    let rate = done as f64 / begun.elapsed().as_secs_f64();
    println!("lease + complete, {WORKERS} workers x {SLOTS} slots, {lanes} lanes: {rate:.0} cycles/s");
}

fn hello(core: &mut Core, number: u64, effects: &mut Effects) {
    let (session, worker) = (SessionId(number), WorkerId(number));
    let accounts = vec!["account".into()];
    core.step(Millis(1), Input::Hello { session, worker, accounts, held: vec![], suspects: vec![] }, effects);
}

fn complete(core: &mut Core, session: SessionId, lease: LeaseKey, effects: &mut Effects) {
    let (outcome, turns, detail) = (Outcome::Completed, TurnIndex(0), Bytes::new());
    core.step(Millis(1), Input::Outcome { session, lease, outcome, turns, detail }, effects);
    core.step(Millis(1), Input::Want { session, credits: 1 }, effects);
}

/// Facts as a start reads them: each job granted, then ended, 512 jobs under way at once.
fn recover(jobs: u64) {
    let mut facts =
        vec![Fact::Submitted { sweep: SweepId(1), spec: spec(1_000, 1_000_000, 1), at: Millis(1) }];
    let window = WORKERS * u64::from(SLOTS);
    for ordinal in 0..jobs + window {
        if ordinal < jobs {
            facts.push(Fact::Granted { lease: lease(ordinal), worker: WorkerId(ordinal % WORKERS) });
        }
        if let Some(ended) = ordinal.checked_sub(window) {
            facts.push(end(ended, Outcome::Completed));
        }
    }
    let mut core = Core::new(CoreConfig::default());
    let begun = Instant::now();
    facts.iter().for_each(|fact| core.apply(fact));
    println!("{jobs} jobs recovered from {} facts: {:?}", facts.len(), begun.elapsed());
    let begun = Instant::now();
    let snapshot = core.snapshot();
    let made = begun.elapsed();
    let again = Core::restore(CoreConfig::default(), &snapshot);
    println!("  snapshot made in {made:?}, restored in {:?}", begun.elapsed() - made);
    black_box(again);
}

fn lease(ordinal: u64) -> LeaseKey {
    let job = JobKey { sweep: SweepId(1), lane: Lane(0), ordinal: Ordinal(ordinal) };
    LeaseKey { job, generation: Generation(0), attempt: Attempt(1) }
}

fn end(ordinal: u64, outcome: Outcome) -> Fact {
    let (usage, detail) = (Usage::default(), Bytes::new());
    Fact::Ended { lease: lease(ordinal), outcome, turns: TurnIndex(0), usage, at: Millis(1), detail }
}

/// What finished jobs cost in memory: alike, and every third one different.
fn reside(jobs: u64, mixed: bool) {
    let before = resident_kib();
    let mut core = Core::new(CoreConfig::default());
    core.apply(&Fact::Submitted { sweep: SweepId(1), spec: spec(1_000, 1_000_000, 1), at: Millis(1) });
    for ordinal in 0..jobs {
        core.apply(&Fact::Granted { lease: lease(ordinal), worker: WorkerId(1) });
        let outcome = if mixed && ordinal % 3 == 0 { Outcome::Limit } else { Outcome::Completed };
        core.apply(&end(ordinal, outcome));
    }
    let kind = if mixed { "mixed" } else { "alike" };
    let (after, records) = (resident_kib(), Record::Fact(end(0, Outcome::Limit)));
    println!("{jobs} finished jobs, {kind}: {} KiB more, {after} KiB in all", after.saturating_sub(before));
    black_box((core, records));
}

/// This process's resident memory, where the system tells.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
