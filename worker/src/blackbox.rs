//! The flight recorder: which jobs this worker's own engine was at work on. A process that is killed while it waits for
//! a provider leaves nothing here; one that dies of a job leaves the job's name, and its next process tells the
//! coordinator, so that three such deaths quarantine the job while a thousand ordinary kills don't.
//!
//! Only until a lease has gained a turn: a death after that never counts. One fixed record per slot, overwritten in place: a page-cache write, which a process's death does not undo.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use muster_proto::v1;

/// Bytes of a record: whether busy, then sweep, lane and ordinal, little-endian.
const RECORD_BYTES: usize = 24;

/// Records read at the start: no worker has more slots.
const MAX_RECORDS: usize = 65_536;

/// The recorder of a worker.
#[derive(Debug)]
pub(crate) struct BlackBox {
    file: File,
}

/// Marks a slot as busy; dropping it marks the slot as idle.
#[derive(Debug)]
pub(crate) struct AtWork<'a> {
    file: &'a File,
    slot: usize,
}

// === impl BlackBox ===

impl BlackBox {
    /// Opens the recorder and reads what the last process left in it, clearing it.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Vec<v1::Job>)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut left = vec![0; RECORD_BYTES * MAX_RECORDS];
        let length = read_up_to(&file, &mut left)?;
        let suspects = left[..length].chunks_exact(RECORD_BYTES).filter_map(decode).collect();
        file.set_len(0)?;
        Ok((Self { file }, suspects))
    }

    /// The engine begins work on a job. A failed write costs the evidence, not the episode.
    pub(crate) fn enter(&self, slot: usize, job: &v1::Job) -> AtWork<'_> {
        drop(self.file.write_all_at(&encode(job), offset(slot)));
        AtWork { file: &self.file, slot }
    }
}

// === impl AtWork ===

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        // The high bit of the first word says whether it is busy: one byte is enough to clear it.
        drop(self.file.write_all_at(&[0], offset(self.slot) + 7));
    }
}

fn offset(slot: usize) -> u64 {
    (slot * RECORD_BYTES) as u64
}

fn read_up_to(file: &File, into: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < into.len() {
        match file.read_at(&mut into[length..], length as u64)? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

const BUSY: u64 = 1 << 63;

fn encode(job: &v1::Job) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..8].copy_from_slice(&(u64::from(job.lane) | BUSY).to_le_bytes());
    record[8..16].copy_from_slice(&job.sweep.to_le_bytes());
    record[16..].copy_from_slice(&job.ordinal.to_le_bytes());
    record
}

fn decode(record: &[u8]) -> Option<v1::Job> {
    let word = |at: usize| record.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    let first = word(0)?;
    let lane = u32::try_from(first & !BUSY).ok()?;
    (first & BUSY != 0).then_some(v1::Job { lane, sweep: word(8)?, ordinal: word(16)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(ordinal: u64) -> v1::Job {
        v1::Job { sweep: 3, lane: 1, ordinal }
    }

    #[test]
    fn a_process_that_died_at_work_leaves_the_jobs_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blackbox");
        let (recorder, suspects) = BlackBox::open(&path).unwrap();
        assert!(suspects.is_empty());
        drop(recorder.enter(0, &job(5)));
        std::mem::forget(recorder.enter(2, &job(7)));
        drop(recorder);
        let (_, suspects) = BlackBox::open(&path).unwrap();
        assert_eq!(suspects, [job(7)]);
        let (_, suspects) = BlackBox::open(&path).unwrap();
        assert!(suspects.is_empty(), "told once");
    }

    #[test]
    fn a_recorder_cut_short_or_full_of_noise_is_read_without_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blackbox");
        std::fs::write(&path, [0xff; 61]).unwrap();
        let (_, suspects) = BlackBox::open(&path).unwrap();
        assert!(suspects.is_empty(), "a lane of more than 32 bits was never written");
    }
}
