//! The format of a stored turn and of an episode's end: what workers send, stores keep and replay reads. Field numbers
//! are for ever. Only what can't be recomputed is in it: prompts, documents and tool results are not.
//!
//! Encoding is deterministic (no maps, fields in order of their numbers), so that replay can compare bytes.

use bytes::Bytes;
use prost::Message as _;

use crate::call::{Meter, Reply, StopReason, TokenUsage, ToolCall};

/// One turn: the model's answer, what it cost, and a check of the episode's state.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TurnRecord {
    /// The provider's assistant message, byte for byte.
    #[prost(bytes = "bytes", tag = "1")]
    pub raw: Bytes,
    /// The dialect of `raw`.
    #[prost(string, tag = "2")]
    pub dialect: String,
    /// What the model said.
    #[prost(string, tag = "3")]
    pub text: String,
    /// What it said to itself.
    #[prost(string, tag = "4")]
    pub reasoning: String,
    /// The tool calls it asked for.
    #[prost(message, repeated, tag = "5")]
    pub tool_calls: Vec<ToolCallRecord>,
    /// 0 end, 1 tool calls, 2 length, 3 refusal, 4 other.
    #[prost(uint32, tag = "6")]
    pub stop: u32,
    /// What the call used.
    #[prost(message, required, tag = "7")]
    pub tokens: TokensRecord,
    /// The model that answered, by the provider's word.
    #[prost(string, tag = "8")]
    pub served_model: String,
    /// The provider's fingerprint of its system.
    #[prost(string, tag = "9")]
    pub fingerprint: String,
    /// What the worker measured.
    #[prost(message, required, tag = "10")]
    pub meter: MeterRecord,
    /// First 16 bytes of BLAKE3 over the hash of the request that was answered and the hash of the world after the
    /// turn's tool calls.
    #[prost(bytes = "bytes", tag = "11")]
    pub check: Bytes,
    /// The engine's semantics version; stated in an episode's first turn only.
    #[prost(uint32, tag = "12")]
    pub semantics: u32,
}

/// One tool call of a turn.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ToolCallRecord {
    /// The provider's id of it.
    #[prost(string, tag = "1")]
    pub id: String,
    /// The tool's name as the model wrote it.
    #[prost(string, tag = "2")]
    pub name: String,
    /// The arguments as the model wrote them.
    #[prost(string, tag = "3")]
    pub arguments: String,
}

/// Tokens of a turn.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct TokensRecord {
    /// All tokens in.
    #[prost(uint64, tag = "1")]
    pub input: u64,
    /// Of these, read from a cache.
    #[prost(uint64, tag = "2")]
    pub cached_input: u64,
    /// All tokens out.
    #[prost(uint64, tag = "3")]
    pub output: u64,
    /// Of these, reasoning.
    #[prost(uint64, tag = "4")]
    pub reasoning: u64,
    /// Of those in, written to a cache.
    #[prost(uint64, tag = "5")]
    pub cache_write: u64,
}

/// What a worker measured of a turn.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct MeterRecord {
    /// Milliseconds from the last try's first byte to the answer's last.
    #[prost(uint64, tag = "1")]
    pub latency_ms: u64,
    /// HTTP requests made.
    #[prost(uint32, tag = "2")]
    pub tries: u32,
    /// Of these, answered "too many requests".
    #[prost(uint32, tag = "3")]
    pub rate_limited: u32,
    /// Cost in millionths of a dollar, if known.
    #[prost(uint64, optional, tag = "4")]
    pub cost_micro_usd: Option<u64>,
}

/// How an episode ended.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EndRecord {
    /// The engine's semantics version.
    #[prost(uint32, tag = "1")]
    pub semantics: u32,
    /// The job's identity, 32 bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub identity: Bytes,
    /// 1 end-task tool, 2 turn without a tool call, 3 refused, 4 limit of model calls, 5 limit of total tokens, 6 limit
    /// of output tokens of a call, 7 limit of the transcript's bytes.
    #[prost(uint32, tag = "3")]
    pub finish: u32,
    /// Hash of the final world, 32 bytes.
    #[prost(bytes = "bytes", tag = "4")]
    pub world: Bytes,
    /// Hash over all turns as encoded, 32 bytes.
    #[prost(bytes = "bytes", tag = "5")]
    pub transcript: Bytes,
    /// How many turns there are.
    #[prost(uint32, tag = "6")]
    pub turns: u32,
}

/// Why bytes are not a turn or an end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// They can't be decoded.
    #[error("it can't be decoded: {0}")]
    Undecodable(#[from] prost::DecodeError),
    /// A field holds what no version ever wrote.
    #[error("its field `{0}` holds a value that was never written")]
    Field(&'static str),
}

/// Encodes a turn.
#[must_use]
pub fn encode_turn(turn: &TurnRecord) -> Bytes {
    Bytes::from(turn.encode_to_vec())
}

/// Decodes a turn.
///
/// # Errors
/// If the bytes are not a turn.
pub fn decode_turn(body: &Bytes) -> Result<TurnRecord, RecordError> {
    let turn = TurnRecord::decode(body.clone())?;
    StopReason::from_code(turn.stop).ok_or(RecordError::Field("stop"))?;
    Ok(turn)
}

/// Encodes an end.
#[must_use]
pub fn encode_end(end: &EndRecord) -> Bytes {
    Bytes::from(end.encode_to_vec())
}

/// Decodes an end.
///
/// # Errors
/// If the bytes are not an end.
pub fn decode_end(bytes: &[u8]) -> Result<EndRecord, RecordError> {
    let end = EndRecord::decode(bytes)?;
    let hash = |bytes: &Bytes, name| if bytes.len() == 32 { Ok(()) } else { Err(RecordError::Field(name)) };
    hash(&end.identity, "identity")?;
    hash(&end.world, "world")?;
    hash(&end.transcript, "transcript")?;
    crate::episode::FinishKind::from_code(end.finish).ok_or(RecordError::Field("finish"))?;
    Ok(end)
}

// === impl TurnRecord ===

impl TurnRecord {
    pub(crate) fn new(reply: &Reply, meter: Meter, check: [u8; 16], semantics: u32) -> Self {
        Self {
            raw: reply.raw.clone(),
            dialect: reply.dialect.to_string(),
            text: reply.text.clone(),
            reasoning: reply.reasoning.clone(),
            tool_calls: reply.tool_calls.iter().map(ToolCallRecord::new).collect(),
            stop: reply.stop.code(),
            tokens: TokensRecord::new(reply.tokens),
            served_model: reply.served_model.clone(),
            fingerprint: reply.fingerprint.clone(),
            meter: MeterRecord::new(meter),
            check: Bytes::copy_from_slice(&check),
            semantics,
        }
    }

    /// The answer that was stored. A stop reason that was never written reads as "other"; [`decode_turn`] refuses it.
    #[must_use]
    pub fn reply(&self) -> Reply {
        Reply {
            raw: self.raw.clone(),
            dialect: self.dialect.as_str().into(),
            text: self.text.clone(),
            reasoning: self.reasoning.clone(),
            tool_calls: self.tool_calls.iter().map(ToolCallRecord::call).collect(),
            stop: StopReason::from_code(self.stop).unwrap_or(StopReason::Other),
            tokens: self.tokens.usage(),
            served_model: self.served_model.clone(),
            fingerprint: self.fingerprint.clone(),
        }
    }
}

// === impl ToolCallRecord ===

impl ToolCallRecord {
    fn new(call: &ToolCall) -> Self {
        Self { id: call.id.clone(), name: call.name.clone(), arguments: call.arguments.clone() }
    }

    fn call(&self) -> ToolCall {
        ToolCall { id: self.id.clone(), name: self.name.clone(), arguments: self.arguments.clone() }
    }
}

// === impl TokensRecord ===

impl TokensRecord {
    fn new(tokens: TokenUsage) -> Self {
        let TokenUsage { input, cached_input, cache_write, output, reasoning } = tokens;
        Self { input, cached_input, cache_write, output, reasoning }
    }

    /// As the engine knows it.
    #[must_use]
    pub fn usage(self) -> TokenUsage {
        let Self { input, cached_input, cache_write, output, reasoning } = self;
        TokenUsage { input, cached_input, cache_write, output, reasoning }
    }
}

// === impl MeterRecord ===

impl MeterRecord {
    fn new(meter: Meter) -> Self {
        let Meter { latency_ms, tries, rate_limited, cost_micro_usd } = meter;
        Self { latency_ms, tries, rate_limited, cost_micro_usd }
    }

    /// As the engine knows it.
    #[must_use]
    pub fn meter(self) -> Meter {
        let Self { latency_ms, tries, rate_limited, cost_micro_usd } = self;
        Meter { latency_ms, tries, rate_limited, cost_micro_usd }
    }
}

// === impl StopReason ===

impl StopReason {
    fn code(self) -> u32 {
        match self {
            Self::End => 0,
            Self::ToolCalls => 1,
            Self::Length => 2,
            Self::Refusal => 3,
            Self::Other => 4,
        }
    }

    fn from_code(code: u32) -> Option<Self> {
        [Self::End, Self::ToolCalls, Self::Length, Self::Refusal, Self::Other].get(code as usize).copied()
    }
}
