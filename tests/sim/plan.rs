//! What a seed's providers say that they allow, what they allow in truth, and what its users want to spend.

use muster_core::{Budget, CapMode, Cost, Quota, Scope, Spend};

use crate::climate::Dice;

/// One model's limits: each lane of a sweep has its own scope, and the sweeps share them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan {
    /// As the sweeps state it.
    pub(crate) quota: Quota,
    /// What the first sweep may spend on it.
    pub(crate) budget: Budget,
    /// Requests and tokens a minute that the provider admits; 0: any.
    pub(crate) admits: (u64, u64),
    /// What it says with a 429; 0: nothing.
    pub(crate) retry_after_ms: u64,
}

/// What one call comes to: what is reserved and feared of it, and the truth.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bill {
    pub(crate) cost: Cost,
    pub(crate) worst: Spend,
    pub(crate) used: Cost,
    pub(crate) spent: Spend,
}

/// The scope of the lane with this place.
pub(crate) fn scope(lane: usize) -> Scope {
    Scope { account: "account".into(), pool: format!("pool-{lane}").into() }
}

/// The lane whose scope this is.
pub(crate) fn lane_of(scope: &Scope) -> usize {
    scope.pool.strip_prefix("pool-").and_then(|lane| lane.parse().ok()).expect("a scope of the simulation")
}

// === impl Plan ===

impl Plan {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        let rpm = 60 * (2 + dice.up_to(98));
        let tpm = 20_000 * (1 + dice.up_to(30));
        let mut quota = Quota::default();
        match dice.up_to(9) {
            0..=2 => {}
            3 => quota.requests_per_minute = Some(rpm as u32),
            4 => quota.tokens_per_minute = Some(tpm),
            5 => {
                quota.input_tokens_per_minute = Some(tpm);
                quota.output_tokens_per_minute = Some(tpm / 2);
            }
            6 => {
                quota.requests_per_day = Some(5 + dice.up_to(150));
                quota.day_offset_minutes = -1 - dice.up_to(1) as i32;
            }
            7 => quota.discover = true,
            8 => quota.concurrency = Some(1 + dice.up_to(5) as u32),
            _ => {
                quota.requests_per_minute = Some(rpm as u32);
                quota.tokens_per_minute = Some(tpm);
                quota.concurrency = Some(2 + dice.up_to(8) as u32);
                quota.ramp_ms = dice.up_to(10_000);
            }
        }
        let budget = if dice.chance(0.2) { budget(dice) } else { Budget::default() };
        let wrong = 1 + dice.up_to(3) / 3;
        let (requests, tokens) = (quota.requests_per_minute, quota.tokens_per_minute);
        let mut admits = (requests.map_or(0, u64::from) / wrong, tokens.unwrap_or(0) / wrong);
        if quota.discover || (quota.is_open() && dice.chance(0.3)) {
            admits.0 = rpm;
        }
        let retry_after_ms = if dice.chance(0.5) { 0 } else { 500 + dice.up_to(20_000) };
        Self { quota, budget, admits, retry_after_ms }
    }
}

/// A budget that a sweep of some dozen calls is likely to meet.
pub(crate) fn budget(dice: &mut Dice) -> Budget {
    let amount = 5_000 + dice.up_to(200_000);
    let mode = match dice.up_to(3) {
        0..=1 => CapMode::Stop,
        2 => CapMode::Drain,
        _ => CapMode::Warn,
    };
    let (money, tokens) = (dice.chance(0.6), dice.chance(0.4));
    Budget { micro_usd: money.then_some(3 * amount), tokens: tokens.then_some(amount), mode }
}

// === impl Bill ===

impl Bill {
    /// A call of up to a few thousand tokens, of which it uses some. What it is thought to read is an estimate; what it
    /// may come to is not.
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        let (read, most) = (50 + dice.up_to(1_500), 50 + dice.up_to(1_500));
        let (input, output) = (read * (80 + dice.up_to(40)) / 100, dice.up_to(most));
        let cost = |input: u64, output: u64| Cost {
            tokens: input + output,
            input_tokens: input,
            output_tokens: output,
        };
        let spend =
            |input: u64, output: u64| Spend { micro_usd: Some(input + 4 * output), tokens: input + output };
        Self {
            cost: cost(read, most),
            worst: spend(read * 6 / 5, most),
            used: cost(input, output),
            spent: spend(input, output),
        }
    }
}
