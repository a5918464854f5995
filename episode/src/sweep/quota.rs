//! What a sweep says of its models' limits, prices and budgets: no part of what is run, only of how fast and for how much.

use serde::{Deserialize, Serialize};

/// What a provider allows of an account's pool of models, over all workers. A bound that is none is unknown or not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaPlan {
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u32>,
    /// Tokens a minute, in and out together, as the provider counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u64>,
    /// Tokens in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tpm: Option<u64>,
    /// Tokens out a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tpm: Option<u64>,
    /// Requests a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpd: Option<u64>,
    /// Calls at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How long the rate takes to reach its limit after a start or a long silence, in seconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub ramp_seconds: u32,
    /// When the provider's day begins, in minutes east of UTC's midnight.
    #[serde(skip_serializing_if = "is_utc")]
    pub day_offset_minutes: i32,
    /// Whether limits that are not stated are searched for from the first call on, rather than from the first "too many".
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub discover: bool,
}

/// What a model's tokens cost, in millionths of a dollar a million tokens ($1.75 a million is 1,750,000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens in.
    pub input: u64,
    /// Of these, ones read from a cache. Equal to `input` where caching is not priced.
    pub cached_input: u64,
    /// Of these, ones written to a cache. Equal to `input` where that is not priced.
    pub cache_write: u64,
    /// Tokens out, reasoning included.
    pub output: u64,
}

/// What may be spent. A bound that is none is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetPlan {
    /// Millionths of a dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
    /// Tokens in and out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// What happens at its end.
    #[serde(skip_serializing_if = "BudgetMode::is_stop")]
    pub mode: BudgetMode,
}

/// What happens at a budget's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetMode {
    /// Nothing is sent whose worst case does not fit; what can't go on is stopped.
    #[default]
    Stop,
    /// As `Stop`, and from 90 % on no new episode is begun.
    Drain,
    /// It is only said.
    Warn,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_utc(minutes: &i32) -> bool {
    *minutes == 0
}

// === impl Price ===

impl Price {
    /// What a call cost, in millionths of a dollar, rounded up: a budget must never be passed by rounding.
    /// `input` holds all tokens in, `cached` and `written` of them included.
    #[must_use]
    pub fn of(&self, input: u64, cached: u64, written: u64, output: u64) -> u64 {
        let plain = input.saturating_sub(cached).saturating_sub(written);
        let parts = [
            (plain, self.input),
            (cached, self.cached_input),
            (written, self.cache_write),
            (output, self.output),
        ];
        let sum: u128 = parts.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum();
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

// === impl BudgetPlan ===

impl BudgetPlan {
    /// Whether it bounds nothing.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        self.micro_usd.is_none() && self.tokens.is_none()
    }
}

// === impl BudgetMode ===

impl BudgetMode {
    /// By its word in files and on the command line.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "stop" => Some(Self::Stop),
            "drain" => Some(Self::Drain),
            "warn" => Some(Self::Warn),
            _ => None,
        }
    }

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Drain => "drain",
            Self::Warn => "warn",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_stop(&self) -> bool {
        *self == Self::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calls_cost_is_rounded_up_and_cached_tokens_cost_less() {
        let price =
            Price { input: 1_750_000, cached_input: 175_000, cache_write: 1_750_000, output: 14_000_000 };
        assert_eq!(price.of(1_000, 0, 0, 100), 1_750 + 1_400);
        assert_eq!(price.of(1_000, 800, 0, 0), 350 + 140);
        assert_eq!(price.of(1, 0, 0, 0), 2);
        assert_eq!(price.of(u64::MAX, u64::MAX, 0, u64::MAX), u64::MAX);
    }
}
