//! Budgets at work: what holds them, what they stop, and how they are set.

use std::sync::Arc;

use crate::calls::{Call, CallState};
use crate::core::Core;
use crate::day::next_day;
use crate::effect::{Answer, Effects, Refusal};
use crate::fact::{Fact, Scope, SweepSpec};
use crate::ids::{Lane as LaneId, Millis, SweepId, WorkerId};
use crate::purse::{Fit, PurseAt, PurseState};
use crate::queue::CallKey;
use crate::quota::{Budget, CallId, Hold, Purse, Quota, Span, Spend};
use crate::usage::Usage;
use crate::view::PurseView;

/// Budgets set by hand, or quotas: far more than anybody will type; below 1 MB.
const MAX_BY_HAND: usize = 4_096;

// === impl Core ===

impl Core {
    /// Sets a scope's quota, or leaves it to the sweeps again.
    pub(crate) fn retune(
        &mut self,
        scope: &Scope,
        quota: Option<Quota>,
        effects: &mut Effects,
    ) -> Result<Answer, Refusal> {
        let known = self.scopes.find(scope).and_then(|at| self.scopes.get(at)).map(|scope| scope.by_hand);
        let set = self.scopes.all().filter(|(_, scope)| scope.by_hand.is_some()).count();
        if known.is_none() && set >= MAX_BY_HAND {
            return Err(Refusal::TooMany(
                "as many quotas are set by hand as can be: leave some to the sweeps again",
            ));
        }
        if known.unwrap_or(None) != quota {
            self.record(Fact::Retuned { scope: scope.clone(), quota }, effects);
            self.hold_flying(effects);
        }
        Ok(Answer::Done { sweep: SweepId(0), created: false, jobs: 0 })
    }

    /// Sets a budget. What was spent of it already stays spent.
    pub(crate) fn cap(
        &mut self,
        now: Millis,
        purse: Purse,
        span: Span,
        budget: Budget,
        effects: &mut Effects,
    ) -> Result<Answer, Refusal> {
        let sweep = match purse {
            Purse::Sweep(sweep) | Purse::Lane(sweep, _) => sweep,
            _ => SweepId(0),
        };
        if sweep != SweepId(0) && !self.sweeps.contains_key(&sweep) {
            return Err(Refusal::NoSuchSweep(sweep));
        }
        let known = self.purses.find(&purse, span).map(|found| found.spent(now));
        if known.is_none() && self.purses.by_hand() >= MAX_BY_HAND {
            return Err(Refusal::TooMany("as many budgets are set by hand as can be: take some away"));
        }
        let already = known.unwrap_or_else(|| self.spent_before(&purse, span));
        self.record(Fact::Capped { purse, span, budget, already }, effects);
        self.hold_flying(effects);
        self.requeue_blocked(now);
        Ok(Answer::Done { sweep, created: false, jobs: 0 })
    }

    /// What a budget that is new has been spent of: a sweep's counts from the sweep's beginning, others from now.
    fn spent_before(&self, purse: &Purse, span: Span) -> Spend {
        let usage = match purse {
            _ if span == Span::Day => None,
            Purse::Sweep(id) => self.sweeps.get(id).map(|sweep| sweep.view().usage),
            Purse::Lane(id, lane) => {
                self.sweeps.get(id).and_then(|sweep| sweep.lane(*lane)).map(|lane| lane.total)
            }
            _ => None,
        };
        usage.map_or_else(|| Spend { micro_usd: Some(0), tokens: 0 }, |usage| spent_of(&usage))
    }

    /// Calls that were granted before there was a budget, or a number of places, hold it from now on. Those that nobody
    /// had to ask for are charged when they are answered, see `unasked.rs`.
    pub(crate) fn hold_flying(&mut self, effects: &mut Effects) {
        self.note_unasked();
        let must_hold = |(key, call): (&CallKey, &Call)| {
            let CallState::Flying(_, until) = call.state else { return None };
            let job = call.ask.lease.job;
            let lane = self.sweeps.get(&job.sweep)?.lane(job.lane)?;
            let scope = self.scopes.get(call.scope)?;
            let holds = !lane.purses.is_empty() || scope.quota().concurrency.is_some();
            (holds && !self.holds.contains_key(key)).then(|| Hold {
                worker: key.0,
                call: key.1,
                scope: scope.name.clone(),
                lease: call.ask.lease,
                worst: call.ask.worst,
                until,
            })
        };
        let holds: Vec<Hold> = self.calls.all().filter_map(must_hold).collect();
        if !holds.is_empty() {
            self.record(Fact::Held { holds }, effects);
        }
    }

    /// A call that no budget will ever have room for: its lane stops, and what waits of it is denied.
    pub(crate) fn stop_for_budget(
        &mut self,
        now: Millis,
        call: &Call,
        purse: PurseAt,
        fit: Fit,
        effects: &mut Effects,
    ) {
        let job = call.ask.lease.job;
        let Some(purse) = self.purses.get(purse) else { return };
        let go_on = format!(
            "To go on, raise it with `muster retune`, then `muster resume {}`: raising it alone opens nothing again",
            job.sweep
        );
        let account = purse.account(now);
        let reason = match (fit, call.ask.worst) {
            (Fit::Unpriced, _) => format!(
                "{account}, but what this model's tokens cost is not known, so that nothing of it can be kept within \
                 a budget in money. State its price in the sweep file or in the catalog and submit it again, or take the \
                 budget away with `muster retune`; then `muster resume {}`",
                job.sweep
            ),
            (_, Spend { micro_usd: Some(worst), tokens }) => format!(
                "{account}; the next call may come to ${}.{:06} and {tokens} tokens. {go_on}",
                worst / 1_000_000,
                worst % 1_000_000
            ),
            (_, worst) => format!("{account}; the next call may come to {} tokens. {go_on}", worst.tokens),
        };
        self.stop_lane(job.sweep, job.lane, &reason, effects);
    }

    /// Stops a lane. Its calls that wait are denied; its other leases run on, for their calls are in flight and may yet be
    /// answered, and paid.
    pub(crate) fn stop_lane(&mut self, sweep: SweepId, lane: LaneId, reason: &str, effects: &mut Effects) {
        let found = self.sweeps.get(&sweep).and_then(|sweep| sweep.lane(lane));
        let Some(found) = found.filter(|lane| lane.stopped.is_none()) else { return };
        let scope = found.scope_at;
        self.record(Fact::LaneStopped { sweep, lane, reason: reason.into() }, effects);
        let mut waiting: Vec<CallKey> =
            match self.scopes.get_mut(scope).and_then(|scope| scope.known_limiter_mut()) {
                Some(limiter) => limiter.queue.of_sweep(sweep),
                None => Vec::new(),
            };
        waiting.extend(
            self.calls.blocking().into_iter().flat_map(|purse| self.calls.blocked(purse, usize::MAX)),
        );
        for key in waiting {
            let of_lane = |call: &&Call| call.ask.lease.job.sweep == sweep && call.ask.lease.job.lane == lane;
            let Some(session) = self.calls.get(&key).filter(of_lane).map(|call| call.session) else {
                continue;
            };
            self.dequeue(&key);
            self.deny(session, vec![key.1], effects);
        }
    }

    /// An account's money is used up: all of its lanes stop, in every sweep; their jobs stay.
    pub(crate) fn stop_account(&mut self, account: &Arc<str>, reason: &str, effects: &mut Effects) {
        let mut lanes = Vec::new();
        for sweep in self.sweeps.values().filter(|sweep| !sweep.cancelled) {
            let of_account = |(index, lane): (usize, &crate::lane::Lane)| {
                (lane.scope.account == *account && lane.stopped.is_none())
                    .then_some((sweep.id, LaneId(index as u32)))
            };
            lanes.extend(sweep.lanes.iter().enumerate().filter_map(of_account));
        }
        for (sweep, lane) in lanes {
            self.stop_lane(sweep, lane, reason, effects);
        }
    }

    /// Lanes of which nothing new is begun, for a budget drains: those with nothing under way stop.
    pub(crate) fn stop_drained(
        &mut self,
        now: Millis,
        drained: Vec<(SweepId, usize, PurseAt)>,
        effects: &mut Effects,
    ) {
        for (sweep, lane, purse) in drained {
            let found = self.sweeps.get(&sweep).and_then(|sweep| sweep.lanes.get(lane));
            let Some(purse) =
                self.purses.get(purse).filter(|_| found.is_some_and(|lane| !lane.is_under_way()))
            else {
                continue;
            };
            let reason = format!(
                "{}, and from 90 % on no new episode is begun. To go on, raise it with `muster retune`, then `muster \
                 resume {sweep}`: raising it alone opens nothing again",
                purse.account(now)
            );
            self.stop_lane(sweep, LaneId(lane as u32), &reason, effects);
        }
    }

    /// Today's budget is spent: what it has no room for waits for the next day.
    pub(crate) fn wait_for_day(&mut self, now: Millis, purse: PurseAt) {
        let until = next_day(now);
        self.purses.wait(purse, until);
        self.next_day = Some(until);
    }

    /// If the next day has come that calls and jobs wait for, they are looked at anew.
    pub(crate) fn begin_day(&mut self, now: Millis) {
        if self.next_day.take_if(|at| *at <= now).is_some() {
            self.requeue_blocked(now);
            self.index.load.ease_all();
        }
    }

    /// All calls that wait for a budget are looked at anew.
    pub(crate) fn requeue_blocked(&mut self, now: Millis) {
        for purse in self.calls.blocking() {
            for key in self.calls.blocked(purse, usize::MAX) {
                self.enqueue(now, key);
            }
        }
    }

    /// A call holds a place and its worst from now on.
    pub(crate) fn apply_hold(&mut self, hold: &Hold) {
        let key = (hold.worker, hold.call);
        if self.holds.contains_key(&key) {
            return;
        }
        let at = self.scopes.at(&hold.scope);
        if let Some(scope) = self.scopes.get_mut(at) {
            scope.hold(&hold.worst);
        }
        let job = hold.lease.job;
        if let Some(lane) = self.sweeps.get(&job.sweep).and_then(|sweep| sweep.lane(job.lane)) {
            self.purses.hold(&lane.purses, &hold.worst);
        }
        self.holds.insert(key, hold.clone());
    }

    /// Calls hold nothing any more, and are charged.
    pub(crate) fn apply_settled(&mut self, worker: WorkerId, calls: &[(CallId, Spend)], at: Millis) {
        for (call, charged) in calls {
            let Some(hold) = self.holds.remove(&(worker, *call)) else { continue };
            let scope = self.scopes.at(&hold.scope);
            if let Some(scope) = self.scopes.get_mut(scope) {
                scope.release(&hold.worst);
            }
            self.index.load.ease(scope);
            let job = hold.lease.job;
            if let Some(lane) = self.sweeps.get(&job.sweep).and_then(|sweep| sweep.lane(job.lane)) {
                self.purses.settle(&lane.purses, &hold.worst, charged, at);
            }
        }
        if !self.purses.is_empty() {
            self.index.load.ease_all();
        }
    }

    /// A budget was set by hand.
    pub(crate) fn apply_capped(&mut self, purse: &Purse, span: Span, budget: &Budget, already: &Spend) {
        self.purses.set(purse, span, *budget, true, already);
        self.bind_all();
    }

    /// A sweep's own budgets, as its spec has them now. What a person set stands.
    pub(crate) fn apply_spec_budgets(&mut self, id: SweepId, spec: &SweepSpec) {
        let lanes = spec.lanes.iter().enumerate();
        let own = lanes.map(|(index, lane)| (Purse::Lane(id, LaneId(index as u32)), lane.budget));
        let mut changed = false;
        for (purse, budget) in std::iter::once((Purse::Sweep(id), spec.budget)).chain(own) {
            let known = self.purses.find(&purse, Span::Ever);
            let stands = known.map_or(Budget::default(), |known| known.budget) == budget;
            if stands || known.is_some_and(PurseState::is_by_hand) {
                continue;
            }
            let spent = known.map(PurseState::spent_ever);
            let spent = spent.unwrap_or_else(|| self.spent_before(&purse, Span::Ever));
            self.purses.set(&purse, Span::Ever, budget, false, &spent);
            changed = true;
        }
        if changed {
            self.bind_all();
        } else {
            self.bind(id);
        }
    }

    /// The budgets, by whose they are.
    pub fn purses(&self, now: Millis) -> impl Iterator<Item = PurseView> + '_ {
        self.purses.views(now).map(|(at, view)| PurseView { waiting: self.calls.blocked_count(at), ..view })
    }
}

pub(crate) fn spent_of(usage: &Usage) -> Spend {
    let tokens = usage.input_tokens.saturating_add(usage.output_tokens);
    Spend { micro_usd: Some(usage.cost_micro_usd), tokens }
}
