//! Quotas and budgets in the wire's words, and back into people's.

use muster_episode::{BudgetMode, BudgetPlan, QuotaPlan};
use muster_proto::v1;

/// A quota; none where nothing is bounded or to be found out.
pub(crate) fn quota(plan: &QuotaPlan) -> Option<v1::Quota> {
    (*plan != QuotaPlan::default()).then(|| v1::Quota {
        requests_per_minute: plan.rpm.unwrap_or_default(),
        tokens_per_minute: plan.tpm.unwrap_or_default(),
        input_tokens_per_minute: plan.input_tpm.unwrap_or_default(),
        output_tokens_per_minute: plan.output_tpm.unwrap_or_default(),
        requests_per_day: plan.rpd.unwrap_or_default(),
        concurrency: plan.concurrency.unwrap_or_default(),
        ramp_ms: u64::from(plan.ramp_seconds) * 1_000,
        day_offset_minutes: plan.day_offset_minutes,
        discover: plan.discover,
    })
}

/// A budget; none where nothing is bounded.
pub(crate) fn budget(plan: &BudgetPlan) -> Option<v1::Budget> {
    (!plan.is_unbounded()).then(|| v1::Budget {
        micro_usd: plan.micro_usd.unwrap_or_default(),
        tokens: plan.tokens.unwrap_or_default(),
        mode: mode(plan.mode).into(),
    })
}

/// What happens at a budget's end.
pub(crate) fn mode(mode: BudgetMode) -> v1::budget::Mode {
    match mode {
        BudgetMode::Stop => v1::budget::Mode::Stop,
        BudgetMode::Drain => v1::budget::Mode::Drain,
        BudgetMode::Warn => v1::budget::Mode::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_bounded_is_not_sent() {
        assert_eq!(quota(&QuotaPlan::default()), None);
        assert_eq!(budget(&BudgetPlan { mode: BudgetMode::Warn, ..BudgetPlan::default() }), None);
    }

    #[test]
    fn limits_and_budgets_keep_their_numbers() {
        let plan = QuotaPlan { rpm: Some(60), input_tpm: Some(7), ramp_seconds: 3, ..QuotaPlan::default() };
        let sent = quota(&plan).expect("a quota");
        assert_eq!((sent.requests_per_minute, sent.input_tokens_per_minute, sent.ramp_ms), (60, 7, 3_000));
        assert_eq!((sent.tokens_per_minute, sent.discover), (0, false));
        let plan = BudgetPlan { micro_usd: Some(5), tokens: None, mode: BudgetMode::Drain };
        let sent = budget(&plan).expect("a budget");
        assert_eq!((sent.micro_usd, sent.tokens, sent.mode()), (5, 0, v1::budget::Mode::Drain));
    }
}
