//! How bodies are made small: zstd with a dictionary.
//!
//! A turn is about a kilobyte of JSON whose keys, tool names and phrases come again in every other one. A dictionary takes
//! those out. The first turns of a store are packed with a built-in one; once enough have been seen, a dictionary learned from them
//! is written into the stream itself, and anew into each further segment, learned from the turns before it. So a
//! segment can be read alone.
//!
//! Packing never fails: bytes that do not shrink stand as they are.

use std::cell::RefCell;
use std::sync::LazyLock;

use bytes::Bytes;
use zstd::bulk::Compressor;
use zstd::dict::DecoderDictionary;
use zstd::zstd_safe::{CParameter, DCtx};

use crate::dictionary;
use crate::format::PackingRow;
use crate::frame::MAX_PAYLOAD_BYTES;

/// zstd's level for a commit: the cheapest that still finds what the dictionary offers.
pub(crate) const FAST: i32 = 3;

/// zstd's level where time is no matter.
pub(crate) const SMALL: i32 = 12;

/// A learned dictionary's size. Larger ones gained nothing in measurements.
const LEARNED_BYTES: usize = 16 << 10;

/// A dictionary is learned from so many bodies...
pub(crate) const SAMPLES: usize = 400;

/// ...and from so much of each...
const SAMPLE_BYTES: usize = 4 << 10;

/// ...and once there is one, every so many bodies one is kept for the next segment's: 400 x 64 bodies are a tenth of a segment.
const SAMPLE_EVERY: u64 = 64;

/// Bodies shorter than this are not worth a try.
const MIN_BYTES: usize = 48;

/// Every zstd frame begins with these, so they are left out.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Packs bodies.
pub(crate) struct Packer {
    level: i32,
    builtin: Option<Compressor<'static>>,
    learned: Option<Learned>,
    samples: Samples,
    packed: Vec<u8>,
}

struct Learned {
    compressor: Compressor<'static>,
    dictionary: Vec<u8>,
    /// Its offset in the segment being written; 0 if it is not in there yet.
    at: u64,
}

struct Samples {
    /// How many are enough.
    enough: usize,
    bodies: Vec<Vec<u8>>,
    seen: u64,
    kept: usize,
}

/// A dictionary found in a segment, ready for use.
pub(crate) type Decoder = DecoderDictionary<'static>;

// === impl Packer ===

impl Packer {
    /// Packs with the built-in dictionary until `enough` bodies have been seen.
    pub(crate) fn new(enough: usize, level: i32) -> Self {
        let builtin = compressor(dictionary::CURRENT.1, level);
        let samples = Samples { enough, bodies: Vec::new(), seen: 0, kept: 0 };
        Self { level, builtin, learned: None, samples, packed: Vec::new() }
    }

    /// Goes on with a dictionary that stands at `at` of the segment being written.
    pub(crate) fn resume(&mut self, dictionary: Vec<u8>, at: u64) {
        self.learned = Learned::new(dictionary, at, self.level);
    }

    /// A dictionary to be written into the stream now: in a new segment, or once enough bodies have been seen. The caller says
    /// where by [`learned_at`](Packer::learned_at).
    pub(crate) fn dictionary(&mut self, new_segment: bool) -> Option<&[u8]> {
        let first = self.learned.is_none();
        if !first && !new_segment {
            return None;
        }
        if let Some(learned) = self.samples.learn(self.level) {
            self.learned = Some(learned);
        }
        self.learned.as_ref().map(|learned| &learned.dictionary[..])
    }

    /// Where the dictionary was written.
    pub(crate) fn learned_at(&mut self, at: u64) {
        if let Some(learned) = &mut self.learned {
            learned.at = at;
        }
    }

    /// The offset of the dictionary in use in the segment being written; 0 if none is.
    pub(crate) fn learned_offset(&self) -> u64 {
        self.learned.as_ref().map_or(0, |learned| learned.at)
    }

    /// Packs a body.
    pub(crate) fn pack<'a>(&'a mut self, raw: &'a [u8]) -> (PackingRow, &'a [u8]) {
        self.samples.offer(raw, self.learned.is_some());
        self.pack_unsampled(raw)
    }

    /// Packs bytes that are not like other bodies.
    pub(crate) fn pack_unsampled<'a>(&'a mut self, raw: &'a [u8]) -> (PackingRow, &'a [u8]) {
        let mut packing = PackingRow { raw_len: raw.len() as u64, ..PackingRow::default() };
        let compressor = match &mut self.learned {
            Some(learned) if learned.at > 0 => {
                packing.learned_at = learned.at;
                Some(&mut learned.compressor)
            }
            _ => {
                packing.builtin = dictionary::CURRENT.0;
                self.builtin.as_mut()
            }
        };
        match compressor.and_then(|compressor| squeeze(compressor, raw, &mut self.packed)) {
            Some(()) => (packing, &self.packed[MAGIC.len()..]),
            None => (PackingRow::default(), raw),
        }
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").field("learned_at", &self.learned_offset()).finish_non_exhaustive()
    }
}

fn squeeze(compressor: &mut Compressor<'static>, raw: &[u8], packed: &mut Vec<u8>) -> Option<()> {
    if raw.len() < MIN_BYTES {
        return None;
    }
    packed.clear();
    packed.reserve(zstd::zstd_safe::compress_bound(raw.len()));
    compressor.compress_to_buffer(raw, packed).ok()?;
    (packed.len() < raw.len() && packed.starts_with(&MAGIC)).then_some(())
}

fn compressor(dictionary: &[u8], level: i32) -> Option<Compressor<'static>> {
    let mut compressor = Compressor::with_dictionary(level, dictionary).ok()?;
    // Both are in the record already.
    compressor.set_parameter(CParameter::ContentSizeFlag(false)).ok()?;
    compressor.set_parameter(CParameter::DictIdFlag(false)).ok()?;
    Some(compressor)
}

// === impl Learned ===

impl Learned {
    fn new(dictionary: Vec<u8>, at: u64, level: i32) -> Option<Self> {
        Some(Self { compressor: compressor(&dictionary, level)?, dictionary, at })
    }
}

// === impl Samples ===

impl Samples {
    /// Keeps every body until the first dictionary is learned, then one of many, the newest in place of the oldest.
    fn offer(&mut self, body: &[u8], sparsely: bool) {
        self.seen += 1;
        if body.len() < MIN_BYTES || (sparsely && !self.seen.is_multiple_of(SAMPLE_EVERY)) {
            return;
        }
        let sample = body[..body.len().min(SAMPLE_BYTES)].to_vec();
        if self.bodies.len() < self.enough {
            self.bodies.push(sample);
        } else {
            let oldest = self.kept % self.enough.max(1);
            self.bodies[oldest] = sample;
        }
        self.kept += 1;
    }

    /// A dictionary, if enough was seen. Whether it comes to one or not, the samples are used up.
    fn learn(&mut self, level: i32) -> Option<Learned> {
        if self.bodies.len() < self.enough {
            return None;
        }
        let bodies = std::mem::take(&mut self.bodies);
        Learned::new(zstd::dict::from_samples(&bodies, LEARNED_BYTES).ok()?, 0, level)
    }
}

/// A learned dictionary, made ready. None: these bytes are none.
pub(crate) fn decoder(dictionary: &[u8]) -> Option<Decoder> {
    DecoderDictionary::try_copy(dictionary).ok()
}

/// The bytes that were packed; `learned` is the dictionary that `packing` names, if it names one.
pub(crate) fn unpack(
    packing: &PackingRow,
    packed: &[u8],
    learned: Option<&Decoder>,
) -> Result<Bytes, &'static str> {
    if *packing == PackingRow::default() {
        return Ok(Bytes::copy_from_slice(packed));
    }
    let raw_len = usize::try_from(packing.raw_len).unwrap_or(usize::MAX);
    if raw_len > MAX_PAYLOAD_BYTES {
        return Err("it would unpack to more than a record can hold");
    }
    let builtin;
    let dictionary = match (packing.learned_at, packing.builtin) {
        (0, version) => {
            builtin =
                built_in(version).ok_or("it was packed with a dictionary that this release does not know")?;
            builtin
        }
        _ => learned.ok_or("the dictionary that it was packed with is lost")?,
    };
    inflate(dictionary, packed, raw_len).map(Bytes::from).ok_or("it does not unpack")
}

fn inflate(dictionary: &Decoder, packed: &[u8], raw_len: usize) -> Option<Vec<u8>> {
    thread_local! {
        // Making one costs as much as a turn does; about 100 KB for each thread that reads.
        static CONTEXT: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
    }
    let mut whole = Vec::with_capacity(MAGIC.len() + packed.len());
    whole.extend_from_slice(&MAGIC);
    whole.extend_from_slice(packed);
    let mut raw = Vec::with_capacity(raw_len);
    let run = |context: &RefCell<DCtx<'static>>| {
        context.borrow_mut().decompress_using_ddict(&mut raw, &whole, dictionary.as_ddict()).ok()
    };
    CONTEXT.with(run)?;
    (raw.len() == raw_len).then_some(raw)
}

fn built_in(version: u32) -> Option<&'static Decoder> {
    static DECODERS: LazyLock<Vec<(u32, Decoder)>> = LazyLock::new(|| {
        let made = dictionary::ALL.iter().filter_map(|(version, bytes)| Some((*version, decoder(bytes)?)));
        made.collect()
    });
    DECODERS.iter().find(|(number, _)| *number == version).map(|(_, decoder)| decoder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(n: usize) -> Vec<u8> {
        format!(r#"{{"role":"assistant","content":"turn {n}","tool_calls":[{{"id":"call_{n}"}}]}}"#)
            .into_bytes()
    }

    #[test]
    fn what_is_packed_comes_back() {
        let mut packer = Packer::new(SAMPLES, FAST);
        for raw in [vec![], b"{}".to_vec(), body(1), vec![7; 100_000]] {
            let (packing, packed) = packer.pack(&raw);
            assert_eq!(unpack(&packing, packed, None).unwrap(), raw);
        }
    }

    #[test]
    fn a_dictionary_is_learned_once_enough_was_seen_and_is_needed_to_unpack() {
        let mut packer = Packer::new(SAMPLES, FAST);
        for n in 0..SAMPLES {
            assert!(packer.dictionary(false).is_none());
            packer.pack(&body(n));
        }
        let dictionary = packer.dictionary(false).unwrap().to_vec();
        packer.learned_at(40);
        let raw = body(5_000);
        let (packing, packed) = packer.pack(&raw);
        assert_eq!(packing.learned_at, 40);
        let decoder = decoder(&dictionary).unwrap();
        assert_eq!(unpack(&packing, packed, Some(&decoder)).unwrap(), raw);
        assert!(unpack(&packing, packed, None).is_err());
    }

    #[test]
    fn bytes_that_do_not_shrink_stand_as_they_are() {
        let noise: Vec<u8> = blake3::Hasher::new().finalize_xof().fill_to(300);
        let mut packer = Packer::new(SAMPLES, FAST);
        let (packing, packed) = packer.pack(&noise);
        assert_eq!((packing, packed), (PackingRow::default(), &noise[..]));
    }

    trait FillTo {
        fn fill_to(&mut self, len: usize) -> Vec<u8>;
    }

    impl FillTo for blake3::OutputReader {
        fn fill_to(&mut self, len: usize) -> Vec<u8> {
            let mut bytes = vec![0; len];
            self.fill(&mut bytes);
            bytes
        }
    }

    #[test]
    fn a_hostile_length_is_refused_before_memory_is_taken() {
        let packing = PackingRow { raw_len: u64::MAX, builtin: 1, learned_at: 0 };
        assert!(unpack(&packing, &[0; 10], None).is_err());
    }
}
