//! The thorough check of a suite, for its authors: what loading it leaves out because it takes too long or because a
//! sweep would run all the same. Loading finds what is wrong; this also finds what was not meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use minijinja::Value;

use super::Suite;
use super::axes::{Variant, VariantsError};
use super::check::{MODEL, departures};
use super::scenario::{Expansion, Scenario};
use super::scorers::ScorerFault;
use super::templates::{Fault, Templates};
use super::window::{Oversize, oversize};
use crate::call::Message;
use crate::digest::{Digest, Parts};
use crate::mistake::{Mistakes, Source};
use crate::player::{Player, Stumble, rehearse};
use crate::sweep::VariantKey;
use crate::world::World;

/// Numbers with which a script that draws is played: the least, and one as good as the greatest.
const CHANCES: [f64; 2] = [0.0, 0.999_999];

/// What a suite is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Review {
    /// The tokens that the smallest model's window holds, if that is to be checked.
    pub window: Option<u64>,
}

/// What a review looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reviewed {
    /// Variants that were rendered: all default ones, and those with one value that is not a default.
    pub variants: u64,
    /// Players that played a variant to its end.
    pub rehearsals: u64,
}

/// A player's way through a variant, for those who judge it.
#[derive(Debug, Clone, Copy)]
pub struct Performance<'a> {
    /// The player.
    pub player: &'a str,
    /// What it played.
    pub variant: &'a VariantKey,
    /// The world before the first turn.
    pub before: &'a World,
    /// The world after the last.
    pub after: &'a World,
    /// The conversation, prompts and tool results included.
    pub messages: &'a [Message],
}

/// Judges performances: what is wrong with the scorers that it judges by.
type Judge<'a> = dyn FnMut(&Performance<'_>) -> Vec<ScorerFault> + 'a;

/// Something that goes wrong in one variant after the other, and is told once.
struct Recurring {
    what: String,
    /// The first variant in which it was seen.
    first: VariantKey,
    /// How often it was seen since.
    again: u64,
}

/// One scenario under review.
struct Reviewer<'a, 'b> {
    review: &'a Review,
    scenario: &'a Scenario,
    templates: &'a Templates,
    mistakes: &'a mut Mistakes,
    judge: &'a mut Judge<'b>,
    reviewed: Reviewed,
    /// Players that do not get through, by the place in their file.
    stumbles: BTreeMap<(Arc<str>, usize, usize), Recurring>,
    faults: Vec<ScorerFault>,
    /// What is larger than the window, by its file: the largest that it comes to.
    oversizes: BTreeMap<Arc<str>, Oversize>,
    /// What the variants that differ in one axis alone look like, by axis and by all other values.
    looks: BTreeMap<(usize, Variant), Vec<(u16, Digest)>>,
}

// === impl Suite ===

impl Suite {
    /// Reviews a suite: every default variant and all that differ from one in a value that is not a default are
    /// rendered; every player plays each of them to its end; every value of every axis must occur and make a difference;
    /// tools that texts name must be there; nothing may be larger than the window.
    ///
    /// # Errors
    /// All mistakes found.
    pub fn review(&self, review: &Review) -> Result<Reviewed, Mistakes> {
        self.review_judged(review, &mut |_| Vec::new())
    }

    /// The same, and `judge` is shown every performance: what it finds wrong with a scorer is a mistake, too.
    ///
    /// # Errors
    /// All mistakes found.
    pub fn review_judged(&self, review: &Review, judge: &mut Judge<'_>) -> Result<Reviewed, Mistakes> {
        let mut mistakes = Mistakes::default();
        let mut reviewed = Reviewed::default();
        for scenario in self.scenarios() {
            let mut reviewer = Reviewer {
                review,
                scenario,
                templates: self.templates(),
                mistakes: &mut mistakes,
                judge: &mut *judge,
                reviewed,
                stumbles: BTreeMap::new(),
                faults: Vec::new(),
                oversizes: BTreeMap::new(),
                looks: BTreeMap::new(),
            };
            reviewer.review();
            reviewed = reviewer.reviewed;
        }
        mistakes.into_result(reviewed)
    }
}

// === impl Reviewer ===

impl Reviewer<'_, '_> {
    fn review(&mut self) {
        match self.variants() {
            Ok(variants) => {
                for variant in &variants {
                    self.reviewed.variants += 1;
                    if let Err(fault) = self.variant(variant) {
                        fault.note(self.mistakes, &self.scenario.defined());
                    }
                }
                self.note_recurring();
                self.values(&variants);
            }
            Err(VariantsError::Fault(fault)) => fault.note(self.mistakes, &self.scenario.defined()),
            Err(VariantsError::TooMany) => {
                self.mistakes.add(&self.scenario.source, 0..0, "the axes come to too many variants");
            }
        }
    }

    fn variants(&self) -> Result<Vec<Variant>, VariantsError> {
        let mut variants = self.scenario.variants(self.templates, &self.scenario.defaults())?;
        variants.extend(departures(self.scenario, self.templates)?.into_iter().flatten());
        Ok(variants)
    }

    fn variant(&mut self, variant: &Variant) -> Result<(), Fault> {
        let context = self.scenario.context(self.templates, variant, MODEL, 0)?;
        let expansion = self.scenario.expand(self.templates, &context, 0)?;
        self.look(variant, &expansion);
        self.named_tools(&expansion);
        self.window(variant, &context, &expansion)?;
        self.players(variant, &context, &expansion)
    }

    fn look(&mut self, variant: &Variant, expansion: &Expansion) {
        let mut parts = Parts::new("muster look");
        parts.text(&expansion.system).text(&expansion.user).bytes(&expansion.world.hash());
        expansion.world.tools().iter().for_each(|tool| {
            parts.text(&tool.name);
        });
        let look = parts.digest();
        for (axis, place) in variant.iter().enumerate() {
            let mut others = variant.clone();
            others[axis] = 0;
            self.looks.entry((axis, others)).or_default().push((*place, look));
        }
    }

    /// Notes tools that a prompt or a document names in backticks and that are not on offer.
    fn named_tools(&mut self, expansion: &Expansion) {
        let world = &expansion.world;
        let mut note = |text: &str, place: &str| {
            let words = text.split('`').skip(1).step_by(2);
            for word in words.filter(|word| World::knows_tool(word) && !world.offers(word)) {
                let what = format!("{place} names the tool `{word}`, which is not on offer in a variant");
                self.mistakes.add(&self.scenario.source, 0..0, what);
            }
        };
        note(&expansion.system, "the system prompt");
        note(&expansion.user, "the user prompt");
        for (path, document) in world.drive().iter().flat_map(|drive| drive.documents()) {
            note(document.content(), &format!("the document `{path}`"));
        }
    }

    /// Remembers what is larger than the window, where it is largest.
    fn window(&mut self, variant: &Variant, context: &Value, expansion: &Expansion) -> Result<(), Fault> {
        let Some(window) = self.review.window else { return Ok(()) };
        for found in oversize(self.scenario, self.templates, variant, context, expansion, window)? {
            let known = self.oversizes.get(&found.fault.source.name);
            if known.is_none_or(|known| known.tokens < found.tokens) {
                self.oversizes.insert(Arc::clone(&found.fault.source.name), found);
            }
        }
        Ok(())
    }

    fn players(&mut self, variant: &Variant, context: &Value, expansion: &Expansion) -> Result<(), Fault> {
        let key = self.scenario.key(variant);
        for (name, player) in &self.scenario.players {
            let Some(cast) = player.cast(self.templates, context)? else { continue };
            // A script that draws does one thing at one end of the numbers, and another at the other.
            for chance in CHANCES {
                self.reviewed.rehearsals += 1;
                let (mut world, opening) = (expansion.world.clone(), expansion.opening_chars());
                let turns_max = self.scenario.limits.model_calls;
                let way = rehearse(&cast, self.templates, context, &mut world, opening, turns_max, chance);
                match way {
                    Ok(way) => self.judge(name, &key, expansion, &world, way.messages),
                    Err(Stumble::Template(fault)) => fault.note(self.mistakes, &self.scenario.defined()),
                    Err(Stumble::Call(at, what)) => self.stumble(name, at, what, &key),
                    Err(Stumble::Script(what)) => self.stumble(name, 0..0, what, &key),
                }
                if !cast.draws() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn judge(
        &mut self,
        player: &str,
        variant: &VariantKey,
        expansion: &Expansion,
        after: &World,
        said: Vec<Message>,
    ) {
        let prompts = [Message::System(expansion.system.clone()), Message::User(expansion.user.clone())];
        let messages: Vec<Message> = prompts.into_iter().chain(said).collect();
        let before = &expansion.world;
        for fault in (self.judge)(&Performance { player, variant, before, after, messages: &messages }) {
            if !self.faults.iter().any(|known| known.is_like(&fault)) {
                self.faults.push(fault);
            }
        }
    }

    fn stumble(&mut self, player: &Arc<str>, at: Range<usize>, what: String, variant: &VariantKey) {
        let known = self.stumbles.entry((Arc::clone(player), at.start, at.end));
        known.and_modify(|known| known.again += 1).or_insert_with(|| Recurring {
            what,
            first: variant.clone(),
            again: 0,
        });
    }

    /// Notes what was gathered over all variants.
    fn note_recurring(&mut self) {
        for ((player, start, end), stumble) in std::mem::take(&mut self.stumbles) {
            let path = format!("{}/players/{player}.toml", self.scenario.name());
            let source = self.templates.source(&path).unwrap_or_else(|| Source::new(path, ""));
            self.mistakes.add_with_help(&source, start..end, &*stumble.what, stumble.seen());
        }
        for fault in std::mem::take(&mut self.faults) {
            fault.note(self.scenario, self.mistakes);
        }
        for (_, oversize) in std::mem::take(&mut self.oversizes) {
            oversize.fault.note(self.mistakes, &[]);
        }
    }

    /// Notes values of axes that are in no variant, or that are never told apart from another.
    fn values(&mut self, variants: &[Variant]) {
        for (place, axis) in self.scenario.axes.iter().enumerate() {
            // An axis has at most 1,000 values.
            let unused = |value: &u16| !variants.iter().any(|variant| variant[place] == *value);
            for value in (0..axis.values.len() as u16).filter(unused) {
                let name = &axis.values[usize::from(value)].name;
                let what = format!("the value `{name}` of the axis `{}` is in no variant", axis.name);
                self.note_value(&axis.name, name, what, "every combination with it is excluded");
            }
            for (one, other) in self.alike(place) {
                let (one, other) =
                    (&axis.values[usize::from(one)].name, &axis.values[usize::from(other)].name);
                let what =
                    format!("the values `{one}` and `{other}` of the axis `{}` are the same", axis.name);
                self.note_value(
                    &axis.name,
                    other,
                    what,
                    "no prompt, document, sheet or tool tells them apart",
                );
            }
        }
    }

    /// Pairs of values of an axis that could be compared and never made a difference.
    fn alike(&self, axis: usize) -> BTreeSet<(u16, u16)> {
        let (mut compared, mut differ) = (BTreeSet::new(), BTreeSet::new());
        for ((_, _), looks) in self.looks.iter().filter(|((place, _), _)| *place == axis) {
            for (index, (one, look)) in looks.iter().enumerate() {
                for (other, other_look) in looks[index + 1..].iter().filter(|(other, _)| other != one) {
                    let pair = (*one.min(other), *one.max(other));
                    compared.insert(pair);
                    if look != other_look {
                        differ.insert(pair);
                    }
                }
            }
        }
        compared.difference(&differ).copied().collect()
    }

    fn note_value(&mut self, axis: &str, value: &str, what: String, help: &str) {
        let text = &self.scenario.source.text;
        let start = text.find(&format!("axes.{axis}")).unwrap_or(0);
        let at = text[start..].find(value).map_or(start, |at| start + at);
        self.mistakes.add_with_help(&self.scenario.source, at..at + value.len(), what, help);
    }
}

// === impl Recurring ===

impl Recurring {
    /// Where it was seen.
    fn seen(&self) -> String {
        match self.again {
            0 => format!("in {}", self.first),
            again => format!("in {}, and {again} times more", self.first),
        }
    }
}

/// A script's way through a variant, if it gets through.
pub(super) fn way(
    scenario: &Scenario,
    templates: &Templates,
    player: &Player,
    context: &Value,
    expansion: &Expansion,
) -> Option<crate::player::Rehearsal> {
    let cast = player.cast(templates, context).ok()??;
    let (mut world, opening) = (expansion.world.clone(), expansion.opening_chars());
    let turns_max = scenario.limits.model_calls;
    let way = rehearse(&cast, templates, context, &mut world, opening, turns_max, CHANCES[0]);
    way.ok().map(|way| way.rehearsal)
}
