//! What is derived from the journaled state so that nothing is ever searched for: who holds what, who waits until
//! when, which sweeps have something to grant. Rebuilt by the same facts that change the state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::fact::Place;
use crate::fairness::Ring;
use crate::ids::{JobKey, Millis, Ordinal, SweepId, WorkerId};
use crate::lane::Lane;
use crate::load::Load;
use crate::sweep::Sweep;
use crate::worker::Worker;

/// The derived part of the core.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Workers that hold leases or have been heard of lately.
    pub(crate) workers: BTreeMap<WorkerId, Worker>,
    /// Leases by scope.
    pub(crate) load: Load,
    /// Jobs in backoff, by when it ends.
    pub(crate) due: BTreeSet<(Millis, JobKey)>,
    /// Projects with something to grant, and their sweeps.
    pub(crate) projects: Ring<Arc<str>, Ring<SweepId>>,
    /// Sweeps whose counts changed in this step.
    pub(crate) changed: BTreeSet<SweepId>,
    /// Whether something became grantable, so that sessions that wait for work should be served.
    pub(crate) woken: bool,
}

// === impl Index ===

impl Index {
    /// Puts an open job among those of its place.
    pub(crate) fn put(&mut self, lane: &mut Lane, job: JobKey) {
        lane.put(job.ordinal);
        match lane.open.get(&job.ordinal).map(|job| job.place) {
            Some(Place::Leased(worker)) => {
                self.load.leased(lane.scope_at);
                self.workers.entry(worker).or_default().leases.insert(job);
            }
            Some(Place::Backoff(until)) => {
                self.due.insert((until, job));
            }
            Some(Place::Pending) => self.woken = true,
            None => {}
        }
    }

    /// Takes an open job from among those of its place.
    pub(crate) fn take(&mut self, lane: &mut Lane, job: JobKey) {
        let waited = lane.take(job.ordinal);
        if let Some(until) = waited {
            self.due.remove(&(until, job));
        }
        if let Some(Place::Leased(worker)) = lane.open.get(&job.ordinal).map(|job| job.place) {
            self.load.returned(lane.scope_at, &job);
            if let Some(worker) = self.workers.get_mut(&worker) {
                worker.leases.remove(&job);
            }
        }
    }

    /// `put` for all of a sweep.
    pub(crate) fn put_all(&mut self, sweep: &mut Sweep) {
        for (lane, job) in open_jobs(sweep) {
            self.put(&mut sweep.lanes[lane], job);
        }
    }

    /// `take` for all of a sweep.
    pub(crate) fn take_all(&mut self, sweep: &mut Sweep) {
        for (lane, job) in open_jobs(sweep) {
            self.take(&mut sweep.lanes[lane], job);
        }
    }

    /// Gives a sweep a seat in its project while it has something to grant, and takes it when it has not.
    pub(crate) fn seat(&mut self, sweep: &mut Sweep) {
        let wants = sweep.wants();
        if wants == sweep.seated {
            return;
        }
        sweep.seated = wants;
        let project = &sweep.spec.project;
        if !wants {
            self.unseat(project, sweep.id);
        } else if let Some(sweeps) = self.projects.get_mut(project) {
            sweeps.join(sweep.id, sweep.spec.weight, ());
        } else {
            let mut sweeps = Ring::default();
            sweeps.join(sweep.id, sweep.spec.weight, ());
            self.projects.join(Arc::clone(project), 1, sweeps);
        }
    }

    /// Takes a sweep's seat.
    pub(crate) fn unseat(&mut self, project: &Arc<str>, sweep: SweepId) {
        let Some(sweeps) = self.projects.get_mut(project) else { return };
        sweeps.leave(&sweep);
        if sweeps.is_empty() {
            self.projects.leave(project);
        }
    }
}

/// The open jobs of a sweep, with the places of their lanes.
fn open_jobs(sweep: &Sweep) -> Vec<(usize, JobKey)> {
    let id = sweep.id;
    let keys = |(index, lane): (usize, &Lane)| {
        let key =
            |ordinal: &Ordinal| JobKey { sweep: id, lane: crate::ids::Lane(index as u32), ordinal: *ordinal };
        lane.open.keys().map(|ordinal| (index, key(ordinal))).collect::<Vec<_>>()
    };
    sweep.lanes.iter().enumerate().flat_map(keys).collect()
}
