//! Answers questions of statistics, one JSON object a line, so that other software's answers can be held against ours: the
//! bed `tests/beds/statistics` asks them. A question is `{"of": NAME, ...numbers}`; its answer is the list of numbers that
//! the function gives, and `null` where it gives none.

use std::io::{self, BufRead as _, Write as _};

use muster_scoring::statistics::{
    Agreement, ClusterPairs, Clusters, Comparison, Confidence, Design, DropOut, Estimate, MantelHaenszel,
    PairedCounts, PairedScores, PlannedTest, Proportion, Refusal, Scores, SeedUse, Stratified,
    StratifiedComparison, Stratum, TestResult, TwoByTwo, benjamini_hochberg, holm,
};
use serde::Deserialize;

/// What is asked; a question has those of the numbers that it needs.
#[derive(Deserialize)]
struct Question {
    of: String,
    #[serde(default)]
    counts: Vec<u64>,
    #[serde(default)]
    numbers: Vec<f64>,
    #[serde(default)]
    pairs: Vec<[f64; 2]>,
    #[serde(default = "ninety_five")]
    level: f64,
}

type Answer = Option<Vec<f64>>;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?).map_err(io::Error::other)?;
        let answer =
            question.answer().ok_or_else(|| io::Error::other(format!("no function `{}`", question.of)))?;
        writeln!(out, "{}", serde_json::to_string(&answer).map_err(io::Error::other)?)?;
    }
    Ok(())
}

fn ninety_five() -> f64 {
    0.95
}

// === impl Question ===

impl Question {
    /// None if there is no such function.
    fn answer(&self) -> Option<Answer> {
        self.of_rates().or_else(|| self.of_pairs()).or_else(|| self.of_cells()).or_else(|| self.of_designs())
    }

    fn of_rates(&self) -> Option<Answer> {
        let comparison = || Comparison { first: self.proportion(0), second: self.proportion(1) };
        Some(match &*self.of {
            "wilson" => self.proportion(0).estimate(self.confidence()).map(limits),
            "newcombe" => comparison().difference(self.confidence()).map(all),
            "z_test" => comparison().z_test().map(test),
            "fisher" => one(comparison().fisher()),
            "boschloo" => one(comparison().boschloo()),
            "manski" => {
                let side = |place| DropOut { judged: self.proportion(place), missing: self.count(4 + place) };
                side(0).worst_case_against(side(1)).map(|bounds| vec![bounds.low, bounds.high])
            }
            "kappa" => self
                .agreement()
                .kappa(self.confidence())
                .and_then(|kappa| Some(all(Estimate { value: kappa.value, interval: kappa.interval? }))),
            "holm" => Some(holm(&self.numbers)),
            "benjamini_hochberg" => Some(benjamini_hochberg(&self.numbers)),
            "mean" => {
                let scores = Scores::of(self.numbers.iter().copied());
                scores
                    .estimate(self.confidence())
                    .zip(scores.deviation())
                    .map(|(estimate, deviation)| [all(estimate), vec![deviation]].concat())
            }
            _ => return None,
        })
    }

    fn of_pairs(&self) -> Option<Answer> {
        let tie = SeedUse::Both.tie().ok()?;
        let counts = || PairedCounts::of(tie, [0, 1, 2, 3].map(|place| self.count(place)));
        Some(match &*self.of {
            "mcnemar_exact" => one(counts().mcnemar_exact()),
            "mcnemar_mid_p" => one(counts().mcnemar_mid_p()),
            "phi" => counts().correlation().map(|phi| vec![phi]),
            "newcombe_paired" => counts().difference(self.confidence()).map(all),
            "permutation" => {
                let pairs =
                    PairedScores::new(tie, self.pairs.iter().map(|[first, second]| (*first, *second)));
                let draws = u32::try_from(self.count(1)).unwrap_or(u32::MAX);
                pairs.permutation(self.count(0), draws).ok().map(|result| vec![result.p])
            }
            _ => return None,
        })
    }

    fn of_cells(&self) -> Option<Answer> {
        let halves = |place: usize| (self.proportion(2 * place), self.proportion(2 * place + 1));
        let pairs = || (0..self.counts.len() / 4).map(halves);
        let tables = || pairs().map(|(first, second)| Comparison { first, second });
        let confidence = self.confidence();
        Some(match &*self.of {
            "stratified" => {
                self.stratified().map(|rate| [all(rate.estimate(confidence)), vec![rate.variance()]].concat())
            }
            "stratified_difference" => {
                self.stratified_comparison().map(|cells| all(cells.difference(confidence)))
            }
            "stratified_z" => self.stratified_comparison().map(|cells| test(cells.z_test())),
            "cmh" => MantelHaenszel::new(tables()).test().map(test),
            "stratified_exact" => MantelHaenszel::new(tables()).exact().ok().map(|p| vec![p]),
            "odds_ratio" => MantelHaenszel::new(tables()).odds_ratio(confidence).map(all),
            "mh_difference" => MantelHaenszel::new(tables()).difference(confidence).map(all),
            "clustered" => Clusters::new(self.proportions()).ok().map(|clusters| {
                [all(clusters.robust(confidence)), limits(clusters.estimate(confidence))].concat()
            }),
            "clustered_difference" => ClusterPairs::new(pairs()).ok().map(|clusters| {
                [all(clusters.estimate(confidence)), clusters.test().map(test).unwrap_or_default()].concat()
            }),
            "bootstrap" => {
                let draws = self.numbers.first().copied().unwrap_or(0.0) as u32;
                ClusterPairs::new(pairs())
                    .ok()
                    .map(|clusters| limits(clusters.bootstrap(confidence, 1, draws)))
            }
            "interaction" => self.two_by_two().map(|table| all(table.effects(confidence).interaction)),
            "interaction_p" => self.two_by_two().map(|table| vec![table.interaction_p()]),
            "interaction_wald" => self.two_by_two().and_then(|table| table.wald()).map(test),
            _ => return None,
        })
    }

    fn of_designs(&self) -> Option<Answer> {
        let design = Design { first: self.count(0), second: self.count(1), confidence: self.confidence() };
        let [first, second, power] =
            [0, 1, 2].map(|place| self.numbers.get(place).copied().unwrap_or(f64::NAN));
        Some(match &*self.of {
            "power" => Some(vec![design.power(first, second)]),
            "exact_power_z" => one(design.exact_power(first, second, PlannedTest::PooledZ)),
            "exact_power_fisher" => one(design.exact_power(first, second, PlannedTest::Fisher)),
            "detectable" => design.detectable_rise(second, power).map(|rise| vec![rise]),
            "episodes" => {
                Design::episodes(first, second, power, self.confidence()).map(|episodes| vec![episodes])
            }
            _ => return None,
        })
    }

    fn confidence(&self) -> Confidence {
        Confidence::of(self.level)
    }

    fn count(&self, place: usize) -> u64 {
        self.counts.get(place).copied().unwrap_or(0)
    }

    /// Counts in the order hits, of, hits, of.
    fn proportion(&self, place: usize) -> Proportion {
        Proportion::new(self.count(2 * place), self.count(2 * place + 1))
    }

    fn proportions(&self) -> impl Iterator<Item = Proportion> {
        (0..self.counts.len() / 2).map(|place| self.proportion(place))
    }

    /// The weights are the numbers; the counts those of the strata.
    fn stratified(&self) -> Option<Stratified> {
        let weighed = self.numbers.iter().zip(self.proportions());
        Stratified::new(weighed.map(|(weight, proportion)| Stratum { weight: *weight, proportion }).collect())
            .ok()
    }

    /// The counts are those of both sides of each stratum in turn.
    fn stratified_comparison(&self) -> Option<StratifiedComparison> {
        let strata = self.numbers.len();
        let first = (0..strata)
            .map(|place| Stratum { weight: self.numbers[place], proportion: self.proportion(2 * place) });
        let second = (0..strata).map(|place| self.proportion(2 * place + 1));
        StratifiedComparison::new(first.collect(), second.collect()).ok()
    }

    fn two_by_two(&self) -> Option<TwoByTwo> {
        TwoByTwo::of([0, 1, 2, 3].map(|place| self.proportion(place))).ok()
    }

    /// The counts are a square table, row by row.
    fn agreement(&self) -> Agreement<usize> {
        let words = self.counts.len().isqrt();
        let mut agreement = Agreement::new();
        for (place, count) in self.counts.iter().enumerate() {
            for _ in 0..*count {
                agreement.add(place / words, place % words);
            }
        }
        agreement
    }
}

fn all(estimate: Estimate) -> Vec<f64> {
    [vec![estimate.value], limits(estimate)].concat()
}

fn limits(estimate: Estimate) -> Vec<f64> {
    vec![estimate.interval.low, estimate.interval.high]
}

fn test(result: TestResult) -> Vec<f64> {
    vec![result.statistic, result.p]
}

fn one(p: Result<f64, Refusal>) -> Answer {
    p.ok().map(|p| vec![p])
}
