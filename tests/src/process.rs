//! One `muster` process. None is waited for without end: one that falls silent is killed, and the test fails with its
//! last words.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that says nothing for so long hangs: one at work says how far it is every 5 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How often is looked whether something has come.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A running process. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    stdout: Listener,
    stderr: Listener,
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

/// What comes out of one of a process's pipes.
#[derive(Debug)]
struct Listener {
    heard: Arc<Mutex<Heard>>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Heard {
    text: String,
    last: Instant,
}

/// The path of the `muster` binary: the one that `MUSTER_BINARY` names, or else that of this build, which is built first
/// where it is missing or old.
///
/// # Panics
/// When it can't be built.
pub fn muster() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| std::env::var_os("MUSTER_BINARY").map_or_else(build, PathBuf::from)).clone()
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

/// A program without what the tester's own surroundings say of logs and terminals.
fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for variable in ["MUSTER_LOG", "RUST_LOG", "COLUMNS", "MUSTER_PROVIDER_KEY"] {
        command.env_remove(variable);
    }
    command
}

/// Runs `muster` to its end.
///
/// # Panics
/// When it can't be started.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    Process::start(arguments, environment).wait()
}

/// Waits until `look` finds something.
///
/// # Panics
/// When it finds nothing within a minute; `what` says what was waited for.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SILENCE_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain waited for: {what}");
        thread::park_timeout(LOOK_EVERY);
    }
}

// === impl Process ===

impl Process {
    /// Starts `muster`.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(command(muster()).args(arguments).envs(environment.iter().copied()), arguments)
    }

    /// Starts `muster` in a folder.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start_in(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(muster());
        command.current_dir(folder).args(arguments).envs(environment.iter().copied());
        Self::spawn(&mut command, arguments)
    }

    /// Starts `muster` where the shell has said this first: `ulimit -Sn 64`.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start_after(shell: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command("sh");
        command.arg("-c").arg(format!("{shell}; exec \"$0\" \"$@\"")).arg(muster());
        Self::spawn(command.args(arguments).envs(environment.iter().copied()), arguments)
    }

    fn spawn(command: &mut Command, arguments: &[&str]) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("muster starts");
        let stdout = Listener::new(child.stdout.take().expect("piped"));
        let stderr = Listener::new(child.stderr.take().expect("piped"));
        Self { child, name: format!("muster {}", arguments.join(" ")), stdout, stderr }
    }

    /// The first line of standard error that holds `mark`. Waits for it.
    ///
    /// # Panics
    /// When the process ends without it, or a minute passes.
    pub fn line(&mut self, mark: &str) -> String {
        let deadline = Instant::now() + SILENCE_MAX;
        loop {
            let ended = self.has_ended();
            if ended {
                self.stderr.finish();
            }
            if let Some(line) = self.stderr().lines().find(|line| line.contains(mark)) {
                return line.to_owned();
            }
            if ended || Instant::now() > deadline {
                let what = if ended { "ended" } else { "ran for a minute" };
                panic!("`{}` {what} and did not say {mark:?}; it said:\n{}", self.name, self.stderr());
            }
            thread::park_timeout(LOOK_EVERY);
        }
    }

    /// What it has said on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.heard().text.clone()
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
        let _ = kill(Pid::from_raw(id), signal);
    }

    /// Ends it as a power button would, and waits until it is gone.
    pub fn kill_9(mut self) {
        self.signal(Signal::SIGKILL);
        drop(self.child.wait());
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it says nothing for a minute: it hangs, and is killed.
    pub fn wait(mut self) -> Ended {
        while !self.has_ended() {
            let last = self.stdout.heard().last.max(self.stderr.heard().last);
            if last.elapsed() > SILENCE_MAX {
                panic!("`{}` hangs; it said:\n{}", self.name, self.stderr());
            }
            thread::park_timeout(LOOK_EVERY);
        }
        let code = self.child.wait().expect("a child of ours").code();
        self.stdout.finish();
        self.stderr.finish();
        Ended { code, stdout: self.stdout.heard().text.clone(), stderr: self.stderr() }
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

// === impl Listener ===

impl Listener {
    fn new(pipe: impl Read + Send + 'static) -> Self {
        let heard = Arc::new(Mutex::new(Heard { text: String::new(), last: Instant::now() }));
        let gathered = Arc::clone(&heard);
        let reader = thread::spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let mut heard = lock(&gathered);
                heard.text.push_str(&String::from_utf8_lossy(&line));
                heard.last = Instant::now();
                line.clear();
            }
        });
        Self { heard, reader: Some(reader) }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard)
    }

    /// The process has ended: all that it said is read.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
