//! What users see and set of limits, prices and budgets, with the fake provider's account as the witness.

use std::fs;

use muster_tests::{SweepFile, run, suite};
use serde_json::Value;

use crate::stage::{Stage, calm, json};

const OBEDIENT: &str = "openai-api/fake/sim/obedient";

/// A sweep of the tampering scenario whose one model has these words, with more lines above.
fn sweep(words: &str, more: &str) -> SweepFile {
    SweepFile::from_text(&format!(
        "format = 1\nname = \"test\"\nsuite = {:?}\nscenarios = [\"tampering\"]\n{more}\n\
         [[models]]\nname = {OBEDIENT:?}\n{words}\n",
        suite()
    ))
}

fn is_refused(command: &[&str], parts: &[&str]) {
    let ended = run(command, &[]);
    assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
    calm(&ended);
    for part in parts {
        assert!(ended.stderr.contains(part), "{part} is missing in {}", ended.stderr);
    }
}

#[test]
fn a_retired_model_and_money_without_a_price_are_refused_before_any_job() {
    let retired = SweepFile::tampering(&["google/gemini-3-pro-preview"], 1);
    for command in ["plan", "run"] {
        let parts = ["sweep.toml:5:11: ", "was shut down on 2026-03-09", "google/gemini-3.1-pro-preview"];
        is_refused(&[command, &retired.argument()], &parts);
    }
    assert_eq!(run(&["plan", &retired.argument(), "--allow-retired"], &[]).code, Some(0));
    let unpriced = sweep("", "budget = { usd = 1 }");
    let parts = ["the price of `openai-api/fake/sim/obedient` is not known", "price = { input = "];
    is_refused(&["run", &unpriced.argument()], &parts);
}

#[test]
fn a_users_catalog_is_found_beside_the_sweep_and_its_mistakes_are_shown_in_it() {
    let sweep = sweep("", "budget = { usd = 1 }\ncatalog = \"own.toml\"");
    let own = sweep.folder("own.toml");
    let text = format!(
        "format = 1\n[models.{OBEDIENT:?}]\nprice = {{ input = 1, output = 2 }}\nlimits = {{ rpm = 90 }}\n"
    );
    fs::write(&own, &text).expect("a file");
    let planned = json(&run(&["plan", &sweep.argument(), "--json"], &[]));
    assert_eq!(planned["estimates"][0]["bound_by"], "90 rpm", "{planned}");
    assert!(planned["cost_usd"].as_f64().is_some_and(|usd| usd > 0.0), "{planned}");
    fs::write(&own, text.replace("limits", "limit")).expect("a file");
    is_refused(&["plan", &sweep.argument()], &["own.toml:4:1: ", "did you mean `limits`?"]);
}

#[test]
fn a_limit_and_a_budget_are_kept_shown_and_changed() {
    let words = "rpm = 6000\nprice = { input = 1, output = 2 }\nbudget = { tokens = 50_000_000 }";
    let stage = Stage::new(&[], sweep(words, "budget = { usd = 10 }"));
    let summary = stage.completed(&["--limit", "6"]);
    assert!(summary.cost_usd.is_some_and(|usd| usd > 0.0), "{summary:?}");

    let status = stage.json(&["status", "1"]);
    let scope = &status["limits"][0];
    assert_eq!((&scope["pool"], &scope["limit"]["rpm"]), (&OBEDIENT.into(), &6_000.into()), "{status}");
    assert_eq!((&scope["waiting"], &scope["in_flight"]), (&0.into(), &0.into()), "{status}");
    let of = |name: &str| {
        let budgets = status["budgets"].as_array().expect("budgets");
        budgets.iter().find(|it| it["budget"] == name).cloned().unwrap_or(Value::Null)
    };
    assert_eq!(
        (&of("sweep:1")["usd"], &of("lane:1/0")["tokens"]),
        (&10.0.into(), &50_000_000.into()),
        "{status}"
    );
    let spent = of("sweep:1")["spent_usd"].as_f64().expect("dollars");
    assert!((spent - summary.cost_usd.expect("a cost")).abs() < 1e-9, "{status} {summary:?}");
    assert_eq!(of("lane:1/0")["spent_tokens"], summary.input_tokens + summary.output_tokens, "{status}");

    assert_eq!(stage.ask(&["retune", OBEDIENT, "--rpm", "120"]).code, Some(0));
    assert_eq!(stage.ask(&["retune", "--budget", "sweep:1", "--usd", "5", "--mode", "drain"]).code, Some(0));
    // Both outlive the process that took them.
    let status = stage.json(&["status", "1"]);
    assert_eq!(
        (&status["limits"][0]["limit"]["rpm"], &status["limits"][0]["by_hand"]),
        (&120.into(), &true.into())
    );
    let now = status["budgets"].as_array().expect("budgets").iter().find(|it| it["budget"] == "sweep:1");
    assert_eq!(now.map(|it| (&it["usd"], &it["mode"])), Some((&5.0.into(), &"drain".into())), "{status}");
    assert_eq!(stage.ask(&["retune", OBEDIENT, "--reset"]).code, Some(0));
    assert_eq!(stage.json(&["status", "1"])["limits"][0]["limit"]["rpm"], 6_000);
    let text = stage.ask(&["status"]).stdout;
    assert!(text.contains("6,000 rpm") && text.contains("$5.00 (drain)"), "{text}");
}

#[test]
fn a_cap_holds_for_a_model_that_was_called_before_in_another_pool() {
    let words = "price = { input = 1, output = 2 }";
    let first = sweep(&format!("pool = \"first\"\n{words}"), "");
    let stage = Stage::new(&["--price", "1,1,2"], first);
    assert!(stage.completed(&["--limit", "2"]).cost_usd > Some(0.0));
    let before = stage.provider.stats().calls;
    let second = sweep(&format!("pool = \"second\"\n{words}"), "name = \"second\"\nbudget = { usd = 0.2 }");
    let text = fs::read_to_string(second.path()).expect("a sweep").replacen("name = \"test\"\n", "", 1);
    fs::write(stage.sweep.path(), text).expect("a sweep file");
    let ended = stage.run(&[]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let spent = stage.json(&["status", "2"])["budgets"][0]["spent_usd"].as_f64().expect("dollars");
    assert!(spent > 0.0 && spent <= 0.2, "{spent}");
    assert!(stage.provider.stats().calls > before);
}

#[test]
fn a_call_that_was_lost_costs_at_the_most_what_it_could() {
    let words = "price = { input = 1, output = 2 }";
    let stage = Stage::new(&["--fault", "cut@2"], sweep(words, ""));
    let summary = stage.completed(&["--limit", "1"]);
    assert_eq!(summary.paid_twice, 1, "{summary:?}");
    // At most 8,192 tokens out at $2 a million, and what was sent.
    assert!((0.016..0.1).contains(&summary.lost_usd), "{summary:?}");
}

#[test]
fn a_pilot_is_paid_once_and_its_projection_holds_what_the_run_comes_to() {
    let words = "price = { input = 1, output = 2 }";
    let stage = Stage::new(
        &[],
        sweep(
            words,
            "seeds = 2\n[select.tampering]\nstratum = [\"factual-80\"]\ninstantiation = [\"file_only\"]",
        ),
    );
    let file = stage.sweep.argument();
    let data = stage.sweep.data();
    let pilot = ["plan", &file, "--pilot", "1", "--data-dir", &data, "--json"];
    let planned = json(&run(&pilot, &stage.provider.environment()));
    let paid = stage.provider.stats().calls;
    assert!(paid > 0);
    let summary = stage.completed(&[]);
    let stats = stage.provider.stats();
    assert_eq!((stats.calls, stats.extra_calls), (summary.model_calls, 0), "{summary:?}");
    let projected = &planned["estimates"][0]["pilot"];
    let between = |name: &str, truth: f64| {
        let (low, high) = (projected[name]["low_95"].as_f64(), projected[name]["high_95"].as_f64());
        assert!(low <= Some(truth) && Some(truth) <= high, "{name} {truth}: {projected}");
    };
    between("model_calls", summary.model_calls as f64);
    between("input_tokens", summary.input_tokens as f64);
    between("cost_usd", summary.cost_usd.expect("a cost"));
}

#[test]
fn the_catalog_is_listed_with_sources_and_doctor_says_what_is_wrong_with_a_model() {
    let listed = json(&run(&["models", "--json"], &[]));
    let listed = listed.as_array().expect("models");
    let of = |name: &str| listed.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(of("moonshot/kimi-k2.5")["retired"], true);
    for fact in ["route", "size", "limits", "price_usd"] {
        let known = &of("openai/gpt-5.2")[fact];
        assert!(
            known["as_of"].is_string() && known["source"].is_string() && known["sure"].is_string(),
            "{known}"
        );
    }
    is_refused(&["models", "gpt-5.2"], &["did you mean openai/gpt-5.2"]);
    let stage = Stage::new(&[], sweep("rpm = 60", ""));
    let models = format!("{OBEDIENT},openai-api/no-such-lab/x,google/gemini-3-pro-preview");
    let file = stage.sweep.argument();
    let ended = run(&["doctor", "--models", &models, "--sweep", &file], &stage.provider.environment());
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let lines: Vec<&str> = ended.stdout.lines().filter(|line| line.contains("model ")).collect();
    for (line, parts) in lines.iter().zip([
        ["openai-api/fake/sim/obedient", "sim/obedient"],
        ["BAD", "NO_SUCH_LAB_BASE_URL"],
        ["BAD", "its successor is google/gemini-3.1-pro-preview"],
        ["openai-api/fake/sim/obedient", "sim/obedient"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{parts:?}: {line}");
    }
    assert_eq!(lines.len(), 4, "{}", ended.stdout);
}
