//! What stands between one model's calls and its provider: the scope's silence, the fleet's shares, and what each call
//! costs of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_episode::{QuotaPlan, TokenUsage};
use muster_proto::v1;
use tokio::time::Instant;

use crate::cost::{Cost, CostRule, Costs, Worst};
use crate::headers::Observed;
use crate::lease::Lease;
use crate::shares::{Denied, Fate, Need, Permit, Scope, Shares};

/// The coordinator believes a limit that it was told of for ten minutes.
const TELL_AGAIN: Duration = Duration::from_secs(300);

/// One model's gate. The default one is open, and asks no one.
#[derive(Debug)]
pub struct Gate {
    scope: Arc<Scope>,
    shares: Option<Arc<Shares>>,
    costs: Costs,
    lowest: Option<Lowest>,
}

/// The limits of a scope as they are stated, and as headers were last told to be lower.
#[derive(Debug)]
pub(crate) struct Lowest {
    account: String,
    pool: String,
    stated: QuotaPlan,
    told: Mutex<Option<(Instant, v1::Observe)>>,
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

/// What an answer is billed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bill {
    /// The tokens that it used; the provider may have named the sum itself, in millionths of a dollar.
    Used(Option<u64>),
    /// Nothing: the provider declined before a model was asked.
    Nothing,
}

/// Leave to send one request.
#[derive(Debug)]
pub(crate) struct Pass {
    permit: Option<Permit>,
    size: Size,
    reserved: Cost,
    worst: Worst,
}

// === impl Gate ===

impl Default for Gate {
    fn default() -> Self {
        let costs = Costs::new(CostRule::Used, None);
        Self { scope: Arc::new(Scope::open()), shares: None, costs, lowest: None }
    }
}

impl Gate {
    /// The gate of a model whose scope the coordinator may govern.
    pub(crate) fn new(scope: Arc<Scope>, shares: Arc<Shares>, costs: Costs, lowest: Lowest) -> Self {
        Self { scope, shares: Some(shares), costs, lowest: Some(lowest) }
    }

    /// An answer's headers named limits: the coordinator is told of those that are lower than stated.
    pub(crate) fn observed(&self, seen: &Observed) {
        let (Some(shares), Some(lowest)) = (&self.shares, &self.lowest) else { return };
        if let Some(news) = lowest.news(seen) {
            shares.observe(news);
        }
    }

    /// Waits for leave to send a request that may take so long.
    pub(crate) async fn ready(
        &self,
        errand: Option<Errand>,
        size: Size,
        timeout: Duration,
    ) -> Result<Pass, Denied> {
        let reserved = self.costs.reserve(size.body_bytes, size.max_output_tokens);
        let worst = self.costs.worst(size.body_bytes, size.max_output_tokens);
        let (Some(shares), Some(errand)) = (&self.shares, errand) else {
            self.scope.silence().await;
            return Ok(Pass { permit: None, size, reserved, worst });
        };
        let need = Need { lease: errand.lease, turn: errand.turn, cost: reserved, worst, timeout };
        let permit = shares.ready(&self.scope, &need).await?;
        Ok(Pass { permit, size, reserved, worst })
    }

    /// Silence for so long.
    pub(crate) fn pause(&self, pause: Duration) {
        self.scope.pause(pause);
    }

    /// A request was answered. What it cost in money, if that is known. An answer that does not say what it used is charged
    /// to budgets at its worst: a provider's silence must not lift a cap.
    pub(crate) fn answered(&self, pass: Pass, used: &TokenUsage, bill: Bill) -> Option<u64> {
        let Pass { permit, size, reserved, worst } = pass;
        let tokens = used.input.saturating_add(used.output);
        let (fate, micro_usd) = match bill {
            Bill::Nothing => {
                let nothing = Fate::Answered { cost: Cost::default(), micro_usd: Some(0), tokens: 0 };
                (nothing, Some(0))
            }
            Bill::Used(_) if tokens == 0 => {
                let all = Fate::Answered { cost: reserved, micro_usd: worst.micro_usd, tokens: worst.tokens };
                (all, None)
            }
            Bill::Used(own) => {
                self.costs.learn(size.body_bytes, used);
                let micro_usd = own.or_else(|| self.costs.money(used));
                let cost = self.costs.settle(reserved, size.max_output_tokens, used);
                (Fate::Answered { cost, micro_usd, tokens }, micro_usd)
            }
        };
        if let Some(permit) = permit {
            permit.settle(fate);
        }
        micro_usd
    }
}

// === impl Lowest ===

impl Lowest {
    /// Nothing was seen yet.
    pub(crate) fn new(account: &str, pool: &str, stated: QuotaPlan) -> Self {
        Self { account: account.to_owned(), pool: pool.to_owned(), stated, told: Mutex::default() }
    }

    /// What the coordinator is to be told: at once when it is new, and again before it is forgotten.
    fn news(&self, seen: &Observed) -> Option<v1::Observe> {
        let lower = |seen: Option<u64>, stated: Option<u64>| {
            seen.filter(|seen| stated.is_none_or(|stated| *seen < stated)).unwrap_or_default()
        };
        let requests = lower(seen.requests.per_minute, self.stated.rpm.map(u64::from));
        let observed = v1::Observe {
            account: self.account.clone(),
            pool: self.pool.clone(),
            requests_per_minute: u32::try_from(requests).unwrap_or_default(),
            tokens_per_minute: lower(seen.tokens.per_minute, self.stated.tpm),
            input_tokens_per_minute: lower(seen.input_tokens.per_minute, self.stated.input_tpm),
            output_tokens_per_minute: lower(seen.output_tokens.per_minute, self.stated.output_tpm),
        };
        let sums =
            [observed.tokens_per_minute, observed.input_tokens_per_minute, observed.output_tokens_per_minute];
        if observed.requests_per_minute == 0 && sums.iter().all(|sum| *sum == 0) {
            return None;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref().is_some_and(|(at, told)| *told == observed && at.elapsed() < TELL_AGAIN) {
            return None;
        }
        *told = Some((Instant::now(), observed.clone()));
        Some(observed)
    }
}

// === impl Pass ===

impl Pass {
    /// The most that the request can cost, in millionths of a dollar; 0 where the price is not known.
    pub(crate) fn worst_micro_usd(&self) -> u64 {
        self.worst.micro_usd.unwrap_or_default()
    }

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

#[cfg(test)]
mod tests {
    use muster_episode::Price;
    use v1::worker_event::Event;

    use super::*;
    use crate::headers::Window;

    const SIZE: Size = Size { body_bytes: 1_000, max_output_tokens: 100 };

    /// A gate of a governed scope at a dollar a million tokens, whatever they are.
    fn gate(shares: &Arc<Shares>, stated: QuotaPlan) -> Gate {
        let price =
            Price { input: 1_000_000, cached_input: 1_000_000, cache_write: 1_000_000, output: 1_000_000 };
        let (account, pool) = ("a".to_owned(), "p".to_owned());
        shares.govern(&v1::Govern { account, pool, governed: true, pause_ms: 0 });
        let costs = Costs::new(CostRule::Used, Some(price));
        Gate::new(shares.scope("a", "p"), Arc::clone(shares), costs, Lowest::new("a", "p", stated))
    }

    /// What is charged for a call that is answered so: in money, and in tokens; and what its turn is told to have cost.
    async fn charged(used: TokenUsage, bill: Bill) -> (Option<u64>, u64, Option<u64>) {
        let shares = Shares::new();
        let gate = gate(&shares, QuotaPlan::default());
        let lease = Lease { sweep: 1, lane: 0, ordinal: 0, generation: 0, attempt: 1 };
        let ready = gate.ready(Some(Errand { lease, turn: 0 }), SIZE, Duration::from_secs(1));
        let grant = async {
            loop {
                for event in shares.next_words().await {
                    if let Event::Ask(ask) = event {
                        let calls = ask.calls.iter().map(|call| call.call).collect();
                        shares.share(&v1::Share { ask: ask.number, calls, spread_ms: 0 });
                        return;
                    }
                }
            }
        };
        let (pass, ()) = tokio::join!(ready, grant);
        let mut pass = pass.expect("it is granted");
        pass.sent();
        let told = gate.answered(pass, &used, bill);
        for event in shares.next_words().await {
            if let Event::Settle(settle) = event {
                return (settle.calls[0].micro_usd, settle.calls[0].spent_tokens, told);
            }
        }
        panic!("it was not settled");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_say_what_it_used_is_charged_at_its_worst_and_has_no_known_cost() {
        let worst = Costs::new(CostRule::Used, None).worst(SIZE.body_bytes, SIZE.max_output_tokens).tokens;
        assert_eq!(charged(TokenUsage::default(), Bill::Used(None)).await, (Some(worst), worst, None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_declined_costs_nothing_and_a_providers_own_sum_goes_before_ours() {
        assert_eq!(charged(TokenUsage::default(), Bill::Nothing).await, (Some(0), 0, Some(0)));
        let used = TokenUsage { input: 70, output: 30, ..TokenUsage::default() };
        assert_eq!(charged(used, Bill::Used(None)).await, (Some(100), 100, Some(100)));
        assert_eq!(charged(used, Bill::Used(Some(7))).await, (Some(7), 100, Some(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn only_limits_below_the_stated_ones_are_told_and_again_before_they_are_forgotten() {
        let shares = Shares::new();
        let gate = gate(&shares, QuotaPlan { rpm: Some(500), ..QuotaPlan::default() });
        let seen = |rpm| {
            let requests = Window { per_minute: Some(rpm), ..Window::default() };
            Observed { requests, ..Observed::default() }
        };
        let lowest = gate.lowest.as_ref().expect("a scope's limits");
        assert_eq!(lowest.news(&seen(500)), None);
        let told = lowest.news(&seen(60)).expect("a lower limit");
        assert_eq!((told.requests_per_minute, told.tokens_per_minute), (60, 0));
        assert_eq!(lowest.news(&seen(60)), None, "it was told already");
        tokio::time::advance(TELL_AGAIN).await;
        assert_eq!(lowest.news(&seen(60)), Some(told));
    }
}
