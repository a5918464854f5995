//! The headers of each provider: ids, quotas, and how long to wait, in four ways to write a time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::bucket::Quota;
use crate::fault::mix;
use crate::pools::Admission;
use crate::profile::Profile;

/// The id of a request, as this provider writes ids.
pub(crate) fn request_id(profile: Profile, number: u64) -> String {
    let (first, second) = (mix(number), mix(mix(number)));
    match profile {
        Profile::Anthropic => format!("req_011{first:016x}{:05x}", second >> 44),
        Profile::Zai => format!("20261124{first:016x}"),
        Profile::Azure => format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            first >> 32,
            first >> 16 & 0xffff,
            first & 0xfff,
            second >> 52,
            second & 0xffff_ffff_ffff
        ),
        _ => format!("req_{first:016x}{second:016x}"),
    }
}

/// Headers of every answer to a call.
pub(crate) fn sign(headers: &mut HeaderMap, profile: Profile, id: &str, took: Duration) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match profile {
        Profile::Anthropic => {
            text(headers, "request-id", id);
            text(headers, "anthropic-organization-id", "00000000-0000-4000-8000-000000000000");
        }
        Profile::Gemini => text(headers, "server-timing", &format!("gfet4t7; dur={took_ms}")),
        Profile::Azure => {
            text(headers, "apim-request-id", id);
            text(headers, "x-request-id", id);
            text(headers, "x-ms-region", "Nowhere");
        }
        Profile::Moonshot => text(headers, "msh-request-id", id),
        Profile::DeepSeek => text(headers, "x-ds-trace-id", id),
        Profile::OpenRouter => text(headers, "x-generation-id", id),
        _ => {
            text(headers, "x-request-id", id);
            number(headers, "openai-processing-ms", took_ms);
            text(headers, "openai-version", "2020-10-01");
        }
    }
}

/// What is left of the quotas.
pub(crate) fn quotas(headers: &mut HeaderMap, profile: Profile, admission: &Admission) {
    match profile {
        Profile::Anthropic => anthropic(headers, admission),
        // None of them says anything.
        Profile::Gemini | Profile::Zai | Profile::DeepSeek => {}
        Profile::Moonshot => moonshot(headers, admission),
        Profile::Together => together(headers, admission),
        Profile::OpenRouter if admission.refused.is_none() => {}
        _ => openai(headers, admission),
    }
}

/// How long to wait: whole seconds, rounded up and never 0, and at OpenAI milliseconds too.
pub(crate) fn retry_after(headers: &mut HeaderMap, profile: Profile, wait: Duration) {
    // None of these tells it in a header.
    if matches!(profile, Profile::Gemini | Profile::Zai | Profile::DeepSeek) {
        return;
    }
    let whole_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    headers.insert(RETRY_AFTER, HeaderValue::from(whole_s.max(1)));
    if matches!(profile, Profile::OpenAi | Profile::Azure | Profile::Compatible | Profile::Vllm) {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        number(headers, "retry-after-ms", ms);
    }
}

fn openai(headers: &mut HeaderMap, admission: &Admission) {
    if let Some(quota) = admission.requests {
        number(headers, "x-ratelimit-limit-requests", quota.limit);
        number(headers, "x-ratelimit-remaining-requests", quota.remaining);
        text(headers, "x-ratelimit-reset-requests", &go_duration(quota.reset));
    }
    if let Some(quota) = admission.tokens {
        number(headers, "x-ratelimit-limit-tokens", quota.limit);
        number(headers, "x-ratelimit-remaining-tokens", quota.remaining);
        text(headers, "x-ratelimit-reset-tokens", &go_duration(quota.reset));
    }
}

fn anthropic(headers: &mut HeaderMap, admission: &Admission) {
    let now = SystemTime::now();
    let mut tell = |kind: &str, quota: Quota, remaining: u64| {
        number(headers, &format!("anthropic-ratelimit-{kind}-limit"), quota.limit);
        number(headers, &format!("anthropic-ratelimit-{kind}-remaining"), remaining);
        text(headers, &format!("anthropic-ratelimit-{kind}-reset"), &rfc3339(now + quota.reset));
    };
    // Tokens are told in thousands.
    let rounded = |quota: Quota| (quota.remaining + 500) / 1_000 * 1_000;
    if let Some(quota) = admission.requests {
        tell("requests", quota, quota.remaining);
    }
    for (kind, quota) in [("input-tokens", admission.input), ("output-tokens", admission.output)] {
        if let Some(quota) = quota {
            tell(kind, quota, rounded(quota));
        }
    }
    // The most restrictive of them.
    let tightest = [admission.tokens, admission.input, admission.output].into_iter().flatten();
    if let Some(quota) = tightest.min_by_key(|quota| quota.remaining) {
        tell("tokens", quota, rounded(quota));
    }
}

fn moonshot(headers: &mut HeaderMap, admission: &Admission) {
    if let Some(quota) = admission.requests {
        number(headers, "x-ratelimit-limit", quota.limit);
        number(headers, "x-ratelimit-remaining", quota.remaining);
        number(headers, "x-ratelimit-reset", quota.reset.as_secs() + 1);
    }
}

/// Per second, where everyone else says per minute.
fn together(headers: &mut HeaderMap, admission: &Admission) {
    if let Some(quota) = admission.requests {
        number(headers, "x-ratelimit-limit", quota.limit / 60);
        number(headers, "x-ratelimit-remaining", quota.remaining);
        number(headers, "x-ratelimit-reset", quota.reset.as_secs() + 1);
        number(headers, "x-ratelimit-limit-dynamic", quota.limit / 60);
        number(headers, "x-ratelimit-remaining-dynamic", quota.remaining);
    }
    if let Some(quota) = admission.tokens {
        number(headers, "x-tokenlimit-limit", quota.limit / 60);
        number(headers, "x-tokenlimit-remaining", quota.remaining);
    }
}

fn text(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

fn number(headers: &mut HeaderMap, name: &str, value: u64) {
    if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
        headers.insert(name, HeaderValue::from(value));
    }
}

/// A duration as Go prints it: `20ms`, `1s`, `1m26.4s`.
pub(crate) fn go_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    let (minutes, ms) = (ms / 60_000, ms % 60_000);
    let seconds = ms as f64 / 1_000.0;
    match (minutes, ms) {
        (0, 1..1_000) => format!("{ms}ms"),
        (0, _) => format!("{seconds}s"),
        _ => format!("{minutes}m{seconds}s"),
    }
}

/// A moment as RFC 3339 has it, to the second that is not yet over.
pub(crate) fn rfc3339(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() + u64::from(since.subsec_nanos() > 0);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day since 1970. Years begin in March here, so that a leap day is their last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (ms, text) in [(0, "0s"), (20, "20ms"), (1_000, "1s"), (360_000, "6m0s"), (86_400, "1m26.4s")] {
            assert_eq!(go_duration(Duration::from_millis(ms)), text);
        }
        assert_eq!(go_duration(Duration::from_nanos(1)), "1ms");
    }

    #[test]
    fn moments_are_written_as_rfc_3339_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_795_521_600, "2026-11-24T12:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn each_provider_tells_its_quotas_in_its_own_way_or_not_at_all() {
        let quota = |limit, remaining| Quota { limit, remaining, reset: Duration::from_millis(1_500) };
        let admission = Admission {
            requests: Some(quota(600, 7)),
            tokens: Some(quota(60_000, 1_700)),
            input: Some(quota(30_000, 499)),
            output: Some(quota(8_000, 12_600)),
            ..Admission::default()
        };
        let told = |profile| {
            let mut headers = HeaderMap::new();
            quotas(&mut headers, profile, &admission);
            headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
                .collect::<Vec<_>>()
        };
        let has = |profile, line: &str| {
            assert!(told(profile).contains(&line.to_owned()), "{line} of {:?}", told(profile));
        };
        has(Profile::OpenAi, "x-ratelimit-reset-requests: 1.5s");
        has(Profile::Anthropic, "anthropic-ratelimit-requests-remaining: 7");
        has(Profile::Anthropic, "anthropic-ratelimit-input-tokens-remaining: 0");
        has(Profile::Anthropic, "anthropic-ratelimit-output-tokens-remaining: 13000");
        has(Profile::Anthropic, "anthropic-ratelimit-tokens-limit: 30000");
        has(Profile::Together, "x-ratelimit-limit: 10");
        has(Profile::Moonshot, "x-ratelimit-remaining: 7");
        for silent in [Profile::Gemini, Profile::Zai, Profile::DeepSeek, Profile::OpenRouter] {
            assert!(told(silent).is_empty(), "{silent}");
        }
    }

    #[test]
    fn a_wait_is_whole_seconds_and_never_none() {
        for (ms, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (20_000, "20")] {
            let mut headers = HeaderMap::new();
            retry_after(&mut headers, Profile::Anthropic, Duration::from_millis(ms));
            assert_eq!(headers[RETRY_AFTER], seconds);
            assert!(!headers.contains_key("retry-after-ms"));
        }
    }
}
