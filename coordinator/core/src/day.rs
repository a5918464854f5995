//! A provider's day: so many requests, counted from its own midnight. They are taken out of it in blocks that are
//! journaled in advance, so that a restart can't spend a day twice; what a crash leaves of a block counts as used.

use crate::ids::Millis;
use crate::quota::Quota;

/// A block is this part of the day, at least one and at most `MOST` requests: a hundred facts a day, and a crash loses
/// a hundredth.
const BLOCKS: u64 = 100;
const MOST: u64 = 100;

const DAY_MS: i128 = 86_400_000;
const MINUTE_MS: i128 = 60_000;

/// What was taken out of the last day, by the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Taken {
    pub(crate) day: u32,
    pub(crate) requests: u64,
}

/// Whether the day has a request left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// It has.
    Some,
    /// One must be taken out first, in a block of so many.
    Block { day: u32, requests: u64 },
    /// None until then.
    Until(Millis),
}

/// The requests of one scope's day.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Day {
    pub(crate) taken: Taken,
    /// What is left of the last block.
    left: u64,
}

// === impl Day ===

impl Day {
    /// Requests were taken out. A day before the last is over, whatever is said of it.
    pub(crate) fn take_out(&mut self, day: u32, requests: u64) {
        match day.cmp(&self.taken.day) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                self.taken.requests = self.taken.requests.saturating_add(requests);
                self.left = self.left.saturating_add(requests);
            }
            std::cmp::Ordering::Greater => *self = Self { taken: Taken { day, requests }, left: requests },
        }
    }

    /// What an earlier process had left of its block counts as used.
    pub(crate) fn begin(&mut self) {
        self.left = 0;
    }

    /// Whether a request may be sent now. A clock that was set back never opens a day again.
    pub(crate) fn left(&self, quota: &Quota, limit: u64, now: Millis) -> Left {
        let day = day_of(now, quota.day_offset_minutes).max(self.taken.day);
        let taken = if day == self.taken.day { self.taken.requests } else { 0 };
        if day == self.taken.day && self.left > 0 && taken.saturating_sub(self.left) < limit {
            return Left::Some;
        }
        let requests = (limit / BLOCKS).clamp(1, MOST).min(limit.saturating_sub(taken));
        if requests == 0 {
            Left::Until(begin_of(day.saturating_add(1), quota))
        } else {
            Left::Block { day, requests }
        }
    }

    /// A request is sent.
    pub(crate) fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// A request that was to be sent on a day never was.
    pub(crate) fn give_back(&mut self, day: u32) {
        if day == self.taken.day && self.left < self.taken.requests {
            self.left += 1;
        }
    }

    /// Requests of the day that is under way that are used or taken out.
    pub(crate) fn requests(&self, quota: &Quota, now: Millis) -> u64 {
        if day_of(now, quota.day_offset_minutes) > self.taken.day { 0 } else { self.taken.requests }
    }
}

/// The day of a moment, counted from the epoch.
pub(crate) fn day_of(now: Millis, offset_minutes: i32) -> u32 {
    let local = i128::from(now.0) + i128::from(offset_minutes) * MINUTE_MS;
    u32::try_from(local.div_euclid(DAY_MS).max(0)).unwrap_or(u32::MAX)
}

/// When the next day in UTC begins.
pub(crate) fn next_day(now: Millis) -> Millis {
    begin_of(day_of(now, 0).saturating_add(1), &Quota::default()).max(now.plus(1))
}

fn begin_of(day: u32, quota: &Quota) -> Millis {
    let at = i128::from(day) * DAY_MS - i128::from(quota.day_offset_minutes) * MINUTE_MS;
    Millis(u64::try_from(at.max(0)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    /// Sends until the day has nothing left: how many, until when, and how many blocks were taken out.
    fn use_up(day: &mut Day, quota: &Quota, limit: u64, now: Millis) -> (u64, Millis, u64) {
        let (mut sent, mut blocks) = (0, 0);
        loop {
            match day.left(quota, limit, now) {
                Left::Some => {
                    day.spend();
                    sent += 1;
                }
                Left::Block { day: which, requests } => {
                    day.take_out(which, requests);
                    blocks += 1;
                }
                Left::Until(until) => return (sent, until, blocks),
            }
        }
    }

    #[test]
    fn a_day_is_used_to_its_last_request_and_the_next_begins_at_the_providers_midnight() {
        let quota = Quota { day_offset_minutes: -480, ..Quota::default() };
        let mut day = Day::default();
        let noon = Millis(20_000 * 24 * HOUR_MS + 12 * HOUR_MS);
        let (sent, until, blocks) = use_up(&mut day, &quota, 1_005, noon);
        assert_eq!((sent, blocks), (1_005, 101));
        assert_eq!(until, Millis(20_001 * 24 * HOUR_MS + 8 * HOUR_MS));
        assert_eq!(use_up(&mut day, &quota, 1_005, until).0, 1_005);
    }

    #[test]
    fn a_restart_never_overspends_a_day_and_loses_a_block_at_most() {
        let quota = Quota::default();
        let mut day = Day::default();
        let mut sent = 0;
        for _ in 0..10 {
            day.begin();
            for _ in 0..15 {
                if let Left::Block { day: which, requests } = day.left(&quota, 1_000, Millis(5)) {
                    day.take_out(which, requests);
                }
                day.spend();
                sent += 1;
            }
        }
        day.begin();
        sent += use_up(&mut day, &quota, 1_000, Millis(5)).0;
        assert!((900..=1_000).contains(&sent), "{sent}");
    }

    #[test]
    fn a_clock_that_is_set_back_opens_no_day_again() {
        let quota = Quota::default();
        let mut day = Day::default();
        let now = Millis(100 * 24 * HOUR_MS);
        use_up(&mut day, &quota, 5, now);
        assert!(matches!(day.left(&quota, 5, Millis(0)), Left::Until(until) if until > now));
        day.take_out(3, 1);
        assert!(matches!(day.left(&quota, 5, now), Left::Until(_)));
    }
}
