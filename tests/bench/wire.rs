//! From lease to durable outcome over gRPC, with episodes that do nothing: eight workers of 64 slots, over TCP.

use std::time::Instant;

use muster_proto::v1;
use muster_proto::v1::coordinator_event::Event as In;
use muster_proto::v1::work_client::WorkClient;
use muster_proto::v1::worker_event::Event as Out;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::path::Bed;
use muster_tests::{Row, grouped};

const WORKERS: u64 = 8;
const SLOTS: u32 = 64;

/// Jobs that each worker takes to their end.
const JOBS_A_WORKER: u32 = 50_000;

/// Takes jobs as fast as the coordinator gives them.
pub(crate) fn no_op_episodes() -> Row {
    let bed = Bed::coordinator();
    let sweep = bed.submit_raw(1_000, 1_000_000);
    assert_eq!(sweep.id, 1);
    let started = Instant::now();
    let address = bed.address.clone();
    bed.runtime.block_on(async move {
        let workers: Vec<_> =
            (1..=WORKERS).map(|worker| tokio::spawn(work(address.clone(), worker))).collect();
        for worker in workers {
            worker.await.expect("a worker");
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let jobs = f64::from(JOBS_A_WORKER) * WORKERS as f64;
    let rate = jobs / seconds;
    let used = bed.coordinator_used();
    Row {
        what: "lease -> outcome durable over gRPC, 8 workers x 64 slots, no-op episodes".into(),
        reach: "50,000 /s".into(),
        measured: format!("{} /s; coordinator {:.0} MB", grouped(rate), used.peak_mb),
        reached: rate >= 50_000.0,
    }
}

async fn work(address: String, worker: u64) {
    let mut client = WorkClient::new(Bed::channel(&address).await);
    let (sender, messages) = mpsc::channel(64);
    let hello = v1::Hello {
        worker,
        semantics: muster_episode::SEMANTICS,
        accounts: vec!["a".into()],
        ..v1::Hello::default()
    };
    send(&sender, vec![Out::Hello(hello), Out::Want(v1::Want { credits: SLOTS })]).await;
    let mut incoming = client.session(ReceiverStream::new(messages)).await.expect("a session").into_inner();
    let mut done = 0;
    while done < JOBS_A_WORKER {
        let message = incoming.message().await.expect("the stream lives").expect("the stream goes on");
        let mut answers = Vec::new();
        let mut ended = 0;
        for event in message.events {
            match event.event {
                Some(In::Grant(grant)) => answers.push(outcome(grant.lease)),
                Some(In::Ack(_)) => ended += 1,
                _ => {}
            }
        }
        done += ended;
        if ended > 0 {
            answers.push(Out::Want(v1::Want { credits: ended }));
        }
        send(&sender, answers).await;
    }
}

fn outcome(lease: Option<v1::Lease>) -> Out {
    let detail = vec![7; 100].into();
    Out::Outcome(v1::EpisodeEnd { lease, outcome: v1::Outcome::Completed.into(), turns: 0, detail })
}

async fn send(sender: &mpsc::Sender<v1::WorkerMessage>, events: Vec<Out>) {
    if events.is_empty() {
        return;
    }
    let events = events.into_iter().map(|event| v1::WorkerEvent { event: Some(event) }).collect();
    sender.send(v1::WorkerMessage { events }).await.expect("the session takes it");
}
