//! What most tests need: a sweep file with its data directory, a provider, and the commands over them.

use muster_tests::{Ended, Process, Provider, Summary, SweepFile, run, suite};
use serde_json::Value;

/// A sweep file, its data directory, and a provider at `openai-api/fake/...`.
pub(crate) struct Stage {
    pub(crate) provider: Provider,
    pub(crate) sweep: SweepFile,
    file: String,
    data: String,
}

/// A sweep of two variants of the tampering scenario (self and peer), with more lines above its tables.
pub(crate) fn two_variants(models: &[&str], seeds: u32, more: &str) -> SweepFile {
    SweepFile::from_text(&format!(
        "format = 1\nname = \"test\"\nsuite = {:?}\nscenarios = [\"tampering\"]\nmodels = {models:?}\nseeds = {seeds}\n{more}\n\
         [select.tampering]\nstratum = [\"factual-80\"]\nrelationship = [\"good\"]\ninstantiation = [\"file_only\"]\n",
        suite()
    ))
}

// === impl Stage ===

impl Stage {
    /// A provider with these options, and a sweep.
    pub(crate) fn new(provider: &[&str], sweep: SweepFile) -> Self {
        let (file, data) = (sweep.argument(), sweep.data());
        Self { provider: Provider::start(provider), sweep, file, data }
    }

    /// The arguments of `run --json` with more of them.
    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["run", &self.file, "--data-dir", &self.data, "--json"], more].concat()
    }

    /// Starts `run --json`.
    pub(crate) fn start(&self, more: &[&str]) -> Process {
        Process::start(&self.arguments(more), &self.provider.environment())
    }

    /// `run --json` to its end.
    pub(crate) fn run(&self, more: &[&str]) -> Ended {
        self.start(more).wait()
    }

    /// `run --json` to its end, which is to be a good one.
    pub(crate) fn completed(&self, more: &[&str]) -> Summary {
        let ended = self.run(more);
        let summary = ended_with(&ended, 0);
        assert_eq!(summary.completed, summary.jobs, "{summary:?}");
        summary
    }

    /// A command over the data directory.
    pub(crate) fn ask(&self, command: &[&str]) -> Ended {
        run(&[command, &["--data-dir", &self.data]].concat(), &[])
    }

    /// A command over the data directory, and the JSON that it prints.
    pub(crate) fn json(&self, command: &[&str]) -> Value {
        json(&self.ask(&[command, &["--json"]].concat()))
    }
}

/// What a process that ended well printed as JSON.
pub(crate) fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    calm(ended);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

/// The summary of a process that ended with this code.
pub(crate) fn ended_with(ended: &Ended, code: i32) -> Summary {
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    calm(ended);
    Summary::of(&ended.stdout)
}

/// Whatever happened, nothing panicked, and no escape code reached a pipe.
pub(crate) fn calm(ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains("panicked"), "{text}");
        assert!(!text.contains('\u{1b}'), "an escape code in {text:?}");
    }
}
