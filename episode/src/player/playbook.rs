//! Playing: which scenario a conversation is of, which step comes next, what it says and calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::Value;
use minijinja::value::Object;

use super::name::PlayerName;
use super::script::{Cast, CastArgument, CastArguments, CastCall, CastText, CastTurn, Mix, Player, RESULTS};
use super::words::words;
use crate::digest::{Digest, Parts};
use crate::suite::{Fault, Scenario, Suite, Templates, jinja};
use crate::sweep::ModelName;

/// Display names whose prompts are kept: one for each model of a sweep or two.
const DISPLAY_NAMES_MAX: usize = 256;
/// Characters of a display name that is looked for in a prompt.
const DISPLAY_NAME_CHARS_MAX: usize = 80;
/// Variants of a scenario whose prompts are kept for each display name; 100 bytes each.
const VARIANTS_MAX: usize = 20_000;
/// Conversations of seeded scenarios that are kept; any other is found again by expanding all variants with its seed.
const SEEDED_MAX: usize = 1_000;
/// Stands for the display name where it is looked for. Not a character that a scenario would use.
const UNNAMED: &str = "\u{f8ff}";

/// Plays the model's part in conversations of the suites it knows, without a model. It keeps nothing of a conversation;
/// what it caches can be computed again. It may be used from several threads.
#[derive(Debug)]
pub struct Playbook {
    suites: Vec<Arc<Suite>>,
    openings: Mutex<Openings>,
}

/// A conversation as a provider sees it in a request.
#[derive(Debug, Clone, Copy)]
pub struct Conversation<'a> {
    /// The model's name in the request (`sim/mixed?p=0.3`): it names the player. The name by which prompts speak of the
    /// model is derived from it, or found in the prompts.
    pub model: &'a str,
    /// The request's seed; 0 if it has none.
    pub seed: u64,
    /// What was said so far.
    pub messages: &'a [Said<'a>],
    /// The names of the tools on offer. A player of a scenario with several worlds behind the same prompts is told
    /// apart by them.
    pub tools: &'a [&'a str],
    /// Seed-drawn words to add to what is said, spread over the episode.
    pub words: u32,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Said<'a> {
    /// The system prompt.
    System(&'a str),
    /// What the user said.
    User(&'a str),
    /// What the model said.
    Assistant {
        /// As text.
        text: &'a str,
        /// The tool calls it asked for.
        calls: Vec<SaidCall<'a>>,
    },
    /// What a tool answered.
    Tool {
        /// The call that it answers.
        call_id: &'a str,
        /// The answer.
        content: &'a str,
    },
}

/// A tool call of an earlier turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaidCall<'a> {
    /// Its id.
    pub id: &'a str,
    /// The tool's name.
    pub name: &'a str,
}

/// What a player does in a turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Action {
    /// What it says.
    pub text: String,
    /// What it says to itself.
    pub reasoning: String,
    /// The tools it calls: name and arguments (a JSON object as text).
    pub tool_calls: Vec<(Arc<str>, String)>,
}

/// Why a conversation can't be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// The model's name names no player.
    #[error("`{0}` names no player: expected `sim/NAME`, `sim/NAME?p=0.3` or `sim/NAME?words=25`")]
    BadName(String),
    /// The prompts are of no scenario of the suites loaded.
    #[error("no scenario of the suites loaded begins with these prompts and tools")]
    UnknownConversation,
    /// The scenario has no such player.
    #[error("scenario {scenario} has no player `{player}`; it has {known}")]
    UnknownPlayer {
        /// The scenario.
        scenario: String,
        /// The player asked for.
        player: String,
        /// Those it has.
        known: String,
    },
    /// The player's script failed: the world answered other than the script expects.
    #[error("player {player}, step {step}: {what}")]
    Script {
        /// The player.
        player: String,
        /// The step, from 1.
        step: usize,
        /// What went wrong.
        what: String,
    },
}

/// How conversations begin, as far as they are known.
#[derive(Debug, Default)]
struct Openings {
    display_names: BTreeMap<String, ()>,
    /// By hash of prompts and tools. Never iterated.
    known: BTreeMap<Digest, Arc<Opening>>,
    /// Of seeded scenarios.
    seeded: BTreeMap<Digest, Arc<Opening>>,
}

/// A variant that a conversation can be of.
#[derive(Debug)]
struct Opening {
    suite: Arc<Suite>,
    scenario: Arc<Scenario>,
    variant: Vec<u16>,
    model: String,
    seed: u64,
    casts: Mutex<Casts>,
}

/// By player: what templates see, and the script.
type Casts = BTreeMap<Arc<str>, (Value, Arc<Cast>)>;

/// What a step's templates see: what the scenario's templates see, and `results`.
#[derive(Debug)]
struct Stage {
    scenario: Value,
    results: Value,
}

// === impl Playbook ===

impl Playbook {
    /// For conversations of these suites.
    #[must_use]
    pub fn new(suites: Vec<Arc<Suite>>) -> Self {
        Self { suites, openings: Mutex::default() }
    }

    /// What the player does next. The same conversation always gives the same action. When its script is over, the
    /// player says nothing and calls nothing.
    ///
    /// # Errors
    /// If the conversation is of no known scenario, or the player can't be played.
    pub fn play(&self, conversation: &Conversation<'_>) -> Result<Action, PlayError> {
        let name = PlayerName::parse(conversation.model)?;
        let (system, user) = prompts(conversation.messages);
        let opening = self.opening(conversation, system, user)?;
        let player = opening.player(&name, &[system, user], conversation.seed)?;
        let (context, cast) = opening.cast(player)?;
        let step = turns_taken(conversation.messages);
        let Some(turn) = cast.turns.get(step) else { return Ok(Action::default()) };
        let templates = opening.suite.templates();
        let stage = Stage { scenario: context, results: results(turn, conversation.messages) };
        let failed =
            |fault: Fault| PlayError::Script { player: player.to_owned(), step: step + 1, what: fault.what };
        let mut action = turn.act(templates, stage).map_err(failed)?;
        for word in words(name.words.unwrap_or(conversation.words), step, cast.turns.len(), conversation.seed)
        {
            if !action.text.is_empty() {
                action.text.push(' ');
            }
            action.text.push_str(word);
        }
        Ok(action)
    }

    /// Finds the variant that a conversation is of.
    fn opening(
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
        for display_name in self.display_names(conversation.model, system) {
            self.expand(&display_name);
            if let Some(known) = self.lock().get(&key, &seeded_key) {
                return Ok(known);
            }
            if let Some(found) = self.find_seeded(&display_name, conversation.seed, key) {
                let mut openings = self.lock();
                if openings.seeded.len() >= SEEDED_MAX {
                    openings.seeded.clear();
                }
                openings.seeded.insert(seeded_key, Arc::clone(&found));
                return Ok(found);
            }
        }
        Err(PlayError::UnknownConversation)
    }

    fn lock(&self) -> MutexGuard<'_, Openings> {
        // Every change of it is a single insertion: after a panic elsewhere it is still whole.
        self.openings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names by which the prompts may call the model: the one derived from the model's name, and those found where
    /// a scenario's system prompt has it.
    fn display_names(&self, model: &str, system: &str) -> Vec<String> {
        let mut names: Vec<String> = ModelName::parse(model).iter().map(ModelName::display_name).collect();
        for (suite, scenario) in self.scenarios() {
            let variants = scenario.variants(suite.templates(), &scenario.defaults()).unwrap_or_default();
            for variant in variants {
                let unnamed = prompts_of(suite, scenario, &variant, UNNAMED, 0);
                let found = unnamed.and_then(|(_, system_unnamed, _)| find_name(&system_unnamed, system));
                names.extend(found.filter(|name| !names.contains(name)));
            }
        }
        names
    }

    fn scenarios(&self) -> impl Iterator<Item = (&Arc<Suite>, &Arc<Scenario>)> {
        self.suites.iter().flat_map(|suite| suite.scenarios().iter().map(move |scenario| (suite, scenario)))
    }

    /// Learns how the variants of unseeded scenarios begin when the model has this name.
    fn expand(&self, display_name: &str) {
        if self.lock().display_names.contains_key(display_name) {
            return;
        }
        let mut expanded = Vec::new();
        for (suite, scenario) in self.scenarios().filter(|(_, scenario)| !scenario.seeded) {
            for variant in all_variants(suite, scenario) {
                expanded.extend(Opening::begin(suite, scenario, variant, display_name, 0));
            }
        }
        let mut openings = self.lock();
        if openings.display_names.len() >= DISPLAY_NAMES_MAX {
            *openings = Openings::default();
        }
        openings.display_names.insert(display_name.to_owned(), ());
        for (key, opening) in expanded {
            // Variants with the same opening are played the same: `Suite::load` has checked it.
            openings.known.entry(key).or_insert(opening);
        }
    }

    fn find_seeded(&self, display_name: &str, seed: u64, key: Digest) -> Option<Arc<Opening>> {
        self.scenarios().filter(|(_, scenario)| scenario.seeded).find_map(|(suite, scenario)| {
            all_variants(suite, scenario)
                .into_iter()
                .filter_map(|variant| {
                    let repeat = scenario.key(&variant).repeat(seed);
                    Opening::begin(suite, scenario, variant, display_name, repeat.0)
                })
                .find_map(|(found, opening)| (found == key).then_some(opening))
        })
    }
}

/// All variants of a scenario, or if there are too many, its default ones.
fn all_variants(suite: &Suite, scenario: &Scenario) -> Vec<Vec<u16>> {
    // An axis has at most 1,000 values.
    let all: Vec<Vec<u16>> =
        scenario.axes.iter().map(|axis| (0..axis.values.len() as u16).collect()).collect();
    let count = all.iter().try_fold(1_usize, |product, values| product.checked_mul(values.len()));
    let selected = if count.is_some_and(|count| count <= VARIANTS_MAX) { all } else { scenario.defaults() };
    scenario.variants(suite.templates(), &selected).unwrap_or_default()
}

fn prompts_of(
    suite: &Suite,
    scenario: &Scenario,
    variant: &[u16],
    model: &str,
    seed: u64,
) -> Option<(Value, String, String)> {
    let context = scenario.context(suite.templates(), variant, model, seed).ok()?;
    let (system, user) = scenario.prompts(suite.templates(), &context).ok()?;
    Some((context, system, user))
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

fn opening_key(system: &str, user: &str, tools: &[&str]) -> Digest {
    let mut parts = Parts::new("muster opening");
    parts.text(system).text(user);
    // A provider may have got them in another order.
    let mut tools = tools.to_vec();
    tools.sort_unstable();
    for tool in tools {
        parts.text(tool);
    }
    parts.digest()
}

/// The system prompt and the first thing the user said.
fn prompts<'a>(messages: &[Said<'a>]) -> (&'a str, &'a str) {
    let system =
        messages.iter().find_map(|said| if let Said::System(text) = said { Some(*text) } else { None });
    let user = messages.iter().find_map(|said| if let Said::User(text) = said { Some(*text) } else { None });
    (system.unwrap_or_default(), user.unwrap_or_default())
}

fn turns_taken(messages: &[Said<'_>]) -> usize {
    messages.iter().filter(|said| matches!(said, Said::Assistant { .. })).count()
}

/// What the tools that a turn uses answered last.
fn results(turn: &CastTurn, messages: &[Said<'_>]) -> Value {
    Value::from_pairs(turn.uses.iter().filter_map(|tool| Some((tool.clone(), last_answer(tool, messages)?))))
}

fn last_answer(tool: &str, messages: &[Said<'_>]) -> Option<Value> {
    let called = |id: &str| {
        messages.iter().any(|said| match said {
            Said::Assistant { calls, .. } => calls.iter().any(|call| call.id == id && call.name == tool),
            _ => false,
        })
    };
    let content = messages.iter().rev().find_map(|said| match said {
        Said::Tool { call_id, content } if called(call_id) => Some(*content),
        _ => None,
    })?;
    serde_json::from_str(content).ok().map(|answer| jinja(&answer))
}

// === impl Openings ===

impl Openings {
    fn get(&self, key: &Digest, seeded_key: &Digest) -> Option<Arc<Opening>> {
        self.known.get(key).or_else(|| self.seeded.get(seeded_key)).cloned()
    }
}

// === impl Opening ===

impl Opening {
    /// How a variant begins.
    fn begin(
        suite: &Arc<Suite>,
        scenario: &Arc<Scenario>,
        variant: Vec<u16>,
        model: &str,
        seed: u64,
    ) -> Option<(Digest, Arc<Self>)> {
        let (context, system, user) = prompts_of(suite, scenario, &variant, model, seed)?;
        let world = scenario.world(suite.templates(), &context, seed).ok()?;
        let tools: Vec<Arc<str>> = world.tools().into_iter().map(|tool| tool.name).collect();
        let tools: Vec<&str> = tools.iter().map(AsRef::as_ref).collect();
        let key = opening_key(&system, &user, &tools);
        let (suite, scenario, model) = (Arc::clone(suite), Arc::clone(scenario), model.to_owned());
        Some((key, Arc::new(Self { suite, scenario, variant, model, seed, casts: Mutex::default() })))
    }

    /// The player asked for, or the one that a mixed player is in this conversation.
    fn player(&self, name: &PlayerName, prompts: &[&str], seed: u64) -> Result<&str, PlayError> {
        match self.scenario.players.get_key_value(name.player.as_str()) {
            Some((player, Player::Script(_))) => Ok(player),
            Some((_, Player::Mix(mix))) => Ok(mix.draw(name.probability, prompts, seed)),
            None => Err(self.unknown(&name.player)),
        }
    }

    fn unknown(&self, player: &str) -> PlayError {
        let known: Vec<&str> = self.scenario.players().collect();
        PlayError::UnknownPlayer {
            scenario: self.scenario.name().to_string(),
            player: player.to_owned(),
            known: known.join(", "),
        }
    }

    /// What templates see here, and the player's script.
    fn cast(&self, player: &str) -> Result<(Value, Arc<Cast>), PlayError> {
        let mut casts = self.casts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = casts.get(player) {
            return Ok(known.clone());
        }
        let (templates, scenario) = (self.suite.templates(), &self.scenario);
        let failed =
            |fault: Fault| PlayError::Script { player: player.to_owned(), step: 0, what: fault.what };
        let context = scenario.context(templates, &self.variant, &self.model, self.seed).map_err(failed)?;
        let cast = scenario
            .players
            .get(player)
            .map(|it| it.cast(templates, &context))
            .transpose()
            .map_err(failed)?;
        let cast = cast.flatten().map(Arc::new).ok_or_else(|| self.unknown(player))?;
        casts.insert(player.into(), (context.clone(), Arc::clone(&cast)));
        Ok((context, cast))
    }
}

// === impl Mix ===

impl Mix {
    /// Which player it is: drawn by seed and prompts, so that it stays the same through a conversation.
    fn draw(&self, probability: Option<f64>, prompts: &[&str], seed: u64) -> &str {
        let mut parts = Parts::new("muster mix");
        parts.number(seed);
        for prompt in prompts {
            parts.text(prompt);
        }
        // The upper 53 bits as a number from 0 to below 1.
        let drawn = (parts.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        if drawn < probability.unwrap_or(self.probability) {
            &self.sometimes.value
        } else {
            &self.mostly.value
        }
    }
}

// === impl CastTurn ===

impl CastTurn {
    fn act(&self, templates: &Templates, stage: Stage) -> Result<Action, Fault> {
        let stage = Value::from_object(stage);
        Ok(Action {
            text: self.say.text(templates, &stage)?,
            reasoning: self.think.text(templates, &stage)?,
            tool_calls: self
                .calls
                .iter()
                .map(|call| call.call(templates, &stage))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl CastCall {
    fn call(&self, templates: &Templates, stage: &Value) -> Result<(Arc<str>, String), Fault> {
        let arguments = match &self.arguments {
            CastArguments::Known(json) => json.clone(),
            CastArguments::Rendered(arguments) => {
                let mut object = serde_json::Map::new();
                for (name, argument) in arguments {
                    let value = match argument {
                        CastArgument::Value(value) => value.clone(),
                        CastArgument::Text(text) => text.text(templates, stage)?.into(),
                    };
                    object.insert(name.clone(), value);
                }
                serde_json::Value::Object(object).to_string()
            }
        };
        Ok((Arc::clone(&self.tool), arguments))
    }
}

impl CastText {
    fn text(&self, templates: &Templates, stage: &Value) -> Result<String, Fault> {
        match self {
            Self::Known(text) => Ok(text.clone()),
            Self::Rendered(template) => templates.render(template, stage),
        }
    }
}

// === impl Stage ===

impl Object for Stage {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if key.as_str() == Some(RESULTS) {
            return Some(self.results.clone());
        }
        self.scenario.get_item(key).ok().filter(|value| !value.is_undefined())
    }
}
