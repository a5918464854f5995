//! Episodes marked on all processors at once, and taken back in the order in which they were read. A lot is handed to
//! one of a few threads of our own, by turns; what waits is bounded. The runtime's threads for blocking work come and go, and
//! each that marks an episode leaves its own copy of what the rules' patterns have worked out.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::thread::{self, available_parallelism};

use tokio::sync::oneshot;

use super::marker::{Marked, Marker};
use crate::episodes::Read;

/// Episodes of a lot: some ten milliseconds of work, so that handing it over costs nothing.
const EPISODES_A_LOT: usize = 64;
/// Bytes of turns after which a lot is full.
const BYTES_A_LOT: usize = 4 << 20;
/// Lots that are worked on at once, however many processors there are. The rules' patterns keep some 80 MB for each that
/// is at work, which is what bounds it; a lot has 4 MiB and one episode (32 MiB at most, some kilobytes usually).
const LOTS_AT_ONCE_MAX: usize = 8;

/// See the module.
pub(super) struct Lots {
    lot: Vec<Read>,
    bytes: usize,
    at_work: VecDeque<oneshot::Receiver<thread::Result<Vec<Marked>>>>,
    /// The threads. With as many lots at work as there are of them, the oldest is waited for.
    hands: Vec<mpsc::Sender<Order>>,
    /// Whose turn it is.
    turn: usize,
}

/// A lot, and where it is to come back to.
struct Order {
    lot: Vec<Read>,
    back: oneshot::Sender<thread::Result<Vec<Marked>>>,
}

// === impl Lots ===

impl Lots {
    pub(super) fn new(marker: Marker) -> Self {
        let at_once = available_parallelism().map_or(1, usize::from).min(LOTS_AT_ONCE_MAX);
        let marker = Arc::new(marker);
        Self {
            lot: Vec::with_capacity(EPISODES_A_LOT),
            bytes: 0,
            at_work: VecDeque::new(),
            hands: (0..at_once).map(|_| hand(Arc::clone(&marker))).collect(),
            turn: 0,
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
        if self.at_work.len() >= self.hands.len() {
            self.oldest().await.unwrap_or_default()
        } else {
            Vec::new()
        }
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
            let (back, marked) = oneshot::channel();
            // A thread ends no sooner than its orders do.
            drop(self.hands[self.turn].send(Order { lot, back }));
            self.at_work.push_back(marked);
            self.turn = (self.turn + 1) % self.hands.len();
        }
    }

    async fn oldest(&mut self) -> Option<Vec<Marked>> {
        // A thread answers every order.
        match self.at_work.pop_front()?.await.ok()? {
            Ok(marked) => Some(marked),
            // Scorers can't panic: it is a mistake of this program's, and told as one.
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// A thread that marks lots for as long as somebody has orders for it.
fn hand(marker: Arc<Marker>) -> mpsc::Sender<Order> {
    let (orders, ordered) = mpsc::channel::<Order>();
    thread::spawn(move || {
        for Order { lot, back } in ordered {
            let mark = || lot.into_iter().map(|read| marker.mark(read)).collect();
            // Nobody waits for it any more, if it can't be sent.
            drop(back.send(catch_unwind(AssertUnwindSafe(mark))));
        }
    });
    orders
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Which;
    use super::super::marker::Turns;
    use super::super::marker::tests::{ended, expander};
    use super::*;
    use crate::address::JobAddress;

    /// Marks so many episodes, each with so many bytes of turns; their ordinals as they came back, and how many were
    /// held back at once at most.
    async fn through(episodes: u64, bytes: usize) -> (Vec<u64>, usize) {
        let expander = expander();
        let one = ended(&expander, 0);
        let marker = Marker {
            expander,
            scorers: BTreeMap::new(),
            which: Which::New,
            turns: Turns::Wanted,
            answers: None,
        };
        let mut lots = Lots::new(marker);
        let (mut back, mut held) = (Vec::new(), 0);
        for ordinal in 0..episodes {
            let mut episode = one.clone();
            episode.job = JobAddress { ordinal, ..episode.job };
            episode.turns = vec![bytes::Bytes::from(vec![0; bytes])];
            back.extend(
                lots.put(Read::Whole(episode)).await.into_iter().map(|marked| marked.ended.job.ordinal),
            );
            held = held.max(ordinal as usize + 1 - back.len());
        }
        while let Some(rest) = lots.rest().await {
            back.extend(rest.into_iter().map(|marked| marked.ended.job.ordinal));
        }
        (back, held)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn episodes_come_back_in_the_order_in_which_they_were_read_none_of_them_lost() {
        let (back, held) = through(10_000, 10).await;
        assert_eq!(back, (0..10_000).collect::<Vec<_>>());
        assert!(held <= LOTS_AT_ONCE_MAX * EPISODES_A_LOT, "{held} were held back");
        assert_eq!(through(1, 10).await.0, [0]);
        assert!(through(0, 10).await.0.is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn large_episodes_fill_a_lot_by_themselves() {
        let (back, held) = through(200, BYTES_A_LOT).await;
        assert_eq!(back.len(), 200);
        assert!(held <= LOTS_AT_ONCE_MAX, "{held} large ones were held back");
    }
}
