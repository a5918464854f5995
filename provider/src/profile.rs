//! Whose manners the fake has: each provider's own headers, error bodies, counting of quotas and ways with reasoning.

use std::fmt;
use std::str::FromStr;

use crate::error::ProviderError;

/// A provider to be taken for. The dialect is the path's; a profile says what stays open in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Profile {
    /// OpenAI: reserves `max(max_tokens, estimate)`, hides reasoning in Chat.
    OpenAi,
    /// Anthropic: input and output tokens apart, cache reads free.
    Anthropic,
    /// Gemini: input tokens and requests a day; no rate headers.
    Gemini,
    /// Z.ai: concurrency, codes as strings, every quota a 429.
    Zai,
    /// Moonshot: concurrency, requests and tokens, told apart by the error's type.
    Moonshot,
    /// DeepSeek: concurrency, blank lines before a body, 402.
    DeepSeek,
    /// Together: limits that grow with use, headers per second.
    Together,
    /// OpenRouter: errors inside 200, credits.
    OpenRouter,
    /// Azure OpenAI: the key in `api-key`, deployments in the path.
    Azure,
    /// vLLM: Chat with `reasoning`.
    Vllm,
    /// Any server that speaks Chat, worded as OpenAI; the path may say more.
    #[default]
    Compatible,
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Chat,
    Responses,
    Messages,
    Gemini,
}

/// Under which name Chat carries reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Not at all.
    Hidden,
    /// `reasoning_content`.
    Content,
    /// `reasoning`.
    Reasoning,
    /// `reasoning` and `reasoning_details`.
    Details,
}

// === impl Profile ===

impl Profile {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Gemini,
        Self::Zai,
        Self::Moonshot,
        Self::DeepSeek,
        Self::Together,
        Self::OpenRouter,
        Self::Azure,
        Self::Vllm,
        Self::Compatible,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Zai => "zai",
            Self::Moonshot => "moonshot",
            Self::DeepSeek => "deepseek",
            Self::Together => "together",
            Self::OpenRouter => "openrouter",
            Self::Azure => "azure",
            Self::Vllm => "vllm",
            Self::Compatible => "compatible",
        }
    }

    /// Whose manners a call of a dialect meets, where the path names `hinted`.
    pub(crate) fn of(self, dialect: Dialect, hinted: Option<Self>) -> Self {
        match (dialect, self) {
            (Dialect::Messages, _) => Self::Anthropic,
            (Dialect::Gemini, _) => Self::Gemini,
            (_, Self::Compatible) if hinted.is_some() => hinted.unwrap_or_default(),
            (Dialect::Responses, Self::Azure) => Self::Azure,
            (Dialect::Responses, _) => Self::OpenAi,
            (Dialect::Chat, Self::Anthropic | Self::Gemini) => Self::Compatible,
            (Dialect::Chat, profile) => profile,
        }
    }

    pub(crate) fn carried(self) -> Carried {
        match self {
            Self::OpenAi | Self::Azure => Carried::Hidden,
            Self::Together | Self::Vllm => Carried::Reasoning,
            Self::OpenRouter => Carried::Details,
            _ => Carried::Content,
        }
    }

    /// Whether Chat refuses a tool turn that comes back without its reasoning.
    pub(crate) fn demands_echo(self) -> bool {
        matches!(self, Self::Zai | Self::Moonshot | Self::DeepSeek | Self::Together | Self::OpenRouter)
    }

    /// Whether it thinks unless told otherwise, and then says so even when it thought nothing.
    pub(crate) fn thinks_by_default(self) -> bool {
        matches!(self, Self::Zai | Self::Moonshot | Self::DeepSeek)
    }

    /// Whether an unknown model is told by its full name here, `sim/` and all, or as it was asked for.
    pub(crate) fn names_models_in_full(self) -> bool {
        !matches!(self, Self::Anthropic | Self::Gemini)
    }

    pub(crate) fn is_openai(self) -> bool {
        matches!(self, Self::OpenAi | Self::Azure)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = ProviderError;

    fn from_str(name: &str) -> Result<Self, ProviderError> {
        Self::ALL.into_iter().find(|profile| profile.name() == name).ok_or_else(|| {
            ProviderError::UnknownProfile {
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_found_by_its_name_and_others_are_refused_in_words() {
        for profile in Profile::ALL {
            assert_eq!(profile.name().parse::<Profile>().expect("known"), profile);
        }
        let error = "grok".parse::<Profile>().expect_err("unknown").to_string();
        assert!(error.contains("openrouter"), "{error}");
    }

    #[test]
    fn a_path_says_whose_it_is_only_where_no_profile_was_chosen() {
        let zai = Some(Profile::Zai);
        assert_eq!(Profile::Compatible.of(Dialect::Chat, zai), Profile::Zai);
        assert_eq!(Profile::DeepSeek.of(Dialect::Chat, zai), Profile::DeepSeek);
        assert_eq!(Profile::Zai.of(Dialect::Messages, None), Profile::Anthropic);
        assert_eq!(Profile::Gemini.of(Dialect::Chat, None), Profile::Compatible);
        assert_eq!(Profile::Azure.of(Dialect::Responses, None), Profile::Azure);
    }
}
