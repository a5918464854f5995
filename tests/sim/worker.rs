//! A worker's process: episodes in slots, a spool that outlives it, and the rules of the wire.

use std::collections::BTreeMap;

use muster_core::{Acked, CallId, FailureClass, JobKey, LeaseKey, Outcome, TurnIndex, Usage};

use crate::clock::Clock;
use crate::plan::Bill;
use crate::shares::Shares;
use crate::wire::{Body, Item};

/// What an episode does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for a while before its next try, by this number.
    Resting(u64),
    /// It waits for leave to send this call.
    Asking(CallId),
    /// It has leave to send this call until then, by its worker's clock.
    Leaving(CallId, u64),
    /// It waits for the provider, in the call of this number.
    Calling(u64),
    /// It waits until its restart is durable.
    Restarting,
    /// It waits until its last turn is durable.
    Storing,
    /// It waits until its end is durable.
    Ending,
}

#[derive(Debug)]
pub(crate) struct Episode {
    pub(crate) transcript: Vec<Body>,
    pub(crate) phase: Phase,
    /// Its call under way, or asked for.
    pub(crate) bill: Bill,
    /// What that had leave by, if it needed any.
    pub(crate) asked: Option<CallId>,
    /// Calls since the last turn whose answers were lost.
    pub(crate) in_vain: u64,
}

/// What an episode is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Call the model.
    Call,
    /// Nothing before something else has happened.
    Wait,
    /// Its slot is free.
    Free,
}

#[derive(Debug, Default)]
pub(crate) struct Worker {
    /// Which process of it this is.
    pub(crate) life: u64,
    pub(crate) is_up: bool,
    pub(crate) is_draining: bool,
    pub(crate) link: Option<usize>,
    pub(crate) slots: u32,
    pub(crate) episodes: BTreeMap<LeaseKey, Episode>,
    /// What is not acknowledged. While it is connected this is in memory alone.
    pub(crate) outbox: BTreeMap<LeaseKey, Vec<Item>>,
    /// Jobs that the last process died of.
    pub(crate) suspects: Vec<JobKey>,
    /// Whether this process leaves out of its hello what it found in the spool.
    pub(crate) is_forgetful: bool,
    pub(crate) clock: Clock,
    pub(crate) shares: Shares,
}

/// How many turns a job's episode takes.
pub(crate) fn length_of(job: JobKey, most: u32) -> u32 {
    (scramble(job) % (u64::from(most) + 1)) as u32
}

/// How a job's episode ends.
pub(crate) fn outcome_of(job: JobKey) -> Outcome {
    match scramble(job) / 64 % 8 {
        0 => Outcome::Limit,
        1 => Outcome::Refused,
        _ => Outcome::Completed,
    }
}

/// Whether a job kills whoever runs it.
pub(crate) fn is_poison(job: JobKey, chance: f64) -> bool {
    (scramble(job) / 4_096 % 1_000) as f64 / 1_000.0 < chance
}

/// A number that is the job's own.
fn scramble(job: JobKey) -> u64 {
    let mixed = job.sweep.0 * 1_000_003 + u64::from(job.lane.0) * 10_007 + job.ordinal.0;
    let spread = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    spread ^ (spread >> 29)
}

// === impl Episode ===

impl Episode {
    pub(crate) fn new(transcript: Vec<Body>) -> Self {
        Self { transcript, phase: Phase::Restarting, bill: Bill::default(), asked: None, in_vain: 0 }
    }
}

// === impl Worker ===

impl Worker {
    /// The process dies. What it had not spooled is gone; it spools only while it is cut off.
    pub(crate) fn die(&mut self) {
        if self.link.take().is_some() {
            self.outbox.clear();
        }
        self.life += 1;
        self.is_up = false;
        self.is_draining = false;
        self.episodes.clear();
    }

    /// A new process begins: it gives back what the last one left unfinished.
    pub(crate) fn rise(&mut self, is_forgetful: bool) {
        self.is_up = true;
        self.shares = Shares::of_process(self.life);
        self.is_forgetful = is_forgetful;
        for items in self.outbox.values_mut() {
            if !items.iter().any(|item| matches!(item, Item::Outcome { .. } | Item::Failure { .. })) {
                items.push(given_back());
            }
        }
    }

    /// The leases that it names in its hello.
    pub(crate) fn held(&self) -> Vec<LeaseKey> {
        let mut held: Vec<LeaseKey> = self.episodes.keys().copied().collect();
        if !self.is_forgetful {
            held.extend(self.outbox.keys());
        }
        held.sort_unstable();
        held.dedup();
        held
    }

    pub(crate) fn free_slots(&self) -> u32 {
        self.slots.saturating_sub(self.episodes.len() as u32)
    }

    /// Keeps something until it is acknowledged.
    pub(crate) fn keep(&mut self, lease: LeaseKey, item: Item) {
        self.outbox.entry(lease).or_default().push(item);
    }

    /// Something is durable. What the episode does next, and the outcome that was acknowledged, if one was.
    pub(crate) fn acknowledge(&mut self, lease: LeaseKey, what: Acked) -> (Next, Option<Outcome>) {
        let outcome = self.settle(lease, what);
        let Some(episode) = self.episodes.get_mut(&lease) else { return (Next::Wait, outcome) };
        let next = match what {
            Acked::Turns(turns)
                if episode.phase == Phase::Storing && turns.0 as usize >= episode.transcript.len() =>
            {
                Next::Call
            }
            Acked::Restart if episode.phase == Phase::Restarting => {
                episode.transcript.clear();
                Next::Call
            }
            Acked::End => {
                self.episodes.remove(&lease);
                Next::Free
            }
            _ => Next::Wait,
        };
        (next, outcome)
    }

    /// Drops what is acknowledged from the outbox.
    fn settle(&mut self, lease: LeaseKey, what: Acked) -> Option<Outcome> {
        let items = self.outbox.get_mut(&lease)?;
        let outcome = items.iter().find_map(|item| match item {
            Item::Outcome { outcome, .. } if what == Acked::End => Some(*outcome),
            _ => None,
        });
        items.retain(|item| match (item, what) {
            (_, Acked::End) | (Item::Restart, Acked::Restart) => false,
            (Item::Turn { index, .. }, Acked::Turns(turns)) => *index >= turns,
            _ => true,
        });
        if items.is_empty() {
            self.outbox.remove(&lease);
        }
        outcome
    }

    /// A lease is lost; what ran of it.
    pub(crate) fn revoke(&mut self, lease: LeaseKey) -> Option<Episode> {
        self.outbox.remove(&lease);
        self.episodes.remove(&lease)
    }
}

/// A lease given back by its worker.
pub(crate) fn given_back() -> Item {
    Item::Failure { class: FailureClass::Preempted, usage: Usage::default() }
}

/// A turn after those of a transcript.
pub(crate) fn turn_after(transcript: &[Body], call: u64) -> (TurnIndex, Body) {
    let previous = transcript.last().map_or(0, |last| last.call);
    (TurnIndex(transcript.len() as u32), Body { call, previous })
}
