//! A worker in one handle: started with a channel to its coordinator, drained, awaited.

use std::path::PathBuf;
use std::sync::Arc;

use muster_episode::{ModelPlan, SweepPlan};
use tokio::sync::watch;
use tonic::Status;
use tonic::transport::Channel;

use crate::account::{Environment, Route, accounts, redactor, route_of};
use crate::blackbox::BlackBox;
use crate::desk::{Desk, Drain};
use crate::error::WorkerError;
use crate::http::{Http, HttpConfig};
use crate::lease::Lease;
use crate::link::Link;
use crate::outbox::Outbox;
use crate::slot::preempted;
use crate::spool::Spool;
use crate::sweeps::Sweeps;

/// Episodes that one worker runs at once, at most. The coordinator gives no more credits.
pub const MAX_SLOTS: usize = 4_096;

/// What a worker is told at its start.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Episodes run at once; from 1 to [`MAX_SLOTS`].
    pub slots: usize,
    /// The folder that outlives the process: the worker's number, what is not acknowledged, cached suites. One worker's.
    pub spool: PathBuf,
    /// For people: host and process.
    pub name: String,
    /// How providers are reached.
    pub settings: Settings,
    /// How HTTP is spoken.
    pub http: HttpConfig,
}

/// How providers are reached.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The address of the built-in provider, where one runs.
    pub simulator: Option<String>,
    /// Calls at once to one model, whatever a sweep says.
    pub max_connections: Option<u32>,
    /// Calls a minute to one model from this worker, whatever a sweep says.
    pub rpm: Option<u32>,
    /// A sweep as its file says it now, where it is at hand. It goes before the same sweep as it was submitted: what is run
    /// is the same, but how fast and how stubbornly may have been changed since.
    pub plan: Option<Arc<SweepPlan>>,
    /// Where keys and addresses are read from.
    pub environment: SharedEnvironment,
}

/// The environment, shared.
#[derive(Clone)]
pub struct SharedEnvironment(pub Arc<dyn Environment + Send + Sync>);

/// A running worker.
pub struct Worker {
    desk: Arc<Desk>,
    ended: watch::Receiver<Option<Result<(), Status>>>,
}

// === impl Settings ===

impl Settings {
    /// How a model is reached from here; an address that the sweep names goes before the environment's.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn route(&self, model: &ModelPlan) -> Result<Route, WorkerError> {
        route_of(&*self.environment.0, model, self.simulator.as_deref())
    }
}

impl Default for SharedEnvironment {
    fn default() -> Self {
        Self(Arc::new(crate::account::ProcessEnvironment))
    }
}

impl std::fmt::Debug for SharedEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedEnvironment")
    }
}

// === impl Worker ===

impl Worker {
    /// Starts a worker. It connects, and connects again, by itself.
    ///
    /// # Errors
    /// When its folder can't be used or is another worker's, or HTTP can't be set up.
    pub fn start(config: WorkerConfig, channel: Channel) -> Result<Self, WorkerError> {
        let failed = |source| WorkerError::Spool { folder: config.spool.clone(), source };
        let spool = Spool::open(&config.spool).map_err(failed)?;
        let lock = spool.lock().map_err(failed)?;
        let lock = lock.ok_or_else(|| WorkerError::SpoolInUse { folder: config.spool.clone() })?;
        let number = spool.worker().map_err(failed)?;
        let (blackbox, suspects) = BlackBox::open(&spool.blackbox()).map_err(failed)?;
        let mut outbox = Outbox::new(spool.clone(), spool.left().map_err(failed)?);
        give_back_what_an_earlier_process_left(&mut outbox);
        let environment = &*config.settings.environment.0;
        let accounts = accounts(environment, config.settings.simulator.as_deref());
        let http = Http::new(config.http);
        let sweeps = Sweeps::new(config.settings.clone(), http, redactor(environment), spool);
        let slots = config.slots.clamp(1, MAX_SLOTS);
        let desk = Arc::new(Desk::new(number, slots, outbox, blackbox, sweeps));
        let link = Link::new(Arc::clone(&desk), channel, config.name, accounts, suspects);
        let (end, ended) = watch::channel(None);
        tokio::spawn(async move {
            let ended = link.run().await;
            drop(lock);
            end.send_replace(Some(ended));
        });
        Ok(Self { desk, ended })
    }

    /// Takes no new job, finishes the calls in flight, gives the leases back, then ends.
    pub fn drain(&self) {
        self.desk.drain(Drain::Finish);
    }

    /// As `drain`, but cancels the calls in flight.
    pub fn hurry(&self) {
        self.desk.drain(Drain::Hurry);
    }

    /// Waits for the worker's end.
    ///
    /// # Errors
    /// When the coordinator will never take this worker (another release, or no right).
    pub async fn ended(&self) -> Result<(), WorkerError> {
        let mut ended = self.ended.clone();
        let result = match ended.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or(Ok(())),
            Err(_) => Ok(()),
        };
        result.map_err(|status| WorkerError::Refused { reason: status.message().to_owned() })
    }
}

/// This process runs none of the episodes whose turns an earlier one left: their turns are handed in, and their leases
/// given back, so that they go on at once.
fn give_back_what_an_earlier_process_left(outbox: &mut Outbox) {
    let open: Vec<Lease> = outbox.leases().filter(|lease| !outbox.has_ended(*lease)).collect();
    for lease in open {
        outbox.say(preempted(lease, 0));
    }
}
