//! A fleet in virtual time: workers that ask, send and settle as real ones do, and a provider that counts as real ones
//! do. One thread, one seed, no clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use muster_core::{
    CallAsk, CallId, CallSettled, Control, Core, CoreConfig, Cost, Effect, Effects, Fate, Input, LeaseKey,
    Millis, Record, Scope, SessionId, Spend, SweepSpec, Ticket, TurnIndex, WorkerId,
};

use crate::rig::replay;

/// How often a worker with calls that wait asks anew.
const ASK_AGAIN_US: u64 = 500_000;

/// A share may be used for so long from its ask.
const SHARE_US: u64 = 2_000_000;

const TIMEOUT_MS: u64 = 60_000;

/// What happens when.
enum Event {
    /// The core's own wakeup.
    Wake(u64),
    /// A word of a worker's reaches the coordinator.
    Hear(Input),
    /// A word of the coordinator's reaches a worker.
    Tell(usize, Effect),
    /// A worker sends a request to the provider, if it still may.
    Send(usize, CallId),
    /// A request reaches the provider.
    Arrive(usize, CallId),
    /// Its answer reaches the worker.
    Answer(usize, CallId, bool),
    /// A worker asks anew if calls wait.
    AskAgain(usize, u64),
    /// A user does something.
    User(Control),
    /// The provider's limits change.
    Limit(u64, u64),
    /// A worker dies and another takes its place.
    Kill(usize),
    /// The coordinator dies and starts again from its journal.
    Restart,
}

/// A provider's bucket: one second of the limit; a call larger than it passes when it is full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    per_minute: f64,
    level: f64,
    at_us: u64,
}

/// What the provider did, second by second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Second {
    pub(crate) admitted: u64,
    pub(crate) tokens: u64,
    pub(crate) limited: u64,
}

struct Worker {
    id: WorkerId,
    session: SessionId,
    alive: bool,
    next_call: u64,
    ask_number: u64,
    /// When each ask was sent, by number: the last few.
    asked_us: BTreeMap<u64, u64>,
    silent_until_us: u64,
    waiting: BTreeMap<CallId, CallAsk>,
    /// Granted and not yet sent; good until then.
    granted: BTreeMap<CallId, (CallAsk, u64)>,
    flying: BTreeMap<CallId, CallAsk>,
    asks_again: u64,
}

/// How the fleet is made.
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) workers: usize,
    pub(crate) slots: u32,
    pub(crate) specs: Vec<SweepSpec>,
    /// The provider's true limits: requests and tokens a minute; 0: none.
    pub(crate) limits: (u64, u64),
    /// Tokens of a call.
    pub(crate) tokens: (u64, u64),
    /// How long an answer takes, in milliseconds.
    pub(crate) latency_ms: (u64, u64),
    /// What a call may come to and what it comes to, in millionths of a dollar.
    pub(crate) price: (u64, u64),
    pub(crate) retry_after_ms: u64,
    /// How long a word is on its way between a worker and the coordinator, in microseconds.
    pub(crate) delay_us: (u64, u64),
}

pub(crate) struct Fleet {
    pub(crate) core: Core,
    setup: Setup,
    now_us: u64,
    random: u64,
    sequence: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    payloads: BTreeMap<(u64, u64), Event>,
    workers: Vec<Worker>,
    /// Requests on their way to the provider.
    sent: BTreeMap<CallId, CallAsk>,
    requests: Bucket,
    tokens: Bucket,
    pub(crate) seconds: Vec<Second>,
    /// Calls admitted of each sweep.
    pub(crate) by_sweep: BTreeMap<u64, u64>,
    /// What the provider charged.
    pub(crate) charged: u64,
    /// When calls reached the provider, in microseconds; kept if it is small.
    pub(crate) arrivals: Vec<u64>,
    /// When calls were turned away.
    pub(crate) turned_away: Vec<u64>,
    /// Calls under way at the provider, and the most there ever were.
    under_way: usize,
    pub(crate) most_at_once: usize,
    log: Vec<Record>,
    next_worker: u64,
    woken_at: Option<u64>,
}

impl Bucket {
    fn new(per_minute: u64) -> Self {
        Self { per_minute: per_minute as f64, level: (per_minute as f64 / 60.0).max(1.0), at_us: 0 }
    }

    fn admits(&mut self, now_us: u64, cost: u64) -> bool {
        if self.per_minute == 0.0 {
            return true;
        }
        let capacity = (self.per_minute / 60.0).max(1.0);
        let gained = (now_us - self.at_us) as f64 * self.per_minute / 60e6;
        self.level = (self.level + gained).min(capacity);
        self.at_us = now_us;
        self.level >= (cost as f64).min(capacity)
    }

    fn take(&mut self, cost: u64) {
        if self.per_minute > 0.0 {
            self.level -= cost as f64;
        }
    }
}

pub(crate) fn scope() -> Scope {
    Scope { account: "a0".into(), pool: "pool".into() }
}

impl Fleet {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut fleet = Self {
            core: Core::new(CoreConfig::default()),
            now_us: 1_000_000_000,
            random: setup.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            sequence: 0,
            events: BinaryHeap::new(),
            payloads: BTreeMap::new(),
            workers: Vec::new(),
            sent: BTreeMap::new(),
            requests: Bucket::new(setup.limits.0),
            tokens: Bucket::new(setup.limits.1),
            seconds: Vec::new(),
            by_sweep: BTreeMap::new(),
            charged: 0,
            arrivals: Vec::new(),
            turned_away: Vec::new(),
            under_way: 0,
            most_at_once: 0,
            log: Vec::new(),
            next_worker: 0,
            woken_at: None,
            setup,
        };
        let mut effects = Effects::default();
        fleet.core.begin(fleet.now(), &mut effects);
        fleet.log.append(&mut effects.records);
        for spec in fleet.setup.specs.clone() {
            fleet.step(Input::Control(Ticket(1), Control::Submit { spec: Arc::new(spec), again: true }));
        }
        for index in 0..fleet.setup.workers {
            fleet.join(index);
        }
        fleet
    }

    pub(crate) fn now(&self) -> Millis {
        Millis(self.now_us / 1_000)
    }

    /// Seconds since the start.
    fn second(&self) -> usize {
        ((self.now_us - 1_000_000_000) / 1_000_000) as usize
    }

    fn draw(&mut self, (from, to): (u64, u64)) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        from + self.random % (to - from + 1)
    }

    fn later(&mut self, us: u64, event: Event) {
        let key = (self.now_us + us, self.sequence);
        self.sequence += 1;
        self.events.push(Reverse(key));
        self.payloads.insert(key, event);
    }

    /// Has something happen so many seconds after the start.
    pub(crate) fn at_second(&mut self, second: u64, what: Plan) {
        let event = match what {
            Plan::Limits(requests, tokens) => Event::Limit(requests, tokens),
            Plan::User(control) => Event::User(control),
            Plan::Kill(worker) => Event::Kill(worker),
            Plan::Restart => Event::Restart,
        };
        let at = 1_000_000_000 + second * 1_000_000;
        self.later(at - self.now_us, event);
    }

    /// Runs until so many seconds after the start.
    pub(crate) fn run(&mut self, seconds: u64) {
        let end = 1_000_000_000 + seconds * 1_000_000;
        while let Some(Reverse(key)) = self.events.peek().copied().filter(|Reverse(key)| key.0 <= end) {
            self.events.pop();
            self.now_us = key.0;
            let event = self.payloads.remove(&key).expect("each event has its payload");
            self.happen(event);
        }
        self.now_us = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            // One that was set for a later moment than the next is forgotten.
            Event::Wake(at) if self.woken_at == Some(at) => {
                self.woken_at = None;
                self.step(Input::Tick);
            }
            Event::Wake(_) => {}
            Event::Hear(input) => self.step(input),
            Event::User(control) => self.step(Input::Control(Ticket(1), control)),
            Event::Tell(worker, effect) => self.told(worker, effect),
            Event::Send(worker, call) => self.send(worker, call),
            Event::Arrive(worker, call) => self.arrive(worker, call),
            Event::Answer(worker, call, admitted) => self.answered(worker, call, admitted),
            Event::AskAgain(worker, asks_again) => {
                if self.workers[worker].alive && self.workers[worker].asks_again == asks_again {
                    self.ask(worker, Vec::new());
                }
            }
            Event::Limit(requests, tokens) => {
                self.requests.per_minute = requests as f64;
                self.tokens.per_minute = tokens as f64;
            }
            Event::Kill(worker) => {
                self.workers[worker].alive = false;
                let session = self.workers[worker].session;
                self.step(Input::Gone { session });
                self.join(worker);
            }
            Event::Restart => self.restart(),
        }
    }

    fn restart(&mut self) {
        let mut core = Core::new(CoreConfig::default());
        replay(&mut core, &self.log);
        assert_eq!(core.snapshot(), self.core.snapshot(), "what a restart rebuilds is what ran");
        self.core = Core::restore(CoreConfig::default(), &core.snapshot());
        let mut effects = Effects::default();
        self.core.begin(self.now(), &mut effects);
        self.log.append(&mut effects.records);
        for index in 0..self.workers.len() {
            self.reconnect(index);
        }
    }

    /// A worker that lives on names its leases, asks anew for all that waits, and goes on.
    fn reconnect(&mut self, index: usize) {
        self.next_worker += 1;
        let session = SessionId(self.next_worker);
        let worker = &mut self.workers[index];
        worker.session = session;
        worker.ask_number = 0;
        let (id, waiting) = (worker.id, worker.waiting.values().copied().collect::<Vec<_>>());
        let running = worker.waiting.values().chain(worker.flying.values());
        let running = running.chain(worker.granted.values().map(|(ask, _)| ask));
        let held: Vec<LeaseKey> = running.map(|ask| ask.lease).collect();
        self.step(Input::Hello { session, worker: id, accounts: vec!["a0".into()], held, suspects: vec![] });
        self.ask(index, waiting);
    }

    fn join(&mut self, index: usize) {
        self.next_worker += 1;
        let (id, session) = (WorkerId(self.next_worker), SessionId(self.next_worker));
        let worker = Worker {
            id,
            session,
            alive: true,
            next_call: self.next_worker << 32,
            ask_number: 0,
            asked_us: BTreeMap::new(),
            silent_until_us: 0,
            waiting: BTreeMap::new(),
            granted: BTreeMap::new(),
            flying: BTreeMap::new(),
            asks_again: 0,
        };
        if index == self.workers.len() {
            self.workers.push(worker);
        } else {
            self.workers[index] = worker;
        }
        let credits = self.setup.slots;
        self.step(Input::Hello {
            session,
            worker: id,
            accounts: vec!["a0".into()],
            held: vec![],
            suspects: vec![],
        });
        self.step(Input::Want { session, credits });
    }

    fn step(&mut self, input: Input) {
        let mut effects = Effects::default();
        self.core.step(self.now(), input, &mut effects);
        self.log.append(&mut effects.records);
        for effect in effects.after {
            let session = match &effect {
                Effect::Grant { session, .. }
                | Effect::Share { session, .. }
                | Effect::Deny { session, .. }
                | Effect::Govern { session, .. } => *session,
                _ => continue,
            };
            if let Some(worker) = self.workers.iter().position(|worker| worker.session == session) {
                let delay = self.draw(self.setup.delay_us);
                self.later(delay, Event::Tell(worker, effect));
            }
        }
        if let Some(at) = self.core.next_wakeup() {
            let at = (at.0 * 1_000).max(self.now_us);
            if self.woken_at.is_none_or(|known| at < known) {
                self.woken_at = Some(at);
                let late = self.draw((0, 1_500));
                self.later(at - self.now_us + late, Event::Wake(at));
            }
        }
    }

    fn told(&mut self, index: usize, effect: Effect) {
        let worker = &mut self.workers[index];
        if !worker.alive {
            return;
        }
        match effect {
            Effect::Grant { session, lease, .. } if session == worker.session => {
                self.new_call(index, lease, 0);
            }
            Effect::Share { session, ask, calls, spread_ms } if session == worker.session => {
                let until = worker.asked_us.get(&ask).map_or(0, |at| at + SHARE_US);
                let count = calls.len() as u64;
                for (place, call) in calls.into_iter().enumerate() {
                    let Some(asked) = self.workers[index].waiting.remove(&call) else { continue };
                    self.workers[index].granted.insert(call, (asked, until));
                    self.later(u64::from(spread_ms) * 1_000 * place as u64 / count, Event::Send(index, call));
                }
            }
            Effect::Deny { calls, .. } => {
                for call in calls {
                    worker.waiting.remove(&call);
                }
            }
            Effect::Govern { pause_ms, .. } => {
                worker.silent_until_us = worker.silent_until_us.max(self.now_us + pause_ms * 1_000);
            }
            _ => {}
        }
    }

    fn new_call(&mut self, index: usize, lease: LeaseKey, turn: u32) {
        let tokens = self.draw(self.setup.tokens);
        let worker = &mut self.workers[index];
        worker.next_call += 1;
        let ask = CallAsk {
            call: CallId(worker.next_call),
            lease,
            turn: TurnIndex(turn),
            cost: Cost { tokens, ..Cost::default() },
            worst: Spend { micro_usd: Some(self.setup.price.0), tokens },
            timeout_ms: TIMEOUT_MS,
        };
        self.ask(index, vec![ask]);
    }

    fn ask(&mut self, index: usize, calls: Vec<CallAsk>) {
        let worker = &mut self.workers[index];
        worker.waiting.extend(calls.iter().map(|ask| (ask.call, *ask)));
        if worker.waiting.is_empty() {
            return;
        }
        worker.ask_number += 1;
        let number = worker.ask_number;
        worker.asked_us.insert(number, self.now_us);
        if worker.asked_us.len() > 512 {
            worker.asked_us.pop_first();
        }
        worker.asks_again += 1;
        let (session, asks_again) = (worker.session, worker.asks_again);
        self.later(ASK_AGAIN_US, Event::AskAgain(index, asks_again));
        self.hear(Input::Ask { session, number, calls });
    }

    fn hear(&mut self, input: Input) {
        let delay = self.draw(self.setup.delay_us);
        self.later(delay, Event::Hear(input));
    }

    fn settle(&mut self, index: usize, ask: &CallAsk, fate: Fate) {
        let session = self.workers[index].session;
        let micro_usd = Some(if fate == Fate::Answered { self.setup.price.1 } else { 0 });
        let spent = Spend { micro_usd, tokens: ask.worst.tokens };
        let call = CallSettled { call: ask.call, fate, cost: ask.cost, spent };
        self.hear(Input::Settle { session, calls: vec![call] });
    }

    fn send(&mut self, index: usize, call: CallId) {
        let now_us = self.now_us;
        let worker = &mut self.workers[index];
        let Some((ask, until)) = worker.granted.get(&call).copied().filter(|_| worker.alive) else { return };
        if now_us > until || worker.silent_until_us > until {
            worker.granted.remove(&call);
            self.settle(index, &ask, Fate::Unused);
            return self.new_call(index, ask.lease, ask.turn.0);
        }
        if worker.silent_until_us > now_us {
            let wait = worker.silent_until_us - now_us;
            return self.later(wait, Event::Send(index, call));
        }
        worker.granted.remove(&call);
        worker.flying.insert(call, ask);
        self.sent.insert(call, ask);
        let delay = self.draw((500, 10_000));
        self.later(delay, Event::Arrive(index, call));
    }

    fn arrive(&mut self, index: usize, call: CallId) {
        // A request that left is served and charged even if its worker died.
        let ask = self.sent.remove(&call).expect("it was sent");
        let now = self.now_us;
        let admitted = self.requests.admits(now, 1) & self.tokens.admits(now, ask.cost.tokens);
        let second = self.second();
        self.seconds.resize(self.seconds.len().max(second + 1), Second::default());
        if self.arrivals.len() < 2_000_000 {
            self.arrivals.push(now);
        }
        let seen = &mut self.seconds[second];
        if !admitted {
            seen.limited += 1;
            self.turned_away.push(now);
            let delay = self.draw((1_000, 10_000));
            return self.later(delay, Event::Answer(index, call, false));
        }
        seen.admitted += 1;
        self.under_way += 1;
        self.most_at_once = self.most_at_once.max(self.under_way);
        seen.tokens += ask.cost.tokens;
        self.requests.take(1);
        self.tokens.take(ask.cost.tokens);
        self.charged += self.setup.price.1;
        *self.by_sweep.entry(ask.lease.job.sweep.0).or_default() += 1;
        let latency = self.setup.latency_ms;
        let delay = self.draw((latency.0 * 1_000, latency.1 * 1_000));
        self.later(delay, Event::Answer(index, call, true));
    }

    fn answered(&mut self, index: usize, call: CallId, admitted: bool) {
        self.under_way -= usize::from(admitted);
        let worker = &mut self.workers[index];
        let Some(ask) = worker.flying.remove(&call).filter(|_| worker.alive) else { return };
        self.settle(index, &ask, if admitted { Fate::Answered } else { Fate::Limited });
        if !admitted && self.setup.retry_after_ms > 0 {
            let session = self.workers[index].session;
            self.hear(Input::Pause { session, scope: scope(), pause_ms: self.setup.retry_after_ms });
        }
        self.new_call(index, ask.lease, ask.turn.0 + u32::from(admitted));
    }

    /// What share of a limit was used in these seconds, and what share of all calls was turned away, in thousandths.
    pub(crate) fn used(&self, seconds: std::ops::Range<usize>, limits: (u64, u64)) -> (f64, f64) {
        let count = seconds.len() as f64;
        let seen = &self.seconds[seconds.start..seconds.end.min(self.seconds.len())];
        let sum = |part: fn(&Second) -> u64| seen.iter().map(part).sum::<u64>() as f64;
        let (admitted, tokens, limited) =
            (sum(|second| second.admitted), sum(|second| second.tokens), sum(|second| second.limited));
        let share = |used: f64, limit: u64| if limit == 0 { 0.0 } else { used * 60.0 / count / limit as f64 };
        let used = share(admitted, limits.0).max(share(tokens, limits.1));
        (used * 1_000.0, limited * 1_000.0 / (admitted + limited).max(1.0))
    }
}

/// Something that is to happen.
pub(crate) enum Plan {
    Limits(u64, u64),
    User(Control),
    Kill(usize),
    Restart,
}
