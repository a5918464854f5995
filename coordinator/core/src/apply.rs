//! What facts do to the state: the only code that changes it, live and in recovery alike. A fact that can't be
//! (a sweep that is not there, an event that the job's state does not know) changes nothing.

use std::sync::Arc;

use crate::core::Core;
use crate::fact::{Fact, OpenJob, Place, ReturnCause, Scope, SweepSpec};
use crate::ids::{Attempt, Generation, JobKey, LeaseKey, Millis, SweepId, TurnIndex, WorkerId};
use crate::index::Index;
use crate::lane::Lane;
use crate::lifecycle::{Event, may};
use crate::outcome::{FailureClass, Outcome};
use crate::quota::{Purse, Quota};
use crate::scope::ScopeAt;
use crate::sweep::Sweep;
use crate::usage::Usage;

// === impl Core ===

impl Core {
    /// Takes a fact into the state.
    pub fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::TermBegan { term } => self.term = self.term.max(*term),
            Fact::Submitted { sweep, spec, at } => self.apply_submitted(*sweep, spec, *at),
            Fact::Removed { sweep } => self.apply_removed(*sweep),
            Fact::Granted { lease, worker } => self.apply_granted(*lease, *worker),
            Fact::Reinstated { lease, worker } => self.apply_reinstated(*lease, *worker),
            Fact::Returned { lease, cause, not_before, usage } => {
                self.apply_returned(*lease, *cause, *not_before, usage);
            }
            Fact::Restarted { lease } => self.apply_restarted(*lease),
            Fact::Ended { lease, outcome, usage, .. } => self.apply_ended(*lease, *outcome, usage),
            Fact::Wasted { job, usage } => self.apply_wasted(*job, usage),
            Fact::Scored(_) => {}
            Fact::Retuned { scope, quota } => self.apply_retuned(scope, *quota),
            Fact::Capped { purse, span, budget, already } => {
                self.apply_capped(purse, *span, budget, already);
            }
            Fact::Held { holds } => holds.iter().for_each(|hold| self.apply_hold(hold)),
            Fact::Settled { worker, calls, at } => self.apply_settled(*worker, calls, *at),
            Fact::DayTaken { scope, day, requests } => {
                let at = self.scopes.at(scope);
                if let Some(scope) = self.scopes.get_mut(at) {
                    scope.day.take_out(*day, *requests);
                }
            }
            Fact::Silenced { scope, until, at } => self.pauses.keep(scope, *until, *at),
            Fact::Amended { sweep, spec } => {
                self.change_sweep(*sweep, |sweep, _| sweep.amend(spec));
                self.apply_limits(*sweep);
            }
            Fact::Paused { sweep } => self.change_sweep(*sweep, |sweep, _| sweep.paused = true),
            Fact::Resumed { sweep } => self.change_sweep(*sweep, |sweep, _| sweep.resume()),
            Fact::Cancelled { sweep } => {
                self.change_sweep(*sweep, cancel);
                let scopes = self.scopes_of(*sweep);
                self.restate(scopes);
            }
            Fact::Reopened { sweep, generation } => {
                self.change_sweep(*sweep, |sweep, _| reopen(sweep, *generation));
                let scopes = self.scopes_of(*sweep);
                self.restate(scopes);
            }
            Fact::LaneStopped { sweep, lane, reason } => {
                self.change_sweep(*sweep, |sweep, _| {
                    if let Some(lane) = sweep.lane_mut(*lane) {
                        lane.stopped = Some(Arc::clone(reason));
                    }
                });
            }
        }
    }

    /// Takes a stored turn into the state. Its body is the store's.
    pub fn apply_turn(&mut self, lease: LeaseKey, index: TurnIndex, usage: &Usage) {
        self.change_lease(lease, |lane, _| {
            let Some(job) = lane.open.get_mut(&lease.job.ordinal) else { return };
            let Some(after) = index.0.checked_add(1).filter(|_| may(job, Event::Turn) && job.turns == index)
            else {
                return;
            };
            job.turns = TurnIndex(after);
            job.deaths = 0;
            job.stalls = 0;
            job.usage.add(usage);
            lane.total.add(usage);
        });
    }

    fn apply_submitted(&mut self, id: SweepId, spec: &Arc<SweepSpec>, at: Millis) {
        if id <= self.last_sweep {
            return;
        }
        self.last_sweep = id;
        self.sweeps.insert(id, Sweep::new(id, spec, at));
        self.apply_limits(id);
        self.change_sweep(id, |_, _| {});
    }

    /// What a sweep says of its models' quotas and of its budgets.
    fn apply_limits(&mut self, id: SweepId) {
        let Some(spec) = self.sweeps.get(&id).map(|sweep| Arc::clone(&sweep.spec)) else { return };
        self.apply_spec_budgets(id, &spec);
        let scopes = self.scopes_of(id);
        self.restate(scopes);
    }

    /// A job ended: if it was its sweep's last, what other sweeps say of the scopes counts from now on.
    fn restate_after(&mut self, id: SweepId) {
        if self.sweeps.get(&id).is_some_and(Sweep::has_ended) {
            let scopes = self.scopes_of(id);
            self.restate(scopes);
        }
    }

    fn scopes_of(&self, id: SweepId) -> Vec<ScopeAt> {
        let lanes = self.sweeps.get(&id).map(|sweep| sweep.lanes.iter());
        lanes.into_iter().flatten().map(|lane| lane.scope_at).collect()
    }

    fn apply_retuned(&mut self, scope: &Scope, quota: Option<Quota>) {
        let at = self.scopes.at(scope);
        if let Some(scope) = self.scopes.get_mut(at) {
            scope.by_hand = quota;
        }
        self.scopes.changed.insert(at);
    }

    fn apply_removed(&mut self, id: SweepId) {
        let scopes = self.scopes_of(id);
        let Some(mut sweep) = self.sweeps.remove(&id) else { return };
        self.index.take_all(&mut sweep);
        self.index.unseat(&sweep.spec.project, id);
        self.index.changed.insert(id);
        let own = |purse: &Purse, _| match purse {
            Purse::Sweep(sweep) | Purse::Lane(sweep, _) => *sweep == id,
            _ => false,
        };
        if self.purses.remove(own) {
            self.bind_all();
        }
        self.restate(scopes);
    }

    fn apply_granted(&mut self, lease: LeaseKey, worker: WorkerId) {
        let Self { sweeps, index, .. } = self;
        let Some(sweep) = sweeps.get_mut(&lease.job.sweep).filter(|sweep| !sweep.cancelled) else { return };
        let generation = sweep.generation;
        let Some(lane) = sweep.lane_mut(lease.job.lane) else { return };
        if lane.open.contains_key(&lease.job.ordinal) {
            grant_again(lane, index, lease, worker);
        } else if lane.may_begin(lease.job.ordinal)
            && lease.generation == generation
            && lease.attempt == Attempt(1)
        {
            lane.begin(begun(lease, worker));
            index.put(lane, lease.job);
        }
        settle(sweep, index, lease.job);
    }

    fn apply_reinstated(&mut self, lease: LeaseKey, worker: WorkerId) {
        self.change_lease(lease, |lane, index| {
            move_job(lane, index, lease.job, Event::Reinstate, |job| {
                job.place = Place::Leased(worker);
                job.over = false;
            });
        });
    }

    fn apply_returned(&mut self, lease: LeaseKey, cause: ReturnCause, not_before: Millis, usage: &Usage) {
        let (event, place) = match not_before {
            Millis(0) => (Event::Return, Place::Pending),
            until => (Event::Wait, Place::Backoff(until)),
        };
        self.change_lease(lease, |lane, index| {
            let moved = move_job(lane, index, lease.job, event, |job| {
                count_return(job, cause);
                job.usage.add(usage);
                job.place = place;
            });
            if moved {
                lane.total.add(usage);
            }
        });
    }

    fn apply_restarted(&mut self, lease: LeaseKey) {
        self.change_lease(lease, |lane, _| {
            let Some(job) = lane.open.get_mut(&lease.job.ordinal).filter(|job| may(job, Event::Restart))
            else {
                return;
            };
            job.turns = TurnIndex(0);
            job.turns_at_grant = TurnIndex(0);
            let before = job.usage;
            job.usage = before.wasted();
            lane.total = lane.total.beyond(&before);
            lane.total.add(&before.wasted());
        });
    }

    fn apply_ended(&mut self, lease: LeaseKey, outcome: Outcome, usage: &Usage) {
        let mut ended = false;
        self.change_lease(lease, |lane, index| {
            ended = lane.open.get(&lease.job.ordinal).is_some_and(|job| may(job, Event::End));
            if ended {
                index.take(lane, lease.job);
                lane.end(lease.job.ordinal, outcome, usage);
            }
        });
        if ended {
            self.recent.ended(lease);
            self.restate_after(lease.job.sweep);
        }
    }

    fn apply_wasted(&mut self, job: JobKey, usage: &Usage) {
        let Some(sweep) = self.sweeps.get_mut(&job.sweep) else { return };
        let Some(lane) = sweep.lane_mut(job.lane) else { return };
        lane.settled.add(usage);
        lane.total.add(usage);
        self.index.changed.insert(job.sweep);
    }

    /// Changes a whole sweep, and then what is derived from it.
    fn change_sweep(&mut self, id: SweepId, change: impl FnOnce(&mut Sweep, &mut Index)) {
        let Self { sweeps, index, .. } = self;
        let Some(sweep) = sweeps.get_mut(&id) else { return };
        change(sweep, index);
        sweep.seat_all();
        index.seat(sweep);
        index.woken = true;
        index.changed.insert(id);
    }

    /// Changes the lane of an open job, if `lease` is the last granted of it, and then what is derived from it.
    fn change_lease(&mut self, lease: LeaseKey, change: impl FnOnce(&mut Lane, &mut Index)) {
        let Self { sweeps, index, .. } = self;
        let Some(sweep) = sweeps.get_mut(&lease.job.sweep) else { return };
        if sweep.job_of(lease).is_none() {
            return;
        }
        if let Some(lane) = sweep.lane_mut(lease.job.lane) {
            change(lane, index);
        }
        settle(sweep, index, lease.job);
    }
}

/// After a change of one job: seats, and word of it.
fn settle(sweep: &mut Sweep, index: &mut Index, job: JobKey) {
    sweep.seat(job.lane);
    index.seat(sweep);
    index.changed.insert(job.sweep);
}

/// Moves an open job to another place, if its state knows the event; whether it did.
fn move_job(
    lane: &mut Lane,
    index: &mut Index,
    job: JobKey,
    event: Event,
    change: impl FnOnce(&mut OpenJob),
) -> bool {
    if !lane.open.get(&job.ordinal).is_some_and(|job| may(job, event)) {
        return false;
    }
    index.take(lane, job);
    if let Some(job) = lane.open.get_mut(&job.ordinal) {
        change(job);
    }
    index.put(lane, job);
    true
}

/// Leases an open job as a newer attempt of the same generation.
fn grant_again(lane: &mut Lane, index: &mut Index, lease: LeaseKey, worker: WorkerId) {
    let known = lane.open.get(&lease.job.ordinal);
    if !known.is_some_and(|job| job.generation == lease.generation && job.attempt < lease.attempt) {
        return;
    }
    move_job(lane, index, lease.job, Event::Grant, |job| {
        job.attempt = lease.attempt;
        job.turns_at_grant = job.turns;
        job.over = false;
        job.place = Place::Leased(worker);
    });
}

/// A job at its first attempt.
fn begun(lease: LeaseKey, worker: WorkerId) -> OpenJob {
    OpenJob {
        ordinal: lease.job.ordinal,
        generation: lease.generation,
        attempt: lease.attempt,
        turns: TurnIndex(0),
        turns_at_grant: TurnIndex(0),
        strikes: 0,
        deaths: 0,
        stalls: 0,
        over: false,
        usage: Usage::default(),
        place: Place::Leased(worker),
    }
}

/// What a return counts against a job.
fn count_return(job: &mut OpenJob, cause: ReturnCause) {
    match cause {
        ReturnCause::Failed(FailureClass::Transient) => job.strikes = job.strikes.saturating_add(1),
        ReturnCause::Stalled(_) => job.stalls = job.stalls.saturating_add(1),
        ReturnCause::Expired | ReturnCause::Suspected if job.turns == job.turns_at_grant => {
            job.deaths = job.deaths.saturating_add(1);
        }
        _ => {}
    }
    job.over = matches!(cause, ReturnCause::Failed(_) | ReturnCause::Stalled(_));
}

fn cancel(sweep: &mut Sweep, index: &mut Index) {
    index.take_all(sweep);
    sweep.cancel();
}

fn reopen(sweep: &mut Sweep, generation: Generation) {
    if sweep.generation.0.checked_add(1) == Some(generation.0) {
        sweep.reopen(generation);
    }
}
