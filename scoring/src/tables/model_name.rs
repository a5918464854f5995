//! A model's name: whole for programs, short for people. A name that says how a model is asked may be as long as a line.

use serde::{Serialize, Serializer};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    whole: String,
    shown: String,
}

// === impl ModelName ===

impl ModelName {
    /// A name that people are shown in another form.
    #[must_use]
    pub fn new(whole: impl Into<String>, shown: impl Into<String>) -> Self {
        Self { whole: whole.into(), shown: shown.into() }
    }

    /// A name that is shown as it is.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        Self::new(name, name)
    }

    /// All of it, as JSON and CSV have it.
    #[must_use]
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// As tables and charts have it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl PartialEq<&str> for ModelName {
    fn eq(&self, other: &&str) -> bool {
        self.whole == *other
    }
}

impl Serialize for ModelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.whole)
    }
}
