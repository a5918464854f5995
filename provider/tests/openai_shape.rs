//! The fake provider judged from outside: raw bytes over a socket, against what OpenAI documents, written down by hand. No
//! code of the worker's dialects or of the provider's own writers is used.

use std::num::NonZeroU32;
use std::time::Duration;

use muster_provider::{Key, Limits, Provider, ProviderConfig, Rehearsal, Running};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

struct Raw {
    status: u16,
    head: String,
    body: String,
}

impl Raw {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

async fn raw(running: &Running, request: &[u8]) -> Raw {
    let mut stream = TcpStream::connect(running.addr()).await.expect("connect");
    stream.write_all(request).await.expect("send");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("read");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    Raw { status, head: head.to_owned(), body: body.to_owned() }
}

async fn send(running: &Running, method: &str, path: &str, headers: &str, body: &str) -> Raw {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: fake\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    raw(running, request.as_bytes()).await
}

async fn post(running: &Running, body: &Value) -> Raw {
    send(running, "POST", "/v1/chat/completions", "", &body.to_string()).await
}

async fn start(config: ProviderConfig) -> Running {
    Provider::start(config).await.expect("provider")
}

fn call(seed: u32) -> Value {
    json!({
        "model": "sim/rehearsal",
        "seed": seed,
        "max_tokens": 256,
        "messages": [{"role": "system", "content": "Work."}, {"role": "user", "content": "Begin."}],
        "tools": [{"type": "function", "function": {"name": "list_files", "description": "d", "parameters": {"type": "object"}}}],
    })
}

/// The fields of an object, in order.
fn fields(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_completion_with_a_tool_call_has_openais_shape_field_by_field() {
    let running = start(ProviderConfig::default()).await;
    let answer = post(&running, &call(1)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
    assert!(answer.header("openai-processing-ms").is_some_and(|ms| ms.parse::<u64>().is_ok()));
    let body = answer.json();
    assert_eq!(
        fields(&body),
        ["id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"]
    );
    assert!(body["id"].as_str().is_some_and(|id| id.starts_with("chatcmpl-")));
    assert_eq!((&body["object"], &body["model"]), (&json!("chat.completion"), &json!("sim/rehearsal")));
    assert!(body["created"].as_u64().is_some_and(|created| created > 1_700_000_000));
    assert!(body["system_fingerprint"].as_str().is_some_and(|print| print.starts_with("fp_")));
    let choice = &body["choices"][0];
    assert_eq!(fields(choice), ["index", "message", "logprobs", "finish_reason"]);
    assert_eq!((&choice["index"], &choice["finish_reason"]), (&json!(0), &json!("tool_calls")));
    let message = &choice["message"];
    assert_eq!(fields(message), ["role", "content", "refusal", "annotations", "tool_calls"]);
    assert_eq!(
        (&message["role"], &message["content"], &message["refusal"]),
        (&json!("assistant"), &Value::Null, &Value::Null)
    );
    let asked = &message["tool_calls"][0];
    assert_eq!(fields(asked), ["id", "type", "function"]);
    assert!(asked["id"].as_str().is_some_and(|id| id.starts_with("call_") && id.len() == 29));
    assert_eq!(
        (&asked["type"], &asked["function"]),
        (&json!("function"), &json!({"name": "list_files", "arguments": "{}"}))
    );
}

#[tokio::test]
async fn usage_adds_up_and_has_its_details() {
    let running = start(ProviderConfig::default()).await;
    let usage = post(&running, &call(1)).await.json()["usage"].clone();
    assert_eq!(
        fields(&usage),
        [
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "prompt_tokens_details",
            "completion_tokens_details"
        ]
    );
    let count = |name: &str| usage[name].as_u64().expect("a count");
    assert_eq!(count("prompt_tokens") + count("completion_tokens"), count("total_tokens"));
    assert_eq!(usage["prompt_tokens_details"], json!({"cached_tokens": 0, "audio_tokens": 0}));
    let details = json!({"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0});
    assert_eq!(usage["completion_tokens_details"], details);
    let long = json!({"model": "rehearsal", "messages": [{"role": "user", "content": "x".repeat(4_000)}]});
    let long = post(&running, &long).await.json()["usage"]["prompt_tokens"].as_u64().expect("a count");
    assert!((1_000..1_020).contains(&long), "four bytes make a token: {long}");
}

#[tokio::test]
async fn an_answer_that_ends_says_stop_and_one_that_is_cut_says_length() {
    let running = start(ProviderConfig { words: 100, ..ProviderConfig::default() }).await;
    let mut request = call(1);
    request["tools"] = json!([]);
    let whole = post(&running, &request).await.json();
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    request["max_tokens"] = json!(10);
    let cut = post(&running, &request).await.json();
    assert_eq!(
        (&cut["choices"][0]["finish_reason"], &cut["usage"]["completion_tokens"]),
        (&json!("length"), &json!(10))
    );
    let said = |body: &Value| body["choices"][0]["message"]["content"].as_str().expect("text").to_owned();
    assert!(said(&whole).starts_with(&said(&cut)) && said(&cut).len() == 40);
}

#[tokio::test]
async fn the_same_call_gets_the_same_message_and_is_counted_as_repeated() {
    let running = start(ProviderConfig { words: 20, ..ProviderConfig::default() }).await;
    let mut said = Vec::new();
    for seed in [1, 1, 2] {
        said.push(post(&running, &call(seed)).await.json()["choices"][0]["message"].clone());
    }
    assert_eq!(said[0], said[1]);
    assert_ne!(said[0], said[2]);
    let stats = send(&running, "GET", "/stats", "", "").await.json();
    let expected = [("requests", 3), ("calls", 3), ("distinct_calls", 2), ("extra_calls", 1), ("served", 3)];
    for (name, count) in expected {
        assert_eq!(stats[name], count, "{name}");
    }
    assert_eq!(stats["answered"], json!({"sim/rehearsal": 3}));
    assert_eq!(running.stats().calls, 3);
}

#[tokio::test]
async fn both_spellings_of_the_paths_work_and_others_do_not() {
    let running = start(ProviderConfig::default()).await;
    let short = send(&running, "POST", "/chat/completions", "", &call(1).to_string()).await;
    assert_eq!(short.status, 200);
    let models = send(&running, "GET", "/v1/models", "", "").await.json();
    let listed = |id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "muster"});
    assert_eq!(models, json!({"object": "list", "data": [listed("sim/rehearsal"), listed("rehearsal")]}));
    assert_eq!(send(&running, "GET", "/healthz", "", "").await.status, 200);
    let unknown = send(&running, "POST", "/v1/completions", "", "{}").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["error"]["message"], "Invalid URL (POST /v1/completions)");
    let wrong = send(&running, "GET", "/v1/chat/completions", "", "").await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn errors_have_all_four_fields() {
    let running = start(ProviderConfig::default()).await;
    let unknown =
        post(&running, &json!({"model": "nobody", "messages": [{"role": "user", "content": "a"}]})).await;
    assert_eq!(unknown.status, 404);
    let error = &unknown.json()["error"];
    assert_eq!(fields(error), ["message", "type", "param", "code"]);
    assert_eq!(
        (&error["type"], &error["param"], &error["code"]),
        (&json!("invalid_request_error"), &Value::Null, &json!("model_not_found"))
    );
    let message = error["message"].as_str().expect("text");
    assert!(
        message.starts_with("The model `sim/nobody` does not exist or you do not have access to it."),
        "{message}"
    );
    assert!(message.ends_with("The players here: sim/rehearsal."), "{message}");
    let missing = post(&running, &json!({"model": "sim/rehearsal"})).await;
    assert_eq!(
        (missing.status, missing.json()),
        (
            400,
            json!({"error": {"message": "Missing required parameter: 'messages'.", "type": "invalid_request_error", "param": "messages", "code": "missing_required_parameter"}})
        )
    );
    assert_eq!(running.stats().refused, 2);
}

#[tokio::test]
async fn a_key_is_asked_for_in_openais_words() {
    let running =
        start(ProviderConfig { key: Some(Key::new("sk-right")), ..ProviderConfig::default() }).await;
    let body = call(1).to_string();
    let none = send(&running, "POST", "/v1/chat/completions", "", &body).await;
    assert_eq!((none.status, &none.json()["error"]["code"]), (401, &Value::Null));
    let wrong = send(
        &running,
        "POST",
        "/v1/chat/completions",
        "Authorization: Bearer sk-wrong-0123456789\r\n",
        &body,
    )
    .await;
    assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    assert!(!wrong.body.contains("wrong-01234"), "{}", wrong.body);
    let right =
        send(&running, "POST", "/v1/chat/completions", "authorization: Bearer sk-right\r\n", &body).await;
    assert_eq!(right.status, 200);
    assert_eq!(send(&running, "GET", "/v1/models", "", "").await.status, 401);
}

#[tokio::test]
async fn a_spent_quota_is_told_with_all_its_headers() {
    let quota = NonZeroU32::new(60);
    let config = ProviderConfig {
        limits: Limits {
            requests_per_minute: quota,
            tokens_per_minute: NonZeroU32::new(60_000),
            ..Limits::default()
        },
        ..ProviderConfig::default()
    };
    let running = start(config).await;
    let first = post(&running, &call(1)).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.header("x-ratelimit-limit-requests"), Some("60"));
    assert_eq!(first.header("x-ratelimit-remaining-requests"), Some("0"));
    assert_eq!(first.header("x-ratelimit-limit-tokens"), Some("60000"));
    // 256 tokens are held of a bucket of 1,000.
    assert_eq!(first.header("x-ratelimit-remaining-tokens"), Some("744"));
    assert!(first.header("x-ratelimit-reset-requests").is_some_and(|reset| reset.ends_with('s')));
    let second = post(&running, &call(2)).await;
    assert_eq!((second.status, second.header("retry-after")), (429, Some("1")));
    let error = second.json()["error"].clone();
    assert_eq!((&error["type"], &error["code"]), (&json!("requests"), &json!("rate_limit_exceeded")));
    let mut large = call(3);
    large["max_tokens"] = json!(70_000);
    let wall = post(&running, &large).await;
    assert_eq!((wall.status, wall.header("retry-after")), (429, None));
    let message = wall.json()["error"]["message"].as_str().expect("text").to_owned();
    assert!(message.contains("Limit 60000, Requested 70000"), "{message}");
    assert_eq!(running.stats().rate_limited, 2);
}

#[tokio::test]
async fn a_request_of_nine_megabytes_is_refused() {
    let running = start(ProviderConfig::default()).await;
    let body = json!({"model": "rehearsal", "messages": [{"role": "user", "content": "x".repeat(9 << 20)}]})
        .to_string();
    let head =
        format!("POST /v1/chat/completions HTTP/1.1\r\nHost: fake\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(running.addr()).await.expect("connect");
    stream.write_all(head.as_bytes()).await.expect("send");
    // The other side may close before it has read everything.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut start = [0; 12];
    let read = stream.read_exact(&mut start).await;
    assert!(read.is_err() || &start == b"HTTP/1.1 413", "{}", String::from_utf8_lossy(&start));
    assert_eq!(running.stats().refused, 1);
}

#[tokio::test]
async fn bytes_that_are_no_request_harm_no_one() {
    let running = start(ProviderConfig::default()).await;
    for hostile in [&b"\x00\xff\x00\xff\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n\xff\xfe{"] {
        let mut stream = TcpStream::connect(running.addr()).await.expect("connect");
        stream.write_all(hostile).await.expect("send");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(post(&running, &call(1)).await.status, 200);
}

#[tokio::test]
async fn a_call_whose_caller_has_left_was_paid_for_all_the_same() {
    let latency = Duration::from_secs(3_600);
    let running = start(ProviderConfig { latency, ..ProviderConfig::default() }).await;
    let body = call(1).to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: fake\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(running.addr()).await.expect("connect");
    stream.write_all(request.as_bytes()).await.expect("send");
    while running.stats().calls == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    let stats = running.stop().await;
    assert_eq!((stats.calls, stats.distinct_calls), (1, 1));
}

#[tokio::test]
async fn more_connections_than_its_bound_wait_their_turn() {
    let running = start(ProviderConfig { max_connections: 1, ..ProviderConfig::default() }).await;
    let idle = TcpStream::connect(running.addr()).await.expect("connect");
    // Make sure that the idle one has the place.
    let running = Arc::new(running);
    let waiting = tokio::spawn({
        let running = Arc::clone(&running);
        async move { post(&running, &call(1)).await.status }
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    drop(idle);
    assert_eq!(waiting.await.expect("answered"), 200);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let running = start(ProviderConfig::default()).await;
    let error = Provider::start(ProviderConfig { listen: running.addr(), ..ProviderConfig::default() }).await;
    let error = error.expect_err("in use").to_string();
    assert!(error.contains(&running.addr().to_string()), "{error}");
}

#[test]
fn a_key_is_never_shown() {
    let config = ProviderConfig {
        key: Some(Key::new("sk-0123456789")),
        players: Arc::new(Rehearsal::default()),
        ..ProviderConfig::default()
    };
    assert!(!format!("{config:?}").contains("0123456789"));
}
