//! The order in which the variants of one seed are run: a keyed bijection, so that a prefix of a sweep is a fair sample
//! of it, and a place can be computed from a variant and back without a table.

use crate::digest::Parts;

/// Rounds of the Feistel network. Four make it as good as random for sampling; it hides no secret.
const ROUNDS: u32 = 4;

/// A permutation of `0..size`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permutation {
    size: u32,
    half_bits: u32,
    key: u64,
}

// === impl Permutation ===

impl Permutation {
    /// The permutation of `0..size` that belongs to `key` and `seed`.
    pub(crate) fn new(size: u32, key: &[u8; 32], seed: u64) -> Self {
        let key = Parts::new("muster permutation").bytes(key).number(seed).draw();
        let bits = u32::BITS - size.saturating_sub(1).leading_zeros();
        Self { size, half_bits: bits.div_ceil(2).max(1), key }
    }

    /// Where `index` goes. The network permutes the next power of four; a place outside `0..size` is walked on from
    /// until one inside is met, less than four steps on average.
    pub(crate) fn forward(self, index: u32) -> u32 {
        let mut place = self.encrypt(u64::from(index));
        while place >= u64::from(self.size) {
            place = self.encrypt(place);
        }
        // It is below `size`, which is a u32.
        place as u32
    }

    /// What goes to `place`.
    pub(crate) fn backward(self, place: u32) -> u32 {
        let mut index = self.decrypt(u64::from(place));
        while index >= u64::from(self.size) {
            index = self.decrypt(index);
        }
        // It is below `size`, which is a u32.
        index as u32
    }

    fn encrypt(self, block: u64) -> u64 {
        let (mut left, mut right) = self.split(block);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(round, right));
        }
        (left << self.half_bits) | right
    }

    fn decrypt(self, block: u64) -> u64 {
        let (mut left, mut right) = self.split(block);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(round, left), left);
        }
        (left << self.half_bits) | right
    }

    fn split(self, block: u64) -> (u64, u64) {
        (block >> self.half_bits, block & self.mask())
    }

    /// The finalizer of SplitMix64 over half a block, the round's number and the key.
    fn round(self, round: u32, half: u64) -> u64 {
        let mut mixed =
            self.key ^ half.wrapping_add(u64::from(round) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & self.mask()
    }

    fn mask(self) -> u64 {
        (1 << self.half_bits) - 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_variant_of_a_seed_has_one_place() {
        for size in [1, 2, 3, 4, 5, 57, 64, 65, 271, 1_000] {
            let permutation = Permutation::new(size, &[7; 32], 3);
            let mut places: Vec<u32> = (0..size).map(|index| permutation.forward(index)).collect();
            places.sort_unstable();
            assert_eq!(places, (0..size).collect::<Vec<_>>(), "size {size}");
        }
    }

    #[test]
    fn another_seed_is_another_order() {
        let order =
            |seed| (0..57).map(|i| Permutation::new(57, &[7; 32], seed).forward(i)).collect::<Vec<_>>();
        assert_ne!(order(0), order(1));
        assert_eq!(order(1), order(1));
    }

    proptest! {
        #[test]
        fn a_place_leads_back_to_its_variant(size in 1_u32..2_000_000, at in any::<u32>(), key in any::<[u8; 32]>(), seed in any::<u64>()) {
            let permutation = Permutation::new(size, &key, seed);
            let index = at % size;
            prop_assert_eq!(permutation.backward(permutation.forward(index)), index);
            prop_assert!(permutation.forward(index) < size);
        }
    }
}
