//! What a call, an episode or a sweep used. Sums are saturating: a hostile usage report can't overflow a sweep.

/// Counts of calls and tokens. Every field adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Calls that were answered and whose answer became a turn.
    pub model_calls: u64,
    /// Tries beyond the first of a call, whatever became of them.
    pub retries: u64,
    /// Tries answered "too many requests".
    pub rate_limited: u64,
    /// Calls that may have been paid for again, or in vain: an answer that was lost, fenced or dropped. An upper bound.
    pub paid_twice: u64,
    /// Tokens in, as the provider counted them (cached ones included).
    pub input_tokens: u64,
    /// Tokens out, reasoning included.
    pub output_tokens: u64,
    /// Cost in millionths of a dollar, of the calls whose price is known.
    pub cost_micro_usd: u64,
    /// Calls whose price is not known; with any of these, the cost as a whole is not known.
    pub unpriced_calls: u64,
}

impl Usage {
    /// Adds `other` to this, each field by itself.
    pub fn add(&mut self, other: &Usage) {
        let Usage {
            model_calls,
            retries,
            rate_limited,
            paid_twice,
            input_tokens,
            output_tokens,
            cost_micro_usd,
            unpriced_calls,
        } = other;
        self.model_calls = self.model_calls.saturating_add(*model_calls);
        self.retries = self.retries.saturating_add(*retries);
        self.rate_limited = self.rate_limited.saturating_add(*rate_limited);
        self.paid_twice = self.paid_twice.saturating_add(*paid_twice);
        self.input_tokens = self.input_tokens.saturating_add(*input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(*output_tokens);
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(*cost_micro_usd);
        self.unpriced_calls = self.unpriced_calls.saturating_add(*unpriced_calls);
    }
}
