//! The frame around every record: `length u32 | checksum u32 | kind u8 | payload`, little-endian.
//!
//! The checksum (CRC-32) covers a salt of the segment, the frame's own offset, its length, kind and payload: so bytes that look
//! like a frame (an old block of the disk, a frame quoted in some model's answer) are none anywhere but where they
//! were written. The kind's top bit marks the first frame of a commit. A commit is written only after the one before it was
//! synced, so a whole first frame behind a broken one shows that the broken one was durable once: that is damage. Without
//! one, what is broken was never acknowledged: a crash tore it.

use std::io;
use std::sync::Arc;

use crate::files::File;

/// Bytes of a frame before its payload.
pub(crate) const HEAD_BYTES: usize = 9;

/// The longest payload: an answer of 50 MB, twice as long in JSON escapes, and room beside it.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 128 << 20;

/// Read ahead by so much: large enough that system calls don't count, small enough to be no burden.
const READ_BYTES: usize = 256 << 10;

/// Read so much to get at a single record: most are shorter.
const READ_LITTLE_BYTES: usize = 1 << 10;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Header,
    Fact,
    Turn,
    Merged,
    Dictionary,
    Closed,
}

/// Where a frame stands among those written with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The first of a commit.
    First,
    /// A later one.
    Later,
}

/// A segment's salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Salt(pub(crate) u32);

/// A frame that was found whole. Its payload is the reader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) kind: Kind,
    pub(crate) rank: Rank,
    pub(crate) payload_bytes: usize,
}

/// What stands at a reader's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole frame; the reader has gone on behind it.
    Frame(Frame),
    /// The end.
    End,
    /// Bytes that are no frame; the reader has not moved.
    Broken(&'static str),
}

/// Reads the frames of one segment, one after the other.
#[derive(Debug)]
pub(crate) struct Frames {
    file: Arc<dyn File>,
    salt: Salt,
    /// Where the next frame begins.
    at: u64,
    /// Where the last one ends.
    end: u64,
    buf: Vec<u8>,
    /// The offset of `buf`'s first byte.
    buf_at: u64,
    /// The last frame's payload, in `buf`.
    payload: std::ops::Range<usize>,
    /// Bytes to read ahead.
    ahead: usize,
}

// === impl Kind ===

impl Kind {
    const FIRST: u8 = 0x80;

    fn number(self) -> u8 {
        match self {
            Self::Header => 1,
            Self::Fact => 2,
            Self::Turn => 3,
            Self::Merged => 4,
            Self::Dictionary => 5,
            Self::Closed => 6,
        }
    }

    fn read(byte: u8) -> Option<(Self, Rank)> {
        let rank = if byte & Self::FIRST == 0 { Rank::Later } else { Rank::First };
        let kind = match byte & !Self::FIRST {
            1 => Self::Header,
            2 => Self::Fact,
            3 => Self::Turn,
            4 => Self::Merged,
            5 => Self::Dictionary,
            6 => Self::Closed,
            _ => return None,
        };
        Some((kind, rank))
    }
}

// === impl Frame ===

impl Frame {
    /// All of its bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (HEAD_BYTES + self.payload_bytes) as u64
    }
}

/// Appends a frame to `buf`, whose first byte will stand at `buf_at` of the segment; `fill` appends its payload.
pub(crate) fn append(
    buf: &mut Vec<u8>,
    buf_at: u64,
    salt: Salt,
    (kind, rank): (Kind, Rank),
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let start = buf.len();
    buf.extend_from_slice(&[0; HEAD_BYTES]);
    fill(buf);
    let (head, payload) = buf[start..].split_at_mut(HEAD_BYTES);
    let length = (payload.len() as u32).to_le_bytes();
    let kind = kind.number() | if rank == Rank::First { Kind::FIRST } else { 0 };
    let sum = checksum(salt, buf_at + start as u64, length, kind, payload);
    head[..4].copy_from_slice(&length);
    head[4..8].copy_from_slice(&sum.to_le_bytes());
    head[8] = kind;
}

fn checksum(salt: Salt, offset: u64, length: [u8; 4], kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt.0);
    let mut head = [0; 13];
    head[..8].copy_from_slice(&offset.to_le_bytes());
    head[8..12].copy_from_slice(&length);
    head[12] = kind;
    hasher.update(&head);
    hasher.update(payload);
    hasher.finalize()
}

// === impl Frames ===

impl Frames {
    /// Reads from `at` to `end`, which may lie beyond the file's end.
    pub(crate) fn new(file: Arc<dyn File>, salt: Salt, at: u64, end: u64) -> Self {
        Self { file, salt, at, end, buf: Vec::new(), buf_at: at, payload: 0..0, ahead: READ_BYTES }
    }

    /// Reads ahead no more than a common record, for one that is after a single one.
    pub(crate) fn read_little(mut self) -> Self {
        self.ahead = READ_LITTLE_BYTES;
        self
    }

    /// Ends so many bytes from here at the latest.
    pub(crate) fn no_further_than(mut self, bytes: u64) -> Self {
        self.end = self.end.min(self.at.saturating_add(bytes));
        self
    }

    /// Where the next frame begins.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Bytes from here to the end.
    pub(crate) fn rest_bytes(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// The payload of the last frame found.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.buf[self.payload.clone()]
    }

    /// The payload of the last frame found, kept.
    pub(crate) fn into_payload(mut self) -> Vec<u8> {
        self.buf.truncate(self.payload.end);
        self.buf.drain(..self.payload.start);
        self.buf
    }

    /// The next frame.
    pub(crate) fn advance(&mut self) -> io::Result<Found> {
        let found = self.look(self.at)?;
        if let Found::Frame(frame) = found {
            self.at += frame.bytes();
        }
        Ok(found)
    }

    /// Goes to the next whole frame behind a broken one, or to the end. Returns whether there is one.
    pub(crate) fn skip_broken(&mut self) -> io::Result<bool> {
        for offset in self.at + 1..self.end {
            if let Found::Frame(_) = self.look(offset)? {
                self.at = offset;
                return Ok(true);
            }
        }
        self.at = self.end;
        Ok(false)
    }

    /// Whether behind this place a later commit begins.
    pub(crate) fn later_commit(&mut self) -> io::Result<bool> {
        for offset in self.at + 1..self.end {
            if let Found::Frame(Frame { rank: Rank::First, .. }) = self.look(offset)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn look(&mut self, offset: u64) -> io::Result<Found> {
        if offset >= self.end {
            return Ok(Found::End);
        }
        let head = match self.fill(offset, HEAD_BYTES)? {
            Some(start) => &self.buf[start..start + HEAD_BYTES],
            None => return Ok(Found::Broken("the file ends within a record")),
        };
        let length: [u8; 4] = [head[0], head[1], head[2], head[3]];
        let sum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let kind_byte = head[8];
        let Some((kind, rank)) = Kind::read(kind_byte) else {
            return Ok(Found::Broken("the record is of no known kind"));
        };
        let payload_bytes = u32::from_le_bytes(length) as usize;
        if payload_bytes > MAX_PAYLOAD_BYTES || offset + (HEAD_BYTES + payload_bytes) as u64 > self.end {
            return Ok(Found::Broken("the record is longer than the file"));
        }
        let Some(start) = self.fill(offset, HEAD_BYTES + payload_bytes)? else {
            return Ok(Found::Broken("the file ends within a record"));
        };
        let payload = start + HEAD_BYTES..start + HEAD_BYTES + payload_bytes;
        if checksum(self.salt, offset, length, kind_byte, &self.buf[payload.clone()]) != sum {
            return Ok(Found::Broken("the record's checksum is wrong"));
        }
        self.payload = payload;
        Ok(Found::Frame(Frame { offset, kind, rank, payload_bytes }))
    }

    /// Sees to it that `len` bytes from `offset` are in the buffer; says where. None: the file is shorter.
    fn fill(&mut self, offset: u64, len: usize) -> io::Result<Option<usize>> {
        if let Some(start) = self.buffered(offset, len) {
            return Ok(Some(start));
        }
        let rest = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
        if len > rest {
            return Ok(None);
        }
        self.buf.resize(len.max(self.ahead).min(rest), 0);
        self.buf_at = offset;
        let n = self.file.read_at(&mut self.buf, offset)?;
        self.buf.truncate(n);
        Ok((n >= len).then_some(0))
    }

    fn buffered(&self, offset: u64, len: usize) -> Option<usize> {
        let start = usize::try_from(offset.checked_sub(self.buf_at)?).ok()?;
        (start + len <= self.buf.len()).then_some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Files, RealFiles, write_all};

    const SALT: Salt = Salt(7);

    fn frames(bytes: &[u8]) -> Frames {
        let dir = tempfile::tempdir().unwrap();
        let file = RealFiles.open_write(&dir.path().join("segment")).unwrap();
        write_all(&*file, bytes, 0).unwrap();
        Frames::new(file, SALT, 0, bytes.len() as u64)
    }

    fn three_frames() -> Vec<u8> {
        let mut buf = Vec::new();
        append(&mut buf, 0, SALT, (Kind::Header, Rank::First), |buf| buf.extend_from_slice(b"head"));
        append(&mut buf, 0, SALT, (Kind::Fact, Rank::Later), |_| {});
        append(&mut buf, 0, SALT, (Kind::Fact, Rank::First), |buf| buf.extend_from_slice(&[1; 300]));
        buf
    }

    #[test]
    fn frames_written_are_read() {
        let mut frames = frames(&three_frames());
        let mut found = Vec::new();
        while let Found::Frame(frame) = frames.advance().unwrap() {
            found.push((frame.kind, frame.rank, frames.payload().len()));
        }
        let expected =
            [(Kind::Header, Rank::First, 4), (Kind::Fact, Rank::Later, 0), (Kind::Fact, Rank::First, 300)];
        assert_eq!(found, expected);
        assert_eq!(frames.advance().unwrap(), Found::End);
    }

    #[test]
    fn any_bit_flipped_breaks_its_frame() {
        let whole = three_frames();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let mut frames = frames(&bytes);
            let mut read = 0;
            while let Found::Frame(_) = frames.advance().unwrap() {
                read += 1;
            }
            let broken_frame = [13, 22, whole.len()].iter().filter(|end| bit / 8 >= **end).count();
            assert_eq!(read, broken_frame, "bit {bit}");
        }
    }

    #[test]
    fn a_frame_moved_elsewhere_is_none() {
        let mut bytes = three_frames();
        bytes.insert(0, 0);
        assert!(matches!(frames(&bytes[1..]).advance().unwrap(), Found::Frame(_)));
        let mut moved = frames(&bytes);
        assert!(matches!(moved.advance().unwrap(), Found::Broken(_)));
        assert!(!moved.skip_broken().unwrap());
    }
}
