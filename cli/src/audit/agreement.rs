//! How far scorers and people agree: Cohen's kappa with its interval, and every episode on which they do not.

use std::collections::BTreeMap;

use muster_proto::v1;
use muster_scoring::statistics::{Agreement, Confidence, Interval};
use muster_scoring::{Scorer, ScorerSet, Verdict};
use serde_json::{Value, json};

use super::labels::{Label, Labels, identity};
use super::verdict;
use crate::address::JobAddress;
use crate::client::Client;
use crate::dossier::{Dossier, Ended};
use crate::episodes::{Episodes, Read};
use crate::failure::Failure;
use crate::progress::note;
use crate::tables::{counted, new_table};

/// Disagreements that are shown of one scorer.
const SHOWN_MAX: usize = 20;

/// See the module.
pub(super) struct Agreements(BTreeMap<String, Compared>);

/// One scorer, held against people.
#[derive(Default)]
struct Compared {
    agreement: Agreement<String>,
    /// Episodes that the scorer leaves open: no word to compare.
    open: u64,
    disagreements: Vec<Disagreement>,
}

struct Disagreement {
    job: JobAddress,
    person: String,
    scorer: String,
}

// === impl Agreements ===

impl Agreements {
    /// Compares all labels with the verdicts there are now.
    pub(super) async fn of(
        client: &Client,
        dossier: &Dossier,
        labels: &Labels,
        judge: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut by_job: BTreeMap<(JobAddress, u32, String), Vec<&Label>> = BTreeMap::new();
        for label in labels.iter() {
            by_job.entry((label.job(), label.generation, label.episode.clone())).or_default().push(label);
        }
        let mut agreements = Self(BTreeMap::new());
        let request =
            v1::ExportRequest { sweep: dossier.sweep.id, newest: true, scores: true, ..Default::default() };
        let mut episodes = Episodes::begin(client, request).await?;
        let sets = sets(dossier)?;
        while let Some(Read::Whole(ended) | Read::Damaged(ended, _)) = episodes.next().await? {
            let place = (ended.job, ended.generation, identity(&ended));
            for label in by_job.remove(&place).unwrap_or_default() {
                agreements.compare(dossier, &sets, &ended, label, judge);
            }
        }
        tell_others(by_job.values().map(Vec::len).sum());
        Ok(agreements)
    }

    fn compare(
        &mut self,
        dossier: &Dossier,
        sets: &BTreeMap<String, ScorerSet>,
        ended: &Ended,
        label: &Label,
        judge: Option<&str>,
    ) {
        let (index, _) = dossier.plan.place(ended.job.ordinal);
        let set = dossier.plan.variant(index).and_then(|variant| sets.get(&*variant.scenario));
        let mut scorers = set.iter().flat_map(|set| set.iter());
        // A scorer that the suite no longer has is compared with nothing.
        let Some(scorer) = scorers.find(|scorer| scorer.name() == label.scorer) else { return };
        let compared = self.0.entry(label.scorer.clone()).or_default();
        match verdict(ended, scorer.name(), scorer.version(), judge) {
            Some(verdict) if !is_open(scorer, &verdict) => compared.add(ended.job, label, verdict.word),
            _ => compared.open += 1,
        }
    }

    /// For people.
    pub(super) fn as_text(&self) -> String {
        if self.0.is_empty() {
            return "nothing is labelled yet".to_owned();
        }
        let mut table = new_table(["scorer", "labels", "agreed", "kappa", "95 %", "left open"], 1);
        for (scorer, compared) in &self.0 {
            let agreed = compared.agreement.agreed();
            let kappa = compared.agreement.kappa(Confidence::ninety_five());
            let none = || "-".to_owned();
            table.add_row([
                scorer.clone(),
                agreed.of().to_string(),
                agreed.rate().map_or_else(none, |rate| format!("{:.1} %", rate * 100.0)),
                kappa.map_or_else(none, |kappa| format!("{:.2}", kappa.value)),
                kappa.and_then(|kappa| kappa.interval).map_or_else(none, range),
                compared.open.to_string(),
            ]);
        }
        let mut lines = vec![table.trim_fmt()];
        for (scorer, compared) in &self.0 {
            lines.extend(compared.disagreements.iter().take(SHOWN_MAX).map(|one| one.line(scorer)));
            let more = compared.disagreements.len().saturating_sub(SHOWN_MAX);
            lines.extend((more > 0).then(|| format!("{scorer}: {more} more; --json has them all")));
        }
        lines.join("\n")
    }

    /// For programs.
    pub(super) fn as_json(&self) -> Value {
        let interval = |interval: Interval| json!({ "low": interval.low, "high": interval.high });
        let row = |(scorer, compared): (&String, &Compared)| {
            let agreed = compared.agreement.agreed();
            let kappa = compared.agreement.kappa(Confidence::ninety_five());
            json!({
                "scorer": scorer,
                "n": agreed.of(),
                "agreed": agreed.hits(),
                "agreed_interval_95": agreed.interval(Confidence::ninety_five()).map(interval),
                "kappa": kappa.map(|kappa| kappa.value),
                "kappa_interval_95": kappa.and_then(|kappa| kappa.interval).map(interval),
                "open": compared.open,
                "disagreements": compared.disagreements.iter().map(|one| json!({
                    "job": one.job.to_string(), "person": one.person, "scorer": one.scorer,
                })).collect::<Vec<_>>(),
            })
        };
        self.0.iter().map(row).collect()
    }
}

// === impl Compared ===

impl Compared {
    fn add(&mut self, job: JobAddress, label: &Label, word: String) {
        if label.label != word {
            self.disagreements.push(Disagreement { job, person: label.label.clone(), scorer: word.clone() });
        }
        self.agreement.add(label.label.clone(), word);
    }
}

// === impl Disagreement ===

impl Disagreement {
    fn line(&self, scorer: &str) -> String {
        let Self { job, person, scorer: said } = self;
        // A word in a file of labels may be anything.
        let person = crate::terminal::one_line(person, 40);
        format!("{scorer}, {job}: {person} by the person, {said} by the scorer")
    }
}

/// Whether a verdict says nothing: it is left to a judge.
fn is_open(scorer: &dyn Scorer, verdict: &Verdict) -> bool {
    scorer.is_left_to_judge(verdict)
}

/// Says that there are labels of episodes that this sweep does not have: another data directory's sweep may have the same
/// number, and a job may have been run again.
fn tell_others(labels: usize) {
    if labels > 0 {
        note(&format!(
            "{} in the file of other episodes than those of this sweep here: not counted",
            counted(labels as u64, "label")
        ));
    }
}

fn range(interval: Interval) -> String {
    format!("{:.2} to {:.2}", interval.low, interval.high)
}

/// The scorers of each scenario.
fn sets(dossier: &Dossier) -> Result<BTreeMap<String, ScorerSet>, Failure> {
    let mut sets = BTreeMap::new();
    for plan in dossier.plan.scenarios() {
        let name = plan.name.to_string();
        let set = ScorerSet::new(dossier.scorers(&plan.name))
            .map_err(|source| Failure::Scorer { scenario: name.clone(), source })?;
        sets.insert(name, set);
    }
    Ok(sets)
}
