//! How a job can end, and why an attempt can fail.

/// How a job ended. Exactly one is committed per job and generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The episode ran to its own end.
    Completed,
    /// The episode reached one of its limits (calls, tokens, time). A result, not a fault.
    Limit,
    /// The provider declined to answer (content filter, refusal stop). A result, not a fault.
    Refused,
    /// Infrastructure failed it, with the class of its last failure. Never graded as a model's behaviour.
    Failed(FailureClass),
    /// Its workers died of it, again and again, without gaining a turn.
    Quarantined,
    /// A user cancelled it.
    Cancelled,
}

impl Outcome {
    /// Whether the episode yielded a result that can be scored.
    #[must_use]
    pub fn is_result(self) -> bool {
        matches!(self, Self::Completed | Self::Limit | Self::Refused)
    }
}

/// Why an attempt failed: decides what happens next (see `lifecycle`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    /// Network trouble, a 5xx, an answer cut off: uses up one of the job's strikes, then backs off.
    Transient,
    /// The provider said "too many requests" for longer than one call may wait: waits, uses up nothing.
    RateLimited,
    /// The provider is overloaded: waits, uses up nothing.
    Overloaded,
    /// The worker gives the job back (drain, shutdown): at once pending again, uses up nothing.
    Preempted,
    /// The key, the model's name or the account is wrong: stops the lane at once; the job stays to be run.
    Config,
    /// The provider will never accept this request: ends the job.
    BadRequest,
    /// Our own engine failed on it (a bug): ends the job.
    Engine,
    /// The account's money or its day is used up: its lanes stop, or the scope waits for the time stated; the job stays.
    Quota,
}

impl FailureClass {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 8] = [
        Self::Transient,
        Self::RateLimited,
        Self::Overloaded,
        Self::Preempted,
        Self::Config,
        Self::BadRequest,
        Self::Engine,
        Self::Quota,
    ];
}
