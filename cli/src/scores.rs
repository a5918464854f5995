//! Scores a sweep's episodes and adds them up. Episodes that a version of a scorer has judged already are not judged
//! again; others are replayed from their turns and judged by code, which costs nothing. Where no rule is sure, a judge's
//! answers decide, if they are at hand: a docket holds them, and takes down what is still to be asked.

mod extent;
mod lots;
mod marker;

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_episode::{ScenarioPlan, VariantKey};
use muster_proto::v1;
use muster_scoring::ScorerSet;
use muster_scoring::tables::RateTable;

use self::extent::Extent;
use self::lots::Lots;
use self::marker::{Marked, Marker, Turns};
use crate::address::JobAddress;
use crate::client::Client;
use crate::dossier::{Dossier, Ended};
use crate::episodes::Episodes;
use crate::failure::Failure;
use crate::judging::Docket;
use crate::{tables, transcript};

/// Different reasons of failures that are told; more say nothing more.
const FAILURES_MAX: usize = 5;

/// What stands below rows that count the episodes of several variants together.
const POOLED: &str = "variants pooled, episode by episode; `report` weighs each variant the same";

/// The axis that results are told apart by when not every cell is shown.
pub(crate) const RELATIONSHIP: &str = "relationship";

/// Which rows are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    /// Scenario, model and relationship.
    Relationship,
    /// Every cell.
    Cells,
}

/// Which episodes are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those without a verdict of this version.
    New,
    /// Those that are left to a judge: the rules' verdicts have just been made.
    Left,
    /// All.
    All,
}

/// What scoring came to.
#[derive(Debug)]
pub(crate) struct Scores {
    /// The rates.
    pub(crate) table: RateTable,
    /// How much of the sweep they are of.
    pub(crate) extent: Extent,
    /// Whether a row counts the episodes of several variants together.
    pub(crate) is_pooled: bool,
    /// Verdicts made by this call.
    pub(crate) judged: u64,
    /// Verdicts that are left to a judge, and have none that could be read.
    pub(crate) unsure: u64,
    /// Episodes that could not be judged, or not by every scorer.
    pub(crate) unjudged: u64,
    /// Why not: the first reasons, each with its episodes.
    pub(crate) problems: BTreeMap<String, Problem>,
    /// The first job that has a transcript.
    pub(crate) first_result: Option<JobAddress>,
    /// Jobs lost to infrastructure, by what was said of it.
    pub(crate) failures: BTreeMap<String, Lost>,
}

/// Jobs that were lost for one reason.
#[derive(Debug)]
pub(crate) struct Lost {
    /// How many.
    pub(crate) jobs: u64,
    /// How their episodes ended, in a word.
    pub(crate) how: String,
    /// One of them.
    pub(crate) first: JobAddress,
}

/// Episodes that could not be judged for one reason.
#[derive(Debug)]
pub(crate) struct Problem {
    /// How many.
    pub(crate) episodes: u64,
    /// The first of them.
    pub(crate) first: JobAddress,
}

/// Scores one sweep.
struct Scoring<'a> {
    dossier: &'a Dossier,
    /// Of each scenario's axes, whether they vary.
    varying: BTreeMap<Arc<str>, Vec<bool>>,
    grain: Grain,
    which: Which,
    scores: Scores,
    /// Of each row of several variants' episodes, so far as one variant is all that was met: which.
    met: BTreeMap<(u32, Vec<String>), u32>,
    /// Whether an episode was met that can only be judged by its turns, which were not asked for.
    needs_turns: bool,
    docket: Option<&'a mut Docket>,
}

/// Scores a sweep's episodes by rules, stores the verdicts and gives the table.
pub(crate) async fn score(
    client: &Client,
    dossier: &Dossier,
    grain: Grain,
    which: Which,
) -> Result<Scores, Failure> {
    score_with(client, dossier, grain, which, None).await
}

/// Scores a sweep's episodes by rules and, where they are unsure, by what is on the docket.
pub(crate) async fn score_with(
    client: &Client,
    dossier: &Dossier,
    grain: Grain,
    which: Which,
    mut docket: Option<&mut Docket>,
) -> Result<Scores, Failure> {
    if which == Which::New {
        // Where all have been judged, no transcript needs to be read.
        let mut scoring = Scoring::new(dossier, grain, which, docket.as_deref_mut());
        scoring.pass(client, Turns::Unwanted).await?;
        if !scoring.needs_turns {
            return Ok(scoring.scores);
        }
    }
    let mut scoring = Scoring::new(dossier, grain, which, docket);
    scoring.pass(client, Turns::Wanted).await?;
    Ok(scoring.scores)
}

// === impl Scores ===

impl Scores {
    /// The rates for people, with what must be known before one is read.
    pub(crate) fn as_text(&self) -> String {
        let mut lines = vec![tables::rates(&self.table)];
        lines.extend(self.extent.mark());
        lines.extend(self.is_pooled.then(|| POOLED.to_owned()));
        lines.join("\n")
    }
}

// === impl Grain ===

impl Grain {
    /// As the flag `--cells` says.
    pub(crate) fn from_flag(cells: bool) -> Self {
        if cells { Self::Cells } else { Self::Relationship }
    }
}

// === impl Scoring ===

impl<'a> Scoring<'a> {
    fn new(dossier: &'a Dossier, grain: Grain, which: Which, docket: Option<&'a mut Docket>) -> Self {
        let scores = Scores {
            table: RateTable::new(columns(dossier, grain)),
            extent: Extent::of(&dossier.sweep),
            is_pooled: false,
            judged: 0,
            unsure: 0,
            unjudged: 0,
            problems: BTreeMap::new(),
            first_result: None,
            failures: BTreeMap::new(),
        };
        let varying =
            dossier.plan.scenarios().iter().map(|plan| (Arc::clone(&plan.name), varying(plan))).collect();
        let met = BTreeMap::new();
        Self { dossier, varying, grain, which, scores, met, needs_turns: false, docket }
    }

    /// Goes through all ended episodes; without turns, only to the first that needs them.
    async fn pass(&mut self, client: &Client, turns: Turns) -> Result<(), Failure> {
        let request = v1::ExportRequest {
            sweep: self.dossier.sweep.id,
            turns: turns == Turns::Wanted,
            newest: true,
            scores: self.which != Which::All,
            ..v1::ExportRequest::default()
        };
        let mut lots = Lots::new(self.marker(turns)?);
        let mut episodes = Episodes::begin(client, request).await?;
        let mut writer = client.store_verdicts();
        let mut more = true;
        while more && !self.needs_turns {
            let marked = match episodes.next().await? {
                Some(read) => lots.put(read).await,
                None => lots.rest().await.unwrap_or_else(|| {
                    more = false;
                    Vec::new()
                }),
            };
            for marked in marked {
                for verdict in self.take(marked) {
                    writer.put(verdict).await;
                }
            }
        }
        writer.finish().await
    }

    fn marker(&self, turns: Turns) -> Result<Marker, Failure> {
        let mut scorers = BTreeMap::new();
        for scenario in self.dossier.plan.scenarios() {
            let set = ScorerSet::new(self.dossier.scorers(&scenario.name))
                .map_err(|source| Failure::Scorer { scenario: scenario.name.to_string(), source })?;
            scorers.insert(Arc::clone(&scenario.name), set);
        }
        Ok(Marker {
            expander: Arc::clone(self.dossier.expander()),
            scorers,
            which: self.which,
            turns,
            answers: self.docket.as_ref().map(|docket| docket.answers()),
        })
    }

    /// Counts an episode; gives the verdicts that were made of it.
    fn take(&mut self, marked: Marked) -> Vec<v1::Verdict> {
        let job = marked.ended.job;
        self.needs_turns |= marked.needs_turns;
        self.note_problems(job, marked.problems);
        let Some(variant) = marked.variant else { return Vec::new() };
        self.note_loss(&marked.ended);
        if marked.ended.is_result() {
            self.scores.first_result.get_or_insert(job);
        }
        self.scores.unsure += marked.unsure;
        self.scores.judged += marked.made.len() as u64;
        if let Some(docket) = &mut self.docket {
            docket.take(marked.wanted, marked.unread);
        }
        let (index, _) = self.dossier.plan.place(job.ordinal);
        // What is compared stands together: a scenario's rows by behaviour, then by model, then by variant.
        let scenarios = self.dossier.plan.scenarios();
        let scenario = scenarios.iter().position(|it| it.name == variant.scenario).unwrap_or_default();
        let cell = u64::from(job.lane) << 32 | u64::from(index.0);
        for (rank, (scorer, observed)) in marked.observed.into_iter().enumerate() {
            // A scenario has far fewer scorers than a thousand.
            let behaviour = (scenario * 1_000 + rank) as u64;
            let labels = self.labels(&variant, job.lane, scorer);
            self.note_pool(&labels, job.lane, index.0);
            self.scores.table.add((behaviour, cell), labels, observed);
        }
        marked.made
    }

    /// Once two variants have been met in one row, the others need not be looked at.
    fn note_pool(&mut self, labels: &[String], lane: u32, variant: u32) {
        if self.grain == Grain::Relationship && !self.scores.is_pooled {
            let first = *self.met.entry((lane, labels.to_vec())).or_insert(variant);
            self.scores.is_pooled = first != variant;
        }
    }

    fn note_problems(&mut self, job: JobAddress, problems: Vec<String>) {
        self.scores.unjudged += u64::from(!problems.is_empty());
        let noted = &mut self.scores.problems;
        for problem in problems {
            if noted.len() < FAILURES_MAX || noted.contains_key(&problem) {
                noted.entry(problem).or_insert(Problem { episodes: 0, first: job }).episodes += 1;
            }
        }
    }

    fn note_loss(&mut self, ended: &Ended) {
        let failures = &mut self.scores.failures;
        let is_loss = matches!(ended.outcome, v1::Outcome::Failed | v1::Outcome::Quarantined);
        let reason = ended.message();
        if is_loss && (failures.len() < FAILURES_MAX || failures.contains_key(&reason)) {
            let how = transcript::outcome(ended);
            failures.entry(reason).or_insert_with(|| Lost { jobs: 0, how, first: ended.job }).jobs += 1;
        }
    }

    fn labels(&self, variant: &VariantKey, lane: u32, scorer: String) -> Vec<String> {
        let model = usize::try_from(lane).ok().and_then(|lane| self.dossier.plan.models().get(lane));
        let model = model.map(|model| model.name.to_string()).unwrap_or_default();
        let last = match self.grain {
            Grain::Relationship => variant.value(RELATIONSHIP).unwrap_or("-").to_owned(),
            Grain::Cells => cell(variant, self.varying.get(&variant.scenario).map_or(&[][..], Vec::as_slice)),
        };
        vec![variant.scenario.to_string(), scorer, model, last]
    }
}

fn columns(dossier: &Dossier, grain: Grain) -> Vec<String> {
    let has_relationship = |scenario: &muster_episode::ScenarioPlan| {
        scenario.axes.iter().any(|axis| &*axis.name == RELATIONSHIP)
    };
    let last = match grain {
        Grain::Relationship if dossier.plan.scenarios().iter().any(has_relationship) => RELATIONSHIP,
        Grain::Relationship => "",
        Grain::Cells => "cell",
    };
    ["scenario", "behaviour", "model", last].map(str::to_owned).to_vec()
}

/// The values of the axes that vary in the sweep, in the scenario's order.
fn cell(variant: &VariantKey, varies: &[bool]) -> String {
    let values =
        variant.values.iter().zip(varies).filter(|(_, varies)| **varies).map(|((_, value), _)| &**value);
    values.collect::<Vec<_>>().join(" ")
}

/// Of each axis of a scenario, whether the plan runs more than one of its values.
fn varying(scenario: &ScenarioPlan) -> Vec<bool> {
    let differs = |axis: usize| {
        let mut values = scenario.variants.iter().map(|variant| variant.get(axis));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    (0..scenario.axes.len()).map(differs).collect()
}
