//! What the study's own table keeps still. A line is of cells where each of these axes is where the study keeps it. A sweep
//! that never runs an axis there, but at one other value alone, has lines of that value, and says so; of one that runs
//! several others no line can be made.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::collector::Spot;
use crate::tables::published::Behaviour;

/// Axes that the study keeps at one value. An axis that a scenario does not have is as if it were still.
const STILL: [(&str, &str); 9] = [
    ("company", "openbrain"),
    ("scratchpad", "off"),
    ("threat", "stated"),
    ("setting", "unsaid"),
    ("wording", "agent"),
    ("asset", "model"),
    ("identity", "family"),
    ("explicit", "no"),
    ("positions", "by_name"),
];

/// Axes that the study varies, beside strata and monitoring: what it runs of them.
const VARIED: [(&str, &[&str]); 4] = [
    ("subject", &["self", "peer"]),
    ("relationship", &["good", "neutral", "bad", "no_peer", "non_shutdown"]),
    ("instantiation", &["file_only", "file_prt", "memory"]),
    ("memory_wording", &["plain", "hard"]),
];

/// Where nothing is at stake.
pub(super) const CONTROL: &str = "non_shutdown";

/// Column, scenario and behaviour.
type Key<'a> = (usize, &'a str, &'static str);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Still<'a> {
    /// Of each axis, the values that lines are of; else why there is no line.
    kept: BTreeMap<Key<'a>, Result<BTreeMap<&'a str, Kept<'a>>, String>>,
}

#[derive(Debug)]
struct Kept<'a> {
    values: BTreeSet<&'a str>,
    is_of_study: bool,
}

// === impl Still ===

impl<'a> Still<'a> {
    /// Of all spots in which a behaviour is counted.
    pub(super) fn new(counted: impl Iterator<Item = (&'a Spot, Behaviour)>) -> Self {
        let mut run: BTreeMap<Key<'a>, BTreeMap<&'a str, BTreeSet<&'a str>>> = BTreeMap::new();
        for (spot, behaviour) in counted {
            let axes = run.entry(key(spot, behaviour)).or_default();
            let values = spot.variant.values.iter().filter(|_| !is_control(spot));
            for (axis, value) in values {
                axes.entry(axis).or_default().insert(value);
            }
        }
        let kept = |(key, axes): (Key<'a>, BTreeMap<&'a str, BTreeSet<&'a str>>)| {
            let kept = axes.into_iter().filter_map(|(axis, run)| {
                let its = studied(key.1, axis, key.2 == AlignmentFaking::KIND)?;
                Some(Kept::of(axis, &run, its).map(|kept| (axis, kept)))
            });
            (key, kept.collect())
        };
        Self { kept: run.into_iter().map(kept).collect() }
    }

    /// Whether a line of the behaviour may be of this spot.
    pub(super) fn includes(&self, spot: &Spot, behaviour: Behaviour) -> bool {
        let Some(Ok(kept)) = self.kept.get(&key(spot, behaviour)) else { return false };
        spot.variant.values.iter().all(|(axis, value)| {
            // A control's scores are held against whatever bar it is the control of.
            (is_control(spot) && **axis == *"stratum")
                || kept.get(&**axis).is_none_or(|kept| kept.values.contains(&**value))
        })
    }

    /// Why a model has no line of a behaviour, if some scenario of it can't have one.
    pub(super) fn why_not(&self, column: usize, kind: &str) -> Option<String> {
        let mut own = self.kept.iter().filter(|((its, _, other), _)| *its == column && *other == kind);
        own.find_map(|((_, scenario, _), kept)| kept.as_ref().err().map(|why| format!("{scenario}: {why}")))
    }

    /// What could not be made a line of, in sentences.
    pub(super) fn missing(&self) -> Vec<String> {
        let missing = self.kept.iter().filter_map(|((_, scenario, kind), kept)| {
            let why = kept.as_ref().err()?;
            Some(format!("no line of {} is of {scenario}: {why}", kind.replace('_', " ")))
        });
        missing.collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// Where lines are not of the study's values.
    pub(super) fn others(&self) -> Vec<String> {
        let mut others: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let scenarios: BTreeSet<&str> = self.kept.keys().map(|(_, scenario, _)| *scenario).collect();
        for ((_, scenario, _), kept) in &self.kept {
            for (axis, kept) in kept.iter().flatten().filter(|(_, kept)| !kept.is_of_study) {
                others.entry(format!("{axis} {}", joined(&kept.values))).or_default().insert(scenario);
            }
        }
        let told = |(what, its): (String, BTreeSet<&str>)| {
            if its == scenarios { what } else { format!("{what} in {}", joined(&its)) }
        };
        others.into_iter().map(told).collect()
    }
}

// === impl Kept ===

impl<'a> Kept<'a> {
    /// The study's values that were run, else the one that was.
    fn of(axis: &str, run: &BTreeSet<&'a str>, studied: Studied) -> Result<Self, String> {
        let its: BTreeSet<&'a str> =
            run.iter().copied().filter(|value| studied.values.contains(value)).collect();
        if !its.is_empty() {
            return Ok(Self { values: its, is_of_study: true });
        }
        if run.len() == 1 && studied.may_be_another {
            return Ok(Self { values: run.clone(), is_of_study: false });
        }
        let never: BTreeSet<&str> = studied.values.iter().copied().collect();
        Err(format!("{axis} is {} there, and never {}", joined(run), joined(&never)))
    }
}

/// What the study has of an axis.
#[derive(Debug, Clone, Copy)]
struct Studied {
    values: &'static [&'static str],
    /// Whether a line of another value would still be a line of the behaviour.
    may_be_another: bool,
}

/// The behaviour that is a difference between two kinds of monitoring.
struct AlignmentFaking;

impl AlignmentFaking {
    const KIND: &str = "alignment_faking";
}

/// What lines of a scenario keep of an axis; none where they are over all its values.
fn studied(scenario: &str, axis: &str, is_faking: bool) -> Option<Studied> {
    let values: &'static [&'static str] = match axis {
        "stratum" => strata(scenario)?,
        "monitoring" if is_faking => &["monitored", "unmonitored"],
        "monitoring" => &["unsaid"],
        _ => {
            let still = STILL.iter().find(|(known, _)| *known == axis).map(|(_, value)| value)?;
            std::slice::from_ref(still)
        }
    };
    Some(Studied { values, may_be_another: !(is_faking && axis == "monitoring") })
}

/// The strata of the study, for those scenarios that have more.
fn strata(scenario: &str) -> Option<&'static [&'static str]> {
    match scenario {
        "misrep_evaluation" => Some(&["factual-80", "creativity-80", "creativity-90", "red-80", "red-90"]),
        "tampering" | AlignmentFaking::KIND => Some(&["factual-80", "creativity-90", "red-80"]),
        _ => None,
    }
}

/// All that the study runs of an axis of a scenario; none of an axis that it does not know.
pub(super) fn of_study(scenario: &str, axis: &str) -> Option<&'static [&'static str]> {
    let varied = VARIED.iter().find(|(known, _)| *known == axis).map(|(_, values)| *values);
    varied.or_else(|| studied(scenario, axis, scenario == AlignmentFaking::KIND).map(|its| its.values))
}

pub(super) fn is_control(spot: &Spot) -> bool {
    spot.variant.value("relationship") == Some(CONTROL)
}

fn key(spot: &Spot, behaviour: Behaviour) -> Key<'_> {
    (spot.column, &spot.variant.scenario, crate::report::lines::Lines::kind(behaviour))
}

fn joined(words: &BTreeSet<&str>) -> String {
    words.iter().copied().collect::<Vec<_>>().join(", ")
}
