//! Reading an OpenAI Chat answer, from OpenAI or anyone who claims to speak so.

use std::sync::Arc;

use muster_episode::{Reply, StopReason, TokenUsage, ToolCall};
use serde_json::value::RawValue;

use super::answer::{self, list, list_or_empty, object, object_or_empty};
use super::{AnswerError, text};

/// What a choice says of its end.
struct Ending<'a> {
    reason: Option<&'a RawValue>,
    /// OpenRouter's: the word of whoever answered, where its own has none for it.
    native: Option<&'a RawValue>,
}

/// Read an answer.
pub(super) fn read(answer: &[u8], dialect: &Arc<str>) -> Result<Reply, AnswerError> {
    let [error, choices, usage, model, system, provider] =
        answer::whole(answer, ["error", "choices", "usage", "model", "system_fingerprint", "provider"])?;
    answer::refuse_error(error)?;
    let [error, message, reason, native] = first_choice(choices)?;
    answer::refuse_error(error)?;
    let raw = message.ok_or(AnswerError::Shape("the first choice has no message"))?;
    let [role, content, refusal, reasoning, old_reasoning, calls] =
        object(raw, ["role", "content", "refusal", "reasoning", "reasoning_content", "tool_calls"])
            .ok_or(AnswerError::Shape("the message is no object"))?;
    if role.is_some_and(|role| text::string(role).as_deref() != Some("assistant")) {
        return Err(AnswerError::Shape("the message is not the assistant's"));
    }
    let (said, refusal) = said(content, refusal)?;
    let tool_calls = tool_calls(calls)?;
    let stop = stop(&Ending { reason, native }, &tool_calls, &refusal)?;
    Ok(Reply {
        raw: answer::copy(raw),
        dialect: Arc::clone(dialect),
        text: if said.is_empty() { refusal } else { said },
        // OpenRouter's, Together's and newer vLLM's name for it; then DeepSeek's, Moonshot's, Z.ai's and older vLLM's.
        reasoning: first_said([reasoning, old_reasoning]),
        tool_calls,
        stop,
        tokens: tokens(usage),
        served_model: answer::label(model),
        fingerprint: fingerprint(system, provider),
    })
}

/// What OpenRouter says that an answer cost, in millionths of a dollar, rounded up.
pub(super) fn cost_micro_usd(answer: &[u8]) -> Option<u64> {
    let [usage] = answer::whole(answer, ["usage"]).ok()?;
    let [cost] = object(usage?, ["cost"])?;
    let dollars: f64 = cost?.get().parse().ok()?;
    // `as` saturates; what is negative is no cost.
    (dollars.is_finite() && dollars >= 0.0).then(|| (dollars * 1e6).ceil() as u64)
}

fn first_choice(choices: Option<&RawValue>) -> Result<answer::Fields<'_, 4>, AnswerError> {
    let choices = choices.ok_or(AnswerError::Shape("no choices"))?;
    let choices = list(choices, "choices is no list")?;
    let first = choices.first().ok_or(AnswerError::Shape("an empty list of choices"))?;
    object(first, ["error", "message", "finish_reason", "native_finish_reason"])
        .ok_or(AnswerError::Shape("the first choice is no object"))
}

/// What was said, and what was said in refusal.
fn said(content: Option<&RawValue>, refusal: Option<&RawValue>) -> Result<(String, String), AnswerError> {
    let mut refusal = text::string_or_empty(refusal);
    let Some(content) = content else { return Ok((String::new(), refusal)) };
    if let Some(said) = text::string(content) {
        return Ok((said, refusal));
    }
    let mut said = String::new();
    for part in list(content, "content is neither text nor a list of parts")? {
        let [spoken, refused] = object(part, ["text", "refusal"])
            .ok_or(AnswerError::Shape("a part of the content is no object"))?;
        said.push_str(&text::string_or_empty(spoken));
        refusal.push_str(&text::string_or_empty(refused));
    }
    Ok((said, refusal))
}

fn first_said(values: [Option<&RawValue>; 2]) -> String {
    let mut said = values.into_iter().map(text::string_or_empty);
    said.find(|said| !said.is_empty()).unwrap_or_default()
}

fn tool_calls(raw: Option<&RawValue>) -> Result<Vec<ToolCall>, AnswerError> {
    let mut calls = Vec::new();
    for asked in list_or_empty(raw, "tool_calls is no list")? {
        answer::push_call(&mut calls, tool_call(asked))?;
    }
    Ok(calls)
}

/// A call of any shape is kept: an unknown tool, to be told so, rather than an answer thrown away.
fn tool_call(raw: &RawValue) -> ToolCall {
    let unreadable = || ToolCall { id: String::new(), name: String::new(), arguments: raw.get().to_owned() };
    let Some([id, function]) = object(raw, ["id", "function"]) else { return unreadable() };
    let id = text::string_or_empty(id);
    let Some([name, arguments]) = function.and_then(|raw| object(raw, ["name", "arguments"])) else {
        return ToolCall { id, ..unreadable() };
    };
    // Some local servers send the arguments as an object instead of its text.
    let arguments = arguments.map(|raw| text::string(raw).unwrap_or_else(|| raw.get().to_owned()));
    ToolCall { id, name: text::string_or_empty(name), arguments: arguments.unwrap_or_default() }
}

fn stop(ending: &Ending<'_>, tool_calls: &[ToolCall], refusal: &str) -> Result<StopReason, AnswerError> {
    let stop = match text::string_or_empty(ending.reason).as_str() {
        "length" | "model_context_window_exceeded" => StopReason::Length,
        // The second is Z.ai's.
        "content_filter" | "sensitive" => StopReason::Refusal,
        // DeepSeek's, Z.ai's, OpenRouter's.
        "insufficient_system_resource" | "network_error" | "error" => return Err(AnswerError::BrokenOff),
        _ if !refusal.is_empty() || refused_natively(ending.native) => StopReason::Refusal,
        // Not every server has a word of its own for it.
        _ if !tool_calls.is_empty() => StopReason::ToolCalls,
        "stop" | "tool_calls" | "function_call" | "" => StopReason::End,
        _ => StopReason::Other,
    };
    Ok(stop)
}

/// OpenRouter says "stop" of what Anthropic and Gemini have more telling words for.
fn refused_natively(native: Option<&RawValue>) -> bool {
    matches!(
        text::string_or_empty(native).as_str(),
        "refusal" | "SAFETY" | "PROHIBITED_CONTENT" | "BLOCKLIST"
    )
}

/// Usage that can't be read is no reason to throw a paid answer away.
fn tokens(usage: Option<&RawValue>) -> TokenUsage {
    let [prompt, completion, total, prompt_details, completion_details, hits, cached] = object_or_empty(
        usage,
        [
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "prompt_tokens_details",
            "completion_tokens_details",
            // DeepSeek's word for cached tokens.
            "prompt_cache_hit_tokens",
            // Moonshot's.
            "cached_tokens",
        ],
    );
    let [cached_input, cache_write] =
        object_or_empty(prompt_details, ["cached_tokens", "cache_write_tokens"]);
    let [reasoning] = object_or_empty(completion_details, ["reasoning_tokens"]);
    let (input, reasoning) = (text::count(prompt), text::count(reasoning));
    answer::coherent(TokenUsage {
        input,
        cached_input: text::count(cached_input.or(hits).or(cached)),
        cache_write: text::count(cache_write),
        output: output(input, text::count(completion), reasoning, text::count(total)),
        reasoning,
    })
}

/// Reasoning is a part of the completion, except where a server's own total says that it comes on top.
fn output(input: u64, completion: u64, reasoning: u64, total: u64) -> u64 {
    let with_reasoning = completion.saturating_add(reasoning);
    if total > 0 && total == input.saturating_add(with_reasoning) { with_reasoning } else { completion }
}

/// A provider's name (OpenRouter's: who answered), and its word for the system.
fn fingerprint(system: Option<&RawValue>, provider: Option<&RawValue>) -> String {
    let names = [answer::label(provider), answer::label(system)];
    names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
}
