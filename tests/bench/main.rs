//! The benchmark: `cargo run --release -p muster-tests --bin bench` measures what the project promises in numbers and
//! prints a table. One argument or more runs only the rows whose names begin so. It uses loopback and temporary folders
//! only, every load is bounded, and each process that it starts is ended by it.

mod core;
mod disk;
mod path;
mod process;
mod store;
mod wire;

use muster_tests::{Row, Table};

/// A row's name, what it must reach, and how it is measured.
type Measure = (&'static str, fn() -> Row);

const MEASURES: [Measure; 9] = [
    ("core", core::cycles),
    ("billion", core::billion),
    ("finished", core::finished),
    ("recover", store::recover),
    ("commits", store::commits),
    ("wire", wire::no_op_episodes),
    ("path", path::instant),
    ("slow", path::slow),
    ("disk", disk::per_episode),
];

fn main() {
    if let Some(part) = process::requested_part() {
        return run_part(&part);
    }
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut table = Table::default();
    for (name, measure) in MEASURES {
        if wanted.is_empty() || wanted.iter().any(|prefix| name.starts_with(prefix.as_str())) {
            eprintln!("measuring {name} ...");
            table.add(measure());
        }
    }
    println!("{table}");
}

/// Parts are measured in a process of their own, so that one's memory is not another's.
fn run_part(part: &str) {
    match part {
        "finished" => core::finished_part(),
        "recover" => store::recover_part(),
        other => panic!("no part {other}"),
    }
}
