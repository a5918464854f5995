//! What a provider admitted lately: what left, less what it turned away. Unlike the rate of answers it does not lag behind
//! by the length of a call.

use crate::ids::Millis;
use crate::quota::Cost;

/// Without a moment to count from, between one and two of these are looked back on.
const WINDOW_MS: u64 = 3_000;

/// Counted from such a moment for at most so long.
const MARKED_MS: u64 = 20_000;

/// After so long without a call what came before says nothing of the rate.
const IDLE_MS: u64 = 1_500;

/// Calls and tokens, by dimension: calls, tokens, tokens in, tokens out.
pub(crate) type Amounts = [u64; 4];

/// A sum of what was admitted, from a moment on.
#[derive(Debug, Clone, Default)]
struct Sum {
    from: Millis,
    amounts: [i64; 4],
}

/// What was admitted lately.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauge {
    /// The window before, if this is not counted from a mark.
    before: Option<Sum>,
    now: Sum,
    /// When the last call left.
    last: Millis,
    marked: bool,
}

/// What a call takes of each dimension.
pub(crate) fn amounts(cost: &Cost) -> Amounts {
    [1, cost.tokens, cost.input_tokens, cost.output_tokens]
}

// === impl Gauge ===

impl Gauge {
    /// A call left.
    pub(crate) fn left(&mut self, now: Millis, amounts: &Amounts) {
        self.turn_over(now);
        self.last = now;
        add(&mut self.now.amounts, amounts, 1);
    }

    /// A call that had left at a moment was turned away, or was never sent.
    pub(crate) fn came_back(&mut self, granted_at: Millis, amounts: &Amounts) {
        if granted_at >= self.now.from {
            add(&mut self.now.amounts, amounts, -1);
        } else if let Some(before) = self.before.as_mut().filter(|before| granted_at >= before.from) {
            add(&mut before.amounts, amounts, -1);
        }
    }

    /// What was admitted, and from when.
    pub(crate) fn read(&self) -> (Millis, Amounts) {
        let mut sum = self.now.clone();
        if let Some(before) = &self.before {
            sum.from = before.from;
            for (sum, more) in sum.amounts.iter_mut().zip(before.amounts) {
                *sum = sum.saturating_add(more);
            }
        }
        (sum.from, sum.amounts.map(|amount| u64::try_from(amount).unwrap_or(0)))
    }

    /// Counts from a moment on.
    pub(crate) fn mark(&mut self, at: Millis) {
        *self =
            Self { before: None, now: Sum { from: at.plus(1), ..Sum::default() }, last: at, marked: true };
    }

    /// Looks back on a window that moves along.
    fn turn_over(&mut self, now: Millis) {
        let age = now.0.saturating_sub(self.now.from.0);
        if now.0.saturating_sub(self.last.0) > IDLE_MS && !self.marked {
            *self = Self { now: Sum { from: now, ..Sum::default() }, last: now, ..Self::default() };
        } else if age > if self.marked { MARKED_MS } else { WINDOW_MS } {
            let before = std::mem::replace(&mut self.now, Sum { from: now, ..Sum::default() });
            self.before = (!self.marked).then_some(before);
            self.marked = false;
        }
    }
}

fn add(sum: &mut [i64; 4], amounts: &Amounts, sign: i64) {
    for (sum, amount) in sum.iter_mut().zip(amounts) {
        // A hostile amount is cut to what four billion of them can't overflow.
        let amount = i64::try_from(*amount).unwrap_or(i64::MAX).min(1 << 31);
        *sum = sum.saturating_add(amount * sign);
    }
}
