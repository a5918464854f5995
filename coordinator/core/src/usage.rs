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
    /// What lost answers may have cost besides, in millionths of a dollar: each at its worst, where the price is known.
    pub lost_micro_usd: u64,
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
            lost_micro_usd,
        } = other;
        self.model_calls = self.model_calls.saturating_add(*model_calls);
        self.retries = self.retries.saturating_add(*retries);
        self.rate_limited = self.rate_limited.saturating_add(*rate_limited);
        self.paid_twice = self.paid_twice.saturating_add(*paid_twice);
        self.input_tokens = self.input_tokens.saturating_add(*input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(*output_tokens);
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(*cost_micro_usd);
        self.unpriced_calls = self.unpriced_calls.saturating_add(*unpriced_calls);
        self.lost_micro_usd = self.lost_micro_usd.saturating_add(*lost_micro_usd);
    }

    /// One call that may have been paid in vain: what a lost lease counts, since it may have had a call in flight.
    #[must_use]
    pub fn call_in_vain() -> Self {
        Self { paid_twice: 1, ..Self::default() }
    }

    /// The same, of calls whose answers belong to no transcript (any more): they count as paid twice.
    #[must_use]
    pub fn wasted(self) -> Self {
        Self { model_calls: 0, paid_twice: self.paid_twice.saturating_add(self.model_calls), ..self }
    }

    /// What this has beyond `other`, each field by itself, never below zero.
    #[must_use]
    pub fn beyond(&self, other: &Usage) -> Self {
        Self {
            model_calls: self.model_calls.saturating_sub(other.model_calls),
            retries: self.retries.saturating_sub(other.retries),
            rate_limited: self.rate_limited.saturating_sub(other.rate_limited),
            paid_twice: self.paid_twice.saturating_sub(other.paid_twice),
            input_tokens: self.input_tokens.saturating_sub(other.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(other.output_tokens),
            cost_micro_usd: self.cost_micro_usd.saturating_sub(other.cost_micro_usd),
            unpriced_calls: self.unpriced_calls.saturating_sub(other.unpriced_calls),
            lost_micro_usd: self.lost_micro_usd.saturating_sub(other.lost_micro_usd),
        }
    }

    /// Whether nothing was used.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}
