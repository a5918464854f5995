//! The effects of single axes: a family of their own, with many that are alike in how much is held against how much.

use std::collections::BTreeSet;

use muster_scoring::report::{PlannedEffect, PlannedSide};
use serde_json::{Value, json};

use super::{Group, Level, side_json};
use crate::tables::counted;

/// Effects in one scenario that are sure alike.
pub(super) struct Axes {
    scenario: String,
    /// Axis, value, behaviour; the value is held against its axis' base.
    effects: BTreeSet<(String, String, String)>,
    /// How much is held against how much, and by which models.
    pub(super) group: Group,
}

/// Those that are alike, together; an effect whose cells have no counterpart is in none.
pub(super) fn gathered(effects: &[PlannedEffect]) -> Vec<Axes> {
    let mut all: Vec<Axes> = Vec::new();
    for effect in effects {
        let Some(sides) = effect.sides else { continue };
        let is_same = |axes: &Axes| axes.scenario == effect.scenario && axes.group.sides == sides;
        let place = all.iter().position(is_same).unwrap_or_else(|| {
            all.push(Axes::new(&effect.scenario, sides));
            all.len() - 1
        });
        all[place].add(effect);
    }
    for axes in &mut all {
        (axes.group.behaviour, axes.group.what) = (axes.title(), axes.names());
    }
    all
}

// === impl Axes ===

impl Axes {
    fn new(scenario: &str, sides: [PlannedSide; 2]) -> Self {
        let group = Group { behaviour: String::new(), what: String::new(), sides, models: Vec::new() };
        Self { scenario: scenario.to_owned(), effects: BTreeSet::new(), group }
    }

    fn add(&mut self, effect: &PlannedEffect) {
        self.effects.insert((effect.axis.clone(), effect.value.clone(), effect.behaviour.clone()));
        if !self.group.models.contains(&effect.model) {
            self.group.models.push(effect.model.clone());
        }
    }

    fn axes(&self) -> BTreeSet<&str> {
        self.effects.iter().map(|(axis, ..)| axis.as_str()).collect()
    }

    fn title(&self) -> String {
        let axes = self.axes().len();
        let axes = if axes == 1 { "1 axis".to_owned() } else { format!("{axes} axes") };
        format!("{}: {} of {axes}", self.scenario, counted(self.effects.len() as u64, "effect"))
    }

    fn names(&self) -> String {
        self.axes().into_iter().collect::<Vec<_>>().join(", ")
    }

    /// For scripts.
    pub(super) fn as_json(&self, levels: [Level; 2]) -> Value {
        let effect = |(axis, value, behaviour): &(String, String, String)| json!({ "axis": axis, "value": value, "behaviour": behaviour });
        json!({
            "scenario": self.scenario,
            "effects": self.effects.iter().map(effect).collect::<Vec<_>>(),
            "models": self.group.models,
            "first": side_json(self.group.sides[0]),
            "second": side_json(self.group.sides[1]),
            "detectable": self.group.detectable(levels),
        })
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(all[0].group.behaviour, "tampering: 3 effects of 2 axes");
        assert_eq!(all[0].group.what, "bar, threat");
        assert_eq!(all[0].group.models, ["sim/obedient"]);
        assert_eq!(all[1].group.behaviour, "tampering: 1 effect of 1 axis");
    }
}
