//! What a suite has, in numbers: scenarios, variants, and about how many tokens an episode takes.

use std::sync::Arc;

use super::check::MODEL;
use super::review::way;
use super::scenario::Scenario;
use super::templates::Templates;
use super::{Suite, tokens};

/// The player by which an episode is measured: every scenario is expected to have one.
const MEASURED_BY: &str = "obedient";

/// A scenario in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its name.
    pub scenario: Arc<str>,
    /// Its title.
    pub title: String,
    /// Variants that a sweep runs if it selects nothing.
    pub variants: usize,
    /// Its axes.
    pub axes: Vec<ListedAxis>,
    /// Its players.
    pub players: Vec<String>,
    /// The names of its scorers.
    pub scorers: Vec<String>,
    /// Tokens of its default variants, estimated as a quarter of the characters.
    pub tokens: ListedTokens,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAxis {
    /// Its name.
    pub name: Arc<str>,
    /// Its values, and whether a sweep runs them if it selects nothing.
    pub values: Vec<(Arc<str>, bool)>,
}

/// Estimated tokens, the mean over variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListedTokens {
    /// What every call begins with: prompts and tools.
    pub opening: u64,
    /// Into the model over an episode of the obedient player; 0 if there is none.
    pub input: u64,
    /// Out of it.
    pub output: u64,
    /// Model calls of that episode.
    pub model_calls: u64,
}

// === impl Suite ===

impl Suite {
    /// All scenarios in numbers. The measured player says little: a real model's output is several times as long.
    #[must_use]
    pub fn list(&self) -> Vec<Listing> {
        self.scenarios().iter().map(|scenario| listing(scenario, self.templates())).collect()
    }
}

fn listing(scenario: &Scenario, templates: &Templates) -> Listing {
    let variants = scenario.variants(templates, &scenario.defaults()).unwrap_or_default();
    Listing {
        scenario: Arc::clone(scenario.name()),
        title: scenario.title().to_owned(),
        variants: variants.len(),
        axes: axes(scenario),
        players: scenario.players().map(str::to_owned).collect(),
        scorers: scenario.scorers().iter().map(|scorer| scorer.name.to_string()).collect(),
        tokens: measured(scenario, templates, &variants),
    }
}

fn axes(scenario: &Scenario) -> Vec<ListedAxis> {
    let axes = scenario.axes.iter().map(|axis| {
        // An axis has at most 1,000 values.
        let is_default = |place: usize| axis.default.contains(&(place as u16));
        let values = axis.values.iter().enumerate();
        let values = values.map(|(place, value)| (Arc::clone(&value.name), is_default(place)));
        ListedAxis { name: Arc::clone(&axis.name), values: values.collect() }
    });
    axes.collect()
}

fn measured(scenario: &Scenario, templates: &Templates, variants: &[Vec<u16>]) -> ListedTokens {
    let (mut sum, mut opening) = (crate::player::Rehearsal::default(), 0);
    for variant in variants {
        let Ok(context) = scenario.context(templates, variant, MODEL, 0) else { continue };
        let Ok(expansion) = scenario.expand(templates, &context, 0) else { continue };
        opening += expansion.opening_chars();
        let player = scenario.players.get(MEASURED_BY);
        let way = player.and_then(|player| way(scenario, templates, player, &context, &expansion));
        let way = way.unwrap_or_default();
        sum.turns += way.turns;
        sum.input_chars += way.input_chars;
        sum.output_chars += way.output_chars;
    }
    let count = (variants.len() as u64).max(1);
    ListedTokens {
        opening: tokens(opening / count),
        input: tokens(sum.input_chars / count),
        output: tokens(sum.output_chars / count),
        model_calls: sum.turns.div_ceil(count),
    }
}
