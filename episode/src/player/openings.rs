//! Finding the variant that a conversation is of, by its prompts and the names of its tools. A suite with many axes has
//! more variants than can be rendered, so each prompt is looked up by itself: what it can become depends on few axes,
//! and what both say together leaves few variants to try.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::opening::{Opening, opening_key};
use super::playbook::{Conversation, PlayError};
use super::probe::{Partial, joined, leaves};
use crate::digest::{Digest, Parts};
use crate::suite::{Scenario, Suite};
use crate::sweep::ModelName;

/// Display names whose prompts are kept: one for each model of a sweep or two.
const DISPLAY_NAMES_MAX: usize = 256;
/// Characters of a display name that is looked for in a prompt.
const DISPLAY_NAME_CHARS_MAX: usize = 80;
/// Variants that are tried for one conversation, and expanded for one of a seeded scenario.
const VARIANTS_MAX: usize = 20_000;
/// Conversations that are kept, at some 5 KB each with their scripts; any other is found again.
const KNOWN_MAX: usize = 50_000;
/// Stands for the display name where it is looked for. Not a character that a scenario would use.
const UNNAMED: &str = "\u{f8ff}";

/// How conversations begin, as far as they are known.
#[derive(Debug)]
pub(super) struct Openings {
    scenarios: Vec<(Arc<Suite>, Arc<Scenario>)>,
    cache: Mutex<Cache>,
}

/// What can be computed again.
#[derive(Debug, Default)]
struct Cache {
    display_names: BTreeSet<String>,
    /// By hash of prompts and tools, for seeded scenarios also by seed. Never iterated.
    known: BTreeMap<Digest, Arc<Opening>>,
    /// What the prompts of a scenario can become, by its place.
    indexes: BTreeMap<(usize, Prompt, Span, String), Arc<OnceLock<Index>>>,
}

/// By hash of a prompt, the values for which it is this.
type Index = BTreeMap<Digest, Vec<Partial>>;

/// Which prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Prompt {
    System,
    User,
}

/// Which values of the axes are tried: most conversations are of default ones, and these are far fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Span {
    Defaults,
    All,
}

// === impl Openings ===

impl Openings {
    pub(super) fn new(suites: Vec<Arc<Suite>>) -> Self {
        let of = |suite: Arc<Suite>| {
            let scenarios: Vec<_> = suite.scenarios().to_vec();
            scenarios.into_iter().map(move |scenario| (Arc::clone(&suite), scenario))
        };
        Self { scenarios: suites.into_iter().flat_map(of).collect(), cache: Mutex::default() }
    }

    /// Finds the variant that a conversation is of.
    pub(super) fn find(
        &self,
        conversation: &Conversation<'_>,
        system: &str,
        user: &str,
    ) -> Result<Arc<Opening>, PlayError> {
        let key = opening_key(system, user, conversation.tools);
        let seeded_key = Parts::new("muster seeded opening").bytes(&key).number(conversation.seed).digest();
        if let Some(known) = self.lock().get(&key, &seeded_key) {
            return Ok(known);
        }
        for span in [Span::Defaults, Span::All] {
            for name in self.display_names(conversation.model, system, span) {
                if let Some(found) = self.find_named(&name, system, user, key, span) {
                    return Ok(self.lock().keep(key, found));
                }
                if let Some(found) = self.find_seeded(&name, conversation.seed, key, span) {
                    return Ok(self.lock().keep(seeded_key, found));
                }
            }
        }
        Err(PlayError::UnknownConversation)
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        // Every change of it is a single insertion: after a panic elsewhere it is still whole.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names by which the prompts may call the model: the one derived from the model's name, and those found where
    /// a scenario's system prompt has it.
    fn display_names(&self, model: &str, system: &str, span: Span) -> Vec<String> {
        let mut names: Vec<String> = ModelName::parse(model).iter().map(ModelName::display_name).collect();
        for (suite, scenario) in &self.scenarios {
            for leaf in leaves(suite, scenario, &scenario.system, UNNAMED, &span.values(scenario)) {
                let found = find_name(&leaf.text, system);
                names.extend(found.filter(|name| !names.contains(name)));
            }
        }
        names
    }

    /// Finds a variant of an unseeded scenario.
    fn find_named(
        &self,
        name: &str,
        system: &str,
        user: &str,
        key: Digest,
        span: Span,
    ) -> Option<Arc<Opening>> {
        let unseeded = self.scenarios.iter().enumerate().filter(|(_, (_, scenario))| !scenario.seeded);
        unseeded.into_iter().find_map(|(place, (suite, scenario))| {
            let said = self.partials(place, Prompt::System, span, name, system);
            let asked = if said.is_empty() {
                said.clone()
            } else {
                self.partials(place, Prompt::User, span, name, user)
            };
            let pairs =
                said.iter().flat_map(|said| asked.iter().filter_map(move |asked| joined(said, asked)));
            let begin = |variant| Opening::begin(suite, scenario, variant, name, 0);
            let mut openings = pairs.flat_map(|it| variants(suite, scenario, &it, span)).filter_map(begin);
            openings.find(|(found, _)| *found == key).map(|(_, opening)| opening)
        })
    }

    /// The values for which a prompt of a scenario is this.
    fn partials(&self, place: usize, prompt: Prompt, span: Span, name: &str, text: &str) -> Vec<Partial> {
        let index = self.lock().index(place, prompt, span, name);
        let (suite, scenario) = &self.scenarios[place];
        // Outside of the lock; others who want the same index wait for it.
        let index = index.get_or_init(|| make_index(suite, scenario, prompt, span, name));
        index.get(&digest(text)).cloned().unwrap_or_default()
    }

    fn find_seeded(&self, name: &str, seed: u64, key: Digest, span: Span) -> Option<Arc<Opening>> {
        let mut seeded = self.scenarios.iter().filter(|(_, scenario)| scenario.seeded);
        seeded.find_map(|(suite, scenario)| {
            let open = vec![None; scenario.axes.len()];
            let begin = |variant: Vec<u16>| {
                let repeat = scenario.key(&variant).repeat(seed);
                Opening::begin(suite, scenario, variant, name, repeat.0)
            };
            let mut openings = variants(suite, scenario, &open, span).into_iter().filter_map(begin);
            openings.find(|(found, _)| *found == key).map(|(_, opening)| opening)
        })
    }
}

fn make_index(suite: &Arc<Suite>, scenario: &Arc<Scenario>, prompt: Prompt, span: Span, name: &str) -> Index {
    let template = match prompt {
        Prompt::System => &scenario.system,
        Prompt::User => &scenario.user,
    };
    let mut index = Index::new();
    for leaf in leaves(suite, scenario, template, name, &span.values(scenario)) {
        index.entry(digest(&leaf.text)).or_default().push(leaf.places);
    }
    index
}

fn digest(text: &str) -> Digest {
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// The variants with these values; other axes have their default ones, or if there are no such variants, any.
fn variants(suite: &Suite, scenario: &Scenario, partial: &Partial, span: Span) -> Vec<Vec<u16>> {
    let filled = |span: Span| {
        let selected: Vec<Vec<u16>> = partial
            .iter()
            .zip(span.values(scenario))
            .map(|(place, values)| place.map_or(values, |place| vec![place]))
            .collect();
        let count = selected.iter().try_fold(1_usize, |product, values| product.checked_mul(values.len()));
        let fits = count.is_some_and(|count| count <= VARIANTS_MAX);
        if fits { scenario.variants(suite.templates(), &selected).unwrap_or_default() } else { Vec::new() }
    };
    let defaults = filled(Span::Defaults);
    if defaults.is_empty() && span == Span::All { filled(Span::All) } else { defaults }
}

/// The name that stands in `prompt` where `unnamed` has [`UNNAMED`].
fn find_name(unnamed: &str, prompt: &str) -> Option<String> {
    let (before, rest) = unnamed.split_once(UNNAMED)?;
    let after = rest.split(UNNAMED).next().unwrap_or_default();
    let prompt = prompt.strip_prefix(before)?;
    let end = if after.is_empty() { prompt.len() } else { prompt.find(after)? };
    let name = &prompt[..end];
    (name.chars().count() <= DISPLAY_NAME_CHARS_MAX).then(|| name.to_owned())
}

// === impl Cache ===

impl Cache {
    fn get(&self, key: &Digest, seeded_key: &Digest) -> Option<Arc<Opening>> {
        self.known.get(key).or_else(|| self.known.get(seeded_key)).cloned()
    }

    fn keep(&mut self, key: Digest, opening: Arc<Opening>) -> Arc<Opening> {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        // Variants with the same opening are played the same: `Suite::load` has checked it.
        Arc::clone(self.known.entry(key).or_insert(opening))
    }

    fn index(&mut self, place: usize, prompt: Prompt, span: Span, name: &str) -> Arc<OnceLock<Index>> {
        if !self.display_names.contains(name) {
            if self.display_names.len() >= DISPLAY_NAMES_MAX {
                *self = Self::default();
            }
            self.display_names.insert(name.to_owned());
        }
        Arc::clone(self.indexes.entry((place, prompt, span, name.to_owned())).or_default())
    }
}

// === impl Span ===

impl Span {
    /// The places of the values of each axis.
    fn values(self, scenario: &Scenario) -> Vec<Vec<u16>> {
        match self {
            Self::Defaults => scenario.defaults(),
            // An axis has at most 1,000 values.
            Self::All => scenario.axes.iter().map(|axis| (0..axis.values.len() as u16).collect()).collect(),
        }
    }
}
