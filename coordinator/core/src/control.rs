//! What users ask for. Each request is answered once what it changed is durable, and changes nothing if refused.

use std::sync::Arc;

use crate::core::Core;
use crate::effect::{Answer, Effects, Refusal, RevokeReason};
use crate::fact::{Fact, Place, ScoreRecord, SweepSpec};
use crate::ids::{Generation, LeaseKey, Millis, SweepId, WorkerId};
use crate::input::Control;
use crate::outcome::Outcome;
use crate::sweep::Sweep;
use crate::view::SweepState;

// === impl Core ===

impl Core {
    /// Does what a user asks, or says why not.
    pub(crate) fn control(&mut self, now: Millis, control: Control, effects: &mut Effects) -> Answer {
        let answer = match control {
            Control::Submit { spec, again } => self.submit(now, &spec, again, effects),
            Control::Pause(sweep) => self.pause(sweep, effects),
            Control::Resume(sweep) => self.resume(sweep, effects),
            Control::Cancel(sweep) => self.cancel(sweep, effects),
            Control::Retry(sweep) => self.retry(sweep, effects),
            Control::Score(scores) => self.score(&scores, effects),
            Control::Remove(sweep) => self.remove(now, sweep, effects),
            Control::Retune { scope, quota } => self.retune(&scope, quota, effects),
            Control::Cap { purse, span, budget } => self.cap(now, purse, span, budget, effects),
        };
        answer.unwrap_or_else(Answer::Refused)
    }

    fn submit(
        &mut self,
        now: Millis,
        spec: &Arc<SweepSpec>,
        again: bool,
        effects: &mut Effects,
    ) -> Result<Answer, Refusal> {
        self.check(spec)?;
        match self.find(spec).filter(|_| !again) {
            Some(found) if found.cancelled => Err(Refusal::Cancelled(found.id)),
            Some(found) => {
                let (sweep, same) = (found.id, found.spec == *spec);
                if !same && !found.is_of_form(spec) {
                    return Err(Refusal::BadSpec(
                        "it has another sweep's content, and other variants or models".into(),
                    ));
                }
                if !same {
                    self.record(Fact::Amended { sweep, spec: Arc::clone(spec) }, effects);
                    self.hold_flying(effects);
                    self.requeue_blocked(now);
                }
                Ok(done(sweep, 0))
            }
            None => self.create(now, spec, effects),
        }
    }

    /// The newest sweep of the same content and project.
    fn find(&self, spec: &SweepSpec) -> Option<&Sweep> {
        let same = |sweep: &&Sweep| sweep.spec.content == spec.content && sweep.spec.project == spec.project;
        self.sweeps.values().rev().find(same)
    }

    fn create(
        &mut self,
        now: Millis,
        spec: &Arc<SweepSpec>,
        effects: &mut Effects,
    ) -> Result<Answer, Refusal> {
        if self.sweeps.len() >= self.config.max_sweeps {
            return Err(Refusal::TooMany("the coordinator holds as many sweeps as it may: remove some"));
        }
        let next = self.last_sweep.0.checked_add(1).map(SweepId);
        let sweep = next.ok_or(Refusal::TooMany("no sweep number is left"))?;
        self.record(Fact::Submitted { sweep, spec: Arc::clone(spec), at: now }, effects);
        Ok(Answer::Done { sweep, created: true, jobs: 0 })
    }

    fn check(&self, spec: &SweepSpec) -> Result<(), Refusal> {
        let bad = |problem: String| Err(Refusal::BadSpec(problem.into()));
        let (lanes, most) = (spec.lanes.len(), self.config.max_lanes);
        if spec.variants == 0 {
            return bad("it has no variants".into());
        }
        if spec.seeds == 0 {
            return bad("it has no seeds: at least 1 is needed".into());
        }
        if lanes == 0 || lanes > most {
            return bad(format!("it names {lanes} models: 1 to {most} can be"));
        }
        if spec.weight == 0 || spec.weight > self.config.max_weight {
            return bad(format!("its weight is {}: 1 to {} can be", spec.weight, self.config.max_weight));
        }
        let per_lane = u64::from(spec.variants) * u64::from(spec.seeds);
        if per_lane.checked_mul(lanes as u64).is_none() {
            return bad("it has more jobs than can be numbered: fewer seeds are needed".into());
        }
        Ok(())
    }

    fn pause(&mut self, id: SweepId, effects: &mut Effects) -> Result<Answer, Refusal> {
        if !self.living(id)?.paused {
            self.record(Fact::Paused { sweep: id }, effects);
        }
        Ok(done(id, 0))
    }

    fn resume(&mut self, id: SweepId, effects: &mut Effects) -> Result<Answer, Refusal> {
        let sweep = self.living(id)?;
        if sweep.paused || sweep.lanes.iter().any(|lane| lane.stopped.is_some()) {
            self.record(Fact::Resumed { sweep: id }, effects);
        }
        Ok(done(id, 0))
    }

    fn cancel(&mut self, id: SweepId, effects: &mut Effects) -> Result<Answer, Refusal> {
        let sweep = self.known(id)?;
        let jobs = sweep.unended();
        if sweep.cancelled || jobs == 0 {
            return Ok(done(id, 0));
        }
        let held: Vec<(WorkerId, LeaseKey)> = held(sweep);
        self.record(Fact::Cancelled { sweep: id }, effects);
        for (worker, lease) in held {
            self.revoke(worker, lease, RevokeReason::Cancelled, effects);
        }
        Ok(done(id, jobs))
    }

    fn retry(&mut self, id: SweepId, effects: &mut Effects) -> Result<Answer, Refusal> {
        let sweep = self.known(id)?;
        let jobs = sweep.reopenable();
        if jobs == 0 {
            return Ok(done(id, 0));
        }
        let next = sweep.generation.0.checked_add(1).map(Generation);
        let generation = next.ok_or(Refusal::TooMany("no generation's number is left"))?;
        self.record(Fact::Reopened { sweep: id, generation }, effects);
        Ok(done(id, jobs))
    }

    fn score(&mut self, scores: &[Arc<ScoreRecord>], effects: &mut Effects) -> Result<Answer, Refusal> {
        if scores.len() > self.config.max_scores {
            return Err(Refusal::TooMany("too many verdicts in one request: send fewer at a time"));
        }
        if let Some(score) = scores.iter().find(|score| !self.has_result(score)) {
            return Err(Refusal::NoSuchJob(score.job));
        }
        for score in scores {
            self.record(Fact::Scored(Arc::clone(score)), effects);
        }
        Ok(done(scores.first().map_or(SweepId(0), |score| score.job.sweep), scores.len() as u64))
    }

    /// Whether the job ended with a result in the verdict's generation.
    fn has_result(&self, score: &ScoreRecord) -> bool {
        let (job, sweep) = (score.job, self.sweeps.get(&score.job.sweep));
        sweep.and_then(|sweep| sweep.lane(job.lane)).is_some_and(|lane| {
            let outcome = lane.ledger.get(job.ordinal.0).outcome();
            outcome.is_some_and(Outcome::is_result) && lane.generations.get(job.ordinal.0) == score.generation
        })
    }

    fn remove(&mut self, now: Millis, id: SweepId, effects: &mut Effects) -> Result<Answer, Refusal> {
        let sweep = self.known(id)?;
        let ended = matches!(sweep.state(), SweepState::Finished | SweepState::Cancelled);
        // Calls that may yet be charged belong to budgets that are known by their sweep.
        let holds = self.holds.values().any(|hold| hold.lease.job.sweep == id);
        if !ended || holds || sweep.lanes.iter().any(crate::lane::Lane::has_leases) {
            return Err(Refusal::Running(id));
        }
        self.record(Fact::Removed { sweep: id }, effects);
        // Its budgets' places in the list may be others' now.
        self.requeue_blocked(now);
        Ok(done(id, 0))
    }

    fn known(&self, id: SweepId) -> Result<&Sweep, Refusal> {
        self.sweeps.get(&id).ok_or(Refusal::NoSuchSweep(id))
    }

    fn living(&self, id: SweepId) -> Result<&Sweep, Refusal> {
        self.known(id).and_then(|sweep| if sweep.cancelled { Err(Refusal::Cancelled(id)) } else { Ok(sweep) })
    }
}

fn done(sweep: SweepId, jobs: u64) -> Answer {
    Answer::Done { sweep, created: false, jobs }
}

/// A sweep's leases, and who holds them.
fn held(sweep: &Sweep) -> Vec<(WorkerId, LeaseKey)> {
    let holder = |lease: LeaseKey| match sweep.job_of(lease)?.place {
        Place::Leased(worker) => Some((worker, lease)),
        _ => None,
    };
    sweep.leases().into_iter().filter_map(holder).collect()
}
