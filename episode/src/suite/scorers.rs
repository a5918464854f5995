//! The scorers that a scenario asks for. Which there are is not known here: whoever makes them says what is wrong with one,
//! and is told where in the scenario's file that stands.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::Suite;
use super::scenario::Scenario;
use crate::fields::{Fields, json};
use crate::mistake::Mistakes;

/// A scorer that a scenario asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ScorerSpec {
    /// What its verdicts are called in results.
    pub name: Arc<str>,
    /// Which scorer.
    pub kind: Arc<str>,
    /// Its other parameters, as the scenario gives them.
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

/// Something wrong with a scorer, found by whoever makes scorers or scores with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScorerFault {
    /// The scenario that asks for it.
    pub scenario: Arc<str>,
    /// Its name there.
    pub scorer: Arc<str>,
    /// What of it.
    pub part: ScorerPart,
    /// What is wrong.
    pub what: String,
    /// What would be right, or where it was seen.
    pub help: Option<String>,
}

/// A part of what a scenario says of a scorer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScorerPart {
    /// All of it.
    Whole,
    /// Its kind.
    Kind,
    /// A parameter; all of it, where the parameter is not there.
    Parameter(String),
}

/// Where in its file a scorer's parts stand. No part of what a scenario is: two that differ in it alone are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScorerPlaces {
    name: Range<usize>,
    kind: Range<usize>,
    parameters: BTreeMap<String, Range<usize>>,
}

// === impl Suite ===

impl Suite {
    /// Mistakes at their places in the scenarios' files; `Ok` if there is no fault. Of faults that are alike but for
    /// their help, the first is kept.
    ///
    /// # Errors
    /// The faults, as mistakes.
    pub fn placed(&self, faults: &[ScorerFault]) -> Result<(), Mistakes> {
        let mut mistakes = Mistakes::default();
        for (place, fault) in faults.iter().enumerate() {
            let is_known = faults[..place].iter().any(|earlier| earlier.is_like(fault));
            if let Some(scenario) = self.scenario(&fault.scenario).filter(|_| !is_known) {
                fault.note(scenario, &mut mistakes);
            }
        }
        mistakes.into_result(())
    }
}

// === impl ScorerFault ===

impl ScorerFault {
    /// Whether it is the same fault, seen elsewhere.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let own = |fault: &Self| (fault.scenario.clone(), fault.scorer.clone(), fault.what.clone());
        own(self) == own(other)
    }

    pub(super) fn note(&self, scenario: &Scenario, mistakes: &mut Mistakes) {
        let at = scenario.scorer_places.get(&self.scorer).map_or(0..0, |places| places.of(&self.part));
        match &self.help {
            Some(help) => mistakes.add_with_help(&scenario.source, at, &*self.what, &**help),
            None => mistakes.add(&scenario.source, at, &*self.what),
        }
    }
}

// === impl ScorerPlaces ===

impl ScorerPlaces {
    fn of(&self, part: &ScorerPart) -> Range<usize> {
        let part = match part {
            ScorerPart::Whole => None,
            ScorerPart::Kind => Some(&self.kind),
            ScorerPart::Parameter(parameter) => self.parameters.get(parameter),
        };
        part.unwrap_or(&self.name).clone()
    }
}

/// Reads a scenario's `[[scorers]]`, in its order, and where each of them stands.
pub(super) fn read_scorers(fields: &Fields<'_>) -> (Vec<ScorerSpec>, BTreeMap<Arc<str>, ScorerPlaces>) {
    let (mut scorers, mut places) = (Vec::new(), BTreeMap::new());
    for fields in fields.tables("scorers") {
        let name = fields.needed_text("name");
        let spec_name: Arc<str> = name.value.as_str().into();
        if places.contains_key(&spec_name) {
            let what = format!("two scorers are named `{spec_name}`");
            fields.reader().note_with_help(name.at.clone(), what, "results are told apart by this name");
        }
        let (spec, at) = read_scorer(&fields, &spec_name, name.at);
        scorers.push(spec);
        places.insert(spec_name, at);
    }
    (scorers, places)
}

fn read_scorer(fields: &Fields<'_>, name: &Arc<str>, at: Range<usize>) -> (ScorerSpec, ScorerPlaces) {
    let kind = fields.needed_text("kind");
    let mut places = ScorerPlaces { name: at, kind: kind.at, parameters: BTreeMap::new() };
    let mut parameters = serde_json::Map::new();
    for (key, value) in fields.entries().filter(|(key, _)| key.value != "name" && key.value != "kind") {
        places.parameters.insert(key.value.clone(), key.at);
        parameters.insert(key.value, json(value.get_ref()));
    }
    (ScorerSpec { name: Arc::clone(name), kind: kind.value.into(), parameters }, places)
}
