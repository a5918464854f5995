//! `Work`: a worker's stream, read by one task and written by another, and the bundles it asks for.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use muster_core::{
    Acked, FailureClass, Input, LeaseKey, Scope, SessionId, SweepId, SweepSpec, TurnIndex, Usage, WorkerId,
};
use muster_proto::v1::coordinator_event::Event as Out;
use muster_proto::v1::worker_event::Event as In;
use muster_proto::{BUNDLE_CHUNK_BYTES, MESSAGE_TARGET_BYTES, v1};
use muster_store::Archive;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::driver::{Inbox, Request as Ask};
use crate::grpc::{convert, limits};
use crate::session::{HelloEvent, Opened, Outgoing};

/// A worker must say hello within this time.
const HELLO_DEADLINE: Duration = Duration::from_secs(10);

/// A worker whose session is ended for a breach of the protocol has this time to hear of it.
const REFUSAL_DEADLINE: Duration = Duration::from_secs(10);

/// Events put into one message at most; it is closed earlier at `MESSAGE_TARGET_BYTES`.
const EVENTS_A_MESSAGE: usize = 1_024;

/// Messages that may wait for the transport. It has its own flow control; two keep it busy.
const MESSAGES_WAITING: usize = 2;

/// What a coordinator tells its workers to keep to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Milliseconds between beats.
    pub(crate) beat_ms: u32,
    /// Milliseconds that a lease lasts without one.
    pub(crate) lease_ttl_ms: u32,
    /// The engine's semantics version that workers must have.
    pub(crate) semantics: u32,
}

/// The service.
pub(crate) struct WorkService {
    pub(crate) inbox: Inbox,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) pace: Pace,
}

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl v1::work_server::Work for WorkService {
    type SessionStream = Boxed<v1::CoordinatorMessage>;
    type BundleStream = Boxed<v1::BundleChunk>;

    async fn session(
        &self,
        request: Request<Streaming<v1::WorkerMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        // The reply's headers go out at once and the hello is awaited behind them: a client may hold its first event
        // back until it has seen them.
        let (sender, receiver) = mpsc::channel(MESSAGES_WAITING);
        let worker = Worker {
            inbox: self.inbox.clone(),
            archive: Arc::clone(&self.archive),
            pace: self.pace,
            to_transport: sender,
        };
        tokio::spawn(worker.serve(request.into_inner()));
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))))
    }

    async fn bundle(
        &self,
        request: Request<v1::BundleRequest>,
    ) -> Result<Response<Self::BundleStream>, Status> {
        let hash = convert::hash(&request.into_inner().hash, "hash")?;
        let archive = Arc::clone(&self.archive);
        let bundle = super::blocking(move || archive.bundle(hash)).await?;
        let bundle = bundle
            .ok_or_else(|| Status::not_found("no such bundle: its sweep was removed, or never submitted"))?;
        let chunks: Vec<_> = (0..bundle.len())
            .step_by(BUNDLE_CHUNK_BYTES)
            .map(|at| bundle.slice(at..bundle.len().min(at + BUNDLE_CHUNK_BYTES)))
            .map(|data| Ok(v1::BundleChunk { data }))
            .collect();
        Ok(Response::new(Box::pin(stream::iter(chunks))))
    }
}

/// One worker's stream.
struct Worker {
    inbox: Inbox,
    archive: Arc<dyn Archive>,
    pace: Pace,
    to_transport: mpsc::Sender<Result<v1::CoordinatorMessage, Status>>,
}

impl Worker {
    async fn serve(self, mut events: Streaming<v1::WorkerMessage>) {
        match self.greet(&mut events).await {
            Err(status) => drop(self.to_transport.send(Err(status)).await),
            Ok((opened, rest)) => {
                let session = opened.session;
                let reader = Reader { inbox: self.inbox.clone(), session };
                let to_transport = self.to_transport.clone();
                let inbox = self.inbox.clone();
                let writer = Writer { session, inbox, archive: self.archive, pace: self.pace, to_transport };
                let refused = tokio::select! {
                    ended = reader.run(rest, events) => ended.err(),
                    () = writer.run(opened.outgoing) => None,
                    () = cut_for_long(opened.cut) => None,
                };
                drop(self.inbox.send(Ask::Events(vec![Input::Gone { session }])).await);
                if let Some(status) = refused {
                    let told = self.to_transport.send(Err(status));
                    drop(tokio::time::timeout(REFUSAL_DEADLINE, told).await);
                }
            }
        }
    }

    /// Reads the hello; what else came in its message is read after it.
    async fn greet(
        &self,
        events: &mut Streaming<v1::WorkerMessage>,
    ) -> Result<(Opened, Vec<v1::WorkerEvent>), Status> {
        let first = tokio::time::timeout(HELLO_DEADLINE, events.message())
            .await
            .map_err(|_| Status::deadline_exceeded("no hello within 10 seconds"))??;
        let mut rest = first.map(|message| message.events).unwrap_or_default();
        if rest.is_empty() {
            return Err(Status::invalid_argument("the stream ended before its hello"));
        }
        let hello = match rest.remove(0).event {
            Some(In::Hello(hello)) => self.hello(hello)?,
            _ => return Err(Status::invalid_argument("the first event of a session must be a hello")),
        };
        let opened = self
            .inbox
            .ask(|opened| Ask::Open { hello, opened })
            .await
            .map_err(|_| Status::unavailable("the coordinator is ending"))?;
        Ok((opened, rest))
    }

    fn hello(&self, hello: v1::Hello) -> Result<HelloEvent, Status> {
        if hello.semantics != self.pace.semantics {
            return Err(Status::failed_precondition(format!(
                "this worker's episodes have semantics version {}, the coordinator's {}: run the same release of muster on both",
                hello.semantics, self.pace.semantics
            )));
        }
        Ok(HelloEvent {
            worker: WorkerId(hello.worker),
            name: hello.name.into(),
            accounts: hello.accounts.into_iter().map(Into::into).collect(),
            held: hello
                .held
                .into_iter()
                .map(|lease| convert::lease_from(Some(lease)))
                .collect::<Result<_, _>>()?,
            suspects: hello.suspects.into_iter().map(convert::job_from).collect(),
        })
    }
}

/// Resolves some time after a session was cut: its last words have that long to go out.
async fn cut_for_long(cut: CancellationToken) {
    cut.cancelled().await;
    tokio::time::sleep(REFUSAL_DEADLINE).await;
}

/// Passes on what a worker says.
struct Reader {
    inbox: Inbox,
    session: SessionId,
}

impl Reader {
    /// Reads until the worker ends the stream. An error is for the worker to hear, if it is still there.
    async fn run(
        &self,
        first: Vec<v1::WorkerEvent>,
        mut events: Streaming<v1::WorkerMessage>,
    ) -> Result<(), Status> {
        let mut next = first;
        loop {
            let goes_on = self.pass_on(next).await.inspect_err(|status| {
                tracing::warn!(session = %self.session, %status, "worker broke the protocol");
            })?;
            if !goes_on {
                return Ok(());
            }
            let message = events.message().await.inspect_err(|status| {
                tracing::debug!(session = %self.session, %status, "worker's stream broke");
            })?;
            match message {
                Some(message) => next = message.events,
                None => return Ok(()),
            }
        }
    }

    /// Whether to go on.
    async fn pass_on(&self, events: Vec<v1::WorkerEvent>) -> Result<bool, Status> {
        let mut inputs = Vec::with_capacity(events.len());
        let mut goes_on = true;
        for event in events {
            match convert::required(event.event, "event")? {
                In::Goodbye(_) => goes_on = false,
                event => inputs.push(input_of(self.session, event)?),
            }
        }
        let sent = self.inbox.send(Ask::Events(inputs)).await;
        Ok(goes_on && sent.is_ok())
    }
}

fn input_of(session: SessionId, event: In) -> Result<Input, Status> {
    Ok(match event {
        In::Hello(_) => return Err(Status::invalid_argument("a second hello in one session")),
        In::Goodbye(_) => return Err(Status::invalid_argument("goodbye is not an input")),
        In::Want(want) => Input::Want { session, credits: want.credits },
        In::Beat(_) => Input::Beat { session },
        In::Turn(turn) => Input::Turn {
            session,
            lease: convert::lease_from(turn.lease)?,
            index: TurnIndex(turn.index),
            usage: convert::usage_from(turn.usage),
            body: turn.body,
        },
        In::Restart(restart) => Input::Restart { session, lease: convert::lease_from(restart.lease)? },
        In::Outcome(end) => Input::Outcome {
            session,
            outcome: convert::result_from(end.outcome())
                .ok_or_else(|| Status::invalid_argument("an outcome that is not a worker's to state"))?,
            lease: convert::lease_from(end.lease)?,
            turns: TurnIndex(end.turns),
            detail: end.detail,
        },
        In::Failure(failure) => Input::Failure {
            session,
            class: convert::class_from(failure.class())
                .ok_or_else(|| Status::invalid_argument("a failure of no class"))?,
            lease: convert::lease_from(failure.lease)?,
            usage: convert::usage_from(failure.usage),
            retry_after_ms: failure.retry_after_ms,
            message: failure.message.into(),
        },
        In::Ask(ask) => {
            let (number, calls) = limits::asks_from(ask)?;
            Input::Ask { session, number, calls }
        }
        In::Settle(settle) => Input::Settle { session, calls: limits::settled_from(settle)? },
        In::Observe(seen) => {
            let (scope, seen) = limits::observed_from(seen);
            Input::Observe { session, scope, seen }
        }
        In::Pause(pause) => Input::Pause {
            session,
            scope: Scope { account: pause.account.into(), pool: pause.pool.into() },
            pause_ms: pause.pause_ms,
        },
    })
}

/// Sends what the driver has for a worker; fetches the turns of its grants.
struct Writer {
    session: SessionId,
    inbox: Inbox,
    archive: Arc<dyn Archive>,
    pace: Pace,
    to_transport: mpsc::Sender<Result<v1::CoordinatorMessage, Status>>,
}

/// A message in the making.
#[derive(Default)]
struct Envelope {
    message: v1::CoordinatorMessage,
    bytes: usize,
}

impl Writer {
    async fn run(self, mut outgoing: mpsc::Receiver<Outgoing>) {
        let mut gathered = Vec::with_capacity(EVENTS_A_MESSAGE);
        while outgoing.recv_many(&mut gathered, EVENTS_A_MESSAGE).await > 0 {
            let mut envelope = Envelope::default();
            for event in gathered.drain(..) {
                if let Err(status) = self.write(event, &mut envelope).await {
                    drop(self.send(envelope).await);
                    drop(self.to_transport.send(Err(status)).await);
                    return;
                }
            }
            if self.send(envelope).await.is_err() {
                return;
            }
        }
    }

    async fn write(&self, outgoing: Outgoing, envelope: &mut Envelope) -> Result<(), Status> {
        match outgoing {
            Outgoing::Welcome(term) => {
                let welcome = v1::Welcome {
                    term: term.0,
                    beat_ms: self.pace.beat_ms,
                    lease_ttl_ms: self.pace.lease_ttl_ms,
                };
                self.push(Out::Welcome(welcome), envelope).await
            }
            Outgoing::Brief(sweep, spec) => self.push(brief(sweep, &spec), envelope).await,
            Outgoing::Grant(lease, turns) => self.grant(lease, turns, envelope).await,
            Outgoing::Revoke(lease, reason) => {
                let revoke = v1::Revoke {
                    lease: Some(convert::lease_to(lease)),
                    reason: convert::reason_to(reason).into(),
                };
                self.push(Out::Revoke(revoke), envelope).await
            }
            Outgoing::Ack(lease, what) => self.push(ack(lease, what), envelope).await,
            Outgoing::Share { ask, calls, spread_ms } => {
                let calls = calls.into_iter().map(|call| call.0).collect();
                self.push(Out::Share(v1::Share { ask, calls, spread_ms }), envelope).await
            }
            Outgoing::Deny(calls) => {
                let calls = calls.into_iter().map(|call| call.0).collect();
                self.push(Out::Deny(v1::Deny { calls }), envelope).await
            }
            Outgoing::Govern { scope, governed, pause_ms } => {
                let (account, pool) = (scope.account.to_string(), scope.pool.to_string());
                self.push(Out::Govern(v1::Govern { account, pool, governed, pause_ms }), envelope).await
            }
            Outgoing::Drain => self.push(Out::Drain(v1::Drain {}), envelope).await,
            Outgoing::Close(reason) => Err(Status::aborted(reason)),
        }
    }

    async fn grant(&self, lease: LeaseKey, turns: TurnIndex, envelope: &mut Envelope) -> Result<(), Status> {
        let prior = match self.prior(lease, turns).await {
            Ok(prior) => prior,
            Err(why) => return self.give_up(lease, why).await,
        };
        let wire = convert::lease_to(lease);
        self.push(Out::Grant(v1::Grant { lease: Some(wire), turns: turns.0 }), envelope).await?;
        for (index, body) in (0..turns.0).zip(prior) {
            self.push(Out::Prior(v1::Prior { lease: Some(wire), index, body }), envelope).await?;
        }
        Ok(())
    }

    /// The first `turns` turns of a lease's transcript, or why they are not to be had.
    async fn prior(&self, lease: LeaseKey, turns: TurnIndex) -> Result<Vec<bytes::Bytes>, String> {
        if turns.0 == 0 {
            return Ok(Vec::new());
        }
        let archive = Arc::clone(&self.archive);
        let read = super::blocking(move || archive.turns(lease.job, lease.generation)).await;
        let prior = read.map_err(|status| status.message().to_owned())?;
        if prior.len() < usize::try_from(turns.0).unwrap_or(usize::MAX) {
            return Err(format!("{turns} turns were stored, and {} are there", prior.len()));
        }
        Ok(prior.into_iter().map(|turn| turn.body).collect())
    }

    /// A job whose stored turns can't be read ends, visibly; it must not end the session, or it would end every worker's
    /// that it is granted to. The worker never heard of it, so its credit is given again.
    async fn give_up(&self, lease: LeaseKey, why: String) -> Result<(), Status> {
        tracing::error!(%lease, why, "stored turns can't be read: the job ends; `muster store verify` says more");
        let session = self.session;
        let failure = Input::Failure {
            session,
            lease,
            class: FailureClass::Engine,
            usage: Usage::default(),
            retry_after_ms: 0,
            message: format!("its stored turns can't be read ({why}); `muster retry` begins it anew").into(),
        };
        let events = vec![failure, Input::Want { session, credits: 1 }];
        self.inbox
            .send(Ask::Events(events))
            .await
            .map_err(|_| Status::unavailable("the coordinator is ending"))
    }

    /// Adds an event; a message that is large enough is sent first.
    async fn push(&self, event: Out, envelope: &mut Envelope) -> Result<(), Status> {
        let event = v1::CoordinatorEvent { event: Some(event) };
        let bytes = event.encoded_len();
        if envelope.bytes + bytes > MESSAGE_TARGET_BYTES {
            self.send(std::mem::take(envelope)).await?;
        }
        envelope.bytes += bytes;
        envelope.message.events.push(event);
        Ok(())
    }

    async fn send(&self, envelope: Envelope) -> Result<(), Status> {
        if envelope.message.events.is_empty() {
            return Ok(());
        }
        self.to_transport
            .send(Ok(envelope.message))
            .await
            .map_err(|_| Status::cancelled("the worker is gone"))
    }
}

fn brief(sweep: SweepId, spec: &SweepSpec) -> Out {
    Out::Brief(v1::Brief {
        sweep: sweep.0,
        document: spec.document.clone(),
        models: spec.lanes.iter().map(|lane| lane.model.to_string()).collect(),
    })
}

fn ack(lease: LeaseKey, what: Acked) -> Out {
    let what = match what {
        Acked::Turns(turns) => v1::ack::What::Turns(turns.0),
        Acked::End => v1::ack::What::End(true),
        Acked::Restart => v1::ack::What::Restart(true),
    };
    Out::Ack(v1::Ack { lease: Some(convert::lease_to(lease)), what: Some(what) })
}
