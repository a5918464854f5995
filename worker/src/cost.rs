//! What a call costs of its provider's limits and of money: before it is sent, and in truth. Providers count in
//! different ways, so there is a rule for each; what comes out are plain sums.

use std::sync::Mutex;
use std::sync::PoisonError;

use muster_episode::{Price, TokenUsage};

/// Bytes of a request's body a token, until a model's own answers have told.
const BYTES_PER_TOKEN: f64 = 4.0;

/// Tokens of an answer, until a model's own answers have told.
const USUAL_OUTPUT_TOKENS: f64 = 400.0;

/// How far one answer moves an estimate.
const WEIGHT: f64 = 0.1;

/// Tokens that a provider may put around what is sent: markers of roles, the wrapping of tools.
const FRAME_TOKENS: u64 = 512;

/// How a provider counts tokens against its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostRule {
    /// At admission, the greater of the output bound and the estimate of what is sent; never corrected (OpenAI, Azure).
    Reserved,
    /// What is sent, and the output bound (Moonshot).
    SentAndBound,
    /// What is sent and what comes back, corrected by what it was (most).
    Used,
    /// As `Used`, but what is read from a cache is free (Anthropic).
    UsedBeyondCache,
}

/// Tokens of a call against a limit on all, on those in, on those out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// In and out together.
    pub tokens: u64,
    /// In.
    pub input_tokens: u64,
    /// Out.
    pub output_tokens: u64,
}

/// The most that a call can come to in money and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worst {
    /// In millionths of a dollar; none where the price is not known.
    pub micro_usd: Option<u64>,
    /// In and out.
    pub tokens: u64,
}

/// One model's costs: its rule, its price, and what its answers have told so far.
#[derive(Debug)]
pub struct Costs {
    rule: CostRule,
    price: Option<Price>,
    learned: Mutex<Learned>,
}

#[derive(Debug, Clone, Copy)]
struct Learned {
    bytes_per_token: f64,
    output_tokens: f64,
}

// === impl CostRule ===

impl CostRule {
    /// The rule of an account's provider.
    #[must_use]
    pub fn of_account(account: &str) -> Self {
        match account.split('/').next().unwrap_or_default() {
            "openai" | "azure" => Self::Reserved,
            "moonshot" => Self::SentAndBound,
            "anthropic" => Self::UsedBeyondCache,
            _ => Self::Used,
        }
    }
}

// === impl Costs ===

impl Costs {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(rule: CostRule, price: Option<Price>) -> Self {
        let learned = Learned { bytes_per_token: BYTES_PER_TOKEN, output_tokens: USUAL_OUTPUT_TOKENS };
        Self { rule, price, learned: Mutex::new(learned) }
    }

    /// What a request of so many bytes reserves.
    #[must_use]
    pub fn reserve(&self, body_bytes: usize, max_output_tokens: u32) -> Cost {
        let learned = self.learned();
        let (sent, bound) =
            (whole(body_bytes as f64 / learned.bytes_per_token), u64::from(max_output_tokens));
        let expected = whole(learned.output_tokens).min(bound);
        let tokens = match self.rule {
            CostRule::Reserved => bound.max(whole(body_bytes as f64 / BYTES_PER_TOKEN)),
            CostRule::SentAndBound => sent + bound,
            CostRule::Used | CostRule::UsedBeyondCache => sent + expected,
        };
        Cost { tokens, input_tokens: sent, output_tokens: expected }
    }

    /// What an answered request cost in truth.
    #[must_use]
    pub fn settle(&self, reserved: Cost, max_output_tokens: u32, used: &TokenUsage) -> Cost {
        let free = if self.rule == CostRule::UsedBeyondCache { used.cached_input } else { 0 };
        let input_tokens = used.input.saturating_sub(free);
        let tokens = match self.rule {
            CostRule::Reserved => reserved.tokens,
            CostRule::SentAndBound => used.input.saturating_add(u64::from(max_output_tokens)),
            CostRule::Used | CostRule::UsedBeyondCache => input_tokens.saturating_add(used.output),
        };
        Cost { tokens, input_tokens, output_tokens: used.output }
    }

    /// The most that a request can come to. No tokenizer makes more tokens than there are bytes.
    #[must_use]
    pub fn worst(&self, body_bytes: usize, max_output_tokens: u32) -> Worst {
        let (sent, bound) = (body_bytes as u64 + FRAME_TOKENS, u64::from(max_output_tokens));
        let micro_usd = self.price.map(|price| {
            let dearest = price.input.max(price.cache_write);
            Price { input: dearest, ..price }.of(sent, 0, 0, bound)
        });
        Worst { micro_usd, tokens: sent + bound }
    }

    /// What an answered request cost in money, if the price is known.
    #[must_use]
    pub fn money(&self, used: &TokenUsage) -> Option<u64> {
        self.price.map(|price| price.of(used.input, used.cached_input, used.cache_write, used.output))
    }

    /// Learns from an answer.
    pub fn learn(&self, body_bytes: usize, used: &TokenUsage) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if used.input > 0 {
            let seen = (body_bytes as f64 / used.input as f64).clamp(0.5, 16.0);
            learned.bytes_per_token += WEIGHT * (seen - learned.bytes_per_token);
        }
        learned.output_tokens += WEIGHT * (used.output.min(1_000_000) as f64 - learned.output_tokens);
    }

    fn learned(&self) -> Learned {
        *self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rounded up; what is estimated is never negative and far below 2^53.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "estimates of tokens, clamped below"
)]
fn whole(tokens: f64) -> u64 {
    tokens.ceil().clamp(0.0, 1e15) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const USED: TokenUsage =
        TokenUsage { input: 1_000, cached_input: 600, cache_write: 0, output: 200, reasoning: 50 };

    fn settled(rule: CostRule) -> Cost {
        let costs = Costs::new(rule, None);
        let reserved = costs.reserve(6_000, 8_192);
        costs.settle(reserved, 8_192, &USED)
    }

    #[test]
    fn each_provider_counts_in_its_own_way() {
        assert_eq!(settled(CostRule::Reserved).tokens, 8_192);
        assert_eq!(settled(CostRule::SentAndBound).tokens, 9_192);
        assert_eq!(settled(CostRule::Used), Cost { tokens: 1_200, input_tokens: 1_000, output_tokens: 200 });
        let cached = Cost { tokens: 600, input_tokens: 400, output_tokens: 200 };
        assert_eq!(settled(CostRule::UsedBeyondCache), cached);
    }

    #[test]
    fn the_output_bound_is_no_reservation_where_only_use_is_counted() {
        let costs = Costs::new(CostRule::UsedBeyondCache, None);
        assert_eq!(
            costs.reserve(4_000, 100_000),
            Cost { tokens: 1_400, input_tokens: 1_000, output_tokens: 400 }
        );
    }

    #[test]
    fn answers_teach_what_the_next_request_will_cost() {
        let costs = Costs::new(CostRule::Used, None);
        (0..200).for_each(|_| costs.learn(2_000, &TokenUsage { input: 1_000, output: 10, ..USED }));
        let cost = costs.reserve(2_000, 8_192);
        assert!((995..=1_010).contains(&cost.input_tokens), "{cost:?}");
        assert!((10..=12).contains(&cost.output_tokens), "{cost:?}");
    }

    #[test]
    fn the_worst_case_is_never_below_the_truth() {
        let price =
            Price { input: 1_000_000, cached_input: 100_000, cache_write: 1_250_000, output: 5_000_000 };
        let costs = Costs::new(CostRule::Used, Some(price));
        let worst = costs.worst(1_000, 100);
        let all_written =
            TokenUsage { input: 1_000, cached_input: 0, cache_write: 1_000, output: 100, reasoning: 0 };
        assert!(worst.micro_usd >= costs.money(&all_written));
        assert_eq!(worst.tokens, 1_612);
    }
}
