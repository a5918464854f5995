//! The quotas of every model: what a real provider would admit.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::bucket::{Bucket, Quota};
use crate::dynamic::Dynamic;
use crate::limits::Limits;

/// Models with quotas of their own. The parameters in a player's name make more names than there are players; beyond
/// this many the rest share one pool, about 800 bytes each and so 0.8 MB in all.
const MAX_POOLS: usize = 1_024;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A dollar's millionth, in millionths of it.
const PICO_PER_MICRO: u128 = 1_000_000;

/// All quotas.
#[derive(Debug)]
pub(crate) struct Pools {
    /// Whether anything is limited, so that nothing is locked where nothing is.
    limiting: AtomicBool,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    /// Whether all models share one pool.
    one_pool: bool,
    usual: Limits,
    by_model: BTreeMap<String, Limits>,
    /// Whether limits on requests follow use, where there are any.
    dynamic: bool,
    pools: HashMap<String, Pool>,
    /// The next request of this model, or of any, is told to wait so long.
    told: Option<(Option<String>, Duration)>,
}

#[derive(Debug)]
struct Pool {
    limits: Limits,
    requests: Option<Bucket>,
    is_dynamic: bool,
    dynamic: Option<Dynamic>,
    tokens: Option<Bucket>,
    input: Option<Bucket>,
    output: Option<Bucket>,
    in_flight: u32,
    /// When the day began, and its requests.
    day: (Duration, u32),
    spent_pico: u128,
}

/// What a call may come to, as the provider counts it before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cost {
    /// Against the limit of tokens.
    pub(crate) tokens: u64,
    /// Against the limit of input tokens.
    pub(crate) input: u64,
}

/// What it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Used {
    /// Input tokens that count.
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) pico_dollars: u128,
}

/// What was decided of a call, and what headers say of the quotas then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Admission {
    /// None: admitted, and taken.
    pub(crate) refused: Option<Refusal>,
    pub(crate) requests: Option<Quota>,
    pub(crate) tokens: Option<Quota>,
    pub(crate) input: Option<Quota>,
    pub(crate) output: Option<Quota>,
}

/// Why a call is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many requests: wait so long.
    Requests(Duration),
    /// Too many tokens: wait so long.
    Tokens(Duration),
    /// Too many input tokens.
    Input(Duration),
    /// Too many output tokens.
    Output(Duration),
    /// The call alone is larger than a minute's tokens, which are so many.
    Wall(u64),
    /// The requests of a day, which are so many, are used up for so long.
    Day(u32, Duration),
    /// As many calls as may be are under way.
    Concurrency(u32),
    /// The rate rises above twice of what it was.
    Dynamic(Duration),
    /// The money is spent.
    Spent,
    /// Told to wait so long on purpose.
    Told(Duration),
}

/// A place among the calls under way. Dropped, it is free again, whatever became of the call.
#[derive(Debug)]
pub(crate) struct Seat<'a> {
    pools: &'a Pools,
    model: Option<String>,
}

// === impl Pools ===

impl Pools {
    /// Full pools: these limits for every model but those with limits of their own.
    pub(crate) fn new(usual: Limits, by_model: BTreeMap<String, Limits>, dynamic: bool) -> Self {
        let book = Book { usual, by_model, dynamic, pools: HashMap::new(), told: None, one_pool: false };
        Self { limiting: AtomicBool::new(book.limits_anything()), book: Mutex::new(book) }
    }

    /// All models share one pool.
    pub(crate) fn in_one_pool(self) -> Self {
        self.lock().one_pool = true;
        self
    }

    /// Other limits from now on, for one model or for all without limits of their own.
    pub(crate) fn set_limits(&self, model: Option<&str>, limits: Limits, now: Duration) {
        self.change(|book| book.set_limits(model, limits, now));
    }

    /// The next request of this model, or of any, is refused and told to wait so long.
    pub(crate) fn refuse_next(&self, model: Option<&str>, wait: Duration) {
        self.change(|book| book.told = Some((model.map(str::to_owned), wait)));
    }

    /// Decide over a call. A refused call takes nothing; an admitted one keeps its seat while it is under way.
    pub(crate) fn admit(&self, model: &str, cost: Cost, now: Duration) -> (Admission, Seat<'_>) {
        let none = Seat { pools: self, model: None };
        if !self.limiting.load(Ordering::Relaxed) {
            return (Admission::default(), none);
        }
        let mut book = self.lock();
        let Book { told, .. } = &mut *book;
        let is_told = told.as_ref().is_some_and(|(told, _)| told.as_deref().is_none_or(|told| told == model));
        if let Some((_, wait)) = told.take_if(|_| is_told) {
            return (Admission { refused: Some(Refusal::Told(wait)), ..Admission::default() }, none);
        }
        let pool = book.pool(model, now);
        let admission = pool.admit(cost, now);
        let seated = admission.refused.is_none() && pool.limits.concurrency.is_some();
        if seated {
            pool.in_flight += 1;
        }
        (admission, Seat { pools: self, model: seated.then(|| model.to_owned()) })
    }

    /// An admitted call has come to so much.
    pub(crate) fn settle(&self, model: &str, cost: Cost, used: Used, now: Duration) {
        if self.limiting.load(Ordering::Relaxed) {
            self.lock().pool(model, now).settle(cost, used, now);
        }
    }

    fn change(&self, act: impl FnOnce(&mut Book)) {
        let mut book = self.lock();
        act(&mut book);
        self.limiting.store(book.limits_anything(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Book ===

impl Book {
    fn limits_anything(&self) -> bool {
        self.dynamic
            || self.told.is_some()
            || !self.usual.are_none()
            || self.by_model.values().any(|limits| !limits.are_none())
    }

    fn limits(&self, model: &str) -> Limits {
        self.by_model.get(model).copied().unwrap_or(self.usual)
    }

    fn pool(&mut self, model: &str, now: Duration) -> &mut Pool {
        let known = self.pools.len() < MAX_POOLS || self.pools.contains_key(model);
        let name = if known && !self.one_pool { model } else { "" };
        if !self.pools.contains_key(name) {
            let pool = Pool::new(self.limits(name), self.dynamic, now);
            self.pools.insert(name.to_owned(), pool);
        }
        self.pools.get_mut(name).expect("a pool of this name was put there if there was none")
    }

    fn set_limits(&mut self, model: Option<&str>, limits: Limits, now: Duration) {
        match model {
            Some(model) if self.by_model.len() < MAX_POOLS || self.by_model.contains_key(model) => {
                self.by_model.insert(model.to_owned(), limits);
            }
            Some(_) => {}
            None => self.usual = limits,
        }
        let (usual, by_model) = (self.usual, &self.by_model);
        for (name, pool) in &mut self.pools {
            pool.set_limits(by_model.get(name).copied().unwrap_or(usual), now);
        }
    }
}

// === impl Pool ===

impl Pool {
    fn new(limits: Limits, dynamic: bool, now: Duration) -> Self {
        let full = |rate: Option<NonZeroU32>| rate.map(|rate| Bucket::new(rate, now));
        Self {
            limits,
            requests: full(limits.requests_per_minute).filter(|_| !dynamic),
            is_dynamic: dynamic,
            dynamic: limits.requests_per_minute.filter(|_| dynamic).map(|base| Dynamic::new(base, now)),
            tokens: full(limits.tokens_per_minute),
            input: full(limits.input_tokens_per_minute),
            output: full(limits.output_tokens_per_minute),
            in_flight: 0,
            day: (now, 0),
            spent_pico: 0,
        }
    }

    fn set_limits(&mut self, limits: Limits, now: Duration) {
        if limits == self.limits {
            return;
        }
        if self.is_dynamic {
            self.dynamic = limits.requests_per_minute.map(|base| Dynamic::new(base, now));
        } else {
            change(&mut self.requests, limits.requests_per_minute, now);
        }
        change(&mut self.tokens, limits.tokens_per_minute, now);
        change(&mut self.input, limits.input_tokens_per_minute, now);
        change(&mut self.output, limits.output_tokens_per_minute, now);
        self.limits = limits;
    }

    fn admit(&mut self, cost: Cost, now: Duration) -> Admission {
        if now.saturating_sub(self.day.0) >= DAY {
            self.day = (now, 0);
        }
        let refused = self.refusal(cost, now);
        if refused.is_none() {
            self.take(cost, now);
        }
        let dynamic = self.dynamic.as_mut().map(|dynamic| dynamic.quota(now));
        let quota = |bucket: &mut Option<Bucket>| bucket.as_mut().map(|bucket| bucket.quota(now));
        Admission {
            refused,
            requests: quota(&mut self.requests).or(dynamic),
            tokens: quota(&mut self.tokens),
            input: quota(&mut self.input),
            output: quota(&mut self.output),
        }
    }

    fn take(&mut self, cost: Cost, now: Duration) {
        self.day.1 = self.day.1.saturating_add(1);
        self.requests.iter_mut().for_each(|bucket| bucket.take(1, now));
        self.dynamic.iter_mut().for_each(|dynamic| dynamic.take(now));
        self.tokens.iter_mut().for_each(|bucket| bucket.take(cost.tokens, now));
        self.input.iter_mut().for_each(|bucket| bucket.take(cost.input, now));
    }

    fn settle(&mut self, cost: Cost, used: Used, now: Duration) {
        self.spent_pico += used.pico_dollars;
        if let Some(input) = &mut self.input {
            input.give(cost.input.saturating_sub(used.input), now);
            input.take(used.input.saturating_sub(cost.input), now);
        }
        self.output.iter_mut().for_each(|bucket| bucket.take(used.output, now));
    }

    fn refusal(&mut self, cost: Cost, now: Duration) -> Option<Refusal> {
        self.standing(now).or_else(|| self.wall(cost)).or_else(|| self.empty(cost, now))
    }

    /// What no bucket holds.
    fn standing(&self, now: Duration) -> Option<Refusal> {
        let cap_pico = self.limits.spend_micro_dollars.map(|micro| u128::from(micro) * PICO_PER_MICRO);
        if cap_pico.is_some_and(|cap| self.spent_pico >= cap) {
            return Some(Refusal::Spent);
        }
        if let Some(cap) = self.limits.requests_per_day.filter(|cap| self.day.1 >= *cap) {
            return Some(Refusal::Day(cap, DAY.saturating_sub(now.saturating_sub(self.day.0))));
        }
        self.limits.concurrency.filter(|cap| self.in_flight >= *cap).map(Refusal::Concurrency)
    }

    fn wall(&self, cost: Cost) -> Option<Refusal> {
        let limit = self.limits.tokens_per_minute.map(|limit| u64::from(limit.get()));
        limit.filter(|limit| cost.tokens > *limit).map(Refusal::Wall)
    }

    fn empty(&mut self, cost: Cost, now: Duration) -> Option<Refusal> {
        let waits = |bucket: &mut Option<Bucket>, cost| bucket.as_mut().map(|bucket| bucket.wait(cost, now));
        let long = |wait: &Duration| !wait.is_zero();
        let dynamic = self.dynamic.as_mut().map(|dynamic| dynamic.wait(now));
        waits(&mut self.requests, 1)
            .filter(long)
            .map(Refusal::Requests)
            .or_else(|| dynamic.filter(long).map(Refusal::Dynamic))
            .or_else(|| waits(&mut self.tokens, cost.tokens).filter(long).map(Refusal::Tokens))
            .or_else(|| waits(&mut self.input, cost.input).filter(long).map(Refusal::Input))
            // What it will come to no one knows: there must be something left.
            .or_else(|| waits(&mut self.output, 1).filter(long).map(Refusal::Output))
    }
}

fn change(bucket: &mut Option<Bucket>, rate: Option<NonZeroU32>, now: Duration) {
    match (bucket.as_mut(), rate) {
        (Some(bucket), Some(rate)) => bucket.set(rate, now),
        (_, rate) => *bucket = rate.map(|rate| Bucket::new(rate, now)),
    }
}

// === impl Seat ===

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let Some(model) = self.model.take() else { return };
        let mut book = self.pools.lock();
        let name = if book.pools.contains_key(&model) { model.as_str() } else { "" };
        if let Some(pool) = book.pools.get_mut(name) {
            pool.in_flight = pool.in_flight.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pools(limits: Limits) -> Pools {
        Pools::new(limits, BTreeMap::new(), false)
    }

    fn rates(rpm: u32, tpm: u32) -> Limits {
        Limits {
            requests_per_minute: NonZeroU32::new(rpm),
            tokens_per_minute: NonZeroU32::new(tpm),
            ..Limits::default()
        }
    }

    fn tokens(tokens: u64) -> Cost {
        Cost { tokens, input: tokens }
    }

    fn refused(pools: &Pools, model: &str, cost: u64, now: Duration) -> Option<Refusal> {
        pools.admit(model, tokens(cost), now).0.refused
    }

    #[test]
    fn models_do_not_take_from_each_other() {
        let pools = pools(rates(60, 0));
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), None);
        assert_eq!(refused(&pools, "b", 1, Duration::ZERO), None);
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), Some(Refusal::Requests(SECOND)));
    }

    #[test]
    fn a_refused_call_takes_nothing_of_either_quota() {
        let pools = pools(rates(60_000, 60_000));
        assert_eq!(refused(&pools, "a", 1_000, Duration::ZERO), None);
        let (refused, _) = pools.admit("a", tokens(500), Duration::ZERO);
        assert_eq!(refused.refused, Some(Refusal::Tokens(Duration::from_millis(500))));
        assert_eq!(refused.requests.map(|quota| quota.remaining), Some(999));
    }

    #[test]
    fn a_call_larger_than_a_minutes_tokens_meets_a_wall() {
        assert_eq!(refused(&pools(rates(0, 60)), "a", 61, Duration::ZERO), Some(Refusal::Wall(60)));
    }

    #[test]
    fn names_beyond_the_bound_share_one_pool() {
        let pools = pools(rates(60, 0));
        (0..MAX_POOLS).for_each(|n| assert_eq!(refused(&pools, &n.to_string(), 1, Duration::ZERO), None));
        assert_eq!(refused(&pools, "one more", 1, Duration::ZERO), None);
        assert!(refused(&pools, "and another", 1, Duration::ZERO).is_some());
    }

    #[test]
    fn input_is_corrected_after_the_call_and_output_counts_only_when_it_is_there() {
        let limits = Limits {
            input_tokens_per_minute: NonZeroU32::new(60_000),
            output_tokens_per_minute: NonZeroU32::new(60_000),
            ..Limits::default()
        };
        let pools = pools(limits);
        let left = |cost| pools.admit("a", tokens(cost), Duration::ZERO).0;
        assert_eq!(left(1_000).input.map(|quota| quota.remaining), Some(0));
        assert_eq!(left(1).refused, Some(Refusal::Input(Duration::from_millis(1))));
        // Nine tenths came from the cache.
        pools.settle("a", tokens(1_000), Used { input: 100, output: 3_000, pico_dollars: 0 }, Duration::ZERO);
        let next = left(500);
        // 2,000 more tokens were produced than the bucket held: two seconds, and one token's time.
        assert_eq!(next.refused, Some(Refusal::Output(Duration::from_millis(2_001))));
        assert_eq!(next.input.map(|quota| quota.remaining), Some(900));
    }

    #[test]
    fn a_day_has_its_requests_and_the_next_has_them_again() {
        let pools = pools(Limits { requests_per_day: Some(2), ..Limits::default() });
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), None);
        assert_eq!(refused(&pools, "a", 1, SECOND), None);
        assert_eq!(refused(&pools, "a", 1, 2 * SECOND), Some(Refusal::Day(2, DAY - 2 * SECOND)));
        assert_eq!(refused(&pools, "a", 1, DAY), None);
    }

    #[test]
    fn a_seat_is_free_again_when_its_call_is_over_however_it_ended() {
        let pools = pools(Limits { concurrency: Some(1), ..Limits::default() });
        let (first, seat) = pools.admit("a", tokens(1), Duration::ZERO);
        assert_eq!(first.refused, None);
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), Some(Refusal::Concurrency(1)));
        drop(seat);
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), None);
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), None);
    }

    #[test]
    fn money_is_spent_when_it_is_spent() {
        let pools = pools(Limits { spend_micro_dollars: Some(10), ..Limits::default() });
        let spend = |pico_dollars| {
            pools.settle("a", tokens(1), Used { input: 0, output: 0, pico_dollars }, Duration::ZERO);
            refused(&pools, "a", 1, Duration::ZERO)
        };
        assert_eq!(spend(9_999_999), None);
        assert_eq!(spend(1), Some(Refusal::Spent));
    }

    #[test]
    fn limits_change_while_calls_come_and_one_model_may_have_its_own() {
        let pools = pools(Limits::default());
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), None);
        pools.set_limits(None, rates(60, 0), Duration::ZERO);
        pools.set_limits(Some("b"), Limits::default(), Duration::ZERO);
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), None);
        assert!(refused(&pools, "a", 1, Duration::ZERO).is_some());
        assert!((0..100).all(|_| refused(&pools, "b", 1, Duration::ZERO).is_none()));
        pools.set_limits(None, Limits::default(), Duration::ZERO);
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), None);
    }

    #[test]
    fn the_next_request_is_told_to_wait_and_the_one_after_is_not() {
        let pools = pools(Limits::default());
        pools.refuse_next(Some("a"), 20 * SECOND);
        assert_eq!(refused(&pools, "b", 1, Duration::ZERO), None);
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), Some(Refusal::Told(20 * SECOND)));
        assert_eq!(refused(&pools, "a", 1, Duration::ZERO), None);
    }
}
