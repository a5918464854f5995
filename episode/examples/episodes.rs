//! How fast the engine is by itself, in one thread: `cargo run --release -p muster-episode --example episodes`.
//! Episodes of the obedient player are first played once, with the player, and then fed the same answers again.
//! Times are the thread's own on a processor, where the system tells them, so that a busy machine does not lie.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use muster_episode::{
    Action, Bundle, Catalog, Conversation, Episode, Expander, JobPlan, Meter, Playbook, Reply, Said, Step,
    StopReason, Suite, SweepFile, SweepPlan, TokenUsage, ToolCall, replay,
};

type AnyError = Box<dyn std::error::Error>;

const SWEEP: &str = "format = 1\nname = \"bench\"\nsuite = \".\"\nscenarios = [\"tampering\"]\nmodels = [\"sim/obedient\", \"sim/protective\"]";
/// Jobs whose answers are recorded.
const RECORDED: u64 = 570;
/// Times that all of them are played again.
const ROUNDS: u32 = 100;

fn main() -> Result<(), AnyError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../suites/peer-preservation");
    let mut files = BTreeMap::new();
    gather(&root, &root, &mut files)?;
    let bundle = Bundle::new(files)?;
    let (loading, suite) = timed(|| Suite::load(&bundle));
    let suite = Arc::new(suite?);
    println!("loading and checking the suite   {:>9.1} ms", loading.as_secs_f64() * 1e3);

    let file = SweepFile::parse("bench.toml", SWEEP)?;
    let plan = Arc::new(SweepPlan::resolve(&file, &suite, bundle.hash(), &Catalog::default(), None)?);
    let expander = Expander::new(Arc::clone(&suite), plan);
    let (expanding, checked) = timed(|| expander.check());
    checked?;
    println!("expanding a cell                 {:>9.1} us", per(expanding, 114));

    let playbook = Playbook::new(vec![Arc::clone(&suite)]);
    let mut recorded = Vec::new();
    let mut playing = Duration::ZERO;
    for ordinal in 0..RECORDED {
        let job = expander.job(0, ordinal)?;
        recorded.push(Recorded { ordinal, ..play(job, &playbook, &mut playing)? });
    }
    let calls: usize = recorded.iter().map(|it| it.replies.len()).sum();
    println!("a player's turn                  {:>9.1} us", per(playing, calls as u64));
    println!("calls an episode                 {:>9.1}", calls as f64 / RECORDED as f64);
    let bytes: usize =
        recorded.iter().map(|it| it.turns.iter().map(Bytes::len).sum::<usize>() + it.end.len()).sum();
    println!("stored, before compression       {:>9.0} bytes an episode", bytes as f64 / RECORDED as f64);

    let (setup, ()) = timed(|| {
        for ordinal in 0..RECORDED * u64::from(ROUNDS) {
            if let Ok(job) = expander.job(0, ordinal) {
                black_box(Episode::begin(job));
            }
        }
    });
    println!("job and begin                    {:>9.1} us", per(setup, RECORDED * u64::from(ROUNDS)));

    let mut engine = Duration::ZERO;
    for _ in 0..ROUNDS {
        let replies: Vec<Vec<Reply>> = recorded.iter().map(|it| it.replies.clone()).collect();
        let (round, ()) = timed(|| {
            for (ordinal, replies) in (0..RECORDED).zip(replies) {
                black_box(run(&expander, ordinal, replies));
            }
        });
        engine += round;
    }
    let episodes = RECORDED * u64::from(ROUNDS);
    println!("an episode, engine only          {:>9.1} us", per(engine, episodes));
    println!("                                 {:>9.0} episodes/s", episodes as f64 / engine.as_secs_f64());

    let (replaying, same) = timed(|| recorded.iter().all(|it| it.replays(&expander)));
    println!("replaying an episode             {:>9.1} us, all the same: {same}", per(replaying, RECORDED));
    Ok(())
}

struct Recorded {
    ordinal: u64,
    replies: Vec<Reply>,
    turns: Vec<Bytes>,
    end: Bytes,
}

impl Recorded {
    fn replays(&self, expander: &Expander) -> bool {
        let job = expander.job(0, self.ordinal).ok();
        let again = job.and_then(|job| replay(job, &self.turns, &self.end).ok());
        again.is_some_and(|again| again.same_bytes)
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let (start, start_cpu) = (Instant::now(), on_processor());
    let result = work();
    let elapsed = start.elapsed();
    let busy = start_cpu.zip(on_processor()).map(|(start, end)| end - start);
    (busy.unwrap_or(elapsed), result)
}

/// The time that this thread has spent on a processor.
fn on_processor() -> Option<Duration> {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    schedule.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn per(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<String, Bytes>) -> Result<(), AnyError> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(root, &path, files)?;
            continue;
        }
        let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
        if Bundle::takes(&name) {
            files.insert(name, std::fs::read(&path)?.into());
        }
    }
    Ok(())
}

fn run(expander: &Expander, ordinal: u64, replies: Vec<Reply>) -> Option<Bytes> {
    let mut episode = Episode::begin(expander.job(0, ordinal).ok()?);
    for reply in replies {
        black_box(episode.next());
        black_box(episode.feed(reply, Meter::default()).ok()?);
    }
    episode.end()
}

fn play(job: Arc<JobPlan>, playbook: &Playbook, playing: &mut Duration) -> Result<Recorded, AnyError> {
    let mut recorded = Recorded { ordinal: 0, replies: Vec::new(), turns: Vec::new(), end: Bytes::new() };
    let mut episode = Episode::begin(job);
    while let Step::Call(call) = episode.next() {
        let said: Vec<Said<'_>> = call.messages.iter().map(Said::from).collect();
        let tools: Vec<&str> = call.tools.iter().map(|tool| &*tool.name).collect();
        let conversation = Conversation {
            model: &episode.plan().model().request_name,
            seed: u64::from(call.seed),
            messages: &said,
            tools: &tools,
            words: 25,
        };
        let (time, action) = timed(|| playbook.play(&conversation));
        *playing += time;
        let reply = reply(recorded.replies.len(), action?);
        recorded.replies.push(reply.clone());
        recorded.turns.push(episode.feed(reply, Meter::default())?);
    }
    recorded.end = episode.end().unwrap_or_default();
    Ok(recorded)
}

fn reply(turn: usize, action: Action) -> Reply {
    let call = |(index, (name, arguments)): (usize, (Arc<str>, String))| ToolCall {
        id: format!("call_{turn}_{index}"),
        name: name.to_string(),
        arguments,
    };
    Reply {
        raw: serde_json::json!({ "role": "assistant", "content": action.text }).to_string().into(),
        dialect: "openai-chat".into(),
        tool_calls: action.tool_calls.into_iter().enumerate().map(call).collect(),
        text: action.text,
        reasoning: action.reasoning,
        stop: StopReason::ToolCalls,
        tokens: TokenUsage { input: 1_500, output: 80, ..TokenUsage::default() },
        served_model: "sim/obedient".to_owned(),
        fingerprint: String::new(),
    }
}
