//! What the core can be told, and the bounds on all that it keeps. Each has the arithmetic beside it.

/// Settings of the core. `default()` is what a coordinator uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoreConfig {
    /// How long a worker's leases live after its last sign of life, in milliseconds.
    pub lease_ttl_ms: u64,
    /// The longest that a retry or a paused scope may wait, in milliseconds, whatever a provider or a clock says.
    pub max_wait_ms: u64,
    /// Sweeps held at once.
    pub max_sweeps: usize,
    /// Models of one sweep.
    pub max_lanes: usize,
    /// The heaviest weight of a sweep.
    pub max_weight: u32,
    /// Workers known at once: connected, or with leases whose time is not out.
    pub max_workers: usize,
    /// Jobs that one session may have asked for and not got.
    pub max_credits: u32,
    /// Leases, and suspects, that one hello may name.
    pub max_held: usize,
    /// Accounts that one hello may name.
    pub max_accounts: usize,
    /// Verdicts in one request.
    pub max_scores: usize,
    /// Scopes paused at once; a pause beyond it is not remembered.
    pub max_paused_scopes: usize,
}

impl Default for CoreConfig {
    fn default() -> Self {
        Self {
            // Six beats of 5 s: a worker is not given up for one lost packet or one slow fsync.
            lease_ttl_ms: 30_000,
            // One hour: longer than any limit by the minute; a daily one is asked again 24 times.
            max_wait_ms: 3_600_000,
            // About 1 KiB each without jobs: 10 MiB.
            max_sweeps: 10_000,
            // A grant looks at each lane with work: 256 of them cost it about a microsecond.
            max_lanes: 256,
            // One sweep's turn lasts this many grants: a millisecond of granting.
            max_weight: 1_000,
            // A hundred times the largest fleet planned for; about 300 bytes each: 30 MiB.
            max_workers: 100_000,
            // Far above the slots of any worker.
            max_credits: 65_536,
            // As many as the credits; 40 bytes each: 2.5 MiB, within one message's 8 MiB.
            max_held: 65_536,
            // Several keys for each of the providers there are.
            max_accounts: 1_024,
            // Ten of the wire's batches.
            max_scores: 10_000,
            // About 200 bytes each: below 1 MiB.
            max_paused_scopes: 4_096,
        }
    }
}
