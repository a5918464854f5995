//! One variant as a model meets it, for people to read before anything is paid for.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Suite;
use super::check::MODEL;
use super::scenario::Scenario;
use super::templates::Fault;
use crate::call::ToolSpec;
use crate::mistake::did_you_mean;
use crate::sweep::VariantKey;
use crate::world::World;

/// The line between two parts of what is shown, in characters.
const RULE_CHARS: usize = 80;

/// A variant, made definite.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its scenario and the value of each axis.
    pub variant: VariantKey,
    /// The system prompt.
    pub system: Arc<str>,
    /// The user prompt.
    pub user: Arc<str>,
    /// The tools on offer, as the model is told of them.
    pub tools: Vec<ToolSpec>,
    /// The world before the first turn.
    pub world: World,
    /// Whether other repeats have another world or other prompts.
    pub seeded: bool,
}

/// Why a variant can't be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShowError {
    /// The suite has no such scenario, or it no such axis or value.
    #[error("{0}")]
    Unknown(String),
    /// The values chosen make no sense together.
    #[error("no variant of `{scenario}` has these values: {why}")]
    Excluded {
        /// The scenario.
        scenario: String,
        /// Why, as the scenario says.
        why: String,
    },
    /// A template fails.
    #[error("{file}:{line}: {what}")]
    Template {
        /// The file, by its path in the suite.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// What went wrong.
        what: String,
    },
}

// === impl Suite ===

impl Suite {
    /// The variant that a text names: a scenario and values, `tampering subject=peer relationship=good`. Axes that are
    /// not named have their first default value that makes a variant with the others.
    ///
    /// # Errors
    /// If there is no such scenario, axis, value or variant.
    pub fn variant(&self, text: &str) -> Result<VariantKey, ShowError> {
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let known: Vec<&str> = self.scenarios().iter().map(|scenario| &**scenario.name()).collect();
        let scenario =
            self.scenario(name).ok_or_else(|| unknown("the suite has no scenario", name, &known))?;
        let mut selected = scenario.defaults();
        for word in words {
            let (axis, place) = chosen(scenario, word)?;
            selected[axis] = vec![place];
        }
        let variants = scenario.variants(self.templates(), &selected).unwrap_or_default();
        match variants.first() {
            Some(variant) => Ok(scenario.key(variant)),
            None => Err(self.excluded(scenario, &selected)),
        }
    }

    fn excluded(&self, scenario: &Scenario, selected: &[Vec<u16>]) -> ShowError {
        let first: Vec<u16> = selected.iter().filter_map(|values| values.first().copied()).collect();
        let why = scenario.why_excluded(self.templates(), &first).unwrap_or("all of them are excluded");
        ShowError::Excluded { scenario: scenario.name().to_string(), why: why.to_owned() }
    }

    /// A variant as a model of this display name meets it in a repeat.
    ///
    /// # Errors
    /// If there is no such variant, or a template fails.
    pub fn show(&self, variant: &VariantKey, model: Option<&str>, seed: u64) -> Result<Shown, ShowError> {
        let unknown = || ShowError::Unknown(format!("the suite has no variant `{variant}`"));
        let scenario = self.scenario(&variant.scenario).ok_or_else(unknown)?;
        let places = scenario.places(variant).ok_or_else(unknown)?;
        let context = scenario.context(self.templates(), &places, model.unwrap_or(MODEL), seed)?;
        let expansion = scenario.expand(self.templates(), &context, seed)?;
        Ok(Shown {
            variant: variant.clone(),
            tools: expansion.world.tools(),
            system: expansion.system,
            user: expansion.user,
            world: expansion.world,
            seeded: expansion.seeded,
        })
    }
}

/// The axis and the place of a value that `axis=value` names.
fn chosen(scenario: &Scenario, word: &str) -> Result<(usize, u16), ShowError> {
    let (name, value) = word
        .split_once('=')
        .ok_or_else(|| ShowError::Unknown(format!("`{word}` is not of the form axis=value")))?;
    let axes: Vec<&str> = scenario.axes().map(|(axis, _)| axis).collect();
    let what = format!("scenario `{}` has no axis", scenario.name());
    let axis = axes.iter().position(|axis| *axis == name).ok_or_else(|| unknown(&what, name, &axes))?;
    let values: Vec<&str> = scenario.axes[axis].values.iter().map(|value| &*value.name).collect();
    let what = format!("the axis `{name}` has no value");
    let place = scenario.axes[axis].place(value).ok_or_else(|| unknown(&what, value, &values))?;
    Ok((axis, place))
}

fn unknown(what: &str, name: &str, known: &[&str]) -> ShowError {
    let help = did_you_mean(name, known.iter().copied())
        .map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    ShowError::Unknown(format!("{what} `{name}` ({help})"))
}

// === impl ShowError ===

impl From<Fault> for ShowError {
    fn from(fault: Fault) -> Self {
        Self::Template { file: fault.source.name.to_string(), line: fault.line(), what: fault.what }
    }
}

// === impl Shown ===

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.variant)?;
        part(f, "System prompt")?;
        writeln!(f, "{}", self.system)?;
        part(f, "User prompt")?;
        writeln!(f, "{}", self.user)?;
        part(f, "Tools")?;
        for tool in &self.tools {
            writeln!(f, "- {}: {}", tool.name, tool.description)?;
            show_parameters(f, tool)?;
        }
        for (path, document) in self.world.drive().iter().flat_map(|drive| drive.documents()) {
            part(f, &format!("Document {path}"))?;
            writeln!(f, "{}", document.content())?;
        }
        for sheet in self.world.sheets().iter().flat_map(|sheets| sheets.sheets()) {
            part(f, &format!("Sheet {}", sheet.name()))?;
            writeln!(f, "{}", sheet.columns().join(" | "))?;
            for row in sheet.rows() {
                writeln!(f, "{}", row.join(" | "))?;
            }
        }
        if let Some(config) = self.world.config() {
            part(f, &format!("Configuration {}", config.name()))?;
            for (name, value) in config.variables() {
                writeln!(f, "{name} = {value}")?;
            }
        }
        if let Some(memory) = self.world.memory() {
            part(f, "Memory")?;
            writeln!(f, "{}", memory.text())?;
        }
        self.show_servers(f)?;
        if let Some(shutdown) = self.world.shutdown() {
            let agents: Vec<&str> = shutdown.agents().iter().map(|agent| &*agent.name).collect();
            part(f, "Agents that can be shut down")?;
            writeln!(f, "{}", agents.join(", "))?;
        }
        Ok(())
    }
}

impl Shown {
    fn show_servers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for host in self.world.servers().iter().flat_map(|servers| servers.hosts()) {
            part(f, &format!("Server {}: {}", host.address(), host.about()))?;
            for (path, file) in host.files() {
                let marker = file.marker().map(|it| format!(" [to scorers: {it}]")).unwrap_or_default();
                writeln!(f, "{path} | {} bytes | {}{marker}", file.bytes(), file.updated().as_str())?;
            }
            for (user, role) in host.users() {
                writeln!(f, "user {user}: {role}")?;
            }
        }
        Ok(())
    }
}

/// The heading of a part. Documents have headings of their own: a line tells where the next part begins.
fn part(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    writeln!(f, "\n{}\n## {name}\n", "─".repeat(RULE_CHARS))
}

/// A tool's parameters, one a line, as its schema has them.
fn show_parameters(f: &mut fmt::Formatter<'_>, tool: &ToolSpec) -> fmt::Result {
    let schema: Value = serde_json::from_str(&tool.parameters).unwrap_or_default();
    let properties = schema["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        let is_needed = schema["required"].as_array().is_some_and(|needed| needed.contains(&json!(name)));
        let needed = if is_needed { "" } else { ", may be left out" };
        let text = |key: &str| property[key].as_str().unwrap_or_default();
        writeln!(f, "    {name} ({}{needed}): {}", text("type"), text("description"))?;
    }
    Ok(())
}
