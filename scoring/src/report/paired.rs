//! What each seed came to, where something draws from it, and the tests of pairs that this allows.
//!
//! Kept are two bits a seed, cell and scorer, and a score where there is one: only of cells of which the provider or the
//! scenario draws from the seed, and only of the first [`SEEDS_MAX`] seeds.

use muster_episode::{ModelPlan, VariantKey};
use serde_json::Value;

use crate::report::collector::{BARS, Collector, Counted, Spot};
use crate::report::combination::CellId;
use crate::report::matched::{Matched, Stratum};
use crate::report::model::{PairedScore, Pairs};
use crate::statistics::{Confidence, PairedCounts, PairedScores, SeedUse, Tie};
use crate::verdict::Verdict;

/// Seeds from here on are in no pair.
const SEEDS_MAX: u64 = 4_096;

/// Exchanges that a permutation test draws where there are too many for all, and the seed of its drawing.
const DRAWS: u32 = 9_999;
const DRAW_SEED: u64 = 1;

/// A cell's seeds by what came of them, as one scorer has it.
pub(super) struct Outcomes {
    is_of_provider: bool,
    is_of_scenario: bool,
    judged: Bits,
    /// Of the cell itself, then at each of the [`BARS`].
    hits: [Bits; 4],
    /// By seed; not a number where there is none.
    scores: Vec<f32>,
}

/// A set of seeds.
#[derive(Default)]
struct Bits(Vec<u64>);

/// Pairs of one stratum, in the order both, first only, second only, neither.
type Counts = [u64; 4];

/// Covariance and variances within strata, added up.
#[derive(Default)]
struct Spread {
    both: f64,
    first: f64,
    second: f64,
}

// === impl Bits ===

impl Bits {
    fn set(&mut self, seed: u64) {
        // Seeds are below SEEDS_MAX.
        let word = (seed / 64) as usize;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (seed % 64);
    }

    fn word(&self, place: usize) -> u64 {
        self.0.get(place).copied().unwrap_or(0)
    }
}

// === impl Outcomes ===

impl Outcomes {
    fn new(is_of_provider: bool, is_of_scenario: bool) -> Self {
        let (judged, hits) = Default::default();
        Self { is_of_provider, is_of_scenario, judged, hits, scores: Vec::new() }
    }

    fn take(&mut self, seed: u64, hits: [bool; 4], score: Option<f64>) {
        self.judged.set(seed);
        for (bits, _) in self.hits.iter_mut().zip(hits).filter(|(_, is_hit)| *is_hit) {
            bits.set(seed);
        }
        let Some(score) = score.filter(|score| score.is_finite()) else { return };
        // Seeds are below SEEDS_MAX.
        let place = seed as usize;
        if self.scores.len() <= place {
            self.scores.resize(place + 1, f32::NAN);
        }
        self.scores[place] = score as f32;
    }

    /// Those of a counting: the cell's own, or at another bar.
    fn hits(&self, mode: u16) -> &Bits {
        let at = BARS.iter().position(|bar| *bar == mode).map_or(0, |place| place + 1);
        &self.hits[at]
    }

    fn score(&self, place: usize) -> Option<f64> {
        self.scores.get(place).filter(|score| score.is_finite()).map(|score| f64::from(*score))
    }

    /// Who draws from the seed for both of these.
    fn seed_use(&self, other: &Self) -> SeedUse {
        let is_of_provider = self.is_of_provider && other.is_of_provider;
        match (is_of_provider, self.is_of_scenario && other.is_of_scenario) {
            (true, true) => SeedUse::Both,
            (true, false) => SeedUse::Provider,
            (false, true) => SeedUse::Scenario,
            (false, false) => SeedUse::Unused,
        }
    }
}

/// Makes room for what seeds come to, if anything draws from them.
pub(super) fn keep(spot: &mut Spot, model: Option<&ModelPlan>) {
    // Behind another address there is somebody else.
    let is_of_provider = model.is_some_and(|model| model.is_built_in() && model.base_url.is_none());
    let is_of_scenario = draws(&spot.variant);
    if is_of_provider || is_of_scenario {
        for counted in &mut spot.counted {
            counted.outcomes = Some(Box::new(Outcomes::new(is_of_provider, is_of_scenario)));
        }
    }
}

/// Whether a scenario draws from the seed what the model sees: as its suite tells by the axis of positions.
fn draws(variant: &VariantKey) -> bool {
    variant.value("positions") == Some("shuffled")
}

/// Lets an episode be counted, and keeps what it was counted as.
pub(super) fn follow(counted: &mut Counted, seed: u64, verdict: &Verdict, judge: impl FnOnce(&mut Counted)) {
    let (judged_before, hits_before) = counts(counted);
    judge(counted);
    let (judged, hits) = counts(counted);
    let Some(outcomes) = counted.outcomes.as_mut().filter(|_| judged > judged_before && seed < SEEDS_MAX)
    else {
        return;
    };
    let score = verdict.facts.get("score").and_then(Value::as_f64);
    outcomes.take(seed, std::array::from_fn(|at| hits[at] > hits_before[at]), score);
}

/// Episodes judged, and hits of the cell itself and at each bar.
fn counts(counted: &Counted) -> (u64, [u64; 4]) {
    let own = counted.cell.proportion();
    let at_bar = |at: usize| counted.at_bars.as_ref().map_or(0, |cells| cells[at].proportion().hits());
    (own.of(), [own.hits(), at_bar(0), at_bar(1), at_bar(2)])
}

/// The tests of a difference's pairs.
///
/// # Errors
/// Why there are none.
pub(super) fn pairs(collector: &Collector, matched: &Matched) -> Result<Pairs, String> {
    let untied = || "neither the provider nor the scenario draws from the seed".to_owned();
    let tied: Vec<_> = matched.strata.iter().filter_map(|stratum| tied(collector, stratum)).collect();
    if tied.is_empty() {
        return Err(untied());
    }
    if !matched.is_one_to_one() {
        return Err(
            "several of its cells stand against one: pairs that share an episode are no pairs".to_owned()
        );
    }
    let (mut all, mut spread, mut scores) = (Counts::default(), Spread::default(), Vec::new());
    for (_, [first, second], [mode, other_mode]) in &tied {
        let counts = counted(first, second, *mode, *other_mode);
        spread.add(counts);
        all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        scores.extend(both_scores(first, second));
    }
    // There is one at least.
    let Some((tie, ..)) = tied.first() else { return Err(untied()) };
    let paired = PairedCounts::of(*tie, all);
    if paired.pairs() == 0 {
        return Err("no seed is judged on both of its sides".to_owned());
    }
    Ok(Pairs {
        pairs: paired.pairs(),
        tied_by: *tie,
        correlation: spread.correlation(),
        mcnemar_p: paired.mcnemar_mid_p().ok(),
        scores: score(*tie, scores),
    })
}

/// A stratum's seeds on both sides, and which counting of them is meant, if anything ties them.
type Tied<'a> = (Tie, [&'a Outcomes; 2], [u16; 2]);

fn tied<'a>(collector: &'a Collector, stratum: &Stratum) -> Option<Tied<'a>> {
    let [first, second] = stratum.sides.each_ref().map(|side| side.first().map(|term| term.id));
    let outcomes =
        |(place, scorer, _): CellId| collector.spots.get(place)?.counted.get(scorer)?.outcomes.as_deref();
    let (first_id, second_id) = (first?, second?);
    let (first, second) = (outcomes(first_id)?, outcomes(second_id)?);
    let tie = first.seed_use(second).tie().ok()?;
    Some((tie, [first, second], [first_id.2, second_id.2]))
}

fn counted(first: &Outcomes, second: &Outcomes, mode: u16, other_mode: u16) -> Counts {
    let (mine, its) = (first.hits(mode), second.hits(other_mode));
    let mut counts = Counts::default();
    for place in 0..first.judged.0.len() {
        let judged = first.judged.word(place) & second.judged.word(place);
        let (mine, its) = (mine.word(place), its.word(place));
        let each = [mine & its, mine & !its, !mine & its, !mine & !its];
        for (count, seeds) in counts.iter_mut().zip(each) {
            *count += u64::from((seeds & judged).count_ones());
        }
    }
    counts
}

fn both_scores<'a>(first: &'a Outcomes, second: &'a Outcomes) -> impl Iterator<Item = (f64, f64)> + 'a {
    (0..first.scores.len()).filter_map(|place| Some((first.score(place)?, second.score(place)?)))
}

fn score(tie: Tie, pairs: Vec<(f64, f64)>) -> Option<PairedScore> {
    let scores = PairedScores::new(tie, pairs);
    let p = scores.permutation(DRAW_SEED, DRAWS).ok()?.p;
    let difference = scores.difference(Confidence::ninety_five());
    Some(PairedScore { pairs: scores.pairs() as u64, difference, p })
}

// === impl Spread ===

impl Spread {
    /// Adds a stratum: that variants have other rates is no correlation of their pairs.
    fn add(&mut self, counts: Counts) {
        let [both, first_only, second_only, neither] = counts.map(|count| count as f64);
        let n = both + first_only + second_only + neither;
        if n > 0.0 {
            let (first, second) = (both + first_only, both + second_only);
            self.both += both - first * second / n;
            self.first += first * (n - first) / n;
            self.second += second * (n - second) / n;
        }
    }

    fn correlation(&self) -> Option<f64> {
        let spread = self.first * self.second;
        (spread > 0.0).then(|| (self.both / spread.sqrt()).clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(hits: impl Fn(u64) -> bool, judged: impl Fn(u64) -> bool) -> Outcomes {
        let mut outcomes = Outcomes::new(true, false);
        for seed in (0..100).filter(|seed| judged(*seed)) {
            outcomes.take(seed, [hits(seed), false, true, false], Some(seed as f64));
        }
        outcomes
    }

    #[test]
    fn a_pair_is_a_seed_that_is_judged_on_both_sides() {
        let first = outcomes(|seed| seed < 70, |seed| seed != 3);
        let second = outcomes(|seed| seed >= 60, |seed| seed < 98);
        assert_eq!(counted(&first, &second, 0, 0), [10, 59, 28, 0]);
        assert_eq!(counted(&first, &second, 0, 80), [69, 0, 28, 0], "at another bar it is another counting");
        assert_eq!(both_scores(&first, &second).count(), 97);
    }

    #[test]
    fn the_correlation_of_one_stratum_is_phi_and_rates_of_strata_are_none_of_it() {
        let tie = SeedUse::Provider.tie().expect("a tie");
        let mut spread = Spread::default();
        spread.add([30, 10, 5, 55]);
        let phi = PairedCounts::of(tie, [30, 10, 5, 55]).correlation().expect("phi");
        assert!((spread.correlation().expect("a correlation") - phi).abs() < 1e-12);
        // Both sides at 90 % here and at 10 % there, with nothing in common within.
        let mut apart = Spread::default();
        apart.add([81, 9, 9, 1]);
        apart.add([1, 9, 9, 81]);
        assert!(apart.correlation().expect("a correlation").abs() < 1e-12);
        let mut none = Spread::default();
        none.add([10, 0, 5, 0]);
        assert_eq!(none.correlation(), None);
    }

    #[test]
    fn seeds_that_only_one_side_draws_from_tie_nothing() {
        let (provider, scenario) = (Outcomes::new(true, false), Outcomes::new(false, true));
        assert_eq!(provider.seed_use(&scenario), SeedUse::Unused);
        assert_eq!(Outcomes::new(true, true).seed_use(&scenario), SeedUse::Scenario);
    }
}
