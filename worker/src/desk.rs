//! What a worker's tasks share: the outbox, the episodes that run, the free slots, and the sweeps it was told of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use muster_proto::v1;
use muster_proto::v1::worker_event::Event;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;

use crate::blackbox::BlackBox;
use crate::lease::Lease;
use crate::outbox::Outbox;
use crate::shares::Shares;
use crate::slot::{self, Slot};
use crate::sweeps::Sweeps;

/// How far a worker has gone in ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Drain {
    /// It runs.
    #[default]
    No,
    /// It finishes the calls in flight and gives its leases back.
    Finish,
    /// It cancels them.
    Hurry,
}

/// What of a lease the coordinator has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    /// Turns before this index.
    pub(crate) turns: u32,
    /// The restart.
    pub(crate) restarted: bool,
    /// The end.
    pub(crate) ended: bool,
}

/// An episode that runs here.
struct Running {
    progress: watch::Sender<Progress>,
    cancel: CancellationToken,
    slot: usize,
}

struct State {
    outbox: Outbox,
    running: BTreeMap<Lease, Running>,
    free_slots: Vec<usize>,
    welcomed: bool,
}

/// See the module.
pub(crate) struct Desk {
    worker: u64,
    state: Mutex<State>,
    drain: watch::Sender<Drain>,
    /// Cancelled when the worker is to end: calls that are not under way are not begun.
    giving_up: CancellationToken,
    /// Counts changes after which the worker may be done.
    settled: watch::Sender<u64>,
    pub(crate) blackbox: BlackBox,
    pub(crate) sweeps: Sweeps,
    pub(crate) shares: Arc<Shares>,
    tasks: TaskTracker,
}

// === impl Desk ===

impl Desk {
    pub(crate) fn new(worker: u64, slots: usize, outbox: Outbox, blackbox: BlackBox, sweeps: Sweeps) -> Self {
        let free_slots = (0..slots).rev().collect();
        Self {
            worker,
            state: Mutex::new(State { outbox, running: BTreeMap::new(), free_slots, welcomed: false }),
            drain: watch::Sender::new(Drain::No),
            giving_up: CancellationToken::new(),
            settled: watch::Sender::new(0),
            blackbox,
            sweeps,
            shares: Shares::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// The worker's number.
    pub(crate) fn worker(&self) -> u64 {
        self.worker
    }

    /// A link is there: hello, all that is unacknowledged, and the slots that are free, in this order.
    pub(crate) fn connect(&self, mut hello: v1::Hello) -> mpsc::Receiver<v1::WorkerEvent> {
        let mut state = self.lock();
        let mut held: Vec<Lease> = state.running.keys().copied().chain(state.outbox.leases()).collect();
        held.sort_unstable();
        held.dedup();
        hello.held = held.into_iter().map(Lease::to_wire).collect();
        let events = state.outbox.connect(hello);
        let credits = u32::try_from(state.free_slots.len()).unwrap_or(u32::MAX);
        if credits > 0 && *self.drain.borrow() == Drain::No {
            state.outbox.say(Event::Want(v1::Want { credits }));
        }
        drop(state);
        self.shares.connected();
        events
    }

    /// The coordinator has welcomed this worker.
    pub(crate) fn welcomed(&self) {
        self.lock().welcomed = true;
    }

    /// The link is gone. Whether it had been good.
    pub(crate) fn disconnect(&self) -> bool {
        self.shares.disconnected();
        let mut state = self.lock();
        state.outbox.disconnect();
        std::mem::take(&mut state.welcomed)
    }

    /// Says something to the coordinator, now or when it can be reached.
    pub(crate) fn say(&self, event: Event) {
        self.lock().outbox.say(event);
    }

    /// A sweep is known from now on.
    pub(crate) fn brief(&self, brief: v1::Brief, channel: Channel) {
        self.sweeps.brief(brief, channel, &self.tasks);
    }

    /// Runs a job that was granted.
    pub(crate) fn start(desk: &Arc<Self>, lease: Lease, turns: Vec<Bytes>) {
        let progress = watch::Sender::new(Progress { turns: count(&turns), ..Progress::default() });
        let acknowledged = progress.subscribe();
        let cancel = CancellationToken::new();
        let mut state = desk.lock();
        if let Some(running) = state.running.get(&lease) {
            tracing::debug!(%lease, slot = running.slot, "granted again while it runs");
            return;
        }
        let Some(slot) = state.free_slots.pop() else {
            drop(state);
            tracing::warn!(%lease, "granted beyond this worker's slots: given back");
            desk.say(slot::preempted(lease, 0));
            return;
        };
        state.running.insert(lease, Running { progress, cancel: cancel.clone(), slot });
        drop(state);
        let slot = Slot {
            desk: Arc::clone(desk),
            lease,
            slot,
            acknowledged,
            cancel,
            drain: desk.drain.subscribe(),
            hurry: CancellationToken::new(),
            has_gained: false,
            unsaid: None,
        };
        desk.tasks.spawn(slot.run(turns));
    }

    /// A slot is free again.
    pub(crate) fn finished(&self, lease: Lease) {
        let mut state = self.lock();
        if let Some(running) = state.running.remove(&lease) {
            state.free_slots.push(running.slot);
            if *self.drain.borrow() == Drain::No {
                state.outbox.say(Event::Want(v1::Want { credits: 1 }));
            }
        }
        drop(state);
        self.settle();
    }

    /// A lease is lost.
    pub(crate) fn revoke(&self, lease: Lease, reason: v1::revoke::Reason) {
        tracing::info!(%lease, reason = reason.as_str_name(), "lease revoked");
        let mut state = self.lock();
        state.outbox.forget(lease);
        if let Some(running) = state.running.get(&lease) {
            running.cancel.cancel();
        }
        drop(state);
        self.settle();
    }

    /// Something of a lease is durable.
    pub(crate) fn acknowledge(&self, lease: Lease, what: &v1::ack::What) {
        let mut state = self.lock();
        state.outbox.acknowledge(lease, what);
        if let Some(running) = state.running.get(&lease) {
            running.progress.send_modify(|progress| match what {
                v1::ack::What::Turns(turns) => progress.turns = *turns,
                v1::ack::What::Restart(_) => *progress = Progress { turns: 0, restarted: true, ended: false },
                v1::ack::What::End(_) => progress.ended = true,
            });
        }
        drop(state);
        if matches!(what, v1::ack::What::End(_)) {
            self.settle();
        }
    }

    /// Ends the worker, more or less quickly. There is no way back.
    pub(crate) fn drain(&self, how: Drain) {
        self.drain.send_if_modified(|now| {
            let further = how > *now;
            *now = how.max(*now);
            further
        });
        self.giving_up.cancel();
        self.settle();
    }

    /// Cancelled when calls that are not under way are to be given up.
    pub(crate) fn giving_up(&self) -> &CancellationToken {
        &self.giving_up
    }

    /// Resolves when the worker is draining and has nothing more to do or say.
    pub(crate) async fn done(&self) {
        self.wait(|desk| {
            let state = desk.lock();
            state.running.is_empty() && state.outbox.is_empty()
        })
        .await;
    }

    /// Resolves when the worker is draining and runs nothing more: what it still has to say is in the spool.
    pub(crate) async fn done_offline(&self) {
        self.wait(|desk| desk.lock().running.is_empty()).await;
    }

    /// Whether it is so.
    pub(crate) fn is_done_offline(&self) -> bool {
        *self.drain.borrow() != Drain::No && self.lock().running.is_empty()
    }

    async fn wait(&self, is_done: impl Fn(&Self) -> bool) {
        let mut settled = self.settled.subscribe();
        loop {
            if *self.drain.borrow() != Drain::No && is_done(self) {
                return;
            }
            if settled.changed().await.is_err() {
                return;
            }
        }
    }

    fn settle(&self) {
        self.settled.send_modify(|count| *count += 1);
    }

    /// A panic while the lock is held would leave a half-done change; none of the holders panics between two.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(turns: &[Bytes]) -> u32 {
    u32::try_from(turns.len()).unwrap_or(u32::MAX)
}
