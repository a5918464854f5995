//! Asking a judge where the rules are unsure. Its questions are jobs like all others, of a sweep whose jobs are questions:
//! same queue, quotas, budgets, journal. What was answered once stays answered, for whatever sweep it comes up again; what
//! was interrupted goes on.

mod crew;
mod docket;
mod outlay;
pub(crate) mod player;
mod sweeps;

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use muster_episode::{BudgetPlan, List, ListPlan, ListSweep, ModelName, ModelPlan, Row, SweepPlan};
use muster_proto::v1;
use muster_scoring::judge::{ANSWER_TOKENS_MAX, JudgeError};

use self::crew::{Crew, Waited};
pub(crate) use self::docket::{Answers, Asked, Docket, Unread};
use self::outlay::Outlay;
use self::sweeps::JudgeSweep;
use crate::arguments::{CallArguments, CatalogArguments};
use crate::client::{Client, Document, Order};
use crate::commands::retune;
use crate::dossier::Dossier;
use crate::failure::Failure;
use crate::intake::{Again, submission};
use crate::progress::note;
use crate::scores::{Grain, Scores, Which, score_with};
use crate::station::Station;
use crate::tables::{counted, grouped};
use crate::{catalog, terminal, wire};

/// Flags about judges.
#[derive(Debug, Clone, Args)]
pub(crate) struct JudgeArguments {
    /// Ask this model where the rules are unsure. What that takes is said first.
    #[arg(long, value_name = "MODEL", conflicts_with = "no_judge")]
    judge: Option<String>,
    /// Ask nobody: what the rules are unsure of stays open.
    #[arg(long)]
    pub(crate) no_judge: bool,
    /// Don't ask whether the judge may be paid.
    #[arg(long, requires = "judge")]
    yes: bool,
    /// What the judge may spend on a sweep of questions, in dollars.
    #[arg(long, value_name = "DOLLARS", value_parser = retune::usd, requires = "judge")]
    usd: Option<u64>,
    /// Tokens that the judge may use on a sweep of questions.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "judge")]
    tokens: Option<u64>,
    /// What is known of models.
    #[command(flatten)]
    catalog: CatalogArguments,
    /// How the judge is called, if it is called from here.
    #[command(flatten)]
    calls: CallArguments,
}

/// Who is asked, and how.
pub(crate) struct Judge {
    model: ModelPlan,
    budget: BudgetPlan,
    calls: CallArguments,
    may_pay: bool,
}

/// What came of asking.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The scores, by rules and judge.
    pub(crate) scores: Scores,
    /// Different questions that came up.
    pub(crate) questions: u64,
    /// Of these, answered in an earlier sweep.
    pub(crate) known: u64,
    /// Of these, without an answer now.
    pub(crate) open: u64,
    /// Of these, answered by something that can't be read.
    pub(crate) unread: u64,
    /// Of these, answered by something that was cut off.
    pub(crate) cut: u64,
    /// Whether the user interrupted.
    pub(crate) interrupted: bool,
}

/// What is to be scored, and how.
pub(crate) struct Case<'a> {
    pub(crate) dossier: &'a Dossier,
    pub(crate) grain: Grain,
    pub(crate) which: Which,
    /// The data directory, if the judge is called from here.
    pub(crate) data_dir: &'a Path,
}

// === impl Judged ===

impl Judged {
    /// What came of it where nobody was asked.
    pub(crate) fn by_rules(scores: Scores) -> Self {
        Self { scores, questions: 0, known: 0, open: 0, unread: 0, cut: 0, interrupted: false }
    }

    /// Whether nothing is left that was to be judged.
    pub(crate) fn is_whole(&self) -> bool {
        self.scores.unjudged == 0 && self.open == 0 && self.unread == 0
    }
}

// === impl JudgeArguments ===

impl JudgeArguments {
    /// The judge that they name, if any.
    pub(crate) fn judge(&self) -> Result<Option<Judge>, Failure> {
        let Some(name) = &self.judge else { return Ok(None) };
        let name = ModelName::parse(name).map_err(|what| Failure::Usage(format!("--judge: {what}")))?;
        let files: Vec<_> = self.catalog.own_catalog.iter().cloned().collect();
        let mut model = ModelPlan::known(&name, &catalog::layered(&files)?);
        check_built_in(&model)?;
        if self.usd.is_some() && model.price.is_none() {
            return Err(Failure::Usage(format!(
                "the price of {} is not known, so dollars can't bound it: give --tokens, or its price in a --catalog",
                model.name
            )));
        }
        if let Some(rpm) = self.calls.rpm {
            model.quota.rpm = Some(rpm);
        }
        model.max_connections = self.calls.max_connections.or(model.max_connections);
        let budget = BudgetPlan { micro_usd: self.usd, tokens: self.tokens, ..BudgetPlan::default() };
        Ok(Some(Judge { model, budget, calls: self.calls.clone(), may_pay: self.yes }))
    }
}

// === impl Judge ===

impl Judge {
    /// Its full name.
    pub(crate) fn name(&self) -> &str {
        &self.model.name
    }

    /// Scores a sweep by rules, and by what this judge reads where they are unsure.
    pub(crate) async fn score(&self, station: &mut Station, case: &Case<'_>) -> Result<Judged, Failure> {
        let mut docket = Docket::new(&self.model.name);
        let scores = self.pass(station, case, case.which, &mut docket).await?;
        let mut judged = Judged { questions: docket.count(), ..Judged::by_rules(scores) };
        if docket.count() == 0 {
            return Ok(judged);
        }
        let earlier = JudgeSweep::find(&mut station.client, &self.model, &docket).await?;
        for sweep in &earlier {
            sweep.answer(&station.client, &mut docket).await?;
        }
        judged.known = docket.count() - docket.open().count() as u64;
        if judged.known < judged.questions {
            judged.interrupted = self.ask(station, case, earlier, &mut docket).await? == Waited::Interrupted;
        }
        let made = judged.scores.judged;
        let left = if case.which == Which::All { Which::Left } else { case.which };
        judged.scores = self.pass(station, case, left, &mut docket).await?;
        judged.scores.judged += made;
        judged.open = docket.open().count() as u64 + docket.beyond();
        judged.unread = docket.unread().len() as u64;
        judged.cut = docket.unread().filter(|why| **why == JudgeError::Cut).count() as u64;
        self.tell_unread(&docket, judged.cut);
        Ok(judged)
    }

    /// Scores a sweep by rules and by what this judge has read already: asks nothing.
    pub(crate) async fn recall(&self, station: &mut Station, case: &Case<'_>) -> Result<Scores, Failure> {
        self.pass(station, case, case.which, &mut Docket::new(&self.model.name)).await
    }

    async fn pass(
        &self,
        station: &Station,
        case: &Case<'_>,
        which: Which,
        docket: &mut Docket,
    ) -> Result<Scores, Failure> {
        score_with(&station.client, case.dossier, case.grain, which, Some(docket)).await
    }

    /// Asks what is open: in the sweeps where it was asked before and not answered, and the rest in new ones.
    async fn ask(
        &self,
        station: &mut Station,
        case: &Case<'_>,
        earlier: Vec<JudgeSweep>,
        docket: &mut Docket,
    ) -> Result<Waited, Failure> {
        let mut sweeps: Vec<JudgeSweep> =
            earlier.into_iter().filter(|sweep| sweep.has_open(docket)).collect();
        let estimated = self.estimate(docket, case)?;
        self.agree()?;
        let mut crew = Crew::new(&self.model, &self.calls, case)?;
        if station.is_local() {
            crew.check(&estimated).await?;
        }
        for sweep in &sweeps {
            self.resume(&mut station.client, sweep.id).await?;
        }
        sweeps.extend(self.submit(&mut station.client, case, &sweeps, docket).await?);
        let ids: Vec<u64> = sweeps.iter().map(|sweep| sweep.id).collect();
        let waited = crew.wait(station, &ids, &estimated).await?;
        let mut failure = None;
        for sweep in &sweeps {
            failure = sweep.answer(&station.client, docket).await?.or(failure);
        }
        if waited == Waited::Over {
            tell_open(&mut station.client, &ids, docket, failure).await?;
        }
        Ok(waited)
    }

    /// Says what asking takes; gives the plan of it, as one list.
    fn estimate(&self, docket: &Docket, case: &Case<'_>) -> Result<Arc<SweepPlan>, Failure> {
        let calls = docket.open().count() as u64;
        note(&format!(
            "judge {} ({}): {} to ask, {} known already: {}",
            self.model.name,
            docket::version(),
            counted(calls, "question"),
            grouped(docket.count() - calls),
            Outlay::of(docket, &self.model),
        ));
        // One row stands for all: a plan's limits and prices are what is asked of it.
        Ok(Arc::new(self.plan(case, docket.list(1), [0; 32])?))
    }

    /// Says how many answers are none, and what to do.
    fn tell_unread(&self, docket: &Docket, cut: u64) {
        if cut > 0 {
            let bound = self.model.max_output_tokens.unwrap_or(ANSWER_TOKENS_MAX);
            note(&format!(
                "warning: {} of {} ran into the bound of {} tokens and count for nothing: name a judge that thinks less, or \
                 have this one think less (quirk `effort-low` in a --catalog)",
                counted(cut, "answer"),
                self.model.name,
                grouped(bound.into())
            ));
        }
        let unread: Vec<&JudgeError> = docket.unread().filter(|why| **why != JudgeError::Cut).collect();
        if let Some(first) = unread.first() {
            note(&format!(
                "warning: {} of {} can't be used; of the first: {}; name another judge",
                counted(unread.len() as u64, "answer"),
                self.model.name,
                terminal::one_line(&first.to_string(), 200)
            ));
        }
    }

    /// Whether the judge may be paid: the built-in one costs nothing; others only with --yes, or if the user says so.
    fn agree(&self) -> Result<(), Failure> {
        if self.may_pay || self.model.is_built_in() {
            return Ok(());
        }
        let refused = |what: &str| Err(Failure::Usage(format!("{what}; nothing was asked")));
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return refused("nobody is here to say that the judge may be paid: add --yes");
        }
        let mut stderr = std::io::stderr();
        // A closed stderr gets no answer either.
        let _ = write!(stderr, "Ask it? [y/N] ").and_then(|()| stderr.flush());
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            refused("you said no")
        }
    }

    /// Opens what is left of a sweep again.
    async fn resume(&self, client: &mut Client, id: u64) -> Result<(), Failure> {
        let sweep = client.sweep(id, Document::Unwanted).await?;
        let counts = sweep.counts.unwrap_or_default();
        if let Some(budget) = wire::budget(&self.budget) {
            let purse = v1::Purse { whose: Some(v1::purse::Whose::Sweep(id)), daily: false };
            client.cap(v1::CapRequest { purse: Some(purse), budget: Some(budget) }).await?;
        }
        if counts.failed + counts.quarantined + counts.cancelled > 0 {
            client.order(Order::Retry, id).await?;
        }
        let now = client.sweep(id, Document::Unwanted).await?;
        let is_held = now.lanes.iter().any(|lane| !lane.stopped.is_empty());
        if now.state() != v1::SweepState::Cancelled && (now.state() == v1::SweepState::Paused || is_held) {
            client.order(Order::Resume, id).await?;
        }
        note(&format!("sweep {id} of questions goes on"));
        Ok(())
    }

    /// Submits what no sweep asks yet.
    async fn submit(
        &self,
        client: &mut Client,
        case: &Case<'_>,
        asked: &[JudgeSweep],
        docket: &Docket,
    ) -> Result<Vec<JudgeSweep>, Failure> {
        let known: BTreeSet<&[u8; 32]> = asked.iter().flat_map(JudgeSweep::requests).collect();
        let rows: Vec<Row> = docket.open().filter(|row| !known.contains(&row.request)).cloned().collect();
        let mut sweeps = Vec::new();
        for (bundle, rows) in List::pack(&rows).map_err(|error| unaskable(&error))? {
            let plan = Arc::new(self.plan(case, docket.list(rows), bundle.hash())?);
            client.upload(&bundle).await?;
            let submitted = client.submit(submission(&plan, Again::Resume)).await?;
            note(&format!(
                "sweep {} \"{}\": {}",
                submitted.sweep,
                plan.name(),
                counted(rows.into(), "question")
            ));
            sweeps.push(JudgeSweep::of(submitted.sweep, plan, &bundle).map_err(|error| unaskable(&error))?);
        }
        Ok(sweeps)
    }

    fn plan(&self, case: &Case<'_>, list: ListPlan, bundle: [u8; 32]) -> Result<SweepPlan, Failure> {
        let sweep = ListSweep {
            name: format!("{} by {}", list.version, self.model.name).into(),
            project: case.dossier.plan.project().into(),
            bundle,
            list,
            model: self.model.clone(),
            budget: self.budget,
        };
        SweepPlan::of_list(sweep).map_err(|error| unaskable(&error))
    }
}

/// The built-in provider's other players don't know what to say to a question: every job of theirs would be lost.
fn check_built_in(model: &ModelPlan) -> Result<(), Failure> {
    if model.is_built_in() && model.base_url.is_none() && *model.name != *player::NAME {
        return Err(Failure::Usage(format!(
            "--judge: {} can't judge; the built-in judge is `{}`",
            terminal::one_line(&model.name, 80),
            player::NAME
        )));
    }
    Ok(())
}

/// Why questions have no answer, though nothing more comes by itself.
async fn tell_open(
    client: &mut Client,
    sweeps: &[u64],
    docket: &Docket,
    failure: Option<String>,
) -> Result<(), Failure> {
    let open = docket.open().count() as u64;
    if open == 0 {
        return Ok(());
    }
    note(&format!("{} without an answer; the same command goes on from here", counted(open, "question")));
    for id in sweeps {
        let sweep = client.sweep(*id, Document::Unwanted).await?;
        for lane in sweep.lanes.iter().filter(|lane| !lane.stopped.is_empty()) {
            note(&format!("sweep {id} was stopped: {}", terminal::one_line(&lane.stopped, 400)));
        }
    }
    if let Some(failure) = failure {
        note(&format!("one failed for: {}", terminal::one_line(&failure, 400)));
    }
    Ok(())
}

fn unaskable(error: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("the judge can't be asked: {error}"))
}

#[cfg(test)]
mod tests {
    use muster_episode::Catalog;

    use super::*;

    #[test]
    fn a_built_in_player_that_can_not_judge_is_refused_before_anything_is_asked() {
        let checked = |name: &str| {
            let name = ModelName::parse(name).expect("a name");
            check_built_in(&ModelPlan::known(&name, &Catalog::default()))
                .map_err(|failure| failure.to_string())
        };
        let refused = checked("sim/nojudge").expect_err("it can't judge");
        assert!(refused.contains("sim/nojudge") && refused.contains("`sim/judge`"), "{refused}");
        assert_eq!(checked("sim/judge"), Ok(()));
        assert_eq!(checked("openai-api/fake/sim/nojudge"), Ok(()), "a provider knows its own models");
    }
}
