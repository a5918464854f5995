//! A report as one page that needs nothing beside itself: no network, no script. Also as a folder of pages, where a group
//! of cells has a page of its own.

mod cells;
mod episodes;
mod forest;
mod heat;
mod interaction;
mod ramp;

use std::collections::BTreeMap;
use std::fmt::Write as _;

pub use crate::report::html::episodes::{EpisodePages, Listed, Page};

use crate::report::effect_sheet;
use crate::report::html::cells::Detail;
use crate::report::html::forest::{Forest, Row};
use crate::report::model::{DropOutRow, Group, Report};
use crate::report::other_sheet;
use crate::report::sheets::{self, Sheet};
use crate::report::summary as sentences_of;
use crate::report::text;
use crate::tables::published::Relationship;
use crate::tables::{Emphasis, Standing};

/// A page stays below this, whatever it is of: 10 MB are promised.
pub const PAGE_BYTES_MAX: usize = 9_000_000;

/// Lines of a chart; a longer one is cut in pieces that fit a screen.
const CHART_ROWS_MAX: usize = 40;

/// Where no cell has room.
const NO_CELLS: &str = "<section id=\"cells\"><h2>Cells</h2><p>Too many for one page: <code>muster report --html-dir</code> writes \
                        them.</p></section>\n";

/// Rows of a table that surely fit on a sheet of paper.
const PAPER_ROWS_MAX: usize = 24;

/// Words longer than this are broken into lines.
const LONG_CHARS: usize = 48;

const STYLE: &str = include_str!("style.css");

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    page_within(report, PAGE_BYTES_MAX)
}

/// The page in so many bytes. Of a large report it shows less of single cells, and says where they are.
#[must_use]
pub fn page_within(report: &Report, bytes_max: usize) -> String {
    let bottom = "</main></body></html>\n";
    let mut shortest = String::new();
    for effects in effect_sheet::PAGE_ROWS {
        let top = top(report, &|group| format!("#g{group}"), effects);
        let room = bytes_max.saturating_sub(top.len() + bottom.len());
        let body =
            Detail::STEPS.into_iter().map(|detail| all_cells(report, detail)).find(|body| body.len() <= room);
        if let Some(body) = body {
            return top + &body + bottom;
        }
        shortest = top + NO_CELLS + bottom;
        if shortest.len() <= bytes_max {
            break;
        }
    }
    shortest
}

/// A folder's first page: the same without cells, which have pages of their own.
#[must_use]
pub fn index(report: &Report) -> String {
    let [effects, ..] = effect_sheet::PAGE_ROWS;
    let mut page = top(report, &file_name, effects);
    page.push_str("<section id=\"cells\"><h2>Cells</h2>\n");
    for (scenario, groups) in by_scenario(report) {
        let _ = writeln!(page, "<h3>{}</h3>\n<ul>", text::html(scenario));
        for group in groups {
            let _ =
                writeln!(page, "<li><a href=\"{}\">{}</a></li>", file_name(group.id), cells::headline(group));
        }
        page.push_str("</ul>\n");
    }
    page + "</section></main></body></html>\n"
}

/// A group's page in a folder, with links to the lists of its episodes.
#[must_use]
pub fn group(group: &Group, lists: &[String]) -> String {
    let title = format!("{}: {}, {}", group.scenario, group.model.shown(), group.condition);
    let mut page = head(&title);
    let _ = write!(
        page,
        "<p><a href=\"index.html\">The report</a></p><h1>{}</h1><p>{}</p>\n{}",
        text::html(&title),
        cells::headline(group),
        cells::group(group, Detail::ALL)
    );
    if !lists.is_empty() {
        page.push_str("<h3>All episodes</h3><nav>");
        for (place, list) in lists.iter().enumerate() {
            let _ = write!(page, "<a href=\"{}\">page {}</a>", text::html(list), place + 1);
        }
        page.push_str("</nav>\n");
    }
    page + "</main></body></html>\n"
}

/// The name of a group's page.
#[must_use]
pub fn file_name(group: u64) -> String {
    format!("cells-{group}.html")
}

fn head(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{}</title>\n<style>\n{STYLE}</style></head>\n<body><main>\n",
        text::html(title)
    )
}

/// All but the cells.
/// All but the cells, with so many rows of effects at most.
fn top(report: &Report, link: &dyn Fn(u64) -> String, effects: usize) -> String {
    let names: Vec<String> = report.overview.sweeps.iter().map(|sweep| sweep.name.clone()).collect();
    let title = format!("Report: {}", text::plain(&names.join(", "), 120));
    let mut page = head(&title);
    let sheets = sheets::all(report);
    let _ = writeln!(page, "<h1>{}</h1>", text::html(&title));
    summary(&mut page, report);
    navigation(&mut page, &sheets);
    for sheet in &sheets {
        match sheet.id {
            "heat" => page.push_str(&heat::map(report, link)),
            effect_sheet::ID => section(&mut page, &effect_sheet::for_page(sheet, effects), ""),
            _ => section(&mut page, sheet, &charts(report, sheet.id)),
        }
    }
    page
}

fn summary(page: &mut String, report: &Report) {
    let sentences = sentences_of::sentences(report);
    let Some((first, marks)) = sentences.split_first() else { return };
    let _ = writeln!(page, "<p>{}</p>", text::html(first));
    if !marks.is_empty() {
        page.push_str("<ul class=\"marks\">\n");
        for mark in marks {
            let _ = writeln!(page, "<li>{}</li>", text::html(mark));
        }
        page.push_str("</ul>\n");
    }
}

fn navigation(page: &mut String, sheets: &[Sheet]) {
    page.push_str("<nav>");
    for sheet in sheets {
        let _ = write!(page, "<a href=\"#{}\">{}</a>", sheet.id, text::html(sheet.title));
    }
    page.push_str("<a href=\"#cells\">Cells</a></nav>\n");
}

/// A sheet as a table, behind its charts. A long one is folded where there is a chart of it.
fn section(page: &mut String, sheet: &Sheet, charts: &str) {
    let _ = writeln!(page, "<section id=\"{}\"><h2>{}</h2>", sheet.id, text::html(sheet.title));
    for note in &sheet.notes {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", text::html(note));
    }
    page.push_str(charts);
    let is_long =
        sheet.rows.len() > 12 && (!charts.is_empty() || ["rates", effect_sheet::ID].contains(&sheet.id));
    let is_folded = is_long || sheet.id == other_sheet::ID;
    if is_folded {
        let _ = writeln!(
            page,
            "<details><summary>As a table: {}</summary>",
            text::counted(sheet.rows.len() as u64, "row")
        );
    }
    table(page, sheet);
    page.push_str(if is_folded { "</details></section>\n" } else { "</section>\n" });
}

fn table(page: &mut String, sheet: &Sheet) {
    let class = |column: usize| if column < sheet.words { " class=\"w\"" } else { " class=\"n\"" };
    // What fits on a sheet of paper is not cut in two.
    let whole = if sheet.rows.len() <= PAPER_ROWS_MAX { " class=\"whole\"" } else { "" };
    let _ = write!(page, "<div class=\"scroll\"><table{whole}><thead><tr>");
    for (place, column) in sheet.columns.iter().enumerate() {
        let _ = write!(page, "<th{}>{}</th>", class(place), text::html(column));
    }
    page.push_str("</tr></thead><tbody>\n");
    for row in &sheet.rows {
        page.push_str("<tr>");
        for (place, entry) in row.iter().enumerate() {
            // A reason why there is no number is a sentence.
            let is_long = entry.text.starts_with('(') || entry.text.chars().count() > LONG_CHARS;
            let class = if is_long { " class=\"long\"" } else { class(place) };
            let text = text::html(&entry.text);
            let text =
                if entry.emphasis == Emphasis::Bold { format!("<strong>{text}</strong>") } else { text };
            let _ = write!(page, "<td{class}>{text}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}

fn charts(report: &Report, sheet: &str) -> String {
    match sheet {
        "study" => study_charts(report),
        "drop-out" => drop_out_charts(report),
        "crossings" => {
            let figures: String = report.crossings.iter().map(interaction::figure).collect();
            format!("{}<div class=\"plots\">{figures}</div>\n", interaction::key())
        }
        _ => String::new(),
    }
}

fn study_charts(report: &Report) -> String {
    let mut forests: Vec<Forest> = Vec::new();
    for row in &report.study.rows {
        let title = format!("{}: mean over instantiations", row.behaviour.name());
        if forests.last().is_none_or(|forest| forest.title != title) {
            let unit = if sheets::is_difference(row.behaviour) { "pp" } else { "%" };
            forests.push(Forest { title, unit, rows: Vec::new() });
        }
        let Some(forest) = forests.last_mut() else { continue };
        for (relationship, cell) in Relationship::ALL.into_iter().zip(&row.cells) {
            if cell.ours.is_none() && cell.published.is_none() {
                continue;
            }
            forest.rows.push(Row {
                label: format!("{} · {}", row.model.shown(), relationship.name()),
                estimate: cell.ours.as_ref().map(|ours| ours.mean),
                worst_case: None,
                published: cell.published.map(|published| published.mean / 100.0),
                standing: cell.ours.as_ref().map_or(Standing::Incomplete, |ours| ours.standing),
            });
        }
    }
    let key = "<p class=\"note\">● ours (○: under 95 % complete) · ◇ published mean: other prompts, other date</p>\n";
    forests.retain(|forest| !forest.rows.is_empty());
    if forests.is_empty() { String::new() } else { format!("{key}{}", figures(&forests)) }
}

fn figures(forests: &[Forest]) -> String {
    let drawn: String = forests.iter().map(Forest::figure).collect();
    format!("<div class=\"forests\">\n{drawn}</div>\n")
}

/// A chart for each rate of which anything was left out.
fn drop_out_charts(report: &Report) -> String {
    let mut by_rate: BTreeMap<(&str, &str), Vec<&DropOutRow>> = BTreeMap::new();
    for row in &report.drop_out {
        by_rate.entry((&row.scenario, &row.behaviour)).or_default().push(row);
    }
    by_rate.retain(|_, rows| rows.iter().any(|row| row.share.is_some_and(|share| share > 0.0)));
    let drawn = |row: &&DropOutRow| Row {
        label: row.model.shown().to_owned(),
        estimate: row.rate,
        worst_case: row.worst_case,
        published: None,
        standing: Standing::Complete,
    };
    let forests = by_rate.iter().flat_map(|((scenario, behaviour), rows)| {
        rows.chunks(CHART_ROWS_MAX).map(move |rows| Forest {
            title: format!("{scenario}: {behaviour}"),
            unit: "%",
            rows: rows.iter().map(drawn).collect(),
        })
    });
    let forests: Vec<Forest> = forests.collect();
    if forests.is_empty() {
        return "<p>Nothing was left out of any rate.</p>\n".to_owned();
    }
    let key = "<p class=\"note\">● the rate · the thin line: what it could have been, had all that was left out gone one way. Rates of which \
               nothing was left out are in the table alone.</p>\n";
    format!("{key}{}", figures(&forests))
}

fn by_scenario(report: &Report) -> Vec<(&str, Vec<&Group>)> {
    let mut scenarios: Vec<(&str, Vec<&Group>)> = Vec::new();
    for group in &report.groups {
        match scenarios.last_mut() {
            Some((scenario, groups)) if *scenario == group.scenario => groups.push(group),
            _ => scenarios.push((&group.scenario, vec![group])),
        }
    }
    scenarios
}

fn all_cells(report: &Report, detail: Detail) -> String {
    let mut page = String::from("<section id=\"cells\"><h2>Cells</h2>\n");
    for (scenario, groups) in by_scenario(report) {
        let _ = writeln!(page, "<h3>{}</h3>", text::html(scenario));
        for group in groups {
            // The address is inside, so that a link to it opens what is around it.
            let _ = writeln!(
                page,
                "<details><summary>{}</summary><div id=\"g{}\">\n{}</div></details>",
                cells::headline(group),
                group.id,
                cells::group(group, detail)
            );
        }
    }
    page.push_str("</section>\n");
    page
}
