//! A player's name with its parameters, as it stands in a model's name: `sim/mixed?p=0.3&words=25`.

use std::collections::BTreeMap;

use super::playbook::PlayError;
use super::script::Player;
use crate::suite::Scenario;

/// Words that a player may be told to add. At six bytes each, 100,000 of them fill 600 KB an episode.
const WORDS_MAX: u32 = 100_000;

/// A player's name with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayerName {
    /// `obedient`, `protective`, `mixed`, ...
    pub player: String,
    /// `p`: the probability with which a mixed player is its second one (of `sim/mixed`: the protective one).
    pub probability: Option<f64>,
    /// `words`: overrides [`super::Conversation::words`].
    pub words: Option<u32>,
    /// Probabilities that the player's script takes, by name: `good=0.8` for every scenario, `tampering.good=0.9` for one,
    /// `exfiltration.good=0.9` for those whose names begin so.
    pub odds: BTreeMap<String, f64>,
}

// === impl PlayerName ===

impl PlayerName {
    /// Reads a model's name: `sim/NAME`, or what a service's prefix leaves of it, `NAME`; parameters follow after `?`.
    ///
    /// # Errors
    /// [`PlayError::BadName`] for an empty name, or a parameter unknown or out of range.
    pub fn parse(model: &str) -> Result<Self, PlayError> {
        let bad = || PlayError::BadName(model.chars().take(200).collect());
        let (path, parameters) = model.split_once('?').unwrap_or((model, ""));
        let player = path.rsplit('/').next().unwrap_or_default();
        if player.is_empty() {
            return Err(bad());
        }
        let mut name =
            Self { player: player.to_owned(), probability: None, words: None, odds: BTreeMap::new() };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            name.set(parameter).ok_or_else(bad)?;
        }
        Ok(name)
    }

    /// The odds given for a scenario by names that its player does not take were misspelt.
    ///
    /// # Errors
    /// [`PlayError::UnknownOdds`].
    pub(crate) fn check_odds(&self, scenario: &Scenario) -> Result<(), PlayError> {
        if self.odds.is_empty() {
            return Ok(());
        }
        let taken = scenario.players.get(self.player.as_str()).map(Player::odds).unwrap_or_default();
        let mut given = self.odds.keys().filter_map(|key| match key.split_once('.') {
            Some((own, odds)) => is_of(own, scenario.name()).then_some(odds),
            None => Some(key.as_str()),
        });
        if let Some(odds) = given.find(|odds| !taken.contains(*odds)) {
            let known = taken.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
            return Err(PlayError::UnknownOdds {
                scenario: scenario.name().to_string(),
                player: self.player.clone(),
                odds: odds.to_owned(),
                known: if known.is_empty() {
                    "it takes none".to_owned()
                } else {
                    format!("it takes {known}")
                },
            });
        }
        Ok(())
    }

    fn set(&mut self, parameter: &str) -> Option<()> {
        let (key, value) = parameter.split_once('=')?;
        match key {
            "p" => self.probability = Some(probability(value)?),
            "words" => self.words = Some(value.parse().ok().filter(|words| *words <= WORDS_MAX)?),
            odds if is_odds(odds) => drop(self.odds.insert(odds.to_owned(), probability(value)?)),
            _ => return None,
        }
        Some(())
    }
}

fn probability(text: &str) -> Option<f64> {
    text.parse().ok().filter(|it| (0.0..=1.0).contains(it))
}

/// Whether odds are for a scenario: it is named, or the words that its name begins with are (`exfiltration`).
pub(super) fn is_of(named: &str, scenario: &str) -> bool {
    scenario.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// `good`, or `tampering.good`.
fn is_odds(key: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|it: char| it.is_ascii_lowercase())
            && word.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
    };
    key.split('.').count() <= 2 && key.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_from_the_name() {
        let name = PlayerName::parse("sim/mixed?p=0.3&words=25").unwrap();
        assert_eq!(
            name,
            PlayerName {
                player: "mixed".to_owned(),
                probability: Some(0.3),
                words: Some(25),
                odds: BTreeMap::new(),
            }
        );
        let name = PlayerName::parse("sim/graded?good=0.8&tampering.good=0.9").unwrap();
        let odds = [("good".to_owned(), 0.8), ("tampering.good".to_owned(), 0.9)];
        assert_eq!(name.odds, BTreeMap::from(odds));
        assert_eq!(PlayerName::parse("obedient").unwrap().player, "obedient");
    }

    #[test]
    fn a_parameter_that_can_not_be_is_refused() {
        for model in [
            "sim/",
            "sim/mixed?p=2",
            "sim/mixed?p=x",
            "sim/mixed?Q=1",
            "sim/mixed?q=2",
            "sim/graded?a.b.c=1",
            "sim/graded?a.=1",
            "sim/mixed?p",
            "sim/mixed?words=-1",
        ] {
            assert!(PlayerName::parse(model).is_err(), "{model}");
        }
    }
}
