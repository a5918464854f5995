//! What may be concluded from counts. Pure arithmetic: no episode, scorer or table is known here.

mod proportion;

pub use proportion::{Confidence, Interval, Proportion};
