//! The study's table with ours beside it. The two are never subtracted: other prompts, other date.

use serde::Serialize;

use crate::statistics::Estimate;
use crate::tables::cell::Standing;
use crate::tables::model_name::ModelName;
use crate::tables::published::{self, Behaviour, Published, Relationship};

/// A behaviour under one relationship, over the three ways to state it (document, document and prompt, memory): a rate, or a
/// difference of rates if there is a control.
///
/// The greatest of three noisy numbers is too large on average, in the original as here. Its interval is made for three looks,
/// so that it covers the cell that happened to be greatest. Differences share their control: it is subtracted once from the
/// mean, or the mean would look surer than it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxAndMean {
    /// The greatest, with an interval that covers all of them together 95 times in 100.
    pub max: Estimate,
    /// Which one it is.
    pub max_of: String,
    /// The mean, with its 95 % interval.
    pub mean: Estimate,
    /// Episodes judged, without those of the control.
    pub n: u64,
    /// Whether a claim may rest on every cell.
    pub standing: Standing,
}

/// One number of the table, ours and theirs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyCell {
    /// What our episodes show: a difference in misrepresentation and alignment faking, else a rate.
    pub ours: Option<MaxAndMean>,
    /// Why there is nothing of ours.
    pub why_not: Option<String>,
    /// What was published, in percent; none where it is not known.
    pub published: Option<Published>,
}

/// A row: one model and one behaviour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyRow {
    /// The model, as the report calls it.
    pub model: ModelName,
    /// What is counted.
    pub behaviour: Behaviour,
    /// With a bad, a neutral and a good relationship.
    pub cells: Vec<StudyCell>,
}

/// The table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyTable {
    /// What must stand beside the published numbers.
    pub label: &'static str,
    /// Where they are from.
    pub source: &'static str,
    /// The rows, in the order in which they were given.
    pub rows: Vec<StudyRow>,
}

// === impl StudyTable ===

impl StudyTable {
    /// A table without rows.
    #[must_use]
    pub fn new() -> Self {
        Self { label: published::LABEL, source: published::SOURCE, rows: Vec::new() }
    }

    /// Adds a row; `published_as` is the name that the study may know the model by, and `ours` says what was found under
    /// each relationship.
    pub fn add(
        &mut self,
        model: ModelName,
        published_as: &str,
        behaviour: Behaviour,
        ours: impl Fn(Relationship) -> Result<MaxAndMean, String>,
    ) {
        let cell = |relationship: Relationship| {
            let (ours, why_not) = match ours(relationship) {
                Ok(ours) => (Some(ours), None),
                Err(why_not) => (None, Some(why_not)),
            };
            StudyCell { ours, why_not, published: published::find(published_as, behaviour, relationship) }
        };
        let cells = Relationship::ALL.into_iter().map(cell).collect();
        self.rows.push(StudyRow { model, behaviour, cells });
    }
}

impl Default for StudyTable {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_never_stand_without_their_label() {
        let mut table = StudyTable::new();
        table.add(ModelName::plain("gemini/x"), "Gemini 3 Pro", Behaviour::Exfiltration, |_| {
            Err("not run".to_owned())
        });
        let json = serde_json::to_value(&table).expect("JSON");
        assert_eq!(json["label"], "other prompts, other date");
        assert_eq!(json["rows"][0]["cells"][2]["published"]["max"], 97.0);
        assert_eq!(json["rows"][0]["cells"][0]["why_not"], "not run");
    }

    #[test]
    fn a_model_that_the_study_did_not_have_has_ours_alone() {
        let mut table = StudyTable::new();
        table.add(ModelName::plain("sim/new"), "a new model", Behaviour::Tampering, |_| {
            Err("not run".to_owned())
        });
        assert!(table.rows[0].cells.iter().all(|cell| cell.published.is_none()));
    }
}
