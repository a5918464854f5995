//! Which dialect a route speaks, and whose habits it has.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::anthropic::AnthropicMessages;
use super::gemini::Gemini;
use super::openai_chat::OpenAiChat;
use super::openai_responses::OpenAiResponses;
use super::quirks::Quirks;
use super::{ANTHROPIC_MESSAGES, Dialect, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES};

/// A way of saying things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DialectKind {
    /// OpenAI's Responses.
    OpenAiResponses,
    /// OpenAI's Chat Completions, and everyone who speaks like it.
    OpenAiChat,
    /// Anthropic's Messages.
    AnthropicMessages,
    /// Gemini's generateContent.
    Gemini,
}

/// Whose Chat Completions. The other dialects have one owner each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChatProfile {
    /// OpenAI's own.
    OpenAi,
    /// OpenAI's, at Azure.
    Azure,
    /// Z.ai's.
    Zai,
    /// Moonshot's.
    Moonshot,
    /// DeepSeek's.
    DeepSeek,
    /// Together's.
    Together,
    /// OpenRouter's.
    OpenRouter,
    /// Any other server's: vLLM, llama.cpp, a lab's gateway.
    Compatible,
}

/// All that a dialect needs to know of a route.
#[derive(Debug, Clone)]
pub struct DialectConfig {
    /// The dialect.
    pub kind: DialectKind,
    /// Whose Chat; the other dialects don't look at it, but for the words of an error.
    pub profile: ChatProfile,
    /// The model, by the provider's own name of it.
    pub model: String,
    /// What this route does not take, or wants otherwise.
    pub quirks: Quirks,
}

/// A name that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no {what}; known are {known}")]
pub struct UnknownName {
    what: &'static str,
    given: String,
    known: String,
}

/// The dialect of a route.
#[must_use]
pub fn dialect(config: DialectConfig) -> Arc<dyn Dialect> {
    match config.kind {
        DialectKind::OpenAiResponses => Arc::new(OpenAiResponses::new(config)),
        DialectKind::OpenAiChat => Arc::new(OpenAiChat::new(config)),
        DialectKind::AnthropicMessages => Arc::new(AnthropicMessages::new(config)),
        DialectKind::Gemini => Arc::new(Gemini::new(config)),
    }
}

// === impl DialectKind ===

impl DialectKind {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::OpenAiResponses, Self::OpenAiChat, Self::AnthropicMessages, Self::Gemini];

    /// Its name in plans, catalogs and transcripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAiResponses => OPENAI_RESPONSES,
            Self::OpenAiChat => OPENAI_CHAT,
            Self::AnthropicMessages => ANTHROPIC_MESSAGES,
            Self::Gemini => GEMINI,
        }
    }
}

impl fmt::Display for DialectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DialectKind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        by_name("dialect", &Self::ALL, Self::name, name)
    }
}

// === impl ChatProfile ===

impl ChatProfile {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::OpenAi,
        Self::Azure,
        Self::Zai,
        Self::Moonshot,
        Self::DeepSeek,
        Self::Together,
        Self::OpenRouter,
        Self::Compatible,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Zai => "zai",
            Self::Moonshot => "moonshot",
            Self::DeepSeek => "deepseek",
            Self::Together => "together",
            Self::OpenRouter => "openrouter",
            Self::Compatible => "compatible",
        }
    }
}

impl fmt::Display for ChatProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ChatProfile {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        by_name("profile of openai-chat", &Self::ALL, Self::name, name)
    }
}

fn by_name<T: Copy>(
    what: &'static str,
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
    given: &str,
) -> Result<T, UnknownName> {
    let known = || all.iter().map(|one| name_of(*one)).collect::<Vec<_>>().join(", ");
    let unknown = || UnknownName { what, given: given.to_owned(), known: known() };
    all.iter().copied().find(|one| name_of(*one) == given).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_as_what_it_names() {
        for kind in DialectKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for profile in ChatProfile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = "openai".parse::<DialectKind>().expect_err("must be refused").to_string();
        assert!(error.contains("\"openai\"") && error.contains("openai-responses, openai-chat"), "{error}");
    }
}
