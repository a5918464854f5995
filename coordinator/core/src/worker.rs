//! Workers: across their connections, and as connections. A lease belongs to a worker; one sign of life is good for
//! all of a worker's leases, so that nothing need be kept in time for each of a thousand episodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ids::{JobKey, Millis, SessionId, WorkerId};
use crate::quota::CallId;
use crate::scope::ScopeAt;

/// A worker, connected or not.
#[derive(Debug, Default)]
pub(crate) struct Worker {
    /// Its connection, if it has one.
    pub(crate) session: Option<SessionId>,
    /// When its leases end, unless it gives a sign of life.
    pub(crate) deadline: Millis,
    /// What it holds.
    pub(crate) leases: BTreeSet<JobKey>,
    /// Whether a timer is set for it.
    timed: bool,
}

/// A connection that has said hello.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) worker: WorkerId,
    /// Accounts it holds keys for.
    pub(crate) accounts: BTreeSet<Arc<str>>,
    /// Jobs it asked for and has not got.
    pub(crate) credits: u32,
    /// The number of its newest ask, and when that came.
    pub(crate) ask: u64,
    pub(crate) asked_at: Millis,
    /// Calls it asked for and has not got.
    pub(crate) waiting: BTreeSet<CallId>,
    /// Those of them that are in no queue until it asks again.
    pub(crate) parked: Vec<CallId>,
    /// What all calls of its process have in common in their numbers, once it has asked for one.
    pub(crate) process: Option<u64>,
    /// The scopes that it knows to be governed.
    told: BTreeSet<ScopeAt>,
}

/// When to look after which worker. A timer is never moved: when it rings and the worker was heard of since, it is set
/// anew, so a sign of life costs no more than a store.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    set: BTreeSet<(Millis, WorkerId)>,
}

// === impl Session ===

impl Session {
    pub(crate) fn new(worker: WorkerId, accounts: BTreeSet<Arc<str>>) -> Self {
        Self {
            worker,
            accounts,
            credits: 0,
            ask: 0,
            asked_at: Millis(0),
            waiting: BTreeSet::new(),
            parked: Vec::new(),
            process: None,
            told: BTreeSet::new(),
        }
    }

    /// It is told whether a scope is governed; whether that is news to it.
    pub(crate) fn tell(&mut self, scope: ScopeAt, governed: bool) -> bool {
        if governed { self.told.insert(scope) } else { self.told.remove(&scope) }
    }
}

// === impl Timers ===

impl Timers {
    /// A worker is alive: its leases are good until `deadline`.
    pub(crate) fn extend(&mut self, id: WorkerId, worker: &mut Worker, deadline: Millis) {
        worker.deadline = deadline;
        if !worker.timed {
            worker.timed = true;
            self.set.insert((deadline, id));
        }
    }

    /// Workers whose deadline has come.
    pub(crate) fn ring(&mut self, now: Millis, workers: &mut BTreeMap<WorkerId, Worker>) -> Vec<WorkerId> {
        let mut late = Vec::new();
        while let Some((at, id)) = self.set.first().copied().filter(|(at, _)| *at <= now) {
            self.set.remove(&(at, id));
            let Some(worker) = workers.get_mut(&id) else { continue };
            worker.timed = false;
            if worker.deadline <= now {
                late.push(id);
            } else {
                self.extend(id, worker, worker.deadline);
            }
        }
        late
    }

    /// When the next timer rings.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.set.first().map(|(at, _)| *at)
    }
}
