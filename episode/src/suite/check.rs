//! What can only be checked of a suite as a whole: that every template renders wherever it is used, that every axis
//! makes a difference to something, and that no file lies about unused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::Value;

use super::axes::{Variant, VariantsError};
use super::scenario::Scenario;
use super::templates::{Fault, Template, Templates};
use super::{SCENARIO_FILE, SUITE_FILE, Suite};
use crate::mistake::Mistakes;
use crate::player::Cast;
use crate::world::World;

/// What stands for a model's name while templates are checked.
pub(super) const MODEL: &str = "Model";

/// Notes all mistakes of a suite that has been read. `used` are the files known to be used so far.
pub(super) fn check_suite(
    suite: &Suite,
    paths: &[Arc<str>],
    mut used: BTreeSet<String>,
    mistakes: &mut Mistakes,
) {
    for scenario in suite.scenarios() {
        check_scenario(scenario, suite.templates(), mistakes);
    }
    used.insert(SUITE_FILE.to_owned());
    used.extend(suite.templates().loaded().iter().map(ToString::to_string));
    for path in paths.iter().filter(|path| !used.contains(&***path) && !is_scenarios_own(path)) {
        if let Some(source) = suite.templates().source(path) {
            let help = "no scenario names it, and no template that is ever shown includes it";
            mistakes.add_with_help(&source, 0..0, "nothing uses this file", help);
        }
    }
}

/// Files that are read for where they lie, not because something names them.
fn is_scenarios_own(path: &str) -> bool {
    match path.split('/').collect::<Vec<_>>()[..] {
        [_, file] => file == SCENARIO_FILE,
        [_, folder, file] => folder == "players" && file.ends_with(".toml"),
        _ => false,
    }
}

fn check_scenario(scenario: &Scenario, templates: &Templates, mistakes: &mut Mistakes) {
    let defined = scenario.defined();
    match variants_to_check(scenario, templates) {
        Ok(variants) => {
            let mut openings = Openings::new();
            let mut contexts = Vec::with_capacity(variants.len());
            for variant in &variants {
                match check_variant(scenario, templates, variant, &mut openings) {
                    Ok(context) => contexts.push(context),
                    Err(fault) => fault.note(mistakes, &defined),
                }
            }
            check_documents(scenario, templates, &contexts, mistakes);
        }
        Err(VariantsError::Fault(fault)) => fault.note(mistakes, &defined),
        Err(VariantsError::TooMany) => {
            mistakes.add(&scenario.source, 0..0, "the axes come to too many variants");
        }
    }
    // Only now every file that a template includes has been loaded.
    check_axes(scenario, templates, mistakes);
    for player in scenario.players.values() {
        player.check(scenario, templates, mistakes);
    }
}

/// All default variants, and with each value that is not a default so many that it meets every default value of every
/// other axis once.
fn variants_to_check(scenario: &Scenario, templates: &Templates) -> Result<Vec<Variant>, VariantsError> {
    let mut variants = scenario.variants(templates, &scenario.defaults())?;
    for others in departures(scenario, templates)? {
        let mut met = BTreeSet::new();
        for variant in others {
            let before = met.len();
            met.extend(variant.iter().copied().enumerate());
            if met.len() > before {
                variants.push(variant);
            }
        }
    }
    if variants.is_empty() {
        return Err(VariantsError::Fault(templates.whole(&scenario.system, "every variant is excluded")));
    }
    Ok(variants)
}

/// By value that is not a default: the variants that have it, and default values otherwise.
pub(super) fn departures(
    scenario: &Scenario,
    templates: &Templates,
) -> Result<Vec<Vec<Variant>>, VariantsError> {
    let mut departures = Vec::new();
    for (place, axis) in scenario.axes.iter().enumerate() {
        // An axis has at most 1,000 values.
        for value in (0..axis.values.len() as u16).filter(|it| !axis.default.contains(it)) {
            let mut selected = scenario.defaults();
            selected[place] = vec![value];
            departures.push(scenario.variants(templates, &selected)?);
        }
    }
    Ok(departures)
}

/// What players know of a variant before they play: its prompts and its tools; and what each of them does there.
type Openings = BTreeMap<(Arc<str>, Arc<str>, Vec<&'static str>), Vec<(Arc<str>, Option<Cast>)>>;

fn check_variant(
    scenario: &Scenario,
    templates: &Templates,
    variant: &[u16],
    openings: &mut Openings,
) -> Result<Value, Fault> {
    let context = scenario.context(templates, variant, MODEL, 0)?;
    let expansion = scenario.expand(templates, &context, 0)?;
    let mut casts = Vec::with_capacity(scenario.players.len());
    for (name, player) in &scenario.players {
        player.check_tools(templates, &context, &expansion.world)?;
        casts.push((name.clone(), player.cast(templates, &context)?));
    }
    let tools = World::all_tools().filter(|tool| expansion.world.offers(tool)).collect();
    let known = openings.entry((expansion.system, expansion.user, tools)).or_insert_with(|| casts.clone());
    match known.iter().zip(&casts).find(|(known, cast)| known != cast) {
        None => Ok(context),
        Some(((name, _), _)) => {
            let path = format!("{}/players/{name}.toml", scenario.name());
            let source = templates.source(&path).unwrap_or_else(|| scenario.source.clone());
            let what = "this player does different things in variants that begin with the same prompts and tools; \
                        it can't know which it is in";
            Err(Fault::at(source, 0..0, what))
        }
    }
}

/// Notes documents, sheets and memories that are in no variant.
fn check_documents(scenario: &Scenario, templates: &Templates, contexts: &[Value], mistakes: &mut Mistakes) {
    for condition in scenario.world.conditions() {
        let ever = contexts.iter().any(|context| templates.holds(condition, context).unwrap_or(true));
        if !ever {
            templates.whole(condition.template(), "this holds in no variant").note(mistakes, &[]);
        }
    }
}

/// Notes axes that nothing reads, and those read without saying which attribute is meant.
fn check_axes(scenario: &Scenario, templates: &Templates, mistakes: &mut Mistakes) {
    let mut read: BTreeSet<String> = BTreeSet::new();
    for template in scenario.templates(templates) {
        let names = templates.names(&template);
        for axis in scenario.axes.iter().filter(|axis| axis.has_attributes() && names.contains(&*axis.name)) {
            let what = format!("`{}` has attributes: say which one is meant", axis.name);
            let fault = templates.word(&template, &axis.name, what);
            let help = format!("`{}.name` is the value's own name", axis.name);
            mistakes.add_with_help(&fault.source, fault.span, fault.what, help);
        }
        read.extend(names.iter().map(|name| name.split('.').next().unwrap_or_default().to_owned()));
    }
    for axis in scenario.axes.iter().filter(|axis| !read.contains(&*axis.name)) {
        let text = &scenario.source.text;
        let start = text.find(&format!("axes.{}", axis.name)).map_or(0, |at| at + "axes.".len());
        let what = format!("nothing reads the axis `{}`: its values would all be the same", axis.name);
        mistakes.add(&scenario.source, start..start + axis.name.len(), what);
    }
}

impl Scenario {
    /// All templates and conditions but the players': those of the scenario's file, and the files they name or include.
    fn templates(&self, templates: &Templates) -> Vec<Template> {
        let mut all = vec![self.system.clone(), self.user.clone()];
        all.extend(self.names.iter().map(|(_, template)| template.clone()));
        all.extend(self.exclusions.iter().map(|it| it.when.template().clone()));
        all.extend(self.world.conditions().into_iter().map(|it| it.template().clone()));
        all.extend(self.world.templates());
        let own = |path: &str| path.starts_with(&format!("{}/", self.name)) || path.starts_with("shared/");
        all.extend(
            templates.loaded().iter().filter(|path| own(path)).filter_map(|path| templates.file(path)?.ok()),
        );
        all
    }
}
