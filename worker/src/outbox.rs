//! What a worker has to say, and what of it is not yet acknowledged. Connected, events go straight to the link and wait
//! here in memory; cut off, they go to the spool as well; on the next connection all of it is said again, in order.

use std::collections::{BTreeMap, BTreeSet};

use muster_proto::v1;
use muster_proto::v1::worker_event::Event;
use tokio::sync::mpsc;

use crate::lease::Lease;
use crate::spool::Spool;

/// Events that may wait for one link: a turn and an end for each of 4,096 slots, wants and beats.
pub(crate) const LINK_EVENTS: usize = 16_384;

/// Bytes that may gather in the spool between two clean-ups. A slot that can't reach its coordinator makes at most one
/// turn and one end, so this is reached only by very large answers.
const SPOOL_BYTES: u64 = 256 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    unacknowledged: BTreeMap<Lease, Vec<v1::WorkerEvent>>,
    link: Option<mpsc::Sender<v1::WorkerEvent>>,
    spool: Spool,
    /// Bytes in the spool's file; none while the spool holds nothing.
    spooled_bytes: Option<u64>,
    /// The leases of which the spool's file holds something that still counts.
    spooled: BTreeSet<Lease>,
}

// === impl Outbox ===

impl Outbox {
    /// An outbox with what an earlier process left.
    pub(crate) fn new(spool: Spool, left: Vec<v1::WorkerEvent>) -> Self {
        let mut unacknowledged: BTreeMap<Lease, Vec<v1::WorkerEvent>> = BTreeMap::new();
        for event in left {
            match lease_of(&event) {
                Some(lease) if is_done_with(&event) => drop(unacknowledged.remove(&lease)),
                Some(lease) => unacknowledged.entry(lease).or_default().push(event),
                None => {}
            }
        }
        let spooled = BTreeSet::new();
        let mut outbox = Self { unacknowledged, link: None, spool, spooled_bytes: None, spooled };
        // Written anew, so that what is said next is added to it.
        outbox.keep();
        outbox
    }

    /// The leases with something unacknowledged.
    pub(crate) fn leases(&self) -> impl Iterator<Item = Lease> + '_ {
        self.unacknowledged.keys().copied()
    }

    /// Whether the end of a lease's episode waits here.
    pub(crate) fn has_ended(&self, lease: Lease) -> bool {
        let waiting = self.unacknowledged.get(&lease).into_iter().flatten();
        waiting.into_iter().any(|event| matches!(event.event, Some(Event::Outcome(_) | Event::Failure(_))))
    }

    /// Says something. What belongs to a lease is kept until it is acknowledged.
    pub(crate) fn say(&mut self, event: Event) {
        let event = v1::WorkerEvent { event: Some(event) };
        let Some(lease) = lease_of(&event) else {
            self.forward(event);
            return;
        };
        self.unacknowledged.entry(lease).or_default().push(event.clone());
        if self.link.is_none() {
            self.spool(&event);
        }
        self.forward(event);
    }

    /// A link is there: the hello goes first, then all that is unacknowledged.
    pub(crate) fn connect(&mut self, hello: v1::Hello) -> mpsc::Receiver<v1::WorkerEvent> {
        let again: Vec<v1::WorkerEvent> = self.unacknowledged.values().flatten().cloned().collect();
        let (link, events) = mpsc::channel(LINK_EVENTS.max(again.len() + 1));
        self.link = Some(link);
        self.forward(v1::WorkerEvent { event: Some(Event::Hello(hello)) });
        for event in again {
            self.forward(event);
        }
        events
    }

    /// The link is gone: what is unacknowledged goes to disk.
    pub(crate) fn disconnect(&mut self) {
        self.link = None;
        self.keep();
    }

    /// Something is acknowledged.
    pub(crate) fn acknowledge(&mut self, lease: Lease, what: &v1::ack::What) {
        let Some(waiting) = self.unacknowledged.get_mut(&lease) else { return };
        waiting.retain(|event| !covers(what, event));
        if waiting.is_empty() {
            self.unacknowledged.remove(&lease);
            self.done_with(lease);
        }
    }

    /// A lease is lost: what was said of it is of no use any more.
    pub(crate) fn forget(&mut self, lease: Lease) {
        self.unacknowledged.remove(&lease);
        self.done_with(lease);
    }

    /// Whether everything is acknowledged.
    pub(crate) fn is_empty(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    fn forward(&mut self, event: v1::WorkerEvent) {
        let Some(link) = &self.link else { return };
        if link.try_send(event).is_err() {
            // The link's task has ended, or the coordinator does not read: all is said again on the next one.
            self.disconnect();
        }
    }

    fn spool(&mut self, event: &v1::WorkerEvent) {
        let spooled = self.spooled_bytes.unwrap_or(0);
        if self.spooled_bytes.is_none() || spooled > SPOOL_BYTES {
            self.keep();
            return;
        }
        self.spooled_bytes = Some(spooled + prost::Message::encoded_len(event) as u64);
        self.spooled.extend(lease_of(event));
        warn_if_failed(self.spool.append(event));
    }

    fn keep(&mut self) {
        if self.unacknowledged.is_empty() {
            return;
        }
        self.spooled_bytes = Some(0);
        self.spooled = self.unacknowledged.keys().copied().collect();
        warn_if_failed(self.spool.replace(self.unacknowledged.values().flatten()));
    }

    /// What the spool holds of a lease no longer counts: the lease may have its next call in flight, and a later process
    /// must not claim it as one that waits. When nothing in it counts, the file goes.
    fn done_with(&mut self, lease: Lease) {
        if !self.spooled.remove(&lease) {
            return;
        }
        if self.spooled.is_empty() {
            self.spooled_bytes = None;
            warn_if_failed(self.spool.clear());
        } else {
            warn_if_failed(self.spool.note(&done_with(lease)));
        }
    }
}

/// A spool that can't be written costs at most the calls that it holds, and only if this process dies too: the episodes
/// go on.
fn warn_if_failed(result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "can't write the spool: if this worker dies before it is connected again, its last turns are run again");
    }
}

/// In the spool's file alone: all before it of this lease is acknowledged. A failure of no class is never said.
fn done_with(lease: Lease) -> v1::WorkerEvent {
    let done = v1::Failure { lease: Some(lease.to_wire()), ..v1::Failure::default() };
    v1::WorkerEvent { event: Some(Event::Failure(done)) }
}

fn is_done_with(event: &v1::WorkerEvent) -> bool {
    let unspecified = v1::FailureClass::Unspecified;
    matches!(&event.event, Some(Event::Failure(failure)) if failure.class() == unspecified)
}

fn lease_of(event: &v1::WorkerEvent) -> Option<Lease> {
    let lease = match event.event.as_ref()? {
        Event::Turn(turn) => turn.lease.as_ref(),
        Event::Restart(restart) => restart.lease.as_ref(),
        Event::Outcome(end) => end.lease.as_ref(),
        Event::Failure(failure) => failure.lease.as_ref(),
        _ => None,
    }?;
    Lease::from_wire(lease)
}

/// Whether an acknowledgement speaks of this event.
fn covers(what: &v1::ack::What, event: &v1::WorkerEvent) -> bool {
    match (what, &event.event) {
        (v1::ack::What::Turns(stored), Some(Event::Turn(turn))) => turn.index < *stored,
        (v1::ack::What::Restart(_), Some(Event::Restart(_))) | (v1::ack::What::End(_), _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(ordinal: u64) -> Lease {
        Lease { sweep: 1, lane: 0, ordinal, generation: 0, attempt: 1 }
    }

    fn turn(ordinal: u64, index: u32) -> Event {
        Event::Turn(v1::Turn { lease: Some(lease(ordinal).to_wire()), index, ..v1::Turn::default() })
    }

    fn sent(events: &mut mpsc::Receiver<v1::WorkerEvent>) -> Vec<Event> {
        std::iter::from_fn(|| events.try_recv().ok()?.event).collect()
    }

    fn outbox(folder: &std::path::Path) -> Outbox {
        let spool = Spool::open(folder).unwrap();
        let left = spool.left().unwrap();
        Outbox::new(spool, left)
    }

    #[test]
    fn what_was_not_acknowledged_is_said_again_in_order_and_after_the_hello() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = outbox(folder.path());
        let mut first = outbox.connect(v1::Hello::default());
        outbox.say(turn(1, 0));
        outbox.say(turn(1, 1));
        outbox.say(turn(2, 0));
        assert_eq!(sent(&mut first).len(), 4);
        outbox.acknowledge(lease(1), &v1::ack::What::Turns(1));
        outbox.disconnect();
        let mut second = outbox.connect(v1::Hello::default());
        assert_eq!(sent(&mut second), [Event::Hello(v1::Hello::default()), turn(1, 1), turn(2, 0)]);
    }

    #[test]
    fn a_connected_worker_writes_nothing_to_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = outbox(folder.path());
        let _link = outbox.connect(v1::Hello::default());
        outbox.say(turn(1, 0));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_worker_that_dies_cut_off_leaves_its_turns_to_its_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut cut_off = outbox(folder.path());
        drop(cut_off.connect(v1::Hello::default()));
        cut_off.say(turn(1, 0));
        cut_off.say(turn(2, 3));
        drop(cut_off);
        let mut next = outbox(folder.path());
        let mut link = next.connect(v1::Hello::default());
        assert_eq!(sent(&mut link)[1..], [turn(1, 0), turn(2, 3)]);
        next.acknowledge(lease(1), &v1::ack::What::Turns(1));
        next.forget(lease(2));
        assert!(outbox(folder.path()).is_empty(), "an empty outbox leaves no file");
    }

    #[test]
    fn a_turn_that_was_handed_in_since_is_not_claimed_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut cut_off = outbox(folder.path());
        cut_off.say(turn(1, 0));
        cut_off.say(turn(2, 0));
        let _link = cut_off.connect(v1::Hello::default());
        cut_off.acknowledge(lease(1), &v1::ack::What::Turns(1));
        // Its next call is in flight when it dies; the other's turn was never acknowledged.
        drop(cut_off);
        let mut next = outbox(folder.path());
        assert_eq!(next.leases().collect::<Vec<_>>(), [lease(2)]);
        next.acknowledge(lease(2), &v1::ack::What::Turns(1));
        assert!(outbox(folder.path()).is_empty());
    }

    #[test]
    fn a_process_that_dies_before_it_is_connected_leaves_all_that_it_found() {
        let folder = tempfile::tempdir().unwrap();
        outbox(folder.path()).say(turn(1, 0));
        outbox(folder.path()).say(turn(2, 0));
        assert_eq!(outbox(folder.path()).leases().collect::<Vec<_>>(), [lease(1), lease(2)]);
    }

    #[test]
    fn wants_and_beats_are_not_said_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = outbox(folder.path());
        let _first = outbox.connect(v1::Hello::default());
        outbox.say(Event::Want(v1::Want { credits: 3 }));
        outbox.disconnect();
        let mut second = outbox.connect(v1::Hello::default());
        assert_eq!(sent(&mut second), [Event::Hello(v1::Hello::default())]);
    }
}
