//! Sweeps of episodes and sweeps of a judge's questions, told apart. What is scored and reported is episodes.

use muster_episode::SweepPlan;
use muster_proto::v1;

use crate::address::SweepName;
use crate::client::{Client, Document};
use crate::dossier::Dossier;
use crate::failure::Failure;

/// The sweep of episodes that is meant: `last` is the last one of them, for a judge's questions came with it.
pub(crate) async fn of_episodes(client: &mut Client, name: SweepName) -> Result<Dossier, Failure> {
    let number = number(client, name).await?;
    let dossier = Dossier::fetch(client, number).await?;
    if dossier.plan.list().is_some() {
        let id = dossier.sweep.id;
        return Err(Failure::Usage(format!(
            "sweep {id} is a judge's questions, and has no episodes: name the sweep that they are about (muster status lists all)"
        )));
    }
    Ok(dossier)
}

async fn number(client: &mut Client, name: SweepName) -> Result<SweepName, Failure> {
    if let SweepName::Number(_) = name {
        return Ok(name);
    }
    for sweep in client.sweeps().await? {
        if questions(client, &sweep).await?.is_none() {
            return Ok(SweepName::Number(sweep.id));
        }
    }
    Err(Failure::NoSweep)
}

/// The models of all judges that were asked, the last first.
pub(crate) async fn judges(client: &mut Client) -> Result<Vec<String>, Failure> {
    let mut judges = Vec::new();
    for sweep in client.sweeps().await? {
        let plan = questions(client, &sweep).await?;
        judges.extend(plan.iter().flat_map(SweepPlan::models).map(|model| model.name.to_string()));
    }
    Ok(judges)
}

/// A sweep's plan, if it is of a judge's questions.
async fn questions(client: &mut Client, sweep: &v1::Sweep) -> Result<Option<SweepPlan>, Failure> {
    // A question is asked once, of one model: of most sweeps no document needs to be read.
    if sweep.seeds != 1 || sweep.limit.is_some() || sweep.lanes.len() != 1 {
        return Ok(None);
    }
    let document = client.sweep(sweep.id, Document::Wanted).await?.document;
    Ok(SweepPlan::from_json(&document).ok().filter(|plan| plan.list().is_some()))
}
