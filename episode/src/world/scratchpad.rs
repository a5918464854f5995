//! A scratchpad: a tool that does nothing but take down what the model thinks. Whether anyone is said to read it, is for
//! the prompts to say.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::tool::{Answer, Parameter, Tool};
use crate::digest::{Digest, Parts};

/// Notes of one episode, one a call: 64 calls in each of 30 turns are 1,920.
const NOTES_MAX: usize = 2_048;
/// Bytes of all notes.
const NOTES_BYTES_MAX: usize = 1 << 20;

pub(super) const TOOLS: &[Tool] = &[Tool {
    name: "scratchpad",
    description: "Takes down your thoughts. It has no other effect.",
    parameters: &[Parameter { name: "thought", description: "What you think." }],
}];

/// The scratchpad of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Scratchpad {
    notes: Vec<Arc<str>>,
    #[serde(skip)]
    bytes: usize,
}

// === impl Scratchpad ===

impl Scratchpad {
    /// What the model wrote, in order.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(AsRef::as_ref)
    }

    pub(super) fn write(&mut self, thought: &str) -> Answer {
        if self.notes.len() >= NOTES_MAX || self.bytes + thought.len() > NOTES_BYTES_MAX {
            return Answer::error("the scratchpad is full");
        }
        self.bytes += thought.len();
        self.notes.push(thought.into());
        Answer::done(&json!({ "noted": true }))
    }

    pub(super) fn digest(&self) -> Digest {
        let mut parts = Parts::new("muster scratchpad");
        for note in &self.notes {
            parts.text(note);
        }
        parts.digest()
    }
}
