//! Why a statistic is not given: a number that can't be trusted is worse than none.

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing was counted where something must be.
    #[error("nothing was counted in {0}")]
    Nothing(String),
    /// Pairs that nothing ties together.
    #[error(
        "neither the provider nor the scenario draws from the seed, so two episodes of one seed are no pair: \
         use the unpaired tests"
    )]
    NotPaired,
    /// Too few clusters for a claim about variants that were not run.
    #[error(
        "a claim about unseen variants needs at least {needed} clusters with episodes, and there are {clusters}: \
         report the variants that were run, as fixed"
    )]
    TooFewClusters {
        /// How many there are.
        clusters: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Too large for an exact answer in bounded time; the approximate one is as good as exact there.
    #[error("{what} would take {size} steps, more than {most}: use the test by normal approximation")]
    TooLarge {
        /// What was asked for.
        what: &'static str,
        /// How large it is.
        size: u128,
        /// How large it may be.
        most: u128,
    },
    /// A weight that is negative, infinite or no number, or weights that are all zero.
    #[error("the weights of the strata must be numbers of 0 or more, and not all 0")]
    Weights,
    /// Two things that must have the same cells have not.
    #[error("the two sides have {first} and {second} strata: they must be the same cells")]
    DifferentStrata {
        /// On the one side.
        first: usize,
        /// On the other.
        second: usize,
    },
}
