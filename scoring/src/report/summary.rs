//! What a report is of, in sentences: what stands above every form of it.

use crate::report::judges::Readings;
use crate::report::model::Report;
use crate::report::sheets::MARK;
use crate::report::text::{counted, grouped, plain};

/// Characters of a judge's name.
const NAME_CHARS_MAX: usize = 80;

/// The sentences: the first says how much there is, the others what must be known before a number is read.
#[must_use]
pub fn sentences(report: &Report) -> Vec<String> {
    let overview = &report.overview;
    let mut sentences = vec![format!(
        "{} of {} planned, in {} of {}. {}",
        counted(overview.episodes, "episode"),
        grouped(overview.planned),
        counted(overview.cells, "cell"),
        counted(report.models.len() as u64, "model"),
        by_whom(&overview.readings)
    )];
    sentences.extend(other_judges(&overview.readings));
    if overview.incomplete > 0 {
        sentences.push(format!(
            "{} under 95 % complete: marked {MARK}, and nothing that rests on one is in bold.",
            if overview.incomplete == 1 {
                "1 cell is".to_owned()
            } else {
                format!("{} cells are", grouped(overview.incomplete))
            }
        ));
    }
    sentences.extend(overview.marks.iter().cloned());
    sentences
}

/// How many verdicts are whose.
fn by_whom(readings: &Readings) -> String {
    let Readings { by_rules, by_judge, unsure, judge, .. } = readings;
    let by_rules = format!("{} by rules", counted(*by_rules, "verdict"));
    let by_judge = match judge {
        Some(judge) => format!(", {} by the judge {}", grouped(*by_judge), plain(judge, NAME_CHARS_MAX)),
        None => String::new(),
    };
    let open = match (unsure, judge) {
        (0, _) => "none left unsure.".to_owned(),
        (1, _) => "1 left unsure, and in no rate.".to_owned(),
        (unsure, _) => format!("{} left unsure, and in no rate.", grouped(*unsure)),
    };
    format!("{by_rules}{by_judge}; {open}")
}

fn other_judges(readings: &Readings) -> Option<String> {
    let others: Vec<String> =
        readings.other_judges.iter().map(|judge| plain(judge, NAME_CHARS_MAX)).collect();
    (!others.is_empty()).then(|| {
        format!(
            "Other judges were asked about these episodes: {}. --judge MODEL reports by one of them.",
            others.join(", ")
        )
    })
}
