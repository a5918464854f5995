//! The coordinator alone, killed again and again, while a real worker runs episodes and a witness takes note of every
//! acknowledgement that it was given.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_proto::v1;
use muster_proto::v1::control_client::ControlClient;
use muster_proto::v1::coordinator_event::Event as In;
use muster_proto::v1::work_client::WorkClient;
use muster_proto::v1::worker_event::Event as Out;
use muster_tests::{Coordinator, Process, Provider, Summary, SweepFile, run};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

use crate::kills::Moments;

const KILLS: u32 = 60;
const LONGEST: Duration = Duration::from_millis(900);

/// Acknowledged ends, by (lane, ordinal): the attempt under which each was acknowledged.
type Acknowledged = Arc<Mutex<BTreeMap<(u32, u64), u32>>>;

#[test]
fn a_killed_coordinator_costs_no_call_and_forgets_no_acknowledged_outcome() {
    let provider = Provider::start(&["--latency-ms", "30"]);
    let sweep = SweepFile::tampering(&["openai-api/fake/sim/mixed"], 1_000);
    let mut moments = Moments::new(KILLS);
    let mut coordinator = Coordinator::start(&sweep.folder("data"));
    let url = coordinator.url();
    let spool = sweep.folder("spool");
    let spool = spool.to_str().expect("UTF-8");
    let _worker = Process::start(
        &["worker", "--coordinator", &url, "--slots", "16", "--spool", spool],
        &provider.environment(),
    );
    let limit = (moments.left() * 25).to_string();
    let file = sweep.argument();
    let submit = ["submit", &file, "--coordinator", &url, "--limit", &limit, "--json"];
    assert_eq!(run(&submit, &provider.environment()).code, Some(0));

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let acknowledged = Acknowledged::default();
    let over = Arc::new(AtomicBool::new(false));
    let raw = runtime.block_on(submit_raw(&url));
    let witness = runtime.spawn(witness(url.clone(), Arc::clone(&acknowledged), Arc::clone(&over)));

    while moments.wait(LONGEST) {
        coordinator.kill_9();
        coordinator.restart();
    }
    let waiting = ["submit", &file, "--coordinator", &url, "--limit", &limit, "--wait", "--json"];
    let ended = run(&waiting, &provider.environment());
    over.store(true, Ordering::SeqCst);
    runtime.block_on(witness).expect("the witness");

    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let summary = Summary::of(&ended.stdout);
    assert_eq!((summary.completed, summary.quarantined), (summary.jobs, 0), "{summary:?}");
    assert_eq!(provider.stats().calls, summary.model_calls, "calls were made twice: {summary:?}");
    // A grant that was durable and never said is counted as a call that may have been in flight: an upper bound.
    assert!(summary.paid_twice <= u64::from(KILLS * 16), "{summary:?}");

    let kept = runtime.block_on(exported(&url, raw));
    let acknowledged = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(!acknowledged.is_empty());
    for (job, attempt) in acknowledged.iter() {
        assert_eq!(kept.get(job), Some(attempt), "the acknowledged end of {job:?} is gone");
    }
    eprintln!("{} acknowledged ends kept, {} calls, none twice", acknowledged.len(), summary.model_calls);
}

async fn submit_raw(url: &str) -> u64 {
    let channel = Endpoint::from_shared(url.to_owned()).expect("a URL").connect().await.expect("it is up");
    let mut control = ControlClient::new(channel);
    let chunk = v1::BundleChunk { data: b"raw".to_vec().into() };
    let bundle = control.upload(tokio_stream::iter([chunk])).await.expect("upload").into_inner().hash;
    let request = v1::SubmitRequest {
        project: "raw".into(),
        name: "raw".into(),
        content: vec![9; 32].into(),
        weight: 1,
        variants: 1_000,
        seeds: 1_000_000,
        lanes: vec![v1::LaneSpec {
            model: "raw/m".into(),
            account: "raw".into(),
            pool: "m".into(),
            ..v1::LaneSpec::default()
        }],
        bundle,
        ..v1::SubmitRequest::default()
    };
    control.submit(request).await.expect("submit").into_inner().sweep
}

/// Takes jobs, ends them, and writes down what was acknowledged; connects again whenever it is cut off.
async fn witness(url: String, acknowledged: Acknowledged, over: Arc<AtomicBool>) {
    let endpoint = Endpoint::from_shared(url).expect("a URL");
    let mut open: Vec<v1::Lease> = Vec::new();
    while !over.load(Ordering::SeqCst) {
        if let Ok(channel) = endpoint.connect().await {
            drop(session(channel, &acknowledged, &over, &mut open).await);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn session(
    channel: tonic::transport::Channel,
    acknowledged: &Acknowledged,
    over: &AtomicBool,
    open: &mut Vec<v1::Lease>,
) -> Result<(), tonic::Status> {
    let (sender, messages) = mpsc::channel(64);
    let hello = v1::Hello {
        worker: 77,
        semantics: muster_episode::SEMANTICS,
        accounts: vec!["raw".into()],
        held: open.clone(),
        ..v1::Hello::default()
    };
    let mut first = vec![Out::Hello(hello)];
    first.extend(open.iter().map(end_of));
    first.push(Out::Want(v1::Want { credits: 8 }));
    say(&sender, first).await;
    let mut incoming = WorkClient::new(channel).session(ReceiverStream::new(messages)).await?.into_inner();
    while let Some(message) = incoming.message().await? {
        for event in message.events.into_iter().filter_map(|event| event.event) {
            match event {
                In::Grant(grant) => {
                    let lease = grant.lease.expect("a lease");
                    open.push(lease);
                    say(&sender, vec![end_of(&lease)]).await;
                }
                In::Ack(ack) => {
                    let lease = ack.lease.expect("a lease");
                    let job = lease.job.expect("a job");
                    open.retain(|held| *held != lease);
                    write_down(acknowledged, job, lease.attempt);
                    say(&sender, vec![Out::Want(v1::Want { credits: 1 })]).await;
                }
                In::Revoke(revoke) => open.retain(|held| Some(*held) != revoke.lease),
                _ => {}
            }
        }
        if over.load(Ordering::SeqCst) {
            break;
        }
    }
    Ok(())
}

fn write_down(acknowledged: &Acknowledged, job: v1::Job, attempt: u32) {
    let mut acknowledged = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
    acknowledged.insert((job.lane, job.ordinal), attempt);
}

fn end_of(lease: &v1::Lease) -> Out {
    let outcome = v1::Outcome::Completed.into();
    Out::Outcome(v1::EpisodeEnd { lease: Some(*lease), outcome, turns: 0, detail: vec![1; 8].into() })
}

async fn say(sender: &mpsc::Sender<v1::WorkerMessage>, events: Vec<Out>) {
    let events = events.into_iter().map(|event| v1::WorkerEvent { event: Some(event) }).collect();
    // A link that is gone is noticed where it is read.
    drop(sender.send(v1::WorkerMessage { events }).await);
}

/// Every outcome of a sweep; two of one job would be an error.
async fn exported(url: &str, sweep: u64) -> BTreeMap<(u32, u64), u32> {
    let channel = Endpoint::from_shared(url.to_owned()).expect("a URL").connect().await.expect("it is up");
    let request = v1::ExportRequest { sweep, ..v1::ExportRequest::default() };
    let mut episodes = ControlClient::new(channel).export(request).await.expect("export").into_inner();
    let mut kept = BTreeMap::new();
    while let Some(episode) = episodes.message().await.expect("the export goes on") {
        let lease = episode.lease.expect("a lease");
        let job = lease.job.expect("a job");
        assert_eq!(kept.insert((job.lane, job.ordinal), lease.attempt), None, "two outcomes of {job:?}");
    }
    kept
}
