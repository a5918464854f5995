//! Anthropic Messages, in the version that still takes a temperature. What a tool answered is a part of the user's next
//! message here; the assistant's content goes back verbatim, with its signed thinking.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use muster_episode::{Call, Message, Reply, ToolCall, ToolResult, ToolSpec};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::anthropic_answer as answer;
use super::body::{self, Tail, separated};
use super::conversation::Envelope;
use super::{
    ANTHROPIC_MESSAGES, AnswerError, Conversation, Dialect, DialectConfig, EncodeError, LimitField, Thinking,
    foreign, text,
};

/// Later versions refuse a temperature, even at its default.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

/// Thinking between tool calls, for the 4.5 models.
const INTERLEAVED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-beta"), HeaderValue::from_static("interleaved-thinking-2025-05-14"));

/// Fields that `extra_body` may not set. Budgets stand on the bound of
/// output that the job states.
const RESERVED: &[&str] =
    &["model", "messages", "system", "tools", "stream", "max_tokens", "container", "mcp_servers"];

/// The least that a budget of thinking may be.
const MIN_THINKING_TOKENS: u32 = 1_024;

/// What the user says and what tools answer are blocks of one message.
const USER: Envelope = Envelope { opening: "{\"role\":\"user\",\"content\":[", closing: "]}" };

/// The dialect, for one model.
#[derive(Debug, Clone)]
pub(super) struct AnthropicMessages {
    config: DialectConfig,
    name: Arc<str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a RawValue,
}

#[derive(Serialize)]
struct Text<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct Answered<'a> {
    r#type: &'static str,
    tool_use_id: &'a str,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_error: Option<bool>,
}

// === impl AnthropicMessages ===

impl AnthropicMessages {
    pub(super) fn new(config: DialectConfig) -> Self {
        let interleaved = config.quirks.interleaved_thinking.then_some(INTERLEAVED);
        let headers = [VERSION].into_iter().chain(interleaved).collect();
        Self { config, name: Arc::from(ANTHROPIC_MESSAGES), headers }
    }

    fn begin(&self, call: &Call<'_>) -> Result<(Vec<u8>, Vec<u8>), EncodeError> {
        Ok((body::head(&self.config.model, "messages"), self.tail(call)?))
    }

    fn tail(&self, call: &Call<'_>) -> Result<Vec<u8>, EncodeError> {
        self.refuse_foreign_quirks()?;
        let quirks = &self.config.quirks;
        let mut tail = Tail::begin(call, RESERVED)?;
        tail.set_some("system", body::system(call));
        if !call.tools.is_empty() {
            tail.set("tools", call.tools.iter().map(tool).collect::<Result<Vec<_>, _>>()?);
            tail.set_some("tool_choice", self.tool_choice());
        }
        tail.set("max_tokens", call.sampling.max_output_tokens);
        let thinking = self.thinking(call)?;
        self.sampling(&mut tail, call, thinking.is_some());
        tail.set_some("thinking", thinking.or_else(|| self.no_thinking()));
        let effort = quirks.effort.filter(|effort| *effort != "none");
        tail.set_some("output_config", effort.map(|effort| json!({ "effort": effort })));
        Ok(tail.end())
    }

    fn refuse_foreign_quirks(&self) -> Result<(), EncodeError> {
        let quirks = &self.config.quirks;
        let foreign = [
            (!quirks.providers.is_empty(), "provider-NAME"),
            (quirks.limit_field == Some(LimitField::MaxCompletionTokens), "max-completion-tokens-field"),
            (quirks.effort == Some("minimal"), "effort-minimal"),
            (quirks.no_tool_choice && quirks.no_parallel_tools, "no-parallel-tools beside no-tool-choice"),
        ];
        body::refuse_quirks(&foreign, ANTHROPIC_MESSAGES)
    }

    fn tool_choice(&self) -> Option<Value> {
        let one = self.config.quirks.no_parallel_tools;
        let choice = if one {
            json!({ "type": "auto", "disable_parallel_tool_use": true })
        } else {
            json!({ "type": "auto" })
        };
        (!self.config.quirks.no_tool_choice).then_some(choice)
    }

    /// Half of the call's output, so that an answer is left room.
    fn thinking(&self, call: &Call<'_>) -> Result<Option<Value>, EncodeError> {
        if self.config.quirks.thinking != Some(Thinking::Enabled) {
            return Ok(None);
        }
        let limit = call.sampling.max_output_tokens;
        if limit <= MIN_THINKING_TOKENS {
            let problem = format!(
                "thinking-enabled needs more than {MIN_THINKING_TOKENS} output tokens a call; it has {limit}: raise max_output_tokens"
            );
            return Err(EncodeError::Quirk(problem));
        }
        let budget = (limit / 2).max(MIN_THINKING_TOKENS);
        Ok(Some(json!({ "type": "enabled", "budget_tokens": budget })))
    }

    fn no_thinking(&self) -> Option<Value> {
        let quirks = &self.config.quirks;
        let off = quirks.thinking == Some(Thinking::Disabled) || quirks.effort == Some("none");
        off.then(|| json!({ "type": "disabled" }))
    }

    /// A model that thinks takes no temperature but 1.
    fn sampling(&self, tail: &mut Tail<'_>, call: &Call<'_>, told_to_think: bool) {
        let author = body::object(tail.author("thinking"));
        let thinks = match author.get("type").and_then(|kind| text::string(kind)) {
            Some(kind) => kind != "disabled",
            None => told_to_think,
        };
        let quirks = &self.config.quirks;
        tail.set_some("temperature", call.sampling.temperature.filter(|_| !thinks && !quirks.no_temperature));
        tail.set_some("top_p", call.sampling.top_p.filter(|_| !thinks && !quirks.no_top_p));
    }
}

impl Dialect for AnthropicMessages {
    fn name(&self) -> &'static str {
        ANTHROPIC_MESSAGES
    }

    fn path(&self) -> &str {
        "/messages"
    }

    fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    fn encode(&self, conversation: &mut Conversation, call: &Call<'_>) -> Result<Bytes, EncodeError> {
        conversation.encode(call, || self.begin(call), |conversation, place| write(conversation, call, place))
    }

    fn decode(&self, answer: &[u8]) -> Result<Reply, AnswerError> {
        answer::read(answer, &self.name)
    }
}

fn tool(tool: &ToolSpec) -> Result<Tool<'_>, EncodeError> {
    let ToolSpec { name, description, .. } = tool;
    Ok(Tool { name, description, input_schema: body::parameters(tool)? })
}

fn write(conversation: &mut Conversation, call: &Call<'_>, place: usize) -> Result<(), EncodeError> {
    match &call.messages[place] {
        // Beside the messages.
        Message::System(_) if place == 0 => {}
        Message::System(text) | Message::User(text) => {
            conversation.join(USER, |out| body::json(out, &Text { r#type: "text", text }));
        }
        Message::Assistant(reply) => return conversation.append(|out| assistant(out, reply)),
        Message::Tool(result) => conversation.join(USER, |out| body::json(out, &answered(result))),
    }
    Ok(())
}

fn answered(result: &ToolResult) -> Answered<'_> {
    let ToolResult { call_id, content, is_error, .. } = result;
    Answered { r#type: "tool_result", tool_use_id: call_id, content, is_error: is_error.then_some(true) }
}

/// The content's list, verbatim. What no provider gave is built.
fn assistant(out: &mut Vec<u8>, reply: &Reply) -> Result<(), EncodeError> {
    out.extend_from_slice(b"{\"role\":\"assistant\",\"content\":");
    if reply.raw.is_empty() {
        built(out, reply);
    } else {
        foreign(reply, ANTHROPIC_MESSAGES)?;
        out.extend_from_slice(&reply.raw);
    }
    out.push(b'}');
    Ok(())
}

fn built(out: &mut Vec<u8>, reply: &Reply) {
    out.push(b'[');
    if !reply.text.is_empty() {
        body::json(out, &Text { r#type: "text", text: &reply.text });
        if !reply.tool_calls.is_empty() {
            out.push(b',');
        }
    }
    separated(out, &reply.tool_calls, built_call);
    out.push(b']');
}

fn built_call(out: &mut Vec<u8>, call: &ToolCall) {
    out.extend_from_slice(b"{\"type\":\"tool_use\",\"id\":");
    body::json(out, &call.id);
    out.extend_from_slice(b",\"name\":");
    body::json(out, &call.name);
    out.extend_from_slice(b",\"input\":");
    out.extend_from_slice(body::as_object(&call.arguments).as_bytes());
    out.push(b'}');
}
