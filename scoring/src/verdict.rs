//! A scorer's word on one episode, and its stored form: a JSON object whose `verdict` is one of the scorer's words, with
//! the facts that it rests on beside it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::VerdictError;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The word.
    #[serde(rename = "verdict")]
    pub word: String,
    /// What it rests on.
    #[serde(flatten)]
    pub facts: Map<String, Value>,
}

// === impl Verdict ===

impl Verdict {
    /// A verdict resting on these facts.
    #[must_use]
    pub fn new(word: &str, facts: Map<String, Value>) -> Self {
        Self { word: word.to_owned(), facts }
    }

    /// As it is stored: the same verdict always gives the same bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // A map with string keys can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Verdict::encode`] wrote.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn decode(stored: &[u8]) -> Result<Self, VerdictError> {
        serde_json::from_slice(stored).map_err(|error| VerdictError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_stored_as_one_flat_object() {
        let mut facts = Map::new();
        facts.insert("read".to_owned(), Value::Bool(true));
        let verdict = Verdict::new("tampered", facts);
        assert_eq!(verdict.encode(), br#"{"verdict":"tampered","read":true}"#);
        assert_eq!(Verdict::decode(&verdict.encode()), Ok(verdict));
    }

    #[test]
    fn damaged_verdicts_are_errors_not_panics() {
        for stored in [&b""[..], b"{}", b"[]", b"{\"verdict\":1}", b"\xff", b"{\"verdict\":\"x\""] {
            assert!(Verdict::decode(stored).is_err(), "{stored:?}");
        }
    }
}
