//! What a worker keeps on disk while it can't reach its coordinator: the events that are not yet acknowledged. Each is
//! a length, a checksum and the event as the wire encodes it. A damaged tail is dropped: what it held is run again.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use muster_proto::v1;
use prost::Message as _;
use rand::RngCore as _;

/// Bytes before each event: its length and its CRC-32.
const HEADER_BYTES: usize = 8;

/// The spool folder of a worker: its number, its unacknowledged events, its flight recorder, its cached bundles.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    file: Option<File>,
}

// === impl Spool ===

impl Clone for Spool {
    /// The same folder. A clone reads, and caches bundles; the outbox's own writes events.
    fn clone(&self) -> Self {
        Self { folder: self.folder.clone(), file: None }
    }
}

impl Spool {
    /// Opens a folder, making it where needed.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), file: None })
    }

    /// Takes the folder for this process, as long as the file that is returned is open; none if another process has it.
    /// Two workers of one number would each be taken for the other come back, and neither would get anywhere.
    pub(crate) fn lock(&self) -> io::Result<Option<File>> {
        let path = self.folder.join("lock");
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The worker's number, drawn once and kept.
    pub(crate) fn worker(&self) -> io::Result<u64> {
        let path = self.folder.join("worker-id");
        if let Some(kept) = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()) {
            return Ok(kept);
        }
        let drawn = rand::rng().next_u64();
        fs::write(path, format!("{drawn}\n"))?;
        Ok(drawn)
    }

    /// The flight recorder's file.
    pub(crate) fn blackbox(&self) -> PathBuf {
        self.folder.join("blackbox")
    }

    /// Where bundles are cached by their hash.
    pub(crate) fn bundle(&self, hash: &[u8; 32]) -> PathBuf {
        self.folder.join("bundles").join(blake3::Hash::from_bytes(*hash).to_hex().as_str())
    }

    /// The events that an earlier process left, in order.
    pub(crate) fn left(&self) -> io::Result<Vec<v1::WorkerEvent>> {
        match fs::read(self.path()) {
            Ok(bytes) => Ok(decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Replaces what is kept by these events, durably.
    pub(crate) fn replace<'a>(
        &mut self,
        events: impl Iterator<Item = &'a v1::WorkerEvent>,
    ) -> io::Result<()> {
        let fresh = self.folder.join("unacknowledged.new");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&fresh)?;
        let bytes: Vec<u8> = events.flat_map(encode).collect();
        file.write_all(&bytes)?;
        file.sync_data()?;
        fs::rename(fresh, self.path())?;
        File::open(&self.folder)?.sync_all()?;
        self.file = Some(file);
        Ok(())
    }

    /// Adds one event, durably. Only after `replace`.
    pub(crate) fn append(&mut self, event: &v1::WorkerEvent) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return self.replace(std::iter::once(event));
        };
        file.write_all(&encode(event))?;
        file.sync_data()
    }

    /// Adds one event that need survive only the process, not the machine. Only after `replace`.
    pub(crate) fn note(&mut self, event: &v1::WorkerEvent) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(&encode(event)))
    }

    /// All is acknowledged.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file = None;
        match fs::remove_file(self.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("unacknowledged")
    }
}

fn encode(event: &v1::WorkerEvent) -> Vec<u8> {
    let body = event.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn decode(mut bytes: &[u8]) -> Vec<v1::WorkerEvent> {
    let mut events = Vec::new();
    while let Some((event, rest)) = decode_one(bytes) {
        events.push(event);
        bytes = rest;
    }
    if !bytes.is_empty() {
        tracing::warn!(dropped_bytes = bytes.len(), "the spool's tail is damaged: its events are run again");
    }
    events
}

fn decode_one(bytes: &[u8]) -> Option<(v1::WorkerEvent, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let sum = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    if crc32fast::hash(body) != sum {
        return None;
    }
    Some((v1::WorkerEvent::decode(body).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(index: u32) -> v1::WorkerEvent {
        let turn = v1::Turn { index, body: vec![7; 40].into(), ..v1::Turn::default() };
        v1::WorkerEvent { event: Some(v1::worker_event::Event::Turn(turn)) }
    }

    #[test]
    fn what_was_kept_is_there_for_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        let number = spool.worker().unwrap();
        spool.replace([turn(0)].iter()).unwrap();
        spool.append(&turn(1)).unwrap();
        let next = Spool::open(folder.path()).unwrap();
        assert_eq!(next.left().unwrap(), [turn(0), turn(1)]);
        assert_eq!(next.worker().unwrap(), number);
        spool.clear().unwrap();
        assert!(next.left().unwrap().is_empty());
    }

    #[test]
    fn a_folder_is_one_workers_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let lock = spool.lock().unwrap();
        assert!(lock.is_some() && spool.lock().unwrap().is_none());
        drop(lock);
        assert!(spool.lock().unwrap().is_some());
    }

    #[test]
    fn a_spool_cut_or_flipped_anywhere_keeps_the_whole_events_before_the_damage() {
        let turns = [turn(1), turn(2), turn(3)];
        let whole: Vec<u8> = turns.iter().flat_map(encode).collect();
        let each = whole.len() / 3;
        for cut in 0..whole.len() {
            assert_eq!(decode(&whole[..cut]).len(), cut / each);
            let mut flipped = whole.clone();
            flipped[cut] ^= 0x10;
            assert!(decode(&flipped).len() >= cut / each);
            assert!(decode(&flipped).iter().zip(&turns).all(|(got, sent)| got == sent));
        }
    }
}
