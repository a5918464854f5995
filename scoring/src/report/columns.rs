//! The models of a report, and what they are called. The same model, asked in the same way over the same suite, is one
//! column, however many sweeps ran it; whatever differs in any of that is a column of its own and says so in its name.
//!
//! Programs get a model's whole name. People get its display name, where no other model of the report has it, for a whole
//! name may say how a player draws, in a hundred characters.

use muster_episode::{MODEL_NAME_BYTES_MAX, ModelPlan};

use crate::report::source::{LaneUse, Source};
use crate::report::text;
use crate::tables::ModelName;

/// Characters of a name in tables and charts.
const SHOWN_CHARS_MAX: usize = 36;

/// Characters of a suite's hash in a name.
const HASH_CHARS: usize = 8;

/// See the module.
pub(super) struct Column {
    pub(super) label: ModelName,
    pub(super) display_name: String,
    /// As the sweep has it, for commands.
    pub(super) name: String,
    /// The hash of its suite, in hexadecimal digits.
    pub(super) suite: String,
    pub(super) sweeps: Vec<u64>,
    pub(super) used: LaneUse,
    identity: String,
}

// === impl Column ===

impl Column {
    /// A lane's column, without any sweep yet.
    fn new(source: &Source, model: &ModelPlan) -> Self {
        Self {
            label: ModelName::plain(&text::plain(&model.name, MODEL_NAME_BYTES_MAX)),
            display_name: text::plain(&model.display_name, SHOWN_CHARS_MAX),
            name: model.name.to_string(),
            suite: source.suite(),
            sweeps: Vec::new(),
            used: LaneUse { cost_usd: Some(0.0), ..LaneUse::default() },
            identity: identity(source, model),
        }
    }

    /// The column of a lane among these, which is made if there is none.
    pub(super) fn of(columns: &mut Vec<Self>, source: &Source, lane: usize) -> usize {
        let own = Self::new(source, &source.plan.models()[lane]);
        let place =
            columns.iter().position(|column| column.identity == own.identity).unwrap_or(columns.len());
        if place == columns.len() {
            columns.push(own);
        }
        let used = source.lane(u32::try_from(lane).unwrap_or(u32::MAX));
        let column = &mut columns[place];
        column.sweeps.push(source.sweep);
        column.used = column.used.plus(used);
        place
    }

    /// Gives each its name, once all are there.
    pub(super) fn name_all(columns: &mut [Self]) {
        let suffixes: Vec<String> = columns.iter().map(|column| column.suffix(columns)).collect();
        let mut shown: Vec<String> = columns.iter().map(|column| column.short(columns)).collect();
        for (name, suffix) in shown.iter_mut().zip(&suffixes) {
            name.push_str(suffix);
        }
        let numbered: Vec<String> =
            (1..).zip(&shown).map(|(place, name)| numbered(place, name, &shown)).collect();
        for ((column, suffix), shown) in columns.iter_mut().zip(suffixes).zip(numbered) {
            let whole = format!("{}{suffix}", column.label.whole());
            column.label = ModelName::new(whole, shown);
        }
    }

    /// What tells it from the others of its name: the suite where that differs, else the sweep.
    fn suffix(&self, columns: &[Self]) -> String {
        let others =
            || columns.iter().filter(|other| other.name == self.name && other.identity != self.identity);
        let mut parts = Vec::new();
        if others().any(|other| other.suite != self.suite) {
            parts.push(format!("suite {}", self.suite.get(..HASH_CHARS).unwrap_or(&self.suite)));
        }
        if others().any(|other| other.suite == self.suite) {
            let sweeps: Vec<String> = self.sweeps.iter().map(u64::to_string).collect();
            parts.push(format!("sweep {}", sweeps.join(", ")));
        }
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    }

    /// The display name if it is of this model alone, else the name, cut where it is long.
    fn short(&self, columns: &[Self]) -> String {
        let is_anothers = |other: &Self| {
            other.name != self.name
                && (other.display_name == self.display_name || other.name == self.display_name)
        };
        if !self.display_name.is_empty() && !columns.iter().any(is_anothers) {
            return self.display_name.clone();
        }
        text::plain(&self.name, SHOWN_CHARS_MAX)
    }
}

/// A name that others have too, with its place in the list of models.
fn numbered(place: usize, name: &str, all: &[String]) -> String {
    if all.iter().filter(|other| *other == name).count() > 1 {
        format!("{name} #{place}")
    } else {
        name.to_owned()
    }
}

/// All that can change what a model answers.
fn identity(source: &Source, model: &ModelPlan) -> String {
    let how = (model.temperature, model.top_p, model.max_output_tokens, &model.extra_body, &model.base_url);
    format!(
        "{:?} {:?} {:?} {how:?} {:?} {:?}",
        source.plan.bundle(),
        model.name,
        model.display_name,
        model.dialect,
        source.plan.limits()
    )
}

// === impl LaneUse ===

impl LaneUse {
    /// Both together.
    fn plus(self, other: Self) -> Self {
        Self {
            jobs: self.jobs + other.jobs,
            results: self.results + other.results,
            failed: self.failed + other.failed,
            quarantined: self.quarantined + other.quarantined,
            cancelled: self.cancelled + other.cancelled,
            model_calls: self.model_calls + other.model_calls,
            retries: self.retries + other.retries,
            rate_limited: self.rate_limited + other.rate_limited,
            paid_twice: self.paid_twice + other.paid_twice,
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
            cost_usd: self.cost_usd.zip(other.cost_usd).map(|(mine, its)| mine + its),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, display_name: &str, suite: &str, sweep: u64) -> Column {
        Column {
            label: ModelName::plain(name),
            display_name: display_name.to_owned(),
            name: name.to_owned(),
            suite: suite.to_owned(),
            sweeps: vec![sweep],
            used: LaneUse::default(),
            identity: format!("{name} {suite} {sweep}"),
        }
    }

    fn names(mut columns: Vec<Column>) -> Vec<(String, String)> {
        Column::name_all(&mut columns);
        columns.iter().map(|it| (it.label.whole().to_owned(), it.label.shown().to_owned())).collect()
    }

    #[test]
    fn a_display_name_is_shown_where_it_is_of_one_model_alone() {
        let names = names(vec![
            column("openai/gpt-5.2", "GPT 5.2", "a", 1),
            column("sim/obedient", "Sim", "a", 1),
            column("sim/mixed?p=0.3", "Sim", "a", 1),
        ]);
        let shown: Vec<&str> = names.iter().map(|(_, shown)| &**shown).collect();
        assert_eq!(shown, ["GPT 5.2", "sim/obedient", "sim/mixed?p=0.3"]);
        assert_eq!(names[0].0, "openai/gpt-5.2");
    }

    #[test]
    fn long_names_that_begin_alike_are_cut_and_numbered() {
        let odds = "sim/graded?good=0.8&bad=0.1&neutral=0.4&unsaid=0.3";
        let names = names(vec![
            column(&format!("{odds}&tampering.good=0.9"), "Sim", "a", 1),
            column(&format!("{odds}&tampering.good=0.7"), "Sim", "a", 1),
        ]);
        assert!(
            names.iter().all(|(whole, shown)| whole.len() > 60 && shown.chars().count() < 42),
            "{names:?}"
        );
        assert!(names[0].1.ends_with(" #1") && names[1].1.ends_with(" #2"), "{names:?}");
    }

    #[test]
    fn two_suites_are_told_apart_by_their_hashes_and_two_ways_to_ask_by_their_sweeps() {
        let suites = names(vec![
            column("openai/gpt-5.2", "GPT 5.2", "0123456789abcdef", 1),
            column("openai/gpt-5.2", "GPT 5.2", "fedcba9876543210", 2),
        ]);
        assert_eq!(suites[0].1, "GPT 5.2 (suite 01234567)");
        assert_eq!(suites[1].0, "openai/gpt-5.2 (suite fedcba98)");
        let ways = names(vec![column("m", "", "a", 1), column("m", "", "a", 2), column("m", "", "b", 3)]);
        assert_eq!(
            ways.iter().map(|(whole, _)| &**whole).collect::<Vec<_>>(),
            ["m (suite a, sweep 1)", "m (suite a, sweep 2)", "m (suite b)"]
        );
    }
}
