//! Failures: an attempt that came to nothing, by the class of its last error.

use std::sync::Arc;

use bytes::Bytes;

use crate::core::{Core, Speaker};
use crate::effect::{Acked, Effects};
use crate::fact::{Fact, OpenJob, RetryPolicy, ReturnCause};
use crate::ids::{LeaseKey, Millis};
use crate::lease::Standing;
use crate::outcome::{FailureClass, Outcome};
use crate::turn::ack;
use crate::usage::Usage;

/// The longest message kept of a failure, in bytes: a provider's error and its context; a million failed jobs stay
/// below 4 GiB.
const MAX_MESSAGE_BYTES: usize = 4_096;

/// What a worker says of a failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: FailureClass,
    pub(crate) usage: Usage,
    pub(crate) retry_after_ms: u64,
    pub(crate) message: Arc<str>,
}

/// What becomes of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disposition {
    /// It ends.
    End(Outcome),
    /// It is granted again, from this moment on; zero: at once.
    Again(Millis),
    /// It is granted again once its lane, which is stopped, is opened again.
    Stop,
}

// === impl Core ===

impl Core {
    /// An attempt failed.
    pub(crate) fn failure(
        &mut self,
        now: Millis,
        speaker: Speaker,
        lease: LeaseKey,
        failure: &Failure,
        effects: &mut Effects,
    ) {
        let standing = self.standing(lease, speaker.1);
        match &standing {
            Standing::Current(job) => self.fail(now, lease, job, failure, effects),
            Standing::Late(job) if !job.over => {
                self.record(Fact::Reinstated { lease, worker: speaker.1 }, effects);
                self.fail(now, lease, job, failure, effects);
            }
            Standing::Late(_) | Standing::Over => {}
            _ => return self.refuse(speaker, lease, &standing, failure.usage, effects),
        }
        if failure.class == FailureClass::Preempted {
            self.sate(speaker.0);
        }
        ack(speaker, lease, Acked::End, effects);
    }

    fn fail(
        &mut self,
        now: Millis,
        lease: LeaseKey,
        job: &OpenJob,
        failure: &Failure,
        effects: &mut Effects,
    ) {
        let Some(policy) = self.sweeps.get(&lease.job.sweep).map(|sweep| sweep.spec.retry) else { return };
        let retry_after_ms = failure.retry_after_ms.min(self.config.max_wait_ms);
        let cause = ReturnCause::Failed(failure.class);
        match disposition(failure.class, job.strikes, &policy, now, retry_after_ms) {
            Disposition::End(outcome) => {
                let mut usage = job.usage;
                usage.add(&failure.usage);
                let detail = Bytes::copy_from_slice(clipped(&failure.message).as_bytes());
                self.commit(now, lease, outcome, job.turns, usage, detail, effects);
            }
            Disposition::Again(not_before) => {
                self.give_back(lease, cause, not_before, failure.usage, effects);
            }
            Disposition::Stop => {
                self.give_back(lease, cause, Millis(0), failure.usage, effects);
                self.stop_lane(lease, clipped(&failure.message), effects);
            }
        }
    }

    /// Stops a lane. Its other leases run on: their calls are in flight and may yet be answered, and paid; those that
    /// fail alike come back by themselves.
    fn stop_lane(&mut self, failed: LeaseKey, reason: &str, effects: &mut Effects) {
        let (sweep, lane) = (failed.job.sweep, failed.job.lane);
        let found = self.sweeps.get(&sweep).and_then(|sweep| sweep.lane(lane));
        if found.is_some_and(|lane| lane.stopped.is_none()) {
            self.record(Fact::LaneStopped { sweep, lane, reason: reason.into() }, effects);
        }
    }
}

fn disposition(
    class: FailureClass,
    strikes: u32,
    policy: &RetryPolicy,
    now: Millis,
    retry_after_ms: u64,
) -> Disposition {
    match class {
        FailureClass::Transient if strikes >= policy.max_strikes => Disposition::End(Outcome::Failed(class)),
        FailureClass::Transient => {
            Disposition::Again(now.plus(backoff_ms(strikes, policy).max(retry_after_ms)))
        }
        FailureClass::RateLimited | FailureClass::Overloaded => {
            Disposition::Again(now.plus(policy.backoff_ms.max(retry_after_ms)))
        }
        FailureClass::Preempted => Disposition::Again(Millis(0)),
        FailureClass::Quota if retry_after_ms > 0 => Disposition::Again(now.plus(retry_after_ms)),
        FailureClass::Config | FailureClass::Quota => Disposition::Stop,
        FailureClass::BadRequest | FailureClass::Engine => Disposition::End(Outcome::Failed(class)),
    }
}

/// The wait after a strike, with `strikes` before it: doubles with each, up to the longest.
fn backoff_ms(strikes: u32, policy: &RetryPolicy) -> u64 {
    let factor = 1u64.checked_shl(strikes).unwrap_or(u64::MAX);
    policy.backoff_ms.saturating_mul(factor).min(policy.backoff_max_ms)
}

/// A message's beginning, cut at a character's end.
fn clipped(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_never_overflow() {
        let policy = RetryPolicy::default();
        let waits = [0, 1, 2, 5, 63, 64, u32::MAX].map(|strikes| backoff_ms(strikes, &policy));
        assert_eq!(waits, [2_000, 4_000, 8_000, 60_000, 60_000, 60_000, 60_000]);
    }

    #[test]
    fn a_providers_hint_is_never_undercut() {
        let policy = RetryPolicy::default();
        for class in [FailureClass::Transient, FailureClass::RateLimited, FailureClass::Overloaded] {
            let hinted = disposition(class, 0, &policy, Millis(10), 90_000);
            assert_eq!(hinted, Disposition::Again(Millis(90_010)), "{class:?}");
        }
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let long = "é".repeat(MAX_MESSAGE_BYTES);
        assert_eq!(clipped(&format!("x{long}")).len(), MAX_MESSAGE_BYTES - 1);
        assert_eq!(clipped("short"), "short");
    }
}
