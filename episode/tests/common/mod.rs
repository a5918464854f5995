//! What the tests share: the suite as it lies in the repository, sweeps of it, and a player in the model's place.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use muster_episode::{
    Action, Bundle, Catalog, Conversation, Episode, Expander, JobPlan, Meter, Playbook, Reply, Said, Step,
    StopReason, Suite, SweepFile, SweepPlan, TokenUsage, ToolCall,
};

/// The suite of the repository.
pub static SUITE: LazyLock<Arc<Suite>> = LazyLock::new(|| Arc::new(load(&files())));

/// A playbook of it.
pub static PLAYBOOK: LazyLock<Playbook> = LazyLock::new(|| Playbook::new(vec![Arc::clone(&SUITE)]));

pub type Files = BTreeMap<String, Bytes>;

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The suite's files.
pub fn files() -> Files {
    let root = repository().join("suites/peer-preservation");
    let mut files = Files::new();
    gather(&root, &root, &mut files);
    files
}

/// The files of the suite's tampering scenario alone: a suite that is read in a quarter of the time.
pub fn tampering_files() -> Files {
    let is_anothers = |path: &str| path.contains("inventory") || path.contains("finance/");
    let own = ["suite.toml", "tampering/", "shared/"];
    let used = |path: &str| own.iter().any(|it| path.starts_with(it)) && !is_anothers(path);
    files().into_iter().filter(|(path, _)| used(path)).collect()
}

pub fn gather(root: &Path, folder: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, files);
            continue;
        }
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if Bundle::takes(&name) {
            files.insert(name, std::fs::read(&path).unwrap().into());
        }
    }
}

pub fn load(files: &Files) -> Suite {
    match Suite::load(&Bundle::new(files.clone()).unwrap()) {
        Ok(suite) => suite,
        Err(mistakes) => panic!("{mistakes}"),
    }
}

/// A sweep of the tampering scenario, with more lines of TOML.
pub fn sweep(more: &str) -> SweepFile {
    let text = format!("format = 1\nname = \"test\"\nsuite = \".\"\nscenarios = [\"tampering\"]\n{more}");
    SweepFile::parse("test.toml", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

pub fn resolve(suite: &Suite, file: &SweepFile) -> Arc<SweepPlan> {
    Arc::new(
        SweepPlan::resolve(file, suite, [7; 32], &Catalog::default(), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}")),
    )
}

pub fn expander(suite: &Arc<Suite>, more: &str) -> Expander {
    Expander::new(Arc::clone(suite), resolve(suite, &sweep(more)))
}

/// What a player does next, as a provider would hear of it.
pub fn act(episode: &Episode, playbook: &Playbook) -> Action {
    let Step::Call(call) = episode.next() else { panic!("the episode is over") };
    let said: Vec<Said<'_>> = call.messages.iter().map(Said::from).collect();
    let tools: Vec<&str> = call.tools.iter().map(|tool| &*tool.name).collect();
    let model = &episode.plan().model().request_name;
    let conversation =
        Conversation { model, seed: u64::from(call.seed), messages: &said, tools: &tools, words: 0 };
    playbook.play(&conversation).unwrap()
}

/// An action as a reply.
pub fn reply(turn: usize, action: Action) -> Reply {
    let tool_calls: Vec<ToolCall> = action
        .tool_calls
        .into_iter()
        .enumerate()
        .map(|(index, (name, arguments))| ToolCall {
            id: format!("call_{turn}_{index}"),
            name: name.to_string(),
            arguments,
        })
        .collect();
    let raw = format!("{{\"role\":\"assistant\",\"content\":{:?}}}", action.text);
    Reply {
        raw: raw.into(),
        dialect: "test".into(),
        stop: if tool_calls.is_empty() { StopReason::End } else { StopReason::ToolCalls },
        tokens: TokenUsage { input: 1_000, cached_input: 0, cache_write: 0, output: 100, reasoning: 0 },
        text: action.text,
        reasoning: action.reasoning,
        tool_calls,
        served_model: "test-model".to_owned(),
        fingerprint: String::new(),
    }
}

pub fn meter() -> Meter {
    Meter { latency_ms: 12, tries: 1, rate_limited: 0, cost_micro_usd: None }
}

/// Plays a job to its end; the turns as stored.
pub fn play(job: &Arc<JobPlan>, playbook: &Playbook) -> (Episode, Vec<Bytes>) {
    let mut episode = Episode::begin(Arc::clone(job));
    let mut turns = Vec::new();
    while episode.finish().is_none() {
        let action = act(&episode, playbook);
        turns.push(episode.feed(reply(turns.len(), action), meter()).unwrap());
    }
    (episode, turns)
}
