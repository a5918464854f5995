//! When the next call of a governed scope may leave: its buckets, its pace, its silences, and the calls that wait.

use crate::bucket::Bucket;
use crate::gauge::{Amounts, Gauge, amounts};
use crate::ids::Millis;
use crate::meter::Meter;
use crate::queue::Queue;
use crate::quota::{CallSettled, Cost, Fate, Quota};
use crate::throttle::{Pace, Throttle, WHOLE};
use crate::view::Traffic;

/// A scope with a rate grants at most so often: at 1,000 calls a second ten at once, not a wakeup for each.
pub(crate) const QUANTUM_MS: u64 = 10;

/// The part of a limit that is given out, in millionths. The rest is for clocks that don't run alike.
const GIVEN_OUT_PPM: u64 = 998_000;

/// How long a provider's headers are believed.
const SEEN_MS: u64 = 600_000;

/// A pause of so long or longer is followed by a ramp, of half its length and at most `LONGEST_RAMP_MS`.
const LONG_PAUSE_MS: u64 = 2_000;
const LONGEST_RAMP_MS: u64 = 10_000;

/// Where a ramp begins, in millionths of the rate.
const RAMP_FROM_PPM: u64 = 100_000;

/// After so long without a call the provider has forgotten the rate: it is reached by a ramp again.
const QUIET_MS: u64 = 60_000;

/// A part of a new call's cost in the mean of them.
const MEAN_OF: u64 = 16;

/// Calls that a scope whose calls are limited by their tokens is taken to start in a second, until one was asked for.
const UNKNOWN_CALLS: u64 = 16;

/// A pause that is said again and ends no later than this after the first is the same.
const SAME_PAUSE_MS: u64 = 250;

/// A shorter time says too little of a rate.
const SHORTEST_MEASURE_MS: u64 = 300;

/// Calls granted together are spread over no more than this: a share is good for two seconds from its ask.
const LONGEST_SPREAD_MS: u64 = 200;

/// Slower than so many calls a second they are not spread at all: a large one that comes next must find the provider's
/// bucket as the sums say, and a few calls at once are no jump.
const SPREAD_FROM: u64 = 50;

/// What governs a scope.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Calls, tokens, tokens in, tokens out.
    buckets: [Option<Bucket>; 4],
    /// The quota that it was made for.
    quota: Quota,
    /// None: nothing is stated, nothing was learned and nothing is searched for.
    throttle: Option<Throttle>,
    gauge: Gauge,
    pub(crate) meter: Meter,
    pub(crate) queue: Queue,
    pub(crate) in_flight: usize,
    pub(crate) pauses: u64,
    /// Limits that headers stated, and until when they are believed.
    seen: (Quota, Millis),
    /// When the silence began that is or was last, and when it ends; none once it was taken account of.
    silence: Option<(Millis, Millis)>,
    /// When the last ramp began, and how long it takes.
    ramp: (Millis, u64),
    /// When calls were last granted.
    last_grant: Option<Millis>,
    /// Whether calls waited for the rate when they were last looked after.
    bound: bool,
    /// Since when its buckets count, if an earlier process may have used of them before.
    from: Option<Millis>,
    /// What calls cost, about.
    mean: Cost,
}

// === impl Limiter ===

impl Limiter {
    /// A limiter that begins now. `from`: an earlier process may have granted shares that are good until then.
    pub(crate) fn new(now: Millis, from: Option<Millis>, quota: &Quota) -> Self {
        Self {
            buckets: [const { None }; 4],
            quota: *quota,
            throttle: first_throttle(now, quota),
            gauge: Gauge::default(),
            meter: Meter::default(),
            queue: Queue::default(),
            in_flight: 0,
            pauses: 0,
            seen: (Quota::default(), Millis(0)),
            silence: None,
            ramp: (now, quota.ramp_ms),
            last_grant: None,
            bound: false,
            from,
            mean: Cost::default(),
        }
    }

    /// If the quota is another, what was learned of the old one is forgotten.
    pub(crate) fn requota(&mut self, now: Millis, quota: &Quota) {
        if self.quota != *quota {
            self.throttle = first_throttle(now, quota);
            self.quota = *quota;
        }
    }

    /// Whether it limits what its quota does not.
    pub(crate) fn has_learned(&self) -> bool {
        self.throttle.as_ref().is_some_and(Throttle::is_learned) || self.seen.0 != Quota::default()
    }

    /// A call takes the place of one sixteenth of the mean.
    pub(crate) fn note_cost(&mut self, cost: &Cost) {
        let mix = |mean: u64, new: u64| {
            if mean == 0 { new } else { mean - mean / MEAN_OF + new / MEAN_OF }
        };
        self.mean = Cost {
            tokens: mix(self.mean.tokens, cost.tokens),
            input_tokens: mix(self.mean.input_tokens, cost.input_tokens),
            output_tokens: mix(self.mean.output_tokens, cost.output_tokens),
        };
    }

    /// No call leaves before this.
    pub(crate) fn not_before(&self) -> Millis {
        let quantum = if self.buckets.iter().any(Option::is_some) { QUANTUM_MS } else { 0 };
        let after_last = self.last_grant.map_or(Millis(0), |at| at.plus(quantum));
        self.silence.map_or(after_last, |(_, end)| end.max(after_last))
    }

    /// Until when it is silent, if it is.
    pub(crate) fn silent_until(&self, now: Millis) -> Option<Millis> {
        self.silence.map(|(_, end)| end).filter(|end| *end > now)
    }

    /// A provider asked for silence. Whether that is news: many workers are told the same within moments.
    pub(crate) fn pause(&mut self, now: Millis, until: Millis) -> bool {
        let is_news = self.silent_until(now).is_none_or(|end| until > end.plus(SAME_PAUSE_MS));
        self.pauses += u64::from(is_news);
        self.be_silent(now, until);
        is_news
    }

    fn be_silent(&mut self, now: Millis, until: Millis) {
        self.silence = Some(match self.silence {
            Some((from, end)) if end > now => (from, end.max(until)),
            _ => (now, until),
        });
    }

    /// A provider complained of a scope without limits: the search begins at what passed just before.
    pub(crate) fn learn(&mut self, now: Millis) {
        if self.throttle.is_none() {
            let (from, admitted) = self.gauge.read();
            let seen = pace_of(admitted[0], now.0.saturating_sub(from.0));
            self.throttle = Some(Throttle::search_from(now, seen));
            self.gauge.mark(now);
        }
    }

    /// A call was answered that no one had asked for.
    pub(crate) fn answered_unasked(&mut self, now: Millis) {
        self.meter.answered_unasked(now);
        self.gauge.left(now, &amounts(&Cost::default()));
    }

    /// A provider's headers stated limits. One of nothing is no limit but a broken header.
    pub(crate) fn observe(&mut self, now: Millis, seen: &Quota) {
        let known = if self.seen.1 > now { self.seen.0 } else { Quota::default() };
        let newest = |new: Option<u64>, known: Option<u64>| new.filter(|new| *new > 0).or(known);
        let requests = seen.requests_per_minute.filter(|new| *new > 0).or(known.requests_per_minute);
        let seen = Quota {
            requests_per_minute: requests,
            tokens_per_minute: newest(seen.tokens_per_minute, known.tokens_per_minute),
            input_tokens_per_minute: newest(seen.input_tokens_per_minute, known.input_tokens_per_minute),
            output_tokens_per_minute: newest(seen.output_tokens_per_minute, known.output_tokens_per_minute),
            ..Quota::default()
        };
        self.seen = (seen, now.plus(SEEN_MS));
    }

    /// Lets time pass: what is learned, how fast it goes, what silences were over.
    pub(crate) fn look_after(&mut self, now: Millis, quota: &Quota) {
        if self.seen.1 <= now {
            self.seen.0 = Quota::default();
        }
        self.conclude(now, quota);
        if let Some(throttle) = &mut self.throttle {
            throttle.advance(now, self.bound);
        }
        self.bound = false;
        // One ramp a silence: calls that wait for a slow rate make a silence longer, and would begin it anew for ever.
        let quiet = |at: Millis| now > at.plus(QUIET_MS) && self.ramp.0 <= at;
        if quota.ramp_ms > 0 && self.last_grant.is_some_and(quiet) && self.ramp_ppm(now) == WHOLE {
            self.ramp = (now, quota.ramp_ms);
        }
        self.set_rates(now, quota);
        self.end_silence(now, quota);
    }

    /// Sets the rates, so that it is known what there will be to grant.
    pub(crate) fn prepare(&mut self, now: Millis, quota: &Quota) {
        self.set_rates(now, quota);
    }

    /// How long until a call of this cost may leave, in milliseconds. None: never, at this rate.
    pub(crate) fn wait_ms(&self, cost: &Cost) -> Option<u64> {
        let wait = |(bucket, cost): (&Bucket, u64)| if cost == 0 { Some(0) } else { bucket.wait_ms(cost) };
        self.with(&amounts(cost)).map(wait).try_fold(0, |longest, wait| wait.map(|wait| wait.max(longest)))
    }

    /// A call leaves.
    pub(crate) fn take(&mut self, now: Millis, cost: &Cost) {
        let amounts = amounts(cost);
        for (bucket, amount) in self.buckets.iter_mut().zip(amounts) {
            if let Some(bucket) = bucket {
                bucket.take(amount);
            }
        }
        self.gauge.left(now, &amounts);
        self.meter.granted(now);
        self.in_flight += 1;
        self.last_grant = Some(now);
    }

    /// Whether its rate may rise by itself.
    pub(crate) fn rises(&self, now: Millis) -> bool {
        self.ramp_ppm(now) < WHOLE || self.throttle.as_ref().is_some_and(Throttle::is_learned)
    }

    /// Calls wait for nothing but the rate.
    pub(crate) fn is_bound(&mut self) {
        self.bound = true;
    }

    /// A call that had left at a moment ended.
    pub(crate) fn settle(&mut self, now: Millis, left_at: Millis, reserved: &Cost, call: &CallSettled) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.meter.settled(now, call);
        match call.fate {
            Fate::Unused => {
                self.even_out(&amounts(reserved), &[0; 4]);
                self.gauge.came_back(left_at, &amounts(reserved));
            }
            Fate::Answered | Fate::Failed => self.even_out(&amounts(reserved), &amounts(&call.cost)),
            Fate::Limited => {
                self.gauge.came_back(left_at, &amounts(reserved));
                self.limited(now, left_at);
            }
            Fate::Lost => {}
        }
    }

    /// A call that had left is not known to have ended, and never will be.
    pub(crate) fn forget(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// How many calls it starts in a second, at the cost that they have lately; none: without a bound.
    pub(crate) fn calls_a_second(&self) -> Option<u64> {
        let mean = amounts(&self.mean);
        let calls =
            self.with(&mean).filter(|(_, cost)| *cost > 0).map(|(bucket, cost)| bucket.a_second() / cost);
        // Before the first call nobody knows what one costs.
        calls.min().or(self.buckets.iter().any(Option::is_some).then_some(UNKNOWN_CALLS))
    }

    /// Over how long calls of these amounts, that leave together, are to be spread, in milliseconds.
    pub(crate) fn spread_ms(&self, sum: &Amounts) -> u32 {
        if self.calls_a_second().is_none_or(|calls| calls < SPREAD_FROM) {
            return 0;
        }
        let longest = self.with(sum).map(|(bucket, amount)| bucket.time_ms(amount)).max().unwrap_or(0);
        u32::try_from(longest.min(LONGEST_SPREAD_MS)).unwrap_or(0)
    }

    /// Requests a minute that are given out, if that is bounded.
    pub(crate) fn per_minute(&self) -> Option<f64> {
        self.buckets[0].as_ref().map(Bucket::per_minute)
    }

    /// The share of the minute's limits that this is, of the one used most, in thousandths.
    pub(crate) fn used_permille(&self, now: Millis, quota: &Quota, minute: &Traffic) -> Option<u32> {
        let cost = minute.cost;
        let used = [minute.answered, cost.tokens, cost.input_tokens, cost.output_tokens];
        let seconds = self.meter.seconds(now);
        let share = |(limit, used): (Option<u64>, u64)| {
            let limit = limit.filter(|limit| *limit > 0)?;
            u32::try_from(u128::from(used) * 60_000 / (u128::from(limit) * u128::from(seconds))).ok()
        };
        self.limits(now, quota).into_iter().zip(used).filter_map(share).max()
    }

    fn with<'a>(&'a self, amounts: &'a Amounts) -> impl Iterator<Item = (&'a Bucket, u64)> {
        self.buckets.iter().zip(amounts).filter_map(|(bucket, amount)| Some((bucket.as_ref()?, *amount)))
    }

    /// Gives back or takes what a call cost less or more than it had reserved.
    fn even_out(&mut self, reserved: &Amounts, cost: &Amounts) {
        for ((bucket, reserved), cost) in self.buckets.iter_mut().zip(reserved).zip(cost) {
            let Some(bucket) = bucket else { continue };
            if cost > reserved {
                bucket.owe(cost - reserved);
            } else {
                bucket.give_back(reserved - cost);
            }
        }
    }

    fn limited(&mut self, now: Millis, left_at: Millis) {
        self.learn(now);
        let until = self.throttle.as_mut().and_then(|throttle| throttle.limited(now, left_at));
        if let Some(until) = until {
            self.be_silent(now, until);
        }
    }

    fn conclude(&mut self, now: Millis, quota: &Quota) {
        let Some(at) = self.throttle.as_ref().and_then(|throttle| throttle.open_question(now)) else {
            return;
        };
        let (from, admitted) = self.gauge.read();
        let passed_ms = at.0.saturating_sub(from.0);
        let limits = self.limits(now, quota);
        let Some(throttle) = &mut self.throttle else { return };
        let pace = match throttle.is_stated() {
            _ if passed_ms < SHORTEST_MEASURE_MS => Pace::MAX,
            true => part_of(&limits, &admitted, passed_ms),
            false => pace_of(admitted[0], passed_ms),
        };
        throttle.conclude(now, pace);
        self.gauge.mark(at);
    }

    fn end_silence(&mut self, now: Millis, quota: &Quota) {
        let Some((from, end)) = self.silence.filter(|(_, end)| *end <= now) else { return };
        self.silence = None;
        let length_ms = end.0.saturating_sub(from.0);
        if length_ms >= LONG_PAUSE_MS {
            self.ramp = (now, quota.ramp_ms.max((length_ms / 2).min(LONGEST_RAMP_MS)));
            self.set_rates(now, quota);
            return;
        }
        for bucket in self.buckets.iter_mut().flatten() {
            bucket.after_silence(now, length_ms);
        }
    }

    /// The limits in force: as stated, or lower where headers say so.
    fn limits(&self, now: Millis, quota: &Quota) -> [Option<u64>; 4] {
        let stated = limits_of(quota);
        if self.seen.1 <= now {
            return stated;
        }
        let seen = limits_of(&self.seen.0);
        std::array::from_fn(|index| match (stated[index], seen[index]) {
            (Some(stated), Some(seen)) => Some(stated.min(seen)),
            (stated, seen) => stated.or(seen),
        })
    }

    fn set_rates(&mut self, now: Millis, quota: &Quota) {
        let limits = self.limits(now, quota);
        let ramp_ppm = self.ramp_ppm(now);
        for (index, limit) in limits.into_iter().enumerate() {
            let Some((per_minute, part_ppm)) = self.rate(index, limit, ramp_ppm) else {
                self.buckets[index] = None;
                continue;
            };
            let from = self.from;
            let bucket = self.buckets[index].get_or_insert_with(|| Bucket::empty(from.unwrap_or(now)));
            let is_new = bucket.per_minute() == 0.0;
            bucket.set_rate(now, per_minute, part_ppm);
            if is_new && from.is_none() {
                bucket.fill();
            }
        }
    }

    /// A dimension's rate: so many a minute, of which a part in millionths.
    fn rate(&self, index: usize, limit: Option<u64>, ramp_ppm: u64) -> Option<(u64, u64)> {
        let given_out = GIVEN_OUT_PPM * ramp_ppm / WHOLE;
        match &self.throttle {
            Some(throttle) if throttle.is_stated() => Some((limit?, given_out * throttle.pace() / WHOLE)),
            Some(throttle) if index == 0 => {
                let thousandths = throttle.pace().saturating_mul(60);
                let limit = limit.map_or(u64::MAX, |limit| limit.saturating_mul(1_000));
                Some((thousandths.min(limit), given_out / 1_000))
            }
            _ => Some((limit?, given_out)),
        }
    }

    fn ramp_ppm(&self, now: Millis) -> u64 {
        let (from, length_ms) = self.ramp;
        let passed = now.0.saturating_sub(from.0);
        if passed >= length_ms {
            return WHOLE;
        }
        let more = u128::from(WHOLE - RAMP_FROM_PPM) * u128::from(passed) / u128::from(length_ms);
        RAMP_FROM_PPM + u64::try_from(more).unwrap_or(0)
    }
}

fn first_throttle(now: Millis, quota: &Quota) -> Option<Throttle> {
    if limits_of(quota).iter().any(Option::is_some) {
        Some(Throttle::full(now))
    } else if quota.discover {
        Some(Throttle::search(now))
    } else {
        None
    }
}

fn limits_of(quota: &Quota) -> [Option<u64>; 4] {
    [
        quota.requests_per_minute.map(u64::from),
        quota.tokens_per_minute,
        quota.input_tokens_per_minute,
        quota.output_tokens_per_minute,
    ]
}

/// The part of the limits that amounts in a time are, of the one used most, in millionths.
fn part_of(limits: &[Option<u64>; 4], amounts: &Amounts, passed_ms: u64) -> Pace {
    let part = |(limit, amount): (&Option<u64>, &u64)| {
        let whole = u128::from((*limit)?) * u128::from(passed_ms);
        (u128::from(*amount) * 60_000 * u128::from(WHOLE)).checked_div(whole)
    };
    let most = limits.iter().zip(amounts).filter_map(part).max().unwrap_or(0);
    Pace::try_from(most).unwrap_or(Pace::MAX)
}

/// So many calls in a time, in thousandths of a call a second.
fn pace_of(calls: u64, passed_ms: u64) -> Pace {
    let pace = (u128::from(calls) * 1_000_000).checked_div(u128::from(passed_ms)).unwrap_or(0);
    Pace::try_from(pace).unwrap_or(Pace::MAX)
}
