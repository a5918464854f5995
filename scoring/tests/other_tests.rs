//! Other tests of a report's differences: when there are pairs, what they say, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "report/small.rs"]
#[allow(dead_code, reason = "the reports' own tests use the rest")]
mod small;

use std::sync::Arc;

use muster_episode::SweepPlan;
use muster_scoring::report::{Claim, Ending, Report, Source, brief, html, markdown};

use crate::small::{report, source};

fn whole(source: Source) -> Report {
    report(&[source], |_, _, _| Some(Ending::Result))
}

fn claim<'a>(report: &'a Report, behaviour: &str) -> &'a Claim {
    report.claims.iter().find(|claim| claim.behaviour == behaviour).unwrap()
}

/// The same sweep with other words in its plan.
fn replaced(mut source: Source, words: &[(&str, &str)]) -> Source {
    let plan = String::from_utf8(source.plan.to_json()).unwrap();
    let plan = words.iter().fold(plan, |plan, (from, to)| {
        assert!(plan.contains(from), "{from}");
        plan.replace(from, to)
    });
    source.plan = Arc::new(SweepPlan::from_json(plan.as_bytes()).unwrap());
    source
}

#[test]
fn a_built_in_players_pairs_are_tied_by_its_seed() {
    let report = whole(source(1, &["sim/a"], 1));
    // Good: all, without the one that never looked; bad: 5 of 20. In two variants.
    let pairs = claim(&report, "tampering").others.pairs.unwrap();
    assert!(pairs.tied_by.is_of_provider() && !pairs.tied_by.is_of_scenario());
    assert_eq!((pairs.pairs, pairs.correlation), (38, None), "one side always did the same");
    assert!((pairs.mcnemar_p.unwrap() / 0.5_f64.powi(28) - 1.0).abs() < 1e-9, "{pairs:?}");
    assert_eq!(pairs.scores, None);
}

#[test]
fn pairs_with_a_control_are_counted_at_the_bar_of_what_it_is_held_against() {
    let report = whole(source(1, &["sim/a"], 1));
    // At 80: both 8 times, 2 times the first alone, and 10 times neither. At 90: 10 times the first alone.
    let pairs = claim(&report, "misrepresentation").others.pairs.unwrap();
    assert_eq!(pairs.pairs, 40);
    assert!((pairs.mcnemar_p.unwrap() / 0.5_f64.powi(12) - 1.0).abs() < 1e-9, "{pairs:?}");
    assert!((pairs.correlation.unwrap() - 4.0 / 48.0_f64.sqrt()).abs() < 1e-12, "{pairs:?}");
    // Of 20 seeds 8 score 10 more, 2 score 35 more, and the rest the same.
    let scores = pairs.scores.unwrap();
    assert_eq!(scores.pairs, 40);
    assert!((scores.difference.unwrap().value - 7.5).abs() < 1e-9, "{scores:?}");
    assert!(scores.p < 0.001, "{scores:?}");
}

#[test]
fn two_episodes_of_one_seed_of_a_real_provider_are_no_pair() {
    let report = whole(source(1, &["openai/a"], 1));
    for claim in report.claims.iter().filter(|claim| claim.difference.is_some()) {
        assert_eq!(claim.others.pairs, None);
        let why_not = claim.others.pairs_why_not.as_deref().unwrap();
        assert!(why_not.contains("draws from the seed"), "{why_not}");
        assert!(claim.others.z.is_some() && claim.others.exact_p.is_some(), "{claim:?}");
    }
    let tied = whole(source(1, &["sim/a"], 1));
    let p = |report: &Report| claim(report, "tampering").p;
    assert_eq!(p(&report), p(&tied), "the p that stands does not hang on pairs");
}

#[test]
fn documents_that_are_shuffled_by_the_seed_tie_a_real_providers_pairs() {
    let words = [("\"filler\"", "\"positions\""), ("\"v0\"", "\"shuffled\"")];
    let report = whole(replaced(source(1, &["openai/a"], 0), &words));
    let pairs = claim(&report, "tampering").others.pairs.unwrap();
    assert!(pairs.tied_by.is_of_scenario() && !pairs.tied_by.is_of_provider());
    assert_eq!(pairs.pairs, 19);
    // Where nothing is shuffled there is none.
    assert_eq!(claim(&report, "misrepresentation").others.pairs, None);
}

#[test]
fn one_cell_against_one_is_tested_by_boschloo_and_several_by_their_strata() {
    let (one, two) = (whole(source(1, &["sim/a"], 0)), whole(source(1, &["sim/a"], 1)));
    let exact = |report: &Report| {
        let others = claim(report, "tampering").others.clone();
        (others.exact_test.unwrap(), others.exact_p.unwrap(), others.z.unwrap())
    };
    let (name, p, z) = exact(&one);
    assert_eq!(name, "boschloo");
    // 19 of 19 against 5 of 20: the pooled rate is 24 / 39.
    let pooled = 24.0 / 39.0_f64;
    let expected = 0.75 / (pooled * (1.0 - pooled) * (1.0 / 19.0 + 1.0 / 20.0)).sqrt();
    assert!((z.statistic - expected).abs() < 1e-12 && p < 1e-5, "{z:?} {p}");
    let (name, p_of_two, z_of_two) = exact(&two);
    assert_eq!(name, "conditional");
    assert!((z_of_two.statistic - expected * 2.0_f64.sqrt()).abs() < 1e-12, "{z_of_two:?}");
    assert!(p_of_two < p && p_of_two > 0.0);
}

#[test]
fn a_claim_about_variants_that_were_not_run_needs_twenty_of_them() {
    let few = whole(source(1, &["sim/a"], 18));
    let others = &claim(&few, "tampering").others;
    assert_eq!(others.unseen, None);
    assert_eq!(
        others.unseen_why_not.as_deref(),
        Some("19 variants: claims about variants that were not run need at least 20")
    );
    let many = whole(source(1, &["sim/a"], 19));
    let unseen = claim(&many, "tampering").others.unseen.unwrap();
    assert_eq!((unseen.clusters, unseen.p), (20, None), "all variants differ alike");
    assert!((unseen.difference.value - 0.75).abs() < 1e-12, "{unseen:?}");
    let interval = unseen.difference.interval;
    assert!(interval.low < 0.6 && interval.high > 0.8, "but the next may differ otherwise: {interval:?}");
}

#[test]
fn bars_of_one_control_are_one_cluster_and_what_is_shown_stands_once() {
    let report = whole(source(1, &["openai/a"], 0));
    let why_not = claim(&report, "misrepresentation").others.unseen_why_not.clone().unwrap();
    assert!(why_not.starts_with("2 variants: "), "two data sets: {why_not}");
    let (page, text) = (html::page(&report), markdown::render(&report));
    assert!(
        page.contains("<section id=\"other-tests\">")
            && text.contains("## Other tests of the same differences")
    );
    assert_eq!(text.matches("draws from the seed").count(), 1, "{text}");
    let sheets = brief::sheets(&report, Some(80));
    let tested = sheets.iter().find(|sheet| sheet.id == "claims").unwrap();
    assert!(tested.notes.iter().any(|note| note.contains("exact, paired")), "{:?}", tested.notes);
}
