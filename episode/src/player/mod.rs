//! Reference players.

use std::sync::Arc;

use crate::suite::Suite;

/// Plays the model's part in conversations of the suites it knows, without a model. Stateless but for caches; may be
/// used from several threads.
pub struct Playbook {
    suites: Vec<Arc<Suite>>,
}

/// A conversation as a provider sees it in a request.
#[derive(Debug, Clone, Copy)]
pub struct Conversation<'a> {
    /// The model's name in the request (`sim/mixed?p=0.3`): names the player, and gives the display name that prompts
    /// are matched with first.
    pub model: &'a str,
    /// The request's seed; 0 if it has none.
    pub seed: u64,
    /// What was said so far.
    pub messages: &'a [Said<'a>],
    /// The names of the tools on offer.
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

/// A player's name with its parameters, as in `sim/mixed?p=0.3`.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayerName {
    /// `obedient`, `protective`, `mixed`, ...
    pub player: String,
    /// `p`: the probability that a mixed player is the less frequent of its two.
    pub probability: Option<f64>,
    /// `words`: overrides [`Conversation::words`].
    pub words: Option<u32>,
}

/// Why a conversation can't be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// The model's name names no player.
    #[error("`{0}` names no player: expected `sim/NAME`, `sim/NAME?p=0.3` or `sim/NAME?words=25`")]
    BadName(String),
    /// The prompts are of no scenario of the suites loaded.
    #[error("no scenario of the suites loaded begins with these prompts")]
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

impl Playbook {
    /// For conversations of these suites.
    #[must_use]
    pub fn new(suites: Vec<Arc<Suite>>) -> Self {
        Self { suites }
    }
    /// What the player does next. The same conversation always gives the same action.
    ///
    /// # Errors
    /// If the conversation is of no known scenario, or the player can't be played.
    pub fn play(&self, conversation: &Conversation<'_>) -> Result<Action, PlayError> {
        unimplemented!()
    }
}

impl PlayerName {
    /// Reads a model's name.
    ///
    /// # Errors
    /// If it names no player.
    pub fn parse(model: &str) -> Result<Self, PlayError> {
        unimplemented!()
    }
}
