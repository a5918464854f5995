//! Blocks of content, as Anthropic reads them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::asked::Called;
use crate::rejection::Rejection;

/// One block, of any kind.
#[derive(Debug, Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_use_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) thinking: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) signature: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) cache_control: Option<&'a RawValue>,
}

// === impl Block ===

impl<'a> Block<'a> {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    pub(super) fn is_result(&self) -> bool {
        self.is("tool_result")
    }

    pub(super) fn plain_text(&self, at: &str) -> Result<&str, Rejection> {
        match (self.kind.as_deref(), self.text.as_deref()) {
            (Some("text"), Some("")) => {
                Err(Rejection::words("messages: text content blocks must be non-empty"))
            }
            (Some("text"), Some(text)) => Ok(text),
            (Some("text"), None) => Err(absent(&format!("{at}.text.text"))),
            (Some("image" | "document" | "search_result"), _) => Ok(""),
            _ => Err(Rejection::words(format!(
                "{at}: Input tag found using 'type' does not match any of the expected tags"
            ))),
        }
    }

    pub(super) fn called(self, at: &str) -> Result<Called<'a>, Rejection> {
        let Some(id) = self.id else { return Err(absent(&format!("{at}.tool_use.id"))) };
        if !is_plain(&id) {
            return Err(Rejection::words(format!(
                "{at}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
            )));
        }
        let Some(name) = self.name else { return Err(absent(&format!("{at}.tool_use.name"))) };
        match self.input {
            None => Err(absent(&format!("{at}.tool_use.input"))),
            Some(input) if !input.get().starts_with('{') => {
                Err(Rejection::words(format!("{at}.tool_use.input: Input should be a valid dictionary")))
            }
            Some(_) => Ok(Called { id, name }),
        }
    }
}

/// A string is one block of text.
pub(super) fn blocks<'a>(raw: &'a RawValue, at: &str) -> Result<Vec<Block<'a>>, Rejection> {
    if raw.get().starts_with('"') {
        let text: Cow<'a, str> = serde_json::from_str(raw.get())
            .map_err(|_| Rejection::words(format!("{at}: Input should be a valid string")))?;
        let kind = Some(Cow::Borrowed("text"));
        let empty = Block {
            kind,
            text: Some(text),
            id: None,
            name: None,
            input: None,
            tool_use_id: None,
            content: None,
            thinking: None,
            signature: None,
            cache_control: None,
        };
        return Ok(vec![empty]);
    }
    serde_json::from_str(raw.get())
        .map_err(|_| Rejection::words(format!("{at}: Input should be a valid list")))
}

/// A field that is not there.
pub(super) fn absent(place: &str) -> Rejection {
    Rejection::words(format!("{place}: Field required"))
}

/// Whether it is a name or an id that Anthropic takes.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
