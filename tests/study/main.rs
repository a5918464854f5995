//! The study at full size, and whether its report finds what was planted:
//!
//!     cargo run --release -p muster-tests --bin study
//!
//! runs 7 models x 271 variants x 100 seeds and 3 x 18 x 100 of other identities against the built-in provider, scores them,
//! writes the report's page, and holds the report's rates and differences against the odds that the players drew with. An
//! argument sets another number of seeds. It uses temporary folders only, and ends every process that it starts.

mod measure;
mod planted;
mod recovery;

use muster_tests::Table;

use measure::Study;

/// As many as the study had.
const SEEDS: u32 = 100;

fn main() {
    let seeds = std::env::args().nth(1).map_or(SEEDS, |seeds| seeds.parse().expect("a number of seeds"));
    let mut table = Table::default();
    let study = Study::run(seeds, &mut table);
    recovery::rows(&study.cells(), &study.report(), seeds).into_iter().for_each(|row| table.add(row));
    println!("{table}");
}
