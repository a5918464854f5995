//! A token bucket, pure: time is an argument. It holds one second's worth and refills all the time.

use std::num::NonZeroU32;
use std::time::Duration;

/// Billionths of a token: at any rate of whole tokens a minute, refilling loses less than one of these per call.
const NANO: i128 = 1_000_000_000;

const MINUTE_NS: i128 = 60 * NANO;

/// One quota.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    per_minute: i128,
    /// What it holds when full, in billionths.
    capacity: i128,
    /// What it holds, in billionths. Below zero after a call larger than the bucket, which is admitted when it is full:
    /// the long-run rate is true whatever the sizes of calls.
    level: i128,
    /// When `level` was right, in nanoseconds.
    at_ns: i128,
}

/// What headers say of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Until it is full again.
    pub(crate) reset: Duration,
}

// === impl Bucket ===

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(per_minute: NonZeroU32, now: Duration) -> Self {
        let per_minute = i128::from(per_minute.get());
        let capacity = (per_minute * NANO / 60).max(NANO);
        Self { per_minute, capacity, level: capacity, at_ns: nanos(now) }
    }

    /// How long until a call of this cost is admitted; zero if it is now. Takes nothing.
    pub(crate) fn wait(&mut self, cost: u64, now: Duration) -> Duration {
        self.refill(now);
        let needed = (i128::from(cost) * NANO).min(self.capacity);
        self.time_for(needed - self.level)
    }

    /// Take a call's cost.
    pub(crate) fn take(&mut self, cost: u64, now: Duration) {
        self.refill(now);
        self.level -= i128::from(cost) * NANO;
    }

    /// Give back what was taken too much, never above what it holds.
    pub(crate) fn give(&mut self, cost: u64, now: Duration) {
        self.refill(now);
        self.level = (self.level + i128::from(cost) * NANO).min(self.capacity);
    }

    /// Another rate from now on. What is in it stays, as far as it has room; a debt stays too.
    pub(crate) fn set(&mut self, per_minute: NonZeroU32, now: Duration) {
        self.refill(now);
        let level = self.level;
        *self = Self::new(per_minute, now);
        self.level = level.min(self.capacity);
    }

    /// What headers say of it.
    pub(crate) fn quota(&mut self, now: Duration) -> Quota {
        self.refill(now);
        Quota {
            limit: u64::try_from(self.per_minute).unwrap_or(0),
            remaining: u64::try_from(self.level / NANO).unwrap_or(0),
            reset: self.time_for(self.capacity - self.level),
        }
    }

    fn refill(&mut self, now: Duration) {
        let now_ns = nanos(now);
        let passed = (now_ns - self.at_ns).clamp(0, MINUTE_NS * 60 * 24);
        self.level = (self.level + passed * self.per_minute / 60).min(self.capacity);
        self.at_ns = self.at_ns.max(now_ns);
    }

    /// How long it takes to gain so much, rounded up.
    fn time_for(&self, missing: i128) -> Duration {
        let ns = (missing.max(0) * 60 + self.per_minute - 1) / self.per_minute;
        Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(per_minute: u32) -> Bucket {
        Bucket::new(NonZeroU32::new(per_minute).expect("not zero"), Duration::ZERO)
    }

    /// Calls of a cost, each as soon as it is admitted: how many begin before `end`.
    fn served(bucket: &mut Bucket, cost: u64, end: Duration) -> u64 {
        let mut now = Duration::ZERO;
        for served in 0.. {
            now += bucket.wait(cost, now);
            if now >= end {
                return served;
            }
            bucket.take(cost, now);
        }
        unreachable!("the loop returns")
    }

    #[test]
    fn a_minute_admits_its_rate_and_one_second_of_burst() {
        assert_eq!(served(&mut bucket(600), 1, Duration::from_secs(60)), 609);
        assert_eq!(served(&mut bucket(6), 1, Duration::from_secs(600)), 60);
    }

    #[test]
    fn calls_larger_than_the_bucket_keep_the_long_run_rate() {
        // 60,000 tokens a minute, calls of 5,000: the bucket holds 1,000, yet twelve a minute get through.
        let served = served(&mut bucket(60_000), 5_000, Duration::from_secs(600));
        assert!((120..=121).contains(&served), "{served}");
    }

    #[test]
    fn an_idle_day_gives_no_more_than_one_second() {
        let mut bucket = bucket(600);
        let day = Duration::from_secs(86_400);
        assert_eq!(bucket.quota(day), Quota { limit: 600, remaining: 10, reset: Duration::ZERO });
        (0..10).for_each(|_| bucket.take(1, day));
        assert_eq!(bucket.wait(1, day), Duration::from_millis(100));
        assert_eq!(bucket.quota(day), Quota { limit: 600, remaining: 0, reset: Duration::from_secs(1) });
    }

    #[test]
    fn a_halved_limit_holds_at_once_and_what_was_owed_stays_owed() {
        let mut bucket = bucket(6_000);
        let half = NonZeroU32::new(3_000).expect("not zero");
        bucket.set(half, Duration::ZERO);
        assert_eq!(bucket.quota(Duration::ZERO).remaining, 50);
        bucket.take(100, Duration::ZERO);
        assert_eq!(bucket.wait(1, Duration::ZERO), Duration::from_millis(1_020));
        bucket.give(1_000, Duration::ZERO);
        assert_eq!(bucket.quota(Duration::ZERO).remaining, 50);
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_away() {
        let mut bucket = bucket(60);
        bucket.take(1, Duration::from_secs(10));
        assert_eq!(bucket.wait(1, Duration::from_secs(5)), Duration::from_secs(1));
        assert_eq!(bucket.wait(1, Duration::from_secs(11)), Duration::ZERO);
    }
}
