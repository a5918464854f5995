//! A player's script: the steps that a file of a scenario's folder `players` lists, and what they come to in one
//! variant. A step is a turn: words, and tool calls whose arguments may use what earlier calls answered.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use minijinja::Value;
use toml::Spanned;
use toml::de::DeValue;

use crate::fields::{Fields, Reader, json};
use crate::mistake::{Mistakes, Source, did_you_mean};
use crate::suite::{Condition, Fault, Scenario, Template, Templates, applies};
use crate::sweep::Placed;
use crate::world::World;

/// Steps of a script.
const STEPS_MAX: usize = 200;
/// The name by which templates of a step see what earlier tool calls answered.
pub(super) const RESULTS: &str = "results";

/// A player of a scenario.
#[derive(Debug)]
pub(crate) enum Player {
    /// Plays these steps.
    Script(Vec<Step>),
    /// Is one of two other players, drawn anew for each conversation.
    Mix(Mix),
}

/// Two players, and how often it is the second.
#[derive(Debug)]
pub(crate) struct Mix {
    pub(super) mostly: Placed<String>,
    pub(super) sometimes: Placed<String>,
    /// Of `sometimes`.
    pub(super) probability: f64,
    source: Source,
}

/// One turn of a script.
#[derive(Debug)]
pub(crate) struct Step {
    when: Option<Condition>,
    say: Option<Words>,
    think: Option<Words>,
    calls: Vec<CallSpec>,
}

/// What is said, or the text of an argument.
#[derive(Debug)]
struct Words {
    template: Template,
    /// Tools whose answers it uses; with none, it can be rendered before the conversation begins.
    uses: Vec<Arc<str>>,
}

#[derive(Debug)]
struct CallSpec {
    /// Whether it is made, decided when the turn comes.
    made: Option<Made>,
    /// Whether it is meant to be answered with an error.
    fails: bool,
    tool: Placed<String>,
    source: Source,
    arguments: Vec<(String, Argument)>,
}

#[derive(Debug)]
struct Made {
    condition: Condition,
    uses: Vec<Arc<str>>,
}

#[derive(Debug)]
enum Argument {
    Value(serde_json::Value),
    Text(Words),
}

/// A script in one variant: the steps that are played there, rendered as far as they can be beforehand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cast {
    pub(super) turns: Vec<CastTurn>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct CastTurn {
    pub(super) say: CastText,
    pub(super) think: CastText,
    pub(super) calls: Vec<CastCall>,
    /// Tools whose answers this turn uses.
    pub(super) uses: BTreeSet<Arc<str>>,
}

/// A condition that needs what tools have answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CastMade {
    pub(super) condition: Condition,
    fixed: Fixed,
}

/// What a text takes from the scenario besides the tools' answers: two casts are the same only if this is, too.
type Fixed = Vec<(String, String)>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct CastCall {
    pub(super) made: Option<CastMade>,
    pub(super) fails: bool,
    /// Its place in the player's file.
    pub(super) at: Range<usize>,
    pub(super) tool: Arc<str>,
    pub(super) arguments: CastArguments,
}

/// A text that is known beforehand, or one that needs what tools have answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum CastText {
    Known(String),
    Rendered(Template, Fixed),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum CastArguments {
    /// As JSON text.
    Known(String),
    Rendered(Vec<(String, CastArgument)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum CastArgument {
    Value(serde_json::Value),
    Text(CastText),
}

/// One player's file being read.
struct PlayerReader<'a> {
    templates: &'a mut Templates,
    mistakes: &'a mut Mistakes,
    source: Source,
}

/// Reads a player's file: `[mix]` or `[[steps]]`.
pub(crate) fn read_player(
    source: Source,
    templates: &mut Templates,
    mistakes: &mut Mistakes,
) -> Option<Player> {
    let reader = Reader::new(source.clone());
    let player = reader.read(|fields| PlayerReader { templates, mistakes, source }.player(fields)).flatten();
    mistakes.absorb(reader.into_mistakes());
    player
}

// === impl PlayerReader ===

impl PlayerReader<'_> {
    fn player(mut self, fields: &Fields<'_>) -> Option<Player> {
        fields.format();
        fields.needed_text("title");
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
        Some(Player::Script(steps.iter().map(|step| self.step(step)).collect()))
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
        Step { when, say, think, calls }
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
        let uses = tools_used(&self.templates.names(condition.template()));
        Some(Made { condition, uses })
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
        let uses = tools_used(&self.templates.names(&template));
        Some(Words { template, uses })
    }

    fn keep<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| fault.note(self.mistakes, &[])).ok()
    }
}

/// `results.list_sheets.sheets` uses the answer of `list_sheets`.
fn tools_used(names: &BTreeSet<String>) -> Vec<Arc<str>> {
    let tool = |name: &String| Some(name.strip_prefix(RESULTS)?.strip_prefix('.')?.split('.').next()?.into());
    let mut tools: Vec<Arc<str>> = names.iter().filter_map(tool).collect();
    tools.dedup();
    tools
}

// === impl Player ===

impl Player {
    /// Notes what is wrong with the player in any variant: tools and players that do not exist, names not defined.
    pub(crate) fn check(&self, scenario: &Scenario, templates: &Templates, mistakes: &mut Mistakes) {
        match self {
            Self::Mix(mix) => mix.check(scenario, mistakes),
            Self::Script(steps) => {
                for step in steps {
                    step.check(scenario, templates, mistakes);
                }
            }
        }
    }

    /// What the player does in one variant. None for a mix.
    pub(crate) fn cast(&self, templates: &Templates, context: &Value) -> Result<Option<Cast>, Fault> {
        let Self::Script(steps) = self else { return Ok(None) };
        let mut turns = Vec::with_capacity(steps.len());
        for step in steps {
            if applies(step.when.as_ref(), templates, context)? {
                turns.push(step.cast(templates, context)?);
            }
        }
        Ok(Some(Cast { turns }))
    }

    /// Checks that the tools called are offered in a variant's world.
    pub(crate) fn check_tools(
        &self,
        templates: &Templates,
        context: &Value,
        world: &World,
    ) -> Result<(), Fault> {
        let Self::Script(steps) = self else { return Ok(()) };
        for step in steps {
            if applies(step.when.as_ref(), templates, context)? {
                step.calls.iter().try_for_each(|call| call.check_offered(world))?;
            }
        }
        Ok(())
    }
}

// === impl Mix ===

impl Mix {
    fn check(&self, scenario: &Scenario, mistakes: &mut Mistakes) {
        for name in [&self.mostly, &self.sometimes] {
            let known = scenario.players.get(name.value.as_str());
            if !matches!(known, Some(Player::Script(_))) {
                let what = format!("the scenario has no player `{}` with steps", name.value);
                let near = did_you_mean(&name.value, scenario.players());
                let help = near.map_or_else(
                    || format!("its players are {}", scenario.players().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                mistakes.add_with_help(&self.source, name.at.clone(), what, help);
            }
        }
    }
}

// === impl Step ===

impl Step {
    fn check(&self, scenario: &Scenario, templates: &Templates, mistakes: &mut Mistakes) {
        for call in self.calls.iter().filter(|call| !World::knows_tool(&call.tool.value)) {
            let what = format!("there is no tool `{}`", call.tool.value);
            match did_you_mean(&call.tool.value, World::all_tools()) {
                Some(near) => {
                    let help = format!("did you mean `{near}`?");
                    mistakes.add_with_help(&call.source, call.tool.at.clone(), what, help);
                }
                None => mistakes.add(&call.source, call.tool.at.clone(), what),
            }
        }
        let mut defined = scenario.defined();
        let when = self.when.as_ref().map(Condition::template);
        when.iter().for_each(|template| check_names(template, &defined, templates, mistakes));
        defined.push(RESULTS.to_owned());
        self.words().for_each(|words| check_names(&words.template, &defined, templates, mistakes));
        let made = self.calls.iter().filter_map(|call| call.made.as_ref());
        made.for_each(|made| check_names(made.condition.template(), &defined, templates, mistakes));
    }

    fn words(&self) -> impl Iterator<Item = &Words> {
        let arguments =
            self.calls.iter().flat_map(|call| &call.arguments).filter_map(|(_, argument)| match argument {
                Argument::Text(words) => Some(words),
                Argument::Value(_) => None,
            });
        self.say.iter().chain(&self.think).chain(arguments)
    }

    /// Tools whose answers the step uses.
    fn uses(&self) -> impl Iterator<Item = &Arc<str>> {
        let made = self.calls.iter().filter_map(|call| call.made.as_ref()).flat_map(|made| &made.uses);
        self.words().flat_map(|words| &words.uses).chain(made)
    }

    fn cast(&self, templates: &Templates, context: &Value) -> Result<CastTurn, Fault> {
        Ok(CastTurn {
            say: cast_text(self.say.as_ref(), templates, context)?,
            think: cast_text(self.think.as_ref(), templates, context)?,
            calls: self
                .calls
                .iter()
                .filter_map(|call| call.cast(templates, context).transpose())
                .collect::<Result<_, _>>()?,
            uses: self.uses().cloned().collect(),
        })
    }
}

/// Notes names that are not defined where a template is rendered.
fn check_names(template: &Template, defined: &[String], templates: &Templates, mistakes: &mut Mistakes) {
    for name in templates.names(template) {
        let root = name.split('.').next().unwrap_or_default();
        if !defined.iter().any(|known| known == root) {
            templates.word(template, root, format!("`{root}` is not defined")).note(mistakes, defined);
        }
    }
}

fn cast_text(words: Option<&Words>, templates: &Templates, context: &Value) -> Result<CastText, Fault> {
    match words {
        None => Ok(CastText::Known(String::new())),
        Some(words) if words.uses.is_empty() => {
            templates.render(&words.template, context).map(CastText::Known)
        }
        Some(words) => {
            Ok(CastText::Rendered(words.template.clone(), fixed(&words.template, templates, context)))
        }
    }
}

/// The values of what a template takes from the scenario.
fn fixed(template: &Template, templates: &Templates, context: &Value) -> Fixed {
    let names = templates.names(template);
    let own = names.into_iter().filter(|name| name.split('.').next() != Some(RESULTS));
    own.map(|name| {
        let value = name.split('.').try_fold(context.clone(), |value, part| value.get_attr(part));
        (name, value.map(|value| value.to_string()).unwrap_or_default())
    })
    .collect()
}

// === impl CallSpec ===

impl CallSpec {
    fn check_offered(&self, world: &World) -> Result<(), Fault> {
        if world.offers(&self.tool.value) || !World::knows_tool(&self.tool.value) {
            return Ok(());
        }
        let what = format!("a variant in which this step is played has no tool `{}`", self.tool.value);
        Err(Fault::at(self.source.clone(), self.tool.at.clone(), what))
    }

    /// The call in one variant; none if it is never made there.
    fn cast(&self, templates: &Templates, context: &Value) -> Result<Option<CastCall>, Fault> {
        let made = match &self.made {
            Some(made) if made.uses.is_empty() => {
                if !templates.holds(&made.condition, context)? {
                    return Ok(None);
                }
                None
            }
            Some(made) => {
                let fixed = fixed(made.condition.template(), templates, context);
                Some(CastMade { condition: made.condition.clone(), fixed })
            }
            None => None,
        };
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for (name, argument) in &self.arguments {
            let argument = match argument {
                Argument::Value(value) => CastArgument::Value(value.clone()),
                Argument::Text(words) => CastArgument::Text(cast_text(Some(words), templates, context)?),
            };
            arguments.push((name.clone(), argument));
        }
        let (tool, at) = (self.tool.value.as_str().into(), self.tool.at.clone());
        Ok(Some(CastCall { made, fails: self.fails, at, tool, arguments: CastArguments::new(arguments) }))
    }
}

// === impl CastArguments ===

impl CastArguments {
    /// As JSON text if all of them are known.
    fn new(arguments: Vec<(String, CastArgument)>) -> Self {
        let known = |(name, argument): &(String, CastArgument)| match argument {
            CastArgument::Value(value) => Some((name.clone(), value.clone())),
            CastArgument::Text(CastText::Known(text)) => Some((name.clone(), text.as_str().into())),
            CastArgument::Text(CastText::Rendered(..)) => None,
        };
        match arguments.iter().map(known).collect::<Option<serde_json::Map<_, _>>>() {
            Some(known) => Self::Known(serde_json::Value::Object(known).to_string()),
            None => Self::Rendered(arguments),
        }
    }
}
