//! `models`: what is known of models, since when, and from whom.

use clap::Args;
use muster_episode::{Catalog, CatalogModel, Date, Known, PriceWords};
use serde_json::{Map, Value, json};

use crate::arguments::CatalogArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::tables::{grouped, new_table};
use crate::{catalog, limits, output, terminal, wire};

/// A text of the catalog is shown up to here: a user's own file may hold anything.
const TEXT_CHARS: usize = 300;

/// Flags of `models`.
#[derive(Debug, Args)]
pub(crate) struct ModelsArguments {
    /// One model, with the source of everything that is known of it; all if not given.
    #[arg(value_name = "MODEL")]
    name: Option<String>,
    /// What is known of models.
    #[command(flatten)]
    catalog: CatalogArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Says what is known.
pub(crate) fn perform(arguments: &ModelsArguments) -> Result<Exit, Failure> {
    let catalog = catalog::layered(arguments.catalog.own_catalog.as_slice())?;
    let (today, format) = (catalog::today(), Format::from_flag(arguments.json));
    match &arguments.name {
        Some(name) => {
            let model = find(&catalog, name)?;
            match format {
                Format::Json => output::print_json(&as_json(model, &today)),
                Format::Text => output::print(&sheet(&catalog, model, &today)),
            }
        }
        None => match format {
            Format::Json => {
                output::print_json(&catalog.iter().map(|it| as_json(it, &today)).collect::<Vec<_>>());
            }
            Format::Text => output::print(&list(&catalog, &today)),
        },
    }
    Ok(Exit::Complete)
}

fn find<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a CatalogModel, Failure> {
    if let Some(model) = catalog.get(name) {
        return Ok(model);
    }
    let wanted = name.to_lowercase();
    let is_near = |model: &&CatalogModel| {
        let shown = model.display_name.as_deref().unwrap_or_default().to_lowercase();
        model.name.to_lowercase().contains(&wanted) || shown.contains(&wanted)
    };
    let near: Vec<&str> = catalog.iter().filter(is_near).map(|model| &*model.name).collect();
    let hint = match near.as_slice() {
        [] => "`muster models` lists those that are; others run all the same, without limits and prices"
            .to_owned(),
        near => format!("did you mean {}?", near.join(", ")),
    };
    Err(Failure::Usage(format!("the catalog has no model {}; {hint}", terminal::one_line(name, 100))))
}

fn list(catalog: &Catalog, today: &Date) -> String {
    let headings =
        ["model", "called", "dialect", "$/M in", "$/M out", "limits (usual tier)", "shut down", "as of"];
    let mut table = new_table(headings, 3);
    for model in catalog.iter() {
        let price = model.price.as_ref().map(|price| price.value).unwrap_or_default();
        table.add_row([
            terminal::one_line(&model.name, 60),
            terminal::one_line(model.display_name.as_deref().unwrap_or("-"), 40),
            dialect(model).to_owned(),
            dollars(price.input),
            dollars(price.output),
            usual_limits(model),
            shutdown(model, today),
            as_of(model).map_or("-", Date::as_str).to_owned(),
        ]);
    }
    format!("{}\n`muster models MODEL` shows one with its sources", table.trim_fmt())
}

fn sheet(catalog: &Catalog, model: &CatalogModel, today: &Date) -> String {
    let mut lines = vec![format!(
        "{}: {}",
        terminal::one_line(&model.name, 100),
        terminal::one_line(model.display_name.as_deref().unwrap_or("(no name for people)"), 100)
    )];
    if let Some(date) = model.retired_on(today) {
        let successor = model.successor().unwrap_or("none that is known");
        lines.push(format!("  RETIRED on {}; successor: {successor}", date.as_str()));
    }
    let others = catalog.other_routes(model, today);
    if !others.is_empty() {
        lines.push(format!("  other routes: {}", terminal::one_line(&others.join(", "), TEXT_CHARS)));
    }
    if let Some(note) = &model.note {
        lines.push(format!("  note: {}", terminal::one_line(note, TEXT_CHARS)));
    }
    let mut tell = |what: &str, words: Option<(String, String)>| match words {
        Some((words, source)) => lines.push(format!("  {what:9} {words}\n            {source}")),
        None => lines.push(format!("  {what:9} not known")),
    };
    tell("route", told(model.route.as_ref(), |_| route(model)));
    tell(
        "size",
        told(model.size.as_ref(), |size| {
            let tokens = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), grouped);
            format!("{} tokens of context, {} out", tokens(size.context), tokens(size.output))
        }),
    );
    tell(
        "limits",
        told(model.limits.as_ref(), |limits| {
            let tier = |(name, quota): (&std::sync::Arc<str>, &muster_episode::QuotaWords)| {
                let mark = if limits.tier.as_deref() == Some(&**name) { " (the usual one)" } else { "" };
                format!("\n              tier {name}{mark}: {}", quota_words(quota.plan()))
            };
            let tiers: String = limits.tiers.iter().map(tier).collect();
            format!("{}{tiers}", usual_limits(model))
        }),
    );
    tell("price", told(model.price.as_ref(), price));
    if model.shutdown.is_some() {
        tell("shut down", told(model.shutdown.as_ref(), |_| shutdown(model, today)));
    }
    lines.join("\n")
}

/// What is known, and how: one text each.
fn told<T>(known: Option<&Known<T>>, words: impl FnOnce(&T) -> String) -> Option<(String, String)> {
    let known = known?;
    let source = format!(
        "{} {} ({})",
        known.as_of.as_ref().map_or("no date", Date::as_str),
        terminal::one_line(&known.source, TEXT_CHARS),
        known.sure
    );
    Some((words(&known.value), source))
}

fn route(model: &CatalogModel) -> String {
    let route = model.route.as_ref().map(|route| &route.value);
    let mut words = dialect(model).to_owned();
    if let Some(quirks) = route.and_then(|route| route.quirks.as_ref()).filter(|it| !it.is_empty()) {
        words.push_str(&format!("; quirks: {}", quirks.join(", ")));
    }
    if let Some(pool) = route.and_then(|route| route.pool.as_ref()) {
        words.push_str(&format!("; pool: {}", terminal::one_line(pool, 100)));
    }
    words
}

fn price(price: &PriceWords) -> String {
    let parts = [
        ("in", price.input),
        ("cached in", price.cached_input),
        ("written to a cache", price.cache_write),
        ("out", price.output),
    ];
    let part = |(what, micro): (&str, Option<u64>)| micro.map(|_| format!("{} {what}", dollars(micro)));
    format!(
        "{} (dollars a million tokens)",
        parts.into_iter().filter_map(part).collect::<Vec<_>>().join(", ")
    )
}

fn dialect(model: &CatalogModel) -> &str {
    model.route.as_ref().and_then(|route| route.value.dialect.as_deref()).unwrap_or("-")
}

fn usual_limits(model: &CatalogModel) -> String {
    match &model.limits {
        Some(limits) => quota_words(limits.value.quota(None).plan()),
        None => "none known".to_owned(),
    }
}

fn quota_words(plan: muster_episode::QuotaPlan) -> String {
    limits::quota(&wire::quota(&plan).unwrap_or_default())
}

fn shutdown(model: &CatalogModel, today: &Date) -> String {
    let Some(date) = model.shutdown.as_ref().and_then(|it| it.value.date.as_ref()) else {
        return "-".to_owned();
    };
    let mark = if date <= today { "" } else { "from " };
    let successor = model.successor().map_or_else(String::new, |name| format!(", now {name}"));
    format!("{mark}{}{successor}", date.as_str())
}

/// The oldest day that any of it was looked up on.
fn as_of(model: &CatalogModel) -> Option<&Date> {
    let days = [
        model.route.as_ref().and_then(|it| it.as_of.as_ref()),
        model.size.as_ref().and_then(|it| it.as_of.as_ref()),
        model.limits.as_ref().and_then(|it| it.as_of.as_ref()),
        model.price.as_ref().and_then(|it| it.as_of.as_ref()),
        model.shutdown.as_ref().and_then(|it| it.as_of.as_ref()),
    ];
    days.into_iter().flatten().min()
}

/// Millionths of a dollar as dollars, without zeros that say nothing.
fn dollars(micro: Option<u64>) -> String {
    micro.map_or_else(|| "-".to_owned(), |micro| format!("{}", micro as f64 / 1_000_000.0))
}

fn as_json(model: &CatalogModel, today: &Date) -> Value {
    let usd = |micro: Option<u64>| micro.map(|micro| micro as f64 / 1_000_000.0);
    let route = model.route.as_ref().map(|known| {
        let route = &known.value;
        sourced(known, json!({ "dialect": route.dialect, "quirks": route.quirks, "pool": route.pool }))
    });
    let size = model
        .size
        .as_ref()
        .map(|known| sourced(known, json!({ "context": known.value.context, "output": known.value.output })));
    let limits = model.limits.as_ref().map(|known| {
        let words = |plan| limits::quota_json(&wire::quota(&plan).unwrap_or_default());
        let tiers: Map<String, Value> =
            known.value.tiers.iter().map(|(name, quota)| (name.to_string(), words(quota.plan()))).collect();
        let usual = words(known.value.quota(None).plan());
        sourced(known, json!({ "tier": known.value.tier, "usual": usual, "tiers": tiers }))
    });
    let price = model.price.as_ref().map(|known| {
        let price = &known.value;
        let words = json!({
            "input": usd(price.input),
            "cached_input": usd(price.cached_input),
            "cache_write": usd(price.cache_write),
            "output": usd(price.output),
        });
        sourced(known, words)
    });
    let shutdown = model.shutdown.as_ref().map(|known| {
        let date = known.value.date.as_ref().map(Date::as_str);
        sourced(known, json!({ "date": date, "successor": known.value.successor }))
    });
    json!({
        "name": model.name,
        "display_name": model.display_name,
        "retired": model.retired_on(today).is_some(),
        "route": route,
        "size": size,
        "limits": limits,
        "price_usd": price,
        "shutdown": shutdown,
        "note": model.note,
    })
}

/// What is known, with how it is known at its end.
fn sourced<T>(known: &Known<T>, mut words: Value) -> Value {
    words["as_of"] = known.as_of.as_ref().map(Date::as_str).into();
    words["source"] = (*known.source).into();
    words["sure"] = known.sure.to_string().into();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Date {
        Date::parse("2026-11-24").expect("a day")
    }

    #[test]
    fn the_list_has_every_model_with_price_limits_and_end() {
        let catalog = Catalog::built_in();
        let shown = list(&catalog, &day());
        for part in [
            "openai/gpt-5.2",
            "1.75",
            "500 rpm, 500,000 tpm",
            "2026-03-09, now google/gemini-3.1-pro-preview",
        ] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
        assert!(shown.lines().count() > catalog.iter().count());
    }

    #[test]
    fn one_model_is_shown_with_the_source_of_everything() {
        let catalog = Catalog::built_in();
        let shown = sheet(&catalog, find(&catalog, "moonshot/kimi-k2.5").expect("a model"), &day());
        for part in [
            "RETIRED on 2026-08-31; successor: moonshot/kimi-k2.6",
            "other routes: openrouter/moonshotai/kimi-k2.5",
            "0.6 in, 0.1 cached in, 3 out",
            "(third-party)",
            "pool: moonshot",
        ] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
    }

    #[test]
    fn a_name_that_is_only_like_one_is_answered_with_those_it_may_mean() {
        let catalog = Catalog::built_in();
        let failure = find(&catalog, "glm-4.7").expect_err("a failure").to_string();
        assert!(
            failure.contains("did you mean openrouter/z-ai/glm-4.7") && failure.contains("zai/glm-4.7"),
            "{failure}"
        );
        assert!(
            find(&catalog, "nothing-like-it")
                .expect_err("a failure")
                .to_string()
                .contains("run all the same")
        );
    }

    #[test]
    fn json_says_of_each_fact_how_it_is_known() {
        let json = as_json(Catalog::built_in().get("openai/gpt-5.2").expect("a model"), &day());
        assert_eq!(
            (&json["price_usd"]["input"], &json["price_usd"]["sure"]),
            (&1.75.into(), &"third-party".into())
        );
        assert_eq!((&json["limits"]["tiers"]["5"]["rpm"], &json["retired"]), (&15_000.into(), &false.into()));
    }
}
