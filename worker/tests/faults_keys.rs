//! A provider that repeats the key wherever it can: nothing that leaves the worker may hold it.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use muster_episode::{Call, Message, Sampling};
use muster_worker::{
    Caller, CallerConfig, Conversation, Http, HttpConfig, ProxyPolicy, RetryLimits, redactor, route,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const KEY: &str = "key/of+a-lab_0123456789abcdef=";

/// Everything that the process logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A server that answers every request so; its address.
async fn parrot(status: &'static str, headers: String, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 65_536];
            let read = stream.read(&mut request).await.expect("read");
            assert!(String::from_utf8_lossy(&request[..read]).contains(KEY), "it was given the key");
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.expect("write");
        }
    });
    format!("http://{address}/v1")
}

/// One try of a call; all that came of it, as text.
async fn outcome(base_url: &str) -> String {
    let environment = BTreeMap::from([
        ("LAB_BASE_URL".to_owned(), base_url.to_owned()),
        ("LAB_API_KEY".to_owned(), KEY.to_owned()),
    ]);
    let redactor = redactor(&environment);
    let mut limits = RetryLimits::default();
    limits.transient.max_tries = 1;
    limits.rate_limited.max_tries = 1;
    let config = CallerConfig { redactor: redactor.clone(), limits, ..CallerConfig::default() };
    let route = route(&environment, "openai-api/lab/x", None).expect("route");
    let http = Http::new(HttpConfig { proxies: ProxyPolicy::None, ..HttpConfig::default() });
    let caller = Caller::new(&http, route, config).expect("caller");
    let sampling = Sampling { temperature: None, top_p: None, max_output_tokens: 100, extra_body: "".into() };
    let messages = [Message::User("Begin.".into())];
    let call = Call { messages: &messages, tools: &[], sampling: &sampling, seed: 1 };
    let called = caller.call(&mut Conversation::default(), &call, &CancellationToken::new()).await;
    // As the worker does before an answer becomes a turn of the transcript.
    let called = called.map(|answered| redactor.reply(answered.reply));
    let probed = caller.probe().await;
    format!("{called:?} {probed:?} {caller:?} {redactor:?}")
}

/// Any way in which the key's middle is readable.
fn leaks(text: &str) -> bool {
    let bare: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    bare.contains("0123456789abcdef") || text.contains("MTIzNDU2Nzg5")
}

fn spellings() -> Vec<String> {
    let json = KEY.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    let half = KEY.replace('k', "\\u006B").replace('/', "\\/").replace('0', "\\u0030");
    let percent = KEY.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
    let url = format!("https://example.org/v1?key={percent}");
    // "Basic " and "user:KEY" in base64.
    let basic = "Basic dXNlcjprZXkvb2YrYS1sYWJfMDEyMzQ1Njc4OWFiY2RlZj0=".to_owned();
    vec![KEY.to_owned(), json, half, percent, url, basic]
}

#[tokio::test]
async fn a_key_that_the_provider_repeats_is_in_no_log_error_answer_or_print() {
    let log = Log::default();
    let into = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || into.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    for spelled in spellings() {
        let content = format!("My key is {spelled}.");
        let call = format!(
            r#"{{"id":"{spelled}","type":"function","function":{{"name":"{spelled}","arguments":"{{}}"}}}}"#
        );
        let answer = format!(
            r#"{{"model":"{spelled}","system_fingerprint":"{spelled}","choices":[{{"message":{{"role":"assistant","content":"{content}","reasoning":"{content}","tool_calls":[{call}]}},"finish_reason":"stop"}}]}}"#
        );
        let split = format!(
            r#"{{"choices":[{{"message":{{"role":"assistant","content":[{{"type":"text","text":"{}"}},{{"type":"text","text":"{}"}}]}}}}]}}"#,
            &KEY[..15],
            &KEY[15..]
        );
        let error = format!(r#"{{"error":{{"message":"{content}","type":"{spelled}","code":"{spelled}"}}}}"#);
        let listed = format!(r#"{{"data":[{{"id":"{spelled}"}}]}}"#);
        let header = format!("x-request-id: {KEY}\r\nretry-after: {KEY}\r\n");
        for (status, body) in [
            ("200 OK", answer),
            ("200 OK", split),
            ("200 OK", error.clone()),
            ("200 OK", listed),
            ("200 OK", content.clone()),
            ("400 Bad Request", error.clone()),
            ("401 Unauthorized", error.clone()),
            ("429 Too Many Requests", error.clone()),
            ("500 Internal Server Error", error),
            ("302 Found", content),
        ] {
            let outcome = outcome(&parrot(status, header.clone(), body.clone()).await).await;
            assert!(!leaks(&outcome), "{spelled} in {status} {body}\n{outcome}");
        }
    }
    let log = String::from_utf8_lossy(&log.0.lock().expect("log")).into_owned();
    assert!(log.contains("call failed"), "it was logged");
    assert!(!leaks(&log), "{log}");
}
