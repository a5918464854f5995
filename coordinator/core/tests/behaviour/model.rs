//! A naive model of the core, written on its own: a row for every job, and every rule in plain words. It foretells the
//! answers to a script, checks that each grant was allowed and none was forgotten, and compares the counts.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{
    Acked, Answer, Control, Effect, Fact, FailureClass, Input, LeaseKey, Outcome, Record, Refusal,
    RevokeReason, SessionId, SweepId, SweepState, Ticket, TurnIndex, WorkerId,
};
use proptest::prelude::*;

use crate::rig::{Rig, TTL_MS};
use crate::script::{Cast, LANES, Op, script};

const VARIANTS: u64 = 2;
const MAX_DEATHS: u32 = 2;
const MAX_STRIKES: u32 = 3;
const HOUR_MS: u64 = 3_600_000;

type JobId = (u64, u32, u64);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Where {
    Pending,
    Leased(u64),
    Waiting(u64),
    Ended(Outcome),
}

#[derive(Debug, Clone)]
struct Row {
    place: Where,
    /// Whether it was ever granted.
    begun: bool,
    generation: u32,
    attempt: u32,
    turns: u32,
    turns_at_grant: u32,
    strikes: u32,
    deaths: u32,
    over: bool,
}

#[derive(Debug)]
struct ModelSweep {
    seeds: u64,
    limit: Option<u64>,
    weight: u32,
    paused: bool,
    cancelled: bool,
    stopped: [bool; LANES],
    generation: u32,
    calls: [u64; LANES],
    paid_twice: [u64; LANES],
}

#[derive(Debug)]
struct ModelSession {
    worker: u64,
    accounts: usize,
    credits: u32,
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    sweeps: BTreeMap<u64, ModelSweep>,
    last_sweep: u64,
    rows: BTreeMap<JobId, Row>,
    sessions: BTreeMap<u64, ModelSession>,
    deadlines: BTreeMap<u64, u64>,
    pauses: BTreeMap<usize, u64>,
    draining: bool,
    /// The calls that each job's transcript holds.
    expected: Vec<Effect>,
}

#[derive(Debug, PartialEq)]
enum Stand {
    Current,
    Late,
    Over,
    Fenced,
    Cancelled,
    Unknown,
}

fn id_of(lease: LeaseKey) -> JobId {
    (lease.job.sweep.0, lease.job.lane.0, lease.job.ordinal.0)
}

impl Row {
    fn new() -> Self {
        Self {
            place: Where::Pending,
            begun: false,
            generation: 0,
            attempt: 0,
            turns: 0,
            turns_at_grant: 0,
            strikes: 0,
            deaths: 0,
            over: false,
        }
    }

    fn is_ended(&self) -> bool {
        matches!(self.place, Where::Ended(_))
    }
}

impl Model {
    fn turns(&self, lease: LeaseKey) -> u32 {
        self.rows.get(&id_of(lease)).map_or(0, |row| row.turns)
    }

    /// Whether a job may be begun, by the size of its sweep.
    fn in_size(&self, (sweep, lane, ordinal): JobId) -> bool {
        let sweep = &self.sweeps[&sweep];
        let within_limit = sweep.limit.is_none_or(|limit| ordinal * LANES as u64 + u64::from(lane) < limit);
        ordinal < VARIANTS * sweep.seeds && within_limit
    }

    fn row(&mut self, lease: LeaseKey) -> &mut Row {
        self.rows.get_mut(&id_of(lease)).expect("the lease is of a known job")
    }

    fn paid_twice(&mut self, lease: LeaseKey, calls: u64) {
        let sweep = self.sweeps.get_mut(&lease.job.sweep.0).expect("the sweep is known");
        sweep.paid_twice[lease.job.lane.0 as usize] += calls;
    }

    fn stand(&self, lease: LeaseKey, worker: u64) -> Stand {
        let Some(sweep) = self.sweeps.get(&lease.job.sweep.0) else { return Stand::Unknown };
        let Some(row) = self.rows.get(&id_of(lease)) else { return Stand::Unknown };
        let named = (lease.generation.0, lease.attempt.0);
        let same = named == (row.generation, row.attempt);
        match row.place {
            _ if sweep.cancelled && !row.begun => Stand::Cancelled,
            Where::Ended(Outcome::Cancelled) => Stand::Cancelled,
            Where::Ended(Outcome::Quarantined) => Stand::Fenced,
            Where::Ended(_) if same => Stand::Over,
            Where::Ended(_) => Stand::Fenced,
            _ if named < (row.generation, row.attempt) => Stand::Fenced,
            _ if !same => Stand::Unknown,
            Where::Leased(holder) if holder == worker => Stand::Current,
            Where::Leased(_) => Stand::Fenced,
            Where::Pending | Where::Waiting(_) => Stand::Late,
        }
    }

    // --- what is said back

    fn ack(&mut self, session: u64, lease: LeaseKey, what: Acked) {
        self.expected.push(Effect::Ack { session: SessionId(session), lease, what });
    }

    fn revoke(&mut self, session: u64, lease: LeaseKey, reason: RevokeReason) {
        self.expected.push(Effect::Revoke { session: SessionId(session), lease, reason });
    }

    fn close(&mut self, session: u64) {
        self.sessions.remove(&session);
        self.expected.push(Effect::Close { session: SessionId(session), reason: "" });
    }

    fn answer(&mut self, answer: Answer) {
        self.expected.push(Effect::Answer(Ticket(1), answer));
    }

    fn session_of(&self, worker: u64) -> Option<u64> {
        self.sessions.iter().find(|(_, session)| session.worker == worker).map(|(id, _)| *id)
    }

    fn refuse(&mut self, session: u64, lease: LeaseKey, stand: &Stand) {
        let reason = match stand {
            Stand::Cancelled => RevokeReason::Cancelled,
            Stand::Unknown => RevokeReason::Unknown,
            _ => RevokeReason::Fenced,
        };
        self.revoke(session, lease, reason);
    }

    // --- steps

    fn step(&mut self, input: &Input) {
        match input {
            Input::Control(_, control) => self.control(control),
            Input::Hello { session, worker, accounts, held, suspects } => {
                let suspects = suspects.iter().map(|job| (job.sweep.0, job.lane.0, job.ordinal.0)).collect();
                self.hello(session.0, worker.0, accounts.len(), held, &suspects);
            }
            Input::Want { session, credits } => {
                if self.heard(session.0).is_some() {
                    self.sessions.get_mut(&session.0).expect("it was heard").credits += credits;
                }
            }
            Input::Beat { session } => {
                self.heard(session.0);
            }
            Input::Turn { session, lease, index, .. } => {
                if let Some(worker) = self.heard(session.0) {
                    self.turn(session.0, worker, *lease, index.0);
                }
            }
            Input::Restart { session, lease } => {
                if let Some(worker) = self.heard(session.0) {
                    self.restart(session.0, worker, *lease);
                }
            }
            Input::Outcome { session, lease, outcome, turns, .. } => {
                if let Some(worker) = self.heard(session.0) {
                    self.outcome(session.0, worker, *lease, *outcome, turns.0);
                }
            }
            Input::Failure { session, lease, class, retry_after_ms, .. } => {
                if let Some(worker) = self.heard(session.0) {
                    self.failure(session.0, worker, *lease, *class, (*retry_after_ms).min(HOUR_MS));
                }
            }
            Input::Pause { session, scope, pause_ms } => {
                let Some(_) = self.heard(session.0) else { return };
                let index: usize = scope.account[1..].parse().expect("accounts are numbered");
                if index < self.sessions[&session.0].accounts {
                    let until = self.now + (*pause_ms).min(HOUR_MS);
                    let known = self.pauses.entry(index).or_default();
                    *known = until.max(*known);
                }
            }
            Input::Ask { .. } | Input::Settle { .. } | Input::Observe { .. } => {
                unreachable!("the script has no governed scopes")
            }
            Input::Gone { session } => {
                self.sessions.remove(&session.0);
            }
            Input::Drain => self.draining = true,
            Input::Tick => self.tick(),
        }
    }

    fn heard(&mut self, session: u64) -> Option<u64> {
        let Some(found) = self.sessions.get(&session) else {
            self.close(session);
            return None;
        };
        self.deadlines.insert(found.worker, self.now + TTL_MS);
        Some(found.worker)
    }

    fn hello(
        &mut self,
        session: u64,
        worker: u64,
        accounts: usize,
        held: &[LeaseKey],
        suspects: &BTreeSet<JobId>,
    ) {
        if self.sessions.contains_key(&session) {
            return self.close(session);
        }
        if let Some(earlier) = self.session_of(worker) {
            self.close(earlier);
        }
        self.sessions.insert(session, ModelSession { worker, accounts, credits: 0 });
        self.deadlines.insert(worker, self.now + TTL_MS);
        for lease in self.leases_of(|holder| holder == worker) {
            if !held.contains(&lease) {
                self.lose(lease, suspects.contains(&id_of(lease)));
            }
        }
        for lease in held.iter().collect::<BTreeSet<_>>() {
            self.claim(session, worker, *lease);
        }
    }

    fn claim(&mut self, session: u64, worker: u64, lease: LeaseKey) {
        match self.stand(lease, worker) {
            Stand::Current => {}
            Stand::Late if self.row(lease).over => self.ack(session, lease, Acked::End),
            Stand::Late if self.sweeps[&lease.job.sweep.0].stopped[lease.job.lane.0 as usize] => {
                self.revoke(session, lease, RevokeReason::Stopped);
            }
            Stand::Late => self.row(lease).place = Where::Leased(worker),
            stand => self.refuse(session, lease, &stand),
        }
    }

    fn leases_of(&self, holds: impl Fn(u64) -> bool) -> Vec<LeaseKey> {
        let lease = |((sweep, lane, ordinal), row): (&JobId, &Row)| LeaseKey {
            job: muster_core::JobKey {
                sweep: SweepId(*sweep),
                lane: muster_core::Lane(*lane),
                ordinal: muster_core::Ordinal(*ordinal),
            },
            generation: muster_core::Generation(row.generation),
            attempt: muster_core::Attempt(row.attempt),
        };
        let held = |(_, row): &(&JobId, &Row)| matches!(row.place, Where::Leased(worker) if holds(worker));
        self.rows.iter().filter(held).map(lease).collect()
    }

    fn lose(&mut self, lease: LeaseKey, died: bool) {
        self.paid_twice(lease, 1);
        let row = self.row(lease);
        row.over = false;
        row.place = Where::Pending;
        if died && row.turns == row.turns_at_grant {
            row.deaths += 1;
            if row.deaths > MAX_DEATHS {
                row.place = Where::Ended(Outcome::Quarantined);
            }
        }
    }

    /// A word that can't be: a held lease is given back.
    fn breach(&mut self, session: u64, lease: LeaseKey, stand: &Stand, calls: u64) {
        if self.rows.contains_key(&id_of(lease)) {
            self.paid_twice(lease, calls);
        }
        if *stand == Stand::Current {
            let row = self.row(lease);
            row.place = Where::Pending;
            row.over = false;
        }
        self.revoke(session, lease, RevokeReason::Protocol);
    }

    fn turn(&mut self, session: u64, worker: u64, lease: LeaseKey, index: u32) {
        let stand = self.stand(lease, worker);
        let stored = self.turns(lease);
        match stand {
            Stand::Current | Stand::Late if index < stored => {
                self.ack(session, lease, Acked::Turns(TurnIndex(stored)));
            }
            Stand::Current | Stand::Late if index > stored => self.breach(session, lease, &stand, 1),
            Stand::Current | Stand::Late => {
                let late = stand == Stand::Late;
                let row = self.row(lease);
                row.turns += 1;
                row.deaths = 0;
                row.over &= !late;
                self.sweeps.get_mut(&lease.job.sweep.0).expect("known").calls[lease.job.lane.0 as usize] += 1;
                self.ack(session, lease, Acked::Turns(TurnIndex(stored + 1)));
            }
            Stand::Over => self.ack(session, lease, Acked::Turns(TurnIndex(index + 1))),
            stand => {
                if self.rows.contains_key(&id_of(lease)) {
                    self.paid_twice(lease, 1);
                }
                self.refuse(session, lease, &stand);
            }
        }
    }

    fn restart(&mut self, session: u64, worker: u64, lease: LeaseKey) {
        match self.stand(lease, worker) {
            Stand::Current => {
                if self.row(lease).turns_at_grant > 0 {
                    let dropped = u64::from(std::mem::take(&mut self.row(lease).turns));
                    self.row(lease).turns_at_grant = 0;
                    self.paid_twice(lease, dropped);
                    let sweep = self.sweeps.get_mut(&lease.job.sweep.0).expect("known");
                    sweep.calls[lease.job.lane.0 as usize] -= dropped;
                }
                self.ack(session, lease, Acked::Restart);
            }
            Stand::Over => self.ack(session, lease, Acked::Restart),
            Stand::Late if self.row(lease).turns == 0 => self.ack(session, lease, Acked::Restart),
            stand => self.refuse(session, lease, &stand),
        }
    }

    fn outcome(&mut self, session: u64, worker: u64, lease: LeaseKey, outcome: Outcome, turns: u32) {
        let stand = self.stand(lease, worker);
        if !outcome.is_result() {
            return self.breach(session, lease, &stand, 0);
        }
        match stand {
            Stand::Current | Stand::Late if turns != self.turns(lease) => {
                let lost = u64::from(turns.saturating_sub(self.turns(lease)));
                self.breach(session, lease, &stand, lost);
            }
            Stand::Current | Stand::Late => {
                self.row(lease).place = Where::Ended(outcome);
                self.ack(session, lease, Acked::End);
            }
            Stand::Over => self.ack(session, lease, Acked::End),
            stand => self.refuse(session, lease, &stand),
        }
    }

    fn failure(
        &mut self,
        session: u64,
        worker: u64,
        lease: LeaseKey,
        class: FailureClass,
        retry_after_ms: u64,
    ) {
        let stand = self.stand(lease, worker);
        match stand {
            Stand::Current => self.fail(lease, class, retry_after_ms),
            Stand::Late if !self.row(lease).over => self.fail(lease, class, retry_after_ms),
            Stand::Late | Stand::Over => {}
            stand => return self.refuse(session, lease, &stand),
        }
        if class == FailureClass::Preempted {
            self.sessions.get_mut(&session).expect("it was heard").credits = 0;
        }
        self.ack(session, lease, Acked::End);
    }

    fn fail(&mut self, lease: LeaseKey, class: FailureClass, retry_after_ms: u64) {
        let now = self.now;
        let row = self.row(lease);
        row.over = true;
        row.place = match class {
            FailureClass::Transient => {
                row.strikes += 1;
                let backoff = 2_000 << (row.strikes - 1);
                if row.strikes > MAX_STRIKES {
                    Where::Ended(Outcome::Failed(class))
                } else {
                    Where::Waiting(now + retry_after_ms.max(backoff))
                }
            }
            FailureClass::RateLimited | FailureClass::Overloaded => {
                Where::Waiting(now + retry_after_ms.max(2_000))
            }
            FailureClass::Preempted => Where::Pending,
            FailureClass::Quota if retry_after_ms > 0 => {
                row.place = Where::Waiting(now + retry_after_ms);
                let known = self.pauses.entry(lease.job.lane.0 as usize).or_default();
                *known = (now + retry_after_ms).max(*known);
                return;
            }
            FailureClass::Quota => {
                row.place = Where::Pending;
                for sweep in self.sweeps.values_mut().filter(|sweep| !sweep.cancelled) {
                    sweep.stopped[lease.job.lane.0 as usize] = true;
                }
                return;
            }
            FailureClass::Config => {
                row.place = Where::Pending;
                return self.stop(lease);
            }
            FailureClass::BadRequest | FailureClass::Engine => Where::Ended(Outcome::Failed(class)),
        };
    }

    fn stop(&mut self, failed: LeaseKey) {
        let (id, lane) = (failed.job.sweep.0, failed.job.lane.0);
        let sweep = self.sweeps.get_mut(&id).expect("known");
        sweep.stopped[lane as usize] = true;
    }

    fn tick(&mut self) {
        let now = self.now;
        for row in self.rows.values_mut() {
            if matches!(row.place, Where::Waiting(until) if until <= now) {
                row.place = Where::Pending;
            }
        }
        self.pauses.retain(|_, until| *until > now);
        let late: Vec<u64> =
            self.deadlines.iter().filter(|(_, at)| **at <= now).map(|(worker, _)| *worker).collect();
        for worker in late {
            self.deadlines.remove(&worker);
            for lease in self.leases_of(|holder| holder == worker) {
                self.lose(lease, true);
            }
            if let Some(session) = self.session_of(worker) {
                self.close(session);
            }
        }
    }

    // --- users

    fn control(&mut self, control: &Control) {
        let answer = match control {
            Control::Submit { spec, again } => {
                self.submit(u64::from(spec.seeds), spec.limit, spec.weight, *again)
            }
            Control::Pause(SweepId(id)) => self.living(*id).map(|sweep| {
                sweep.paused = true;
                0
            }),
            Control::Resume(SweepId(id)) => self.living(*id).map(|sweep| {
                sweep.paused = false;
                sweep.stopped = [false; LANES];
                0
            }),
            Control::Cancel(SweepId(id)) => self.cancel(*id),
            Control::Retry(SweepId(id)) => self.retry(*id),
            Control::Remove(SweepId(id)) => self.remove(*id),
            Control::Score(_) | Control::Retune { .. } | Control::Cap { .. } => {
                unreachable!("the script has no verdicts and no limits")
            }
        };
        let sweep = match control {
            Control::Pause(id)
            | Control::Resume(id)
            | Control::Cancel(id)
            | Control::Retry(id)
            | Control::Remove(id) => *id,
            _ => return,
        };
        self.answer(match answer {
            Ok(jobs) => Answer::Done { sweep, created: false, jobs },
            Err(refusal) => Answer::Refused(refusal),
        });
    }

    fn known(&mut self, id: u64) -> Result<&mut ModelSweep, Refusal> {
        self.sweeps.get_mut(&id).ok_or(Refusal::NoSuchSweep(SweepId(id)))
    }

    fn living(&mut self, id: u64) -> Result<&mut ModelSweep, Refusal> {
        self.known(id)
            .and_then(|sweep| if sweep.cancelled { Err(Refusal::Cancelled(SweepId(id))) } else { Ok(sweep) })
    }

    /// Answers by itself, since it knows the sweep's number.
    fn submit(&mut self, seeds: u64, limit: Option<u64>, weight: u32, again: bool) -> Result<u64, Refusal> {
        let newest = self.sweeps.iter_mut().next_back().filter(|_| !again);
        let answer = match newest {
            Some((id, sweep)) if sweep.cancelled => Answer::Refused(Refusal::Cancelled(SweepId(*id))),
            Some((id, sweep)) => {
                (sweep.seeds, sweep.limit) = (seeds, limit);
                Answer::Done { sweep: SweepId(*id), created: false, jobs: 0 }
            }
            None => {
                self.last_sweep += 1;
                self.sweeps.insert(self.last_sweep, ModelSweep::new(seeds, limit, weight));
                for lane in 0..LANES as u32 {
                    for ordinal in 0..VARIANTS * 4 {
                        self.rows.insert((self.last_sweep, lane, ordinal), Row::new());
                    }
                }
                Answer::Done { sweep: SweepId(self.last_sweep), created: true, jobs: 0 }
            }
        };
        self.answer(answer);
        Ok(0)
    }

    /// The rows of a sweep that count: begun, or to be begun.
    fn jobs(&self, id: u64) -> Vec<JobId> {
        let counts = |(job, row): &(&JobId, &Row)| job.0 == id && (row.begun || self.in_size(**job));
        self.rows.iter().filter(counts).map(|(job, _)| *job).collect()
    }

    fn cancel(&mut self, id: u64) -> Result<u64, Refusal> {
        let cancelled = self.known(id)?.cancelled;
        let open: Vec<JobId> = self.jobs(id).into_iter().filter(|job| !self.rows[job].is_ended()).collect();
        if cancelled || open.is_empty() {
            return Ok(0);
        }
        for lease in self.leases_of(|_| true) {
            let Where::Leased(worker) = self.row(lease).place else { continue };
            if lease.job.sweep.0 == id {
                self.paid_twice(lease, 1);
                if let Some(session) = self.session_of(worker) {
                    self.revoke(session, lease, RevokeReason::Cancelled);
                }
            }
        }
        self.known(id)?.cancelled = true;
        for job in &open {
            let row = self.rows.get_mut(job).expect("it is a row");
            if row.begun {
                row.place = Where::Ended(Outcome::Cancelled);
            }
        }
        Ok(open.len() as u64)
    }

    fn retry(&mut self, id: u64) -> Result<u64, Refusal> {
        let cancelled = self.known(id)?.cancelled;
        let jobs = self.jobs(id);
        let (mut opened, generation) = (0, self.known(id)?.generation + 1);
        for job in jobs {
            let row = self.rows.get_mut(&job).expect("it is a row");
            match row.place {
                Where::Ended(outcome) if !outcome.is_result() => {
                    *row = Row { begun: true, generation, ..Row::new() };
                    opened += 1;
                }
                Where::Pending if cancelled && !row.begun => opened += 1,
                _ => {}
            }
        }
        if opened > 0 {
            let sweep = self.known(id)?;
            sweep.generation = generation;
            sweep.cancelled = false;
        }
        Ok(opened)
    }

    fn remove(&mut self, id: u64) -> Result<u64, Refusal> {
        let cancelled = self.known(id)?.cancelled;
        if !cancelled && self.jobs(id).iter().any(|job| !self.rows[job].is_ended()) {
            return Err(Refusal::Running(SweepId(id)));
        }
        self.sweeps.remove(&id);
        self.rows.retain(|job, _| job.0 != id);
        Ok(0)
    }

    // --- grants

    /// How good a job is for a session: none if it may not be granted to it.
    fn rank(&self, job: JobId, session: &ModelSession) -> Option<u8> {
        let (sweep, row) = (&self.sweeps[&job.0], &self.rows[&job]);
        let scope = job.1 as usize;
        let barred = self.draining || sweep.paused || sweep.cancelled || sweep.stopped[scope];
        let silent = self.pauses.get(&scope).is_some_and(|until| *until > self.now);
        if barred || silent || scope >= session.accounts || row.place != Where::Pending {
            return None;
        }
        match row {
            _ if !row.begun => (self.is_next(job) && self.in_size(job)).then_some(3),
            Row { attempt: 0, .. } => Some(2),
            Row { turns: 0, .. } => Some(1),
            _ => Some(0),
        }
    }

    /// Whether it is its lane's first that was never begun.
    fn is_next(&self, (sweep, lane, ordinal): JobId) -> bool {
        (0..ordinal).all(|before| self.rows[&(sweep, lane, before)].begun)
    }

    fn granted(&mut self, lease: LeaseKey, session: u64, turns: u32) {
        let asking = &self.sessions[&session];
        assert!(asking.credits > 0, "granted without a credit: {lease}");
        let rank = self.rank(id_of(lease), asking);
        let of_sweep = self.rows.keys().filter(|job| job.0 == lease.job.sweep.0);
        let best = of_sweep.filter_map(|job| self.rank(*job, asking)).min();
        assert!(rank.is_some() && rank == best, "{lease} has rank {rank:?}, the best is {best:?}");
        let worker = asking.worker;
        let generation = self.sweeps[&lease.job.sweep.0].generation;
        let row = self.row(lease);
        let expected = if row.attempt == 0 { generation } else { row.generation };
        assert_eq!((lease.generation.0, lease.attempt.0, turns), (expected, row.attempt + 1, row.turns));
        *row = Row {
            place: Where::Leased(worker),
            begun: true,
            generation: expected,
            attempt: row.attempt + 1,
            turns_at_grant: row.turns,
            over: false,
            ..row.clone()
        };
        self.sessions.get_mut(&session).expect("it asked").credits -= 1;
    }

    /// No session waits for work while there is work for it. A pause that is over is noticed by the next tick.
    fn assert_no_grant_forgotten(&self) {
        if self.pauses.values().any(|until| *until <= self.now) {
            return;
        }
        for session in self.sessions.values().filter(|session| session.credits > 0) {
            let left = self.rows.keys().find(|job| self.rank(**job, session).is_some());
            assert_eq!(left, None, "not granted to {session:?}");
        }
    }

    fn assert_counts(&self, rig: &Rig) {
        for (id, sweep) in &self.sweeps {
            let view = rig.view(SweepId(*id));
            for (lane, found) in view.lanes.iter().enumerate() {
                let jobs: Vec<&Row> = self
                    .jobs(*id)
                    .into_iter()
                    .filter(|job| job.1 as usize == lane)
                    .map(|job| &self.rows[&job])
                    .collect();
                let count =
                    |matches: &dyn Fn(&Row) -> bool| jobs.iter().filter(|row| matches(row)).count() as u64;
                let ended = |outcome: Outcome| count(&|row: &Row| row.place == Where::Ended(outcome));
                let never = if sweep.cancelled { count(&|row| !row.begun) } else { 0 };
                let counts = found.counts;
                assert_eq!(counts.jobs, jobs.len() as u64);
                assert_eq!(counts.leased, count(&|row| matches!(row.place, Where::Leased(_))));
                assert_eq!(counts.backoff, count(&|row| matches!(row.place, Where::Waiting(_))));
                assert_eq!(counts.pending, count(&|row| row.place == Where::Pending) - never);
                assert_eq!(counts.completed, ended(Outcome::Completed));
                assert_eq!(counts.limit, ended(Outcome::Limit));
                assert_eq!(counts.refused, ended(Outcome::Refused));
                assert_eq!(counts.quarantined, ended(Outcome::Quarantined));
                assert_eq!(counts.cancelled, ended(Outcome::Cancelled) + never);
                assert_eq!(counts.ended() + counts.pending + counts.leased + counts.backoff, counts.jobs);
                assert_eq!(
                    (found.usage.model_calls, found.usage.paid_twice),
                    (sweep.calls[lane], sweep.paid_twice[lane])
                );
                assert_eq!(found.stopped.is_some(), sweep.stopped[lane]);
            }
            assert_eq!(view.state, self.state(*id, sweep), "sweep {id}");
        }
        assert_eq!(rig.core.sweeps().count(), self.sweeps.len());
    }

    fn state(&self, id: u64, sweep: &ModelSweep) -> SweepState {
        let jobs = self.jobs(id);
        let mut left = jobs.iter().filter(|job| !self.rows[job].is_ended()).peekable();
        match () {
            () if sweep.cancelled => SweepState::Cancelled,
            () if left.peek().is_none() => SweepState::Finished,
            () if sweep.paused => SweepState::Paused,
            () if left.all(|job| {
                sweep.stopped[job.1 as usize] && !matches!(self.rows[job].place, Where::Leased(_))
            }) =>
            {
                SweepState::Stopped
            }
            () => SweepState::Running,
        }
    }
}

impl ModelSweep {
    fn new(seeds: u64, limit: Option<u64>, weight: u32) -> Self {
        Self {
            seeds,
            limit,
            weight,
            paused: false,
            cancelled: false,
            stopped: [false; LANES],
            generation: 0,
            calls: [0; LANES],
            paid_twice: [0; LANES],
        }
    }
}

/// What was said apart from grants, in an order of its own.
fn said(effects: &[Effect]) -> Vec<String> {
    let plain = |effect: &Effect| match effect {
        Effect::Grant { .. } | Effect::Govern { .. } => None,
        Effect::Close { session, .. } => Some(format!("close {session}")),
        other => Some(format!("{other:?}")),
    };
    let mut said: Vec<String> = effects.iter().filter_map(plain).collect();
    said.sort();
    said
}

fn follow(ops: &[Op]) {
    let mut rig = Rig::new();
    let (mut model, mut cast) = (Model::default(), Cast::default());
    for op in ops {
        if let Op::Pass { ms } = op {
            rig.now += ms;
        }
        model.now = rig.now;
        let Some(input) = cast.input(op, |lease| model.turns(lease)) else { continue };
        model.step(&input);
        let after = rig.step(input);
        assert_eq!(said(&after), said(&std::mem::take(&mut model.expected)), "{op:?}");
        let recorded: Vec<LeaseKey> = rig.last.iter().filter_map(granted_fact).collect();
        let mut told = Vec::new();
        for effect in &after {
            if let Effect::Grant { session, lease, turns } = effect {
                model.granted(*lease, session.0, turns.0);
                cast.leases.push((*lease, WorkerId(model.sessions[&session.0].worker)));
                told.push(*lease);
            }
        }
        assert_eq!(recorded, told, "a grant is told only with its record");
        cast.sweeps = model.last_sweep;
        model.assert_no_grant_forgotten();
        model.assert_counts(&rig);
    }
    assert!(model.sweeps.values().all(|sweep| sweep.weight > 0));
}

fn granted_fact(record: &Record) -> Option<LeaseKey> {
    match record {
        Record::Fact(Fact::Granted { lease, .. }) => Some(*lease),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_does_what_a_naive_model_foretells(ops in script(120)) {
        follow(&ops);
    }
}
