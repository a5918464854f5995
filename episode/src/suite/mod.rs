//! Suites: folders of scenarios, read and checked as a whole.
//!
//! `suite.toml` names the suite; every folder with a `scenario.toml` is a scenario; other folders hold what scenarios
//! share. A file that nothing uses is a mistake, and so is an axis that nothing reads.

mod axes;
mod check;
mod data;
mod draw;
mod list;
mod read;
mod read_world;
mod review;
mod scenario;
mod scorers;
mod show;
mod templates;
mod window;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::check::check_suite;
use self::read::{Workbench, read_scenario};
use crate::bundle::Bundle;
use crate::fields::Reader;
use crate::mistake::{Mistakes, Source};

pub(crate) use self::axes::VariantsError;
pub use self::list::{ListedAxis, ListedTokens, Listing};
pub(crate) use self::read::{MODEL_CALLS_MAX, OUTPUT_TOKENS_MAX, TOTAL_TOKENS_MAX, jinja, values_help};
pub use self::review::{Performance, Review, Reviewed};
pub use self::scenario::{Limits, Scenario};
pub use self::scorers::{ScorerFault, ScorerPart, ScorerSpec};
pub use self::show::{ShowError, Shown};
pub(crate) use self::templates::{Condition, Fault, Template, Templates};
pub(crate) use self::world::applies;

/// The file that names a suite.
const SUITE_FILE: &str = "suite.toml";
/// The file that makes a folder a scenario.
const SCENARIO_FILE: &str = "scenario.toml";

/// Characters of a token, about: what an estimate is made with.
const TOKEN_CHARS: u64 = 4;

/// A suite, read and checked.
#[derive(Debug)]
pub struct Suite {
    name: Arc<str>,
    version: Arc<str>,
    title: String,
    scenarios: Vec<Arc<Scenario>>,
    templates: Templates,
}

// === impl Suite ===

impl Suite {
    /// Reads and checks a suite: every file is read, every template is rendered in every default variant, and with every
    /// other value of every axis beside each default value of the others.
    ///
    /// # Errors
    /// All mistakes in its files.
    pub fn load(bundle: &Bundle) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let texts = texts(bundle, &mut mistakes);
        let paths: Vec<Arc<str>> = texts.keys().cloned().collect();
        let mut templates = Templates::new(texts);
        let (name, version, title) = read_suite_file(&templates, &mut mistakes);
        let mut tables = BTreeMap::new();
        let mut bench = Workbench {
            templates: &mut templates,
            mistakes: &mut mistakes,
            tables: &mut tables,
            paths: &paths,
        };
        let scenarios = read_scenarios(&mut bench);
        let used = tables.keys().cloned().collect();
        let suite = Self { name: name.into(), version: version.into(), title, scenarios, templates };
        if mistakes.is_empty() {
            check_suite(&suite, &paths, used, &mut mistakes);
        }
        mistakes.into_result(suite)
    }

    /// A suite without a scenario: what a list's jobs are of.
    pub(crate) fn empty() -> Self {
        Self {
            name: "".into(),
            version: "".into(),
            title: String::new(),
            scenarios: Vec::new(),
            templates: Templates::new(BTreeMap::new()),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version, as its authors count it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its title, for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its scenarios, in order of their names.
    #[must_use]
    pub fn scenarios(&self) -> &[Arc<Scenario>] {
        &self.scenarios
    }

    /// One scenario.
    #[must_use]
    pub fn scenario(&self, name: &str) -> Option<&Arc<Scenario>> {
        self.scenarios.iter().find(|scenario| &**scenario.name() == name)
    }

    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }
}

fn texts(bundle: &Bundle, mistakes: &mut Mistakes) -> BTreeMap<Arc<str>, Arc<str>> {
    let mut texts = BTreeMap::new();
    for (path, content) in bundle.files() {
        match std::str::from_utf8(content) {
            Ok(text) => {
                texts.insert(path.into(), text.into());
            }
            Err(error) => {
                let readable = String::from_utf8_lossy(&content[..error.valid_up_to()]);
                let end = readable.len();
                mistakes.add(&Source::new(path, &*readable), end..end, "this is not UTF-8 text");
            }
        }
    }
    texts
}

fn read_suite_file(templates: &Templates, mistakes: &mut Mistakes) -> (String, String, String) {
    let Some(source) = templates.source(SUITE_FILE) else {
        let nothing = Source::new(SUITE_FILE, "");
        mistakes.add(&nothing, 0..0, "the suite has no `suite.toml`: is this a suite's folder?");
        return Default::default();
    };
    let reader = Reader::new(source);
    let read = reader.read(|fields| {
        fields.format();
        let text = |key| fields.needed_text(key).value;
        (text("name"), text("version"), text("title"))
    });
    mistakes.absorb(reader.into_mistakes());
    read.unwrap_or_default()
}

fn read_scenarios(bench: &mut Workbench<'_>) -> Vec<Arc<Scenario>> {
    let is_scenario = |path: &&Arc<str>| path.split_once('/').is_some_and(|(_, rest)| rest == SCENARIO_FILE);
    let paths: Vec<Arc<str>> = bench.paths.iter().filter(is_scenario).cloned().collect();
    if paths.is_empty()
        && let Some(source) = bench.templates.source(SUITE_FILE)
    {
        bench.mistakes.add(&source, 0..0, "the suite has no scenario: no folder has a `scenario.toml`");
    }
    let mut scenarios = Vec::with_capacity(paths.len());
    for path in paths {
        let source = bench.templates.source(&path);
        scenarios.extend(source.and_then(|source| read_scenario(source, bench)).map(Arc::new));
    }
    scenarios
}

/// So many characters in tokens, about.
fn tokens(chars: u64) -> u64 {
    chars.div_ceil(TOKEN_CHARS)
}
