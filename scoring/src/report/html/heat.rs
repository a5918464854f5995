//! The heat map: a table with a colour behind each number, so that it scrolls, prints and is read aloud like any table.

use std::fmt::Write as _;

use crate::report::html::ramp::Colour;
use crate::report::model::{HeatCell, Measure, Report};
use crate::report::sheets::{self, MARK};
use crate::report::text;
use crate::tables::Standing;

/// The map. `link` gives a group's address.
pub(super) fn map(report: &Report, link: &dyn Fn(u64) -> String) -> String {
    if report.heat.is_empty() {
        return String::new();
    }
    let mut page = String::from(
        "<section id=\"heat\"><h2>Behaviours by model</h2>\n<p class=\"note\">Means over variants that weigh the same, with \
         95 % intervals below them. %: rate; pp: less the control, in percentage points (a difference below 0 has the colour of 0). \
         † rests on cells under 95 % complete. A number opens its cells.</p>\n",
    );
    if let Some(note) = sheets::of_study(report) {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", text::html(&note));
    }
    key(&mut page);
    page.push_str(
        "<div class=\"scroll\"><table class=\"heat\"><thead><tr><th class=\"b\">behaviour, condition</th>",
    );
    for model in &report.models {
        // A long name breaks behind its provider.
        let _ =
            write!(page, "<th class=\"m\">{}</th>", text::html(model.model.shown()).replace('/', "/<wbr>"));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    let mut behaviour = "";
    for row in &report.heat {
        if row.behaviour != behaviour {
            behaviour = &row.behaviour;
            let columns = report.models.len();
            let (name, unit) = (text::html(behaviour), sheets::unit(row.measure));
            let _ =
                writeln!(page, "<tr><th class=\"b\">{name}, {unit}</th><td colspan=\"{columns}\"></td></tr>");
        }
        let _ = write!(page, "<tr><th class=\"r\">{}</th>", text::html(&row.condition));
        for cell in &row.cells {
            number(&mut page, cell, row.measure, link);
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div></section>\n");
    page
}

fn number(page: &mut String, cell: &HeatCell, measure: Measure, link: &dyn Fn(u64) -> String) {
    let Some(estimate) = cell.estimate else {
        page.push_str("<td class=\"c\"><span class=\"v\" title=\"nothing was counted, or there is no control\">–</span></td>");
        return;
    };
    let colour = Colour::of(estimate.value);
    let mark = if cell.standing == Standing::Incomplete { format!(" {MARK}") } else { String::new() };
    let sign = if measure == Measure::Difference && estimate.value > 0.0005 { "+" } else { "" };
    let body = format!(
        "{sign}{}{mark}<small>{}</small><small>n {}</small>",
        text::percent(estimate.value),
        sheets::interval_text(estimate.interval),
        text::grouped(cell.n)
    );
    let body = match cell.group {
        Some(group) => format!("<a href=\"{}\">{body}</a>", link(group)),
        None => format!("<span class=\"v\">{body}</span>"),
    };
    let _ = write!(
        page,
        "<td class=\"c\" style=\"background:{};color:{}\">{body}</td>",
        colour.css(),
        colour.ink()
    );
}

/// What the colours mean.
fn key(page: &mut String) {
    page.push_str("<p class=\"key\">0 <svg viewBox=\"0 0 200 14\" preserveAspectRatio=\"none\" role=\"img\"><title>from 0 to 100</title>");
    for step in 0..40_u32 {
        let colour = Colour::of(f64::from(step) / 39.0).css();
        let _ =
            write!(page, "<rect x=\"{}\" y=\"0\" width=\"5.5\" height=\"14\" fill=\"{colour}\"/>", step * 5);
    }
    page.push_str("</svg> 100</p>\n");
}
