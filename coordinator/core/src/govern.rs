//! Which scopes are governed, and who is told: their quotas, what providers said of them, and their silences.

use std::collections::BTreeMap;

use crate::calls::{MAX_CALL_MS, SHARE_MS};
use crate::core::Core;
use crate::effect::{Effect, Effects};
use crate::fact::{Fact, Scope};
use crate::ids::{Lane as LaneId, Millis, SessionId, SweepId};
use crate::limiter::Limiter;
use crate::purse::Purses;
use crate::quota::{Purse, Quota};
use crate::scope::{ScopeAt, ScopeState, Scopes};
use crate::sweep::Sweep;
use crate::view::{ScopeView, Traffic};

/// What a sweep's word of a scope is worth; the last is worth most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Nothing,
    /// How limits are kept, but none.
    Manner,
    /// A limit, of a sweep that has ended.
    LimitOfEnded,
    Limit,
}

// === impl Word ===

impl Word {
    fn of(quota: &Quota, ended: bool) -> Self {
        match (quota.is_open(), ended) {
            (true, _) if *quota == Quota::default() => Self::Nothing,
            (true, _) => Self::Manner,
            (false, true) => Self::LimitOfEnded,
            (false, false) => Self::Limit,
        }
    }
}

// === impl Core ===

impl Core {
    /// A provider asked for silence: nothing of its scope leaves until it is over, from whatever worker.
    pub(crate) fn pause_scope(
        &mut self,
        now: Millis,
        session: SessionId,
        scope: Scope,
        pause_ms: u64,
        effects: &mut Effects,
    ) {
        self.heard(now, session, effects);
        if !self.holds_key(session, &scope) {
            return;
        }
        let shares_from = self.shares_from;
        if let Some(at) = self.scopes.find(&scope)
            && let Some(found) = self.scopes.get_mut(at)
            && found.quota().is_open()
        {
            found.limiter_mut(now, shares_from).learn(now);
            self.scopes.changed.insert(at);
            self.regovern(now, effects);
        }
        self.silence(now, scope, pause_ms, effects);
    }

    /// Nothing of a scope leaves, and no job of it is granted, for so long.
    pub(crate) fn silence(&mut self, now: Millis, scope: Scope, pause_ms: u64, effects: &mut Effects) {
        let until = now.plus(pause_ms.min(self.config.max_wait_ms));
        let most = self.config.max_paused_scopes;
        if let Some(at) = self.scopes.find(&scope) {
            if self.be_silent(now, &scope, until) && until > now {
                self.tell_all(at, until.0.saturating_sub(now.0), effects);
            }
            if self.pauses.is_for_good(&scope, now, until, most) {
                self.record(Fact::Silenced { scope: scope.clone(), until, at: now }, effects);
            }
        }
        self.pauses.pause(scope, until, most);
    }

    /// No call of a scope leaves until then; whether that is news.
    pub(crate) fn be_silent(&mut self, now: Millis, scope: &Scope, until: Millis) -> bool {
        let shares_from = self.shares_from;
        let Some(at) = self.scopes.find(scope) else { return false };
        let Some(found) = self.scopes.get_mut(at) else { return false };
        let limiter = found.limiter_mut(now, shares_from);
        let is_news = limiter.pause(now, until);
        if !limiter.queue.is_empty() {
            self.scopes.touch(at, until);
        }
        is_news
    }

    /// A provider's headers stated limits.
    pub(crate) fn observe(
        &mut self,
        now: Millis,
        session: SessionId,
        scope: &Scope,
        seen: &Quota,
        effects: &mut Effects,
    ) {
        self.heard(now, session, effects);
        let shares_from = self.shares_from;
        if self.holds_key(session, scope)
            && let Some(at) = self.scopes.find(scope)
            && let Some(found) = self.scopes.get_mut(at)
        {
            found.limiter_mut(now, shares_from).observe(now, seen);
            self.scopes.changed.insert(at);
        }
    }

    fn holds_key(&self, session: SessionId, scope: &Scope) -> bool {
        self.sessions.get(&session).is_some_and(|session| session.accounts.contains(&scope.account))
    }

    /// After a step: scopes whose quota changed are looked after, and who holds a key is told if they are governed now.
    pub(crate) fn regovern(&mut self, now: Millis, effects: &mut Effects) {
        let shares_from = self.shares_from;
        for at in std::mem::take(&mut self.scopes.changed) {
            let Some(scope) = self.scopes.get_mut(at) else { continue };
            let quota = scope.quota();
            if let Some(limiter) = scope.known_limiter_mut() {
                limiter.requota(now, &quota);
                // Of a scope that is open now no rate of before is shown.
                limiter.prepare(now, &quota);
            }
            let governed = scope.must_ask();
            let was = std::mem::replace(&mut scope.governed, governed);
            if governed {
                scope.limiter_mut(now, shares_from).prepare(now, &quota);
            }
            self.index.load.ease(at);
            self.scopes.touch(at, now);
            if was != governed {
                self.tell_all(at, 0, effects);
            }
        }
    }

    /// Tells every session that holds a scope's key how it stands.
    fn tell_all(&mut self, at: ScopeAt, pause_ms: u64, effects: &mut Effects) {
        let Some(scope) = self.scopes.get(at) else { return };
        let (name, governed) = (&scope.name, scope.governed);
        for (id, session) in &mut self.sessions {
            if session.accounts.contains(&name.account) {
                session.tell(at, governed);
                effects.after.push(Effect::Govern { session: *id, scope: name.clone(), governed, pause_ms });
            }
        }
    }

    /// Tells a session how a scope stands, unless it knows; of a silence it is told in any case.
    pub(crate) fn tell(&mut self, now: Millis, session: SessionId, at: ScopeAt, effects: &mut Effects) {
        let Some(scope) = self.scopes.get(at) else { return };
        let Some(found) = self.sessions.get_mut(&session) else { return };
        let until = scope.limiter().and_then(|limiter| limiter.silent_until(now)).unwrap_or(now);
        if found.tell(at, scope.governed) || until > now {
            effects.after.push(Effect::Govern {
                session,
                scope: scope.name.clone(),
                governed: scope.governed,
                pause_ms: until.0.saturating_sub(now.0),
            });
        }
    }

    /// A term begins: what an earlier process granted may be used for a while yet, and what it held stays held.
    pub(crate) fn begin_shares(&mut self, now: Millis) {
        // Where no sweep ever was, nothing can have been granted.
        self.shares_from = if self.last_sweep == SweepId(0) { now } else { now.plus(SHARE_MS) };
        self.scopes.each(ScopeState::begin);
        let all: Vec<ScopeAt> = self.scopes.all().map(|(at, _)| at).collect();
        self.scopes.changed.extend(all);
        self.regovern(now, &mut Effects::default());
        let latest = now.plus(SHARE_MS + MAX_CALL_MS);
        for (key, hold) in &self.holds {
            self.calls.set_timer(*key, hold.until.min(latest));
        }
    }

    /// Gives a sweep's lanes their scopes and budgets.
    pub(crate) fn bind(&mut self, id: SweepId) {
        let Self { sweeps, scopes, purses, .. } = self;
        if let Some(sweep) = sweeps.get_mut(&id) {
            bind(sweep, scopes, purses);
        }
    }

    /// The same for all, after budgets came or went; and what is held of each is counted anew.
    pub(crate) fn bind_all(&mut self) {
        let Self { sweeps, scopes, purses, holds, .. } = self;
        scopes.each(|scope| scope.budgeted = false);
        sweeps.values_mut().for_each(|sweep| bind(sweep, scopes, purses));
        let all: Vec<ScopeAt> = scopes.all().map(|(at, _)| at).collect();
        scopes.changed.extend(all);
        purses.forget_held();
        for hold in holds.values() {
            let job = hold.lease.job;
            if let Some(lane) = sweeps.get(&job.sweep).and_then(|sweep| sweep.lane(job.lane)) {
                purses.hold(&lane.purses, &hold.worst);
            }
        }
    }

    /// What the sweeps say of each of these scopes: of those that have not ended the newest that states a limit is
    /// believed, so that one which states none takes away nothing that another relies on. What sweeps said that have ended
    /// counts where no other states anything; what cancelled ones said never.
    pub(crate) fn restate(&mut self, scopes: impl IntoIterator<Item = ScopeAt>) {
        let mut said: BTreeMap<ScopeAt, (Word, Quota)> =
            scopes.into_iter().map(|at| (at, (Word::Nothing, Quota::default()))).collect();
        for sweep in self.sweeps.values().rev().filter(|sweep| !sweep.cancelled) {
            if said.values().all(|(word, _)| *word == Word::Limit) {
                break;
            }
            let ended = sweep.has_ended();
            for (lane, spec) in sweep.lanes.iter().zip(&sweep.spec.lanes) {
                let word = Word::of(&spec.quota, ended);
                if let Some(known) = said.get_mut(&lane.scope_at).filter(|(known, _)| *known < word) {
                    *known = (word, spec.quota);
                }
            }
        }
        for (at, (_, quota)) in said {
            self.scopes.state(at, quota);
        }
    }

    /// The scopes of its sweeps, and those that were set by hand, by name.
    pub fn scopes(&self, now: Millis) -> impl Iterator<Item = ScopeView> + '_ {
        self.scopes.all().map(move |(_, scope)| scope.view(now))
    }
}

fn bind(sweep: &mut Sweep, scopes: &mut Scopes, purses: &Purses) {
    let id = sweep.id;
    let project = sweep.spec.project.clone();
    for (index, (lane, spec)) in sweep.lanes.iter_mut().zip(&sweep.spec.lanes).enumerate() {
        lane.scope_at = scopes.at(&spec.scope);
        let names = [
            Purse::Project(project.clone()),
            Purse::Sweep(id),
            Purse::Lane(id, LaneId(index as u32)),
            Purse::Model(spec.model.clone()),
            Purse::Account(spec.scope.account.clone()),
        ];
        lane.purses = if purses.is_empty() { Vec::new() } else { purses.places(&names) };
        if !lane.purses.is_empty()
            && let Some(scope) = scopes.get_mut(lane.scope_at)
        {
            scope.budgeted = true;
            scopes.changed.insert(lane.scope_at);
        }
    }
}

// === impl ScopeState ===

impl ScopeState {
    fn view(&self, now: Millis) -> ScopeView {
        let quota = self.quota();
        let limiter = self.limiter();
        let measured = |traffic: Traffic, with_share: bool| Traffic {
            used_permille: limiter
                .filter(|_| with_share)
                .and_then(|limiter| limiter.used_permille(now, &quota, &traffic)),
            ..traffic
        };
        ScopeView {
            scope: self.name.clone(),
            quota,
            by_hand: self.by_hand.is_some(),
            governed: self.governed,
            rate_per_minute: limiter.and_then(Limiter::per_minute),
            waiting: limiter.map_or(0, |limiter| limiter.queue.len()),
            in_flight: limiter.map_or(0, |limiter| limiter.in_flight),
            last_minute: limiter
                .map_or_else(Traffic::default, |limiter| measured(limiter.meter.last_minute(now), true)),
            total: limiter.map_or_else(Traffic::default, |limiter| measured(limiter.meter.total(), false)),
            day_requests: self.day.requests(&quota, now),
            paused_until: limiter.and_then(|limiter| limiter.silent_until(now)),
            pauses: limiter.map_or(0, |limiter| limiter.pauses),
            held: self.held(),
        }
    }
}
