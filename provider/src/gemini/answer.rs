//! Writing an answer of generateContent: parts, with a signature on the first call of a step.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::json::{id, is_object, json, put, to_bytes};
use crate::reply::Reply;

/// Write an answer.
pub(crate) fn content(reply: &Reply<'_>) -> Bytes {
    let mut body = Vec::with_capacity(1_024 + 2 * reply.action.text.len());
    put(&mut body, "{\"candidates\":[{");
    if !reply.declined && !malformed(reply) {
        put(&mut body, "\"content\":{\"parts\":[");
        parts(&mut body, reply);
        put(&mut body, "],\"role\":\"model\"},");
    }
    put(&mut body, "\"finishReason\":\"");
    put(&mut body, finish_reason(reply));
    put(&mut body, "\",\"index\":0}],\"usageMetadata\":");
    json(&mut body, &usage(reply));
    put(&mut body, ",\"modelVersion\":");
    json(&mut body, reply.model);
    put(&mut body, ",\"responseId\":\"");
    put(&mut body, &id(reply.hash, reply.number));
    put(&mut body, "\"}\n");
    Bytes::from(body)
}

/// The list of models.
pub(crate) fn models(names: &[String]) -> Bytes {
    let listed = |name: &String| {
        json!({
            "name": format!("models/{name}"),
            "version": "001",
            "displayName": name,
            "description": "A player.",
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent"],
            "thinking": true,
        })
    };
    let models: Vec<Value> = names.iter().map(listed).collect();
    to_bytes(&json!({"models": models}))
}

fn parts(body: &mut Vec<u8>, reply: &Reply<'_>) {
    let mut first = true;
    let mut comma = |body: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            put(body, ",");
        }
    };
    if let Some(thought) = reply.thought.as_ref().filter(|_| reply.asked.thinking.shown) {
        comma(body);
        put(body, "{\"text\":");
        json(body, thought);
        put(body, ",\"thought\":true}");
    }
    let (text, calls) = (reply.fitting_text(), reply.calls());
    let signature = reply.turn.sign(&reply.asked.model, "");
    if !text.is_empty() || (calls.is_empty() && reply.cut.is_none()) {
        comma(body);
        put(body, "{\"text\":");
        json(body, text);
        // A turn that ends in words has its signature there; nothing is refused without it.
        if calls.is_empty() {
            put(body, ",\"thoughtSignature\":");
            json(body, &signature);
        }
        put(body, "}");
    }
    for (place, (name, arguments)) in calls.iter().enumerate() {
        comma(body);
        let id = reply.turn.id(place, None);
        put(body, "{\"functionCall\":{\"id\":\"call_");
        put(body, &id);
        put(body, "\",\"name\":");
        json(body, &**name);
        put(body, ",\"args\":");
        put(body, arguments);
        put(body, "}");
        if place == 0 {
            put(body, ",\"thoughtSignature\":");
            json(body, &signature);
        }
        put(body, "}");
    }
}

/// Whether the model called a tool in a way that no one can read: then nothing of it is told.
fn malformed(reply: &Reply<'_>) -> bool {
    reply.calls().iter().any(|(_, arguments)| !is_object(arguments))
}

fn finish_reason(reply: &Reply<'_>) -> &'static str {
    match reply {
        Reply { declined: true, .. } => "SAFETY",
        Reply { cut: Some(_), .. } => "MAX_TOKENS",
        reply if malformed(reply) => "MALFORMED_FUNCTION_CALL",
        _ => "STOP",
    }
}

fn usage(reply: &Reply<'_>) -> Value {
    let usage = &reply.usage;
    let spoken = usage.output - usage.reasoning;
    let mut told = json!({
        "promptTokenCount": usage.input,
        "totalTokenCount": usage.input + usage.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
    });
    if spoken > 0 {
        told["candidatesTokenCount"] = spoken.into();
    }
    if usage.reasoning > 0 {
        told["thoughtsTokenCount"] = usage.reasoning.into();
    }
    if usage.cached > 0 {
        told["cachedContentTokenCount"] = usage.cached.into();
        told["cacheTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": usage.cached}]);
    }
    told
}
