//! From a place in a plan to a job ready to run. What the jobs of one cell (one variant, one model) share is expanded
//! once and kept; a job adds its seed. A job of a list is a cell of its own: one call, without tools, in an empty world.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::SEMANTICS;
use crate::bundle::Bundle;
use crate::call::{Sampling, ToolSpec};
use crate::digest::{Digest, Hasher};
use crate::mistake::Mistakes;
use crate::suite::{Fault, Limits, Scenario, Suite};
use crate::sweep::{List, ListError, ListPlan, ModelPlan, Row, Seed, SweepPlan, VariantIndex, VariantKey};
use crate::world::{Families, World};

/// Cells that are kept: at some 20 KB each (prompts, documents, the map of the drive) 40 MB. One model of the whole suite
/// has 271.
const CELLS_MAX: usize = 2_048;

/// Expands the jobs of a plan. It may be used from several threads.
#[derive(Debug)]
pub struct Expander {
    suite: Arc<Suite>,
    /// The rows, if the plan is a list's.
    list: List,
    plan: Arc<SweepPlan>,
    models: Vec<Arc<ModelPlan>>,
    cells: Mutex<Cells>,
}

/// One job, ready to run.
#[derive(Debug, Clone)]
pub struct JobPlan {
    identity: Digest,
    seed: Seed,
    provider_seed: u32,
    cell: Arc<Cell>,
}

/// Why a job can't be expanded. The sweep's configuration is wrong, or the suite is not the plan's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// The plan has no such model or ordinal.
    #[error("the plan has no job {ordinal} in lane {lane}")]
    NoSuchJob {
        /// The model's place.
        lane: u32,
        /// The job's place.
        ordinal: u64,
    },
    /// The suite lacks what the plan names.
    #[error("the suite does not fit the plan: {0}")]
    OtherSuite(String),
    /// A template failed.
    #[error("{file}:{line}: {what}")]
    Template {
        /// The file, by its path in the suite.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// What went wrong.
        what: String,
    },
}

/// A bundle is not what its plan was made of.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// Its suite has mistakes.
    #[error("{0}")]
    Suite(Mistakes),
    /// Its list is none, or another.
    #[error(transparent)]
    List(#[from] ListError),
}

/// What the jobs of one variant and one model share.
#[derive(Debug)]
struct Cell {
    variant: VariantKey,
    model: Arc<ModelPlan>,
    system: Arc<str>,
    user: Arc<str>,
    world: World,
    /// Whether other repeats have another world or other prompts.
    seeded: bool,
    /// Whether the provider's seed differs by variant and repeat; a list's is always the same.
    drawn: bool,
    tools: Vec<ToolSpec>,
    limits: Limits,
    sampling: Sampling,
    /// Over all that can change the result, but for the seed.
    identity: Hasher,
    /// Over the first request, but for the seed.
    request: Hasher,
}

/// The cells expanded last.
#[derive(Debug, Default)]
struct Cells {
    known: BTreeMap<(u32, VariantIndex), Arc<Cell>>,
    /// In order of their expansion.
    order: VecDeque<(u32, VariantIndex)>,
}

// === impl Expander ===

impl Expander {
    /// For the jobs of `plan`, which must have been resolved against `suite`.
    #[must_use]
    pub fn new(suite: Arc<Suite>, plan: Arc<SweepPlan>) -> Self {
        Self::over(suite, List::default(), plan)
    }

    /// For the jobs of `plan`, of either kind, given the bundle that it names.
    ///
    /// # Errors
    /// If the bundle is no suite, or not the plan's list.
    pub fn load(bundle: &Bundle, plan: Arc<SweepPlan>) -> Result<Self, LoadError> {
        match plan.list() {
            Some(list) => Ok(Self::over(Arc::new(Suite::empty()), List::load(bundle, list)?, plan)),
            None => {
                let suite = Suite::load(bundle).map_err(LoadError::Suite)?;
                Ok(Self::over(Arc::new(suite), List::default(), plan))
            }
        }
    }

    fn over(suite: Arc<Suite>, list: List, plan: Arc<SweepPlan>) -> Self {
        let models = plan.models().iter().cloned().map(Arc::new).collect();
        Self { suite, list, plan, models, cells: Mutex::default() }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Arc<SweepPlan> {
        &self.plan
    }

    /// The suite: one without scenarios, if the plan is a list's.
    #[must_use]
    pub fn suite(&self) -> &Arc<Suite> {
        &self.suite
    }

    /// The rows of the plan's list; none, if it is a suite's.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        self.list.rows()
    }

    /// The job at a place: `lane` is the model's place in the plan, `ordinal` the job's in the lane. Places beyond the
    /// plan's seeds and limit are jobs, too: seeds may have been raised since.
    ///
    /// # Errors
    /// If there is no such lane, the suite is not the plan's, or a template fails.
    pub fn job(&self, lane: u32, ordinal: u64) -> Result<Arc<JobPlan>, ExpandError> {
        let model = self.models.get(lane as usize).ok_or(ExpandError::NoSuchJob { lane, ordinal })?;
        let (variant, seed) = self.plan.place(ordinal);
        if let Some(list) = self.plan.list() {
            let row = self.list.rows().get(variant.0 as usize);
            let key = self.plan.variant(variant).filter(|_| seed == Seed(0));
            let (row, key) = row.zip(key).ok_or(ExpandError::NoSuchJob { lane, ordinal })?;
            return Ok(Arc::new(JobPlan::new(
                Arc::new(Cell::of_row(list, row, Arc::clone(model), key)),
                seed,
            )));
        }
        // A statement of its own: the lock must not be held while the cell is expanded, which takes it again.
        let known = self.lock().known.get(&(lane, variant)).cloned();
        match known {
            Some(cell) => Ok(Arc::new(JobPlan::new(cell, seed))),
            None => self.expand(lane, model, variant, seed),
        }
    }

    /// Expands every cell of the plan, so that a wrong template is found before anything is run.
    ///
    /// # Errors
    /// The first that fails.
    pub fn check(&self) -> Result<(), ExpandError> {
        // A plan has at most 4 billion models: the list would not fit otherwise.
        for lane in 0..self.models.len() as u32 {
            for variant in 0..self.plan.variant_count() {
                self.job(lane, self.plan.ordinal(VariantIndex(variant), Seed(0)))?;
            }
        }
        Ok(())
    }

    fn expand(
        &self,
        lane: u32,
        model: &Arc<ModelPlan>,
        variant: VariantIndex,
        seed: Seed,
    ) -> Result<Arc<JobPlan>, ExpandError> {
        let key =
            self.plan.variant(variant).ok_or_else(|| ExpandError::OtherSuite(format!("{variant:?}")))?;
        let cell = Arc::new(Cell::expand(&self.suite, &self.plan, Arc::clone(model), key, seed)?);
        if !cell.seeded {
            self.lock().keep((lane, variant), Arc::clone(&cell));
        }
        Ok(Arc::new(JobPlan::new(cell, seed)))
    }

    fn lock(&self) -> MutexGuard<'_, Cells> {
        // What a panicking thread left behind is a cache that lacks an entry at worst.
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Cells ===

impl Cells {
    fn keep(&mut self, place: (u32, VariantIndex), cell: Arc<Cell>) {
        if self.known.insert(place, cell).is_none() {
            self.order.push_back(place);
        }
        if self.order.len() > CELLS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

// === impl Cell ===

impl Cell {
    fn expand(
        suite: &Suite,
        plan: &SweepPlan,
        model: Arc<ModelPlan>,
        variant: VariantKey,
        seed: Seed,
    ) -> Result<Self, ExpandError> {
        let other_suite = |what: String| ExpandError::OtherSuite(what);
        let scenario = suite
            .scenario(&variant.scenario)
            .ok_or_else(|| other_suite(format!("it has no scenario `{}`", variant.scenario)))?;
        let places = scenario
            .places(&variant)
            .ok_or_else(|| other_suite(format!("its scenario `{}` has other axes", variant.scenario)))?;
        let templates = suite.templates();
        let context = scenario.context(templates, &places, &model.display_name, seed.0)?;
        let expansion = scenario.expand(templates, &context, seed.0)?;
        let (limits, sampling) = (limits(scenario, plan), sampling(scenario, plan, &model));
        let mut cell = Self {
            variant,
            model,
            tools: expansion.world.tools(),
            system: expansion.system,
            user: expansion.user,
            world: expansion.world,
            seeded: expansion.seeded,
            drawn: true,
            limits,
            sampling,
            identity: Hasher::new("muster job"),
            request: Hasher::new("muster request"),
        };
        cell.identity = cell.hash_identity();
        cell.request = cell.hash_request();
        Ok(cell)
    }

    /// A row of a list: the first answer ends it.
    fn of_row(list: &ListPlan, row: &Row, model: Arc<ModelPlan>, variant: VariantKey) -> Self {
        let sampling = Sampling {
            temperature: model.temperature.or(list.temperature),
            top_p: model.top_p.or(list.top_p),
            max_output_tokens: model.max_output_tokens.unwrap_or(list.max_output_tokens),
            extra_body: Arc::clone(&model.extra_body),
        };
        let mut cell = Self {
            variant,
            model,
            tools: Vec::new(),
            system: Arc::clone(&row.system),
            user: Arc::clone(&row.user),
            world: World::new(Families::default()),
            seeded: true,
            drawn: false,
            limits: Limits { model_calls: 1, total_tokens: None },
            sampling,
            identity: Hasher::new("muster list job"),
            request: Hasher::new("muster request"),
        };
        cell.identity.number(u64::from(SEMANTICS)).text(&list.version).bytes(&row.request);
        hash_model(&mut cell.identity, &cell.model, &cell.sampling);
        cell.request = cell.hash_request();
        cell
    }

    /// All that can change the result, but for the seed. Titles, players, scorers, the sweep's name and project can't.
    fn hash_identity(&self) -> Hasher {
        let mut hasher = Hasher::new("muster job");
        hasher.number(u64::from(SEMANTICS)).text(&self.variant.scenario);
        hasher.number(self.variant.values.len() as u64);
        for (axis, value) in &self.variant.values {
            hasher.text(axis).text(value);
        }
        hasher.text(&self.system).text(&self.user);
        // Every document, sheet, variable and memory, by its content.
        hasher.bytes(&self.world.hash());
        hash_tools(&mut hasher, &self.tools);
        hasher.number(u64::from(self.limits.model_calls));
        hash_optional(&mut hasher, self.limits.total_tokens);
        hash_model(&mut hasher, &self.model, &self.sampling);
        hasher
    }

    fn hash_request(&self) -> Hasher {
        let mut hasher = Hasher::new("muster request");
        hash_tools(&mut hasher, &self.tools);
        hash_sampling(&mut hasher, &self.sampling);
        hasher.text(&self.system).text(&self.user);
        hasher
    }
}

fn limits(scenario: &Scenario, plan: &SweepPlan) -> Limits {
    let (base, overrides) = (scenario.limits(), plan.limits());
    Limits {
        model_calls: overrides.model_calls.unwrap_or(base.model_calls),
        total_tokens: overrides.total_tokens.or(base.total_tokens),
    }
}

fn sampling(scenario: &Scenario, plan: &SweepPlan, model: &ModelPlan) -> Sampling {
    let base = &scenario.sampling;
    Sampling {
        temperature: model.temperature.or(base.temperature),
        top_p: model.top_p.or(base.top_p),
        max_output_tokens: model
            .max_output_tokens
            .or(plan.limits().output_tokens)
            .unwrap_or(base.max_output_tokens),
        extra_body: Arc::clone(&model.extra_body),
    }
}

fn hash_tools(hasher: &mut Hasher, tools: &[ToolSpec]) {
    hasher.number(tools.len() as u64);
    for tool in tools {
        hasher.text(&tool.name).text(&tool.description).text(&tool.parameters);
    }
}

fn hash_model(hasher: &mut Hasher, model: &ModelPlan, sampling: &Sampling) {
    hasher.text(&model.name).text(&model.request_name).text(model.base_url.as_deref().unwrap_or(""));
    hash_sampling(hasher, sampling);
}

fn hash_sampling(hasher: &mut Hasher, sampling: &Sampling) {
    hash_optional(hasher, sampling.temperature.map(f64::to_bits));
    hash_optional(hasher, sampling.top_p.map(f64::to_bits));
    hasher.number(u64::from(sampling.max_output_tokens)).text(&sampling.extra_body);
}

fn hash_optional(hasher: &mut Hasher, number: Option<u64>) {
    match number {
        Some(number) => hasher.number(1).number(number),
        None => hasher.number(0),
    };
}

// === impl JobPlan ===

impl JobPlan {
    fn new(cell: Arc<Cell>, seed: Seed) -> Self {
        let identity = cell.identity.clone().number(seed.0).digest();
        let provider_seed = if cell.drawn { cell.variant.provider_seed(seed) } else { 0 };
        Self { identity, seed, provider_seed, cell }
    }

    /// Hash of all that can change the result.
    #[must_use]
    pub fn identity(&self) -> Digest {
        self.identity
    }

    /// The axes' values.
    #[must_use]
    pub fn variant(&self) -> &VariantKey {
        &self.cell.variant
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &ModelPlan {
        &self.cell.model
    }

    /// The repeat's number.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The number for the provider's `seed`: from 0 to 2^31 - 1, other for each variant and repeat, the same for each
    /// model.
    #[must_use]
    pub fn provider_seed(&self) -> u32 {
        self.provider_seed
    }

    /// The system prompt.
    #[must_use]
    pub fn system(&self) -> &Arc<str> {
        &self.cell.system
    }

    /// The user prompt.
    #[must_use]
    pub fn user(&self) -> &Arc<str> {
        &self.cell.user
    }

    /// The world before the first turn.
    #[must_use]
    pub fn world0(&self) -> &World {
        &self.cell.world
    }

    /// The tools on offer.
    #[must_use]
    pub fn tools(&self) -> &[ToolSpec] {
        &self.cell.tools
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.cell.limits
    }

    /// How the model samples.
    #[must_use]
    pub fn sampling(&self) -> &Sampling {
        &self.cell.sampling
    }

    /// The hash of the first request, to be carried on with each message.
    pub(crate) fn first_request(&self) -> Hasher {
        let mut hasher = self.cell.request.clone();
        hasher.number(u64::from(self.provider_seed));
        hasher
    }
}

// === impl ExpandError ===

impl From<Fault> for ExpandError {
    fn from(fault: Fault) -> Self {
        Self::Template { file: fault.source.name.to_string(), line: fault.line(), what: fault.what }
    }
}
