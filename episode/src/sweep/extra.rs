//! `extra_body`: fields that a sweep adds to a model's requests. What the engine sets, and what limits and budgets stand
//! on, is not theirs to change.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::secrets;
use crate::fields::{Fields, Reader, json};

/// Fields of a request body that the engine sets.
const RESERVED: [&str; 5] = ["model", "messages", "tools", "stream", "seed"];

/// Fields that bound an answer, by all dialects' words: a call's worst case is worked out from the engine's own bound.
const BOUNDS: [&str; 6] =
    ["maxtokens", "maxcompletiontokens", "maxoutputtokens", "maxnewtokens", "npredict", "numpredict"];

/// Fields that ask for several answers to one call, each of them paid.
const ANSWERS: [&str; 5] = ["n", "candidatecount", "bestof", "numreturnsequences", "numcompletions"];

/// Tiers that are billed as the catalog's prices say.
const TIERS: [&str; 4] = ["default", "auto", "standard", "standard_only"];

/// Where the fields of one dialect are that others have at the top.
const SETTINGS: &str = "generationconfig";

/// A JSON object with sorted keys, so that the order in which they are written is no part of a job's identity.
pub(super) fn extra_body(fields: &Fields<'_>) -> String {
    let reader = fields.reader();
    for (key, value) in fields.entries() {
        check(reader, &key.value, key.at, value);
        if let (SETTINGS, DeValue::Table(table)) = (&*plain(&key.value), value.get_ref()) {
            table.iter().for_each(|(key, value)| check(reader, key.get_ref(), key.span(), value));
        }
    }
    fields.refuse(&secrets::NAMES, secrets::HELP);
    let body = fields.entries().map(|(key, value)| (key.value, json(value.get_ref()))).collect();
    sorted(serde_json::Value::Object(body)).to_string()
}

fn check(reader: &Reader, key: &str, at: std::ops::Range<usize>, value: &Spanned<DeValue<'_>>) {
    let name = plain(key);
    if RESERVED.contains(&key) {
        reader.note(at, format!("`{key}` is set by the engine; `extra_body` can't change it"));
    } else if BOUNDS.contains(&&*name) {
        let what =
            format!("`{key}` bounds an answer: limits and budgets stand on it, `extra_body` can't change it");
        reader.note_with_help(at, what, "write `max_output_tokens = N` in the model's table");
    } else if ANSWERS.contains(&&*name) {
        let what =
            format!("`{key}` asks for more answers than `max_output_tokens` bounds; `extra_body` can't");
        reader.note_with_help(at, what, "raise `seeds`: each answer is an episode's then, counted and paid");
    } else if name == "servicetier" && !is_usual_tier(value.get_ref()) {
        let what =
            format!("`{key}`: prices are those of the usual tier, and a budget would be wrong on another");
        reader.note_with_help(at, what, "leave it out, or write \"default\", \"auto\" or \"standard\"");
    }
}

/// As it is called in all dialects: `maxOutputTokens` is `max_output_tokens`.
fn plain(key: &str) -> String {
    key.to_ascii_lowercase().replace(['_', '-'], "")
}

fn is_usual_tier(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::String(tier) if TIERS.contains(&&**tier))
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
