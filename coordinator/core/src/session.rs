//! Sessions: a worker's hello, its signs of life, and its going.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::{Core, Speaker};
use crate::effect::{Acked, Effect, Effects, RevokeReason};
use crate::fact::{Fact, ReturnCause};
use crate::ids::{JobKey, LeaseKey, Millis, SessionId, WorkerId};
use crate::lease::Standing;
use crate::scope::ScopeAt;
use crate::turn::ack;
use crate::usage::Usage;
use crate::worker::Session;

// === impl Core ===

impl Core {
    /// A worker connected. What it lost comes back, what it still runs is its own again where no newer attempt was
    /// granted, and an earlier connection of it is closed.
    #[expect(clippy::too_many_arguments, reason = "a hello has as many parts")]
    pub(crate) fn hello(
        &mut self,
        now: Millis,
        session: SessionId,
        worker: WorkerId,
        accounts: Vec<Arc<str>>,
        held: &[LeaseKey],
        suspects: &[JobKey],
        effects: &mut Effects,
    ) {
        if let Some(reason) = self.objection(session, worker, accounts.len(), held.len().max(suspects.len()))
        {
            self.forget(session);
            return effects.after.push(Effect::Close { session, reason });
        }
        self.connect(now, session, worker, accounts, effects);
        self.return_missing(now, worker, held, suspects, effects);
        self.lose_disowned(now, worker, held, effects);
        let mut scopes = BTreeSet::new();
        for lease in held.iter().collect::<BTreeSet<_>>() {
            self.claim((session, worker), *lease, effects);
            scopes.extend(self.scope_run(worker, *lease));
        }
        scopes.into_iter().for_each(|at| self.tell(now, session, at, effects));
    }

    /// The scope of a job that a worker still runs. It is told if calls of it must be asked for, or it is silent: an earlier
    /// process of the coordinator's may have told it otherwise.
    fn scope_run(&self, worker: WorkerId, lease: LeaseKey) -> Option<ScopeAt> {
        let Standing::Current(_) = self.standing(lease, worker) else { return None };
        let lane = self.sweeps.get(&lease.job.sweep)?.lane(lease.job.lane)?;
        Some(lane.scope_at)
    }

    fn objection(
        &self,
        session: SessionId,
        worker: WorkerId,
        accounts: usize,
        leases: usize,
    ) -> Option<&'static str> {
        let is_new = !self.index.workers.contains_key(&worker);
        if self.sessions.contains_key(&session) {
            Some("a second hello in one session")
        } else if accounts > self.config.max_accounts {
            Some("a hello with too many accounts")
        } else if leases > self.config.max_held {
            Some("a hello with too many leases")
        } else if is_new && self.index.workers.len() >= self.config.max_workers {
            Some("too many workers")
        } else {
            None
        }
    }

    fn connect(
        &mut self,
        now: Millis,
        session: SessionId,
        id: WorkerId,
        accounts: Vec<Arc<str>>,
        effects: &mut Effects,
    ) {
        let worker = self.index.workers.entry(id).or_default();
        let earlier = worker.session.replace(session);
        self.timers.extend(id, worker, now.plus(self.config.lease_ttl_ms));
        if let Some(earlier) = earlier {
            self.forget(earlier);
            effects.after.push(Effect::Close { session: earlier, reason: "replaced by a newer session" });
        }
        let accounts = accounts.into_iter().collect();
        self.sessions.insert(session, Session::new(id, accounts));
    }

    /// Takes back what a worker no longer runs.
    fn return_missing(
        &mut self,
        now: Millis,
        worker: WorkerId,
        held: &[LeaseKey],
        suspects: &[JobKey],
        effects: &mut Effects,
    ) {
        let held: BTreeSet<&LeaseKey> = held.iter().collect();
        let suspects: BTreeSet<&JobKey> = suspects.iter().collect();
        for lease in self.leases_of(worker) {
            if !held.contains(&lease) {
                let died = suspects.contains(&lease.job);
                let cause = if died { ReturnCause::Suspected } else { ReturnCause::Disowned };
                self.lose(now, lease, cause, effects);
            }
        }
    }

    /// A worker says that it still runs a job. If the job has ended it is told to let go rather than that its outcome is
    /// durable: which attempt ended a job is not remembered for ever, and an older one must not run on.
    fn claim(&mut self, speaker: Speaker, lease: LeaseKey, effects: &mut Effects) {
        let (session, worker) = speaker;
        let standing = self.standing(lease, worker);
        let lane = self.sweeps.get(&lease.job.sweep).and_then(|sweep| sweep.lane(lease.job.lane));
        let stopped = lane.is_some_and(|lane| lane.stopped.is_some());
        match standing {
            Standing::Current(_) => {}
            Standing::Late(job) if job.over => ack(speaker, lease, Acked::End, effects),
            Standing::Late(_) if stopped => {
                effects.after.push(Effect::Revoke { session, lease, reason: RevokeReason::Stopped });
            }
            Standing::Late(_) => self.record(Fact::Reinstated { lease, worker }, effects),
            _ => self.refuse(speaker, lease, &standing, Usage::default(), effects),
        }
    }

    /// A session gave a sign of life. None, and word to close it, if it has not said hello or is gone.
    pub(crate) fn heard(
        &mut self,
        now: Millis,
        session: SessionId,
        effects: &mut Effects,
    ) -> Option<WorkerId> {
        let Some(id) = self.sessions.get(&session).map(|session| session.worker) else {
            effects
                .after
                .push(Effect::Close { session, reason: "no hello came first, or the session is over" });
            return None;
        };
        let worker = self.index.workers.get_mut(&id)?;
        self.timers.extend(id, worker, now.plus(self.config.lease_ttl_ms));
        Some(id)
    }

    /// A connection ended. Its worker's leases run on until their time is out.
    pub(crate) fn gone(&mut self, session: SessionId) {
        self.forget(session);
    }

    /// A session gets nothing more until it asks again.
    pub(crate) fn sate(&mut self, session: SessionId) {
        self.hungry.remove(&session);
        if let Some(session) = self.sessions.get_mut(&session) {
            session.credits = 0;
        }
    }

    /// Forgets a connection.
    pub(crate) fn forget(&mut self, session: SessionId) {
        self.hungry.remove(&session);
        let Some(found) = self.sessions.remove(&session) else { return };
        if let Some(worker) = self.index.workers.get_mut(&found.worker)
            && worker.session == Some(session)
        {
            worker.session = None;
        }
        self.drop_waiting(found.worker, found.waiting);
    }
}
