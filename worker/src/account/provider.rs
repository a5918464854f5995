//! The providers that are known by name: what each speaks, where it is, which variables are its own. The variables are
//! those of the providers' SDKs, and of Inspect where that has one of its own.

use crate::headers::RateHeaders;
use crate::providers::{ChatProfile, DialectKind};

/// How a request shows its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `x-api-key: KEY`: Anthropic.
    XApiKey,
    /// `x-goog-api-key: KEY`: Google.
    XGoogApiKey,
    /// `api-key: KEY`: Azure.
    ApiKey,
}

/// A provider.
#[derive(Debug)]
pub(super) struct Provider {
    /// The first part of its models' names, and its account.
    pub(super) id: &'static str,
    /// What it speaks unless a model's route says otherwise.
    pub(super) dialect: DialectKind,
    pub(super) profile: ChatProfile,
    /// Its own address; none where everyone has one of their own.
    pub(super) address: Option<&'static str>,
    /// What the address ends in, if the variable's does not: the SDKs' variables leave it out.
    pub(super) version: &'static str,
    /// The variables of its key, the first that is set counts.
    pub(super) keys: &'static [&'static str],
    /// The variables of its address.
    pub(super) addresses: &'static [&'static str],
    pub(super) auth: Auth,
    pub(super) rate_headers: RateHeaders,
}

/// What also may stand at an address's end in the place of the provider's own version.
pub(super) const VERSIONS: &[&str] = &["/v1", "/v1beta", "/v1alpha"];

pub(super) const PROVIDERS: &[Provider] = &[
    Provider {
        id: "openai",
        dialect: DialectKind::OpenAiResponses,
        profile: ChatProfile::OpenAi,
        address: Some("https://api.openai.com/v1"),
        version: "",
        keys: &["OPENAI_API_KEY"],
        addresses: &["OPENAI_BASE_URL"],
        auth: Auth::Bearer,
        rate_headers: RateHeaders::OpenAi,
    },
    Provider {
        id: "azure",
        dialect: DialectKind::OpenAiResponses,
        profile: ChatProfile::Azure,
        address: None,
        version: "/openai/v1",
        keys: &["AZUREAI_OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"],
        addresses: &["AZUREAI_OPENAI_BASE_URL", "AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"],
        auth: Auth::ApiKey,
        rate_headers: RateHeaders::OpenAi,
    },
    Provider {
        id: "anthropic",
        dialect: DialectKind::AnthropicMessages,
        profile: ChatProfile::Compatible,
        address: Some("https://api.anthropic.com/v1"),
        version: "/v1",
        keys: &["ANTHROPIC_API_KEY"],
        addresses: &["ANTHROPIC_BASE_URL"],
        auth: Auth::XApiKey,
        rate_headers: RateHeaders::Anthropic,
    },
    Provider {
        id: "google",
        dialect: DialectKind::Gemini,
        profile: ChatProfile::Compatible,
        // Previews are only here, and the SDK has gone over to /v1.
        address: Some("https://generativelanguage.googleapis.com/v1beta"),
        version: "/v1beta",
        keys: &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        addresses: &["GOOGLE_GEMINI_BASE_URL", "GOOGLE_BASE_URL", "GEMINI_BASE_URL"],
        auth: Auth::XGoogApiKey,
        rate_headers: RateHeaders::None,
    },
    chat("zai", ChatProfile::Zai, "https://api.z.ai/api/paas/v4", &["ZAI_API_KEY"], &["ZAI_BASE_URL"]),
    chat(
        "moonshot",
        ChatProfile::Moonshot,
        "https://api.moonshot.ai/v1",
        &["MOONSHOT_API_KEY"],
        &["MOONSHOT_BASE_URL"],
    ),
    chat(
        "deepseek",
        ChatProfile::DeepSeek,
        "https://api.deepseek.com/v1",
        &["DEEPSEEK_API_KEY"],
        &["DEEPSEEK_BASE_URL"],
    ),
    Provider {
        rate_headers: RateHeaders::Together,
        ..chat(
            "together",
            ChatProfile::Together,
            "https://api.together.xyz/v1",
            &["TOGETHER_API_KEY"],
            &["TOGETHER_BASE_URL"],
        )
    },
    chat(
        "openrouter",
        ChatProfile::OpenRouter,
        "https://openrouter.ai/api/v1",
        &["OPENROUTER_API_KEY"],
        &["OPENROUTER_BASE_URL"],
    ),
];

/// A provider that speaks OpenAI Chat.
const fn chat(
    id: &'static str,
    profile: ChatProfile,
    address: &'static str,
    keys: &'static [&'static str],
    addresses: &'static [&'static str],
) -> Provider {
    Provider {
        id,
        dialect: DialectKind::OpenAiChat,
        profile,
        address: Some(address),
        version: "",
        keys,
        addresses,
        auth: Auth::Bearer,
        rate_headers: RateHeaders::None,
    }
}

/// The provider of an account.
pub(super) fn named(id: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.id == id)
}

/// The names of all of them, and of the two that are none's, for people.
pub(super) fn known() -> String {
    let ids: Vec<&str> = PROVIDERS.iter().map(|provider| provider.id).collect();
    format!("{}, openai-api/SERVICE and sim", ids.join(", "))
}

/// How a server that is no known provider's wants its key: as the owner of what it speaks.
pub(super) fn auth_of(dialect: DialectKind) -> Auth {
    match dialect {
        DialectKind::OpenAiResponses | DialectKind::OpenAiChat => Auth::Bearer,
        DialectKind::AnthropicMessages => Auth::XApiKey,
        DialectKind::Gemini => Auth::XGoogApiKey,
    }
}
