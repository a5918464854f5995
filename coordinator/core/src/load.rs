//! How many leases are out in each scope, and how many of those have not asked for a call yet: what a scope has on its
//! hands, so that a model that is throttled never holds more slots than it can use.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::JobKey;
use crate::scope::ScopeAt;

/// Leases by scope.
#[derive(Debug, Default)]
pub(crate) struct Load {
    scopes: Vec<ScopeLoad>,
    /// Leases granted by this process that have not asked for a call.
    fresh: BTreeMap<JobKey, ScopeAt>,
    /// Scopes for whose sake a job was kept back.
    kept_back: BTreeSet<ScopeAt>,
    /// Those of them that may have room now.
    eased: BTreeSet<ScopeAt>,
}

#[derive(Debug, Clone, Copy, Default)]
struct ScopeLoad {
    leased: usize,
    fresh: usize,
}

// === impl Load ===

impl Load {
    /// A job is at a worker.
    pub(crate) fn leased(&mut self, scope: ScopeAt) {
        self.scope(scope).leased += 1;
    }

    /// A job is at no worker any more.
    pub(crate) fn returned(&mut self, scope: ScopeAt, job: &JobKey) {
        let load = self.scope(scope);
        load.leased = load.leased.saturating_sub(1);
        self.asked(job);
        self.ease(scope);
    }

    /// A job was kept back for a scope's sake.
    pub(crate) fn keep_back(&mut self, scope: ScopeAt) {
        self.kept_back.insert(scope);
    }

    /// A scope may have room again.
    pub(crate) fn ease(&mut self, scope: ScopeAt) {
        if !self.kept_back.is_empty() && self.kept_back.contains(&scope) {
            self.eased.insert(scope);
        }
    }

    /// Any scope may.
    pub(crate) fn ease_all(&mut self) {
        self.eased.extend(&self.kept_back);
    }

    /// The scopes that may have room again.
    pub(crate) fn take_eased(&mut self) -> BTreeSet<ScopeAt> {
        std::mem::take(&mut self.eased)
    }

    /// A scope has room again.
    pub(crate) fn let_go(&mut self, scope: ScopeAt) {
        self.kept_back.remove(&scope);
    }

    /// A job was just granted, and will ask for calls.
    pub(crate) fn expect(&mut self, scope: ScopeAt, job: JobKey) {
        if self.fresh.insert(job, scope).is_none() {
            self.scope(scope).fresh += 1;
        }
    }

    /// A job asked for its first call.
    pub(crate) fn asked(&mut self, job: &JobKey) {
        if self.fresh.is_empty() {
            return;
        }
        if let Some(scope) = self.fresh.remove(job) {
            let load = self.scope(scope);
            load.fresh = load.fresh.saturating_sub(1);
        }
    }

    /// Leases of a scope.
    pub(crate) fn leases(&self, scope: ScopeAt) -> usize {
        self.scopes.get(scope).map_or(0, |load| load.leased)
    }

    /// Leases of a scope that have not asked for a call yet.
    pub(crate) fn fresh(&self, scope: ScopeAt) -> usize {
        self.scopes.get(scope).map_or(0, |load| load.fresh)
    }

    fn scope(&mut self, scope: ScopeAt) -> &mut ScopeLoad {
        if self.scopes.len() <= scope {
            self.scopes.resize(scope + 1, ScopeLoad::default());
        }
        &mut self.scopes[scope]
    }
}
