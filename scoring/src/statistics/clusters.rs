//! Claims about variants that were not run: then those that were are a sample of them, and episodes of one variant count for
//! little more than the variant.
//!
//! Below 20 clusters no method keeps its level, and a refusal says so. The interval of a rate is Korn and Graubard's: the
//! clustered variance gives the size of a simple sample that would be as sure, corrected for the few clusters by Student's t, and the
//! exact interval is taken at that size; a symmetric one misses too often where most clusters are at 0. Rates whose clusters
//! lie nearly all at 0 and a few at 1 stay beyond any method: 20 clusters may hold none of the few. The interval of a difference is the
//! cluster-robust t. References: E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small expected
//! number of positive counts estimated from survey data", Survey Methodology 24 (1998); A. C. Cameron and D. L. Miller, "A
//! practitioner's guide to cluster-robust inference", Journal of Human Resources 50 (2015).

use super::beta;
use super::estimate::{Estimate, TestResult};
use super::proportion::{Confidence, Interval, Proportion};
use super::random::Random;
use super::refusal::Refusal;
use super::student;

/// Fewer clusters than this support no claim about others.
pub const CLUSTERS_MIN: usize = 20;

/// One rate over at least [`CLUSTERS_MIN`] clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    clusters: Vec<Proportion>,
}

/// Two conditions over at least [`CLUSTERS_MIN`] clusters, each of which has both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPairs {
    clusters: Vec<(Proportion, Proportion)>,
}

// === impl Clusters ===

impl Clusters {
    /// Of these clusters; empty ones are none.
    ///
    /// # Errors
    /// If there are too few.
    pub fn new(clusters: impl IntoIterator<Item = Proportion>) -> Result<Self, Refusal> {
        let clusters: Vec<Proportion> = clusters.into_iter().filter(|cluster| cluster.of() > 0).collect();
        check(clusters.len())?;
        Ok(Self { clusters })
    }

    /// The rate over all episodes.
    #[must_use]
    pub fn rate(&self) -> f64 {
        pooled(&self.clusters)
    }

    /// The rate's variance, robust to clusters, with the correction for their number.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let (rate, episodes) = (self.rate(), episodes(&self.clusters));
        let apart = |cluster: &Proportion| (cluster.hits() as f64 - rate * cluster.of() as f64).powi(2);
        let clusters = self.clusters.len() as f64;
        clusters / (clusters - 1.0) * self.clusters.iter().map(apart).sum::<f64>() / episodes.powi(2)
    }

    /// The rate with Korn and Graubard's interval.
    #[must_use]
    pub fn estimate(&self, confidence: Confidence) -> Estimate {
        let (rate, size) = (self.rate(), self.effective_size(confidence));
        let (hits, misses, tail) = (rate * size, (1.0 - rate) * size, confidence.alpha() / 2.0);
        let low = if rate <= 0.0 { 0.0 } else { beta::inverse(hits, misses + 1.0, tail) };
        let high = if rate >= 1.0 { 1.0 } else { beta::inverse(hits + 1.0, misses, 1.0 - tail) };
        Estimate { value: rate, interval: Interval { low, high } }
    }

    /// The rate with the plain cluster-robust t interval.
    #[must_use]
    pub fn robust(&self, confidence: Confidence) -> Estimate {
        let (value, half) = (self.rate(), self.quantile(confidence) * self.variance().sqrt());
        Estimate { value, interval: Interval { low: value - half, high: value + half } }
    }

    /// The size of a simple sample that would be as sure. Clusters that are all alike are so many observations, no more.
    fn effective_size(&self, confidence: Confidence) -> f64 {
        let (rate, variance) = (self.rate(), self.variance());
        let size = if variance > 0.0 { rate * (1.0 - rate) / variance } else { self.clusters.len() as f64 };
        let few_clusters = (confidence.normal() / self.quantile(confidence)).powi(2);
        (size * few_clusters).min(episodes(&self.clusters))
    }

    fn quantile(&self, confidence: Confidence) -> f64 {
        confidence.student(self.clusters.len() as f64 - 1.0)
    }
}

// === impl ClusterPairs ===

impl ClusterPairs {
    /// Of these clusters; those that lack a condition are none.
    ///
    /// # Errors
    /// If there are too few.
    pub fn new(clusters: impl IntoIterator<Item = (Proportion, Proportion)>) -> Result<Self, Refusal> {
        let has_both = |(first, second): &(Proportion, Proportion)| first.of() > 0 && second.of() > 0;
        let clusters: Vec<_> = clusters.into_iter().filter(has_both).collect();
        check(clusters.len())?;
        Ok(Self { clusters })
    }

    /// The first rate less the second, each over all episodes.
    #[must_use]
    pub fn difference(&self) -> f64 {
        difference(&self.clusters)
    }

    /// The difference's variance, robust to clusters: that of a regression on the condition, with its usual correction.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let (first, second) = arms(&self.clusters);
        let (first_rate, second_rate) = (pooled(&first), pooled(&second));
        let (first_n, second_n) = (episodes(&first), episodes(&second));
        let residual = |cluster: &Proportion, rate: f64, n: f64| {
            (cluster.hits() as f64 - rate * cluster.of() as f64) / n
        };
        let apart = |(mine, its): &(Proportion, Proportion)| {
            (residual(mine, first_rate, first_n) - residual(its, second_rate, second_n)).powi(2)
        };
        let (clusters, n) = (self.clusters.len() as f64, first_n + second_n);
        let correction = clusters / (clusters - 1.0) * (n - 1.0) / (n - 2.0);
        correction * self.clusters.iter().map(apart).sum::<f64>()
    }

    /// The difference with the cluster-robust t interval.
    #[must_use]
    pub fn estimate(&self, confidence: Confidence) -> Estimate {
        let value = self.difference();
        let half = confidence.student(self.freedom()) * self.variance().sqrt();
        Estimate { value, interval: Interval { low: value - half, high: value + half } }
    }

    /// The cluster-robust t test; none where all clusters differ alike.
    #[must_use]
    pub fn test(&self) -> Option<TestResult> {
        let error = self.variance().sqrt();
        let statistic = self.difference() / error;
        (error > 0.0).then(|| TestResult { statistic, p: student::both_tails(statistic, self.freedom()) })
    }

    /// The difference with the percentile interval of `draws` resamplings of whole clusters: free of any formula, but too
    /// narrow by about `sqrt(1 - 1/clusters)`. A check on the other.
    #[must_use]
    pub fn bootstrap(&self, confidence: Confidence, seed: u64, draws: u32) -> Estimate {
        let mut random = Random::new(seed);
        let mut drawn: Vec<f64> =
            (0..draws.max(1)).map(|_| difference(&self.resampled(&mut random))).collect();
        drawn.sort_by(f64::total_cmp);
        let low = percentile(&drawn, confidence.alpha() / 2.0);
        let high = percentile(&drawn, 1.0 - confidence.alpha() / 2.0);
        Estimate { value: self.difference(), interval: Interval { low, high } }
    }

    fn resampled(&self, random: &mut Random) -> Vec<(Proportion, Proportion)> {
        let draw = |_: &_| self.clusters.get(random.below(self.clusters.len())).copied();
        self.clusters.iter().filter_map(draw).collect()
    }

    fn freedom(&self) -> f64 {
        self.clusters.len() as f64 - 1.0
    }
}

fn check(clusters: usize) -> Result<(), Refusal> {
    if clusters < CLUSTERS_MIN {
        return Err(Refusal::TooFewClusters { clusters, needed: CLUSTERS_MIN });
    }
    Ok(())
}

fn arms(clusters: &[(Proportion, Proportion)]) -> (Vec<Proportion>, Vec<Proportion>) {
    clusters.iter().copied().unzip()
}

fn difference(clusters: &[(Proportion, Proportion)]) -> f64 {
    let (first, second) = arms(clusters);
    pooled(&first) - pooled(&second)
}

fn pooled(clusters: &[Proportion]) -> f64 {
    clusters.iter().map(|cluster| cluster.hits() as f64).sum::<f64>() / episodes(clusters)
}

fn episodes(clusters: &[Proportion]) -> f64 {
    clusters.iter().map(|cluster| cluster.of() as f64).sum()
}

/// Of sorted numbers, by interpolation between neighbours.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() as f64 - 1.0);
    let (below, part) = (at.floor(), at.fract());
    let value = |place: f64| sorted.get(place as usize).or(sorted.last()).copied().unwrap_or(f64::NAN);
    value(below) * (1.0 - part) + value(below + 1.0) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twenty(cluster: impl Fn(u64) -> Proportion) -> Vec<Proportion> {
        (0..20).map(cluster).collect()
    }

    #[test]
    fn nineteen_clusters_support_no_claim_about_others() {
        let clusters = vec![Proportion::new(3, 9); 19];
        let error = Clusters::new(clusters.clone()).expect_err("a refusal");
        assert_eq!(error, Refusal::TooFewClusters { clusters: 19, needed: 20 });
        assert!(error.to_string().contains("unseen variants"));
        assert!(Clusters::new(clusters.into_iter().chain([Proportion::new(0, 0)])).is_err());
    }

    #[test]
    fn a_hundred_alike_episodes_a_cluster_do_not_make_two_thousand_observations() {
        let clusters = Clusters::new(twenty(|place| Proportion::new(if place < 10 { 100 } else { 0 }, 100)));
        let interval = clusters.expect("clusters").estimate(Confidence::ninety_five()).interval;
        assert!(interval.low < 0.3 && interval.high > 0.7, "{interval:?}");
    }

    #[test]
    fn clusters_without_a_hit_still_leave_room_for_one() {
        let clusters = Clusters::new(twenty(|_| Proportion::new(0, 100))).expect("clusters");
        let interval = clusters.estimate(Confidence::ninety_five()).interval;
        assert_eq!(interval.low, 0.0);
        assert!(interval.high > 0.1 && interval.high < 0.25, "{interval:?}");
    }

    #[test]
    fn the_bootstrap_is_the_same_for_the_same_seed() {
        let pair = |place: u64| (Proportion::new(place, 40), Proportion::new(place / 2, 40));
        let pairs = ClusterPairs::new((0..25).map(pair)).expect("clusters");
        let draw = |seed| pairs.bootstrap(Confidence::ninety_five(), seed, 300);
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
