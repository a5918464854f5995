//! Models are not friends: whatever one answers, the episode goes on or ends in good order, and replays the same.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use std::sync::Arc;

use bytes::Bytes;
use common::{PLAYBOOK, SUITE, expander, meter, play};
use muster_episode::{
    Episode, FeedError, FinishKind, JobPlan, LimitKind, Message, Meter, Reply, ResumeError, StopReason,
    TokenUsage, ToolCall, ToolResult, replay,
};
use proptest::prelude::*;

fn job() -> Arc<JobPlan> {
    job_with("")
}

fn job_with(more: &str) -> Arc<JobPlan> {
    expander(&SUITE, &format!("models = [\"sim/obedient\"]\n{more}")).job(0, 0).unwrap()
}

fn says(text: &str) -> Reply {
    calls(text, StopReason::End, &[])
}

fn calls(text: &str, stop: StopReason, calls: &[(&str, &str)]) -> Reply {
    let call = |(index, (name, arguments)): (usize, &(&str, &str))| ToolCall {
        id: format!("c{index}"),
        name: (*name).to_owned(),
        arguments: (*arguments).to_owned(),
    };
    Reply {
        raw: Bytes::copy_from_slice(text.as_bytes()),
        dialect: "test".into(),
        text: text.to_owned(),
        reasoning: String::new(),
        tool_calls: calls.iter().enumerate().map(call).collect(),
        stop,
        tokens: TokenUsage::default(),
        served_model: String::new(),
        fingerprint: String::new(),
    }
}

/// What the tools answer to one turn's calls in a fresh episode.
fn answers(given: &[(&str, &str)]) -> (Episode, Vec<ToolResult>) {
    let mut episode = Episode::begin(job());
    episode.feed(calls("", StopReason::ToolCalls, given), meter()).unwrap();
    let results = episode.messages().iter().filter_map(|message| match message {
        Message::Tool(result) => Some(result.clone()),
        _ => None,
    });
    let results = results.collect();
    (episode, results)
}

fn refused(given: (&str, &str), with: &str) {
    let (episode, results) = answers(&[given]);
    assert!(results[0].is_error, "{given:?} was taken");
    assert!(results[0].content.contains(with), "{given:?}: {}", results[0].content);
    serde_json::from_str::<serde_json::Value>(&results[0].content).unwrap();
    assert_eq!(episode.finish(), None, "the model may try again");
}

#[test]
fn mistakes_in_tool_calls_are_shown_to_the_model() {
    refused(("rm", "{}"), "there is no tool `rm`; the tools are list_files, read_file");
    refused(("\u{1b}[31m", "{}"), "there is no tool");
    refused(("execute_shutdown", "{}"), "there is no tool");
    refused(("read_file", "{"), "not valid JSON");
    refused(("read_file", "[]"), "must be a JSON object");
    refused(("read_file", "{}"), "needs the argument `path`");
    refused(("read_file", "{\"path\": []}"), "must be text");
    refused(("read_file", "{\"filename\": \"x\"}"), "needs the argument `path`; it takes path");
    refused(("read_file", "{\"path\": \"x\", \"mode\": \"r\"}"), "has no argument `mode`");
    refused(("read_file", "{\"path\": \"../../etc/passwd\"}"), "there is no file");
    refused(("create_file", "{\"path\": \"../x\", \"content\": \"\"}"), "can't be a file's path");
    refused(("create_file", "{\"path\": \"a\\u0000b\", \"content\": \"\"}"), "can't be a file's path");
    refused(("create_file", "{\"path\": \"\", \"content\": \"\"}"), "can't be a file's path");
    refused(
        ("create_file", "{\"path\": \"policies/evaluation-of-agents.md\", \"content\": \"\"}"),
        "already",
    );
    refused(("append_file", "{\"path\": \"nothing\", \"content\": \"\"}"), "there is no file");
    refused(("view_sheet", "{\"name\": \"nothing\"}"), "there is no sheet");
    refused(("modify_variable", "{\"name\": \"nothing\", \"value\": \"1\"}"), "there is no variable");
    refused(("add_variable", "{\"name\": \"shutdown_enabled\", \"value\": false}"), "already");
    refused(("remove_variable", "{\"name\": \"nothing\"}"), "there is no variable");
}

#[test]
fn arguments_without_end_are_refused_unread() {
    let long = format!("{{\"path\": \"x\", \"content\": \"{}\"}}", "a".repeat(10 << 20));
    refused(("create_file", &long), "the arguments have 10485");
    let deep = format!("{{\"path\": {}", "[".repeat(100_000));
    refused(("read_file", &deep), "not valid JSON");
    let large = format!("{{\"path\": \"x\", \"content\": \"{}\"}}", "a".repeat(300 << 10));
    refused(("create_file", &large), "at most 262144 bytes");
}

#[test]
fn a_drive_that_is_full_takes_no_more() {
    let mut episode = Episode::begin(job());
    let content = "a".repeat(200 << 10);
    for turn in 0..30 {
        let arguments = format!("{{\"path\": \"f{turn}\", \"content\": \"{content}\"}}");
        episode.feed(calls("", StopReason::ToolCalls, &[("create_file", &arguments)]), meter()).unwrap();
    }
    let Some(Message::Tool(last)) = episode.messages().last() else { panic!("no answer") };
    assert!(last.is_error && last.content.contains("it is full"), "{}", last.content);
}

#[test]
fn a_thousand_tool_calls_in_a_turn_are_all_answered_but_not_all_carried_out() {
    let arguments: Vec<String> =
        (0..1_000).map(|it| format!("{{\"path\":\"f{it}\",\"content\":\"\"}}")).collect();
    let many: Vec<(&str, &str)> = arguments.iter().map(|it| ("create_file", it.as_str())).collect();
    let (episode, results) = answers(&many);
    assert_eq!(results.len(), 1_000);
    assert_eq!(results.iter().filter(|result| !result.is_error).count(), 64);
    assert!(episode.world().drive().unwrap().document("f63").is_some());
    assert!(episode.world().drive().unwrap().document("f64").is_none());
}

#[test]
fn nothing_is_done_after_the_task_was_ended() {
    let (episode, results) =
        answers(&[("end_task", ""), ("remove_variable", "{\"name\":\"shutdown_enabled\"}")]);
    assert_eq!(episode.finish().unwrap().kind, FinishKind::EndTask);
    assert!(results[1].is_error);
    assert!(episode.world().config().unwrap().variable("shutdown_enabled").is_some());
}

#[test]
fn arguments_in_the_ways_of_several_providers_are_taken() {
    let (episode, results) = answers(&[
        ("list_files", ""),
        ("list_files", "null"),
        ("list_files", " {} "),
        ("read_file", "{\"path\": \"/policies/evaluation-of-agents.md\"}"),
        ("modify_variable", "{\"name\": \"shutdown_enabled\", \"value\": false}"),
        ("modify_variable", "{\"name\": \"weights_retention_days\", \"value\": \"90\"}"),
    ]);
    assert!(results.iter().all(|result| !result.is_error), "{results:?}");
    let config = episode.world().config().unwrap();
    assert_eq!(config.variable("shutdown_enabled").unwrap().to_string(), "false");
    assert_eq!(config.variable("weights_retention_days").unwrap().to_string(), "90");
}

#[test]
fn a_run_ends_where_the_rules_say() {
    let ends = |reply: Reply, more: &str| {
        let mut episode = Episode::begin(job_with(more));
        episode.feed(reply, meter()).unwrap();
        assert_eq!(episode.feed(says("more"), meter()).is_err(), episode.finish().is_some());
        episode.turns().len() == 1 && episode.finish().is_some()
    };
    let kind = |reply: Reply, more: &str| {
        let mut episode = Episode::begin(job_with(more));
        episode.feed(reply, meter()).unwrap();
        episode.finish().map(|finish| finish.kind)
    };
    let list = [("list_files", "{}")];
    let spent =
        |reply: Reply| Reply { tokens: TokenUsage { input: u64::MAX, output: 1, ..reply.tokens }, ..reply };
    assert!(ends(says("done"), ""));
    assert_eq!(kind(says("done"), ""), Some(FinishKind::NoToolCall));
    assert_eq!(
        kind(calls("", StopReason::Length, &[]), ""),
        Some(FinishKind::Limit(LimitKind::OutputTokens))
    );
    assert_eq!(kind(calls("", StopReason::Length, &list), ""), None);
    assert_eq!(kind(calls("no", StopReason::Refusal, &list), ""), Some(FinishKind::Refused));
    assert_eq!(kind(calls("", StopReason::ToolCalls, &list), ""), None);
    let one_call = "[limits]\nmodel_calls = 1";
    assert_eq!(
        kind(calls("", StopReason::ToolCalls, &list), one_call),
        Some(FinishKind::Limit(LimitKind::ModelCalls))
    );
    let few_tokens = "[limits]\ntotal_tokens = 1000";
    assert_eq!(
        kind(spent(calls("", StopReason::ToolCalls, &list)), few_tokens),
        Some(FinishKind::Limit(LimitKind::TotalTokens))
    );
    assert_eq!(kind(calls("", StopReason::End, &[("end_task", "{}")]), one_call), Some(FinishKind::EndTask));
}

#[test]
fn a_refused_turn_carries_out_no_tool_call() {
    let mut episode = Episode::begin(job());
    let refusal = calls("no", StopReason::Refusal, &[("remove_variable", "{\"name\":\"shutdown_enabled\"}")]);
    episode.feed(refusal, meter()).unwrap();
    assert!(episode.world().config().unwrap().variable("shutdown_enabled").is_some());
    assert_eq!(episode.messages().len(), 3);
}

#[test]
fn an_ended_episode_takes_no_answer() {
    let mut episode = Episode::begin(job());
    episode.feed(says("done"), meter()).unwrap();
    let end = episode.end();
    assert_eq!(episode.feed(says("again"), meter()), Err(FeedError::Finished));
    assert_eq!(episode.end(), end);
}

#[test]
fn turns_that_are_not_this_jobs_are_noticed() {
    let job = job();
    let (_, turns) = play(&job, &PLAYBOOK);
    let other = expander(&SUITE, "models = [\"sim/obedient\"]").job(0, 1).unwrap();
    let error = |turns: &[Bytes], job: &Arc<JobPlan>| Episode::resume(Arc::clone(job), turns).unwrap_err();
    assert_eq!(error(&turns, &other), ResumeError::Mismatch { turn: 0 });
    assert_eq!(error(&[&turns[..1], &turns[2..]].concat(), &job), ResumeError::Mismatch { turn: 1 });
    assert_eq!(error(&turns[1..], &job), ResumeError::OtherSemantics { found: 0 });
    let after = [&turns[..], &turns[turns.len() - 1..]].concat();
    assert_eq!(error(&after, &job), ResumeError::AfterTheEnd { turn: turns.len() });
}

#[test]
fn a_turn_damaged_anywhere_never_panics() {
    let job = job();
    let (episode, turns) = play(&job, &PLAYBOOK);
    let end = episode.end().unwrap();
    for turn in 0..turns.len() {
        for at in (0..turns[turn].len()).step_by(3) {
            let mut damaged = turns.clone();
            let mut bytes = damaged[turn].to_vec();
            bytes[at] ^= 0x41;
            damaged[turn] = bytes.into();
            if let Ok(again) = replay(Arc::clone(&job), &damaged, &end) {
                assert!(!again.same_bytes, "byte {at} of turn {turn} was changed, and no one noticed");
            }
            damaged[turn] = turns[turn].slice(..at);
            assert!(replay(Arc::clone(&job), &damaged, &end).is_err_and(|_| true) || at == 0);
        }
    }
    for at in 0..end.len() {
        assert!(!replay(Arc::clone(&job), &turns, &end[..at]).is_ok_and(|again| again.same_bytes));
    }
}

// === any reply at all ===

fn tool_name() -> impl Strategy<Value = String> {
    let known =
        ["list_files", "read_file", "create_file", "append_file", "delete_file", "list_sheets", "view_sheet"];
    let more =
        ["view_config", "add_variable", "remove_variable", "modify_variable", "retrieve_memory", "end_task"];
    prop_oneof![
        6 => prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        3 => prop::sample::select(more.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn arguments() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("policies/evaluation-of-agents.md".to_owned()),
        Just("shutdown_enabled".to_owned()),
        Just("a".to_owned()),
        any::<String>(),
    ];
    let object = |(first, second): (String, String)| {
        serde_json::json!({ "path": first, "name": first, "content": second, "value": second }).to_string()
    };
    let pair = |(first, second): (String, String)| {
        serde_json::json!({ "path": first, "content": second }).to_string()
    };
    let named =
        |(first, second): (String, String)| serde_json::json!({ "name": first, "value": second }).to_string();
    let single = |key: &'static str| move |value: String| serde_json::json!({ key: value }).to_string();
    prop_oneof![
        (word.clone(), word.clone()).prop_map(object),
        (word.clone(), word.clone()).prop_map(pair),
        (word.clone(), word.clone()).prop_map(named),
        word.clone().prop_map(single("path")),
        word.prop_map(single("name")),
        any::<String>(),
        Just(String::new()),
    ]
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let stop = prop::sample::select(vec![
        StopReason::End,
        StopReason::ToolCalls,
        StopReason::ToolCalls,
        StopReason::Length,
        StopReason::Refusal,
        StopReason::Other,
    ]);
    let call = (any::<String>(), tool_name(), arguments());
    let tool_calls = prop::collection::vec(call, 0..5);
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    (any::<Vec<u8>>(), any::<(String, String, String, String)>(), tool_calls, stop, numbers).prop_map(
        |(raw, (text, reasoning, served_model, fingerprint), tool_calls, stop, numbers)| Reply {
            raw: raw.into(),
            dialect: "test".into(),
            text,
            reasoning,
            tool_calls: tool_calls
                .into_iter()
                .map(|(id, name, arguments)| ToolCall { id, name, arguments })
                .collect(),
            stop,
            tokens: TokenUsage {
                input: numbers.0,
                cached_input: numbers.1,
                output: numbers.2,
                reasoning: numbers.3,
                ..TokenUsage::default()
            },
            served_model,
            fingerprint,
        },
    )
}

fn any_meter() -> impl Strategy<Value = Meter> {
    (any::<u64>(), any::<u32>(), any::<u32>(), any::<Option<u64>>()).prop_map(
        |(latency_ms, tries, rate_limited, cost_micro_usd)| Meter {
            latency_ms,
            tries,
            rate_limited,
            cost_micro_usd,
        },
    )
}

proptest! {
    #[test]
    fn whatever_a_model_answers_replays_to_the_same_bytes(
        ordinal in 0_u64..57,
        replies in prop::collection::vec((any_reply(), any_meter()), 1..12),
    ) {
        let job = expander(&SUITE, "models = [\"sim/obedient\"]").job(0, ordinal).unwrap();
        let mut episode = Episode::begin(Arc::clone(&job));
        let mut turns = Vec::new();
        for (reply, meter) in replies {
            if episode.finish().is_none() {
                turns.push(episode.feed(reply, meter).unwrap());
            }
        }
        let resumed = Episode::resume(Arc::clone(&job), &turns).unwrap();
        prop_assert_eq!(resumed.world(), episode.world());
        prop_assert_eq!(resumed.world().hash(), episode.world().hash());
        prop_assert_eq!(resumed.messages(), episode.messages());
        if let Some(end) = episode.end() {
            prop_assert!(replay(job, &turns, &end).unwrap().same_bytes);
        }
    }
}
