//! `Control`: what users and tools ask.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::Stream;
use muster_core::{Answer, Control, Generation, Lane, Ordinal, Refusal, Scope, SweepId};
use muster_proto::{BUNDLE_MAX_BYTES, MESSAGE_TARGET_BYTES, v1};
use muster_store::{Archive, EndedRecord};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::driver::{Inbox, Query, Request as Ask};
use crate::error::CoordinatorError;
use crate::grpc::{blocking, convert, limits};

/// A watched sweep is sent at most this often.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// Episodes read from the store at once for an export.
const EXPORT_PAGE: usize = 256;

/// Messages of an answer's stream that may wait.
const MESSAGES_WAITING: usize = 16;

/// Verdicts in one batch.
const VERDICTS_A_BATCH: usize = 1_000;

/// The service.
pub(crate) struct ControlService {
    pub(crate) inbox: Inbox,
    pub(crate) archive: Arc<dyn Archive>,
}

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl v1::control_server::Control for ControlService {
    type WatchStream = Boxed<v1::Sweep>;
    type ExportStream = Boxed<v1::Episode>;

    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let request = request.into_inner();
        let bundle = convert::hash(&request.bundle, "bundle")?;
        let archive = Arc::clone(&self.archive);
        if blocking(move || archive.bundle(bundle)).await?.is_none() {
            return Err(Status::failed_precondition(
                "the sweep's bundle was not uploaded: call Upload first",
            ));
        }
        let again = request.again;
        let spec = Arc::new(convert::spec_from(request)?);
        match self.control(Control::Submit { spec, again }).await? {
            Answer::Done { sweep, created, .. } => {
                Ok(Response::new(v1::SubmitResponse { sweep: sweep.0, created }))
            }
            Answer::Refused(refusal) => Err(refused(&refusal)),
        }
    }

    async fn upload(
        &self,
        request: Request<Streaming<v1::BundleChunk>>,
    ) -> Result<Response<v1::UploadResponse>, Status> {
        let mut chunks = request.into_inner();
        let mut packed = BytesMut::new();
        while let Some(chunk) = chunks.message().await? {
            if packed.len() + chunk.data.len() > BUNDLE_MAX_BYTES {
                return Err(Status::resource_exhausted("a packed bundle has at most 64 MiB"));
            }
            packed.extend_from_slice(&chunk.data);
        }
        let archive = Arc::clone(&self.archive);
        let hash = blocking(move || archive.put_bundle(&packed)).await?;
        Ok(Response::new(v1::UploadResponse { hash: hash.to_vec().into() }))
    }

    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::Sweep>, Status> {
        let request = request.into_inner();
        self.sweep(SweepId(request.sweep), request.document).await.map(Response::new)
    }

    async fn list(&self, _request: Request<v1::ListRequest>) -> Result<Response<v1::ListResponse>, Status> {
        let views = self.inbox.ask(|to| Ask::Query(Query::Sweeps(to))).await.map_err(ended)?;
        let sweeps = views.iter().rev().map(|view| convert::sweep_to(view, false)).collect();
        Ok(Response::new(v1::ListResponse { sweeps }))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let sweep = SweepId(request.into_inner().sweep);
        let changes = self.inbox.ask(|changes| Ask::Watch { sweep, changes }).await.map_err(ended)?;
        let first = self.sweep(sweep, false).await?;
        let (sender, receiver) = mpsc::channel(MESSAGES_WAITING);
        let inbox = self.inbox.clone();
        tokio::spawn(watch(inbox, sweep, first, changes, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn cancel(
        &self,
        request: Request<v1::SweepRequest>,
    ) -> Result<Response<v1::ControlResponse>, Status> {
        self.on_sweep(request, Control::Cancel).await
    }

    async fn pause(
        &self,
        request: Request<v1::SweepRequest>,
    ) -> Result<Response<v1::ControlResponse>, Status> {
        self.on_sweep(request, Control::Pause).await
    }

    async fn resume(
        &self,
        request: Request<v1::SweepRequest>,
    ) -> Result<Response<v1::ControlResponse>, Status> {
        self.on_sweep(request, Control::Resume).await
    }

    async fn retry(
        &self,
        request: Request<v1::SweepRequest>,
    ) -> Result<Response<v1::ControlResponse>, Status> {
        self.on_sweep(request, Control::Retry).await
    }

    async fn drain(
        &self,
        _request: Request<v1::DrainRequest>,
    ) -> Result<Response<v1::DrainResponse>, Status> {
        self.inbox.send(Ask::Drain).await.map_err(ended)?;
        Ok(Response::new(v1::DrainResponse {}))
    }

    async fn export(
        &self,
        request: Request<v1::ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let request = request.into_inner();
        self.sweep(SweepId(request.sweep), false).await?;
        let (sender, receiver) = mpsc::channel(MESSAGES_WAITING);
        let export = Export { archive: Arc::clone(&self.archive), request, to: sender };
        tokio::task::spawn_blocking(move || export.run());
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn score(
        &self,
        request: Request<Streaming<v1::ScoreBatch>>,
    ) -> Result<Response<v1::ControlResponse>, Status> {
        let mut batches = request.into_inner();
        let mut jobs = 0;
        while let Some(batch) = batches.message().await? {
            if batch.verdicts.len() > VERDICTS_A_BATCH {
                return Err(Status::invalid_argument("a batch has at most 1,000 verdicts"));
            }
            let verdicts =
                batch.verdicts.into_iter().map(convert::verdict_from).collect::<Result<Vec<_>, _>>()?;
            jobs += done(self.control(Control::Score(verdicts)).await?)?.jobs;
        }
        Ok(Response::new(v1::ControlResponse { jobs }))
    }

    async fn workers(
        &self,
        _request: Request<v1::WorkersRequest>,
    ) -> Result<Response<v1::WorkersResponse>, Status> {
        let named = self.inbox.ask(|to| Ask::Query(Query::Workers(to))).await.map_err(ended)?;
        let status = |(name, view): (Arc<str>, muster_core::WorkerView)| v1::WorkerStatus {
            name: name.to_string(),
            worker: view.worker.0,
            connected: view.session.is_some(),
            leases: u32::try_from(view.leases).unwrap_or(u32::MAX),
            accounts: view.accounts.iter().map(ToString::to_string).collect(),
        };
        Ok(Response::new(v1::WorkersResponse { workers: named.into_iter().map(status).collect() }))
    }

    async fn limits(
        &self,
        _request: Request<v1::LimitsRequest>,
    ) -> Result<Response<v1::LimitsResponse>, Status> {
        let view = self.inbox.ask(|to| Ask::Query(Query::Limits(to))).await.map_err(ended)?;
        Ok(Response::new(v1::LimitsResponse {
            scopes: view.scopes.iter().map(|scope| limits::scope_to(scope, view.at)).collect(),
            budgets: view.purses.iter().map(|purse| limits::purse_status_to(purse, view.at)).collect(),
        }))
    }

    async fn retune(
        &self,
        request: Request<v1::RetuneRequest>,
    ) -> Result<Response<v1::ControlResponse>, Status> {
        let request = request.into_inner();
        let scope = Scope { account: request.account.into(), pool: request.pool.into() };
        let quota = request.quota.map(|quota| limits::quota_from(Some(quota)));
        self.set(Control::Retune { scope, quota }).await
    }

    async fn cap(&self, request: Request<v1::CapRequest>) -> Result<Response<v1::ControlResponse>, Status> {
        let request = request.into_inner();
        let (purse, span) = limits::purse_from(request.purse)?;
        self.set(Control::Cap { purse, span, budget: limits::budget_from(request.budget) }).await
    }
}

impl ControlService {
    async fn control(&self, control: Control) -> Result<Answer, Status> {
        self.inbox.ask(|answer| Ask::Control { control, answer }).await.map_err(ended)
    }

    async fn on_sweep(
        &self,
        request: Request<v1::SweepRequest>,
        control: fn(SweepId) -> Control,
    ) -> Result<Response<v1::ControlResponse>, Status> {
        let answer = self.control(control(SweepId(request.into_inner().sweep))).await?;
        done(answer).map(Response::new)
    }

    async fn set(&self, control: Control) -> Result<Response<v1::ControlResponse>, Status> {
        let answer = self.control(control).await?;
        done(answer).map(Response::new)
    }

    async fn sweep(&self, id: SweepId, with_document: bool) -> Result<v1::Sweep, Status> {
        sweep(&self.inbox, id, with_document).await
    }
}

async fn sweep(inbox: &Inbox, id: SweepId, with_document: bool) -> Result<v1::Sweep, Status> {
    let view = inbox.ask(|to| Ask::Query(Query::Sweep(id, to))).await.map_err(ended)?;
    let view = view.ok_or_else(|| refused(&Refusal::NoSuchSweep(id)))?;
    Ok(convert::sweep_to(&view, with_document))
}

async fn watch(
    inbox: Inbox,
    id: SweepId,
    first: v1::Sweep,
    mut changes: tokio::sync::watch::Receiver<u64>,
    to: mpsc::Sender<Result<v1::Sweep, Status>>,
) {
    let mut next = Ok(first);
    loop {
        let ends = next.as_ref().map_or(true, |sweep| is_over(sweep.state()));
        if to.send(next).await.is_err() || ends {
            return;
        }
        tokio::time::sleep(WATCH_EVERY).await;
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = to.closed() => return,
        }
        next = sweep(&inbox, id, false).await;
    }
}

/// Whether nothing more comes of a sweep by itself.
fn is_over(state: v1::SweepState) -> bool {
    matches!(state, v1::SweepState::Finished | v1::SweepState::Cancelled | v1::SweepState::Stopped)
}

/// Reads episodes page by page and sends them.
struct Export {
    archive: Arc<dyn Archive>,
    request: v1::ExportRequest,
    to: mpsc::Sender<Result<v1::Episode, Status>>,
}

type Place = (Lane, Ordinal, Generation);

impl Export {
    fn run(self) {
        if let Err(status) = self.pages() {
            drop(self.to.blocking_send(Err(status)));
        }
    }

    fn pages(&self) -> Result<(), Status> {
        let mut after = self.begin();
        let mut held: Option<EndedRecord> = None;
        loop {
            let sweep = SweepId(self.request.sweep);
            let page = self.archive.episodes(sweep, after, EXPORT_PAGE).map_err(store)?;
            let Some(last) = page.last() else { break };
            after = Some((last.lease.job.lane, last.lease.job.ordinal, last.lease.generation));
            for ended in page {
                if self.is_past(&ended) {
                    return held.map_or(Ok(()), |last| self.send(last).map(drop));
                }
                // An older generation is followed by its job's next: held back until it is known to be the newest.
                let next = ended.lease.job;
                let Some(earlier) = held.replace(ended) else { continue };
                let is_superseded = self.request.newest && next == earlier.lease.job;
                if !is_superseded && !self.send(earlier)? {
                    return Ok(());
                }
            }
        }
        held.map_or(Ok(()), |last| self.send(last).map(drop))
    }

    fn begin(&self) -> Option<Place> {
        if let Some(after) = &self.request.after {
            return Some((Lane(after.lane), Ordinal(after.ordinal), Generation(u32::MAX)));
        }
        let lane = self.request.lane?;
        match self.request.ordinal.unwrap_or(0) {
            0 => lane.checked_sub(1).map(|lane| (Lane(lane), Ordinal(u64::MAX), Generation(u32::MAX))),
            ordinal => Some((Lane(lane), Ordinal(ordinal - 1), Generation(u32::MAX))),
        }
    }

    fn is_past(&self, ended: &EndedRecord) -> bool {
        let job = ended.lease.job;
        match (self.request.lane, self.request.ordinal) {
            (Some(lane), Some(ordinal)) => (job.lane, job.ordinal) > (Lane(lane), Ordinal(ordinal)),
            (Some(lane), None) => job.lane > Lane(lane),
            (None, _) => false,
        }
    }

    /// Whether somebody still listens.
    fn send(&self, ended: EndedRecord) -> Result<bool, Status> {
        let (job, generation) = (ended.lease.job, ended.lease.generation);
        let mut episode = convert::episode_to(ended);
        if self.request.scores {
            let scores = self.archive.scores(job, generation).map_err(store)?;
            episode.scores = scores.iter().map(convert::verdict_to).collect();
        }
        let turns =
            if self.request.turns { self.archive.turns(job, generation).map_err(store)? } else { Vec::new() };
        let pieces = pieces(episode, turns.into_iter().map(|turn| turn.body));
        Ok(pieces.into_iter().all(|piece| self.to.blocking_send(Ok(piece)).is_ok()))
    }
}

/// An episode with its turns, in as many messages as their size takes.
fn pieces(mut episode: v1::Episode, turns: impl Iterator<Item = Bytes>) -> Vec<v1::Episode> {
    let lease = episode.lease;
    let mut bytes = episode.encoded_len();
    let mut closed = Vec::new();
    for body in turns {
        if bytes >= MESSAGE_TARGET_BYTES {
            let next = v1::Episode { lease, ..v1::Episode::default() };
            closed.push(v1::Episode { more: true, ..mem::replace(&mut episode, next) });
            bytes = 0;
        }
        bytes += body.len();
        episode.turns.push(body);
    }
    closed.push(episode);
    closed
}

fn done(answer: Answer) -> Result<v1::ControlResponse, Status> {
    match answer {
        Answer::Done { jobs, .. } => Ok(v1::ControlResponse { jobs }),
        Answer::Refused(refusal) => Err(refused(&refusal)),
    }
}

/// The one table from refusals to gRPC codes.
fn refused(refusal: &Refusal) -> Status {
    let text = refusal.to_string();
    match refusal {
        Refusal::NoSuchSweep(_) | Refusal::NoSuchJob(_) => Status::not_found(text),
        Refusal::BadSpec(_) => Status::invalid_argument(text),
        Refusal::Running(_) | Refusal::Cancelled(_) => Status::failed_precondition(text),
        Refusal::TooMany(_) => Status::resource_exhausted(text),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn ended(error: CoordinatorError) -> Status {
    Status::unavailable(error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn store(error: muster_store::StoreError) -> Status {
    Status::internal(error.to_string())
}
