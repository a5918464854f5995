//! Requests that no one would send: cut, twisted, doubled and deep. Each has an answer, and the provider lives.

mod wire;

use muster_provider::{ProviderConfig, Running};
use serde_json::{Value, json};
use wire::{Way, bytes, start};

/// Bodies that were twisted, of each dialect.
const TWISTED: u64 = 400;

/// What stands in for a part of a request.
const ODD: [&str; 12] = [
    "null",
    "-1",
    "1e999",
    "\"\"",
    "[]",
    "{}",
    "[[]]",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "true",
    "18446744073709551616",
    "\"",
];

/// SplitMix64: the same in every run.
struct Dice(u64);

// === impl Dice ===

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides.max(1) as u64).expect("below the sides")
    }
}

/// One twist of a body's bytes.
fn twisted(mut body: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(body.len());
        match dice.roll(5) {
            0 => body.truncate(at),
            1 => body[at] = u8::try_from(dice.roll(256)).expect("a byte"),
            2 => {
                let piece = body[at..].to_vec();
                body.extend(piece);
            }
            3 => {
                body.remove(at);
            }
            _ => {
                let odd = ODD[dice.roll(ODD.len())];
                let end = (at + dice.roll(12)).min(body.len());
                body.splice(at..end, odd.bytes());
            }
        }
        if body.is_empty() {
            body.push(b'{');
        }
    }
    body
}

/// Every value of a request in turn, replaced by something odd.
fn replaced(value: &Value, odd: &Value) -> Vec<Value> {
    let mut all = vec![odd.clone()];
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                for inner in replaced(inner, odd) {
                    let mut whole = value.clone();
                    whole[name] = inner;
                    all.push(whole);
                }
            }
        }
        Value::Array(items) => {
            for (place, inner) in items.iter().enumerate() {
                for inner in replaced(inner, odd) {
                    let mut whole = value.clone();
                    whole[place] = inner;
                    all.push(whole);
                }
            }
        }
        _ => {}
    }
    all
}

async fn answered(running: &Running, way: Way, body: &[u8]) {
    let answer = bytes(running, "POST", way.path(), way.headers(), body).await;
    let status = answer.get(9..10).map(<[u8]>::to_vec);
    let known = matches!(status.as_deref(), Some(b"2" | b"4"));
    assert!(known, "{way:?} {}: {}", String::from_utf8_lossy(body), String::from_utf8_lossy(&answer));
}

async fn conversation(running: &Running, way: Way) -> Value {
    let mut request = way.request();
    match way {
        Way::Messages => request["thinking"] = json!({"type": "adaptive"}),
        Way::Responses => request["reasoning"] = json!({"effort": "low", "summary": "auto"}),
        _ => {}
    }
    way.conversation(running, request).await
}

#[tokio::test]
async fn twisted_bytes_are_answered_in_every_dialect() {
    let running = start(ProviderConfig { always_think: true, ..ProviderConfig::default() }).await;
    for way in Way::ALL {
        let sound = conversation(&running, way).await.to_string().into_bytes();
        for seed in 0..TWISTED {
            answered(&running, way, &twisted(sound.clone(), &mut Dice(seed))).await;
        }
        assert_eq!(way.post(&running, &way.request()).await.status, 200);
    }
}

#[tokio::test]
async fn every_field_may_be_of_the_wrong_type() {
    let running = start(ProviderConfig { always_think: true, ..ProviderConfig::default() }).await;
    for way in Way::ALL {
        let sound = conversation(&running, way).await;
        for odd in [Value::Null, json!(-1), json!("é"), json!([]), json!({}), json!(true)] {
            for request in replaced(&sound, &odd) {
                answered(&running, way, request.to_string().as_bytes()).await;
            }
        }
    }
}

#[tokio::test]
async fn hostile_depth_does_not_reach_the_stack() {
    let running = start(ProviderConfig::default()).await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for way in Way::ALL {
        let list = match way {
            Way::Chat | Way::Messages => "messages",
            Way::Responses => "input",
            Way::Gemini => "contents",
        };
        let head = r#"{"model":"rehearsal","max_tokens":5,"#;
        for body in
            [deep.clone(), format!(r#"{head}"{list}":{deep}}}"#), format!(r#"{head}"tools":{deep}}}"#)]
        {
            answered(&running, way, body.as_bytes()).await;
        }
    }
}
