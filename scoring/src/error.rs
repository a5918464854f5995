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

/// An episode can't be scored.
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
    /// The scorer has a mistake that this transcript brings out. Says nothing of scenario and model.
    #[error("scorer `{name}` failed on this transcript, at {place}: {message}")]
    Panicked {
        /// The scorer's name.
        name: String,
        /// Where in its source.
        place: String,
        /// What its panic said; it may hold words of the transcript.
        message: String,
    },
}

/// Stored bytes are no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a verdict: {0}")]
pub struct VerdictError(pub(crate) String);

// === impl ScoreError ===

impl ScoreError {
    /// The scorer's name.
    #[must_use]
    pub fn scorer(&self) -> &str {
        match self {
            Self::Unsuitable { name, .. } | Self::Panicked { name, .. } => name,
        }
    }
}
