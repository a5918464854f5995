//! Writing answers in OpenAI's shape, by hand into one buffer: the fake must cost little beside what is measured.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use muster_episode::Action;
use serde::Serialize;

use crate::fault::mix;
use crate::request::{ChatRequest, Rejection, tokens};

/// What a 200's body is made of.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) body: Bytes,
    pub(crate) output_tokens: u64,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorDetail<'a>,
}

#[derive(Serialize)]
struct ErrorDetail<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

#[derive(Serialize)]
struct ModelList<'a> {
    object: &'a str,
    data: Vec<ListedModel<'a>>,
}

#[derive(Serialize)]
struct ListedModel<'a> {
    id: &'a str,
    object: &'a str,
    created: u64,
    owned_by: &'a str,
}

/// Write an answer. `number` is the request's, for its id.
pub(crate) fn completion(request: &ChatRequest<'_>, action: &Action, number: u64) -> Completion {
    let wanted = output_tokens(action);
    let cut = request.max_tokens.filter(|max| wanted > *max);
    let mut body = Vec::with_capacity(1_024 + 2 * action.text.len());
    let mut put = |text: &str| body.extend_from_slice(text.as_bytes());
    put("{\"id\":\"chatcmpl-");
    put(&id(request.hash, number));
    put("\",\"object\":\"chat.completion\",\"created\":");
    put(&now_s().to_string());
    put(",\"model\":");
    json(&mut body, &request.model);
    body.extend_from_slice(b",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    let finish = match cut {
        Some(max) => cut_message(&mut body, action, max),
        None => whole_message(&mut body, action, request.hash),
    };
    body.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":");
    json(&mut body, finish);
    let output = cut.unwrap_or(wanted);
    usage(&mut body, request.input_tokens(), output, tokens(action.reasoning.len()).min(output));
    body.extend_from_slice(b",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_muster\"}\n");
    Completion { body: Bytes::from(body), output_tokens: output }
}

/// A refusal's body.
pub(crate) fn error(rejection: &Rejection) -> Bytes {
    let error = ErrorDetail {
        message: &rejection.message,
        kind: rejection.kind,
        param: rejection.param.as_deref(),
        code: rejection.code,
    };
    to_bytes(&ErrorBody { error })
}

/// The list of models.
pub(crate) fn models(names: &[String]) -> Bytes {
    let listed = |id| ListedModel { id, object: "model", created: 1_700_000_000, owned_by: "muster" };
    to_bytes(&ModelList { object: "list", data: names.iter().map(|name| listed(name.as_str())).collect() })
}

/// Anything as JSON. What is written here has string keys and no maps that could fail.
pub(crate) fn to_bytes(value: &impl Serialize) -> Bytes {
    let mut body = serde_json::to_vec(value).unwrap_or_default();
    body.push(b'\n');
    Bytes::from(body)
}

fn whole_message(body: &mut Vec<u8>, action: &Action, hash: u64) -> &'static str {
    if action.text.is_empty() && !action.tool_calls.is_empty() {
        body.extend_from_slice(b"null");
    } else {
        json(body, &action.text);
    }
    extras(body, action);
    if action.tool_calls.is_empty() {
        return "stop";
    }
    body.extend_from_slice(b",\"tool_calls\":[");
    for (index, (name, arguments)) in action.tool_calls.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(b"{\"id\":\"call_");
        body.extend_from_slice(id(hash, index as u64).as_bytes());
        body.extend_from_slice(b"\",\"type\":\"function\",\"function\":{\"name\":");
        json(body, &**name);
        body.extend_from_slice(b",\"arguments\":");
        json(body, arguments);
        body.extend_from_slice(b"}}");
    }
    body.push(b']');
    "tool_calls"
}

/// What fits of the text; no tool call comes after it.
fn cut_message(body: &mut Vec<u8>, action: &Action, max_tokens: u64) -> &'static str {
    let bytes = usize::try_from(max_tokens.saturating_mul(4)).unwrap_or(usize::MAX);
    json(body, &action.text[..action.text.floor_char_boundary(bytes)]);
    extras(body, action);
    "length"
}

fn extras(body: &mut Vec<u8>, action: &Action) {
    if !action.reasoning.is_empty() {
        body.extend_from_slice(b",\"reasoning_content\":");
        json(body, &action.reasoning);
    }
    body.extend_from_slice(b",\"refusal\":null,\"annotations\":[]");
}

fn usage(body: &mut Vec<u8>, input: u64, output: u64, reasoning: u64) {
    let total = input + output;
    body.extend_from_slice(
        format!(
            "}}],\"usage\":{{\"prompt_tokens\":{input},\"completion_tokens\":{output},\"total_tokens\":{total},\
             \"prompt_tokens_details\":{{\"cached_tokens\":0,\"audio_tokens\":0}},\
             \"completion_tokens_details\":{{\"reasoning_tokens\":{reasoning},\"audio_tokens\":0,\
             \"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}}"
        )
        .as_bytes(),
    );
}

fn output_tokens(action: &Action) -> u64 {
    let calls: usize =
        action.tool_calls.iter().map(|(name, arguments)| name.len() + arguments.len() + 16).sum();
    tokens(action.text.len() + action.reasoning.len() + calls).max(1)
}

/// Twenty-four characters that are the same for the same call and place.
fn id(hash: u64, place: u64) -> String {
    let first = mix(hash ^ mix(place));
    format!("{first:016x}{:08x}", mix(first) >> 32)
}

fn json<T: Serialize + ?Sized>(body: &mut Vec<u8>, value: &T) {
    // Strings into memory: neither side can fail.
    let _ = serde_json::to_writer(body, value);
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
