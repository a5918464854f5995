//! A report as files: one page, or a folder of them.

use std::io::Read as _;
use std::path::Path;

use muster_scoring::report::html::{EpisodePages, Listed};
use muster_scoring::report::{Collector, Report, csv, html, text};

use super::list::Known;
use super::reading::{Reading, Scores, begin, next, stored, told};
use crate::client::Client;
use crate::failure::Failure;
use crate::progress::note;

/// A report's first page.
const INDEX: &str = "index.html";
/// What every one of them has.
const INDEX_MARK: &str = "<section id=\"cells\"><h2>Cells</h2>";
/// Bytes of a first page in which the mark is looked for.
const INDEX_BYTES_MAX: u64 = 64 << 20;

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
    clear(dir)?;
    // First of all, so that the folder is known as a report's, however this ends.
    put(&dir.join(INDEX), &html::index(report)).await?;
    let lists = save_episodes(dir, report, collector, client, reading).await?;
    for group in &report.groups {
        put(&dir.join(html::file_name(group.id)), &html::group(group, &lists.names(group.id))).await?;
    }
    put(&dir.join("cells.csv"), &csv::render(report)).await?;
    save(&dir.join(INDEX), &html::index(report)).await
}

/// Makes sure that a folder is a report's own, and takes the pages of an earlier one out of it: there may be more of them
/// than of this one.
fn clear(dir: &Path) -> Result<(), Failure> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| Failure::File { action, path, source }
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed("read", dir))? {
        let name = entry.map_err(failed("read", dir))?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    let refused =
        |what: &str| Err(Failure::Usage(format!("--html-dir: {} {what}; name a new folder", dir.display())));
    if names.iter().any(|name| is_of_data(name)) {
        return refused("is a data directory");
    }
    // A hidden file is no content, such as what keeps an empty folder in a repository.
    if names.iter().any(|name| !name.starts_with('.')) && !has_report(dir) {
        return refused("holds something else than a report");
    }
    for name in names.iter().filter(|name| is_page(name)) {
        let path = dir.join(name);
        std::fs::remove_file(&path).map_err(failed("remove", &path))?;
    }
    Ok(())
}

fn is_of_data(name: &str) -> bool {
    matches!(name, "LOCK" | "MANIFEST") || name.starts_with("journal-")
}

/// Whether a folder's first page is one of a report.
fn has_report(dir: &Path) -> bool {
    let mut page = Vec::new();
    let file = std::fs::File::open(dir.join(INDEX));
    let read = file.and_then(|file| file.take(INDEX_BYTES_MAX).read_to_end(&mut page));
    read.is_ok() && String::from_utf8_lossy(&page).contains(INDEX_MARK)
}

/// Whether a name is one that pages of cells or episodes have.
fn is_page(name: &str) -> bool {
    let stem = name.strip_suffix(".html").unwrap_or_default();
    let number = stem.strip_prefix("cells-").or_else(|| stem.strip_prefix("episodes-"));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("a file");
        }
        dir
    }

    fn names(dir: &tempfile::TempDir) -> Vec<String> {
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = std::fs::read_dir(dir.path()).expect("a folder").map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_data_directory_is_never_taken_for_a_reports_folder() {
        for name in ["LOCK", "MANIFEST", "journal-1"] {
            let dir = folder(&[(name, ""), (INDEX, INDEX_MARK)]);
            let refused = clear(dir.path()).expect_err("it is refused").to_string();
            assert!(refused.contains("is a data directory"), "{refused}");
        }
    }

    #[test]
    fn a_folder_of_somebody_elses_pages_is_left_as_it_is() {
        let dir = folder(&[(INDEX, "<h1>My thesis</h1>"), ("cells-1.html", "of a beehive")]);
        let refused = clear(dir.path()).expect_err("it is refused").to_string();
        assert!(refused.contains("something else"), "{refused}");
        assert_eq!(names(&dir), ["cells-1.html", INDEX]);
    }

    #[test]
    fn pages_of_a_larger_report_are_gone_before_a_smaller_one_is_written() {
        let old = ["cells-0.html", "cells-12.html", "episodes-3-1.html"].map(|name| (name, ""));
        let other = [(INDEX, INDEX_MARK), ("cells-of-bees.html", ""), ("notes.txt", "")];
        let dir = folder(&[&old[..], &other].concat());
        clear(dir.path()).expect("it is a report's");
        assert_eq!(names(&dir), ["cells-of-bees.html", INDEX, "notes.txt"]);
        clear(folder(&[(".gitkeep", "")]).path()).expect("it is empty");
    }
}
