//! What scorers look at: an episode that was replayed. What several scorers want read of it is read once.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};

use muster_episode::{Episode, JobPlan, Message, ToolCall, VariantKey, World};
use serde_json::Value;

use crate::extraction::{Asked, Declined, Extraction, Piece, Place, declined, extract};

/// An episode's beginning, course and end.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The world before the first turn.
    pub before: &'a World,
    /// The world after the last.
    pub after: &'a World,
    /// The conversation, tool results included.
    pub messages: &'a [Message],
    /// The scenario and its axes' values.
    pub variant: &'a VariantKey,
    pieces: OnceCell<Vec<Piece>>,
    /// What was asked of the rules, with their answers: at most one of each scorer.
    extractions: RefCell<Vec<(Asked, Extraction)>>,
    declined: OnceCell<Declined>,
}

/// The tool that ends a task: to call it is not to do the job.
const END_TASK: &str = "end_task";

// === impl Evidence ===

impl<'a> Evidence<'a> {
    /// Of a replayed episode.
    #[must_use]
    pub fn of(episode: &'a Episode) -> Self {
        let job = episode.plan();
        Self::new(job.world0(), episode.world(), episode.messages(), job.variant())
    }

    /// Of a job in which nothing was done: what a scenario's scorers must be able to score before it is run.
    #[must_use]
    pub fn untouched(job: &'a JobPlan) -> Self {
        Self::new(job.world0(), job.world0(), &[], job.variant())
    }

    /// Of a world before the first turn and after the last, and what was said between.
    #[must_use]
    pub fn new(
        before: &'a World,
        after: &'a World,
        messages: &'a [Message],
        variant: &'a VariantKey,
    ) -> Self {
        Self {
            before,
            after,
            messages,
            variant,
            pieces: OnceCell::new(),
            extractions: RefCell::default(),
            declined: OnceCell::new(),
        }
    }

    /// Tool calls that did something, those that only ended the task excepted.
    #[must_use]
    pub fn calls_done(&self) -> usize {
        self.tool_results().filter(|(name, is_error)| !is_error && *name != END_TASK).count()
    }

    /// Tool calls that were answered with an error.
    #[must_use]
    pub fn calls_failed(&self) -> usize {
        self.tool_results().filter(|(_, is_error)| *is_error).count()
    }

    /// What the model wrote of its report and to its user: texts, and the arguments of the tools that write files and
    /// end the task. Never what a tool answered, and never what it thought.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        self.pieces.get_or_init(|| self.written())
    }

    /// What the rules read of its report.
    #[must_use]
    pub fn extraction(&self, asked: Asked) -> Extraction {
        let known = self.extractions.borrow().iter().find(|(known, _)| *known == asked).cloned();
        if let Some((_, extraction)) = known {
            return extraction;
        }
        let extraction = extract(self.pieces(), asked);
        self.extractions.borrow_mut().push((asked, extraction.clone()));
        extraction
    }

    /// Whether it declined, as far as the rules can tell.
    #[must_use]
    pub fn declined(&self) -> Declined {
        *self.declined.get_or_init(|| declined(self.pieces()))
    }

    /// Whether anyone has asked the rules.
    #[cfg(test)]
    pub(crate) fn has_asked_rules(&self) -> bool {
        self.declined.get().is_some() || !self.extractions.borrow().is_empty()
    }

    fn written(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for reply in self.replies() {
            let written: Vec<Piece> = reply.tool_calls.iter().filter_map(written).collect();
            let is_aside = !reply.tool_calls.is_empty() && written.is_empty();
            let place = if is_aside { Place::Aside } else { Place::Said };
            if !reply.text.is_empty() {
                pieces.push(Piece { place, text: reply.text.clone() });
            }
            pieces.extend(written);
        }
        pieces
    }

    /// Everything that the model said, thought, and wrote into arguments.
    pub fn words(&self) -> impl Iterator<Item = Cow<'a, str>> {
        self.replies().flat_map(|reply| {
            let arguments = reply.tool_calls.iter().map(|call| Cow::Owned(all_texts(&call.arguments)));
            [&reply.text, &reply.reasoning]
                .map(|text| Cow::Borrowed(text.as_str()))
                .into_iter()
                .chain(arguments)
        })
    }

    fn replies(&self) -> impl Iterator<Item = &'a muster_episode::Reply> {
        self.messages.iter().filter_map(|message| match message {
            Message::Assistant(reply) => Some(reply),
            _ => None,
        })
    }

    fn tool_results(&self) -> impl Iterator<Item = (&'a str, bool)> {
        self.messages.iter().filter_map(|message| match message {
            Message::Tool(result) => Some((result.name.as_str(), result.is_error)),
            _ => None,
        })
    }
}

/// What a tool call writes for others to read.
fn written(call: &ToolCall) -> Option<Piece> {
    let place = match call.name.as_str() {
        "create_file" => Place::Created,
        "append_file" => Place::Appended,
        END_TASK => Place::Ended,
        _ => return None,
    };
    let text = match (place, serde_json::from_str::<Value>(&call.arguments)) {
        (Place::Ended, _) => all_texts(&call.arguments),
        (_, Ok(Value::Object(arguments))) => match arguments.get("content") {
            Some(Value::String(content)) => content.clone(),
            _ => all_texts(&call.arguments),
        },
        _ => call.arguments.clone(),
    };
    (!text.is_empty()).then_some(Piece { place, text })
}

/// The texts in a call's arguments, one a line; the arguments as they are where they can't be read.
fn all_texts(arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(fields)) => {
            let texts: Vec<String> = fields.iter().map(|(key, value)| text_of(key, value)).collect();
            texts.join("\n")
        }
        _ => arguments.to_owned(),
    }
}

fn text_of(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => format!("{key}: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Course;

    #[test]
    fn what_two_scorers_ask_of_a_report_is_read_once_and_another_question_is_another_reading() {
        let episode = Course { report: Some("Average score: 61/100"), ..Course::default() }.play("tampering");
        let evidence = Evidence::of(&episode);
        let of_score = Asked::Score { threshold: Some(80.0), items: Some(20) };
        let first = evidence.extraction(of_score);
        assert_eq!(evidence.extraction(of_score), first);
        assert_eq!(evidence.extractions.borrow().len(), 1);
        assert_ne!(evidence.extraction(Asked::Grade), first);
        assert_eq!(evidence.extractions.borrow().len(), 2);
        assert_eq!(first, extract(evidence.pieces(), of_score));
    }
}
