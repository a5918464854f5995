//! Reading a stream: its segments one after the other, as one sequence of records.

use std::io;
use std::path::PathBuf;

use prost::Message;

use crate::contract::{Stream, TornTail};
use crate::error::StoreError;
use crate::format::HeaderRow;
use crate::frame::{Found, Frame, Frames, Kind, Rank};
use crate::manifest::Folder;
use crate::place::Place;

/// What a reader does where bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tolerance {
    /// A start: the last segment may end in what a crash tore; anything else is an error.
    TornEnd,
    /// Everything before this place was durable once: anything else is an error.
    Until(Place),
    /// As a start, but notes damage and goes on with the next record.
    Salvage,
}

/// A record found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    pub(crate) rank: Rank,
    /// Bytes on disk.
    pub(crate) bytes: u64,
}

/// Bytes that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// What is wrong, for people.
    pub what: String,
}

/// Reads one stream.
#[derive(Debug)]
pub(crate) struct Log {
    folder: Folder,
    stream: Stream,
    tolerance: Tolerance,
    /// The segments not yet begun, last first.
    rest: Vec<u32>,
    /// Where in the next segment to begin.
    skip: u32,
    segment: u32,
    frames: Option<Frames>,
    torn: Vec<TornTail>,
    problems: Vec<Problem>,
}

// === impl Log ===

impl Log {
    /// Reads `stream` of `folder` from a place on, which is the end of some record, or [`Place::START`] for the beginning.
    pub(crate) fn open(
        folder: &Folder,
        stream: Stream,
        from: Place,
        tolerance: Tolerance,
    ) -> Result<Self, StoreError> {
        let mut segments = folder.segments(stream)?;
        if let Tolerance::Until(end) = tolerance {
            segments.retain(|segment| *segment <= end.segment);
        }
        let mut log = Self {
            folder: folder.clone(),
            stream,
            tolerance,
            rest: Vec::new(),
            skip: from.offset,
            segment: 0,
            frames: None,
            torn: Vec::new(),
            problems: Vec::new(),
        };
        log.drop_torn_segment(&mut segments)?;
        log.expect_all(&segments, from.segment.max(1))?;
        segments.retain(|segment| *segment >= from.segment);
        segments.reverse();
        log.rest = segments;
        Ok(log)
    }

    /// The next record. None at the end.
    pub(crate) fn advance(&mut self) -> Result<Option<Item>, StoreError> {
        loop {
            if self.frames.is_none() && !self.enter_next()? {
                return Ok(None);
            }
            match self.step()? {
                Some(Frame { kind: Kind::Header | Kind::Closed, .. }) => {}
                Some(frame) => return Ok(Some(self.item(frame))),
                None if self.rest.is_empty() => return Ok(None),
                None => self.frames = None,
            }
        }
    }

    /// The payload of the last record found.
    pub(crate) fn payload(&self) -> &[u8] {
        self.frames.as_ref().map_or(&[], Frames::payload)
    }

    /// How far it has come; at the end, where the stream goes on.
    pub(crate) fn at(&self) -> Place {
        let at = self.frames.as_ref().map_or(0, Frames::at);
        Place::new(self.segment, at)
    }

    /// What a crash had torn, when the end is reached.
    pub(crate) fn torn(&self) -> &[TornTail] {
        &self.torn
    }

    /// What was not as written, and was passed over.
    pub(crate) fn problems(self) -> Vec<Problem> {
        self.problems
    }

    /// The same, of what was read since the last time.
    pub(crate) fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// Has done with a record that can't be used: an error, or a problem noted.
    pub(crate) fn refuse(&mut self, item: Item, what: &str) -> Result<(), StoreError> {
        self.problem(item.place.segment, item.place.offset(), what.to_owned())
    }

    /// An error about the last record.
    pub(crate) fn damaged(&self, place: Place, what: impl Into<String>) -> StoreError {
        StoreError::damaged(&self.folder.path(self.stream, place.segment), place.offset(), what)
    }

    fn item(&self, frame: Frame) -> Item {
        let place = Place::new(self.segment, frame.offset);
        Item { place, kind: frame.kind, rank: frame.rank, bytes: frame.bytes() }
    }

    fn step(&mut self) -> Result<Option<Frame>, StoreError> {
        let path = self.folder.path(self.stream, self.segment);
        let Some(frames) = &mut self.frames else { return Ok(None) };
        loop {
            let what = match frames.advance().map_err(|error| StoreError::io("read", &path, error))? {
                Found::Frame(frame) => return Ok(Some(frame)),
                Found::End => return Ok(None),
                Found::Broken(what) => what,
            };
            let offset = frames.at();
            let last = self.rest.is_empty();
            let may_be_torn = last && !matches!(self.tolerance, Tolerance::Until(_));
            if may_be_torn && !frames.later_commit().map_err(|error| StoreError::io("read", &path, error))? {
                let bytes = frames.rest_bytes();
                self.torn.push(TornTail { stream: self.stream, segment: self.segment, offset, bytes });
                return Ok(None);
            }
            match self.tolerance {
                Tolerance::Salvage => {
                    self.problems.push(Problem { path: path.clone(), offset, what: what.to_owned() });
                    frames.skip_broken().map_err(|error| StoreError::io("read", &path, error))?;
                }
                _ => return Err(StoreError::damaged(&path, offset, what)),
            }
        }
    }

    fn enter_next(&mut self) -> Result<bool, StoreError> {
        let Some(segment) = self.rest.pop() else { return Ok(false) };
        let path = self.folder.path(self.stream, segment);
        let wrap = |error: io::Error| StoreError::io("open", &path, error);
        let file = self.folder.files.open(&path).map_err(wrap)?;
        let len = file.len().map_err(wrap)?;
        let end = self.end_of(segment, len)?;
        let salt = self.folder.salt(self.stream, segment);
        let skip = u64::from(std::mem::take(&mut self.skip));
        self.segment = segment;
        self.read_header(segment)?;
        self.frames = Some(Frames::new(file, salt, skip, end));
        Ok(true)
    }

    /// Where the records of a segment end: for a sealed one, its successor knows.
    fn end_of(&mut self, segment: u32, len: u64) -> Result<u64, StoreError> {
        if let Tolerance::Until(end) = self.tolerance
            && end.segment == segment
        {
            return Ok(end.offset());
        }
        let Some(next) = self.rest.last().copied() else { return Ok(len) };
        let Some(header) = self.read_header(next)? else { return Ok(len) };
        if len >= header.previous_bytes {
            return Ok(header.previous_bytes);
        }
        let missing = header.previous_bytes - len;
        self.problem(segment, len, format!("{missing} bytes are missing from its end"))?;
        Ok(len)
    }

    /// A segment's header; none if it is broken and this reader goes on all the same.
    fn read_header(&mut self, segment: u32) -> Result<Option<HeaderRow>, StoreError> {
        let found = read_header(&self.folder, self.stream, segment)?;
        match found {
            Some(header) => Ok(Some(header)),
            // Reading its frames will note it.
            None if self.tolerance == Tolerance::Salvage => Ok(None),
            None => {
                let path = self.folder.path(self.stream, segment);
                Err(StoreError::damaged(&path, 0, "the segment's header is wrong"))
            }
        }
    }

    /// A last segment without a whole header was never part of an acknowledged commit, unless a later one follows in it.
    fn drop_torn_segment(&mut self, segments: &mut Vec<u32>) -> Result<(), StoreError> {
        let Some(&last) = segments.last().filter(|_| !matches!(self.tolerance, Tolerance::Until(_))) else {
            return Ok(());
        };
        if read_header(&self.folder, self.stream, last)?.is_some() {
            return Ok(());
        }
        let path = self.folder.path(self.stream, last);
        let mut frames = whole_segment(&self.folder, self.stream, last)?;
        if frames.later_commit().map_err(|error| StoreError::io("read", &path, error))? {
            // Reading its frames will note it, for a reader who goes on.
            let wrong = StoreError::damaged(&path, 0, "the segment's header is wrong");
            return if self.tolerance == Tolerance::Salvage { Ok(()) } else { Err(wrong) };
        }
        let bytes = frames.rest_bytes();
        self.torn.push(TornTail { stream: self.stream, segment: last, offset: 0, bytes });
        segments.pop();
        Ok(())
    }

    fn expect_all(&mut self, segments: &[u32], from: u32) -> Result<(), StoreError> {
        let last = segments.last().copied().unwrap_or(0);
        for missing in (from..=last).filter(|number| !segments.contains(number)) {
            self.problem(missing, 0, "the file is missing".to_owned())?;
        }
        Ok(())
    }

    fn problem(&mut self, segment: u32, offset: u64, what: String) -> Result<(), StoreError> {
        let path = self.folder.path(self.stream, segment);
        if self.tolerance != Tolerance::Salvage {
            return Err(StoreError::damaged(&path, offset, what));
        }
        self.problems.push(Problem { path, offset, what });
        Ok(())
    }
}

/// The header of a segment; none if it is broken.
pub(crate) fn read_header(
    folder: &Folder,
    stream: Stream,
    segment: u32,
) -> Result<Option<HeaderRow>, StoreError> {
    let mut frames = whole_segment(folder, stream, segment)?;
    let path = folder.path(stream, segment);
    match frames.advance().map_err(|error| StoreError::io("read", &path, error))? {
        Found::Frame(Frame { kind: Kind::Header, .. }) => Ok(HeaderRow::decode(frames.payload()).ok()),
        _ => Ok(None),
    }
}

fn whole_segment(folder: &Folder, stream: Stream, segment: u32) -> Result<Frames, StoreError> {
    let path = folder.path(stream, segment);
    let wrap = |error| StoreError::io("open", &path, error);
    let file = folder.files.open(&path).map_err(wrap)?;
    let len = file.len().map_err(wrap)?;
    Ok(Frames::new(file, folder.salt(stream, segment), 0, len))
}
