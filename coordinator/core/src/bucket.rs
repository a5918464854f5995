//! One quota as a bucket, in whole numbers: time is an argument. It holds so little that calls leave evenly, for a
//! provider's own bucket holds one second of its limit and no more.

use crate::ids::Millis;

/// Billionths of a call or token: at one a minute a millisecond's refill is 16,666 of them.
const NANO: i128 = 1_000_000_000;

/// What is let go at once after a quiet moment: small beside the provider's second, so that calls late on their way still
/// find room there.
const BURST_MS: i128 = 100;

/// What may gather beyond that: while a wakeup is late, which would cost its share of the rate otherwise, and before a call
/// that must find the provider's bucket full.
const LATE_MS: i128 = 60;

/// What a provider's bucket is taken to hold.
const PROVIDER_MS: i128 = 1_000;

/// The most that is believed to have gathered at a provider during a silence.
const SILENCE_MS: u64 = 800;

/// A call that takes all, or nearly all, that a provider's bucket can hold is sent so much later than the sums say: the
/// one before it may have been late on its way. A fiftieth of what the call itself takes, within these.
const JITTER_MS: std::ops::RangeInclusive<i128> = 20..=50;

/// A day: no gap counts for more, so that no product overflows.
const LONGEST_MS: u64 = 86_400_000;

/// One quota.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// What it gains in a millisecond, in billionths.
    rate: i128,
    /// What it holds, in billionths. Below zero after a call larger than the bucket, which is granted when it is full.
    level: i128,
    /// The same as a provider counts, whose bucket was no more than full whenever a call took of it. A call that needs a
    /// full one is granted by this.
    strict: i128,
    /// When both were right.
    at: Millis,
}

// === impl Bucket ===

impl Bucket {
    /// An empty one.
    pub(crate) fn empty(at: Millis) -> Self {
        Self { rate: 0, level: 0, strict: 0, at }
    }

    /// Fills it: no one else can have used of it.
    pub(crate) fn fill(&mut self) {
        self.level = self.level.max(self.burst());
        self.strict = self.strict.max(self.burst());
    }

    /// Sets its rate from now on: so many a minute, of which a part in millionths.
    pub(crate) fn set_rate(&mut self, now: Millis, per_minute: u64, part_ppm: u64) {
        self.refill(now);
        self.rate = i128::from(per_minute) * NANO / 60_000 * i128::from(part_ppm) / 1_000_000;
    }

    /// How long until a call of this cost can be granted, in milliseconds; 0: now. None: never, at this rate.
    pub(crate) fn wait_ms(&self, cost: u64) -> Option<u64> {
        let small = (i128::from(cost) * NANO).min(self.burst()) - self.level;
        let missing =
            self.margin(cost).map_or(small, |margin| small.max(self.burst() + margin - self.strict));
        if missing <= 0 {
            return Some(0);
        }
        let wait = (missing + self.rate - 1).checked_div(self.rate)?;
        Some(u64::try_from(wait).unwrap_or(u64::MAX))
    }

    /// Takes a call's cost.
    pub(crate) fn take(&mut self, cost: u64) {
        if self.margin(cost).is_some() {
            self.level = self.level.min(self.burst());
        }
        self.strict = self.strict.min(self.burst());
        self.owe(cost);
    }

    /// Gives back what was taken of it too much; what the bucket can't hold is lost.
    pub(crate) fn give_back(&mut self, cost: u64) {
        self.gain(i128::from(cost) * NANO);
    }

    /// Takes what was not foreseen.
    pub(crate) fn owe(&mut self, cost: u64) {
        self.level -= i128::from(cost) * NANO;
        self.strict -= i128::from(cost) * NANO;
    }

    /// After a silence of the whole scope: the provider's bucket has filled meanwhile.
    pub(crate) fn after_silence(&mut self, now: Millis, silence_ms: u64) {
        self.refill(now);
        let regained = self.rate * i128::from(silence_ms.min(SILENCE_MS));
        self.level = self.level.max(regained);
        // It was empty when the silence began: it is not full before a whole second has passed.
        self.strict = self.burst().min(self.strict).min(self.burst() + regained - self.rate * PROVIDER_MS);
    }

    /// How long its rate takes for so much, in milliseconds.
    pub(crate) fn time_ms(&self, cost: u64) -> u64 {
        let time = (i128::from(cost) * NANO).checked_div(self.rate).unwrap_or(0);
        u64::try_from(time).unwrap_or(u64::MAX)
    }

    /// What it gains in a second, in whole units.
    pub(crate) fn a_second(&self) -> u64 {
        u64::try_from(self.rate * 1_000 / NANO).unwrap_or(u64::MAX)
    }

    /// What it gains in a minute.
    pub(crate) fn per_minute(&self) -> f64 {
        self.rate as f64 * 60_000.0 / NANO as f64
    }

    /// Lets time pass.
    pub(crate) fn refill(&mut self, now: Millis) {
        let passed = now.0.saturating_sub(self.at.0).min(LONGEST_MS);
        self.at = self.at.max(now);
        self.gain(i128::from(passed) * self.rate);
    }

    fn gain(&mut self, gained: i128) {
        let most = self.burst() + self.rate * LATE_MS;
        self.level = (self.level + gained).min(most.max(self.level));
        self.strict = (self.strict + gained).min(most.max(self.strict));
    }

    /// What is let go at once: at least one whole call, however slow the rate.
    fn burst(&self) -> i128 {
        (self.rate * BURST_MS).max(NANO)
    }

    /// What must be there beyond a full bucket, for a call that takes all, or nearly all, of the provider's.
    fn margin(&self, cost: u64) -> Option<i128> {
        let cost = i128::from(cost) * NANO;
        let provider = (self.rate * PROVIDER_MS).max(NANO);
        if cost * 10 < provider * 9 || self.rate == 0 {
            return None;
        }
        Some(self.rate * (cost / self.rate / 50).clamp(*JITTER_MS.start(), *JITTER_MS.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A provider's bucket, as each of them counts: one second of the limit, a call larger than it when it is full.
    struct Provider {
        per_minute: f64,
        level: f64,
        at_ms: f64,
    }

    impl Provider {
        fn admits(&mut self, at_ms: f64, cost: f64) -> bool {
            let capacity = (self.per_minute / 60.0).max(1.0);
            self.level = (self.level + (at_ms - self.at_ms) * self.per_minute / 60_000.0).min(capacity);
            self.at_ms = at_ms;
            let admitted = self.level >= cost.min(capacity);
            if admitted {
                self.level -= cost;
            }
            admitted
        }
    }

    /// Calls of costs in turn, each as soon as it is granted: what share of the limit is used, in thousandths, and how
    /// many a provider turns away when each arrives up to 15 ms late.
    fn run(per_minute: u64, costs: &[u64], end_ms: u64) -> (u64, u64) {
        let mut bucket = Bucket::empty(Millis(0));
        let capacity = (per_minute as f64 / 60.0).max(1.0);
        let mut provider = Provider { per_minute: per_minute as f64, level: capacity, at_ms: 0.0 };
        bucket.set_rate(Millis(0), per_minute, 998_000);
        let (mut now, mut used, mut refused) = (0, 0, 0);
        for turn in 0.. {
            let cost = costs[turn % costs.len()];
            now += bucket.wait_ms(cost).expect("it has a rate");
            if now >= end_ms {
                break;
            }
            bucket.refill(Millis(now));
            bucket.take(cost);
            used += cost;
            let late_ms = (turn * 7 % 16) as f64;
            refused += u64::from(!provider.admits((now as f64 + late_ms).max(provider.at_ms), cost as f64));
        }
        (used * 60_000_000 / per_minute / end_ms, refused)
    }

    #[test]
    fn requests_use_their_limit_and_are_never_turned_away() {
        for per_minute in [60, 600, 6_000, 60_000, 600_000] {
            let (used, refused) = run(per_minute, &[1], 300_000);
            assert!((975..=1_002).contains(&used), "{used} of {per_minute}");
            assert_eq!(refused, 0, "of {per_minute}");
        }
    }

    #[test]
    fn tokens_use_their_limit_whatever_the_sizes_of_calls() {
        let mixes: [&[u64]; 4] =
            [&[200], &[20_000], &[200, 20_000, 900, 1_000, 5_000], &[950, 1_050, 980, 300, 2_000]];
        for per_minute in [60_000, 600_000, 6_000_000] {
            for mix in mixes {
                let (used, refused) = run(per_minute, mix, 1_200_000);
                assert!((950..=1_018).contains(&used), "{used} of {per_minute} by {mix:?}");
                assert_eq!(refused, 0, "of {per_minute} by {mix:?}");
            }
        }
    }

    #[test]
    fn an_idle_day_gives_no_more_than_a_moments_burst() {
        let mut bucket = Bucket::empty(Millis(0));
        bucket.set_rate(Millis(0), 6_000, 1_000_000);
        bucket.refill(Millis(u64::MAX));
        let taken = (0..100)
            .take_while(|_| {
                bucket.wait_ms(1) == Some(0) && {
                    bucket.take(1);
                    true
                }
            })
            .count();
        assert_eq!(taken, 16);
    }

    #[test]
    fn what_is_given_back_is_never_above_what_it_can_hold() {
        let mut bucket = Bucket::empty(Millis(0));
        bucket.set_rate(Millis(0), 6_000, 1_000_000);
        bucket.give_back(u64::MAX);
        bucket.owe(16);
        assert_eq!(bucket.wait_ms(1), Some(10));
        bucket.owe(u64::MAX);
        bucket.take(u64::MAX);
        assert!(bucket.wait_ms(u64::MAX).is_some_and(|wait| wait > 1_000_000));
    }

    #[test]
    fn a_rate_of_nothing_grants_nothing() {
        let mut bucket = Bucket::empty(Millis(0));
        bucket.set_rate(Millis(0), 0, 1_000_000);
        bucket.refill(Millis(1_000_000));
        assert_eq!(bucket.wait_ms(1), None);
    }
}
