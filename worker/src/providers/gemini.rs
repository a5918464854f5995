//! Gemini's generateContent, in the version that has the preview models. A model's content goes back verbatim, each
//! part with its signature where it was received: one that is missing, moved or merged is refused.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use muster_episode::{Call, Message, Reply, ToolCall, ToolResult, ToolSpec};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::body::{self, Tail};
use super::conversation::Envelope;
use super::gemini_answer as answer;
use super::{AnswerError, Conversation, Dialect, DialectConfig, EncodeError, GEMINI, Thinking, foreign};

/// Fields that `extra_body` may not set.
const RESERVED: &[&str] = &[
    "model",
    "contents",
    "systemInstruction",
    "system_instruction",
    "tools",
    "generation_config",
    "cachedContent",
];

/// Nor these, within `generationConfig`.
const RESERVED_GENERATION: &[&str] = &["candidateCount", "maxOutputTokens", "max_output_tokens"];

/// What the tools called in one turn answer is one content.
const TOOLS: Envelope = Envelope { opening: "{\"role\":\"user\",\"parts\":[", closing: "]}" };

/// The dialect, for one model.
#[derive(Debug, Clone)]
pub(super) struct Gemini {
    config: DialectConfig,
    name: Arc<str>,
    path: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declarations<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    description: &'a str,
    parameters_json_schema: &'a RawValue,
}

#[derive(Serialize)]
struct Content<'a> {
    role: &'static str,
    parts: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answered<'a> {
    function_response: FunctionResponse<'a>,
}

#[derive(Serialize)]
struct FunctionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Response<'a> {
    Output(Answer<'a>),
    Error(Answer<'a>),
}

/// What a tool answered: JSON as it is, other text as a string.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

// === impl Gemini ===

impl Gemini {
    pub(super) fn new(config: DialectConfig) -> Self {
        let path = format!("/{}:generateContent", resource(&config.model));
        Self { config, name: Arc::from(GEMINI), path }
    }

    fn begin(&self, call: &Call<'_>) -> Result<(Vec<u8>, Vec<u8>), EncodeError> {
        Ok((b"{\"contents\":[".to_vec(), self.tail(call)?))
    }

    fn tail(&self, call: &Call<'_>) -> Result<Vec<u8>, EncodeError> {
        self.refuse_foreign_quirks()?;
        let mut tail = Tail::begin(call, RESERVED)?;
        tail.set_some(
            "systemInstruction",
            body::system(call).map(|text| json!({ "parts": [{ "text": text }] })),
        );
        if !call.tools.is_empty() {
            let declarations = call.tools.iter().map(declaration).collect::<Result<Vec<_>, _>>()?;
            tail.set("tools", [Declarations { function_declarations: declarations }]);
            let auto = json!({ "functionCallingConfig": { "mode": "AUTO" } });
            tail.set_some("toolConfig", (!self.config.quirks.no_tool_choice).then_some(auto));
        }
        let author = body::object(tail.author("generationConfig"));
        if let Some(name) = RESERVED_GENERATION.iter().find(|name| author.contains_key(**name)) {
            return Err(EncodeError::ExtraBody(format!("may not set \"{name}\"")));
        }
        tail.merge("generationConfig", &self.generation(call))?;
        Ok(tail.end())
    }

    fn refuse_foreign_quirks(&self) -> Result<(), EncodeError> {
        let quirks = &self.config.quirks;
        let foreign = [
            (!quirks.providers.is_empty(), "provider-NAME"),
            (quirks.limit_field.is_some(), "max-tokens-field or max-completion-tokens-field"),
            (quirks.interleaved_thinking, "interleaved-thinking"),
            (quirks.no_parallel_tools, "no-parallel-tools"),
            (quirks.effort == Some("max"), "effort-max"),
        ];
        body::refuse_quirks(&foreign, GEMINI)
    }

    fn generation(&self, call: &Call<'_>) -> Map<String, Value> {
        let (quirks, sampling) = (&self.config.quirks, call.sampling);
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("maxOutputTokens", sampling.max_output_tokens.into());
        // A signed number of 32 bits there; ours keeps all of its 32, but for the sign.
        if !quirks.no_seed {
            set("seed", (call.seed & 0x7fff_ffff).into());
        }
        if let Some(temperature) = sampling.temperature.filter(|_| !quirks.no_temperature) {
            set("temperature", temperature.into());
        }
        if let Some(top_p) = sampling.top_p.filter(|_| !quirks.no_top_p) {
            set("topP", top_p.into());
        }
        let thinking = self.thinking();
        if !thinking.is_empty() {
            set("thinkingConfig", thinking.into());
        }
        fields
    }

    fn thinking(&self) -> Map<String, Value> {
        let quirks = &self.config.quirks;
        let off = quirks.thinking == Some(Thinking::Disabled) || quirks.effort == Some("none");
        let how_much = match quirks.effort {
            // No level is "none"; a level and a budget together are refused.
            _ if off => Some(("thinkingBudget", 0.into())),
            Some(effort) => Some(("thinkingLevel", effort.to_ascii_uppercase().into())),
            None => None,
        };
        let shown = (quirks.thinking == Some(Thinking::Enabled)).then(|| ("includeThoughts", true.into()));
        how_much.into_iter().chain(shown).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Dialect for Gemini {
    fn name(&self) -> &'static str {
        GEMINI
    }

    fn path(&self) -> &str {
        &self.path
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

/// The path of a model's resource. A tuned model's name has its own collection in it.
fn resource(model: &str) -> String {
    let collection =
        if model.starts_with("models/") || model.starts_with("tunedModels/") { "" } else { "models/" };
    let mut path = collection.to_owned();
    for byte in model.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/@!$'()*+,;=".contains(&byte);
        if plain { path.push(byte.into()) } else { path.push_str(&format!("%{byte:02X}")) }
    }
    path
}

fn declaration(tool: &ToolSpec) -> Result<Declaration<'_>, EncodeError> {
    let ToolSpec { name, description, .. } = tool;
    Ok(Declaration { name, description, parameters_json_schema: body::parameters(tool)? })
}

fn write(conversation: &mut Conversation, call: &Call<'_>, place: usize) -> Result<(), EncodeError> {
    match &call.messages[place] {
        // Beside the contents.
        Message::System(_) if place == 0 => Ok(()),
        Message::System(text) | Message::User(text) => conversation.append(|out| {
            body::json(out, &Content { role: "user", parts: [Text { text }] });
            Ok(())
        }),
        Message::Assistant(reply) => conversation.append(|out| assistant(out, reply)),
        Message::Tool(result) => {
            conversation.join(TOOLS, |out| body::json(out, &answered(result)));
            Ok(())
        }
    }
}

/// The id is given back where the model gave one.
fn answered(result: &ToolResult) -> Answered<'_> {
    let answer = match serde_json::from_str(&result.content) {
        Ok(json) => Answer::Json(json),
        Err(_) => Answer::Text(&result.content),
    };
    let response = if result.is_error { Response::Error(answer) } else { Response::Output(answer) };
    let id = Some(&*result.call_id).filter(|id| !answer::is_made_up(id));
    Answered { function_response: FunctionResponse { id, name: &result.name, response } }
}

/// The content, verbatim. What no provider gave is built.
fn assistant(out: &mut Vec<u8>, reply: &Reply) -> Result<(), EncodeError> {
    if reply.raw.is_empty() {
        built(out, reply);
        return Ok(());
    }
    foreign(reply, GEMINI)?;
    out.extend_from_slice(&reply.raw);
    Ok(())
}

fn built(out: &mut Vec<u8>, reply: &Reply) {
    out.extend_from_slice(b"{\"role\":\"model\",\"parts\":[");
    body::json(out, &Text { text: &reply.text });
    for call in &reply.tool_calls {
        out.push(b',');
        built_call(out, call);
    }
    out.extend_from_slice(b"]}");
}

fn built_call(out: &mut Vec<u8>, call: &ToolCall) {
    out.extend_from_slice(b"{\"functionCall\":{\"name\":");
    body::json(out, &call.name);
    if !answer::is_made_up(&call.id) {
        out.extend_from_slice(b",\"id\":");
        body::json(out, &call.id);
    }
    out.extend_from_slice(b",\"args\":");
    out.extend_from_slice(body::as_object(&call.arguments).as_bytes());
    out.extend_from_slice(b"}}");
}
