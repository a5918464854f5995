//! The pace of one model's calls from this worker: how many at once, and how many a minute where this worker was told
//! so. What the fleet may send is `shares.rs`. The one place that uses `governor`.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The pace asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaceConfig {
    /// Requests at once, at least 1. Default 64.
    pub max_connections: u32,
    /// Requests a minute, with a burst of one second's worth. Default: no bound of our own.
    pub requests_per_minute: Option<NonZeroU32>,
}

/// The pace of one model. Every try passes it.
#[derive(Debug)]
pub struct Pace {
    connections: Semaphore,
    rate: Option<Rate<RuntimeClock>>,
    /// Only the first in line waits for the rate; or a thousand waiters would wake for each free place.
    line: Mutex<()>,
}

/// A token bucket over some clock.
struct Rate<C: Clock> {
    limiter: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

/// The runtime's clock, which tests hold still.
#[derive(Debug, Clone, Copy)]
struct RuntimeClock {
    start: Instant,
}

// === impl PaceConfig ===

impl Default for PaceConfig {
    fn default() -> Self {
        Self { max_connections: 64, requests_per_minute: None }
    }
}

// === impl Pace ===

impl Pace {
    /// A model's pace; its bucket begins full.
    #[must_use]
    pub fn new(config: &PaceConfig) -> Self {
        let clock = RuntimeClock { start: Instant::now() };
        let connections = usize::try_from(config.max_connections.max(1)).unwrap_or(usize::MAX);
        Self {
            connections: Semaphore::new(connections.min(Semaphore::MAX_PERMITS)),
            rate: config.requests_per_minute.map(|per_minute| Rate::new(per_minute, clock)),
            line: Mutex::new(()),
        }
    }

    /// Wait for leave to make one request. It counts as under way while what is returned lives.
    pub async fn ready(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed; were it, calls would go on unbounded rather than stop.
        let permit = self.connections.acquire().await.ok();
        self.wait_for_rate().await;
        permit
    }

    async fn wait_for_rate(&self) {
        let Some(rate) = &self.rate else { return };
        let _first = self.line.lock().await;
        while let Err(wait) = rate.take() {
            tokio::time::sleep(wait).await;
        }
    }
}

// === impl Rate ===

impl<C: Clock + Clone> Rate<C> {
    fn new(per_minute: NonZeroU32, clock: C) -> Self {
        let burst = NonZeroU32::new(per_minute.get() / 60).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(per_minute).allow_burst(burst);
        Self { limiter: RateLimiter::direct_with_clock(quota, clock.clone()), clock }
    }

    /// Take a place, or learn how long until there may be one.
    fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|full| {
            // A timer that fires a hair early must not spin.
            full.wait_time_from(self.clock.now()).max(Duration::from_millis(1))
        })
    }
}

impl<C: Clock> std::fmt::Debug for Rate<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rate").finish_non_exhaustive()
    }
}

// === impl RuntimeClock ===

impl Clock for RuntimeClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.start.elapsed().into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn per_minute(rate: u32) -> NonZeroU32 {
        NonZeroU32::new(rate).expect("not zero")
    }

    #[test]
    fn a_bucket_holds_one_second_and_refills_at_its_rate() {
        let clock = FakeRelativeClock::default();
        let rate = Rate::new(per_minute(600), clock.clone());
        let taken = |rate: &Rate<FakeRelativeClock>| std::iter::from_fn(|| rate.take().ok()).count();
        assert_eq!(taken(&rate), 10);
        assert_eq!(rate.take(), Err(Duration::from_millis(100)));
        clock.advance(Duration::from_millis(100));
        assert_eq!(taken(&rate), 1);
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(taken(&rate), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_calls_at_sixty_a_minute_take_ninety_nine_seconds() {
        let config = PaceConfig { max_connections: 100, requests_per_minute: Some(per_minute(60)) };
        let pace = Arc::new(Pace::new(&config));
        let begin = Instant::now();
        let calls = (0..100).map(|_| {
            let pace = Arc::clone(&pace);
            tokio::spawn(async move { drop(pace.ready().await) })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("call");
        }
        let seconds = begin.elapsed().as_secs_f64();
        assert!((99.0..99.2).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_bound_are_under_way() {
        let pace = Pace::new(&PaceConfig { max_connections: 2, requests_per_minute: None });
        let first = pace.ready().await;
        let _second = pace.ready().await;
        let third = tokio::time::timeout(Duration::from_secs(60), pace.ready()).await;
        assert!(third.is_err());
        drop(first);
        assert!(pace.ready().await.is_some());
    }
}
