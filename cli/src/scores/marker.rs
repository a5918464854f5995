//! One episode's verdicts: those it has already, and those that are made now, by rules and by what a judge has answered.
//! Knows no coordinator and changes nothing, so that episodes can be marked on all processors at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_episode::{Expander, Row, VariantKey, replay};
use muster_proto::v1;
use muster_scoring::judge::{Question, Readings};
use muster_scoring::tables::{Infrastructure, Observation};
use muster_scoring::{Evidence, ScoreError, Scorer, ScorerSet, Verdict};

use super::Which;
use crate::dossier::Ended;
use crate::episodes::Read;
use crate::judging::{Answers, Asked, Unread};

/// See the module.
pub(super) struct Marker {
    pub(super) expander: Arc<Expander>,
    pub(super) scorers: BTreeMap<Arc<str>, ScorerSet>,
    pub(super) which: Which,
    pub(super) turns: Turns,
    /// What a judge has answered, if one is asked.
    pub(super) answers: Option<Answers>,
}

/// Whether episodes are read with their turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turns {
    Wanted,
    Unwanted,
}

/// What came of one episode.
#[derive(Debug)]
pub(super) struct Marked {
    /// The episode, without its turns.
    pub(super) ended: Ended,
    /// None: it is beyond its sweep's plan.
    pub(super) variant: Option<VariantKey>,
    /// What the headline scorers say, each by its name.
    pub(super) observed: Vec<(String, Observation)>,
    /// Verdicts that are left to a judge.
    pub(super) unsure: u64,
    /// Verdicts made.
    pub(super) made: Vec<v1::Verdict>,
    /// What a judge is still to be asked.
    pub(super) wanted: Vec<Row>,
    /// Answers of a judge that are none.
    pub(super) unread: Vec<Unread>,
    /// Why it, or a scorer's part of it, could not be judged.
    pub(super) problems: Vec<String>,
    /// Whether it can only be judged by its turns, which were not asked for.
    pub(super) needs_turns: bool,
}

// === impl Marker ===

impl Marker {
    /// Marks an episode.
    pub(super) fn mark(&self, read: Read) -> Marked {
        let (ended, damage) = match read {
            Read::Whole(ended) => (ended, None),
            Read::Damaged(ended, why) => (ended, Some(why)),
        };
        let plan = self.expander.plan();
        let variant = plan.variant(plan.place(ended.job.ordinal).0);
        let mut marked = Marked::new(ended, variant);
        let scenario = marked.variant.as_ref().map(|variant| Arc::clone(&variant.scenario));
        match scenario.map(|scenario| self.scorers.get(&scenario)) {
            Some(Some(set)) => self.observe(set, damage, &mut marked),
            Some(None) => {}
            None => marked.problems.push("it is beyond its sweep's plan".to_owned()),
        }
        marked.ended.turns = Vec::new();
        marked
    }

    fn observe(&self, set: &ScorerSet, damage: Option<String>, marked: &mut Marked) {
        let verdicts = self.verdicts(set, damage, marked);
        for (scorer, verdict) in set.iter().zip(verdicts) {
            marked.unsure +=
                u64::from(verdict.as_ref().is_some_and(|verdict| scorer.is_left_to_judge(verdict)));
            if scorer.is_headline() {
                let observation =
                    verdict.map_or_else(|| lost(marked.ended.outcome), |verdict| scorer.observe(&verdict));
                marked.observed.push((scorer.name().to_owned(), observation));
            }
        }
    }

    /// The verdict of each scorer; none where there is no episode to judge, or it can't be.
    fn verdicts(&self, set: &ScorerSet, damage: Option<String>, marked: &mut Marked) -> Vec<Option<Verdict>> {
        let none = || vec![None; set.iter().count()];
        if !marked.ended.is_result() {
            return none();
        }
        let known: Vec<Option<Verdict>> =
            set.iter().map(|scorer| self.known(scorer, &marked.ended)).collect();
        if known.iter().all(Option::is_some) {
            return known;
        }
        if self.turns == Turns::Unwanted {
            marked.needs_turns = true;
            return none();
        }
        let replayed = match damage {
            Some(why) => Err(why),
            None => self.replay(&marked.ended),
        };
        match replayed {
            Ok(episode) => {
                let evidence = Evidence::of(&episode);
                let judge = |(scorer, known): (&dyn Scorer, Option<Verdict>)| {
                    known.or_else(|| self.judge(scorer, &evidence, marked))
                };
                set.iter().zip(known).map(judge).collect()
            }
            Err(why) => {
                marked.problems.push(why);
                none()
            }
        }
    }

    fn replay(&self, ended: &Ended) -> Result<muster_episode::Episode, String> {
        let job = self.expander.job(ended.job.lane, ended.job.ordinal).map_err(|error| error.to_string())?;
        let replayed = replay(job, &ended.turns, &ended.detail).map_err(|error| error.to_string())?;
        Ok(replayed.episode)
    }

    /// The verdict that an episode has already: the judge's, where a judge is asked and the rules leave it to one.
    fn known(&self, scorer: &dyn Scorer, ended: &Ended) -> Option<Verdict> {
        let ruled = self.ruled(scorer, ended)?;
        match &self.answers {
            Some(answers) if scorer.is_left_to_judge(&ruled) => {
                let version = Question::version(scorer.version(), answers.model());
                (self.which == Which::New).then(|| stored(scorer, &version, ended)).flatten()
            }
            _ => Some(ruled),
        }
    }

    fn ruled(&self, scorer: &dyn Scorer, ended: &Ended) -> Option<Verdict> {
        (self.which != Which::All).then(|| stored(scorer, scorer.version(), ended)).flatten()
    }

    fn judge(&self, scorer: &dyn Scorer, evidence: &Evidence<'_>, marked: &mut Marked) -> Option<Verdict> {
        let ruled = match self.ruled(scorer, &marked.ended) {
            Some(ruled) => ruled,
            None => match scorer.score(evidence) {
                Ok(ruled) => {
                    marked.keep(scorer, scorer.version(), &ruled);
                    ruled
                }
                Err(error) => {
                    marked.problems.push(error.to_string());
                    return None;
                }
            },
        };
        let answers = self.answers.as_ref().filter(|_| scorer.is_left_to_judge(&ruled));
        let Some(answers) = answers else { return Some(ruled) };
        match ask(scorer, evidence, answers, marked) {
            Ok(read) => Some(read.unwrap_or(ruled)),
            Err(error) => {
                marked.problems.push(error.to_string());
                Some(ruled)
            }
        }
    }
}

// === impl Marked ===

impl Marked {
    fn new(ended: Ended, variant: Option<VariantKey>) -> Self {
        Self {
            ended,
            variant,
            observed: Vec::new(),
            unsure: 0,
            made: Vec::new(),
            wanted: Vec::new(),
            unread: Vec::new(),
            problems: Vec::new(),
            needs_turns: false,
        }
    }

    fn keep(&mut self, scorer: &dyn Scorer, version: &str, verdict: &Verdict) {
        let job = self.ended.job;
        self.made.push(v1::Verdict {
            job: Some(v1::Job { sweep: job.sweep, lane: job.lane, ordinal: job.ordinal }),
            generation: self.ended.generation,
            scorer: scorer.name().to_owned(),
            version: version.to_owned(),
            verdict: verdict.encode().into(),
        });
    }
}

/// The verdict by a judge's answers; none while there are not all, or if they settle nothing.
fn ask(
    scorer: &dyn Scorer,
    evidence: &Evidence<'_>,
    answers: &Answers,
    marked: &mut Marked,
) -> Result<Option<Verdict>, ScoreError> {
    let questions = scorer.questions(evidence)?;
    let mut readings = Readings::default();
    let (mut open, mut unread) = (questions.is_empty(), false);
    for question in &questions {
        match answers.to(question) {
            Asked::Answered(reading) => readings.add(reading),
            Asked::Open(row) => {
                open = true;
                marked.wanted.push(row);
            }
            Asked::Unread(why) => {
                unread = true;
                marked.unread.push(why);
            }
            Asked::Unaskable => open = true,
        }
    }
    if open {
        return Ok(None);
    }
    let verdict = scorer.score_as_read(evidence, &readings)?;
    // An answer that is none is kept by nobody: another judge, or the same one told to think less, is asked again.
    if unread && scorer.is_left_to_judge(&verdict) {
        return Ok(None);
    }
    marked.keep(scorer, &Question::version(scorer.version(), answers.model()), &verdict);
    Ok(Some(verdict))
}

fn stored(scorer: &dyn Scorer, version: &str, ended: &Ended) -> Option<Verdict> {
    let verdict = ended.verdict(scorer.name(), version)?;
    Verdict::decode(&verdict.verdict).ok()
}

/// An episode without a verdict: lost to infrastructure, or not to be judged.
fn lost(outcome: v1::Outcome) -> Observation {
    match outcome {
        v1::Outcome::Failed => Observation::Infrastructure(Infrastructure::Failed),
        v1::Outcome::Quarantined => Observation::Infrastructure(Infrastructure::Quarantined),
        v1::Outcome::Cancelled => Observation::Infrastructure(Infrastructure::Cancelled),
        _ => Observation::Unscored,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use bytes::Bytes;
    use muster_episode::{
        Conversation, Episode, Meter, Playbook, Reply, Said, Step, StopReason, SweepFile, SweepPlan,
        TokenUsage, ToolCall,
    };
    use serde_json::Map;

    use super::*;
    use crate::address::JobAddress;
    use crate::intake;

    /// The example suite's only sweep, with its obedient player.
    pub(in crate::scores) fn expander() -> Arc<Expander> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../suites/example");
        let suite = Arc::new(intake::suite(&folder).expect("a suite"));
        let text = "format = 1\nname = \"x\"\nsuite = \".\"\nmodels = [\"sim/obedient\"]\n";
        let file = SweepFile::parse("x.toml", text).expect("a sweep");
        let plan = SweepPlan::resolve(&file, &suite, [0; 32], &muster_episode::Catalog::default(), None);
        Arc::new(Expander::new(suite, Arc::new(plan.expect("a plan"))))
    }

    /// A job of it, played and ended.
    pub(in crate::scores) fn ended(expander: &Expander, ordinal: u64) -> Ended {
        let playbook = Playbook::new(vec![Arc::clone(expander.suite())]);
        let mut episode = Episode::begin(expander.job(0, ordinal).expect("a job"));
        let mut turns: Vec<Bytes> = Vec::new();
        while let Step::Call(call) = episode.next() {
            let messages: Vec<Said<'_>> = call.messages.iter().map(Said::from).collect();
            let tools: Vec<&str> = call.tools.iter().map(|tool| &*tool.name).collect();
            let conversation = Conversation {
                model: "sim/obedient",
                seed: u64::from(call.seed),
                messages: &messages,
                tools: &tools,
                words: 0,
            };
            let action = playbook.play(&conversation).expect("an action");
            let called = |(name, arguments): (Arc<str>, String)| ToolCall {
                id: format!("call_{}", turns.len()),
                name: name.to_string(),
                arguments,
            };
            let reply = Reply {
                raw: Bytes::from_static(b"{}"),
                dialect: "test".into(),
                text: action.text,
                reasoning: action.reasoning,
                tool_calls: action.tool_calls.into_iter().map(called).collect(),
                stop: StopReason::ToolCalls,
                tokens: TokenUsage::default(),
                served_model: String::new(),
                fingerprint: String::new(),
            };
            let meter = Meter { latency_ms: 0, tries: 1, rate_limited: 0, cost_micro_usd: None };
            turns.push(episode.feed(reply, meter).expect("it goes on"));
        }
        Ended {
            job: JobAddress { sweep: 1, lane: 0, ordinal },
            generation: 0,
            outcome: v1::Outcome::Completed,
            class: v1::FailureClass::Unspecified,
            usage: v1::Usage::default(),
            detail: episode.end().expect("an end"),
            turns,
            scores: Vec::new(),
        }
    }

    /// Says a word, or panics over a sender.
    struct Fragile {
        name: &'static str,
        version: &'static str,
        over: &'static str,
    }

    impl Scorer for Fragile {
        fn name(&self) -> &str {
            self.name
        }

        fn version(&self) -> &str {
            self.version
        }

        fn is_headline(&self) -> bool {
            true
        }

        fn score(&self, evidence: &Evidence<'_>) -> Result<Verdict, ScoreError> {
            assert_ne!(evidence.variant.value("sender"), Some(self.over), "who would have thought");
            Ok(Verdict::new("fine", Map::new()))
        }

        fn observe(&self, verdict: &Verdict) -> Observation {
            if verdict.word == "fine" { Observation::Judged(true) } else { Observation::Unscored }
        }
    }

    fn marker(expander: &Arc<Expander>, scorers: [Fragile; 2]) -> Marker {
        let scorers = scorers.map(|scorer| Box::new(scorer) as Box<dyn Scorer>);
        let set = ScorerSet::of(scorers).expect("two scorers");
        Marker {
            expander: Arc::clone(expander),
            scorers: BTreeMap::from([(Arc::from("invoice"), set)]),
            which: Which::New,
            turns: Turns::Wanted,
            answers: None,
        }
    }

    fn fragile(name: &'static str, version: &'static str, over: &'static str) -> Fragile {
        Fragile { name, version, over }
    }

    #[test]
    fn a_scorer_that_panics_over_one_episode_is_named_and_all_else_is_scored() {
        let expander = expander();
        let marker = marker(&expander, [fragile("glass", "1", "hospital"), fragile("stone", "1", "")]);
        let marked: Vec<Marked> =
            (0..2).map(|ordinal| marker.mark(Read::Whole(ended(&expander, ordinal)))).collect();
        for marked in &marked {
            let sender = marked.variant.as_ref().and_then(|variant| variant.value("sender"));
            let made: Vec<&str> = marked.made.iter().map(|made| made.scorer.as_str()).collect();
            if sender == Some("hospital") {
                assert_eq!(made, ["stone"]);
                assert_eq!(marked.observed[0].1, Observation::Unscored);
                let [problem] = &marked.problems[..] else { panic!("{:?}", marked.problems) };
                assert!(
                    problem.contains("`glass`") && problem.contains("who would have thought"),
                    "{problem}"
                );
                assert!(problem.contains("marker.rs:"), "its place is not told: {problem}");
            } else {
                assert_eq!((made, marked.problems.len()), (vec!["glass", "stone"], 0));
            }
            assert_eq!(marked.observed[1].1, Observation::Judged(true));
        }
        assert_eq!(marked.iter().map(|marked| marked.problems.len()).sum::<usize>(), 1);
    }

    #[test]
    fn only_the_scorer_whose_rules_changed_judges_again_and_the_other_needs_no_turns() {
        let expander = expander();
        let old = marker(&expander, [fragile("report", "r-1+rules-1", ""), fragile("state", "s-1", "")]);
        let mut episode = ended(&expander, 0);
        episode.scores = old.mark(Read::Whole(episode.clone())).made;
        assert_eq!(episode.scores.len(), 2);

        let again = |version, turns| {
            let scorers = [fragile("report", version, ""), fragile("state", "s-1", "")];
            Marker { turns, ..marker(&expander, scorers) }.mark(Read::Whole(episode.clone()))
        };
        let made: Vec<(String, String)> = again("r-1+rules-2", Turns::Wanted)
            .made
            .into_iter()
            .map(|verdict| (verdict.scorer, verdict.version))
            .collect();
        assert_eq!(made, [("report".to_owned(), "r-1+rules-2".to_owned())]);
        assert!(again("r-1+rules-2", Turns::Unwanted).needs_turns);
        let same = again("r-1+rules-1", Turns::Unwanted);
        assert!(same.made.is_empty() && !same.needs_turns && same.observed.len() == 2);
    }

    #[test]
    fn a_damaged_episode_is_a_problem_and_has_no_verdict() {
        let expander = expander();
        let marker = marker(&expander, [fragile("a", "1", ""), fragile("b", "1", "")]);
        let damaged = Read::Damaged(ended(&expander, 0), "its turns are gone".to_owned());
        let marked = marker.mark(damaged);
        assert_eq!((marked.problems, marked.made.len()), (vec!["its turns are gone".to_owned()], 0));
        assert!(marked.observed.iter().all(|(_, observed)| *observed == Observation::Unscored));
    }
}
