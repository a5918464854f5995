//! `extra_body`: fields that a sweep adds to a model's requests. What the engine sets is not theirs to change.

use std::collections::BTreeMap;

use super::secrets;
use crate::fields::{Fields, json};

/// Fields of a request body that the engine sets.
const RESERVED: [&str; 6] = ["model", "messages", "tools", "stream", "seed", "n"];

/// A JSON object with sorted keys, so that the order in which they are written is no part of a job's identity.
pub(super) fn extra_body(fields: &Fields<'_>) -> String {
    for (key, _) in fields.entries().filter(|(key, _)| RESERVED.contains(&key.value.as_str())) {
        let what = format!("`{}` is set by the engine; `extra_body` can't change it", key.value);
        fields.reader().note(key.at, what);
    }
    fields.refuse(&secrets::NAMES, secrets::HELP);
    let body = fields.entries().map(|(key, value)| (key.value, json(value.get_ref()))).collect();
    sorted(serde_json::Value::Object(body)).to_string()
}

fn sorted(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => {
            let entries: BTreeMap<String, serde_json::Value> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            serde_json::Value::Object(entries.into_iter().collect())
        }
        serde_json::Value::Array(list) => list.into_iter().map(sorted).collect(),
        other => other,
    }
}
