//! The built-in provider: a fake on a socket of this machine, whose players know the suites that it was given.

use std::sync::Arc;
use std::time::Duration;

use muster_episode::{Action, Conversation, PlayError, Playbook, Suite};
use muster_provider::{Players, Provider, ProviderConfig, Running};

use crate::failure::Failure;
use crate::judging::player;

/// From a call to its answer: long enough to watch a sweep, and to kill it half-way; far shorter than a real model's.
const LATENCY: Duration = Duration::from_millis(50);

/// Plays the scenarios of some suites.
struct Cast {
    playbook: Playbook,
    names: Vec<String>,
}

/// The players of some suites.
pub(crate) fn players(suites: Vec<Arc<Suite>>) -> Arc<dyn Players> {
    let scenarios = suites.iter().flat_map(|suite| suite.scenarios());
    let mut names: Vec<String> =
        scenarios.flat_map(|scenario| scenario.players().map(|player| format!("sim/{player}"))).collect();
    names.push(player::NAME.to_owned());
    names.sort();
    names.dedup();
    Arc::new(Cast { playbook: Playbook::new(suites), names })
}

/// Starts the built-in provider for a suite, without limits or faults.
pub(crate) async fn start(suite: &Arc<Suite>) -> Result<Running, Failure> {
    let players = players(vec![Arc::clone(suite)]);
    let config = ProviderConfig { players, latency: LATENCY, ..ProviderConfig::default() };
    Provider::start(config).await.map_err(|error| Failure::Provider(error.to_string()))
}

// === impl Cast ===

impl Players for Cast {
    fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    fn play(&self, conversation: &Conversation<'_>) -> Result<Action, PlayError> {
        if conversation.model == player::NAME && conversation.tools.is_empty() {
            return Ok(player::play(conversation));
        }
        self.playbook.play(conversation)
    }
}
