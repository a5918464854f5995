//! A player's name with its parameters, as it stands in a model's name: `sim/mixed?p=0.3&words=25`.

use super::playbook::PlayError;

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
        let mut name = Self { player: player.to_owned(), probability: None, words: None };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            name.set(parameter).ok_or_else(bad)?;
        }
        Ok(name)
    }

    fn set(&mut self, parameter: &str) -> Option<()> {
        let (key, value) = parameter.split_once('=')?;
        match key {
            "p" => self.probability = Some(value.parse().ok().filter(|p| (0.0..=1.0).contains(p))?),
            "words" => self.words = Some(value.parse().ok().filter(|words| *words <= WORDS_MAX)?),
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_from_the_name() {
        let name = PlayerName::parse("sim/mixed?p=0.3&words=25").unwrap();
        assert_eq!(name, PlayerName { player: "mixed".to_owned(), probability: Some(0.3), words: Some(25) });
        assert_eq!(PlayerName::parse("obedient").unwrap().player, "obedient");
    }

    #[test]
    fn a_parameter_that_can_not_be_is_refused() {
        for model in
            ["sim/", "sim/mixed?p=2", "sim/mixed?p=x", "sim/mixed?q=1", "sim/mixed?p", "sim/mixed?words=-1"]
        {
            assert!(PlayerName::parse(model).is_err(), "{model}");
        }
    }
}
