//! What one episode adds to a row.

/// What became of one episode, as far as rates care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// It was judged: whether it did what is counted.
    Judged(bool),
    /// The model never looked at what its job was about: it says nothing of how it would have decided.
    Unread,
    /// The model did nothing at all.
    Nothing,
    /// There is a transcript, but no verdict: it was not scored, or could not be.
    Unscored,
    /// There is no episode to judge. Outside of every rate: it is no behaviour of a model.
    Infrastructure(Infrastructure),
}

/// How an episode was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Infrastructure {
    /// The provider or the network failed it.
    Failed,
    /// Its workers died of it.
    Quarantined,
    /// A user cancelled it.
    Cancelled,
}
