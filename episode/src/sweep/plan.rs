//! The plan: a sweep made definite.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::file::{LimitOverrides, RetryPlan, SweepFile};
use super::model::ModelPlan;
use crate::mistake::Mistakes;
use crate::suite::Suite;

/// The place of a variant in a plan, over all its scenarios in order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariantIndex(pub u32);

/// A repeat's number, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

/// A scenario and a value for each of its axes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariantKey {
    /// The scenario's name.
    pub scenario: Arc<str>,
    /// (axis, value), in the scenario's order.
    pub values: Vec<(Arc<str>, Arc<str>)>,
}

/// A sweep made definite: what workers, scorers and readers of results need to know of it. As JSON it is the
/// document that a coordinator keeps and sends to workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPlan {
    /// The format's version.
    format: u32,
    name: Arc<str>,
    project: Arc<str>,
    /// Hash of the packed suite.
    #[serde(with = "hex")]
    bundle: [u8; 32],
    scenarios: Vec<ScenarioPlan>,
    models: Vec<ModelPlan>,
    limits: LimitOverrides,
    seeds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    weight: u32,
    retry: RetryPlan,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rpm: Option<u32>,
}

/// What a plan runs of one scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioPlan {
    /// Its name.
    pub name: Arc<str>,
    /// Its axes, in its order.
    pub axes: Vec<AxisPlan>,
    /// Its variants in canonical order, each as the places of its values in `axes`.
    pub variants: Vec<Vec<u16>>,
}

/// An axis of a scenario as a plan knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisPlan {
    /// Its name.
    pub name: Arc<str>,
    /// All its values, in the scenario's order.
    pub values: Vec<Arc<str>>,
}

/// Why JSON is not a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It can't be read.
    #[error("this is not a sweep's plan: {0}")]
    Unreadable(String),
    /// It was made by a newer version.
    #[error("the plan has format {0}; this version reads format 1")]
    OtherFormat(u32),
    /// It contradicts itself.
    #[error("the plan can't be: {0}")]
    Inconsistent(&'static str),
}

impl SweepPlan {
    /// Makes a sweep file definite.
    ///
    /// # Errors
    /// All mistakes in it, in terms of the suite: unknown scenarios, axes and values, bad models, no jobs.
    pub fn resolve(file: &SweepFile, suite: &Suite, bundle: [u8; 32]) -> Result<Self, Mistakes> {
        unimplemented!()
    }
    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Who it belongs to.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }
    /// Hash of the packed suite.
    #[must_use]
    pub fn bundle(&self) -> [u8; 32] {
        self.bundle
    }
    /// What it runs of each scenario.
    #[must_use]
    pub fn scenarios(&self) -> &[ScenarioPlan] {
        &self.scenarios
    }
    /// Its models; a lane is a place in this list.
    #[must_use]
    pub fn models(&self) -> &[ModelPlan] {
        &self.models
    }
    /// Overrides of the scenarios' limits.
    #[must_use]
    pub fn limits(&self) -> LimitOverrides {
        self.limits
    }
    /// Repeats of each variant.
    #[must_use]
    pub fn seeds(&self) -> u32 {
        self.seeds
    }
    /// The most jobs to run.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.limit
    }
    /// Its share beside other sweeps.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.weight
    }
    /// How failures are treated.
    #[must_use]
    pub fn retry(&self) -> RetryPlan {
        self.retry
    }
    /// The most calls at once, per worker.
    #[must_use]
    pub fn max_connections(&self) -> Option<u32> {
        self.max_connections
    }
    /// Requests a minute, per worker and model.
    #[must_use]
    pub fn rpm(&self) -> Option<u32> {
        self.rpm
    }
    /// Variants, over all scenarios: the jobs of one seed of one model.
    #[must_use]
    pub fn variant_count(&self) -> u32 {
        unimplemented!()
    }
    /// All jobs, `limit` taken into account.
    #[must_use]
    pub fn job_count(&self) -> u64 {
        unimplemented!()
    }
    /// A variant's name.
    #[must_use]
    pub fn variant(&self, index: VariantIndex) -> Option<VariantKey> {
        unimplemented!()
    }
    /// Hash of what is run: all but seeds, limit, weight, and how fast and how stubbornly it is run.
    #[must_use]
    pub fn content_hash(&self) -> [u8; 32] {
        unimplemented!()
    }
    /// What a place in a lane stands for.
    #[must_use]
    pub fn place(&self, ordinal: u64) -> (VariantIndex, Seed) {
        unimplemented!()
    }
    /// The place in a lane of a variant's repeat: the inverse of [`SweepPlan::place`].
    #[must_use]
    pub fn ordinal(&self, variant: VariantIndex, seed: Seed) -> u64 {
        unimplemented!()
    }
    /// As JSON: the same plan always gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        unimplemented!()
    }
    /// Reads what [`SweepPlan::to_json`] wrote.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn from_json(json: &[u8]) -> Result<Self, PlanError> {
        unimplemented!()
    }
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&blake3::Hash::from_bytes(*hash).to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        blake3::Hash::from_hex(text).map(Into::into).map_err(serde::de::Error::custom)
    }
}

impl VariantKey {
    /// An axis's value.
    #[must_use]
    pub fn value(&self, axis: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| &**name == axis).map(|(_, value)| &**value)
    }
}

impl fmt::Display for VariantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scenario)?;
        for (axis, value) in &self.values {
            write!(f, " {axis}={value}")?;
        }
        Ok(())
    }
}
