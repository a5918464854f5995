//! The one loop that owns the core. It alone calls `Core::step`, and it carries out no effect before the records of
//! its batch are durable.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use muster_core::{
    Answer, Control, Core, Effect, Effects, Input, Millis, PurseView, ScopeView, SessionId, SweepId,
    SweepView, Term, Ticket, WorkerId, WorkerView,
};
use muster_store::Journal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::commit::{After, Batch, Committer, Durable};
use crate::error::CoordinatorError;
use crate::session::{HelloEvent, Opened, Outgoing, Sessions};

/// Requests that may wait for the driver. Each is one message of one stream or one call of one user; senders wait when
/// it is full, which is how a slow disk slows the workers down.
const INBOX_REQUESTS: usize = 4_096;

/// Requests taken at once. Bounds how long effects of the first wait for the last to be stepped.
const TAKEN_AT_ONCE: usize = 1_024;

/// Records that may gather while a batch is being made durable; then the inbox waits. At 300 bytes each these are
/// 20 MB, and at 50,000 records a second they are over a second's work.
const BATCH_RECORDS: usize = 65_536;

/// Time that has come is let pass at the latest so long after, however much waits in the inbox.
const OVERDUE: Duration = Duration::from_secs(1);

/// A process that wakes so long after it meant to has stood still (a stopped process, a paused machine): its workers' signs
/// of life are still on their way to it. As long as a beat.
const STALLED: Duration = Duration::from_secs(5);

/// Names of workers remembered: as many as the core has workers at most, at 200 characters each 20 MB.
const NAMES: usize = 100_000;

/// The longest name kept of a worker, in characters.
const NAME_CHARS: usize = 200;

/// Something the driver is asked.
pub(crate) enum Request {
    /// A worker's stream has said hello.
    Open { hello: HelloEvent, opened: oneshot::Sender<Opened> },
    /// Events of an open session, in order.
    Events(Vec<Input>),
    /// A user's wish.
    Control { control: Control, answer: oneshot::Sender<Answer> },
    /// A question.
    Query(Query),
    /// Tell me when a sweep changes.
    Watch { sweep: SweepId, changes: oneshot::Sender<watch::Receiver<u64>> },
    /// Grant nothing more, and tell the workers.
    Drain,
    /// End once all that is known is durable.
    Stop { stopped: oneshot::Sender<()> },
}

/// A question about the core's state.
pub(crate) enum Query {
    /// One sweep.
    Sweep(SweepId, oneshot::Sender<Option<SweepView>>),
    /// All of them.
    Sweeps(oneshot::Sender<Vec<SweepView>>),
    /// The workers, by name.
    Workers(oneshot::Sender<Vec<(Arc<str>, WorkerView)>>),
    /// What providers limit and people allow, and the moment at which it stood so.
    Limits(oneshot::Sender<LimitsView>),
    /// Whether no lease is out.
    Quiet(oneshot::Sender<bool>),
}

/// Scopes and budgets at a moment.
pub(crate) struct LimitsView {
    pub(crate) at: Millis,
    pub(crate) scopes: Vec<ScopeView>,
    pub(crate) purses: Vec<PurseView>,
}

/// An answer on its way.
pub(crate) enum Reply {
    Sweep(Option<SweepView>, oneshot::Sender<Option<SweepView>>),
    Sweeps(Vec<SweepView>, oneshot::Sender<Vec<SweepView>>),
    Workers(Vec<(Arc<str>, WorkerView)>, oneshot::Sender<Vec<(Arc<str>, WorkerView)>>),
    Limits(LimitsView, oneshot::Sender<LimitsView>),
    Quiet(bool, oneshot::Sender<bool>),
    Stopped(oneshot::Sender<()>),
}

/// Asks the driver. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox {
    requests: mpsc::Sender<Request>,
    draining: watch::Receiver<bool>,
}

/// The loop's state.
pub(crate) struct Driver {
    core: Core,
    clock: Clock,
    term: Term,
    requests: mpsc::Receiver<Request>,
    committer: Committer,
    sessions: Sessions,
    names: BTreeMap<WorkerId, Arc<str>>,
    next_session: u64,
    next_ticket: u64,
    answers: BTreeMap<Ticket, oneshot::Sender<Answer>>,
    watchers: BTreeMap<SweepId, watch::Sender<u64>>,
    /// What gathers while a batch is under way.
    gathering: Batch,
    effects: Effects,
    wants_snapshot: bool,
    draining: watch::Sender<bool>,
    stopping: bool,
}

/// Wall time at the start plus monotonic time since: it can't run backwards while the process lives.
#[derive(Debug, Clone, Copy)]
struct Clock {
    started: Instant,
    started_ms: u64,
}

// === impl Clock ===

impl Clock {
    fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_ms: millis(wall) }
    }

    fn now(self) -> Millis {
        Millis(self.started_ms + millis(self.started.elapsed()))
    }

    fn instant_of(self, at: Millis) -> Instant {
        self.started + Duration::from_millis(at.0.saturating_sub(self.started_ms))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

// === impl Reply ===

impl Reply {
    /// Sends the answer; one who no longer waits for it is no concern.
    fn send(self) {
        match self {
            Self::Sweep(view, to) => drop(to.send(view)),
            Self::Sweeps(views, to) => drop(to.send(views)),
            Self::Workers(views, to) => drop(to.send(views)),
            Self::Limits(view, to) => drop(to.send(view)),
            Self::Quiet(quiet, to) => drop(to.send(quiet)),
            Self::Stopped(to) => drop(to.send(())),
        }
    }
}

// === impl Inbox ===

impl Inbox {
    /// Passes a request on; waits while the inbox is full.
    pub(crate) async fn send(&self, request: Request) -> Result<(), CoordinatorError> {
        self.requests.send(request).await.map_err(|_| CoordinatorError::Ended)
    }

    /// Passes a request on whose answer comes through a channel of its own, and waits for it.
    pub(crate) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, CoordinatorError> {
        let (sender, answer) = oneshot::channel();
        self.send(request(sender)).await?;
        answer.await.map_err(|_| CoordinatorError::Ended)
    }

    /// Waits until somebody has asked to drain.
    pub(crate) async fn draining(&self) {
        if self.draining.clone().wait_for(|draining| *draining).await.is_err() {
            // The driver has ended, and tells so itself.
            std::future::pending::<()>().await;
        }
    }
}

// === impl Driver ===

impl Driver {
    /// A driver of a recovered core, and the way to ask it. It begins the coordinator's term.
    pub(crate) fn new(core: Core, journal: Box<dyn Journal>) -> Result<(Self, Inbox), CoordinatorError> {
        let (sender, requests) = mpsc::channel(INBOX_REQUESTS);
        let (drain, draining) = watch::channel(false);
        let wants_snapshot = journal.wants_snapshot();
        let mut driver = Self {
            core,
            clock: Clock::start(),
            term: Term(0),
            requests,
            committer: Committer::start(journal)?,
            sessions: Sessions::default(),
            names: BTreeMap::new(),
            next_session: 0,
            next_ticket: 0,
            answers: BTreeMap::new(),
            watchers: BTreeMap::new(),
            gathering: Batch::default(),
            effects: Effects::default(),
            wants_snapshot,
            draining: drain,
            stopping: false,
        };
        driver.term = driver.core.begin(driver.clock.now(), &mut driver.effects);
        driver.gather();
        Ok((driver, Inbox { requests: sender, draining }))
    }

    /// Runs until stopped. An error is final: the process must end.
    pub(crate) async fn run(mut self) -> Result<(), CoordinatorError> {
        let mut taken = Vec::with_capacity(TAKEN_AT_ONCE);
        loop {
            self.let_go_of_the_cut();
            self.flush()?;
            if self.stopping && !self.committer.is_busy() {
                return Ok(());
            }
            let wakeup = self.core.next_wakeup().map(|at| self.clock.instant_of(at));
            let has_room = self.gathering.records.len() < BATCH_RECORDS && !self.stopping;
            tokio::select! {
                // What waits is read before time is let pass: after a stall, beats that are here already must count.
                biased;
                durable = self.committer.durable(), if self.committer.is_busy() => self.released(durable?),
                count = self.requests.recv_many(&mut taken, TAKEN_AT_ONCE), if has_room => {
                    if count == 0 {
                        self.stopping = true;
                    }
                    for request in taken.drain(..) {
                        self.handle(request);
                    }
                    if let Some(at) = wakeup.filter(|at| at.elapsed() > OVERDUE) {
                        self.tick(at);
                    }
                }
                at = sleep_until(wakeup), if has_room => self.tick(at),
            }
        }
    }

    /// Lets time pass that was due at a moment.
    fn tick(&mut self, due: Instant) {
        if due.elapsed() > STALLED {
            tracing::warn!(
                late_ms = millis(due.elapsed()),
                "this process stood still: every lease gets a full new time"
            );
            self.core.extend_leases(self.clock.now());
        }
        self.step(Input::Tick);
    }

    /// Sessions that were cut off for not reading are gone for the core, too.
    fn let_go_of_the_cut(&mut self) {
        for session in self.sessions.take_cut() {
            self.step(Input::Gone { session });
        }
    }

    /// Hands what has gathered to the committer, if that is free. Effects that wait for no record go at once.
    fn flush(&mut self) -> Result<(), CoordinatorError> {
        if self.committer.is_busy() {
            return Ok(());
        }
        let last_snapshot = self.stopping && self.wants_snapshot;
        if self.gathering.records.is_empty() && !last_snapshot {
            for after in mem::take(&mut self.gathering.after) {
                self.carry_out(after);
            }
            return Ok(());
        }
        let mut batch = mem::take(&mut self.gathering);
        if mem::take(&mut self.wants_snapshot) {
            batch.snapshot = Some(Box::new(self.core.snapshot()));
        }
        self.committer.submit(batch)
    }

    fn released(&mut self, durable: Durable) {
        self.wants_snapshot |= durable.wants_snapshot;
        if self.gathering.records.is_empty() && self.gathering.records.capacity() < durable.records.capacity()
        {
            self.gathering.records = durable.records;
        }
        for after in durable.after {
            self.carry_out(after);
        }
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::Open { hello, opened } => self.open(hello, opened),
            Request::Events(inputs) => {
                for input in inputs {
                    self.event(input);
                }
            }
            Request::Control { control, answer } => self.control(control, answer),
            Request::Query(query) => self.query(query),
            Request::Watch { sweep, changes } => {
                drop(changes.send(self.changes_of(sweep)));
            }
            Request::Drain => {
                self.step(Input::Drain);
                self.sessions.drain();
                self.draining.send_replace(true);
            }
            Request::Stop { stopped } => {
                self.stopping = true;
                // The next start reads this instead of every fact.
                self.wants_snapshot = true;
                self.gathering.after.push(After::Reply(Reply::Stopped(stopped)));
            }
        }
    }

    fn open(&mut self, hello: HelloEvent, opened: oneshot::Sender<Opened>) {
        self.next_session += 1;
        let session = SessionId(self.next_session);
        let ready = self.sessions.open(session, self.term);
        tracing::info!(%session, worker = %hello.worker, name = %hello.name, held = hello.held.len(), "worker connected");
        self.names.insert(hello.worker, hello.name.chars().take(NAME_CHARS).collect::<String>().into());
        if self.names.len() > NAMES {
            let known: BTreeSet<WorkerId> = self.core.workers().map(|view| view.worker).collect();
            self.names.retain(|worker, _| known.contains(worker));
        }
        self.step(Input::Hello {
            session,
            worker: hello.worker,
            accounts: hello.accounts,
            held: hello.held,
            suspects: hello.suspects,
        });
        if opened.send(ready).is_err() {
            self.event(Input::Gone { session });
        }
    }

    fn event(&mut self, input: Input) {
        if let Input::Gone { session } = &input {
            tracing::info!(%session, "worker's stream ended");
            self.sessions.forget(*session);
        }
        self.step(input);
    }

    /// Of a sweep that does not exist nothing ever changes, and nothing is remembered.
    fn changes_of(&mut self, sweep: SweepId) -> watch::Receiver<u64> {
        if self.core.sweep(sweep).is_none() {
            return watch::Sender::new(0).subscribe();
        }
        self.watchers.entry(sweep).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    fn control(&mut self, control: Control, answer: oneshot::Sender<Answer>) {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.answers.insert(ticket, answer);
        self.step(Input::Control(ticket, control));
    }

    fn query(&mut self, query: Query) {
        let reply = match query {
            Query::Sweep(id, to) => Reply::Sweep(self.core.sweep(id), to),
            Query::Sweeps(to) => Reply::Sweeps(self.core.sweeps().collect(), to),
            Query::Workers(to) => Reply::Workers(self.named_workers(), to),
            Query::Limits(to) => {
                let at = self.clock.now();
                let (scopes, purses) = (self.core.scopes(at).collect(), self.core.purses(at).collect());
                Reply::Limits(LimitsView { at, scopes, purses }, to)
            }
            Query::Quiet(to) => Reply::Quiet(self.core.is_quiet(), to),
        };
        self.gathering.after.push(After::Reply(reply));
    }

    fn named_workers(&self) -> Vec<(Arc<str>, WorkerView)> {
        let name = |view: &WorkerView| self.names.get(&view.worker).cloned().unwrap_or_else(|| "?".into());
        self.core.workers().map(|view| (name(&view), view)).collect()
    }

    fn step(&mut self, input: Input) {
        self.core.step(self.clock.now(), input, &mut self.effects);
        self.gather();
    }

    fn gather(&mut self) {
        self.gathering.records.append(&mut self.effects.records);
        self.gathering.after.extend(self.effects.after.drain(..).map(After::Effect));
    }

    fn carry_out(&mut self, after: After) {
        match after {
            After::Reply(reply) => reply.send(),
            After::Effect(effect) => self.carry_out_effect(effect),
        }
    }

    fn carry_out_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Grant { session, lease, turns } => {
                let sweep = lease.job.sweep;
                let core = &self.core;
                self.sessions.brief(session, sweep, || core.sweep(sweep).map(|view| view.spec));
                self.sessions.send(session, Outgoing::Grant(lease, turns));
            }
            Effect::Revoke { session, lease, reason } => {
                self.sessions.send(session, Outgoing::Revoke(lease, reason));
            }
            Effect::Ack { session, lease, what } => self.sessions.send(session, Outgoing::Ack(lease, what)),
            Effect::Share { session, ask, calls, spread_ms } => {
                self.sessions.send(session, Outgoing::Share { ask, calls, spread_ms });
            }
            Effect::Deny { session, calls } => self.sessions.send(session, Outgoing::Deny(calls)),
            Effect::Govern { session, scope, governed, pause_ms } => {
                self.sessions.send(session, Outgoing::Govern { scope, governed, pause_ms });
            }
            Effect::Close { session, reason } => self.sessions.close(session, reason),
            Effect::Answer(ticket, answer) => {
                if let Some(waiting) = self.answers.remove(&ticket) {
                    drop(waiting.send(answer));
                }
            }
            Effect::Changed(sweep) => {
                if let Some(watcher) = self.watchers.get(&sweep) {
                    watcher.send_modify(|version| *version += 1);
                }
            }
        }
    }
}

async fn sleep_until(at: Option<Instant>) -> Instant {
    let Some(at) = at else { return std::future::pending().await };
    tokio::time::sleep_until(at).await;
    at
}
