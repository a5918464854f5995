//! What a measurement stands on: a provider, a coordinator and workers, each a process of its own.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use muster_tests::{Coordinator, Process};
use serde::Deserialize;

/// A running fleet against one provider.
pub(crate) struct Stage {
    pub(crate) provider: Judge,
    pub(crate) coordinator: Coordinator,
    pub(crate) workers: Vec<Process>,
    environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
    slots: u32,
    begun: u32,
}

/// The fake provider, whose own account of its calls is the judge.
pub(crate) struct Judge {
    _process: Process,
    address: String,
    started: Instant,
}

/// One request, as the provider saw it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// When it came, in milliseconds since the provider's start.
    pub(crate) at_ms: f64,
    /// What it was answered.
    pub(crate) status: u16,
    /// The model that was asked for.
    pub(crate) model: String,
}

/// What came in one second, over all models.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Second {
    /// Which, since the provider's start.
    pub(crate) second: u64,
    pub(crate) answered: f64,
    pub(crate) rate_limited: f64,
    pub(crate) input_tokens: f64,
    pub(crate) cached_tokens: f64,
    pub(crate) output_tokens: f64,
    /// Tokens held against a limit on all of them, as the profile counts.
    pub(crate) held_tokens: f64,
}

// === impl Stage ===

impl Stage {
    /// Starts a provider with these options, a coordinator and so many workers, each with as many slots.
    pub(crate) fn new(options: &[&str], workers: u32, slots: u32) -> Self {
        let provider = Judge::start(options);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let coordinator = Coordinator::start(&folder.path().join("data"));
        let environment = provider.environment();
        let mut stage =
            Self { provider, coordinator, workers: Vec::new(), environment, folder, slots, begun: 0 };
        (0..workers).for_each(|_| stage.join());
        stage
    }

    /// One more worker.
    pub(crate) fn join(&mut self) {
        self.begun += 1;
        let spool = self.path(&format!("spool-{}", self.begun));
        let (url, slots) = (self.coordinator.url(), self.slots.to_string());
        let spool = spool.to_str().expect("a temporary folder's path is UTF-8");
        let worker = [
            "worker",
            "--coordinator",
            &url,
            "--slots",
            &slots,
            "--max-connections",
            &slots,
            "--spool",
            spool,
        ];
        self.workers.push(Process::start(&worker, &self.pairs()));
    }

    /// Kills the worker that has been there longest, as a power button would.
    pub(crate) fn kill_oldest(&mut self) {
        self.workers.remove(0).kill_9();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pairs(&self) -> Vec<(&str, &str)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Submits a sweep with these lines beside its name and suite; does not wait for it.
    pub(crate) fn submit(&self, name: &str, lines: &str) {
        let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/limits/suite");
        let text = format!("format = 1\nname = {name:?}\nsuite = {suite:?}\nseeds = 1000000\n{lines}\n");
        let file = self.path(&format!("{name}.toml"));
        std::fs::write(&file, text).expect("a temporary folder can be written");
        let file = file.to_str().expect("a temporary folder's path is UTF-8");
        let submit = ["submit", file, "--coordinator", &self.coordinator.url()];
        let ended = muster_tests::run(&submit, &self.pairs());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    /// Runs `muster` with these arguments against the coordinator.
    pub(crate) fn muster(&self, arguments: &[&str]) -> String {
        let url = self.coordinator.url();
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--coordinator", &url]).collect();
        let ended = muster_tests::run(&arguments, &self.pairs());
        assert_eq!(ended.code, Some(0), "{} {}", ended.stdout, ended.stderr);
        ended.stdout
    }
}

// === impl Judge ===

impl Judge {
    fn start(options: &[&str]) -> Self {
        let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/limits/suite");
        let mut arguments = vec!["provider", "--listen", "127.0.0.1:0", "--suite", suite];
        arguments.extend_from_slice(options);
        let mut process = Process::start(&arguments, &[]);
        let line = process.line("listening on");
        let address = line.rsplit(' ').next().expect("an address").to_owned();
        let address = address.trim_start_matches("http://").split('/').next().expect("a host").to_owned();
        Self { _process: process, address, started: Instant::now() }
    }

    /// All accounts that a measurement uses, at this provider.
    fn environment(&self) -> Vec<(String, String)> {
        let address = |path: &str| format!("http://{}{path}", self.address);
        let pair = |name: &str, value: String| (name.to_owned(), value);
        let mut pairs = Vec::new();
        for (name, path) in [
            ("FAKE", "/v1"),
            ("OPENAI", "/v1"),
            ("ANTHROPIC", "/v1"),
            ("GEMINI", "/v1beta"),
            ("MOONSHOT", "/v1"),
        ] {
            pairs.push(pair(&format!("{name}_BASE_URL"), address(path)));
            pairs.push(pair(&format!("{name}_API_KEY"), "none".to_owned()));
        }
        pairs
    }

    /// Milliseconds since its start.
    pub(crate) fn now_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1_000.0
    }

    /// Its account, without the calls.
    pub(crate) fn account(&self) -> serde_json::Value {
        serde_json::from_str(&self.ask("GET", "/stats", "")).expect("JSON")
    }

    /// What came in each second.
    pub(crate) fn seconds(&self) -> Vec<Second> {
        let models: BTreeMap<String, Vec<Second>> =
            serde_json::from_str(&self.ask("GET", "/stats/seconds", "")).expect("seconds by model");
        models.into_values().flatten().collect()
    }

    /// The calls that it remembers.
    pub(crate) fn calls(&self) -> Vec<Call> {
        #[derive(Deserialize)]
        struct Calls {
            models: Vec<String>,
            calls: Vec<(f64, usize, u16, u64, u64)>,
        }
        let told: Calls = serde_json::from_str(&self.ask("GET", "/stats/calls", "")).expect("calls");
        let call = |(at_ms, model, status, ..): (f64, usize, u16, u64, u64)| Call {
            at_ms,
            status,
            model: told.models.get(model).cloned().unwrap_or_default(),
        };
        told.calls.into_iter().map(call).collect()
    }

    /// Changes its limits.
    pub(crate) fn set_limits(&self, body: &str) {
        self.ask("POST", "/control/limits", body);
    }

    /// Has the next request answered 429 with a Retry-After of so long.
    pub(crate) fn retry_after(&self, seconds: u32) {
        self.ask("POST", "/control/refuse-next", &format!("{{\"retry_after_s\":{seconds}}}"));
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("the provider answers");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("the provider listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the provider answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head} {body}");
        body.to_owned()
    }
}

/// Waits so long.
pub(crate) fn wait(duration: Duration) {
    let until = Instant::now() + duration;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}
