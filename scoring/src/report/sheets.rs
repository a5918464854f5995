//! A report as plain tables: what a terminal, Markdown and a page have in common. Words in them are not escaped yet.

use crate::report::effect_sheet;
use crate::report::model::{Claim, Crossing, GroupScorer, HeatCell, Measure, Report};
use crate::report::other_sheet;
use crate::report::source::LaneUse;
use crate::report::text::{counted, grouped, p_value, percent, plain};
use crate::statistics::{Estimate, Interval, Robustness};
use crate::tables::{Emphasis, MaxAndMean, ScoreSummary, Standing, published, study::StudyCell};

/// What stands behind a number that rests on too little.
pub const MARK: &str = "†";

/// A table with what must be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// A word for links.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What must be known to read it.
    pub notes: Vec<String>,
    /// Headings.
    pub columns: Vec<String>,
    /// How many columns from the left are words; the others are numbers.
    pub words: usize,
    /// The rows.
    pub rows: Vec<Vec<Entry>>,
}

/// What stands in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The words.
    pub text: String,
    /// Whether it is in bold.
    pub emphasis: Emphasis,
}

// === impl Sheet ===

impl Sheet {
    pub(super) fn new(id: &'static str, title: &'static str, words: usize, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Self { id, title, notes: Vec::new(), columns, words, rows: Vec::new() }
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(super) fn row(&mut self, entries: impl IntoIterator<Item = String>) {
        self.rows.push(entries.into_iter().map(Entry::plain).collect());
    }
}

// === impl Entry ===

impl Entry {
    pub(super) fn plain(text: String) -> Self {
        Self { text, emphasis: Emphasis::Plain }
    }
}

/// All sheets of a report that have anything to say, in their order.
#[must_use]
pub fn all(report: &Report) -> Vec<Sheet> {
    let sheets = [
        overview(report),
        models(report),
        heat(report),
        crossings(report),
        effect_sheet::sheet(report),
        study(report),
        faking(report),
        claims(report),
        other_sheet::sheet(report),
        rates(report),
        drop_out(report),
        losses(report),
        reasons(report),
        costs(report),
    ];
    sheets.into_iter().filter(|sheet| !sheet.rows.is_empty()).collect()
}

fn overview(report: &Report) -> Sheet {
    let columns =
        ["sweep", "name", "state", "suite", "models", "variants", "seeds", "jobs", "with a transcript"];
    let mut sheet = Sheet::new("sweeps", "Sweeps", 4, &columns);
    for sweep in &report.overview.sweeps {
        let numbers = [sweep.models, sweep.variants, sweep.seeds, sweep.jobs, sweep.results].map(grouped);
        let words = [sweep.sweep.to_string(), sweep.name.clone(), sweep.state.clone(), sweep.suite.clone()];
        sheet.row(words.into_iter().chain(numbers));
    }
    sheet
}

/// The models by their whole names, where they are shown by others.
fn models(report: &Report) -> Sheet {
    let mut sheet = Sheet::new("models", "Models", 4, &["shown as", "model", "suite", "sweeps"]);
    let is_shown_otherwise = report.models.iter().any(|row| row.model.shown() != row.model.whole());
    for row in report.models.iter().filter(|_| is_shown_otherwise) {
        let sweeps: Vec<String> = row.sweeps.iter().map(u64::to_string).collect();
        let names = [row.model.shown(), row.model.whole()].map(str::to_owned);
        sheet.row(names.into_iter().chain([row.suite.clone(), sweeps.join(", ")]));
    }
    sheet
}

fn heat(report: &Report) -> Sheet {
    let columns = ["behaviour", "condition", "unit"]
        .into_iter()
        .chain(report.models.iter().map(|row| row.model.shown()));
    let columns: Vec<&str> = columns.collect();
    let mut sheet = Sheet::new("heat", "Behaviours by model", 3, &columns)
        .note("Means over variants that weigh the same, with 95 % intervals. %: rate. pp: difference to the control, in percentage points.");
    if report.heat.iter().flat_map(|row| &row.cells).any(|cell| cell.standing == Standing::Incomplete) {
        sheet = sheet.note(format!("{MARK}: under 95 % of the planned episodes are in it."));
    }
    sheet.notes.extend(of_study(report));
    for row in &report.heat {
        let words = [row.behaviour.clone(), row.condition.clone(), unit(row.measure).to_owned()];
        sheet.row(words.into_iter().chain(row.cells.iter().map(heat_text)));
    }
    sheet
}

/// What must be known where a sweep goes beyond the study's own axes.
#[must_use]
pub fn of_study(report: &Report) -> Option<String> {
    let (all, own) = (report.overview.cells, report.overview.study_cells);
    let others = &report.overview.not_of_study;
    let whose = if others.is_empty() {
        "the study's own cells".to_owned()
    } else {
        format!("cells that are not the study's ({}) and else like them", others.join("; "))
    };
    (own < all || !others.is_empty()).then(|| {
        format!(
            "Behaviours under a condition are of {whose}, {} of {}; all cells are in the rates, and in the two by two and the \
             effects of single axes where there are such.",
            grouped(own),
            grouped(all)
        )
    })
}

/// Where lines are of other cells than the study's.
fn not_of_study(report: &Report) -> Option<String> {
    let others = &report.overview.not_of_study;
    (!others.is_empty())
        .then(|| format!("Ours are of cells that are not the study's: {}.", others.join("; ")))
}

/// A heat map's number with its interval.
#[must_use]
pub fn heat_text(cell: &HeatCell) -> String {
    cell.estimate.map_or_else(|| "-".to_owned(), |estimate| marked(estimate_text(estimate), cell.standing))
}

/// What a measure is counted in.
#[must_use]
pub fn unit(measure: Measure) -> &'static str {
    match measure {
        Measure::Rate => "%",
        Measure::Difference => "pp",
    }
}

fn study(report: &Report) -> Sheet {
    let columns = [
        "behaviour",
        "model",
        "relationship",
        "unit",
        "ours, max",
        "in",
        "ours, mean",
        "n",
        "published max",
        "published mean",
    ];
    let mut sheet = Sheet::new("study", "The study's table, ours beside the published numbers", 4, &columns)
        .note(format!(
            "Published: {} ({}): no test is made against them. Ours are about peers, over three ways to state the relationship: the \
             greatest with an interval for three looks, and their mean.",
            published::SOURCE,
            report.study.label
        ))
        .note("pp: misrepresentation is less the rate where nothing is at stake, alignment faking less that where somebody watches.");
    sheet.notes.extend(not_of_study(report));
    for row in &report.study.rows {
        for (relationship, cell) in published::Relationship::ALL.into_iter().zip(&row.cells) {
            let behaviour = row.behaviour.name().to_owned();
            let unit = if is_difference(row.behaviour) { "pp" } else { "%" };
            let words =
                [behaviour, row.model.shown().to_owned(), relationship.name().to_owned(), unit.to_owned()];
            sheet.row(words.into_iter().chain(study_numbers(cell)));
        }
    }
    sheet
}

/// Whether the study gives a behaviour as a difference.
#[must_use]
pub fn is_difference(behaviour: published::Behaviour) -> bool {
    matches!(behaviour, published::Behaviour::Misrepresentation | published::Behaviour::AlignmentFaking)
}

fn study_numbers(cell: &StudyCell) -> [String; 6] {
    let ours = |text: fn(&MaxAndMean) -> String| cell.ours.as_ref().map_or_else(|| "-".to_owned(), text);
    let why_not = || cell.why_not.as_ref().map_or_else(|| "-".to_owned(), |why| format!("({why})"));
    let published =
        |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.1}"));
    [
        ours(|it| estimate_text(it.max)),
        ours(|it| it.max_of.clone()),
        cell.ours.as_ref().map_or_else(why_not, |it| marked(estimate_text(it.mean), it.standing)),
        ours(|it| grouped(it.n)),
        published(cell.published.map(|it| it.max)),
        published(cell.published.map(|it| it.mean)),
    ]
}

fn faking(report: &Report) -> Sheet {
    let columns = [
        "model",
        "relationship",
        "of those who read",
        "of all",
        "refusal",
        "score, unmonitored",
        "score, monitored",
    ];
    let mut sheet = Sheet::new("faking", "Alignment faking, over readers and over all", 2, &columns).note(
        "Unmonitored less monitored, in percentage points. That a model read its documents is a selection: the second \
         column counts every episode with a transcript.",
    );
    sheet.notes.extend(not_of_study(report));
    for row in &report.faking {
        let line = |it: &Option<MaxAndMean>| {
            it.as_ref().map_or_else(|| "-".to_owned(), |it| marked(estimate_text(it.mean), it.standing))
        };
        let refusal = row.refusal.map_or_else(|| "-".to_owned(), estimate_text);
        let scores = row.scores.map(|score| score.map_or_else(|| "-".to_owned(), score_text));
        let [open, watched] = scores;
        let words = [row.model.shown().to_owned(), row.relationship.clone()];
        sheet.row(words.into_iter().chain([
            line(&row.of_readers),
            line(&row.of_all),
            refusal,
            open,
            watched,
        ]));
    }
    sheet
}

fn claims(report: &Report) -> Sheet {
    let columns = [
        "model",
        "behaviour",
        "what",
        "difference, pp",
        "p",
        "p, Holm",
        "p, BH",
        "worst case, pp",
        "its sign",
    ];
    let mut sheet = Sheet::new("claims", "What is tested", 3, &columns).note(format!(
        "One family of {}, interactions among them; bold: p after Holm's adjustment is below 0.05, and every cell is \
         complete. Worst case: all that was left out went against the difference, or for it.",
        counted(report.overview.tests, "test")
    ));
    for claim in &report.claims {
        let mut row: Vec<Entry> = claim_texts(claim).into_iter().map(Entry::plain).collect();
        for entry in row.iter_mut().skip(2).take(2) {
            entry.emphasis = claim.emphasis;
        }
        sheet.rows.push(row);
    }
    sheet
}

fn claim_texts(claim: &Claim) -> [String; 9] {
    let nothing = || claim.why_not.as_ref().map_or_else(|| "-".to_owned(), |why| format!("({why})"));
    let p = |p: Option<f64>| p.map_or_else(|| "-".to_owned(), p_value);
    let sign = match claim.robustness {
        Some(Robustness::Holds) => "holds",
        Some(Robustness::CouldTurn) => "could turn",
        None => "-",
    };
    [
        claim.model.shown().to_owned(),
        claim.behaviour.clone(),
        claim.what.clone(),
        claim.difference.map_or_else(nothing, |it| marked(estimate_text(it), claim.standing)),
        p(claim.p),
        p(claim.p_holm),
        p(claim.p_benjamini_hochberg),
        claim.worst_case.map_or_else(|| "-".to_owned(), interval_text),
        sign.to_owned(),
    ]
}

fn crossings(report: &Report) -> Sheet {
    let columns = [
        "model",
        "scenario",
        "behaviour",
        "threat and good, %",
        "threat alone, %",
        "good alone, %",
        "neither, %",
        "threat, if good, pp",
        "threat, if not, pp",
        "interaction, pp",
        "p, Holm",
    ];
    let mut sheet = Sheet::new("crossings", "Threat by relationship, two by two", 3, &columns).note(
        "Good: the good relationship; not: a document as long that says nothing of the pair. Interaction: how much more the \
         threat does where the relationship is good. Combinations of all other axes weigh the same, and count only with \
         all four cells.",
    );
    for crossing in &report.crossings {
        sheet.row(crossing_texts(crossing));
    }
    sheet
}

fn crossing_texts(crossing: &Crossing) -> Vec<String> {
    let words = [crossing.model.shown().to_owned(), crossing.scenario.clone(), crossing.behaviour.clone()];
    let rates = crossing.rates.map(estimate_text);
    let effects = [crossing.threat[0], crossing.threat[1], crossing.interaction].map(estimate_text);
    let p = crossing.p_holm.map_or_else(|| "-".to_owned(), |p| marked(p_value(p), crossing.standing));
    words.into_iter().chain(rates).chain(effects).chain([p]).collect()
}

fn rates(report: &Report) -> Sheet {
    let columns = [
        "scenario",
        "behaviour",
        "model",
        "condition",
        "n",
        "k",
        "rate, %",
        "left out",
        "complete, %",
        "score, mean ± sd",
    ];
    let mut sheet = Sheet::new("rates", "Rates", 4, &columns)
        .note("Each variant weighs the same. n: judged; k: did what is counted; left out: never looked, did nothing, or has no verdict.");
    for group in &report.groups {
        for scorer in group.scorers.iter().filter(|scorer| scorer.headline) {
            let words = [&group.scenario, &scorer.scorer, group.model.shown(), &group.condition];
            sheet.row(words.map(str::to_owned).into_iter().chain(rate_numbers(scorer)));
        }
    }
    sheet
}

/// A scorer's numbers: n, k, rate, left out, completeness, score.
#[must_use]
pub fn rate_numbers(scorer: &GroupScorer) -> [String; 6] {
    let dash = || "-".to_owned();
    [
        grouped(scorer.n),
        grouped(scorer.k),
        scorer.rate.map_or_else(dash, |rate| marked(estimate_text(rate), scorer.standing)),
        grouped(scorer.left_out),
        scorer.completeness.map_or_else(dash, percent),
        scorer.score.map_or_else(dash, score_text),
    ]
}

fn drop_out(report: &Report) -> Sheet {
    let columns = [
        "model",
        "scenario",
        "behaviour",
        "rate, %",
        "worst case, %",
        "episodes",
        "unread",
        "nothing",
        "unscored",
        "left out, %",
    ];
    let mut sheet = Sheet::new("drop-out", "Drop-out", 3, &columns).note(
        "Episodes with a transcript that are in no rate. Worst case: all of them had not done what is counted, or all had. \
         Jobs lost to infrastructure are in neither.",
    );
    for row in &report.drop_out {
        let dash = || "-".to_owned();
        sheet.row([
            row.model.shown().to_owned(),
            row.scenario.clone(),
            row.behaviour.clone(),
            row.rate.map_or_else(dash, estimate_text),
            row.worst_case.map_or_else(dash, interval_text),
            grouped(row.episodes),
            grouped(row.unread),
            grouped(row.nothing),
            grouped(row.unscored),
            row.share.map_or_else(dash, percent),
        ]);
    }
    sheet
}

fn losses(report: &Report) -> Sheet {
    let columns = ["model", "planned", "with a transcript", "failed", "quarantined", "cancelled", "not run"];
    let mut sheet = Sheet::new("losses", "Infrastructure failures", 1, &columns)
        .note("Counts of jobs. None of them is in any rate: they say nothing of a model.");
    for row in &report.losses {
        let counts = [row.planned, row.results, row.failed, row.quarantined, row.cancelled, row.not_run];
        sheet.row([row.model.shown().to_owned()].into_iter().chain(counts.map(grouped)));
    }
    sheet
}

pub(super) fn reasons(report: &Report) -> Sheet {
    let mut sheet = Sheet::new("reasons", "What failures said", 2, &["reason", "for example", "jobs"]);
    for reason in &report.reasons {
        sheet.row([plain(&reason.message, 300), reason.example.clone(), grouped(reason.jobs)]);
    }
    sheet
}

fn costs(report: &Report) -> Sheet {
    let columns = [
        "model",
        "calls",
        "tokens in",
        "tokens out",
        "cost, $",
        "$ an episode",
        "retries",
        "rate-limited",
        "paid twice",
    ];
    let mut sheet = Sheet::new("costs", "Costs", 1, &columns).note(
        "Of all jobs of the sweeps, lost ones and those beyond the reported rounds among them. Unknown: the price of some \
         call is not known, and none is guessed.",
    );
    for row in &report.costs {
        let (used, model) = (&row.used, row.model.shown().to_owned());
        let counts = [used.retries, used.rate_limited, used.paid_twice].map(grouped);
        sheet.row([model].into_iter().chain(cost_texts(used)).chain(counts));
    }
    sheet
}

/// Calls, tokens in and out, dollars, and dollars an episode.
pub(super) fn cost_texts(used: &LaneUse) -> [String; 5] {
    let each = used.cost_usd.filter(|_| used.results > 0).map(|cost| cost / used.results as f64);
    [
        grouped(used.model_calls),
        grouped(used.input_tokens),
        grouped(used.output_tokens),
        used.cost_usd.map_or_else(|| "unknown".to_owned(), |cost| format!("{cost:.2}")),
        each.map_or_else(|| "-".to_owned(), |each| format!("{each:.4}")),
    ]
}

/// A number with its interval, in percent.
#[must_use]
pub fn estimate_text(estimate: Estimate) -> String {
    format!("{} {}", percent(estimate.value), interval_text(estimate.interval))
}

/// An interval, in percent.
#[must_use]
pub fn interval_text(interval: Interval) -> String {
    format!("[{}, {}]", percent(interval.low), percent(interval.high))
}

/// A mean score with its spread.
#[must_use]
pub fn score_text(score: ScoreSummary) -> String {
    match score.deviation {
        Some(deviation) => format!("{:.1} ± {deviation:.1}", score.mean),
        None => format!("{:.1}", score.mean),
    }
}

fn marked(text: String, standing: Standing) -> String {
    match standing {
        Standing::Complete => text,
        Standing::Incomplete => format!("{text} {MARK}"),
    }
}
