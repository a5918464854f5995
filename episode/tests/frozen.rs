//! Transcripts frozen when the semantics version was last raised: they must replay to the same bytes, or `SEMANTICS`
//! must be raised and the corpus made anew (`MUSTER_FREEZE=1 cargo test -p muster-episode --test frozen`). The suite
//! they were made with is frozen beside them, so that a changed document does not look like a changed engine.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use common::{load, play};
use muster_episode::{Bundle, Catalog, Expander, Playbook, SEMANTICS, Suite, SweepFile, SweepPlan, replay};

/// Ordinals of each lane that are kept: with and without memory, self and peer, all data sets.
const KEPT: [u64; 6] = [0, 11, 23, 57, 80, 100];

struct Corpus {
    suite: Arc<Suite>,
    expander: Expander,
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    if std::env::var_os("MUSTER_FREEZE").is_some() {
        freeze();
    }
    let bundle = Bundle::unpack(&std::fs::read(folder().join("suite.bundle")).unwrap()).unwrap();
    let suite = Arc::new(Suite::load(&bundle).unwrap());
    let plan = SweepPlan::from_json(&std::fs::read(folder().join("plan.json")).unwrap()).unwrap();
    Corpus { expander: Expander::new(Arc::clone(&suite), Arc::new(plan)), suite }
});

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/frozen")
}

fn path(lane: u32, ordinal: u64) -> PathBuf {
    folder().join(format!("{lane}-{ordinal}.episode"))
}

/// Turns, then the end, each with its length before it.
fn write(turns: &[Bytes], end: &Bytes) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in turns.iter().chain([end]) {
        bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn read(bytes: &[u8]) -> (Vec<Bytes>, Bytes) {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (part, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        parts.push(Bytes::copy_from_slice(part));
        rest = after;
    }
    let end = parts.pop().unwrap();
    (parts, end)
}

fn freeze() {
    std::fs::create_dir_all(folder()).unwrap();
    let bundle = Bundle::new(common::files()).unwrap();
    std::fs::write(folder().join("suite.bundle"), bundle.pack()).unwrap();
    let text = "format = 1\nname = \"frozen\"\nsuite = \".\"\nseeds = 2\n\
                models = [\"sim/obedient\", { name = \"sim/protective\", display_name = \"GPT 5.2\" }]";
    let suite = Arc::new(load(&common::files()));
    let plan = SweepPlan::resolve(
        &SweepFile::parse("frozen.toml", text).unwrap(),
        &suite,
        bundle.hash(),
        &Catalog::default(),
        None,
    )
    .unwrap();
    std::fs::write(folder().join("plan.json"), plan.to_json()).unwrap();
    let expander = Expander::new(Arc::clone(&suite), Arc::new(plan));
    let playbook = Playbook::new(vec![suite]);
    for (lane, ordinal) in (0..2).flat_map(|lane| KEPT.map(|ordinal| (lane, ordinal))) {
        let (episode, turns) = play(&expander.job(lane, ordinal).unwrap(), &playbook);
        std::fs::write(path(lane, ordinal), write(&turns, &episode.end().unwrap())).unwrap();
    }
}

#[test]
fn frozen_transcripts_replay_to_the_same_bytes() {
    let expander = &CORPUS.expander;
    for (lane, ordinal) in (0..2).flat_map(|lane| KEPT.map(|ordinal| (lane, ordinal))) {
        let (turns, end) = read(&std::fs::read(path(lane, ordinal)).unwrap());
        let job = expander.job(lane, ordinal).unwrap();
        let again = replay(job, &turns, &end).unwrap_or_else(|error| {
            panic!("{lane}-{ordinal}: {error}: raise SEMANTICS (now {SEMANTICS}) if this change is meant")
        });
        assert!(
            again.same_bytes,
            "{lane}-{ordinal}: raise SEMANTICS (now {SEMANTICS}) if this change is meant"
        );
    }
}

#[test]
fn frozen_players_still_play_the_frozen_suite() {
    let playbook = Playbook::new(vec![Arc::clone(&CORPUS.suite)]);
    let (episode, _) = play(&CORPUS.expander.job(1, 0).unwrap(), &playbook);
    assert!(episode.world().read_gate_passed());
}
