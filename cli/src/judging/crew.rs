//! Who works on a judge's questions: where this process has the data directory open, a worker of its own; else the workers
//! of the coordinator that was asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_episode::{ModelPlan, Suite, SweepPlan};
use muster_provider::Running;
use muster_worker::{HttpConfig, MAX_CONNECTIONS_DEFAULT, MAX_SLOTS, Settings, Worker, WorkerConfig};

use super::Case;
use crate::arguments::CallArguments;
use crate::commands::{run, worker};
use crate::failure::Failure;
use crate::follow::{Followed, IfAway, follow};
use crate::interrupt::{Interrupts, Urgency};
use crate::progress::note;
use crate::station::Station;
use crate::{preflight, simulator};

/// See the module.
pub(super) struct Crew {
    model: ModelPlan,
    settings: Settings,
    http: HttpConfig,
    suite: Arc<Suite>,
    data_dir: PathBuf,
    interrupts: Interrupts,
}

/// How waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// Nothing more comes by itself.
    Over,
    /// The user interrupted.
    Interrupted,
}

// === impl Crew ===

impl Crew {
    /// Ready to be told to work.
    pub(super) fn new(model: &ModelPlan, calls: &CallArguments, case: &Case<'_>) -> Result<Self, Failure> {
        let interrupts = Interrupts::listen()
            .map_err(|source| Failure::System { action: "listen for signals", source })?;
        Ok(Self {
            model: model.clone(),
            // A rate is the fleet's, and this worker is all of it: the model's quota has it already.
            settings: Settings { rpm: None, ..preflight::settings(calls) },
            http: preflight::http(calls),
            suite: Arc::clone(&case.dossier.suite),
            data_dir: Path::to_owned(case.data_dir),
            interrupts,
        })
    }

    /// Checks that the judge can be called from here.
    pub(super) async fn check(&self, plan: &SweepPlan) -> Result<(), Failure> {
        preflight::check(plan, &self.settings, self.http.clone()).await
    }

    /// Waits until nothing more comes of the sweeps; works on them, if nobody else can.
    pub(super) async fn wait(
        &mut self,
        station: &mut Station,
        sweeps: &[u64],
        plan: &Arc<SweepPlan>,
    ) -> Result<Waited, Failure> {
        if !station.is_local() {
            self.tell_if_alone(station).await?;
            return self.follow(station, sweeps, IfAway::Wait).await;
        }
        run::make_way(&mut station.client, sweeps).await?;
        let (worker, provider) = self.start(station, plan).await?;
        let waited = tokio::select! {
            waited = self.follow(station, sweeps, IfAway::Fail) => waited,
            ended = worker.ended() => ended.map(|()| Waited::Over).map_err(Failure::Worker),
        };
        let drained = self.drain(&worker).await;
        if let Some(provider) = provider {
            provider.stop().await;
        }
        drained.and(waited)
    }

    async fn follow(
        &mut self,
        station: &mut Station,
        sweeps: &[u64],
        if_away: IfAway,
    ) -> Result<Waited, Failure> {
        for sweep in sweeps {
            let followed = follow(&mut station.client, *sweep, &mut self.interrupts, if_away).await?;
            if let Followed::Left(_) = followed {
                return Ok(Waited::Interrupted);
            }
        }
        Ok(Waited::Over)
    }

    async fn start(
        &self,
        station: &Station,
        plan: &Arc<SweepPlan>,
    ) -> Result<(Worker, Option<Running>), Failure> {
        let coordinator = station.coordinator().ok_or_else(|| Failure::Stopped("it has ended".to_owned()))?;
        let provider = if self.model.is_built_in() && self.model.base_url.is_none() {
            Some(simulator::start(&self.suite).await?)
        } else {
            None
        };
        let wanted = self.settings.max_connections.or(self.model.max_connections).or(plan.max_connections());
        let wanted = usize::try_from(wanted.unwrap_or(MAX_CONNECTIONS_DEFAULT)).unwrap_or(MAX_SLOTS);
        let config = WorkerConfig {
            slots: wanted.clamp(1, MAX_SLOTS),
            spool: self.data_dir.join(run::SPOOL),
            name: worker::name(),
            settings: Settings {
                simulator: provider.as_ref().map(Running::base_url),
                ..self.settings.clone()
            },
            http: self.http.clone(),
        };
        Ok((Worker::start(config, coordinator.channel().await?)?, provider))
    }

    /// Lets the worker finish what is in flight; a further interrupt hurries it.
    async fn drain(&mut self, worker: &Worker) -> Result<(), Failure> {
        if self.interrupts.any() {
            note("finishing the calls in flight; again (Ctrl-C) to give them up");
        }
        worker.drain();
        loop {
            tokio::select! {
                ended = worker.ended() => return ended.map_err(Failure::Worker),
                urgency = self.interrupts.next() => match urgency {
                    Urgency::Drain => note("finishing the calls in flight; again (Ctrl-C) to give them up"),
                    Urgency::Hurry => {
                        note("giving up the calls in flight");
                        worker.hurry();
                    }
                },
            }
        }
    }

    /// Says so where no worker can call the judge: it may be waited for in vain.
    async fn tell_if_alone(&self, station: &mut Station) -> Result<(), Failure> {
        let workers = station.client.workers().await?;
        let can_call = workers.iter().any(|worker| {
            worker.connected && worker.accounts.iter().any(|account| **account == *self.model.account)
        });
        if !can_call {
            note(&format!("no worker can call {} now; waiting for one", self.model.account));
        }
        Ok(())
    }
}
