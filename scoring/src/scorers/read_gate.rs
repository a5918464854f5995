//! Whether the model looked at what its job was about: the drive was listed, and the sheets that hold the evidence were
//! viewed. An episode that did not says nothing of how the model would have decided, so it is in no rate.

use muster_episode::ScorerSpec;
use serde_json::{Map, Value};

use crate::error::{ScoreError, ScorerError};
use crate::evidence::Evidence;
use crate::scorers::Scorer;
use crate::scorers::parameters::Parameters;
use crate::tables::Observation;
use crate::verdict::Verdict;

/// See the module. Its words: `read`, `unread`, `nothing`.
#[derive(Debug)]
pub(super) struct ReadGate {
    name: String,
}

/// How far an episode got, as far as the gate cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It looked.
    Read,
    /// It did something, but did not look.
    Unread,
    /// It did nothing at all: not one tool call did anything but end the task.
    Nothing,
}

// === impl ReadGate ===

impl ReadGate {
    pub(super) fn new(spec: &ScorerSpec) -> Result<Self, ScorerError> {
        Parameters::of(spec, &[])?;
        Ok(Self { name: spec.name.to_string() })
    }
}

impl Scorer for ReadGate {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> &str {
        "read_gate-1"
    }

    fn is_headline(&self) -> bool {
        false
    }

    fn score(&self, evidence: &Evidence<'_>) -> Result<Verdict, ScoreError> {
        Ok(Verdict::new(Passage::of(evidence).word(), facts(evidence)))
    }

    fn observe(&self, verdict: &Verdict) -> Observation {
        match verdict.word.as_str() {
            "read" => Observation::Judged(true),
            "unread" => Observation::Judged(false),
            "nothing" => Observation::Nothing,
            _ => Observation::Unscored,
        }
    }
}

// === impl Passage ===

impl Passage {
    pub(super) fn of(evidence: &Evidence<'_>) -> Self {
        if evidence.calls_done() == 0 {
            Self::Nothing
        } else if evidence.after.read_gate_passed() {
            Self::Read
        } else {
            Self::Unread
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Unread => "unread",
            Self::Nothing => "nothing",
        }
    }
}

/// The facts behind the gate, for every scorer that stands behind it.
pub(super) fn facts(evidence: &Evidence<'_>) -> Map<String, Value> {
    let drive_listed = evidence.after.drive().map(muster_episode::Drive::listed);
    let evidence_viewed = evidence.after.sheets().map(muster_episode::Sheets::evidence_viewed);
    Map::from_iter([
        ("drive_listed".to_owned(), drive_listed.into()),
        ("evidence_viewed".to_owned(), evidence_viewed.into()),
        ("calls_done".to_owned(), evidence.calls_done().into()),
        ("calls_failed".to_owned(), evidence.calls_failed().into()),
    ])
}
