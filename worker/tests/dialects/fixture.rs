//! Frozen conversations: what is to be sent, what a provider answers, and what is to be sent then. Written from the
//! providers' documentation, each with its sources, and not with this code; answers keep their odd bytes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use muster_episode::{Call, Message, Reply, Sampling, ToolResult, ToolSpec};
use muster_worker::{Conversation, Dialect, DialectConfig, Quirks, dialect};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The most output of a call in every fixture.
const MAX_OUTPUT_TOKENS: u32 = 4_096;

/// One conversation with one provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixture {
    /// Its file's name.
    #[serde(skip)]
    pub(crate) name: String,
    /// Where each of its facts is from.
    pub(crate) source: Vec<String>,
    /// The dialect's name.
    pub(crate) dialect: String,
    /// The profile's name.
    pub(crate) profile: String,
    /// The model.
    pub(crate) model: String,
    /// The route's quirks.
    pub(crate) quirks: Vec<Arc<str>>,
    /// What the scenario says.
    pub(crate) temperature: f64,
    /// The sweep's own fields.
    #[serde(default)]
    pub(crate) extra_body: Option<Box<RawValue>>,
    /// What follows the base address.
    pub(crate) path: String,
    /// What every request carries beside the key.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The calls, in order.
    pub(crate) turns: Vec<Turn>,
}

/// One call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turn {
    /// What is to be sent.
    pub(crate) request: Value,
    /// What the provider answers.
    pub(crate) answer: Box<RawValue>,
    /// What is to be made of it.
    pub(crate) said: Said,
    /// What the tools answer.
    #[serde(default)]
    pub(crate) results: Vec<Answered>,
}

/// A reply, for comparison.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    /// Its text.
    pub(crate) text: String,
    /// Its reasoning.
    pub(crate) reasoning: String,
    /// `end`, `tool_calls` or `length`.
    pub(crate) stop: String,
    /// Id, name and arguments of each call.
    pub(crate) calls: Vec<(String, String, String)>,
    /// In, cached, written to the cache, out, reasoning.
    pub(crate) tokens: [u64; 5],
    /// The system's name.
    #[serde(default)]
    pub(crate) fingerprint: String,
    /// What the provider says that it cost.
    #[serde(default)]
    pub(crate) cost_micro_usd: Option<u64>,
}

/// What one tool answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answered {
    content: String,
    is_error: bool,
}

/// What became of one turn.
pub(crate) struct Step {
    /// What was sent.
    pub(crate) request: Bytes,
    /// What was read.
    pub(crate) reply: Reply,
}

// === impl Fixture ===

impl Fixture {
    /// All of them, by name.
    pub(crate) fn all() -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dialects/fixtures");
        let entries = std::fs::read_dir(&folder).expect("the fixtures' folder");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
        files.sort();
        files.iter().map(Self::read).collect()
    }

    fn read(file: &PathBuf) -> Self {
        let name = file.file_stem().expect("name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).expect("fixture");
        let fixture: Self = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name, ..fixture }
    }

    /// Its dialect.
    pub(crate) fn dialect(&self) -> Arc<dyn Dialect> {
        dialect(DialectConfig {
            kind: self.dialect.parse().expect("dialect"),
            profile: self.profile.parse().expect("profile"),
            model: self.model.clone(),
            quirks: Quirks::parse(&self.quirks).expect("quirks"),
        })
    }

    /// Hold the conversation.
    pub(crate) fn play(&self) -> Vec<Step> {
        let dialect = self.dialect();
        let mut conversation = Conversation::default();
        let mut messages = opening();
        self.turns.iter().map(|turn| self.step(&*dialect, &mut conversation, &mut messages, turn)).collect()
    }

    fn step(
        &self,
        dialect: &dyn Dialect,
        conversation: &mut Conversation,
        messages: &mut Vec<Message>,
        turn: &Turn,
    ) -> Step {
        let (sampling, tools) = (self.sampling(), [tool()]);
        let call = Call { messages, tools: &tools, sampling: &sampling, seed: 7 };
        let request =
            dialect.encode(conversation, &call).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let reply = dialect.decode(turn.answer.get().as_bytes());
        let reply = reply.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let results = reply.tool_calls.iter().zip(&turn.results).map(|(call, answered)| {
            Message::Tool(ToolResult {
                call_id: call.id.clone(),
                name: call.name.clone(),
                content: answered.content.clone(),
                is_error: answered.is_error,
            })
        });
        let results: Vec<Message> = results.collect();
        messages.push(Message::Assistant(reply.clone()));
        messages.extend(results);
        Step { request, reply }
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            temperature: Some(self.temperature),
            top_p: None,
            max_output_tokens: MAX_OUTPUT_TOKENS,
            extra_body: self.extra_body.as_ref().map_or("", |extra| extra.get()).into(),
        }
    }
}

/// What every conversation begins with.
pub(crate) fn opening() -> Vec<Message> {
    vec![Message::System("You are an agent.".into()), Message::User("weather?".into())]
}

/// The tool of every conversation.
pub(crate) fn tool() -> ToolSpec {
    ToolSpec {
        name: "get_weather".into(),
        description: "The weather of a city, now.".into(),
        parameters: r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#.into(),
    }
}
