//! Random scripts: what workers and users might do, named by small numbers that always mean something.

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Control, FailureClass, Input, LeaseKey, Outcome, SessionId, SweepId, SweepSpec, Ticket, TurnIndex, Usage,
    WorkerId,
};
use proptest::prelude::*;

use crate::rig::{TTL_MS, account, limited, one_call, scope, spec};

/// One thing that happens. A `usize` picks from what there is, whatever its size.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Submit { weight: u32, again: bool, seeds: u32, limit: Option<u64> },
    Hello { worker: u64, accounts: usize, held: Vec<usize>, suspects: Vec<usize>, reuse: bool },
    Want { session: usize, credits: u32 },
    Beat { session: usize },
    Turn { lease: usize, session: Option<usize>, ahead: i32 },
    Restart { lease: usize },
    Outcome { lease: usize, session: Option<usize>, outcome: Outcome, off: u32 },
    Failure { lease: usize, class: FailureClass, retry_after_ms: u64 },
    PauseScope { session: usize, scope: usize, pause_ms: u64 },
    Gone { session: usize },
    Control { sweep: usize, kind: u8 },
    Pass { ms: u64 },
    Drain,
}

/// What a script refers to.
#[derive(Debug, Default)]
pub(crate) struct Cast {
    /// Every lease ever granted, and the worker it was granted to.
    pub(crate) leases: Vec<(LeaseKey, WorkerId)>,
    /// Every session so far, its worker, by number.
    pub(crate) sessions: Vec<WorkerId>,
    pub(crate) sweeps: u64,
}

pub(crate) const WORKERS: u64 = 3;
pub(crate) const LANES: usize = 2;

pub(crate) fn script(length: usize) -> impl Strategy<Value = Vec<Op>> {
    let opening = [
        Op::Submit { weight: 1, again: true, seeds: 2, limit: None },
        Op::Hello { worker: 0, accounts: LANES, held: vec![], suspects: vec![], reuse: false },
        Op::Want { session: 0, credits: 3 },
    ];
    prop::collection::vec(op(), 0..length).prop_map(move |ops| opening.iter().cloned().chain(ops).collect())
}

fn op() -> impl Strategy<Value = Op> {
    let any = 0usize..64;
    let few = || prop::collection::vec(0usize..64, 0..5);
    let class = prop::sample::select(FailureClass::ALL.to_vec());
    let result = prop::sample::select(vec![
        Outcome::Completed,
        Outcome::Completed,
        Outcome::Limit,
        Outcome::Refused,
        Outcome::Cancelled,
    ]);
    let limit = prop::option::of(0u64..9);
    let wait = prop::sample::select(vec![0u64, 1, 1_999, 2_000, 5_000, TTL_MS - 1, TTL_MS, 70_000]);
    prop_oneof![
        1 => (1u32..4, prop::bool::weighted(0.3), 1u32..4, limit)
            .prop_map(|(weight, again, seeds, limit)| Op::Submit { weight, again, seeds, limit }),
        3 => (0..WORKERS, 0..=LANES, few(), few(), prop::bool::weighted(0.05)).prop_map(
            |(worker, accounts, held, suspects, reuse)| Op::Hello { worker, accounts, held, suspects, reuse }
        ),
        4 => (any.clone(), 0u32..4).prop_map(|(session, credits)| Op::Want { session, credits }),
        2 => any.clone().prop_map(|session| Op::Beat { session }),
        8 => (any.clone(), prop::option::weighted(0.1, any.clone()), prop::sample::select(vec![0, 0, 0, 0, 0, -1, 1]))
            .prop_map(|(lease, session, ahead)| Op::Turn { lease, session, ahead }),
        1 => any.clone().prop_map(|lease| Op::Restart { lease }),
        4 => (any.clone(), prop::option::weighted(0.1, any.clone()), result, prop::sample::select(vec![0, 0, 0, 1]))
            .prop_map(|(lease, session, outcome, off)| Op::Outcome { lease, session, outcome, off }),
        4 => (any.clone(), class, prop::sample::select(vec![0u64, 3_000, u64::MAX]))
            .prop_map(|(lease, class, retry_after_ms)| Op::Failure { lease, class, retry_after_ms }),
        1 => (any.clone(), 0..LANES, prop::sample::select(vec![0u64, 4_000, u64::MAX]))
            .prop_map(|(session, scope, pause_ms)| Op::PauseScope { session, scope, pause_ms }),
        1 => any.clone().prop_map(|session| Op::Gone { session }),
        2 => (any, 0u8..6).prop_map(|(sweep, kind)| Op::Control { sweep, kind }),
        4 => wait.prop_map(|ms| Op::Pass { ms }),
        1 => prop::bool::weighted(0.02).prop_map(|drain| if drain { Op::Drain } else { Op::Pass { ms: 1 } }),
    ]
}

// === impl Cast ===

impl Cast {
    /// The input that an operation means now; `turns` tells how many turns are stored of a lease's job.
    pub(crate) fn input(&mut self, op: &Op, turns: impl Fn(LeaseKey) -> u32) -> Option<Input> {
        Some(match op {
            Op::Submit { weight, again, seeds, limit } => {
                let spec = SweepSpec { weight: *weight, limit: *limit, ..spec(2, *seeds, LANES) };
                // So wide a limit keeps no job back, also after a pause: who waits for calls is another model's matter.
                let spec = limited(spec, u32::MAX);
                Input::Control(Ticket(1), Control::Submit { spec: Arc::new(spec), again: *again })
            }
            Op::Hello { worker, accounts, held, suspects, reuse } => {
                self.hello(WorkerId(*worker), *accounts, held, suspects, *reuse)
            }
            Op::Want { session, credits } => {
                Input::Want { session: self.session(*session)?, credits: *credits }
            }
            Op::Beat { session } => Input::Beat { session: self.session(*session)? },
            Op::Turn { lease, session, ahead } => {
                let (lease, session) = self.speaker(*lease, *session)?;
                let index = TurnIndex(turns(lease).saturating_add_signed(*ahead));
                Input::Turn { session, lease, index, usage: one_call(), body: Bytes::new() }
            }
            Op::Restart { lease } => {
                let (lease, session) = self.speaker(*lease, None)?;
                Input::Restart { session, lease }
            }
            Op::Outcome { lease, session, outcome, off } => {
                let (lease, session) = self.speaker(*lease, *session)?;
                let turns = TurnIndex(turns(lease) + off);
                Input::Outcome { session, lease, outcome: *outcome, turns, detail: Bytes::new() }
            }
            Op::Failure { lease, class, retry_after_ms } => {
                let (lease, session) = self.speaker(*lease, None)?;
                let usage = Usage { retries: 1, ..Usage::default() };
                let retry_after_ms = *retry_after_ms;
                Input::Failure {
                    session,
                    lease,
                    class: *class,
                    usage,
                    retry_after_ms,
                    message: "broke".into(),
                }
            }
            Op::PauseScope { session, scope: index, pause_ms } => {
                Input::Pause { session: self.session(*session)?, scope: scope(*index), pause_ms: *pause_ms }
            }
            Op::Gone { session } => Input::Gone { session: self.session(*session)? },
            Op::Control { sweep, kind } => Input::Control(Ticket(1), self.control(*sweep, *kind)),
            Op::Pass { .. } => Input::Tick,
            Op::Drain => Input::Drain,
        })
    }

    fn hello(
        &mut self,
        worker: WorkerId,
        accounts: usize,
        held: &[usize],
        suspects: &[usize],
        reuse: bool,
    ) -> Input {
        let session = match self.sessions.len() {
            0 => 0,
            some if reuse => some - 1,
            some => some,
        };
        if session == self.sessions.len() {
            self.sessions.push(worker);
        }
        let mut held: Vec<LeaseKey> = held.iter().filter_map(|index| Some(self.lease(*index)?.0)).collect();
        held.dedup();
        Input::Hello {
            session: SessionId(session as u64),
            worker,
            accounts: (0..accounts).map(account).collect(),
            held,
            suspects: suspects.iter().filter_map(|index| Some(self.lease(*index)?.0.job)).collect(),
        }
    }

    fn control(&self, sweep: usize, kind: u8) -> Control {
        let sweep = SweepId(sweep as u64 % (self.sweeps + 2));
        match kind {
            0 => Control::Pause(sweep),
            1 => Control::Cancel(sweep),
            2 => Control::Retry(sweep),
            3 => Control::Remove(sweep),
            _ => Control::Resume(sweep),
        }
    }

    /// The newest leases come first, so that small numbers name what is under way.
    fn lease(&self, index: usize) -> Option<(LeaseKey, WorkerId)> {
        let newest_first = self.leases.len().checked_sub(1 + index % self.leases.len().max(1))?;
        self.leases.get(newest_first).copied()
    }

    /// A lease, and its worker's newest session or another one.
    fn speaker(&self, lease: usize, session: Option<usize>) -> Option<(LeaseKey, SessionId)> {
        let (lease, worker) = self.lease(lease)?;
        let own = self.sessions.iter().rposition(|other| *other == worker)?;
        let session = match session {
            Some(index) => self.session(index)?,
            None => SessionId(own as u64),
        };
        Some((lease, session))
    }

    fn session(&self, index: usize) -> Option<SessionId> {
        let newest_first = self.sessions.len().checked_sub(1 + index % self.sessions.len().max(1))?;
        Some(SessionId(newest_first as u64))
    }
}
