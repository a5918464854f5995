//! One slot's work on one lease: the episode from its stored turns to its end, each paid answer acknowledged as durable
//! before the next call is made.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use muster_episode::{Call, Episode, Finish, FinishKind, JobPlan, Step};
use muster_proto::v1;
use muster_proto::v1::worker_event::Event;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::caller::{Answered, Caller, Terms};
use crate::classify::ErrorClass;
use crate::desk::{Desk, Drain, Progress};
use crate::error::CallError;
use crate::gate::Errand;
use crate::lease::Lease;
use crate::providers::Conversation;
use crate::sweeps::Sweep;

/// See the module.
pub(crate) struct Slot {
    pub(crate) desk: Arc<Desk>,
    pub(crate) lease: Lease,
    pub(crate) slot: usize,
    pub(crate) acknowledged: watch::Receiver<Progress>,
    pub(crate) cancel: CancellationToken,
    pub(crate) drain: watch::Receiver<Drain>,
    /// Cancels the call in flight when the worker is to end at once.
    pub(crate) hurry: CancellationToken,
    /// Whether a turn was stored under this lease. A death after that never counts against the job, so it needs no
    /// evidence.
    pub(crate) has_gained: bool,
    /// What a call used whose turn is not said yet: if the engine fails on the answer, it was paid in vain.
    pub(crate) unsaid: Option<v1::Usage>,
}

/// Why a slot's work ends before the episode's end.
enum Stop {
    /// The attempt failed; the coordinator is to be told.
    Failed(Box<Event>),
    /// The lease is lost: there is nobody to tell.
    Lost,
}

// === impl Slot ===

impl Slot {
    /// Runs until the episode's end is acknowledged, or the lease is lost.
    pub(crate) async fn run(mut self, turns: Vec<Bytes>) {
        // A panic in here is a bug of ours, and this job's alone: it must take no other episode with it.
        let played = AssertUnwindSafe(self.play(turns)).catch_unwind().await;
        let last = match played {
            Ok(Ok(end)) => Some(end),
            Ok(Err(Stop::Failed(failure))) => Some(*failure),
            Ok(Err(Stop::Lost)) => None,
            Err(_) => Some(self.broken("the episode's engine panicked: please report it")),
        };
        if let Some(event) = last {
            self.desk.say(event);
            drop(self.acknowledged(|progress| progress.ended).await);
        }
        self.desk.finished(self.lease);
    }

    async fn play(&mut self, turns: Vec<Bytes>) -> Result<Event, Stop> {
        let (plan, sweep, caller) = self.prepare().await?;
        let mut episode = self.begin(plan, turns).await?;
        let mut conversation = Conversation::default();
        loop {
            let answered = match episode.next() {
                Step::Finished(finish) => return Ok(end(self.lease, &episode, finish)),
                Step::Call(call) => {
                    let turn = index(episode.turns().len());
                    self.call(&sweep, &caller, &mut conversation, turn, &call).await?
                }
            };
            self.store(&mut episode, answered)?;
            if matches!(episode.next(), Step::Call(_)) {
                let stored = index(episode.turns().len());
                self.acknowledged(|progress| progress.turns >= stored).await?;
                self.has_gained = true;
            }
        }
    }

    async fn prepare(&mut self) -> Result<(Arc<JobPlan>, Arc<Sweep>, Arc<Caller>), Stop> {
        let sweep = tokio::select! {
            sweep = self.desk.sweeps.get(self.lease.sweep) => sweep,
            () = self.cancel.cancelled() => return Err(Stop::Lost),
            () = reached(&mut self.drain, Drain::Finish) => {
                return Err(Stop::Failed(Box::new(preempted(self.lease, 0))));
            }
        };
        let sweep = sweep.map_err(|error| self.failed(error.class, &error.message))?;
        let caller = sweep
            .caller(self.lease.lane, &self.desk)
            .map_err(|error| self.failed(v1::FailureClass::Config, &error))?;
        let _at_work = self.desk.blackbox.enter(self.slot, &self.lease.job());
        let plan = sweep
            .expander
            .job(self.lease.lane, self.lease.ordinal)
            .map_err(|error| self.failed(v1::FailureClass::Engine, &error.to_string()))?;
        Ok((plan, sweep, caller))
    }

    /// Goes on from the stored turns; where they don't replay to what they were, begins anew and says so.
    async fn begin(&mut self, plan: Arc<JobPlan>, turns: Vec<Bytes>) -> Result<Episode, Stop> {
        if turns.is_empty() {
            return Ok(Episode::begin(plan));
        }
        let resumed = {
            let _at_work = self.desk.blackbox.enter(self.slot, &self.lease.job());
            Episode::resume(Arc::clone(&plan), &turns)
        };
        match resumed {
            Ok(episode) => Ok(episode),
            Err(error) => {
                tracing::warn!(lease = %self.lease, %error, "stored turns can't be gone on from: beginning anew");
                self.desk.say(Event::Restart(v1::Restart { lease: Some(self.lease.to_wire()) }));
                self.acknowledged(|progress| progress.restarted).await?;
                Ok(Episode::begin(plan))
            }
        }
    }

    async fn call(
        &mut self,
        sweep: &Sweep,
        caller: &Caller,
        conversation: &mut Conversation,
        turn: u32,
        call: &Call<'_>,
    ) -> Result<Answered, Stop> {
        if *self.drain.borrow() != Drain::No {
            return Err(Stop::Failed(Box::new(preempted(self.lease, 0))));
        }
        let terms = Terms {
            limits: &sweep.limits,
            cancel: &self.hurry,
            give_up: self.desk.giving_up(),
            errand: Some(Errand { lease: self.lease, turn }),
        };
        let calling = caller.call_within(&terms, conversation, call);
        tokio::pin!(calling);
        let result = tokio::select! {
            result = &mut calling => result,
            () = self.cancel.cancelled() => return Err(Stop::Lost),
            () = reached(&mut self.drain, Drain::Hurry) => {
                self.hurry.cancel();
                calling.await
            }
        };
        result.map_err(|error| Stop::Failed(Box::new(self.failure_of(&error))))
    }

    fn store(&mut self, episode: &mut Episode, answered: Answered) -> Result<(), Stop> {
        let place = index(episode.turns().len());
        let usage = usage_of(&answered);
        self.unsaid = Some(usage);
        // Before it is fed: what goes on in the conversation and what is stored must be the same.
        let reply = self.desk.sweeps.redacted(answered.reply);
        let body = {
            let blackbox = &self.desk.blackbox;
            let _at_work = (!self.has_gained).then(|| blackbox.enter(self.slot, &self.lease.job()));
            episode.feed(reply, answered.meter)
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => return Err(Stop::Failed(Box::new(self.broken(&error.to_string())))),
        };
        self.desk.say(Event::Turn(v1::Turn {
            lease: Some(self.lease.to_wire()),
            index: place,
            usage: Some(usage),
            body,
        }));
        self.unsaid = None;
        Ok(())
    }

    /// Waits until the coordinator has acknowledged so much; not for a lease that is lost, and not when the worker is to
    /// end: what was said is in the outbox, and outlives the process in the spool.
    async fn acknowledged(&mut self, enough: impl FnMut(&Progress) -> bool) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stop::Lost),
            known = self.acknowledged.wait_for(enough) => known.map(drop).map_err(|_| Stop::Lost),
            () = reached(&mut self.drain, Drain::Finish) => Err(Stop::Failed(Box::new(preempted(self.lease, 0)))),
        }
    }

    /// The engine failed: an answer that it had in hand was paid in vain.
    fn broken(&mut self, message: &str) -> Event {
        let lost = self.unsaid.take().map(|usage| v1::Usage {
            model_calls: 0,
            paid_twice: usage.paid_twice + usage.model_calls,
            ..usage
        });
        Event::Failure(v1::Failure {
            lease: Some(self.lease.to_wire()),
            class: v1::FailureClass::Engine.into(),
            usage: lost,
            retry_after_ms: 0,
            message: message.to_owned(),
        })
    }

    fn failed(&self, class: v1::FailureClass, message: &str) -> Stop {
        Stop::Failed(Box::new(failure(self.lease, class, message)))
    }

    fn failure_of(&self, error: &CallError) -> Event {
        let class = match error.class {
            ErrorClass::Transient => v1::FailureClass::Transient,
            ErrorClass::RateLimited => v1::FailureClass::RateLimited,
            ErrorClass::Overloaded => v1::FailureClass::Overloaded,
            ErrorClass::Quota => v1::FailureClass::Quota,
            ErrorClass::Config => v1::FailureClass::Config,
            ErrorClass::BadRequest => v1::FailureClass::BadRequest,
            ErrorClass::Cancelled => v1::FailureClass::Preempted,
        };
        let usage = v1::Usage {
            retries: u64::from(error.tries.saturating_sub(1)),
            rate_limited: u64::from(error.rate_limited),
            paid_twice: u64::from(error.maybe_paid),
            lost_micro_usd: error.lost_micro_usd,
            ..v1::Usage::default()
        };
        let retry_after =
            error.retry_after.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        Event::Failure(v1::Failure {
            lease: Some(self.lease.to_wire()),
            class: class.into(),
            usage: Some(usage),
            retry_after_ms: retry_after,
            message: error.message.clone(),
        })
    }
}

/// Resolves when the worker has gone so far in ending.
async fn reached(drain: &mut watch::Receiver<Drain>, how: Drain) {
    // The desk that sends outlives its slots.
    drop(drain.wait_for(|drain| *drain >= how).await);
}

/// A lease given back, with the calls that may have been paid in vain.
pub(crate) fn preempted(lease: Lease, paid_twice: u64) -> Event {
    Event::Failure(v1::Failure {
        lease: Some(lease.to_wire()),
        class: v1::FailureClass::Preempted.into(),
        usage: Some(v1::Usage { paid_twice, ..v1::Usage::default() }),
        retry_after_ms: 0,
        message: "given back by its worker".to_owned(),
    })
}

fn failure(lease: Lease, class: v1::FailureClass, message: &str) -> Event {
    Event::Failure(v1::Failure {
        lease: Some(lease.to_wire()),
        class: class.into(),
        usage: Some(v1::Usage::default()),
        retry_after_ms: 0,
        message: message.to_owned(),
    })
}

fn usage_of(answered: &Answered) -> v1::Usage {
    let meter = &answered.meter;
    let tokens = &answered.reply.tokens;
    v1::Usage {
        model_calls: 1,
        retries: u64::from(meter.tries.saturating_sub(1)),
        rate_limited: u64::from(meter.rate_limited),
        paid_twice: u64::from(answered.maybe_paid),
        input_tokens: tokens.input,
        output_tokens: tokens.output,
        cost_micro_usd: meter.cost_micro_usd.unwrap_or(0),
        unpriced_calls: u64::from(meter.cost_micro_usd.is_none()),
        lost_micro_usd: answered.lost_micro_usd,
    }
}

fn end(lease: Lease, episode: &Episode, finish: &Finish) -> Event {
    let outcome = match finish.kind {
        FinishKind::EndTask | FinishKind::NoToolCall => v1::Outcome::Completed,
        FinishKind::Limit(_) => v1::Outcome::Limit,
        FinishKind::Refused => v1::Outcome::Refused,
    };
    Event::Outcome(v1::EpisodeEnd {
        lease: Some(lease.to_wire()),
        outcome: outcome.into(),
        turns: index(episode.turns().len()),
        detail: episode.end().unwrap_or_default(),
    })
}

/// Turns are bounded by the episode's limit on model calls, far below `u32::MAX`.
fn index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
