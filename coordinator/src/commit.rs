//! The committing thread: the one place that waits for a disk. It takes a batch, makes it durable, hands its effects
//! back, and takes the next; what gathered meanwhile is one batch, which is all of group commit.

use std::thread;

use muster_core::{Effect, Record, Snapshot};
use muster_store::{Journal, StoreError};
use tokio::sync::mpsc;

use crate::driver::Reply;
use crate::error::CoordinatorError;

/// Records, and what may be done once they are durable.
#[derive(Default)]
pub(crate) struct Batch {
    /// To be made durable.
    pub(crate) records: Vec<Record>,
    /// To be done after.
    pub(crate) after: Vec<After>,
    /// The core's state after these records, where the journal wants it.
    pub(crate) snapshot: Option<Box<Snapshot>>,
}

/// Something that waits for a batch.
pub(crate) enum After {
    /// An effect of the core.
    Effect(Effect),
    /// An answer to a question about the core's state: it must not tell of what is not durable.
    Reply(Reply),
}

/// A batch that is durable.
pub(crate) struct Durable {
    /// What may be done now.
    pub(crate) after: Vec<After>,
    /// The emptied records, whose memory is used again.
    pub(crate) records: Vec<Record>,
    /// Whether the next batch should bring a snapshot.
    pub(crate) wants_snapshot: bool,
}

/// The driver's end of the thread. At most one batch is under way.
pub(crate) struct Committer {
    batches: mpsc::Sender<Batch>,
    durable: mpsc::Receiver<Result<Durable, StoreError>>,
    busy: bool,
}

// === impl Committer ===

impl Committer {
    /// Starts the thread. It ends when the committer is dropped.
    pub(crate) fn start(journal: Box<dyn Journal>) -> Result<Self, CoordinatorError> {
        let (batches, inbox) = mpsc::channel(1);
        let (outbox, durable) = mpsc::channel(1);
        thread::Builder::new()
            .name("muster-commit".into())
            .spawn(move || run(journal, inbox, &outbox))
            .map_err(CoordinatorError::Thread)?;
        Ok(Self { batches, durable, busy: false })
    }

    /// Whether a batch is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Hands a batch over. Only when not busy.
    pub(crate) fn submit(&mut self, batch: Batch) -> Result<(), CoordinatorError> {
        debug_assert!(!self.busy, "one batch at a time");
        self.busy = true;
        self.batches.try_send(batch).map_err(|_| CoordinatorError::Ended)
    }

    /// Waits until the batch under way is durable.
    pub(crate) async fn durable(&mut self) -> Result<Durable, CoordinatorError> {
        let result = self.durable.recv().await.ok_or(CoordinatorError::Ended)?;
        self.busy = false;
        Ok(result?)
    }
}

fn run(
    mut journal: Box<dyn Journal>,
    mut inbox: mpsc::Receiver<Batch>,
    outbox: &mpsc::Sender<Result<Durable, StoreError>>,
) {
    while let Some(batch) = inbox.blocking_recv() {
        let result = commit(journal.as_mut(), batch);
        let failed = result.is_err();
        if outbox.blocking_send(result).is_err() || failed {
            return;
        }
    }
}

fn commit(journal: &mut dyn Journal, batch: Batch) -> Result<Durable, StoreError> {
    let Batch { mut records, after, snapshot } = batch;
    if !records.is_empty() {
        journal.commit(&records)?;
    }
    if let Some(snapshot) = snapshot {
        journal.snapshot(&snapshot)?;
    }
    records.clear();
    Ok(Durable { after, records, wants_snapshot: journal.wants_snapshot() })
}
