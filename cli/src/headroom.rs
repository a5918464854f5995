//! How an estimate stands to what a sweep may spend: said before a sweep that its budget would stop half-way.

use std::sync::Arc;

use muster_episode::{
    BudgetMode, BudgetPlan, Episode, Expander, ModelPlan, Seed, Step, Suite, SweepPlan, VariantIndex,
};
use muster_worker::{CostRule, Costs, Worst};
use serde_json::{Value, json};

use crate::estimate::Estimate;
use crate::limits;
use crate::rehearsal::{Size, call_bytes};
use crate::tables::counted;

/// A model's first call of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FirstCall {
    /// The model.
    pub(crate) model: String,
    /// What it may come to.
    pub(crate) worst: Worst,
}

/// A budget, and what is expected of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Headroom {
    /// Whose: a model's full name; none: the sweep's.
    model: Option<String>,
    budget: BudgetPlan,
    usd: Option<f64>,
    tokens: f64,
    /// The dearest first call that must fit into it.
    first: Option<FirstCall>,
}

// === impl FirstCall ===

impl FirstCall {
    /// The dearest first call of each model. Later calls of an episode are dearer: they send the conversation so far.
    pub(crate) fn of(suite: &Arc<Suite>, plan: &Arc<SweepPlan>) -> Vec<Self> {
        let expander = Expander::new(Arc::clone(suite), Arc::clone(plan));
        let models = plan.models().iter().enumerate();
        models.filter_map(|(lane, model)| Self::dearest(&expander, lane as u32, model)).collect()
    }

    fn dearest(expander: &Expander, lane: u32, model: &ModelPlan) -> Option<Self> {
        let costs = Costs::new(CostRule::of_account(&model.account), model.price);
        let mut first = 0_u32;
        let mut worsts = Vec::new();
        for scenario in expander.plan().scenarios() {
            let ordinal = expander.plan().ordinal(VariantIndex(first), Seed(0));
            first += scenario.variants.len() as u32;
            let episode = expander.job(lane, ordinal).ok().map(Episode::begin);
            if let Some(Step::Call(call)) = episode.as_ref().map(Episode::next) {
                worsts.push(costs.worst(call_bytes(&call), call.sampling.max_output_tokens));
            }
        }
        let worst = worsts.into_iter().max_by_key(|worst| (worst.micro_usd, worst.tokens))?;
        Some(Self { model: model.name.to_string(), worst })
    }

    fn fits(&self, budget: &BudgetPlan) -> bool {
        let fits_money = budget.micro_usd.zip(self.worst.micro_usd).is_none_or(|(most, worst)| worst <= most);
        fits_money && budget.tokens.is_none_or(|most| self.worst.tokens <= most)
    }
}

// === impl Headroom ===

impl Headroom {
    /// Of all budgets of a sweep.
    pub(crate) fn all(plan: &SweepPlan, estimate: &Estimate, first: &[FirstCall]) -> Vec<Self> {
        let tokens = |size: &Size| size.input_tokens + size.output_tokens;
        let dearest = |of: Option<&str>| {
            let own = first.iter().filter(|call| of.is_none_or(|model| call.model == model));
            own.max_by_key(|call| (call.worst.micro_usd, call.worst.tokens)).cloned()
        };
        let whole = Self {
            model: None,
            budget: plan.budget(),
            usd: estimate.usd,
            tokens: tokens(&estimate.size),
            first: dearest(None),
        };
        let own = plan.models().iter().zip(&estimate.models).map(|(model, estimate)| Self {
            model: Some(model.name.to_string()),
            budget: model.budget,
            usd: estimate.usd,
            tokens: tokens(&estimate.size),
            first: dearest(Some(&*model.name)),
        });
        std::iter::once(whole).chain(own).filter(|it| !it.budget.is_unbounded()).collect()
    }

    /// What a user should know before the sweep is started; nothing where all fits.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let whose = self.model.as_ref().map_or_else(String::new, |model| format!("{model}: "));
        let mut sentences = Vec::new();
        if let (Some(most), Some(usd)) = (self.budget.micro_usd, self.usd.filter(|_| self.is_above_money())) {
            let usd = limits::usd((usd * 1e6).round() as u64);
            sentences
                .push(format!("{whose}the estimate of {usd} is above the budget of {}", limits::usd(most)));
        }
        if let Some(most) = self.budget.tokens.filter(|_| self.is_above_tokens()) {
            let tokens = counted(self.tokens.round() as u64, "token");
            sentences.push(format!(
                "{whose}the estimate of {tokens} is above the budget of {}",
                counted(most, "token")
            ));
        }
        sentences.extend(self.too_dear());
        sentences
    }

    fn too_dear(&self) -> Option<String> {
        let first = self.first.as_ref().filter(|_| !self.first_fits())?;
        let whose = if self.model.is_some() { "its" } else { "the sweep's" };
        let amount = |micro_usd: Option<u64>, tokens: Option<u64>| {
            let money = micro_usd.map(limits::usd);
            money.into_iter().chain(tokens.map(|it| counted(it, "token"))).collect::<Vec<_>>().join(", ")
        };
        let worst = amount(
            first.worst.micro_usd.filter(|_| self.budget.micro_usd.is_some()),
            self.budget.tokens.map(|_| first.worst.tokens),
        );
        let most = amount(self.budget.micro_usd, self.budget.tokens);
        Some(format!(
            "{}: the worst case of one call alone ({worst} at least) is above {whose} budget of {most}: such a call is never sent",
            first.model
        ))
    }

    fn is_above_money(&self) -> bool {
        self.budget.micro_usd.zip(self.usd).is_some_and(|(most, usd)| usd > most as f64 / 1e6)
    }

    fn is_above_tokens(&self) -> bool {
        self.budget.tokens.is_some_and(|most| self.tokens > most as f64)
    }

    /// Whether the dearest first call may be sent. A budget that only warns stops none.
    fn first_fits(&self) -> bool {
        self.budget.mode == BudgetMode::Warn || self.first.as_ref().is_none_or(|it| it.fits(&self.budget))
    }

    /// For scripts.
    pub(crate) fn as_json(&self) -> Value {
        let dollars = |micro: u64| micro as f64 / 1e6;
        let worst = self.first.as_ref().map(|first| first.worst);
        json!({
            "model": self.model,
            "usd": self.budget.micro_usd.map(dollars),
            "tokens": self.budget.tokens,
            "mode": self.budget.mode.as_str(),
            "estimate_usd": self.usd,
            "estimate_tokens": self.tokens.round(),
            "is_above": self.is_above_money() || self.is_above_tokens(),
            "call_worst_usd": worst.and_then(|worst| worst.micro_usd).map(dollars),
            "call_worst_tokens": worst.map(|worst| worst.tokens),
            "call_fits": self.first_fits(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headroom(budget: BudgetPlan) -> Headroom {
        let worst = Worst { micro_usd: Some(120_000), tokens: 9_000 };
        let first = Some(FirstCall { model: "openai/x".into(), worst });
        Headroom { model: None, budget, usd: Some(12.5), tokens: 1e6, first }
    }

    #[test]
    fn an_estimate_above_its_budget_is_said_in_the_budgets_units() {
        let money = headroom(BudgetPlan { micro_usd: Some(10_000_000), ..BudgetPlan::default() });
        assert_eq!(money.sentences(), ["the estimate of $12.50 is above the budget of $10.00"]);
        let tokens = headroom(BudgetPlan { tokens: Some(999_999), ..BudgetPlan::default() });
        let said = "the estimate of 1,000,000 tokens is above the budget of 999,999 tokens";
        assert_eq!(tokens.sentences(), [said]);
        assert_eq!(tokens.as_json()["is_above"], true);
        let enough = headroom(BudgetPlan { micro_usd: Some(12_500_000), ..BudgetPlan::default() });
        assert_eq!((enough.sentences(), enough.as_json()["is_above"].clone()), (vec![], false.into()));
    }

    #[test]
    fn a_budget_that_not_even_one_call_fits_into_says_so_unless_it_only_warns() {
        let small = BudgetPlan { micro_usd: Some(100_000), ..BudgetPlan::default() };
        let said = "openai/x: the worst case of one call alone ($0.12 at least) is above the sweep's budget of $0.10: such a \
                    call is never sent";
        assert_eq!(headroom(small).sentences()[1..], [said]);
        assert_eq!(headroom(small).as_json()["call_fits"], false);
        let warns = headroom(BudgetPlan { mode: BudgetMode::Warn, ..small });
        assert_eq!((warns.sentences().len(), warns.as_json()["call_fits"].clone()), (1, true.into()));
    }
}
