//! Tables of rates: episodes come in one by one with the labels of their row, rows come out with counts, rates and
//! intervals. What is printed of them, and how, is the business of who asks.

mod observation;
mod rates;
mod tally;

pub use observation::{Infrastructure, Observation};
pub use rates::{RateTable, Row};
pub use tally::{RateSummary, Tally};
