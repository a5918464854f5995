//! From a place in a plan to a job ready to run.

use std::sync::Arc;

use crate::call::{Sampling, ToolSpec};
use crate::suite::{Limits, Scenario, Suite};
use crate::sweep::{ModelPlan, Seed, SweepPlan, VariantKey};
use crate::world::World;

/// Expands jobs of a plan, and keeps what jobs of one cell share. May be used from several threads.
pub struct Expander {
    suite: Arc<Suite>,
    plan: Arc<SweepPlan>,
}

/// One job, ready to run.
pub struct JobPlan {
    identity: [u8; 32],
    seed: Seed,
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

impl Expander {
    /// For the jobs of `plan`.
    #[must_use]
    pub fn new(suite: Arc<Suite>, plan: Arc<SweepPlan>) -> Self {
        Self { suite, plan }
    }
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Arc<SweepPlan> {
        &self.plan
    }
    /// The suite.
    #[must_use]
    pub fn suite(&self) -> &Arc<Suite> {
        &self.suite
    }
    /// The job at a place: `lane` is the model's place in the plan, `ordinal` the job's in the lane.
    ///
    /// # Errors
    /// If there is no such job, or a template fails.
    pub fn job(&self, lane: u32, ordinal: u64) -> Result<Arc<JobPlan>, ExpandError> {
        unimplemented!()
    }
}

impl JobPlan {
    /// Hash of all that can change the result.
    #[must_use]
    pub fn identity(&self) -> [u8; 32] {
        self.identity
    }
    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        unimplemented!()
    }
    /// The axes' values.
    #[must_use]
    pub fn variant(&self) -> &VariantKey {
        unimplemented!()
    }
    /// The model.
    #[must_use]
    pub fn model(&self) -> &ModelPlan {
        unimplemented!()
    }
    /// The repeat's number.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }
    /// The system prompt.
    #[must_use]
    pub fn system(&self) -> &Arc<str> {
        unimplemented!()
    }
    /// The user prompt.
    #[must_use]
    pub fn user(&self) -> &Arc<str> {
        unimplemented!()
    }
    /// The world before the first turn.
    #[must_use]
    pub fn world0(&self) -> &World {
        unimplemented!()
    }
    /// The tools on offer.
    #[must_use]
    pub fn tools(&self) -> &[ToolSpec] {
        unimplemented!()
    }
    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        unimplemented!()
    }
    /// How the model samples.
    #[must_use]
    pub fn sampling(&self) -> &Sampling {
        unimplemented!()
    }
}
