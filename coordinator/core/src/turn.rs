//! Turns: paid answers. Stored in order, without gaps, under the newest attempt only.

use bytes::Bytes;

use crate::core::{Core, Speaker};
use crate::effect::{Acked, Effect, Effects};
use crate::fact::{Fact, Record, ReturnCause, TurnRecord};
use crate::ids::{LeaseKey, Millis, TurnIndex};
use crate::lease::Standing;
use crate::usage::Usage;

// === impl Core ===

impl Core {
    /// A call was answered.
    pub(crate) fn turn(
        &mut self,
        speaker: Speaker,
        lease: LeaseKey,
        index: TurnIndex,
        usage: Usage,
        body: Bytes,
        effects: &mut Effects,
    ) {
        let standing = self.standing(lease, speaker.1);
        let stored = match &standing {
            Standing::Current(job) | Standing::Late(job) => job.turns,
            Standing::Over => return ack(speaker, lease, Acked::Turns(after(index)), effects),
            _ => return self.refuse(speaker, lease, &standing, usage, effects),
        };
        if index < stored {
            return ack(speaker, lease, Acked::Turns(stored), effects);
        }
        if index > stored || index == TurnIndex(u32::MAX) {
            return self.breach(speaker, lease, &standing, usage, effects);
        }
        let turn = TurnRecord { lease, index, usage, body };
        match standing {
            Standing::Late(_) => self.store_late(speaker, turn, effects),
            _ => self.store(turn, effects),
        }
        ack(speaker, lease, Acked::Turns(after(index)), effects);
    }

    fn store(&mut self, turn: TurnRecord, effects: &mut Effects) {
        self.apply_turn(turn.lease, turn.index, &turn.usage);
        effects.records.push(Record::Turn(turn));
    }

    /// A turn of a lease that was lost is kept, but the lease is not: a worker that still runs the episode has named it
    /// in its hello and holds it again, so this one only emptied its spool. A wait that is not over goes on.
    fn store_late(&mut self, (_, worker): Speaker, turn: TurnRecord, effects: &mut Effects) {
        let lease = turn.lease;
        let lane = self.sweeps.get(&lease.job.sweep).and_then(|sweep| sweep.lane(lease.job.lane));
        let waits_until = lane.and_then(|lane| lane.waiting.get(&lease.job.ordinal).copied());
        self.record(Fact::Reinstated { lease, worker }, effects);
        self.store(turn, effects);
        let not_before = waits_until.unwrap_or(Millis(0));
        self.give_back(lease, ReturnCause::Disowned, not_before, Usage::default(), effects);
    }

    /// The attempt can't go on from the turns stored. It begins anew from its grant or not at all, so once it has begun
    /// anew from nothing, the same said again is a duplicate, whatever it has gained since.
    pub(crate) fn restart(&mut self, speaker: Speaker, lease: LeaseKey, effects: &mut Effects) {
        let standing = self.standing(lease, speaker.1);
        match &standing {
            Standing::Current(job) => {
                if job.turns_at_grant > TurnIndex(0) {
                    self.record(Fact::Restarted { lease }, effects);
                }
            }
            Standing::Late(job) if job.turns == TurnIndex(0) => {}
            Standing::Over => {}
            _ => return self.refuse(speaker, lease, &standing, Usage::default(), effects),
        }
        ack(speaker, lease, Acked::Restart, effects);
    }
}

fn after(index: TurnIndex) -> TurnIndex {
    TurnIndex(index.0.saturating_add(1))
}

/// Says that something of a lease is durable, once it is.
pub(crate) fn ack((session, _): Speaker, lease: LeaseKey, what: Acked, effects: &mut Effects) {
    effects.after.push(Effect::Ack { session, lease, what });
}
