//! Scopes whose provider asked for silence. One worker's word counts for all of them. A long silence is journaled, so that
//! a coordinator that begins within it keeps it; a provider that means a short one will say so again.

use std::collections::BTreeMap;

use crate::fact::Scope;
use crate::ids::Millis;

/// A longer pause is journaled. After a start nothing is granted for as long.
const LONG_MS: u64 = 2_000;

/// A pause that ends no later than this after the one that is journaled is the same: many workers are told it within
/// moments.
const SAME_MS: u64 = 250;

/// Scopes that are paused, and until when.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    until: BTreeMap<Scope, Millis>,
    /// Journaled: the long ones. What is over is forgotten with the next.
    long: BTreeMap<Scope, Millis>,
}

// === impl Pauses ===

impl Pauses {
    /// Pauses a scope; a pause is never shortened, and of more than `most` scopes the last are not remembered.
    pub(crate) fn pause(&mut self, scope: Scope, until: Millis, most: usize) {
        if self.until.len() >= most && !self.until.contains_key(&scope) {
            return;
        }
        let known = self.until.entry(scope).or_insert(until);
        *known = until.max(*known);
    }

    /// Whether a scope is paused.
    pub(crate) fn holds(&self, scope: &Scope, now: Millis) -> bool {
        !self.until.is_empty() && self.until.get(scope).is_some_and(|until| *until > now)
    }

    /// Forgets pauses that are over; whether there were any.
    pub(crate) fn end(&mut self, now: Millis) -> bool {
        let before = self.until.len();
        self.until.retain(|_, until| *until > now);
        self.until.len() < before
    }

    /// When the next pause ends.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.until.values().min().copied()
    }

    /// Whether a pause is to be journaled: it is long, and news.
    pub(crate) fn is_for_good(&self, scope: &Scope, now: Millis, until: Millis, most: usize) -> bool {
        let room = |pauses: &BTreeMap<Scope, Millis>| {
            pauses.len() < most || pauses.values().filter(|until| **until > now).count() < most
        };
        until > now.plus(LONG_MS)
            && match self.long.get(scope) {
                Some(known) => until > known.plus(SAME_MS),
                None => room(&self.long),
            }
    }

    /// A long pause was journaled at a moment.
    pub(crate) fn keep(&mut self, scope: &Scope, until: Millis, at: Millis) {
        let known = self.long.entry(scope.clone()).or_insert(until);
        *known = until.max(*known);
        self.long.retain(|_, until| *until > at);
    }

    /// The long pauses, by scope.
    pub(crate) fn long(&self) -> Vec<(Scope, Millis)> {
        self.long.iter().map(|(scope, until)| (scope.clone(), *until)).collect()
    }
}
