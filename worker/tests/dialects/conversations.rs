//! The frozen conversations, held.

use muster_episode::{Reply, StopReason};
use muster_worker::OPENAI_RESPONSES;
use serde_json::Value;

use crate::echo::contains;
use crate::fixture::{Fixture, Said};

#[test]
fn every_conversation_is_sent_as_its_provider_documents_it() {
    for fixture in Fixture::all() {
        for (number, (step, turn)) in fixture.play().iter().zip(&fixture.turns).enumerate() {
            let request: Value = serde_json::from_slice(&step.request).expect("JSON");
            assert_eq!(request, turn.request, "{}, request {number}", fixture.name);
        }
    }
}

#[test]
fn every_answer_is_read_as_its_provider_documents_it() {
    for fixture in Fixture::all() {
        for (step, turn) in fixture.play().iter().zip(&fixture.turns) {
            check(&fixture.name, &step.reply, &turn.said);
            let cost = fixture.dialect().cost_micro_usd(turn.answer.get().as_bytes());
            assert_eq!(cost, turn.said.cost_micro_usd, "{}", fixture.name);
        }
    }
}

fn check(name: &str, reply: &Reply, said: &Said) {
    let stop = match said.stop.as_str() {
        "end" => StopReason::End,
        "tool_calls" => StopReason::ToolCalls,
        "length" => StopReason::Length,
        other => panic!("{name}: {other}"),
    };
    let calls = reply.tool_calls.iter();
    let calls: Vec<_> =
        calls.map(|call| (call.id.clone(), call.name.clone(), call.arguments.clone())).collect();
    let tokens = reply.tokens;
    let tokens = [tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning];
    assert_eq!(
        (&*reply.text, &*reply.reasoning, reply.stop),
        (&*said.text, &*said.reasoning, stop),
        "{name}"
    );
    assert_eq!((calls, tokens), (said.calls.clone(), said.tokens), "{name}");
    assert_eq!(reply.fingerprint, said.fingerprint, "{name}");
    assert!(!reply.served_model.is_empty(), "{name}");
}

#[test]
fn what_a_model_said_goes_back_byte_for_byte_in_every_later_request() {
    for fixture in Fixture::all() {
        let steps = fixture.play();
        for (number, step) in steps.iter().enumerate() {
            let raw = &step.reply.raw[..];
            assert!(contains(fixture.turns[number].answer.get().as_bytes(), raw), "{}", fixture.name);
            let sent =
                if fixture.dialect == OPENAI_RESPONSES { raw[1..raw.len() - 1].trim_ascii() } else { raw };
            for later in &steps[number + 1..] {
                assert!(contains(&later.request, sent), "{}, answer {number}", fixture.name);
            }
        }
    }
}

#[test]
fn paths_and_headers_are_as_documented() {
    for fixture in Fixture::all() {
        let dialect = fixture.dialect();
        let headers = dialect.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()));
        assert_eq!(dialect.path(), fixture.path, "{}", fixture.name);
        assert_eq!(
            headers.collect::<std::collections::BTreeMap<_, _>>(),
            fixture.headers,
            "{}",
            fixture.name
        );
    }
}

#[test]
fn every_conversation_names_its_sources() {
    for fixture in Fixture::all() {
        assert!(!fixture.source.is_empty() && fixture.turns.len() > 1, "{}", fixture.name);
    }
}
