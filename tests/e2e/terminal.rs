//! A model as an enemy: escape codes, floods of calls, depths of JSON, paths that climb, megabytes of text. All of it is
//! data: kept as it was, shown without its fangs, never carried out, and the record still replays.

use std::collections::BTreeMap;

use muster_tests::{SweepFile, run};
use serde_json::{Value, json};

use crate::hostile::{Hostile, Response};
use crate::stage::{ended_with, json as read, two_variants};

const ESCAPES: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31mred\u{1b}[0m\rhidden \u{202e}backwards\u{202c} \u{9b}1A \u{0}\u{8}bell\u{7}";
const MANY_CALLS: usize = 1_000;
/// The longest answer that is read, 3 MiB, but for what surrounds the text.
const LONG_TEXT_BYTES: usize = 3 * 1024 * 1024 - 1_024;
const TOO_LONG_TEXT_BYTES: usize = 5_000_000;

/// The models of the server, in the order of the sweep's lanes.
const MODELS: [&str; 6] = ["escapes", "flood", "depths", "climber", "verbose", "endless"];

fn script(turns: usize, request: &Value) -> Response {
    let end = || Response::calls([("end_task", "{}".to_owned())]);
    match (request["model"].as_str().unwrap_or_default(), turns) {
        ("escapes", 0) => {
            let arguments = json!({ "path": ESCAPES, "content": ESCAPES }).to_string();
            let call = json!({ "id": ESCAPES, "type": "function", "function": { "name": ESCAPES, "arguments": arguments } });
            let known = json!({ "id": "b", "type": "function", "function": { "name": "create_file", "arguments": arguments } });
            let message = json!({ "role": "assistant", "content": ESCAPES, "reasoning": ESCAPES, "tool_calls": [call, known] });
            Response::message(&message, "tool_calls")
        }
        ("flood", 0) => Response::calls((0..MANY_CALLS).map(|_| ("list_files", "{}".to_owned()))),
        // More than anyone is taken to ask for in earnest.
        ("flood", 1) => Response::calls((0..900).map(|place| ("no_such_tool", format!("[{place}]")))),
        ("depths", 0) => {
            let deep = |open: &str, shut: &str| open.repeat(100_000) + &shut.repeat(100_000);
            Response::calls([
                ("read_file", deep("[", "]")),
                ("read_file", format!("{{\"path\":{}}}", deep("{\"a\":", "}"))),
                ("read_file", "{\"path\":\"a\",\"path\":\"b\"}".to_owned()),
                ("read_file", "{\"path\": \"\\ud800\"}".to_owned()),
                ("read_file", "\u{feff}{}".to_owned()),
                ("read_file", "null".to_owned()),
                ("end_task", String::new()),
            ])
        }
        ("climber", 0) => Response::calls(
            PATHS.map(|path| ("create_file", json!({ "path": path, "content": "climbed" }).to_string())),
        ),
        ("verbose", 0) => Response::message(
            &json!({
                "role": "assistant",
                "content": "x".repeat(LONG_TEXT_BYTES),
                "tool_calls": [{ "id": "1", "type": "function", "function": { "name": "list_files", "arguments": "{}" } }],
            }),
            "tool_calls",
        ),
        ("endless", 0) => Response::text(&"x".repeat(TOO_LONG_TEXT_BYTES)),
        _ => end(),
    }
}

const PATHS: [&str; 8] = [
    "../../../../../../tmp/muster-climbed",
    "/tmp/muster-climbed",
    "..",
    "a/../../b",
    "~/muster-climbed",
    "C:\\muster-climbed",
    "a\u{0}b",
    "notes/fine.md",
];

#[test]
fn whatever_a_model_says_is_data_and_is_shown_without_its_escape_codes() {
    let hostile = Hostile::start(script);
    let sweep = two_variants(
        &MODELS.map(|model| format!("openai-api/a/{model}")).each_ref().map(String::as_str),
        1,
        "",
    );
    let (file, data, url) = (sweep.argument(), sweep.data(), hostile.base_url());
    let environment = [("A_BASE_URL", url.as_str()), ("A_API_KEY", "none")];
    let ended = run(&["run", &file, "--data-dir", &data, "--json"], &environment);
    // Two variants of each model; the endless one's answers are longer than any is read.
    let summary = ended_with(&ended, 1);
    assert_eq!((summary.jobs, summary.completed, summary.failed), (12, 10, 2), "{summary:?}");
    assert!(ended.stderr.contains("answer too large: more than 3 MiB"), "{}", ended.stderr);

    let ask = |command: &[&str]| run(&[command, &["--data-dir", &data]].concat(), &[]);
    let shown: BTreeMap<&str, Value> = MODELS
        .iter()
        .enumerate()
        .map(|(lane, model)| (*model, read(&ask(&["show", "1", &format!("{lane}/0"), "--json"]))))
        .collect();
    for (lane, model) in MODELS.iter().enumerate() {
        for flags in [&[][..], &["--full"]] {
            let job = format!("{lane}/0");
            let text = ask(&[&["show", "1", &job], flags].concat());
            assert_eq!(text.code, Some(0), "{model}: {}", text.stderr);
            is_harmless(&text.stdout, model);
        }
    }
    escapes_are_kept_as_data(&shown["escapes"]);
    every_call_of_a_flood_is_answered(&shown["flood"]);
    bad_arguments_are_tool_errors(&shown["depths"]);
    paths_stay_in_the_world(&shown["climber"], &sweep);
    assert_eq!(shown["verbose"]["messages"][2]["content"].as_str().map(str::len), Some(LONG_TEXT_BYTES));
    assert_eq!(shown["endless"]["outcome"], "failed (bad request)");

    let replayed = read(&ask(&["replay", "1", "--json"]));
    assert_eq!((&replayed["identical"], &replayed["different"]), (&10.into(), &0.into()), "{replayed}");
    let scored = read(&ask(&["score", "1", "--json"]));
    assert_eq!(scored["unjudged"], 0, "{scored}");
    for row in scored["rows"].as_array().expect("rows") {
        assert_eq!(row["k"], 0, "{row}");
    }
}

/// Nothing in it moves a cursor, rings a bell, retitles a window or turns text around.
fn is_harmless(text: &str, model: &str) {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if let Some(place) = text.find(harmful) {
        panic!("{model}: {:?} is shown", &text[place..].chars().take(20).collect::<String>());
    }
}

fn escapes_are_kept_as_data(shown: &Value) {
    let said = &shown["messages"][2];
    assert_eq!((said["content"].as_str(), said["reasoning"].as_str()), (Some(ESCAPES), Some(ESCAPES)));
    assert_eq!(said["tool_calls"][0]["name"], ESCAPES);
    assert_eq!(shown["messages"][3]["is_error"], true, "a tool of this name was found");
    assert_eq!(shown["messages"][4]["is_error"], true, "a file of this name was made");
}

fn every_call_of_a_flood_is_answered(shown: &Value) {
    let results = shown["messages"].as_array().expect("messages").iter();
    let answers = results.filter(|message| message["role"] == "tool").count();
    assert_eq!(answers, MANY_CALLS + 900 + 1);
}

fn bad_arguments_are_tool_errors(shown: &Value) {
    let results: Vec<&Value> = shown["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .filter(|message| message["role"] == "tool")
        .collect();
    let (last, bad) = results.split_last().expect("results");
    assert!(bad.iter().all(|result| result["is_error"] == true), "{bad:?}");
    assert_eq!(last["is_error"], false, "no arguments at all are no arguments: {last}");
}

fn paths_stay_in_the_world(shown: &Value, sweep: &SweepFile) {
    let documents = shown["world"]["drive"]["documents"].as_object().expect("a drive");
    assert!(documents.contains_key("notes/fine.md"), "{documents:?}");
    let climbing = |path: &&String| path.split('/').any(|part| part == ".." || part == ".");
    assert_eq!(documents.keys().find(climbing), None);
    for path in ["/tmp/muster-climbed", "notes/fine.md", "C:\\muster-climbed"] {
        assert!(!std::path::Path::new(path).exists(), "{path} was written");
    }
    assert!(!sweep.folder("notes").exists());
}

#[test]
fn a_key_that_a_provider_repeats_reaches_no_transcript() {
    const KEY: &str = "sk-test-0123456789abcdef";
    let hostile = Hostile::start(|turns, _| match turns {
        0 => {
            let arguments =
                json!({ "path": format!("{KEY}.md"), "content": format!("my key is {KEY}") }).to_string();
            let call = json!({ "id": KEY, "type": "function", "function": { "name": "create_file", "arguments": arguments } });
            let message = json!({ "role": "assistant", "content": format!("I was given {KEY}"), "reasoning": KEY, "tool_calls": [call] });
            Response::message(&message, "tool_calls")
        }
        _ => Response::error(400, "bad", &format!("The key {KEY} is a bad key")),
    });
    let sweep = two_variants(&["openai-api/a/parrot"], 1, "");
    let (file, data, url) = (sweep.argument(), sweep.data(), hostile.base_url());
    let environment = [("A_BASE_URL", url.as_str()), ("A_API_KEY", KEY), ("MUSTER_LOG", "trace")];
    let ended = run(&["run", &file, "--data-dir", &data, "--json"], &environment);
    assert_eq!(ended_with(&ended, 1).failed, 2);
    assert!(ended.stderr.contains("is a bad key"), "{}", ended.stderr);
    let shown = run(&["show", "1", "0/0", "--data-dir", &data, "--json"], &[]);
    assert!(shown.stdout.contains("is a bad key"), "{}", shown.stdout);
    for text in [&ended.stdout, &ended.stderr, &shown.stdout, &shown.stderr] {
        assert!(!text.contains(KEY), "the key is in {text}");
    }
    // What goes back to the provider holds no key of its own making either.
    assert_eq!(hostile.calls(), 4);
}
