//! Which judge's verdicts a report uses, where several were asked: the one that has settled most here, and of equals the one
//! that was asked last. Two judges are never mixed, for a rate would then be of who happened to be asked.

use serde::Serialize;

use crate::report::source::{By, Source, Told};

/// The judges that have been asked, and how many of a report's verdicts each could settle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judges {
    known: Vec<(String, u64)>,
}

/// Whose verdicts a report is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Readings {
    /// Settled by rules.
    pub by_rules: u64,
    /// Settled by the judge.
    pub by_judge: u64,
    /// Left unsure: in no rate.
    pub unsure: u64,
    /// The judge's model, if one is used.
    pub judge: Option<String>,
    /// Other judges that have verdicts on the same episodes, none of which is used.
    pub other_judges: Vec<String>,
}

// === impl Judges ===

impl Judges {
    /// Those that were asked, the last first.
    #[must_use]
    pub fn new(models: impl IntoIterator<Item = String>) -> Self {
        let mut known: Vec<(String, u64)> = Vec::new();
        for model in models {
            if known.iter().all(|(other, _)| *other != model) {
                known.push((model, 0));
            }
        }
        Self { known }
    }

    /// Their models.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|(model, _)| &**model)
    }

    /// Whether it must be counted which of them has said anything.
    #[must_use]
    pub fn are_several(&self) -> bool {
        self.known.len() > 1
    }

    /// Counts what they say of an episode.
    pub fn tell(&mut self, source: &Source, told: &Told<'_>) {
        let (index, _) = source.plan.place(told.ordinal);
        let variant = source.plan.variant(index);
        let Some(scorers) = variant.and_then(|variant| source.scorers.get(&variant.scenario)) else { return };
        for (scorer, _) in scorers.iter() {
            for (model, verdicts) in &mut self.known {
                *verdicts += u64::from(told.judged(scorer, model).is_some());
            }
        }
    }

    /// The one to use: that with the most verdicts, and of equals the last asked. One answer of a new judge is no reason
    /// to set a complete older one aside.
    #[must_use]
    pub fn choice(&self) -> Option<&str> {
        // Of equals `max_by_key` takes the last, and the last asked is the first.
        let most = self.known.iter().rev().max_by_key(|(_, verdicts)| *verdicts);
        most.map(|(model, _)| &**model)
    }

    /// The others that have said anything.
    #[must_use]
    pub fn others(&self, used: Option<&str>) -> Vec<String> {
        let heard = self.known.iter().filter(|(model, verdicts)| *verdicts > 0 && Some(&**model) != used);
        heard.map(|(model, _)| model.clone()).collect()
    }
}

// === impl Readings ===

impl Readings {
    /// Counts a verdict.
    pub(super) fn add(&mut self, by: By) {
        let count = match by {
            By::Rules => &mut self.by_rules,
            By::Judge => &mut self.by_judge,
            By::Nobody => &mut self.unsure,
        };
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judges(known: &[(&str, u64)]) -> Judges {
        Judges { known: known.iter().map(|(model, verdicts)| ((*model).to_owned(), *verdicts)).collect() }
    }

    #[test]
    fn one_answer_of_a_new_judge_does_not_displace_a_complete_older_one() {
        let several = judges(&[("tried", 1), ("never", 0), ("complete", 200)]);
        assert_eq!(several.choice(), Some("complete"));
        assert_eq!(several.others(several.choice()), ["tried"]);
        assert_eq!(judges(&[("new", 200), ("old", 200)]).choice(), Some("new"), "of equals the last asked");
    }
}
