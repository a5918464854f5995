//! Between the wire's types and the core's. Proto types end here: nothing past this module knows them.

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Attempt, Counts, FailureClass, Generation, JobKey, Lane, LaneSpec, LaneView, LeaseKey, Ordinal, Outcome,
    RetryPolicy, RevokeReason, Scope, ScoreRecord, SweepId, SweepSpec, SweepState, SweepView, Usage,
};
use muster_proto::v1;
use muster_store::EndedRecord;
use tonic::Status;

use super::limits::{budget_from, quota_from};

/// A piece that a message must have.
pub(crate) fn required<T>(piece: Option<T>, name: &'static str) -> Result<T, Status> {
    piece.ok_or_else(|| Status::invalid_argument(format!("the message has no `{name}`")))
}

/// A hash of 32 bytes.
pub(crate) fn hash(bytes: &[u8], name: &'static str) -> Result<[u8; 32], Status> {
    <[u8; 32]>::try_from(bytes)
        .map_err(|_| Status::invalid_argument(format!("`{name}` has {} bytes, not 32", bytes.len())))
}

pub(crate) fn job_from(job: v1::Job) -> JobKey {
    JobKey { sweep: SweepId(job.sweep), lane: Lane(job.lane), ordinal: Ordinal(job.ordinal) }
}

pub(crate) fn job_to(job: JobKey) -> v1::Job {
    v1::Job { sweep: job.sweep.0, lane: job.lane.0, ordinal: job.ordinal.0 }
}

pub(crate) fn lease_from(lease: Option<v1::Lease>) -> Result<LeaseKey, Status> {
    let lease = required(lease, "lease")?;
    Ok(LeaseKey {
        job: job_from(required(lease.job, "lease.job")?),
        generation: Generation(lease.generation),
        attempt: Attempt(lease.attempt),
    })
}

pub(crate) fn lease_to(lease: LeaseKey) -> v1::Lease {
    v1::Lease { job: Some(job_to(lease.job)), generation: lease.generation.0, attempt: lease.attempt.0 }
}

pub(crate) fn usage_from(usage: Option<v1::Usage>) -> Usage {
    let usage = usage.unwrap_or_default();
    Usage {
        model_calls: usage.model_calls,
        retries: usage.retries,
        rate_limited: usage.rate_limited,
        paid_twice: usage.paid_twice,
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cost_micro_usd: usage.cost_micro_usd,
        unpriced_calls: usage.unpriced_calls,
        lost_micro_usd: usage.lost_micro_usd,
    }
}

pub(crate) fn usage_to(usage: Usage) -> v1::Usage {
    v1::Usage {
        model_calls: usage.model_calls,
        retries: usage.retries,
        rate_limited: usage.rate_limited,
        paid_twice: usage.paid_twice,
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cost_micro_usd: usage.cost_micro_usd,
        unpriced_calls: usage.unpriced_calls,
        lost_micro_usd: usage.lost_micro_usd,
    }
}

pub(crate) fn class_from(class: v1::FailureClass) -> Option<FailureClass> {
    use v1::FailureClass as Wire;
    Some(match class {
        Wire::Unspecified => return None,
        Wire::Transient => FailureClass::Transient,
        Wire::RateLimited => FailureClass::RateLimited,
        Wire::Overloaded => FailureClass::Overloaded,
        Wire::Preempted => FailureClass::Preempted,
        Wire::Config => FailureClass::Config,
        Wire::BadRequest => FailureClass::BadRequest,
        Wire::Engine => FailureClass::Engine,
        Wire::Quota => FailureClass::Quota,
    })
}

fn class_to(class: FailureClass) -> v1::FailureClass {
    use v1::FailureClass as Wire;
    match class {
        FailureClass::Transient => Wire::Transient,
        FailureClass::RateLimited => Wire::RateLimited,
        FailureClass::Overloaded => Wire::Overloaded,
        FailureClass::Preempted => Wire::Preempted,
        FailureClass::Config => Wire::Config,
        FailureClass::BadRequest => Wire::BadRequest,
        FailureClass::Engine => Wire::Engine,
        FailureClass::Quota => Wire::Quota,
    }
}

/// The outcomes that a worker may report.
pub(crate) fn result_from(outcome: v1::Outcome) -> Option<Outcome> {
    match outcome {
        v1::Outcome::Completed => Some(Outcome::Completed),
        v1::Outcome::Limit => Some(Outcome::Limit),
        v1::Outcome::Refused => Some(Outcome::Refused),
        _ => None,
    }
}

fn outcome_to(outcome: Outcome) -> (v1::Outcome, v1::FailureClass) {
    let none = v1::FailureClass::Unspecified;
    match outcome {
        Outcome::Completed => (v1::Outcome::Completed, none),
        Outcome::Limit => (v1::Outcome::Limit, none),
        Outcome::Refused => (v1::Outcome::Refused, none),
        Outcome::Failed(class) => (v1::Outcome::Failed, class_to(class)),
        Outcome::Quarantined => (v1::Outcome::Quarantined, none),
        Outcome::Cancelled => (v1::Outcome::Cancelled, none),
    }
}

pub(crate) fn reason_to(reason: RevokeReason) -> v1::revoke::Reason {
    use v1::revoke::Reason as Wire;
    match reason {
        RevokeReason::Fenced => Wire::Fenced,
        RevokeReason::Cancelled => Wire::Cancelled,
        RevokeReason::Stopped => Wire::Stopped,
        RevokeReason::Unknown => Wire::Unknown,
        RevokeReason::Protocol => Wire::Protocol,
    }
}

fn retry_from(retry: Option<v1::RetryPolicy>) -> RetryPolicy {
    let defaults = RetryPolicy::default();
    match retry {
        None => defaults,
        Some(retry) if retry == v1::RetryPolicy::default() => defaults,
        Some(retry) => RetryPolicy {
            max_strikes: retry.max_strikes,
            max_deaths: retry.max_deaths,
            max_stalls: if retry.max_stalls == 0 { defaults.max_stalls } else { retry.max_stalls },
            backoff_ms: retry.backoff_ms,
            backoff_max_ms: retry.backoff_max_ms,
        },
    }
}

pub(crate) fn spec_from(request: v1::SubmitRequest) -> Result<SweepSpec, Status> {
    let lanes = request.lanes.into_iter().map(|lane| LaneSpec {
        model: lane.model.into(),
        scope: Scope { account: lane.account.into(), pool: lane.pool.into() },
        quota: quota_from(lane.quota),
        budget: budget_from(lane.budget),
    });
    Ok(SweepSpec {
        content: hash(&request.content, "content")?,
        project: request.project.into(),
        name: request.name.into(),
        weight: request.weight,
        variants: request.variants,
        seeds: request.seeds,
        limit: request.limit,
        lanes: lanes.collect(),
        retry: retry_from(request.retry),
        budget: budget_from(request.budget),
        document: request.document,
    })
}

fn counts_to(counts: Counts) -> v1::Counts {
    v1::Counts {
        jobs: counts.jobs,
        pending: counts.pending,
        leased: counts.leased,
        backoff: counts.backoff,
        completed: counts.completed,
        limit: counts.limit,
        refused: counts.refused,
        failed: counts.failed,
        quarantined: counts.quarantined,
        cancelled: counts.cancelled,
    }
}

fn state_to(state: SweepState) -> v1::SweepState {
    match state {
        SweepState::Running => v1::SweepState::Running,
        SweepState::Paused => v1::SweepState::Paused,
        SweepState::Cancelled => v1::SweepState::Cancelled,
        SweepState::Finished => v1::SweepState::Finished,
        SweepState::Stopped => v1::SweepState::Stopped,
    }
}

fn lane_to(spec: &LaneSpec, view: &LaneView) -> v1::LaneStatus {
    v1::LaneStatus {
        model: spec.model.to_string(),
        account: spec.scope.account.to_string(),
        pool: spec.scope.pool.to_string(),
        counts: Some(counts_to(view.counts)),
        usage: Some(usage_to(view.usage)),
        stopped: view.stopped.as_deref().unwrap_or_default().to_owned(),
    }
}

/// A sweep as users see it; its document only where it was asked for, for it may be large.
pub(crate) fn sweep_to(view: &SweepView, with_document: bool) -> v1::Sweep {
    let spec = &view.spec;
    v1::Sweep {
        id: view.id.0,
        project: spec.project.to_string(),
        name: spec.name.to_string(),
        content: Bytes::copy_from_slice(&spec.content),
        weight: spec.weight,
        variants: spec.variants,
        seeds: spec.seeds,
        limit: spec.limit,
        state: state_to(view.state).into(),
        submitted_at_ms: view.submitted_at.0,
        counts: Some(counts_to(view.counts)),
        usage: Some(usage_to(view.usage)),
        lanes: spec.lanes.iter().zip(&view.lanes).map(|(spec, view)| lane_to(spec, view)).collect(),
        document: if with_document { spec.document.clone() } else { Bytes::new() },
    }
}

pub(crate) fn episode_to(ended: EndedRecord) -> v1::Episode {
    let (outcome, class) = outcome_to(ended.outcome);
    v1::Episode {
        lease: Some(lease_to(ended.lease)),
        outcome: outcome.into(),
        class: class.into(),
        usage: Some(usage_to(ended.usage)),
        ended_at_ms: ended.at.0,
        turn_count: ended.turns.0,
        detail: ended.detail,
        turns: Vec::new(),
        scores: Vec::new(),
        more: false,
    }
}

pub(crate) fn verdict_to(score: &ScoreRecord) -> v1::Verdict {
    v1::Verdict {
        job: Some(job_to(score.job)),
        generation: score.generation.0,
        scorer: score.scorer.to_string(),
        version: score.version.to_string(),
        verdict: score.verdict.clone(),
    }
}

pub(crate) fn verdict_from(verdict: v1::Verdict) -> Result<Arc<ScoreRecord>, Status> {
    Ok(Arc::new(ScoreRecord {
        job: job_from(required(verdict.job, "job")?),
        generation: Generation(verdict.generation),
        scorer: verdict.scorer.into(),
        version: verdict.version.into(),
        verdict: verdict.verdict,
    }))
}
