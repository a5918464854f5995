//! One model of a sweep: a counter, the jobs that are open, and how the others ended. A job that was never begun is
//! a number not yet reached; one that was opened again is a number below it with neither an outcome nor an entry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::fact::{LaneSpec, OpenJob, Place, Scope, SweepSpec};
use crate::generations::Generations;
use crate::ids::{Attempt, Generation, Millis, Ordinal, TurnIndex};
use crate::ledger::{Code, Ledger, bytes_for};
use crate::lifecycle::{Event, next};
use crate::outcome::Outcome;
use crate::purse::PurseAt;
use crate::quota::Spend;
use crate::scope::ScopeAt;
use crate::snapshot::LaneSnapshot;
use crate::usage::Usage;
use crate::view::Counts;

/// A lane's state.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) scope: Scope,
    /// The scope's place among all.
    pub(crate) scope_at: ScopeAt,
    /// The budgets that apply to it.
    pub(crate) purses: Vec<PurseAt>,
    /// The most that its last call asked for could come to.
    pub(crate) worst: Spend,
    /// The first ordinal never granted.
    pub(crate) next: u64,
    /// The first ordinal that must not be begun, by seeds and limit as they are now.
    pub(crate) cap: u64,
    /// Why it was stopped, if it was.
    pub(crate) stopped: Option<Arc<str>>,
    pub(crate) ledger: Ledger,
    pub(crate) generations: Generations,
    /// Jobs begun and not ended.
    pub(crate) open: BTreeMap<Ordinal, OpenJob>,
    /// What ended jobs and fenced attempts used.
    pub(crate) settled: Usage,
    /// `settled` and what open jobs used so far.
    pub(crate) total: Usage,
    /// Open jobs that wait, and until when.
    pub(crate) waiting: BTreeMap<Ordinal, Millis>,
    /// Whether it has a seat in its sweep's ring.
    pub(crate) seated: bool,
    /// Open jobs ready to be granted, with turns already paid for.
    warm: BTreeSet<Ordinal>,
    /// Open jobs ready to be granted, without.
    cold: BTreeSet<Ordinal>,
    /// Open jobs that are leased.
    leased: u64,
    /// No job below this one is opened again and not begun.
    reopened_from: u64,
}

/// What a lane has to grant, the best first: depth before breadth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// An episode under way.
    Warm,
    /// A job begun before, without a turn.
    Cold,
    /// A job that was opened again.
    Reopened,
    /// A job never begun.
    Fresh,
}

/// A job to be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) ordinal: Ordinal,
    /// None: the sweep's.
    pub(crate) generation: Option<Generation>,
    pub(crate) attempt: Attempt,
    pub(crate) turns: TurnIndex,
}

// === impl Lane ===

impl Lane {
    pub(crate) fn new(spec: &LaneSpec) -> Self {
        Self {
            scope: spec.scope.clone(),
            scope_at: 0,
            purses: Vec::new(),
            worst: Spend { micro_usd: Some(0), tokens: 0 },
            next: 0,
            cap: 0,
            stopped: None,
            ledger: Ledger::default(),
            generations: Generations::default(),
            open: BTreeMap::new(),
            settled: Usage::default(),
            total: Usage::default(),
            waiting: BTreeMap::new(),
            seated: false,
            warm: BTreeSet::new(),
            cold: BTreeSet::new(),
            leased: 0,
            reopened_from: 0,
        }
    }

    /// The lane as it was; its open jobs are still to be put in place. What contradicts itself is left out: a snapshot
    /// always has as many codes as `next` asks for, so `next` is never believed beyond them.
    pub(crate) fn restore(spec: &LaneSpec, snapshot: &LaneSnapshot) -> Self {
        let next = snapshot.next.min((snapshot.ended.len() as u64).saturating_mul(2));
        let mut lane = Self::new(spec);
        lane.next = next;
        lane.stopped.clone_from(&snapshot.stopped);
        lane.ledger = Ledger::from_nibbles(&snapshot.ended, next);
        lane.generations = Generations::from_runs(&snapshot.generations);
        lane.settled = snapshot.usage;
        lane.total = snapshot.usage;
        for job in &snapshot.open {
            if job.ordinal.0 < next && lane.ledger.get(job.ordinal.0) == Code::OPEN {
                lane.total.add(&job.usage);
                lane.open.insert(job.ordinal, job.clone());
            }
        }
        lane
    }

    pub(crate) fn snapshot(&self) -> LaneSnapshot {
        let ended = self.ledger.nibbles(self.next);
        debug_assert_eq!(ended.len(), bytes_for(self.next));
        LaneSnapshot {
            next: self.next,
            stopped: self.stopped.clone(),
            ended,
            generations: self.generations.runs(),
            usage: self.settled,
            open: self.open.values().cloned().collect(),
        }
    }

    /// Its jobs: what may be begun, and what was begun before the sweep was made smaller.
    pub(crate) fn jobs(&self) -> u64 {
        self.cap.max(self.next)
    }

    /// Jobs that have ended, counting those that a cancelled sweep will never begin.
    pub(crate) fn ended(&self, cancelled: bool) -> u64 {
        self.ledger.ended() + if cancelled { self.unbegun() } else { 0 }
    }

    /// Whether jobs are out at workers.
    pub(crate) fn has_leases(&self) -> bool {
        self.leased > 0
    }

    /// Whether episodes have begun and not ended, at a worker or not.
    pub(crate) fn is_under_way(&self) -> bool {
        self.leased > 0 || !self.warm.is_empty() || !self.waiting.is_empty()
    }

    /// Jobs that may still be begun for the first time.
    pub(crate) fn unbegun(&self) -> u64 {
        self.cap.saturating_sub(self.next)
    }

    /// Jobs opened again and not begun since.
    fn reopened(&self) -> u64 {
        self.next.saturating_sub(self.ledger.ended() + self.open.len() as u64)
    }

    /// The best that it has to grant.
    pub(crate) fn tier(&self) -> Option<Tier> {
        if self.stopped.is_some() {
            None
        } else if !self.warm.is_empty() {
            Some(Tier::Warm)
        } else if !self.cold.is_empty() {
            Some(Tier::Cold)
        } else if self.reopened() > 0 {
            Some(Tier::Reopened)
        } else if self.unbegun() > 0 {
            Some(Tier::Fresh)
        } else {
            None
        }
    }

    /// The job to grant from a tier.
    pub(crate) fn candidate(&self, tier: Tier) -> Option<Candidate> {
        match tier {
            Tier::Warm => self.again(*self.warm.first()?),
            Tier::Cold => self.again(*self.cold.first()?),
            Tier::Reopened => self.first_reopened().map(Candidate::anew),
            Tier::Fresh => Some(Candidate::anew(self.next)),
        }
    }

    fn again(&self, ordinal: Ordinal) -> Option<Candidate> {
        let job = self.open.get(&ordinal)?;
        Some(Candidate {
            ordinal,
            generation: Some(job.generation),
            attempt: Attempt(job.attempt.0.checked_add(1)?),
            turns: job.turns,
        })
    }

    fn first_reopened(&self) -> Option<u64> {
        let is_open = |ordinal| self.open.contains_key(&Ordinal(ordinal));
        self.ledger.first_open(self.reopened_from, self.next, is_open)
    }

    /// Whether a job is there to be begun in a new generation: never granted but next, or opened again.
    pub(crate) fn may_begin(&self, ordinal: Ordinal) -> bool {
        let reopened = ordinal.0 < self.next
            && !self.open.contains_key(&ordinal)
            && self.ledger.get(ordinal.0) == Code::OPEN;
        ordinal.0 == self.next || reopened
    }

    /// Begins a job for which `may_begin` holds.
    pub(crate) fn begin(&mut self, job: OpenJob) {
        if job.ordinal.0 == self.next {
            self.next = self.next.saturating_add(1);
        } else if self.first_reopened() == Some(job.ordinal.0) {
            self.reopened_from = job.ordinal.0 + 1;
        }
        self.open.insert(job.ordinal, job);
    }

    /// Puts an open job among those of its place.
    pub(crate) fn put(&mut self, ordinal: Ordinal) {
        let Some(job) = self.open.get(&ordinal) else { return };
        match job.place {
            Place::Leased(_) => self.leased += 1,
            Place::Pending => self.make_ready(ordinal),
            Place::Backoff(until) => {
                self.waiting.insert(ordinal, until);
            }
        }
    }

    /// Takes an open job from among those of its place; says until when it waited, if it did.
    pub(crate) fn take(&mut self, ordinal: Ordinal) -> Option<Millis> {
        let job = self.open.get(&ordinal)?;
        if matches!(job.place, Place::Leased(_)) {
            self.leased = self.leased.saturating_sub(1);
            return None;
        }
        let ready = if job.turns == TurnIndex(0) { &mut self.cold } else { &mut self.warm };
        if ready.remove(&ordinal) { None } else { self.waiting.remove(&ordinal) }
    }

    /// Lets a waiting job be granted: its time has come.
    pub(crate) fn wake(&mut self, ordinal: Ordinal) {
        if self.waiting.remove(&ordinal).is_some() {
            self.make_ready(ordinal);
        }
    }

    /// A job whose attempts are used up (four billion: no journal of ours) is never ready, rather than in the way.
    fn make_ready(&mut self, ordinal: Ordinal) {
        let Some(job) = self.open.get(&ordinal).filter(|job| job.attempt < Attempt(u32::MAX)) else { return };
        let ready = if job.turns == TurnIndex(0) { &mut self.cold } else { &mut self.warm };
        ready.insert(ordinal);
    }

    /// Ends an open job, already taken from its place.
    pub(crate) fn end(&mut self, ordinal: Ordinal, outcome: Outcome, usage: &Usage) {
        let Some(job) = self.open.remove(&ordinal) else { return };
        self.ledger.set(ordinal.0, Code::brought_by(job.attempt, outcome));
        self.generations.set(ordinal.0, job.generation);
        self.settled.add(usage);
        self.total.add(&usage.beyond(&job.usage));
    }

    /// Ends all that was begun and has not ended, as cancelled.
    pub(crate) fn cancel(&mut self) {
        for job in std::mem::take(&mut self.open).into_values() {
            let in_vain =
                if matches!(job.place, Place::Leased(_)) { Usage::call_in_vain() } else { Usage::default() };
            self.settled.add(&job.usage);
            self.settled.add(&in_vain);
            self.total.add(&in_vain);
            self.generations.set(job.ordinal.0, job.generation);
        }
        let cancelled =
            |code: Code| if next(code.state(), Event::Cancel).is_some() { Code::CANCELLED } else { code };
        self.ledger.recode(self.next, cancelled);
        self.waiting.clear();
        self.warm.clear();
        self.cold.clear();
        self.leased = 0;
    }

    /// Opens what ended without a result.
    pub(crate) fn reopen(&mut self) {
        let reopened =
            |code: Code| if next(code.state(), Event::Reopen).is_some() { code.reopened() } else { code };
        self.ledger.recode(self.next, reopened);
        self.reopened_from = 0;
    }

    /// How many jobs `reopen` would open.
    pub(crate) fn reopenable(&self, cancelled: bool) -> u64 {
        let ended = [Outcome::Quarantined, Outcome::Cancelled].map(|outcome| self.ledger.count(outcome));
        let unbegun = if cancelled { self.unbegun() } else { 0 };
        self.ledger.failed() + ended.iter().sum::<u64>() + unbegun
    }

    /// Sets what may be begun, by the sweep's size.
    pub(crate) fn resize(&mut self, spec: &SweepSpec, lane: u64) {
        self.cap = own_limit(spec, lane).min(u64::from(spec.variants).saturating_mul(u64::from(spec.seeds)));
    }

    pub(crate) fn counts(&self, cancelled: bool) -> Counts {
        let count = |outcome| self.ledger.count(outcome);
        let never = if cancelled { self.unbegun() } else { 0 };
        let (jobs, backoff) = (self.jobs(), self.waiting.len() as u64);
        Counts {
            jobs,
            pending: jobs.saturating_sub(self.ledger.ended() + never + self.leased + backoff),
            leased: self.leased,
            backoff,
            completed: count(Outcome::Completed),
            limit: count(Outcome::Limit),
            refused: count(Outcome::Refused),
            failed: self.ledger.failed(),
            quarantined: count(Outcome::Quarantined),
            cancelled: count(Outcome::Cancelled) + never,
        }
    }
}

/// A lane's part of its sweep's limit: how many ordinals `o` have `o x lanes + lane < limit`.
fn own_limit(spec: &SweepSpec, lane: u64) -> u64 {
    let Some(limit) = spec.limit else { return u64::MAX };
    limit.saturating_sub(lane).div_ceil((spec.lanes.len() as u64).max(1))
}

// === impl Candidate ===

impl Candidate {
    /// A job in its sweep's present generation, without a past.
    fn anew(ordinal: u64) -> Self {
        Self { ordinal: Ordinal(ordinal), generation: None, attempt: Attempt(1), turns: TurnIndex(0) }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::fact::RetryPolicy;
    use crate::quota::{Budget, Quota};

    fn spec(lanes: usize, seeds: u32, limit: Option<u64>) -> SweepSpec {
        let scope = Scope { account: "a".into(), pool: "p".into() };
        let (quota, budget) = (Quota::default(), Budget::default());
        let lane = LaneSpec { model: "m".into(), scope, quota, budget };
        SweepSpec {
            content: [0; 32],
            project: "p".into(),
            name: "n".into(),
            weight: 1,
            variants: 5,
            seeds,
            limit,
            lanes: vec![lane; lanes],
            retry: RetryPolicy::default(),
            budget,
            document: Bytes::new(),
        }
    }

    #[test]
    fn a_limit_is_a_nested_prefix_of_ordinal_then_lane() {
        for lanes in 1..5u64 {
            for limit in 0..40 {
                let spec = spec(lanes as usize, 100, Some(limit));
                for lane in 0..lanes {
                    let counted = (0..500).filter(|ordinal| ordinal * lanes + lane < limit).count() as u64;
                    assert_eq!(own_limit(&spec, lane), counted, "{limit} over {lanes}, lane {lane}");
                }
            }
        }
    }

    #[test]
    fn the_largest_sizes_saturate() {
        let mut lane = Lane::new(&spec(1, 1, None).lanes[0]);
        let largest =
            SweepSpec { variants: u32::MAX, seeds: u32::MAX, limit: Some(u64::MAX), ..spec(3, 1, None) };
        lane.resize(&largest, 2);
        assert_eq!(lane.cap, u64::MAX / 3);
    }
}
