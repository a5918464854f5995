//! Episodes marked on all processors at once, and taken back in the order in which they were read. A lot is handed to
//! one processor; what waits is bounded.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::task::JoinHandle;

use super::marker::{Marked, Marker};
use crate::episodes::Read;

/// Episodes of a lot: some ten milliseconds of work, so that handing it over costs nothing.
const EPISODES_A_LOT: usize = 64;
/// Bytes of turns after which a lot is full.
const BYTES_A_LOT: usize = 4 << 20;
/// Lots that are worked on at once. With one more that is waited for, at most 33 lots of 4 MiB and one episode (32 MiB at
/// most, some kilobytes usually) each are in memory.
const LOTS_AT_ONCE_MAX: usize = 32;

/// See the module.
pub(super) struct Lots {
    marker: Arc<Marker>,
    lot: Vec<Read>,
    bytes: usize,
    at_work: VecDeque<JoinHandle<Vec<Marked>>>,
    at_once: usize,
}

// === impl Lots ===

impl Lots {
    pub(super) fn new(marker: Marker) -> Self {
        let at_once = available_parallelism().map_or(1, usize::from).min(LOTS_AT_ONCE_MAX);
        Self {
            marker: Arc::new(marker),
            lot: Vec::with_capacity(EPISODES_A_LOT),
            bytes: 0,
            at_work: VecDeque::new(),
            at_once,
        }
    }

    /// Takes one more episode. Gives those that came before, once there are enough of them.
    pub(super) async fn put(&mut self, read: Read) -> Vec<Marked> {
        let (Read::Whole(ended) | Read::Damaged(ended, _)) = &read;
        self.bytes += ended.turns.iter().map(bytes::Bytes::len).sum::<usize>();
        self.lot.push(read);
        if self.lot.len() < EPISODES_A_LOT && self.bytes < BYTES_A_LOT {
            return Vec::new();
        }
        self.hand_over();
        if self.at_work.len() > self.at_once { self.oldest().await.unwrap_or_default() } else { Vec::new() }
    }

    /// After the last episode: what is still at work, lot by lot.
    pub(super) async fn rest(&mut self) -> Option<Vec<Marked>> {
        self.hand_over();
        self.oldest().await
    }

    fn hand_over(&mut self) {
        self.bytes = 0;
        let lot = std::mem::take(&mut self.lot);
        if !lot.is_empty() {
            let marker = Arc::clone(&self.marker);
            let mark = move || lot.into_iter().map(|read| marker.mark(read)).collect();
            self.at_work.push_back(tokio::task::spawn_blocking(mark));
        }
    }

    async fn oldest(&mut self) -> Option<Vec<Marked>> {
        match self.at_work.pop_front()?.await {
            Ok(marked) => Some(marked),
            // Scorers can't panic: it is a mistake of this program's, and told as one.
            Err(error) => error.try_into_panic().map_or(None, |panic| resume_unwind(panic)),
        }
    }
}
