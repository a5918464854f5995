//! The whole path: real processes, real sockets, a real scenario, the fake provider in a process of its own.

use std::path::PathBuf;
use std::time::Instant;

use muster_proto::v1;
use muster_proto::v1::control_client::ControlClient;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use muster_tests::{Coordinator, Process, Provider, Row, SweepFile, Used, grouped, used};

/// Model calls of one episode of the benchmark's player.
const CALLS_AN_EPISODE: f64 = 6.0;

/// Episodes at once at 0 ms: enough that a commit's wait is shared by many.
const SLOTS: u32 = 256;

/// A coordinator of its own data directory, and a runtime to speak to it.
pub(crate) struct Bed {
    pub(crate) address: String,
    pub(crate) runtime: Runtime,
    coordinator: Coordinator,
    _folder: tempfile::TempDir,
}

/// A sweep as it was submitted.
pub(crate) struct Submitted {
    pub(crate) id: u64,
    pub(crate) jobs: u64,
}

// === impl Bed ===

impl Bed {
    /// Starts a coordinator.
    pub(crate) fn coordinator() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let coordinator = Coordinator::start(&folder.path().join("data"));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        Self { address: coordinator.url(), runtime, coordinator, _folder: folder }
    }

    pub(crate) fn coordinator_used(&self) -> Used {
        used(self.coordinator.id())
    }

    pub(crate) async fn channel(address: &str) -> Channel {
        let endpoint = tonic::transport::Endpoint::from_shared(address.to_owned()).expect("an address");
        muster_coordinator::tune(endpoint).connect().await.expect("the coordinator answers")
    }

    /// Submits a sweep whose jobs are no real episodes.
    pub(crate) fn submit_raw(&self, variants: u32, seeds: u32) -> Submitted {
        let address = self.address.clone();
        self.runtime.block_on(async move {
            let mut control = ControlClient::new(Self::channel(&address).await);
            let chunk = v1::BundleChunk { data: b"bench".to_vec().into() };
            let bundle = control.upload(tokio_stream::iter([chunk])).await.expect("upload").into_inner().hash;
            let request = v1::SubmitRequest {
                project: "bench".into(),
                name: "bench".into(),
                content: vec![1; 32].into(),
                weight: 1,
                variants,
                seeds,
                lanes: vec![v1::LaneSpec {
                    model: "a/m".into(),
                    account: "a".into(),
                    pool: "m".into(),
                    ..v1::LaneSpec::default()
                }],
                bundle,
                ..v1::SubmitRequest::default()
            };
            let id = control.submit(request).await.expect("submit").into_inner().sweep;
            let got =
                control.get(v1::GetRequest { sweep: id, document: false }).await.expect("get").into_inner();
            Submitted { id, jobs: got.counts.expect("counts").jobs }
        })
    }
}

/// What a sweep's end said, and what the processes used.
pub(crate) struct Run {
    pub(crate) said: serde_json::Value,
    /// Coordinator and worker together.
    pub(crate) used: Used,
    /// From before the submission to after the last outcome.
    pub(crate) wall_s: f64,
    pub(crate) data: PathBuf,
    _sweep: SweepFile,
}

/// Runs the benchmark's sweep: provider, coordinator and worker are processes of their own.
pub(crate) fn run(episodes: u32, slots: u32, options: &[&str]) -> Run {
    let provider = Provider::start(options);
    let sweep = SweepFile::tampering(&["openai-api/fake/sim/obedient"], 100_000);
    let coordinator = Coordinator::start(&sweep.folder("data"));
    let url = coordinator.url();
    let (limit, slots, spool) = (episodes.to_string(), slots.to_string(), sweep.folder("spool"));
    let spool = spool.to_str().expect("a temporary folder's path is UTF-8");
    let worker =
        ["worker", "--coordinator", &url, "--slots", &slots, "--max-connections", &slots, "--spool", spool];
    let mut worker = Process::start(&worker, &provider.environment());
    worker.line("connected");
    let file = sweep.argument();
    let submit = ["submit", &file, "--coordinator", &url, "--limit", &limit, "--wait", "--json"];
    let started = Instant::now();
    let ended = muster_tests::run(&submit, &provider.environment());
    let wall_s = started.elapsed().as_secs_f64();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let used = used(coordinator.id()).and(used(worker.id()));
    let said = serde_json::from_str(&ended.stdout).expect("one JSON object");
    Run { said, used, wall_s, data: sweep.folder("data"), _sweep: sweep }
}

impl Run {
    pub(crate) fn number(&self, key: &str) -> f64 {
        self.said[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {}", self.said))
    }
}

/// At 0 ms a call.
pub(crate) fn instant() -> Row {
    let run = run(40_000, SLOTS, &["--latency-ms", "0"]);
    let episodes = run.number("completed");
    let rate = episodes / run.wall_s;
    let cpu_ms = run.used.cpu_s * 1_000.0 / episodes;
    let calls = run.number("model_calls") / episodes;
    Row {
        what: format!(
            "whole path at 0 ms, {SLOTS} slots, {calls:.1} calls an episode, {} episodes",
            grouped(episodes)
        ),
        reach: "2,000 episodes/s; <= 0.45 ms CPU an episode".into(),
        measured: format!(
            "{} episodes/s; {cpu_ms:.2} ms ({:.2} ms at 6 calls); {:.0} MB",
            grouped(rate),
            cpu_ms * CALLS_AN_EPISODE / calls,
            run.used.peak_mb
        ),
        reached: rate >= 2_000.0 && cpu_ms <= 0.45,
    }
}

/// At 200 ms a call, a thousand at once.
pub(crate) fn slow() -> Row {
    const LATENCY_MS: f64 = 200.0;
    const AT_ONCE: f64 = 1_000.0;
    // Long enough that the last episodes, which can't be a thousand at once, weigh little.
    let run = run(50_000, 1_000, &["--latency-ms", "200"]);
    let episodes = run.number("completed");
    let calls = run.number("model_calls") / episodes;
    let ideal_rate = AT_ONCE * 1_000.0 / (LATENCY_MS * calls);
    let share = episodes / run.wall_s / ideal_rate;
    Row {
        what: format!("the same at 200 ms, 1,000 at once, ideal {ideal_rate:.0} /s, start and end included"),
        reach: ">= 95 % of the ideal; < 300 MB".into(),
        measured: format!("{:.1} %; {:.0} MB; {:.1} s", share * 100.0, run.used.peak_mb, run.wall_s),
        reached: share >= 0.95 && run.used.peak_mb < 300.0,
    }
}
