//! What a pilot came to: the beginning of a sweep, run for real.

use muster_proto::v1;

use crate::limits;
use crate::tables::{counted, grouped};

/// A stopped model's reason begins so where a budget stopped it.
const BY_BUDGET: &str = "the budget of ";

/// What the beginning of a sweep used.
pub(crate) struct Piloted {
    /// Each episode with a result: its lane, and what it used.
    pub(crate) episodes: Vec<(u32, v1::Usage)>,
    /// Jobs that ended without a result.
    pub(crate) lost: u64,
    /// Jobs that it did not come to.
    pub(crate) unfinished: u64,
    /// The models that were stopped in it, and why.
    pub(crate) stopped: Vec<(String, String)>,
    /// What all of it used.
    pub(crate) usage: v1::Usage,
    /// The whole sweep's number.
    pub(crate) sweep: u64,
}

// === impl Piloted ===

impl Piloted {
    /// That it did not come to its end, and what it spent; none if it did.
    pub(crate) fn cut(&self) -> Option<String> {
        let who = if self.stopped.iter().any(|(_, reason)| reason.starts_with(BY_BUDGET)) {
            "the budget stopped the pilot"
        } else if !self.stopped.is_empty() {
            "the pilot was stopped"
        } else if self.episodes.is_empty() {
            "the pilot says nothing"
        } else {
            return None;
        };
        let usage = &self.usage;
        let money = match usage.unpriced_calls {
            0 => format!("{}, ", limits::usd(usage.cost_micro_usd)),
            _ => String::new(),
        };
        Some(format!(
            "{who}: {} with a result, {} unfinished, {} without a result; it spent {money}{} tokens in, {} out{}",
            counted(self.episodes.len() as u64, "episode"),
            grouped(self.unfinished),
            grouped(self.lost),
            grouped(usage.input_tokens),
            grouped(usage.output_tokens),
            if self.episodes.is_empty() { "; the estimate is that of before it" } else { "" },
        ))
    }
}
