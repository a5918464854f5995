//! Reading an answer of Anthropic Messages.

use std::sync::Arc;

use muster_episode::{Reply, StopReason, TokenUsage, ToolCall};
use serde_json::value::RawValue;

use super::answer::{self, list_or_empty, object, object_or_empty};
use super::{AnswerError, text};

/// What an answer's blocks say.
#[derive(Default)]
struct Said {
    text: String,
    reasoning: String,
    calls: Vec<ToolCall>,
}

/// Read an answer.
pub(super) fn read(answer: &[u8], dialect: &Arc<str>) -> Result<Reply, AnswerError> {
    let [error, role, content, reason, usage, model] =
        answer::whole(answer, ["error", "role", "content", "stop_reason", "usage", "model"])?;
    answer::refuse_error(error)?;
    if role.is_some_and(|role| text::string(role).as_deref() != Some("assistant")) {
        return Err(AnswerError::Shape("the message is not the assistant's"));
    }
    if content.is_none() && reason.is_none() {
        return Err(AnswerError::Shape("neither content nor a reason to stop"));
    }
    let mut said = Said::default();
    for block in list_or_empty(content, "the content is no list")? {
        said.hear(block)?;
    }
    Ok(Reply {
        raw: content.map(answer::copy).unwrap_or_default(),
        dialect: Arc::clone(dialect),
        stop: stop(reason, &said.calls),
        text: said.text,
        reasoning: said.reasoning,
        tool_calls: said.calls,
        tokens: tokens(usage),
        served_model: answer::label(model),
        fingerprint: String::new(),
    })
}

fn stop(reason: Option<&RawValue>, calls: &[ToolCall]) -> StopReason {
    match text::string_or_empty(reason).as_str() {
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "refusal" => StopReason::Refusal,
        // A turn of Anthropic's own tools, which are never offered.
        "pause_turn" => StopReason::Other,
        _ if !calls.is_empty() => StopReason::ToolCalls,
        "end_turn" | "stop_sequence" | "tool_use" | "" => StopReason::End,
        _ => StopReason::Other,
    }
}

/// What is counted as input is only what follows the last mark of the cache: the rest is counted apart. Usage that can't
/// be read is no reason to throw a paid answer away.
fn tokens(usage: Option<&RawValue>) -> TokenUsage {
    let [input, read, written, written_by_age, output, details] = object_or_empty(
        usage,
        [
            "input_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "cache_creation",
            "output_tokens",
            "output_tokens_details",
        ],
    );
    let [short, long] =
        object_or_empty(written_by_age, ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]);
    let [thinking] = object_or_empty(details, ["thinking_tokens"]);
    let by_age = || text::count(short).saturating_add(text::count(long));
    let cached_input = text::count(read);
    let cache_write = if written.is_some() { text::count(written) } else { by_age() };
    answer::coherent(TokenUsage {
        input: text::count(input).saturating_add(cached_input).saturating_add(cache_write),
        cached_input,
        cache_write,
        output: text::count(output),
        reasoning: text::count(thinking),
    })
}

// === impl Said ===

impl Said {
    /// A block of an unknown kind says nothing here, and goes back all the same; so does thinking that came encrypted.
    fn hear(&mut self, block: &RawValue) -> Result<(), AnswerError> {
        let [kind, said, thinking, id, name, input] =
            object(block, ["type", "text", "thinking", "id", "name", "input"])
                .ok_or(AnswerError::Shape("a block of the content is no object"))?;
        match text::string_or_empty(kind).as_str() {
            "text" => self.text.push_str(&text::string_or_empty(said)),
            "thinking" => self.think(&text::string_or_empty(thinking)),
            "tool_use" => {
                let (id, name) = (text::string_or_empty(id), text::string_or_empty(name));
                let call = ToolCall { id, name, arguments: answer::arguments(input) };
                return answer::push_call(&mut self.calls, call);
            }
            _ => {}
        }
        Ok(())
    }

    fn think(&mut self, thought: &str) {
        if !self.reasoning.is_empty() {
            self.reasoning.push_str("\n\n");
        }
        self.reasoning.push_str(thought);
    }
}
