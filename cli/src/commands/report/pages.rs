//! A report as files: one page, or a folder of them.

use std::path::Path;

use muster_scoring::report::html::{EpisodePages, Listed};
use muster_scoring::report::{Collector, Report, csv, html, text};

use super::list::Known;
use super::reading::{Reading, Scores, begin, next, stored, told};
use crate::client::Client;
use crate::failure::Failure;
use crate::progress::note;

pub(super) async fn save(file: &Path, page: &str) -> Result<(), Failure> {
    put(file, page).await?;
    note(&format!("{}: {} kB", file.display(), text::grouped(page.len().div_ceil(1_000) as u64)));
    Ok(())
}

async fn put(file: &Path, page: &str) -> Result<(), Failure> {
    let failed = |source| Failure::File { action: "write", path: file.to_owned(), source };
    tokio::fs::write(file, page).await.map_err(failed)
}

/// A folder of pages, and the cells for other programs beside them.
pub(super) async fn save_all(
    dir: &Path,
    report: &Report,
    collector: &Collector,
    client: &Client,
    reading: &Reading,
) -> Result<(), Failure> {
    let failed = |source| Failure::File { action: "make", path: dir.to_owned(), source };
    tokio::fs::create_dir_all(dir).await.map_err(failed)?;
    let lists = save_episodes(dir, report, collector, client, reading).await?;
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
    reading: &Reading,
) -> Result<EpisodePages, Failure> {
    let mut pages = EpisodePages::default();
    for (place, source) in reading.sources.iter().enumerate() {
        let mut episodes = begin(client, source.sweep, Scores::Wanted).await?;
        while let Some(ended) = next(&mut episodes).await? {
            let verdicts = stored(&ended);
            let told = told(place, &ended, "", &verdicts);
            let group = collector.group_of(&told).and_then(|id| report.groups.get(usize::try_from(id).ok()?));
            let Some((group, known)) = group.zip(Known::of(reading, &ended, &told)) else { continue };
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
