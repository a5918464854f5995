//! Lists of all episodes for a folder of pages: what is taken is soon written, so that a million episodes need no more room
//! than a page for each group.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::report::html::{file_name, head};
use crate::report::model::Group;
use crate::report::text;

/// Episodes on a page.
const PAGE_ROWS_MAX: u64 = 500;

/// See the module.
#[derive(Debug, Default)]
pub struct EpisodePages {
    groups: BTreeMap<u64, Pending>,
}

/// A page to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The file's name.
    pub name: String,
    /// What stands in it.
    pub html: String,
}

/// An episode of a list.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its job.
    pub job: &'a str,
    /// Its variant.
    pub variant: &'a str,
    /// The repeat.
    pub seed: u64,
    /// What was said of it, or how it was lost.
    pub words: &'a str,
}

#[derive(Debug, Default)]
struct Pending {
    title: String,
    rows: String,
    count: u64,
    pages: u64,
}

// === impl EpisodePages ===

impl EpisodePages {
    /// Takes an episode; gives a page if one is full.
    pub fn add(&mut self, group: &Group, episode: Listed<'_>) -> Option<Page> {
        let pending = self.groups.entry(group.id).or_default();
        if pending.title.is_empty() {
            pending.title =
                format!("Episodes: {}, {}, {}", group.scenario, group.model.shown(), group.condition);
        }
        // Writing to a string can't fail.
        let _ = writeln!(
            pending.rows,
            "<tr><td class=\"w\"><code>{}</code></td><td class=\"n\">{}</td><td class=\"long\">{}</td><td class=\"long\">{}</td></tr>",
            text::html(episode.job),
            episode.seed,
            text::html(&text::plain(episode.variant, 400)),
            text::html(&text::plain(episode.words, 400))
        );
        pending.count += 1;
        (pending.count == PAGE_ROWS_MAX).then(|| pending.page(group.id))
    }

    /// The pages that are not full.
    pub fn rest(&mut self) -> Vec<Page> {
        let filled = self.groups.iter_mut().filter(|(_, pending)| pending.count > 0);
        filled.map(|(group, pending)| pending.page(*group)).collect()
    }

    /// The names of a group's pages so far.
    #[must_use]
    pub fn names(&self, group: u64) -> Vec<String> {
        let pages = self.groups.get(&group).map_or(0, |pending| pending.pages);
        (1..=pages).map(|page| name(group, page)).collect()
    }
}

// === impl Pending ===

impl Pending {
    fn page(&mut self, group: u64) -> Page {
        self.pages += 1;
        self.count = 0;
        let mut html = head(&self.title);
        let _ = writeln!(
            html,
            "<p><a href=\"index.html\">The report</a> · <a href=\"{}\">Its cells</a></p><h1>{}</h1><p>Page {}</p>\n\
             <div class=\"scroll\"><table><thead><tr><th>job</th><th class=\"n\">seed</th><th>variant</th><th>verdicts</th></tr></thead><tbody>\n\
             {}</tbody></table></div></main></body></html>",
            file_name(group),
            text::html(&self.title),
            self.pages,
            std::mem::take(&mut self.rows)
        );
        Page { name: name(group, self.pages), html }
    }
}

fn name(group: u64, page: u64) -> String {
    format!("episodes-{group}-{page}.html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        Group {
            id: 7,
            model: crate::tables::ModelName::plain("<m>"),
            scenario: "s".to_owned(),
            condition: "all".to_owned(),
            scorers: Vec::new(),
            command: String::new(),
            cells: Vec::new(),
        }
    }

    #[test]
    fn every_episode_is_on_one_page_and_none_is_kept() {
        let mut pages = EpisodePages::default();
        let mut written: Vec<Page> = Vec::new();
        for seed in 0..1_203 {
            let listed = Listed { job: &format!("1/0/{seed}"), variant: "<b>", seed, words: "x: y" };
            written.extend(pages.add(&group(), listed));
        }
        assert_eq!(written.len(), 2);
        written.extend(pages.rest());
        let rows: Vec<usize> =
            written.iter().map(|page| page.html.matches("<td class=\"w\">").count()).collect();
        assert_eq!(rows, [500, 500, 203]);
        let names: Vec<String> = written.iter().map(|page| page.name.clone()).collect();
        assert_eq!(pages.names(7), names);
        assert!(pages.rest().is_empty() && written.iter().all(|page| !page.html.contains("<b>")));
    }
}
