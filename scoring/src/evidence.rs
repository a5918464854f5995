//! What scorers look at: an episode that was replayed.

use muster_episode::{Episode, JobPlan, Message, ToolCall, VariantKey, World};
use serde_json::Value;

use crate::extraction::{Piece, Place};

/// An episode's beginning, course and end.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The world before the first turn.
    pub before: &'a World,
    /// The world after the last.
    pub after: &'a World,
    /// The conversation, tool results included.
    pub messages: &'a [Message],
    /// The scenario and its axes' values.
    pub variant: &'a VariantKey,
}

/// The tool that ends a task: to call it is not to do the job.
const END_TASK: &str = "end_task";

// === impl Evidence ===

impl<'a> Evidence<'a> {
    /// Of a replayed episode.
    #[must_use]
    pub fn of(episode: &'a Episode) -> Self {
        let job = episode.plan();
        Self {
            before: job.world0(),
            after: episode.world(),
            messages: episode.messages(),
            variant: job.variant(),
        }
    }

    /// Of a job in which nothing was done: what a scenario's scorers must be able to score before it is run.
    #[must_use]
    pub fn untouched(job: &'a JobPlan) -> Self {
        Self { before: job.world0(), after: job.world0(), messages: &[], variant: job.variant() }
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
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for reply in self.replies() {
            if !reply.text.is_empty() {
                pieces.push(Piece { place: Place::Said, text: reply.text.clone() });
            }
            pieces.extend(reply.tool_calls.iter().filter_map(written));
        }
        pieces
    }

    /// Everything that the model said, thought, and wrote into arguments.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.replies().flat_map(|reply| {
            let arguments = reply.tool_calls.iter().map(|call| all_texts(&call.arguments));
            [reply.text.clone(), reply.reasoning.clone()].into_iter().chain(arguments)
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
