//! Whether a variant fits into a model's window: by the estimate of four characters a token, which is near enough to find
//! a document that was never meant to be so long.

use minijinja::Value;

use super::check::MODEL;
use super::scenario::{Expansion, Scenario};
use super::templates::{Fault, Templates};
use super::{ShowError, Suite, tokens};
use crate::mistake::Mistakes;
use crate::sweep::VariantKey;

/// Something that is larger than the window.
pub(super) struct Oversize {
    /// Its tokens, about.
    pub(super) tokens: u64,
    /// Where it stands, and what is said of it.
    pub(super) fault: Fault,
}

// === impl Suite ===

impl Suite {
    /// What of a variant is larger than a window of so many tokens, at its place: a document, sheet or memory by itself,
    /// or all that every call begins with. `help` says whose window it is.
    ///
    /// # Errors
    /// If there is no such variant, or a template of it fails.
    pub fn oversize(&self, variant: &VariantKey, window: u64, help: &str) -> Result<Mistakes, ShowError> {
        let unknown = || ShowError::Unknown(format!("the suite has no variant `{variant}`"));
        let scenario = self.scenario(&variant.scenario).ok_or_else(unknown)?;
        let places = scenario.places(variant).ok_or_else(unknown)?;
        let context = scenario.context(self.templates(), &places, MODEL, 0)?;
        let expansion = scenario.expand(self.templates(), &context, 0)?;
        let mut mistakes = Mistakes::default();
        for Oversize { fault, .. } in
            oversize(scenario, self.templates(), &places, &context, &expansion, window)?
        {
            mistakes.add_with_help(&fault.source, fault.span, fault.what, help);
        }
        Ok(mistakes)
    }
}

/// What of a variant is larger than the window.
pub(super) fn oversize(
    scenario: &Scenario,
    templates: &Templates,
    variant: &[u16],
    context: &Value,
    expansion: &Expansion,
    window: u64,
) -> Result<Vec<Oversize>, Fault> {
    let mut found = Vec::new();
    for (template, chars) in scenario.world.sizes(templates, context)? {
        let tokens = tokens(chars);
        if tokens > window {
            let what = format!("this comes to about {tokens} tokens; the model's window holds {window}");
            found.push(Oversize { tokens, fault: first_line(templates.whole(&template, what)) });
        }
    }
    let opening = tokens(expansion.opening_chars());
    if opening > window {
        let what = format!(
            "prompts and tools of {} come to about {opening} tokens; the model's window holds {window}",
            scenario.key(variant)
        );
        found.push(Oversize { tokens: opening, fault: first_line(templates.whole(&scenario.user, what)) });
    }
    Ok(found)
}

/// The fault at the first line of its place: nobody is to be shown all of what is too long.
fn first_line(mut fault: Fault) -> Fault {
    let text = fault.source.text.get(fault.span.clone()).unwrap_or_default();
    fault.span.end = fault.span.start + text.lines().next().unwrap_or_default().len();
    fault
}
