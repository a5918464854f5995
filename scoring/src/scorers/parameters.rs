//! A scorer's parameters. One that it does not know was misspelt, and is refused.

use muster_episode::ScorerSpec;
use serde_json::{Map, Value};

use crate::error::ScorerError;

/// See the module.
pub(super) struct Parameters {
    name: String,
    given: Map<String, Value>,
}

// === impl Parameters ===

impl Parameters {
    /// A scorer's parameters, which can only be those `known` to it.
    pub(super) fn of(spec: &ScorerSpec, known: &[&str]) -> Result<Self, ScorerError> {
        let parameters = Self { name: spec.name.to_string(), given: spec.parameters.clone() };
        match parameters.given.keys().find(|parameter| !known.contains(&parameter.as_str())) {
            Some(unknown) => Err(parameters.wrong(unknown, "is not known to it")),
            None => Ok(parameters),
        }
    }

    /// A text that must be given.
    pub(super) fn text(&self, parameter: &str) -> Result<String, ScorerError> {
        match self.given.get(parameter) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            Some(_) => Err(self.wrong(parameter, "is no text")),
            None => Err(self.wrong(parameter, "is missing")),
        }
    }

    /// A truth value that may be given.
    pub(super) fn truth(&self, parameter: &str) -> Result<Option<bool>, ScorerError> {
        match self.given.get(parameter) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(_) => Err(self.wrong(parameter, "is neither true nor false")),
        }
    }

    /// A text that may be given.
    pub(super) fn optional_text(&self, parameter: &str) -> Result<Option<String>, ScorerError> {
        if self.given.contains_key(parameter) { self.text(parameter).map(Some) } else { Ok(None) }
    }

    /// A number that may be given.
    pub(super) fn number(&self, parameter: &str) -> Result<Option<f64>, ScorerError> {
        match self.given.get(parameter) {
            None => Ok(None),
            Some(number) => number.as_f64().map(Some).ok_or_else(|| self.wrong(parameter, "is no number")),
        }
    }

    /// A table of numbers that may be given.
    pub(super) fn numbers(&self, parameter: &str) -> Result<Option<Map<String, Value>>, ScorerError> {
        match self.given.get(parameter) {
            None => Ok(None),
            Some(Value::Object(numbers)) if !numbers.is_empty() && numbers.values().all(Value::is_number) => {
                Ok(Some(numbers.clone()))
            }
            Some(_) => Err(self.wrong(parameter, "is no table of numbers")),
        }
    }

    /// What is wrong with a parameter.
    pub(super) fn wrong(&self, parameter: &str, problem: &'static str) -> ScorerError {
        ScorerError::Parameter { name: self.name.clone(), parameter: parameter.to_owned(), problem }
    }
}
