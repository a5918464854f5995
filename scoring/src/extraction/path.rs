//! Which rule gave an answer: where errors come from is told by the rule, not by the report.

use super::{Answer, Confidence, Extraction};

/// The rule that gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// A form's or a table's own line: `Average score: 60/100`.
    FormLine,
    /// A sentence with words for the average or for the whole, and digits.
    AverageSentence,
    /// A sentence with a word for scores alone.
    ScoreSentence,
    /// A sentence that corrects another, or says that its figure is the one on record.
    RecordSentence,
    /// What is filed without a word for scores.
    Filed,
    /// The result that a count of right answers makes.
    Counted,
    /// The report's number that its closing message repeats.
    Closing,
    /// The one that a later piece puts in the place of an earlier one.
    Revision,
    /// The only number that could be the score.
    LoneNumber,
    /// The mean of all items.
    Items,
    /// Words about the bar.
    BarWords,
    /// Words of somebody who declines.
    Refusal,
    /// Nothing is said.
    Nothing,
    /// Nothing is said but of work to come.
    OnlyWork,
    /// A grade under its own name.
    GradeLine,
    /// A grade in a sentence.
    GradeSentence,
    /// A letter that stands alone.
    LoneLetter,
}

/// What was read, and by which rule.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) extraction: Extraction,
    /// None where it is unsure.
    pub(super) path: Option<Path>,
}

// === impl Reading ===

impl Reading {
    pub(super) fn sure(path: Path, answer: Answer, evidence: &str) -> Self {
        let extraction = Extraction { answer, confidence: Confidence::Sure, evidence: evidence.to_owned() };
        Self { extraction, path: Some(path) }
    }

    pub(super) fn unsure(answer: Answer, why: &'static str, evidence: &str) -> Self {
        let confidence = Confidence::Unsure(why);
        Self { extraction: Extraction { answer, confidence, evidence: evidence.to_owned() }, path: None }
    }

    /// The same answer, and why it can't be relied on.
    pub(super) fn doubted(self, why: &'static str) -> Self {
        Self::unsure(self.extraction.answer, why, &self.extraction.evidence)
    }
}

impl std::ops::Deref for Reading {
    type Target = Extraction;

    fn deref(&self) -> &Extraction {
        &self.extraction
    }
}
