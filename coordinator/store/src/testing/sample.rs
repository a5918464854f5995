//! Records to fill a store with.

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Attempt, Budget, Fact, Generation, JobKey, Lane, LaneSpec, LeaseKey, Millis, Ordinal, Outcome, Quota,
    Record, RetryPolicy, Scope, ScoreRecord, SweepId, SweepSpec, TurnIndex, TurnRecord, Usage, WorkerId,
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
