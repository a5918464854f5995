//! Users: they submit at the start, meddle while things go wrong, and see that all of it ends.

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{Budget, Control, LaneSpec, Quota, RetryPolicy, Scope, SweepId, SweepSpec};

use crate::climate::{Climate, Dice};

/// A sweep of the climate's size.
pub(crate) fn spec(climate: &Climate, content: u8, seeds: u32, limit: Option<u64>) -> Arc<SweepSpec> {
    let lane = |index: usize| LaneSpec {
        model: format!("model-{index}").into(),
        scope: Scope { account: "account".into(), pool: format!("pool-{index}").into() },
        quota: Quota::default(),
        budget: Budget::default(),
    };
    Arc::new(SweepSpec {
        content: [content; 32],
        project: "project".into(),
        name: "simulated".into(),
        weight: 1,
        variants: climate.variants,
        seeds,
        limit,
        lanes: (0..climate.lanes).map(lane).collect(),
        retry: RetryPolicy::default(),
        budget: Budget::default(),
        document: Bytes::new(),
    })
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
