//! When to kill.

use std::thread;
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Moments at which processes are killed, drawn from a seed that is printed.
pub(crate) struct Moments {
    random: ChaCha8Rng,
    left: u32,
}

// === impl Moments ===

impl Moments {
    /// `usual` moments, or as many as the environment asks for in all three tests together.
    pub(crate) fn new(usual: u32) -> Self {
        let wanted =
            number("MUSTER_CHAOS_KILLS").map_or(usual, |all| u32::try_from(all / 3 + 1).unwrap_or(usual));
        let seed = number("MUSTER_CHAOS_SEED").unwrap_or_else(rand::random);
        eprintln!("MUSTER_CHAOS_SEED={seed}, {wanted} kills");
        Self { random: ChaCha8Rng::seed_from_u64(seed), left: wanted }
    }

    /// Waits for the next moment, up to `longest` away; false when there is none left.
    pub(crate) fn wait(&mut self, longest: Duration) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        thread::park_timeout(longest.mul_f64(self.random.random::<f64>()));
        true
    }

    /// How many are left.
    pub(crate) fn left(&self) -> u32 {
        self.left
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
