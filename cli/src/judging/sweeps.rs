//! Judge sweeps: the sweeps whose jobs are a judge's questions. What was asked once, for whatever sweep, is found here
//! again by the hash of its request, and is neither asked nor paid for twice.

use std::sync::Arc;

use muster_episode::{Expander, ModelPlan, SweepPlan, decode_turn};
use muster_proto::v1;

use super::docket::{Docket, version};
use crate::client::{Client, Document};
use crate::dossier::Ended;
use crate::episodes::{Episodes, Read};
use crate::failure::Failure;

/// See the module.
pub(super) struct JudgeSweep {
    pub(super) id: u64,
    pub(super) plan: Arc<SweepPlan>,
    expander: Expander,
}

// === impl JudgeSweep ===

impl JudgeSweep {
    /// The sweeps in which this judge was asked by the same prompts, newest first, if they hold any open question.
    pub(super) async fn find(
        client: &mut Client,
        model: &ModelPlan,
        docket: &Docket,
    ) -> Result<Vec<Self>, Failure> {
        let mut found = Vec::new();
        for sweep in client.sweeps().await? {
            let is_alike = sweep.seeds == 1
                && sweep.limit.is_none()
                && matches!(&sweep.lanes[..], [lane] if lane.model == *model.name);
            if is_alike && let Some(known) = Self::fetch(client, sweep.id, model).await? {
                found.extend(known.has_open(docket).then_some(known));
            }
        }
        Ok(found)
    }

    /// A sweep by its number; none if it is of episodes, of other prompts, or of a model that is called otherwise.
    async fn fetch(client: &mut Client, id: u64, model: &ModelPlan) -> Result<Option<Self>, Failure> {
        let sweep = client.sweep(id, Document::Wanted).await?;
        let Ok(plan) = SweepPlan::from_json(&sweep.document) else { return Ok(None) };
        let is_ours = plan.list().is_some_and(|list| *list.version == version())
            && plan.models().iter().all(|asked| is_same(asked, model));
        if !is_ours {
            return Ok(None);
        }
        let bundle = client.bundle(plan.bundle()).await?;
        match Self::of(id, Arc::new(plan), &bundle) {
            Ok(known) => Ok(Some(known)),
            // What it has answered is asked again: that is all that is lost.
            Err(error) => {
                tracing::warn!(sweep = id, %error, "a judge's sweep can't be read");
                Ok(None)
            }
        }
    }

    /// A sweep of these rows.
    pub(super) fn of(
        id: u64,
        plan: Arc<SweepPlan>,
        bundle: &muster_episode::Bundle,
    ) -> Result<Self, Box<muster_episode::LoadError>> {
        let expander = Expander::load(bundle, Arc::clone(&plan)).map_err(Box::new)?;
        Ok(Self { id, plan, expander })
    }

    /// Whether any of its questions is on the docket, and open.
    pub(super) fn has_open(&self, docket: &Docket) -> bool {
        self.requests().any(|request| docket.is_open(request))
    }

    /// The hashes of its requests.
    pub(super) fn requests(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.expander.rows().iter().map(|row| &row.request)
    }

    /// Takes its answers onto the docket. Gives what was said of one that failed, if any did.
    pub(super) async fn answer(
        &self,
        client: &Client,
        docket: &mut Docket,
    ) -> Result<Option<String>, Failure> {
        let request = v1::ExportRequest { sweep: self.id, turns: true, newest: true, ..Default::default() };
        let mut episodes = Episodes::begin(client, request).await?;
        let mut failure = None;
        while let Some(read) = episodes.next().await? {
            match read {
                Read::Whole(ended) if ended.is_result() => self.take(&ended, docket),
                Read::Whole(ended) => failure = Some(ended.message()),
                Read::Damaged(ended, why) => tracing::warn!(job = %ended.job, why, "an answer can't be read"),
            }
        }
        Ok(failure)
    }

    fn take(&self, ended: &Ended, docket: &mut Docket) {
        let (row, _) = self.plan.place(ended.job.ordinal);
        let row = self.expander.rows().get(row.0 as usize);
        let turn = ended.turns.first().and_then(|turn| decode_turn(turn).ok());
        if let (Some(row), Some(turn)) = (row, turn) {
            docket.answer(&row.request, &turn.reply());
        }
    }
}

/// Whether two models are asked in the same way.
fn is_same(one: &ModelPlan, other: &ModelPlan) -> bool {
    let how = |model: &ModelPlan| {
        (
            (Arc::clone(&model.name), Arc::clone(&model.request_name), model.base_url.clone()),
            (model.temperature.map(f64::to_bits), model.top_p.map(f64::to_bits), model.max_output_tokens),
            (Arc::clone(&model.extra_body), model.dialect.clone(), model.quirks.clone()),
        )
    };
    how(one) == how(other)
}
