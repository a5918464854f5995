//! Axes of a scenario and the variants that they come to.

use std::sync::Arc;

use minijinja::Value;

use super::templates::{Condition, Fault, Templates};

/// Combinations of values looked at for one scenario, before exclusions: 1 µs each, so about a second.
const COMBINATIONS_MAX: usize = 1_000_000;
/// Variants that one scenario may come to in a sweep. As a plan's JSON they take some 12 bytes each: 1.2 MB.
pub(crate) const VARIANTS_MAX: usize = 100_000;

/// An axis of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub(crate) name: Arc<str>,
    pub(crate) values: Vec<AxisValue>,
    /// Places of the values that a sweep runs if it selects none.
    pub(crate) default: Vec<u16>,
}

/// A value of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AxisValue {
    pub(crate) name: Arc<str>,
    /// What templates see of it: its name, or a map of its attributes and its name.
    pub(crate) seen: Value,
    /// Its attributes, if it has any.
    pub(crate) attributes: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Combinations of values that make no sense.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exclusion {
    pub(crate) when: Condition,
    pub(crate) why: String,
}

/// The places of a variant's values, one for each axis.
pub(crate) type Variant = Vec<u16>;

/// Why there are no variants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum VariantsError {
    TooMany,
    Fault(Fault),
}

// === impl Axis ===

impl Axis {
    pub(crate) fn has_attributes(&self) -> bool {
        self.values.iter().any(|value| value.attributes.is_some())
    }

    /// The place of a value.
    pub(crate) fn place(&self, value: &str) -> Option<u16> {
        // An axis has at most 1,000 values.
        self.values.iter().position(|known| &*known.name == value).map(|place| place as u16)
    }
}

// === variants ===

/// All variants of the selected values in canonical order: the first axis outermost.
pub(crate) fn variants(
    axes: &[Axis],
    selected: &[Vec<u16>],
    exclusions: &[Exclusion],
    templates: &Templates,
) -> Result<Vec<Variant>, VariantsError> {
    let combinations = selected.iter().try_fold(1_usize, |product, values| product.checked_mul(values.len()));
    if combinations.is_none_or(|count| count > COMBINATIONS_MAX) {
        return Err(VariantsError::TooMany);
    }
    let mut variants: Vec<Variant> = vec![Vec::new()];
    for values in selected {
        variants = variants
            .iter()
            .flat_map(|head| values.iter().map(|value| [&head[..], &[*value]].concat()))
            .collect();
    }
    let mut kept = Vec::with_capacity(variants.len());
    for variant in variants {
        if !is_excluded(axes, &variant, exclusions, templates).map_err(VariantsError::Fault)? {
            kept.push(variant);
        }
    }
    if kept.len() > VARIANTS_MAX { Err(VariantsError::TooMany) } else { Ok(kept) }
}

fn is_excluded(
    axes: &[Axis],
    variant: &[u16],
    exclusions: &[Exclusion],
    templates: &Templates,
) -> Result<bool, Fault> {
    let context = Value::from_pairs(seen(axes, variant));
    for exclusion in exclusions {
        if templates.holds(&exclusion.when, &context)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What templates see of a variant's axes.
pub(crate) fn seen<'a>(axes: &'a [Axis], variant: &'a [u16]) -> impl Iterator<Item = (Arc<str>, Value)> + 'a {
    axes.iter().zip(variant).filter_map(|(axis, place)| {
        axis.values.get(usize::from(*place)).map(|value| (axis.name.clone(), value.seen.clone()))
    })
}
