//! The order of messages: every tool call answered, and no answer without its call, as OpenAI demands it.

use crate::chat::request::ChatMessage;
use crate::rejection::Rejection;

/// The tool calls of the last assistant message that no tool has answered yet.
#[derive(Default)]
pub(super) struct OpenCalls<'a> {
    /// Whether the messages just before this one are an assistant's with tool calls, and answers to them.
    answering: bool,
    asked: Vec<&'a str>,
    left: Vec<&'a str>,
}

// === impl OpenCalls ===

impl<'a> OpenCalls<'a> {
    /// The next message.
    pub(super) fn see(&mut self, index: usize, message: &'a ChatMessage<'_>) -> Result<(), Rejection> {
        if message.role == "tool" {
            return self.answer(index, message.tool_call_id.as_deref().unwrap_or_default());
        }
        self.none_left(index)?;
        self.asked = message.calls().map(|call| &*call.id).collect();
        self.left.clone_from(&self.asked);
        self.answering = !self.asked.is_empty();
        Ok(())
    }

    fn answer(&mut self, index: usize, id: &str) -> Result<(), Rejection> {
        if !self.answering {
            let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
            return Err(Rejection::invalid(message, Some(&format!("messages.[{index}].role")), None));
        }
        if !self.asked.contains(&id) {
            let message = format!(
                "Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous message."
            );
            return Err(Rejection::invalid(
                &message,
                Some(&format!("messages.[{index}].tool_call_id")),
                None,
            ));
        }
        self.left.retain(|left| *left != id);
        Ok(())
    }

    /// Nothing may be left open here.
    pub(super) fn none_left(&self, index: usize) -> Result<(), Rejection> {
        if self.left.is_empty() {
            return Ok(());
        }
        let message = format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
             The following tool_call_ids did not have response messages: {}",
            self.left.join(", ")
        );
        Err(Rejection::invalid(&message, Some(&format!("messages.[{index}].role")), None))
    }
}
