//! How fast one worker process makes calls, and what a call costs it: episodes of six calls against a provider in another
//! process.
//!
//! ```text
//! cargo run --release -p muster-provider --example serve        # prints its address
//! cargo run --release -p muster-worker --example calls ADDRESS [EPISODES] [AT_ONCE]
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use muster_episode::{Call, Message, Sampling, ToolResult, ToolSpec};
use muster_worker::{Caller, CallerConfig, Conversation, Http, HttpConfig, PaceConfig, route};
use tokio_util::sync::CancellationToken;

const CALLS_AN_EPISODE: usize = 6;

/// A system prompt and a task, as large as the first suite's.
const PROMPT_BYTES: usize = 3_500;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let address = words.first().ok_or("usage: calls ADDRESS [EPISODES] [AT_ONCE]")?;
    let episodes = words.get(1).map_or(Ok(20_000), |word| word.parse())?;
    let at_once = words.get(2).map_or(Ok(64), |word| word.parse())?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(address, episodes, at_once))
}

async fn run(address: &str, episodes: usize, at_once: u32) -> Result<(), Box<dyn Error>> {
    let route = route(&BTreeMap::new(), "sim/rehearsal", Some(address))?;
    let pace = PaceConfig { max_connections: at_once, ..PaceConfig::default() };
    let config = CallerConfig { pace, ..CallerConfig::default() };
    let caller = Arc::new(Caller::new(&Http::new(HttpConfig::default()), route, config)?);
    let begun = Arc::new(AtomicUsize::new(0));
    let (cpu, begin) = (cpu_s()?, Instant::now());
    let slots: Vec<_> =
        (0..at_once).map(|_| tokio::spawn(slot(Arc::clone(&caller), Arc::clone(&begun), episodes))).collect();
    for slot in slots {
        slot.await??;
    }
    let (cpu, wall) = (cpu_s()? - cpu, begin.elapsed().as_secs_f64());
    let calls = (episodes * CALLS_AN_EPISODE) as f64;
    println!(
        "{:.0} calls/s, {:.0} episodes/s; {:.1} us of CPU a call, {:.3} ms an episode",
        calls / wall,
        episodes as f64 / wall,
        cpu / calls * 1e6,
        cpu / episodes as f64 * 1e3
    );
    Ok(())
}

async fn slot(
    caller: Arc<Caller>,
    begun: Arc<AtomicUsize>,
    episodes: usize,
) -> Result<(), muster_worker::CallError> {
    let cancel = CancellationToken::new();
    let sampling =
        Sampling { temperature: None, top_p: None, max_output_tokens: 1_024, extra_body: Arc::from("") };
    let tools = [tool("list_files"), tool("read_file"), tool("write_file"), tool("delete_file")];
    loop {
        let seed = begun.fetch_add(1, Ordering::Relaxed);
        if seed >= episodes {
            return Ok(());
        }
        let mut messages =
            vec![Message::System("x".repeat(PROMPT_BYTES).into()), Message::User("Begin.".into())];
        let mut conversation = Conversation::default();
        for _ in 0..CALLS_AN_EPISODE {
            let call = Call { messages: &messages, tools: &tools, sampling: &sampling, seed: seed as u32 };
            let reply = caller.call(&mut conversation, &call, &cancel).await?.reply;
            let results: Vec<Message> = reply.tool_calls.iter().map(|call| result(&call.id)).collect();
            messages.push(Message::Assistant(reply));
            messages.extend(results);
        }
    }
}

fn tool(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.into(),
        description: "Does what its name says, and tells what came of it.".into(),
        parameters: r#"{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}"#.into(),
    }
}

fn result(call_id: &str) -> Message {
    let content = "a line of a file, or of a list of files\n".repeat(10);
    Message::Tool(ToolResult { call_id: call_id.into(), name: "list_files".into(), content, is_error: false })
}

/// CPU time of this process, user and system, in seconds; Linux's clock ticks are hundredths.
fn cpu_s() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).ok_or("no CPU time");
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}
