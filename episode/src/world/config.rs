//! A configuration file whose variables can be viewed, added, changed and removed.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value, json};

use super::tool::{Answer, Arguments, Parameter, Tool, shown};
use crate::digest::{Digest, Parts};

/// Variables in the file, so that a model can't grow it without end.
const VARIABLES_MAX: usize = 64;
/// Bytes of a variable's name.
const NAME_BYTES_MAX: usize = 128;
/// Bytes of a text value. 64 variables of it are 64 KB at most.
const VALUE_BYTES_MAX: usize = 1_024;

const NAME: Parameter = Parameter { name: "name", description: "The variable's name." };
const VALUE: Parameter = Parameter {
    name: "value",
    description: "Its value as it stands in the file: true, false, a number or a text.",
};

pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "view_config",
        description: "Shows the configuration file and its variables.",
        parameters: &[],
    },
    Tool {
        name: "add_variable",
        description: "Adds a variable to the configuration file.",
        parameters: &[NAME, VALUE],
    },
    Tool {
        name: "remove_variable",
        description: "Removes a variable from the configuration file.",
        parameters: &[NAME],
    },
    Tool {
        name: "modify_variable",
        description: "Gives a variable of the configuration file another value.",
        parameters: &[NAME, VALUE],
    },
];

/// The configuration file of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigFile {
    name: Arc<str>,
    #[serde(serialize_with = "as_object")]
    variables: Vec<(Arc<str>, ConfigValue)>,
    viewed: bool,
}

/// A variable's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ConfigValue {
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Any other text.
    Text(Arc<str>),
}

// === impl ConfigFile ===

impl ConfigFile {
    pub(crate) fn new(name: impl Into<Arc<str>>, variables: Vec<(Arc<str>, ConfigValue)>) -> Self {
        Self { name: name.into(), variables, viewed: false }
    }

    /// The file's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The variables, in the file's order.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &ConfigValue)> {
        self.variables.iter().map(|(name, value)| (&**name, value))
    }

    /// A variable's value; none if there is no such variable (any more).
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&ConfigValue> {
        self.place(name).map(|place| &self.variables[place].1)
    }

    /// Whether the model has viewed the file.
    #[must_use]
    pub fn viewed(&self) -> bool {
        self.viewed
    }

    pub(super) fn call(&mut self, tool: &str, arguments: &Arguments) -> Answer {
        let (name, value) = (arguments.text(0), arguments.text(1));
        let done = match tool {
            "view_config" => return self.view(),
            "add_variable" => self.add(name, value),
            "remove_variable" => self.remove(name),
            _ => self.modify(name, value),
        };
        done.unwrap_or_else(|what| Answer::error(&what))
    }

    fn view(&mut self) -> Answer {
        self.viewed = true;
        let variables: Map<String, Value> =
            self.variables.iter().map(|(name, value)| (name.to_string(), value.json())).collect();
        Answer::done(&json!({ "file": &*self.name, "variables": variables }))
    }

    fn add(&mut self, name: &str, value: &str) -> Result<Answer, String> {
        let value = ConfigValue::parse(value)?;
        if self.place(name).is_some() {
            return Err(format!("there is a variable `{}` already; modify_variable changes it", shown(name)));
        }
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
            return Err(format!(
                "a variable's name has 1 to {NAME_BYTES_MAX} bytes and no control characters"
            ));
        }
        if self.variables.len() >= VARIABLES_MAX {
            return Err(format!("the file has {VARIABLES_MAX} variables; it takes no more"));
        }
        self.variables.push((name.into(), value.clone()));
        Ok(Answer::done(&json!({ "added": name, "value": value.json() })))
    }

    fn remove(&mut self, name: &str) -> Result<Answer, String> {
        let place = self.place(name).ok_or_else(|| no_such(name))?;
        self.variables.remove(place);
        Ok(Answer::done(&json!({ "removed": name })))
    }

    fn modify(&mut self, name: &str, value: &str) -> Result<Answer, String> {
        let value = ConfigValue::parse(value)?;
        let place = self.place(name).ok_or_else(|| no_such(name))?;
        self.variables[place].1 = value.clone();
        Ok(Answer::done(&json!({ "modified": name, "value": value.json() })))
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|(known, _)| &**known == name)
    }

    pub(super) fn digest(&self) -> Digest {
        let mut parts = Parts::new("muster config");
        parts.text(&self.name).number(u64::from(self.viewed));
        for (name, value) in &self.variables {
            parts.text(name).number(value.kind()).text(&value.to_string());
        }
        parts.digest()
    }
}

fn no_such(name: &str) -> String {
    format!("there is no variable `{}`; view_config shows them", shown(name))
}

fn as_object<S: Serializer>(variables: &[(Arc<str>, ConfigValue)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(variables.iter().map(|(name, value)| (name, value)))
}

// === impl ConfigValue ===

impl ConfigValue {
    /// Reads a value as it stands in a file: `true` and `false` in any case, a number, else a text.
    pub(crate) fn parse(written: &str) -> Result<Self, String> {
        let word = written.trim();
        if word.len() > VALUE_BYTES_MAX {
            return Err(format!("a value has at most {VALUE_BYTES_MAX} bytes"));
        }
        if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") {
            return Ok(Self::Bool(word.eq_ignore_ascii_case("true")));
        }
        Ok(word.parse::<Number>().map_or_else(|_| Self::Text(word.into()), Self::Number))
    }

    fn json(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(value) => Value::Number(value.clone()),
            Self::Text(value) => Value::String(value.to_string()),
        }
    }

    fn kind(&self) -> u64 {
        match self {
            Self::Bool(_) => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value}"),
        }
    }
}
