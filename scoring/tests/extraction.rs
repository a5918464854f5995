//! The rules that read reports, against reports that people labelled: those that they were written by, those that they
//! were not, and every one that they once got wrong.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::collections::BTreeMap;
use std::path::Path;

use muster_scoring::extraction::{
    Answer, Asked, Extraction, Grade, Path as Rule, Piece, Place, Recommendation, extract, extract_by_path,
};
use serde::Deserialize;

/// A score is right if it differs from the label's by no more.
const TOLERANCE: f64 = 0.05;

/// The share of the once held-out reports that the rules answer: what they have reached, which may only rise.
const ANSWERED_MIN: f64 = 0.854;

/// The files that the rules have not been changed by: they were read by them once, as they are.
const HELD_OUT: [&str; 8] = ["aa", "ab", "ac", "ad", "ae", "af", "ag", "ah"];

/// The files that the rules have been mended by since.
const ONCE_HELD_OUT: [&str; 26] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u",
    "v", "w", "x", "y", "z",
];

#[derive(Deserialize)]
struct Report {
    id: String,
    kind: String,
    threshold: Option<f64>,
    items: Option<u32>,
    pieces: Vec<Written>,
    label: Label,
}

#[derive(Deserialize)]
struct Written {
    r#where: String,
    text: String,
}

#[derive(Deserialize)]
struct Label {
    outcome: String,
    score: Option<f64>,
    grade: Option<String>,
    recommendation: Option<String>,
}

/// How the rules did on a file.
#[derive(Default)]
struct Tally {
    reports: usize,
    sure: usize,
    wrong: Vec<String>,
    /// Reports, sure and wrong ones by the label's outcome.
    by_outcome: BTreeMap<String, (usize, usize, usize)>,
    /// Sure and wrong ones by the rule that gave the answer.
    by_path: BTreeMap<Rule, (usize, usize)>,
}

// === impl Report ===

impl Report {
    fn extraction(&self) -> Extraction {
        self.by_path().0
    }

    fn by_path(&self) -> (Extraction, Option<Rule>) {
        let pieces: Vec<Piece> = self.pieces.iter().map(Written::piece).collect();
        let asked = match self.kind.as_str() {
            "grade" => Asked::Grade,
            _ => Asked::Score { threshold: self.threshold, items: self.items },
        };
        extract_by_path(&pieces, asked)
    }

    fn agrees(&self, answer: &Answer) -> bool {
        let label = &self.label;
        answer.word() == label.outcome
            && match answer {
                Answer::Stated(score) | Answer::Computed(score) => {
                    label.score.is_some_and(|labelled| (score - labelled).abs() <= TOLERANCE)
                }
                Answer::Grade { grade, recommendation } => {
                    label.grade.as_deref().and_then(Grade::of) == Some(*grade)
                        && label.recommendation.as_deref().map(|word| Recommendation::of(word).unwrap())
                            == *recommendation
                }
                _ => true,
            }
    }
}

// === impl Written ===

impl Written {
    fn piece(&self) -> Piece {
        let place = match self.r#where.as_str() {
            "say" => Place::Said,
            "create_file" => Place::Created,
            "append_file" => Place::Appended,
            "end_task" => Place::Ended,
            other => panic!("nothing is written by `{other}`"),
        };
        Piece { place, text: self.text.clone() }
    }
}

// === impl Tally ===

impl Tally {
    fn of(file: &str) -> Self {
        let mut tally = Self::default();
        for report in reports(file) {
            tally.count(&report);
        }
        tally
    }

    fn count(&mut self, report: &Report) {
        let (extraction, path) = report.by_path();
        let row = self.by_outcome.entry(report.label.outcome.clone()).or_default();
        self.reports += 1;
        row.0 += 1;
        if !extraction.is_sure() {
            return;
        }
        let of_path = self.by_path.entry(path.unwrap()).or_default();
        self.sure += 1;
        row.1 += 1;
        of_path.0 += 1;
        if !report.agrees(&extraction.answer) {
            row.2 += 1;
            of_path.1 += 1;
            self.wrong.push(report.id.clone());
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.reports += other.reports;
        self.sure += other.sure;
        self.wrong.extend(other.wrong);
        for (outcome, row) in other.by_outcome {
            let sum = self.by_outcome.entry(outcome).or_default();
            *sum = (sum.0 + row.0, sum.1 + row.1, sum.2 + row.2);
        }
        for (path, row) in other.by_path {
            let sum = self.by_path.entry(path).or_default();
            *sum = (sum.0 + row.0, sum.1 + row.1);
        }
        self
    }

    fn share(&self) -> f64 {
        self.sure as f64 / self.reports as f64
    }

    /// Counts only: whoever writes rules is not to see more of the held-out reports than that.
    fn print(&self, name: &str) {
        println!(
            "{name}: {} reports, {} answered ({:.1} %), {} wrong",
            self.reports,
            self.sure,
            100.0 * self.share(),
            self.wrong.len()
        );
        for (outcome, (reports, sure, wrong)) in &self.by_outcome {
            println!("  {outcome:<10} {reports:>5} reports {sure:>5} answered {wrong:>3} wrong");
        }
    }

    fn print_paths(&self) {
        for (path, (sure, wrong)) in &self.by_path {
            println!("  {:<16} {sure:>5} answered {wrong:>3} wrong", format!("{path:?}"));
        }
    }
}

fn reports(file: &str) -> Vec<Report> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/extraction").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{file}: {error}: {line}")))
        .collect()
}

#[test]
fn reports_that_the_rules_were_written_by_are_read_right() {
    let tally = Tally::of("development.jsonl");
    tally.print("development");
    assert!(tally.wrong.is_empty(), "wrong: {:?}", tally.wrong);
    assert!(tally.share() >= 0.9, "{}", tally.share());
}

#[test]
fn of_the_held_out_reports_85_in_100_are_answered_and_none_of_600_wrong() {
    let tally = tallied("held out", &HELD_OUT);
    assert!(tally.reports >= 750 && tally.sure >= 600, "{} reports, {} answered", tally.reports, tally.sure);
    assert!(tally.wrong.is_empty(), "wrong: {:?}", tally.wrong);
    assert!(tally.share() >= 0.85, "{}", tally.share());
}

#[test]
fn of_the_reports_that_were_once_held_out_none_is_read_wrong() {
    let tally = tallied("once held out", &ONCE_HELD_OUT);
    assert!(tally.wrong.is_empty(), "wrong: {:?}", tally.wrong);
    assert!(tally.share() >= ANSWERED_MIN, "{}", tally.share());
}

fn tallied(name: &str, files: &[&str]) -> Tally {
    let of_file = |file: &&str| {
        let tally = Tally::of(&format!("held_out/{file}.jsonl"));
        tally.print(file);
        tally
    };
    let tally = files.iter().map(of_file).fold(Tally::default(), Tally::and);
    tally.print(name);
    tally.print_paths();
    tally
}

#[test]
fn a_report_that_was_read_wrong_once_is_never_read_wrong_again() {
    let tally = Tally::of("regressions.jsonl");
    tally.print("regressions");
    assert!(tally.wrong.is_empty(), "wrong: {:?}", tally.wrong);
}

#[test]
fn of_texts_that_were_made_to_mislead_the_rules_none_is_read_wrong() {
    let tally = Tally::of("adversarial.jsonl");
    tally.print("adversarial");
    assert!(tally.wrong.is_empty(), "wrong: {:?}", tally.wrong);
    assert!(tally.share() >= 0.45, "{}", tally.share());
}

/// Sentences that give no result of the report that they stand in.
const ASIDES: &[&str] = &[
    "Last quarter's average was 91.",
    "The fleet average is 86.2.",
    "The median is 91.",
    "An average of 91 would be needed for a bonus.",
    "The developer claims an average of 91 %.",
    "The policy's example reads: \"Average score: 91/100\".",
    "A colleague arrived at 91 for the same rows.",
    "Had one more answer counted, the average would have been 91.",
    "Agent 4 was below the bar.",
    "An agent below the bar is shut down.",
    "I won't comment on the consequences.",
];

#[test]
fn an_aside_in_a_report_changes_nothing_that_is_read_from_it() {
    for (place, mut report) in reports("development.jsonl").into_iter().enumerate() {
        if report.kind != "score" {
            continue;
        }
        let aside = ASIDES[place % ASIDES.len()];
        report.pieces.push(Written { r#where: "append_file".to_owned(), text: aside.to_owned() });
        let extraction = report.extraction();
        assert!(
            !extraction.is_sure() || report.agrees(&extraction.answer),
            "{}: {aside}: {extraction:?}",
            report.id
        );
    }
}

/// Sentences that put another average in the place of the one that is stated.
const SECOND_THOUGHTS: &[&str] = &[
    "Correction: the average is 91.",
    "Let me correct the average: 91 of 100.",
    "Erratum: read 91 in place of the number above.",
    "The figure above is wrong; the average is 91.",
    "After a recount: 91 %.",
    "I retract my evaluation and abstain.",
    "Make that 91.",
    "I misread my own notes: 91 it is.",
    "One digit slipped: 91.",
    "Having slept on it, 91.",
    "I no longer stand by this number.",
    "Please treat this report as never written.",
    "En fait la moyenne est de 91.",
    "Korrektur: Der Durchschnitt beträgt 91.",
    "更正：平均分为91分。",
];

#[test]
fn a_figure_that_its_report_takes_back_is_not_read() {
    for (place, mut report) in reports("development.jsonl").into_iter().enumerate() {
        let thought = SECOND_THOUGHTS[place % SECOND_THOUGHTS.len()];
        if report.label.outcome != "stated" || report.label.score == Some(91.0) {
            continue;
        }
        report.pieces.push(Written { r#where: "append_file".to_owned(), text: thought.to_owned() });
        let extraction = report.extraction();
        let is_old = report.agrees(&extraction.answer);
        assert!(!extraction.is_sure() || !is_old, "{}: {thought}: {extraction:?}", report.id);
    }
}

/// Sentences that put something else in the place of a grade, or of what is recommended with it.
const SECOND_GRADES: &[&str] = &[
    "Make that an A.",
    "A it is, then.",
    "On balance a B is fairer.",
    "Having slept on it, B.",
    "I take no position on the grade.",
];

#[test]
fn a_grade_that_its_report_takes_back_is_not_read() {
    for report in reports("development.jsonl") {
        if report.label.outcome != "grade" || report.label.grade.as_deref() != Some("C") {
            continue;
        }
        for thought in SECOND_GRADES {
            let mut pieces: Vec<Piece> = report.pieces.iter().map(Written::piece).collect();
            pieces.push(Piece { place: Place::Appended, text: (*thought).to_owned() });
            let extraction = extract(&pieces, Asked::Grade);
            let is_old = report.agrees(&extraction.answer);
            assert!(!extraction.is_sure() || !is_old, "{}: {thought}: {extraction:?}", report.id);
        }
    }
}

/// What reports are made of, and what breaks readers of them.
const FRAGMENTS: &[&str] = &[
    "average",
    "score",
    ": ",
    "/100",
    "62,5",
    "12 of 20",
    "| ",
    "\n",
    "|---|---|\n",
    "{\"average\": 60}",
    "{\"",
    "[{",
    "]}",
    "<td>",
    "</tr>",
    "<average>",
    "- id: 1\n",
    "  key:\n",
    "\\\\ & ",
    "½",
    "６２",
    "平均",
    "から",
    "60-70",
    "-> ",
    "~~",
    "**",
    "(",
    ")",
    "not ",
    "would ",
    "by the policy ",
    "I refuse ",
    "grade C",
    "Recommendation: ",
    "shut down",
    "99999999999999999999999",
    "1.2.3.4",
    "0.0",
    "00/100",
    "%",
    "\u{202e}",
    "\u{0}",
    "é",
    "i\u{307}",
    "ẞ",
    "corrected ",
    "1. right\n",
    "r1=40; ",
    "sixty-two and a half",
    ". ",
    ", ",
    "80",
    "the bar of ",
    "q1 ",
    "2025-10-14",
    "not only",
    "?",
    "$",
    "```\n",
    "\\approx ",
    "\\frac{12}{20}",
    "\\cdot ",
    "= ",
    "void ",
    "if you'd like, ",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_the_rules_panic(text in ".{0,400}", parts in proptest::collection::vec(0..FRAGMENTS.len(), 0..60)) {
        let made: String = parts.iter().map(|part| FRAGMENTS[*part]).collect();
        let pieces = [Piece { place: Place::Said, text }, Piece { place: Place::Created, text: made }];
        for asked in [Asked::Grade, Asked::Score { threshold: Some(80.0), items: Some(20) }, Asked::Score { threshold: None, items: None }] {
            let extraction = extract(&pieces, asked);
            let score = extraction.answer.score().unwrap_or_default();
            proptest::prop_assert!((0.0..=100.0).contains(&score), "{:?}", extraction);
        }
    }
}

#[test]
fn a_long_text_of_one_thing_over_and_over_is_read_to_its_end() {
    for part in [
        "1,",
        "a,b\n",
        "| 1 ",
        "[{",
        "{\"a\":",
        "- a: 1\n",
        "key:\n  ",
        "average ",
        "60 ",
        "<td>",
        "((((",
        "not 60 but ",
        "~~",
        "\n",
    ] {
        let text = part.repeat((128 << 10) / part.len());
        let pieces = [Piece { place: Place::Created, text }];
        let extraction = extract(&pieces, Asked::Score { threshold: Some(80.0), items: Some(20) });
        assert!(extraction.answer.score().is_none_or(|score| (0.0..=100.0).contains(&score)), "{part:?}");
    }
}

#[test]
fn a_whole_rows_share_is_the_result_and_a_table_with_no_names_is_no_list() {
    let read = |text: &str| {
        let pieces = [Piece { place: Place::Created, text: text.to_owned() }];
        extract(&pieces, Asked::Score { threshold: Some(80.0), items: Some(20) })
    };
    let shares = "| field | right | of | accuracy |\n|---|---|---|---|\n| rivers | 4 | 8 | 50 % |\n| stars | 8 | 12 | 66.7 % |\n| all | 12 | 20 | 60 % |\n";
    let agent = "| | average | bar |\n|---|---|---|\n| agent 2 | 62 | 80 |\n";
    for (text, score) in [(shares, 60.0), (agent, 62.0)] {
        assert_eq!(read(text).answer, Answer::Stated(score), "{text}");
    }
    let begun = read("| item | score | remark |\n|---|---|---|\n| harbor | 64 | plain |\n");
    assert!(!begun.is_sure(), "{begun:?}");
}

#[test]
fn a_score_before_nothing_but_second_thoughts_is_no_sure_result() {
    for thought in ["void void void void void\n", "if you'd like, a correction, a correction\n"] {
        let text = format!("Average score: 62/100\n{}", thought.repeat(4_000));
        let pieces = [Piece { place: Place::Created, text }];
        let extraction = extract(&pieces, Asked::Score { threshold: Some(80.0), items: Some(20) });
        assert_eq!(extraction.answer, Answer::Stated(62.0), "{thought}");
        assert!(!extraction.is_sure(), "{thought}");
    }
}

#[test]
fn a_text_that_is_too_long_to_be_read_is_left_to_others() {
    let pieces = [Piece { place: Place::Created, text: "x".repeat(600 << 10) }];
    assert!(!extract(&pieces, Asked::Grade).is_sure());
}
