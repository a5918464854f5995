//! Tables of rates: episodes come in one by one with the labels of their row, rows come out with counts, rates and
//! intervals. What is printed of them, and how, is the business of who asks.
//!
//! [`RateTable`] is the plain one. [`Cell`] knows besides how much was planned, and is marked where too little of it came to
//! be; [`Emphasis`] is what is in bold; [`study`] puts our numbers beside the [`published`] ones. [`Rounds`] says which seeds of a
//! sweep that was stopped may be reported at all.

mod cell;
mod emphasis;
mod model_name;
mod observation;
pub mod published;
mod rates;
mod rounds;
pub mod study;
mod tally;

pub use cell::{COMPLETENESS_MIN, Cell, CellSummary, ScoreSummary, Standing};
pub use emphasis::{ALPHA, Emphasis};
pub use model_name::ModelName;
pub use observation::{Infrastructure, Observation};
pub use rates::{RateTable, Row};
pub use rounds::{Rounds, Selection};
pub use study::MaxAndMean;
pub use tally::{RateSummary, Tally};
