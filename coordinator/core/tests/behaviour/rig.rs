//! A core on a bench: short words for what happens to it, and a log of what it recorded.

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Acked, Answer, Budget, Control, Core, CoreConfig, Counts, Effect, Effects, Fact, FailureClass, Input,
    JobKey, LaneSpec, LeaseKey, Millis, Outcome, Quota, Record, RetryPolicy, ReturnCause, RevokeReason,
    Scope, SessionId, SweepId, SweepSpec, SweepView, Ticket, TurnIndex, Usage, WorkerId,
};

pub(crate) const TTL_MS: u64 = 30_000;

pub(crate) struct Rig {
    pub(crate) core: Core,
    pub(crate) now: u64,
    /// All records so far.
    pub(crate) log: Vec<Record>,
    /// What the last step recorded.
    pub(crate) last: Vec<Record>,
}

/// A sweep of `lanes` models, each with an account of its own, `a0` and so on.
pub(crate) fn spec(variants: u32, seeds: u32, lanes: usize) -> SweepSpec {
    let lane = |index: usize| LaneSpec {
        model: format!("m{index}").into(),
        scope: scope(index),
        quota: Quota::default(),
        budget: Budget::default(),
    };
    SweepSpec {
        content: [1; 32],
        project: "p".into(),
        name: "n".into(),
        weight: 1,
        variants,
        seeds,
        limit: None,
        lanes: (0..lanes).map(lane).collect(),
        retry: RetryPolicy::default(),
        budget: Budget::default(),
        document: Bytes::from_static(b"{}"),
    }
}

/// A sweep with a limit on the requests a minute of each of its models.
pub(crate) fn limited(mut spec: SweepSpec, requests_per_minute: u32) -> SweepSpec {
    for lane in &mut spec.lanes {
        lane.quota.requests_per_minute = Some(requests_per_minute);
    }
    spec
}

pub(crate) fn scope(index: usize) -> Scope {
    Scope { account: account(index), pool: "pool".into() }
}

pub(crate) fn account(index: usize) -> Arc<str> {
    format!("a{index}").into()
}

pub(crate) fn one_call() -> Usage {
    Usage { model_calls: 1, input_tokens: 100, output_tokens: 10, cost_micro_usd: 5, ..Usage::default() }
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::of(Core::new(CoreConfig::default()))
    }

    /// A core that has begun.
    pub(crate) fn of(core: Core) -> Self {
        let mut rig = Self { core, now: 1_000, log: Vec::new(), last: Vec::new() };
        let mut effects = Effects::default();
        rig.core.begin(Millis(rig.now), &mut effects);
        rig.log.extend(effects.records);
        rig
    }

    /// A core with one sweep of one lane, and worker 1 in session 1 with `credits`.
    pub(crate) fn running(jobs: u32, credits: u32) -> (Self, Vec<LeaseKey>) {
        let mut rig = Self::new();
        rig.submit(spec(jobs, 1, 1));
        rig.hello(1, 1, &[]);
        let leases = rig.want(1, credits);
        (rig, leases)
    }

    /// The same core after a crash: all that was recorded is there, and no session is.
    pub(crate) fn restart(&self) -> Self {
        let mut core = Core::new(CoreConfig::default());
        replay(&mut core, &self.log);
        let mut rig = Self { core, now: self.now, log: self.log.clone(), last: Vec::new() };
        let mut effects = Effects::default();
        rig.core.begin(Millis(rig.now), &mut effects);
        rig.log.extend(effects.records);
        rig
    }

    /// One step, without word of changes.
    pub(crate) fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Effects::default();
        self.core.step(Millis(self.now), input, &mut effects);
        self.log.extend(effects.records.iter().cloned());
        self.last = effects.records;
        effects.after.retain(|effect| !matches!(effect, Effect::Changed(_)));
        effects.after
    }

    pub(crate) fn control(&mut self, control: Control) -> Answer {
        let after = self.step(Input::Control(Ticket(9), control));
        let answer = |effect: &Effect| match effect {
            Effect::Answer(Ticket(9), answer) => Some(answer.clone()),
            _ => None,
        };
        after.iter().find_map(answer).expect("every request is answered")
    }

    pub(crate) fn submit(&mut self, spec: SweepSpec) -> SweepId {
        match self.control(Control::Submit { spec: Arc::new(spec), again: true }) {
            Answer::Done { sweep, .. } => sweep,
            Answer::Refused(refusal) => panic!("{refusal}"),
        }
    }

    /// A hello with keys for the first four accounts.
    pub(crate) fn hello(&mut self, session: u64, worker: u64, held: &[LeaseKey]) -> Vec<Effect> {
        self.hello_with(session, worker, held, &[])
    }

    pub(crate) fn hello_with(
        &mut self,
        session: u64,
        worker: u64,
        held: &[LeaseKey],
        suspects: &[JobKey],
    ) -> Vec<Effect> {
        self.step(Input::Hello {
            session: SessionId(session),
            worker: WorkerId(worker),
            accounts: (0..4).map(account).collect(),
            held: held.to_vec(),
            suspects: suspects.to_vec(),
        })
    }

    pub(crate) fn want(&mut self, session: u64, credits: u32) -> Vec<LeaseKey> {
        grants(&self.step(Input::Want { session: SessionId(session), credits }))
    }

    pub(crate) fn beat(&mut self, session: u64) -> Vec<Effect> {
        self.step(Input::Beat { session: SessionId(session) })
    }

    pub(crate) fn turn(&mut self, session: u64, lease: LeaseKey, index: u32) -> Vec<Effect> {
        let (session, index, usage) = (SessionId(session), TurnIndex(index), one_call());
        self.step(Input::Turn { session, lease, index, usage, body: Bytes::from_static(b"turn") })
    }

    pub(crate) fn outcome(&mut self, session: u64, lease: LeaseKey, turns: u32) -> Vec<Effect> {
        self.end(session, lease, Outcome::Completed, turns)
    }

    pub(crate) fn end(&mut self, session: u64, lease: LeaseKey, outcome: Outcome, turns: u32) -> Vec<Effect> {
        let (session, turns, detail) = (SessionId(session), TurnIndex(turns), Bytes::new());
        self.step(Input::Outcome { session, lease, outcome, turns, detail })
    }

    pub(crate) fn fail(&mut self, session: u64, lease: LeaseKey, class: FailureClass) -> Vec<Effect> {
        self.step(Input::Failure {
            session: SessionId(session),
            lease,
            class,
            usage: Usage { retries: 2, ..Usage::default() },
            retry_after_ms: 0,
            message: "it broke".into(),
        })
    }

    /// Lets time pass, with a tick at its end.
    pub(crate) fn pass(&mut self, ms: u64) -> Vec<Effect> {
        self.now += ms;
        self.step(Input::Tick)
    }

    pub(crate) fn view(&self, sweep: SweepId) -> SweepView {
        self.core.sweep(sweep).expect("the sweep is there")
    }

    pub(crate) fn counts(&self) -> Counts {
        self.view(SweepId(1)).counts
    }

    pub(crate) fn paid_twice(&self) -> u64 {
        self.view(SweepId(1)).usage.paid_twice
    }

    /// Why leases were returned in the last step.
    pub(crate) fn causes(&self) -> Vec<ReturnCause> {
        let cause = |record: &Record| match record {
            Record::Fact(Fact::Returned { cause, .. }) => Some(*cause),
            _ => None,
        };
        self.last.iter().filter_map(cause).collect()
    }

    /// How jobs ended in the last step.
    pub(crate) fn ends(&self) -> Vec<Outcome> {
        let outcome = |record: &Record| match record {
            Record::Fact(Fact::Ended { outcome, .. }) => Some(*outcome),
            _ => None,
        };
        self.last.iter().filter_map(outcome).collect()
    }
}

/// What a start does with the records after a snapshot.
pub(crate) fn replay(core: &mut Core, records: &[Record]) {
    for record in records {
        match record {
            Record::Fact(fact) => core.apply(fact),
            Record::Turn(turn) => core.apply_turn(turn.lease, turn.index, &turn.usage),
        }
    }
}

pub(crate) fn grants(after: &[Effect]) -> Vec<LeaseKey> {
    let lease = |effect: &Effect| match effect {
        Effect::Grant { lease, .. } => Some(*lease),
        _ => None,
    };
    after.iter().filter_map(lease).collect()
}

pub(crate) fn acks(after: &[Effect]) -> Vec<Acked> {
    let what = |effect: &Effect| match effect {
        Effect::Ack { what, .. } => Some(*what),
        _ => None,
    };
    after.iter().filter_map(what).collect()
}

pub(crate) fn revokes(after: &[Effect]) -> Vec<RevokeReason> {
    let reason = |effect: &Effect| match effect {
        Effect::Revoke { reason, .. } => Some(*reason),
        _ => None,
    };
    after.iter().filter_map(reason).collect()
}

pub(crate) fn closed(after: &[Effect]) -> Vec<u64> {
    let session = |effect: &Effect| match effect {
        Effect::Close { session, .. } => Some(session.0),
        _ => None,
    };
    after.iter().filter_map(session).collect()
}
