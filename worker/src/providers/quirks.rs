//! What a route does not take, or wants otherwise, by the catalog's names. A name that nobody knows is refused: a
//! misspelt one would change what is asked of a model, and nobody would see it.

use std::sync::Arc;

/// The names without a value in them, for people.
const PLAIN: &[&str] = &[
    "no-temperature",
    "no-top-p",
    "no-seed",
    "no-tool-choice",
    "no-parallel-tools",
    "max-tokens-field",
    "max-completion-tokens-field",
    "thinking-enabled",
    "thinking-disabled",
    "interleaved-thinking",
];

/// How hard a model may be told to think. Which of them a model knows is for its provider to say.
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// A route's quirks. The default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quirks {
    /// `no-temperature`: it is never sent.
    pub no_temperature: bool,
    /// `no-top-p`: it is never sent.
    pub no_top_p: bool,
    /// `no-seed`: it is never sent.
    pub no_seed: bool,
    /// `no-tool-choice`: it is never sent; what is left out means "auto" everywhere.
    pub no_tool_choice: bool,
    /// `no-parallel-tools`: one tool call a turn is asked for.
    pub no_parallel_tools: bool,
    /// `interleaved-thinking`: thinking between tool calls, which Anthropic's 4.5 models want a header for.
    pub interleaved_thinking: bool,
    /// `max-tokens-field`, `max-completion-tokens-field`: what the limit of a call's output is called, where the
    /// provider's usual name is wrong.
    pub limit_field: Option<LimitField>,
    /// `thinking-enabled`, `thinking-disabled`.
    pub thinking: Option<Thinking>,
    /// `effort-none` to `effort-max`.
    pub effort: Option<&'static str>,
    /// `provider-NAME`, in order: whom OpenRouter is to ask, and nobody else.
    pub providers: Vec<String>,
}

/// The name of the field that bounds a call's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitField {
    /// `max_tokens`: compatible servers.
    MaxTokens,
    /// `max_completion_tokens`: OpenAI, whose reasoning models refuse the other.
    MaxCompletionTokens,
}

/// Whether a model that can do both is to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// It is.
    Enabled,
    /// It is not.
    Disabled,
}

// === impl Quirks ===

impl Quirks {
    /// The quirks of these names.
    ///
    /// # Errors
    /// Names the unknown one, and the known ones; or the two that contradict each other.
    pub fn parse(names: &[Arc<str>]) -> Result<Self, String> {
        let mut quirks = Self::default();
        for name in names {
            quirks.add(name)?;
        }
        Ok(quirks)
    }

    fn add(&mut self, name: &str) -> Result<(), String> {
        match name {
            "no-temperature" => self.no_temperature = true,
            "no-top-p" => self.no_top_p = true,
            "no-seed" => self.no_seed = true,
            "no-tool-choice" => self.no_tool_choice = true,
            "no-parallel-tools" => self.no_parallel_tools = true,
            "interleaved-thinking" => self.interleaved_thinking = true,
            "max-tokens-field" => once(&mut self.limit_field, LimitField::MaxTokens, name)?,
            "max-completion-tokens-field" => {
                once(&mut self.limit_field, LimitField::MaxCompletionTokens, name)?;
            }
            "thinking-enabled" => once(&mut self.thinking, Thinking::Enabled, name)?,
            "thinking-disabled" => once(&mut self.thinking, Thinking::Disabled, name)?,
            _ => return self.add_valued(name),
        }
        Ok(())
    }

    fn add_valued(&mut self, name: &str) -> Result<(), String> {
        if let Some(effort) = name.strip_prefix("effort-")
            && let Some(effort) = EFFORTS.iter().find(|known| **known == effort)
        {
            return once(&mut self.effort, effort, name);
        }
        match name.strip_prefix("provider-") {
            Some(provider) if !provider.is_empty() => self.providers.push(provider.to_owned()),
            _ => return Err(unknown(name)),
        }
        Ok(())
    }
}

/// Set what may be set once.
fn once<T: PartialEq>(slot: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    if slot.as_ref().is_some_and(|set| *set != value) {
        return Err(format!("quirk {name:?} contradicts another one"));
    }
    *slot = Some(value);
    Ok(())
}

fn unknown(name: &str) -> String {
    let name: String = name.chars().take(64).collect();
    let efforts = EFFORTS.iter().map(|effort| format!("effort-{effort}"));
    let known: Vec<String> = PLAIN.iter().map(|name| (*name).to_owned()).chain(efforts).collect();
    format!("quirk {name:?} is not known; known are {} and provider-NAME", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(names: &[&str]) -> Result<Quirks, String> {
        Quirks::parse(&names.iter().map(|name| Arc::from(*name)).collect::<Vec<_>>())
    }

    #[test]
    fn every_known_name_changes_something() {
        for name in PLAIN.iter().copied().chain(["effort-none", "effort-max", "provider-deepinfra/fp8"]) {
            assert_ne!(parse(&[name]).expect(name), Quirks::default(), "{name}");
        }
    }

    #[test]
    fn a_misspelt_quirk_is_refused_and_the_known_ones_named() {
        for name in ["no-temprature", "effort-enormous", "effort-", "provider-", ""] {
            let error = parse(&["no-seed", name]).expect_err(name);
            assert!(error.contains(&format!("{name:?}")) && error.contains("no-temperature"), "{error}");
        }
    }

    #[test]
    fn quirks_that_contradict_each_other_are_refused() {
        for pair in [
            ["thinking-enabled", "thinking-disabled"],
            ["effort-low", "effort-high"],
            ["max-tokens-field", "max-completion-tokens-field"],
        ] {
            assert!(parse(&pair).expect_err(pair[0]).contains("contradicts"), "{pair:?}");
        }
        assert!(parse(&["effort-low", "effort-low"]).is_ok());
    }

    #[test]
    fn providers_keep_their_order() {
        let quirks = parse(&["provider-b", "provider-a"]).expect("quirks");
        assert_eq!(quirks.providers, ["b", "a"]);
    }
}
