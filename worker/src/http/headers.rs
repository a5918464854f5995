//! What a request carries in its headers: what is spoken, and the key.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::account::{Auth, Route};
use crate::error::WorkerError;

/// OpenAI finds a request by this in its logs, also one whose answer was lost.
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");

/// What all requests of a route carry; `spoken` is its dialect's part.
pub(super) fn of(route: &Route, spoken: &[(HeaderName, HeaderValue)]) -> Result<HeaderMap, WorkerError> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("muster/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in spoken.iter().chain(&route.headers) {
        headers.insert(name.clone(), value.clone());
    }
    if let Some(key) = &route.key {
        let (name, value) = match route.auth {
            Auth::Bearer => (AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", key.expose()))),
            Auth::XApiKey => (HeaderName::from_static("x-api-key"), HeaderValue::from_str(key.expose())),
            Auth::XGoogApiKey => {
                (HeaderName::from_static("x-goog-api-key"), HeaderValue::from_str(key.expose()))
            }
            Auth::ApiKey => (HeaderName::from_static("api-key"), HeaderValue::from_str(key.expose())),
        };
        let mut value = value.map_err(|_| {
            let problem = "its key has characters that no header can carry".to_owned();
            WorkerError::BadVariable { variable: format!("of account {}", route.account.id), problem }
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The header that numbers this route's requests, if its provider knows one.
pub(super) fn request_id(route: &Route) -> Option<HeaderName> {
    matches!(route.account.id.as_str(), "openai" | "azure").then_some(CLIENT_REQUEST_ID)
}

/// A number that no other request has.
pub(super) fn fresh_id() -> HeaderValue {
    let id = format!("muster-{:032x}", rand::random::<u128>());
    // Letters, digits and a dash: every one of them may stand in a header.
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("muster"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::account::route;

    #[test]
    fn every_provider_is_shown_its_key_in_its_own_header_and_no_print_of_them_shows_it() {
        for (model, variable, name, value) in [
            ("openai/x", "OPENAI_API_KEY", "authorization", "Bearer key-0123456789"),
            ("anthropic/x", "ANTHROPIC_API_KEY", "x-api-key", "key-0123456789"),
            ("google/x", "GEMINI_API_KEY", "x-goog-api-key", "key-0123456789"),
            ("azure/x", "AZURE_OPENAI_API_KEY", "api-key", "key-0123456789"),
        ] {
            let environment: BTreeMap<String, String> =
                [(variable, "key-0123456789"), ("AZURE_OPENAI_ENDPOINT", "https://lab.openai.azure.com")]
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
            let route = route(&environment, model, None).expect("route");
            let spoken =
                [(HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"))];
            let headers = of(&route, &spoken).expect("headers");
            assert_eq!(headers[name], value);
            assert_eq!(headers["anthropic-version"], "2023-06-01");
            let shown = format!("{headers:?} {route:?}");
            assert!(!shown.contains("0123456789"), "{shown}");
        }
    }

    #[test]
    fn no_two_requests_have_the_same_number() {
        assert_ne!(fresh_id(), fresh_id());
    }
}
