//! The processes around a run: the fake provider, and a coordinator that keeps its port.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde::Deserialize;

use crate::process::{Ended, Process};
use crate::sweep::suite;

/// The fake provider in a process of its own.
#[derive(Debug)]
pub struct Provider {
    process: Process,
    base_url: String,
}

/// The provider's own account of what it served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Stats {
    /// Requests for an answer, whatever became of them.
    pub requests: u64,
    /// Calls that were answered: paid.
    pub calls: u64,
    /// Of these, ones that asked the same as an earlier one.
    pub extra_calls: u64,
    /// Requests answered "too many requests".
    pub rate_limited: u64,
    /// Requests left without a word.
    pub hangs: u64,
}

/// A coordinator that can be killed and started again at its address.
#[derive(Debug)]
pub struct Coordinator {
    process: Option<Process>,
    data: PathBuf,
    address: String,
}

// === impl Provider ===

impl Provider {
    /// Starts it with these options beside its address.
    pub fn start(options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", options)
    }

    /// Starts it at an address that another had before.
    pub fn start_at(address: &str, options: &[&str]) -> Self {
        let suite = suite();
        let mut arguments = vec!["provider", "--listen", address, "--suite", &suite];
        arguments.extend_from_slice(options);
        let mut process = Process::start(&arguments, &[]);
        let line = process.line("listening on");
        let base_url = line.rsplit(' ').next().expect("an address").to_owned();
        Self { process, base_url }
    }

    /// Where it is, for `FAKE_BASE_URL`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The environment in which `openai-api/fake/...` reaches it.
    pub fn environment(&self) -> [(&str, &str); 2] {
        [("FAKE_BASE_URL", &self.base_url), ("FAKE_API_KEY", "none")]
    }

    /// Its account so far.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn stats(&self) -> Stats {
        let host = self.base_url.trim_start_matches("http://").trim_end_matches("/v1");
        let mut stream = TcpStream::connect(host).expect("the provider answers");
        let request = format!("GET /stats HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("the provider listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the provider answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body}"))
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

// === impl Coordinator ===

impl Coordinator {
    /// Starts it over a data directory, at a port that the kernel chooses.
    pub fn start(data: &Path) -> Self {
        let mut coordinator =
            Self { process: None, data: data.to_owned(), address: "127.0.0.1:0".to_owned() };
        coordinator.restart();
        coordinator
    }

    /// Where it is, as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it again at its address.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        let data = self.data.to_str().expect("a temporary folder's path is UTF-8");
        let mut process =
            Process::start(&["coordinator", "--listen", &self.address, "--data-dir", data], &[]);
        let line = process.line("listening on");
        self.address = line.rsplit(' ').next().expect("an address").to_owned();
        self.process = Some(process);
    }

    /// Ends it as a power button would.
    pub fn kill_9(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill_9();
        }
    }

    /// Asks it to end, as a service manager would, and waits until it has.
    ///
    /// # Panics
    /// When it was killed and not started again.
    pub fn terminate(&mut self) -> Ended {
        let process = self.process.take().expect("it runs");
        process.signal(Signal::SIGTERM);
        process.wait()
    }

    /// The number of its process.
    ///
    /// # Panics
    /// When it was killed and not started again.
    pub fn id(&self) -> u32 {
        self.process().id()
    }

    /// Its process.
    ///
    /// # Panics
    /// When it was killed and not started again.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }
}
