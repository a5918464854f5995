//! Clocks that don't run alike: every worker has its own, and every process of the coordinator may be on another machine.

use crate::climate::{Climate, Dice};

/// When virtual time begins: a day far from the epoch, a minute or two before the providers' midnights.
pub(crate) const BEGIN_MS: u64 = 200 * DAY_MS + 1_000;

pub(crate) const DAY_MS: u64 = 86_400_000;

/// One machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    /// How far it is off.
    offset_ms: i64,
    /// How much faster it runs, in millionths.
    drift_ppm: i64,
}

// === impl Clock ===

impl Clock {
    /// One as bad as the climate has them.
    pub(crate) fn drawn(climate: &Climate, dice: &mut Dice) -> Self {
        let mut either_way = |most: u64| dice.up_to(2 * most) as i64 - most as i64;
        Self { offset_ms: either_way(climate.skew_ms) / 2, drift_ppm: either_way(climate.drift_ppm) }
    }

    /// What it shows at a moment.
    pub(crate) fn shows(&self, now: u64) -> u64 {
        let passed = now as i64 - BEGIN_MS as i64;
        (now as i64 + self.offset_ms + passed * self.drift_ppm / 1_000_000) as u64
    }

    /// The first moment at which it shows so much.
    pub(crate) fn moment(&self, shown: u64) -> u64 {
        let near = shown as i64 - self.offset_ms;
        let passed = near - BEGIN_MS as i64;
        let mut now = (near - passed * self.drift_ppm / 1_000_000 - 2) as u64;
        while self.shows(now) < shown {
            now += 1;
        }
        now
    }
}
