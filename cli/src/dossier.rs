//! A sweep as it is kept: its plan and its suite's files, fetched from the coordinator, and its episodes run again from
//! there. What is read of a result never depends on files that lie about today.

use std::sync::Arc;

use muster_episode::{Expander, JobPlan, Replay, ReplayError, ScorerSpec, Suite, SweepPlan, replay};
use muster_proto::v1;

use crate::address::{JobAddress, SweepName};
use crate::client::{Client, Document};
use crate::failure::Failure;

/// See the module.
pub(crate) struct Dossier {
    /// The sweep as its coordinator tells it.
    pub(crate) sweep: v1::Sweep,
    /// Its plan.
    pub(crate) plan: Arc<SweepPlan>,
    /// Its suite; one without scenarios, if it is a list of a judge's questions.
    pub(crate) suite: Arc<Suite>,
    expander: Arc<Expander>,
    /// Whose scorers judge, if not those of its own suite.
    judging: Option<Arc<Suite>>,
}

// === impl Dossier ===

impl Dossier {
    /// Fetches it.
    pub(crate) async fn fetch(client: &mut Client, name: SweepName) -> Result<Self, Failure> {
        let number = client.number(name).await?;
        let sweep = client.sweep(number, Document::Wanted).await?;
        let plan = Arc::new(SweepPlan::from_json(&sweep.document).map_err(Failure::plan(number))?);
        let bundle = client.bundle(plan.bundle()).await?;
        let expander = Expander::load(&bundle, Arc::clone(&plan))
            .map_err(|error| Failure::Sweep { sweep: number, what: error.to_string() })?;
        let suite = Arc::clone(expander.suite());
        Ok(Self { sweep, plan, suite, expander: Arc::new(expander), judging: None })
    }

    /// With the scorers that another suite's scenarios of the same names ask for, such as this suite's as it is today.
    ///
    /// # Errors
    /// If it has none of the sweep's scenarios.
    pub(crate) fn judged_by(self, judging: Option<&Arc<Suite>>) -> Result<Self, Failure> {
        let knows =
            |suite: &Arc<Suite>| self.plan.scenarios().iter().any(|it| suite.scenario(&it.name).is_some());
        match judging {
            Some(suite) if !knows(suite) => Err(Failure::Usage(format!(
                "the suite of --scorers has none of the scenarios of sweep {}: {}",
                self.sweep.id,
                self.plan.scenarios().iter().map(|it| &*it.name).collect::<Vec<_>>().join(", ")
            ))),
            judging => Ok(Self { judging: judging.cloned(), ..self }),
        }
    }

    /// The scorers that judge episodes of a scenario; none of a scenario that it does not have.
    pub(crate) fn scorers(&self, scenario: &str) -> &[ScorerSpec] {
        let judging = self.judging.as_ref().and_then(|suite| suite.scenario(scenario));
        judging.or_else(|| self.suite.scenario(scenario)).map_or(&[], |scenario| scenario.scorers())
    }

    /// What makes its jobs.
    pub(crate) fn expander(&self) -> &Arc<Expander> {
        &self.expander
    }

    /// The job at an address.
    pub(crate) fn job(&self, job: JobAddress) -> Result<Arc<JobPlan>, Failure> {
        self.expander.job(job.lane, job.ordinal).map_err(|error| Failure::expand(job, &error))
    }

    /// Runs a stored episode again.
    pub(crate) fn replay(&self, episode: &Ended) -> Result<Replay, Unreplayable> {
        let plan = self.job(episode.job).map_err(|failure| Unreplayable::Plan(failure.to_string()))?;
        Ok(replay(plan, &episode.turns, &episode.detail)?)
    }
}

/// Why an episode can't be run again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreplayable {
    /// Its job can't be expanded.
    #[error("{0}")]
    Plan(String),
    /// Its turns or its end.
    #[error(transparent)]
    Turns(#[from] ReplayError),
}

/// An ended episode, taken out of its message.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// Which job.
    pub(crate) job: JobAddress,
    /// Which of its generations.
    pub(crate) generation: u32,
    /// How it ended.
    pub(crate) outcome: v1::Outcome,
    /// How it failed, if it did.
    pub(crate) class: v1::FailureClass,
    /// What it used.
    pub(crate) usage: v1::Usage,
    /// The end, or a failure's message.
    pub(crate) detail: bytes::Bytes,
    /// Its turns, if they were asked for.
    pub(crate) turns: Vec<bytes::Bytes>,
    /// Its verdicts, if they were asked for.
    pub(crate) scores: Vec<v1::Verdict>,
}

// === impl Ended ===

impl Ended {
    /// Whether it yielded a result that can be scored.
    pub(crate) fn is_result(&self) -> bool {
        matches!(self.outcome, v1::Outcome::Completed | v1::Outcome::Limit | v1::Outcome::Refused)
    }

    /// The message of a failure.
    pub(crate) fn message(&self) -> String {
        String::from_utf8_lossy(&self.detail).into_owned()
    }

    /// A verdict that it has from this version of a scorer.
    pub(crate) fn verdict(&self, scorer: &str, version: &str) -> Option<&v1::Verdict> {
        self.scores.iter().find(|score| score.scorer == scorer && score.version == version)
    }
}

impl TryFrom<v1::Episode> for Ended {
    type Error = Failure;

    fn try_from(episode: v1::Episode) -> Result<Self, Failure> {
        let (outcome, class) = (episode.outcome(), episode.class());
        let lease = episode.lease.unwrap_or_default();
        let job = lease.job.ok_or_else(|| tonic::Status::internal("an episode came without its job"))?;
        Ok(Self {
            job: JobAddress { sweep: job.sweep, lane: job.lane, ordinal: job.ordinal },
            generation: lease.generation,
            outcome,
            class,
            usage: episode.usage.unwrap_or_default(),
            detail: episode.detail,
            turns: episode.turns,
            scores: episode.scores,
        })
    }
}
