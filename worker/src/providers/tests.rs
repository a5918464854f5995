//! The dialects' tests: what goes out, byte for byte, and what is made of what comes back.

use std::sync::Arc;

use muster_episode::{
    Call, Message, Reply, Sampling, StopReason, TokenUsage, ToolCall, ToolResult, ToolSpec,
};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn dialect() -> Arc<dyn Dialect> {
    dialect_of(ChatProfile::Compatible)
}

fn dialect_of(profile: ChatProfile) -> Arc<dyn Dialect> {
    let (kind, model, quirks) = (DialectKind::OpenAiChat, "gpt-test".to_owned(), Quirks::default());
    super::dialect(DialectConfig { kind, profile, model, quirks })
}

fn sampling(extra: &str) -> Sampling {
    Sampling { temperature: Some(0.5), top_p: None, max_output_tokens: 100, extra_body: extra.into() }
}

fn tool() -> ToolSpec {
    ToolSpec {
        name: "read_file".into(),
        description: "Reads \"it\".".into(),
        parameters: r#"{"type":"object","properties":{}}"#.into(),
    }
}

fn encode(messages: &[Message], tools: &[ToolSpec], extra: &str) -> Result<Bytes, EncodeError> {
    let sampling = sampling(extra);
    let call = Call { messages, tools, sampling: &sampling, seed: 7 };
    dialect().encode(&mut Conversation::default(), &call)
}

fn decode(answer: &str) -> Result<Reply, AnswerError> {
    dialect().decode(answer.as_bytes())
}

fn choice(message: &str, finish: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"message":{message},"finish_reason":{finish}}}]}}"#)
}

fn message(message: &str) -> Reply {
    decode(&choice(message, "\"stop\"")).expect(message)
}

#[test]
fn the_first_request_is_as_openai_documents_it() {
    let body = encode(&[Message::System("Be \"good\".".into()), Message::User("Hi\n".into())], &[tool()], "")
        .expect("body");
    let expected = concat!(
        r#"{"model":"gpt-test","messages":[{"role":"system","content":"Be \"good\"."},{"role":"user","content":"Hi\n"}],"#,
        r#""tools":[{"type":"function","function":{"name":"read_file","description":"Reads \"it\".","parameters":{"type":"object","properties":{}}}}],"#,
        r#""tool_choice":"auto","max_tokens":100,"seed":7,"temperature":0.5}"#
    );
    assert_eq!(std::str::from_utf8(&body).expect("text"), expected);
}

#[test]
fn openai_itself_is_told_the_limit_under_its_new_name_and_no_tools_means_no_choice() {
    let sampling = sampling("");
    let call = Call { messages: &[Message::User("Hi".into())], tools: &[], sampling: &sampling, seed: 7 };
    let dialect = dialect_of(ChatProfile::OpenAi);
    let body: Value =
        serde_json::from_slice(&dialect.encode(&mut Conversation::default(), &call).expect("body"))
            .expect("JSON");
    assert_eq!(body["max_completion_tokens"], 100);
    assert!(
        body.get("max_tokens").is_none() && body.get("tools").is_none() && body.get("tool_choice").is_none()
    );
}

#[test]
fn a_growing_conversation_is_encoded_as_if_it_were_encoded_anew_each_time() {
    let mut conversation = Conversation::default();
    let (dialect, sampling, tools) = (dialect(), sampling(""), [tool()]);
    let answer = choice(
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"read_file","arguments":"{}"}}], "x" : 1e2}"#,
        "\"tool_calls\"",
    );
    let mut messages = vec![Message::User("Hi".into())];
    for _ in 0..3 {
        let call = Call { messages: &messages, tools: &tools, sampling: &sampling, seed: 7 };
        let grown = dialect.encode(&mut conversation, &call).expect("body");
        assert_eq!(grown, encode(&messages, &tools, "").expect("body"));
        serde_json::from_slice::<Value>(&grown).expect("JSON");
        messages.push(Message::Assistant(decode(&answer).expect("reply")));
        messages.push(Message::Tool(ToolResult {
            call_id: "c1".into(),
            name: "read_file".into(),
            content: "{\"a\":1}".into(),
            is_error: false,
        }));
    }
    let body = encode(&messages, &tools, "").expect("body");
    let text = std::str::from_utf8(&body).expect("text");
    assert!(
        text.contains(
            r#""arguments":"{}"}}], "x" : 1e2},{"role":"tool","tool_call_id":"c1","content":"{\"a\":1}"}"#
        ),
        "{text}"
    );
}

#[test]
fn a_conversation_that_began_anew_is_encoded_anew() {
    let mut conversation = Conversation::default();
    let (dialect, sampling) = (dialect(), sampling(""));
    let messages = [Message::User("One".into()), Message::User("Two".into())];
    for messages in [&messages[..], &messages[..1]] {
        let call = Call { messages, tools: &[], sampling: &sampling, seed: 7 };
        assert_eq!(
            dialect.encode(&mut conversation, &call).expect("body"),
            encode(messages, &[], "").expect("body")
        );
    }
}

#[test]
fn extra_fields_take_the_place_of_ours_and_add_their_own() {
    let body = encode(
        &[Message::User("Hi".into())],
        &[],
        r#"{"temperature":1,"top_k":5,"provider":{"order":["x"]}}"#,
    );
    let text = String::from_utf8(body.expect("body").to_vec()).expect("text");
    assert!(
        text.ends_with(
            r#"],"max_tokens":100,"seed":7,"provider":{"order":["x"]},"temperature":1,"top_k":5}"#
        ),
        "{text}"
    );
}

#[test]
fn extra_fields_may_not_touch_what_makes_the_call() {
    for extra in [
        "[]",
        "3",
        "{",
        r#"{"model":"x"}"#,
        r#"{"stream":true}"#,
        r#"{"messages":[]}"#,
        r#"{"n":2}"#,
        r#"{"max_completion_tokens":5}"#,
    ] {
        assert!(matches!(encode(&[], &[], extra), Err(EncodeError::ExtraBody(_))), "{extra}");
    }
    let broken = ToolSpec { parameters: "{".into(), ..tool() };
    assert!(matches!(encode(&[], &[broken], ""), Err(EncodeError::Tool { .. })));
}

#[test]
fn a_reply_of_another_dialect_is_not_passed_off_as_ours() {
    let mut reply = message(r#"{"role":"assistant","content":"Yes."}"#);
    reply.dialect = Arc::from("anthropic");
    let mut conversation = Conversation::default();
    let sampling = sampling("");
    let messages = [Message::Assistant(reply)];
    let call = Call { messages: &messages, tools: &[], sampling: &sampling, seed: 7 };
    assert!(matches!(dialect().encode(&mut conversation, &call), Err(EncodeError::Foreign { .. })));
}

#[test]
fn a_scenarios_own_assistant_message_is_built() {
    let mut reply = message(r#"{"role":"assistant","content":"Yes."}"#);
    reply.raw = Bytes::new();
    reply.tool_calls = vec![ToolCall { id: "c1".into(), name: "t".into(), arguments: "{}".into() }];
    let body = encode(&[Message::Assistant(reply)], &[], "").expect("body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["messages"][0]["content"], "Yes.");
    assert_eq!(body["messages"][0]["tool_calls"][0]["function"]["name"], "t");
}

#[test]
fn an_answer_with_everything_in_it_is_read_whole() {
    let raw = r#"{"role": "assistant", "content": "I will.", "reasoning_content": "Hm.", "refusal": null, "tool_calls": [{"id":"call_1","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"a\"}"}}]}"#;
    let answer = format!(
        "\n\n {{\"id\":\"x\",\"object\":\"chat.completion\",\"model\":\"gpt-test-2026\",\"system_fingerprint\":\"fp_1\",\
         \"choices\":[{{\"index\":0,\"message\":{raw},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}}],\
         \"usage\":{{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\
         \"prompt_tokens_details\":{{\"cached_tokens\":64}},\"completion_tokens_details\":{{\"reasoning_tokens\":8}}}}}}\n"
    );
    let reply = decode(&answer).expect("reply");
    assert_eq!(reply.raw, raw.as_bytes());
    assert_eq!((&*reply.text, &*reply.reasoning, &*reply.dialect), ("I will.", "Hm.", OPENAI_CHAT));
    let call =
        ToolCall { id: "call_1".into(), name: "read_file".into(), arguments: "{\"path\":\"a\"}".into() };
    assert_eq!((reply.tool_calls, reply.stop), (vec![call], StopReason::ToolCalls));
    assert_eq!(
        reply.tokens,
        TokenUsage { input: 100, cached_input: 64, cache_write: 0, output: 20, reasoning: 8 }
    );
    assert_eq!((&*reply.served_model, &*reply.fingerprint), ("gpt-test-2026", "fp_1"));
}

#[test]
fn every_way_to_say_something_is_heard() {
    assert_eq!(message(r#"{"content":"a"}"#).text, "a");
    assert_eq!(
        message(r#"{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#)
            .text,
        "ab"
    );
    assert_eq!(message(r#"{"role":"assistant","content":null}"#).text, "");
    assert_eq!(
        message(r#"{"role":"assistant","content":"a","reasoning":"new","reasoning_content":"old"}"#)
            .reasoning,
        "new"
    );
    assert!(message(r#"{"role":"assistant","content":"cut \ud83d"}"#).text.starts_with("cut "));
    for refusal in [
        r#"{"role":"assistant","content":null,"refusal":"No."}"#,
        r#"{"role":"assistant","content":[{"type":"refusal","refusal":"No."}]}"#,
    ] {
        let reply = message(refusal);
        assert_eq!((&*reply.text, reply.stop), ("No.", StopReason::Refusal));
    }
}

#[test]
fn every_reason_to_stop_is_understood() {
    let plain = r#"{"role":"assistant","content":"a"}"#;
    let calling = r#"{"role":"assistant","content":"","tool_calls":[{"id":"c","function":{"name":"t","arguments":"{}"}}]}"#;
    for (message, finish, stop) in [
        (plain, "\"stop\"", StopReason::End),
        (plain, "null", StopReason::End),
        (plain, "\"length\"", StopReason::Length),
        (plain, "\"content_filter\"", StopReason::Refusal),
        (plain, "\"eos_token\"", StopReason::Other),
        (plain, "\"tool_calls\"", StopReason::End),
        (calling, "\"tool_calls\"", StopReason::ToolCalls),
        (calling, "\"stop\"", StopReason::ToolCalls),
        (calling, "\"length\"", StopReason::Length),
    ] {
        assert_eq!(decode(&choice(message, finish)).expect("reply").stop, stop, "{message} {finish}");
    }
    assert_eq!(decode(&choice(plain, "\"insufficient_system_resource\"")), Err(AnswerError::BrokenOff));
}

#[test]
fn tool_calls_of_any_shape_are_kept_to_be_answered() {
    let calls = |calls: &str| {
        message(&format!(r#"{{"role":"assistant","content":null,"tool_calls":{calls}}}"#)).tool_calls
    };
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    };
    assert_eq!(calls("null"), []);
    assert_eq!(calls("[]"), []);
    assert_eq!(
        calls(r#"[{"id":"c","function":{"name":"t","arguments":{"a":1}}}]"#),
        [call("c", "t", "{\"a\":1}")]
    );
    assert_eq!(calls(r#"[{"id":"c","function":{"name":"t"}}]"#), [call("c", "t", "")]);
    assert_eq!(
        calls(r#"[{"id":"c","type":"custom","custom":{}}]"#),
        [call("c", "", r#"{"id":"c","type":"custom","custom":{}}"#)]
    );
    assert_eq!(calls("[7]"), [call("", "", "7")]);
}

#[test]
fn usage_that_cannot_be_read_does_not_cost_the_answer() {
    let usage = |usage: &str| {
        let answer = format!(r#"{{"choices":[{{"message":{{"content":"a"}}}}],"usage":{usage}}}"#);
        decode(&answer).expect(usage).tokens
    };
    assert_eq!(usage("null"), TokenUsage::default());
    assert_eq!(usage("[]"), TokenUsage::default());
    assert_eq!(
        usage(r#"{"prompt_tokens":-5,"completion_tokens":"x","prompt_tokens_details":3}"#),
        TokenUsage::default()
    );
    let deepseek = usage(r#"{"prompt_tokens":10,"prompt_cache_hit_tokens":4,"completion_tokens":2.0}"#);
    assert_eq!(deepseek, TokenUsage { input: 10, cached_input: 4, cache_write: 0, output: 2, reasoning: 0 });
}

#[test]
fn answers_that_are_none_are_told_apart() {
    let good = choice(r#"{"role":"assistant","content":"abc"}"#, "\"stop\"");
    for end in 1..good.len() {
        assert_eq!(decode(&good[..end]), Err(AnswerError::Cut(end)), "{}", &good[..end]);
    }
    assert_eq!(decode(""), Err(AnswerError::Cut(0)));
    assert_eq!(decode("\n\n\n"), Err(AnswerError::Cut(3)));
    for not_json in ["<html></html>", "data: {}", "{\"choices\":[]}x", "{'a':1}"] {
        assert_eq!(decode(not_json), Err(AnswerError::NotJson(not_json.len())), "{not_json}");
    }
    assert_eq!(dialect().decode(b"{\"choices\":\"\xff\"}"), Err(AnswerError::NotJson(15)));
}

#[test]
fn answers_of_another_shape_are_told_as_such() {
    for answer in [
        "null",
        "7",
        "\"hi\"",
        "{}",
        "[]",
        "[{}]",
        "[[]]",
        r#"{"choices":null}"#,
        r#"{"choices":[]}"#,
        r#"{"choices":{}}"#,
        r#"{"choices":[null]}"#,
        r#"{"choices":[{}]}"#,
        r#"{"choices":[{"message":null}]}"#,
        r#"{"choices":[{"message":"hi"}]}"#,
        r#"{"choices":[{"message":[]}]}"#,
        r#"{"choices":[{"message":{"role":"user","content":"a"}}]}"#,
        r#"{"choices":[{"message":{"role":7}}]}"#,
        r#"{"choices":[{"message":{"content":7}}]}"#,
        r#"{"choices":[{"message":{"content":[7]}}]}"#,
        r#"{"choices":[{"message":{"tool_calls":{}}}]}"#,
    ] {
        assert!(matches!(decode(answer), Err(AnswerError::Shape(_))), "{answer}: {:?}", decode(answer));
    }
    let many =
        format!(r#"{{"choices":[{{"message":{{"content":null,"tool_calls":[{}0]}}}}]}}"#, "0,".repeat(1_024));
    assert_eq!(decode(&many), Err(AnswerError::Shape("more than 1,024 tool calls")));
}

#[test]
fn errors_inside_a_200_are_found_wherever_they_are() {
    for answer in [
        r#"{"error":{"code":502,"message":"boom"}}"#,
        r#"[{"error":{"code":502,"message":"boom"}}]"#,
        r#"{"choices":[{"error":{"code":502,"message":"boom"},"message":{"content":""}}]}"#,
        r#"{"id":"x","choices":[],"error":{"code":502,"message":"boom"}}"#,
    ] {
        let expected = Bytes::from_static(br#"{"code":502,"message":"boom"}"#);
        assert_eq!(decode(answer), Err(AnswerError::Error(expected)), "{answer}");
    }
    assert!(decode(r#"{"error":null,"choices":[{"message":{"content":"a"}}]}"#).is_ok());
}

#[test]
fn nesting_of_any_depth_is_read_or_refused_without_touching_the_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    for answer in [
        deep.clone(),
        format!(r#"{{"choices":{deep}}}"#),
        format!(r#"{{"choices":[{{"message":{{"content":{deep}}}}}]}}"#),
        format!(r#"{{"choices":[{{"message":{{"tool_calls":{deep}}}}}]}}"#),
        "{\"a\":".repeat(1_000_000),
    ] {
        let _ = decode(&answer);
    }
    let raw = format!(r#"{{"content":"a","extra":{deep}}}"#);
    assert_eq!(decode(&choice(&raw, "\"stop\"")).expect("reply").raw, raw.as_bytes());
}

/// JSON of some depth, with blanks and escapes as no serializer would write them.
fn json_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f32>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).expect("JSON")),
        Just("\"\\ud800\\u0041\\/\"".to_owned()),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[ {} ]", items.join(" ,\n"))),
            prop::collection::btree_map("[a-z]{1,8}", inner, 0..4).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
                format!("{{{}}}", fields.join(", "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = dialect().decode(&bytes);
    }

    #[test]
    fn no_damage_to_a_good_answer_makes_it_panic(at in 0_usize..120, byte in any::<u8>()) {
        let mut answer = choice(r#"{"role":"assistant","content":"abc","tool_calls":[{"id":"c","function":{"name":"t","arguments":"{}"}}]}"#, "\"stop\"").into_bytes();
        let at = at % answer.len();
        answer[at] = byte;
        let _ = dialect().decode(&answer);
    }

    #[test]
    fn whatever_a_message_holds_it_goes_back_byte_for_byte(content in any::<String>(), extra in json_value(), blank in "[ \n\t]{0,3}") {
        let content = serde_json::to_string(&content).expect("JSON");
        let raw = format!("{{{blank}\"role\":\"assistant\",{blank}\"content\": {content},\"vendor_extra\":{blank}{extra}{blank}}}");
        let reply = message(&raw);
        prop_assert_eq!(&reply.raw[..], raw.as_bytes());
        let body = encode(&[Message::User("Hi".into()), Message::Assistant(reply)], &[], "").expect("body");
        prop_assert!(body.windows(raw.len()).any(|window| window == raw.as_bytes()));
    }

    #[test]
    fn any_shape_in_any_place_is_an_answer_or_a_clear_error(content in json_value(), calls in json_value(), usage in json_value(), finish in json_value()) {
        let answer = format!(r#"{{"choices":[{{"message":{{"content":{content},"tool_calls":{calls}}},"finish_reason":{finish}}}],"usage":{usage}}}"#);
        match decode(&answer) {
            Ok(_) | Err(AnswerError::Shape(_)) => {}
            Err(other) => prop_assert!(false, "{other:?} of {answer}"),
        }
    }
}
