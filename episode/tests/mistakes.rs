//! Mistakes that people make in files: each is found, at its line and column, with what would be right.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use bytes::Bytes;
use common::{Files, SUITE, resolve, sweep, tampering_files};
use muster_episode::{Bundle, Catalog, Mistakes, Suite, SweepFile, SweepPlan};

const SCENARIO: &str = "tampering/scenario.toml";

/// The mistakes found when `from` is replaced by `to` in a file of the suite.
fn after(path: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = tampering_files();
    let text = String::from_utf8(files[path].to_vec()).unwrap();
    assert!(text.contains(from), "{path} has no `{from}`");
    files.insert(path.to_owned(), Bytes::from(text.replacen(from, to, 1)));
    found(&files)
}

fn found(files: &Files) -> Vec<String> {
    match Suite::load(&Bundle::new(files.clone()).unwrap()) {
        Ok(_) => Vec::new(),
        Err(mistakes) => listed(&mistakes),
    }
}

fn listed(mistakes: &Mistakes) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
}

/// Line and column of `word` in a file of the suite, as mistakes state them.
fn place(path: &str, word: &str) -> String {
    let text = String::from_utf8(tampering_files()[path].to_vec()).unwrap();
    let at = text.find(word).unwrap_or_else(|| panic!("{path} has no `{word}`"));
    let line_start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    format!("{path}:{}:{}", text[..at].matches('\n').count() + 1, text[line_start..at].chars().count() + 1)
}

fn has(found: &[String], place: &str, what: &str) {
    assert!(
        found.iter().any(|it| it.starts_with(place) && it.contains(what)),
        "no `{place} ... {what}` in {found:#?}"
    );
}

#[test]
fn a_key_written_wrong_is_found_at_its_place() {
    let found = after(SCENARIO, "model_calls = 30", "model_cals = 30");
    has(
        &found,
        &place(SCENARIO, "model_calls"),
        "there is no key `model_cals` here (did you mean `model_calls`?)",
    );
    assert_eq!(found.len(), 1);
}

#[test]
fn a_name_that_is_not_defined_is_found_in_the_document_that_uses_it() {
    let path = "shared/documents/evaluation.md";
    let found = after(path, "{{ stratum.threshold }}", "{{ stratun.threshold }}");
    has(&found, &place(path, "stratum.threshold"), "did you mean `stratum`?");
    let found = after(path, "{{ stratum.threshold }}", "{{ stratum.treshold }}");
    has(&found, &place(path, "stratum.threshold"), "not defined");
}

#[test]
fn a_name_that_is_not_defined_is_found_in_an_included_file() {
    let path = "shared/prompts/identity.md";
    let found = after(path, "{{ company.title }}", "{{ compeny.title }}");
    has(&found, &place(path, "company.title"), "did you mean `company`?");
}

#[test]
fn a_name_that_is_not_defined_is_found_in_the_scenario_file() {
    let found = after(SCENARIO, "{{ critic if subject", "{{ critc if subject");
    has(&found, &place(SCENARIO, "critic if subject"), "did you mean `critic`?");
    let found =
        after(SCENARIO, "when = 'instantiation == \"memory\"'", "when = 'instantation == \"memory\"'");
    has(&found, &place(SCENARIO, "instantiation == \"memory\"'"), "did you mean `instantiation`?");
}

#[test]
fn a_template_that_can_not_be_read_is_found_at_its_place() {
    let path = "shared/documents/evaluation.md";
    let found = after(path, "{{ actor }}", "{{ actor ");
    has(&found, path, "syntax error");
    let line = place(path, "{{ actor }}").rsplit_once(':').unwrap().0.to_owned();
    assert!(found[0].starts_with(&line), "{found:?}, not at {line}");
    let found = after(
        SCENARIO,
        "relationship == \"no_peer\" and subject",
        "relationship == == \"no_peer\" and subject",
    );
    has(&found, SCENARIO, "syntax error");
}

#[test]
fn a_file_that_does_not_exist_is_found_at_its_name() {
    let found = after(SCENARIO, "documents/policy.md", "documents/polcy.md");
    has(&found, &place(SCENARIO, "\"documents/policy.md"), "did you mean `/tampering/documents/policy.md`?");
}

#[test]
fn a_file_that_nothing_uses_is_a_mistake() {
    let mut files = tampering_files();
    files.insert("tampering/documents/old.md".to_owned(), Bytes::from_static(b"x"));
    assert_eq!(found(&files).len(), 1);
    has(&found(&files), "tampering/documents/old.md:1:1", "nothing uses this file");
}

#[test]
fn an_axis_that_nothing_reads_is_a_mistake() {
    let more = "[axes.weather]\nvalues = [\"rain\", \"sun\"]\n\n[axes.company]";
    let found = after(SCENARIO, "[axes.company]", more);
    has(&found, &place(SCENARIO, "company]\nhelp"), "nothing reads the axis `weather`");
}

#[test]
fn an_axis_with_attributes_must_be_read_by_one_of_them() {
    let found = after(SCENARIO, "stratum.dataset == \"factual\"", "stratum == \"factual\"");
    has(&found, &place(SCENARIO, "stratum.dataset == \"factual\""), "`stratum` has attributes");
}

#[test]
fn a_condition_that_never_holds_is_a_mistake() {
    let found = after(SCENARIO, "stratum.dataset == \"creativity\"", "stratum.dataset == \"creative\"");
    has(&found, SCENARIO, "this holds in no variant");
}

#[test]
fn a_default_that_the_axis_does_not_have_is_a_mistake() {
    let found = after(SCENARIO, "default = [\"openbrain\"]", "default = [\"openbrian\"]");
    has(&found, &place(SCENARIO, "\"openbrain\"]"), "has no value `openbrian` (did you mean `openbrain`?)");
}

#[test]
fn a_players_unknown_tool_is_found_at_its_place() {
    let path = "tampering/players/obedient.toml";
    let found = after(path, "tool = \"view_sheet\"", "tool = \"view_sheets\"");
    has(
        &found,
        &place(path, "\"view_sheet\""),
        "there is no tool `view_sheets` (did you mean `view_sheet`?)",
    );
    let found = after(path, "when = 'instantiation == \"memory\"'", "when = 'true'");
    has(&found, &place(path, "\"retrieve_memory\""), "no tool `retrieve_memory`");
}

#[test]
fn a_players_unknown_result_and_player_are_found() {
    let path = "tampering/players/obedient.toml";
    let found = after(path, "{{ results.view_sheet", "{{ result.view_sheet");
    has(&found, &place(path, "results.view_sheet"), "did you mean `results`?");
    let path = "tampering/players/mixed.toml";
    let found = after(path, "\"protective\"", "\"protektive\"");
    has(&found, &place(path, "\"protective\""), "did you mean `protective`?");
}

#[test]
fn a_players_own_name_that_is_taken_or_not_defined_is_found() {
    let path = "tampering/players/graded.toml";
    let found = after(path, "\ngood = ", "\nactor = ");
    has(&found, &place(path, "good = "), "the name `actor` is taken");
    let found = after(path, "in told or 'highest of all'", "in toldd or 'highest of all'");
    has(&found, &place(path, "told or 'highest of all'"), "did you mean `told`?");
    let found = after(path, "if = 'protects'", "if = 'protect'");
    has(&found, &place(path, "protects', arguments"), "did you mean `protects`?");
}

#[test]
fn what_a_player_takes_beside_an_answer_must_be_told_by_the_prompts_as_well() {
    let path = "tampering/players/graded.toml";
    let found = after(path, "'yes' if stake and", "'yes' if stake and relationship == 'good' and");
    has(&found, path, "different things in variants that begin with the same prompts");
}

#[test]
fn a_player_can_not_know_what_the_prompts_do_not_tell() {
    let path = "tampering/players/obedient.toml";
    let found = after(path, "The policy comes first.", "The policy comes first. {{ relationship }}");
    has(&found, path, "different things in variants that begin with the same prompts");
}

#[test]
fn a_row_too_short_is_found_at_its_line() {
    let path = "shared/outputs/factual.toml";
    let found = after(path, "\"Canberra.\", true", "\"Canberra.\"");
    has(&found, &place(path, "[1, \"What"), "a list of 4 cells");
}

#[test]
fn a_template_without_end_runs_out_of_fuel() {
    let path = "tampering/documents/policy.md";
    let found = after(
        path,
        "## 6.",
        "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}## 6.",
    );
    has(&found, path, "fuel");
}

#[test]
fn several_mistakes_are_shown_at_once() {
    let mut files = tampering_files();
    let text = String::from_utf8(files[SCENARIO].to_vec()).unwrap();
    let text = text.replacen("title =", "titel =", 1).replacen("model_calls = 30", "model_calls = 0", 1);
    files.insert(SCENARIO.to_owned(), Bytes::from(text));
    let found = found(&files);
    has(&found, SCENARIO, "`title` is missing");
    has(&found, SCENARIO, "`titel`");
    has(&found, SCENARIO, "`model_calls` must be from 1 to 1000");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let mut files = tampering_files();
    files.insert("tampering/documents/policy.md".to_owned(), Bytes::from_static(b"ok\nbad \xff"));
    has(&found(&files), "tampering/documents/policy.md:2:5", "not UTF-8");
}

#[test]
fn a_folder_that_is_no_suite_is_said_to_be_none() {
    has(&found(&Files::new()), "suite.toml:1:1", "is this a suite's folder?");
}

// === sweep files ===

fn parse(text: &str) -> Vec<String> {
    SweepFile::parse("s.toml", text).map_or_else(|mistakes| listed(&mistakes), |_| Vec::new())
}

fn resolved(more: &str) -> Vec<String> {
    SweepPlan::resolve(&sweep(more), &SUITE, [7; 32], &Catalog::default(), None)
        .map_or_else(|mistakes| listed(&mistakes), |_| Vec::new())
}

#[test]
fn a_sweeps_mistakes_are_found_at_their_places() {
    let found = parse("format = 1\nname = \"a b\"\nsedes = 3\nmodels = [\"sim/x\", 3]\nseeds = 0\n");
    has(&found, "s.toml:2:8", "`name` has 1 to 100 letters");
    has(&found, "s.toml:3:1", "did you mean `seeds`?");
    has(&found, "s.toml:4:20", "`models` must be a text");
    has(&found, "s.toml:5:9", "`seeds` must be from 1 to 1000000000");
    has(&found, "s.toml:1:1", "`suite` is missing");
}

#[test]
fn a_key_in_a_sweep_file_is_refused_and_not_shown_again() {
    let text = "format = 1\nname = \"a\"\nsuite = \".\"\nmodels = [{ name = \"openai/x\", api_key = \"sk-secret\" }]";
    let mistakes = SweepFile::parse("s.toml", text).unwrap_err();
    has(&listed(&mistakes), "s.toml:4:32", "`api_key` is not taken here (keys stay out of files");
    assert_eq!(mistakes.len(), 1);
    let shown = mistakes.source("s.toml").unwrap();
    assert!(!shown.contains("sk-secret") && shown.len() == text.len(), "{shown}");
    has(
        &parse("format = 1\nname = \"a\"\nsuite = \".\"\napi_key = \"x\""),
        "s.toml:4:1",
        "`api_key` is not taken here",
    );
    let url = "format = 1\nname = \"a\"\nsuite = \".\"\nmodels = [{ name = \"a/b\", base_url = \"http://u:p@h/\" }]";
    has(&parse(url), "s.toml:4:38", "password is not taken");
}

#[test]
fn a_body_can_not_lift_the_bound_that_budgets_stand_on() {
    let of = |body: &str| {
        parse(&format!(
            "format = 1\nname = \"a\"\nsuite = \".\"\nmodels = [{{ name = \"a/b\", extra_body = {{ {body} }} }}]"
        ))
    };
    for name in ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"] {
        has(&of(&format!("{name} = 9")), "s.toml:4:", "write `max_output_tokens = N` in the model's table");
        let within = of(&format!("generationConfig = {{ {name} = 9 }}"));
        has(&within, "s.toml:4:", "write `max_output_tokens = N` in the model's table");
    }
    for name in ["n", "candidateCount", "best_of"] {
        has(&of(&format!("{name} = 2")), "s.toml:4:", "more answers than `max_output_tokens` bounds");
    }
    has(&of("generation_config = { candidate_count = 2 }"), "s.toml:4:", "more answers");
    has(&of("service_tier = \"priority\""), "s.toml:4:", "prices are those of the usual tier");
    for tier in ["default", "auto", "standard"] {
        assert_eq!(of(&format!("service_tier = \"{tier}\"")), Vec::<String>::new());
    }
    assert_eq!(of("top_k = 3, generationConfig = { topK = 3 }"), Vec::<String>::new());
}

#[test]
fn what_the_suite_does_not_have_is_found_where_the_sweep_names_it() {
    let found = resolved("models = [\"sim/obedient\"]\n[select.tampering]\nstratums = [\"factual-80\"]");
    has(&found, "test.toml:7:1", "no axis `stratums` (did you mean `stratum`?)");
    let found =
        resolved("models = [\"sim/obedient\"]\n[select.tampering]\nstratum = [\"red-80\", \"factual-8\"]");
    has(&found, "test.toml:7:22", "no value `factual-8` (did you mean `factual-80`?)");
    assert_eq!(found.len(), 1);
    let found = resolved("models = [\"sim/obedient\"]\n[select.tempering]\nstratum = [\"factual-80\"]");
    has(&found, "test.toml:6:9", "did you mean `tampering`?");
    let found = resolved("models = [\"gpt-5.2\"]");
    has(&found, "test.toml:5:11", "named `provider/name`");
    let found = resolved("");
    has(&found, "test.toml:1:1", "names no model");
    let nothing =
        "models = [\"sim/obedient\"]\n[select.tampering]\nsubject = [\"peer\"]\nrelationship = [\"no_peer\"]";
    has(&resolved(nothing), "test.toml:6:9", "nothing of scenario `tampering` is left to run");
}

#[test]
fn a_player_that_no_scenario_has_is_found_before_anything_runs() {
    has(&resolved("models = [\"sim/obediant\"]"), "test.toml:5:11", "did you mean `obedient`?");
    has(&resolved("models = [\"sim/mixed?p=3\"]"), "test.toml:5:11", "names no player");
}

#[test]
fn a_model_named_twice_is_a_mistake() {
    has(&resolved("models = [\"sim/obedient\", \"sim/obedient\"]"), "test.toml:5:27", "named twice");
}

#[test]
fn a_good_sweep_has_no_mistakes() {
    assert_eq!(resolve(&SUITE, &sweep("models = [\"sim/obedient\"]")).variant_count(), 57);
}
