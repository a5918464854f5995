//! Writes the golden data directory of the present format, once, when the format is released:
//! `cargo run -p muster-store --example golden coordinator/store/tests/golden/vN`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use muster_store::embedded::{self, IndexKind, Options};
use muster_store::ops;
use muster_store::testing::golden::{DICTIONARY_SAMPLES_V1, Step, steps_v3, v3};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).map(PathBuf::from).ok_or("name the directory to write")?;
    let options =
        Options { index: IndexKind::Memory, dictionary_samples: DICTIONARY_SAMPLES_V1, ..Options::default() };
    let open = || embedded::open(&dir, &options, &mut |_| Ok(()));
    let mut store = open()?;
    store.archive.put_bundle(v3().bundle)?;
    for step in steps_v3() {
        match step {
            Step::Commit(batch) => store.journal.commit(&batch)?,
            Step::Snapshot(core) => store.journal.snapshot(&core)?,
            Step::Compact => {
                drop(store);
                ops::compact(&dir)?;
                store = open()?;
            }
        }
    }
    drop(store);
    fs::remove_file(dir.join("LOCK"))?;
    Ok(())
}
