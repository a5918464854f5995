//! Other tests of the same differences: z, exact, paired, and over clusters. The p that stands, that of the interval, is not
//! one of them; these show whether it hangs on the way it was made. None is in the family.

use crate::report::build::Untested;
use crate::report::collector::Collector;
use crate::report::combination::Combination;
use crate::report::matched::{Against, Matched, poured};
use crate::report::model::{OtherTests, Unseen};
use crate::report::paired;
use crate::statistics::{
    ClusterPairs, Clusters, Confidence, Estimate, Interval, MantelHaenszel, Proportion, Refusal, TestResult,
};

/// Tests each claim that has a difference.
pub(super) fn add(collector: &Collector, claims: &mut [Untested]) {
    for untested in claims {
        let why_not = untested.claim.why_not.clone();
        untested.claim.others = match untested.sum.as_ref().filter(|sum| !sum.is_empty()) {
            Some(sum) => of(collector, sum, untested.against),
            None => OtherTests::none(why_not.unwrap_or_else(|| "nothing was counted".to_owned())),
        };
    }
}

fn of(collector: &Collector, sum: &Combination, against: Against) -> OtherTests {
    let matched = match Matched::new(collector, sum, against) {
        Ok(matched) if sum.blanks() == 0 => matched,
        Ok(_) => return OtherTests::none("some of its cells are empty".to_owned()),
        Err(why_not) => return OtherTests::none(why_not),
    };
    let (z, z_why_not) = parted(TestResult::of_strata(&matched.signed()).ok_or_else(empty));
    let (exact, exact_why_not) = parted(exact(&matched).map_err(|refusal| refusal.to_string()));
    let (pairs, pairs_why_not) = parted(paired::pairs(collector, &matched));
    let (unseen, unseen_why_not) = parted(unseen(&matched.clusters(collector, sum, against)));
    let (exact_p, exact_test) = exact.unzip();
    OtherTests {
        z,
        z_why_not,
        exact_p,
        exact_test,
        exact_why_not,
        pairs,
        pairs_why_not,
        unseen,
        unseen_why_not,
    }
}

/// Boschloo's test of two cells, or Fisher's if there are too many episodes for it; of several strata the conditional one.
fn exact(matched: &Matched) -> Result<(f64, &'static str), Refusal> {
    let comparisons = matched.comparisons();
    match comparisons[..] {
        [one] if matched.is_one_to_one() => match one.boschloo() {
            Ok(p) => Ok((p, "boschloo")),
            Err(_) => Ok((one.fisher()?, "fisher")),
        },
        _ => Ok((MantelHaenszel::new(comparisons).exact()?, "conditional")),
    }
}

fn unseen(clusters: &Matched) -> Result<Unseen, String> {
    let sides = clusters.strata.iter().map(|stratum| {
        let [first, second] = &stratum.sides;
        (poured(first), poured(second))
    });
    let sides: Vec<(Proportion, Proportion)> = sides.collect();
    let pairs = ClusterPairs::new(sides.iter().copied()).map_err(refused)?;
    let test = pairs.test();
    let difference = match test {
        Some(_) => pairs.estimate(Confidence::ninety_five()),
        None => apart(&sides).map_err(refused)?,
    };
    Ok(Unseen { clusters: clusters.strata.len() as u64, difference, p: test.map(|test| test.p) })
}

/// Where all clusters differ alike, their spread says that nothing else can be. The sides' own intervals know better: a new
/// variant may be the first that differs.
fn apart(sides: &[(Proportion, Proportion)]) -> Result<Estimate, Refusal> {
    let side = |rates: Vec<Proportion>| Ok(Clusters::new(rates)?.estimate(Confidence::ninety_five()));
    let (first, second) = sides.iter().copied().unzip();
    let difference = side(first)?.minus(side(second)?);
    Ok(difference.within(Interval { low: -1.0, high: 1.0 }))
}

fn refused(refusal: Refusal) -> String {
    match refusal {
        Refusal::TooFewClusters { clusters, needed } => {
            let variants = crate::report::text::counted(clusters as u64, "variant");
            format!("{variants}: claims about variants that were not run need at least {needed}")
        }
        other => other.to_string(),
    }
}

fn empty() -> String {
    "some of its cells are empty".to_owned()
}

fn parted<T>(result: Result<T, String>) -> (Option<T>, Option<String>) {
    match result {
        Ok(it) => (Some(it), None),
        Err(why_not) => (None, Some(why_not)),
    }
}

// === impl OtherTests ===

impl OtherTests {
    fn none(why_not: String) -> Self {
        let why_not = Some(why_not);
        Self {
            z_why_not: why_not.clone(),
            exact_why_not: why_not.clone(),
            pairs_why_not: why_not.clone(),
            unseen_why_not: why_not,
            ..Self::default()
        }
    }
}
