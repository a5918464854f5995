//! `plan`: what a sweep would run. Nothing is opened, asked or paid.

use clap::Args;
use muster_episode::SweepPlan;
use serde_json::{Value, json};

use crate::arguments::SweepFileArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::intake::Intake;
use crate::output;
use crate::preflight;
use crate::tables::{counted, grouped, new_table};
use crate::terminal;

/// Flags of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// The sweep.
    #[command(flatten)]
    sweep: SweepFileArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Jobs of one scenario for one model, and the most calls that they can come to.
struct Share {
    scenario: String,
    variants: u64,
    jobs: u64,
    calls_max: u64,
}

/// Says what would be run.
pub(crate) fn perform(arguments: &PlanArguments) -> Result<Exit, Failure> {
    let intake = Intake::read(&arguments.sweep, None)?;
    let shares = shares(&intake);
    match Format::from_flag(arguments.json) {
        Format::Json => output::print_json(&as_json(&intake.plan, &shares)),
        Format::Text => output::print(&as_text(&intake.plan, &shares)),
    }
    if let Err(failure) = preflight::routes(intake.plan.models(), &muster_worker::Settings::default()) {
        crate::progress::note(&format!("note: {failure}"));
    }
    Ok(Exit::Complete)
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

fn as_text(plan: &SweepPlan, shares: &[Share]) -> String {
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
    let names = plan.models().iter().map(|model| &*model.name).collect::<Vec<_>>().join(", ");
    let limit = plan.limit().map_or_else(String::new, |limit| format!(", limited to {}", grouped(limit)));
    format!(
        "{}: {} = {} x {} x {}{limit}\nmodels: {}\n{}\nno price is known yet, so no cost is estimated",
        terminal::one_line(plan.name(), 80),
        counted(plan.job_count(), "job"),
        counted(u64::from(plan.variant_count()), "variant"),
        counted(models, "model"),
        counted(u64::from(plan.seeds()), "seed"),
        terminal::one_line(&names, 1_000),
        table.trim_fmt(),
    )
}

fn as_json(plan: &SweepPlan, shares: &[Share]) -> Value {
    let share = |share: &Share| {
        json!({
            "scenario": share.scenario,
            "variants": share.variants,
            "jobs_a_model": share.jobs,
            "model_calls_max_a_model": share.calls_max,
        })
    };
    json!({
        "name": plan.name(),
        "jobs": plan.job_count(),
        "variants": plan.variant_count(),
        "seeds": plan.seeds(),
        "models": plan.models().iter().map(|model| &*model.name).collect::<Vec<_>>(),
        "scenarios": shares.iter().map(share).collect::<Vec<_>>(),
        "cost_usd": Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_billion_jobs_does_not_overflow() {
        assert_eq!(scaled(u64::MAX, 1, 2), u64::MAX / 2);
        assert_eq!(scaled(57, 10, 114), 5);
        assert_eq!(scaled(5, 1, 0), 5);
    }
}
