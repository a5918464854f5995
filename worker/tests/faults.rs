//! Each fault of the fake provider, over a real socket, as a caller sees it; and the provider's own account of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_episode::{Call, Message, Sampling, StopReason, ToolResult, ToolSpec};
use muster_provider::{Fault, FaultPlan, Key, Limits, Provider, ProviderConfig, Running, Stats};
use muster_worker::{
    Answered, CallError, Caller, CallerConfig, ClassLimits, Conversation, ErrorClass, Http, HttpConfig,
    Probe, ProxyPolicy, RetryLimits, redactor, route,
};
use tokio_util::sync::CancellationToken;

const KEY: &str = "sk-0123456789abcdef";

/// Two tries of each class, with waits that no test notices.
fn two_tries() -> RetryLimits {
    let class = ClassLimits {
        max_tries: 2,
        max_wall: Duration::from_secs(60),
        first_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(2),
    };
    RetryLimits { transient: class.clone(), rate_limited: class.clone(), overloaded: class, deadline: None }
}

fn caller_of(base_url: &str, model: &str, key: &str, total_timeout: Duration) -> Caller {
    let environment = BTreeMap::from([
        ("FAKE_BASE_URL".to_owned(), base_url.to_owned()),
        ("FAKE_API_KEY".to_owned(), key.to_owned()),
    ]);
    let http = Http::new(HttpConfig { total_timeout, proxies: ProxyPolicy::None, ..HttpConfig::default() });
    let route = route(&environment, &format!("openai-api/fake/{model}"), None).expect("route");
    let config =
        CallerConfig { limits: two_tries(), redactor: redactor(&environment), ..CallerConfig::default() };
    Caller::new(&http, route, config).expect("caller")
}

fn caller(running: &Running) -> Caller {
    caller_of(&running.base_url(), "rehearsal", KEY, Duration::from_secs(60))
}

async fn provider(config: ProviderConfig) -> Running {
    Provider::start(config).await.expect("provider")
}

async fn faulty(fault: Fault, rate: f64) -> Running {
    let faults = FaultPlan::default().with(fault, rate).expect("plan");
    provider(ProviderConfig { faults, ..ProviderConfig::default() }).await
}

fn tools() -> [ToolSpec; 1] {
    [ToolSpec {
        name: "list_files".into(),
        description: "Lists files.".into(),
        parameters: "{\"type\":\"object\"}".into(),
    }]
}

fn sampling() -> Sampling {
    Sampling { temperature: Some(1.0), top_p: Some(0.9), max_output_tokens: 1_000, extra_body: "".into() }
}

async fn say(
    caller: &Caller,
    conversation: &mut Conversation,
    messages: &[Message],
    seed: u32,
) -> Result<Answered, CallError> {
    let (tools, sampling) = (tools(), sampling());
    let call = Call { messages, tools: &tools, sampling: &sampling, seed };
    caller.call(conversation, &call, &CancellationToken::new()).await
}

async fn first_call(caller: &Caller) -> Result<Answered, CallError> {
    say(caller, &mut Conversation::default(), &[Message::User("Begin.".into())], 1).await
}

/// One call against a provider that does this every time; the error, and what the provider says of it.
async fn failed(fault: Fault) -> (CallError, Stats) {
    let running = faulty(fault, 1.0).await;
    let error = first_call(&caller(&running)).await.expect_err("a fault");
    (error, running.stop().await)
}

#[tokio::test]
async fn an_episode_of_six_calls_is_played_to_its_end() {
    let running = provider(ProviderConfig { words: 5, ..ProviderConfig::default() }).await;
    let caller = caller(&running);
    let mut messages = vec![Message::System("Work.".into()), Message::User("Begin.".into())];
    let mut conversation = Conversation::default();
    let mut stops = Vec::new();
    while stops.last() != Some(&StopReason::End) {
        let answered = say(&caller, &mut conversation, &messages, 3).await.expect("answered");
        assert_eq!((answered.meter.tries, answered.maybe_paid), (1, 0));
        assert!(answered.reply.tokens.input > 0 && answered.reply.tokens.output > 0);
        let calls = answered.reply.tool_calls.clone();
        stops.push(answered.reply.stop);
        messages.push(Message::Assistant(answered.reply));
        messages.extend(calls.into_iter().map(|call| {
            let content = "{\"files\":[]}".to_owned();
            Message::Tool(ToolResult { call_id: call.id, name: call.name, content, is_error: false })
        }));
    }
    assert_eq!(stops.len(), 6);
    let stats = running.stop().await;
    assert_eq!((stats.calls, stats.distinct_calls, stats.extra_calls, stats.served), (6, 6, 0, 6));
}

#[tokio::test]
async fn errors_without_an_answer_are_tried_again_and_cost_nothing() {
    for (fault, class) in [
        (Fault::Http500, ErrorClass::Transient),
        (Fault::Http503, ErrorClass::Overloaded),
        (Fault::ErrorIn200, ErrorClass::Transient),
    ] {
        let (error, stats) = failed(fault).await;
        assert_eq!((error.class, error.tries, error.maybe_paid), (class, 2, 0), "{error}");
        assert_eq!((stats.requests, stats.calls, stats.faults[fault.name()]), (2, 0, 2));
    }
}

#[tokio::test]
async fn a_429_is_waited_for_as_long_as_it_says() {
    let running = faulty(Fault::Http429, 1.0).await;
    let error = first_call(&caller(&running)).await.expect_err("limited");
    assert_eq!((error.class, error.tries, error.rate_limited), (ErrorClass::RateLimited, 2, 2));
    assert!(error.retry_after.is_some_and(|wait| wait >= Duration::from_secs(1)), "{error:?}");
    assert_eq!(running.stop().await.rate_limited, 2);
}

#[tokio::test]
async fn answers_that_are_lost_are_counted_as_perhaps_paid_and_the_provider_agrees() {
    for (fault, words) in
        [(Fault::Cut, "broke off"), (Fault::CutJson, "was cut off after"), (Fault::NotJson, "is not JSON")]
    {
        let (error, stats) = failed(fault).await;
        assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::Transient, 2, 2), "{error}");
        assert!(error.message.contains(words), "{error}");
        assert_eq!((stats.calls, stats.distinct_calls, stats.extra_calls, stats.served), (2, 1, 1, 0));
    }
}

#[tokio::test]
async fn fifty_megabytes_are_not_read() {
    let (error, stats) = failed(Fault::Huge).await;
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::BadRequest, 2, 2));
    assert!(error.message.contains("answer too large: more than 3 MiB"), "{error}");
    assert_eq!(stats.calls, 2);
}

#[tokio::test]
async fn a_provider_that_hangs_is_given_up_on() {
    let running = faulty(Fault::Hang, 1.0).await;
    let caller = caller_of(&running.base_url(), "rehearsal", KEY, Duration::from_millis(100));
    let error = first_call(&caller).await.expect_err("hangs");
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::Transient, 2, 2));
    let stats = running.stop().await;
    assert_eq!((stats.hangs, stats.calls), (2, 0));
}

#[tokio::test]
async fn blank_lines_before_an_answer_do_no_harm() {
    let running = faulty(Fault::BlankLines, 1.0).await;
    let answered = first_call(&caller(&running)).await.expect("answered");
    assert_eq!((answered.meter.tries, answered.reply.tool_calls.len()), (1, 1));
    assert_eq!(running.stop().await.served, 1);
}

#[tokio::test]
async fn what_a_model_does_wrong_is_an_answer_and_not_a_fault() {
    for (fault, name, arguments) in
        [(Fault::UnknownTool, "no_such_tool", "{}"), (Fault::BadArguments, "list_files", "{\"path\": ")]
    {
        let running = faulty(fault, 1.0).await;
        let reply = first_call(&caller(&running)).await.expect("answered").reply;
        assert_eq!((&*reply.tool_calls[0].name, &*reply.tool_calls[0].arguments), (name, arguments));
    }
    let running = faulty(Fault::Empty, 1.0).await;
    let reply = first_call(&caller(&running)).await.expect("answered").reply;
    assert_eq!((&*reply.text, reply.tool_calls.len(), reply.stop), ("", 0, StopReason::End));
}

#[tokio::test]
async fn a_broken_assistant_message_can_be_sent_back_and_the_provider_goes_on() {
    let running = faulty(Fault::BadArguments, 1.0).await;
    let caller = caller(&running);
    let mut conversation = Conversation::default();
    let mut messages = vec![Message::User("Begin.".into())];
    let reply = say(&caller, &mut conversation, &messages, 1).await.expect("answered").reply;
    let call = reply.tool_calls[0].clone();
    messages.push(Message::Assistant(reply));
    let content = "{\"error\":\"the arguments are no JSON\"}".to_owned();
    messages.push(Message::Tool(ToolResult { call_id: call.id, name: call.name, content, is_error: true }));
    say(&caller, &mut conversation, &messages, 1).await.expect("answered");
}

#[tokio::test]
async fn half_of_all_requests_failing_still_answers_every_call() {
    let faults = "http500=0.2,cut=0.1,not-json=0.1,http503=0.1".parse().expect("plan");
    let running = provider(ProviderConfig { faults, seed: 4, ..ProviderConfig::default() }).await;
    let environment = BTreeMap::new();
    let route = route(&environment, "sim/rehearsal", Some(&running.base_url())).expect("route");
    let class = ClassLimits { max_tries: 40, ..two_tries().transient };
    let limits = RetryLimits {
        transient: class.clone(),
        rate_limited: class.clone(),
        overloaded: class,
        deadline: None,
    };
    let config = CallerConfig { limits, ..CallerConfig::default() };
    let caller = Arc::new(Caller::new(&Http::new(HttpConfig::default()), route, config).expect("caller"));
    let calls = (0..200).map(|seed| {
        let caller = Arc::clone(&caller);
        tokio::spawn(async move {
            let messages = [Message::User("Begin.".into())];
            say(&caller, &mut Conversation::default(), &messages, seed).await.expect("answered")
        })
    });
    let (mut lost, mut tries) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        let answered = call.await.expect("call");
        lost += u64::from(answered.maybe_paid);
        tries += u64::from(answered.meter.tries);
    }
    let stats = running.stop().await;
    assert_eq!((stats.requests, stats.distinct_calls, stats.served), (tries, 200, 200));
    assert!(stats.extra_calls > 10 && stats.extra_calls <= lost, "{lost} perhaps paid, {stats:?}");
}

#[tokio::test]
async fn a_wrong_key_stops_at_once_and_is_never_shown() {
    let running =
        provider(ProviderConfig { key: Some(Key::new("sk-right")), ..ProviderConfig::default() }).await;
    let caller = caller(&running);
    let error = first_call(&caller).await.expect_err("refused");
    assert_eq!((error.class, error.tries), (ErrorClass::Config, 1));
    let shown = format!("{error} {error:?} {caller:?}");
    assert!(!shown.contains(KEY), "{shown}");
    assert_eq!(caller.probe().await.expect_err("refused").class, ErrorClass::Config);
    let right = caller_of(&running.base_url(), "rehearsal", "sk-right", Duration::from_secs(60));
    first_call(&right).await.expect("answered");
}

#[tokio::test]
async fn an_unknown_model_stops_at_once_and_names_those_there_are() {
    let running = provider(ProviderConfig::default()).await;
    let caller = caller_of(&running.base_url(), "nobody", KEY, Duration::from_secs(60));
    let error = first_call(&caller).await.expect_err("unknown");
    assert_eq!((error.class, error.tries), (ErrorClass::Config, 1));
    assert!(error.message.contains("unknown model") && error.message.contains("sim/rehearsal"), "{error}");
    let listed = vec!["rehearsal".to_owned(), "sim/rehearsal".to_owned()];
    assert_eq!(caller.probe().await.expect("probe"), Probe::NotListed(listed));
    for known in ["rehearsal", "sim/rehearsal", "rehearsal?words=3"] {
        let known = caller_of(&running.base_url(), known, KEY, Duration::from_secs(60));
        assert_eq!(known.probe().await.expect("probe"), Probe::Listed);
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_said_to_be_unreachable() {
    let running = provider(ProviderConfig::default()).await;
    let caller = caller(&running);
    running.stop().await;
    let error = first_call(&caller).await.expect_err("gone");
    assert_eq!((error.class, error.maybe_paid), (ErrorClass::Transient, 0));
    assert!(error.message.contains("can't connect") && error.message.contains("refused"), "{error}");
    assert!(caller.probe().await.expect_err("gone").message.contains("can't connect"));
}

#[tokio::test]
async fn a_rate_limit_is_lived_with() {
    let allowed = Limits { requests_per_minute: std::num::NonZeroU32::new(6_000), ..Limits::default() };
    let running = provider(ProviderConfig { limits: allowed, ..ProviderConfig::default() }).await;
    let limits = RetryLimits {
        rate_limited: ClassLimits { max_tries: 100, ..two_tries().rate_limited },
        ..two_tries()
    };
    let route = route(&BTreeMap::new(), "sim/rehearsal", Some(&running.base_url())).expect("route");
    let config = CallerConfig { limits, ..CallerConfig::default() };
    let caller = Arc::new(Caller::new(&Http::new(HttpConfig::default()), route, config).expect("caller"));
    let calls = (0..150).map(|seed| {
        let caller = Arc::clone(&caller);
        tokio::spawn(async move {
            let messages = [Message::User("Begin.".into())];
            say(&caller, &mut Conversation::default(), &messages, seed).await.expect("answered").meter
        })
    });
    let mut limited = 0;
    for call in calls.collect::<Vec<_>>() {
        limited += u64::from(call.await.expect("call").rate_limited);
    }
    let stats = running.stop().await;
    assert_eq!((stats.calls, stats.extra_calls), (150, 0));
    assert!(limited > 0 && stats.rate_limited == limited, "{limited} here, {stats:?}");
}
