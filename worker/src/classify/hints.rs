//! How long a provider asks to wait, in the many ways of saying so: a header in milliseconds, in seconds or as a date, a
//! field of the body, the headers of a spent allowance, or the message's own words.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::calendar;

/// Longer waits than a day are taken as a day: nothing waits so long, and sums of them must not overflow.
pub(crate) const MAX_HINT: Duration = Duration::from_secs(24 * 60 * 60);

/// Z.ai writes its resets in Beijing's time, without a zone.
const BEIJING_S: i64 = 8 * 3_600;

/// Words before a wait in a message, and what its number counts if no unit stands behind it.
const WAIT_WORDS: &[&str] = &["try again in ", "retry in ", "retry after ", "try again after ", "resets in "];

/// Words before the time of a reset in a message.
const RESET_WORDS: &[&str] = &["reset at ", "resets at ", "regain access on ", "access again on "];

/// The allowances whose remainder and reset stand in headers.
const ALLOWANCES: &[(&str, &str)] = &[
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining-project-tokens", "x-ratelimit-reset-project-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
];

/// `retry-after-ms`, else `retry-after` in seconds or as a date.
pub(super) fn of_headers(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let millis = text(headers, "retry-after-ms").and_then(|value| number(value, 0.001));
    let hint = millis.or_else(|| {
        let value = text(headers, "retry-after")?;
        number(value, 1.0).or_else(|| http_date(value, now))
    });
    hint.map(bounded)
}

/// Whether the answer says at all when to come again.
pub(super) fn says_when(headers: &HeaderMap) -> bool {
    headers.contains_key("retry-after") || headers.contains_key("retry-after-ms")
}

/// The longest reset of an allowance that is used up.
pub(super) fn of_allowances(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let spent = ALLOWANCES.iter().filter(|(remaining, _)| text(headers, remaining) == Some("0"));
    spent.filter_map(|(_, reset)| reset_of(text(headers, reset)?, now)).max()
}

/// A reset as a Go duration (`1m26.4s`), an RFC 3339 date, or bare seconds.
pub(crate) fn reset_of(value: &str, now: SystemTime) -> Option<Duration> {
    let dated = || calendar::date_time(value, 0).map(|then| calendar::until(then, now));
    go_duration(value).or_else(|| number(value, 1.0)).or_else(dated).map(bounded)
}

/// A wait in a message's words: "Please try again in 7m12s.", "Please retry after 26 seconds."
pub(super) fn of_message(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    WAIT_WORDS.iter().find_map(|words| wait(after(&lower, words)?)).map(bounded)
}

/// The time until the reset that a message names: "Your limit will reset at 2026-11-23 20:00:00". One that has just
/// passed still means a minute: clocks differ, and a quota is not asked after every second.
pub(super) fn of_reset_words(message: &str, now: SystemTime) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let reset = RESET_WORDS.iter().find_map(|words| reset_time(after(&lower, words)?))?;
    Some(bounded(calendar::until(reset, now).max(Duration::from_secs(60))))
}

/// A Go duration (`20ms`, `6m0s`, `1m26.4s`, `2h`); none if it is no such thing.
pub(crate) fn go_duration(text: &str) -> Option<Duration> {
    let (mut rest, mut sum_s) = (text, 0.0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let count: f64 = rest.get(..digits)?.parse().ok()?;
        let (unit_s, length) = unit(rest.get(digits..)?)?;
        sum_s += count * unit_s;
        rest = rest.get(digits + length..)?;
    }
    seconds(sum_s)
}

pub(super) fn bounded(hint: Duration) -> Duration {
    hint.min(MAX_HINT)
}

fn unit(text: &str) -> Option<(f64, usize)> {
    let units = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3_600.0),
        ("d", 86_400.0),
    ];
    units.into_iter().find(|(name, _)| text.starts_with(name)).map(|(name, unit_s)| (unit_s, name.len()))
}

/// "7m12s." or "26 seconds" or "1 second" or "2 minutes".
fn wait(text: &str) -> Option<Duration> {
    let first = text.split([' ', ',', ';', ')']).next()?.trim_end_matches('.');
    if let Some(wait) = go_duration(first) {
        return Some(wait);
    }
    let unit_s = match text.split_whitespace().nth(1).unwrap_or_default() {
        word if word.starts_with("milli") || word == "ms" => 0.001,
        word if word.starts_with("min") => 60.0,
        word if word.starts_with("hour") => 3_600.0,
        _ => 1.0,
    };
    number(first, unit_s)
}

/// "2026-11-23 20:00:00", "2026-11-23T12:00:00Z", or "2026-12-01 at 00:00 UTC".
fn reset_time(text: &str) -> Option<i64> {
    let date = text.get(..10)?;
    if let Some(clock) = text.get(10..)?.strip_prefix(" at ") {
        return calendar::date_time(&format!("{date}T{}:00Z", clock.get(..5)?), 0);
    }
    calendar::date_time(text, BEIJING_S)
}

fn after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    text.split_once(words).map(|(_, rest)| rest)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

fn number(value: &str, unit_s: f64) -> Option<Duration> {
    seconds(value.parse::<f64>().ok()? * unit_s)
}

fn seconds(seconds: f64) -> Option<Duration> {
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(MAX_HINT))
}

/// The time until a date of HTTP's; nothing if it has passed.
fn http_date(value: &str, now: SystemTime) -> Option<Duration> {
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T08:00:00Z.
    const NOW_S: u64 = 1_795_420_800;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("header")))
            .collect()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn hints_are_read_in_milliseconds_seconds_and_dates() {
        let date = httpdate::fmt_http_date(now() + Duration::from_secs(90));
        let past = httpdate::fmt_http_date(now() - Duration::from_secs(90));
        let hint = |pairs: &[(&'static str, &str)]| of_headers(&headers(pairs), now());
        assert_eq!(hint(&[("retry-after", "7")]), Some(ms(7_000)));
        assert_eq!(hint(&[("retry-after", " 1.5 ")]), Some(ms(1_500)));
        assert_eq!(hint(&[("retry-after-ms", "250"), ("retry-after", "7")]), Some(ms(250)));
        assert_eq!(hint(&[("retry-after", &date)]), Some(ms(90_000)));
        assert_eq!(hint(&[("retry-after", &past)]), Some(Duration::ZERO));
    }

    #[test]
    fn hostile_hints_are_ignored_or_bounded() {
        let hint = |value: &'static str| of_headers(&headers(&[("retry-after", value)]), now());
        for value in ["-1", "NaN", "soon", ""] {
            assert_eq!(hint(value), None, "{value}");
        }
        for value in ["1e300", "inf", "99999999999999999999"] {
            assert_eq!(hint(value), Some(MAX_HINT), "{value}");
        }
        for value in ["", ".", "s", "1", "1x", "-1s", "1s2", "..s", "1ä", "µs"] {
            assert_eq!(go_duration(value), None, "{value}");
        }
        assert_eq!(reset_of("99999999h", now()), Some(MAX_HINT));
    }

    #[test]
    fn resets_are_read_as_go_durations_as_dates_and_as_seconds() {
        for (value, wait) in [
            ("20ms", ms(20)),
            ("1s", ms(1_000)),
            ("6m0s", ms(360_000)),
            ("1m26.4s", ms(86_400)),
            ("7h12m", ms(25_920_000)),
            ("34s", ms(34_000)),
            ("3", ms(3_000)),
            ("2026-11-23T08:00:05Z", ms(5_000)),
            ("2026-11-23T07:59:05Z", ms(0)),
        ] {
            assert_eq!(reset_of(value, now()), Some(wait), "{value}");
        }
    }

    #[test]
    fn the_longest_reset_of_what_is_used_up_counts() {
        let spent = headers(&[
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "1m26.4s"),
            ("x-ratelimit-remaining-project-tokens", "9"),
            ("x-ratelimit-reset-project-tokens", "9h"),
        ]);
        assert_eq!(of_allowances(&spent, now()), Some(ms(86_400)));
        assert_eq!(of_allowances(&HeaderMap::new(), now()), None);
    }

    #[test]
    fn waits_in_words_are_read() {
        for (message, wait) in [
            ("Limit 3, Used 3, Requested 1. Please try again in 7m12s. Visit the page.", 432_000),
            ("Please try again in 20ms.", 20),
            ("Please retry in 34.074824224s.", 34_075),
            ("exceeded token rate limit. Please retry after 26 seconds.", 26_000),
            ("max RPM: 3, please try again after 1 seconds", 1_000),
            ("Try again in 2 minutes", 120_000),
        ] {
            let read = of_message(message).expect(message);
            assert_eq!(
                u64::try_from(read.as_secs_f64().mul_add(1_000.0, 0.5) as u128),
                Ok(wait),
                "{message}"
            );
        }
        for message in ["", "try again in ", "try again in a while", "retry after \u{0}"] {
            assert_eq!(of_message(message), None, "{message}");
        }
    }

    #[test]
    fn resets_in_words_are_read_in_the_zone_of_their_writer() {
        let reset = |message| of_reset_words(message, now());
        assert_eq!(reset("Your limit will reset at 2026-11-23 17:00:00"), Some(ms(3_600_000)));
        assert_eq!(reset("You will regain access on 2026-11-23 at 10:00 UTC."), Some(ms(7_200_000)));
        assert_eq!(reset("You will regain access on 2026-12-01 at 00:00 UTC."), Some(MAX_HINT));
        assert_eq!(reset("limit will reset at 2026-11-23 15:59:59"), Some(ms(60_000)), "it has passed");
        assert_eq!(reset("will reset at some time"), None);
    }
}
