//! One `muster` process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A running process. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Option<ChildStdout>,
    stderr: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// A process that has ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// The path of the `muster` binary of this build, which is built first where it is missing or old.
///
/// # Panics
/// When it can't be built.
pub fn muster() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let own = std::env::current_exe().expect("this program's path");
    let folder = own.ancestors().find(|path| path.ends_with("debug") || path.ends_with("release"));
    let folder = folder.expect("tests run from a target folder").to_owned();
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["build", "--quiet", "--locked", "--package", "muster", "--manifest-path"]);
    cargo.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo runs").success(), "muster does not build");
    folder.join("muster")
}

/// Runs `muster` to its end.
///
/// # Panics
/// When it can't be started.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    Process::start(arguments, environment).wait()
}

// === impl Process ===

impl Process {
    /// Starts `muster`.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(muster());
        command.args(arguments).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("muster starts");
        let stdout = child.stdout.take();
        let lines = BufReader::new(child.stderr.take().expect("piped"));
        let stderr = Arc::new(Mutex::new(String::new()));
        let gathered = Arc::clone(&stderr);
        let reader = thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
                gathered.push_str(&line);
                gathered.push('\n');
            }
        });
        Self { child, stdout, stderr, reader: Some(reader) }
    }

    /// The first line of standard error that holds `mark`. Waits for it.
    ///
    /// # Panics
    /// When the process ends without it.
    pub fn line(&mut self, mark: &str) -> String {
        loop {
            let ended = self.has_ended();
            if let Some(line) = self.stderr().lines().find(|line| line.contains(mark)) {
                return line.to_owned();
            }
            assert!(!ended, "muster ended before it said {mark:?}; it said:\n{}", self.stderr());
            thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }

    /// What it has said on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// When the kernel does not know it.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process numbers are small");
        // One that has just ended can't be signalled, and need not be.
        drop(kill(Pid::from_raw(id), signal));
    }

    /// Ends it as a power button would, and waits until it is gone.
    pub fn kill_9(mut self) {
        self.signal(Signal::SIGKILL);
        drop(self.child.wait());
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When its output can't be read.
    pub fn wait(mut self) -> Ended {
        let mut stdout = String::new();
        if let Some(mut pipe) = self.stdout.take() {
            pipe.read_to_string(&mut stdout).expect("muster prints UTF-8");
        }
        let code = self.child.wait().expect("a child of ours").code();
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
        Ended { code, stdout, stderr: self.stderr() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.signal(Signal::SIGKILL);
        }
        drop(self.child.wait());
    }
}
