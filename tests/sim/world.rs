//! Virtual time: everything that happens is an event in one queue, and what happens next is drawn from the seed.

mod fleet;
mod hub;
mod line;
mod report;

use std::collections::BTreeMap;

use muster_core::{CallAsk, CallId, Core, Input, LeaseKey, SweepState, SweepView, Usage, WorkerId};

use crate::auditor::Auditor;
use crate::bookkeeper::Bookkeeper;
use crate::climate::{Climate, Dice};
use crate::clock::{BEGIN_MS, Clock};
use crate::coordinator::Coordinator;
use crate::plan::Bill;
use crate::provider::Provider;
use crate::users;
use crate::wire::{Down, Link, Up};
use crate::worker::Worker;
pub(crate) use report::Report;

/// A sweep must end within this after the last fault: waits of a minute, leases of half a minute, and then the calls.
const PATIENCE_MS: u64 = 3_600_000;

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
