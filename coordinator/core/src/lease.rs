//! What a worker's word about a lease is worth: the fence. And what becomes of leases that are lost.

use crate::core::{Core, Speaker};
use crate::effect::{Effect, Effects, RevokeReason};
use crate::fact::{Fact, OpenJob, Place, ReturnCause};
use crate::ids::{Attempt, LeaseKey, Millis, WorkerId};
use crate::lane::Lane;
use crate::ledger::Code;
use crate::outcome::Outcome;
use crate::sweep::Sweep;
use crate::usage::Usage;

/// How a lease that a worker names stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Standing {
    /// The worker holds it.
    Current(OpenJob),
    /// No one holds the job, and this was the last attempt granted: it can be reinstated.
    Late(OpenJob),
    /// It was this attempt that ended the job, by its own word.
    Over,
    /// A newer attempt was granted, another worker holds it, or the job has ended.
    Fenced,
    /// The job was cancelled.
    Cancelled,
    /// There is no such sweep or job, or no such attempt was ever granted.
    Unknown,
}

// === impl Core ===

impl Core {
    /// How `lease` stands for `worker`.
    pub(crate) fn standing(&self, lease: LeaseKey, worker: WorkerId) -> Standing {
        let Some(sweep) = self.sweeps.get(&lease.job.sweep) else { return Standing::Unknown };
        let Some(lane) = sweep.lane(lease.job.lane) else { return Standing::Unknown };
        match lane.open.get(&lease.job.ordinal) {
            Some(job) => standing_of_open(job, lease, worker),
            None => match lane.ledger.get(lease.job.ordinal.0) {
                Code::OPEN => standing_of_unbegun(sweep, lane, lease),
                code => self.standing_of_ended(lane, code, lease),
            },
        }
    }

    fn standing_of_ended(&self, lane: &Lane, code: Code, lease: LeaseKey) -> Standing {
        let same_generation = lane.generations.get(lease.job.ordinal.0) == lease.generation;
        match code.outcome() {
            Some(Outcome::Cancelled) => Standing::Cancelled,
            Some(outcome) if same_generation && self.may_have_ended(lease, code, outcome) => Standing::Over,
            _ => Standing::Fenced,
        }
    }

    /// Whether it was `lease`'s attempt that ended its job. Where that is forgotten, no result is believed to be its own.
    fn may_have_ended(&self, lease: LeaseKey, code: Code, outcome: Outcome) -> bool {
        match outcome {
            _ if code.is_first_result() => lease.attempt == Attempt(1),
            Outcome::Failed(_) => self.recent.ended_by(lease) != Some(false),
            _ => outcome.is_result() && self.recent.ended_by(lease) == Some(true),
        }
    }

    /// Tells a worker to let go, if it is connected.
    pub(crate) fn revoke(
        &self,
        worker: WorkerId,
        lease: LeaseKey,
        reason: RevokeReason,
        effects: &mut Effects,
    ) {
        if let Some(session) = self.index.workers.get(&worker).and_then(|worker| worker.session) {
            effects.after.push(Effect::Revoke { session, lease, reason });
        }
    }

    /// Answers a word about a lease that is worth nothing: what was used is counted, and the worker told to let go.
    pub(crate) fn refuse(
        &mut self,
        (session, _): Speaker,
        lease: LeaseKey,
        standing: &Standing,
        usage: Usage,
        effects: &mut Effects,
    ) {
        self.waste(lease, usage, effects);
        let reason = match standing {
            Standing::Cancelled => RevokeReason::Cancelled,
            Standing::Unknown => RevokeReason::Unknown,
            _ => RevokeReason::Fenced,
        };
        effects.after.push(Effect::Revoke { session, lease, reason });
    }

    /// Counts what was used for no transcript.
    fn waste(&mut self, lease: LeaseKey, usage: Usage, effects: &mut Effects) {
        let lane = self.sweeps.get(&lease.job.sweep).and_then(|sweep| sweep.lane(lease.job.lane));
        let known = lane.is_some_and(|lane| lease.job.ordinal.0 < lane.jobs());
        if known && !usage.is_zero() {
            self.record(Fact::Wasted { job: lease.job, usage: usage.wasted() }, effects);
        }
    }

    /// Answers a word about a lease that can't be. If the worker holds it, it is given back and uses up nothing; what
    /// was used is counted either way.
    pub(crate) fn breach(
        &mut self,
        (session, _): Speaker,
        lease: LeaseKey,
        standing: &Standing,
        usage: Usage,
        effects: &mut Effects,
    ) {
        if let Standing::Current(_) = standing {
            self.give_back(lease, ReturnCause::Disowned, Millis(0), usage.wasted(), effects);
        } else {
            self.waste(lease, usage, effects);
        }
        effects.after.push(Effect::Revoke { session, lease, reason: RevokeReason::Protocol });
    }

    /// Ends a lease without an outcome.
    pub(crate) fn give_back(
        &mut self,
        lease: LeaseKey,
        cause: ReturnCause,
        not_before: Millis,
        usage: Usage,
        effects: &mut Effects,
    ) {
        self.record(Fact::Returned { lease, cause, not_before, usage }, effects);
    }

    /// A worker gave no sign of life for too long: its leases and calls are lost, and its connection is good for
    /// nothing.
    pub(crate) fn expire(&mut self, now: Millis, id: WorkerId, effects: &mut Effects) {
        for lease in self.leases_of(id) {
            self.lose(now, lease, ReturnCause::Expired, effects);
        }
        self.lose_all_of(now, id, effects);
        let Some(worker) = self.index.workers.remove(&id) else { return };
        if let Some(session) = worker.session {
            self.forget(session);
            effects.after.push(Effect::Close { session, reason: "no sign of life for the time of a lease" });
        }
    }

    /// A worker lost a lease, perhaps with a call in flight. A death without a turn gained counts, and one too many
    /// ends the job.
    pub(crate) fn lose(&mut self, now: Millis, lease: LeaseKey, cause: ReturnCause, effects: &mut Effects) {
        let Some(sweep) = self.sweeps.get(&lease.job.sweep) else { return };
        let Some(job) = sweep.job_of(lease) else { return };
        let died = cause != ReturnCause::Disowned && job.turns == job.turns_at_grant;
        if !died || job.deaths < sweep.spec.retry.max_deaths {
            return self.give_back(lease, cause, Millis(0), Usage::call_in_vain(), effects);
        }
        let mut usage = job.usage;
        usage.add(&Usage::call_in_vain());
        let deaths = u64::from(job.deaths) + 1;
        let detail = format!("{deaths} workers in a row died of this job without gaining a turn");
        let (outcome, turns) = (Outcome::Quarantined, job.turns);
        self.record(Fact::Ended { lease, outcome, turns, usage, at: now, detail: detail.into() }, effects);
    }

    /// The leases that a worker holds.
    pub(crate) fn leases_of(&self, worker: WorkerId) -> Vec<LeaseKey> {
        let Some(worker) = self.index.workers.get(&worker) else { return Vec::new() };
        let name = |job: &crate::ids::JobKey| {
            let lane = self.sweeps.get(&job.sweep)?.lane(job.lane)?;
            let open = lane.open.get(&job.ordinal)?;
            Some(LeaseKey { job: *job, generation: open.generation, attempt: open.attempt })
        };
        worker.leases.iter().filter_map(name).collect()
    }
}

fn standing_of_open(job: &OpenJob, lease: LeaseKey, worker: WorkerId) -> Standing {
    let (named, known) = ((lease.generation, lease.attempt), (job.generation, job.attempt));
    match job.place {
        _ if named > known => Standing::Unknown,
        _ if named < known => Standing::Fenced,
        Place::Leased(holder) if holder == worker => Standing::Current(job.clone()),
        Place::Leased(_) => Standing::Fenced,
        Place::Pending | Place::Backoff(_) => Standing::Late(job.clone()),
    }
}

/// A job that is not open and has not ended was never begun, or was opened again and then any lease of it is an old one.
fn standing_of_unbegun(sweep: &Sweep, lane: &Lane, lease: LeaseKey) -> Standing {
    let was_granted =
        lease.attempt > Attempt(0) && lease.generation < sweep.generation && lease.job.ordinal.0 < lane.next;
    match (sweep.cancelled, was_granted) {
        (true, _) => Standing::Cancelled,
        (false, true) => Standing::Fenced,
        (false, false) => Standing::Unknown,
    }
}
