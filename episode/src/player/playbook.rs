//! Playing: which scenario a conversation is of, which step comes next, what it says and calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use super::dice::Dice;
use super::name::PlayerName;
use super::openings::Openings;
use super::script::{
    ANSWERS, CHANCE, CastArgument, CastArguments, CastCall, CastText, CastTurn, DRAW, Live, Mix, ODDS,
    RESULTS,
};
use super::words::words;
use crate::call::{Message, ToolCall};
use crate::suite::{Fault, Suite, Templates, jinja};

/// Plays the model's part in conversations of the suites it knows, without a model. It keeps nothing of a conversation;
/// what it caches can be computed again. It may be used from several threads.
#[derive(Debug)]
pub struct Playbook {
    openings: Openings,
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
    #[error(
        "`{0}` names no player: expected `sim/NAME`, `sim/NAME?p=0.3`, `sim/NAME?words=25` or odds that the player takes"
    )]
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
    /// The model's name gives odds that the player does not take.
    #[error("player {player} of scenario {scenario} takes no odds `{odds}`; {known}")]
    UnknownOdds {
        /// The scenario.
        scenario: String,
        /// The player.
        player: String,
        /// The odds given.
        odds: String,
        /// What it takes instead.
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

/// What a step's templates see: what the scenario's templates see, `results`, `answers`, and what is left to chance.
#[derive(Debug, Clone)]
struct Stage {
    scenario: Value,
    results: Value,
    answers: Value,
    dice: Dice,
    /// The player's own names.
    names: BTreeMap<Arc<str>, Value>,
}

/// What each tool has answered, in order.
pub(super) type Told = BTreeMap<Arc<str>, Vec<Value>>;

// === impl Said ===

impl<'a> From<&'a Message> for Said<'a> {
    fn from(message: &'a Message) -> Self {
        match message {
            Message::System(text) => Self::System(text),
            Message::User(text) => Self::User(text),
            Message::Assistant(reply) => {
                let call = |call: &'a ToolCall| SaidCall { id: &call.id, name: &call.name };
                Self::Assistant { text: &reply.text, calls: reply.tool_calls.iter().map(call).collect() }
            }
            Message::Tool(result) => Self::Tool { call_id: &result.call_id, content: &result.content },
        }
    }
}

// === impl Playbook ===

impl Playbook {
    /// For conversations of these suites.
    #[must_use]
    pub fn new(suites: Vec<Arc<Suite>>) -> Self {
        Self { openings: Openings::new(suites) }
    }

    /// What the player does next. The same conversation always gives the same action. When its script is over, the
    /// player says nothing and calls nothing.
    ///
    /// # Errors
    /// If the conversation is of no known scenario, or the player can't be played.
    pub fn play(&self, conversation: &Conversation<'_>) -> Result<Action, PlayError> {
        let name = PlayerName::parse(conversation.model)?;
        let (system, user) = prompts(conversation.messages);
        let opening = self.openings.find(conversation, system, user)?;
        let player = opening.player(&name, &[system, user], conversation.seed)?;
        let dice = Dice::of(&[system, user], conversation.seed).with_odds(&name.odds, opening.scenario());
        let (context, cast) = opening.cast(player)?;
        let step = turns_taken(conversation.messages);
        let Some(turn) = cast.turns.get(step) else { return Ok(Action::default()) };
        let templates = opening.suite.templates();
        let told = told(&turn.live, conversation.messages);
        let failed =
            |fault: Fault| PlayError::Script { player: player.to_owned(), step: step + 1, what: fault.what };
        let stage = turn.stage(templates, context, &told, dice).map_err(failed)?;
        let mut action = turn.act(templates, &stage).map_err(failed)?;
        for word in words(name.words.unwrap_or(conversation.words), step, cast.turns.len(), conversation.seed)
        {
            if !action.text.is_empty() {
                action.text.push(' ');
            }
            action.text.push_str(word);
        }
        Ok(action)
    }
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

/// What a tool answered so far, in order.
fn answers<'a>(tool: &str, messages: &'a [Said<'_>]) -> impl DoubleEndedIterator<Item = &'a str> {
    let calls = messages.iter().flat_map(|said| match said {
        Said::Assistant { calls, .. } => calls.as_slice(),
        _ => &[],
    });
    let ids: Vec<&str> = calls.filter(|call| call.name == tool).map(|call| call.id).collect();
    messages.iter().filter_map(move |said| match said {
        Said::Tool { call_id, content } if ids.contains(call_id) => Some(*content),
        _ => None,
    })
}

fn parsed(content: &str) -> Option<Value> {
    serde_json::from_str(content).ok().map(|answer| jinja(&answer))
}

// === impl Mix ===

impl Mix {
    /// Which player it is: drawn by seed and prompts, so that it stays the same through a conversation.
    pub(super) fn draw(&self, probability: Option<f64>, prompts: &[&str], seed: u64) -> &str {
        if Dice::of(prompts, seed).chance() < probability.unwrap_or(self.probability) {
            &self.sometimes.value
        } else {
            &self.mostly.value
        }
    }
}

// === impl CastTurn ===

impl CastTurn {
    /// What its templates see.
    pub(super) fn stage(
        &self,
        templates: &Templates,
        scenario: Value,
        told: &Told,
        dice: Dice,
    ) -> Result<Value, Fault> {
        let mut stage = Stage::new(scenario, &self.live, told, dice);
        for name in &self.names {
            let value = templates.render(&name.template, &Value::from_object(stage.clone()))?;
            stage.names.insert(Arc::clone(&name.name), value.into());
        }
        Ok(Value::from_object(stage))
    }

    fn act(&self, templates: &Templates, stage: &Value) -> Result<Action, Fault> {
        Ok(Action {
            text: self.say.text(templates, stage)?,
            reasoning: self.think.text(templates, stage)?,
            tool_calls: self
                .calls
                .iter()
                .filter_map(|call| call.call(templates, stage).transpose())
                .collect::<Result<_, _>>()?,
        })
    }
}

impl CastCall {
    /// The call; none if its condition does not hold now.
    pub(super) fn call(
        &self,
        templates: &Templates,
        stage: &Value,
    ) -> Result<Option<(Arc<str>, String)>, Fault> {
        if let Some(made) = &self.made
            && !templates.holds(&made.condition, stage)?
        {
            return Ok(None);
        }
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
        Ok(Some((Arc::clone(&self.tool), arguments)))
    }
}

impl CastText {
    pub(super) fn text(&self, templates: &Templates, stage: &Value) -> Result<String, Fault> {
        match self {
            Self::Known(text) => Ok(text.clone()),
            Self::Rendered(template, _) => templates.render(template, stage),
        }
    }
}

// === impl Stage ===

impl Stage {
    /// What a turn takes from what tools have answered so far.
    fn new(scenario: Value, live: &Live, told: &Told, dice: Dice) -> Self {
        let last = |tool: &Arc<str>| Some((Arc::clone(tool), told.get(tool)?.last()?.clone()));
        let all = |tool: &Arc<str>| -> (Arc<str>, Value) {
            (Arc::clone(tool), told.get(tool).into_iter().flatten().cloned().collect())
        };
        Self {
            scenario,
            results: Value::from_pairs(live.results.iter().filter_map(last)),
            answers: Value::from_pairs(live.answers.iter().map(all)),
            dice,
            names: BTreeMap::new(),
        }
    }
}

/// What the tools that a turn uses have answered.
fn told(live: &Live, messages: &[Said<'_>]) -> Told {
    let all = |tool: &Arc<str>| (Arc::clone(tool), answers(tool, messages).filter_map(parsed).collect());
    let last = |tool: &Arc<str>| {
        let content = answers(tool, messages).next_back();
        (Arc::clone(tool), content.and_then(parsed).into_iter().collect())
    };
    // Of a tool whose last answer alone is used, only that is parsed.
    live.results.iter().map(last).chain(live.answers.iter().map(all)).collect()
}

impl Object for Stage {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(RESULTS) => return Some(self.results.clone()),
            Some(ANSWERS) => return Some(self.answers.clone()),
            Some(CHANCE) => return Some(self.dice.chance().into()),
            Some(DRAW) => return Some(self.dice.draw()),
            Some(ODDS) => return Some(self.dice.odds()),
            _ => {}
        }
        if let Some(value) = key.as_str().and_then(|name| self.names.get(name)) {
            return Some(value.clone());
        }
        self.scenario.get_item(key).ok().filter(|value| !value.is_undefined())
    }
}
