//! The coordinator's process: the real core, a journal that keeps what was fsynced, and the driver's order of things:
//! a batch is made durable, then what follows from it is said.

use std::collections::BTreeMap;

use muster_core::{Core, CoreConfig, Effect, Effects, Fact, Input, Millis, Record, SessionId, Snapshot};

use crate::climate::{Climate, Dice};
use crate::clock::Clock;

/// What is on the disk.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) records: Vec<Record>,
    /// Snapshots, and how many records each stands for.
    snapshots: Vec<(usize, Snapshot)>,
}

/// A coordinator, up or down.
pub(crate) struct Coordinator {
    /// None: it is down.
    pub(crate) core: Option<Core>,
    /// Which process of it this is.
    pub(crate) boot: u64,
    pub(crate) journal: Journal,
    /// Whether it has begun its term durably, and takes connections.
    pub(crate) is_open: bool,
    /// What is being made durable.
    batch: Option<Effects>,
    /// What gathers meanwhile.
    pub(crate) gathering: Effects,
    /// The clock of the machine that it runs on.
    pub(crate) clock: Clock,
    /// Credits of each session that were not yet granted on.
    credits: BTreeMap<SessionId, u64>,
    /// The earliest tick that is under way.
    pub(crate) tick_at: Option<u64>,
}

// === impl Journal ===

impl Journal {
    /// What a start rebuilds, from a snapshot or from nothing.
    fn recover(&self, from_snapshot: bool, dice: &mut Dice) -> Core {
        let found = if from_snapshot { dice.pick(&self.snapshots) } else { None };
        let (mut core, rest) = match found {
            Some((count, snapshot)) => {
                (Core::restore(CoreConfig::default(), snapshot), &self.records[*count..])
            }
            None => (Core::new(CoreConfig::default()), &self.records[..]),
        };
        for record in rest {
            match record {
                Record::Fact(fact) => core.apply(fact),
                Record::Turn(turn) => core.apply_turn(turn.lease, turn.index, &turn.usage),
            }
        }
        core
    }
}

// === impl Coordinator ===

impl Coordinator {
    pub(crate) fn new() -> Self {
        Self {
            core: None,
            boot: 0,
            journal: Journal::default(),
            is_open: false,
            batch: None,
            gathering: Effects::default(),
            clock: Clock::default(),
            credits: BTreeMap::new(),
            tick_at: None,
        }
    }

    /// A new process begins, perhaps on another machine.
    pub(crate) fn boot(&mut self, now: u64, climate: &Climate, dice: &mut Dice) {
        let from_snapshot = dice.chance(climate.snapshot);
        let mut core = self.journal.recover(from_snapshot, dice);
        self.clock = Clock::drawn(climate, dice);
        // A core that takes itself for two seconds old waits for no share of its predecessor's.
        let age_ms = if climate.grants_at_once { 2_000 } else { 0 };
        core.begin(Millis(self.clock.shows(now) - age_ms), &mut self.gathering);
        self.core = Some(core);
        self.boot += 1;
    }

    /// The process dies. Of the batch under way some first records may have reached the disk; these are returned.
    pub(crate) fn crash(&mut self, dice: &mut Dice) -> Vec<Record> {
        let mut torn = self.batch.take().unwrap_or_default().records;
        torn.truncate(dice.up_to(torn.len() as u64) as usize);
        self.core = None;
        self.is_open = false;
        self.gathering = Effects::default();
        self.credits.clear();
        self.tick_at = None;
        self.journal.records.extend(torn.iter().cloned());
        torn
    }

    /// An event reaches the core.
    pub(crate) fn step(&mut self, now: u64, input: Input) {
        let Some(core) = &mut self.core else { return };
        if let Input::Want { session, credits } = &input {
            *self.credits.entry(*session).or_default() += u64::from(*credits);
        }
        core.step(Millis(self.clock.shows(now)), input, &mut self.gathering);
    }

    /// Begins to make durable what gathered, if the disk is free; whether it did.
    pub(crate) fn flush(&mut self) -> bool {
        if self.core.is_none() || self.batch.is_some() {
            return false;
        }
        if self.gathering.records.is_empty() && self.gathering.after.is_empty() {
            return false;
        }
        self.batch = Some(std::mem::take(&mut self.gathering));
        true
    }

    /// The batch is durable: its records, and what may be said now.
    pub(crate) fn synced(&mut self, climate: &Climate) -> (Vec<Record>, Vec<Effect>) {
        let mut batch = self.batch.take().unwrap_or_default();
        if climate.forgets_turns {
            batch.records.retain(|record| matches!(record, Record::Fact(_)));
        }
        let is_kept =
            |record: &&Record| !climate.forgets_holds || !matches!(record, Record::Fact(Fact::Held { .. }));
        self.journal.records.extend(batch.records.iter().filter(is_kept).cloned());
        let began = |record: &Record| matches!(record, Record::Fact(Fact::TermBegan { .. }));
        self.is_open |= batch.records.iter().any(began);
        (batch.records, batch.after)
    }

    /// Whether it is open, and all that it knows is durable.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_open && self.batch.is_none() && self.gathering.records.is_empty()
    }

    /// What may be said of the batch under way, taken before its time.
    pub(crate) fn say_early(&mut self) -> Vec<Effect> {
        self.batch.as_mut().map(|batch| std::mem::take(&mut batch.after)).unwrap_or_default()
    }

    /// Keeps a snapshot, which is good only while nothing is under way.
    pub(crate) fn snapshot(&mut self) {
        if let (Some(core), None) = (&self.core, &self.batch)
            && self.gathering.records.is_empty()
        {
            self.journal.snapshots.push((self.journal.records.len(), core.snapshot()));
        }
    }

    /// A session is granted a job: it must have asked for it.
    pub(crate) fn spend_credit(&mut self, session: SessionId) {
        let left = self.credits.entry(session).or_default();
        assert!(*left > 0, "session {session} is granted more than it asked for");
        *left -= 1;
    }

    /// What a start from the first record would rebuild.
    pub(crate) fn rebuilt(&self, dice: &mut Dice) -> Snapshot {
        self.journal.recover(false, dice).snapshot()
    }
}
