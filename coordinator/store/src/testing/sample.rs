//! Records to fill a store with.

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Attempt, Budget, CallId, CapMode, DaySnapshot, Fact, Generation, Hold, JobKey, Lane, LaneSpec, LeaseKey,
    Millis, Ordinal, Outcome, Purse, PurseSnapshot, Quota, Record, RetryPolicy, Scope, ScoreRecord, Snapshot,
    Span, Spend, SweepId, SweepSpec, TurnIndex, TurnRecord, Usage, WorkerId,
};

/// A job of sweep `sweep`, in its first lane.
#[must_use]
pub fn job(sweep: u64, ordinal: u64) -> JobKey {
    JobKey { sweep: SweepId(sweep), lane: Lane(0), ordinal: Ordinal(ordinal) }
}

/// A lease of it, in generation 0.
#[must_use]
pub fn lease(sweep: u64, ordinal: u64, attempt: u32) -> LeaseKey {
    LeaseKey { job: job(sweep, ordinal), generation: Generation(0), attempt: Attempt(attempt) }
}

/// What a call used, different for each `n`.
#[must_use]
pub fn usage(n: u64) -> Usage {
    Usage { model_calls: 1, input_tokens: 900 + n, output_tokens: 40 + n % 7, ..Usage::default() }
}

/// A spec of one lane.
#[must_use]
pub fn spec(name: &str) -> SweepSpec {
    SweepSpec {
        content: *blake3::hash(name.as_bytes()).as_bytes(),
        project: "default".into(),
        name: name.into(),
        weight: 1,
        variants: 57,
        seeds: 10,
        limit: Some(100),
        lanes: vec![LaneSpec {
            model: "sim/mixed".into(),
            scope: Scope { account: "sim".into(), pool: "mixed".into() },
            quota: Quota::default(),
            budget: Budget::default(),
        }],
        retry: RetryPolicy::default(),
        budget: Budget::default(),
        document: Bytes::from(format!("{{\"plan\":\"{name}\"}}")),
    }
}

/// The submission of a sweep.
#[must_use]
pub fn submitted(sweep: u64) -> Record {
    let spec = Arc::new(spec(&format!("sweep-{sweep}")));
    Record::Fact(Fact::Submitted { sweep: SweepId(sweep), spec, at: Millis(1_000 * sweep) })
}

/// The grant of a lease.
#[must_use]
pub fn granted(lease: LeaseKey) -> Record {
    Record::Fact(Fact::Granted { lease, worker: WorkerId(0x0123_4567_89ab_cdef) })
}

/// A turn of a lease; its body says which.
#[must_use]
pub fn turn(lease: LeaseKey, index: u32) -> Record {
    Record::Turn(TurnRecord {
        lease,
        index: TurnIndex(index),
        usage: usage(u64::from(index)),
        body: Bytes::from(body(&format!("turn {index} of {lease}"))),
    })
}

/// JSON as a turn may hold it, around a text.
#[must_use]
pub fn body(text: &str) -> String {
    format!(
        r#"{{"role":"assistant","content":"{text}","tool_calls":[{{"id":"call_0","type":"function","function":{{"name":"read_file","arguments":"{{\"path\":\"/notes.md\"}}"}}}}]}}"#
    )
}

/// The end of a job after so many turns.
#[must_use]
pub fn ended(lease: LeaseKey, turns: u32, outcome: Outcome) -> Record {
    Record::Fact(Fact::Ended {
        lease,
        outcome,
        turns: TurnIndex(turns),
        usage: usage(u64::from(turns)),
        at: Millis(5_000 + lease.job.ordinal.0),
        detail: Bytes::from(format!("{{\"end\":\"of {lease}\"}}")),
    })
}

/// A verdict on a job in generation 0.
#[must_use]
pub fn scored(job: JobKey, scorer: &str, version: &str, verdict: &str) -> Record {
    Record::Fact(Fact::Scored(Arc::new(ScoreRecord {
        job,
        generation: Generation(0),
        scorer: scorer.into(),
        version: version.into(),
        verdict: Bytes::copy_from_slice(verdict.as_bytes()),
    })))
}

/// A whole episode: granted, so many turns, completed.
#[must_use]
pub fn episode(sweep: u64, ordinal: u64, turns: u32) -> Vec<Record> {
    let lease = lease(sweep, ordinal, 1);
    let mut records = vec![granted(lease)];
    records.extend((0..turns).map(|index| turn(lease, index)));
    records.push(ended(lease, turns, Outcome::Completed));
    records
}

/// A spec that says all that can be said of limits.
#[must_use]
pub fn limited_spec() -> SweepSpec {
    let mut limited = spec("all");
    limited.budget = Budget { micro_usd: Some(10_000_000), tokens: Some(1), mode: CapMode::Warn };
    limited.retry.max_stalls = 0;
    limited.lanes[0].quota = full_quota();
    limited.lanes[0].budget = Budget { micro_usd: None, tokens: Some(0), mode: CapMode::Drain };
    limited
}

/// A snapshot's quotas, budgets, holds and days.
#[must_use]
pub fn limits() -> Snapshot {
    let purse = |purse, span, by_hand, day| PurseSnapshot {
        purse,
        span,
        budget: Budget { micro_usd: Some(u64::MAX), tokens: None, mode: CapMode::Drain },
        by_hand,
        day,
        spent: Spend { micro_usd: Some(7), tokens: u64::MAX },
    };
    Snapshot {
        quotas: vec![(scope(), full_quota()), (Scope { pool: "".into(), ..scope() }, Quota::default())],
        purses: vec![
            purse(Purse::Project("p".into()), Span::Day, true, 20_000),
            purse(Purse::Sweep(SweepId(4)), Span::Ever, false, 0),
            purse(Purse::Lane(SweepId(4), Lane(0)), Span::Ever, false, 0),
            purse(Purse::Model("m".into()), Span::Ever, true, 0),
            purse(Purse::Account("a".into()), Span::Day, true, u32::MAX),
        ],
        holds: holds(),
        days: vec![DaySnapshot { scope: scope(), day: u32::MAX, requests: u64::MAX }],
        ..Snapshot::default()
    }
}

fn scope() -> Scope {
    Scope { account: "anthropic".into(), pool: "opus".into() }
}

fn full_quota() -> Quota {
    Quota {
        requests_per_minute: Some(1),
        tokens_per_minute: Some(2),
        input_tokens_per_minute: Some(u64::MAX),
        output_tokens_per_minute: Some(0),
        requests_per_day: Some(5),
        concurrency: Some(u32::MAX),
        ramp_ms: 7,
        day_offset_minutes: -480,
        discover: true,
    }
}

fn holds() -> Vec<Hold> {
    let hold = |call, micro_usd| Hold {
        worker: WorkerId(u64::MAX),
        call: CallId(call),
        scope: scope(),
        lease: lease(1, 3, 1),
        worst: Spend { micro_usd, tokens: 9 },
        until: Millis(11),
    };
    vec![hold(u64::MAX, Some(0)), hold(1, None)]
}

/// A long silence, as a fact and as a snapshot has it.
#[must_use]
pub fn silence() -> (Fact, (Scope, Millis)) {
    let (until, at) = (Millis(u64::MAX), Millis(7));
    (Fact::Silenced { scope: scope(), until, at }, (scope(), until))
}

/// Every kind of fact about quotas and budgets that format 2 had.
#[must_use]
pub fn limit_facts() -> Vec<Fact> {
    let (already, budget) = (Spend { micro_usd: None, tokens: 3 }, Budget::default());
    let purses = [
        (Purse::Project("p".into()), Span::Ever, CapMode::Stop),
        (Purse::Sweep(SweepId(1)), Span::Day, CapMode::Drain),
        (Purse::Lane(SweepId(1), Lane(2)), Span::Ever, CapMode::Warn),
        (Purse::Model("m".into()), Span::Day, CapMode::Stop),
        (Purse::Account("a".into()), Span::Ever, CapMode::Stop),
    ];
    let mut facts: Vec<Fact> = purses
        .into_iter()
        .map(|(purse, span, mode)| Fact::Capped { purse, span, budget: Budget { mode, ..budget }, already })
        .collect();
    let calls = vec![(CallId(1), already), (CallId(2), Spend { micro_usd: Some(0), tokens: 0 })];
    facts.extend([
        Fact::Retuned { scope: scope(), quota: Some(full_quota()) },
        Fact::Retuned { scope: scope(), quota: None },
        Fact::Held { holds: holds() },
        Fact::Settled { worker: WorkerId(1), calls, at: Millis(u64::MAX) },
        Fact::DayTaken { scope: scope(), day: 20_000, requests: 100 },
    ]);
    facts
}
