//! `plan --power`: what a sweep's report will be able to tell apart, and what it will not. It knows the plan alone: no
//! rate is assumed to be the true one, and no correlation within pairs.

mod axes;

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_scoring::report::{PlannedComparison, PlannedSide, Prospect, ScenarioScorers};
use muster_scoring::statistics::{CLUSTERS_MIN, Confidence, Design, Proportion};
use serde_json::{Value, json};

use self::axes::Axes;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::tables::{counted, grouped, new_table};
use crate::terminal;

/// Rates that a condition is held against.
const BASELINES: [f64; 4] = [0.01, 0.05, 0.2, 0.5];

/// How often a difference is to be found.
const POWERS: [f64; 2] = [0.8, 0.95];

/// With fewer hits expected than this, a normal approximation is rough.
const HITS_MIN: f64 = 5.0;

/// What it rests on, in sentences.
const ASSUMPTIONS: [&str; 6] = [
    "every planned episode ends, is read and is judged: whatever drops out makes it worse",
    "episodes are independent; no correlation within pairs of the same seed is assumed, and none is made use of",
    "variants are the ones that are run, weighted as in the report; those of one side have the same rate",
    "two-sided tests at 5 %, by the normal approximation of the z test at the effective size of each side",
    "Holm at its strictest step, 5 % over the number of tests: what is found there is found whatever the other tests say",
    "~ marks where fewer than 5 hits are expected on the side of the base rate: the approximation is rough there",
];

/// A sweep's power.
pub(crate) struct Power {
    prospect: Prospect,
    groups: Vec<Group>,
    axes: Vec<Axes>,
    lacking: Vec<Lacking>,
}

/// A comparison that is the same for several models.
struct Group {
    behaviour: String,
    what: String,
    sides: [PlannedSide; 2],
    models: Vec<String>,
}

/// A comparison that can't be made.
struct Lacking {
    behaviour: String,
    what: String,
    why: String,
    models: Vec<String>,
}

/// Whether rows are marked that allow claims about variants not run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    Shown,
    None,
}

/// At which level a comparison is tested.
#[derive(Clone, Copy)]
enum Level {
    /// As if it were the only one.
    Alone,
    /// As one of so many.
    Holm(usize),
}

// === impl Power ===

impl Power {
    pub(crate) fn new(intake: &Intake) -> Result<Self, Failure> {
        let mut scorers = BTreeMap::new();
        for planned in intake.plan.scenarios() {
            let Some(scenario) = intake.suite.scenario(&planned.name) else { continue };
            let set = ScenarioScorers::new(scenario.scorers())
                .map_err(|source| Failure::Scorer { scenario: planned.name.to_string(), source })?;
            scorers.insert(Arc::clone(&planned.name), Arc::new(set));
        }
        let prospect = Prospect::new(Arc::clone(&intake.plan), scorers);
        let (mut groups, mut lacking) = (Vec::new(), Vec::new());
        for comparison in &prospect.comparisons {
            gather(comparison, &mut groups, &mut lacking);
        }
        let axes = axes::gathered(&prospect.effects);
        Ok(Self { prospect, groups, axes, lacking })
    }

    fn levels(&self) -> [Level; 2] {
        [Level::Alone, Level::Holm(self.prospect.tests())]
    }

    fn levels_of_axes(&self) -> [Level; 2] {
        [Level::Alone, Level::Holm(self.prospect.tests_of_axes())]
    }

    /// For people.
    pub(crate) fn as_text(&self) -> String {
        let mut parts = Vec::new();
        if self.groups.is_empty() {
            parts.push("the report makes no comparison of its own over this sweep".to_owned());
        } else {
            parts.push(format!(
                "what its report can tell apart: the least rise over a base rate, in percentage points, that is found in 80 / 95 of \
                 100 sweeps; {} in one family, over {}",
                counted(self.prospect.tests() as u64, "test"),
                counted(self.groups.iter().map(|group| group.models.len()).max().unwrap_or_default() as u64, "model"),
            ));
            parts.push(comparisons_table(
                &self.groups.iter().collect::<Vec<_>>(),
                self.levels(),
                Marks::Shown,
            ));
            parts.push(self.unseen());
        }
        if !self.axes.is_empty() {
            parts.push(format!(
                "effects of single axes, over pairs of cells that are alike in all others: the least rise, in percentage points, that is \
                 found in 80 / 95 of 100 sweeps; {} in a family of their own",
                counted(self.prospect.tests_of_axes() as u64, "test"),
            ));
            let groups: Vec<&Group> = self.axes.iter().map(|axes| &axes.group).collect();
            parts.push(comparisons_table(&groups, self.levels_of_axes(), Marks::None));
        }
        let lone = self.prospect.effects.len() - self.prospect.tests_of_axes();
        if lone > 0 {
            parts.push(format!(
                "not compared: {} of single axes, for want of two cells that differ in nothing else",
                counted(lone as u64, "effect"),
            ));
        }
        parts.extend(self.lacking.iter().map(Lacking::sentence));
        parts
            .push("one cell by itself: half the width of its 95 % interval, in percentage points".to_owned());
        parts.push(self.cells_table());
        parts.push(format!("it assumes: {}", ASSUMPTIONS.join("; ")));
        parts.iter().map(|part| wrapped(part)).collect::<Vec<_>>().join("\n")
    }

    /// What may be said of variants that are not run.
    fn unseen(&self) -> String {
        let able = self.groups.iter().filter(|group| group.is_clustered()).count();
        let marked = if able == 0 { "no comparison here has them" } else { "those marked * have them" };
        format!(
            "a claim about variants that are not run needs at least {CLUSTERS_MIN} variants on each side: {marked}"
        )
    }

    fn cells_table(&self) -> String {
        let mut table = new_table(["episodes", "cells", "at 1 %", "5 %", "20 %", "50 %"], 0);
        for (episodes, cells) in &self.prospect.cells {
            let widths = BASELINES.map(|rate| points(half_width(rate, *episodes)));
            let counts = [grouped(*episodes), grouped(*cells)];
            table.add_row(counts.into_iter().chain(widths));
        }
        table.trim_fmt()
    }

    /// For scripts.
    pub(crate) fn as_json(&self) -> Value {
        let cell = |(episodes, cells): (&u64, &u64)| {
            let width = |rate: f64| json!({ "rate": rate, "half_width_95": half_width(rate, *episodes) });
            json!({ "episodes": episodes, "cells": cells, "intervals": BASELINES.map(width) })
        };
        json!({
            "tests": self.prospect.tests(),
            "clusters_min": CLUSTERS_MIN,
            "cells": self.prospect.cells.iter().map(cell).collect::<Vec<_>>(),
            "comparisons": self.groups.iter().map(|group| group.as_json(self.levels())).collect::<Vec<_>>(),
            "tests_of_axes": self.prospect.tests_of_axes(),
            "axes": self.axes.iter().map(|axes| axes.as_json(self.levels_of_axes())).collect::<Vec<_>>(),
            "lacking": self.lacking.iter().map(Lacking::as_json).collect::<Vec<_>>(),
            "assumptions": ASSUMPTIONS,
        })
    }
}

fn comparisons_table(groups: &[&Group], levels: [Level; 2], marks: Marks) -> String {
    let mut table = new_table(["comparison", "tested", "at 1 %", "5 %", "20 %", "50 %"], 2);
    let most = groups.iter().map(|group| group.models.len()).max().unwrap_or_default();
    for group in groups {
        let rises = |base: f64| levels.map(|level| group.rises(base, level)).join("\n");
        let heads = [group.words(most, marks), levels.map(Level::word).join("\n")];
        table.add_row(heads.into_iter().chain(BASELINES.map(rises)));
    }
    table.trim_fmt()
}

fn gather(comparison: &PlannedComparison, groups: &mut Vec<Group>, lacking: &mut Vec<Lacking>) {
    let PlannedComparison { model, behaviour, what, sides } = comparison;
    let (behaviour, what) = (behaviour.clone(), what.clone());
    match sides {
        Ok(sides) => {
            let is_same = |group: &&mut Group| {
                group.behaviour == behaviour && group.what == what && group.sides == *sides
            };
            match groups.iter_mut().find(is_same) {
                Some(group) => group.models.push(model.clone()),
                None => groups.push(Group { behaviour, what, sides: *sides, models: vec![model.clone()] }),
            }
        }
        Err(why) => {
            let is_same = |it: &&mut Lacking| it.behaviour == behaviour && it.what == what && it.why == *why;
            match lacking.iter_mut().find(is_same) {
                Some(it) => it.models.push(model.clone()),
                None => {
                    lacking.push(Lacking { behaviour, what, why: why.clone(), models: vec![model.clone()] });
                }
            }
        }
    }
}

// === impl Group ===

impl Group {
    /// What it is, and of how much; of how many models, where others are of more.
    fn words(&self, most: usize, marks: Marks) -> String {
        let [first, second] = self.sides;
        let marked = if marks == Marks::Shown && self.is_clustered() { " *" } else { "" };
        let models = self.models.len();
        let models =
            if models < most { format!(", {}", counted(models as u64, "model")) } else { String::new() };
        format!(
            "{}\n{}\n{} : {} in {} : {} variants{marked}{models}",
            terminal::one_line(&self.behaviour, 60),
            terminal::one_line(&self.what, 80),
            grouped(first.episodes),
            grouped(second.episodes),
            grouped(first.variants),
            grouped(second.variants),
        )
    }

    fn is_clustered(&self) -> bool {
        self.sides.iter().all(|side| side.variants >= CLUSTERS_MIN as u64)
    }

    /// What is found at each power.
    fn rises(&self, base: f64, level: Level) -> String {
        let found = POWERS.map(|power| points(self.rise(base, power, level))).join(" / ");
        if self.is_rough(base) { format!("~{found}") } else { found }
    }

    fn rise(&self, base: f64, power: f64, level: Level) -> Option<f64> {
        let [first, second] = self.sides.map(|side| side.effective as u64);
        Design { first, second, confidence: level.confidence() }.detectable_rise(base, power)
    }

    fn is_rough(&self, base: f64) -> bool {
        base * self.sides[1].effective < HITS_MIN
    }

    fn as_json(&self, levels: [Level; 2]) -> Value {
        json!({
            "behaviour": self.behaviour,
            "what": self.what,
            "models": self.models,
            "first": side_json(self.sides[0]),
            "second": side_json(self.sides[1]),
            "clustered": self.is_clustered(),
            "detectable": self.detectable(levels),
        })
    }

    fn detectable(&self, levels: [Level; 2]) -> Vec<Value> {
        let mut detectable = Vec::new();
        for base in BASELINES {
            for power in POWERS {
                let [alone, holm] = levels.map(|level| self.rise(base, power, level));
                let rough = self.is_rough(base);
                detectable.push(
                    json!({ "base": base, "power": power, "rise": alone, "rise_holm": holm, "rough": rough }),
                );
            }
        }
        detectable
    }
}

fn side_json(side: PlannedSide) -> Value {
    json!({ "variants": side.variants, "episodes": side.episodes, "effective": side.effective })
}

// === impl Lacking ===

impl Lacking {
    fn sentence(&self) -> String {
        let what = terminal::one_line(&format!("{}, {}", self.behaviour, self.what), 100);
        format!("not compared: {what}, of {}: {}", counted(self.models.len() as u64, "model"), self.why)
    }

    fn as_json(&self) -> Value {
        json!({ "behaviour": self.behaviour, "what": self.what, "models": self.models, "why": self.why })
    }
}

// === impl Level ===

impl Level {
    fn confidence(self) -> Confidence {
        match self {
            Self::Alone => Confidence::ninety_five(),
            Self::Holm(tests) => Confidence::ninety_five().shared_by(tests),
        }
    }

    fn word(self) -> String {
        match self {
            Self::Alone => "alone".to_owned(),
            Self::Holm(tests) => format!("of {}", grouped(tests as u64)),
        }
    }
}

/// Half the width of a cell's interval at the number of hits nearest to this rate; none where nothing is planned.
fn half_width(rate: f64, episodes: u64) -> Option<f64> {
    let hits = (rate * episodes as f64).round() as u64;
    let interval = Proportion::new(hits, episodes).interval(Confidence::ninety_five())?;
    Some((interval.high - interval.low) / 2.0)
}

fn points(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", 100.0 * share))
}

/// Prose to the width of the terminal; a table stays as it is.
fn wrapped(part: &str) -> String {
    if part.contains('\n') { part.to_owned() } else { terminal::wrapped(part, terminal::width(), "") }
}

#[cfg(test)]
mod tests {
    use muster_scoring::statistics::{Comparison, Estimate, Random};

    use super::*;

    fn group(episodes: u64, variants: u64) -> Group {
        let side = PlannedSide { variants, episodes, effective: episodes as f64 };
        Group {
            behaviour: "tampering".into(),
            what: "peer: good less bad".into(),
            sides: [side; 2],
            models: vec![],
        }
    }

    #[test]
    fn what_a_family_of_tests_finds_is_larger_than_what_one_does() {
        let group = group(300, 3);
        let (alone, holm) = (group.rise(0.05, 0.8, Level::Alone), group.rise(0.05, 0.8, Level::Holm(84)));
        assert!(alone.zip(holm).is_some_and(|(alone, holm)| alone < holm), "{alone:?} {holm:?}");
        assert_eq!(group.rise(0.05, 0.8, Level::Holm(1)), alone);
    }

    #[test]
    fn a_sweep_of_one_seed_promises_nothing_that_it_can_t_find() {
        let group = group(2, 2);
        assert_eq!(group.rise(0.5, 0.8, Level::Alone), None);
        assert_eq!(group.rises(0.5, Level::Alone), "~- / -");
        assert!(!group.is_clustered());
    }

    #[test]
    fn the_interval_of_the_report_finds_a_difference_as_often_as_the_plan_promised() {
        const SWEEPS: u32 = 2_000;
        let mut random = Random::new(7);
        for (base, power) in [(0.05, 0.8), (0.2, 0.95), (0.5, 0.8)] {
            let rise = group(300, 3).rise(base, power, Level::Alone).expect("a rise");
            let mut arm =
                |rate: f64| Proportion::new((0..300).filter(|_| random.unit() < rate).count() as u64, 300);
            let finds = |_: &u32| {
                let comparison = Comparison { first: arm(base + rise), second: arm(base) };
                comparison.difference(Confidence::ninety_five()).is_some_and(Estimate::excludes_zero)
            };
            let found = f64::from((0..SWEEPS).filter(finds).count() as u32) / f64::from(SWEEPS);
            assert!((found - power).abs() < 0.035, "{base}: {found}, not {power}");
        }
    }

    #[test]
    fn the_half_width_of_a_cell_is_wilsons() {
        // 50 of 100: 0.404 to 0.596.
        assert!(half_width(0.5, 100).is_some_and(|half| (half - 0.096).abs() < 0.001));
        assert_eq!(half_width(0.5, 0), None);
    }
}
