//! Reasoning that does not come back as it was: each provider refuses it in its own words.

mod wire;

use muster_provider::{Profile, ProviderConfig, Running};
use serde_json::{Value, json};
use wire::{Way, start};

async fn provider(profile: Profile) -> Running {
    start(ProviderConfig { profile, always_think: true, ..ProviderConfig::default() }).await
}

/// The conversation after two turns of tools, changed; what is said of it.
async fn refused(
    way: Way,
    running: &Running,
    request: Value,
    change: impl FnOnce(&mut Vec<Value>),
) -> String {
    let mut request = way.conversation(running, request).await;
    assert_eq!(way.post(running, &request).await.status, 200, "unchanged: {request}");
    change(way.said(&mut request));
    let refused = way.post(running, &request).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    refused.words()
}

#[tokio::test]
async fn chat_refuses_reasoning_that_was_dropped_or_touched_in_each_profiles_words() {
    for (profile, field, words) in [
        (
            Profile::DeepSeek,
            "reasoning_content",
            "The `reasoning_content` in the thinking mode must be passed back to the API.",
        ),
        (
            Profile::Moonshot,
            "reasoning_content",
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
        ),
        (Profile::Zai, "reasoning_content", "reasoning_content must be returned complete and unmodified"),
        (Profile::Together, "reasoning", "must be passed back unmodified"),
        (Profile::OpenRouter, "reasoning_details", "`reasoning_details` must be passed back unmodified"),
        (Profile::Compatible, "reasoning_content", "must be passed back"),
    ] {
        let running = provider(profile).await;
        let dropped = refused(Way::Chat, &running, Way::Chat.request(), |said| {
            said[2].as_object_mut().expect("a message").remove(field).expect("reasoning");
        });
        assert!(dropped.await.contains(words), "{profile}");
        let touched = refused(Way::Chat, &running, Way::Chat.request(), |said| {
            if field == "reasoning_details" {
                said[2][field][0]["text"] = json!("Other thoughts.");
            } else {
                said[2][field] = json!("Other thoughts.");
            }
        });
        assert!(touched.await.contains(words), "{profile}");
    }
}

#[tokio::test]
async fn chat_wants_even_an_empty_thought_back_where_its_owner_does() {
    let running = start(ProviderConfig { profile: Profile::DeepSeek, ..ProviderConfig::default() }).await;
    let request = Way::Chat.conversation(&running, Way::Chat.request()).await;
    assert_eq!(request["messages"][2]["reasoning_content"], "");
    let words = refused(Way::Chat, &running, Way::Chat.request(), |said| {
        said[2].as_object_mut().expect("a message").remove("reasoning_content").expect("reasoning");
    });
    assert!(words.await.contains("must be passed back"));
}

#[tokio::test]
async fn chat_that_was_told_not_to_think_wants_nothing_back() {
    let running = provider(Profile::DeepSeek).await;
    let mut request = Way::Chat.request();
    request["thinking"] = json!({"type": "disabled"});
    let request = Way::Chat.conversation(&running, request).await;
    assert_eq!(request["messages"][2].get("reasoning_content"), None);
    assert_eq!(Way::Chat.post(&running, &request).await.status, 200);
}

#[tokio::test]
async fn responses_wants_every_reasoning_item_before_its_call() {
    let running = provider(Profile::OpenAi).await;
    let way = Way::Responses;
    let missing = refused(way, &running, way.request(), |said| {
        assert_eq!(said.remove(1)["type"], "reasoning");
    });
    let missing = missing.await;
    assert!(missing.starts_with("Item 'fc_"), "{missing}");
    assert!(
        missing.contains("of type 'function_call' was provided without its required 'reasoning' item: 'rs_"),
        "{missing}"
    );
    let moved = refused(way, &running, way.request(), |said| said.swap(1, 4)).await;
    assert!(moved.contains("required"), "{moved}");
    let alone = refused(way, &running, way.request(), |said| {
        said.remove(2);
        said.remove(2);
    });
    assert!(alone.await.contains("of type 'reasoning' was provided without its required following item"));
    let altered = refused(way, &running, way.request(), |said| said[1]["encrypted_content"] = json!("gAAAA"));
    assert!(altered.await.contains("could not be verified"));
}

#[tokio::test]
async fn messages_wants_thinking_whole_and_in_its_place() {
    let running = provider(Profile::Anthropic).await;
    let way = Way::Messages;
    let mut request = way.request();
    request["thinking"] = json!({"type": "adaptive"});
    let change = async |change: fn(&mut Vec<Value>)| refused(way, &running, request.clone(), change).await;
    let missing = change(|said| {
        said[1]["content"].as_array_mut().expect("blocks").remove(0);
    });
    let missing = missing.await;
    assert!(
        missing.contains("Expected `thinking` or `redacted_thinking`, but found `tool_use`"),
        "{missing}"
    );
    let altered = change(|said| said[1]["content"][0]["thinking"] = json!("Other thoughts."));
    assert!(altered.await.contains("messages.1.content.0: Invalid `signature` in `thinking` block"));
    let swapped = change(|said| {
        let first = said[1]["content"][0].take();
        said[1]["content"][0] = said[3]["content"][0].take();
        said[3]["content"][0] = first;
    });
    assert!(swapped.await.contains("cannot be modified"));
    let behind = change(|said| said[1]["content"].as_array_mut().expect("blocks").swap(0, 1));
    assert!(behind.await.contains("cannot be modified"));
}

#[tokio::test]
async fn gemini_wants_the_signature_on_the_first_call_of_each_step() {
    let running = provider(Profile::Gemini).await;
    let way = Way::Gemini;
    let missing = refused(way, &running, way.request(), |said| {
        let parts = said[1]["parts"].as_array_mut().expect("parts");
        parts[0].as_object_mut().expect("a part").remove("thoughtSignature").expect("a signature");
    });
    let missing = missing.await;
    assert!(
        missing.contains("Function call is missing a thought_signature in functionCall parts"),
        "{missing}"
    );
    let altered = refused(way, &running, way.request(), |said| {
        said[1]["parts"][0]["thoughtSignature"] = json!("Ev+/AAAA");
    });
    assert_eq!(altered.await, "Corrupted thought signature.");
    let swapped = refused(way, &running, way.request(), |said| {
        let first = said[1]["parts"][0]["thoughtSignature"].take();
        said[1]["parts"][0]["thoughtSignature"] = said[3]["parts"][0]["thoughtSignature"].take();
        said[3]["parts"][0]["thoughtSignature"] = first;
    });
    assert_eq!(swapped.await, "Corrupted thought signature.");
}

#[tokio::test]
async fn gemini_takes_a_signature_in_either_alphabet_and_forgets_those_of_older_turns() {
    let running = provider(Profile::Gemini).await;
    let way = Way::Gemini;
    let mut request = way.conversation(&running, way.request()).await;
    let signature = request["contents"][1]["parts"][0]["thoughtSignature"].as_str().expect("a signature");
    let other = signature.replace('+', "-").replace('/', "_");
    assert_ne!(signature, other);
    request["contents"][1]["parts"][0]["thoughtSignature"] = json!(other);
    assert_eq!(way.post(&running, &request).await.status, 200);
    way.said(&mut request).push(json!({"role": "user", "parts": [{"text": "Something else."}]}));
    request["contents"][1]["parts"][0].as_object_mut().expect("a part").remove("thoughtSignature");
    assert_eq!(way.post(&running, &request).await.status, 200, "only the turn under way is looked at");
}

#[tokio::test]
async fn another_models_reasoning_is_not_taken() {
    let running = start(ProviderConfig {
        stand_in: Some("sim/rehearsal".to_owned()),
        always_think: true,
        ..ProviderConfig::default()
    })
    .await;
    for (way, words) in [(Way::Responses, "could not be verified"), (Way::Messages, "Invalid `signature`")] {
        let mut request = way.request();
        if way == Way::Messages {
            request["thinking"] = json!({"type": "adaptive"});
        }
        let mut request = way.conversation(&running, request).await;
        request["model"] = json!("another");
        let refused = way.post(&running, &request).await;
        assert!(refused.words().contains(words), "{way:?}: {}", refused.body);
    }
}
