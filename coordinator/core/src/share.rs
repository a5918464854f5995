//! Shares: workers ask to send calls, and are granted whole calls as their scopes' quotas and budgets allow.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::calls::{Call, CallState, FRESH_MS, MAX_CALL_MS, MAX_IN_FLIGHT, MAX_WAITING, SHARE_MS};
use crate::core::{Core, Speaker};
use crate::day::Left;
use crate::effect::{Effect, Effects};
use crate::fact::{Fact, Place, Record};
use crate::gauge::{Amounts, amounts};
use crate::ids::{Millis, SessionId, WorkerId};
use crate::lane::Lane;
use crate::purse::{Fit, PurseAt};
use crate::queue::CallKey;
use crate::quota::{CallAsk, CallId, CallSettled, Fate, Hold, Spend};
use crate::scope::ScopeAt;

/// A scope without a rate grants no more at once; the rest a millisecond later. At a microsecond each, a step stays below
/// five milliseconds.
const MOST_AT_ONCE: usize = 4_096;

/// While a rate may rise, the calls that wait for it are looked after at least this often: what it is now says too little of
/// when the next may leave.
const RISES_MS: u64 = 1_000;

/// Of the calls that a budget had no room for, so many are tried again when some is there.
const TRIED_AGAIN: usize = 64;

/// What is to become of the call whose turn it is.
enum Verdict {
    Grant,
    /// Its lease, or its lane, is no more.
    Deny,
    /// Its session has not asked lately.
    Park,
    /// A budget has no room for it now.
    Block(PurseAt),
    /// A budget will never have room for it.
    Stop(PurseAt, Fit),
    /// A block of the provider's day must be taken out first.
    TakeDay {
        day: u32,
        requests: u64,
    },
    /// It waits, at least until then; for a settled call if no moment is named.
    Wait(Option<Millis>),
}

/// What one look after a scope brought.
#[derive(Default)]
struct Batch {
    shares: BTreeMap<SessionId, Vec<CallId>>,
    holds: Vec<Hold>,
    sum: Amounts,
    granted: usize,
}

// === impl Core ===

impl Core {
    /// A worker would like to send calls. All of its that wait already count as asked anew.
    pub(crate) fn ask(
        &mut self,
        now: Millis,
        session: SessionId,
        number: u64,
        asks: &[CallAsk],
        effects: &mut Effects,
    ) {
        let Some(worker) = self.heard(now, session, effects) else { return };
        self.lose_earlier(now, (session, worker), asks, effects);
        self.note_asked(asks);
        self.freshen(now, session, number);
        let mut refused = Vec::new();
        for ask in asks {
            if !self.take_ask(now, (session, worker), ask, effects) {
                refused.push(ask.call);
            }
        }
        if !refused.is_empty() {
            effects.after.push(Effect::Deny { session, calls: refused });
        }
    }

    /// Whether a call waits now, or is under way already.
    fn take_ask(&mut self, now: Millis, speaker: Speaker, ask: &CallAsk, effects: &mut Effects) -> bool {
        let (session, worker) = speaker;
        let key = (worker, ask.call);
        match self.calls.get(&key) {
            Some(known) if known.session == session => return true,
            None if !self.holds.contains_key(&key) => {}
            // It was granted in an earlier session, or by an earlier process, and the worker never heard of it: it still
            // waits there.
            _ => {
                let (fate, spent) = (Fate::Unused, Spend::default());
                let unused = CallSettled { call: ask.call, fate, cost: ask.cost, spent };
                self.settle_all(now, worker, &[unused], effects);
            }
        }
        let waiting = self.sessions.get(&session).map_or(0, |session| session.waiting.len());
        let Some(scope) = self.active_lane(worker, ask).map(|lane| lane.scope_at) else { return false };
        if waiting >= MAX_WAITING {
            return false;
        }
        self.enqueue_new(now, speaker, scope, ask);
        true
    }

    fn enqueue_new(&mut self, now: Millis, (session, worker): Speaker, scope: ScopeAt, ask: &CallAsk) {
        let key = (worker, ask.call);
        let ask = CallAsk { timeout_ms: ask.timeout_ms.clamp(1_000, MAX_CALL_MS), ..*ask };
        let sequence = self.calls.sequence();
        self.calls.insert(key, Call { session, scope, ask, sequence, state: CallState::Parked });
        if let Some(session) = self.sessions.get_mut(&session) {
            session.waiting.insert(ask.call);
        }
        let job = ask.lease.job;
        let sweep = self.sweeps.get_mut(&job.sweep).filter(|sweep| !sweep.is_outdated(&ask.lease));
        if let Some(lane) = sweep.and_then(|sweep| sweep.lane_mut(job.lane)) {
            lane.worst = ask.worst;
        }
        self.index.load.asked(&job);
        let shares_from = self.shares_from;
        if let Some(scope) = self.scopes.get_mut(scope) {
            scope.limiter_mut(now, shares_from).note_cost(&ask.cost);
        }
        self.enqueue(now, key);
    }

    /// Puts a waiting call into its scope's queue.
    pub(crate) fn enqueue(&mut self, now: Millis, key: CallKey) {
        let Some(call) = self.calls.get(&key).copied() else { return };
        if matches!(call.state, CallState::Queued | CallState::Flying(..)) {
            return;
        }
        let sweep = call.ask.lease.job.sweep;
        let weight = self.sweeps.get(&sweep).map_or(1, |sweep| sweep.spec.weight);
        self.calls.set(key, CallState::Queued);
        let shares_from = self.shares_from;
        if let Some(scope) = self.scopes.get_mut(call.scope) {
            let place = (Reverse(call.ask.turn), call.sequence);
            scope.limiter_mut(now, shares_from).queue.push(sweep, weight, place, key);
        }
        self.scopes.touch(call.scope, now);
    }

    /// A waiting call waits no more, whatever becomes of it.
    pub(crate) fn dequeue(&mut self, key: &CallKey) -> Option<Call> {
        let call = self.calls.remove(key)?;
        if let Some(session) = self.sessions.get_mut(&call.session) {
            session.waiting.remove(&key.1);
        }
        if call.state == CallState::Queued
            && let Some(limiter) = self.scopes.get_mut(call.scope).and_then(|scope| scope.known_limiter_mut())
        {
            limiter.queue.remove(call.ask.lease.job.sweep, (Reverse(call.ask.turn), call.sequence));
        }
        Some(call)
    }

    /// A session asked: what it asked for before is as good as new.
    fn freshen(&mut self, now: Millis, session: SessionId, number: u64) {
        let Some(found) = self.sessions.get_mut(&session) else { return };
        found.ask = found.ask.max(number);
        found.asked_at = now;
        let worker = found.worker;
        for call in std::mem::take(&mut found.parked) {
            self.enqueue(now, (worker, call));
        }
    }

    /// The lane of a call's lease, if its worker holds that and calls of it may be sent.
    fn active_lane(&self, worker: WorkerId, ask: &CallAsk) -> Option<&Lane> {
        let sweep = self.sweeps.get(&ask.lease.job.sweep).filter(|sweep| !sweep.cancelled)?;
        let holder = sweep.job_of(ask.lease)?.place;
        let lane = sweep.lane(ask.lease.job.lane)?;
        (holder == Place::Leased(worker) && lane.stopped.is_none()).then_some(lane)
    }

    /// A session's calls that wait are dropped with it; those that were granted go on.
    pub(crate) fn drop_waiting(&mut self, worker: WorkerId, calls: impl IntoIterator<Item = CallId>) {
        for call in calls {
            self.dequeue(&(worker, call));
        }
    }

    /// Looks after the scopes that are due.
    pub(crate) fn serve_scopes(&mut self, now: Millis, effects: &mut Effects) {
        while let Some(at) = self.scopes.pop_due(now) {
            if let Some(next) = self.serve_scope(now, at, effects) {
                self.scopes.touch(at, next.max(now.plus(1)));
            }
        }
    }

    /// Grants what a scope has to grant now; when it is to be looked after again.
    fn serve_scope(&mut self, now: Millis, at: ScopeAt, effects: &mut Effects) -> Option<Millis> {
        let scope = self.scopes.get_mut(at)?;
        let (quota, must_ask) = (scope.quota(), scope.must_ask());
        let limiter = scope.known_limiter_mut()?;
        self.index.load.ease(at);
        if limiter.queue.is_empty() {
            return None;
        }
        let ready = if must_ask { self.shares_from } else { Millis(0) };
        if let Some(until) = limiter.silent_until(now).or(Some(ready)).filter(|until| *until > now) {
            return Some(until.max(ready));
        }
        limiter.look_after(now, &quota);
        let mut batch = Batch::default();
        let next = self.serve_queue(now, at, &mut batch, effects);
        self.hand_out(at, batch, effects);
        let rises =
            self.scopes.get(at).and_then(|scope| scope.limiter()).is_some_and(|limiter| limiter.rises(now));
        next.map(|next| if rises { next.min(now.plus(RISES_MS)) } else { next })
    }

    fn serve_queue(
        &mut self,
        now: Millis,
        at: ScopeAt,
        batch: &mut Batch,
        effects: &mut Effects,
    ) -> Option<Millis> {
        while batch.granted < MOST_AT_ONCE {
            let key = self.scopes.get(at)?.limiter()?.queue.front()?;
            let Some(call) = self.calls.get(&key).copied() else {
                self.queue_of(at)?.drop_front();
                continue;
            };
            match self.judge(now, at, key.0, &call) {
                Verdict::Grant => self.grant_call(now, at, key, &call, batch),
                Verdict::Deny => {
                    self.dequeue(&key);
                    self.deny(call.session, vec![key.1], effects);
                }
                Verdict::Park => self.park(at, key, &call),
                Verdict::Block(purse) => {
                    self.queue_of(at)?.drop_front();
                    self.calls.set(key, CallState::Blocked(purse));
                }
                Verdict::Stop(purse, fit) => self.stop_for_budget(now, &call, purse, fit, effects),
                Verdict::TakeDay { day, requests } => {
                    let scope = self.scopes.get(at)?.name.clone();
                    self.record(Fact::DayTaken { scope, day, requests }, effects);
                }
                Verdict::Wait(until) => return until,
            }
        }
        Some(now.plus(1))
    }

    fn judge(&mut self, now: Millis, at: ScopeAt, worker: WorkerId, call: &Call) -> Verdict {
        let Some(lane) = self.active_lane(worker, &call.ask) else { return Verdict::Deny };
        if self.sessions.get(&call.session).is_none_or(|session| session.asked_at.plus(FRESH_MS) <= now) {
            return Verdict::Park;
        }
        match self.purses.misfit(&lane.purses, &call.ask.worst, 0, now) {
            Some((purse, Fit::Later)) => return Verdict::Block(purse),
            Some((purse, Fit::Tomorrow)) => {
                self.wait_for_day(now, purse);
                return Verdict::Block(purse);
            }
            // Its job goes back, and comes again with the document that may state the price.
            Some((_, Fit::Unpriced)) if self.is_outdated(call) => return Verdict::Deny,
            Some((purse, fit)) => return Verdict::Stop(purse, fit),
            None => {}
        }
        let flying = self.calls.flying();
        let Some(scope) = self.scopes.get_mut(at) else { return Verdict::Deny };
        let quota = scope.quota();
        if quota.concurrency.is_some_and(|most| scope.places >= most as usize) {
            return Verdict::Wait(None);
        }
        if flying >= MAX_IN_FLIGHT {
            return Verdict::Wait(Some(now.plus(SHARE_MS)));
        }
        let left = quota.requests_per_day.map_or(Left::Some, |limit| scope.day.left(&quota, limit, now));
        let Some(limiter) = scope.known_limiter_mut() else { return Verdict::Deny };
        match (limiter.wait_ms(&call.ask.cost), left) {
            (Some(0), Left::Some) => Verdict::Grant,
            (Some(0), Left::Block { day, requests }) => Verdict::TakeDay { day, requests },
            (_, Left::Until(until)) => Verdict::Wait(Some(until)),
            (wait, _) => {
                limiter.is_bound();
                Verdict::Wait(wait.map(|ms| now.plus(ms)))
            }
        }
    }

    /// Whether a call's lease runs by an older document than its sweep has.
    fn is_outdated(&self, call: &Call) -> bool {
        let lease = &call.ask.lease;
        self.sweeps.get(&lease.job.sweep).is_some_and(|sweep| sweep.is_outdated(lease))
    }

    fn grant_call(&mut self, now: Millis, at: ScopeAt, key: CallKey, call: &Call, batch: &mut Batch) {
        let job = call.ask.lease.job;
        let until = now.plus(SHARE_MS + call.ask.timeout_ms);
        let lane = self.sweeps.get(&job.sweep).and_then(|sweep| sweep.lane(job.lane));
        let budgeted = lane.is_some_and(|lane| !lane.purses.is_empty());
        let Some(scope) = self.scopes.get_mut(at) else { return };
        let quota = scope.quota();
        let name = scope.name.clone();
        if quota.requests_per_day.is_some() {
            scope.day.spend();
        }
        if let Some(limiter) = scope.known_limiter_mut() {
            limiter.take(now, &call.ask.cost);
            limiter.queue.grant_front();
        }
        self.calls.set(key, CallState::Flying(now, until));
        if let Some(session) = self.sessions.get_mut(&call.session) {
            session.waiting.remove(&key.1);
        }
        if budgeted || quota.concurrency.is_some() {
            let (worker, id) = key;
            let (lease, worst) = (call.ask.lease, call.ask.worst);
            let hold = Hold { worker, call: id, scope: name, lease, worst, until };
            self.apply_hold(&hold);
            batch.holds.push(hold);
        }
        batch.shares.entry(call.session).or_default().push(key.1);
        for (sum, amount) in batch.sum.iter_mut().zip(amounts(&call.ask.cost)) {
            *sum = sum.saturating_add(amount);
        }
        batch.granted += 1;
    }

    /// Its session has not asked lately: it waits there until it does.
    fn park(&mut self, at: ScopeAt, key: CallKey, call: &Call) {
        if let Some(queue) = self.queue_of(at) {
            queue.drop_front();
        }
        self.calls.set(key, CallState::Parked);
        if let Some(session) = self.sessions.get_mut(&call.session) {
            session.parked.push(key.1);
        }
    }

    fn queue_of(&mut self, at: ScopeAt) -> Option<&mut crate::queue::Queue> {
        self.scopes.get_mut(at)?.known_limiter_mut().map(|limiter| &mut limiter.queue)
    }

    /// Says what was granted. The holds are in the state already, each before the next call was looked at.
    fn hand_out(&mut self, at: ScopeAt, batch: Batch, effects: &mut Effects) {
        if !batch.holds.is_empty() {
            effects.records.push(Record::Fact(Fact::Held { holds: batch.holds }));
        }
        let limiter = self.scopes.get(at).and_then(|scope| scope.limiter());
        let spread_ms = limiter.map_or(0, |limiter| limiter.spread_ms(&batch.sum));
        for (session, calls) in batch.shares {
            let ask = self.sessions.get(&session).map_or(0, |session| session.ask);
            effects.after.push(Effect::Share { session, ask, calls, spread_ms });
        }
    }

    pub(crate) fn deny(&self, session: SessionId, calls: Vec<CallId>, effects: &mut Effects) {
        if !calls.is_empty() {
            effects.after.push(Effect::Deny { session, calls });
        }
    }

    /// Calls ended, sent or not.
    pub(crate) fn settle(
        &mut self,
        now: Millis,
        session: SessionId,
        calls: &[CallSettled],
        effects: &mut Effects,
    ) {
        if let Some(worker) = self.heard(now, session, effects) {
            self.settle_all(now, worker, calls, effects);
        }
    }

    fn settle_all(&mut self, now: Millis, worker: WorkerId, calls: &[CallSettled], effects: &mut Effects) {
        let mut charged = BTreeMap::new();
        for call in calls {
            self.settle_one(now, worker, call);
            if let Some(hold) = self.holds.get(&(worker, call.call)) {
                charged.entry(call.call).or_insert_with(|| charge(&hold.worst, call));
                self.touch_held(now, &(worker, call.call));
            }
        }
        if !charged.is_empty() {
            self.record(Fact::Settled { worker, calls: charged.into_iter().collect(), at: now }, effects);
            self.try_blocked_again(now);
        }
    }

    fn settle_one(&mut self, now: Millis, worker: WorkerId, settled: &CallSettled) {
        let key = (worker, settled.call);
        let Some(call) = self.dequeue(&key) else { return };
        let CallState::Flying(left_at, _) = call.state else { return };
        let Some(scope) = self.scopes.get_mut(call.scope) else { return };
        if settled.fate == Fate::Unused {
            let day = crate::day::day_of(left_at, scope.quota().day_offset_minutes);
            scope.day.give_back(day);
        }
        if let Some(limiter) = scope.known_limiter_mut() {
            limiter.settle(now, left_at, &call.ask.cost, settled);
        }
        if settled.fate == Fate::Limited {
            self.scopes.changed.insert(call.scope);
        }
        self.scopes.touch(call.scope, now);
    }

    /// A budget may have room again: the first calls that wait for it are looked at anew.
    pub(crate) fn try_blocked_again(&mut self, now: Millis) {
        for purse in self.calls.blocking() {
            for key in self.calls.blocked(purse, TRIED_AGAIN) {
                let Some(call) = self.calls.get(&key).copied() else { continue };
                let job = call.ask.lease.job;
                let lane = self.sweeps.get(&job.sweep).and_then(|sweep| sweep.lane(job.lane));
                let places = lane.map_or(&[][..], |lane| &lane.purses);
                let misfit = self.purses.misfit(places, &call.ask.worst, 0, now);
                if matches!(misfit, Some((_, Fit::Later | Fit::Tomorrow))) {
                    break;
                }
                self.enqueue(now, key);
            }
        }
    }
}

/// What a call that ended is charged.
fn charge(worst: &Spend, call: &CallSettled) -> Spend {
    match call.fate {
        Fate::Unused | Fate::Limited | Fate::Failed => Spend { micro_usd: Some(0), tokens: 0 },
        Fate::Answered => {
            Spend { micro_usd: call.spent.micro_usd.or(worst.micro_usd), tokens: call.spent.tokens }
        }
        Fate::Lost => *worst,
    }
}
