//! Writing JSON by hand into one buffer, and the ids and times that stand in it.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::Serialize;

use crate::fault::mix;

/// Append text as it is.
pub(crate) fn put(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.as_bytes());
}

/// Append a value as JSON.
pub(crate) fn json<T: Serialize + ?Sized>(body: &mut Vec<u8>, value: &T) {
    // String keys, into memory: neither side can fail.
    let _ = serde_json::to_writer(body, value);
}

/// Anything as JSON. What is written here has string keys and no maps that could fail.
pub(crate) fn to_bytes(value: &impl Serialize) -> Bytes {
    let mut body = serde_json::to_vec(value).unwrap_or_default();
    body.push(b'\n');
    Bytes::from(body)
}

/// Whether some text is one JSON object.
pub(crate) fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

/// Twenty-four characters that are the same for the same call and place.
pub(crate) fn id(hash: u64, place: u64) -> String {
    let first = mix(hash ^ mix(place));
    format!("{first:016x}{:08x}", mix(first) >> 32)
}

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
