//! The one client: every command speaks `Control` (and `Work.Bundle`) to some coordinator, in this process or another.

use std::time::Duration;

use muster_episode::Bundle;
use muster_proto::v1::control_client::ControlClient;
use muster_proto::v1::work_client::WorkClient;
use muster_proto::{BUNDLE_CHUNK_BYTES, BUNDLE_MAX_BYTES, MESSAGE_MAX_BYTES, v1};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::address::{CoordinatorUrl, SweepName};
use crate::failure::Failure;

/// A connection must stand within this time.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// A short question must be answered within this time; a submit waits for one fsync.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// Verdicts in one batch, as the protocol has it.
const VERDICTS_A_BATCH: usize = 1_000;

/// Batches of verdicts that may wait to be sent: 4,000 verdicts of some 300 bytes.
const BATCHES_WAITING: usize = 4;

/// A coordinator's services.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    control: ControlClient<Channel>,
    work: WorkClient<Channel>,
}

/// Stores verdicts while episodes are still being read. The answer comes only at its end: were each batch a call of its
/// own, its answer could wait behind episodes that nobody reads meanwhile, for all share one connection's window.
pub(crate) struct VerdictWriter {
    lot: Vec<v1::Verdict>,
    batches: mpsc::Sender<v1::ScoreBatch>,
    call: JoinHandle<Result<Response<v1::ControlResponse>, Status>>,
}

/// What a user asks of a whole sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Cancel all that has not ended.
    Cancel,
    /// Grant nothing more.
    Pause,
    /// Go on.
    Resume,
    /// Open what was lost again.
    Retry,
}

// === impl Client ===

impl Client {
    /// Over a channel that stands.
    pub(crate) fn new(channel: Channel) -> Self {
        let control = ControlClient::new(channel.clone()).max_decoding_message_size(MESSAGE_MAX_BYTES);
        let work = WorkClient::new(channel).max_decoding_message_size(MESSAGE_MAX_BYTES);
        Self { control, work }
    }

    /// A sweep, its document only where asked for.
    pub(crate) async fn sweep(&mut self, sweep: u64, document: Document) -> Result<v1::Sweep, Failure> {
        let request = v1::GetRequest { sweep, document: document == Document::Wanted };
        Ok(self.control.get(timed(request)).await?.into_inner())
    }

    /// All sweeps, newest first.
    pub(crate) async fn sweeps(&mut self) -> Result<Vec<v1::Sweep>, Failure> {
        Ok(self.control.list(timed(v1::ListRequest {})).await?.into_inner().sweeps)
    }

    /// The number of a named sweep. That there is one of this number is not checked.
    pub(crate) async fn number(&mut self, name: SweepName) -> Result<u64, Failure> {
        match name {
            SweepName::Number(number) => Ok(number),
            SweepName::Last => self.sweeps().await?.first().map(|sweep| sweep.id).ok_or(Failure::NoSweep),
        }
    }

    /// The workers that are, or lately were, connected.
    pub(crate) async fn workers(&mut self) -> Result<Vec<v1::WorkerStatus>, Failure> {
        Ok(self.control.workers(timed(v1::WorkersRequest {})).await?.into_inner().workers)
    }

    /// What providers limit and people allow, and how it is used. Nothing, of a coordinator that does not know of it.
    pub(crate) async fn limits(&mut self) -> Result<v1::LimitsResponse, Failure> {
        match self.control.limits(timed(v1::LimitsRequest {})).await {
            Ok(limits) => Ok(limits.into_inner()),
            Err(status) if status.code() == Code::Unimplemented => Ok(v1::LimitsResponse::default()),
            Err(status) => Err(status.into()),
        }
    }

    /// Sets a scope's quota.
    pub(crate) async fn retune(&mut self, request: v1::RetuneRequest) -> Result<(), Failure> {
        self.control.retune(timed(request)).await?;
        Ok(())
    }

    /// Sets a budget.
    pub(crate) async fn cap(&mut self, request: v1::CapRequest) -> Result<(), Failure> {
        self.control.cap(timed(request)).await?;
        Ok(())
    }

    /// A sweep now, and whenever it has changed, until it has ended.
    pub(crate) async fn watch(&mut self, sweep: u64) -> Result<Streaming<v1::Sweep>, Failure> {
        Ok(self.control.watch(v1::WatchRequest { sweep }).await?.into_inner())
    }

    /// Does something to a whole sweep; says how many jobs it touched.
    pub(crate) async fn order(&mut self, order: Order, sweep: u64) -> Result<u64, Failure> {
        let request = timed(v1::SweepRequest { sweep });
        let response = match order {
            Order::Cancel => self.control.cancel(request).await?,
            Order::Pause => self.control.pause(request).await?,
            Order::Resume => self.control.resume(request).await?,
            Order::Retry => self.control.retry(request).await?,
        };
        Ok(response.into_inner().jobs)
    }

    /// Uploads a suite's files.
    pub(crate) async fn upload(&mut self, bundle: &Bundle) -> Result<(), Failure> {
        let packed = bytes::Bytes::from(bundle.pack());
        let chunk = move |start| packed.slice(start..packed.len().min(start + BUNDLE_CHUNK_BYTES));
        let starts = (0..bundle.pack().len()).step_by(BUNDLE_CHUNK_BYTES);
        let chunks: Vec<v1::BundleChunk> =
            starts.map(|start| v1::BundleChunk { data: chunk(start) }).collect();
        self.control.upload(timed(tokio_stream::iter(chunks))).await?;
        Ok(())
    }

    /// Submits a sweep.
    pub(crate) async fn submit(&mut self, request: v1::SubmitRequest) -> Result<v1::SubmitResponse, Failure> {
        Ok(self.control.submit(timed(request)).await?.into_inner())
    }

    /// A suite's files by their hash.
    pub(crate) async fn bundle(&mut self, hash: [u8; 32]) -> Result<Bundle, Failure> {
        let request = v1::BundleRequest { hash: hash.to_vec().into() };
        let mut chunks = self.work.bundle(timed(request)).await?.into_inner();
        let mut packed = Vec::new();
        while let Some(chunk) = chunks.message().await? {
            if packed.len() + chunk.data.len() > BUNDLE_MAX_BYTES {
                return Err(Status::resource_exhausted("the coordinator sends a bundle without end").into());
            }
            packed.extend_from_slice(&chunk.data);
        }
        let unpacked = Bundle::unpack(&packed).map_err(|error| Status::data_loss(error.to_string()))?;
        if unpacked.hash() != hash {
            return Err(Status::data_loss("the coordinator sent another bundle than was asked for").into());
        }
        Ok(unpacked)
    }

    /// Ended episodes.
    pub(crate) async fn export(
        &mut self,
        request: v1::ExportRequest,
    ) -> Result<Streaming<v1::Episode>, Failure> {
        Ok(self.control.export(request).await?.into_inner())
    }

    /// Begins to store verdicts, in a call of its own.
    pub(crate) fn store_verdicts(&self) -> VerdictWriter {
        let (batches, waiting) = mpsc::channel(BATCHES_WAITING);
        let mut control = self.control.clone();
        let call = tokio::spawn(async move { control.score(ReceiverStream::new(waiting)).await });
        VerdictWriter { lot: Vec::new(), batches, call }
    }
}

// === impl VerdictWriter ===

impl VerdictWriter {
    /// Stores one more verdict, soon.
    pub(crate) async fn put(&mut self, verdict: v1::Verdict) {
        self.lot.push(verdict);
        if self.lot.len() >= VERDICTS_A_BATCH {
            self.flush().await;
        }
    }

    /// Waits until all are durable.
    pub(crate) async fn finish(mut self) -> Result<(), Failure> {
        if !self.lot.is_empty() {
            self.flush().await;
        }
        drop(self.batches);
        let stored = self.call.await.map_err(|error| Status::internal(error.to_string()))?;
        stored.map(drop).map_err(Failure::from)
    }

    async fn flush(&mut self) {
        let verdicts = std::mem::take(&mut self.lot);
        // If the call has failed, `finish` tells why.
        drop(self.batches.send(v1::ScoreBatch { verdicts }).await);
    }
}

/// Whether a sweep's document is wanted: it may be large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Document {
    /// It is.
    Wanted,
    /// It is not.
    Unwanted,
}

/// A channel to a coordinator in another process.
pub(crate) async fn connect(url: &CoordinatorUrl) -> Result<Channel, Failure> {
    let failed = |why: String| Failure::NoCoordinator { url: url.clone(), why };
    let connecting = async {
        match url {
            CoordinatorUrl::Unix(socket) => muster_coordinator::connect_unix(socket).await,
            CoordinatorUrl::Http(uri) => {
                muster_coordinator::tune(Endpoint::from(uri.clone())).connect().await
            }
        }
    };
    match tokio::time::timeout(CONNECT_DEADLINE, connecting).await {
        Ok(connected) => connected.map_err(|error| failed(root_cause(&error))),
        Err(_) => Err(failed(format!("no connection within {} s", CONNECT_DEADLINE.as_secs()))),
    }
}

/// The innermost reason: "transport error" alone helps nobody.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER_DEADLINE);
    request
}
