//! Virtual time: everything that happens is an event in one queue, and what happens next is drawn from the seed.

use std::collections::BTreeMap;

use muster_core::{
    Acked, CallAsk, CallId, Control, Core, Effect, Fact, FailureClass, Fate, Input, LeaseKey, Millis,
    Outcome, Record, ReturnCause, SessionId, SweepState, SweepView, Ticket, Usage, WorkerId,
};

use crate::auditor::Auditor;
use crate::bookkeeper::Bookkeeper;
use crate::climate::{Climate, Dice};
use crate::clock::{BEGIN_MS, Clock};
use crate::coordinator::Coordinator;
use crate::plan::{Bill, lane_of};
use crate::provider::Provider;
use crate::users;
use crate::wire::{Down, Item, Link, Up};
use crate::worker::{Episode, Next, Phase, Worker, given_back, is_poison, length_of, outcome_of, turn_after};

/// A sweep must end within this after the last fault: waits of a minute, leases of half a minute, and then the calls.
const PATIENCE_MS: u64 = 3_600_000;
/// A worker's beat.
const BEAT_MS: u64 = 5_000;

/// In calm weather a scope in which calls wait grants one at least so often: the slowest is sixty times slower than its
/// limit by what it learned, and a lost call holds a place until its time is out.
const STARVED_MS: u64 = 300_000;

/// One request on its way to a provider, and back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) worker: usize,
    pub(crate) life: u64,
    pub(crate) lease: LeaseKey,
    /// The provider's number for it.
    pub(crate) call: u64,
    /// What it had leave by, if it needed any.
    pub(crate) asked: Option<CallId>,
    pub(crate) bill: Bill,
}

/// An event of the world's queue.
#[derive(Debug)]
pub(crate) enum Event {
    /// The coordinator's process begins.
    Boot,
    Crash,
    Synced {
        boot: u64,
    },
    Tick {
        boot: u64,
    },
    Snapshot,
    /// A worker's process begins.
    Rise {
        worker: usize,
    },
    Die {
        worker: usize,
    },
    Drain {
        worker: usize,
    },
    Connect {
        worker: usize,
        life: u64,
    },
    Beat {
        worker: usize,
        life: u64,
    },
    /// A rest is over.
    Rested {
        worker: usize,
        life: u64,
        lease: LeaseKey,
        rest: u64,
    },
    /// A worker asks anew if calls wait.
    AskAgain {
        worker: usize,
        link: usize,
    },
    /// A call that has leave is to be sent.
    Leave {
        worker: usize,
        life: u64,
        lease: LeaseKey,
        call: CallId,
        asked_at: u64,
    },
    Reaches(Request),
    CallDone {
        request: Request,
        is_taken: bool,
    },
    Arrived {
        link: usize,
        message: Up,
    },
    Told {
        link: usize,
        message: Down,
    },
    Cut {
        worker: usize,
    },
    WorkerNotices {
        link: usize,
    },
    CoordinatorNotices {
        link: usize,
    },
    Whim,
    /// From now on nothing goes wrong.
    Calm,
    /// A user sees to it that everything can end.
    SeeToTheEnd,
}

/// What became of a seed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Report {
    pub(crate) jobs: u64,
    pub(crate) calls: u64,
    pub(crate) extra_calls: u64,
    pub(crate) paid_twice: u64,
    pub(crate) lost_leases: u64,
    pub(crate) crashes: u64,
    pub(crate) deaths: u64,
    pub(crate) drains: u64,
    pub(crate) cuts: u64,
    pub(crate) fenced: u64,
    pub(crate) reinstated: u64,
    pub(crate) restarted: u64,
    pub(crate) quarantined: u64,
    pub(crate) cancelled: u64,
    pub(crate) failed: u64,
    pub(crate) events: u64,
    pub(crate) granted: u64,
    pub(crate) unused: u64,
    pub(crate) limited: u64,
    pub(crate) pauses: u64,
    pub(crate) denied: u64,
    pub(crate) lost_answers: u64,
    pub(crate) lost_holds: u64,
    pub(crate) stopped: u64,
}

pub(crate) struct World {
    pub(crate) now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    last_event: u64,
    pub(crate) dice: Dice,
    pub(crate) climate: Climate,
    pub(crate) is_calm: bool,
    pub(crate) coordinator: Coordinator,
    pub(crate) workers: Vec<Worker>,
    pub(crate) links: Vec<Link>,
    pub(crate) provider: Provider,
    auditor: Auditor,
    pub(crate) books: Bookkeeper,
    /// What was asked for, as the coordinator heard it.
    asks: BTreeMap<(WorkerId, CallId), CallAsk>,
    pub(crate) report: Report,
}

// === impl Report ===

impl Report {
    pub(crate) fn add(&mut self, other: &Report) {
        let sums = [
            (&mut self.jobs, other.jobs),
            (&mut self.calls, other.calls),
            (&mut self.extra_calls, other.extra_calls),
            (&mut self.paid_twice, other.paid_twice),
            (&mut self.lost_leases, other.lost_leases),
            (&mut self.crashes, other.crashes),
            (&mut self.deaths, other.deaths),
            (&mut self.drains, other.drains),
            (&mut self.cuts, other.cuts),
            (&mut self.fenced, other.fenced),
            (&mut self.reinstated, other.reinstated),
            (&mut self.restarted, other.restarted),
            (&mut self.quarantined, other.quarantined),
            (&mut self.cancelled, other.cancelled),
            (&mut self.failed, other.failed),
            (&mut self.events, other.events),
            (&mut self.granted, other.granted),
            (&mut self.unused, other.unused),
            (&mut self.limited, other.limited),
            (&mut self.pauses, other.pauses),
            (&mut self.denied, other.denied),
            (&mut self.lost_answers, other.lost_answers),
            (&mut self.lost_holds, other.lost_holds),
            (&mut self.stopped, other.stopped),
        ];
        for (sum, more) in sums {
            *sum += more;
        }
    }
}

// === impl World ===

impl World {
    pub(crate) fn new(seed: u64, climate: Climate) -> Self {
        let mut clocks = Dice::new(seed ^ 0xc10c);
        let mut worker = |_| Worker {
            slots: climate.slots,
            clock: Clock::drawn(&climate, &mut clocks),
            ..Worker::default()
        };
        let workers = (0..climate.workers).map(&mut worker).collect();
        Self {
            now: BEGIN_MS,
            queue: BTreeMap::new(),
            last_event: 0,
            dice: Dice::new(seed),
            is_calm: false,
            coordinator: Coordinator::new(),
            workers,
            links: Vec::new(),
            provider: Provider::new(&climate.plans),
            books: Bookkeeper::new(&climate),
            asks: BTreeMap::new(),
            auditor: Auditor::default(),
            report: Report::default(),
            climate,
        }
    }

    /// Runs until every sweep has ended and every worker is told, then checks the whole.
    pub(crate) fn run(mut self) -> Report {
        self.set_out();
        let patience = BEGIN_MS + self.climate.faults_until_ms + PATIENCE_MS;
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.report.events += 1;
            self.handle(event);
            self.attend_coordinator();
            if self.is_calm && self.is_over() {
                return self.audited();
            }
            assert!(
                self.now < patience,
                "the sweeps don't end: {:?}, open {:?}, {:?}",
                self.views(),
                self.auditor.open(),
                self.workers
            );
        }
        panic!("nothing happens any more, and the sweeps have not ended: {:?}", self.views());
    }

    fn set_out(&mut self) {
        self.later(0, Event::Boot);
        for worker in 0..self.workers.len() {
            self.later(0, Event::Rise { worker });
        }
        self.later(self.climate.faults_until_ms, Event::Calm);
        self.later(self.climate.faults_until_ms + 1, Event::SeeToTheEnd);
        self.later(1_500, Event::Snapshot);
        self.next_fault(self.climate.crash_every_ms, |_| Event::Crash);
        self.next_fault(self.climate.user_every_ms, |_| Event::Whim);
        for worker in 0..self.workers.len() {
            self.next_worker_faults(worker);
        }
    }

    fn next_worker_faults(&mut self, worker: usize) {
        self.next_fault(self.climate.death_every_ms, move |_| Event::Die { worker });
        self.next_fault(self.climate.drain_every_ms, move |_| Event::Drain { worker });
        self.next_fault(self.climate.cut_every_ms, move |_| Event::Cut { worker });
    }

    pub(crate) fn later(&mut self, ms: u64, event: Event) {
        self.last_event += 1;
        self.queue.insert((self.now + ms, self.last_event), event);
    }

    fn next_fault(&mut self, every_ms: u64, event: impl FnOnce(&Self) -> Event) {
        if let Some(wait) = self.dice.wait(every_ms) {
            let event = event(self);
            self.later(wait, event);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Boot => self.boot(),
            Event::Crash => {
                self.crash();
                self.next_fault(self.climate.crash_every_ms, |_| Event::Crash);
            }
            Event::Synced { boot } => self.synced(boot),
            Event::Tick { boot } => self.tick(boot),
            Event::Snapshot => {
                self.coordinator.snapshot();
                self.later(1_500, Event::Snapshot);
            }
            Event::Rise { worker } => self.rise(worker),
            Event::Die { worker } => {
                self.die(worker, Vec::new());
                self.next_fault(self.climate.death_every_ms, move |_| Event::Die { worker });
            }
            Event::Drain { worker } => self.drain(worker),
            Event::Connect { worker, life } => self.connect(worker, life),
            Event::Beat { worker, life } => self.beat(worker, life),
            Event::Rested { worker, life, lease, rest } => self.rested(worker, life, lease, rest),
            Event::AskAgain { worker, link } => self.ask_again(worker, link),
            Event::Leave { worker, life, lease, call, asked_at } => {
                self.leave(worker, life, lease, call, asked_at);
            }
            Event::Reaches(request) => self.reaches(request),
            Event::CallDone { request, is_taken } => self.call_done(&request, is_taken),
            Event::Arrived { link, message } => self.arrived(link, message),
            Event::Told { link, message } => self.told(link, message),
            Event::Cut { worker } => {
                if let Some(link) = self.workers[worker].link {
                    self.cut(link);
                }
                self.next_fault(self.climate.cut_every_ms, move |_| Event::Cut { worker });
            }
            Event::WorkerNotices { link } => self.worker_notices(link),
            Event::CoordinatorNotices { link } => {
                let session = self.links[link].session;
                if self.links[link].boot == self.coordinator.boot {
                    self.step(Input::Gone { session });
                }
            }
            Event::Whim => {
                let sweeps = self.views().len() as u64;
                let control = users::whim(&self.climate, &mut self.dice, sweeps);
                self.control(control);
                self.next_fault(self.climate.user_every_ms, |_| Event::Whim);
            }
            Event::Calm => {
                self.is_calm = true;
                self.climate.clear_up();
                let faults = |event: &Event| {
                    matches!(
                        event,
                        Event::Crash
                            | Event::Die { .. }
                            | Event::Drain { .. }
                            | Event::Cut { .. }
                            | Event::Whim
                    )
                };
                self.queue.retain(|_, event| !faults(event));
            }
            Event::SeeToTheEnd => self.see_to_the_end(),
        }
    }

    // --- the coordinator

    fn boot(&mut self) {
        self.books.boots();
        self.coordinator.boot(self.now, &self.climate, &mut self.dice);
        // A user who got no answer asks again.
        for content in self.views().len() as u64..self.climate.sweeps {
            let spec = users::spec(&self.climate, 1 + content as u8, self.climate.seeds, None);
            self.control(Control::Submit { spec, again: true });
        }
    }

    /// An event reaches the core. What it grants counts from this moment, and is said later.
    fn step(&mut self, input: Input) {
        let gathering = &self.coordinator.gathering;
        let (records, before) = (gathering.records.len(), gathering.after.len());
        self.coordinator.step(self.now, input);
        let mut given_up = Vec::new();
        for record in &self.coordinator.gathering.records[records..] {
            let Record::Fact(fact) = record else { continue };
            self.books.recorded(fact);
            if let Fact::Returned { lease, cause: ReturnCause::Expired, .. }
            | Fact::Ended { lease, outcome: Outcome::Quarantined, .. } = fact
            {
                given_up.push(*lease);
            }
        }
        given_up.into_iter().for_each(|lease| self.give_up(lease));
        let shown = self.coordinator.clock.shows(self.now);
        for effect in &self.coordinator.gathering.after[before..] {
            let Effect::Share { session, ask, calls, .. } = effect else { continue };
            let link = &self.links[session.0 as usize];
            let worker = WorkerId(link.worker as u64);
            for call in calls {
                let asked = self.asks[&(worker, *call)];
                let until = shown + 2_000 + asked.timeout_ms;
                let asked_at = link.asks[*ask as usize - 1];
                self.books.granted(self.now, (worker, *call), &asked, asked_at, until);
            }
        }
    }

    /// Lets the coordinator's disk work, and its clock.
    fn attend_coordinator(&mut self) {
        let boot = self.coordinator.boot;
        if self.coordinator.flush() {
            if self.climate.says_before_durable {
                self.say(boot);
            }
            let takes = self.dice.up_to(self.climate.fsync_ms);
            self.later(takes, Event::Synced { boot });
        }
        let clock = self.coordinator.clock;
        let due = self.coordinator.core.as_ref().and_then(Core::next_wakeup);
        let due = due.map(|at| clock.moment(at.0).max(self.now));
        if let Some(due) = due.filter(|due| self.coordinator.tick_at.is_none_or(|at| *due < at)) {
            self.coordinator.tick_at = Some(due);
            self.later(due - self.now, Event::Tick { boot });
        }
    }

    fn tick(&mut self, boot: u64) {
        if self.coordinator.boot != boot || self.coordinator.tick_at.is_none_or(|at| at > self.now) {
            return;
        }
        self.coordinator.tick_at = None;
        self.step(Input::Tick);
    }

    fn synced(&mut self, boot: u64) {
        if self.coordinator.boot != boot || self.coordinator.core.is_none() {
            return;
        }
        let (records, after) = self.coordinator.synced(&self.climate);
        self.durable(&records);
        if !self.is_calm && self.dice.chance(self.climate.crash_when_durable / 20.0) {
            return self.crash();
        }
        self.carry_out(after);
    }

    /// Whoever holds a lease gave no sign of life for its time, and counts as dead: what it has under way, if it is alive
    /// and only cut off, is in nobody's place any more.
    fn give_up(&mut self, lease: LeaseKey) {
        let holders =
            (0..self.workers.len()).filter(|worker| self.workers[*worker].episodes.contains_key(&lease));
        for worker in holders.collect::<Vec<_>>() {
            self.hang_up_all(worker);
        }
    }

    fn durable(&mut self, records: &[Record]) {
        for record in records {
            self.auditor.durable(record);
            if let Record::Fact(fact) = record {
                self.report.stopped += u64::from(matches!(fact, Fact::LaneStopped { .. }));
                self.books.durable(fact);
            }
        }
    }

    fn say(&mut self, boot: u64) {
        if self.coordinator.boot == boot {
            let after = self.coordinator.say_early();
            self.carry_out(after);
        }
    }

    fn carry_out(&mut self, after: Vec<Effect>) {
        for effect in after {
            let (session, message) = match effect {
                Effect::Grant { session, lease, turns } => {
                    self.coordinator.spend_credit(session);
                    let turns = self.auditor.turns(lease.job, turns.0 as usize);
                    (session, Down::Grant { lease, turns })
                }
                Effect::Revoke { session, lease, reason } => (session, Down::Revoke(lease, reason)),
                Effect::Ack { session, lease, what } => {
                    self.auditor.acknowledged(lease, what);
                    (session, Down::Ack(lease, what))
                }
                Effect::Close { session, .. } => (session, Down::Close),
                Effect::Share { session, ask, calls, spread_ms } => {
                    let worker = WorkerId(self.links[session.0 as usize].worker as u64);
                    for call in &calls {
                        let key = (worker, *call);
                        self.books.said(self.asks[&key].lease.job, &key);
                    }
                    (session, Down::Share { ask, calls, spread_ms })
                }
                Effect::Deny { session, calls } => (session, Down::Deny(calls)),
                Effect::Govern { session, scope, governed, pause_ms } => {
                    (session, Down::Govern { scope: lane_of(&scope), governed, pause_ms })
                }
                Effect::Answer(..) | Effect::Changed(_) => continue,
            };
            self.send_down(session, message);
        }
    }

    fn crash(&mut self) {
        if self.coordinator.core.is_none() {
            return;
        }
        self.report.crashes += 1;
        self.compare();
        let torn = self.coordinator.crash(&mut self.dice);
        self.durable(&torn);
        let is_taken_over = self.dice.chance(self.climate.takeover);
        for link in 0..self.links.len() {
            if !self.links[link].is_cut {
                self.links[link].is_cut = !is_taken_over;
                let notices = self.dice.up_to(2_000);
                self.later(notices, Event::WorkerNotices { link });
            }
        }
        let down =
            if is_taken_over { 1 } else { 100 } + self.dice.up_to(if is_taken_over { 300 } else { 5_000 });
        self.later(down, Event::Boot);
    }

    fn control(&mut self, control: Control) {
        self.step(Input::Control(Ticket(1), control));
    }

    /// Resumes, and retries what a user's whim or a wrong key left without a result, until all has ended.
    fn see_to_the_end(&mut self) {
        self.lift_limits();
        self.look_for_starved();
        for view in self.views() {
            match view.state {
                SweepState::Paused | SweepState::Stopped => self.control(Control::Resume(view.id)),
                SweepState::Cancelled if self.dice.chance(0.5) => self.control(Control::Retry(view.id)),
                _ => {}
            }
        }
        self.later(10_000, Event::SeeToTheEnd);
    }

    /// A person has no patience for another day, and finds more money.
    fn lift_limits(&mut self) {
        if self.coordinator.core.is_none() {
            return;
        }
        let views = self.views();
        let is_short = |view: &SweepView| view.lanes.iter().any(|lane| lane.stopped.is_some());
        let lifted = users::lifted(&self.climate, muster_core::SweepId(1));
        if views.iter().any(is_short) && !lifted.is_empty() {
            self.books.budgets_lifted();
            lifted.into_iter().for_each(|control| self.control(control));
        }
        self.books.days_lifted();
        users::long_days(&self.climate).into_iter().for_each(|control| self.control(control));
        for view in views.iter().filter(|view| is_short(view)) {
            self.control(Control::Resume(view.id));
        }
    }

    /// In calm weather every scope in which calls wait grants some now and then.
    fn look_for_starved(&self) {
        let now = Millis(self.coordinator.clock.shows(self.now));
        for view in self.coordinator.core.iter().flat_map(|core| core.scopes(now)) {
            let since = self.books.last_grant(lane_of(&view.scope));
            let calm_since = BEGIN_MS + self.climate.faults_until_ms;
            let is_fed = self.now < since.max(calm_since) + STARVED_MS;
            assert!(
                view.waiting == 0 || is_fed,
                "{view:?} has granted nothing since {since}, now {}",
                self.now
            );
        }
    }

    /// Whether the core's counts are what happened.
    fn compare(&self) {
        let now = Millis(self.coordinator.clock.shows(self.now));
        for view in self.coordinator.core.iter().flat_map(|core| core.scopes(now)) {
            self.books.compare(&view);
        }
    }

    fn views(&self) -> Vec<SweepView> {
        self.coordinator.core.iter().flat_map(Core::sweeps).collect()
    }

    // --- links

    fn send_down(&mut self, session: SessionId, message: Down) {
        let Some(index) = self.links.iter().rposition(|link| link.session == session) else { return };
        let arrives = self.links[index].down_at.max(self.now + self.dice.up_to(self.climate.latency_ms));
        self.links[index].down_at = arrives;
        self.later(arrives - self.now, Event::Told { link: index, message });
    }

    pub(crate) fn send_up(&mut self, worker: usize, message: Up) {
        let Some(index) = self.workers[worker].link else { return };
        let arrives = self.links[index].up_at.max(self.now + self.dice.up_to(self.climate.latency_ms));
        self.links[index].up_at = arrives;
        self.later(arrives - self.now, Event::Arrived { link: index, message });
    }

    fn cut(&mut self, link: usize) {
        self.links[link].is_cut = true;
        self.report.cuts += 1;
        let (worker, coordinator) = (self.dice.up_to(3_000), self.dice.up_to(self.climate.unnoticed_ms));
        self.later(worker, Event::WorkerNotices { link });
        self.later(coordinator, Event::CoordinatorNotices { link });
    }

    fn worker_notices(&mut self, link: usize) {
        let worker = self.links[link].worker;
        if self.workers[worker].link != Some(link) {
            return;
        }
        self.links[link].is_cut = true;
        self.workers[worker].link = None;
        let away = if self.is_calm { 1_000 } else { self.climate.away_ms.max(1_000) };
        let (wait, life) = (self.dice.up_to(away), self.workers[worker].life);
        self.later(wait, Event::Connect { worker, life });
    }

    fn arrived(&mut self, link: usize, message: Up) {
        let (session, worker) = (self.links[link].session, self.links[link].worker);
        if self.links[link].is_cut
            || self.links[link].boot != self.coordinator.boot
            || self.coordinator.core.is_none()
        {
            return;
        }
        let worker = WorkerId(worker as u64);
        self.overhear(link, &message);
        let input = match message {
            Up::Hello { held, suspects } => {
                Input::Hello { session, worker, accounts: vec!["account".into()], held, suspects }
            }
            Up::Want(credits) => Input::Want { session, credits },
            Up::Beat => Input::Beat { session },
            Up::Goodbye => Input::Gone { session },
            Up::Item(lease, item) => input_of(session, lease, item),
            Up::Ask { number, calls } => Input::Ask { session, number, calls },
            Up::Settle(calls) => Input::Settle { session, calls },
            Up::Pause { scope, pause_ms } => {
                Input::Pause { session, scope: crate::plan::scope(scope), pause_ms }
            }
            Up::Observe { scope, seen } => Input::Observe { session, scope: crate::plan::scope(scope), seen },
        };
        self.step(input);
    }

    /// What the coordinator is about to hear.
    fn overhear(&mut self, link: usize, message: &Up) {
        let session = self.links[link].session;
        let worker = WorkerId(self.links[link].worker as u64);
        let shown = self.coordinator.clock.shows(self.now);
        if let Up::Hello { .. } = message {
            self.links[link].heard_at = Some(self.now);
        }
        let mut workers = self.coordinator.core.iter().flat_map(Core::workers);
        if !workers.any(|view| view.session == Some(session)) {
            return;
        }
        match message {
            Up::Ask { calls, .. } => {
                for ask in calls {
                    self.asks.insert((worker, ask.call), *ask);
                    self.books.asked_anew(self.now, (worker, ask.call), shown);
                }
            }
            Up::Settle(calls) => {
                for call in calls {
                    self.books.settled(self.now, worker, call, shown);
                }
            }
            Up::Pause { scope, pause_ms } => {
                let until = self.coordinator.clock.moment(shown + pause_ms);
                self.books.paused(self.now, *scope, until);
            }
            _ => {}
        }
    }

    /// Since when a worker hears all that the coordinator says, if it does.
    pub(crate) fn told_since(&self, worker: usize) -> Option<u64> {
        let link = &self.links[self.workers[worker].link?];
        let is_up = self.coordinator.core.is_some() && link.boot == self.coordinator.boot;
        link.heard_at.filter(|_| is_up && !link.is_cut)
    }

    fn told(&mut self, link: usize, message: Down) {
        let worker = self.links[link].worker;
        if self.links[link].is_cut || self.workers[worker].link != Some(link) {
            return;
        }
        match message {
            Down::Grant { lease, turns } => self.granted(worker, lease, turns),
            Down::Revoke(lease, reason) => {
                self.report.fenced += u64::from(reason == muster_core::RevokeReason::Fenced);
                match self.workers[worker].revoke(lease) {
                    Some(episode) => {
                        self.drop_call(worker, lease, &episode);
                        self.slot_is_free(worker);
                    }
                    None => self.end_if_drained(worker),
                }
            }
            Down::Ack(lease, what) => self.acknowledged(worker, lease, what),
            Down::Share { ask, calls, spread_ms } => self.shared(worker, link, ask, &calls, spread_ms),
            Down::Deny(calls) => self.denied(worker, &calls),
            Down::Govern { scope, governed, pause_ms } => self.govern(worker, scope, governed, pause_ms),
            Down::Close => {
                self.links[link].is_cut = true;
                self.worker_notices(link);
            }
        }
    }

    // --- workers

    fn rise(&mut self, worker: usize) {
        let is_forgetful = !self.is_calm && self.dice.chance(self.climate.forgetful);
        self.workers[worker].rise(is_forgetful);
        let life = self.workers[worker].life;
        self.later(0, Event::Connect { worker, life });
        self.later(BEAT_MS, Event::Beat { worker, life });
    }

    fn die(&mut self, worker: usize, suspects: Vec<muster_core::JobKey>) {
        if !self.workers[worker].is_up {
            return;
        }
        self.report.deaths += 1;
        if let Some(link) = self.workers[worker].link {
            self.links[link].is_cut = true;
            let notices = self.dice.up_to(self.climate.unnoticed_ms);
            self.later(notices, Event::CoordinatorNotices { link });
        }
        self.hang_up_all(worker);
        self.workers[worker].die();
        self.workers[worker].suspects = suspects;
        let down = self.dice.up_to(if self.is_calm { 1_000 } else { self.climate.away_ms.max(1_000) });
        self.later(down, Event::Rise { worker });
    }

    /// A worker is told to end in good order: calls in flight are finished, the rest is given back.
    fn drain(&mut self, worker: usize) {
        self.next_fault(self.climate.drain_every_ms, move |_| Event::Drain { worker });
        if self.workers[worker].is_up && !self.workers[worker].is_draining {
            self.report.drains += 1;
            self.workers[worker].is_draining = true;
            self.give_up_waiting(worker);
            self.end_if_drained(worker);
        }
    }

    fn end_if_drained(&mut self, worker: usize) {
        let found = &self.workers[worker];
        if found.is_draining && found.episodes.is_empty() && found.outbox.is_empty() {
            self.send_up(worker, Up::Goodbye);
            self.workers[worker].die();
            let down = self.dice.up_to(5_000);
            self.later(down, Event::Rise { worker });
        }
    }

    fn connect(&mut self, worker: usize, life: u64) {
        let found = &self.workers[worker];
        if !found.is_up || found.life != life || found.link.is_some() {
            return;
        }
        if !self.coordinator.is_open {
            let wait = 200 + self.dice.up_to(2_000);
            return self.later(wait, Event::Connect { worker, life });
        }
        let session = SessionId(self.links.len() as u64);
        let (boot, now) = (self.coordinator.boot, self.now);
        self.links.push(Link {
            worker,
            session,
            boot,
            is_cut: false,
            up_at: now,
            down_at: now,
            heard_at: None,
            asks: Vec::new(),
        });
        let found = &mut self.workers[worker];
        found.link = Some(session.0 as usize);
        let suspects = std::mem::take(&mut found.suspects);
        let (held, free) = (found.held(), found.free_slots());
        let again: Vec<(LeaseKey, Item)> =
            found.outbox.iter().flat_map(|(lease, items)| items.iter().map(|item| (*lease, *item))).collect();
        let is_draining = found.is_draining;
        self.send_up(worker, Up::Hello { held, suspects });
        for (lease, item) in again {
            self.send_up(worker, Up::Item(lease, item));
        }
        if free > 0 && !is_draining {
            self.send_up(worker, Up::Want(free));
        }
        self.say_shares(worker);
    }

    fn beat(&mut self, worker: usize, life: u64) {
        if self.workers[worker].life == life {
            self.send_up(worker, Up::Beat);
            self.later(BEAT_MS, Event::Beat { worker, life });
        }
    }

    pub(crate) fn say_item(&mut self, worker: usize, lease: LeaseKey, item: Item) {
        self.workers[worker].keep(lease, item);
        self.send_up(worker, Up::Item(lease, item));
    }

    fn granted(&mut self, worker: usize, lease: LeaseKey, turns: Vec<crate::wire::Body>) {
        if self.workers[worker].free_slots() == 0 {
            return self.say_item(worker, lease, given_back());
        }
        let mismatch = !turns.is_empty() && !self.is_calm && self.dice.chance(self.climate.mismatch);
        self.workers[worker].episodes.insert(lease, Episode::new(turns));
        if mismatch {
            self.say_item(worker, lease, Item::Restart);
        } else {
            self.go_on(worker, lease);
        }
    }

    /// The episode's next call, or its end.
    fn go_on(&mut self, worker: usize, lease: LeaseKey) {
        let is_draining = self.workers[worker].is_draining;
        let Some(episode) = self.workers[worker].episodes.get_mut(&lease) else { return };
        let turns = episode.transcript.len() as u32;
        if turns >= length_of(lease.job, self.climate.turns) {
            episode.phase = Phase::Ending;
            let (outcome, turns) = (outcome_of(lease.job), muster_core::TurnIndex(turns));
            return self.say_item(worker, lease, Item::Outcome { outcome, turns });
        }
        if is_draining {
            return self.fail(worker, lease, given_back());
        }
        self.begin_call(worker, lease);
    }

    fn call_done(&mut self, request: &Request, is_taken: bool) {
        let Request { worker, life, lease, call, .. } = *request;
        self.provider.done(lease.job.lane.0 as usize, call);
        let found = &mut self.workers[worker];
        let episode = found.episodes.get(&lease).filter(|episode| episode.phase == Phase::Calling(call));
        if episode.is_none() || found.life != life {
            return;
        }
        if !is_taken {
            return self.turned_away(request);
        }
        if !self.is_calm && self.dice.chance(self.climate.call_fails) {
            self.provider.refund(lease.job);
            self.refund(request);
            self.settle(worker, request.asked, Fate::Failed, request.bill);
            let item = self.failure();
            return self.fail(worker, lease, item);
        }
        if is_poison(lease.job, self.climate.poison) {
            return self.die(worker, vec![lease.job]);
        }
        if !self.is_calm && self.dice.chance(self.climate.answer_lost) {
            return self.answer_is_lost(request);
        }
        self.settle(worker, request.asked, Fate::Answered, request.bill);
        self.look_at_headers(worker, lease);
        let Some(episode) = self.workers[worker].episodes.get_mut(&lease) else { return };
        let (index, body) = turn_after(&episode.transcript, call);
        episode.transcript.push(body);
        episode.phase = Phase::Storing;
        let in_vain = std::mem::take(&mut episode.in_vain);
        self.say_item(worker, lease, Item::Turn { index, body, in_vain });
    }

    /// The attempt ends with a failure, and the calls before it whose answers were lost.
    pub(crate) fn fail(&mut self, worker: usize, lease: LeaseKey, item: Item) {
        let Some(episode) = self.workers[worker].episodes.get_mut(&lease) else { return };
        episode.phase = Phase::Ending;
        let in_vain = std::mem::take(&mut episode.in_vain);
        let item = match item {
            Item::Failure { class, usage } => {
                Item::Failure { class, usage: Usage { paid_twice: usage.paid_twice + in_vain, ..usage } }
            }
            item => item,
        };
        self.say_item(worker, lease, item);
    }

    fn failure(&mut self) -> Item {
        let class = match self.dice.up_to(19) {
            0..=9 => FailureClass::Transient,
            10..=14 => FailureClass::RateLimited,
            15..=17 => FailureClass::Overloaded,
            18 => FailureClass::BadRequest,
            _ => FailureClass::Config,
        };
        Item::Failure { class, usage: Usage { retries: 3, ..Usage::default() } }
    }

    fn acknowledged(&mut self, worker: usize, lease: LeaseKey, what: Acked) {
        let (next, outcome) = self.workers[worker].acknowledge(lease, what);
        if let Some(outcome) = outcome {
            self.auditor.outcome_acknowledged(lease, outcome);
        }
        match next {
            Next::Call => self.go_on(worker, lease),
            Next::Free => self.slot_is_free(worker),
            Next::Wait => self.end_if_drained(worker),
        }
    }

    fn slot_is_free(&mut self, worker: usize) {
        if self.workers[worker].is_draining {
            self.end_if_drained(worker);
        } else {
            self.send_up(worker, Up::Want(1));
        }
    }

    // --- the end

    fn is_over(&self) -> bool {
        let ended = |view: &SweepView| matches!(view.state, SweepState::Finished | SweepState::Cancelled);
        let views = self.views();
        let told = |worker: &Worker| worker.is_up && worker.outbox.is_empty() && worker.episodes.is_empty();
        self.coordinator.is_idle()
            && !views.is_empty()
            && views.iter().all(ended)
            && self.workers.iter().all(told)
    }

    fn audited(mut self) -> Report {
        assert_eq!(self.auditor.open(), vec![], "jobs without an outcome");
        self.compare();
        let live = self.coordinator.core.as_ref().map(Core::snapshot);
        assert_eq!(Some(self.coordinator.rebuilt(&mut self.dice)), live, "a rebuilt core is another one");
        let views = self.views();
        let sum = |field: fn(&Usage) -> u64| views.iter().map(|view| field(&view.usage)).sum::<u64>();
        let (calls, paid_twice) = (sum(|usage| usage.model_calls), sum(|usage| usage.paid_twice));
        assert_eq!(calls, self.auditor.kept_turns, "calls counted are the transcripts' turns");
        let extra_calls = self.provider.paid() - self.auditor.kept_turns;
        // A worker that dies, or is fenced, may not live to say of a lost answer.
        let lost_answers = self.report.lost_answers;
        let explained = self.auditor.lost_leases + self.auditor.dropped_turns + lost_answers;
        let paid_twice = paid_twice + lost_answers;
        assert!(extra_calls <= paid_twice, "{extra_calls} calls were repeated, {paid_twice} are admitted");
        assert!(extra_calls <= explained, "{extra_calls} calls were repeated, {explained} are explained");
        Report {
            jobs: views.iter().map(|view| view.counts.jobs).sum(),
            calls: self.provider.paid(),
            extra_calls,
            paid_twice,
            lost_leases: self.auditor.lost_leases,
            reinstated: self.auditor.reinstated,
            restarted: self.auditor.restarted,
            quarantined: self.auditor.quarantined,
            cancelled: self.auditor.cancelled,
            failed: self.auditor.failed_for_good(),
            granted: self.books.granted,
            unused: self.books.unused,
            limited: self.provider.limited,
            pauses: self.books.pauses,
            lost_holds: self.books.lost_holds,
            ..self.report
        }
    }
}

fn input_of(session: SessionId, lease: LeaseKey, item: Item) -> Input {
    match item {
        Item::Restart => Input::Restart { session, lease },
        Item::Turn { index, body, in_vain } => {
            let usage = Usage { model_calls: 1, paid_twice: in_vain, input_tokens: 100, ..Usage::default() };
            Input::Turn { session, lease, index, usage, body: body.encode() }
        }
        Item::Outcome { outcome, turns } => {
            Input::Outcome { session, lease, outcome, turns, detail: bytes::Bytes::new() }
        }
        Item::Failure { class, usage } => {
            Input::Failure { session, lease, class, usage, retry_after_ms: 0, message: "simulated".into() }
        }
    }
}
