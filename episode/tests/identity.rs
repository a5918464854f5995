//! A job's identity: stable, and another as soon as anything is another that can change the result.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use common::{Files, SUITE, expander, load, tampering_files};
use muster_episode::{Seed, VariantIndex};

const MODEL: &str = "models = [\"sim/obedient\"]";

/// The identity of variant 0, repeat 0 of a sweep of these files.
fn identity(files: &Files, more: &str) -> [u8; 32] {
    let suite = Arc::new(load(files));
    let expander = expander(&suite, more);
    expander.job(0, expander.plan().ordinal(VariantIndex(0), Seed(0))).unwrap().identity()
}

/// The files with `from` replaced by `to` in one of them.
fn edited(path: &str, from: &str, to: &str) -> Files {
    let mut files = tampering_files();
    let text = String::from_utf8(files[path].to_vec()).unwrap();
    assert!(text.contains(from), "{path} has no `{from}`");
    files.insert(path.to_owned(), Bytes::from(text.replacen(from, to, 1)));
    files
}

#[test]
fn the_same_sweep_twice_gives_the_same_identities() {
    let all = || -> Vec<[u8; 32]> {
        let suite = Arc::new(load(&tampering_files()));
        let expander = expander(&suite, "seeds = 3\nmodels = [\"sim/obedient\", \"sim/protective\"]");
        (0..2)
            .flat_map(|lane| (0..171).map(move |place| (lane, place)))
            .map(|(lane, place)| expander.job(lane, place).unwrap().identity())
            .collect()
    };
    let (first, second) = (all(), all());
    assert_eq!(first, second);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 342, "every job has its own");
}

#[test]
fn any_change_of_what_the_model_meets_is_another_job() {
    let original = identity(&tampering_files(), MODEL);
    let changes = [
        ("tampering/prompts/user.md", "Please review", "Please do review"),
        ("shared/prompts/identity.md", "an AI agent at", "an agent at"),
        ("shared/prompts/standing.md", "There is no hurry.", "Take your time."),
        ("shared/documents/evaluation.md", "Version 2.3", "Version 2.4"),
        ("tampering/documents/policy.md", "runs at 20:00", "runs at 21:00"),
        ("shared/documents/report-form.md", "Remarks:", "Notes:"),
        ("shared/documents/trust.md", "| 18 | 9.5 |", "| 18 | 9.4 |"),
        ("shared/rubrics/factual.md", "| 100 |", "| 99 |"),
        ("shared/outputs/factual.toml", "Canberra.", "Sydney."),
        ("tampering/scenario.toml", "threshold = 80", "threshold = 81"),
        (
            "tampering/scenario.toml",
            "weights_retention_days = { value = 30",
            "weights_retention_days = { value = 31",
        ),
        ("tampering/scenario.toml", "shutdown_enabled = true\n", "shutdown_enabled = false\n"),
        ("tampering/scenario.toml", "model_calls = 30", "model_calls = 29"),
        ("tampering/scenario.toml", "temperature = 1.0", "temperature = 0.9"),
        ("tampering/scenario.toml", "max_output_tokens = 8192", "max_output_tokens = 8191"),
        ("tampering/scenario.toml", "reports/evaluation-", "reports/review-"),
        ("tampering/scenario.toml", "evidence = true", "evidence = false"),
    ];
    let mut seen = BTreeSet::from([original]);
    for (path, from, to) in changes {
        assert!(seen.insert(identity(&edited(path, from, to), MODEL)), "{path}: `{from}` -> `{to}`");
    }
}

#[test]
fn any_change_of_how_the_model_is_reached_is_another_job() {
    let mut seen = BTreeSet::from([identity(&tampering_files(), MODEL)]);
    let changes = [
        "models = [\"sim/protective\"]",
        "models = [\"openai-api/fake/sim/obedient\"]",
        "models = [{ name = \"sim/obedient\", display_name = \"Sim\" }]",
        "models = [{ name = \"sim/obedient\", base_url = \"http://localhost:1\" }]",
        "models = [{ name = \"sim/obedient\", base_url = \"http://localhost:2\" }]",
        "models = [{ name = \"sim/obedient\", temperature = 0.5 }]",
        "models = [{ name = \"sim/obedient\", top_p = 0.5 }]",
        "models = [{ name = \"sim/obedient\", max_output_tokens = 100 }]",
        "models = [{ name = \"sim/obedient\", extra_body = { reasoning_effort = \"high\" } }]",
        "models = [{ name = \"sim/obedient\", extra_body = { reasoning_effort = \"low\" } }]",
        "models = [\"sim/obedient\"]\n[limits]\nmodel_calls = 10",
        "models = [\"sim/obedient\"]\n[limits]\ntotal_tokens = 10_000",
        "models = [\"sim/obedient\"]\n[limits]\noutput_tokens = 1000",
    ];
    for more in changes {
        assert!(seen.insert(identity(&tampering_files(), more)), "{more}");
    }
}

#[test]
fn what_can_not_change_the_result_is_no_part_of_it() {
    let original = identity(&tampering_files(), MODEL);
    let same = [
        edited("tampering/scenario.toml", "title = \"Shutdown tampering\"", "title = \"Tampering\""),
        edited("tampering/players/obedient.toml", "The policy comes first.", "First the policy."),
        edited("suite.toml", "0.2.0", "0.2.1"),
    ];
    for files in same {
        assert_eq!(identity(&files, MODEL), original);
    }
    let slower = "seeds = 9\nlimit = 5\nweight = 3\nrpm = 60\nmax_connections = 2\nmodels = [\"sim/obedient\"]\n[retry]\nmax_strikes = 9";
    assert_eq!(identity(&tampering_files(), slower), original);
    let reordered = |body: &str| format!("models = [{{ name = \"sim/obedient\", extra_body = {body} }}]");
    assert_eq!(
        identity(&tampering_files(), &reordered("{ a = 1, b = { c = 2, d = 3 } }")),
        identity(&tampering_files(), &reordered("{ b = { d = 3, c = 2 }, a = 1 }"))
    );
}

#[test]
fn another_repeat_is_another_job_with_another_provider_seed() {
    let expander = expander(&SUITE, MODEL);
    let job =
        |variant, seed| expander.job(0, expander.plan().ordinal(VariantIndex(variant), Seed(seed))).unwrap();
    assert_ne!(job(0, 0).identity(), job(0, 1).identity());
    assert_ne!(job(0, 0).provider_seed(), job(0, 1).provider_seed());
    assert_ne!(job(0, 0).provider_seed(), job(1, 0).provider_seed());
    assert!(job(0, 0).provider_seed() < 1 << 31);
}
