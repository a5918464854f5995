//! What is answered, whatever the dialect: the player's action, what it counts for, and where it is cut.

use muster_episode::Action;

use crate::asked::{Asked, Mode, tokens};
use crate::limits::TokenPlan;
use crate::profile::{Carried, Dialect, Profile};
use crate::reasoning::Turn;

/// Providers cache no prompts below so many tokens.
const CACHED_MIN: u64 = 1_024;

/// And cache in steps of so many.
const CACHED_STEP: u64 = 128;

/// What is thought when thinking is asked for and the player thinks nothing.
const THOUGHT: &str =
    "I look at what I was asked and at what the tools have answered so far, and choose the next step.";

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) asked: &'a Asked<'a>,
    pub(crate) profile: Profile,
    /// The model's name, as it is told.
    pub(crate) model: &'a str,
    pub(crate) action: &'a Action,
    pub(crate) turn: Turn,
    /// The request's number, for ids that are never the same.
    pub(crate) number: u64,
    pub(crate) hash: u64,
    /// What was thought. None: nothing, or nothing that is told.
    pub(crate) thought: Option<String>,
    /// The answer ends here, after so many tokens.
    pub(crate) cut: Option<u64>,
    /// The model, or a filter, declines.
    pub(crate) declined: bool,
    pub(crate) usage: Usage,
}

/// Tokens of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// All input, cached or not.
    pub(crate) input: u64,
    /// Of it, read from the cache.
    pub(crate) cached: u64,
    /// Of it, written to the cache because the caller asked for it.
    pub(crate) written: u64,
    /// All output, reasoning included.
    pub(crate) output: u64,
    /// Of it, reasoning.
    pub(crate) reasoning: u64,
}

/// What decides over an answer beside the request and the action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) dialect: Dialect,
    pub(crate) profile: Profile,
    /// Whether players think in every turn.
    pub(crate) always_think: bool,
    pub(crate) plan: TokenPlan,
    pub(crate) declined: bool,
}

// === impl Reply ===

impl<'a> Reply<'a> {
    /// Put together what is answered.
    pub(crate) fn new(
        asked: &'a Asked<'a>,
        model: &'a str,
        action: &'a Action,
        (hash, number): (u64, u64),
        manner: &Manner,
    ) -> Self {
        let thought = thought(asked, action, manner);
        let spoken = output_tokens(action);
        let reasoning = tokens(thought.as_deref().unwrap_or_default().len());
        let wanted = (spoken + reasoning).max(1);
        let cut = asked.max_tokens.filter(|max| wanted > *max);
        let output = manner.plan.output.map_or(cut.unwrap_or(wanted), |span| {
            span.draw(!hash).min(asked.max_tokens.unwrap_or(u64::MAX)).max(1)
        });
        let usage = usage(asked, hash, manner, output, reasoning.min(output));
        let told = told(manner);
        Self {
            asked,
            profile: manner.profile,
            model,
            action,
            turn: Turn::of(hash),
            number,
            hash,
            thought: thought.filter(|_| told),
            cut,
            declined: manner.declined,
            usage,
        }
    }

    /// What fits of the text into a cut answer.
    pub(crate) fn fitting_text(&self) -> &'a str {
        let Some(max) = self.cut else { return &self.action.text };
        let left = max.saturating_sub(self.usage.reasoning);
        let bytes = usize::try_from(left.saturating_mul(4)).unwrap_or(usize::MAX);
        &self.action.text[..self.action.text.floor_char_boundary(bytes)]
    }

    /// The tool calls that are sent: none comes after a cut.
    pub(crate) fn calls(&self) -> &'a [(std::sync::Arc<str>, String)] {
        if self.cut.is_some() || self.declined { &[] } else { &self.action.tool_calls }
    }

    /// An id that belongs to the turn's call or message at a place.
    pub(crate) fn id(&self, place: usize) -> String {
        self.turn.id(place, self.thought.as_deref())
    }
}

/// Whether reasoning is told at all, or only counted.
fn told(manner: &Manner) -> bool {
    manner.dialect != Dialect::Chat || manner.profile.carried() != Carried::Hidden
}

fn thought(asked: &Asked<'_>, action: &Action, manner: &Manner) -> Option<String> {
    let own = (!action.reasoning.is_empty()).then(|| action.reasoning.clone());
    match asked.thinking.mode {
        Mode::Off => None,
        _ if own.is_some() => own,
        _ if manner.always_think => Some(THOUGHT.to_owned()),
        Mode::Played => None,
        // Chat says that nothing was thought; the others have no form for it.
        Mode::On if manner.dialect == Dialect::Chat => Some(String::new()),
        Mode::On => Some(THOUGHT.to_owned()),
    }
}

fn usage(asked: &Asked<'_>, hash: u64, manner: &Manner, output: u64, reasoning: u64) -> Usage {
    let counted = asked.input_tokens();
    let input = manner.plan.input.map_or(counted, |span| span.draw(hash));
    // A drawn input keeps the shares of the counted one.
    let scaled = |bytes: usize| match tokens(bytes) {
        part if counted == 0 || input == counted => part.min(input),
        part => u64::try_from(u128::from(part) * u128::from(input) / u128::from(counted))
            .unwrap_or(input)
            .min(input),
    };
    let marked = asked.size.marked_bytes.map(scaled);
    let known = scaled(asked.size.known_bytes).min(marked.unwrap_or(u64::MAX));
    let cacheable = manner.dialect != Dialect::Messages || marked.is_some();
    let cached = if cacheable && known >= CACHED_MIN { known - known % CACHED_STEP } else { 0 };
    let written =
        marked.filter(|marked| *marked >= CACHED_MIN).map_or(0, |marked| marked.saturating_sub(cached));
    Usage { input, cached, written, output, reasoning }
}

fn output_tokens(action: &Action) -> u64 {
    let calls: usize =
        action.tool_calls.iter().map(|(name, arguments)| name.len() + arguments.len() + 16).sum();
    tokens(action.text.len() + calls)
}
