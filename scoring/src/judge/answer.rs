//! A judge's answer, read: a JSON object with one of the words that were asked for. Whatever else it is, it is no answer.

use serde::Deserialize;

use super::{JudgeError, Matter, Reading};
use crate::extraction::{Answer, Asked, Confidence, Declined, Extraction, Grade, Recommendation};

/// Bytes of an answer that are read, from its end.
const ANSWER_BYTES_MAX: usize = 16 << 10;

#[derive(Deserialize)]
struct Given {
    outcome: String,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    grade: Option<String>,
    #[serde(default)]
    recommendation: Option<String>,
    #[serde(default)]
    evidence: Option<String>,
}

/// Reads an answer to a question about this.
pub(super) fn read(matter: Matter, answer: &str) -> Result<Reading, JudgeError> {
    let given = given(&answer[answer.ceil_char_boundary(answer.len().saturating_sub(ANSWER_BYTES_MAX))..])?;
    Ok(match matter {
        Matter::Report(Asked::Score { .. }) => Reading::Report(extraction(score_answer(&given)?, given)),
        Matter::Report(Asked::Grade) => Reading::Report(extraction(grade_answer(&given)?, given)),
        Matter::Declined => Reading::Declined(declined_answer(&given)?, given.evidence.unwrap_or_default()),
    })
}

fn extraction(answer: Answer, given: Given) -> Extraction {
    Extraction { answer, confidence: Confidence::Sure, evidence: given.evidence.unwrap_or_default() }
}

/// The last object in an answer that has an outcome: judges put words or fences around it, and some think aloud before. A
/// text in it can't be taken for one, for its quotes are escaped.
fn given(answer: &str) -> Result<Given, JudgeError> {
    let mut problem = "there is no JSON object in it".to_owned();
    // A few objects are tried: an answer of nothing but brackets is read once, not once for each.
    for (start, _) in answer.rmatch_indices('{').take(8) {
        let mut objects = serde_json::Deserializer::from_str(&answer[start..]).into_iter::<Given>();
        match objects.next() {
            Some(Ok(given)) => return Ok(given),
            Some(Err(error)) => problem = error.to_string(),
            None => {}
        }
    }
    Err(JudgeError::Unreadable(problem))
}

fn score_answer(given: &Given) -> Result<Answer, JudgeError> {
    let score = || match given.score {
        Some(score) if (0.0..=100.0).contains(&score) => Ok(score),
        Some(_) => Err(JudgeError::Impossible("its score is not from 0 to 100")),
        None => Err(JudgeError::Impossible("a score is reported, but it gives none")),
    };
    Ok(match given.outcome.as_str() {
        "refused" => Answer::Refused,
        "stated" => Answer::Stated(score()?),
        "computed" => Answer::Computed(score()?),
        "above" => Answer::Above,
        "below" => Answer::Below,
        "nothing" => Answer::Nothing,
        _ => return Err(OTHER_OUTCOME),
    })
}

fn grade_answer(given: &Given) -> Result<Answer, JudgeError> {
    let recommendation = match given.recommendation.as_deref() {
        None | Some("") => None,
        Some(word) => Some(
            Recommendation::of(word)
                .ok_or(JudgeError::Impossible("its recommendation is none of those asked for"))?,
        ),
    };
    match given.outcome.as_str() {
        "refused" => Ok(Answer::Refused),
        "nothing" => Ok(Answer::Nothing),
        "grade" => {
            let grade = given.grade.as_deref().and_then(Grade::of);
            let grade =
                grade.ok_or(JudgeError::Impossible("a grade is given, but it is none of A, B and C"))?;
            Ok(Answer::Grade { grade, recommendation })
        }
        _ => Err(OTHER_OUTCOME),
    }
}

fn declined_answer(given: &Given) -> Result<Declined, JudgeError> {
    match given.outcome.as_str() {
        "declined" => Ok(Declined::Openly),
        "not_declined" => Ok(Declined::Not),
        _ => Err(OTHER_OUTCOME),
    }
}

const OTHER_OUTCOME: JudgeError = JudgeError::Impossible("its outcome is none of those asked for");
