//! OpenAI Chat Completions, and every server that speaks it: vLLM, llama.cpp, DeepSeek, Together, OpenRouter, ...

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use muster_episode::{Call, Message, Reply, ToolCall, ToolSpec};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    AnswerError, ChatProfile, Conversation, Dialect, DialectConfig, EncodeError, LimitField, OPENAI_CHAT,
    openai_answer,
};
use crate::account::OutputLimitField;

/// Fields that `extra_body` may not set: they are the job's identity, or would change what an answer looks like.
const RESERVED: &[&str] = &["model", "messages", "tools", "functions", "stream", "n"];

/// The dialect, for one model.
#[derive(Debug, Clone)]
pub struct OpenAiChat {
    model: String,
    output_limit_field: OutputLimitField,
    name: Arc<str>,
}

/// Fields of the sweep's author, by name.
type Extra<'a> = BTreeMap<String, &'a RawValue>;

// === impl OpenAiChat ===

impl OpenAiChat {
    /// The dialect for a model, by the provider's own name of it.
    #[must_use]
    pub fn new(model: impl Into<String>, output_limit_field: OutputLimitField) -> Self {
        Self { model: model.into(), output_limit_field, name: Arc::from(OPENAI_CHAT) }
    }

    pub(super) fn of(config: DialectConfig) -> Self {
        let usual = match config.profile {
            ChatProfile::OpenAi | ChatProfile::Azure => LimitField::MaxCompletionTokens,
            _ => LimitField::MaxTokens,
        };
        let output_limit_field = match config.quirks.limit_field.unwrap_or(usual) {
            LimitField::MaxTokens => OutputLimitField::MaxTokens,
            LimitField::MaxCompletionTokens => OutputLimitField::MaxCompletionTokens,
        };
        Self::new(config.model, output_limit_field)
    }

    fn begin(&self, conversation: &mut Conversation, call: &Call<'_>) -> Result<(), EncodeError> {
        let mut head = b"{\"model\":".to_vec();
        json(&mut head, &self.model);
        head.extend_from_slice(b",\"messages\":[");
        conversation.begin(head, self.tail(call)?);
        Ok(())
    }

    fn tail(&self, call: &Call<'_>) -> Result<Vec<u8>, EncodeError> {
        let extra = extra(&call.sampling.extra_body)?;
        let mut tail = b"]".to_vec();
        if !call.tools.is_empty() {
            tools(&mut tail, call.tools)?;
            field(&mut tail, &extra, "tool_choice", "auto");
        }
        if !extra.contains_key("max_tokens") && !extra.contains_key("max_completion_tokens") {
            let name = self.output_limit_field.name();
            field(&mut tail, &extra, name, call.sampling.max_output_tokens);
        }
        field(&mut tail, &extra, "seed", call.seed);
        for (name, value) in [("temperature", call.sampling.temperature), ("top_p", call.sampling.top_p)] {
            if let Some(value) = value {
                field(&mut tail, &extra, name, value);
            }
        }
        for (name, value) in &extra {
            field(&mut tail, &Extra::new(), name, value);
        }
        tail.push(b'}');
        Ok(tail)
    }
}

impl Dialect for OpenAiChat {
    fn name(&self) -> &'static str {
        OPENAI_CHAT
    }

    fn path(&self) -> &str {
        "/chat/completions"
    }

    fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &[]
    }

    fn encode(&self, conversation: &mut Conversation, call: &Call<'_>) -> Result<Bytes, EncodeError> {
        // A conversation that has shrunk is another one: it began anew.
        if !conversation.is_begun() || conversation.messages() > call.messages.len() {
            self.begin(conversation, call)?;
        }
        for message in &call.messages[conversation.messages()..] {
            conversation.append(|out| write_message(out, message))?;
        }
        Ok(conversation.body())
    }

    fn decode(&self, answer: &[u8]) -> Result<Reply, AnswerError> {
        openai_answer::read(answer, &self.name)
    }
}

impl OutputLimitField {
    fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

fn write_message(out: &mut Vec<u8>, message: &Message) -> Result<(), EncodeError> {
    match message {
        Message::System(text) => said(out, "system", text),
        Message::User(text) => said(out, "user", text),
        Message::Assistant(reply) => return assistant(out, reply),
        Message::Tool(result) => {
            out.extend_from_slice(b"{\"role\":\"tool\",\"tool_call_id\":");
            json(out, &result.call_id);
            out.extend_from_slice(b",\"content\":");
            json(out, &result.content);
            out.push(b'}');
        }
    }
    Ok(())
}

fn said(out: &mut Vec<u8>, role: &str, text: &str) {
    out.extend_from_slice(b"{\"role\":\"");
    out.extend_from_slice(role.as_bytes());
    out.extend_from_slice(b"\",\"content\":");
    json(out, text);
    out.push(b'}');
}

/// Verbatim, as received. A reply that no provider gave (a scenario's own) has nothing to be verbatim to, and is built.
fn assistant(out: &mut Vec<u8>, reply: &Reply) -> Result<(), EncodeError> {
    if reply.raw.is_empty() {
        built(out, reply);
        return Ok(());
    }
    if &*reply.dialect != OPENAI_CHAT {
        return Err(EncodeError::Foreign { begun: reply.dialect.to_string(), wanted: OPENAI_CHAT });
    }
    out.extend_from_slice(&reply.raw);
    Ok(())
}

fn built(out: &mut Vec<u8>, reply: &Reply) {
    out.extend_from_slice(b"{\"role\":\"assistant\",\"content\":");
    json(out, &reply.text);
    if !reply.tool_calls.is_empty() {
        out.extend_from_slice(b",\"tool_calls\":[");
        separated(out, &reply.tool_calls, built_call);
        out.push(b']');
    }
    out.push(b'}');
}

fn built_call(out: &mut Vec<u8>, call: &ToolCall) {
    out.extend_from_slice(b"{\"id\":");
    json(out, &call.id);
    out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
    json(out, &call.name);
    out.extend_from_slice(b",\"arguments\":");
    json(out, &call.arguments);
    out.extend_from_slice(b"}}");
}

fn tools(out: &mut Vec<u8>, tools: &[ToolSpec]) -> Result<(), EncodeError> {
    for tool in tools {
        serde_json::from_str::<&RawValue>(&tool.parameters)
            .map_err(|error| EncodeError::Tool { name: tool.name.to_string(), problem: error.to_string() })?;
    }
    out.extend_from_slice(b",\"tools\":[");
    separated(out, tools, tool);
    out.push(b']');
    Ok(())
}

fn tool(out: &mut Vec<u8>, tool: &ToolSpec) {
    out.extend_from_slice(b"{\"type\":\"function\",\"function\":{\"name\":");
    json(out, &*tool.name);
    out.extend_from_slice(b",\"description\":");
    json(out, &*tool.description);
    out.extend_from_slice(b",\"parameters\":");
    out.extend_from_slice(tool.parameters.as_bytes());
    out.extend_from_slice(b"}}");
}

fn separated<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
}

/// A field, unless the sweep's author set it.
fn field(out: &mut Vec<u8>, extra: &Extra<'_>, name: &str, value: impl Serialize) {
    if extra.contains_key(name) {
        return;
    }
    out.push(b',');
    json(out, name);
    out.push(b':');
    json(out, &value);
}

/// Append a value as JSON. Strings, numbers and raw JSON into memory: neither side of it can fail.
fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    if serde_json::to_writer(&mut *out, value).is_err() {
        let _ = out.write_all(b"null");
    }
}

fn extra(text: &str) -> Result<Extra<'_>, EncodeError> {
    if text.trim().is_empty() {
        return Ok(Extra::new());
    }
    let extra: Extra<'_> = serde_json::from_str(text)
        .map_err(|error| EncodeError::ExtraBody(format!("must be a JSON object: {error}")))?;
    match RESERVED.iter().find(|name| extra.contains_key(**name)) {
        Some(name) => Err(EncodeError::ExtraBody(format!("may not set {name:?}"))),
        None => Ok(extra),
    }
}
