//! What stands between one model's calls and its provider: the scope's silence, the fleet's shares, and what each call
//! costs of them.

use std::sync::Arc;
use std::time::Duration;

use muster_episode::TokenUsage;

use crate::cost::{Cost, CostRule, Costs};
use crate::lease::Lease;
use crate::shares::{Denied, Fate, Need, Permit, Scope, Shares};

/// One model's gate. The default one is open, and asks no one.
#[derive(Debug)]
pub struct Gate {
    scope: Arc<Scope>,
    shares: Option<Arc<Shares>>,
    costs: Costs,
}

/// For which of an episode's calls a request is.
#[derive(Debug, Clone, Copy)]
pub struct Errand {
    pub(crate) lease: Lease,
    pub(crate) turn: u32,
}

/// A request's size, of which its cost follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) body_bytes: usize,
    pub(crate) max_output_tokens: u32,
}

/// Leave to send one request.
#[derive(Debug)]
pub(crate) struct Pass {
    permit: Option<Permit>,
    size: Size,
    reserved: Cost,
}

// === impl Gate ===

impl Default for Gate {
    fn default() -> Self {
        Self { scope: Arc::new(Scope::open()), shares: None, costs: Costs::new(CostRule::Used, None) }
    }
}

impl Gate {
    /// The gate of a model whose scope the coordinator may govern.
    pub(crate) fn new(scope: Arc<Scope>, shares: Arc<Shares>, costs: Costs) -> Self {
        Self { scope, shares: Some(shares), costs }
    }

    /// Waits for leave to send a request that may take so long.
    pub(crate) async fn ready(
        &self,
        errand: Option<Errand>,
        size: Size,
        timeout: Duration,
    ) -> Result<Pass, Denied> {
        let reserved = self.costs.reserve(size.body_bytes, size.max_output_tokens);
        let (Some(shares), Some(errand)) = (&self.shares, errand) else {
            self.scope.silence().await;
            return Ok(Pass { permit: None, size, reserved });
        };
        let need = Need {
            lease: errand.lease,
            turn: errand.turn,
            cost: reserved,
            worst: self.costs.worst(size.body_bytes, size.max_output_tokens),
            timeout,
        };
        let permit = shares.ready(&self.scope, &need).await?;
        Ok(Pass { permit, size, reserved })
    }

    /// Silence for so long.
    pub(crate) fn pause(&self, pause: Duration) {
        self.scope.pause(pause);
    }

    /// A request was answered. What it cost in money, if the price is known.
    pub(crate) fn answered(&self, pass: Pass, used: &TokenUsage) -> Option<u64> {
        let Pass { permit, size, reserved } = pass;
        self.costs.learn(size.body_bytes, used);
        let micro_usd = self.costs.money(used);
        if let Some(permit) = permit {
            let cost = self.costs.settle(reserved, size.max_output_tokens, used);
            permit.settle(Fate::Answered { cost, micro_usd, tokens: used.input.saturating_add(used.output) });
        }
        micro_usd
    }
}

// === impl Pass ===

impl Pass {
    /// The request is on its way from now on: dropped, it counts as lost.
    pub(crate) fn sent(&mut self) {
        if let Some(permit) = &mut self.permit {
            permit.sent();
        }
    }

    /// The request came to nothing.
    pub(crate) fn failed(self, fate: Fate) {
        if let Some(permit) = self.permit {
            permit.settle(fate);
        }
    }
}
