//! A server that speaks OpenAI Chat and says whatever a test makes it say: the model, or the provider, as an enemy.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};

/// What is answered to a request, given the turns that the conversation already has.
pub(crate) type Script = dyn Fn(usize, &Value) -> Response + Send + Sync;

/// A status and a body.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The server. It lives as long as the test's process.
pub(crate) struct Hostile {
    address: SocketAddr,
    calls: Arc<AtomicU64>,
}

// === impl Hostile ===

impl Hostile {
    /// Starts it. It lists no models; every call goes to the script.
    pub(crate) fn start(script: impl Fn(usize, &Value) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let script: Arc<Script> = Arc::new(script);
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, calls) = (Arc::clone(&script), Arc::clone(&counted));
                // A client that hangs up is no concern of the server's.
                thread::spawn(move || drop(serve(&stream, &*script, &calls)));
            }
        });
        Self { address, calls }
    }

    /// Its address, for `..._BASE_URL`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The calls it got.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

// === impl Response ===

impl Response {
    /// A good answer with this message.
    pub(crate) fn message(message: &Value, finish: &str) -> Self {
        let body = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "hostile",
            "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 5 },
        });
        Self { status: 200, body: body.to_string() }
    }

    /// A model that says something and calls nothing.
    pub(crate) fn text(text: &str) -> Self {
        Self::message(&json!({ "role": "assistant", "content": text }), "stop")
    }

    /// A model that calls these tools: name and arguments, as it wrote them.
    pub(crate) fn calls<'a>(calls: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let call = |(place, (name, arguments)): (usize, (&str, String))| json!({ "id": format!("call_{place}"), "type": "function", "function": { "name": name, "arguments": arguments } });
        let calls: Vec<Value> = calls.into_iter().enumerate().map(call).collect();
        Self::message(&json!({ "role": "assistant", "content": null, "tool_calls": calls }), "tool_calls")
    }

    /// An error, as OpenAI writes it.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({ "error": { "message": message, "type": "invalid_request_error", "code": code } });
        Self { status, body: body.to_string() }
    }
}

fn serve(stream: &TcpStream, script: &Script, calls: &AtomicU64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let response = if first.starts_with("GET") {
        Response { status: 200, body: json!({ "data": [] }).to_string() }
    } else {
        calls.fetch_add(1, Ordering::SeqCst);
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        script(turns(&request), &request)
    };
    let Response { status, body } = response;
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn turns(request: &Value) -> usize {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    messages.iter().filter(|message| message["role"] == "assistant").count()
}
