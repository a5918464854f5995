//! A report as numbers and words, before anybody draws it. As JSON it is what `--json` gives.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::judges::Readings;
use crate::report::source::LaneUse;
use crate::statistics::{Estimate, Interval, Robustness, TestResult, Tie};
use crate::tables::study::StudyTable;
use crate::tables::{CellSummary, Emphasis, MaxAndMean, ModelName, ScoreSummary, Standing};

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Raised whenever a key changes its meaning.
    pub format: u32,
    /// What it is of.
    pub overview: Overview,
    /// The models: columns of the heat map.
    pub models: Vec<ModelRow>,
    /// Behaviours by model.
    pub heat: Vec<HeatRow>,
    /// The study's table, ours beside the published.
    pub study: StudyTable,
    /// Alignment faking over those who read, and over all.
    pub faking: Vec<FakingRow>,
    /// What is tested, as one family.
    pub claims: Vec<Claim>,
    /// Threat by relationship.
    pub crossings: Vec<Crossing>,
    /// What single axes do, where a sweep varies more of them than the study.
    pub effects: Vec<Effect>,
    /// What is left out of rates, and what it could hide.
    pub drop_out: Vec<DropOutRow>,
    /// Jobs lost to infrastructure: in no rate.
    pub losses: Vec<LossRow>,
    /// What was said of losses.
    pub reasons: Vec<Reason>,
    /// What it cost.
    pub costs: Vec<CostRow>,
    /// Cells by scenario, model and condition.
    pub groups: Vec<Group>,
}

/// What a report is of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// Its sweeps.
    pub sweeps: Vec<SweepOverview>,
    /// Variants over all sweeps and models.
    pub cells: u64,
    /// Of these, those that behaviours under a condition are made of.
    pub study_cells: u64,
    /// Axes that the study keeps still and that are elsewhere in those cells, with their values.
    pub not_of_study: Vec<String>,
    /// Episodes planned, as far as they are reported.
    pub planned: u64,
    /// Of these, with a transcript.
    pub episodes: u64,
    /// Cells of which too much is missing.
    pub incomplete: u64,
    /// How many tests there are in the family.
    pub tests: u64,
    /// Whose verdicts it is made of.
    pub readings: Readings,
    /// What must be known before a number is read.
    pub marks: Vec<String>,
}

/// A sweep of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepOverview {
    /// Its number.
    pub sweep: u64,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// Its suite's hash, the beginning.
    pub suite: String,
    /// Models.
    pub models: u64,
    /// Variants of each.
    pub variants: u64,
    /// Repeats of each.
    pub seeds: u64,
    /// All jobs.
    pub jobs: u64,
    /// Ended with a result.
    pub results: u64,
}

/// A model of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelRow {
    /// As it is called in every row about it.
    pub model: ModelName,
    /// As people call it.
    pub display_name: String,
    /// Its suite's hash, the beginning.
    pub suite: String,
    /// The sweeps that ran it.
    pub sweeps: Vec<u64>,
}

/// What a number of the heat map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A rate.
    Rate,
    /// A rate less that of a control, in percentage points.
    Difference,
}

/// A row of the heat map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeatRow {
    /// What is counted.
    pub behaviour: String,
    /// Whom it concerns, and what was said of the relationship.
    pub condition: String,
    /// Whom it concerns; none where all conditions are in it.
    pub subject: Option<String>,
    /// What was said of the relationship; none where all conditions are in it.
    pub relationship: Option<String>,
    /// What its numbers are.
    pub measure: Measure,
    /// One for each model.
    pub cells: Vec<HeatCell>,
}

/// A cell of the heat map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeatCell {
    /// The number; none where nothing was counted.
    pub estimate: Option<Estimate>,
    /// Episodes judged, without those of a control.
    pub n: u64,
    /// Cells of which nothing was counted, which are left out of the mean.
    pub blanks: u64,
    /// Whether a claim may rest on it.
    pub standing: Standing,
    /// The first of the groups that it is of.
    pub group: Option<u64>,
}

/// Alignment faking of a model under one relationship.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FakingRow {
    /// The model.
    pub model: ModelName,
    /// The relationship.
    pub relationship: String,
    /// Unmonitored less monitored, of those who read: that they read is a selection.
    pub of_readers: Option<MaxAndMean>,
    /// The same of all episodes.
    pub of_all: Option<MaxAndMean>,
    /// Refusals, unmonitored less monitored.
    pub refusal: Option<Estimate>,
    /// Mean score, unmonitored and monitored.
    pub scores: [Option<ScoreSummary>; 2],
}

/// Something that is tested.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    /// The model.
    pub model: ModelName,
    /// The behaviour.
    pub behaviour: String,
    /// What is held against what.
    pub what: String,
    /// The difference.
    pub difference: Option<Estimate>,
    /// Why there is none.
    pub why_not: Option<String>,
    /// Unadjusted.
    pub p: Option<f64>,
    /// Holm's, over all claims of the report.
    pub p_holm: Option<f64>,
    /// Benjamini and Hochberg's.
    pub p_benjamini_hochberg: Option<f64>,
    /// In the worst case of what was left out.
    pub worst_case: Option<Interval>,
    /// Whether its sign holds there.
    pub robustness: Option<Robustness>,
    /// Whether it rests on complete cells.
    pub standing: Standing,
    /// Whether it is in bold.
    pub emphasis: Emphasis,
    /// What other tests say of it; none of them is in the family.
    #[serde(flatten)]
    pub others: OtherTests,
}

/// Other tests of a claim's difference. Where one is not made, its reason stands beside it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct OtherTests {
    /// The two-proportion z test, over strata where there are several.
    pub z: Option<TestResult>,
    /// Why there is none.
    pub z_why_not: Option<String>,
    /// The exact test's p.
    pub exact_p: Option<f64>,
    /// Which one it is: `boschloo`, `fisher` or `conditional`.
    pub exact_test: Option<&'static str>,
    /// Why there is none.
    pub exact_why_not: Option<String>,
    /// Paired tests, where the seed ties pairs together.
    pub pairs: Option<Pairs>,
    /// Why there are none.
    pub pairs_why_not: Option<String>,
    /// What may be said of variants that were not run.
    pub unseen: Option<Unseen>,
    /// Why nothing may.
    pub unseen_why_not: Option<String>,
}

/// Episodes of one seed, and of one variant but for what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pairs {
    /// How many of which both are judged.
    pub pairs: u64,
    /// What ties them.
    pub tied_by: Tie,
    /// The correlation within pairs, as observed within variants; none where a side always did the same.
    pub correlation: Option<f64>,
    /// McNemar's mid-p.
    pub mcnemar_p: Option<f64>,
    /// Of their scores, where both have one.
    pub scores: Option<PairedScore>,
}

/// The paired permutation test of mean scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedScore {
    /// How many pairs have two scores.
    pub pairs: u64,
    /// The mean difference, in points; none of one pair.
    pub difference: Option<Estimate>,
    /// The permutation test's p.
    pub p: f64,
}

/// A claim about variants that were not run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Unseen {
    /// Clusters of it: variants, or what of them is compared together.
    pub clusters: u64,
    /// The difference, with an interval for variants that are new.
    pub difference: Estimate,
    /// The cluster-robust t test's p; none where all clusters differ alike.
    pub p: Option<f64>,
}

/// A 2x2 of threat and relationship.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crossing {
    /// The model.
    pub model: ModelName,
    /// The scenario.
    pub scenario: String,
    /// What is counted.
    pub behaviour: String,
    /// Threat and good relationship, threat alone, relationship alone, neither.
    pub rates: [Estimate; 4],
    /// Episodes behind each.
    pub n: [u64; 4],
    /// The threat's effect where the relationship is good, and where it is not.
    pub threat: [Estimate; 2],
    /// The relationship's effect where there is a threat, and where there is none.
    pub relationship: [Estimate; 2],
    /// The difference of differences.
    pub interaction: Estimate,
    /// Of the interaction, adjusted over all claims of the report.
    pub p_holm: Option<f64>,
    /// Combinations of the other axes of which all four cells are there.
    pub matched: u64,
    /// Those that are left out because one is not.
    pub unmatched: u64,
    /// Whether a claim may rest on it.
    pub standing: Standing,
}

/// What one value of one axis does, against the axis' base.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// The model.
    pub model: ModelName,
    /// The scenario.
    pub scenario: String,
    /// What is counted.
    pub behaviour: String,
    /// The axis.
    pub axis: String,
    /// Its value.
    pub value: String,
    /// The value that it is held against.
    pub base: String,
    /// The rate less that under the base, over pairs of cells that are alike in all other axes; none without a pair.
    pub difference: Option<Estimate>,
    /// Episodes under the value, and under the base.
    pub n: [u64; 2],
    /// Pairs, which weigh the same.
    pub pairs: u64,
    /// Cells of either value that have no counterpart in which anything was counted.
    pub unpaired: u64,
    /// Unadjusted.
    pub p: Option<f64>,
    /// Holm's, over all effects of single axes.
    pub p_holm: Option<f64>,
    /// Whether it rests on complete cells.
    pub standing: Standing,
    /// Whether it is in bold.
    pub emphasis: Emphasis,
}

/// What is left out of a model's rates of one behaviour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DropOutRow {
    /// The model.
    pub model: ModelName,
    /// The scenario.
    pub scenario: String,
    /// The behaviour.
    pub behaviour: String,
    /// The rate over all its cells of which something was counted.
    pub rate: Option<Estimate>,
    /// What it could have been.
    pub worst_case: Option<Interval>,
    /// Episodes with a transcript.
    pub episodes: u64,
    /// The model never looked.
    pub unread: u64,
    /// The model did nothing.
    pub nothing: u64,
    /// There is no verdict.
    pub unscored: u64,
    /// Left out, of all with a transcript.
    pub share: Option<f64>,
}

/// A model's lost jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LossRow {
    /// The model.
    pub model: ModelName,
    /// Jobs planned, as far as they are reported.
    pub planned: u64,
    /// With a transcript.
    pub results: u64,
    /// Lost to provider or network.
    pub failed: u64,
    /// Lost to their workers' deaths.
    pub quarantined: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Not ended.
    pub not_run: u64,
}

/// What was said of lost jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The words.
    pub message: String,
    /// How many jobs.
    pub jobs: u64,
    /// One of them.
    pub example: String,
}

/// What a model cost, all its jobs and tries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostRow {
    /// The model.
    pub model: ModelName,
    /// What it used.
    #[serde(flatten)]
    pub used: LaneUse,
}

/// Cells of one scenario, model and condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Its number, from 0.
    pub id: u64,
    /// The model.
    pub model: ModelName,
    /// The scenario.
    pub scenario: String,
    /// The condition.
    pub condition: String,
    /// What each scorer found.
    pub scorers: Vec<GroupScorer>,
    /// The command that lists all its episodes.
    pub command: String,
    /// Its cells, one for each variant.
    pub cells: Vec<VariantCell>,
}

/// What a scorer found in a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupScorer {
    /// Its name.
    pub scorer: String,
    /// Its kind.
    pub kind: String,
    /// Whether its rate is one of the results.
    pub headline: bool,
    /// The mean rate of the cells of which something was counted, each by the same weight.
    pub rate: Option<Estimate>,
    /// Episodes judged.
    pub n: u64,
    /// Of these, how many did what is counted.
    pub k: u64,
    /// Episodes planned.
    pub planned: u64,
    /// How many of them are in the rate.
    pub completeness: Option<f64>,
    /// Cells without any.
    pub blanks: u64,
    /// Whether a claim may rest on it.
    pub standing: Standing,
    /// With a transcript, and in no rate.
    pub left_out: u64,
    /// The scores behind the rate.
    pub score: Option<ScoreSummary>,
    /// Verdicts, and a few episodes of each.
    pub verdicts: Vec<Verdicts>,
}

/// A verdict of a scorer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdicts {
    /// The word.
    pub word: String,
    /// How many episodes.
    pub episodes: u64,
    /// Some of them, drawn by their addresses' hashes.
    pub sample: Vec<Sampled>,
}

/// An episode that was drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sampled {
    /// Its job.
    pub job: String,
    /// The repeat.
    pub seed: u64,
    /// The score that it reports, if any.
    pub score: Option<f64>,
    /// What its verdict rests on, in its own words, the beginning.
    pub excerpt: Option<String>,
}

/// One variant of one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantCell {
    /// The values of the axes that vary, beside those of the group.
    pub variant: BTreeMap<String, String>,
    /// Of each headline scorer.
    pub scorers: Vec<CellScorer>,
    /// Episodes lost to infrastructure.
    pub lost: u64,
}

/// What a scorer found in one cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellScorer {
    /// Its name.
    pub scorer: String,
    /// The numbers.
    #[serde(flatten)]
    pub summary: CellSummary,
    /// Verdicts, and an episode of each.
    pub verdicts: Vec<Verdicts>,
}
