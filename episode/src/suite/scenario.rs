//! A scenario: what its files say, read and checked, and how it becomes a definite environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;

use super::axes::{Axis, Exclusion, Variant, VariantsError, seen, variants};
use super::draw::draw_function;
use super::scorers::{ScorerPlaces, ScorerSpec};
use super::templates::{Fault, Template, Templates};
use super::world::WorldSpec;
use crate::digest::Parts;
use crate::mistake::Source;
use crate::player::Player;
use crate::sweep::VariantKey;
use crate::world::World;

/// A scenario of a suite.
#[derive(Debug)]
pub struct Scenario {
    pub(crate) name: Arc<str>,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) seeded: bool,
    pub(crate) axes: Vec<Axis>,
    pub(crate) exclusions: Vec<Exclusion>,
    /// Names that templates can use, in order: each may use those before it.
    pub(crate) names: Vec<(Arc<str>, Template)>,
    pub(crate) system: Template,
    pub(crate) user: Template,
    pub(crate) world: WorldSpec,
    pub(crate) limits: Limits,
    pub(crate) sampling: SamplingSpec,
    pub(crate) scorers: Vec<ScorerSpec>,
    /// Where the scorers stand in the file, by name.
    pub(crate) scorer_places: BTreeMap<Arc<str>, ScorerPlaces>,
    pub(crate) players: BTreeMap<Arc<str>, Player>,
    pub(crate) source: Source,
}

/// Bounds of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Model calls.
    pub model_calls: u32,
    /// Tokens in and out, over the episode, as the provider counts them.
    pub total_tokens: Option<u64>,
}

/// How a scenario's model is to sample, unless the sweep says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SamplingSpec {
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) max_output_tokens: u32,
}

/// A variant of a scenario for one model: all that its episodes share.
#[derive(Debug)]
pub(crate) struct Expansion {
    pub(crate) system: Arc<str>,
    pub(crate) user: Arc<str>,
    pub(crate) world: World,
    /// Whether each repeat has a world or prompts of its own.
    pub(crate) seeded: bool,
}

// === impl Expansion ===

impl Expansion {
    /// What every call begins with, in characters: prompts and tools.
    pub(crate) fn opening_chars(&self) -> u64 {
        let tools: usize = self
            .world
            .tools()
            .iter()
            .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.len())
            .sum();
        (self.system.chars().count() + self.user.chars().count() + tools) as u64
    }
}

// === impl Scenario ===

impl Scenario {
    /// Its name, unique in its suite.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its title, for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it is about, for people.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What scores its episodes.
    #[must_use]
    pub fn scorers(&self) -> &[ScorerSpec] {
        &self.scorers
    }

    /// Its limits, before a sweep's overrides.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The names of its players.
    pub fn players(&self) -> impl Iterator<Item = &str> {
        self.players.keys().map(AsRef::as_ref)
    }

    /// The names of its axes and of their values, in order.
    pub fn axes(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.axes.iter().map(|axis| (&*axis.name, axis.values.iter().map(|value| &*value.name).collect()))
    }

    /// The places of the values that a sweep runs if it selects none.
    pub(crate) fn defaults(&self) -> Vec<Vec<u16>> {
        self.axes.iter().map(|axis| axis.default.clone()).collect()
    }

    pub(crate) fn variants(
        &self,
        templates: &Templates,
        selected: &[Vec<u16>],
    ) -> Result<Vec<Variant>, VariantsError> {
        variants(&self.axes, selected, &self.exclusions, templates)
    }

    /// The name of a variant.
    pub(crate) fn key(&self, variant: &[u16]) -> VariantKey {
        let value = |(axis, place): (&Axis, &u16)| {
            Some((Arc::clone(&axis.name), Arc::clone(&axis.values.get(usize::from(*place))?.name)))
        };
        VariantKey {
            scenario: Arc::clone(&self.name),
            values: self.axes.iter().zip(variant).filter_map(value).collect(),
        }
    }

    /// The places of a variant's values; none if the axes or values are others.
    pub(crate) fn places(&self, variant: &VariantKey) -> Option<Variant> {
        if variant.values.len() != self.axes.len() {
            return None;
        }
        let place = |(axis, (name, value)): (&Axis, &(Arc<str>, Arc<str>))| {
            axis.place(value).filter(|_| axis.name == *name)
        };
        self.axes.iter().zip(&variant.values).map(place).collect()
    }

    /// Why a combination of values is excluded, if it is.
    pub(super) fn why_excluded(&self, templates: &Templates, variant: &[u16]) -> Option<&str> {
        let context = Value::from_pairs(seen(&self.axes, variant));
        let holds = |exclusion: &&Exclusion| templates.holds(&exclusion.when, &context).unwrap_or(false);
        self.exclusions.iter().find(holds).map(|exclusion| &*exclusion.why)
    }

    /// An attribute of a variant's value on an axis, as the scenario gives it: `stratum`'s `threshold`.
    #[must_use]
    pub fn attribute(&self, variant: &VariantKey, axis: &str, name: &str) -> Option<serde_json::Value> {
        let axis = self.axes.iter().find(|known| &*known.name == axis)?;
        let place = axis.place(variant.value(&axis.name)?)?;
        axis.values.get(usize::from(place))?.attributes.as_ref()?.get(name).cloned()
    }

    /// The names that its templates can use.
    pub(crate) fn defined(&self) -> Vec<String> {
        let axes = self.axes.iter().map(|axis| axis.name.to_string());
        let names = self.names.iter().map(|(name, _)| name.to_string());
        let seeded: &[&str] = if self.seeded { &["seed", "draw"] } else { &[] };
        let given = ["model"].iter().chain(seeded).map(ToString::to_string);
        axes.chain(names).chain(given).collect()
    }

    /// What its templates see. `seed` matters only to a seeded scenario.
    pub(crate) fn context(
        &self,
        templates: &Templates,
        variant: &[u16],
        model: &str,
        seed: u64,
    ) -> Result<Value, Fault> {
        let mut context: BTreeMap<Arc<str>, Value> = seen(&self.axes, variant).collect();
        context.insert("model".into(), model.into());
        if self.seeded {
            context.insert("seed".into(), seed.into());
            context.insert("draw".into(), draw_function(&self.name, seed));
        }
        for (name, template) in &self.names {
            let value = templates.render(template, &Value::from_pairs(context.clone()))?;
            context.insert(name.clone(), value.into());
        }
        Ok(Value::from_pairs(context))
    }

    /// The system and the user prompt.
    pub(crate) fn prompts(&self, templates: &Templates, context: &Value) -> Result<(String, String), Fault> {
        Ok((templates.render(&self.system, context)?, templates.render(&self.user, context)?))
    }

    pub(crate) fn expand(
        &self,
        templates: &Templates,
        context: &Value,
        seed: u64,
    ) -> Result<Expansion, Fault> {
        let (system, user) = self.prompts(templates, context)?;
        let shuffled = self.world.is_shuffled(templates, context)?;
        let world = self.world(templates, context, seed)?;
        let seeded = self.seeded || shuffled;
        Ok(Expansion { system: system.into(), user: user.into(), world, seeded })
    }

    /// The world before the first turn.
    pub(crate) fn world(&self, templates: &Templates, context: &Value, seed: u64) -> Result<World, Fault> {
        let families = self.world.families(templates, context)?;
        let shuffled = self.world.is_shuffled(templates, context)?;
        Ok(World::new(if shuffled { families.shuffled(order(&self.name, seed)) } else { families }))
    }
}

/// The number by which things are put in an order of their own: the same in all variants of a repeat.
fn order(scenario: &str, seed: u64) -> u64 {
    Parts::new("muster scenario order").text(scenario).number(seed).draw()
}
