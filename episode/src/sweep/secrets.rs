//! Keys that people write into a sweep file: known by their names and by their looks, refused, and never shown again.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use crate::fields::{Fields, Reader};
use crate::mistake::Mistakes;

/// Names by which people try to hand over a secret.
pub(super) const NAMES: [&str; 26] = [
    "api_key",
    "apikey",
    "api-key",
    "x-api-key",
    "x_api_key",
    "key",
    "token",
    "access_token",
    "auth_token",
    "bearer_token",
    "refresh_token",
    "session_token",
    "secret",
    "client_secret",
    "secret_key",
    "private_key",
    "access_key",
    "password",
    "passwd",
    "passphrase",
    "bearer",
    "credential",
    "credentials",
    "authorization",
    "cookie",
    "headers",
];

pub(super) const HELP: &str = "keys stay out of files: set them in the worker's environment, for example OPENAI_API_KEY, \
                               or <SERVICE>_API_KEY for `openai-api/<service>/...`";

const LOOKS_LIKE_ONE: &str = "this looks like a key, which is not taken here";

/// A key's beginning, how many characters follow at least, and which.
type Shape = (&'static str, usize, fn(char) -> bool);

/// How providers' keys begin, and how many characters follow at least. Where a name could begin so too, more must follow.
const SHAPES: [Shape; 13] = [
    ("sk-", 8, is_url_safe),
    ("AIza", 16, is_url_safe),
    ("gsk_", 8, is_url_safe),
    ("xai-", 16, is_alphanumeric),
    ("ghp_", 8, is_url_safe),
    ("github_pat_", 8, is_url_safe),
    ("AKIA", 12, is_alphanumeric),
    ("tgp_", 8, is_url_safe),
    ("hf_", 16, is_alphanumeric),
    ("nvapi-", 16, is_url_safe),
    ("pplx-", 16, is_alphanumeric),
    ("Bearer ", 8, is_visible),
    ("eyJ", 32, is_url_safe),
];

/// A random text of this length or more is a key, or nothing that a person would miss in a file.
const RANDOM_CHARS_MIN: usize = 32;

/// Where in a file a value stands, as far as that decides what is taken for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where the file's own keys are.
    Own,
    /// Where the names are the suite's.
    Select,
    /// Where what is written is sent to a provider as it stands.
    Sent,
    /// Further down in it: schemas may define a property `key`, which is a table.
    SentWithin,
}

/// What a letter of a random text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Digit,
    Small,
    Capital,
}

// === impl Place ===

impl Place {
    fn of(self, key: &str) -> Self {
        match (self, key) {
            (Self::Own, "select") => Self::Select,
            (Self::Own, "extra_body" | "display_name") => Self::Sent,
            (Self::Sent, _) => Self::SentWithin,
            (place, _) => place,
        }
    }

    fn may_name(self, value: &DeValue<'_>) -> bool {
        match self {
            Self::Own | Self::Sent => true,
            Self::Select => false,
            Self::SentWithin => !matches!(value, DeValue::Table(_) | DeValue::Boolean(_)),
        }
    }
}

// === finding ===

/// Notes every key in a file, wherever it stands.
pub(super) fn refuse(fields: &Fields<'_>) {
    for (key, value) in fields.entries() {
        look(fields.reader(), (&key.value, key.at), value, Place::Own);
    }
}

fn look(reader: &Reader, (key, at): (&str, Range<usize>), value: &Spanned<DeValue<'_>>, place: Place) {
    if !spans(key).is_empty() {
        reader.refuse(at.clone(), at, LOOKS_LIKE_ONE, HELP);
    } else if is_name(key) && place.may_name(value.get_ref()) {
        reader.refuse(at, value.span(), format!("`{key}` is not taken here"), HELP);
        return;
    }
    look_at(reader, value, place.of(key));
}

fn look_at(reader: &Reader, value: &Spanned<DeValue<'_>>, place: Place) {
    match value.get_ref() {
        DeValue::String(text) => {
            let is_sent = matches!(place, Place::Sent | Place::SentWithin);
            if !spans(text).is_empty() || (is_sent && has_random(text)) {
                reader.refuse(value.span(), value.span(), LOOKS_LIKE_ONE, HELP);
            }
        }
        DeValue::Array(list) => list.iter().for_each(|it| look_at(reader, it, place)),
        DeValue::Table(table) => {
            for (key, value) in table {
                look(reader, (key.get_ref(), key.span()), value, place);
            }
        }
        _ => (),
    }
}

/// Blots out of mistakes, and of the text that they are shown in, all that looks like a key: in comments and in a file
/// that is no TOML, too.
pub(super) fn hide(mistakes: &mut Mistakes) {
    mistakes.blot(|text| spans(text).into_iter().chain(named(text)).collect());
}

/// A file's text without what looks like a key. Places stay.
pub(super) fn without(text: &str) -> String {
    crate::mistake::blotted(text, spans(text).into_iter().chain(named(text)).collect())
}

// === names ===

fn is_name(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    NAMES.contains(&key.as_str()) || key.ends_with("_api_key")
}

/// What stands behind `api_key =` in a text that may be no TOML.
fn named(text: &str) -> Vec<Range<usize>> {
    let values = text.match_indices('=').filter_map(|(equals, _)| {
        let before = text[..equals].trim_end_matches([' ', '\t', '"', '\'']);
        let start = before.rfind(|c: char| !is_url_safe(c)).map_or(0, |at| at + 1);
        let after = &text[equals + 1..];
        let start_of_value = equals + 1 + after.len() - after.trim_start_matches([' ', '\t']).len();
        let is_value = before.get(start..).is_some_and(is_name) && !text[start_of_value..].starts_with('{');
        is_value.then(|| start_of_value..start_of_value + value_length(&text[start_of_value..]))
    });
    values.filter(|value| !value.is_empty()).collect()
}

/// Bytes of the value that a text begins with: to its closing quote, or to where another value could begin.
fn value_length(text: &str) -> usize {
    let line = text.split('\n').next().unwrap_or_default();
    match line.chars().next() {
        Some(quote @ ('"' | '\'')) => line[1..].find(quote).map_or(line.len(), |end| end + 2),
        _ => line.find([',', '}', ']', '#']).unwrap_or(line.len()),
    }
}

// === looks ===

/// Where in a text there are keys of known providers.
fn spans(text: &str) -> Vec<Range<usize>> {
    let begins_word = |at: usize| !text[..at].ends_with(is_url_safe);
    let of_shape = |(prefix, least, is_part): &Shape| {
        let (least, is_part) = (*least, *is_part);
        text.match_indices(*prefix)
            .filter(|(at, _)| begins_word(*at))
            .filter_map(|(at, prefix)| {
                let rest = &text[at + prefix.len()..];
                let counted = rest.chars().take_while(|c| is_part(*c)).count();
                let end = rest.find(|c: char| !is_visible(c)).unwrap_or(rest.len());
                (counted >= least).then_some(at..at + prefix.len() + end)
            })
            .collect::<Vec<_>>()
    };
    SHAPES.iter().flat_map(of_shape).collect()
}

/// Whether a long run of letters and digits changes between them as no word, version or date does.
pub(super) fn has_random(text: &str) -> bool {
    // A capital begins a word.
    let is_change = |pair: &(_, _)| matches!(pair, (Some(one), Some(next)) if one != next && (*one, *next) != (Kind::Capital, Kind::Small));
    let is_random = |run: &str| {
        let kinds = run.bytes().zip(run.bytes().skip(1)).map(|(one, next)| (kind(one), kind(next)));
        let has_digit = run.contains(|c: char| c.is_ascii_digit());
        has_digit && kinds.filter(is_change).count() * 5 >= run.len()
    };
    text.split(|c: char| !is_url_safe(c)).filter(|run| run.len() >= RANDOM_CHARS_MIN).any(is_random)
}

fn kind(byte: u8) -> Option<Kind> {
    match byte {
        b'0'..=b'9' => Some(Kind::Digit),
        b'a'..=b'z' => Some(Kind::Small),
        b'A'..=b'Z' => Some(Kind::Capital),
        _ => None,
    }
}

fn is_url_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn is_alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// Whether it can be a part of a key that is written between quotes.
fn is_visible(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '\'' | ',' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_not_taken_for_keys_and_random_texts_are() {
        for name in [
            "meta-llama-3-1-405b-instruct-turbo-fp8-2025-11-30",
            "a_very_long_name_of_a_parameter_that_nobody_reads",
            "TheQuickBrownFoxJumpsOverTheLazyDogAgain",
            "task-sk-x",
            "xai-grok-4-fast-reasoning",
        ] {
            assert!(!has_random(name) && spans(name).is_empty(), "{name}");
        }
        for key in ["0f1e2d3c4b5a69788796a5b4c3d2e1f0", "q7Zt2LmP9xWb4KdR8sVf1HnC6jTg3YaE"] {
            assert!(has_random(key), "{key}");
        }
    }

    #[test]
    fn a_key_in_a_text_that_can_not_be_read_is_hidden_to_its_end() {
        let text =
            "a = 1\nmodels = [{ api_key = \"x'y\", token = z # sk-0123-4567\nb = \"Bearer abc.def/ghi\" c";
        let shown = without(text);
        assert_eq!(shown.len(), text.len());
        for secret in ["x'y", "z ", "0123", "abc", "ghi"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("models = [{ api_key = ") && shown.ends_with("\" c"), "{shown}");
    }
}
