//! The dialects that providers speak: how a call becomes a request's bytes, and an answer's bytes a reply.

mod answer;
mod anthropic;
mod anthropic_answer;
mod body;
mod config;
mod conversation;
mod gemini;
mod gemini_answer;
mod openai_chat;
mod openai_chat_answer;
mod openai_responses;
mod openai_responses_answer;
mod quirks;
#[cfg(test)]
mod tests;
mod text;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use muster_episode::{Call, Reply};

pub use config::{ChatProfile, DialectConfig, DialectKind, UnknownName, dialect};
pub use conversation::Conversation;
pub use quirks::{LimitField, Quirks, Thinking};

/// The name of OpenAI's Responses in replies and transcripts.
pub const OPENAI_RESPONSES: &str = "openai-responses";

/// The name of OpenAI's Chat Completions.
pub const OPENAI_CHAT: &str = "openai-chat";

/// The name of Anthropic's Messages.
pub const ANTHROPIC_MESSAGES: &str = "anthropic-messages";

/// The name of Gemini's generateContent.
pub const GEMINI: &str = "gemini";

/// One provider's way of saying things. Pure: no IO, no clock.
pub trait Dialect: Send + Sync {
    /// Its name, as in [`Reply::dialect`].
    fn name(&self) -> &'static str;

    /// What follows the base address of a model call.
    fn path(&self) -> &str;

    /// What every request carries beside the key: a version of the interface, and the like.
    fn headers(&self) -> &[(HeaderName, HeaderValue)];

    /// The request's body. `conversation` keeps what earlier calls of the same episode have encoded; only messages that
    /// are new since are encoded now.
    ///
    /// # Errors
    /// The call can't be said in this dialect.
    fn encode(&self, conversation: &mut Conversation, call: &Call<'_>) -> Result<Bytes, EncodeError>;

    /// The reply in an answer of status 200.
    ///
    /// # Errors
    /// There is none in it.
    fn decode(&self, answer: &[u8]) -> Result<Reply, AnswerError>;

    /// What the provider says that this answer cost, in millionths of a dollar, where it says so.
    fn cost_micro_usd(&self, answer: &[u8]) -> Option<u64> {
        let _ = answer;
        None
    }
}

/// A call can't be said in a dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The sweep's `extra_body` is no JSON object, or sets what is not its to set.
    #[error("extra_body {0}")]
    ExtraBody(String),
    /// The route's quirks ask for what this dialect can't say, or can't say with this call.
    #[error("quirk {0}")]
    Quirk(String),
    /// A tool's parameters are no JSON.
    #[error("the parameters of tool {name} are no JSON: {problem}")]
    Tool {
        /// The tool.
        name: String,
        /// What the parser said.
        problem: String,
    },
    /// An assistant's message was received in another dialect: it can't be sent back verbatim here.
    #[error("the conversation was begun in dialect {begun:?} and can't go on in {wanted:?}")]
    Foreign {
        /// The dialect of the message.
        begun: String,
        /// The dialect of this call.
        wanted: &'static str,
    },
}

/// An answer of status 200 holds no reply. None of its text is repeated here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It ends in the middle.
    #[error("the answer was cut off after {0} bytes")]
    Cut(usize),
    /// It is no JSON.
    #[error("the answer of {0} bytes is not JSON")]
    NotJson(usize),
    /// It is JSON of another shape.
    #[error("the answer is not of the expected shape: {0}")]
    Shape(&'static str),
    /// It holds an error object instead, as JSON text.
    #[error("the answer holds an error")]
    Error(Bytes),
    /// The provider says that it broke off for want of resources.
    #[error("the provider broke its answer off for want of resources")]
    BrokenOff,
}

/// Refuse to pass an assistant's message off as one of this dialect.
fn foreign(reply: &Reply, wanted: &'static str) -> Result<(), EncodeError> {
    if &*reply.dialect == wanted {
        return Ok(());
    }
    Err(EncodeError::Foreign { begun: reply.dialect.to_string(), wanted })
}
