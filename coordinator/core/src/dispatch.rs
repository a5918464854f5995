//! Who gets the next job: a session with credits meets the fairest sweep that its accounts can serve.

use crate::core::Core;
use crate::effect::{Effect, Effects};
use crate::fact::Fact;
use crate::ids::{LeaseKey, Millis, SessionId, TurnIndex};
use crate::lane::Lane;

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
        let granted = self.pick(now, session);
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
        effects.after.push(Effect::Grant { session, lease, turns });
        true
    }

    /// The job that a session would be granted now.
    fn pick(&mut self, now: Millis, session: SessionId) -> Option<(LeaseKey, TurnIndex)> {
        let Self { sessions, index, sweeps, pauses, draining, .. } = self;
        let session = sessions.get(&session).filter(|session| session.credits > 0 && !*draining)?;
        let eligible =
            |lane: &Lane| session.accounts.contains(&lane.scope.account) && !pauses.holds(&lane.scope, now);
        index.projects.serve(|_, ring| ring.serve(|id, ()| sweeps.get_mut(id)?.pick(eligible)))
    }
}
