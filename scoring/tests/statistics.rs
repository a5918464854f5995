//! What the intervals and tests promise, held to it: coverage counted out where every outcome can be listed, simulated from
//! fixed seeds where it can't.

use muster_scoring::statistics::{
    ClusterPairs, Clusters, Comparison, Confidence, Estimate, PairedCounts, Proportion, Random, SeedUse,
    Stratified, StratifiedComparison, Stratum, benjamini_hochberg, holm,
};

const ARM: u64 = 100;

/// How a family's tests come to their p-values.
type Test = fn(Comparison) -> f64;

#[test]
fn wilson_at_a_hundred_episodes_covers_as_promised_at_every_rate_from_one_to_ninety_nine_percent() {
    let rates = (100..=9_900).map(|rate| f64::from(rate) / 10_000.0);
    let covered: Vec<(f64, f64)> = rates.map(|rate| (wilson_coverage(rate), rate)).collect();
    let average = covered.iter().map(|(covered, _)| covered).sum::<f64>() / covered.len() as f64;
    let (least, at) = covered
        .iter()
        .copied()
        .fold((1.0, 0.0), |least, other| if other.0 < least.0 { other } else { least });
    println!(
        "Wilson at n = {ARM}: covers {average:.4} on average from 1 to 99 %, {least:.4} at least, at {at}"
    );
    assert!((0.94..=0.96).contains(&average), "{average}");
    assert!(least >= 0.915, "{least} at {at}");
}

/// The one gap in it, so that no one is surprised: just below the lower limit for a single hit, and as far from 1.
#[test]
fn wilson_dips_below_ninety_only_where_about_half_a_hit_or_less_is_expected() {
    let rates = (1..=10_000).map(|step| f64::from(step) / 1_000_000.0);
    let covered: Vec<(f64, f64)> = rates.map(|rate| (wilson_coverage(rate), rate)).collect();
    let low: Vec<f64> =
        covered.iter().filter(|(covered, _)| *covered < 0.90).map(|(_, rate)| *rate).collect();
    let (least, at) = covered
        .iter()
        .copied()
        .fold((1.0, 0.0), |least, other| if other.0 < least.0 { other } else { least });
    println!(
        "Wilson at n = {ARM}: under 0.90 from {:?} to {:?}, {least:.4} at least, at {at}",
        low.first(),
        low.last()
    );
    assert!(low.iter().all(|rate| (0.001..0.0056).contains(rate)), "{:?} {:?}", low.first(), low.last());
    assert!(least > 0.837 && (0.0017..0.0018).contains(&at), "{least} at {at}");
    assert!((wilson_coverage(1.0 - at) - least).abs() < 1e-9, "both ends are alike");
}

#[test]
fn newcombe_covers_the_difference_of_two_cells() {
    let mut random = Random::new(1);
    let mut all = Vec::new();
    for (first, second) in [(0.02, 0.02), (0.05, 0.3), (0.5, 0.5), (0.9, 0.97), (0.35, 0.2)] {
        let covered = share(2_000, || {
            let comparison =
                Comparison { first: draw(&mut random, first), second: draw(&mut random, second) };
            holds(comparison.difference(Confidence::ninety_five()).expect("arms"), first - second)
        });
        assert!(covered >= 0.93, "{first} {second}: {covered}");
        all.push(covered);
    }
    println!("Newcombe at n = {ARM}: covers {all:?}");
}

#[test]
fn the_paired_interval_covers_where_the_seed_ties_the_pairs() {
    let mut random = Random::new(2);
    let tie = SeedUse::Provider.tie().expect("a tie");
    for (first, second, tied) in [(0.3, 0.2, 0.8), (0.5, 0.5, 0.5), (0.9, 0.6, 0.0)] {
        let covered = share(2_000, || {
            let mut pairs = PairedCounts::new(tie);
            for _ in 0..ARM {
                let (mine, its) = (random.unit(), random.unit());
                let its = if random.unit() < tied { mine } else { its };
                pairs.add(mine < first, its < second);
            }
            holds(pairs.difference(Confidence::ninety_five()).expect("pairs"), first - second)
        });
        println!("paired, {first} against {second}, {tied} tied: covers {covered:.4}");
        assert!(covered >= 0.93, "{first} {second} {tied}: {covered}");
    }
}

#[test]
fn a_headline_over_cells_of_very_different_rates_is_covered() {
    let mut random = Random::new(3);
    let mut coverages = Vec::new();
    for cells in [2_usize, 5, 10] {
        for _ in 0..8 {
            // Rates pile up at both ends, as those of models do.
            let rates: Vec<f64> = (0..cells).map(|_| either_end(&mut random)).collect();
            let truth = rates.iter().sum::<f64>() / cells as f64;
            coverages.push(share(400, || {
                let drawn: Vec<Proportion> = rates.iter().map(|rate| draw(&mut random, *rate)).collect();
                holds(Stratified::equal(drawn).expect("strata").estimate(Confidence::ninety_five()), truth)
            }));
        }
    }
    let average = coverages.iter().sum::<f64>() / coverages.len() as f64;
    let least = coverages.iter().copied().fold(1.0, f64::min);
    println!("stratified: covers {average:.4} on average, {least:.4} at least");
    assert!((0.94..=0.965).contains(&average) && least >= 0.90, "{average} {least}");
}

#[test]
fn a_headline_over_many_cells_of_a_rare_behaviour_is_covered() {
    let mut random = Random::new(31);
    for (cells, trials, rate) in
        [(18, 100, 0.01), (18, 100, 0.04), (9, 100, 0.002), (18, 10, 0.04), (15, 20, 0.1)]
    {
        let covered = share(4_000, || {
            let drawn: Vec<Proportion> = (0..cells)
                .map(|_| Proportion::new((0..trials).filter(|_| random.unit() < rate).count() as u64, trials))
                .collect();
            holds(Stratified::equal(drawn).expect("strata").estimate(Confidence::ninety_five()), rate)
        });
        println!("stratified, {cells} cells of {trials} at {rate}: covers {covered:.4}");
        assert!(covered >= 0.93, "{cells} of {trials} at {rate}: {covered}");
    }
}

#[test]
fn differences_between_headlines_over_many_cells_are_covered() {
    let mut random = Random::new(32);
    for (cells, trials, first, second) in
        [(18, 100, 0.04, 0.01), (9, 100, 0.16, 0.04), (6, 100, 0.002, 0.04), (18, 10, 0.2, 0.1)]
    {
        let covered = share(3_000, || {
            let mut arm = |sign: f64, rate: f64| -> Vec<(f64, Proportion)> {
                let hits = |random: &mut Random| (0..trials).filter(|_| random.unit() < rate).count() as u64;
                (0..cells)
                    .map(|_| (sign / f64::from(cells), Proportion::new(hits(&mut random), trials)))
                    .collect()
            };
            let both = [arm(1.0, first), arm(-1.0, second)].concat();
            holds(Estimate::of_cells(&both, Confidence::ninety_five()).expect("cells"), first - second)
        });
        println!(
            "difference of headlines, {cells} cells of {trials}, {first} less {second}: covers {covered:.4}"
        );
        assert!(covered >= 0.93, "{first} less {second}: {covered}");
    }
}

#[test]
fn a_headline_without_an_effect_raises_no_more_alarms_than_it_may() {
    let mut random = Random::new(4);
    let rates = [0.05, 0.3, 0.6, 0.95];
    let alarms = share(4_000, || {
        let first = rates.map(|rate| Stratum { weight: 1.0, proportion: draw(&mut random, rate) });
        let second = rates.map(|rate| draw(&mut random, rate));
        StratifiedComparison::new(first.to_vec(), second.to_vec()).expect("cells").z_test().p < 0.05
    });
    println!("stratified z: {alarms:.4} false alarms");
    assert!(alarms <= 0.05 + 3.0 * error(0.05, 4_000), "{alarms}");
}

/// The rates of clusters are powers of a uniform number: `power` 1 is uniform, 4 has a mean of 0.2 and half of its clusters
/// below 0.07.
#[test]
fn clustered_intervals_cover_unseen_variants_from_twenty_clusters_on() {
    let mut random = Random::new(5);
    for clusters in [20, 30, 60] {
        for power in [1, 2, 4] {
            let truth = 1.0 / f64::from(power + 1);
            let covered = share(1_200, || {
                let drawn = (0..clusters).map(|_| cluster(&mut random, power)).collect::<Vec<_>>();
                holds(Clusters::new(drawn).expect("clusters").estimate(Confidence::ninety_five()), truth)
            });
            println!("{clusters} clusters, mean {truth:.2}: covers {covered:.4}");
            assert!(covered >= 0.93, "{clusters} {power}: {covered}");
        }
    }
}

#[test]
fn clustered_differences_cover_unseen_variants_from_twenty_clusters_on() {
    let mut random = Random::new(6);
    for clusters in [20, 40] {
        for (first, second) in [(1, 1), (1, 3), (4, 4)] {
            let truth = 1.0 / f64::from(first + 1) - 1.0 / f64::from(second + 1);
            let covered = share(2_000, || {
                let pair = |_| (cluster(&mut random, first), cluster(&mut random, second));
                let pairs = ClusterPairs::new((0..clusters).map(pair)).expect("clusters");
                holds(pairs.estimate(Confidence::ninety_five()), truth)
            });
            println!("{clusters} clusters, difference {truth:.2}: covers {covered:.4}");
            assert!(covered >= 0.93, "{clusters} {first} {second}: {covered}");
        }
    }
}

#[test]
fn the_cluster_bootstrap_agrees_with_the_formula() {
    let mut random = Random::new(7);
    let pair = |_| (cluster(&mut random, 1), cluster(&mut random, 2));
    let pairs = ClusterPairs::new((0..60).map(pair)).expect("clusters");
    let formula = pairs.estimate(Confidence::ninety_five()).interval;
    let drawn = pairs.bootstrap(Confidence::ninety_five(), 8, 4_000).interval;
    let ratio = (drawn.high - drawn.low) / (formula.high - formula.low);
    // Narrower by sqrt(59 / 60) and by 1.96 / 2.00; the rest is chance, about 2 % at 4,000 draws.
    assert!((0.90..=1.03).contains(&ratio), "{ratio}");
}

#[test]
fn no_family_of_true_nulls_raises_more_alarms_than_its_level_allows() {
    let fisher: Test = |comparison| comparison.fisher().unwrap_or(1.0);
    let z: Test = |comparison| comparison.z_test().map_or(1.0, |test| test.p);
    let mut random = Random::new(9);
    for (name, test, most) in [("Fisher", fisher, 0.05), ("z", z, 0.05 + 3.0 * error(0.05, 2_000))] {
        for rate in [0.03, 0.3] {
            let alarms = share(2_000, || holm(&nulls(&mut random, rate, test)).iter().any(|p| *p < 0.05));
            println!("Holm over 20 tests by {name} at {rate}: {alarms:.4} families with a false alarm");
            assert!(alarms <= most, "{name} {rate}: {alarms}");
        }
    }
}

#[test]
fn tests_that_share_a_control_stay_at_their_level_too() {
    let mut random = Random::new(10);
    let alarms = share(4_000, || {
        let control = draw(&mut random, 0.2);
        let test = |_| {
            Comparison { first: draw(&mut random, 0.2), second: control }.z_test().map_or(1.0, |test| test.p)
        };
        holm(&(0..12).map(test).collect::<Vec<f64>>()).iter().any(|p| *p < 0.05)
    });
    println!("Holm over 12 tests with one control: {alarms:.4}");
    assert!(alarms <= 0.05, "{alarms}");
}

#[test]
fn of_what_benjamini_and_hochberg_find_few_are_nothing() {
    let mut random = Random::new(11);
    let (mut shares, families) = (0.0, 600);
    for _ in 0..families {
        let nothing = nulls(&mut random, 0.3, |comparison| comparison.fisher().unwrap_or(1.0));
        let something = (0..20).map(|_| {
            Comparison { first: draw(&mut random, 0.6), second: draw(&mut random, 0.3) }
                .fisher()
                .unwrap_or(1.0)
        });
        let p_values: Vec<f64> = nothing.into_iter().chain(something).collect();
        let found: Vec<bool> = benjamini_hochberg(&p_values).iter().map(|p| *p < 0.05).collect();
        let (wrong, right) = found.split_at(20);
        let count = |found: &[bool]| found.iter().filter(|found| **found).count();
        assert!(count(right) > 10, "real differences are found");
        shares += count(wrong) as f64 / (count(wrong) + count(right)).max(1) as f64;
    }
    let share = shares / f64::from(families);
    println!("Benjamini-Hochberg: {share:.4} of what is found is nothing");
    assert!(share <= 0.05, "{share}");
}

#[test]
fn mcnemars_exact_test_stays_at_its_level() {
    let mut random = Random::new(12);
    let tie = SeedUse::Both.tie().expect("a tie");
    let mut alarms = [0_u32; 2];
    for _ in 0..3_000 {
        let mut pairs = PairedCounts::new(tie);
        for _ in 0..40 {
            pairs.add(random.unit() < 0.3, random.unit() < 0.3);
        }
        alarms[0] += u32::from(pairs.mcnemar_exact().expect("p") < 0.05);
        alarms[1] += u32::from(pairs.mcnemar_mid_p().expect("p") < 0.05);
    }
    let [exact, mid_p] = alarms.map(|alarms| f64::from(alarms) / 3_000.0);
    println!("McNemar: {exact:.4} false alarms exact, {mid_p:.4} mid-p");
    assert!(exact <= 0.05 && mid_p <= 0.05 + 3.0 * error(0.05, 3_000) && mid_p >= exact, "{exact} {mid_p}");
}

/// How often the interval holds the rate, over all outcomes.
fn wilson_coverage(rate: f64) -> f64 {
    let (mut mass, mut covered) = ((1.0 - rate).powf(ARM as f64), 0.0);
    for hits in 0..=ARM {
        let estimate = Proportion::new(hits, ARM).estimate(Confidence::ninety_five()).expect("an estimate");
        covered += if holds(estimate, rate) { mass } else { 0.0 };
        mass *= (ARM - hits) as f64 / (hits + 1) as f64 * rate / (1.0 - rate);
    }
    covered
}

fn holds(estimate: Estimate, truth: f64) -> bool {
    estimate.interval.low <= truth && truth <= estimate.interval.high
}

/// How often something is so.
fn share(times: u32, mut is_so: impl FnMut() -> bool) -> f64 {
    f64::from((0..times).map(|_| u32::from(is_so())).sum::<u32>()) / f64::from(times)
}

/// The standard error of a share that is simulated.
fn error(share: f64, times: u32) -> f64 {
    (share * (1.0 - share) / f64::from(times)).sqrt()
}

fn draw(random: &mut Random, rate: f64) -> Proportion {
    hits(random, rate, ARM)
}

fn hits(random: &mut Random, rate: f64, of: u64) -> Proportion {
    Proportion::new((0..of).map(|_| u64::from(random.unit() < rate)).sum(), of)
}

/// A rate near 0 or near 1, more often than between.
fn either_end(random: &mut Random) -> f64 {
    let rate = random.unit().powi(3);
    if random.unit() < 0.5 { rate } else { 1.0 - rate }
}

/// A variant that was drawn: its own rate, and some episodes of it.
fn cluster(random: &mut Random, power: i32) -> Proportion {
    let rate = random.unit().powi(power);
    hits(random, rate, 40)
}

fn nulls(random: &mut Random, rate: f64, test: Test) -> Vec<f64> {
    (0..20).map(|_| test(Comparison { first: draw(random, rate), second: draw(random, rate) })).collect()
}
