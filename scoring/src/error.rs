//! What can go wrong in scoring.

/// A scenario asks for a scorer that can't be had so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScorerError {
    /// There is no such kind.
    #[error("scorer `{name}` is of the unknown kind `{kind}`; there are {known}")]
    UnknownKind {
        /// The scorer's name.
        name: String,
        /// The kind asked for.
        kind: String,
        /// Those that there are.
        known: String,
    },
    /// A parameter is missing, of the wrong type, or not known.
    #[error("scorer `{name}`: parameter `{parameter}` {problem}")]
    Parameter {
        /// The scorer's name.
        name: String,
        /// Which parameter.
        parameter: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two scorers of one scenario have the same name: their verdicts would overwrite each other.
    #[error("two scorers are called `{name}`")]
    SameName {
        /// The name.
        name: String,
    },
}

/// An episode can't be scored. Says something of the scenario, never of the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// The world lacks what the scorer looks at.
    #[error("scorer `{name}` can't score this scenario: {problem}")]
    Unsuitable {
        /// The scorer's name.
        name: String,
        /// What is lacking.
        problem: String,
    },
}

/// Stored bytes are no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a verdict: {0}")]
pub struct VerdictError(pub(crate) String);
