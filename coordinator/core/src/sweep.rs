//! A sweep: what was submitted, its lanes, and which of them has something to grant.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fact::{LaneSpec, OpenJob, Place, SweepSpec};
use crate::fairness::Ring;
use crate::ids::{Generation, JobKey, Lane as LaneId, LeaseKey, Millis, Ordinal, SweepId, TurnIndex};
use crate::lane::{Lane, Tier};
use crate::quota::Spend;
use crate::snapshot::SweepSnapshot;
use crate::view::{LaneView, SweepState, SweepView};

/// A sweep's state.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) id: SweepId,
    pub(crate) spec: Arc<SweepSpec>,
    pub(crate) submitted_at: Millis,
    pub(crate) paused: bool,
    pub(crate) cancelled: bool,
    pub(crate) generation: Generation,
    pub(crate) lanes: Vec<Lane>,
    /// Leases that were out when its document was last changed by submitting it again: they run by the one before.
    /// Forgotten with a snapshot.
    outdated: BTreeSet<LeaseKey>,
    /// The lanes with something to grant.
    ring: Ring<usize>,
    /// Whether it has a seat in its project's ring.
    pub(crate) seated: bool,
}

// === impl Sweep ===

impl Sweep {
    pub(crate) fn new(id: SweepId, spec: &Arc<SweepSpec>, submitted_at: Millis) -> Self {
        let mut sweep = Self {
            id,
            spec: Arc::clone(spec),
            submitted_at,
            paused: false,
            cancelled: false,
            generation: Generation(0),
            lanes: spec.lanes.iter().map(Lane::new).collect(),
            outdated: BTreeSet::new(),
            ring: Ring::default(),
            seated: false,
        };
        sweep.size_lanes();
        sweep
    }

    pub(crate) fn restore(snapshot: &SweepSnapshot) -> Self {
        let mut sweep = Self::new(snapshot.id, &snapshot.spec, snapshot.submitted_at);
        sweep.paused = snapshot.paused;
        sweep.cancelled = snapshot.cancelled;
        sweep.generation = snapshot.generation;
        for ((lane, spec), snapshot) in sweep.lanes.iter_mut().zip(&snapshot.spec.lanes).zip(&snapshot.lanes)
        {
            *lane = Lane::restore(spec, snapshot);
        }
        sweep.size_lanes();
        sweep
    }

    pub(crate) fn snapshot(&self) -> SweepSnapshot {
        SweepSnapshot {
            id: self.id,
            spec: Arc::clone(&self.spec),
            submitted_at: self.submitted_at,
            paused: self.paused,
            cancelled: self.cancelled,
            generation: self.generation,
            lanes: self.lanes.iter().map(Lane::snapshot).collect(),
        }
    }

    /// Whether another spec numbers its jobs as this sweep does.
    pub(crate) fn is_of_form(&self, spec: &SweepSpec) -> bool {
        let model = |lane: &LaneSpec| (lane.model.clone(), lane.scope.clone());
        self.spec.variants == spec.variants
            && self.spec.lanes.iter().map(model).eq(spec.lanes.iter().map(model))
    }

    /// Takes another spec of the same form; one of another form, which only a damaged journal has, is passed over.
    pub(crate) fn amend(&mut self, spec: &Arc<SweepSpec>) {
        if self.is_of_form(spec) {
            if self.spec.document != spec.document {
                self.outdated = self.leases().into_iter().collect();
            }
            let unknown = Spend { micro_usd: Some(0), tokens: 0 };
            self.lanes.iter_mut().for_each(|lane| lane.worst = unknown);
            self.spec = Arc::clone(spec);
            self.size_lanes();
        }
    }

    /// Whether a lease was granted under a document that is no longer its sweep's.
    pub(crate) fn is_outdated(&self, lease: &LeaseKey) -> bool {
        self.outdated.contains(lease)
    }

    /// Sets seeds and limit.
    fn size_lanes(&mut self) {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            lane.resize(&self.spec, index as u64);
        }
    }

    /// A lane by its name.
    pub(crate) fn lane(&self, lane: LaneId) -> Option<&Lane> {
        self.lanes.get(lane.0 as usize)
    }

    /// A lane by its name.
    pub(crate) fn lane_mut(&mut self, lane: LaneId) -> Option<&mut Lane> {
        self.lanes.get_mut(lane.0 as usize)
    }

    /// Gives a lane a seat while it has something to grant, and takes it when it has not.
    pub(crate) fn seat(&mut self, lane: LaneId) {
        let index = lane.0 as usize;
        let Some(found) = self.lanes.get_mut(index) else { return };
        let wants = found.tier().is_some();
        if wants == found.seated {
            return;
        }
        found.seated = wants;
        if wants {
            self.ring.join(index, 1, ());
        } else {
            self.ring.leave(&index);
        }
    }

    /// `seat` for every lane.
    pub(crate) fn seat_all(&mut self) {
        for index in 0..self.lanes.len() {
            self.seat(LaneId(index as u32));
        }
    }

    /// Whether it has something to grant.
    pub(crate) fn wants(&self) -> bool {
        !self.paused && !self.cancelled && !self.ring.is_empty()
    }

    /// The next job to grant from a lane that is `eligible`, with what it has to grant: the deepest tier first, lanes in turn.
    pub(crate) fn pick(
        &mut self,
        mut eligible: impl FnMut(usize, &Lane, Tier) -> bool,
    ) -> Option<(LeaseKey, TurnIndex)> {
        let Self { ring, lanes, .. } = self;
        let (index, tier) = ring.best(Tier::Warm, |index, best| {
            let lane = &lanes[*index];
            let tier = lane.tier()?;
            (best.is_none_or(|best| tier < best) && eligible(*index, lane, tier)).then_some(tier)
        })?;
        let candidate = lanes[*index].candidate(tier)?;
        let lane = LaneId(*index as u32);
        let job = JobKey { sweep: self.id, lane, ordinal: candidate.ordinal };
        let generation = candidate.generation.unwrap_or(self.generation);
        Some((LeaseKey { job, generation, attempt: candidate.attempt }, candidate.turns))
    }

    /// An open job, if `lease` is the last granted of it.
    pub(crate) fn job_of(&self, lease: LeaseKey) -> Option<&OpenJob> {
        let job = self.lane(lease.job.lane)?.open.get(&lease.job.ordinal)?;
        (job.generation == lease.generation && job.attempt == lease.attempt).then_some(job)
    }

    /// Goes on, with all lanes.
    pub(crate) fn resume(&mut self) {
        self.paused = false;
        self.lanes.iter_mut().for_each(|lane| lane.stopped = None);
    }

    /// Cancels all of it.
    pub(crate) fn cancel(&mut self) {
        self.cancelled = true;
        self.lanes.iter_mut().for_each(Lane::cancel);
    }

    /// Opens again what ended without a result.
    pub(crate) fn reopen(&mut self, generation: Generation) {
        self.generation = generation;
        self.cancelled = false;
        self.lanes.iter_mut().for_each(Lane::reopen);
    }

    /// How many jobs `reopen` would open.
    pub(crate) fn reopenable(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.reopenable(self.cancelled)).fold(0, u64::saturating_add)
    }

    /// Jobs that have not ended.
    pub(crate) fn unended(&self) -> u64 {
        let unended = |lane: &Lane| lane.jobs().saturating_sub(lane.ended(self.cancelled));
        self.lanes.iter().map(unended).fold(0, u64::saturating_add)
    }

    /// Whether none of its jobs is left.
    pub(crate) fn has_ended(&self) -> bool {
        self.lanes.iter().all(|lane| lane.jobs() <= lane.ended(self.cancelled))
    }

    pub(crate) fn state(&self) -> SweepState {
        let unended = |lane: &&Lane| lane.jobs() > lane.ended(self.cancelled);
        let mut left = self.lanes.iter().filter(unended).peekable();
        if self.cancelled {
            SweepState::Cancelled
        } else if left.peek().is_none() {
            SweepState::Finished
        } else if self.paused {
            SweepState::Paused
        } else if left.all(|lane| lane.stopped.is_some() && lane.counts(self.cancelled).leased == 0) {
            SweepState::Stopped
        } else {
            SweepState::Running
        }
    }

    pub(crate) fn view(&self) -> SweepView {
        let view = |lane: &Lane| LaneView {
            counts: lane.counts(self.cancelled),
            usage: lane.total,
            stopped: lane.stopped.clone(),
        };
        let lanes: Vec<LaneView> = self.lanes.iter().map(view).collect();
        SweepView {
            id: self.id,
            spec: Arc::clone(&self.spec),
            submitted_at: self.submitted_at,
            state: self.state(),
            counts: lanes.iter().map(|lane| lane.counts).sum(),
            usage: lanes.iter().fold(Default::default(), |mut sum, lane| {
                sum.add(&lane.usage);
                sum
            }),
            generation: self.generation,
            lanes,
        }
    }

    /// The names of its jobs at workers.
    pub(crate) fn leases(&self) -> Vec<LeaseKey> {
        (0..self.lanes.len()).flat_map(|index| self.lane_leases(LaneId(index as u32))).collect()
    }

    /// The names of a lane's jobs at workers.
    pub(crate) fn lane_leases(&self, lane: LaneId) -> Vec<LeaseKey> {
        let Some(found) = self.lane(lane) else { return Vec::new() };
        let name = |(ordinal, job): (&Ordinal, &OpenJob)| {
            let job_key = JobKey { sweep: self.id, lane, ordinal: *ordinal };
            let lease = LeaseKey { job: job_key, generation: job.generation, attempt: job.attempt };
            matches!(job.place, Place::Leased(_)).then_some(lease)
        };
        found.open.iter().filter_map(name).collect()
    }
}
