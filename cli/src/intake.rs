//! From a sweep file to a plan: reads the file and its suite's folder, applies the flags, and checks everything that
//! can be checked before anything is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use muster_episode::{
    Bundle, BundleError, Catalog, Expander, ModelEntry, ModelPlan, Placed, ScorerFault, Seed, ShowError,
    Suite, SweepFile, SweepPlan, VariantIndex,
};
use muster_proto::v1;
use muster_scoring::{Evidence, ScorerSet};

use crate::arguments::{CallArguments, SweepFileArguments};
use crate::failure::{Failure, MistakeReport};
use crate::scorers::Scorers;
use crate::{catalog, scorers, wire};

/// A sweep file is read up to this size, in bytes: a thousand models of a thousand bytes each.
const SWEEP_FILE_BYTES_MAX: u64 = 1 << 20;

/// Folders of a suite are read to this depth: scenario, kind, data set, and room.
const FOLDER_DEPTH_MAX: usize = 8;

/// Files of a suite are read up to this size, in bytes; a bundle takes no larger ones.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Files of a suite are read up to this number; a bundle takes no more.
const FILES_MAX: usize = 4_096;

/// Cells that are looked at before a sweep is run: half a second's work, and more than any suite so far has.
const CELLS_CHECKED_MAX: u64 = 2_000;

/// A sweep, ready to be submitted.
pub(crate) struct Intake {
    /// The suite's files.
    pub(crate) bundle: Bundle,
    /// The suite.
    pub(crate) suite: Arc<Suite>,
    /// What is to be run.
    pub(crate) plan: Arc<SweepPlan>,
    /// What is known of models.
    pub(crate) catalog: Catalog,
}

// === impl Intake ===

impl Intake {
    /// Reads and checks a sweep file and its suite.
    pub(crate) fn read(
        arguments: &SweepFileArguments,
        calls: Option<&CallArguments>,
    ) -> Result<Self, Failure> {
        let path = &arguments.file;
        let name = path.display().to_string();
        let text = read_text(path)?;
        let mut file =
            SweepFile::parse(&name, &text).map_err(|mistakes| Failure::mistakes(&mistakes, str::to_owned))?;
        apply(&mut file, arguments, calls);
        let folder = folder_of(path, &file, &name, &text)?;
        let bundle = read_folder(&folder)?;
        let shown =
            |file: &str| if file == name { name.clone() } else { folder.join(file).display().to_string() };
        let suite = Suite::load(&bundle).map_err(|mistakes| Failure::mistakes(&mistakes, shown))?;
        let catalog = catalog_of(path, &file, arguments)?;
        let today = (!arguments.allow_retired).then(catalog::today);
        let plan = SweepPlan::resolve(&file, &suite, bundle.hash(), &catalog, today.as_ref())
            .map_err(|mistakes| Failure::mistakes(&mistakes, shown))?;
        let (suite, plan) = (Arc::new(suite), Arc::new(plan));
        let scorers = scorers::all(&suite).map_err(|faults| faulty(&suite, &faults, shown))?;
        check_cells(&suite, &plan, &scorers, shown)?;
        check_windows(&suite, &plan, &catalog, shown)?;
        Ok(Self { bundle, suite, plan, catalog })
    }

    /// The request that submits it.
    pub(crate) fn submission(&self, again: Again) -> v1::SubmitRequest {
        submission(&self.plan, again)
    }
}

/// The request that submits a plan, whose bundle is uploaded.
pub(crate) fn submission(plan: &SweepPlan, again: Again) -> v1::SubmitRequest {
    let retry = plan.retry();
    let lane = |model: &muster_episode::ModelPlan| v1::LaneSpec {
        model: model.name.to_string(),
        account: model.account.to_string(),
        pool: model.pool.to_string(),
        quota: wire::quota(&model.quota),
        budget: wire::budget(&model.budget),
    };
    v1::SubmitRequest {
        project: plan.project().to_owned(),
        name: plan.name().to_owned(),
        content: plan.content_hash().to_vec().into(),
        weight: plan.weight(),
        variants: plan.variant_count(),
        seeds: plan.seeds(),
        limit: plan.limit(),
        lanes: plan.models().iter().map(lane).collect(),
        retry: Some(v1::RetryPolicy {
            max_strikes: retry.max_strikes,
            max_deaths: retry.max_deaths,
            backoff_ms: retry.backoff_ms,
            backoff_max_ms: retry.backoff_max_ms,
            ..v1::RetryPolicy::default()
        }),
        document: plan.to_json().into(),
        bundle: plan.bundle().to_vec().into(),
        again: again == Again::New,
        budget: wire::budget(&plan.budget()),
    }
}

/// What a submission does where there is a sweep of the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Goes on with it.
    Resume,
    /// Begins a new one beside it.
    New,
}

impl Again {
    /// As the flag `--again` says.
    pub(crate) fn from_flag(again: bool) -> Self {
        if again { Self::New } else { Self::Resume }
    }
}

/// Reads and checks a suite's folder by itself.
pub(crate) fn suite(folder: &Path) -> Result<Suite, Failure> {
    let bundle = read_folder(folder)?;
    let shown = |file: &str| folder.join(file).display().to_string();
    Suite::load(&bundle).map_err(|mistakes| Failure::mistakes(&mistakes, shown))
}

/// Reads and checks a suite's folder for the scorers that its scenarios ask for.
pub(crate) fn suite_of_scorers(folder: &Path) -> Result<Suite, Failure> {
    let suite = suite(folder)?;
    let shown = |file: &str| folder.join(file).display().to_string();
    match scorers::all(&suite) {
        Ok(_) => Ok(suite),
        Err(faults) => Err(faulty(&suite, &faults, shown)),
    }
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let length = std::fs::metadata(path).map_err(Failure::read(path))?.len();
    if length > SWEEP_FILE_BYTES_MAX {
        let problem = format!("it has {length} bytes; a sweep file has at most {SWEEP_FILE_BYTES_MAX}");
        return Err(Failure::read(path)(std::io::Error::new(std::io::ErrorKind::InvalidData, problem)));
    }
    std::fs::read_to_string(path).map_err(Failure::read(path))
}

/// What the flags say goes before what the file says.
fn apply(file: &mut SweepFile, arguments: &SweepFileArguments, calls: Option<&CallArguments>) {
    if !arguments.models.is_empty() {
        let known = std::mem::take(&mut file.models);
        file.models = arguments.models.iter().map(|name| entry(&known, name)).collect();
    }
    file.seeds = arguments.seeds.unwrap_or(file.seeds);
    file.limit = arguments.limit.or(file.limit);
    // How many calls a worker makes at once is the worker's to say: what a flag says here must not stay with the sweep.
    if calls.is_some_and(|calls| calls.max_connections.is_some()) {
        file.max_connections = None;
        file.models.iter_mut().for_each(|model| model.max_connections = None);
    }
    // A rate is the fleet's: it is the quota of each model.
    if let Some(rpm) = calls.and_then(|calls| calls.rpm) {
        file.models.iter_mut().for_each(|model| model.quota.rpm = Some(rpm));
    }
}

/// What is known of models: the sweep's own catalog lies over the built-in one, the flag's over that.
fn catalog_of(path: &Path, file: &SweepFile, arguments: &SweepFileArguments) -> Result<Catalog, Failure> {
    let beside = |name: &Placed<String>| path.parent().unwrap_or(Path::new("")).join(&name.value);
    let files: Vec<PathBuf> =
        file.catalog.iter().map(beside).chain(arguments.catalog.own_catalog.clone()).collect();
    catalog::layered(&files)
}

/// A model that the file knows keeps what the file says of it.
fn entry(known: &[ModelEntry], name: &str) -> ModelEntry {
    let found = known.iter().find(|entry| entry.name.value == name).cloned();
    found.unwrap_or_else(|| ModelEntry::named(name))
}

/// The suite's folder, which a sweep file names relative to its own.
fn folder_of(path: &Path, file: &SweepFile, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let Placed { value, at } = &file.suite;
    let folder = path.parent().unwrap_or(Path::new("")).join(value);
    if folder.is_dir() {
        return Ok(folder);
    }
    let what = format!("there is no suite at {}", folder.display());
    let help = "name the suite's folder, relative to this file".to_owned();
    Err(Failure::Mistakes(vec![MistakeReport::new(name, text, at.clone(), &what, Some(help))]))
}

fn read_folder(folder: &Path) -> Result<Bundle, Failure> {
    let mut files = BTreeMap::new();
    gather(folder, "", 0, &mut files)?;
    Bundle::new(files).map_err(|source| Failure::Bundle { path: folder.to_owned(), source })
}

fn gather(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut BTreeMap<String, Bytes>,
) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder).map_err(Failure::read(folder))? {
        let entry = entry.map_err(Failure::read(folder))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (path, inside) = (entry.path(), format!("{prefix}{name}"));
        // Follows links: a suite may share its data sets with another by them.
        let kind = std::fs::metadata(&path).map_err(Failure::read(&path))?;
        let is_hidden = name.starts_with('.');
        if kind.is_dir() && !is_hidden && depth < FOLDER_DEPTH_MAX {
            gather(&path, &format!("{inside}/"), depth + 1, files)?;
        } else if kind.is_file() && Bundle::takes(&inside) && !is_hidden {
            check_size(&inside, kind.len(), files.len())
                .map_err(|source| Failure::Bundle { path: suite_of(folder, depth), source })?;
            files.insert(inside, std::fs::read(&path).map_err(Failure::read(&path))?.into());
        }
    }
    Ok(())
}

/// The suite's own folder, so many folders above one of its.
fn suite_of(folder: &Path, depth: usize) -> PathBuf {
    folder.ancestors().nth(depth).unwrap_or(folder).to_owned()
}

/// Says no before a file is read, not after: the wrong folder may hold anything.
fn check_size(path: &str, bytes: u64, files: usize) -> Result<(), BundleError> {
    if bytes > FILE_BYTES_MAX {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        return Err(BundleError::FileTooLarge { path: path.to_owned(), bytes });
    }
    if files >= FILES_MAX {
        return Err(BundleError::TooManyFiles(files + 1));
    }
    Ok(())
}

/// Faults of scorers, each at its place; if there is none in truth, the suite's word for that.
fn faulty(suite: &Suite, faults: &[ScorerFault], shown: impl Fn(&str) -> String) -> Failure {
    let mistakes = suite.placed(faults).err().unwrap_or_default();
    Failure::mistakes(&mistakes, shown)
}

/// The cells of a plan that are looked at: of very many some, spread over all.
fn cells(plan: &SweepPlan) -> impl Iterator<Item = (u32, VariantIndex)> {
    let variants = u64::from(plan.variant_count());
    let cells = variants * plan.models().len() as u64;
    let step = usize::try_from(cells.div_ceil(CELLS_CHECKED_MAX)).unwrap_or(usize::MAX).max(1);
    // A plan has fewer than 4 billion models and variants, or its lists would not fit into memory.
    let cell = move |cell| ((cell / variants) as u32, VariantIndex((cell % variants) as u32));
    (0..cells).step_by(step).map(cell)
}

/// Expands cells and asks their scorers: a template that fails and a scorer that can't score are found now, not after
/// the sweep was paid for.
fn check_cells(
    suite: &Arc<Suite>,
    plan: &Arc<SweepPlan>,
    scorers: &Scorers,
    shown: impl Fn(&str) -> String,
) -> Result<(), Failure> {
    let expander = Expander::new(Arc::clone(suite), Arc::clone(plan));
    let mut faults = Vec::new();
    for (lane, variant) in cells(plan) {
        faults.extend(check_cell(&expander, scorers, lane, variant)?);
        // One cell says it all: the next ones have the same scorers.
        if !faults.is_empty() {
            return Err(faulty(suite, &faults, shown));
        }
    }
    Ok(())
}

fn check_cell(
    expander: &Expander,
    scorers: &Scorers,
    lane: u32,
    variant: VariantIndex,
) -> Result<Vec<ScorerFault>, Failure> {
    let name = || expander.plan().variant(variant).map(|key| key.to_string()).unwrap_or_default();
    let job = expander
        .job(lane, expander.plan().ordinal(variant, Seed(0)))
        .map_err(|error| Failure::Variant { variant: name(), what: error.to_string() })?;
    let untouched = Evidence::untouched(&job);
    let scenario = &job.variant().scenario;
    let scorers = scorers.get(scenario).into_iter().flat_map(ScorerSet::iter);
    let errors = scorers.filter_map(|scorer| scorer.score(&untouched).err());
    Ok(errors.map(|error| scorers::unsuitable(scenario, &error, format!("in {}", name()))).collect())
}

/// Holds variants against the smallest window of the sweep's models that is known: what does not fit is found before it
/// is refused by a provider, call by call.
fn check_windows(
    suite: &Suite,
    plan: &SweepPlan,
    catalog: &Catalog,
    shown: impl Fn(&str) -> String,
) -> Result<(), Failure> {
    let window = |model: &ModelPlan| {
        let context = catalog.get(&model.name)?.size.as_ref()?.value.context?;
        Some((context, Arc::clone(&model.name)))
    };
    let Some((window, model)) = plan.models().iter().filter_map(window).min() else { return Ok(()) };
    let help = format!("the window of {model}, by the catalog");
    let mut variants: Vec<VariantIndex> = cells(plan).map(|(_, variant)| variant).collect();
    variants.sort_unstable();
    variants.dedup();
    for variant in variants.into_iter().filter_map(|variant| plan.variant(variant)) {
        let failed =
            |what: ShowError| Failure::Variant { variant: variant.to_string(), what: what.to_string() };
        let mistakes = suite.oversize(&variant, window, &help).map_err(failed)?;
        if !mistakes.is_empty() {
            return Err(Failure::mistakes(&mistakes, shown));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        dir
    }

    #[test]
    fn a_suite_is_its_data_without_hidden_files_and_readmes() {
        let dir = folder(&[
            ("suite.toml", "x"),
            ("a/b/c.md", "y"),
            ("README.md", "z"),
            (".git/x.toml", "z"),
            ("a/run.sh", "z"),
        ]);
        let bundle = read_folder(dir.path()).expect("a bundle");
        let paths: Vec<&str> = bundle.files().map(|(path, _)| path).collect();
        assert_eq!(paths, ["a/b/c.md", "suite.toml"]);
    }

    #[test]
    fn a_sweep_file_that_is_not_there_is_named() {
        let failure = read_text(Path::new("no/such/sweep.toml")).expect_err("a failure");
        assert!(failure.to_string().contains("no/such/sweep.toml"), "{failure}");
    }

    #[test]
    fn a_model_named_by_a_flag_keeps_what_the_file_says_of_it() {
        let known = [ModelEntry { max_connections: Some(7), ..ModelEntry::named("sim/a") }];
        assert_eq!(entry(&known, "sim/a").max_connections, Some(7));
        assert_eq!(entry(&known, "sim/b").max_connections, None);
    }
}
