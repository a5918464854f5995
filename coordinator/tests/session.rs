//! A coordinator over a memory store, spoken to through the real services: what a worker and a user see.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails by a panic, and its names say what it is")]

use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use muster_coordinator::{Coordinator, CoordinatorConfig, recover};
use muster_core::{CoreConfig, Generation, JobKey, Record, ScoreRecord, Snapshot, SweepId, TurnRecord};
use muster_proto::v1::control_client::ControlClient;
use muster_proto::v1::coordinator_event::Event as In;
use muster_proto::v1::work_client::WorkClient;
use muster_proto::v1::worker_event::Event as Out;
use muster_proto::{MESSAGE_MAX_BYTES, MESSAGE_TARGET_BYTES, v1};
use muster_store::{Archive, BundleHash, EndedRecord, EpisodeKey, Journal, Memory, StoreError};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

const SEMANTICS: u32 = 1;

/// A journal that commits only when it is let, or not at all.
struct Gate {
    inner: Box<dyn Journal>,
    pass: std_mpsc::Receiver<Pass>,
}

enum Pass {
    Commit,
    Fail,
}

impl Journal for Gate {
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        match self.pass.recv() {
            Ok(Pass::Commit) => self.inner.commit(records),
            Ok(Pass::Fail) | Err(_) => Err(StoreError::Refused("the disk is gone".to_owned())),
        }
    }

    fn snapshot(&mut self, core: &Snapshot) -> Result<(), StoreError> {
        self.inner.snapshot(core)
    }

    fn wants_snapshot(&self) -> bool {
        false
    }
}

/// An archive whose transcripts can't be read.
struct Illegible(Arc<dyn Archive>);

impl Archive for Illegible {
    fn turns(&self, _: JobKey, _: Generation) -> Result<Vec<TurnRecord>, StoreError> {
        Err(StoreError::Refused("a bit has flipped".to_owned()))
    }

    fn episode(&self, job: JobKey, generation: Generation) -> Result<Option<EndedRecord>, StoreError> {
        self.0.episode(job, generation)
    }

    fn episodes(
        &self,
        sweep: SweepId,
        after: Option<EpisodeKey>,
        limit: usize,
    ) -> Result<Vec<EndedRecord>, StoreError> {
        self.0.episodes(sweep, after, limit)
    }

    fn scores(&self, job: JobKey, generation: Generation) -> Result<Vec<ScoreRecord>, StoreError> {
        self.0.scores(job, generation)
    }

    fn put_bundle(&self, bytes: &[u8]) -> Result<BundleHash, StoreError> {
        self.0.put_bundle(bytes)
    }

    fn bundle(&self, hash: BundleHash) -> Result<Option<bytes::Bytes>, StoreError> {
        self.0.bundle(hash)
    }
}

/// A coordinator, and what a test needs to speak to it.
struct Bed {
    coordinator: Coordinator,
    channel: Channel,
    control: ControlClient<Channel>,
}

impl Bed {
    async fn over(memory: &Memory) -> Self {
        Self::start(memory, |journal| journal).await
    }

    async fn gated(memory: &Memory) -> (Self, std_mpsc::Sender<Pass>) {
        let (sender, pass) = std_mpsc::channel();
        let bed = Self::start(memory, |inner| Box::new(Gate { inner, pass })).await;
        (bed, sender)
    }

    async fn start(memory: &Memory, wrap: impl FnOnce(Box<dyn Journal>) -> Box<dyn Journal>) -> Self {
        Self::start_over(memory, wrap, |archive| archive).await
    }

    async fn start_over(
        memory: &Memory,
        wrap: impl FnOnce(Box<dyn Journal>) -> Box<dyn Journal>,
        read: impl FnOnce(Arc<dyn Archive>) -> Arc<dyn Archive>,
    ) -> Self {
        let (core, store) = recover(CoreConfig::default(), |visit| memory.open(visit)).unwrap();
        let config = CoordinatorConfig::new(SEMANTICS);
        let archive = read(store.archive);
        let coordinator = Coordinator::start(config, core, wrap(store.journal), archive).unwrap();
        let channel = coordinator.channel().await.unwrap();
        Self { coordinator, control: ControlClient::new(channel.clone()), channel }
    }

    async fn submit(&mut self, variants: u32, seeds: u32) -> u64 {
        let bundle = v1::BundleChunk { data: b"files".to_vec().into() };
        let hash = self.control.upload(tokio_stream::iter([bundle])).await.unwrap().into_inner().hash;
        let request = v1::SubmitRequest {
            project: "p".into(),
            name: "n".into(),
            content: vec![7; 32].into(),
            weight: 1,
            variants,
            seeds,
            lanes: vec![v1::LaneSpec {
                model: "a/m".into(),
                account: "a".into(),
                pool: "m".into(),
                ..v1::LaneSpec::default()
            }],
            document: b"plan".to_vec().into(),
            bundle: hash,
            ..v1::SubmitRequest::default()
        };
        self.control.submit(request).await.unwrap().into_inner().sweep
    }

    async fn worker(&self, worker: u64) -> Peer {
        let mut peer = Peer::connect(&self.channel).await;
        peer.say(hello(worker)).await;
        assert!(matches!(peer.hear().await, In::Welcome(_)));
        peer
    }

    async fn sweep(&mut self, sweep: u64) -> v1::Sweep {
        self.control.get(v1::GetRequest { sweep, document: false }).await.unwrap().into_inner()
    }
}

/// The worker's end of a stream, played by a test.
struct Peer {
    sender: mpsc::Sender<v1::WorkerMessage>,
    incoming: Streaming<v1::CoordinatorMessage>,
    heard: std::collections::VecDeque<In>,
}

impl Peer {
    async fn connect(channel: &Channel) -> Self {
        let (sender, messages) = mpsc::channel(64);
        let mut client = WorkClient::new(channel.clone());
        let incoming = client.session(ReceiverStream::new(messages)).await.unwrap().into_inner();
        Self { sender, incoming, heard: std::collections::VecDeque::new() }
    }

    async fn say(&mut self, event: Out) {
        let events = vec![v1::WorkerEvent { event: Some(event) }];
        self.sender.send(v1::WorkerMessage { events }).await.unwrap();
    }

    async fn try_hear(&mut self) -> Result<Option<In>, Status> {
        while self.heard.is_empty() {
            match self.incoming.message().await? {
                Some(message) => {
                    self.heard.extend(message.events.into_iter().filter_map(|event| event.event));
                }
                None => return Ok(None),
            }
        }
        Ok(self.heard.pop_front())
    }

    async fn hear(&mut self) -> In {
        self.try_hear().await.unwrap().expect("an event")
    }

    async fn grant(&mut self) -> v1::Grant {
        loop {
            match self.hear().await {
                In::Grant(grant) => return grant,
                In::Brief(brief) => assert_eq!(&brief.document[..], b"plan"),
                other => panic!("expected a grant, heard {other:?}"),
            }
        }
    }

    async fn ack(&mut self) -> v1::ack::What {
        match self.hear().await {
            In::Ack(ack) => ack.what.unwrap(),
            other => panic!("expected an acknowledgement, heard {other:?}"),
        }
    }
}

fn hello(worker: u64) -> Out {
    Out::Hello(v1::Hello { worker, semantics: SEMANTICS, accounts: vec!["a".into()], ..v1::Hello::default() })
}

fn want(credits: u32) -> Out {
    Out::Want(v1::Want { credits })
}

fn turn(lease: v1::Lease, index: u32) -> Out {
    let usage = Some(v1::Usage { model_calls: 1, ..v1::Usage::default() });
    Out::Turn(v1::Turn { lease: Some(lease), index, usage, body: vec![index as u8; 10].into() })
}

fn outcome(lease: v1::Lease, turns: u32) -> Out {
    let outcome = v1::Outcome::Completed.into();
    Out::Outcome(v1::EpisodeEnd { lease: Some(lease), outcome, turns, detail: b"end".to_vec().into() })
}

#[tokio::test]
async fn a_job_goes_from_its_grant_to_its_outcome_and_is_exported_with_its_turns() {
    let memory = Memory::new();
    let mut bed = Bed::over(&memory).await;
    let sweep = bed.submit(1, 1).await;
    let mut worker = bed.worker(1).await;
    worker.say(want(4)).await;
    let lease = worker.grant().await.lease.unwrap();
    for index in 0..2 {
        worker.say(turn(lease, index)).await;
        assert_eq!(worker.ack().await, v1::ack::What::Turns(index + 1));
    }
    worker.say(outcome(lease, 2)).await;
    assert_eq!(worker.ack().await, v1::ack::What::End(true));

    let mut watched = bed.control.watch(v1::WatchRequest { sweep }).await.unwrap().into_inner();
    let last = watched.message().await.unwrap().unwrap();
    assert_eq!((last.state(), last.counts.unwrap().completed), (v1::SweepState::Finished, 1));
    assert!(watched.message().await.unwrap().is_none(), "the watch of a finished sweep ends");

    let request = v1::ExportRequest { sweep, turns: true, newest: true, ..v1::ExportRequest::default() };
    let mut episodes = bed.control.export(request).await.unwrap().into_inner();
    let episode = episodes.message().await.unwrap().unwrap();
    assert_eq!(episode.turns, [vec![0; 10], vec![1; 10]]);
    assert_eq!(&episode.detail[..], b"end");
    assert!(episodes.message().await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_is_acknowledged_or_shown_before_it_is_durable() {
    let memory = Memory::new();
    let (mut bed, gate) = Bed::gated(&memory).await;
    for _ in 0..3 {
        gate.send(Pass::Commit).unwrap();
    }
    let sweep = bed.submit(1, 1).await;
    let mut worker = bed.worker(1).await;
    worker.say(want(1)).await;
    let lease = worker.grant().await.lease.unwrap();
    worker.say(turn(lease, 0)).await;
    let early = tokio::time::timeout(Duration::from_millis(200), worker.hear()).await;
    assert!(early.is_err(), "acknowledged before the commit: {early:?}");
    let shown = tokio::time::timeout(Duration::from_millis(200), bed.sweep(sweep)).await;
    assert!(shown.is_err(), "shown before the commit");
    gate.send(Pass::Commit).unwrap();
    assert_eq!(worker.ack().await, v1::ack::What::Turns(1));
}

#[tokio::test]
async fn a_failed_commit_ends_the_coordinator_and_the_next_start_has_what_was_acknowledged() {
    let memory = Memory::new();
    let (mut bed, gate) = Bed::gated(&memory).await;
    for _ in 0..4 {
        gate.send(Pass::Commit).unwrap();
    }
    let sweep = bed.submit(2, 1).await;
    let mut worker = bed.worker(1).await;
    worker.say(want(1)).await;
    let lease = worker.grant().await.lease.unwrap();
    worker.say(turn(lease, 0)).await;
    assert_eq!(worker.ack().await, v1::ack::What::Turns(1));
    gate.send(Pass::Fail).unwrap();
    worker.say(turn(lease, 1)).await;
    assert!(bed.coordinator.ended().await.unwrap_err().to_string().contains("the disk is gone"));

    let next = Bed::over(&memory).await;
    let mut worker = Peer::connect(&next.channel).await;
    let held = v1::Hello { held: vec![lease], ..unwrap_hello(hello(1)) };
    worker.say(Out::Hello(held)).await;
    assert!(matches!(worker.hear().await, In::Welcome(welcome) if welcome.term == 2));
    worker.say(turn(lease, 1)).await;
    assert_eq!(worker.ack().await, v1::ack::What::Turns(2), "the lease goes on, with its first turn kept");
    assert_eq!(sweep, 1);
}

fn unwrap_hello(event: Out) -> v1::Hello {
    match event {
        Out::Hello(hello) => hello,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_next_worker_gets_the_turns_of_the_one_that_gave_its_job_back() {
    let memory = Memory::new();
    let mut bed = Bed::over(&memory).await;
    bed.submit(1, 1).await;
    let mut first = bed.worker(1).await;
    first.say(want(1)).await;
    let lease = first.grant().await.lease.unwrap();
    first.say(turn(lease, 0)).await;
    first.ack().await;
    let class = v1::FailureClass::Preempted.into();
    first.say(Out::Failure(v1::Failure { lease: Some(lease), class, ..v1::Failure::default() })).await;
    assert_eq!(first.ack().await, v1::ack::What::End(true));

    let mut second = bed.worker(2).await;
    second.say(want(1)).await;
    let grant = second.grant().await;
    assert_eq!((grant.turns, grant.lease.unwrap().attempt), (1, 2));
    assert!(matches!(second.hear().await, In::Prior(prior) if prior.index == 0 && prior.body == vec![0; 10]));

    first.say(turn(lease, 1)).await;
    match first.hear().await {
        In::Revoke(revoke) => assert_eq!(revoke.reason(), v1::revoke::Reason::Fenced),
        other => panic!("a stale attempt was not fenced: {other:?}"),
    }
}

#[tokio::test]
async fn a_job_whose_turns_can_no_longer_be_read_ends_and_takes_no_session_with_it() {
    let memory = Memory::new();
    let mut bed = Bed::start_over(&memory, |journal| journal, |archive| Arc::new(Illegible(archive))).await;
    let sweep = bed.submit(2, 1).await;
    let mut worker = bed.worker(1).await;
    worker.say(want(1)).await;
    let lease = worker.grant().await.lease.unwrap();
    worker.say(turn(lease, 0)).await;
    worker.ack().await;
    let class = v1::FailureClass::Preempted.into();
    worker.say(Out::Failure(v1::Failure { lease: Some(lease), class, ..v1::Failure::default() })).await;
    worker.ack().await;

    worker.say(want(1)).await;
    // It would have been granted first. Its end is acknowledged to a worker that never heard of it, and the credit that
    // it took goes to the next.
    assert_eq!(worker.ack().await, v1::ack::What::End(true));
    let next = worker.grant().await.lease.unwrap();
    assert_ne!(next.job, lease.job);
    worker.say(outcome(next, 0)).await;
    assert_eq!(worker.ack().await, v1::ack::What::End(true));
    let counts = bed.sweep(sweep).await.counts.unwrap();
    assert_eq!((counts.failed, counts.completed), (1, 1));
}

#[tokio::test]
async fn grants_never_exceed_credits() {
    let memory = Memory::new();
    let mut bed = Bed::over(&memory).await;
    bed.submit(10, 1).await;
    let mut worker = bed.worker(1).await;
    worker.say(want(3)).await;
    for _ in 0..3 {
        worker.grant().await;
    }
    let more = tokio::time::timeout(Duration::from_millis(100), worker.hear()).await;
    assert!(more.is_err(), "a fourth event came for three credits: {more:?}");
}

#[tokio::test]
async fn a_stream_that_does_not_begin_with_hello_is_refused() {
    let bed = Bed::over(&Memory::new()).await;
    let mut peer = Peer::connect(&bed.channel).await;
    peer.say(want(1)).await;
    assert_eq!(peer.try_hear().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_worker_of_another_semantics_version_is_refused_and_told_why() {
    let bed = Bed::over(&Memory::new()).await;
    let mut peer = Peer::connect(&bed.channel).await;
    peer.say(Out::Hello(v1::Hello { semantics: SEMANTICS + 1, ..unwrap_hello(hello(1)) })).await;
    let status = peer.try_hear().await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("same release"), "{status}");
}

#[tokio::test]
async fn a_second_session_of_one_worker_replaces_the_first() {
    let bed = Bed::over(&Memory::new()).await;
    let mut first = bed.worker(1).await;
    let _second = bed.worker(1).await;
    assert_eq!(first.try_hear().await.unwrap_err().code(), Code::Aborted);
}

#[tokio::test]
async fn a_session_that_breaks_the_protocol_is_told_how_and_keeps_its_leases() {
    let mut bed = Bed::over(&Memory::new()).await;
    bed.submit(1, 1).await;
    let mut twice = bed.worker(1).await;
    twice.say(want(1)).await;
    let lease = twice.grant().await.lease.unwrap();
    twice.say(hello(1)).await;
    let refused = twice.try_hear().await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "a second hello in one session"));

    let mut large = Peer::connect(&bed.channel).await;
    large.say(Out::Hello(v1::Hello { held: vec![lease], ..unwrap_hello(hello(1)) })).await;
    assert!(matches!(large.hear().await, In::Welcome(_)));
    let body = vec![7; MESSAGE_MAX_BYTES].into();
    large.say(Out::Turn(v1::Turn { lease: Some(lease), body, ..v1::Turn::default() })).await;
    assert_eq!(large.try_hear().await.unwrap_err().code(), Code::OutOfRange);

    let mut good = Peer::connect(&bed.channel).await;
    good.say(Out::Hello(v1::Hello { held: vec![lease], ..unwrap_hello(hello(1)) })).await;
    assert!(matches!(good.hear().await, In::Welcome(_)));
    good.say(turn(lease, 0)).await;
    assert_eq!(good.ack().await, v1::ack::What::Turns(1));
}

#[tokio::test]
async fn an_episode_larger_than_a_message_is_exported_in_pieces() {
    const TURNS: u32 = 5;
    let mut bed = Bed::over(&Memory::new()).await;
    let sweep = bed.submit(1, 1).await;
    let mut worker = bed.worker(1).await;
    worker.say(want(1)).await;
    let lease = worker.grant().await.lease.unwrap();
    let body = |index: u32| vec![index as u8; 2 * MESSAGE_TARGET_BYTES];
    for index in 0..TURNS {
        let body = body(index).into();
        worker.say(Out::Turn(v1::Turn { lease: Some(lease), index, body, ..v1::Turn::default() })).await;
        assert_eq!(worker.ack().await, v1::ack::What::Turns(index + 1));
    }
    worker.say(outcome(lease, TURNS)).await;
    assert_eq!(worker.ack().await, v1::ack::What::End(true));

    let request = v1::ExportRequest { sweep, turns: true, ..v1::ExportRequest::default() };
    let mut control = bed.control.clone().max_decoding_message_size(MESSAGE_MAX_BYTES);
    let mut pieces = control.export(request).await.unwrap().into_inner();
    let (mut turns, mut more) = (Vec::new(), true);
    while let Some(piece) = pieces.message().await.unwrap() {
        assert!(more && piece.lease == Some(lease), "a piece of what was whole, or of another episode");
        assert_eq!(piece.turn_count, if turns.is_empty() { TURNS } else { 0 });
        more = piece.more;
        turns.extend(piece.turns);
    }
    assert!(!more, "the last piece announces another");
    assert_eq!(turns, (0..TURNS).map(body).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_drain_over_the_wire_reaches_the_workers_and_the_coordinators_owner() {
    let mut bed = Bed::over(&Memory::new()).await;
    bed.submit(1, 1).await;
    let mut worker = bed.worker(1).await;
    bed.control.drain(v1::DrainRequest {}).await.unwrap();
    bed.coordinator.draining().await;
    assert!(matches!(worker.hear().await, In::Drain(_)));
    assert!(bed.coordinator.is_quiet().await.unwrap());
}

#[tokio::test]
async fn unknown_sweeps_and_missing_bundles_are_named() {
    let mut bed = Bed::over(&Memory::new()).await;
    let missing = bed.control.get(v1::GetRequest { sweep: 9, document: false }).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert!(missing.message().contains('9'));
    let request =
        v1::SubmitRequest { bundle: vec![0; 32].into(), content: vec![0; 32].into(), ..Default::default() };
    let refused = bed.control.submit(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let short = v1::SubmitRequest { bundle: vec![0; 3].into(), ..Default::default() };
    assert_eq!(bed.control.submit(short).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn an_address_beyond_loopback_is_refused_until_there_is_tls() {
    let bed = Bed::over(&Memory::new()).await;
    let refused = bed.coordinator.listen("0.0.0.0:0".parse().unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("not a loopback address"), "{refused}");
    assert!(bed.coordinator.listen("127.0.0.1:0".parse().unwrap()).await.unwrap().port() > 0);
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let bed = Bed::over(&Memory::new()).await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(bed.channel.clone());
    let request = tonic_health::pb::HealthCheckRequest { service: "muster.v1.Control".into() };
    let status = health.check(request).await.unwrap().into_inner().status();
    assert_eq!(status, tonic_health::pb::health_check_response::ServingStatus::Serving);

    use tonic_reflection::pb::v1 as reflection;
    let mut client = reflection::server_reflection_client::ServerReflectionClient::new(bed.channel.clone());
    let list = reflection::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = reflection::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut answers =
        client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let reflection::server_reflection_response::MessageResponse::ListServicesResponse(services) = answer
    else {
        panic!("{answer:?}");
    };
    let names: Vec<String> = services.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"muster.v1.Work".to_owned()) && names.contains(&"muster.v1.Control".to_owned()));

    use tonic_reflection::pb::v1alpha as older;
    let mut client = older::server_reflection_client::ServerReflectionClient::new(bed.channel.clone());
    let list = older::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = older::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut answers =
        client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
}

#[tokio::test]
async fn stopping_keeps_everything() {
    let memory = Memory::new();
    let mut bed = Bed::over(&memory).await;
    let sweep = bed.submit(3, 2).await;
    bed.control.pause(v1::SweepRequest { sweep }).await.unwrap();
    bed.coordinator.stop().await.unwrap();
    let mut next = Bed::over(&memory).await;
    let kept = next.sweep(sweep).await;
    assert_eq!((kept.state(), kept.counts.unwrap().jobs), (v1::SweepState::Paused, 6));
}
