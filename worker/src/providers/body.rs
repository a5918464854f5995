//! Writing requests' bodies, in any dialect: fields one after the other, with the sweep's author's own in their places.

use std::collections::BTreeMap;
use std::io::Write as _;

use muster_episode::{Call, Message, ToolSpec};
use serde::Serialize;
use serde_json::value::RawValue;

use super::EncodeError;

/// Fields of the sweep's author, by name.
pub(super) type Extra<'a> = BTreeMap<String, &'a RawValue>;

/// The fields of a body that follow its messages.
pub(super) struct Tail<'a> {
    out: Vec<u8>,
    extra: Extra<'a>,
}

// === impl Tail ===

impl<'a> Tail<'a> {
    /// Begin after the messages of a call. The author's fields may not be of the `reserved` names: those are the job's
    /// identity, or would change what an answer looks like.
    pub(super) fn begin(call: &Call<'a>, reserved: &[&str]) -> Result<Self, EncodeError> {
        let extra = extra(&call.sampling.extra_body)?;
        if let Some(name) = reserved.iter().find(|name| extra.contains_key(**name)) {
            return Err(EncodeError::ExtraBody(format!("may not set {name:?}")));
        }
        Ok(Self { out: b"]".to_vec(), extra })
    }

    /// Whether the author set a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.extra.contains_key(name)
    }

    /// A field that the author set.
    pub(super) fn author(&self, name: &str) -> Option<&'a RawValue> {
        self.extra.get(name).copied()
    }

    /// A field, unless the author set it.
    pub(super) fn set(&mut self, name: &str, value: impl Serialize) {
        if !self.has(name) {
            self.write(name, value);
        }
    }

    /// A field, unless there is no value for it or the author set it.
    pub(super) fn set_some(&mut self, name: &str, value: Option<impl Serialize>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// An object, in which the author's fields take the place of ours and add their own.
    pub(super) fn merge(
        &mut self,
        name: &str,
        ours: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), EncodeError> {
        let author = match self.extra.remove(name) {
            Some(raw) => extra(raw.get())
                .map_err(|_| EncodeError::ExtraBody(format!("must set {name:?} to an object")))?,
            None => Extra::new(),
        };
        self.name(name);
        self.out.push(b'{');
        let ours = ours.iter().filter(|(name, _)| !author.contains_key(*name));
        let ours = ours.map(|(name, value)| (name, json_text(value)));
        let theirs = author.iter().map(|(name, value)| (name, value.get().to_owned()));
        separated(&mut self.out, ours.chain(theirs), |out, (name, value)| {
            json(out, name);
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        });
        self.out.push(b'}');
        Ok(())
    }

    /// The end of the body.
    pub(super) fn end(mut self) -> Vec<u8> {
        for (name, value) in std::mem::take(&mut self.extra) {
            self.write(&name, value);
        }
        self.out.push(b'}');
        self.out
    }

    fn write(&mut self, name: &str, value: impl Serialize) {
        self.name(name);
        json(&mut self.out, &value);
    }

    fn name(&mut self, name: &str) {
        self.out.push(b',');
        json(&mut self.out, name);
        self.out.push(b':');
    }
}

/// The system prompt, where a dialect wants it beside the messages.
pub(super) fn system<'a>(call: &Call<'a>) -> Option<&'a str> {
    match call.messages.first() {
        Some(Message::System(text)) => Some(text),
        _ => None,
    }
}

/// Refuse the quirks that are set and mean nothing in this dialect: silently ignored, they would be believed.
pub(super) fn refuse_quirks(foreign: &[(bool, &str)], dialect: &str) -> Result<(), EncodeError> {
    match foreign.iter().find(|(set, _)| *set) {
        Some((_, name)) => Err(EncodeError::Quirk(format!("{name} is not for {dialect}"))),
        None => Ok(()),
    }
}

/// The fields of an object; none of what is no object.
pub(super) fn object(raw: Option<&RawValue>) -> Extra<'_> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The schema of a tool's arguments.
pub(super) fn parameters(tool: &ToolSpec) -> Result<&RawValue, EncodeError> {
    serde_json::from_str(&tool.parameters)
        .map_err(|error| EncodeError::Tool { name: tool.name.to_string(), problem: error.to_string() })
}

/// Items with commas between them.
pub(super) fn separated<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut Vec<u8>, T),
) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
}

/// The beginning of a request of a model, up to the first element of this list.
pub(super) fn head(model: &str, list: &str) -> Vec<u8> {
    let mut head = b"{\"model\":".to_vec();
    json(&mut head, model);
    head.extend_from_slice(format!(",\"{list}\":[").as_bytes());
    head
}

/// Append a value as JSON. Strings, numbers and raw JSON into memory: neither side of it can fail.
pub(super) fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    if serde_json::to_writer(&mut *out, value).is_err() {
        let _ = out.write_all(b"null");
    }
}

/// JSON text if it is an object, whatever a model made of it; else its text as a string in an object.
pub(super) fn as_object(text: &str) -> String {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) if raw.get().starts_with('{') => raw.get().to_owned(),
        _ => json_text(&serde_json::json!({ "text": text })),
    }
}

fn json_text(value: &serde_json::Value) -> String {
    value.to_string()
}

fn extra(text: &str) -> Result<Extra<'_>, EncodeError> {
    if text.trim().is_empty() {
        return Ok(Extra::new());
    }
    serde_json::from_str(text)
        .map_err(|error| EncodeError::ExtraBody(format!("must be a JSON object: {error}")))
}
