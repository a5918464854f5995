//! Calls in the world: a worker keeps silent, asks for leave, sends, is answered or turned away, and settles.

use muster_core::{
    CallAsk, CallId, CallSettled, Cost, FailureClass, Fate, LeaseKey, Quota, Spend, TurnIndex, Usage,
    WorkerId,
};

use crate::plan::Bill;
use crate::shares::ASK_AGAIN_MS;
use crate::wire::{Item, Up};
use crate::worker::{Episode, Phase, given_back};
use crate::world::{Event, Request, World};

// === impl World ===

impl World {
    /// An episode's next try: at once, after a silence, or once there is leave.
    pub(crate) fn begin_call(&mut self, worker: usize, lease: LeaseKey) {
        let scope = lease.job.lane.0 as usize;
        let found = &self.workers[worker];
        let standing = found.shares.scopes.get(&scope).copied().unwrap_or_default();
        if standing.silent_until > found.clock.shows(self.now) {
            let spread = if standing.is_governed { 0 } else { self.dice.up_to(1_000) };
            let ends = found.clock.moment(standing.silent_until);
            return self.rest(worker, lease, ends - self.now + spread);
        }
        let bill = Bill::drawn(&mut self.dice);
        let Some(episode) = self.workers[worker].episodes.get_mut(&lease) else { return };
        (episode.bill, episode.asked) = (bill, None);
        if standing.is_governed {
            self.ask(worker, lease, bill);
        } else {
            self.send(worker, lease, None);
        }
    }

    fn rest(&mut self, worker: usize, lease: LeaseKey, ms: u64) {
        let (rest, life) = (self.provider.number(), self.workers[worker].life);
        let Some(episode) = self.workers[worker].episodes.get_mut(&lease) else { return };
        episode.phase = Phase::Resting(rest);
        self.later(ms, Event::Rested { worker, life, lease, rest });
    }

    pub(crate) fn rested(&mut self, worker: usize, life: u64, lease: LeaseKey, rest: u64) {
        let found = &self.workers[worker];
        let episode = found.episodes.get(&lease).filter(|episode| episode.phase == Phase::Resting(rest));
        if episode.is_some() && found.life == life {
            self.begin_call(worker, lease);
        }
    }

    fn ask(&mut self, worker: usize, lease: LeaseKey, bill: Bill) {
        let slack = 1_000 + self.climate.skew_ms + self.climate.reach_ms;
        let timeout_ms = self.climate.call_ms + slack;
        let found = &mut self.workers[worker];
        let call = found.shares.next_call();
        let Some(episode) = found.episodes.get_mut(&lease) else { return };
        episode.phase = Phase::Asking(call);
        let turn = TurnIndex(episode.transcript.len() as u32);
        let ask = CallAsk { call, lease, turn, cost: bill.cost, worst: bill.worst, timeout_ms };
        found.shares.waiting.insert(call, ask);
        self.say_ask(worker, vec![ask]);
    }

    /// Says an ask, if there is anybody to hear it.
    fn say_ask(&mut self, worker: usize, calls: Vec<CallAsk>) {
        let Some(link) = self.workers[worker].link else { return };
        let local = self.workers[worker].clock.shows(self.now);
        let number = self.workers[worker].shares.ask(local);
        self.links[link].asks.push(self.now);
        self.send_up(worker, Up::Ask { number, calls });
    }

    pub(crate) fn ask_again(&mut self, worker: usize, link: usize) {
        if self.workers[worker].link != Some(link) {
            return;
        }
        if !self.workers[worker].shares.waiting.is_empty() {
            self.say_ask(worker, Vec::new());
        }
        let local = self.workers[worker].clock.shows(self.now);
        let again = self.workers[worker].clock.moment(local + ASK_AGAIN_MS);
        self.later(again - self.now, Event::AskAgain { worker, link });
    }

    /// A session begins: what was settled lately is settled again, and what waits is asked for anew.
    pub(crate) fn say_shares(&mut self, worker: usize) {
        let Some(link) = self.workers[worker].link else { return };
        let local = self.workers[worker].clock.shows(self.now);
        let (settled, waiting) = self.workers[worker].shares.connected(local);
        if !settled.is_empty() {
            self.send_up(worker, Up::Settle(settled));
        }
        if !waiting.is_empty() {
            self.say_ask(worker, waiting);
        }
        self.ask_again(worker, link);
    }

    pub(crate) fn govern(&mut self, worker: usize, scope: usize, governed: bool, pause_ms: u64) {
        let found = &mut self.workers[worker];
        found.shares.scopes.entry(scope).or_default().is_governed = governed;
        let until = found.clock.shows(self.now) + pause_ms;
        found.shares.silence(scope, until);
    }

    /// Shares came: each may be used from a moment on, and for two seconds from the ask, by this worker's clock.
    pub(crate) fn shared(&mut self, worker: usize, link: usize, ask: u64, calls: &[CallId], spread_ms: u32) {
        let found = &self.workers[worker];
        let life_ms = self.climate.share_life_ms;
        let until = found.shares.asked_at(ask).map_or(0, |at| at + life_ms);
        let asked_at = self.links[link].asks.get(ask as usize - 1).copied().unwrap_or_default();
        for (place, call) in calls.iter().enumerate() {
            let found = &mut self.workers[worker];
            let waiting = found.shares.waiting.remove(call);
            let episode = waiting.as_ref().and_then(|ask| found.episodes.get_mut(&ask.lease));
            let episode = episode.filter(|episode| episode.phase == Phase::Asking(*call));
            let (Some(episode), Some(ask)) = (episode, waiting) else {
                self.settle(worker, Some(*call), Fate::Unused, Bill::default());
                continue;
            };
            episode.phase = Phase::Leaving(*call, until);
            let life = found.life;
            let from = u64::from(spread_ms) * place as u64 / calls.len() as u64;
            let dawdles = self.dice.up_to(self.climate.dawdle_ms);
            let event = Event::Leave { worker, life, lease: ask.lease, call: *call, asked_at };
            self.later(from + dawdles, event);
        }
    }

    pub(crate) fn leave(&mut self, worker: usize, life: u64, lease: LeaseKey, call: CallId, asked_at: u64) {
        let found = &self.workers[worker];
        let Some(episode) = found.episodes.get(&lease).filter(|_| found.life == life) else { return };
        let Phase::Leaving(which, until) = episode.phase else { return };
        if which != call {
            return;
        }
        let (local, scope) = (found.clock.shows(self.now), lease.job.lane.0 as usize);
        let silent_until = found.shares.scopes.get(&scope).map_or(0, |standing| standing.silent_until);
        if local >= until || silent_until > local {
            self.settle(worker, Some(call), Fate::Unused, Bill::default());
            return self.begin_call(worker, lease);
        }
        self.send(worker, lease, Some((call, asked_at)));
    }

    fn send(&mut self, worker: usize, lease: LeaseKey, asked: Option<(CallId, u64)>) {
        let (call, life) = (self.provider.number(), self.workers[worker].life);
        let (told_since, scope) = (self.told_since(worker), lease.job.lane.0 as usize);
        let way_ms = 2 * self.climate.fsync_ms + self.climate.latency_ms;
        let named = asked.map(|(call, at)| ((WorkerId(worker as u64), call), at));
        self.books.sent(self.now, scope, named, told_since, way_ms);
        let Some(episode) = self.workers[worker].episodes.get_mut(&lease) else { return };
        (episode.phase, episode.asked) = (Phase::Calling(call), asked.map(|(call, _)| call));
        let request = Request { worker, life, lease, call, asked: episode.asked, bill: episode.bill };
        let reach = self.dice.up_to(self.climate.reach_ms);
        self.later(reach, Event::Reaches(request));
    }

    /// A request reaches the provider: it is served, and charged, even if its worker is dead by now.
    pub(crate) fn reaches(&mut self, request: Request) {
        let (job, is_asked) = (request.lease.job, request.asked.is_some());
        let scope = job.lane.0 as usize;
        let is_taken = self.provider.arrives(self.now, request.call, is_asked, job, &request.bill);
        self.books.arrived(self.now, scope, is_asked, self.provider.at_work(scope));
        if is_taken {
            self.books.billed(job, key(&request), &request.bill);
        }
        let takes = self.dice.up_to(if is_taken { self.climate.call_ms } else { 20 });
        self.later(takes, Event::CallDone { request, is_taken });
    }

    /// The provider says "too many": its worker settles, keeps the silence that is asked for, and tells of it.
    pub(crate) fn turned_away(&mut self, request: &Request) {
        let Request { worker, lease, .. } = *request;
        let scope = lease.job.lane.0 as usize;
        self.settle(worker, request.asked, Fate::Limited, Bill::default());
        let pause_ms = self.climate.plans[scope].retry_after_ms;
        if pause_ms > 0 || request.asked.is_none() {
            let found = &mut self.workers[worker];
            let until = found.clock.shows(self.now) + pause_ms;
            found.shares.silence(scope, until);
            self.send_up(worker, Up::Pause { scope, pause_ms });
        }
        if !self.is_calm && self.dice.chance(0.1) {
            let usage = Usage { rate_limited: 1, ..Usage::default() };
            return self.fail(worker, lease, Item::Failure { class: FailureClass::RateLimited, usage });
        }
        let backoff = pause_ms.max(500 + self.dice.up_to(2_000));
        self.try_again(worker, lease, backoff);
    }

    /// The provider answered, and charged for it, and nobody will ever read it: its worker tries again.
    pub(crate) fn answer_is_lost(&mut self, request: &Request) {
        let Request { worker, lease, asked, bill, .. } = *request;
        self.report.lost_answers += 1;
        self.settle(worker, asked, Fate::Lost, bill);
        if let Some(episode) = self.workers[worker].episodes.get_mut(&lease) {
            episode.in_vain += 1;
        }
        self.try_again(worker, lease, 500);
    }

    fn try_again(&mut self, worker: usize, lease: LeaseKey, ms: u64) {
        if self.workers[worker].is_draining {
            return self.fail(worker, lease, given_back());
        }
        self.rest(worker, lease, ms);
    }

    pub(crate) fn refund(&mut self, request: &Request) {
        self.books.refunded(request.lease.job, key(request), &request.bill);
    }

    pub(crate) fn look_at_headers(&mut self, worker: usize, lease: LeaseKey) {
        let scope = lease.job.lane.0 as usize;
        if self.dice.chance(self.climate.headers / 20.0) {
            let seen =
                Quota { requests_per_minute: Some(300 + self.dice.up_to(3_000) as u32), ..Quota::default() };
            self.send_up(worker, Up::Observe { scope, seen });
        }
    }

    /// A worker says what became of a call that it had asked for, now or when it is connected again.
    pub(crate) fn settle(&mut self, worker: usize, asked: Option<CallId>, fate: Fate, bill: Bill) {
        let Some(call) = asked else { return };
        let (cost, spent) = match fate {
            Fate::Answered => (bill.used, bill.spent),
            _ => (Cost::default(), Spend::default()),
        };
        let settled = CallSettled { call, fate, cost, spent };
        let local = self.workers[worker].clock.shows(self.now);
        self.workers[worker].shares.settle(local, settled);
        self.send_up(worker, Up::Settle(vec![settled]));
    }

    /// These calls will not be granted: their jobs are given back.
    pub(crate) fn denied(&mut self, worker: usize, calls: &[CallId]) {
        for call in calls {
            let found = &mut self.workers[worker];
            let Some(ask) = found.shares.waiting.remove(call) else { continue };
            let episode = found.episodes.get(&ask.lease);
            if episode.is_some_and(|episode| episode.phase == Phase::Asking(*call)) {
                self.report.denied += 1;
                let (class, usage) = (FailureClass::RateLimited, Usage::default());
                self.fail(worker, ask.lease, Item::Failure { class, usage });
            }
        }
    }

    /// An episode is gone: what it waited for is given back, what it had sent is lost.
    pub(crate) fn drop_call(&mut self, worker: usize, lease: LeaseKey, episode: &Episode) {
        match episode.phase {
            Phase::Asking(call) | Phase::Leaving(call, _) => {
                self.settle(worker, Some(call), Fate::Unused, Bill::default());
            }
            Phase::Calling(number) => {
                self.provider.hangs_up(lease.job.lane.0 as usize, number);
                self.settle(worker, episode.asked, Fate::Lost, episode.bill);
            }
            _ => {}
        }
    }

    /// A process dies, and its connections with it.
    pub(crate) fn hang_up_all(&mut self, worker: usize) {
        for (lease, episode) in &self.workers[worker].episodes {
            if let Phase::Calling(number) = episode.phase {
                self.provider.hangs_up(lease.job.lane.0 as usize, number);
            }
        }
    }

    /// A worker that drains begins no call: what waits is given back.
    pub(crate) fn give_up_waiting(&mut self, worker: usize) {
        let waits = |phase: Phase| matches!(phase, Phase::Asking(_) | Phase::Leaving(..) | Phase::Resting(_));
        let all = self.workers[worker].episodes.iter().filter(|(_, episode)| waits(episode.phase));
        let all: Vec<(LeaseKey, Phase)> = all.map(|(lease, episode)| (*lease, episode.phase)).collect();
        for (lease, phase) in all {
            if let Phase::Asking(call) | Phase::Leaving(call, _) = phase {
                self.settle(worker, Some(call), Fate::Unused, Bill::default());
            }
            self.fail(worker, lease, given_back());
        }
    }
}

/// The coordinator's name for a request, if it has one.
fn key(request: &Request) -> Option<(WorkerId, CallId)> {
    request.asked.map(|call| (WorkerId(request.worker as u64), call))
}
