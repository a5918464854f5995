//! Reading a request of generateContent, and refusing it in Gemini's words: turns in order, signatures where they were.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::asked::{Asked, Called, Fields, Mode, Size, Thinking, Turn};
use crate::reasoning::{Turn as Said, turn_of};
use crate::rejection::Rejection;

/// Every field of the request, in both spellings that the API reads.
const KNOWN: &[&str] = &[
    "cachedContent",
    "cached_content",
    "contents",
    "generationConfig",
    "generation_config",
    "labels",
    "model",
    "safetySettings",
    "safety_settings",
    "serviceTier",
    "store",
    "systemInstruction",
    "system_instruction",
    "toolConfig",
    "tool_config",
    "tools",
];

/// And of its generation config.
const KNOWN_CONFIG: &[&str] = &[
    "candidateCount",
    "enableEnhancedCivicAnswers",
    "frequencyPenalty",
    "imageConfig",
    "logprobs",
    "maxOutputTokens",
    "mediaResolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "speechConfig",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
];

/// Stands in for a signature in a history from elsewhere, as documented; a model does worse with it.
const BYPASSES: [&str; 2] = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    parts: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    thought: Option<bool>,
    #[serde(borrow, rename = "thoughtSignature", alias = "thought_signature")]
    signature: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "functionCall", alias = "function_call")]
    call: Option<FunctionCall<'a>>,
    #[serde(borrow, rename = "functionResponse", alias = "function_response")]
    response: Option<FunctionResponse<'a>>,
    #[serde(borrow, rename = "inlineData", alias = "inline_data")]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct FunctionCall<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct FunctionResponse<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, default, rename = "functionDeclarations", alias = "function_declarations")]
    functions: Vec<Declared<'a>>,
}

#[derive(Deserialize)]
struct Declared<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Depth<'a> {
    #[serde(borrow, rename = "thinkingLevel", alias = "thinking_level")]
    thinking_level: Option<Cow<'a, str>>,
    #[serde(rename = "thinkingBudget", alias = "thinking_budget")]
    thinking_budget: Option<i64>,
    #[serde(rename = "includeThoughts", alias = "include_thoughts")]
    include_thoughts: Option<bool>,
}

/// Reads contents one after another, and keeps what a later one must fit.
struct Reader<'a> {
    model: &'a str,
    turns: Vec<Turn<'a>>,
    /// The calls of the content before.
    open: Vec<Called<'a>>,
}

/// Read and check a body for the model of the path.
pub(crate) fn read<'a>(body: &'a [u8], model: &'a str) -> Result<Asked<'a>, Rejection> {
    let fields: Fields<'a> = serde_json::from_slice(body)
        .map_err(|error| Rejection::words(format!("Invalid JSON payload received. {error}")))?;
    known(&fields, KNOWN, "")?;
    let Some(raw) = fields.raw("contents") else {
        return Err(Rejection::words("* GenerateContentRequest.contents: contents is not specified\n"));
    };
    let contents: Vec<Content<'a>> =
        serde_json::from_str(raw.get()).map_err(|error| bad("contents", &error))?;
    let system = fields.raw("systemInstruction").or(fields.raw("system_instruction"));
    let config = fields.raw("generationConfig").or(fields.raw("generation_config"));
    let config: Option<Fields<'a>> = config
        .map(|raw| serde_json::from_str(raw.get()).map_err(|error| bad("generation_config", &error)))
        .transpose()?;
    let (mut max_tokens, mut seed, mut thinking) = (None, 0, Thinking::default());
    if let Some(config) = &config {
        known(config, KNOWN_CONFIG, " at 'generation_config'")?;
        max_tokens = config.lax::<u64>("maxOutputTokens");
        seed = config.lax::<i64>("seed").unwrap_or(0).cast_unsigned();
        thinking = depth(config)?;
    }
    let mut reader = Reader { model, turns: Vec::new(), open: Vec::new() };
    reader.system(system)?;
    let known_bytes = known_bytes(raw, &contents);
    reader.read(contents)?;
    let length = |raw: Option<&RawValue>| raw.map_or(0, |raw| raw.get().len());
    let before = length(system) + length(fields.raw("tools"));
    Ok(Asked {
        model: model.into(),
        seed,
        tools: tools(&fields)?,
        max_tokens,
        size: Size {
            bytes: raw.get().len() + before,
            known_bytes: if known_bytes > 0 { known_bytes + before } else { 0 },
            marked_bytes: None,
        },
        thinking,
        turns: reader.turns,
        wording: raw.get(),
        repeated: Vec::new(),
    })
}

fn depth(config: &Fields<'_>) -> Result<Thinking, Rejection> {
    let Some(depth) = config.read::<Depth<'_>>("thinkingConfig") else { return Ok(Thinking::default()) };
    let depth = depth.map_err(|error| bad("generation_config.thinking_config", &error))?;
    if depth.thinking_level.is_some() && depth.thinking_budget.is_some() {
        return Err(Rejection::words("You can only set only one of thinking budget and thinking level."));
    }
    let level = depth.thinking_level.as_deref().unwrap_or("HIGH").to_ascii_uppercase();
    if !matches!(&*level, "MINIMAL" | "LOW" | "MEDIUM" | "HIGH" | "XHIGH" | "THINKING_LEVEL_UNSPECIFIED") {
        return Err(Rejection::words(format!(
            "Invalid value at 'generation_config.thinking_config.thinking_level' (type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel), \"{level}\""
        )));
    }
    let shown = depth.include_thoughts == Some(true);
    Ok(Thinking { mode: if shown { Mode::On } else { Mode::Played }, shown })
}

fn tools<'a>(fields: &Fields<'a>) -> Result<Vec<Cow<'a, str>>, Rejection> {
    let tools: Vec<Tool<'a>> =
        fields.read("tools").transpose().map_err(|error| bad("tools", &error))?.unwrap_or_default();
    let mut names = Vec::new();
    for (place, declared) in tools.into_iter().flat_map(|tool| tool.functions).enumerate() {
        let Some(name) = declared.name.filter(|name| is_name(name)) else {
            return Err(Rejection::words(format!(
                "* GenerateContentRequest.tools[0].function_declarations[{place}].name: Invalid function name. Must start with \
                 a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or \
                 dashes (-), with a maximum length of 64.\n"
            )));
        };
        names.push(name);
    }
    Ok(names)
}

fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-'))
}

fn known(fields: &Fields<'_>, known: &[&str], place: &str) -> Result<(), Rejection> {
    match fields.unknown(known) {
        None => Ok(()),
        Some(name) => Err(Rejection::words(format!(
            "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
        ))),
    }
}

/// Bytes up to the last turn of the model: those of the rest are counted from behind.
fn known_bytes(raw: &RawValue, contents: &[Content<'_>]) -> usize {
    let Some(last) = contents.iter().rposition(Content::is_of_the_model) else { return 0 };
    let fresh: usize = contents[last + 1..].iter().flat_map(|content| &content.parts).map(Part::len).sum();
    raw.get().len().saturating_sub(fresh)
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn system(&mut self, raw: Option<&'a RawValue>) -> Result<(), Rejection> {
        let Some(raw) = raw else { return Ok(()) };
        let content: Content<'a> =
            serde_json::from_str(raw.get()).map_err(|error| bad("system_instruction", &error))?;
        self.turns.push(Turn::System(content.text().into()));
        Ok(())
    }

    fn read(&mut self, contents: Vec<Content<'a>>) -> Result<(), Rejection> {
        if contents.is_empty() {
            return Err(Rejection::words("* GenerateContentRequest.contents: contents is not specified\n"));
        }
        let current = contents.iter().rposition(Content::opens_a_turn).unwrap_or(0);
        for (index, content) in contents.into_iter().enumerate() {
            content.check(index)?;
            if content.is_of_the_model() {
                self.model(index, content, index > current)?;
            } else {
                self.user(content)?;
            }
        }
        if self.open.is_empty() { Ok(()) } else { Err(unequal()) }
    }

    fn model(&mut self, index: usize, content: Content<'a>, current: bool) -> Result<(), Rejection> {
        if !self.open.is_empty() {
            return Err(unequal());
        }
        let text = content.text();
        let mut calls = Vec::new();
        for (place, part) in content.parts.into_iter().enumerate() {
            let Some(call) = part.call else { continue };
            let called = Called { id: call.id.unwrap_or_default(), name: call.name.unwrap_or_default() };
            if called.name.is_empty() {
                return Err(Rejection::words(format!(
                    "* GenerateContentRequest.contents[{index}].parts[{place}].function_call.name: Name cannot be empty.\n"
                )));
            }
            if current {
                self.signed(&called, part.signature.as_deref(), calls.is_empty(), place)?;
            }
            calls.push(called);
        }
        if !calls.is_empty() && !matches!(self.turns.last(), Some(Turn::User(_) | Turn::Tool { .. })) {
            return Err(Rejection::words(
                "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
            ));
        }
        self.open.clone_from(&calls);
        self.turns.push(Turn::Assistant { text: text.into(), calls });
        Ok(())
    }

    /// The first call of each step carries the signature that it came with, and no other does.
    fn signed(
        &self,
        called: &Called<'a>,
        signature: Option<&str>,
        first: bool,
        place: usize,
    ) -> Result<(), Rejection> {
        let name = &called.name;
        match signature {
            Some(signature) if BYPASSES.contains(&signature) => Ok(()),
            None if first => Err(Rejection::words(format!(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work \
                 correctly, and missing thought_signature may lead to degraded model performance. Additional data, function \
                 call `default_api:{name}` , position {}. Please refer to \
                 https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                place + 1
            ))),
            None => Ok(()),
            Some(signature) => {
                let turn = Said::signed(signature, self.model, "");
                let own = turn_of(&called.id);
                let sound = first && turn.is_some() && (own.is_none() || own == turn);
                if sound { Ok(()) } else { Err(Rejection::words("Corrupted thought signature.")) }
            }
        }
    }

    fn user(&mut self, content: Content<'a>) -> Result<(), Rejection> {
        let text = content.text();
        let responses: Vec<FunctionResponse<'a>> =
            content.parts.into_iter().filter_map(|part| part.response).collect();
        if responses.len() != self.open.len() {
            return Err(if self.open.is_empty() {
                Rejection::words(
                    "Please ensure that function response turn comes immediately after a function call turn.",
                )
            } else {
                unequal()
            });
        }
        for response in responses {
            self.response(response)?;
        }
        if !text.is_empty() {
            self.turns.push(Turn::User(text.into()));
        }
        Ok(())
    }

    fn response(&mut self, response: FunctionResponse<'a>) -> Result<(), Rejection> {
        let (id, name) = (response.id.unwrap_or_default(), response.name.unwrap_or_default());
        let fits = |open: &Called<'_>| open.name == name && open.id == id;
        let Some(place) = self.open.iter().position(fits) else {
            return Err(Rejection::words(format!(
                "Please ensure that each function response has the id and the name of a function call of the function call \
                 turn: `{name}` with id `{id}` has none."
            )));
        };
        let Some(content) = response.response.filter(|raw| raw.get().starts_with('{')) else {
            return Err(Rejection::words(
                "Invalid value at 'contents.parts.function_response.response' (type.googleapis.com/google.protobuf.Struct)",
            ));
        };
        let called = self.open.remove(place);
        self.turns.push(Turn::Tool { call_id: called.id, content: told(content) });
        Ok(())
    }
}

/// What a tool said: what stands under `output` or `error`, or else the whole object.
fn told(raw: &RawValue) -> Cow<'_, str> {
    let fields = serde_json::from_str::<Fields<'_>>(raw.get()).ok();
    let named = fields.and_then(|fields| fields.raw("output").or(fields.raw("error")));
    let said = named.unwrap_or(raw).get();
    serde_json::from_str::<Cow<'_, str>>(said).unwrap_or(Cow::Borrowed(said))
}

// === impl Content ===

impl Content<'_> {
    fn is_of_the_model(&self) -> bool {
        self.role.as_deref() == Some("model")
    }

    /// A user's words begin a turn; answers of tools go on with it.
    fn opens_a_turn(&self) -> bool {
        !self.is_of_the_model() && self.parts.iter().all(|part| part.response.is_none())
    }

    fn check(&self, index: usize) -> Result<(), Rejection> {
        if !matches!(self.role.as_deref(), None | Some("user" | "model" | "function")) {
            return Err(Rejection::words("Please use a valid role: user, model."));
        }
        if self.parts.is_empty() {
            return Err(Rejection::words(format!(
                "* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty.\n"
            )));
        }
        match self.parts.iter().position(Part::is_empty) {
            None => Ok(()),
            Some(part) => Err(Rejection::words(format!(
                "* GenerateContentRequest.contents[{index}].parts[{part}].data: required oneof field 'data' must have one \
                 initialized field\n"
            ))),
        }
    }

    fn text(&self) -> String {
        let spoken = self.parts.iter().filter(|part| part.thought != Some(true));
        spoken.filter_map(|part| part.text.as_deref()).collect()
    }
}

// === impl Part ===

impl Part<'_> {
    fn is_empty(&self) -> bool {
        self.text.is_none() && self.call.is_none() && self.response.is_none() && self.data.is_none()
    }

    fn len(&self) -> usize {
        let response = self.response.as_ref().and_then(|response| response.response);
        64 + self.text.as_ref().map_or(0, |text| text.len()) + response.map_or(0, |raw| raw.get().len())
    }
}

fn unequal() -> Rejection {
    Rejection::words(
        "Please ensure that the number of function response parts is equal to the number of function call parts of the \
         function call turn.",
    )
}

fn bad(place: &str, error: &serde_json::Error) -> Rejection {
    Rejection::words(format!("Invalid JSON payload received. Invalid value at '{place}': {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_said_is_found_under_either_name_or_is_the_whole_object() {
        for (response, said) in [
            (r#"{"output":"a\nb"}"#, "a\nb"),
            (r#"{"output":{"length":3}}"#, r#"{"length":3}"#),
            (r#"{"error":"no such file"}"#, "no such file"),
            (r#"{"content":"a"}"#, r#"{"content":"a"}"#),
        ] {
            let raw: &RawValue = serde_json::from_str(response).expect("JSON");
            assert_eq!(told(raw), said);
        }
    }
}
