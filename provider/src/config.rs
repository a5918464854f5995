//! How the fake provider is to behave.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::fault::FaultPlan;
use crate::player::{Players, Rehearsal};

/// Connections at once, if nothing else is asked for: four workers of 1,000 slots, and some.
const DEFAULT_MAX_CONNECTIONS: u32 = 4_096;

/// How the fake provider is to behave. All defaults are harmless: no limits, no latency, no faults.
#[derive(Clone)]
pub struct ProviderConfig {
    /// Where to listen. Default: loopback, any free port.
    pub listen: SocketAddr,
    /// Who plays the models' parts.
    pub players: Arc<dyn Players>,
    /// Requests a minute, per model, as a token bucket with a burst of one second.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens a minute, per model, in the same way. A call takes what it may come to: the greater of its `max_tokens` and
    /// the estimate of its input.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// From a call's arrival to its answer.
    pub latency: Duration,
    /// Seed-drawn words that players add to an answer.
    pub words: u32,
    /// Draws the faults.
    pub seed: u64,
    /// If set, calls must carry it.
    pub key: Option<Key>,
    /// What goes wrong, and how often.
    pub faults: FaultPlan,
    /// Connections at once; more wait to be accepted. At least 1.
    pub max_connections: u32,
}

/// The key that calls must carry. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

// === impl ProviderConfig ===

impl Default for ProviderConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            players: Arc::new(Rehearsal::default()),
            requests_per_minute: None,
            tokens_per_minute: None,
            latency: Duration::ZERO,
            words: 0,
            seed: 0,
            key: None,
            faults: FaultPlan::default(),
            max_connections: DEFAULT_MAX_CONNECTIONS,
        }
    }
}

impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderConfig")
            .field("listen", &self.listen)
            .field("requests_per_minute", &self.requests_per_minute)
            .field("tokens_per_minute", &self.tokens_per_minute)
            .field("latency", &self.latency)
            .field("words", &self.words)
            .field("seed", &self.seed)
            .field("key", &self.key)
            .field("faults", &self.faults)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

// === impl Key ===

impl Key {
    /// A key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// Whether this is it.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.0 == given
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}
