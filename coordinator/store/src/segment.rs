//! Writing a stream: records are gathered, and go to the end of its last segment with one write and one sync.

use std::sync::Arc;

use prost::Message;

use crate::contract::Stream;
use crate::error::StoreError;
use crate::files::{File, SyncPoint, write_all};
use crate::format::HeaderRow;
use crate::frame::{self, Kind, Rank, Salt};
use crate::manifest::Folder;
use crate::place::Place;

/// The most bytes that one commit may bring to a stream: with a segment's own, they fit an offset of 32 bits.
pub(crate) const MAX_COMMIT_BYTES: usize = 1 << 30;

/// The longest that a segment may be before it is sealed, for the same reason.
pub(crate) const MAX_SEGMENT_BYTES: u64 = 2 << 30;

/// The end of one stream.
#[derive(Debug)]
pub(crate) struct Appender {
    folder: Folder,
    stream: Stream,
    segment: u32,
    salt: Salt,
    file: Option<Arc<dyn File>>,
    /// Bytes of the segment that are written and synced.
    len: u64,
    buf: Vec<u8>,
    /// Whether the segment's name may not be durable yet.
    unnamed: bool,
    /// Whether the stream ends with a mark of an orderly end, or is empty.
    closed: bool,
}

// === impl Appender ===

impl Appender {
    /// Goes on at `end`, where a start found the end of the stream. What lies behind it must be cut off already.
    pub(crate) fn resume(folder: &Folder, stream: Stream, end: Place) -> Result<Self, StoreError> {
        let file = match end.segment {
            0 => None,
            segment => Some(open(folder, stream, segment)?),
        };
        Ok(Self {
            folder: folder.clone(),
            stream,
            segment: end.segment,
            salt: folder.salt(stream, end.segment),
            file,
            len: end.offset(),
            buf: Vec::new(),
            unnamed: false,
            closed: true,
        })
    }

    /// Where the durable part ends.
    pub(crate) fn end(&self) -> Place {
        Place::new(self.segment, self.len)
    }

    /// Before a commit's first record: begins a new segment if there is none yet or this one is full. Returns whether it
    /// did.
    pub(crate) fn make_room(&mut self, segment_bytes: u64) -> Result<bool, StoreError> {
        let full = self.len >= segment_bytes.min(MAX_SEGMENT_BYTES);
        if !self.buf.is_empty() || (self.file.is_some() && !full) {
            return Ok(false);
        }
        let header = HeaderRow { previous_bytes: self.len };
        self.file = Some(open(&self.folder, self.stream, self.segment + 1)?);
        self.segment += 1;
        self.salt = self.folder.salt(self.stream, self.segment);
        self.len = 0;
        self.unnamed = true;
        self.push(Kind::Header, |buf| header.encode_raw(buf));
        Ok(true)
    }

    /// Adds a record to the commit; returns where it will be.
    pub(crate) fn push(&mut self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) -> Place {
        let place = Place::new(self.segment, self.len + self.buf.len() as u64);
        let rank = if self.buf.is_empty() { Rank::First } else { Rank::Later };
        frame::append(&mut self.buf, self.len, self.salt, (kind, rank), fill);
        place
    }

    /// Bytes gathered.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.buf.len()
    }

    /// Writes and syncs what was gathered.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        if self.buf.is_empty() {
            return Ok(());
        }
        self.write()?;
        let path = self.folder.path(self.stream, self.segment);
        let point = match self.stream {
            Stream::Facts => SyncPoint::Facts,
            Stream::Turns => SyncPoint::Turns,
        };
        if let Some(file) = &self.file {
            file.sync(point).map_err(|error| StoreError::io("sync", &path, error))?;
        }
        if self.unnamed {
            let dir = &self.folder.dir;
            let synced = self.folder.files.sync_dir(dir, SyncPoint::Segment);
            synced.map_err(|error| StoreError::io("sync", dir, error))?;
            self.unnamed = false;
        }
        self.closed = false;
        self.len += self.buf.len() as u64;
        self.buf.clear();
        self.buf.shrink_to(KEPT_BYTES);
        Ok(())
    }

    /// Marks an orderly end: shows a later start that what was committed last had been durable. It need not be synced,
    /// for it promises nothing by itself.
    pub(crate) fn close(&mut self) {
        if self.closed || !self.buf.is_empty() {
            return;
        }
        self.push(Kind::Closed, |_| {});
        if let Err(error) = self.write() {
            tracing::warn!(%error, stream = %self.stream, "no mark of an orderly end");
        }
        self.closed = true;
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let path = self.folder.path(self.stream, self.segment);
        match &self.file {
            Some(file) => {
                write_all(&**file, &self.buf, self.len).map_err(|error| StoreError::io("write", &path, error))
            }
            None => Ok(()),
        }
    }
}

/// A buffer that was once larger is let go of down to this: a commit of common size.
const KEPT_BYTES: usize = 4 << 20;

fn open(folder: &Folder, stream: Stream, segment: u32) -> Result<Arc<dyn File>, StoreError> {
    let path = folder.path(stream, segment);
    folder.files.open_write(&path).map_err(|error| StoreError::io("open", &path, error))
}
