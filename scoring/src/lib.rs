//! Scoring of Muster: what an episode shows, and what follows from many.
//!
//! State decides wherever state can: a rule looks at the world that an episode left behind, by [`Scorer`]s, which a
//! scenario asks for by kind. Their [`Verdict`]s are stored beside the episode, by name and version, and can be made
//! again at any time from the transcript, without paying for it again. [`statistics`] knows only numbers; [`tables`]
//! bring the two together. Nothing in here can panic on what a model wrote.

pub mod audit;
mod error;
mod evidence;
pub mod extraction;
pub mod judge;
pub mod report;
pub mod scorers;
#[cfg(test)]
mod stage;
pub mod statistics;
pub mod tables;
mod verdict;

pub use error::{ScoreError, ScorerError, VerdictError};
pub use evidence::Evidence;
pub use scorers::{Scorer, ScorerSet};
pub use verdict::Verdict;
