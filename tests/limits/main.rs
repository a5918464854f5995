//! The limits: `cargo run --release -p muster-tests --bin limits` measures how near a fleet comes to what providers allow,
//! and prints a table. Each row has its own provider, coordinator and workers, on loopback and in temporary folders; every
//! load is bounded, and each process that is started is ended. All rows take about an hour; one argument or more runs only the
//! rows whose names begin so. Rows that need little of the machine run beside each other.

mod fair;
mod money;
mod rates;
mod search;
mod silence;
mod stage;
mod verdict;

use muster_tests::{Row, Table};
use search::Wrong;

/// A row's name, whether it needs the machine for itself, and how it is measured.
type Measure = (&'static str, bool, fn() -> Row);

/// Bounds on output that make most calls small and one in a hundred large: about 500 tokens a call.
const MOSTLY_SMALL: [u32; 100] = {
    let mut bounds = [20_000; 100];
    let mut place = 0;
    while place < 99 {
        bounds[place] = 200 + place as u32;
        place += 1;
    }
    bounds
};

/// From small to large in equal steps of the logarithm.
const ALL_SIZES: [u32; 9] = [200, 356, 632, 1_125, 2_000, 3_557, 6_325, 11_247, 20_000];

const MEASURES: &[Measure] = &[
    ("rpm-6000-1", true, || rates::requests(6_000, 1)),
    ("rpm-6000-4", true, || rates::requests(6_000, 4)),
    ("rpm-6000-16", true, || rates::requests(6_000, 16)),
    ("rpm-60000-1", true, || rates::requests(60_000, 1)),
    ("rpm-60000-4", true, || rates::requests(60_000, 4)),
    ("rpm-60000-16", true, || rates::requests(60_000, 16)),
    ("tpm-large", true, || rates::tokens(6_000_000, 16, &ALL_SIZES)),
    ("in-out", true, || rates::input_and_output(12_000_000, 600_000, 16, &[10, 100, 400, 1_000, 1_700])),
    ("churn", true, || rates::churn(6_000)),
    ("silence", true, silence::retry_after),
    ("weights", true, fair::weights),
    ("beside", true, fair::beside),
    ("money", true, money::budget),
    ("tpm-60000", false, || rates::tokens(60_000, 16, &MOSTLY_SMALL)),
    ("twice-600", false, || search::search(600, Wrong::TwiceTooHigh)),
    ("twice-6000", false, || search::search(6_000, Wrong::TwiceTooHigh)),
    ("halved-600", false, || search::search(600, Wrong::Halved)),
    ("halved-6000", false, || search::search(6_000, Wrong::Halved)),
    ("unknown-600", false, || search::search(600, Wrong::Unknown)),
    ("unknown-6000", false, || search::search(6_000, Wrong::Unknown)),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|prefix| name.starts_with(prefix.as_str()));
    let (alone, together): (Vec<Measure>, Vec<Measure>) =
        MEASURES.iter().filter(|(name, ..)| is_wanted(name)).partition(|(_, alone, _)| *alone);
    let mut table = Table::default();
    for (name, _, measure) in alone {
        eprintln!("measuring {name} ...");
        table.add(said(measure()));
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = together
            .into_iter()
            .map(|(name, _, measure)| {
                eprintln!("measuring {name}, beside others ...");
                scope.spawn(move || said(measure()))
            })
            .collect();
        for row in running {
            match row.join() {
                Ok(row) => table.add(row),
                Err(_) => eprintln!("  a measurement failed"),
            }
        }
    });
    println!("{table}");
}

/// Says a row at once: a long run that is broken off has shown what it had.
fn said(row: Row) -> Row {
    eprintln!("  {}: {}", row.what, row.measured);
    row
}
