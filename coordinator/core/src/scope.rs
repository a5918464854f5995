//! Scopes: what a provider limits, an account and a pool of models. Each has its quota in force, and once it is governed a
//! limiter (`limiter.rs`) that says when its next call may leave.

use std::collections::{BTreeMap, BTreeSet};

use crate::day::{Day, Left, Taken};
use crate::fact::Scope;
use crate::ids::{JobKey, Millis};
use crate::limiter::Limiter;
use crate::load::Load;
use crate::quota::{Quota, Spend};
use crate::snapshot::DaySnapshot;

/// A scope's place in the list; lanes know theirs by it.
pub(crate) type ScopeAt = usize;

/// Others of a scope count as answered for so long: about as long as the last tries of a lease that is given back.
const ANSWERED_MS: u64 = 60_000;

/// All scopes that a sweep or a person ever named to this process.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    list: Vec<ScopeState>,
    by_name: BTreeMap<Scope, ScopeAt>,
    /// When to look after which.
    due: BTreeSet<(Millis, ScopeAt)>,
    /// Those whose quota or budgets changed in this step.
    pub(crate) changed: BTreeSet<ScopeAt>,
}

/// One scope.
#[derive(Debug)]
pub(crate) struct ScopeState {
    pub(crate) name: Scope,
    /// Journaled: set by a person.
    pub(crate) by_hand: Option<Quota>,
    /// What the sweeps say.
    stated: Quota,
    /// Journaled: what was taken out of the provider's day.
    pub(crate) day: Day,
    /// Derived from the journaled holds: calls that hold a place.
    pub(crate) places: usize,
    /// What they hold at their worst.
    held: (u128, u128),
    /// Whether a budget applies to one of its lanes.
    pub(crate) budgeted: bool,
    /// Whether sessions were last told that its calls must be asked for.
    pub(crate) governed: bool,
    /// Whether it was there when this process began, so that an earlier one may have granted of it.
    is_old: bool,
    due: Option<Millis>,
    limiter: Option<Box<Limiter>>,
    /// The last two jobs that had a call answered, and when.
    answered: [Option<(JobKey, Millis)>; 2],
}

// === impl Scopes ===

impl Scopes {
    /// A scope's place; it gets one if it has none.
    pub(crate) fn at(&mut self, name: &Scope) -> ScopeAt {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        self.list.push(ScopeState::new(name.clone()));
        self.by_name.insert(name.clone(), self.list.len() - 1);
        self.list.len() - 1
    }

    pub(crate) fn find(&self, name: &Scope) -> Option<ScopeAt> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn get(&self, at: ScopeAt) -> Option<&ScopeState> {
        self.list.get(at)
    }

    pub(crate) fn get_mut(&mut self, at: ScopeAt) -> Option<&mut ScopeState> {
        self.list.get_mut(at)
    }

    /// All, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (ScopeAt, &ScopeState)> {
        self.by_name.values().map(|at| (*at, &self.list[*at]))
    }

    /// The quotas set by hand.
    pub(crate) fn quotas(&self) -> Vec<(Scope, Quota)> {
        self.all().filter_map(|(_, scope)| Some((scope.name.clone(), scope.by_hand?))).collect()
    }

    /// The days of which requests were taken out.
    pub(crate) fn days(&self) -> Vec<DaySnapshot> {
        let taken = |scope: &ScopeState| scope.day.taken != Taken::default();
        let plain = |scope: &ScopeState| DaySnapshot {
            scope: scope.name.clone(),
            day: scope.day.taken.day,
            requests: scope.day.taken.requests,
        };
        self.all().filter(|(_, scope)| taken(scope)).map(|(_, scope)| plain(scope)).collect()
    }

    pub(crate) fn each(&mut self, change: impl FnMut(&mut ScopeState)) {
        self.list.iter_mut().for_each(change);
    }

    /// Sets what the sweeps say of a scope.
    pub(crate) fn state(&mut self, at: ScopeAt, quota: Quota) {
        if let Some(scope) = self.list.get_mut(at) {
            scope.stated = quota;
            self.changed.insert(at);
        }
    }

    /// Has a scope looked after at a moment, or sooner.
    pub(crate) fn touch(&mut self, at: ScopeAt, when: Millis) {
        let Some(scope) = self.list.get_mut(at) else { return };
        let when = when.max(scope.limiter.as_ref().map_or(Millis(0), |limiter| limiter.not_before()));
        if scope.due.is_some_and(|due| due <= when) {
            return;
        }
        if let Some(due) = scope.due.replace(when) {
            self.due.remove(&(due, at));
        }
        self.due.insert((when, at));
    }

    /// A scope that is to be looked after now.
    pub(crate) fn pop_due(&mut self, now: Millis) -> Option<ScopeAt> {
        let (due, at) = self.due.first().copied().filter(|(due, _)| *due <= now)?;
        self.due.remove(&(due, at));
        self.list[at].due = None;
        Some(at)
    }

    /// When the next is due.
    pub(crate) fn next_due(&self) -> Option<Millis> {
        self.due.first().map(|(due, _)| *due)
    }
}

// === impl ScopeState ===

impl ScopeState {
    fn new(name: Scope) -> Self {
        Self {
            name,
            by_hand: None,
            stated: Quota::default(),
            day: Day::default(),
            places: 0,
            held: (0, 0),
            budgeted: false,
            governed: false,
            is_old: false,
            due: None,
            limiter: None,
            answered: [None; 2],
        }
    }

    /// A term begins: what an earlier process granted may still be used.
    pub(crate) fn begin(&mut self) {
        self.is_old = true;
        self.day.begin();
    }

    /// The quota in force.
    pub(crate) fn quota(&self) -> Quota {
        self.by_hand.unwrap_or(self.stated)
    }

    /// Whether its calls must be asked for.
    pub(crate) fn must_ask(&self) -> bool {
        self.budgeted
            || !self.quota().is_open()
            || self.limiter.as_ref().is_some_and(|limiter| limiter.has_learned())
    }

    pub(crate) fn limiter(&self) -> Option<&Limiter> {
        self.limiter.as_deref()
    }

    /// Its limiter, made if there is none; `shares_from`: when this process first grants a share.
    pub(crate) fn limiter_mut(&mut self, now: Millis, shares_from: Millis) -> &mut Limiter {
        let quota = self.quota();
        let is_old = self.is_old;
        self.limiter.get_or_insert_with(|| {
            let from = if is_old { Some(shares_from) } else { None };
            Box::new(Limiter::new(now, from, &quota))
        })
    }

    pub(crate) fn known_limiter_mut(&mut self) -> Option<&mut Limiter> {
        self.limiter.as_deref_mut()
    }

    /// Calls that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.limiter().map_or(0, |limiter| limiter.queue.len())
    }

    /// Calls granted and not ended.
    pub(crate) fn in_flight(&self) -> usize {
        self.limiter().map_or(0, |limiter| limiter.in_flight)
    }

    /// How many calls may wait before another lease is of no use: those that it starts within a second.
    pub(crate) fn most_waiting(&self) -> usize {
        let starts = self.limiter().and_then(Limiter::calls_a_second);
        starts.map_or(usize::MAX, |starts| usize::try_from(starts.max(1)).unwrap_or(usize::MAX))
    }

    /// Whether it can use another lease now.
    pub(crate) fn has_room(&self, load: &Load, at: ScopeAt, now: Millis) -> bool {
        let places = self.quota().concurrency.map_or(usize::MAX, |most| {
            // Some more than there are places: an episode whose tools run holds a lease and no place.
            (most as usize).saturating_add(most as usize / 8).saturating_add(1)
        });
        self.waiting() + load.fresh(at) < self.most_waiting()
            && load.leases(at) < places
            && self.day_over_at(now).is_none()
    }

    /// When the provider's next day begins, if this one has nothing left.
    pub(crate) fn day_over_at(&self, now: Millis) -> Option<Millis> {
        let quota = self.quota();
        match self.day.left(&quota, quota.requests_per_day?, now) {
            Left::Until(until) => Some(until),
            Left::Some | Left::Block { .. } => None,
        }
    }

    /// A call holds a place and its worst.
    pub(crate) fn hold(&mut self, worst: &Spend) {
        self.places += 1;
        self.held.0 += u128::from(worst.micro_usd.unwrap_or(0));
        self.held.1 += u128::from(worst.tokens);
    }

    /// It does no more.
    pub(crate) fn release(&mut self, worst: &Spend) {
        self.places = self.places.saturating_sub(1);
        self.held.0 = self.held.0.saturating_sub(u128::from(worst.micro_usd.unwrap_or(0)));
        self.held.1 = self.held.1.saturating_sub(u128::from(worst.tokens));
    }

    pub(crate) fn held(&self) -> Spend {
        let cut = |amount: u128| u64::try_from(amount).unwrap_or(u64::MAX);
        Spend { micro_usd: Some(cut(self.held.0)), tokens: cut(self.held.1) }
    }

    /// A call of a job was answered.
    pub(crate) fn note_answer(&mut self, now: Millis, job: JobKey) {
        if self.answered[0].is_none_or(|(last, _)| last != job) {
            self.answered[1] = self.answered[0];
        }
        self.answered[0] = Some((job, now));
    }

    /// Whether calls of other jobs were answered just now.
    pub(crate) fn answers_others(&self, now: Millis, job: JobKey) -> bool {
        let lately =
            |(other, at): &(JobKey, Millis)| *other != job && now.0.saturating_sub(at.0) <= ANSWERED_MS;
        self.answered.iter().flatten().any(lately)
    }
}
