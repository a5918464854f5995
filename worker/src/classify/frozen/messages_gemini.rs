//! Anthropic and Google.

use super::*;

#[test]
fn anthropic_means_this() {
    check(&[
        (
            429,
            &[("retry-after", "7")],
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of 2,000,000 input tokens per minute."},"request_id":"req_1"}"#,
            Is::Limited(Some(Dimension::InputTokens)),
            Some(7_000),
        ),
        (
            429,
            &[("retry-after", "7")],
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"... rate limit of 400,000 output tokens per minute"},"request_id":"req_1"}"#,
            Is::Limited(Some(Dimension::OutputTokens)),
            Some(7_000),
        ),
        (
            429,
            &[("retry-after", "3")],
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"ramp_limit_exceeded"}}}"#,
            RAMP,
            Some(3_000),
        ),
        (
            429,
            &[],
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"ramp_limit_exceeded"}}}"#,
            RAMP,
            None,
        ),
        (
            429,
            &[],
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
            Is::Spent,
            None,
        ),
        (
            429,
            &[("retry-after", "1")],
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"contract_spend_limit_reached"}}}"#,
            Is::Spent,
            None,
        ),
        (429, &[], r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#, Is::Spent, None),
        (
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-11-23 at 10:00 UTC."}}"#,
            Is::Spent,
            Some(7_200_000),
        ),
        (
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
            Is::Spent,
            None,
        ),
        (
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"m","details":{"error_code":"organization_on_hold"}}}"#,
            Is::Config,
            None,
        ),
        (402, &[], r#"{"type":"error","error":{"type":"billing_error","message":"m"}}"#, Is::Spent, None),
        (
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#,
            Is::Declined,
            None,
        ),
        (
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            Is::Bad,
            None,
        ),
        (
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"temperature: must be 1"}}"#,
            Is::Bad,
            None,
        ),
        (
            401,
            &[],
            r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#,
            Is::Config,
            None,
        ),
        (403, &[], r#"{"type":"error","error":{"type":"permission_error","message":"m"}}"#, Is::Config, None),
        (
            404,
            &[],
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#,
            Is::Config,
            None,
        ),
        (413, &[], r#"{"type":"error","error":{"type":"request_too_large","message":"m"}}"#, Is::Bad, None),
        (500, &[], r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#, Is::Transient, None),
        (504, &[], r#"{"type":"error","error":{"type":"timeout_error","message":"m"}}"#, Is::Lost, None),
        (
            529,
            &[],
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Is::Busy,
            None,
        ),
    ]);
}

#[test]
fn google_means_this() {
    check(&[
        (
            429,
            &[],
            r#"[{"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-PaidTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}]"#,
            REQUESTS,
            Some(34_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateContentInputTokensPerModelPerMinute"}]},{"retryDelay":"34.5s"}]}}"#,
            Is::Limited(Some(Dimension::InputTokens)),
            Some(34_500),
        ),
        // On a spent day it says "retry in 0.997 s": that is not so.
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"You exceeded your current quota. Please retry in 997ms.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.997s"}]}}"#,
            Is::Spent,
            Some(DAY_MS),
        ),
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED"}}"#,
            Is::Limited(None),
            None,
        ),
        (402, &[], r#"{"error":{"code":402,"message":"m","status":"payment_required"}}"#, Is::Spent, None),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}"#,
            Is::Config,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"Function call is missing a thought_signature in functionCall parts.","status":"INVALID_ARGUMENT"}}"#,
            Is::Bad,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
            Is::Config,
            None,
        ),
        (403, &[], r#"{"error":{"code":403,"message":"m","status":"PERMISSION_DENIED"}}"#, Is::Config, None),
        (
            404,
            &[],
            r#"{"error":{"code":404,"message":"models/gemini-3-pro-preview is not found for API version v1beta","status":"NOT_FOUND"}}"#,
            Is::Config,
            None,
        ),
        (
            503,
            &[],
            r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#,
            Is::Busy,
            None,
        ),
        (
            500,
            &[],
            r#"{"error":{"code":500,"message":"An internal error has occurred.","status":"INTERNAL"}}"#,
            Is::Transient,
            None,
        ),
        (504, &[], r#"{"error":{"code":504,"message":"m","status":"DEADLINE_EXCEEDED"}}"#, Is::Lost, None),
        (499, &[], r#"{"error":{"code":499,"message":"m","status":"CANCELLED"}}"#, Is::Lost, None),
    ]);
}
