//! Responses, Messages and generateContent, judged from outside against what their owners document, written down by hand.

mod wire;

use muster_provider::{Fault, FaultPlan, Key, ProviderConfig, Span, TokenPlan};
use serde_json::{Value, json};
use wire::{Way, fields, send, start};

fn thinking(way: Way) -> Value {
    let mut request = way.request();
    match way {
        Way::Responses => request["reasoning"] = json!({"effort": "medium", "summary": "auto"}),
        Way::Messages => request["thinking"] = json!({"type": "enabled", "budget_tokens": 1_024}),
        Way::Gemini => request["generationConfig"]["thinkingConfig"] = json!({"includeThoughts": true}),
        Way::Chat => {}
    }
    request
}

#[tokio::test]
async fn a_response_has_items_and_repeats_its_request() {
    let running = start(ProviderConfig::default()).await;
    let answer = Way::Responses.post(&running, &thinking(Way::Responses)).await;
    assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
    let body = answer.json();
    for (name, value) in [
        ("object", json!("response")),
        ("status", json!("completed")),
        ("error", Value::Null),
        ("incomplete_details", Value::Null),
        ("instructions", json!("Work.")),
        ("reasoning", json!({"effort": "medium", "summary": "auto"})),
        ("tool_choice", json!("auto")),
        ("max_output_tokens", Value::Null),
        ("parallel_tool_calls", json!(true)),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    assert_eq!(body["tools"], Way::Responses.request()["tools"]);
    let [reasoning, call] = body["output"].as_array().expect("items").as_slice() else { panic!("{body}") };
    assert_eq!(fields(reasoning), ["type", "id", "summary", "encrypted_content"]);
    assert!(reasoning["id"].as_str().is_some_and(|id| id.starts_with("rs_")));
    assert_eq!(fields(call), ["type", "id", "call_id", "name", "arguments", "status"]);
    assert!(call["id"].as_str().is_some_and(|id| id.starts_with("fc_")));
    assert_eq!((&call["name"], &call["arguments"]), (&json!("ls"), &json!("{}")));
    let usage = &body["usage"];
    let count = |name: &str| usage[name].as_u64().expect("a count");
    assert_eq!(count("input_tokens") + count("output_tokens"), count("total_tokens"));
    let reasoned = usage["output_tokens_details"]["reasoning_tokens"].as_u64().expect("a count");
    assert!(reasoned > 0 && reasoned < count("output_tokens"), "{usage}");
}

#[tokio::test]
async fn a_message_has_blocks_and_its_usage_in_three_parts() {
    let running = start(ProviderConfig::default()).await;
    let mut request = thinking(Way::Messages);
    request["system"] =
        json!([{"type": "text", "text": "w".repeat(8_000), "cache_control": {"type": "ephemeral"}}]);
    let answer = Way::Messages.post(&running, &request).await;
    assert!(answer.header("request-id").is_some_and(|id| id.starts_with("req_")));
    let first = answer.json();
    assert_eq!(
        fields(&first),
        ["model", "id", "type", "role", "content", "stop_reason", "stop_sequence", "usage"]
    );
    let [thought, call] = first["content"].as_array().expect("blocks").as_slice() else { panic!("{first}") };
    assert_eq!(fields(thought), ["type", "thinking", "signature"]);
    assert_eq!(fields(call), ["type", "id", "name", "input"]);
    assert!(call["id"].as_str().is_some_and(|id| id.starts_with("toolu_")));
    assert_eq!((&call["input"], &first["stop_reason"]), (&json!({}), &json!("tool_use")));
    let of = |usage: &Value, name: &str| usage[name].as_u64().expect("a count");
    let usage = &first["usage"];
    assert!(of(usage, "cache_creation_input_tokens") > 1_900, "{usage}");
    assert_eq!(of(usage, "cache_read_input_tokens"), 0);
    let next = Way::Messages.next(&first);
    Way::Messages.said(&mut request).extend(next);
    let second = Way::Messages.post(&running, &request).await.json();
    let usage = &second["usage"];
    assert!(of(usage, "cache_read_input_tokens") > 1_900, "{usage}");
    assert!(of(usage, "input_tokens") < 200, "after the last breakpoint only: {usage}");
}

#[tokio::test]
async fn a_model_that_may_not_think_between_tools_does_not() {
    let running = start(ProviderConfig::default()).await;
    let request = Way::Messages.conversation(&running, thinking(Way::Messages)).await;
    let blocks = |index: usize| request["messages"][index]["content"].as_array().expect("blocks").len();
    assert_eq!((blocks(1), blocks(3)), (2, 1));
    let headers = "anthropic-version: 2023-06-01\r\nanthropic-beta: interleaved-thinking-2025-05-14\r\n";
    let between = send(&running, "POST", "/v1/messages", headers, &request.to_string()).await.json();
    assert_eq!(between["content"][0]["type"], "thinking");
}

#[tokio::test]
async fn a_candidate_has_parts_and_the_first_call_a_signature() {
    let running = start(ProviderConfig::default()).await;
    let answer = Way::Gemini.post(&running, &thinking(Way::Gemini)).await;
    assert_eq!(answer.header("x-request-id"), None);
    let body = answer.json();
    assert_eq!(fields(&body), ["candidates", "usageMetadata", "modelVersion", "responseId"]);
    let candidate = &body["candidates"][0];
    assert_eq!(
        (&candidate["finishReason"], &candidate["content"]["role"]),
        (&json!("STOP"), &json!("model"))
    );
    let [thought, call] = candidate["content"]["parts"].as_array().expect("parts").as_slice() else {
        panic!("{body}")
    };
    assert_eq!(thought["thought"], true);
    assert_eq!(fields(call), ["functionCall", "thoughtSignature"]);
    assert_eq!(fields(&call["functionCall"]), ["id", "name", "args"]);
    let usage = &body["usageMetadata"];
    let count = |name: &str| usage[name].as_u64().expect("a count");
    let sum = count("promptTokenCount") + count("candidatesTokenCount") + count("thoughtsTokenCount");
    assert_eq!(sum, count("totalTokenCount"));
}

#[tokio::test]
async fn every_dialect_plays_six_turns_to_the_end_and_the_same_again() {
    let running = start(ProviderConfig::default()).await;
    for way in Way::ALL {
        let mut request = thinking(way);
        for turn in 0..6 {
            let answer = way.post(&running, &request).await;
            assert_eq!(answer.status, 200, "{way:?} turn {turn}: {}", answer.body);
            let next = way.next(&answer.json());
            way.said(&mut request).extend(next);
        }
        let text = request.to_string();
        assert!(text.contains("Done."), "{way:?}: {text}");
    }
    assert_eq!(running.stats().calls, 24);
}

#[tokio::test]
async fn an_answer_that_is_cut_says_so_in_each_dialect() {
    let running = start(ProviderConfig { words: 100, ..ProviderConfig::default() }).await;
    for (way, place, said) in [
        (Way::Responses, "/incomplete_details/reason", "max_output_tokens"),
        (Way::Messages, "/stop_reason", "max_tokens"),
        (Way::Gemini, "/candidates/0/finishReason", "MAX_TOKENS"),
    ] {
        let mut request = way.request();
        match way {
            Way::Responses => request["max_output_tokens"] = json!(16),
            Way::Messages => request["max_tokens"] = json!(16),
            _ => request["generationConfig"]["maxOutputTokens"] = json!(16),
        }
        let body = way.post(&running, &request).await.json();
        assert_eq!(body.pointer(place), Some(&json!(said)), "{way:?}: {body}");
    }
}

#[tokio::test]
async fn a_model_that_declines_says_so_in_each_dialect() {
    let faults = FaultPlan::default().with(Fault::Refusal, 1.0).expect("plan");
    let running = start(ProviderConfig { faults, ..ProviderConfig::default() }).await;
    for (way, place, said) in [
        (Way::Chat, "/choices/0/finish_reason", "content_filter"),
        (Way::Responses, "/incomplete_details/reason", "content_filter"),
        (Way::Messages, "/stop_reason", "refusal"),
        (Way::Gemini, "/candidates/0/finishReason", "SAFETY"),
    ] {
        let body = way.post(&running, &way.request()).await.json();
        assert_eq!(body.pointer(place), Some(&json!(said)), "{way:?}: {body}");
    }
}

#[tokio::test]
async fn arguments_that_are_no_json_leave_the_body_readable_in_each_dialect() {
    let faults = FaultPlan::default().with(Fault::BadArguments, 1.0).expect("plan");
    let running = start(ProviderConfig { faults, ..ProviderConfig::default() }).await;
    for way in Way::ALL {
        let body = way.post(&running, &way.request()).await.json();
        assert!(body.is_object(), "{way:?}");
        if way == Way::Gemini {
            assert_eq!(body["candidates"][0]["finishReason"], "MALFORMED_FUNCTION_CALL");
        }
    }
}

#[tokio::test]
async fn what_each_owner_refuses_is_refused_in_its_words() {
    let running = start(ProviderConfig::default()).await;
    let with = |way: Way, name: &str, value: Value| {
        let mut request = way.request();
        request[name] = value;
        (way, request)
    };
    let asked = json!({"type": "function_call", "call_id": "call_1", "name": "ls", "arguments": "{}"});
    let user = json!({"role": "user", "content": "a"});
    let tool_use = json!({"type": "tool_use", "id": "toolu_1", "name": "ls", "input": {}});
    let call = json!({"role": "model", "parts": [{"functionCall": {"name": "ls", "args": {}}, "thoughtSignature": "skip_thought_signature_validator"}]});
    let text = json!({"role": "user", "parts": [{"text": "a"}]});
    for ((way, request), words) in [
        (with(Way::Responses, "input", Value::Null), "Missing required parameter: 'input'."),
        (with(Way::Responses, "messages", json!([])), "this parameter has moved to 'input'"),
        (with(Way::Responses, "seed", json!(1)), "Unknown parameter: 'seed'."),
        (with(Way::Responses, "max_output_tokens", json!(10)), "Expected a value >= 16, but got 10 instead."),
        (
            with(Way::Responses, "input", json!([user, asked])),
            "No tool output found for function call call_1.",
        ),
        (
            with(
                Way::Responses,
                "input",
                json!([user, {"type": "function_call_output", "call_id": "call_1", "output": ""}]),
            ),
            "No tool call found for function call output with call_id call_1.",
        ),
        (
            with(
                Way::Responses,
                "input",
                json!([user, {"type": "function_call", "id": "x", "call_id": "c", "name": "ls", "arguments": "{}"}]),
            ),
            "Expected an ID that begins with 'fc'.",
        ),
        (
            with(Way::Responses, "previous_response_id", json!("resp_1")),
            "Previous response with id \"resp_1\" not found.",
        ),
        (with(Way::Messages, "max_tokens", Value::Null), "max_tokens: Field required"),
        (with(Way::Messages, "messages", json!([])), "messages: at least one message is required"),
        (
            with(Way::Messages, "messages", json!([{"role": "system", "content": "a"}])),
            "Unexpected role \"system\"",
        ),
        (
            with(Way::Messages, "messages", json!([user, {"role": "assistant", "content": [tool_use]}])),
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
        ),
        (
            with(
                Way::Messages,
                "messages",
                json!([{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]}]),
            ),
            "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1.",
        ),
        (
            with(
                Way::Messages,
                "messages",
                json!([{"role": "user", "content": [{"type": "text", "text": ""}]}]),
            ),
            "text content blocks must be non-empty",
        ),
        (with(Way::Messages, "seed", json!(1)), "seed: Extra inputs are not permitted"),
        (with(Way::Messages, "tool_choice", json!("auto")), "tool_choice: Input should be an object"),
        (
            with(Way::Messages, "thinking", json!({"type": "enabled", "budget_tokens": 1_000})),
            "greater than or equal to 1024",
        ),
        (
            with(Way::Messages, "thinking", json!({"type": "enabled", "budget_tokens": 2_000})),
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        (with(Way::Gemini, "contents", json!([])), "contents is not specified"),
        (with(Way::Gemini, "messages", json!([])), "Unknown name \"messages\": Cannot find field."),
        (
            with(Way::Gemini, "contents", json!([{"role": "assistant", "parts": [{"text": "a"}]}])),
            "Please use a valid role: user, model.",
        ),
        (
            with(Way::Gemini, "contents", json!([{"role": "user", "parts": [{}]}])),
            "contents[0].parts[0].data: required oneof field 'data'",
        ),
        (
            with(Way::Gemini, "contents", json!([text, call])),
            "number of function response parts is equal to the number of function call parts",
        ),
        (
            with(
                Way::Gemini,
                "contents",
                json!([text, call, {"role": "user", "parts": [{"functionResponse": {"name": "rm", "response": {}}}]}]),
            ),
            "the id and the name of a function call",
        ),
        (
            with(
                Way::Gemini,
                "generationConfig",
                json!({"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 1}}),
            ),
            "only one of thinking budget and thinking level",
        ),
        (
            with(Way::Gemini, "tools", json!([{"functionDeclarations": [{"name": "9"}]}])),
            "Invalid function name",
        ),
    ] {
        let refused = way.post(&running, &request).await;
        assert_eq!(refused.status, 400, "{words}: {}", refused.body);
        assert!(refused.words().contains(words), "{words}: {}", refused.words());
    }
}

#[tokio::test]
async fn a_version_has_to_be_named_and_the_newest_takes_no_temperature() {
    let running = start(ProviderConfig::default()).await;
    let mut request = Way::Messages.request();
    let none = send(&running, "POST", "/v1/messages", "", &request.to_string()).await;
    assert_eq!((none.status, none.words().as_str()), (400, "anthropic-version: header is required"));
    request["temperature"] = json!(1.0);
    assert_eq!(Way::Messages.post(&running, &request).await.status, 200);
    let newest = "anthropic-version: 2026-10-21\r\n";
    let refused = send(&running, "POST", "/v1/messages", newest, &request.to_string()).await;
    assert!(refused.words().starts_with("temperature: "), "{}", refused.body);
}

#[tokio::test]
async fn a_wrong_key_is_told_in_each_providers_way() {
    let running = start(ProviderConfig { key: Some(Key::new("right")), ..ProviderConfig::default() }).await;
    for (way, wrong, right, status, words) in [
        (
            Way::Responses,
            "authorization: Bearer wrong",
            "authorization: Bearer right",
            401,
            "Incorrect API key provided",
        ),
        (Way::Messages, "x-api-key: wrong", "x-api-key: right", 401, "invalid x-api-key"),
        (Way::Gemini, "x-goog-api-key: wrong", "x-goog-api-key: right", 400, "API key not valid"),
    ] {
        let ask = async |key: &str| {
            let headers = format!("{}{key}\r\n", way.headers());
            send(&running, "POST", way.path(), &headers, &way.request().to_string()).await
        };
        let refused = ask(wrong).await;
        assert_eq!(refused.status, status, "{way:?}");
        assert!(refused.words().contains(words), "{way:?}: {}", refused.body);
        assert_eq!(ask(right).await.status, 200, "{way:?}");
    }
    let gemini = Way::Gemini;
    let headers = "x-goog-api-key: wrong\r\n";
    let refused = send(&running, "POST", gemini.path(), headers, &gemini.request().to_string()).await.json();
    assert_eq!(refused["error"]["details"][0]["reason"], "API_KEY_INVALID");
}

#[tokio::test]
async fn a_stand_in_plays_models_of_any_name_and_a_retired_one_is_gone() {
    let running = start(ProviderConfig {
        stand_in: Some("sim/rehearsal".to_owned()),
        retired: ["gemini-3-pro-preview".to_owned()].into(),
        ..ProviderConfig::default()
    })
    .await;
    let mut request = Way::Chat.request();
    request["model"] = json!("gpt-5.2");
    assert_eq!(Way::Chat.post(&running, &request).await.json()["model"], "gpt-5.2");
    assert_eq!(running.stats().models["gpt-5.2"].answered, 1);
    let path = "/v1beta/models/gemini-3-pro-preview:generateContent";
    let gone = send(&running, "POST", path, "", &Way::Gemini.request().to_string()).await;
    assert_eq!(gone.status, 404);
    assert!(gone.words().starts_with("models/gemini-3-pro-preview is not found"), "{}", gone.body);
}

#[tokio::test]
async fn calls_have_the_sizes_that_the_plan_draws_in_every_dialect() {
    let tokens = TokenPlan { input: Some(Span::fixed(5_000)), output: Some(Span { min: 200, max: 1_000 }) };
    let running = start(ProviderConfig { tokens, ..ProviderConfig::default() }).await;
    for (way, input, output) in [
        (Way::Chat, "/usage/prompt_tokens", "/usage/completion_tokens"),
        (Way::Responses, "/usage/input_tokens", "/usage/output_tokens"),
        (Way::Messages, "/usage/input_tokens", "/usage/output_tokens"),
        (Way::Gemini, "/usageMetadata/promptTokenCount", "/usageMetadata/candidatesTokenCount"),
    ] {
        let count = |body: &Value, place: &str| body.pointer(place).and_then(Value::as_u64).expect("a count");
        let body = way.post(&running, &way.request()).await.json();
        let again = way.post(&running, &way.request()).await.json();
        assert_eq!(count(&body, input), 5_000, "{way:?}");
        assert!((200..=1_000).contains(&count(&body, output)), "{way:?}: {body}");
        assert_eq!(
            count(&body, output),
            count(&again, output),
            "{way:?}: drawn by the call, not by the request"
        );
    }
}
