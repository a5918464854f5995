//! Hashing of structured data. Every part goes in with its length before it, so that two different lists of parts
//! never become the same bytes.

/// A 32-byte BLAKE3 hash.
pub(crate) type Digest = [u8; 32];

/// A BLAKE3 hasher that takes parts, not bytes.
#[derive(Debug, Clone)]
pub(crate) struct Hasher(blake3::Hasher);

// === impl Hasher ===

impl Hasher {
    /// Begins a hash of its own kind: the same parts under another `domain` give another hash.
    pub(crate) fn new(domain: &str) -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.text(domain);
        hasher
    }

    pub(crate) fn bytes(&mut self, part: &[u8]) -> &mut Self {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    pub(crate) fn text(&mut self, part: &str) -> &mut Self {
        self.bytes(part.as_bytes())
    }

    pub(crate) fn number(&mut self, part: u64) -> &mut Self {
        self.0.update(&part.to_le_bytes());
        self
    }

    pub(crate) fn digest(&self) -> Digest {
        *self.0.finalize().as_bytes()
    }
}
