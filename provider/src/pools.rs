//! The quotas of every model: what a real provider would admit.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::bucket::{Bucket, Quota};

/// Models with quotas of their own. The parameters in a player's name make more names than there are players; beyond
/// this many the rest share one pool, about 300 bytes each and so 0.3 MB in all.
const MAX_POOLS: usize = 1_024;

/// All quotas.
#[derive(Debug)]
pub(crate) struct Pools {
    requests_per_minute: Option<NonZeroU32>,
    tokens_per_minute: Option<NonZeroU32>,
    pools: Mutex<HashMap<String, Pool>>,
}

#[derive(Debug)]
struct Pool {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

/// What was decided of a call, and what headers say of the quotas then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admission {
    /// None: admitted, and taken.
    pub(crate) refused: Option<Refusal>,
    pub(crate) requests: Option<Quota>,
    pub(crate) tokens: Option<Quota>,
}

/// Why a call is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many requests: wait so long.
    Requests(Duration),
    /// Too many tokens: wait so long.
    Tokens(Duration),
    /// The call alone is larger than a minute's tokens, which are so many.
    Wall(u64),
}

// === impl Pools ===

impl Pools {
    /// Full pools.
    pub(crate) fn new(
        requests_per_minute: Option<NonZeroU32>,
        tokens_per_minute: Option<NonZeroU32>,
    ) -> Self {
        Self { requests_per_minute, tokens_per_minute, pools: Mutex::default() }
    }

    /// Whether there are any quotas.
    pub(crate) fn limit_anything(&self) -> bool {
        self.requests_per_minute.is_some() || self.tokens_per_minute.is_some()
    }

    /// Decide over a call of so many tokens. A refused call takes nothing.
    pub(crate) fn admit(&self, model: &str, tokens: u64, now: Duration) -> Admission {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if pools.len() < MAX_POOLS || pools.contains_key(model) { model } else { "" };
        if !pools.contains_key(name) {
            pools.insert(name.to_owned(), self.pool(now));
        }
        match pools.get_mut(name) {
            Some(pool) => pool.admit(tokens, now),
            None => Admission { refused: None, requests: None, tokens: None },
        }
    }

    fn pool(&self, now: Duration) -> Pool {
        let full = |rate: Option<NonZeroU32>| rate.map(|rate| Bucket::new(rate, now));
        Pool { requests: full(self.requests_per_minute), tokens: full(self.tokens_per_minute) }
    }
}

// === impl Pool ===

impl Pool {
    fn admit(&mut self, tokens: u64, now: Duration) -> Admission {
        let refused = self.refusal(tokens, now);
        if refused.is_none() {
            self.requests.iter_mut().for_each(|bucket| bucket.take(1, now));
            self.tokens.iter_mut().for_each(|bucket| bucket.take(tokens, now));
        }
        Admission {
            refused,
            requests: self.requests.as_mut().map(|bucket| bucket.quota(now)),
            tokens: self.tokens.as_mut().map(|bucket| bucket.quota(now)),
        }
    }

    fn refusal(&mut self, tokens: u64, now: Duration) -> Option<Refusal> {
        let limit = self.tokens.as_mut().map(|bucket| bucket.quota(now).limit);
        if let Some(limit) = limit.filter(|limit| tokens > *limit) {
            return Some(Refusal::Wall(limit));
        }
        let waits = |bucket: &mut Option<Bucket>, cost| bucket.as_mut().map(|bucket| bucket.wait(cost, now));
        let long = |wait: &Duration| !wait.is_zero();
        waits(&mut self.requests, 1)
            .filter(long)
            .map(Refusal::Requests)
            .or_else(|| waits(&mut self.tokens, tokens).filter(long).map(Refusal::Tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools(rpm: u32, tpm: u32) -> Pools {
        Pools::new(NonZeroU32::new(rpm), NonZeroU32::new(tpm))
    }

    #[test]
    fn models_do_not_take_from_each_other() {
        let pools = pools(60, 0);
        assert_eq!(pools.admit("a", 1, Duration::ZERO).refused, None);
        assert_eq!(pools.admit("b", 1, Duration::ZERO).refused, None);
        let refused = pools.admit("a", 1, Duration::ZERO).refused;
        assert_eq!(refused, Some(Refusal::Requests(Duration::from_secs(1))));
    }

    #[test]
    fn a_refused_call_takes_nothing_of_either_quota() {
        let pools = pools(60_000, 60_000);
        assert_eq!(pools.admit("a", 1_000, Duration::ZERO).refused, None);
        let refused = pools.admit("a", 500, Duration::ZERO);
        assert_eq!(refused.refused, Some(Refusal::Tokens(Duration::from_millis(500))));
        assert_eq!(refused.requests.map(|quota| quota.remaining), Some(999));
    }

    #[test]
    fn a_call_larger_than_a_minutes_tokens_meets_a_wall() {
        assert_eq!(pools(0, 60).admit("a", 61, Duration::ZERO).refused, Some(Refusal::Wall(60)));
    }

    #[test]
    fn names_beyond_the_bound_share_one_pool() {
        let pools = pools(60, 0);
        (0..MAX_POOLS).for_each(|n| assert_eq!(pools.admit(&n.to_string(), 1, Duration::ZERO).refused, None));
        assert_eq!(pools.admit("one more", 1, Duration::ZERO).refused, None);
        assert!(pools.admit("and another", 1, Duration::ZERO).refused.is_some());
    }
}
