//! Reports: a sweep's stored scores, told so that every number can be defended.
//!
//! A [`Collector`] takes ended episodes one by one and keeps only counters and a few drawn examples. [`Collector::report`]
//! makes a [`Report`] of them, numbers and words; it can be drawn as [`sheets`] for a terminal, as [`markdown`], [`csv`], or
//! as a page of [`html`]. All of it is pure.

pub mod brief;
mod build;
mod collector;
mod columns;
mod combination;
mod crossing;
pub mod csv;
mod effect_sheet;
mod effects;
mod groups;
pub mod html;
mod judges;
mod lines;
pub mod markdown;
mod matched;
mod model;
mod other_sheet;
mod other_tests;
mod paired;
mod prospect;
mod sample;
pub mod sheets;
mod source;
mod still;
pub mod summary;
pub mod text;

pub use collector::{Collector, Selections};
pub use judges::{Judges, Readings};
pub use model::{
    CellScorer, Claim, CostRow, Crossing, DropOutRow, Effect, FakingRow, Group, GroupScorer, HeatCell,
    HeatRow, LossRow, Measure, ModelRow, OtherTests, Overview, PairedScore, Pairs, Reason, Report, Sampled,
    SweepOverview, Unseen, VariantCell, Verdicts,
};
pub use prospect::{PlannedComparison, PlannedEffect, PlannedSide, Prospect};
pub use source::{By, Ending, Found, LaneUse, RUNNING, ScenarioScorers, Source, StoredVerdict, Told};
