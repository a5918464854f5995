//! Writing a message: thinking with its signature, text and calls as blocks.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::json::{id, is_object, json, put, to_bytes};
use crate::reply::Reply;

/// Write an answer.
pub(crate) fn message(reply: &Reply<'_>) -> Bytes {
    let mut body = Vec::with_capacity(1_024 + 2 * reply.action.text.len());
    put(&mut body, "{\"model\":");
    json(&mut body, reply.model);
    put(&mut body, ",\"id\":\"msg_");
    put(&mut body, &id(reply.hash, reply.number));
    put(&mut body, "\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[");
    content(&mut body, reply);
    put(&mut body, "],\"stop_reason\":\"");
    put(&mut body, stop_reason(reply));
    put(&mut body, "\",\"stop_sequence\":null,\"usage\":");
    json(&mut body, &usage(reply));
    put(&mut body, "}\n");
    Bytes::from(body)
}

/// The list of models.
pub(crate) fn models(names: &[String]) -> Bytes {
    let listed = |name: &String| json!({"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z", "lifecycle": "active"});
    let data: Vec<Value> = names.iter().map(listed).collect();
    to_bytes(&json!({"data": data, "has_more": false, "first_id": names.first(), "last_id": names.last()}))
}

fn content(body: &mut Vec<u8>, reply: &Reply<'_>) {
    let mut first = true;
    let mut comma = |body: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            put(body, ",");
        }
    };
    if let Some(thought) = &reply.thought {
        comma(body);
        thinking(body, reply, thought);
    }
    let text = reply.fitting_text();
    if !text.is_empty() && !reply.declined {
        comma(body);
        put(body, "{\"type\":\"text\",\"text\":");
        json(body, text);
        put(body, "}");
    }
    for (place, (name, arguments)) in reply.calls().iter().enumerate() {
        comma(body);
        let id = reply.turn.id(place, reply.thought.as_ref().map(|_| ""));
        put(body, "{\"type\":\"tool_use\",\"id\":\"toolu_");
        put(body, &id);
        put(body, "\",\"name\":");
        json(body, &**name);
        put(body, ",\"input\":");
        if is_object(arguments) {
            put(body, arguments);
        } else {
            json(body, &json!({"INVALID_JSON": arguments}));
        }
        put(body, "}");
    }
}

fn thinking(body: &mut Vec<u8>, reply: &Reply<'_>, thought: &str) {
    let told = if reply.asked.thinking.shown { thought } else { "" };
    put(body, "{\"type\":\"thinking\",\"thinking\":");
    json(body, told);
    put(body, ",\"signature\":");
    json(body, &reply.turn.sign(&reply.asked.model, told));
    put(body, "}");
}

fn stop_reason(reply: &Reply<'_>) -> &'static str {
    match reply {
        Reply { declined: true, .. } => "refusal",
        Reply { cut: Some(_), .. } => "max_tokens",
        reply if reply.calls().is_empty() => "end_turn",
        _ => "tool_use",
    }
}

fn usage(reply: &Reply<'_>) -> Value {
    let usage = &reply.usage;
    json!({
        "input_tokens": usage.input.saturating_sub(usage.cached + usage.written),
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "service_tier": "standard",
    })
}
