//! What a provider's headers say of its limits. Pure. They are hints of a stranger: what can't be is ignored, and whoever
//! uses them may only lower what is known by them.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use crate::classify::reset_of;

/// No provider allows a million million of anything a minute; who says so counts something else.
const MAX_PER_MINUTE: u64 = 1_000_000_000_000;

/// Whose headers of limits an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RateHeaders {
    /// None that are known.
    #[default]
    None,
    /// `x-ratelimit-{limit,remaining,reset}-{requests,tokens,project-tokens}`, a minute's; resets are Go durations.
    OpenAi,
    /// `anthropic-ratelimit-{requests,input-tokens,output-tokens}-{limit,remaining,reset}`, a minute's; resets are dates.
    Anthropic,
    /// `x-ratelimit-{limit,remaining,reset}` and `x-tokenlimit-{limit,remaining}`, a second's, and their `-dynamic` ones.
    Together,
}

/// The limits that an answer's headers name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observed {
    /// Requests.
    pub requests: Window,
    /// Tokens, in and out together.
    pub tokens: Window,
    /// Tokens in, where they are counted apart.
    pub input_tokens: Window,
    /// Tokens out, where they are counted apart.
    pub output_tokens: Window,
}

/// One limit, as far as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// How many a minute; at least 1.
    pub per_minute: Option<u64>,
    /// How many are left right now.
    pub remaining: Option<u64>,
    /// When all are there again.
    pub reset: Option<Duration>,
}

// === impl Observed ===

impl Observed {
    /// Read an answer's headers. `now` is the wall clock, for dates.
    #[must_use]
    pub fn read(whose: RateHeaders, headers: &HeaderMap, now: SystemTime) -> Self {
        let read = Reader { headers, now };
        match whose {
            RateHeaders::None => Self::default(),
            RateHeaders::OpenAi => read.openai(),
            RateHeaders::Anthropic => read.anthropic(),
            RateHeaders::Together => read.together(),
        }
    }

    /// Whether they said nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

// === impl Window ===

impl Window {
    /// The tighter of two limits on the same thing.
    fn min(self, other: Self) -> Self {
        let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        Self {
            per_minute: least(self.per_minute, other.per_minute),
            remaining: least(self.remaining, other.remaining),
            reset: self.reset.max(other.reset),
        }
    }

    /// From a second's to a minute's.
    fn of_seconds(self) -> Self {
        let per_minute = self.per_minute.and_then(|per_second| per_second.checked_mul(60));
        Self { per_minute: per_minute.filter(|limit| *limit <= MAX_PER_MINUTE), ..self }
    }
}

struct Reader<'a> {
    headers: &'a HeaderMap,
    now: SystemTime,
}

// === impl Reader ===

impl Reader<'_> {
    fn openai(&self) -> Observed {
        let window = |what: &str| {
            self.window(
                &format!("x-ratelimit-limit-{what}"),
                &format!("x-ratelimit-remaining-{what}"),
                &format!("x-ratelimit-reset-{what}"),
            )
        };
        let tokens = window("tokens").min(window("project-tokens"));
        Observed { requests: window("requests"), tokens, ..Observed::default() }
    }

    /// Its `-tokens-` headers are left out: they repeat whichever of the others is the tightest.
    fn anthropic(&self) -> Observed {
        let window = |what: &str| {
            let name = |part: &str| format!("anthropic-ratelimit-{what}-{part}");
            self.window(&name("limit"), &name("remaining"), &name("reset"))
        };
        Observed {
            requests: window("requests"),
            input_tokens: window("input-tokens"),
            output_tokens: window("output-tokens"),
            ..Observed::default()
        }
    }

    fn together(&self) -> Observed {
        let window = |kind: &str| {
            let dynamic = self.window(
                &format!("{kind}-limit-dynamic"),
                &format!("{kind}-remaining-dynamic"),
                &format!("{kind}-reset"),
            );
            let fixed =
                self.window(&format!("{kind}-limit"), &format!("{kind}-remaining"), &format!("{kind}-reset"));
            fixed.min(dynamic).of_seconds()
        };
        Observed { requests: window("x-ratelimit"), tokens: window("x-tokenlimit"), ..Observed::default() }
    }

    fn window(&self, limit: &str, remaining: &str, reset: &str) -> Window {
        let count = |name: &str| self.text(name)?.parse::<u64>().ok().filter(|n| *n <= MAX_PER_MINUTE);
        let per_minute = count(limit).filter(|limit| *limit > 0);
        // Where there is no limit OpenAI sends -1 and 0: then nothing is said of a remainder either.
        let remaining = per_minute.and_then(|_| count(remaining));
        let reset = self.text(reset).and_then(|value| reset_of(value, self.now));
        Window { per_minute, remaining, reset: per_minute.and(reset) }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> SystemTime {
        // 2026-11-23T08:00:00Z.
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_420_800)
    }

    fn read(whose: RateHeaders, pairs: &[(&'static str, &str)]) -> Observed {
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("header")))
            .collect();
        Observed::read(whose, &headers, now())
    }

    fn window(per_minute: u64, remaining: u64, reset_ms: u64) -> Window {
        let reset = Some(Duration::from_millis(reset_ms));
        Window { per_minute: Some(per_minute), remaining: Some(remaining), reset }
    }

    #[test]
    fn openais_limits_are_a_minutes_and_the_projects_counts_if_it_is_tighter() {
        let observed = read(
            RateHeaders::OpenAi,
            &[
                ("x-ratelimit-limit-requests", "500"),
                ("x-ratelimit-remaining-requests", "499"),
                ("x-ratelimit-reset-requests", "120ms"),
                ("x-ratelimit-limit-tokens", "500000"),
                ("x-ratelimit-remaining-tokens", "499000"),
                ("x-ratelimit-reset-tokens", "1s"),
                ("x-ratelimit-limit-project-tokens", "40000"),
                ("x-ratelimit-remaining-project-tokens", "1000"),
                ("x-ratelimit-reset-project-tokens", "1m26.4s"),
            ],
        );
        let tokens = window(40_000, 1_000, 86_400);
        assert_eq!(observed, Observed { requests: window(500, 499, 120), tokens, ..Observed::default() });
    }

    #[test]
    fn anthropics_limits_are_read_apart_and_its_summary_is_not() {
        let observed = read(
            RateHeaders::Anthropic,
            &[
                ("anthropic-ratelimit-requests-limit", "1000"),
                ("anthropic-ratelimit-requests-remaining", "999"),
                ("anthropic-ratelimit-requests-reset", "2026-11-23T08:00:01Z"),
                ("anthropic-ratelimit-input-tokens-limit", "2000000"),
                ("anthropic-ratelimit-input-tokens-remaining", "1999000"),
                ("anthropic-ratelimit-input-tokens-reset", "2026-11-23T08:00:02Z"),
                ("anthropic-ratelimit-output-tokens-limit", "400000"),
                ("anthropic-ratelimit-output-tokens-remaining", "400000"),
                ("anthropic-ratelimit-output-tokens-reset", "2026-11-23T08:00:00Z"),
                ("anthropic-ratelimit-tokens-limit", "400000"),
            ],
        );
        assert_eq!(observed.tokens, Window::default());
        assert_eq!(observed.requests, window(1_000, 999, 1_000));
        assert_eq!(observed.input_tokens, window(2_000_000, 1_999_000, 2_000));
        assert_eq!(observed.output_tokens, window(400_000, 400_000, 0));
    }

    #[test]
    fn togethers_limits_are_a_seconds_and_the_dynamic_one_counts() {
        let observed = read(
            RateHeaders::Together,
            &[
                ("x-ratelimit-limit", "10"),
                ("x-ratelimit-limit-dynamic", "3"),
                ("x-ratelimit-remaining", "2"),
                ("x-ratelimit-reset", "1"),
                ("x-tokenlimit-limit", "3000"),
                ("x-tokenlimit-remaining", "2900"),
            ],
        );
        assert_eq!(observed.requests, window(180, 2, 1_000));
        assert_eq!((observed.tokens.per_minute, observed.tokens.remaining), (Some(180_000), Some(2_900)));
    }

    #[test]
    fn where_there_is_no_limit_nothing_is_said_of_it() {
        for limit in ["-1", "0", "", "many", "1e9", "99999999999999999999", "1000000000001"] {
            let pairs = [("x-ratelimit-limit-requests", limit), ("x-ratelimit-remaining-requests", "0")];
            assert!(read(RateHeaders::OpenAi, &pairs).is_empty(), "{limit}");
        }
        assert!(read(RateHeaders::OpenAi, &[("anthropic-ratelimit-requests-limit", "5")]).is_empty());
        assert!(read(RateHeaders::None, &[("x-ratelimit-limit-requests", "5")]).is_empty());
    }

    proptest! {
        #[test]
        fn no_header_can_do_harm(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let Ok(value) = http::HeaderValue::from_bytes(&value) else { return Ok(()) };
            let mut headers = HeaderMap::new();
            for name in ["x-ratelimit-limit-tokens", "x-ratelimit-reset-tokens", "x-ratelimit-limit",
                "x-ratelimit-reset", "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-reset"] {
                headers.insert(name, value.clone());
            }
            for whose in [RateHeaders::OpenAi, RateHeaders::Anthropic, RateHeaders::Together] {
                let observed = Observed::read(whose, &headers, now());
                prop_assert!(observed.requests.per_minute != Some(0));
                prop_assert!(observed.tokens.reset <= Some(Duration::from_secs(86_400)));
            }
        }
    }
}
