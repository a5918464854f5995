//! A player's script: the steps that a file of a scenario's folder `players` lists, and what they come to in one
//! variant. A step is a turn: words, and tool calls whose arguments may use what earlier calls answered.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::mistake::{Mistakes, Source, did_you_mean};
use crate::suite::{Condition, Fault, Scenario, Template, Templates, applies};
use crate::sweep::Placed;
use crate::world::World;
use minijinja::Value;

/// The names by which templates of a step see what tools answered last, all that they answered, a number from 0 to
/// below 1 that is drawn anew for each conversation, one for each text, and the odds that the model's name gives.
pub(super) const RESULTS: &str = "results";
pub(super) const ANSWERS: &str = "answers";
pub(super) const CHANCE: &str = "chance";
pub(super) const DRAW: &str = "draw";
pub(super) const ODDS: &str = "odds";
const LIVE: [&str; 5] = [RESULTS, ANSWERS, CHANCE, DRAW, ODDS];

/// A player of a scenario.
#[derive(Debug)]
pub(crate) enum Player {
    /// Plays steps.
    Script(Script),
    /// Is one of two other players, drawn anew for each conversation.
    Mix(Mix),
}

/// Steps, and names for their templates: each may use those before it, and what the conversation has told.
#[derive(Debug)]
pub(crate) struct Script {
    pub(super) names: Vec<(Placed<String>, Words)>,
    pub(super) steps: Vec<Step>,
}

/// Two players, and how often it is the second.
#[derive(Debug)]
pub(crate) struct Mix {
    pub(super) mostly: Placed<String>,
    pub(super) sometimes: Placed<String>,
    /// Of `sometimes`.
    pub(super) probability: f64,
    pub(super) source: Source,
}

/// One turn of a script.
#[derive(Debug)]
pub(crate) struct Step {
    pub(super) source: Source,
    pub(super) when: Option<Condition>,
    pub(super) say: Option<Words>,
    pub(super) think: Option<Words>,
    pub(super) calls: Vec<CallSpec>,
}

/// What is said, or the text of an argument.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) template: Template,
    pub(super) live: Live,
}

/// What a template takes from the conversation; if that is nothing, it can be rendered before it begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Live {
    /// Tools whose last answer it uses.
    pub(super) results: BTreeSet<Arc<str>>,
    /// Tools of which it uses all answers.
    pub(super) answers: BTreeSet<Arc<str>>,
    /// Whether it uses numbers that are drawn.
    pub(super) chance: bool,
    /// The odds that it uses.
    pub(super) odds: BTreeSet<Arc<str>>,
    /// Whether it uses names of the player's own.
    pub(super) names: bool,
}

#[derive(Debug)]
pub(super) struct CallSpec {
    /// Whether it is made, decided when the turn comes.
    pub(super) made: Option<Made>,
    /// Whether it is meant to be answered with an error.
    pub(super) fails: bool,
    pub(super) tool: Placed<String>,
    pub(super) source: Source,
    pub(super) arguments: Vec<(String, Argument)>,
}

#[derive(Debug)]
pub(super) struct Made {
    pub(super) condition: Condition,
    pub(super) live: Live,
}

#[derive(Debug)]
pub(super) enum Argument {
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
    /// What this turn takes from the conversation.
    pub(super) live: Live,
    /// The player's own names, if it uses any.
    pub(super) names: Vec<CastName>,
}

/// A name of a player's own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CastName {
    pub(super) name: Arc<str>,
    pub(super) template: Template,
    fixed: Fixed,
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

// === impl Live ===

impl Live {
    /// By the names that a template takes: `results.list_sheets.sheets` is the last answer of `list_sheets`.
    pub(super) fn of(names: &BTreeSet<String>) -> Self {
        let parts = |root: &str| -> BTreeSet<Arc<str>> {
            let part =
                |name: &String| Some(name.strip_prefix(root)?.strip_prefix('.')?.split('.').next()?.into());
            names.iter().filter_map(part).collect()
        };
        Self {
            results: parts(RESULTS),
            answers: parts(ANSWERS),
            chance: names.contains(CHANCE) || names.contains(DRAW),
            odds: parts(ODDS),
            names: false,
        }
    }

    fn is_nothing(&self) -> bool {
        let takes_nothing = self.results.is_empty() && self.answers.is_empty() && self.odds.is_empty();
        takes_nothing && !self.chance && !self.names
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.results.extend(other.results.iter().cloned());
        self.answers.extend(other.answers.iter().cloned());
        self.chance |= other.chance;
        self.odds.extend(other.odds.iter().cloned());
        self.names |= other.names;
    }
}

// === impl Player ===

impl Player {
    /// Notes what is wrong with the player in any variant: tools and players that do not exist, names not defined.
    pub(crate) fn check(&self, scenario: &Scenario, templates: &Templates, mistakes: &mut Mistakes) {
        match self {
            Self::Mix(mix) => mix.check(scenario, mistakes),
            Self::Script(script) => script.check(scenario, templates, mistakes),
        }
    }

    /// What the player does in one variant. None for a mix.
    pub(crate) fn cast(&self, templates: &Templates, context: &Value) -> Result<Option<Cast>, Fault> {
        let Self::Script(script) = self else { return Ok(None) };
        let own: Vec<&str> = script.names.iter().map(|(name, _)| name.value.as_str()).collect();
        let mut turns = Vec::with_capacity(script.steps.len());
        for step in &script.steps {
            if applies(step.when.as_ref(), templates, context)? {
                let names =
                    if step.live().names { script.cast_names(templates, context) } else { Vec::new() };
                turns.push(step.cast(templates, context, &own, names)?);
            }
        }
        Ok(Some(Cast { turns }))
    }

    /// The odds that the model's name may give it.
    pub(crate) fn odds(&self) -> BTreeSet<Arc<str>> {
        let Self::Script(script) = self else { return BTreeSet::new() };
        let named = script.names.iter().flat_map(|(_, words)| words.live.odds.clone());
        named.chain(script.steps.iter().flat_map(|step| step.live().odds)).collect()
    }

    /// Checks that the tools called are offered in a variant's world.
    pub(crate) fn check_tools(
        &self,
        templates: &Templates,
        context: &Value,
        world: &World,
    ) -> Result<(), Fault> {
        let Self::Script(script) = self else { return Ok(()) };
        for step in &script.steps {
            if applies(step.when.as_ref(), templates, context)? {
                step.calls.iter().try_for_each(|call| call.check_offered(world))?;
            }
        }
        Ok(())
    }
}

// === impl Script ===

impl Script {
    fn check(&self, scenario: &Scenario, templates: &Templates, mistakes: &mut Mistakes) {
        let (mut defined, scenarios) = (scenario.defined(), scenario.defined());
        defined.extend(LIVE.map(str::to_owned));
        let source = self.steps.first().map(|step| &step.source);
        for (name, words) in &self.names {
            check_names(&words.template, &defined, templates, mistakes);
            if let Some(source) = source.filter(|_| defined.contains(&name.value)) {
                let what = format!("the name `{}` is taken", name.value);
                mistakes.add(source, name.at.clone(), what);
            }
            defined.push(name.value.clone());
        }
        self.steps.iter().for_each(|step| step.check(&scenarios, &defined, templates, mistakes));
    }

    fn cast_names(&self, templates: &Templates, context: &Value) -> Vec<CastName> {
        let own: Vec<&str> = self.names.iter().map(|(name, _)| name.value.as_str()).collect();
        let names = self.names.iter().map(|(name, words)| CastName {
            name: name.value.as_str().into(),
            template: words.template.clone(),
            fixed: fixed(&words.template, templates, context, &own),
        });
        names.collect()
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
    /// `outside` is defined where it is decided whether the step is played, `defined` where it is played.
    fn check(&self, outside: &[String], defined: &[String], templates: &Templates, mistakes: &mut Mistakes) {
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
        let when = self.when.as_ref().map(Condition::template);
        when.iter().for_each(|template| check_names(template, outside, templates, mistakes));
        self.words().for_each(|words| check_names(&words.template, defined, templates, mistakes));
        let made = self.calls.iter().filter_map(|call| call.made.as_ref());
        made.for_each(|made| check_names(made.condition.template(), defined, templates, mistakes));
    }

    fn words(&self) -> impl Iterator<Item = &Words> {
        let arguments =
            self.calls.iter().flat_map(|call| &call.arguments).filter_map(|(_, argument)| match argument {
                Argument::Text(words) => Some(words),
                Argument::Value(_) => None,
            });
        self.say.iter().chain(&self.think).chain(arguments)
    }

    /// What the step takes from the conversation.
    fn live(&self) -> Live {
        let made = self.calls.iter().filter_map(|call| call.made.as_ref()).map(|made| &made.live);
        let mut all = Live::default();
        self.words().map(|words| &words.live).chain(made).for_each(|live| all.join(live));
        all
    }

    fn cast(
        &self,
        templates: &Templates,
        context: &Value,
        own: &[&str],
        names: Vec<CastName>,
    ) -> Result<CastTurn, Fault> {
        Ok(CastTurn {
            names,
            say: cast_text(self.say.as_ref(), templates, context, own)?,
            think: cast_text(self.think.as_ref(), templates, context, own)?,
            calls: self
                .calls
                .iter()
                .filter_map(|call| call.cast(templates, context, own).transpose())
                .collect::<Result<_, _>>()?,
            live: self.live(),
        })
    }
}

impl Cast {
    /// Whether what it does depends on the number that is drawn.
    pub(crate) fn draws(&self) -> bool {
        self.turns.iter().any(|turn| turn.live.chance)
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

fn cast_text(
    words: Option<&Words>,
    templates: &Templates,
    context: &Value,
    own: &[&str],
) -> Result<CastText, Fault> {
    match words {
        None => Ok(CastText::Known(String::new())),
        Some(words) if words.live.is_nothing() => {
            templates.render(&words.template, context).map(CastText::Known)
        }
        Some(words) => {
            Ok(CastText::Rendered(words.template.clone(), fixed(&words.template, templates, context, own)))
        }
    }
}

/// The values of what a template takes from the scenario.
fn fixed(template: &Template, templates: &Templates, context: &Value, own: &[&str]) -> Fixed {
    let names = templates.names(template);
    let others = names.into_iter().filter(|name| {
        !name.split('.').next().is_some_and(|root| LIVE.contains(&root) || own.contains(&root))
    });
    others
        .map(|name| {
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
    fn cast(&self, templates: &Templates, context: &Value, own: &[&str]) -> Result<Option<CastCall>, Fault> {
        let made = match &self.made {
            Some(made) if made.live.is_nothing() => {
                if !templates.holds(&made.condition, context)? {
                    return Ok(None);
                }
                None
            }
            Some(made) => {
                let fixed = fixed(made.condition.template(), templates, context, own);
                Some(CastMade { condition: made.condition.clone(), fixed })
            }
            None => None,
        };
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for (name, argument) in &self.arguments {
            let argument = match argument {
                Argument::Value(value) => CastArgument::Value(value.clone()),
                Argument::Text(words) => CastArgument::Text(cast_text(Some(words), templates, context, own)?),
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
