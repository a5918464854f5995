//! What each shape of an answer means, in every dialect: stops, errors, counts, and oddities that servers are known for.

use std::sync::Arc;

use bytes::Bytes;
use muster_episode::{Call, Message, Reply, Sampling, StopReason, TokenUsage, ToolCall};
use muster_worker::{
    AnswerError, ChatProfile, Conversation, DialectConfig, DialectKind, EncodeError, Quirks, dialect,
};
use serde_json::Value;

use crate::echo::Echo;
use crate::fixture::{opening, tool};

fn decode(kind: DialectKind, answer: &str) -> Result<Reply, AnswerError> {
    Echo::new(kind).survive(answer.as_bytes())
}

fn read(kind: DialectKind, answer: &str) -> Reply {
    decode(kind, answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn messages(content: &str, stop: &str) -> String {
    format!(r#"{{"type":"message","role":"assistant","content":{content},"stop_reason":{stop}}}"#)
}

fn responses(output: &str) -> String {
    format!(r#"{{"status":"completed","error":null,"output":{output}}}"#)
}

fn gemini(content: &str, reason: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{content},"finishReason":"{reason}"}}],"responseId":"R"}}"#)
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }
}

/// The first request of a conversation, or why there is none.
fn first_request(
    (kind, profile): (DialectKind, ChatProfile),
    quirks: &[&str],
    sampling: &Sampling,
) -> Result<Value, EncodeError> {
    let quirks: Vec<Arc<str>> = quirks.iter().map(|name| Arc::from(*name)).collect();
    let quirks = Quirks::parse(&quirks).expect("quirks");
    let dialect = dialect(DialectConfig { kind, profile, model: "m".into(), quirks });
    let (messages, tools) = (opening(), [tool()]);
    let call = Call { messages: &messages, tools: &tools, sampling, seed: u32::MAX };
    let body = dialect.encode(&mut Conversation::default(), &call)?;
    Ok(serde_json::from_slice(&body).expect("JSON"))
}

fn sampling(extra: &str) -> Sampling {
    Sampling { temperature: Some(0.5), top_p: Some(0.9), max_output_tokens: 4_096, extra_body: extra.into() }
}

#[test]
fn errors_inside_a_200_are_errors_in_every_dialect() {
    let expected = AnswerError::Error(Bytes::from_static(br#"{"code":503,"message":"boom"}"#));
    for kind in DialectKind::ALL {
        for answer in [
            r#"{"error":{"code":503,"message":"boom"}}"#,
            r#"[{"error":{"code":503,"message":"boom"}}]"#,
            "\n\n: PROCESSING\n\n{\"type\":\"error\",\"error\":{\"code\":503,\"message\":\"boom\"},\"request_id\":\"r\"}",
        ] {
            assert_eq!(decode(kind, answer), Err(expected.clone()), "{kind}: {answer}");
        }
    }
}

#[test]
fn what_is_no_answer_is_told_apart_in_every_dialect() {
    for kind in DialectKind::ALL {
        for shape in ["null", "7", "\"a\"", "{}", "[]", "[7]", r#"{"id":"x"}"#] {
            assert!(matches!(decode(kind, shape), Err(AnswerError::Shape(_))), "{kind}: {shape}");
        }
        for cut in ["", "\n\n", ": PROCESSING", "{", "{\"a", "{\"a\":[1,"] {
            assert_eq!(decode(kind, cut), Err(AnswerError::Cut(cut.len())), "{kind}: {cut}");
        }
        for not_json in ["<html></html>", "data: {}", "{}{}", "{'a':1}"] {
            assert_eq!(
                decode(kind, not_json),
                Err(AnswerError::NotJson(not_json.len())),
                "{kind}: {not_json}"
            );
        }
    }
}

#[test]
fn nesting_of_any_depth_is_read_or_refused_without_touching_the_stack() {
    let deep = format!("{}{}", "[".repeat(300_000), "]".repeat(300_000));
    for (kind, answer) in [
        (
            DialectKind::AnthropicMessages,
            messages(&format!(r#"[{{"type":"tool_use","input":{deep}}}]"#), "null"),
        ),
        (
            DialectKind::Gemini,
            gemini(&format!(r#"{{"parts":[{{"functionCall":{{"args":{deep}}}}}]}}"#), "STOP"),
        ),
        (DialectKind::OpenAiResponses, responses(&format!(r#"[{{"type":"x","deep":{deep}}}]"#))),
        (DialectKind::OpenAiChat, format!(r#"{{"choices":[{{"message":{{"deep":{deep}}}}}]}}"#)),
    ] {
        assert!(decode(kind, &answer).is_ok(), "{kind}");
        assert!(decode(kind, &deep).is_err(), "{kind}");
    }
}

#[test]
fn more_tool_calls_than_anyone_means_are_refused_in_every_dialect() {
    let many = |item: &str| format!("[{}{item}]", format!("{item},").repeat(1_024));
    let problem = Err(AnswerError::Shape("more than 1,024 tool calls"));
    for (kind, answer) in [
        (DialectKind::AnthropicMessages, messages(&many(r#"{"type":"tool_use"}"#), "null")),
        (DialectKind::Gemini, gemini(&format!(r#"{{"parts":{}}}"#, many(r#"{"functionCall":{}}"#)), "STOP")),
        (DialectKind::OpenAiResponses, responses(&many(r#"{"type":"function_call"}"#))),
        (DialectKind::OpenAiChat, format!(r#"{{"choices":[{{"message":{{"tool_calls":{}}}}}]}}"#, many("0"))),
    ] {
        assert_eq!(decode(kind, &answer), problem, "{kind}");
    }
}

#[test]
fn every_reason_of_anthropic_to_stop_is_understood() {
    let kind = DialectKind::AnthropicMessages;
    let (said, called) =
        (r#"[{"type":"text","text":"a"}]"#, r#"[{"type":"tool_use","id":"t","name":"n","input":{}}]"#);
    for (content, reason, stop) in [
        (said, "\"end_turn\"", StopReason::End),
        (said, "\"stop_sequence\"", StopReason::End),
        (said, "null", StopReason::End),
        ("[]", "\"end_turn\"", StopReason::End),
        (called, "\"tool_use\"", StopReason::ToolCalls),
        (called, "null", StopReason::ToolCalls),
        (called, "\"max_tokens\"", StopReason::Length),
        (said, "\"model_context_window_exceeded\"", StopReason::Length),
        ("null", "\"refusal\"", StopReason::Refusal),
        (said, "\"pause_turn\"", StopReason::Other),
        (said, "\"something_new\"", StopReason::Other),
    ] {
        assert_eq!(read(kind, &messages(content, reason)).stop, stop, "{content} {reason}");
    }
}

#[test]
fn arguments_that_come_as_an_object_keep_their_exact_bytes() {
    let args = r#"{"a" : 1e400, "b":-0.0,"a":2, "c":"\ud83d"}"#;
    let anthropic =
        messages(&format!(r#"[{{"type":"tool_use","id":"t","name":"n","input":{args}}}]"#), "null");
    assert_eq!(read(DialectKind::AnthropicMessages, &anthropic).tool_calls, [call("t", "n", args)]);
    let google =
        gemini(&format!(r#"{{"parts":[{{"functionCall":{{"id":"t","name":"n","args":{args}}}}}]}}"#), "STOP");
    assert_eq!(read(DialectKind::Gemini, &google).tool_calls, [call("t", "n", args)]);
}

#[test]
fn arguments_that_are_missing_are_an_empty_object_where_they_should_be_one() {
    for input in ["", r#","input":null"#, r#","input":{}"#] {
        let answer = messages(&format!(r#"[{{"type":"tool_use","id":"t","name":"n"{input}}}]"#), "null");
        assert_eq!(
            read(DialectKind::AnthropicMessages, &answer).tool_calls,
            [call("t", "n", "{}")],
            "{input}"
        );
    }
    let answer = gemini(r#"{"parts":[{"functionCall":{"id":"t","name":"n"}}]}"#, "STOP");
    assert_eq!(read(DialectKind::Gemini, &answer).tool_calls, [call("t", "n", "{}")]);
}

#[test]
fn a_call_that_gemini_gave_no_id_gets_one_that_is_not_sent_back() {
    let parts = r#"{"role":"model","parts":[{"functionCall":{"name":"a"}},{"functionCall":{"name":"b","id":"given"}},{"functionCall":{"name":"c","id":"no id R-0"}}]}"#;
    let reply = read(DialectKind::Gemini, &gemini(parts, "STOP"));
    let ids: Vec<&str> = reply.tool_calls.iter().map(|call| &*call.id).collect();
    assert_eq!(ids, ["no id R-0", "given", "no id R-2"]);
    let results = reply.tool_calls.iter().map(|call| {
        let (call_id, name) = (call.id.clone(), call.name.clone());
        Message::Tool(muster_episode::ToolResult { call_id, name, content: "1".into(), is_error: false })
    });
    let results: Vec<Message> = results.collect();
    let messages: Vec<Message> = [Message::Assistant(reply)].into_iter().chain(results).collect();
    let (sampling, quirks) = (sampling(""), Quirks::default());
    let config = DialectConfig {
        kind: DialectKind::Gemini,
        profile: ChatProfile::Compatible,
        model: "m".into(),
        quirks,
    };
    let call = Call { messages: &messages, tools: &[], sampling: &sampling, seed: 7 };
    let body = dialect(config).encode(&mut Conversation::default(), &call).expect("body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let answers = &body["contents"][1]["parts"];
    let id = |place: usize| answers[place]["functionResponse"]["id"].as_str();
    assert_eq!((id(0), id(1), id(2)), (None, Some("given"), None));
}

#[test]
fn every_reason_of_gemini_to_stop_is_understood() {
    let (said, called) = (r#"{"parts":[{"text":"a"}]}"#, r#"{"parts":[{"functionCall":{"name":"n"}}]}"#);
    for (content, reason, stop) in [
        (said, "STOP", StopReason::End),
        ("null", "STOP", StopReason::End),
        ("{}", "STOP", StopReason::End),
        (called, "STOP", StopReason::ToolCalls),
        (called, "MAX_TOKENS", StopReason::Length),
        ("null", "SAFETY", StopReason::Refusal),
        (said, "PROHIBITED_CONTENT", StopReason::Refusal),
        ("null", "MALFORMED_FUNCTION_CALL", StopReason::Other),
        (said, "MISSING_THOUGHT_SIGNATURE", StopReason::Other),
        (said, "SOMETHING_NEW", StopReason::Other),
    ] {
        assert_eq!(read(DialectKind::Gemini, &gemini(content, reason)).stop, stop, "{content} {reason}");
    }
}

#[test]
fn a_prompt_that_gemini_blocked_is_a_refusal_and_no_candidates_alone_are_none() {
    let blocked = r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":9}}"#;
    let reply = read(DialectKind::Gemini, blocked);
    assert_eq!((reply.stop, reply.tokens.input, reply.raw.len()), (StopReason::Refusal, 9, 0));
    for answer in [r#"{"candidates":[]}"#, r#"{"promptFeedback":{}}"#, r#"{"candidates":[{}]}"#] {
        assert!(matches!(decode(DialectKind::Gemini, answer), Err(AnswerError::Shape(_))), "{answer}");
    }
}

#[test]
fn every_end_of_a_response_is_understood() {
    let kind = DialectKind::OpenAiResponses;
    let stop = |rest: &str| decode(kind, &format!(r#"{{"output":[],{rest}}}"#)).map(|reply| reply.stop);
    let incomplete = |reason: &str| {
        stop(&format!(r#""status":"incomplete","incomplete_details":{{"reason":"{reason}"}}"#))
    };
    assert_eq!(stop(r#""status":"completed""#), Ok(StopReason::End));
    assert_eq!(incomplete("max_output_tokens"), Ok(StopReason::Length));
    assert_eq!(incomplete("content_filter"), Ok(StopReason::Refusal));
    assert_eq!(incomplete("something_new"), Ok(StopReason::Other));
    assert_eq!(stop(r#""status":"failed","error":{"code":"bio_policy"}"#), Ok(StopReason::Refusal));
    let failed = stop(r#""status":"failed","error":{"code":"rate_limit_exceeded"}"#);
    assert_eq!(failed, Err(AnswerError::Error(Bytes::from_static(br#"{"code":"rate_limit_exceeded"}"#))));
    assert!(matches!(stop(r#""status":"failed","error":null"#), Err(AnswerError::Shape(_))));
    assert!(matches!(stop(r#""status":"queued""#), Err(AnswerError::Shape(_))));
    assert_eq!(stop(r#""status":"cancelled""#), Err(AnswerError::BrokenOff));
    let refusal = responses(r#"[{"type":"message","content":[{"type":"refusal","refusal":"No."}]}]"#);
    assert_eq!((read(kind, &refusal).stop, &*read(kind, &refusal).text), (StopReason::Refusal, "No."));
}

#[test]
fn chat_words_of_single_providers_are_understood() {
    let answer = |finish: &str, native: &str| {
        let message = r#"{"role":"assistant","content":"a"}"#;
        let choice = format!(
            r#"{{"message":{message},"finish_reason":"{finish}","native_finish_reason":"{native}"}}"#
        );
        decode(DialectKind::OpenAiChat, &format!(r#"{{"choices":[{choice}]}}"#)).map(|reply| reply.stop)
    };
    assert_eq!(answer("sensitive", ""), Ok(StopReason::Refusal));
    assert_eq!(answer("model_context_window_exceeded", ""), Ok(StopReason::Length));
    assert_eq!(answer("stop", "refusal"), Ok(StopReason::Refusal));
    assert_eq!(answer("stop", "STOP"), Ok(StopReason::End));
    for broken in ["network_error", "insufficient_system_resource", "error"] {
        assert_eq!(answer(broken, ""), Err(AnswerError::BrokenOff), "{broken}");
    }
}

#[test]
fn counts_beyond_all_measure_do_not_overflow() {
    let max = u64::MAX;
    let usage = format!(
        r#"{{"input_tokens":{max},"cache_read_input_tokens":{max},"cache_creation_input_tokens":{max},"output_tokens":1e300}}"#
    );
    let answer = format!(r#"{{"role":"assistant","content":[],"stop_reason":"end_turn","usage":{usage}}}"#);
    let expected = TokenUsage { input: max, cached_input: max, cache_write: 0, output: max, reasoning: 0 };
    assert_eq!(read(DialectKind::AnthropicMessages, &answer).tokens, expected);
    let usage = format!(
        r#"{{"promptTokenCount":{max},"toolUsePromptTokenCount":1,"candidatesTokenCount":{max},"thoughtsTokenCount":2}}"#
    );
    let answer = format!(r#"{{"candidates":[{{"finishReason":"STOP"}}],"usageMetadata":{usage}}}"#);
    let expected = TokenUsage { input: max, output: max, reasoning: 2, ..TokenUsage::default() };
    assert_eq!(read(DialectKind::Gemini, &answer).tokens, expected);
}

#[test]
fn reasoning_that_a_servers_total_says_comes_on_top_is_added() {
    let tokens = |completion: u64, total: u64| {
        let usage = format!(
            r#"{{"prompt_tokens":10,"completion_tokens":{completion},"total_tokens":{total},"completion_tokens_details":{{"reasoning_tokens":30}}}}"#
        );
        let answer = format!(r#"{{"choices":[{{"message":{{"content":"a"}}}}],"usage":{usage}}}"#);
        read(DialectKind::OpenAiChat, &answer).tokens.output
    };
    assert_eq!((tokens(50, 60), tokens(50, 90)), (50, 80));
}

#[test]
fn no_extra_field_lifts_the_bound_on_output_that_budgets_stand_on() {
    for (kind, extra) in [
        (DialectKind::OpenAiChat, r#"{"max_tokens":100000}"#),
        (DialectKind::OpenAiChat, r#"{"max_completion_tokens":100000}"#),
        (DialectKind::OpenAiResponses, r#"{"max_output_tokens":100000}"#),
        (DialectKind::AnthropicMessages, r#"{"max_tokens":100000}"#),
        (DialectKind::Gemini, r#"{"generationConfig":{"maxOutputTokens":100000}}"#),
        (DialectKind::Gemini, r#"{"generationConfig":{"candidateCount":8}}"#),
    ] {
        let refused = first_request((kind, ChatProfile::Compatible), &[], &sampling(extra));
        assert!(refused.is_err(), "{kind}: {extra}");
    }
}

#[test]
fn quirks_leave_out_what_a_route_does_not_take() {
    let chat = (DialectKind::OpenAiChat, ChatProfile::Compatible);
    let quirks = ["no-temperature", "no-top-p", "no-seed", "no-tool-choice", "max-completion-tokens-field"];
    let body = first_request(chat, &quirks, &sampling("")).expect("body");
    for field in ["temperature", "top_p", "seed", "tool_choice", "max_tokens"] {
        assert!(body.get(field).is_none(), "{field}");
    }
    assert_eq!(body["max_completion_tokens"], 4_096);
    let gemini = (DialectKind::Gemini, ChatProfile::Compatible);
    let body =
        first_request(gemini, &["no-temperature", "no-top-p", "no-seed", "no-tool-choice"], &sampling(""))
            .expect("body");
    assert_eq!(body["generationConfig"].as_object().expect("object").len(), 1);
    assert!(body.get("toolConfig").is_none());
}

#[test]
fn quirks_that_mean_nothing_to_a_dialect_are_refused_rather_than_ignored() {
    let compatible = ChatProfile::Compatible;
    for (kind, profile, quirk) in [
        (DialectKind::OpenAiResponses, ChatProfile::OpenAi, "thinking-enabled"),
        (DialectKind::OpenAiResponses, ChatProfile::OpenAi, "provider-x"),
        (DialectKind::OpenAiChat, ChatProfile::OpenAi, "thinking-disabled"),
        (DialectKind::OpenAiChat, compatible, "provider-x"),
        (DialectKind::OpenAiChat, compatible, "interleaved-thinking"),
        (DialectKind::AnthropicMessages, compatible, "effort-minimal"),
        (DialectKind::Gemini, compatible, "no-parallel-tools"),
    ] {
        let error = first_request((kind, profile), &[quirk], &sampling("")).expect_err(quirk);
        assert!(
            matches!(error, EncodeError::Quirk(_)) && error.to_string().contains(quirk.trim_end_matches('x')),
            "{kind}: {error}"
        );
    }
}

#[test]
fn thinking_that_leaves_no_room_for_an_answer_is_refused_in_words() {
    let anthropic = (DialectKind::AnthropicMessages, ChatProfile::Compatible);
    let tight = Sampling { max_output_tokens: 1_024, ..sampling("") };
    let error =
        first_request(anthropic, &["thinking-enabled"], &tight).expect_err("must be refused").to_string();
    assert!(error.contains("max_output_tokens"), "{error}");
}

#[test]
fn a_temperature_is_kept_from_a_model_that_the_author_makes_think() {
    let openai = (DialectKind::OpenAiResponses, ChatProfile::OpenAi);
    let anthropic = (DialectKind::AnthropicMessages, ChatProfile::Compatible);
    for (route, extra) in [
        (openai, r#"{"reasoning":{"effort":"high"}}"#),
        (anthropic, r#"{"thinking":{"type":"enabled","budget_tokens":2000}}"#),
    ] {
        let body = first_request(route, &[], &sampling(extra)).expect("body");
        assert!(body.get("temperature").is_none() && body.get("top_p").is_none(), "{body}");
    }
    for (route, extra) in [
        (openai, r#"{"reasoning":{"effort":"none"}}"#),
        (anthropic, r#"{"thinking":{"type":"disabled"}}"#),
        (openai, r#"{"reasoning":{"effort":"high"},"temperature":1}"#),
    ] {
        assert!(
            first_request(route, &[], &sampling(extra)).expect("body").get("temperature").is_some(),
            "{extra}"
        );
    }
}

#[test]
fn the_authors_fields_are_merged_into_objects_and_may_not_touch_what_makes_the_call() {
    let gemini = (DialectKind::Gemini, ChatProfile::Compatible);
    let extra = r#"{"generationConfig":{"temperature":1,"topK":40},"safetySettings":[]}"#;
    let body = first_request(gemini, &["effort-low"], &sampling(extra)).expect("body");
    let expected = r#"{"maxOutputTokens":4096,"seed":2147483647,"topP":0.9,"thinkingConfig":{"thinkingLevel":"LOW"},"temperature":1,"topK":40}"#;
    assert_eq!(body["generationConfig"], serde_json::from_str::<Value>(expected).expect("JSON"));
    assert!(body["safetySettings"].is_array());
    for (kind, extra) in [
        (DialectKind::Gemini, r#"{"contents":[]}"#),
        (DialectKind::Gemini, r#"{"generationConfig":{"candidateCount":2}}"#),
        (DialectKind::Gemini, r#"{"generationConfig":7}"#),
        (DialectKind::AnthropicMessages, r#"{"system":"x"}"#),
        (DialectKind::OpenAiResponses, r#"{"store":true}"#),
        (DialectKind::OpenAiResponses, r#"{"previous_response_id":"x"}"#),
        (DialectKind::OpenAiChat, r#"{"n":2}"#),
    ] {
        let error = first_request((kind, ChatProfile::Compatible), &[], &sampling(extra));
        assert!(matches!(error, Err(EncodeError::ExtraBody(_))), "{kind}: {extra}");
    }
}

#[test]
fn a_reply_of_another_dialect_is_not_passed_off_as_ours() {
    let reply = read(DialectKind::OpenAiChat, r#"{"choices":[{"message":{"content":"a"}}]}"#);
    let messages = [Message::User("Hi".into()), Message::Assistant(reply)];
    let sampling = sampling("");
    let call = Call { messages: &messages, tools: &[], sampling: &sampling, seed: 7 };
    for kind in [DialectKind::OpenAiResponses, DialectKind::AnthropicMessages, DialectKind::Gemini] {
        let (profile, model, quirks) = (ChatProfile::Compatible, "m".to_owned(), Quirks::default());
        let dialect = dialect(DialectConfig { kind, profile, model, quirks });
        let refused = dialect.encode(&mut Conversation::default(), &call);
        assert!(matches!(refused, Err(EncodeError::Foreign { .. })), "{kind}");
    }
}

#[test]
fn a_scenarios_own_assistant_message_is_built_in_every_dialect() {
    let reply = read(DialectKind::OpenAiChat, r#"{"choices":[{"message":{"content":"Yes."}}]}"#);
    let calls = vec![call("c1", "t", "{\"a\":1}"), call("c2", "t", "no JSON")];
    let own = Reply { raw: Bytes::new(), tool_calls: calls, ..reply };
    let messages = [Message::User("Hi".into()), Message::Assistant(own)];
    let sampling = sampling("");
    let request = Call { messages: &messages, tools: &[], sampling: &sampling, seed: 7 };
    for (kind, place, expected) in [
        (DialectKind::OpenAiResponses, "/input/2/arguments", r#""{\"a\":1}""#),
        (DialectKind::OpenAiChat, "/messages/1/tool_calls/1/function/arguments", r#""no JSON""#),
        (DialectKind::AnthropicMessages, "/messages/1/content/1/input", r#"{"a":1}"#),
        (DialectKind::AnthropicMessages, "/messages/1/content/2/input", r#"{"text":"no JSON"}"#),
        (DialectKind::Gemini, "/contents/1/parts/1/functionCall/args", r#"{"a":1}"#),
    ] {
        let (profile, model, quirks) = (ChatProfile::Compatible, "m".to_owned(), Quirks::default());
        let dialect = dialect(DialectConfig { kind, profile, model, quirks });
        let body = dialect.encode(&mut Conversation::default(), &request).expect("body");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let found = body.pointer(place).map(ToString::to_string);
        assert_eq!(found.as_deref(), Some(expected), "{kind}: {body}");
    }
}

#[test]
fn a_model_name_is_a_path_whatever_is_in_it() {
    for (model, path) in [
        ("gemini-3-pro-preview", "/models/gemini-3-pro-preview:generateContent"),
        ("tunedModels/mine", "/tunedModels/mine:generateContent"),
        ("sim/mixed?p=0.3#x", "/models/sim/mixed%3Fp=0.3%23x:generateContent"),
    ] {
        let (kind, profile, quirks) = (DialectKind::Gemini, ChatProfile::Compatible, Quirks::default());
        assert_eq!(dialect(DialectConfig { kind, profile, model: model.into(), quirks }).path(), path);
    }
}

#[test]
fn a_growing_conversation_is_encoded_as_if_it_were_encoded_anew_each_time() {
    for (kind, answer) in [
        (
            DialectKind::OpenAiResponses,
            responses(r#"[{"type":"function_call","call_id":"c","name":"t","arguments":"{}"}]"#),
        ),
        (
            DialectKind::AnthropicMessages,
            messages(
                r#"[{"type":"tool_use","id":"c","name":"t","input":{}},{"type":"tool_use","id":"d","name":"t","input":{}}]"#,
                "null",
            ),
        ),
        (
            DialectKind::Gemini,
            gemini(r#"{"parts":[{"functionCall":{"name":"t"}},{"functionCall":{"name":"t"}}]}"#, "STOP"),
        ),
    ] {
        let (profile, model, quirks) = (ChatProfile::Compatible, "m".to_owned(), Quirks::default());
        let dialect = dialect(DialectConfig { kind, profile, model, quirks });
        let (mut grown, mut messages, sampling, tools) =
            (Conversation::default(), opening(), sampling(""), [tool()]);
        for _ in 0..3 {
            let call = Call { messages: &messages, tools: &tools, sampling: &sampling, seed: 7 };
            let body = dialect.encode(&mut grown, &call).expect("body");
            assert_eq!(body, dialect.encode(&mut Conversation::default(), &call).expect("body"), "{kind}");
            serde_json::from_slice::<Value>(&body).expect("JSON");
            let reply = read(kind, &answer);
            let results: Vec<Message> = reply
                .tool_calls
                .iter()
                .map(|call| {
                    let (call_id, name) = (call.id.clone(), call.name.clone());
                    Message::Tool(muster_episode::ToolResult {
                        call_id,
                        name,
                        content: "1".into(),
                        is_error: true,
                    })
                })
                .collect();
            messages.push(Message::Assistant(reply));
            messages.extend(results);
            // What the user says next may stand in the same message as what the tools answered.
            messages.push(Message::User("Go on.".into()));
        }
    }
}
