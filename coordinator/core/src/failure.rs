//! Failures: an attempt that came to nothing, by the class of its last error.

use std::sync::Arc;

use bytes::Bytes;

use crate::core::{Core, Speaker};
use crate::effect::{Acked, Effects};
use crate::fact::{Fact, OpenJob, RetryPolicy, ReturnCause, Scope};
use crate::ids::{Attempt, LeaseKey, Millis};
use crate::lease::Standing;
use crate::outcome::{FailureClass, Outcome};
use crate::turn::ack;
use crate::usage::Usage;

/// The longest message kept of a failure, in bytes: a provider's error and its context; a million failed jobs stay
/// below 4 GiB.
const MAX_MESSAGE_BYTES: usize = 4_096;

/// A job that was given to a worker so often and still finds no capacity ends, whatever becomes of others: at ten
/// minutes an attempt that is a day and a half.
const MAX_ATTEMPTS: Attempt = Attempt(200);

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
    /// The same, and all lanes of its account are stopped.
    StopAccount,
    /// It is granted again once its scope, which is silent for as long as was asked for, goes on.
    Silence,
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
        let stalled = self.is_alone_in_waiting(now, lease, failure.class);
        let cause =
            if stalled { ReturnCause::Stalled(failure.class) } else { ReturnCause::Failed(failure.class) };
        match disposition(failure.class, job, stalled, &policy, now, retry_after_ms) {
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
                self.stop_lane(lease.job.sweep, lease.job.lane, clipped(&failure.message), effects);
            }
            Disposition::StopAccount => {
                self.give_back(lease, cause, Millis(0), failure.usage, effects);
                if let Some(scope) = self.scope_of(lease) {
                    self.stop_account(&scope.account, clipped(&failure.message), effects);
                }
            }
            Disposition::Silence => {
                self.give_back(lease, cause, now.plus(retry_after_ms), failure.usage, effects);
                if let Some(scope) = self.scope_of(lease) {
                    self.silence(now, scope, retry_after_ms, effects);
                }
            }
        }
    }

    fn scope_of(&self, lease: LeaseKey) -> Option<Scope> {
        let lane = self.sweeps.get(&lease.job.sweep)?.lane(lease.job.lane)?;
        Some(lane.scope.clone())
    }

    /// Whether a job was turned away for want of capacity while calls of others of its scope were answered: then it may
    /// be the request, and not the provider, that is at fault.
    fn is_alone_in_waiting(&self, now: Millis, lease: LeaseKey, class: FailureClass) -> bool {
        let lane = self.sweeps.get(&lease.job.sweep).and_then(|sweep| sweep.lane(lease.job.lane));
        let scope = lane.and_then(|lane| self.scopes.get(lane.scope_at));
        matches!(class, FailureClass::RateLimited | FailureClass::Overloaded)
            && scope.is_some_and(|scope| scope.answers_others(now, lease.job))
    }
}

fn disposition(
    class: FailureClass,
    job: &OpenJob,
    stalled: bool,
    policy: &RetryPolicy,
    now: Millis,
    retry_after_ms: u64,
) -> Disposition {
    match class {
        FailureClass::Transient if job.strikes >= policy.max_strikes => {
            Disposition::End(Outcome::Failed(class))
        }
        FailureClass::Transient => {
            Disposition::Again(now.plus(backoff_ms(job.strikes, policy).max(retry_after_ms)))
        }
        FailureClass::RateLimited | FailureClass::Overloaded => {
            let hopeless = stalled && job.stalls >= policy.max_stalls;
            if hopeless || job.attempt >= MAX_ATTEMPTS {
                return Disposition::End(Outcome::Failed(class));
            }
            Disposition::Again(now.plus(policy.backoff_ms.max(retry_after_ms)))
        }
        FailureClass::Preempted => Disposition::Again(Millis(0)),
        FailureClass::Quota if retry_after_ms > 0 => Disposition::Silence,
        FailureClass::Quota => Disposition::StopAccount,
        FailureClass::Config => Disposition::Stop,
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
    use crate::fact::Place;
    use crate::ids::{Generation, Ordinal, TurnIndex};

    fn job() -> OpenJob {
        OpenJob {
            ordinal: Ordinal(0),
            generation: Generation(0),
            attempt: Attempt(1),
            turns: TurnIndex(0),
            turns_at_grant: TurnIndex(0),
            strikes: 0,
            deaths: 0,
            stalls: 0,
            over: false,
            usage: Usage::default(),
            place: Place::Pending,
        }
    }

    #[test]
    fn a_request_that_is_turned_away_while_others_are_answered_ends_after_a_bounded_number_of_attempts() {
        let policy = RetryPolicy::default();
        let dies = |stalls, attempt, stalled| {
            let job = OpenJob { stalls, attempt: Attempt(attempt), ..job() };
            let class = FailureClass::Overloaded;
            let found = disposition(class, &job, stalled, &policy, Millis(0), 0);
            found == Disposition::End(Outcome::Failed(class))
        };
        assert!(!dies(7, 9, true) && dies(8, 9, true));
        assert!(!dies(8, 199, false) && dies(0, 200, false));
    }

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
            let hinted = disposition(class, &job(), true, &policy, Millis(10), 90_000);
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
