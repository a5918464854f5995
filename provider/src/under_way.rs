//! A call under way, and what is written down of it when it is over.

use tokio::time::Instant;

use crate::ledger::Served;
use crate::pools::{Cost, Used};
use crate::profile::{Dialect, Profile};
use crate::service::Service;
use crate::timeline::Event;

/// The status of a call whose caller has left.
pub(crate) const LEFT: u16 = 499;

/// A call under way, for the account: dropped when it is over, however it ended.
pub(crate) struct Watched<'a> {
    pub(crate) service: &'a Service,
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) arrived: Instant,
    pub(crate) profile: Profile,
    pub(crate) dialect: Dialect,
    pub(crate) model: String,
    pub(crate) status: u16,
    pub(crate) settled: Option<Settled>,
}

/// What a call came to.
pub(crate) struct Settled {
    pub(crate) hash: u64,
    pub(crate) cost: Cost,
    pub(crate) used: Used,
    pub(crate) input_tokens: u64,
    pub(crate) cached_tokens: u64,
}

// === impl Settled ===

impl Settled {
    pub(crate) fn served<'a>(&self, model: &'a str) -> Served<'a> {
        Served {
            model,
            hash: self.hash,
            input_tokens: self.input_tokens,
            output_tokens: self.used.output,
            cached_tokens: self.cached_tokens,
            held_tokens: self.cost.tokens,
            pico_dollars: self.used.pico_dollars,
        }
    }
}

// === impl Watched ===

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let service = self.service;
        if let Some(settled) = &self.settled {
            service.settle(&self.model, settled.cost, settled.used);
        }
        let served = self.settled.as_ref().map(|settled| settled.served(&self.model));
        let began = service.since_start(self.arrived);
        service.ledger().ended(&Event { model: &self.model, began, status: self.status, served });
    }
}
