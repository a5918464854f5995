//! Keys, and how they are kept out of everything that leaves this process: a type that does not show them, and a filter
//! over text for the case that someone else repeats them (providers do, in error messages).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// Shorter values are no secrets: local servers are given keys like `none` or `test`, and striking such words out of
/// every transcript would damage it. The shortest real key known is 32 bytes.
const MIN_SECRET_BYTES: usize = 8;

/// What stands in a secret's place.
const MARK: &str = "[redacted]";

/// A provider's key. It has no `Display`, and its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

/// Strikes known secrets out of text. Cheap to clone.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Every spelling to strike out, longest first, so that a key which begins another leaves no tail of it.
    patterns: Arc<[Box<str>]>,
}

// === impl Secret ===

impl Secret {
    /// Take a key in.
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self(key.into())
    }

    /// The key itself, for the one header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

// === impl Redactor ===

impl Redactor {
    /// A redactor of these secrets.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut patterns: Vec<Box<str>> = secrets
            .into_iter()
            .filter(|secret| secret.0.len() >= MIN_SECRET_BYTES)
            .flat_map(|secret| spellings(&secret.0))
            .collect();
        patterns.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        patterns.dedup();
        Self { patterns: patterns.into() }
    }

    /// The text without any secret. Borrowed if there was none in it.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for pattern in self.patterns.iter().filter(|pattern| text.contains(pattern.as_ref())) {
            clean = Cow::Owned(clean.replace(pattern.as_ref(), MARK));
        }
        clean
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
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("patterns", &self.patterns.len()).finish()
    }
}

/// A key as itself, and as it stands in JSON whose writer escapes slashes.
fn spellings(key: &str) -> Vec<Box<str>> {
    let mut spellings = vec![Box::from(key)];
    if key.contains('/') {
        spellings.push(key.replace('/', "\\/").into());
    }
    spellings
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
}
