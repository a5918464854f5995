//! Suites: folders of scenarios.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::mistake::Mistakes;

/// A suite, read and checked.
#[derive(Debug)]
pub struct Suite {
    name: Arc<str>,
    version: Arc<str>,
    scenarios: Vec<Scenario>,
}

/// A scenario of a suite.
#[derive(Debug)]
pub struct Scenario {
    name: Arc<str>,
    title: Arc<str>,
    summary: Arc<str>,
    limits: Limits,
    scorers: Vec<ScorerSpec>,
}

/// Bounds of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Model calls.
    pub model_calls: u32,
    /// Tokens in and out, over the episode.
    pub total_tokens: Option<u64>,
}

/// A scorer that a scenario asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ScorerSpec {
    /// What its verdicts are called in results.
    pub name: Arc<str>,
    /// Which scorer.
    pub kind: Arc<str>,
    /// Its parameters.
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

impl Suite {
    /// Reads and checks a suite.
    ///
    /// # Errors
    /// All mistakes in its files.
    pub fn load(bundle: &Bundle) -> Result<Self, Mistakes> {
        unimplemented!()
    }
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
    /// Its scenarios, by name.
    #[must_use]
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }
    /// One scenario.
    #[must_use]
    pub fn scenario(&self, name: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|scenario| &*scenario.name == name)
    }
}

impl Scenario {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }
    /// For people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }
    /// For people.
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
}
