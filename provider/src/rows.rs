//! Every error of every provider that a caller must tell apart, as a table: what `--fault PROVIDER/NAME=RATE` sends.

use std::time::Duration;

use serde_json::Value;

use crate::profile::Profile::{
    self, Anthropic, Azure, DeepSeek, Gemini, Moonshot, OpenAi, OpenRouter, Together, Zai,
};
use crate::rejection::Rejection;

/// One error of one provider.
#[derive(Debug)]
pub(crate) struct Row {
    /// `provider/name`.
    pub(crate) name: &'static str,
    pub(crate) profile: Profile,
    status: u16,
    kind: &'static str,
    code: &'static str,
    message: &'static str,
    /// In seconds; 0: no word of it.
    retry_after_s: u64,
    /// JSON, or nothing.
    details: &'static str,
}

const fn row(
    name: &'static str,
    profile: Profile,
    (status, kind, code): (u16, &'static str, &'static str),
    message: &'static str,
) -> Row {
    Row { name, profile, status, kind, code, message, retry_after_s: 0, details: "" }
}

/// All of them.
pub(crate) static ROWS: &[Row] = &[
    row("openai/requests", OpenAi, (429, "requests", "rate_limit_exceeded"), "Rate limit reached for requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in 120ms.").after(1),
    row("openai/tokens", OpenAi, (429, "tokens", "rate_limit_exceeded"), "Rate limit reached for tokens per min (TPM): Limit 500000, Used 499000, Requested 2000. Please try again in 120ms.").after(1),
    row("openai/requests_per_day", OpenAi, (429, "requests", "rate_limit_exceeded"), "Rate limit reached for requests per day (RPD): Limit 10000, Used 10000, Requested 1. Please try again in 8.64s.").after(9),
    row("openai/too_large", OpenAi, (429, "tokens", "rate_limit_exceeded"), "Request too large on tokens per min (TPM): Limit 10000, Requested 11454. The input or output tokens must be reduced in order to run successfully."),
    row("openai/slow_down", OpenAi, (429, "rate_limit_error", "slow_down"), "Your request rate is increasing too quickly. Slow down, then increase your rate gradually.").after(1),
    row("openai/insufficient_quota", OpenAi, (429, "insufficient_quota", "insufficient_quota"), "You exceeded your current quota, please check your plan and billing details."),
    row("openai/credit_balance_exhausted", OpenAi, (429, "insufficient_quota", "credit_balance_exhausted"), "Your credit balance is exhausted. Add credits to continue."),
    row("openai/organization_spend_limit_exceeded", OpenAi, (429, "insufficient_quota", "organization_spend_limit_exceeded"), "Your organization has reached its spend limit."),
    row("openai/project_spend_limit_exceeded", OpenAi, (429, "insufficient_quota", "project_spend_limit_exceeded"), "Your project has reached its spend limit."),
    row("openai/organization_usage_limit_exceeded", OpenAi, (429, "insufficient_quota", "organization_usage_limit_exceeded"), "Your organization has reached its usage limit."),
    row("openai/server_is_overloaded", OpenAi, (503, "service_unavailable_error", "server_is_overloaded"), "The server is currently overloaded with other requests. Sorry about that!"),
    row("openai/model_not_found", OpenAi, (404, "invalid_request_error", "model_not_found"), "The model does not exist or you do not have access to it."),
    row("openai/invalid_api_key", OpenAi, (401, "invalid_request_error", "invalid_api_key"), "Incorrect API key provided."),
    row("openai/country", OpenAi, (403, "request_forbidden", "unsupported_country_region_territory"), "Country, region, or territory not supported."),
    row("openai/context_length_exceeded", OpenAi, (400, "invalid_request_error", "context_length_exceeded"), "Your input exceeds the context window of this model. Please adjust your input and try again."),
    row("openai/server_error", OpenAi, (500, "server_error", "server_error"), "The server had an error while processing your request. Sorry about that!"),
    row("openai/timeout", OpenAi, (408, "invalid_request_error", "request_timeout"), "The request timed out."),
    row("openai/conflict", OpenAi, (409, "invalid_request_error", "conflict"), "The resource is locked by another request. Try again."),
    row("anthropic/rate_limit", Anthropic, (429, "", ""), "This request would exceed your organization's rate limit of 1,000 requests per minute. Please reduce the number of requests or try again later.").after(7),
    row("anthropic/ramp_limit_exceeded", Anthropic, (429, "", "ramp_limit_exceeded"), "This request would exceed the rate at which your usage may grow. Please increase your usage gradually.").after(5),
    row("anthropic/enforced_spend_limit_reached", Anthropic, (429, "", "enforced_spend_limit_reached"), "You have crossed the monthly API usage threshold of your tier."),
    row("anthropic/contract_spend_limit_reached", Anthropic, (429, "", "contract_spend_limit_reached"), "You have reached the spend limit of your contract."),
    row("anthropic/usage_limits", Anthropic, (400, "", ""), "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."),
    row("anthropic/organization_on_hold", Anthropic, (400, "", "organization_on_hold"), "This organization has been disabled."),
    row("anthropic/billing", Anthropic, (402, "", ""), "There is an issue with your billing or payment information."),
    row("anthropic/credit_balance", Anthropic, (400, "", ""), "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."),
    row("anthropic/authentication", Anthropic, (401, "", ""), "invalid x-api-key"),
    row("anthropic/permission", Anthropic, (403, "", ""), "Your API key does not have permission to use the specified resource."),
    row("anthropic/not_found", Anthropic, (404, "", ""), "model: retired"),
    row("anthropic/request_too_large", Anthropic, (413, "", ""), "Request exceeds the maximum allowed number of bytes."),
    row("anthropic/prompt_too_long", Anthropic, (400, "", ""), "prompt is too long: 210000 tokens > 200000 maximum"),
    row("anthropic/api_error", Anthropic, (500, "", ""), "Internal server error"),
    row("anthropic/timeout", Anthropic, (504, "", ""), "Request timed out. Try again, or use streaming."),
    row("anthropic/overloaded", Anthropic, (529, "", ""), "Overloaded"),
    row("gemini/requests_per_minute", Gemini, (429, "", ""), "You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_paid_tier_requests, limit: 2000\nPlease retry in 34.074824224s.").with(r#"[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_paid_tier_requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel-PaidTier","quotaDimensions":{"location":"global"},"quotaValue":"2000"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.074824224s"}]"#),
    row("gemini/requests_per_day", Gemini, (429, "", ""), "You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: generativelanguage.googleapis.com/generate_requests_per_model_per_day, limit: 250\nPlease retry in 997.318572ms.").with(r#"[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_requests_per_model_per_day","quotaId":"GenerateRequestsPerDayPerProjectPerModel"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.997318572s"}]"#),
    row("gemini/spend", Gemini, (429, "", ""), "Your project has exceeded its spend limit for a rolling 10 minute window. Please retry later.").with(r#"[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"SpendPerTenMinutesPerProject"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"58s"}]"#),
    row("gemini/payment_required", Gemini, (402, "", ""), "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing."),
    row("gemini/api_key_invalid", Gemini, (400, "", ""), "API key not valid. Please pass a valid API key.").with(r#"[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}}]"#),
    row("gemini/permission_denied", Gemini, (403, "", ""), "Generative Language API has not been used in project before or it is disabled.").with(r#"[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED","domain":"googleapis.com"}]"#),
    row("gemini/location", Gemini, (400, "", ""), "User location is not supported for the API use."),
    row("gemini/not_found", Gemini, (404, "", ""), "models/retired is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods."),
    row("gemini/unavailable", Gemini, (503, "", ""), "The model is overloaded. Please try again later."),
    row("gemini/internal", Gemini, (500, "", ""), "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting"),
    row("gemini/deadline_exceeded", Gemini, (504, "", ""), "Deadline expired before operation could complete."),
    row("gemini/cancelled", Gemini, (499, "", ""), "The operation was cancelled."),
    row("zai/500", Zai, (500, "", "500"), "Internal Error"),
    row("zai/1113", Zai, (429, "", "1113"), "Insufficient balance or no resource package. Please recharge."),
    row("zai/1210", Zai, (400, "", "1210"), "Invalid API parameter, please check the documentation."),
    row("zai/1211", Zai, (400, "", "1211"), "Unknown Model, please check the model code."),
    row("zai/1214", Zai, (400, "", "1214"), "The model parameter is invalid."),
    row("zai/1230", Zai, (500, "", "1230"), "API call process error."),
    row("zai/1234", Zai, (500, "", "1234"), "Network error, please contact customer service."),
    row("zai/1261", Zai, (400, "", "1261"), "Prompt exceeds max length"),
    row("zai/1301", Zai, (400, "", "1301"), "System detected potentially unsafe or sensitive content in input or generation."),
    row("zai/1302", Zai, (429, "", "1302"), "Rate limit reached for requests: high concurrency usage of this API, please reduce concurrency."),
    row("zai/1303", Zai, (429, "", "1303"), "High frequency usage of this API, please reduce frequency."),
    row("zai/1304", Zai, (429, "", "1304"), "Daily call limit for this API reached."),
    row("zai/1305", Zai, (429, "", "1305"), "The service may be temporarily overloaded, please try again later."),
    row("zai/1308", Zai, (429, "", "1308"), "Usage limit reached for 5 hour. Your limit will reset at 2026-11-24 18:00:00"),
    row("zai/1309", Zai, (429, "", "1309"), "Your plan has expired."),
    row("zai/1310", Zai, (429, "", "1310"), "Weekly usage limit exhausted. Your limit will reset at 2026-11-30 00:00:00"),
    row("zai/1311", Zai, (429, "", "1311"), "Your plan does not include access to this model."),
    row("zai/1312", Zai, (429, "", "1312"), "This model is busy, please try another one or try again later."),
    row("zai/1313", Zai, (429, "", "1313"), "Your usage violates the fair use policy, access is limited."),
    row("zai/1314", Zai, (429, "", "1314"), "Your plan's quota is used up."),
    row("zai/1321", Zai, (429, "", "1321"), "Your organization's quota is used up."),
    row("moonshot/exceeded_current_quota_error", Moonshot, (429, "exceeded_current_quota_error", ""), "Your account is suspended due to insufficient balance, please recharge your account or check your plan and billing details"),
    row("moonshot/max_concurrency", Moonshot, (429, "rate_limit_reached_error", ""), "Your account reached organization max concurrency: 1, please try again after 1 seconds").after(1),
    row("moonshot/max_rpm", Moonshot, (429, "rate_limit_reached_error", ""), "Your account reached organization max RPM: 3, please try again after 1 seconds").after(1),
    row("moonshot/max_tpm", Moonshot, (429, "rate_limit_reached_error", ""), "Your account reached organization TPM rate limit, current: 500001, limit: 500000"),
    row("moonshot/max_tpd", Moonshot, (429, "rate_limit_reached_error", ""), "Your account reached organization TPD rate limit, current: 1500001, limit: 1500000"),
    row("moonshot/engine_overloaded_error", Moonshot, (429, "engine_overloaded_error", ""), "The engine is currently overloaded, please try again later"),
    row("moonshot/invalid_authentication_error", Moonshot, (401, "invalid_authentication_error", ""), "Invalid Authentication"),
    row("moonshot/resource_not_found_error", Moonshot, (404, "resource_not_found_error", ""), "Not found the model retired or Permission denied"),
    row("moonshot/content_filter", Moonshot, (400, "content_filter", ""), "The request was rejected because it was considered high risk"),
    row("moonshot/server_error", Moonshot, (500, "server_error", ""), "Failed to process the request"),
    row("deepseek/invalid_format", DeepSeek, (400, "invalid_request_error", "invalid_request_error"), "Failed to deserialize the JSON body into the target type"),
    row("deepseek/authentication", DeepSeek, (401, "authentication_error", "invalid_request_error"), "Authentication Fails, Your api key is invalid"),
    row("deepseek/insufficient_balance", DeepSeek, (402, "unknown_error", "invalid_request_error"), "Insufficient Balance"),
    row("deepseek/invalid_parameters", DeepSeek, (422, "invalid_request_error", "invalid_request_error"), "Invalid parameters"),
    row("deepseek/rate_limit", DeepSeek, (429, "rate_limit_error", "rate_limit_reached"), "Rate limit reached: too many requests at once for this account and model"),
    row("deepseek/server_error", DeepSeek, (500, "server_error", "internal_error"), "Server error"),
    row("deepseek/overloaded", DeepSeek, (503, "service_unavailable_error", "service_unavailable"), "Service is too busy. Please try again later."),
    row("together/dynamic_request_limited", Together, (429, "dynamic_request_limited", "dynamic_request_limited"), "Request rate is above the dynamic limit of this model. Increase your traffic gradually.").after(1),
    row("together/dynamic_token_limited", Together, (429, "dynamic_token_limited", "dynamic_token_limited"), "Token rate is above the dynamic limit of this model. Increase your traffic gradually.").after(1),
    row("together/service_unavailable", Together, (503, "service_unavailable", "service_unavailable"), "The server is overloaded or not ready yet."),
    row("together/spend", Together, (402, "credit_limit", "credit_limit"), "Credit limit exceeded: your account has reached its maximum allowed monthly spending."),
    row("together/model_not_available", Together, (404, "invalid_request_error", "model_not_available"), "Unable to access model. Please visit the list of models for those supported."),
    row("together/cloudflare_timeout", Together, (524, "timeout", "timeout"), "A timeout occurred"),
    row("openrouter/credits", OpenRouter, (402, "", ""), "Insufficient credits. Add more to continue."),
    row("openrouter/in_flight_budget", OpenRouter, (402, "", ""), "This request would exceed the budget held for requests in flight. Try again when they have ended.").after(2).with(r#"{"limit_source":"openrouter_in_flight_budget"}"#),
    row("openrouter/moderation", OpenRouter, (403, "", ""), "The input was flagged by moderation.").with(r#"{"reasons":["violence"],"flagged_input":"...","provider_name":"OpenAI","model_slug":"openai/gpt-5.2"}"#),
    row("openrouter/timeout", OpenRouter, (408, "", ""), "Your request timed out."),
    row("openrouter/rate_limit", OpenRouter, (429, "", ""), "Provider returned error").after(3).with(r#"{"provider_name":"DeepInfra","raw":"temporarily rate-limited upstream"}"#),
    row("openrouter/upstream", OpenRouter, (502, "", ""), "Provider returned error").with(r#"{"provider_name":"DeepInfra","raw":"invalid response"}"#),
    row("openrouter/no_provider", OpenRouter, (503, "", ""), "No available model provider meets your routing requirements.").after(3),
    row("openrouter/no_endpoints", OpenRouter, (404, "", ""), "No endpoints found for retired."),
    row("azure/429", Azure, (429, "429", "429"), "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded the call rate limit of your current pricing tier. Please retry after 6 seconds.").after(6),
    row("azure/401", Azure, (401, "401", "401"), "Access denied due to invalid subscription key or wrong API endpoint."),
    row("azure/DeploymentNotFound", Azure, (404, "invalid_request_error", "DeploymentNotFound"), "The API deployment for this resource does not exist."),
    row("azure/content_filter", Azure, (400, "invalid_request_error", "content_filter"), "The response was filtered due to the prompt triggering the content management policy."),
];

/// The row of this name.
pub(crate) fn named(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

// === impl Row ===

impl Row {
    const fn after(self, retry_after_s: u64) -> Self {
        Self { retry_after_s, ..self }
    }

    const fn with(self, details: &'static str) -> Self {
        Self { details, ..self }
    }

    /// As a refusal.
    pub(crate) fn rejection(&self) -> Rejection {
        Rejection {
            code: (!self.code.is_empty()).then_some(self.code),
            wait: (self.retry_after_s > 0).then(|| Duration::from_secs(self.retry_after_s)),
            // Written above, and read by a test.
            details: serde_json::from_str::<Value>(self.details).ok().map(Box::new),
            ..Rejection::new(self.status, self.kind, self.message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own_and_readable_details() {
        let names: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
        for row in ROWS {
            assert!(row.name.starts_with(&format!("{}/", row.profile)), "{}", row.name);
            assert_eq!(row.rejection().details.is_some(), !row.details.is_empty(), "{}", row.name);
        }
    }

    #[test]
    fn what_is_never_to_be_tried_again_says_no_time_to_wait() {
        for name in [
            "openai/credit_balance_exhausted",
            "anthropic/enforced_spend_limit_reached",
            "openrouter/credits",
        ] {
            assert_eq!(named(name).expect(name).rejection().wait, None, "{name}");
        }
    }
}
