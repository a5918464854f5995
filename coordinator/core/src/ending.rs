//! Outcomes: exactly one is committed per job and generation.

use bytes::Bytes;

use crate::core::{Core, Speaker};
use crate::effect::{Acked, Effects};
use crate::fact::Fact;
use crate::ids::{LeaseKey, Millis, TurnIndex};
use crate::lease::Standing;
use crate::outcome::Outcome;
use crate::turn::ack;
use crate::usage::Usage;

// === impl Core ===

impl Core {
    /// An episode ended with a result.
    #[expect(clippy::too_many_arguments, reason = "an outcome has as many parts")]
    pub(crate) fn ending(
        &mut self,
        now: Millis,
        speaker: Speaker,
        lease: LeaseKey,
        outcome: Outcome,
        turns: TurnIndex,
        detail: Bytes,
        effects: &mut Effects,
    ) {
        let standing = self.standing(lease, speaker.1);
        if !outcome.is_result() {
            return self.breach(speaker, lease, &standing, Usage::default(), effects);
        }
        match &standing {
            Standing::Current(job) | Standing::Late(job) if job.turns != turns => {
                let lost = u64::from(turns.0.saturating_sub(job.turns.0));
                let unseen = Usage { paid_twice: lost, ..Usage::default() };
                return self.breach(speaker, lease, &standing, unseen, effects);
            }
            Standing::Current(job) => self.commit(now, lease, outcome, turns, job.usage, detail, effects),
            Standing::Late(job) => {
                self.record(Fact::Reinstated { lease, worker: speaker.1 }, effects);
                self.commit(now, lease, outcome, turns, job.usage, detail, effects);
            }
            Standing::Over => {}
            _ => return self.refuse(speaker, lease, &standing, Usage::default(), effects),
        }
        ack(speaker, lease, Acked::End, effects);
    }

    /// Ends a leased job.
    #[expect(clippy::too_many_arguments, reason = "the fact has as many parts")]
    pub(crate) fn commit(
        &mut self,
        at: Millis,
        lease: LeaseKey,
        outcome: Outcome,
        turns: TurnIndex,
        usage: Usage,
        detail: Bytes,
        effects: &mut Effects,
    ) {
        self.record(Fact::Ended { lease, outcome, turns, usage, at, detail }, effects);
    }
}
