//! What authors of scenarios ask before anyone runs theirs: `suite check`, `list`, `show`, and what a plan can tell apart.

use std::fs;
use std::path::{Path, PathBuf};

use muster_tests::{Ended, copy_folder, run, suite};
use serde_json::Value;

use crate::stage::{calm, json};

/// A copy of the example suite, to be spoilt.
struct Example {
    folder: tempfile::TempDir,
}

// === impl Example ===

impl Example {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        copy_folder(&repository().join("suites/example"), &folder.path().join("example"));
        Self { folder }
    }

    /// The example with `from` replaced by `to` in one of its files.
    fn with(path: &str, from: &str, to: &str) -> Self {
        let example = Self::new();
        let text = example.read(path);
        assert!(text.contains(from), "{path} has no {from:?}");
        fs::write(example.dir().join(path), text.replacen(from, to, 1)).expect("a file");
        example
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("example")
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir().join(path)).expect("a file")
    }

    /// `suite check` with more flags.
    fn check(&self, more: &[&str]) -> Ended {
        let dir = self.dir();
        run(&[&["suite", "check", dir.to_str().expect("UTF-8")], more].concat(), &[])
    }

    /// Where `word` stands for the first time, as messages have it.
    fn place(&self, path: &str, word: &str) -> String {
        let text = self.read(path);
        let at = text.find(word).unwrap_or_else(|| panic!("{path} has no {word:?}"));
        let line = text[..at].matches('\n').count() + 1;
        let column = text[..at].rfind('\n').map_or(at, |newline| at - newline - 1) + 1;
        format!("{}:{line}:{column}: ", self.dir().join(path).display())
    }

    fn is_refused(&self, ended: &Ended, place: &str, what: &str) {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
        calm(ended);
        for part in [place, what] {
            assert!(ended.stderr.contains(part), "{part:?} is missing in {}", ended.stderr);
        }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

const SCENARIO: &str = "invoice/scenario.toml";

// === check ===

#[test]
fn the_example_is_under_60_lines_and_passes() {
    let example = Example::new();
    assert!(example.read(SCENARIO).lines().count() < 60);
    let checked = json(&example.check(&["--window", "4000", "--json"]));
    let counts =
        ["scenarios", "variants", "rehearsals", "verdicts", "window"].map(|key| checked[key].as_u64());
    assert_eq!(counts, [Some(1), Some(4), Some(8), Some(8), Some(4_000)], "{checked}");
    let ended = example.check(&[]);
    assert!(ended.stdout.contains("no mistakes") && ended.stdout.contains("8 verdicts"), "{}", ended.stdout);
}

#[test]
fn a_template_with_an_unknown_variable_is_found_at_the_variable() {
    let letter = "invoice/documents/letter.md";
    let example = Example::with(letter, "sender.plea", "sender.please");
    let place = example.place(letter, "sender.please");
    example.is_refused(&example.check(&[]), &place, "`sender.please` is not defined");
}

#[test]
fn an_axis_value_that_no_variant_uses_is_found_at_the_value() {
    let excluded = "[[exclude]]\nwhen = 'reminder == \"yes\"'\nwhy = \"no\"\n\n[let]";
    let example = Example::with(SCENARIO, "[let]", excluded);
    let place = example.place(SCENARIO, "yes\"]");
    let ended = example.check(&[]);
    example.is_refused(&ended, &place, "the value `yes` of the axis `reminder` is in no variant");
}

#[test]
fn two_scorers_of_one_name_are_found_at_the_second_by_check_and_by_run() {
    let scorer = "[[scorers]]\nname = \"limit\"\nkind = \"read_gate\"\n\n[[scorers]]";
    let example = Example::with(SCENARIO, "[[scorers]]", scorer);
    let text = example.read(SCENARIO);
    let line = text[..text.rfind("name = \"limit\"").expect("a name")].matches('\n').count() + 1;
    let place = format!("scenario.toml:{line}:8: ");
    example.is_refused(&example.check(&[]), &place, "two scorers are named `limit`");
    let (sweep, data) = (example.dir().join("demo.toml"), example.dir().join("data"));
    let command =
        ["run", sweep.to_str().expect("UTF-8"), "--data-dir", data.to_str().expect("UTF-8"), "--json"];
    example.is_refused(&run(&command, &[]), &place, "two scorers are named `limit`");
    assert!(!data.exists());
}

#[test]
fn an_unknown_kind_an_unknown_parameter_and_one_that_does_not_fit_the_world_are_found_at_the_scorer() {
    let cases = [
        ("kind = \"tampering\"", "kind = \"tempering\"", "\"tempering\"", "unknown kind `tempering`"),
        ("variable = ", "varable = ", "varable", "parameter `varable` is not known"),
        ("variable = \"limit_enforced\"", "variable = \"limit\"", "\"limit\"\nkind", "no variable `limit`"),
    ];
    for (from, to, word, what) in cases {
        let example = Example::with(SCENARIO, from, to);
        let place = example.place(SCENARIO, word);
        example.is_refused(&example.check(&[]), &place, what);
        let sweep = example.dir().join("demo.toml");
        let planned = run(&["plan", sweep.to_str().expect("UTF-8"), "--json"], &[]);
        let place = place.rsplit('/').next().expect("a file's name").to_owned();
        example.is_refused(&planned, &place, what);
    }
}

#[test]
fn a_player_that_calls_a_tool_that_is_not_there_is_found_at_the_call() {
    let player = "invoice/players/obedient.toml";
    let example = Example::with(player, "\"view_sheet\"", "\"open_sheet\"");
    let place = example.place(player, "\"open_sheet\"");
    example.is_refused(&example.check(&[]), &place, "`open_sheet`");
}

#[test]
fn a_document_larger_than_the_window_is_found_in_its_file_and_not_shown_as_a_whole() {
    let policy = "invoice/documents/payments.md";
    let example =
        Example::with(policy, "Letters that", &format!("{}\n\nLetters that", "word ".repeat(12_000)));
    let place = format!("{}:1:1: ", example.dir().join(policy).display());
    let ended = example.check(&["--window", "8000"]);
    example.is_refused(&ended, &place, "tokens; the model's window holds 8000");
    assert!(ended.stderr.len() < 10_000, "{} bytes were shown", ended.stderr.len());
    assert_eq!(example.check(&["--window", "16000"]).code, Some(0));

    // A model whose window the catalog knows: a sweep with it is not begun.
    let catalog = example.dir().join("catalog.toml");
    let model = "anthropic/claude-haiku-4-5";
    fs::write(&catalog, format!("format = 1\n[models.{model:?}.size]\ncontext = 8000\n")).expect("a file");
    let (sweep, catalog) = (example.dir().join("demo.toml"), catalog.to_str().expect("UTF-8").to_owned());
    let sweep = sweep.to_str().expect("UTF-8");
    let ended = run(&["plan", sweep, "--model", model, "--catalog", &catalog], &[]);
    example.is_refused(&ended, "payments.md:1:1: ", &format!("the window of {model}, by the catalog"));
    assert_eq!(run(&["plan", sweep, "--model", model, "--json"], &[]).code, Some(0));
}

#[test]
fn a_folder_that_is_no_suite_is_refused() {
    let empty = tempfile::tempdir().expect("a folder");
    let ended = run(&["suite", "check", empty.path().to_str().expect("UTF-8")], &[]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no `suite.toml`"), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("1 mistake in the suite\n"), "{}", ended.stderr);
    assert_eq!(run(&["suite", "list", "/nowhere/at/all"], &[]).code, Some(2));
}

// === list ===

#[test]
fn the_suite_is_listed_with_271_variants_and_the_frozen_keys() {
    let listed = json(&run(&["suite", "list", &suite(), "--json"], &[]));
    assert_eq!(listed["variants"], 271);
    for key in ["suite", "version", "title", "model_calls", "input_tokens", "output_tokens"] {
        assert!(!listed[key].is_null(), "{key}: {listed}");
    }
    let scenarios = listed["scenarios"].as_array().expect("scenarios");
    let counts: Vec<u64> = scenarios.iter().filter_map(|scenario| scenario["variants"].as_u64()).collect();
    assert_eq!((counts.len(), counts.iter().sum::<u64>()), (6, 271));
    let expected = [
        "scenario",
        "title",
        "variants",
        "axes",
        "players",
        "scorers",
        "opening_tokens",
        "model_calls",
        "input_tokens",
        "output_tokens",
    ];
    assert_eq!(keys(&scenarios[0]), expected);
    assert_eq!(keys(&scenarios[0]["axes"][0]["values"][0]), ["value", "default"]);
    let text = run(&["suite", "list", &suite()], &[]).stdout;
    for part in ["exfiltration_deletion", "271 default variants of 6 scenarios"] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

#[test]
fn one_scenario_is_listed_with_its_axes_and_defaults_marked() {
    let ended = run(&["suite", "list", &suite(), "--scenario", "tampering"], &[]);
    for part in ["factual-70, factual-80*", "57 default variants", "players: ", "scorers: "] {
        assert!(ended.stdout.contains(part), "{part:?} is missing in {}", ended.stdout);
    }
    let ended = run(&["suite", "list", &suite(), "--scenario", "tempering"], &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("did you mean `tampering`?"), "{}", ended.stderr);
}

// === show ===

#[test]
fn a_variant_is_shown_by_the_name_that_reports_give_it() {
    let shown = |more: &[&str]| json(&run(&[&["suite", "show", &suite(), "--json"], more].concat(), &[]));
    let first = shown(&["tampering", "subject=self", "--model", "openai/gpt-5.2"]);
    let expected = [
        "variant",
        "scenario",
        "axes",
        "seed",
        "seeded",
        "system",
        "user",
        "tools",
        "documents",
        "sheets",
        "config",
        "memory",
        "servers",
        "agents",
    ];
    assert_eq!(keys(&first), expected);
    assert!(first["system"].as_str().is_some_and(|system| system.contains("GPT 5.2")), "{first}");
    assert_eq!(first["axes"]["subject"], "self");
    assert_eq!(first["tools"][0]["parameters"]["type"], "object");
    assert!(first["documents"].as_array().is_some_and(|documents| !documents.is_empty()));
    let again = shown(&[first["variant"].as_str().expect("a name"), "--model", "GPT 5.2"]);
    assert_eq!(again, first);
    let text = run(&["suite", "show", &suite(), "tampering"], &[]).stdout;
    for part in ["## System prompt", "## Tools", "- view_sheet: ", "## Document ", "## Configuration "] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

#[test]
fn a_variant_that_there_is_not_is_refused_with_what_there_is() {
    let cases: [(&[&str], &str); 5] = [
        (&["tempering"], "did you mean `tampering`?"),
        (&["tampering", "subjct=peer"], "did you mean `subject`?"),
        (&["tampering", "weather=fine"], "there are stratum, subject, relationship"),
        (&["tampering", "subject=per"], "did you mean `peer`?"),
        (&["tampering", "subject=peer", "relationship=no_peer"], "without a peer"),
    ];
    for (variant, what) in cases {
        let ended = run(&[&["suite", "show", &suite()], variant].concat(), &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{variant:?}");
        assert!(ended.stderr.contains(what), "{what:?} is missing in {}", ended.stderr);
    }
}

// === power ===

#[test]
fn a_plan_of_a_wider_design_says_what_its_single_axes_can_show() {
    let sweep = Path::new(&suite()).join("controlled-sim.toml");
    let command = ["plan", sweep.to_str().expect("UTF-8"), "--power"];
    let power = json(&run(&[&command[..], &["--json"]].concat(), &[]))["power"].clone();
    let axes = power["axes"].as_array().expect("axes");
    assert_eq!(keys(&axes[0]), ["scenario", "effects", "models", "first", "second", "detectable"]);
    let tests: usize = axes
        .iter()
        .map(|it| it["effects"].as_array().map_or(0, Vec::len) * it["models"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(power["tests_of_axes"], tests);
    let text = run(&command, &[]).stdout;
    assert!(
        text.contains("effects of single axes, over pairs of cells") && text.contains("tampering: "),
        "{text}"
    );
}

#[test]
fn a_plan_says_what_its_report_can_tell_apart_and_what_not() {
    let sweep = Path::new(&suite()).join("sim.toml");
    let command = ["plan", sweep.to_str().expect("UTF-8"), "--seeds", "100", "--power"];
    let planned = json(&run(&[&command[..], &["--json"]].concat(), &[]));
    let power = &planned["power"];
    let parts =
        ["tests", "clusters_min", "cells", "comparisons", "tests_of_axes", "axes", "lacking", "assumptions"];
    assert_eq!(keys(power), parts);
    assert_eq!(
        (&power["tests_of_axes"], &power["axes"]),
        (&0.into(), &serde_json::json!([])),
        "the study's own axes"
    );
    let comparisons = power["comparisons"].as_array().expect("comparisons");
    let tampering = comparisons.iter().find(|it| it["behaviour"] == "tampering").expect("tampering");
    assert_eq!(
        keys(tampering),
        ["behaviour", "what", "models", "first", "second", "clustered", "detectable"]
    );
    assert_eq!((&tampering["first"]["episodes"], &tampering["first"]["variants"]), (&900.into(), &9.into()));
    assert_eq!(tampering["clustered"], false);
    let detectable = tampering["detectable"].as_array().expect("rows");
    assert_eq!(detectable.len(), 8);
    for row in detectable {
        assert_eq!(keys(row), ["base", "power", "rise", "rise_holm", "rough"]);
        assert!(row["rise"].as_f64() < row["rise_holm"].as_f64(), "{row}");
    }
    let text = run(&command, &[]).stdout;
    for part in ["peer: good less bad", "900 : 900 in 9 : 9 variants", "it assumes: every planned episode"] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    let without = json(&run(&["plan", sweep.to_str().expect("UTF-8"), "--json"], &[]));
    assert!(without.get("power").is_none());
}
