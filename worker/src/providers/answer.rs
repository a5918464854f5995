//! Reading answers, in any dialect. Every byte of one is hostile: values are taken as raw slices first, which reads any
//! depth of nesting without recursion, and only those of interest are then read as text. Of duplicate fields the last
//! counts, as in most parsers: an answer that was paid for is not thrown away over one.

use std::fmt;

use bytes::Bytes;
use muster_episode::{TokenUsage, ToolCall};
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{AnswerError, text};

/// No model asks for so many tools at once in earnest; each becomes three strings, so 3 MiB of `0,` must not become
/// two million of them.
pub(super) const MAX_TOOL_CALLS: usize = 1_024;

/// The longest name of a model or a system that is kept.
pub(super) const MAX_LABEL_CHARS: usize = 256;

/// Fields of an object, by their places in the list of names that were asked for.
pub(super) type Fields<'a, const N: usize> = [Option<&'a RawValue>; N];

/// The fields of these names in an answer that is one object.
pub(super) fn whole<'a, const N: usize>(
    answer: &'a [u8],
    names: [&str; N],
) -> Result<Fields<'a, N>, AnswerError> {
    let json = std::str::from_utf8(body(answer)).map_err(|error| match error.error_len() {
        None => AnswerError::Cut(answer.len()),
        Some(_) => AnswerError::NotJson(answer.len()),
    })?;
    if json.starts_with('[') {
        return Err(listed_error(json, answer.len()));
    }
    fields(json, names).map_err(|error| fault(&error, answer.len()))
}

/// The fields of these names in an object; none if the value is no object. Null counts as absent.
pub(super) fn object<'a, const N: usize>(raw: &'a RawValue, names: [&str; N]) -> Option<Fields<'a, N>> {
    fields(raw.get(), names).ok()
}

/// The same of what may not be there, as if it were empty.
pub(super) fn object_or_empty<'a, const N: usize>(
    raw: Option<&'a RawValue>,
    names: [&str; N],
) -> Fields<'a, N> {
    raw.and_then(|raw| object(raw, names)).unwrap_or([None; N])
}

/// The values in a list.
pub(super) fn list<'a>(raw: &'a RawValue, problem: &'static str) -> Result<Vec<&'a RawValue>, AnswerError> {
    serde_json::from_str(raw.get()).map_err(|_| AnswerError::Shape(problem))
}

/// The same of what may not be there, as if it were empty.
pub(super) fn list_or_empty<'a>(
    raw: Option<&'a RawValue>,
    problem: &'static str,
) -> Result<Vec<&'a RawValue>, AnswerError> {
    raw.map_or_else(|| Ok(Vec::new()), |raw| list(raw, problem))
}

/// Fail if there is an error object.
pub(super) fn refuse_error(error: Option<&RawValue>) -> Result<(), AnswerError> {
    error.map_or(Ok(()), |error| Err(error_of(error)))
}

/// An error that came instead of an answer.
pub(super) fn error_of(error: &RawValue) -> AnswerError {
    AnswerError::Error(copy(error))
}

/// A copy of its own: a slice would keep the whole answer's buffer alive for as long as the episode.
pub(super) fn copy(raw: &RawValue) -> Bytes {
    Bytes::copy_from_slice(raw.get().as_bytes())
}

/// The arguments of a call that come as an object: its exact text.
pub(super) fn arguments(raw: Option<&RawValue>) -> String {
    raw.map_or_else(|| "{}".to_owned(), |raw| raw.get().to_owned())
}

/// Add a tool call, up to the bound on them.
pub(super) fn push_call(calls: &mut Vec<ToolCall>, call: ToolCall) -> Result<(), AnswerError> {
    if calls.len() >= MAX_TOOL_CALLS {
        return Err(AnswerError::Shape("more than 1,024 tool calls"));
    }
    calls.push(call);
    Ok(())
}

/// The name of a model or a system.
pub(super) fn label(raw: Option<&RawValue>) -> String {
    text::label(raw, MAX_LABEL_CHARS)
}

/// Usage whose parts are no larger than their wholes: who reckons with it may subtract.
pub(super) fn coherent(usage: TokenUsage) -> TokenUsage {
    let cached_input = usage.cached_input.min(usage.input);
    TokenUsage {
        cached_input,
        cache_write: usage.cache_write.min(usage.input - cached_input),
        reasoning: usage.reasoning.min(usage.output),
        ..usage
    }
}

/// An answer without what servers send to keep a connection alive until they have one: blank lines, and lines of
/// comment as in an event stream. Nor with the mark that some put before UTF-8.
fn body(answer: &[u8]) -> &[u8] {
    let mut body = answer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(answer).trim_ascii_start();
    while body.first() == Some(&b':') {
        let end = body.iter().position(|byte| *byte == b'\n').unwrap_or(body.len());
        body = body[end..].trim_ascii_start();
    }
    body
}

/// Some servers put their error into a list of one.
fn listed_error(json: &str, answer_bytes: usize) -> AnswerError {
    let items = match serde_json::from_str::<Vec<&RawValue>>(json) {
        Ok(items) => items,
        Err(error) => return fault(&error, answer_bytes),
    };
    match items.first().and_then(|item| object(item, ["error"])) {
        Some([Some(error)]) => error_of(error),
        _ => AnswerError::Shape("a list instead of an answer"),
    }
}

fn fault(error: &serde_json::Error, answer_bytes: usize) -> AnswerError {
    match error.classify() {
        serde_json::error::Category::Eof => AnswerError::Cut(answer_bytes),
        serde_json::error::Category::Data => AnswerError::Shape("the answer is no object"),
        _ => AnswerError::NotJson(answer_bytes),
    }
}

fn fields<'a, const N: usize>(json: &'a str, names: [&str; N]) -> serde_json::Result<Fields<'a, N>> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let fields = reader.deserialize_map(Wanted(names))?;
    reader.end()?;
    Ok(fields)
}

/// Reads an object's fields of these names, and skips the others.
struct Wanted<'n, const N: usize>([&'n str; N]);

impl<'de, const N: usize> Visitor<'de> for Wanted<'_, N> {
    type Value = Fields<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = [None; N];
        while let Some(place) = map.next_key_seed(Key(&self.0))? {
            match place {
                Some(place) => {
                    fields[place] = Some(map.next_value::<&RawValue>()?).filter(|raw| raw.get() != "null");
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}

/// Reads a field's name as its place among the wanted ones. Read as bytes, for it may hold half an emoji.
struct Key<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| wanted.as_bytes() == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a(answer: &str) -> Result<Option<&str>, AnswerError> {
        whole(answer.as_bytes(), ["a"]).map(|[a]| a.map(RawValue::get))
    }

    #[test]
    fn what_keeps_a_connection_alive_is_no_part_of_an_answer() {
        for before in
            ["", "\n\n \r\n", "\u{feff}", "\u{feff}\n", ": PROCESSING\n\n: PROCESSING\r\n\r\n", ":\n"]
        {
            assert_eq!(a(&format!("{before}{{\"a\": 1}}\n\n")), Ok(Some("1")), "{before:?}");
        }
        assert_eq!(a(": PROCESSING"), Err(AnswerError::Cut(12)));
        assert_eq!(a("data: {\"a\":1}"), Err(AnswerError::NotJson(13)));
    }

    #[test]
    fn the_last_of_duplicate_fields_counts_and_odd_names_do_no_harm() {
        assert_eq!(a(r#"{"a":1,"a":2}"#), Ok(Some("2")));
        assert_eq!(a(r#"{"a":1,"a":null}"#), Ok(None));
        assert_eq!(a(r#"{"\ud800":0,"\u0061":3}"#), Ok(Some("3")));
    }

    #[test]
    fn a_cut_in_the_middle_of_a_character_is_a_cut() {
        assert_eq!(whole(b"{\"a\":\"\xe2\x82", ["a"]).map(|_| ()), Err(AnswerError::Cut(8)));
        assert_eq!(whole(b"{\"a\":\"\xff\"}", ["a"]).map(|_| ()), Err(AnswerError::NotJson(9)));
    }

    #[test]
    fn parts_are_never_more_than_their_whole() {
        let usage = TokenUsage { input: 10, cached_input: 8, cache_write: 5, output: 3, reasoning: 9 };
        let coherent = coherent(usage);
        assert_eq!((coherent.cached_input, coherent.cache_write, coherent.reasoning), (8, 2, 3));
    }
}
