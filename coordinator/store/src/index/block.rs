//! The entries of 64 neighbouring jobs, as one value: for each its own part of the key (a length and so many bytes) and its place
//! (segment and offset as varints).

use prost::encoding::{decode_varint, encode_varint};

use crate::place::Place;

/// Entries by their own part of the key, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Block(Vec<(Vec<u8>, Place)>);

// === impl Block ===

impl Block {
    /// Reads a value. None: it is none.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut entries = Vec::new();
        while let Some((len, rest)) = bytes.split_first() {
            let (own, rest) = rest.split_at_checked(usize::from(*len))?;
            bytes = rest;
            let mut number = || u32::try_from(decode_varint(&mut bytes).ok()?).ok();
            let place = Place { segment: number()?, offset: number()? };
            entries.push((own.to_vec(), place));
        }
        Some(Self(entries))
    }

    /// The value.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 8);
        for (own, place) in &self.0 {
            // The longest is that of a score: 14 bytes.
            bytes.push(own.len() as u8);
            bytes.extend_from_slice(own);
            encode_varint(place.segment.into(), &mut bytes);
            encode_varint(place.offset.into(), &mut bytes);
        }
        bytes
    }

    pub(crate) fn insert(&mut self, own: &[u8], place: Place) {
        match self.0.binary_search_by(|entry| entry.0[..].cmp(own)) {
            Ok(at) => self.0[at].1 = place,
            Err(at) => self.0.insert(at, (own.to_vec(), place)),
        }
    }

    pub(crate) fn get(&self, own: &[u8]) -> Option<Place> {
        let at = self.0.binary_search_by(|entry| entry.0[..].cmp(own)).ok()?;
        Some(self.0[at].1)
    }

    pub(crate) fn entries(&self) -> &[(Vec<u8>, Place)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_block_written_is_read(raw in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>(), 0..14), any::<(u32, u32)>(), 0..40)) {
            let mut block = Block::default();
            for (own, (segment, offset)) in &raw {
                block.insert(own, Place { segment: *segment, offset: *offset });
            }
            prop_assert_eq!(Block::read(&block.bytes()), Some(block));
        }

        #[test]
        fn hostile_bytes_are_refused_or_read_but_never_panic(raw in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Block::read(&raw);
        }
    }
}
