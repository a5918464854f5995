//! A limit that follows use, pure: twice the rate of what succeeded in the last hour, and never below a base.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::bucket::{Bucket, Quota};

/// One slot for each minute of the hour.
const SLOTS: usize = 60;

const SLOT_S: u64 = 60;

/// A limit on requests that grows with them.
#[derive(Debug)]
pub(crate) struct Dynamic {
    base: NonZeroU32,
    bucket: Bucket,
    /// Successes of each minute of the last hour.
    slots: [u32; SLOTS],
    /// The minute that is counted now.
    slot: u64,
    began: Duration,
}

// === impl Dynamic ===

impl Dynamic {
    /// Nothing has succeeded yet.
    pub(crate) fn new(base: NonZeroU32, now: Duration) -> Self {
        Self {
            base,
            bucket: Bucket::new(base, now),
            slots: [0; SLOTS],
            slot: now.as_secs() / SLOT_S,
            began: now,
        }
    }

    /// How long until a request is admitted.
    pub(crate) fn wait(&mut self, now: Duration) -> Duration {
        self.follow(now);
        self.bucket.wait(1, now)
    }

    /// A request is admitted.
    pub(crate) fn take(&mut self, now: Duration) {
        self.bucket.take(1, now);
        if let Some(slot) = self.slots.get_mut((self.slot % SLOTS as u64) as usize) {
            *slot = slot.saturating_add(1);
        }
    }

    /// What headers say of it.
    pub(crate) fn quota(&mut self, now: Duration) -> Quota {
        self.bucket.quota(now)
    }

    /// Once a minute the limit follows what has succeeded.
    fn follow(&mut self, now: Duration) {
        let slot = now.as_secs() / SLOT_S;
        if slot <= self.slot {
            return;
        }
        for passed in (self.slot + 1..=slot).take(SLOTS) {
            self.slots[(passed % SLOTS as u64) as usize] = 0;
        }
        self.slot = slot;
        let minutes = (now.saturating_sub(self.began).as_secs() / SLOT_S).clamp(1, SLOTS as u64);
        let succeeded: u64 = self.slots.iter().map(|count| u64::from(*count)).sum();
        let twice = u32::try_from(2 * succeeded / minutes).unwrap_or(u32::MAX);
        let limit = NonZeroU32::new(twice).map_or(self.base, |twice| twice.max(self.base));
        self.bucket.set(limit, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests as fast as they are admitted until then: how many.
    fn admitted(limit: &mut Dynamic, from_s: u64, to_s: u64) -> u64 {
        let (mut now, mut count) = (Duration::from_secs(from_s), 0);
        loop {
            now += limit.wait(now);
            if now >= Duration::from_secs(to_s) {
                return count;
            }
            limit.take(now);
            count += 1;
        }
    }

    #[test]
    fn use_doubles_the_limit_and_idleness_takes_it_back() {
        let mut limit = Dynamic::new(NonZeroU32::new(60).expect("not zero"), Duration::ZERO);
        assert_eq!(admitted(&mut limit, 0, 60), 60);
        // Twice the average so far: 120, then 2 * (60 + 120) / 2 = 180.
        assert!((119..=121).contains(&admitted(&mut limit, 60, 120)));
        assert!((178..=182).contains(&admitted(&mut limit, 120, 180)));
        let later = admitted(&mut limit, 10_000, 10_060);
        assert!((59..=62).contains(&later), "{later}");
    }
}
