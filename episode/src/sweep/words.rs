//! How limits, prices and budgets are written in TOML, by the same words in a sweep file and in the catalog. What is not
//! said stays open, so that one file's word can be laid over another's, field by field.

use super::quota::{BudgetMode, BudgetPlan, Price, QuotaPlan};
use crate::fields::Fields;
use crate::mistake::did_you_mean;

/// Requests a minute: beyond any provider's limit.
pub(super) const RPM_MAX: u32 = 100_000_000;
/// Tokens a minute, and requests a day: beyond any provider's limit.
const COUNT_MAX: u64 = 1_000_000_000_000;
/// Calls at once, over all workers: a hundred thousand workers with ten each.
const CONCURRENCY_MAX: u32 = 1_000_000;
/// Seconds until the full rate: a day.
const RAMP_SECONDS_MAX: u32 = 86_400;
/// A day's beginning, in minutes from UTC's: the farthest time zones.
const DAY_OFFSET_MINUTES_MAX: i32 = 14 * 60;
/// Dollars a million tokens: beyond any price.
const PRICE_USD_MAX: f64 = 100_000.0;
/// Dollars of a budget.
const BUDGET_USD_MAX: f64 = 1_000_000_000.0;
/// The smallest budget, in dollars: a millionth.
const BUDGET_USD_MIN: f64 = 0.000_001;
const MICROS: f64 = 1_000_000.0;

/// What one file says of a limit. None: nothing; 0: that there is no such limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaWords {
    /// Requests a minute.
    pub rpm: Option<u32>,
    /// Tokens a minute, in and out together.
    pub tpm: Option<u64>,
    /// Tokens in a minute.
    pub input_tpm: Option<u64>,
    /// Tokens out a minute.
    pub output_tpm: Option<u64>,
    /// Requests a day.
    pub rpd: Option<u64>,
    /// Calls at once.
    pub concurrency: Option<u32>,
    /// Seconds until the full rate.
    pub ramp_seconds: Option<u32>,
    /// When the provider's day begins, in minutes east of UTC's midnight.
    pub day_offset_minutes: Option<i32>,
    /// Whether limits that are not stated are searched for.
    pub discover: Option<bool>,
}

/// What one file says of a price, in millionths of a dollar a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PriceWords {
    /// Tokens in.
    pub input: Option<u64>,
    /// Of these, ones read from a cache; as `input` where nothing is said.
    pub cached_input: Option<u64>,
    /// Of these, ones written to a cache; as `input` where nothing is said.
    pub cache_write: Option<u64>,
    /// Tokens out.
    pub output: Option<u64>,
}

// === impl QuotaWords ===

impl QuotaWords {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let offset = -DAY_OFFSET_MINUTES_MAX..=DAY_OFFSET_MINUTES_MAX;
        Self {
            rpm: fields.number("rpm", 0..=RPM_MAX),
            tpm: fields.number("tpm", 0..=COUNT_MAX),
            input_tpm: fields.number("input_tpm", 0..=COUNT_MAX),
            output_tpm: fields.number("output_tpm", 0..=COUNT_MAX),
            rpd: fields.number("rpd", 0..=COUNT_MAX),
            concurrency: fields.number("concurrency", 0..=CONCURRENCY_MAX),
            ramp_seconds: fields.number("ramp_seconds", 0..=RAMP_SECONDS_MAX),
            day_offset_minutes: fields.number("day_offset_minutes", offset),
            discover: fields.flag("discover"),
        }
    }

    /// Laid over what is said elsewhere: that counts where nothing is said here.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            rpm: self.rpm.or(below.rpm),
            tpm: self.tpm.or(below.tpm),
            input_tpm: self.input_tpm.or(below.input_tpm),
            output_tpm: self.output_tpm.or(below.output_tpm),
            rpd: self.rpd.or(below.rpd),
            concurrency: self.concurrency.or(below.concurrency),
            ramp_seconds: self.ramp_seconds.or(below.ramp_seconds),
            day_offset_minutes: self.day_offset_minutes.or(below.day_offset_minutes),
            discover: self.discover.or(below.discover),
        }
    }

    /// As a plan has it.
    #[must_use]
    pub fn plan(self) -> QuotaPlan {
        QuotaPlan {
            rpm: self.rpm.filter(|limit| *limit > 0),
            tpm: self.tpm.filter(|limit| *limit > 0),
            input_tpm: self.input_tpm.filter(|limit| *limit > 0),
            output_tpm: self.output_tpm.filter(|limit| *limit > 0),
            rpd: self.rpd.filter(|limit| *limit > 0),
            concurrency: self.concurrency.filter(|limit| *limit > 0),
            ramp_seconds: self.ramp_seconds.unwrap_or_default(),
            day_offset_minutes: self.day_offset_minutes.unwrap_or_default(),
            discover: self.discover.unwrap_or_default(),
        }
    }
}

// === impl PriceWords ===

impl PriceWords {
    /// From dollars a million tokens.
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let price = |key| fields.float(key, 0.0..=PRICE_USD_MAX).map(micros);
        Self {
            input: price("input"),
            cached_input: price("cached_input"),
            cache_write: price("cache_write"),
            output: price("output"),
        }
    }

    /// Laid over what is said elsewhere: that counts where nothing is said here.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            input: self.input.or(below.input),
            cached_input: self.cached_input.or(below.cached_input),
            cache_write: self.cache_write.or(below.cache_write),
            output: self.output.or(below.output),
        }
    }

    /// The price, if both directions are known. What is not said of a cache costs as if there were none.
    #[must_use]
    pub fn price(self) -> Option<Price> {
        let (input, output) = (self.input?, self.output?);
        Some(Price {
            input,
            cached_input: self.cached_input.unwrap_or(input),
            cache_write: self.cache_write.unwrap_or(input),
            output,
        })
    }
}

// === impl BudgetPlan ===

impl BudgetPlan {
    /// Reads `{ usd = 10, tokens = 1_000_000, mode = "stop" }`.
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let budget = Self {
            micro_usd: fields.float("usd", BUDGET_USD_MIN..=BUDGET_USD_MAX).map(micros),
            tokens: fields.number("tokens", 1..=u64::MAX),
            mode: mode(fields),
        };
        if !fields.has("usd") && !fields.has("tokens") {
            let help = "write `usd = 10` for ten dollars, or `tokens = 1_000_000`";
            fields.reader().note_with_help(fields.at(), "a budget bounds `usd`, `tokens` or both", help);
        }
        fields.close();
        budget
    }
}

fn mode(fields: &Fields<'_>) -> BudgetMode {
    let Some(word) = fields.text("mode") else { return BudgetMode::default() };
    match BudgetMode::parse(&word.value) {
        Some(mode) => mode,
        None => {
            let near = did_you_mean(&word.value, ["stop", "drain", "warn"]).unwrap_or("stop");
            let what = format!("there is no budget mode `{}`", word.value);
            let help = format!("the modes are stop, drain and warn; did you mean `{near}`?");
            fields.reader().note_with_help(word.at, what, help);
            BudgetMode::default()
        }
    }
}

/// Millionths: of a dollar, or of a dollar a million tokens. Bounds of the files keep it far below 2^53.
fn micros(dollars: f64) -> u64 {
    (dollars * MICROS).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_file_leaves_open_another_fills_and_zero_lifts_a_limit() {
        let own = QuotaWords { rpm: Some(5_000), tpm: Some(0), ..QuotaWords::default() };
        let known = QuotaWords { rpm: Some(500), tpm: Some(500_000), rpd: Some(9), ..QuotaWords::default() };
        let plan = own.over(known).plan();
        assert_eq!((plan.rpm, plan.tpm, plan.rpd), (Some(5_000), None, Some(9)));
    }

    #[test]
    fn a_price_needs_both_directions_and_a_cache_is_no_cheaper_than_is_said() {
        let input = PriceWords { input: Some(5), ..PriceWords::default() };
        assert_eq!(input.price(), None);
        let both = PriceWords { output: Some(7), ..input };
        assert_eq!(both.price(), Some(Price { input: 5, cached_input: 5, cache_write: 5, output: 7 }));
    }

    #[test]
    fn dollars_become_whole_millionths() {
        assert_eq!([1.75, 0.1, 0.028, 14.0].map(micros), [1_750_000, 100_000, 28_000, 14_000_000]);
    }
}
