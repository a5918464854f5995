//! Resolving: from what a sweep file names to what the suite has.

use std::ops::Range;
use std::sync::Arc;

use super::file::{ModelEntry, Placed, Select, SweepFile};
use super::model::{ModelName, ModelPlan};
use super::plan::{AxisPlan, ScenarioPlan};
use super::words::QuotaWords;
use crate::catalog::{Catalog, CatalogModel};
use crate::mistake::{Mistakes, did_you_mean};
use crate::player::PlayerName;
use crate::suite::{Scenario, Suite, VariantsError, values_help};
use crate::world::Date;

/// A sweep file being resolved.
pub(super) struct Resolver<'a> {
    pub(super) file: &'a SweepFile,
    pub(super) suite: &'a Suite,
    pub(super) catalog: &'a Catalog,
    /// Models that were shut down before it are mistakes.
    pub(super) today: Option<&'a Date>,
    pub(super) mistakes: Mistakes,
}

// === impl Resolver ===

impl Resolver<'_> {
    pub(super) fn scenarios(&mut self) -> Vec<ScenarioPlan> {
        let scenarios = self.selected_scenarios();
        for select in &self.file.select {
            if !scenarios.iter().any(|scenario| **scenario.name() == *select.scenario.value) {
                let known = scenarios.iter().map(|scenario| &**scenario.name()).collect::<Vec<_>>();
                let what = format!("the sweep runs no scenario `{}`", select.scenario.value);
                self.unknown(&select.scenario, what, &known);
            }
        }
        scenarios.iter().filter_map(|scenario| self.scenario(scenario)).collect()
    }

    /// The scenarios that the file names, in the suite's order; all of them if it names none.
    fn selected_scenarios(&mut self) -> Vec<Arc<Scenario>> {
        let known: Vec<&str> = self.suite.scenarios().iter().map(|scenario| &**scenario.name()).collect();
        for name in self.file.scenarios.iter().filter(|name| !known.contains(&name.value.as_str())) {
            let what = format!("the suite has no scenario `{}`", name.value);
            self.unknown(name, what, &known);
        }
        let named = |name: &str| self.file.scenarios.iter().any(|it| it.value == name);
        let all = self.file.scenarios.is_empty();
        self.suite.scenarios().iter().filter(|scenario| all || named(scenario.name())).cloned().collect()
    }

    fn scenario(&mut self, scenario: &Scenario) -> Option<ScenarioPlan> {
        let file = self.file;
        let select = file.select.iter().find(|select| select.scenario.value == **scenario.name());
        let mistakes_before = self.mistakes.len();
        let selected = select.map_or_else(|| scenario.defaults(), |select| self.select(scenario, select));
        if self.mistakes.len() > mistakes_before {
            return None;
        }
        let at = select.map_or(0..0, |select| select.scenario.at.clone());
        let variants = match scenario.variants(self.suite.templates(), &selected) {
            Ok(variants) => variants,
            Err(VariantsError::TooMany) => {
                return self.note(at, format!("scenario `{}` comes to too many variants", scenario.name()));
            }
            Err(VariantsError::Fault(fault)) => return self.note(at, fault.what),
        };
        if variants.is_empty() {
            return self.note(at, format!("nothing of scenario `{}` is left to run", scenario.name()));
        }
        let axes = scenario.axes.iter().map(|axis| AxisPlan {
            name: Arc::clone(&axis.name),
            values: axis.values.iter().map(|value| Arc::clone(&value.name)).collect(),
        });
        Some(ScenarioPlan { name: Arc::clone(scenario.name()), axes: axes.collect(), variants })
    }

    /// The places of the values to run, for each axis.
    fn select(&mut self, scenario: &Scenario, select: &Select) -> Vec<Vec<u16>> {
        let mut selected = scenario.defaults();
        for (axis_name, values) in &select.axes {
            let Some(index) = scenario.axes.iter().position(|axis| *axis.name == *axis_name.value) else {
                let known: Vec<&str> = scenario.axes.iter().map(|axis| &*axis.name).collect();
                let what = format!("scenario `{}` has no axis `{}`", scenario.name(), axis_name.value);
                self.unknown(axis_name, what, &known);
                continue;
            };
            let axis = &scenario.axes[index];
            let mut places = Vec::with_capacity(values.len());
            for value in values {
                match axis.place(&value.value) {
                    Some(place) => places.push(place),
                    None => {
                        let what = format!("the axis `{}` has no value `{}`", axis.name, value.value);
                        let help = values_help(axis, &value.value);
                        self.mistakes.add_with_help(&self.file.source, value.at.clone(), what, help);
                    }
                }
            }
            places.sort_unstable();
            places.dedup();
            selected[index] = places;
        }
        selected
    }

    pub(super) fn models(&mut self) -> Vec<ModelPlan> {
        let file = self.file;
        if file.models.is_empty() {
            let help = "write `models = [\"sim/obedient\"]`, or give `--model`";
            self.mistakes.add_with_help(&file.source, 0..0, "the sweep names no model", help);
        }
        let mut models: Vec<ModelPlan> = Vec::with_capacity(file.models.len());
        for entry in &file.models {
            let Some(model) = self.model(entry) else { continue };
            if models.contains(&model) {
                let what = format!("the model `{}` is named twice", model.name);
                self.mistakes.add(&file.source, entry.name.at.clone(), what);
            }
            models.push(model);
        }
        models
    }

    fn model(&mut self, entry: &ModelEntry) -> Option<ModelPlan> {
        let name = match ModelName::parse(&entry.name.value) {
            Ok(name) => name,
            Err(what) => {
                return self.note(entry.name.at.clone(), format!("`{}`: {what}", entry.name.value));
            }
        };
        if name.is_built_in() {
            self.check_player(entry);
        }
        let known = self.catalog.get(name.full());
        if let Some(known) = known {
            self.check_retired(entry, known);
        }
        let mut model = ModelPlan::known(&name, self.catalog);
        describe(&mut model, entry);
        self.bound(&mut model, entry, known);
        Some(model)
    }

    /// What it is allowed, what it costs and what it may cost.
    fn bound(&mut self, model: &mut ModelPlan, entry: &ModelEntry, known: Option<&CatalogModel>) {
        let of_sweep = QuotaWords { rpm: self.file.rpm, ..QuotaWords::default() };
        let of_catalog = self.limits(entry, known);
        model.quota = entry.quota.over(of_sweep).over(of_catalog).plan();
        let of_catalog = known.and_then(|known| known.price.as_ref()).map(|price| price.value);
        let price = entry.price.over(of_catalog.unwrap_or_default());
        model.price = price.price();
        model.budget = entry.budget;
        if model.price.is_none() && (price.input.is_some() || price.output.is_some()) {
            let what = format!("the price of `{}` needs both `input` and `output`", model.name);
            self.mistakes.add(&self.file.source, entry.name.at.clone(), what);
        } else if model.price.is_none() && !model.is_built_in() {
            self.check_budget(model, entry);
        }
    }

    /// What the catalog says of its limits, on the user's tier.
    fn limits(&mut self, entry: &ModelEntry, known: Option<&CatalogModel>) -> QuotaWords {
        let limits = known.and_then(|known| known.limits.as_ref()).map(|limits| &limits.value);
        let Some(tier) = &entry.tier else {
            return limits.map(|limits| limits.quota(None)).unwrap_or_default();
        };
        let tiers: Vec<&str> = limits.iter().flat_map(|limits| limits.tiers.keys()).map(|it| &**it).collect();
        if !tiers.contains(&tier.value.as_str()) {
            let what = format!("the catalog has no tier `{}` of `{}`", tier.value, entry.name.value);
            let help = if tiers.is_empty() {
                "it has none of this model: state its limits, `quota = { rpm = 500, tpm = 500_000 }`"
                    .to_owned()
            } else {
                format!("the tiers are {}", tiers.join(", "))
            };
            self.mistakes.add_with_help(&self.file.source, tier.at.clone(), what, help);
        }
        limits.map(|limits| limits.quota(Some(&tier.value))).unwrap_or_default()
    }

    /// A budget in money is kept by prices: one that is not known must not be guessed.
    fn check_budget(&mut self, model: &ModelPlan, entry: &ModelEntry) {
        let whose = match (model.budget.micro_usd, self.file.budget.micro_usd) {
            (Some(_), _) => "its",
            (None, Some(_)) => "the sweep's",
            (None, None) => return,
        };
        let what = format!("the price of `{}` is not known, and {whose} budget is in money", model.name);
        let help = "write `price = { input = 1.75, output = 14 }`, in dollars a million tokens, in the model's table or \
                    in a catalog file of your own; or give the budget in `tokens`";
        self.mistakes.add_with_help(&self.file.source, entry.name.at.clone(), what, help);
    }

    /// A model that is no more can't be run: its successor is named, and who else may still serve it.
    fn check_retired(&mut self, entry: &ModelEntry, known: &CatalogModel) {
        let Some(today) = self.today else { return };
        let Some(date) = known.retired_on(today) else { return };
        let what = format!("`{}` was shut down on {}", known.name, date.as_str());
        let others = self.catalog.other_routes(known, today);
        let mut help = match known.successor() {
            Some(successor) => format!("its successor is `{successor}`"),
            None => "no successor is known".to_owned(),
        };
        if !others.is_empty() {
            help.push_str(&format!("; other routes to the same model: {}", others.join(", ")));
        }
        help.push_str("; --allow-retired tries it all the same");
        self.mistakes.add_with_help(&self.file.source, entry.name.at.clone(), what, help);
    }

    /// The built-in provider plays by the scenarios' own scripts: each scenario must have the player.
    fn check_player(&mut self, entry: &ModelEntry) {
        let name = match PlayerName::parse(&entry.name.value) {
            Ok(name) => name,
            Err(error) => {
                self.mistakes.add(&self.file.source, entry.name.at.clone(), error.to_string());
                return;
            }
        };
        for scenario in self.selected_scenarios() {
            let known: Vec<&str> = scenario.players().collect();
            if !known.contains(&name.player.as_str()) {
                let what = format!("scenario `{}` has no player `{}`", scenario.name(), name.player);
                let placed = Placed { value: name.player.clone(), at: entry.name.at.clone() };
                self.unknown(&placed, what, &known);
            } else if let Err(error) = name.check_odds(&scenario) {
                self.mistakes.add(&self.file.source, entry.name.at.clone(), error.to_string());
            }
        }
    }

    fn unknown(&mut self, name: &Placed<String>, what: String, known: &[&str]) {
        let help = did_you_mean(&name.value, known.iter().copied()).map_or_else(
            || format!("there are {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.mistakes.add_with_help(&self.file.source, name.at.clone(), what, help);
    }

    fn note<T>(&mut self, at: Range<usize>, what: String) -> Option<T> {
        self.mistakes.add(&self.file.source, at, what);
        None
    }
}

/// How a sweep says that a model is called, and what it is called: its word goes before the catalog's.
fn describe(model: &mut ModelPlan, entry: &ModelEntry) {
    if let Some(display_name) = &entry.display_name {
        model.display_name = display_name.as_str().into();
    }
    if let Some(dialect) = &entry.dialect {
        model.dialect = Some(dialect.as_str().into());
    }
    if let Some(quirks) = &entry.quirks {
        model.quirks = quirks.iter().map(|quirk| quirk.as_str().into()).collect();
    }
    if let Some(pool) = &entry.pool {
        (model.pool, model.pool_by_catalog) = (pool.as_str().into(), false);
    }
    model.base_url = entry.base_url.as_deref().map(Into::into);
    (model.temperature, model.top_p) = (entry.temperature, entry.top_p);
    model.max_output_tokens = entry.max_output_tokens;
    model.extra_body = entry.extra_body.as_str().into();
    model.max_connections = entry.max_connections;
}
