//! How the fake provider is to behave.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::fault::FaultPlan;
use crate::limits::{Limits, Price, TokenPlan};
use crate::player::{Players, Rehearsal};
use crate::profile::Profile;

/// Connections at once, if nothing else is asked for: four workers of 1,000 slots, and some.
const DEFAULT_MAX_CONNECTIONS: u32 = 4_096;

/// Long enough to be told from a slow network.
const STALL: Duration = Duration::from_millis(500);

/// Long enough to see more than a few blank lines.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How the fake provider is to behave. All defaults are harmless: no limits, no latency, no faults.
#[derive(Clone)]
pub struct ProviderConfig {
    /// Where to listen. Default: loopback, any free port.
    pub listen: SocketAddr,
    /// Who plays the models' parts.
    pub players: Arc<dyn Players>,
    /// Plays every model of a name that no player has: `sim/obedient`. None: such a model does not exist.
    pub stand_in: Option<String>,
    /// Whose manners it has.
    pub profile: Profile,
    /// What each model is allowed, but those with limits of their own.
    pub limits: Limits,
    /// Whether the limits are those of all models together.
    pub one_pool: bool,
    /// Models with limits of their own instead of these.
    pub model_limits: BTreeMap<String, Limits>,
    /// What tokens cost.
    pub price: Price,
    /// How many tokens calls are said to have.
    pub tokens: TokenPlan,
    /// Whether players think in every turn, and every profile demands that Chat's reasoning comes back.
    pub always_think: bool,
    /// Models that are no more: 404 in the provider's words.
    pub retired: BTreeSet<String>,
    /// How long the fault `stall` stands still.
    pub stall: Duration,
    /// How long the fault `keep-alive` sends blank lines.
    pub keep_alive: Duration,
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
            stand_in: None,
            profile: Profile::default(),
            limits: Limits::default(),
            one_pool: false,
            model_limits: BTreeMap::new(),
            price: Price::default(),
            tokens: TokenPlan::default(),
            always_think: false,
            retired: BTreeSet::new(),
            stall: STALL,
            keep_alive: KEEP_ALIVE,
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
            .field("profile", &self.profile)
            .field("limits", &self.limits)
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
