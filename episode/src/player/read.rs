//! Reading a player's file: from its keys to a [`Player`], every mistake noted at its place.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::DeValue;

use super::script::{Argument, CallSpec, Live, Made, Mix, Player, Script, Step, Words};
use crate::fields::{Fields, Reader, json};
use crate::mistake::{Mistakes, Source};
use crate::suite::{Fault, Templates};
use crate::sweep::Placed;

/// Steps of a script.
const STEPS_MAX: usize = 200;

/// One player's file being read.
struct PlayerReader<'a> {
    templates: &'a mut Templates,
    mistakes: &'a mut Mistakes,
    source: Source,
    names: Vec<(Placed<String>, Words)>,
}

/// Reads a player's file: `[mix]` or `[[steps]]`.
pub(crate) fn read_player(
    source: Source,
    templates: &mut Templates,
    mistakes: &mut Mistakes,
) -> Option<Player> {
    let reader = Reader::new(source.clone());
    let names = Vec::new();
    let player =
        reader.read(|fields| PlayerReader { templates, mistakes, source, names }.player(fields)).flatten();
    mistakes.absorb(reader.into_mistakes());
    player
}

// === impl PlayerReader ===

impl PlayerReader<'_> {
    fn player(mut self, fields: &Fields<'_>) -> Option<Player> {
        fields.format();
        fields.needed_text("title");
        if let Some(names) = fields.table("let") {
            self.names(&names);
        }
        let steps = fields.tables("steps");
        if let Some(mix) = fields.table("mix") {
            return Some(Player::Mix(self.mix(&mix)));
        }
        if steps.is_empty() || steps.len() > STEPS_MAX {
            fields
                .reader()
                .note(fields.at(), format!("a player has a `[mix]` or 1 to {STEPS_MAX} `[[steps]]`"));
            return None;
        }
        let steps = steps.iter().map(|step| self.step(step)).collect();
        Some(Player::Script(Script { names: self.names, steps }))
    }

    fn names(&mut self, fields: &Fields<'_>) {
        for (name, value) in fields.entries() {
            let text = fields.reader().as_text(&name.value, value);
            if let Some(words) = text.and_then(|text| self.words(&text)) {
                self.names.push((name, words));
            }
        }
    }

    /// What a template takes from the conversation, also by the player's own names.
    fn live(&self, names: &BTreeSet<String>) -> Live {
        let mut live = Live::of(names);
        for (_, words) in self.names.iter().filter(|(name, _)| uses(names, &name.value)) {
            live.join(&words.live);
            live.names = true;
        }
        live
    }

    fn mix(&mut self, fields: &Fields<'_>) -> Mix {
        let mix = Mix {
            mostly: fields.needed_text("mostly"),
            sometimes: fields.needed_text("sometimes"),
            probability: fields.float("probability", 0.0..=1.0).unwrap_or(0.5),
            source: self.source.clone(),
        };
        fields.close();
        mix
    }

    fn step(&mut self, fields: &Fields<'_>) -> Step {
        let when = fields.text("when").and_then(|text| {
            let condition = self.templates.condition(&self.source, &text);
            self.keep(condition)
        });
        let say = fields.text("say").and_then(|text| self.words(&text));
        let think = fields.text("think").and_then(|text| self.words(&text));
        let calls = fields.tables("calls").iter().map(|call| self.call(call)).collect();
        fields.close();
        Step { source: self.source.clone(), when, say, think, calls }
    }

    fn call(&mut self, fields: &Fields<'_>) -> CallSpec {
        let made = fields.text("if").and_then(|text| self.made(&text));
        let fails = fields.flag("fails").unwrap_or(false);
        let tool = fields.needed_text("tool");
        let arguments = fields.table("arguments").map(|table| self.arguments(&table)).unwrap_or_default();
        fields.close();
        CallSpec { made, fails, tool, source: self.source.clone(), arguments }
    }

    fn made(&mut self, text: &Placed<String>) -> Option<Made> {
        let condition = self.templates.condition(&self.source, text);
        let condition = self.keep(condition)?;
        let live = self.live(&self.templates.names(condition.template()));
        Some(Made { condition, live })
    }

    fn arguments(&mut self, fields: &Fields<'_>) -> Vec<(String, Argument)> {
        fields.entries().filter_map(|(name, value)| Some((name.value, self.argument(value)?))).collect()
    }

    fn argument(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Argument> {
        match value.get_ref() {
            DeValue::String(text) => {
                let text = Placed { value: text.to_string(), at: value.span() };
                self.words(&text).map(Argument::Text)
            }
            other => Some(Argument::Value(json(other))),
        }
    }

    fn words(&mut self, text: &Placed<String>) -> Option<Words> {
        let template = self.templates.inline(&self.source, text);
        let template = self.keep(template)?;
        let live = self.live(&self.templates.names(&template));
        Some(Words { template, live })
    }

    fn keep<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| fault.note(self.mistakes, &[])).ok()
    }
}

/// Whether a template that takes these names takes `name`, or a part of it.
fn uses(names: &BTreeSet<String>, name: &str) -> bool {
    names.iter().any(|known| known.split('.').next() == Some(name))
}
