//! What a provider allows, what it asks for it, and how large answers are said to be.

use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::ProviderError;
use crate::fault::mix;

/// The limits of one model. Each may be absent, and all may hold at once. Buckets hold one second of their limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens a minute, as the profile counts them before a call: OpenAI and others the greater of `max_tokens` and the
    /// input's estimate, Moonshot their sum, Gemini the input alone.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Input tokens a minute: estimated, then corrected; what came from the cache is free.
    pub input_tokens_per_minute: Option<NonZeroU32>,
    /// Output tokens a minute, taken as they are produced; `max_tokens` does not matter.
    pub output_tokens_per_minute: Option<NonZeroU32>,
    /// Requests in 24 hours, counted from the first.
    pub requests_per_day: Option<u32>,
    /// Calls at once.
    pub concurrency: Option<u32>,
    /// What may be spent in all, in millionths of a dollar. A call that begins below it may end above it.
    pub spend_micro_dollars: Option<u64>,
}

/// Prices in millionths of a dollar for a million tokens: $1.75 is 1,750,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// Of input.
    pub input: u64,
    /// Of input that came from the cache.
    pub cached: u64,
    /// Of output, reasoning included.
    pub output: u64,
}

/// From so many tokens to so many, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// How large calls are said to be, whatever was said in them: fixed, or drawn by the call's hash. None: as counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenPlan {
    /// Input tokens.
    pub input: Option<Span>,
    /// Output tokens, never more than the request's `max_tokens`.
    pub output: Option<Span>,
}

// === impl Limits ===

impl Limits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

// === impl Price ===

impl Price {
    /// What a call costs, in millionths of a millionth of a dollar: whole numbers throughout.
    pub(crate) fn pico_dollars(&self, input: u64, cached: u64, output: u64) -> u128 {
        let of = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        of(input.saturating_sub(cached), self.input) + of(cached, self.cached) + of(output, self.output)
    }
}

impl FromStr for Price {
    type Err = ProviderError;

    /// Dollars for a million tokens of input, cached input and output: `1.75,0.175,14`; or input and output alone.
    fn from_str(text: &str) -> Result<Self, ProviderError> {
        let bad = || ProviderError::BadPrice { text: text.to_owned() };
        let micro = |word: &str| {
            let dollars: f64 = word.trim().parse().map_err(|_| bad())?;
            let known = (0.0..=1_000_000.0).contains(&dollars);
            // In range: below 10^12, so whole and positive.
            if known { Ok((dollars * 1_000_000.0).round() as u64) } else { Err(bad()) }
        };
        match text.split(',').map(micro).collect::<Result<Vec<u64>, _>>()?.as_slice() {
            [input, output] => Ok(Self { input: *input, cached: *input, output: *output }),
            [input, cached, output] => Ok(Self { input: *input, cached: *cached, output: *output }),
            _ => Err(bad()),
        }
    }
}

// === impl Span ===

impl Span {
    /// One size for all.
    #[must_use]
    pub fn fixed(tokens: u32) -> Self {
        Self { min: tokens, max: tokens }
    }

    /// The size of the call with this hash.
    pub(crate) fn draw(self, hash: u64) -> u64 {
        let width = u64::from(self.max.saturating_sub(self.min)) + 1;
        u64::from(self.min) + mix(hash) % width
    }
}

impl FromStr for Span {
    type Err = ProviderError;

    /// `500`, or `200..20000`.
    fn from_str(text: &str) -> Result<Self, ProviderError> {
        let bad = || ProviderError::BadSpan { text: text.to_owned() };
        let number = |word: &str| word.trim().parse::<u32>().map_err(|_| bad());
        let span = match text.split_once("..") {
            Some((min, max)) => Self { min: number(min)?, max: number(max)? },
            None => Self::fixed(number(text)?),
        };
        if span.min <= span.max { Ok(span) } else { Err(bad()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_drawn_evenly_and_never_left() {
        let span: Span = "200..20000".parse().expect("a span");
        let drawn: Vec<u64> = (0..20_000).map(|hash| span.draw(hash)).collect();
        assert!(drawn.iter().all(|tokens| (200..=20_000).contains(tokens)));
        let mean = drawn.iter().sum::<u64>() / 20_000;
        assert!((9_900..10_300).contains(&mean), "{mean}");
        assert_eq!("500".parse::<Span>().expect("fixed").draw(7), 500);
        assert_eq!(Span { min: 0, max: u32::MAX }.draw(3) >> 32, 0);
    }

    #[test]
    fn prices_are_exact_to_the_last_token() {
        let price: Price = "1.75,0.175,14".parse().expect("a price");
        assert_eq!(price, Price { input: 1_750_000, cached: 175_000, output: 14_000_000 });
        // 1,000 fresh, 1,000 cached and 1,000 out: $0.00175 + $0.000175 + $0.014.
        assert_eq!(price.pico_dollars(2_000, 1_000, 1_000), 15_925_000_000);
    }

    #[test]
    fn sizes_and_prices_that_cannot_be_are_refused_in_words() {
        for text in ["", "a", "9..1", "-1", "1..99999999999"] {
            assert!(text.parse::<Span>().expect_err(text).to_string().contains("200..20000"));
        }
        for text in ["", "1", "1,2,3,4", "a,b", "-1,2", "NaN,1"] {
            assert!(text.parse::<Price>().expect_err(text).to_string().contains("1.75"));
        }
    }
}
