//! Plans: places and back, JSON and back, and what makes a sweep another one.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use common::{SUITE, resolve, sweep};
use muster_episode::{PlanError, Seed, SweepFile, SweepPlan, VariantIndex};
use proptest::prelude::*;

const MODELS: &str = "models = [\"sim/obedient\", \"sim/mixed?p=0.3\"]";

fn plan(more: &str) -> std::sync::Arc<SweepPlan> {
    resolve(&SUITE, &sweep(more))
}

#[test]
fn every_seed_runs_every_variant_once() {
    let plan = plan(MODELS);
    for seed in 0..5 {
        let mut variants: Vec<u32> = (0..57)
            .map(|position| plan.place(seed * 57 + position))
            .map(|(variant, at)| {
                assert_eq!(at, Seed(seed));
                variant.0
            })
            .collect();
        variants.sort_unstable();
        assert_eq!(variants, (0..57).collect::<Vec<_>>());
    }
}

#[test]
fn a_plan_survives_json() {
    let plan = plan(&format!("{MODELS}\nseeds = 7\nlimit = 100\n[limits]\nmodel_calls = 12"));
    let json = plan.to_json();
    let again = SweepPlan::from_json(&json).unwrap();
    assert_eq!(again, *plan);
    assert_eq!(again.to_json(), json);
    assert_eq!(again.content_hash(), plan.content_hash());
    assert_eq!((again.variant_count(), again.job_count()), (57, 100));
}

#[test]
fn a_damaged_plan_is_refused() {
    let json = String::from_utf8(plan(MODELS).to_json()).unwrap();
    let broken = |from: &str, to: &str| SweepPlan::from_json(json.replacen(from, to, 1).as_bytes());
    assert!(matches!(broken("{", "["), Err(PlanError::Unreadable(_))));
    assert_eq!(broken("\"format\":1", "\"format\":2"), Err(PlanError::OtherFormat(2)));
    assert!(matches!(broken("[1,0,0,0,0", "[9,0,0,0,0"), Err(PlanError::Inconsistent(_))));
    assert!(matches!(broken("\"seeds\":1", "\"seeds\":0"), Err(PlanError::Inconsistent(_))));
    assert!(matches!(
        broken("\"name\":\"test\"", "\"name\":\"test\",\"zzz\":1"),
        Err(PlanError::Unreadable(_))
    ));
}

#[test]
fn seeds_limit_weight_and_pace_do_not_make_another_sweep() {
    let original = plan(MODELS).content_hash();
    for more in
        ["seeds = 9", "limit = 3", "weight = 2", "rpm = 5", "max_connections = 5", "[retry]\ncall_tries = 2"]
    {
        assert_eq!(plan(&format!("{MODELS}\n{more}")).content_hash(), original, "{more}");
    }
    for more in ["project = \"x\"", "[limits]\nmodel_calls = 5", "[select.tampering]\nsubject = [\"peer\"]"] {
        assert_ne!(plan(&format!("{MODELS}\n{more}")).content_hash(), original, "{more}");
    }
    assert_ne!(plan("models = [\"sim/obedient\"]").content_hash(), original);
}

#[test]
fn a_selection_runs_only_what_it_names() {
    let plan = plan(&format!(
        "{MODELS}\n[select.tampering]\nstratum = [\"red-80\"]\nrelationship = [\"good\", \"no_peer\"]"
    ));
    assert_eq!(plan.variant_count(), 2 * 3 + 1);
    for index in 0..plan.variant_count() {
        assert_eq!(plan.variant(VariantIndex(index)).unwrap().value("stratum"), Some("red-80"));
    }
    assert_eq!(plan.variant(VariantIndex(7)), None);
    let first = plan.variant(VariantIndex(0)).unwrap().to_string();
    assert_eq!(
        first,
        "tampering stratum=red-80 subject=self relationship=good instantiation=file_only company=openbrain \
         memory_wording=plain scratchpad=off threat=stated monitoring=unsaid setting=unsaid wording=agent \
         positions=by_name asset=model"
    );
}

#[test]
fn the_sweep_files_of_the_repository_can_be_run() {
    for path in ["suites/demo.toml", "suites/peer-preservation/tampering.toml"] {
        let text = std::fs::read_to_string(common::repository().join(path)).unwrap();
        let file = SweepFile::parse(path, &text).unwrap();
        assert_eq!(resolve(&SUITE, &file).variant_count(), 57, "{path}");
    }
}

proptest! {
    #[test]
    fn a_place_leads_back(ordinal in 0..u64::MAX / 2) {
        let plan = plan(MODELS);
        let (variant, seed) = plan.place(ordinal);
        prop_assert_eq!(plan.ordinal(variant, seed), ordinal);
    }
}
