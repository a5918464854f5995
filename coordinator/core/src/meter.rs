//! What passed through a scope, second by second over the last minute.

use std::collections::VecDeque;

use crate::ids::Millis;
use crate::quota::{CallSettled, Cost, Fate};
use crate::view::Traffic;

/// Seconds kept: a minute, and the one under way.
const SECONDS: usize = 61;

/// What passed in one second.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    /// Which, from the epoch.
    at: u64,
    passed: Traffic,
}

/// The last minute, and all since the coordinator began.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    seconds: VecDeque<Second>,
    total: Traffic,
    /// The first second in which anything passed.
    began: Option<u64>,
}

// === impl Meter ===

impl Meter {
    /// A call was granted.
    pub(crate) fn granted(&mut self, now: Millis) {
        self.note(now, |passed| passed.granted += 1);
    }

    /// A call that had been granted ended.
    pub(crate) fn settled(&mut self, now: Millis, call: &CallSettled) {
        match call.fate {
            Fate::Answered => self.note(now, |passed| {
                passed.answered += 1;
                add_cost(&mut passed.cost, &call.cost);
            }),
            Fate::Limited => self.note(now, |passed| passed.limited += 1),
            Fate::Unused | Fate::Failed | Fate::Lost => {}
        }
    }

    /// A call was answered that no one had asked for: the scope is open.
    pub(crate) fn answered_unasked(&mut self, now: Millis) {
        self.note(now, |passed| passed.answered += 1);
    }

    pub(crate) fn total(&self) -> Traffic {
        self.total
    }

    /// How many seconds the last minute has, if it began later: at least one.
    pub(crate) fn seconds(&self, now: Millis) -> u64 {
        let at = now.0 / 1_000;
        (at + 1).saturating_sub(self.began.unwrap_or(at)).clamp(1, 60)
    }

    pub(crate) fn last_minute(&self, now: Millis) -> Traffic {
        let from = (now.0 / 1_000).saturating_sub(60);
        let mut sum = Traffic::default();
        for second in self.seconds.iter().filter(|second| second.at > from) {
            sum.granted += second.passed.granted;
            sum.answered += second.passed.answered;
            sum.limited += second.passed.limited;
            add_cost(&mut sum.cost, &second.passed.cost);
        }
        sum
    }

    fn note(&mut self, now: Millis, change: impl Fn(&mut Traffic)) {
        let at = now.0 / 1_000;
        self.began.get_or_insert(at);
        if self.seconds.back().is_none_or(|second| second.at < at) {
            self.seconds.push_back(Second { at, ..Second::default() });
        }
        while self.seconds.len() > SECONDS {
            self.seconds.pop_front();
        }
        if let Some(second) = self.seconds.back_mut() {
            change(&mut second.passed);
        }
        change(&mut self.total);
    }
}

fn add_cost(sum: &mut Cost, more: &Cost) {
    sum.tokens = sum.tokens.saturating_add(more.tokens);
    sum.input_tokens = sum.input_tokens.saturating_add(more.input_tokens);
    sum.output_tokens = sum.output_tokens.saturating_add(more.output_tokens);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::{CallId, Spend};

    #[test]
    fn a_minute_later_only_the_total_remembers() {
        let mut meter = Meter::default();
        assert_eq!(meter.seconds(Millis(5_500)), 1);
        let cost = Cost { tokens: 7, ..Cost::default() };
        let call = |fate| CallSettled { call: CallId(1), fate, cost, spent: Spend::default() };
        for second in 0..100 {
            meter.granted(Millis(second * 1_000));
            meter.settled(Millis(second * 1_000), &call(Fate::Answered));
        }
        meter.settled(Millis(99_000), &call(Fate::Limited));
        assert_eq!([9_999, 30_000, 99_000].map(|now| meter.seconds(Millis(now))), [10, 31, 60]);
        let last = meter.last_minute(Millis(99_500));
        assert_eq!((last.granted, last.answered, last.limited, last.cost.tokens), (60, 60, 1, 420));
        assert_eq!(meter.last_minute(Millis(159_500)), Traffic::default());
        assert_eq!(meter.total().answered, 100);
    }
}
