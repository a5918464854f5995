//! What may be concluded from counts and scores. Pure arithmetic: no episode, scorer or table is known here, every seed
//! is an argument, and nothing reads a clock.
//!
//! | question | answer |
//! |---|---|
//! | a rate | [`Proportion::interval`], Wilson |
//! | two rates | [`Comparison`]: Newcombe's interval, pooled z, Fisher, Boschloo |
//! | two rates over the same seeds | [`PairedCounts`], which only exists where a [`Tie`] does |
//! | a rate over cells | [`Stratified`]; all cells against all: [`StratifiedComparison`], [`MantelHaenszel`] |
//! | unseen variants | [`Clusters`], [`ClusterPairs`]: at least 20 clusters, or a [`Refusal`] |
//! | a 2x2 of conditions | [`TwoByTwo`] |
//! | many tests at once | [`holm`], [`benjamini_hochberg`] |
//! | scores | [`Scores`], [`PairedScores`] |
//! | what was left out | [`DropOut`] |
//! | what a design can see | [`Design`] |
//! | two readers of one text | [`Agreement`] |
//!
//! `tests/beds/statistics` holds all of it against SciPy and statsmodels.

mod agreement;
mod beta;
mod boschloo;
mod clusters;
mod comparison;
mod density;
mod discrete;
mod drop_out;
mod estimate;
mod family;
mod fisher;
mod mantel_haenszel;
mod paired;
mod permutation;
mod power;
mod proportion;
mod random;
mod refusal;
mod scores;
mod strata;
mod student;
mod tie;
mod two_by_two;

pub use agreement::{Agreement, Kappa};
pub use clusters::{CLUSTERS_MIN, ClusterPairs, Clusters};
pub use comparison::Comparison;
pub use drop_out::{DropOut, Robustness};
pub(crate) use estimate::p_by_inversion;
pub use estimate::{Estimate, TestResult};
pub use family::{benjamini_hochberg, holm};
pub use mantel_haenszel::MantelHaenszel;
pub use paired::PairedCounts;
pub use permutation::PairedScores;
pub use power::{Design, PlannedTest};
pub use proportion::{Confidence, Interval, Proportion};
pub use random::Random;
pub use refusal::Refusal;
pub use scores::Scores;
pub use strata::{Stratified, StratifiedComparison, Stratum};
pub use tie::{SeedUse, Tie};
pub use two_by_two::{Effects, TwoByTwo};
