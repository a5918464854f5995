//! Writing answers in Chat, by hand into one buffer: the fake must cost little beside what is measured.

use serde::Serialize;
use serde_json::json;

use crate::json::{id, json, now_s, put, to_bytes};
use crate::profile::{Carried, Profile};
use crate::reply::Reply;
use bytes::Bytes;

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

/// Write an answer.
pub(crate) fn completion(reply: &Reply<'_>) -> Bytes {
    let mut body = Vec::with_capacity(1_024 + 2 * reply.action.text.len());
    put(&mut body, "{\"id\":\"chatcmpl-");
    put(&mut body, &id(reply.hash, reply.number));
    put(&mut body, "\",\"object\":\"chat.completion\",\"created\":");
    put(&mut body, &now_s().to_string());
    put(&mut body, ",\"model\":");
    json(&mut body, reply.model);
    put(&mut body, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    message(&mut body, reply);
    put(&mut body, "},\"logprobs\":null,\"finish_reason\":");
    let finish = finish(reply);
    json(&mut body, finish);
    if reply.profile == Profile::OpenRouter {
        put(&mut body, ",\"native_finish_reason\":");
        json(&mut body, finish);
    }
    put(&mut body, "}],\"usage\":");
    usage(&mut body, reply);
    put(&mut body, tail(reply.profile));
    Bytes::from(body)
}

/// A completion whose only choice failed, as a router passes it on.
pub(crate) fn failed_choice(model: &str, number: u64) -> Bytes {
    let error = json!({"code": 502, "message": "Provider returned error", "metadata": {"provider_name": "Muster", "raw": "upstream failed"}});
    let choice = json!({
        "index": 0,
        "message": {"role": "assistant", "content": "", "refusal": null},
        "logprobs": null,
        "finish_reason": "error",
        "native_finish_reason": "error",
        "error": error,
    });
    to_bytes(&json!({
        "id": format!("gen-{}", id(number, 2)),
        "object": "chat.completion",
        "created": now_s(),
        "model": model,
        "choices": [choice],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }))
}

/// The list of models.
pub(crate) fn models(names: &[String]) -> Bytes {
    let listed = |id| ListedModel { id, object: "model", created: 1_700_000_000, owned_by: "muster" };
    to_bytes(&ModelList { object: "list", data: names.iter().map(|name| listed(name.as_str())).collect() })
}

fn message(body: &mut Vec<u8>, reply: &Reply<'_>) {
    let (text, calls) = (reply.fitting_text(), reply.calls());
    if reply.declined || (text.is_empty() && !calls.is_empty()) {
        put(body, "null");
    } else {
        json(body, text);
    }
    thought(body, reply);
    put(body, if reply.declined { ",\"refusal\":\"I can't help with that.\"" } else { ",\"refusal\":null" });
    put(body, ",\"annotations\":[]");
    if !calls.is_empty() {
        put(body, ",\"tool_calls\":[");
        for (place, call) in calls.iter().enumerate() {
            tool_call(body, reply, place, call);
        }
        put(body, "]");
    }
}

fn tool_call(
    body: &mut Vec<u8>,
    reply: &Reply<'_>,
    place: usize,
    (name, arguments): &(std::sync::Arc<str>, String),
) {
    if place > 0 {
        put(body, ",");
    }
    put(body, "{\"id\":\"call_");
    put(body, &reply.id(place));
    put(body, "\",\"type\":\"function\",\"function\":{\"name\":");
    json(body, &**name);
    put(body, ",\"arguments\":");
    json(body, arguments);
    put(body, "}}");
}

fn thought(body: &mut Vec<u8>, reply: &Reply<'_>) {
    let Some(thought) = reply.thought.as_deref().filter(|_| reply.asked.thinking.shown) else { return };
    match reply.profile.carried() {
        Carried::Hidden => {}
        Carried::Content => {
            put(body, ",\"reasoning_content\":");
            json(body, thought);
        }
        Carried::Reasoning => {
            put(body, ",\"reasoning\":");
            json(body, thought);
        }
        Carried::Details => {
            put(body, ",\"reasoning\":");
            json(body, thought);
            let signature = reply.turn.sign(&reply.asked.model, thought);
            put(body, ",\"reasoning_details\":");
            json(
                body,
                &json!([{"type": "reasoning.text", "text": thought, "signature": signature, "format": "anthropic-claude-v1", "index": 0}]),
            );
        }
    }
}

fn finish(reply: &Reply<'_>) -> &'static str {
    match reply {
        Reply { declined: true, profile: Profile::Zai, .. } => "sensitive",
        Reply { declined: true, .. } => "content_filter",
        Reply { cut: Some(_), .. } => "length",
        reply if reply.calls().is_empty() => "stop",
        _ => "tool_calls",
    }
}

fn usage(body: &mut Vec<u8>, reply: &Reply<'_>) {
    let usage = &reply.usage;
    let (input, output, cached, reasoning) = (usage.input, usage.output, usage.cached, usage.reasoning);
    put(
        body,
        &format!(
            "{{\"prompt_tokens\":{input},\"completion_tokens\":{output},\"total_tokens\":{},",
            input + output
        ),
    );
    let fresh = input - cached;
    match reply.profile {
        Profile::DeepSeek => {
            put(body, &format!("\"prompt_cache_hit_tokens\":{cached},\"prompt_cache_miss_tokens\":{fresh},"));
        }
        Profile::Moonshot => put(body, &format!("\"cached_tokens\":{cached},")),
        Profile::OpenRouter => put(body, "\"cost\":0,\"is_byok\":false,"),
        _ => {}
    }
    let details = format!(
        "\"prompt_tokens_details\":{{\"cached_tokens\":{cached},\"audio_tokens\":0}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":{reasoning},\"audio_tokens\":0,\
         \"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}}"
    );
    put(body, &details);
}

fn tail(profile: Profile) -> &'static str {
    match profile {
        Profile::OpenRouter => ",\"provider\":\"Muster\"}\n",
        Profile::Zai => ",\"request_id\":\"muster\"}\n",
        Profile::Moonshot | Profile::Together => "}\n",
        Profile::DeepSeek => ",\"system_fingerprint\":\"fp_muster\"}\n",
        _ => ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_muster\"}\n",
    }
}
