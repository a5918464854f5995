//! What has been encoded of an episode's conversation. It only ever grows at its end, so a request's body is a head, the
//! messages and a tail put one after the other, and a call costs its new messages and one copy.

use bytes::Bytes;

/// The encoded conversation of one episode, in one dialect. Begin with `default()`.
#[derive(Debug, Default)]
pub struct Conversation {
    /// The head and the messages, ready for the next message.
    grown: Vec<u8>,
    /// What follows the messages; the same in every call of an episode. Empty: nothing was encoded yet.
    tail: Vec<u8>,
    /// How many messages are in `grown`.
    messages: usize,
}

// === impl Conversation ===

impl Conversation {
    /// How many messages are encoded.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// Whether a head and a tail are there.
    pub(super) fn is_begun(&self) -> bool {
        !self.tail.is_empty()
    }

    /// Begin anew, with no messages.
    pub(super) fn begin(&mut self, head: Vec<u8>, tail: Vec<u8>) {
        *self = Self { grown: head, tail, messages: 0 };
    }

    /// Append one message, as `write` writes it. Nothing is kept of it if it fails.
    pub(super) fn append<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let before = self.grown.len();
        if self.messages > 0 {
            self.grown.push(b',');
        }
        match write(&mut self.grown) {
            Ok(()) => {
                self.messages += 1;
                Ok(())
            }
            Err(error) => {
                self.grown.truncate(before);
                Err(error)
            }
        }
    }

    /// The whole body, in one piece of exactly its size.
    pub(super) fn body(&self) -> Bytes {
        let mut body = Vec::with_capacity(self.grown.len() + self.tail.len());
        body.extend_from_slice(&self.grown);
        body.extend_from_slice(&self.tail);
        Bytes::from(body)
    }
}
