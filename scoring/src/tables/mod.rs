//! Tables of rates: episodes come in one by one with the labels of their row, rows come out with counts, rates and
//! intervals. What is printed of them, and how, is the business of who asks.
//!
//! [`RateTable`] is the plain one. [`Cell`] knows besides how much was planned, and is marked where too little of it came to
//! be; [`ContrastTable`] holds cells against controls, as one family of tests; [`Instantiations`] is a line of the study's own
//! tables, and [`study`] puts it beside the [`published`] numbers. [`Rounds`] says which seeds of a sweep that was stopped may
//! be reported at all.

mod cell;
mod contrasts;
mod instantiations;
mod model_name;
mod observation;
pub mod published;
mod rates;
mod rounds;
pub mod study;
mod tally;

pub use cell::{COMPLETENESS_MIN, Cell, CellSummary, ScoreSummary, Standing};
pub use contrasts::{ALPHA, Contrast, ContrastRow, ContrastTable, Emphasis};
pub use instantiations::{Arm, Instantiations, MaxAndMean};
pub use model_name::ModelName;
pub use observation::{Infrastructure, Observation};
pub use rates::{RateTable, Row};
pub use rounds::{Rounds, Selection};
pub use tally::{RateSummary, Tally};
