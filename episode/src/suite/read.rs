//! Reading `scenario.toml`: from its keys to a [`Scenario`], every mistake noted at its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::axes::{Axis, AxisValue, Exclusion};
use super::data::read_table;
use super::scenario::{Limits, SamplingSpec, Scenario};
use super::scorers::read_scorers;
use super::templates::{Condition, Fault, Template, Templates, resolve};
use crate::fields::{Fields, Reader, json};
use crate::mistake::{Mistakes, Source, did_you_mean};
use crate::player::{Player, read_player};
use crate::sweep::Placed;
use crate::world::Table;

/// Model calls of an episode, unless the scenario says otherwise.
const MODEL_CALLS_DEFAULT: u32 = 30;
/// The most that it may say. At 30 s a call, 1,000 calls are a working day.
pub(crate) const MODEL_CALLS_MAX: u32 = 1_000;
/// Output tokens of a call, unless the scenario says otherwise.
const OUTPUT_TOKENS_DEFAULT: u32 = 8_192;
/// The most that it may say: no provider takes more in one call.
pub(crate) const OUTPUT_TOKENS_MAX: u32 = 1_000_000;
/// The most tokens that an episode may be given; the longest seen in practice had 10 million.
pub(crate) const TOTAL_TOKENS_MAX: u64 = 1_000_000_000;
/// Axes of a scenario.
const AXES_MAX: usize = 32;
/// Values of an axis.
const VALUES_MAX: usize = 1_000;
/// Names that are taken: a scenario's own may not hide them.
const TAKEN: [&str; 6] = ["model", "seed", "draw", "results", "answers", "chance"];

/// What reading a scenario needs, and gathers.
pub(super) struct Workbench<'a> {
    pub(super) templates: &'a mut Templates,
    pub(super) mistakes: &'a mut Mistakes,
    pub(super) tables: &'a mut BTreeMap<String, Option<Arc<Table>>>,
    /// Paths of the suite's files.
    pub(super) paths: &'a [Arc<str>],
}

/// One `scenario.toml` being read.
pub(super) struct ScenarioReader<'a, 'b> {
    bench: &'a mut Workbench<'b>,
    source: Source,
}

/// Reads a scenario. None, with mistakes noted, if it can't be used at all.
pub(super) fn read_scenario(source: Source, bench: &mut Workbench<'_>) -> Option<Scenario> {
    let reader = Reader::new(source.clone());
    let scenario = reader.read(|fields| ScenarioReader { bench, source }.scenario(fields)).flatten();
    bench.mistakes.absorb(reader.into_mistakes());
    scenario
}

// === impl ScenarioReader ===

impl ScenarioReader<'_, '_> {
    fn scenario(mut self, fields: &Fields<'_>) -> Option<Scenario> {
        fields.format();
        let name = self.name(fields);
        let (title, summary) = (fields.needed_text("title").value, fields.needed_text("summary").value);
        let seeded = fields.flag("seeded").unwrap_or(false);
        let axes = fields.table("axes").map(|axes| self.axes(&axes)).unwrap_or_default();
        let exclusions = fields.tables("exclude").iter().filter_map(|it| self.exclusion(it)).collect();
        let names = fields.table("let").map(|names| self.names(&names, &axes)).unwrap_or_default();
        let prompts = fields.table("prompts");
        if prompts.is_none() {
            fields.missing("prompts");
        }
        let prompts = prompts.and_then(|prompts| self.prompts(&prompts));
        let world = fields.table("world").map(|world| self.world(&world)).unwrap_or_default();
        let limits = fields.table("limits").map_or_else(Limits::default, |it| limits(&it));
        let sampling = fields.table("sampling").map_or_else(SamplingSpec::default, |it| sampling(&it));
        let (scorers, scorer_places) = read_scorers(fields);
        let players = self.players();
        let (system, user) = prompts?;
        Some(Scenario {
            name: name.into(),
            title,
            summary,
            seeded,
            axes,
            exclusions,
            names,
            system,
            user,
            world,
            limits,
            sampling,
            scorers,
            scorer_places,
            players,
            source: self.source,
        })
    }

    fn name(&mut self, fields: &Fields<'_>) -> String {
        let name = fields.needed_text("name");
        let folder = self.folder();
        if !name.value.is_empty() && name.value != folder {
            let what = format!("the scenario is named `{}` but its folder `{folder}`", name.value);
            fields.reader().note_with_help(name.at, what, "they must be the same");
        }
        folder
    }

    fn folder(&self) -> String {
        self.source.name.split('/').next().unwrap_or_default().to_owned()
    }

    fn axes(&mut self, fields: &Fields<'_>) -> Vec<Axis> {
        let mut axes = Vec::new();
        for (name, value) in fields.entries() {
            check_name(fields.reader(), &name);
            if let Some(table) = fields.reader().as_table(&name.value, value) {
                axes.extend(axis(&name, &table));
                table.close();
            }
        }
        if axes.len() > AXES_MAX {
            fields
                .reader()
                .note(fields.at(), format!("there are {} axes; at most {AXES_MAX} are allowed", axes.len()));
        }
        axes
    }

    fn exclusion(&mut self, fields: &Fields<'_>) -> Option<Exclusion> {
        let when = fields.needed_text("when");
        let why = fields.needed_text("why").value;
        fields.close();
        self.condition(&when).map(|when| Exclusion { when, why })
    }

    fn names(&mut self, fields: &Fields<'_>, axes: &[Axis]) -> Vec<(Arc<str>, Template)> {
        let mut names = Vec::new();
        for (name, value) in fields.entries() {
            check_name(fields.reader(), &name);
            if axes.iter().any(|axis| *axis.name == *name.value) {
                fields.reader().note(name.at.clone(), format!("`{}` is an axis already", name.value));
            }
            let text = fields.reader().as_text(&name.value, value);
            if let Some(template) = text.and_then(|text| self.inline(&text)) {
                names.push((name.value.into(), template));
            }
        }
        names
    }

    fn prompts(&mut self, fields: &Fields<'_>) -> Option<(Template, Template)> {
        let (system, user) = (fields.needed_text("system"), fields.needed_text("user"));
        fields.close();
        let (system, user) = (self.file(&system), self.file(&user));
        Some((system?, user?))
    }

    /// The players: every file of the scenario's folder `players`.
    fn players(&mut self) -> BTreeMap<Arc<str>, Player> {
        let folder = format!("{}/players/", self.folder());
        let paths: Vec<Arc<str>> = self
            .bench
            .paths
            .iter()
            .filter(|path| path.starts_with(&folder) && path.ends_with(".toml"))
            .cloned()
            .collect();
        let mut players = BTreeMap::new();
        for path in paths {
            let name = path.trim_start_matches(&folder).trim_end_matches(".toml");
            let Some(source) = self.bench.templates.source(&path) else { continue };
            if let Some(player) = read_player(source, self.bench.templates, self.bench.mistakes) {
                players.insert(name.into(), player);
            }
        }
        players
    }

    pub(super) fn when(&mut self, fields: &Fields<'_>) -> Option<Condition> {
        fields.text("when").and_then(|when| self.condition(&when))
    }

    pub(super) fn condition(&mut self, text: &Placed<String>) -> Option<Condition> {
        let condition = self.bench.templates.condition(&self.source, text);
        self.keep(condition)
    }

    pub(super) fn inline(&mut self, text: &Placed<String>) -> Option<Template> {
        let template = self.bench.templates.inline(&self.source, text);
        self.keep(template)
    }

    /// A template that is a file of the suite.
    pub(super) fn file(&mut self, path: &Placed<String>) -> Option<Template> {
        let resolved = resolve(&path.value, &self.source.name);
        match self.bench.templates.file(&resolved) {
            Some(template) => self.keep(template),
            None => self.no_such_file(path, &resolved),
        }
    }

    pub(super) fn data(&mut self, path: &Placed<String>) -> Option<Arc<Table>> {
        let resolved = resolve(&path.value, &self.source.name);
        if let Some(known) = self.bench.tables.get(&resolved) {
            return known.clone();
        }
        let Some(source) = self.bench.templates.source(&resolved) else {
            return self.no_such_file(path, &resolved);
        };
        let table = read_table(source, self.bench.mistakes);
        self.bench.tables.insert(resolved, table.clone());
        table
    }

    fn no_such_file<T>(&mut self, path: &Placed<String>, resolved: &str) -> Option<T> {
        if !path.value.is_empty() {
            let what = format!("the suite has no file `{resolved}`");
            let near = did_you_mean(resolved, self.bench.paths.iter().map(AsRef::as_ref));
            let help = near.map_or_else(
                || {
                    "a path that begins with `/` starts at the suite's folder, others at this file's"
                        .to_owned()
                },
                |near| format!("did you mean `/{near}`?"),
            );
            self.bench.mistakes.add_with_help(&self.source, path.at.clone(), what, help);
        }
        None
    }

    fn keep<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| fault.note(self.bench.mistakes, &[])).ok()
    }
}

/// Names are used in templates: they must be names there.
fn check_name(reader: &Reader, name: &Placed<String>) {
    let is_name = name.value.starts_with(|c: char| c.is_ascii_lowercase())
        && name.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_name {
        let what = format!("`{}` can't be a name: write small letters, digits and `_`", name.value);
        reader.note(name.at.clone(), what);
    }
    if TAKEN.contains(&name.value.as_str()) {
        reader.note(name.at.clone(), format!("the name `{}` is taken", name.value));
    }
}

fn axis(name: &Placed<String>, fields: &Fields<'_>) -> Option<Axis> {
    fields.text("help");
    let values = axis_values(fields);
    let default = fields.texts("default");
    if values.is_empty() || values.len() > VALUES_MAX {
        fields
            .reader()
            .note(name.at.clone(), format!("the axis `{}` needs 1 to {VALUES_MAX} values", name.value));
        return None;
    }
    let mut axis = Axis { name: name.value.as_str().into(), values, default: Vec::new() };
    axis.default = default.iter().filter_map(|value| known_value(&axis, value, fields.reader())).collect();
    if default.is_empty() {
        // An axis has at most 1,000 values.
        axis.default = (0..axis.values.len() as u16).collect();
    }
    axis.default.sort_unstable();
    axis.default.dedup();
    Some(axis)
}

fn axis_values(fields: &Fields<'_>) -> Vec<AxisValue> {
    match fields.raw("values").map(|values| (values, values.get_ref())) {
        Some((_, DeValue::Table(_))) => {
            let table = fields.table("values");
            table
                .iter()
                .flat_map(Fields::entries)
                .map(|(name, value)| attributed(fields.reader(), name, value))
                .collect()
        }
        Some(_) => fields.texts("values").into_iter().map(|value| plain(value.value)).collect(),
        None => {
            fields.missing("values");
            Vec::new()
        }
    }
}

fn plain(name: String) -> AxisValue {
    AxisValue { seen: name.as_str().into(), name: name.into(), attributes: None }
}

fn attributed(reader: &Reader, name: Placed<String>, value: &Spanned<DeValue<'_>>) -> AxisValue {
    let Some(attributes) = reader.as_table(&name.value, value) else { return plain(name.value) };
    let attributes: serde_json::Map<String, serde_json::Value> =
        attributes.entries().map(|(key, value)| (key.value, json(value.get_ref()))).collect();
    let mut seen: BTreeMap<String, Value> =
        attributes.iter().map(|(key, value)| (key.clone(), jinja(value))).collect();
    seen.insert("name".to_owned(), name.value.as_str().into());
    AxisValue { name: name.value.into(), seen: Value::from_pairs(seen), attributes: Some(attributes) }
}

/// JSON as templates see it.
pub(crate) fn jinja(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(flag) => (*flag).into(),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(Value::from)
            .or_else(|| number.as_u64().map(Value::from))
            .unwrap_or_else(|| number.as_f64().into()),
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(list) => list.iter().map(jinja).collect(),
        serde_json::Value::Object(map) => {
            Value::from_pairs(map.iter().map(|(key, value)| (key.as_str(), jinja(value))))
        }
    }
}

/// The place of a value, or a mistake noted.
fn known_value(axis: &Axis, value: &Placed<String>, reader: &Reader) -> Option<u16> {
    let place = axis.place(&value.value);
    if place.is_none() {
        let what = format!("the axis `{}` has no value `{}`", axis.name, value.value);
        reader.note_with_help(value.at.clone(), what, values_help(axis, &value.value));
    }
    place
}

/// What to say to someone who named a value that an axis does not have.
pub(crate) fn values_help(axis: &Axis, value: &str) -> String {
    let names = || axis.values.iter().map(|value| &*value.name);
    match did_you_mean(value, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its values are {}", names().collect::<Vec<_>>().join(", ")),
    }
}

fn limits(fields: &Fields<'_>) -> Limits {
    let limits = Limits {
        model_calls: fields.number("model_calls", 1..=MODEL_CALLS_MAX).unwrap_or(MODEL_CALLS_DEFAULT),
        total_tokens: fields.number("total_tokens", 1..=TOTAL_TOKENS_MAX),
    };
    fields.close();
    limits
}

fn sampling(fields: &Fields<'_>) -> SamplingSpec {
    let sampling = SamplingSpec {
        temperature: fields.float("temperature", 0.0..=2.0),
        top_p: fields.float("top_p", 0.0..=1.0),
        max_output_tokens: fields
            .number("max_output_tokens", 1..=OUTPUT_TOKENS_MAX)
            .unwrap_or(OUTPUT_TOKENS_DEFAULT),
    };
    fields.close();
    sampling
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self { model_calls: MODEL_CALLS_DEFAULT, total_tokens: None }
    }
}

// === impl SamplingSpec ===

impl Default for SamplingSpec {
    fn default() -> Self {
        Self { temperature: None, top_p: None, max_output_tokens: OUTPUT_TOKENS_DEFAULT }
    }
}
