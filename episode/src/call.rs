//! What passes between an episode and a model, in no provider's dialect. A worker's dialect turns a [`Call`] into one
//! provider's request and that provider's answer into a [`Reply`].

use std::sync::Arc;

use bytes::Bytes;

/// One model call that an episode wants made. Borrowed from the episode: nothing is copied for it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The conversation so far. It only ever grows at its end, so a dialect may keep what it has encoded of it.
    pub messages: &'a [Message],
    /// The tools on offer; the same in every call of an episode.
    pub tools: &'a [ToolSpec],
    /// How to sample; the same in every call of an episode.
    pub sampling: &'a Sampling,
    /// The number for the provider's `seed`, where it has one.
    pub seed: u32,
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The system prompt: first, once.
    System(Arc<str>),
    /// What the user says.
    User(Arc<str>),
    /// What the model said.
    Assistant(Reply),
    /// What a tool answered.
    Tool(ToolResult),
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Its name, `[a-z_]+`.
    pub name: Arc<str>,
    /// What it does, for the model.
    pub description: Arc<str>,
    /// The JSON schema of its arguments object, as JSON text.
    pub parameters: Arc<str>,
}

/// How a model is to sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// None: the provider's default.
    pub temperature: Option<f64>,
    /// None: the provider's default.
    pub top_p: Option<f64>,
    /// The most tokens that one call may return.
    pub max_output_tokens: u32,
    /// Further fields of the request body, as the sweep's author gave them: a JSON object as text, or empty.
    pub extra_body: Arc<str>,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The provider's assistant message exactly as received, byte for byte: sent back verbatim in the next call.
    pub raw: Bytes,
    /// The dialect that `raw` is written in (`openai-chat`, ...).
    pub dialect: Arc<str>,
    /// What the model said, as text. Hostile data.
    pub text: String,
    /// What it said to itself, where the provider shows it. Hostile data.
    pub reasoning: String,
    /// The tool calls it asked for, in order. Hostile data.
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub stop: StopReason,
    /// What the call used.
    pub tokens: TokenUsage,
    /// The model that answered, by the provider's own word; empty if it gave none.
    pub served_model: String,
    /// The provider's fingerprint of the serving system; empty if it gave none.
    pub fingerprint: String,
}

/// One tool call of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The provider's id of it, which the result must carry.
    pub id: String,
    /// The tool's name as the model wrote it.
    pub name: String,
    /// The arguments as the model wrote them: meant to be a JSON object, but any text may stand here.
    pub arguments: String,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// The id of the call that it answers.
    pub call_id: String,
    /// The tool's name.
    pub name: String,
    /// The answer, as the model sees it (JSON text).
    pub content: String,
    /// Whether it is an error (unknown tool, bad arguments, no such file).
    pub is_error: bool,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// It was done.
    End,
    /// It wants tools called.
    ToolCalls,
    /// It ran into the token limit of the call.
    Length,
    /// The provider's filter, or the provider's own refusal, cut it off.
    Refusal,
    /// Something that this list has no word for.
    Other,
}

/// Tokens that one call used, as the provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenUsage {
    /// All tokens in, cached ones included.
    pub input: u64,
    /// Of these, read from a cache.
    pub cached_input: u64,
    /// Of these, written to a cache.
    pub cache_write: u64,
    /// All tokens out, reasoning included.
    pub output: u64,
    /// Of these, reasoning.
    pub reasoning: u64,
}

/// What the worker measured of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meter {
    /// From the first byte sent of the last try to the answer's last byte, in milliseconds.
    pub latency_ms: u64,
    /// HTTP requests made for this call, at least 1.
    pub tries: u32,
    /// Of these, answered "too many requests".
    pub rate_limited: u32,
    /// Cost in millionths of a dollar; none if the price is not known.
    pub cost_micro_usd: Option<u64>,
}
