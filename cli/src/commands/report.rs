//! `report`: what a sweep's stored scores say, on the terminal, as a page, or for other programs. It judges nothing and
//! calls nobody: `score` has written what it reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::{ArgGroup, Args};
use muster_episode::VariantKey;
use muster_proto::v1;
use muster_scoring::report::html::{EpisodePages, Listed};
use muster_scoring::report::sheets::{self, Sheet};
use muster_scoring::report::{
    Collector, Ending, LaneUse, Report, ScenarioScorers, Selections, Source, StoredVerdict, Told, csv, html,
    markdown, text,
};
use muster_scoring::tables::Emphasis;
use serde_json::json;

use crate::address::SweepName;
use crate::arguments::{DATA_DIR_DEFAULT, TargetArguments};
use crate::client::Client;
use crate::dossier::{Dossier, Ended};
use crate::episodes::{Episodes, Read};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::progress::note;
use crate::station::Station;
use crate::summary;
use crate::tables::{self, new_table};
use crate::terminal;
use crate::transcript;

/// A table with more rows than this is not printed on a terminal; the other forms have it.
const TERMINAL_ROWS_MAX: usize = 60;

/// Flags of `report`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("form").args(["markdown", "csv", "json"]))]
pub(crate) struct ReportArguments {
    /// The sweeps' numbers, or `last`. Several are one report.
    #[arg(value_name = "SWEEP", required = true)]
    sweeps: Vec<SweepName>,
    /// Whose.
    #[command(flatten)]
    target: TargetArguments,
    /// Write one page that needs nothing beside itself.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a folder of pages, with every cell on them.
    #[arg(long, value_name = "DIR")]
    html_dir: Option<PathBuf>,
    /// Print Markdown.
    #[arg(long)]
    markdown: bool,
    /// Print one line for every cell.
    #[arg(long)]
    csv: bool,
    /// Print one JSON object; with `--episodes` one a line.
    #[arg(long)]
    json: bool,
    /// List episodes with their verdicts, instead of a report.
    #[arg(long, conflicts_with_all = ["html", "html_dir", "markdown", "csv"])]
    episodes: bool,
    /// Only those: model=, scenario=, verdict=, seed=, or any axis.
    #[arg(long = "where", value_name = "WHAT=VALUE", requires = "episodes")]
    wheres: Vec<Where>,
}

/// What an episode must have to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Where {
    what: String,
    value: String,
}

/// A sweep that is reported on.
struct Reported {
    dossier: Dossier,
    source: Source,
}

/// Reports.
pub(crate) async fn perform(arguments: ReportArguments) -> Result<Exit, Failure> {
    let mut station = Station::reach(&arguments.target).await?;
    let reported = fetch(&mut station.client, &arguments.sweeps).await?;
    if arguments.episodes {
        list(&station.client, &reported, &arguments).await?;
    } else {
        let collector = collect(&station.client, &reported).await?;
        let report = collector.report(&options(&arguments.target));
        if let Some(dir) = &arguments.html_dir {
            save_all(dir, &report, &collector, &station.client, &reported).await?;
        }
        write(&arguments, &report).await?;
    }
    station.leave().await?;
    Ok(Exit::Complete)
}

/// The flags that name the data, as commands in a report need them.
fn options(target: &TargetArguments) -> String {
    match &target.coordinator {
        Some(url) => format!(" --coordinator {}", text::shell(&url.to_string())),
        None if target.data_dir == Path::new(DATA_DIR_DEFAULT) => String::new(),
        None => format!(" --data-dir {}", text::shell(&target.data_dir.to_string_lossy())),
    }
}

// --- Reading ---------------------------------------------------------------------------------------------------------

async fn fetch(client: &mut Client, names: &[SweepName]) -> Result<Vec<Reported>, Failure> {
    let mut reported: Vec<Reported> = Vec::new();
    for name in names {
        let dossier = Dossier::fetch(client, *name).await?;
        if reported.iter().all(|known| known.dossier.sweep.id != dossier.sweep.id) {
            let source = source(&dossier)?;
            reported.push(Reported { dossier, source });
        }
    }
    Ok(reported)
}

fn source(dossier: &Dossier) -> Result<Source, Failure> {
    let mut scorers = BTreeMap::new();
    for plan in dossier.plan.scenarios() {
        let Some(scenario) = dossier.suite.scenario(&plan.name) else { continue };
        let set = ScenarioScorers::new(scenario.scorers())
            .map_err(|source| Failure::Scorer { scenario: scenario.name().to_string(), source })?;
        scorers.insert(Arc::clone(scenario.name()), Arc::new(set));
    }
    let sweep = &dossier.sweep;
    Ok(Source {
        sweep: sweep.id,
        name: sweep.name.clone(),
        state: tables::state(sweep.state()).to_owned(),
        plan: Arc::clone(&dossier.plan),
        seeds: u64::from(sweep.seeds),
        limit: sweep.limit,
        scorers,
        lanes: sweep.lanes.iter().map(lane).collect(),
    })
}

fn lane(lane: &v1::LaneStatus) -> LaneUse {
    let (counts, usage) = (lane.counts.unwrap_or_default(), lane.usage.unwrap_or_default());
    LaneUse {
        jobs: counts.jobs,
        results: summary::results(&counts),
        failed: counts.failed,
        quarantined: counts.quarantined,
        cancelled: counts.cancelled,
        model_calls: usage.model_calls,
        retries: usage.retries,
        rate_limited: usage.rate_limited,
        paid_twice: usage.paid_twice,
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cost_usd: summary::cost_usd(&usage),
    }
}

async fn collect(client: &Client, reported: &[Reported]) -> Result<Collector, Failure> {
    let sources: Vec<Source> = reported.iter().map(|one| one.source.clone()).collect();
    let mut selections = Selections::new(&sources);
    for (place, source) in sources.iter().enumerate() {
        // What ended early must be known before anything is counted.
        if !selections.is_open(place) {
            continue;
        }
        let mut episodes = begin(client, source.sweep, Scores::Unwanted).await?;
        while let Some(ended) = next(&mut episodes).await? {
            selections.end(source, place, ended.job.lane, ended.job.ordinal, ending(&ended));
        }
    }
    let mut collector = Collector::new(sources, &selections);
    for (place, one) in reported.iter().enumerate() {
        let mut episodes = begin(client, one.source.sweep, Scores::Wanted).await?;
        while let Some(ended) = next(&mut episodes).await? {
            let ending = ending(&ended);
            let message = if ending == Ending::Result { String::new() } else { ended.message() };
            let verdicts = stored(&ended);
            collector.take(&told(place, &ended, &message, &verdicts));
        }
    }
    Ok(collector)
}

/// Whether stored verdicts are read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scores {
    Wanted,
    Unwanted,
}

async fn begin(client: &Client, sweep: u64, scores: Scores) -> Result<Episodes, Failure> {
    let scores = scores == Scores::Wanted;
    Episodes::begin(client, v1::ExportRequest { sweep, newest: true, scores, ..v1::ExportRequest::default() })
        .await
}

async fn next(episodes: &mut Episodes) -> Result<Option<Ended>, Failure> {
    Ok(episodes.next().await?.map(|read| match read {
        Read::Whole(ended) | Read::Damaged(ended, _) => ended,
    }))
}

fn stored(ended: &Ended) -> Vec<StoredVerdict<'_>> {
    ended
        .scores
        .iter()
        .map(|score| StoredVerdict {
            scorer: &score.scorer,
            version: &score.version,
            verdict: &score.verdict,
        })
        .collect()
}

fn told<'a>(source: usize, ended: &Ended, message: &'a str, verdicts: &'a [StoredVerdict<'a>]) -> Told<'a> {
    let (lane, ordinal) = (ended.job.lane, ended.job.ordinal);
    Told { source, lane, ordinal, ending: ending(ended), message, verdicts }
}

fn ending(ended: &Ended) -> Ending {
    match ended.outcome {
        v1::Outcome::Quarantined => Ending::Quarantined,
        v1::Outcome::Cancelled => Ending::Cancelled,
        _ if ended.is_result() => Ending::Result,
        _ => Ending::Failed,
    }
}

// --- Writing ---------------------------------------------------------------------------------------------------------

async fn write(arguments: &ReportArguments, report: &Report) -> Result<(), Failure> {
    if let Some(file) = &arguments.html {
        save(file, &html::page(report)).await?;
    }
    if arguments.markdown {
        output::print(&markdown::render(report));
    } else if arguments.csv {
        output::print(&csv::render(report));
    } else if arguments.json {
        output::print_json(report);
    } else if arguments.html.is_none() && arguments.html_dir.is_none() {
        output::print(&shown(report));
    }
    Ok(())
}

async fn save(file: &Path, page: &str) -> Result<(), Failure> {
    put(file, page).await?;
    note(&format!("{}: {} kB", file.display(), text::grouped(page.len().div_ceil(1_000) as u64)));
    Ok(())
}

async fn put(file: &Path, page: &str) -> Result<(), Failure> {
    let failed = |source| Failure::File { action: "write", path: file.to_owned(), source };
    tokio::fs::write(file, page).await.map_err(failed)
}

/// A folder of pages, and the cells for other programs beside them.
async fn save_all(
    dir: &Path,
    report: &Report,
    collector: &Collector,
    client: &Client,
    reported: &[Reported],
) -> Result<(), Failure> {
    let failed = |source| Failure::File { action: "make", path: dir.to_owned(), source };
    tokio::fs::create_dir_all(dir).await.map_err(failed)?;
    let lists = save_episodes(dir, report, collector, client, reported).await?;
    for group in &report.groups {
        put(&dir.join(html::file_name(group.id)), &html::group(group, &lists.names(group.id))).await?;
    }
    put(&dir.join("cells.csv"), &csv::render(report)).await?;
    save(&dir.join("index.html"), &html::index(report)).await
}

/// The lists of all episodes. They are read once more, so that none of them is kept.
async fn save_episodes(
    dir: &Path,
    report: &Report,
    collector: &Collector,
    client: &Client,
    reported: &[Reported],
) -> Result<EpisodePages, Failure> {
    let mut pages = EpisodePages::default();
    for (place, one) in reported.iter().enumerate() {
        let mut episodes = begin(client, one.source.sweep, Scores::Wanted).await?;
        while let Some(ended) = next(&mut episodes).await? {
            let verdicts = stored(&ended);
            let told = told(place, &ended, "", &verdicts);
            let group = collector.group_of(&told).and_then(|id| report.groups.get(usize::try_from(id).ok()?));
            let Some((group, known)) = group.zip(Known::of(one, &ended, &told)) else { continue };
            let (job, variant, words) =
                (ended.job.to_string(), known.variant.to_string(), known.words(&ended));
            let listed = Listed { job: &job, variant: &variant, seed: known.seed, words: &words };
            if let Some(page) = pages.add(group, listed) {
                put(&dir.join(page.name), &page.html).await?;
            }
        }
    }
    for page in pages.rest() {
        put(&dir.join(page.name), &page.html).await?;
    }
    Ok(pages)
}

/// The report on a terminal.
fn shown(report: &Report) -> String {
    let mut page = String::new();
    for sentence in sheets::summary(report) {
        let _ = writeln!(page, "{}", terminal::one_line(&sentence, 400));
    }
    for sheet in sheets::all(report) {
        let _ = write!(page, "\n{}\n", sheet.title);
        for sentence in &sheet.notes {
            let _ = writeln!(page, "{}", terminal::wrapped(sentence, terminal::width(), "  "));
        }
        if sheet.rows.len() > TERMINAL_ROWS_MAX {
            let rows = tables::counted(sheet.rows.len() as u64, "row");
            let _ = writeln!(page, "  {rows}: see --html FILE, --markdown or --csv");
        } else {
            let _ = writeln!(page, "{}", table(&sheet));
        }
    }
    page
}

fn table(sheet: &Sheet) -> String {
    let mut table = new_table(sheet.columns.iter().map(String::as_str), sheet.words);
    for row in &sheet.rows {
        table.add_row(row.iter().map(|entry| {
            let text = terminal::one_line(&entry.text, 120);
            // A terminal's bold is lost in a file.
            if entry.emphasis == Emphasis::Bold { format!("**{text}**") } else { text }
        }));
    }
    table.trim_fmt()
}

// --- Episodes --------------------------------------------------------------------------------------------------------

/// Lists the episodes that fit, as they are read.
async fn list(client: &Client, reported: &[Reported], arguments: &ReportArguments) -> Result<(), Failure> {
    check(reported, &arguments.wheres)?;
    for (place, one) in reported.iter().enumerate() {
        let mut episodes = begin(client, one.source.sweep, Scores::Wanted).await?;
        while let Some(ended) = next(&mut episodes).await? {
            if let Some(line) = line(one, place, &ended, arguments) {
                output::print(&line);
            }
        }
    }
    Ok(())
}

/// What is known of an ended episode, beside its transcript.
struct Known<'a> {
    model: &'a str,
    variant: VariantKey,
    seed: u64,
    /// Scorers, and what each of them said.
    verdicts: Vec<(String, String)>,
}

/// An episode's line, if it is one of those asked for.
fn line(one: &Reported, place: usize, ended: &Ended, arguments: &ReportArguments) -> Option<String> {
    let verdicts = stored(ended);
    let known = Known::of(one, ended, &told(place, ended, "", &verdicts))?;
    if !arguments.wheres.iter().all(|wanted| known.fits(wanted)) {
        return None;
    }
    Some(if arguments.json { known.json(ended) } else { known.line(ended) })
}

fn axes(variant: &VariantKey) -> BTreeMap<&str, &str> {
    variant.values.iter().map(|(axis, value)| (&**axis, &**value)).collect()
}

/// A misspelt axis would list nothing, and look like a result.
fn check(reported: &[Reported], wheres: &[Where]) -> Result<(), Failure> {
    let scenarios = reported.iter().flat_map(|one| one.source.plan.scenarios());
    let axes = scenarios.flat_map(|scenario| scenario.axes.iter().map(|axis| axis.name.to_string()));
    let words = ["model", "scenario", "verdict", "seed"].map(str::to_owned);
    let known: BTreeSet<String> = axes.chain(words).collect();
    match wheres.iter().find(|wanted| !known.contains(&wanted.what)) {
        Some(wanted) => {
            let known: Vec<String> = known.into_iter().collect();
            Err(Failure::Usage(format!(
                "episodes have no `{}`; --where takes {}",
                terminal::one_line(&wanted.what, 60),
                known.join(", ")
            )))
        }
        None => Ok(()),
    }
}

// === impl Known ===

impl<'a> Known<'a> {
    fn of(one: &'a Reported, ended: &Ended, told: &Told<'_>) -> Option<Self> {
        let (index, seed) = one.source.plan.place(ended.job.ordinal);
        let variant = one.source.plan.variant(index)?;
        let model = &*one.source.plan.models().get(usize::try_from(ended.job.lane).ok()?)?.name;
        let scorers = one.source.scorers.get(&variant.scenario)?;
        let said = scorers
            .iter()
            .filter_map(|(scorer, _)| Some((scorer.name().to_owned(), told.verdict(scorer)?.word)));
        Some(Self { model, seed: seed.0, verdicts: said.collect(), variant })
    }

    fn fits(&self, wanted: &Where) -> bool {
        match wanted.what.as_str() {
            "model" => self.model == wanted.value,
            "scenario" => *self.variant.scenario == *wanted.value,
            "seed" => self.seed.to_string() == wanted.value,
            "verdict" => self.verdicts.iter().any(|(_, word)| *word == wanted.value),
            axis => self.variant.value(axis) == Some(&wanted.value),
        }
    }

    /// What was said of it; of one that was lost, how it ended.
    fn words(&self, ended: &Ended) -> String {
        if self.verdicts.is_empty() {
            return transcript::outcome(ended);
        }
        let words: Vec<String> =
            self.verdicts.iter().map(|(scorer, word)| format!("{scorer}: {word}")).collect();
        words.join(", ")
    }

    fn line(&self, ended: &Ended) -> String {
        let Self { model, variant, seed, .. } = self;
        terminal::one_line(
            &format!("{} {model} {variant} seed={seed}: {}", ended.job, self.words(ended)),
            1_000,
        )
    }

    fn json(&self, ended: &Ended) -> String {
        let verdicts: BTreeMap<&String, &String> =
            self.verdicts.iter().map(|(scorer, word)| (scorer, word)).collect();
        let line = json!({
            "job": ended.job.to_string(), "model": self.model, "scenario": self.variant.scenario, "seed": self.seed,
            "variant": axes(&self.variant), "outcome": transcript::outcome(ended), "verdicts": verdicts,
        });
        line.to_string()
    }
}

// === impl Where ===

impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((what, value)) if !what.is_empty() => {
                Ok(Self { what: what.to_owned(), value: value.to_owned() })
            }
            _ => Err("it is written WHAT=VALUE, for example relationship=good".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_first_equals_sign_is_the_value() {
        let wanted: Where = "model=sim/mixed?p=0.3".parse().expect("a condition");
        assert_eq!((&*wanted.what, &*wanted.value), ("model", "sim/mixed?p=0.3"));
        assert!("=x".parse::<Where>().is_err() && "good".parse::<Where>().is_err());
    }

    #[test]
    fn commands_in_a_report_name_the_data_that_it_was_made_of() {
        let target = |dir: &str| TargetArguments { data_dir: dir.into(), coordinator: None };
        assert_eq!(options(&target(DATA_DIR_DEFAULT)), "");
        assert_eq!(options(&target("my data")), " --data-dir 'my data'");
    }
}
