//! A scenario: what its files say, read and checked, and how it becomes a definite environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;

use super::axes::{Axis, Exclusion, Variant, VariantsError, seen, variants};
use super::draw::draw_function;
use super::templates::{Condition, Fault, Template, Templates};
use crate::mistake::Source;
use crate::player::Player;
use crate::sweep::VariantKey;
use crate::world::{
    ConfigFile, ConfigValue, Document, Drive, Memory, Scratchpad, Sheet, Sheets, Table, World,
};

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

/// A scorer that a scenario asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ScorerSpec {
    /// What its verdicts are called in results.
    pub name: Arc<str>,
    /// Which scorer.
    pub kind: Arc<str>,
    /// Its other parameters, as the scenario gives them.
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

/// What a scenario says of its world.
#[derive(Debug, Default)]
pub(crate) struct WorldSpec {
    pub(crate) drive: Option<Vec<DocumentSpec>>,
    pub(crate) sheets: Option<Vec<SheetSpec>>,
    pub(crate) config: Option<ConfigSpec>,
    pub(crate) memory: Vec<MemorySpec>,
    /// Whether there is a scratchpad, and in which variants.
    pub(crate) scratchpad: Option<ScratchpadSpec>,
}

#[derive(Debug)]
pub(crate) struct DocumentSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) path: Template,
    pub(crate) from: Template,
}

#[derive(Debug)]
pub(crate) struct SheetSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) name: Template,
    pub(crate) evidence: bool,
    pub(crate) table: Arc<Table>,
}

#[derive(Debug)]
pub(crate) struct ConfigSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) name: Template,
    pub(crate) variables: Vec<(Arc<str>, VariableSpec)>,
}

#[derive(Debug)]
pub(crate) enum VariableSpec {
    Value(ConfigValue),
    Text(Template),
}

#[derive(Debug)]
pub(crate) struct MemorySpec {
    pub(crate) when: Option<Condition>,
    pub(crate) from: Template,
}

#[derive(Debug)]
pub(crate) struct ScratchpadSpec {
    pub(crate) when: Option<Condition>,
}

/// A variant of a scenario for one model: all that its episodes share.
#[derive(Debug)]
pub(crate) struct Expansion {
    pub(crate) system: Arc<str>,
    pub(crate) user: Arc<str>,
    pub(crate) world: World,
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

    pub(crate) fn expand(&self, templates: &Templates, context: &Value) -> Result<Expansion, Fault> {
        let (system, user) = self.prompts(templates, context)?;
        let world = self.world(templates, context)?;
        Ok(Expansion { system: system.into(), user: user.into(), world })
    }

    /// The world before the first turn.
    pub(crate) fn world(&self, templates: &Templates, context: &Value) -> Result<World, Fault> {
        Ok(World::new(
            self.world.drive(templates, context)?,
            self.world.sheets(templates, context)?,
            self.world.config(templates, context)?,
            self.world.memory(templates, context)?,
            self.world.scratchpad(templates, context)?,
        ))
    }
}

// === impl WorldSpec ===

impl WorldSpec {
    /// Its templates, without conditions and without tables.
    pub(crate) fn templates(&self) -> Vec<Template> {
        let drive = self.drive.iter().flatten().flat_map(|it| [&it.path, &it.from]);
        let sheets = self.sheets.iter().flatten().map(|it| &it.name);
        let memory = self.memory.iter().map(|it| &it.from);
        let config = self.config.iter().map(|it| &it.name);
        let variables =
            self.config.iter().flat_map(|it| &it.variables).filter_map(|(_, value)| match value {
                VariableSpec::Text(template) => Some(template),
                VariableSpec::Value(_) => None,
            });
        drive.chain(sheets).chain(memory).chain(config).chain(variables).cloned().collect()
    }

    fn drive(&self, templates: &Templates, context: &Value) -> Result<Option<Drive>, Fault> {
        let Some(specs) = &self.drive else { return Ok(None) };
        let mut documents: BTreeMap<Arc<str>, Document> = BTreeMap::new();
        for spec in specs {
            if !applies(spec.when.as_ref(), templates, context)? {
                continue;
            }
            let path = templates.render(&spec.path, context)?;
            let content = templates.render(&spec.from, context)?;
            if documents.contains_key(path.as_str()) {
                return Err(templates
                    .whole(&spec.path, format!("two documents have the path `{path}` in one variant")));
            }
            documents.insert(path.into(), Document::given(content.into()));
        }
        Ok(Some(Drive::new(documents)))
    }

    fn sheets(&self, templates: &Templates, context: &Value) -> Result<Option<Sheets>, Fault> {
        let Some(specs) = &self.sheets else { return Ok(None) };
        let mut sheets: Vec<Sheet> = Vec::new();
        for spec in specs {
            if !applies(spec.when.as_ref(), templates, context)? {
                continue;
            }
            let name = templates.render(&spec.name, context)?;
            if sheets.iter().any(|sheet| sheet.name() == name) {
                return Err(
                    templates.whole(&spec.name, format!("two sheets have the name `{name}` in one variant"))
                );
            }
            sheets.push(Sheet::new(name, spec.evidence, spec.table.clone()));
        }
        Ok(Some(Sheets::new(sheets)))
    }

    fn config(&self, templates: &Templates, context: &Value) -> Result<Option<ConfigFile>, Fault> {
        let Some(spec) = &self.config else { return Ok(None) };
        if !applies(spec.when.as_ref(), templates, context)? {
            return Ok(None);
        }
        let mut variables = Vec::with_capacity(spec.variables.len());
        for (name, value) in &spec.variables {
            let value = match value {
                VariableSpec::Value(value) => value.clone(),
                VariableSpec::Text(template) => {
                    ConfigValue::Text(templates.render(template, context)?.into())
                }
            };
            variables.push((name.clone(), value));
        }
        Ok(Some(ConfigFile::new(templates.render(&spec.name, context)?, variables)))
    }

    fn memory(&self, templates: &Templates, context: &Value) -> Result<Option<Memory>, Fault> {
        let mut memory = None;
        for spec in &self.memory {
            if !applies(spec.when.as_ref(), templates, context)? {
                continue;
            }
            if memory.is_some() {
                return Err(templates.whole(&spec.from, "two memories apply in one variant"));
            }
            memory = Some(Memory::new(templates.render(&spec.from, context)?));
        }
        Ok(memory)
    }

    fn scratchpad(&self, templates: &Templates, context: &Value) -> Result<Option<Scratchpad>, Fault> {
        let Some(spec) = &self.scratchpad else { return Ok(None) };
        Ok(applies(spec.when.as_ref(), templates, context)?.then(Scratchpad::default))
    }
}

/// Whether a part with this condition is in the world.
pub(crate) fn applies(
    when: Option<&Condition>,
    templates: &Templates,
    context: &Value,
) -> Result<bool, Fault> {
    when.map_or(Ok(true), |condition| templates.holds(condition, context))
}
