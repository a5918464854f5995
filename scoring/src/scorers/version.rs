//! Versions of scorers. One that stands on the rules of extraction has their version in its own: with other rules its
//! verdicts are made again, and nobody else's.

use crate::extraction::RULES_VERSION;

/// The version of a scorer that asks the rules what was written.
pub(super) fn on_rules(own: &str) -> String {
    format!("{own}+rules-{RULES_VERSION}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Course, of_each_kind};
    use crate::{Evidence, ScorerSet};

    #[test]
    fn other_rules_make_the_verdicts_anew_of_those_who_ask_them_and_of_nobody_else() {
        let mut on_rules = Vec::new();
        for (scenario, spec) in of_each_kind() {
            let set = ScorerSet::new(std::slice::from_ref(&spec)).expect("a scorer");
            let scorer = set.iter().next().expect("one");
            let episode = Course::default().play(scenario);
            let evidence = Evidence::of(&episode);
            scorer.score(&evidence).expect("a verdict");
            let stands = scorer.version().ends_with(&format!("+rules-{RULES_VERSION}"));
            assert_eq!(evidence.has_asked_rules(), stands, "{}", scorer.version());
            on_rules.extend(stands.then_some(spec.kind.to_string()));
        }
        assert_eq!(on_rules, ["misrepresentation", "alignment_faking", "refusal"]);
    }
}
