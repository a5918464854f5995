//! One answer, whatever it holds, read and sent back. The mutations of `cargo test` and the fuzz targets share it.

use std::sync::Arc;

use muster_episode::{Call, Message, Reply, Sampling, ToolResult, ToolSpec};
use muster_worker::{
    AnswerError, ChatProfile, Conversation, Dialect, DialectConfig, DialectKind, Quirks, dialect,
};
use serde::de::IgnoredAny;

/// The longest id that is made up for a call, 64 characters of an answer's name in it.
const MAX_MADE_UP_ID_BYTES: usize = 300;

/// A dialect whose answers are read and sent back.
pub(crate) struct Echo {
    kind: DialectKind,
    dialect: Arc<dyn Dialect>,
    tools: [ToolSpec; 1],
    sampling: Sampling,
}

// === impl Echo ===

impl Echo {
    /// Of one kind; Chat as the profile speaks it that looks at the most fields.
    pub(crate) fn new(kind: DialectKind) -> Self {
        let (profile, model, quirks) = (ChatProfile::OpenRouter, "m".to_owned(), Quirks::default());
        let tool = ToolSpec { name: "t".into(), description: "T.".into(), parameters: "{}".into() };
        Self {
            kind,
            dialect: dialect(DialectConfig { kind, profile, model, quirks }),
            tools: [tool],
            sampling: Sampling {
                temperature: None,
                top_p: None,
                max_output_tokens: 9,
                extra_body: "".into(),
            },
        }
    }

    /// Read an answer, answer its tool calls, and encode the next request.
    ///
    /// # Panics
    /// If what goes back is not what came, or is no JSON; if reading it made it grow; or if the dialect panics.
    pub(crate) fn survive(&self, answer: &[u8]) -> Result<Reply, AnswerError> {
        let _ = self.dialect.cost_micro_usd(answer);
        let reply = self.dialect.decode(answer)?;
        assert!(contains(answer, &reply.raw), "what is kept is not what came");
        // As received and as read, and an id for each call that came without one.
        let bound = 2 * answer.len() + MAX_MADE_UP_ID_BYTES * reply.tool_calls.len();
        assert!(kept_bytes(&reply) <= bound, "what is kept has grown");
        let tokens = reply.tokens;
        assert!(tokens.reasoning <= tokens.output, "more reasoning than output");
        assert!(
            tokens.cached_input.saturating_add(tokens.cache_write) <= tokens.input,
            "more cached than input"
        );
        self.send_back(reply.clone());
        Ok(reply)
    }

    fn send_back(&self, reply: Reply) {
        let raw = reply.raw.clone();
        let results: Vec<Message> = reply.tool_calls.iter().map(result).collect();
        let mut messages =
            vec![Message::System("S".into()), Message::User("U".into()), Message::Assistant(reply)];
        messages.extend(results);
        let call = Call { messages: &messages, tools: &self.tools, sampling: &self.sampling, seed: 7 };
        let body =
            self.dialect.encode(&mut Conversation::default(), &call).expect("own words can be said again");
        serde_json::from_slice::<IgnoredAny>(&body).expect("a request is JSON");
        let sent = match self.kind {
            // The items of the list, in a longer one.
            DialectKind::OpenAiResponses if !raw.is_empty() => raw[1..raw.len() - 1].trim_ascii(),
            _ => &raw[..],
        };
        assert!(contains(&body, sent), "what goes back is not what came");
    }
}

fn result(call: &muster_episode::ToolCall) -> Message {
    let is_error = call.arguments.len() % 2 == 1;
    Message::Tool(ToolResult {
        call_id: call.id.clone(),
        name: call.name.clone(),
        content: call.arguments.clone(),
        is_error,
    })
}

fn kept_bytes(reply: &Reply) -> usize {
    let calls = reply.tool_calls.iter().map(|call| call.id.len() + call.name.len() + call.arguments.len());
    reply.raw.len() + reply.text.len() + reply.reasoning.len() + calls.sum::<usize>()
}

/// Whether bytes stand somewhere in others.
pub(crate) fn contains(whole: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    let starts = whole.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts.into_iter().any(|(at, _)| whole[at..].starts_with(part))
}
