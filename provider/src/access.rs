//! Whether a call carries the key, where its provider looks for it, and what it says if not.

use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};
use serde_json::json;

use crate::config::Key;
use crate::door::query;
use crate::profile::Profile;
use crate::rejection::Rejection;

/// Check the key of a call.
pub(crate) fn check(
    key: Option<&Key>,
    profile: Profile,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<(), Rejection> {
    let Some(key) = key else { return Ok(()) };
    match given(profile, headers, uri) {
        Some(given) if key.is(&given) => Ok(()),
        given => Err(refusal(profile, given.as_deref())),
    }
}

fn given(profile: Profile, headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let named = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bearer = || named(AUTHORIZATION.as_str())?.strip_prefix("Bearer ").map(str::to_owned);
    match profile {
        Profile::Anthropic => named("x-api-key").or_else(bearer),
        Profile::Gemini => {
            named("x-goog-api-key").or_else(|| query(uri, "key").map(std::borrow::Cow::into_owned))
        }
        Profile::Azure => named("api-key").or_else(bearer),
        _ => bearer(),
    }
}

fn refusal(profile: Profile, given: Option<&str>) -> Rejection {
    let unauthorized = |kind, message: &str| Rejection::new(401, kind, message);
    match (profile, given) {
        (Profile::Anthropic, Some(_)) => unauthorized("authentication_error", "invalid x-api-key"),
        (Profile::Anthropic, None) => unauthorized("authentication_error", "x-api-key header is required"),
        (Profile::Gemini, Some(_)) => Rejection::words("API key not valid. Please pass a valid API key.").with_details(json!([
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"}}
        ])),
        (Profile::Gemini, None) => Rejection::new(
            403,
            "",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other \
             form of API consumer identity to call this API.",
        ),
        (Profile::Zai, None) => unauthorized("", "Authentication parameter not received in Header").with_code("1001"),
        (Profile::Zai, Some(_)) => unauthorized("", "Authentication Failed").with_code("1000"),
        (Profile::Moonshot, _) => unauthorized("invalid_authentication_error", "Invalid Authentication"),
        (Profile::DeepSeek, _) => {
            unauthorized("authentication_error", "Authentication Fails, Your api key is invalid").with_code("invalid_request_error")
        }
        (Profile::OpenRouter, None) => unauthorized("", "No auth credentials found"),
        (Profile::OpenRouter, Some(_)) => unauthorized("", "User not found."),
        (Profile::Azure, _) => unauthorized(
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an \
             active subscription and use a correct regional API endpoint for your resource.",
        )
        .with_code("401"),
        (_, Some(given)) => {
            let message = format!("Incorrect API key provided: {}.", masked(given));
            unauthorized("invalid_request_error", &message).with_code("invalid_api_key")
        }
        (_, None) => unauthorized(
            "invalid_request_error",
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth \
             (i.e. Authorization: Bearer YOUR_KEY).",
        ),
    }
}

/// A key as OpenAI repeats it: its ends.
fn masked(key: &str) -> String {
    let shown = |range: &[char]| range.iter().collect::<String>();
    let chars: Vec<char> = key.chars().collect();
    match chars.len() {
        0..=11 => "*".repeat(chars.len()),
        long => {
            format!("{}{}{}", shown(&chars[..4]), "*".repeat(long.min(40) - 8), shown(&chars[long - 4..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_repeated_only_by_its_ends() {
        assert_eq!(masked("sk-0123456789abcdef"), "sk-0***********cdef");
        assert_eq!(masked("short"), "*****");
    }

    #[test]
    fn each_provider_looks_for_the_key_in_its_own_place() {
        let key = Key::new("right");
        let plain: Uri = "/".parse().expect("a path");
        for (profile, name, value) in [
            (Profile::OpenAi, "authorization", "Bearer right"),
            (Profile::Anthropic, "x-api-key", "right"),
            (Profile::Anthropic, "authorization", "Bearer right"),
            (Profile::Gemini, "x-goog-api-key", "right"),
            (Profile::Azure, "api-key", "right"),
            (Profile::Azure, "authorization", "Bearer right"),
        ] {
            let mut headers = HeaderMap::new();
            assert!(check(Some(&key), profile, &headers, &plain).is_err());
            headers.insert(name, value.parse().expect("a value"));
            assert_eq!(check(Some(&key), profile, &headers, &plain), Ok(()), "{profile} in {name}");
            headers.insert(name, value.replace("right", "wrong").parse().expect("a value"));
            assert!(check(Some(&key), profile, &headers, &plain).is_err(), "{profile} in {name}");
        }
        let in_query: Uri = "/v1beta/models?key=right".parse().expect("a path");
        assert_eq!(check(Some(&key), Profile::Gemini, &HeaderMap::new(), &in_query), Ok(()));
    }
}
