//! The table of errors: what a provider's refusal means, and what to do about it. One place for every dialect.
//!
//! Status codes alone mislead: a 429 is "slow down", "your money is gone" or "this request will never fit". So the order
//! is: the body's code, then its type, then `x-should-retry`, then the status.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use serde_json::Value;

/// Longer waits than a day are taken as a day: nothing waits so long, and sums of them must not overflow.
const MAX_HINT: Duration = Duration::from_secs(24 * 60 * 60);

/// What kind of failure a call met: decides whether it is tried again, and what becomes of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Network trouble, a 5xx, an answer cut off or unreadable.
    Transient,
    /// "Too many requests".
    RateLimited,
    /// The provider, or this model at it, is overloaded.
    Overloaded,
    /// The key, the model's name, the address or the account's money: nothing that waiting for would mend.
    Config,
    /// The provider will never accept this request.
    BadRequest,
    /// This worker let go of the call.
    Cancelled,
}

/// What a refusal means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its class.
    pub class: ErrorClass,
    /// Whether another try of the same request can help.
    pub retry: Retry,
    /// How long the provider asked to wait, at most a day.
    pub hint: Option<Duration>,
    /// Whether an answer may have been produced and billed all the same (a gateway lost it).
    pub paid: Paid,
    /// What happened, in the provider's words: hostile data, not yet redacted, unbounded.
    pub message: String,
}

/// Whether another try can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It can.
    Again,
    /// It can't, or the provider asked not to.
    Never,
}

/// Whether a failed try may have been billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paid {
    /// No answer was produced.
    No,
    /// One may have been.
    Maybe,
}

/// What an error body says of itself, as far as anyone's shape was recognised.
#[derive(Debug, Default)]
struct ErrorBody {
    code: String,
    kind: String,
    message: String,
    /// OpenRouter's limit on money held by calls in flight, which does end by waiting.
    in_flight_budget: bool,
}

/// Codes and types that decide alone, whatever the status: word, class, and what a person should know of it.
const WORDS: &[(&str, ErrorClass, &str)] = &[
    ("insufficient_quota", ErrorClass::Config, "quota exhausted"),
    ("credit_balance_exhausted", ErrorClass::Config, "quota exhausted"),
    ("organization_spend_limit_exceeded", ErrorClass::Config, "quota exhausted"),
    ("project_spend_limit_exceeded", ErrorClass::Config, "quota exhausted"),
    ("organization_usage_limit_exceeded", ErrorClass::Config, "quota exhausted"),
    ("billing_hard_limit_reached", ErrorClass::Config, "quota exhausted"),
    ("billing_not_active", ErrorClass::Config, "quota exhausted"),
    ("insufficient_balance", ErrorClass::Config, "quota exhausted"),
    // Moonshot's.
    ("exceeded_current_quota_error", ErrorClass::Config, "quota exhausted"),
    // Z.ai's: no balance, the day's cap, a plan's window used up, its end, no plan for this model, fair use.
    ("1113", ErrorClass::Config, "quota exhausted"),
    ("1304", ErrorClass::Config, "quota exhausted"),
    ("1308", ErrorClass::Config, "quota exhausted"),
    ("1309", ErrorClass::Config, "quota exhausted"),
    ("1310", ErrorClass::Config, "quota exhausted"),
    ("1311", ErrorClass::Config, "quota exhausted"),
    ("1313", ErrorClass::Config, "quota exhausted"),
    ("invalid_api_key", ErrorClass::Config, "key refused"),
    ("authentication_error", ErrorClass::Config, "key refused"),
    ("permission_error", ErrorClass::Config, "access refused"),
    ("account_deactivated", ErrorClass::Config, "account closed"),
    ("unsupported_country_region_territory", ErrorClass::Config, "access refused"),
    ("model_not_found", ErrorClass::Config, "unknown model"),
    ("context_length_exceeded", ErrorClass::BadRequest, "conversation too long for the model"),
    // llama.cpp's word for it.
    ("exceed_context_size_error", ErrorClass::BadRequest, "conversation too long for the model"),
    ("string_above_max_length", ErrorClass::BadRequest, "message too long"),
    ("slow_down", ErrorClass::RateLimited, "asked to slow down"),
    ("rate_limit_exceeded", ErrorClass::RateLimited, "rate limited"),
    ("rate_limit_error", ErrorClass::RateLimited, "rate limited"),
    ("rate_limit_reached_error", ErrorClass::RateLimited, "rate limited"),
    ("dynamic_request_limited", ErrorClass::RateLimited, "rate limited"),
    ("dynamic_token_limited", ErrorClass::RateLimited, "rate limited"),
    ("server_is_overloaded", ErrorClass::Overloaded, "overloaded"),
    ("service_unavailable_error", ErrorClass::Overloaded, "overloaded"),
    ("overloaded_error", ErrorClass::Overloaded, "overloaded"),
    ("engine_overloaded", ErrorClass::Overloaded, "overloaded"),
    ("engine_overloaded_error", ErrorClass::Overloaded, "overloaded"),
];

/// What an answer with an error status means. `now` is the wall clock, for dates in headers.
#[must_use]
pub fn classify(status: u16, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Verdict {
    let error = ErrorBody::read(body);
    verdict(status, headers, &error, now)
}

/// What an error object means that came inside an answer with status 200. Its own numeric code takes the status's place.
#[must_use]
pub(crate) fn classify_inside(error: &[u8], headers: &HeaderMap, now: SystemTime) -> Verdict {
    let error = ErrorBody::read(error);
    let status = error.code.parse().ok().filter(|code| (400..600).contains(code)).unwrap_or(500);
    let verdict = verdict(status, headers, &error, now);
    Verdict { message: format!("{} (inside an answer of status 200)", verdict.message), ..verdict }
}

fn verdict(status: u16, headers: &HeaderMap, error: &ErrorBody, now: SystemTime) -> Verdict {
    let hint = retry_hint(headers, now);
    let (class, retry, note) = match by_word(error) {
        Some((class, note)) => (class, retry_of(class), note),
        None => by_status(status, headers, hint, error),
    };
    let retry = if asked_not_to_retry(headers) { Retry::Never } else { retry };
    Verdict { class, retry, hint, paid: paid(status), message: describe(status, error, note) }
}

fn by_word(error: &ErrorBody) -> Option<(ErrorClass, &'static str)> {
    if is_wall(&error.message) {
        return Some((ErrorClass::BadRequest, "request larger than the whole limit"));
    }
    [&error.code, &error.kind].into_iter().find_map(|word| {
        WORDS.iter().find(|(known, ..)| known == word).map(|(_, class, note)| (*class, *note))
    })
}

fn by_status(
    status: u16,
    headers: &HeaderMap,
    hint: Option<Duration>,
    error: &ErrorBody,
) -> (ErrorClass, Retry, &'static str) {
    let (class, note) = status_row(status, hint, error);
    let asked = headers.get("x-should-retry").is_some_and(|value| value == "true");
    if asked && retry_of(class) == Retry::Never {
        return (ErrorClass::Transient, Retry::Again, note);
    }
    (class, retry_of(class), note)
}

fn status_row(status: u16, hint: Option<Duration>, error: &ErrorBody) -> (ErrorClass, &'static str) {
    match status {
        300..=399 => (ErrorClass::Config, "sent elsewhere: the address is not the provider's own"),
        401 => (ErrorClass::Config, "key refused"),
        402 if hint.is_some() || error.in_flight_budget => {
            (ErrorClass::RateLimited, "too much money in flight")
        }
        402 => (ErrorClass::Config, "quota exhausted"),
        403 => (ErrorClass::Config, "access refused"),
        404 | 405 => (ErrorClass::Config, "no such model, or not the address of its API"),
        407 => (ErrorClass::Config, "the proxy wants a password"),
        408 | 409 | 425 => (ErrorClass::Transient, "try again"),
        429 => (ErrorClass::RateLimited, "rate limited"),
        503 | 529 => (ErrorClass::Overloaded, "overloaded"),
        500..=599 => (ErrorClass::Transient, "the provider failed"),
        _ => (ErrorClass::BadRequest, "request refused"),
    }
}

fn retry_of(class: ErrorClass) -> Retry {
    match class {
        ErrorClass::Transient | ErrorClass::RateLimited | ErrorClass::Overloaded => Retry::Again,
        ErrorClass::Config | ErrorClass::BadRequest | ErrorClass::Cancelled => Retry::Never,
    }
}

fn asked_not_to_retry(headers: &HeaderMap) -> bool {
    headers.get("x-should-retry").is_some_and(|value| value == "false")
}

/// A gateway that gave up waiting may have lost a finished answer.
fn paid(status: u16) -> Paid {
    if matches!(status, 408 | 502 | 504 | 524) { Paid::Maybe } else { Paid::No }
}

/// "Limit 10000, Requested 11454": the request alone is larger than a whole minute's limit, and will never fit.
fn is_wall(message: &str) -> bool {
    match (number_after(message, "Limit "), number_after(message, "Requested ")) {
        (Some(limit), Some(requested)) => requested > limit,
        _ => false,
    }
}

fn number_after(text: &str, word: &str) -> Option<u64> {
    let (_, rest) = text.split_once(word)?;
    let digits: String =
        rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    digits.parse().ok()
}

/// How long the provider asked to wait: `retry-after-ms`, else `retry-after` in seconds or as a date.
fn retry_hint(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let millis = text("retry-after-ms").and_then(|value| duration(value, 0.001));
    let hint = millis.or_else(|| {
        let value = text("retry-after")?;
        duration(value, 1.0).or_else(|| until(value, now))
    });
    hint.map(|hint| hint.min(MAX_HINT))
}

fn duration(value: &str, unit_s: f64) -> Option<Duration> {
    let seconds = value.parse::<f64>().ok()? * unit_s;
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(MAX_HINT))
}

/// The time until a date; none at all if it has passed.
fn until(value: &str, now: SystemTime) -> Option<Duration> {
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

fn describe(status: u16, error: &ErrorBody, note: &str) -> String {
    let word = if error.code.is_empty() { &error.kind } else { &error.code };
    let word = if word.is_empty() { String::new() } else { format!(" ({word})") };
    let said = if error.message.is_empty() { String::new() } else { format!(": {}", error.message) };
    format!("{note}: the provider answered {status}{word}{said}")
}

// === impl ErrorBody ===

impl ErrorBody {
    /// Read whatever shape is at hand: `{"error":{...}}`, `{"error":"..."}`, a one-element array of these, or the object
    /// itself. What is not JSON says nothing.
    fn read(body: &[u8]) -> Self {
        let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return Self::default() };
        if let Value::Array(items) = &mut value
            && !items.is_empty()
        {
            value = items.swap_remove(0);
        }
        if let Some(inner) = value.get_mut("error").filter(|inner| !inner.is_null()) {
            value = inner.take();
        }
        Self::of(&value)
    }

    fn of(error: &Value) -> Self {
        let field = |name: &str| match error.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let message = match error {
            Value::String(text) => text.clone(),
            _ => [field("message"), field("detail")]
                .into_iter()
                .find(|text| !text.is_empty())
                .unwrap_or_default(),
        };
        let limit_source = error.pointer("/metadata/limit_source").and_then(Value::as_str);
        let in_flight_budget = limit_source == Some("openrouter_in_flight_budget");
        Self { code: field("code"), kind: field("type"), message, in_flight_budget }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S)
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("header")))
            .collect()
    }

    fn judge(status: u16, pairs: &[(&'static str, &'static str)], body: &str) -> Verdict {
        classify(status, &headers(pairs), body.as_bytes(), now())
    }

    fn error(kind: &str, code: &str, message: &str) -> String {
        serde_json::json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
            .to_string()
    }

    #[test]
    fn every_row_of_the_table_decides_over_the_status_by_code_and_by_type() {
        for (word, class, note) in WORDS {
            for body in [error("", word, "m"), error(word, "", "m"), error(word, "unheard_of", "m")] {
                let verdict = judge(418, &[], &body);
                assert_eq!((verdict.class, verdict.retry), (*class, retry_of(*class)), "{body}");
                assert!(verdict.message.starts_with(note), "{}", verdict.message);
            }
        }
    }

    #[test]
    fn every_status_without_a_known_code_has_its_class() {
        use ErrorClass::{BadRequest, Config, Overloaded, RateLimited, Transient};
        for (status, class) in [
            (301, Config),
            (400, BadRequest),
            (401, Config),
            (402, Config),
            (403, Config),
            (404, Config),
            (405, Config),
            (407, Config),
            (408, Transient),
            (409, Transient),
            (413, BadRequest),
            (422, BadRequest),
            (425, Transient),
            (429, RateLimited),
            (500, Transient),
            (502, Transient),
            (503, Overloaded),
            (504, Transient),
            (520, Transient),
            (524, Transient),
            (529, Overloaded),
        ] {
            let verdict = judge(status, &[], "<html>no json</html>");
            assert_eq!((verdict.class, verdict.retry), (class, retry_of(class)), "{status}");
            assert!(!verdict.message.contains("html"), "an answer's text is not repeated");
        }
    }

    #[test]
    fn a_quota_429_is_never_tried_again_whatever_its_code() {
        let body = error("insufficient_quota", "some_new_spend_limit", "You exceeded your current quota");
        let verdict = judge(429, &[("retry-after", "1")], &body);
        assert_eq!((verdict.class, verdict.retry), (ErrorClass::Config, Retry::Never));
    }

    #[test]
    fn a_request_larger_than_the_whole_limit_is_a_wall_and_not_a_rate() {
        let wall = "Request too large for gpt-5.2 on tokens per min (TPM): Limit 10,000, Requested 11454.";
        assert_eq!(
            judge(429, &[], &error("tokens", "rate_limit_exceeded", wall)).class,
            ErrorClass::BadRequest
        );
        let rate = "Rate limit reached on tokens per min (TPM): Limit 10000, Used 9000, Requested 2000.";
        assert_eq!(
            judge(429, &[], &error("tokens", "rate_limit_exceeded", rate)).class,
            ErrorClass::RateLimited
        );
    }

    #[test]
    fn a_402_waits_only_where_the_provider_says_that_waiting_helps() {
        let held = r#"{"error":{"code":402,"message":"m","metadata":{"limit_source":"openrouter_in_flight_budget"}}}"#;
        assert_eq!(judge(402, &[], held).class, ErrorClass::RateLimited);
        assert_eq!(judge(402, &[("retry-after", "3")], "").class, ErrorClass::RateLimited);
        assert_eq!(judge(402, &[], r#"{"error":{"code":402,"message":"m"}}"#).class, ErrorClass::Config);
    }

    #[test]
    fn x_should_retry_counts_after_the_code_and_before_the_status() {
        assert_eq!(judge(400, &[("x-should-retry", "true")], "").retry, Retry::Again);
        assert_eq!(judge(500, &[("x-should-retry", "false")], "").retry, Retry::Never);
        let quota = error("insufficient_quota", "insufficient_quota", "m");
        assert_eq!(judge(429, &[("x-should-retry", "true")], &quota).retry, Retry::Never);
    }

    #[test]
    fn hints_are_read_in_milliseconds_seconds_and_dates() {
        let date = httpdate::fmt_http_date(now() + Duration::from_secs(90));
        let past = httpdate::fmt_http_date(now() - Duration::from_secs(90));
        let hint = |pairs: &[(&'static str, &str)]| {
            let pairs =
                pairs.iter().map(|(n, v)| (http::HeaderName::from_static(n), v.parse().expect("header")));
            retry_hint(&pairs.collect(), now())
        };
        assert_eq!(hint(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(hint(&[("retry-after", " 1.5 ")]), Some(Duration::from_millis(1_500)));
        assert_eq!(
            hint(&[("retry-after-ms", "250"), ("retry-after", "7")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(hint(&[("retry-after", &date)]), Some(Duration::from_secs(90)));
        assert_eq!(hint(&[("retry-after", &past)]), Some(Duration::ZERO));
    }

    #[test]
    fn hostile_hints_are_ignored_or_bounded() {
        let hint = |value: &'static str| retry_hint(&headers(&[("retry-after", value)]), now());
        for value in ["-1", "NaN", "soon", ""] {
            assert_eq!(hint(value), None, "{value}");
        }
        for value in ["1e300", "inf", "99999999999999999999"] {
            assert_eq!(hint(value), Some(MAX_HINT), "{value}");
        }
    }

    #[test]
    fn every_shape_of_an_error_body_is_read() {
        for body in [
            r#"{"error":{"message":"boom","type":"t","code":"c"}}"#,
            r#"[{"error":{"message":"boom","code":400}}]"#,
            r#"{"error":"boom"}"#,
            r#"{"object":"error","message":"boom","type":"NotFoundError","code":404}"#,
            r#"{"detail":"boom"}"#,
            "\n\n {\"error\":{\"message\":\"boom\"}}",
        ] {
            assert!(judge(400, &[], body).message.ends_with(": boom"), "{body}");
        }
        let deep = "[".repeat(100_000);
        for body in ["", "null", "[]", "{}", "{\"error\":null}", "{\"error\":[]}", "\u{0}", &deep] {
            assert_eq!(judge(400, &[], body).class, ErrorClass::BadRequest);
        }
    }

    #[test]
    fn an_error_inside_a_200_takes_its_own_code_as_status() {
        let inside = |error: &str| classify_inside(error.as_bytes(), &HeaderMap::new(), now()).class;
        assert_eq!(inside(r#"{"code":429,"message":"m"}"#), ErrorClass::RateLimited);
        assert_eq!(inside(r#"{"code":401,"message":"m"}"#), ErrorClass::Config);
        assert_eq!(inside(r#"{"code":"server_error","message":"m"}"#), ErrorClass::Transient);
        assert_eq!(inside(r#""boom""#), ErrorClass::Transient);
    }

    #[test]
    fn a_gateways_time_out_may_have_been_paid_for() {
        assert_eq!(judge(524, &[], "").paid, Paid::Maybe);
        assert_eq!(judge(500, &[], "").paid, Paid::No);
    }
}
