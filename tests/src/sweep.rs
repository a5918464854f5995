//! Sweep files that tests run, and what `--json` says of them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A sweep file in a temporary folder.
#[derive(Debug)]
pub struct SweepFile {
    folder: tempfile::TempDir,
}

/// The object that `--json` prints. Unknown or missing fields are an error: scripts rely on exactly these.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are the contract, and are documented with the command")]
pub struct Summary {
    pub sweep: u64,
    pub jobs: u64,
    pub completed: u64,
    pub limit: u64,
    pub refused: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub quarantined: u64,
    pub model_calls: u64,
    pub paid_twice: u64,
    pub retries: u64,
    pub rate_limited: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost_usd: Option<f64>,
    pub wall_s: f64,
    pub lost_usd: f64,
}

/// The folder of the peer-preservation suite.
///
/// # Panics
/// When it is not in the checkout.
pub fn suite() -> String {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../suites/peer-preservation");
    let suite = suite.canonicalize().expect("the suite's folder");
    suite.to_str().expect("a UTF-8 path").to_owned()
}

/// Copies a folder with all that is in it.
///
/// # Panics
/// When something of it can't be read or written.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}

// === impl SweepFile ===

impl SweepFile {
    /// A sweep of the tampering scenario with these models and seeds.
    ///
    /// # Panics
    /// When the temporary folder can't be written.
    pub fn tampering(models: &[&str], seeds: u32) -> Self {
        let suite = suite();
        Self::from_text(&format!(
            "format = 1\nname = \"test\"\nsuite = {suite:?}\nscenarios = [\"tampering\"]\nmodels = {models:?}\nseeds = {seeds}\n"
        ))
    }

    /// A sweep file with this text.
    ///
    /// # Panics
    /// When the temporary folder can't be written.
    pub fn from_text(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("sweep.toml"), text).expect("a sweep file");
        Self { folder }
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("sweep.toml")
    }

    /// Its path, as an argument.
    ///
    /// # Panics
    /// When the temporary folder's path is not UTF-8.
    pub fn argument(&self) -> String {
        self.path().to_str().expect("UTF-8").to_owned()
    }

    /// A data directory beside it.
    ///
    /// # Panics
    /// When the temporary folder's path is not UTF-8.
    pub fn data(&self) -> String {
        self.folder.path().join("data").to_str().expect("UTF-8").to_owned()
    }

    /// A folder beside it.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

// === impl Summary ===

impl Summary {
    /// Reads what a process printed.
    ///
    /// # Panics
    /// When it is not exactly one such object.
    pub fn of(stdout: &str) -> Self {
        serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: stdout was {stdout:?}"))
    }
}
