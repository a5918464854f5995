//! Bytes on disk for each finished episode, the index included.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::path::run;
use muster_tests::{Row, grouped};

const EPISODES: u32 = 10_000;

/// Bytes of one block, as `st_blocks` counts.
const BLOCK_BYTES: u64 = 512;

/// `du` of a data directory after ten thousand episodes.
pub(crate) fn per_episode() -> Row {
    let run = run(EPISODES, 64, &["--latency-ms", "0", "--words", "150"]);
    let episodes = run.number("completed");
    let bytes = du(&run.data) as f64;
    Row {
        what: format!(
            "disk, whole data directory, {} episodes with 150 seed-drawn words each",
            grouped(episodes)
        ),
        reach: "< 2 KB an episode".into(),
        measured: format!("{:.0} bytes ({:.1} MB in all)", bytes / episodes, bytes / 1e6),
        reached: bytes / episodes < 2_000.0,
    }
}

fn du(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("the data directory");
    let size = |entry: std::fs::DirEntry| {
        let meta = entry.metadata().expect("a file of ours");
        if meta.is_dir() { du(&entry.path()) } else { meta.blocks() * BLOCK_BYTES }
    };
    entries.map(|entry| size(entry.expect("an entry"))).sum()
}
