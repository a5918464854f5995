//! Keys in sweep files, wherever people put them: refused, and not shown again by the mistake that says so.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use muster_episode::{Mistakes, SweepFile};

const HEAD: &str = "format = 1\nname = \"a\"\nsuite = \".\"\n";

/// Nothing of it is a key of anyone's.
const RANDOM: &str = "q7Zt2LmP9xWb4KdR8sVf1HnC6jTg3YaE";

fn mistakes(more: &str) -> Option<Mistakes> {
    SweepFile::parse("s.toml", &format!("{HEAD}{more}\n")).err()
}

/// The mistakes, and the text that they are shown in.
fn shown(more: &str) -> String {
    let mistakes = mistakes(more).unwrap_or_else(|| panic!("taken: {more}"));
    format!("{mistakes}\n{}", mistakes.source("s.toml").unwrap())
}

fn model(words: &str) -> String {
    format!("models = [{{ name = \"openai/x\", {words} }}]")
}

#[test]
fn a_key_by_its_name_is_refused_at_any_depth_of_a_body() {
    for words in [
        "extra_body = { api_key = \"opaque\" }",
        "extra_body = { auth = { headers = { Authorization = \"opaque\" } } }",
        "extra_body = { a = [{ b = { \"X-Api-Key\" = \"opaque\" } }] }",
        "extra_body = { provider = { openai_api_key = \"opaque\" } }",
        "extra_body = { a = { token = \"opaque\" } }",
        "extra_body = { a = { password = 1234567 } }",
    ] {
        let shown = shown(&model(words));
        assert!(shown.contains("is not taken here (keys stay out of files"), "{shown}");
        assert!(!shown.contains("opaque") && !shown.contains("1234567"), "{shown}");
    }
}

#[test]
fn a_key_by_its_looks_is_refused_wherever_it_stands() {
    let of_shape = [
        "sk-ant-0123456789",
        "sk-or-v1-0123456789",
        "sk-0123456789",
        "AIzaSy0123456789012345",
        "gsk_0123456789",
        "xai-0123456789abcdefgh",
        "ghp_0123456789",
        "AKIA0123456789ABCDEF",
        "tgp_v1_0123456789",
        "Bearer 0123456789",
    ];
    for key in of_shape {
        for place in [
            format!("project = \"{key}\""),
            format!("models = [\"{key}\"]"),
            format!("scenarios = [\"a {key}\"]"),
            model(&format!("pool = \"{key}\"")),
            model(&format!("extra_body = {{ a = {{ b = [\"{key}\"] }} }}")),
            format!("[select.x]\ny = [\"{key}\"]"),
            format!("[select.x]\n\"{key}\" = [\"y\"]"),
        ] {
            let shown = shown(&place);
            assert!(shown.contains("this looks like a key"), "{place}\n{shown}");
            assert!(!shown.contains("0123456789"), "{place}\n{shown}");
        }
    }
}

#[test]
fn a_random_text_is_taken_for_a_key_where_it_would_be_sent() {
    for words in [
        format!("extra_body = {{ session = {{ id = \"{RANDOM}\" }} }}"),
        format!("display_name = \"{RANDOM}\""),
        format!("base_url = \"https://h/v1?code={RANDOM}\""),
        "base_url = \"https://h/v1?api-version=2025-01-01\"".to_owned(),
    ] {
        let shown = shown(&model(&words));
        assert!(!shown.contains(RANDOM) && !shown.contains("?api-version"), "{shown}");
    }
    let path = model("base_url = \"https://gateway/v1/0f1e2d3c4b5a69788796a5b4c3d2e1f0/openai\"");
    assert_eq!(mistakes(&path), None);
}

#[test]
fn a_mistake_shows_no_key_that_stands_beside_it() {
    let beside = "models = [{ name = \"a/b\", temprature = 1, extra_body = { x = 1 } }] # once sk-0123456789";
    let shown_beside = shown(beside);
    assert!(shown_beside.contains("`temprature`") && !shown_beside.contains("0123456789"), "{shown_beside}");
    let both =
        model("sedes = 3, api_key = \"opaque\", extra_body = { key = \"hidden\", a = \"gsk_0123456789\" }");
    let shown_both = shown(&both);
    for secret in ["opaque", "hidden", "0123456789"] {
        assert!(!shown_both.contains(secret), "{secret} in {shown_both}");
    }
    let not_toml = shown("models = [{ name = \"a/b\", api_key = \"opaque\", x = }]");
    assert!(!not_toml.contains("opaque"), "{not_toml}");
    let unknown = shown("openai = { api_key = \"opaque\" }\n[retry]\nsecret = \"opaque\"");
    assert!(!unknown.contains("opaque"), "{unknown}");
}

#[test]
fn what_only_sounds_like_a_key_is_taken() {
    for words in [
        "extra_body = { prompt_cache_key = \"a\", stop_token_ids = [1], max_tool_calls = 3 }",
        "extra_body = { response_format = { schema = { properties = { key = { type = \"string\" } } } } }",
        "display_name = \"Llama 3.1 405B\", pool = \"task-sk-small\"",
    ] {
        assert_eq!(mistakes(&model(words)).map(|it| it.to_string()), None, "{words}");
    }
    let select = "models = [\"sim/x\"]\n[select.x]\nkey = [\"a\"]\ntoken = [\"b\"]";
    assert_eq!(mistakes(select).map(|it| it.to_string()), None);
}
