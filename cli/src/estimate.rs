//! What a sweep will take: calls, tokens, money, and hours at its providers' limits. Arithmetic over stated assumptions,
//! and over a pilot's episodes where there was one.

use std::collections::BTreeMap;

use muster_episode::{ModelPlan, QuotaPlan, SweepPlan};
use muster_worker::MAX_CONNECTIONS_DEFAULT;
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use crate::rehearsal::Size;
use crate::tables::grouped;

/// How long one call takes, where only calls at once are bounded: a chat model's answer of some hundred tokens.
pub(crate) const SECONDS_A_CALL: f64 = 10.0;

/// What lies in an interval that is said to hold 95 of 100 outcomes, from below.
const UPPER_95: f64 = 0.975;

/// What one model will take.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelEstimate {
    /// Its full name.
    pub(crate) name: String,
    /// Episodes.
    pub(crate) jobs: u64,
    /// Calls and tokens.
    pub(crate) size: Size,
    /// Dollars; none where its price is not known.
    pub(crate) usd: Option<f64>,
    /// Hours at its limits, if it had them to itself.
    pub(crate) hours: f64,
    /// What bounds it.
    pub(crate) bound: String,
}

/// What a whole sweep will take.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Estimate {
    /// By lane.
    pub(crate) models: Vec<ModelEstimate>,
    /// Calls and tokens of all.
    pub(crate) size: Size,
    /// Dollars of all; none where any price is not known.
    pub(crate) usd: Option<f64>,
    /// Hours until the slowest scope is through: scopes run side by side, the models of one share its limits.
    pub(crate) hours: f64,
}

/// A number that a pilot projects, with what 95 of 100 sweeps would come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Projection {
    /// The best guess.
    pub(crate) mean: f64,
    /// The interval; none of fewer than two episodes.
    pub(crate) interval_95: Option<(f64, f64)>,
}

// === impl Estimate ===

impl Estimate {
    /// Of a plan, given what each lane takes: its episodes, and their calls and tokens in all.
    pub(crate) fn new(plan: &SweepPlan, lanes: &[(u64, Size)]) -> Self {
        let mut scopes: BTreeMap<(&str, &str), (Size, QuotaPlan, u32)> = BTreeMap::new();
        let mut models = Vec::with_capacity(lanes.len());
        for (model, (jobs, size)) in plan.models().iter().zip(lanes) {
            let connections = connections(plan, model);
            let (hours, bound) = hours(&model.quota, size, connections);
            let scope = (&*model.account, &*model.pool);
            let shared = scopes.entry(scope).or_insert((Size::default(), model.quota, connections));
            shared.0 = shared.0.plus(*size);
            models.push(ModelEstimate {
                name: model.name.to_string(),
                jobs: *jobs,
                size: *size,
                usd: usd(model, size),
                hours,
                bound,
            });
        }
        let longest = scopes.values().map(|(size, quota, connections)| hours(quota, size, *connections).0);
        Self {
            size: models.iter().fold(Size::default(), |sum, model| sum.plus(model.size)),
            usd: models.iter().map(|model| model.usd).sum(),
            hours: longest.fold(0.0, f64::max),
            models,
        }
    }
}

// === impl Projection ===

impl Projection {
    /// The total of `done` episodes, which are known, and of `left` more that are like them: Student's t over episodes,
    /// for the mean's error and the spread of those to come.
    pub(crate) fn of(done: &[f64], left: u64) -> Self {
        let count = done.len() as f64;
        let sum: f64 = done.iter().sum();
        if done.is_empty() {
            return Self { mean: 0.0, interval_95: None };
        }
        let (mean, left) = (sum / count, left as f64);
        let total = sum + mean * left;
        if done.len() < 2 {
            return Self { mean: total, interval_95: None };
        }
        let variance = done.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        // Two episodes or more: there is such a distribution.
        let quantile =
            StudentsT::new(0.0, 1.0, count - 1.0).map_or(f64::INFINITY, |t| t.inverse_cdf(UPPER_95));
        let margin = quantile * (variance * (left * left / count + left)).sqrt();
        // What is spent already is not given back.
        Self { mean: total, interval_95: Some(((total - margin).max(sum), total + margin)) }
    }
}

impl Projection {
    /// In another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            mean: self.mean * factor,
            interval_95: self.interval_95.map(|(low, high)| (low * factor, high * factor)),
        }
    }
}

fn connections(plan: &SweepPlan, model: &ModelPlan) -> u32 {
    model.max_connections.or(plan.max_connections()).unwrap_or(MAX_CONNECTIONS_DEFAULT)
}

/// What tokens cost; none of them is taken to be cached.
fn usd(model: &ModelPlan, size: &Size) -> Option<f64> {
    if model.is_built_in() && model.price.is_none() {
        return Some(0.0);
    }
    let price = model.price?;
    let micro = size.input_tokens * price.input as f64 + size.output_tokens * price.output as f64;
    Some(micro / 1e12)
}

/// How long it takes at the limits, and which of them bounds it. Without any, so many calls at once do.
fn hours(quota: &QuotaPlan, size: &Size, connections: u32) -> (f64, String) {
    let Size { calls, input_tokens, output_tokens } = *size;
    let minutes = |amount: f64, limit: Option<u64>, unit: &str| {
        limit.map(|limit| (amount / limit as f64 / 60.0, format!("{} {unit}", grouped(limit))))
    };
    let at_once = |limit: u32| {
        (calls * SECONDS_A_CALL / f64::from(limit) / 3_600.0, format!("{} at once", grouped(limit.into())))
    };
    let bounds = [
        minutes(calls, quota.rpm.map(u64::from), "rpm"),
        minutes(input_tokens + output_tokens, quota.tpm, "tpm"),
        minutes(input_tokens, quota.input_tpm, "tpm in"),
        minutes(output_tokens, quota.output_tpm, "tpm out"),
        quota.rpd.map(|limit| (calls / limit as f64 * 24.0, format!("{} a day", grouped(limit)))),
        quota.concurrency.map(at_once),
    ];
    let slowest = bounds.into_iter().flatten().max_by(|one, other| one.0.total_cmp(&other.0));
    slowest.unwrap_or_else(|| at_once(connections))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { calls: 6_000.0, input_tokens: 12e6, output_tokens: 3e6 };

    #[test]
    fn the_tightest_limit_says_how_long_it_takes() {
        let quota = QuotaPlan { rpm: Some(100), tpm: Some(100_000), ..QuotaPlan::default() };
        assert_eq!(hours(&quota, &SIZE, 10), (2.5, "100,000 tpm".to_owned()));
        let quota = QuotaPlan { rpm: Some(10), tpm: Some(100_000), ..QuotaPlan::default() };
        assert_eq!(hours(&quota, &SIZE, 10), (10.0, "10 rpm".to_owned()));
        let (unlimited, bound) = hours(&QuotaPlan::default(), &SIZE, 10);
        assert!((unlimited - 6_000.0 / 3_600.0).abs() < 1e-9);
        assert_eq!(bound, "10 at once");
    }

    #[test]
    fn a_projection_holds_the_truth_nineteen_times_of_twenty() {
        // Ten known episodes of a population that is spread evenly, and its other ninety: again and again.
        let population: Vec<f64> = (0..100).map(|place| f64::from(place * 37 % 100)).collect();
        let truth: f64 = population.iter().sum();
        let holds = |start: usize| {
            let done: Vec<f64> = (0..10).map(|place| population[(start * 7 + place * 3) % 100]).collect();
            let (low, high) = Projection::of(&done, 90).interval_95.expect("an interval");
            (low..=high).contains(&truth)
        };
        let held = (0..100).filter(|start| holds(*start)).count();
        assert!(held >= 90, "{held} of 100");
    }

    #[test]
    fn nothing_left_is_nothing_uncertain_and_one_episode_says_nothing_of_the_spread() {
        let all = Projection::of(&[1.0, 3.0], 0);
        assert_eq!((all.mean, all.interval_95), (4.0, Some((4.0, 4.0))));
        assert_eq!(Projection::of(&[2.0], 9), Projection { mean: 20.0, interval_95: None });
        let like = Projection::of(&[5.0, 5.0, 5.0], 7);
        assert_eq!((like.mean, like.interval_95), (50.0, Some((50.0, 50.0))));
    }
}
