//! What a player's script may leave to chance: numbers drawn by the seed and the prompts, and the odds that the model's
//! name gives. The same conversation always draws the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use super::name::is_of;
use crate::digest::{Digest, Parts};

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    rolls: Rolls,
    odds: Arc<BTreeMap<String, f64>>,
}

/// How numbers are drawn.
#[derive(Debug, Clone, Copy)]
enum Rolls {
    /// By this digest of a conversation's seed and prompts.
    Drawn(Digest),
    /// Always this one, in a rehearsal.
    Loaded(f64),
}

/// `draw(text)` in a template.
#[derive(Debug)]
struct Draw(Rolls);

// === impl Dice ===

impl Dice {
    /// Those of a conversation that begins with these prompts.
    pub(super) fn of(prompts: &[&str], seed: u64) -> Self {
        let mut parts = Parts::new("muster mix");
        parts.number(seed);
        for prompt in prompts {
            parts.text(prompt);
        }
        Self { rolls: Rolls::Drawn(parts.digest()), odds: Arc::default() }
    }

    /// Dice that always fall the same, for rehearsals.
    pub(super) fn loaded(number: f64) -> Self {
        Self { rolls: Rolls::Loaded(number), odds: Arc::default() }
    }

    /// With the odds that a model's name gives for a scenario: those for it alone before those for its kin, and these before
    /// those for all.
    pub(super) fn with_odds(self, odds: &BTreeMap<String, f64>, scenario: &str) -> Self {
        let own = |key: &str| {
            let (of, name) = key.split_once('.')?;
            is_of(of, scenario).then(|| name.to_owned())
        };
        let general = odds.iter().filter(|(key, _)| !key.contains('.'));
        let general = general.map(|(key, odds)| (key.clone(), *odds));
        // In their order, a scenario's whole name comes behind what it begins with.
        let own = odds.iter().filter_map(|(key, odds)| Some((own(key)?, *odds)));
        Self { odds: Arc::new(general.chain(own).collect()), ..self }
    }

    /// A number from 0 to below 1, the same through the conversation.
    pub(super) fn chance(&self) -> f64 {
        match self.rolls {
            Rolls::Drawn(digest) => fraction(digest),
            Rolls::Loaded(number) => number,
        }
    }

    /// `draw`, for templates: a number for each text, independent of those for others.
    pub(super) fn draw(&self) -> Value {
        Value::from_object(Draw(self.rolls))
    }

    /// `odds`, for templates.
    pub(super) fn odds(&self) -> Value {
        Value::from_pairs(self.odds.iter().map(|(key, odds)| (key.as_str(), *odds)))
    }
}

/// A number from 0 to below 1: 53 bits of a digest, as many as it can tell apart.
fn fraction(digest: Digest) -> f64 {
    let [a, b, c, d, e, f, g, h, ..] = digest;
    let bits = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

// === impl Draw ===

impl Object for Draw {
    fn call(
        self: &Arc<Self>,
        _state: &mut minijinja::State<'_, '_>,
        arguments: &[Value],
    ) -> Result<Value, minijinja::Error> {
        let (text,): (String,) = minijinja::value::from_args(arguments)?;
        Ok(match self.0 {
            Rolls::Drawn(digest) => {
                fraction(Parts::new("muster draw").bytes(&digest).text(&text).digest()).into()
            }
            Rolls::Loaded(number) => number.into(),
        })
    }
}
