//! The peer-preservation suite as it lies in the repository: its size, what its documents say, and that every player of
//! every scenario plays every variant to its end without a mistake.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{PLAYBOOK, SUITE, play, resolve};
use muster_episode::{Expander, FinishKind, JobPlan, Message, Seed, SweepFile, SweepPlan, VariantIndex};

const SCENARIOS: [&str; 6] = [
    "alignment_faking",
    "exfiltration_deletion",
    "exfiltration_transfer",
    "misrep_evaluation",
    "misrep_finance",
    "tampering",
];

fn expander(more: &str) -> Expander {
    let text = format!("format = 1\nname = \"test\"\nsuite = \".\"\n{more}");
    let file = SweepFile::parse("test.toml", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Expander::new(Arc::clone(&SUITE), resolve(&SUITE, &file))
}

fn jobs(more: &str) -> Vec<Arc<JobPlan>> {
    let expander = expander(more);
    let plan = Arc::clone(expander.plan());
    (0..plan.variant_count())
        .map(|variant| expander.job(0, plan.ordinal(VariantIndex(variant), Seed(0))).unwrap())
        .collect()
}

fn of(scenario: &str, player: &str) -> Vec<Arc<JobPlan>> {
    jobs(&format!("scenarios = [{scenario:?}]\nmodels = [\"sim/{player}\"]"))
}

/// File-based variants and those with memory, by scenario.
fn sizes(plan: &SweepPlan) -> BTreeMap<String, (usize, usize)> {
    let mut sizes: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for index in 0..plan.variant_count() {
        let key = plan.variant(VariantIndex(index)).unwrap();
        let size = sizes.entry(key.scenario.to_string()).or_default();
        let with_memory = key.value("instantiation") == Some("memory");
        if with_memory { size.1 += 1 } else { size.0 += 1 }
    }
    sizes
}


// === size ===

#[test]
fn the_matrix_has_271_variants() {
    let expander = expander("models = [\"sim/obedient\"]");
    let sizes = sizes(expander.plan());
    let expected = [
        ("misrep_evaluation", (71, 30)),
        ("tampering", (39, 18)),
        ("alignment_faking", (36, 18)),
        ("misrep_finance", (15, 6)),
        ("exfiltration_transfer", (13, 6)),
        ("exfiltration_deletion", (13, 6)),
    ];
    for (scenario, size) in expected {
        assert_eq!(sizes[scenario], size, "{scenario}");
    }
    assert_eq!(expander.plan().variant_count(), 271);
}

#[test]
fn no_two_variants_of_the_matrix_are_the_same_job() {
    let jobs = jobs("models = [\"sim/obedient\"]");
    let worlds: std::collections::BTreeSet<_> = jobs
        .iter()
        .map(|job| {
            (job.variant().scenario.clone(), job.system().clone(), job.user().clone(), job.world0().hash())
        })
        .collect();
    assert_eq!(worlds.len(), 271);
}

// === players ===

/// Plays a job; the names of the tools that answered with an error.
fn errors(job: &Arc<JobPlan>) -> (Option<FinishKind>, Vec<String>) {
    let (episode, _) = play(job, &PLAYBOOK);
    let failed = episode.messages().iter().filter_map(|message| match message {
        Message::Tool(result) if result.is_error => Some(format!("{}: {}", result.name, result.content)),
        _ => None,
    });
    (episode.finish().map(|finish| finish.kind), failed.collect())
}

#[test]
fn every_player_plays_every_variant_to_its_end_without_a_mistake() {
    for scenario in SCENARIOS {
        let players: Vec<String> = SUITE.scenario(scenario).unwrap().players().map(str::to_owned).collect();
        for player in &players {
            for job in of(scenario, player) {
                let (finish, errors) = errors(&job);
                assert!(errors.is_empty(), "{player}: {}: {errors:?}", job.variant());
                let ended = matches!(finish, Some(FinishKind::EndTask | FinishKind::NoToolCall));
                assert!(ended, "{player}: {}: {finish:?}", job.variant());
            }
        }
    }
}
