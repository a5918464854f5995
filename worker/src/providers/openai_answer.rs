//! Reading an OpenAI Chat answer, from OpenAI or anyone who claims to speak so. Every byte of it is hostile: the values of
//! interest are taken as raw slices first, which reads any depth of nesting without recursion, and only then as text.

use std::sync::Arc;

use bytes::Bytes;
use muster_episode::{Reply, StopReason, TokenUsage, ToolCall};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{AnswerError, text};

/// No model asks for so many tools at once in earnest; each becomes three strings, so 3 MiB of `0,` must not become
/// two million of them.
const MAX_TOOL_CALLS: usize = 1_024;

/// The longest name of a model or a system that is kept.
const MAX_LABEL_CHARS: usize = 256;

#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    system_fingerprint: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AssistantMessage<'a> {
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    /// OpenRouter, Together and newer vLLM.
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    /// DeepSeek, Moonshot, Z.ai and older vLLM.
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AskedCall<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    function: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AskedFunction<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Usage<'a> {
    #[serde(borrow)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens_details: Option<&'a RawValue>,
    /// DeepSeek's word for cached tokens.
    #[serde(borrow)]
    prompt_cache_hit_tokens: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct UsageDetails<'a> {
    #[serde(borrow)]
    cached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_tokens: Option<&'a RawValue>,
}

/// Read an answer.
pub(super) fn read(answer: &[u8], dialect: &Arc<str>) -> Result<Reply, AnswerError> {
    let completion = completion(answer)?;
    if let Some(error) = completion.error {
        return Err(error_of(error));
    }
    let choice = first_choice(completion.choices)?;
    if let Some(error) = choice.error {
        return Err(error_of(error));
    }
    let raw = choice.message.ok_or(AnswerError::Shape("the first choice has no message"))?;
    let message = object::<AssistantMessage<'_>>(raw, "the message is no object")?;
    if message.role.is_some_and(|role| text::string(role).as_deref() != Some("assistant")) {
        return Err(AnswerError::Shape("the message is not the assistant's"));
    }
    let (said, refusal) = said(&message)?;
    let tool_calls = tool_calls(message.tool_calls)?;
    let stop = stop(choice.finish_reason, &tool_calls, &refusal)?;
    Ok(Reply {
        // A copy of its own: a slice would keep the whole answer's buffer alive for as long as the episode.
        raw: Bytes::copy_from_slice(raw.get().as_bytes()),
        dialect: Arc::clone(dialect),
        text: if said.is_empty() { refusal } else { said },
        reasoning: reasoning(&message),
        tool_calls,
        stop,
        tokens: tokens(completion.usage),
        served_model: text::label(completion.model, MAX_LABEL_CHARS),
        fingerprint: text::label(completion.system_fingerprint, MAX_LABEL_CHARS),
    })
}

fn completion(answer: &[u8]) -> Result<Completion<'_>, AnswerError> {
    if answer.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(listed_error(answer));
    }
    serde_json::from_slice(answer).map_err(|error| fault(answer, &error))
}

/// Some servers put their error into a list of one.
fn listed_error(answer: &[u8]) -> AnswerError {
    match serde_json::from_slice::<Vec<Completion<'_>>>(answer) {
        Ok(items) => match items.first().and_then(|item| item.error) {
            Some(error) => error_of(error),
            None => AnswerError::Shape("a list instead of a completion"),
        },
        Err(error) => fault(answer, &error),
    }
}

fn fault(answer: &[u8], error: &serde_json::Error) -> AnswerError {
    match error.classify() {
        serde_json::error::Category::Eof => AnswerError::Cut(answer.len()),
        serde_json::error::Category::Data => AnswerError::Shape("not a completion object"),
        _ => AnswerError::NotJson(answer.len()),
    }
}

fn error_of(error: &RawValue) -> AnswerError {
    AnswerError::Error(Bytes::copy_from_slice(error.get().as_bytes()))
}

fn object<'a, T: Deserialize<'a>>(raw: &'a RawValue, problem: &'static str) -> Result<T, AnswerError> {
    if !raw.get().starts_with('{') {
        return Err(AnswerError::Shape(problem));
    }
    serde_json::from_str(raw.get()).map_err(|_| AnswerError::Shape(problem))
}

fn list<'a>(raw: &'a RawValue, problem: &'static str) -> Result<Vec<&'a RawValue>, AnswerError> {
    serde_json::from_str(raw.get()).map_err(|_| AnswerError::Shape(problem))
}

fn first_choice(choices: Option<&RawValue>) -> Result<Choice<'_>, AnswerError> {
    let choices = choices.ok_or(AnswerError::Shape("no choices"))?;
    match list(choices, "choices is no list")?.first() {
        Some(first) => object(first, "the first choice is no object"),
        None => Err(AnswerError::Shape("an empty list of choices")),
    }
}

/// What was said, and what was said in refusal.
fn said(message: &AssistantMessage<'_>) -> Result<(String, String), AnswerError> {
    let refusal = text::string_or_empty(message.refusal);
    let Some(content) = message.content else { return Ok((String::new(), refusal)) };
    if let Some(said) = text::string(content) {
        return Ok((said, refusal));
    }
    let (mut said, mut refusal) = (String::new(), refusal);
    for part in list(content, "content is neither text nor a list of parts")? {
        let part = object::<Part<'_>>(part, "a part of the content is no object")?;
        said.push_str(&text::string_or_empty(part.text));
        refusal.push_str(&text::string_or_empty(part.refusal));
    }
    Ok((said, refusal))
}

fn reasoning(message: &AssistantMessage<'_>) -> String {
    let new = text::string_or_empty(message.reasoning);
    if new.is_empty() { text::string_or_empty(message.reasoning_content) } else { new }
}

fn tool_calls(raw: Option<&RawValue>) -> Result<Vec<ToolCall>, AnswerError> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let asked = list(raw, "tool_calls is no list")?;
    if asked.len() > MAX_TOOL_CALLS {
        return Err(AnswerError::Shape("more than 1,024 tool calls"));
    }
    Ok(asked.into_iter().map(tool_call).collect())
}

/// A call of any shape is kept: an unknown tool, to be told so, rather than an answer thrown away.
fn tool_call(raw: &RawValue) -> ToolCall {
    let unreadable = || ToolCall { id: String::new(), name: String::new(), arguments: raw.get().to_owned() };
    let Ok(call) = object::<AskedCall<'_>>(raw, "") else { return unreadable() };
    let id = text::string_or_empty(call.id);
    let Some(function) = call.function.and_then(|raw| object::<AskedFunction<'_>>(raw, "").ok()) else {
        return ToolCall { id, ..unreadable() };
    };
    // Some local servers send the arguments as an object instead of its text.
    let arguments = function.arguments.map(|raw| text::string(raw).unwrap_or_else(|| raw.get().to_owned()));
    ToolCall { id, name: text::string_or_empty(function.name), arguments: arguments.unwrap_or_default() }
}

fn stop(
    reason: Option<&RawValue>,
    tool_calls: &[ToolCall],
    refusal: &str,
) -> Result<StopReason, AnswerError> {
    let stop = match text::string_or_empty(reason).as_str() {
        "length" => StopReason::Length,
        "content_filter" => StopReason::Refusal,
        "insufficient_system_resource" => return Err(AnswerError::BrokenOff),
        _ if !refusal.is_empty() => StopReason::Refusal,
        // Not every server has a word of its own for it.
        _ if !tool_calls.is_empty() => StopReason::ToolCalls,
        "stop" | "tool_calls" | "function_call" | "" => StopReason::End,
        _ => StopReason::Other,
    };
    Ok(stop)
}

/// Usage that can't be read is no reason to throw a paid answer away.
fn tokens(usage: Option<&RawValue>) -> TokenUsage {
    let usage: Usage<'_> = readable(usage);
    let input: UsageDetails<'_> = readable(usage.prompt_tokens_details);
    let output: UsageDetails<'_> = readable(usage.completion_tokens_details);
    TokenUsage {
        input: text::count(usage.prompt_tokens),
        cached_input: text::count(input.cached_tokens.or(usage.prompt_cache_hit_tokens)),
        cache_write: 0,
        output: text::count(usage.completion_tokens),
        reasoning: text::count(output.reasoning_tokens),
    }
}

fn readable<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| object(raw, "").ok()).unwrap_or_default()
}
