//! Reading an answer of OpenAI Responses.

use std::sync::Arc;

use muster_episode::{Reply, StopReason, TokenUsage, ToolCall};
use serde_json::value::RawValue;

use super::answer::{self, list_or_empty, object, object_or_empty};
use super::{AnswerError, text};

/// Errors inside an answer that say what OpenAI thinks of the model's task: a refusal, not trouble.
const REFUSALS: &[&str] = &["bio_policy", "misalignment_policy_violation", "image_content_policy_violation"];

/// What an answer's items say.
#[derive(Default)]
struct Said {
    text: String,
    refusal: String,
    reasoning: String,
    calls: Vec<ToolCall>,
}

/// Read an answer.
pub(super) fn read(answer: &[u8], dialect: &Arc<str>) -> Result<Reply, AnswerError> {
    let [error, status, incomplete, output, usage, model] =
        answer::whole(answer, ["error", "status", "incomplete_details", "output", "usage", "model"])?;
    let refused = refused(error);
    if !refused {
        answer::refuse_error(error)?;
    }
    if output.is_none() && status.is_none() {
        return Err(AnswerError::Shape("neither an output nor a status"));
    }
    let said = said(output)?;
    let stop = if refused { StopReason::Refusal } else { stop(status, incomplete, &said)? };
    Ok(Reply {
        raw: output.map(answer::copy).unwrap_or_default(),
        dialect: Arc::clone(dialect),
        text: if said.text.is_empty() { said.refusal } else { said.text },
        reasoning: said.reasoning,
        tool_calls: said.calls,
        stop,
        tokens: tokens(usage),
        served_model: answer::label(model),
        fingerprint: String::new(),
    })
}

fn refused(error: Option<&RawValue>) -> bool {
    let [code] = object_or_empty(error, ["code"]);
    REFUSALS.contains(&text::string_or_empty(code).as_str())
}

fn said(output: Option<&RawValue>) -> Result<Said, AnswerError> {
    let mut said = Said::default();
    for item in list_or_empty(output, "the output is no list")? {
        said.hear(item)?;
    }
    Ok(said)
}

fn stop(
    status: Option<&RawValue>,
    incomplete: Option<&RawValue>,
    said: &Said,
) -> Result<StopReason, AnswerError> {
    let [reason] = object_or_empty(incomplete, ["reason"]);
    match (text::string_or_empty(status).as_str(), text::string_or_empty(reason).as_str()) {
        ("failed", _) => Err(AnswerError::Shape("it failed without an error")),
        ("queued" | "in_progress", _) => Err(AnswerError::Shape("it is not complete yet")),
        ("cancelled", _) => Err(AnswerError::BrokenOff),
        ("incomplete", "max_output_tokens" | "max_tokens") => Ok(StopReason::Length),
        ("incomplete", "content_filter") => Ok(StopReason::Refusal),
        ("incomplete", _) => Ok(StopReason::Other),
        _ if !said.refusal.is_empty() => Ok(StopReason::Refusal),
        _ if !said.calls.is_empty() => Ok(StopReason::ToolCalls),
        _ => Ok(StopReason::End),
    }
}

/// Usage that can't be read is no reason to throw a paid answer away.
fn tokens(usage: Option<&RawValue>) -> TokenUsage {
    let [input, output, input_details, output_details] = object_or_empty(
        usage,
        ["input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"],
    );
    let [cached, written] = object_or_empty(input_details, ["cached_tokens", "cache_write_tokens"]);
    let [reasoning] = object_or_empty(output_details, ["reasoning_tokens"]);
    answer::coherent(TokenUsage {
        input: text::count(input),
        cached_input: text::count(cached),
        cache_write: text::count(written),
        output: text::count(output),
        reasoning: text::count(reasoning),
    })
}

// === impl Said ===

impl Said {
    /// An item of an unknown kind says nothing here, and goes back all the same.
    fn hear(&mut self, item: &RawValue) -> Result<(), AnswerError> {
        let [kind, content, summary, call_id, name, arguments] =
            object(item, ["type", "content", "summary", "call_id", "name", "arguments"])
                .ok_or(AnswerError::Shape("an item of the output is no object"))?;
        match text::string_or_empty(kind).as_str() {
            "message" => self.hear_message(content),
            "reasoning" => {
                self.hear_reasoning([summary, content]);
                Ok(())
            }
            "function_call" => {
                let arguments =
                    arguments.map(|raw| text::string(raw).unwrap_or_else(|| raw.get().to_owned()));
                let call = ToolCall {
                    id: text::string_or_empty(call_id),
                    name: text::string_or_empty(name),
                    arguments: arguments.unwrap_or_default(),
                };
                answer::push_call(&mut self.calls, call)
            }
            _ => Ok(()),
        }
    }

    fn hear_message(&mut self, content: Option<&RawValue>) -> Result<(), AnswerError> {
        if let Some(said) = content.and_then(text::string) {
            self.text.push_str(&said);
            return Ok(());
        }
        for part in list_or_empty(content, "a message's content is no list")? {
            let [said, refusal] = object(part, ["text", "refusal"])
                .ok_or(AnswerError::Shape("a part of a message is no object"))?;
            self.text.push_str(&text::string_or_empty(said));
            self.refusal.push_str(&text::string_or_empty(refusal));
        }
        Ok(())
    }

    fn hear_reasoning(&mut self, places: [Option<&RawValue>; 2]) {
        let parts = places.into_iter().flat_map(|place| list_or_empty(place, "").unwrap_or_default());
        for part in parts {
            let [said] = object_or_empty(Some(part), ["text"]);
            if !self.reasoning.is_empty() {
                self.reasoning.push_str("\n\n");
            }
            self.reasoning.push_str(&text::string_or_empty(said));
        }
    }
}
