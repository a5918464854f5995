//! The checks against the fake, as each provider.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use muster_provider::{Fault, FaultPlan, Key, Limits, Profile, Provider, ProviderConfig, Running};

use super::*;
use crate::account::{redactor, route};
use crate::http::{HttpConfig, ProxyPolicy};

const KEY: &str = "key-of-the-fake-0123456789";

async fn fake(profile: Profile, faults: FaultPlan) -> Running {
    let key = Some(Key::new(KEY));
    // Every limit is as high as none, but then it is told in headers.
    let limits = Limits { requests_per_minute: NonZeroU32::new(60_000), ..Limits::default() };
    let config =
        ProviderConfig { profile, key, faults, always_think: true, limits, ..ProviderConfig::default() };
    Provider::start(config).await.expect("provider")
}

async fn checks(running: &Running, model: &str, key: &str, address: &str) -> BTreeMap<&'static str, Check> {
    let base = if model.starts_with("google/") { running.gemini_url() } else { running.base_url() };
    let environment = BTreeMap::from([(key.to_owned(), KEY.to_owned()), (address.to_owned(), base)]);
    let http = Http::new(HttpConfig { proxies: ProxyPolicy::None, ..HttpConfig::default() });
    let route = route(&environment, model, None).expect("route");
    let checks = live(&http, &route, &redactor(&environment)).await.expect("checks");
    checks.into_iter().map(|check| (check.name, check)).collect()
}

#[tokio::test]
async fn every_dialect_of_the_fake_passes_what_it_is_known_to_do() {
    for (profile, model, key, address) in [
        (Profile::OpenAi, "openai/rehearsal", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
        (Profile::Anthropic, "anthropic/rehearsal", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
        (Profile::Gemini, "google/rehearsal", "GEMINI_API_KEY", "GEMINI_BASE_URL"),
        (Profile::Azure, "azure/rehearsal", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_BASE_URL"),
        (Profile::DeepSeek, "deepseek/rehearsal", "DEEPSEEK_API_KEY", "DEEPSEEK_BASE_URL"),
        (Profile::Zai, "zai/rehearsal", "ZAI_API_KEY", "ZAI_BASE_URL"),
        (Profile::Moonshot, "moonshot/rehearsal", "MOONSHOT_API_KEY", "MOONSHOT_BASE_URL"),
        (Profile::Together, "together/rehearsal", "TOGETHER_API_KEY", "TOGETHER_BASE_URL"),
        (Profile::OpenRouter, "openrouter/sim/rehearsal", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL"),
    ] {
        let running = fake(profile, FaultPlan::default()).await;
        let checks = checks(&running, model, key, address).await;
        for name in
            ["model-listed", "wrong-key", "unknown-model", "answers", "usage-adds-up", "echo-verbatim"]
        {
            assert_eq!(checks[name].found, Found::Pass, "{model} {:?}", checks[name]);
        }
        let told = if profile == Profile::Moonshot { Found::Fail } else { Found::Pass };
        assert_eq!(checks["rate-headers"].found, told, "{model} {:?}", checks["rate-headers"]);
        for check in checks.values() {
            assert!(!check.evidence.contains(KEY) && !check.evidence.contains('\n'), "{check:?}");
        }
        let stats = running.stop().await;
        assert!(stats.requests <= u64::from(LIVE_CALLS_MAX), "{stats:?}");
    }
}

#[tokio::test]
async fn a_provider_that_wants_its_reasoning_back_is_seen_to_refuse_without_it() {
    let running = fake(Profile::DeepSeek, FaultPlan::default()).await;
    let checks = checks(&running, "deepseek/rehearsal", "DEEPSEEK_API_KEY", "DEEPSEEK_BASE_URL").await;
    assert_eq!(checks["echo-removed"].found, Found::Pass, "{checks:?}");
}

#[tokio::test]
async fn a_provider_that_is_down_is_not_asked_further() {
    let down = FaultPlan::default().with(Fault::Http503, 1.0).expect("plan");
    let running = fake(Profile::OpenAi, down).await;
    let checks = checks(&running, "openai/rehearsal", "OPENAI_API_KEY", "OPENAI_BASE_URL").await;
    assert_eq!(checks["answers"].found, Found::Fail);
    assert!(!checks.contains_key("seed"));
}
