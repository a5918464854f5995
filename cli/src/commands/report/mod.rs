//! `report`: what a sweep's stored scores say, on the terminal, as a page, or for other programs. It judges nothing and
//! calls nobody: `score` has written what it reads.

mod list;
mod pages;
mod reading;
mod shown;

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use muster_scoring::report::{Report, csv, html, markdown, text};

use self::list::Where;
use self::reading::{Reading, Wish, Work};
use crate::address::SweepName;
use crate::arguments::{DATA_DIR_DEFAULT, ScorersArguments, TargetArguments};
use crate::client::Client;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::output;
use crate::station::Station;

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
    /// Use this judge's verdicts where the rules are unsure; else those of the judge that has settled most of them.
    #[arg(long, value_name = "MODEL", conflicts_with = "no_judge")]
    judge: Option<String>,
    /// Use the rules' verdicts alone.
    #[arg(long)]
    no_judge: bool,
    /// Whose scorers count.
    #[command(flatten)]
    scorers: ScorersArguments,
    /// Write one page that needs nothing beside itself.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a folder of pages, with every cell on them: a new one, or that of an earlier report.
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

/// Reports.
pub(crate) async fn perform(arguments: ReportArguments) -> Result<Exit, Failure> {
    let mut station = Station::reach(&arguments.target).await?;
    let reported = arguments.report(&mut station).await;
    // What is open is closed, whatever came of it.
    let left = station.leave().await;
    reported?;
    left?;
    Ok(Exit::Complete)
}

// === impl ReportArguments ===

impl ReportArguments {
    async fn report(&self, station: &mut Station) -> Result<(), Failure> {
        let work = if station.is_local() { Work::Rests } else { Work::MayGoOn };
        let judging = self.scorers.suite()?;
        let reading =
            Reading::fetch(&mut station.client, work, &self.sweeps, self.wish(), judging.as_ref()).await?;
        let client = &station.client;
        if self.episodes {
            return list::list(client, &reading, &self.wheres, Format::from_flag(self.json)).await;
        }
        let collector = reading.collect(client).await?;
        let flags = self.judge_flags() + &self.scorers_flag() + &options(&self.target);
        let report = collector.report(&flags);
        if let Some(dir) = &self.html_dir {
            pages::save_all(dir, &report, &collector, client, &reading).await?;
        }
        self.write(&report).await
    }

    fn wish(&self) -> Wish<'_> {
        match &self.judge {
            _ if self.no_judge => Wish::Nobody,
            Some(judge) => Wish::Named(judge),
            None => Wish::Last,
        }
    }

    /// The flags about judges, as commands in a report need them.
    fn judge_flags(&self) -> String {
        match self.wish() {
            Wish::Last => String::new(),
            Wish::Named(judge) => format!(" --judge {}", text::shell(judge)),
            Wish::Nobody => " --no-judge".to_owned(),
        }
    }

    fn scorers_flag(&self) -> String {
        match &self.scorers.scorers {
            Some(folder) => format!(" --scorers {}", text::shell(&folder.to_string_lossy())),
            None => String::new(),
        }
    }

    async fn write(&self, report: &Report) -> Result<(), Failure> {
        if let Some(file) = &self.html {
            pages::save(file, &html::page(report)).await?;
        }
        if self.markdown {
            output::print(&markdown::render(report));
        } else if self.csv {
            output::print(&csv::render(report));
        } else if self.json {
            output::print_json(report);
        } else if self.html.is_none() && self.html_dir.is_none() {
            output::print(&shown::text(report));
        }
        Ok(())
    }
}

/// Writes the page of one sweep, whose data this process has.
pub(crate) async fn write_page(
    client: &mut Client,
    sweep: u64,
    data_dir: &Path,
    file: &Path,
) -> Result<(), Failure> {
    let reading = Reading::fetch(client, Work::Rests, &[SweepName::Number(sweep)], Wish::Last, None).await?;
    let report = reading.collect(client).await?.report(&data_flag(data_dir));
    pages::save(file, &html::page(&report)).await
}

/// The flags that name the data, as commands in a report need them.
fn options(target: &TargetArguments) -> String {
    match &target.coordinator {
        Some(url) => format!(" --coordinator {}", text::shell(&url.to_string())),
        None => data_flag(&target.data_dir),
    }
}

fn data_flag(data_dir: &Path) -> String {
    if data_dir == Path::new(DATA_DIR_DEFAULT) {
        return String::new();
    }
    format!(" --data-dir {}", text::shell(&data_dir.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_a_report_name_the_data_that_it_was_made_of() {
        let target = |dir: &str| TargetArguments { data_dir: dir.into(), coordinator: None };
        assert_eq!(options(&target(DATA_DIR_DEFAULT)), "");
        assert_eq!(options(&target("my data")), " --data-dir 'my data'");
    }
}
