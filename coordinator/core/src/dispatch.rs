//! Who gets the next job: a session with credits meets the fairest sweep that its accounts can serve.

use crate::calls::Calls;
use crate::core::Core;
use crate::effect::{Effect, Effects};
use crate::fact::Fact;
use crate::ids::{LeaseKey, Millis, SessionId, SweepId, TurnIndex};
use crate::lane::{Lane, Tier};
use crate::load::Load;
use crate::purse::{Fit, PurseAt, PurseState, Purses};
use crate::scope::{ScopeAt, Scopes};

/// What a lane's scope and budgets say to another lease.
struct Gate<'a> {
    now: Millis,
    scopes: &'a Scopes,
    purses: &'a Purses,
    calls: &'a Calls,
}

/// Why jobs were kept back.
#[derive(Default)]
struct Refused {
    scopes: Vec<ScopeAt>,
    /// Lanes of which a budget lets nothing new begin.
    drained: Vec<(SweepId, usize, PurseAt)>,
    /// Budgets of which nothing is left today.
    tomorrow: Vec<PurseAt>,
}

// === impl Core ===

impl Core {
    /// A worker has room for so many more jobs.
    pub(crate) fn want(&mut self, now: Millis, session: SessionId, credits: u32, effects: &mut Effects) {
        self.heard(now, session, effects);
        let Some(found) = self.sessions.get_mut(&session) else { return };
        found.credits = found.credits.saturating_add(credits).min(self.config.max_credits);
        while self.grant_one(now, session, effects) {}
    }

    /// If something became grantable: serves the sessions that wait for work, one job each in turn, so that a few
    /// jobs are spread over many workers.
    pub(crate) fn serve_hungry(&mut self, now: Millis, effects: &mut Effects) {
        self.wake_eased(now);
        if !std::mem::take(&mut self.index.woken) || self.draining {
            return;
        }
        let mut asking: Vec<SessionId> = self.hungry.iter().copied().collect();
        while !asking.is_empty() && !self.index.projects.is_empty() {
            asking.retain(|session| self.grant_one(now, *session, effects));
        }
    }

    /// Grants a session one job, if it has a credit and there is one for it; whether it did.
    fn grant_one(&mut self, now: Millis, session: SessionId, effects: &mut Effects) -> bool {
        let mut refused = Refused::default();
        let granted = self.pick(now, session, &mut refused);
        self.note_refused(now, refused, effects);
        let Some(found) = self.sessions.get_mut(&session) else { return false };
        let worker = found.worker;
        if granted.is_some() {
            found.credits -= 1;
        }
        if found.credits > 0 {
            self.hungry.insert(session);
        } else {
            self.hungry.remove(&session);
        }
        let Some((lease, turns)) = granted else { return false };
        self.record(Fact::Granted { lease, worker }, effects);
        self.tell_of_grant(now, session, lease, effects);
        effects.after.push(Effect::Grant { session, lease, turns });
        true
    }

    /// If the job's scope is governed, the session knows before it has the job, and calls of it are expected.
    fn tell_of_grant(&mut self, now: Millis, session: SessionId, lease: LeaseKey, effects: &mut Effects) {
        let lane = self.sweeps.get(&lease.job.sweep).and_then(|sweep| sweep.lane(lease.job.lane));
        let Some(at) = lane.map(|lane| lane.scope_at) else { return };
        if self.scopes.get(at).is_some_and(|scope| scope.governed) {
            self.index.load.expect(at, lease.job);
            self.tell(now, session, at, effects);
        }
    }

    /// The job that a session would be granted now.
    fn pick(
        &mut self,
        now: Millis,
        session: SessionId,
        refused: &mut Refused,
    ) -> Option<(LeaseKey, TurnIndex)> {
        let Self { sessions, index, sweeps, pauses, draining, scopes, purses, calls, .. } = self;
        let session = sessions.get(&session).filter(|session| session.credits > 0 && !*draining)?;
        let (load, gate) = (&index.load, Gate { now, scopes, purses, calls });
        let mut eligible = |sweep: SweepId, index: usize, lane: &Lane, tier: Tier| {
            session.accounts.contains(&lane.scope.account)
                && !pauses.holds(&lane.scope, now)
                && gate.admits((sweep, index), lane, tier, load, refused)
        };
        index.projects.serve(|_, ring| {
            ring.serve(|id, ()| {
                sweeps.get_mut(id)?.pick(|index, lane, tier| eligible(*id, index, lane, tier))
            })
        })
    }

    /// Remembers whom to serve once scopes have room again, and stops what has nothing left to wait for.
    fn note_refused(&mut self, now: Millis, refused: Refused, effects: &mut Effects) {
        for at in refused.scopes {
            self.index.load.keep_back(at);
            if let Some(until) = self.scopes.get(at).and_then(|scope| scope.day_over_at(now)) {
                self.scopes.touch(at, until);
            }
        }
        refused.tomorrow.into_iter().for_each(|purse| self.wait_for_day(now, purse));
        if !refused.drained.is_empty() {
            self.stop_drained(now, refused.drained, effects);
        }
    }

    /// Scopes for whose sake jobs were kept back: those that have room now wake the sessions that wait for work.
    pub(crate) fn wake_eased(&mut self, now: Millis) {
        for at in self.index.load.take_eased() {
            let has_room = self.scopes.get(at).is_none_or(|scope| {
                let most = scope.most_waiting();
                let used = scope.waiting() + self.index.load.fresh(at);
                scope.has_room(&self.index.load, at, now)
                    && most.saturating_sub(used) >= most.min(most / 10 + 1)
            });
            if has_room {
                self.index.load.let_go(at);
                self.index.woken = true;
            }
        }
    }
}

// === impl Gate ===

impl Gate<'_> {
    /// Whether a scope and its budgets can use another lease: one that would only wait holds a slot for nothing, and the
    /// other models lose it.
    fn admits(
        &self,
        (sweep, index): (SweepId, usize),
        lane: &Lane,
        tier: Tier,
        load: &Load,
        refused: &mut Refused,
    ) -> bool {
        let Some(scope) = self.scopes.get(lane.scope_at).filter(|scope| scope.governed) else { return true };
        if !lane.purses.is_empty() {
            if let Some(purse) = self.purses.drains(&lane.purses, self.now).filter(|_| tier != Tier::Warm) {
                if self.purses.get(purse).is_some_and(PurseState::is_daily) {
                    refused.tomorrow.push(purse);
                } else {
                    refused.drained.push((sweep, index, purse));
                }
                refused.scopes.push(lane.scope_at);
                return false;
            }
            let blocked: usize = lane.purses.iter().map(|purse| self.calls.blocked_count(*purse)).sum();
            let before = scope.waiting() + load.fresh(lane.scope_at) + blocked;
            let under_way = before + scope.in_flight();
            let misfit = self.purses.misfit(&lane.purses, &lane.worst, before as u64, self.now);
            if let Some((purse, Fit::Tomorrow)) = misfit {
                refused.tomorrow.push(purse);
                refused.scopes.push(lane.scope_at);
                return false;
            }
            // The first is let through even so: its call shows that nothing fits, and the lane stops.
            if under_way > 0 && misfit.is_some() {
                refused.scopes.push(lane.scope_at);
                return false;
            }
        }
        let has_room = scope.has_room(load, lane.scope_at, self.now);
        if !has_room {
            refused.scopes.push(lane.scope_at);
        }
        has_room
    }
}
