//! What an error's body says of itself, in whichever of the known shapes it comes. What is not recognised says nothing.

use std::time::Duration;

use serde_json::Value;

use super::hints;

/// Kept of a message: what is longer is a web page or a prompt.
const MAX_MESSAGE_CHARS: usize = 4_000;

/// Details looked at: Google sends three.
const MAX_DETAILS: usize = 32;

/// An error, as far as it was understood.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    /// Its code; a number as text.
    pub(super) code: String,
    /// Finer codes than that, finest first: Anthropic's `details.error_code`, Azure's `innererror.code`, Google's reasons.
    pub(super) fine: Vec<String>,
    /// Its type, or Google's status.
    pub(super) kind: String,
    pub(super) message: String,
    /// OpenRouter's limit on money held by calls in flight, which does end by waiting.
    pub(super) in_flight_budget: bool,
    /// OpenRouter's moderation gave reasons, or named the input that it flagged.
    pub(super) moderated: bool,
    /// Whether it is of Anthropic's shape, `{"type": "error", "error": {...}}`.
    pub(super) is_anthropic: bool,
    /// Google's names of the quotas that were used up.
    pub(super) quotas: Vec<String>,
    /// Google's `RetryInfo`.
    pub(super) retry_info: Option<Duration>,
}

// === impl ErrorBody ===

impl ErrorBody {
    /// Read whatever shape is at hand: `{"error":{...}}`, `{"error":"..."}`, a one-element array of these, or the object
    /// itself. What is not JSON says nothing.
    pub(super) fn read(body: &[u8]) -> Self {
        let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return Self::default() };
        if let Value::Array(items) = &mut value
            && !items.is_empty()
        {
            value = items.swap_remove(0);
        }
        let is_anthropic = value.get("type").and_then(Value::as_str) == Some("error");
        if let Some(inner) = value.get_mut("error").filter(|inner| !inner.is_null()) {
            value = inner.take();
        }
        Self { is_anthropic, ..Self::of(&value) }
    }

    fn of(error: &Value) -> Self {
        let kind = [field(error, "type"), field(error, "status")];
        let message = match error {
            Value::String(text) => text.clone(),
            _ => first([field(error, "message"), field(error, "detail")]),
        };
        let metadata = error.get("metadata");
        let limit_source = metadata.and_then(|metadata| metadata.get("limit_source")).and_then(Value::as_str);
        let told =
            |name: &str| metadata.and_then(|metadata| metadata.get(name)).is_some_and(|v| !v.is_null());
        Self {
            code: field(error, "code"),
            fine: fine_codes(error),
            kind: first(kind),
            message: message.chars().take(MAX_MESSAGE_CHARS).collect(),
            in_flight_budget: limit_source == Some("openrouter_in_flight_budget"),
            moderated: told("flagged_input") || told("reasons"),
            is_anthropic: false,
            quotas: quotas(error),
            retry_info: details(error)
                .find_map(|detail| hints::go_duration(detail.get("retryDelay")?.as_str()?)),
        }
    }

    /// Every word that may stand in the table, the most telling first.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        self.fine.iter().chain([&self.code]).map(String::as_str).filter(|word| !word.is_empty())
    }

    /// The one word that names it for people.
    pub(super) fn name(&self) -> &str {
        let fine = self.fine.first().map_or("", String::as_str);
        [fine, self.code.as_str(), self.kind.as_str()]
            .into_iter()
            .find(|word| !word.is_empty())
            .unwrap_or_default()
    }
}

fn field(error: &Value, name: &str) -> String {
    match error.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn first(texts: [String; 2]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

fn fine_codes(error: &Value) -> Vec<String> {
    let anthropic = error.pointer("/details/error_code");
    let azure = error.pointer("/innererror/code");
    let google = details(error).filter_map(|detail| detail.get("reason"));
    [anthropic, azure]
        .into_iter()
        .flatten()
        .chain(google)
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn details(error: &Value) -> impl Iterator<Item = &Value> {
    error.get("details").and_then(Value::as_array).into_iter().flatten().take(MAX_DETAILS)
}

fn quotas(error: &Value) -> Vec<String> {
    let violations = details(error).filter_map(|detail| detail.get("violations")?.as_array());
    let ids =
        violations.flatten().take(MAX_DETAILS).filter_map(|violation| violation.get("quotaId")?.as_str());
    ids.map(str::to_owned).collect()
}
