//! The scheduler alone: its speed, and its memory with a billion jobs before it and ten million behind it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use muster_core::{
    Attempt, Budget, Control, Core, CoreConfig, Effect, Effects, Fact, Generation, Input, JobKey, Lane,
    LaneSpec, LeaseKey, Millis, Ordinal, Outcome, Quota, RetryPolicy, Scope, SessionId, SweepId, SweepSpec,
    Ticket, TurnIndex, Usage, WorkerId,
};

use crate::path::Bed;
use crate::process::{own, part};
use muster_tests::{Row, grouped};

/// Lease and outcome cycles measured.
const CYCLES: u64 = 2_000_000;

/// Finished jobs held.
const FINISHED: u64 = 10_000_000;

/// Jobs taken at a time, as a worker's credits come.
const AT_ONCE: u32 = 64;

pub(crate) fn spec(variants: u32, seeds: u32) -> SweepSpec {
    SweepSpec {
        content: [1; 32],
        project: "bench".into(),
        name: "bench".into(),
        weight: 1,
        variants,
        seeds,
        limit: None,
        lanes: vec![LaneSpec {
            model: "a/m".into(),
            scope: Scope { account: "a".into(), pool: "m".into() },
            quota: Quota::default(),
            budget: Budget::default(),
        }],
        retry: RetryPolicy::default(),
        budget: Budget::default(),
        document: Bytes::new(),
    }
}

/// `core::step`, lease and complete, no store.
pub(crate) fn cycles() -> Row {
    let mut core = Core::new(CoreConfig::default());
    let mut effects = Effects::default();
    let session = SessionId(1);
    core.begin(Millis(0), &mut effects);
    let spec = Arc::new(spec(1_000, 1_000_000));
    core.step(Millis(0), Input::Control(Ticket(1), Control::Submit { spec, again: false }), &mut effects);
    core.step(
        Millis(0),
        Input::Hello {
            session,
            worker: WorkerId(1),
            accounts: vec!["a".into()],
            held: vec![],
            suspects: vec![],
        },
        &mut effects,
    );
    let started = Instant::now();
    let mut done = 0;
    while done < CYCLES {
        effects.records.clear();
        effects.after.clear();
        core.step(Millis(done / 1_000), Input::Want { session, credits: AT_ONCE }, &mut effects);
        let granted: Vec<LeaseKey> = effects.after.drain(..).filter_map(granted).collect();
        for lease in granted {
            let end = Input::Outcome {
                session,
                lease,
                outcome: Outcome::Completed,
                turns: TurnIndex(0),
                detail: Bytes::new(),
            };
            core.step(Millis(done / 1_000), end, &mut effects);
            done += 1;
        }
    }
    let rate = done as f64 / started.elapsed().as_secs_f64();
    Row {
        what: "`core::step`, lease + complete cycles, one core".into(),
        reach: "1,000,000 /s".into(),
        measured: format!("{} /s", grouped(rate)),
        reached: rate >= 1e6,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of filter_map")]
fn granted(effect: Effect) -> Option<LeaseKey> {
    match effect {
        Effect::Grant { lease, .. } => Some(lease),
        _ => None,
    }
}

/// A billion jobs submitted to a real coordinator.
pub(crate) fn billion() -> Row {
    let bed = Bed::coordinator();
    let started = Instant::now();
    let sweep = bed.submit_raw(1_000, 1_000_000);
    let submitted_s = started.elapsed().as_secs_f64();
    let used = bed.coordinator_used();
    Row {
        what: format!("submit {} jobs; a coordinator with it", grouped(sweep.jobs as f64)),
        reach: "< 1 s; < 64 MB resident".into(),
        measured: format!("{submitted_s:.3} s; {:.0} MB", used.resident_mb),
        reached: submitted_s < 1.0 && used.resident_mb < 64.0 && sweep.jobs == 1_000_000_000,
    }
}

/// Ten million finished jobs.
pub(crate) fn finished() -> Row {
    let numbers = part("finished", &[]);
    let (resident_mb, seconds) = (numbers[0], numbers[1]);
    Row {
        what: "10,000,000 finished jobs, resident".into(),
        reach: "< 256 MB".into(),
        measured: format!("{resident_mb:.0} MB (facts applied in {seconds:.1} s)"),
        reached: resident_mb < 256.0,
    }
}

/// In a process of its own: applies the facts of ten million jobs, of mixed outcomes, and prints its memory.
pub(crate) fn finished_part() {
    let mut core = Core::new(CoreConfig::default());
    let spec = Arc::new(spec(1_000, 10_000));
    core.apply(&Fact::Submitted { sweep: SweepId(1), spec, at: Millis(0) });
    let started = Instant::now();
    for ordinal in 0..FINISHED {
        for fact in job_facts(ordinal) {
            core.apply(&fact);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let view = core.sweep(SweepId(1)).expect("submitted");
    assert_eq!(view.counts.ended(), FINISHED);
    println!("{} {seconds}", own().resident_mb);
}

/// A job's grant and end. One in sixteen ends at a limit, so that the ledger is not one run.
pub(crate) fn job_facts(ordinal: u64) -> [Fact; 2] {
    let job = JobKey { sweep: SweepId(1), lane: Lane(0), ordinal: Ordinal(ordinal) };
    let lease = LeaseKey { job, generation: Generation(0), attempt: Attempt(1) };
    let outcome = if ordinal % 16 == 5 { Outcome::Limit } else { Outcome::Completed };
    let ended = Fact::Ended {
        lease,
        outcome,
        turns: TurnIndex(0),
        usage: Usage { model_calls: 6, input_tokens: 9_000, output_tokens: 800, ..Usage::default() },
        at: Millis(ordinal),
        detail: Bytes::from_static(&[7; 100]),
    };
    [Fact::Granted { lease, worker: WorkerId(1) }, ended]
}
