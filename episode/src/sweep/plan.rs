//! The plan: a sweep made definite. It is a formula, not rows: a job is computed from its place, so that a sweep of a
//! billion jobs is as long as one of ten.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::file::{LimitOverrides, RetryPlan, SweepFile};
use super::list::ListPlan;
use super::model::ModelPlan;
use super::permutation::Permutation;
use super::quota::{BudgetPlan, QuotaPlan};
use super::resolve::Resolver;
use crate::catalog::Catalog;
use crate::digest::{Digest, Parts};
use crate::mistake::Mistakes;
use crate::suite::Suite;
use crate::world::Date;

/// The version of the plan's format.
const FORMAT: u32 = 1;
/// Variants of a plan: as JSON some 12 bytes each, so that a plan's message stays below 2 MB.
const PLAN_VARIANTS_MAX: usize = 100_000;

/// Numbers that a provider's `seed` can have.
const PROVIDER_SEEDS: u64 = 1 << 31;

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
#[derive(Debug, Clone, PartialEq)]
pub struct SweepPlan {
    document: Document,
    content: Digest,
    variants: u32,
}

/// A plan as it stands in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    name: Arc<str>,
    project: Arc<str>,
    #[serde(with = "hex")]
    bundle: Digest,
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
    #[serde(default, skip_serializing_if = "BudgetPlan::is_unbounded")]
    budget: BudgetPlan,
    /// A plan of the other kind: its jobs are rows, and it has no scenarios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<ListPlan>,
}

/// What a list's plan is made of, beside its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ListSweep {
    /// What people call it.
    pub name: Arc<str>,
    /// Who it belongs to.
    pub project: Arc<str>,
    /// Hash of the packed rows.
    pub bundle: Digest,
    /// The list.
    pub list: ListPlan,
    /// The model that is asked.
    pub model: ModelPlan,
    /// What it may spend.
    pub budget: BudgetPlan,
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

// === impl SweepPlan ===

impl SweepPlan {
    /// Makes a sweep file definite. `bundle` is the hash of the packed suite. What the file does not say of its models,
    /// the catalog does. Models that were shut down before `today` are mistakes; without a day, none are.
    ///
    /// # Errors
    /// All mistakes in it, in terms of the suite: unknown scenarios, axes and values, bad models, nothing to run; and of
    /// the catalog: retired models, unknown tiers, a budget in money for a model whose price is not known.
    pub fn resolve(
        file: &SweepFile,
        suite: &Suite,
        bundle: Digest,
        catalog: &Catalog,
        today: Option<&Date>,
    ) -> Result<Self, Mistakes> {
        let mut resolver = Resolver { file, suite, catalog, today, mistakes: Mistakes::default() };
        let document = Document {
            format: FORMAT,
            name: file.name.value.as_str().into(),
            project: file.project.value.as_str().into(),
            bundle,
            scenarios: resolver.scenarios(),
            models: resolver.models(),
            limits: file.limits,
            seeds: file.seeds,
            limit: file.limit,
            weight: file.weight,
            retry: file.retry,
            max_connections: file.max_connections,
            budget: file.budget,
            list: None,
        };
        let mut mistakes = resolver.mistakes;
        if mistakes.is_empty()
            && let Err(error) = document.check()
        {
            mistakes.add(&file.source, 0..0, error.to_string());
        }
        mistakes.into_result(()).map(|()| Self::of(document))
    }

    /// The plan of a list: every row is asked once.
    ///
    /// # Errors
    /// If it contradicts itself.
    pub fn of_list(sweep: ListSweep) -> Result<Self, PlanError> {
        let document = Document {
            format: FORMAT,
            name: sweep.name,
            project: sweep.project,
            bundle: sweep.bundle,
            scenarios: Vec::new(),
            models: vec![sweep.model],
            limits: LimitOverrides::default(),
            seeds: 1,
            limit: None,
            weight: 1,
            retry: RetryPlan::default(),
            max_connections: None,
            budget: sweep.budget,
            list: Some(sweep.list),
        };
        document.check()?;
        Ok(Self::of(document))
    }

    fn of(document: Document) -> Self {
        // `Document::check` has bounded the sum.
        let of_scenarios =
            document.scenarios.iter().map(|scenario| scenario.variants.len()).sum::<usize>() as u32;
        let variants = document.list.as_ref().map_or(of_scenarios, |list| list.rows);
        let content = document.content_hash();
        Self { document, content, variants }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.document.name
    }

    /// Who it belongs to.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.document.project
    }

    /// Hash of the packed suite.
    #[must_use]
    pub fn bundle(&self) -> Digest {
        self.document.bundle
    }

    /// What it runs of each scenario.
    #[must_use]
    pub fn scenarios(&self) -> &[ScenarioPlan] {
        &self.document.scenarios
    }

    /// The list, if its jobs are rows.
    #[must_use]
    pub fn list(&self) -> Option<&ListPlan> {
        self.document.list.as_ref()
    }

    /// Its models; a lane is a place in this list.
    #[must_use]
    pub fn models(&self) -> &[ModelPlan] {
        &self.document.models
    }

    /// Overrides of the scenarios' limits.
    #[must_use]
    pub fn limits(&self) -> LimitOverrides {
        self.document.limits
    }

    /// Repeats of each variant.
    #[must_use]
    pub fn seeds(&self) -> u32 {
        self.document.seeds
    }

    /// The most jobs to run.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.document.limit
    }

    /// Its share beside other sweeps.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.document.weight
    }

    /// How failures are treated.
    #[must_use]
    pub fn retry(&self) -> RetryPlan {
        self.document.retry
    }

    /// The most calls at once, per worker.
    #[must_use]
    pub fn max_connections(&self) -> Option<u32> {
        self.document.max_connections
    }

    /// What it may spend.
    #[must_use]
    pub fn budget(&self) -> BudgetPlan {
        self.document.budget
    }

    /// Variants, over all scenarios: the jobs of one seed of one model.
    #[must_use]
    pub fn variant_count(&self) -> u32 {
        self.variants
    }

    /// All jobs, `limit` taken into account.
    #[must_use]
    pub fn job_count(&self) -> u64 {
        let lane = u64::from(self.variants) * u64::from(self.document.seeds);
        let all = lane.saturating_mul(self.document.models.len() as u64);
        self.document.limit.map_or(all, |limit| limit.min(all))
    }

    /// A variant's name; none beyond the last variant.
    #[must_use]
    pub fn variant(&self, index: VariantIndex) -> Option<VariantKey> {
        if let Some(list) = &self.document.list {
            let row = ("row".into(), index.0.to_string().into());
            let key = VariantKey { scenario: Arc::clone(&list.name), values: vec![row] };
            return (index.0 < list.rows).then_some(key);
        }
        let mut rest = index.0 as usize;
        for scenario in &self.document.scenarios {
            match scenario.variants.get(rest) {
                Some(places) => return Some(scenario.key(places)),
                None => rest -= scenario.variants.len(),
            }
        }
        None
    }

    /// Hash of what is run: all but seeds, limit and weight, and how fast and how stubbornly it is run.
    #[must_use]
    pub fn content_hash(&self) -> Digest {
        self.content
    }

    /// What a place in a lane stands for. Seeds are outermost; the variants of each seed come in an order of its own, so
    /// that any prefix of a lane is a fair sample.
    #[must_use]
    pub fn place(&self, ordinal: u64) -> (VariantIndex, Seed) {
        let variants = u64::from(self.variants);
        let (seed, position) = (ordinal / variants, ordinal % variants);
        // The remainder is below `variants`, which is a u32.
        (VariantIndex(self.permutation(seed).forward(position as u32)), Seed(seed))
    }

    /// The place in a lane of a variant's repeat: the inverse of [`SweepPlan::place`]. Variants beyond the last count
    /// as the last; places beyond the last u64 as the last.
    #[must_use]
    pub fn ordinal(&self, variant: VariantIndex, seed: Seed) -> u64 {
        let position = self.permutation(seed.0).backward(variant.0.min(self.variants - 1));
        seed.0.saturating_mul(u64::from(self.variants)).saturating_add(u64::from(position))
    }

    fn permutation(&self, seed: u64) -> Permutation {
        Permutation::new(self.variants, &self.content, seed)
    }

    /// As JSON: the same plan always gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        self.document.to_json()
    }

    /// Reads what [`SweepPlan::to_json`] wrote.
    ///
    /// # Errors
    /// If it is anything else, of another format, or contradicts itself.
    pub fn from_json(json: &[u8]) -> Result<Self, PlanError> {
        let document: Document =
            serde_json::from_slice(json).map_err(|error| PlanError::Unreadable(error.to_string()))?;
        document.check()?;
        Ok(Self::of(document))
    }
}

// === impl Document ===

impl Document {
    fn check(&self) -> Result<(), PlanError> {
        let inconsistent = |what| Err(PlanError::Inconsistent(what));
        if self.format != FORMAT {
            return Err(PlanError::OtherFormat(self.format));
        }
        if let Some(list) = &self.list {
            return self.check_list(list);
        }
        let variants: usize = self.scenarios.iter().map(|scenario| scenario.variants.len()).sum();
        if variants == 0 || variants > PLAN_VARIANTS_MAX {
            return inconsistent("it has no variants, or more than 100,000");
        }
        if self.scenarios.iter().any(|scenario| !scenario.is_consistent()) {
            return inconsistent("a variant names a value that its axis does not have");
        }
        if self.models.is_empty() || self.seeds == 0 || self.weight == 0 {
            return inconsistent("it needs a model, a seed and a weight");
        }
        if self.models.iter().any(|model| !model.has_readable_body()) {
            return inconsistent("a model's extra body is not a JSON object");
        }
        Ok(())
    }

    fn check_list(&self, list: &ListPlan) -> Result<(), PlanError> {
        let is_single = self.scenarios.is_empty() && self.models.len() == 1 && self.seeds == 1;
        if !is_single || self.weight == 0 || !list.is_consistent() {
            return Err(PlanError::Inconsistent("a list has rows, one model and one seed, and no scenarios"));
        }
        if self.models.iter().any(|model| !model.has_readable_body()) {
            return Err(PlanError::Inconsistent("a model's extra body is not a JSON object"));
        }
        Ok(())
    }

    fn content_hash(&self) -> Digest {
        let mut content = self.clone();
        (content.seeds, content.limit, content.weight) = (1, None, 1);
        (content.retry, content.max_connections) = (RetryPlan::default(), None);
        content.budget = BudgetPlan::default();
        for model in &mut content.models {
            if std::mem::take(&mut model.pool_by_catalog) {
                model.pool = Arc::clone(&model.name);
            }
            (model.max_connections, model.price) = (None, None);
            (model.quota, model.budget) = (QuotaPlan::default(), BudgetPlan::default());
        }
        Parts::new("muster sweep").bytes(&content.to_json()).digest()
    }

    fn to_json(&self) -> Vec<u8> {
        // Texts, numbers and lists of them can't fail; a temperature that is not finite becomes null.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

// === impl ScenarioPlan ===

impl ScenarioPlan {
    fn key(&self, places: &[u16]) -> VariantKey {
        let value = |(axis, place): (&AxisPlan, &u16)| {
            Some((Arc::clone(&axis.name), Arc::clone(axis.values.get(usize::from(*place))?)))
        };
        VariantKey {
            scenario: Arc::clone(&self.name),
            values: self.axes.iter().zip(places).filter_map(value).collect(),
        }
    }

    fn is_consistent(&self) -> bool {
        let has = |(axis, place): (&AxisPlan, &u16)| usize::from(*place) < axis.values.len();
        self.variants
            .iter()
            .all(|places| places.len() == self.axes.len() && self.axes.iter().zip(places).all(has))
    }
}

// === impl VariantKey ===

impl VariantKey {
    /// The number for a provider's `seed`: from 0 to 2^31 - 1, as several of them take no more. Variants count from
    /// places of their own, so that two of them do not meet the same luck.
    pub(crate) fn provider_seed(&self, seed: Seed) -> u32 {
        // The remainder is below 2^31.
        (seed.0.wrapping_add(self.seed_offset()) % PROVIDER_SEEDS) as u32
    }

    /// The repeat that a provider's seed stands for: the inverse of [`VariantKey::provider_seed`] below 2^31.
    pub(crate) fn repeat(&self, provider_seed: u64) -> Seed {
        Seed((provider_seed % PROVIDER_SEEDS + PROVIDER_SEEDS - self.seed_offset()) % PROVIDER_SEEDS)
    }

    fn seed_offset(&self) -> u64 {
        let mut parts = Parts::new("muster provider seed");
        parts.text(&self.scenario);
        for (axis, value) in &self.values {
            parts.text(axis).text(value);
        }
        parts.draw() % PROVIDER_SEEDS
    }

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

// === hashes as text ===

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
