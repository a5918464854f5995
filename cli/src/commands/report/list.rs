//! Episodes with their verdicts, one a line: what a report's commands show.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use muster_episode::VariantKey;
use muster_scoring::report::Told;
use serde_json::json;

use super::reading::{Reading, Scores, begin, next, stored, told};
use crate::client::Client;
use crate::dossier::Ended;
use crate::failure::Failure;
use crate::follow::Format;
use crate::output;
use crate::terminal;
use crate::transcript;

/// What an episode must have to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Where {
    what: String,
    value: String,
}

/// Lists the episodes that fit, as they are read.
pub(super) async fn list(
    client: &Client,
    reading: &Reading,
    wheres: &[Where],
    format: Format,
) -> Result<(), Failure> {
    check(reading, wheres)?;
    for (place, source) in reading.sources.iter().enumerate() {
        let mut episodes = begin(client, source.sweep, Scores::Wanted).await?;
        while let Some(ended) = next(&mut episodes).await? {
            let verdicts = stored(&ended);
            let known = Known::of(reading, &ended, &told(place, &ended, "", &verdicts));
            match known.filter(|known| wheres.iter().all(|wanted| known.fits(wanted))) {
                Some(known) if format == Format::Json => output::print(&known.json(&ended)),
                Some(known) => output::print(&known.line(&ended)),
                None => {}
            }
        }
    }
    Ok(())
}

/// What is known of an ended episode, beside its transcript.
pub(super) struct Known<'a> {
    model: &'a str,
    pub(super) variant: VariantKey,
    pub(super) seed: u64,
    /// Scorers, and what each of them said.
    verdicts: Vec<(String, String)>,
}

fn axes(variant: &VariantKey) -> BTreeMap<&str, &str> {
    variant.values.iter().map(|(axis, value)| (&**axis, &**value)).collect()
}

/// A misspelt axis would list nothing, and look like a result.
fn check(reading: &Reading, wheres: &[Where]) -> Result<(), Failure> {
    let scenarios = reading.sources.iter().flat_map(|source| source.plan.scenarios());
    let axes = scenarios.flat_map(|scenario| scenario.axes.iter().map(|axis| axis.name.to_string()));
    let words = ["model", "scenario", "verdict", "seed"].map(str::to_owned);
    let known: BTreeSet<String> = axes.chain(words).collect();
    match wheres.iter().find(|wanted| !known.contains(&wanted.what)) {
        Some(wanted) => {
            let known: Vec<String> = known.into_iter().collect();
            Err(Failure::Usage(format!(
                "episodes have no `{}`; --where takes {}",
                terminal::one_line(&wanted.what, 60),
                known.join(", ")
            )))
        }
        None => Ok(()),
    }
}

// === impl Known ===

impl<'a> Known<'a> {
    /// What is known of one, if it is in its sweep's plan.
    pub(super) fn of(reading: &'a Reading, ended: &Ended, told: &Told<'_>) -> Option<Self> {
        let source = reading.sources.get(told.source)?;
        let (index, seed) = source.plan.place(ended.job.ordinal);
        let variant = source.plan.variant(index)?;
        let model = &*source.plan.models().get(usize::try_from(ended.job.lane).ok()?)?.name;
        let scorers = source.scorers.get(&variant.scenario)?;
        let judge = reading.judge.as_deref();
        let said = scorers.iter().filter_map(|(scorer, _)| {
            Some((scorer.name().to_owned(), told.verdict(scorer, judge)?.verdict.word))
        });
        Some(Self { model, seed: seed.0, verdicts: said.collect(), variant })
    }

    fn fits(&self, wanted: &Where) -> bool {
        match wanted.what.as_str() {
            "model" => self.model == wanted.value,
            "scenario" => *self.variant.scenario == *wanted.value,
            "seed" => self.seed.to_string() == wanted.value,
            "verdict" => self.verdicts.iter().any(|(_, word)| *word == wanted.value),
            axis => self.variant.value(axis) == Some(&wanted.value),
        }
    }

    /// What was said of it; of one that was lost, how it ended.
    pub(super) fn words(&self, ended: &Ended) -> String {
        if self.verdicts.is_empty() {
            return transcript::outcome(ended);
        }
        let words: Vec<String> =
            self.verdicts.iter().map(|(scorer, word)| format!("{scorer}: {word}")).collect();
        words.join(", ")
    }

    fn line(&self, ended: &Ended) -> String {
        let Self { model, variant, seed, .. } = self;
        terminal::one_line(
            &format!("{} {model} {variant} seed={seed}: {}", ended.job, self.words(ended)),
            1_000,
        )
    }

    fn json(&self, ended: &Ended) -> String {
        let verdicts: BTreeMap<&String, &String> =
            self.verdicts.iter().map(|(scorer, word)| (scorer, word)).collect();
        let line = json!({
            "job": ended.job.to_string(), "model": self.model, "scenario": self.variant.scenario, "seed": self.seed,
            "variant": axes(&self.variant), "outcome": transcript::outcome(ended), "verdicts": verdicts,
        });
        line.to_string()
    }
}

// === impl Where ===

impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((what, value)) if !what.is_empty() => {
                Ok(Self { what: what.to_owned(), value: value.to_owned() })
            }
            _ => Err("it is written WHAT=VALUE, for example relationship=good".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_first_equals_sign_is_the_value() {
        let wanted: Where = "model=sim/mixed?p=0.3".parse().expect("a condition");
        assert_eq!((&*wanted.what, &*wanted.value), ("model", "sim/mixed?p=0.3"));
        assert!("=x".parse::<Where>().is_err() && "good".parse::<Where>().is_err());
    }
}
