//! OpenAI Responses. Nothing is stored at OpenAI: every request carries the whole conversation, with the reasoning that
//! the model gave, encrypted. An answer's items go back unchanged, each in its place: a tool call without the reasoning
//! before it is refused.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use muster_episode::{Call, Message, Reply, ToolCall, ToolResult, ToolSpec};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::body::{self, Tail, separated};
use super::openai_responses_answer as answer;
use super::{
    AnswerError, Conversation, Dialect, DialectConfig, EncodeError, LimitField, OPENAI_RESPONSES, foreign,
    text,
};

/// Fields that `extra_body` may not set. Those from `background` on would keep state at the provider. Budgets stand on the bound of
/// output that the job states.
const RESERVED: &[&str] = &[
    "model",
    "input",
    "instructions",
    "tools",
    "stream",
    "max_output_tokens",
    "background",
    "store",
    "previous_response_id",
    "conversation",
    "prompt",
    "context_management",
];

/// The dialect, for one model.
#[derive(Debug, Clone)]
pub(super) struct OpenAiResponses {
    config: DialectConfig,
    name: Arc<str>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a RawValue,
    /// Strict is the default here, and would rewrite the schema.
    strict: bool,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct Output<'a> {
    r#type: &'static str,
    call_id: &'a str,
    output: &'a str,
}

// === impl OpenAiResponses ===

impl OpenAiResponses {
    pub(super) fn new(config: DialectConfig) -> Self {
        Self { config, name: Arc::from(OPENAI_RESPONSES) }
    }

    fn begin(&self, call: &Call<'_>) -> Result<(Vec<u8>, Vec<u8>), EncodeError> {
        Ok((body::head(&self.config.model, "input"), self.tail(call)?))
    }

    fn tail(&self, call: &Call<'_>) -> Result<Vec<u8>, EncodeError> {
        self.refuse_foreign_quirks()?;
        let quirks = &self.config.quirks;
        let mut tail = Tail::begin(call, RESERVED)?;
        tail.set_some("instructions", body::system(call));
        if !call.tools.is_empty() {
            tail.set("tools", call.tools.iter().map(tool).collect::<Result<Vec<_>, _>>()?);
            tail.set_some("tool_choice", (!quirks.no_tool_choice).then_some("auto"));
            tail.set_some("parallel_tool_calls", quirks.no_parallel_tools.then_some(false));
        }
        tail.set("store", false);
        tail.set("include", ["reasoning.encrypted_content"]);
        tail.set("max_output_tokens", call.sampling.max_output_tokens);
        self.sampling(&mut tail, call);
        tail.set_some("reasoning", quirks.effort.map(|effort| json!({ "effort": effort })));
        Ok(tail.end())
    }

    fn refuse_foreign_quirks(&self) -> Result<(), EncodeError> {
        let quirks = &self.config.quirks;
        let foreign = [
            (quirks.interleaved_thinking, "interleaved-thinking"),
            (!quirks.providers.is_empty(), "provider-NAME"),
            (quirks.thinking.is_some(), "thinking-enabled or thinking-disabled (use effort-...)"),
            (quirks.limit_field == Some(LimitField::MaxTokens), "max-tokens-field"),
            (quirks.limit_field == Some(LimitField::MaxCompletionTokens), "max-completion-tokens-field"),
        ];
        body::refuse_quirks(&foreign, OPENAI_RESPONSES)
    }

    /// A model that reasons takes neither. One that was told no effort may reason by default: then its quirks say so.
    fn sampling(&self, tail: &mut Tail<'_>, call: &Call<'_>) {
        let reasons = self.effort(tail).is_some_and(|effort| effort != "none");
        let quirks = &self.config.quirks;
        tail.set_some(
            "temperature",
            call.sampling.temperature.filter(|_| !reasons && !quirks.no_temperature),
        );
        tail.set_some("top_p", call.sampling.top_p.filter(|_| !reasons && !quirks.no_top_p));
    }

    fn effort(&self, tail: &Tail<'_>) -> Option<String> {
        let author = body::object(tail.author("reasoning"));
        let author = author.get("effort").and_then(|effort| text::string(effort));
        author.or_else(|| self.config.quirks.effort.filter(|_| !tail.has("reasoning")).map(str::to_owned))
    }
}

impl Dialect for OpenAiResponses {
    fn name(&self) -> &'static str {
        OPENAI_RESPONSES
    }

    fn path(&self) -> &str {
        "/responses"
    }

    fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &[]
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
    Ok(Tool { r#type: "function", name, description, parameters: body::parameters(tool)?, strict: false })
}

fn write(conversation: &mut Conversation, call: &Call<'_>, place: usize) -> Result<(), EncodeError> {
    match &call.messages[place] {
        // In the instructions.
        Message::System(_) if place == 0 => Ok(()),
        Message::System(content) => said(conversation, "system", content),
        Message::User(content) => said(conversation, "user", content),
        Message::Assistant(reply) => assistant(conversation, reply),
        Message::Tool(ToolResult { call_id, content, .. }) => conversation.append(|out| {
            body::json(out, &Output { r#type: "function_call_output", call_id, output: content });
            Ok(())
        }),
    }
}

fn said(conversation: &mut Conversation, role: &'static str, content: &str) -> Result<(), EncodeError> {
    conversation.append(|out| {
        body::json(out, &Said { role, content });
        Ok(())
    })
}

/// The items of the answer's list, verbatim. What no provider gave is built.
fn assistant(conversation: &mut Conversation, reply: &Reply) -> Result<(), EncodeError> {
    if reply.raw.is_empty() {
        return built(conversation, reply);
    }
    foreign(reply, OPENAI_RESPONSES)?;
    let items = reply.raw.strip_prefix(b"[").and_then(|raw| raw.strip_suffix(b"]"));
    let items = items.unwrap_or(&reply.raw).trim_ascii();
    if items.is_empty() {
        return Ok(());
    }
    conversation.append(|out| {
        out.extend_from_slice(items);
        Ok(())
    })
}

fn built(conversation: &mut Conversation, reply: &Reply) -> Result<(), EncodeError> {
    if !reply.text.is_empty() {
        said(conversation, "assistant", &reply.text)?;
    }
    if reply.tool_calls.is_empty() {
        return Ok(());
    }
    conversation.append(|out| {
        separated(out, &reply.tool_calls, built_call);
        Ok(())
    })
}

fn built_call(out: &mut Vec<u8>, call: &ToolCall) {
    let ToolCall { id, name, arguments } = call;
    let call = json!({ "type": "function_call", "call_id": id, "name": name, "arguments": arguments });
    body::json(out, &call);
}
