//! What was asked, whatever the dialect: as much as a player, a quota and an answer need of it.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher as _};

use muster_episode::{Said, SaidCall};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A request for an answer, read and checked. Borrowed from the body wherever no escape stands in the way: the fake must
/// cost little beside the worker that is measured against it.
#[derive(Debug, Default)]
pub(crate) struct Asked<'a> {
    /// The model as it was named.
    pub(crate) model: Cow<'a, str>,
    pub(crate) seed: u64,
    pub(crate) tools: Vec<Cow<'a, str>>,
    /// The most tokens that may be answered.
    pub(crate) max_tokens: Option<u64>,
    pub(crate) size: Size,
    pub(crate) thinking: Thinking,
    pub(crate) turns: Vec<Turn<'a>>,
    /// The conversation as it was sent, for comparing calls.
    pub(crate) wording: &'a str,
    /// What a response repeats of its request: names and values.
    pub(crate) repeated: Vec<(&'static str, &'a str)>,
}

/// How large a request is, in bytes of messages, tools and system prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// All of it.
    pub(crate) bytes: usize,
    /// Of it, what was sent before: everything up to the last turn of the model.
    pub(crate) known_bytes: usize,
    /// What of it the caller asked to have cached. None: the provider caches by itself.
    pub(crate) marked_bytes: Option<usize>,
}

/// What a request says about reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Thinking {
    pub(crate) mode: Mode,
    /// Whether the text of it is to be shown.
    pub(crate) shown: bool,
}

/// Whether to reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// Never.
    Off,
    /// Where the player does.
    #[default]
    Played,
    /// Always, even if it is no word.
    On,
}

/// One message.
#[derive(Debug, PartialEq)]
pub(crate) enum Turn<'a> {
    System(Cow<'a, str>),
    User(Cow<'a, str>),
    Assistant { text: Cow<'a, str>, calls: Vec<Called<'a>> },
    Tool { call_id: Cow<'a, str>, content: Cow<'a, str> },
}

/// A tool call of an earlier turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Called<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) name: Cow<'a, str>,
}

/// The fields of an object, unread.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields<'a> {
    #[serde(borrow)]
    fields: std::collections::BTreeMap<Cow<'a, str>, &'a RawValue>,
}

// === impl Asked ===

impl Asked<'_> {
    /// The conversation, for a player.
    pub(crate) fn said(&self) -> Vec<Said<'_>> {
        self.turns.iter().map(Turn::said).collect()
    }

    /// The hash of the call, with the model's full name: the same call has the same.
    pub(crate) fn hash(&self, model: &str) -> u64 {
        // SipHash with fixed keys: the same in every process.
        let mut hasher = DefaultHasher::new();
        hasher.write(model.as_bytes());
        hasher.write_u64(self.seed);
        hasher.write(self.wording.as_bytes());
        hasher.finish()
    }

    /// What a tokenizer might count of it.
    pub(crate) fn input_tokens(&self) -> u64 {
        tokens(self.size.bytes)
    }
}

/// A deterministic estimate: four bytes make a token.
pub(crate) fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

// === impl Turn ===

impl Turn<'_> {
    fn said(&self) -> Said<'_> {
        match self {
            Self::System(text) => Said::System(text),
            Self::User(text) => Said::User(text),
            Self::Assistant { text, calls } => {
                let calls = calls.iter().map(|call| SaidCall { id: &call.id, name: &call.name });
                Said::Assistant { text, calls: calls.collect() }
            }
            Self::Tool { call_id, content } => Said::Tool { call_id, content },
        }
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    /// A field's text, unless it is absent or null.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get(name).copied().filter(|raw| raw.get() != "null")
    }

    /// A field, read.
    pub(crate) fn read<T: Deserialize<'a>>(&self, name: &str) -> Option<serde_json::Result<T>> {
        self.raw(name).map(|raw| serde_json::from_str(raw.get()))
    }

    /// A field of the right type; none if it is absent or of another.
    pub(crate) fn lax<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        self.read(name).and_then(Result::ok)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The first name that is not among these.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.fields.keys().map(AsRef::as_ref).find(|name| !known.contains(name))
    }
}
