//! Where a record is: the journal's addresses, and how a fact names its turns by them.

/// Where a record begins: the segment's number (from 1) and the offset in it. Ordered as the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
}

// === impl Place ===

impl Place {
    /// The beginning of a stream, before its first segment.
    pub(crate) const START: Self = Self { segment: 0, offset: 0 };

    /// The place at `offset` of `segment`; offsets of a segment fit by `MAX_SEGMENT_BYTES`.
    pub(crate) fn new(segment: u32, offset: u64) -> Self {
        Self { segment, offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }

    pub(crate) fn offset(self) -> u64 {
        u64::from(self.offset)
    }
}

/// Places as small numbers: `2 x distance` to the next one in the same segment, or `2 x segment + 1` and its offset.
pub(crate) fn pack(places: &[Place]) -> Vec<u64> {
    let mut numbers = Vec::with_capacity(places.len() + 1);
    let mut last: Option<Place> = None;
    for place in places {
        match last {
            Some(last) if last.segment == place.segment && last.offset <= place.offset => {
                numbers.push(u64::from(place.offset - last.offset) << 1);
            }
            _ => numbers.extend([u64::from(place.segment) << 1 | 1, place.offset()]),
        }
        last = Some(*place);
    }
    numbers
}

/// The places that were packed. None: these numbers are no places.
pub(crate) fn unpack(numbers: &[u64]) -> Option<Vec<Place>> {
    let mut places = Vec::with_capacity(numbers.len());
    let mut last: Option<Place> = None;
    let mut numbers = numbers.iter();
    while let Some(&number) = numbers.next() {
        let half = u32::try_from(number >> 1).ok()?;
        let place = match (number & 1, last) {
            (0, Some(last)) => Place { segment: last.segment, offset: last.offset.checked_add(half)? },
            (1, _) => Place { segment: half, offset: u32::try_from(*numbers.next()?).ok()? },
            _ => return None,
        };
        places.push(place);
        last = Some(place);
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_places_come_back(raw in proptest::collection::vec((0u32..4, any::<u32>()), 0..20)) {
            let places: Vec<_> = raw.into_iter().map(|(segment, offset)| Place { segment, offset }).collect();
            prop_assert_eq!(unpack(&pack(&places)), Some(places));
        }

        #[test]
        fn hostile_numbers_are_refused_or_read_but_never_panic(raw in proptest::collection::vec(any::<u64>(), 0..20)) {
            let _ = unpack(&raw);
        }
    }
}
