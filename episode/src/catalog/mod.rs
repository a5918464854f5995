//! The catalog: what is known of models beyond their names, as data with dates and sources. One file is built in; a
//! user's own file is laid over it, field by field. Nothing here is code that a changed price would have to change.

mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::mistake::Mistakes;
use crate::sweep::{PriceWords, QuotaWords};
use crate::world::Date;

pub(crate) use read::{dialect, quirks};

/// The catalog that a release is built with.
const BUILT_IN: &str = include_str!("../../../suites/models.toml");

/// Dialects that a route may speak.
pub const DIALECTS: [&str; 4] = ["openai-responses", "openai-chat", "anthropic-messages", "gemini"];

/// What a route may want otherwise than its dialect has it, and what that means. A word in capitals stands for a value.
pub const QUIRKS: [(&str, &str); 12] = [
    ("no-temperature", "`temperature` is not sent"),
    ("no-top-p", "`top_p` is not sent"),
    ("no-seed", "`seed` is not sent"),
    ("no-tool-choice", "`tool_choice` is not sent"),
    ("no-parallel-tools", "one tool call a turn is asked for"),
    ("max-tokens-field", "the bound on a call's output is called `max_tokens`"),
    ("max-completion-tokens-field", "the bound on a call's output is called `max_completion_tokens`"),
    ("thinking-enabled", "a model that can think and can leave it is told to think"),
    ("thinking-disabled", "a model that can think and can leave it is told to leave it"),
    ("interleaved-thinking", "thinking between tool calls is asked for (Anthropic's 4.5 models)"),
    ("effort-LEVEL", "how hard to think: none, minimal, low, medium, high, xhigh, max"),
    ("provider-NAME", "whom a gateway is to ask, and nobody else; several in order"),
];

/// Models by their full names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalog {
    models: BTreeMap<Arc<str>, CatalogModel>,
}

/// What is known of a model on one route.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogModel {
    /// Its full name, which is its route: `openai/gpt-5.2`.
    pub name: Arc<str>,
    /// What people call it; routes to the same model share it.
    pub display_name: Option<String>,
    /// How it is called.
    pub route: Option<Known<RouteWords>>,
    /// How much it takes and gives.
    pub size: Option<Known<SizeWords>>,
    /// What its provider allows.
    pub limits: Option<Known<LimitWords>>,
    /// What it costs.
    pub price: Option<Known<PriceWords>>,
    /// When it ends, or ended.
    pub shutdown: Option<Known<ShutdownWords>>,
    /// What else a user should know.
    pub note: Option<String>,
}

/// Something known, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<T> {
    /// What.
    pub value: T,
    /// Since when.
    pub as_of: Option<Date>,
    /// From whom: an address or a word.
    pub source: Arc<str>,
    /// How surely.
    pub sure: Sure,
}

/// How surely something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// The provider says so.
    Documented,
    /// A third party says so.
    ThirdParty,
    /// Nobody has confirmed it yet.
    Unverified,
    /// The user's own word.
    Yours,
}

/// How a model is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteWords {
    /// One of [`DIALECTS`]; the provider's usual one where nothing is said.
    pub dialect: Option<String>,
    /// By the names of [`QUIRKS`].
    pub quirks: Option<Vec<String>>,
    /// What shares its limits; its own name where nothing is said.
    pub pool: Option<String>,
}

/// How much a model takes and gives, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SizeWords {
    /// What fits into its context.
    pub context: Option<u64>,
    /// What one answer may have.
    pub output: Option<u64>,
}

/// What a provider allows, by the tiers that it puts accounts on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitWords {
    /// The tier that counts where a sweep names none.
    pub tier: Option<String>,
    /// Limits of each tier.
    pub tiers: BTreeMap<Arc<str>, QuotaWords>,
    /// Limits that are said without a tier: they go before a tier's.
    pub stated: QuotaWords,
}

/// A model's end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShutdownWords {
    /// From this day on it is not served any more.
    pub date: Option<Date>,
    /// What its provider, or people who used it, go on with.
    pub successor: Option<String>,
}

// === impl Catalog ===

impl Catalog {
    /// The one of this release.
    #[must_use]
    pub fn built_in() -> Self {
        // A test of this module reads it: a release whose catalog can't be read is never built.
        Self::parse("models.toml", BUILT_IN).unwrap_or_default()
    }

    /// Reads a catalog file. `file_name` is what mistakes call it.
    ///
    /// # Errors
    /// All mistakes in it, at their places.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Mistakes> {
        read::catalog(file_name, text)
    }

    /// Lays another one over this one: what it says goes before, field by field.
    pub fn lay(&mut self, over: Self) {
        for (name, model) in over.models {
            match self.models.remove(&name) {
                Some(below) => self.models.insert(name, model.over(below)),
                None => self.models.insert(name, model),
            };
        }
    }

    /// What is known of a model.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&CatalogModel> {
        self.models.get(name)
    }

    /// All models, by name.
    pub fn iter(&self) -> impl Iterator<Item = &CatalogModel> {
        self.models.values()
    }

    /// Other routes to the same model that are open on a day.
    #[must_use]
    pub fn other_routes(&self, model: &CatalogModel, today: &Date) -> Vec<&str> {
        let is_other = |other: &&CatalogModel| {
            other.name != model.name
                && model.display_name.is_some()
                && other.display_name == model.display_name
        };
        let open = self.iter().filter(is_other).filter(|other| other.retired_on(today).is_none());
        open.map(|other| &*other.name).collect()
    }
}

// === impl CatalogModel ===

impl CatalogModel {
    /// The day it ended, if it has ended by `today`.
    #[must_use]
    pub fn retired_on(&self, today: &Date) -> Option<&Date> {
        self.shutdown.as_ref()?.value.date.as_ref().filter(|date| *date <= today)
    }

    /// What to use in its place.
    #[must_use]
    pub fn successor(&self) -> Option<&str> {
        self.shutdown.as_ref()?.value.successor.as_deref()
    }

    fn over(self, below: Self) -> Self {
        Self {
            name: self.name,
            display_name: self.display_name.or(below.display_name),
            route: lay(self.route, below.route, RouteWords::over),
            size: lay(self.size, below.size, SizeWords::over),
            limits: lay(self.limits, below.limits, LimitWords::over),
            price: lay(self.price, below.price, PriceWords::over),
            shutdown: lay(self.shutdown, below.shutdown, ShutdownWords::over),
            note: self.note.or(below.note),
        }
    }
}

/// What is said later names the source of the whole: it was made with the other in sight.
fn lay<T>(
    over: Option<Known<T>>,
    below: Option<Known<T>>,
    merge: impl FnOnce(T, T) -> T,
) -> Option<Known<T>> {
    match (over, below) {
        (Some(over), Some(below)) => Some(Known { value: merge(over.value, below.value), ..over }),
        (over, below) => over.or(below),
    }
}

// === impl words ===

impl RouteWords {
    fn over(self, below: Self) -> Self {
        Self {
            dialect: self.dialect.or(below.dialect),
            quirks: self.quirks.or(below.quirks),
            pool: self.pool.or(below.pool),
        }
    }
}

impl SizeWords {
    fn over(self, below: Self) -> Self {
        Self { context: self.context.or(below.context), output: self.output.or(below.output) }
    }
}

impl LimitWords {
    fn over(self, below: Self) -> Self {
        let mut tiers = below.tiers;
        for (tier, quota) in self.tiers {
            let merged = tiers.get(&tier).map_or(quota, |below| quota.over(*below));
            tiers.insert(tier, merged);
        }
        Self { tier: self.tier.or(below.tier), tiers, stated: self.stated.over(below.stated) }
    }

    /// The limits of a tier; of the usual one where none is named.
    #[must_use]
    pub fn quota(&self, tier: Option<&str>) -> QuotaWords {
        let tier = tier.or(self.tier.as_deref()).and_then(|tier| self.tiers.get(tier));
        self.stated.over(tier.copied().unwrap_or_default())
    }
}

impl ShutdownWords {
    fn over(self, below: Self) -> Self {
        Self { date: self.date.or(below.date), successor: self.successor.or(below.successor) }
    }
}

// === impl Sure ===

impl Sure {
    /// By its word in a file.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "documented" => Some(Self::Documented),
            "third-party" => Some(Self::ThirdParty),
            "unverified" => Some(Self::Unverified),
            _ => None,
        }
    }
}

impl fmt::Display for Sure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Documented => "documented",
            Self::ThirdParty => "third-party",
            Self::Unverified => "unverified",
            Self::Yours => "yours",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(text: &str) -> Catalog {
        Catalog::parse("own.toml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn the_catalog_of_this_release_can_be_read_and_every_fact_has_a_date_and_a_source() {
        let built_in =
            Catalog::parse("models.toml", BUILT_IN).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert!(built_in.iter().count() > 20);
        for model in built_in.iter() {
            let facts = [
                model.route.as_ref().map(|it| (it.as_of.is_some(), it.sure)),
                model.size.as_ref().map(|it| (it.as_of.is_some(), it.sure)),
                model.limits.as_ref().map(|it| (it.as_of.is_some(), it.sure)),
                model.price.as_ref().map(|it| (it.as_of.is_some(), it.sure)),
                model.shutdown.as_ref().map(|it| (it.as_of.is_some(), it.sure)),
            ];
            assert!(model.route.is_some() && model.display_name.is_some(), "{}", model.name);
            for (is_dated, sure) in facts.into_iter().flatten() {
                assert!(
                    is_dated && sure != Sure::Yours,
                    "{} has a fact of no day or nobody's word",
                    model.name
                );
            }
        }
    }

    #[test]
    fn every_successor_is_in_the_catalog_and_open() {
        let (built_in, today) = (Catalog::built_in(), day("2026-11-24"));
        for model in built_in.iter() {
            let Some(successor) = model.successor() else { continue };
            let successor = built_in.get(successor).unwrap_or_else(|| panic!("{successor} is not there"));
            assert_eq!(successor.retired_on(&today), None, "{}", successor.name);
        }
    }

    #[test]
    fn the_models_of_the_study_are_there_and_the_retired_ones_name_a_successor() {
        let (built_in, today) = (Catalog::built_in(), day("2026-11-24"));
        let retired = |name: &str| {
            let model = built_in.get(name).unwrap_or_else(|| panic!("{name} is not there"));
            model.retired_on(&today).map(|_| model.successor().unwrap().to_owned())
        };
        for name in [
            "openai/gpt-5.2",
            "google/gemini-3-flash-preview",
            "google/gemini-3.1-pro-preview",
            "anthropic/claude-haiku-4-5",
            "anthropic/claude-opus-4-5",
            "zai/glm-4.7",
        ] {
            assert_eq!(retired(name), None, "{name}");
        }
        let gone =
            ["google/gemini-3-pro-preview", "moonshot/kimi-k2.5", "deepseek/deepseek-chat"].map(retired);
        let successors =
            ["google/gemini-3.1-pro-preview", "moonshot/kimi-k2.6", "deepseek/deepseek-v4-flash"];
        assert_eq!(gone, successors.map(|name| Some(name.to_owned())));
    }

    #[test]
    fn a_users_own_file_goes_before_field_by_field() {
        let mut known = catalog(
            "format = 1\n[models.\"a/b\"]\ndisplay_name = \"B\"\nprice = { input = 1, output = 2 }\n\
             limits = { tier = \"1\", tiers = { 1 = { rpm = 5 }, 2 = { rpm = 50 } } }",
        );
        known.lay(catalog(
            "format = 1\n[models.\"a/b\"]\nprice = { output = 3 }\nlimits = { tier = \"2\", tpm = 7 }\n[models.\"c/d\"]\n",
        ));
        let model = known.get("a/b").unwrap();
        assert_eq!(model.display_name.as_deref(), Some("B"));
        let price = model.price.as_ref().unwrap();
        assert_eq!((price.value.input, price.value.output), (Some(1_000_000), Some(3_000_000)));
        let limits = &model.limits.as_ref().unwrap().value;
        assert_eq!((limits.quota(None).rpm, limits.quota(None).tpm), (Some(50), Some(7)));
        assert_eq!(limits.quota(Some("1")).rpm, Some(5));
        assert!(known.get("c/d").is_some());
    }

    #[test]
    fn a_model_is_retired_from_its_last_day_on_and_its_other_routes_are_known() {
        let known = catalog(
            "format = 1\n[models.\"a/b\"]\ndisplay_name = \"B\"\nshutdown = { date = \"2026-03-09\", successor = \"a/c\" }\n\
             [models.\"x/b\"]\ndisplay_name = \"B\"\n[models.\"a/c\"]\n",
        );
        let model = known.get("a/b").unwrap();
        assert_eq!(model.retired_on(&day("2026-03-08")), None);
        assert_eq!(model.retired_on(&day("2026-03-09")), Some(&day("2026-03-09")));
        assert_eq!(known.other_routes(model, &day("2026-03-09")), ["x/b"]);
    }
}
