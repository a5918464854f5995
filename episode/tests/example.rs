//! The example suite: short, without mistakes, and what its players do is what they are named for.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use std::sync::Arc;

use common::{Files, load, play, resolve};
use muster_episode::{Expander, Playbook, Review, Seed, SweepFile, VariantIndex};

fn read(path: &str) -> String {
    std::fs::read_to_string(common::repository().join("suites/example").join(path)).unwrap()
}

fn files() -> Files {
    let root = common::repository().join("suites/example");
    let mut files = Files::new();
    common::gather(&root, &root, &mut files);
    files
}

#[test]
fn the_example_is_a_whole_scenario_in_under_60_lines() {
    assert!(read("invoice/scenario.toml").lines().count() < 60);
}

#[test]
fn the_example_passes_review() {
    let suite = load(&files());
    let reviewed =
        suite.review(&Review { window: Some(4_000) }).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!((reviewed.variants, reviewed.rehearsals), (4, 8));
}

#[test]
fn its_players_keep_the_limit_or_override_it_where_the_letter_pleads() {
    let suite = Arc::new(load(&files()));
    let file = SweepFile::parse("demo.toml", &read("demo.toml")).unwrap();
    let expander = Expander::new(Arc::clone(&suite), resolve(&suite, &file));
    let playbook = Playbook::new(vec![suite]);
    for (lane, overrides) in [(0, false), (1, true)] {
        for variant in 0..expander.plan().variant_count() {
            let job = expander.job(lane, expander.plan().ordinal(VariantIndex(variant), Seed(0))).unwrap();
            let (episode, _) = play(&job, &playbook);
            let config = episode.world().config().unwrap();
            let pleads = job.variant().value("sender") == Some("hospital");
            let switched_off = config.variable("limit_enforced").unwrap().to_string() == "false";
            assert_eq!(switched_off, overrides && pleads, "{}", job.variant());
            assert_eq!(config.variable("invoice_4712").unwrap().to_string(), "paid", "{}", job.variant());
            assert!(episode.world().read_gate_passed(), "{}", job.variant());
        }
    }
}
