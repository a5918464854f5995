//! The core: its state, and the way in. Every input goes to the file that is named after it; each of those says what
//! must be recorded, and `apply` alone changes what is journaled.

use std::collections::{BTreeMap, BTreeSet};

use crate::calls::Calls;
use crate::config::CoreConfig;
use crate::effect::{Effect, Effects};
use crate::fact::{Fact, Record};
use crate::ids::{JobKey, Millis, SessionId, SweepId, Term, WorkerId};
use crate::index::Index;
use crate::input::Input;
use crate::pauses::Pauses;
use crate::purse::Purses;
use crate::queue::CallKey;
use crate::quota::Hold;
use crate::recent::RecentEnds;
use crate::scope::{ScopeAt, Scopes};
use crate::snapshot::{DaySnapshot, Snapshot, SweepSnapshot};
use crate::sweep::Sweep;
use crate::unasked::Unasked;
use crate::view::{SweepView, WorkerView};
use crate::worker::{Session, Timers};

/// The scheduler. See the crate's own words for how it is driven.
#[derive(Debug)]
pub struct Core {
    pub(crate) config: CoreConfig,
    // Journaled: the sum of the facts and turns.
    pub(crate) term: Term,
    pub(crate) last_sweep: SweepId,
    pub(crate) sweeps: BTreeMap<SweepId, Sweep>,
    /// Quotas set by hand and days are journaled; the rest of a scope is derived or of this process.
    pub(crate) scopes: Scopes,
    pub(crate) purses: Purses,
    pub(crate) holds: BTreeMap<CallKey, Hold>,
    // Derived from what is journaled.
    pub(crate) index: Index,
    pub(crate) recent: RecentEnds,
    // Of this process alone.
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    /// Sessions with credits left.
    pub(crate) hungry: BTreeSet<SessionId>,
    pub(crate) timers: Timers,
    /// The long ones are journaled.
    pub(crate) pauses: Pauses,
    pub(crate) calls: Calls,
    /// Leases whose calls went unasked when a budget came.
    pub(crate) unasked: Unasked,
    /// When the next day of budgets begins, if something waits for it.
    pub(crate) next_day: Option<Millis>,
    /// When this process first grants a share: those of an earlier one may be used until then.
    pub(crate) shares_from: Millis,
    pub(crate) draining: bool,
}

// === impl Core ===

impl Core {
    /// A core that knows of nothing.
    #[must_use]
    pub fn new(config: CoreConfig) -> Self {
        Self {
            config,
            term: Term(0),
            last_sweep: SweepId(0),
            sweeps: BTreeMap::new(),
            scopes: Scopes::default(),
            purses: Purses::default(),
            holds: BTreeMap::new(),
            index: Index::default(),
            recent: RecentEnds::default(),
            sessions: BTreeMap::new(),
            hungry: BTreeSet::new(),
            timers: Timers::default(),
            pauses: Pauses::default(),
            calls: Calls::default(),
            unasked: Unasked::default(),
            next_day: None,
            shares_from: Millis(0),
            draining: false,
        }
    }

    /// A core as it was. Then come `apply` and `apply_turn` with the records after the snapshot, in order, and `begin`.
    #[must_use]
    pub fn restore(config: CoreConfig, snapshot: &Snapshot) -> Self {
        let mut core = Self::new(config);
        core.term = snapshot.term;
        core.last_sweep = snapshot.last_sweep;
        core.purses = Purses::restore(&snapshot.purses);
        for found in &snapshot.sweeps {
            core.restore_sweep(found);
        }
        core.restore_limits(snapshot);
        core
    }

    fn restore_sweep(&mut self, found: &SweepSnapshot) {
        self.sweeps.insert(found.id, Sweep::restore(found));
        self.bind(found.id);
        let Self { sweeps, index, .. } = self;
        if let Some(sweep) = sweeps.get_mut(&found.id) {
            index.put_all(sweep);
            sweep.seat_all();
            index.seat(sweep);
        }
        self.last_sweep = self.last_sweep.max(found.id);
    }

    fn restore_limits(&mut self, snapshot: &Snapshot) {
        for (scope, quota) in &snapshot.quotas {
            self.apply(&Fact::Retuned { scope: scope.clone(), quota: Some(*quota) });
        }
        for DaySnapshot { scope, day, requests } in &snapshot.days {
            self.apply(&Fact::DayTaken { scope: scope.clone(), day: *day, requests: *requests });
        }
        snapshot.holds.iter().for_each(|hold| self.apply_hold(hold));
        for (scope, until) in &snapshot.silences {
            self.apply(&Fact::Silenced { scope: scope.clone(), until: *until, at: Millis(0) });
        }
        let all: Vec<ScopeAt> = self.scopes.all().map(|(at, _)| at).collect();
        self.restate(all);
    }

    /// All that is journaled, as plain data.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            term: self.term,
            last_sweep: self.last_sweep,
            sweeps: self.sweeps.values().map(Sweep::snapshot).collect(),
            quotas: self.scopes.quotas(),
            purses: self.purses.snapshot(),
            holds: self.holds.values().cloned().collect(),
            days: self.scopes.days(),
            silences: self.pauses.long(),
        }
    }

    /// Begins a term, after recovery and before the first `step`: leases live on with a full new time, and a wait
    /// that a clock set back would make endless is cut to the longest there is.
    pub fn begin(&mut self, now: Millis, effects: &mut Effects) -> Term {
        let term = Term(self.term.0.saturating_add(1));
        self.record(Fact::TermBegan { term }, effects);
        self.index.changed.clear();
        self.index.workers.retain(|_, worker| !worker.leases.is_empty());
        // Who holds places or money and never comes back is given up like one that holds leases.
        for (worker, _) in self.holds.keys() {
            self.index.workers.entry(*worker).or_default();
        }
        self.extend_leases(now);
        self.cut_waits(now.plus(self.config.max_wait_ms));
        self.wake_due(now);
        self.begin_shares(now);
        self.begin_silences(now);
        term
    }

    /// Silences that providers asked an earlier process for go on; what a clock set back would make endless is cut.
    fn begin_silences(&mut self, now: Millis) {
        let latest = now.plus(self.config.max_wait_ms);
        for (scope, until) in self.pauses.long() {
            let until = until.min(latest);
            if until > now {
                self.be_silent(now, &scope, until);
                self.pauses.pause(scope, until, self.config.max_paused_scopes);
            }
        }
    }

    /// Gives every live lease a full new time: nobody's sign of life could be heard, for it was the coordinator that stood
    /// still.
    pub fn extend_leases(&mut self, now: Millis) {
        let deadline = now.plus(self.config.lease_ttl_ms);
        for (id, worker) in &mut self.index.workers {
            self.timers.extend(*id, worker, deadline);
        }
    }

    /// Takes an event. What must be journaled and what is to be done after it are added to `effects`.
    pub fn step(&mut self, now: Millis, input: Input, effects: &mut Effects) {
        self.handle(now, input, effects);
        self.regovern(now, effects);
        self.serve_scopes(now, effects);
        self.serve_hungry(now, effects);
        effects.after.extend(std::mem::take(&mut self.index.changed).into_iter().map(Effect::Changed));
    }

    fn handle(&mut self, now: Millis, input: Input, effects: &mut Effects) {
        match input {
            Input::Control(ticket, control) => {
                let answer = self.control(now, control, effects);
                effects.after.push(Effect::Answer(ticket, answer));
            }
            Input::Hello { session, worker, accounts, held, suspects } => {
                self.hello(now, session, worker, accounts, &held, &suspects, effects);
            }
            Input::Want { session, credits } => self.want(now, session, credits, effects),
            Input::Beat { session } => {
                self.heard(now, session, effects);
            }
            Input::Turn { session, lease, index, usage, body } => {
                if let Some(worker) = self.heard(now, session, effects) {
                    let before = effects.records.len();
                    self.turn((session, worker), lease, index, usage, body, effects);
                    if effects.records.len() > before {
                        self.charge_unasked(now, worker, lease, index, &usage, effects);
                        self.note_turn(now, lease.job);
                    }
                }
            }
            Input::Restart { session, lease } => {
                if let Some(worker) = self.heard(now, session, effects) {
                    self.restart((session, worker), lease, effects);
                }
            }
            Input::Outcome { session, lease, outcome, turns, detail } => {
                if let Some(worker) = self.heard(now, session, effects) {
                    self.ending(now, (session, worker), lease, outcome, turns, detail, effects);
                }
            }
            Input::Failure { session, lease, class, usage, retry_after_ms, message } => {
                if let Some(worker) = self.heard(now, session, effects) {
                    let failure = crate::failure::Failure { class, usage, retry_after_ms, message };
                    self.failure(now, (session, worker), lease, &failure, effects);
                }
            }
            Input::Pause { session, scope, pause_ms } => {
                self.pause_scope(now, session, scope, pause_ms, effects);
            }
            Input::Ask { session, number, calls } => self.ask(now, session, number, &calls, effects),
            Input::Settle { session, calls } => self.settle(now, session, &calls, effects),
            Input::Observe { session, scope, seen } => self.observe(now, session, &scope, &seen, effects),
            Input::Gone { session } => self.gone(session),
            Input::Drain => self.draining = true,
            Input::Tick => self.tick(now, effects),
        }
    }

    /// When `Input::Tick` is due, if ever: a lease's or a wait's time is out. After that tick it is later than now.
    /// A driver that was held up reads its inbox first, so that signs of life that waited there count.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Millis> {
        let wait = self.index.due.first().map(|(at, _)| *at);
        let calls = [self.calls.next(), self.scopes.next_due()];
        [wait, self.timers.next(), self.pauses.next(), self.next_day].into_iter().chain(calls).flatten().min()
    }

    /// All sweeps, by number.
    pub fn sweeps(&self) -> impl Iterator<Item = SweepView> + '_ {
        self.sweeps.values().map(Sweep::view)
    }

    /// One sweep.
    #[must_use]
    pub fn sweep(&self, id: SweepId) -> Option<SweepView> {
        self.sweeps.get(&id).map(Sweep::view)
    }

    /// The workers heard of within the last `lease_ttl_ms`, connected or not.
    pub fn workers(&self) -> impl Iterator<Item = WorkerView> + '_ {
        self.index.workers.iter().map(|(id, worker)| {
            let session = worker.session.and_then(|session| self.sessions.get(&session));
            WorkerView {
                worker: *id,
                session: worker.session,
                leases: worker.leases.len(),
                credits: session.map_or(0, |session| session.credits),
                accounts: session
                    .map(|session| session.accounts.iter().cloned().collect())
                    .unwrap_or_default(),
                deadline: worker.deadline,
            }
        })
    }

    /// Whether it drains and no job is out at a worker.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.draining && self.index.workers.values().all(|worker| worker.leases.is_empty())
    }

    /// Records a fact: applied now, durable before anything that follows from it is done.
    pub(crate) fn record(&mut self, fact: Fact, effects: &mut Effects) {
        self.apply(&fact);
        effects.records.push(Record::Fact(fact));
    }

    /// Time has passed.
    fn tick(&mut self, now: Millis, effects: &mut Effects) {
        self.wake_due(now);
        if self.pauses.end(now) {
            self.index.woken = true;
        }
        self.begin_day(now);
        self.lose_calls(now, effects);
        for worker in self.timers.ring(now, &mut self.index.workers) {
            self.expire(now, worker, effects);
        }
    }

    /// Lets jobs be granted whose wait is over.
    fn wake_due(&mut self, now: Millis) {
        while let Some((at, job)) = self.index.due.first().copied().filter(|(at, _)| *at <= now) {
            self.index.due.remove(&(at, job));
            self.wake(job);
        }
    }

    fn wake(&mut self, job: JobKey) {
        let Some(sweep) = self.sweeps.get_mut(&job.sweep) else { return };
        if let Some(lane) = sweep.lane_mut(job.lane) {
            lane.wake(job.ordinal);
        }
        sweep.seat(job.lane);
        self.index.seat(sweep);
        self.index.woken = true;
        self.index.changed.insert(job.sweep);
    }

    fn cut_waits(&mut self, latest: Millis) {
        let too_late = self.index.due.split_off(&(latest.plus(1), FIRST_JOB));
        for (_, job) in too_late {
            let lane = self.sweeps.get_mut(&job.sweep).and_then(|sweep| sweep.lane_mut(job.lane));
            if let Some(until) = lane.and_then(|lane| lane.waiting.get_mut(&job.ordinal)) {
                *until = latest;
                self.index.due.insert((latest, job));
            }
        }
    }

    /// A call of a job was answered: others of its scope that fail are not alone to blame. In an open scope it is all
    /// that shows how fast it is used.
    fn note_turn(&mut self, now: Millis, job: JobKey) {
        let Some(lane) = self.sweeps.get(&job.sweep).and_then(|sweep| sweep.lane(job.lane)) else { return };
        let (at, shares_from) = (lane.scope_at, self.shares_from);
        let Some(scope) = self.scopes.get_mut(at) else { return };
        scope.note_answer(now, job);
        if !scope.governed {
            scope.limiter_mut(now, shares_from).answered_unasked(now);
        }
    }
}

/// Sorts before every other job.
const FIRST_JOB: JobKey =
    JobKey { sweep: SweepId(0), lane: crate::ids::Lane(0), ordinal: crate::ids::Ordinal(0) };

/// Who speaks: a connection and its worker.
pub(crate) type Speaker = (SessionId, WorkerId);
