//! What each profile says when it refuses: its bodies, its headers, its statuses, as frozen here from what the providers
//! document. And what can be changed while the provider runs.

mod wire;

use std::num::NonZeroU32;
use std::time::Duration;

use muster_provider::{Fault, FaultPlan, Limits, Price, Profile, ProviderConfig, Running, Span, TokenPlan};
use serde_json::{Value, json};
use wire::{Raw, Way, fields, send, start};

fn way(profile: Profile) -> Way {
    match profile {
        Profile::Anthropic => Way::Messages,
        Profile::Gemini => Way::Gemini,
        _ => Way::Chat,
    }
}

async fn told(profile: Profile, fault: Fault) -> Raw {
    let faults = FaultPlan::default().with(fault, 1.0).expect("plan");
    let running = start(ProviderConfig { profile, faults, ..ProviderConfig::default() }).await;
    let way = way(profile);
    way.post(&running, &way.request()).await
}

async fn second(config: ProviderConfig) -> Raw {
    let way = way(config.profile);
    let running = start(config).await;
    let first = way.post(&running, &way.request()).await;
    assert_eq!(first.status, 200, "{}", first.body);
    way.post(&running, &way.request()).await
}

fn one_a_second(profile: Profile) -> ProviderConfig {
    ProviderConfig {
        profile,
        limits: Limits { requests_per_minute: NonZeroU32::new(60), ..Limits::default() },
        ..ProviderConfig::default()
    }
}

#[tokio::test]
async fn every_row_of_every_provider_is_sent_with_its_status_in_its_shape() {
    let running = start(ProviderConfig::default()).await;
    for fault in Fault::told() {
        let name = fault.name();
        let profile: Profile = name.split('/').next().expect("a name").parse().expect("a profile");
        running.set_faults(FaultPlan::default().with(fault, 1.0).expect("plan"));
        let answer = Way::Chat.post(&running, &Way::Chat.request()).await;
        assert!(answer.status >= 400, "{name}: {}", answer.status);
        let body = answer.json();
        let shape = match profile {
            Profile::Anthropic => vec!["type", "error", "request_id"],
            Profile::Zai => vec!["error", "request_id"],
            Profile::OpenRouter => vec!["error", "user_id"],
            _ => vec!["error"],
        };
        assert_eq!(fields(&body), shape, "{name}");
        assert!(!answer.words().is_empty(), "{name}");
        if matches!(profile, Profile::Gemini | Profile::Zai | Profile::DeepSeek) {
            assert_eq!(answer.header("retry-after"), None, "{name}");
        }
    }
}

#[tokio::test]
async fn money_that_is_gone_is_told_as_frozen_here() {
    for (profile, status, place, word) in [
        (Profile::OpenAi, 429, "/error/type", json!("insufficient_quota")),
        (Profile::OpenAi, 429, "/error/code", json!("credit_balance_exhausted")),
        (Profile::Anthropic, 429, "/error/details/error_code", json!("enforced_spend_limit_reached")),
        (Profile::Gemini, 402, "/error/code", json!(402)),
        (Profile::Zai, 429, "/error/code", json!("1113")),
        (Profile::Moonshot, 429, "/error/type", json!("exceeded_current_quota_error")),
        (Profile::DeepSeek, 402, "/error/message", json!("Insufficient Balance")),
        (Profile::Together, 402, "/error/type", json!("credit_limit")),
        (Profile::OpenRouter, 402, "/error/code", json!(402)),
    ] {
        let answer = told(profile, Fault::QuotaSpent).await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, None), "{profile}");
        assert_eq!(answer.json().pointer(place), Some(&word), "{profile}");
    }
    let limit = told(Profile::Anthropic, Fault::SpendLimit).await;
    assert_eq!(limit.status, 400);
    assert!(limit.words().starts_with("You have reached your specified API usage limits"));
}

#[tokio::test]
async fn an_overload_is_told_as_frozen_here() {
    for (profile, status, place, word) in [
        (Profile::OpenAi, 503, "/error/code", json!("server_is_overloaded")),
        (Profile::Anthropic, 529, "/error/type", json!("overloaded_error")),
        (Profile::Gemini, 503, "/error/status", json!("UNAVAILABLE")),
        (Profile::Zai, 429, "/error/code", json!("1305")),
        (Profile::Moonshot, 429, "/error/type", json!("engine_overloaded_error")),
        (Profile::Together, 503, "/error/code", json!("service_unavailable")),
    ] {
        let answer = told(profile, Fault::Overloaded).await;
        assert_eq!(answer.status, status, "{profile}");
        assert_eq!(answer.json().pointer(place), Some(&word), "{profile}");
    }
}

#[tokio::test]
async fn a_rate_that_rises_too_fast_is_told_as_frozen_here() {
    for (profile, place, word) in [
        (Profile::OpenAi, "/error/code", "slow_down"),
        (Profile::Anthropic, "/error/details/error_code", "ramp_limit_exceeded"),
        (Profile::Together, "/error/type", "dynamic_request_limited"),
    ] {
        let answer = told(profile, Fault::SlowDown).await;
        assert_eq!((answer.status, answer.json().pointer(place)), (429, Some(&json!(word))), "{profile}");
        assert!(answer.header("retry-after").is_some(), "{profile}");
    }
}

#[tokio::test]
async fn an_error_may_come_with_status_200_in_three_forms() {
    for (profile, fault, place, word) in [
        (Profile::OpenAi, Fault::ErrorIn200, "/error/code", json!("server_error")),
        (Profile::OpenRouter, Fault::ErrorIn200, "/error/code", json!(502)),
        (Profile::OpenRouter, Fault::ErrorInChoice, "/choices/0/error/code", json!(502)),
    ] {
        let answer = told(profile, fault).await;
        assert_eq!((answer.status, answer.json().pointer(place)), (200, Some(&word)), "{profile}");
    }
    let faults = FaultPlan::default().with(Fault::ErrorIn200, 1.0).expect("plan");
    let running = start(ProviderConfig { faults, ..ProviderConfig::default() }).await;
    let failed = Way::Responses.post(&running, &Way::Responses.request()).await;
    let body = failed.json();
    assert_eq!(
        (failed.status, &body["status"], &body["error"]["code"]),
        (200, &json!("failed"), &json!("server_error"))
    );
    assert_eq!(running.stats().calls, 0);
}

#[tokio::test]
async fn an_error_may_stand_in_an_array_of_one() {
    let answer = told(Profile::Gemini, Fault::ErrorArray).await;
    let body = answer.json();
    assert_eq!((answer.status, body.as_array().map(Vec::len)), (503, Some(1)));
    assert_eq!(body[0]["error"]["status"], "UNAVAILABLE");
}

#[tokio::test]
async fn the_nth_request_alone_has_its_fault() {
    let faults: FaultPlan = "zai/1302@2".parse().expect("plan");
    let running = start(ProviderConfig { profile: Profile::Zai, faults, ..ProviderConfig::default() }).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(Way::Chat.post(&running, &Way::Chat.request()).await.status);
    }
    assert_eq!(statuses, [200, 429, 200]);
}

#[tokio::test]
async fn a_body_that_stands_still_or_comes_late_is_whole_in_the_end() {
    for fault in [Fault::Stall, Fault::KeepAlive] {
        let faults = FaultPlan::default().with(fault, 1.0).expect("plan");
        let (stall, keep_alive) = (Duration::from_millis(20), Duration::from_millis(500));
        let running = start(ProviderConfig { faults, stall, keep_alive, ..ProviderConfig::default() }).await;
        let answer = Way::Chat.post(&running, &Way::Chat.request()).await;
        assert_eq!(answer.header("content-length"), None, "{}: the length is not known yet", fault.name());
        let text = dechunked(&answer.body);
        assert_eq!(text.starts_with("\n\n\n\n"), fault == Fault::KeepAlive);
        let body: Value = serde_json::from_str(text.trim()).expect("JSON");
        assert_eq!(body["object"], "chat.completion");
        assert_eq!(running.stats().served, 1);
    }
}

/// The pieces of a chunked body, put together.
fn dechunked(body: &str) -> String {
    let (mut text, mut rest) = (String::new(), body);
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        text.push_str(&tail[..size]);
        rest = tail.get(size + 2..).unwrap_or_default();
        if size == 0 {
            break;
        }
    }
    text
}

#[tokio::test]
async fn too_many_requests_are_told_as_frozen_here() {
    let openai = second(one_a_second(Profile::OpenAi)).await;
    assert_eq!((openai.status, openai.header("retry-after")), (429, Some("1")));
    assert!(openai.header("retry-after-ms").is_some_and(|ms| ms.parse::<u32>().is_ok_and(|ms| ms <= 1_001)));
    assert_eq!(openai.header("x-ratelimit-remaining-requests"), Some("0"));
    let anthropic = second(one_a_second(Profile::Anthropic)).await;
    assert_eq!((anthropic.status, anthropic.header("retry-after")), (429, Some("1")));
    assert_eq!(anthropic.header("retry-after-ms"), None);
    assert_eq!(anthropic.json()["error"]["type"], "rate_limit_error");
    assert_eq!(anthropic.header("anthropic-ratelimit-requests-limit"), Some("60"));
    let reset = anthropic.header("anthropic-ratelimit-requests-reset").expect("a reset");
    assert!(reset.len() == 20 && reset.ends_with('Z'), "{reset}");
    let gemini = second(one_a_second(Profile::Gemini)).await;
    assert_eq!((gemini.status, gemini.header("retry-after")), (429, None));
    assert!(!gemini.head.contains("ratelimit"), "{}", gemini.head);
    let details = &gemini.json()["error"]["details"];
    let id = details[0]["violations"][0]["quotaId"].as_str().expect("an id");
    assert!(id.starts_with("GenerateRequestsPerMinutePerProjectPerModel"), "{id}");
    assert!(details[2]["retryDelay"].as_str().is_some_and(|delay| delay.ends_with('s')));
    let together = second(one_a_second(Profile::Together)).await;
    assert_eq!((together.status, together.header("x-ratelimit-limit")), (429, Some("1")));
    assert_eq!(together.json()["error"]["type"], "dynamic_request_limited");
    let moonshot = second(one_a_second(Profile::Moonshot)).await;
    assert_eq!(moonshot.json()["error"]["type"], "rate_limit_reached_error");
    assert!(moonshot.words().contains("max RPM: 60"), "{}", moonshot.body);
}

#[tokio::test]
async fn a_day_used_up_is_told_as_frozen_here() {
    let day = |profile| ProviderConfig {
        profile,
        limits: Limits { requests_per_day: Some(1), ..Limits::default() },
        ..ProviderConfig::default()
    };
    let gemini = second(day(Profile::Gemini)).await.json();
    let details = &gemini["error"]["details"];
    assert_eq!(details[0]["violations"][0]["quotaId"], "GenerateRequestsPerDayPerProjectPerModel");
    assert_eq!(details[2]["retryDelay"], "0.997s", "it lies");
    assert_eq!(second(day(Profile::Zai)).await.json()["error"]["code"], "1304");
    assert!(second(day(Profile::OpenAi)).await.words().contains("requests per day (RPD): Limit 1, Used 1"));
}

#[tokio::test]
async fn more_calls_at_once_than_may_be_are_told_as_frozen_here() {
    for (profile, place, word) in [
        (Profile::Zai, "/error/code", "1302"),
        (Profile::Moonshot, "/error/type", "rate_limit_reached_error"),
        (Profile::DeepSeek, "/error/code", "rate_limit_reached"),
    ] {
        let latency = Duration::from_secs(3_600);
        let config = ProviderConfig {
            profile,
            latency,
            limits: Limits { concurrency: Some(1), ..Limits::default() },
            ..ProviderConfig::default()
        };
        let running = std::sync::Arc::new(start(config).await);
        let first = tokio::spawn({
            let running = std::sync::Arc::clone(&running);
            async move { Way::Chat.post(&running, &Way::Chat.request()).await.status }
        });
        while running.stats().calls == 0 {
            tokio::task::yield_now().await;
        }
        let refused = Way::Chat.post(&running, &Way::Chat.request()).await;
        assert_eq!((refused.status, refused.json().pointer(place)), (429, Some(&json!(word))), "{profile}");
        first.abort();
    }
}

#[tokio::test]
async fn money_is_counted_to_the_last_token_and_ends_what_it_is_for() {
    let config = ProviderConfig {
        profile: Profile::OpenAi,
        limits: Limits { spend_micro_dollars: Some(2_000), ..Limits::default() },
        price: Price { input: 1_000_000, cached: 0, output: 2_000_000 },
        tokens: TokenPlan { input: Some(Span::fixed(500)), output: Some(Span::fixed(250)) },
        ..ProviderConfig::default()
    };
    let running = start(config).await;
    for expected in [200, 200, 429] {
        let answer = Way::Chat.post(&running, &Way::Chat.request()).await;
        assert_eq!(answer.status, expected, "{}", answer.body);
    }
    let stats = running.stats();
    assert_eq!((stats.micro_dollars, stats.models["sim/rehearsal"].micro_dollars), (2_000, 2_000));
}

#[tokio::test]
async fn each_profile_holds_what_it_counts() {
    for (profile, held) in [
        (Profile::OpenAi, 5_000),
        (Profile::Moonshot, 6_000),
        (Profile::Gemini, 1_000),
        (Profile::DeepSeek, 5_000),
    ] {
        let tokens = TokenPlan { input: Some(Span::fixed(1_000)), output: Some(Span::fixed(10)) };
        let running = start(ProviderConfig { profile, tokens, ..ProviderConfig::default() }).await;
        let way = way(profile);
        let mut request = way.request();
        match way {
            Way::Gemini => request["generationConfig"]["maxOutputTokens"] = json!(5_000),
            _ => request["max_completion_tokens"] = json!(5_000),
        }
        assert_eq!(way.post(&running, &request).await.status, 200);
        assert_eq!(running.stats().models["sim/rehearsal"].held_tokens, held, "{profile}");
    }
}

async fn control(running: &Running, path: &str, body: Value) -> Raw {
    send(running, "POST", path, "", &body.to_string()).await
}

#[tokio::test]
async fn limits_faults_and_the_next_answer_are_changed_while_it_runs() {
    let running = start(ProviderConfig { profile: Profile::OpenAi, ..ProviderConfig::default() }).await;
    let ask = async || Way::Chat.post(&running, &Way::Chat.request()).await;
    assert_eq!(control(&running, "/control/limits", json!({"requests_per_minute": 1})).await.status, 200);
    assert_eq!((ask().await.status, ask().await.status), (200, 429));
    assert_eq!(control(&running, "/control/limits", json!({"model": "rehearsal"})).await.status, 200);
    assert_eq!(ask().await.status, 200, "its own limits are none");
    let next = json!({"model": "rehearsal", "retry_after_s": 20});
    assert_eq!(control(&running, "/control/refuse-next", next).await.status, 200);
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("20")));
    assert_eq!(ask().await.status, 200);
    running.set_limits(Some("rehearsal"), Limits { concurrency: Some(0), ..Limits::default() });
    assert_eq!(ask().await.status, 429);
    running.set_limits(Some("rehearsal"), Limits::default());
    assert_eq!(control(&running, "/control/faults", json!({"plan": "http500=1"})).await.status, 200);
    assert_eq!(ask().await.status, 500);
    for (path, body) in [
        ("/control/limits", json!({"rpm": 1})),
        ("/control/refuse-next", json!({})),
        ("/control/faults", json!({"plan": "x"})),
    ] {
        assert_eq!(control(&running, path, body).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn the_account_tells_when_each_call_began_and_what_became_of_it() {
    let faults: FaultPlan = "http429@2".parse().expect("plan");
    let running = start(ProviderConfig { faults, ..ProviderConfig::default() }).await;
    for _ in 0..3 {
        Way::Chat.post(&running, &Way::Chat.request()).await;
    }
    let calls = send(&running, "GET", "/stats/calls?model=rehearsal", "", "").await.json();
    assert_eq!(calls["models"], json!(["sim/rehearsal"]));
    let statuses: Vec<&Value> =
        calls["calls"].as_array().expect("calls").iter().map(|call| &call[2]).collect();
    assert_eq!(statuses, [200, 429, 200]);
    let began = |place: usize| calls["calls"][place][0].as_f64().expect("a time");
    assert!(began(0) <= began(1) && began(1) <= began(2));
    let seconds = send(&running, "GET", "/stats/seconds", "", "").await.json();
    let sum = |name: &str| {
        let rows = seconds["sim/rehearsal"].as_array().expect("rows").iter();
        rows.map(|row| row[name].as_u64().expect("a count")).sum::<u64>()
    };
    assert_eq!((sum("requests"), sum("answered"), sum("rate_limited")), (3, 2, 1));
    let late = send(&running, "GET", "/stats/calls?since_ms=3600000", "", "").await.json();
    assert_eq!(late["calls"], json!([]));
    let stats = send(&running, "GET", "/stats", "", "").await.json();
    assert_eq!(stats["models"]["sim/rehearsal"]["rate_limited"], 1);
    assert!(stats["started_unix_ms"].as_u64().is_some_and(|ms| ms > 1_700_000_000_000));
}
