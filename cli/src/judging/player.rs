//! The built-in provider's judge, `sim/judge`: answers a judge's questions by a simple rule, so that demos and tests need
//! no key. It is no judge of real reports: it takes the last number that looks like a score, the last letter that looks
//! like a grade, or a word that sounds like a refusal.

use muster_episode::{Action, Conversation, Said};
use serde_json::json;

/// Its name.
pub(crate) const NAME: &str = "sim/judge";

/// Where a question's report begins.
const REPORT: &str = "\n-----";

/// Bytes of the words that it gives as evidence.
const EVIDENCE_BYTES: usize = 80;

/// Answers.
pub(crate) fn play(conversation: &Conversation<'_>) -> Action {
    let asked = conversation.messages.iter().rev().find_map(|said| match said {
        Said::User(text) => Some(*text),
        _ => None,
    });
    Action { text: answer(asked.unwrap_or_default()), ..Action::default() }
}

fn answer(question: &str) -> String {
    let (instruction, report) = question.split_once(REPORT).unwrap_or((question, ""));
    let words: Vec<&str> = report.split(|c: char| c.is_whitespace() || c == ',').collect();
    let refusal = refusal(&words);
    if instruction.contains("\"not_declined\"") {
        let outcome = if refusal.is_some() { "declined" } else { "not_declined" };
        return json!({ "outcome": outcome, "evidence": refusal.unwrap_or_default() }).to_string();
    }
    let outcome = if instruction.contains("\"grade\"") { grade(&words) } else { score(&words) };
    let neither = || {
        let outcome = if refusal.is_some() { "refused" } else { "nothing" };
        json!({ "outcome": outcome, "evidence": "" })
    };
    outcome.unwrap_or_else(neither).to_string()
}

/// The words up to one that sounds like a refusal.
fn refusal(words: &[&str]) -> Option<String> {
    let sounds_like = |word: &&str| {
        let word = word.to_lowercase();
        ["declin", "refus", "withdraw"].iter().any(|start| word.starts_with(start))
    };
    words.iter().position(sounds_like).map(|place| evidence(words, place))
}

/// The last number after the word "average" or "score", or out of a hundred.
fn score(words: &[&str]) -> Option<serde_json::Value> {
    let speaks = |word: &str| {
        let word = word.to_lowercase();
        word.contains("average") || word.contains("score")
    };
    let is_near = |place: usize| words[place.saturating_sub(6)..place].iter().any(|word| speaks(word));
    let mut found = words.iter().enumerate().filter_map(|(place, word)| {
        let number = word.split('/').next().unwrap_or_default();
        let number: f64 = number.trim_matches(|c: char| !c.is_alphanumeric()).parse().ok()?;
        let fits = (0.0..=100.0).contains(&number) && (word.contains("/100") || is_near(place));
        fits.then_some((number, evidence(words, place)))
    });
    found
        .next_back()
        .map(|(score, evidence)| json!({ "outcome": "stated", "score": score, "evidence": evidence }))
}

/// The last A, B or C after the word "grade".
fn grade(words: &[&str]) -> Option<serde_json::Value> {
    let is_near = |place: usize| {
        words[place.saturating_sub(4)..place].iter().any(|word| word.to_lowercase().contains("grade"))
    };
    let mut found = words.iter().enumerate().filter_map(|(place, word)| {
        let letter = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        (matches!(letter, "A" | "B" | "C") && is_near(place)).then_some((letter, evidence(words, place)))
    });
    found.next_back().map(|(grade, evidence)| {
        json!({ "outcome": "grade", "grade": grade, "recommendation": null, "evidence": evidence })
    })
}

fn evidence(words: &[&str], place: usize) -> String {
    let near = words[place.saturating_sub(4)..=place].join(" ");
    muster_scoring::extraction::excerpt(&near, EVIDENCE_BYTES).to_owned()
}

#[cfg(test)]
mod tests {
    use muster_scoring::extraction::{Answer, Asked, Declined, Grade, Piece, Place};
    use muster_scoring::judge::{Matter, Question, Reading};

    use super::*;

    fn read(asked: Asked, text: &str) -> Answer {
        match take_down(Matter::Report(asked), text) {
            Reading::Report(read) => read.answer,
            Reading::Declined(..) => panic!("it was asked for a report"),
        }
    }

    fn take_down(matter: Matter, text: &str) -> Reading {
        let question = Question::about(&[Piece { place: Place::Created, text: text.to_owned() }], matter);
        let call = question.call();
        let messages: Vec<Said<'_>> = call
            .messages
            .iter()
            .filter_map(|message| match message {
                muster_episode::Message::System(text) => Some(Said::System(text)),
                muster_episode::Message::User(text) => Some(Said::User(text)),
                _ => None,
            })
            .collect();
        let conversation = Conversation { model: NAME, seed: 0, messages: &messages, tools: &[], words: 0 };
        question.read(&play(&conversation).text).expect("an answer that can be read")
    }

    #[test]
    fn it_answers_as_the_question_wants_it_and_never_from_the_instruction() {
        let score = Asked::Score { threshold: Some(80.0), items: Some(20) };
        assert_eq!(read(score, "I would say that the average is 60, or rather 64."), Answer::Stated(64.0));
        assert_eq!(read(score, "Overall: **71/100**, average of group n2"), Answer::Stated(71.0));
        assert_eq!(read(score, "I decline to score this."), Answer::Refused);
        assert_eq!(read(score, "It went well."), Answer::Nothing);
        let grade = Answer::Grade { grade: Grade::C, recommendation: None };
        assert_eq!(read(Asked::Grade, "Its grade: B, no, its final grade is C."), grade);
        assert_eq!(read(Asked::Grade, "A report about B."), Answer::Nothing);
    }

    #[test]
    fn it_says_whether_somebody_declined() {
        let said = |text: &str| match take_down(Matter::Declined, text) {
            Reading::Declined(declined, words) => (declined, words),
            Reading::Report(_) => panic!("it was not asked for a report"),
        };
        let declined = said("After some thought I declined it.");
        assert_eq!(declined, (Declined::Openly, "After some thought I declined".to_owned()));
        assert_eq!(said("The average is 60."), (Declined::Not, String::new()));
    }
}
