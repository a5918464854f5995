//! The table of other tests of the same differences. A reason that many rows share stands above them once.

use std::collections::BTreeMap;

use crate::report::model::{Claim, OtherTests, Report};
use crate::report::sheets::{Sheet, estimate_text};
use crate::report::text::{counted, grouped, p_value};

/// Its word for links.
pub(super) const ID: &str = "other-tests";

/// A row for each claim that has a difference.
pub(super) fn sheet(report: &Report) -> Sheet {
    let columns = [
        "model",
        "behaviour",
        "what",
        "z",
        "p, z",
        "p, exact",
        "exact test",
        "pairs",
        "correlation",
        "p, McNemar",
        "scores of pairs",
        "p, permutation",
        "variants not run, pp",
    ];
    let mut sheet = Sheet::new(ID, "Other tests of the same differences", 3, &columns).note(
        "None of them is in the family, and none is adjusted. z and the exact test suppose one rate for all cells of a stratum. \
         Pairs: two episodes of one seed whose variants differ in what is compared alone; the correlation is that \
         observed within variants. Variants not run: over variants as clusters, each by its episodes.",
    );
    let tested: Vec<&Claim> = report.claims.iter().filter(|claim| claim.difference.is_some()).collect();
    sheet.notes.extend(reasons(&tested));
    for claim in tested {
        let words = [claim.model.shown().to_owned(), claim.behaviour.clone(), claim.what.clone()];
        sheet.row(words.into_iter().chain(numbers(&claim.others)));
    }
    sheet
}

/// Why tests are not made, each reason with how many differences it holds for.
fn reasons(claims: &[&Claim]) -> Vec<String> {
    let mut reasons: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for others in claims.iter().map(|claim| &claim.others) {
        let each = [
            ("No z", &others.z_why_not),
            ("No exact test", &others.exact_why_not),
            ("No pairs", &others.pairs_why_not),
            ("Nothing on variants not run", &others.unseen_why_not),
        ];
        for (what, why_not) in each.into_iter().filter_map(|(what, why)| Some((what, why.as_deref()?))) {
            *reasons.entry((what, why_not)).or_default() += 1;
        }
    }
    let of = counted(claims.len() as u64, "difference");
    reasons
        .into_iter()
        .map(|((what, why_not), times)| format!("{what} for {} of {of}: {why_not}.", grouped(times)))
        .collect()
}

fn numbers(others: &OtherTests) -> [String; 10] {
    let p = |p: Option<f64>| or_dash(p.map(p_value));
    let pairs = others.pairs;
    let scores = pairs.and_then(|pairs| pairs.scores);
    [
        or_dash(others.z.map(|z| format!("{:.2}", z.statistic))),
        p(others.z.map(|z| z.p)),
        p(others.exact_p),
        or_dash(others.exact_test.map(str::to_owned)),
        or_dash(pairs.map(|pairs| grouped(pairs.pairs))),
        or_dash(pairs.and_then(|pairs| pairs.correlation).map(|it| format!("{it:.2}"))),
        p(pairs.and_then(|pairs| pairs.mcnemar_p)),
        or_dash(scores.and_then(|scores| scores.difference).map(|it| format!("{:.1}", it.value))),
        p(scores.map(|scores| scores.p)),
        or_dash(others.unseen.map(|unseen| estimate_text(unseen.difference))),
    ]
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}
