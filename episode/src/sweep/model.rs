//! Models as a sweep names them: `provider/name`, as in Inspect.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::quota::{BudgetPlan, Price, QuotaPlan};
use crate::catalog::{Catalog, CatalogModel};

/// Bytes of a model's name: it stands in every request, record and table row. Providers' are far shorter; a built-in player's odds for each scenario take the most.
pub const MODEL_NAME_BYTES_MAX: usize = 400;

/// The account of the built-in provider, which needs no key.
const BUILT_IN: &str = "sim";

/// A model's name, taken apart: `provider/name`, or `openai-api/service/name` for a service that speaks OpenAI Chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    full: Arc<str>,
    account_end: usize,
}

/// A model of a sweep, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPlan {
    /// The name in full: `openai/gpt-5.2`, `openai-api/fake/sim/obedient`, `sim/mixed?p=0.3`.
    pub name: Arc<str>,
    /// What a worker must hold a key for: `openai`, `openai-api/fake`; `sim` is the built-in provider.
    pub account: Arc<str>,
    /// The model's name in requests: `gpt-5.2`, `sim/obedient`.
    pub request_name: Arc<str>,
    /// What prompts and documents call it: `GPT 5.2`.
    pub display_name: Arc<str>,
    /// What shares a rate limit with it: its own name, unless the sweep or the catalog says otherwise.
    pub pool: Arc<str>,
    /// Whether `pool` is the catalog's word: it is no part of what is run then, as limits are none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pool_by_catalog: bool,
    /// The service's address, if the sweep names one; else the worker's environment does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<Arc<str>>,
    /// Overrides the scenario's temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Overrides the scenario's nucleus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Overrides the scenario's bound on the output tokens of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// Further fields of the request body: a JSON object as text with sorted keys, or empty.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub extra_body: Arc<str>,
    /// The most calls at once to this model, per worker. No part of what is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// The dialect that its route speaks: `openai-responses`, `openai-chat`, `anthropic-messages`, `gemini`. None: the
    /// provider's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Arc<str>>,
    /// What its route does not take or wants otherwise, by the catalog's names (`no-temperature`, `no-seed`, ...).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quirks: Vec<Arc<str>>,
    /// What its provider allows. No part of what is run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub quota: QuotaPlan,
    /// What its tokens cost, if that is known. No part of what is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// What it may spend in this sweep. No part of what is run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub budget: BudgetPlan,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

// === impl ModelName ===

impl ModelName {
    /// Takes a name apart.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(name: &str) -> Result<Self, String> {
        let fits = !name.is_empty() && name.len() <= MODEL_NAME_BYTES_MAX;
        if !fits || name.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(format!("a model's name has 1 to {MODEL_NAME_BYTES_MAX} bytes and no spaces"));
        }
        if name.split('/').any(str::is_empty) {
            return Err("a model is named `provider/name`, for example `openai/gpt-5.2`".to_owned());
        }
        let slash = name.find('/').ok_or("a model is named `provider/name`, for example `openai/gpt-5.2`")?;
        let account_end = if &name[..slash] == "openai-api" {
            let service = &name[slash + 1..];
            let end =
                service.find('/').ok_or("a compatible service's model is named `openai-api/service/name`")?;
            slash + 1 + end
        } else {
            slash
        };
        Ok(Self { full: name.into(), account_end })
    }

    /// The name as written.
    #[must_use]
    pub fn full(&self) -> &Arc<str> {
        &self.full
    }

    /// What a worker must hold a key for: `openai`, `openai-api/fake`, `sim`.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.full[..self.account_end]
    }

    /// The model's name in requests. The built-in provider's models keep their prefix.
    #[must_use]
    pub fn request_name(&self) -> &str {
        if self.is_built_in() { &self.full } else { &self.full[self.account_end + 1..] }
    }

    /// Whether the built-in provider plays it.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.account() == BUILT_IN
    }

    /// A readable form of the last part: `gpt-5.2` becomes `GPT 5.2`, `claude-haiku-4-5` becomes `Claude Haiku 4.5`.
    #[must_use]
    pub fn display_name(&self) -> String {
        let last = self.full.rsplit('/').next().unwrap_or_default();
        let last = last.split('?').next().unwrap_or_default();
        readable(last)
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

fn readable(name: &str) -> String {
    let mut readable = String::new();
    let mut last_is_number = false;
    for word in name.split(['-', '_', ' ', ':']).filter(|word| !word.is_empty()) {
        let is_number = word.chars().all(|c| c.is_ascii_digit()) && word.len() <= 2;
        if !readable.is_empty() {
            readable.push(if is_number && last_is_number { '.' } else { ' ' });
        }
        readable.push_str(&capitalised(word));
        last_is_number = is_number;
    }
    readable
}

/// Short words without a vowel are initials (GPT, GLM); others get a capital.
fn capitalised(word: &str) -> String {
    let is_vowel = |c: char| "aeiouyAEIOUY".contains(c);
    if word.len() <= 3 && !word.contains(is_vowel) {
        return word.to_uppercase();
    }
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

// === impl ModelPlan ===

impl ModelPlan {
    /// A model with nothing said about it but its name.
    #[must_use]
    pub fn of(name: &ModelName) -> Self {
        Self {
            name: name.full().clone(),
            account: name.account().into(),
            request_name: name.request_name().into(),
            display_name: name.display_name().into(),
            pool: name.full().clone(),
            pool_by_catalog: false,
            base_url: None,
            temperature: None,
            top_p: None,
            max_output_tokens: None,
            extra_body: "".into(),
            max_connections: None,
            dialect: None,
            quirks: Vec::new(),
            quota: QuotaPlan::default(),
            price: None,
            budget: BudgetPlan::default(),
        }
    }

    /// A model with what the catalog knows of it, and nothing else.
    #[must_use]
    pub fn known(name: &ModelName, catalog: &Catalog) -> Self {
        let mut model = Self::of(name);
        if let Some(known) = catalog.get(name.full()) {
            model.fill(known);
        }
        model
    }

    /// Whether the built-in provider plays it.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        &*self.account == BUILT_IN
    }

    /// Takes over what the catalog knows; its limits are those of the usual tier.
    fn fill(&mut self, known: &CatalogModel) {
        if let Some(display_name) = &known.display_name {
            self.display_name = display_name.as_str().into();
        }
        if let Some(route) = known.route.as_ref().map(|route| &route.value) {
            self.dialect = route.dialect.as_deref().map(Into::into);
            self.quirks = route.quirks.iter().flatten().map(|quirk| quirk.as_str().into()).collect();
            if let Some(pool) = &route.pool {
                (self.pool, self.pool_by_catalog) = (pool.as_str().into(), true);
            }
        }
        self.quota = known.limits.as_ref().map(|it| it.value.quota(None).plan()).unwrap_or_default();
        self.price = known.price.as_ref().and_then(|it| it.value.price());
    }

    pub(super) fn has_readable_body(&self) -> bool {
        self.extra_body.is_empty() || serde_json::from_str::<serde_json::Map<_, _>>(&self.extra_body).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ModelName {
        ModelName::parse(text).unwrap()
    }

    #[test]
    fn names_read_as_people_say_them() {
        let shown = |text| name(text).display_name();
        assert_eq!(shown("openai/gpt-5.2"), "GPT 5.2");
        assert_eq!(shown("anthropic/claude-haiku-4-5"), "Claude Haiku 4.5");
        assert_eq!(shown("google/gemini-3-flash"), "Gemini 3 Flash");
        assert_eq!(shown("zai/glm-4.7"), "GLM 4.7");
        assert_eq!(shown("sim/mixed?p=0.3"), "Mixed");
    }

    #[test]
    fn a_compatible_service_is_an_account_of_its_own() {
        let model = name("openai-api/fake/sim/obedient");
        assert_eq!((model.account(), model.request_name()), ("openai-api/fake", "sim/obedient"));
        assert!(!model.is_built_in());
        assert_eq!(name("sim/obedient").request_name(), "sim/obedient");
        assert_eq!(name("openai/gpt-5.2").request_name(), "gpt-5.2");
    }

    #[test]
    fn a_name_without_a_provider_is_refused() {
        for text in ["gpt-5.2", "openai/", "/x", "openai-api/fake", "a b/c", ""] {
            assert!(ModelName::parse(text).is_err(), "{text}");
        }
    }
}
