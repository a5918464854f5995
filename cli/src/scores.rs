//! Scores a sweep's episodes and adds them up. Episodes that a version of a scorer has judged already are not judged
//! again; others are replayed from their turns and judged by code, which costs nothing. Where no rule is sure, a judge's
//! answers decide, if they are at hand: a docket holds them, and takes down what is still to be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_episode::{ScenarioPlan, VariantKey};
use muster_proto::v1;
use muster_scoring::judge::Question;
use muster_scoring::tables::{Infrastructure, Observation, RateTable};
use muster_scoring::{Evidence, ScoreError, Scorer, ScorerSet, Verdict};

use crate::address::JobAddress;
use crate::client::Client;
use crate::dossier::{Dossier, Ended};
use crate::episodes::{Episodes, Read};
use crate::failure::Failure;
use crate::judging::Docket;
use crate::transcript;

/// Different reasons of failures that are told; more say nothing more.
const FAILURES_MAX: usize = 5;

/// The axis that results are told apart by when not every cell is shown.
const RELATIONSHIP: &str = "relationship";

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
    /// Verdicts made by this call.
    pub(crate) judged: u64,
    /// Verdicts that are left to a judge, and have none that could be read.
    pub(crate) unsure: u64,
    /// Episodes that could not be judged: how many, and what was said of the first.
    pub(crate) unjudged: u64,
    /// See `unjudged`.
    pub(crate) first_problem: Option<String>,
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

/// Scores one sweep.
struct Scoring<'a> {
    dossier: &'a Dossier,
    scorers: BTreeMap<Arc<str>, Arc<ScorerSet>>,
    /// Of each scenario's axes, whether they vary.
    varying: BTreeMap<Arc<str>, Vec<bool>>,
    grain: Grain,
    which: Which,
    scores: Scores,
    /// Verdicts made and not handed on yet.
    made: Vec<v1::Verdict>,
    /// Whether an episode was met that can only be judged by its turns, which were not asked for.
    needs_turns: bool,
    docket: Option<&'a mut Docket>,
}

/// What there is of an episode's transcript.
#[derive(Debug, Clone, Copy)]
enum Transcript<'a> {
    /// All of it.
    There,
    /// It can't be read, for this reason.
    Damaged(&'a str),
    /// It was not asked for.
    NotAskedFor,
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
        let mut scoring = Scoring::new(dossier, grain, which, docket.as_deref_mut())?;
        scoring.pass(client, Turns::Unwanted).await?;
        if !scoring.needs_turns {
            return Ok(scoring.scores);
        }
    }
    let mut scoring = Scoring::new(dossier, grain, which, docket)?;
    scoring.pass(client, Turns::Wanted).await?;
    Ok(scoring.scores)
}

/// Whether episodes are read with their turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turns {
    Wanted,
    Unwanted,
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
    fn new(
        dossier: &'a Dossier,
        grain: Grain,
        which: Which,
        docket: Option<&'a mut Docket>,
    ) -> Result<Self, Failure> {
        let mut scorers = BTreeMap::new();
        for scenario in dossier.plan.scenarios().iter().filter_map(|plan| dossier.suite.scenario(&plan.name))
        {
            let set = ScorerSet::new(scenario.scorers())
                .map_err(|source| Failure::Scorer { scenario: scenario.name().to_string(), source })?;
            scorers.insert(Arc::clone(scenario.name()), Arc::new(set));
        }
        let table = RateTable::new(columns(dossier, grain));
        let scores = Scores {
            table,
            judged: 0,
            unsure: 0,
            unjudged: 0,
            first_problem: None,
            first_result: None,
            failures: BTreeMap::new(),
        };
        let varying =
            dossier.plan.scenarios().iter().map(|plan| (Arc::clone(&plan.name), varying(plan))).collect();
        let made = Vec::new();
        Ok(Self { dossier, scorers, varying, grain, which, scores, made, needs_turns: false, docket })
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
        let mut episodes = Episodes::begin(client, request).await?;
        let mut writer = client.store_verdicts();
        while let Some(read) = episodes.next().await? {
            match read {
                Read::Whole(ended) if turns == Turns::Unwanted => self.take(&ended, Transcript::NotAskedFor),
                Read::Whole(ended) => self.take(&ended, Transcript::There),
                Read::Damaged(ended, why) => self.take(&ended, Transcript::Damaged(&why)),
            }
            if self.needs_turns {
                return writer.finish().await;
            }
            for verdict in self.made.drain(..) {
                writer.put(verdict).await;
            }
        }
        writer.finish().await
    }

    fn take(&mut self, ended: &Ended, transcript: Transcript<'_>) {
        let (index, _) = self.dossier.plan.place(ended.job.ordinal);
        let Some(variant) = self.dossier.plan.variant(index) else {
            self.problem(format!("job {} is beyond its sweep's plan", ended.job));
            return;
        };
        self.note_loss(ended);
        if ended.is_result() {
            self.scores.first_result.get_or_insert(ended.job);
        }
        let place = (u64::from(ended.job.lane), u64::from(index.0));
        for (scorer, observed) in self.observe(&variant, ended, transcript) {
            let labels = self.labels(&variant, ended.job.lane, &scorer);
            self.scores.table.add(place, labels, observed);
        }
    }

    /// What the headline scorers of the episode's scenario say, each by its name.
    fn observe(
        &mut self,
        variant: &VariantKey,
        ended: &Ended,
        transcript: Transcript<'_>,
    ) -> Vec<(String, Observation)> {
        let Some(set) = self.scorers.get(&variant.scenario).cloned() else { return Vec::new() };
        let verdicts = self.verdicts(&set, ended, transcript);
        let is_open = |(scorer, verdict): &(&dyn Scorer, &Option<Verdict>)| {
            verdict.as_ref().is_some_and(|verdict| scorer.is_left_to_judge(verdict))
        };
        self.scores.unsure += set.iter().zip(&verdicts).filter(is_open).count() as u64;
        let observe = |(scorer, verdict): (&dyn Scorer, Option<Verdict>)| {
            let observation = verdict.map_or_else(|| lost(ended.outcome), |verdict| scorer.observe(&verdict));
            (scorer.name().to_owned(), observation)
        };
        set.iter().zip(verdicts).filter(|(scorer, _)| scorer.is_headline()).map(observe).collect()
    }

    /// The verdict of each scorer; none where there is no episode to judge, or it can't be.
    fn verdicts(
        &mut self,
        set: &ScorerSet,
        ended: &Ended,
        transcript: Transcript<'_>,
    ) -> Vec<Option<Verdict>> {
        let none = vec![None; set.iter().count()];
        if !ended.is_result() {
            return none;
        }
        let known: Vec<Option<Verdict>> = set.iter().map(|scorer| self.known(scorer, ended)).collect();
        if known.iter().all(Option::is_some) {
            return known;
        }
        let replayed = match transcript {
            Transcript::There => self.dossier.replay(ended).map_err(|error| error.to_string()),
            Transcript::Damaged(why) => Err(why.to_owned()),
            Transcript::NotAskedFor => {
                self.needs_turns = true;
                return none;
            }
        };
        match replayed {
            Ok(replayed) => {
                let evidence = Evidence::of(&replayed.episode);
                let judge = |(scorer, known): (&dyn Scorer, Option<Verdict>)| {
                    known.or_else(|| self.judge(scorer, &evidence, ended))
                };
                set.iter().zip(known).map(judge).collect()
            }
            Err(why) => {
                self.problem(format!("job {}: {why}", ended.job));
                none
            }
        }
    }

    /// The verdict that an episode has already: the judge's, where a judge is asked and the rules leave it to one.
    fn known(&self, scorer: &dyn Scorer, ended: &Ended) -> Option<Verdict> {
        let ruled = self.ruled(scorer, ended)?;
        match &self.docket {
            Some(docket) if scorer.is_left_to_judge(&ruled) => {
                let version = Question::version(scorer.version(), docket.model());
                (self.which == Which::New).then(|| stored(scorer, &version, ended)).flatten()
            }
            _ => Some(ruled),
        }
    }

    fn ruled(&self, scorer: &dyn Scorer, ended: &Ended) -> Option<Verdict> {
        (self.which != Which::All).then(|| stored(scorer, scorer.version(), ended)).flatten()
    }

    fn judge(&mut self, scorer: &dyn Scorer, evidence: &Evidence<'_>, ended: &Ended) -> Option<Verdict> {
        let ruled = match self.ruled(scorer, ended) {
            Some(ruled) => ruled,
            None => {
                let ruled = scorer.score(evidence).map_err(|error| self.unjudged(ended, &error)).ok()?;
                self.keep(scorer, scorer.version(), &ruled, ended);
                ruled
            }
        };
        if self.docket.is_none() || !scorer.is_left_to_judge(&ruled) {
            return Some(ruled);
        }
        let asked = self.ask(scorer, evidence, &ruled, ended);
        asked.map_err(|error| self.unjudged(ended, &error)).ok()
    }

    /// The verdict by a judge's answer; by the rules, while there is none.
    fn ask(
        &mut self,
        scorer: &dyn Scorer,
        evidence: &Evidence<'_>,
        ruled: &Verdict,
        ended: &Ended,
    ) -> Result<Verdict, ScoreError> {
        let Some(docket) = &mut self.docket else { return Ok(ruled.clone()) };
        let Some(question) = scorer.question(evidence)? else { return Ok(ruled.clone()) };
        let Some(answer) = docket.answer_to(&question) else { return Ok(ruled.clone()) };
        let verdict = match question.read(answer) {
            Ok(read) => scorer.score_as_read(evidence, read)?,
            Err(error) => {
                let mut unread = ruled.clone();
                unread.facts.insert("judge_error".to_owned(), error.to_string().into());
                unread
            }
        };
        let version = Question::version(scorer.version(), docket.model());
        self.keep(scorer, &version, &verdict, ended);
        Ok(verdict)
    }

    fn keep(&mut self, scorer: &dyn Scorer, version: &str, verdict: &Verdict, ended: &Ended) {
        self.scores.judged += 1;
        self.made.push(v1::Verdict {
            job: Some(v1::Job { sweep: ended.job.sweep, lane: ended.job.lane, ordinal: ended.job.ordinal }),
            generation: ended.generation,
            scorer: scorer.name().to_owned(),
            version: version.to_owned(),
            verdict: verdict.encode().into(),
        });
    }

    fn unjudged(&mut self, ended: &Ended, error: &ScoreError) {
        self.problem(format!("job {}: {error}", ended.job));
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

    fn labels(&self, variant: &VariantKey, lane: u32, scorer: &str) -> Vec<String> {
        let model = usize::try_from(lane).ok().and_then(|lane| self.dossier.plan.models().get(lane));
        let model = model.map(|model| model.name.to_string()).unwrap_or_default();
        let last = match self.grain {
            Grain::Relationship => variant.value(RELATIONSHIP).unwrap_or("-").to_owned(),
            Grain::Cells => cell(variant, self.varying.get(&variant.scenario).map_or(&[][..], Vec::as_slice)),
        };
        vec![variant.scenario.to_string(), scorer.to_owned(), model, last]
    }

    fn problem(&mut self, problem: String) {
        self.scores.unjudged += 1;
        self.scores.first_problem.get_or_insert(problem);
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

fn stored(scorer: &dyn Scorer, version: &str, ended: &Ended) -> Option<Verdict> {
    let verdict = ended.verdict(scorer.name(), version)?;
    Verdict::decode(&verdict.verdict).ok()
}

/// An episode without a verdict: lost to infrastructure, or not to be judged.
fn lost(outcome: v1::Outcome) -> Observation {
    match outcome {
        v1::Outcome::Failed => Observation::Infrastructure(Infrastructure::Failed),
        v1::Outcome::Quarantined => Observation::Infrastructure(Infrastructure::Quarantined),
        v1::Outcome::Cancelled => Observation::Infrastructure(Infrastructure::Cancelled),
        _ => Observation::Unscored,
    }
}
