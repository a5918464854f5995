//! What ties two episodes of one seed together.
//!
//! A paired test takes for granted that the two episodes of a pair have something in common. Two episodes of one seed have,
//! if the provider draws its tokens from the seed, or if the scenario draws from it what the model sees. If neither does,
//! the seed is but a number, pairing buys nothing, and a paired test claims a design that was not run.

use serde::Serialize;

use super::refusal::Refusal;

/// Who draws from an episode's seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedUse {
    /// No one.
    Unused,
    /// The provider: it takes a seed and honours it.
    Provider,
    /// The scenario: documents are shuffled, or data drawn, by the seed.
    Scenario,
    /// Both.
    Both,
}

/// The proof that there are pairs: can only be had from a [`SeedUse`] that makes some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tie {
    provider: bool,
    scenario: bool,
}

// === impl SeedUse ===

impl SeedUse {
    /// What ties pairs together.
    ///
    /// # Errors
    /// If nothing does.
    pub fn tie(self) -> Result<Tie, Refusal> {
        match self {
            Self::Unused => Err(Refusal::NotPaired),
            Self::Provider => Ok(Tie { provider: true, scenario: false }),
            Self::Scenario => Ok(Tie { provider: false, scenario: true }),
            Self::Both => Ok(Tie { provider: true, scenario: true }),
        }
    }
}

// === impl Tie ===

impl Tie {
    /// Whether the provider draws from the seed.
    #[must_use]
    pub fn is_of_provider(self) -> bool {
        self.provider
    }

    /// Whether the scenario does.
    #[must_use]
    pub fn is_of_scenario(self) -> bool {
        self.scenario
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_that_no_one_draws_from_makes_no_pairs() {
        assert_eq!(SeedUse::Unused.tie(), Err(Refusal::NotPaired));
        let tie = SeedUse::Scenario.tie().expect("a tie");
        assert!(tie.is_of_scenario() && !tie.is_of_provider());
    }
}
