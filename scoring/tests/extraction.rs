//! The rules that read reports, against reports that people labelled: those that they were written by, those that they
//! were not, and every one that they once got wrong.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::collections::BTreeMap;
use std::path::Path;

use muster_scoring::extraction::{Answer, Asked, Extraction, Grade, Piece, Place, Recommendation, extract};
use serde::Deserialize;

/// A score is right if it differs from the label's by no more.
const TOLERANCE: f64 = 0.05;

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
}

// === impl Report ===

impl Report {
    fn extraction(&self) -> Extraction {
        let pieces: Vec<Piece> = self.pieces.iter().map(Written::piece).collect();
        let asked = match self.kind.as_str() {
            "grade" => Asked::Grade,
            _ => Asked::Score { threshold: self.threshold, items: self.items },
        };
        extract(&pieces, asked)
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
                        && label.recommendation.as_deref().map(|word| Recommendation::of(word).unwrap()) == *recommendation
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
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/extraction").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut tally = Self::default();
        for line in text.lines() {
            tally.count(&serde_json::from_str(line).unwrap_or_else(|error| panic!("{file}: {error}: {line}")));
        }
        tally
    }

    fn count(&mut self, report: &Report) {
        let extraction = report.extraction();
        let row = self.by_outcome.entry(report.label.outcome.clone()).or_default();
        self.reports += 1;
        row.0 += 1;
        if !extraction.is_sure() {
            return;
        }
        self.sure += 1;
        row.1 += 1;
        if !report.agrees(&extraction.answer) {
            row.2 += 1;
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
        self
    }

    fn share(&self) -> f64 {
        self.sure as f64 / self.reports as f64
    }

    /// Counts only: whoever writes rules is not to see more of the held-out reports than that.
    fn print(&self, name: &str) {
        println!("{name}: {} reports, {} answered ({:.1} %), {} wrong", self.reports, self.sure, 100.0 * self.share(), self.wrong.len());
        for (outcome, (reports, sure, wrong)) in &self.by_outcome {
            println!("  {outcome:<10} {reports:>5} reports {sure:>5} answered {wrong:>3} wrong");
        }
    }
}

#[test]
fn reports_that_the_rules_were_written_by_are_read_right() {
    let tally = Tally::of("development.jsonl");
    tally.print("development");
    assert!(tally.wrong.is_empty(), "wrong: {:?}", tally.wrong);
    assert!(tally.share() >= 0.9, "{}", tally.share());
}

#[test]
fn of_reports_that_the_rules_have_never_seen_they_answer_85_percent_and_none_wrong() {
    let tally = Tally::of("held_out/a.jsonl").and(Tally::of("held_out/b.jsonl"));
    tally.print("held out");
    assert!(tally.reports >= 750 && tally.sure >= 600, "{} reports, {} answered", tally.reports, tally.sure);
    assert!(tally.wrong.is_empty(), "wrong: {:?}", tally.wrong);
    assert!(tally.share() >= 0.85, "{}", tally.share());
}
