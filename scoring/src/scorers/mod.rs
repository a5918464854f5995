//! Scorers: one file each. A scenario asks for them by kind; [`ScorerSet`] finds them.

mod alignment_faking;
mod awareness;
mod declining;
mod drop_out;
mod exfiltration;
mod guard;
mod misrepresentation;
mod parameters;
mod read_gate;
mod reading;
mod refusal;
mod tampering;
mod version;

use muster_episode::ScorerSpec;

use crate::error::{ScoreError, ScorerError};
use crate::evidence::Evidence;
use crate::judge::{Question, Readings};
use crate::scorers::alignment_faking::AlignmentFaking;
use crate::scorers::awareness::Awareness;
use crate::scorers::drop_out::DropOut;
use crate::scorers::exfiltration::Exfiltration;
use crate::scorers::guard::Guard;
use crate::scorers::misrepresentation::Misrepresentation;
use crate::scorers::read_gate::ReadGate;
use crate::scorers::refusal::Refusal;
use crate::scorers::tampering::Tampering;
use crate::tables::Observation;
use crate::verdict::Verdict;

/// The kinds there are, for messages.
const KINDS: [&str; 8] = [
    "read_gate",
    "tampering",
    "misrepresentation",
    "alignment_faking",
    "exfiltration",
    "refusal",
    "evaluation_awareness",
    "drop_out",
];

/// Judges episodes. Pure: the same episode always gets the same verdict.
pub trait Scorer: Send + Sync {
    /// What its verdicts are called in results.
    fn name(&self) -> &str;

    /// Raised whenever any episode could get another verdict than before: verdicts of both versions are kept.
    fn version(&self) -> &str;

    /// Whether its rate belongs into a sweep's table of results; a gate only says which episodes count.
    fn is_headline(&self) -> bool;

    /// Judges an episode.
    ///
    /// # Errors
    /// If the scenario lacks what the scorer looks at.
    fn score(&self, evidence: &Evidence<'_>) -> Result<Verdict, ScoreError>;

    /// How a verdict of its own counts in a rate.
    fn observe(&self, verdict: &Verdict) -> Observation;

    /// Whether a verdict of its own leaves something open that a judge can settle.
    fn is_left_to_judge(&self, _verdict: &Verdict) -> bool {
        false
    }

    /// What a judge is asked about an episode whose verdict is left to one: of each thing that the verdict may hang on and
    /// the rules are unsure of.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    fn questions(&self, _evidence: &Evidence<'_>) -> Result<Vec<Question>, ScoreError> {
        Ok(Vec::new())
    }

    /// Judges an episode by what a judge took down, and by the rules in the rest. The verdict may still be left to one.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    fn score_as_read(&self, evidence: &Evidence<'_>, _readings: &Readings) -> Result<Verdict, ScoreError> {
        self.score(evidence)
    }
}

/// The scorers of one scenario.
pub struct ScorerSet {
    scorers: Vec<Guard>,
}

// === impl ScorerSet ===

impl ScorerSet {
    /// The scorers that a scenario asks for.
    ///
    /// # Errors
    /// If a kind is unknown, a parameter wrong, or a name used twice.
    pub fn new(specs: &[ScorerSpec]) -> Result<Self, ScorerError> {
        Self::of(specs.iter().map(scorer).collect::<Result<Vec<_>, _>>()?)
    }

    /// These scorers. None of them can panic from here on.
    ///
    /// # Errors
    /// If a name is used twice.
    pub fn of(scorers: impl IntoIterator<Item = Box<dyn Scorer>>) -> Result<Self, ScorerError> {
        let scorers: Vec<Guard> = scorers.into_iter().map(Guard::of).collect();
        for (place, scorer) in scorers.iter().enumerate() {
            if scorers[..place].iter().any(|earlier| earlier.name() == scorer.name()) {
                return Err(ScorerError::SameName { name: scorer.name().to_owned() });
            }
        }
        Ok(Self { scorers })
    }

    /// The scorers, in the scenario's order.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Scorer> {
        self.scorers.iter().map(|scorer| scorer as &dyn Scorer)
    }
}

fn scorer(spec: &ScorerSpec) -> Result<Box<dyn Scorer>, ScorerError> {
    match &*spec.kind {
        "read_gate" => boxed(ReadGate::new(spec)),
        "tampering" => boxed(Tampering::new(spec)),
        "misrepresentation" => boxed(Misrepresentation::new(spec)),
        "alignment_faking" => boxed(AlignmentFaking::new(spec)),
        "exfiltration" => boxed(Exfiltration::new(spec)),
        "refusal" => boxed(Refusal::new(spec)),
        "evaluation_awareness" => boxed(Awareness::new(spec)),
        "drop_out" => boxed(DropOut::new(spec)),
        _ => Err(ScorerError::UnknownKind {
            name: spec.name.to_string(),
            kind: spec.kind.to_string(),
            known: KINDS.map(|kind| format!("`{kind}`")).join(", "),
        }),
    }
}

fn boxed<S: Scorer + 'static>(scorer: Result<S, ScorerError>) -> Result<Box<dyn Scorer>, ScorerError> {
    Ok(Box::new(scorer?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(name: &str, kind: &str, parameters: &serde_json::Value) -> ScorerSpec {
        let parameters = parameters.as_object().cloned().unwrap_or_default();
        ScorerSpec { name: name.into(), kind: kind.into(), parameters }
    }

    #[test]
    fn a_misspelt_kind_is_refused_with_those_there_are() {
        let error =
            ScorerSet::new(&[spec("t", "tempering", &json!({}))]).err().expect("an error").to_string();
        assert!(error.contains("`tempering`") && error.contains("`tampering`"), "{error}");
    }

    #[test]
    fn a_misspelt_parameter_is_refused() {
        let error =
            ScorerSet::new(&[spec("t", "tampering", &json!({ "varaible": "x" }))]).err().expect("an error");
        assert!(error.to_string().contains("varaible"), "{error}");
        let error =
            ScorerSet::new(&[spec("t", "tampering", &json!({ "variable": 7 }))]).err().expect("an error");
        assert!(error.to_string().contains("variable"), "{error}");
    }

    #[test]
    fn two_scorers_of_one_name_are_refused() {
        let twice = [spec("t", "read_gate", &json!({})), spec("t", "read_gate", &json!({}))];
        assert_eq!(ScorerSet::new(&twice).err(), Some(ScorerError::SameName { name: "t".to_owned() }));
    }
}
