//! Reading a request in Messages, and refusing it in Anthropic's words: every result beside its call, every signature whole.

use std::borrow::Cow;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::asked::{Asked, Fields, Mode, Size, Thinking, Turn};
use crate::messages::block::{Block, absent, blocks, is_plain};
use crate::reasoning::{Echo, Turn as Said};
use crate::rejection::Rejection;

/// Every field of the request.
const KNOWN: &[&str] = &[
    "cache_control",
    "container",
    "context_management",
    "diagnostics",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "user_profile_id",
    "workspace_id",
];

/// From this version on a model is not sampled from.
const UNSAMPLED: &str = "2026-10-21";

/// With it a model thinks between tools too.
const INTERLEAVED: &str = "interleaved-thinking-2025-05-14";

const BUDGET_MIN: u64 = 1_024;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input_schema: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Switch<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    budget_tokens: Option<u64>,
    #[serde(borrow)]
    display: Option<Cow<'a, str>>,
}

/// Reads messages one after another, and keeps what a later one must fit.
struct Reader<'a> {
    model: Cow<'a, str>,
    thinks: bool,
    turns: Vec<Turn<'a>>,
    /// The calls of the message before, if it was the model's, and where it stood.
    open: Vec<Cow<'a, str>>,
    bytes: usize,
    known_bytes: usize,
    marked_bytes: Option<usize>,
}

/// Read and check a body, with its headers' say.
pub(crate) fn read<'a>(body: &'a [u8], headers: &HeaderMap) -> Result<Asked<'a>, Rejection> {
    let version = header(headers, "anthropic-version")
        .ok_or_else(|| Rejection::words("anthropic-version: header is required"))?;
    let fields: Fields<'a> = serde_json::from_slice(body)
        .map_err(|error| Rejection::words(format!("The request body is not valid JSON: {error}")))?;
    let model: Cow<'a, str> = required(&fields, "model", "Input should be a valid string")?;
    let max_tokens: u64 = required(&fields, "max_tokens", "Input should be a valid integer")?;
    let Some(messages) = fields.raw("messages") else { return Err(absent("messages")) };
    check(&fields, &version, max_tokens)?;
    let thinking = thinking(&fields, max_tokens)?;
    let tools: Vec<Tool<'a>> = fields
        .read("tools")
        .transpose()
        .map_err(|_| Rejection::words("tools: Input should be a valid array"))?
        .unwrap_or_default();
    tools.iter().enumerate().try_for_each(|(index, tool)| tool.check(index))?;
    let mut reader = Reader {
        model: model.clone(),
        thinks: thinking.mode != Mode::Off,
        turns: Vec::new(),
        open: Vec::new(),
        bytes: fields.raw("tools").map_or(0, |raw| raw.get().len()),
        known_bytes: 0,
        marked_bytes: None,
    };
    reader.marked_bytes = tools.iter().any(|tool| tool.cache_control.is_some()).then_some(reader.bytes);
    reader.system(&fields)?;
    let last_is_tool = reader.read(messages, !tools.is_empty())?;
    if fields.has("cache_control") {
        reader.marked_bytes = Some(reader.bytes);
    }
    let between = header(headers, "anthropic-beta").is_some_and(|beta| beta.contains(INTERLEAVED));
    let budget = fields.raw("thinking").is_some_and(|raw| raw.get().contains("budget_tokens"));
    let silent = budget && last_is_tool && !between;
    Ok(Asked {
        model,
        seed: 0,
        tools: tools.into_iter().filter_map(|tool| tool.name).collect(),
        max_tokens: Some(max_tokens),
        size: Size {
            bytes: reader.bytes,
            known_bytes: reader.known_bytes,
            marked_bytes: reader.marked_bytes,
        },
        thinking: if silent { Thinking { mode: Mode::Off, ..thinking } } else { thinking },
        turns: reader.turns,
        wording: messages.get(),
        repeated: Vec::new(),
    })
}

fn check(fields: &Fields<'_>, version: &str, max_tokens: u64) -> Result<(), Rejection> {
    if let Some(name) = fields.unknown(KNOWN) {
        return Err(Rejection::words(format!("{name}: Extra inputs are not permitted")));
    }
    if max_tokens == 0 {
        return Err(Rejection::words("max_tokens: Input should be greater than or equal to 1"));
    }
    if fields.lax::<bool>("stream") == Some(true) {
        return Err(Rejection::words("stream: this fake provider does not stream"));
    }
    let sampled = ["temperature", "top_p", "top_k"].into_iter().find(|name| fields.has(name));
    if let Some(name) = sampled.filter(|_| version >= UNSAMPLED) {
        return Err(Rejection::words(format!("{name}: Extra inputs are not permitted in version {version}")));
    }
    if fields.lax::<f64>("temperature").is_some_and(|given| !(0.0..=1.0).contains(&given)) {
        return Err(Rejection::words("temperature: range: 0..1"));
    }
    if fields.raw("tool_choice").is_some_and(|raw| !raw.get().starts_with('{')) {
        return Err(Rejection::words("tool_choice: Input should be an object"));
    }
    Ok(())
}

fn thinking(fields: &Fields<'_>, max_tokens: u64) -> Result<Thinking, Rejection> {
    let off = Thinking { mode: Mode::Off, shown: true };
    let Some(switch) = fields.read::<Switch<'_>>("thinking") else { return Ok(off) };
    let switch = switch.map_err(|_| Rejection::words("thinking: Input should be a valid object"))?;
    let shown = switch.display.as_deref() != Some("omitted");
    let mode = match switch.kind.as_deref() {
        Some("disabled") => return Ok(off),
        Some("adaptive" | "between_tools") => Mode::Played,
        Some("enabled") => {
            budget(switch.budget_tokens, max_tokens)?;
            Mode::On
        }
        _ => {
            return Err(Rejection::words(
                "thinking: Input tag found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'",
            ));
        }
    };
    if fields.lax::<f64>("temperature").is_some_and(|given| given < 1.0) {
        return Err(Rejection::words("`temperature` may only be set to 1 when thinking is enabled."));
    }
    let forced = fields
        .raw("tool_choice")
        .is_some_and(|raw| raw.get().contains("\"any\"") || raw.get().contains("\"tool\""));
    if forced {
        return Err(Rejection::words("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(Thinking { mode, shown })
}

fn budget(budget: Option<u64>, max_tokens: u64) -> Result<(), Rejection> {
    match budget {
        None => Err(Rejection::words("thinking.enabled.budget_tokens: Field required")),
        Some(budget) if budget < BUDGET_MIN => Err(Rejection::words(format!(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to {BUDGET_MIN}"
        ))),
        Some(budget) if budget >= max_tokens => {
            Err(Rejection::words("`max_tokens` must be greater than `thinking.budget_tokens`."))
        }
        Some(_) => Ok(()),
    }
}

// === impl Tool ===

impl Tool<'_> {
    fn check(&self, index: usize) -> Result<(), Rejection> {
        let Some(name) = self.name.as_deref() else {
            return Err(absent(&format!("tools.{index}.custom.name")));
        };
        if !is_plain(name) || name.len() > 128 {
            return Err(Rejection::words(format!(
                "tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        match self.input_schema {
            None => Err(absent(&format!("tools.{index}.custom.input_schema"))),
            Some(schema) if !schema.get().contains("\"type\"") => {
                Err(absent(&format!("tools.{index}.custom.input_schema.type")))
            }
            Some(_) => Ok(()),
        }
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn system(&mut self, fields: &Fields<'a>) -> Result<(), Rejection> {
        let Some(raw) = fields.raw("system") else { return Ok(()) };
        self.bytes += raw.get().len();
        let blocks = blocks(raw, "system")?;
        if blocks.iter().any(|block| block.cache_control.is_some()) {
            self.marked_bytes = Some(self.bytes);
        }
        let text = blocks.iter().filter_map(|block| block.text.as_deref()).collect::<String>();
        self.turns.push(Turn::System(text.into()));
        Ok(())
    }

    /// Read all; whether the last message brings results of tools.
    fn read(&mut self, raw: &'a RawValue, has_tools: bool) -> Result<bool, Rejection> {
        let messages: Vec<Message<'a>> = serde_json::from_str(raw.get())
            .map_err(|_| Rejection::words("messages: Input should be a valid list"))?;
        if messages.is_empty() {
            return Err(Rejection::words("messages: at least one message is required"));
        }
        let mut read = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let content = message.content.ok_or_else(|| absent(&format!("messages.{index}.content")))?;
            read.push((
                message.is_user(index)?,
                blocks(content, &format!("messages.{index}.content"))?,
                content.get().len(),
            ));
        }
        let current =
            read.iter().rposition(|(user, blocks, _)| *user && !blocks.iter().any(Block::is_result));
        let last_is_tool =
            read.last().is_some_and(|(user, blocks, _)| *user && blocks.iter().any(Block::is_result));
        for (index, (user, blocks, bytes)) in read.into_iter().enumerate() {
            if blocks.iter().any(|block| block.is_result() || block.is("tool_use")) && !has_tools {
                return Err(Rejection::words(
                    "Requests which include `tool_use` or `tool_result` blocks must define tools",
                ));
            }
            self.bytes += bytes;
            if blocks.iter().any(|block| block.cache_control.is_some()) {
                self.marked_bytes = Some(self.bytes);
            }
            if user {
                self.user(index, blocks)?;
            } else {
                self.known_bytes = self.bytes;
                self.assistant(index, blocks, current.is_none_or(|current| index > current))?;
            }
        }
        match self.open.is_empty() {
            true => Ok(last_is_tool),
            false => Err(self.unanswered(messages.len())),
        }
    }

    fn user(&mut self, index: usize, blocks: Vec<Block<'a>>) -> Result<(), Rejection> {
        let mut text = String::new();
        let mut has_text = false;
        let mut answered: Vec<Cow<'a, str>> = Vec::new();
        for (place, block) in blocks.into_iter().enumerate() {
            let at = format!("messages.{index}.content.{place}");
            if !block.is_result() {
                if !self.open.is_empty() {
                    return Err(self.unanswered(index));
                }
                text.push_str(block.plain_text(&at)?);
                has_text = true;
                continue;
            }
            let Some(id) = block.tool_use_id else {
                return Err(absent(&format!("{at}.tool_result.tool_use_id")));
            };
            if answered.contains(&id) {
                return Err(Rejection::words(format!(
                    "{at}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id}"
                )));
            }
            let Some(open) = self.open.iter().position(|open| *open == id) else {
                return Err(Rejection::words(format!(
                    "{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have \
                     a corresponding `tool_use` block in the previous message."
                )));
            };
            self.open.remove(open);
            answered.push(id.clone());
            let content = match block.content {
                Some(raw) => self::blocks(raw, &format!("{at}.tool_result.content"))?,
                None => Vec::new(),
            };
            let content: String = content.iter().filter_map(|block| block.text.as_deref()).collect();
            self.turns.push(Turn::Tool { call_id: id, content: content.into() });
        }
        if !self.open.is_empty() {
            return Err(self.unanswered(index));
        }
        if has_text {
            self.turns.push(Turn::User(text.into()));
        } else if answered.is_empty() {
            return Err(Rejection::words(format!(
                "messages.{index}: user messages must have non-empty content"
            )));
        }
        Ok(())
    }

    fn assistant(&mut self, index: usize, blocks: Vec<Block<'a>>, current: bool) -> Result<(), Rejection> {
        if !self.open.is_empty() {
            return Err(self.unanswered(index));
        }
        let signed = self.thought(index, &blocks)?;
        let leads = blocks.first().is_some_and(|block| block.is("thinking") || block.is("redacted_thinking"));
        let (mut text, mut calls) = (String::new(), Vec::new());
        for (place, block) in blocks.into_iter().enumerate() {
            let at = format!("messages.{index}.content.{place}");
            match block.kind.as_deref() {
                Some("thinking" | "redacted_thinking") => {}
                Some("tool_use") => {
                    let called = block.called(&at)?;
                    if current && self.thinks {
                        echoed(&called.id, signed, leads, &at)?;
                    }
                    calls.push(called);
                }
                _ => text.push_str(block.plain_text(&at)?),
            }
        }
        self.open = calls.iter().map(|called| called.id.clone()).collect();
        self.turns.push(Turn::Assistant { text: text.into(), calls });
        Ok(())
    }

    /// The turn that the message's thinking is signed for.
    fn thought(&self, index: usize, blocks: &[Block<'a>]) -> Result<Option<Said>, Rejection> {
        let mut signed = None;
        for (place, block) in blocks.iter().enumerate().filter(|(_, block)| block.is("thinking")) {
            let at = format!("messages.{index}.content.{place}");
            let Some(thinking) = block.thinking.as_deref() else {
                return Err(absent(&format!("{at}.thinking.thinking")));
            };
            let Some(signature) = block.signature.as_deref() else {
                return Err(absent(&format!("{at}.thinking.signature")));
            };
            // Omitted thinking is signed as if it were told.
            let turn = Said::signed(signature, &self.model, thinking);
            if turn.is_none() {
                return Err(Rejection::words(format!("{at}: Invalid `signature` in `thinking` block")));
            }
            signed = signed.or(turn);
        }
        Ok(signed)
    }

    fn unanswered(&self, index: usize) -> Rejection {
        let (before, ids) = (index.saturating_sub(1), self.open.join(", "));
        Rejection::words(format!(
            "messages.{before}: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}. Each \
             `tool_use` block must have a corresponding `tool_result` block in the next message."
        ))
    }
}

/// A call of the turn under way stands behind the thinking that led to it.
fn echoed(id: &str, signed: Option<Said>, leads: bool, at: &str) -> Result<(), Rejection> {
    match Echo::of(id, signed.map(|_| "")) {
        Echo::Broken(_) if signed.is_none() => Err(Rejection::words(format!(
            "{at}.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final \
             `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and \
             `tool_result` blocks). We recommend you include thinking blocks from previous turns."
        ))),
        Echo::Broken(turn) | Echo::Sound(turn)
            if signed.is_some_and(|signed| signed != turn) || (signed.is_some() && !leads) =>
        {
            Err(modified(at))
        }
        Echo::Broken(_) => Err(modified(at)),
        _ => Ok(()),
    }
}

fn modified(at: &str) -> Rejection {
    Rejection::words(format!(
        "{at}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must \
         remain as they were in the original response."
    ))
}

// === impl Message ===

impl Message<'_> {
    fn is_user(&self, index: usize) -> Result<bool, Rejection> {
        match self.role.as_deref() {
            Some("user") => Ok(true),
            Some("assistant") if index == 0 => {
                Err(Rejection::words("messages: first message must use the \"user\" role"))
            }
            Some("assistant") => Ok(false),
            Some(other) => Err(Rejection::words(format!(
                "messages: Unexpected role \"{other}\". Allowed roles are \"user\" or \"assistant\". The system prompt is the \
                 top-level `system` parameter."
            ))),
            None => Err(absent(&format!("messages.{index}.role"))),
        }
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn required<'a, T: Deserialize<'a>>(fields: &Fields<'a>, name: &str, expected: &str) -> Result<T, Rejection> {
    match fields.read(name) {
        None => Err(absent(name)),
        Some(read) => read.map_err(|_| Rejection::words(format!("{name}: {expected}"))),
    }
}
