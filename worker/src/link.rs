//! The link to the coordinator: connects, says hello, passes on what both sides say, and connects again when it breaks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use muster_episode::SEMANTICS;
use muster_proto::v1::coordinator_event::Event as In;
use muster_proto::v1::work_client::WorkClient;
use muster_proto::v1::worker_event::Event as Out;
use muster_proto::{MESSAGE_MAX_BYTES, MESSAGE_TARGET_BYTES, v1};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::desk::Desk;
use crate::lease::Lease;
use crate::retry::reconnect_schedule;

/// Events put into one message at most; it is closed earlier at `MESSAGE_TARGET_BYTES`.
const EVENTS_A_MESSAGE: usize = 1_024;

/// The coordinator must answer a hello within this time.
const WELCOME_DEADLINE: Duration = Duration::from_secs(20);

/// Leases whose earlier turns are still coming in. They come in order, so there is one at a time; a coordinator that
/// opens more breaks the protocol.
#[derive(Default)]
struct Arriving {
    grant: Option<(Lease, u32, Vec<Bytes>)>,
}

/// See the module.
pub(crate) struct Link {
    desk: Arc<Desk>,
    channel: Channel,
    name: String,
    accounts: Vec<String>,
    suspects: Vec<v1::Job>,
    highest_term: u64,
}

/// How one connection ended, if not by an error.
enum Parted {
    /// The worker said goodbye.
    Goodbye,
    /// The stream ended.
    Cut,
}

// === impl Link ===

impl Link {
    pub(crate) fn new(
        desk: Arc<Desk>,
        channel: Channel,
        name: String,
        accounts: Vec<String>,
        suspects: Vec<v1::Job>,
    ) -> Self {
        Self { desk, channel, name, accounts, suspects, highest_term: 0 }
    }

    /// Runs until the worker has said goodbye, or the coordinator will never take it.
    pub(crate) async fn run(mut self) -> Result<(), Status> {
        let mut delays = reconnect_schedule();
        loop {
            let parted = self.connect().await;
            let welcomed = self.desk.disconnect();
            match parted {
                Ok(Parted::Goodbye) => return Ok(()),
                Ok(Parted::Cut) => tracing::warn!("the coordinator's stream ended: connecting again"),
                Err(status) if is_final(&status) => return Err(status),
                Err(status) => tracing::warn!(%status, "the coordinator can't be reached: trying again"),
            }
            if welcomed {
                delays = reconnect_schedule();
            }
            if self.desk.is_done_offline() {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(delays.next_delay()) => {}
                () = self.desk.done_offline() => return Ok(()),
            }
        }
    }

    async fn connect(&mut self) -> Result<Parted, Status> {
        let mut client = WorkClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_MAX_BYTES);
        let events = self.desk.connect(self.hello());
        let response = client.session(messages(events)).await?;
        let mut incoming = response.into_inner();
        let (welcome, rest) = welcome(&mut incoming).await?;
        if welcome.term < self.highest_term {
            return Err(Status::unavailable("an older coordinator answered"));
        }
        self.highest_term = welcome.term;
        self.suspects.clear();
        tracing::info!(term = welcome.term, "connected to the coordinator");
        self.desk.welcomed();
        self.converse(&welcome, rest, incoming).await
    }

    fn hello(&self) -> v1::Hello {
        v1::Hello {
            worker: self.desk.worker(),
            semantics: SEMANTICS,
            accounts: self.accounts.clone(),
            held: Vec::new(),
            suspects: self.suspects.clone(),
            name: self.name.clone(),
            term: self.highest_term,
        }
    }

    async fn converse(
        &self,
        welcome: &v1::Welcome,
        first: Vec<v1::CoordinatorEvent>,
        mut incoming: Streaming<v1::CoordinatorMessage>,
    ) -> Result<Parted, Status> {
        let mut arriving = Arriving::default();
        self.take(first, &mut arriving)?;
        let mut beat = tokio::time::interval(Duration::from_millis(u64::from(welcome.beat_ms.max(1))));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = incoming.message() => match message? {
                    Some(message) => self.take(message.events, &mut arriving)?,
                    None => return Ok(Parted::Cut),
                },
                _ = beat.tick() => self.desk.say(Out::Beat(v1::Beat {})),
                words = self.desk.shares.next_words() => words.into_iter().for_each(|event| self.desk.say(event)),
                () = self.desk.done() => {
                    self.desk.say(Out::Goodbye(v1::Goodbye {}));
                    // The stream is left open until the coordinator has read the goodbye and closed it.
                    while tokio::time::timeout(WELCOME_DEADLINE, incoming.message()).await.is_ok_and(|next| matches!(next, Ok(Some(_)))) {}
                    return Ok(Parted::Goodbye);
                }
            }
        }
    }

    fn take(&self, events: Vec<v1::CoordinatorEvent>, arriving: &mut Arriving) -> Result<(), Status> {
        for event in events {
            if let Some(event) = event.event {
                self.take_one(event, arriving)?;
            }
        }
        Ok(())
    }

    fn take_one(&self, event: In, arriving: &mut Arriving) -> Result<(), Status> {
        match event {
            In::Welcome(_) => return Err(Status::internal("a second welcome in one session")),
            In::Brief(brief) => self.desk.brief(brief, self.channel.clone()),
            In::Grant(grant) => {
                let lease = lease_of(grant.lease.as_ref())?;
                arriving.grant = Some((lease, grant.turns, Vec::new()));
                self.start_if_whole(arriving);
            }
            In::Prior(prior) => {
                let lease = lease_of(prior.lease.as_ref())?;
                match &mut arriving.grant {
                    Some((granted, _, turns)) if *granted == lease => turns.push(prior.body),
                    _ => return Err(Status::internal("an earlier turn of no lease just granted")),
                }
                self.start_if_whole(arriving);
            }
            In::Revoke(revoke) => self.desk.revoke(lease_of(revoke.lease.as_ref())?, revoke.reason()),
            In::Ack(ack) => {
                if let Some(what) = ack.what {
                    self.desk.acknowledge(lease_of(ack.lease.as_ref())?, &what);
                }
            }
            In::Share(share) => self.desk.shares.share(&share),
            In::Deny(deny) => self.desk.shares.deny(&deny),
            In::Govern(govern) => self.desk.shares.govern(&govern),
            In::Drain(_) => tracing::info!("the coordinator is about to end"),
        }
        Ok(())
    }

    fn start_if_whole(&self, arriving: &mut Arriving) {
        let whole = arriving.grant.take_if(|(_, expected, turns)| turns.len() >= *expected as usize);
        if let Some((lease, _, turns)) = whole {
            Desk::start(&self.desk, lease, turns);
        }
    }
}

fn lease_of(lease: Option<&v1::Lease>) -> Result<Lease, Status> {
    lease.and_then(Lease::from_wire).ok_or_else(|| Status::internal("the coordinator's event names no lease"))
}

/// Errors that another try can't mend.
fn is_final(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::FailedPrecondition | Code::Unimplemented | Code::PermissionDenied | Code::Unauthenticated
    )
}

async fn welcome(
    incoming: &mut Streaming<v1::CoordinatorMessage>,
) -> Result<(v1::Welcome, Vec<v1::CoordinatorEvent>), Status> {
    let first = tokio::time::timeout(WELCOME_DEADLINE, incoming.message())
        .await
        .map_err(|_| Status::deadline_exceeded("no welcome within 20 seconds"))??;
    let mut events = first.map(|message| message.events).unwrap_or_default().into_iter();
    match events.next().and_then(|event| event.event) {
        Some(In::Welcome(welcome)) => Ok((welcome, events.collect())),
        _ => Err(Status::internal("the coordinator's first event is no welcome")),
    }
}

/// What gathers in the outbox goes as one message.
fn messages(
    events: mpsc::Receiver<v1::WorkerEvent>,
) -> impl Stream<Item = v1::WorkerMessage> + Send + 'static {
    let gathering = Gathering { events, waiting: Vec::new() };
    stream::unfold(gathering, |mut gathering| async move {
        let message = gathering.next().await?;
        Some((message, gathering))
    })
}

struct Gathering {
    events: mpsc::Receiver<v1::WorkerEvent>,
    /// Taken, and not yet sent because the last message was full.
    waiting: Vec<v1::WorkerEvent>,
}

impl Gathering {
    async fn next(&mut self) -> Option<v1::WorkerMessage> {
        if self.waiting.is_empty() && self.events.recv_many(&mut self.waiting, EVENTS_A_MESSAGE).await == 0 {
            return None;
        }
        let mut bytes = 0;
        let fits = self.waiting.iter().take_while(|event| {
            let fits = bytes < MESSAGE_TARGET_BYTES;
            bytes += event.encoded_len();
            fits
        });
        let count = fits.count();
        let rest = self.waiting.split_off(count);
        Some(v1::WorkerMessage { events: std::mem::replace(&mut self.waiting, rest) })
    }
}
