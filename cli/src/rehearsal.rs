//! How large an episode is, learnt without a model: the suite's own players play some of each scenario's variants, and
//! what they would have sent is measured.

use std::sync::Arc;

use muster_episode::{
    Action, Call, Conversation, Episode, Expander, Message, Meter, Playbook, Reply, Said, Seed, Step,
    StopReason, Suite, SweepPlan, TokenUsage, ToolCall, VariantIndex,
};

/// Variants of each scenario that are played; they are spread over all of them.
const VARIANTS_PLAYED: u32 = 16;

/// Bytes a token, of English prose and JSON.
pub(crate) const BYTES_A_TOKEN: f64 = 4.0;

/// Tokens that a model writes in a call at least, its thinking included: players are terser than models.
pub(crate) const OUTPUT_TOKENS_A_CALL: f64 = 400.0;

/// What a scenario is taken to need where no player can play it.
const UNPLAYED: Size = Size { calls: 8.0, input_tokens: 40_000.0, output_tokens: 8.0 * OUTPUT_TOKENS_A_CALL };

/// What one episode takes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Size {
    /// Model calls.
    pub(crate) calls: f64,
    /// Tokens in, over all calls: each sends the conversation so far.
    pub(crate) input_tokens: f64,
    /// Tokens out, over all calls.
    pub(crate) output_tokens: f64,
}

/// What was measured of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rehearsed {
    /// The mean over what was played.
    pub(crate) size: Size,
    /// Episodes played; none: the size is assumed.
    pub(crate) episodes: u32,
}

/// Plays scenarios by their players.
pub(crate) struct Rehearsal {
    playbook: Playbook,
    expander: Expander,
}

// === impl Rehearsal ===

impl Rehearsal {
    pub(crate) fn new(suite: &Arc<Suite>, plan: &Arc<SweepPlan>) -> Self {
        Self {
            playbook: Playbook::new(vec![Arc::clone(suite)]),
            expander: Expander::new(Arc::clone(suite), Arc::clone(plan)),
        }
    }

    /// Measures a scenario, by its place in the plan, as a model plays it: a built-in one plays itself, any other is
    /// taken to be like the mean of the scenario's players.
    pub(crate) fn measure(&self, scenario: usize, lane: u32) -> Rehearsed {
        let plan = self.expander.plan();
        let scenarios = plan.scenarios();
        let first: usize = scenarios[..scenario].iter().map(|it| it.variants.len()).sum();
        let (first, count) = (first as u32, scenarios[scenario].variants.len() as u32);
        let players = self.players(scenario, lane);
        let step = count.div_ceil(VARIANTS_PLAYED).max(1);
        let sizes: Vec<Size> = (0..count)
            .step_by(step as usize)
            .flat_map(|variant| players.iter().map(move |player| (variant, player)))
            .filter_map(|(variant, player)| self.play(lane, VariantIndex(first + variant), player))
            .collect();
        let episodes = sizes.len() as u32;
        Rehearsed { size: if sizes.is_empty() { UNPLAYED } else { Size::mean(&sizes) }, episodes }
    }

    fn players(&self, scenario: usize, lane: u32) -> Vec<String> {
        let model = &self.expander.plan().models()[lane as usize];
        if model.is_built_in() {
            return vec![model.request_name.to_string()];
        }
        let name = &self.expander.plan().scenarios()[scenario].name;
        let scenario = self.expander.suite().scenario(name);
        scenario
            .iter()
            .flat_map(|scenario| scenario.players())
            .map(|player| format!("sim/{player}"))
            .collect()
    }

    /// One episode; none where the player can't play it.
    fn play(&self, lane: u32, variant: VariantIndex, player: &str) -> Option<Size> {
        let ordinal = self.expander.plan().ordinal(variant, Seed(0));
        let mut episode = Episode::begin(self.expander.job(lane, ordinal).ok()?);
        let is_sim = self.expander.plan().models()[lane as usize].is_built_in();
        let least = if is_sim { 0.0 } else { OUTPUT_TOKENS_A_CALL };
        let mut size = Size::default();
        // What the model is taken to write beyond what the player does: later calls send it too.
        let mut beyond = 0.0;
        while let Step::Call(call) = episode.next() {
            let action = self.act(&call, player)?;
            let output = tokens(action_bytes(&action));
            size.calls += 1.0;
            size.input_tokens += tokens(call_bytes(&call)) + beyond;
            size.output_tokens += output.max(least);
            beyond += output.max(least) - output;
            let turn = size.calls as usize;
            episode
                .feed(
                    reply(turn, action),
                    Meter { latency_ms: 0, tries: 1, rate_limited: 0, cost_micro_usd: None },
                )
                .ok()?;
        }
        Some(size)
    }

    fn act(&self, call: &Call<'_>, player: &str) -> Option<Action> {
        let messages: Vec<Said<'_>> = call.messages.iter().map(Said::from).collect();
        let tools: Vec<&str> = call.tools.iter().map(|tool| &*tool.name).collect();
        let (model, seed) = (player, u64::from(call.seed));
        self.playbook.play(&Conversation { model, seed, messages: &messages, tools: &tools, words: 0 }).ok()
    }
}

// === impl Size ===

impl Size {
    fn mean(sizes: &[Self]) -> Self {
        let mean = |part: fn(&Self) -> f64| sizes.iter().map(part).sum::<f64>() / sizes.len() as f64;
        Self {
            calls: mean(|size| size.calls),
            input_tokens: mean(|size| size.input_tokens),
            output_tokens: mean(|size| size.output_tokens),
        }
    }

    /// So many of them.
    pub(crate) fn times(self, episodes: f64) -> Self {
        Self {
            calls: self.calls * episodes,
            input_tokens: self.input_tokens * episodes,
            output_tokens: self.output_tokens * episodes,
        }
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
        }
    }
}

fn tokens(bytes: usize) -> f64 {
    bytes as f64 / BYTES_A_TOKEN
}

/// What a call sends, without its dialect's frame.
pub(crate) fn call_bytes(call: &Call<'_>) -> usize {
    let tools: usize =
        call.tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.parameters.len()).sum();
    tools + call.messages.iter().map(message_bytes).sum::<usize>()
}

fn message_bytes(message: &Message) -> usize {
    match message {
        Message::System(text) | Message::User(text) => text.len(),
        Message::Assistant(reply) => {
            let calls = reply.tool_calls.iter().map(|call| call.name.len() + call.arguments.len());
            reply.text.len() + reply.reasoning.len() + calls.sum::<usize>()
        }
        Message::Tool(result) => result.content.len(),
    }
}

fn action_bytes(action: &Action) -> usize {
    let calls: usize = action.tool_calls.iter().map(|(name, arguments)| name.len() + arguments.len()).sum();
    action.text.len() + action.reasoning.len() + calls
}

/// What the player did, as a provider would have answered.
fn reply(turn: usize, action: Action) -> Reply {
    let call = |(place, (name, arguments)): (usize, (Arc<str>, String))| ToolCall {
        id: format!("call_{turn}_{place}"),
        name: name.to_string(),
        arguments,
    };
    let tool_calls: Vec<ToolCall> = action.tool_calls.into_iter().enumerate().map(call).collect();
    Reply {
        raw: bytes::Bytes::from_static(b"{}"),
        dialect: "rehearsal".into(),
        stop: if tool_calls.is_empty() { StopReason::End } else { StopReason::ToolCalls },
        tokens: TokenUsage::default(),
        text: action.text,
        reasoning: action.reasoning,
        tool_calls,
        served_model: String::new(),
        fingerprint: String::new(),
    }
}
