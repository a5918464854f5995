//! What each provider says to a call that its limits do not admit.

use std::time::Duration;

use serde_json::{Value, json};

use crate::headers::go_duration;
use crate::pools::{Cost, Refusal};
use crate::profile::Profile;
use crate::rejection::Rejection;
use crate::rows::{self, Row};

/// What a daily cap says of when to come back, which is not true.
const LIE: Duration = Duration::from_millis(997);

/// The refusal, in words.
pub(crate) fn rejection(
    profile: Profile,
    refusal: Refusal,
    model: &str,
    cost: Cost,
    limit: u64,
) -> Rejection {
    match profile {
        Profile::Anthropic => anthropic(refusal, limit),
        Profile::Gemini => gemini(refusal, model, limit),
        Profile::Zai => zai(refusal),
        Profile::Moonshot => moonshot(refusal, limit),
        Profile::DeepSeek => deepseek(refusal),
        Profile::Together => together(refusal, model, cost),
        Profile::OpenRouter => openrouter(refusal),
        _ => openai(refusal, model, cost),
    }
}

fn told(name: &str) -> Rejection {
    let unnamed = || Rejection::new(429, "requests", "Too many requests.");
    rows::named(name).map_or_else(unnamed, Row::rejection)
}

fn openai(refusal: Refusal, model: &str, cost: Cost) -> Rejection {
    let limited = |kind, message: String| Rejection::new(429, kind, message).with_code("rate_limit_exceeded");
    let again = |wait| format!("Please try again in {}.", go_duration(wait));
    match refusal {
        Refusal::Requests(wait) | Refusal::Dynamic(wait) | Refusal::Told(wait) => {
            let message =
                format!("Rate limit reached for {model} on requests per min (RPM). {}", again(wait));
            limited("requests", message).after(wait)
        }
        Refusal::Tokens(wait) | Refusal::Input(wait) | Refusal::Output(wait) => {
            let message = format!(
                "Rate limit reached for {model} on tokens per min (TPM): Requested {}. {}",
                cost.tokens,
                again(wait)
            );
            limited("tokens", message).after(wait)
        }
        Refusal::Wall(limit) => limited(
            "tokens",
            format!(
                "Request too large for {model} on tokens per min (TPM): Limit {limit}, Requested {}. The input or output \
                 tokens must be reduced in order to run successfully.",
                cost.tokens
            ),
        ),
        Refusal::Day(cap, wait) => {
            let message = format!(
                "Rate limit reached for {model} on requests per day (RPD): Limit {cap}, Used {cap}, Requested 1. {}",
                again(wait)
            );
            limited("requests", message).after(wait)
        }
        Refusal::Concurrency(cap) => {
            let message = format!("Too many concurrent requests for {model}: Limit {cap}.");
            limited("requests", message).after(Duration::from_secs(1))
        }
        Refusal::Spent => told("openai/credit_balance_exhausted"),
    }
}

fn anthropic(refusal: Refusal, limit: u64) -> Rejection {
    let limited = |what: &str| {
        Rejection::new(
            429,
            "",
            format!(
                "This request would exceed your organization's rate limit of {limit} {what} per minute. Please reduce the \
                 prompt length or the maximum tokens requested, or try again later."
            ),
        )
    };
    let once = Duration::from_secs(1);
    match refusal {
        Refusal::Requests(wait) | Refusal::Told(wait) => limited("requests").after(wait),
        Refusal::Tokens(wait) => limited("tokens").after(wait),
        Refusal::Input(wait) => limited("input tokens").after(wait),
        Refusal::Output(wait) => limited("output tokens").after(wait),
        Refusal::Wall(_) => limited("input tokens").after(once),
        Refusal::Dynamic(wait) => told("anthropic/ramp_limit_exceeded").after(wait),
        Refusal::Concurrency(cap) => Rejection::new(
            429,
            "",
            format!("Number of concurrent connections has exceeded your rate limit of {cap}."),
        )
        .after(once),
        Refusal::Day(_, wait) => limited("requests").after(wait),
        Refusal::Spent => told("anthropic/enforced_spend_limit_reached"),
    }
}

fn gemini(refusal: Refusal, model: &str, limit: u64) -> Rejection {
    let (metric, id, wait) = match refusal {
        Refusal::Requests(wait) | Refusal::Dynamic(wait) | Refusal::Told(wait) => (
            "generate_content_paid_tier_requests",
            "GenerateRequestsPerMinutePerProjectPerModel-PaidTier",
            wait,
        ),
        Refusal::Tokens(wait) | Refusal::Input(wait) | Refusal::Output(wait) => (
            "generate_content_paid_tier_input_token_count",
            "GenerateContentPaidTierInputTokensPerModelPerMinute-PaidTier",
            wait,
        ),
        Refusal::Wall(_) => (
            "generate_content_paid_tier_input_token_count",
            "GenerateContentPaidTierInputTokensPerModelPerMinute-PaidTier",
            Duration::from_secs(60),
        ),
        Refusal::Day(..) => {
            ("generate_requests_per_model_per_day", "GenerateRequestsPerDayPerProjectPerModel", LIE)
        }
        Refusal::Concurrency(_) => return told("gemini/unavailable"),
        Refusal::Spent => return told("gemini/payment_required"),
    };
    let seconds = wait.as_secs_f64();
    let message = format!(
        "You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: \
         generativelanguage.googleapis.com/{metric}, limit: {limit}, model: {model}\nPlease retry in {seconds}s."
    );
    Rejection::new(429, "", message).with_details(quota_failure(metric, id, model, limit, seconds))
}

fn quota_failure(metric: &str, id: &str, model: &str, limit: u64, seconds: f64) -> Value {
    json!([
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{
                "quotaMetric": format!("generativelanguage.googleapis.com/{metric}"),
                "quotaId": id,
                "quotaDimensions": {"model": model, "location": "global"},
                "quotaValue": limit.to_string(),
            }],
        },
        {
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [{"description": "Learn more about Gemini API quotas", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")},
    ])
}

fn zai(refusal: Refusal) -> Rejection {
    match refusal {
        Refusal::Concurrency(_) => told("zai/1302"),
        Refusal::Day(..) => told("zai/1304"),
        Refusal::Spent => told("zai/1113"),
        _ => told("zai/1303"),
    }
}

fn moonshot(refusal: Refusal, limit: u64) -> Rejection {
    let reached = |what: &str, wait: Duration| {
        let seconds = wait.as_secs() + 1;
        let message = format!(
            "Your account reached organization {what}: {limit}, please try again after {seconds} seconds"
        );
        Rejection::new(429, "rate_limit_reached_error", message).after(wait)
    };
    let once = Duration::from_secs(1);
    match refusal {
        Refusal::Requests(wait) | Refusal::Dynamic(wait) | Refusal::Told(wait) => reached("max RPM", wait),
        Refusal::Tokens(wait) | Refusal::Input(wait) | Refusal::Output(wait) => {
            reached("TPM rate limit", wait)
        }
        Refusal::Wall(_) => reached("TPM rate limit", once),
        Refusal::Concurrency(_) => reached("max concurrency", once),
        Refusal::Day(..) => told("moonshot/max_tpd"),
        Refusal::Spent => told("moonshot/exceeded_current_quota_error"),
    }
}

fn deepseek(refusal: Refusal) -> Rejection {
    match refusal {
        Refusal::Spent => told("deepseek/insufficient_balance"),
        _ => told("deepseek/rate_limit"),
    }
}

fn together(refusal: Refusal, model: &str, cost: Cost) -> Rejection {
    match refusal {
        Refusal::Requests(wait) | Refusal::Dynamic(wait) | Refusal::Told(wait) => {
            told("together/dynamic_request_limited").after(wait)
        }
        Refusal::Tokens(wait) | Refusal::Input(wait) | Refusal::Output(wait) => {
            told("together/dynamic_token_limited").after(wait)
        }
        Refusal::Spent => told("together/spend"),
        other => openai(other, model, cost),
    }
}

fn openrouter(refusal: Refusal) -> Rejection {
    match refusal {
        Refusal::Spent => told("openrouter/credits"),
        Refusal::Requests(wait)
        | Refusal::Dynamic(wait)
        | Refusal::Told(wait)
        | Refusal::Tokens(wait)
        | Refusal::Input(wait)
        | Refusal::Output(wait)
        | Refusal::Day(_, wait) => told("openrouter/rate_limit").after(wait),
        Refusal::Wall(_) | Refusal::Concurrency(_) => told("openrouter/rate_limit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_used_up_at_gemini_lies_about_when_to_come_back() {
        let refusal = Refusal::Day(250, Duration::from_secs(40_000));
        let refused = rejection(Profile::Gemini, refusal, "gemini-3-flash", Cost::default(), 250);
        let details = refused.details.expect("details");
        assert_eq!(details[0]["violations"][0]["quotaId"], "GenerateRequestsPerDayPerProjectPerModel");
        assert_eq!(details[2]["retryDelay"], "0.997s");
    }

    #[test]
    fn spent_money_is_told_by_every_provider_and_none_says_when_to_come_back() {
        for (profile, status) in [
            (Profile::OpenAi, 429),
            (Profile::Anthropic, 429),
            (Profile::Gemini, 402),
            (Profile::Zai, 429),
            (Profile::Moonshot, 429),
            (Profile::DeepSeek, 402),
            (Profile::Together, 402),
            (Profile::OpenRouter, 402),
            (Profile::Azure, 429),
            (Profile::Compatible, 429),
        ] {
            let refused = rejection(profile, Refusal::Spent, "m", Cost::default(), 0);
            assert_eq!((refused.status, refused.wait), (status, None), "{profile}");
        }
    }
}
