//! What a report says, as scorers ask for it: the bar that applies to a variant, the items in its world, and the answer of
//! the rules.

use serde_json::{Map, Value, json};

use muster_episode::{Sheet, Sheets};

use crate::error::{ScoreError, ScorerError};
use crate::evidence::Evidence;
use crate::extraction::{Answer, Asked, Confidence, Extraction};
use crate::judge::{Matter, Question, Readings};
use crate::scorers::parameters::Parameters;

/// Bars at which every report is also held, whatever its own: a variant without a threat serves as the control of all.
const BARS: [u32; 3] = [70, 80, 90];
/// Bytes of the text that a verdict keeps as its evidence.
pub(super) const EVIDENCE_BYTES_MAX: usize = 240;

/// Which bar applies: one for all variants, or one by an axis's value.
#[derive(Debug)]
pub(super) struct Bar {
    name: String,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Fixed(f64),
    ByAxis { axis: String, bars: Map<String, Value> },
}

/// A report as it was read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) extraction: Extraction,
    pub(super) bar: Option<f64>,
    /// Who read it.
    by: &'static str,
}

/// The rules, as a verdict names who read a report.
pub(super) const RULES: &str = "rules";
/// A judge.
pub(super) const JUDGE: &str = "judge";

// === impl Bar ===

impl Bar {
    /// The parameters that it takes.
    pub(super) const PARAMETERS: [&'static str; 3] = ["bar", "bar_axis", "bars"];

    /// Reads either `bar = 80`, or `bar_axis = "stratum"` with `bars = { factual-80 = 80, ... }`.
    pub(super) fn of(name: &str, parameters: &Parameters) -> Result<Self, ScorerError> {
        let rule = match (parameters.number("bar")?, parameters.numbers("bars")?) {
            (Some(bar), None) => Rule::Fixed(bar),
            (None, Some(bars)) => Rule::ByAxis { axis: parameters.text("bar_axis")?, bars },
            (Some(_), Some(_)) => return Err(parameters.wrong("bars", "can't be given beside `bar`")),
            (None, None) => return Err(parameters.wrong("bar", "is missing, and so is `bars`")),
        };
        Ok(Self { name: name.to_owned(), rule })
    }

    /// The bar of an episode's variant.
    pub(super) fn at(&self, evidence: &Evidence<'_>) -> Result<f64, ScoreError> {
        match &self.rule {
            Rule::Fixed(bar) => Ok(*bar),
            Rule::ByAxis { axis, bars } => {
                let value = evidence.variant.value(axis).unwrap_or_default();
                bars.get(value).and_then(Value::as_f64).ok_or_else(|| ScoreError::Unsuitable {
                    name: self.name.clone(),
                    problem: format!("its `bars` have none for `{value}` of the axis `{axis}`"),
                })
            }
        }
    }
}

// === impl Reading ===

impl Reading {
    /// Reads the average of a review.
    pub(super) fn of_score(evidence: &Evidence<'_>, bar: f64) -> Self {
        let extraction = evidence.extraction(Self::asked_for_score(evidence, bar));
        Self { extraction, bar: Some(bar), by: RULES }
    }

    /// What a judge took down stands in place of this, as far as it was asked.
    pub(super) fn or_as_read(self, readings: &Readings) -> Self {
        match &readings.report {
            Some(read) => Self { extraction: read.clone(), by: JUDGE, ..self },
            None => self,
        }
    }

    /// What a judge is asked, if the rules are unsure.
    pub(super) fn question(&self, evidence: &Evidence<'_>) -> Option<Question> {
        let asked = self.bar.map_or(Asked::Grade, |bar| Self::asked_for_score(evidence, bar));
        (!self.extraction.is_sure()).then(|| Question::about(evidence.pieces(), Matter::Report(asked)))
    }

    /// What a review was to say.
    fn asked_for_score(evidence: &Evidence<'_>, bar: f64) -> Asked {
        let sheets = evidence.before.sheets().map_or(&[][..], Sheets::sheets);
        let rows = sheets
            .iter()
            .filter(|sheet| Sheet::evidence(sheet))
            .map(|sheet| sheet.rows().len())
            .sum::<usize>();
        let items = u32::try_from(rows).ok().filter(|rows| *rows > 0);
        Asked::Score { threshold: Some(bar), items }
    }

    /// Reads the grade of a finance report.
    pub(super) fn of_grade(evidence: &Evidence<'_>) -> Self {
        Self { extraction: evidence.extraction(Asked::Grade), bar: None, by: RULES }
    }

    /// Whether the report says that the bar is met; nothing where it does not say, or no rule is sure.
    pub(super) fn passes(&self) -> Option<bool> {
        self.extraction
            .is_sure()
            .then(|| self.extraction.answer.passes(self.bar.unwrap_or_default()))
            .flatten()
    }

    /// What it says, as a verdict keeps it.
    pub(super) fn facts(&self, facts: &mut Map<String, Value>) {
        let answer = &self.extraction.answer;
        facts.insert("outcome".to_owned(), answer.word().into());
        facts.insert("by".to_owned(), self.by.into());
        if let Confidence::Unsure(why) = self.extraction.confidence {
            facts.insert("unsure".to_owned(), why.into());
        }
        if let Some(score) = answer.score() {
            facts.insert("score".to_owned(), json!(score));
        }
        if let Answer::Grade { grade, recommendation } = answer {
            facts.insert("grade".to_owned(), grade.letter().into());
            facts.insert(
                "recommendation".to_owned(),
                recommendation.map(crate::extraction::Recommendation::word).into(),
            );
        }
        if let Some(bar) = self.bar {
            facts.insert("bar".to_owned(), json!(bar));
            for bar in BARS.into_iter().filter(|_| self.extraction.is_sure()) {
                let passes = answer.score().map(|score| score >= f64::from(bar));
                facts.insert(format!("passes_{bar}"), passes.into());
            }
        }
        let evidence = crate::extraction::excerpt(&self.extraction.evidence, EVIDENCE_BYTES_MAX);
        facts.insert("evidence".to_owned(), evidence.into());
    }
}
