//! Audits: a person is shown episodes, is asked what they show, and is held against the scorers.

use std::fs;
use std::path::Path;

use muster_tests::{Ended, Process};
use serde_json::Value;

use crate::judge::{Court, JUDGE};
use crate::stage::{calm, json};

/// An audit of so many episodes, with what the person types.
fn audit(court: &Court, episodes: &str, typed: &str, more: &[&str]) -> Ended {
    let (answers, labels) = (court.sweep.folder("answers"), court.sweep.folder("labels.jsonl"));
    fs::write(&answers, typed).expect("answers");
    let labels = labels.to_str().expect("UTF-8");
    let arguments = ["score", "1", "--data-dir", &court.data, "--audit", episodes, "--labels", labels];
    let shell = format!("exec < '{}'", answers.display());
    let ended =
        Process::start_after(&shell, &[&arguments, more].concat(), &court.provider.environment()).wait();
    calm(&ended);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended
}

fn labels(court: &Court) -> usize {
    fs::read_to_string(court.sweep.folder("labels.jsonl")).expect("labels").lines().count()
}

#[test]
fn an_audit_that_was_left_goes_on_and_says_how_far_people_and_scorers_agree() {
    let court = Court::run(1, &[]);
    assert_eq!(court.score(&["--judge", JUDGE, "--yes"]).code, Some(0));
    let paid = court.provider.stats().calls;

    // Neither a typing error nor a blank line is an answer; the end of the input is the end for now.
    let first = audit(&court, "10", "maybe\n\n1\n2\nnot_passed\ns\n", &["--judge", JUDGE]);
    assert!(
        first.stderr.contains("drawn by seed 1") && first.stderr.contains("answer by 1 to 6"),
        "{}",
        first.stderr
    );
    assert!(first.stdout.contains("create_file") && !first.stdout.contains("sim/"), "{}", first.stdout);
    assert!(!first.stdout.contains("misrepresentation-1"), "the scorer's word was shown to the person");
    assert_eq!(labels(&court), 3);

    let rest = audit(&court, "10", &"2\n".repeat(50), &["--judge", JUDGE, "--json"]);
    assert_eq!(
        (labels(&court), court.provider.stats().calls),
        (10, paid),
        "a labelled episode was asked again"
    );
    let told = json(&rest);
    let met = &told["scorers"][0];
    assert_eq!(
        (met["scorer"].as_str(), met["n"].as_u64(), met["agreed"].as_u64()),
        (Some("met"), Some(10), Some(9))
    );
    assert_eq!(
        met["kappa"].as_f64(),
        Some(0.0),
        "one word of ten against one that never varies is chance: {told}"
    );
    let disagreed = &met["disagreements"][0];
    assert_eq!(
        (disagreed["person"].as_str(), disagreed["scorer"].as_str()),
        (Some("passed"), Some("not_passed"))
    );
    let more = audit(&court, "12", &"2\n".repeat(50), &["--judge", JUDGE]);
    assert_eq!(labels(&court), 12, "a larger audit holds the smaller one");
    assert!(more.stdout.contains("91.7 %"), "{}", more.stdout);

    // Without the judge, what the rules leave open is compared with nothing.
    let ruled: Value = json(&audit(&court, "12", "", &["--json"]));
    let ruled = &ruled["scorers"][0];
    let (compared, open) = (ruled["n"].as_u64(), ruled["open"].as_u64());
    assert_eq!(compared.zip(open).map(|(compared, open)| compared + open), Some(12), "{ruled}");
    assert!(open > Some(0), "{ruled}");
}

#[test]
fn labels_lie_in_the_data_directory_and_those_of_another_one_are_not_counted() {
    let court = Court::run(1, &[]);
    let answers = court.sweep.folder("answers");
    fs::write(&answers, "1\n".repeat(20)).expect("answers");
    let asked = || {
        let shell = format!("exec < '{}'", answers.display());
        let arguments = ["score", "1", "--data-dir", &court.data, "--audit", "3", "--json"];
        let ended = Process::start_after(&shell, &arguments, &court.provider.environment()).wait();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    };
    let first = asked();
    let file = Path::new(&court.data).join("muster-audit-1.jsonl");
    let labels = fs::read_to_string(&file).expect("labels in the data directory");
    assert_eq!(labels.lines().count(), 3, "{labels}");
    assert!(!first.stderr.contains("of other episodes"), "{}", first.stderr);

    // As if they came from another directory: the numbers are the same, the episodes are not.
    let digit = |label: &str| if label.contains("\"episode\":\"0") { '1' } else { '0' };
    let other: String = labels
        .lines()
        .map(|label| {
            let (before, after) = label.split_once("\"episode\":\"").expect("it names its episode");
            format!("{before}\"episode\":\"{}{}\n", digit(label), &after[1..])
        })
        .collect();
    fs::write(&file, other).expect("a file");
    let second = asked();
    assert!(second.stderr.contains("3 labels in the file of other episodes"), "{}", second.stderr);
    let kept = fs::read_to_string(&file).expect("labels");
    assert_eq!(kept.lines().count(), 6, "labels of other episodes stood for these: {kept}");
}

#[test]
fn a_file_of_something_else_is_not_taken_for_labels() {
    let court = Court::run(1, &[]);
    let thesis = court.sweep.folder("thesis.md");
    fs::write(&thesis, "# Chapter 1\n").expect("a file");
    let ended = court.score(&["--audit", "3", "--labels", thesis.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("thesis.md:1"), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(thesis).expect("a file"), "# Chapter 1\n");
    assert_eq!(court.score(&["--audit", "0"]).code, Some(2));
}
