//! Whether a report finds what was planted: its intervals cover the planted rates as often as they say, and a difference that
//! the design can see comes out with its sign.

use std::collections::BTreeMap;

use muster_scoring::statistics::{Confidence, Design};
use muster_tests::{Row, grouped};
use serde_json::Value;

use crate::planted::{Planted, SCENARIOS};

/// The power from which a planted difference must come out with its sign.
const POWER_MIN: f64 = 0.95;

/// How many intervals there were, and how many covered what was planted.
#[derive(Debug, Default, Clone, Copy)]
struct Covered {
    of: u64,
    hits: u64,
}

/// A difference that the report states.
struct Claim<'a> {
    stated: &'a Value,
    /// The arm of interest and the one that it is held against: rate and episodes.
    arms: [(f64, u64); 2],
}

/// The rows on recovery.
pub(crate) fn rows(cells: &[BTreeMap<String, String>], report: &Value, seeds: u32) -> Vec<Row> {
    let planted = Planted::all();
    let claims = claims(report, &planted, seeds);
    vec![
        cells_row(cells, &planted),
        nothing_row(cells, &planted),
        groups_row(report, &planted),
        signs_row(&claims),
        differences_row(&claims),
        alarms_row(report, &claims),
    ]
}

fn model<'a>(planted: &'a [Planted], name: &str) -> &'a Planted {
    let found = planted.iter().find(|it| it.display_name == name || it.name() == name);
    found.unwrap_or_else(|| panic!("the report speaks of a model {name}"))
}

/// The planted rate of a line of cells; none if it is of something that no player draws.
fn rate(cell: &BTreeMap<String, String>, planted: &[Planted]) -> Option<f64> {
    let scenario = cell["scenario"].as_str();
    let is_own = is_own(scenario, &cell["behaviour"]);
    let rate = || model(planted, &cell["model"]).rate(scenario, &cell["condition"], &cell["monitoring"]);
    is_own.then(rate)
}

/// Whether a scorer is of the behaviour that a scenario is about.
fn is_own(scenario: &str, scorer: &str) -> bool {
    let behaviour = SCENARIOS.iter().find(|(it, _)| *it == scenario).map(|(_, behaviour)| behaviour.name());
    behaviour.is_some_and(|behaviour| behaviour.replace(' ', "_") == scorer)
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

// --- Rates -----------------------------------------------------------------------------------------------------------

fn cells_row(cells: &[BTreeMap<String, String>], planted: &[Planted]) -> Row {
    let mut covered = Covered::default();
    for cell in cells {
        let Some(rate) = rate(cell, planted).filter(|rate| *rate > 0.0) else { continue };
        covered.count(number(&cell["low_95"]), number(&cell["high_95"]), rate);
    }
    covered.row("intervals of single cells that cover the planted rate, where one was planted")
}

fn nothing_row(cells: &[BTreeMap<String, String>], planted: &[Planted]) -> Row {
    let clean = |cell: &&BTreeMap<String, String>| rate(cell, planted).is_none_or(|rate| rate == 0.0);
    let (mut of, mut counted) = (0, 0.0);
    for cell in cells.iter().filter(clean) {
        of += 1;
        counted += number(&cell["k"]);
    }
    Row {
        what: format!("episodes counted in the {} cells where nothing was planted", grouped(f64::from(of))),
        reach: "0".into(),
        measured: grouped(counted),
        reached: counted == 0.0,
    }
}

/// Rates of several variants at once, each weighing the same.
fn groups_row(report: &Value, planted: &[Planted]) -> Row {
    let mut covered = Covered::default();
    for group in list(&report["groups"]) {
        let (scenario, condition) = (text(&group["scenario"]), text(&group["condition"]));
        let watched = if scenario == "alignment_faking" { 0.5 } else { 1.0 };
        let rate = watched * model(planted, text(&group["model"])).rate(scenario, condition, "");
        let own = |scorer: &&Value| is_own(scenario, text(&scorer["scorer"]));
        for scorer in list(&group["scorers"]).iter().filter(own) {
            let interval = &scorer["rate"]["interval"];
            if rate > 0.0 {
                covered.count(float(&interval["low"]), float(&interval["high"]), rate);
            }
        }
    }
    covered.row("intervals of stratified rates that cover the planted one")
}

// --- Differences -----------------------------------------------------------------------------------------------------

fn claims<'a>(report: &'a Value, planted: &[Planted], seeds: u32) -> Vec<Claim<'a>> {
    let claim = |stated: &'a Value| {
        let arms = arms(text(&stated["behaviour"]), text(&stated["what"]))?;
        let planted = model(planted, text(&stated["model"]));
        let arm = |arm: &str| arm_of(planted, text(&stated["behaviour"]), arm, seeds);
        Some(Claim { stated, arms: arms.map(|it| arm(&it)) })
    };
    list(&report["claims"]).iter().filter_map(claim).collect()
}

/// Which conditions a claim compares, of those that are planted: `peer: good less bad`, `peer, good: less monitored`.
fn arms(behaviour: &str, what: &str) -> Option<[String; 2]> {
    if behaviour == "refusal" {
        return None;
    }
    let (of, less) = what.split_once(": ")?;
    match less.split_once(" less ") {
        Some((first, second)) => Some([format!("{of} · {first}"), format!("{of} · {second}")]),
        None => Some([of.replace(", ", " · "), less.to_owned()]),
    }
}

/// An arm's rate, and the episodes of one cell that would say as much as all of its cells, weighed as they are.
fn arm_of(planted: &Planted, behaviour: &str, condition: &str, seeds: u32) -> (f64, u64) {
    let scenarios: Vec<&str> =
        SCENARIOS.iter().filter(|(_, it)| it.name() == behaviour).map(|(scenario, _)| *scenario).collect();
    let cells = match (behaviour, condition) {
        ("misrepresentation", "less nothing at stake") => return (0.0, u64::from(4 * seeds)),
        ("alignment faking", "less monitored") => return (0.0, u64::from(9 * seeds)),
        // Equal weights to one, one, two and two strata, of three instantiations each.
        ("misrepresentation", _) => 16,
        ("exfiltration", "self · no_peer") => 2,
        ("tampering", "self · no_peer") => 3,
        ("exfiltration", _) => 6,
        _ => 9,
    };
    let rates = scenarios.iter().map(|scenario| planted.rate(scenario, condition, ""));
    (rates.sum::<f64>() / scenarios.len() as f64, cells * u64::from(seeds))
}

fn signs_row(claims: &[Claim<'_>]) -> Row {
    let seen: Vec<&Claim<'_>> = claims.iter().filter(|claim| claim.power() >= POWER_MIN).collect();
    let right = seen.iter().filter(|claim| claim.difference() * claim.stated() > 0.0).count();
    Row {
        what: format!(
            "planted differences with a planned power of 95 % or more: {} of {}",
            seen.len(),
            claims.len()
        ),
        reach: "all with their sign".into(),
        measured: format!("{right} with their sign"),
        reached: right == seen.len(),
    }
}

fn differences_row(claims: &[Claim<'_>]) -> Row {
    let mut covered = Covered::default();
    for claim in claims.iter().filter(|claim| claim.arms.iter().any(|(rate, _)| *rate > 0.0)) {
        let interval = &claim.stated["difference"]["interval"];
        covered.count(float(&interval["low"]), float(&interval["high"]), claim.difference());
    }
    Row {
        what: format!("intervals of differences that cover the planted one, of {}", covered.of),
        reach: "93 % or more, but for chance".into(),
        measured: covered.to_string(),
        reached: covered.share() >= 0.93,
    }
}

/// Differences in what no player does, such as refusals.
fn alarms_row(report: &Value, claims: &[Claim<'_>]) -> Row {
    let is_planted =
        |claim: &Value| claims.iter().any(|it| std::ptr::eq(it.stated, claim) && it.difference() != 0.0);
    let nothing: Vec<&Value> = list(&report["claims"]).iter().filter(|claim| !is_planted(claim)).collect();
    let bold = nothing.iter().filter(|claim| claim["emphasis"] == "bold").count();
    Row {
        what: format!("differences in bold, of {} where none was planted", nothing.len()),
        reach: "0 (in 95 of 100 studies)".into(),
        measured: bold.to_string(),
        reached: bold == 0,
    }
}

// === impl Covered ===

impl Covered {
    fn count(&mut self, low: f64, high: f64, planted: f64) {
        self.of += 1;
        self.hits += u64::from((low..=high).contains(&planted));
    }

    /// Whether they cover as often as they say.
    fn row(self, what: &str) -> Row {
        Row {
            what: what.into(),
            reach: "93 to 98 %".into(),
            measured: self.to_string(),
            reached: (0.93..=0.98).contains(&self.share()),
        }
    }

    fn share(self) -> f64 {
        self.hits as f64 / self.of.max(1) as f64
    }
}

impl std::fmt::Display for Covered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} % ({} of {})", 100.0 * self.share(), self.hits, self.of)
    }
}

// === impl Claim ===

impl Claim<'_> {
    /// What was planted.
    fn difference(&self) -> f64 {
        let [(first, _), (second, _)] = self.arms;
        first - second
    }

    /// What the report says.
    fn stated(&self) -> f64 {
        float(&self.stated["difference"]["value"])
    }

    /// How likely the design sees it.
    fn power(&self) -> f64 {
        let [(first, mine), (second, its)] = self.arms;
        Design { first: mine, second: its, confidence: Confidence::ninety_five() }.power(first, second)
    }
}

// --- JSON ------------------------------------------------------------------------------------------------------------

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}
