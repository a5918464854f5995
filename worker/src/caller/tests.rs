//! Calls against a script, in virtual time.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Mutex;

use muster_episode::{Message, Sampling};

use super::*;
use crate::account::route;
use crate::http::HttpConfig;
use crate::http::scripted::{Script, answer, endpoint, fault};
use crate::redact::Secret;

const GOOD: &str =
    r#"{"choices":[{"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}]}"#;
const KEY: &str = "sk-0123456789abcdef";
const SECOND: Duration = Duration::from_secs(1);

type Scripted = (Duration, Result<Answer, HttpError>);

fn at_once(what: Result<Answer, HttpError>) -> Scripted {
    (Duration::ZERO, what)
}

/// A caller whose requests are answered by a script, and the pauses that it was told of.
fn scripted(script: Vec<Scripted>, config: CallerConfig) -> (Caller, Arc<Script>, Arc<Mutex<Vec<u64>>>) {
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&pauses);
    let hook: RateLimitHook = Arc::new(move |pause_ms| told.lock().expect("pauses").push(pause_ms));
    let redactor = Redactor::new([Secret::new(KEY)]);
    let config = CallerConfig { redactor, on_rate_limit: Some(hook), ..config };
    let route = route(&BTreeMap::new(), "sim/test", Some("http://127.0.0.1:9/v1")).expect("route");
    let mut caller = Caller::new(&Http::new(HttpConfig::default()), route, config).expect("caller");
    let (endpoint, script) = endpoint(script);
    caller.endpoint = endpoint;
    (caller, script, pauses)
}

async fn call_with(caller: &Caller, cancel: &CancellationToken, extra: &str) -> Result<Answered, CallError> {
    let sampling =
        Sampling { temperature: None, top_p: None, max_output_tokens: 10, extra_body: extra.into() };
    let messages = [Message::User("Well?".into())];
    let call = Call { messages: &messages, tools: &[], sampling: &sampling, seed: 1 };
    caller.call(&mut Conversation::default(), &call, cancel).await
}

async fn call(caller: &Caller) -> Result<Answered, CallError> {
    call_with(caller, &CancellationToken::new(), "").await
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_twice_is_answered_and_measured() {
    let script = vec![
        (9 * SECOND, answer(500, &[], "")),
        (SECOND, fault(Fault::Lost)),
        (3 * SECOND, answer(200, &[], GOOD)),
    ];
    let (caller, ..) = scripted(script, CallerConfig::default());
    let answered = call(&caller).await.expect("answered");
    assert_eq!(answered.reply.text, "Yes.");
    assert_eq!(answered.maybe_paid, 1);
    let meter = Meter { latency_ms: 3_000, tries: 3, rate_limited: 0, cost_micro_usd: None };
    assert_eq!(answered.meter, meter);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_and_everyone_is_told() {
    let limited = answer(429, &[("retry-after", "30")], "");
    let (caller, _, pauses) =
        scripted(vec![at_once(limited), at_once(answer(200, &[], GOOD))], CallerConfig::default());
    let begin = Instant::now();
    let answered = call(&caller).await.expect("answered");
    assert!(begin.elapsed() >= 30 * SECOND && begin.elapsed() < 33 * SECOND, "{:?}", begin.elapsed());
    assert_eq!((answered.meter.rate_limited, answered.maybe_paid), (1, 0));
    assert_eq!(*pauses.lock().expect("pauses"), [30_000]);
}

#[tokio::test(start_paused = true)]
async fn one_calls_429_silences_the_other_calls_of_its_model() {
    let limited = answer(429, &[("retry-after", "30")], "");
    let script = vec![at_once(limited), at_once(answer(200, &[], GOOD)), at_once(answer(200, &[], GOOD))];
    let (caller, ..) = scripted(script, CallerConfig::default());
    let begin = Instant::now();
    let second = async {
        tokio::time::sleep(SECOND).await;
        call(&caller).await
    };
    let (first, second) = tokio::join!(call(&caller), second);
    assert!(begin.elapsed() >= 30 * SECOND);
    assert_eq!(first.expect("answered").meter.tries, 2);
    assert_eq!(second.expect("answered").meter.tries, 1, "it waited instead of being refused");
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_the_time_left_ends_the_call_at_once_and_says_how_long() {
    let limited = answer(429, &[("retry-after", "3600")], "");
    let (caller, _, pauses) = scripted(vec![at_once(limited)], CallerConfig::default());
    let begin = Instant::now();
    let error = call(&caller).await.expect_err("refused");
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!((error.class, error.tries, error.rate_limited), (ErrorClass::RateLimited, 1, 1));
    assert_eq!(error.retry_after, Some(3_600 * SECOND));
    assert_eq!(*pauses.lock().expect("pauses"), [3_600_000], "the fleet is told all the same");
}

#[tokio::test(start_paused = true)]
async fn slow_failures_stop_at_the_wall_and_quick_ones_at_the_number_of_tries() {
    // Ten minutes each: the second ends after the wall of fifteen.
    let (caller, script, _) =
        scripted((0..9).map(|_| (600 * SECOND, fault(Fault::Lost))).collect(), CallerConfig::default());
    let error = call(&caller).await.expect_err("lost");
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::Transient, 2, 2));
    assert_eq!(script.left(), 7);
    let (caller, ..) =
        scripted((0..9).map(|_| at_once(answer(502, &[], ""))).collect(), CallerConfig::default());
    assert_eq!(call(&caller).await.expect_err("failed").tries, 5);
    let (caller, ..) =
        scripted((0..9).map(|_| at_once(answer(503, &[], ""))).collect(), CallerConfig::default());
    let error = call(&caller).await.expect_err("overloaded");
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::Overloaded, 8, 0));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_is_given_up_after_ten_silent_minutes() {
    let (caller, ..) =
        scripted((0..9).map(|_| (Duration::MAX, answer(200, &[], GOOD))).collect(), CallerConfig::default());
    let begin = Instant::now();
    let error = call(&caller).await.expect_err("late");
    assert!(error.message.contains("no sign of an answer within 600 s"), "{error}");
    assert!(begin.elapsed() >= 1_200 * SECOND && begin.elapsed() < 1_202 * SECOND);
    assert_eq!(error.maybe_paid, 2);
}

#[tokio::test(start_paused = true)]
async fn what_waiting_cannot_mend_is_tried_once() {
    let quota = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    let long = r#"{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
    for (status, body, class, words) in [
        (429, quota, ErrorClass::Quota, "quota exhausted"),
        (401, "", ErrorClass::Config, "key refused"),
        (404, "", ErrorClass::Config, "no such model"),
        (400, long, ErrorClass::BadRequest, "conversation too long"),
        (422, "", ErrorClass::BadRequest, "request refused"),
    ] {
        let (caller, ..) = scripted(vec![at_once(answer(status, &[], body))], CallerConfig::default());
        let error = call(&caller).await.expect_err("refused");
        assert_eq!((error.class, error.tries), (class, 1), "{status}");
        assert!(error.message.starts_with("sim/test: ") && error.message.contains(words), "{error}");
    }
    let (caller, ..) = scripted(vec![at_once(fault(Fault::Untrusted))], CallerConfig::default());
    let error = call(&caller).await.expect_err("not trusted");
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::Config, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_alone_is_turned_away_for_half_an_hour_ends_as_poison() {
    let limited = || at_once(answer(429, &[], ""));
    let answers = (0..100).map(|_| at_once(answer(200, &[], GOOD)));
    let script = std::iter::once(limited()).chain(answers).chain((0..60).map(|_| limited()));
    // One try an attempt, as for a job that is given back and comes again.
    let mut limits = RetryLimits::default();
    limits.rate_limited.max_tries = 1;
    let (caller, ..) = scripted(script.collect(), CallerConfig { limits, ..CallerConfig::default() });
    let never = CancellationToken::new();
    let mut error = call_with(&caller, &never, r#"{"user":"large"}"#).await.expect_err("turned away");
    for _ in 0..100 {
        call(&caller).await.expect("answered");
    }
    let mut tries = 1;
    while error.class == ErrorClass::RateLimited {
        tokio::time::sleep(60 * SECOND).await;
        error = call_with(&caller, &never, r#"{"user":"large"}"#).await.expect_err("turned away");
        tries += error.tries;
    }
    assert_eq!((error.class, tries), (ErrorClass::BadRequest, 40), "{error}");
    assert!(error.message.contains("poison") && error.message.contains("100 others"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_error_in_an_answer_that_counts_tokens_may_have_been_paid_for() {
    let failed = r#"{"error":{"code":502,"message":"m"},"usage":{"completion_tokens":7}}"#;
    let free = r#"{"error":{"code":500,"message":"m"}}"#;
    let script = vec![
        at_once(answer(200, &[], failed)),
        at_once(answer(200, &[], free)),
        at_once(answer(200, &[], GOOD)),
    ];
    let (caller, ..) = scripted(script, CallerConfig::default());
    assert_eq!(call(&caller).await.expect("answered").maybe_paid, 1);
}

#[tokio::test(start_paused = true)]
async fn content_that_the_provider_declines_is_an_answer_and_no_failure() {
    let declined =
        format!(r#"{{"error":{{"message":"The prompt was flagged. {KEY}","code":"content_filter"}}}}"#);
    let (caller, ..) = scripted(vec![at_once(answer(400, &[], &declined))], CallerConfig::default());
    let reply = call(&caller).await.expect("a refusal").reply;
    assert_eq!((reply.stop, reply.raw.len(), reply.tool_calls.len()), (StopReason::Refusal, 0, 0));
    assert!(reply.text.contains("flagged") && !reply.text.contains(KEY), "{}", reply.text);
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_waited_for_longer_and_a_sweeps_own_bound_counts_before_all() {
    let http = Http::new(HttpConfig::default());
    let silence = |tokens| http.patience(tokens, None).silence.as_secs();
    assert_eq!((silence(0), silence(16_000), silence(128_000)), (600, 1_050, 3_600));
    let short = http.patience(128_000, Some(30 * SECOND));
    assert_eq!((short.silence, short.total), (30 * SECOND, 30 * SECOND));
    assert_eq!(http.patience(0, Some(7_200 * SECOND)).total, 7_200 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_huge_answer_is_asked_for_twice_and_then_taken_for_what_it_is() {
    let (caller, ..) =
        scripted((0..9).map(|_| at_once(fault(Fault::TooLarge))).collect(), CallerConfig::default());
    let error = call(&caller).await.expect_err("too large");
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::BadRequest, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_provider_costs_nothing() {
    let (caller, ..) =
        scripted((0..9).map(|_| at_once(fault(Fault::Unreachable))).collect(), CallerConfig::default());
    let error = call(&caller).await.expect_err("unreachable");
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::Transient, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_ends_at_once_and_counts_the_request_under_way() {
    let cancel = CancellationToken::new();
    let later = async {
        tokio::time::sleep(5 * SECOND).await;
        cancel.cancel();
    };
    let (caller, ..) = scripted(vec![(60 * SECOND, answer(200, &[], GOOD))], CallerConfig::default());
    let begin = Instant::now();
    let (error, ()) = tokio::join!(call_with(&caller, &cancel, ""), later);
    let error = error.expect_err("cancelled");
    assert_eq!(begin.elapsed(), 5 * SECOND);
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::Cancelled, 1, 1));
    let error = call_with(&caller, &cancel, "").await.expect_err("cancelled before it began");
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::Cancelled, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_cancelled_between_two_tries_counts_nothing_as_under_way() {
    let cancel = CancellationToken::new();
    let limited = answer(429, &[("retry-after", "60")], "");
    let (caller, ..) = scripted(vec![at_once(limited)], CallerConfig::default());
    let later = async {
        tokio::time::sleep(5 * SECOND).await;
        cancel.cancel();
    };
    let (error, ()) = tokio::join!(call_with(&caller, &cancel, ""), later);
    assert_eq!(error.expect_err("cancelled").maybe_paid, 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_an_errors_body_never_comes_out() {
    let body = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}.","code":"{KEY}"}}}}"#);
    let (caller, ..) = scripted(vec![at_once(answer(401, &[], &body))], CallerConfig::default());
    let error = call(&caller).await.expect_err("refused");
    let shown = format!("{error} {error:?} {caller:?}");
    assert!(!shown.contains(KEY) && shown.contains("[redacted]"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_long_message_with_escape_codes_becomes_one_short_line() {
    let body =
        serde_json::json!({"error": {"message": format!("\u{1b}[2J\n{}", "x".repeat(9_000))}}).to_string();
    let (caller, ..) = scripted(vec![at_once(answer(400, &[], &body))], CallerConfig::default());
    let message = call(&caller).await.expect_err("refused").message;
    assert!(!message.contains(char::is_control) && message.chars().count() < 600, "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_said_is_the_sweeps_fault_and_sends_nothing() {
    let (caller, ..) = scripted(vec![], CallerConfig::default());
    let error = call_with(&caller, &CancellationToken::new(), "[1]").await.expect_err("unsayable");
    assert_eq!((error.class, error.tries), (ErrorClass::Config, 0));
    assert!(error.message.contains("extra_body must be a JSON object"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn every_try_passes_the_pace() {
    let pace = PaceConfig { requests_per_minute: NonZeroU32::new(6), ..PaceConfig::default() };
    let script = vec![at_once(answer(500, &[], "")), at_once(answer(200, &[], GOOD))];
    let (caller, ..) = scripted(script, CallerConfig { pace, ..CallerConfig::default() });
    let begin = Instant::now();
    call(&caller).await.expect("answered");
    assert!(begin.elapsed() >= 10 * SECOND, "{:?}", begin.elapsed());
}
