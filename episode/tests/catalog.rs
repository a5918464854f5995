//! Sweeps meet the catalog: what it fills in, what it refuses, and what it leaves a sweep's identity out of.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use std::path::Path;
use std::sync::LazyLock;

use common::{files, load, sweep};
use muster_episode::{BudgetMode, Bundle, Catalog, Date, Suite, SweepPlan};

static SUITE: LazyLock<Suite> = LazyLock::new(|| load(&files()));

/// What the sweep below came to before there was a catalog, over the frozen suite.
const CONTENT: &str = "3fea7e7d3867baee1489ac74c22205e6c5bfde0e04d8a805547025c6c7c74bdf";

/// A suite that nobody changes any more.
static FROZEN: LazyLock<Suite> = LazyLock::new(|| {
    let packed =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen/suite.bundle")).unwrap();
    Suite::load(&Bundle::unpack(&packed).unwrap()).unwrap()
});

const OWN: &str = r#"
format = 1
[models."openai/x"]
display_name = "X"
price = { input = 1.75, cached_input = 0.175, output = 14 }
limits = { tier = "1", tiers = { 1 = { rpm = 500, tpm = 500_000 }, 5 = { rpm = 15_000, tpm = 40_000_000 } } }
route = { pool = "openai/family" }
[models."google/old"]
display_name = "Old"
shutdown = { date = "2026-03-09", successor = "google/new" }
[models."openrouter/google/old"]
display_name = "Old"
"#;

fn own() -> Catalog {
    Catalog::parse("own.toml", OWN).unwrap()
}

fn resolve(more: &str, catalog: &Catalog, today: Option<&str>) -> Result<SweepPlan, Vec<String>> {
    let today = today.map(|day| Date::parse(day).unwrap());
    SweepPlan::resolve(&sweep(more), &SUITE, [7; 32], catalog, today.as_ref())
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn plan(more: &str) -> SweepPlan {
    resolve(more, &own(), None).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

fn mistakes(more: &str) -> Vec<String> {
    resolve(more, &own(), Some("2026-11-24")).unwrap_err()
}

fn hex(hash: [u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_a_sweep_does_not_say_of_a_model_the_catalog_does() {
    let plan = plan("models = [\"openai/x\"]");
    let model = &plan.models()[0];
    assert_eq!((&*model.display_name, &*model.pool), ("X", "openai/family"));
    assert_eq!((model.quota.rpm, model.quota.tpm), (Some(500), Some(500_000)));
    let price = model.price.unwrap();
    assert_eq!((price.input, price.cached_input, price.cache_write), (1_750_000, 175_000, 1_750_000));
    assert_eq!(SweepPlan::from_json(&plan.to_json()).unwrap(), plan);
}

#[test]
fn the_sweeps_own_word_goes_first() {
    let plan = plan(
        "rpm = 90\nmodels = [{ name = \"openai/x\", tier = \"5\", pool = \"mine\", quota = { tpm = 0, input_tpm = 7 }, \
         price = { output = 10 }, dialect = \"openai-chat\", quirks = [\"no-seed\", \"effort-low\"], \
         budget = { usd = 1.5, mode = \"drain\" } }]\nbudget = { tokens = 5 }",
    );
    let model = &plan.models()[0];
    assert_eq!((model.quota.rpm, model.quota.tpm, model.quota.input_tpm), (Some(90), None, Some(7)));
    assert_eq!(model.price.map(|price| (price.input, price.output)), Some((1_750_000, 10_000_000)));
    assert_eq!(
        (&*model.pool, model.dialect.as_deref(), model.quirks.len()),
        ("mine", Some("openai-chat"), 2)
    );
    assert_eq!((model.budget.micro_usd, model.budget.mode), (Some(1_500_000), BudgetMode::Drain));
    assert_eq!((plan.budget().micro_usd, plan.budget().tokens), (None, Some(5)));
}

#[test]
fn limits_prices_and_budgets_are_no_part_of_what_is_run_and_a_dialect_is() {
    let content = |more: &str, catalog: &Catalog| {
        hex(SweepPlan::resolve(&sweep(more), &FROZEN, [7; 32], catalog, None).unwrap().content_hash())
    };
    let models = "models = [\"sim/obedient\", { name = \"openai/x\", display_name = \"X\" }]";
    assert_eq!(content(models, &Catalog::default()), CONTENT);
    assert_eq!(content(models, &own()), CONTENT);
    let bounded = "budget = { usd = 3 }\nrpm = 7\nmodels = [\"sim/obedient\", { name = \"openai/x\", tier = \"5\", \
                   display_name = \"X\", quota = { concurrency = 3 }, budget = { tokens = 9 } }]";
    assert_eq!(content(bounded, &own()), CONTENT);
    let other = models.replace("display_name", "dialect = \"openai-chat\", display_name");
    assert_ne!(content(&other, &own()), CONTENT);
}

#[test]
fn a_retired_model_is_refused_by_its_successors_name() {
    let found = mistakes("models = [\"sim/obedient\", \"google/old\"]");
    assert_eq!(
        found,
        [
            "test.toml:5:27: `google/old` was shut down on 2026-03-09 (its successor is `google/new`; other routes to the \
          same model: openrouter/google/old; --allow-retired tries it all the same)"
        ]
    );
    assert!(resolve("models = [\"google/old\"]", &own(), Some("2026-03-08")).is_ok());
    assert!(resolve("models = [\"google/old\"]", &own(), None).is_ok());
}

#[test]
fn money_is_not_budgeted_by_a_price_that_nobody_knows() {
    let found =
        mistakes("budget = { usd = 1 }\nmodels = [\"openai/x\", \"openai/unknown\", \"sim/obedient\"]");
    assert_eq!(found.len(), 1, "{found:#?}");
    let start =
        "test.toml:6:23: the price of `openai/unknown` is not known, and the sweep's budget is in money";
    assert!(found[0].starts_with(start), "{found:#?}");
    let own_budget = mistakes("models = [{ name = \"openai/unknown\", budget = { usd = 1 } }]");
    assert!(own_budget[0].contains("and its budget is in money"), "{own_budget:#?}");
    let stated =
        "budget = { usd = 1 }\nmodels = [{ name = \"openai/unknown\", price = { input = 1, output = 2 } }]";
    assert!(resolve(stated, &own(), None).is_ok());
    assert!(resolve("budget = { tokens = 1 }\nmodels = [\"openai/unknown\"]", &own(), None).is_ok());
    let half = mistakes("models = [{ name = \"openai/unknown\", price = { input = 1 } }]");
    assert!(half[0].contains("needs both `input` and `output`"), "{half:#?}");
}

#[test]
fn an_unknown_tier_is_pointed_at_and_the_known_ones_named() {
    let found =
        mistakes("models = [{ name = \"openai/x\", tier = \"9\" }, { name = \"openai/y\", tier = \"1\" }]");
    assert!(
        found[0]
            .starts_with("test.toml:5:39: the catalog has no tier `9` of `openai/x` (the tiers are 1, 5)")
    );
    assert!(found[1].contains("state its limits"), "{found:#?}");
}

#[test]
fn mistakes_of_limits_and_budgets_are_found_at_their_places() {
    let parse = |text: &str| {
        let text = format!("format = 1\nname = \"a\"\nsuite = \".\"\n{text}");
        let mistakes = muster_episode::SweepFile::parse("s.toml", &text).unwrap_err();
        mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for (text, wanted) in [
        ("budget = { usd = 0 }", "s.toml:4:18: `usd` must be from 0.000001 to 1000000000"),
        ("budget = { mode = \"stop\" }", "s.toml:4:10: a budget bounds `usd`, `tokens` or both"),
        ("budget = { tokens = 1, mode = \"halt\" }", "s.toml:4:31: there is no budget mode `halt`"),
        ("budget = { dollars = 1, tokens = 1 }", "s.toml:4:12: there is no key `dollars` here"),
        ("models = [{ name = \"a/b\", quota = { rpn = 1 } }]", "s.toml:4:37: there is no key `rpn` here"),
        (
            "models = [{ name = \"a/b\", rpm = 1, quota = { rpm = 1 } }]",
            "s.toml:4:44: `rpm` stands here twice",
        ),
        (
            "models = [{ name = \"a/b\", price = { input = -1 } }]",
            "s.toml:4:45: `input` must be from 0 to 100000",
        ),
        ("models = [{ name = \"a/b\", dialect = \"gemeni\" }]", "s.toml:4:37: there is no dialect `gemeni`"),
        ("models = [{ name = \"a/b\", quirks = [\"no-sed\"] }]", "s.toml:4:37: there is no quirk `no-sed`"),
    ] {
        let found = parse(text);
        assert!(found.iter().any(|it| it.starts_with(wanted)), "{wanted} is missing in {found:#?}");
        assert_eq!(found.len(), 1, "{found:#?}");
    }
}

#[test]
fn every_model_of_the_built_in_catalog_can_be_planned() {
    let catalog = Catalog::built_in();
    let names: Vec<String> = catalog.iter().map(|model| format!("{:?}", model.name)).collect();
    let plan = resolve(&format!("models = [{}]", names.join(", ")), &catalog, None).unwrap();
    assert_eq!(plan.models().len(), names.len());
}
