//! What a report on a sweep will compare, before an episode of it is run: the same comparisons, of the same cells and by
//! the same weights, because the same code makes them of cells that are taken to be full.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_episode::SweepPlan;

use crate::report::build::claims;
use crate::report::collector::{Collector, Selections};
use crate::report::crossing;
use crate::report::effects;
use crate::report::lines::Lines;
use crate::report::source::{LaneUse, ScenarioScorers, Source};
use crate::tables::{Cell, Tally};

/// What a sweep's report will hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prospect {
    /// How many cells, all models together, will have so many episodes.
    pub cells: BTreeMap<u64, u64>,
    /// The comparisons that are tested as one family, model by model, and those that lack something.
    pub comparisons: Vec<PlannedComparison>,
    /// The effects of single axes, which are a family of their own.
    pub effects: Vec<PlannedEffect>,
}

/// A comparison that will be made.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedComparison {
    /// The model.
    pub model: String,
    /// What is counted.
    pub behaviour: String,
    /// What is held against what.
    pub what: String,
    /// The cells whose rate would be another; none where the comparison can't be made, with the reason.
    pub sides: Result<[PlannedSide; 2], String>,
}

/// A value of an axis that will be held against the axis' base, over pairs of cells that are alike in all other axes.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedEffect {
    /// The model.
    pub model: String,
    /// In which scenario.
    pub scenario: String,
    /// What is counted.
    pub behaviour: String,
    /// The axis.
    pub axis: String,
    /// The value.
    pub value: String,
    /// Its cells and the base's; none where no cell has its counterpart.
    pub sides: Option<[PlannedSide; 2]>,
}

/// One side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PlannedSide {
    /// Variants in it.
    pub variants: u64,
    /// Their episodes.
    pub episodes: u64,
    /// The episodes of a simple sample that would be as sure of the side's weighted rate.
    pub effective: f64,
}

// === impl Prospect ===

impl Prospect {
    /// Of a plan, and the scorers of each of its scenarios.
    #[must_use]
    pub fn new(plan: Arc<SweepPlan>, scorers: BTreeMap<Arc<str>, Arc<ScenarioScorers>>) -> Self {
        let source = source(plan, scorers);
        let sources = vec![source];
        let selections = Selections::new(&sources);
        let mut collector = Collector::new(sources, &selections);
        collector.fill();
        let mut cells = BTreeMap::new();
        for spot in &collector.spots {
            *cells.entry(spot.planned).or_default() += 1;
        }
        Self { cells, comparisons: comparisons(&collector), effects: effects(&collector) }
    }

    /// How many tests the family has.
    #[must_use]
    pub fn tests(&self) -> usize {
        self.comparisons.iter().filter(|comparison| comparison.sides.is_ok()).count()
    }

    /// How many tests the family of single axes has.
    #[must_use]
    pub fn tests_of_axes(&self) -> usize {
        self.effects.iter().filter(|effect| effect.sides.is_some()).count()
    }
}

/// The sweep as it will be, if all goes well.
fn source(plan: Arc<SweepPlan>, scorers: BTreeMap<Arc<str>, Arc<ScenarioScorers>>) -> Source {
    let mut source = Source {
        sweep: 0,
        name: plan.name().to_owned(),
        state: String::new(),
        seeds: u64::from(plan.seeds()),
        limit: plan.limit(),
        scorers,
        lanes: Vec::new(),
        plan,
    };
    let ended = |lane: u32| {
        let jobs = source.jobs(lane);
        LaneUse { jobs, results: jobs, ..LaneUse::default() }
    };
    // A plan has fewer than 4 billion models.
    source.lanes = (0..source.plan.models().len() as u32).map(ended).collect();
    source
}

fn comparisons(collector: &Collector) -> Vec<PlannedComparison> {
    let lines = Lines::new(collector);
    let claims = claims(collector, &lines).into_iter().map(|untested| PlannedComparison {
        model: untested.claim.model.whole().to_owned(),
        behaviour: untested.claim.behaviour,
        what: untested.claim.what,
        sides: match (untested.sum, untested.claim.why_not) {
            (Some(sum), _) => Ok(sum.sides()),
            (None, why_not) => Err(why_not.unwrap_or_default()),
        },
    });
    let interactions = crossing::all(collector).into_iter().map(|crossed| PlannedComparison {
        model: crossed.crossing.model.whole().to_owned(),
        behaviour: crossed.crossing.behaviour,
        what: format!("threat x relationship in {}", crossed.crossing.scenario),
        sides: Ok(corner(crossed.interaction.sides())),
    });
    claims.chain(interactions).collect()
}

fn effects(collector: &Collector) -> Vec<PlannedEffect> {
    let planned = |held: &effects::Held<'_>| PlannedEffect {
        model: collector.columns[held.column].label.whole().to_owned(),
        scenario: held.scenario.to_owned(),
        behaviour: held.behaviour.to_owned(),
        axis: held.axis.to_owned(),
        value: held.value.to_owned(),
        sides: held.sides(),
    };
    effects::held(collector).iter().map(planned).collect()
}

/// An interaction as one corner against the three others: all four weigh the same, two on either side.
fn corner(sides: [PlannedSide; 2]) -> [PlannedSide; 2] {
    let [plus, minus] = sides;
    let spread: f64 =
        [plus, minus].iter().filter(|side| side.effective > 0.0).map(|side| 1.0 / side.effective).sum();
    let share = |part: f64| if spread > 0.0 { 1.0 / (spread * part) } else { 0.0 };
    let (variants, episodes) = (plus.variants / 2, plus.episodes / 2);
    [
        PlannedSide { variants, episodes, effective: share(0.25) },
        PlannedSide {
            variants: plus.variants - variants + minus.variants,
            episodes: plus.episodes - episodes + minus.episodes,
            effective: share(0.75),
        },
    ]
}

// === impl Collector ===

impl Collector {
    /// Counts every planned episode as judged; whether as a hit makes no difference to what is compared.
    fn fill(&mut self) {
        for spot in &mut self.spots {
            let full = Cell::counted(spot.planned, Tally { misses: spot.planned, ..Tally::default() });
            for counted in &mut spot.counted {
                counted.cell = full;
                if let Some(cells) = &mut counted.at_bars {
                    cells.fill(full);
                }
            }
        }
    }
}
