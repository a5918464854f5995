//! What is behind the numbers: groups of cells, their counts, drawn episodes, and the command that shows the rest.

use std::fmt::Write as _;

use crate::report::model::{CellScorer, Group, GroupScorer, Sampled, VariantCell, Verdicts};
use crate::report::sheets::{self, MARK};
use crate::report::text;
use crate::tables::Standing;

/// How much of it is shown. A page must stay one that a browser opens at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detail {
    /// Episodes of each verdict of a group.
    pub(super) sample_max: usize,
    /// Whether each cell has an episode of each of its verdicts.
    pub(super) cell_samples: bool,
    /// Cells of a group.
    pub(super) cells_max: usize,
}

// === impl Detail ===

impl Detail {
    /// All there is.
    pub(super) const ALL: Self = Self { sample_max: usize::MAX, cell_samples: true, cells_max: usize::MAX };

    /// From all to little: the first that fits is taken.
    pub(super) const STEPS: [Self; 6] = [
        Self::ALL,
        Self { sample_max: 1, cell_samples: true, cells_max: usize::MAX },
        Self { sample_max: 1, cell_samples: false, cells_max: usize::MAX },
        Self { sample_max: 1, cell_samples: false, cells_max: 100 },
        Self { sample_max: 1, cell_samples: false, cells_max: 20 },
        Self { sample_max: 1, cell_samples: false, cells_max: 0 },
    ];
}

/// A group's body.
pub(super) fn group(group: &Group, detail: Detail) -> String {
    let mut page = String::new();
    scorers(&mut page, group);
    page.push_str("<h3>Episodes, drawn from each verdict</h3>\n");
    for scorer in &group.scorers {
        sample(&mut page, group, scorer, detail);
    }
    let _ = writeln!(page, "<p>All its episodes:</p><pre>{}</pre>", text::html(&group.command));
    cells(&mut page, group, detail);
    page
}

/// What a group is, in a line.
pub(super) fn headline(group: &Group) -> String {
    let numbers = group.scorers.iter().filter(|scorer| scorer.headline).map(|scorer| {
        let [n, _, rate, ..] = sheets::rate_numbers(scorer);
        format!("{} {} % (n {n})", text::html(&scorer.scorer), text::html(&rate))
    });
    let numbers: Vec<String> = numbers.collect();
    format!(
        "<b>{}</b> · {} · {}",
        text::html(group.model.shown()),
        text::html(&group.condition),
        numbers.join("; ")
    )
}

fn scorers(page: &mut String, group: &Group) {
    page.push_str(
        "<div class=\"scroll\"><table><thead><tr><th>scorer</th><th class=\"n\">planned</th><th class=\"n\">n</th><th class=\"n\">k</th>\
         <th class=\"n\">rate, %</th><th class=\"n\">left out</th><th class=\"n\">complete, %</th><th class=\"n\">score, mean ± sd</th></tr></thead><tbody>\n",
    );
    for scorer in &group.scorers {
        let _ = write!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td>",
            text::html(&scorer.scorer),
            text::grouped(scorer.planned)
        );
        for number in sheets::rate_numbers(scorer) {
            let _ = write!(page, "<td class=\"n\">{}</td>", text::html(&number));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}

fn sample(page: &mut String, group: &Group, scorer: &GroupScorer, detail: Detail) {
    if scorer.verdicts.is_empty() {
        return;
    }
    let _ = writeln!(page, "<p class=\"note\">{}</p><ul class=\"words\">", text::html(&scorer.scorer));
    for verdict in &scorer.verdicts {
        let _ =
            write!(page, "<li>{}: {}", text::html(&verdict.word), text::counted(verdict.episodes, "episode"));
        // Episodes of which there is nothing to quote are many on a line.
        let (quoted, bare): (Vec<&Sampled>, Vec<&Sampled>) =
            verdict.sample.iter().take(detail.sample_max).partition(|sampled| is_quoted(sampled));
        for sampled in quoted {
            page.push_str("<br>");
            episode(page, sampled);
        }
        for (place, sampled) in bare.into_iter().enumerate() {
            page.push_str(if place == 0 { "<br>" } else { ", " });
            episode(page, sampled);
        }
        page.push_str("</li>\n");
    }
    page.push_str("</ul>\n");
    if let (true, Some(job)) = (scorer.headline, first_job(&scorer.verdicts)) {
        let _ = writeln!(
            page,
            "<p class=\"note\">One of them: <code>{}</code></p>",
            text::html(&show(group, job))
        );
    }
}

fn is_quoted(sampled: &Sampled) -> bool {
    sampled.score.is_some() || sampled.excerpt.is_some()
}

fn episode(page: &mut String, sampled: &Sampled) {
    let _ = write!(page, "<code title=\"seed {}\">{}</code>", sampled.seed, text::html(&sampled.job));
    if let Some(score) = sampled.score {
        let _ = write!(page, " score {score:.1}");
    }
    if let Some(excerpt) = &sampled.excerpt {
        let _ = write!(page, " <q>{}</q>", text::html(excerpt));
    }
}

fn first_job(verdicts: &[Verdicts]) -> Option<&str> {
    verdicts.iter().flat_map(|verdict| &verdict.sample).map(|sampled| &*sampled.job).next()
}

/// The command that shows one episode, with the flags that the group's own command has.
fn show(group: &Group, job: &str) -> String {
    let sweep = job.split('/').next().unwrap_or_default();
    let flags = group.command.find(" --data-dir ").or_else(|| group.command.find(" --coordinator "));
    format!("muster show {sweep} {job}{}", flags.map_or("", |at| &group.command[at..]))
}

fn cells(page: &mut String, group: &Group, detail: Detail) {
    let shown = group.cells.len().min(detail.cells_max);
    if shown > 0 {
        let axes: Vec<&String> =
            group.cells.first().into_iter().flat_map(|cell| cell.variant.keys()).collect();
        let _ = write!(
            page,
            "<h3>{}</h3>\n<div class=\"scroll\"><table><thead><tr>",
            text::counted(group.cells.len() as u64, "cell")
        );
        for axis in &axes {
            let _ = write!(page, "<th>{}</th>", text::html(axis));
        }
        page.push_str(
            "<th>behaviour</th><th class=\"n\">planned</th><th class=\"n\">n</th><th class=\"n\">k</th><th class=\"n\">rate, %</th>\
             <th class=\"n\">left out</th><th class=\"n\">lost</th><th class=\"n\">score</th><th>verdicts</th></tr></thead><tbody>\n",
        );
        for cell in group.cells.iter().take(shown) {
            for scorer in &cell.scorers {
                row(page, cell, scorer, detail);
            }
        }
        page.push_str("</tbody></table></div>\n");
    }
    if shown < group.cells.len() {
        let rest = text::counted((group.cells.len() - shown) as u64, "further cell");
        let _ =
            writeln!(page, "<p class=\"note\">{rest}: `muster report --html-dir` writes all of them.</p>");
    }
}

fn row(page: &mut String, cell: &VariantCell, scorer: &CellScorer, detail: Detail) {
    page.push_str("<tr>");
    for value in cell.variant.values() {
        let _ = write!(page, "<td class=\"w\">{}</td>", text::html(value));
    }
    let (summary, rate) = (&scorer.summary, &scorer.summary.rate);
    let mark = if summary.standing == Standing::Incomplete { format!(" {MARK}") } else { String::new() };
    let shown = rate.rate.zip(rate.interval_95).map_or_else(
        || "-".to_owned(),
        |(rate, interval)| format!("{} {}", text::percent(rate), sheets::interval_text(interval)),
    );
    let left_out = rate.unread + rate.nothing + rate.unscored;
    let score = summary.score.map_or_else(|| "-".to_owned(), sheets::score_text);
    let _ = write!(page, "<td>{}</td>", text::html(&scorer.scorer));
    for number in [summary.planned, rate.n, rate.k] {
        let _ = write!(page, "<td class=\"n\">{number}</td>");
    }
    let _ = write!(
        page,
        "<td class=\"n\">{shown}{mark}</td><td class=\"n\">{left_out}</td><td class=\"n\">{}</td><td class=\"n\">{score}</td><td class=\"long\">",
        cell.lost
    );
    verdicts(page, &scorer.verdicts, detail);
    page.push_str("</td></tr>\n");
}

fn verdicts(page: &mut String, verdicts: &[Verdicts], detail: Detail) {
    for (place, verdict) in verdicts.iter().enumerate() {
        let comma = if place > 0 { ", " } else { "" };
        let _ = write!(page, "{comma}{} {}", text::html(&verdict.word), verdict.episodes);
        if let (true, Some(sampled)) = (detail.cell_samples, verdict.sample.first()) {
            let _ = write!(page, " (<code>{}</code>)", text::html(&sampled.job));
        }
    }
}
