//! What has been encoded of an episode's conversation. It only ever grows at its end, so a request's body is a head, the
//! messages and a tail put one after the other, and a call costs its new messages and one copy.

use bytes::Bytes;
use muster_episode::Call;

/// The encoded conversation of one episode, in one dialect. Begin with `default()`.
#[derive(Debug, Default)]
pub struct Conversation {
    /// The head and the messages, ready for the next message.
    grown: Vec<u8>,
    /// What follows the messages; the same in every call of an episode. Empty: nothing was encoded yet.
    tail: Vec<u8>,
    /// How many of the call's messages are dealt with.
    messages: usize,
    /// Whether something is written, that a comma must follow.
    written: bool,
    /// What closes the message that the next one may join; empty: none is open.
    closing: &'static str,
}

/// What several messages of a call have to share: the message that they are parts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Envelope {
    /// What stands before the first part.
    pub(super) opening: &'static str,
    /// What stands after the last.
    pub(super) closing: &'static str,
}

// === impl Conversation ===

impl Conversation {
    /// The body of a call: `begin` gives the head and the tail, where nothing was encoded yet; `write` appends the
    /// message of one place in the call.
    pub(super) fn encode<E>(
        &mut self,
        call: &Call<'_>,
        begin: impl FnOnce() -> Result<(Vec<u8>, Vec<u8>), E>,
        write: impl Fn(&mut Self, usize) -> Result<(), E>,
    ) -> Result<Bytes, E> {
        // A conversation that has shrunk is another one: it began anew.
        if self.tail.is_empty() || self.messages > call.messages.len() {
            let (head, tail) = begin()?;
            *self = Self { grown: head, tail, ..Self::default() };
        }
        for place in self.messages..call.messages.len() {
            write(self, place)?;
            self.messages = place + 1;
        }
        Ok(self.body())
    }

    /// Append something that stands alone, as `write` writes it. Nothing is kept of it if it fails.
    pub(super) fn append<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let before = self.grown.len();
        self.grown.extend_from_slice(self.closing.as_bytes());
        if self.written {
            self.grown.push(b',');
        }
        if let Err(error) = write(&mut self.grown) {
            self.grown.truncate(before);
            return Err(error);
        }
        self.closing = "";
        self.written = true;
        Ok(())
    }

    /// Append a part of a message, to the last one if that is open in the same way.
    pub(super) fn join(&mut self, envelope: Envelope, write: impl FnOnce(&mut Vec<u8>)) {
        if self.closing == envelope.closing {
            self.grown.push(b',');
        } else {
            self.grown.extend_from_slice(self.closing.as_bytes());
            if self.written {
                self.grown.push(b',');
            }
            self.grown.extend_from_slice(envelope.opening.as_bytes());
        }
        write(&mut self.grown);
        self.closing = envelope.closing;
        self.written = true;
    }

    /// The whole body, in one piece of exactly its size.
    fn body(&self) -> Bytes {
        let mut body = Vec::with_capacity(self.grown.len() + self.closing.len() + self.tail.len());
        body.extend_from_slice(&self.grown);
        body.extend_from_slice(self.closing.as_bytes());
        body.extend_from_slice(&self.tail);
        Bytes::from(body)
    }
}
