//! What the machine refuses: open files, disk space, a connection that lasts.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use muster_tests::{Coordinator, Process, Provider, SweepFile, eventually, run};

use crate::stage::{Stage, calm, ended_with, two_variants};

const OBEDIENT: &str = "openai-api/fake/sim/obedient";

#[test]
fn more_calls_at_once_than_the_usual_limit_of_open_files_are_made_all_the_same() {
    let stage = Stage::new(&["--latency-ms", "500"], two_variants(&[OBEDIENT], 150, ""));
    let (file, data) = (stage.sweep.argument(), stage.sweep.data());
    let command = ["run", &file, "--data-dir", &data, "--max-connections", "300", "--json"];
    let process = Process::start_after("ulimit -Sn 100", &command, &stage.provider.environment());
    let summary = ended_with(&process.wait(), 0);
    assert_eq!((summary.completed, summary.retries, summary.paid_twice), (300, 0, 0), "{summary:?}");
}

#[test]
fn a_disk_that_takes_no_more_ends_the_run_and_the_next_one_loses_nothing() {
    let stage = Stage::new(&["--words", "400"], SweepFile::tampering(&[OBEDIENT], 12));
    let (file, data) = (stage.sweep.argument(), stage.sweep.data());
    let command = ["run", &file, "--data-dir", &data, "--max-connections", "8", "--json"];
    // No file may be longer than 600 blocks of 512 bytes, which the suite's files fit into; writing on is an error instead
    // of a signal.
    let full = "trap '' XFSZ; ulimit -f 600";
    let ended = Process::start_after(full, &command, &stage.provider.environment()).wait();
    calm(&ended);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.stdout, "", "it speaks of a sweep of which it knows no more");
    for words in ["journal", "File too large", "what was acknowledged is safe"] {
        assert!(ended.stderr.contains(words), "{words:?} is missing in {}", ended.stderr);
    }
    let kept = stage.json(&["status", "1"]);
    assert!(kept["model_calls"].as_u64() > Some(0), "{kept}");
    let summary = stage.completed(&[]);
    let extra = stage.provider.stats().calls - summary.model_calls;
    assert!(extra <= 8 && extra <= summary.paid_twice, "{extra} calls were made again: {summary:?}");
    assert_eq!(stage.json(&["replay", "1"])["identical"], summary.jobs);
}

/// A cable between a worker and its coordinator that can be cut.
struct Cable {
    address: String,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

// === impl Cable ===

impl Cable {
    fn to(coordinator: &Coordinator) -> Self {
        let target = coordinator.url().replace("http://", "");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let streams = Arc::new(Mutex::new(Vec::new()));
        let plugged = Arc::clone(&streams);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&target) else { continue };
                let clone = |stream: &TcpStream| stream.try_clone().expect("a socket");
                let mut plugged = plugged.lock().unwrap_or_else(PoisonError::into_inner);
                plugged.extend([clone(&near), clone(&far)]);
                let (near_again, far_again) = (clone(&near), clone(&far));
                thread::spawn(move || carry(near, far));
                thread::spawn(move || carry(far_again, near_again));
            }
        });
        Self { address, streams }
    }

    /// Breaks every connection; whether there was any.
    fn cut(&self) -> bool {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let any = !streams.is_empty();
        for stream in streams.drain(..) {
            // One that is closed already is as good.
            drop(stream.shutdown(Shutdown::Both));
        }
        any
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
}

#[test]
fn a_worker_that_is_cut_off_again_and_again_throws_no_episode_away() {
    let provider = Provider::start(&["--latency-ms", "40"]);
    let sweep = SweepFile::tampering(&[OBEDIENT], 1);
    let coordinator = Coordinator::start(&sweep.folder("data"));
    let cable = Cable::to(&coordinator);
    let (file, url) = (sweep.argument(), coordinator.url());
    let submit = ["submit", &file, "--coordinator", &url, "--json"];
    assert_eq!(run(&submit, &[]).code, Some(0));
    let (through, spool) = (format!("http://{}", cable.address), sweep.folder("spool"));
    let worker =
        ["worker", "--coordinator", &through, "--slots", "8", "--spool", spool.to_str().expect("UTF-8")];
    let worker = Process::start(&worker, &provider.environment());
    for calls in (20..=260).step_by(40) {
        eventually("calls", || (provider.stats().calls >= calls).then_some(()));
        assert!(cable.cut(), "nothing was plugged in");
    }
    let summary = ended_with(&run(&[&submit[..], &["--wait"]].concat(), &[]), 0);
    let (stats, said) = (provider.stats(), worker.stderr());
    assert_eq!(summary.completed, 57, "{summary:?}\n{said}");
    assert_eq!((stats.calls, stats.extra_calls), (summary.model_calls, 0), "{summary:?}\n{said}");
    // A grant that is lost on its way looks like a lost episode: it is counted, for the count is an upper bound.
    assert!(summary.paid_twice <= 7 * 8, "{summary:?}");
    assert!(
        !fs::exists(spool.join("unacknowledged")).unwrap_or(true),
        "what is acknowledged is still spooled"
    );
    assert!(said.matches("connected to the coordinator").count() > 7, "{said}");
}
