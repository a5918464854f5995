//! A forest of estimates: a dot each, with its interval as a line, the published number beside it as a diamond, and what
//! drop-out could hide as a thin line. Shapes tell them apart, not colours.

use std::fmt::Write as _;

use crate::report::text;
use crate::statistics::{Estimate, Interval};
use crate::tables::Standing;

/// Sizes in the picture's own units, about a pixel each: as wide as a phone.
const WIDTH: f64 = 380.0;
const MARGIN: f64 = 10.0;
const ROW: f64 = 34.0;
const TOP: f64 = 4.0;
const BOTTOM: f64 = 36.0;

/// Where a row's line is, below its words.
const LINE: f64 = 23.0;

/// Characters of a label that fit beside the numbers.
const LABEL_CHARS_MAX: usize = 38;

/// A chart.
pub(super) struct Forest {
    /// What it shows.
    pub(super) title: String,
    /// What its numbers are counted in.
    pub(super) unit: &'static str,
    /// The lines.
    pub(super) rows: Vec<Row>,
}

/// A line.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) estimate: Option<Estimate>,
    /// The worst case of what was left out.
    pub(super) worst_case: Option<Interval>,
    /// The published number, from 0 to 1.
    pub(super) published: Option<f64>,
    pub(super) standing: Standing,
}

/// Where numbers are on the axis.
struct Axis {
    low: f64,
    high: f64,
}

// === impl Forest ===

impl Forest {
    /// As a figure. Each row's words stand above its line, so that the line has all the width there is.
    pub(super) fn figure(&self) -> String {
        let axis = self.axis();
        let height = TOP + ROW * self.rows.len() as f64 + BOTTOM;
        let title = text::html(&self.title);
        let mut svg = format!(
            "<figure><h3>{title}</h3><svg class=\"forest\" role=\"img\" viewBox=\"0 0 {WIDTH} {height}\" font-size=\"12\">\
             <title>{title}</title>"
        );
        axis.draw(&mut svg, height, self.unit);
        for (place, row) in (0_u32..).zip(&self.rows) {
            row.draw(&mut svg, &axis, TOP + ROW * f64::from(place));
        }
        svg.push_str("</svg></figure>\n");
        svg
    }

    /// From the least to the greatest thing shown, in tens of percent; rates always from 0 to 100.
    fn axis(&self) -> Axis {
        let ends = self.rows.iter().flat_map(|row| {
            let interval = row.estimate.map(|estimate| estimate.interval);
            let bounds = [interval, row.worst_case].into_iter().flatten();
            bounds.flat_map(|interval| [interval.low, interval.high]).chain(row.published)
        });
        let (low, high) = ends.fold((0.0_f64, 0.1_f64), |(low, high), end| (low.min(end), high.max(end)));
        if self.unit == "%" {
            return Axis { low: 0.0, high: 1.0 };
        }
        Axis { low: (low * 10.0).floor() / 10.0, high: (high * 10.0).ceil() / 10.0 }
    }
}

// === impl Row ===

impl Row {
    fn draw(&self, svg: &mut String, axis: &Axis, top: f64) {
        let label = text::html(&text::plain(&self.label, LABEL_CHARS_MAX));
        let numbers = self.estimate.map_or_else(|| "-".to_owned(), crate::report::sheets::estimate_text);
        let (words, y) = (top + 13.0, top + LINE);
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{words:.1}\">{label}</text>\
             <text x=\"{WIDTH}\" y=\"{words:.1}\" text-anchor=\"end\">{numbers}</text>"
        );
        if let Some(bounds) = self.worst_case {
            line(svg, axis, bounds, y, "stroke=\"#8c959f\" stroke-width=\"1.5\"");
        }
        if let Some(estimate) = self.estimate {
            line(
                svg,
                axis,
                estimate.interval,
                y,
                "stroke=\"#00356b\" stroke-width=\"4\" stroke-opacity=\".55\"",
            );
            let (x, fill) = (
                axis.place(estimate.value),
                if self.standing == Standing::Complete { "#00356b" } else { "#fff" },
            );
            let _ = write!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{fill}\" stroke=\"#00356b\" stroke-width=\"1.5\"/>"
            );
        }
        if let Some(published) = self.published {
            let x = axis.place(published);
            let _ = write!(
                svg,
                "<path d=\"M{x:.1} {:.1}l5.5 5.5-5.5 5.5-5.5-5.5z\" fill=\"none\" stroke=\"#b35806\" stroke-width=\"2\"/>",
                y - 5.5
            );
        }
    }
}

fn line(svg: &mut String, axis: &Axis, interval: Interval, y: f64, how: &str) {
    let (low, high) = (axis.place(interval.low), axis.place(interval.high));
    let _ = write!(svg, "<line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" {how}/>");
}

// === impl Axis ===

impl Axis {
    fn place(&self, number: f64) -> f64 {
        let width = WIDTH - 2.0 * MARGIN;
        let share = (number - self.low) / (self.high - self.low);
        MARGIN + width * share.clamp(0.0, 1.0)
    }

    fn draw(&self, svg: &mut String, height: f64, unit: &str) {
        let bottom = height - BOTTOM;
        let step = if self.high - self.low > 0.6 { 2 } else { 1 };
        // Limits are tenths between -2 and 2.
        let (first, last) = ((self.low * 10.0).round() as i32, (self.high * 10.0).round() as i32);
        for tenth in (first..=last).filter(|tenth| tenth % step == 0) {
            let x = self.place(f64::from(tenth) / 10.0);
            let colour = if tenth == 0 { "#57606a" } else { "#d0d7de" };
            let _ = write!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom:.1}\" stroke=\"{colour}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\">{}</text>",
                TOP,
                bottom + 14.0,
                tenth * 10
            );
        }
        let name = if unit == "%" { "%" } else { "percentage points" };
        let middle = self.place(f64::midpoint(self.low, self.high));
        let _ = write!(
            svg,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\">{name}, with 95 % intervals</text>",
            bottom + 30.0
        );
    }
}
