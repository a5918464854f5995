//! What the judge's account says: how much of a limit was used, and how many calls were refused.

use crate::stage::Second;

/// Whole seconds since the provider's start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from_s: u64,
    pub(crate) to_s: u64,
}

/// Calls in a window.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) answered: f64,
    pub(crate) limited: f64,
    pub(crate) held_tokens: f64,
    pub(crate) input_tokens: f64,
    pub(crate) output_tokens: f64,
}

// === impl Window ===

impl Window {
    /// From one moment to another, both inward to whole seconds.
    pub(crate) fn between(from_ms: f64, to_ms: f64) -> Self {
        Self { from_s: (from_ms / 1_000.0).ceil() as u64, to_s: (to_ms / 1_000.0).floor() as u64 }
    }

    pub(crate) fn minutes(self) -> f64 {
        self.to_s.saturating_sub(self.from_s) as f64 / 60.0
    }
}

// === impl Seen ===

impl Seen {
    pub(crate) fn within(seconds: &[Second], window: Window) -> Self {
        let mut seen = Self::default();
        for second in seconds.iter().filter(|second| (window.from_s..window.to_s).contains(&second.second)) {
            seen.answered += second.answered;
            seen.limited += second.rate_limited;
            seen.held_tokens += second.held_tokens;
            // What came from a cache is not counted.
            seen.input_tokens += second.input_tokens - second.cached_tokens;
            seen.output_tokens += second.output_tokens;
        }
        seen
    }

    /// Calls answered and refused.
    pub(crate) fn calls(self) -> f64 {
        self.answered + self.limited
    }

    /// Share of calls that were refused, in percent.
    pub(crate) fn limited_percent(self) -> f64 {
        100.0 * self.limited / self.calls().max(1.0)
    }
}
