//! The effects of single axes: a family of their own, with many that are alike in how much is held against how much.

use std::collections::{BTreeMap, BTreeSet};

use muster_scoring::report::PlannedEffect;
use serde_json::{Value, json};

use super::{Group, Level};
use crate::tables::counted;

/// Effects in one scenario that are sure alike.
pub(super) struct Axes {
    scenario: String,
    /// By axis, the values that are held against its base.
    values: BTreeMap<String, BTreeSet<String>>,
    behaviours: BTreeSet<String>,
    /// How much is held against how much, and by which models.
    pub(super) group: Group,
}

/// Those that are alike, together; an effect whose cells have no counterpart is in none.
pub(super) fn gathered(effects: &[PlannedEffect]) -> Vec<Axes> {
    let mut all: Vec<Axes> = Vec::new();
    for effect in effects {
        let Some(sides) = effect.sides else { continue };
        let is_same = |axes: &&mut Axes| axes.scenario == effect.scenario && axes.group.sides == sides;
        match all.iter_mut().find(is_same) {
            Some(axes) => axes.add(effect),
            None => {
                let mut axes = Axes {
                    scenario: effect.scenario.clone(),
                    values: BTreeMap::new(),
                    behaviours: BTreeSet::new(),
                    group: Group { behaviour: String::new(), what: String::new(), sides, models: Vec::new() },
                };
                axes.add(effect);
                all.push(axes);
            }
        }
    }
    for axes in &mut all {
        (axes.group.behaviour, axes.group.what) = (axes.title(), axes.names());
    }
    all
}

// === impl Axes ===

impl Axes {
    fn add(&mut self, effect: &PlannedEffect) {
        self.values.entry(effect.axis.clone()).or_default().insert(effect.value.clone());
        self.behaviours.insert(effect.behaviour.clone());
        if !self.group.models.contains(&effect.model) {
            self.group.models.push(effect.model.clone());
        }
    }

    fn title(&self) -> String {
        format!(
            "{}: {} of {} x {}",
            self.scenario,
            counted(self.values.values().map(BTreeSet::len).sum::<usize>() as u64, "value"),
            if self.values.len() == 1 { "1 axis".to_owned() } else { format!("{} axes", self.values.len()) },
            counted(self.behaviours.len() as u64, "behaviour"),
        )
    }

    fn names(&self) -> String {
        self.values.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// For scripts.
    pub(super) fn as_json(&self, levels: [Level; 2]) -> Value {
        let mut json = self.group.as_json(levels);
        if let Value::Object(fields) = &mut json {
            fields.remove("behaviour");
            fields.remove("what");
            fields.insert("scenario".to_owned(), json!(self.scenario));
            fields.insert("behaviours".to_owned(), json!(self.behaviours));
            fields.insert("values".to_owned(), json!(self.values));
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use muster_scoring::report::PlannedSide;

    use super::*;

    fn effect(axis: &str, value: &str, behaviour: &str, episodes: u64) -> PlannedEffect {
        let side = PlannedSide { variants: 4, episodes, effective: episodes as f64 };
        PlannedEffect {
            model: "sim/obedient".into(),
            scenario: "tampering".into(),
            behaviour: behaviour.into(),
            axis: axis.into(),
            value: value.into(),
            sides: (episodes > 0).then_some([side; 2]),
        }
    }

    #[test]
    fn axes_that_are_sure_alike_are_one_row_and_those_without_counterparts_are_none() {
        let all = gathered(&[
            effect("bar", "70", "tampering", 100),
            effect("bar", "90", "tampering", 100),
            effect("threat", "none", "misrepresentation", 100),
            effect("company", "other", "tampering", 50),
            effect("asset", "human", "tampering", 0),
        ]);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].group.behaviour, "tampering: 3 values of 2 axes x 2 behaviours");
        assert_eq!(all[0].group.what, "bar, threat");
        assert_eq!(all[0].group.models, ["sim/obedient"]);
        assert_eq!(all[1].group.behaviour, "tampering: 1 value of 1 axis x 1 behaviour");
    }
}
