//! Answers that take their time: signs of life are waited for, silence is not.

use std::collections::BTreeMap;
use std::time::Duration;

use muster_episode::{Call, Message, Sampling};
use muster_worker::{
    Answered, CallError, Caller, CallerConfig, Conversation, ErrorClass, Http, HttpConfig, ProxyPolicy,
    RetryLimits, route,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const ANSWER: &str =
    r#"{"choices":[{"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}]}"#;

/// What a slow server sends, and how long before each piece it waits.
type Pieces = Vec<(Duration, String)>;

async fn server(pieces: Pieces) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, pieces.clone()));
        }
    });
    format!("http://{address}/v1")
}

async fn answer(mut stream: TcpStream, pieces: Pieces) {
    let mut request = [0; 65_536];
    let _ = stream.read(&mut request).await;
    for (wait, piece) in pieces {
        tokio::time::sleep(wait).await;
        if stream.write_all(piece.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One try, with these bounds in milliseconds.
async fn call(base_url: &str, silence: u64, idle: u64, total: u64) -> Result<Answered, CallError> {
    let ms = Duration::from_millis;
    let http = HttpConfig {
        silence_timeout: ms(silence),
        read_idle_timeout: ms(idle),
        total_timeout: ms(total),
        proxies: ProxyPolicy::None,
        ..HttpConfig::default()
    };
    let mut limits = RetryLimits::default();
    limits.transient.max_tries = 1;
    let route = route(&BTreeMap::new(), "sim/x", Some(base_url)).expect("route");
    let caller = Caller::new(&Http::new(http), route, CallerConfig { limits, ..CallerConfig::default() });
    let sampling = Sampling { temperature: None, top_p: None, max_output_tokens: 1, extra_body: "".into() };
    let messages = [Message::User("Begin.".into())];
    let call = Call { messages: &messages, tools: &[], sampling: &sampling, seed: 1 };
    caller.expect("caller").call(&mut Conversation::default(), &call, &CancellationToken::new()).await
}

fn head(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")
}

/// The head, then a blank line every 50 ms, so many times, then the answer.
fn kept_alive(lines: usize) -> Pieces {
    let ms = Duration::from_millis;
    let begin = std::iter::once((ms(0), head(lines + ANSWER.len())));
    let blank = (0..lines).map(|_| (ms(50), "\n".to_owned()));
    begin.chain(blank).chain([(ms(50), ANSWER.to_owned())]).collect()
}

#[tokio::test]
async fn blank_lines_are_signs_of_life_for_as_long_as_they_come() {
    let address = server(kept_alive(40)).await;
    let answered = call(&address, 1_000, 1_000, 60_000).await.expect("answered");
    assert_eq!((answered.reply.text.as_str(), answered.meter.tries), ("Yes.", 1));
    assert!(answered.meter.latency_ms >= 2_000, "twice as long as any silence that is allowed");
}

#[tokio::test]
async fn signs_of_life_end_at_the_bound_of_all() {
    let address = server(kept_alive(1_000)).await;
    let error = call(&address, 1_000, 1_000, 300).await.expect_err("too long");
    assert!(error.message.contains("no whole answer within 0.3 s"), "{error}");
    assert_eq!((error.class, error.maybe_paid), (ErrorClass::Transient, 1));
}

#[tokio::test]
async fn a_server_that_says_nothing_or_only_a_head_is_given_up() {
    let long = Duration::from_secs(60);
    for pieces in
        [vec![(long, head(1))], vec![(Duration::ZERO, head(ANSWER.len())), (long, ANSWER.to_owned())]]
    {
        let address = server(pieces).await;
        let error = call(&address, 200, 60_000, 60_000).await.expect_err("silent");
        assert!(error.message.contains(" 0.2 s"), "{error}");
        assert_eq!((error.class, error.maybe_paid), (ErrorClass::Transient, 1));
    }
}

#[tokio::test]
async fn an_answer_that_stands_still_after_it_began_is_given_up_sooner() {
    let (first, rest) = ANSWER.split_at(20);
    let pieces = vec![
        (Duration::ZERO, head(ANSWER.len())),
        (Duration::ZERO, first.to_owned()),
        (Duration::from_secs(60), rest.to_owned()),
    ];
    let error = call(&server(pieces).await, 60_000, 200, 60_000).await.expect_err("stands still");
    assert!(error.message.contains("stood still for 0.2 s"), "{error}");
}
