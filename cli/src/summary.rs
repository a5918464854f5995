//! The one JSON object of `--json`. Scripts rely on it: its keys, their order and their meaning are frozen.

use muster_proto::v1;
use serde::Serialize;

/// What became of a sweep, since it was submitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// The sweep's number.
    pub(crate) sweep: u64,
    /// All its jobs, its limit taken into account.
    pub(crate) jobs: u64,
    /// Jobs that ended with a result. `limit` and `refused` are in it.
    pub(crate) completed: u64,
    /// Of these, at a limit of the episode.
    pub(crate) limit: u64,
    /// Of these, refused by the provider.
    pub(crate) refused: u64,
    /// Jobs lost to infrastructure.
    pub(crate) failed: u64,
    /// Jobs that a user cancelled.
    pub(crate) cancelled: u64,
    /// Jobs that their workers died of.
    pub(crate) quarantined: u64,
    /// Calls whose answer became a turn.
    pub(crate) model_calls: u64,
    /// Calls that may have been paid for again, or in vain: an upper bound.
    pub(crate) paid_twice: u64,
    /// HTTP requests beyond the first of a call.
    pub(crate) retries: u64,
    /// Requests answered "too many requests".
    pub(crate) rate_limited: u64,
    /// Tokens in, cached ones included.
    pub(crate) input_tokens: u64,
    /// Tokens out, reasoning included.
    pub(crate) output_tokens: u64,
    /// Dollars; null where the price of any call is not known.
    pub(crate) cost_usd: Option<f64>,
    /// How long this process worked on it, in seconds.
    pub(crate) wall_s: f64,
    pub(crate) lost_usd: f64,
}

// === impl Summary ===

impl Summary {
    /// Of a sweep as its coordinator tells it, after this process was at it for `wall_s` seconds.
    pub(crate) fn new(sweep: &v1::Sweep, wall_s: f64) -> Self {
        let counts = sweep.counts.unwrap_or_default();
        let usage = sweep.usage.unwrap_or_default();
        Self {
            sweep: sweep.id,
            jobs: counts.jobs,
            completed: results(&counts),
            limit: counts.limit,
            refused: counts.refused,
            failed: counts.failed,
            cancelled: counts.cancelled,
            quarantined: counts.quarantined,
            model_calls: usage.model_calls,
            paid_twice: usage.paid_twice,
            retries: usage.retries,
            rate_limited: usage.rate_limited,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_usd: cost_usd(&usage),
            wall_s: (wall_s * 1_000.0).round() / 1_000.0,
            lost_usd: usage.lost_micro_usd as f64 / 1_000_000.0,
        }
    }

    /// Whether every job ended with a result.
    pub(crate) fn is_complete(&self) -> bool {
        self.completed == self.jobs
    }
}

/// Jobs that ended with a result, those at a limit or refused among them.
pub(crate) fn results(counts: &v1::Counts) -> u64 {
    counts.completed + counts.limit + counts.refused
}

/// Jobs that have ended, however.
pub(crate) fn ended(counts: &v1::Counts) -> u64 {
    results(counts) + counts.failed + counts.quarantined + counts.cancelled
}

/// What was spent; none where the price of any call is not known.
pub(crate) fn cost_usd(usage: &v1::Usage) -> Option<f64> {
    // Calls that were lost before any was answered cost something too, and nobody knows what.
    let only_lost = usage.model_calls == 0 && usage.paid_twice > 0;
    (usage.unpriced_calls == 0 && !only_lost).then(|| usage.cost_micro_usd as f64 / 1_000_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep() -> v1::Sweep {
        let counts = v1::Counts {
            jobs: 10,
            completed: 5,
            limit: 2,
            refused: 1,
            failed: 1,
            quarantined: 1,
            ..Default::default()
        };
        let usage = v1::Usage { model_calls: 60, cost_micro_usd: 1_250_000, ..Default::default() };
        v1::Sweep { id: 3, counts: Some(counts), usage: Some(usage), ..Default::default() }
    }

    #[test]
    fn the_json_object_has_exactly_the_promised_keys_in_their_order() {
        let json = serde_json::to_string(&Summary::new(&sweep(), 1.234_56)).expect("JSON");
        let expected = "{\"sweep\":3,\"jobs\":10,\"completed\":8,\"limit\":2,\"refused\":1,\"failed\":1,\"cancelled\":0,\
             \"quarantined\":1,\"model_calls\":60,\"paid_twice\":0,\"retries\":0,\"rate_limited\":0,\"input_tokens\":0,\
             \"output_tokens\":0,\"cost_usd\":1.25,\"wall_s\":1.235,\"lost_usd\":0.0}";
        assert_eq!(json, expected);
    }

    #[test]
    fn one_unpriced_call_makes_the_cost_unknown_not_low() {
        let mut sweep = sweep();
        sweep.usage.as_mut().expect("usage").unpriced_calls = 1;
        let json = serde_json::to_value(Summary::new(&sweep, 0.0)).expect("JSON");
        assert!(json["cost_usd"].is_null());
    }

    #[test]
    fn calls_that_were_lost_before_any_answer_are_not_free() {
        let lost = v1::Usage { paid_twice: 3, ..Default::default() };
        assert_eq!(cost_usd(&lost), None);
        assert_eq!(cost_usd(&v1::Usage::default()), Some(0.0));
    }

    #[test]
    fn limits_and_refusals_are_results_failures_are_not() {
        let mut sweep = sweep();
        assert!(!Summary::new(&sweep, 0.0).is_complete());
        let counts = sweep.counts.as_mut().expect("counts");
        (counts.completed, counts.failed, counts.quarantined) = (7, 0, 0);
        assert!(Summary::new(&sweep, 0.0).is_complete());
    }
}
