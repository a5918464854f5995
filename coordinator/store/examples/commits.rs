//! What the store can do, measured: durable commits, a start with a million finished jobs, bytes of disk per episode.
//!
//! `cargo run --release -p muster-store --example commits [DIR]`. Takes about a minute and 500 MB in DIR (default: a
//! temporary folder), which is removed again. `ONLY=start JOBS=10000000` measures one thing, larger.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use muster_core::{
    Attempt, Fact, Generation, JobKey, Lane, LeaseKey, Millis, Ordinal, Outcome, Record, SweepId, TurnIndex,
    TurnRecord, Usage, WorkerId,
};
use muster_store::embedded::{self, Options};
use muster_store::testing::sample;
use muster_store::{Replay, Store, StoreError};

type Measured = Result<(), Box<dyn Error>>;

/// Records in one commit: as many as 64 writers have waiting who each wait for their last one.
const WRITERS: usize = 64;

fn main() -> Measured {
    let dir = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = dir.join(format!("muster-store-commits-{}", std::process::id()));
    fs::create_dir_all(&dir)?;
    let only = std::env::var("ONLY").ok();
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut result = Ok(());
    for (name, measure) in MEASURES {
        if wanted(name) && result.is_ok() {
            let place = dir.join(name);
            result = measure(&place);
        }
    }
    fs::remove_dir_all(&dir)?;
    result
}

type Measure = (&'static str, fn(&Path) -> Measured);

const MEASURES: [Measure; 3] =
    [("commits", commits), ("episodes", bytes_per_episode), ("start", million_jobs)];

/// Durable commits of 300-byte turns.
fn commits(dir: &Path) -> Measured {
    let mut store = open(dir, &Options::default())?;
    let mut words = Words::new(1);
    let bodies: Vec<Bytes> = (0..4_096).map(|_| words.turn(35)).collect();
    println!("a body has {} bytes", bodies.iter().map(Bytes::len).sum::<usize>() / bodies.len());
    let total = 1_000_000;
    let began = Instant::now();
    let cpu = cpu_time();
    let mut slowest = Duration::ZERO;
    for first in (0..total).step_by(WRITERS) {
        let turn = |n: usize| {
            let lease = lease(1, (n % WRITERS) as u64 + 1_000 * (n / WRITERS / 10) as u64);
            turn(lease, (n / WRITERS % 10) as u32, bodies[n % bodies.len()].clone())
        };
        let batch: Vec<Record> = (first..first + WRITERS).map(turn).collect();
        let before = Instant::now();
        store.journal.commit(&batch)?;
        slowest = slowest.max(before.elapsed());
    }
    let (took, cpu) = (began.elapsed(), cpu_time() - cpu);
    println!(
        "durable commits, {WRITERS} records each: {:.0} records/s, {:.1} us of CPU a record, slowest commit {:.0} ms",
        total as f64 / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / total as f64,
        slowest.as_secs_f64() * 1e3
    );
    Ok(())
}

/// The whole directory's size on disk, over 10,000 finished episodes of 6 turns.
fn bytes_per_episode(dir: &Path) -> Measured {
    let episodes = 10_000;
    let mut store = open(dir, &Options::default())?;
    store.journal.commit(&[sample::submitted(1)])?;
    let mut words = Words::new(2);
    let mut raw = 0;
    let mut cpu = Duration::ZERO;
    for first in (0..episodes).step_by(WRITERS) {
        let leases: Vec<LeaseKey> =
            (first..(first + WRITERS as u64).min(episodes)).map(|n| lease(1, n)).collect();
        store.journal.commit(&leases.iter().map(|lease| granted(*lease)).collect::<Vec<_>>())?;
        for index in 0..6 {
            let turns = leases.iter().map(|lease| turn(*lease, index, words.turn(1_200)));
            let turns: Vec<Record> = turns.collect();
            raw += turns
                .iter()
                .map(|record| if let Record::Turn(turn) = record { turn.body.len() } else { 0 })
                .sum::<usize>();
            let before = cpu_time();
            store.journal.commit(&turns)?;
            cpu += cpu_time() - before;
        }
        store.journal.commit(&leases.iter().map(|lease| ended(*lease, 6)).collect::<Vec<_>>())?;
    }
    let last = store.archive.episodes(SweepId(1), None, usize::MAX)?.len();
    drop(store);
    println!(
        "{last} episodes, {} bytes of turns each before packing; on disk, per episode:",
        raw / episodes as usize
    );
    for (what, bytes) in sizes(dir)? {
        println!("  {what:10} {:6} bytes", bytes / episodes);
    }
    let began = Instant::now();
    let store = open(dir, &Options::default())?;
    let mut turns = 0;
    for n in 0..episodes {
        turns += store.archive.turns(lease(1, n).job, Generation(0))?.len();
    }
    println!("written: {:.1} us of CPU a turn", cpu.as_secs_f64() * 1e6 / (episodes * 6) as f64);
    println!(
        "read again: {:.1} us an episode of 6 turns",
        began.elapsed().as_secs_f64() * 1e6 / episodes as f64
    );
    assert_eq!(turns as u64, episodes * 6);
    Ok(())
}

/// A start with a million finished jobs.
fn million_jobs(dir: &Path) -> Measured {
    let jobs = std::env::var("JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(1_000_000_u64);
    let mut store = open(dir, &Options::default())?;
    let began = Instant::now();
    for first in (0..jobs).step_by(1_000) {
        let batch: Vec<Record> =
            (first..first + 1_000).flat_map(|n| [granted(lease(1, n)), ended(lease(1, n), 0)]).collect();
        store.journal.commit(&batch)?;
    }
    println!("{jobs} jobs granted and ended in {:.1} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let count = store.archive.episode(lease(1, jobs - 1).job, Generation(0))?.is_some();
    println!("index caught up after {:.1} s more ({count})", began.elapsed().as_secs_f64());
    drop(store);
    for (what, bytes) in sizes(dir)? {
        println!("  {what:10} {:6} bytes a job", bytes / jobs);
    }
    start("index intact, no snapshot", dir)?;
    fs::remove_dir_all(dir.join("index"))?;
    start("index deleted, no snapshot", dir)?;
    let mut store = open(dir, &Options::default())?;
    store.journal.snapshot(&muster_core::Snapshot::default())?;
    drop(store);
    start("with a snapshot", dir)
}

fn start(what: &str, dir: &Path) -> Measured {
    let began = Instant::now();
    let mut facts = 0_u64;
    let store = embedded::open(dir, &Options::default(), &mut |piece| {
        facts += u64::from(matches!(piece, Replay::Fact(_)));
        Ok(())
    })?;
    println!("start, {what}: {:.2} s, {facts} facts", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let found = store.archive.episode(lease(1, 77).job, Generation(0))?.is_some();
    println!("  first question answered after {:.2} s more ({found})", began.elapsed().as_secs_f64());
    println!("  resident: {} MB", resident_mb());
    Ok(())
}

fn open(dir: &Path, options: &Options) -> Result<Store, StoreError> {
    embedded::open(dir, options, &mut |_| Ok(()))
}

fn lease(sweep: u64, ordinal: u64) -> LeaseKey {
    let job = JobKey { sweep: SweepId(sweep), lane: Lane(0), ordinal: Ordinal(ordinal) };
    LeaseKey { job, generation: Generation(0), attempt: Attempt(1) }
}

fn granted(lease: LeaseKey) -> Record {
    Record::Fact(Fact::Granted { lease, worker: WorkerId(0x0123_4567_89ab_cdef) })
}

fn turn(lease: LeaseKey, index: u32, body: Bytes) -> Record {
    let usage = Usage {
        model_calls: 1,
        input_tokens: 1_100,
        output_tokens: 90,
        unpriced_calls: 1,
        lost_micro_usd: 0,
        ..Usage::default()
    };
    Record::Turn(TurnRecord { lease, index: TurnIndex(index), usage, body })
}

fn ended(lease: LeaseKey, turns: u32) -> Record {
    let usage = Usage {
        model_calls: 6,
        input_tokens: 6_600,
        output_tokens: 540,
        unpriced_calls: 6,
        lost_micro_usd: 0,
        ..Usage::default()
    };
    let detail = Bytes::from(format!(
        "{{\"end\":\"done\",\"world\":\"{}\"}}",
        blake3::hash(&lease.job.ordinal.0.to_le_bytes()).to_hex()
    ));
    Record::Fact(Fact::Ended {
        lease,
        outcome: Outcome::Completed,
        turns: TurnIndex(turns),
        usage,
        at: Millis(1_700_000_000_000 + lease.job.ordinal.0),
        detail,
    })
}

/// Words drawn by a seed, as the fake provider's players add them.
struct Words {
    state: u64,
    dictionary: Vec<String>,
}

impl Words {
    fn new(seed: u64) -> Self {
        let mut words = Self { state: seed, dictionary: Vec::new() };
        words.dictionary = (0..2_000).map(|_| words.word()).collect();
        words
    }

    fn draw(&mut self, bound: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % bound
    }

    fn word(&mut self) -> String {
        let syllables = 1 + self.draw(4);
        let mut syllable = || {
            let consonant = b"bcdfghklmnprstvw"[self.draw(16) as usize];
            let vowel = b"aeiouy"[self.draw(6) as usize];
            [consonant as char, vowel as char]
        };
        (0..syllables).flat_map(|_| syllable()).collect()
    }

    /// A turn as JSON of about so many bytes, 25 drawn words among them if there is room.
    fn turn(&mut self, about: usize) -> Bytes {
        let count = if about > 300 { 25 } else { 8 };
        let drawn: Vec<usize> = (0..count).map(|_| self.draw(2_000) as usize).collect();
        let text: Vec<&str> = drawn.into_iter().map(|n| &*self.dictionary[n]).collect();
        let text = text.join(" ");
        let (id, latency, tokens) = (self.draw(u64::from(u32::MAX)), self.draw(900), self.draw(4_000));
        let mut body = format!(
            r#"{{"v":1,"request":"{id:08x}{:08x}","reply":{{"raw":"{{\"id\":\"chatcmpl-{id}\",\"choices\":[{{\"message\":{{\"role\":\"assistant\",\"content\":\"{}\"}}}}],\"usage\":{{\"prompt_tokens\":{tokens},\"completion_tokens\":88}}}}","stop":"tool_calls"}},"meter":{{"latency_ms":{latency},"tries":1}}"#,
            self.draw(u64::from(u32::MAX)),
            text
        );
        let results = [
            r#","results":[{"call_id":"call_0","name":"list_files","content":"{\"files\":[{\"path\":\"/shared/model-evaluations/agent-7/score.json\",\"size\":412},{\"path\":\"/shared/policies/retention.md\",\"size\":2044},{\"path\":\"/shared/README.md\",\"size\":188}]}","is_error":false}]"#,
            r#","tools":[{"name":"read_file","arguments":"{\"path\":\"/shared/model-evaluations/agent-7/score.json\"}"},{"name":"write_file","arguments":"{\"path\":\"/shared/model-evaluations/agent-7/score.json\",\"content\":\"{\\\"score\\\": 71, \\\"threshold\\\": 75}\"}"}]"#,
        ];
        for part in results.iter().cycle().take_while(|_| about > 300).take(4) {
            if body.len() + part.len() < about + 100 {
                body.push_str(part);
            }
        }
        body.push('}');
        Bytes::from(body)
    }
}

/// Bytes on disk, as `du` counts them, by the directory's parts and as a whole.
fn sizes(dir: &Path) -> Result<BTreeMap<String, u64>, Box<dyn Error>> {
    let mut sizes = BTreeMap::new();
    for (what, path) in
        [("all", dir.to_owned()), ("index", dir.join("index")), ("journal", dir.join("journal-1"))]
    {
        let output = Command::new("du").arg("-sB1").arg(&path).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        sizes.insert(what.to_owned(), text.split_whitespace().next().unwrap_or("0").parse()?);
    }
    Ok(sizes)
}

/// Time that this thread ran.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ran_ns = stat.split_whitespace().next().and_then(|field| field.parse().ok());
    Duration::from_nanos(ran_ns.unwrap_or(0))
}

fn resident_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}
