//! Two readers of the same episodes: how often they agree beyond chance. Reference: J. L. Fleiss, J. Cohen and B. S. Everitt,
//! "Large sample standard errors of kappa and weighted kappa", Psychological Bulletin 72 (1969).

use std::collections::BTreeMap;

use super::proportion::{Confidence, Interval, Proportion};

/// What two readers said, pair by pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement<L> {
    pairs: BTreeMap<(L, L), u64>,
}

/// Cohen's kappa.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kappa {
    /// From -1 to 1.
    pub value: f64,
    /// Its interval; none where there is too little to estimate one.
    pub interval: Option<Interval>,
}

/// A variance up to here is none but for rounding.
const VARIANCE_MIN: f64 = 1e-12;

/// The table of what was said, as shares of all.
struct Shares {
    all: f64,
    cells: Vec<Vec<f64>>,
    rows: Vec<f64>,
    columns: Vec<f64>,
}

// === impl Agreement ===

impl<L: Ord + Clone> Agreement<L> {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self { pairs: BTreeMap::new() }
    }

    /// Counts what both said of one episode.
    pub fn add(&mut self, first: L, second: L) {
        *self.pairs.entry((first, second)).or_default() += 1;
    }

    /// How often they said the same.
    #[must_use]
    pub fn agreed(&self) -> Proportion {
        let same =
            self.pairs.iter().filter(|((first, second), _)| first == second).map(|(_, count)| count).sum();
        Proportion::new(same, self.pairs.values().sum())
    }

    /// Cohen's kappa with its interval; none where nothing was read, or where both always say one and the same word: then
    /// there is no agreement beyond chance to be had. Where they never disagree the formula's interval is a
    /// point; its lower end is then taken from Wilson's for the agreement. Where they do disagree and the formula gives a
    /// point all the same, such as when one of them says one word only, there is no interval to be had from it.
    #[must_use]
    pub fn kappa(&self, confidence: Confidence) -> Option<Kappa> {
        let shares = self.shares();
        let (agreed, chance) = (shares.agreed(), shares.chance());
        if shares.all <= 0.0 || chance >= 1.0 {
            return None;
        }
        let value = (agreed - chance) / (1.0 - chance);
        if self.agreed().misses() == 0 {
            let low = (self.agreed().interval(confidence)?.low - chance) / (1.0 - chance);
            return Some(Kappa { value, interval: Some(Interval { low, high: 1.0 }) });
        }
        let variance = Some(shares.variance(value)).filter(|variance| *variance > VARIANCE_MIN);
        let interval = variance.map(|variance| {
            let half = confidence.normal() * variance.sqrt();
            Interval { low: (value - half).max(-1.0), high: (value + half).min(1.0) }
        });
        Some(Kappa { value, interval })
    }

    fn shares(&self) -> Shares {
        let mut labels: Vec<&L> = self.pairs.keys().flat_map(|(first, second)| [first, second]).collect();
        labels.sort();
        labels.dedup();
        let all = self.pairs.values().sum::<u64>() as f64;
        let share = |first: &&L, second: &&L| {
            self.pairs.get(&((*first).clone(), (*second).clone())).map_or(0.0, |count| *count as f64 / all)
        };
        let row = |first: &&L| labels.iter().map(|second| share(first, second)).collect::<Vec<f64>>();
        let cells: Vec<Vec<f64>> = labels.iter().map(row).collect();
        let rows = cells.iter().map(|row| row.iter().sum()).collect();
        let columns = (0..labels.len()).map(|column| cells.iter().map(|row| row[column]).sum()).collect();
        Shares { all, cells, rows, columns }
    }
}

impl<L: Ord + Clone> Default for Agreement<L> {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Shares ===

impl Shares {
    fn agreed(&self) -> f64 {
        self.cells.iter().enumerate().map(|(place, row)| row[place]).sum()
    }

    /// How often they would agree if neither had read anything.
    fn chance(&self) -> f64 {
        self.rows.iter().zip(&self.columns).map(|(row, column)| row * column).sum()
    }

    fn variance(&self, kappa: f64) -> f64 {
        let rest = 1.0 - kappa;
        let same = |place: usize| {
            self.cells[place][place] * (1.0 - (self.rows[place] + self.columns[place]) * rest).powi(2)
        };
        let other = |row: usize, column: usize| {
            if row == column {
                0.0
            } else {
                self.cells[row][column] * (self.columns[row] + self.rows[column]).powi(2)
            }
        };
        let labels = self.rows.len();
        let agreed: f64 = (0..labels).map(same).sum();
        let differed: f64 =
            (0..labels).flat_map(|row| (0..labels).map(move |column| other(row, column))).sum();
        let chance = self.chance();
        let spread = agreed + rest * rest * differed - (kappa - chance * rest).powi(2);
        spread / (1.0 - chance).powi(2) / self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &'static str, u64)]) -> Agreement<&'static str> {
        let mut agreement = Agreement::new();
        for (first, second, times) in pairs {
            for _ in 0..*times {
                agreement.add(*first, *second);
            }
        }
        agreement
    }

    #[test]
    fn a_small_audit_without_a_disagreement_is_no_proof_of_perfection() {
        let kappa =
            read(&[("yes", "yes", 5), ("no", "no", 5)]).kappa(Confidence::ninety_five()).expect("kappa");
        let interval = kappa.interval.expect("an interval");
        assert_eq!((kappa.value, interval.high), (1.0, 1.0));
        assert!(interval.low < 0.5, "{kappa:?}");
    }

    #[test]
    fn two_labels_that_both_disagree_give_no_interval_instead_of_a_point() {
        for pairs in [
            &[("yes", "no", 2)][..],
            &[("yes", "no", 1), ("no", "yes", 1)],
            // One of ten, against somebody who only ever says one word.
            &[("yes", "no", 1), ("no", "no", 9)],
        ] {
            let kappa = read(pairs).kappa(Confidence::ninety_five()).expect("kappa");
            assert_eq!(kappa.interval, None, "{pairs:?}");
        }
        let some = read(&[("yes", "yes", 3), ("yes", "no", 1), ("no", "no", 4)]);
        let interval = some.kappa(Confidence::ninety_five()).and_then(|kappa| kappa.interval);
        assert!(interval.is_some_and(|interval| interval.high > interval.low), "{interval:?}");
    }

    #[test]
    fn readers_who_only_ever_say_one_word_agree_by_chance() {
        let same = read(&[("no", "no", 50)]);
        assert_eq!(same.kappa(Confidence::ninety_five()), None);
        assert_eq!(same.agreed(), Proportion::new(50, 50));
        assert_eq!(read(&[]).kappa(Confidence::ninety_five()), None);
    }
}
