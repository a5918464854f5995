//! A transcript for people: what was said, called and answered, wrapped to the terminal and made harmless.

use std::fmt::Write as _;

use muster_episode::{Finish, FinishKind, LimitKind, Message, Replay, Reply, ToolCall, ToolResult, Turn};
use muster_proto::v1;
use serde_json::{Value, json};

use crate::dossier::{Dossier, Ended};
use crate::failure::Failure;
use crate::terminal;

/// A tool's answer is shown up to here, in characters; `--full` shows all of it.
const ANSWER_CHARS: usize = 2_000;

/// Text under a heading stands in by so much.
const INDENT: &str = "  ";

/// How much of long texts is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Tool answers are cut.
    Short,
    /// Everything.
    Full,
}

/// Writes one transcript.
struct Writer {
    text: String,
    width: usize,
    length: Length,
}

/// A transcript as text.
pub(crate) fn text(
    dossier: &Dossier,
    ended: &Ended,
    replayed: &Replay,
    length: Length,
) -> Result<String, Failure> {
    let mut writer = Writer { text: String::new(), width: terminal::width(), length };
    writer.title(dossier, ended)?;
    let episode = &replayed.episode;
    let mut turns = episode.turns().iter().enumerate().peekable();
    for (place, message) in episode.messages().iter().enumerate() {
        let turn = turns.next_if(|(_, turn)| turn.message == place);
        writer.message(message, turn);
    }
    writer.end(ended, episode.finish());
    if !replayed.same_bytes {
        writer.paragraph(
            "This transcript does not replay to the same bytes: it was damaged, or the engine has a fault.",
        );
    }
    for score in &ended.scores {
        let verdict = String::from_utf8_lossy(&score.verdict);
        writer.paragraph(&format!("{} ({}): {verdict}", score.scorer, score.version));
    }
    Ok(writer.text)
}

/// What was asked of a model and what it did, without a word on who it is or how it was scored: for somebody who is to
/// say what it shows.
pub(crate) fn course(replayed: &Replay) -> String {
    let mut writer = Writer { text: String::new(), width: terminal::width(), length: Length::Short };
    for message in replayed.episode.messages() {
        writer.message(message, None);
    }
    writer.text
}

/// An episode that has no transcript worth replaying: what is known of it.
pub(crate) fn failure(dossier: &Dossier, ended: &Ended) -> Result<String, Failure> {
    let mut writer = Writer { text: String::new(), width: terminal::width(), length: Length::Short };
    writer.title(dossier, ended)?;
    writer.heading(&format!("{} after {} turns", outcome(ended), ended.turns.len()));
    writer.paragraph(&ended.message());
    Ok(writer.text)
}

/// A transcript as it is, for programs. Nothing is stripped: it is data.
pub(crate) fn json(dossier: &Dossier, ended: &Ended, replayed: &Replay) -> Result<Value, Failure> {
    let mut value = head(dossier, ended)?;
    let episode = &replayed.episode;
    value["finish"] = episode.finish().map_or(Value::Null, |finish| finish_word(finish.kind).into());
    value["same_bytes"] = replayed.same_bytes.into();
    value["messages"] = episode.messages().iter().map(message_json).collect();
    value["turns"] = episode.turns().iter().map(turn_json).collect();
    value["world"] = serde_json::to_value(episode.world()).unwrap_or_default();
    Ok(value)
}

/// What is known of an episode without its transcript, for programs.
pub(crate) fn head(dossier: &Dossier, ended: &Ended) -> Result<Value, Failure> {
    let plan = dossier.job(ended.job)?;
    let scores = ended.scores.iter().map(|score| {
        json!({
            "scorer": score.scorer,
            "version": score.version,
            "verdict": serde_json::from_slice::<Value>(&score.verdict).unwrap_or_default(),
        })
    });
    let axes: serde_json::Map<String, Value> =
        plan.variant().values.iter().map(|(axis, value)| (axis.to_string(), (&**value).into())).collect();
    let mut value = json!({
        "job": ended.job.to_string(),
        "generation": ended.generation,
        "identity": hex(&plan.identity()),
        "scenario": &*plan.variant().scenario,
        "axes": axes,
        "model": &*plan.model().name,
        "seed": plan.seed().0,
        "outcome": outcome(ended),
        "scores": scores.collect::<Vec<_>>(),
    });
    if !ended.is_result() {
        value["message"] = ended.message().into();
    }
    Ok(value)
}

// === impl Writer ===

impl Writer {
    fn title(&mut self, dossier: &Dossier, ended: &Ended) -> Result<(), Failure> {
        let plan = dossier.job(ended.job)?;
        let generation =
            if ended.generation > 0 { format!(", generation {}", ended.generation) } else { String::new() };
        self.plain(&format!("job {}{generation}: {}", ended.job, plan.variant()));
        self.plain(&format!(
            "model {}, seed {}, identity {}",
            plan.model().name,
            plan.seed().0,
            short(&plan.identity())
        ));
        Ok(())
    }

    fn message(&mut self, message: &Message, turn: Option<(usize, &Turn)>) {
        match message {
            Message::System(text) => self.section("system", text),
            Message::User(text) => self.section("user", text),
            Message::Assistant(reply) => self.reply(reply, turn),
            Message::Tool(result) => self.result(result),
        }
    }

    fn reply(&mut self, reply: &Reply, turn: Option<(usize, &Turn)>) {
        let tokens = &reply.tokens;
        let heading = match turn {
            Some((number, turn)) => format!(
                "turn {}  ({} ms, {} tokens in, {} out)",
                number + 1,
                turn.meter.latency_ms,
                tokens.input,
                tokens.output
            ),
            None => "model".to_owned(),
        };
        self.heading(&heading);
        if !reply.reasoning.is_empty() {
            self.plain(&format!("{INDENT}(thinking)"));
            self.paragraph(&reply.reasoning);
        }
        if !reply.text.is_empty() {
            self.paragraph(&reply.text);
        }
        reply.tool_calls.iter().for_each(|call| self.call(call));
    }

    fn call(&mut self, call: &ToolCall) {
        let arguments = self.cut(&pretty(&call.arguments));
        self.paragraph(&format!("-> {} {arguments}", call.name));
    }

    fn result(&mut self, result: &ToolResult) {
        let mark = if result.is_error { "<- error from" } else { "<-" };
        let content = self.cut(&pretty(&result.content));
        self.paragraph(&format!("{mark} {} {content}", result.name));
    }

    fn end(&mut self, ended: &Ended, finish: Option<&Finish>) {
        let how = finish.map_or("not ended", |finish| finish_word(finish.kind));
        let usage = &ended.usage;
        self.heading(&format!("{}: {how}", outcome(ended)));
        self.paragraph(&format!(
            "{} calls, {} tokens in, {} out, {} retries, {} paid twice",
            usage.model_calls, usage.input_tokens, usage.output_tokens, usage.retries, usage.paid_twice
        ));
    }

    fn section(&mut self, heading: &str, text: &str) {
        self.heading(heading);
        self.paragraph(text);
    }

    fn heading(&mut self, heading: &str) {
        let heading = terminal::one_line(heading, self.width.saturating_sub(4));
        let line = "─".repeat(self.width.saturating_sub(heading.chars().count() + 4));
        self.plain(&format!("\n── {heading} {line}"));
    }

    fn paragraph(&mut self, text: &str) {
        let wrapped = terminal::wrapped(text, self.width, INDENT);
        self.text.push_str(&wrapped);
        self.text.push('\n');
    }

    fn plain(&mut self, line: &str) {
        self.text.push_str(&terminal::plain(line));
        self.text.push('\n');
    }

    fn cut(&self, text: &str) -> String {
        let count = text.chars().count();
        if self.length == Length::Full || count <= ANSWER_CHARS {
            return text.to_owned();
        }
        let kept: String = text.chars().take(ANSWER_CHARS).collect();
        format!("{kept} … ({} more characters; --full shows them)", count - ANSWER_CHARS)
    }
}

/// JSON on several lines with its texts unescaped; anything else as it is.
fn pretty(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) => fields.iter().map(field).collect::<Vec<_>>().join("\n"),
        Ok(Value::String(text)) => text,
        _ => text.to_owned(),
    }
}

fn field((name, value): (&String, &Value)) -> String {
    match value {
        Value::String(text) if text.contains('\n') => format!("{name}:\n{text}"),
        Value::String(text) => format!("{name}: {text}"),
        Value::Array(items) if items.iter().any(|item| item.is_array() || item.is_object()) => {
            let items: Vec<String> = items.iter().map(|item| format!("  {item}")).collect();
            format!("{name}:\n{}", items.join("\n"))
        }
        other => format!("{name}: {other}"),
    }
}

fn message_json(message: &Message) -> Value {
    match message {
        Message::System(text) => json!({ "role": "system", "content": &**text }),
        Message::User(text) => json!({ "role": "user", "content": &**text }),
        Message::Assistant(reply) => json!({
            "role": "assistant",
            "content": reply.text,
            "reasoning": reply.reasoning,
            "tool_calls": reply.tool_calls.iter().map(|call| {
                json!({ "id": call.id, "name": call.name, "arguments": call.arguments })
            }).collect::<Vec<_>>(),
            "served_model": reply.served_model,
            "fingerprint": reply.fingerprint,
        }),
        Message::Tool(result) => json!({
            "role": "tool",
            "tool_call_id": result.call_id,
            "name": result.name,
            "content": result.content,
            "is_error": result.is_error,
        }),
    }
}

fn turn_json(turn: &Turn) -> Value {
    json!({
        "message": turn.message,
        "latency_ms": turn.meter.latency_ms,
        "tries": turn.meter.tries,
        "rate_limited": turn.meter.rate_limited,
        "cost_usd": turn.meter.cost_micro_usd.map(|micro| micro as f64 / 1_000_000.0),
    })
}

/// How an episode ended, in a word.
pub(crate) fn outcome(ended: &Ended) -> String {
    let word = match ended.outcome {
        v1::Outcome::Completed => "completed",
        v1::Outcome::Limit => "limit",
        v1::Outcome::Refused => "refused",
        v1::Outcome::Quarantined => "quarantined",
        v1::Outcome::Cancelled => "cancelled",
        v1::Outcome::Failed => return format!("failed ({})", class(ended.class)),
        v1::Outcome::Unspecified => "unknown",
    };
    word.to_owned()
}

fn class(class: v1::FailureClass) -> String {
    class.as_str_name().trim_start_matches("FAILURE_CLASS_").to_ascii_lowercase().replace('_', " ")
}

fn finish_word(kind: FinishKind) -> &'static str {
    match kind {
        FinishKind::EndTask => "the model ended the task",
        FinishKind::NoToolCall => "a turn without a tool call",
        FinishKind::Refused => "the provider declined to answer",
        FinishKind::Limit(LimitKind::ModelCalls) => "the limit of model calls",
        FinishKind::Limit(LimitKind::TotalTokens) => "the limit of tokens",
        FinishKind::Limit(LimitKind::OutputTokens) => "cut off at the output tokens of one call",
        FinishKind::Limit(LimitKind::TranscriptBytes) => "the limit of the transcript's size",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn short(identity: &[u8; 32]) -> String {
    hex(&identity[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        Writer { text: String::new(), width: 60, length: Length::Short }
    }

    #[test]
    fn a_tool_answer_with_escape_codes_is_shown_without_them() {
        let mut writer = writer();
        let content = json!({ "content": "first\n\u{1b}[2Jsecond" }).to_string();
        writer.result(&ToolResult {
            call_id: "1".into(),
            name: "read_file\u{1b}[31m".into(),
            content,
            is_error: false,
        });
        assert!(!writer.text.contains('\u{1b}'), "{:?}", writer.text);
        assert!(writer.text.contains("first\n  second"), "{:?}", writer.text);
    }

    #[test]
    fn arguments_that_are_no_json_are_shown_as_they_are() {
        assert_eq!(pretty("not { json"), "not { json");
        assert_eq!(pretty(r#"{"path":"a","n":2}"#), "path: a\nn: 2");
    }

    #[test]
    fn a_very_long_answer_is_cut_and_says_so() {
        let mut writer = writer();
        writer.call(&ToolCall {
            id: String::new(),
            name: "create_file".into(),
            arguments: "x".repeat(10_000),
        });
        assert!(writer.text.len() < 3_000 && writer.text.contains("8000 more characters"), "{}", writer.text);
    }
}
