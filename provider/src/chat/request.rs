//! Reading a request in Chat, and refusing it in OpenAI's words where OpenAI would.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::asked::{Asked, Called, Fields, Mode, Size, Thinking, Turn};
use crate::chat::order::OpenCalls;
use crate::chat::quirks;
use crate::profile::{Carried, Profile};
use crate::reasoning::{Echo, Turn as Said};
use crate::rejection::Rejection;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    seed: Option<i64>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    stream: Option<bool>,
    n: Option<u64>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_effort: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChatMessage<'a> {
    #[serde(borrow)]
    pub(super) role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Content<'a>,
    #[serde(borrow)]
    tool_calls: Option<Vec<AskedCall<'a>>>,
    #[serde(borrow)]
    pub(super) tool_call_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reasoning_content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reasoning: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reasoning_details: Option<Vec<Detail<'a>>>,
}

#[derive(Debug, Deserialize)]
struct Detail<'a> {
    #[serde(borrow, default)]
    text: Cow<'a, str>,
    #[serde(borrow, default)]
    signature: Cow<'a, str>,
}

/// A message's text. None: null, or not there.
#[derive(Debug, Default)]
struct Content<'a>(Option<Cow<'a, str>>);

#[derive(Debug, Deserialize)]
pub(super) struct AskedCall<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Debug, Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Debug, Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Switch<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    effort: Option<Cow<'a, str>>,
    enabled: Option<bool>,
    exclude: Option<bool>,
}

/// Read and check a body. `echo`: reasoning has to come back, whatever the profile says of it.
pub(crate) fn read<'a>(body: &'a [u8], profile: Profile, echo: bool) -> Result<Asked<'a>, Rejection> {
    let whole = body;
    let body: Body<'a> = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let Some(model) = body.model.clone().filter(|model| !model.is_empty()) else {
        return Err(Rejection::invalid("you must provide a model parameter", None, None));
    };
    let Some(raw) = body.messages else {
        let code = Some("missing_required_parameter");
        return Err(Rejection::invalid("Missing required parameter: 'messages'.", Some("messages"), code));
    };
    unsupported(&body)?;
    if profile.is_openai() || profile == Profile::Moonshot {
        let fields: Fields<'_> = serde_json::from_slice(whole).map_err(|error| unreadable(&error))?;
        quirks::check(&fields, profile)?;
    }
    let messages: Vec<ChatMessage<'a>> = part(raw, "messages")?;
    check(&messages)?;
    let tools: Vec<Tool<'a>> = body.tools.map_or_else(|| Ok(Vec::new()), |raw| part(raw, "tools"))?;
    let thinking = thinking(&body, profile);
    if (echo || profile.demands_echo()) && thinking.mode != Mode::Off {
        echoed(&messages, profile, &model)?;
    }
    let known_bytes = known_bytes(raw, &messages);
    let before = body.tools.map_or(0, |raw| raw.get().len());
    Ok(Asked {
        seed: body.seed.unwrap_or(0).cast_unsigned(),
        tools: tools.into_iter().map(|tool| tool.function.name).collect(),
        max_tokens: body.max_completion_tokens.or(body.max_tokens),
        size: Size {
            bytes: raw.get().len() + before,
            known_bytes: if known_bytes > 0 { known_bytes + before } else { 0 },
            marked_bytes: None,
        },
        thinking,
        turns: messages.into_iter().map(ChatMessage::turn).collect(),
        wording: raw.get(),
        repeated: Vec::new(),
        model,
    })
}

fn thinking(body: &Body<'_>, profile: Profile) -> Thinking {
    let (kind, reasoning) = (switch(body.thinking), switch(body.reasoning));
    let effort = reasoning.as_ref().and_then(|switch| switch.effort.as_deref());
    let off = kind.as_ref().is_some_and(|switch| switch.kind.as_deref() == Some("disabled"))
        || effort.or(body.reasoning_effort.as_deref()) == Some("none")
        || reasoning.as_ref().is_some_and(|switch| switch.enabled == Some(false));
    let mode = match off {
        true => Mode::Off,
        false if profile.thinks_by_default() => Mode::On,
        false => Mode::Played,
    };
    Thinking { mode, shown: reasoning.is_none_or(|switch| switch.exclude != Some(true)) }
}

fn switch(raw: Option<&RawValue>) -> Option<Switch<'_>> {
    serde_json::from_str(raw?.get()).ok()
}

/// Every turn with calls has to come back with what was thought before them.
fn echoed(messages: &[ChatMessage<'_>], profile: Profile, model: &str) -> Result<(), Rejection> {
    for (index, message) in messages.iter().enumerate() {
        let carried = message.carried(profile, model);
        let broken = |call: &AskedCall<'_>| matches!(Echo::of(&call.id, carried), Echo::Broken(_));
        if message.calls().any(broken) {
            return Err(quirks::not_echoed(profile, index));
        }
    }
    Ok(())
}

/// Bytes up to the last turn of the model, which the last request had too: those of the rest are counted from behind.
fn known_bytes(raw: &RawValue, messages: &[ChatMessage<'_>]) -> usize {
    let Some(last) = messages.iter().rposition(|message| message.role == "assistant") else { return 0 };
    let fresh: usize = messages[last + 1..].iter().map(|message| message.content.len() + 64).sum();
    raw.get().len().saturating_sub(fresh)
}

fn unsupported(body: &Body<'_>) -> Result<(), Rejection> {
    if body.stream == Some(true) {
        let message = "Unsupported value: 'stream' does not support true with this fake provider.";
        return Err(Rejection::invalid(message, Some("stream"), Some("unsupported_value")));
    }
    if body.n.is_some_and(|n| n != 1) {
        let message = "Unsupported value: 'n' supports only 1 with this fake provider.";
        return Err(Rejection::invalid(message, Some("n"), Some("unsupported_value")));
    }
    if body.max_tokens.is_some() && body.max_completion_tokens.is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(Rejection::invalid(message, Some("max_tokens"), Some("invalid_parameter_combination")));
    }
    Ok(())
}

fn part<'a, T: Deserialize<'a>>(raw: &'a RawValue, name: &str) -> Result<Vec<T>, Rejection> {
    serde_json::from_str(raw.get()).map_err(|error| {
        let message = format!("Invalid type for '{name}': {error}.");
        Rejection::invalid(&message, Some(name), Some("invalid_type"))
    })
}

/// The order of roles, and every tool call answered, as OpenAI demands it.
fn check(messages: &[ChatMessage<'_>]) -> Result<(), Rejection> {
    if messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
        return Err(Rejection::invalid(message, Some("messages"), Some("empty_array")));
    }
    let mut open = OpenCalls::default();
    for (index, message) in messages.iter().enumerate() {
        message.check(index)?;
        open.see(index, message)?;
    }
    open.none_left(messages.len())
}

// === impl ChatMessage ===

impl<'a> ChatMessage<'a> {
    pub(super) fn calls(&self) -> impl Iterator<Item = &AskedCall<'a>> {
        self.tool_calls.iter().flatten().filter(|_| self.role == "assistant")
    }

    fn check(&self, index: usize) -> Result<(), Rejection> {
        if !matches!(&*self.role, "system" | "developer" | "user" | "assistant" | "tool") {
            let message = format!(
                "Invalid value: '{}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
                self.role
            );
            return Err(Rejection::invalid(
                &message,
                Some(&format!("messages[{index}].role")),
                Some("invalid_value"),
            ));
        }
        if self.tool_calls.as_ref().is_some_and(Vec::is_empty) {
            let message = format!(
                "Invalid 'messages[{index}].tool_calls': empty array. Expected an array with minimum length 1, but got an empty array instead."
            );
            let param = format!("messages[{index}].tool_calls");
            return Err(Rejection::invalid(&message, Some(&param), Some("empty_array")));
        }
        if self.content.0.is_none() && self.calls().next().is_none() {
            let message = "Invalid value for 'content': expected a string, got null.";
            return Err(Rejection::invalid(message, Some(&format!("messages.[{index}].content")), None));
        }
        Ok(())
    }

    /// The reasoning that came back with it, by the profile's name for it.
    fn carried(&self, profile: Profile, model: &str) -> Option<&str> {
        match profile.carried() {
            Carried::Hidden => None,
            Carried::Content => self.reasoning_content.as_deref(),
            Carried::Reasoning => self.reasoning.as_deref(),
            Carried::Details => {
                let [detail] = self.reasoning_details.as_deref()? else { return None };
                Said::signed(&detail.signature, model, &detail.text).map(|_| &*detail.text)
            }
        }
    }

    fn turn(self) -> Turn<'a> {
        let text = self.content.0.unwrap_or_default();
        match &*self.role {
            "system" | "developer" => Turn::System(text),
            "assistant" => {
                let calls = self.tool_calls.into_iter().flatten();
                Turn::Assistant { text, calls: calls.map(AskedCall::called).collect() }
            }
            "tool" => Turn::Tool { call_id: self.tool_call_id.unwrap_or_default(), content: text },
            _ => Turn::User(text),
        }
    }
}

impl<'a> AskedCall<'a> {
    fn called(self) -> Called<'a> {
        Called { id: self.id, name: self.function.name }
    }
}

// === impl Content ===

impl Content<'_> {
    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |text| text.len())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of content parts")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'de>, E> {
                Ok(Content(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Content<'de>, E> {
                Ok(Content(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_unit<E>(self) -> Result<Content<'de>, E> {
                Ok(Content(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content<'de>, A::Error> {
                let mut text = String::new();
                while let Some(part) = parts.next_element::<Part<'de>>()? {
                    text.push_str(&part.text);
                }
                Ok(Content(Some(Cow::Owned(text))))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// A body that is no request.
pub(crate) fn unreadable(error: &serde_json::Error) -> Rejection {
    if error.is_data() {
        return Rejection::invalid(&format!("Invalid type: {error}."), None, Some("invalid_type"));
    }
    let message = "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your \
                   HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)";
    Rejection::invalid(message, None, None)
}

#[cfg(test)]
mod tests {
    use muster_episode::{Said, SaidCall};

    use super::*;

    fn read(body: &[u8]) -> Result<Asked<'_>, Rejection> {
        super::read(body, Profile::Compatible, false)
    }

    fn refused(body: &str) -> Rejection {
        read(body.as_bytes()).expect_err(body)
    }

    fn request(messages: &str) -> String {
        format!(r#"{{"model":"rehearsal","messages":[{messages}]}}"#)
    }

    #[test]
    fn a_whole_conversation_is_read_with_and_without_escapes() {
        let body = r#"{"model":"sim/rehearsal","seed":7,"max_completion_tokens":100,
            "tools":[{"type":"function","function":{"name":"read","description":"d","parameters":{"type":"object"}}}],
            "messages":[{"role":"system","content":"Be \"good\"."},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
            {"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"read","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"call_1","content":"x"}]}"#;
        let request = read(body.as_bytes()).expect("good");
        let calls = vec![SaidCall { id: "call_1", name: "read" }];
        assert_eq!(
            request.said(),
            [
                Said::System("Be \"good\"."),
                Said::User("ab"),
                Said::Assistant { text: "", calls },
                Said::Tool { call_id: "call_1", content: "x" }
            ]
        );
        assert_eq!((request.seed, request.max_tokens, request.tools[0].as_ref()), (7, Some(100), "read"));
        assert_eq!(request.model, "sim/rehearsal");
    }

    #[test]
    fn the_same_call_has_the_same_hash_and_any_other_another() {
        let hash = |model: &str, seed: u32, text: &str| {
            let body = serde_json::json!({"model": model, "seed": seed, "messages": [{"role": "user", "content": text}]});
            read(body.to_string().as_bytes()).expect("good").hash(model)
        };
        assert_eq!(hash("a", 1, "x"), hash("a", 1, "x"));
        assert_ne!(hash("a", 1, "x"), hash("b", 1, "x"));
        assert_ne!(hash("a", 1, "x"), hash("a", 2, "x"));
        assert_ne!(hash("a", 1, "x"), hash("a", 1, "y"));
    }

    #[test]
    fn a_tool_message_without_its_call_is_refused_as_openai_does() {
        let asked = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"read","arguments":"{}"}}]}"#;
        let alone = refused(&request(
            r#"{"role":"user","content":"a"},{"role":"tool","tool_call_id":"call_1","content":"x"}"#,
        ));
        assert_eq!(alone.param.as_deref(), Some("messages.[1].role"));
        assert!(alone.message.contains("must be a response to a preceeding message with 'tool_calls'"));
        let other =
            refused(&request(&format!(r#"{asked},{{"role":"tool","tool_call_id":"call_2","content":"x"}}"#)));
        assert!(other.message.contains("'call_2' not found"), "{}", other.message);
        for tail in ["", r#",{"role":"user","content":"a"}"#] {
            let left = refused(&request(&format!("{asked}{tail}")));
            assert!(left.message.ends_with("did not have response messages: call_1"), "{}", left.message);
        }
    }

    #[test]
    fn every_other_bad_request_is_refused_in_openais_words() {
        for (body, code, words) in [
            ("{", None, "could not parse the JSON body"),
            ("[]", Some("invalid_type"), "Invalid type"),
            (r#"{"messages":[]}"#, None, "you must provide a model parameter"),
            (
                r#"{"model":"a"}"#,
                Some("missing_required_parameter"),
                "Missing required parameter: 'messages'.",
            ),
            (r#"{"model":"a","messages":"hi"}"#, Some("invalid_type"), "Invalid type for 'messages'"),
            (r#"{"model":"a","messages":[]}"#, Some("empty_array"), "empty array"),
            (&request(r#"{"role":"robot","content":"a"}"#), Some("invalid_value"), "'robot'"),
            (&request(r#"{"role":"user","content":null}"#), None, "expected a string, got null"),
            (
                &request(r#"{"role":"assistant","content":"a","tool_calls":[]}"#),
                Some("empty_array"),
                "messages[0].tool_calls",
            ),
            (r#"{"model":"a","messages":[],"stream":true}"#, Some("unsupported_value"), "'stream'"),
            (r#"{"model":"a","messages":[],"n":2}"#, Some("unsupported_value"), "'n'"),
            (
                r#"{"model":"a","messages":[],"max_tokens":1,"max_completion_tokens":1}"#,
                Some("invalid_parameter_combination"),
                "at the same time",
            ),
        ] {
            let refused = refused(body);
            assert_eq!((refused.status, refused.kind), (400, "invalid_request_error"), "{body}");
            assert_eq!(refused.code, code, "{body}");
            assert!(refused.message.contains(words), "{}", refused.message);
        }
    }

    #[test]
    fn what_was_sent_before_counts_as_known() {
        let tail = "x".repeat(1_000);
        let body = request(&format!(
            r#"{{"role":"user","content":"{tail}"}},{{"role":"assistant","content":"a"}},{{"role":"user","content":"{tail}"}}"#
        ));
        let size = read(body.as_bytes()).expect("good").size;
        assert!((1_000..1_100).contains(&size.known_bytes), "{size:?}");
        let first = request(r#"{"role":"user","content":"a"}"#);
        assert_eq!(read(first.as_bytes()).expect("good").size.known_bytes, 0);
    }

    #[test]
    fn hostile_nesting_does_not_reach_the_stack() {
        let deep = "[".repeat(1_000_000);
        for body in [
            deep.clone(),
            format!(r#"{{"model":"a","messages":{deep}"#),
            request(&format!(r#"{{"role":"user","content":{deep}"#)),
        ] {
            assert_eq!(refused(&body).status, 400);
        }
    }
}
