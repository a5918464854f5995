//! People's labels, one JSON object a line. A file is only ever added to: of two labels for one thing the later counts.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use muster_episode::decode_end;
use serde::{Deserialize, Serialize};

use crate::address::JobAddress;
use crate::dossier::Ended;
use crate::failure::Failure;

/// A file of labels is read up to this size, in bytes: 300,000 labels.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What somebody said of an episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Label {
    pub(super) sweep: u64,
    pub(super) lane: u32,
    pub(super) ordinal: u64,
    pub(super) generation: u32,
    /// Which episode it was: sweeps of two data directories have the same numbers.
    #[serde(default)]
    pub(super) episode: String,
    pub(super) scorer: String,
    /// One of the scorer's words.
    pub(super) label: String,
    /// What drew the episode.
    pub(super) seed: u64,
}

/// What a label is about.
type Place = (JobAddress, u32, String, String);

/// Bytes of each hash that a label keeps of its episode.
const HASH_BYTES: usize = 16;

/// See the module.
pub(super) struct Labels {
    known: BTreeMap<Place, Label>,
    file: File,
    path: PathBuf,
}

// === impl Label ===

impl Label {
    pub(super) fn new(ended: &Ended, scorer: &str, label: &str, seed: u64) -> Self {
        let JobAddress { sweep, lane, ordinal } = ended.job;
        let (scorer, label) = (scorer.to_owned(), label.to_owned());
        let (generation, episode) = (ended.generation, identity(ended));
        Self { sweep, lane, ordinal, generation, episode, scorer, label, seed }
    }

    pub(super) fn job(&self) -> JobAddress {
        JobAddress { sweep: self.sweep, lane: self.lane, ordinal: self.ordinal }
    }

    fn place(&self) -> Place {
        (self.job(), self.generation, self.episode.clone(), self.scorer.clone())
    }
}

// === impl Labels ===

impl Labels {
    /// Reads the labels of a sweep, and makes ready for more.
    pub(super) fn open(path: &Path, sweep: u64) -> Result<Self, Failure> {
        let text = if path.exists() { read(path)? } else { String::new() };
        let mut known = BTreeMap::new();
        for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match serde_json::from_str::<Label>(line) {
                Ok(label) if label.episode.is_empty() => return Err(nameless(path, place + 1)),
                Ok(label) if label.sweep == sweep => drop(known.insert(label.place(), label)),
                Ok(_) => {}
                // The last line of a process that was killed.
                Err(_) if !text.ends_with('\n') && place + 1 == text.lines().count() => {}
                Err(error) => return Err(bad(path, place + 1, &error)),
            }
        }
        let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(writing(path))?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(writing(path))?;
        }
        Ok(Self { known, file, path: path.to_owned() })
    }

    pub(super) fn has(&self, ended: &Ended, scorer: &str) -> bool {
        self.known.contains_key(&(ended.job, ended.generation, identity(ended), scorer.to_owned()))
    }

    /// Keeps one more.
    pub(super) fn add(&mut self, label: Label) -> Result<(), Failure> {
        // Numbers and texts can always be written.
        let mut line = serde_json::to_vec(&label).unwrap_or_default();
        line.push(b'\n');
        self.file.write_all(&line).map_err(writing(&self.path))?;
        self.known.insert(label.place(), label);
        Ok(())
    }

    /// All of the sweep, in order of their jobs.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Label> {
        self.known.values()
    }
}

/// What tells an episode from all others: the hashes of its job and of what was said in it. Empty, if it has no end that
/// can be read: nobody is asked about such a one.
pub(super) fn identity(ended: &Ended) -> String {
    let Ok(end) = decode_end(&ended.detail) else { return String::new() };
    let bytes = [&end.identity, &end.transcript].map(|hash| hash[..hash.len().min(HASH_BYTES)].to_vec());
    bytes.concat().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<String, Failure> {
    let length = std::fs::metadata(path).map_err(Failure::read(path))?.len();
    if length > FILE_BYTES_MAX {
        let problem = format!("it has {length} bytes; a file of labels has at most {FILE_BYTES_MAX}");
        return Err(Failure::read(path)(std::io::Error::new(std::io::ErrorKind::InvalidData, problem)));
    }
    std::fs::read_to_string(path).map_err(Failure::read(path))
}

fn bad(path: &Path, line: usize, error: &serde_json::Error) -> Failure {
    Failure::Usage(format!("{}:{line} is no label: {error}; give another file by --labels", path.display()))
}

fn nameless(path: &Path, line: usize) -> Failure {
    Failure::Usage(format!(
        "{}:{line} does not say of which episode it is (key `episode`): it was written by an older version, and a sweep of \
         another data directory may have the same number; give another file by --labels",
        path.display()
    ))
}

fn writing(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = path.to_owned();
    |source| Failure::File { action: "write", path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(sweep: u64, ordinal: u64, word: &str) -> Label {
        let (scorer, label) = ("met".to_owned(), word.to_owned());
        Label { sweep, lane: 0, ordinal, generation: 0, episode: "00ff".to_owned(), scorer, label, seed: 1 }
    }

    fn words(labels: &Labels) -> Vec<&str> {
        labels.iter().map(|label| &*label.label).collect()
    }

    #[test]
    fn labels_outlive_a_process_that_was_killed_in_the_middle_of_a_line() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("labels.jsonl");
        let mut labels = Labels::open(&path, 1).expect("labels");
        for (ordinal, word) in [(2, "passed"), (1, "refused"), (2, "missing")] {
            labels.add(label(1, ordinal, word)).expect("kept");
        }
        labels.add(label(9, 1, "of another sweep")).expect("kept");
        drop(labels);
        let whole = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, format!("{whole}{{\"sweep\":1,\"la")).expect("a file");
        let mut labels = Labels::open(&path, 1).expect("labels");
        assert_eq!(words(&labels), ["refused", "missing"], "the later word counts");
        labels.add(label(1, 3, "passed")).expect("kept");
        drop(labels);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(text.lines().count(), 6, "{text}");
    }

    #[test]
    fn a_file_that_holds_something_else_is_named_and_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("thesis.md");
        std::fs::write(&path, "# Chapter 1\n").expect("a file");
        let failure = Labels::open(&path, 1).map(drop).expect_err("a failure").to_string();
        assert!(failure.contains("thesis.md:1"), "{failure}");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "# Chapter 1\n");
    }

    #[test]
    fn labels_of_two_data_directories_in_one_file_stay_apart() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("labels.jsonl");
        let mut labels = Labels::open(&path, 1).expect("labels");
        let other = Label { episode: "ee00".to_owned(), ..label(1, 2, "refused") };
        for label in [label(1, 2, "passed"), other] {
            labels.add(label).expect("kept");
        }
        drop(labels);
        let labels = Labels::open(&path, 1).expect("labels");
        assert_eq!(words(&labels), ["passed", "refused"], "one displaced the other");
    }

    #[test]
    fn a_label_of_an_older_version_that_names_no_episode_is_refused_and_its_line_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("labels.jsonl");
        let old =
            r#"{"sweep":1,"lane":0,"ordinal":2,"generation":0,"scorer":"met","label":"passed","seed":1}"#;
        std::fs::write(&path, format!("{old}\n")).expect("a file");
        let failure = Labels::open(&path, 1).map(drop).expect_err("a failure").to_string();
        assert!(failure.contains("labels.jsonl:1") && failure.contains("--labels"), "{failure}");
    }
}
