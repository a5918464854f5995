//! Text out of answers, however odd: models are cut in the middle of an emoji, and servers send half of it on.

use std::fmt;

use serde::Deserializer;
use serde::de::Visitor;
use serde_json::value::RawValue;

/// A JSON string's text; none if the value is no string. Halves of surrogate pairs become replacement characters.
pub(super) fn string(value: &RawValue) -> Option<String> {
    let json = value.get();
    if !json.starts_with('"') {
        return None;
    }
    serde_json::from_str(json).ok().or_else(|| lossy(json))
}

/// A JSON string's text, or nothing.
pub(super) fn string_or_empty(value: Option<&RawValue>) -> String {
    value.and_then(string).unwrap_or_default()
}

/// The same, at most so many characters of it.
pub(super) fn label(value: Option<&RawValue>, max_chars: usize) -> String {
    let mut text = string_or_empty(value);
    if let Some((end, _)) = text.char_indices().nth(max_chars) {
        text.truncate(end);
    }
    text
}

/// A count, however it is written; what is none counts as 0.
pub(super) fn count(value: Option<&RawValue>) -> u64 {
    let Some(value) = value else { return 0 };
    let exact = value.get().parse::<u64>().ok();
    // `as` saturates, and takes what is negative or no number at all as 0.
    exact.unwrap_or_else(|| value.get().parse::<f64>().unwrap_or(0.0) as u64)
}

fn lossy(json: &str) -> Option<String> {
    struct Lossy;
    impl Visitor<'_> for Lossy {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
            Ok(repaired(bytes))
        }
    }
    // Read as bytes, serde_json lets lone surrogates through.
    serde_json::Deserializer::from_str(json).deserialize_bytes(Lossy).ok()
}

/// One replacement for each half of a pair, which is three bytes and none of them UTF-8: a text may not grow beyond the
/// answer that it came in.
fn repaired(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().first() == Some(&0xed) {
            text.push('\u{fffd}');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).expect("JSON")
    }

    #[test]
    fn half_an_emoji_is_replaced_and_the_rest_kept() {
        let text = string(raw(r#""a\ud83db\n""#)).expect("text");
        assert!(text.starts_with('a') && text.ends_with("b\n") && text.contains('\u{fffd}'), "{text:?}");
        assert_eq!(string(raw(r#""\ud83d\ude00""#)).as_deref(), Some("\u{1f600}"));
    }

    #[test]
    fn what_is_no_string_is_none() {
        for json in ["1", "null", "[]", "{\"a\":\"b\"}"] {
            assert_eq!(string(raw(json)), None);
        }
    }

    #[test]
    fn counts_are_read_however_they_are_written() {
        for (json, expected) in
            [("7", 7), ("7.0", 7), ("-1", 0), ("null", 0), ("\"7\"", 0), ("1e300", u64::MAX), ("{}", 0)]
        {
            assert_eq!(count(Some(raw(json))), expected, "{json}");
        }
        assert_eq!(count(None), 0);
    }

    #[test]
    fn labels_are_cut_between_characters() {
        assert_eq!(label(Some(raw("\"äöü\"")), 2), "äö");
    }
}
