//! What a prompt can become: it is rendered while what it asks for is watched, and tried with every value of what it
//! asked for. So an axis that a prompt does not read is never tried, and neither is one that it reads only beside
//! values of others.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use minijinja::value::Object;

use crate::suite::{Scenario, Suite, Template};

/// Renderings of one prompt, at some 50 µs each: a second.
const RENDERINGS_MAX: usize = 20_000;

/// Places of the values that matter; none for an axis that does not.
pub(super) type Partial = Vec<Option<u16>>;

/// A prompt, and for which values it is this.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) text: String,
    pub(super) places: Partial,
}

/// What a template sees while it is watched.
#[derive(Debug)]
struct Probe {
    suite: Arc<Suite>,
    scenario: Arc<Scenario>,
    model: String,
    places: Vec<u16>,
    /// Axes in the order in which they were asked for.
    asked: Mutex<Vec<usize>>,
}

/// All that a prompt can become with these values of the axes. What fails to render is left out: its combination of
/// values is one that the scenario excludes.
pub(super) fn leaves(
    suite: &Arc<Suite>,
    scenario: &Arc<Scenario>,
    prompt: &Template,
    model: &str,
    values: &[Vec<u16>],
) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut open: Vec<Partial> = vec![vec![None; values.len()]];
    for _ in 0..RENDERINGS_MAX {
        let Some(partial) = open.pop() else { break };
        let first =
            |(place, values): (&Option<u16>, &Vec<u16>)| place.or(values.first().copied()).unwrap_or(0);
        let probe = Arc::new(Probe {
            suite: Arc::clone(suite),
            scenario: Arc::clone(scenario),
            model: model.to_owned(),
            places: partial.iter().zip(values).map(first).collect(),
            asked: Mutex::default(),
        });
        let rendered = suite.templates().render(prompt, &Value::from_dyn_object(Arc::clone(&probe)));
        match probe.first_asked(&partial) {
            Some(axis) => open.extend(values[axis].iter().rev().map(|place| with(&partial, axis, *place))),
            None => leaves.extend(rendered.ok().map(|text| Leaf { text, places: partial })),
        }
    }
    leaves
}

fn with(partial: &Partial, axis: usize, place: u16) -> Partial {
    let mut partial = partial.clone();
    partial[axis] = Some(place);
    partial
}

/// Both at once; none if they contradict each other.
pub(super) fn joined(one: &Partial, other: &Partial) -> Option<Partial> {
    let both = |(one, other): (&Option<u16>, &Option<u16>)| match (one, other) {
        (Some(one), Some(other)) if one != other => None,
        _ => Some(one.or(*other)),
    };
    one.iter().zip(other).map(both).collect()
}

// === impl Probe ===

impl Probe {
    /// The first axis asked for whose value is still open.
    fn first_asked(&self, partial: &Partial) -> Option<usize> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().copied().find(|axis| partial[*axis].is_none())
    }
}

impl Object for Probe {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if name == "model" {
            return Some(self.model.as_str().into());
        }
        if let Some(axis) = self.scenario.axes.iter().position(|axis| &*axis.name == name) {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(axis);
            let value = self.scenario.axes[axis].values.get(usize::from(self.places[axis]));
            return value.map(|value| value.seen.clone());
        }
        let (_, template) = self.scenario.names.iter().find(|(known, _)| &**known == name)?;
        let context = Value::from_dyn_object(Arc::clone(self));
        self.suite.templates().render(template, &context).ok().map(Value::from)
    }
}
