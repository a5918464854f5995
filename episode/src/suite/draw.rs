//! Randomness of seeded scenarios: drawn from the seed alone, so that the same seed always gives the same world.

use std::sync::Arc;

use minijinja::{Error, ErrorKind, Value};

use crate::digest::Parts;

/// `draw(list, what)` picks an item of a list, `draw(n, what)` a number from 0 to n - 1. `what` tells draws of one
/// episode apart; the same seed draws the same in every variant, so that variants can be compared in pairs.
pub(super) fn draw_function(scenario: &Arc<str>, seed: u64) -> Value {
    let scenario = Arc::clone(scenario);
    Value::from_function(move |from: Value, what: String| draw(&scenario, seed, &from, &what))
}

fn draw(scenario: &str, seed: u64, from: &Value, what: &str) -> Result<Value, Error> {
    let random = Parts::new("muster draw").text(scenario).number(seed).text(what).draw();
    let nothing =
        || Error::new(ErrorKind::InvalidOperation, "draw takes a number above 0 or a list that is not empty");
    if let Some(below) = from.as_usize() {
        return random.checked_rem(below as u64).map(Value::from).ok_or_else(nothing);
    }
    let length = from.len().filter(|length| *length > 0).ok_or_else(nothing)?;
    // The remainder is below a length, which is a usize.
    from.get_item_by_index((random % length as u64) as usize)
}
