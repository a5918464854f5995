//! Raw bytes over a socket, and requests written down by hand.

#![allow(dead_code, unreachable_pub, reason = "each test takes of it what it needs")]

use muster_provider::{Provider, ProviderConfig, Running};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub struct Raw {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// One of the four dialects, with what its requests need beside a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Chat,
    Responses,
    Messages,
    Gemini,
}

// === impl Raw ===

impl Raw {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    /// The words of an error, whatever its shape.
    pub fn words(&self) -> String {
        let body = self.json();
        let error = if body.is_array() { &body[0]["error"] } else { &body["error"] };
        error["message"].as_str().unwrap_or_else(|| panic!("no error in {body}")).to_owned()
    }
}

// === impl Way ===

impl Way {
    pub const ALL: [Self; 4] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini];

    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::Gemini => "/v1beta/models/rehearsal:generateContent",
        }
    }

    pub fn headers(self) -> &'static str {
        match self {
            Self::Messages => "anthropic-version: 2023-06-01\r\n",
            _ => "",
        }
    }

    /// A first request with one tool.
    pub fn request(self) -> Value {
        let schema = json!({"type": "object", "properties": {}});
        match self {
            Self::Chat => json!({
                "model": "rehearsal",
                "seed": 1,
                "messages": [{"role": "system", "content": "Work."}, {"role": "user", "content": "Begin."}],
                "tools": [{"type": "function", "function": {"name": "ls", "parameters": schema}}],
            }),
            Self::Responses => json!({
                "model": "rehearsal",
                "instructions": "Work.",
                "input": [{"role": "user", "content": "Begin."}],
                "tools": [{"type": "function", "name": "ls", "parameters": schema, "strict": false}],
                "store": false,
            }),
            Self::Messages => json!({
                "model": "rehearsal",
                "max_tokens": 2_000,
                "system": "Work.",
                "messages": [{"role": "user", "content": "Begin."}],
                "tools": [{"name": "ls", "input_schema": schema}],
            }),
            Self::Gemini => json!({
                "systemInstruction": {"parts": [{"text": "Work."}]},
                "contents": [{"role": "user", "parts": [{"text": "Begin."}]}],
                "tools": [{"functionDeclarations": [{"name": "ls", "parametersJsonSchema": schema}]}],
                "generationConfig": {"seed": 1},
            }),
        }
    }

    /// The list of a request that holds the conversation.
    pub fn said(self, request: &mut Value) -> &mut Vec<Value> {
        let name = match self {
            Self::Chat | Self::Messages => "messages",
            Self::Responses => "input",
            Self::Gemini => "contents",
        };
        request[name].as_array_mut().expect("a list")
    }

    /// The answer as it is to be sent back, and the results of the tools that it called.
    pub fn next(self, answer: &Value) -> Vec<Value> {
        match self {
            Self::Chat => {
                let message = answer["choices"][0]["message"].clone();
                let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
                let results = calls
                    .iter()
                    .map(|call| json!({"role": "tool", "tool_call_id": call["id"], "content": "{}"}));
                [message].into_iter().chain(results).collect()
            }
            Self::Responses => {
                let items = answer["output"].as_array().expect("items").clone();
                let calls =
                    items.iter().filter(|item| item["type"] == "function_call").cloned().collect::<Vec<_>>();
                let results = calls.iter().map(
                    |call| json!({"type": "function_call_output", "call_id": call["call_id"], "output": "{}"}),
                );
                items.into_iter().chain(results).collect()
            }
            Self::Messages => {
                let content = answer["content"].as_array().expect("blocks");
                let calls = content.iter().filter(|block| block["type"] == "tool_use");
                let results: Vec<Value> = calls
                    .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "{}"}))
                    .collect();
                vec![
                    json!({"role": "assistant", "content": content}),
                    json!({"role": "user", "content": results}),
                ]
            }
            Self::Gemini => {
                let content = &answer["candidates"][0]["content"];
                let calls = content["parts"]
                    .as_array()
                    .expect("parts")
                    .iter()
                    .filter_map(|part| part.get("functionCall"));
                let results: Vec<Value> = calls
                    .map(|call| json!({"functionResponse": {"id": call["id"], "name": call["name"], "response": {"output": "{}"}}}))
                    .collect();
                vec![content.clone(), json!({"role": "user", "parts": results})]
            }
        }
    }

    /// Post a body to the dialect's path.
    pub async fn post(self, running: &Running, body: &Value) -> Raw {
        send(running, "POST", self.path(), self.headers(), &body.to_string()).await
    }

    /// The conversation after two answers, ready to be sent.
    pub async fn conversation(self, running: &Running, mut request: Value) -> Value {
        for _ in 0..2 {
            let answer = self.post(running, &request).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let next = self.next(&answer.json());
            self.said(&mut request).extend(next);
        }
        request
    }
}

pub async fn start(config: ProviderConfig) -> Running {
    Provider::start(config).await.expect("provider")
}

pub async fn send(running: &Running, method: &str, path: &str, headers: &str, body: &str) -> Raw {
    let answer = bytes(running, method, path, headers, body.as_bytes()).await;
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    Raw { status, head: head.to_owned(), body: body.to_owned() }
}

/// Whatever comes back, to the end of the connection.
pub async fn bytes(running: &Running, method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: fake\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(running.addr()).await.expect("connect");
    stream.write_all(head.as_bytes()).await.expect("send");
    stream.write_all(body).await.expect("send");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// The fields of an object, in order.
pub fn fields(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}
