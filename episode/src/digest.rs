//! Hashing of structured data. Every part goes in with its length before it, so that two different lists of parts
//! never become the same bytes. There are two ways to the same hash: [`Hasher`] takes parts as they come, [`Parts`]
//! gathers a few short ones first, which is quicker by the 2 KB that a hasher's state has.

/// A 32-byte BLAKE3 hash.
pub(crate) type Digest = [u8; 32];

/// A BLAKE3 hasher that takes parts, not bytes.
#[derive(Debug, Clone)]
pub(crate) struct Hasher(blake3::Hasher);

/// Parts gathered to be hashed at once.
pub(crate) struct Parts(Vec<u8>);

/// Bytes that parts are expected to have: a world's families come to some 300.
const PARTS_BYTES: usize = 512;

// === impl Hasher ===

impl Hasher {
    /// Begins a hash of its own kind: the same parts under another `domain` give another hash.
    pub(crate) fn new(domain: &str) -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.text(domain);
        hasher
    }

    pub(crate) fn bytes(&mut self, part: &[u8]) -> &mut Self {
        self.0.update(&length(part));
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

// === impl Parts ===

impl Parts {
    /// Begins a hash of its own kind, as [`Hasher::new`] does.
    pub(crate) fn new(domain: &str) -> Self {
        let mut parts = Self(Vec::with_capacity(PARTS_BYTES));
        parts.text(domain);
        parts
    }

    pub(crate) fn bytes(&mut self, part: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&length(part));
        self.0.extend_from_slice(part);
        self
    }

    pub(crate) fn text(&mut self, part: &str) -> &mut Self {
        self.bytes(part.as_bytes())
    }

    pub(crate) fn number(&mut self, part: u64) -> &mut Self {
        self.0.extend_from_slice(&part.to_le_bytes());
        self
    }

    pub(crate) fn digest(&self) -> Digest {
        *blake3::hash(&self.0).as_bytes()
    }

    /// The first eight bytes of the digest, as a number to draw with.
    pub(crate) fn draw(&self) -> u64 {
        let digest = self.digest();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_le_bytes(first)
    }
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_lead_to_the_same_hash() {
        let gathered = Parts::new("x").text("ab").number(7).bytes(&[1, 2]).digest();
        assert_eq!(Hasher::new("x").text("ab").number(7).bytes(&[1, 2]).digest(), gathered);
    }

    #[test]
    fn parts_cut_elsewhere_are_another_hash() {
        assert_ne!(
            Parts::new("x").text("ab").text("c").digest(),
            Parts::new("x").text("a").text("bc").digest()
        );
        assert_ne!(Parts::new("x").digest(), Parts::new("y").digest());
    }
}
