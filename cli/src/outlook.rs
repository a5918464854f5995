//! What a sweep is expected to take, as users read it: worked out from the suite's players, or from a pilot.

use muster_episode::SweepPlan;
use muster_proto::v1;
use serde_json::{Value, json};

use crate::estimate::{Estimate, ModelEstimate, Projection, SECONDS_A_CALL};
use crate::headroom::{FirstCall, Headroom};
use crate::intake::Intake;
use crate::pilot::Piloted;
use crate::rehearsal::{BYTES_A_TOKEN, OUTPUT_TOKENS_A_CALL, Rehearsal, Size};
use crate::tables::{counted, grouped, new_table};
use crate::{catalog, terminal};

/// Jobs of one scenario for one model, and the most calls that they can come to.
struct Share {
    scenario: String,
    variants: u64,
    jobs: u64,
    calls_max: u64,
}

/// A plan with what it is taken to need.
pub(crate) struct Outlook {
    shares: Vec<Share>,
    estimate: Estimate,
    /// What each model's first call may come to.
    first: Vec<FirstCall>,
    /// What it was worked out from, in sentences.
    basis: Vec<String>,
    /// What a user should know of the models.
    remarks: Vec<String>,
    projections: Vec<Projected>,
}

/// What a pilot says of one model's whole.
struct Projected {
    model: String,
    /// Episodes of the pilot with a result.
    episodes: u64,
    calls: Projection,
    input_tokens: Projection,
    output_tokens: Projection,
    /// None where a price is not known.
    usd: Option<Projection>,
}

// === impl Outlook ===

impl Outlook {
    /// From the suite's own players.
    pub(crate) fn new(intake: &Intake) -> Self {
        let plan = &intake.plan;
        let shares = shares(intake);
        let rehearsal = Rehearsal::new(&intake.suite, plan);
        let (mut played, mut unplayed) = (0, Vec::new());
        let mut lanes = Vec::with_capacity(plan.models().len());
        // All models but the built-in ones are taken to behave alike: they are played once.
        let mut alike: Option<(u64, Size)> = None;
        for (lane, model) in plan.models().iter().enumerate() {
            if let Some(known) = alike.filter(|_| !model.is_built_in()) {
                lanes.push(known);
                continue;
            }
            let mut size = Size::default();
            for (place, share) in shares.iter().enumerate() {
                let rehearsed = rehearsal.measure(place, lane as u32);
                played += rehearsed.episodes;
                if rehearsed.episodes == 0 {
                    unplayed.push(share.scenario.clone());
                }
                size = size.plus(rehearsed.size.times(share.jobs as f64));
            }
            let jobs = shares.iter().map(|share| share.jobs).sum();
            lanes.push((jobs, size));
            if !model.is_built_in() {
                alike = Some((jobs, size));
            }
        }
        unplayed.dedup();
        Self {
            estimate: Estimate::new(plan, &lanes),
            basis: basis(played, &unplayed),
            first: FirstCall::of(&intake.suite, plan),
            remarks: remarks(intake),
            shares,
            projections: Vec::new(),
        }
    }

    /// Takes a pilot's word in place of what was assumed.
    pub(crate) fn learn(&mut self, plan: &SweepPlan, piloted: &Piloted) {
        self.remarks.extend(piloted.cut());
        if piloted.episodes.is_empty() {
            return;
        }
        let mut lanes = Vec::with_capacity(plan.models().len());
        for (lane, known) in self.estimate.models.iter().enumerate() {
            let own: Vec<&v1::Usage> = piloted
                .episodes
                .iter()
                .filter(|(of, _)| *of as usize == lane)
                .map(|(_, usage)| usage)
                .collect();
            let projected = Projected::new(known, &own);
            if own.is_empty() {
                self.remarks.push(format!("{}: no episode of the pilot had a result", known.name));
                lanes.push((known.jobs, known.size));
            } else {
                lanes.push((known.jobs, projected.size()));
            }
            self.projections.push(projected);
        }
        let usd: Option<f64> = self.projections.iter().map(|it| it.usd.map(|usd| usd.mean)).sum();
        self.estimate = Estimate::new(plan, &lanes);
        // What was billed counts, with its caches, and not what tokens cost without them.
        for (model, projected) in self.estimate.models.iter_mut().zip(&self.projections) {
            model.usd = projected.usd.map(|usd| usd.mean).or(model.usd);
        }
        self.estimate.usd = usd.or(self.estimate.usd);
        let lost = if piloted.lost > 0 {
            format!("; {} ended without a result", piloted.lost)
        } else {
            String::new()
        };
        self.basis = vec![
            format!(
                "a pilot of {} (sweep {}){lost}",
                counted(piloted.episodes.len() as u64, "episode"),
                piloted.sweep
            ),
            "intervals hold 95 of 100 sweeps: Student's t over the pilot's episodes, for what is left to run"
                .to_owned(),
            format!("where only calls at once are bounded, a call takes {SECONDS_A_CALL:.0} s"),
        ];
    }

    /// For people.
    pub(crate) fn as_text(&self, plan: &SweepPlan) -> String {
        let mut parts = vec![heading(plan), scenarios_table(plan, &self.shares), self.models_table()];
        if !self.projections.is_empty() {
            parts.push(self.projections_table());
        }
        parts.push(self.total());
        for headroom in self.headroom(plan) {
            parts.extend(headroom.sentences());
        }
        parts.push(format!("an estimate, from: {}", self.basis.join("; ")));
        parts.extend(self.remarks.iter().map(|remark| format!("note: {}", terminal::one_line(remark, 400))));
        parts.join("\n")
    }

    fn headroom(&self, plan: &SweepPlan) -> Vec<Headroom> {
        Headroom::all(plan, &self.estimate, &self.first)
    }

    fn models_table(&self) -> String {
        let headings = ["model", "jobs", "calls", "tokens in", "tokens out", "cost", "hours", "bound by"];
        let mut table = new_table(headings, 1);
        for model in &self.estimate.models {
            table.add_row([
                terminal::one_line(&model.name, 48),
                grouped(model.jobs),
                rounded(model.size.calls),
                rounded(model.size.input_tokens),
                rounded(model.size.output_tokens),
                dollars(model.usd),
                hours(model.hours),
                model.bound.clone(),
            ]);
        }
        table.trim_fmt()
    }

    fn projections_table(&self) -> String {
        let headings = ["model", "pilot", "calls", "tokens in", "tokens out", "cost"];
        let mut table = new_table(headings, 1);
        let between = |projection: &Projection, shown: fn(f64) -> String| match projection.interval_95 {
            Some((low, high)) => format!("{} .. {}", shown(low), shown(high)),
            None => "-".to_owned(),
        };
        for projected in &self.projections {
            table.add_row([
                terminal::one_line(&projected.model, 48),
                grouped(projected.episodes),
                between(&projected.calls, rounded),
                between(&projected.input_tokens, rounded),
                between(&projected.output_tokens, rounded),
                projected
                    .usd
                    .as_ref()
                    .map_or_else(|| "unknown".to_owned(), |usd| between(usd, |usd| dollars(Some(usd)))),
            ]);
        }
        table.trim_fmt()
    }

    fn total(&self) -> String {
        let estimate = &self.estimate;
        format!(
            "in all about {} calls, {} tokens in, {} out, {}, {} at the limits",
            rounded(estimate.size.calls),
            rounded(estimate.size.input_tokens),
            rounded(estimate.size.output_tokens),
            match estimate.usd {
                Some(usd) => dollars(Some(usd)),
                None => "cost unknown (a price is not known)".to_owned(),
            },
            hours_words(estimate.hours),
        )
    }

    /// For scripts.
    pub(crate) fn as_json(&self, plan: &SweepPlan) -> Value {
        let share = |share: &Share| {
            json!({
                "scenario": share.scenario,
                "variants": share.variants,
                "jobs_a_model": share.jobs,
                "model_calls_max_a_model": share.calls_max,
            })
        };
        let model = |(place, model): (usize, &ModelEstimate)| {
            json!({
                "model": model.name,
                "jobs": model.jobs,
                "model_calls": model.size.calls.round(),
                "input_tokens": model.size.input_tokens.round(),
                "output_tokens": model.size.output_tokens.round(),
                "cost_usd": model.usd,
                "hours": model.hours,
                "bound_by": model.bound,
                "pilot": self.projections.get(place).map(Projected::as_json),
            })
        };
        let estimate = &self.estimate;
        let headroom = self.headroom(plan);
        let notes: Vec<String> =
            headroom.iter().flat_map(Headroom::sentences).chain(self.remarks.iter().cloned()).collect();
        json!({
            "name": plan.name(),
            "jobs": plan.job_count(),
            "variants": plan.variant_count(),
            "seeds": plan.seeds(),
            "models": plan.models().iter().map(|model| &*model.name).collect::<Vec<_>>(),
            "scenarios": self.shares.iter().map(share).collect::<Vec<_>>(),
            "cost_usd": estimate.usd,
            "model_calls": estimate.size.calls.round(),
            "input_tokens": estimate.size.input_tokens.round(),
            "output_tokens": estimate.size.output_tokens.round(),
            "hours": estimate.hours,
            "estimates": estimate.models.iter().enumerate().map(model).collect::<Vec<_>>(),
            "budgets": headroom.iter().map(Headroom::as_json).collect::<Vec<_>>(),
            "basis": self.basis,
            "notes": notes,
        })
    }
}

// === impl Projected ===

impl Projected {
    fn new(model: &ModelEstimate, own: &[&v1::Usage]) -> Self {
        let episodes = own.len() as u64;
        let left = model.jobs.saturating_sub(episodes);
        let project = |part: fn(&v1::Usage) -> u64| {
            let done: Vec<f64> = own.iter().map(|usage| part(usage) as f64).collect();
            Projection::of(&done, left)
        };
        let is_priced = own.iter().all(|usage| usage.unpriced_calls == 0) && !own.is_empty();
        let usd = project(|usage| usage.cost_micro_usd).times(1e-6);
        Self {
            model: model.name.clone(),
            episodes,
            calls: project(|usage| usage.model_calls),
            input_tokens: project(|usage| usage.input_tokens),
            output_tokens: project(|usage| usage.output_tokens),
            usd: is_priced.then_some(usd),
        }
    }

    fn size(&self) -> Size {
        Size {
            calls: self.calls.mean,
            input_tokens: self.input_tokens.mean,
            output_tokens: self.output_tokens.mean,
        }
    }

    fn as_json(&self) -> Value {
        let between = |projection: &Projection| {
            json!({
                "mean": projection.mean,
                "low_95": projection.interval_95.map(|(low, _)| low),
                "high_95": projection.interval_95.map(|(_, high)| high),
            })
        };
        json!({
            "episodes": self.episodes,
            "model_calls": between(&self.calls),
            "input_tokens": between(&self.input_tokens),
            "output_tokens": between(&self.output_tokens),
            "cost_usd": self.usd.as_ref().map(between),
        })
    }
}

fn basis(played: u32, unplayed: &[String]) -> Vec<String> {
    let mut basis = vec![
        format!("{} of the suite's own players", counted(u64::from(played), "episode")),
        format!("{BYTES_A_TOKEN:.0} bytes a token"),
        format!(
            "{OUTPUT_TOKENS_A_CALL:.0} tokens out a call at least, for models write and think more than players"
        ),
        "no token cached, no call repeated".to_owned(),
        format!("where only calls at once are bounded, a call takes {SECONDS_A_CALL:.0} s"),
        "a pilot (`--pilot 1`) says more".to_owned(),
    ];
    if !unplayed.is_empty() {
        basis.insert(
            1,
            format!(
                "an assumed 8 calls and 40,000 tokens in for {}, which no player plays",
                unplayed.join(", ")
            ),
        );
    }
    basis
}

/// What is not known of the models, and what ends soon.
fn remarks(intake: &Intake) -> Vec<String> {
    let mut remarks = Vec::new();
    let today = catalog::today();
    for model in intake.plan.models().iter().filter(|model| !model.is_built_in()) {
        match intake.catalog.get(&model.name) {
            None => remarks.push(format!(
                "{} is not in the catalog: {}, and {}",
                model.name,
                if model.price.is_some() { "its price is the sweep's word" } else { "no price is known" },
                if model.quota == muster_episode::QuotaPlan::default() {
                    "no limits are"
                } else {
                    "its limits are the sweep's word"
                },
            )),
            Some(known) => {
                if let Some(date) = known.shutdown.as_ref().and_then(|it| it.value.date.as_ref()) {
                    let successor = known.successor().unwrap_or("none that is known");
                    let tense = if *date <= today { "was shut down" } else { "will be shut down" };
                    remarks.push(format!(
                        "{} {tense} on {} (successor: {successor})",
                        model.name,
                        date.as_str()
                    ));
                }
                remarks.extend(known.note.as_ref().map(|text| format!("{}: {text}", model.name)));
                if model.price.is_none() {
                    remarks.push(format!("{}: no price is known", model.name));
                }
            }
        }
    }
    remarks
}

fn shares(intake: &Intake) -> Vec<Share> {
    let plan = &intake.plan;
    let all = plan.job_count();
    let full: u64 = u64::from(plan.variant_count()) * u64::from(plan.seeds()) * plan.models().len() as u64;
    plan.scenarios()
        .iter()
        .map(|scenario| {
            let variants = scenario.variants.len() as u64;
            let jobs = variants * u64::from(plan.seeds());
            let of_scenario =
                intake.suite.scenario(&scenario.name).map_or(0, |scenario| scenario.limits().model_calls);
            let calls = plan.limits().model_calls.unwrap_or(of_scenario);
            // Under a limit the jobs are a prefix in an order that mixes the variants: about this share of each.
            let jobs = if all < full && full > 0 { scaled(jobs, all, full) } else { jobs };
            Share { scenario: scenario.name.to_string(), variants, jobs, calls_max: jobs * u64::from(calls) }
        })
        .collect()
}

fn scaled(number: u64, part: u64, whole: u64) -> u64 {
    let scaled = u128::from(number) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

fn heading(plan: &SweepPlan) -> String {
    let names = plan.models().iter().map(|model| &*model.name).collect::<Vec<_>>().join(", ");
    let limit = plan.limit().map_or_else(String::new, |limit| format!(", limited to {}", grouped(limit)));
    format!(
        "{}: {} = {} x {} x {}{limit}\nmodels: {}",
        terminal::one_line(plan.name(), 80),
        counted(plan.job_count(), "job"),
        counted(u64::from(plan.variant_count()), "variant"),
        counted(plan.models().len() as u64, "model"),
        counted(u64::from(plan.seeds()), "seed"),
        terminal::one_line(&names, 1_000),
    )
}

fn scenarios_table(plan: &SweepPlan, shares: &[Share]) -> String {
    let models = plan.models().len() as u64;
    let headings = ["scenario", "variants", "jobs a model", "models", "model calls at most"];
    let mut table = new_table(headings, 1);
    for share in shares {
        table.add_row([
            terminal::one_line(&share.scenario, 48),
            grouped(share.variants),
            grouped(share.jobs),
            models.to_string(),
            grouped(share.calls_max.saturating_mul(models)),
        ]);
    }
    table.trim_fmt()
}

fn rounded(number: f64) -> String {
    grouped(number.round() as u64)
}

fn dollars(usd: Option<f64>) -> String {
    usd.map_or_else(|| "unknown".to_owned(), |usd| format!("${usd:.2}"))
}

fn hours(hours: f64) -> String {
    if hours < 10.0 { format!("{hours:.2}") } else { format!("{hours:.1}") }
}

fn hours_words(hours: f64) -> String {
    if hours < 1.0 { format!("{:.0} min", (hours * 60.0).ceil()) } else { format!("{hours:.1} h") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUDY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../suites/demo.toml");

    fn outlook(line: &[&str]) -> (Intake, Outlook) {
        use clap::Parser as _;
        let line = [&["muster", "plan", STUDY], line].concat();
        let parsed = crate::arguments::Arguments::try_parse_from(line).expect("a command line");
        let crate::arguments::Command::Plan(arguments) = parsed.command else { panic!("another command") };
        let intake = arguments.intake().expect("a sweep");
        let outlook = Outlook::new(&intake);
        (intake, outlook)
    }

    #[test]
    fn a_share_of_a_billion_jobs_does_not_overflow() {
        assert_eq!(scaled(u64::MAX, 1, 2), u64::MAX / 2);
        assert_eq!(scaled(57, 10, 114), 5);
        assert_eq!(scaled(5, 1, 0), 5);
    }

    #[test]
    fn a_models_estimate_has_calls_tokens_money_and_hours_and_says_its_basis() {
        let (intake, outlook) =
            outlook(&["--model", "openai/gpt-5.2", "--model", "openai/who-knows", "--seeds", "2"]);
        let text = outlook.as_text(&intake.plan);
        for part in ["500,000 tpm", "cost unknown", "bytes a token", "openai/who-knows is not in the catalog"]
        {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let [known, unknown] = &outlook.estimate.models[..] else { panic!("two models") };
        assert!(known.usd.is_some_and(|usd| usd > 0.0) && unknown.usd.is_none());
        assert!(known.size.calls >= known.jobs as f64 && known.size.input_tokens > known.size.calls);
        assert!((outlook.estimate.hours - known.hours.max(unknown.hours)).abs() < 1e-9);
    }

    #[test]
    fn a_rate_on_the_command_line_is_the_limit() {
        let (_, outlook) = outlook(&["--model", "openai/who-knows", "--rpm", "1"]);
        assert_eq!(outlook.estimate.models[0].bound, "1 rpm");
    }

    fn piloted() -> Piloted {
        Piloted {
            episodes: Vec::new(),
            lost: 0,
            unfinished: 0,
            stopped: Vec::new(),
            usage: v1::Usage::default(),
            sweep: 1,
        }
    }

    #[test]
    fn a_pilot_that_its_budget_stops_says_so_and_what_it_spent_and_leaves_the_estimate() {
        let (intake, mut outlook) = outlook(&["--model", "openai/gpt-5.2", "--seeds", "2"]);
        let before = outlook.estimate.clone();
        let usage = v1::Usage { cost_micro_usd: 30_000, input_tokens: 9_000, ..Default::default() };
        let reason = "the budget of sweep 1: $0.030000 of $0.050000 is spent and $0.000000 held".to_owned();
        let stopped = vec![("openai/gpt-5.2".to_owned(), reason)];
        outlook.learn(&intake.plan, &Piloted { unfinished: 57, stopped, usage, ..piloted() });
        assert_eq!(outlook.estimate, before);
        let text = outlook.as_text(&intake.plan);
        assert!(
            text.contains("the budget stopped the pilot: 0 episodes with a result, 57 unfinished"),
            "{text}"
        );
        assert!(text.contains("it spent $0.03, 9,000 tokens in") && !text.contains("unknown"), "{text}");
    }

    #[test]
    fn a_pilot_goes_before_what_was_assumed() {
        let (intake, mut outlook) = outlook(&["--model", "openai/gpt-5.2", "--seeds", "2"]);
        let jobs = outlook.estimate.models[0].jobs;
        let usage = v1::Usage {
            model_calls: 3,
            input_tokens: 10,
            output_tokens: 5,
            cost_micro_usd: 1_000_000,
            ..Default::default()
        };
        let piloted = Piloted { episodes: vec![(0, usage), (0, usage)], lost: 1, ..piloted() };
        outlook.learn(&intake.plan, &piloted);
        assert_eq!(outlook.estimate.usd, Some(jobs as f64));
        assert_eq!(outlook.estimate.size.calls, 3.0 * jobs as f64);
        let text = outlook.as_text(&intake.plan);
        assert!(text.contains("a pilot of 2 episodes (sweep 1); 1 ended without a result"), "{text}");
    }
}
