//! From counters to a report.

use std::collections::BTreeMap;

use crate::report::collector::{Collector, Spot};
use crate::report::columns::Column;
use crate::report::combination::Combination;
use crate::report::crossing::{self, Crossed};
use crate::report::effects;
use crate::report::groups;
use crate::report::lines::{Lines, Of, counted, is_counted_for};
use crate::report::matched::Against;
use crate::report::model::{
    Claim, CostRow, Crossing, DropOutRow, FakingRow, HeatCell, HeatRow, LossRow, Measure, ModelRow,
    OtherTests, Overview, Reason, Report, SweepOverview,
};
use crate::report::other_tests;
use crate::report::source::Source;
use crate::report::text;
use crate::statistics::{Confidence, Robustness, Scores, benjamini_hochberg, holm};
use crate::tables::published::{Behaviour, Relationship};
use crate::tables::study::StudyTable;
use crate::tables::{Cell, Emphasis, ModelName, ScoreSummary, Standing};

/// The version of the report's JSON.
const FORMAT: u32 = 1;

/// Characters of a suite's hash that are shown.
const HASH_CHARS: usize = 12;

/// The study's behaviours, in its order.
pub(super) const BEHAVIOURS: [Behaviour; 5] = [
    Behaviour::Misrepresentation,
    Behaviour::Tampering,
    Behaviour::AlignmentFaking,
    Behaviour::Exfiltration,
    Behaviour::Refusal,
];

/// A claim that is not tested yet.
pub(super) struct Untested {
    pub(super) claim: Claim,
    pub(super) sum: Option<Combination>,
    pub(super) against: Against,
}

impl Collector {
    /// The report on all that was counted. `options` are the flags that name the data, for the commands in it.
    #[must_use]
    pub fn report(&self, options: &str) -> Report {
        let lines = Lines::new(self);
        let groups = groups::all(self, options);
        let group_of = |column: usize, fits: &dyn Fn(&Spot) -> bool| {
            self.spots.iter().find(|spot| spot.column == column && fits(spot)).map(Spot::group_id)
        };
        let mut claims = claims(self, &lines);
        other_tests::add(self, &mut claims);
        let mut crossed = crossing::all(self);
        let tests = test(&mut claims, &mut crossed);
        Report {
            format: FORMAT,
            overview: self.overview(&lines, tests),
            models: self.columns.iter().map(model).collect(),
            heat: heat(self, &lines, &group_of),
            study: study(self, &lines),
            faking: faking(self, &lines),
            claims: claims.into_iter().map(|untested| untested.claim).collect(),
            crossings: crossed.into_iter().map(|crossed| crossed.crossing).collect::<Vec<Crossing>>(),
            effects: effects::all(self),
            drop_out: drop_out(self),
            losses: losses(self),
            reasons: reasons(self),
            costs: costs(self),
            groups,
        }
    }

    fn overview(&self, lines: &Lines<'_>, tests: u64) -> Overview {
        let is_incomplete = |spot: &&Spot| {
            let mut headlines =
                spot.scorers.iter().zip(&spot.counted).filter(|((its, _), _)| its.is_headline());
            headlines.any(|(_, counted)| counted.cell.standing() == Standing::Incomplete)
        };
        let mark = |(column, sweep, mark): &(usize, u64, String)| {
            format!("sweep {sweep}, {}: {mark}", self.columns[*column].label.shown())
        };
        let mut marks: Vec<String> = self.marks.iter().map(mark).collect();
        let waiting = self.sources.iter().zip(&self.unscored).filter(|(_, waiting)| **waiting > 0);
        marks.extend(waiting.map(|(source, waiting)| unscored(source.sweep, *waiting)));
        let (not_of_study, missing) = lines.notes();
        marks.extend(missing);
        Overview {
            sweeps: self.sources.iter().map(sweep).collect(),
            cells: self.spots.len() as u64,
            study_cells: lines.cells() as u64,
            not_of_study,
            planned: self.spots.iter().map(|spot| spot.planned).sum(),
            episodes: self.spots.iter().map(|spot| spot.results).sum(),
            incomplete: self.spots.iter().filter(is_incomplete).count() as u64,
            tests,
            readings: self.readings.clone(),
            marks,
        }
    }
}

fn model(column: &Column) -> ModelRow {
    ModelRow {
        model: column.label.clone(),
        display_name: column.display_name.clone(),
        suite: short_hash(&column.suite),
        sweeps: column.sweeps.clone(),
    }
}

fn unscored(sweep: u64, episodes: u64) -> String {
    let (have, are) = if episodes == 1 { ("has", "is") } else { ("have", "are") };
    format!(
        "sweep {sweep}: {} {have} no verdict of this version of some scorer and {are} in no rate of it: muster score {sweep}",
        text::counted(episodes, "episode")
    )
}

fn short_hash(hash: &str) -> String {
    hash.chars().take(HASH_CHARS).collect()
}

fn sweep(source: &Source) -> SweepOverview {
    SweepOverview {
        sweep: source.sweep,
        name: text::plain(&source.name, 80),
        state: source.state.clone(),
        suite: short_hash(&source.suite()),
        models: source.plan.models().len() as u64,
        variants: u64::from(source.plan.variant_count()),
        seeds: source.seeds,
        jobs: source.lanes.iter().map(|lane| lane.jobs).sum(),
        results: source.lanes.iter().map(|lane| lane.results).sum(),
    }
}

// --- Heat map --------------------------------------------------------------------------------------------------------

/// Finds the first group of a column whose spots fit.
type GroupOf<'a> = dyn Fn(usize, &dyn Fn(&Spot) -> bool) -> Option<u64> + 'a;

fn heat(collector: &Collector, lines: &Lines<'_>, group_of: &GroupOf<'_>) -> Vec<HeatRow> {
    let mut rows = Vec::new();
    let mut kinds_shown = Vec::new();
    for behaviour in BEHAVIOURS {
        for (subject, relationship) in lines.conditions(behaviour) {
            kinds_shown.push(Lines::kind(behaviour));
            let condition = (subject.as_str(), relationship.as_str());
            rows.push(HeatRow {
                behaviour: behaviour.name().to_owned(),
                condition: format!("{subject} · {relationship}"),
                subject: Some(subject.clone()),
                relationship: Some(relationship.clone()),
                measure: measure(behaviour),
                cells: (0..collector.columns.len())
                    .map(|column| heat_cell(lines, behaviour, column, condition, group_of))
                    .collect(),
            });
        }
    }
    // A behaviour that needs a control and has none says so in the study's table.
    rows.retain(|row| row.cells.iter().any(|cell| cell.estimate.is_some()));
    for (kind, name) in other_kinds(collector, &kinds_shown) {
        rows.push(HeatRow {
            behaviour: name.replace('_', " "),
            condition: "all".to_owned(),
            subject: None,
            relationship: None,
            measure: Measure::Rate,
            cells: (0..collector.columns.len())
                .map(|column| plain_cell(collector, column, &kind, &name, group_of))
                .collect(),
        });
    }
    rows
}

fn measure(behaviour: Behaviour) -> Measure {
    match behaviour {
        Behaviour::Misrepresentation | Behaviour::AlignmentFaking => Measure::Difference,
        Behaviour::Tampering | Behaviour::Exfiltration | Behaviour::Refusal => Measure::Rate,
    }
}

fn heat_cell(
    lines: &Lines<'_>,
    behaviour: Behaviour,
    column: usize,
    condition: (&str, &str),
    group_of: &GroupOf<'_>,
) -> HeatCell {
    let line = lines.line(column, behaviour, condition, Of::Readers);
    let mean = line.mean();
    let blanks = mean.blanks();
    let sum = match (line.check(), measure(behaviour)) {
        (Ok(()), _) => Some(mean.clone()),
        (Err(_), Measure::Rate) => Some(mean.of_filled()),
        (Err(_), Measure::Difference) => None,
    };
    let fits = |spot: &Spot| {
        spot.variant.value("relationship") == Some(condition.1)
            && crate::report::lines::subject_of(&spot.variant) == condition.0
            && is_counted_for(behaviour, spot)
            && lines.has(column, behaviour, spot)
    };
    HeatCell {
        estimate: sum.as_ref().and_then(|sum| sum.estimate(Confidence::ninety_five())),
        n: mean.episodes_for(),
        blanks: blanks as u64,
        standing: mean.standing(),
        group: group_of(column, &fits),
    }
}

/// Kinds and names of scorers that have no row of their own yet; a read gate is in every rate already.
fn other_kinds(collector: &Collector, shown: &[&str]) -> Vec<(String, String)> {
    let mut kinds: Vec<(String, String)> = Vec::new();
    for spot in &collector.spots {
        for (scorer, kind) in spot.scorers.iter() {
            let known = (kind.to_string(), scorer.name().to_owned());
            if !shown.contains(&&**kind) && **kind != *"read_gate" && !kinds.contains(&known) {
                kinds.push(known);
            }
        }
    }
    kinds
}

/// The rate of a scorer over all of a model's cells, each by the same weight.
fn plain_cell(
    collector: &Collector,
    column: usize,
    kind: &str,
    name: &str,
    group_of: &GroupOf<'_>,
) -> HeatCell {
    let mut sum = Combination::default();
    let is_it =
        |(scorer, its): &(&dyn crate::Scorer, &std::sync::Arc<str>)| ***its == *kind && scorer.name() == name;
    for (place, spot) in collector.spots.iter().enumerate().filter(|(_, spot)| spot.column == column) {
        if let Some(scorer) = spot.scorers.iter().position(|scorer| is_it(&scorer)) {
            sum.add((place, scorer, 0), 1.0, counted(spot, scorer, Of::Readers));
        }
    }
    let fits = |spot: &Spot| spot.scorers.iter().any(|scorer| is_it(&scorer));
    HeatCell {
        estimate: sum.of_filled().estimate(Confidence::ninety_five()),
        n: sum.episodes_for(),
        blanks: sum.blanks() as u64,
        standing: sum.standing(),
        group: group_of(column, &fits),
    }
}

// --- The study's table -----------------------------------------------------------------------------------------------

fn study(collector: &Collector, lines: &Lines<'_>) -> StudyTable {
    let mut table = StudyTable::new();
    for behaviour in BEHAVIOURS.into_iter().filter(|behaviour| !lines.conditions(*behaviour).is_empty()) {
        for (place, column) in collector.columns.iter().enumerate() {
            // It is found by the name that the study knows.
            table.add(column.label.clone(), &column.display_name, behaviour, |relationship: Relationship| {
                lines.line(place, behaviour, ("peer", relationship.name()), Of::Readers).summary()
            });
        }
    }
    table
}

fn faking(collector: &Collector, lines: &Lines<'_>) -> Vec<FakingRow> {
    let mut rows = Vec::new();
    for (place, column) in collector.columns.iter().enumerate() {
        for (subject, relationship) in lines.conditions(Behaviour::AlignmentFaking) {
            let condition = (subject.as_str(), relationship.as_str());
            let line = |of: Of| lines.line(place, Behaviour::AlignmentFaking, condition, of).summary().ok();
            let (open, watched) = ("unmonitored", "monitored");
            let cells = |monitoring: &str| lines.faking_cells(place, condition, monitoring);
            let (unseen, seen) = (refusals(&cells(open)), refusals(&cells(watched)));
            let refusals = (!unseen.is_empty() && !seen.is_empty()).then(|| unseen.minus(&seen));
            rows.push(FakingRow {
                model: column.label.clone(),
                relationship: relationship.clone(),
                of_readers: line(Of::Readers),
                of_all: line(Of::All),
                refusal: refusals.and_then(|difference| difference.estimate(Confidence::ninety_five())),
                scores: [score(&cells(open)), score(&cells(watched))],
            });
        }
    }
    rows
}

fn refusals(cells: &[(usize, &Spot)]) -> Combination {
    let mut sum = Combination::default();
    for (place, spot) in cells {
        if let Some(scorer) = spot.scorers.iter().position(|(_, kind)| **kind == *"refusal") {
            sum.add((*place, scorer, 0), 1.0, counted(spot, scorer, Of::Readers));
        }
    }
    sum.by_positive_weight()
}

fn score(cells: &[(usize, &Spot)]) -> Option<ScoreSummary> {
    let scores = |spot: &Spot| {
        let scorer = spot.scorers.iter().position(|(_, kind)| **kind == *"alignment_faking")?;
        Some(spot.counted[scorer].cell.scores())
    };
    groups::scores_summary(
        cells.iter().filter_map(|(_, spot)| scores(spot)).fold(Scores::default(), Scores::merged),
    )
}

// --- Claims ----------------------------------------------------------------------------------------------------------

pub(super) fn claims(collector: &Collector, lines: &Lines<'_>) -> Vec<Untested> {
    let mut claims = Vec::new();
    for (place, column) in collector.columns.iter().enumerate() {
        for behaviour in BEHAVIOURS {
            let conditions = lines.conditions(behaviour);
            let line = |subject: &str, relationship: &str| {
                lines.line(place, behaviour, (subject, relationship), Of::Readers)
            };
            let has = |subject: &str, relationship: &str| {
                conditions.iter().any(|(its, other)| its == subject && other == relationship)
            };
            match measure(behaviour) {
                Measure::Difference => {
                    let (control, against) = if behaviour == Behaviour::AlignmentFaking {
                        ("monitored", Against::Monitoring)
                    } else {
                        ("nothing at stake", Against::Control)
                    };
                    for (subject, relationship) in conditions.iter().filter(|(subject, _)| subject == "peer")
                    {
                        let line = line(subject, relationship);
                        let what = format!("{subject}, {relationship}: less {control}");
                        claims.push(untested(
                            column,
                            behaviour,
                            (what, against),
                            line.check().map(|()| line.mean()),
                        ));
                    }
                }
                Measure::Rate => {
                    for (subject, less) in [("peer", "bad"), ("self", "no_peer")] {
                        if !has(subject, "good") || !has(subject, less) {
                            continue;
                        }
                        let (good, other) = (line(subject, "good"), line(subject, less));
                        let sum = good
                            .check()
                            .and_then(|()| other.check())
                            .map(|()| good.mean().minus(&other.mean()));
                        let what = format!("{subject}: good less {less}");
                        claims.push(untested(column, behaviour, (what, Against::Relationship), sum));
                    }
                }
            }
        }
    }
    claims
}

fn untested(
    column: &Column,
    behaviour: Behaviour,
    (what, against): (String, Against),
    sum: Result<Combination, String>,
) -> Untested {
    let (sum, why_not) = match sum {
        Ok(sum) => (Some(sum), None),
        Err(why_not) => (None, Some(why_not)),
    };
    let worst_case = sum.as_ref().and_then(Combination::worst_case);
    let difference = sum.as_ref().and_then(|sum| sum.estimate(Confidence::ninety_five()));
    // What is nothing has no sign that could hold.
    let has_sign = difference.is_some_and(|difference| difference.value.abs() > 1e-12);
    let robustness = worst_case.filter(|_| has_sign).map(|bounds| {
        let holds = bounds.low > 0.0 || bounds.high < 0.0;
        if holds { Robustness::Holds } else { Robustness::CouldTurn }
    });
    let claim = Claim {
        model: column.label.clone(),
        behaviour: behaviour.name().to_owned(),
        what,
        difference,
        why_not,
        p: sum.as_ref().and_then(Combination::p),
        p_holm: None,
        p_benjamini_hochberg: None,
        worst_case,
        robustness,
        standing: sum.as_ref().map_or(Standing::Incomplete, Combination::standing),
        emphasis: Emphasis::Plain,
        others: OtherTests::default(),
    };
    Untested { claim, sum, against }
}

/// Tests all as one family, and says how many tests there were.
fn test(claims: &mut [Untested], crossed: &mut [Crossed]) -> u64 {
    let interactions: Vec<Option<f64>> = crossed.iter().map(|crossed| crossed.interaction.p()).collect();
    let own = claims.iter().map(|untested| untested.claim.p);
    let p_values: Vec<f64> = own.chain(interactions.iter().copied()).flatten().collect();
    let mut adjusted = holm(&p_values).into_iter().zip(benjamini_hochberg(&p_values));
    for Untested { claim, .. } in
        claims.iter_mut().filter(|untested| untested.sum.is_some() && untested.claim.p.is_some())
    {
        let Some((p_holm, p_discovery)) = adjusted.next() else { break };
        claim.p_holm = Some(p_holm);
        claim.p_benjamini_hochberg = Some(p_discovery);
        claim.emphasis = Emphasis::of(claim.p_holm, claim.standing);
    }
    for (crossed, _) in crossed.iter_mut().zip(interactions).filter(|(_, p)| p.is_some()) {
        let Some((p_holm, _)) = adjusted.next() else { break };
        crossed.crossing.p_holm = Some(p_holm);
    }
    p_values.len() as u64
}

// --- What is missing, and what it cost -------------------------------------------------------------------------------

fn drop_out(collector: &Collector) -> Vec<DropOutRow> {
    let mut sums: BTreeMap<(usize, String, String), (Combination, DropOutRow)> = BTreeMap::new();
    for (place, spot) in collector.spots.iter().enumerate() {
        for (scorer, (its, _)) in spot.scorers.iter().enumerate().filter(|(_, (its, _))| its.is_headline()) {
            let key = (spot.column, spot.variant.scenario.to_string(), its.name().to_owned());
            let (model, scenario) = (collector.columns[spot.column].label.clone(), key.1.clone());
            let empty = || (Combination::default(), DropOutRow::new(model, scenario, its.name()));
            let (sum, row) = sums.entry(key).or_insert_with(empty);
            let cell = spot.counted[scorer].cell;
            sum.add((place, scorer, 0), 1.0, cell);
            row.add(&cell);
        }
    }
    let finish = |(sum, mut row): (Combination, DropOutRow)| {
        row.rate = sum.of_filled().estimate(Confidence::ninety_five());
        row.worst_case = sum.by_positive_weight().worst_case().or_else(|| sum.of_filled().worst_case());
        let left_out = row.unread + row.nothing + row.unscored;
        row.share = (row.episodes > 0).then(|| left_out as f64 / row.episodes as f64);
        row
    };
    sums.into_values().map(finish).collect()
}

impl DropOutRow {
    fn new(model: ModelName, scenario: String, behaviour: &str) -> Self {
        Self {
            model,
            scenario,
            behaviour: behaviour.to_owned(),
            rate: None,
            worst_case: None,
            episodes: 0,
            unread: 0,
            nothing: 0,
            unscored: 0,
            share: None,
        }
    }

    fn add(&mut self, cell: &Cell) {
        let tally = cell.tally();
        self.episodes += cell.proportion().of() + tally.left_out();
        self.unread += tally.unread;
        self.nothing += tally.nothing;
        self.unscored += tally.unscored;
    }
}

fn losses(collector: &Collector) -> Vec<LossRow> {
    let row = |(place, column): (usize, &Column)| {
        let spots = || collector.spots.iter().filter(|spot| spot.column == place);
        let sum = |count: fn(&Spot) -> u64| spots().map(count).sum::<u64>();
        let (planned, results, lost) = (sum(|spot| spot.planned), sum(|spot| spot.results), sum(Spot::lost));
        LossRow {
            model: column.label.clone(),
            planned,
            results,
            failed: sum(|spot| spot.failed),
            quarantined: sum(|spot| spot.quarantined),
            cancelled: sum(|spot| spot.cancelled),
            not_run: planned.saturating_sub(results + lost),
        }
    };
    collector.columns.iter().enumerate().map(row).collect()
}

fn reasons(collector: &Collector) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = collector.reasons.values().cloned().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.jobs));
    reasons
}

fn costs(collector: &Collector) -> Vec<CostRow> {
    collector
        .columns
        .iter()
        .map(|column| CostRow { model: column.label.clone(), used: column.used })
        .collect()
}
