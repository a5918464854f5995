//! A raw assistant message without its reasoning: what a client does wrong that builds it anew from what was said.

use bytes::Bytes;
use serde_json::Value;

/// Fields that hold reasoning, or what it is signed with.
const FIELDS: &[&str] =
    &["reasoning", "reasoning_content", "reasoning_details", "thoughtSignature", "thought_signature"];

/// Types of parts that are reasoning.
const TYPES: &[&str] = &["reasoning", "thinking", "redacted_thinking"];

/// The message without its reasoning; none if it has none, or is no JSON.
pub(super) fn removed(raw: &[u8]) -> Option<Bytes> {
    let mut message: Value = serde_json::from_slice(raw).ok()?;
    remove(&mut message).then(|| Bytes::from(message.to_string()))
}

fn remove(value: &mut Value) -> bool {
    match value {
        Value::Array(parts) => {
            let before = parts.len();
            parts.retain(|part| !is_reasoning(part));
            let shorter = parts.len() < before;
            parts.iter_mut().fold(shorter, |removed, part| remove(part) || removed)
        }
        Value::Object(fields) => {
            let before = fields.len();
            fields.retain(|name, _| !FIELDS.contains(&name.as_str()));
            let fewer = fields.len() < before;
            fields.values_mut().fold(fewer, |removed, field| remove(field) || removed)
        }
        _ => false,
    }
}

fn is_reasoning(part: &Value) -> bool {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    TYPES.contains(&kind) || part.get("thought") == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_of_every_dialect_is_taken_out_and_nothing_else() {
        for (raw, bare) in [
            (
                r#"{"content":"a","reasoning_content":"","tool_calls":[1]}"#,
                r#"{"content":"a","tool_calls":[1]}"#,
            ),
            (r#"{"content":"a","reasoning":"r","reasoning_details":[{}]}"#, r#"{"content":"a"}"#),
            (r#"[{"type":"reasoning","id":"rs"},{"type":"function_call"}]"#, r#"[{"type":"function_call"}]"#),
            (r#"[{"type":"thinking","signature":"s"},{"type":"text"}]"#, r#"[{"type":"text"}]"#),
            (
                r#"{"parts":[{"text":"t","thought":true},{"functionCall":{},"thoughtSignature":"s"}]}"#,
                r#"{"parts":[{"functionCall":{}}]}"#,
            ),
        ] {
            assert_eq!(removed(raw.as_bytes()).as_deref(), Some(bare.as_bytes()), "{raw}");
        }
        for raw in ["", "7", r#"{"content":"a"}"#] {
            assert_eq!(removed(raw.as_bytes()), None);
        }
    }
}
