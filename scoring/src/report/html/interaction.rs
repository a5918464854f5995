//! A 2x2 as a picture: two lines, with and without a threat, from one relationship to the other. Parallel lines are no
//! interaction. The lines differ in dash and marker, not only in colour.

use std::fmt::Write as _;

use crate::report::model::Crossing;
use crate::report::sheets;
use crate::report::text;
use crate::statistics::Estimate;

/// Sizes in pixels: the picture is not scaled, so that it reads on a phone.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 34.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 34.0;

/// Where the two relationships are.
const PLACES: [f64; 2] = [80.0, 190.0];

/// How a line is drawn.
struct Pen {
    colour: &'static str,
    dash: &'static str,
    /// Away from the place, so that intervals do not hide each other.
    aside: f64,
}

const STATED: Pen = Pen { colour: "#00356b", dash: "", aside: -3.0 };
const NONE: Pen = Pen { colour: "#b35806", dash: " stroke-dasharray=\"5 3\"", aside: 3.0 };

/// A figure with its caption.
pub(super) fn figure(crossing: &Crossing) -> String {
    let [both, threat, relationship, neither] = crossing.rates;
    let title =
        text::html(&format!("{}, {}: {}", crossing.model.shown(), crossing.scenario, crossing.behaviour));
    let mut svg = format!(
        "<figure><h3>{title}</h3><svg role=\"img\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-size=\"11\">\
         <title>{title}</title>"
    );
    axes(&mut svg);
    STATED.line(&mut svg, [threat, both]);
    NONE.line(&mut svg, [neither, relationship]);
    let p = crossing.p_holm.map_or_else(String::new, |p| format!("; Holm's p {}", text::p_value(p)));
    let caption = format!("interaction {} pp{p}", sheets::estimate_text(crossing.interaction));
    let _ = writeln!(svg, "</svg><figcaption>{}</figcaption></figure>", text::html(&caption));
    svg
}

/// What the lines are.
pub(super) fn key() -> String {
    "<p class=\"key\"><span aria-hidden=\"true\" style=\"color:#00356b\">━●━</span> threat stated \
     <span aria-hidden=\"true\" style=\"color:#b35806\">╍□╍</span> no threat</p>\n"
        .to_owned()
}

fn axes(svg: &mut String) {
    for percent in [0_u32, 25, 50, 75, 100] {
        let y = height(f64::from(percent) / 100.0);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#d0d7de\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{percent}</text>",
            LEFT - 5.0,
            y + 4.0
        );
    }
    for (place, name) in PLACES.into_iter().zip(["unrelated", "good"]) {
        let _ =
            write!(svg, "<text x=\"{place}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", HEIGHT - 18.0);
    }
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">relationship; rates in %</text>",
        f64::midpoint(PLACES[0], PLACES[1]),
        HEIGHT - 4.0
    );
}

fn height(rate: f64) -> f64 {
    let room = HEIGHT - TOP - BOTTOM;
    TOP + room * (1.0 - rate.clamp(0.0, 1.0))
}

// === impl Pen ===

impl Pen {
    fn line(&self, svg: &mut String, ends: [Estimate; 2]) {
        let [x1, x2] = PLACES.map(|place| place + self.aside);
        let [y1, y2] = ends.map(|end| height(end.value));
        let (colour, dash) = (self.colour, self.dash);
        let _ = write!(
            svg,
            "<line x1=\"{x1}\" y1=\"{y1:.1}\" x2=\"{x2}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>"
        );
        for (x, end) in [x1, x2].into_iter().zip(ends) {
            let (y, low, high) = (height(end.value), height(end.interval.low), height(end.interval.high));
            let _ = write!(
                svg,
                "<line x1=\"{x}\" x2=\"{x}\" y1=\"{low:.1}\" y2=\"{high:.1}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
            );
            let _ = if self.dash.is_empty() {
                write!(svg, "<circle cx=\"{x}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>")
            } else {
                write!(
                    svg,
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\" fill=\"#fff\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                    x - 4.0,
                    y - 4.0
                )
            };
        }
    }
}
