//! Where variables are read from.

use std::collections::BTreeMap;

/// Where variables are read from: the process, or a test's table.
pub trait Environment {
    /// A variable's value; none if it is not set or not UTF-8.
    fn get(&self, name: &str) -> Option<String>;
    /// The names of all variables that are set, in order.
    fn names(&self) -> Vec<String>;
}

/// The variables of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

/// A variable's value without blanks around it (keys are pasted with a line break at their end); none if empty.
pub(super) fn set(environment: &dyn Environment, name: &str) -> Option<String> {
    environment.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The first of these variables that is set, and its value.
pub(super) fn first<'a>(environment: &dyn Environment, names: &[&'a str]) -> Option<(&'a str, String)> {
    names.iter().find_map(|name| set(environment, name).map(|value| (*name, value)))
}

// === impl Environment ===

impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        names.sort();
        names
    }
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}
