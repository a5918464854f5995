//! Virtual time: everything that happens is an event in one queue, and what happens next is drawn from the seed.

use std::collections::BTreeMap;

use muster_core::{
    Acked, Control, Core, Effect, FailureClass, Input, LeaseKey, SessionId, SweepState, SweepView, Ticket,
    Usage, WorkerId,
};

use crate::auditor::Auditor;
use crate::climate::{Climate, Dice};
use crate::coordinator::Coordinator;
use crate::provider::Provider;
use crate::users;
use crate::wire::{Down, Item, Link, Up};
use crate::worker::{Episode, Next, Phase, Worker, given_back, is_poison, length_of, outcome_of, turn_after};

/// A sweep must end within this after the last fault: waits of a minute, leases of half a minute, and then the calls.
const PATIENCE_MS: u64 = 3_600_000;
/// A worker's beat.
const BEAT_MS: u64 = 5_000;

#[derive(Debug)]
enum Event {
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
    CallDone {
        worker: usize,
        life: u64,
        lease: LeaseKey,
        call: u64,
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
}

pub(crate) struct World {
    now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    last_event: u64,
    dice: Dice,
    climate: Climate,
    is_calm: bool,
    coordinator: Coordinator,
    workers: Vec<Worker>,
    links: Vec<Link>,
    provider: Provider,
    auditor: Auditor,
    report: Report,
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
        ];
        for (sum, more) in sums {
            *sum += more;
        }
    }
}

// === impl World ===

impl World {
    pub(crate) fn new(seed: u64, climate: Climate) -> Self {
        let worker = |_| Worker { slots: climate.slots, ..Worker::default() };
        Self {
            now: 1_000,
            queue: BTreeMap::new(),
            last_event: 0,
            dice: Dice::new(seed),
            is_calm: false,
            coordinator: Coordinator::new(),
            workers: (0..climate.workers).map(worker).collect(),
            links: Vec::new(),
            provider: Provider::default(),
            auditor: Auditor::default(),
            report: Report::default(),
            climate,
        }
    }

    /// Runs until every sweep has ended and every worker is told, then checks the whole.
    pub(crate) fn run(mut self) -> Report {
        self.set_out();
        let patience = self.climate.faults_until_ms + PATIENCE_MS;
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
                "the sweeps don't end: {:?}, open {:?}",
                self.views(),
                self.auditor.open()
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

    fn later(&mut self, ms: u64, event: Event) {
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
            Event::Boot => {
                let from_snapshot = self.dice.chance(self.climate.snapshot);
                self.coordinator.boot(self.now, from_snapshot, &mut self.dice);
                // A user who got no answer asks again.
                if self.views().is_empty() {
                    let spec = users::spec(&self.climate, 1, self.climate.seeds, None);
                    self.control(Control::Submit { spec, again: true });
                }
            }
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
            Event::CallDone { worker, life, lease, call } => self.call_done(worker, life, lease, call),
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
                    self.coordinator.step(self.now, Input::Gone { session });
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
        let due = self.coordinator.core.as_ref().and_then(Core::next_wakeup).map(|at| at.0.max(self.now));
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
        self.coordinator.step(self.now, Input::Tick);
    }

    fn synced(&mut self, boot: u64) {
        if self.coordinator.boot != boot || self.coordinator.core.is_none() {
            return;
        }
        let (records, after) = self.coordinator.synced(self.climate.forgets_turns);
        records.iter().for_each(|record| self.auditor.durable(record));
        if !self.is_calm && self.dice.chance(self.climate.crash_when_durable / 20.0) {
            return self.crash();
        }
        self.carry_out(after);
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
                // Its sweeps have no quota, and no worker of it asks.
                Effect::Share { .. } | Effect::Deny { .. } | Effect::Govern { .. } => continue,
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
        let torn = self.coordinator.crash(&mut self.dice);
        torn.iter().for_each(|record| self.auditor.durable(record));
        for link in 0..self.links.len() {
            if !self.links[link].is_cut {
                self.links[link].is_cut = true;
                let notices = self.dice.up_to(2_000);
                self.later(notices, Event::WorkerNotices { link });
            }
        }
        let down = 100 + self.dice.up_to(5_000);
        self.later(down, Event::Boot);
    }

    fn control(&mut self, control: Control) {
        self.coordinator.step(self.now, Input::Control(Ticket(1), control));
    }

    /// Resumes, and retries what a user's whim or a wrong key left without a result, until all has ended.
    fn see_to_the_end(&mut self) {
        for view in self.views() {
            match view.state {
                SweepState::Paused | SweepState::Stopped => self.control(Control::Resume(view.id)),
                SweepState::Cancelled if self.dice.chance(0.5) => self.control(Control::Retry(view.id)),
                _ => {}
            }
        }
        self.later(10_000, Event::SeeToTheEnd);
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

    fn send_up(&mut self, worker: usize, message: Up) {
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
        self.workers[worker].link = None;
        let away = if self.is_calm { 1_000 } else { self.climate.away_ms.max(1_000) };
        let (wait, life) = (self.dice.up_to(away), self.workers[worker].life);
        self.later(wait, Event::Connect { worker, life });
    }

    fn arrived(&mut self, link: usize, message: Up) {
        let (session, worker) = (self.links[link].session, self.links[link].worker);
        if self.links[link].is_cut || self.links[link].boot != self.coordinator.boot {
            return;
        }
        let worker = WorkerId(worker as u64);
        let input = match message {
            Up::Hello { held, suspects } => {
                Input::Hello { session, worker, accounts: vec!["account".into()], held, suspects }
            }
            Up::Want(credits) => Input::Want { session, credits },
            Up::Beat => Input::Beat { session },
            Up::Goodbye => Input::Gone { session },
            Up::Item(lease, item) => input_of(session, lease, item),
        };
        self.coordinator.step(self.now, input);
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
                if self.workers[worker].revoke(lease) {
                    self.slot_is_free(worker);
                } else {
                    self.end_if_drained(worker);
                }
            }
            Down::Ack(lease, what) => self.acknowledged(worker, lease, what),
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
        self.links.push(Link { worker, session, boot, is_cut: false, up_at: now, down_at: now });
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
    }

    fn beat(&mut self, worker: usize, life: u64) {
        if self.workers[worker].life == life {
            self.send_up(worker, Up::Beat);
            self.later(BEAT_MS, Event::Beat { worker, life });
        }
    }

    fn say_item(&mut self, worker: usize, lease: LeaseKey, item: Item) {
        self.workers[worker].keep(lease, item);
        self.send_up(worker, Up::Item(lease, item));
    }

    fn granted(&mut self, worker: usize, lease: LeaseKey, turns: Vec<crate::wire::Body>) {
        if self.workers[worker].free_slots() == 0 {
            return self.say_item(worker, lease, given_back());
        }
        let mismatch = !turns.is_empty() && !self.is_calm && self.dice.chance(self.climate.mismatch);
        self.workers[worker].episodes.insert(lease, Episode { transcript: turns, phase: Phase::Restarting });
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
            episode.phase = Phase::Ending;
            return self.say_item(worker, lease, given_back());
        }
        let call = self.provider.call(lease.job);
        episode.phase = Phase::Calling(call);
        let (takes, life) = (self.dice.up_to(self.climate.call_ms), self.workers[worker].life);
        self.later(takes, Event::CallDone { worker, life, lease, call });
    }

    fn call_done(&mut self, worker: usize, life: u64, lease: LeaseKey, call: u64) {
        let fails = !self.is_calm && self.dice.chance(self.climate.call_fails);
        let found = &mut self.workers[worker];
        let episode = found.episodes.get_mut(&lease).filter(|episode| episode.phase == Phase::Calling(call));
        let Some(episode) = episode.filter(|_| found.life == life) else { return };
        if fails {
            episode.phase = Phase::Ending;
            self.provider.refund(lease.job);
            let item = self.failure();
            return self.say_item(worker, lease, item);
        }
        if is_poison(lease.job, self.climate.poison) {
            return self.die(worker, vec![lease.job]);
        }
        let (index, body) = turn_after(&episode.transcript, call);
        episode.transcript.push(body);
        episode.phase = Phase::Storing;
        self.say_item(worker, lease, Item::Turn { index, body });
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
        let live = self.coordinator.core.as_ref().map(Core::snapshot);
        assert_eq!(Some(self.coordinator.rebuilt(&mut self.dice)), live, "a rebuilt core is another one");
        let views = self.views();
        let sum = |field: fn(&Usage) -> u64| views.iter().map(|view| field(&view.usage)).sum::<u64>();
        let (calls, paid_twice) = (sum(|usage| usage.model_calls), sum(|usage| usage.paid_twice));
        assert_eq!(calls, self.auditor.kept_turns, "calls counted are the transcripts' turns");
        let extra_calls = self.provider.paid() - self.auditor.kept_turns;
        let explained = self.auditor.lost_leases + self.auditor.dropped_turns;
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
            ..self.report
        }
    }
}

fn input_of(session: SessionId, lease: LeaseKey, item: Item) -> Input {
    match item {
        Item::Restart => Input::Restart { session, lease },
        Item::Turn { index, body } => {
            let usage = Usage { model_calls: 1, input_tokens: 100, ..Usage::default() };
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
