//! Where a request's path leads: each provider's real addresses, all on one server.

use std::borrow::Cow;

use http::Uri;

use crate::profile::{Dialect, Profile};

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Door<'a> {
    /// An answer of a model; which, where the path says it, and by whose address.
    Call { dialect: Dialect, hinted: Option<Profile>, model: Option<Cow<'a, str>> },
    /// The list of models.
    Models(Dialect),
    /// The account.
    Stats,
    /// The account, second by second.
    Seconds,
    /// The last calls.
    Calls,
    /// Whether it is up.
    Health,
    /// Other limits from now on.
    SetLimits,
    /// A 429 for the next request.
    RefuseNext,
    /// Other faults from now on.
    SetFaults,
    /// Nothing.
    Nowhere,
}

// === impl Door ===

impl<'a> Door<'a> {
    pub(crate) fn of(uri: &'a Uri) -> Self {
        let path = uri.path();
        match path {
            "/v1/chat/completions"
            | "/chat/completions"
            | "/beta/chat/completions"
            | "/v1/openai/chat/completions" => Self::chat(None),
            "/api/paas/v4/chat/completions" | "/api/coding/paas/v4/chat/completions" => {
                Self::chat(Some(Profile::Zai))
            }
            "/api/v1/chat/completions" => Self::chat(Some(Profile::OpenRouter)),
            "/v1/responses" | "/responses" => Self::call(Dialect::Responses, None),
            "/v1/messages" | "/messages" | "/anthropic/v1/messages" => Self::call(Dialect::Messages, None),
            "/v1/models" | "/models" | "/api/v1/models" | "/openai/v1/models" => Self::Models(Dialect::Chat),
            "/v1beta/models" => Self::Models(Dialect::Gemini),
            "/stats" | "/v1/stats" => Self::Stats,
            "/stats/seconds" => Self::Seconds,
            "/stats/calls" => Self::Calls,
            "/healthz" | "/v1/healthz" => Self::Health,
            "/control/limits" => Self::SetLimits,
            "/control/refuse-next" => Self::RefuseNext,
            "/control/faults" => Self::SetFaults,
            _ => gemini(path).or_else(|| azure(path)).unwrap_or(Self::Nowhere),
        }
    }

    /// The method that it is opened with.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Call { .. } | Self::SetLimits | Self::RefuseNext | Self::SetFaults => "POST",
            _ => "GET",
        }
    }

    fn chat(hinted: Option<Profile>) -> Self {
        Self::call(Dialect::Chat, hinted)
    }

    fn call(dialect: Dialect, hinted: Option<Profile>) -> Self {
        Self::Call { dialect, hinted, model: None }
    }
}

/// `/v1beta/models/NAME:generateContent`, and the same under `/v1`, where no preview is.
fn gemini(path: &str) -> Option<Door<'_>> {
    let rest = path.strip_prefix("/v1beta/").or_else(|| path.strip_prefix("/v1/"))?;
    let model = rest.strip_prefix("models/")?.strip_suffix(":generateContent")?;
    Some(Door::Call { dialect: Dialect::Gemini, hinted: None, model: Some(decoded(model)) })
}

/// `/openai/v1/...`, and `/openai/deployments/NAME/chat/completions` as it was before.
fn azure(path: &str) -> Option<Door<'_>> {
    let rest = path.strip_prefix("/openai/")?;
    let azure = |dialect, model| Door::Call { dialect, hinted: Some(Profile::Azure), model };
    match rest {
        "v1/chat/completions" => Some(azure(Dialect::Chat, None)),
        "v1/responses" | "responses" => Some(azure(Dialect::Responses, None)),
        _ => {
            let model = rest.strip_prefix("deployments/")?.strip_suffix("/chat/completions")?;
            Some(azure(Dialect::Chat, Some(decoded(model))))
        }
    }
}

/// A query's value, decoded.
pub(crate) fn query<'a>(uri: &'a Uri, name: &str) -> Option<Cow<'a, str>> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next()
}

/// Percent signs undone. What is no UTF-8 then stays as it was.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(path: &str) -> (Dialect, Option<Profile>, Option<String>) {
        let uri: Uri = path.parse().expect("a path");
        match Door::of(&uri) {
            Door::Call { dialect, hinted, model } => (dialect, hinted, model.map(Cow::into_owned)),
            other => panic!("{path} leads to {other:?}"),
        }
    }

    #[test]
    fn every_provider_is_at_its_real_address() {
        for (path, dialect, hinted, model) in [
            ("/v1/chat/completions", Dialect::Chat, None, None),
            ("/chat/completions", Dialect::Chat, None, None),
            ("/api/paas/v4/chat/completions", Dialect::Chat, Some(Profile::Zai), None),
            ("/api/v1/chat/completions", Dialect::Chat, Some(Profile::OpenRouter), None),
            ("/openai/v1/chat/completions", Dialect::Chat, Some(Profile::Azure), None),
            ("/openai/v1/responses?api-version=preview", Dialect::Responses, Some(Profile::Azure), None),
            (
                "/openai/deployments/mine/chat/completions?api-version=1",
                Dialect::Chat,
                Some(Profile::Azure),
                Some("mine"),
            ),
            ("/v1/responses", Dialect::Responses, None, None),
            ("/v1/messages", Dialect::Messages, None, None),
            (
                "/v1beta/models/sim/mixed%3Fp=0.3:generateContent",
                Dialect::Gemini,
                None,
                Some("sim/mixed?p=0.3"),
            ),
        ] {
            assert_eq!(door(path), (dialect, hinted, model.map(str::to_owned)), "{path}");
        }
        for path in ["/", "/v1", "/v1/embeddings", "/v1beta/models/a:countTokens", "/openai/deployments/a"] {
            assert_eq!(Door::of(&path.parse().expect("a path")), Door::Nowhere, "{path}");
        }
    }

    #[test]
    fn percent_signs_that_mean_nothing_stay() {
        for (text, plain) in
            [("%", "%"), ("%2", "%2"), ("%zz", "%zz"), ("a%2Fb", "a/b"), ("%ff", "%ff"), ("%41%", "A%")]
        {
            assert_eq!(decoded(text), plain);
        }
    }
}
