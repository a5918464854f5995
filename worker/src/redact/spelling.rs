//! Other ways to write a key. Escapes can be mixed at will, so they are undone, with a note of where each byte came from;
//! base64 can't be undone without knowing where it begins, so what a key comes to in it is looked for.

use zeroize::Zeroizing;

/// A provider's error inside a gateway's error inside a tool's arguments is escaped three times over.
const MAX_LAYERS: usize = 3;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A text with its escapes undone.
pub(super) struct Layer {
    pub(super) bytes: Vec<u8>,
    /// Where in the first text each byte began, and one more for the end.
    origins: Vec<usize>,
}

/// What a key is looked for as: itself, and its part of a base64 text that it begins anywhere in.
pub(super) fn patterns(key: &str) -> Vec<Zeroizing<String>> {
    let encoded = [STANDARD, URL_SAFE].into_iter().flat_map(|alphabet| {
        (0..3).map(move |before| Zeroizing::new(base64_inside(key.as_bytes(), before, alphabet)))
    });
    std::iter::once(Zeroizing::new(key.to_owned())).chain(encoded).collect()
}

/// The characters of a base64 text that depend on nothing but `key`, which so many bytes stand before.
fn base64_inside(key: &[u8], before: usize, alphabet: &[u8; 64]) -> String {
    let bit = |place: usize| match (place / 8).checked_sub(before).and_then(|byte| key.get(byte)) {
        Some(byte) => usize::from(byte >> (7 - place % 8) & 1),
        None => 0,
    };
    let (first, end) = ((before * 8).div_ceil(6), (before + key.len()) * 8 / 6);
    let sextet = |character: usize| (0..6).fold(0, |sum, place| sum * 2 + bit(character * 6 + place));
    (first..end).map(|character| char::from(alphabet[sextet(character)])).collect()
}

/// The text with its escapes undone once, twice, ..., as often as that changes it.
pub(super) fn layers(text: &str) -> impl Iterator<Item = Layer> {
    // Nearly every answer has escapes, of quotes and line breaks: those alone hide nothing.
    let hides = text.contains("u00") || text.contains("\\/") || text.contains('%');
    let first = hides.then(|| undone(text.as_bytes(), |place| place)).flatten();
    std::iter::successors(first, |layer| undone(&layer.bytes, |place| layer.origin(place))).take(MAX_LAYERS)
}

/// The text with its escapes undone; none if there is nothing to undo that could hide a key, whose characters are ASCII.
fn undone(text: &[u8], origin: impl Fn(usize) -> usize) -> Option<Layer> {
    memchr::memchr2(b'\\', b'%', text)?;
    let (mut bytes, mut origins) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
    let (mut place, mut changed) = (0, false);
    while let Some(rest) = text.get(place..).filter(|rest| !rest.is_empty()) {
        let (byte, length) = escape(rest).unwrap_or((rest[0], 1));
        changed |= length > 1;
        bytes.push(byte);
        origins.push(origin(place));
        place += length;
    }
    origins.push(origin(text.len()));
    changed.then_some(Layer { bytes, origins })
}

/// The ASCII byte that an escape at the text's beginning stands for, and the escape's length.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let (byte, length) = match text {
        [b'\\', b'u', b'0', b'0', high, low, ..] => (hex(*high)? * 16 + hex(*low)?, 6),
        [b'\\', escaped @ (b'\\' | b'/' | b'"'), ..] => (*escaped, 2),
        [b'%', high, low, ..] => (hex(*high)? * 16 + hex(*low)?, 3),
        _ => return None,
    };
    byte.is_ascii().then_some((byte, length))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

// === impl Layer ===

impl Layer {
    /// Where in the first text a place in this one is.
    pub(super) fn origin(&self, place: usize) -> usize {
        self.origins.get(place).or(self.origins.last()).copied().unwrap_or_default()
    }
}
