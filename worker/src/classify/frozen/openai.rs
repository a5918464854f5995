//! OpenAI, and OpenAI at Azure.

use super::*;

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
