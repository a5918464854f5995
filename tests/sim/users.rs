//! Users: they submit at the start, meddle while things go wrong, and see that all of it ends.

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Budget, CapMode, Control, Lane, LaneSpec, Purse, Quota, RetryPolicy, Span, SweepId, SweepSpec,
};

use crate::climate::{Climate, Dice};
use crate::plan::{Plan, scope};

/// A sweep of the climate's size. The first has budgets; the second has none, and twice the weight.
pub(crate) fn spec(climate: &Climate, content: u8, seeds: u32, limit: Option<u64>) -> Arc<SweepSpec> {
    let own = |budget: Budget| if content == 1 { budget } else { Budget::default() };
    let lane = |(index, plan): (usize, &Plan)| LaneSpec {
        model: format!("model-{index}").into(),
        scope: scope(index),
        quota: plan.quota,
        budget: own(plan.budget),
    };
    Arc::new(SweepSpec {
        content: [content; 32],
        project: "project".into(),
        name: "simulated".into(),
        weight: u32::from(content),
        variants: climate.variants,
        seeds,
        limit,
        lanes: climate.plans.iter().enumerate().map(lane).collect(),
        retry: RetryPolicy::default(),
        budget: own(climate.budget),
        document: Bytes::new(),
    })
}

/// What lifts a sweep's budgets: no sum that is ever reached.
pub(crate) fn lifted(climate: &Climate, sweep: SweepId) -> Vec<Control> {
    let lanes = climate.plans.iter().enumerate();
    let own = lanes.map(|(index, plan)| (Purse::Lane(sweep, Lane(index as u32)), plan.budget));
    let all = std::iter::once((Purse::Sweep(sweep), climate.budget)).chain(own);
    let budget = Budget { micro_usd: Some(1 << 60), tokens: Some(1 << 60), mode: CapMode::Stop };
    all.filter(|(_, budget)| !budget.is_unbounded())
        .map(|(purse, _)| Control::Cap { purse, span: Span::Ever, budget })
        .collect()
}

/// What lifts the limits by the day, and leaves the others as they are.
pub(crate) fn long_days(climate: &Climate) -> Vec<Control> {
    let plans = climate.plans.iter().enumerate().filter(|(_, plan)| plan.quota.requests_per_day.is_some());
    let retune = |(index, plan): (usize, &Plan)| Control::Retune {
        scope: scope(index),
        quota: Some(Quota { requests_per_day: None, ..plan.quota }),
    };
    plans.map(retune).collect()
}

/// Something a user does to one of the first `sweeps` sweeps.
pub(crate) fn whim(climate: &Climate, dice: &mut Dice, sweeps: u64) -> Control {
    let sweep = SweepId(1 + dice.up_to(sweeps.max(1) - 1));
    match dice.up_to(9) {
        0..=1 => Control::Pause(sweep),
        2..=4 => Control::Resume(sweep),
        5 => Control::Cancel(sweep),
        6..=7 => Control::Retry(sweep),
        _ => {
            let seeds = 1 + dice.up_to(2) as u32;
            let limit = dice.chance(0.5).then(|| dice.up_to(12));
            Control::Submit { spec: spec(climate, 1, seeds, limit), again: false }
        }
    }
}
