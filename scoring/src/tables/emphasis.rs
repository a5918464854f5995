//! Bold type: every comparison of a table is a chance to be fooled, so only a claim whose p-value survives adjustment for all
//! of them is in bold.

use serde::Serialize;

use crate::tables::cell::Standing;

/// How often a family may raise a false alarm.
pub const ALPHA: f64 = 0.05;

/// Whether a number is put in bold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Emphasis {
    /// It stands after adjustment, and rests on complete cells.
    Bold,
    /// It does not.
    Plain,
}

// === impl Emphasis ===

impl Emphasis {
    /// Bold is for what stands after adjustment and rests on complete cells.
    #[must_use]
    pub fn of(adjusted_p: Option<f64>, standing: Standing) -> Self {
        let is_found = adjusted_p.is_some_and(|p| p < ALPHA);
        if is_found && standing == Standing::Complete { Self::Bold } else { Self::Plain }
    }
}
