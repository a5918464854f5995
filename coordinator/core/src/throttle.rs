//! The search for a limit that is unknown, moves, or was stated wrongly: additive increase, multiplicative decrease, in
//! whole numbers. Between two moments at which the provider turned a call away its bucket was empty both times, so what it
//! admitted between them is its true rate; that, and not a guess, is where the pace goes.

use crate::ids::Millis;

/// Of a stated limit: millionths. Where none is stated: thousandths of a call a second.
pub(crate) type Pace = u64;

/// The whole of a stated limit.
pub(crate) const WHOLE: Pace = 1_000_000;

/// Where a search begins: one call a second.
const FIRST: Pace = 1_000;

/// The slowest: a fiftieth of a stated limit; one call in twenty seconds where none is.
const SLOWEST_PART: Pace = 20_000;
const SLOWEST: Pace = 50;

/// The fastest that is searched for: 1,000,000 calls a second.
const FASTEST: Pace = 1_000_000_000;

/// How long after a call was turned away the others that left before it are waited for, before anything is concluded.
const SETTLE_MS: u64 = 250;

/// Between two calls turned away in different moments there is at least so long.
const APART_MS: u64 = 700;

/// After a decrease the pace is kept for so long.
const HOLD_MS: u64 = 25_000;

/// The part of what was measured that is asked for, in millionths.
const BELOW: u64 = 970_000;

/// Growth in a second, in millionths, and after how many seconds of growth it has doubled.
const GROWTH_PPM: u64 = 4_000;
const DOUBLES_AFTER_S: u64 = 40;

/// How fast a scope is used.
#[derive(Debug, Clone)]
pub(crate) struct Throttle {
    pace: Pace,
    stated: bool,
    phase: Phase,
    /// When the pace was last looked after.
    at: Millis,
    /// The last moment at which the provider's bucket was empty.
    emptied: Option<Millis>,
    /// The moment that nothing was concluded from yet.
    turned_away: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// At the stated limit.
    Full,
    /// Doubling each second until a call is turned away.
    Start,
    /// Nothing is tried until then.
    Held(Millis),
    /// Growing since.
    Growing(Millis),
}

// === impl Throttle ===

impl Throttle {
    /// At the whole of what is stated.
    pub(crate) fn full(now: Millis) -> Self {
        Self { pace: WHOLE, stated: true, phase: Phase::Full, at: now, emptied: None, turned_away: None }
    }

    /// Searching from one call a second on.
    pub(crate) fn search(now: Millis) -> Self {
        Self { pace: FIRST, stated: false, phase: Phase::Start, ..Self::full(now) }
    }

    /// Searching, from what was seen to pass just before a call was turned away.
    pub(crate) fn search_from(now: Millis, seen: Pace) -> Self {
        if seen <= FIRST {
            return Self::search(now);
        }
        let phase = Phase::Held(now.plus(HOLD_MS));
        Self { pace: part(seen, BELOW).min(FASTEST), phase, emptied: Some(now), ..Self::search(now) }
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Whether it is below what is stated.
    pub(crate) fn is_learned(&self) -> bool {
        self.phase != Phase::Full
    }

    /// Whether the pace is a part of what is stated, and not one of calls alone.
    pub(crate) fn is_stated(&self) -> bool {
        self.stated
    }

    /// A call that had left at a moment was turned away. What is sent now would be, too: says until when nothing is to be
    /// granted, if that is news.
    pub(crate) fn limited(&mut self, now: Millis, left_at: Millis) -> Option<Millis> {
        let same = |at: Millis| left_at <= at || now.0.saturating_sub(at.0) < APART_MS;
        if self.turned_away.is_some() || self.emptied.is_some_and(same) {
            return None;
        }
        self.turned_away = Some(now);
        Some(now.plus(SETTLE_MS))
    }

    /// The moment at which calls were turned away, if it is time to conclude from it.
    pub(crate) fn open_question(&self, now: Millis) -> Option<Millis> {
        self.turned_away.filter(|at| now >= at.plus(SETTLE_MS))
    }

    /// Concludes: so much had been admitted between the two moments.
    pub(crate) fn conclude(&mut self, now: Millis, admitted: Pace) {
        let slowest = if self.stated { SLOWEST_PART } else { SLOWEST };
        self.pace = part(self.pace.min(admitted.max(slowest)), BELOW).max(slowest);
        self.emptied = self.turned_away.take();
        self.phase = Phase::Held(now.plus(HOLD_MS));
        self.at = now;
    }

    /// Lets time pass. `bound`: calls waited for nothing but the rate meanwhile; otherwise a faster pace would be tried
    /// by no one, and proves nothing.
    pub(crate) fn advance(&mut self, now: Millis, bound: bool) {
        let passed_ms = now.0.saturating_sub(self.at.0).min(1_000);
        self.at = self.at.max(now);
        if !bound || passed_ms == 0 {
            return;
        }
        match self.phase {
            Phase::Full => {}
            Phase::Start => self.grow(passed_ms, WHOLE),
            Phase::Held(until) if now < until => {}
            Phase::Held(_) => self.phase = Phase::Growing(now),
            Phase::Growing(since) => {
                let seconds = now.0.saturating_sub(since.0) / 1_000;
                self.grow(passed_ms, (GROWTH_PPM + GROWTH_PPM * seconds / DOUBLES_AFTER_S).min(WHOLE));
            }
        }
    }

    /// Grows by a part a second, in millionths.
    fn grow(&mut self, passed_ms: u64, part_ppm: u64) {
        let more = part(self.pace, part_ppm) * passed_ms / 1_000;
        self.pace += more.max(1);
        if self.stated && self.pace >= WHOLE {
            *self = Self { emptied: self.emptied, turned_away: self.turned_away, ..Self::full(self.at) };
        }
        self.pace = self.pace.min(FASTEST);
    }
}

fn part(pace: Pace, ppm: u64) -> Pace {
    u64::try_from(u128::from(pace) * u128::from(ppm) / 1_000_000).unwrap_or(u64::MAX)
}
