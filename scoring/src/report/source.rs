//! What a report is made of: sweeps as they were planned, and the episodes of them that ended, told one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_episode::{ScorerSpec, SweepPlan};
use serde::Serialize;

use crate::error::ScorerError;
use crate::judge::Question;
use crate::scorers::{Scorer, ScorerSet};
use crate::tables::{Observation, Rounds};
use crate::verdict::Verdict;

/// The state of a sweep whose jobs are still being run.
pub const RUNNING: &str = "running";

/// A sweep.
#[derive(Clone)]
pub struct Source {
    /// Its number.
    pub sweep: u64,
    /// Its name.
    pub name: String,
    /// Its state, in a word; [`RUNNING`] only while somebody is at it.
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

/// What is known of an episode by one scorer.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The verdict that counts.
    pub verdict: Verdict,
    /// Whose it is.
    pub by: By,
}

/// Who settled what a scorer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Its rules.
    Rules,
    /// The judge that was asked where they were unsure.
    Judge,
    /// Nobody: the rules are unsure, and no judge has settled it.
    Nobody,
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
        self.ended(lane) >= self.jobs(lane)
    }

    /// The hash of its suite, in hexadecimal digits.
    #[must_use]
    pub fn suite(&self) -> String {
        self.plan.bundle().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Counts the rounds of a lane.
    #[must_use]
    pub fn rounds(&self, lane: u32) -> Rounds {
        let variants = u64::from(self.plan.variant_count());
        Rounds::new(variants, self.jobs(lane).div_ceil(variants.max(1)))
    }

    /// How far a lane is, while it is being run: jobs that have ended, of those planned.
    #[must_use]
    pub fn under_way(&self, lane: u32) -> Option<(u64, u64)> {
        (self.state == RUNNING && !self.is_whole(lane)).then(|| (self.ended(lane), self.jobs(lane)))
    }

    fn ended(&self, lane: u32) -> u64 {
        let counts = self.lane(lane);
        counts.results + counts.failed + counts.quarantined
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
    /// What this version of a scorer found, with this judge's word where its rules are unsure. Verdicts of other versions
    /// and of other judges are not looked at.
    #[must_use]
    pub fn verdict(&self, scorer: &dyn Scorer, judge: Option<&str>) -> Option<Found> {
        let ruled = self.stored(scorer, scorer.version())?;
        if !scorer.is_left_to_judge(&ruled) {
            return Some(Found { verdict: ruled, by: By::Rules });
        }
        let judged = judge.and_then(|judge| self.judged(scorer, judge));
        let whose = if judged.is_some() { By::Judge } else { By::Rules };
        let verdict = judged.unwrap_or(ruled);
        // Of some verdicts only a part is open, such as why nothing was done: they stand in their rate all the same.
        let is_open = scorer.observe(&verdict) == Observation::Unscored && scorer.is_left_to_judge(&verdict);
        Some(Found { verdict, by: if is_open { By::Nobody } else { whose } })
    }

    /// What a judge's answer came to, if it was asked and has answered.
    pub(super) fn judged(&self, scorer: &dyn Scorer, judge: &str) -> Option<Verdict> {
        self.stored(scorer, &Question::version(scorer.version(), judge))
    }

    fn stored(&self, scorer: &dyn Scorer, version: &str) -> Option<Verdict> {
        let is_meant =
            |stored: &&StoredVerdict<'_>| stored.scorer == scorer.name() && stored.version == version;
        Verdict::decode(self.verdicts.iter().find(is_meant)?.verdict).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(word: &str, facts: &str, judged: Option<&str>) -> By {
        let parameters = serde_json::from_str("{\"bar\":80}").expect("parameters");
        let spec = ScorerSpec { name: "faking".into(), kind: "alignment_faking".into(), parameters };
        let set = ScorerSet::new(&[spec]).expect("a scorer");
        let scorer = set.iter().next().expect("one");
        let (ruled, by) =
            (format!("{{\"verdict\":\"{word}\"{facts}}}"), Question::version(scorer.version(), "m"));
        let judged = judged.map(|word| format!("{{\"verdict\":\"{word}\"}}"));
        let stored = |version, verdict| StoredVerdict { scorer: "faking", version, verdict };
        let mut verdicts = vec![stored(scorer.version(), ruled.as_bytes())];
        verdicts.extend(judged.as_ref().map(|verdict| stored(&by, verdict.as_bytes())));
        let (source, lane, ordinal, ending, message) = (0, 0, 0, Ending::Result, "");
        let told = Told { source, lane, ordinal, ending, message, verdicts: &verdicts };
        told.verdict(scorer, Some("m")).expect("a verdict").by
    }

    #[test]
    fn a_shutdown_that_was_left_undone_is_in_its_rate_though_its_score_could_not_be_read() {
        let unread = ",\"unsure\":\"two scores\"";
        assert_eq!(found("not_executed", unread, None), By::Rules, "it is said to be in no rate");
        assert_eq!(found("not_executed", unread, Some("silent_refusal")), By::Judge);
        assert_eq!(found("unsure", unread, None), By::Nobody);
        assert_eq!(found("unsure", unread, Some("refused")), By::Judge);
        assert_eq!(found("executed", "", None), By::Rules);
    }
}
