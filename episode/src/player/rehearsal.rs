//! A player in a world, without a provider: does it get through its script, and how much is said on the way?

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use minijinja::Value;

use super::dice::Dice;
use super::playbook::Told;
use super::script::{Cast, CastTurn};
use crate::call::{Message, Reply, StopReason, TokenUsage, ToolCall, ToolResult};
use crate::suite::{Fault, Templates, jinja};
use crate::world::World;

/// What a player's way through a scenario comes to, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rehearsal {
    /// Model calls.
    pub(crate) turns: u64,
    /// What the model is sent, over all calls: each call repeats what was said before.
    pub(crate) input_chars: u64,
    /// What the model says, arguments of tools included.
    pub(crate) output_chars: u64,
}

/// The dialect of what players say in a rehearsal: none of a provider's.
const DIALECT: &str = "rehearsal";

/// A rehearsal, and what was said and answered in it.
#[derive(Debug)]
pub(crate) struct Rehearsed {
    pub(crate) rehearsal: Rehearsal,
    /// Without the prompts.
    pub(crate) messages: Vec<Message>,
}

/// Why a player does not get through its script.
#[derive(Debug)]
pub(crate) enum Stumble {
    /// A template of it failed.
    Template(Fault),
    /// A call went other than it should have: its place in the player's file, and what happened.
    Call(Range<usize>, String),
    /// Something about the script as a whole.
    Script(String),
}

/// One turn's worth of it.
struct Stagehand<'a> {
    templates: &'a Templates,
    context: &'a Value,
    world: &'a mut World,
    told: Told,
    /// The number that the script's templates see as drawn, whatever they draw.
    chance: f64,
    /// What has been said so far, in characters.
    said: u64,
    rehearsal: Rehearsal,
    messages: Vec<Message>,
    dialect: Arc<str>,
}

/// Plays a script in a world. `opening` is what the model is sent before anything is said, in characters; `turns_max` is
/// the scenario's limit on model calls, `chance` the number that the script sees as drawn.
pub(crate) fn rehearse(
    cast: &Cast,
    templates: &Templates,
    context: &Value,
    world: &mut World,
    opening: u64,
    turns_max: u32,
    chance: f64,
) -> Result<Rehearsed, Stumble> {
    if cast.turns.len() > turns_max as usize {
        let what = format!("it has {} steps here; the limit is {turns_max} model calls", cast.turns.len());
        return Err(Stumble::Script(what));
    }
    let (told, rehearsal) = (Told::new(), Rehearsal::default());
    let (messages, dialect) = (Vec::new(), DIALECT.into());
    let mut hand =
        Stagehand { templates, context, world, told, chance, said: opening, rehearsal, messages, dialect };
    for (step, turn) in cast.turns.iter().enumerate() {
        let calls = hand.play(turn)?;
        let is_last = step + 1 == cast.turns.len();
        if calls == 0 && !is_last {
            let what = format!(
                "turn {} makes no call here: the run ends, and later steps are never played",
                step + 1
            );
            return Err(Stumble::Script(what));
        }
    }
    Ok(Rehearsed { rehearsal: hand.rehearsal, messages: hand.messages })
}

// === impl Stagehand ===

impl Stagehand<'_> {
    /// Plays a turn; how many calls it made.
    fn play(&mut self, turn: &CastTurn) -> Result<usize, Stumble> {
        let stage =
            turn.stage(self.templates, self.context.clone(), &self.told, Dice::loaded(self.chance))?;
        self.rehearsal.turns += 1;
        self.rehearsal.input_chars += self.said;
        let text = turn.say.text(self.templates, &stage)?;
        let reasoning = turn.think.text(self.templates, &stage)?;
        self.output(&text);
        let (mut tool_calls, mut results) = (Vec::new(), Vec::new());
        for call in &turn.calls {
            let Some((tool, arguments)) = call.call(self.templates, &stage)? else { continue };
            self.output(&arguments);
            let answer = self.world.call(&tool, &arguments);
            if answer.is_error != call.fails {
                let what =
                    if call.fails { "this is meant to fail, but it answers" } else { "the tool answers" };
                return Err(Stumble::Call(call.at.clone(), format!("{what} {}", answer.content)));
            }
            if let Ok(content) = serde_json::from_str(&answer.content) {
                self.told.entry(Arc::clone(&tool)).or_default().push(jinja(&content));
            }
            let (id, name) = (format!("call_{}", tool_calls.len()), tool.to_string());
            let (content, is_error) = (answer.content, answer.is_error);
            results.push(ToolResult { call_id: id.clone(), name: name.clone(), content, is_error });
            tool_calls.push(ToolCall { id, name, arguments });
        }
        self.said += results.iter().map(|result| result.content.chars().count() as u64).sum::<u64>();
        let calls = tool_calls.len();
        self.messages.push(Message::Assistant(self.reply(text, reasoning, tool_calls)));
        self.messages.extend(results.into_iter().map(Message::Tool));
        Ok(calls)
    }

    fn reply(&self, text: String, reasoning: String, tool_calls: Vec<ToolCall>) -> Reply {
        Reply {
            raw: Bytes::new(),
            dialect: Arc::clone(&self.dialect),
            stop: if tool_calls.is_empty() { StopReason::End } else { StopReason::ToolCalls },
            text,
            reasoning,
            tool_calls,
            tokens: TokenUsage::default(),
            served_model: String::new(),
            fingerprint: String::new(),
        }
    }

    fn output(&mut self, text: &str) {
        let chars = text.chars().count() as u64;
        self.rehearsal.output_chars += chars;
        self.said += chars;
    }
}

// === impl Stumble ===

impl From<Fault> for Stumble {
    fn from(fault: Fault) -> Self {
        Self::Template(fault)
    }
}
