//! What a report is made of, fetched: sweeps with their own suites and scorers, their episodes, and whose verdicts count.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_episode::Suite;
use muster_proto::v1;
use muster_scoring::report::{
    Collector, Ending, Judges, LaneUse, RUNNING, ScenarioScorers, Selections, Source, StoredVerdict, Told,
};

use crate::address::SweepName;
use crate::client::Client;
use crate::dossier::{Dossier, Ended};
use crate::episodes::{Episodes, Read};
use crate::failure::Failure;
use crate::summary;
use crate::sweeps;
use crate::tables;
use crate::terminal;

/// What is reported on.
pub(super) struct Reading {
    pub(super) sources: Vec<Source>,
    /// Whose verdicts count where rules are unsure.
    pub(super) judge: Option<String>,
    other_judges: Vec<String>,
}

/// Whose verdicts are to count where rules are unsure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish<'a> {
    /// Those of the judge that has settled most, and of equals was asked last.
    Last,
    /// Those of this one.
    Named(&'a str),
    /// Nobody's.
    Nobody,
}

/// Whether somebody may be at work on what is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Another process has the data.
    MayGoOn,
    /// This process has it, and does nothing else.
    Rests,
}

/// Whether stored verdicts are read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scores {
    Wanted,
    Unwanted,
}

// === impl Reading ===

impl Reading {
    /// Fetches the sweeps, each once; `judging` is the suite whose scorers' verdicts count, if not each sweep's own.
    pub(super) async fn fetch(
        client: &mut Client,
        work: Work,
        names: &[SweepName],
        wish: Wish<'_>,
        judging: Option<&Arc<Suite>>,
    ) -> Result<Self, Failure> {
        let mut sources: Vec<Source> = Vec::new();
        for name in names {
            let dossier = sweeps::of_episodes(client, *name).await?.judged_by(judging)?;
            if sources.iter().all(|known| known.sweep != dossier.sweep.id) {
                sources.push(source(&dossier, work)?);
            }
        }
        let mut reading = Self { sources, judge: None, other_judges: Vec::new() };
        if wish != Wish::Nobody {
            reading.choose(client, wish).await?;
        }
        Ok(reading)
    }

    /// Counts all episodes.
    pub(super) async fn collect(&self, client: &Client) -> Result<Collector, Failure> {
        let selections = self.select(client).await?;
        let collector = Collector::new(self.sources.clone(), &selections);
        let mut collector = collector.judged_by(self.judge.clone(), self.other_judges.clone());
        for (place, source) in self.sources.iter().enumerate() {
            let mut episodes = begin(client, source.sweep, Scores::Wanted).await?;
            while let Some(ended) = next(&mut episodes).await? {
                let ending = ending(&ended);
                let message = if ending == Ending::Result { String::new() } else { ended.message() };
                let verdicts = stored(&ended);
                collector.take(&told(place, &ended, &message, &verdicts));
            }
        }
        Ok(collector)
    }

    /// What of each sweep may be reported: what ended early must be known before anything is counted.
    async fn select(&self, client: &Client) -> Result<Selections, Failure> {
        let mut selections = Selections::new(&self.sources);
        for (place, source) in self.sources.iter().enumerate() {
            if !selections.is_open(place) {
                continue;
            }
            let mut episodes = begin(client, source.sweep, Scores::Unwanted).await?;
            while let Some(ended) = next(&mut episodes).await? {
                selections.end(source, place, ended.job.lane, ended.job.ordinal, ending(&ended));
            }
        }
        Ok(selections)
    }

    async fn choose(&mut self, client: &mut Client, wish: Wish<'_>) -> Result<(), Failure> {
        let mut judges = Judges::new(sweeps::judges(client).await?);
        if let Wish::Named(name) = wish {
            check(&judges, name)?;
        }
        if judges.are_several() {
            for (place, source) in self.sources.iter().enumerate() {
                let mut episodes = begin(client, source.sweep, Scores::Wanted).await?;
                while let Some(ended) = next(&mut episodes).await? {
                    judges.tell(source, &told(place, &ended, "", &stored(&ended)));
                }
            }
        }
        let choice = match wish {
            Wish::Named(name) => Some(name),
            Wish::Last | Wish::Nobody => judges.choice(),
        };
        self.other_judges = judges.others(choice);
        self.judge = choice.map(str::to_owned);
        Ok(())
    }
}

/// A judge that nobody has asked would settle nothing, and look as if it had.
fn check(judges: &Judges, name: &str) -> Result<(), Failure> {
    if judges.models().any(|known| known == name) {
        return Ok(());
    }
    let known: Vec<&str> = judges.models().collect();
    let name = terminal::one_line(name, 80);
    Err(Failure::Usage(match known.as_slice() {
        [] => format!("no judge has been asked yet: `muster score SWEEP --judge {name}` asks it"),
        known => format!(
            "{name} has not been asked; these judges have been: {}",
            terminal::one_line(&known.join(", "), 400)
        ),
    }))
}

fn source(dossier: &Dossier, work: Work) -> Result<Source, Failure> {
    let mut scorers = BTreeMap::new();
    for plan in dossier.plan.scenarios() {
        let set = ScenarioScorers::new(dossier.scorers(&plan.name))
            .map_err(|source| Failure::Scorer { scenario: plan.name.to_string(), source })?;
        scorers.insert(Arc::clone(&plan.name), Arc::new(set));
    }
    let sweep = &dossier.sweep;
    Ok(Source {
        sweep: sweep.id,
        name: sweep.name.clone(),
        state: state(sweep.state(), work).to_owned(),
        plan: Arc::clone(&dossier.plan),
        seeds: u64::from(sweep.seeds),
        limit: sweep.limit,
        scorers,
        lanes: sweep.lanes.iter().map(lane).collect(),
    })
}

fn state(state: v1::SweepState, work: Work) -> &'static str {
    match state {
        v1::SweepState::Running if work == Work::MayGoOn => RUNNING,
        v1::SweepState::Running => "interrupted",
        state => tables::state(state),
    }
}

fn lane(lane: &v1::LaneStatus) -> LaneUse {
    let (counts, usage) = (lane.counts.unwrap_or_default(), lane.usage.unwrap_or_default());
    LaneUse {
        jobs: counts.jobs,
        results: summary::results(&counts),
        failed: counts.failed,
        quarantined: counts.quarantined,
        cancelled: counts.cancelled,
        model_calls: usage.model_calls,
        retries: usage.retries,
        rate_limited: usage.rate_limited,
        paid_twice: usage.paid_twice,
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cost_usd: summary::cost_usd(&usage),
    }
}

/// Begins to read a sweep's episodes, without their turns.
pub(super) async fn begin(client: &Client, sweep: u64, scores: Scores) -> Result<Episodes, Failure> {
    let scores = scores == Scores::Wanted;
    Episodes::begin(client, v1::ExportRequest { sweep, newest: true, scores, ..v1::ExportRequest::default() })
        .await
}

/// The next of them.
pub(super) async fn next(episodes: &mut Episodes) -> Result<Option<Ended>, Failure> {
    Ok(episodes.next().await?.map(|read| match read {
        Read::Whole(ended) | Read::Damaged(ended, _) => ended,
    }))
}

/// Its stored verdicts.
pub(super) fn stored(ended: &Ended) -> Vec<StoredVerdict<'_>> {
    ended
        .scores
        .iter()
        .map(|score| StoredVerdict {
            scorer: &score.scorer,
            version: &score.version,
            verdict: &score.verdict,
        })
        .collect()
}

/// An episode as reports are told of it.
pub(super) fn told<'a>(
    source: usize,
    ended: &Ended,
    message: &'a str,
    verdicts: &'a [StoredVerdict<'a>],
) -> Told<'a> {
    let (lane, ordinal) = (ended.job.lane, ended.job.ordinal);
    Told { source, lane, ordinal, ending: ending(ended), message, verdicts }
}

fn ending(ended: &Ended) -> Ending {
    match ended.outcome {
        v1::Outcome::Quarantined => Ending::Quarantined,
        v1::Outcome::Cancelled => Ending::Cancelled,
        _ if ended.is_result() => Ending::Result,
        _ => Ending::Failed,
    }
}
