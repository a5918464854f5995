//! Saying no: what is refused, and how each provider words its errors.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::profile::Profile;

/// The codes that Anthropic tells in an error's details; others are not its words.
const ANTHROPIC_CODES: [&str; 4] = [
    "ramp_limit_exceeded",
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "organization_on_hold",
];

/// A refusal, before it is worded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    /// OpenAI's `type`, and Moonshot's.
    pub(crate) kind: &'static str,
    /// What tells errors of one status apart.
    pub(crate) code: Option<&'static str>,
    pub(crate) param: Option<Box<str>>,
    pub(crate) message: Box<str>,
    /// How long to wait, if the provider would say so.
    pub(crate) wait: Option<Duration>,
    /// What else its body holds: Gemini's `details`, OpenRouter's `metadata`.
    pub(crate) details: Option<Box<Value>>,
    /// In an array of one element, as Gemini's front sometimes sends it.
    pub(crate) in_array: bool,
    /// Whose words these are, if not those of whoever was called.
    pub(crate) worded_by: Option<Profile>,
}

// === impl Rejection ===

impl Rejection {
    /// A refusal of this status and nothing else.
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<Box<str>>) -> Self {
        Self {
            status,
            kind,
            code: None,
            param: None,
            message: message.into(),
            wait: None,
            details: None,
            in_array: false,
            worded_by: None,
        }
    }

    /// A 400.
    pub(crate) fn invalid(message: &str, param: Option<&str>, code: Option<&'static str>) -> Self {
        let param = param.map(Box::from);
        Self { code, param, ..Self::new(400, "invalid_request_error", message) }
    }

    /// A 400 that is all in its words.
    pub(crate) fn words(message: impl Into<Box<str>>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with a code.
    pub(crate) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The same with a wait.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self { wait: Some(wait), ..self }
    }

    /// The same with details.
    pub(crate) fn with_details(self, details: Value) -> Self {
        Self { details: Some(Box::new(details)), ..self }
    }

    /// The body that this provider sends.
    pub(crate) fn body(&self, profile: Profile, request_id: &str) -> Bytes {
        let body = match profile {
            Profile::Anthropic => self.anthropic(request_id),
            Profile::Gemini => self.gemini(),
            Profile::Zai => self.zai(request_id),
            Profile::Moonshot => json!({"error": {"message": self.message, "type": self.kind}}),
            Profile::OpenRouter => self.openrouter(),
            Profile::Azure if self.status == 429 || self.status == 401 => {
                json!({"error": {"code": self.code.map_or_else(|| self.status.to_string(), str::to_owned), "message": self.message}})
            }
            _ => self.openai(),
        };
        let body = if self.in_array { Value::Array(vec![body]) } else { body };
        Bytes::from(format!("{body}\n"))
    }

    /// The error as OpenAI has it, for a body's `error` field too.
    pub(crate) fn openai(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }

    fn anthropic(&self, request_id: &str) -> Value {
        let kind = match self.status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        let mut error = json!({"type": kind, "message": self.message});
        if let Some(code) = self.code.filter(|code| ANTHROPIC_CODES.contains(code)) {
            error["details"] = json!({"error_code": code});
        }
        json!({"type": "error", "error": error, "request_id": request_id})
    }

    fn gemini(&self) -> Value {
        let status = match self.status {
            401 => "UNAUTHENTICATED",
            402 | 412 => "FAILED_PRECONDITION",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            429 => "RESOURCE_EXHAUSTED",
            499 => "CANCELLED",
            503 => "UNAVAILABLE",
            504 => "DEADLINE_EXCEEDED",
            500.. => "INTERNAL",
            _ => "INVALID_ARGUMENT",
        };
        let mut error = json!({"code": self.status, "message": self.message, "status": status});
        if let Some(details) = &self.details {
            error["details"] = (**details).clone();
        }
        json!({"error": error})
    }

    fn zai(&self, request_id: &str) -> Value {
        let code = self.code.filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        let code: Cow<'_, str> = match (code, self.status) {
            (Some(code), _) => code.into(),
            (None, 401) => "1000".into(),
            (None, 404) => "1211".into(),
            (None, 429) => "1302".into(),
            (None, 500..) => "500".into(),
            _ => "1210".into(),
        };
        json!({"error": {"code": code, "message": self.message}, "request_id": request_id})
    }

    /// A body or a choice may hold it, under a status of 200 too.
    pub(crate) fn openrouter(&self) -> Value {
        let mut error = json!({"code": self.status, "message": self.message});
        if let Some(details) = &self.details {
            error["metadata"] = (**details).clone();
        }
        json!({"error": error, "user_id": "user_muster"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(profile: Profile, rejection: &Rejection) -> Value {
        serde_json::from_slice(&rejection.body(profile, "req_1")).expect("JSON")
    }

    #[test]
    fn one_refusal_is_worded_as_each_provider_would() {
        let rejection = Rejection::new(429, "rate_limit_reached_error", "slow").with_code("1302");
        for (profile, words) in [
            (
                Profile::OpenAi,
                json!({"error": {"message": "slow", "type": "rate_limit_reached_error", "param": null, "code": "1302"}}),
            ),
            (
                Profile::Anthropic,
                json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}, "request_id": "req_1"}),
            ),
            (
                Profile::Gemini,
                json!({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}),
            ),
            (Profile::Zai, json!({"error": {"code": "1302", "message": "slow"}, "request_id": "req_1"})),
            (Profile::Moonshot, json!({"error": {"message": "slow", "type": "rate_limit_reached_error"}})),
            (
                Profile::OpenRouter,
                json!({"error": {"code": 429, "message": "slow"}, "user_id": "user_muster"}),
            ),
            (Profile::Azure, json!({"error": {"code": "1302", "message": "slow"}})),
        ] {
            assert_eq!(body(profile, &rejection), words, "{profile}");
        }
    }

    #[test]
    fn an_error_may_stand_in_an_array_of_one() {
        let wrapped = Rejection { in_array: true, ..Rejection::new(503, "", "full") };
        let body = body(Profile::Gemini, &wrapped);
        assert_eq!(body, json!([{"error": {"code": 503, "message": "full", "status": "UNAVAILABLE"}}]));
    }
}
