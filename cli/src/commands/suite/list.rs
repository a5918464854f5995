//! `suite list`: a suite in numbers, or one of its scenarios with its axes.

use std::path::PathBuf;

use clap::Args;
use muster_episode::{ListedAxis, Listing, Suite};
use serde_json::{Value, json};

use super::heading;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::tables::{counted, grouped, new_table};
use crate::{intake, output, terminal};

/// Flags of `suite list`.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// The suite's folder.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// List one scenario, with its axes and their values.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Lists.
pub(super) fn perform(arguments: &ListArguments) -> Result<Exit, Failure> {
    let suite = intake::suite(&arguments.dir)?;
    let mut listings = suite.list();
    if let Some(name) = &arguments.scenario {
        // The suite's own word for a scenario that is not there.
        suite.variant(name).map_err(|error| Failure::Usage(error.to_string()))?;
        listings.retain(|listing| *listing.scenario == **name);
    }
    match (Format::from_flag(arguments.json), &listings[..]) {
        (Format::Json, _) => output::print_json(&as_json(&suite, &listings)),
        (Format::Text, [listing]) if arguments.scenario.is_some() => output::print(&one(listing)),
        (Format::Text, _) => {
            output::print(&format!("{}\n{}", heading(&suite, &arguments.dir), all(&suite, &listings)));
        }
    }
    Ok(Exit::Complete)
}

/// All scenarios.
fn all(suite: &Suite, listings: &[Listing]) -> String {
    let headings = ["scenario", "variants", "axes", "players", "scorers", "tokens in", "out"];
    let mut table = new_table(headings, 1);
    for listing in listings {
        table.add_row([
            terminal::one_line(&listing.scenario, 48),
            grouped(listing.variants as u64),
            listing.axes.len().to_string(),
            listing.players.len().to_string(),
            listing.scorers.len().to_string(),
            grouped(listing.tokens.input),
            grouped(listing.tokens.output),
        ]);
    }
    let total = Total::of(listings);
    format!(
        "{}\n{}\n{} of {}; one seed of one model: {}, about {} tokens in, {} out\n{}",
        terminal::one_line(suite.title(), 200),
        table.trim_fmt(),
        counted(total.variants, "default variant"),
        counted(listings.len() as u64, "scenario"),
        counted(total.calls, "call"),
        grouped(total.input),
        grouped(total.output),
        terminal::wrapped(BASIS, terminal::width(), ""),
    )
}

/// What the numbers rest on.
const BASIS: &str = "tokens: those of the mean episode of the player `obedient`, at four characters a token. A real \
                     model writes several times as much.";

/// One scenario.
fn one(listing: &Listing) -> String {
    let mut table = new_table(["axis", "values (* a sweep's, if it selects none)"], 2);
    for axis in &listing.axes {
        table.add_row([terminal::one_line(&axis.name, 48), values(axis)]);
    }
    let tokens = listing.tokens;
    format!(
        "{}: {}\n{}\n{}\nplayers: {}\nscorers: {}\nan episode of `obedient`: {}, about {} tokens in (opening {}), {} out",
        listing.scenario,
        terminal::one_line(&listing.title, 200),
        table.trim_fmt(),
        counted(listing.variants as u64, "default variant"),
        listing.players.join(", "),
        listing.scorers.join(", "),
        counted(tokens.model_calls, "call"),
        grouped(tokens.input),
        grouped(tokens.opening),
        grouped(tokens.output),
    )
}

fn values(axis: &ListedAxis) -> String {
    let shown = |(value, default): &(std::sync::Arc<str>, bool)| {
        let value = terminal::one_line(value, 80);
        if *default { format!("{value}*") } else { value }
    };
    axis.values.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn as_json(suite: &Suite, listings: &[Listing]) -> Value {
    let total = Total::of(listings);
    json!({
        "suite": suite.name(),
        "version": suite.version(),
        "title": suite.title(),
        "scenarios": listings.iter().map(scenario).collect::<Vec<_>>(),
        "variants": total.variants,
        "model_calls": total.calls,
        "input_tokens": total.input,
        "output_tokens": total.output,
    })
}

fn scenario(listing: &Listing) -> Value {
    let value =
        |(value, default): &(std::sync::Arc<str>, bool)| json!({ "value": **value, "default": default });
    let axis = |axis: &ListedAxis| json!({ "axis": *axis.name, "values": axis.values.iter().map(value).collect::<Vec<_>>() });
    json!({
        "scenario": *listing.scenario,
        "title": listing.title,
        "variants": listing.variants,
        "axes": listing.axes.iter().map(axis).collect::<Vec<_>>(),
        "players": listing.players,
        "scorers": listing.scorers,
        "opening_tokens": listing.tokens.opening,
        "model_calls": listing.tokens.model_calls,
        "input_tokens": listing.tokens.input,
        "output_tokens": listing.tokens.output,
    })
}

/// Over all default variants, once each.
struct Total {
    variants: u64,
    calls: u64,
    input: u64,
    output: u64,
}

// === impl Total ===

impl Total {
    fn of(listings: &[Listing]) -> Self {
        let sum = |part: fn(&Listing) -> u64| {
            listings.iter().map(|listing| part(listing) * listing.variants as u64).sum()
        };
        Self {
            variants: sum(|_| 1),
            calls: sum(|listing| listing.tokens.model_calls),
            input: sum(|listing| listing.tokens.input),
            output: sum(|listing| listing.tokens.output),
        }
    }
}
