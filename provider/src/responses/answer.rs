//! Writing a response: reasoning, message and calls as items of their own, and the request repeated.

use bytes::Bytes;
use serde_json::json;

use crate::json::{id, json, now_s, put};
use crate::rejection::Rejection;
use crate::reply::Reply;

/// What a model that is not asked for its reasoning's text has thought in the open.
const SUMMARY: &str = "**Choosing the next step**";

/// Write an answer.
pub(crate) fn response(reply: &Reply<'_>) -> Bytes {
    let mut body = Vec::with_capacity(2_048 + 2 * reply.action.text.len());
    head(&mut body, reply);
    let (status, details) = match reply {
        Reply { declined: true, .. } => ("incomplete", "{\"reason\":\"content_filter\"}"),
        Reply { cut: Some(_), .. } => ("incomplete", "{\"reason\":\"max_output_tokens\"}"),
        _ => ("completed", "null"),
    };
    put(&mut body, ",\"status\":\"");
    put(&mut body, status);
    put(&mut body, "\",\"error\":null,\"incomplete_details\":");
    put(&mut body, details);
    put(&mut body, ",\"output\":[");
    output(&mut body, reply);
    put(&mut body, "]");
    usage(&mut body, reply);
    put(&mut body, "}\n");
    Bytes::from(body)
}

/// Write a response that failed after its status of 200 was sent.
pub(crate) fn failed(model: &str, number: u64, error: &Rejection) -> Bytes {
    let body = json!({
        "id": format!("resp_{}", id(number, 1)),
        "object": "response",
        "created_at": now_s(),
        "background": false,
        "status": "failed",
        "error": {"code": error.code.unwrap_or("server_error"), "message": error.message},
        "incomplete_details": null,
        "model": model,
        "output": [],
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
        "usage": null,
    });
    Bytes::from(format!("{body}\n"))
}

fn head(body: &mut Vec<u8>, reply: &Reply<'_>) {
    let (now_s, id) = (now_s(), id(reply.hash, reply.number));
    put(body, "{\"id\":\"resp_");
    put(body, &id);
    put(
        body,
        &format!(
            "\",\"object\":\"response\",\"created_at\":{now_s},\"completed_at\":{now_s},\"background\":false,\"model\":"
        ),
    );
    json(body, reply.model);
    for (name, value) in &reply.asked.repeated {
        put(body, ",\"");
        put(body, name);
        put(body, "\":");
        put(body, value);
    }
    put(
        body,
        ",\"previous_response_id\":null,\"service_tier\":\"default\",\"text\":{\"format\":{\"type\":\"text\"},\"verbosity\":\"medium\"},\"top_logprobs\":0,\"user\":null",
    );
}

fn output(body: &mut Vec<u8>, reply: &Reply<'_>) {
    let mut first = true;
    let mut comma = |body: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            put(body, ",");
        }
    };
    if let Some(thought) = &reply.thought {
        comma(body);
        reasoning(body, reply, thought);
    }
    let (text, calls) = (reply.fitting_text(), reply.calls());
    if !text.is_empty() || (calls.is_empty() && reply.cut.is_none()) {
        comma(body);
        message(body, reply, text, calls.len());
    }
    for (place, (name, arguments)) in calls.iter().enumerate() {
        comma(body);
        let id = item_id(reply, place);
        put(
            body,
            &format!("{{\"type\":\"function_call\",\"id\":\"fc_{id}\",\"call_id\":\"call_{id}\",\"name\":"),
        );
        json(body, &**name);
        put(body, ",\"arguments\":");
        json(body, arguments);
        put(body, ",\"status\":\"completed\"}");
    }
}

fn reasoning(body: &mut Vec<u8>, reply: &Reply<'_>, thought: &str) {
    put(body, &format!("{{\"type\":\"reasoning\",\"id\":\"rs_{}\",\"summary\":", reply.turn.name()));
    if reply.asked.thinking.shown {
        json(body, &json!([{"type": "summary_text", "text": format!("{SUMMARY}\n\n{thought}")}]));
    } else {
        put(body, "[]");
    }
    put(body, ",\"encrypted_content\":");
    json(body, &reply.turn.sign(&reply.asked.model, ""));
    put(body, "}");
}

fn message(body: &mut Vec<u8>, reply: &Reply<'_>, text: &str, place: usize) {
    let status = if reply.cut.is_some() || reply.declined { "incomplete" } else { "completed" };
    put(
        body,
        &format!(
            "{{\"type\":\"message\",\"id\":\"msg_{}\",\"status\":\"{status}\",\"role\":\"assistant\",\"content\":[",
            item_id(reply, place)
        ),
    );
    if reply.declined {
        put(body, "{\"type\":\"refusal\",\"refusal\":\"I can't help with that.\"}");
    } else {
        put(body, "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":");
        json(body, text);
        put(body, "}");
    }
    put(body, "]}");
}

/// Ids tell whether a reasoning item came with them, not what was in it.
fn item_id(reply: &Reply<'_>, place: usize) -> String {
    reply.turn.id(place, reply.thought.as_ref().map(|_| ""))
}

fn usage(body: &mut Vec<u8>, reply: &Reply<'_>) {
    let usage = &reply.usage;
    put(
        body,
        &format!(
            ",\"usage\":{{\"input_tokens\":{},\"input_tokens_details\":{{\"cached_tokens\":{},\"cache_write_tokens\":0}},\
             \"output_tokens\":{},\"output_tokens_details\":{{\"reasoning_tokens\":{}}},\"total_tokens\":{}}}",
            usage.input,
            usage.cached,
            usage.output,
            usage.reasoning,
            usage.input + usage.output
        ),
    );
}
