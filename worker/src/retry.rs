//! When to try a call again: per class of failure an exponential schedule with full jitter, never below the provider's
//! hint, bounded in tries and in time. The one place that uses the `backoff` crate, which is unmaintained
//! (RUSTSEC-2025-0012): only its schedule is used, not its clock, its randomness or its loop.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;
use muster_episode::RetryPlan;
use tokio::time::Instant;

use crate::classify::ErrorClass;

/// How often and how long a call is tried again, per class of failure. Configuration errors and bad requests never are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryLimits {
    /// Network trouble, a 5xx, a lost answer. Default: 5 tries within 15 minutes, which is room for one answer that never
    /// came after 10 minutes of silence and another try; waits of up to 0.5, 1, 2, 4 s between them.
    pub transient: ClassLimits,
    /// "Too many requests". Default: 12 tries within 10 minutes; waits of up to 1, 2, 4, ... 60 s.
    pub rate_limited: ClassLimits,
    /// Overload. Default: 8 tries within 10 minutes; waits of up to 2, 4, 8, ... 60 s.
    pub overloaded: ClassLimits,
    /// From the call's first try to its end, whatever it is at then. Default: no bound but that of a try.
    pub deadline: Option<Duration>,
}

/// The limits of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassLimits {
    /// Tries that may end in this class, the first one included.
    pub max_tries: u32,
    /// Time from the call's first try after which no further one begins.
    pub max_wall: Duration,
    /// The longest first wait; each further one may be twice as long.
    pub first_delay: Duration,
    /// The longest wait of the schedule. A provider's hint may be longer.
    pub max_delay: Duration,
}

/// The retries of one call.
#[derive(Debug)]
pub(crate) struct Retries<'a> {
    limits: &'a RetryLimits,
    started: Instant,
    /// By class; most calls need none, so none is made before its first failure.
    transient: Option<Schedule>,
    rate_limited: Option<Schedule>,
    overloaded: Option<Schedule>,
}

/// One class's failures so far.
#[derive(Debug)]
struct Schedule {
    failures: u32,
    ceiling: ExponentialBackoff,
}

/// The waits between tries to reach the coordinator: up to 0.1, 0.2, 0.4, ... 5 s, for ever.
pub(crate) struct Reconnects {
    ceiling: ExponentialBackoff,
}

/// A schedule for a link that has just been lost.
pub(crate) fn reconnect_schedule() -> Reconnects {
    let limits = ClassLimits {
        max_tries: u32::MAX,
        max_wall: Duration::MAX,
        first_delay: Duration::from_millis(100),
        max_delay: Duration::from_secs(5),
    };
    Reconnects { ceiling: Schedule::new(&limits).ceiling }
}

// === impl Reconnects ===

impl Reconnects {
    /// The next wait: half to all of the ceiling, so that a thousand workers don't come back in one instant.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let max = self.ceiling.max_interval;
        let ceiling = self.ceiling.next_backoff().unwrap_or(max).min(max);
        ceiling.mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }
}

// === impl RetryLimits ===

impl Default for RetryLimits {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let limits = |max_tries, max_wall, first_delay_ms, max_delay_s| ClassLimits {
            max_tries,
            max_wall,
            first_delay: Duration::from_millis(first_delay_ms),
            max_delay: Duration::from_secs(max_delay_s),
        };
        Self {
            transient: limits(5, minutes(15), 500, 30),
            rate_limited: limits(12, minutes(10), 1_000, 60),
            overloaded: limits(8, minutes(10), 2_000, 60),
            deadline: None,
        }
    }
}

impl RetryLimits {
    /// A sweep's own bounds on a call, in every class that is tried again; ours where it has the usual ones.
    pub(crate) fn of_sweep(plan: RetryPlan) -> Self {
        let (usual, limits) = (RetryPlan::default(), Self::default());
        if (plan.call_tries, plan.call_seconds) == (usual.call_tries, usual.call_seconds) {
            return limits;
        }
        let wall = Duration::from_secs(u64::from(plan.call_seconds));
        let bounded =
            |class: ClassLimits| ClassLimits { max_tries: plan.call_tries, max_wall: wall, ..class };
        Self {
            transient: bounded(limits.transient),
            rate_limited: bounded(limits.rate_limited),
            overloaded: bounded(limits.overloaded),
            deadline: Some(wall),
        }
    }

    fn of(&self, class: ErrorClass) -> Option<&ClassLimits> {
        match class {
            ErrorClass::Transient => Some(&self.transient),
            ErrorClass::RateLimited => Some(&self.rate_limited),
            ErrorClass::Overloaded => Some(&self.overloaded),
            ErrorClass::Quota | ErrorClass::Config | ErrorClass::BadRequest | ErrorClass::Cancelled => None,
        }
    }
}

// === impl Retries ===

impl<'a> Retries<'a> {
    /// A call begins now.
    pub(crate) fn begin(limits: &'a RetryLimits, now: Instant) -> Self {
        Self { limits, started: now, transient: None, rate_limited: None, overloaded: None }
    }

    /// A try failed: how long to wait before the next one, or none if there is to be no next one. `roll` draws from
    /// [0, 1).
    pub(crate) fn after(
        &mut self,
        class: ErrorClass,
        hint: Option<Duration>,
        now: Instant,
        roll: impl FnMut() -> f64,
    ) -> Option<Duration> {
        let limits = self.limits.of(class)?;
        let schedule = self.slot(class)?.get_or_insert_with(|| Schedule::new(limits));
        schedule.failures += 1;
        if schedule.failures >= limits.max_tries {
            return None;
        }
        let delay = delay(schedule.next_ceiling(), hint, roll);
        let waited = now.saturating_duration_since(self.started);
        (waited.saturating_add(delay) <= limits.max_wall).then_some(delay)
    }

    /// How long a try that begins now may take; none where only its own bound holds.
    pub(crate) fn time_left(&self, now: Instant) -> Option<Duration> {
        let waited = now.saturating_duration_since(self.started);
        self.limits.deadline.map(|deadline| deadline.saturating_sub(waited))
    }

    fn slot(&mut self, class: ErrorClass) -> Option<&mut Option<Schedule>> {
        match class {
            ErrorClass::Transient => Some(&mut self.transient),
            ErrorClass::RateLimited => Some(&mut self.rate_limited),
            ErrorClass::Overloaded => Some(&mut self.overloaded),
            ErrorClass::Quota | ErrorClass::Config | ErrorClass::BadRequest | ErrorClass::Cancelled => None,
        }
    }
}

/// Full jitter below the ceiling. With a hint: never below it, and spread above it by as much as the ceiling again, or
/// everyone who was refused together would come back together.
fn delay(ceiling: Duration, hint: Option<Duration>, mut roll: impl FnMut() -> f64) -> Duration {
    let own = ceiling.mul_f64(roll());
    match hint {
        None => own,
        Some(hint) => hint.max(own).saturating_add(ceiling.mul_f64(roll())),
    }
}

// === impl Schedule ===

impl Schedule {
    fn new(limits: &ClassLimits) -> Self {
        let mut ceiling = ExponentialBackoff {
            initial_interval: limits.first_delay,
            // The jitter is drawn here, from an injected source, and over the full range.
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: limits.max_delay,
            // Time is bounded here, by the runtime's clock, which tests can hold still.
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        ceiling.reset();
        Self { failures: 0, ceiling }
    }

    fn next_ceiling(&mut self) -> Duration {
        let max = self.ceiling.max_interval;
        self.ceiling.next_backoff().unwrap_or(max).min(max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// The waits of a call whose every try fails so, each try taking no time, until there is none.
    fn waits(class: ErrorClass, hint: Option<Duration>, roll: f64) -> Vec<u128> {
        let limits = RetryLimits::default();
        let mut now = Instant::now();
        let mut retries = Retries::begin(&limits, now);
        std::iter::from_fn(|| {
            let wait = retries.after(class, hint, now, || roll)?;
            now += wait;
            Some(wait.as_millis())
        })
        .collect()
    }

    #[test]
    fn ceilings_double_up_to_their_maximum_and_tries_are_counted() {
        assert_eq!(waits(ErrorClass::Transient, None, 1.0), [500, 1_000, 2_000, 4_000]);
        assert_eq!(
            waits(ErrorClass::Overloaded, None, 1.0),
            [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
        );
        assert_eq!(waits(ErrorClass::RateLimited, None, 0.5).len(), 11);
    }

    #[test]
    fn jitter_is_drawn_over_the_whole_range() {
        assert_eq!(waits(ErrorClass::Transient, None, 0.0), [0, 0, 0, 0]);
        assert_eq!(waits(ErrorClass::Transient, None, 0.5), [250, 500, 1_000, 2_000]);
    }

    #[test]
    fn a_hint_is_a_floor_with_jitter_above_it() {
        let hint = Some(3_000 * MS);
        assert_eq!(waits(ErrorClass::Transient, hint, 0.0), [3_000, 3_000, 3_000, 3_000]);
        assert_eq!(waits(ErrorClass::Transient, hint, 1.0), [3_500, 4_000, 5_000, 8_000]);
    }

    #[test]
    fn a_hint_beyond_the_time_left_ends_the_call_at_once() {
        assert_eq!(waits(ErrorClass::RateLimited, Some(Duration::from_secs(601)), 0.0), Vec::<u128>::new());
        assert_eq!(waits(ErrorClass::RateLimited, Some(Duration::from_secs(250)), 0.0).len(), 2);
        assert_eq!(waits(ErrorClass::RateLimited, Some(Duration::MAX), 1.0), Vec::<u128>::new());
    }

    #[test]
    fn slow_failures_run_out_of_time_before_they_run_out_of_tries() {
        let limits = RetryLimits::default();
        let begin = Instant::now();
        let mut retries = Retries::begin(&limits, begin);
        let mut after =
            |s| retries.after(ErrorClass::Transient, None, begin + Duration::from_secs(s), || 0.0);
        assert_eq!(after(600), Some(Duration::ZERO));
        assert_eq!(after(901), None);
    }

    #[test]
    fn a_sweeps_own_bounds_hold_in_every_class_and_the_usual_ones_are_ours() {
        let of = |call_tries, call_seconds| {
            RetryLimits::of_sweep(RetryPlan { call_tries, call_seconds, ..RetryPlan::default() })
        };
        let usual = RetryPlan::default();
        assert_eq!(of(usual.call_tries, usual.call_seconds), RetryLimits::default());
        let limits = of(2, 30);
        assert_eq!(limits.deadline, Some(Duration::from_secs(30)));
        for class in [&limits.transient, &limits.rate_limited, &limits.overloaded] {
            assert_eq!((class.max_tries, class.max_wall), (2, Duration::from_secs(30)));
        }
    }

    #[test]
    fn classes_count_apart() {
        let limits = RetryLimits::default();
        let now = Instant::now();
        let mut retries = Retries::begin(&limits, now);
        for _ in 0..4 {
            assert!(retries.after(ErrorClass::Transient, None, now, || 0.0).is_some());
        }
        assert_eq!(retries.after(ErrorClass::RateLimited, None, now, || 1.0), Some(1_000 * MS));
        assert_eq!(retries.after(ErrorClass::Transient, None, now, || 0.0), None);
    }

    #[test]
    fn what_waiting_cannot_mend_is_never_tried_again() {
        for class in [ErrorClass::Quota, ErrorClass::Config, ErrorClass::BadRequest, ErrorClass::Cancelled] {
            assert_eq!(waits(class, Some(MS), 0.0), Vec::<u128>::new());
        }
    }
}
