//! Keys, and how they are kept out of everything that leaves this process: a type that does not show them, and a filter
//! over text for the case that someone else repeats them (providers do, in error messages). A key is found also where it
//! was written in another way: with JSON's or a URL's escapes, several times over, or in base64.

mod spelling;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Once};

use bytes::Bytes;
use muster_episode::{Reply, ToolCall};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use zeroize::Zeroizing;

/// Shorter values are no secrets: local servers are given keys like `none` or `test`, and striking such words out of
/// every transcript would damage it. The shortest real key known is 32 bytes.
const MIN_SECRET_BYTES: usize = 8;

/// What stands in a secret's place.
const MARK: &str = "[redacted]";

/// A provider's key. It has no `Display`, its `Debug` does not show it, and its memory is cleared when the last copy goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

/// Strikes known secrets out of text. Cheap to clone.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Every spelling to strike out.
    patterns: Arc<[Zeroizing<String>]>,
}

/// From now on this process leaves no image of its memory behind when it crashes: keys would stand in it. Whatever the
/// system says to it, no key is worth failing for.
pub(crate) fn leave_no_core_dumps() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_CORE) {
            let _ = setrlimit(Resource::RLIMIT_CORE, 0, hard);
        }
    });
}

// === impl Secret ===

impl Secret {
    /// Take a key in.
    pub fn new(key: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(key.into())))
    }

    /// The key itself, for the one header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

// === impl Redactor ===

impl Redactor {
    /// A redactor of these secrets.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| secret.0.len() >= MIN_SECRET_BYTES);
        let mut patterns: Vec<Zeroizing<String>> =
            secrets.flat_map(|secret| spelling::patterns(&secret.0)).collect();
        patterns.sort_by(|a, b| a.as_str().cmp(b));
        patterns.dedup();
        Self { patterns: patterns.into() }
    }

    /// The text without any secret. Borrowed if there was none in it.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let found = self.find(text);
        if found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(struck(text, &found)) }
    }

    /// The same for bytes that should be UTF-8. Shared, not copied, if there was no secret in them; bytes that are not
    /// UTF-8 come back with replacement characters, but only if there was one.
    #[must_use]
    pub fn bytes(&self, bytes: &Bytes) -> Bytes {
        let text = String::from_utf8_lossy(bytes);
        match self.text(&text) {
            Cow::Borrowed(_) => bytes.clone(),
            Cow::Owned(clean) => Bytes::from(clean),
        }
    }

    /// A model's answer without any secret in any part of it: a provider that repeats one must not get it into a transcript.
    /// Parts are looked at apart, since a key that is whole in one may be in pieces in another.
    #[must_use]
    pub fn reply(&self, reply: Reply) -> Reply {
        if self.patterns.is_empty() {
            return reply;
        }
        let call = |call: ToolCall| ToolCall {
            id: self.owned(call.id),
            name: self.owned(call.name),
            arguments: self.owned(call.arguments),
        };
        Reply {
            raw: self.bytes(&reply.raw),
            text: self.owned(reply.text),
            reasoning: self.owned(reply.reasoning),
            tool_calls: reply.tool_calls.into_iter().map(call).collect(),
            served_model: self.owned(reply.served_model),
            fingerprint: self.owned(reply.fingerprint),
            ..reply
        }
    }

    fn owned(&self, text: String) -> String {
        match self.text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(clean) => clean,
        }
    }

    /// Where secrets stand, as it is written and under every layer of escapes.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        if self.patterns.is_empty() {
            return found;
        }
        self.find_in(text.as_bytes(), |place| place, &mut found);
        for layer in spelling::layers(text) {
            self.find_in(&layer.bytes, |place| layer.origin(place), &mut found);
        }
        found
    }

    fn find_in(&self, bytes: &[u8], origin: impl Fn(usize) -> usize, found: &mut Vec<Range<usize>>) {
        for pattern in self.patterns.iter() {
            let places = memchr::memmem::find_iter(bytes, pattern.as_bytes());
            found.extend(places.map(|place| origin(place)..origin(place + pattern.len())));
        }
    }
}

/// The text with a mark in the place of these ranges. They begin and end at characters: patterns are ASCII, and so are
/// escapes.
fn struck(text: &str, found: &[Range<usize>]) -> String {
    let mut found = found.to_vec();
    found.sort_by_key(|range| (range.start, range.end));
    let (mut clean, mut end) = (String::with_capacity(text.len()), 0);
    for range in found {
        if range.start >= end {
            clean.push_str(text.get(end..range.start).unwrap_or_default());
            clean.push_str(MARK);
        }
        end = end.max(range.end);
    }
    clean.push_str(text.get(end..).unwrap_or_default());
    clean
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("patterns", &self.patterns.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(keys: &[&str]) -> Redactor {
        Redactor::new(keys.iter().map(|key| Secret::new(*key)))
    }

    #[test]
    fn a_key_in_a_text_is_struck_out_wherever_it_stands() {
        let redactor = redactor(&["sk-0123456789"]);
        assert_eq!(
            redactor.text("key sk-0123456789, again sk-0123456789"),
            "key [redacted], again [redacted]"
        );
        assert!(matches!(redactor.text("nothing here"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_key_that_begins_another_leaves_no_tail_of_it() {
        let redactor = redactor(&["sk-0123456789", "sk-0123456789-team"]);
        assert_eq!(redactor.text("sk-0123456789-team"), "[redacted]");
    }

    #[test]
    fn a_key_with_slashes_is_found_in_json_that_escapes_them() {
        let redactor = redactor(&["abcd/efgh/ijkl"]);
        assert_eq!(redactor.text(r#"{"k":"abcd\/efgh\/ijkl"}"#), r#"{"k":"[redacted]"}"#);
    }

    #[test]
    fn a_placeholder_key_of_a_local_server_does_not_damage_transcripts() {
        assert_eq!(redactor(&["none", ""]).text("there is none"), "there is none");
    }

    #[test]
    fn debug_output_never_shows_a_key() {
        let secret = Secret::new("sk-0123456789");
        let shown = format!("{secret:?} {:?}", Redactor::new([secret.clone()]));
        assert!(!shown.contains("0123456789"), "{shown}");
    }

    #[test]
    fn clean_bytes_are_shared_and_dirty_ones_cleaned() {
        let redactor = redactor(&["sk-0123456789"]);
        let clean = Bytes::from_static(b"\xff clean");
        assert_eq!(redactor.bytes(&clean).as_ptr(), clean.as_ptr());
        assert_eq!(&redactor.bytes(&Bytes::from_static(b"a sk-0123456789"))[..], b"a [redacted]");
    }

    const KEY: &str = "sk-proj/0123+4567_89ab=";

    /// The key with every character, or every second one, as JSON may write it.
    fn escaped(every: usize) -> String {
        let escape = |(place, c): (usize, char)| {
            if place % every == 0 { format!("\\u{:04X}", c as u32) } else { c.to_string() }
        };
        KEY.chars().enumerate().map(escape).collect()
    }

    #[test]
    fn a_key_is_found_however_it_is_escaped() {
        let redactor = redactor(&[KEY]);
        let percent: String = KEY.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let twice = serde_json::to_string(&escaped(3)).expect("JSON");
        for spelled in [
            KEY.to_owned(),
            escaped(1),
            escaped(2),
            KEY.replace('/', "\\/"),
            KEY.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"),
            percent,
            twice.trim_matches('"').to_owned(),
        ] {
            let text = format!("ä \"{spelled}\" 100 % \\u00e4");
            assert_eq!(redactor.text(&text), "ä \"[redacted]\" 100 % \\u00e4", "{spelled}");
        }
    }

    #[test]
    fn a_key_is_found_in_base64_wherever_it_begins_in_what_was_encoded() {
        // "user:KEY", "ab:KEY" and "KEY!" in base64, by the two alphabets.
        let redactor = redactor(&["key-0123456789?>~"]);
        for encoded in
            ["dXNlcjprZXktMDEyMzQ1Njc4OT8+fg==", "YWI6a2V5LTAxMjM0NTY3ODk/Pn4=", "a2V5LTAxMjM0NTY3ODk_Pn4h"]
        {
            let clean = redactor.text(encoded).into_owned();
            assert!(
                clean.contains("[redacted]") && !clean.contains("MDEy") && !clean.contains("wMTIz"),
                "{clean}"
            );
        }
    }

    #[test]
    fn text_without_a_key_is_left_as_it_is_whatever_escapes_it_has() {
        let redactor = redactor(&[KEY]);
        for text in [
            "",
            "%",
            "%2",
            "\\",
            "\\u",
            "\\u00",
            "\\u00zz %zz ä%c3",
            "100 % of \\u0073k-proj",
            "%%%2525252525",
        ] {
            assert!(matches!(redactor.text(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn no_part_of_an_answer_keeps_a_key_even_if_its_raw_form_has_it_in_pieces() {
        let redactor = redactor(&["sk-0123456789"]);
        let key = || "sk-0123456789".to_owned();
        let call = ToolCall { id: key(), name: key(), arguments: format!("{{\"k\":\"{}\"}}", key()) };
        let reply = Reply {
            raw: Bytes::from_static(br#"{"content":[{"text":"sk-01234"},{"text":"56789"}]}"#),
            dialect: "openai-chat".into(),
            text: key(),
            reasoning: key(),
            tool_calls: vec![call],
            stop: muster_episode::StopReason::End,
            tokens: muster_episode::TokenUsage::default(),
            served_model: key(),
            fingerprint: key(),
        };
        let clean = redactor.reply(reply);
        assert!(!format!("{clean:?}").contains("0123456789"), "{clean:?}");
    }

    #[test]
    fn a_process_that_holds_a_key_leaves_no_core_dump() {
        leave_no_core_dumps();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).expect("a limit").0, 0);
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_around_a_key_it_never_comes_out(before in ".{0,20}", after in ".{0,20}", every in 1_usize..5) {
            let redactor = redactor(&[KEY]);
            for text in [format!("{before}{KEY}{after}"), format!("{before} {} {after}", escaped(every))] {
                let clean = redactor.text(&text).into_owned();
                proptest::prop_assert!(clean.contains("[redacted]") && !clean.contains(KEY), "{clean}");
                proptest::prop_assert!(redactor.find(&clean).is_empty());
            }
        }
    }
}
