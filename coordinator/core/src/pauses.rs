//! Scopes whose provider asked for silence. One worker's word counts for all of them. Not journaled: a provider that
//! still means it will say so again.

use std::collections::BTreeMap;

use crate::fact::Scope;
use crate::ids::Millis;

/// Scopes that are paused, and until when.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    until: BTreeMap<Scope, Millis>,
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
}
