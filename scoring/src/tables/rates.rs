//! Rows by label.

use std::collections::BTreeMap;

use crate::tables::observation::Observation;
use crate::tables::tally::Tally;

/// A table that fills up episode by episode.
#[derive(Debug, Clone)]
pub struct RateTable {
    columns: Vec<String>,
    rows: BTreeMap<Vec<String>, Placed>,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// One label for each of the table's columns.
    pub labels: &'a [String],
    /// Its counts.
    pub tally: &'a Tally,
}

#[derive(Debug, Clone, Default)]
struct Placed {
    place: (u64, u64),
    tally: Tally,
}

// === impl RateTable ===

impl RateTable {
    /// An empty table; `columns` are the headings of the labels.
    #[must_use]
    pub fn new(columns: Vec<String>) -> Self {
        Self { columns, rows: BTreeMap::new() }
    }

    /// The headings of the labels.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Makes sure that a row is there, though nothing may ever be counted in it. `place` is where it belongs: rows
    /// are ordered by the lowest place that was given for them, so that jobs may come in any order.
    pub fn row(&mut self, place: (u64, u64), labels: Vec<String>) -> &mut Tally {
        let placed = self.rows.entry(labels).or_insert_with(|| Placed { place, tally: Tally::default() });
        placed.place = placed.place.min(place);
        &mut placed.tally
    }

    /// Counts one episode in its row.
    pub fn add(&mut self, place: (u64, u64), labels: Vec<String>, observation: Observation) {
        self.row(place, labels).add(observation);
    }

    /// The rows, in order of their places.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<(&Vec<String>, &Placed)> = self.rows.iter().collect();
        rows.sort_by_key(|(_, placed)| placed.place);
        rows.into_iter().map(|(labels, placed)| Row { labels, tally: &placed.tally }).collect()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn rows_stand_in_the_order_of_their_places_whatever_came_first() {
        let mut table = RateTable::new(labels(&["relationship"]));
        table.add((0, 7), labels(&["bad"]), Observation::Judged(false));
        table.add((0, 2), labels(&["good"]), Observation::Judged(true));
        table.add((0, 1), labels(&["bad"]), Observation::Judged(true));
        let rows = table.rows();
        assert_eq!(rows[0].labels, labels(&["bad"]));
        assert_eq!((rows[0].tally.hits, rows[0].tally.misses), (1, 1));
        assert_eq!(rows[1].labels, labels(&["good"]));
    }

    #[test]
    fn a_cell_whose_episodes_all_failed_still_has_its_row() {
        let mut table = RateTable::new(labels(&["cell"]));
        table.row((0, 0), labels(&["a"]));
        assert_eq!(table.len(), 1);
        assert_eq!(table.rows()[0].tally.summary().rate, None);
    }
}
