//! Reading a request in Responses, and refusing it in OpenAI's words: every call answered, every reasoning item back.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::asked::{Asked, Called, Fields, Mode, Size, Thinking, Turn};
use crate::chat::quirks;
use crate::chat::request::unreadable;
use crate::reasoning::{Echo, Turn as Said, turn_of};
use crate::rejection::Rejection;

/// Every field of the request.
const KNOWN: &[&str] = &[
    "access_programs",
    "background",
    "background_options",
    "context_management",
    "conversation",
    "image",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// Chat's names for what has another here.
const MOVED: [(&str, &str); 5] = [
    ("messages", "input"),
    ("max_tokens", "max_output_tokens"),
    ("max_completion_tokens", "max_output_tokens"),
    ("response_format", "text.format"),
    ("reasoning_effort", "reasoning.effort"),
];

/// The fewest output tokens that may be asked for.
const OUTPUT_MIN: u64 = 16;

/// What a response repeats, and what it says where the request did not.
const REPEATED: [(&str, &str); 12] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("prompt_cache_key", "null"),
    ("safety_identifier", "null"),
    ("temperature", "1.0"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_p", "1.0"),
    ("truncation", "\"disabled\""),
];

#[derive(Debug, Deserialize)]
struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    call_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    arguments: Option<Cow<'a, str>>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
    #[serde(borrow)]
    encrypted_content: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Reasoning<'a> {
    #[serde(borrow)]
    effort: Option<Cow<'a, str>>,
    #[serde(borrow)]
    summary: Option<Cow<'a, str>>,
}

/// Reads items one after another, and keeps what a later one must fit.
struct Reader<'a> {
    model: Cow<'a, str>,
    turns: Vec<Turn<'a>>,
    /// Calls not yet answered.
    open: Vec<Cow<'a, str>>,
    asked: Vec<Cow<'a, str>>,
    /// The turn whose reasoning item stands just before, and where.
    reasoning: Option<(Said, String)>,
    /// The turn that the items of now belong to, whose reasoning was seen.
    shown: Option<Said>,
}

/// Read and check a body.
pub(crate) fn read(body: &[u8]) -> Result<Asked<'_>, Rejection> {
    let fields: Fields<'_> = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let Some(model) = text_field(&fields, "model")?.filter(|model| !model.is_empty()) else {
        return Err(missing("model"));
    };
    let Some(input) = fields.raw("input") else { return Err(missing_or_moved(&fields)) };
    known(&fields)?;
    let reasoning: Option<Reasoning<'_>> = field(&fields, "reasoning")?;
    let effort = reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_deref());
    quirks::sampled(&fields, effort)?;
    let tools = tools(&fields)?;
    let instructions = text_field(&fields, "instructions")?;
    let reader = Reader {
        model: model.clone(),
        turns: instructions.into_iter().map(Turn::System).collect(),
        open: Vec::new(),
        asked: Vec::new(),
        reasoning: None,
        shown: None,
    };
    let (turns, known_bytes) = reader.read(input)?;
    let mode = match effort {
        Some("none") => Mode::Off,
        Some(_) => Mode::On,
        None => Mode::Played,
    };
    let length = |name| fields.raw(name).map_or(0, |raw| raw.get().len());
    let before = length("tools") + length("instructions");
    Ok(Asked {
        seed: 0,
        tools,
        max_tokens: max_tokens(&fields)?,
        size: Size {
            bytes: input.get().len() + before,
            known_bytes: if known_bytes > 0 { known_bytes + before } else { 0 },
            marked_bytes: None,
        },
        thinking: Thinking { mode, shown: reasoning.is_some_and(|reasoning| reasoning.summary.is_some()) },
        turns,
        wording: input.get(),
        repeated: REPEATED
            .into_iter()
            .map(|(name, usual)| (name, fields.raw(name).map_or(usual, RawValue::get)))
            .chain([(
                "reasoning",
                fields.raw("reasoning").map_or("{\"effort\":null,\"summary\":null}", RawValue::get),
            )])
            .collect(),
        model,
    })
}

fn known(fields: &Fields<'_>) -> Result<(), Rejection> {
    if let Some((old, new)) = MOVED.into_iter().find(|(old, _)| fields.has(old)) {
        return Err(moved(old, new));
    }
    if let Some(name) = fields.unknown(KNOWN) {
        let message = format!("Unknown parameter: '{name}'.");
        return Err(Rejection::invalid(&message, Some(name), Some("unknown_parameter")));
    }
    if fields.lax::<bool>("stream") == Some(true) {
        let message = "Unsupported value: 'stream' does not support true with this fake provider.";
        return Err(Rejection::invalid(message, Some("stream"), Some("unsupported_value")));
    }
    if let Some(id) = fields.raw("previous_response_id") {
        let message = format!("Previous response with id {} not found.", id.get());
        let code = Some("previous_response_not_found");
        return Err(Rejection::invalid(&message, Some("previous_response_id"), code));
    }
    Ok(())
}

fn max_tokens(fields: &Fields<'_>) -> Result<Option<u64>, Rejection> {
    let max: Option<u64> = field(fields, "max_output_tokens")?;
    match max {
        Some(max) if max < OUTPUT_MIN => {
            let message = format!(
                "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {OUTPUT_MIN}, but got {max} instead."
            );
            Err(Rejection::invalid(&message, Some("max_output_tokens"), Some("integer_below_min_value")))
        }
        max => Ok(max),
    }
}

fn tools<'a>(fields: &Fields<'a>) -> Result<Vec<Cow<'a, str>>, Rejection> {
    let tools: Vec<Tool<'a>> = field(fields, "tools")?.unwrap_or_default();
    let mut names = Vec::with_capacity(tools.len());
    for (index, tool) in tools.into_iter().enumerate().filter(|(_, tool)| tool.kind == "function") {
        let Some(name) = tool.name else { return Err(missing(&format!("tools[{index}].name"))) };
        if tool
            .parameters
            .is_some_and(|parameters| !parameters.get().starts_with('{') && parameters.get() != "null")
        {
            return Err(wrong_type(&format!("tools[{index}].parameters"), "an object"));
        }
        names.push(name);
    }
    Ok(names)
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn read(mut self, input: &'a RawValue) -> Result<(Vec<Turn<'a>>, usize), Rejection> {
        if let Ok(text) = serde_json::from_str::<Cow<'a, str>>(input.get()) {
            self.turns.push(Turn::User(text));
            return Ok((self.turns, 0));
        }
        let items: Vec<&'a RawValue> = serde_json::from_str(input.get())
            .map_err(|_| wrong_type("input", "a string or an array of items"))?;
        let mut known_bytes = 0;
        let mut read_bytes = 0;
        for (index, raw) in items.iter().enumerate() {
            let item: Item<'a> = serde_json::from_str(raw.get()).map_err(|error| {
                Rejection::invalid(
                    &format!("Invalid value for 'input[{index}]': {error}."),
                    Some("input"),
                    Some("invalid_value"),
                )
            })?;
            let from_model = item.is_of_the_model();
            self.item(index, item)?;
            read_bytes += raw.get().len() + 1;
            if from_model {
                known_bytes = read_bytes;
            }
        }
        self.end()?;
        Ok((self.turns, known_bytes))
    }

    fn item(&mut self, index: usize, item: Item<'a>) -> Result<(), Rejection> {
        match item.kind.as_deref().unwrap_or("message") {
            "reasoning" => self.reasoning(index, item),
            "function_call" => self.call(index, item),
            "function_call_output" => self.output(index, item),
            "message" => self.message(index, &item),
            other => {
                let message = format!(
                    "Invalid value: '{other}'. This fake provider supports 'message', 'reasoning', 'function_call', and 'function_call_output'."
                );
                Err(Rejection::invalid(
                    &message,
                    Some(&format!("input[{index}].type")),
                    Some("invalid_value"),
                ))
            }
        }
    }

    fn reasoning(&mut self, index: usize, item: Item<'a>) -> Result<(), Rejection> {
        self.followed()?;
        let Some(id) = item.id else { return Err(missing(&format!("input[{index}].id"))) };
        if item.summary.is_none() {
            return Err(missing(&format!("input[{index}].summary")));
        }
        let Some(sealed) = item.encrypted_content else {
            let message = format!(
                "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with \
                 `store` set to true, or remove this item from your input."
            );
            return Err(Rejection::invalid(&message, Some("input"), None).with_status(404));
        };
        let turn = Said::signed(&sealed, &self.model, "").filter(|turn| id == format!("rs_{}", turn.name()));
        let Some(turn) = turn else {
            let message = format!(
                "The encrypted content for item {id} could not be verified. Reason: Encrypted content could not be decrypted or parsed."
            );
            return Err(Rejection::invalid(&message, None, Some("invalid_encrypted_content")));
        };
        self.reasoning = Some((turn, id.into_owned()));
        self.shown = Some(turn);
        Ok(())
    }

    fn call(&mut self, index: usize, item: Item<'a>) -> Result<(), Rejection> {
        let place = |name: &str| format!("input[{index}].{name}");
        let Some(id) = item.call_id else { return Err(missing(&place("call_id"))) };
        let Some(name) = item.name else { return Err(missing(&place("name"))) };
        if item.arguments.is_none() {
            return Err(missing(&place("arguments")));
        }
        if let Some(id) = item.id.as_deref().filter(|id| !id.starts_with("fc")) {
            let message =
                format!("Invalid 'input[{index}].id': '{id}'. Expected an ID that begins with 'fc'.");
            return Err(Rejection::invalid(&message, Some(&place("id")), Some("invalid_value")));
        }
        self.belongs(item.id.as_deref().unwrap_or(&id), &id, "function_call")?;
        if self.asked.contains(&id) {
            let message = format!("Duplicate item found with call_id {id}.");
            return Err(Rejection::invalid(&message, Some("input"), None));
        }
        self.open.push(id.clone());
        self.asked.push(id.clone());
        let called = Called { id, name };
        match self.turns.last_mut() {
            Some(Turn::Assistant { calls, .. }) => calls.push(called),
            _ => self.turns.push(Turn::Assistant { text: "".into(), calls: vec![called] }),
        }
        Ok(())
    }

    fn output(&mut self, index: usize, item: Item<'a>) -> Result<(), Rejection> {
        self.followed()?;
        let Some(call_id) = item.call_id else { return Err(missing(&format!("input[{index}].call_id"))) };
        let Some(output) = item.output else { return Err(missing(&format!("input[{index}].output"))) };
        if !self.asked.contains(&call_id) {
            let message = format!("No tool call found for function call output with call_id {call_id}.");
            return Err(Rejection::invalid(&message, Some("input"), None));
        }
        self.open.retain(|open| *open != call_id);
        self.shown = None;
        self.turns.push(Turn::Tool { call_id, content: content(output, &format!("input[{index}].output"))? });
        Ok(())
    }

    fn message(&mut self, index: usize, item: &Item<'a>) -> Result<(), Rejection> {
        let place = format!("input[{index}]");
        let Some(raw) = item.content else { return Err(missing(&format!("{place}.content"))) };
        let text = content(raw, &format!("{place}.content"))?;
        match item.role.as_deref() {
            Some("assistant") => {
                if let Some(id) = item.id.as_deref() {
                    self.belongs(id, id, "message")?;
                }
                self.turns.push(Turn::Assistant { text, calls: Vec::new() });
                return Ok(());
            }
            Some("user") => self.turns.push(Turn::User(text)),
            Some("system" | "developer") => self.turns.push(Turn::System(text)),
            Some(other) => {
                let message = format!(
                    "Invalid value: '{other}'. Supported values are: 'assistant', 'system', 'developer', and 'user'."
                );
                return Err(Rejection::invalid(
                    &message,
                    Some(&format!("{place}.role")),
                    Some("invalid_value"),
                ));
            }
            None => return Err(missing(&format!("{place}.role"))),
        }
        self.followed()?;
        self.shown = None;
        Ok(())
    }

    /// An item of the model comes with the reasoning that led to it, if there was any.
    fn belongs(&mut self, id: &str, proof: &str, kind: &str) -> Result<(), Rejection> {
        let turn = turn_of(proof);
        let shown = self.shown.filter(|shown| turn.is_none_or(|turn| turn == *shown));
        // Ids tell whether there was any, not which: the text of it is not theirs to see.
        let echo = Echo::of(proof, shown.map(|_| ""));
        if let Echo::Broken(turn) = echo {
            let reasoning = format!("rs_{}", turn.name());
            let message = format!(
                "Item '{id}' of type '{kind}' was provided without its required 'reasoning' item: '{reasoning}'."
            );
            return Err(Rejection::invalid(&message, Some("input"), None));
        }
        if self.reasoning.as_ref().is_some_and(|(expected, _)| turn.is_none_or(|turn| turn == *expected)) {
            self.reasoning = None;
        }
        Ok(())
    }

    /// No reasoning stands alone.
    fn followed(&mut self) -> Result<(), Rejection> {
        let Some((_, id)) = self.reasoning.take() else { return Ok(()) };
        let message =
            format!("Item '{id}' of type 'reasoning' was provided without its required following item.");
        Err(Rejection::invalid(&message, Some("input"), None))
    }

    fn end(&mut self) -> Result<(), Rejection> {
        self.followed()?;
        match self.open.first() {
            Some(id) => {
                let message = format!("No tool output found for function call {id}.");
                Err(Rejection::invalid(&message, Some("input"), None))
            }
            None if self.turns.iter().all(|turn| matches!(turn, Turn::System(_))) => {
                let message = "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array instead.";
                Err(Rejection::invalid(message, Some("input"), Some("empty_array")))
            }
            None => Ok(()),
        }
    }
}

// === impl Item ===

impl Item<'_> {
    fn is_of_the_model(&self) -> bool {
        matches!(self.kind.as_deref(), Some("function_call" | "reasoning"))
            || self.role.as_deref() == Some("assistant")
    }
}

/// A string, or the texts of an array of parts.
fn content<'a>(raw: &'a RawValue, place: &str) -> Result<Cow<'a, str>, Rejection> {
    if raw.get().starts_with('"') {
        return serde_json::from_str(raw.get()).map_err(|_| wrong_type(place, "a string"));
    }
    let parts: Vec<Part<'a>> =
        serde_json::from_str(raw.get()).map_err(|_| wrong_type(place, "a string or an array of parts"))?;
    Ok(parts.iter().map(|part| &*part.text).collect::<String>().into())
}

fn text_field<'a>(fields: &Fields<'a>, name: &str) -> Result<Option<Cow<'a, str>>, Rejection> {
    field(fields, name)
}

fn field<'a, T: Deserialize<'a>>(fields: &Fields<'a>, name: &str) -> Result<Option<T>, Rejection> {
    fields.read(name).transpose().map_err(|error| {
        Rejection::invalid(&format!("Invalid type for '{name}': {error}."), Some(name), Some("invalid_type"))
    })
}

fn missing_or_moved(fields: &Fields<'_>) -> Rejection {
    if fields.has("messages") { moved("messages", "input") } else { missing("input") }
}

fn moved(old: &str, new: &str) -> Rejection {
    let message =
        format!("Unsupported parameter: '{old}'. In the Responses API, this parameter has moved to '{new}'.");
    Rejection::invalid(&message, Some(old), Some("unsupported_parameter"))
}

fn missing(name: &str) -> Rejection {
    let message = format!("Missing required parameter: '{name}'.");
    Rejection::invalid(&message, Some(name), Some("missing_required_parameter"))
}

fn wrong_type(name: &str, expected: &str) -> Rejection {
    let message = format!("Invalid type for '{name}': expected {expected}.");
    Rejection::invalid(&message, Some(name), Some("invalid_type"))
}
