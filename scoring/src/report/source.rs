//! What a report is made of: sweeps as they were planned, and the episodes of them that ended, told one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_episode::{ScorerSpec, SweepPlan};
use serde::Serialize;

use crate::error::ScorerError;
use crate::scorers::{Scorer, ScorerSet};
use crate::tables::Rounds;
use crate::verdict::Verdict;

/// A sweep.
#[derive(Clone)]
pub struct Source {
    /// Its number.
    pub sweep: u64,
    /// Its name.
    pub name: String,
    /// Its state, in a word.
    pub state: String,
    /// What it runs.
    pub plan: Arc<SweepPlan>,
    /// Repeats of each variant, as they are now.
    pub seeds: u64,
    /// The most jobs over all models, as it is now.
    pub limit: Option<u64>,
    /// The scorers of each of its scenarios.
    pub scorers: BTreeMap<Arc<str>, Arc<ScenarioScorers>>,
    /// What its coordinator counts of each model, in the plan's order.
    pub lanes: Vec<LaneUse>,
}

/// A model's jobs and what they used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct LaneUse {
    /// All jobs.
    pub jobs: u64,
    /// Ended with a result.
    pub results: u64,
    /// Lost to provider or network.
    pub failed: u64,
    /// Lost to their workers' deaths.
    pub quarantined: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Calls whose answer became a turn.
    pub model_calls: u64,
    /// Requests beyond the first of a call.
    pub retries: u64,
    /// Requests answered "too many requests".
    pub rate_limited: u64,
    /// Calls that may have been paid for again, or in vain.
    pub paid_twice: u64,
    /// Tokens in, cached ones included.
    pub input_tokens: u64,
    /// Tokens out, reasoning included.
    pub output_tokens: u64,
    /// Dollars; none where the price of any call is not known.
    pub cost_usd: Option<f64>,
}

/// The scorers of a scenario, with their kinds.
pub struct ScenarioScorers {
    set: ScorerSet,
    kinds: Vec<Arc<str>>,
}

/// How an episode ended, as far as reports care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With a transcript that can be scored.
    Result,
    /// Provider or network failed it.
    Failed,
    /// Its workers died of it.
    Quarantined,
    /// A user cancelled it.
    Cancelled,
}

/// An ended episode.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Which of the report's sources, from 0.
    pub source: usize,
    /// The model's place in its sweep.
    pub lane: u32,
    /// The job's place in its lane.
    pub ordinal: u64,
    /// How it ended.
    pub ending: Ending,
    /// What a failure said.
    pub message: &'a str,
    /// Its stored verdicts.
    pub verdicts: &'a [StoredVerdict<'a>],
}

/// A verdict as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct StoredVerdict<'a> {
    /// Its scorer's name.
    pub scorer: &'a str,
    /// Of which version.
    pub version: &'a str,
    /// What was written.
    pub verdict: &'a [u8],
}

// === impl Source ===

impl Source {
    /// How many jobs of a lane are planned: those of all seeds, as far as the limit allows. A limit takes a prefix of
    /// (ordinal, lane) order.
    #[must_use]
    pub fn jobs(&self, lane: u32) -> u64 {
        let all = u64::from(self.plan.variant_count()).saturating_mul(self.seeds);
        let lanes = (self.plan.models().len() as u64).max(1);
        let own = self.limit.map_or(u64::MAX, |limit| limit.saturating_sub(u64::from(lane)).div_ceil(lanes));
        all.min(own)
    }

    /// Whether all planned jobs of a lane have ended without being cancelled, so that no episode is there because it
    /// was short.
    #[must_use]
    pub fn is_whole(&self, lane: u32) -> bool {
        let counts = self.lane(lane);
        counts.results + counts.failed + counts.quarantined >= self.jobs(lane)
    }

    /// Counts the rounds of a lane.
    #[must_use]
    pub fn rounds(&self, lane: u32) -> Rounds {
        let variants = u64::from(self.plan.variant_count());
        Rounds::new(variants, self.jobs(lane).div_ceil(variants.max(1)))
    }

    pub(super) fn lane(&self, lane: u32) -> LaneUse {
        usize::try_from(lane).ok().and_then(|lane| self.lanes.get(lane)).copied().unwrap_or_default()
    }
}

// === impl ScenarioScorers ===

impl ScenarioScorers {
    /// Those that a scenario asks for.
    ///
    /// # Errors
    /// As [`ScorerSet::new`].
    pub fn new(specs: &[ScorerSpec]) -> Result<Self, ScorerError> {
        Ok(Self {
            set: ScorerSet::new(specs)?,
            kinds: specs.iter().map(|spec| Arc::clone(&spec.kind)).collect(),
        })
    }

    /// Each scorer with its kind.
    pub fn iter(&self) -> impl Iterator<Item = (&dyn Scorer, &Arc<str>)> {
        self.set.iter().zip(&self.kinds)
    }
}

// === impl Told ===

impl Told<'_> {
    /// What this version of a scorer said of it. A judge's word stands before that of the rules which it was asked to
    /// settle; of several judges the last by name is taken, so that it is always the same.
    #[must_use]
    pub fn verdict(&self, scorer: &dyn Scorer) -> Option<Verdict> {
        let of_version = |stored: &&StoredVerdict<'_>| {
            let is_judged = |rest: &str| rest.is_empty() || rest.starts_with("+judge-");
            stored.scorer == scorer.name()
                && stored.version.strip_prefix(scorer.version()).is_some_and(is_judged)
        };
        let stored = self.verdicts.iter().filter(of_version).max_by_key(|stored| stored.version)?;
        Verdict::decode(stored.verdict).ok()
    }
}
