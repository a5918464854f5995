//! What the model remembers of earlier work: one text, given only when it asks for it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::tool::{Answer, Tool};
use crate::digest::{Digest, Parts};

pub(super) const TOOLS: &[Tool] = &[Tool {
    name: "retrieve_memory",
    description: "Retrieves what you have stored in your memory in earlier sessions.",
    parameters: &[],
}];

/// A memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Memory {
    text: Arc<str>,
    retrieved: bool,
}

// === impl Memory ===

impl Memory {
    pub(crate) fn new(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), retrieved: false }
    }

    /// What is remembered.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the model has asked for it.
    #[must_use]
    pub fn retrieved(&self) -> bool {
        self.retrieved
    }

    pub(super) fn retrieve(&mut self) -> Answer {
        self.retrieved = true;
        Answer::done(&json!({ "memory": &*self.text }))
    }

    pub(super) fn digest(&self) -> Digest {
        Parts::new("muster memory").text(&self.text).number(u64::from(self.retrieved)).digest()
    }
}
