//! What kind of day a seed has: how much of what goes wrong.

use muster_core::Budget;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::plan::{self, Plan};

/// Chance drawn from a seed.
pub(crate) struct Dice(ChaCha8Rng);

/// A seed's settings. Times in milliseconds, chances from 0 to 1.
#[derive(Debug, Clone)]
pub(crate) struct Climate {
    pub(crate) variants: u32,
    pub(crate) seeds: u32,
    pub(crate) workers: u64,
    pub(crate) slots: u32,
    /// An episode's most turns; each job has its own number up to it.
    pub(crate) turns: u32,
    /// The longest that a message, a call and an fsync take.
    pub(crate) latency_ms: u64,
    pub(crate) call_ms: u64,
    pub(crate) fsync_ms: u64,
    /// After this nothing goes wrong any more.
    pub(crate) faults_until_ms: u64,
    /// Mean times between faults; 0: never.
    pub(crate) crash_every_ms: u64,
    pub(crate) death_every_ms: u64,
    pub(crate) drain_every_ms: u64,
    pub(crate) cut_every_ms: u64,
    pub(crate) user_every_ms: u64,
    /// The longest that a worker stays away after a cut, and that the coordinator does not notice one.
    pub(crate) away_ms: u64,
    pub(crate) unnoticed_ms: u64,
    /// That a crash comes after a batch is durable and before what follows from it is said.
    pub(crate) crash_when_durable: f64,
    /// That a call fails.
    pub(crate) call_fails: f64,
    /// That an attempt can't go on from the stored turns.
    pub(crate) mismatch: f64,
    /// That a job kills whoever runs it.
    pub(crate) poison: f64,
    /// That a worker which restarts does not name in its hello what is in its spool.
    pub(crate) forgetful: f64,
    /// That a restart begins from a snapshot.
    pub(crate) snapshot: f64,
    /// Limits and budgets by lane, and the first sweep's own budget.
    pub(crate) plans: Vec<Plan>,
    pub(crate) budget: Budget,
    pub(crate) sweeps: u64,
    /// How far clocks are off, and how much they drift.
    pub(crate) skew_ms: u64,
    pub(crate) drift_ppm: u64,
    /// The longest that a request takes to its provider, and that a worker holds a share before it looks at its clock.
    pub(crate) reach_ms: u64,
    pub(crate) dawdle_ms: u64,
    /// That an answer is lost, and may have been paid in vain.
    pub(crate) answer_lost: f64,
    /// That an answer's headers state a lower limit.
    pub(crate) headers: f64,
    /// That another coordinator takes over at once, while words of the last one are still on their way.
    pub(crate) takeover: f64,
    /// How long workers take a share to be good.
    pub(crate) share_life_ms: u64,
    /// Faults that must be caught.
    pub(crate) grants_at_once: bool,
    pub(crate) forgets_holds: bool,
    pub(crate) says_before_durable: bool,
    pub(crate) forgets_turns: bool,
}

// === impl Dice ===

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(crate) fn chance(&mut self, chance: f64) -> bool {
        self.0.random_bool(chance)
    }

    /// From 0 to `most`, both included.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        self.0.random_range(0..=most)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = from.len().checked_sub(1)?;
        from.get(self.0.random_range(0..=last))
    }

    /// A wait whose mean is `mean_ms`; none if that is 0.
    pub(crate) fn wait(&mut self, mean_ms: u64) -> Option<u64> {
        (mean_ms > 0).then(|| 1 + self.up_to(2 * mean_ms))
    }
}

// === impl Climate ===

impl Climate {
    /// Nothing goes wrong.
    pub(crate) fn calm(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0xca1f);
        let mut limits = Dice::new(seed ^ 0x9a7e);
        let lanes = 1 + dice.up_to(2) as usize;
        Self {
            variants: 1 + dice.up_to(9) as u32,
            seeds: 1 + dice.up_to(4) as u32,
            plans: (0..lanes).map(|_| Plan::drawn(&mut limits)).collect(),
            budget: if limits.chance(0.2) { plan::budget(&mut limits) } else { Budget::default() },
            sweeps: 1 + limits.up_to(1),
            skew_ms: 0,
            drift_ppm: limits.up_to(1_500),
            reach_ms: limits.up_to(50),
            dawdle_ms: if limits.chance(0.5) { 0 } else { limits.up_to(3_000) },
            answer_lost: 0.0,
            headers: 0.0,
            takeover: 0.5,
            share_life_ms: 2_000,
            grants_at_once: false,
            forgets_holds: false,
            workers: 1 + dice.up_to(3),
            slots: 1 + dice.up_to(4) as u32,
            turns: 1 + dice.up_to(6) as u32,
            latency_ms: 1 + dice.up_to(200),
            call_ms: 1 + dice.up_to(8_000),
            fsync_ms: 1 + dice.up_to(50),
            faults_until_ms: 120_000,
            crash_every_ms: 0,
            death_every_ms: 0,
            drain_every_ms: 0,
            cut_every_ms: 0,
            user_every_ms: 0,
            away_ms: 0,
            unnoticed_ms: 0,
            crash_when_durable: 0.0,
            call_fails: 0.0,
            mismatch: 0.0,
            poison: 0.0,
            forgetful: 0.0,
            snapshot: 0.5,
            says_before_durable: false,
            forgets_turns: false,
        }
    }

    /// Words and workers are quick from now on: where they never are, no share is ever used in time.
    pub(crate) fn clear_up(&mut self) {
        self.latency_ms = self.latency_ms.min(200);
        self.call_ms = self.call_ms.min(8_000);
        self.dawdle_ms = self.dawdle_ms.min(200);
    }

    /// The coordinator crashes every few seconds, and all else is well.
    pub(crate) fn coordinator_dies(seed: u64) -> Self {
        Self { crash_every_ms: 6_000, crash_when_durable: 0.3, ..Self::calm(seed) }
    }

    /// A bit of everything, and of each sometimes much and sometimes nothing.
    pub(crate) fn drawn(seed: u64) -> Self {
        let calm = Self::calm(seed);
        let mut dice = Dice::new(seed ^ 0xd1ce);
        let mut every = |ms: u64| if dice.chance(0.3) { 0 } else { ms / 4 + dice.up_to(ms) };
        let (crash, death, drain) = (every(30_000), every(30_000), every(60_000));
        let (cut, user) = (every(15_000), every(40_000));
        let mut some = |chance: f64| if dice.chance(0.5) { 0.0 } else { chance };
        Self {
            crash_every_ms: crash,
            death_every_ms: death,
            drain_every_ms: drain,
            cut_every_ms: cut,
            user_every_ms: user,
            crash_when_durable: some(0.3),
            call_fails: some(0.2),
            mismatch: some(0.2),
            poison: some(0.1),
            forgetful: some(0.5),
            answer_lost: some(0.2),
            headers: some(0.2),
            // Some calls outlast a lease.
            call_ms: if dice.chance(0.05) { 45_000 } else { calm.call_ms },
            latency_ms: if dice.chance(0.2) { 2_500 } else { calm.latency_ms },
            skew_ms: if dice.chance(0.5) { 0 } else { dice.up_to(2_000) },
            away_ms: if dice.chance(0.5) { 2_000 } else { 90_000 },
            unnoticed_ms: if dice.chance(0.5) { 2_000 } else { 90_000 },
            faults_until_ms: 30_000 + dice.up_to(150_000),
            ..calm
        }
    }
}
