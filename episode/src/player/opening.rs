//! How a conversation begins, and what each player makes of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;

use super::name::PlayerName;
use super::playbook::PlayError;
use super::script::{Cast, Player};
use crate::digest::{Digest, Parts};
use crate::suite::{Fault, Scenario, Suite};

/// A variant that a conversation can be of.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) suite: Arc<Suite>,
    scenario: Arc<Scenario>,
    variant: Vec<u16>,
    model: String,
    seed: u64,
    casts: Mutex<Casts>,
}

/// By player: what templates see, and the script.
type Casts = BTreeMap<Arc<str>, (Value, Arc<Cast>)>;

/// The hash of a conversation's prompts and the names of its tools.
pub(super) fn opening_key(system: &str, user: &str, tools: &[&str]) -> Digest {
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

// === impl Opening ===

impl Opening {
    /// How a variant begins.
    pub(super) fn begin(
        suite: &Arc<Suite>,
        scenario: &Arc<Scenario>,
        variant: Vec<u16>,
        model: &str,
        seed: u64,
    ) -> Option<(Digest, Arc<Self>)> {
        let context = scenario.context(suite.templates(), &variant, model, seed).ok()?;
        let (system, user) = scenario.prompts(suite.templates(), &context).ok()?;
        let world = scenario.world(suite.templates(), &context, seed).ok()?;
        let tools: Vec<Arc<str>> = world.tools().into_iter().map(|tool| tool.name).collect();
        let tools: Vec<&str> = tools.iter().map(AsRef::as_ref).collect();
        let key = opening_key(&system, &user, &tools);
        let (suite, scenario, model) = (Arc::clone(suite), Arc::clone(scenario), model.to_owned());
        Some((key, Arc::new(Self { suite, scenario, variant, model, seed, casts: Mutex::default() })))
    }

    /// The scenario's name.
    pub(super) fn scenario(&self) -> &str {
        self.scenario.name()
    }

    /// The player asked for, or the one that a mixed player is in this conversation.
    pub(super) fn player(&self, name: &PlayerName, prompts: &[&str], seed: u64) -> Result<&str, PlayError> {
        name.check_odds(&self.scenario)?;
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
    pub(super) fn cast(&self, player: &str) -> Result<(Value, Arc<Cast>), PlayError> {
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
