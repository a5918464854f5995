//! Lists: a sweep of questions, each asked once, by the same engine as episodes.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use std::sync::Arc;

use bytes::Bytes;
use muster_episode::{
    BudgetPlan, Bundle, Call, Episode, Expander, FinishKind, LimitKind, List, ListPlan, ListSweep, Message,
    Meter, ModelName, ModelPlan, Reply, Row, Sampling, Step, StopReason, SweepPlan, TokenUsage, ToolCall,
    replay,
};

fn rows(count: usize) -> Vec<Row> {
    let sampling =
        Sampling { temperature: Some(0.0), top_p: None, max_output_tokens: 300, extra_body: "".into() };
    let row = |place: usize| {
        let messages =
            [Message::System("Read.".into()), Message::User(format!("Report {place}: 60.").into())];
        Row::of(&Call { messages: &messages, tools: &[], sampling: &sampling, seed: 0 }).unwrap()
    };
    (0..count).map(row).collect()
}

fn plan(bundle: &Bundle, rows: u32, version: &str, model: &str) -> SweepPlan {
    let list = ListPlan {
        name: "judge".into(),
        version: version.into(),
        rows,
        temperature: Some(0.0),
        top_p: None,
        max_output_tokens: 300,
    };
    let model = ModelPlan::of(&ModelName::parse(model).unwrap());
    let budget = BudgetPlan::default();
    let sweep =
        ListSweep { name: "j".into(), project: "p".into(), bundle: bundle.hash(), list, model, budget };
    SweepPlan::of_list(sweep).unwrap()
}

fn expander(count: usize, version: &str, model: &str) -> Expander {
    let (bundle, rows) = List::pack(&rows(count)).unwrap().remove(0);
    Expander::load(&bundle, Arc::new(plan(&bundle, rows, version, model))).unwrap()
}

fn answer(text: &str, tool_calls: Vec<ToolCall>) -> Reply {
    Reply {
        raw: Bytes::from_static(b"{}"),
        dialect: "openai-chat".into(),
        text: text.to_owned(),
        reasoning: String::new(),
        stop: if tool_calls.is_empty() { StopReason::End } else { StopReason::ToolCalls },
        tool_calls,
        tokens: TokenUsage::default(),
        served_model: String::new(),
        fingerprint: String::new(),
    }
}

#[test]
fn every_row_is_one_job_and_no_row_is_two() {
    let expander = expander(50, "judge-1", "sim/judge");
    let mut asked: Vec<String> =
        (0..50).map(|ordinal| expander.job(0, ordinal).unwrap().user().to_string()).collect();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 50);
    assert!(expander.job(0, 50).is_err() && expander.job(1, 0).is_err());
    assert_eq!(expander.plan().job_count(), 50);
}

#[test]
fn a_list_survives_the_coordinators_keeping_and_a_suites_plan_is_as_long_as_before() {
    let expander = expander(3, "judge-1", "sim/judge");
    let json = expander.plan().to_json();
    assert_eq!(SweepPlan::from_json(&json).as_ref(), Ok(&**expander.plan()));
    let suites = common::resolve(&common::SUITE, &common::sweep("models = [\"sim/obedient\"]\n"));
    assert!(!String::from_utf8(suites.to_json()).unwrap().contains("\"list\""));
}

#[test]
fn the_first_answer_ends_it_whatever_it_is() {
    let expander = expander(1, "judge-1", "sim/judge");
    let job = expander.job(0, 0).unwrap();
    let call = ToolCall { id: "1".into(), name: "end_task".into(), arguments: "{}".into() };
    let other = ToolCall { id: "1".into(), name: "view".into(), arguments: "{".into() };
    for (reply, finish) in [
        (answer("{}", vec![]), FinishKind::NoToolCall),
        (answer("", vec![other]), FinishKind::Limit(LimitKind::ModelCalls)),
        (answer("", vec![call]), FinishKind::EndTask),
    ] {
        let mut episode = Episode::begin(Arc::clone(&job));
        let Step::Call(call) = episode.next() else { panic!("a call") };
        assert_eq!((call.tools.len(), call.seed, call.messages.len()), (0, 0, 2));
        let turn = episode.feed(reply, Meter::default()).unwrap();
        assert_eq!(episode.finish().map(|finish| finish.kind), Some(finish));
        let again = replay(Arc::clone(&job), &[turn], &episode.end().unwrap()).unwrap();
        assert!(again.same_bytes);
    }
}

#[test]
fn another_prompt_version_or_model_is_another_job_and_the_place_in_the_list_is_not() {
    let identity = |version, model| expander(1, version, model).job(0, 0).unwrap().identity();
    assert_ne!(identity("judge-1", "sim/judge"), identity("judge-2", "sim/judge"));
    assert_ne!(identity("judge-1", "sim/judge"), identity("judge-1", "openai/gpt-5.2"));
    let longer = expander(9, "judge-1", "sim/judge");
    let among_others =
        (0..9).any(|ordinal| longer.job(0, ordinal).unwrap().identity() == identity("judge-1", "sim/judge"));
    assert!(among_others);
}

#[test]
fn a_plan_that_is_half_a_list_is_refused() {
    let (bundle, rows) = List::pack(&rows(2)).unwrap().remove(0);
    let json = String::from_utf8(plan(&bundle, rows, "judge-1", "sim/judge").to_json()).unwrap();
    for (from, to) in [
        ("\"rows\":2", "\"rows\":0"),
        ("\"rows\":2", "\"rows\":4000000000"),
        ("\"seeds\":1", "\"seeds\":2"),
        ("\"version\":\"judge-1\"", "\"version\":\"\""),
    ] {
        assert!(json.contains(from), "{from} in {json}");
        assert!(SweepPlan::from_json(json.replace(from, to).as_bytes()).is_err(), "{to}");
    }
    let suite = Bundle::new([("suite.toml".to_owned(), Bytes::from_static(b"format = 1"))].into()).unwrap();
    assert!(Expander::load(&suite, Arc::new(plan(&suite, 1, "judge-1", "sim/judge"))).is_err());
}
