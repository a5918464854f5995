//! Reading an answer of Gemini's generateContent.

use std::sync::Arc;

use muster_episode::{Reply, StopReason, TokenUsage, ToolCall};
use serde_json::value::RawValue;

use super::answer::{self, list_or_empty, object, object_or_empty};
use super::{AnswerError, text};

/// What begins the id of a call that the model gave none. No provider's id has a blank in it.
const MADE_UP: &str = "no id ";

/// The longest name of an answer that is taken into the ids made up for its calls.
const MAX_RESPONSE_ID_CHARS: usize = 64;

/// What an answer's parts say.
#[derive(Default)]
struct Said {
    text: String,
    reasoning: String,
    calls: Vec<ToolCall>,
}

/// Whether an id was made up here: then it is not for the provider.
pub(super) fn is_made_up(id: &str) -> bool {
    id.is_empty() || id.starts_with(MADE_UP)
}

/// Read an answer.
pub(super) fn read(answer: &[u8], dialect: &Arc<str>) -> Result<Reply, AnswerError> {
    let [error, candidates, feedback, usage, model, id] = answer::whole(
        answer,
        ["error", "candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"],
    )?;
    answer::refuse_error(error)?;
    let candidates = list_or_empty(candidates, "candidates is no list")?;
    let candidate = candidates.first().map(|candidate| {
        object(candidate, ["content", "finishReason"])
            .ok_or(AnswerError::Shape("the first candidate is no object"))
    });
    let [blocked] = object_or_empty(feedback, ["blockReason"]);
    let [content, reason] = match candidate {
        Some(candidate) => candidate?,
        None if blocked.is_some() => [None, None],
        None => return Err(AnswerError::Shape("neither candidates nor a reason for there being none")),
    };
    if content.is_none() && reason.is_none() && blocked.is_none() {
        return Err(AnswerError::Shape("a candidate with neither content nor a reason to stop"));
    }
    let said = said(content, &text::label(id, MAX_RESPONSE_ID_CHARS))?;
    let stop = if blocked.is_some() { StopReason::Refusal } else { stop(reason, &said.calls) };
    Ok(Reply {
        raw: content.map(answer::copy).unwrap_or_default(),
        dialect: Arc::clone(dialect),
        text: said.text,
        reasoning: said.reasoning,
        tool_calls: said.calls,
        stop,
        tokens: tokens(usage),
        served_model: answer::label(model),
        fingerprint: String::new(),
    })
}

fn said(content: Option<&RawValue>, response_id: &str) -> Result<Said, AnswerError> {
    let mut said = Said::default();
    let Some(content) = content else { return Ok(said) };
    let [role, parts] =
        object(content, ["role", "parts"]).ok_or(AnswerError::Shape("the content is no object"))?;
    if role.is_some_and(|role| text::string(role).as_deref() != Some("model")) {
        return Err(AnswerError::Shape("the content is not the model's"));
    }
    for part in list_or_empty(parts, "parts is no list")? {
        said.hear(part, response_id)?;
    }
    Ok(said)
}

/// "STOP" is said of calls too.
fn stop(reason: Option<&RawValue>, calls: &[ToolCall]) -> StopReason {
    match text::string_or_empty(reason).as_str() {
        "MAX_TOKENS" | "CONTINUATION" => StopReason::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "ESCALATION"
        | "MODEL_ARMOR" => StopReason::Refusal,
        "STOP" | "" if !calls.is_empty() => StopReason::ToolCalls,
        "STOP" | "" => StopReason::End,
        // MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, MISSING_THOUGHT_SIGNATURE, LANGUAGE, OTHER, ...
        _ => StopReason::Other,
    }
}

/// Thoughts are counted apart from what was said, and paid for like it; what a tool of Google's own read comes on top of
/// the prompt. Usage that can't be read is no reason to throw a paid answer away.
fn tokens(usage: Option<&RawValue>) -> TokenUsage {
    let [prompt, by_tools, cached, candidates, thoughts] = object_or_empty(
        usage,
        [
            "promptTokenCount",
            "toolUsePromptTokenCount",
            "cachedContentTokenCount",
            "candidatesTokenCount",
            "thoughtsTokenCount",
        ],
    );
    let reasoning = text::count(thoughts);
    answer::coherent(TokenUsage {
        input: text::count(prompt).saturating_add(text::count(by_tools)),
        cached_input: text::count(cached),
        cache_write: 0,
        output: text::count(candidates).saturating_add(reasoning),
        reasoning,
    })
}

// === impl Said ===

impl Said {
    /// A part of an unknown kind says nothing here, and goes back all the same.
    fn hear(&mut self, part: &RawValue, response_id: &str) -> Result<(), AnswerError> {
        let [said, thought, call] = object(part, ["text", "thought", "functionCall"])
            .ok_or(AnswerError::Shape("a part of the content is no object"))?;
        let is_thought = thought.is_some_and(|thought| thought.get() == "true");
        let heard = if is_thought { &mut self.reasoning } else { &mut self.text };
        heard.push_str(&text::string_or_empty(said));
        match call {
            Some(call) => {
                let call = tool_call(call, response_id, self.calls.len());
                answer::push_call(&mut self.calls, call)
            }
            None => Ok(()),
        }
    }
}

/// A call of any shape is kept: an unknown tool, to be told so, rather than an answer thrown away.
fn tool_call(call: &RawValue, response_id: &str, place: usize) -> ToolCall {
    let made_up = || format!("{MADE_UP}{response_id}-{place}");
    let Some([id, name, args]) = object(call, ["id", "name", "args"]) else {
        return ToolCall { id: made_up(), name: String::new(), arguments: call.get().to_owned() };
    };
    let id = Some(text::string_or_empty(id)).filter(|id| !is_made_up(id));
    ToolCall {
        id: id.unwrap_or_else(made_up),
        name: text::string_or_empty(name),
        arguments: answer::arguments(args),
    }
}
