//! OpenAI Chat Completions, and every server that speaks it: Z.ai, Moonshot, DeepSeek, Together, OpenRouter, vLLM,
//! llama.cpp, ... What each wants otherwise is its profile's; what one of its models wants otherwise is a quirk.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use muster_episode::{Call, Message, Reply, ToolCall, ToolResult, ToolSpec};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::body::{self, Tail, separated};
use super::openai_chat_answer as answer;
use super::{
    AnswerError, ChatProfile, Conversation, Dialect, DialectConfig, EncodeError, LimitField, OPENAI_CHAT,
    Thinking, foreign, text,
};

/// Fields that `extra_body` may not set. Budgets stand on the bound of
/// output that the job states.
const RESERVED: &[&str] =
    &["model", "messages", "tools", "functions", "stream", "n", "max_tokens", "max_completion_tokens"];

/// The dialect, for one model.
#[derive(Debug, Clone)]
pub(super) struct OpenAiChat {
    config: DialectConfig,
    name: Arc<str>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a RawValue,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    content: &'a str,
}

// === impl OpenAiChat ===

impl OpenAiChat {
    pub(super) fn new(config: DialectConfig) -> Self {
        Self { config, name: Arc::from(OPENAI_CHAT) }
    }

    fn begin(&self, call: &Call<'_>) -> Result<(Vec<u8>, Vec<u8>), EncodeError> {
        Ok((body::head(&self.config.model, "messages"), self.tail(call)?))
    }

    fn tail(&self, call: &Call<'_>) -> Result<Vec<u8>, EncodeError> {
        self.refuse_foreign_quirks()?;
        let quirks = &self.config.quirks;
        let mut tail = Tail::begin(call, RESERVED)?;
        if !call.tools.is_empty() {
            tail.set("tools", call.tools.iter().map(tool).collect::<Result<Vec<_>, _>>()?);
            tail.set_some("tool_choice", (!quirks.no_tool_choice).then_some("auto"));
            tail.set_some("parallel_tool_calls", quirks.no_parallel_tools.then_some(false));
        }
        tail.set(self.limit_field(), call.sampling.max_output_tokens);
        tail.set_some("seed", self.has_seed().then_some(call.seed));
        self.sampling(&mut tail, call);
        self.reasoning(&mut tail)?;
        if self.config.profile == ChatProfile::OpenRouter {
            tail.merge("provider", &self.pinned())?;
        }
        Ok(tail.end())
    }

    fn refuse_foreign_quirks(&self) -> Result<(), EncodeError> {
        let Self { config: DialectConfig { profile, quirks, .. }, .. } = self;
        let refuse =
            |what: &str| Err(EncodeError::Quirk(format!("{what} is not for openai-chat of {profile}")));
        if quirks.interleaved_thinking {
            return refuse("interleaved-thinking");
        }
        if !quirks.providers.is_empty() && *profile != ChatProfile::OpenRouter {
            return refuse("provider-NAME");
        }
        if quirks.thinking.is_some() && matches!(profile, ChatProfile::OpenAi | ChatProfile::Azure) {
            return refuse("thinking-enabled or thinking-disabled (use effort-...)");
        }
        Ok(())
    }

    fn limit_field(&self) -> &'static str {
        let usual = match self.config.profile {
            ChatProfile::OpenAi | ChatProfile::Azure => LimitField::MaxCompletionTokens,
            _ => LimitField::MaxTokens,
        };
        match self.config.quirks.limit_field.unwrap_or(usual) {
            LimitField::MaxTokens => "max_tokens",
            LimitField::MaxCompletionTokens => "max_completion_tokens",
        }
    }

    /// Z.ai, Moonshot and DeepSeek document no seed.
    fn has_seed(&self) -> bool {
        let without =
            matches!(self.config.profile, ChatProfile::Zai | ChatProfile::Moonshot | ChatProfile::DeepSeek);
        !without && !self.config.quirks.no_seed
    }

    /// Moonshot's models have fixed ones and refuse any. OpenAI's take them only while they don't reason.
    fn sampling(&self, tail: &mut Tail<'_>, call: &Call<'_>) {
        let fixed = match self.config.profile {
            ChatProfile::Moonshot => true,
            ChatProfile::OpenAi | ChatProfile::Azure => {
                self.effort(tail).is_some_and(|effort| effort != "none")
            }
            _ => false,
        };
        let quirks = &self.config.quirks;
        tail.set_some("temperature", call.sampling.temperature.filter(|_| !fixed && !quirks.no_temperature));
        tail.set_some("top_p", call.sampling.top_p.filter(|_| !fixed && !quirks.no_top_p));
    }

    fn effort(&self, tail: &Tail<'_>) -> Option<String> {
        let author = tail.author("reasoning_effort").and_then(text::string);
        author.or_else(|| self.config.quirks.effort.map(str::to_owned))
    }

    fn reasoning(&self, tail: &mut Tail<'_>) -> Result<(), EncodeError> {
        let (thinking, effort) = (self.config.quirks.thinking, self.config.quirks.effort);
        let on = thinking.map(|thinking| thinking == Thinking::Enabled);
        match self.config.profile {
            ChatProfile::OpenRouter => {
                let on = on.map(|on| ("enabled", Value::from(on)));
                let effort = effort.map(|effort| ("effort", Value::from(effort)));
                return merge_some(tail, "reasoning", on.into_iter().chain(effort));
            }
            ChatProfile::Zai => tail.merge("thinking", &preserved_thinking(on.unwrap_or(true)))?,
            ChatProfile::Moonshot | ChatProfile::DeepSeek => {
                tail.set_some("thinking", on.map(|on| json!({ "type": switch(on) })));
            }
            ChatProfile::Together => merge_some(tail, "reasoning", on.map(|on| ("enabled", on.into())))?,
            ChatProfile::Compatible => {
                merge_some(tail, "chat_template_kwargs", on.map(|on| ("enable_thinking", on.into())))?;
            }
            ChatProfile::OpenAi | ChatProfile::Azure => {}
        }
        tail.set_some("reasoning_effort", effort);
        Ok(())
    }

    /// Without a pinned provider, two calls of one episode may be answered by two systems, one of them quantised.
    fn pinned(&self) -> Map<String, Value> {
        let order = Some(&self.config.quirks.providers).filter(|order| !order.is_empty());
        let order = order.map(|order| ("order", json!(order)));
        let strict = [("allow_fallbacks", Value::from(false)), ("require_parameters", Value::from(true))];
        map(order.into_iter().chain(strict))
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
        conversation.encode(
            call,
            || self.begin(call),
            |conversation, place| conversation.append(|out| write_message(out, &call.messages[place])),
        )
    }

    fn decode(&self, answer: &[u8]) -> Result<Reply, AnswerError> {
        answer::read(answer, &self.name)
    }

    fn cost_micro_usd(&self, answer: &[u8]) -> Option<u64> {
        (self.config.profile == ChatProfile::OpenRouter).then(|| answer::cost_micro_usd(answer)).flatten()
    }
}

fn switch(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

/// Z.ai drops the thinking of earlier turns unless it is told not to.
fn preserved_thinking(on: bool) -> Map<String, Value> {
    let kept = on.then(|| ("clear_thinking", Value::from(false)));
    map([("type", Value::from(switch(on)))].into_iter().chain(kept))
}

fn map(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn merge_some(
    tail: &mut Tail<'_>,
    name: &str,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<(), EncodeError> {
    let fields = map(fields);
    if fields.is_empty() { Ok(()) } else { tail.merge(name, &fields) }
}

fn tool(tool: &ToolSpec) -> Result<Tool<'_>, EncodeError> {
    let ToolSpec { name, description, .. } = tool;
    let function = Function { name, description, parameters: body::parameters(tool)? };
    Ok(Tool { r#type: "function", function })
}

fn write_message(out: &mut Vec<u8>, message: &Message) -> Result<(), EncodeError> {
    match message {
        Message::System(content) => body::json(out, &Said { role: "system", tool_call_id: None, content }),
        Message::User(content) => body::json(out, &Said { role: "user", tool_call_id: None, content }),
        Message::Assistant(reply) => return assistant(out, reply),
        Message::Tool(ToolResult { call_id, content, .. }) => {
            body::json(out, &Said { role: "tool", tool_call_id: Some(call_id), content });
        }
    }
    Ok(())
}

/// Verbatim, as received. A reply that no provider gave (a scenario's own) has nothing to be verbatim to, and is built.
fn assistant(out: &mut Vec<u8>, reply: &Reply) -> Result<(), EncodeError> {
    if reply.raw.is_empty() {
        built(out, reply);
        return Ok(());
    }
    foreign(reply, OPENAI_CHAT)?;
    out.extend_from_slice(&reply.raw);
    Ok(())
}

fn built(out: &mut Vec<u8>, reply: &Reply) {
    out.extend_from_slice(b"{\"role\":\"assistant\",\"content\":");
    body::json(out, &reply.text);
    if !reply.tool_calls.is_empty() {
        out.extend_from_slice(b",\"tool_calls\":[");
        separated(out, &reply.tool_calls, built_call);
        out.push(b']');
    }
    out.push(b'}');
}

fn built_call(out: &mut Vec<u8>, call: &ToolCall) {
    let ToolCall { id, name, arguments } = call;
    let function = json!({ "name": name, "arguments": arguments });
    body::json(out, &json!({ "id": id, "type": "function", "function": function }));
}
