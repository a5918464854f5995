//! Reading a catalog file. `suites/models.toml` begins with its format.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Catalog, CatalogModel, DIALECTS, Known, LimitWords, QUIRKS, RouteWords, ShutdownWords, SizeWords, Sure,
};
use crate::fields::{Fields, Reader};
use crate::mistake::{Mistakes, Source, did_you_mean};
use crate::sweep::{ModelName, Placed, PriceWords, QuotaWords};
use crate::world::Date;

/// Models of a file; each is some hundred bytes.
const MODELS_MAX: usize = 10_000;
/// How hard a model may be told to think.
const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
/// Tokens of a context.
const TOKENS_MAX: u64 = 1_000_000_000;

pub(super) fn catalog(file_name: &str, text: &str) -> Result<Catalog, Mistakes> {
    let source = Source::new(file_name, text);
    let file = Arc::clone(&source.name);
    let reader = Reader::new(source);
    let catalog = reader.read(|fields| {
        fields.format();
        Catalog { models: fields.table("models").map(|it| models(&it, &file)).unwrap_or_default() }
    });
    reader.into_mistakes().into_result(catalog.unwrap_or_default())
}

/// A dialect that a file names.
pub(crate) fn dialect(fields: &Fields<'_>) -> Option<String> {
    let word = fields.text("dialect")?;
    if !DIALECTS.contains(&word.value.as_str()) {
        unknown(fields.reader(), &word, "dialect", &DIALECTS);
    }
    Some(word.value)
}

/// Quirks that a file names; none if it says nothing of them.
pub(crate) fn quirks(fields: &Fields<'_>) -> Option<Vec<String>> {
    let words = fields.has("quirks").then(|| fields.texts("quirks"));
    // Asked for in either case, so that the key is known.
    fields.raw("quirks");
    for word in words.iter().flatten().filter(|word| !is_quirk(&word.value)) {
        unknown(fields.reader(), word, "quirk", &QUIRKS.map(|(name, _)| name));
    }
    words.map(|words| words.into_iter().map(|word| word.value).collect())
}

fn is_quirk(word: &str) -> bool {
    match (word.strip_prefix("effort-"), word.strip_prefix("provider-")) {
        (Some(level), _) => EFFORTS.contains(&level),
        (_, Some(provider)) => !provider.is_empty(),
        _ => QUIRKS.iter().any(|(name, _)| *name == word),
    }
}

fn unknown(reader: &Reader, word: &Placed<String>, what: &str, known: &[&str]) {
    let help = did_you_mean(&word.value, known.iter().copied())
        .map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    reader.note_with_help(word.at.clone(), format!("there is no {what} `{}`", word.value), help);
}

fn models(fields: &Fields<'_>, file: &Arc<str>) -> BTreeMap<Arc<str>, CatalogModel> {
    let reader = fields.reader();
    if fields.entries().count() > MODELS_MAX {
        reader.note(fields.at(), format!("a catalog has at most {MODELS_MAX} models"));
        return BTreeMap::new();
    }
    fields
        .entries()
        .filter_map(|(name, value)| {
            let table = reader.as_table(&name.value, value)?;
            let model = model(&table, &name, file);
            Some((Arc::clone(&model.name), model))
        })
        .collect()
}

fn model(fields: &Fields<'_>, name: &Placed<String>, file: &Arc<str>) -> CatalogModel {
    if let Err(what) = ModelName::parse(&name.value) {
        fields.reader().note(name.at.clone(), format!("`{}`: {what}", name.value));
    }
    let model = CatalogModel {
        name: name.value.as_str().into(),
        display_name: fields
            .text("display_name")
            .and_then(|it| crate::sweep::display_name(fields.reader(), it)),
        route: known(fields, "route", file, route),
        size: known(fields, "size", file, size),
        limits: known(fields, "limits", file, limits),
        price: known(fields, "price", file, PriceWords::read),
        shutdown: known(fields, "shutdown", file, shutdown),
        note: fields.text("note").map(|it| it.value),
    };
    fields.close();
    model
}

/// A table with what is known and how it is known. Without a source it is the word of whoever wrote the file.
fn known<T>(
    fields: &Fields<'_>,
    key: &'static str,
    file: &Arc<str>,
    read: impl FnOnce(&Fields<'_>) -> T,
) -> Option<Known<T>> {
    let table = fields.table(key)?;
    let value = read(&table);
    let as_of = date(&table, "as_of");
    let source = table.text("source").map_or_else(|| Arc::clone(file), |it| it.value.as_str().into());
    let sure = sure(&table);
    table.close();
    Some(Known { value, as_of, source, sure })
}

fn sure(fields: &Fields<'_>) -> Sure {
    let Some(word) = fields.text("sure") else { return Sure::Yours };
    Sure::parse(&word.value).unwrap_or_else(|| {
        unknown(fields.reader(), &word, "certainty", &["documented", "third-party", "unverified"]);
        Sure::Unverified
    })
}

fn date(fields: &Fields<'_>, key: &'static str) -> Option<Date> {
    let word = fields.text(key)?;
    let date = Date::parse(&word.value);
    if date.is_none() {
        fields.reader().note(word.at, format!("`{key}` is a day such as \"2026-11-23\""));
    }
    date
}

fn route(fields: &Fields<'_>) -> RouteWords {
    RouteWords {
        dialect: dialect(fields),
        quirks: quirks(fields),
        pool: fields.text("pool").map(|it| it.value),
    }
}

fn size(fields: &Fields<'_>) -> SizeWords {
    SizeWords {
        context: fields.number("context", 1..=TOKENS_MAX),
        output: fields.number("output", 1..=TOKENS_MAX),
    }
}

fn limits(fields: &Fields<'_>) -> LimitWords {
    let tiers = fields.table("tiers").map(|it| tiers(&it)).unwrap_or_default();
    let tier = fields.text("tier");
    // A user's file may name a tier of the built-in one: only a file with tiers of its own can be wrong about it.
    if let Some(tier) = tier.as_ref().filter(|tier| !tiers.is_empty() && !tiers.contains_key(&*tier.value)) {
        let known: Vec<&str> = tiers.keys().map(|it| &**it).collect();
        unknown(fields.reader(), tier, "tier", &known);
    }
    LimitWords { tier: tier.map(|it| it.value), tiers, stated: QuotaWords::read(fields) }
}

fn tiers(fields: &Fields<'_>) -> BTreeMap<Arc<str>, QuotaWords> {
    let reader = fields.reader();
    let tier = |(name, value): (Placed<String>, _)| {
        let table = reader.as_table(&name.value, value)?;
        let quota = QuotaWords::read(&table);
        table.close();
        Some((name.value.as_str().into(), quota))
    };
    fields.entries().filter_map(tier).collect()
}

fn shutdown(fields: &Fields<'_>) -> ShutdownWords {
    ShutdownWords { date: date(fields, "date"), successor: fields.text("successor").map(|it| it.value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let text = format!("format = 1\n{text}");
        match catalog("own.toml", &text) {
            Ok(_) => Vec::new(),
            Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_mistake_in_a_users_file_is_pointed_at() {
        let found = mistakes(
            "[models.\"a/b\"]\nprize = { input = 1 }\nlimits = { rpn = 3 }\n\
             route = { dialect = \"openai-chatt\", quirks = [\"no-sead\"] }\nshutdown = { date = \"soon\" }\n\
             [models.gpt]\n",
        );
        for part in [
            "own.toml:3:1: there is no key `prize` here (did you mean `price`?)",
            "own.toml:4:12: there is no key `rpn` here (did you mean `rpm`?)",
            "own.toml:5:21: there is no dialect `openai-chatt` (did you mean `openai-chat`?)",
            "own.toml:5:47: there is no quirk `no-sead` (did you mean `no-seed`?)",
            "own.toml:6:21: `date` is a day such as \"2026-11-23\"",
            "own.toml:7:9: `gpt`: a model is named `provider/name`",
        ] {
            assert!(found.iter().any(|it| it.starts_with(part)), "{part} is missing in {found:#?}");
        }
        assert_eq!(found.len(), 6, "{found:#?}");
    }

    #[test]
    fn a_file_without_sources_is_its_writers_word() {
        let own = catalog("own.toml", "format = 1\n[models.\"a/b\"]\nprice = { input = 1.5, output = 2 }\n")
            .unwrap();
        let price = own.get("a/b").unwrap().price.as_ref().unwrap();
        assert_eq!(
            (price.sure, &*price.source, price.value.input),
            (Sure::Yours, "own.toml", Some(1_500_000))
        );
    }
}
