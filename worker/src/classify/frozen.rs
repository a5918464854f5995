//! What each provider says, in its own words, and what it must come to. Frozen: written from the providers' documentation
//! and from what was seen of them, as of 2026-11-23, and not from the table.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::*;

/// 2026-11-23T08:00:00Z, which is midnight in California, and 16:00 in Beijing.
const NOW_S: u64 = 1_795_420_800;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S)
}

type Pairs = &'static [(&'static str, &'static str)];

fn headers(pairs: Pairs) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("header")))
        .collect()
}

fn judge(status: u16, pairs: Pairs, body: &str) -> Judgement {
    classify(status, &headers(pairs), body.as_bytes(), now())
}

fn failed(judgement: Judgement) -> Verdict {
    match judgement {
        Judgement::Failed(verdict) => verdict,
        declined => panic!("{declined:?}"),
    }
}

/// What a row must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Transient,
    /// Which may have been paid for.
    Lost,
    Limited(Option<Dimension>),
    Busy,
    Spent,
    Config,
    Bad,
    Declined,
}

fn is(judgement: &Judgement) -> Is {
    let Judgement::Failed(verdict) = judgement else { return Is::Declined };
    match verdict.class {
        ErrorClass::Transient if verdict.paid == Paid::Maybe => Is::Lost,
        ErrorClass::Transient => Is::Transient,
        ErrorClass::RateLimited => Is::Limited(verdict.dimension),
        ErrorClass::Overloaded => Is::Busy,
        ErrorClass::Quota => Is::Spent,
        ErrorClass::Config => Is::Config,
        ErrorClass::BadRequest => Is::Bad,
        ErrorClass::Cancelled => panic!("no provider cancels"),
    }
}

/// Check rows of (status, headers, body, what it is, its hint in milliseconds).
fn check(rows: &[(u16, Pairs, &str, Is, Option<u64>)]) {
    for (status, pairs, body, expected, hint_ms) in rows {
        let judgement = judge(*status, pairs, body);
        assert_eq!(is(&judgement), *expected, "{status} {body}\n{judgement:?}");
        if let Judgement::Failed(verdict) = judgement {
            assert_eq!(verdict.hint, hint_ms.map(Duration::from_millis), "{status} {body}");
            assert_eq!(verdict.retry, retry_of(verdict.class), "{status} {body}");
        }
    }
}

const REQUESTS: Is = Is::Limited(Some(Dimension::Requests));
const TOKENS: Is = Is::Limited(Some(Dimension::Tokens));
const RAMP: Is = Is::Limited(Some(Dimension::Ramp));
const AT_ONCE: Is = Is::Limited(Some(Dimension::Concurrency));

/// 24 hours: California's midnight has just begun.
const DAY_MS: u64 = 86_400_000;

#[test]
fn openai_means_this() {
    check(&[
        (
            429,
            &[("retry-after", "2")],
            r#"{"error":{"message":"Rate limit reached for gpt-5.2 in organization org-x on requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in 120ms.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            REQUESTS,
            Some(2_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Rate limit reached for gpt-5.2 on tokens per min (TPM): Limit 500000, Used 499000, Requested 2000. Please try again in 1m26.4s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            TOKENS,
            Some(86_400),
        ),
        (
            429,
            &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")],
            r#"{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            TOKENS,
            Some(360_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Rate limit reached on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            Is::Limited(Some(Dimension::RequestsPerDay)),
            Some(432_000),
        ),
        (
            429,
            &[("retry-after", "5")],
            r#"{"error":{"message":"m","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#,
            Is::Limited(None),
            Some(5_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Your requests are ramping up too fast.","type":"rate_limit_error","param":null,"code":"slow_down"}}"#,
            RAMP,
            None,
        ),
        // Never, whatever header stands beside it.
        (
            429,
            &[("retry-after", "1"), ("x-should-retry", "true")],
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            Is::Spent,
            None,
        ),
        (
            429,
            &[("retry-after", "1")],
            r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"credit_balance_exhausted"}}"#,
            Is::Spent,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"organization_spend_limit_exceeded"}}"#,
            Is::Spent,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"project_spend_limit_exceeded"}}"#,
            Is::Spent,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"organization_usage_limit_exceeded"}}"#,
            Is::Spent,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"a_code_of_next_year"}}"#,
            Is::Spent,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Request too large for gpt-5.2 in organization org-x on tokens per min (TPM): Limit 10000, Requested 11454. The input or output tokens must be reduced.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            Is::Bad,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Request too large: Limit 10,000, Requested 11,454.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            Is::Bad,
            None,
        ),
        (
            503,
            &[("retry-after", "10")],
            r#"{"error":{"message":"m","type":"service_unavailable_error","param":null,"code":"server_is_overloaded"}}"#,
            Is::Busy,
            Some(10_000),
        ),
        (
            500,
            &[],
            r#"{"error":{"message":"m","type":"server_error","param":null,"code":null}}"#,
            Is::Transient,
            None,
        ),
        (408, &[], "", Is::Lost, None),
        (409, &[], "", Is::Transient, None),
        (
            400,
            &[],
            r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.5 with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#,
            Is::Bad,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'.","type":"invalid_request_error","param":"input","code":null}}"#,
            Is::Bad,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"Your input exceeds the context window of this model.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}"#,
            Is::Bad,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}"#,
            Is::Declined,
            None,
        ),
        (
            401,
            &[],
            r#"{"error":{"message":"Incorrect API key provided: sk-x.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            Is::Config,
            None,
        ),
        (
            403,
            &[],
            r#"{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}"#,
            Is::Config,
            None,
        ),
        (
            404,
            &[],
            r#"{"error":{"message":"The model `gpt-9` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            Is::Config,
            None,
        ),
    ]);
}

#[test]
fn azure_means_this() {
    check(&[
        (
            429,
            &[("retry-after", "26")],
            r#"{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 26 seconds."}}"#,
            TOKENS,
            Some(26_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"code":"429","message":"... have exceeded token rate limit ... Please retry after 26 seconds."}}"#,
            TOKENS,
            Some(26_000),
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{}}}}"#,
            Is::Declined,
            None,
        ),
        (
            404,
            &[],
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            Is::Config,
            None,
        ),
        (
            401,
            &[],
            r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}"#,
            Is::Config,
            None,
        ),
    ]);
}

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

#[test]
fn zai_means_this() {
    let code = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"m"}},"request_id":"1"}}"#);
    for (codes, status, expected) in [
        (&["1302"][..], 429, AT_ONCE),
        (&["1303"], 429, REQUESTS),
        (&["1305", "1312"], 429, Is::Busy),
        (&["1230", "1234"], 429, Is::Transient),
        (&["500"], 500, Is::Transient),
        (&["1113", "1304", "1308", "1309", "1310", "1311", "1313"], 429, Is::Spent),
        (&["1314", "1315", "1316", "1317", "1318", "1319", "1320", "1321"], 429, Is::Spent),
        (&["1211", "1214"], 400, Is::Config),
        (&["1000", "1001", "1002", "1003", "1004"], 401, Is::Config),
        (&["1210", "1261"], 400, Is::Bad),
        (&["1301"], 400, Is::Declined),
    ] {
        for number in codes {
            let judgement = judge(status, &[], &code(number));
            assert_eq!(is(&judgement), expected, "{number} {judgement:?}");
            if expected == Is::Spent {
                assert_eq!(failed(judgement).retry, Retry::Never, "{number}");
            }
        }
    }
    check(&[(
        429,
        &[],
        r#"{"error":{"code":"1308","message":"Usage limit reached for 5 hours. Your limit will reset at 2026-11-23 17:00:00"}}"#,
        Is::Spent,
        Some(3_600_000),
    )]);
}

#[test]
fn moonshot_means_this() {
    check(&[
        (
            429,
            &[],
            r#"{"error":{"message":"You exceeded your current token quota, please check your account balance","type":"exceeded_current_quota_error"}}"#,
            Is::Spent,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Your account org-x<ak-x> request reached organization max RPM: 3, please try again after 1 seconds","type":"rate_limit_reached_error"}}"#,
            REQUESTS,
            Some(1_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"request reached organization max concurrency: 1, please try again after 1 seconds","type":"rate_limit_reached_error"}}"#,
            AT_ONCE,
            Some(1_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"request reached organization TPM rate limit (max TPM: 500000)","type":"rate_limit_reached_error"}}"#,
            TOKENS,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"request reached organization max TPD: 1500000","type":"rate_limit_reached_error"}}"#,
            Is::Limited(Some(Dimension::TokensPerDay)),
            None,
        ),
        (
            429,
            &[("retry-after", "4")],
            r#"{"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}}"#,
            Is::Busy,
            Some(4_000),
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"The request was rejected because it was considered high risk","type":"content_filter"}}"#,
            Is::Declined,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"thinking is enabled but reasoning_content is missing in assistant tool call message at index 2","type":"invalid_request_error"}}"#,
            Is::Bad,
            None,
        ),
        (
            401,
            &[],
            r#"{"error":{"message":"Invalid Authentication","type":"invalid_authentication_error"}}"#,
            Is::Config,
            None,
        ),
        (
            404,
            &[],
            r#"{"error":{"message":"Not found the model or Permission denied","type":"resource_not_found_error"}}"#,
            Is::Config,
            None,
        ),
    ]);
}

#[test]
fn deepseek_means_this() {
    check(&[
        (
            402,
            &[],
            r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
            Is::Spent,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"The reasoning_content in the thinking mode must be passed back to the API.","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
            Is::Bad,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
            Is::Declined,
            None,
        ),
        (
            401,
            &[],
            r#"{"error":{"message":"Authentication Fails","type":"authentication_error","param":null,"code":"invalid_request_error"}}"#,
            Is::Config,
            None,
        ),
        (
            422,
            &[],
            r#"{"error":{"message":"Invalid Parameters","type":"invalid_request_error"}}"#,
            Is::Bad,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Rate limit reached","type":"rate_limit_error"}}"#,
            Is::Limited(None),
            None,
        ),
        (500, &[], "", Is::Transient, None),
        (503, &[], "", Is::Busy, None),
    ]);
}

#[test]
fn together_means_this() {
    check(&[
        (
            429,
            &[("retry-after", "1")],
            r#"{"error":{"message":"m","type":"rate_limit","param":null,"code":"dynamic_request_limited"}}"#,
            REQUESTS,
            Some(1_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"m","type":"dynamic_token_limited","param":null,"code":null}}"#,
            TOKENS,
            None,
        ),
        (
            503,
            &[],
            r#"{"error":{"message":"The server is overloaded or not ready yet.","type":"service_unavailable"}}"#,
            Is::Busy,
            None,
        ),
        (402, &[], r#"{"error":{"message":"m","type":"credit_limit"}}"#, Is::Spent, None),
        (524, &[], "<html>a time-out occurred</html>", Is::Lost, None),
    ]);
}

#[test]
fn openrouter_means_this() {
    let money = Is::Limited(Some(Dimension::Money));
    check(&[
        (402, &[], r#"{"error":{"code":402,"message":"Insufficient credits"}}"#, Is::Spent, None),
        (402, &[("retry-after", "3")], r#"{"error":{"code":402,"message":"m"}}"#, money, Some(3_000)),
        (
            402,
            &[],
            r#"{"error":{"code":402,"message":"m","metadata":{"limit_source":"openrouter_in_flight_budget"}}}"#,
            money,
            None,
        ),
        (408, &[], r#"{"error":{"code":408,"message":"m"}}"#, Is::Lost, None),
        (
            429,
            &[("retry-after", "9")],
            r#"{"error":{"code":429,"message":"m"}}"#,
            Is::Limited(None),
            Some(9_000),
        ),
        (502, &[], r#"{"error":{"code":502,"message":"m"}}"#, Is::Lost, None),
        (503, &[("retry-after", "30")], r#"{"error":{"code":503,"message":"m"}}"#, Is::Busy, Some(30_000)),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"m","metadata":{"reasons":["violence"],"flagged_input":"..."}}}"#,
            Is::Declined,
            None,
        ),
        (403, &[], r#"{"error":{"code":403,"message":"m"}}"#, Is::Config, None),
    ]);
}

#[test]
fn compatible_servers_mean_this() {
    check(&[
        (
            400,
            &[],
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}"#,
            Is::Bad,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            Is::Bad,
            None,
        ),
        (
            404,
            &[],
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
            Is::Config,
            None,
        ),
        (
            503,
            &[],
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
            Is::Busy,
            None,
        ),
    ]);
}

#[test]
fn errors_inside_an_answer_of_200_mean_what_their_own_words_say() {
    let inside = |error: &str| is(&classify_inside(error.as_bytes(), &HeaderMap::new(), now()));
    assert_eq!(inside(r#"{"code":"server_error","message":"m"}"#), Is::Transient);
    assert_eq!(inside(r#"{"code":"rate_limit_exceeded","message":"m"}"#), Is::Limited(None));
    assert_eq!(inside(r#"{"code":"invalid_prompt","message":"m"}"#), Is::Declined);
    assert_eq!(inside(r#"{"code":429,"message":"m"}"#), Is::Limited(None));
    assert_eq!(inside(r#"{"code":401,"message":"m"}"#), Is::Config);
    assert_eq!(inside(r#"{"code":502,"message":"m","metadata":{}}"#), Is::Lost);
    assert_eq!(inside(r#"{"type":"overloaded_error","message":"Overloaded"}"#), Is::Busy);
    assert_eq!(inside(r#""boom""#), Is::Transient);
}

#[test]
fn every_status_without_a_known_word_has_its_class() {
    use ErrorClass::{BadRequest, Config, Overloaded, Quota, RateLimited, Transient};
    for (statuses, class) in [
        (&[301, 401, 403, 404, 405, 407][..], Config),
        (&[400, 413, 418, 422], BadRequest),
        (&[402], Quota),
        (&[408, 409, 425, 499, 500, 502, 504, 520, 524], Transient),
        (&[429], RateLimited),
        (&[503, 529], Overloaded),
    ] {
        for status in statuses {
            let verdict = failed(judge(*status, &[], "<html>no json</html>"));
            assert_eq!((verdict.class, verdict.retry), (class, retry_of(class)), "{status}");
            assert!(!verdict.message.contains("html"), "an answer's text is not repeated");
        }
    }
}

#[test]
fn x_should_retry_counts_after_the_words_and_before_the_status() {
    assert_eq!(failed(judge(400, &[("x-should-retry", "true")], "")).retry, Retry::Again);
    assert_eq!(failed(judge(500, &[("x-should-retry", "false")], "")).retry, Retry::Never);
    assert_eq!(failed(judge(500, &[("x-should-retry", "maybe")], "")).retry, Retry::Again);
    let known = r#"{"error":{"code":"invalid_api_key","message":"m"}}"#;
    assert_eq!(failed(judge(401, &[("x-should-retry", "true")], known)).retry, Retry::Never);
}

#[test]
fn every_word_of_the_table_decides_over_the_status_and_stands_there_once() {
    for (place, row) in table::ROWS.iter().enumerate() {
        assert!(table::ROWS[place + 1..].iter().all(|other| other.word != row.word), "{} twice", row.word);
        let body = serde_json::json!({"error": {"message": "m", "type": row.word}}).to_string();
        match (judge(418, &[], &body), row.means) {
            (Judgement::Declined { message }, Means::Declines) => assert!(message.starts_with(row.note)),
            (Judgement::Failed(verdict), Means::Fails(class)) => {
                assert_eq!(verdict.class, class, "{}", row.word)
            }
            (Judgement::Failed(verdict), Means::Limits(dimension)) => {
                assert_eq!((verdict.class, verdict.dimension), (ErrorClass::RateLimited, Some(dimension)));
            }
            other => panic!("{}: {other:?}", row.word),
        }
    }
}

#[test]
fn every_shape_of_an_error_body_is_read_and_no_depth_of_it_does_harm() {
    for body in [
        r#"{"error":{"message":"boom","type":"t","code":"c"}}"#,
        r#"[{"error":{"message":"boom","code":400}}]"#,
        r#"{"error":"boom"}"#,
        r#"{"object":"error","message":"boom","type":"NotFoundError","code":404}"#,
        r#"{"detail":"boom"}"#,
        "\n\n {\"error\":{\"message\":\"boom\"}}",
    ] {
        assert!(failed(judge(400, &[], body)).message.ends_with(": boom"), "{body}");
    }
    let deep = "[".repeat(100_000);
    let odd =
        r#"{"error":{"details":[7,{"violations":[{"quotaId":8}]},{"reason":[]}],"metadata":3,"code":{}}}"#;
    for body in ["", "null", "[]", "{}", "{\"error\":null}", "{\"error\":[]}", "\u{0}", odd, &deep] {
        assert_eq!(failed(judge(400, &[], body)).class, ErrorClass::BadRequest);
    }
    let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "x".repeat(60_000));
    assert!(failed(judge(400, &[], &long)).message.len() < 5_000);
}
